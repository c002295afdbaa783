//! `/dtabs`: reading and writing what is stored.

use std::convert::Infallible;
use std::sync::Arc;

use axum::body::Body;
use axum::response::Response;
use futures_util::stream;
use http::{HeaderName, HeaderValue, Method, StatusCode, header};
use live::{Live, NotReady, State};
use mesh::api::{DryRun, Lint, Version};
use tokio::time::Instant;

use super::call::Call;
use super::media::Media;
use super::records::{Look, Records, WAIT, shown};
use super::refusal::{Refusal, etag};
use super::{Answer, Api, json_line};
use crate::store::{By, Change, Condition, Head, Namespace, StoreError, Stored};

impl Api {
    /// The names of all namespaces.
    pub(super) async fn list(&self, call: &Call) -> Answer {
        let namespaces = self.store().view().namespaces();
        let records = Records::new(move |reads| match &*reads.read(&namespaces) {
            State::Pending => Look::Wait,
            State::Failed(failure) => Look::Fails(failure.reason.to_string()),
            State::Ready(names) | State::Stale(names, _) => Look::Shows(json_line(&**names)),
        });
        self.shown(call, records, STORE_UNHEARD).await
    }

    /// One namespace: now, at an earlier revision, or whenever it changes.
    pub(super) async fn read(&self, name: &str, call: &Call) -> Answer {
        let media = Media::accepted(&call.headers);
        let namespace = known(name)?;
        if let Some(revision) = call.number("revision")? {
            return self.read_revision(&namespace, revision, media).await;
        }
        let head = self.namespaces.head(&namespace);
        if call.is_watch() {
            return Ok(self.watch(head, media));
        }
        let head = heard(&head).await?;
        let stored = head.stored.as_ref().ok_or_else(|| unknown(&namespace))?;
        if call.method == Method::HEAD {
            // A body of unknown length: in the reference this answer says nothing of the body's length and type.
            let mut response = Response::new(Body::from_stream(stream::empty::<
                Result<String, Infallible>,
            >()));
            response
                .headers_mut()
                .insert(header::ETAG, etag(head.revision));
            return Ok(response);
        }
        let mut response = shown(media.name(), media.write(stored));
        response
            .headers_mut()
            .insert(header::ETAG, etag(head.revision));
        if let Some(warning) = self.stale_warning() {
            response.headers_mut().insert(header::WARNING, warning);
        }
        Ok(response)
    }

    async fn read_revision(&self, namespace: &Namespace, revision: u64, media: Media) -> Answer {
        let found = self.store().revision(namespace, revision).await?;
        let Some(found) = found else {
            let message = format!("namespace {namespace} has no revision {revision}");
            return Err(Refusal::not_found(message));
        };
        let Some(text) = found.text else {
            let message = format!("namespace {namespace} was deleted by revision {revision}");
            return Err(Refusal::not_found(message));
        };
        let mut response = match media {
            Media::Json => {
                let stored = Stored::parse(text.as_str()).map_err(|error| {
                    let message = format!(
                        "revision {revision} was not written by a namerd and is no dtab: {error}"
                    );
                    Refusal::failed(message)
                })?;
                shown(media.name(), media.write(&stored))
            }
            Media::Dtab | Media::Text => shown(media.name(), Media::write_text(&text)),
        };
        response.headers_mut().insert(header::ETAG, etag(revision));
        Ok(response)
    }

    /// Shows a namespace again and again. While it does not exist there is nothing to show.
    fn watch(&self, head: Live<Head>, media: Media) -> Response {
        let records = Records::new(move |reads| {
            let state = reads.read(&head);
            let stored = state.value().and_then(|head| head.stored.as_ref());
            stored.map_or(Look::Wait, |stored| Look::Shows(media.write(stored)))
        });
        records.stream(media.name(), self.drain.clone(), self.counts.watching())
    }

    /// Makes a namespace that does not exist.
    pub(super) async fn create(&self, name: &str, call: &Call) -> Answer {
        let (stored, lints) = self.judge(call).await?;
        self.write(name, call, Wanted::Create(stored), lints).await
    }

    /// Makes or replaces a namespace; if the request names a version, only if it is still at that.
    pub(super) async fn put(&self, name: &str, call: &Call) -> Answer {
        let (stored, lints) = self.judge(call).await?;
        self.write(name, call, Wanted::Put(stored), lints).await
    }

    /// Deletes a namespace.
    pub(super) async fn delete(&self, name: &str, call: &Call) -> Answer {
        self.write(name, call, Wanted::Delete, Vec::new()).await
    }

