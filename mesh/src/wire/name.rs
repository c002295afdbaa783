//! Paths, name trees and dtabs, which are the same messages in both packages.

use bytes::Bytes;
use dtab::{Dentry, Dtab, Elem, NameTree, Path, Prefix, Segment, Weighted};

use super::{Malformed, below, required, weight};
use crate::linkerd::dtab as dtab_message;
use crate::linkerd::dtab::dentry as dentry_message;
use crate::linkerd::dtab::dentry::prefix as prefix_message;
use crate::linkerd::{self, path_name_tree as tree_message};

impl From<&Path> for linkerd::Path {
    fn from(path: &Path) -> Self {
        let elems = path.segments().iter().map(bytes).collect();
        Self { elems }
    }
}

impl TryFrom<&linkerd::Path> for Path {
    type Error = Malformed;

    fn try_from(path: &linkerd::Path) -> Result<Self, Malformed> {
        Ok(Self::from_segments(&path.elems)?)
    }
}

impl TryFrom<&Dtab> for linkerd::Dtab {
    type Error = Malformed;

    fn try_from(dtab: &Dtab) -> Result<Self, Malformed> {
        let dentries = dtab.dentries().iter().map(TryFrom::try_from);
        Ok(Self {
            dentries: dentries.collect::<Result<_, Malformed>>()?,
        })
    }
}

impl TryFrom<&linkerd::Dtab> for Dtab {
    type Error = Malformed;

    fn try_from(dtab: &linkerd::Dtab) -> Result<Self, Malformed> {
        let dentries = dtab.dentries.iter().map(TryFrom::try_from);
        Ok(Self::from_dentries(
            dentries.collect::<Result<_, Malformed>>()?,
        ))
    }
}

impl TryFrom<&Dentry> for dtab_message::Dentry {
    type Error = Malformed;

    fn try_from(dentry: &Dentry) -> Result<Self, Malformed> {
        let elems = dentry.prefix.elems().iter().map(write_elem).collect();
        Ok(Self {
            prefix: Some(dentry_message::Prefix { elems }),
            dst: Some((&dentry.dst).try_into()?),
        })
    }
}

impl TryFrom<&dtab_message::Dentry> for Dentry {
    type Error = Malformed;

    fn try_from(dentry: &dtab_message::Dentry) -> Result<Self, Malformed> {
        let prefix = required(dentry.prefix.as_ref(), "a dentry's prefix")?;
        let elems: Result<Prefix, _> = prefix.elems.iter().map(read_elem).collect();
        Ok(Self {
            prefix: elems?,
            dst: required(dentry.dst.as_ref(), "a dentry's destination")?.try_into()?,
        })
    }
}

impl TryFrom<&NameTree<Path>> for linkerd::PathNameTree {
    type Error = Malformed;

    fn try_from(tree: &NameTree<Path>) -> Result<Self, Malformed> {
        write_tree(tree, 0)
    }
}

impl TryFrom<&linkerd::PathNameTree> for NameTree<Path> {
    type Error = Malformed;

    fn try_from(tree: &linkerd::PathNameTree) -> Result<Self, Malformed> {
        read_tree(tree, 0)
    }
}

fn bytes(segment: &Segment) -> Bytes {
    Bytes::copy_from_slice(segment.as_bytes())
}

fn write_elem(elem: &Elem) -> prefix_message::Elem {
    use prefix_message::elem::{Value, Wildcard};
    let value = match elem {
        Elem::Any => Value::Wildcard(Wildcard {}),
        Elem::Label(label) => Value::Label(bytes(label)),
    };
    prefix_message::Elem { value: Some(value) }
}

fn read_elem(elem: &prefix_message::Elem) -> Result<Elem, Malformed> {
    use prefix_message::elem::Value;
    Ok(
        match required(elem.value.as_ref(), "a prefix element's value")? {
            Value::Wildcard(_) => Elem::Any,
            Value::Label(label) => Elem::Label(Segment::new(label)?),
        },
    )
}

