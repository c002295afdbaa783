//! A request on its way to an endpoint of its client, until the head of the answer is there.
//!
//! What surely reached no endpoint goes to another one, or to a fresh connection of the same: a refused connection, a
//! pooled connection that had been closed. What may have reached one is sent again only if that is harmless
//! (RFC 9110 §9.2.2) and only after a pooled connection, whose end the request may just have met (RFC 9112 §9.3.1).

mod ask;
mod host;
mod respond;

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use http::{Method, StatusCode};
use http1::Length;
use live::Live;
use tokio::time::Instant;

pub(crate) use ask::{Asked, Unanswered};
pub(crate) use respond::respond;

use crate::client::{
    Client, ConnectError, Connection, Endpoint, Endpoints, InFlight, Interrupted, Target,
};
use crate::error::{Full, RouteError};
use crate::exchange::Downstream;
use crate::stats::millis;
use ask::{ask, frame, may_switch};

/// How many endpoints are tried for one request. Source: finagle's bound for acquiring a connection.
const MAX_ENDPOINTS: usize = 25;

/// What sending a request needs to know beside the request.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sending<'a> {
    /// Whose pools are used.
    pub(crate) worker: usize,
    /// When the request came.
    pub(crate) asked: Instant,
    /// Until when it may wait for addresses and connections.
    pub(crate) deadline: Instant,
    /// The protocol that the client would change to.
    pub(crate) upgrade: Option<&'a [u8]>,
    /// How many requests the client may have in flight, if places are scarce.
    pub(crate) most: Option<usize>,
}

/// An answer that has begun; its head is the downstream's response.
#[derive(Debug)]
pub(crate) struct Begun {
    /// When it did.
    pub(crate) now: Instant,
    /// Where the rest comes from; none if the head is all.
    pub(crate) rest: Option<Rest>,
}

/// What follows the head of an answer.
#[derive(Debug)]
pub(crate) struct Rest {
    pub(crate) lease: Lease,
    pub(crate) kind: Kind,
}

/// What an answer goes on with.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Kind {
    /// A body, perhaps of no length, while the request's own may still be on its way.
    Body,
    /// Anything, both ways, for ever.
    Tunnel,
}

/// A connection that is used for one request.
#[derive(Debug)]
pub(crate) struct Lease {
    pub(crate) connection: Box<Connection>,
    pub(crate) in_flight: InFlight,
    pub(crate) worker: usize,
}

impl Lease {
    /// Keeps the connection for the next request, if it is good for one. `now` may be off by what an answer takes.
    pub(crate) fn settle(self, now: Instant) {
        if self.connection.input.is_empty() && !self.connection.input.has_ended() {
            let endpoint = &self.in_flight.endpoint;
            endpoint.keep(self.worker, self.connection, now);
        }
    }
}

/// Sends a request to an endpoint of the client. `message` is where it is kept until its answer has passed.
pub(crate) async fn forward(
    client: &Client,
    sending: Sending<'_>,
    downstream: &mut Downstream<'_>,
    message: &mut Option<Asked>,
) -> Result<Begun, Unanswered> {
    let begun = client.stats.exchanges.begin(sending.asked);
    let answered = match &client.target {
        Target::Status(status) => {
            downstream.response.reset(*status);
            Ok(None)
        }
        Target::Endpoints { set, .. } => match endpoints(client, set, sending.deadline).await {
            Ok(endpoints) => balance(client, &endpoints, sending, downstream, message)
                .await
                .map(Some),
            Err(error) => Err(error.into()),
        },
    };
    let now = Instant::now();
    match answered {
        Ok(rest) => {
            let status = downstream.response.status;
            client.stats.statuses.count(status);
            begun.end(!status.is_server_error(), now);
            Ok(Begun { now, rest })
        }
        Err(Unanswered::Refused(error)) => {
            begun.fail(error.label(), now);
            Err(Unanswered::Refused(error))
        }
        Err(Unanswered::Gone) => Err(Unanswered::Gone),
    }
}

