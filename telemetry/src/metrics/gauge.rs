//! What goes up and down.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering::Relaxed},
};

/// A value that is set, or moved by those who come and go. Clones are the same gauge; setting takes no lock.
#[derive(Clone, Debug, Default)]
pub struct Gauge {
    /// The bits of an `f64`; all zero is 0.0.
    bits: Arc<AtomicU64>,
}

impl Gauge {
    /// Makes it `value`.
    pub fn set(&self, value: f64) {
        self.bits.store(value.to_bits(), Relaxed);
    }

    /// Adds `delta`. Whole numbers below 2^53 add up exactly.
    pub fn add(&self, delta: f64) {
        let sum = |bits| Some((f64::from_bits(bits) + delta).to_bits());
        // Never fails: there is always a sum.
        let _ = self.bits.fetch_update(Relaxed, Relaxed, sum);
    }

    /// Subtracts `delta`.
    pub fn sub(&self, delta: f64) {
        self.add(-delta);
    }

    /// One more, until the returned value is dropped: for what is open, pending or in flight.
    #[must_use]
    pub fn open(&self) -> Open {
        self.add(1.0);
        Open {
            gauge: self.clone(),
        }
    }

    /// The value of now.
    #[must_use]
    pub fn value(&self) -> f64 {
        f64::from_bits(self.bits.load(Relaxed))
    }
}

/// One that a gauge counts, from [`Gauge::open`].
#[derive(Debug)]
pub struct Open {
    gauge: Gauge,
}

impl Drop for Open {
    fn drop(&mut self) {
        self.gauge.sub(1.0);
    }
}
