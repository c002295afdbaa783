//! Values that must be of a kind, in a range, or not taken.

use super::router;

#[test]
fn ports_and_addresses_are_judged() {
    insta::assert_snapshot!(
        router(
            r#"
            admin: {port: -1}
            routers:
            - protocol: http
              servers:
              - port: 65536
              - port: "4140"
              - port: http
              - port: 4140.5
              - ip: example.org
              - ip: 300.1.1.1
              - ip: 127.1
              - [4140]
            "#
        ),
        @r#"
        error: `port` must be a whole number from 0 to 65535
         --> router.yaml:1:15
          |
        1 | admin: {port: -1}
          |               ^^

        error: `port` must be a whole number from 0 to 65535
         --> router.yaml:5:11
          |
        5 |   - port: 65536
          |           ^^^^^

        error: `port` must be a whole number from 0 to 65535, not text
         --> router.yaml:6:11
          |
        6 |   - port: "4140"
          |           ^^^^^^
          |
          = help: write 4140 without quotes

        error: `port` must be a whole number from 0 to 65535, not text
         --> router.yaml:7:11
          |
        7 |   - port: http
          |           ^^^^

        error: `port` must be a whole number from 0 to 65535, not a fraction
         --> router.yaml:8:11
          |
        8 |   - port: 4140.5
          |           ^^^^^^

        error: `ip` must be an IP address, not `example.org`
         --> router.yaml:9:9
          |
        9 |   - ip: example.org
          |         ^^^^^^^^^^^
          |
          = help: write it like 127.0.0.1 or ::1; names are not looked up

        error: `ip` must be an IP address, not `300.1.1.1`
          --> router.yaml:10:9
           |
        10 |   - ip: 300.1.1.1
           |         ^^^^^^^^^
           |
           = help: write it like 127.0.0.1 or ::1; names are not looked up

        error: `ip` must be an IP address, not `127.1`
          --> router.yaml:11:9
           |
        11 |   - ip: 127.1
           |         ^^^^^
           |
           = help: write it like 127.0.0.1 or ::1; names are not looked up

        error: `servers` must be an object, not a list
          --> router.yaml:12:5
           |
        12 |   - [4140]
           |     ^
        "#
    );
}

#[test]
fn numbers_and_durations_are_judged() {
    insta::assert_snapshot!(
        router(
            r"
            routers:
            - protocol: http
              bindingTimeoutMs: 3s
              bindingCache: {paths: 0, idleTtlSecs: 1.5}
              originator: yes
              servers: [{port: 4140}]
            "
        ),
        @r"
        error: `bindingTimeoutMs` must be a whole number from 1 to 86400000, not text
         --> router.yaml:3:21
          |
        3 |   bindingTimeoutMs: 3s
          |                     ^^

        error: `paths` must be a whole number from 1 to 1000000
         --> router.yaml:4:25
          |
        4 |   bindingCache: {paths: 0, idleTtlSecs: 1.5}
          |                         ^

        error: `idleTtlSecs` must be a whole number from 1 to 31536000, not a fraction
         --> router.yaml:4:41
          |
        4 |   bindingCache: {paths: 0, idleTtlSecs: 1.5}
          |                                         ^^^

        error: `originator` must be `true` or `false`, not text
         --> router.yaml:5:15
          |
        5 |   originator: yes
          |               ^^^
        "
    );
}

#[test]
fn two_servers_may_not_share_an_address() {
    insta::assert_snapshot!(
        router(
            r#"
            admin: {ip: "::", port: 9990}
            routers:
            - protocol: http
              label: a
              servers:
              - {port: 4140}
              - {port: 0}
              - {port: 0}
            - protocol: http
              label: b
              servers:
              - {port: 4140, ip: 0.0.0.0, clearContext: true}
              - {port: 4140, ip: "::1"}
              - {port: 9990}
            "#
        ),
        @r"
        error: 0.0.0.0:4140 is taken: router `a` listens on 127.0.0.1:4140
          --> router.yaml:12:12
           |
        12 |   - {port: 4140, ip: 0.0.0.0, clearContext: true}
           |            ^^^^
           |
           = help: choose another `port`

        error: 127.0.0.1:9990 is taken: the admin server listens on [::]:9990
          --> router.yaml:14:12
           |
        14 |   - {port: 9990}
           |            ^^^^
           |
           = help: choose another `port`
        "
    );
}

#[test]
fn a_default_admin_port_is_taken_too() {
    insta::assert_snapshot!(
        router(
            r"
            routers:
            - protocol: http
              servers: [{port: 9990}]
            "
        ),
        @r"
        error: 127.0.0.1:9990 is taken: the admin server listens on 127.0.0.1:9990
         --> router.yaml:3:20
          |
        3 |   servers: [{port: 9990}]
          |                    ^^^^
          |
          = help: choose another `port`
        "
    );
}

