//! Transformers behind a namer whose addresses a test sets, with the namers and interpreters that they are for.

use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use dtab::{Alternatives, Answer, Name};
use live::{Publisher, State};
use tokio::time::timeout;

use super::rewrites::{at_port, only_on};
use super::*;
use crate::{
    AddressSet, Binder, Binding, DelegateFailure, Endpoint, Evaluated, Inet, Interpreter, Namer,
    Table,
};

const SOON: Duration = Duration::from_secs(5);

/// Binds the first segment of each path; the rest is residual.
#[derive(Debug)]
struct Scripted(HashMap<&'static str, Live<Addresses>>);

impl Namer for Scripted {
    fn lookup(&self, name: &Path, _: &mut Reads) -> Answer<Bound> {
        let known = name.segments().first();
        let known = known.and_then(|first| self.0.get(&*first.to_str_lossy()));
        let Some(addresses) = known else {
            return Answer::Tree(NameTree::Neg);
        };
        let id = path("/#/t").join(&name.take(1));
        let bound = Bound::new(id, name.skip(1), addresses.clone());
        Answer::Tree(NameTree::Leaf(Name::Bound(bound)))
    }

    fn names(&self) -> Option<Live<Vec<Path>>> {
        Some(Live::constant(vec![path("/#/t/a")]))
    }
}

struct World {
    namers: Namers,
    namer: Arc<dyn Namer>,
    at: HashMap<&'static str, Publisher<Addresses>>,
}

impl World {
    fn new() -> Self {
        let (mut at, mut known) = (HashMap::new(), HashMap::new());
        for name in ["a", "b"] {
            let (publisher, live) = live::channel();
            at.insert(name, publisher);
            known.insert(name, live);
        }
        let namer: Arc<dyn Namer> = Arc::new(Scripted(known));
        let configured = vec![(path("/#/t"), Arc::clone(&namer))];
        Self {
            namers: Namers::new(configured, Inet::with_servers(Vec::new())),
            namer,
            at,
        }
    }

    fn set(&mut self, name: &str, addresses: &[&str]) {
        self.publisher(name).set(set(addresses));
    }

    fn publisher(&mut self, name: &str) -> &mut Publisher<Addresses> {
        self.at.get_mut(name).expect("a name of the world")
    }

    fn target(&self, name: &str) -> Target {
        Target {
            prefix: path("/%/other"),
            path: path(name),
            namers: self.namers.clone(),
        }
    }

    fn interpreter(&self, transformers: Vec<Transformer>, empty_is_neg: bool) -> Transformed {
        let table = Table {
            revision: 1,
            dtab: Dtab::empty(),
        };
        let transformers = Transformers::new(transformers);
        let binder = Binder::new(Live::constant(table), self.namers.clone(), empty_is_neg);
        Transformed::new(Arc::new(binder.below(transformers.clone())), transformers)
    }
}

fn path(text: &str) -> Path {
    Path::parse(text).expect("a path")
}

fn set(addresses: &[&str]) -> Addresses {
    Addresses::of(addresses.iter().map(|address| Endpoint::new(at(address))))
}

fn at(address: &str) -> SocketAddr {
    address.parse().expect("an address")
}

fn port(port: u16) -> Transformer {
    Transformer::Rewrite(path(&format!("/%/port/{port}")), Rewrite::Port(port))
}

fn here() -> Transformer {
    Transformer::Rewrite(path("/%/here"), Rewrite::Here(ips(&["10.0.0.1"]).into()))
}

fn ips(all: &[&str]) -> Vec<IpAddr> {
    all.iter().map(|ip| ip.parse().expect("an IP")).collect()
}

fn bind(interpreter: &dyn Interpreter, dtab: &str) -> Live<Binding> {
    interpreter.bind(&path("/svc/x"), &Dtab::parse(dtab).expect("a dtab"))
}

fn shown(addresses: &Addresses) -> String {
    match addresses {
        Addresses::Neg => "neg".to_owned(),
        Addresses::Bound(set) => {
            let all = set.endpoints.iter().map(|each| each.address.to_string());
            all.collect::<Vec<_>>().join(" ")
        }
    }
}

fn tree_shown(tree: &BoundTree) -> String {
    match tree {
        NameTree::Leaf(leaf) => leaf.bound.id.to_string(),
        NameTree::Union(branches) => {
            let each = branches.iter();
            let each = each.map(|branch| format!("{}*{}", branch.weight, tree_shown(&branch.tree)));
            each.collect::<Vec<_>>().join(" & ")
        }
        NameTree::Alt(trees) => {
            let each = trees.iter().map(tree_shown);
            each.collect::<Vec<_>>().join(" | ")
        }
        end => format!("{end:?}"),
    }
}

fn outcome_shown(outcome: &Evaluated) -> String {
    match outcome {
        Evaluated::Bound(tree, _) => tree_shown(tree),
        other => format!("{other:?}"),
    }
}

/// Waits for a state that shows like this.
async fn until_state<T: Send + Sync + 'static>(
    live: &Live<T>,
    show: impl Fn(&State<T>) -> String,
    expected: &str,
) -> Arc<State<T>> {
    let mut reader = live.clone();
    let mut last = String::new();
    let wait = async {
        loop {
            let state = reader.changed().await;
            last = show(&state);
            if last == expected {
                return state;
            }
        }
    };
    let found = timeout(SOON, wait).await;
    found.unwrap_or_else(|_| panic!("{last} instead of {expected}"))
}

