//! Requests and answers pass as they are, but for what a router adds.

use bytes::Bytes;
use h2::Reason;
use http::{HeaderMap, HeaderValue, StatusCode};

use super::client::{Client, Reply, answer, get, read, request, text_of, with, write};
use super::endpoint::Endpoint;
use super::frames::{self, END_HEADERS, END_STREAM, Peer};
use super::{run, world};

fn trailers(value: &str) -> HeaderMap {
    let mut trailers = HeaderMap::new();
    trailers.insert("x-end", value.parse().expect("a value"));
    trailers
}

#[test]
fn bodies_and_trailers_pass_both_ways() {
    let web = Endpoint::new(|mut call| async move {
        let (body, end) = call.read().await.expect("a body");
        let end = end.map(|end| end["x-end"].clone());
        assert_eq!(end.as_ref().map(|end| end.as_bytes()), Some(&b"up"[..]));
        let mut out = call.begin(answer(201));
        write(&mut out, body.into(), 16_384).await.expect("taken");
        out.send_trailers(trailers("down")).expect("taken");
    });
    let world = world(&format!("/svc/web => {}", web.path()), "", "");
    run(async {
        let mut client = Client::to(world.address()).await;
        let (response, mut sink) = client.begin(request("POST", "http://web/a?b=c")).await;
        let body: Vec<u8> = (0..1_000_000u32).map(|at| at.to_le_bytes()[0]).collect();
        let sent = Bytes::from(body.clone());
        let sending = async {
            write(&mut sink, sent, 10_000).await.expect("taken");
            sink.send_trailers(trailers("up")).expect("taken");
        };
        let ((), reply) = tokio::join!(sending, Reply::read(response));
        let reply = reply.expect("an answer");
        assert_eq!(reply.status, StatusCode::CREATED);
        assert!(reply.body == body, "{} bytes", reply.body.len());
        assert_eq!(reply.last("x-end"), Some("down"));
        assert_eq!(reply.field("l5d-success-class"), Some("1.0"));
    });
}

#[test]
fn answers_without_a_body_have_none() {
    let web = Endpoint::new(|mut call| async move {
        let status = call.head.uri.path()[1..].parse().expect("a status");
        let mut head = answer(status);
        if call.head.method == "HEAD" {
            head.headers_mut().insert("content-length", 1234.into());
        }
        call.end(head);
    });
    let world = world(&format!("/svc/web => {}", web.path()), "", "");
    run(async {
        let mut client = Client::to(world.address()).await;
        for (method, status) in [("GET", 204), ("GET", 304), ("HEAD", 200), ("GET", 200)] {
            let uri = format!("http://web/{status}");
            let reply = client.send(request(method, &uri)).await.expect("an answer");
            assert_eq!((reply.status.as_u16(), reply.text()), (status, ""));
            let length = reply.field("content-length");
            assert_eq!(length, (method == "HEAD").then_some("1234"));
            assert_eq!(reply.trailers, None);
        }
    });
}

#[test]
fn what_an_endpoint_says_before_its_answer_passes() {
    let web = Endpoint::new(|mut call| async move {
        let mut hints = answer(103);
        hints
            .headers_mut()
            .insert("link", "</a>".parse().expect("a value"));
        call.respond.send_informational(hints).expect("taken");
        if call.head.headers.contains_key("expect") {
            let go_on = call.respond.send_informational(answer(100));
            go_on.expect("taken");
            let (body, _) = call.read().await.expect("a body");
            assert_eq!(body, b"body");
        }
        call.say("web");
    });
    let world = world(&format!("/svc/web => {}", web.path()), "", "");
    run(async {
        let mut client = Client::to(world.address()).await;
        let expects = with(request("POST", "http://web/"), "expect", "100-continue");
        let (mut response, mut sink) = client.begin(expects).await;
        let mut interim = Vec::new();
        while interim.len() < 2 {
            let next = std::future::poll_fn(|cx| response.poll_informational(cx)).await;
            let next = next.expect("one more").expect("no error");
            interim.push((next.status().as_u16(), next.headers().contains_key("link")));
        }
        assert_eq!(interim, [(103, true), (100, false)]);
        sink.send_data(Bytes::from_static(b"body"), true)
            .expect("taken");
        assert_eq!(
            Reply::read(response).await.expect("an answer").text(),
            "web"
        );
        // Who is not interested sees the answer alone.
        assert_eq!(
            client.send(get("web")).await.expect("an answer").text(),
            "web"
        );
    });
}

#[test]
fn an_endpoint_that_never_comes_to_its_answer_is_given_up() {
    let web = Endpoint::new(|mut call| async move {
        while call.respond.send_informational(answer(103)).is_ok() {
            tokio::task::yield_now().await;
        }
    });
    let world = world(&format!("/svc/web => {}", web.path()), "", "");
    run(async {
        let mut client = Client::to(world.address()).await;
        let reply = client.send(get("web")).await.expect("an answer");
        assert_eq!(reply.status, StatusCode::BAD_GATEWAY, "{}", reply.text());
        assert!(reply.text().contains("too much to say"), "{}", reply.text());
    });
}

