//! A start without namerd.

use tempfile::TempDir;

use super::*;
use crate::transform::{Rewrite, Transformed, Transformer, Transformers};

fn start_with(state: &TempDir, namerds: &[&str]) -> MeshInterpreter {
    let pace = Pace {
        grace: Duration::from_millis(20),
        linger: Duration::from_millis(20),
    };
    start_at_pace(state, namerds, pace)
}

fn start_at_pace(state: &TempDir, namerds: &[&str], pace: Pace) -> MeshInterpreter {
    let folders = vec![state.path().join("state")];
    let options = MeshOptions {
        snapshot: Some(SnapshotPlace::new(folders, "http", "default")),
        ..options(namerds)
    };
    MeshInterpreter::start_at_pace(options, pace)
}

/// What a router leaves that had `/svc/web` bound to `/#/web`.
async fn left() -> TempDir {
    let state = tempfile::tempdir().unwrap();
    let mut namerd = Namerd::start();
    let interpreter = start_with(&state, &[&namerd.address]);
    let binding = bind(&interpreter, "/svc/web");
    let (mut session, _) = namerd.welcomed().await;
    tell_web(&mut session, 7).await;
    fresh(&binding).await;
    drop(session);
    interpreter.close().await;
    state
}

fn is_from_snapshot<T>(state: &State<T>) -> bool {
    let State::Stale(_, failure) = state else {
        return false;
    };
    let reason = &failure.reason;
    reason.starts_with("namerd not reachable (no namerd answers: ")
        && reason.contains("); from the snapshot of ")
        && reason.ends_with(" s ago")
}

#[tokio::test]
async fn a_router_whose_namerd_is_away_serves_what_it_served_before() {
    let state = left().await;
    let interpreter = start_with(&state, &["127.0.0.1:1"]);
    let binding = bind(&interpreter, "/svc/web");
    let known = until(&binding, is_from_snapshot).await;
    assert_eq!(known.value().unwrap().revision, 7);
    let at = addresses(tree(&known).unwrap());
    let known = until(&at, is_from_snapshot).await;
    assert_eq!(shown(known.value().unwrap()), "127.0.0.1:80");
    let new = bind(&interpreter, "/svc/new");
    assert!(matches!(&*new.now(), State::Failed(_)), "{new:?}");

    // What is not used in this run is known in the next one too.
    drop((binding, at));
    interpreter.close().await;
    let interpreter = start_with(&state, &["127.0.0.1:1"]);
    until(&bind(&interpreter, "/svc/web"), is_from_snapshot).await;
}

#[tokio::test]
async fn what_the_snapshot_knew_heals_when_namerd_answers() {
    let state = left().await;
    let mut namerd = Namerd::start();
    let interpreter = start_with(&state, &[&namerd.address]);
    let binding = bind(&interpreter, "/svc/web");
    let mut session = namerd.called().await;
    let hello = session.hello().await;
    assert!(
        hello.held.is_empty(),
        "namerd never told the digest of what is in a snapshot"
    );
    let known = until(&binding, |state| matches!(state, State::Stale(..))).await;
    let before = Arc::clone(tree(&known).unwrap());

    session.welcome(1000).await;
    session.mark(9).await;
    let id = session.subscription("/svc/web").await;
    session.addresses("/#/web", &["127.0.0.1:81"]).await;
    session.tree(id, 9, "/#/web", "d1").await;
    session.mark(9).await;
    at_revision(&binding, 9).await;
    assert!(Arc::ptr_eq(&before, &fresh(&binding).await));
    reachable_at(&addresses(&before), "127.0.0.1:81").await;
    match session.heard().await {
        from_router::Message::Receipt(receipt) => {
            assert_eq!((receipt.revision, receipt.names), (9, 1));
        }
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn transformers_change_what_namerd_says_and_the_snapshot_keeps_what_it_said() {
    let state = tempfile::tempdir().unwrap();
    let mut namerd = Namerd::start();
    let mesh = start_at_pace(&state, &[&namerd.address], Pace::default());
    let port = Transformer::Rewrite(path("/%/port"), Rewrite::Port(4141));
    let interpreter = Transformed::new(Arc::new(mesh), Transformers::new(vec![port]));
    let binding = interpreter.bind(&path("/svc/web"), &Dtab::empty());
    let (mut session, _) = namerd.welcomed().await;
    tell_web(&mut session, 7).await;
    let web = fresh(&binding).await;
    let (id, at) = crate::wire::concrete_names(&web).remove(0);
    assert_eq!(id, path("/%/port/#/web"));
    reachable_at(&at, "127.0.0.1:4141").await;
    session.addresses("/#/web", &["127.0.0.2:80"]).await;
    reachable_at(&at, "127.0.0.2:4141").await;

    session.tree(1, 8, "/#/web", "d1").await;
    at_revision(&binding, 8).await;
    drop(session);
    until(&binding, |state| matches!(state, State::Stale(..))).await;
    assert!(interpreter.status().is_some());
    interpreter.close().await;

    let interpreter = start_with(&state, &["127.0.0.1:1"]);
    let binding = bind(&interpreter, "/svc/web");
    let known = until(&binding, is_from_snapshot).await;
    let (id, at) = crate::wire::concrete_names(tree(&known).unwrap()).remove(0);
    assert_eq!(id, path("/#/web"));
    until(&at, is_from_snapshot).await;
    assert_eq!(shown(&at.value().unwrap()), "127.0.0.2:80");
}
