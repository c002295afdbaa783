//! One endpoint, one request: a stream on an open channel if there is one, else on a new one.

use std::future::poll_fn;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use h2::client::ResponseFuture;
use h2::{Reason, SendStream};
use policy::Outcome;
use tokio::time::{Instant, timeout};

use super::super::channel::Slot;
use super::super::channels;
use super::super::relay::Relay;
use super::{Asked, ResponseHead, Rest, Sending, Unanswered, bridged};
use crate::client::{Client, ConnectError, InFlight, Interrupted};
use crate::error::{Full, RouteError};

/// Why an endpoint did not answer.
pub(super) enum Failed {
    /// Nothing of the request was sent, or nobody has looked at it.
    Surely(ConnectError),
    /// The endpoint says that it has not looked at it.
    Refused {
        reason: Reason,
        endpoint: SocketAddr,
    },
    /// It may have been seen, or nobody waits for the answer.
    Perhaps(Unanswered),
}

/// Sends the request to one endpoint.
pub(super) async fn attempt(
    client: &Arc<Client>,
    mut in_flight: InFlight,
    sending: &Sending<'_>,
    asked: &mut Asked,
) -> Result<(ResponseHead, Rest), Failed> {
    if !client.rules.settings.http2.is_on {
        return Box::pin(bridged::attempt(client, in_flight, sending, asked)).await;
    }
    for _ in 0..MOST_CHANNELS {
        let slot = match channels::reserve(&in_flight.endpoint, sending.worker) {
            Some(slot) => slot,
            None => Box::pin(open(client, &mut in_flight, sending, asked)).await?,
        };
        let (request, is_all) = (asked.pack_head(), asked.upload.is_done());
        let (response, sink) = match slot.send(request, is_all) {
            Ok(sent) => sent,
            // It has ended in this moment.
            Err(error) => {
                tracing::debug!(%error, "a stream was not opened");
                asked.rewind();
                continue;
            }
        };
        let asking = Asking::new(response, sink);
        let error = match asking.answer_in_time(client, asked).await {
            Ok((head, download, sink)) => {
                let rest = Rest {
                    download,
                    sink,
                    in_flight,
                    _slot: slot,
                };
                return Ok((head, rest));
            }
            Err(Unheard::Gone) => return Err(Failed::Perhaps(Unanswered::Gone)),
            Err(Unheard::Broken(cause)) => {
                in_flight.judge(Outcome::Failure, Instant::now());
                return Err(broken(client, &in_flight, cause));
            }
            Err(Unheard::Stream(error)) => error,
        };
        // Whoever closes its connection tells how far it has read: this stream it has not.
        if error.is_go_away() && error.is_remote() && asked.upload.is_kept() {
            asked.rewind();
            continue;
        }
        in_flight.judge(Outcome::Failure, Instant::now());
        return Err(match error.reason() {
            Some(reason @ Reason::REFUSED_STREAM) if error.is_remote() => {
                let endpoint = in_flight.endpoint.address;
                Failed::Refused { reason, endpoint }
            }
            Some(reason) if error.is_reset() && error.is_remote() => {
                let endpoint = in_flight.endpoint.address;
                Failed::Perhaps(Unanswered::Reset { reason, endpoint })
            }
            _ => broken(client, &in_flight, Interrupted::Stream(error)),
        });
    }
    in_flight.judge(Outcome::Failure, Instant::now());
    let cause = std::io::Error::other("its connections close as soon as they are used");
    Err(Failed::Surely(ConnectError::Refused(cause)))
}

/// How many connections of an endpoint may end under a request before anything of it was looked at.
const MOST_CHANNELS: usize = 4;

