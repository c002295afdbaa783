//! What a call answers of things that change: the first state, or one after the other.

use std::time::Duration;

use futures_util::{Stream, stream};
use live::Reads;
use tonic::Status;
use transport::Drain;

use crate::looking::Looking;

/// How long a call with one answer waits for what is not known yet.
const WAIT: Duration = Duration::from_secs(10);

/// What one look came to; a failure ends the call.
pub(super) type Look<T> = crate::looking::Look<T, Status>;

/// The states that a call tells.
#[derive(Debug)]
pub(super) struct States<T>(Looking<T, Status>);

impl<T: Clone + PartialEq + Send + 'static> States<T> {
    pub(super) fn new(look: impl FnMut(&mut Reads) -> Look<T> + Send + 'static) -> Self {
        Self(Looking::new(look))
    }

    /// The first state.
    pub(super) async fn first(mut self) -> Result<T, Status> {
        let first = tokio::time::timeout(WAIT, self.0.next()).await;
        first.map_err(|_| Status::unavailable("not known yet, try again"))?
    }

    /// All states, until the call ends or namerd does.
    pub(super) fn stream(self, drain: Drain) -> impl Stream<Item = Result<T, Status>> + Send {
        stream::unfold(Some((self.0, drain)), async |open| {
            let (mut states, drain) = open?;
            tokio::select! {
                next = states.next() => match next {
                    Ok(state) => Some((Ok(state), Some((states, drain)))),
                    Err(end) => Some((Err(end), None)),
                },
                () = drain.begun() => None,
            }
        })
    }
}
