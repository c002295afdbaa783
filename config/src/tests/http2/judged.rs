//! Values that are wrong, or mean little.

use super::super::router;
use super::said;

#[test]
fn what_streams_do_without_is_said_where_they_may_come_in() {
    let warned = |server: &str, written: &str| {
        let said = said("http", server, written);
        said.matches("is about requests of HTTP/1.1").count()
    };
    let written = "compressionLevel: 5\n  streamAfterContentLengthKB: 5";
    assert_eq!(warned("{port: 1, h2c: true}", written), 2);
    assert_eq!(warned("{port: 1, h2c: true}", ""), 0);
    assert_eq!(warned("{port: 1}", written), 0);
}

#[test]
fn values_of_http2_are_judged() {
    insta::assert_snapshot!(
        router(
            r"
            routers:
            - protocol: h2
              servers:
              - port: 1
                maxConcurrentStreamsPerConnection: 0
                maxEarlyResets: 0
                headerTableBytes: -1
                initialStreamWindowBytes: 2147483648
                connectionWindowBytes: 65534
                maxFrameBytes: 16383
                maxHeaderListByts: 16384
                keepAliveMs: -1
                keepAliveTimeoutMs: 0
                windowUpdateRatio: 1.1
              - {port: 2, initialStreamWindowBytes: 65537, connectionWindowBytes: 65536, maxHeaderListBytes: 1023}
              client:
                maxStreamsPerConnection: 0
                maxFrameBytes: 16777216
                initialStreamWindowBytes: 0
                maxConcurrentStreamsPerConnection: 1
              service:
                kind: io.l5d.static
                configs:
                - prefix: /
                  classificationTimeoutMs: soon
                  retryBufferSize: {requestBytes: -1, responseBytes: 10485761, bytes: 1}
                - prefix: /a
                  retryBufferSize: 5
                  responseClassifier: {kind: io.l5d.h2.grpc.retryableStatusCodes, successStatusCodes: 0}
                - prefix: /b
                  responseClassifier: {kind: io.l5d.h2.grpc.retryableStatusCodes, retryableStatusCodes: [UNAVAILABLE, -1]}
                - prefix: /c
                  responseClassifier: {kind: io.l5d.h2.grpc.compliant, successStatusCodes: [5], retryableStatusCodes: [14]}
                - prefix: /d
                  responseClassifier: {kind: io.l5d.h2.grpc.complaint}
                - prefix: /e
                  responseClassifier: {}
            "
        ),
        @r"
        error: `maxConcurrentStreamsPerConnection` must be a whole number from 1 to 1000000
         --> router.yaml:5:40
          |
        5 |     maxConcurrentStreamsPerConnection: 0
          |                                        ^

        error: `maxEarlyResets` must be a whole number from 1 to 1000000
         --> router.yaml:6:21
          |
        6 |     maxEarlyResets: 0
          |                     ^

        error: `headerTableBytes` must be a whole number from 0 to 1048576
         --> router.yaml:7:23
          |
        7 |     headerTableBytes: -1
          |                       ^^

        error: `initialStreamWindowBytes` must be a whole number from 1 to 2147483647
         --> router.yaml:8:31
          |
        8 |     initialStreamWindowBytes: 2147483648
          |                               ^^^^^^^^^^

        error: `connectionWindowBytes` must be a whole number from 65535 to 2147483647
         --> router.yaml:9:28
          |
        9 |     connectionWindowBytes: 65534
          |                            ^^^^^

        error: `maxFrameBytes` must be a whole number from 16384 to 16777215
          --> router.yaml:10:20
           |
        10 |     maxFrameBytes: 16383
           |                    ^^^^^

        error: unknown key `maxHeaderListByts` in `servers`
          --> router.yaml:11:5
           |
        11 |     maxHeaderListByts: 16384
           |     ^^^^^^^^^^^^^^^^^
           |
           = help: did you mean `maxHeaderListBytes`?

        error: `keepAliveMs` must be a whole number from 0 to 86400000
          --> router.yaml:12:18
           |
        12 |     keepAliveMs: -1
           |                  ^^

        error: `keepAliveTimeoutMs` must be a whole number from 1 to 86400000
          --> router.yaml:13:25
           |
        13 |     keepAliveTimeoutMs: 0
           |                         ^

        error: `windowUpdateRatio` must be a number from 0 to 1
          --> router.yaml:14:24
           |
        14 |     windowUpdateRatio: 1.1
           |                        ^^^

        error: `connectionWindowBytes` must not be below `initialStreamWindowBytes`
          --> router.yaml:15:71
           |
        15 |   - {port: 2, initialStreamWindowBytes: 65537, connectionWindowBytes: 65536, maxHeaderListBytes: 1023}
           |                                                                       ^^^^^

        error: `maxHeaderListBytes` must be a whole number from 1024 to 1048576
          --> router.yaml:15:98
           |
        15 |   - {port: 2, initialStreamWindowBytes: 65537, connectionWindowBytes: 65536, maxHeaderListBytes: 1023}
           |                                                                                                  ^^^^

        error: `maxStreamsPerConnection` must be a whole number from 1 to 1000000
          --> router.yaml:17:30
           |
        17 |     maxStreamsPerConnection: 0
           |                              ^

        error: `maxFrameBytes` must be a whole number from 16384 to 16777215
          --> router.yaml:18:20
           |
        18 |     maxFrameBytes: 16777216
           |                    ^^^^^^^^

        error: `initialStreamWindowBytes` must be a whole number from 1 to 2147483647
          --> router.yaml:19:31
           |
        19 |     initialStreamWindowBytes: 0
           |                               ^

        error: unknown key `maxConcurrentStreamsPerConnection` in `client`
          --> router.yaml:20:5
           |
        20 |     maxConcurrentStreamsPerConnection: 1
           |     ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
           |
           = help: did you mean `maxStreamsPerConnection`?

        error: `classificationTimeoutMs` must be a whole number from 0 to 86400000, not text
          --> router.yaml:25:32
           |
        25 |       classificationTimeoutMs: soon
           |                                ^^^^

        error: `requestBytes` must be a whole number from 0 to 10485760
          --> router.yaml:26:39
           |
        26 |       retryBufferSize: {requestBytes: -1, responseBytes: 10485761, bytes: 1}
           |                                       ^^

        error: `responseBytes` must be a whole number from 0 to 10485760
          --> router.yaml:26:58
           |
        26 |       retryBufferSize: {requestBytes: -1, responseBytes: 10485761, bytes: 1}
           |                                                          ^^^^^^^^

        error: unknown key `bytes` in `retryBufferSize`
          --> router.yaml:26:68
           |
        26 |       retryBufferSize: {requestBytes: -1, responseBytes: 10485761, bytes: 1}
           |                                                                    ^^^^^
           |
           = help: known keys here: requestBytes, responseBytes

        error: `retryBufferSize` must be an object, not a number
          --> router.yaml:28:24
           |
        28 |       retryBufferSize: 5
           |                        ^

        error: `responseClassifier` needs `retryableStatusCodes`
          --> router.yaml:29:27
           |
        29 |       responseClassifier: {kind: io.l5d.h2.grpc.retryableStatusCodes, successStatusCodes: 0}
           |                           ^

        error: `successStatusCodes` must be a list, not a number
          --> router.yaml:29:91
           |
        29 |       responseClassifier: {kind: io.l5d.h2.grpc.retryableStatusCodes, successStatusCodes: 0}
           |                                                                                           ^
           |
           = help: begin each item with `- `

        error: `retryableStatusCodes` must be a whole number from 0 to 4294967295, not text
          --> router.yaml:31:94
           |
        31 |       responseClassifier: {kind: io.l5d.h2.grpc.retryableStatusCodes, retryableStatusCodes: [UNAVAILABLE, -1]}
           |                                                                                              ^^^^^^^^^^^

        error: `retryableStatusCodes` must be a whole number from 0 to 4294967295
          --> router.yaml:31:107
           |
        31 |       responseClassifier: {kind: io.l5d.h2.grpc.retryableStatusCodes, retryableStatusCodes: [UNAVAILABLE, -1]}
           |                                                                                                           ^^

        warning: `successStatusCodes` without 0 makes a failure of every call that the endpoint calls OK
          --> router.yaml:33:80
           |
        33 |       responseClassifier: {kind: io.l5d.h2.grpc.compliant, successStatusCodes: [5], retryableStatusCodes: [14]}
           |                                                                                ^
           |
           = help: add 0

        error: unknown key `retryableStatusCodes` in `responseClassifier`
          --> router.yaml:33:85
           |
        33 |       responseClassifier: {kind: io.l5d.h2.grpc.compliant, successStatusCodes: [5], retryableStatusCodes: [14]}
           |                                                                                     ^^^^^^^^^^^^^^^^^^^^
           |
           = help: known keys here: kind, successStatusCodes

        error: unknown `responseClassifier` kind `io.l5d.h2.grpc.complaint`
          --> router.yaml:35:34
           |
        35 |       responseClassifier: {kind: io.l5d.h2.grpc.complaint}
           |                                  ^^^^^^^^^^^^^^^^^^^^^^^^
           |
           = help: did you mean `io.l5d.h2.grpc.compliant`?

        error: `responseClassifier` needs `kind`
          --> router.yaml:37:27
           |
        37 |       responseClassifier: {}
           |                           ^
           |
           = help: known kinds: io.l5d.h2.nonRetryable5XX, io.l5d.h2.retryableRead5XX, io.l5d.h2.retryableIdempotent5XX, io.l5d.h2.retryableAll5XX, io.l5d.h2.allSuccessful, io.l5d.h2.grpc.default, io.l5d.h2.grpc.compliant, io.l5d.h2.grpc.alwaysRetryable, io.l5d.h2.grpc.neverRetryable, io.l5d.h2.grpc.retryableStatusCodes
        "
    );
}

