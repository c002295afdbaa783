//! `protocol: h2`, and HTTP/2 in routers with `protocol: http`.

mod judged;
mod refused;
mod shown;

use std::time::Duration;

use dtab::Path;

use super::{read, router};
use crate::{
    ClientSettings, GrpcClassifier, GrpcKind, Http2Client, Http2Flow, Http2Server,
    IdentifierConfig, KeepAlive, Router, Server, ServiceSettings, StreamClassifier, StreamSettings,
};

const MS: Duration = Duration::from_millis(1);

/// A router that says this beside its protocol and one server.
fn h2(written: &str) -> Router {
    one("h2", "{}", written)
}

fn one(protocol: &str, server: &str, written: &str) -> Router {
    let mut config = read(&format!(
        "routers:\n- protocol: {protocol}\n  servers: [{server}]\n  {written}"
    ));
    config.routers.remove(0)
}

fn server(protocol: &str, server: &str) -> Server {
    one(protocol, server, "").servers.remove(0)
}

/// What is said about such a router.
fn said(protocol: &str, server: &str, written: &str) -> String {
    router(&format!(
        "routers:\n- protocol: {protocol}\n  servers: [{server}]\n  {written}"
    ))
}

fn service(protocol: &str, written: &str) -> ServiceSettings {
    let router = one(protocol, "{}", &format!("service: {written}"));
    router.service.of(&Path::parse("/svc/web").expect("a path"))
}

fn client(protocol: &str, written: &str) -> ClientSettings {
    let router = one(protocol, "{}", &format!("client: {written}"));
    router.client.of(&Path::parse("/#/fs/web").expect("a path"))
}

#[test]
fn servers_have_windows_streams_and_pings() {
    let default = Http2Server {
        flow: Http2Flow {
            header_table_bytes: 4096,
            stream_window_bytes: 65_535,
            connection_window_bytes: 16 * 1024 * 1024,
            max_frame_bytes: 16_384,
            max_header_list_bytes: None,
        },
        max_concurrent_streams: 1000,
        keep_alive: KeepAlive {
            interval: Some(60_000 * MS),
            timeout: 20_000 * MS,
        },
        max_early_resets: 500,
    };
    let flow = default.flow;
    for (written, expected) in [
        ("{}", default),
        (
            "{headerTableBytes: 8192}",
            Http2Server {
                flow: Http2Flow {
                    header_table_bytes: 8192,
                    ..flow
                },
                ..default
            },
        ),
        // One stream may have all of the connection's window, and no more.
        (
            "{initialStreamWindowBytes: 33554432}",
            Http2Server {
                flow: Http2Flow {
                    stream_window_bytes: 33_554_432,
                    connection_window_bytes: 33_554_432,
                    ..flow
                },
                ..default
            },
        ),
        (
            "{initialStreamWindowBytes: 1, connectionWindowBytes: 65535}",
            Http2Server {
                flow: Http2Flow {
                    stream_window_bytes: 1,
                    connection_window_bytes: 65_535,
                    ..flow
                },
                ..default
            },
        ),
        (
            "{maxFrameBytes: '16385', maxHeaderListBytes: 2048}",
            Http2Server {
                flow: Http2Flow {
                    max_frame_bytes: 16_385,
                    max_header_list_bytes: Some(2048),
                    ..flow
                },
                ..default
            },
        ),
        (
            "{maxConcurrentStreamsPerConnection: 1, maxEarlyResets: 2}",
            Http2Server {
                max_concurrent_streams: 1,
                max_early_resets: 2,
                ..default
            },
        ),
        (
            "{keepAliveMs: 0, keepAliveTimeoutMs: 5}",
            Http2Server {
                keep_alive: KeepAlive {
                    interval: None,
                    timeout: 5 * MS,
                },
                ..default
            },
        ),
        (
            "{keepAliveMs: 7}",
            Http2Server {
                keep_alive: KeepAlive {
                    interval: Some(7 * MS),
                    timeout: 20_000 * MS,
                },
                ..default
            },
        ),
    ] {
        let read = server("h2", written);
        assert_eq!(read.http2, expected, "{written}");
        assert!(read.takes_http2() && !read.h2c, "{written}");
        let beside = written.trim_start_matches('{');
        let read = server("http", &format!("{{h2c: true, {beside}"));
        assert_eq!(read.http2, expected, "{written}");
        assert!(read.takes_http2() && read.h2c, "{written}");
    }
    for written in ["{}", "{h2c: false}"] {
        let read = server("http", written);
        assert!(!read.takes_http2() && !read.h2c, "{written}");
    }
}

