//! The conformance vectors for binding and delegation, with the built-in namers.
//!
//! The environment variable `NAMING_VECTORS` may name another file of the same form.

use dtab::{
    Answer, BindError, DelegateTree, Dtab, Leaf, Name, NameTree, Outcome, Path, Weighted, bind,
    delegate,
};
use namer::builtin::{Builtin, lookup};
use serde_json::{Value, json};

fn check(section: &str, claim: impl Fn(&Value) -> (Value, Value)) {
    let file = std::env::var("NAMING_VECTORS").unwrap_or_else(|_| {
        concat!(
            env!("CARGO_MANIFEST_DIR"),
            "/../dtab/conformance/naming.json"
        )
        .to_owned()
    });
    let text = std::fs::read_to_string(&file).expect("the vectors' file");
    let all: Value = serde_json::from_str(&text).expect("the vectors' JSON");
    let vectors = all[section].as_array().expect("a section of the vectors");
    assert!(!vectors.is_empty(), "no vectors in {section}");
    let failures: Vec<String> = vectors
        .iter()
        .filter_map(|vector| {
            let (actual, expected) = claim(vector);
            let failure = || format!("{}: {actual} instead of {expected}", vector["id"]);
            (actual != expected).then(failure)
        })
        .collect();
    assert!(
        failures.is_empty(),
        "{} of {}:\n{}",
        failures.len(),
        vectors.len(),
        failures.join("\n")
    );
}

#[test]
fn conformance_of_the_built_in_namers() {
    check("rewrite_namers", |vector| {
        let actual = match lookup(&path(&vector["path"])) {
            Builtin::Path(path) => json!(path),
            Builtin::Neg => json!("neg"),
            Builtin::Fail => json!("fail"),
            Builtin::Empty => json!("empty"),
            Builtin::Inet(inet) => json!({"bound": inet.id, "residual": inet.residual}),
            Builtin::Status { residual, .. } => json!({"bound": null, "residual": residual}),
            Builtin::Unsupported(_) => json!({"error": "unknown_namer"}),
        };
        (actual, vector["expected"].clone())
    });
}

#[test]
fn conformance_of_bind() {
    check("bind", |vector| {
        let namers = Scripted::of(vector);
        let (dtab, path) = (dtab(vector), path(&vector["path"]));
        let actual = match bind(&path, &dtab, &mut |path| namers.lookup(path)) {
            Outcome::Pending => json!({"state": "pending"}),
            Outcome::Failed(error) => json!({"state": "failed", "reason": reason(&error)}),
            Outcome::Bound(outcome) => json!({"state": "ok", "tree": tree_json(&outcome.tree)}),
        };
        (actual, vector["expected"].clone())
    });
}

#[test]
fn conformance_of_delegate() {
    check("delegate", |vector| {
        let namers = Scripted::of(vector);
        let (dtab, path) = (dtab(vector), path(&vector["path"]));
        let tree = delegate(&path, &dtab, &mut |path| namers.lookup(path)).expect("a tree");
        (
            without_messages(delegate_json(&tree)),
            vector["expected"].clone(),
        )
    });
}

/// An id and a residual.
type BoundName = (Path, Path);

fn path(value: &Value) -> Path {
    Path::parse(value.as_str().expect("a path's text")).expect("a path")
}

fn dtab(vector: &Value) -> Dtab {
    let parse = |key: &str| Dtab::parse(vector[key].as_str().unwrap_or_default()).expect("a dtab");
    parse("dtab").concat(&parse("dtab_override"))
}

fn reason(error: &BindError) -> &'static str {
    match error {
        BindError::MaxDepth { .. } => "max_depth",
        BindError::Namer { reason, .. } if reason.starts_with("Unknown namer: ") => "unknown_namer",
        BindError::Namer { .. } => "namer_error",
        BindError::TooLarge => "too_large",
    }
}

