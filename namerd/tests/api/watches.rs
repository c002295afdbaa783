//! `watch=true`: records come when something changes, and not otherwise.

use std::time::Duration;

use namer::{AddressSet, Addresses, Endpoint};

use crate::client::Request;
use crate::world::World;

#[tokio::test]
async fn the_list_of_namespaces_is_told_whenever_it_changes() {
    let world = World::new().await;
    let mut watch = world.watch("/api/1/dtabs?watch=true").await;
    assert_eq!(watch.head.header("content-type"), Some("application/json"));
    assert_eq!(watch.next().await.as_deref(), Some("[]\n"));
    world.put("web", "/a => /b").await;
    assert_eq!(watch.next().await.as_deref(), Some("[\"web\"]\n"));
    world.put("web", "/a => /c").await;
    world.put("api", "/a => /c").await;
    assert_eq!(
        watch.next().await.as_deref(),
        Some("[\"api\",\"web\"]\n"),
        "a changed dtab is no change of the list"
    );
}

#[tokio::test]
async fn a_dtab_is_told_when_it_appears_and_changes_and_deletion_tells_nothing() {
    let world = World::new().await;
    let request =
        Request::new("GET", "/api/1/dtabs/web?watch=T").header("Accept", "application/dtab");
    let mut watch = request.watch(world.address).await;
    assert_eq!(watch.head.header("content-type"), Some("application/dtab"));
    assert_eq!(watch.head.header("etag"), None);
    world.put("web", "/a => /b").await;
    assert_eq!(watch.next().await.as_deref(), Some("/a => /b\n"));
    world.put("web", "/a => /b").await;
    Request::new("DELETE", "/api/1/dtabs/web")
        .send(world.address)
        .await;
    world.put("web", "/a => /c").await;
    assert_eq!(watch.next().await.as_deref(), Some("/a => /c\n"));
}

#[tokio::test]
async fn bind_tells_changes_of_the_tree_and_not_of_addresses() {
    let world = World::new().await;
    world.disco.set("a", &["10.0.0.1:80"]);
    world.disco.set("b", &["10.0.0.2:80"]);
    let mut watch = world.watch("/api/1/bind/web?path=/svc/x&watch=true").await;
    assert_eq!(watch.next().await.as_deref(), Some("{\"type\":\"neg\"}\n"));
    world.put("web", "/svc/x => /#/disco/a").await;
    let a = watch.next().await.unwrap();
    assert!(a.contains("\"id\":\"/#/disco/a\""), "{a}");
    world.disco.set("a", &["10.0.0.9:80"]);
    world.put("web", "/svc/x => /#/disco/b").await;
    let b = watch.next().await.unwrap();
    assert!(b.contains("\"id\":\"/#/disco/b\""), "{b}");
    Request::new("DELETE", "/api/1/dtabs/web")
        .send(world.address)
        .await;
    assert_eq!(watch.next().await.as_deref(), Some("{\"type\":\"neg\"}\n"));
}

#[tokio::test]
async fn a_dtab_that_cannot_be_followed_keeps_the_last_tree() {
    let world = World::new().await;
    world.put("web", "/svc/x => /#/disco/a").await;
    world.disco.set("a", &["10.0.0.1:80"]);
    world.disco.set("b", &["10.0.0.2:80"]);
    let mut watch = world.watch("/api/1/bind/web?path=/svc/x&watch=true").await;
    assert!(watch.next().await.unwrap().contains("/#/disco/a"));
    world.dtab("web", "/svc/x => /svc/x").await;
    world.put("web", "/svc/x => /#/disco/b").await;
    assert!(watch.next().await.unwrap().contains("/#/disco/b"));
}

#[tokio::test]
async fn addr_and_resolve_tell_every_change_of_addresses() {
    let world = World::new().await;
    world.put("web", "/svc => /#/disco").await;
    world.disco.set("a", &["10.0.0.1:80"]);
    for target in ["addr/web?path=/%23/disco/a", "resolve/web?path=/svc/a"] {
        world.disco.set("a", &["10.0.0.1:80"]);
        let mut watch = world.watch(&format!("/api/1/{target}&watch=true")).await;
        assert!(watch.next().await.unwrap().contains("10.0.0.1"));
        world.disco.set("a", &["10.0.0.2:80"]);
        assert!(watch.next().await.unwrap().contains("10.0.0.2"));
    }
    let mut watch = world
        .watch("/api/1/resolve/web?path=/svc/a&watch=true")
        .await;
    watch.next().await.unwrap();
    world.put("web", "/svc => /#/disco; /svc/a => /svc/b").await;
    world.disco.set("b", &["10.0.0.7:80"]);
    assert!(watch.next().await.unwrap().contains("10.0.0.7"));
}

#[tokio::test]
async fn a_slow_reader_gets_the_newest_state_and_not_all_of_them() {
    let world = World::new().await;
    let large = |n: u32| {
        let mut set = AddressSet::new([Endpoint::new(format!("10.0.0.{n}:80").parse().unwrap())]);
        set.metadata
            .insert("filler".to_owned(), "x".repeat(500_000).into());
        Addresses::Bound(set)
    };
    world.disco.say("a", large(0));
    let mut watch = world.watch("/api/1/addr/x?path=/%23/disco/a&watch=1").await;
    for n in 1..=100 {
        world.disco.say("a", large(n));
        tokio::task::yield_now().await;
    }
    let mut seen = 0;
    loop {
        seen += 1;
        if watch.next().await.unwrap().contains("10.0.0.100") {
            break;
        }
    }
    assert!(seen < 50, "{seen} of 101 states");
}

#[tokio::test]
async fn a_client_that_goes_is_let_go_at_once() {
    let world = World::new().await;
    let watches = [
        world.watch("/api/1/dtabs?watch=true").await,
        world.watch("/api/1/dtabs/none?watch=true").await,
        world
            .watch("/api/1/addr/x?path=/%23/disco/silent&watch=true")
            .await,
    ];
    world.watches_become(3.0).await;
    drop(watches);
    world.watches_become(0.0).await;
}

#[tokio::test]
async fn watches_end_with_the_server_and_a_shutdown_does_not_wait_for_them() {
    let world = World::new().await;
    let mut watch = world.watch("/api/1/dtabs?watch=true").await;
    watch.next().await.unwrap();
    assert!(
        world.shutdown.finished(Duration::from_secs(10)).await,
        "nothing had to be cut"
    );
    assert_eq!(watch.next().await, None);
}
