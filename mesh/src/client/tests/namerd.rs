//! A namerd for the tests of its client.

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{Request, State};
use axum::response::Response;
use hyper::body::Frame;
use live::Task;
use tokio::sync::mpsc;
use transport::{ServerTls, Shutdown};

use super::{NamerdClient, client};

/// A namerd that gives one answer to everything, and remembers the questions.
pub(super) struct Namerd {
    pub(super) url: String,
    pub(super) questions: Arc<Mutex<Vec<String>>>,
    _task: Task<()>,
}

#[derive(Clone)]
struct Script {
    questions: Arc<Mutex<Vec<String>>>,
    answer: Arc<dyn Fn() -> Response + Send + Sync>,
}

pub(super) struct Scripted(http::response::Builder, Body);

impl Scripted {
    pub(super) fn status(self, status: u16) -> Self {
        Self(self.0.status(status), self.1)
    }

    pub(super) fn header(self, name: &str, value: &str) -> Self {
        Self(self.0.header(name, value), self.1)
    }

    pub(super) fn text(self, text: &'static str) -> Self {
        Self(self.0, text.into())
    }
}

impl Namerd {
    pub(super) async fn start(script: fn(Scripted) -> Scripted) -> Self {
        Self::serve(script, None).await
    }

    pub(super) async fn serve(script: fn(Scripted) -> Scripted, tls: Option<ServerTls>) -> Self {
        let answer = move || {
            let Scripted(head, body) = script(Scripted(Response::builder(), Body::empty()));
            head.body(body).unwrap()
        };
        Self::with(Arc::new(answer), tls)
    }

    /// One answer, whose body is what is sent.
    pub(super) async fn streaming() -> (mpsc::Sender<&'static str>, Self) {
        let (sender, receiver) = mpsc::channel(8);
        let receiver = Mutex::new(Some(receiver));
        let answer = move || {
            let receiver = receiver.lock().unwrap().take().unwrap();
            Response::new(Body::new(Pieces(receiver)))
        };
        (sender, Self::with(Arc::new(answer), None))
    }

    fn with(answer: Arc<dyn Fn() -> Response + Send + Sync>, tls: Option<ServerTls>) -> Self {
        let questions = Arc::default();
        let script = Script {
            questions: Arc::clone(&questions),
            answer,
        };
        let app = Router::new().fallback(respond).with_state(script);
        let loopback = "127.0.0.1:0".parse().unwrap();
        let listener = transport::Listener::bind(loopback, &transport::SocketOptions::default());
        let listener = listener.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let task = live::task("a namerd", async move {
            let shutdown = Shutdown::new();
            transport::serve(listener, tls, app, shutdown.drain()).await;
        });
        Self {
            url,
            questions,
            _task: task,
        }
    }

    pub(super) fn client(&self) -> NamerdClient {
        client(&[&self.url])
    }

    #[track_caller]
    pub(super) fn was_asked(&self, question: &str) {
        let questions = self.questions.lock().unwrap();
        assert!(
            questions.iter().any(|asked| asked == question),
            "{question:?} is not in {questions:#?}"
        );
    }
}

async fn respond(State(script): State<Script>, request: Request) -> Response {
    let (head, body) = request.into_parts();
    let mut question = format!("{} {}", head.method, head.uri);
    for (name, value) in &head.headers {
        if !matches!(name.as_str(), "host" | "content-length") {
            question.push_str(&format!(" {name}={}", value.to_str().unwrap()));
        }
    }
    let body = axum::body::to_bytes(body, usize::MAX).await.unwrap();
    if !body.is_empty() {
        question.push_str(&format!(" {}", String::from_utf8_lossy(&body)));
    }
    script.questions.lock().unwrap().push(question);
    (script.answer)()
}

/// A body of what comes through a channel.
struct Pieces(mpsc::Receiver<&'static str>);

impl hyper::body::Body for Pieces {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        let piece = self.0.poll_recv(cx);
        piece.map(|piece| piece.map(|text| Ok(Frame::data(Bytes::from_static(text.as_bytes())))))
    }
}
