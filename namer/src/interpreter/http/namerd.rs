//! One namerd's HTTP API.

use std::time::Duration;

use dtab::{Leaf, NameTree, Path};
use futures_util::future::BoxFuture;
use futures_util::{StreamExt, stream};
use live::Live;
use mesh::client::{BaseUrlError, ClientError, ClientOptions, Watch};
use mesh::wire::{self, BoundName, Malformed};
use mesh::{NamerdClient, api};
use serde::de::DeserializeOwned;
use tokio::time::{sleep, timeout};

use super::HttpOptions;
use crate::Addresses;
use crate::interpreter::answers::Asked;
use crate::interpreter::follow::{Question, Said, Saying, Streams, Trouble};

/// How long a namerd may take to answer at all. Less than a second, so that the next one is tried within one.
const ANSWER_WITHIN: Duration = Duration::from_millis(900);

/// How often a namerd is asked whether it is still there, and how long it may take to say so: a watch that breaks
/// silently looks like one on which nothing changes.
const ASK_EVERY: Duration = Duration::from_secs(5);
const STILL_THERE_WITHIN: Duration = Duration::from_secs(4);

/// One of the namerds.
#[derive(Clone, Debug)]
pub(super) struct Namerd {
    pub(super) url: String,
    pub(super) namespace: String,
    pub(super) client: NamerdClient,
}

impl Namerd {
    pub(super) fn new(url: &str, options: &HttpOptions) -> Result<Self, BaseUrlError> {
        Ok(Self {
            url: url.to_owned(),
            namespace: options.namespace.clone(),
            client: NamerdClient::new(ClientOptions {
                base_urls: vec![url.to_owned()],
                tls: options.tls.clone(),
                ..ClientOptions::default()
            })?,
        })
    }

    /// Whether it answers; why not.
    pub(super) async fn answers(&self) -> Result<(), String> {
        self.answers_within(ANSWER_WITHIN).await
    }

    /// Waits until it no longer answers.
    pub(super) async fn falls_silent(&self) -> String {
        loop {
            sleep(ASK_EVERY).await;
            if let Err(why) = self.answers_within(STILL_THERE_WITHIN).await {
                return why;
            }
        }
    }

    async fn answers_within(&self, within: Duration) -> Result<(), String> {
        // The head of a watch comes at once, whatever becomes of namerd's store.
        match timeout(within, self.client.watch_namespaces()).await {
            Ok(Ok(_) | Err(ClientError::Status { .. })) => Ok(()),
            Ok(Err(error)) => Err(error.to_string()),
            Err(_) => Err(format!(
                "{}: no answer within {} ms",
                self.url,
                within.as_millis()
            )),
        }
    }

    async fn trees(self, asked: Asked) -> Result<Saying, Trouble> {
        let Asked { path, overlay } = asked;
        let opening = self
            .client
            .watch_bind(&self.namespace, &path, &overlay.text);
        match opening.await {
            Ok(watch) => Ok(saying(watch, tree)),
            Err(error) => Err(self.unopened(&error).await),
        }
    }

    async fn addresses(self, id: Path) -> Result<Saying, Trouble> {
        match self.client.watch_addr(&self.namespace, &id).await {
            Ok(watch) => Ok(saying(watch, addresses)),
            Err(error) => Err(self.unopened(&error).await),
        }
    }

    /// Whether it is only this watch that fails.
    async fn unopened(&self, error: &ClientError) -> Trouble {
        match error {
            ClientError::Unreachable(_) => match self.answers().await {
                Ok(()) => Trouble::Stream(error.to_string()),
                Err(why) => Trouble::Connection(why),
            },
            _ => Trouble::Stream(shown(error)),
        }
    }
}

impl Streams for Namerd {
    fn open(self, question: Question) -> BoxFuture<'static, Result<Saying, Trouble>> {
        match question {
            Question::Name(asked) => Box::pin(self.trees(asked)),
            Question::Addresses(id) => Box::pin(self.addresses(id)),
        }
    }
}

fn saying<T>(watch: Watch<T>, read: fn(T) -> Result<Said, Malformed>) -> Saying
where
    T: DeserializeOwned + Send + 'static,
{
    let records = stream::unfold(watch, async |mut watch| {
        let record = watch.next().await?;
        Some((record, watch))
    });
    let said = records.map(move |record| {
        let record = record.map_err(|error| Trouble::Stream(shown(&error)))?;
        read(record).map_err(|malformed| Trouble::Stream(malformed.to_string()))
    });
    said.boxed()
}

fn tree(record: api::BoundTree) -> Result<Said, Malformed> {
    let tree = NameTree::<Leaf<api::BoundName>>::try_from(record)?;
    let mut samples = Vec::new();
    let tree = tree.map(&mut |leaf| {
        let bound = BoundName::from(&leaf.bound);
        // A sample that means nothing is none: the addresses are watched anyway.
        if let Ok(sample) = wire::Addresses::try_from(leaf.bound.addr.clone()) {
            samples.push((leaf.bound.id.clone(), sample));
        }
        Leaf {
            bound,
            weight: leaf.weight,
        }
    });
    Ok(Said::Tree(tree, samples))
}

fn addresses(record: api::Addr) -> Result<Said, Malformed> {
    Ok(Said::Addresses(record.try_into()?))
}

/// Addresses as they were told once.
pub(super) fn sample(addr: api::Addr) -> Live<Addresses> {
    let (mut out, addresses) = live::channel();
    match wire::Addresses::try_from(addr) {
        Ok(said) => crate::wire::publish_addresses(said, &mut out),
        Err(malformed) => out.fail(malformed.to_string()),
    }
    addresses
}

/// What namerd says of a failure, else what the client does.
fn shown(error: &ClientError) -> String {
    match error {
        ClientError::Status { body, .. } if !body.is_empty() => body.trim_end().to_owned(),
        ClientError::Answer { text, .. } => text.trim_end().to_owned(),
        error => error.to_string(),
    }
}
