//! Dtabs, judged at the very place inside the text.

use super::{namerd, router};

#[test]
fn a_dtab_in_a_block_is_judged_at_its_own_line_and_column() {
    insta::assert_snapshot!(
        router(
            r"
            routers:
            - protocol: http
              dtab: |
                # where the pools are
                /pool => /$/inet/127.0.0.1/8080 ;
                /svc/web => /pool & ;
              servers: [{port: 4140}]
            "
        ),
        @r"
        error: `dtab` cannot be read as a dtab: simple expected but ';' found
         --> router.yaml:6:25
          |
        6 |     /svc/web => /pool & ;
          |                         ^
          |
          = help: a path, `~`, `!`, `$` or something in parentheses must stand here
        "
    );
}

#[test]
fn a_dtab_in_quotes_is_judged_behind_its_escapes() {
    insta::assert_snapshot!(
        router(
            r#"
            routers:
            - protocol: http
              dtab: "/a => /b ;\n/c = /d"
              servers: [{port: 4140}]
            "#
        ),
        @r#"
        error: `dtab` cannot be read as a dtab: '>' expected but ' ' found
         --> router.yaml:3:26
          |
        3 |   dtab: "/a => /b ;\n/c = /d"
          |                          ^
        "#
    );
}

#[test]
fn a_folded_dtab_is_judged_where_it_was_written() {
    insta::assert_snapshot!(
        router(
            r#"
            routers:
            - protocol: http
              dtab: >
                /a => /b ;

                /c => "/d" ;
              servers: [{port: 4140}]
            "#
        ),
        @r#"
        error: `dtab` cannot be read as a dtab: simple expected but '"' found
         --> router.yaml:6:11
          |
        6 |     /c => "/d" ;
          |           ^
          |
          = help: a path, `~`, `!`, `$` or something in parentheses must stand here
        "#
    );
}

#[test]
fn a_dtab_that_ends_too_soon_is_judged_at_its_end() {
    insta::assert_snapshot!(
        router(
            r"
            routers:
            - protocol: http
              dtab: /svc =>
              servers: [{port: 4140}]
            "
        ),
        @r"
        error: `dtab` cannot be read as a dtab: simple expected but end of input found
         --> router.yaml:3:16
          |
        3 |   dtab: /svc =>
          |                ^
          |
          = help: a path, `~`, `!`, `$` or something in parentheses must stand here
        "
    );
}

#[test]
fn a_dtab_must_be_text() {
    insta::assert_snapshot!(
        router(
            r"
            routers:
            - protocol: http
              dtab: [{prefix: /svc, dst: /a}]
              servers: [{port: 4140}]
            "
        ),
        @r"
        error: `dtab` must be text, not a list
         --> router.yaml:3:9
          |
        3 |   dtab: [{prefix: /svc, dst: /a}]
          |         ^
        "
    );
}

#[test]
fn a_dtab_that_loops_is_refused() {
    insta::assert_snapshot!(
        router(
            r"
            routers:
            - protocol: http
              dtab: |
                /a => /b ;
                /b => /a ;
              servers: [{port: 4140}]
            "
        ),
        @r"
        error: /b can never be bound: after 100 lookups it is only /b
         --> router.yaml:4:5
          |
        4 |     /a => /b ;
          |     ^^^^^^^^
          |
          = help: names must lead to a namer, such as /#/… or /$/…, and not back to themselves

        error: /a can never be bound: after 100 lookups it is only /a
         --> router.yaml:5:5
          |
        5 |     /b => /a ;
          |     ^^^^^^^^
          |
          = help: names must lead to a namer, such as /#/… or /$/…, and not back to themselves
        "
    );
}

#[test]
fn odd_rules_of_a_dtab_are_warned_about() {
    insta::assert_snapshot!(
        router(
            r"
            namers:
            - {kind: io.l5d.fs, rootDir: src}
            routers:
            - protocol: http
              dtab: |
                /svc => /#/io.l5d.fs | /#/io.l5d.consul/dc1 | /$/inett/127.0.0.1/80 ;
                /svc => 0 * /$/inet/127.1/80 & 1 * /#/io.l5d.fs/web ;
              servers: [{port: 4140}]
            "
        ),
        @r"
        accepted

        warning: this rule is never used: a later one for /svc always has an answer
         --> router.yaml:6:5
          |
        6 |     /svc => /#/io.l5d.fs | /#/io.l5d.consul/dc1 | /$/inett/127.0.0.1/80 ;
          |     ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
          |
          = help: rules further down win, however specific the others are

        warning: no namer is known for /#/io.l5d.consul/dc1
         --> router.yaml:6:28
          |
        6 |     /svc => /#/io.l5d.fs | /#/io.l5d.consul/dc1 | /$/inett/127.0.0.1/80 ;
          |                            ^^^^^^^^^^^^^^^^^^^^

        warning: no namer is known for /$/inett/127.0.0.1/80
         --> router.yaml:6:51
          |
        6 |     /svc => /#/io.l5d.fs | /#/io.l5d.consul/dc1 | /$/inett/127.0.0.1/80 ;
          |                                                   ^^^^^^^^^^^^^^^^^^^^^

        warning: /svc has a rule already
         --> router.yaml:7:5
          |
        7 |     /svc => 0 * /$/inet/127.1/80 & 1 * /#/io.l5d.fs/web ;
          |     ^^^^
          |
          = help: this rule is tried first, the earlier one only where this one finds no name

        warning: a branch of weight zero gets no requests
         --> router.yaml:7:13
          |
        7 |     /svc => 0 * /$/inet/127.1/80 & 1 * /#/io.l5d.fs/web ;
          |             ^
          |
          = help: remove the branch, or give it a weight
        "
    );
}

#[test]
fn namers_of_a_dtab_are_not_judged_where_they_are_not_known() {
    insta::assert_snapshot!(
        router(
            r"
            routers:
            - protocol: http
              dtab: /svc => /#/io.l5d.consul/dc1
              interpreter: {kind: io.l5d.mesh, dst: /$/inet/namerd/4321}
              servers: [{port: 4140}]
            "
        ),
        @r"
        accepted
        "
    );
}

#[test]
fn a_dtab_in_memory_is_judged_with_the_namers_of_namerd() {
    insta::assert_snapshot!(
        namerd(
            r"
            namers:
            - {kind: io.l5d.fs, rootDir: src, prefix: /disco}
            storage:
              kind: io.l5d.inMemory
              namespaces: {default: /svc => /#/disco | /#/dsico}
            interfaces: [{kind: io.l5d.mesh}]
            "
        ),
        @r"
        accepted

        warning: no namer is known for /#/dsico
         --> namerd.yaml:5:44
          |
        5 |   namespaces: {default: /svc => /#/disco | /#/dsico}
          |                                            ^^^^^^^^
        "
    );
}
