//! Clients of HTTP/1.1, endpoints that speak HTTP/2.

use std::io::Read as _;
use std::sync::Arc;

use bytes::Bytes;
use h2::Reason;
use http::HeaderMap;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::sync::Notify;

use crate::admin::metrics;
use crate::bridges::peers::{Accepted, Endpoint, read, response, send, with, world};
use crate::world::{Addresses, PATIENCE, World, nobody, wait_until};

const GET: &str = "GET / HTTP/1.1\r\nHost: web\r\n\r\n";

/// A router whose clients speak HTTP/2 to this endpoint.
fn leads_to(endpoint: &Endpoint, client: &str) -> World {
    let dtab = format!("/svc/web => {}", endpoint.path());
    world(&dtab, &format!("h2: true{client}"))
}

/// A router whose clients speak HTTP/2 to these addresses.
fn leads_to_all(addresses: &[std::net::SocketAddr], client: &str) -> (World, Addresses) {
    let addresses = Addresses::of(addresses);
    let never_dead = "failureAccrual: {kind: none}";
    let world = addresses.world(&format!("  client: {{h2: true, {never_dead}{client}}}\n"));
    (world, addresses)
}

#[test]
fn a_request_becomes_a_stream_and_its_answer_a_message() {
    let web = Endpoint::named("web");
    let world = leads_to(&web, "");
    let mut client = world.client();
    for _ in 0..3 {
        let reply = client.send(
            "POST /a?b HTTP/1.1\r\nHost: web\r\nX-Own: c\r\nConnection: x-hop\r\nX-Hop: d\r\nContent-Length: 5\r\n\r\nhello",
        );
        assert_eq!((reply.status(), &*reply.body), (200, "web"));
        assert!(reply.has("transfer-encoding", "chunked"), "{}", reply.head);
        assert!(reply.has("via", "1.1 linkerd"), "{}", reply.head);
    }
    let seen = web.last();
    assert_eq!(seen.head.method, "POST");
    assert_eq!(seen.head.uri, "http://web/a?b");
    assert_eq!(seen.field("x-own"), Some("c"));
    assert_eq!(seen.field("content-length"), Some("5"));
    for name in ["host", "connection", "x-hop"] {
        assert_eq!(seen.field(name), None, "{name}");
    }
    assert_eq!(seen.body, "hello");
    assert_eq!((web.connections(), web.requests()), (1, 3));
    let counted = metrics(&world);
    let address = web.address.port();
    let scope = format!("rt/http/client/$/inet/127.0.0.1/{address}");
    assert_eq!(counted[format!("{scope}/connects")], 1);
    assert_eq!(counted[format!("{scope}/requests")], 3);
    assert_eq!(counted[format!("{scope}/connections")], 1.0);
}

#[test]
fn lengths_and_answers_without_a_body_stay_what_they_are() {
    let web = Endpoint::answering(|seen, mut respond| {
        let status = seen.head.uri.path()[1..].parse().expect("a status");
        let mut response = response(status);
        if status != 204 {
            let length = "3".parse().expect("a value");
            response.headers_mut().insert("content-length", length);
        }
        let has_body = status == 200 && seen.head.method != "HEAD";
        let sent = respond.send_response(response, !has_body);
        if has_body {
            let sent = sent.and_then(|mut sink| sink.send_data("web".into(), true));
            sent.expect("open");
        }
    });
    let world = leads_to(&web, "");
    let mut client = world.client();
    let reply = client.send("GET /200 HTTP/1.1\r\nHost: web\r\n\r\n");
    assert!(reply.has("content-length", "3") && reply.body == "web");
    let reply = client.send("HEAD /200 HTTP/1.1\r\nHost: web\r\n\r\n");
    assert!(reply.has("content-length", "3"), "{}", reply.head);
    client.write("GET /304 HTTP/1.1\r\nHost: web\r\n\r\n");
    assert_eq!(client.read(true).status(), 304);
    client.write("GET /204 HTTP/1.1\r\nHost: web\r\n\r\n");
    assert_eq!(client.read(true).status(), 204);
    let reply = client.send("GET /200 HTTP/1.1\r\nHost: web\r\n\r\n");
    assert_eq!(reply.body, "web");
}