/// Waits for a value that shows like this.
async fn until<T: Send + Sync + 'static>(
    live: &Live<T>,
    show: impl Fn(&T) -> String,
    expected: &str,
) -> Arc<State<T>> {
    let of_state = |state: &State<T>| state.value().map(|value| show(value)).unwrap_or_default();
    until_state(live, of_state, expected).await
}

async fn bound(live: &Live<Binding>, expected: &str) -> Vec<Bound> {
    let state = until(live, |binding| outcome_shown(&binding.outcome), expected).await;
    match state.value().map(|binding| &binding.outcome) {
        Some(Evaluated::Bound(tree, _)) => {
            let leaves = tree.leaves().into_iter();
            leaves.map(|leaf| leaf.bound.clone()).collect()
        }
        _ => Vec::new(),
    }
}

async fn reachable(bound: &Bound, expected: &str) -> Arc<State<Addresses>> {
    until(&bound.addresses, shown, expected).await
}

#[test]
fn a_filter_keeps_the_endpoints_of_its_hosts() {
    #[track_caller]
    fn check(addresses: &[&str], hosts: &[&str], expected: &str) {
        let kept = only_on(set(addresses), &ips(hosts));
        assert_eq!(shown(&kept), expected);
    }
    let both = ["10.0.0.1:80", "10.0.0.1:81", "10.0.0.2:80"];
    check(&both, &["10.0.0.1"], "10.0.0.1:80 10.0.0.1:81");
    check(&both, &["10.0.0.2", "10.0.0.3"], "10.0.0.2:80");
    check(&both, &["10.0.0.3"], "neg");
    check(&both, &[], "neg");
    check(&[], &["10.0.0.1"], "neg");
    check(&["[2001:db8::1]:80"], &["2001:db8::1"], "[2001:db8::1]:80");
    check(
        &["[::ffff:10.0.0.1]:80"],
        &["10.0.0.1"],
        "[::ffff:10.0.0.1]:80",
    );
    assert_eq!(only_on(Addresses::Neg, &ips(&["10.0.0.1"])), Addresses::Neg);
}

#[test]
fn a_port_takes_the_place_of_all_others() {
    let moved = |addresses: &[&str]| shown(&at_port(set(addresses), 4141));
    assert_eq!(
        moved(&["10.0.0.1:80", "10.0.0.2:81", "[::1]:80"]),
        "10.0.0.1:4141 10.0.0.2:4141 [::1]:4141"
    );
    assert_eq!(moved(&["10.0.0.1:80", "10.0.0.1:81"]), "10.0.0.1:4141");
    assert_eq!(moved(&[]), "");
    assert_eq!(at_port(Addresses::Neg, 4141), Addresses::Neg);
}

