//! Who looks at the connections of a server, worker by worker, so that none waits for ever and all hear of a shutdown.
//!
//! One task for all of them: a connection costs an entry here, not a timer and two waits of its own.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::{Instant, sleep};
use transport::Drain;

use super::activity::{Activity, Phase};

/// The connections of one server at one worker.
#[derive(Debug, Default)]
pub(super) struct Watch {
    has_begun: AtomicBool,
    entries: Mutex<Entries>,
    /// Whoever looks has to look more often.
    hurry: Notify,
}

#[derive(Debug, Default)]
struct Entries {
    /// Places that were left are taken again.
    places: Vec<Option<Entry>>,
    free: Vec<usize>,
    /// How long nobody has to look; the shortest of all connections' pauses.
    pause: Option<Duration>,
    stage: Stage,
}

/// How far the end of the process is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Stage {
    #[default]
    Serving,
    Draining,
    Hurried,
    Over,
}

/// Tells all connections of a server how far the end is. One task for all workers, so that whoever meets one connection that knows
/// meets none that does not.
pub(super) async fn pass_on(drain: &Drain, watches: &[Watch]) {
    let enter = |stage| watches.iter().for_each(|watch| watch.enter(stage));
    drain.begun().await;
    enter(Stage::Draining);
    tokio::select! {
        () = drain.hurried() => enter(Stage::Hurried),
        () = drain.cut() => {}
    }
    drain.cut().await;
    enter(Stage::Over);
}

/// A connection, and how it was when somebody last looked.
#[derive(Debug)]
struct Entry {
    activity: Arc<Activity>,
    came: Instant,
    seen: u64,
    since: Instant,
}

/// A connection that is watched until this is dropped.
#[derive(Debug)]
pub(super) struct Watched<'a> {
    watch: &'a Watch,
    place: usize,
}

impl Drop for Watched<'_> {
    fn drop(&mut self) {
        let mut entries = self.watch.lock();
        entries.places[self.place] = None;
        entries.free.push(self.place);
    }
}

impl Watch {
    /// Watches a connection from now on.
    pub(super) fn over(&self, activity: &Arc<Activity>) -> Watched<'_> {
        let now = Instant::now();
        let entry = Entry {
            activity: Arc::clone(activity),
            came: now,
            seen: activity.noted(),
            since: now,
        };
        let pause = activity.patience().pause();
        let mut entries = self.lock();
        entries.stage.tell(activity);
        if entries.pause.is_none_or(|longer| pause < longer) {
            entries.pause = Some(pause);
            self.hurry.notify_one();
        }
        let place = match entries.free.pop() {
            Some(place) => place,
            None => {
                entries.places.push(None);
                entries.places.len() - 1
            }
        };
        entries.places[place] = Some(entry);
        Watched { watch: self, place }
    }

    /// Whether nobody looks yet; whoever hears so has to.
    pub(super) fn begins(&self) -> bool {
        !self.has_begun.swap(true, Ordering::Relaxed)
    }

    /// Looks now and then, until the grace of the shutdown is over.
    pub(super) async fn look(&self) {
        while self.lock().stage != Stage::Over {
            let pause = self.lock().pause;
            let looking = async {
                match pause {
                    Some(pause) => sleep(pause).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                () = looking => self.look_once(Instant::now()),
                () = self.hurry.notified() => {}
            }
        }
    }

    fn look_once(&self, now: Instant) {
        let mut entries = self.lock();
        let watched = entries.places.iter_mut().flatten();
        entries.pause = watched.map(|entry| entry.look(now)).min();
    }

    fn enter(&self, stage: Stage) {
        let mut entries = self.lock();
        entries.stage = stage;
        for entry in entries.places.iter().flatten() {
            stage.tell(&entry.activity);
        }
        self.hurry.notify_one();
    }

    fn lock(&self) -> MutexGuard<'_, Entries> {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Stage {
    fn tell(self, activity: &Activity) {
        match self {
            Self::Serving => {}
            Self::Draining => activity.drain(),
            Self::Hurried => activity.hurry(),
            Self::Over => activity.end(),
        }
    }
}

impl Entry {
    /// Ends a wait that took too long. Says how soon somebody has to look again.
    fn look(&mut self, now: Instant) -> Duration {
        let patience = self.activity.patience();
        let noted = self.activity.noted();
        if noted != self.seen {
            (self.seen, self.since) = (noted, now);
        }
        let phase = Phase::of(noted);
        let is_late = |limit| now.duration_since(self.since) >= limit;
        if patience.with(phase).is_some_and(is_late) {
            self.activity.stall(phase);
            self.since = now;
        }
        let age = now.duration_since(self.came);
        if patience.life.is_some_and(|life| age >= life) {
            self.activity.hurry();
        }
        patience.pause()
    }
}

#[cfg(test)]
mod tests;
