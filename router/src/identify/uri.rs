//! Targets of requests: which part names a host, and which part the host is asked for.

use http::header::{HOST, HeaderValue};
use http::uri::{Parts as UriParts, PathAndQuery};
use http::{Request, Uri};

/// Turns what a client sends to its `http_proxy` (`http://user@host:80/x?y`) into what the host itself is asked for: the
/// authority replaces `Host`, its user information is dropped, and path and query remain. Other targets stay as they are.
///
/// Source: linkerd `ProxyRewriteFilter`; RFC 9112 §3.2.2.
pub(crate) fn origin_form<B>(request: &mut Request<B>) {
    let (Some(_), Some(authority)) = (request.uri().scheme(), request.uri().authority()) else {
        return;
    };
    let host = authority.as_str().rsplit('@').next().unwrap_or_default();
    let host = HeaderValue::from_str(host);
    let target = match request.uri().path_and_query() {
        Some(target) if target.as_str().starts_with('/') => Uri::from(target.clone()),
        Some(target) => with_path(
            request.uri(),
            if target.as_str().starts_with('?') {
                ""
            } else {
                target.path()
            },
        ),
        None => Uri::from_static("/"),
    };
    *request.uri_mut() = target;
    if let Ok(host) = host {
        request.headers_mut().insert(HOST, host);
    }
}

/// The target with another path; an empty one is `/`. The query stays.
pub(super) fn with_path(uri: &Uri, path: &str) -> Uri {
    let slash = if path.starts_with('/') { "" } else { "/" };
    let text = match uri.query() {
        Some(query) => format!("{slash}{path}?{query}"),
        None => format!("{slash}{path}"),
    };
    let mut parts = UriParts::default();
    // A slash and pieces of a valid target are a valid target.
    parts.path_and_query = Some(
        PathAndQuery::from_maybe_shared(text).unwrap_or_else(|_| PathAndQuery::from_static("/")),
    );
    Uri::from_parts(parts).unwrap_or_else(|_| Uri::from_static("/"))
}
