//! What a call answers of things that change: the first state, or one after the other.

use std::fmt;
use std::time::Duration;

use futures_util::{Stream, stream};
use live::Reads;
use tonic::Status;
use transport::Drain;

/// How long a call with one answer waits for what is not known yet.
const WAIT: Duration = Duration::from_secs(10);

/// What one look came to.
#[derive(Debug)]
pub(super) enum Look<T> {
    /// Nothing is known yet.
    Wait,
    /// A state to tell.
    State(T),
    /// The end of the call.
    End(Status),
}

type LookFn<T> = Box<dyn FnMut(&mut Reads) -> Look<T> + Send>;

/// States, found by looking again whenever something that the last look read has changed.
///
/// There is no queue: whoever reads slowly is told the newest state, and never those in between. Equal states in a row
/// are told once.
pub(super) struct States<T> {
    look: LookFn<T>,
    reads: Option<Reads>,
    last: Option<T>,
}

impl<T: Clone + PartialEq + Send + 'static> States<T> {
    pub(super) fn new(look: impl FnMut(&mut Reads) -> Look<T> + Send + 'static) -> Self {
        Self {
            look: Box::new(look),
            reads: None,
            last: None,
        }
    }

    /// The first state.
    pub(super) async fn first(mut self) -> Result<T, Status> {
        let first = tokio::time::timeout(WAIT, self.next()).await;
        first.map_err(|_| Status::unavailable("not known yet, try again"))?
    }

    /// All states, until the call ends or namerd does.
    pub(super) fn stream(self, drain: Drain) -> impl Stream<Item = Result<T, Status>> + Send {
        stream::unfold(Some((self, drain)), async |open| {
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

    async fn next(&mut self) -> Result<T, Status> {
        loop {
            if let Some(reads) = &mut self.reads {
                reads.changed().await;
            }
            let mut next = Reads::default();
            let look = (self.look)(&mut next);
            // What the last look read is let go only now, so that what both looks read goes on undisturbed.
            self.reads = Some(next);
            match look {
                Look::State(state) if self.last.as_ref() != Some(&state) => {
                    self.last = Some(state.clone());
                    return Ok(state);
                }
                Look::End(status) => return Err(status),
                Look::Wait | Look::State(_) => {}
            }
        }
    }
}

impl<T> fmt::Debug for States<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("States")
    }
}
