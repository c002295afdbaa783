//! `Resolver`: the addresses of a bound id.

use std::sync::Arc;
use std::time::Duration;

use dtab::{Dtab, Path};
use mesh::linkerd::{Replicas, ReplicasReq, resolver_server};
use mesh::wire::Addresses;
use namer::Interpreter as _;
use tokio::time::timeout;
use tonic::{Request, Response, Status};

use super::states::{Look, States};
use super::{Messages, Services, addresses};

#[tonic::async_trait]
impl resolver_server::Resolver for Services {
    type StreamReplicasStream = Messages<Replicas>;

    /// Waits a moment for an answer; "pending" is one, too: clients ask again.
    async fn get_replicas(
        &self,
        request: Request<ReplicasReq>,
    ) -> Result<Response<Replicas>, Status> {
        let request = request.get_ref();
        let settled = self.replicas(request, Pending::IsWaitedFor)?.first();
        match timeout(SETTLED_WITHIN, settled).await {
            Ok(settled) => Ok(Response::new(settled?)),
            Err(_) => Ok(Response::new((&Addresses::Pending).into())),
        }
    }

    async fn stream_replicas(
        &self,
        request: Request<ReplicasReq>,
    ) -> Result<Response<Messages<Replicas>>, Status> {
        Ok(self.stream(self.replicas(request.get_ref(), Pending::IsTold)))
    }
}

/// How long a single answer waits for addresses that are not known yet.
const SETTLED_WITHIN: Duration = Duration::from_secs(1);

/// What to do about addresses that are not known yet.
#[derive(Clone, Copy, PartialEq)]
enum Pending {
    IsTold,
    IsWaitedFor,
}

impl Services {
    fn replicas(
        &self,
        request: &ReplicasReq,
        pending: Pending,
    ) -> Result<States<Replicas>, Status> {
        let id = request.id.as_ref().map(Path::try_from).transpose()?;
        let Some(id) = id.filter(|id| !id.is_empty()) else {
            // A value, not an error of the call.
            return Ok(States::new(|_| {
                let failed = Addresses::Failed("No ID provided".to_owned());
                Look::Shows((&failed).into())
            }));
        };
        let id = dtab::strip_transformer_prefix(&id);
        let binder = Arc::clone(self.context.namespaces.concrete());
        let binding = binder.bind(&id, &Dtab::empty());
        Ok(States::new(move |reads| {
            match addresses::behind(&id, &binding, reads) {
                Addresses::Pending if pending == Pending::IsWaitedFor => Look::Wait,
                addresses => Look::Shows((&addresses).into()),
            }
        }))
    }
}
