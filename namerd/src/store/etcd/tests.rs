//! Claims about the store in etcd, against a real etcd. What happens when etcd goes away is in `outages`,
//! what others write in `external`.
#![expect(
    clippy::large_futures,
    reason = "those of the client are, and here nothing keeps many of them"
)]

mod external;
mod outages;
mod server;

use std::collections::BTreeMap;
use std::time::Duration;

use etcd_client::GetOptions;

use self::server::{Proxy, Server, store, until};
use super::session::{Lost, Session, check};
use super::*;
use crate::store::Head;
use crate::store::tests::{by, dtab, history, keeps_the_promises, name, text};

#[tokio::test]
async fn the_store_in_etcd_keeps_the_promises() {
    let server = Server::shared();
    keeps_the_promises(&store(&server, "/promises").await).await;
}

#[tokio::test]
async fn the_head_is_where_the_reference_keeps_it() {
    let server = Server::shared();
    let store = store(&server, "/layout/").await;
    store
        .put(&name("web"), dtab("/a => /b ; # as written"), by("ann"))
        .await
        .unwrap();
    let mut raw = server.client().await;
    let all = raw
        .get("/layout", Some(GetOptions::new().with_prefix()))
        .await
        .unwrap();
    let keys: Vec<&str> = all.kvs().iter().map(|kv| kv.key_str().unwrap()).collect();
    assert_eq!(
        keys,
        [
            "/layout.history/web/00000000000000000001",
            "/layout.revision/web",
            "/layout/web"
        ]
    );
    assert_eq!(all.kvs()[2].value_str().unwrap(), "/a => /b ; # as written");
    assert!(
        all.kvs()
            .windows(2)
            .all(|pair| pair[0].mod_revision() == pair[1].mod_revision()),
        "one transaction"
    );
}

#[tokio::test]
async fn two_namerds_that_write_at_once_lose_no_update() {
    const EACH: u64 = 15;
    let server = Server::shared();
    let (a, b) = (store(&server, "/two").await, store(&server, "/two").await);
    a.create(&name("web"), dtab("/a => /start;"), by("start"))
        .await
        .unwrap();

    let write = async |store: &Etcd, author: &'static str| {
        let mut written = 0;
        while written < EACH {
            let revision = store.view().head(&name("web")).value().unwrap().revision;
            let text = format!("/a => /{author}/{written};");
            match store
                .update(&name("web"), revision, dtab(&text), by(author))
                .await
            {
                Ok(new) => {
                    assert!(new > revision);
                    written += 1;
                }
                Err(StoreError::VersionMismatch { .. } | StoreError::DoesNotExist(_)) => {}
                Err(other) => panic!("{other}"),
            }
        }
    };
    tokio::join!(write(&a, "ann"), write(&b, "bob"));

    let last = 1 + 2 * EACH;
    for store in [&a, &b] {
        until("both views are there", async || {
            revision(store, "web") == last
        })
        .await;
        let history = history(store, "web").await;
        let numbers: Vec<u64> = history.iter().rev().map(|r| r.revision).collect();
        assert_eq!(numbers, (1..=last).collect::<Vec<_>>());
        for author in ["ann", "bob"] {
            let texts: Vec<String> = history
                .iter()
                .rev()
                .filter(|r| r.author == author)
                .filter_map(|r| r.text.clone())
                .collect();
            let expected: Vec<String> =
                (0..EACH).map(|n| format!("/a => /{author}/{n};")).collect();
            assert_eq!(texts, expected);
        }
    }
    assert_eq!(text(&a, "web"), text(&b, "web"));
}

#[tokio::test]
async fn a_history_longer_than_a_transaction_is_imported_and_read_in_pages() {
    let server = Server::shared();
    let store = store(&server, "/long").await;
    store
        .put(&name("web"), dtab("/a => /old;"), by("ann"))
        .await
        .unwrap();
    let one = history(&store, "web").await.remove(0);
    let with_gap = (1..=250).filter(|n| !(100..120).contains(n));
    let long: Vec<_> = with_gap
        .map(|n| Revision {
            revision: n,
            ..one.clone()
        })
        .collect();
    let export = Export::new(BTreeMap::from([(name("web"), long.clone())]));
    for _ in 0..2 {
        store.import(export.clone(), true, by("eve")).await.unwrap();
    }
    let now = store
        .export()
        .await
        .unwrap()
        .namespaces
        .remove(&name("web"))
        .unwrap();
    assert_eq!(now[..230], long);
    assert_eq!(
        (now.len(), now[230].revision),
        (231, 251),
        "the second import raised the revision"
    );
    assert_eq!(history(&store, "web").await.len(), 231);
    assert_eq!(
        store
            .update(&name("web"), 251, dtab("/a => /new;"), by("ann"))
            .await,
        Ok(252)
    );
}

