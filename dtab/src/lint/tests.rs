//! Each complaint as its code and the text it points at.

use std::fmt::Write;

use super::{Level, lint};
use crate::path::Path;

fn told(source: &str) -> Vec<String> {
    let is_known = |path: &Path| path.segments().get(1).is_some_and(|namer| namer != "nope");
    lint(source, Some(&is_known))
        .expect("a table")
        .into_iter()
        .map(|lint| format!("{} {}", lint.code, &source[lint.span.clone()]))
        .collect()
}

#[track_caller]
fn check(source: &str, expected: &[&str]) {
    assert_eq!(told(source), expected, "{source}");
}

#[test]
fn a_sound_table_has_no_complaints() {
    check("", &[]);
    check(
        "/svc => /host ; /host => /#/fs | /$/inet ; /host/web => 9*/#/fs/a & 1*/#/fs/b ; # done",
        &[],
    );
    check(
        "/ph => /$/io.buoyant.rinet ; /svc => /ph/80 ; /svc => /$/io.buoyant.porthostPfx/ph",
        &["duplicate-prefix /svc"],
    );
}

#[test]
fn circles_and_endless_chains_are_errors_where_they_close() {
    check("/s => /s/srv", &["loop /s => /s/srv"]);
    check(
        "/x => /a ; /a => /b ; /b => /a # why",
        &["loop /a => /b", "loop /b => /a"],
    );
    check(
        "/foo => /bar/foo ; /bar => /foo/bar",
        &["loop /foo => /bar/foo", "loop /bar => /foo/bar"],
    );
    check("/a => /b | /$/inet/1 ; /b => (/b)", &["loop /b => (/b)"]);
    let chain = (0..99).fold(String::new(), |mut chain, step| {
        write!(chain, "/p{step}=>/p{};", step + 1).expect("a string takes all");
        chain
    });
    check(
        &format!("{chain}/p99=>/$/inet/1"),
        &["loop /p99=>/$/inet/1"],
    );
}

#[test]
fn circles_that_something_may_break_are_not_errors() {
    check("/a => /#/fs | /a", &[]);
    check("/a => /a & /$/inet/1", &[]);
    check("/a => /a/b ; /a/*/*/* => /$/inet/9", &[]);
    check(
        "/svc => /svc/x ; /svc/x/web => /$/inet/1",
        &["may-loop /svc => /svc/x"],
    );
    check(
        "/a => /a ; /a => /$/inet/1",
        &["shadowed /a => /a", "duplicate-prefix /a"],
    );
}

#[test]
fn a_later_rule_that_always_answers_shadows_those_it_covers() {
    check("/a/b => /#/x ; /a => !", &["shadowed /a/b => /#/x"]);
    check(
        "/a/* => /#/x ; /*/* => /b ; /b => $",
        &["shadowed /a/* => /#/x"],
    );
    check("/a/b => /#/x ; /a => /#/y", &[]);
    check("/a => /#/x ; /a/b => /$/inet/h/80", &[]);
    check("/*/b => /#/x ; /a/b => !", &[]);
    check(
        "/a => /#/x | /b ; /b => /#/y | /$/inet/1 ; /a => /b",
        &["shadowed /a => /#/x | /b", "duplicate-prefix /a"],
    );
}

#[test]
fn namers_that_nobody_configured_are_told_where_they_stand() {
    check(
        "/a => /#/fs | /#/nope/b & /$/nope",
        &["unknown-namer /#/nope/b", "unknown-namer /$/nope"],
    );
    check("/a => /#/nope ; /#/nope => /$/inet/1", &[]);
}

#[test]
fn weights_without_effect_are_told() {
    check(
        "/a => 0*/b & 1*/#/c | (0.0*~ & 2*/#/d)",
        &["zero-weight 0", "zero-weight 0.0"],
    );
    check(
        "/a => 2*/#/b | 3 * (4*/#/c)",
        &["lone-weight 2", "lone-weight 3", "lone-weight 4"],
    );
}

#[test]
fn a_complaint_shows_its_line() {
    let source = "/svc => /host;\n/host => /svc; # back\n";
    let lints = lint(source, None).expect("a table");
    assert!(lints.iter().all(|lint| lint.level == Level::Error));
    assert_eq!(lints[1].line_column(source), (2, 1));
    insta::assert_snapshot!(lints[1].render(source, "web.dtab"), @r"
    error[loop]: /svc can never be bound: after 100 lookups it is only /svc
     --> web.dtab:2:1
      |
    2 | /host => /svc; # back
      | ^^^^^^^^^^^^^
      |
      = help: names must lead to a namer, such as /#/… or /$/…, and not back to themselves
    ");
}

#[test]
fn tables_that_explode_are_linted_in_bounded_time() {
    for source in [
        "/a => /a | /a",
        "/a => /a & /a",
        "/a => /a/x & /a/y",
        "/ => / & / | / & /",
    ] {
        assert!(lint(source, None).is_ok(), "{source}");
    }
    let many: String = (0..2000).map(|n| format!("/b{n} => /a;")).collect();
    let lints = lint(&format!("/a => /a/x & /a/y;{many}"), None).expect("a table");
    assert_eq!(
        lints.iter().map(|lint| lint.code).collect::<Vec<_>>(),
        ["loop"]
    );
}