/// The endpoints of a client. Only those of a name that was never heard of are waited for.
async fn endpoints(
    client: &Client,
    set: &Live<Endpoints>,
    deadline: Instant,
) -> Result<Arc<Endpoints>, RouteError> {
    let unknown = |reason: String| RouteError::NoAddressesYet {
        id: client.id.clone(),
        reason,
    };
    let known = set.with(|state| match (state.value(), state.failure()) {
        (Some(endpoints), _) => Some(Ok(Arc::clone(endpoints))),
        (None, Some(failure)) => Some(Err(unknown(failure.reason.to_string()))),
        (None, None) => None,
    });
    match known {
        Some(known) => known,
        None => {
            let first = Box::pin(set.ready(deadline)).await;
            first.map_err(|error| unknown(error.to_string()))
        }
    }
}

/// Has one of the endpoints answer.
async fn balance(
    client: &Client,
    endpoints: &Endpoints,
    sending: Sending<'_>,
    downstream: &mut Downstream<'_>,
    message: &mut Option<Asked>,
) -> Result<Rest, Unanswered> {
    if let Some(most) = sending.most
        && endpoints.load() >= most
    {
        return Err(RouteError::Overloaded(Full::Client).into());
    }
    let authority = endpoints.authority.as_deref();
    let rewritten = authority.and_then(|host| host::rewrite(&mut downstream.request.fields, host));
    if downstream.request.method != Method::CONNECT {
        frame(downstream.request, downstream.expects, sending.upgrade);
        // Read once, whichever endpoint is asked in the end.
        *message = Some(Asked::new(downstream));
    }
    let taken = try_all(client, endpoints, sending, downstream, message).await;
    if let Some(rewritten) = &rewritten {
        rewritten.restore(&mut downstream.response.fields);
    }
    let rest = taken.and_then(
        |lease| match kind(downstream, message.as_ref(), sending.upgrade) {
            Some(kind) => Ok(Rest { lease, kind }),
            None => Err(switched(client, &lease).into()),
        },
    );
    if rest.is_err()
        && let Some(asked) = message
    {
        asked.leave(downstream);
    }
    rest
}

/// What follows the head; none if it switches to a protocol that nobody asked for.
fn kind(
    downstream: &Downstream<'_>,
    message: Option<&Asked>,
    offered: Option<&[u8]>,
) -> Option<Kind> {
    let is_switch = downstream.response.status == StatusCode::SWITCHING_PROTOCOLS;
    match message {
        None => Some(Kind::Tunnel),
        Some(_) if !is_switch => Some(Kind::Body),
        Some(asked) => may_switch(downstream, asked, offered).then_some(Kind::Tunnel),
    }
}

/// Tries endpoints until one takes the request.
async fn try_all(
    client: &Client,
    endpoints: &Endpoints,
    sending: Sending<'_>,
    downstream: &mut Downstream<'_>,
    message: &mut Option<Asked>,
) -> Result<Lease, Unanswered> {
    let mut tried: Vec<SocketAddr> = Vec::new();
    let mut refused = None;
    while tried.len() < MAX_ENDPOINTS && (tried.is_empty() || Instant::now() < sending.deadline) {
        let is_tried = |endpoint: &Endpoint| tried.contains(&endpoint.address);
        let Some(endpoint) = endpoints.choices.pick(&mut fastrand::f64, is_tried) else {
            break;
        };
        let in_flight = InFlight::new(Arc::clone(endpoint));
        match attempt(client, in_flight, sending.worker, downstream, message).await {
            Ok(lease) => return Ok(lease),
            Err(Failed::Surely(cause)) => {
                client.stats.requeues.inc();
                tried.push(endpoint.address);
                refused = Some(cause);
            }
            Err(Failed::Perhaps(unanswered)) => return Err(unanswered),
        }
    }
    let (Some(cause), Some(address)) = (refused, tried.pop()) else {
        return Err(RouteError::NoEndpoints(client.id.clone()).into());
    };
    let members = endpoints.choices.members();
    Err(Unanswered::from(RouteError::NotConnected {
        id: client.id.clone(),
        address,
        cause,
        addresses: members.map(|endpoint| endpoint.address).collect(),
    }))
}

/// Why an endpoint did not answer.
enum Failed {
    /// Nothing of the request was sent.
    Surely(ConnectError),
    /// It may have been seen, or nobody waits for the answer.
    Perhaps(Unanswered),
}