#[test]
fn trailers_pass_both_ways() {
    let web = Endpoint::answering(|seen, mut respond| {
        let mut trailers = HeaderMap::new();
        let sum = seen.trailers.expect("trailers")["x-sum"].clone();
        trailers.insert("x-back", sum);
        let sink = respond.send_response(response(200), false);
        let mut sink = sink.expect("open");
        sink.send_data("web".into(), false).expect("open");
        sink.send_trailers(trailers).expect("open");
    });
    let world = leads_to(&web, "");
    let mut client = world.client();
    client.write(
        "POST / HTTP/1.1\r\nHost: web\r\nTransfer-Encoding: chunked\r\nTrailer: x-sum\r\n\r\n5\r\nhello\r\n0\r\nX-Sum: 7\r\n\r\n",
    );
    assert_eq!(client.read_head().status(), 200);
    assert_eq!(client.read_chunk().as_deref(), Some("web"));
    assert_eq!(client.read_chunk_size(), 0);
    assert_eq!(client.read_head().head, "x-back: 7\r\n\r\n");
    let seen = web.last();
    assert_eq!(
        (&*seen.body, seen.field("trailer")),
        ("hello", Some("x-sum"))
    );
}

#[test]
fn interim_answers_pass() {
    let web = Endpoint::answering(|_, mut respond| {
        let mut early = response(103);
        let link = "</x>; rel=preload".parse().expect("a value");
        early.headers_mut().insert("link", link);
        respond.send_informational(early).expect("open");
        respond.send_response(response(200), true).expect("open");
    });
    let world = leads_to(&web, "");
    let mut client = world.client();
    client.write(GET);
    let early = client.read_head();
    assert!(early.status() == 103 && early.has("link", "</x>; rel=preload"));
    let reply = client.read(false);
    assert!(reply.status() == 200 && reply.has("content-length", "0"));
}

#[test]
fn an_answer_that_breaks_off_is_not_taken_for_a_whole() {
    for length in [None, Some("100")] {
        let go_on = Arc::new(Notify::new());
        let waits = Arc::clone(&go_on);
        let web = Endpoint::scripted(move |(_request, mut respond): Accepted| {
            let waits = Arc::clone(&waits);
            async move {
                let mut response = response(200);
                if let Some(length) = length {
                    let length = length.parse().expect("a value");
                    response.headers_mut().insert("content-length", length);
                }
                let mut sink = respond.send_response(response, false).expect("open");
                sink.send_data("web".into(), false).expect("open");
                waits.notified().await;
                sink.send_reset(Reason::INTERNAL_ERROR);
            }
        });
        let world = leads_to(&web, "");
        let mut client = world.client();
        client.write(GET);
        assert_eq!(client.read_head().status(), 200);
        match length {
            Some(_) => assert_eq!(client.read_bytes(3), "web"),
            None => assert_eq!(client.read_chunk().as_deref(), Some("web")),
        }
        go_on.notify_one();
        let broken = client.stream.read(&mut [0]).expect_err("a reset");
        assert_eq!(broken.kind(), std::io::ErrorKind::ConnectionReset);
    }
}

#[test]
fn a_stream_that_is_reset_is_told_as_the_endpoints_fault() {
    let web = Endpoint::answering(|_, mut respond| respond.send_reset(Reason::INTERNAL_ERROR));
    let world = leads_to(&web, "");
    let mut client = world.client();
    let reply = client.send(GET);
    assert_eq!(reply.status(), 502);
    let expected = format!(
        "{} did not answer: stream error received: unexpected internal error",
        web.address
    );
    assert!(reply.body.starts_with(&expected), "{}", reply.body);
    assert_eq!(client.send(GET).status(), 502);
}

