use http1::Known;
use transport::Peer;

use super::super::tests::{edge, origin, request};
use super::super::{Edge, admit};
use super::*;
use crate::headers::Lines as _;
use crate::http2;

const HERE: &str = "10.0.0.9:4140";

fn edge_with(by: Labeler, client: Labeler, address: &str) -> Edge {
    let config = ForwardedHeader { by, client };
    let address = address.parse().ok();
    Edge {
        forwarded: Some(Forwarded::new(&config, "my router", address)),
        ..edge(false)
    }
}

/// The `Forwarded` lines that a request has behind the server.
fn lines(text: &str, origin: Origin<'_>) -> Vec<String> {
    let mut head = request(text);
    admit(&mut head, origin).expect(text);
    let lines = head.fields.all(Known::Forwarded);
    lines
        .map(|line| String::from_utf8_lossy(line).into_owned())
        .collect()
}

fn word(label: &str) -> Labeler {
    Labeler::Static {
        label: label.into(),
    }
}

#[test]
fn both_sides_host_and_scheme_are_told() {
    let edge = edge_with(word("_edge"), Labeler::Ip, HERE);
    let check = |text: &str, expected: &[&str]| {
        assert_eq!(lines(text, origin(&edge)), expected, "{text}");
    };
    check(
        "GET / HTTP/1.1\nHost: web",
        &["by=_edge;for=10.0.0.1;host=web"],
    );
    check(
        "GET / HTTP/1.1\nHost: web:80",
        &["by=_edge;for=10.0.0.1;host=\"web:80\""],
    );
    check(
        "GET HTTP://web/x HTTP/1.1\nHost: other",
        &["by=_edge;for=10.0.0.1;host=web;proto=http"],
    );
    check("GET / HTTP/1.0", &["by=_edge;for=10.0.0.1"]);
    check(
        "GET / HTTP/1.1\nHost: web\nForwarded: for=_a\nforwarded: for=_b",
        &["for=_a", "for=_b", "by=_edge;for=10.0.0.1;host=web"],
    );
    check(
        "GET / HTTP/1.1\nHost: web\nConnection: forwarded\nForwarded: for=_a",
        &["by=_edge;for=10.0.0.1;host=web"],
    );
}

#[test]
fn over_http_2_the_host_is_called_authority() {
    let edge = edge_with(word("_edge"), Labeler::Ip, HERE);
    let check = |text: &str, expected: &[&str]| {
        let mut head = http2::RequestHead::of(text);
        admit(&mut head, origin(&edge)).expect(text);
        let lines = head.fields.all(Known::Forwarded);
        let lines: Vec<_> = lines.map(String::from_utf8_lossy).collect();
        assert_eq!(lines, expected, "{text}");
    };
    check(
        "GET https://web:80/x\nhost: other\nforwarded: for=_a",
        &[
            "for=_a",
            "by=_edge;for=10.0.0.1;authority=\"web:80\";proto=https",
        ],
    );
    check(
        "GET /x\nhost: web",
        &["by=_edge;for=10.0.0.1;authority=web"],
    );
    check("GET /x", &["by=_edge;for=10.0.0.1"]);
}

#[test]
fn each_labeler_names_its_side() {
    let check = |by: Labeler, client: Labeler, address: &str, peer: &str, expected: &str| {
        let edge = edge_with(by, client, address);
        let origin = Origin {
            peer: peer.parse().map_or(Peer::Unix, Peer::Inet),
            ..origin(&edge)
        };
        assert_eq!(lines("GET / HTTP/1.0", origin), [expected]);
    };
    let peer = "10.0.0.1:5000";
    check(
        Labeler::Ip,
        Labeler::IpPort,
        HERE,
        peer,
        "by=10.0.0.9;for=\"10.0.0.1:5000\"",
    );
    check(
        Labeler::IpPort,
        Labeler::Router,
        HERE,
        peer,
        "by=\"10.0.0.9:4140\";for=_my-router",
    );
    check(
        Labeler::Router,
        word("_x"),
        HERE,
        peer,
        "by=_my-router;for=_x",
    );
    check(
        Labeler::Ip,
        Labeler::IpPort,
        "[::1]:4140",
        "[2001:db8::1]:5000",
        "by=\"[::1]\";for=\"[2001:db8::1]:5000\"",
    );
    check(
        Labeler::Ip,
        Labeler::Ip,
        "[::]:4140",
        "[::ffff:10.0.0.1]:5",
        "by=unknown;for=10.0.0.1",
    );
    check(
        Labeler::IpPort,
        Labeler::Ip,
        "0.0.0.0:4140",
        peer,
        "by=unknown;for=10.0.0.1",
    );
    // Neither side of a Unix socket has an address.
    check(
        Labeler::Ip,
        Labeler::IpPort,
        "unix:/run/app.sock",
        "unix",
        "by=unknown;for=unknown",
    );
}

/// The words for both sides, of requests on these connections.
fn random(by: Labeler, client: Labeler, connections: &[u64]) -> Vec<String> {
    let edge = edge_with(by, client, HERE);
    let mut words = Vec::new();
    for connection in connections {
        let origin = Origin {
            connection: *connection,
            ..origin(&edge)
        };
        for line in lines("GET / HTTP/1.0", origin) {
            let word = |part: &str, name| part.strip_prefix(name).expect("a pair").to_owned();
            let (by, client) = line.split_once(';').expect("two pairs");
            words.extend([word(by, "by="), word(client, "for=")]);
        }
    }
    for word in &words {
        let rest = word.strip_prefix('_').expect("no host");
        assert!(rest.len() == 6 && rest.bytes().all(|b| b.is_ascii_alphanumeric()));
    }
    words
}

#[test]
fn random_words_stay_as_long_as_they_should() {
    let all_differ = |words: &[String]| {
        let distinct: std::collections::BTreeSet<_> = words.iter().collect();
        distinct.len() == words.len()
    };
    let words = random(Labeler::RequestRandom, Labeler::RequestRandom, &[1, 1, 2]);
    assert!(all_differ(&words), "{words:?}");
    let words = random(
        Labeler::ConnectionRandom,
        Labeler::ConnectionRandom,
        &[1, 1, 2],
    );
    assert_eq!(words[..2], words[2..4], "one connection");
    assert!(all_differ(&words[2..]), "{words:?}");
}
