use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::response::Response;
use tokio::runtime::Runtime;
use transport::{Listener, ServerTls, ServerTlsFiles, Shutdown, SocketOptions};

/// A namerd that answers as its script says, and remembers the questions.
pub(crate) struct Namerd {
    pub(crate) url: String,
    script: Arc<Mutex<Script>>,
    _runtime: Runtime,
}

#[derive(Default)]
struct Script {
    parts: Vec<(String, VecDeque<Answer>)>,
    questions: Vec<String>,
}

#[derive(Debug, Clone)]
pub(crate) struct Answer {
    status: u16,
    tag: Option<&'static str>,
    body: String,
}

pub(crate) fn answer(status: u16, body: &str) -> Answer {
    Answer {
        status,
        tag: None,
        body: body.to_owned(),
    }
}

impl Answer {
    pub(crate) fn tag(mut self, tag: &'static str) -> Self {
        self.tag = Some(tag);
        self
    }
}

impl Namerd {
    pub(crate) fn start() -> Self {
        Self::serve(None)
    }

    /// One that is spoken to with TLS.
    pub(crate) fn secure(files: &ServerTlsFiles) -> Self {
        Self::serve(Some(ServerTls::load(files).unwrap()))
    }

    fn serve(tls: Option<ServerTls>) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .unwrap();
        let script = Arc::<Mutex<Script>>::default();
        let app = Router::new().fallback(respond).with_state(script.clone());
        let inside = runtime.enter();
        let loopback = "127.0.0.1:0".parse().unwrap();
        let listener = Listener::bind(loopback, &SocketOptions::default()).unwrap();
        drop(inside);
        let scheme = if tls.is_some() { "https" } else { "http" };
        let port = listener.local_addr().unwrap().port();
        let url = format!("{scheme}://127.0.0.1:{port}");
        runtime.spawn(async move {
            let shutdown = Shutdown::new();
            transport::serve(listener, tls, app, shutdown.drain()).await;
        });
        Self {
            url,
            script,
            _runtime: runtime,
        }
    }

    /// Says what to answer to a question, `GET /api/1/dtabs`. The next answer to the same question comes next time, the last one
    /// goes on for ever. Whatever isn't in the script is 404.
    pub(crate) fn on(self, question: &str, answer: Answer) -> Self {
        let mut script = self.script.lock().unwrap();
        let known = script.parts.iter_mut().find(|(known, _)| known == question);
        match known {
            Some((_, answers)) => answers.push_back(answer),
            None => script.parts.push((question.to_owned(), [answer].into())),
        }
        drop(script);
        self
    }

    /// The questions so far, with the headers that say something.
    pub(crate) fn questions(&self) -> Vec<String> {
        self.script.lock().unwrap().questions.clone()
    }

    /// The questions that change something.
    #[track_caller]
    pub(crate) fn wrote(&self, expected: &[&str]) {
        let questions = self.questions();
        let writes = questions
            .iter()
            .filter(|question| !question.starts_with("GET "));
        assert_eq!(writes.collect::<Vec<_>>(), expected);
    }
}

async fn respond(State(script): State<Arc<Mutex<Script>>>, request: Request) -> Response {
    let (head, body) = request.into_parts();
    let body = axum::body::to_bytes(body, usize::MAX).await.unwrap();
    let question = format!("{} {}", head.method, head.uri);
    let mut told = question.clone();
    for (name, value) in &head.headers {
        if !matches!(name.as_str(), "host" | "content-length" | "accept") {
            told.push_str(&format!(" {name}={}", value.to_str().unwrap()));
        }
    }
    if !body.is_empty() {
        told.push_str(&format!(" {}", String::from_utf8_lossy(&body)));
    }
    let mut script = script.lock().unwrap();
    script.questions.push(told);
    let part = script
        .parts
        .iter_mut()
        .find(|(known, _)| *known == question);
    let answer = part.map_or_else(
        || answer(404, ""),
        |(_, answers)| match answers.len() {
            1 => answers[0].clone(),
            _ => answers.pop_front().unwrap(),
        },
    );
    let mut response = Response::builder().status(answer.status);
    if let Some(tag) = answer.tag {
        response = response.header("etag", tag);
    }
    response.body(Body::from(answer.body)).unwrap()
}
