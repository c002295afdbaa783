//! Claims about the store in etcd, against a real etcd. What happens when etcd goes away is in `outages`.
#![expect(
    clippy::large_futures,
    reason = "those of the client are, and here nothing keeps many of them"
)]

mod outages;
mod server;

use std::collections::BTreeMap;
use std::time::Duration;

use etcd_client::GetOptions;

use self::server::{Proxy, Server, store, until};
use super::session::{Lost, Session, check};
use super::*;
use crate::store::tests::{by, dtab, history, keeps_the_promises, name, text};
use crate::store::{Action, Head};

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
async fn what_others_do_to_a_head_becomes_one_revision_by_unknown() {
    let server = Server::shared();
    let mut raw = server.client().await;
    raw.put("/external/before", "/a => /before;", None)
        .await
        .unwrap();
    let stores = [
        store(&server, "/external").await,
        store(&server, "/external").await,
        store(&server, "/external").await,
    ];
    let all_at = async |namespace: &str, expected: u64| {
        for store in &stores {
            until("all are told", async || {
                revision(store, namespace) == expected
            })
            .await;
        }
    };
    all_at("before", 1).await;

    stores[0]
        .create(&name("web"), dtab("/a => /1;"), by("ann"))
        .await
        .unwrap();
    raw.put("/external/web", "/a => /2; # by hand", None)
        .await
        .unwrap();
    all_at("web", 2).await;
    raw.delete("/external/web", None).await.unwrap();
    all_at("web", 3).await;
    raw.put("/external/web", "/a => /4;", None).await.unwrap();
    all_at("web", 4).await;
    assert_eq!(
        stores[1]
            .update(&name("web"), 4, dtab("/a => /5;"), by("bob"))
            .await,
        Ok(5)
    );
    // Everything at once, as `etcdctl del --prefix` does it: the numbers still go on.
    raw.delete(
        "/external",
        Some(etcd_client::DeleteOptions::new().with_prefix()),
    )
    .await
    .unwrap();
    all_at("web", 6).await;
    all_at("before", 2).await;

    assert_eq!(
        stores[2]
            .create(&name("web"), dtab("/a => /7;"), by("bob"))
            .await,
        Ok(7)
    );
    all_at("web", 7).await;
    let log: Vec<(u64, String, Action)> = history(&stores[1], "web")
        .await
        .into_iter()
        .map(|r| (r.revision, r.author, r.action))
        .collect();
    assert_eq!(
        log,
        [
            (7, "bob".to_owned(), Action::Create),
            (6, "unknown".to_owned(), Action::Delete)
        ]
    );
}

#[tokio::test]
async fn an_external_put_is_recorded_once_with_its_text() {
    let server = Server::shared();
    let mut raw = server.client().await;
    let (a, b) = (store(&server, "/once").await, store(&server, "/once").await);
    for n in 1..=10 {
        raw.put("/once/web", format!("/a => /{n};"), None)
            .await
            .unwrap();
        until("it is recorded", async || {
            revision(&a, "web") == n && revision(&b, "web") == n
        })
        .await;
    }
    let history = history(&a, "web").await;
    let texts: Vec<&str> = history
        .iter()
        .rev()
        .filter_map(|r| r.text.as_deref())
        .collect();
    assert_eq!(
        texts,
        (1..=10).map(|n| format!("/a => /{n};")).collect::<Vec<_>>()
    );
    assert!(
        history
            .iter()
            .all(|r| r.action == Action::External && r.author == "unknown")
    );
    let counter = raw.get("/once.revision/web", None).await.unwrap();
    assert_eq!(
        counter.kvs()[0].version(),
        10,
        "the counter was written once for each"
    );
}

