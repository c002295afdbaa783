use std::convert::Infallible;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::http::Uri;
use axum::response::IntoResponse;
use live::State;
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;

use super::*;
use crate::interpreter::host::Host;
use crate::transform::{Rewrite, Transformed, Transformer, Transformers};
use crate::{Addresses, BoundTree, Evaluated};

const SOON: Duration = Duration::from_secs(5);

/// A namerd whose watches a test fills.
struct FakeNamerd {
    url: String,
    watches: mpsc::Receiver<(String, Records)>,
    _host: Host,
}

/// Where the records of a watch are written.
struct Records(mpsc::Sender<Result<Bytes, Infallible>>);

impl Records {
    async fn say(&self, line: &str) {
        let line = Bytes::from(format!("{line}\n"));
        self.0.send(Ok(line)).await.unwrap();
    }
}

impl FakeNamerd {
    fn start() -> Self {
        let (opened, watches) = mpsc::channel(8);
        let host = Host::start(|listener| async {
            let app = Router::new().fallback(move |uri: Uri| answer(uri, opened));
            axum::serve(listener, app).await.unwrap();
        });
        Self {
            url: format!("http://{}", host.address),
            watches,
            _host: host,
        }
    }

    /// The watch that was opened next, by its path and query.
    async fn asked(&mut self) -> (String, Records) {
        timeout(SOON, self.watches.recv()).await.unwrap().unwrap()
    }
}

async fn answer(uri: Uri, opened: mpsc::Sender<(String, Records)>) -> axum::response::Response {
    let (records, body) = mpsc::channel(8);
    match uri.path() {
        "/api/1/dtabs" => "[]\n".into_response(),
        "/api/1/delegate/default" => {
            r#"{"type":"leaf","path":"/svc/web","bound":{"addr":{"type":"bound","addrs":[{"ip":"127.0.0.1","port":80,"meta":{}}],"meta":{}},"id":"/#/web","path":"/"}}"#
                .into_response()
        }
        _ => {
            // A test that has seen enough takes no more watches.
            let _ = opened.send((uri.to_string(), Records(records))).await;
            Body::from_stream(ReceiverStream::new(body)).into_response()
        }
    }
}

fn start(namerds: &[&FakeNamerd], pace: Pace) -> HttpInterpreter {
    let options = HttpOptions {
        base_urls: namerds.iter().map(|namerd| namerd.url.clone()).collect(),
        tls: None,
        namespace: "default".to_owned(),
        retry: Retry::default(),
        snapshot: None,
    };
    HttpInterpreter::start_at_pace(options, pace).unwrap()
}

fn web() -> Path {
    Path::parse("/svc/web").unwrap()
}

const LEAF: &str = r##"{"type":"leaf","bound":{"addr":{"type":"bound","addrs":[{"ip":"127.0.0.1","port":80,"meta":{}}],"meta":{}},"id":"/#/web","path":"/"}}"##;

async fn until<T: fmt::Debug>(live: &Live<T>, holds: impl Fn(&State<T>) -> bool) -> Arc<State<T>> {
    let mut reader = live.clone();
    let wait = async {
        loop {
            let state = reader.changed().await;
            if holds(&state) {
                return state;
            }
        }
    };
    match timeout(SOON, wait).await {
        Ok(state) => state,
        Err(_) => panic!("still {:?}", live.now()),
    }
}

async fn fresh(binding: &Live<Binding>) -> Arc<BoundTree> {
    let state = until(binding, |state| matches!(state, State::Ready(_))).await;
    match &state.value().unwrap().outcome {
        Evaluated::Bound(tree, _) => Arc::clone(tree),
        other => panic!("{other:?}"),
    }
}

async fn reachable_at(addresses: &Live<Addresses>, port: u16) {
    until(addresses, |state| {
        let State::Ready(addresses) = state else {
            return false;
        };
        matches!(addresses.endpoints(), [only] if only.address.port() == port)
    })
    .await;
}

fn addresses(tree: &BoundTree) -> Live<Addresses> {
    crate::wire::concrete_names(tree).remove(0).1
}

#[tokio::test]
async fn names_and_their_addresses_are_watched() {
    let mut namerd = FakeNamerd::start();
    let interpreter = start(&[&namerd], Pace::default());
    let dtab = Dtab::parse("/svc => /host").unwrap();
    let binding = interpreter.bind(&web(), &dtab);
    let (asked, trees) = namerd.asked().await;
    assert_eq!(
        asked,
        "/api/1/bind/default?path=/svc/web&dtab=/svc%3D%3E/host&watch=true"
    );
    trees.say(LEAF).await;
    let tree = fresh(&binding).await;
    assert_eq!(binding.value().unwrap().revision, 0);
    // The sample that came with the tree serves until the watch says more.
    reachable_at(&addresses(&tree), 80).await;
    let (asked, addrs) = namerd.asked().await;
    assert_eq!(asked, "/api/1/addr/default?path=/%23/web&watch=true");
    let addr = r#"{"type":"bound","addrs":[{"ip":"127.0.0.1","port":81}]}"#;
    addrs.say(addr).await;
    reachable_at(&addresses(&tree), 81).await;
    assert_eq!(
        interpreter.status().unwrap().namerd.unwrap().target,
        namerd.url
    );
}

