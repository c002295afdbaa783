//! Against a namerd that speaks `io.linkerd.mesh` alone.

use std::pin::Pin;

use dtab::Dtab;
use live::State;
use mesh::linkerd::delegator_server::{Delegator, DelegatorServer};
use mesh::linkerd::interpreter_server::{Interpreter, InterpreterServer};
use mesh::linkerd::resolver_server::{Resolver, ResolverServer};
use mesh::linkerd::{
    BindReq, BoundTreeRsp, DelegateTreeReq, DelegateTreeRsp, DtabReq, DtabRsp, Replicas,
    ReplicasReq,
};
use tokio::sync::mpsc;
use tokio_stream::Stream;
use tokio_stream::wrappers::ReceiverStream;
use tonic::transport::server::TcpIncoming;
use tonic::{Request, Response, Status};

use super::namerd::{addresses_of, leaf};
use super::*;
use crate::interpreter::Interpreter as _;
use crate::interpreter::host::Host;

type Answers<T> = mpsc::Sender<Result<T, Status>>;
type Messages<T> = Pin<Box<dyn Stream<Item = Result<T, Status>> + Send>>;

/// A namerd whose streams a test fills.
struct Namerd {
    address: String,
    trees: mpsc::Receiver<(BindReq, Answers<BoundTreeRsp>)>,
    replicas: mpsc::Receiver<(ReplicasReq, Answers<Replicas>)>,
    _host: Host,
}

impl Namerd {
    fn start() -> Self {
        let (trees_in, trees) = mpsc::channel(8);
        let (replicas_in, replicas) = mpsc::channel(8);
        let services = Services {
            trees: trees_in,
            replicas: replicas_in,
        };
        let host = Host::start(|listener| async {
            let incoming = TcpIncoming::from(listener);
            let server = tonic::transport::Server::builder()
                .add_service(InterpreterServer::new(services.clone()))
                .add_service(ResolverServer::new(services.clone()))
                .add_service(DelegatorServer::new(services));
            server.serve_with_incoming(incoming).await.unwrap();
        });
        Self {
            address: host.address.to_string(),
            trees,
            replicas,
            _host: host,
        }
    }

    async fn asked_for_tree(&mut self) -> (BindReq, Answers<BoundTreeRsp>) {
        timeout(SOON, self.trees.recv()).await.unwrap().unwrap()
    }

    async fn asked_for_replicas(&mut self, id: &str) -> Answers<Replicas> {
        let (asked, answers) = timeout(SOON, self.replicas.recv()).await.unwrap().unwrap();
        assert_eq!(Path::try_from(&asked.id.unwrap()), Ok(path(id)));
        answers
    }
}

async fn say_tree(answers: &Answers<BoundTreeRsp>, id: &str) {
    let tree = Some((&leaf(id)).into());
    answers.send(Ok(BoundTreeRsp { tree })).await.unwrap();
}

async fn say_addresses(answers: &Answers<Replicas>, at: &[&str]) {
    answers.send(Ok((&addresses_of(at)).into())).await.unwrap();
}

#[tokio::test]
async fn a_namerd_of_the_reference_serves_as_well() {
    let mut namerd = Namerd::start();
    let interpreter = MeshInterpreter::start(options(&[&namerd.address]));
    let dtab = Dtab::parse("/svc => /host").unwrap();
    let binding = interpreter.bind(&path("/svc/web"), &dtab);
    let (asked, trees) = namerd.asked_for_tree().await;
    assert_eq!(Path::try_from(&asked.root.unwrap()), Ok(path("/default")));
    assert_eq!(Path::try_from(&asked.name.unwrap()), Ok(path("/svc/web")));
    assert_eq!(Dtab::try_from(&asked.dtab.unwrap()), Ok(dtab));
    say_tree(&trees, "/#/web").await;
    let tree = fresh(&binding).await;
    let replicas = namerd.asked_for_replicas("/#/web").await;
    say_addresses(&replicas, &["127.0.0.1:80"]).await;
    reachable_at(&addresses(&tree), "127.0.0.1:80").await;
    let status = interpreter.status().unwrap();
    assert_eq!(status.namerd.unwrap().protocol, "io.linkerd.mesh");

    // A stream that ends is opened again, and what is known stays.
    trees.send(Err(Status::internal("no store"))).await.unwrap();
    let state = until(&binding, |state| matches!(state, State::Stale(..))).await;
    assert_eq!(&*state.failure().unwrap().reason, "no store");
    let (_, trees) = namerd.asked_for_tree().await;
    say_tree(&trees, "/#/web").await;
    assert!(Arc::ptr_eq(&tree, &fresh(&binding).await));
    drop(replicas);
    let replicas = namerd.asked_for_replicas("/#/web").await;
    say_addresses(&replicas, &["127.0.0.1:81"]).await;
    reachable_at(&addresses(&tree), "127.0.0.1:81").await;
}

#[tokio::test]
async fn streams_that_nobody_reads_are_cancelled() {
    let mut namerd = Namerd::start();
    let pace = Pace {
        linger: Duration::from_millis(20),
        ..Pace::default()
    };
    let interpreter = MeshInterpreter::start_at_pace(options(&[&namerd.address]), pace);
    let binding = bind(&interpreter, "/svc/web");
    let (_, trees) = namerd.asked_for_tree().await;
    say_tree(&trees, "/#/web").await;
    let replicas = namerd.asked_for_replicas("/#/web").await;
    drop(binding);
    timeout(SOON, trees.closed()).await.unwrap();
    timeout(SOON, replicas.closed()).await.unwrap();
}

