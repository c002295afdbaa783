use std::io;

use http1::ResponseHead;

use super::*;
use crate::http2;

fn broken(cause: Interrupted) -> RouteError {
    RouteError::Broken {
        id: BoundId::Status(200),
        address: SocketAddr::from(([127, 0, 0, 1], 80)),
        cause,
    }
}

fn not_connected(cause: ConnectError) -> RouteError {
    RouteError::NotConnected {
        id: BoundId::Status(200),
        address: SocketAddr::from(([127, 0, 0, 1], 80)),
        cause,
        addresses: Vec::new(),
    }
}

#[test]
fn each_error_says_whose_fault_it_is_and_what_to_do() {
    use Blame::{Client, Upstream, Us};
    let check = |error: &RouteError, status: u16, blame, label: &str| {
        assert_eq!(error.status().as_u16(), status, "{error}");
        assert_eq!(error.blame(), blame, "{error}");
        assert_eq!(error.label(), label, "{error}");
    };
    let refused = |refusal| RouteError::Malformed(refusal);
    let reset = || io::Error::from(io::ErrorKind::ConnectionReset);
    check(&refused(http1::Refusal::NoHost), 400, Client, "malformed");
    check(
        &refused(http1::Refusal::LineTooLong),
        414,
        Client,
        "malformed",
    );
    check(
        &refused(http1::Refusal::FieldsTooLong),
        431,
        Client,
        "malformed",
    );
    check(&RouteError::TooSlow, 408, Client, "request_timeout");
    check(&RouteError::TakesHttp2Only, 505, Client, "http2_only");
    let here = || BoundId::Status(200);
    check(
        &RouteError::NoTunnelThere(here()),
        502,
        Client,
        "no_tunnels",
    );
    check(
        &RouteError::NotForHttp2(here()),
        400,
        Client,
        "not_for_http2",
    );
    check(
        &broken(Interrupted::Switched),
        502,
        Upstream,
        "malformed_answer",
    );
    check(&RouteError::TooManyCalls(1), 400, Client, "too_many_calls");
    check(&RouteError::BadMaxForwards, 400, Client, "bad_max_forwards");
    check(&RouteError::Unbound(Nothing::Neg), 502, Upstream, "unbound");
    let unknown = RouteError::NotBoundInTime {
        timeout: Duration::from_secs(10),
        reason: "no word".into(),
    };
    check(&unknown, 503, Us, "binding_timeout");
    check(
        &broken(Interrupted::Io(reset())),
        502,
        Upstream,
        "connection_broken",
    );
    check(
        &broken(Interrupted::Closed),
        502,
        Upstream,
        "connection_broken",
    );
    let refused = not_connected(ConnectError::Refused(reset()));
    check(&refused, 502, Upstream, "connect_failed");
    let slow = not_connected(ConnectError::TimedOut(Duration::from_secs(1)));
    check(&slow, 504, Upstream, "connect_timeout");
}

#[test]
fn only_what_reached_nobody_may_be_retried() {
    assert!(not_connected(ConnectError::TimedOut(Duration::from_secs(1))).is_retryable());
    assert!(!broken(Interrupted::Closed).is_retryable());
    assert!(!RouteError::TooSlow.is_retryable());
}

#[test]
fn a_connection_ends_where_nobody_knows_what_comes_next() {
    assert!(RouteError::Malformed(http1::Refusal::NoHost).closes());
    assert!(RouteError::TooSlow.closes());
    assert!(!RouteError::TooManyCalls(1).closes());
    assert!(!broken(Interrupted::Closed).closes());
}

#[test]
fn an_answer_says_why_in_its_head_and_in_its_body() {
    let mut head = ResponseHead::new(StatusCode::OK);
    head.fields.push(Known::Location, b"left over");
    let text =
        not_connected(ConnectError::TimedOut(Duration::from_secs(1))).answer(None, 8192, &mut head);
    assert_eq!(text, "Unable to establish connection to 127.0.0.1:80.");
    let mut written = Vec::new();
    head.write_to(&mut written);
    assert_eq!(
        String::from_utf8(written).expect("text"),
        "HTTP/1.1 504 Gateway Timeout\r\ncontent-type: text/plain\r\n\
         l5d-err: Unable+to+establish+connection+to+127.0.0.1%3A80.\r\nl5d-retryable: true\r\n\r\n"
    );
}

#[test]
fn an_answer_says_the_same_over_http_2() {
    let mut head = http2::ResponseHead::new(StatusCode::OK);
    head.fields.push(Known::Location, b"left over");
    let error = RouteError::Overloaded(Full::Process);
    let text = error.answer(None, 20, &mut head);
    assert_eq!(text, error.to_string());
    assert_eq!(head.status, StatusCode::SERVICE_UNAVAILABLE);
    let lines: Vec<_> = head
        .fields
        .map()
        .iter()
        .map(|(name, value)| format!("{name}: {}", value.as_bytes().escape_ascii()))
        .collect();
    assert_eq!(
        lines,
        [
            "content-type: text/plain",
            "l5d-err: this+router+has+as+m",
            "l5d-retryable: true",
            "retry-after: 1",
        ]
    );
}

#[test]
fn a_request_without_a_name_is_shown() {
    let peer = Peer::Inet(([10, 0, 0, 1], 5000).into());
    let check = |text: &str, expected: &str| {
        let reason = Unidentified::Nothing("why".into());
        let error = RouteError::unidentified(&http2::RequestHead::of(text), peer, reason);
        assert_eq!(error.to_string(), expected);
    };
    check(
        "GET http://web/x?y",
        "Unknown destination: Request(\"GET /x?y\", from /10.0.0.1:5000) / why",
    );
    check(
        "CONNECT web:443",
        "Unknown destination: Request(\"CONNECT web:443\", from /10.0.0.1:5000) / why",
    );
}

#[test]
fn what_a_head_says_of_an_error_is_bounded() {
    let mut head = ResponseHead::new(StatusCode::OK);
    let text =
        not_connected(ConnectError::TimedOut(Duration::from_secs(1))).answer(None, 10, &mut head);
    assert_eq!(head.fields.get(Known::L5dErr), Some(&b"Unable+to+"[..]));
    assert!(text.len() > 10);
}