#[test]
fn there_are_no_tunnels() {
    let web = Endpoint::named("web");
    let world = world(&format!("/svc => {}", web.path()), "", "");
    run(async {
        let mut client = Client::to(world.address()).await;
        let reply = client.send(request("CONNECT", "web:80")).await;
        let reply = reply.expect("an answer");
        assert_eq!(reply.status, StatusCode::NOT_IMPLEMENTED);
        // Nobody said that it may be extended.
        let mut peer = Peer::to(world.address(), &[]).await;
        let extended = frames::head("CONNECT", &[(":protocol", "websocket")]);
        peer.send(frames::HEADERS, END_HEADERS, 1, &extended).await;
        let reset = peer.next_of(frames::RST_STREAM).await.expect("a reset");
        assert_eq!(reset.number(0), u32::from(Reason::PROTOCOL_ERROR));
        assert_eq!(
            client.send(get("web")).await.expect("an answer").text(),
            "web"
        );
    });
    assert_eq!(web.requests(), 1);
}

#[test]
fn malformed_requests_are_reset_and_their_connection_goes_on() {
    let web = Endpoint::named("web");
    let world = world(&format!("/svc => {}", web.path()), "", "");
    let plain = [(":method", "GET"), (":scheme", "http"), (":path", "/")];
    let bad: &[&[(&str, &str)]] = &[
        &[(":authority", "web"), ("connection", "close")],
        &[(":authority", "web"), ("te", "gzip")],
        &[(":authority", "web"), ("transfer-encoding", "chunked")],
        &[(":authority", "user@web")],
        &[(":authority", "web"), (":status", "200")],
        &[("x", "y"), (":authority", "web")],
        &[
            (":authority", "web"),
            ("content-length", "1"),
            ("content-length", "2"),
        ],
        &[(":authority", "web"), ("x", " y")],
        &[("host", "a"), ("host", "b")],
    ];
    run(async {
        let mut peer = Peer::to(world.address(), &[]).await;
        let mut stream = 1;
        for more in bad {
            let block = frames::block(&[&plain[..], more].concat());
            peer.send(frames::HEADERS, END_STREAM | END_HEADERS, stream, &block)
                .await;
            let reset = peer.next_of(frames::RST_STREAM).await;
            let reset = reset.unwrap_or_else(|| panic!("no reset for {more:?}"));
            let told = (reset.stream, reset.number(0));
            assert_eq!(
                told,
                (stream, u32::from(Reason::PROTOCOL_ERROR)),
                "{more:?}"
            );
            stream += 2;
        }
        peer.get(stream).await;
        let answer = peer.next_of(frames::HEADERS).await.expect("an answer");
        assert_eq!(answer.stream, stream);
    });
    assert_eq!(web.requests(), 1);
}

#[test]
fn a_host_stands_in_for_the_authority() {
    let web = Endpoint::new(|mut call| async move {
        assert_eq!(call.head.uri.authority().map(|it| it.as_str()), Some("web"));
        assert!(!call.head.headers.contains_key("host"));
        call.say("web");
    });
    let world = world(&format!("/svc/web => {}", web.path()), "", "");
    run(async {
        let mut peer = Peer::to(world.address(), &[]).await;
        let fields = [
            (":method", "GET"),
            (":scheme", "http"),
            (":path", "/"),
            ("host", "web"),
        ];
        let flags = END_STREAM | END_HEADERS;
        peer.send(frames::HEADERS, flags, 1, &frames::block(&fields))
            .await;
        let data = peer.next_of(frames::DATA).await.expect("an answer");
        assert_eq!(data.payload, b"web");
        // Nobody at all is meant by this one.
        peer.send(frames::HEADERS, flags, 3, &frames::block(&fields[..3]))
            .await;
        let data = peer.next_of(frames::DATA).await.expect("an answer");
        let text = String::from_utf8_lossy(&data.payload).into_owned();
        assert!(text.starts_with("Unknown destination"), "{text}");
    });
    assert_eq!(web.requests(), 1);
}

#[test]
fn a_router_says_what_it_knows_of_both_sides() {
    let web = Endpoint::new(|mut call| async move {
        let fields = &call.head.headers;
        for (name, value) in [
            ("l5d-dst-service", "/svc/web"),
            ("via", "1.1 before, h2 linkerd"),
            ("forwarded", "for=_client;by=_server;authority=web"),
        ] {
            let read = text_of(fields, name).unwrap_or_default().to_owned();
            if name == "forwarded" {
                assert!(read.contains("authority=web"), "{read}");
            } else {
                assert_eq!(read, value, "{name}");
            }
        }
        for name in ["l5d-reqid", "l5d-ctx-trace", "l5d-dst-client", "x-at"] {
            assert!(fields.contains_key(name), "{name}");
        }
        assert!(!fields.contains_key("l5d-dtab"), "it was heeded");
        call.say("web");
    });
    let server = ", addForwardedHeader: {}, timestampHeader: x-at";
    let world = world("/svc/web => /svc/nobody", server, "");
    run(async {
        let mut client = Client::to(world.address()).await;
        let rule = format!("/svc/web => {}", web.path());
        let asks = with(with(get("web"), "via", "1.1 before"), "l5d-dtab", &rule);
        let reply = client.send(asks).await.expect("an answer");
        assert_eq!(reply.text(), "web");
        assert_eq!(reply.field("via"), Some("h2 linkerd"));
        assert_eq!(reply.field("l5d-success-class"), Some("1.0"));
        assert!(
            reply
                .fields
                .keys()
                .all(|name| !name.as_str().starts_with("l5d-dst"))
        );
    });
}