#[test]
fn what_is_said_of_addresses_stays() {
    let endpoint = Endpoint {
        node_name: Some("node-7".to_owned()),
        ..Endpoint::new(at("10.0.0.1:80")).with_weight(0.25)
    };
    let set = AddressSet {
        authority: Some("web.example".to_owned()),
        ..AddressSet::new([endpoint.clone()])
    };
    let before = Addresses::Bound(set.clone());
    assert_eq!(only_on(before.clone(), &ips(&["10.0.0.1"])), before);
    let moved = Endpoint {
        address: at("10.0.0.1:81"),
        ..endpoint
    };
    let expected = AddressSet {
        endpoints: vec![moved],
        ..set
    };
    assert_eq!(at_port(before, 81), Addresses::Bound(expected));
}

#[tokio::test]
async fn stacked_transformers_follow_the_addresses_live() {
    let mut world = World::new();
    world.set("a", &["10.0.0.1:80", "10.0.0.2:80"]);
    let interpreter = world.interpreter(vec![here(), port(4141)], false);
    let binding = bind(&interpreter, "/svc => /#/t/a");
    let names = bound(&binding, "/%/port/4141/%/here/#/t/a").await;
    let [web] = &names[..] else {
        panic!("{names:?}")
    };
    assert_eq!(web.residual, path("/x"));
    reachable(web, "10.0.0.1:4141").await;

    world.set("a", &["10.0.0.2:80"]);
    reachable(web, "neg").await;
    world.set("a", &["10.0.0.1:79", "10.0.0.1:80"]);
    reachable(web, "10.0.0.1:4141").await;
    let before = binding.value().expect("a binding");
    world.publisher("a").fail("away");
    let stale = |state: &State<Addresses>| match state {
        State::Stale(set, failure) => format!("{}, {}", shown(set), failure.reason),
        state => state.value().map(|set| shown(set)).unwrap_or_default(),
    };
    until_state(&web.addresses, stale, "10.0.0.1:4141, away").await;
    world.set("a", &["10.0.0.1:80"]);
    until_state(&web.addresses, stale, "10.0.0.1:4141").await;
    let after = binding.value().expect("a binding");
    assert!(Arc::ptr_eq(&before, &after), "the name itself did not move");
}

#[tokio::test]
async fn all_who_bind_a_name_share_what_is_made_of_its_addresses() {
    let mut world = World::new();
    world.set("a", &["10.0.0.1:80"]);
    let interpreter = world.interpreter(vec![port(4141)], false);
    let one = bind(&interpreter, "/svc => /#/t/a");
    let two = bind(&interpreter, "/svc => /#/t/a ; /other => /none");
    let one = bound(&one, "/%/port/4141/#/t/a").await;
    let two = bound(&two, "/%/port/4141/#/t/a").await;
    assert!(one[0].addresses.is_same(&two[0].addresses));
}

#[tokio::test]
async fn the_tree_keeps_its_shape_and_names_that_are_no_paths_stay() {
    let mut world = World::new();
    world.set("a", &["10.0.0.1:80"]);
    let interpreter = world.interpreter(vec![port(4141)], false);
    let binding = bind(
        &interpreter,
        "/svc => 1 * /#/t/a & 3 * /$/io.buoyant.http.status/503",
    );
    bound(
        &binding,
        "1*/%/port/4141/#/t/a & 3*/$/io.buoyant.http.status/503",
    )
    .await;
}

#[tokio::test]
async fn a_name_that_a_filter_leaves_nothing_of_is_empty() {
    for (empty_is_neg, expected) in [(false, "/%/here/#/t/a"), (true, "/%/here/#/t/b")] {
        let mut world = World::new();
        world.set("a", &["10.0.0.2:80"]);
        world.set("b", &["10.0.0.1:80"]);
        let interpreter = world.interpreter(vec![here()], empty_is_neg);
        let binding = bind(&interpreter, "/svc => /#/t/a | /#/t/b");
        bound(&binding, expected).await;
        world.set("a", &["10.0.0.1:80", "10.0.0.2:80"]);
        bound(&binding, "/%/here/#/t/a").await;
        world.set("a", &["10.0.0.2:80"]);
        bound(&binding, expected).await;
    }
}

