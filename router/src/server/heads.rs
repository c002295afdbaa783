//! The heads of an exchange, lent out by each worker to its connections.

use std::cell::RefCell;

use http1::{RequestHead, ResponseHead};

use crate::forward::Message;

/// How many a worker keeps for its next exchanges.
const KEPT: usize = 256;

thread_local! {
    #[expect(clippy::vec_box, reason = "the boxes themselves are lent")]
    static FREE: RefCell<Vec<Box<All>>> = RefCell::default();
}

/// Room for both heads of an exchange, which a connection has only while there is one. It goes back when it is dropped.
#[derive(Debug)]
pub(super) struct Heads(Option<Box<All>>);

#[derive(Debug, Default)]
struct All {
    request: RequestHead,
    response: ResponseHead,
    message: Message,
}

impl Heads {
    pub(super) fn take() -> Self {
        Self(FREE.with_borrow_mut(Vec::pop))
    }

    /// The heads, with whatever was last in them, and a place for the message that is made of the request.
    pub(super) fn all(&mut self) -> (&mut RequestHead, &mut ResponseHead, &mut Message) {
        let all = self.0.get_or_insert_default();
        (&mut all.request, &mut all.response, &mut all.message)
    }
}

impl Drop for Heads {
    fn drop(&mut self) {
        let Some(mut all) = self.0.take() else { return };
        all.message.clear();
        // A thread that ends keeps nothing.
        let _ = FREE.try_with(|free| {
            let mut free = free.borrow_mut();
            if free.len() < KEPT {
                free.push(all);
            }
        });
    }
}