#[tokio::test]
async fn a_namerd_and_somebody_else_may_write_at_once() {
    const EACH: usize = 12;
    let server = Server::shared();
    let (a, b) = (store(&server, "/race").await, store(&server, "/race").await);
    let mut raw = server.client().await;
    let external = async {
        for n in 0..EACH {
            raw.put("/race/web", format!("/a => /external/{n};"), None)
                .await
                .unwrap();
        }
    };
    let managed = async {
        for n in 0..EACH {
            a.put(
                &name("web"),
                dtab(&format!("/a => /managed/{n};")),
                by("ann"),
            )
            .await
            .unwrap();
        }
    };
    tokio::join!(external, managed);

    let kept = server.client().await.get("/race/web", None).await.unwrap();
    let kept = kept.kvs()[0].value_str().unwrap().to_owned();
    for store in [&a, &b] {
        until("the views have it", async || {
            text(store, "web").as_deref() == Some(kept.as_str())
        })
        .await;
    }
    until("the views agree", async || {
        revision(&a, "web") == revision(&b, "web")
    })
    .await;
    let history = history(&b, "web").await;
    assert_eq!(history[0].text.as_deref(), Some(kept.as_str()));
    assert!(
        history
            .windows(2)
            .all(|pair| pair[0].revision == pair[1].revision + 1),
        "no gap"
    );
    let managed: Vec<&str> = history
        .iter()
        .rev()
        .filter(|r| r.author == "ann")
        .filter_map(|r| r.text.as_deref())
        .collect();
    assert_eq!(
        managed,
        (0..EACH)
            .map(|n| format!("/a => /managed/{n};"))
            .collect::<Vec<_>>()
    );
    let externals: std::collections::BTreeSet<&str> = history
        .iter()
        .filter(|r| r.author == "unknown")
        .filter_map(|r| r.text.as_deref())
        .collect();
    assert_eq!(externals.len(), history.len() - EACH, "none twice");
}

#[tokio::test]
async fn a_head_that_is_no_dtab_leaves_the_last_good_one_also_after_a_restart() {
    let server = Server::shared();
    let mut raw = server.client().await;
    let first = store(&server, "/garbage").await;
    first
        .put(&name("web"), dtab("/a => /good;"), by("ann"))
        .await
        .unwrap();
    raw.put("/garbage/web", "/a ==> not a dtab", None)
        .await
        .unwrap();
    until("it is recorded", async || revision(&first, "web") == 2).await;
    raw.put("/garbage/web", b"\xff\xfe".to_vec(), None)
        .await
        .unwrap();
    until("it is recorded", async || revision(&first, "web") == 3).await;
    let second = store(&server, "/garbage").await;
    for store in [&first, &second] {
        assert_eq!(text(store, "web").as_deref(), Some("/a => /good;"));
        let health = store.view().health().value().unwrap();
        assert_eq!(health.state(), "ok");
        assert!(
            health
                .detail()
                .unwrap()
                .contains("namespace web is no dtab"),
            "{:?}",
            health.detail()
        );
    }
    assert_eq!(
        second
            .update(&name("web"), 3, dtab("/a => /better;"), by("bob"))
            .await,
        Ok(4)
    );
    until("the complaint is gone", async || {
        first.view().health().value().unwrap().detail().is_none()
    })
    .await;
    assert_eq!(text(&first, "web").as_deref(), Some("/a => /better;"));
}

#[tokio::test]
async fn keys_that_no_namespace_can_have_are_left_alone() {
    let server = Server::shared();
    let mut raw = server.client().await;
    for key in [
        "/illegal/a/b",
        "/illegal/..",
        "/illegal/",
        "/illegal/a b",
        "/illegal.revision/a/b",
        "/illegal0",
    ] {
        raw.put(key, "/a => /b;", None).await.unwrap();
    }
    raw.put("/illegal/web", "/a => /b;", None).await.unwrap();
    let store = store(&server, "/illegal").await;
    until("web is recorded", async || revision(&store, "web") == 1).await;
    raw.put("/illegal/c/d", "/a => /b;", None).await.unwrap();
    raw.put("/illegal/web", "/a => /c;", None).await.unwrap();
    until("events go on", async || revision(&store, "web") == 2).await;
    assert_eq!(store.view().namespaces().value().unwrap().len(), 1);
    assert_eq!(
        raw.get("/illegal/a/b", None).await.unwrap().kvs()[0].value(),
        b"/a => /b;"
    );
    assert_eq!(store.export().await.unwrap().namespaces.len(), 1);
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
    let (nobody, _, proxied) = (server::free_port(), (), server.address());
    let settings = EtcdSettings {
        endpoints: vec![format!("127.0.0.1:{nobody}"), proxied],
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
