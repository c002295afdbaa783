use crate::namerctl::Namerctl;
use crate::namerd::{Answer, Namerd, answer};

const PUT: &str = "PUT /api/1/dtabs/default";

fn namerd_with(dtab: &str, put: Answer) -> Namerd {
    Namerd::start()
        .on("GET /api/1/dtabs/default", answer(200, dtab).tag("MQ=="))
        .on(PUT, put)
}

fn put(rest: &str) -> String {
    format!("{PUT} {rest}")
}

#[test]
fn create_sends_the_file_as_it_is() {
    let namerd = Namerd::start().on("POST /api/1/dtabs/default", answer(204, ""));
    let text = "# why\n/svc  =>  /host;\n";
    let namerctl = Namerctl::of(&namerd).file("web.dtab", text);
    let ran = namerctl.run(&["dtab", "create", "default", "web.dtab", "--author", "ada"]);
    ran.is(0, "Created default\n", "");
    namerd.wrote(&[&format!(
        "POST /api/1/dtabs/default content-type=application/dtab switchyard-author=ada {text}"
    )]);
}

#[test]
fn create_of_what_is_there_is_a_conflict() {
    let namerd = Namerd::start().on("POST /api/1/dtabs/default", answer(409, "it is there"));
    let ran = Namerctl::of(&namerd)
        .input("/a=>/b")
        .run(&["dtab", "new", "default", "-"]);
    ran.is(
        3,
        "",
        "Error: unexpected response: 409 Conflict\nit is there\n",
    );
}

#[test]
fn update_replaces_the_version_that_it_read() {
    let namerd = namerd_with("/svc=>/old\n", answer(204, "").tag("Mg=="));
    let namerctl = Namerctl::of(&namerd).file("web.dtab", "/svc=>/new");
    let args = [
        "dtab",
        "update",
        "default",
        "web.dtab",
        "--author=ada",
        "-m",
        "to new",
    ];
    namerctl.run(&args).is(0, "Updated default\n", "");
    namerd.wrote(&[&put(
        "content-type=application/dtab if-match=MQ== switchyard-author=ada switchyard-message=to new /svc=>/new",
    )]);
}

#[test]
fn the_author_is_who_runs_it_and_where() {
    let namerd = namerd_with("/svc=>/old", answer(204, ""));
    Namerctl::of(&namerd)
        .run(&["dtab", "up", "default", "/svc=>/new"])
        .is(0, "Updated default\n", "");
    let questions = namerd.questions();
    assert!(
        questions.last().unwrap().contains(" switchyard-author=ada"),
        "{questions:#?}"
    );
}

#[test]
fn a_change_by_somebody_else_is_a_conflict() {
    let namerd = namerd_with("/svc=>/old", answer(412, "it has changed").tag("Mg=="));
    let ran = Namerctl::of(&namerd).run(&["dtab", "update", "default", "/svc=>/new"]);
    ran.is(
        3,
        "",
        "Error: unexpected response: 412 Precondition Failed\nit has changed\nHint: somebody else has changed it: it has version Mg== now; `namerctl dtab diff` shows the difference\n",
    );
}

