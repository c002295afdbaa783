//! What a computation read, so that it can be made anew when one of its inputs changes.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::select_all;
use tokio::time::{Instant, timeout_at};

use crate::{Live, State};

/// Remembers the live values that were read through it, and waits for one of them to change.
///
/// It also keeps them alive: replace it with the next computation's, after that one was made, so that a source which
/// both read does not stop in between.
#[derive(Default)]
pub struct Reads {
    watched: Vec<Box<dyn Watched>>,
    due: Option<Instant>,
}

impl Reads {
    /// Reads a value and remembers it.
    pub fn read<T: Send + Sync + 'static>(&mut self, live: &Live<T>) -> Arc<State<T>> {
        let mut reader = live.clone();
        let state = reader.see();
        self.watched.push(Box::new(reader));
        state
    }

    /// Asks to be woken at the latest after this time, as if a value had changed.
    pub fn wake_within(&mut self, time: Duration) {
        let due = Instant::now() + time;
        self.due = Some(self.due.map_or(due, |earlier| earlier.min(due)));
    }

    /// Waits until one of the values changes; for ever if none was read. Cancelling loses nothing.
    pub async fn changed(&mut self) {
        let any = async {
            match self.watched.is_empty() {
                true => std::future::pending().await,
                false => select_all(self.watched.iter_mut().map(|watched| watched.changed())).await,
            };
        };
        match self.due {
            // Boxed, because it is rare and large: there is one of these futures for each name that a router uses.
            Some(due) => {
                let timed = Box::pin(timeout_at(due, any));
                // Either way it is time to look again.
                let _ = timed.await;
            }
            None => any.await,
        }
    }

    /// How many values were read.
    pub fn len(&self) -> usize {
        self.watched.len()
    }

    /// Whether nothing was read.
    pub fn is_empty(&self) -> bool {
        self.watched.is_empty()
    }
}

impl fmt::Debug for Reads {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reads")
            .field("len", &self.len())
            .finish_non_exhaustive()
    }
}

trait Watched: Send + Sync {
    fn changed(&mut self) -> Pin<Box<dyn Future<Output = ()> + Send + '_>>;
}

impl<T: Send + Sync + 'static> Watched for Live<T> {
    fn changed(&mut self) -> Pin<Box<dyn Future<Output = ()> + Send + '_>> {
        Box::pin(async move {
            Self::changed(self).await;
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::channel;

    #[tokio::test(start_paused = true)]
    async fn any_input_wakes_the_computation() {
        let (mut a, live_a) = channel::<i32>();
        let (mut b, live_b) = channel::<i32>();
        a.set(1);
        let mut reads = Reads::default();
        assert_eq!(reads.read(&live_a).value().map(|v| **v), Some(1));
        assert!(reads.read(&live_b).is_pending());
        let quiet = tokio::time::timeout(Duration::from_secs(1), reads.changed()).await;
        assert!(quiet.is_err(), "what was read is no news");
        b.set(2);
        reads.changed().await;
    }

    #[tokio::test(start_paused = true)]
    async fn a_due_time_wakes_it_too() {
        let mut reads = Reads::default();
        reads.wake_within(Duration::from_millis(500));
        reads.wake_within(Duration::from_secs(9));
        let started = Instant::now();
        reads.changed().await;
        assert_eq!(started.elapsed(), Duration::from_millis(500));
    }
}