#[tokio::test]
async fn alternatives_are_transformed_like_all_names() {
    let mut world = World::new();
    world.set("a", &["10.0.0.1:80"]);
    world.set("b", &["10.0.0.2:80"]);
    let transform = |transformers: Vec<Transformer>| {
        let table = Table {
            revision: 1,
            dtab: Dtab::empty(),
        };
        let binder = Binder::new(Live::constant(table), world.namers.clone(), false);
        let binder = Arc::new(binder.with(Alternatives::All));
        Transformed::new(binder, Transformers::new(transformers))
    };
    let dtab = "/svc => /#/t/a | /#/t/b";
    let rewritten = transform(vec![port(4141)]);
    let both = "/%/port/4141/#/t/a | /%/port/4141/#/t/b";
    let names = bound(&bind(&rewritten, dtab), both).await;
    reachable(&names[1], "10.0.0.2:4141").await;
    let replaced = transform(vec![Transformer::Replace(world.target("/#/t/b"))]);
    let one = "/%/other/#/t/b";
    bound(&bind(&replaced, dtab), &format!("{one} | {one}")).await;
    let constant = transform(vec![Transformer::Const(world.target("/#/t/b"))]);
    bound(&bind(&constant, dtab), one).await;
}

#[tokio::test]
async fn a_name_that_will_be_replaced_need_not_have_addresses() {
    let mut world = World::new();
    world.set("a", &[]);
    world.set("b", &["10.0.0.1:80"]);
    let replace = Transformer::Replace(world.target("/#/t/b"));
    let interpreter = world.interpreter(vec![replace], true);
    let binding = bind(&interpreter, "/svc => /#/t/a");
    bound(&binding, "/%/other/#/t/b").await;
}

#[tokio::test]
async fn replace_takes_the_place_of_names_only() {
    let mut world = World::new();
    world.set("b", &["10.0.0.1:80"]);
    let replace = Transformer::Replace(world.target("/#/t/b/y"));
    let interpreter = world.interpreter(vec![here(), replace, port(4141)], false);
    let one = "/%/port/4141/%/other/#/t/b/y";
    let binding = bind(&interpreter, "/svc => /#/t/a");
    let names = bound(&binding, one).await;
    assert_eq!(names[0].residual, path("/y"));
    reachable(&names[0], "10.0.0.1:4141").await;
    world.set("b", &["10.0.0.2:80"]);
    reachable(&names[0], "10.0.0.2:4141").await;

    let both = format!("1*{one} & 2*{one}");
    bound(
        &bind(&interpreter, "/svc => 1 * /#/t/a & 2 * /#/t/b"),
        &both,
    )
    .await;
    bound(&bind(&interpreter, "/svc => ~"), "Neg").await;
    bound(&bind(&interpreter, "/svc => !"), "Fail").await;
    bound(&bind(&interpreter, "/svc => $"), "Empty").await;
}

#[tokio::test]
async fn const_takes_the_place_of_everything() {
    let world = World::new();
    let constant = Transformer::Const(world.target("/#/t/b"));
    let interpreter = world.interpreter(vec![here(), constant, port(4141)], false);
    for dtab in [
        "/svc => ~",
        "/svc => !",
        "/svc => $",
        "/svc => /#/t/a & /#/t/b",
    ] {
        bound(&bind(&interpreter, dtab), "/%/port/4141/%/other/#/t/b").await;
    }
}

