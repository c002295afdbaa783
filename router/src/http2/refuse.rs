//! An answer of the router itself.

use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{HeaderValue, StatusCode};
use http1::Known;

use super::asked::Asked;
use super::exchange::Exchange;
use super::fields::Fields;
use super::grpc;
use super::head::ResponseHead;
use crate::error::RouteError;
use crate::headers;
use crate::headers::Lines as _;
use crate::route::Route;

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
    let length = text.len().to_string();
    head.fields.set(Known::ContentLength, length.as_bytes());
    let is_all = text.is_empty() || asked.method() == http::Method::HEAD;
    if let Ok(mut out) = asked.respond.send_response(head.into(), is_all)
        && !is_all
    {
        let _ = out.send_data(Bytes::from(text), true);
    }
}