#[test]
fn clients_have_windows_streams_and_pings() {
    let default = Http2Client {
        is_on: true,
        flow: Http2Flow::default(),
        max_streams: 250,
        keep_alive: KeepAlive {
            interval: Some(300_000 * MS),
            timeout: 20_000 * MS,
        },
    };
    for (written, expected) in [
        ("{h2: true}", default),
        (
            "{h2: true, maxStreamsPerConnection: 1}",
            Http2Client {
                max_streams: 1,
                ..default
            },
        ),
        (
            "{h2: true, initialStreamWindowBytes: 33554432, keepAliveMs: 0}",
            Http2Client {
                flow: Http2Flow {
                    stream_window_bytes: 33_554_432,
                    connection_window_bytes: 33_554_432,
                    ..default.flow
                },
                keep_alive: KeepAlive {
                    interval: None,
                    ..default.keep_alive
                },
                ..default
            },
        ),
        (
            "{kind: io.l5d.static, configs: [{prefix: /, h2: true, maxFrameBytes: 20000, maxStreamsPerConnection: 3}, {prefix: /#/fs/web, h2: true, maxStreamsPerConnection: 4}]}",
            Http2Client {
                flow: Http2Flow {
                    max_frame_bytes: 20_000,
                    ..default.flow
                },
                max_streams: 4,
                ..default
            },
        ),
    ] {
        for protocol in ["h2", "http"] {
            assert_eq!(client(protocol, written).http2, expected, "{written}");
        }
    }
    assert!(client("h2", "{}").http2.is_on);
    assert!(!client("http", "{}").http2.is_on);
    let off = "{kind: io.l5d.static, configs: [{prefix: /, h2: true}, {prefix: /#/fs, h2: false}]}";
    assert!(!client("http", off).http2.is_on);
}

#[test]
fn streams_are_classified_by_kind() {
    let grpc = |kind, success_codes: &[u32]| {
        StreamClassifier::Grpc(GrpcClassifier {
            kind,
            success_codes: success_codes.to_vec(),
        })
    };
    for (kind, expected) in [
        ("nonRetryable5XX", StreamClassifier::NonRetryable5xx),
        ("retryableRead5XX", StreamClassifier::RetryableRead5xx),
        (
            "retryableIdempotent5XX",
            StreamClassifier::RetryableIdempotent5xx,
        ),
        ("retryableAll5XX", StreamClassifier::RetryableAll5xx),
        ("allSuccessful", StreamClassifier::AllSuccessful),
        ("grpc.default", grpc(GrpcKind::Default, &[0])),
        (
            "grpc.compliant, successStatusCodes: [0, 5]",
            grpc(GrpcKind::Compliant, &[0, 5]),
        ),
        (
            "grpc.alwaysRetryable, successStatusCodes: ['0']",
            grpc(GrpcKind::AlwaysRetryable, &[0]),
        ),
        ("grpc.neverRetryable", grpc(GrpcKind::NeverRetryable, &[0])),
        (
            "grpc.retryableStatusCodes, retryableStatusCodes: [4, 99]",
            grpc(GrpcKind::RetryableStatusCodes(vec![4, 99]), &[0]),
        ),
        (
            "grpc.retryableStatusCodes, retryableStatusCodes: []",
            grpc(GrpcKind::RetryableStatusCodes(Vec::new()), &[0]),
        ),
    ] {
        let written = format!("{{responseClassifier: {{kind: io.l5d.h2.{kind}}}}}");
        let streams = service("h2", &written).streams;
        assert_eq!(streams.classifier, expected, "{kind}");
    }
}

