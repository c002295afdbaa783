//! A namerd's API over an in-memory store, on a port of its own.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use dtab::{Answer, Name, NameTree, Path};
use live::{Live, Publisher, Reads};
use namer::{AddressSet, Addresses, Bound, Endpoint, Inet, Namer, Namers};
use namerd::api::{Api, Counts};
use namerd::fleet::Fleet;
use namerd::namespaces::Namespaces;
use namerd::store::{By, InMemory, Namespace, Store, Stored};
use telemetry::{Metrics, Query};
use tokio::time::Instant;
use transport::{Listener, Shutdown, SocketOptions};

use crate::client::{Request, Response, Watch};

/// A running API.
pub(crate) struct World {
    pub(crate) address: SocketAddr,
    pub(crate) store: Arc<dyn Store>,
    pub(crate) disco: Arc<Disco>,
    pub(crate) shutdown: Shutdown,
    pub(crate) fleet: Arc<Fleet>,
    metrics: Metrics,
}

impl World {
    pub(crate) async fn new() -> Self {
        Self::start(|_| {}).await
    }

    pub(crate) async fn start(change: impl FnOnce(&mut Api)) -> Self {
        Self::over(Arc::new(InMemory::new("namerd-1", [])), change)
    }

    /// An API over another store.
    pub(crate) fn over(store: Arc<dyn Store>, change: impl FnOnce(&mut Api)) -> Self {
        let disco = Arc::new(Disco::default());
        let prefix = Path::parse("/#/disco").unwrap();
        let namers = Namers::new(
            vec![(prefix, Arc::clone(&disco) as Arc<dyn Namer>)],
            Inet::with_servers(Vec::new()),
        );
        let namespaces = Namespaces::new(Arc::clone(&store), namers, false);
        let fleet = Fleet::new("namerd-1", Arc::clone(&store));
        let shutdown = Shutdown::new();
        let metrics = Metrics::new();
        let mut api = Api {
            namespaces: Arc::new(namespaces),
            fleet: Arc::clone(&fleet),
            namerd: "namerd-1".into(),
            started: Instant::now(),
            drain: shutdown.drain(),
            is_match_required: false,
            counts: Counts::new(&metrics),
        };
        change(&mut api);
        let listener =
            Listener::bind(([127, 0, 0, 1], 0).into(), &SocketOptions::default()).unwrap();
        let address = listener.local_addr().unwrap();
        let serving = transport::serve(listener, None, api.routes(), shutdown.drain());
        live::task("api", serving);
        Self {
            address,
            store,
            disco,
            shutdown,
            fleet,
            metrics,
        }
    }

    /// Writes a dtab past the API.
    pub(crate) async fn dtab(&self, namespace: &str, text: &str) {
        let namespace: Namespace = namespace.parse().unwrap();
        self.store
            .put(&namespace, Stored::parse(text).unwrap(), By::default())
            .await
            .unwrap();
    }

    pub(crate) async fn get(&self, target: &str) -> Response {
        Request::new("GET", target).send(self.address).await
    }

    /// The body of a GET that must succeed.
    pub(crate) async fn json(&self, target: &str) -> serde_json::Value {
        let response = self.get(target).await;
        assert_eq!(response.head.status, 200, "{target}: {}", response.body);
        assert_eq!(
            response.head.header("content-type"),
            Some("application/json")
        );
        serde_json::from_str(&response.body).unwrap()
    }

    pub(crate) async fn watch(&self, target: &str) -> Watch {
        Request::new("GET", target).watch(self.address).await
    }

    pub(crate) async fn put(&self, namespace: &str, dtab: &str) -> Response {
        let target = format!("/api/1/dtabs/{namespace}");
        Request::new("PUT", &target)
            .body("application/dtab", dtab)
            .send(self.address)
            .await
    }

    /// How many watches are open, as the metrics say.
    fn watches(&self) -> f64 {
        let json = self.metrics.to_json(&Query::default()).unwrap();
        let json: serde_json::Value = serde_json::from_str(&json).unwrap();
        json["interface/http/watches"].as_f64().unwrap()
    }

    /// Waits until so many watches are open.
    pub(crate) async fn watches_become(&self, count: f64) {
        let wait = async {
            while self.watches() != count {
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(Duration::from_secs(5), wait)
            .await
            .expect("the watches are let go");
    }
}

/// A namer that knows what it is told, and has not answered for anything else yet.
#[derive(Debug, Default)]
pub(crate) struct Disco(Mutex<BTreeMap<String, Known>>);

type Known = (Publisher<Addresses>, Live<Addresses>);

impl Disco {
    /// Says where a name is.
    pub(crate) fn set(&self, name: &str, addresses: &[&str]) {
        let endpoints = addresses
            .iter()
            .map(|address| Endpoint::new(address.parse().unwrap()));
        self.say(name, Addresses::of(endpoints));
    }

    /// Says where a name is, in full.
    pub(crate) fn say(&self, name: &str, addresses: Addresses) {
        self.known(name);
        self.0
            .lock()
            .unwrap()
            .get_mut(name)
            .unwrap()
            .0
            .set(addresses);
    }

    fn known(&self, name: &str) -> Live<Addresses> {
        self.0
            .lock()
            .unwrap()
            .entry(name.to_owned())
            .or_insert_with(live::channel)
            .1
            .clone()
    }
}

/// A set with everything that can be said of it.
pub(crate) fn rich() -> Addresses {
    let mut endpoint = Endpoint::new("10.0.0.1:80".parse().unwrap()).with_weight(0.25);
    endpoint.node_name = Some("node-7".to_owned());
    let mut set = AddressSet::new([endpoint]);
    set.authority = Some("web.example".to_owned());
    Addresses::Bound(set)
}

impl Namer for Disco {
    fn lookup(&self, path: &Path, _: &mut Reads) -> Answer<Bound> {
        let Some(first) = path.segments().first() else {
            return Answer::Tree(NameTree::Neg);
        };
        let name = first.to_str_lossy();
        if name == "gone" {
            return Answer::Tree(NameTree::Neg);
        }
        let id = Path::from_segments(["#", "disco", &name]).unwrap();
        let bound = Bound::new(id, path.skip(1), self.known(&name));
        Answer::Tree(NameTree::Leaf(Name::Bound(bound)))
    }

    fn names(&self) -> Option<Live<Vec<Path>>> {
        let known = self.0.lock().unwrap();
        let id = |name: &String| Path::from_segments(["#", "disco", name.as_str()]).unwrap();
        Some(Live::constant(known.keys().map(id).collect()))
    }
}