#[tokio::test]
async fn our_own_protocol_is_tried_again_on_each_connection() {
    let old = Namerd::start();
    let mut new = namerd::Namerd::start();
    let namerds = [old.address.as_str(), new.address.as_str()];
    let interpreter = MeshInterpreter::start(options(&namerds));
    let binding = bind(&interpreter, "/svc/web");
    let mut old = old;
    let (_, trees) = old.asked_for_tree().await;
    say_tree(&trees, "/#/web").await;
    let tree = fresh(&binding).await;
    drop((old, trees));
    let (mut session, _) = new.welcomed().await;
    tell_web(&mut session, 7).await;
    at_revision(&binding, 7).await;
    assert!(Arc::ptr_eq(&tree, &fresh(&binding).await));
}

#[tokio::test]
async fn a_delegation_comes_with_the_addresses_of_its_leaves() {
    let namerd = Namerd::start();
    let interpreter = MeshInterpreter::start(options(&[&namerd.address]));
    while interpreter.status().unwrap().namerd.is_none() {
        tokio::task::yield_now().await;
    }
    let asked = path("/svc/web");
    let tree = interpreter.delegate(&asked, &Dtab::empty()).await.unwrap();
    let DelegateTree::Leaf { bound, .. } = tree else {
        panic!("{tree:?}");
    };
    assert_eq!(bound.id.to_string(), "/#/web");
    assert_eq!(shown(&bound.addresses.value().unwrap()), "127.0.0.1:80");

    drop((namerd, bound));
    let away = MeshInterpreter::start(options(&["127.0.0.1:1"]));
    let failure = away.delegate(&asked, &Dtab::empty()).await.unwrap_err();
    assert!(
        matches!(failure, DelegateFailure::Unavailable(_)),
        "{failure:?}"
    );
}

#[derive(Clone)]
struct Services {
    trees: mpsc::Sender<(BindReq, Answers<BoundTreeRsp>)>,
    replicas: mpsc::Sender<(ReplicasReq, Answers<Replicas>)>,
}

async fn opened<Q, T: Send + 'static>(
    request: Request<Q>,
    to: &mpsc::Sender<(Q, Answers<T>)>,
) -> Response<Messages<T>> {
    let (answers, messages) = mpsc::channel(8);
    // A test that has seen enough takes no more calls.
    let _ = to.send((request.into_inner(), answers)).await;
    Response::new(Box::pin(ReceiverStream::new(messages)))
}

#[tonic::async_trait]
impl Interpreter for Services {
    type StreamBoundTreeStream = Messages<BoundTreeRsp>;

    async fn get_bound_tree(&self, _: Request<BindReq>) -> Result<Response<BoundTreeRsp>, Status> {
        Err(Status::internal("never asked"))
    }

    async fn stream_bound_tree(
        &self,
        request: Request<BindReq>,
    ) -> Result<Response<Messages<BoundTreeRsp>>, Status> {
        Ok(opened(request, &self.trees).await)
    }
}

#[tonic::async_trait]
impl Resolver for Services {
    type StreamReplicasStream = Messages<Replicas>;

    async fn get_replicas(&self, _: Request<ReplicasReq>) -> Result<Response<Replicas>, Status> {
        Ok(Response::new((&addresses_of(&["127.0.0.1:80"])).into()))
    }

    async fn stream_replicas(
        &self,
        request: Request<ReplicasReq>,
    ) -> Result<Response<Messages<Replicas>>, Status> {
        Ok(opened(request, &self.replicas).await)
    }
}

#[tonic::async_trait]
impl Delegator for Services {
    type StreamDtabStream = Messages<DtabRsp>;
    type StreamDelegateTreeStream = Messages<DelegateTreeRsp>;

    async fn get_dtab(&self, _: Request<DtabReq>) -> Result<Response<DtabRsp>, Status> {
        Err(Status::internal("never asked"))
    }

    async fn stream_dtab(
        &self,
        _: Request<DtabReq>,
    ) -> Result<Response<Messages<DtabRsp>>, Status> {
        Err(Status::internal("never asked"))
    }

    async fn get_delegate_tree(
        &self,
        _: Request<DelegateTreeReq>,
    ) -> Result<Response<DelegateTreeRsp>, Status> {
        let tree = DelegateTree::Leaf {
            path: path("/svc/web"),
            dentry: None,
            bound: mesh::wire::BoundName {
                id: mesh::wire::BoundId::Path(path("/#/web")),
                residual: Path::empty(),
            },
        };
        let tree = mesh::wire::bound_delegate_tree(&tree, &Clone::clone)?;
        Ok(Response::new(DelegateTreeRsp { tree: Some(tree) }))
    }

    async fn stream_delegate_tree(
        &self,
        _: Request<DelegateTreeReq>,
    ) -> Result<Response<Messages<DelegateTreeRsp>>, Status> {
        Err(Status::internal("never asked"))
    }
}
