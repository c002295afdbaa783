//! The figures that a report shows, and what several windows say about one of them.

use serde::Serialize;

use crate::sample::Sample;

/// One of a sample's figures.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Figure {
    /// The headline: CPU time of the proxy for each request, in microseconds.
    CpuUsPerRequest,
    /// The same, seen from the other side.
    RequestsPerCpuSecond,
    /// Answers by second.
    RequestsPerSecond,
    /// Half of the answers took at most this, in microseconds.
    P50Us,
    /// 99 % of them.
    P99Us,
    /// 99.9 % of them.
    P999Us,
    /// Resident memory of the proxy, in MiB.
    ResidentMib,
    /// Growth of its resident memory for each idle connection, in KiB.
    IdleConnectionKib,
}

/// A figure of one proxy as a share of another's, by what it was in single rounds: what slows the machine for a while is in both figures of
/// a round, and so in none of its ratios.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Ratio {
    /// The median of the rounds.
    pub median: f64,
    /// Where the middle half of the rounds begins.
    pub low: f64,
    /// Where it ends.
    pub high: f64,
}

impl Figure {
    /// All of them, in the order of a report.
    pub const ALL: [Self; 8] = [
        Self::CpuUsPerRequest,
        Self::RequestsPerCpuSecond,
        Self::RequestsPerSecond,
        Self::P50Us,
        Self::P99Us,
        Self::P999Us,
        Self::ResidentMib,
        Self::IdleConnectionKib,
    ];

    /// What it is called above a column.
    pub(crate) fn head(self) -> &'static str {
        match self {
            Self::CpuUsPerRequest => "CPU µs/request",
            Self::RequestsPerCpuSecond => "requests/CPU s",
            Self::RequestsPerSecond => "requests/s",
            Self::P50Us => "p50 µs",
            Self::P99Us => "p99 µs",
            Self::P999Us => "p99.9 µs",
            Self::ResidentMib => "RSS MiB",
            Self::IdleConnectionKib => "KiB/idle connection",
        }
    }

    /// What it is called in JSON.
    pub(crate) fn key(self) -> &'static str {
        match self {
            Self::CpuUsPerRequest => "cpu_us_per_request",
            Self::RequestsPerCpuSecond => "requests_per_cpu_second",
            Self::RequestsPerSecond => "requests_per_second",
            Self::P50Us => "p50_us",
            Self::P99Us => "p99_us",
            Self::P999Us => "p999_us",
            Self::ResidentMib => "resident_mib",
            Self::IdleConnectionKib => "idle_connection_kib",
        }
    }

    /// What it was in a sample; none if that was not measured.
    pub fn of(self, sample: &Sample) -> Option<f64> {
        let requests = sample.requests as f64;
        let figure = match self {
            Self::CpuUsPerRequest => sample.cpu_seconds? * 1e6 / requests,
            Self::RequestsPerCpuSecond => requests / sample.cpu_seconds?,
            Self::RequestsPerSecond => requests / sample.seconds,
            Self::P50Us => sample.latencies.p50_us,
            Self::P99Us => sample.latencies.p99_us,
            Self::P999Us => sample.latencies.p999_us,
            Self::ResidentMib => sample.resident_bytes? as f64 / f64::from(1 << 20),
            Self::IdleConnectionKib => sample.idle_connection_bytes? / 1024.0,
        };
        figure.is_finite().then_some(figure)
    }

    /// Its median over all samples that have it.
    pub fn median(self, samples: &[Sample]) -> Option<f64> {
        median(samples.iter().filter_map(|sample| self.of(sample)))
    }

    /// What one's samples are to another's, round by round.
    pub fn ratio(self, ones: &[Sample], others: &[Sample]) -> Option<Ratio> {
        let rounds = ones.iter().zip(others);
        let rounds = rounds.filter_map(|(one, other)| share(self.of(one)?, self.of(other)?));
        let rounds = sorted(rounds);
        Some(Ratio {
            median: middle(&rounds)?,
            low: *rounds.get(rounds.len() / 4)?,
            high: *rounds.get(rounds.len() - 1 - rounds.len() / 4)?,
        })
    }
}

fn share(one: f64, other: f64) -> Option<f64> {
    let ratio = one / other;
    ratio.is_finite().then_some(ratio)
}

fn median(values: impl Iterator<Item = f64>) -> Option<f64> {
    middle(&sorted(values))
}

fn sorted(values: impl Iterator<Item = f64>) -> Vec<f64> {
    let mut values: Vec<f64> = values.collect();
    values.sort_unstable_by(f64::total_cmp);
    values
}

/// The middle one of sorted values, or the mean of the two.
fn middle(sorted: &[f64]) -> Option<f64> {
    let upper = *sorted.get(sorted.len() / 2)?;
    let lower = sorted[(sorted.len() - 1) / 2];
    Some(f64::midpoint(lower, upper))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample(requests: u64, cpu_seconds: f64) -> Sample {
        Sample {
            seconds: 2.0,
            requests,
            cpu_seconds: Some(cpu_seconds),
            ..Sample::default()
        }
    }

    #[test]
    fn a_median_stands_in_the_middle_of_any_order() {
        let check = |values: &[f64], expected| {
            assert_eq!(median(values.iter().copied()), expected, "{values:?}");
        };
        check(&[], None);
        check(&[3.0], Some(3.0));
        check(&[9.0, 1.0, 2.0], Some(2.0));
        check(&[4.0, 1.0, 100.0, 2.0], Some(3.0));
    }

    #[test]
    fn cpu_time_is_told_by_request_and_requests_by_cpu_time() {
        let sample = sample(100_000, 1.25);
        assert_eq!(Figure::CpuUsPerRequest.of(&sample), Some(12.5));
        assert_eq!(Figure::RequestsPerCpuSecond.of(&sample), Some(80_000.0));
        assert_eq!(Figure::RequestsPerSecond.of(&sample), Some(50_000.0));
    }

    #[test]
    fn without_a_proxy_or_an_answer_there_is_no_cpu_time_by_request() {
        let direct = Sample {
            cpu_seconds: None,
            ..sample(10, 1.0)
        };
        assert_eq!(Figure::CpuUsPerRequest.of(&direct), None);
        assert_eq!(Figure::CpuUsPerRequest.of(&sample(0, 1.0)), None);
    }

    #[test]
    fn a_ratio_compares_round_by_round_and_shows_how_far_rounds_differ() {
        let samples = |all: [f64; 5]| all.map(|cpu_seconds| sample(10, cpu_seconds));
        let ones = samples([1.0, 2.0, 30.0, 4.0, 1.0]);
        let others = samples([2.0, 2.0, 20.0, 5.0, 10.0]);
        let ratio = Figure::CpuUsPerRequest.ratio(&ones, &others);
        let expected = Ratio {
            median: 0.8,
            low: 0.5,
            high: 1.0,
        };
        assert_eq!(ratio, Some(expected));
        assert_eq!(Figure::IdleConnectionKib.ratio(&ones, &others), None);
    }
}
