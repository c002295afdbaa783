//! Measures what router and namerd need in memory, with little and with much to do, and fails if one needs too much.
//!
//! What is measured is the resident set. Names lead to as many bound names, each with an address of its own file, and each
//! router stream is a connection, as it is for a fleet.

use std::fs;
use std::io::{Write, stdout};
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use futures_util::{StreamExt, stream};
use mesh::api::{Action, Export, Revision, Version};
use mesh::client::{ClientOptions, Existing};
use mesh::v1::mesh_client::MeshClient;
use mesh::v1::{FromRouter, Hello, Subscribe, ToRouter, from_router, to_router, update};
use mesh::{NamerdClient, linkerd};
use tests::{Idle, Namerd, Process, Proxied, Streamed, World};
use tokio::time::timeout;
use tonic::Streaming;
use tonic::transport::Channel;

const NAMES: usize = 10_000;

const NAMESPACES: usize = 10_000;

const STREAMS: usize = 1_000;

const SUBSCRIPTIONS: u64 = 10;

const IDLE_CONNECTIONS: usize = 100;

const IDLE_STREAMS: usize = 100;

type Measure = fn(&mut Figures) -> Result<()>;

/// What can be measured, by the words that ask for it.
const MEASUREMENTS: [(&str, Measure); 3] = [
    ("router", routers),
    ("streams", idle_streams),
    ("namerd", busy_namerd),
];

fn main() -> ExitCode {
    let mut figures = Figures::default();
    let asked: Vec<String> = std::env::args().skip(1).collect();
    match measure(&asked, &mut figures) {
        Ok(()) if figures.too_large == 0 => ExitCode::SUCCESS,
        Ok(()) => {
            eprintln!("memory: {} of the figures too large", figures.too_large);
            ExitCode::FAILURE
        }
        Err(error) => {
            eprintln!("memory: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// Takes the measurements that are asked for; all of them if none is.
fn measure(asked: &[String], figures: &mut Figures) -> Result<()> {
    let words = MEASUREMENTS.map(|(word, _)| word);
    for word in asked {
        ensure!(
            words.contains(&word.as_str()),
            "cannot measure {word:?}: one of {}",
            words.join(", ")
        );
    }
    for (word, measure) in MEASUREMENTS {
        if asked.is_empty() || asked.iter().any(|asked| asked == word) {
            measure(figures)?;
        }
    }
    Ok(())
}

#[derive(Default)]
struct Figures {
    too_large: usize,
}

impl Figures {
    /// Tells a process's memory, and whether it is at most so many MiB.
    fn tell(&mut self, what: &str, process: &Process, most: f64) -> Result<()> {
        #[expect(
            clippy::cast_precision_loss,
            reason = "a size in bytes is far below 2^52"
        )]
        let mib = process.resident() as f64 / f64::from(1 << 20);
        self.judge(what, mib, most, "MiB")
    }

    /// Tells a figure, and whether it is at most so much.
    fn judge(&mut self, what: &str, is: f64, most: f64, unit: &str) -> Result<()> {
        let verdict = if is <= most { "ok" } else { "TOO LARGE" };
        self.too_large += usize::from(is > most);
        writeln!(
            stdout(),
            "{what:<64} {is:>6.1} {unit} of {most:>3}  {verdict}"
        )?;
        Ok(())
    }
}

fn routers(figures: &mut Figures) -> Result<()> {
    mesh_router(figures)?;
    lone_router(figures)
}

fn mesh_router(figures: &mut Figures) -> Result<()> {
    let mut world = World::new();
    world.start_namerd();
    world.dtab("default", "/svc => /#/io.l5d.fs");
    world.start_router();
    ask_all(&world, figures, "through namerd")
}

fn lone_router(figures: &mut Figures) -> Result<()> {
    let mut world = World::new();
    let disco = world.dir().join("disco");
    world.start_router_with(&format!(
        "  dtab: /svc => /#/io.l5d.fs\nnamers: [{{kind: io.l5d.fs, rootDir: {}}}]\n",
        disco.display()
    ));
    ask_all(&world, figures, "by itself")
}

/// Asks the only router for all names.
fn ask_all(world: &World, figures: &mut Figures, how: &str) -> Result<()> {
    let router = &world.routers[0];
    let what = format!("router that binds {how}, after start");
    figures.tell(&what, &router.process, 15.0)?;
    let backend = world.backend("v1");
    for name in 0..NAMES {
        let line = format!("127.0.0.1 {}\n", backend.address().port());
        fs::write(world.dir().join(format!("disco/name-{name}")), line)?;
    }
    world.runtime().block_on(async {
        let mut connection = Proxied::connect(router.address()).await?;
        for name in 0..NAMES {
            let reply = connection.get(&format!("name-{name}"), &[]).await?;
            ensure!(reply.status == 200, "{}: {}", reply.status, reply.body);
        }
        Ok(())
    })?;
    let what = format!("router that binds {how}, after {NAMES} names");
    figures.tell(&what, &router.process, 60.0)
}

/// Streams whose answers have begun, and on which nothing flows.
fn idle_streams(figures: &mut Figures) -> Result<()> {
    let mut world = World::new();
    let endpoint = Streamed::idle(world.runtime().handle());
    world.start_router_for("h2", &format!("  dtab: /svc/web => {}\n", endpoint.path()));
    let router = &world.routers[0];
    let open = |connections, each| {
        let opening = Idle::open(router.address(), "web", connections, each);
        world.runtime().block_on(opening)
    };
    let _first = open(2, 1)?;
    let before = router.process.resident();
    let idle = open(IDLE_CONNECTIONS, IDLE_STREAMS)?;
    let what = format!(
        "router with {} idle streams on {} connections",
        idle.count(),
        idle.connections()
    );
    let grown = router.process.resident().saturating_sub(before);
    figures.tell(&what, &router.process, 140.0)?;
    #[expect(
        clippy::cast_precision_loss,
        reason = "a size in bytes is far below 2^52"
    )]
    let each = grown as f64 / (1024 * idle.count()) as f64;
    figures.judge("each of them", each, 12.0, "KiB")
}