#[tokio::test]
async fn a_replacement_that_cannot_be_bound_says_so() {
    let world = World::new();
    for (target, expected) in [("/none", "Neg"), ("/#/t/none", "Neg"), ("/$/nil", "Empty")] {
        let constant = Transformer::Const(world.target(target));
        let interpreter = world.interpreter(vec![constant], false);
        bound(&bind(&interpreter, "/svc => /#/t/a"), expected).await;
    }
    let constant = Transformer::Const(world.target("/$/no.such"));
    let interpreter = world.interpreter(vec![constant], false);
    let binding = bind(&interpreter, "/svc => /#/t/a");
    let failed = |binding: &Binding| match &binding.outcome {
        Evaluated::Failed(why) => why.chars().take(22).collect(),
        other => outcome_shown(other),
    };
    until(&binding, failed, "Unknown namer: no.such").await;
}

#[test]
fn several_names_that_replace_one_stay_apart() {
    let world = World::new();
    let bound = |id: &str| Bound::new(path(id), Path::empty(), live::channel().1);
    let leaf = |id: &str| {
        NameTree::Leaf(Leaf {
            bound: bound(id),
            weight: None,
        })
    };
    let target = world.target("/#/canary");
    assert_eq!(
        tree_shown(&target.named(&leaf("/#/t/a"))),
        "/%/other/#/canary"
    );
    let union = NameTree::Union(vec![
        dtab::Weighted {
            weight: 1.0,
            tree: leaf("/#/t/a"),
        },
        dtab::Weighted {
            weight: 2.0,
            tree: leaf("/#/t/b"),
        },
    ]);
    assert_eq!(
        tree_shown(&target.named(&union)),
        "1*/%/other/#/t/a & 2*/%/other/#/t/b"
    );
}

#[tokio::test]
async fn a_host_by_name_is_looked_up_and_trouble_with_it_is_no_empty_set() {
    let on = |host: &str| {
        let rewrite = Rewrite::On {
            host: host.to_owned(),
            inet: Inet::with_servers(Vec::new()),
        };
        Transformer::Rewrite(path("/%/on"), rewrite)
    };
    let mut world = World::new();
    world.set("a", &["127.0.0.1:80", "10.0.0.1:80"]);
    let interpreter = world.interpreter(vec![on("localhost")], false);
    let names = bound(&bind(&interpreter, "/svc => /#/t/a"), "/%/on/#/t/a").await;
    reachable(&names[0], "127.0.0.1:80").await;

    let interpreter = world.interpreter(vec![on("web.example")], false);
    let names = bound(&bind(&interpreter, "/svc => /#/t/a"), "/%/on/#/t/a").await;
    let is_failed = |state: &State<Addresses>| matches!(state, State::Failed(_)).to_string();
    until_state(&names[0].addresses, is_failed, "true").await;
}

#[tokio::test]
async fn a_namers_ids_can_be_resolved_again() {
    let mut world = World::new();
    world.set("a", &["10.0.0.1:80", "10.0.0.2:80"]);
    let transformed: Arc<dyn Namer> = Arc::new(TransformedNamer {
        namer: Arc::clone(&world.namer),
        transformers: Transformers::new(vec![here(), port(4141)]),
    });
    let configured = vec![(path("/#/t"), Arc::clone(&transformed))];
    let namers = Namers::new(configured, Inet::with_servers(Vec::new()));
    let mut reads = Reads::default();
    let id = "/%/port/4141/%/here/#/t/a";
    let asked = [
        namers.lookup(&path("/#/t/a/x"), &mut reads),
        namers.resolve(&BoundId::Path(path(id)), &mut reads),
    ];
    for answer in asked {
        let Answer::Tree(NameTree::Leaf(Name::Bound(bound))) = answer else {
            panic!("{answer:?}")
        };
        assert_eq!(bound.id.to_string(), id);
        reachable(&bound, "10.0.0.1:4141").await;
    }
    assert!(transformed.names().is_none());
    let nothing = namers.lookup(&path("/#/t/none"), &mut reads);
    assert_eq!(nothing, Answer::Tree(NameTree::Neg));
}

/// Answers with what it is made of.
#[derive(Debug)]
struct Says(Answer<Bound>);

