//! Keys: unknown, misspelt, twice, of other kinds; and texts that are no document.

use super::{namerd, router};

#[test]
fn an_unknown_key_is_answered_with_the_nearest_known_one() {
    insta::assert_snapshot!(
        router(
            r"
            router:
            - protocol: http
            "
        ),
        @r"
        error: the file needs `routers`
         --> router.yaml:1:1
          |
        1 | router:
          | ^^^^^^

        error: unknown key `router` in the file
         --> router.yaml:1:1
          |
        1 | router:
          | ^^^^^^
          |
          = help: did you mean `routers`?
        "
    );
}

#[test]
fn an_unknown_key_is_found_at_any_level() {
    insta::assert_snapshot!(
        router(
            r"
            routers:
            - protocol: http
              bindingCache: {path: 10}
              interpreter:
                kind: io.l5d.mesh
                dst: /$/inet/namerd/4321
                retry: {baseSecs: 1}
              servers:
              - port: 4140
                socketOptions: {nodelay: true}
              client:
                loadBalancer: {kind: p2c, maxEfort: 5}
            "
        ),
        @r"
        error: unknown key `path` in `bindingCache`
         --> router.yaml:3:18
          |
        3 |   bindingCache: {path: 10}
          |                  ^^^^
          |
          = help: did you mean `paths`?

        error: unknown key `baseSecs` in `retry`
         --> router.yaml:7:13
          |
        7 |     retry: {baseSecs: 1}
          |             ^^^^^^^^
          |
          = help: did you mean `baseSeconds`?

        error: unknown key `nodelay` in `socketOptions`
          --> router.yaml:10:21
           |
        10 |     socketOptions: {nodelay: true}
           |                     ^^^^^^^
           |
           = help: did you mean `noDelay`?

        error: unknown key `maxEfort` in `loadBalancer`
          --> router.yaml:12:31
           |
        12 |     loadBalancer: {kind: p2c, maxEfort: 5}
           |                               ^^^^^^^^
           |
           = help: did you mean `maxEffort`?
        "
    );
}

#[test]
fn an_unknown_key_like_no_other_is_answered_with_all_that_are_known() {
    insta::assert_snapshot!(
        router(
            r"
            routers:
            - protocol: http
              servers:
              - port: 4140
                timeToLive: 5
            "
        ),
        @r"
        error: unknown key `timeToLive` in `servers`
         --> router.yaml:5:5
          |
        5 |     timeToLive: 5
          |     ^^^^^^^^^^
          |
          = help: known keys here: unixPath, ip, port, socketOptions, h2c, maxCallDepth, clearContext, addForwardedHeader, timestampHeader, maxConnections, maxConcurrentRequests, timeoutMs, tls, headerReadTimeoutMs, bodyStallTimeoutMs, tunnelIdleTimeoutMs, serverSession, label
        "
    );
}

#[test]
fn a_key_to_come_is_offered_for_a_misspelt_one() {
    insta::assert_snapshot!(
        router(
            r"
            routers:
            - protocol: http
              httpAccesLog: access.log
              servers: [{port: 4140}]
            "
        ),
        @r"
        error: unknown key `httpAccesLog` in `routers`
         --> router.yaml:3:3
          |
        3 |   httpAccesLog: access.log
          |   ^^^^^^^^^^^^
          |
          = help: did you mean `httpAccessLog`?
        "
    );
}

#[test]
fn a_key_that_stands_twice_is_refused_and_the_rest_is_still_judged() {
    insta::assert_snapshot!(
        router(
            r"
            routers:
            - protocol: http
              label: a
              label: b
              servers: [{port: 70000}]
            "
        ),
        @r"
        error: the key `label` stands twice in one object
         --> router.yaml:4:3
          |
        4 |   label: b
          |   ^^^^^

        error: `port` must be a whole number from 0 to 65535
         --> router.yaml:5:20
          |
        5 |   servers: [{port: 70000}]
          |                    ^^^^^
        "
    );
}

#[test]
fn an_option_of_one_kind_is_unknown_to_another() {
    insta::assert_snapshot!(
        namerd(
            r"
            storage: {kind: io.l5d.inMemory, dir: data}
            interfaces:
            - {kind: io.l5d.mesh, requireMatch: true}
            "
        ),
        @r"
        error: unknown key `dir` in `storage`
         --> namerd.yaml:1:34
          |
        1 | storage: {kind: io.l5d.inMemory, dir: data}
          |                                  ^^^
          |
          = help: known keys here: kind, namespaces, experimental

        error: unknown key `requireMatch` in `interfaces`
         --> namerd.yaml:3:23
          |
        3 | - {kind: io.l5d.mesh, requireMatch: true}
          |                       ^^^^^^^^^^^^
          |
          = help: known keys here: kind, ip, port, socketOptions, tls, experimental
        "
    );
}

