mod linkerd;
mod namerd;
mod snapshot;

use std::time::Duration;

use dtab::NameTree;
use live::{Live, State};
use mesh::v1::{self, from_router, update};
use tokio::time::{Instant, timeout};

use self::namerd::{Namerd, SOON, Session, path};
use super::*;
use crate::interpreter::answers::Told;
use crate::{Addresses, BoundTree, Evaluated};

fn options(namerds: &[&str]) -> MeshOptions {
    MeshOptions {
        namerds: Namerds::new(namerds, None).unwrap(),
        namespace: "default".to_owned(),
        alternatives: Alternatives::FirstOnly,
        identity: RouterIdentity {
            id: "http@here".to_owned(),
            labels: [("zone".to_owned(), "a".to_owned())].into(),
            version: "9".to_owned(),
        },
        retry: Retry::default(),
        failing_max: None,
        snapshot: None,
    }
}

fn start(namerds: &[&Namerd]) -> MeshInterpreter {
    let namerds: Vec<_> = namerds
        .iter()
        .map(|namerd| namerd.address.as_str())
        .collect();
    MeshInterpreter::start(options(&namerds))
}

fn bind(interpreter: &MeshInterpreter, name: &str) -> Live<Binding> {
    interpreter.bind(&path(name), &Dtab::empty())
}

