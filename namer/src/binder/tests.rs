use std::collections::HashMap;
use std::time::Duration;

use dtab::Name;
use tokio::time::timeout;

use super::*;
use crate::{Addresses, Endpoint, Inet, Namer};

/// A namer whose entries a test sets: the first segment is the entry, the rest is residual.
#[derive(Debug)]
struct Scripted {
    prefix: Path,
    entries: HashMap<String, Live<Entry>>,
}

#[derive(Clone, Debug, PartialEq)]
enum Entry {
    Neg,
    Bound(Somewhere),
}

#[derive(Clone, Debug)]
struct Somewhere(Live<Addresses>);

impl PartialEq for Somewhere {
    fn eq(&self, other: &Self) -> bool {
        self.0.is_same(&other.0)
    }
}

impl Namer for Scripted {
    fn lookup(&self, path: &Path, reads: &mut Reads) -> Answer<Bound> {
        let Some(live) = path
            .segments()
            .first()
            .and_then(|s| self.entries.get(&s.to_string()))
        else {
            return Answer::Tree(NameTree::Neg);
        };
        match &*reads.read(live) {
            State::Pending => Answer::Pending,
            State::Failed(failure) => Answer::Failed(failure.reason.to_string()),
            State::Ready(entry) | State::Stale(entry, _) => match &**entry {
                Entry::Neg => Answer::Tree(NameTree::Neg),
                Entry::Bound(addresses) => {
                    let id = self.prefix.join(&path.take(1));
                    let bound = Bound::new(id, path.skip(1), addresses.0.clone());
                    Answer::Tree(NameTree::Leaf(Name::Bound(bound)))
                }
            },
        }
    }
}

struct World {
    table: Publisher<Table>,
    entries: HashMap<&'static str, Publisher<Entry>>,
    binder: Binder,
}

fn path(text: &str) -> Path {
    Path::parse(text).expect("a path")
}

fn table(revision: u64, dtab: &str) -> Table {
    Table {
        revision,
        dtab: Dtab::parse(dtab).expect("a dtab"),
    }
}

fn somewhere() -> Entry {
    let endpoint = Endpoint::new(([127, 0, 0, 1], 8080).into());
    Entry::Bound(Somewhere(Live::constant(Addresses::of([endpoint]))))
}

