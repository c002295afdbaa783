//! A request on its way to an endpoint of its client, and the response on its way back.
//!
//! What surely reached no endpoint goes to another one, or to a fresh connection of the same: a refused connection, a
//! pooled connection that had been closed. What may have reached one is sent again only if that is harmless
//! (RFC 9110 §9.2.2) and only after a pooled connection, whose end the request may just have met.
//!
//! The request stays where it is, in the frame of whoever asked, until it is sent: it is passed on by reference, so that
//! the future of a request stays small.

mod body;
mod host;

use std::net::SocketAddr;
use std::sync::Arc;

use http::{Request, Response, StatusCode};
use hyper::body::Incoming;
use live::Live;
use tokio::time::Instant;

pub(crate) use body::{ResponseBody, Streaming};

use crate::client::{
    Client, ConnectError, Connection, Endpoint, Endpoints, InFlight, RequestBody, Sent, Target,
};
use crate::error::RouteError;
use crate::headers::is_plainly_encoded;
use crate::stats::millis;

/// How many endpoints are tried for one request. Source: finagle's bound for acquiring a connection.
const MAX_ENDPOINTS: usize = 25;

/// A response that has begun, and when it did.
pub(crate) type Begun = (Response<ResponseBody>, Instant);

/// What sending a request needs to know beside the request.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sending {
    /// Whose pools are used.
    pub(crate) worker: usize,
    /// When the request came.
    pub(crate) asked: Instant,
    /// Until when it may wait for addresses and connections.
    pub(crate) deadline: Instant,
}

/// Sends a request to an endpoint of the client.
pub(crate) async fn forward(
    client: &Client,
    sending: Sending,
    request: &mut Request<RequestBody>,
) -> Result<Begun, RouteError> {
    let begun = client.stats.exchanges.begin(sending.asked);
    let answered = match &client.target {
        Target::Status(status) => Ok(local_answer(*status)),
        Target::Endpoints { set, .. } => match endpoints(client, set, sending.deadline).await {
            Ok(endpoints) => balance(client, &endpoints, sending, request).await,
            Err(error) => Err(error),
        },
    };
    let now = Instant::now();
    match answered {
        Ok(response) => {
            client.stats.statuses.count(response.status());
            begun.end(!response.status().is_server_error(), now);
            Ok((response, now))
        }
        Err(error) => {
            begun.fail(error.label(), now);
            Err(error)
        }
    }
}

