use dtab::{Leaf, NameTree};
use namer::{Addresses, Bound};
use telemetry::Metrics;

use super::*;
use crate::exchange::Clock;
use crate::identify::Key;
use crate::stats::RouterStats;

/// A router's part without a router: bindings are said, and routes drawn from.
struct World {
    metrics: Metrics,
    stats: Arc<RouterStats>,
    clients: Arc<Clients>,
}

impl World {
    fn new() -> Self {
        Self::with_client("{}")
    }

    /// With this `client:` of a router.
    fn with_client(client: &str) -> Self {
        let yaml =
            format!("routers: [{{protocol: http, servers: [{{port: 0}}], client: {client}}}]");
        let (config, _) = config::RouterConfig::parse("test.yaml", &yaml).expect("a configuration");
        let metrics = Metrics::new();
        let stats = Arc::new(RouterStats::new(&metrics, "http"));
        let clients = Clients::new(
            1,
            10,
            Duration::from_secs(60),
            config.routers[0].client.clone(),
            (Clock::start(), Arc::clone(&stats)),
        );
        Self {
            metrics,
            stats,
            clients: Arc::new(clients),
        }
    }

    fn route(&self, name: &str, binding: Live<Binding>) -> Arc<Route> {
        let path = Path::parse(name).expect("a path");
        Route::new(
            (&key(name.trim_start_matches("/svc/")), path),
            Dtab::empty(),
            binding,
            Arc::new(Service::from(config::ServiceSettings::default())),
            (&self.clients, &self.stats.services),
        )
    }
}

fn bound(tree: &str) -> Binding {
    let tree = NameTree::<Path>::parse(tree).expect("a tree");
    let tree = tree.map(&mut |path| Leaf {
        bound: Bound::new(
            path.take(1),
            path.skip(1),
            Live::constant(Addresses::of([])),
        ),
        weight: None,
    });
    outcome(Evaluated::Bound(Arc::new(tree), Arc::new([])))
}

fn outcome(outcome: Evaluated) -> Binding {
    Binding {
        revision: 1,
        outcome,
    }
}

/// The client that a request gets, or why it gets none.
async fn drawn(route: &Route) -> String {
    let wait = Duration::from_secs(10);
    match route.pick(Instant::now(), wait, &mut || 0.0).await {
        Ok(picked) => match &picked.residual {
            Some(residual) => format!(
                "{} + {}",
                picked.client.id,
                std::str::from_utf8(residual.as_bytes()).expect("text")
            ),
            None => picked.client.id.to_string(),
        },
        Err(error) => error.to_string(),
    }
}

/// Waits until the route's task has seen what was said.
async fn settle() {
    for _ in 0..10 {
        tokio::task::yield_now().await;
    }
}

#[tokio::test(start_paused = true)]
async fn the_first_request_waits_for_the_binding_and_no_longer_than_the_timeout() {
    let world = World::new();
    let (mut says, binding) = live::channel();
    let route = world.route("/svc/a", binding);
    let asked = Instant::now();
    let unknown = drawn(&route).await;
    assert_eq!(
        unknown,
        "Exceeded 10.seconds binding timeout while resolving name"
    );
    assert_eq!(asked.elapsed(), Duration::from_secs(10));
    says.fail("namerd is away");
    let error = route
        .pick(Instant::now(), Duration::from_millis(500), &mut || 0.0)
        .await
        .expect_err("not bound");
    assert!(
        matches!(&error, RouteError::NotBoundInTime { reason, .. } if reason == "namerd is away")
    );
    let (picked, ()) = tokio::join!(drawn(&route), async { says.set(bound("/web/x")) });
    assert_eq!(picked, "/web + /x");
}

#[tokio::test]
async fn a_change_holds_for_the_next_request() {
    let world = World::new();
    let (mut says, binding) = live::channel();
    says.set(bound("/old"));
    let route = world.route("/svc/a", binding);
    assert_eq!(drawn(&route).await, "/old");
    says.set(bound("/new"));
    settle().await;
    assert_eq!(drawn(&route).await, "/new");
    says.set(bound("~"));
    settle().await;
    assert_eq!(drawn(&route).await, "Unable to route request!");
}

#[tokio::test]
async fn trouble_after_a_binding_changes_nothing_but_its_age() {
    let world = World::new();
    let (mut says, binding) = live::channel();
    says.set(bound("/web"));
    let route = world.route("/svc/a", binding);
    assert_eq!(drawn(&route).await, "/web");
    for trouble in [
        Evaluated::Pending,
        Evaluated::Failed("a namer is away".into()),
    ] {
        says.set(outcome(trouble));
        settle().await;
        assert_eq!(drawn(&route).await, "/web");
    }
    assert!(route.state().failure().is_some());
    says.set(bound("/web"));
    settle().await;
    assert!(route.state().failure().is_none());
}

#[tokio::test(start_paused = true)]
async fn trouble_of_another_kind_is_as_old_as_the_first() {
    let world = World::new();
    let (mut says, binding) = live::channel();
    says.set(bound("/web"));
    let route = world.route("/svc/a", binding);
    assert_eq!(drawn(&route).await, "/web");
    let began = Instant::now();
    for reason in ["refused", "timed out"] {
        says.fail(reason);
        settle().await;
        tokio::time::advance(Duration::from_secs(5)).await;
    }
    let state = route.state();
    assert_eq!(state.failure().map(|failure| failure.since), Some(began));
}