#[test]
fn a_refused_connection_leads_to_another_endpoint() {
    let web = Endpoint::named("web");
    let (world, _addresses) = leads_to_all(&[nobody(), web.address], "");
    let mut client = world.client();
    for _ in 0..40 {
        assert_eq!(client.send(GET).body, "web");
    }
    let counted = metrics(&world);
    let requeues = counted["rt/http/client/#/io.l5d.fs/web/retries/requeues"].as_u64();
    assert!(requeues.is_some_and(|count| count > 0), "{requeues:?}");
}

#[test]
fn an_endpoint_that_is_gone_is_told_so() {
    let (world, _addresses) = leads_to_all(&[nobody()], "");
    let reply = world.get("web");
    assert_eq!(reply.status(), 502);
    assert!(reply.has("l5d-retryable", "true"), "{}", reply.head);
    assert!(
        reply.body.contains("Unable to establish connection"),
        "{}",
        reply.body
    );
}

#[test]
fn a_stream_that_nobody_has_looked_at_goes_to_another_endpoint() {
    let busy = Endpoint::answering(|_, mut respond| respond.send_reset(Reason::REFUSED_STREAM));
    let web = Endpoint::named("web");
    let (world, _addresses) = leads_to_all(&[busy.address, web.address], "");
    let mut client = world.client();
    let post = "POST / HTTP/1.1\r\nHost: web\r\nContent-Length: 5\r\n\r\nhello";
    for _ in 0..40 {
        assert_eq!(client.send(post).body, "web");
        assert_eq!(web.last().body, "hello");
    }
    assert!(busy.requests() > 0);
    let counted = metrics(&world);
    let nacks = &counted["rt/http/client/#/io.l5d.fs/web/retries/nacks"];
    assert_eq!(*nacks, busy.requests());
    let (world, _addresses) = leads_to_all(&[busy.address], "");
    let reply = world.client().send(post);
    let told = (
        reply.status(),
        reply.body.starts_with("the endpoint did not look"),
    );
    assert_eq!(told, (503, true), "{}", reply.head);
}

#[test]
fn a_connection_that_ends_before_it_looks_at_a_stream_is_replaced() {
    /// Empty settings.
    const SETTINGS: &[u8] = b"\0\0\0\x04\0\0\0\0\0";
    /// A GOAWAY that knows of no stream.
    const LAST_WORDS: &[u8] = b"\0\0\x08\x07\0\0\0\0\0\0\0\0\0\0\0\0\0";
    const PREFACE: usize = 24;
    const HEADERS: u8 = 1;
    let web = Endpoint::accepting(|before, mut stream| async move {
        if before == 0 {
            stream.write_all(SETTINGS).await.expect("open");
            stream.read_exact(&mut [0; PREFACE]).await.expect("open");
            let mut frame = [0; 9];
            while frame[3] != HEADERS {
                stream.read_exact(&mut frame).await.expect("open");
                let length = u32::from_be_bytes([0, frame[0], frame[1], frame[2]]);
                let mut rest = vec![0; length as usize];
                stream.read_exact(&mut rest).await.expect("open");
            }
            stream.write_all(LAST_WORDS).await.expect("open");
            let _ = tokio::io::copy(&mut stream, &mut tokio::io::sink()).await;
            return;
        }
        let mut connection = h2::server::handshake(stream).await.expect("HTTP/2");
        while let Some(Ok((_, mut respond))) = connection.accept().await {
            let _ = respond.send_response(response(200), true);
        }
    });
    let world = leads_to(&web, "");
    let reply = world.get("web");
    assert_eq!(reply.status(), 200, "{}", reply.body);
    assert_eq!(web.connections(), 2);
}

#[test]
fn an_attempt_that_takes_too_long_resets_its_stream() {
    let (web, resets) = Endpoint::silent();
    let world = leads_to(&web, ", requestAttemptTimeoutMs: 100");
    assert_eq!(world.get("web").status(), 504);
    assert_eq!(resets.recv_timeout(PATIENCE), Ok(Reason::CANCEL));
}

