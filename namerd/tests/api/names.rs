//! What names mean: trees, addresses, delegations.

use std::sync::Arc;

use config::{NamerConfig, TransformerConfig};
use dtab::Path;
use namer::Inet;
use namerd::namespaces::Namespaces;
use serde_json::{Value, json};

use crate::client::Request;
use crate::world::{World, rich};

fn leaf(name: &str, address: &str, weight: Option<f64>) -> Value {
    let meta = weight.map_or_else(
        || json!({}),
        |weight| json!({"namer_nametree_weight": weight}),
    );
    let (ip, port) = address.split_once(':').unwrap();
    let port: u16 = port.parse().unwrap();
    json!({"type": "leaf", "bound": {
        "addr": {"type": "bound", "addrs": [{"ip": ip, "port": port, "meta": {}}], "meta": meta},
        "id": format!("/#/disco/{name}"),
        "path": "/",
    }})
}

#[tokio::test]
async fn bind_shows_the_tree_with_weights_and_a_sample_of_its_addresses() {
    let world = World::new().await;
    world
        .dtab(
            "web",
            "/svc => /#/disco; /svc/both => 0.3*/#/disco/a & 0.7*/#/disco/b",
        )
        .await;
    world.disco.set("a", &["10.0.0.1:80"]);
    world.disco.set("b", &["10.0.0.2:81"]);
    let one = world.get("/api/1/bind/web?path=/svc/a").await;
    assert_eq!(
        one.body,
        "{\"type\":\"leaf\",\"bound\":{\"addr\":{\"type\":\"bound\",\"addrs\":[{\"ip\":\"10.0.0.1\",\"port\":80,\"meta\":{}}],\"meta\":{}},\
         \"id\":\"/#/disco/a\",\"path\":\"/\"}}\n"
    );
    let both = world.json("/api/1/bind/web?path=/svc/both").await;
    let (a, b) = (
        leaf("a", "10.0.0.1:80", Some(0.3)),
        leaf("b", "10.0.0.2:81", Some(0.7)),
    );
    let union =
        json!({"type": "union", "union": [{"weight": 0.3, "tree": a}, {"weight": 0.7, "tree": b}]});
    assert_eq!(both, union);
}

#[tokio::test]
async fn the_residual_and_the_dtab_of_the_request_count() {
    let world = World::new().await;
    world.dtab("web", "/svc => /#/disco").await;
    world.disco.set("a", &["10.0.0.1:80"]);
    let residual = world.json("/api/1/bind/web?path=/svc/a/x/y").await;
    assert_eq!(residual["bound"]["path"], json!("/x/y"));
    let query = "path=/svc/other&dtab=/svc/other=%3E/svc/a%3B";
    let overridden = world.json(&format!("/api/1/bind/web?{query}")).await;
    assert_eq!(overridden["bound"]["id"], json!("/#/disco/a"));
    let as_form = Request::new("POST", "/api/1/delegate/web?path=/svc/x");
    let as_form = as_form
        .body("application/x-www-form-urlencoded", "path=/svc/a")
        .send(world.address)
        .await;
    assert!(
        as_form
            .body
            .starts_with("{\"type\":\"delegate\",\"path\":\"/svc/a\""),
        "{}",
        as_form.body
    );
}

#[tokio::test]
async fn addr_and_resolve_show_addresses_with_all_that_is_known_of_them() {
    let world = World::new().await;
    world
        .dtab(
            "web",
            "/svc => ! | /#/disco/b; /svc/a => 0*/#/disco/b & 1*/#/disco/a",
        )
        .await;
    world.disco.say("a", rich());
    let wanted = "{\"type\":\"bound\",\"addrs\":[{\"ip\":\"10.0.0.1\",\"port\":80,\
                  \"meta\":{\"endpoint_addr_weight\":0.25,\"nodeName\":\"node-7\"}}],\
                  \"meta\":{\"authority\":\"web.example\"}}\n";
    for target in [
        "/api/1/addr/web?path=/#/disco/a",
        "/api/1/addr/none?path=/%/io.l5d.port/4140/#/disco/a",
        "/api/1/resolve/web?path=/svc/a",
    ] {
        let target = target.replace('#', "%23");
        assert_eq!(world.get(&target).await.body, wanted, "{target}");
    }
    assert_eq!(
        world.json("/api/1/resolve/web?path=/svc/other").await,
        json!({"type": "neg"})
    );
}

