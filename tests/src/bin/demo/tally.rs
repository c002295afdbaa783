//! Who answered how often, and whether that can be chance.

use std::ops::AddAssign;

use ::tests::{Answer, Outcome};

/// How unlikely an observation must be, in natural logarithm, until it counts as wrong: a correct router is accused less
/// often than twice in 10⁹ tallies.
const LN_UNLIKELY: f64 = -20.7;

/// Answers, counted by who gave them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Tally {
    pub(crate) v1: u64,
    pub(crate) v2: u64,
    pub(crate) others: u64,
    pub(crate) failed: u64,
}

impl Tally {
    pub(crate) fn add(&mut self, answer: &Answer) {
        let count = match &answer.outcome {
            Outcome::Version(version) if version == "v1" => &mut self.v1,
            Outcome::Version(version) if version == "v2" => &mut self.v2,
            Outcome::Version(_) => &mut self.others,
            Outcome::Failed(_) => &mut self.failed,
        };
        *count += 1;
    }

    pub(crate) fn requests(&self) -> u64 {
        self.answered() + self.failed
    }

    /// The shares of v1 and v2 of what was answered; none if nothing was.
    pub(crate) fn shares(&self) -> Option<(f64, f64)> {
        let answered = self.answered();
        let share = |count| count as f64 / answered as f64;
        (answered > 0).then(|| (share(self.v1), share(self.v2)))
    }

    /// Whether independent draws that give v2 with this probability can have led to this.
    ///
    /// By Chernoff's bound, of `n` draws a share as far off as `q` has at most the probability `exp(-n·D(q‖p))` on either
    /// side. Unlike a number of sigmas it holds for small `p` too, and where a version has no weight it allows nothing.
    pub(crate) fn follows(&self, probability: f64) -> bool {
        let Some((_, v2)) = self.shares() else {
            return false;
        };
        let ln_chance = -(self.answered() as f64) * divergence(v2, probability);
        self.others == 0 && ln_chance > LN_UNLIKELY
    }

    fn answered(&self) -> u64 {
        self.v1 + self.v2 + self.others
    }
}

impl AddAssign for Tally {
    fn add_assign(&mut self, other: Self) {
        self.v1 += other.v1;
        self.v2 += other.v2;
        self.others += other.others;
        self.failed += other.failed;
    }
}

/// The relative entropy of two coins.
fn divergence(q: f64, p: f64) -> f64 {
    let term = |q: f64, p: f64| if q == 0.0 { 0.0 } else { q * (q / p).ln() };
    term(q, p) + term(1.0 - q, 1.0 - p)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(v1: u64, v2: u64, probability: f64, follows: bool) {
        let tally = Tally {
            v1,
            v2,
            ..Tally::default()
        };
        let says = tally.follows(probability);
        assert_eq!(says, follows, "{v1} and {v2} where v2 has {probability}");
    }

    #[test]
    fn chance_explains_what_is_near_and_nothing_else() {
        for (v1, v2, probability, follows) in [
            (2376, 24, 0.01, true),
            (2355, 45, 0.01, true),
            (2335, 65, 0.01, false),
            (2400, 0, 0.01, false),
            (1200, 1200, 0.5, true),
            (1080, 1320, 0.5, true),
            (1000, 1400, 0.5, false),
            (2376, 24, 0.5, false),
            (0, 2400, 1.0, true),
            (1, 2399, 1.0, false),
            (2400, 0, 0.0, true),
            (0, 0, 0.5, false),
        ] {
            check(v1, v2, probability, follows);
        }
    }

    #[test]
    fn an_answer_of_a_third_version_is_never_chance() {
        let tally = Tally {
            v1: 500,
            v2: 500,
            others: 1,
            failed: 0,
        };
        assert!(!tally.follows(0.5));
    }
}
