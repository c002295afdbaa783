//! The pages of the admin server that are the router's own.

use serde_json::Value;

use crate::world::{Backend, Client, Reply, World};

fn get(world: &World, target: &str) -> Reply {
    Client::to(world.admin()).send(&format!("GET {target} HTTP/1.1\r\nHost: admin\r\n\r\n"))
}

fn json(world: &World, target: &str) -> Value {
    let reply = get(world, target);
    assert_eq!(reply.status(), 200, "{target}: {}", reply.body);
    serde_json::from_str(&reply.body).expect("JSON")
}

pub(crate) fn metrics(world: &World) -> Value {
    json(world, "/admin/metrics.json")
}

/// What is shown of the endpoints of this bound name.
pub(crate) fn state(world: &World, id: &str) -> Value {
    json(world, "/client_state.json")[id].clone()
}

#[test]
fn requests_are_counted_where_they_pass() {
    let web = Backend::named("web");
    let world = World::with_dtab(&format!("/svc/web => {}", web.path()));
    let mut client = world.client();
    for _ in 0..3 {
        client.send("GET / HTTP/1.1\r\nHost: web\r\n\r\n");
    }
    client.send("GET / HTTP/1.1\r\nHost: nobody\r\n\r\n");
    let metrics = metrics(&world);
    let server = "rt/http/server/127.0.0.1/0";
    let bound = format!("rt/http/client{}", web.path());
    for (name, value) in [
        (format!("{server}/requests"), 4),
        (format!("{server}/success"), 3),
        (format!("{server}/failures"), 1),
        (format!("{server}/status/200"), 3),
        (format!("{server}/status/5XX"), 1),
        (format!("{server}/connects"), 1),
        ("rt/http/service/svc/web/requests".into(), 3),
        ("rt/http/service/svc/web/success".into(), 3),
        ("rt/http/service/other/requests".into(), 1),
        ("rt/http/service/other/failures/unbound".into(), 1),
        (format!("{bound}/requests"), 3),
        (format!("{bound}/connects"), 1),
        (format!("{bound}/loadbalancer/adds"), 1),
        ("rt/http/bindcache/path/misses".into(), 2),
        ("rt/http/bindcache/client/misses".into(), 1),
    ] {
        assert_eq!(metrics[&name], value, "{name}");
    }
    for (name, value) in [
        (format!("{server}/connections"), 1.0),
        (format!("{server}/pending"), 0.0),
        (format!("{bound}/connections"), 1.0),
        (format!("{bound}/loadbalancer/size"), 1.0),
        ("rt/http/binding_age_seconds".into(), 0.0),
    ] {
        assert_eq!(metrics[&name], value, "{name}");
    }
}

#[test]
fn the_state_of_clients_is_shown() {
    let web = Backend::named("web");
    let world = World::with_dtab(&format!("/svc/web => {}", web.path()));
    assert_eq!(json(&world, "/client_state.json"), serde_json::json!({}));
    world.get("web");
    let state = &json(&world, "/client_state.json")[web.path()];
    let address = web.address.to_string();
    assert_eq!(state["state"], "bound");
    assert_eq!(state["addresses"], serde_json::json!([address]));
    assert_eq!(state["endpoints"][&address]["status"], "open", "{state}");
    assert_eq!(json(&world, "/bound-names.json"), serde_json::json!([]));
}

#[test]
fn a_delegation_is_shown_step_by_step() {
    let world = World::with_dtab("/svc => /none");
    let tree = json(
        &world,
        "/delegator.json?namespace=http&path=/svc/web&dtab=%2Fsvc%3D%3E%2F%24%2Finet%2F127.0.0.1%2F80",
    );
    assert_eq!(tree["type"], "delegate");
    assert_eq!(tree["delegate"]["bound"]["addr"]["addrs"][0]["port"], 80);
    assert_eq!(tree["delegate"]["bound"]["path"], "/web");
    let body = r#"{"namespace":"http","path":"/svc/web","dtab":"/svc=>/$/inet/127.0.0.1/80"}"#;
    let post = |kind: &str| {
        let request = format!(
            "POST /delegator.json HTTP/1.1\r\nHost: admin\r\nContent-Type: {kind}\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        );
        Client::to(world.admin()).send(&request)
    };
    let posted = post("application/json");
    assert_eq!(
        serde_json::from_str::<Value>(&posted.body).expect("JSON"),
        tree
    );
    assert_eq!(post("text/plain").status(), 415);
    let put = "PUT /delegator.json HTTP/1.1\r\nHost: admin\r\nContent-Length: 0\r\n\r\n";
    let refused = Client::to(world.admin()).send(put);
    assert_eq!(refused.status(), 405);
    assert!(refused.has("allow", "GET,HEAD,POST"), "{}", refused.head);
    assert_eq!(
        get(&world, "/delegator.json?namespace=other&path=/svc/web").status(),
        501
    );
    assert_eq!(
        get(&world, "/delegator.json?namespace=http&path=svc").status(),
        400
    );
    assert_eq!(
        get(&world, "/delegator.json?namespace=http&path=/svc&dtab=x").status(),
        400
    );
}

#[test]
fn what_every_process_has_is_there() {
    let world = World::with_dtab("/svc => /none");
    assert_eq!(get(&world, "/admin/ping").body, "pong");
    assert_eq!(get(&world, "/admin/ready").body, "ready");
    assert_eq!(json(&world, "/config.json")["routers"][0]["label"], "http");
    assert_eq!(get(&world, "/admin/shutdown").status(), 405);
}
