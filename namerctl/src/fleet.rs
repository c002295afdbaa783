use std::collections::{BTreeMap, BTreeSet};

use clap::Args;
use mesh::NamerdClient;
use mesh::api::{Fleet, FleetNamespace, FleetRouter, Version};

use crate::connection::Connection;
use crate::console::{Console, Ink};
use crate::failure::Failure;
use crate::format::{self, TableFormat};
use crate::table::Table;
use crate::wait;

/// Show the routers that namerd knows, and what they run
#[derive(Debug, Args)]
pub(crate) struct FleetArgs {
    /// Only routers that use this namespace
    #[arg(long, short, value_name = "NAME")]
    namespace: Option<String>,
    /// How to print it
    #[arg(
        long,
        short,
        value_name = "FORMAT",
        value_enum,
        default_value = "table"
    )]
    output: TableFormat,
}

pub(crate) async fn run(
    args: FleetArgs,
    connection: &Connection,
    console: &mut Console<'_>,
) -> Result<(), Failure> {
    let client = connection.client(console)?;
    let mut routers = wait::fleet(&client).await?;
    if let Some(namespace) = &args.namespace {
        routers.retain(|router| router.namespaces.contains_key(namespace));
        for router in &mut routers {
            router.namespaces.retain(|name, _| name == namespace);
        }
    }
    if args.output == TableFormat::Json {
        return Ok(console.out.text(&format::json(&Fleet { routers })?)?);
    }
    let newest = newest(&client, &routers).await?;
    Ok(table(&routers, &newest).write(&mut console.out)?)
}

/// The newest revision of each namespace that anybody knows.
async fn newest(
    client: &NamerdClient,
    routers: &[FleetRouter],
) -> Result<BTreeMap<String, u64>, Failure> {
    let names: BTreeSet<&String> = routers.iter().flat_map(|r| r.namespaces.keys()).collect();
    let mut newest = BTreeMap::new();
    for name in names {
        let dtab = super::dtab::current(client, name).await?;
        let tag = dtab.and_then(|dtab| dtab.tag);
        let stored = tag.as_deref().and_then(Version::from_tag);
        let run = routers
            .iter()
            .filter_map(|router| router.namespaces.get(name));
        let run = run.map(|namespace| namespace.revision).max();
        newest.insert(
            name.clone(),
            stored.map(|version| version.0).max(run).unwrap_or_default(),
        );
    }
    Ok(newest)
}

/// A row for each namespace of each router.
fn table(routers: &[FleetRouter], newest: &BTreeMap<String, u64>) -> Table {
    let mut table = Table::new(&[
        "ROUTER",
        "NAMERD",
        "CONNECTED SINCE",
        "NAMESPACE",
        "REVISION",
        "SINCE",
        "LAG MS",
        "STATE",
    ]);
    for router in routers {
        let namespaces = router.namespaces.iter();
        let mut rows: Vec<_> = namespaces
            .map(|(name, at)| {
                let newest = newest.get(name).copied().unwrap_or_default();
                (name.clone(), Some(at), newest.saturating_sub(at.revision))
            })
            .collect();
        if rows.is_empty() {
            rows.push(("-".to_owned(), None, 0));
        }
        for (name, at, behind) in rows {
            table.row(row(router, name, at, behind));
        }
    }
    table
}

fn row(
    router: &FleetRouter,
    name: String,
    at: Option<&FleetNamespace>,
    behind: u64,
) -> [(Ink, String); 8] {
    let told = |text: Option<String>| (Ink::Plain, text.unwrap_or_else(|| "-".to_owned()));
    let (ink, state) = match (router.connected, behind) {
        (false, _) => (Ink::Bad, format!("lost, last seen {:.0}", router.last_seen)),
        (true, 0) if at.is_none() => (Ink::Plain, "says nothing".to_owned()),
        (true, 0) => (Ink::Good, "ok".to_owned()),
        (true, behind) => (Ink::Warn, format!("behind by {behind}")),
    };
    [
        (Ink::Plain, router.id.clone()),
        (Ink::Plain, router.namerd.clone()),
        (Ink::Plain, format!("{:.0}", router.connected_since)),
        (Ink::Place, name),
        told(at.map(|at| at.revision.to_string())),
        told(at.map(|at| format!("{:.0}", at.since))),
        told(at.and_then(|at| at.lag_ms).map(|ms| ms.to_string())),
        (ink, state),
    ]
}