#[tokio::test]
async fn a_watch_that_ends_with_a_complaint_is_opened_again() {
    let mut namerd = FakeNamerd::start();
    let interpreter = start(&[&namerd], Pace::default());
    let binding = interpreter.bind(&web(), &Dtab::empty());
    let (_, trees) = namerd.asked().await;
    trees.say(LEAF).await;
    let tree = fresh(&binding).await;
    let (_, _addrs) = namerd.asked().await;
    trees.say("no store").await;
    drop(trees);
    let state = until(&binding, |state| matches!(state, State::Stale(..))).await;
    assert_eq!(&*state.failure().unwrap().reason, "no store");
    let (_, trees) = namerd.asked().await;
    trees.say(LEAF).await;
    assert!(Arc::ptr_eq(&tree, &fresh(&binding).await));
}

#[tokio::test]
async fn the_next_namerd_takes_over() {
    let mut second = FakeNamerd::start();
    let mut first = FakeNamerd::start();
    let interpreter = start(&[&first, &second], Pace::default());
    let binding = interpreter.bind(&web(), &Dtab::empty());
    let (_, trees) = first.asked().await;
    trees.say(LEAF).await;
    let tree = fresh(&binding).await;
    let (_, addrs) = first.asked().await;
    drop((trees, addrs, first));
    let watches = [second.asked().await, second.asked().await];
    for (asked, records) in &watches {
        if asked.contains("/bind/") {
            records.say(LEAF).await;
        }
    }
    assert!(Arc::ptr_eq(&tree, &fresh(&binding).await));
}

#[tokio::test]
async fn watches_that_nobody_reads_are_closed() {
    let mut namerd = FakeNamerd::start();
    let pace = Pace {
        linger: Duration::from_millis(20),
        ..Pace::default()
    };
    let interpreter = start(&[&namerd], pace);
    let binding = interpreter.bind(&web(), &Dtab::empty());
    let (_, trees) = namerd.asked().await;
    trees.say(LEAF).await;
    let (_, addrs) = namerd.asked().await;
    drop(binding);
    timeout(SOON, trees.0.closed()).await.unwrap();
    timeout(SOON, addrs.0.closed()).await.unwrap();
}

#[tokio::test]
async fn a_delegation_is_asked_of_the_namerd_that_serves() {
    let namerd = FakeNamerd::start();
    let interpreter = start(&[&namerd], Pace::default());
    let failure = interpreter
        .delegate(&web(), &Dtab::empty())
        .await
        .unwrap_err();
    assert_eq!(
        failure.to_string(),
        "cannot delegate now: not connected to namerd"
    );
    while interpreter.status().unwrap().namerd.is_none() {
        tokio::task::yield_now().await;
    }
    let tree = interpreter.delegate(&web(), &Dtab::empty()).await.unwrap();
    let DelegateTree::Leaf { bound, .. } = tree else {
        panic!("{tree:?}");
    };
    reachable_at(&bound.addresses, 80).await;
}

#[tokio::test]
async fn a_delegation_shows_what_transformers_make_of_namerds_answer() {
    let namerd = FakeNamerd::start();
    let http = start(&[&namerd], Pace::default());
    let port = Transformer::Rewrite(Path::parse("/%/port").unwrap(), Rewrite::Port(4141));
    let interpreter = Transformed::new(Arc::new(http), Transformers::new(vec![port]));
    while interpreter.status().unwrap().namerd.is_none() {
        tokio::task::yield_now().await;
    }
    let tree = interpreter.delegate(&web(), &Dtab::empty()).await.unwrap();
    let DelegateTree::Transformation {
        path, bound, tree, ..
    } = tree
    else {
        panic!("{tree:?}");
    };
    assert_eq!((path, bound.id.to_string()), (web(), "/#/web".to_owned()));
    reachable_at(&bound.addresses, 80).await;
    let DelegateTree::Leaf { path, bound, .. } = *tree else {
        panic!("{tree:?}");
    };
    assert_eq!(path.to_string(), "/%/port/#/web");
    reachable_at(&bound.addresses, 4141).await;
}
