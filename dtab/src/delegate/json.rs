//! The JSON that `delegator.json` and namerd's delegate and bind APIs show. Source: linkerd `DelegateApiHandler`.

use serde_json::{Map, Value, json};

use super::tree::DelegateTree;
use crate::dentry::Dentry;
use crate::name_tree::NameTree;
use crate::path::Path;

impl<B> DelegateTree<B> {
    /// The tree as JSON. `bound` renders a name, `{"addr":…,"id":"/…","path":"/…"}`; it also gets the node's path, which
    /// stands for an id that isn't a path.
    #[must_use]
    pub fn to_json(&self, bound: &mut impl FnMut(&B, &Path) -> Value) -> Value {
        let (kind, path) = self.label();
        let mut node = Map::new();
        node.insert("type".to_owned(), kind.into());
        node.insert("path".to_owned(), path.into());
        if let Some(dentry) = self.dentry() {
            node.insert("dentry".to_owned(), dentry_json(dentry));
        }
        self.add_content(&mut node, bound);
        Value::Object(node)
    }

    /// The node's type and shown path.
    fn label(&self) -> (&'static str, String) {
        let shown = self.path().to_string();
        match self {
            Self::Delegate { .. } => ("delegate", shown),
            Self::Alt { .. } => ("alt", shown),
            Self::Union { .. } => ("union", shown),
            Self::Leaf { .. } => ("leaf", shown),
            Self::Neg { path, .. } if path.is_empty() => ("neg", "~".to_owned()),
            Self::Neg { .. } => ("neg", shown),
            Self::Fail { path, .. } if is_fail_name(path) => ("fail", shown),
            Self::Fail { .. } => ("fail", "!".to_owned()),
            Self::Empty { .. } => ("empty", shown),
            Self::Exception { .. } => ("exception", shown),
            Self::Transformation { .. } => ("transformation", shown),
        }
    }

    fn add_content(
        &self,
        node: &mut Map<String, Value>,
        bound: &mut impl FnMut(&B, &Path) -> Value,
    ) {
        let mut add = |key: &str, value: Value| node.insert(key.to_owned(), value);
        match self {
            Self::Delegate { tree, .. } => {
                add("delegate", tree.to_json(bound));
            }
            Self::Alt { trees, .. } => {
                add(
                    "alt",
                    trees.iter().map(|tree| tree.to_json(bound)).collect(),
                );
            }
            Self::Union { branches, .. } => {
                let branch = |weight: f64, tree: Value| json!({"weight": weight, "tree": tree});
                let branches = branches
                    .iter()
                    .map(|each| branch(each.weight, each.tree.to_json(bound)))
                    .collect();
                add("union", branches);
            }
            Self::Leaf {
                path, bound: name, ..
            } => {
                add("bound", bound(name, path));
            }
            Self::Exception { message, .. } => {
                add("message", message.as_str().into());
            }
            Self::Transformation {
                path,
                name,
                bound: before,
                tree,
            } => {
                add("name", name.as_str().into());
                add("bound", bound(before, path));
                add("tree", tree.to_json(bound));
            }
            Self::Neg { .. } | Self::Fail { .. } | Self::Empty { .. } => {}
        }
    }
}

impl<T> NameTree<T> {
    /// The tree as the JSON of namerd's bind API: like a delegation tree's, without paths and rules.
    #[must_use]
    pub fn to_json(&self, bound: &mut impl FnMut(&T) -> Value) -> Value {
        match self {
            Self::Neg => json!({"type": "neg"}),
            Self::Fail => json!({"type": "fail"}),
            Self::Empty => json!({"type": "empty"}),
            Self::Leaf(leaf) => json!({"type": "leaf", "bound": bound(leaf)}),
            Self::Alt(trees) => {
                let trees: Vec<Value> = trees.iter().map(|tree| tree.to_json(bound)).collect();
                json!({"type": "alt", "alt": trees})
            }
            Self::Union(branches) => {
                let branches: Vec<Value> = branches
                    .iter()
                    .map(|branch| json!({"weight": branch.weight, "tree": branch.tree.to_json(bound)}))
                    .collect();
                json!({"type": "union", "union": branches})
            }
        }
    }
}

fn is_fail_name(path: &Path) -> bool {
    matches!(path.segments(), [system, fail, ..] if system == "$" && fail == "fail")
}

fn dentry_json(dentry: &Dentry) -> Value {
    json!({"prefix": dentry.prefix.to_string(), "dst": dentry.dst.to_string()})
}
