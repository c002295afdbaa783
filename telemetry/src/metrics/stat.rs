//! Distributions: log-linear histograms that take room only for the magnitudes that occur.
//!
//! Values below 32 are counted one by one, larger ones in 16 steps for each power of two, so that a quantile is off by 3.2 % at most. Cells only
//! grow; a window is the difference to what was seen at its start, so that the same cells serve windows and totals.

use std::sync::{
    Arc, Mutex, MutexGuard, OnceLock, PoisonError,
    atomic::{AtomicU64, Ordering::Relaxed},
};

use super::striped::Striped;

/// A distribution of whole numbers. Clones are the same stat; recording takes no lock.
///
/// A stat whose values are below 8 takes about 170 bytes; one whose values are spread over four powers of two about 1 KiB, for each core that
/// records into it.
#[derive(Clone, Debug, Default)]
pub struct Stat {
    cell: Arc<Windowed<Histogram>>,
}

impl Stat {
    /// Counts a value, in the unit that the stat's name ends with. From 2^43 on values are one and the same to quantiles.
    pub fn record(&self, value: u64) {
        self.cell.record(value);
    }

    /// Ends the window, and begins the next.
    pub(super) fn snapshot(&self) {
        self.cell.snapshot();
    }

    /// The last whole window; `None` before the first one ended.
    #[must_use]
    pub fn window(&self) -> Option<Summary> {
        self.cell.window()
    }

    /// Everything since the start.
    #[must_use]
    pub fn totals(&self) -> Totals {
        self.cell.totals()
    }
}

/// What has a distribution in it, and the windows of that.
#[derive(Debug, Default)]
#[repr(C)]
pub(super) struct Windowed<T> {
    pub(super) cells: Striped<T>,
    /// None before the first one ended.
    window: Mutex<Option<Box<Window>>>,
}

impl<T: Default + AsRef<Histogram>> Windowed<T> {
    pub(super) fn record(&self, value: u64) {
        let bucket = bucket_of(value);
        let part = self.cells.add(1, |part| part.as_ref().cell(bucket));
        part.as_ref().note(value);
    }

    /// Ends the window, and begins the next.
    pub(super) fn snapshot(&self) {
        let mut window = self.lock();
        let totals = self.totals();
        let (mut least, mut most) = (u64::MAX, 0);
        for part in self.cells.parts() {
            least = least.min(part.as_ref().least.swap(u64::MAX, Relaxed));
            most = most.max(part.as_ref().most.swap(0, Relaxed));
        }
        let begin = window.take().map(|window| window.end).unwrap_or_default();
        *window = Some(Box::new(Window {
            summary: summarize(&totals, &begin, (least, most)),
            end: totals,
        }));
    }

    /// The last whole window.
    pub(super) fn window(&self) -> Option<Summary> {
        self.lock().as_ref().map(|window| window.summary.clone())
    }

    /// Everything since the start.
    pub(super) fn totals(&self) -> Totals {
        let mut counts = vec![0; BUCKETS];
        for part in self.cells.parts() {
            part.as_ref().add_to(&mut counts);
        }
        let buckets = counts
            .into_iter()
            .enumerate()
            .filter(|(_, count)| *count > 0);
        Totals {
            sum: self.cells.sum(|part| &part.as_ref().sum),
            buckets: buckets.collect(),
        }
    }

    fn lock(&self) -> MutexGuard<'_, Option<Box<Window>>> {
        self.window.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A window that has ended.
#[derive(Debug)]
struct Window {
    summary: Summary,
    /// What there was at its end: the next one begins with it.
    end: Totals,
}

/// Everything that a stat has counted, by bucket.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Totals {
    sum: u64,
    /// Number of the bucket and its count, in order; no empty ones.
    buckets: Vec<(usize, u64)>,
}

