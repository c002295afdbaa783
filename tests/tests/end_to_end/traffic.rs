//! Requests all the time through several routers, of which none may fail.

use std::time::Duration;

use tests::{Answer, Load, World, until};
use tokio::time::Instant;

/// To each router.
const PER_SECOND: u32 = 100;

/// A new dtab's names are known so soon.
const KNOWN_WITHIN: Duration = Duration::from_secs(5);

/// Steady load for the host `web`. Whenever it is looked at, no request has failed so far.
pub(crate) struct Traffic {
    lanes: Vec<Lane>,
    /// Which version answers all that is sent after this moment.
    settled: Option<(Instant, String)>,
}

/// The load through one router.
struct Lane {
    router: String,
    load: Load,
    answered: usize,
    /// The answer to what was sent last.
    newest: Option<Answer>,
}

impl Traffic {
    /// Begins to send through these routers, once they know the name.
    pub(crate) fn through(world: &World, routers: &[usize]) -> Self {
        until("the routers know web", KNOWN_WITHIN, || {
            let mut routers = routers.iter();
            routers.all(|router| world.get_through(*router, "web", &[]).status == 200)
        });
        let lane = |&router: &usize| Lane {
            router: world.routers[router].name().to_owned(),
            load: world.load(router, PER_SECOND),
            answered: 0,
            newest: None,
        };
        Self {
            lanes: routers.iter().map(lane).collect(),
            settled: None,
        }
    }

    /// Waits until this version answers at all routers. From then on no other one may.
    pub(crate) fn becomes(&mut self, version: &str, within: Duration) {
        self.settled = None;
        until(&format!("{version} answers"), within, || {
            self.look();
            self.lanes.iter().all(|lane| lane.is_at(version))
        });
        self.settled = Some((Instant::now(), version.to_owned()));
    }

    /// Waits until each router has answered what is sent in this time.
    pub(crate) fn goes_on(&mut self, time: Duration) {
        self.look();
        let more = (time.as_secs_f64() * f64::from(PER_SECOND)) as usize;
        let goals: Vec<_> = self.lanes.iter().map(|lane| lane.answered + more).collect();
        until("requests are answered", 3 * time, || {
            self.look();
            let mut lanes = self.lanes.iter().zip(&goals);
            lanes.all(|(lane, goal)| lane.answered >= *goal)
        });
    }

    /// Judges what was answered since the last time.
    fn look(&mut self) {
        for lane in &mut self.lanes {
            for answer in lane.load.take() {
                lane.hear(answer, self.settled.as_ref());
            }
        }
    }
}

impl Lane {
    fn hear(&mut self, answer: Answer, settled: Option<&(Instant, String)>) {
        let Self { router, .. } = self;
        if let Some(reason) = answer.failure() {
            panic!("a request through {router} failed: {reason}");
        }
        if let Some((since, version)) = settled
            && answer.started > *since
        {
            assert!(answer.is(version), "{router} left {version}: {answer:?}");
        }
        self.answered += 1;
        let newest = self.newest.as_ref();
        if newest.is_none_or(|newest| newest.started < answer.started) {
            self.newest = Some(answer);
        }
    }

    fn is_at(&self, version: &str) -> bool {
        let newest = self.newest.as_ref();
        newest.is_some_and(|newest| newest.is(version))
    }
}
