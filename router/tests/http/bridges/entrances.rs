//! Ports that take both versions of HTTP, and what those that take one make of the other.

use std::sync::Arc;

use crate::bridges::peers::{Caller, Endpoint, world};
use crate::pki::{Pki, connect};
use crate::world::{Backend, Client, World};

pub(super) const PREFACE: &str = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
/// Settings that say nothing.
pub(super) const SETTINGS: &str = "\0\0\0\x04\0\0\0\0\0";

/// A router of HTTP/2 that leads to this endpoint.
pub(super) fn http2_world(endpoint: &Endpoint, server: &str) -> World {
    World::parse(&format!(
        "admin: {{port: 0}}\nrouters:\n- protocol: h2\n  servers: [{{port: 0{server}}}]\n  dtab: \"/svc/web => {}\"\n",
        endpoint.path()
    ))
}

#[test]
fn one_port_takes_both_versions() {
    let web = Backend::named("web");
    let world = world(&format!("/svc/web => {}", web.path()), "");
    assert_eq!(world.get("web").body, "web");
    let mut caller = Caller::to(world.address());
    for _ in 0..3 {
        assert_eq!(caller.get("web").body, "web");
    }
    assert_eq!(world.get("web").body, "web");
    let names = crate::admin::metrics(&world);
    assert_eq!(names["rt/http/server/127.0.0.1/0/requests"], 5);
    assert_eq!(names["rt/http/service/svc/web/requests"], 5);
}

#[test]
fn the_preface_may_come_in_pieces() {
    let web = Backend::named("web");
    let world = world(&format!("/svc/web => {}", web.path()), "");
    let mut client = world.client();
    for piece in PREFACE.as_bytes().chunks(5) {
        client.write(std::str::from_utf8(piece).expect("ASCII"));
        std::thread::yield_now();
    }
    client.write(SETTINGS);
    let head = client.read_raw(9);
    assert_eq!(head[3], 4, "the server's settings");
}

#[test]
fn what_begins_like_the_preface_is_answered_or_closed() {
    let web = Backend::named("web");
    let world = world(&format!("/svc/web => {}", web.path()), "");
    let mut client = world.client();
    client.write("PRI / HTTP/1.1\r\nHost: web\r\n\r\n");
    assert_eq!(client.read(false).status(), 200);
    let mut client = world.client();
    client.write("PRI * HT");
    client
        .stream
        .get_ref()
        .shutdown(std::net::Shutdown::Write)
        .expect("open");
    assert!(client.ends());
}

#[test]
fn a_port_for_http2_says_so_to_others() {
    let web = Endpoint::named("web");
    let world = http2_world(&web, "");
    let check = |request: &str| {
        let mut client = world.client();
        let reply = client.send(request);
        assert_eq!(reply.status(), 505, "{request}");
        assert!(reply.body.contains("takes HTTP/2 only"), "{}", reply.body);
        assert!(reply.header("l5d-err").is_some(), "{}", reply.head);
        assert!(reply.has("connection", "close") && client.ends());
    };
    check("GET / HTTP/1.1\r\nHost: web\r\n\r\n");
    check("GET / HTTP/1.0\r\n\r\n");
    check("CONNECT web:80 HTTP/1.1\r\nHost: web:80\r\n\r\n");
    let upgrade = "Host: web\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\n";
    check(&format!("GET / HTTP/1.1\r\n{upgrade}\r\n"));
    check(&format!(
        "GET / HTTP/1.1\r\n{upgrade}HTTP2-Settings: AA\r\n\r\n"
    ));
    check(&format!(
        "GET / HTTP/1.1\r\n{upgrade}HTTP2-Settings: ?\r\n\r\n"
    ));
    check(&format!(
        "GET / HTTP/1.1\r\n{upgrade}HTTP2-Settings: \r\nHTTP2-Settings: \r\n\r\n"
    ));
    check(&format!(
        "POST / HTTP/1.1\r\n{upgrade}HTTP2-Settings: \r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"
    ));
    assert_eq!(world.client().send("GET /\r\n\r\n").status(), 400);
    assert_eq!(web.requests(), 0);
    let failures = &crate::admin::metrics(&world)["rt/h2/server/127.0.0.1/0/failures/http2_only"];
    assert_eq!(*failures, 8);
}

#[test]
fn whoever_says_nothing_to_a_port_for_http2_is_not_waited_for() {
    let web = Endpoint::named("web");
    let world = http2_world(&web, ", headerReadTimeoutMs: 100");
    assert!(world.client().ends());
    let mut client = world.client();
    client.write("PRI * H");
    assert!(client.ends());
}

#[test]
fn with_tls_both_versions_are_offered() {
    let (pki, web) = (Pki::new(), Backend::named("web"));
    pki.issue("web", "web.example");
    let world = World::parse(&format!(
        "admin: {{port: 0}}\nrouters:\n- protocol: http\n  servers: [{{port: 0, h2c: true, tls: {{certPath: {}, keyPath: {}}}}}]\n  dtab: \"/svc/web => {}\"\n",
        pki.shown("web.pem"),
        pki.shown("web.key"),
        web.path()
    ));
    let client = |protocols: &[&str]| {
        let mut config = Arc::unwrap_or_clone(pki.client(None, false));
        config.alpn_protocols = protocols
            .iter()
            .map(|name| name.as_bytes().to_vec())
            .collect();
        connect(world.address(), "web.example", &Arc::new(config))
    };
    let agreed = |client: &Client<crate::pki::ClientStream>| {
        let agreed = client.stream.get_ref().conn.alpn_protocol();
        agreed.map(|name| String::from_utf8_lossy(name).into_owned())
    };
    let mut both = client(&["h2", "http/1.1"]);
    both.write(&format!("{PREFACE}{SETTINGS}"));
    assert_eq!(both.read_raw(9)[3], 4, "the server's settings");
    assert_eq!(agreed(&both).as_deref(), Some("h2"));
    for protocols in [&["http/1.1"][..], &[]] {
        let mut old = client(protocols);
        let reply = old.send("GET / HTTP/1.1\r\nHost: web\r\n\r\n");
        assert_eq!(reply.body, "web");
        assert_eq!(agreed(&old).as_deref(), protocols.first().copied());
    }
}
