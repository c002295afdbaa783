//! The field lines.

use http1::{Known, Length, LineFault};

use super::{refused, with_fault, with_line};

/// RFC 9112 §5, RFC 9110 §5
#[test]
fn a_field_line_is_a_name_a_colon_and_a_value() {
    for line in [
        "X : y",
        "X\t: y",
        "X y: z",
        "Host : a",
        "Content-Length : 5",
        "Transfer-Encoding : chunked",
        "X :",
    ] {
        with_fault(line, LineFault::SpaceBeforeColon);
    }
    for line in [
        ": y",
        ":",
        "X",
        "X\0: y",
        "X\u{e9}: y",
        "X(: y",
        "X@: y",
        "X\": y",
        "X/y: z",
        "{X}: y",
        "X[0]: y",
        "X\x7f: y",
        "X;y: z",
        "X,: y",
        "X=y",
        "GET / HTTP/1.1",
        "\0X: y",
        "Transfer-Encoding\x0b: chunked",
        "Content-Length\0: 5",
        "\x0cX: y",
        "\u{a0}X: y",
        "<X>: y",
        "X\\: y",
        "?X: y",
    ] {
        let fault = match line {
            "GET / HTTP/1.1" => LineFault::SpaceBeforeColon,
            _ => LineFault::Name,
        };
        with_fault(line, fault);
    }
    for line in [
        "X: a\0b",
        "X: \0",
        "X:\0",
        "X: a\x01",
        "X: \x7f",
        "X: \x08",
        "X: a\x0bb",
        "X: \x0c",
        "X: \x1b[0m",
        "X: y\0",
    ] {
        with_fault(line, LineFault::Value);
    }
    for line in [
        "X:",
        "X: ",
        "X:y",
        "X:\ty\t",
        "X: a:b",
        "X: \u{e9}\u{ff}\u{80}",
        "X: a\tb",
        "!#$%&'*+-.^_`|~0: y",
        "X::",
    ] {
        with_line(line, Ok(Length::None));
    }
}

/// RFC 9112 §5.2 and §2.2
#[test]
fn no_line_is_folded() {
    for line in [" y", "\ty", " ", "\t", " X: y", "  chunked", "\t: y"] {
        with_fault(line, LineFault::Folded);
        refused(
            &["GET / HTTP/1.1", line, "Host: a"],
            LineFault::Folded.into(),
        );
    }
}

#[test]
fn every_name_is_known_in_any_case_and_no_other_is() {
    for known in Known::NAMED {
        let name = known.name();
        assert_eq!(Known::of(name.as_bytes()), *known);
        assert_eq!(Known::of(name.to_ascii_uppercase().as_bytes()), *known);
        for other in [
            format!("{name}x"),
            format!("x{name}"),
            name[1..].to_owned(),
            format!("{name}\r"),
        ] {
            let found = Known::of(other.as_bytes());
            assert!(
                matches!(found, Known::Other | Known::L5dOther),
                "{other} is {found:?}"
            );
        }
        assert_eq!(known.is_context(), name.starts_with("l5d-"), "{name}");
    }
}
