//! `io.linkerd.mesh` from the router's side, for a namerd that has nothing else: a stream for each name, and one for each
//! bound name in it.

use std::error::Error as _;

use dtab::Path;
use futures_util::StreamExt;
use futures_util::future::BoxFuture;
use mesh::linkerd::interpreter_client::InterpreterClient;
use mesh::linkerd::resolver_client::ResolverClient;
use mesh::linkerd::{self, BindReq, BoundTreeRsp, Replicas, ReplicasReq};
use mesh::wire::{self, Malformed};
use tonic::Status;
use tonic::transport::Channel;

use super::MESSAGE_BYTES_MAX;
use super::session::told;
use crate::interpreter::answers::Asked;
use crate::interpreter::follow::{Question, Said, Saying, Streams, Trouble};

/// The protocol's name.
pub(super) const PROTOCOL: &str = "io.linkerd.mesh";

/// The calls over one connection.
#[derive(Clone, Debug)]
pub(super) struct Linkerd {
    pub(super) channel: Channel,
    pub(super) root: linkerd::Path,
}

impl Streams for Linkerd {
    fn open(self, question: Question) -> BoxFuture<'static, Result<Saying, Trouble>> {
        match question {
            Question::Name(asked) => Box::pin(self.trees(asked)),
            Question::Addresses(id) => Box::pin(self.replicas(id)),
        }
    }
}

impl Linkerd {
    async fn trees(self, asked: Asked) -> Result<Saying, Trouble> {
        let Asked { path, overlay } = asked;
        let dtab = overlay.message.clone();
        let request = BindReq {
            root: Some(self.root),
            name: Some((&path).into()),
            dtab: Some(dtab.map_err(|malformed| Trouble::Stream(malformed.to_string()))?),
        };
        let client = InterpreterClient::new(self.channel);
        let mut client = client.max_decoding_message_size(MESSAGE_BYTES_MAX);
        let answer = client.stream_bound_tree(request).await;
        let trees = answer.map_err(|status| unopened(&status))?.into_inner();
        Ok(trees.map(|said| heard(said, tree)).boxed())
    }

    async fn replicas(self, id: Path) -> Result<Saying, Trouble> {
        let request = ReplicasReq {
            id: Some((&id).into()),
        };
        let client = ResolverClient::new(self.channel);
        let mut client = client.max_decoding_message_size(MESSAGE_BYTES_MAX);
        let answer = client.stream_replicas(request).await;
        let replicas = answer.map_err(|status| unopened(&status))?.into_inner();
        Ok(replicas.map(|said| heard(said, addresses)).boxed())
    }
}

fn tree(answer: &BoundTreeRsp) -> Result<Said, Malformed> {
    let tree = answer.tree.as_ref().ok_or(Malformed::Missing("a tree"))?;
    Ok(Said::Tree(tree.try_into()?, Vec::new()))
}

fn addresses(replicas: &Replicas) -> Result<Said, Malformed> {
    Ok(Said::Addresses(wire::Addresses::try_from(replicas)?))
}

fn heard<T>(
    said: Result<T, Status>,
    read: impl Fn(&T) -> Result<Said, Malformed>,
) -> Result<Said, Trouble> {
    let said = said.map_err(|status| Trouble::Stream(told(&status)))?;
    read(&said).map_err(|malformed| Trouble::Stream(malformed.to_string()))
}

/// A status that has a cause was not said by namerd: the call did not get through to it.
fn unopened(status: &Status) -> Trouble {
    match status.source() {
        Some(_) => Trouble::Connection(told(status)),
        None => Trouble::Stream(told(status)),
    }
}