fn world(names: &[&'static str], empty_is_neg: bool) -> World {
    let (publisher, live) = live::channel();
    let mut publishers = HashMap::new();
    let mut entries = HashMap::new();
    for name in names {
        let (publisher, live) = live::channel();
        publishers.insert(*name, publisher);
        entries.insert((*name).to_owned(), live);
    }
    let prefix = path("/#/t");
    let namer = Arc::new(Scripted {
        prefix: prefix.clone(),
        entries,
    });
    let namers = Namers::new(vec![(prefix, namer as Arc<dyn Namer>)], Inet::system());
    World {
        table: publisher,
        entries: publishers,
        binder: Binder::new(live, namers, empty_is_neg),
    }
}

fn shown(binding: &Binding) -> String {
    let outcome = match &binding.outcome {
        Evaluated::Pending => "pending".to_owned(),
        Evaluated::Failed(why) => format!("failed: {why}"),
        Evaluated::Bound(tree, _) => tree_shown(tree),
    };
    format!("{}: {outcome}", binding.revision)
}

fn tree_shown(tree: &BoundTree) -> String {
    match tree {
        NameTree::Leaf(leaf) => format!("{}", leaf.bound.id),
        NameTree::Union(branches) => branches
            .iter()
            .map(|b| format!("{}*{}", b.weight, tree_shown(&b.tree)))
            .collect::<Vec<_>>()
            .join(" & "),
        NameTree::Alt(trees) => trees.iter().map(tree_shown).collect::<Vec<_>>().join(" | "),
        end => format!("{end:?}"),
    }
}

async fn next(live: &mut Live<Binding>) -> String {
    let state = timeout(Duration::from_secs(60), live.changed())
        .await
        .expect("news");
    state
        .value()
        .map_or_else(|| format!("no value: {:?}", state.failure()), |b| shown(b))
}

#[tokio::test(start_paused = true)]
async fn a_binding_follows_the_dtab_and_keeps_an_equal_tree() {
    let mut world = world(&["a", "b"], false);
    world.entries.get_mut("a").expect("a").set(somewhere());
    world.entries.get_mut("b").expect("b").set(somewhere());
    let mut live = world.binder.bind(&path("/svc"), &Dtab::empty());
    world.table.set(table(1, "/svc => /#/t/a"));
    assert_eq!(next(&mut live).await, "1: /#/t/a");
    let first = live.value().expect("a value");
    world.table.set(table(2, "/svc => /#/t/a ; /x => /y"));
    assert_eq!(next(&mut live).await, "2: /#/t/a");
    let second = live.value().expect("a value");
    let (Evaluated::Bound(a, _), Evaluated::Bound(b, _)) = (&first.outcome, &second.outcome) else {
        panic!("both bound");
    };
    assert!(Arc::ptr_eq(a, b), "an equal tree is the same allocation");
    world.table.set(table(3, "/svc => /#/t/b"));
    assert_eq!(next(&mut live).await, "3: /#/t/b");
}

#[tokio::test(start_paused = true)]
async fn the_first_binding_of_a_union_waits_half_a_second_for_a_pending_branch() {
    let mut world = world(&["stable", "canary"], false);
    world
        .table
        .set(table(1, "/svc => 99*/#/t/stable & 1*/#/t/canary"));
    world
        .entries
        .get_mut("canary")
        .expect("canary")
        .set(somewhere());
    let started = Instant::now();
    let mut live = world.binder.bind(&path("/svc"), &Dtab::empty());
    assert_eq!(next(&mut live).await, "1: pending");
    assert_eq!(next(&mut live).await, "1: /#/t/canary");
    assert!(started.elapsed() >= FIRST_UNION_WAIT);
    world
        .entries
        .get_mut("stable")
        .expect("stable")
        .set(somewhere());
    assert_eq!(next(&mut live).await, "1: 99*/#/t/stable & 1*/#/t/canary");
}

#[tokio::test(start_paused = true)]
async fn trouble_with_the_dtab_keeps_the_last_binding() {
    let mut world = world(&["a"], false);
    world.entries.get_mut("a").expect("a").set(somewhere());
    world.table.set(table(1, "/svc => /#/t/a"));
    let mut live = world.binder.bind(&path("/svc"), &Dtab::empty());
    assert_eq!(next(&mut live).await, "1: /#/t/a");
    world.table.fail("the store is away");
    tokio::time::sleep(Duration::from_secs(5)).await;
    assert_eq!(shown(&live.value().expect("a value")), "1: /#/t/a");
}

#[tokio::test(start_paused = true)]
async fn a_name_without_addresses_falls_through_only_where_asked_for() {
    for (empty_is_neg, expected) in [(false, "1: /#/t/a"), (true, "1: /#/t/b")] {
        let mut world = world(&["a", "b"], empty_is_neg);
        let empty = Entry::Bound(Somewhere(Live::constant(Addresses::of([]))));
        world.entries.get_mut("a").expect("a").set(empty);
        world.entries.get_mut("b").expect("b").set(somewhere());
        world.table.set(table(1, "/svc => /#/t/a | /#/t/b"));
        let mut live = world.binder.bind(&path("/svc"), &Dtab::empty());
        assert_eq!(next(&mut live).await, expected);
    }
}

#[tokio::test(start_paused = true)]
async fn an_override_wins_and_is_shared_by_all_who_send_the_same() {
    let mut world = world(&["a", "b"], false);
    for entry in ["a", "b"] {
        world
            .entries
            .get_mut(entry)
            .expect("entry")
            .set(somewhere());
    }
    world.table.set(table(1, "/svc => /#/t/a"));
    let local = Dtab::parse("/svc => /#/t/b").expect("a dtab");
    let mut live = world.binder.bind(&path("/svc"), &local);
    let again = world.binder.bind(&path("/svc"), &local);
    assert!(live.is_same(&again));
    assert_eq!(next(&mut live).await, "1: /#/t/b");
}

#[tokio::test(start_paused = true)]
async fn a_name_that_goes_away_leaves_the_union_and_is_told_as_dead() {
    let mut world = world(&["a", "b"], false);
    for entry in ["a", "b"] {
        world
            .entries
            .get_mut(entry)
            .expect("entry")
            .set(somewhere());
    }
    world.table.set(table(1, "/svc => 1*/#/t/a & 3*/#/t/b"));
    let mut live = world.binder.bind(&path("/svc"), &Dtab::empty());
    assert_eq!(next(&mut live).await, "1: 1*/#/t/a & 3*/#/t/b");
    world.entries.get_mut("b").expect("b").set(Entry::Neg);
    assert_eq!(next(&mut live).await, "1: /#/t/a");
    let value = live.value().expect("a value");
    let Evaluated::Bound(_, dead) = &value.outcome else {
        panic!("bound")
    };
    assert_eq!(dead.len(), 1);
    assert!((dead[0].share - 0.75).abs() < 1e-9);
}

#[tokio::test(start_paused = true)]
async fn an_alternative_joins_the_tree_when_it_is_known_and_is_shared_by_those_who_ask_for_it() {
    let mut world = world(&["a", "b"], true);
    world.entries.get_mut("a").expect("a").set(somewhere());
    world.table.set(table(1, "/svc => /#/t/a | /#/t/b"));
    let bind = |alternatives| {
        let binder = &world.binder;
        binder.bind_with(&path("/svc"), &Dtab::empty(), alternatives)
    };
    let mut all = bind(Alternatives::All);
    let mut first = bind(Alternatives::FirstOnly);
    assert_eq!(next(&mut first).await, "1: /#/t/a");
    assert_eq!(next(&mut all).await, "1: /#/t/a");
    let b = world.entries.get_mut("b").expect("b");
    b.set(somewhere());
    assert_eq!(next(&mut all).await, "1: /#/t/a | /#/t/b");
    assert_eq!(shown(&first.value().expect("a value")), "1: /#/t/a");
    // One without addresses is no alternative either.
    let (mut addresses, live) = live::channel();
    addresses.set(Addresses::of([]));
    b.set(Entry::Bound(Somewhere(live)));
    assert_eq!(next(&mut all).await, "1: /#/t/a");
    addresses.set(Addresses::of([Endpoint::new(([127, 0, 0, 1], 1).into())]));
    assert_eq!(next(&mut all).await, "1: /#/t/a | /#/t/b");
}
