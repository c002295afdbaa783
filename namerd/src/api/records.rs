//! What an endpoint shows of things that change: once, or again and again.

use std::convert::Infallible;
use std::time::Duration;

use axum::body::Body;
use axum::response::Response;
use bytes::Bytes;
use futures_util::stream;
use http::{HeaderValue, header};
use live::Reads;
use transport::Drain;

use super::metrics::Watching;
use super::refusal::Refusal;
use crate::looking::Looking;

/// How long a request waits for what is not known yet.
pub(super) const WAIT: Duration = Duration::from_secs(2);

/// What one look at the things that an endpoint shows came to.
pub(super) type Look = crate::looking::Look<Bytes, String>;

/// The records that an endpoint shows.
#[derive(Debug)]
pub(super) struct Records(Looking<Bytes, String>);

impl Records {
    pub(super) fn new(look: impl FnMut(&mut Reads) -> Look + Send + 'static) -> Self {
        Self(Looking::new(look))
    }

    /// Answers with the first record; `missing` says what is not known if there is none in time.
    pub(super) async fn once(
        mut self,
        media: &'static str,
        missing: &str,
    ) -> Result<Response, Refusal> {
        match tokio::time::timeout(WAIT, self.0.next()).await {
            Ok(Ok(record)) => Ok(shown(media, Body::from(record))),
            Ok(Err(why)) => Err(Refusal::failed(why)),
            Err(_) => Err(Refusal::not_now(missing)),
        }
    }

    /// Answers with all records, until the server ends or the client goes. Failures are passed over: what the client has
    /// is the last good record.
    pub(super) fn stream(self, media: &'static str, drain: Drain, watching: Watching) -> Response {
        let records = stream::unfold(
            (self.0, drain, watching),
            async |(mut records, drain, watching)| {
                loop {
                    let next = tokio::select! {
                        next = records.next() => next,
                        () = drain.begun() => return None,
                    };
                    if let Ok(record) = next {
                        return Some((Ok::<_, Infallible>(record), (records, drain, watching)));
                    }
                }
            },
        );
        shown(media, Body::from_stream(records))
    }
}

/// A 200 with this body.
pub(super) fn shown(media: &'static str, body: impl Into<Body>) -> Response {
    let mut response = Response::new(body.into());
    let media = HeaderValue::from_static(media);
    response.headers_mut().insert(header::CONTENT_TYPE, media);
    response
}
