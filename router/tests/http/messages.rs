//! What of a message passes, and what is added.

use crate::world::{Backend, World};

#[test]
fn a_proxied_target_becomes_the_hosts_own() {
    let web = Backend::named("web");
    let world = World::with_dtab(&format!("/svc/web => {}", web.path()));
    let mut client = world.client();
    assert_eq!(
        client
            .send("GET http://me:secret@web/x?y HTTP/1.1\r\nHost: other\r\n\r\n")
            .body,
        "web"
    );
    let seen = web.last();
    assert_eq!(seen.first_line(), "GET /x?y HTTP/1.1");
    assert!(seen.has("host", "web"));
    assert!(!seen.head.contains("secret"));
}

#[test]
fn headers_of_one_hop_pass_neither_way() {
    let web = Backend::answering(|_| {
        "HTTP/1.1 200 OK\r\nConnection: x-back\r\nX-Back: 1\r\nKeep-Alive: 5\r\nX-Kept: 2\r\nContent-Length: 0\r\n\r\n".into()
    });
    let world = World::with_dtab(&format!("/svc/web => {}", web.path()));
    let reply = world.client().send(
        "GET / HTTP/1.1\r\nHost: web\r\nConnection: x-forth, keep-alive\r\nX-Forth: 1\r\nProxy-Connection: keep-alive\r\nTE: trailers\r\nUpgrade: websocket\r\nProxy-Authorization: x\r\nX-Kept: 2\r\n\r\n",
    );
    let seen = web.last();
    for gone in [
        "connection",
        "x-forth",
        "proxy-connection",
        "te",
        "upgrade",
        "proxy-authorization",
    ] {
        assert_eq!(seen.header(gone), None, "{gone}");
    }
    for gone in ["connection", "x-back", "keep-alive"] {
        assert_eq!(reply.header(gone), None, "{gone}");
    }
    assert!(seen.has("x-kept", "2") && reply.has("x-kept", "2"));
}

#[test]
fn both_ways_are_signed() {
    let web = Backend::answering(|_| {
        "HTTP/1.1 500 Oops\r\nVia: 1.1 inner\r\nContent-Length: 0\r\n\r\n".into()
    });
    let world = World::with_dtab(&format!("/svc/web => {}", web.path()));
    let reply = world
        .client()
        .send("GET / HTTP/1.1\r\nHost: web\r\nVia: 1.0 outer\r\n\r\n");
    assert!(web.last().has("via", "1.0 outer, 1.1 linkerd"));
    assert!(reply.has("via", "1.1 inner, 1.1 linkerd"));
    assert!(reply.has("l5d-success-class", "0.0"));
    assert_eq!(reply.first_line(), "HTTP/1.1 500 Oops");
    // Whoever caches it has to know how old it is.
    assert!(reply.header("date").is_some());
}

#[test]
fn a_trace_goes_on() {
    let web = Backend::named("web");
    let world = World::with_dtab(&format!("/svc/web => {}", web.path()));
    let traceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    world.client().send(&format!("GET / HTTP/1.1\r\nHost: web\r\ntraceparent: {traceparent}\r\nx-b3-traceid: 1\r\nl5d-sample: 1.0\r\n\r\n"));
    let seen = web.last();
    assert!(
        seen.header("traceparent")
            .expect("a trace")
            .starts_with("00-0af7651916cd43dd8448eb211c80319c-")
    );
    assert!(seen.has("l5d-reqid", "8448eb211c80319c"));
    assert!(seen.has("x-b3-traceid", "1"));
    assert_eq!(seen.header("l5d-sample"), None);
}

/// A router at the edge, and an endpoint whose answers say too much.
fn edge() -> (Backend, World) {
    let web = Backend::answering(|_| {
        "HTTP/1.1 200 OK\r\nl5d-err: inner\r\nContent-Length: 6\r\n\r\nsecret".into()
    });
    let yaml = format!(
        "admin: {{port: 0}}\nrouters:\n- protocol: http\n  dtab: \"/svc/web => {}\"\n  servers: [{{port: 0, clearContext: true}}]\n",
        web.path()
    );
    let world = World::parse(&yaml);
    (web, world)
}

