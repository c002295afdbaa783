//! Heads of one version as those of the other.

use http::header::HOST;
use http::uri::{Authority, PathAndQuery, Scheme};
use http::{HeaderMap, HeaderName, Method, Request, Response, StatusCode, Uri, Version};
use http1::{Decoder, Fields, Known, Length, RequestHead, ResponseHead};

use super::bodies::Coding;
use crate::headers::{OF_EVERY_HOP, value_of};

/// The request as a stream begins with it, for an endpoint with this scheme. None if its target cannot be said there.
pub(crate) fn request_to_http2(head: &RequestHead, scheme: Scheme) -> Option<Request<()>> {
    let path = PathAndQuery::try_from(head.path_and_query()).ok()?;
    let mut uri = Uri::from(path);
    let mut request = Request::new(());
    let host = head.fields.get(Known::Host).unwrap_or_default();
    if !host.is_empty() {
        let mut parts = uri.into_parts();
        parts.authority = Some(Authority::try_from(host).ok()?);
        parts.scheme = Some(scheme);
        uri = Uri::from_parts(parts).ok()?;
        // Of a request without a host the codec asks that it be of another version.
        *request.version_mut() = Version::HTTP_2;
    }
    request.method_mut().clone_from(&head.method);
    *request.uri_mut() = uri;
    *request.headers_mut() = map(&head.fields);
    request.headers_mut().remove(HOST);
    Some(request)
}

/// The same lines without those that are about a connection of HTTP/1.1.
pub(super) fn map(fields: &Fields) -> HeaderMap {
    let mut map = HeaderMap::with_capacity(fields.len());
    for field in fields.iter() {
        let is_of_hop = OF_EVERY_HOP.contains(field.known) || field.known == Known::Te;
        if !is_of_hop && let Ok(name) = HeaderName::from_bytes(field.name) {
            map.append(name, value_of(field.value));
        }
    }
    map
}

/// Writes the head of a request, and says how its body is delimited.
pub(super) fn write_request(request: &Request<()>, has_body: bool, out: &mut Vec<u8>) -> Coding {
    let uri = request.uri();
    let path = uri.path_and_query().map_or("/", PathAndQuery::as_str);
    for piece in [request.method().as_str(), " ", path, " HTTP/1.1\r\n"] {
        out.extend_from_slice(piece.as_bytes());
    }
    let mut fields = Fields::default();
    if let Some(authority) = uri.authority() {
        fields.push(Known::Host, authority.as_str().as_bytes());
    } else if !request.headers().contains_key(HOST) {
        // Whoever names no host says so. Source: RFC 9112 §3.2.
        fields.push(Known::Host, b"");
    }
    copy(request.headers(), &mut fields);
    join_cookies(&mut fields);
    if fields.has(Known::Te) {
        fields.push(Known::Connection, b"te");
    }
    let coding = match (has_body, fields.has(Known::ContentLength)) {
        (true, false) => Coding::Chunked,
        _ => Coding::Plain,
    };
    let expects_body = [Method::POST, Method::PUT, Method::PATCH].contains(request.method());
    match coding {
        Coding::Chunked => fields.push(Known::TransferEncoding, b"chunked"),
        // Source: RFC 9110 §8.6.
        Coding::Plain if expects_body && !has_body => fields.set(Known::ContentLength, b"0"),
        Coding::Plain => {}
    }
    if coding == Coding::Plain {
        fields.remove(Known::Trailer);
    }
    fields.write_to(out);
    out.extend_from_slice(b"\r\n");
    coding
}

/// Lines of `Cookie` are one for HTTP/1.1. Source: RFC 9113 §8.2.3.
fn join_cookies(fields: &mut Fields) {
    let is_cookie = |name: &[u8]| name == b"cookie";
    let cookies: Vec<_> = fields
        .iter()
        .filter(|field| is_cookie(field.name))
        .map(|field| field.value.to_vec())
        .collect();
    if cookies.len() > 1 {
        fields.retain(|field| !is_cookie(field.name));
        fields.push_named(b"cookie", &cookies.join(&b"; "[..]));
    }
}

/// Writes the head of an answer to a request with this method, the last on its connection, and says how its body is delimited.
pub(super) fn write_response<T>(
    response: &Response<T>,
    to: &Method,
    has_body: bool,
    out: &mut Vec<u8>,
) -> Coding {
    let status = response.status();
    let mut head = ResponseHead::new(status);
    copy(response.headers(), &mut head.fields);
    if status.is_informational() {
        head.write_to(out);
        return Coding::Plain;
    }
    let fields = &mut head.fields;
    let ends_with_head =
        *to == Method::HEAD || matches!(status, StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED);
    let coding = match fields.has(Known::ContentLength) || ends_with_head {
        true => Coding::Plain,
        false if has_body => Coding::Chunked,
        false => {
            fields.push(Known::ContentLength, b"0");
            Coding::Plain
        }
    };
    match coding {
        Coding::Chunked => fields.push(Known::TransferEncoding, b"chunked"),
        Coding::Plain => _ = fields.remove(Known::Trailer),
    }
    fields.push(Known::Connection, b"close");
    head.write_to(out);
    coding
}

fn copy(from: &HeaderMap, to: &mut Fields) {
    for (name, value) in from {
        to.push_named(name.as_str().as_bytes(), value.as_bytes());
    }
}

/// The answer as a stream begins with it, and what finds its body.
pub(super) fn response_to_http2(head: &mut ResponseHead) -> (Response<()>, Decoder) {
    // Whether trailers may come is said by what is removed.
    let decoder = Decoder::new(head.length());
    if head.length() == Length::UntilClose {
        head.fields.remove(Known::Trailer);
    }
    crate::headers::strip_hop_by_hop(&mut head.fields);
    let mut response = Response::new(());
    *response.status_mut() = head.status;
    *response.headers_mut() = map(&head.fields);
    (response, decoder)
}
