//! Finds the rules for a path without walking over all of them.

use std::collections::HashMap;

use crate::dentry::{Dentry, Elem};
use crate::path::Path;
use crate::segment::Segment;

/// A trie over prefixes. A lookup visits the nodes that spell the path, and beside them only those behind wildcards.
///
/// The nodes lie in one vector: a prefix of a million elements must not make a million nested calls, neither here nor when the trie is dropped.
#[derive(Debug)]
pub(crate) struct Index {
    nodes: Vec<Node>,
}

#[derive(Debug, Default)]
struct Node {
    /// The rules whose prefix ends here, by position.
    ends: Vec<usize>,
    any: Option<usize>,
    labels: HashMap<Segment, usize>,
}

const ROOT: usize = 0;

impl Index {
    pub(crate) fn new(dentries: &[Dentry]) -> Self {
        let mut index = Self::empty();
        for (position, dentry) in dentries.iter().enumerate() {
            index.insert(dentry.prefix.elems(), position);
        }
        index
    }

    pub(crate) fn empty() -> Self {
        Self {
            nodes: vec![Node::default()],
        }
    }

    pub(crate) fn insert(&mut self, prefix: &[Elem], position: usize) {
        let mut at = ROOT;
        for elem in prefix {
            let fresh = self.nodes.len();
            let node = &mut self.nodes[at];
            at = match elem {
                Elem::Any => *node.any.get_or_insert(fresh),
                Elem::Label(label) => *node.labels.entry(label.clone()).or_insert(fresh),
            };
            if at == fresh {
                self.nodes.push(Node::default());
            }
        }
        self.nodes[at].ends.push(position);
    }

    /// Positions of the rules that match a path, highest first, and how many nodes it took to find them.
    pub(crate) fn matches(&self, path: &Path) -> (Vec<usize>, usize) {
        let segments = path.segments();
        self.collect(segments.len(), |depth| Some(&segments[depth]))
    }

    /// Positions of the rules that match every path which this prefix matches, highest first, and how many nodes it
    /// took to find them.
    pub(crate) fn covering(&self, prefix: &[Elem]) -> (Vec<usize>, usize) {
        self.collect(prefix.len(), |depth| match &prefix[depth] {
            Elem::Any => None,
            Elem::Label(label) => Some(label),
        })
    }

    fn collect<'a>(
        &self,
        len: usize,
        label: impl Fn(usize) -> Option<&'a Segment>,
    ) -> (Vec<usize>, usize) {
        let mut found = Vec::new();
        let mut visited = 0;
        let mut open = vec![(ROOT, 0)];
        while let Some((at, depth)) = open.pop() {
            visited += 1;
            let node = &self.nodes[at];
            found.extend_from_slice(&node.ends);
            if depth == len {
                continue;
            }
            let labelled = label(depth).and_then(|label| node.labels.get(label));
            open.extend(
                [node.any.as_ref(), labelled]
                    .into_iter()
                    .flatten()
                    .map(|next| (*next, depth + 1)),
            );
        }
        found.sort_unstable_by(|a, b| b.cmp(a));
        (found, visited)
    }
}
