//! `transformers:` of interpreters and namers.

use super::{namerd, read, router};
use crate::TransformerConfig;

#[test]
fn transformers_keep_their_order_and_have_prefixes() {
    let config = read(
        "
        namers:
        - {kind: io.l5d.fs, rootDir: src, transformers: [{kind: io.l5d.localhost, experimental: true}]}
        routers:
        - protocol: http
          servers: [{}]
          interpreter:
            transformers: [{kind: io.l5d.port, port: 80}, {kind: io.l5d.port, port: 81, prefix: /of/mine}]
        ",
    );
    let path = |text: &str| dtab::Path::parse(text).expect("a path");
    let port = |prefix: &str, port| TransformerConfig::Port {
        prefix: path(prefix),
        port,
    };
    assert_eq!(
        config.routers[0].transformers,
        [port("/%/io.l5d.port/80", 80), port("/%/of/mine", 81)]
    );
    let prefix = path("/%/io.l5d.localhost");
    assert_eq!(
        config.namers[0].transformers(),
        [TransformerConfig::Localhost { prefix }]
    );
}

#[test]
fn what_a_transformer_lacks_is_said_with_its_place() {
    insta::assert_snapshot!(
        router(
            r"
            routers:
            - protocol: http
              servers: [{port: 4140}]
              interpreter:
                transformers:
                - {port: 80}
                - {kind: io.l5d.port}
                - {kind: io.l5d.port, port: 0}
                - {kind: io.l5d.specificHost}
                - {kind: io.l5d.specificHost, host: '10.0.0.1:80'}
                - {kind: io.l5d.replace}
                - {kind: io.l5d.localhost, host: 10.0.0.1}
                - {kind: io.l5d.perHost}
                - {kind: io.l5d.k8s.daemonset, namespace: default}
            "
        ),
        @r"
        error: `transformers` needs `kind`
         --> router.yaml:6:7
          |
        6 |     - {port: 80}
          |       ^
          |
          = help: known kinds: io.l5d.const, io.l5d.localhost, io.l5d.port, io.l5d.replace, io.l5d.specificHost

        error: `transformers` needs `port`
         --> router.yaml:7:7
          |
        7 |     - {kind: io.l5d.port}
          |       ^

        error: `port` must be a whole number from 1 to 65535
         --> router.yaml:8:33
          |
        8 |     - {kind: io.l5d.port, port: 0}
          |                                 ^

        error: `transformers` needs `host`
         --> router.yaml:9:7
          |
        9 |     - {kind: io.l5d.specificHost}
          |       ^

        error: `host` must be an IP address or a name, not `10.0.0.1:80`
          --> router.yaml:10:41
           |
        10 |     - {kind: io.l5d.specificHost, host: '10.0.0.1:80'}
           |                                         ^^^^^^^^^^^^^
           |
           = help: write it without a port, like 10.0.0.1 or web.example

        error: `transformers` needs `path`
          --> router.yaml:11:7
           |
        11 |     - {kind: io.l5d.replace}
           |       ^

        error: unknown key `host` in `transformers`
          --> router.yaml:12:32
           |
        12 |     - {kind: io.l5d.localhost, host: 10.0.0.1}
           |                                ^^^^
           |
           = help: known keys here: kind, prefix, experimental

        error: unknown `transformers` kind `io.l5d.perHost`
          --> router.yaml:13:14
           |
        13 |     - {kind: io.l5d.perHost}
           |              ^^^^^^^^^^^^^^
           |
           = help: did you mean `io.l5d.port`?

        error: `transformers` kind `io.l5d.k8s.daemonset` is not supported yet by this version
          --> router.yaml:14:14
           |
        14 |     - {kind: io.l5d.k8s.daemonset, namespace: default}
           |              ^^^^^^^^^^^^^^^^^^^^
        "
    );
}

