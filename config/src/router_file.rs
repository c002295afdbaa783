//! The router's file as a whole.

use std::env;
use std::path::PathBuf;

use serde::{Serialize, Serializer};

use crate::addresses::Claim;
use crate::admin::AdminConfig;
use crate::complaints::Complaints;
use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::dtab_text::KnownNamers;
use crate::field::Field;
use crate::kinds::Kinds;
use crate::later::{Later, Unless};
use crate::namer::{NamerConfig, ReadNamers};
use crate::router::{ReadRouter, Router};
use crate::server::read_count;

/// The router's file.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct RouterConfig {
    /// The admin server; on port 9990 by default.
    pub admin: AdminConfig,
    /// The routers, at least one, their labels all different.
    pub routers: Vec<Router>,
    /// Namers in the order of the file; where prefixes overlap, the later one is asked first.
    pub namers: Vec<NamerConfig>,
    /// Where what namerd said last is kept.
    pub state_dir: StateDir,
    /// How many connections from clients the process may have; others wait in the system's queue. By default half of the descriptors
    /// that it may have, less 32.
    pub max_connections: Option<usize>,
    /// How many requests the process may have in flight; what comes on top is answered with 503 at once, and when more than half
    /// are taken, nothing bound to one name gets more than half. 5000 for each worker by default.
    pub max_concurrent_requests: Option<usize>,
    /// How many MiB the process may hold for messages on their way before it takes no more requests; 32 for each worker by default.
    #[serde(rename = "maxBufferedMB")]
    pub max_buffered_mb: Option<usize>,
}

/// Where a router keeps what namerd said last, for a start without namerd.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum StateDir {
    /// A folder `switchyard` in the first of `$XDG_STATE_HOME`, `/var/lib` and the temporary folder that can be written.
    #[default]
    Default,
    /// This folder; made when it is missing.
    At(PathBuf),
    /// Nowhere (`stateDir: none`).
    Off,
}

impl Serialize for StateDir {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Default => serializer.serialize_none(),
            Self::At(path) => path.serialize(serializer),
            Self::Off => serializer.serialize_str("none"),
        }
    }
}

impl RouterConfig {
    /// Reads the router's file; `origin` is its name in complaints. Beside the configuration come warnings.
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
        let (admin, admin_address) = AdminConfig::read(&mut object, 9990);
        let (namers, are_all) = ReadNamers::read(&mut object).into_configs();
        let known_namers = are_all.then_some(&*namers);
        let routers = object.require("routers", |field| read_routers(field, known_namers));
        let state_dir = object.get("stateDir", StateDir::read).unwrap_or_default();
        let max_connections = object.get("maxConnections", read_count);
        let max_concurrent_requests = object.get("maxConcurrentRequests", read_count);
        let max_buffered_mb = object.get("maxBufferedMB", |field| field.integer(1..=1_048_576));
        object.get("usage", read_usage);
        object.later(&[Later::unless("telemetry", Unless::Kinds(&TELEMETERS))]);
        object.finish();

        let routers = routers?;
        refuse_shared_labels(&routers, file.complaints);
        let mut claims = Vec::from_iter(admin_address.claimed_by("the admin server"));
        for read in &routers {
            let owner = format!("router `{}`", read.router.label);
            let servers = read.router.servers.iter().zip(&read.addresses);
            claims
                .extend(servers.filter_map(|(server, at)| Some(server.claimed_by(&owner, (*at)?))));
        }
        Claim::refuse_conflicts(&claims, file.complaints);
        let routers = routers.into_iter().map(|read| read.router).collect();
        Some(Self {
            admin,
            routers,
            namers,
            state_dir,
            max_connections,
            max_concurrent_requests,
            max_buffered_mb,
        })
    }
}

fn read_routers<'a>(field: Field<'a>, namers: KnownNamers<'_>) -> Option<Vec<ReadRouter<'a>>> {
    let items = field.items()?;
    if items.is_empty() {
        return field.wrong("must have at least one router", "");
    }
    Some(
        items
            .into_iter()
            .filter_map(|item| Router::read(item, namers))
            .collect(),
    )
}

/// Labels name routers in metrics and pages.
fn refuse_shared_labels(routers: &[ReadRouter<'_>], complaints: &Complaints) {
    for (index, this) in routers.iter().enumerate() {
        let label = &this.router.label;
        if let Some(other) = routers[..index]
            .iter()
            .find(|other| other.router.label == *label)
        {
            let help = format!(
                "the router on line {} has it; give this one a `label` of its own",
                complaints.line(other.label_at)
            );
            complaints.error(
                this.label_at,
                format!("two routers have the label `{label}`"),
                help,
            );
        }
    }
}

impl StateDir {
    /// The folders to try, the best first; none if nothing is to be kept.
    pub fn candidates(&self) -> Vec<PathBuf> {
        match self {
            Self::Off => Vec::new(),
            Self::At(path) => vec![path.clone()],
            Self::Default => {
                let state_home = env::var_os("XDG_STATE_HOME")
                    .filter(|home| !home.is_empty())
                    .map(PathBuf::from);
                let parents = state_home
                    .into_iter()
                    .chain(["/var/lib".into(), env::temp_dir()]);
                parents.map(|parent| parent.join("switchyard")).collect()
            }
        }
    }

    fn read(field: Field<'_>) -> Option<Self> {
        let text = field.word()?;
        Some(if text == "none" {
            Self::Off
        } else {
            Self::At(text.into())
        })
    }
}

/// The reference reports to its vendor; here nothing is ever reported.
fn read_usage(field: Field<'_>) -> Option<()> {
    let mut object = field.object()?;
    object.get("orgId", Field::text);
    let is_enabled = object.get("enabled", Field::boolean) != Some(false);
    object.finish();
    if is_enabled {
        field.complaints.warn(
            field.key_at,
            "`usage` does nothing: usage is never reported to anybody",
            "leave it out",
        );
    }
    Some(())
}

/// Of the router and of namerd.
pub(crate) const TELEMETERS: Kinds = Kinds {
    later: &[
        ("io.l5d.influxdb", ALWAYS_ON),
        ("io.l5d.prometheus", ALWAYS_ON),
        ("io.l5d.recentRequests", ""),
        ("io.l5d.statsd", ALWAYS_ON),
        ("io.l5d.tracelog", ""),
        ("io.l5d.zipkin", ""),
    ],
    ..Kinds::carrying(&[])
};

const ALWAYS_ON: &str =
    "metrics are at `/admin/metrics.json` of the admin server, which is always on";
