//! Whether enough of a leaf's endpoints are alive for it to count.

/// Says that a leaf is down when too few of its endpoints are alive. It is up again when there are a tenth more than needed,
/// so that one endpoint that comes and goes does not move all traffic to and fro.
#[derive(Clone, Copy, Debug)]
pub struct MinLive {
    least: f64,
    is_down: bool,
}

impl MinLive {
    /// A leaf that is up, and needs this share of its endpoints, 0..1.
    pub fn new(least: f64) -> Self {
        Self {
            least,
            is_down: false,
        }
    }

    /// Whether the leaf counts with so many live endpoints of all. Without endpoints there is no share: it stays what it was.
    pub fn counts(&mut self, live: usize, all: usize) -> bool {
        if all > 0 {
            let share = live as f64 / all as f64;
            let needed = if self.is_down {
                // Rounding must not ask for more than all.
                (self.least * 1.1).min(1.0)
            } else {
                self.least
            };
            self.is_down = share < needed;
        }
        !self.is_down
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(least: f64, all: usize, live: &[usize], expected: &str) {
        let mut leaf = MinLive::new(least);
        let counts: String = live
            .iter()
            .map(|live| if leaf.counts(*live, all) { '+' } else { '-' })
            .collect();
        assert_eq!(counts, expected, "{least} of {all}: {live:?}");
    }

    #[test]
    fn a_leaf_comes_back_with_a_tenth_more_than_it_went_with() {
        check(0.5, 100, &[100, 50, 49, 50, 54, 55, 50, 49], "++---++-");
        check(0.5, 3, &[2, 1, 2], "+-+");
        check(0.95, 10, &[10, 9, 10], "+-+");
        check(1.0, 10, &[10, 9, 10], "+-+");
        check(0.0, 10, &[10, 0], "++");
        check(0.5, 0, &[0], "+");
    }
}
