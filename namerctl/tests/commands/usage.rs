use crate::namerctl::Namerctl;

#[track_caller]
fn check(args: &[&str], message: &str) {
    let ran = Namerctl::alone().run(args);
    ran.failed(2, &format!("Error: {message}"));
    assert!(ran.err.contains("Usage: namerctl"), "{}", ran.err);
}

#[test]
fn wrong_arguments_are_named_as_they_always_were() {
    check(&["dtab", "list", "x"], "list does not take arguments");
    check(&["dtab", "get"], "get requires a name argument");
    check(&["dtab", "get", "a", "b"], "get requires a name argument");
    check(
        &["dtab", "create", "a"],
        "create requires a name and file path",
    );
    check(
        &["dtab", "update", "a"],
        "update requires a name and file path",
    );
    check(
        &["dtab", "update", "a", "f", "-e", "/a=>/b"],
        "update requires a name and file path",
    );
    check(&["dtab", "delete"], "delete requires one argument");
    check(&["dtab", "rm", "a", "b"], "delete requires one argument");
    check(&["dtabs"], "unknown command \"dtabs\" for \"namerctl\"");
    check(
        &["dtab", "lost"],
        "unknown command \"lost\" for \"namerctl dtab\"",
    );
    check(&["dtab", "list", "--x"], "unknown flag: --x");
    check(&["dtab", "list", "-x"], "unknown shorthand flag: 'x' in -x");
}

#[test]
fn help_is_an_answer() {
    let namerctl = Namerctl::alone();
    for args in [
        &[][..],
        &["help"],
        &["-h"],
        &["--help"],
        &["dtab"],
        &["dtab", "help"],
        &["dtab", "get", "--help"],
    ] {
        let ran = namerctl.run(args);
        assert_eq!((ran.exit_code, ran.err.as_str()), (0, ""), "{args:?}");
        assert!(ran.out.contains("Usage: namerctl"), "{args:?}: {}", ran.out);
        assert!(
            ran.out.contains("--base-url <URL>"),
            "{args:?}: {}",
            ran.out
        );
    }
}

#[test]
fn completion_is_there_for_the_usual_shells() {
    let namerctl = Namerctl::alone();
    for shell in ["bash", "zsh", "fish"] {
        let ran = namerctl.run(&["completion", shell]);
        assert_eq!(ran.exit_code, 0);
        assert!(ran.out.contains("rollback"), "{shell}");
    }
}
