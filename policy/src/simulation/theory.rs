//! Waiting in line, by formula.

use std::time::Duration;

/// The quantile of the latency where requests come at random, take a random time, and one line waits for so many slots.
/// Source: Erlang's C formula for M/M/c. Endless where there is more to do than can be done.
pub(super) fn latency(slots: usize, service: Duration, rate: f64, quantile: f64) -> Duration {
    let leaves = 1.0 / service.as_secs_f64();
    let spare = slots as f64 * leaves - rate;
    if spare <= 0.0 {
        return Duration::MAX;
    }
    let waits = waiting(slots, rate / leaves);
    // How many take longer.
    let beyond = |time: f64| {
        let works = (-leaves * time).exp();
        let line = (-spare * time).exp();
        let difference = leaves - spare;
        let both = if difference.abs() < 1e-9 * leaves {
            leaves * time * works
        } else {
            leaves * (line - works) / difference
        };
        works + waits * both
    };
    let (mut least, mut most) = (0.0, 1e6 * service.as_secs_f64());
    for _ in 0..100 {
        let middle = (least + most) / 2.0;
        if beyond(middle) > 1.0 - quantile {
            least = middle;
        } else {
            most = middle;
        }
    }
    Duration::from_secs_f64(most)
}

/// How many of the requests have to wait.
fn waiting(slots: usize, load: f64) -> f64 {
    // Erlang's B formula: how many would be turned away if there were no line.
    let refused = (1..=slots).fold(1.0, |refused, slot| {
        load * refused / (slot as f64 + load * refused)
    });
    refused / (1.0 - load / slots as f64 * (1.0 - refused))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_slot_waits_as_the_books_say() {
        // M/M/1: latencies are exponential, with the mean 1 / (μ - λ).
        let p99 = latency(1, Duration::from_millis(10), 50.0, 0.99);
        let book = 100f64.ln() / (100.0 - 50.0);
        assert!((p99.as_secs_f64() - book).abs() < 1e-6, "{p99:?}");
        // Erlang's C of two slots with a load of one is a third.
        assert!((waiting(2, 1.0) - 1.0 / 3.0).abs() < 1e-12);
        // Slots without end: nobody waits.
        let p50 = latency(1000, Duration::from_millis(10), 50.0, 0.5);
        assert!(
            (p50.as_secs_f64() - 0.01 * 2f64.ln()).abs() < 1e-6,
            "{p50:?}"
        );
        assert_eq!(latency(1, Duration::from_secs(1), 1.0, 0.5), Duration::MAX);
    }
}
