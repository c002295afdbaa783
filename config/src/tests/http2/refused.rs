//! What belongs to one protocol, and is refused in the other.

use super::super::router;
use super::said;

#[test]
fn identifiers_of_each_protocol_are_refused_in_the_other() {
    insta::assert_snapshot!(
        router(
            r#"
            routers:
            - protocol: h2
              identifier:
              - {kind: io.l5d.header}
              - {kind: io.l5d.methodAndHost}
              - {kind: io.l5d.path}
              - {kind: io.l5d.ingress}
              - {kind: io.l5d.k8s.istio}
              - {kind: io.l5d.header.path, header: ":status", segments: 0}
              - {kind: io.l5d.header.path, consume: true}
              - {kind: io.l5d.header.token, header: Host}
              - {kind: io.l5d.header.tokn}
              servers: [{}]
            - protocol: h2
              label: none
              identifier: []
              servers: [{port: 1}]
            - protocol: http
              identifier:
              - {kind: io.l5d.header.path}
              - {kind: io.l5d.header.token, header: ":authority"}
              servers: [{}]
            "#
        ),
        @r#"
        error: `identifier` kind `io.l5d.header` is not supported: it is for routers with `protocol: http`
         --> router.yaml:4:12
          |
        4 |   - {kind: io.l5d.header}
          |            ^^^^^^^^^^^^^
          |
          = help: use `io.l5d.header.path` with `header: l5d-name`

        error: `identifier` kind `io.l5d.methodAndHost` is not supported: it is for routers with `protocol: http`
         --> router.yaml:5:12
          |
        5 |   - {kind: io.l5d.methodAndHost}
          |            ^^^^^^^^^^^^^^^^^^^^
          |
          = help: use `io.l5d.header.token`, which names requests by their `:authority`

        error: `identifier` kind `io.l5d.path` is not supported: it is for routers with `protocol: http`
         --> router.yaml:6:12
          |
        6 |   - {kind: io.l5d.path}
          |            ^^^^^^^^^^^
          |
          = help: use `io.l5d.header.path` with `segments: 1`

        error: `identifier` kind `io.l5d.ingress` is not supported yet by this version
         --> router.yaml:7:12
          |
        7 |   - {kind: io.l5d.ingress}
          |            ^^^^^^^^^^^^^^

        error: `identifier` kind `io.l5d.k8s.istio` is not supported: Istio has no such API any more
         --> router.yaml:8:12
          |
        8 |   - {kind: io.l5d.k8s.istio}
          |            ^^^^^^^^^^^^^^^^
          |
          = help: use `io.l5d.header.token`, which names requests by their `:authority`

        error: `header` must be the name of a header, not `:status`
         --> router.yaml:9:40
          |
        9 |   - {kind: io.l5d.header.path, header: ":status", segments: 0}
          |                                        ^^^^^^^^^
          |
          = help: write one of :authority, :method, :path, :scheme

        error: `segments` must be a whole number from 1 to 100
         --> router.yaml:9:61
          |
        9 |   - {kind: io.l5d.header.path, header: ":status", segments: 0}
          |                                                             ^

        error: unknown key `consume` in `identifier`
          --> router.yaml:10:32
           |
        10 |   - {kind: io.l5d.header.path, consume: true}
           |                                ^^^^^^^
           |
           = help: known keys here: kind, header, segments, experimental

        warning: requests of HTTP/2 say in `:authority` whom they are for, and have no `Host`
          --> router.yaml:11:41
           |
        11 |   - {kind: io.l5d.header.token, header: Host}
           |                                         ^^^^
           |
           = help: write `:authority`

        error: unknown `identifier` kind `io.l5d.header.tokn`
          --> router.yaml:12:12
           |
        12 |   - {kind: io.l5d.header.tokn}
           |            ^^^^^^^^^^^^^^^^^^
           |
           = help: did you mean `io.l5d.header.token`?

        error: `identifier` must not be empty
          --> router.yaml:16:15
           |
        16 |   identifier: []
           |               ^
           |
           = help: leave it out to name requests by their `:authority`

        error: `identifier` kind `io.l5d.header.path` is not supported: it is for routers with `protocol: h2`
          --> router.yaml:20:12
           |
        20 |   - {kind: io.l5d.header.path}
           |            ^^^^^^^^^^^^^^^^^^
           |
           = help: use `io.l5d.path` for the path of requests, or `io.l5d.header` for another header

        error: `header` must be the name of a header, not `:authority`
          --> router.yaml:21:41
           |
        21 |   - {kind: io.l5d.header.token, header: ":authority"}
           |                                         ^^^^^^^^^^^^
        "#
    );
}

