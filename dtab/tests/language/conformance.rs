//! The conformance vectors for naming: what the language of names must mean, one example at a time.
//!
//! The environment variable `NAMING_VECTORS` may name another file of the same form.

use dtab::{
    Captures, Dtab, Evaluation, NameTree, Path, PathMatcher, Weighted, strip_transformer_prefix,
};
use serde_json::Value;

/// Runs `claim` on each vector of a section, and tells all failures at once.
fn check(section: &str, claim: impl Fn(&Value) -> Result<(), String>) {
    let file = std::env::var("NAMING_VECTORS").unwrap_or_else(|_| {
        concat!(env!("CARGO_MANIFEST_DIR"), "/conformance/naming.json").to_owned()
    });
    let text = std::fs::read_to_string(&file).expect("the vectors' file");
    let all: Value = serde_json::from_str(&text).expect("the vectors' JSON");
    let vectors = all[section].as_array().expect("a section of the vectors");
    assert!(!vectors.is_empty(), "no vectors in {section}");
    let failures: Vec<String> = vectors
        .iter()
        .filter_map(|vector| {
            claim(vector)
                .err()
                .map(|error| format!("{}: {error}", vector["id"]))
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

fn text<'a>(vector: &'a Value, key: &str) -> &'a str {
    vector[key]
        .as_str()
        .unwrap_or_else(|| panic!("no text {key} in {vector}"))
}

fn same<T: PartialEq + std::fmt::Debug>(actual: T, expected: T) -> Result<(), String> {
    if actual == expected {
        Ok(())
    } else {
        Err(format!("{actual:?} instead of {expected:?}"))
    }
}

/// What was parsed, if the vector says that it can be.
fn parsed<T, E: std::fmt::Display>(
    vector: &Value,
    result: Result<T, E>,
) -> Result<Option<T>, String> {
    match (vector["ok"].as_bool(), result) {
        (Some(true), Ok(value)) => Ok(Some(value)),
        (Some(false), Err(_)) => Ok(None),
        (Some(true), Err(error)) => Err(error.to_string()),
        (Some(false), Ok(_)) => Err("accepted".to_owned()),
        (None, _) => Err("the vector has no `ok`".to_owned()),
    }
}

#[test]
fn conformance_of_path_text() {
    check("path_parse", |vector| {
        let Some(path) = parsed(vector, Path::parse(text(vector, "input")))? else {
            return Ok(());
        };
        same(path.to_string().as_str(), text(vector, "show"))?;
        let segments: Vec<Vec<u8>> = vector["segments"]
            .as_array()
            .expect("segments")
            .iter()
            .map(bytes)
            .collect();
        same(
            path.segments()
                .iter()
                .map(|each| each.as_bytes().to_vec())
                .collect(),
            segments,
        )
    });
}

fn bytes(segment: &Value) -> Vec<u8> {
    match segment {
        Value::String(text) => text.clone().into_bytes(),
        other => {
            let hex = text(other, "hex");
            let digits = |at: usize| u8::from_str_radix(&hex[at..at + 2], 16).expect("hex digits");
            (0..hex.len()).step_by(2).map(digits).collect()
        }
    }
}

#[test]
fn conformance_of_tree_text() {
    check("tree_parse", |vector| {
        let Some(tree) = parsed(vector, NameTree::parse(text(vector, "input")))? else {
            return Ok(());
        };
        same(tree.to_string().as_str(), text(vector, "show"))?;
        same(
            NameTree::parse(text(vector, "show")).map_err(|error| error.to_string())?,
            tree.clone(),
        )?;
        let Some(expected) = vector["weights"].as_array() else {
            return Ok(());
        };
        let mut weights = Vec::new();
        collect_weights(&tree, &mut weights);
        same(weights, expected.iter().filter_map(Value::as_f64).collect())
    });
}

/// The weights of all unions, outer before inner.
fn collect_weights(tree: &NameTree<Path>, weights: &mut Vec<f64>) {
    match tree {
        NameTree::Alt(trees) => trees.iter().for_each(|tree| collect_weights(tree, weights)),
        NameTree::Union(branches) => branches.iter().for_each(|Weighted { weight, tree }| {
            weights.push(*weight);
            collect_weights(tree, weights);
        }),
        _ => {}
    }
}

#[test]
fn conformance_of_dtab_text() {
    check("dtab_parse", |vector| {
        let Some(dtab) = parsed(vector, Dtab::parse(text(vector, "input")))? else {
            return Ok(());
        };
        same(dtab.to_string().as_str(), text(vector, "show"))?;
        let dentries: Vec<Value> = dtab
            .dentries()
            .iter()
            .map(|dentry| Value::from(vec![dentry.prefix.to_string(), dentry.dst.to_string()]))
            .collect();
        same(&Value::from(dentries), &vector["dentries"])
    });
}

#[test]
fn conformance_of_lookup() {
    check("lookup", |vector| {
        let dtab = Dtab::parse(text(vector, "dtab")).map_err(|error| error.to_string())?;
        let path = Path::parse(text(vector, "path")).map_err(|error| error.to_string())?;
        same(
            dtab.lookup(&path).to_string().as_str(),
            text(vector, "expected"),
        )
    });
}

#[test]
fn conformance_of_eval() {
    check("eval", |vector| {
        let tree = NameTree::parse(text(vector, "tree")).map_err(|error| error.to_string())?;
        let (status, leaves) = match tree.eval() {
            Evaluation::Neg => ("neg", None),
            Evaluation::Fail => ("fail", None),
            Evaluation::Leaves(leaves) => ("ok", Some(leaves)),
        };
        same(status, text(vector, "status"))?;
        let shown = leaves.map(|leaves| {
            let mut shown: Vec<String> = leaves.iter().map(ToString::to_string).collect();
            shown.sort();
            shown
        });
        same(
            &serde_json::to_value(shown).expect("json"),
            &vector["expected"],
        )?;
        same(
            tree.simplify().to_string().as_str(),
            text(vector, "simplified"),
        )
    });
}

#[test]
fn conformance_of_path_matcher() {
    check("path_matcher", |vector| {
        let path = Path::parse(text(vector, "path")).map_err(|error| error.to_string())?;
        let captures = PathMatcher::parse(text(vector, "pattern")).matches(&path);
        let shown = |captures: &Captures| -> Value {
            captures
                .iter()
                .map(|(name, value)| (name.to_owned(), Value::from(value)))
                .collect()
        };
        same(
            &captures.as_ref().map_or(Value::Null, shown),
            &vector["captures"],
        )?;
        let substituted = captures.map(|captures| captures.substitute(text(vector, "template")));
        same(&Value::from(substituted), &vector["expected"])
    });
}

#[test]
fn conformance_of_strip_transformer_prefix() {
    check("strip_transformer_prefix", |vector| {
        let path = Path::parse(text(vector, "path")).map_err(|error| error.to_string())?;
        same(
            strip_transformer_prefix(&path).to_string().as_str(),
            text(vector, "expected"),
        )
    });
}
