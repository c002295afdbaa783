//! A namerd as old as Linkerd 1: it serves `io.linkerd.mesh`, and refuses all other services.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::pin::Pin;

use dtab::Path;
use futures_util::{Stream, stream};
use mesh::linkerd::interpreter_server::{Interpreter, InterpreterServer};
use mesh::linkerd::resolver_server::{Resolver, ResolverServer};
use mesh::linkerd::{
    BindReq, BoundNameTree, BoundTreeRsp, Endpoint, Replicas, ReplicasReq, bound_name_tree,
    endpoint, replicas,
};
use tests::Backend;
use tokio::runtime::Handle;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tonic::transport::server::{Server, TcpIncoming};
use tonic::{Request, Response, Status};

/// What it knows can be changed at any time.
pub(super) struct LinkerdNamerd {
    known: watch::Sender<Known>,
    address: SocketAddr,
    serving: JoinHandle<()>,
}

#[derive(Clone, Default)]
struct Known {
    /// The bound id of each name.
    bound: BTreeMap<Path, Path>,
    /// The address of each bound id.
    addresses: BTreeMap<Path, SocketAddr>,
}

impl LinkerdNamerd {
    pub(super) fn start(runtime: &Handle) -> Self {
        let known = watch::Sender::<Known>::default();
        let _inside = runtime.enter();
        let incoming = TcpIncoming::bind((Ipv4Addr::LOCALHOST, 0).into()).expect("a port");
        let address = incoming.local_addr().expect("it is bound");
        let services = Services(known.subscribe());
        let serving = Server::builder()
            .add_service(InterpreterServer::new(services.clone()))
            .add_service(ResolverServer::new(services))
            .serve_with_incoming(incoming);
        let serving = runtime.spawn(async { serving.await.expect("it serves") });
        Self {
            known,
            address,
            serving,
        }
    }

    pub(super) fn address(&self) -> SocketAddr {
        self.address
    }

    pub(super) fn binds(&self, name: &str, id: &str) {
        self.known.send_modify(|known| {
            known.bound.insert(path(name), path(id));
        });
    }

    pub(super) fn finds(&self, id: &str, backend: &Backend) {
        self.known.send_modify(|known| {
            known.addresses.insert(path(id), backend.address());
        });
    }
}

impl Drop for LinkerdNamerd {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

fn path(text: &str) -> Path {
    Path::parse(text).expect("a path")
}

#[derive(Clone)]
struct Services(watch::Receiver<Known>);

type Messages<T> = Pin<Box<dyn Stream<Item = Result<T, Status>> + Send>>;

impl Services {
    /// Says something of what is known, now and after each change.
    fn say<T: 'static>(&self, say: impl Fn(&Known) -> T + Send + 'static) -> Response<Messages<T>> {
        let mut known = self.0.clone();
        known.mark_changed();
        Response::new(Box::pin(stream::unfold(
            (known, say),
            |(mut known, say)| async {
                known.changed().await.ok()?;
                let message = say(&known.borrow_and_update());
                Some((Ok(message), (known, say)))
            },
        )))
    }
}

#[tonic::async_trait]
impl Interpreter for Services {
    async fn get_bound_tree(
        &self,
        request: Request<BindReq>,
    ) -> Result<Response<BoundTreeRsp>, Status> {
        let name = name(request.get_ref().name.as_ref())?;
        Ok(Response::new(tree(&self.0.borrow(), &name)))
    }

    type StreamBoundTreeStream = Messages<BoundTreeRsp>;

    async fn stream_bound_tree(
        &self,
        request: Request<BindReq>,
    ) -> Result<Response<Self::StreamBoundTreeStream>, Status> {
        let name = name(request.get_ref().name.as_ref())?;
        Ok(self.say(move |known| tree(known, &name)))
    }
}

#[tonic::async_trait]
impl Resolver for Services {
    async fn get_replicas(
        &self,
        request: Request<ReplicasReq>,
    ) -> Result<Response<Replicas>, Status> {
        let id = name(request.get_ref().id.as_ref())?;
        Ok(Response::new(endpoints(&self.0.borrow(), &id)))
    }

    type StreamReplicasStream = Messages<Replicas>;

    async fn stream_replicas(
        &self,
        request: Request<ReplicasReq>,
    ) -> Result<Response<Self::StreamReplicasStream>, Status> {
        let id = name(request.get_ref().id.as_ref())?;
        Ok(self.say(move |known| endpoints(known, &id)))
    }
}

fn name(path: Option<&mesh::linkerd::Path>) -> Result<Path, Status> {
    let path = path.ok_or_else(|| Status::not_found("No name given"))?;
    Ok(Path::try_from(path)?)
}

fn tree(known: &Known, name: &Path) -> BoundTreeRsp {
    let node = match known.bound.get(name) {
        Some(id) => bound_name_tree::Node::Leaf(bound_name_tree::Leaf {
            id: Some(id.into()),
            residual: Some((&Path::empty()).into()),
        }),
        None => bound_name_tree::Node::Neg(bound_name_tree::Neg {}),
    };
    BoundTreeRsp {
        tree: Some(BoundNameTree { node: Some(node) }),
    }
}

fn endpoints(known: &Known, id: &Path) -> Replicas {
    let result = match known.addresses.get(id) {
        Some(address) => replicas::Result::Bound(replicas::Bound {
            endpoints: vec![endpoint(*address)],
            metadata: Vec::new(),
        }),
        None => replicas::Result::Neg(replicas::Neg {}),
    };
    Replicas {
        result: Some(result),
    }
}

fn endpoint(address: SocketAddr) -> Endpoint {
    let IpAddr::V4(ip) = address.ip() else {
        panic!("backends have IPv4 addresses");
    };
    Endpoint {
        inet_af: Some(endpoint::AddressFamily::Inet4.into()),
        address: Some(ip.octets().to_vec().into()),
        port: Some(address.port().into()),
        meta: Some(endpoint::Meta { node_name: None }),
        metadata: Vec::new(),
    }
}