fn write_tree(tree: &NameTree<Path>, depth: usize) -> Result<linkerd::PathNameTree, Malformed> {
    use tree_message::{Alt, Empty, Fail, Leaf, Neg, Node, Union, union};
    let node = match tree {
        NameTree::Neg => Node::Neg(Neg {}),
        NameTree::Fail => Node::Fail(Fail {}),
        NameTree::Empty => Node::Empty(Empty {}),
        NameTree::Leaf(path) => Node::Leaf(Leaf {
            id: Some(path.into()),
        }),
        NameTree::Alt(trees) => {
            let depth = below(depth)?;
            let trees = trees.iter().map(|tree| write_tree(tree, depth));
            Node::Alt(Alt {
                trees: trees.collect::<Result<_, Malformed>>()?,
            })
        }
        NameTree::Union(branches) => {
            let depth = below(depth)?;
            let write = |branch: &Weighted<Path>| {
                Ok(union::Weighted {
                    weight: Some(branch.weight),
                    tree: Some(write_tree(&branch.tree, depth)?),
                })
            };
            Node::Union(Union {
                trees: branches
                    .iter()
                    .map(write)
                    .collect::<Result<_, Malformed>>()?,
            })
        }
    };
    Ok(linkerd::PathNameTree { node: Some(node) })
}

fn read_tree(tree: &linkerd::PathNameTree, depth: usize) -> Result<NameTree<Path>, Malformed> {
    use tree_message::{Node, union};
    Ok(match required(tree.node.as_ref(), "a tree's node")? {
        Node::Neg(_) => NameTree::Neg,
        Node::Fail(_) => NameTree::Fail,
        Node::Empty(_) => NameTree::Empty,
        Node::Leaf(leaf) => {
            NameTree::Leaf(required(leaf.id.as_ref(), "a leaf's path")?.try_into()?)
        }
        Node::Alt(alt) => {
            let depth = below(depth)?;
            let trees = alt.trees.iter().map(|tree| read_tree(tree, depth));
            NameTree::Alt(trees.collect::<Result<_, Malformed>>()?)
        }
        Node::Union(union) => {
            let depth = below(depth)?;
            let read = |branch: &union::Weighted| {
                Ok(Weighted {
                    weight: weight(branch.weight.unwrap_or_default())?,
                    tree: read_tree(required(branch.tree.as_ref(), "a branch's tree")?, depth)?,
                })
            };
            NameTree::Union(
                union
                    .trees
                    .iter()
                    .map(read)
                    .collect::<Result<_, Malformed>>()?,
            )
        }
    })
}

#[cfg(test)]
mod tests {
    use prost::Message as _;

    use super::super::MAX_TREE_DEPTH;
    use super::*;

    #[track_caller]
    fn check_dtab(text: &str, bytes: &[u8]) {
        let dtab = Dtab::parse(text).unwrap();
        let message = linkerd::Dtab::try_from(&dtab).unwrap();
        assert_eq!(message.encode_to_vec(), bytes, "{text}");
        let read = linkerd::Dtab::decode(bytes).unwrap();
        assert_eq!(Dtab::try_from(&read).unwrap(), dtab);
    }

    #[test]
    fn a_path_is_a_list_of_its_segments() {
        let path = Path::parse("/svc/web").unwrap();
        let message = linkerd::Path::from(&path);
        assert_eq!(message.encode_to_vec(), b"\x0a\x03svc\x0a\x03web");
        assert_eq!(Path::try_from(&message).unwrap(), path);
        assert_eq!(linkerd::Path::from(&Path::empty()).encode_to_vec(), b"");
    }

