//! Complaints about namerd's file.

use super::namerd;

#[test]
fn a_namerd_needs_storage_and_interfaces() {
    insta::assert_snapshot!(
        namerd(
            r"
            namers: []
            "
        ),
        @r"
        error: the file needs `storage`
         --> namerd.yaml:1:1
          |
        1 | namers: []
          | ^^^^^^

        error: the file needs `interfaces`
         --> namerd.yaml:1:1
          |
        1 | namers: []
          | ^^^^^^
        "
    );
}

#[test]
fn an_empty_list_of_interfaces_is_refused() {
    insta::assert_snapshot!(
        namerd(
            r"
            storage: {kind: io.l5d.inMemory}
            interfaces: []
            "
        ),
        @r"
        error: `interfaces` must have at least one interface
         --> namerd.yaml:2:13
          |
        2 | interfaces: []
          |             ^
        "
    );
}

#[test]
fn namers_of_a_namerd_may_not_overlap() {
    insta::assert_snapshot!(
        namerd(
            r"
            storage: {kind: io.l5d.inMemory}
            namers:
            - {kind: io.l5d.fs, rootDir: src}
            - {kind: io.l5d.fs, rootDir: src, prefix: /io.l5d.fs/more}
            - {kind: io.l5d.fs, rootDir: src}
            interfaces: [{kind: io.l5d.mesh}]
            "
        ),
        @r"
        error: two namers answer for names under /#/io.l5d.fs/more
         --> namerd.yaml:4:43
          |
        4 | - {kind: io.l5d.fs, rootDir: src, prefix: /io.l5d.fs/more}
          |                                           ^^^^^^^^^^^^^^^
          |
          = help: /#/io.l5d.fs on line 3 is the other; set another `prefix`

        error: two namers answer for names under /#/io.l5d.fs
         --> namerd.yaml:5:3
          |
        5 | - {kind: io.l5d.fs, rootDir: src}
          |   ^
          |
          = help: /#/io.l5d.fs on line 3 is the other; set another `prefix`
        "
    );
}

#[test]
fn etcd_is_judged() {
    insta::assert_snapshot!(
        namerd(
            r#"
            storage:
              kind: io.l5d.etcd
              endpoints: [a:2379, b, "ftp://c:2379", "https://d:0"]
              host: e
              pathPrefix: namerd
              password: secret
              requestTimeoutMs: 0
            interfaces: [{kind: io.l5d.mesh}]
            "#
        ),
        @r#"
        error: `password` needs `username`
         --> namerd.yaml:2:3
          |
        2 |   kind: io.l5d.etcd
          |   ^^^^
          |
          = help: write both, or neither

        error: `endpoints` must be a host and a port, not `b`
         --> namerd.yaml:3:23
          |
        3 |   endpoints: [a:2379, b, "ftp://c:2379", "https://d:0"]
          |                       ^
          |
          = help: write it like `etcd.example:2379`

        error: `endpoints` must begin with http:// or https://, not ftp://
         --> namerd.yaml:3:26
          |
        3 |   endpoints: [a:2379, b, "ftp://c:2379", "https://d:0"]
          |                          ^^^^^^^^^^^^^^

        error: `endpoints` must be a host and a port, not `https://d:0`
         --> namerd.yaml:3:42
          |
        3 |   endpoints: [a:2379, b, "ftp://c:2379", "https://d:0"]
          |                                          ^^^^^^^^^^^^^
          |
          = help: write it like `etcd.example:2379`

        error: `host` and `endpoints` exclude each other
         --> namerd.yaml:4:3
          |
        4 |   host: e
          |   ^^^^
          |
          = help: write it as one more of the `endpoints`

        error: `pathPrefix` must begin with a slash and name something, not `namerd`
         --> namerd.yaml:5:15
          |
        5 |   pathPrefix: namerd
          |               ^^^^^^
          |
          = help: write it like `/namerd/dtabs`

        error: `requestTimeoutMs` must be a whole number from 1 to 86400000
         --> namerd.yaml:7:21
          |
        7 |   requestTimeoutMs: 0
          |                     ^
        "#
    );
}

#[test]
fn namespaces_in_memory_are_judged() {
    insta::assert_snapshot!(
        namerd(
            r#"
            storage:
              kind: io.l5d.inMemory
              namespaces:
                default: |
                  /svc => /#/io.l5d.fs ;
                  /svc/web = /web ;
                no/slash: /a => /b
                "..": /a => /b
            interfaces: [{kind: io.l5d.mesh}]
            "#
        ),
        @r#"
        error: `default` cannot be read as a dtab: '>' expected but ' ' found
         --> namerd.yaml:6:17
          |
        6 |       /svc/web = /web ;
          |                 ^

        error: `no/slash` cannot be a namespace
         --> namerd.yaml:7:5
          |
        7 |     no/slash: /a => /b
          |     ^^^^^^^^
          |
          = help: use 1 to 253 letters, digits, dots, underscores and hyphens

        error: `..` cannot be a namespace
         --> namerd.yaml:8:5
          |
        8 |     "..": /a => /b
          |     ^^^^
          |
          = help: use 1 to 253 letters, digits, dots, underscores and hyphens
        "#
    );
}

#[test]
fn an_embedded_store_needs_its_folder() {
    insta::assert_snapshot!(
        namerd(
            r"
            storage: {kind: io.l5d.embedded}
            interfaces: [{kind: io.l5d.mesh}]
            "
        ),
        @r"
        error: `storage` needs `dir`
         --> namerd.yaml:1:10
          |
        1 | storage: {kind: io.l5d.embedded}
          |          ^
        "
    );
}

#[test]
fn interfaces_may_not_share_an_address() {
    insta::assert_snapshot!(
        namerd(
            r"
            admin: {port: 4180}
            storage: {kind: io.l5d.inMemory}
            interfaces:
            - {kind: io.l5d.httpController}
            - {kind: io.l5d.mesh}
            - {kind: io.l5d.mesh, ip: 0.0.0.0}
            "
        ),
        @r"
        error: 127.0.0.1:4180 is taken: the admin server listens on 127.0.0.1:4180
         --> namerd.yaml:4:3
          |
        4 | - {kind: io.l5d.httpController}
          |   ^
          |
          = help: choose another `port`

        error: 0.0.0.0:4321 is taken: the interface `io.l5d.mesh` listens on 127.0.0.1:4321
         --> namerd.yaml:6:3
          |
        6 | - {kind: io.l5d.mesh, ip: 0.0.0.0}
          |   ^
          |
          = help: choose another `port`
        "
    );
}
