//! Tasks that serve one connection after the other: to start one, and to end it, takes longer than many a request.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::oneshot;
use tokio::time::sleep;

/// How many tasks of a worker wait for a next connection.
const KEPT: usize = 128;

/// How long a task that nobody needs waits, once or twice.
const PAUSE: Duration = Duration::from_millis(100);

/// The tasks of one worker that have served a connection and wait for the next. Each ends when its place here is dropped.
#[derive(Debug)]
pub(super) struct Seats<T> {
    free: Arc<Mutex<Free<T>>>,
}

#[derive(Debug)]
struct Free<T> {
    /// The last that became free is the next that is taken.
    seats: Vec<Seat<T>>,
    /// How many of them nobody has needed since somebody last looked.
    unneeded: usize,
    /// Whether somebody looks.
    is_swept: bool,
}

/// Where a task waits for what it serves next. A task that serves has none, and so costs an idle connection nothing.
#[derive(Debug)]
struct Seat<T>(oneshot::Sender<T>);

impl<T: Send + 'static> Seats<T> {
    /// Gives this to a task that waits, if one does; else it comes back, for a new one.
    pub(super) fn give(&self, guest: T) -> Result<(), T> {
        match self.free().take() {
            Some(seat) => seat.0.send(guest),
            None => Err(guest),
        }
    }

    /// Serves this, and then whatever is [given](Self::give) to it, until too many wait already.
    pub(super) async fn serve<F: Future<Output = ()>>(self, first: T, serve: impl Fn(T) -> F) {
        let mut next = Ok(first);
        while let Ok(guest) = next {
            serve(guest).await;
            let (seat, given) = oneshot::channel();
            self.leave(Seat(seat));
            next = given.await;
        }
    }

    /// From now on the task may be given something else. It ends if enough others wait.
    fn leave(&self, seat: Seat<T>) {
        let mut free = self.free();
        if free.seats.len() < KEPT {
            free.seats.push(seat);
        }
        if !free.is_swept {
            free.is_swept = true;
            live::task("seats", self.clone().sweep());
        }
    }

    /// Ends the tasks that nobody needs, until none waits.
    async fn sweep(self) {
        loop {
            sleep(PAUSE).await;
            let mut free = self.free();
            let unneeded = free.unneeded;
            free.seats.drain(..unneeded);
            free.unneeded = free.seats.len();
            free.is_swept = !free.seats.is_empty();
            if !free.is_swept {
                return;
            }
        }
    }

    fn free(&self) -> MutexGuard<'_, Free<T>> {
        self.free.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<T> Free<T> {
    fn take(&mut self) -> Option<Seat<T>> {
        let seat = self.seats.pop();
        self.unneeded = self.unneeded.min(self.seats.len());
        seat
    }
}

impl<T> Clone for Seats<T> {
    fn clone(&self) -> Self {
        let free = Arc::clone(&self.free);
        Self { free }
    }
}

impl<T> Default for Seats<T> {
    fn default() -> Self {
        let free = Free {
            seats: Vec::new(),
            unneeded: 0,
            is_swept: false,
        };
        Self {
            free: Arc::new(Mutex::new(free)),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use tokio::sync::mpsc;

    use super::*;

    /// Has this served, and counts the tasks that this takes.
    fn serve(
        seats: &Seats<mpsc::Sender<usize>>,
        started: &Arc<AtomicUsize>,
    ) -> mpsc::Receiver<usize> {
        let (served, by) = mpsc::channel(1);
        if let Err(first) = seats.give(served) {
            let number = started.fetch_add(1, Ordering::Relaxed);
            let serve = move |guest: mpsc::Sender<usize>| async move {
                let _ = guest.send(number).await;
            };
            live::task("seat", seats.clone().serve(first, serve));
        }
        by
    }

    #[tokio::test(start_paused = true)]
    async fn who_is_not_needed_for_a_while_ends() {
        let (seats, started) = (Seats::default(), Arc::default());
        let (mut one, mut two) = (serve(&seats, &started), serve(&seats, &started));
        while one.recv().await.is_some() || two.recv().await.is_some() {}
        tokio::task::yield_now().await;
        assert_eq!(seats.free().seats.len(), 2);
        // The last one is needed again and again.
        for _ in 0..3 {
            sleep(PAUSE * 2 / 3).await;
            let mut by = serve(&seats, &started);
            while by.recv().await.is_some() {}
            tokio::task::yield_now().await;
        }
        assert_eq!(seats.free().seats.len(), 1);
        sleep(PAUSE * 3).await;
        assert_eq!(seats.free().seats.len(), 0);
        assert!(!seats.free().is_swept);
        assert_eq!(started.load(Ordering::Relaxed), 2);
    }

    #[tokio::test]
    async fn a_task_serves_one_after_the_other() {
        let (seats, started) = (Seats::default(), Arc::default());
        for _ in 0..3 {
            let mut by = serve(&seats, &started);
            assert_eq!(by.recv().await, Some(0));
            // It is gone once the task has left it.
            assert_eq!(by.recv().await, None);
            tokio::task::yield_now().await;
        }
        assert_eq!(started.load(Ordering::Relaxed), 1);
    }

    #[tokio::test]
    async fn those_who_come_together_have_a_task_each_and_few_of_them_wait() {
        let (seats, started) = (Seats::default(), Arc::default());
        let all: Vec<_> = (0..2 * KEPT).map(|_| serve(&seats, &started)).collect();
        for mut by in all {
            while by.recv().await.is_some() {}
        }
        tokio::task::yield_now().await;
        assert_eq!(started.load(Ordering::Relaxed), 2 * KEPT);
        assert_eq!(seats.free().seats.len(), KEPT);
    }
}