#[test]
fn streams_are_kept_for_a_while() {
    let default = StreamSettings {
        classifier: StreamClassifier::NonRetryable5xx,
        classification_timeout: 100 * MS,
        request_bytes: 16_383,
        response_bytes: 16_383,
    };
    for (written, expected) in [
        ("{}", default.clone()),
        (
            "{classificationTimeoutMs: 0}",
            StreamSettings {
                classification_timeout: Duration::ZERO,
                ..default.clone()
            },
        ),
        ("{retryBufferSize: {}}", default.clone()),
        (
            "{retryBufferSize: {requestBytes: 0, responseBytes: 10485760}}",
            StreamSettings {
                request_bytes: 0,
                response_bytes: 10_485_760,
                ..default.clone()
            },
        ),
        // An object is replaced as a whole.
        (
            "{kind: io.l5d.static, configs: [{prefix: /, classificationTimeoutMs: 5, retryBufferSize: {requestBytes: 1}}, {prefix: /svc, retryBufferSize: {responseBytes: 2}}]}",
            StreamSettings {
                classification_timeout: 5 * MS,
                response_bytes: 2,
                ..default.clone()
            },
        ),
    ] {
        assert_eq!(service("h2", written).streams, expected, "{written}");
    }
}

#[test]
fn what_an_http_router_says_of_answers_counts_for_its_streams_too() {
    let settings = service(
        "http",
        "{retryBufferKB: 2, responseClassifier: {kind: io.l5d.http.retryableAll5XX}}",
    );
    assert_eq!(
        settings.streams,
        StreamSettings {
            classifier: StreamClassifier::RetryableAll5xx,
            classification_timeout: 100 * MS,
            request_bytes: 2048,
            response_bytes: 16_383,
        }
    );
    for (kind, expected) in [
        ("nonRetryable5XX", StreamClassifier::NonRetryable5xx),
        ("retryableRead5XX", StreamClassifier::RetryableRead5xx),
        (
            "retryableIdempotent5XX",
            StreamClassifier::RetryableIdempotent5xx,
        ),
        ("allSuccessful", StreamClassifier::AllSuccessful),
    ] {
        let written = format!("{{responseClassifier: {{kind: io.l5d.http.{kind}}}}}");
        assert_eq!(service("http", &written).streams.classifier, expected);
    }
}

#[test]
fn requests_are_named_by_a_header_or_the_path() {
    let authority = || ":authority".to_owned();
    for (written, expected) in [
        (
            "{kind: io.l5d.header.token}",
            IdentifierConfig::HeaderToken {
                header: authority(),
            },
        ),
        (
            "{kind: io.l5d.header.token, header: x-service}",
            IdentifierConfig::HeaderToken {
                header: "x-service".into(),
            },
        ),
        (
            "{kind: io.l5d.header.path}",
            IdentifierConfig::HeaderPath {
                header: ":path".into(),
                segments: None,
            },
        ),
        (
            "{kind: io.l5d.header.path, header: ':path', segments: 2}",
            IdentifierConfig::HeaderPath {
                header: ":path".into(),
                segments: Some(2),
            },
        ),
        (
            "{kind: io.l5d.header.path, header: l5d-name}",
            IdentifierConfig::HeaderPath {
                header: "l5d-name".into(),
                segments: None,
            },
        ),
        (
            "{kind: io.l5d.static, path: /a}",
            IdentifierConfig::Static {
                path: Path::parse("/a").expect("a path"),
            },
        ),
    ] {
        let router = h2(&format!("identifier: {written}"));
        assert_eq!(router.identifiers, [expected], "{written}");
    }
    assert_eq!(
        h2("").identifiers,
        [IdentifierConfig::HeaderToken {
            header: authority()
        }]
    );
    let several =
        "identifier: [{kind: io.l5d.header.token, header: ':scheme'}, {kind: io.l5d.header.path}]";
    assert_eq!(h2(several).identifiers.len(), 2);
}
