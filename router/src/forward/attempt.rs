//! One endpoint, one request: on a pooled connection if there is one that lives, else on a new one.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use http::uri::Scheme;
use http::{Request, StatusCode};
use http1::{Length, RequestHead};
use policy::{Admission, FailFast, Outcome};
use tokio::time::{Instant, timeout};

use super::ask::{self, ask};
use super::{Lease, Message, Sending, Unanswered, requeues};
use crate::client::{Client, ConnectError, Connection, Endpoint, InFlight, Interrupted, Tls};
use crate::error::{Full, RouteError};
use crate::exchange::Downstream;
use crate::http2::{open_to_http2, request_to_http2};
use crate::stats::millis;

/// Why an endpoint did not answer.
pub(super) enum Failed {
    /// Nothing of the request was sent.
    Surely(ConnectError),
    /// It may have been seen, or nobody waits for the answer.
    Perhaps(Unanswered),
}

/// Sends the request to one endpoint: on a pooled connection if there is one that lives, else on a new one, which is the message's when
/// the answer has begun.
pub(super) async fn attempt(
    client: &Arc<Client>,
    mut in_flight: InFlight,
    sending: &Sending<'_>,
    downstream: &mut Downstream<'_>,
    message: &mut Message,
) -> Result<(), Failed> {
    let worker = sending.worker;
    let mut may_be_pooled = message.asked.is_some();
    let permit = match in_flight.endpoint.pool.try_enter() {
        Some(permit) => permit,
        None => {
            let entering = in_flight.endpoint.pool.enter(sending.trying.deadline);
            match Box::pin(downstream.unless_gone(entering)).await {
                Some(Ok(permit)) => permit,
                Some(Err(cause)) => {
                    client.stats.trouble().too_many_waiters.inc();
                    let cause = ConnectError::NoRoom(cause);
                    return Err(not_connected(&mut in_flight, cause));
                }
                None => return Err(Failed::Perhaps(Unanswered::Gone)),
            }
        }
    };
    let mut permit = Some(permit);
    loop {
        let pool = &in_flight.endpoint.pool;
        let pooled = may_be_pooled
            .then(|| pool.take_idle(worker, sending.trying.began))
            .flatten();
        let is_pooled = pooled.is_some();
        let connection = match pooled {
            Some(connection) => connection,
            None => {
                let opening = match client.rules.settings.http2.is_on {
                    false => {
                        Box::pin(downstream.unless_gone(open(client, &in_flight.endpoint))).await
                    }
                    true => {
                        let request = over_http2(client, downstream.request)?;
                        let both = (client, &in_flight.endpoint);
                        let opening = open_to_http2(both, worker, sending.trying.deadline, request);
                        Box::pin(downstream.unless_gone(opening)).await
                    }
                };
                match opening {
                    Some(Ok(connection)) => Box::new(connection),
                    Some(Err(cause)) => return Err(not_connected(&mut in_flight, cause)),
                    None => return Err(Failed::Perhaps(Unanswered::Gone)),
                }
            }
        };
        let mut lease = Lease {
            connection,
            in_flight,
            worker,
            permit: permit.take(),
        };
        let Some(asked) = &mut message.asked else {
            downstream.response.reset(StatusCode::OK);
            message.lease = Some(lease);
            return Ok(());
        };
        // Not named before it is awaited: a future that is moved takes its room twice.
        let answered = match client.rules.settings.attempt_timeout {
            None => ask(&mut lease.connection, asked, downstream).await,
            Some(most) => {
                let asking = Box::pin(ask(&mut lease.connection, asked, downstream));
                match timeout(most, asking).await {
                    Ok(answered) => answered,
                    Err(_) => {
                        client.stats.trouble().timeouts.inc();
                        Err(ask::Error::Upstream(Interrupted::TimedOut(most)))
                    }
                }
            }
        };
        let Err(error) = answered else {
            message.lease = Some(lease);
            return Ok(());
        };
        let cause = match error {
            ask::Error::Downstream(unanswered) => return Err(Failed::Perhaps(unanswered)),
            ask::Error::Upstream(cause) => cause,
        };
        let judge = |lease: &mut Lease| {
            let now = Instant::now();
            lease.in_flight.judge(Outcome::Failure, now);
        };
        match cause {
            // Closed while it was idle: the next one may live, and a new one surely does.
            Interrupted::Io(_) | Interrupted::Closed if !asked.has_begun() && is_pooled => {}
            Interrupted::Io(cause) if !asked.has_begun() => {
                judge(&mut lease);
                return Err(Failed::Surely(ConnectError::Refused(cause)));
            }
            Interrupted::Closed if !asked.has_begun() => {
                judge(&mut lease);
                let cause = io::Error::from(io::ErrorKind::ConnectionReset);
                return Err(Failed::Surely(ConnectError::Refused(cause)));
            }
            Interrupted::Io(_) | Interrupted::Closed
                if is_pooled
                    && asked.heard_nothing(&lease)
                    && downstream.request.method.is_idempotent()
                    && requeues(client, Some(&*asked)) =>
            {
                may_be_pooled = false;
                message.asked = message.asked.take().map(|asked| asked.again(downstream));
            }
            Interrupted::NotTrusted(error) if asked.heard_nothing(&lease) => {
                judge(&mut lease);
                let endpoint = lease.in_flight.endpoint.address;
                let cause = ConnectError::Insecure(error);
                if !asked.is_repeatable() {
                    // What is gone of the body cannot be sent to another one.
                    let refused = not_taken(client, endpoint, cause);
                    return Err(Failed::Perhaps(refused.into()));
                }
                message.asked = message.asked.take().map(|asked| asked.again(downstream));
                return Err(Failed::Surely(cause));
            }
            cause => {
                judge(&mut lease);
                let broken = RouteError::Broken {
                    id: client.id.clone(),
                    address: lease.in_flight.endpoint.address,
                    cause,
                };
                return Err(Failed::Perhaps(broken.into()));
            }
        }
        (in_flight, permit) = lease.give_up();
    }
}

