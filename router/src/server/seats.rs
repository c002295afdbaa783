//! Tasks that serve one connection after the other: to start one, and to end it, takes longer than many a request.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::mpsc;

/// How many tasks of a worker wait for a next connection.
const KEPT: usize = 128;

/// The tasks of one worker that have served a connection and wait for the next. Each ends when its place here is dropped.
#[derive(Debug)]
pub(super) struct Seats<T> {
    free: Arc<Mutex<Vec<Seat<T>>>>,
}

/// Where a task waits for what it serves next.
type Seat<T> = mpsc::Sender<(T, Taken<T>)>;

/// A task's own place, which it gives back when it is done.
#[derive(Debug)]
pub(super) struct Taken<T> {
    seat: Seat<T>,
    seats: Seats<T>,
}

impl<T> Seats<T> {
    /// Gives this to a task that waits, if one does; else it comes back, for a new one.
    pub(super) fn give(&self, guest: T) -> Result<(), T> {
        let Some(seat) = self.free().pop() else {
            return Err(guest);
        };
        let taken = self.taken(seat.clone());
        match seat.try_send((guest, taken)) {
            Ok(()) => Ok(()),
            Err(refused) => Err(refused.into_inner().0),
        }
    }

    /// Serves this, and then whatever is [given](Self::give) to it, until too many wait already.
    pub(super) async fn serve<F: Future<Output = ()>>(self, first: T, serve: impl Fn(T) -> F) {
        let (seat, mut guests) = mpsc::channel(1);
        let mut next = Some((first, self.taken(seat)));
        while let Some((guest, taken)) = next {
            serve(guest).await;
            taken.leave();
            next = guests.recv().await;
        }
    }

    fn taken(&self, seat: Seat<T>) -> Taken<T> {
        Taken {
            seat,
            seats: self.clone(),
        }
    }

    fn free(&self) -> MutexGuard<'_, Vec<Seat<T>>> {
        self.free.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<T> Taken<T> {
    /// From now on the task may be given something else. It ends if enough others wait.
    fn leave(self) {
        let mut free = self.seats.free();
        if free.len() < KEPT {
            free.push(self.seat);
        }
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
        let free = Arc::default();
        Self { free }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

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
        assert_eq!(seats.free().len(), KEPT);
    }
}
