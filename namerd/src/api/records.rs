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

/// How long a request waits for what is not known yet.
pub(super) const WAIT: Duration = Duration::from_secs(2);

/// What one look at the things that an endpoint shows came to.
#[derive(Debug)]
pub(super) enum Look {
    /// Something is not known yet, or there is nothing to show.
    Wait,
    /// It cannot be shown, and why.
    Failed(String),
    /// The record to show.
    Record(Bytes),
}

/// Records, made by looking again whenever something that the last look read has changed.
///
/// There is no queue: whoever takes records slowly gets the newest one, and misses those in between.
pub(super) struct Records<F> {
    look: F,
    reads: Option<Reads>,
    last: Option<Bytes>,
}

impl<F: FnMut(&mut Reads) -> Look + Send + 'static> Records<F> {
    pub(super) fn new(look: F) -> Self {
        Self {
            look,
            reads: None,
            last: None,
        }
    }

    /// The next record that differs from the last one, or a failure.
    async fn next(&mut self) -> Result<Bytes, String> {
        loop {
            if let Some(reads) = &mut self.reads {
                reads.changed().await;
            }
            let mut next = Reads::default();
            let look = (self.look)(&mut next);
            // What the last look read is let go only now, so that what both looks read goes on undisturbed.
            self.reads = Some(next);
            match look {
                Look::Record(record) if self.last.as_ref() != Some(&record) => {
                    self.last = Some(record.clone());
                    return Ok(record);
                }
                Look::Failed(why) => return Err(why),
                Look::Wait | Look::Record(_) => {}
            }
        }
    }

    /// Answers with the first record; `missing` says what is not known if there is none in time.
    pub(super) async fn once(
        mut self,
        media: &'static str,
        missing: &str,
    ) -> Result<Response, Refusal> {
        match tokio::time::timeout(WAIT, self.next()).await {
            Ok(Ok(record)) => Ok(shown(media, Body::from(record))),
            Ok(Err(why)) => Err(Refusal::failed(why)),
            Err(_) => Err(Refusal::not_now(missing)),
        }
    }

    /// Answers with all records, until the server ends or the client goes. Failures are passed over: what the client has
    /// is the last good record.
    pub(super) fn stream(self, media: &'static str, drain: Drain, watching: Watching) -> Response {
        let records = stream::unfold(
            (self, drain, watching),
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