impl Namer for Says {
    fn lookup(&self, _: &Path, _: &mut Reads) -> Answer<Bound> {
        self.0.clone()
    }
}

#[tokio::test]
async fn a_namers_answer_is_changed_if_all_of_it_is_bound() {
    let world = World::new();
    let lookup = |answer: Answer<Bound>, transformer: Transformer| {
        let namer = TransformedNamer {
            namer: Arc::new(Says(answer)),
            transformers: Transformers::new(vec![transformer]),
        };
        namer.lookup(&path("/x"), &mut Reads::default())
    };
    let constant = || Transformer::Const(world.target("/#/t/b"));
    let bound = |id: &str| {
        let bound = Bound::new(path(id), Path::empty(), live::channel().1);
        NameTree::Leaf(Name::Bound(bound))
    };
    let unbound = NameTree::Leaf(Name::Path(path("/svc/x")));
    let mixed = Answer::Tree(NameTree::Alt(vec![bound("/#/t/a"), unbound]));
    assert_eq!(lookup(mixed.clone(), constant()), mixed);
    assert_eq!(lookup(Answer::Pending, constant()), Answer::Pending);
    let failed = Answer::Failed("away".to_owned());
    assert_eq!(lookup(failed.clone(), constant()), failed);
    assert_eq!(
        lookup(Answer::Tree(NameTree::Neg), constant()),
        Answer::Tree(bound("/%/other/#/t/b"))
    );
    let alternatives = |a: &str, b: &str| Answer::Tree(NameTree::Alt(vec![bound(a), bound(b)]));
    assert_eq!(
        lookup(alternatives("/#/t/a", "/#/t/b"), port(80)),
        alternatives("/%/port/80/#/t/a", "/%/port/80/#/t/b")
    );
}

#[tokio::test]
async fn a_delegation_shows_each_step() {
    let mut world = World::new();
    world.set("a", &["10.0.0.1:80", "10.0.0.2:80"]);
    let interpreter = world.interpreter(vec![here(), port(4141)], false);
    let dtab = Dtab::parse("/svc => /#/t/a").expect("a dtab");
    let tree = interpreter.delegate(&path("/svc/x"), &dtab).await;
    let tree = tree.expect("a delegation");
    let json = tree.to_json(&mut |bound, _| {
        let addresses = bound.addresses.value().map(|addresses| shown(&addresses));
        serde_json::json!({ "id": bound.id.to_string(), "addr": addresses })
    });
    insta::assert_snapshot!(serde_json::to_string_pretty(&json).expect("JSON"), @r#"
    {
      "type": "delegate",
      "path": "/svc/x",
      "delegate": {
        "type": "transformation",
        "path": "/#/t/a/x",
        "name": "SubnetLocalTransformer",
        "bound": {
          "id": "/#/t/a",
          "addr": "10.0.0.1:80 10.0.0.2:80"
        },
        "tree": {
          "type": "transformation",
          "path": "/%/here/#/t/a",
          "name": "DelegatingNameTreeTransformer$",
          "bound": {
            "id": "/%/here/#/t/a",
            "addr": "10.0.0.1:80"
          },
          "tree": {
            "type": "leaf",
            "path": "/%/port/4141/%/here/#/t/a",
            "dentry": {
              "prefix": "/svc",
              "dst": "/#/t/a"
            },
            "bound": {
              "id": "/%/port/4141/%/here/#/t/a",
              "addr": "10.0.0.1:4141"
            }
          }
        }
      }
    }
    "#);
}

#[tokio::test]
async fn names_that_are_replaced_have_no_delegation() {
    let world = World::new();
    let targets = [
        Transformer::Replace(world.target("/#/t/b")),
        Transformer::Const(world.target("/#/t/b")),
    ];
    for transformer in targets {
        let interpreter = world.interpreter(vec![port(80), transformer], false);
        let failure = interpreter.delegate(&path("/#/t/a"), &Dtab::empty()).await;
        assert_eq!(failure.err(), Some(DelegateFailure::Hidden));
    }
}
