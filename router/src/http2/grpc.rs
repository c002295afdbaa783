//! What gRPC says in the fields of a stream. Source: "gRPC over HTTP2" (grpc/grpc, doc/PROTOCOL-HTTP2.md).

use std::time::Duration;

use http::header::CONTENT_TYPE;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use policy::grpc::{encode_message, format_timeout, parse_status, parse_timeout, status_of_http};

use super::fields::Fields;
use crate::error::RouteError;

const STATUS: HeaderName = HeaderName::from_static("grpc-status");
const MESSAGE: HeaderName = HeaderName::from_static("grpc-message");
const TIMEOUT: HeaderName = HeaderName::from_static("grpc-timeout");

/// How long a message is made at most, in bytes.
const LONGEST_MESSAGE: usize = 1024;

/// Whether a request is a call: then the client reads `grpc-status`, and not the status alone.
pub(super) fn is_call(fields: &HeaderMap) -> bool {
    let content_type = fields.get(CONTENT_TYPE).map(HeaderValue::as_bytes);
    let rest = content_type.and_then(|text| text.strip_prefix(b"application/grpc"));
    rest.is_some_and(|rest| matches!(rest.first(), None | Some(b'+' | b';')))
}

/// How long a call may take, if it says so in a way that can be read.
pub(super) fn timeout(fields: &HeaderMap) -> Option<Duration> {
    parse_timeout(fields.get(TIMEOUT)?.as_bytes())
}

/// Says how long a call may take.
pub(super) fn set_timeout(fields: &mut Fields, left: Duration) {
    fields.replace(TIMEOUT, format_timeout(left).as_bytes());
}

/// How a call has ended, as the end of its answer says.
pub(super) fn status(fields: &HeaderMap) -> Option<u32> {
    parse_status(fields.get(STATUS)?.as_bytes())
}

/// What ends a call that the router ends itself, with what it tells of the error, if that is anything.
pub(super) fn end_of(error: &RouteError, text: &str) -> HeaderMap {
    let status = match error.status() {
        StatusCode::GATEWAY_TIMEOUT => DEADLINE_EXCEEDED,
        status => status_of_http(status),
    };
    if text.is_empty() {
        return end(status, &error.to_string());
    }
    end(status, text)
}

/// Trailers that say this.
pub(super) fn end(status: u32, message: &str) -> HeaderMap {
    let mut trailers = HeaderMap::with_capacity(4);
    trailers.insert(STATUS, status.into());
    if let Ok(message) = encode_message(message, LONGEST_MESSAGE).try_into() {
        trailers.insert(MESSAGE, message);
    }
    trailers
}

/// The call's time is over.
pub(super) const DEADLINE_EXCEEDED: u32 = 4;

/// Whoever was to answer has gone.
pub(super) const UNAVAILABLE: u32 = 14;
