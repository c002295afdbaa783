//! Delegation trees, which only Linkerd 1's package and the HTTP API carry.

use std::sync::Arc;

use dtab::{DelegateTree, DelegateWeighted, Dentry, Elem, NameTree, Path, Prefix, Segment};

use super::{BoundName, Malformed, required, weight};
use crate::api;
use crate::linkerd::bound_delegate_tree::{self as message, Node, union};
use crate::linkerd::{self, dtab as dtab_message};

/// What Linkerd 1 puts before the text of an exception.
const EXCEPTION: &str = "BoundDelegateTree Exception: ";

/// The message for a delegation tree; `name` tells what a leaf is bound to.
///
/// # Errors
/// If a rule in it is nested too deep.
pub fn bound_delegate_tree<B>(
    tree: &DelegateTree<B>,
    name: &impl Fn(&B) -> BoundName,
) -> Result<linkerd::BoundDelegateTree, Malformed> {
    let (dentry, node) = match tree {
        DelegateTree::Delegate { dentry, tree, .. } => {
            let tree = bound_delegate_tree(tree, name)?;
            (dentry.as_ref(), Node::Delegate(Box::new(tree)))
        }
        DelegateTree::Alt { dentry, trees, .. } => {
            let trees = trees.iter().map(|tree| bound_delegate_tree(tree, name));
            let trees = trees.collect::<Result<_, _>>()?;
            (dentry.as_ref(), Node::Alt(message::Alt { trees }))
        }
        DelegateTree::Union {
            dentry, branches, ..
        } => {
            let trees = branches.iter().map(|branch| write_branch(branch, name));
            let trees = trees.collect::<Result<_, _>>()?;
            (dentry.as_ref(), Node::Union(message::Union { trees }))
        }
        DelegateTree::Leaf { dentry, bound, .. } => {
            (dentry.as_ref(), Node::Leaf(write_leaf(&name(bound))))
        }
        DelegateTree::Neg { dentry, .. } => (dentry.as_ref(), Node::Neg(message::Neg {})),
        DelegateTree::Fail { dentry, .. } => (dentry.as_ref(), Node::Fail(message::Fail {})),
        DelegateTree::Empty { dentry, .. } => (dentry.as_ref(), Node::Empty(message::Empty {})),
        DelegateTree::Exception {
            dentry, message, ..
        } => {
            let text = format!("{EXCEPTION}{message}");
            (dentry.as_ref(), Node::Exception(text))
        }
        DelegateTree::Transformation {
            path,
            name: transformer,
            bound,
            tree,
        } => {
            let transformation = message::Transformation {
                name: Some(transformer.clone()),
                leaf: Some(write_leaf(&name(bound))),
                tree: Some(Box::new(bound_delegate_tree(tree, name)?)),
            };
            return Ok(linkerd::BoundDelegateTree {
                path: Some(path.into()),
                dentry: None,
                node: Some(Node::Transformation(Box::new(transformation))),
            });
        }
    };
    Ok(linkerd::BoundDelegateTree {
        path: Some(tree.path().into()),
        dentry: Some(write_dentry(dentry.map(Arc::as_ref))?),
        node: Some(node),
    })
}

fn write_branch<B>(
    branch: &DelegateWeighted<B>,
    name: &impl Fn(&B) -> BoundName,
) -> Result<union::Weighted, Malformed> {
    Ok(union::Weighted {
        weight: Some(branch.weight),
        tree: Some(bound_delegate_tree(&branch.tree, name)?),
    })
}

fn write_leaf(name: &BoundName) -> message::Leaf {
    message::Leaf {
        id: Some((&name.id.path()).into()),
        residual: Some((&name.residual).into()),
    }
}

/// Where no rule led, Linkerd 1 wants one that no text can write.
fn write_dentry(dentry: Option<&Dentry>) -> Result<dtab_message::Dentry, Malformed> {
    match dentry {
        Some(dentry) => dentry.try_into(),
        None => (&no_rule()).try_into(),
    }
}

fn no_rule() -> Dentry {
    let slash = Segment::new("/").expect("one byte is not empty");
    Dentry {
        prefix: Prefix::from_iter([Elem::Label(slash)]),
        dst: NameTree::Neg,
    }
}

impl TryFrom<&linkerd::BoundDelegateTree> for DelegateTree<BoundName> {
    type Error = Malformed;