#[test]
fn a_version_may_be_given_and_that_of_a_json_file_counts() {
    let namerd = namerd_with("/svc=>/old", answer(204, ""));
    let json = r#"{"version":"Nw==","dtab":[{"prefix":"/a","dst":"/b"}]}"#;
    let namerctl = Namerctl::of(&namerd)
        .file("a.json", json)
        .file("b.json", r#"[{"prefix":"/a","dst":"/b"}]"#);
    for (file, version, sent) in [
        ("a.json", "OA==", "Nw=="),
        ("b.json", "OA==", "OA=="),
        ("b.json", "", "MQ=="),
    ] {
        let args = [
            "dtab",
            "update",
            "--author=ada",
            "default",
            file,
            "--version",
            version,
        ];
        namerctl.run(&args).is(0, "Updated default\n", "");
        let asked = format!(
            "{PUT} content-type=application/json if-match={sent} switchyard-author=ada [{{\"prefix\":\"/a\",\"dst\":\"/b\"}}]"
        );
        assert_eq!(namerd.questions().pop(), Some(asked));
    }
}

#[test]
fn update_of_what_is_not_there_creates_it() {
    let namerd = Namerd::start().on("POST /api/1/dtabs/new", answer(204, ""));
    let ran = Namerctl::of(&namerd).run(&["dtab", "update", "new", "/a=>/b", "--author=ada"]);
    ran.is(0, "Updated new\n", "");
    namerd.wrote(&[
        "POST /api/1/dtabs/new content-type=application/dtab switchyard-author=ada /a=>/b",
    ]);
}

#[test]
fn entries_are_joined_and_force_asks_for_no_version() {
    let namerd = namerd_with("/svc=>/old", answer(204, ""));
    let args = [
        "dtab",
        "update",
        "default",
        "-e",
        "/a=>/b",
        "--entry=/c=>/d;",
        "--force",
        "--author=ada",
    ];
    Namerctl::of(&namerd)
        .run(&args)
        .is(0, "Updated default\n", "");
    namerd.wrote(&[&put(
        "content-type=application/dtab switchyard-author=ada /a=>/b ;\n/c=>/d ;\n",
    )]);
}

#[test]
fn the_difference_is_shown_on_standard_error() {
    let namerd = namerd_with("# old\n/svc=>/old;/x=>/y", answer(204, ""));
    let args = [
        "dtab",
        "update",
        "default",
        "/svc=>/new;/x=>/y",
        "--show-diff",
    ];
    Namerctl::of(&namerd).run(&args).is(
        0,
        "Updated default\n",
        "--- default (version MQ==)\n+++ default (new)\n@@ -1,2 +1,2 @@\n-/svc => /old ;\n+/svc => /new ;\n /x => /y ;\n",
    );
}

#[test]
fn a_dry_run_writes_nothing() {
    let namerd = namerd_with("/svc=>/old", answer(500, ""));
    let namerctl = Namerctl::of(&namerd);
    let args = ["dtab", "update", "default", "/svc=>/new", "--dry-run"];
    let ran = namerctl.run(&args);
    ran.is(
        0,
        "--- default (version MQ==)\n+++ default (new)\n@@ -1 +1 @@\n-/svc => /old ;\n+/svc => /new ;\n",
        "",
    );
    let ran = namerctl.run(&[&args[..], &["--version=Nw=="]].concat());
    ran.failed(3, "Error: default has version MQ==, not Nw==");
    namerd.wrote(&[]);
}

#[test]
fn what_cannot_work_is_not_sent() {
    let namerd = namerd_with("/svc=>/old", answer(400, "no"));
    let namerctl = Namerctl::of(&namerd);
    for text in ["/a => /a", "/a => b"] {
        let ran = namerctl.run(&["dtab", "update", "default", text]);
        assert_eq!((ran.exit_code, ran.out.as_str()), (7, ""), "{ran:#?}");
        assert!(
            ran.err
                .ends_with("Error: the command line is refused: 1 error\n"),
            "{ran:#?}"
        );
    }
    namerd.wrote(&[]);
    let ran = namerctl.run(&["dtab", "update", "default", "/a => b", "--no-lint"]);
    ran.is(2, "", "Error: unexpected response: 400 Bad Request\nno\n");
}

#[test]
fn warnings_are_shown_and_the_dtab_is_sent() {
    let namerd = namerd_with("/svc=>/old", answer(204, ""));
    let ran = Namerctl::of(&namerd).run(&["dtab", "update", "default", "/a=>/b;/a=>/c"]);
    assert_eq!((ran.exit_code, ran.out.as_str()), (0, "Updated default\n"));
    assert!(ran.err.starts_with("warning["), "{}", ran.err);
}

#[test]
fn emptying_a_dtab_needs_force() {
    let namerd = namerd_with("/svc=>/old", answer(204, ""));
    let namerctl = Namerctl::of(&namerd).file("empty.dtab", "# nothing\n");
    let args = ["dtab", "update", "default", "empty.dtab"];
    namerctl.run(&args).failed(
        7,
        "Error: the dtab is empty, and would take every name away from default: --force does it anyway",
    );
    namerd.wrote(&[]);
    let ran = namerctl.run(&[&args[..], &["--force"]].concat());
    ran.is(0, "Updated default\n", "");
}

#[test]
fn delete_says_who_and_why() {
    let namerd = Namerd::start().on("DELETE /api/1/dtabs/default", answer(204, ""));
    let namerctl = Namerctl::of(&namerd);
    for verb in ["delete", "del", "rm"] {
        let ran = namerctl.run(&["dtab", verb, "default", "--author=ada", "--message=gone"]);
        ran.is(0, "Deleted default\n", "");
    }
    let deleted = "DELETE /api/1/dtabs/default switchyard-author=ada switchyard-message=gone";
    namerd.wrote(&[deleted; 3]);
    namerctl
        .run(&["dtab", "rm", "other"])
        .failed(4, "Error: resource was not found by ID or name");
}

#[test]
fn a_file_that_is_not_there_is_named() {
    let namerd = Namerd::start();
    let namerctl = Namerctl::of(&namerd);
    let ran = namerctl.run(&["dtab", "create", "default", "none.dtab"]);
    ran.is(2, "", "Error: open none.dtab: no such file or directory\n");
    let ran = namerctl.run(&["dtab", "create", "default", ""]);
    ran.is(2, "", "Error: empty dtab path\n");
}