impl Totals {
    /// How many values there were.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.buckets.iter().map(|(_, count)| count).sum()
    }

    /// Their sum, modulo 2^64.
    #[must_use]
    pub fn sum(&self) -> u64 {
        self.sum
    }

    /// The buckets that hold something, in order: least value, greatest value, count.
    pub fn buckets(&self) -> impl Iterator<Item = (u64, u64, u64)> {
        self.buckets
            .iter()
            .map(|&(bucket, count)| (least_of(bucket), most_of(bucket), count))
    }

    /// What was counted since `begin`, which is an earlier state of the same stat.
    fn since(&self, begin: &Self) -> Vec<(usize, u64)> {
        let mut begin = begin.buckets.iter().peekable();
        let mut since = Vec::with_capacity(self.buckets.len());
        for &(bucket, count) in &self.buckets {
            let before = begin
                .next_if(|(earlier, _)| *earlier == bucket)
                .map_or(0, |(_, count)| *count);
            if count > before {
                since.push((bucket, count - before));
            }
        }
        since
    }
}

/// A window of a stat in figures, in the stat's unit. All are 0 if nothing was recorded.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Summary {
    /// How many values there were.
    pub count: u64,
    /// Their sum.
    pub sum: u64,
    /// The least.
    pub min: u64,
    /// The greatest.
    pub max: u64,
    /// `sum / count`.
    pub avg: f64,
    /// The median: half of the values are not above it.
    pub p50: u64,
    /// 90 % of the values are not above it.
    pub p90: u64,
    /// 95 % of the values are not above it.
    pub p95: u64,
    /// 99 % of the values are not above it.
    pub p99: u64,
    /// 99.9 % of the values are not above it.
    pub p9990: u64,
    /// 99.99 % of the values are not above it.
    pub p9999: u64,
}

fn summarize(totals: &Totals, begin: &Totals, (least, most): (u64, u64)) -> Summary {
    let window = totals.since(begin);
    let (Some(&(lowest, _)), Some(&(highest, _))) = (window.first(), window.last()) else {
        return Summary::default();
    };
    let count = window.iter().map(|(_, count)| count).sum();
    let sum = totals.sum.wrapping_sub(begin.sum);
    // A value that is being recorded now may have left its mark in its cell only.
    let min = least.min(most_of(lowest));
    let max = most.max(least_of(highest));
    let quantile =
        |in_ten_thousand: u64| quantile(&window, count, in_ten_thousand).clamp(min, max.max(min));
    Summary {
        count,
        sum,
        min,
        max,
        avg: sum as f64 / count as f64,
        p50: quantile(5_000),
        p90: quantile(9_000),
        p95: quantile(9_500),
        p99: quantile(9_900),
        p9990: quantile(9_990),
        p9999: quantile(9_999),
    }
}

/// The middle of the bucket that holds the value of this rank.
fn quantile(window: &[(usize, u64)], count: u64, in_ten_thousand: u64) -> u64 {
    let rank = u128::from(count) * u128::from(in_ten_thousand);
    let rank = u64::try_from(rank.div_ceil(10_000))
        .unwrap_or(u64::MAX)
        .max(1);
    let mut below = 0;
    let holds_rank = |&&(_, count): &&(usize, u64)| {
        below += count;
        below >= rank
    };
    let bucket = window
        .iter()
        .find(holds_rank)
        .or_else(|| window.last())
        .map_or(0, |(bucket, _)| *bucket);
    least_of(bucket).midpoint(most_of(bucket))
}

/// Values below this have a bucket each.
const EXACT: u64 = 32;
/// Buckets in each power of two above.
const STEPS: u64 = 16;
/// Cells are allocated in groups: the exact ones first, then those of two powers of two.
const GROUP: usize = 32;
const GROUPS: usize = 20;
const BUCKETS: usize = GROUP * GROUPS;

/// Values below this have their cells beside the sums: in milliseconds, most answers of a healthy service.
const NEAR: usize = 8;

/// The cells of a distribution, and what is known of its values beside.
#[derive(Debug)]
#[repr(C)]
pub(super) struct Histogram {
    sum: AtomicU64,
    /// The extremes of the window.
    least: AtomicU64,
    most: AtomicU64,
    near: [AtomicU64; NEAR],
    far: OnceLock<Box<[Group; GROUPS]>>,
}

