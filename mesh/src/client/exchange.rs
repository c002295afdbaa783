//! One question, one answer, over several base URLs.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;
use http::header::{CONTENT_TYPE, ETAG, PROXY_AUTHORIZATION, RETRY_AFTER};
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Response, StatusCode};
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Incoming;
use hyper::ext::ReasonPhrase;
use hyper_util::client::legacy::Client;
use hyper_util::client::proxy::matcher::Matcher;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use serde::Serialize;
use serde::de::DeserializeOwned;
use transport::ClientTls;

use super::base::{Base, BaseUrlError};
use super::dialer::Dialer;
use super::error::{Attempt, ClientError};
use crate::api::ErrorBody;

/// The longest answer that is read. An export holds the whole history of all namespaces.
const MAX_ANSWER_BYTES: usize = 256 << 20;

/// How a client reaches namerd.
#[derive(Debug, Clone)]
pub struct ClientOptions {
    /// Where the API is, in order of preference. A path in a URL is kept.
    pub base_urls: Vec<String>,
    /// For `https` URLs.
    pub tls: Option<ClientTls>,
    /// How long a connection may take: name, TCP and TLS together. Default: 900 ms.
    pub connect_timeout: Duration,
    /// How long one base URL may take to answer; for a watch, to begin to. Default: 10 s; `None` is for ever.
    pub timeout: Option<Duration>,
    /// Whether the environment's `http_proxy`, `https_proxy`, `all_proxy` and `no_proxy` count. Default: no.
    pub uses_environment_proxies: bool,
}

impl Default for ClientOptions {
    fn default() -> Self {
        Self {
            base_urls: Vec::new(),
            tls: None,
            connect_timeout: Duration::from_millis(900),
            timeout: Some(Duration::from_secs(10)),
            uses_environment_proxies: false,
        }
    }
}

/// Sends questions to the first base URL that answers.
#[derive(Clone)]
pub(super) struct Exchange {
    bases: Arc<[Base]>,
    /// The base URL that answered last.
    at: Arc<AtomicUsize>,
    dialer: Dialer,
    client: Client<Dialer, Full<Bytes>>,
    timeout: Option<Duration>,
}

/// A request, less the base URL.
pub(super) struct Question {
    method: Method,
    path: String,
    pub(super) headers: HeaderMap,
    body: Bytes,
    /// May be asked twice.
    is_safe: bool,
}

/// A whole answer with a status that means success.
pub(super) struct Answer {
    base: String,
    headers: HeaderMap,
    body: Bytes,
}

impl Exchange {
    pub(super) fn new(options: ClientOptions) -> Result<Self, BaseUrlError> {
        let proxies = options.uses_environment_proxies.then(Matcher::from_env);
        Self::with_proxies(options, proxies)
    }

    pub(super) fn with_proxies(
        options: ClientOptions,
        proxies: Option<Matcher>,
    ) -> Result<Self, BaseUrlError> {
        let bases = options.base_urls.iter().map(|url| Base::parse(url));
        let bases = bases.collect::<Result<Arc<[_]>, _>>()?;
        if bases.is_empty() {
            return Err(BaseUrlError::Empty);
        }
        let dialer = Dialer::new(options.tls, options.connect_timeout, proxies);
        let client = Client::builder(TokioExecutor::new())
            .pool_timer(TokioTimer::new())
            .build(dialer.clone());
        Ok(Self {
            bases,
            at: Arc::default(),
            dialer,
            client,
            timeout: options.timeout,
        })
    }

    /// Asks, and reads the whole answer.
    pub(super) async fn ask(&self, question: Question) -> Result<Answer, ClientError> {
        let answer = async |base: &Base, response: Response<Incoming>| {
            let (head, body) = response.into_parts();
            Ok(Answer {
                base: base.to_string(),
                headers: head.headers,
                body: read(body).await?,
            })
        };
        self.first(question, answer).await
    }

    /// Asks, and leaves the body to be read as it comes.
    pub(super) async fn open(
        &self,
        question: Question,
    ) -> Result<(String, Response<Incoming>), ClientError> {
        let open = async |base: &Base, response| Ok((base.to_string(), response));
        self.first(question, open).await
    }

    /// Asks one base URL after the other, beginning with the one that answered last.
    async fn first<T>(
        &self,
        question: Question,
        finish: impl AsyncFn(&Base, Response<Incoming>) -> Result<T, BoxError>,
    ) -> Result<T, ClientError> {
        let first = self.at.load(Ordering::Relaxed);
        let mut failures = Vec::new();
        let mut refusal = None;
        for step in 0..self.bases.len() {
            let index = (first + step) % self.bases.len();
            let base = &self.bases[index];
            match self.once(base, &question, &finish).await? {
                Outcome::Done(value) => {
                    self.at.store(index, Ordering::Relaxed);
                    return Ok(value);
                }
                Outcome::Refused(error) if question.goes_on_after(&error) => {
                    refusal.get_or_insert(error);
                }
                Outcome::Refused(error) => {
                    self.at.store(index, Ordering::Relaxed);
                    return Err(error);
                }
                Outcome::Failed { attempt, was_sent } => {
                    if was_sent && !question.is_safe {
                        return Err(ClientError::Lost(attempt));
                    }
                    failures.push(attempt);
                }
            }
        }
        Err(refusal.unwrap_or(ClientError::Unreachable(failures)))
    }

