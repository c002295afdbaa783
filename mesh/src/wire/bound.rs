//! Bound names and trees of them.

use dtab::{Leaf, NameTree, Path, Weighted};

use super::{Malformed, below, required, weight};
use crate::{api, linkerd, v1};

/// A tree of bound names, as the mesh carries it.
pub type BoundTree = NameTree<Leaf<BoundName>>;

/// What a name is bound to, without its addresses.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct BoundName {
    /// The concrete name.
    pub id: BoundId,
    /// The segments that the namer did not consume.
    pub residual: Path,
}

/// A concrete name.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum BoundId {
    /// A name with addresses of its own.
    Path(Path),
    /// A status code that the router answers with by itself.
    Status(u16),
}

/// What the path of a status code begins with.
const STATUS_PREFIX: [&str; 2] = ["$", "io.buoyant.http.status"];

impl BoundId {
    /// The name as a path: `/$/io.buoyant.http.status/503` for a status code.
    pub fn path(&self) -> Path {
        match self {
            Self::Path(path) => path.clone(),
            Self::Status(code) => {
                let [class, kind] = STATUS_PREFIX;
                Path::from_segments([class, kind, &code.to_string()])
                    .expect("none of the segments is empty")
            }
        }
    }
}

impl From<Path> for BoundId {
    /// Recognizes the paths of status codes.
    fn from(path: Path) -> Self {
        status_code(&path).map_or(Self::Path(path), Self::Status)
    }
}

fn status_code(path: &Path) -> Option<u16> {
    let [class, kind, code] = path.segments() else {
        return None;
    };
    if [class.as_bytes(), kind.as_bytes()] != STATUS_PREFIX.map(str::as_bytes) {
        return None;
    }
    let code = code.to_str_lossy().parse().ok()?;
    (100..=999).contains(&code).then_some(code)
}

impl From<&BoundId> for v1::BoundId {
    fn from(id: &BoundId) -> Self {
        let id = match id {
            BoundId::Path(path) => v1::bound_id::Id::Path(path.into()),
            BoundId::Status(code) => v1::bound_id::Id::HttpStatus((*code).into()),
        };
        Self { id: Some(id) }
    }
}

impl TryFrom<&v1::BoundId> for BoundId {
    type Error = Malformed;

    fn try_from(id: &v1::BoundId) -> Result<Self, Malformed> {
        match required(id.id.as_ref(), "a bound name's id")? {
            v1::bound_id::Id::Path(path) => Ok(Self::Path(path.try_into()?)),
            v1::bound_id::Id::HttpStatus(code) => u16::try_from(*code)
                .ok()
                .filter(|code| (100..=999).contains(code))
                .map(Self::Status)
                .ok_or(Malformed::StatusCode(*code)),
        }
    }
}

impl TryFrom<&BoundTree> for v1::BoundTree {
    type Error = Malformed;

    fn try_from(tree: &BoundTree) -> Result<Self, Malformed> {
        write_tree(tree, 0)
    }
}

impl TryFrom<&v1::BoundTree> for BoundTree {
    type Error = Malformed;

    fn try_from(tree: &v1::BoundTree) -> Result<Self, Malformed> {
        read_tree(tree, 0)
    }
}