/// The first cells of the first one lie in `near`.
type Group = OnceLock<Box<[AtomicU64; GROUP]>>;

impl Default for Histogram {
    fn default() -> Self {
        Self {
            sum: AtomicU64::new(0),
            least: AtomicU64::new(u64::MAX),
            most: AtomicU64::new(0),
            near: Default::default(),
            far: OnceLock::new(),
        }
    }
}

impl AsRef<Self> for Histogram {
    fn as_ref(&self) -> &Self {
        self
    }
}

impl Histogram {
    /// Counts a value.
    pub(super) fn count(&self, value: u64) {
        self.cell(bucket_of(value)).fetch_add(1, Relaxed);
        self.note(value);
    }

    /// Reads one of the cells that most values are counted in, not too far from the others.
    pub(super) fn prefetch(&self) -> u64 {
        self.near[2].load(Relaxed)
    }

    #[cfg(test)]
    pub(super) fn address_of_prefetched(&self) -> usize {
        std::ptr::from_ref(&self.near[2]).addr()
    }

    fn cell(&self, bucket: usize) -> &AtomicU64 {
        if let Some(cell) = self.near.get(bucket) {
            return cell;
        }
        let groups = self.far.get_or_init(Box::default);
        let group = groups[bucket / GROUP].get_or_init(Box::default);
        &group[bucket % GROUP]
    }

    /// What is known of a value that is counted in its cell already.
    fn note(&self, value: u64) {
        // Many are nothing, and looking is cheaper than writing; extremes are rare.
        if value > 0 {
            self.sum.fetch_add(value, Relaxed);
        }
        if value < self.least.load(Relaxed) {
            self.least.fetch_min(value, Relaxed);
        }
        if value > self.most.load(Relaxed) {
            self.most.fetch_max(value, Relaxed);
        }
    }

    fn add_to(&self, counts: &mut [u64]) {
        let add = |counts: &mut [u64], cells: &[AtomicU64]| {
            for (count, cell) in counts.iter_mut().zip(cells) {
                *count += cell.load(Relaxed);
            }
        };
        add(counts, &self.near);
        let groups = self.far.get().into_iter().flat_map(|groups| groups.iter());
        for (group, counts) in groups.zip(counts.chunks_mut(GROUP)) {
            if let Some(cells) = group.get() {
                add(counts, &**cells);
            }
        }
    }
}

fn bucket_of(value: u64) -> usize {
    let value = value.min(most_of(BUCKETS - 1));
    if value < EXACT {
        return value as usize;
    }
    let power = u64::from(value.ilog2());
    let step = (value >> (power - STEPS.ilog2() as u64)) - STEPS;
    let above = power - u64::from(EXACT.ilog2());
    (EXACT + above * STEPS + step) as usize
}

fn least_of(bucket: usize) -> u64 {
    let bucket = bucket as u64;
    match bucket.checked_sub(EXACT) {
        None => bucket,
        Some(above) => (STEPS + above % STEPS) << shift(above),
    }
}

fn most_of(bucket: usize) -> u64 {
    match (bucket as u64).checked_sub(EXACT) {
        None => bucket as u64,
        Some(above) => least_of(bucket) + (1 << shift(above)) - 1,
    }
}

