//! The way back: an answer's head and body to the client, or a tunnel.

use std::future::poll_fn;
use std::task::Poll;

use http1::Length;
use tokio::time::Instant;

use super::ask::{Asked, Unanswered};
use super::{Begun, Kind, Lease, Rest};
use crate::exchange::{After, Downstream};
use crate::server::Phase;
use crate::stats::Counted;
use crate::wire::{Compressor, Encoding, Relay, Text, Trouble, Tunnel};

/// Sends the downstream's response to the client, and what follows it; through the compressor, if there is one.
pub(crate) async fn respond(
    downstream: &mut Downstream<'_>,
    message: &mut Option<Asked>,
    Begun { now, rest, .. }: Begun,
    compressor: Option<Box<Compressor>>,
) -> After {
    match (rest, message) {
        (
            Some(Rest {
                lease,
                kind: Kind::Body,
            }),
            Some(asked),
        ) => pass(downstream, lease, (asked, compressor), now).await,
        (Some(Rest { lease, .. }), asked) => Box::pin(tunnel(downstream, lease, asked)).await,
        (None, _) => match downstream.answer.take() {
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

async fn pass(
    downstream: &mut Downstream<'_>,
    mut lease: Lease,
    (asked, compressor): (&mut Asked, Option<Box<Compressor>>),
    began: Instant,
) -> After {
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
        Ended::Well => {}
        Ended::Gone => return After::Close,
        Ended::Broken => return After::Reset,
    }
    if asked.leaves_it_usable() && length != Length::UntilClose {
        lease.settle(began);
    } else {
        // Not later: the client may take its time with the rest of its request.
        drop(lease);
    }
    asked.leave(downstream);
    downstream.after().await
}

async fn tunnel(
    downstream: &mut Downstream<'_>,
    mut lease: Lease,
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