/// Waits for a new channel.
async fn open(
    client: &Arc<Client>,
    in_flight: &mut InFlight,
    sending: &Sending<'_>,
    asked: &mut Asked,
) -> Result<Slot, Failed> {
    let endpoint = Arc::clone(&in_flight.endpoint);
    let opening = channels::open(client, &endpoint, sending.worker, sending.trying.deadline);
    match asked.unless_gone(opening).await {
        Some(Ok(slot)) => Ok(slot),
        Some(Err(cause)) => Err(not_connected(in_flight, cause)),
        None => Err(Failed::Perhaps(Unanswered::Gone)),
    }
}

pub(super) fn not_connected(in_flight: &mut InFlight, cause: ConnectError) -> Failed {
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

pub(super) fn broken(client: &Client, in_flight: &InFlight, cause: Interrupted) -> Failed {
    let broken = RouteError::Broken {
        id: client.id.clone(),
        address: in_flight.endpoint.address,
        cause,
    };
    Failed::Perhaps(broken.into())
}

/// A stream on which a request is sent. Dropping it cancels the stream.
pub(super) struct Asking {
    response: ResponseFuture,
    sink: SendStream<Bytes>,
    /// How often the endpoint has said something before its answer.
    interim: usize,
}

/// How often it may.
const MOST_INTERIM: usize = 100;

/// Why a stream has no answer.
pub(super) enum Unheard {
    /// The client has gone.
    Gone,
    /// It took longer than a try may, or the endpoint says so much before its answer that it may never end.
    Broken(Interrupted),
    Stream(h2::Error),
}

/// The head, what follows it, and what the endpoint still takes of the request.
pub(super) type Answered = (ResponseHead, Relay, SendStream<Bytes>);

impl Asking {
    pub(super) fn new(response: ResponseFuture, sink: SendStream<Bytes>) -> Self {
        Self {
            response,
            sink,
            interim: 0,
        }
    }

    /// Sends the rest of the request, and waits for the head of the answer as long as a try may take.
    pub(super) async fn answer_in_time(
        self,
        client: &Client,
        asked: &mut Asked,
    ) -> Result<Answered, Unheard> {
        let Some(most) = client.rules.settings.attempt_timeout else {
            return self.answer(asked).await;
        };
        match timeout(most, Box::pin(self.answer(asked))).await {
            Ok(answered) => answered,
            Err(_) => {
                client.stats.trouble().timeouts.inc();
                Err(Unheard::Broken(Interrupted::TimedOut(most)))
            }
        }
    }

    /// Sends the rest of the request, and waits for the head of the answer.
    async fn answer(mut self, asked: &mut Asked) -> Result<Answered, Unheard> {
        let response = poll_fn(|cx| {
            if asked.poll_upload(cx, &mut self.sink).is_ready() {
                return Poll::Ready(Err(Unheard::Gone));
            }
            self.pass_interim(cx, asked);
            if self.interim > MOST_INTERIM {
                return Poll::Ready(Err(Unheard::Broken(Interrupted::TooMuch)));
            }
            match Pin::new(&mut self.response).poll(cx) {
                Poll::Ready(answered) => Poll::Ready(answered.map_err(Unheard::Stream)),
                Poll::Pending => asked.poll_gone(cx).map(|()| Err(Unheard::Gone)),
            }
        });
        let (parts, body) = response.await?.into_parts();
        let head = ResponseHead::from(parts);
        if let Some(reason) = head.malformed() {
            tracing::debug!(reason, "a malformed answer");
            self.sink.send_reset(Reason::PROTOCOL_ERROR);
            return Err(Unheard::Stream(Reason::PROTOCOL_ERROR.into()));
        }
        Ok((head, Relay::new(body), self.sink))
    }

    /// Tells the client what the endpoint says before its answer.
    fn pass_interim(&mut self, cx: &mut Context<'_>, asked: &mut Asked) {
        while self.interim <= MOST_INTERIM
            && let Poll::Ready(Some(Ok(interim))) = self.response.poll_informational(cx)
        {
            self.interim += 1;
            // Who cannot be told will be found gone.
            let _ = asked.respond.send_informational(interim);
        }
    }
}
