//! What routes draw from, where several lead the same way: it is there once, so that requests for many names touch little memory.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use live::State;

use super::Outcome;

/// The states of routes, by the address of the client that they lead to first.
#[derive(Debug, Default)]
pub(crate) struct Splits {
    shared: Mutex<HashMap<usize, Vec<Weak<State<Outcome>>>>>,
}

/// How many are known of one client. There are more only where each name has a split of its own, which nobody would find again.
const MOST: usize = 16;

impl Splits {
    /// The state of every route with this outcome, as far as that can be shared.
    pub(crate) fn state(&self, outcome: Outcome) -> Arc<State<Outcome>> {
        let address = match &outcome {
            Outcome::Split(split) => split.shared_under(),
            Outcome::Nothing(_) | Outcome::Failed(_) => None,
        };
        let Some(address) = address else {
            return Arc::new(State::Ready(Arc::new(outcome)));
        };
        let mut shared = self.lock();
        let known = shared.entry(address).or_default();
        let same = |state: &Arc<State<Outcome>>| {
            let known = state.value();
            known.is_some_and(|known| **known == outcome)
        };
        if let Some(state) = known.iter().filter_map(Weak::upgrade).find(same) {
            return state;
        }
        known.retain(|state| state.strong_count() > 0);
        let state = Arc::new(State::Ready(Arc::new(outcome)));
        if known.len() < MOST {
            known.push(Arc::downgrade(&state));
        }
        state
    }

    /// Forgets what no route has any more.
    pub(crate) fn sweep(&self) {
        self.lock().retain(|_, known| {
            known.retain(|state| state.strong_count() > 0);
            !known.is_empty()
        });
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<usize, Vec<Weak<State<Outcome>>>>> {
        self.shared.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