/// The width of the buckets in this power of two, as a shift.
fn shift(above: u64) -> u64 {
    above / STEPS + u64::from(EXACT.ilog2() - STEPS.ilog2())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buckets_follow_each_other_and_are_narrow() {
        for bucket in 0..BUCKETS {
            let (least, most) = (least_of(bucket), most_of(bucket));
            assert_eq!((bucket_of(least), bucket_of(most)), (bucket, bucket));
            if bucket > 0 {
                assert_eq!(most_of(bucket - 1) + 1, least);
            }
            assert!(least < EXACT || (most - least + 1) as f64 / least as f64 <= 1.0 / 16.0);
        }
        assert_eq!(most_of(BUCKETS - 1), (1 << 43) - 1);
        assert_eq!(bucket_of(u64::MAX), BUCKETS - 1);
    }

    fn check(values: impl IntoIterator<Item = u64>, expected: &str) {
        let stat = Stat::default();
        values.into_iter().for_each(|value| stat.record(value));
        stat.snapshot();
        let Summary {
            count,
            sum,
            min,
            max,
            avg,
            p50,
            p90,
            p95,
            p99,
            p9990,
            p9999,
        } = stat.window().expect("a window has ended");
        let shown =
            format!("{count} {sum} {min} {max} {avg} | {p50} {p90} {p95} {p99} {p9990} {p9999}");
        assert_eq!(shown, expected);
    }

    #[test]
    fn windows_in_figures() {
        check([], "0 0 0 0 0 | 0 0 0 0 0 0");
        check([0], "1 0 0 0 0 | 0 0 0 0 0 0");
        check([7], "1 7 7 7 7 | 7 7 7 7 7 7");
        check([1, 2, 3, 4], "4 10 1 4 2.5 | 2 4 4 4 4 4");
        check(1..=20, "20 210 1 20 10.5 | 10 18 19 20 20 20");
        check(
            [1_000_003],
            "1 1000003 1000003 1000003 1000003 | 1000003 1000003 1000003 1000003 1000003 1000003",
        );
        check(
            1..=10_000,
            "10000 50005000 1 10000 5000.5 | 4991 8959 9471 9983 9983 9983",
        );
        check(
            [1 << 50, 5],
            "2 1125899906842629 5 1125899906842624 562949953421314.5 | 5 8658654068735 8658654068735 8658654068735 8658654068735 8658654068735",
        );
    }

    #[test]
    fn a_window_has_what_came_after_the_last_one() {
        let stat = Stat::default();
        assert_eq!(stat.window(), None);
        stat.record(5);
        assert_eq!(stat.window(), None);
        stat.snapshot();
        assert_eq!(
            stat.window().map(|window| (window.count, window.max)),
            Some((1, 5))
        );
        stat.record(3);
        stat.record(100);
        stat.snapshot();
        let second = stat.window().expect("a window has ended");
        assert_eq!(
            (second.count, second.sum, second.min, second.max),
            (2, 103, 3, 100)
        );
        stat.snapshot();
        assert_eq!(stat.window(), Some(Summary::default()));
        assert_eq!((stat.totals().count(), stat.totals().sum()), (3, 108));
        assert_eq!(
            stat.totals().buckets().collect::<Vec<_>>(),
            [(3, 3, 1), (5, 5, 1), (100, 103, 1)]
        );
    }

    #[test]
    fn threads_lose_nothing() {
        const EACH: u64 = 10_000;
        let stat = Stat::default();
        std::thread::scope(|scope| {
            for thread in 0..8 {
                let stat = stat.clone();
                scope.spawn(move || (0..EACH).for_each(|value| stat.record(value + thread)));
            }
            for _ in 0..20 {
                stat.snapshot();
            }
        });
        assert_eq!(stat.totals().count(), 8 * EACH);
        assert_eq!(
            stat.totals().sum(),
            (0..8)
                .map(|thread| EACH * (EACH - 1) / 2 + EACH * thread)
                .sum::<u64>()
        );
    }

    #[test]
    fn stats_stay_small() {
        let stat = Stat::default();
        let idle = size_of_val(&*stat.cell);
        assert!(idle <= 160, "{idle}");
        for value in 20..300 {
            stat.record(value);
        }
        let part = stat.cell.cells.parts().next().expect("recorded");
        let groups = part.far.get().expect("recorded");
        let used = groups.iter().filter(|group| group.get().is_some()).count();
        let far = size_of_val(&**groups) + used * size_of::<[AtomicU64; GROUP]>();
        assert!(idle + far <= 1_280, "{}", idle + far);
    }
}
