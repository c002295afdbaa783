//! The embedded store loses nothing that it has acknowledged, whenever its namerd dies.

use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use futures_util::future::try_join_all;
use http::StatusCode;
use mesh::NamerdClient;
use mesh::api::{Action, By, Export, Version};
use mesh::client::{ClientError, ClientOptions, DtabBody, Precondition};
use tests::{Namerd, Process, World, program};

const LIVES: usize = 50;

const WRITERS: usize = 4;

#[test]
fn kill_dash_nine_takes_back_no_acknowledged_write() -> Result<()> {
    let mut world = World::new();
    world.start_namerd();
    let mut ledger = Ledger::default();
    for life in 0..LIVES {
        let runtime = world.runtime().handle().clone();
        let client = client(&world.namerds[0])?;
        let writers = (0..WRITERS).map(|writer| {
            let writer = Writer::new(client.clone(), writer, life);
            runtime.spawn(writer.write())
        });
        let writers: Vec<_> = writers.collect();
        thread::sleep(random(150));
        world.namerds[0].process.kill();
        for wrote in runtime.block_on(try_join_all(writers))? {
            ledger.take(wrote?);
        }
        if life % 5 == 0 {
            die_young(&world)?;
        }
        world.namerds[0].restart();
        runtime
            .block_on(ledger.check(&client))
            .with_context(|| format!("after life {life}"))?;
    }
    let writes = ledger.acknowledged.len();
    assert!(writes > LIVES * WRITERS, "only {writes} writes in all");
    Ok(())
}

/// Starts namerd, and kills it while it opens the store.
fn die_young(world: &World) -> Result<()> {
    let config = world.dir().join("namerd-1.yaml");
    let mut process = Process::start("namerd", Command::new(program("namerd")).arg(config))?;
    thread::sleep(random(60));
    process.kill();
    Ok(())
}

/// The moment of a death.
fn random(below_ms: u64) -> Duration {
    Duration::from_micros(fastrand::u64(..below_ms * 1000))
}

fn client(namerd: &Namerd) -> Result<NamerdClient> {
    Ok(NamerdClient::new(ClientOptions {
        base_urls: vec![namerd.base_url()],
        ..ClientOptions::default()
    })?)
}

/// Writes one thing after the other, until namerd dies.
struct Writer {
    client: NamerdClient,
    writer: usize,
    life: usize,
    wrote: Wrote,
}

/// What a writer did in one life of namerd.
#[derive(Default)]
struct Wrote {
    /// The text of each acknowledged revision of a namespace.
    acknowledged: Vec<((String, u64), String)>,
    /// The text that was never answered.
    unanswered: Option<String>,
}

impl Writer {
    fn new(client: NamerdClient, writer: usize, life: usize) -> Self {
        Self {
            client,
            writer,
            life,
            wrote: Wrote::default(),
        }
    }

    /// Takes turns: a namespace of its own, one that all writers want, a new one.
    async fn write(mut self) -> Result<Wrote> {
        let Self { writer, life, .. } = self;
        for turn in 0.. {
            let goes_on = match turn % 3 {
                0 => self.update(&format!("own-{writer}"), turn).await?,
                1 => self.update("shared", turn).await?,
                _ => {
                    let namespace = format!("new-{writer}-{life}-{turn}");
                    self.put(&namespace, turn, Precondition::Absent).await?
                }
            };
            if !goes_on {
                break;
            }
        }
        Ok(self.wrote)
    }

    /// Reads a version, then replaces exactly that. Gives whether namerd is alive; so do the others.
    async fn update(&mut self, namespace: &str, turn: usize) -> Result<bool> {
        let condition = match self.client.dtab_text(namespace).await {
            Ok(read) => Precondition::Tag(read.tag.context("a dtab has a tag")?),
            Err(error) if error.status() == Some(StatusCode::NOT_FOUND) => Precondition::Absent,
            Err(ClientError::Unreachable(_)) => return Ok(false),
            Err(error) => return Err(error.into()),
        };
        self.put(namespace, turn, condition).await
    }

    async fn put(&mut self, namespace: &str, turn: usize, condition: Precondition) -> Result<bool> {
        let Self { writer, life, .. } = self;
        let text = format!("/life/{life} => /writer/{writer}/{turn};  # as it was written");
        let body = DtabBody::Text(text.clone());
        let by = By::default();
        match self
            .client
            .write_dtab(namespace, &body, &condition, &by)
            .await
        {
            Ok(tag) => {
                let tag = tag.context("a write is answered with a tag")?;
                let Version(revision) = Version::from_tag(&tag).context("a tag is a version")?;
                let key = (namespace.to_owned(), revision);
                self.wrote.acknowledged.push((key, text));
                Ok(true)
            }
            // Another writer was quicker.
            Err(error)
                if matches!(
                    error.status().map(|status| status.as_u16()),
                    Some(409 | 412)
                ) =>
            {
                Ok(true)
            }
            Err(ClientError::Unreachable(_)) => Ok(false),
            Err(ClientError::Lost(_)) => {
                self.wrote.unanswered = Some(text);
                Ok(false)
            }
            Err(error) => Err(error.into()),
        }
    }
}

/// What the writers know.
#[derive(Default)]
struct Ledger {
    acknowledged: BTreeMap<(String, u64), String>,
    unanswered: BTreeSet<String>,
}

impl Ledger {
    fn take(&mut self, wrote: Wrote) {
        self.acknowledged.extend(wrote.acknowledged);
        self.unanswered.extend(wrote.unanswered);
    }

    async fn check(&self, client: &NamerdClient) -> Result<()> {
        let export = client.export().await?;
        self.check_histories(&export)?;
        for ((namespace, revision), text) in &self.acknowledged {
            let history = export.namespaces.get(namespace);
            let stored = usize::try_from(*revision)?
                .checked_sub(1)
                .and_then(|index| history?.get(index)?.dtab.as_ref());
            if stored != Some(text) {
                bail!(
                    "revision {revision} of {namespace} is {stored:?}, acknowledged was {text:?}"
                );
            }
        }
        for namespace in ["shared", "own-0", "own-1", "own-2", "own-3"] {
            let Some(last) = export.namespaces.get(namespace).and_then(|all| all.last()) else {
                continue;
            };
            let served = client.dtab_text(namespace).await?;
            assert_eq!(
                Some(served.value),
                last.dtab,
                "{namespace} is the last revision"
            );
            assert_eq!(served.tag.as_ref(), Some(&last.version), "{namespace}");
        }
        Ok(())
    }

    /// Each history begins with its creation and leaves no number out, and nothing stands in it that nobody wrote.
    fn check_histories(&self, export: &Export) -> Result<()> {
        let mut once = BTreeSet::new();
        for (namespace, history) in &export.namespaces {
            for (revision, wanted) in history.iter().zip(1..) {
                let text = revision.dtab.as_ref().context("nothing is deleted")?;
                let key = (namespace.clone(), wanted);
                let action = if wanted == 1 {
                    Action::Create
                } else {
                    Action::Update
                };
                let is_known =
                    self.acknowledged.contains_key(&key) || self.unanswered.contains(text);
                if revision.revision != wanted || revision.action != action || !is_known {
                    bail!("{namespace} has {revision:?} where revision {wanted} should be");
                }
                if !once.insert(text) {
                    bail!("{text:?} was written twice, the second time as {wanted} of {namespace}");
                }
            }
        }
        Ok(())
    }
}
