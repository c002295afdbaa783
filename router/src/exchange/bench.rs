//! The hot pieces of the router, each alone, for `router/benches/router.rs`, and for nobody else.
//!
//! A benchmark is a crate of its own and sees only what is public, while these pieces are the inside of this one. To have them
//! public by themselves would make promises of them; a feature would be one more thing to build and test; and to compile the
//! sources into the benchmark a second time would measure another program. So there is this one door, which the documentation
//! does not show. It stands beside the life of a request, whose private stages it calls as `Router::answer` does.

use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;

use config::RouterConfig;
use futures_util::FutureExt as _;
use http::{Method, StatusCode};
use http1::{RequestHead, ResponseHead};
use namer::Inet;
use telemetry::Metrics;
use tokio::runtime::Runtime;
use tokio::time::Instant;
use transport::{Address, Peer};

use super::edge::{Edge, Origin, admit};
use super::sign::{sign_class, sign_request, sign_response, sign_try};
use super::{Router, headers};
use crate::build::{self, Capacity, Parts};
use crate::route::{Picked, Route};

/// A router that has bound one name, and one message each way.
pub struct Bench {
    router: Arc<Router>,
    edge: Edge,
    route: Arc<Route>,
    picked: Picked,
    bytes: (&'static [u8], &'static [u8]),
    request: RequestHead,
    response: ResponseHead,
    _runtime: Runtime,
}

const YAML: &str = "routers:\n- protocol: http\n  servers: [{port: 0}]\n  \
    dtab: /svc => 3 * /$/inet/127.0.0.1/1 & 1 * /$/inet/127.0.0.1/2\n";

const PEER: ([u8; 4], u16) = ([127, 0, 0, 1], 1);

impl Bench {
    /// With these heads, as they came; the request's name is bound then.
    ///
    /// # Panics
    /// If they are none.
    pub fn new(request: &'static [u8], response: &'static [u8]) -> Self {
        let (config, _) = RouterConfig::parse("bench.yaml", YAML).expect("it is fine");
        let runtime = Runtime::new().expect("threads");
        let _inside = runtime.enter();
        let parts = Parts {
            metrics: Metrics::new(),
            control: runtime.handle().clone(),
            workers: 1,
            admin: PEER.into(),
            is_admin_tls: false,
            state_folders: Vec::new(),
        };
        let of = &config.routers[0];
        let namers =
            namer::build::namers(&[], &Inet::with_servers(Vec::new())).expect("none is wrong");
        let router = build::router(of, &namers, &parts, None).expect("it is fine");
        let capacity = Capacity::new(&config, parts.workers);
        let address = Address::from(SocketAddr::from(PEER));
        let edge = build::edge(&of.servers[0], of, &router, (&address, None), capacity);
        let mut head = RequestHead::default();
        head.parse(request, &edge.limits).expect("a request");
        let now = Instant::now();
        let route = router.identify(&mut head, None, peer(), now);
        let route = route.expect("it has a name");
        let timeout = of.binding_timeout;
        let picked = runtime.block_on(route.pick(now, timeout, &mut fastrand::f64));
        Self {
            picked: picked.expect("it is bound"),
            bytes: (request, response),
            request: head,
            response: ResponseHead::default(),
            router,
            edge,
            route,
            _runtime: runtime,
        }
    }

    /// Reads the request again. To be measured by itself as well as before what changes it.
    pub fn parse_request(&mut self) -> bool {
        let parsed = self.request.parse(self.bytes.0, &self.edge.limits);
        parsed.is_ok()
    }

    /// Reads the answer again, as the request.
    pub fn parse_response(&mut self) -> bool {
        let limits = &self.edge.limits;
        let parsed = self.response.parse(self.bytes.1, &Method::GET, limits);
        parsed.is_ok()
    }

    /// Brings the request into its form, and looks for what is meant for this hop.
    pub fn admit(&mut self) -> bool {
        let origin = Origin {
            edge: &self.edge,
            peer: peer(),
            connection: 1,
            worker: 0,
        };
        admit(&mut self.request, origin).is_ok_and(|overrides| overrides.is_none())
    }

    /// The key of the request's name.
    pub fn identify(&self) -> usize {
        let identified = self.router.identifiers.identify(&self.request);
        identified.map_or(0, |identified| identified.key.text.len())
    }

    /// The key, and the route of it.
    pub fn route(&mut self, now: Instant) -> bool {
        self.router
            .identify(&mut self.request, None, peer(), now)
            .is_ok()
    }

    /// One of the branches.
    pub fn draw(&self, now: Instant) -> bool {
        let timeout = self.router.binding_timeout;
        let mut draw = fastrand::f64;
        let picked = self.route.pick(now, timeout, &mut draw);
        matches!(picked.now_or_never(), Some(Ok(_)))
    }

    /// What ends here is taken off, and nothing added.
    pub fn strip(&mut self) {
        headers::strip_hop_by_hop(&mut self.request.fields);
    }

    /// What the endpoint is told beside the request.
    pub fn sign_request(&mut self) {
        sign_request(&mut self.request);
        sign_try(&mut self.request, &self.route, &self.picked, None);
    }

    /// What the client is told beside the answer.
    pub fn sign_response(&mut self) {
        sign_response(&mut self.response);
        sign_class(&mut self.response.fields, true);
    }

    /// All that is counted of a request that is answered well: by server, name and client.
    pub fn count(&self, asked: Instant, now: Instant) {
        let client = &self.picked.client.stats;
        let all = [
            &self.edge.stats.exchanges,
            &self.route.stats().exchanges,
            &client.exchanges,
        ];
        for exchanges in all {
            exchanges.begin(asked).end(true, now);
        }
        client.statuses.count(StatusCode::OK);
        self.edge.stats.statuses.count(StatusCode::OK);
    }
}

fn peer() -> Peer {
    Peer::Inet(PEER.into())
}

impl fmt::Debug for Bench {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Bench({:?})", self.router)
    }
}
