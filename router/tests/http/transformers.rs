//! Transformers: where requests go, and under which names that is shown.

use serde_json::{Value, json};

use crate::world::{Backend, Client, World, inet, nobody};

fn json_of(world: &World, target: &str) -> (u16, Value) {
    let mut admin = Client::to(world.admin());
    let reply = admin.send(&format!("GET {target} HTTP/1.1\r\nHost: admin\r\n\r\n"));
    let body = serde_json::from_str(&reply.body).unwrap_or(Value::String(reply.body.clone()));
    (reply.status(), body)
}

/// A router with this dtab and these transformers of its interpreter.
fn transformed(dtab: &str, interpreter: &str) -> World {
    World::with(
        &format!("  dtab: \"{dtab}\"\n  interpreter: {{{interpreter}}}\n"),
        "",
    )
}

#[test]
fn requests_go_to_the_port_of_the_transformer_under_its_name() {
    let (web, next) = (Backend::named("web"), Backend::named("next"));
    let port = next.address.port();
    let world = transformed(
        &format!("/svc/web => {}", web.path()),
        &format!("transformers: [{{kind: io.l5d.localhost}}, {{kind: io.l5d.port, port: {port}}}]"),
    );
    assert_eq!(world.get("web").body, "next");
    let id = format!("/%/io.l5d.port/{port}/%/io.l5d.localhost{}", web.path());
    assert!(next.last().has("l5d-dst-client", &id), "{:?}", next.last());
    let (_, states) = json_of(&world, "/client_state.json");
    let address = next.address.to_string();
    assert_eq!(states[&id]["addresses"], json!([address]), "{states}");
    let (_, metrics) = json_of(&world, "/admin/metrics.json");
    assert_eq!(metrics[&format!("rt/http/client{id}/requests")], 1);
}

#[test]
fn a_name_without_an_endpoint_on_the_host_falls_through_where_asked_for() {
    let web = Backend::named("web");
    let dtab = format!("/svc/web => /$/inet/203.0.113.77/80 | {}", web.path());
    let transformers = "transformers: [{kind: io.l5d.localhost}]";
    let world = transformed(&dtab, &format!("emptyIsNeg: true, {transformers}"));
    assert_eq!(world.get("web").body, "web");
    let world = transformed(&dtab, transformers);
    assert_eq!(world.get("web").status(), 502);
}

#[test]
fn a_path_takes_the_place_of_names_or_of_everything() {
    let other = Backend::named("other");
    let dtab = format!("/svc/web => {} ; /svc/none => ~", inet(nobody()));
    for (kind, none) in [("replace", 502), ("const", 200)] {
        let path = other.path();
        let world = transformed(
            &dtab,
            &format!("transformers: [{{kind: io.l5d.{kind}, path: {path}}}]"),
        );
        assert_eq!(world.get("web").body, "other", "{kind}");
        let id = format!("/%/io.l5d.{kind}{path}");
        assert!(other.last().has("l5d-dst-client", &id), "{kind}");
        assert_eq!(world.get("none").status(), none, "{kind}");
        let target = "/delegator.json?namespace=http&path=/svc/web";
        let refusal = json!("Name Interpreter for http cannot show delegations");
        assert_eq!(json_of(&world, target), (501, refusal));
    }
}

#[test]
fn a_delegation_shows_the_name_before_and_after() {
    let world = transformed(
        "/svc => ~",
        "transformers: [{kind: io.l5d.port, port: 4141}]",
    );
    let target =
        "/delegator.json?namespace=http&path=/svc&dtab=%2Fsvc%3D%3E%2F%24%2Finet%2F127.0.0.1%2F80";
    let bound = |id: &str, port: u16| {
        json!({
            "addr": {"type": "bound", "addrs": [{"ip": "127.0.0.1", "port": port, "meta": {}}], "meta": {}},
            "id": id,
            "path": "/",
        })
    };
    let (before, after) = (
        "/$/inet/127.0.0.1/80",
        "/%/io.l5d.port/4141/$/inet/127.0.0.1/80",
    );
    let dentry = json!({"prefix": "/svc", "dst": before});
    let expected = json!({
        "type": "delegate",
        "path": "/svc",
        "delegate": {
            "type": "transformation",
            "path": before,
            "name": "DelegatingNameTreeTransformer$",
            "bound": bound(before, 80),
            "tree": {"type": "leaf", "path": after, "dentry": dentry, "bound": bound(after, 4141)},
        },
    });
    assert_eq!(json_of(&world, target), (200, expected));
}