/// Opens another connection to the endpoint, in the place of one that waits, if there may be only so many.
pub(crate) async fn open(client: &Client, endpoint: &Endpoint) -> Result<Connection, ConnectError> {
    endpoint.pool.make_room();
    let connections = client.stats.connections.clone();
    let opening = Connection::open(endpoint.address, &client.rules, connections);
    connect(client, endpoint, opening).await
}

/// The request as it is said over HTTP/2, and how long its body is.
fn over_http2(client: &Client, head: &RequestHead) -> Result<(Request<()>, Length), Failed> {
    let scheme = match client.rules.tls {
        Tls::Off => Scheme::HTTP,
        Tls::On(_) | Tls::Unusable(_) => Scheme::HTTPS,
    };
    match request_to_http2(head, scheme) {
        Some(request) => Ok((request, head.length())),
        None => Err(Failed::Perhaps(
            RouteError::NotForHttp2(client.id.clone()).into(),
        )),
    }
}

fn not_connected(in_flight: &mut InFlight, cause: ConnectError) -> Failed {
    match cause {
        // No endpoint is to blame, and no other one would do.
        cause if cause.is_lack_of_descriptors() => {
            Failed::Perhaps(RouteError::Overloaded(Full::Descriptors).into())
        }
        cause => {
            in_flight.judge(Outcome::Failure, Instant::now());
            Failed::Surely(cause)
        }
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

/// Opens a connection to the endpoint, unless it took none a moment ago, and counts how that went.
pub(crate) async fn connect<T>(
    client: &Client,
    endpoint: &Endpoint,
    opening: impl Future<Output = Result<T, ConnectError>>,
) -> Result<T, ConnectError> {
    let stats = &client.stats;
    let began = Instant::now();
    let trying = match &endpoint.fail_fast {
        None => None,
        Some(fail_fast) => match fail_fast.attempt(client.clock.time_at(began)) {
            Some(admission) => Some(Trying {
                client,
                fail_fast,
                admission: Some(admission),
            }),
            None => return Err(ConnectError::FailedFast),
        },
    };
    stats.connects.inc();
    let opened = opening.await;
    let (latency, outcome) = match opened {
        Ok(_) => (&stats.connect_latency, Outcome::Success),
        Err(_) => (&stats.failed_connect_latency, Outcome::Failure),
    };
    latency.record(millis(began.elapsed()));
    if let Some(mut trying) = trying {
        trying.settle(outcome);
    }
    opened
}

/// An attempt to connect that decides whether others are made; settled however it ends.
struct Trying<'a> {
    client: &'a Client,
    fail_fast: &'a FailFast,
    admission: Option<Admission>,
}

impl Trying<'_> {
    fn settle(&mut self, outcome: Outcome) {
        if let Some(admission) = self.admission.take() {
            let time = self.client.clock.time_at(Instant::now());
            let changed = self
                .fail_fast
                .settle(admission, time, outcome, &mut fastrand::f64);
            if let Some(change) = changed {
                tracing::debug!(client = %self.client.id, ?change, "connecting");
            }
        }
    }
}

impl Drop for Trying<'_> {
    fn drop(&mut self) {
        self.settle(Outcome::Ignorable);
    }
}
