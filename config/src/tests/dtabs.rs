//! Dtabs, judged at the very place inside the text.

use super::router;

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
