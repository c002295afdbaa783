//! What is made of keys that others write: etcdctl, the reference, a typo.

use super::*;
use crate::store::Action;

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
async fn a_head_that_is_too_large_to_be_recorded_does_not_hold_up_the_others() {
    let server = Server::shared();
    let mut raw = server.client().await;
    // Each of these quotes has two bytes in a revision's JSON.
    let quotes = "\"".repeat(1 << 20);
    raw.put("/large/web", format!("/a => /b; # {quotes}"), None)
        .await
        .unwrap();
    let store = store(&server, "/large").await;
    store
        .put(&name("other"), dtab("/a => /1;"), by("ann"))
        .await
        .unwrap();
    assert_eq!(revision(&store, "web"), 0);
    let large = dtab(&format!("/a => /2; # {quotes}"));
    let refused = store.put(&name("other"), large, by("ann")).await;
    assert!(
        matches!(refused, Err(StoreError::Invalid { .. })),
        "{refused:?}"
    );
    raw.put("/large/web", "/a => /b;", None).await.unwrap();
    until("it is told", async || revision(&store, "web") == 1).await;
}
