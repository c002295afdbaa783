//! Paths that stand for all paths which a rule is for, and namers that stand for all namers.

use crate::bind::{Answer, Name};
use crate::dentry::{Elem, Prefix};
use crate::dtab::Dtab;
use crate::name_tree::NameTree;
use crate::path::Path;
use crate::segment::Segment;

/// A segment that no rule of the table mentions, so that only wildcards match it.
pub(super) fn stranger(dtab: &Dtab) -> Segment {
    let longest = dtab
        .dentries()
        .iter()
        .flat_map(|dentry| dentry.prefix.elems().iter().filter_map(label_len))
        .max();
    Segment::new("x".repeat(1 + longest.unwrap_or(0))).expect("there is an x at least")
}

/// The length of labels that the stranger could be mistaken for.
fn label_len(elem: &Elem) -> Option<usize> {
    match elem {
        Elem::Label(label) if label.as_bytes().iter().all(|byte| *byte == b'x') => {
            Some(label.len())
        }
        _ => None,
    }
}

/// A path that starts with the elements, with the stranger in place of wildcards.
pub(super) fn path_of(elems: &[Elem], stranger: &Segment) -> Path {
    let segment = |elem: &Elem| match elem {
        Elem::Any => stranger.clone(),
        Elem::Label(label) => label.clone(),
    };
    elems.iter().map(segment).collect()
}

/// A prefix's paths: itself, and with one and two strangers behind it.
pub(super) fn paths_of(prefix: &Prefix, stranger: &Segment) -> [Path; 3] {
    let itself = path_of(prefix.elems(), stranger);
    let one = Path::from(vec![stranger.clone()]);
    [
        itself.clone(),
        itself.join(&one),
        itself.join(&one).join(&one),
    ]
}

/// Every namer knows every name: what isn't bound now never will be.
pub(super) fn generous(path: &Path) -> Answer<()> {
    Answer::Tree(match path.segments() {
        [system, class, ..] if system == "$" && class == "fail" => NameTree::Fail,
        [system, class, ..] if system == "$" && class == "nil" => NameTree::Empty,
        [first, _, ..] if first == "$" || first == "#" => NameTree::Leaf(Name::Bound(())),
        _ => NameTree::Neg,
    })
}

/// No namer knows anything, but for those that always do: what has an answer now always will.
pub(super) fn stingy(path: &Path) -> Answer<()> {
    Answer::Tree(match path.segments() {
        [system, class, ..] if system == "$" && class == "fail" => NameTree::Fail,
        [system, class, ..] if system == "$" && class == "nil" => NameTree::Empty,
        [system, class, host, ..] if system == "$" && (class == "inet" || class == "fixedinet") => {
            // `/$/inet/web` may still become `/$/inet/web/80`: it takes the port to be sure.
            let is_port = |segment: &Segment| segment.to_str_lossy().parse::<i32>().is_ok();
            let is_bound = is_port(host) || path.segments().get(3).is_some_and(is_port);
            if is_bound {
                NameTree::Leaf(Name::Bound(()))
            } else {
                NameTree::Neg
            }
        }
        _ => NameTree::Neg,
    })
}
