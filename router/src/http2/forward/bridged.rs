//! One endpoint that speaks HTTP/1.1, one request: over the bridge, on a pooled connection if there is one that lives, else on a new
//! one. What `forward/attempt.rs` of HTTP/1.1 sends again is sent again here.

use std::io;
use std::sync::Arc;

use policy::Outcome;
use tokio::time::Instant;

use super::super::bridge::{self, Errand, Report, Trouble};
use super::attempt::{Asking, Failed, Unheard, broken, not_connected};
use super::{Asked, ResponseHead, Rest, Sending, Unanswered};
use crate::client::{Client, ConnectError, InFlight, Interrupted, Permit};
use crate::forward::{open, pay_for_requeue};

/// Sends the request to one endpoint.
pub(super) async fn attempt(
    client: &Arc<Client>,
    mut in_flight: InFlight,
    sending: &Sending<'_>,
    asked: &mut Asked,
) -> Result<(ResponseHead, Rest), Failed> {
    let endpoint = Arc::clone(&in_flight.endpoint);
    let mut permit = match endpoint.pool.try_enter() {
        Some(permit) => Some(permit),
        None => match asked
            .unless_gone(endpoint.pool.enter(sending.trying.deadline))
            .await
        {
            Some(Ok(permit)) => Some(permit),
            Some(Err(no_room)) => {
                client.stats.trouble().too_many_waiters.inc();
                let cause = ConnectError::NoRoom(no_room);
                return Err(not_connected(&mut in_flight, cause));
            }
            None => return Err(Failed::Perhaps(Unanswered::Gone)),
        },
    };
    let mut may_be_pooled = true;
    loop {
        let pooled = may_be_pooled
            .then(|| {
                endpoint
                    .pool
                    .take_idle(sending.worker, sending.trying.began)
            })
            .flatten();
        let is_pooled = pooled.is_some();
        let connection = match pooled {
            Some(connection) => connection,
            None => match Box::pin(asked.unless_gone(open(client, &endpoint))).await {
                Some(Ok(connection)) => Box::new(connection),
                Some(Err(cause)) => return Err(not_connected(&mut in_flight, cause)),
                None => return Err(Failed::Perhaps(Unanswered::Gone)),
            },
        };
        let report = Report::default();
        let errand = Errand {
            connection,
            permit: permit.take(),
            endpoint: Arc::clone(&endpoint),
            worker: sending.worker,
            report: report.clone(),
        };
        let (request, is_all) = (asked.pack_head(), asked.upload.is_done());
        let handed = match bridge::hand_over(request, is_all, errand).await {
            Ok(handed) => handed,
            Err(cause) => {
                asked.rewind();
                return Err(not_connected(&mut in_flight, cause));
            }
        };
        let asking = Asking::new(handed.response, handed.sink);
        let answered = asking.answer_in_time(client, asked).await;
        drop(handed.pending);
        let unheard = match answered {
            Ok((head, download, sink)) => {
                let rest = Rest {
                    download,
                    sink,
                    in_flight,
                    _slot: handed.slot,
                };
                return Ok((head, rest));
            }
            Err(unheard) => unheard,
        };
        let trouble = match unheard {
            Unheard::Gone => return Err(Failed::Perhaps(Unanswered::Gone)),
            Unheard::Broken(cause) => Trouble::from(cause),
            Unheard::Stream(error) => {
                let unknown = || Trouble::from(Interrupted::Stream(error));
                report.take().unwrap_or_else(unknown)
            }
        };
        let again = after(client, &mut in_flight, trouble, is_pooled, asked)?;
        permit = again.permit;
        may_be_pooled = again.may_be_pooled;
    }
}

/// What another connection is taken with.
struct Again {
    permit: Option<Permit>,
    may_be_pooled: bool,
}

/// Whether the same endpoint is asked once more, on another connection: if a pooled one had been closed, or the request may just have
/// met its end (RFC 9112 §9.3.1).
fn after(
    client: &Client,
    in_flight: &mut InFlight,
    trouble: Trouble,
    is_pooled: bool,
    asked: &mut Asked,
) -> Result<Again, Failed> {
    let Trouble {
        cause,
        has_begun,
        was_heard,
        permit,
    } = trouble;
    // What is gone of the body cannot be sent again.
    let may_send_again = !was_heard && asked.upload.is_repeatable();
    let has_ended = matches!(cause, Interrupted::Io(_) | Interrupted::Closed);
    let has_met_its_end = || asked.method().is_idempotent() && pay_for_requeue(client);
    if may_send_again && has_ended && is_pooled && (!has_begun || has_met_its_end()) {
        asked.rewind();
        return Ok(Again {
            permit,
            may_be_pooled: !has_begun,
        });
    }
    in_flight.judge(Outcome::Failure, Instant::now());
    let unsent = match cause {
        Interrupted::Io(cause) if may_send_again && !has_begun => ConnectError::Refused(cause),
        Interrupted::Closed if may_send_again && !has_begun => {
            ConnectError::Refused(io::ErrorKind::ConnectionReset.into())
        }
        Interrupted::NotTrusted(cause) if may_send_again => ConnectError::Insecure(cause),
        cause => return Err(broken(client, in_flight, cause)),
    };
    asked.rewind();
    Err(Failed::Surely(unsent))
}
