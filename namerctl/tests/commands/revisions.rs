use crate::namerctl::Namerctl;
use crate::namerd::{Namerd, answer};

const HISTORY: &str = r#"[
    {"revision":12,"version":"MTI=","time":"2026-11-21T07:00:00.25Z","author":"ada","message":"two\nlines","action":"update","dtab":"/a=>/c"},
    {"revision":11,"version":"MTE=","time":"2026-11-20T07:00:00Z","author":"","message":"","action":"create","dtab":"/a=>/b"}]"#;

fn namerd() -> Namerd {
    Namerd::start()
        .on("GET /api/1/history/default?limit=50", answer(200, HISTORY))
        .on("GET /api/1/history/default?limit=2", answer(200, HISTORY))
        .on(
            "GET /api/1/dtabs/default",
            answer(200, "/a=>/c\n").tag("MTI="),
        )
        .on(
            "GET /api/1/dtabs/default?revision=12",
            answer(200, "/a=>/c\n"),
        )
        .on(
            "GET /api/1/dtabs/default?revision=11",
            answer(200, "# old\n/a=>/b\n"),
        )
        .on("PUT /api/1/dtabs/default", answer(204, "").tag("MTM="))
}

#[test]
fn history_is_a_table_or_json() {
    let namerd = namerd();
    let namerctl = Namerctl::of(&namerd);
    insta::assert_snapshot!(namerctl.run(&["dtab", "history", "default"]).out, @r"
    REVISION  TIME                  AUTHOR  ACTION  MESSAGE
    12        2026-11-21T07:00:00Z  ada     update  two
    11        2026-11-20T07:00:00Z  -       create
    ");
    let json = namerctl
        .run(&["dtab", "history", "default", "--limit=2", "-o=json"])
        .out;
    let read = |text: &str| serde_json::from_str::<serde_json::Value>(text).unwrap();
    assert_eq!(read(&json), read(HISTORY));
    let json = namerctl.run(&["dtab", "history", "default", "--json"]).out;
    assert_eq!(read(&json), read(HISTORY));
    namerctl
        .run(&["dtab", "history", "other"])
        .failed(4, "Error: resource was not found by ID or name");
}

#[test]
fn diff_says_whether_there_is_a_difference() {
    let namerd = namerd();
    let namerctl = Namerctl::of(&namerd).file("web.dtab", "# new\n/a => /c ;");
    let rules = "@@ -1 +1 @@\n-/a => /b ;\n+/a => /c ;\n";
    let last = format!("--- default@11\n+++ default@12\n{rules}");
    namerctl.run(&["dtab", "diff", "default"]).is(1, &last, "");
    namerctl
        .run(&["dtab", "diff", "default", "11", "12"])
        .is(1, &last, "");
    let since = format!("--- default@11\n+++ default\n{rules}");
    namerctl
        .run(&["dtab", "diff", "default", "11"])
        .is(1, &since, "");
    namerctl
        .run(&["dtab", "diff", "default", "12"])
        .is(0, "", "");
    namerctl
        .run(&["dtab", "diff", "default", "web.dtab"])
        .is(0, "", "");
    let ran = namerctl.run(&["dtab", "diff", "default", "9"]);
    ran.failed(4, "Error: resource was not found by ID or name");
}

#[test]
fn rollback_writes_the_old_text_over_the_newest() {
    let namerd = namerd();
    let namerctl = Namerctl::of(&namerd);
    let ran = namerctl.run(&["dtab", "rollback", "default", "11", "--author=ada"]);
    ran.is(0, "Rolled back default to 11\n", "");
    namerd.wrote(&[
        "PUT /api/1/dtabs/default content-type=application/dtab if-match=MTI= switchyard-author=ada switchyard-message=rollback to 11 # old\n/a=>/b",
    ]);
    let ran = namerctl.run(&["dtab", "rollback", "default", "10"]);
    ran.failed(4, "Error: default had no dtab in revision 10");
}

#[test]
fn what_is_exported_can_be_imported() {
    let export =
        format!(r#"{{"format":"switchyard-export/1","namespaces":{{"default":{HISTORY}}}}}"#);
    let namerd = Namerd::start()
        .on("GET /api/1/export", answer(200, &export))
        .on("POST /api/1/import", answer(409, "default exists"))
        .on("POST /api/1/import?replace=true", answer(204, ""));
    let namerctl = Namerctl::of(&namerd);
    namerctl
        .run(&["export", "all.json"])
        .is(0, "Exported 1 namespace to all.json\n", "");
    let written = std::fs::read_to_string(namerctl.folder.path().join("all.json")).unwrap();
    assert_eq!(namerctl.run(&["export"]).out, written);
    let ran = namerctl.run(&["import", "all.json"]);
    ran.is(
        3,
        "",
        "Error: unexpected response: 409 Conflict\ndefault exists\n",
    );
    let namerctl = namerctl.input(&written);
    namerctl
        .run(&["import", "-", "--replace"])
        .is(0, "Imported 1 namespace\n", "");
    let namerctl = namerctl.file("other.json", r#"{"format":"other/2","namespaces":{}}"#);
    let ran = namerctl.run(&["import", "other.json"]);
    ran.failed(
        2,
        "Error: other.json is of the format \"other/2\", which this namerctl doesn't know",
    );
}
