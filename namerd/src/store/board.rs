//! The board of a store that nobody shares.

use std::sync::{Mutex, PoisonError};

use live::{Live, Publisher};

use super::Board;

/// What this namerd says about itself, where there is no other.
#[derive(Debug)]
pub(super) struct LocalBoard {
    namerd: String,
    publisher: Mutex<Publisher<Board>>,
    live: Live<Board>,
}

impl LocalBoard {
    pub(super) fn new(namerd: &str) -> Self {
        let (mut publisher, live) = live::channel();
        publisher.set(Board::new());
        Self {
            namerd: namerd.to_owned(),
            publisher: Mutex::new(publisher),
            live,
        }
    }

    pub(super) fn publish(&self, value: Vec<u8>) {
        let mut publisher = self
            .publisher
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        publisher.set(Board::from([(self.namerd.clone(), value)]));
    }

    pub(super) fn live(&self) -> Live<Board> {
        self.live.clone()
    }
}