    async fn write(&self, name: &str, call: &Call, wanted: Wanted, lints: Vec<Lint>) -> Answer {
        let namespace =
            Namespace::new(name).map_err(|error| Refusal::bad_request(error.to_string()))?;
        let must_not_exist =
            has_star(call, header::IF_NONE_MATCH) && !matches!(wanted, Wanted::Delete);
        let change = match wanted {
            Wanted::Create(stored) => Change::Create(stored),
            Wanted::Put(stored) if must_not_exist => Change::Create(stored),
            Wanted::Put(stored) => match self.expected(&namespace, call).await? {
                Some(expected) => Change::Update { expected, stored },
                None => Change::Put(stored),
            },
            Wanted::Delete => Change::Delete {
                expected: self.expected(&namespace, call).await?,
            },
        };
        if call.params.is_true("dryRun") {
            let head = heard(&self.namespaces.head(&namespace)).await?;
            let outcome = change.apply(
                &namespace,
                (head.revision, head.stored.is_some()),
                &By::default(),
            );
            outcome.map_err(|error| refused(error, must_not_exist))?;
            let version = head.stored.as_ref().map(|_| Version(head.revision).tag());
            return Ok(shown(
                "application/json",
                json_line(&DryRun { version, lints }),
            ));
        }
        let began = Instant::now();
        let revision = self.store().write(&namespace, change, call.by()).await;
        self.counts.written(revision.is_ok(), began);
        let revision = revision.map_err(|error| refused(error, must_not_exist))?;
        let mut response = Response::new(Body::empty());
        *response.status_mut() = StatusCode::NO_CONTENT;
        response.headers_mut().insert(header::ETAG, etag(revision));
        Ok(response)
    }

    /// The revision that a change is made for, if the request names one in `If-Match`.
    ///
    /// What is there and names none cannot be met, like a version that is long gone.
    async fn expected(&self, namespace: &Namespace, call: &Call) -> Result<Option<u64>, Refusal> {
        let Some(value) = call.headers.get(header::IF_MATCH) else {
            if self.is_match_required {
                let message = "this namerd takes changes with If-Match only: read the version first, then write";
                return Err(Refusal::new(StatusCode::PRECONDITION_REQUIRED, message));
            }
            return Ok(None);
        };
        let tag = String::from_utf8_lossy(value.as_bytes());
        if let Some(Version(revision)) = Version::from_tag(&tag) {
            return Ok(Some(revision));
        }
        let head = heard(&self.namespaces.head(namespace)).await?;
        if head.stored.is_none() {
            return Err(unknown(namespace));
        }
        let message = format!("If-Match names no version: {tag:?}");
        Err(Refusal::stale_match(head.revision, message))
    }

    /// Says of an answer how long the store has not been heard; none while it is well. Source: RFC 7234 §5.5.1.
    fn stale_warning(&self) -> Option<HeaderValue> {
        let health = self.store().view().health().value()?;
        let Condition::Stale { since, .. } = &health.condition else {
            return None;
        };
        let age = since.elapsed().as_secs();
        let warning = format!("110 namerd \"the store was last heard {age} s ago\"");
        Some(HeaderValue::try_from(warning).expect("plain ASCII makes a header value"))
    }
}

/// What a write is about, before it is known which version it is for.
enum Wanted {
    Create(Stored),
    Put(Stored),
    Delete,
}

const STORE_UNHEARD: &str = "the store has not answered yet, try again soon";

/// The namespace of a name; one that is illegal cannot exist.
fn known(name: &str) -> Result<Namespace, Refusal> {
    Namespace::new(name).map_err(|error| Refusal::not_found(error.to_string()))
}

pub(super) fn unknown(namespace: &Namespace) -> Refusal {
    Refusal::not_found(format!("namespace {namespace} does not exist"))
}

/// The state of a namespace; waits for a store that was not heard yet.
async fn heard(head: &Live<Head>) -> Result<Arc<Head>, Refusal> {
    let head = head.ready(Instant::now() + WAIT).await;
    head.map_err(|NotReady { failure }| match failure {
        Some(failure) => {
            Refusal::not_now(format!("the store is not available: {}", failure.reason))
        }
        None => Refusal::not_now(STORE_UNHEARD),
    })
}

/// What exists fails a request that wants it not to.
fn refused(error: StoreError, must_not_exist: bool) -> Refusal {
    match error {
        StoreError::AlreadyExists(_) if must_not_exist => {
            Refusal::new(StatusCode::PRECONDITION_FAILED, error.to_string())
        }
        error => error.into(),
    }
}

fn has_star(call: &Call, header: HeaderName) -> bool {
    call.headers
        .get(header)
        .is_some_and(|value| value.as_bytes().trim_ascii() == b"*")
}