#[test]
fn a_client_that_goes_resets_its_stream() {
    let (web, resets) = Endpoint::silent();
    let world = leads_to(&web, "");
    let mut client = world.client();
    client.write(GET);
    wait_until("asked", || web.streams() == 1);
    drop(client);
    assert_eq!(resets.recv_timeout(PATIENCE), Ok(Reason::CANCEL));
}

#[test]
fn a_retry_goes_over_another_bridge() {
    let web = Endpoint::answering(|seen, mut respond| {
        let status = match seen.field("l5d-retry-probe") {
            Some(_) => 200,
            None => 500,
        };
        respond.send_response(response(status), true).expect("open");
    });
    let good = Endpoint::named("good");
    let addresses = Addresses::of(&[web.address, good.address]);
    let world = addresses.world(
        "  client: {h2: true, failureAccrual: {kind: none}}\n  service: {responseClassifier: {kind: io.l5d.http.retryableRead5XX}}\n",
    );
    let mut client = world.client();
    for _ in 0..20 {
        assert_eq!(client.send(GET).body, "good");
    }
    assert!(web.requests() > 0);
}

#[test]
fn failures_are_the_endpoints() {
    let web = Endpoint::answering(|_, mut respond| respond.send_reset(Reason::INTERNAL_ERROR));
    let good = Endpoint::named("good");
    let addresses = Addresses::of(&[web.address, good.address]);
    let world = addresses.world("  client: {h2: true}\n");
    let mut client = world.client();
    for _ in 0..100 {
        client.send(GET);
    }
    assert_eq!(web.requests(), 5, "then it is left alone");
}

#[test]
fn no_tunnel_leads_to_http2() {
    let web = Endpoint::named("web");
    let dtab = format!(
        "/svc/web => {}; /svc/*/80 => /svc/web; /svc/web:80 => /svc/web",
        web.path()
    );
    let world = world(&dtab, "h2: true");
    let check = |request: &str| {
        let reply = world.client().send(request);
        assert_eq!(reply.status(), 502, "{request}");
        let err = reply.header("l5d-err").expect("a reason");
        assert!(err.contains("no+connection+becomes+a+tunnel"), "{err}");
    };
    check("CONNECT web:80 HTTP/1.1\r\nHost: web:80\r\n\r\n");
    check("GET / HTTP/1.1\r\nHost: web\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n");
    assert_eq!(web.requests(), 0);
    // Who offers HTTP/2 does without.
    let reply = world
        .client()
        .send("GET / HTTP/1.1\r\nHost: web\r\nConnection: upgrade\r\nUpgrade: h2c\r\n\r\n");
    assert_eq!(reply.body, "web");
    assert_eq!(web.last().field("upgrade"), None);
}

#[test]
fn long_bodies_pass_at_the_pace_of_the_slower_side() {
    let web = Endpoint::scripted(|(request, mut respond): Accepted| async move {
        let (body, _) = read(request.into_body()).await.expect("a body");
        let sink = respond.send_response(response(200), false);
        send(&mut sink.expect("open"), Bytes::from(body)).await;
    });
    let world = leads_to(&web, "");
    let body: String = (0..300_000).map(|at| format!("{:09}\n", at)).collect();
    let mut client = world.client();
    client.write(&format!(
        "POST / HTTP/1.1\r\nHost: web\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    ));
    assert!(client.read(false).body == body, "it came back changed");
}

#[test]
fn an_answer_may_come_before_the_request_is_over() {
    let web = Endpoint::scripted(|(request, mut respond): Accepted| async move {
        let sink = respond.send_response(response(200), false);
        sink.and_then(|mut sink| sink.send_data("early".into(), true))
            .expect("open");
        drop(request);
    });
    let world = with(
        &format!("/svc/web => {}", web.path()),
        "  client: {h2: true}\n",
    );
    let mut client = world.client();
    client.write("POST / HTTP/1.1\r\nHost: web\r\nContent-Length: 1000000\r\n\r\nhello");
    assert_eq!(client.read(false).body, "early");
}
