//! The `service:` and `client:` of a router: options for all names, or for those that match a prefix.
//!
//! All entries that are for a name apply in the order of the file. A later one replaces whole options of an earlier one (all of a `tls`,
//! say), and leaves alone what it does not mention. Source: linkerd `PathMatcher` and its `StaticSvc` and `StaticClient`.

mod accrual;
mod backoff;
mod balancer;
mod budget;
mod classifier;
mod client;
mod pool;
mod service;
mod streams;

use dtab::{Captures, Path};
use serde::{Serialize, Serializer};

pub use accrual::FailureAccrual;
pub use backoff::Backoff;
pub use balancer::{BalancerKind, LoadBalancer};
pub use budget::RetryBudget;
pub use classifier::Classifier;
pub use client::{ClientPolicy, ClientSettings};
pub use pool::{ClientSession, Pool};
pub use service::{Retries, ServicePolicy, ServiceSettings};
pub use streams::{GrpcClassifier, GrpcKind, StreamClassifier, StreamSettings};

use crate::field::Field;
use crate::kinds::Kinds;
use crate::object::Object;
use crate::path_matcher::PathMatcher;
use crate::protocol::Protocol;

/// What an entry may say: each option, if it is there.
trait Options: Serialize {
    /// What its names get, once every option has a value.
    type Settings: Serialize;

    /// What names get that no entry is for.
    fn defaults(protocol: Protocol) -> Self::Settings;

    /// Reads the options of an entry; `prefix` is absent where it is wrong.
    fn read(object: &mut Object<'_>, protocol: Protocol, prefix: Option<&PathMatcher>) -> Self;

    /// Replaces the options that are there.
    fn apply(&self, captures: &Captures, settings: &mut Self::Settings);
}

/// The entries in the order of the file.
#[derive(Clone, Debug, PartialEq)]
struct Policy<O> {
    /// What the router speaks.
    protocol: Protocol,
    entries: Vec<Entry<O>>,
}

#[derive(Clone, Debug, PartialEq, Serialize)]
struct Entry<O> {
    prefix: PathMatcher,
    #[serde(flatten)]
    options: O,
}

impl<O> Default for Policy<O> {
    fn default() -> Self {
        Self::new(Protocol::default())
    }
}

impl<O> Policy<O> {
    /// A policy without entries.
    fn new(protocol: Protocol) -> Self {
        Self {
            protocol,
            entries: Vec::new(),
        }
    }
}

impl<O: Options> Policy<O> {
    fn of(&self, name: &Path) -> O::Settings {
        let mut settings = O::defaults(self.protocol);
        for entry in &self.entries {
            if let Some(captures) = entry.prefix.matches(name) {
                entry.options.apply(&captures, &mut settings);
            }
        }
        settings
    }

    /// The options stand in the object itself, or, for `io.l5d.static`, in a list of objects that each have a `prefix`.
    fn read(field: Field<'_>, protocol: Protocol) -> Option<Self> {
        let mut object = field.object()?;
        let entries = match object.kind(&KINDS, Some("io.l5d.global"))? {
            "io.l5d.static" => {
                let items = object.require("configs", Field::items).unwrap_or_default();
                let read = |item| Entry::read(item, protocol);
                items.into_iter().filter_map(read).collect()
            }
            _ => {
                for key in ["configs", "prefix"] {
                    let message = format!("`{key}` needs `kind: io.l5d.static`");
                    object.refuse(key, &message, STATIC);
                }
                let prefix = PathMatcher::all();
                let options = O::read(&mut object, protocol, Some(&prefix));
                vec![Entry { prefix, options }]
            }
        };
        object.finish();
        Some(Self { protocol, entries })
    }
}

impl<O: Options> Entry<O> {
    fn read(field: Field<'_>, protocol: Protocol) -> Option<Self> {
        let mut object = field.object()?;
        let prefix = object.require("prefix", PathMatcher::read);
        let options = O::read(&mut object, protocol, prefix.as_ref());
        object.finish();
        Some(Self {
            prefix: prefix?,
            options,
        })
    }
}

/// Replaces a setting that has a default by what is written.
fn set<T: Clone>(setting: &mut T, written: Option<&T>) {
    if let Some(written) = written {
        setting.clone_from(written);
    }
}

/// Shown with the defaults: those of what is for all names in their places, else as a first entry, which the others replace.
impl<O: Options> Serialize for Policy<O> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if self.entries.iter().all(|entry| entry.prefix.is_for_all()) {
            return Shown::<O>::Global(self.of(&Path::empty())).serialize(serializer);
        }
        let defaults = ShownEntry::Defaults {
            prefix: PathMatcher::all(),
            settings: O::defaults(self.protocol),
        };
        let written = self.entries.iter().map(ShownEntry::Written);
        Shown::Static {
            configs: std::iter::once(defaults).chain(written).collect(),
        }
        .serialize(serializer)
    }
}

#[derive(Serialize)]
#[serde(tag = "kind", bound = "")]
enum Shown<'a, O: Options> {
    #[serde(rename = "io.l5d.global")]
    Global(O::Settings),
    #[serde(rename = "io.l5d.static")]
    Static { configs: Vec<ShownEntry<'a, O>> },
}

#[derive(Serialize)]
#[serde(untagged, bound = "")]
enum ShownEntry<'a, O: Options> {
    Defaults {
        prefix: PathMatcher,
        #[serde(flatten)]
        settings: O::Settings,
    },
    Written(&'a Entry<O>),
}

const KINDS: Kinds = Kinds::carrying(&["io.l5d.global", "io.l5d.static"]);

const STATIC: &str = "write `kind: io.l5d.static` and `configs: [{prefix: /, …}]`";