#[test]
fn an_edge_takes_no_strangers_word() {
    let (web, world) = edge();
    let reply = world.client().send("GET / HTTP/1.1\r\nHost: web\r\nl5d-dtab: /svc/web => /$/inet/127.0.0.1/1\r\nl5d-x: y\r\nl5d_dst_client: z\r\n\r\n");
    assert_eq!((reply.status(), &*reply.body), (200, ""));
    assert_eq!(reply.header("l5d-err"), None);
    assert_eq!(reply.header("l5d-success-class"), None);
    assert_eq!(web.last().header("l5d-x"), None);
    assert_eq!(web.last().header("l5d_dst_client"), None);
}

#[test]
fn an_edge_that_says_less_takes_the_next_request() {
    let (web, world) = edge();
    let mut client = world.client();
    for body in ["short".to_owned(), "long".repeat(4096)] {
        let length = body.len();
        let post =
            format!("POST / HTTP/1.1\r\nHost: web\r\nContent-Length: {length}\r\n\r\n{body}");
        let reply = client.send(&post);
        assert_eq!((reply.status(), &*reply.body), (200, ""));
        assert_eq!(web.last().body, body);
    }
    assert_eq!(web.requests(), 2);
}

#[test]
fn an_old_client_gets_what_it_understands() {
    let web = Backend::answering(|_| {
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nweb\r\n0\r\n\r\n".into()
    });
    let world = World::with_dtab(&format!("/svc/web => {}", web.path()));
    let mut client = world.client();
    client.write("GET / HTTP/1.0\r\nHost: web\r\n\r\n");
    let head = client.read_head();
    assert_eq!(head.header("transfer-encoding"), None);
    assert_eq!(client.read_bytes(3), "web");
    assert!(client.ends());
    assert_eq!(web.last().first_line(), "GET / HTTP/1.1");
    assert!(web.last().has("via", "1.0 linkerd"));
}

#[test]
fn a_head_is_asked_for_without_its_body() {
    let web = Backend::answering(|request| {
        assert!(request.head.starts_with("HEAD"));
        "HTTP/1.1 200 OK\r\nContent-Length: 1234\r\n\r\n".into()
    });
    let world = World::with_dtab(&format!("/svc/web => {}", web.path()));
    let mut client = world.client();
    for _ in 0..3 {
        let reply = client.send("HEAD / HTTP/1.1\r\nHost: web\r\n\r\n");
        assert!(reply.has("content-length", "1234"), "{}", reply.head);
    }
    assert_eq!(web.connections(), 1);
}

#[test]
fn an_old_endpoint_does_not_make_its_clients_old() {
    let web = Backend::scripted(|mut connection| {
        connection.read_head();
        connection.write("HTTP/1.0 200 OK\r\n\r\nweb");
    });
    let world = World::with_dtab(&format!("/svc/web => {}", web.path()));
    let mut client = world.client();
    for _ in 0..2 {
        let reply = client.send("GET / HTTP/1.1\r\nHost: web\r\n\r\n");
        assert_eq!(reply.first_line(), "HTTP/1.1 200 OK");
        assert!(reply.has("via", "1.0 linkerd"), "{}", reply.head);
        assert_eq!(reply.body, "web");
    }
}

#[test]
fn nobody_is_believed_to_have_seen_a_certificate() {
    let web = Backend::named("web");
    let world = World::with_dtab(&format!("/svc/web => {}", web.path()));
    world
        .client()
        .send("GET / HTTP/1.1\r\nHost: web\r\nX-Forwarded-Client-Cert: Hash=0\r\n\r\n");
    assert_eq!(web.last().header("x-forwarded-client-cert"), None);
}
