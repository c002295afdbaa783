//! Where requests go: rules, unions, alternatives, overrides, and changes while requests run.

use tokio::time::Instant;

use crate::world::{Backend, PATIENCE, World, inet, nobody, wait_until};

#[test]
fn a_name_leads_to_its_endpoint() {
    let web = Backend::named("web");
    let world = World::with_dtab(&format!("/svc/web => {}", web.path()));
    let reply = world.get("web");
    assert_eq!((reply.status(), &*reply.body), (200, "web"));
    let seen = web.last();
    assert!(seen.has("l5d-dst-service", "/svc/web"));
    assert!(seen.has("l5d-dst-client", &web.path()));
    assert_eq!(seen.header("l5d-dst-residual"), None);
}

#[test]
fn what_the_binding_leaves_over_is_the_residual() {
    let web = Backend::named("web");
    let world = World::with_dtab(&format!("/svc => {}", web.path()));
    assert_eq!(world.get("x").status(), 200);
    assert!(web.last().has("l5d-dst-residual", "/x"));
}

#[test]
fn a_union_splits_by_weight() {
    let (one, two) = (Backend::named("one"), Backend::named("two"));
    let world = World::with_dtab(&format!(
        "/svc/web => 1 * {} & 2 * {}",
        one.path(),
        two.path()
    ));
    let mut client = world.client();
    let mut ones = 0;
    for _ in 0..900 {
        let reply = client.send("GET / HTTP/1.1\r\nHost: web\r\n\r\n");
        assert_eq!(reply.status(), 200);
        ones += usize::from(reply.body == "one");
    }
    // Of 900 draws at one third, 300 ± 14 go here; five deviations are 70.
    assert!(ones.abs_diff(300) < 70, "{ones} of 900");
}

#[test]
fn alternatives_are_taken_in_order_and_only_neg_falls_through() {
    let web = Backend::named("web");
    let world = World::with_dtab(&format!(
        "/svc/first => ~ | {web} | /none ; /svc/unbound => /none | {web} ; /svc/fail => ! | {web} ; /svc/empty => $ | {web} ; /svc/neg => ~",
        web = web.path()
    ));
    for (name, status) in [
        ("first", 200),
        ("unbound", 200),
        ("fail", 502),
        ("empty", 502),
        ("neg", 502),
        ("unknown", 502),
    ] {
        let reply = world.get(name);
        assert_eq!(reply.status(), status, "{name}: {}", reply.body);
        assert_eq!(
            status == 502,
            reply.body.starts_with("Unable to route request!"),
            "{name}"
        );
    }
}

#[test]
fn an_empty_branch_keeps_its_share_and_a_dead_one_gives_it_away() {
    let web = Backend::named("web");
    let world = World::with_dtab(&format!(
        "/svc/half => 1 * {web} & 1 * $ ; /svc/all => 1 * {web} & 1 * ~",
        web = web.path()
    ));
    let mut client = world.client();
    let mut statuses = |host: &str| {
        let request = format!("GET / HTTP/1.1\r\nHost: {host}\r\n\r\n");
        (0..200)
            .filter(|_| client.send(&request).status() == 200)
            .count()
    };
    assert!(statuses("half").abs_diff(100) < 40);
    assert_eq!(statuses("all"), 200);
}

#[test]
fn rules_of_a_request_hold_for_it_alone() {
    let (web, own) = (Backend::named("web"), Backend::named("own"));
    let world = World::with_dtab(&format!("/svc/web => {}", web.path()));
    let mut client = world.client();
    let plain = "GET / HTTP/1.1\r\nHost: web\r\n\r\n";
    let overriding = format!(
        "GET / HTTP/1.1\r\nHost: web\r\nl5d-dtab: /svc/web => {}\r\n\r\n",
        own.path()
    );
    assert_eq!(client.send(plain).body, "web");
    assert_eq!(client.send(&overriding).body, "own");
    assert_eq!(client.send(plain).body, "web");
    let seen = own.last();
    assert!(
        seen.has("l5d-ctx-dtab", &format!("/svc/web=>{}", own.path())),
        "{}",
        seen.head
    );
    assert_eq!(seen.header("l5d-dtab"), None);
    assert_eq!(web.last().header("l5d-ctx-dtab"), None);
}

#[test]
fn an_endpoint_that_refuses_is_passed_over() {
    let (web, folder) = (
        Backend::named("web"),
        tempfile::tempdir().expect("a folder"),
    );
    let lines = format!("{}\n{}\n", line(nobody()), line(web.address));
    std::fs::write(folder.path().join("web"), lines).expect("written");
    let world = with_files(&folder);
    let mut client = world.client();
    let get = "GET / HTTP/1.1\r\nHost: web\r\n\r\n";
    let post = "POST / HTTP/1.1\r\nHost: web\r\nContent-Length: 4\r\n\r\nbody";
    for _ in 0..20 {
        assert_eq!(client.send(get).body, "web");
        assert_eq!(client.send(post).body, "web");
        assert_eq!(web.last().body, "body");
    }
}

