//! `switchyard.mesh.v1`: one two-way stream for each router.
//!
//! A session follows what its router asked for: bindings, the addresses of the bound names in them, and the revisions of
//! the namespaces. There is no queue between a change and its message: while a router reads slowly nothing is read from
//! the live values, and when it catches up it is told their newest state.
//!
//! Order is what makes a mark mean something. The addresses that a tree needs go before the tree; the mark of a revision
//! goes after every update that follows from it. So whoever has read a mark has applied its revision. A name that has no
//! answer yet holds the mark back if its router keeps the tree of an earlier revision meanwhile.

mod follow;
mod name;
mod revisions;

use std::net::SocketAddr;
use std::pin::Pin;
use std::time::Duration;

use futures_util::{FutureExt, Stream, TryFutureExt as _, TryStreamExt as _};
use mesh::v1::{
    FromRouter, Hello, Subscribe, ToRouter, Welcome, from_router, mesh_server, to_router,
};
use tokio::sync::mpsc;
use tokio::time::{Interval, MissedTickBehavior, interval, timeout};
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Request, Response, Status, Streaming};
use transport::ConnectInfo;

use self::follow::{Followed, News};
use self::name::{Held, Names};
use self::revisions::Revisions;
use super::Context;
use crate::fleet::{Joining, Membership};

/// How often a router hears from namerd at the least.
const BEAT: Duration = Duration::from_secs(2);

/// How long a router may take to say hello.
const HELLO_WITHIN: Duration = Duration::from_secs(10);

/// Messages on their way to the connection. Few: what waits here is no longer the newest state.
const OUTGOING: usize = 32;

/// The protocol's name in the fleet view.
const PROTOCOL: &str = "switchyard.mesh.v1";

/// The messages are boxed because the queue keeps room for 32 of them all the time.
type Outgoing = mpsc::Sender<Result<Box<ToRouter>, Status>>;

/// The service; each call of `Connect` is a session.
#[derive(Debug)]
pub(super) struct Service {
    context: Context,
}

impl Service {
    pub(super) fn new(context: Context) -> Self {
        Self { context }
    }
}

#[tonic::async_trait]
impl mesh_server::Mesh for Service {
    type ConnectStream = Pin<Box<dyn Stream<Item = Result<ToRouter, Status>> + Send>>;

    async fn connect(
        &self,
        request: Request<Streaming<FromRouter>>,
    ) -> Result<Response<Self::ConnectStream>, Status> {
        let peer = request
            .extensions()
            .get::<ConnectInfo>()
            .and_then(|info| info.peer.inet());
        let (out, messages) = mpsc::channel(OUTGOING);
        let (context, incoming) = (self.context.clone(), request.into_inner());
        let running = Box::pin(run(context, peer, incoming, out.clone()));
        live::task("mesh session", async move {
            if let Err(status) = running.await {
                // The router may be gone already, in which case nobody needs to know.
                let _ = out.send(Err(status)).await;
            }
        });
        let messages = ReceiverStream::new(messages).map_ok(|message| *message);
        Ok(Response::new(Box::pin(messages)))
    }
}

/// A session, from hello to the end of the stream.
///
/// It mostly waits, and there are as many as routers: what it does only now and then is boxed, so that it keeps no room
/// for that meanwhile.
async fn run(
    context: Context,
    peer: Option<SocketAddr>,
    mut incoming: Streaming<FromRouter>,
    out: Outgoing,
) -> Result<(), Status> {
    let hello = Box::pin(hello(&mut incoming)).await?;
    let mut session = Box::pin(Session::open(context, peer, hello, out)).await?;
    let drain = session.context.drain.clone();
    loop {
        tokio::select! {
            // What the router says goes first: a name that it no longer wants need not be told.
            biased;
            heard = incoming.message() => match heard? {
                Some(message) => Box::pin(session.hear(message)).await?,
                None => return Ok(()),
            },
            news = session.followed.next() => Box::pin(session.tell(news)).await?,
            _ = session.beat.tick() => session.beat().await?,
            () = drain.begun() => return Ok(()),
        }
    }
}

async fn hello(incoming: &mut Streaming<FromRouter>) -> Result<Hello, Status> {
    let first = timeout(HELLO_WITHIN, incoming.message()).await;
    let first = first.map_err(|_| Status::deadline_exceeded("no hello in time"))??;
    match first.and_then(|message| message.message) {
        Some(from_router::Message::Hello(hello)) if !hello.router_id.is_empty() => Ok(hello),
        Some(from_router::Message::Hello(_)) => {
            Err(Status::invalid_argument("hello has no router_id"))
        }
        _ => Err(Status::invalid_argument(
            "the first message must be a hello",
        )),
    }
}

/// What one router is told.
struct Session {
    context: Context,
    membership: Membership,
    names: Names,
    revisions: Revisions,
    followed: Followed,
    beat: Interval,
    out: Outgoing,
}

