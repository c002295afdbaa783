//! What errors say, and where they point. That texts mean what they should is the conformance vectors' business.

use super::MAX_NESTING;
use crate::dtab::Dtab;
use crate::name_tree::NameTree;
use crate::path::Path;

#[track_caller]
fn check_dtab(text: &str, message: &str) {
    assert_eq!(
        Dtab::parse(text).expect_err("not a table").to_string(),
        message
    );
}

#[track_caller]
fn check_tree(text: &str, message: &str) {
    assert_eq!(
        NameTree::parse(text).expect_err("not a tree").to_string(),
        message
    );
}

#[track_caller]
fn check_path(text: &str, message: &str) {
    assert_eq!(
        Path::parse(text).expect_err("not a path").to_string(),
        message
    );
}

#[test]
fn errors_have_the_text_of_the_reference() {
    check_dtab(
        "invalid-param",
        "'/' expected but 'i' found at '[i]nvalid-param'",
    );
    check_dtab(";", "'/' expected but ';' found at '[;]'");
    check_dtab("/a", "'=' expected but end of input found at '/a[]'");
    check_dtab("/a = > /b", "'>' expected but ' ' found at '/a =[ ]> /b'");
    check_dtab("/a=>", "simple expected but end of input found at '/a=>[]'");
    check_dtab(
        "/a=>/b /c",
        "end of input expected but '/' found at '/a=>/b [/]c'",
    );
    check_dtab("/a*=>/b", "'=' expected but '*' found at '/a[*]=>/b'");
    check_dtab(
        "/a/=>/b",
        "label char expected but '=' found at '/a/[=]>/b'",
    );
    check_tree("(/a", "')' expected but end of input found at '(/a[]'");
    check_tree(
        "1.2.3*/a",
        "number char expected but '.' found at '1.2[.]3*/a'",
    );
    check_tree(". * /a", "weight expected but '.' found at '.[ ]* /a'");
    check_tree("1 /a", "'*' expected but '/' found at '1 [/]a'");
    check_tree("é", "simple expected but 'é' found at '[é]'");
    check_path(
        "/a/",
        "label char expected but end of input found at '/a/[]'",
    );
    check_path(r"/\y41", r"'x' expected but 'y' found at '/\[y]41'");
    check_path(r"/a\x4g", r"hex char expected but 'g' found at '/a\x4[g]'");
    check_path(
        "/a\u{a0}",
        "end of input expected but '\u{a0}' found at '/a[\u{a0}]'",
    );
}

#[test]
fn numbers_that_do_not_fit_are_no_weights() {
    let number = "9".repeat(400);
    let error = NameTree::parse(&format!("{number}*/a & /b")).expect_err("too large");
    assert!(
        error
            .to_string()
            .starts_with("weight expected but '9' found at '[9]99")
    );
}

#[test]
fn errors_know_their_place() {
    let source = "/a => /b;\n/ü # c\n  -> /c";
    let error = Dtab::parse(source).expect_err("no arrow");
    assert_eq!((error.span(), error.line_column(source)), (11..13, (2, 2)));
    insta::assert_snapshot!(error.render(source, "web.dtab"), @r"
    error: '=' expected but 'ü' found
     --> web.dtab:2:2
      |
    2 | /ü # c
      |  ^ expected '='
    ");
    let source = "/a => (/b |";
    let error = Dtab::parse(source).expect_err("no end");
    assert_eq!((error.span(), error.line_column(source)), (11..11, (1, 12)));
    insta::assert_snapshot!(error.render(source, "web.dtab"), @r"
    error: simple expected but end of input found
     --> web.dtab:1:12
      |
    1 | /a => (/b |
      |            ^ expected a path, '(', '!', '~' or '$'
    ");
}

#[test]
fn an_error_rendered_over_another_source_does_not_panic() {
    let error = Dtab::parse("/a => /b; é").expect_err("not a table");
    for source in ["", "é", "\n\n", "/a => /bé é"] {
        assert!(error.render(source, "x").starts_with("error"));
        assert!(error.line_column(source).0 >= 1);
    }
}

#[test]
fn errors_of_long_texts_show_the_neighbourhood() {
    let source = format!(
        "{} ! {}",
        "/a=>/b;".repeat(10_000),
        "/c=>/d;".repeat(10_000)
    );
    let message = Dtab::parse(&source).expect_err("not a table").to_string();
    assert!(
        message.starts_with("'/' expected but '!' found at '…"),
        "{message}"
    );
    assert!(message.len() < 2_200 && message.ends_with("…'"));
}

#[test]
fn nesting_has_a_limit() {
    let nested = |depth: usize| format!("{}/a{}", "(".repeat(depth), ")".repeat(depth));
    assert_eq!(
        NameTree::parse(&nested(MAX_NESTING))
            .expect("deep")
            .to_string(),
        "/a"
    );
    let error = NameTree::parse(&nested(MAX_NESTING + 1)).expect_err("too deep");
    assert!(
        error
            .to_string()
            .starts_with("at most 100 nested parentheses expected but '(' found")
    );
    assert!(NameTree::parse(&"(".repeat(1_000_000)).is_err());
}
