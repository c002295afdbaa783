//! The entries of `namers:`.

use std::path::PathBuf;

use dtab::Path;
use serde::Serialize;

use crate::dtab_text::KnownNamers;
use crate::field::Field;
use crate::kinds::Kinds;
use crate::node::Place;
use crate::object::Object;
use crate::path_matcher::braces;
use crate::transformer::TransformerConfig;

/// A namer: what answers for the names under its prefix.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "kind", rename_all_fields = "camelCase")]
pub enum NamerConfig {
    /// Files that list addresses.
    #[serde(rename = "io.l5d.fs")]
    Fs {
        /// With the leading `/#`: `/#/io.l5d.fs`.
        prefix: Path,
        /// The existing folder in which a file is a name.
        root_dir: PathBuf,
        /// What changes the names that it has bound, the first one first.
        transformers: Vec<TransformerConfig>,
    },
    /// Names rewritten to other names.
    #[serde(rename = "io.l5d.rewrite")]
    Rewrite {
        /// With the leading `/#`.
        prefix: Path,
        /// A `dtab::PathMatcher` for what follows the prefix.
        pattern: String,
        /// The template of the new name, `{var}` standing for what the pattern captured.
        name: String,
        /// What changes its answers where they are bound, as "no such name" is.
        transformers: Vec<TransformerConfig>,
    },
}

impl NamerConfig {
    /// The names it answers for, with the leading `/#`.
    pub fn prefix(&self) -> &Path {
        match self {
            Self::Fs { prefix, .. } | Self::Rewrite { prefix, .. } => prefix,
        }
    }

    /// What changes the names that it has bound, the first one first.
    pub fn transformers(&self) -> &[TransformerConfig] {
        match self {
            Self::Fs { transformers, .. } | Self::Rewrite { transformers, .. } => transformers,
        }
    }
}

/// The `namers:` of a file, each with where to complain about its prefix.
pub(crate) struct ReadNamers {
    pub(crate) entries: Vec<(NamerConfig, Place)>,
    are_complete: bool,
}

impl ReadNamers {
    /// Reads the `namers:` of a file.
    pub(crate) fn read(file: &mut Object<'_>) -> Self {
        let items = file.get("namers", Field::items).unwrap_or_default();
        let (mut namers, mut places) = (Vec::new(), Vec::new());
        let mut are_complete = true;
        for item in items {
            match NamerConfig::read(item, are_complete.then_some(&*namers)) {
                Some((namer, place)) => {
                    namers.push(namer);
                    places.push(place);
                }
                None => are_complete = false,
            }
        }
        Self {
            entries: namers.into_iter().zip(places).collect(),
            are_complete,
        }
    }

    /// The namers in the order of the file, and whether these are all: names that one of the others answers for are not to be
    /// complained about.
    pub(crate) fn into_configs(self) -> (Vec<NamerConfig>, bool) {
        (
            self.entries.into_iter().map(|(namer, _)| namer).collect(),
            self.are_complete,
        )
    }
}

impl NamerConfig {
    /// Reads an entry; its transformers know the namers above it, so that nothing is replaced by itself.
    fn read(field: Field<'_>, above: KnownNamers<'_>) -> Option<(Self, Place)> {
        let mut object = field.object()?;
        let kind = object.kind(&KINDS, None)?;
        let written_prefix = object.field("prefix");
        let place = written_prefix
            .map_or(object.at, |field| &field.node.at)
            .clone();
        let transformers = TransformerConfig::read_all(&mut object, above);
        let namer = match kind {
            "io.l5d.fs" => {
                let prefix = prefix_or(written_prefix, kind);
                let root_dir = object.require("rootDir", Field::directory);
                prefix.zip(root_dir).map(|(prefix, root_dir)| Self::Fs {
                    prefix,
                    root_dir,
                    transformers,
                })
            }
            _ => read_rewrite(&mut object, written_prefix, transformers),
        };
        object.experimental();
        object.finish();
        namer.map(|namer| (namer, place))
    }
}

fn read_rewrite(
    object: &mut Object<'_>,
    prefix: Option<Field<'_>>,
    transformers: Vec<TransformerConfig>,
) -> Option<NamerConfig> {
    if !transformers.is_empty()
        && transformers
            .iter()
            .all(TransformerConfig::needs_bound_names)
    {
        object.complaints.warn(
            object.place_of("transformers"),
            "these `transformers` do nothing: what this namer answers with is not bound yet",
            "write them at the namer that binds the new names, or at the interpreter",
        );
    }
    let prefix = match prefix {
        Some(field) => read_prefix(field),
        None => object.require("prefix", read_prefix),
    };
    let pattern = object.require("pattern", Field::word);
    let name = object.require("name", |field| read_template(field, pattern.as_deref()));
    Some(NamerConfig::Rewrite {
        prefix: prefix?,
        pattern: pattern?,
        name: name?,
        transformers,
    })
}

fn prefix_or(written: Option<Field<'_>>, kind: &str) -> Option<Path> {
    match written {
        Some(field) => read_prefix(field),
        None => Path::from_segments(["#", kind]).ok(),
    }
}

/// The path that is written, after `/#`.
fn read_prefix(field: Field<'_>) -> Option<Path> {
    let path = field.path()?;
    let marker = Path::from_segments(["#"]).ok()?;
    if path.is_empty() {
        return field.wrong("must have at least one segment", "");
    }
    if path.starts_with(&marker) {
        return field.wrong(
            "must be written without `/#`",
            &format!("write `{}`", path.skip(1)),
        );
    }
    Some(marker.join(&path))
}

/// What the captures stand for is not known yet, so only the rest can be judged.
fn read_template(field: Field<'_>, pattern: Option<&str>) -> Option<String> {
    let text = field.word()?;
    if !text.starts_with('/') {
        let help = format!("paths begin with a slash: `/{text}`");
        return field.wrong(&format!("must be a path, not `{text}`"), &help);
    }
    for capture in
        braces(&text).filter(|capture| pattern.is_some_and(|pattern| !pattern.contains(capture)))
    {
        let message = format!("`name` stands on `{capture}`, which `pattern` does not capture");
        field
            .complaints
            .warn(&field.node.at, message, "such names are never found");
    }
    Some(text)
}

const KINDS: Kinds = Kinds {
    later: &[
        ("io.l5d.consul", ""),
        ("io.l5d.curator", ""),
        ("io.l5d.dnssrv", "DNS names are `/$/inet/<name>/<port>`"),
        ("io.l5d.k8s", ""),
        ("io.l5d.k8s.external", ""),
        ("io.l5d.k8s.ns", ""),
        ("io.l5d.marathon", ""),
        ("io.l5d.serversets", ""),
        ("io.l5d.zkLeader", ""),
    ],
    never: &[
        (
            "io.l5d.k8s.istio",
            "Istio has no such API any more",
            "name the services themselves, through `io.l5d.fs` or `/$/inet`",
        ),
        (
            "io.l5d.rancher",
            "Rancher 1 and its metadata service have ended",
            "use `io.l5d.fs`, or `/$/inet` with DNS names",
        ),
    ],
    ..Kinds::carrying(&["io.l5d.fs", "io.l5d.rewrite"])
};
