//! Complaints about the router's file.

use super::router;

#[test]
fn all_complaints_come_at_once() {
    insta::assert_snapshot!(
        router(
            r#"
            admin:
              ip: localhost
              prot: 9990
            namers:
            - kind: io.l5d.fs
              rootDir: no/such/folder
            - kind: io.l5d.consul
            routers:
            - protocol: http
              dtab: |
                /svc => /#/io.l5d.fs ;
                /svc/web => | ;
              identifier:
                kind: io.l5d.pth
              httpAccessLog: access.log
              servers:
              - port: "4140"
                maxCallDepth: many
            "#
        ),
        @r#"
        error: `ip` must be an IP address, not `localhost`
         --> router.yaml:2:7
          |
        2 |   ip: localhost
          |       ^^^^^^^^^
          |
          = help: write 127.0.0.1

        error: unknown key `prot` in `admin`
         --> router.yaml:3:3
          |
        3 |   prot: 9990
          |   ^^^^
          |
          = help: did you mean `port`?

        error: `rootDir` names `no/such/folder`, which is not a directory
         --> router.yaml:6:12
          |
        6 |   rootDir: no/such/folder
          |            ^^^^^^^^^^^^^^
          |
          = help: it does not exist; relative paths start at the working directory, <working directory>

        error: `namers` kind `io.l5d.consul` is not supported yet by this version
         --> router.yaml:7:9
          |
        7 | - kind: io.l5d.consul
          |         ^^^^^^^^^^^^^

        error: `dtab` cannot be read as a dtab: simple expected but '|' found
          --> router.yaml:12:17
           |
        12 |     /svc/web => | ;
           |                 ^
           |
           = help: a path, `~`, `!`, `$` or something in parentheses must stand here

        error: unknown `identifier` kind `io.l5d.pth`
          --> router.yaml:14:11
           |
        14 |     kind: io.l5d.pth
           |           ^^^^^^^^^^
           |
           = help: did you mean `io.l5d.path`?

        error: `httpAccessLog` is not supported yet by this version
          --> router.yaml:15:3
           |
        15 |   httpAccessLog: access.log
           |   ^^^^^^^^^^^^^
           |
           = help: leave it out

        error: `port` must be a whole number from 0 to 65535, not text
          --> router.yaml:17:11
           |
        17 |   - port: "4140"
           |           ^^^^^^
           |
           = help: write 4140 without quotes

        error: `maxCallDepth` must be a whole number from 1 to 1000000, not text
          --> router.yaml:18:19
           |
        18 |     maxCallDepth: many
           |                   ^^^^
        "#
    );
}

#[test]
fn a_file_without_routers_is_refused() {
    insta::assert_snapshot!(
        router(
            r"
            admin: {port: 9990}
            "
        ),
        @r"
        error: the file needs `routers`
         --> router.yaml:1:1
          |
        1 | admin: {port: 9990}
          | ^^^^^
        "
    );
}

#[test]
fn an_empty_list_of_routers_is_refused() {
    insta::assert_snapshot!(
        router(
            r"
            routers: []
            "
        ),
        @r"
        error: `routers` must have at least one router
         --> router.yaml:1:10
          |
        1 | routers: []
          |          ^
        "
    );
}

#[test]
fn a_router_needs_servers() {
    insta::assert_snapshot!(
        router(
            r"
            routers:
            - protocol: http
              label: in
            - protocol: http
              label: out
              servers: []
            "
        ),
        @r"
        error: router `in` has no servers
         --> router.yaml:2:3
          |
        2 | - protocol: http
          |   ^^^^^^^^
          |
          = help: add `servers: [{port: 4140}]`

        error: router `out` has no servers
         --> router.yaml:6:12
          |
        6 |   servers: []
          |            ^
          |
          = help: write `[{port: 4140}]`
        "
    );
}

#[test]
fn a_router_must_say_its_protocol() {
    insta::assert_snapshot!(
        router(
            r"
            routers:
            - label: web
              servers: [{port: 4140}]
            "
        ),
        @r"
        error: `routers` needs `protocol`
         --> router.yaml:2:3
          |
        2 | - label: web
          |   ^^^^^
          |
          = help: known protocols: http, h2
        "
    );
}

#[test]
fn the_way_to_namerd_is_judged() {
    insta::assert_snapshot!(
        router(
            r"
            routers:
            - protocol: http
              label: a
              interpreter:
                kind: io.l5d.mesh
                dst: namerd.example:4321
                root: /default/more
                retry: {baseSeconds: 10, maxSeconds: 5}
                initialStreamWindowSizeKB: 1
              servers: [{port: 4140}]
            - protocol: http
              label: b
              interpreter: {kind: io.l5d.mesh, dst: [/$/inet/a/4321, /$/inet/b/0, /#/namerd]}
              servers: [{port: 4141}]
            - protocol: http
              label: c
              interpreter: {kind: io.l5d.namerd.http, dst: []}
              servers: [{port: 4142}]
            - protocol: http
              label: d
              interpreter: {kind: io.l5d.mesh}
              servers: [{port: 4143}]
            "
        ),
        @r"
        error: `dst` must be a path like `/$/inet/<host>/<port>`, not `namerd.example:4321`
         --> router.yaml:6:10
          |
        6 |     dst: namerd.example:4321
          |          ^^^^^^^^^^^^^^^^^^^
          |
          = help: write `/$/inet/namerd.example/4321`

        error: `root` must have exactly one segment
         --> router.yaml:7:11
          |
        7 |     root: /default/more
          |           ^^^^^^^^^^^^^
          |
          = help: write a slash and the namespace, like `/default`

        error: `retry` must have a `maxSeconds` that is not below its `baseSeconds`
         --> router.yaml:8:12
          |
        8 |     retry: {baseSeconds: 10, maxSeconds: 5}
          |            ^

        error: `initialStreamWindowSizeKB` must be a whole number from 64 to 1048576
         --> router.yaml:9:32
          |
        9 |     initialStreamWindowSizeKB: 1
          |                                ^

        error: `dst` must end in a port from 1 to 65535, not `0`
          --> router.yaml:13:58
           |
        13 |   interpreter: {kind: io.l5d.mesh, dst: [/$/inet/a/4321, /$/inet/b/0, /#/namerd]}
           |                                                          ^^^^^^^^^^^

        error: `dst` must be a path like `/$/inet/<host>/<port>`, not `/#/namerd`
          --> router.yaml:13:71
           |
        13 |   interpreter: {kind: io.l5d.mesh, dst: [/$/inet/a/4321, /$/inet/b/0, /#/namerd]}
           |                                                                       ^^^^^^^^^

        error: `dst` must not be empty
          --> router.yaml:17:48
           |
        17 |   interpreter: {kind: io.l5d.namerd.http, dst: []}
           |                                                ^
           |
           = help: write it like `/$/inet/namerd.example/4321`

        error: `interpreter` needs `dst`
          --> router.yaml:21:16
           |
        21 |   interpreter: {kind: io.l5d.mesh}
           |                ^
        "
    );
}