#[test]
fn a_ratio_that_changes_nothing_is_said_to_do_so() {
    insta::assert_snapshot!(
        said(
            "h2",
            "{windowUpdateRatio: 0.99}, {port: 1, windowUpdateRatio: 0.5}",
            "client: {windowUpdateRatio: 0}"
        ),
        @r"
        accepted

        warning: `windowUpdateRatio` changes nothing: a window is opened again when half of it was used
         --> router.yaml:3:33
          |
        3 |   servers: [{windowUpdateRatio: 0.99}, {port: 1, windowUpdateRatio: 0.5}]
          |                                 ^^^^
          |
          = help: leave it out; `initialStreamWindowBytes` says how much may be on its way

        warning: `windowUpdateRatio` changes nothing: a window is opened again when half of it was used
         --> router.yaml:4:31
          |
        4 |   client: {windowUpdateRatio: 0}
          |                               ^
          |
          = help: leave it out; `initialStreamWindowBytes` says how much may be on its way
        "
    );
}

#[test]
fn h2_routers_need_servers_and_a_label_of_their_own() {
    insta::assert_snapshot!(
        router(
            r"
            routers:
            - {protocol: h2}
            - {protocol: h2, servers: []}
            - {protocol: http, label: h3, servers: [{port: 4142}]}
            - {protocol: h2, label: h4, servers: [{}]}
            "
        ),
        @r"
        error: router `h2` has no servers
         --> router.yaml:2:3
          |
        2 | - {protocol: h2}
          |   ^
          |
          = help: add `servers: [{port: 4142}]`

        error: two routers have the label `h2`
         --> router.yaml:3:3
          |
        3 | - {protocol: h2, servers: []}
          |   ^
          |
          = help: the router on line 2 has it; give this one a `label` of its own

        error: router `h2` has no servers
         --> router.yaml:3:27
          |
        3 | - {protocol: h2, servers: []}
          |                           ^
          |
          = help: write `[{port: 4142}]`

        error: 127.0.0.1:4142 is taken: router `h3` listens on 127.0.0.1:4142
         --> router.yaml:5:39
          |
        5 | - {protocol: h2, label: h4, servers: [{}]}
          |                                       ^
          |
          = help: choose another `port`
        "
    );
}