/// Sends the request to one endpoint: on a pooled connection if there is one that lives, else on a new one.
async fn attempt(
    client: &Client,
    mut in_flight: InFlight,
    worker: usize,
    downstream: &mut Downstream<'_>,
    message: &mut Option<Asked>,
) -> Result<Lease, Failed> {
    let mut may_be_pooled = message.is_some();
    loop {
        let endpoint = &in_flight.endpoint;
        let pooled = may_be_pooled.then(|| endpoint.take_idle(worker)).flatten();
        let is_pooled = pooled.is_some();
        let connection = match pooled {
            Some(connection) => connection,
            None => Box::pin(connect(client, endpoint))
                .await
                .map_err(not_connected)?,
        };
        let mut lease = Lease {
            connection,
            in_flight,
            worker,
        };
        let Some(asked) = message else {
            downstream.response.reset(StatusCode::OK);
            return Ok(lease);
        };
        let Err(error) = ask(&mut lease.connection, asked, downstream).await else {
            return Ok(lease);
        };
        let cause = match error {
            ask::Error::Downstream(unanswered) => return Err(Failed::Perhaps(unanswered)),
            ask::Error::Upstream(cause) => cause,
        };
        match cause {
            // Closed while it was idle: the next one may live, and a new one surely does.
            _ if !asked.has_begun() && is_pooled => {}
            Interrupted::Io(cause) if !asked.has_begun() => {
                return Err(Failed::Surely(ConnectError::Refused(cause)));
            }
            Interrupted::Closed if !asked.has_begun() => {
                let cause = io::Error::from(io::ErrorKind::ConnectionReset);
                return Err(Failed::Surely(ConnectError::Refused(cause)));
            }
            Interrupted::Io(_) | Interrupted::Closed
                if is_pooled
                    && asked.heard_nothing(&lease)
                    && is_harmless_to_repeat(downstream) =>
            {
                client.stats.requeues.inc();
                may_be_pooled = false;
                *asked = Asked::new(downstream);
            }
            Interrupted::NotTrusted(error) if asked.heard_nothing(&lease) => {
                let endpoint = lease.in_flight.endpoint.address;
                let cause = ConnectError::Insecure(error);
                if asked.upload.has_body_begun() {
                    // What is gone of the body cannot be sent to another one.
                    let refused = not_taken(client, endpoint, cause);
                    return Err(Failed::Perhaps(refused.into()));
                }
                *asked = Asked::new(downstream);
                return Err(Failed::Surely(cause));
            }
            cause => {
                let broken = RouteError::Broken {
                    id: client.id.clone(),
                    address: lease.in_flight.endpoint.address,
                    cause,
                };
                return Err(Failed::Perhaps(broken.into()));
            }
        }
        asked.is_refused = false;
        in_flight = lease.in_flight;
    }
}

fn not_connected(cause: ConnectError) -> Failed {
    match cause {
        // No endpoint is to blame, and no other one would do.
        cause if cause.is_lack_of_descriptors() => {
            Failed::Perhaps(RouteError::Overloaded(Full::Descriptors).into())
        }
        cause => Failed::Surely(cause),
    }
}

/// No endpoint but this one can be asked, and it does not want to be.
fn not_taken(client: &Client, address: SocketAddr, cause: ConnectError) -> RouteError {
    RouteError::NotConnected {
        id: client.id.clone(),
        address,
        cause,
        addresses: vec![address],
    }
}

fn switched(client: &Client, lease: &Lease) -> RouteError {
    RouteError::Switched {
        id: client.id.clone(),
        address: lease.in_flight.endpoint.address,
    }
}

async fn connect(client: &Client, endpoint: &Endpoint) -> Result<Box<Connection>, ConnectError> {
    let stats = &client.stats;
    stats.connects.inc();
    let began = Instant::now();
    let connections = stats.connections.clone();
    let opened = Connection::open(
        endpoint.address,
        client.tls.as_deref(),
        client.connect_timeout,
        connections,
    )
    .await;
    let latency = match opened {
        Ok(_) => &stats.connect_latency,
        Err(_) => &stats.failed_connect_latency,
    };
    latency.record(millis(began.elapsed()));
    opened.map(Box::new)
}

/// Whether the same request twice does what it does once, and there is no body that is gone after the first time.
fn is_harmless_to_repeat(downstream: &Downstream<'_>) -> bool {
    downstream.request.method.is_idempotent() && downstream.request.length() == Length::None
}
