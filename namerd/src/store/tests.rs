//! What every kind of store promises, as one list of claims that each of them is held to.

use std::collections::BTreeMap;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;

use super::{
    Action, By, EXPORT_FORMAT, Export, InMemory, Namespace, Revision, Store, StoreError, Stored,
};

#[tokio::test]
async fn the_store_in_memory_keeps_the_promises() {
    keeps_the_promises(&InMemory::new("namerd-1", [])).await;
}

#[tokio::test]
async fn the_store_in_memory_starts_with_the_dtabs_of_its_configuration() {
    let store = InMemory::new("namerd-1", [(name("web"), dtab("/svc => /a;"))]);
    assert_eq!(text(&store, "web").as_deref(), Some("/svc => /a;"));
    assert_eq!(
        store.history(&name("web"), None, 9).await.unwrap()[0].author,
        "configuration"
    );
}

/// Holds a store, whose namespaces are its own, to every claim.
pub(super) async fn keeps_the_promises(store: &dyn Store) {
    for (claim, check) in CLAIMS {
        println!("{}: {claim}", store.view().health().value().unwrap().kind);
        check(store).await;
    }
}

type Claim = (&'static str, for<'a> fn(&'a dyn Store) -> BoxFuture<'a, ()>);

const CLAIMS: &[Claim] = &[
    ("a write is seen by the next read", |store| {
        a_write_is_seen_by_the_next_read(store).boxed()
    }),
    ("revisions go on after a deletion", |store| {
        revisions_go_on_after_a_deletion(store).boxed()
    }),
    (
        "writes are refused by the rules and change nothing",
        |store| writes_are_refused_by_the_rules(store).boxed(),
    ),
    ("of writers that saw the same revision one wins", |store| {
        one_writer_wins(store).boxed()
    }),
    ("unconditional writers all get in", |store| {
        unconditional_writers_all_get_in(store).boxed()
    }),
    ("history is kept as it was written", |store| {
        history_is_kept_as_it_was_written(store).boxed()
    }),
    ("readers are told of changes", |store| {
        readers_are_told_of_changes(store).boxed()
    }),
    ("an export is imported whole", |store| {
        an_export_is_imported_whole(store).boxed()
    }),
    ("imports that make no sense are refused", |store| {
        senseless_imports_are_refused(store).boxed()
    }),
    (
        "a head that is no dtab shows the one before, but none that was deleted",
        |store| a_head_that_is_no_dtab_shows_the_one_before(store).boxed(),
    ),
    ("the board shows what was put on it", |store| {
        the_board_shows_what_was_put_on_it(store).boxed()
    }),
];

async fn a_write_is_seen_by_the_next_read(store: &dyn Store) {
    let written = "# why\n/svc   => /#/io.l5d.fs ; # here\n";
    let web = name("fresh");
    assert_eq!(store.view().head(&web).value().unwrap().revision, 0);
    assert_eq!(store.create(&web, dtab(written), by("ann")).await, Ok(1));
    let head = store.view().head(&web).value().unwrap();
    let stored = head.stored.as_ref().unwrap();
    assert_eq!(
        (head.revision, &**stored.text()),
        (1, written),
        "comments and layout are kept"
    );
    assert_eq!(stored.dtab().to_string(), "/svc=>/#/io.l5d.fs");
    assert!(store.view().namespaces().value().unwrap().contains(&web));
}

async fn revisions_go_on_after_a_deletion(store: &dyn Store) {
    let web = name("deleted");
    assert_eq!(store.put(&web, dtab("/a => /b;"), by("ann")).await, Ok(1));
    assert_eq!(store.delete(&web, None, by("bob")).await, Ok(2));
    assert_eq!(text(store, "deleted"), None);
    assert!(!store.view().namespaces().value().unwrap().contains(&web));
    assert_eq!(store.view().head(&web).value().unwrap().revision, 2);
    assert_eq!(
        store.create(&web, dtab("/a => /b;"), by("ann")).await,
        Ok(3)
    );
    assert_eq!(
        store.put(&web, dtab("/a => /b;"), by("ann")).await,
        Ok(4),
        "equal content is a revision, too"
    );
    let actions: Vec<Action> = history(store, "deleted")
        .await
        .iter()
        .map(|r| r.action)
        .collect();
    assert_eq!(
        actions,
        [
            Action::Update,
            Action::Create,
            Action::Delete,
            Action::Create
        ]
    );
}

async fn writes_are_refused_by_the_rules(store: &dyn Store) {
    let (web, none) = (name("refused"), name("refused-none"));
    store.put(&web, dtab("/a => /1;"), by("ann")).await.unwrap();
    store.put(&web, dtab("/a => /2;"), by("ann")).await.unwrap();
    let mismatch = |expected| {
        Err(StoreError::VersionMismatch {
            namespace: name("refused"),
            expected,
            current: 2,
        })
    };
    let new = || dtab("/a => /new;");
    assert_eq!(
        store.create(&web, new(), by("bob")).await,
        Err(StoreError::AlreadyExists(web.clone()))
    );
    assert_eq!(store.update(&web, 1, new(), by("bob")).await, mismatch(1));
    assert_eq!(store.update(&web, 3, new(), by("bob")).await, mismatch(3));
    assert_eq!(store.delete(&web, Some(1), by("bob")).await, mismatch(1));
    assert_eq!(
        store.update(&none, 0, new(), by("bob")).await,
        Err(StoreError::DoesNotExist(none.clone()))
    );
    assert_eq!(
        store.delete(&none, None, by("bob")).await,
        Err(StoreError::DoesNotExist(none.clone()))
    );
    assert_eq!(
        store.history(&none, None, 9).await,
        Err(StoreError::DoesNotExist(none))
    );
    assert_eq!(text(store, "refused").as_deref(), Some("/a => /2;"));
    assert_eq!(history(store, "refused").await.len(), 2);
    assert_eq!(store.update(&web, 2, new(), by("bob")).await, Ok(3));
    assert_eq!(store.delete(&web, Some(3), by("bob")).await, Ok(4));
    assert_eq!(
        store.update(&web, 4, new(), by("bob")).await,
        Err(StoreError::DoesNotExist(web))
    );
}

async fn one_writer_wins(store: &dyn Store) {
    let web = name("contended");
    store.put(&web, dtab("/a => /b;"), by("ann")).await.unwrap();
    let writers = (0..8).map(|n| store.update(&web, 1, dtab(&format!("/a => /{n};")), by("bob")));
    let answers = futures_util::future::join_all(writers).await;
    assert_eq!(
        answers.iter().filter(|answer| **answer == Ok(2)).count(),
        1,
        "{answers:?}"
    );
    assert_eq!(history(store, "contended").await.len(), 2);
}

async fn unconditional_writers_all_get_in(store: &dyn Store) {
    let web = name("busy");
    let writers = (0..8).map(|n| store.put(&web, dtab(&format!("/a => /{n};")), by("bob")));
    let mut answers = futures_util::future::join_all(writers).await;
    answers.sort_by_key(|answer| answer.clone().unwrap());
    assert_eq!(answers, (1..=8).map(Ok).collect::<Vec<_>>());
    assert_eq!(history(store, "busy").await[0].text, text(store, "busy"));
}

async fn history_is_kept_as_it_was_written(store: &dyn Store) {
    let web = name("historic");
    for n in 1..=5_u64 {
        let by = By {
            author: format!("author {n}"),
            message: format!("line one\nline “{n}”"),
        };
        assert_eq!(
            store
                .put(&web, dtab(&format!("/a => /{n}; # {n}")), by)
                .await,
            Ok(n)
        );
    }
    let numbers = |page: Vec<Revision>| page.iter().map(|r| r.revision).collect::<Vec<_>>();
    let all = history(store, "historic").await;
    assert_eq!(all[0].message, "line one\nline “5”");
    assert_eq!(all[4].text.as_deref(), Some("/a => /1; # 1"));
    assert!(all.windows(2).all(|pair| pair[0].time >= pair[1].time));
    assert_eq!(numbers(store.history(&web, None, 2).await.unwrap()), [5, 4]);
    assert_eq!(
        numbers(store.history(&web, Some(4), 2).await.unwrap()),
        [3, 2]
    );
    assert_eq!(
        numbers(store.history(&web, Some(1), 2).await.unwrap()),
        [0; 0]
    );
    assert_eq!(store.revision(&web, 2).await, Ok(Some(all[3].clone())));
    assert_eq!(store.revision(&web, 6).await, Ok(None));
    assert_eq!(store.revision(&name("historic-none"), 1).await, Ok(None));
}

async fn readers_are_told_of_changes(store: &dyn Store) {
    let web = name("watched");
    let (mut head, mut namespaces) = (store.view().head(&web), store.view().namespaces());
    head.changed().await;
    namespaces.changed().await;
    store
        .create(&web, dtab("/a => /b;"), by("ann"))
        .await
        .unwrap();
    assert_eq!(head.changed().await.value().unwrap().revision, 1);
    assert!(namespaces.changed().await.value().unwrap().contains(&web));
    store.delete(&web, None, by("ann")).await.unwrap();
    assert!(head.changed().await.value().unwrap().stored.is_none());
    assert!(!namespaces.changed().await.value().unwrap().contains(&web));
}

async fn an_export_is_imported_whole(store: &dyn Store) {
    let (kept, gone) = (name("moved"), name("moved-deleted"));
    store
        .put(&kept, dtab("/a => /1; # one"), by("ann"))
        .await
        .unwrap();
    store
        .put(&kept, dtab("/a => /2; # two"), by("ann"))
        .await
        .unwrap();
    store
        .put(&gone, dtab("/a => /3;"), by("ann"))
        .await
        .unwrap();
    store.delete(&gone, None, by("ann")).await.unwrap();
    let mut export = store.export().await.unwrap();
    export
        .namespaces
        .retain(|name, _| *name == kept || *name == gone);
    let export: Export = serde_json::from_str(&serde_json::to_string(&export).unwrap()).unwrap();

    let other = InMemory::new("namerd-2", []);
    other
        .import(export.clone(), false, by("eve"))
        .await
        .unwrap();
    assert_eq!(other.export().await.unwrap(), export);
    assert_eq!(text(&other, "moved").as_deref(), Some("/a => /2; # two"));
    assert_eq!(other.view().head(&gone).value().unwrap().revision, 2);

    let refused = store.import(export.clone(), false, by("eve")).await;
    assert_eq!(
        refused,
        Err(StoreError::ImportExists(vec![kept.clone(), gone.clone()]))
    );
    store
        .put(&kept, dtab("/a => /3;"), by("ann"))
        .await
        .unwrap();
    store.import(export.clone(), true, by("eve")).await.unwrap();
    let now = history(store, "moved").await;
    assert_eq!(
        now[1..],
        [
            export.namespaces[&kept][1].clone(),
            export.namespaces[&kept][0].clone()
        ]
    );
    assert_eq!(
        (now[0].revision, &*now[0].author),
        (4, "eve"),
        "the revision grows, though the history is replaced"
    );
    assert_eq!(text(store, "moved").as_deref(), Some("/a => /2; # two"));
    assert_eq!(store.put(&kept, dtab("/a => /5;"), by("ann")).await, Ok(5));
    assert_eq!(store.view().head(&gone).value().unwrap().revision, 3);

    let fresh = Export::new(BTreeMap::from([(
        name("moved-fresh"),
        export.namespaces[&kept].clone(),
    )]));
    store.import(fresh, false, by("eve")).await.unwrap();
    assert_eq!(
        store
            .view()
            .head(&name("moved-fresh"))
            .value()
            .unwrap()
            .revision,
        2
    );
    assert_eq!(
        store
            .update(&name("moved-fresh"), 2, dtab("/a => /5;"), by("ann"))
            .await,
        Ok(3)
    );
}

async fn senseless_imports_are_refused(store: &dyn Store) {
    store
        .put(&name("sense"), dtab("/a => /1;"), by("ann"))
        .await
        .unwrap();
    let good = history(store, "sense").await.remove(0);
    let deletion_with_dtab = Revision {
        action: Action::Delete,
        ..good.clone()
    };
    for (format, history) in [
        ("switchyard-export/2", vec![good.clone()]),
        (EXPORT_FORMAT, vec![]),
        (EXPORT_FORMAT, vec![good.clone(), good.clone()]),
        (
            EXPORT_FORMAT,
            vec![Revision {
                revision: 0,
                ..good.clone()
            }],
        ),
        (EXPORT_FORMAT, vec![deletion_with_dtab]),
    ] {
        let namespaces = BTreeMap::from([(name("sense-import"), history)]);
        let refused = store
            .import(
                Export {
                    format: format.to_owned(),
                    namespaces,
                },
                true,
                by("eve"),
            )
            .await;
        assert!(
            matches!(refused, Err(StoreError::Invalid { .. })),
            "{refused:?}"
        );
    }
    assert_eq!(
        store
            .view()
            .head(&name("sense-import"))
            .value()
            .unwrap()
            .revision,
        0
    );
}

async fn a_head_that_is_no_dtab_shows_the_one_before(store: &dyn Store) {
    store
        .put(&name("typo"), dtab("/a => /1;"), by("ann"))
        .await
        .unwrap();
    let good = history(store, "typo").await.remove(0);
    let next = |revision, action, text: Option<&str>| {
        let text = text.map(str::to_owned);
        Revision {
            revision,
            action,
            text,
            ..good.clone()
        }
    };
    let typo = |revision| next(revision, Action::External, Some("/a ==> /2;"));
    let (kept, deleted) = (vec![good.clone(), typo(2)], next(2, Action::Delete, None));
    let gone = vec![good.clone(), deleted, typo(3)];
    let namespaces = BTreeMap::from([(name("typo-kept"), kept), (name("typo-gone"), gone)]);
    store
        .import(Export::new(namespaces), false, by("eve"))
        .await
        .unwrap();
    assert_eq!(text(store, "typo-kept").as_deref(), Some("/a => /1;"));
    assert_eq!(
        store
            .view()
            .head(&name("typo-kept"))
            .value()
            .unwrap()
            .revision,
        2
    );
    assert_eq!(text(store, "typo-gone"), None);
    let health = store.view().health().value().unwrap();
    assert!(
        ["typo-kept", "typo-gone"]
            .iter()
            .all(|name| health.unparsable.contains_key(*name))
    );
    assert_eq!(
        store
            .update(&name("typo-gone"), 3, dtab("/a => /4;"), by("ann"))
            .await,
        Ok(4)
    );
    assert!(
        !store
            .view()
            .health()
            .value()
            .unwrap()
            .unparsable
            .contains_key("typo-gone")
    );
}

async fn the_board_shows_what_was_put_on_it(store: &dyn Store) {
    let mut board = store.board();
    for value in [b"one".to_vec(), b"two".to_vec()] {
        store.publish_board(value.clone());
        while board
            .changed()
            .await
            .value()
            .is_none_or(|all| all.get("namerd-1") != Some(&value))
        {}
    }
}

pub(super) fn name(name: &str) -> Namespace {
    name.parse().unwrap()
}

pub(super) fn dtab(text: &str) -> Stored {
    Stored::parse(text).unwrap()
}

pub(super) fn by(author: &str) -> By {
    By {
        author: author.to_owned(),
        message: String::new(),
    }
}

/// The text that a namespace has now, by the view.
pub(super) fn text(store: &dyn Store, namespace: &str) -> Option<String> {
    let head = store.view().head(&name(namespace)).value()?;
    head.stored
        .as_ref()
        .map(|stored| stored.text().as_ref().to_owned())
}

/// The whole history of a namespace, newest first.
pub(super) async fn history(store: &dyn Store, namespace: &str) -> Vec<Revision> {
    store
        .history(&name(namespace), None, usize::MAX)
        .await
        .unwrap()
}
