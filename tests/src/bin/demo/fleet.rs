//! Which revision each router runs, as namerd was told by them.

use std::time::Duration;

use anyhow::Result;
use serde_json::Value;
use tests::{Namerctl, Process};
use tokio::time::Instant;

/// How long an answer is good for.
const PAUSE: Duration = Duration::from_secs(1);

/// Asks `namerctl fleet` again and again.
#[derive(Debug)]
pub(crate) struct Fleet {
    namerctl: Namerctl,
    asking: Option<Process>,
    next: Instant,
    known: Value,
}

impl Fleet {
    pub(crate) fn new(namerctl: Namerctl) -> Self {
        Self {
            namerctl,
            asking: None,
            next: Instant::now(),
            known: Value::Null,
        }
    }

    /// Takes an answer that is there, and asks again when it is time to.
    ///
    /// # Errors
    /// If namerctl cannot be started. That it fails is no error: then nothing is known.
    pub(crate) fn look(&mut self, now: Instant) -> Result<()> {
        if let Some(mut asking) = self.asking.take() {
            match asking.ended()? {
                Some(_) => self.known = serde_json::from_str(&asking.said()).unwrap_or_default(),
                None => self.asking = Some(asking),
            }
        }
        if self.asking.is_none() && now >= self.next {
            self.next = now + PAUSE;
            self.asking = Some(self.namerctl.start(&["fleet", "--output", "json"])?);
        }
        Ok(())
    }

    /// The revision that the router of this label runs, if that is known.
    pub(crate) fn revision(&self, label: &str) -> Option<u64> {
        let routers = self.known.get("routers")?.as_array()?;
        let is_it = |router: &&Value| {
            let id = router.get("id").and_then(Value::as_str);
            id.and_then(|id| id.split_once('@')).map(|(name, _)| name) == Some(label)
        };
        let namespaces = routers.iter().find(is_it)?.get("namespaces")?;
        namespaces.get("default")?.get("revision")?.as_u64()
    }
}