#[test]
fn options_of_http1_are_refused_in_h2() {
    insta::assert_snapshot!(
        said(
            "h2",
            "{h2c: true, tunnelIdleTimeoutMs: 1, windowUpdateRatio: 0.99}",
            "maxInitialLineKB: 4\n  streamingEnabled: true\n  streamAfterContentLengthKB: 5\n  compressionLevel: 0\n  h2AccessLog: a.log\n  h2AccessLogAppend: true\n  h2AccessLogRollPolicy: never\n  h2AccessLogRotateCount: -1\n  service: {retryBufferKB: 64, responseClassifier: {kind: io.l5d.http.retryableRead5XX}}\n  client: {h2: false, hostConnectionPool: {minSize: 0}, windowUpdateRatio: 2}"
        ),
        @r"
        error: `h2c` is for routers with `protocol: http`: this one takes nothing but HTTP/2
         --> router.yaml:3:14
          |
        3 |   servers: [{h2c: true, tunnelIdleTimeoutMs: 1, windowUpdateRatio: 0.99}]
          |              ^^^
          |
          = help: leave it out

        error: `tunnelIdleTimeoutMs` is about HTTP/1.1: there are no tunnels on HTTP/2
         --> router.yaml:3:25
          |
        3 |   servers: [{h2c: true, tunnelIdleTimeoutMs: 1, windowUpdateRatio: 0.99}]
          |                         ^^^^^^^^^^^^^^^^^^^
          |
          = help: leave it out

        warning: `windowUpdateRatio` changes nothing: a window is opened again when half of it was used
         --> router.yaml:3:68
          |
        3 |   servers: [{h2c: true, tunnelIdleTimeoutMs: 1, windowUpdateRatio: 0.99}]
          |                                                                    ^^^^
          |
          = help: leave it out; `initialStreamWindowBytes` says how much may be on its way

        error: `maxInitialLineKB` is about HTTP/1.1: on HTTP/2 the request line is among the headers
         --> router.yaml:4:3
          |
        4 |   maxInitialLineKB: 4
          |   ^^^^^^^^^^^^^^^^
          |
          = help: write `maxHeadersKB`

        error: `streamingEnabled` is about HTTP/1.1: bodies of HTTP/2 are always streamed
         --> router.yaml:5:3
          |
        5 |   streamingEnabled: true
          |   ^^^^^^^^^^^^^^^^
          |
          = help: leave it out

        error: `streamAfterContentLengthKB` is about HTTP/1.1: bodies of HTTP/2 are always streamed
         --> router.yaml:6:3
          |
        6 |   streamAfterContentLengthKB: 5
          |   ^^^^^^^^^^^^^^^^^^^^^^^^^^
          |
          = help: leave it out

        error: `compressionLevel` is about HTTP/1.1: responses of HTTP/2 pass as they are
         --> router.yaml:7:3
          |
        7 |   compressionLevel: 0
          |   ^^^^^^^^^^^^^^^^
          |
          = help: leave it out

        error: `h2AccessLog` is not supported yet by this version
         --> router.yaml:8:3
          |
        8 |   h2AccessLog: a.log
          |   ^^^^^^^^^^^
          |
          = help: leave it out

        error: `h2AccessLogAppend` is not supported yet by this version
         --> router.yaml:9:3
          |
        9 |   h2AccessLogAppend: true
          |   ^^^^^^^^^^^^^^^^^
          |
          = help: leave it out

        error: `h2AccessLogRollPolicy` is not supported yet by this version
          --> router.yaml:10:3
           |
        10 |   h2AccessLogRollPolicy: never
           |   ^^^^^^^^^^^^^^^^^^^^^
           |
           = help: leave it out

        error: `h2AccessLogRotateCount` is not supported yet by this version
          --> router.yaml:11:3
           |
        11 |   h2AccessLogRotateCount: -1
           |   ^^^^^^^^^^^^^^^^^^^^^^
           |
           = help: leave it out

        error: `retryBufferKB` is for routers with `protocol: http`
          --> router.yaml:12:13
           |
        12 |   service: {retryBufferKB: 64, responseClassifier: {kind: io.l5d.http.retryableRead5XX}}
           |             ^^^^^^^^^^^^^
           |
           = help: write `retryBufferSize: {requestBytes: …, responseBytes: …}`

        error: `responseClassifier` kind `io.l5d.http.retryableRead5XX` is not supported: it is for routers with `protocol: http`
          --> router.yaml:12:59
           |
        12 |   service: {retryBufferKB: 64, responseClassifier: {kind: io.l5d.http.retryableRead5XX}}
           |                                                           ^^^^^^^^^^^^^^^^^^^^^^^^^^^^
           |
           = help: use `io.l5d.h2.retryableRead5XX`

        error: `h2` must be `true` in a router with `protocol: h2`
          --> router.yaml:13:16
           |
        13 |   client: {h2: false, hostConnectionPool: {minSize: 0}, windowUpdateRatio: 2}
           |                ^^^^^
           |
           = help: leave it out, or make a router with `protocol: http`

        error: `hostConnectionPool` is about HTTP/1.1: streams of HTTP/2 share connections
          --> router.yaml:13:23
           |
        13 |   client: {h2: false, hostConnectionPool: {minSize: 0}, windowUpdateRatio: 2}
           |                       ^^^^^^^^^^^^^^^^^^
           |
           = help: leave it out; `maxStreamsPerConnection` says how many streams a connection may have

        error: `windowUpdateRatio` must be a number from 0 to 1
          --> router.yaml:13:76
           |
        13 |   client: {h2: false, hostConnectionPool: {minSize: 0}, windowUpdateRatio: 2}
           |                                                                            ^
        "
    );
}

