//! What was measured, and whether it is within the bounds.

use std::fmt;

/// The router's memory in bytes, and what failed.
#[derive(Debug, Default)]
pub(crate) struct Record {
    /// When it had served nothing yet.
    pub(crate) at_start: u64,
    /// What one more idle client connection takes.
    pub(crate) idle_connection: f64,
    /// All the time.
    pub(crate) residents: Vec<u64>,
    /// Requests that did not get the answer that they should.
    pub(crate) failed: u64,
}

/// A figure and its bound.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Verdict {
    what: &'static str,
    is: f64,
    most: f64,
    unit: &'static str,
}

impl Record {
    pub(crate) fn verdicts(&self) -> [Verdict; 4] {
        let verdict = |what, is, most, unit| Verdict {
            what,
            is,
            most,
            unit,
        };
        [
            verdict("memory after start", mib(self.at_start), 15.0, "MiB"),
            verdict(
                "memory of an idle client connection",
                self.idle_connection / 1024.0,
                8.0,
                "KiB",
            ),
            verdict(
                "growth from the second fifth of the time to the last",
                self.growth() * 100.0,
                2.0,
                "%",
            ),
            verdict("requests that failed", self.failed as f64, 0.0, ""),
        ]
    }

    /// The mean of the last fifth over that of the second: in the first the router gets what it needs from then on.
    fn growth(&self) -> f64 {
        let fifth = self.residents.len() / 5;
        let second = mean(&self.residents[fifth..2 * fifth]);
        let last = mean(&self.residents[self.residents.len() - fifth..]);
        last / second - 1.0
    }
}

impl Verdict {
    /// A figure that is none breaks its bound.
    pub(crate) fn is_kept(&self) -> bool {
        self.is <= self.most
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            what,
            is,
            most,
            unit,
        } = self;
        let verdict = if self.is_kept() { "ok" } else { "TOO MUCH" };
        write!(f, "{what:<54} {is:>6.1} {unit:<3} of {most:>2}  {verdict}")
    }
}

pub(crate) fn mib(bytes: u64) -> f64 {
    bytes as f64 / f64::from(1 << 20)
}

fn mean(values: &[u64]) -> f64 {
    values.iter().sum::<u64>() as f64 / values.len() as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    const MIB: u64 = 1 << 20;

    fn kept(record: &Record) -> [bool; 4] {
        record.verdicts().map(|verdict| verdict.is_kept())
    }

    #[test]
    fn each_bound_is_judged_by_itself() {
        let within = || Record {
            at_start: 15 * MIB,
            idle_connection: 8192.0,
            residents: vec![1, 1000, 2000, 2000, 1019],
            failed: 0,
        };
        assert_eq!(kept(&within()), [true; 4]);
        let much = Record {
            at_start: 16 * MIB,
            idle_connection: 8500.0,
            residents: vec![1, 1000, 2000, 2000, 1021],
            failed: 1,
        };
        assert_eq!(kept(&much), [false; 4]);
    }

    #[test]
    fn what_was_not_measured_is_no_success() {
        let nothing = Record {
            idle_connection: f64::NAN,
            ..Record::default()
        };
        assert_eq!(kept(&nothing), [true, false, false, true]);
    }
}
