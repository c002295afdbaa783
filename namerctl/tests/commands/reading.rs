use crate::namerctl::Namerctl;
use crate::namerd::{Namerd, answer};

const DTAB: &str = r#"[{"prefix":"/svc","dst":"/a"},{"prefix":"/http/1.1/*/*","dst":"/b & /c"}]"#;

#[test]
fn list_prints_a_name_in_each_line() {
    let namerd = Namerd::start().on("GET /api/1/dtabs", answer(200, "[\"a\",\"b\"]\n"));
    let namerctl = Namerctl::of(&namerd);
    for args in [
        &["dtab", "list"][..],
        &["dtab", "ls"],
        &["dtab", "list", "--json=false"],
    ] {
        namerctl.run(args).is(0, "a\nb\n", "");
    }
    let json = "[\"a\",\"b\"]\n";
    for args in [
        &["dtab", "list", "--json"][..],
        &["dtab", "--json", "ls"],
        &["--json", "dtab", "ls"],
    ] {
        namerctl.run(args).is(0, json, "");
    }
}

#[test]
fn an_empty_list_is_an_empty_line() {
    let namerd = Namerd::start().on("GET /api/1/dtabs", answer(200, "[]\n"));
    Namerctl::of(&namerd).run(&["dtab", "list"]).is(0, "\n", "");
}

#[test]
fn get_prints_the_version_and_aligned_rules() {
    let namerd = Namerd::start().on(
        "GET /api/1/dtabs/default",
        answer(200, DTAB).tag("AAAAAAAAAAE="),
    );
    let namerctl = Namerctl::of(&namerd);
    let pretty = "# version AAAAAAAAAAE=\n/svc           => /a ;\n/http/1.1/*/*  => /b & /c ;\n";
    for args in [
        &["dtab", "get", "default"][..],
        &["dtab", "cat", "default", "--pretty"],
    ] {
        namerctl.run(args).is(0, pretty, "");
    }
    let compact = "/svc=>/a;/http/1.1/*/*=>/b & /c;\n";
    for args in [
        &["dtab", "get", "--pretty=false", "default"][..],
        &["--pretty=0", "dtab", "get", "default"],
    ] {
        namerctl.run(args).is(0, compact, "");
    }
    let json = concat!(
        r#"{"version":"AAAAAAAAAAE=","dtab":[{"prefix":"/svc","dst":"/a"},"#,
        r#"{"prefix":"/http/1.1/*/*","dst":"/b \u0026 /c"}]}"#,
        "\n"
    );
    namerctl
        .run(&["dtab", "get", "default", "--json", "--pretty=false"])
        .is(0, json, "");
}

#[test]
fn a_dtab_that_is_not_there_is_exit_status_4() {
    let namerd = Namerd::start().on("GET /api/1/dtabs/a%20b", answer(404, "no such namespace"));
    let ran = Namerctl::of(&namerd).run(&["dtab", "get", "a b"]);
    ran.is(
        4,
        "",
        "Error: resource was not found by ID or name\nno such namespace\n",
    );
}

#[test]
fn other_refusals_name_the_status_and_the_reason() {
    let namerd = Namerd::start()
        .on(
            "GET /api/1/dtabs/denied",
            answer(403, "{\"error\":\"not for you\"}"),
        )
        .on("GET /api/1/dtabs/broken", answer(500, ""));
    let namerctl = Namerctl::of(&namerd);
    let ran = namerctl.run(&["dtab", "get", "denied"]);
    ran.is(
        5,
        "",
        "Error: unexpected response: 403 Forbidden\nnot for you\n",
    );
    let ran = namerctl.run(&["dtab", "get", "broken"]);
    ran.is(
        2,
        "",
        "Error: unexpected response: 500 Internal Server Error\n",
    );
}

#[test]
fn lint_shows_the_place_and_asks_nobody() {
    let namerctl = Namerctl::alone().file("web.dtab", "/a => /b\n/c = /d\n");
    let ran = namerctl.run(&["dtab", "lint", "web.dtab"]);
    assert_eq!(ran.exit_code, 7);
    assert!(ran.out.contains("--> web.dtab:2:1"), "{}", ran.out);
    assert_eq!(ran.err, "Error: web.dtab is refused: 1 error\n");
    let ran = namerctl.run(&["dtab", "validate", "/svc=>/host;/host=>/#/io.l5d.fs"]);
    ran.is(
        0,
        "the command line: 2 rules, nothing to complain about\n",
        "",
    );
    let ran = namerctl.input("/a => /a").run(&["dtab", "lint", "-"]);
    assert_eq!(ran.exit_code, 7);
    assert!(ran.out.contains("error[loop]"), "{}", ran.out);
}

#[test]
fn lint_asks_namerd_about_namers_where_it_is_told_to() {
    let lint = r#"[{"level":"warning","code":"unknown-namer","message":"no namer is known for /#/x/y","line":1,"column":7,"start":6,"end":12}]"#;
    let namerd = Namerd::start().on("POST /api/1/lint", answer(200, lint));
    let namerctl = Namerctl::alone();
    let ran = namerctl.run(&["dtab", "lint", "/a => /#/x/y", "--base-url", &namerd.url]);
    assert_eq!(ran.exit_code, 0);
    assert!(
        ran.out
            .contains("warning[unknown-namer]: no namer is known for /#/x/y"),
        "{}",
        ran.out
    );
    namerd.wrote(&["POST /api/1/lint content-type=application/dtab /a => /#/x/y"]);
}

#[test]
fn a_dry_run_is_asked_only_of_a_namerd_that_knows_what_it_is() {
    let namerctl = Namerctl::alone();
    let linkerds = Namerd::start();
    let args = [
        "dtab",
        "lint",
        "/a => /b",
        "--namespace",
        "default",
        "--base-url",
    ];
    let ran = namerctl.run(&[&args[..], &[&linkerds.url]].concat());
    ran.failed(2, "Error: this namerd has no lint: is it Linkerd's?");
    linkerds.wrote(&["POST /api/1/lint content-type=application/dtab /a => /b"]);
    let ours = Namerd::start()
        .on("POST /api/1/lint", answer(200, "[]"))
        .on(
            "POST /api/1/dtabs/default?dryRun=true",
            answer(400, "bad name"),
        );
    let ran = namerctl.run(&[&args[..], &[&ours.url]].concat());
    ran.is(
        2,
        "",
        "Error: unexpected response: 400 Bad Request\nbad name\n",
    );
}