#[test]
fn a_prefix_leaves_the_name_behind_it_readable() {
    insta::assert_snapshot!(
        router(
            r"
            routers:
            - protocol: http
              servers: [{port: 4140}]
              interpreter:
                transformers:
                - {kind: io.l5d.localhost, prefix: /%/here}
                - {kind: io.l5d.localhost, prefix: /here/#}
                - {kind: io.l5d.localhost, prefix: /}
                - {kind: io.l5d.localhost, prefix: here}
            "
        ),
        @r"
        error: `prefix` must be written without `/%`
         --> router.yaml:6:40
          |
        6 |     - {kind: io.l5d.localhost, prefix: /%/here}
          |                                        ^^^^^^^
          |
          = help: write `/here`

        error: `prefix` must have no segment `#` or `$`: the name that was changed begins with one
         --> router.yaml:7:40
          |
        7 |     - {kind: io.l5d.localhost, prefix: /here/#}
          |                                        ^^^^^^^

        error: `prefix` must have at least one segment
         --> router.yaml:8:40
          |
        8 |     - {kind: io.l5d.localhost, prefix: /}
          |                                        ^

        error: `prefix` must be a path, not `here`
         --> router.yaml:9:40
          |
        9 |     - {kind: io.l5d.localhost, prefix: here}
          |                                        ^^^^
          |
          = help: paths begin with a slash: `/here`
        "
    );
}

#[test]
fn a_path_that_nobody_answers_for_is_named() {
    insta::assert_snapshot!(
        router(
            r"
            namers:
            - {kind: io.l5d.fs, rootDir: src, prefix: /a, transformers: [{kind: io.l5d.replace, path: /#/b/web}]}
            - {kind: io.l5d.fs, rootDir: src, prefix: /b, transformers: [{kind: io.l5d.replace, path: /#/a/web}]}
            routers:
            - protocol: http
              servers: [{port: 4140}]
              interpreter:
                transformers:
                - {kind: io.l5d.const, path: /svc/web}
                - {kind: io.l5d.const, path: /#/b/web}
            "
        ),
        @r"
        accepted

        warning: nobody answers for /#/b/web: `path` is bound without a dtab
         --> router.yaml:2:91
          |
        2 | - {kind: io.l5d.fs, rootDir: src, prefix: /a, transformers: [{kind: io.l5d.replace, path: /#/b/web}]}
          |                                                                                           ^^^^^^^^
          |
          = help: write a bound name, like `/$/inet/127.0.0.1/4141`; a namer's transformers know the namers above it

        warning: nobody answers for /svc/web: `path` is bound without a dtab
         --> router.yaml:9:34
          |
        9 |     - {kind: io.l5d.const, path: /svc/web}
          |                                  ^^^^^^^^
          |
          = help: write a bound name, like `/$/inet/127.0.0.1/4141`; a namer's transformers know the namers above it
        "
    );
}

#[test]
fn transformers_that_never_see_a_bound_name_are_named() {
    insta::assert_snapshot!(
        namerd(
            r#"
            storage: {kind: io.l5d.inMemory}
            interfaces: [{kind: io.l5d.mesh}]
            namers:
            - {kind: io.l5d.rewrite, prefix: /a, pattern: "/{x}", name: "/$/inet/{x}/80", transformers: [{kind: io.l5d.port, port: 81}]}
            - {kind: io.l5d.rewrite, prefix: /b, pattern: "/{x}", name: "/$/inet/{x}/80", transformers: [{kind: io.l5d.const, path: /$/inet/127.1/81}]}
            "#
        ),
        @r#"
        accepted

        warning: these `transformers` do nothing: what this namer answers with is not bound yet
         --> namerd.yaml:4:93
          |
        4 | - {kind: io.l5d.rewrite, prefix: /a, pattern: "/{x}", name: "/$/inet/{x}/80", transformers: [{kind: io.l5d.port, port: 81}]}
          |                                                                                             ^
          |
          = help: write them at the namer that binds the new names, or at the interpreter
        "#
    );
}