impl Session {
    async fn open(
        context: Context,
        peer: Option<SocketAddr>,
        hello: Hello,
        out: Outgoing,
    ) -> Result<Self, Status> {
        let membership = context.fleet.join(Joining {
            id: hello.router_id,
            labels: hello.labels.into_iter().collect(),
            version: hello.version,
            address: peer.map_or_else(|| "unknown".to_owned(), |peer| peer.to_string()),
            protocol: PROTOCOL,
        });
        let mut beat = interval(BEAT);
        beat.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut session = Self {
            names: Names::new(Held::read(&hello.held)),
            revisions: Revisions::default(),
            followed: Followed::default(),
            membership,
            beat,
            out,
            context,
        };
        let welcome = Welcome {
            namerd_id: session.context.namerd.to_string(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            beat_interval_ms: u32::try_from(BEAT.as_millis()).unwrap_or(u32::MAX),
        };
        session.send(to_router::Message::Welcome(welcome)).await?;
        for namespace in hello.namespaces {
            session.follow_namespace(&namespace);
        }
        Ok(session)
    }

    /// Follows the revisions of a namespace. A name that no namespace can have is like one that does not exist.
    fn follow_namespace(&mut self, namespace: &str) {
        let Ok(valid) = namespace.parse() else { return };
        if self.revisions.add(namespace) {
            let binder = self.context.namespaces.binder(&valid);
            self.followed.namespace(namespace, binder.table().clone());
            self.revisions.hold(namespace, binder);
        }
    }

    async fn hear(&mut self, message: FromRouter) -> Result<(), Status> {
        self.membership.seen();
        match message.message {
            Some(from_router::Message::Subscribe(subscribe)) => self.subscribe(&subscribe).await?,
            Some(from_router::Message::Unsubscribe(end)) => {
                if let Some(namespace) = self.names.remove(end.id, &mut self.followed) {
                    self.revisions.unmark(&namespace);
                }
            }
            Some(from_router::Message::Receipt(receipt)) => {
                let known_since = self
                    .revisions
                    .known_since(&receipt.namespace, receipt.revision);
                self.membership
                    .receipt(&receipt.namespace, &receipt, known_since);
            }
            Some(from_router::Message::Goodbye(_)) => self.membership.goodbye(),
            Some(from_router::Message::Hello(_)) => {
                return Err(Status::invalid_argument("hello was said already"));
            }
            // A kind of message that a later version knows.
            None => {}
        }
        Ok(())
    }

    async fn subscribe(&mut self, subscribe: &Subscribe) -> Result<(), Status> {
        match name::Subscription::read(subscribe) {
            Ok(subscription) => {
                self.follow_namespace(&subscription.namespace);
                let binding = subscription.bind(&self.context.namespaces);
                self.names.add(subscription, &mut self.followed, binding);
                Ok(())
            }
            Err(why) => self.send(name::failed(subscribe.id, 0, &why)).await,
        }
    }

    /// Tells one piece of news and all others that have come by now, then marks what is complete.
    async fn tell(&mut self, first: News) -> Result<(), Status> {
        let mut next = Some(first);
        while let Some(news) = next {
            self.tell_one(news).await?;
            next = self.followed.next().now_or_never();
        }
        for mark in self.revisions.marks(&self.names) {
            self.send(to_router::Message::Mark(mark)).await?;
        }
        Ok(())
    }

    async fn tell_one(&mut self, news: News) -> Result<(), Status> {
        match news {
            News::Namespace(namespace, table) => {
                if let Some(table) = table.value() {
                    self.revisions.moved(&namespace, table.revision);
                }
                self.followed.namespace_again(&namespace, table);
            }
            News::Name(id, binding) => {
                let told = self.names.tell(id, &binding, &mut self.followed);
                self.followed.name_again(id, binding);
                if told.is_news {
                    self.revisions.unmark(&told.namespace);
                }
                for message in told.messages {
                    self.send(message).await?;
                }
            }
            News::Addresses(id, addresses) => {
                let said = namer::wire::addresses_to_wire(&addresses.now());
                self.followed.addresses_again(&id, addresses);
                self.send(to_router::Message::Addresses(said.message(&id)))
                    .await?;
            }
        }
        Ok(())
    }

    async fn beat(&mut self) -> Result<(), Status> {
        let namespaces = self.revisions.newest();
        self.send(to_router::Message::Beat(mesh::v1::Beat { namespaces }))
            .await
    }

    /// Waits while the router reads slowly.
    fn send(
        &self,
        message: to_router::Message,
    ) -> impl Future<Output = Result<(), Status>> + use<'_> {
        let message = Box::new(ToRouter {
            message: Some(message),
        });
        let sent = self.out.send(Ok(message));
        sent.map_err(|_| Status::cancelled("the router is gone"))
    }
}