    #[test]
    fn dentries_have_every_message_even_when_it_is_empty() {
        // dentry { prefix {}, dst { leaf { id {} } } }
        check_dtab("/=>/", b"\x0a\x08\x0a\x00\x12\x04\x32\x02\x0a\x00");
        // dentry { prefix { elem { wildcard {} } }, dst { neg {} } }
        check_dtab("/*=>~", b"\x0a\x0a\x0a\x04\x0a\x02\x12\x00\x12\x02\x0a\x00");
        // dentry { prefix { elem { label } }, dst { alt { fail {}, empty {} } } }
        check_dtab(
            "/a=>!|$",
            b"\x0a\x13\x0a\x05\x0a\x03\x0a\x01a\x12\x0a\x22\x08\x0a\x02\x12\x00\x0a\x02\x1a\x00",
        );
    }

    #[test]
    fn a_weight_of_zero_is_written() {
        // dentry { prefix { elem { label } }, dst { union { { weight, tree { neg {} } }, { weight, tree { fail {} } } } } }
        let start = b"\x0a\x29\x0a\x05\x0a\x03\x0a\x01a\x12\x20\x2a\x1e";
        let zero = b"\x0a\x0d\x09\0\0\0\0\0\0\0\0\x12\x02\x0a\0";
        let one = b"\x0a\x0d\x09\0\0\0\0\0\0\xf0\x3f\x12\x02\x12\0";
        check_dtab("/a=>0*~ & !", &[&start[..], zero, one].concat());
    }

    #[test]
    fn what_means_nothing_is_malformed() {
        let tree = |node| linkerd::PathNameTree { node: Some(node) };
        let read = |node| NameTree::try_from(&tree(node)).unwrap_err();
        let branch = tree_message::union::Weighted {
            weight: Some(-1.0),
            tree: Some(tree(tree_message::Node::Neg(tree_message::Neg {}))),
        };
        let union = tree_message::Union {
            trees: vec![branch],
        };
        assert_eq!(
            NameTree::try_from(&linkerd::PathNameTree { node: None }),
            Err(Malformed::Missing("a tree's node"))
        );
        assert_eq!(
            read(tree_message::Node::Leaf(tree_message::Leaf { id: None })),
            Malformed::Missing("a leaf's path")
        );
        assert_eq!(
            read(tree_message::Node::Union(union)),
            Malformed::Weight(-1.0)
        );
        let path = linkerd::Path {
            elems: vec![Bytes::from_static(b"a"), Bytes::new()],
        };
        assert_eq!(Path::try_from(&path), Err(Malformed::EmptySegment));
        let dentry = dtab_message::Dentry::default();
        assert_eq!(
            Dentry::try_from(&dentry),
            Err(Malformed::Missing("a dentry's prefix"))
        );
    }

    #[test]
    fn the_deepest_tree_that_is_written_can_be_decoded_and_read() {
        let dtab = Dtab::from_dentries(vec![dentry(nested(MAX_TREE_DEPTH))]);
        let subscribe = crate::v1::Subscribe {
            dtab: Some((&dtab).try_into().unwrap()),
            ..Default::default()
        };
        let message = crate::v1::FromRouter {
            message: Some(crate::v1::from_router::Message::Subscribe(subscribe)),
        };
        let read = crate::v1::FromRouter::decode(message.encode_to_vec().as_slice()).unwrap();
        assert_eq!(read, message);

        let deeper = Dtab::from_dentries(vec![dentry(nested(MAX_TREE_DEPTH + 1))]);
        assert_eq!(linkerd::Dtab::try_from(&deeper), Err(Malformed::TooDeep));
    }

    fn dentry(dst: NameTree<Path>) -> Dentry {
        Dentry {
            prefix: Prefix::parse("/a").unwrap(),
            dst,
        }
    }

    fn nested(depth: usize) -> NameTree<Path> {
        (0..depth).fold(NameTree::Leaf(Path::parse("/b").unwrap()), |tree, _| {
            NameTree::Union(vec![Weighted { weight: 1.0, tree }])
        })
    }
}