    async fn once<T>(
        &self,
        base: &Base,
        question: &Question,
        finish: &impl AsyncFn(&Base, Response<Incoming>) -> Result<T, BoxError>,
    ) -> Result<Outcome<T>, ClientError> {
        let request = self.request(base, question)?;
        let exchange = async {
            let response = self.client.request(request).await;
            let response = response.map_err(|error| (!error.is_connect(), error.into()))?;
            if response.status().is_success() {
                let value = finish(base, response).await;
                return value.map(Outcome::Done).map_err(|error| (true, error));
            }
            let error = refused(response).await;
            error.map(Outcome::Refused).map_err(|error| (true, error))
        };
        let outcome: Result<_, (bool, BoxError)> = match self.timeout {
            None => exchange.await,
            Some(timeout) => tokio::time::timeout(timeout, exchange)
                .await
                .unwrap_or_else(|elapsed| Err((true, elapsed.into()))),
        };
        Ok(
            outcome.unwrap_or_else(|(was_sent, source)| Outcome::Failed {
                attempt: Attempt {
                    base: base.to_string(),
                    source,
                },
                was_sent,
            }),
        )
    }

    fn request(
        &self,
        base: &Base,
        question: &Question,
    ) -> Result<Request<Full<Bytes>>, ClientError> {
        let uri = base.join(&question.path);
        let uri = uri.map_err(|_| ClientError::Url(question.path.clone()))?;
        let mut request = Request::new(Full::new(question.body.clone()));
        *request.method_mut() = question.method.clone();
        request.headers_mut().extend(question.headers.clone());
        if let Some(proxy) = self.dialer.proxy(&uri)
            && uri.scheme_str() == Some("http")
            && let Some(auth) = proxy.basic_auth()
        {
            // For https this goes into the CONNECT request instead.
            request
                .headers_mut()
                .insert(PROXY_AUTHORIZATION, auth.clone());
        }
        *request.uri_mut() = uri;
        Ok(request)
    }
}

type BoxError = Box<dyn std::error::Error + Send + Sync>;

enum Outcome<T> {
    Done(T),
    Refused(ClientError),
    Failed { attempt: Attempt, was_sent: bool },
}

impl Question {
    pub(super) fn new(method: Method, path: String) -> Self {
        Self {
            is_safe: method.is_safe(),
            method,
            path,
            headers: HeaderMap::new(),
            body: Bytes::new(),
        }
    }

    pub(super) fn get(path: String) -> Self {
        Self::new(Method::GET, path)
    }

    pub(super) fn header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.headers.insert(name, value);
        self
    }

    pub(super) fn body(mut self, body: impl Into<Bytes>) -> Self {
        self.body = body.into();
        self
    }

    pub(super) fn json(self, value: &impl Serialize) -> Result<Self, ClientError> {
        let body = serde_json::to_vec(value).map_err(ClientError::Request)?;
        let json = HeaderValue::from_static("application/json");
        Ok(self.header(CONTENT_TYPE, json).body(body))
    }

    /// Says that the question changes nothing.
    pub(super) fn safe(mut self) -> Self {
        self.is_safe = true;
        self
    }

    /// Another namerd may know what this one doesn't know yet.
    fn goes_on_after(&self, error: &ClientError) -> bool {
        self.is_safe && error.status() == Some(StatusCode::SERVICE_UNAVAILABLE)
    }
}

impl Answer {
    pub(super) fn header(&self, name: &HeaderName) -> Option<String> {
        text_header(&self.headers, name)
    }

    pub(super) fn text(&self) -> String {
        // namerd ends each answer with a newline that isn't part of it.
        let text = String::from_utf8_lossy(&self.body);
        text.strip_suffix('\n').unwrap_or(&text).to_owned()
    }

    pub(super) fn json<T: DeserializeOwned>(&self) -> Result<T, ClientError> {
        parse(&self.base, &self.body)
    }
}

pub(super) fn parse<T: DeserializeOwned>(base: &str, bytes: &[u8]) -> Result<T, ClientError> {
    serde_json::from_slice(bytes).map_err(|source| {
        let text = String::from_utf8_lossy(bytes);
        ClientError::Answer {
            base: base.to_owned(),
            text: text.trim().chars().take(200).collect(),
            source,
        }
    })
}

async fn read(body: Incoming) -> Result<Bytes, BoxError> {
    let limited = Limited::new(body, MAX_ANSWER_BYTES);
    Ok(limited.collect().await?.to_bytes())
}

async fn refused(response: Response<Incoming>) -> Result<ClientError, BoxError> {
    let (head, body) = response.into_parts();
    let own = head.extensions.get::<ReasonPhrase>();
    let own = own.map(|reason| String::from_utf8_lossy(reason.as_bytes()).into_owned());
    let usual = || {
        head.status
            .canonical_reason()
            .unwrap_or_default()
            .to_owned()
    };
    let seconds = text_header(&head.headers, &RETRY_AFTER).and_then(|text| text.parse().ok());
    Ok(ClientError::Status {
        status: head.status,
        reason: own.unwrap_or_else(usual),
        body: reason_text(&read(body).await?),
        tag: text_header(&head.headers, &ETAG),
        retry_after: seconds.map(Duration::from_secs),
    })
}

/// Whoever asks for JSON gets errors as JSON.
fn reason_text(body: &[u8]) -> String {
    let json = serde_json::from_slice::<ErrorBody>(body);
    let text = json.map_or_else(
        |_| String::from_utf8_lossy(body).into_owned(),
        |body| body.error,
    );
    text.trim_end().to_owned()
}

fn text_header(headers: &HeaderMap, name: &HeaderName) -> Option<String> {
    let text = headers.get(name)?.to_str().ok()?;
    Some(text.to_owned())
}

impl fmt::Debug for Exchange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Exchange")
            .field("bases", &self.bases)
            .field("timeout", &self.timeout)
            .finish_non_exhaustive()
    }
}
