//! One pick: what it may use, and which candidates it draws.

use std::sync::Arc;
use std::time::Duration;

use super::nanos;
use crate::node::Node;

/// How often a newcomer that has no luck is drawn again. Bounds the time of a pick; with it all but one in 65,536 picks of a
/// set of which half is new follow the rule.
const MOST_REDRAWS: usize = 16;

pub(super) struct Picking<'a, D, U> {
    pub(super) now: Duration,
    pub(super) draw: &'a mut D,
    /// Whether a node may be picked at all.
    pub(super) is_usable: U,
    /// Those who have not yet the chance of the others, if there are any.
    pub(super) newcomers: Option<&'a Newcomers>,
}

impl<D: FnMut() -> f64, U> Picking<'_, D, U> {
    /// An index below `len`.
    pub(super) fn index(&mut self, len: usize) -> usize {
        (((self.draw)() * len as f64) as usize).min(len - 1)
    }

    /// Whether a node may be looked at: a newcomer by chance, others always.
    pub(super) fn admits(&mut self, node: &impl Node) -> bool {
        match self.newcomers {
            None => true,
            Some(newcomers) => {
                let chance = newcomers.chance(node, self.now);
                chance >= 1.0 || (self.draw)() < chance
            }
        }
    }

    /// A candidate, drawn by `next` until it is admitted.
    pub(super) fn candidate<N: Node>(
        &mut self,
        members: &[Arc<N>],
        mut next: impl FnMut(&mut Self) -> usize,
    ) -> usize {
        let mut drawn = next(self);
        if self.newcomers.is_some() {
            for _ in 0..MOST_REDRAWS {
                if self.admits(&*members[drawn]) {
                    break;
                }
                drawn = next(self);
            }
        }
        drawn
    }
}

/// New nodes, whose chance grows until they are old.
///
/// It is measured by the chance of the oldest node, so that nodes that begin together share alike.
#[derive(Debug)]
pub(super) struct Newcomers {
    slow_start: Duration,
    /// Since when the oldest node is there.
    oldest: Duration,
    /// From when on none is new.
    until: u64,
}

impl Newcomers {
    pub(super) fn new<'a, N: Node + 'a>(
        slow_start: Duration,
        nodes: impl Iterator<Item = &'a N> + Clone,
    ) -> Self {
        let since = nodes.map(|node| node.standing().since);
        let oldest = since.clone().min().unwrap_or_default();
        let newest = since.max().unwrap_or_default();
        let until = if newest > oldest {
            newest.saturating_add(slow_start)
        } else {
            Duration::ZERO
        };
        Self {
            slow_start,
            oldest,
            until: nanos(until),
        }
    }

    /// Itself, if somebody is new.
    pub(super) fn of(&self, now: Duration) -> Option<&Self> {
        (nanos(now) < self.until).then_some(self)
    }

    fn chance(&self, node: &impl Node, now: Duration) -> f64 {
        let age = |since| now.saturating_sub(since).min(self.slow_start).as_secs_f64();
        let (own, oldest) = (age(node.standing().since), age(self.oldest));
        if own < oldest { own / oldest } else { 1.0 }
    }
}