#[test]
fn endpoints_follow_their_file() {
    let (old, new) = (Backend::named("old"), Backend::named("new"));
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("web");
    std::fs::write(&file, line(old.address)).expect("written");
    let world = with_files(&folder);
    let mut client = world.client();
    let mut get = || client.send("GET / HTTP/1.1\r\nHost: web\r\n\r\n").body;
    assert_eq!(get(), "old");
    std::fs::write(&file, line(new.address)).expect("written");
    let written = Instant::now();
    while get() == "old" {
        assert!(written.elapsed() < PATIENCE, "the file was not read again");
    }
    assert_eq!(get(), "new");
}

#[test]
fn statuses_are_names_too() {
    let world = World::with_dtab("/svc/tea => /$/io.buoyant.http.status/418");
    assert_eq!(world.get("tea").status(), 418);
}

#[test]
fn segments_of_the_target_are_a_name_and_may_be_taken_off() {
    let web = Backend::named("web");
    let world = World::with(
        &format!(
            "  dtab: \"/svc/a/b => {}\"\n  identifier: {{kind: io.l5d.path, segments: 2, consume: true}}\n",
            web.path()
        ),
        "",
    );
    let mut client = world.client();
    assert_eq!(
        client
            .send("GET /a/b/c?d=e HTTP/1.1\r\nHost: any\r\n\r\n")
            .body,
        "web"
    );
    assert_eq!(web.last().first_line(), "GET /c?d=e HTTP/1.1");
    assert_eq!(
        client.send("GET /a HTTP/1.1\r\nHost: any\r\n\r\n").status(),
        400
    );
}

#[test]
fn more_names_than_are_kept_still_work() {
    let web = Backend::named("web");
    let world = World::with(
        &format!(
            "  dtab: \"/svc => {}\"\n  bindingCache: {{paths: 10}}\n",
            web.path()
        ),
        "",
    );
    let mut client = world.client();
    for name in 0..100 {
        assert_eq!(
            client
                .send(&format!("GET / HTTP/1.1\r\nHost: name{name}\r\n\r\n"))
                .body,
            "web"
        );
    }
    let metrics = crate::admin::metrics(&world);
    assert_eq!(metrics["rt/http/bindcache/path/misses"], 100);
    let series = metrics
        .as_object()
        .expect("metrics")
        .keys()
        .filter(|name| name.starts_with("rt/http/service/") && name.ends_with("/requests"));
    assert!(series.count() <= 11);
    let total: u64 = metrics
        .as_object()
        .expect("metrics")
        .iter()
        .filter(|(name, _)| name.starts_with("rt/http/service/") && name.ends_with("/requests"))
        .filter_map(|(_, value)| value.as_u64())
        .sum();
    assert_eq!(total, 100, "what evicted names have counted stays");
}

#[test]
fn a_client_without_a_place_in_the_cache_serves_the_name_that_asked() {
    let (one, two) = (Backend::named("one"), Backend::named("two"));
    let check = |limit: usize, oneshots: u64| {
        let world = World::with(
            &format!(
                "  dtab: /svc/one => {}; /svc/two => {}\n  bindingCache: {{clients: {limit}}}\n",
                one.path(),
                two.path()
            ),
            "",
        );
        for _ in 0..3 {
            assert_eq!(world.get("one").body, "one");
            assert_eq!(world.get("two").body, "two");
        }
        let metrics = crate::admin::metrics(&world);
        assert_eq!(metrics["rt/http/bindcache/client/oneshots"], oneshots);
        assert_eq!(metrics["rt/http/bindcache/client/misses"], 2);
        assert_eq!(metrics[format!("rt/http/client{}/requests", two.path())], 3);
    };
    check(2, 0);
    check(1, 1);
}

#[test]
fn what_nobody_asks_for_is_dropped_after_its_time() {
    let (one, two) = (Backend::named("one"), Backend::named("two"));
    let world = World::with(
        &format!(
            "  dtab: /svc/one => {}; /svc/two => {}\n  bindingCache: {{idleTtlSecs: 1}}\n",
            one.path(),
            two.path()
        ),
        "",
    );
    assert_eq!(world.get("one").body, "one");
    let expired = |cache: &str| {
        crate::admin::metrics(&world)[format!("rt/http/bindcache/{cache}/expires")].clone()
    };
    wait_until("dropped", || {
        // A name that is asked for stays.
        assert_eq!(world.get("two").body, "two");
        expired("client") == 1
    });
    assert_eq!(expired("path"), 1);
    let name = format!("rt/http/client{}/requests", one.path());
    wait_until("forgotten", || {
        crate::admin::metrics(&world)[&name].is_null()
    });
    assert_eq!(world.get("one").body, "one");
}

fn with_files(folder: &tempfile::TempDir) -> World {
    World::with(
        "  dtab: \"/svc => /#/io.l5d.fs\"\n",
        &format!(
            "namers:\n- kind: io.l5d.fs\n  rootDir: {}\n",
            folder.path().display()
        ),
    )
}

fn line(address: std::net::SocketAddr) -> String {
    format!("{} {}\n", address.ip(), address.port())
}

#[test]
fn a_rule_may_name_an_address_where_nobody_listens() {
    let world = World::with_dtab(&format!("/svc/gone => {}", inet(nobody())));
    let reply = world.get("gone");
    assert_eq!(reply.status(), 502);
    assert!(
        reply
            .body
            .starts_with("Unable to establish connection to 127.0.0.1:"),
        "{}",
        reply.body
    );
    assert!(reply.has("l5d-retryable", "true"));
}
