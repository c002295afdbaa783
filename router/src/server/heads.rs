//! The heads of an exchange, lent out by each worker to its connections.

use std::cell::RefCell;

use http1::{RequestHead, ResponseHead};

/// How many a worker keeps for its next exchanges.
const KEPT: usize = 64;

thread_local! {
    #[expect(clippy::vec_box, reason = "the boxes themselves are lent")]
    static FREE: RefCell<Vec<Box<Both>>> = RefCell::default();
}

/// Room for both heads of an exchange, which a connection has only while there is one. It goes back when it is dropped.
#[derive(Debug)]
pub(super) struct Heads(Option<Box<Both>>);

#[derive(Debug, Default)]
struct Both {
    request: RequestHead,
    response: ResponseHead,
}

impl Heads {
    pub(super) fn take() -> Self {
        Self(FREE.with_borrow_mut(Vec::pop))
    }

    /// The heads, with whatever was last in them.
    pub(super) fn both(&mut self) -> (&mut RequestHead, &mut ResponseHead) {
        let both = self.0.get_or_insert_default();
        (&mut both.request, &mut both.response)
    }
}

impl Drop for Heads {
    fn drop(&mut self) {
        let Some(both) = self.0.take() else { return };
        // A thread that ends keeps nothing.
        let _ = FREE.try_with(|free| {
            let mut free = free.borrow_mut();
            if free.len() < KEPT {
                free.push(both);
            }
        });
    }
}