#[test]
fn options_of_h2_are_refused_in_http() {
    insta::assert_snapshot!(
        said(
            "http",
            "{maxConcurrentStreamsPerConnection: 1, maxEarlyResets: 1, headerTableBytes: 1, initialStreamWindowBytes: 1, connectionWindowBytes: 1, maxFrameBytes: 1, maxHeaderListBytes: 1, keepAliveMs: 1, keepAliveTimeoutMs: 1, windowUpdateRatio: 1}, {port: 1, h2c: 1}",
            "service: {classificationTimeoutMs: 1, retryBufferSize: {}, responseClassifier: {kind: io.l5d.h2.grpc.default}}\n  client: {kind: io.l5d.static, configs: [{prefix: /, maxStreamsPerConnection: 1, keepAliveMs: 1}, {prefix: /a, h2: false, maxFrameBytes: 16384}, {prefix: /b, h2: true, hostConnectionPool: {}}]}"
        ),
        @r"
        error: `maxConcurrentStreamsPerConnection` is about HTTP/2, which this server does not take
         --> router.yaml:3:14
          |
        3 |   servers: [{maxConcurrentStreamsPerConnection: 1, maxEarlyResets: 1, headerTableBytes: 1, initialStreamWindowBytes: 1, connectionWin...
          |              ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
          |
          = help: add `h2c: true`, or leave it out

        error: `maxEarlyResets` is about HTTP/2, which this server does not take
         --> router.yaml:3:52
          |
        3 |   servers: [{maxConcurrentStreamsPerConnection: 1, maxEarlyResets: 1, headerTableBytes: 1, initialStreamWindowBytes: 1, connectionWin...
          |                                                    ^^^^^^^^^^^^^^
          |
          = help: add `h2c: true`, or leave it out

        error: `headerTableBytes` is about HTTP/2, which this server does not take
         --> router.yaml:3:71
          |
        3 |   servers: [{maxConcurrentStreamsPerConnection: 1, maxEarlyResets: 1, headerTableBytes: 1, initialStreamWindowBytes: 1, connectionWin...
          |                                                                       ^^^^^^^^^^^^^^^^
          |
          = help: add `h2c: true`, or leave it out

        error: `initialStreamWindowBytes` is about HTTP/2, which this server does not take
         --> router.yaml:3:92
          |
        3 |   servers: [{maxConcurrentStreamsPerConnection: 1, maxEarlyResets: 1, headerTableBytes: 1, initialStreamWindowBytes: 1, connectionWin...
          |                                                                                            ^^^^^^^^^^^^^^^^^^^^^^^^
          |
          = help: add `h2c: true`, or leave it out

        error: `connectionWindowBytes` is about HTTP/2, which this server does not take
         --> router.yaml:3:121
          |
        3 | ... 1, headerTableBytes: 1, initialStreamWindowBytes: 1, connectionWindowBytes: 1, maxFrameBytes: 1, maxHeaderListBytes: 1, keepAlive...
          |                                                          ^^^^^^^^^^^^^^^^^^^^^
          |
          = help: add `h2c: true`, or leave it out

        error: `maxFrameBytes` is about HTTP/2, which this server does not take
         --> router.yaml:3:147
          |
        3 | ...1, initialStreamWindowBytes: 1, connectionWindowBytes: 1, maxFrameBytes: 1, maxHeaderListBytes: 1, keepAliveMs: 1, keepAliveTimeou...
          |                                                              ^^^^^^^^^^^^^
          |
          = help: add `h2c: true`, or leave it out

        error: `maxHeaderListBytes` is about HTTP/2, which this server does not take
         --> router.yaml:3:165
          |
        3 | ...owBytes: 1, connectionWindowBytes: 1, maxFrameBytes: 1, maxHeaderListBytes: 1, keepAliveMs: 1, keepAliveTimeoutMs: 1, windowUpdate...
          |                                                            ^^^^^^^^^^^^^^^^^^
          |
          = help: add `h2c: true`, or leave it out

        error: `keepAliveMs` is about HTTP/2, which this server does not take
         --> router.yaml:3:188
          |
        3 | ...onWindowBytes: 1, maxFrameBytes: 1, maxHeaderListBytes: 1, keepAliveMs: 1, keepAliveTimeoutMs: 1, windowUpdateRatio: 1}, {port: 1,...
          |                                                               ^^^^^^^^^^^
          |
          = help: add `h2c: true`, or leave it out

        error: `keepAliveTimeoutMs` is about HTTP/2, which this server does not take
         --> router.yaml:3:204
          |
        3 | ...axFrameBytes: 1, maxHeaderListBytes: 1, keepAliveMs: 1, keepAliveTimeoutMs: 1, windowUpdateRatio: 1}, {port: 1, h2c: 1}]
          |                                                            ^^^^^^^^^^^^^^^^^^
          |
          = help: add `h2c: true`, or leave it out

        error: `windowUpdateRatio` is about HTTP/2, which this server does not take
         --> router.yaml:3:227
          |
        3 | ...derListBytes: 1, keepAliveMs: 1, keepAliveTimeoutMs: 1, windowUpdateRatio: 1}, {port: 1, h2c: 1}]
          |                                                            ^^^^^^^^^^^^^^^^^
          |
          = help: add `h2c: true`, or leave it out

        error: `h2c` must be `true` or `false`, not a number
         --> router.yaml:3:265
          |
        3 | ...1, keepAliveTimeoutMs: 1, windowUpdateRatio: 1}, {port: 1, h2c: 1}]
          |                                                                    ^

        error: `classificationTimeoutMs` is for routers with `protocol: h2`
         --> router.yaml:4:13
          |
        4 |   service: {classificationTimeoutMs: 1, retryBufferSize: {}, responseClassifier: {kind: io.l5d.h2.grpc.default}}
          |             ^^^^^^^^^^^^^^^^^^^^^^^
          |
          = help: leave it out

        error: `retryBufferSize` is for routers with `protocol: h2`
         --> router.yaml:4:41
          |
        4 |   service: {classificationTimeoutMs: 1, retryBufferSize: {}, responseClassifier: {kind: io.l5d.h2.grpc.default}}
          |                                         ^^^^^^^^^^^^^^^
          |
          = help: write `retryBufferKB`

        error: `responseClassifier` kind `io.l5d.h2.grpc.default` is not supported: it is for routers with `protocol: h2`
         --> router.yaml:4:89
          |
        4 |   service: {classificationTimeoutMs: 1, retryBufferSize: {}, responseClassifier: {kind: io.l5d.h2.grpc.default}}
          |                                                                                         ^^^^^^^^^^^^^^^^^^^^^^
          |
          = help: make a router with `protocol: h2` for what speaks gRPC

        error: `maxStreamsPerConnection` is about HTTP/2, which is not spoken to these endpoints
         --> router.yaml:5:55
          |
        5 |   client: {kind: io.l5d.static, configs: [{prefix: /, maxStreamsPerConnection: 1, keepAliveMs: 1}, {prefix: /a, h2: false, maxFrameBy...
          |                                                       ^^^^^^^^^^^^^^^^^^^^^^^
          |
          = help: add `h2: true`, or leave it out

        error: `keepAliveMs` is about HTTP/2, which is not spoken to these endpoints
         --> router.yaml:5:83
          |
        5 |   client: {kind: io.l5d.static, configs: [{prefix: /, maxStreamsPerConnection: 1, keepAliveMs: 1}, {prefix: /a, h2: false, maxFrameBy...
          |                                                                                   ^^^^^^^^^^^
          |
          = help: add `h2: true`, or leave it out

        error: `maxFrameBytes` is about HTTP/2, which is not spoken to these endpoints
         --> router.yaml:5:124
          |
        5 | ...erConnection: 1, keepAliveMs: 1}, {prefix: /a, h2: false, maxFrameBytes: 16384}, {prefix: /b, h2: true, hostConnectionPool: {}}]}
          |                                                              ^^^^^^^^^^^^^
          |
          = help: add `h2: true`, or leave it out

        error: `hostConnectionPool` is about HTTP/1.1: streams of HTTP/2 share connections
         --> router.yaml:5:170
          |
        5 | ...2: false, maxFrameBytes: 16384}, {prefix: /b, h2: true, hostConnectionPool: {}}]}
          |                                                            ^^^^^^^^^^^^^^^^^^
          |
          = help: leave it out; `maxStreamsPerConnection` says how many streams a connection may have
        "
    );
}

#[test]
fn classifiers_are_refused_with_the_kind_of_the_other_protocol() {
    for kind in [
        "nonRetryable5XX",
        "retryableRead5XX",
        "retryableIdempotent5XX",
        "retryableAll5XX",
        "allSuccessful",
    ] {
        for (protocol, other, own) in [("h2", "http", "h2"), ("http", "h2", "http")] {
            let written =
                format!("service: {{responseClassifier: {{kind: io.l5d.{other}.{kind}}}}}");
            let said = said(protocol, "{}", &written);
            assert!(
                said.contains(&format!("it is for routers with `protocol: {other}`")),
                "{said}"
            );
            assert!(
                said.contains(&format!("use `io.l5d.{own}.{kind}`")),
                "{said}"
            );
        }
    }
    for kind in [
        "default",
        "compliant",
        "alwaysRetryable",
        "neverRetryable",
        "retryableStatusCodes",
    ] {
        let written = format!("service: {{responseClassifier: {{kind: io.l5d.h2.grpc.{kind}}}}}");
        let said = said("http", "{}", &written);
        assert!(said.contains("make a router with `protocol: h2`"), "{said}");
    }
}