#[test]
fn two_routers_may_not_share_a_label_even_a_default_one() {
    insta::assert_snapshot!(
        router(
            r"
            routers:
            - protocol: http
              servers: [{port: 4140}]
            - protocol: http
              servers: [{port: 4141}]
            - protocol: http
              label: http
              servers: [{port: 4142}]
            "
        ),
        @r"
        error: two routers have the label `http`
         --> router.yaml:4:3
          |
        4 | - protocol: http
          |   ^^^^^^^^
          |
          = help: the router on line 2 has it; give this one a `label` of its own

        error: two routers have the label `http`
         --> router.yaml:7:10
          |
        7 |   label: http
          |          ^^^^
          |
          = help: the router on line 2 has it; give this one a `label` of its own
        "
    );
}

#[test]
fn missing_files_and_folders_are_named() {
    insta::assert_snapshot!(
        router(
            r"
            namers:
            - {kind: io.l5d.fs, rootDir: Cargo.toml}
            - {kind: io.l5d.fs, rootDir: /no/such/folder}
            - {kind: io.l5d.fs}
            routers:
            - protocol: http
              interpreter: {kind: io.l5d.fs, dtabFile: /no/such.dtab}
              servers: [{port: 4140}]
            "
        ),
        @r"
        error: `rootDir` names `Cargo.toml`, which is not a directory
         --> router.yaml:2:30
          |
        2 | - {kind: io.l5d.fs, rootDir: Cargo.toml}
          |                              ^^^^^^^^^^

        error: `rootDir` names `/no/such/folder`, which is not a directory
         --> router.yaml:3:30
          |
        3 | - {kind: io.l5d.fs, rootDir: /no/such/folder}
          |                              ^^^^^^^^^^^^^^^
          |
          = help: it does not exist

        error: `namers` needs `rootDir`
         --> router.yaml:4:3
          |
        4 | - {kind: io.l5d.fs}
          |   ^

        error: `dtabFile` names `/no/such.dtab`, which is not a file
         --> router.yaml:7:44
          |
        7 |   interpreter: {kind: io.l5d.fs, dtabFile: /no/such.dtab}
          |                                            ^^^^^^^^^^^^^
          |
          = help: it does not exist
        "
    );
}

