//! What the manifests and the lock file must not say: dependencies upward, second versions, banned crates, odd licences.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context, Result};
use serde_json::Value;

use crate::program::{Program, cargo};

/// A crate uses crates of lower layers only, never a sibling.
const LAYERS: [&[&str]; 5] = [
    &["dtab", "live", "transport"],
    &["config", "telemetry", "mesh"],
    &["namer"],
    &["router", "namerd", "namerctl"],
    &["tests", "xtask"],
];

/// Crates whose second version would mean two runtimes, two kinds of request or two TLS stacks.
const SINGLE: [&str; 11] = [
    "tokio",
    "hyper",
    "http",
    "h2",
    "tower",
    "axum",
    "tonic",
    "prost",
    "rustls",
    "tokio-rustls",
    "hickory-resolver",
];

/// TLS is rustls over aws-lc-rs, and nothing else.
const FORBIDDEN: [&str; 4] = ["openssl", "openssl-sys", "native-tls", "ring"];

const LICENCES: [&str; 12] = [
    "MIT",
    "MIT-0",
    "Apache-2.0",
    "Apache-2.0 WITH LLVM-exception",
    "BSD-3-Clause",
    "BSL-1.0",
    "CC0-1.0",
    "ISC",
    "OpenSSL",
    "Unicode-3.0",
    "Unlicense",
    "Zlib",
];

const DIRECT_MAX: usize = 50;

pub(crate) fn check() -> Result<Vec<String>> {
    let metadata = metadata()?;
    let packages = list(&metadata["packages"]);
    let (ours, others): (Vec<&Value>, Vec<&Value>) = packages
        .iter()
        .partition(|package| package["source"].is_null());
    let mut complaints = layers(&ours);
    complaints.extend(versions(&others));
    complaints.extend(others.iter().filter_map(|package| licence(package)));
    complaints.extend(direct(&ours));
    Ok(complaints)
}

/// The packages that this machine would build.
fn metadata() -> Result<Value> {
    let version = Program::new("rustc").args(["-vV"]).output()?;
    let host = version.lines().find_map(|line| line.strip_prefix("host: "));
    let host = host.context("rustc does not say for which machine it builds")?;
    let json = cargo("metadata --format-version 1 --locked --filter-platform")
        .args([host])
        .output()?;
    serde_json::from_str(&json).context("cannot read cargo's metadata")
}

fn layers(ours: &[&Value]) -> Vec<String> {
    let layer = |name: &str| LAYERS.iter().position(|layer| layer.contains(&name));
    let mut complaints = Vec::new();
    for package in ours {
        let name = text(&package["name"]);
        let Some(own) = layer(name) else {
            complaints.push(format!("the crate {name} stands in no layer"));
            continue;
        };
        for used in list(&package["dependencies"]) {
            let used = text(&used["name"]);
            if layer(used).is_some_and(|theirs| theirs >= own) {
                complaints.push(format!("{name} (layer {own}) must not use {used}"));
            }
        }
    }
    complaints
}

fn versions(others: &[&Value]) -> Vec<String> {
    let mut found: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for package in others {
        let versions = found.entry(text(&package["name"])).or_default();
        versions.insert(text(&package["version"]));
    }
    let doubled = SINGLE.iter().filter_map(|name| {
        let versions = found.get(name)?;
        (versions.len() > 1).then(|| format!("more than one version of {name}: {versions:?}"))
    });
    let forbidden = FORBIDDEN
        .iter()
        .filter(|name| found.contains_key(**name))
        .map(|name| format!("{name} must not be built (cargo tree -i {name})"));
    doubled.chain(forbidden).collect()
}

/// One alternative must consist of licences from the list.
fn licence(package: &Value) -> Option<String> {
    let expression = package["license"].as_str().unwrap_or("none");
    let plain = expression.replace(['(', ')'], "").replace('/', " OR ");
    let is_fine = plain.split(" OR ").any(|alternative| {
        let mut parts = alternative.split(" AND ").map(str::trim);
        parts.all(|part| LICENCES.contains(&part))
    });
    (!is_fine).then(|| format!("licence of {}: {expression}", text(&package["name"])))
}

fn direct(ours: &[&Value]) -> Option<String> {
    let dependencies = ours
        .iter()
        .flat_map(|package| list(&package["dependencies"]));
    let direct: BTreeSet<&str> = dependencies
        .filter(|dependency| dependency["path"].is_null())
        .map(|dependency| text(&dependency["name"]))
        .collect();
    eprintln!(
        "    {} direct dependencies (at most {DIRECT_MAX})",
        direct.len()
    );
    (direct.len() > DIRECT_MAX).then(|| format!("{} direct dependencies", direct.len()))
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_crate_must_not_use_its_siblings_or_what_is_above() {
        let router = json!({"name": "router", "dependencies": [
            {"name": "dtab"}, {"name": "namerd"}, {"name": "tests"}, {"name": "tokio"},
        ]});
        let found = layers(&[&router]);
        assert_eq!(
            found,
            [
                "router (layer 3) must not use namerd",
                "router (layer 3) must not use tests"
            ]
        );
    }

    #[test]
    fn banned_crates_and_second_versions_are_found() {
        let package = |name: &str, version: &str| json!({"name": name, "version": version});
        let packages = [
            package("http", "0.2.1"),
            package("http", "1.5.0"),
            package("syn", "2.0.0"),
            package("syn", "3.0.0"),
            package("ring", "0.17.0"),
        ];
        let found = versions(&packages.iter().collect::<Vec<_>>());
        assert_eq!(found.len(), 2, "{found:?}");
        assert!(found[0].contains("http") && found[1].contains("ring"));
    }

    #[test]
    fn one_alternative_of_known_licences_is_enough() {
        let complaint = |text: &str| licence(&json!({"name": "x", "license": text}));
        for fine in [
            "MIT",
            "GPL-3.0 OR MIT",
            "Unlicense/MIT",
            "ISC AND (Apache-2.0 OR ISC)",
        ] {
            assert_eq!(complaint(fine), None, "{fine}");
        }
        for odd in ["GPL-3.0", "MIT AND GPL-3.0"] {
            assert!(complaint(odd).is_some(), "{odd}");
        }
    }
}