    /// Recurses as deep as the message is: protobuf's decoder has seen to it that that isn't deep.
    fn try_from(tree: &linkerd::BoundDelegateTree) -> Result<Self, Malformed> {
        let path = required(tree.path.as_ref(), "a step's path")?.try_into()?;
        let dentry = read_dentry(tree.dentry.as_ref())?;
        Ok(match required(tree.node.as_ref(), "a step's node")? {
            Node::Neg(_) => Self::Neg { path, dentry },
            Node::Fail(_) => Self::Fail { path, dentry },
            Node::Empty(_) => Self::Empty { path, dentry },
            Node::Alt(alt) => {
                let trees = alt.trees.iter().map(Self::try_from);
                let trees = trees.collect::<Result<_, _>>()?;
                Self::Alt {
                    path,
                    dentry,
                    trees,
                }
            }
            Node::Union(union) => {
                let branches = union.trees.iter().map(read_branch);
                let branches = branches.collect::<Result<_, _>>()?;
                Self::Union {
                    path,
                    dentry,
                    branches,
                }
            }
            Node::Leaf(leaf) => Self::Leaf {
                path,
                dentry,
                bound: read_leaf(leaf)?,
            },
            Node::Delegate(tree) => Self::Delegate {
                path,
                dentry,
                tree: Box::new(tree.as_ref().try_into()?),
            },
            Node::Transformation(step) => {
                let tree = required(step.tree.as_ref(), "a transformation's tree")?;
                let leaf = required(step.leaf.as_ref(), "a transformation's leaf")?;
                Self::Transformation {
                    path,
                    name: step.name.clone().unwrap_or_default(),
                    bound: read_leaf(leaf)?,
                    tree: Box::new(tree.as_ref().try_into()?),
                }
            }
            Node::Exception(text) => {
                let message = text.strip_prefix(EXCEPTION).unwrap_or(text).to_owned();
                Self::Exception {
                    path,
                    dentry,
                    message,
                }
            }
        })
    }
}

fn read_branch(branch: &union::Weighted) -> Result<DelegateWeighted<BoundName>, Malformed> {
    Ok(DelegateWeighted {
        weight: weight(branch.weight.unwrap_or_default())?,
        tree: required(branch.tree.as_ref(), "a branch's tree")?.try_into()?,
    })
}

fn read_leaf(leaf: &message::Leaf) -> Result<BoundName, Malformed> {
    let id: Path = required(leaf.id.as_ref(), "a leaf's id")?.try_into()?;
    let residual = required(leaf.residual.as_ref(), "a leaf's residual")?;
    Ok(BoundName {
        id: id.into(),
        residual: residual.try_into()?,
    })
}

fn read_dentry(dentry: Option<&dtab_message::Dentry>) -> Result<Option<Arc<Dentry>>, Malformed> {
    let dentry = dentry.map(Dentry::try_from).transpose()?;
    Ok(dentry.filter(|dentry| *dentry != no_rule()).map(Arc::new))
}

impl TryFrom<api::DelegateTree> for DelegateTree<api::BoundName> {
    type Error = Malformed;

    /// The JSON form doesn't tell the path of a `!`, which becomes the empty one.
    fn try_from(tree: api::DelegateTree) -> Result<Self, Malformed> {
        use api::DelegateTree as Json;
        Ok(match tree {
            Json::Delegate {
                path,
                dentry,
                delegate,
            } => Self::Delegate {
                path: parse_path(&path)?,
                dentry: parse_dentry(dentry)?,
                tree: Box::new((*delegate).try_into()?),
            },
            Json::Alt { path, dentry, alt } => {
                let trees = alt.into_iter().map(Self::try_from);
                Self::Alt {
                    path: parse_path(&path)?,
                    dentry: parse_dentry(dentry)?,
                    trees: trees.collect::<Result<_, _>>()?,
                }
            }
            Json::Union {
                path,
                dentry,
                union,
            } => {
                let branches = union.into_iter().map(parse_branch);
                Self::Union {
                    path: parse_path(&path)?,
                    dentry: parse_dentry(dentry)?,
                    branches: branches.collect::<Result<_, _>>()?,
                }
            }
            Json::Leaf {
                path,
                dentry,
                bound,
            } => Self::Leaf {
                path: parse_path(&path)?,
                dentry: parse_dentry(dentry)?,
                bound,
            },
            Json::Neg { path, dentry } => Self::Neg {
                path: parse_path(&path)?,
                dentry: parse_dentry(dentry)?,
            },
            Json::Fail { path, dentry } => Self::Fail {
                path: parse_path(&path)?,
                dentry: parse_dentry(dentry)?,
            },
            Json::Empty { path, dentry } => Self::Empty {
                path: parse_path(&path)?,
                dentry: parse_dentry(dentry)?,
            },
            Json::Exception {
                path,
                dentry,
                message,
            } => Self::Exception {
                path: parse_path(&path)?,
                dentry: parse_dentry(dentry)?,
                message,
            },
            Json::Transformation {
                path,
                name,
                bound,
                tree,
            } => Self::Transformation {
                path: parse_path(&path)?,
                name,
                bound,
                tree: Box::new((*tree).try_into()?),
            },
        })
    }
}

fn parse_branch(
    branch: api::Weighted<api::DelegateTree>,
) -> Result<DelegateWeighted<api::BoundName>, Malformed> {
    Ok(DelegateWeighted {
        weight: weight(branch.weight)?,
        tree: branch.tree.try_into()?,
    })
}

fn parse_path(text: &str) -> Result<Path, Malformed> {
    match text {
        "~" | "!" => Ok(Path::empty()),
        text => Path::parse(text).map_err(|_| Malformed::Syntax(text.to_owned())),
    }
}

