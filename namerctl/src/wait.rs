//! Waiting until routers run what was written.

use std::fmt;
use std::time::Duration;

use http::StatusCode;
use mesh::NamerdClient;
use mesh::api::{FleetRouter, Version};
use mesh::client::ClientError;
use tokio::time::{Instant, sleep, timeout_at};

use crate::console::Console;
use crate::duration;
use crate::failure::{Failure, counted};

/// How long after a look at the fleet the next one comes, at first and at most.
const PAUSE: (Duration, Duration) = (Duration::from_millis(50), Duration::from_millis(250));

/// Whether to wait for routers.
#[derive(Debug, clap::Args)]
pub(crate) struct WaitArgs {
    /// Wait until every router that is connected runs the new revision, or a newer one; the default is 30s
    #[arg(long, value_name = "TIME", num_args = 0..=1, require_equals = true, default_missing_value = "30s", value_parser = duration::parse)]
    wait: Option<Duration>,
}

/// What has to be waited for after a change: nothing, where the user doesn't want to.
#[derive(Debug)]
pub(crate) struct Confirmation(Option<Wait>);

/// The routers that have to confirm a change, as they were before it.
#[derive(Debug)]
struct Wait {
    client: NamerdClient,
    namespace: String,
    timeout: Duration,
    routers: Vec<Awaited>,
}

/// A router that did not confirm yet.
#[derive(Debug)]
struct Awaited {
    router: FleetRouter,
    /// Whether namerd still tells of it. It may have stopped, or be on the way to another namerd.
    is_known: bool,
}

/// Some routers did not confirm in time. The change is made.
#[derive(Debug, thiserror::Error)]
pub(crate) struct Unconfirmed {
    namespace: String,
    revision: u64,
    total: usize,
    timeout: Duration,
    stragglers: Vec<Awaited>,
    /// Why the fleet could not be seen at the end.
    trouble: Option<ClientError>,
}

impl WaitArgs {
    /// Remembers who has to confirm a change that is about to be made.
    pub(crate) async fn prepare(
        &self,
        client: &NamerdClient,
        namespace: &str,
    ) -> Result<Confirmation, Failure> {
        let Some(timeout) = self.wait else {
            return Ok(Confirmation(None));
        };
        let routers = fleet(client).await?.into_iter();
        let uses_it = |router: &FleetRouter| router.namespaces.contains_key(namespace);
        let routers = routers.filter(|router| router.connected && uses_it(router));
        let routers = routers.map(|router| Awaited {
            router,
            is_known: true,
        });
        Ok(Confirmation(Some(Wait {
            client: client.clone(),
            namespace: namespace.to_owned(),
            timeout,
            routers: routers.collect(),
        })))
    }
}

/// The routers that namerd knows.
pub(crate) async fn fleet(client: &NamerdClient) -> Result<Vec<FleetRouter>, Failure> {
    match Box::pin(client.fleet()).await {
        Ok(fleet) => Ok(fleet.routers),
        Err(error) if error.status() == Some(StatusCode::NOT_FOUND) => Err(Failure::Lacks {
            what: "view of its routers",
        }),
        Err(error) => Err(error.into()),
    }
}

impl Confirmation {
    /// Waits for the version of this tag.
    pub(crate) async fn of_tag(
        self,
        tag: Option<&str>,
        console: &mut Console<'_>,
    ) -> Result<(), Failure> {
        let Some(wait) = self.0 else {
            return Ok(());
        };
        let version = tag.and_then(Version::from_tag);
        let Version(revision) = version.ok_or(NO_REVISIONS)?;
        wait.of_revision(revision, console).await
    }

    /// Waits for the newest revision.
    pub(crate) async fn of_newest(self, console: &mut Console<'_>) -> Result<(), Failure> {
        let Some(wait) = self.0 else {
            return Ok(());
        };
        // Boxed like the other futures here, which would make those that wait for them large.
        let history = Box::pin(wait.client.history(&wait.namespace, Some(1), None)).await?;
        let newest = history.first().ok_or(NO_REVISIONS)?;
        wait.of_revision(newest.revision, console).await
    }
}

const NO_REVISIONS: Failure = Failure::Lacks {
    what: "revisions to wait for",
};

impl Wait {
    async fn of_revision(self, revision: u64, console: &mut Console<'_>) -> Result<(), Failure> {
        let total = self.routers.len();
        let name = self.namespace.clone();
        if total == 0 {
            let note = format!("No router that uses {name} is connected.");
            return Ok(console.err.line(&note)?);
        }
        let begin = Instant::now();
        let deadline = begin + self.timeout;
        Box::pin(self.poll(revision, deadline)).await?;
        let took = u64::try_from(begin.elapsed().as_millis()).unwrap_or(u64::MAX);
        let (routers, took) = (counted(total, "router"), duration::show_ms(took));
        let note = format!("{routers} confirmed revision {revision} of {name}, after {took}.");
        Ok(console.err.line(&note)?)
    }

    async fn poll(mut self, revision: u64, deadline: Instant) -> Result<(), Failure> {
        let (total, (mut pause, longest_pause)) = (self.routers.len(), PAUSE);
        let mut trouble = None;
        loop {
            match timeout_at(deadline, Box::pin(self.client.fleet())).await {
                Ok(Ok(fleet)) => {
                    self.keep_stragglers(fleet.routers, revision);
                    trouble = None;
                }
                // A namerd that goes away for a moment is no reason to give up.
                Ok(Err(error)) => trouble = Some(error),
                Err(_) => {}
            }
            if self.routers.is_empty() {
                return Ok(());
            }
            if Instant::now() + pause >= deadline {
                return Err(Failure::unconfirmed(Unconfirmed {
                    namespace: self.namespace,
                    revision,
                    total,
                    timeout: self.timeout,
                    stragglers: self.routers,
                    trouble,
                }));
            }
            sleep(pause).await;
            pause = (pause * 3 / 2).min(longest_pause);
        }
    }

    /// Forgets the routers that have the revision; of the others, what is newly known replaces what was.
    fn keep_stragglers(&mut self, mut news: Vec<FleetRouter>, revision: u64) {
        for awaited in &mut self.routers {
            let found = news.iter().position(|new| new.id == awaited.router.id);
            awaited.is_known = found.is_some();
            if let Some(found) = found {
                awaited.router = news.swap_remove(found);
            }
        }
        let namespace = &self.namespace;
        let runs = |router: &FleetRouter| router.namespaces.get(namespace).map(|at| at.revision);
        self.routers
            .retain(|awaited| runs(&awaited.router) < Some(revision));
    }
}

impl fmt::Display for Unconfirmed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (stragglers, namespace) = (self.stragglers.len(), &self.namespace);
        write!(
            f,
            "{stragglers} of {} did not confirm revision {} of {namespace} within {:?}",
            counted(self.total, "router"),
            self.revision,
            self.timeout
        )?;
        for Awaited { router, is_known } in &self.stragglers {
            write!(f, "\n  {} ({}) ", router.id, router.address)?;
            match (is_known, router.connected) {
                (true, true) => {}
                (true, false) => write!(f, "is lost since {:.0}, ", router.last_seen)?,
                (false, _) => f.write_str("is gone, ")?,
            }
            match router.namespaces.get(namespace) {
                Some(at) => write!(f, "runs revision {} since {:.0}", at.revision, at.since)?,
                None => f.write_str("has not said what it runs")?,
            }
        }
        if let Some(trouble) = &self.trouble {
            write!(f, "\n  {trouble}")?;
        }
        Ok(())
    }
}