fn local_answer(status: StatusCode) -> Response<ResponseBody> {
    let mut response = Response::new(ResponseBody::empty());
    *response.status_mut() = status;
    response
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

/// Tries endpoints until one takes the request.
async fn balance(
    client: &Client,
    endpoints: &Endpoints,
    sending: Sending,
    request: &mut Request<RequestBody>,
) -> Result<Response<ResponseBody>, RouteError> {
    let authority = endpoints.authority.as_ref();
    let rewritten = authority.and_then(|host| host::rewrite(request.headers_mut(), host));
    let mut tried: Vec<SocketAddr> = Vec::new();
    let mut refused = None;
    while tried.len() < MAX_ENDPOINTS && (tried.is_empty() || Instant::now() < sending.deadline) {
        let is_tried = |endpoint: &Endpoint| tried.contains(&endpoint.address);
        let Some(endpoint) = endpoints.choices.pick(&mut fastrand::f64, is_tried) else {
            break;
        };
        let in_flight = InFlight::new(Arc::clone(endpoint));
        match attempt(client, in_flight, sending.worker, request).await {
            Ok(mut response) => {
                if let Some(rewritten) = &rewritten {
                    rewritten.restore(response.headers_mut());
                }
                return Ok(response);
            }
            Err(Failed::Surely(cause)) => {
                client.stats.requeues.inc();
                tried.push(endpoint.address);
                refused = Some(cause);
            }
            Err(Failed::Perhaps(error)) => return Err(error),
        }
    }
    let (Some(cause), Some(address)) = (refused, tried.pop()) else {
        return Err(RouteError::NoEndpoints(client.id.clone()));
    };
    let members = endpoints.choices.members();
    Err(RouteError::NotConnected {
        id: client.id.clone(),
        address,
        cause,
        addresses: members.map(|endpoint| endpoint.address).collect(),
    })
}

/// Why an endpoint did not answer.
enum Failed {
    /// Nothing of the request was sent; it is where it was.
    Surely(ConnectError),
    /// It may have been seen.
    Perhaps(RouteError),
}

/// Sends the request to one endpoint: on a pooled connection if there is one that lives, else on a new one.
async fn attempt(
    client: &Client,
    in_flight: InFlight,
    worker: usize,
    request: &mut Request<RequestBody>,
) -> Result<Response<ResponseBody>, Failed> {
    let mut may_be_pooled = true;
    loop {
        let endpoint = &in_flight.endpoint;
        let pooled = may_be_pooled.then(|| endpoint.take_idle(worker)).flatten();
        let is_pooled = pooled.is_some();
        let mut connection = match pooled {
            Some(connection) => connection,
            None => Box::pin(connect(client, endpoint))
                .await
                .map_err(Failed::Surely)?,
        };
        let again = (is_pooled && is_harmless_to_repeat(request)).then(|| Box::new(copy(request)));
        match connection.send(request).await {
            Ok(response) => return respond(client, response, connection, in_flight, worker),
            // Closed while it was idle: the next one may live, and a new one surely does.
            Err(Sent::Nothing) if is_pooled => {}
            Err(Sent::Nothing) => {
                let cause = std::io::Error::from(std::io::ErrorKind::ConnectionReset);
                return Err(Failed::Surely(ConnectError::Refused(cause)));
            }
            // Our side of the exchange: what the client sends.
            Err(Sent::Perhaps(cause)) if cause.is_user() => {
                return Err(Failed::Perhaps(RouteError::BadBody(cause)));
            }
            Err(Sent::Perhaps(cause)) => match again.filter(|_| !cause.is_parse()) {
                Some(copy) => {
                    client.stats.requeues.inc();
                    may_be_pooled = false;
                    *request = *copy;
                }
                None => {
                    return Err(Failed::Perhaps(RouteError::Broken {
                        id: client.id.clone(),
                        address: endpoint.address,
                        cause,
                    }));
                }
            },
        }
    }
}

async fn connect(client: &Client, endpoint: &Endpoint) -> Result<Box<Connection>, ConnectError> {
    let stats = &client.stats;
    stats.connects.inc();
    let began = Instant::now();
    let opened = Connection::open(endpoint.address, stats.connections.clone()).await;
    let latency = match opened {
        Ok(_) => &stats.connect_latency,
        Err(_) => &stats.failed_connect_latency,
    };
    latency.record(millis(began.elapsed()));
    opened.map(Box::new)
}

fn respond(
    client: &Client,
    response: Response<Incoming>,
    connection: Box<Connection>,
    in_flight: InFlight,
    worker: usize,
) -> Result<Response<ResponseBody>, Failed> {
    if response.status() == StatusCode::SWITCHING_PROTOCOLS {
        return Err(Failed::Perhaps(RouteError::Switched {
            id: client.id.clone(),
            address: in_flight.endpoint.address,
        }));
    }
    if !is_plainly_encoded(response.headers()) {
        return Err(Failed::Perhaps(RouteError::Encoded {
            id: client.id.clone(),
            address: in_flight.endpoint.address,
        }));
    }
    Ok(response.map(|body| Streaming::new(body, connection, in_flight, worker).into()))
}

/// Whether the same request twice does what it does once, and there is no body that is gone after the first time.
fn is_harmless_to_repeat(request: &Request<RequestBody>) -> bool {
    request.method().is_idempotent() && request.body().is_empty()
}

/// The head of a request without a body.
fn copy(request: &Request<RequestBody>) -> Request<RequestBody> {
    let mut copy = Request::default();
    copy.method_mut().clone_from(request.method());
    copy.uri_mut().clone_from(request.uri());
    copy.headers_mut().clone_from(request.headers());
    copy
}
