//! What a client is told when no endpoint answers.

use crate::world::{Backend, World};

#[test]
fn a_request_without_a_name_is_the_clients_fault() {
    let world = World::with_dtab("/svc => /none");
    let reply = world.client().send("GET /x HTTP/1.0\r\n\r\n");
    assert_eq!(reply.status(), 400);
    assert!(
        reply
            .body
            .starts_with("Unknown destination: Request(\"GET /x\", from /127.0.0.1:"),
        "{}",
        reply.body
    );
    assert!(reply.body.ends_with(" / Host header is absent"));
    assert!(reply.header("l5d-err").is_some());
    assert!(reply.has("content-type", "text/plain"));
}

#[test]
fn a_name_that_leads_nowhere_is_explained() {
    let world = World::with_dtab("/svc => /none");
    let reply = world
        .client()
        .send("GET / HTTP/1.1\r\nHost: web\r\nl5d-dtab: /svc/web => /own\r\n\r\n");
    assert_eq!(reply.status(), 502);
    for part in [
        "Unable to route request!\n\nservice name: /svc/web\ndtab:\n",
        "base dtab:\n  /svc => /none\noverride dtab:\n  /svc/web => /own\n",
        "stopped: no rule and no namer knows this name\nexplain: curl -G http://127.0.0.1:",
    ] {
        assert!(
            reply.body.contains(part),
            "{part:?} is not in {}",
            reply.body
        );
    }
    let explain = reply.body.lines().last().expect("a command");
    assert!(
        explain.contains("path=/svc/web") && explain.contains("/svc/web=>/own"),
        "{explain}"
    );
}

#[test]
fn bad_rules_are_told_where() {
    let world = World::with_dtab("/svc => /none");
    let reply = world
        .client()
        .send("GET / HTTP/1.1\r\nHost: web\r\nl5d-dtab: nonsense\r\n\r\n");
    assert_eq!(reply.status(), 400);
    assert!(reply.header("l5d-err").is_some());
}

#[test]
fn a_tunnel_leads_only_where_the_dtab_does() {
    let web = Backend::scripted(|mut connection| {
        let word = connection.read_bytes(4);
        connection.write(&format!("{word} yourself"));
        assert!(connection.ends());
    });
    let world = World::with_dtab(&format!("/svc/web:443 => {}", web.path()));
    let mut client = world.client();
    client.write("CONNECT other:443 HTTP/1.1\r\nHost: other:443\r\n\r\n");
    assert_eq!(client.read(false).status(), 502);
    // What follows may have been meant for the tunnel.
    assert!(client.ends());
    let mut client = world.client();
    client.write("CONNECT web:443 HTTP/1.1\r\nHost: web:443\r\n\r\nself");
    let head = client.read_head();
    assert_eq!(head.status(), 200);
    assert_eq!(head.header("content-length"), None);
    assert_eq!(client.read_bytes(13), "self yourself");
    drop(client);
}

#[test]
fn a_request_that_goes_in_circles_is_stopped() {
    let web = Backend::named("web");
    let yaml = format!(
        "admin: {{port: 0}}\nrouters:\n- protocol: http\n  dtab: \"/svc => {}\"\n  servers: [{{port: 0, maxCallDepth: 2}}]\n",
        web.path()
    );
    let world = World::parse(&yaml);
    let mut client = world.client();
    assert_eq!(
        client
            .send("GET / HTTP/1.1\r\nHost: web\r\nVia: 1.1 a, 1.1 b\r\n\r\n")
            .status(),
        200
    );
    let reply =
        client.send("GET / HTTP/1.1\r\nHost: web\r\nVia: 1.1 a, 1.1 b\r\nVia: 1.1 c\r\n\r\n");
    assert_eq!(
        (reply.status(), &*reply.body),
        (
            400,
            "Maximum number of calls (2) has been exceeded. Please check for proxy loops."
        )
    );
}

#[test]
fn a_broken_answer_is_the_endpoints_fault() {
    let web = Backend::answering(|_| "nonsense\r\n\r\n".into());
    let world = World::with_dtab(&format!("/svc => {}", web.path()));
    let reply = world.get("web");
    assert_eq!(reply.status(), 502);
    assert!(
        reply
            .body
            .contains("did not answer: the answer does not begin with HTTP/1.1"),
        "{}",
        reply.body
    );
}

#[test]
fn a_malformed_request_is_refused_before_anything_else() {
    let web = Backend::named("web");
    let world = World::with_dtab(&format!("/svc => {}", web.path()));
    for bad in [
        "GET / HTTP/1.1\r\nHost : web\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: web\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nx",
        "GET web:80 HTTP/1.1\r\nHost: web\r\n\r\n",
    ] {
        assert_eq!(world.client().send(bad).status(), 400, "{bad:?}");
    }
    let long = format!(
        "GET / HTTP/1.1\r\nHost: web\r\nx: {}\r\n\r\n",
        "x".repeat(13_000)
    );
    assert_eq!(world.client().send(&long).status(), 431);
    assert_eq!(web.connections(), 0);
}

#[test]
fn a_request_that_can_be_read_in_two_ways_is_refused() {
    let web = Backend::named("web");
    let world = World::with_dtab(&format!("/svc => {}", web.path()));
    let check = |lines: &str, body: &str| {
        let mut client = world.client();
        client.write(&format!("POST / HTTP/1.1\r\n{lines}\r\n{body}"));
        let reply = client.read(false);
        let is_refused = [400, 501].contains(&reply.status());
        assert!(is_refused, "{lines}");
        assert!(reply.has("connection", "close"), "{}", reply.head);
        assert!(client.ends());
    };
    check("Host: web\r\nHost: other\r\n", "");
    check(
        "Host: web\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n",
        "0\r\n\r\n",
    );
    check(
        "Host: web\r\nTransfer-Encoding: chunked\r\nContent-Length: 5\r\n",
        "0\r\n\r\n",
    );
    for coding in [
        "gzip, chunked",
        "chunked, chunked",
        "identity\r\nTransfer-Encoding: chunked",
    ] {
        check(
            &format!("Host: web\r\nTransfer-Encoding: {coding}\r\n"),
            "0\r\n\r\n",
        );
    }
    assert_eq!(web.connections(), 0);
}

#[test]
fn a_coding_that_we_do_not_know_is_the_endpoints_fault() {
    let web = Backend::answering(|_| {
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n1\r\nx\r\n0\r\n\r\n".into()
    });
    let world = World::with_dtab(&format!("/svc => {}", web.path()));
    let reply = world.get("web");
    assert_eq!(reply.status(), 502);
    assert!(
        reply
            .body
            .contains("did not answer: the Transfer-Encoding is not chunked"),
        "{}",
        reply.body
    );
}

#[test]
fn a_body_that_cannot_be_read_is_the_clients_fault() {
    let web = Backend::scripted(|mut connection| {
        connection.read_head();
        assert!(connection.ends());
    });
    let world = World::with_dtab(&format!("/svc => {}", web.path()));
    let mut client = world.client();
    client.write("POST / HTTP/1.1\r\nHost: web\r\nTransfer-Encoding: chunked\r\n\r\nnonsense\r\n");
    let reply = client.read(false);
    assert_eq!(reply.status(), 400, "{}", reply.body);
    assert!(reply.body.contains("broke off"), "{}", reply.body);
    assert!(client.ends());
}
