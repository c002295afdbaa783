//! A namerd in this process, whose every word a test says.

use std::pin::Pin;
use std::time::Duration;

use bytes::Bytes;
use dtab::Path;
use mesh::v1::mesh_server::{Mesh, MeshServer};
use mesh::v1::{
    self, Beat, FromRouter, Hello, Mark, Subscribe, ToRouter, Update, Welcome, from_router,
    to_router, update,
};
use mesh::wire::{self, AddressSet, BoundId, BoundName, Endpoint};
use tokio::sync::mpsc;
use tokio::time::timeout;
use tokio_stream::Stream;
use tokio_stream::wrappers::ReceiverStream;
use tonic::transport::server::TcpIncoming;
use tonic::{Request, Response, Status, Streaming};

use crate::interpreter::host::Host;

/// Nothing on loopback takes longer, unless it never comes.
pub(super) const SOON: Duration = Duration::from_secs(5);

/// A namerd that listens. It is gone when dropped.
pub(super) struct Namerd {
    pub(super) address: String,
    sessions: mpsc::Receiver<Session>,
    _host: Host,
}

/// A router that has called.
pub(super) struct Session {
    incoming: Streaming<FromRouter>,
    out: mpsc::Sender<Result<ToRouter, Status>>,
}

impl Namerd {
    pub(super) fn start() -> Self {
        let (sender, sessions) = mpsc::channel(8);
        let host = Host::start(|listener| async {
            let incoming = TcpIncoming::from(listener);
            let mesh = MeshServer::new(Service(sender));
            let server = tonic::transport::Server::builder().add_service(mesh);
            server.serve_with_incoming(incoming).await.unwrap();
        });
        Self {
            address: host.address.to_string(),
            sessions,
            _host: host,
        }
    }

    /// The next router that calls, after its hello and our welcome.
    pub(super) async fn welcomed(&mut self) -> (Session, Hello) {
        let mut session = self.called().await;
        let hello = session.hello().await;
        session.welcome(1000).await;
        (session, hello)
    }

    pub(super) async fn called(&mut self) -> Session {
        timeout(SOON, self.sessions.recv()).await.unwrap().unwrap()
    }
}

impl Session {
    pub(super) async fn heard(&mut self) -> from_router::Message {
        let message = timeout(SOON, self.incoming.message()).await.unwrap();
        message.unwrap().unwrap().message.unwrap()
    }

    pub(super) async fn hello(&mut self) -> Hello {
        match self.heard().await {
            from_router::Message::Hello(hello) => hello,
            other => panic!("{other:?}"),
        }
    }

    pub(super) async fn subscribed(&mut self) -> Subscribe {
        match self.heard().await {
            from_router::Message::Subscribe(subscribe) => subscribe,
            other => panic!("{other:?}"),
        }
    }

    /// The subscription to a path.
    pub(super) async fn subscription(&mut self, path: &str) -> u64 {
        let subscribe = self.subscribed().await;
        assert_eq!(
            Path::try_from(&subscribe.name.unwrap()).unwrap(),
            self::path(path)
        );
        subscribe.id
    }

    pub(super) async fn say(&self, message: to_router::Message) {
        let message = ToRouter {
            message: Some(message),
        };
        self.out.send(Ok(message)).await.unwrap();
    }

    pub(super) async fn welcome(&self, beat_interval_ms: u32) {
        let welcome = Welcome {
            namerd_id: "n1".to_owned(),
            version: "1".to_owned(),
            beat_interval_ms,
        };
        self.say(to_router::Message::Welcome(welcome)).await;
    }

    pub(super) async fn addresses(&self, id: &str, addresses: &[&str]) {
        let said = addresses_of(addresses).message(&path(id));
        self.say(to_router::Message::Addresses(said)).await;
    }

    pub(super) async fn tree(&self, subscription: u64, revision: u64, id: &str, digest: &str) {
        let tree = v1::BoundTree::try_from(&leaf(id)).unwrap();
        let tree = v1::Tree {
            root: Some(tree),
            ..v1::Tree::default()
        };
        self.update(subscription, revision, update::State::Tree(tree), digest)
            .await;
    }

    pub(super) async fn update(&self, id: u64, revision: u64, state: update::State, digest: &str) {
        let update = Update {
            subscription: id,
            revision,
            state: Some(state),
            digest: Bytes::copy_from_slice(digest.as_bytes()),
            stale: None,
        };
        self.say(to_router::Message::Update(update)).await;
    }

    pub(super) async fn mark(&self, revision: u64) {
        self.say(to_router::Message::Mark(mark(revision))).await;
    }

    pub(super) async fn beat(&self, revision: u64) {
        let namespaces = vec![mark(revision)];
        self.say(to_router::Message::Beat(Beat { namespaces }))
            .await;
    }
}

fn mark(revision: u64) -> Mark {
    Mark {
        namespace: "default".to_owned(),
        revision,
    }
}

pub(super) fn path(text: &str) -> Path {
    Path::parse(text).unwrap()
}

pub(super) fn leaf(id: &str) -> wire::BoundTree {
    dtab::NameTree::Leaf(dtab::Leaf {
        bound: BoundName {
            id: BoundId::Path(path(id)),
            residual: Path::empty(),
        },
        weight: None,
    })
}

pub(super) fn addresses_of(addresses: &[&str]) -> wire::Addresses {
    let endpoints = addresses.iter().map(|address| Endpoint {
        address: address.parse().unwrap(),
        weight: 1.0,
        node_name: None,
        metadata: Default::default(),
    });
    wire::Addresses::Bound(AddressSet {
        endpoints: endpoints.collect(),
        ..AddressSet::default()
    })
}

struct Service(mpsc::Sender<Session>);

#[tonic::async_trait]
impl Mesh for Service {
    type ConnectStream = Pin<Box<dyn Stream<Item = Result<ToRouter, Status>> + Send>>;

    async fn connect(
        &self,
        request: Request<Streaming<FromRouter>>,
    ) -> Result<Response<Self::ConnectStream>, Status> {
        let (out, messages) = mpsc::channel(4);
        let session = Session {
            incoming: request.into_inner(),
            out,
        };
        self.0.send(session).await.unwrap();
        Ok(Response::new(Box::pin(ReceiverStream::new(messages))))
    }
}
