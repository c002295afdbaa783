//! Until when an answer is worth something, and who says so.

use std::time::Duration;

use tokio::time::Instant;

use crate::error::{Limit, RouteError};

/// When a request that has no answer yet is given up, with all that was begun for it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Deadline {
    pub(crate) at: Instant,
    after: Duration,
    limit: Limit,
}

impl Deadline {
    /// The strictest of what the name, the server and the caller allow; none of them may.
    pub(crate) fn strictest(
        asked: Instant,
        total: Option<Duration>,
        server: Option<Duration>,
        caller: Option<Duration>,
    ) -> Option<Self> {
        let limits = [
            (total, Limit::Total),
            (server, Limit::Server),
            (caller, Limit::Caller),
        ];
        let limits = limits.into_iter().filter_map(|(after, limit)| {
            after.map(|after| Self {
                at: asked + after,
                after,
                limit,
            })
        });
        limits.min_by_key(|deadline| deadline.after)
    }

    /// When it is, unless it is the caller's, who may ask for what nobody can do.
    pub(crate) fn of_the_operator(&self) -> Option<Instant> {
        (self.limit != Limit::Caller).then_some(self.at)
    }

    /// Why there is no answer, once it has passed.
    pub(crate) fn error(&self) -> RouteError {
        RouteError::TookTooLong {
            after: self.after,
            limit: self.limit,
        }
    }
}
