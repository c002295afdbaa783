//! One live value for each key, for as long as somebody reads it.

use std::collections::HashMap;
use std::fmt;
use std::hash::Hash;
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::{Live, WeakLive};

/// Makes live values on demand and hands the same one to everybody who asks for the same key meanwhile.
pub struct Shared<K, T> {
    slots: Mutex<Slots<K, T>>,
}

struct Slots<K, T> {
    map: HashMap<K, WeakLive<T>>,
    /// The size at which dead slots are swept out next: twice what was alive, so that sweeping stays cheap on average.
    sweep_at: usize,
}

const SWEEP_FIRST: usize = 64;

impl<K: Eq + Hash + Clone, T> Shared<K, T> {
    /// The value of this key; made by `make` when nobody reads one now.
    pub fn get_or_make(&self, key: &K, make: impl FnOnce() -> Live<T>) -> Live<T> {
        let mut slots = self.lock();
        if let Some(live) = slots.map.get(key).and_then(WeakLive::upgrade) {
            return live;
        }
        let live = make();
        slots.map.insert(key.clone(), live.downgrade());
        if slots.map.len() >= slots.sweep_at {
            slots.map.retain(|_, weak| weak.is_read());
            slots.sweep_at = (slots.map.len() * 2).max(SWEEP_FIRST);
        }
        live
    }

    /// The keys that somebody reads now, with their values.
    pub fn read_now(&self) -> Vec<(K, Live<T>)> {
        let slots = self.lock();
        slots
            .map
            .iter()
            .filter_map(|(key, weak)| Some((key.clone(), weak.upgrade()?)))
            .collect()
    }

    fn lock(&self) -> MutexGuard<'_, Slots<K, T>> {
        self.slots.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<K, T> Default for Shared<K, T> {
    fn default() -> Self {
        Self {
            slots: Mutex::new(Slots {
                map: HashMap::new(),
                sweep_at: SWEEP_FIRST,
            }),
        }
    }
}

impl<K, T> fmt::Debug for Shared<K, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Shared")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_has_one_value_while_it_is_read() {
        let shared = Shared::<u32, u32>::default();
        let first = shared.get_or_make(&1, || Live::constant(10));
        let second = shared.get_or_make(&1, || Live::constant(20));
        assert!(first.is_same(&second));
        drop((first, second));
        let third = shared.get_or_make(&1, || Live::constant(30));
        assert_eq!(third.value().as_deref(), Some(&30));
        assert_eq!(shared.read_now().len(), 1);
    }

    #[test]
    fn keys_that_nobody_reads_are_swept_out() {
        let shared = Shared::<u32, u32>::default();
        for key in 0..1000 {
            drop(shared.get_or_make(&key, || Live::constant(key)));
        }
        assert!(shared.lock().map.len() <= SWEEP_FIRST);
    }
}