fn write_tree(tree: &BoundTree, depth: usize) -> Result<v1::BoundTree, Malformed> {
    use v1::bound_tree::{self as message, Alt, Empty, Fail, Neg, Node, Union};
    let node = match tree {
        NameTree::Neg => Node::Neg(Neg {}),
        NameTree::Fail => Node::Fail(Fail {}),
        NameTree::Empty => Node::Empty(Empty {}),
        NameTree::Leaf(leaf) => Node::Leaf(message::Leaf {
            id: Some((&leaf.bound.id).into()),
            residual: Some((&leaf.bound.residual).into()),
            weight: leaf.weight,
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
            let write = |branch: &Weighted<_>| {
                Ok(message::Weighted {
                    weight: branch.weight,
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
    Ok(v1::BoundTree { node: Some(node) })
}

fn read_tree(tree: &v1::BoundTree, depth: usize) -> Result<BoundTree, Malformed> {
    use v1::bound_tree::{self as message, Node};
    Ok(match required(tree.node.as_ref(), "a tree's node")? {
        Node::Neg(_) => NameTree::Neg,
        Node::Fail(_) => NameTree::Fail,
        Node::Empty(_) => NameTree::Empty,
        Node::Leaf(leaf) => NameTree::Leaf(Leaf {
            bound: BoundName {
                id: required(leaf.id.as_ref(), "a leaf's id")?.try_into()?,
                residual: required(leaf.residual.as_ref(), "a leaf's residual")?.try_into()?,
            },
            weight: leaf.weight.map(weight).transpose()?,
        }),
        Node::Alt(alt) => {
            let depth = below(depth)?;
            let trees = alt.trees.iter().map(|tree| read_tree(tree, depth));
            NameTree::Alt(trees.collect::<Result<_, Malformed>>()?)
        }
        Node::Union(union) => {
            let depth = below(depth)?;
            let read = |branch: &message::Weighted| {
                Ok(Weighted {
                    weight: weight(branch.weight)?,
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

impl From<&BoundTree> for linkerd::BoundNameTree {
    /// Leaves out what these messages have no place for: the weights of leaves. Clients find them in the unions.
    fn from(tree: &BoundTree) -> Self {
        use linkerd::bound_name_tree::{Alt, Empty, Fail, Neg, Node, Union, union};
        let node = match tree {
            NameTree::Neg => Node::Neg(Neg {}),
            NameTree::Fail => Node::Fail(Fail {}),
            NameTree::Empty => Node::Empty(Empty {}),
            NameTree::Leaf(leaf) => Node::Leaf(linkerd::bound_name_tree::Leaf {
                id: Some((&leaf.bound.id.path()).into()),
                residual: Some((&leaf.bound.residual).into()),
            }),
            NameTree::Alt(trees) => Node::Alt(Alt {
                trees: trees.iter().map(Into::into).collect(),
            }),
            NameTree::Union(branches) => Node::Union(Union {
                trees: branches
                    .iter()
                    .map(|branch| union::Weighted {
                        weight: Some(branch.weight),
                        tree: Some((&branch.tree).into()),
                    })
                    .collect(),
            }),
        };
        Self { node: Some(node) }
    }
}

impl TryFrom<&linkerd::BoundNameTree> for BoundTree {
    type Error = Malformed;

    /// A leaf gets the weight of the innermost union branch that it stands in.
    fn try_from(tree: &linkerd::BoundNameTree) -> Result<Self, Malformed> {
        read_linkerd_tree(tree, None, 0)
    }
}

fn read_linkerd_tree(
    tree: &linkerd::BoundNameTree,
    innermost: Option<f64>,
    depth: usize,
) -> Result<BoundTree, Malformed> {
    use linkerd::bound_name_tree::{Node, union};
    Ok(match required(tree.node.as_ref(), "a tree's node")? {
        Node::Neg(_) => NameTree::Neg,
        Node::Fail(_) => NameTree::Fail,
        Node::Empty(_) => NameTree::Empty,
        Node::Leaf(leaf) => NameTree::Leaf(Leaf {
            bound: BoundName {
                id: Path::try_from(required(leaf.id.as_ref(), "a leaf's id")?)?.into(),
                residual: required(leaf.residual.as_ref(), "a leaf's residual")?.try_into()?,
            },
            weight: innermost,
        }),
        Node::Alt(alt) => {
            let depth = below(depth)?;
            let trees = alt.trees.iter();
            let trees = trees.map(|tree| read_linkerd_tree(tree, innermost, depth));
            NameTree::Alt(trees.collect::<Result<_, Malformed>>()?)
        }
        Node::Union(union) => {
            let depth = below(depth)?;
            let read = |branch: &union::Weighted| {
                let weight = weight(branch.weight.unwrap_or_default())?;
                let tree = required(branch.tree.as_ref(), "a branch's tree")?;
                let tree = read_linkerd_tree(tree, Some(weight), depth)?;
                Ok(Weighted { weight, tree })
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

impl From<&api::BoundName> for BoundName {
    fn from(name: &api::BoundName) -> Self {
        Self {
            id: name.id.clone().into(),
            residual: name.path.clone(),
        }
    }
}

impl TryFrom<api::BoundTree> for NameTree<Leaf<api::BoundName>> {
    type Error = Malformed;

    /// A leaf gets the weight of the innermost union branch that it stands in.
    fn try_from(tree: api::BoundTree) -> Result<Self, Malformed> {
        read_api_tree(tree, None)
    }
}

/// Recurses as deep as the tree is: the JSON parser has seen to it that that isn't deep.
fn read_api_tree(
    tree: api::BoundTree,
    innermost: Option<f64>,
) -> Result<NameTree<Leaf<api::BoundName>>, Malformed> {
    Ok(match tree {
        api::BoundTree::Neg => NameTree::Neg,
        api::BoundTree::Fail => NameTree::Fail,
        api::BoundTree::Empty => NameTree::Empty,
        api::BoundTree::Leaf { bound } => NameTree::Leaf(Leaf {
            bound,
            weight: innermost,
        }),
        api::BoundTree::Alt { alt } => {
            let trees = alt.into_iter().map(|tree| read_api_tree(tree, innermost));
            NameTree::Alt(trees.collect::<Result<_, Malformed>>()?)
        }
        api::BoundTree::Union { union } => {
            let read = |branch: api::Weighted<api::BoundTree>| {
                let weight = weight(branch.weight)?;
                let tree = read_api_tree(branch.tree, Some(weight))?;
                Ok(Weighted { weight, tree })
            };
            NameTree::Union(
                union
                    .into_iter()
                    .map(read)
                    .collect::<Result<_, Malformed>>()?,
            )
        }
    })
}

#[cfg(test)]
mod tests {
    use prost::Message as _;

    use super::*;

    fn path(text: &str) -> Path {
        Path::parse(text).unwrap()
    }

    fn leaf(id: BoundId, weight: Option<f64>) -> BoundTree {
        let residual = path("/users");
        NameTree::Leaf(Leaf {
            bound: BoundName { id, residual },
            weight,
        })
    }

    fn sample() -> BoundTree {
        let branch = |weight, tree| Weighted { weight, tree };
        NameTree::Union(vec![
            branch(0.25, leaf(BoundId::Path(path("/#/a")), Some(0.25))),
            branch(0.0, leaf(BoundId::Status(503), Some(0.0))),
            branch(2.0, NameTree::Alt(vec![NameTree::Neg, NameTree::Fail])),
            branch(1.0, NameTree::Empty),
        ])
    }

    #[test]
    fn trees_survive_both_packages() {
        let tree = sample();
        let ours = v1::BoundTree::try_from(&tree).unwrap();
        let ours = v1::BoundTree::decode(ours.encode_to_vec().as_slice()).unwrap();
        assert_eq!(BoundTree::try_from(&ours).unwrap(), tree);
        let theirs = linkerd::BoundNameTree::from(&tree);
        let theirs = linkerd::BoundNameTree::decode(theirs.encode_to_vec().as_slice()).unwrap();
        assert_eq!(BoundTree::try_from(&theirs).unwrap(), tree);
    }

    #[test]
    fn json_trees_tell_each_leaf_its_innermost_weight() {
        let json = r#"{"type":"union","union":[{"weight":0.3,"tree":{"type":"leaf","bound":{"addr":{"type":"neg"},"id":"/$/io.buoyant.http.status/503","path":"/users"}}},{"weight":1,"tree":{"type":"empty"}}]}"#;
        let tree: api::BoundTree = serde_json::from_str(json).unwrap();
        let tree = NameTree::<Leaf<api::BoundName>>::try_from(tree).unwrap();
        let tree = tree.map(&mut |leaf| Leaf {
            bound: BoundName::from(&leaf.bound),
            weight: leaf.weight,
        });
        let branch = |weight, tree| Weighted { weight, tree };
        let wanted = NameTree::Union(vec![
            branch(0.3, leaf(BoundId::Status(503), Some(0.3))),
            branch(1.0, NameTree::Empty),
        ]);
        assert_eq!(tree, wanted);
    }

    #[test]
    fn a_linkerd_leaf_has_both_paths_even_when_they_are_empty() {
        let bound = BoundName {
            id: BoundId::Path(Path::empty()),
            residual: Path::empty(),
        };
        let tree = NameTree::Leaf(Leaf {
            bound,
            weight: Some(0.5),
        });
        let bytes = linkerd::BoundNameTree::from(&tree).encode_to_vec();
        assert_eq!(bytes, b"\x32\x04\x0a\x00\x12\x00");
    }

    #[test]
    fn a_linkerd_weight_of_zero_is_written() {
        let branch = Weighted {
            weight: 0.0,
            tree: NameTree::Neg,
        };
        let bytes = linkerd::BoundNameTree::from(&NameTree::Union(vec![branch])).encode_to_vec();
        assert_eq!(bytes, b"\x2a\x0f\x0a\x0d\x09\0\0\0\0\0\0\0\0\x12\x02\x0a\0");
    }

    #[test]
    fn status_codes_have_a_path() {
        let shown = path("/$/io.buoyant.http.status/503");
        assert_eq!(BoundId::Status(503).path(), shown);
        assert_eq!(BoundId::from(shown), BoundId::Status(503));
        for other in [
            "/$/io.buoyant.http.status/99",
            "/$/io.buoyant.http.status/x",
            "/$/io.buoyant.http.status",
            "/#/io.buoyant.http.status/503",
        ] {
            assert_eq!(BoundId::from(path(other)), BoundId::Path(path(other)));
        }
    }

    #[test]
    fn what_means_nothing_is_malformed() {
        let status = v1::BoundId {
            id: Some(v1::bound_id::Id::HttpStatus(70_000)),
        };
        assert_eq!(
            BoundId::try_from(&status),
            Err(Malformed::StatusCode(70_000))
        );
        assert_eq!(
            BoundId::try_from(&v1::BoundId { id: None }),
            Err(Malformed::Missing("a bound name's id"))
        );
        assert_eq!(
            BoundTree::try_from(&v1::BoundTree { node: None }),
            Err(Malformed::Missing("a tree's node"))
        );
    }

    #[test]
    fn a_tree_that_no_peer_could_decode_is_not_written() {
        let deep = (0..=super::super::MAX_TREE_DEPTH).fold(sample(), |tree, _| {
            NameTree::Union(vec![Weighted { weight: 1.0, tree }])
        });
        assert_eq!(v1::BoundTree::try_from(&deep), Err(Malformed::TooDeep));
    }
}