#[tokio::test]
async fn a_name_that_was_never_bound_tells_why_until_it_is() {
    let world = World::new();
    let (mut says, binding) = live::channel();
    says.set(outcome(Evaluated::Failed("too deep".into())));
    let route = world.route("/svc/a", binding);
    assert_eq!(drawn(&route).await, "too deep");
    says.set(bound("/web"));
    settle().await;
    assert_eq!(drawn(&route).await, "/web");
}

#[tokio::test]
async fn names_with_the_same_bound_id_share_its_client() {
    let world = World::new();
    let (one, two) = (
        world.route("/svc/a", Live::constant(bound("/web/a"))),
        world.route("/svc/b", Live::constant(bound("/web/b"))),
    );
    assert_eq!(
        (drawn(&one).await, drawn(&two).await),
        ("/web + /a".into(), "/web + /b".into())
    );
    assert_eq!(world.clients.all().len(), 1);
}

#[tokio::test]
async fn names_that_lead_the_same_way_share_what_they_draw_from() {
    let world = World::new();
    let state = async |name: &str, tree: &str| {
        let route = world.route(name, Live::constant(bound(tree)));
        drawn(&route).await;
        (route.state(), route)
    };
    let one = state("/svc/a", "1 * /web & 3 * /next").await;
    let two = state("/svc/b", "1 * /web & 3 * /next").await;
    let other = state("/svc/c", "1 * /web & 2 * /next").await;
    assert!(Arc::ptr_eq(&one.0, &two.0) && !Arc::ptr_eq(&one.0, &other.0));
    // What is left of a name is its own.
    let rest = state("/svc/a", "/web/a").await;
    assert!(!Arc::ptr_eq(&rest.0, &state("/svc/b", "/web/a").await.0));
}

#[tokio::test(start_paused = true)]
async fn clients_that_no_route_uses_expire() {
    let world = World::new();
    let route = world.route("/svc/a", Live::constant(bound("/web")));
    assert_eq!(drawn(&route).await, "/web");
    tokio::time::advance(Duration::from_secs(600)).await;
    world.clients.sweep(Instant::now());
    assert_eq!(world.clients.all().len(), 1, "a route leads to it");
    drop(route);
    settle().await;
    tokio::time::advance(Duration::from_secs(59)).await;
    world.clients.sweep(Instant::now());
    assert_eq!(world.clients.all().len(), 1, "it may be needed again");
    tokio::time::advance(Duration::from_secs(1)).await;
    world.clients.sweep(Instant::now());
    assert_eq!(world.clients.all().len(), 0);
    settle().await;
    let readings = world.metrics.readings();
    assert!(
        !readings
            .iter()
            .any(|reading| reading.name().starts_with("rt/http/client/"))
    );
}

fn key(text: &str) -> Key<'_> {
    Key {
        identifier: 0,
        text: text.as_bytes().into(),
    }
}

#[tokio::test]
async fn a_full_table_lets_go_what_was_idle_for_longest() {
    let world = World::new();
    let routes = Routes::new(100, Arc::clone(&world.stats));
    let mut names: Vec<String> = (0..100).map(|name| format!("n{name}")).collect();
    for (tick, name) in names.iter().enumerate() {
        let route = routes.get_or_add(&key(name), || {
            world.route(&format!("/svc/{name}"), Live::constant(bound("/web")))
        });
        route.touch(tick as u32);
    }
    routes.get(&key("n0")).expect("known").touch(100);
    names.push("new".into());
    let new = routes.get_or_add(&key("new"), || {
        world.route("/svc/new", Live::constant(bound("/web")))
    });
    new.touch(101);
    let gone: Vec<&String> = names
        .iter()
        .filter(|name| routes.get(&key(name)).is_none())
        .collect();
    assert_eq!(gone, ["n1", "n2", "n3", "n4"], "one of 32 goes at once");
    routes.expire(100);
    assert_eq!(routes.all().len(), 2);
    assert!(routes.get(&key("n0")).is_some() && routes.get(&key("new")).is_some());
}

#[tokio::test]
async fn a_known_name_is_not_made_again() {
    let world = World::new();
    let routes = Routes::new(100, Arc::clone(&world.stats));
    let first = routes.get_or_add(&key("a"), || {
        world.route("/svc/a", Live::constant(bound("/web")))
    });
    let again = routes.get_or_add(&key("a"), || panic!("it is there"));
    assert!(Arc::ptr_eq(&first, &again));
}

#[tokio::test(start_paused = true)]
async fn a_branch_that_is_added_gets_its_share_little_by_little() {
    let world = World::with_client("{loadBalancer: {kind: p2c, slowStartMs: 10000}}");
    let (mut says, binding) = live::channel();
    let route = world.route("/svc/web", binding);
    says.set(bound("1 * /a & 1 * /b"));
    let share = async |name: &str| {
        let mut random = fastrand::Rng::with_seed(7);
        let mut count = 0;
        for _ in 0..1000 {
            let wait = Duration::from_secs(1);
            let picked = route.pick(Instant::now(), wait, &mut || random.f64()).await;
            count += usize::from(picked.expect("bound").client.id.to_string() == name);
        }
        count
    };
    // What is there from the beginning is not new.
    assert!((450..550).contains(&share("/b").await));
    says.set(bound("1 * /a & 1 * /c"));
    sleep(Duration::from_millis(1)).await;
    assert!(share("/c").await < 20);
    sleep(Duration::from_secs(5)).await;
    // Half of its half, of three quarters.
    assert!((283..383).contains(&share("/c").await));
    sleep(Duration::from_secs(5)).await;
    assert!((450..550).contains(&share("/c").await));
}
