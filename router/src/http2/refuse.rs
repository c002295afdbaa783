//! An answer of the router itself.

use std::future::poll_fn;

use bytes::Bytes;
use h2::{Reason, SendStream};
use http::header::CONTENT_TYPE;
use http::{HeaderValue, StatusCode};
use http1::Known;
use tokio::time::timeout;

use super::asked::Asked;
use super::exchange::Exchange;
use super::fields::Fields;
use super::grpc;
use super::head::ResponseHead;
use crate::error::RouteError;
use crate::headers;
use crate::headers::Lines as _;
use crate::route::Route;
use crate::server::Phase;

/// Answers a request that no endpoint answered: with a status, and a body that says more; a call of gRPC with what its client reads.
pub(super) async fn refuse(
    exchange: Exchange<'_>,
    mut asked: Asked,
    error: &RouteError,
    route: Option<&Route>,
) {
    let (router, edge) = (exchange.router(), &exchange.front.edge);
    let mut head = ResponseHead::new(StatusCode::OK);
    let mut text = router.tell(error, route, edge.max_err_bytes, &mut head);
    if edge.clear_context && headers::clear_context(&mut head.fields) {
        // What a router beyond the edge says of its names is not for strangers.
        text.clear();
    }
    edge.stats.statuses.count(head.status);
    if asked.is_grpc {
        head.status = StatusCode::OK;
        let content_type = HeaderValue::from_static("application/grpc");
        let mut fields = head.fields.into_map();
        fields.insert(CONTENT_TYPE, content_type);
        fields.extend(grpc::end_of(error, &text));
        head.fields = Fields::new(fields);
        // Who cannot be told has gone.
        let _ = asked.respond.send_response(head.into(), true);
        return;
    }
    reply(exchange, asked, head, text).await;
}

/// Answers with this text.
pub(super) async fn reply(
    exchange: Exchange<'_>,
    mut asked: Asked,
    mut head: ResponseHead,
    text: String,
) {
    let edge = &exchange.front.edge;
    let length = text.len().to_string();
    head.fields.set(Known::ContentLength, length.as_bytes());
    let is_all = text.is_empty() || asked.method() == http::Method::HEAD;
    if let Ok(mut out) = asked.respond.send_response(head.into(), is_all)
        && !is_all
    {
        let patience = edge.patience.reply;
        if timeout(patience, send(&mut out, text.into()))
            .await
            .is_err()
        {
            edge.stats.stalled(Phase::Reply);
            out.send_reset(Reason::CANCEL);
        }
    }
}

/// Sends a text as the client takes it: what it does not take is not to lie about for ever.
async fn send(out: &mut SendStream<Bytes>, mut text: Bytes) {
    out.reserve_capacity(text.len());
    while !text.is_empty() {
        let room = match out.capacity() {
            0 => poll_fn(|cx| out.poll_capacity(cx)).await,
            room => Some(Ok(room)),
        };
        // Who cannot be told has gone.
        let Some(Ok(room)) = room else { return };
        let some = text.split_to(room.min(text.len()));
        if out.send_data(some, text.is_empty()).is_err() {
            return;
        }
    }
}