fn parse_dentry(dentry: Option<api::Dentry>) -> Result<Option<Arc<Dentry>>, Malformed> {
    let Some(api::Dentry { prefix, dst }) = dentry else {
        return Ok(None);
    };
    let dentry = Dentry {
        prefix: Prefix::parse(&prefix).map_err(|_| Malformed::Syntax(prefix))?,
        dst: NameTree::parse(&dst).map_err(|_| Malformed::Syntax(dst))?,
    };
    Ok(Some(Arc::new(dentry)))
}

#[cfg(test)]
mod tests {
    use dtab::{Answer, Dtab, Name};
    use prost::Message as _;

    use super::super::BoundId;
    use super::*;

    fn sample() -> DelegateTree<BoundName> {
        let dtab = "/svc=>/#/a | ! | ~ | $ | 0*/#/b & 0.5*/#/broken; /svc/*=>/x";
        let tree = dtab::delegate(
            &Path::parse("/svc/web").unwrap(),
            &Dtab::parse(dtab).unwrap(),
            &mut |path| {
                if path.starts_with(&Path::parse("/#/broken").unwrap()) {
                    return Answer::Failed("broken".to_owned());
                }
                if !path.starts_with(&Path::parse("/#").unwrap()) {
                    return Answer::Tree(NameTree::Neg);
                }
                Answer::Tree(NameTree::Leaf(Name::Bound(BoundName {
                    id: BoundId::Path(path.take(2)),
                    residual: path.skip(2),
                })))
            },
        );
        let name = BoundName {
            id: BoundId::Status(503),
            residual: Path::empty(),
        };
        let tree = DelegateTree::Transformation {
            path: Path::parse("/t").unwrap(),
            name: "T".to_owned(),
            bound: name,
            tree: Box::new(tree.unwrap()),
        };
        DelegateTree::Delegate {
            path: Path::parse("/svc").unwrap(),
            dentry: None,
            tree: Box::new(tree),
        }
    }

    #[test]
    fn every_kind_of_step_survives_the_message() {
        let tree = sample();
        let message = bound_delegate_tree(&tree, &BoundName::clone).unwrap();
        let read = linkerd::BoundDelegateTree::decode(message.encode_to_vec().as_slice());
        assert_eq!(DelegateTree::try_from(&read.unwrap()).unwrap(), tree);
    }

    #[test]
    fn every_kind_of_step_survives_the_json() {
        let named = |name: &BoundName, _: &Path| {
            serde_json::json!({
                "addr": {"type": "neg"},
                "id": name.id.path(),
                "path": name.residual,
            })
        };
        let json = sample().to_json(&mut { named });
        let read: api::DelegateTree = serde_json::from_value(json.clone()).unwrap();
        assert_eq!(serde_json::to_value(&read).unwrap(), json);
        let tree = DelegateTree::<api::BoundName>::try_from(read).unwrap();
        let renamed = |name: &api::BoundName, _: &Path| serde_json::to_value(name).unwrap();
        assert_eq!(tree.to_json(&mut { renamed }), json);
    }

    #[test]
    fn the_root_has_a_rule_that_no_text_can_write() {
        let tree: DelegateTree<BoundName> = DelegateTree::Neg {
            path: Path::empty(),
            dentry: None,
        };
        let message = bound_delegate_tree(&tree, &BoundName::clone).unwrap();
        // path {}, dentry { prefix { elem { label: "/" } }, dst { neg {} } }, neg {}
        let wanted = b"\x0a\x00\x12\x0b\x0a\x05\x0a\x03\x0a\x01/\x12\x02\x0a\x00\x1a\x00";
        assert_eq!(message.encode_to_vec(), wanted);
    }

    #[test]
    fn a_transformation_has_no_rule_and_an_exception_has_a_prefix() {
        let exception: DelegateTree<BoundName> = DelegateTree::Exception {
            path: Path::empty(),
            dentry: None,
            message: "why".to_owned(),
        };
        let message = bound_delegate_tree(&exception, &BoundName::clone).unwrap();
        let text = "BoundDelegateTree Exception: why".to_owned();
        assert_eq!(message.node, Some(Node::Exception(text)));
        let message = bound_delegate_tree(&sample(), &BoundName::clone).unwrap();
        let Some(Node::Delegate(transformation)) = message.node else {
            panic!("{message:?}");
        };
        assert_eq!(transformation.dentry, None);
    }

    #[test]
    fn what_means_nothing_is_malformed() {
        let nothing = linkerd::BoundDelegateTree::default();
        assert_eq!(
            DelegateTree::try_from(&nothing),
            Err(Malformed::Missing("a step's path"))
        );
        let json = api::DelegateTree::Neg {
            path: "web".to_owned(),
            dentry: None,
        };
        assert_eq!(
            DelegateTree::try_from(json),
            Err(Malformed::Syntax("web".to_owned()))
        );
    }
}