#[tokio::test]
async fn namerds_see_each_other_on_the_board_while_they_live() {
    let server = Server::shared();
    let settings = || server.settings("/board");
    let (a, b) = (Etcd::open("a", settings()), Etcd::open("b", settings()));
    a.publish_board(b"from a".to_vec());
    b.publish_board(b"from b".to_vec());
    let has = |store: &Etcd, namerd: &str, value: &[u8]| {
        store
            .board()
            .value()
            .is_some_and(|board| board.get(namerd).is_some_and(|v| v == value))
    };
    for store in [&a, &b] {
        until("both are there", async || {
            has(store, "a", b"from a") && has(store, "b", b"from b")
        })
        .await;
    }
    let mut raw = server.client().await;
    let lease = raw.get("/board.fleet/a", None).await.unwrap().kvs()[0].lease();
    raw.lease_revoke(lease).await.unwrap();
    until("it is noticed", async || !has(&b, "a", b"from a")).await;
    until("the lost lease is replaced", async || {
        has(&b, "a", b"from a")
    })
    .await;
    a.publish_board(b"news from a".to_vec());
    until("news are told", async || has(&b, "a", b"news from a")).await;
    drop(a);
    until("the dead leave", async || {
        b.board()
            .value()
            .is_some_and(|board| !board.contains_key("a"))
    })
    .await;
    assert!(has(&b, "b", b"from b"));
}

#[tokio::test]
async fn a_write_whose_answer_is_lost_is_done_once() {
    let server = Server::shared();
    let proxy = Proxy::start(server.address()).await;
    let settings = EtcdSettings {
        endpoints: vec![proxy.address()],
        request_timeout: Duration::from_secs(10),
        ..server.settings("/lost")
    };
    let cut_off = Etcd::open("namerd-1", settings);
    until("it is heard", async || {
        cut_off.view().health().value().unwrap().state() == "ok"
    })
    .await;
    let witness = store(&server, "/lost").await;
    for (n, change) in [
        Change::Create(dtab("/a => /1;")),
        Change::Update {
            expected: 1,
            stored: dtab("/a => /2;"),
        },
        Change::Put(dtab("/a => /3;")),
        Change::Delete { expected: Some(3) },
    ]
    .into_iter()
    .enumerate()
    {
        let expected = n as u64 + 1;
        proxy.swallow_answers();
        let web = name("web");
        let write = cut_off.write(&web, change, by("ann"));
        let heal = async {
            until("it is done", async || revision(&witness, "web") == expected).await;
            proxy.cut().await;
            proxy.heal();
        };
        let (answer, ()) = tokio::join!(write, heal);
        assert_eq!(answer, Ok(expected));
        assert_eq!(
            revision(&cut_off, "web"),
            expected,
            "the view has it when the write answers"
        );
        assert_eq!(history(&witness, "web").await.len() as u64, expected);
    }
}

#[tokio::test]
async fn a_watch_from_before_a_compaction_says_so() {
    let server = Server::shared();
    let store = store(&server, "/compacted").await;
    for n in 0..3 {
        store
            .put(&name("web"), dtab(&format!("/a => /{n};")), by("ann"))
            .await
            .unwrap();
    }
    let mut raw = server.client().await;
    let now = raw
        .get("/compacted/web", None)
        .await
        .unwrap()
        .header()
        .unwrap()
        .revision();
    // Others share this etcd and may have compacted further.
    let _ = raw.compact(now, None).await;
    let connection = store.shared.connection().await;
    let session = Session::new(Arc::clone(&store.shared));
    let mut lost = session.watch(&connection, 1).await.map(|watch| (watch, ()));
    if let Ok((watch, ())) = &mut lost {
        let told = check(&watch.message().await.unwrap().unwrap());
        lost = Err(told.unwrap_err());
    }
    assert!(matches!(lost, Err(Lost::Compacted)));
    assert_eq!(
        history(&store, "web").await.len(),
        3,
        "history is made of keys that compaction keeps"
    );
}

#[tokio::test]
async fn a_member_that_is_away_does_not_matter() {
    let server = Server::shared();
    let nobody = server::free_port();
    let settings = EtcdSettings {
        endpoints: vec![format!("127.0.0.1:{nobody}"), server.address()],
        ..server.settings("/members")
    };
    let store = Etcd::open("namerd-1", settings);
    until("it is heard", async || {
        store.view().health().value().unwrap().state() == "ok"
    })
    .await;
    for n in 1..=20 {
        assert_eq!(
            store.put(&name("web"), dtab("/a => /b;"), by("ann")).await,
            Ok(n)
        );
        assert_eq!(
            store
                .revision(&name("web"), n)
                .await
                .unwrap()
                .unwrap()
                .revision,
            n
        );
    }
}

/// The revision that a store's view shows.
fn revision(store: &Etcd, namespace: &str) -> u64 {
    store
        .view()
        .head(&name(namespace))
        .value()
        .map_or(0, |head: Arc<Head>| head.revision)
}