fn busy_namerd(figures: &mut Figures) -> Result<()> {
    let mut world = World::new();
    world.start_namerd();
    figures.tell("namerd after start", &world.namerds[0].process, 25.0)?;
    for service in 0..SUBSCRIPTIONS {
        let path = world.dir().join(format!("disco/service-{service}"));
        fs::write(path, "127.0.0.1 1\n127.0.0.2 1\n127.0.0.3 1\n")?;
    }
    let namerd = &world.namerds[0];
    world.runtime().block_on(async {
        let client = NamerdClient::new(ClientOptions {
            base_urls: vec![namerd.base_url()],
            timeout: Some(Duration::from_secs(60)),
            ..ClientOptions::default()
        })?;
        client.import(&namespaces(), Existing::Refuse).await?;
        let what = format!("namerd with {NAMESPACES} namespaces");
        figures.tell(&what, &namerd.process, 40.0)?;
        let mut streams = Vec::new();
        for router in 0..STREAMS {
            let opening = timeout(Duration::from_secs(20), open(namerd, router));
            streams.push(opening.await.context("no answer")??);
        }
        let what = format!(
            "namerd with {NAMESPACES} namespaces, {STREAMS} routers of {SUBSCRIPTIONS} names"
        );
        figures.tell(&what, &namerd.process, 100.0)
    })
}

/// Namespaces with a dtab of their own each.
fn namespaces() -> Export {
    let namespace = |number| {
        let dtab = format!(
            "# The services of team {number}.\n/srv => /#/io.l5d.fs ;\n/team => /srv ;\n/svc => /team ;\n\
             /svc/canary => 99 * /srv/service-1 & 1 * /srv/service-2 ;\n"
        );
        let revision = Revision {
            revision: 1,
            version: Version(1).tag(),
            time: jiff::Timestamp::UNIX_EPOCH,
            author: "memory".to_owned(),
            message: String::new(),
            action: Action::Create,
            dtab: Some(dtab),
        };
        (name_of(number), vec![revision])
    };
    Export::new((0..NAMESPACES).map(namespace).collect())
}

fn name_of(namespace: usize) -> String {
    format!("team-{namespace}")
}

/// A router of its own namespace, that has heard all that it asked for.
async fn open(namerd: &Namerd, router: usize) -> Result<Streaming<ToRouter>> {
    let endpoint = Channel::from_shared(format!("http://{}", namerd.mesh()))?;
    let mut client = MeshClient::new(endpoint.connect().await?);
    let hello = from_router::Message::Hello(Hello {
        router_id: format!("router-{router}"),
        namespaces: vec![name_of(router)],
        ..Hello::default()
    });
    let asked = (0..SUBSCRIPTIONS).map(|id| {
        from_router::Message::Subscribe(Subscribe {
            id,
            root: Some(path(&[&name_of(router)])),
            name: Some(path(&["svc", &format!("service-{id}")])),
            dtab: None,
            alternatives: false,
        })
    });
    let said: Vec<_> = [hello].into_iter().chain(asked).collect();
    let said = stream::iter(said).map(|message| FromRouter {
        message: Some(message),
    });
    // A router's side stays open.
    let opened = client.connect(said.chain(stream::pending())).await?;
    let mut heard = opened.into_inner();
    let mut trees = 0;
    while trees < SUBSCRIPTIONS {
        let message = heard.message().await?.context("the stream goes on")?;
        if let Some(to_router::Message::Update(update)) = message.message
            && matches!(update.state, Some(update::State::Tree(_)))
        {
            trees += 1;
        }
    }
    Ok(heard)
}

fn path(segments: &[&str]) -> linkerd::Path {
    let elems = segments
        .iter()
        .map(|segment| segment.as_bytes().to_vec().into());
    linkerd::Path {
        elems: elems.collect(),
    }
}
