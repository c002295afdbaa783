//! What the system reported and nobody was told of yet.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use notify::event::{AccessKind, AccessMode, CreateKind, ModifyKind, RenameMode};
use notify::{Event, EventHandler, EventKind};
use tokio::sync::Notify;

/// More paths than this at once are taken as news of everything.
const MOST_PATHS: usize = 4096;

/// Filled by the system's thread, emptied by the delivery. The system's thread never waits for anything else: whoever
/// asks it to watch a folder waits for it.
#[derive(Default)]
pub(super) struct Inbox {
    batch: Mutex<Batch>,
    news: Notify,
}

/// What was reported since the last look.
#[derive(Default)]
pub(super) struct Batch {
    pub(super) paths: HashMap<PathBuf, News>,
    /// Reports were lost: anything may have changed.
    pub(super) is_everything: bool,
}

/// What was reported of one path.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct News {
    /// Nobody is writing it now.
    pub(super) is_settled: bool,
    /// Another thing may be at the path than before, or none.
    pub(super) is_replaced: bool,
}

impl News {
    /// The same, taken together with what came before.
    pub(super) fn after(self, before: Option<Self>) -> Self {
        let was_replaced = before.is_some_and(|before| before.is_replaced);
        Self {
            is_replaced: self.is_replaced || was_replaced,
            ..self
        }
    }

    /// What an event means; none if nothing changed, such as when we read a file ourselves.
    fn of(kind: EventKind) -> Option<Self> {
        let (is_settled, is_replaced) = match kind {
            EventKind::Access(AccessKind::Close(AccessMode::Write)) => (true, false),
            EventKind::Access(_) => return None,
            EventKind::Create(CreateKind::Folder) => (true, true),
            // What moves away may be about to be replaced, as editors do that keep a backup.
            EventKind::Modify(ModifyKind::Name(RenameMode::From)) => (false, true),
            EventKind::Modify(ModifyKind::Name(RenameMode::Both)) => return None,
            EventKind::Modify(ModifyKind::Name(_)) => (true, true),
            EventKind::Create(_) | EventKind::Remove(_) => (false, true),
            EventKind::Modify(_) | EventKind::Any | EventKind::Other => (false, false),
        };
        Some(Self {
            is_settled,
            is_replaced,
        })
    }
}

impl Inbox {
    /// Waits for something to be reported.
    pub(super) async fn news(&self) {
        self.news.notified().await;
    }

    /// Takes what is there.
    pub(super) fn take(&self) -> Batch {
        let mut batch = self.batch.lock().unwrap_or_else(PoisonError::into_inner);
        std::mem::take(&mut *batch)
    }

    /// Adds what the system reported.
    pub(super) fn put(&self, event: Event) {
        let is_everything = event.need_rescan();
        let news = News::of(event.kind);
        if news.is_none() && !is_everything {
            return;
        }
        let mut batch = self.batch.lock().unwrap_or_else(PoisonError::into_inner);
        batch.is_everything |= is_everything;
        for (path, news) in event.paths.into_iter().zip(news.into_iter().cycle()) {
            let before = batch.paths.get(&path).copied();
            batch.paths.insert(path, news.after(before));
        }
        if batch.paths.len() > MOST_PATHS {
            batch.paths = HashMap::new();
            batch.is_everything = true;
        }
        drop(batch);
        self.news.notify_one();
    }
}

/// Hands the system's reports to an inbox.
pub(super) struct Reporter(pub(super) Arc<Inbox>);

impl EventHandler for Reporter {
    fn handle_event(&mut self, event: notify::Result<Event>) {
        match event {
            Ok(event) => self.0.put(event),
            Err(error) => {
                tracing::warn!(%error, "file watch in trouble, looking at everything again");
                self.0
                    .put(Event::new(EventKind::Other).set_flag(notify::event::Flag::Rescan));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use notify::event::{DataChange, Flag, RemoveKind};

    use super::*;

    const CREATED: EventKind = EventKind::Create(CreateKind::File);
    const WRITTEN: EventKind = EventKind::Modify(ModifyKind::Data(DataChange::Any));
    const CLOSED: EventKind = EventKind::Access(AccessKind::Close(AccessMode::Write));
    const READ: EventKind = EventKind::Access(AccessKind::Open(AccessMode::Any));
    const MOVED_HERE: EventKind = EventKind::Modify(ModifyKind::Name(RenameMode::To));
    const MOVED_AWAY: EventKind = EventKind::Modify(ModifyKind::Name(RenameMode::From));
    const REMOVED: EventKind = EventKind::Remove(RemoveKind::File);

    #[track_caller]
    fn check(kinds: &[EventKind], expected: &str) {
        let inbox = Inbox::default();
        for kind in kinds {
            inbox.put(Event::new(*kind).add_path("/disco/web".into()));
        }
        let batch = inbox.take();
        let shown = batch.paths.values().map(|news| {
            let settled = if news.is_settled {
                "settled"
            } else {
                "unsettled"
            };
            format!(
                "{settled}{}",
                if news.is_replaced { ", replaced" } else { "" }
            )
        });
        assert_eq!(shown.collect::<String>(), expected);
    }

    #[test]
    fn a_file_is_settled_when_its_writer_has_closed_it() {
        check(&[READ], "");
        check(&[CREATED], "unsettled, replaced");
        check(&[CREATED, WRITTEN, CLOSED], "settled, replaced");
        check(&[WRITTEN], "unsettled");
        check(&[WRITTEN, CLOSED, READ], "settled");
        check(&[WRITTEN, CLOSED, WRITTEN], "unsettled");
    }

    #[test]
    fn what_is_moved_here_is_whole_and_what_goes_may_come_back() {
        check(&[MOVED_HERE], "settled, replaced");
        check(&[MOVED_AWAY], "unsettled, replaced");
        check(&[REMOVED], "unsettled, replaced");
        check(&[MOVED_AWAY, CREATED, WRITTEN, CLOSED], "settled, replaced");
    }

    #[test]
    fn lost_reports_are_news_of_everything() {
        let inbox = Inbox::default();
        inbox.put(Event::new(EventKind::Other).set_flag(Flag::Rescan));
        assert!(inbox.take().is_everything);
        for number in 0..=MOST_PATHS {
            inbox.put(Event::new(WRITTEN).add_path(number.to_string().into()));
        }
        let batch = inbox.take();
        assert!(batch.is_everything && batch.paths.is_empty());
    }
}
