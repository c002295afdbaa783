//! The way back: an answer's head and body to the client, or a tunnel.

use std::future::poll_fn;
use std::task::Poll;

use http1::Length;

use super::ask::{Asked, Unanswered};
use super::{Begun, Kind, Lease, Message};
use crate::exchange::{After, Downstream};
use crate::server::Phase;
use crate::stats::Counted;
use crate::wire::{Compressor, Encoding, Relay, Text, Trouble, Tunnel};

/// Sends the downstream's response to the client, and what follows it; through the compressor, if there is one.
pub(crate) async fn respond(
    downstream: &mut Downstream<'_>,
    message: &mut Message,
    Begun { now, rest, .. }: Begun,
    compressor: Option<Box<Compressor>>,
) -> After {
    let Message { asked, lease, .. } = message;
    match (rest, asked, &mut *lease) {
        (Some(Kind::Body), Some(asked), Some(held)) => {
            let is_reusable = match pass(downstream, asked, held, compressor).await {
                Ok(is_reusable) => is_reusable,
                Err(after) => return after,
            };
            // Not later: the client may take its time with the rest of its request.
            if let Some(lease) = lease.take()
                && is_reusable
            {
                lease.settle(now);
            }
            asked.leave(downstream);
            downstream.after().await
        }
        (Some(_), asked, Some(lease)) => Box::pin(tunnel(downstream, lease, asked)).await,
        _ => match downstream.answer.take() {
            Some(body) => Box::pin(downstream.pass_held(body, compressor)).await,
            None => downstream.reply("").await,
        },
    }
}

/// How an answer's way ended.
enum Ended {
    Well,
    /// The client has gone.
    Gone,
    /// What is left of one of both bodies will never come.
    Broken,
}

/// Sends the answer; whether the endpoint's connection is good for another request then, or what has become of the client's.
async fn pass(
    downstream: &mut Downstream<'_>,
    asked: &mut Asked,
    lease: &mut Lease,
    compressor: Option<Box<Compressor>>,
) -> Result<bool, After> {
    let length = downstream.response.length();
    if downstream.expects && !asked.upload.is_done() && !asked.upload.has_body_begun() {
        // Whoever was not told to go on may send its body or its next request, and nobody can say which.
        downstream.forbid_more();
    }
    let mut download = downstream.begin(compressor, &mut asked.interim);
    let ended = poll_fn(|cx| {
        match asked.poll_upload(cx, &mut lease.connection, downstream) {
            Poll::Pending => {}
            Poll::Ready(Unanswered::Gone) => return Poll::Ready(Ended::Gone),
            Poll::Ready(Unanswered::Refused(error)) => {
                tracing::debug!(%error, "a request broke off while it was answered");
                return Poll::Ready(Ended::Broken);
            }
        }
        let (_, mut sink) = downstream.socket.split();
        let (mut source, _) = lease.connection.socket.split();
        let input = &mut lease.connection.input;
        let polled = download.poll(cx, input, &mut source, &mut sink);
        let phase = match download.waits_for_source() {
            true => asked.phase(),
            false => Phase::Reply,
        };
        let moved = asked.upload.moved().wrapping_add(download.moved());
        downstream.activity.note(phase, moved);
        if polled.is_pending() && asked.poll_gone(cx, downstream).is_ready() {
            return Poll::Ready(Ended::Gone);
        }
        polled.map(|passed| match passed {
            Ok(()) => Ended::Well,
            Err(Trouble::Sink) => Ended::Gone,
            Err(Trouble::Source(error)) => {
                tracing::debug!(%error, "an answer broke off");
                Ended::Broken
            }
            Err(Trouble::Body(error)) => {
                tracing::debug!(%error, "an answer broke off");
                Ended::Broken
            }
        })
    });
    match ended.await {
        Ended::Well => Ok(asked.leaves_it_usable() && length != Length::UntilClose),
        Ended::Gone => Err(After::Close),
        Ended::Broken => Err(After::Reset),
    }
}

async fn tunnel(
    downstream: &mut Downstream<'_>,
    lease: &mut Lease,
    asked: &mut Option<Asked>,
) -> After {
    let mut head = Text::take();
    if let Some(mut asked) = asked.take() {
        head.append(&mut asked.interim);
    }
    downstream.response.write_to(&mut head);
    let mut opening = Relay::new(head, Length::None, Encoding::Plain);
    let mut both = Tunnel::default();
    downstream.place = None;
    let stats = downstream.stats;
    let _open = Counted::new(stats.tunnels.clone());
    let ended = poll_fn(|cx| {
        if !opening.is_done() {
            let (_, mut sink) = downstream.socket.split();
            let (mut source, _) = lease.connection.socket.split();
            let input = &mut lease.connection.input;
            match opening.poll(cx, input, &mut source, &mut sink) {
                Poll::Ready(Ok(())) => {}
                Poll::Ready(Err(_)) => return Poll::Ready(Ok(())),
                Poll::Pending => return Poll::Pending,
            }
        }
        let near = (&mut *downstream.socket, &mut *downstream.input);
        let connection = &mut *lease.connection;
        let polled = both.poll(cx, near, (&mut connection.socket, &mut connection.input));
        let (forth, back) = both.passed();
        downstream
            .activity
            .note(Phase::Tunnel, forth.wrapping_add(back));
        polled
    });
    let ended = ended.await;
    let (forth, back) = both.passed();
    stats.tunnel_sent.add(forth);
    stats.tunnel_received.add(back);
    match ended {
        Ok(()) => After::Close,
        Err(error) => {
            tracing::debug!(%error, "a tunnel broke");
            After::Reset
        }
    }
}
