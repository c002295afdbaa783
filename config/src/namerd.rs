//! namerd's file.

use serde::Serialize;

use crate::addresses::{Address, Claim};
use crate::admin::AdminConfig;
use crate::complaints::Complaints;
use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::field::Field;
use crate::interface::InterfaceConfig;
use crate::later::{Later, Unless};
use crate::namer::{NamerConfig, ReadNamers};
use crate::node::Place;
use crate::router_file::TELEMETERS;
use crate::storage::StorageConfig;

/// namerd's file.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct NamerdConfig {
    /// The admin server; on port 9991 by default.
    pub admin: AdminConfig,
    /// Where the dtabs are kept.
    pub storage: StorageConfig,
    /// Namers in the order of the file; no prefix starts with another.
    pub namers: Vec<NamerConfig>,
    /// Where namerd listens, at least one.
    pub interfaces: Vec<InterfaceConfig>,
    /// Whether a name with no address falls through to the next alternative, as if it did not exist. Off by default.
    pub empty_is_neg: bool,
}

impl NamerdConfig {
    /// Reads namerd's file; `origin` is its name in complaints. Beside the configuration come warnings.
    ///
    /// Files and folders that it names must exist; relative paths start at the working directory.
    ///
    /// # Errors
    /// Everything that is wrong with it, warnings included.
    pub fn parse(origin: &str, text: &str) -> Result<(Self, Vec<Diagnostic>), Diagnostics> {
        Complaints::gather(origin, text, Self::read)
    }

    fn read(file: Field<'_>) -> Option<Self> {
        let mut object = file.object()?;
        let (admin, admin_address) = AdminConfig::read(&mut object, 9991);
        let namers = ReadNamers::read(&mut object);
        refuse_overlaps(&namers.entries, file.complaints);
        let (namers, are_all) = namers.into_configs();
        let known_namers = are_all.then_some(&*namers);
        let storage = object.require("storage", |field| StorageConfig::read(field, known_namers));
        let interfaces = object.require("interfaces", read_interfaces);
        let empty_is_neg = object.get("emptyIsNeg", Field::boolean).unwrap_or_default();
        object.later(&[Later::unless("telemetry", Unless::Kinds(&TELEMETERS))]);
        object.finish();

        let interfaces = interfaces?;
        let mut claims = Vec::from_iter(admin_address.claimed_by("the admin server"));
        claims.extend(interfaces.iter().filter_map(|(interface, address)| {
            address.claimed_by(&format!("the interface `{}`", interface.kind.name()))
        }));
        Claim::refuse_conflicts(&claims, file.complaints);
        let interfaces = interfaces
            .into_iter()
            .map(|(interface, _)| interface)
            .collect();
        Some(Self {
            admin,
            storage: storage?,
            namers,
            interfaces,
            empty_is_neg,
        })
    }
}

fn read_interfaces(field: Field<'_>) -> Option<Vec<(InterfaceConfig, Address<'_>)>> {
    let items = field.items()?;
    if items.is_empty() {
        return field.wrong("must have at least one interface", "");
    }
    Some(
        items
            .into_iter()
            .filter_map(InterfaceConfig::read)
            .collect(),
    )
}

/// All routers share namerd's namers, so that each name must have one that answers for it.
fn refuse_overlaps(namers: &[(NamerConfig, Place)], complaints: &Complaints) {
    for (index, (namer, at)) in namers.iter().enumerate() {
        let prefix = namer.prefix();
        let overlaps = |other: &NamerConfig| {
            prefix.starts_with(other.prefix()) || other.prefix().starts_with(prefix)
        };
        if let Some((other, other_at)) = namers[..index].iter().find(|(other, _)| overlaps(other)) {
            let message = format!("two namers answer for names under {prefix}");
            let help = format!(
                "{} on line {} is the other; set another `prefix`",
                other.prefix(),
                complaints.line(other_at)
            );
            complaints.error(at, message, help);
        }
    }
}