#[test]
fn context_of_strangers_is_dropped_where_that_is_asked() {
    let web = Endpoint::new(|mut call| async move {
        for name in ["l5d-ctx-deadline", "l5d-dtab", "l5d-sample"] {
            assert!(!call.head.headers.contains_key(name), "{name}");
        }
        call.say("web");
    });
    let inner = Endpoint::new(|mut call| async move {
        let mut head = answer(502);
        let fields = head.headers_mut();
        fields.insert("l5d-err", HeaderValue::from_static("no name"));
        fields.insert("content-length", HeaderValue::from_static("6"));
        // Nobody may want it.
        let _ = call
            .begin(head)
            .send_data(Bytes::from_static(b"secret"), true);
    });
    let rule = format!("/svc/web => {};/svc/inner => {}", web.path(), inner.path());
    let world = world(&rule, ", clearContext: true", "");
    run(async {
        let mut client = Client::to(world.address()).await;
        let asks = with(get("web"), "l5d-dtab", "/svc/web => /$/nil");
        let asks = with(with(asks, "l5d-ctx-deadline", "1 2"), "l5d-sample", "1.0");
        let reply = client.send(asks).await.expect("an answer");
        assert_eq!(reply.text(), "web");
        assert_eq!(reply.field("l5d-success-class"), None);
        // What routers beyond say of their names is not for strangers either.
        let reply = client.send(get("inner")).await.expect("an answer");
        assert_eq!((reply.status.as_u16(), reply.text()), (502, ""));
        assert_eq!(reply.field("l5d-err"), None);
        assert_eq!(reply.field("content-length"), None);
        let reply = client.send(get("nobody")).await.expect("an answer");
        assert_eq!((reply.status.as_u16(), reply.text()), (502, ""));
        assert_eq!(reply.field("l5d-err"), None);
    });
}

#[test]
fn an_answer_that_ends_early_passes_whole_and_stops_the_request() {
    let (told, mut tells) = tokio::sync::mpsc::channel(1);
    let web = Endpoint::new(move |mut call| {
        let told = told.clone();
        async move {
            call.say("enough");
            let rest = read(&mut call.body).await;
            told.send(rest.map(|_| ())).await.expect("the test waits");
        }
    });
    let world = world(&format!("/svc/web => {}", web.path()), "", "");
    run(async {
        let mut client = Client::to(world.address()).await;
        let (response, mut sink) = client.begin(request("POST", "http://web/")).await;
        sink.send_data(Bytes::from_static(b"some"), false)
            .expect("taken");
        let reply = Reply::read(response).await.expect("an answer");
        assert_eq!(reply.text(), "enough");
        let reset = super::endpoint::reset(&mut sink).await;
        assert_eq!(reset, Some(Reason::NO_ERROR), "nothing more is wanted");
        let told = tells.recv().await.expect("it is told");
        let error = told.expect_err("the router sends no more");
        assert_eq!(error.reason(), Some(Reason::CANCEL));
    });
}

#[test]
fn what_may_go_no_further_is_answered_here() {
    let web = Endpoint::new(|mut call| async move {
        let mut head = answer(200);
        let left = call.head.headers["max-forwards"].clone();
        head.headers_mut().insert("x-left", left);
        call.end(head);
    });
    let world = world(&format!("/svc/web => {}", web.path()), "", "");
    run(async {
        let mut client = Client::to(world.address()).await;
        for (method, limit, status, left, text) in [
            ("OPTIONS", "2", 200, Some("1"), ""),
            ("OPTIONS", "0", 200, None, ""),
            (
                "TRACE",
                "0",
                200,
                None,
                "TRACE / HTTP/2.0\r\nmax-forwards: 0\r\n\r\n",
            ),
            (
                "OPTIONS",
                "x",
                400,
                None,
                "Invalid value for Max-Forwards header",
            ),
        ] {
            let asked = with(request(method, "http://web/"), "max-forwards", limit);
            let reply = client.send(asked).await.expect("an answer");
            assert_eq!(reply.status, status, "{method} {limit}");
            assert_eq!(reply.field("x-left"), left, "{method} {limit}");
            assert_eq!(reply.text(), text, "{method} {limit}");
        }
    });
    assert_eq!(web.requests(), 1);
}
