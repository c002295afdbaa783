//! Answers that are read whole before their client is told of them.

use std::future::poll_fn;
use std::task::Poll;

use http1::{BadBody, Decoder, Length};
use tokio::time::Instant;

use super::{Lease, Message, Unanswered};
use crate::client::{Client, Interrupted};
use crate::error::RouteError;
use crate::exchange::Downstream;
use crate::wire::{Bounds, Hold, NotHeld};

/// Reads the rest of the message's answer, which is the downstream's then. The endpoint's connection is free before the client gets any.
pub(crate) async fn hold(
    client: &Client,
    bounds: Bounds,
    downstream: &mut Downstream<'_>,
    message: &mut Message,
) -> Result<(), Unanswered> {
    let (Some(mut lease), Some(asked)) = (message.lease.take(), &mut message.asked) else {
        // A tunnel, of which there is no end to wait for.
        return Ok(());
    };
    let stated = downstream.response.length();
    let mut decoder = Decoder::new(stated);
    let hold = Hold::new(&decoder, bounds);
    let mut hold = hold.map_err(|why| not_held(client, &lease, why))?;
    // Nobody is told to go on with a request that has its answer.
    asked.go_on = None;
    let held = poll_fn(|cx| {
        if let Poll::Ready(unanswered) = asked.poll_upload(cx, &mut lease.connection, downstream) {
            return Poll::Ready(Err(unanswered));
        }
        let (mut source, _) = lease.connection.socket.split();
        let input = &mut lease.connection.input;
        let polled = hold.poll(cx, &mut decoder, input, &mut source);
        asked.poll_interim(cx, downstream);
        let moved = asked.upload.moved().wrapping_add(hold.moved());
        downstream.activity.note(asked.phase(), moved);
        match polled {
            Poll::Ready(Err(why)) => Poll::Ready(Err(not_held(client, &lease, why).into())),
            Poll::Ready(Ok(())) if asked.interim.is_empty() => Poll::Ready(Ok(())),
            _ if asked.poll_gone(cx, downstream).is_ready() => Poll::Ready(Err(Unanswered::Gone)),
            _ => Poll::Pending,
        }
    });
    held.await?;
    let (body, length) = hold.finish(&decoder);
    if let Length::Exact(length) = length {
        downstream.response.set_content_length(length);
    }
    downstream.answer = Some(body);
    message.held_from = Some(lease.in_flight.endpoint.address);
    if stated != Length::UntilClose && asked.leaves_it_usable() {
        lease.settle(Instant::now());
    }
    Ok(())
}

fn not_held(client: &Client, lease: &Lease, why: NotHeld) -> RouteError {
    let (id, address) = (client.id.clone(), lease.in_flight.endpoint.address);
    let cause = match why {
        NotHeld::TooLong(most) => return RouteError::AnswerTooLong { id, address, most },
        NotHeld::Full => return RouteError::AnswerNotHeld { id, address },
        NotHeld::Source(error) => Interrupted::Io(error),
        NotHeld::Body(BadBody::EndedEarly) => Interrupted::Closed,
        NotHeld::Body(bad) => Interrupted::Body(bad),
    };
    RouteError::Broken { id, address, cause }
}
