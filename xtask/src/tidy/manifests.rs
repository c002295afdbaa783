//! What the manifests and the lock file must not say: dependencies upward, second versions, banned crates, odd licences.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context, Result};
use serde_json::Value;

use crate::program::cargo;

/// A crate uses crates of lower layers only, never a sibling.
const LAYERS: [&[&str]; 5] = [
    &["dtab", "live", "transport", "http1", "policy"],
    &["config", "telemetry", "mesh"],
    &["namer"],
    &["router", "namerd", "namerctl"],
    &["tests", "bench", "xtask"],
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

const DIRECT_MAX: usize = 54;

pub(crate) fn check() -> Result<Vec<String>> {
    let metadata = cargo("metadata --format-version 1 --locked --no-deps").output()?;
    let metadata: Value =
        serde_json::from_str(&metadata).context("cannot read cargo's metadata")?;
    let ours = list(&metadata["packages"]);
    // Unlike the metadata, the tree holds only what is really built.
    let tree = cargo("tree --workspace --locked --edges normal,build,dev --prefix none --format")
        .args(["{p}\t{l}"])
        .output()?;
    let built: BTreeSet<Package<'_>> = tree.lines().filter_map(Package::read).collect();
    let mut complaints = layers(ours);
    complaints.extend(versions(&built));
    complaints.extend(built.iter().filter_map(Package::odd_licence));
    complaints.extend(direct(ours));
    Ok(complaints)
}

/// A package from a registry.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Package<'a> {
    name: &'a str,
    version: &'a str,
    licence: &'a str,
}

impl<'a> Package<'a> {
    /// Reads `name v1.2.3<tab>licence`; none for a package of ours, which has its folder behind the version.
    fn read(line: &'a str) -> Option<Self> {
        let line = line.trim_end_matches(" (*)");
        let (package, licence) = line.split_once('\t')?;
        let (name, version) = package.split_once(" v")?;
        let version = version.trim_end_matches(" (proc-macro)");
        (!version.contains('(')).then_some(Self {
            name,
            version,
            licence,
        })
    }

    /// A complaint, unless one alternative consists of licences from the list.
    fn odd_licence(&self) -> Option<String> {
        let plain = self.licence.replace(['(', ')'], "").replace('/', " OR ");
        let is_fine = plain.split(" OR ").any(|alternative| {
            let mut parts = alternative.split(" AND ").map(str::trim);
            parts.all(|part| LICENCES.contains(&part))
        });
        (!is_fine).then(|| format!("licence of {}: {:?}", self.name, self.licence))
    }
}

fn layers(ours: &[Value]) -> Vec<String> {
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

fn versions(built: &BTreeSet<Package<'_>>) -> Vec<String> {
    let mut found: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for package in built {
        let versions = found.entry(package.name).or_default();
        versions.insert(package.version);
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

fn direct(ours: &[Value]) -> Option<String> {
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
        let found = layers(&[router]);
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
        let tree = "http v0.2.1\tMIT\nhttp v1.5.0\tMIT\nsyn v2.0.0\tMIT\nsyn v3.0.0\tMIT\nring v0.17.0\tISC (*)\n\
            router v0.1.0 (/src/router)\tMIT\nmacros v1.0.0 (proc-macro)\tMIT";
        let built: BTreeSet<_> = tree.lines().filter_map(Package::read).collect();
        assert_eq!(built.len(), 6);
        let found = versions(&built);
        assert_eq!(found.len(), 2, "{found:?}");
        assert!(found[0].contains("http") && found[1].contains("ring"));
    }

    #[test]
    fn one_alternative_of_known_licences_is_enough() {
        let complaint = |text: &str| Package::read(&format!("x v1.0.0\t{text}"))?.odd_licence();
        for fine in [
            "MIT",
            "GPL-3.0 OR MIT",
            "Unlicense/MIT",
            "ISC AND (Apache-2.0 OR ISC)",
        ] {
            assert_eq!(complaint(fine), None, "{fine}");
        }
        for odd in ["GPL-3.0", "MIT AND GPL-3.0", ""] {
            assert!(complaint(odd).is_some(), "{odd}");
        }
    }
}
