//! Accrual and balancers together, as a router uses them.

use std::sync::Arc;
use std::time::Duration;

use policy::{
    Accrual, AccrualPolicy, Balancer, Balancing, Change, Kind, Node, Outcome, Standing, State,
    Status,
};

struct Endpoint {
    number: usize,
    accrual: Accrual,
    standing: Standing,
}

impl Node for Endpoint {
    fn pending(&self) -> usize {
        0
    }

    fn status(&self, now: Duration) -> Status {
        self.accrual.status(now)
    }

    fn standing(&self) -> &Standing {
        &self.standing
    }
}

/// Three endpoints, which are asked a hundred times a second.
struct Fleet {
    balancer: Balancer<Endpoint>,
    random: fastrand::Rng,
    now: Duration,
    changes: Vec<(usize, Change)>,
}

impl Fleet {
    fn new(kind: Kind) -> Self {
        let balancing = Balancing {
            kind,
            ..Balancing::default()
        };
        let mut random = fastrand::Rng::with_seed(5);
        let endpoint = |number| {
            let endpoint = Endpoint {
                number,
                accrual: Accrual::new(AccrualPolicy::default()),
                standing: balancing.standing(Duration::ZERO, &mut || random.f64()),
            };
            (1.0, Arc::new(endpoint))
        };
        let endpoints: Vec<_> = (0..3).map(endpoint).collect();
        Self {
            balancer: Balancer::new(balancing, endpoints),
            random,
            now: Duration::ZERO,
            changes: Vec::new(),
        }
    }

    /// Sends requests for so many seconds. Tells how many each endpoint got, and how many got nowhere.
    fn ask(&mut self, seconds: u32, fails: impl Fn(usize) -> bool) -> ([usize; 3], usize) {
        let (mut taken, mut lost) = ([0; 3], 0);
        for _ in 0..seconds * 100 {
            self.now += Duration::from_millis(10);
            let mut draw = || self.random.f64();
            let Some(pick) = self.balancer.pick(self.now, &mut draw, |_| false) else {
                lost += 1;
                continue;
            };
            let Endpoint {
                number, accrual, ..
            } = &**pick.node;
            let outcome = if fails(*number) {
                Outcome::Failure
            } else {
                Outcome::Success
            };
            let admission = accrual.admit(self.now);
            assert_eq!(admission.is_to_closed(), pick.is_desperate);
            taken[*number] += 1;
            let change = accrual.settle(admission, self.now, outcome, &mut draw);
            self.changes.extend(change.map(|change| (*number, change)));
        }
        (taken, lost)
    }

    fn removals(&self) -> usize {
        let removed = |(_, change): &&(usize, Change)| matches!(change, Change::Removed { .. });
        self.changes.iter().filter(removed).count()
    }
}

const KINDS: [Kind; 5] = [
    Kind::P2c { max_effort: 5 },
    Kind::Ewma {
        max_effort: 5,
        decay: Duration::from_secs(10),
    },
    Kind::Aperture {
        max_effort: 5,
        smooth_window: Duration::from_secs(5),
        low_load: 0.5,
        high_load: 2.0,
        min_aperture: 3,
    },
    Kind::Heap,
    Kind::RoundRobin { max_effort: 5 },
];

#[test]
fn an_endpoint_that_fails_gets_probes_only_until_it_recovers() {
    for kind in KINDS {
        let mut fleet = Fleet::new(kind);
        let (taken, _) = fleet.ask(60, |number| number == 1);
        // Five failures, and the probes after 5, 10, 20 and 40 seconds or less.
        assert!((7..=10).contains(&taken[1]), "{taken:?} by {kind:?}");
        assert_eq!(fleet.removals(), 1);
        let (taken, lost) = fleet.ask(600, |_| false);
        assert!(taken[1] > 10_000 && lost == 0, "{taken:?} by {kind:?}");
        let (number, last) = fleet.changes.last().expect("a change");
        assert!(*number == 1 && matches!(last, Change::Revived { .. }));
    }
}

#[test]
fn endpoints_that_all_fail_get_all_requests_and_come_back() {
    for kind in KINDS {
        let mut fleet = Fleet::new(kind);
        let (taken, lost) = fleet.ask(60, |_| true);
        assert_eq!((fleet.removals(), lost), (3, 0), "{kind:?}");
        assert!(taken.iter().all(|taken| *taken > 1000), "{taken:?}");
        let (_, lost) = fleet.ask(600, |_| false);
        assert_eq!(lost, 0);
        let endpoints = fleet.balancer.members();
        let states: Vec<_> = endpoints
            .map(|endpoint| endpoint.accrual.state(fleet.now))
            .collect();
        assert_eq!(states, [State::Alive; 3], "{kind:?}");
    }
}