/// Waits for a state of which this holds.
async fn until<T>(live: &Live<T>, holds: impl Fn(&State<T>) -> bool) -> Arc<State<T>>
where
    T: fmt::Debug,
{
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

fn tree(state: &State<Binding>) -> Option<&Arc<BoundTree>> {
    match &state.value()?.outcome {
        Evaluated::Bound(tree, _) => Some(tree),
        _ => None,
    }
}

async fn fresh(binding: &Live<Binding>) -> Arc<BoundTree> {
    let state = until(binding, |state| {
        matches!(state, State::Ready(_)) && tree(state).is_some()
    })
    .await;
    Arc::clone(tree(&state).unwrap())
}

async fn at_revision(binding: &Live<Binding>, revision: u64) {
    until(
        binding,
        |state| matches!(state, State::Ready(binding) if binding.revision == revision),
    )
    .await;
}

fn addresses(tree: &BoundTree) -> Live<Addresses> {
    crate::wire::concrete_names(tree).remove(0).1
}

async fn reachable_at(addresses: &Live<Addresses>, at: &str) {
    until(
        addresses,
        |state| matches!(state, State::Ready(set) if shown(set) == at),
    )
    .await;
}

fn shown(addresses: &Addresses) -> String {
    let all = addresses.endpoints().iter();
    let all: Vec<_> = all.map(|endpoint| endpoint.address.to_string()).collect();
    all.join(" ")
}

/// A namerd and a router that has `/svc/web` bound to `/#/web`, at revision 7.
async fn bound() -> (Namerd, Session, MeshInterpreter, Live<Binding>) {
    let mut namerd = Namerd::start();
    let interpreter = start(&[&namerd]);
    let binding = bind(&interpreter, "/svc/web");
    let (mut session, _) = namerd.welcomed().await;
    tell_web(&mut session, 7).await;
    fresh(&binding).await;
    (namerd, session, interpreter, binding)
}

async fn tell_web(session: &mut Session, revision: u64) -> u64 {
    let id = session.subscription("/svc/web").await;
    session.addresses("/#/web", &["127.0.0.1:80"]).await;
    session.tree(id, revision, "/#/web", "d1").await;
    id
}

#[tokio::test]
async fn a_router_that_wants_alternatives_asks_for_them() {
    let mut namerd = Namerd::start();
    let interpreter = MeshInterpreter::start(MeshOptions {
        alternatives: Alternatives::All,
        ..options(&[&namerd.address])
    });
    let binding = bind(&interpreter, "/svc/web");
    let (mut session, _) = namerd.welcomed().await;
    let asked = session.subscribed().await;
    assert!(asked.alternatives);
    let both = NameTree::Alt(vec![namerd::leaf("/#/web"), namerd::leaf("/#/other")]);
    let tree = v1::Tree {
        root: Some((&both).try_into().unwrap()),
        ..v1::Tree::default()
    };
    session
        .update(asked.id, 7, update::State::Tree(tree), "d1")
        .await;
    let tree = fresh(&binding).await;
    assert_eq!(crate::wire::tree_to_wire(&tree), both);
}

#[tokio::test]
async fn a_router_says_who_it_is_and_is_told_what_it_asks() {
    let mut namerd = Namerd::start();
    let interpreter = start(&[&namerd]);
    let dtab = Dtab::parse("/svc => /host").unwrap();
    let binding = interpreter.bind(&path("/svc/web"), &dtab);
    let (mut session, hello) = namerd.welcomed().await;
    assert_eq!(hello.router_id, "http@here");
    assert_eq!(hello.labels["zone"], "a");
    assert_eq!(hello.namespaces, ["default"]);

    let asked = session.subscribed().await;
    assert_eq!(Path::try_from(&asked.root.unwrap()), Ok(path("/default")));
    assert_eq!(Path::try_from(&asked.name.unwrap()), Ok(path("/svc/web")));
    assert_eq!(Dtab::try_from(&asked.dtab.unwrap()), Ok(dtab.clone()));
    assert!(!asked.alternatives);

    session.addresses("/#/web", &["127.0.0.1:80"]).await;
    session.tree(asked.id, 7, "/#/web", "d1").await;
    let tree = fresh(&binding).await;
    assert_eq!(binding.value().unwrap().revision, 7);
    reachable_at(&addresses(&tree), "127.0.0.1:80").await;
    assert!(interpreter.bind(&path("/svc/web"), &dtab).is_same(&binding));
}

#[tokio::test]
async fn a_mark_is_receipted_when_all_before_it_is_published() {
    let (_namerd, mut session, interpreter, binding) = bound().await;
    session.mark(7).await;
    let from_router::Message::Receipt(first) = session.heard().await else {
        panic!("no receipt");
    };
    assert_eq!(
        (&*first.namespace, first.revision, first.names),
        ("default", 7, 1)
    );

    session.tree(1, 8, "/#/other", "d2").await;
    session.mark(8).await;
    let from_router::Message::Receipt(second) = session.heard().await else {
        panic!("no receipt");
    };
    assert_eq!(binding.value().unwrap().revision, 8);
    assert_ne!(first.digest, second.digest);

    // Nothing changed but the revision.
    let tree = fresh(&binding).await;
    session.mark(9).await;
    let from_router::Message::Receipt(third) = session.heard().await else {
        panic!("no receipt");
    };
    assert_eq!(second.digest, third.digest);
    assert_eq!(binding.value().unwrap().revision, 9);
    assert!(Arc::ptr_eq(&tree, &fresh(&binding).await));
    session.beat(11).await;
    let status = loop {
        let status = interpreter.status().unwrap();
        if status.newest_revision.is_some() {
            break status;
        }
        tokio::task::yield_now().await;
    };
    assert_eq!(
        (status.revision, status.newest_revision),
        (Some(9), Some(11))
    );
    assert_eq!(status.namerd.unwrap().id, "n1");
}

#[tokio::test]
async fn trouble_keeps_what_is_known() {
    let (_namerd, session, _interpreter, binding) = bound().await;
    let before = fresh(&binding).await;
    let failed = |message: &str| {
        update::State::Failed(v1::Failed {
            message: message.to_owned(),
        })
    };
    session.update(1, 0, failed("no store"), "").await;
    let state = until(&binding, |state| matches!(state, State::Stale(..))).await;
    assert!(Arc::ptr_eq(&before, tree(&state).unwrap()));
    assert_eq!(&*state.failure().unwrap().reason, "no store");

    let nonsense = update::State::Tree(v1::Tree::default());
    session.update(1, 8, nonsense, "").await;
    let state = until(&binding, |state| {
        state
            .failure()
            .is_some_and(|failure| &*failure.reason == "a tree's root is missing")
    })
    .await;
    assert!(Arc::ptr_eq(&before, tree(&state).unwrap()));

    session.tree(1, 9, "/#/web", "d1").await;
    assert!(Arc::ptr_eq(&before, &fresh(&binding).await));
    session
        .update(1, 9, update::State::Pending(v1::Pending {}), "")
        .await;
    let state = until(&binding, |state| matches!(state, State::Stale(..))).await;
    assert!(Arc::ptr_eq(&before, tree(&state).unwrap()));
}

#[tokio::test]
async fn a_name_that_cannot_be_bound_says_why() {
    let mut namerd = Namerd::start();
    let interpreter = start(&[&namerd]);
    let binding = bind(&interpreter, "/svc/loop");
    let (mut session, _) = namerd.welcomed().await;
    let id = session.subscription("/svc/loop").await;
    let message = "too deep".to_owned();
    session
        .update(id, 3, update::State::Failed(v1::Failed { message }), "")
        .await;
    let state = until(&binding, |state| state.value().is_some()).await;
    let outcome = &state.value().unwrap().outcome;
    assert!(
        matches!(outcome, Evaluated::Failed(why) if &**why == "too deep"),
        "{outcome:?}"
    );
}

#[tokio::test]
async fn the_next_namerd_takes_over_within_a_second_and_is_told_what_is_held() {
    let mut second = Namerd::start();
    let mut first = Namerd::start();
    let interpreter = start(&[&first, &second]);
    let binding = bind(&interpreter, "/svc/web");
    let (mut session, hello) = first.welcomed().await;
    assert!(hello.held.is_empty());
    tell_web(&mut session, 7).await;
    let tree = fresh(&binding).await;
    let at = addresses(&tree);
    reachable_at(&at, "127.0.0.1:80").await;

    let lost = Instant::now();
    drop((session, first));
    let (mut session, hello) = second.welcomed().await;
    assert!(
        lost.elapsed() < Duration::from_secs(1),
        "{:?}",
        lost.elapsed()
    );
    assert_eq!(hello.held.len(), 1);
    assert_eq!(&*hello.held[0].digest, b"d1");
    let id = session.subscription("/svc/web").await;
    session.addresses("/#/web", &["127.0.0.1:81"]).await;
    let unchanged = update::State::Unchanged(v1::Unchanged {});
    session.update(id, 8, unchanged, "d1").await;
    at_revision(&binding, 8).await;
    assert!(Arc::ptr_eq(&tree, &fresh(&binding).await));
    reachable_at(&at, "127.0.0.1:81").await;
}

#[tokio::test]
async fn a_mark_before_the_names_were_told_is_no_reason_for_a_receipt() {
    let (mut namerd, session, interpreter, binding) = bound().await;
    drop(session);
    let (mut session, _) = namerd.welcomed().await;
    session.mark(8).await;
    let id = session.subscription("/svc/web").await;
    session.tree(id, 8, "/#/web", "d1").await;
    at_revision(&binding, 8).await;
    bind(&interpreter, "/svc/other");
    session.subscription("/svc/other").await;
}

#[tokio::test]
async fn without_a_namerd_names_are_stale_and_say_why() {
    let (namerd, session, interpreter, binding) = bound().await;
    let address = namerd.address.clone();
    drop((session, namerd));
    let state = until(&binding, |state| matches!(state, State::Stale(..))).await;
    let why = &state.failure().unwrap().reason;
    assert!(
        why.starts_with(&format!("no namerd answers: {address}")),
        "{why}"
    );
    let new = bind(&interpreter, "/svc/new");
    assert!(matches!(&*new.now(), State::Failed(_)));
    let status = interpreter.status().unwrap();
    assert_eq!((status.namerd, status.names), (None, 2));
    assert!(status.trouble.is_some() && status.heard_ago.is_some());
}

#[tokio::test]
async fn a_stream_that_misses_three_beats_is_given_up() {
    let mut second = Namerd::start();
    let mut first = Namerd::start();
    let _interpreter = start(&[&first, &second]);
    let mut silent = first.called().await;
    silent.hello().await;
    let since = Instant::now();
    silent.welcome(100).await;
    second.welcomed().await;
    assert!(since.elapsed() >= Duration::from_millis(300));
}

#[tokio::test]
async fn what_nobody_reads_is_unsubscribed() {
    let mut namerd = Namerd::start();
    let pace = Pace {
        linger: Duration::from_millis(20),
        ..Pace::default()
    };
    let interpreter = MeshInterpreter::start_at_pace(options(&[&namerd.address]), pace);
    let (read, unread) = (bind(&interpreter, "/svc/a"), bind(&interpreter, "/svc/b"));
    let (mut session, _) = namerd.welcomed().await;
    let mut ids = [session.subscribed().await, session.subscribed().await];
    ids.sort_by_key(|subscribe| subscribe.id);
    drop(unread);
    match session.heard().await {
        from_router::Message::Unsubscribe(end) => assert_eq!(end.id, ids[1].id),
        other => panic!("{other:?}"),
    }
    session.tree(ids[0].id, 1, "/#/a", "d").await;
    fresh(&read).await;
    let again = bind(&interpreter, "/svc/b");
    let id = session.subscription("/svc/b").await;
    assert!(id > ids[1].id, "an id is used once");
    session.tree(id, 1, "/#/b", "d").await;
    fresh(&again).await;
}

#[tokio::test]
async fn a_router_that_ends_says_goodbye() {
    for is_dropped in [false, true] {
        let (_namerd, mut session, interpreter, _binding) = bound().await;
        let closed = async {
            match is_dropped {
                true => drop(interpreter),
                false => interpreter.close().await,
            }
        };
        let heard = async {
            let goodbye = session.heard().await;
            assert!(
                matches!(goodbye, from_router::Message::Goodbye(_)),
                "{goodbye:?}"
            );
            drop(session);
        };
        tokio::join!(closed, heard);
    }
}

#[tokio::test]
async fn both_sides_may_have_much_to_say_at_once() {
    const NAMES: u64 = 1000;
    let mut namerd = Namerd::start();
    let interpreter = start(&[&namerd]);
    let first = bind(&interpreter, "/svc/web");
    let (mut session, _) = namerd.welcomed().await;
    let id = session.subscription("/svc/web").await;
    let names: Vec<_> = (0..NAMES)
        .map(|n| bind(&interpreter, &format!("/svc/{n}")))
        .collect();
    // The router has thousands of subscriptions to send, and namerd reads none before all it says is taken.
    for revision in 1..=NAMES {
        session
            .tree(id, revision, &format!("/#/{revision}"), "d")
            .await;
    }
    for _ in 0..NAMES {
        session.subscribed().await;
    }
    at_revision(&first, NAMES).await;
    drop(names);
}

#[tokio::test]
async fn ten_thousand_names_fit_in_a_few_kilobytes_each() {
    const NAMES: usize = 10_000;
    // Other tests run in this process meanwhile, and take some megabytes.
    const BYTES_MAX: usize = 5_000;
    let resident = || {
        let status = std::fs::read_to_string("/proc/self/status").unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        let kilobytes = line.unwrap().trim().trim_end_matches(" kB");
        kilobytes.parse::<usize>().unwrap() * 1024
    };
    let before = resident();
    let answers = Answers::new();
    answers.begin_session();
    let dtab = Dtab::parse(&"/svc => /host ; ".repeat(50)).unwrap();
    let mut held = Vec::new();
    for (id, number) in (1..).zip(0..NAMES) {
        held.push(answers.bind(&path(&format!("/svc/{number}")), &dtab));
        let bound = format!("/#/io.l5d.fs/{number}");
        let mut answers = answers.lock();
        answers.addresses(path(&bound), namerd::addresses_of(&["127.0.0.1:80"]));
        let told = Told {
            revision: 1,
            tree: namerd::leaf(&bound),
            dead: Vec::new(),
            digest: Bytes::from_static(b"12345678"),
        };
        answers.tree(id, told);
    }
    let each = (resident() - before) / NAMES;
    assert!(each < BYTES_MAX, "{each} bytes");
    assert!(answers.lock().mark(2));
    assert_eq!(answers.lock().digest().0, NAMES as u64);
    assert_eq!(held[NAMES - 1].value().unwrap().revision, 2);
    assert_eq!(answers.lock().taken().names.len(), NAMES);
}
