use crate::namerctl::Namerctl;
use crate::namerd::{Namerd, answer};

const LEAF: &str = r##"{"type":"leaf","bound":{"addr":{"type":"bound","addrs":[{"ip":"10.0.0.1","port":80,"meta":{}}],"meta":{}},"id":"/#/io.l5d.fs/web","path":"/"}}"##;

#[test]
fn bind_shows_a_tree_or_json_or_yaml() {
    let namerd = Namerd::start().on("GET /api/1/bind/default?path=/svc/web", answer(200, LEAF));
    let namerctl = Namerctl::of(&namerd);
    let ran = namerctl.run(&["bind", "default", "/svc/web"]);
    ran.is(0, "/svc/web\n└─▶ /#/io.l5d.fs/web\n      10.0.0.1:80\n", "");
    let json = namerctl
        .run(&["bind", "default", "/svc/web", "-o", "json"])
        .out;
    let read = |text: &str| serde_json::from_str::<serde_json::Value>(text).unwrap();
    assert_eq!(read(&json), read(LEAF));
    let yaml = namerctl.run(&["bind", "default", "/svc/web", "-oyaml"]).out;
    assert!(
        yaml.starts_with("type: leaf\nbound:\n  addr:\n    type: bound\n"),
        "{yaml}"
    );
}

#[test]
fn a_watch_prints_every_answer() {
    let records = format!("{LEAF}\n{{\"type\":\"neg\"}}\n");
    let namerd = Namerd::start().on(
        "GET /api/1/bind/default?path=/svc/web&watch=true",
        answer(200, &records),
    );
    let namerctl = Namerctl::of(&namerd);
    let ran = namerctl.run(&["bind", "default", "/svc/web", "--watch", "-o", "json"]);
    ran.is(0, &records, "");
    let ran = namerctl.run(&["bind", "default", "/svc/web", "--watch"]);
    let trees: Vec<_> = ran
        .out
        .lines()
        .filter(|line| !line.starts_with("# "))
        .collect();
    assert_eq!(trees[0], "/svc/web");
    assert_eq!(trees[3..], ["/svc/web", "└── no match"]);
}

#[test]
fn delegate_sends_rules_of_any_length() {
    let tree = r##"{"type":"delegate","path":"/svc/web","delegate":{"type":"neg","path":"/a/web","dentry":{"prefix":"/svc","dst":"/a"}}}"##;
    let namerd = Namerd::start()
        .on(
            "GET /api/1/delegate/default?path=/svc/web&dtab=/svc%3D%3E/a",
            answer(200, tree),
        )
        .on("POST /api/1/delegate", answer(200, tree));
    let namerctl = Namerctl::of(&namerd);
    let shown = "/svc/web\n└── /a/web  (/svc => /a)  no match\n";
    namerctl
        .run(&["delegate", "default", "/svc/web", "--dtab", "/svc=>/a"])
        .is(0, shown, "");
    let long = "/svc=>/a;".repeat(1_000);
    namerctl
        .run(&["delegate", "default", "/svc/web", "--dtab", &long])
        .is(0, shown, "");
    let asked = namerd.questions().pop().unwrap();
    assert!(
        asked.contains(r#"{"namespace":"default","dtab":"/svc=>/a;"#),
        "{asked}"
    );
}

#[test]
fn what_is_no_path_is_not_sent() {
    let namerd = Namerd::start();
    let ran = Namerctl::of(&namerd).run(&["bind", "default", "svc"]);
    assert_eq!(ran.exit_code, 2);
    assert!(
        ran.err.starts_with("Error: \"svc\" is no path: "),
        "{}",
        ran.err
    );
    assert_eq!(namerd.questions(), Vec::<String>::new());
}