#[test]
fn a_rewrite_needs_its_prefix_and_a_path() {
    insta::assert_snapshot!(
        router(
            r#"
            namers:
            - {kind: io.l5d.rewrite, pattern: "/{name}", name: "/#/io.l5d.fs/{name}"}
            - {kind: io.l5d.rewrite, prefix: /#/short, pattern: "/{name}", name: "io.l5d.fs/{name}"}
            - {kind: io.l5d.rewrite, prefix: short, pattern: "/{name}", name: "/srv/{nam}"}
            routers: [{protocol: http, servers: [{port: 4140}]}]
            "#
        ),
        @r#"
        error: `namers` needs `prefix`
         --> router.yaml:2:3
          |
        2 | - {kind: io.l5d.rewrite, pattern: "/{name}", name: "/#/io.l5d.fs/{name}"}
          |   ^

        error: `prefix` must be written without `/#`
         --> router.yaml:3:34
          |
        3 | - {kind: io.l5d.rewrite, prefix: /#/short, pattern: "/{name}", name: "io.l5d.fs/{name}"}
          |                                  ^^^^^^^^
          |
          = help: write `/short`

        error: `name` must be a path, not `io.l5d.fs/{name}`
         --> router.yaml:3:70
          |
        3 | - {kind: io.l5d.rewrite, prefix: /#/short, pattern: "/{name}", name: "io.l5d.fs/{name}"}
          |                                                                      ^^^^^^^^^^^^^^^^^^
          |
          = help: paths begin with a slash: `/io.l5d.fs/{name}`

        error: `prefix` must be a path, not `short`
         --> router.yaml:4:34
          |
        4 | - {kind: io.l5d.rewrite, prefix: short, pattern: "/{name}", name: "/srv/{nam}"}
          |                                  ^^^^^
          |
          = help: paths begin with a slash: `/short`

        warning: `name` stands on `{nam}`, which `pattern` does not capture
         --> router.yaml:4:67
          |
        4 | - {kind: io.l5d.rewrite, prefix: short, pattern: "/{name}", name: "/srv/{nam}"}
          |                                                                   ^^^^^^^^^^^^
          |
          = help: such names are never found
        "#
    );
}

#[test]
fn identifiers_are_judged() {
    insta::assert_snapshot!(
        router(
            r#"
            routers:
            - protocol: http
              label: a
              identifier:
              - {kind: io.l5d.static}
              - {kind: io.l5d.static, path: maintenance}
              - {kind: io.l5d.header, header: "a b"}
              - {kind: io.l5d.path, segments: 0}
              - {header: Host}
              - io.l5d.path
              servers: [{port: 4140}]
            - protocol: http
              label: b
              identifier: []
              dstPrefix: svc
              servers: [{port: 4141}]
            "#
        ),
        @r#"
        error: `identifier` needs `path`
         --> router.yaml:5:5
          |
        5 |   - {kind: io.l5d.static}
          |     ^

        error: `path` must be a path, not `maintenance`
         --> router.yaml:6:33
          |
        6 |   - {kind: io.l5d.static, path: maintenance}
          |                                 ^^^^^^^^^^^
          |
          = help: paths begin with a slash: `/maintenance`

        error: `header` must be the name of a header, not `a b`
         --> router.yaml:7:35
          |
        7 |   - {kind: io.l5d.header, header: "a b"}
          |                                   ^^^^^

        error: `segments` must be a whole number from 1 to 100
         --> router.yaml:8:35
          |
        8 |   - {kind: io.l5d.path, segments: 0}
          |                                   ^

        error: `identifier` needs `kind`
         --> router.yaml:9:5
          |
        9 |   - {header: Host}
          |     ^
          |
          = help: known kinds: io.l5d.header.token, io.l5d.header, io.l5d.methodAndHost, io.l5d.path, io.l5d.static

        error: `identifier` must be an object, not text
          --> router.yaml:10:5
           |
        10 |   - io.l5d.path
           |     ^^^^^^^^^^^

        error: `identifier` must not be empty
          --> router.yaml:14:15
           |
        14 |   identifier: []
           |               ^
           |
           = help: leave it out to name requests by their Host

        error: `dstPrefix` must be a path, not `svc`
          --> router.yaml:15:14
           |
        15 |   dstPrefix: svc
           |              ^^^
           |
           = help: paths begin with a slash: `/svc`
        "#
    );
}

#[test]
fn what_is_written_into_requests_is_judged() {
    insta::assert_snapshot!(
        router(
            r"
            routers:
            - protocol: http
              maxHeadersKB: 0
              maxInitialLineKB: 4096
              maxErrResponseKB: much
              servers:
              - {port: 1, timestampHeader: Host}
              - {port: 2, timestampHeader: x start}
              - {port: 3, addForwardedHeader: true}
              - {port: 4, addForwardedHeader: {by: {kind: io.l5d.ip}, for: {kind: static}}}
              - {port: 5, addForwardedHeader: {by: {kind: static, label: a b}, fro: {kind: ip}}}
            "
        ),
        @r"
        error: `maxHeadersKB` must be a whole number from 1 to 1024
         --> router.yaml:3:17
          |
        3 |   maxHeadersKB: 0
          |                 ^

        error: `maxInitialLineKB` must be a whole number from 1 to 1024
         --> router.yaml:4:21
          |
        4 |   maxInitialLineKB: 4096
          |                     ^^^^

        error: `maxErrResponseKB` must be a whole number from 1 to 10240, not text
         --> router.yaml:5:21
          |
        5 |   maxErrResponseKB: much
          |                     ^^^^

        error: `timestampHeader` must not be `Host`, which means something else
         --> router.yaml:7:32
          |
        7 |   - {port: 1, timestampHeader: Host}
          |                                ^^^^
          |
          = help: write a name of your own, such as `x-request-start`

        error: `timestampHeader` must be the name of a header, not `x start`
         --> router.yaml:8:32
          |
        8 |   - {port: 2, timestampHeader: x start}
          |                                ^^^^^^^

        error: `addForwardedHeader` must be an object, not a boolean
         --> router.yaml:9:35
          |
        9 |   - {port: 3, addForwardedHeader: true}
          |                                   ^^^^

        error: unknown `by` kind `io.l5d.ip`
          --> router.yaml:10:47
           |
        10 |   - {port: 4, addForwardedHeader: {by: {kind: io.l5d.ip}, for: {kind: static}}}
           |                                               ^^^^^^^^^
           |
           = help: known kinds: ip, ip:port, requestRandom, connectionRandom, router, static

        error: `for` needs `label`
          --> router.yaml:10:64
           |
        10 |   - {port: 4, addForwardedHeader: {by: {kind: io.l5d.ip}, for: {kind: static}}}
           |                                                                ^

        error: `label` must be a word, not `a b`
          --> router.yaml:11:62
           |
        11 |   - {port: 5, addForwardedHeader: {by: {kind: static, label: a b}, fro: {kind: ip}}}
           |                                                              ^^^
           |
           = help: letters, digits, `.`, `_` and `-` may stand in it

        error: unknown key `fro` in `addForwardedHeader`
          --> router.yaml:11:68
           |
        11 |   - {port: 5, addForwardedHeader: {by: {kind: static, label: a b}, fro: {kind: ip}}}
           |                                                                    ^^^
           |
           = help: did you mean `for`?
        "
    );
}

#[test]
fn limits_are_judged() {
    insta::assert_snapshot!(
        router(
            r"
            routers:
            - protocol: http
              client: {connectTimeoutMs: 0}
              servers:
              - port: 4140
                maxConcurrentRequests: 0
                timeoutMs: 0
                headerReadTimeoutMs: 10s
                bodyStallTimeoutMs: 0
                tunnelIdleTimeoutMs: 86400001
                serverSession: {idleTimeMs: never, lifeTimeMs: 0}
            - protocol: http
              label: b
              bindingCache: {trees: 0, bounds: few}
              servers: [{port: 4141}]
            maxConcurrentRequests: many
            maxBufferedMB: 0
            maxConnections: -1
            "
        ),
        @r"
        error: `connectTimeoutMs` must be a whole number from 1 to 86400000
         --> router.yaml:3:30
          |
        3 |   client: {connectTimeoutMs: 0}
          |                              ^

        error: `maxConcurrentRequests` must be a whole number from 1 to 10000000
         --> router.yaml:6:28
          |
        6 |     maxConcurrentRequests: 0
          |                            ^

        error: `timeoutMs` must be a whole number from 1 to 86400000
         --> router.yaml:7:16
          |
        7 |     timeoutMs: 0
          |                ^

        error: `headerReadTimeoutMs` must be a whole number from 1 to 86400000, not text
         --> router.yaml:8:26
          |
        8 |     headerReadTimeoutMs: 10s
          |                          ^^^

        error: `bodyStallTimeoutMs` must be a whole number from 1 to 86400000
         --> router.yaml:9:25
          |
        9 |     bodyStallTimeoutMs: 0
          |                         ^

        error: `tunnelIdleTimeoutMs` must be a whole number from 1 to 86400000
          --> router.yaml:10:26
           |
        10 |     tunnelIdleTimeoutMs: 86400001
           |                          ^^^^^^^^

        error: `idleTimeMs` must be a whole number from 1 to 86400000, not text
          --> router.yaml:11:33
           |
        11 |     serverSession: {idleTimeMs: never, lifeTimeMs: 0}
           |                                 ^^^^^

        error: `lifeTimeMs` must be a whole number from 1 to 86400000
          --> router.yaml:11:52
           |
        11 |     serverSession: {idleTimeMs: never, lifeTimeMs: 0}
           |                                                    ^

        error: `trees` must be a whole number from 1 to 1000000
          --> router.yaml:14:25
           |
        14 |   bindingCache: {trees: 0, bounds: few}
           |                         ^

        error: `bounds` must be a whole number from 1 to 1000000, not text
          --> router.yaml:14:36
           |
        14 |   bindingCache: {trees: 0, bounds: few}
           |                                    ^^^

        error: `maxConcurrentRequests` must be a whole number from 1 to 10000000, not text
          --> router.yaml:16:24
           |
        16 | maxConcurrentRequests: many
           |                        ^^^^

        error: `maxBufferedMB` must be a whole number from 1 to 1048576
          --> router.yaml:17:16
           |
        17 | maxBufferedMB: 0
           |                ^

        error: `maxConnections` must be a whole number from 1 to 10000000
          --> router.yaml:18:17
           |
        18 | maxConnections: -1
           |                 ^^
        "
    );
}

#[test]
fn what_is_streamed_is_said_once() {
    insta::assert_snapshot!(
        router(
            r"
            routers:
            - protocol: http
              servers: [{port: 4140}]
              streamingEnabled: false
              streamAfterContentLengthKB: 5
              compressionLevel: 10
            "
        ),
        @r"
        error: `streamAfterContentLengthKB` says what is streamed, and `streamingEnabled: false` that nothing is
         --> router.yaml:5:3
          |
        5 |   streamAfterContentLengthKB: 5
          |   ^^^^^^^^^^^^^^^^^^^^^^^^^^
          |
          = help: leave out one of both

        error: `compressionLevel` must be a whole number from -1 to 9
         --> router.yaml:6:21
          |
        6 |   compressionLevel: 10
          |                     ^^
        "
    );
}

#[test]
fn a_namerd_and_a_client_have_no_time_limits_of_sockets() {
    let namerd = super::namerd(
        "{storage: {kind: io.l5d.inMemory}, interfaces: [{kind: io.l5d.mesh, socketOptions: {readTimeoutMs: 5}}]}",
    );
    assert!(
        namerd.contains("`readTimeoutMs` is not supported yet"),
        "{namerd}"
    );
    let client = router(
        "routers: [{protocol: http, servers: [{}], client: {socketOptions: {writeTimeoutMs: 5}}}]",
    );
    assert!(
        client.contains("`writeTimeoutMs` is not supported yet"),
        "{client}"
    );
}