#[test]
fn options_of_old_releases_are_refused_with_what_took_their_place() {
    insta::assert_snapshot!(
        router(
            r"
            routers:
            - protocol: http
              maxRequestKB: 100
              emptyIsNeg: true
              servers: [{port: 4140}]
            "
        ),
        @r"
        error: `maxRequestKB` is no longer an option: bodies are streamed, whatever their size
         --> router.yaml:3:3
          |
        3 |   maxRequestKB: 100
          |   ^^^^^^^^^^^^
          |
          = help: leave it out

        error: `emptyIsNeg` belongs to the interpreter
         --> router.yaml:4:3
          |
        4 |   emptyIsNeg: true
          |   ^^^^^^^^^^
          |
          = help: write it inside `interpreter:`
        "
    );
}

#[test]
fn text_that_is_no_yaml_is_one_complaint() {
    insta::assert_snapshot!(
        router(
            r"
            routers:
            - protocol: http
              servers: [{port: 4140}
              dtab: /svc => /a
            "
        ),
        @r"
        error: not YAML: illegal placement of ':' indicator
         --> router.yaml:4:7
          |
        4 |   dtab: /svc => /a
          |       ^
        "
    );
}

#[test]
fn a_tab_is_pointed_at() {
    insta::assert_snapshot!(
        router(
            "routers:\n\t- protocol: http"
        ),
        @r"
        error: not YAML: tabs disallowed within this context (block indentation)
         --> router.yaml:2:2
          |
        2 |     - protocol: http
          |     ^
        "
    );
}

#[test]
fn an_unknown_anchor_is_pointed_at() {
    insta::assert_snapshot!(
        router(
            r"
            routers:
            - protocol: http
              servers: *servers
            "
        ),
        @r"
        error: not YAML: alias references unknown anchor
         --> router.yaml:3:12
          |
        3 |   servers: *servers
          |            ^
        "
    );
}

#[test]
fn a_second_document_is_refused() {
    insta::assert_snapshot!(
        router(
            r"
            routers:
            - {protocol: http, servers: [{port: 4140}]}
            ---
            routers: []
            "
        ),
        @r"
        error: a second document begins here, and only one is read
         --> router.yaml:4:1
          |
        4 | routers: []
          | ^
        "
    );
}

#[test]
fn an_empty_file_is_refused() {
    insta::assert_snapshot!(
        router(
            r"
            # nothing but this
            "
        ),
        @r"
        error: the file is empty
         --> router.yaml:1:20
          |
        1 | # nothing but this
          |                   ^
        "
    );
}

#[test]
fn a_file_that_is_a_list_is_refused() {
    insta::assert_snapshot!(
        router(
            r"
            - protocol: http
            "
        ),
        @r"
        error: the file must be an object, not a list
         --> router.yaml:1:1
          |
        1 | - protocol: http
          | ^
        "
    );
}

#[test]
fn what_came_through_an_alias_is_shown_where_it_was_written_and_where_it_is_used() {
    insta::assert_snapshot!(
        router(
            r"
            routers:
            - protocol: http
              label: &host localhost
              interpreter: &naming
                kind: io.l5d.mesh
                dst: namerd:4321
              servers:
              - {port: 4140, ip: *host}
            - protocol: http
              label: other
              interpreter: {<<: *naming, root: /a/b}
              servers: [{port: 4141}]
            "
        ),
        @r"
        error: `ip` must be an IP address, not `localhost`
         --> router.yaml:3:16
          |
        3 |   label: &host localhost
          |                ^^^^^^^^^
        ...
        8 |   - {port: 4140, ip: *host}
          |                      ----- used here
          |
          = help: write 127.0.0.1

        error: `dst` must be a path like `/$/inet/<host>/<port>`, not `namerd:4321`
         --> router.yaml:6:10
          |
        6 |     dst: namerd:4321
          |          ^^^^^^^^^^^
          |
          = help: write `/$/inet/namerd/4321`

        error: `root` must have exactly one segment
          --> router.yaml:11:36
           |
        11 |   interpreter: {<<: *naming, root: /a/b}
           |                                    ^^^^
           |
           = help: write a slash and the namespace, like `/default`
        "
    );
}
