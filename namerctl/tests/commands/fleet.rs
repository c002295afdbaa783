use crate::namerctl::Namerctl;
use crate::namerd::{Answer, Namerd, answer};

fn router(id: &str, is_connected: bool, revision: Option<u64>) -> String {
    let namespaces = revision.map(|revision| {
        format!(
            r#""default":{{"revision":{revision},"version":"x","since":"2026-11-21T07:00:01.5Z","lagMs":3,"names":5,"digest":"0a"}}"#
        )
    });
    format!(
        r#"{{"id":"{id}","labels":{{}},"version":"0.1.0","namerd":"n1","address":"10.0.0.9:5","protocol":"switchyard.mesh.v1",
        "connected":{is_connected},"connectedSince":"2026-11-21T07:00:00Z","lastSeen":"2026-11-21T07:30:00Z","namespaces":{{{}}}}}"#,
        namespaces.unwrap_or_default()
    )
}

fn fleet(routers: &[String]) -> Answer {
    answer(200, &format!(r#"{{"routers":[{}]}}"#, routers.join(",")))
}

fn namerd() -> Namerd {
    Namerd::start()
        .on(
            "GET /api/1/dtabs/default",
            answer(200, "/a=>/b").tag("MTE="),
        )
        .on("PUT /api/1/dtabs/default", answer(204, "").tag("MTI="))
        .on("DELETE /api/1/dtabs/default", answer(204, ""))
}

const UPDATE: [&str; 4] = ["dtab", "update", "default", "/a=>/c"];

#[test]
fn wait_returns_when_every_connected_router_runs_the_revision() {
    let lost = router("lost", false, Some(3));
    let silent = router("silent", true, None);
    let at = |a, b| {
        fleet(&[
            router("a", true, Some(a)),
            router("b", true, Some(b)),
            lost.clone(),
            silent.clone(),
        ])
    };
    let namerd = namerd()
        .on("GET /api/1/fleet", at(11, 11))
        .on("GET /api/1/fleet", at(12, 11))
        .on("GET /api/1/fleet", answer(503, "a moment please"))
        .on("GET /api/1/fleet", at(12, 13));
    let ran = Namerctl::of(&namerd).run(&[&UPDATE[..], &["--wait"]].concat());
    assert_eq!(
        (ran.exit_code, ran.out.as_str()),
        (0, "Updated default\n"),
        "{ran:#?}"
    );
    assert!(
        ran.err
            .starts_with("2 routers confirmed revision 12 of default, after "),
        "{}",
        ran.err
    );
    let questions = namerd.questions();
    let looks = questions
        .iter()
        .filter(|question| question.starts_with("GET /api/1/fleet"));
    assert_eq!(looks.count(), 4);
}

#[test]
fn a_wait_that_times_out_names_the_stragglers() {
    let now = fleet(&[
        router("a", true, Some(12)),
        router("b", true, Some(11)),
        router("c", false, Some(10)),
    ]);
    let before = fleet(&[
        router("a", true, Some(11)),
        router("b", true, Some(11)),
        router("c", true, Some(10)),
        router("d", true, Some(11)),
    ]);
    let namerd = namerd()
        .on("GET /api/1/fleet", before)
        .on("GET /api/1/fleet", now);
    let ran = Namerctl::of(&namerd).run(&[&UPDATE[..], &["--wait=100ms"]].concat());
    ran.is(
        6,
        "Updated default\n",
        "Error: 3 of 4 routers did not confirm revision 12 of default within 100ms\n  \
         b (10.0.0.9:5) runs revision 11 since 2026-11-21T07:00:01Z\n  \
         c (10.0.0.9:5) is lost since 2026-11-21T07:30:00Z, runs revision 10 since 2026-11-21T07:00:01Z\n  \
         d (10.0.0.9:5) is gone, runs revision 11 since 2026-11-21T07:00:01Z\n",
    );
}

#[test]
fn without_routers_there_is_nothing_to_wait_for() {
    let namerd = namerd().on("GET /api/1/fleet", fleet(&[]));
    let ran = Namerctl::of(&namerd).run(&[&UPDATE[..], &["--wait"]].concat());
    ran.is(
        0,
        "Updated default\n",
        "No router that uses default is connected.\n",
    );
}

#[test]
fn a_namerd_that_knows_no_routers_is_asked_to_write_nothing() {
    let namerd = namerd();
    let ran = Namerctl::of(&namerd).run(&[&UPDATE[..], &["--wait"]].concat());
    ran.failed(
        2,
        "Error: this namerd has no view of its routers: is it Linkerd's?",
    );
    namerd.wrote(&[]);
}

#[test]
fn a_delete_waits_for_the_revision_that_history_tells() {
    let history = r#"[{"revision":12,"version":"MTI=","time":"2026-11-21T07:00:00Z","author":"","message":"","action":"delete","dtab":null}]"#;
    let namerd = namerd()
        .on("GET /api/1/history/default?limit=1", answer(200, history))
        .on("GET /api/1/fleet", fleet(&[router("a", true, Some(11))]))
        .on("GET /api/1/fleet", fleet(&[router("a", true, Some(12))]));
    let ran = Namerctl::of(&namerd).run(&["dtab", "delete", "default", "--wait=5s"]);
    assert_eq!(
        (ran.exit_code, ran.out.as_str()),
        (0, "Deleted default\n"),
        "{ran:#?}"
    );
    assert!(
        ran.err
            .starts_with("1 router confirmed revision 12 of default"),
        "{}",
        ran.err
    );
}

#[test]
fn the_fleet_is_a_table_with_those_behind_and_lost_marked() {
    let routers = [
        router("a", true, Some(11)),
        router("b", true, Some(9)),
        router("c", false, Some(11)),
        router("d", true, None),
    ];
    let namerd = namerd().on("GET /api/1/fleet", fleet(&routers));
    let namerctl = Namerctl::of(&namerd);
    let ran = namerctl.run(&["fleet"]);
    assert_eq!((ran.exit_code, ran.err.as_str()), (0, ""));
    insta::assert_snapshot!(ran.out, @r"
    ROUTER  NAMERD  CONNECTED SINCE       NAMESPACE  REVISION  SINCE                 LAG MS  STATE
    a       n1      2026-11-21T07:00:00Z  default    11        2026-11-21T07:00:01Z  3       ok
    b       n1      2026-11-21T07:00:00Z  default    9         2026-11-21T07:00:01Z  3       behind by 2
    c       n1      2026-11-21T07:00:00Z  default    11        2026-11-21T07:00:01Z  3       lost, last seen 2026-11-21T07:30:00Z
    d       n1      2026-11-21T07:00:00Z  -          -         -                     -       says nothing
    ");
    let ran = namerctl.run(&["fleet", "--namespace", "default", "-o", "json"]);
    let read: serde_json::Value = serde_json::from_str(&ran.out).unwrap();
    assert_eq!(read["routers"].as_array().unwrap().len(), 3);
}

#[test]
fn check_asks_each_namerd() {
    let status = |state| {
        format!(
            r#"{{"id":"n1","version":"0.1.0","uptimeSecs":7260,"store":{{"kind":"io.l5d.etcd","state":"{state}","ageMs":1500,"detail":null}},"namespaces":2,"routers":1}}"#
        )
    };
    let well = Namerd::start().on("GET /api/1/status", answer(200, &status("ok")));
    let stale = Namerd::start().on("GET /api/1/status", answer(200, &status("stale")));
    let linkerds = Namerd::start().on("GET /api/1/dtabs", answer(200, "[\"a\"]"));
    let check = |urls: &[&str]| Namerctl::alone().run(&["check", "--base-url", &urls.join(",")]);
    check(&[&well.url, &linkerds.url]).is(
        0,
        &format!(
            "{}: ok, n1 0.1.0, up 2 h 1 m, store io.l5d.etcd ok (1.5 s old), 2 namespaces, 1 router\n{}: ok, 1 namespace\n",
            well.url, linkerds.url
        ),
        "",
    );
    let ran = check(&[&stale.url, &well.url, "http://127.0.0.1:1"]);
    assert_eq!(
        (ran.exit_code, ran.err.as_str()),
        (2, "Error: 2 of 3 namerds not well\n")
    );
    let lines: Vec<_> = ran.out.lines().collect();
    assert!(lines[0].ends_with("not well, n1 0.1.0, up 2 h 1 m, store io.l5d.etcd stale (1.5 s old), 2 namespaces, 1 router"));
    assert!(
        lines[2].starts_with("http://127.0.0.1:1: cannot be reached: "),
        "{}",
        lines[2]
    );
}
