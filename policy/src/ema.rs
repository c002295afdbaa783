//! Exponential moving averages over whatever steps the caller counts in.

/// An average in which what is older than the window counts little.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ema {
    window: f64,
    /// Where the last value stood, and the average then.
    last: Option<(u64, f64)>,
}

impl Ema {
    pub(crate) fn new(window: f64) -> Self {
        Self { window, last: None }
    }

    /// Takes a value in, and tells the average. The first value is the average.
    /// Source: finagle `Ema`.
    pub(crate) fn update(&mut self, stamp: u64, value: f64) -> f64 {
        let average = match self.last {
            None => value,
            Some((before, average)) => {
                let weight = decay(stamp.saturating_sub(before), self.window);
                value * (1.0 - weight) + average * weight
            }
        };
        let stamp = self.last.map_or(stamp, |(before, _)| before.max(stamp));
        self.last = Some((stamp, average));
        average
    }
}

/// What is left of a weight of one after so many steps.
pub(crate) fn decay(steps: u64, window: f64) -> f64 {
    if window > 0.0 {
        (-(steps as f64) / window).exp()
    } else {
        0.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn old_values_fade_by_e_in_each_window() {
        let mut ema = Ema::new(10.0);
        assert_eq!(ema.update(5, 1.0), 1.0);
        assert!((ema.update(15, 0.0) - (-1.0f64).exp()).abs() < 1e-12);
        assert!((ema.update(25, 0.0) - (-2.0f64).exp()).abs() < 1e-12);
        assert!(ema.update(10_000, 3.0) > 2.999);
    }

    #[test]
    fn a_window_of_nothing_knows_the_last_value_only() {
        let mut ema = Ema::new(0.0);
        ema.update(1, 5.0);
        assert_eq!(ema.update(1, 2.0), 2.0);
    }
}