#[tokio::test]
async fn delegate_shows_the_rules_and_needs_no_namespace() {
    let world = World::new().await;
    world.dtab("web", "/svc => /#/disco").await;
    world.disco.set("a", &["10.0.0.1:80"]);
    let bound = leaf("a", "10.0.0.1:80", None)["bound"].clone();
    let wanted = json!({"type": "delegate", "path": "/svc/a", "delegate": {
        "type": "leaf", "path": "/#/disco/a", "dentry": {"prefix": "/svc", "dst": "/#/disco"}, "bound": bound,
    }});
    assert_eq!(world.json("/api/1/delegate/web?path=/svc/a").await, wanted);
    assert_eq!(
        world
            .json("/api/1/delegate?path=/svc/a&namespace=web")
            .await,
        wanted
    );
    assert_eq!(
        world
            .json("/api/1/delegate?path=/svc/a&dtab=/svc%3D%3E/%23/disco")
            .await,
        wanted
    );
    let alone = world.json("/api/1/delegate?path=/svc/a").await;
    assert_eq!(alone, json!({"type": "neg", "path": "/svc/a"}));
    for body in [
        json!({"namespace": "web", "dtab": "", "path": "/svc/a"}),
        json!({"dtab": "/svc => /#/disco", "path": "/svc/a"}),
    ] {
        let request =
            Request::new("POST", "/api/1/delegate").body("application/json", body.to_string());
        let response = request.send(world.address).await;
        assert_eq!(
            response.body,
            wanted.to_string(),
            "no newline ends a delegation"
        );
    }
}

#[tokio::test]
async fn what_a_namer_has_not_answered_is_503_in_time() {
    let world = World::new().await;
    let began = tokio::time::Instant::now();
    let silent = async |endpoint: &str| {
        world
            .get(&format!("/api/1/{endpoint}/web?path=/%23/disco/silent"))
            .await
    };
    let (bind, addr, resolve, delegate) = tokio::join!(
        silent("bind"),
        silent("addr"),
        silent("resolve"),
        silent("delegate")
    );
    for response in [&bind, &addr, &resolve, &delegate] {
        assert_eq!(response.head.status, 503, "{}", response.body);
        assert_eq!(response.head.header("retry-after"), Some("1"));
    }
    assert_eq!(delegate.body, "Request timed out.");
    let took = began.elapsed().as_secs_f64();
    assert!((1.9..4.0).contains(&took), "{took}");
}

#[tokio::test]
async fn the_fleet_and_the_status_count_the_routers() {
    let world = World::new().await;
    let router = world.fleet.join(namerd::fleet::Joining {
        id: "r1".to_owned(),
        labels: [("zone".to_owned(), "b".to_owned())].into(),
        version: "1.2.3".to_owned(),
        address: "127.0.0.1:9".to_owned(),
        protocol: "switchyard.mesh.v1",
    });
    let fleet = world.json("/api/1/fleet").await;
    assert_eq!(
        (
            &fleet["routers"][0]["id"],
            &fleet["routers"][0]["connected"]
        ),
        (&json!("r1"), &json!(true))
    );
    let status = world.json("/api/1/status").await;
    assert_eq!(status["routers"], json!(1));
    assert_eq!(
        status["store"],
        json!({"kind": "io.l5d.inMemory", "state": "ok", "ageMs": 0})
    );
    router.goodbye();
    assert_eq!(world.json("/api/1/status").await["routers"], json!(0));
}

#[tokio::test]
async fn names_of_a_namer_with_transformers_are_shown_as_they_are_changed() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("a"), "127.0.0.1 80").unwrap();
    let port = TransformerConfig::Port {
        prefix: Path::parse("/%/io.l5d.port/4141").unwrap(),
        port: 4141,
    };
    let fs = NamerConfig::Fs {
        prefix: Path::parse("/#/fs").unwrap(),
        root_dir: folder.path().to_owned(),
        transformers: vec![port],
    };
    let namers = namer::build::namers(&[fs], &Inet::system()).unwrap();
    let world = World::start(|api| {
        let store = Arc::clone(api.namespaces.store());
        api.namespaces = Arc::new(Namespaces::new(store, namers, false));
    })
    .await;
    world.dtab("web", "/svc => /#/fs").await;
    let (id, addrs) = (
        "/%/io.l5d.port/4141/#/fs/a",
        json!([{"ip": "127.0.0.1", "port": 4141, "meta": {}}]),
    );
    let addr = json!({"type": "bound", "addrs": addrs, "meta": {}});
    let leaf = json!({"addr": addr, "id": id, "path": "/"});
    let bind = world.json("/api/1/bind/web?path=/svc/a").await;
    assert_eq!(bind["bound"], leaf);
    let delegate = world.json("/api/1/delegate/web?path=/svc/a").await;
    assert_eq!(delegate["delegate"]["bound"], leaf);
    for asked in [id, "/#/fs/a"] {
        let target = format!("/api/1/addr/web?path={}", asked.replace('#', "%23"));
        assert_eq!(world.json(&target.replace("/%/", "/%25/")).await, addr);
    }
    assert_eq!(world.json("/api/1/bound-names").await, json!([]));
}
