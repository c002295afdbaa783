//! Which endpoint takes a request: of two drawn at random, the one with less to do.
//!
//! Endpoints of equal weight form a class. First a class is drawn, by its weight times its size, then two of its members.
//! Source: finagle `P2CPick`, `LeastLoaded`, `TrafficDistributor`.

use std::fmt;
use std::sync::Arc;

/// What can be told apart by how much it has to do.
pub(crate) trait Loaded {
    /// How many requests it has now.
    fn load(&self) -> usize;
}

/// Endpoints to choose from.
pub(crate) struct Choices<E> {
    classes: Vec<Class<E>>,
    /// The sum of the classes' shares.
    total: f64,
}

struct Class<E> {
    /// The shares of this class and of those before it.
    cumulative: f64,
    members: Vec<Arc<E>>,
}

/// How often a draw may hit an endpoint that was tried before, until all are looked at in turn.
const MAX_EFFORT: usize = 5;

impl<E: Loaded> Choices<E> {
    /// Groups endpoints by weight. Weights that are no positive number count as zero; where all are zero, all count alike.
    pub(crate) fn new(endpoints: impl IntoIterator<Item = (f64, Arc<E>)>) -> Self {
        let mut endpoints: Vec<_> = endpoints
            .into_iter()
            .map(|(weight, endpoint)| {
                (
                    if weight.is_finite() {
                        weight.max(0.0)
                    } else {
                        0.0
                    },
                    endpoint,
                )
            })
            .collect();
        endpoints.sort_by(|(a, _), (b, _)| a.total_cmp(b));
        let all_zero = endpoints.iter().all(|(weight, _)| *weight == 0.0);
        let mut classes: Vec<Class<E>> = Vec::new();
        let (mut total, mut weight_before) = (0.0, None);
        for (weight, endpoint) in endpoints {
            if weight_before != Some(weight) {
                classes.push(Class {
                    cumulative: total,
                    members: Vec::new(),
                });
                weight_before = Some(weight);
            }
            total += if all_zero { 1.0 } else { weight };
            if let Some(class) = classes.last_mut() {
                class.cumulative = total;
                class.members.push(endpoint);
            }
        }
        Self { classes, total }
    }

    /// Chooses an endpoint that was not tried before, while there is one. `draw` yields numbers in 0..1.
    pub(crate) fn pick(
        &self,
        draw: &mut impl FnMut() -> f64,
        is_tried: impl Fn(&E) -> bool,
    ) -> Option<&Arc<E>> {
        for _ in 0..MAX_EFFORT {
            let class = match &*self.classes {
                [] => return None,
                [only] => only,
                classes => {
                    let mark = draw() * self.total;
                    let at = classes.partition_point(|class| class.cumulative <= mark);
                    &classes[at.min(classes.len() - 1)]
                }
            };
            let picked = class.pick(draw);
            if !is_tried(picked) {
                return Some(picked);
            }
        }
        self.members().find(|endpoint| !is_tried(endpoint))
    }

    /// All endpoints.
    pub(crate) fn members(&self) -> impl Iterator<Item = &Arc<E>> {
        self.classes.iter().flat_map(|class| &class.members)
    }
}

impl<E: Loaded> Class<E> {
    /// Of two different members the less loaded one, or the first drawn if they are equal. A class is never empty.
    fn pick(&self, draw: &mut impl FnMut() -> f64) -> &Arc<E> {
        if let [only] = &*self.members {
            return only;
        }
        let first = index(draw(), self.members.len());
        let other = index(draw(), self.members.len() - 1);
        let second = if other < first { other } else { other + 1 };
        let (first, second) = (&self.members[first], &self.members[second]);
        if second.load() < first.load() {
            second
        } else {
            first
        }
    }
}

/// An index below `len`, from a number in 0..1.
fn index(draw: f64, len: usize) -> usize {
    ((draw * len as f64) as usize).min(len - 1)
}

impl<E> fmt::Debug for Choices<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sizes = self.classes.iter().map(|class| class.members.len());
        f.debug_list().entries(sizes).finish()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    struct Node(char, usize);

    impl Loaded for Node {
        fn load(&self) -> usize {
            self.1
        }
    }

    fn choices(nodes: &[(f64, char, usize)]) -> Choices<Node> {
        Choices::new(
            nodes
                .iter()
                .map(|(weight, name, load)| (*weight, Arc::new(Node(*name, *load)))),
        )
    }

    fn counted(choices: &Choices<Node>, tried: &str) -> BTreeMap<char, usize> {
        let mut random = fastrand::Rng::with_seed(7);
        let mut counts = BTreeMap::new();
        for _ in 0..10_000 {
            let picked = choices.pick(&mut || random.f64(), |node| tried.contains(node.0));
            *counts.entry(picked.map_or('-', |node| node.0)).or_default() += 1;
        }
        counts
    }

    /// Counts of 10,000 picks, each within 3 % of all picks.
    fn check(nodes: &[(f64, char, usize)], tried: &str, expected: &[(char, usize)]) {
        let counts = counted(&choices(nodes), tried);
        assert_eq!(counts.len(), expected.len(), "{counts:?}");
        for (name, count) in expected {
            let seen = counts.get(name).copied().unwrap_or_default();
            assert!(seen.abs_diff(*count) < 300, "{counts:?}");
        }
    }

    #[test]
    fn equally_loaded_endpoints_share_alike() {
        check(
            &[(1.0, 'a', 0), (1.0, 'b', 0), (1.0, 'c', 0), (1.0, 'd', 0)],
            "",
            &[('a', 2500), ('b', 2500), ('c', 2500), ('d', 2500)],
        );
        check(&[(1.0, 'a', 9)], "", &[('a', 10_000)]);
        check(&[], "", &[('-', 10_000)]);
    }

    #[test]
    fn the_less_loaded_of_two_is_taken() {
        check(&[(1.0, 'a', 1), (1.0, 'b', 0)], "", &[('b', 10_000)]);
        // The busiest of three is taken never, the idlest whenever it is drawn: two times of three.
        check(
            &[(1.0, 'a', 2), (1.0, 'b', 1), (1.0, 'c', 0)],
            "",
            &[('b', 3333), ('c', 6667)],
        );
    }

    #[test]
    fn classes_share_by_weight_times_size_whatever_their_load() {
        check(
            &[(1.0, 'a', 9), (3.0, 'b', 0)],
            "",
            &[('a', 2500), ('b', 7500)],
        );
        check(
            &[(1.0, 'a', 0), (1.0, 'b', 0), (2.0, 'c', 0)],
            "",
            &[('a', 2500), ('b', 2500), ('c', 5000)],
        );
        check(&[(0.0, 'a', 0), (1.0, 'b', 0)], "", &[('b', 10_000)]);
    }

    #[test]
    fn weights_that_are_all_zero_count_alike() {
        check(
            &[(0.0, 'a', 0), (0.0, 'b', 0)],
            "",
            &[('a', 5000), ('b', 5000)],
        );
        check(
            &[(f64::NAN, 'a', 0), (-1.0, 'b', 0)],
            "",
            &[('a', 5000), ('b', 5000)],
        );
    }

    #[test]
    fn what_was_tried_is_not_picked_again() {
        check(&[(1.0, 'a', 0), (1.0, 'b', 9)], "a", &[('b', 10_000)]);
        check(&[(100.0, 'a', 0), (0.0, 'b', 0)], "a", &[('b', 10_000)]);
        check(&[(1.0, 'a', 0), (1.0, 'b', 0)], "ab", &[('-', 10_000)]);
    }
}
