//! Looking again whenever something changes: how what namerd knows becomes an answer, or one answer after the other.

use std::fmt;

use live::Reads;

/// What one look came to.
#[derive(Debug)]
pub(crate) enum Look<T, E> {
    /// Something is not known yet, or there is nothing to show.
    Wait,
    /// What there is to show.
    Shows(T),
    /// It cannot be shown, and why.
    Fails(E),
}

type LookFn<T, E> = Box<dyn FnMut(&mut Reads) -> Look<T, E> + Send>;

/// Looks at live values, and looks again when one that was read has changed.
///
/// There is no queue: whoever takes the answers slowly gets the newest one, and misses those in between.
pub(crate) struct Looking<T, E> {
    look: LookFn<T, E>,
    reads: Option<Reads>,
    last: Option<T>,
}

impl<T: Clone + PartialEq, E> Looking<T, E> {
    pub(crate) fn new(look: impl FnMut(&mut Reads) -> Look<T, E> + Send + 'static) -> Self {
        Self {
            look: Box::new(look),
            reads: None,
            last: None,
        }
    }

    /// Waits for what differs from the last answer, or for a failure.
    pub(crate) async fn next(&mut self) -> Result<T, E> {
        loop {
            if let Some(reads) = &mut self.reads {
                reads.changed().await;
            }
            let mut next = Reads::default();
            let look = (self.look)(&mut next);
            // What the last look read is let go only now, so that what both looks read goes on undisturbed.
            self.reads = Some(next);
            match look {
                Look::Shows(shown) if self.last.as_ref() != Some(&shown) => {
                    self.last = Some(shown.clone());
                    return Ok(shown);
                }
                Look::Fails(why) => return Err(why),
                Look::Wait | Look::Shows(_) => {}
            }
        }
    }
}

impl<T, E> fmt::Debug for Looking<T, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Looking")
    }
}