fn tree_json(tree: &NameTree<Leaf<BoundName>>) -> Value {
    match tree {
        NameTree::Neg => json!("neg"),
        NameTree::Fail => json!("fail"),
        NameTree::Empty => json!("empty"),
        NameTree::Leaf(Leaf {
            bound: (id, residual),
            weight: None,
        }) => {
            json!({"leaf": {"id": id, "residual": residual}})
        }
        NameTree::Leaf(Leaf {
            bound: (id, residual),
            weight,
        }) => {
            json!({"leaf": {"id": id, "residual": residual, "addr_weight": weight}})
        }
        NameTree::Union(branches) => {
            let branch =
                |each: &Weighted<_>| json!({"weight": each.weight, "tree": tree_json(&each.tree)});
            json!({"union": branches.iter().map(branch).collect::<Vec<Value>>()})
        }
        NameTree::Alt(_) => json!("an alternative, which binding should have decided"),
    }
}

fn delegate_json(tree: &DelegateTree<BoundName>) -> Value {
    tree.to_json(&mut |(id, residual), _| json!({"id": id, "path": residual}))
}

fn without_messages(mut tree: Value) -> Value {
    match &mut tree {
        Value::Object(node) => {
            node.shift_remove("message");
            node.values_mut()
                .for_each(|value| *value = without_messages(value.take()));
        }
        Value::Array(items) => items
            .iter_mut()
            .for_each(|item| *item = without_messages(item.take())),
        _ => {}
    }
    tree
}

/// The namers of a vector, before the built-in ones.
struct Scripted(Vec<ScriptedNamer>);

struct ScriptedNamer {
    prefix: Path,
    entries: Vec<(Path, Value)>,
}

impl Scripted {
    fn of(vector: &Value) -> Self {
        let namers = vector["namers"].as_array().cloned().unwrap_or_default();
        let entry = |entry: &Value| (path(&entry["path"]), entry["answer"].clone());
        let namer = |namer: &Value| ScriptedNamer {
            prefix: path(&namer["prefix"]),
            entries: namer["entries"]
                .as_array()
                .expect("entries")
                .iter()
                .map(entry)
                .collect(),
        };
        Self(namers.iter().map(namer).collect())
    }

    fn lookup(&self, path: &Path) -> Answer<BoundName> {
        let configured = self
            .0
            .iter()
            .filter(|namer| path.starts_with(&namer.prefix))
            .map(|namer| namer.lookup(&path.skip(namer.prefix.len())))
            .find(|answer| *answer != Answer::Tree(NameTree::Neg));
        configured.unwrap_or_else(|| built_in(path))
    }
}

impl ScriptedNamer {
    fn lookup(&self, path: &Path) -> Answer<BoundName> {
        let longest = self
            .entries
            .iter()
            .filter(|(prefix, _)| path.starts_with(prefix))
            .max_by_key(|(prefix, _)| prefix.len());
        let Some((prefix, answer)) = longest else {
            return Answer::Tree(NameTree::Neg);
        };
        let residual = path.skip(prefix.len());
        if let Some(tree) = answer["tree"].as_str() {
            let tree = NameTree::parse(tree).expect("a tree").join(&residual);
            return Answer::Tree(tree.map(&mut |path| Name::Path(path.clone())));
        }
        match answer.as_str() {
            Some("bound") => Answer::Tree(NameTree::Leaf(Name::Bound((
                self.prefix.join(prefix),
                residual,
            )))),
            Some("neg") => Answer::Tree(NameTree::Neg),
            Some("fail") => Answer::Tree(NameTree::Fail),
            Some("empty") => Answer::Tree(NameTree::Empty),
            Some("pending") => Answer::Pending,
            Some("error") => Answer::Failed("the vector says so".to_owned()),
            _ => panic!("no such answer: {answer}"),
        }
    }
}

fn built_in(path: &Path) -> Answer<BoundName> {
    Answer::Tree(match lookup(path) {
        Builtin::Path(path) => NameTree::Leaf(Name::Path(path)),
        Builtin::Neg => NameTree::Neg,
        Builtin::Fail => NameTree::Fail,
        Builtin::Empty => NameTree::Empty,
        Builtin::Inet(inet) => NameTree::Leaf(Name::Bound((inet.id, inet.residual))),
        Builtin::Status { residual, .. } => NameTree::Leaf(Name::Bound((Path::empty(), residual))),
        Builtin::Unsupported(message) => return Answer::Failed(message),
    })
}
