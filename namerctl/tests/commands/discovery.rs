use transport::ServerTlsFiles;

use crate::namerctl::Namerctl;
use crate::namerd::{Namerd, answer};

const LIST: [&str; 2] = ["dtab", "list"];

fn namerd() -> Namerd {
    Namerd::start().on("GET /x/api/1/dtabs", answer(200, "[\"a\"]"))
}

#[test]
fn a_file_in_a_folder_above_tells_where_namerd_is() {
    let namerd = namerd();
    let yaml = format!("base-url: {}/x/\n", namerd.url);
    let namerctl = Namerctl::alone()
        .file(".namerctl.yaml", &yaml)
        .file("a/b/c", "");
    namerctl.run_in("a/b", &LIST).is(0, "a\n", "");
    // The nearest file counts, even if it says nothing.
    let namerctl = namerctl.file("a/.namerctl.hcl", "");
    namerctl
        .run_in("a/b", &LIST)
        .is(2, "", "Error: empty base URL\n");
}

#[test]
fn the_flag_comes_before_the_variable_and_that_before_the_file() {
    let namerd = namerd();
    let url = format!("{}/x", namerd.url);
    let properties = format!("base-url={url}\n");
    let args = |more: &[&'static str]| [more, &LIST[..]].concat();
    let nowhere = Namerctl::alone()
        .variable("NAMERCTL_BASE_URL", "nowhere")
        .file("n.properties", &properties);
    nowhere
        .run(&LIST)
        .is(2, "", "Error: invalid base URL: nowhere\n");
    nowhere
        .run(&args(&["--config=n.properties"]))
        .failed(2, "Error: invalid base URL: nowhere");
    nowhere
        .run(&["dtab", "list", "--base-url", &url])
        .is(0, "a\n", "");
    let unset = Namerctl::alone()
        .variable("NAMERCTL_BASE_URL", "")
        .file("n.properties", &properties);
    unset
        .run(&args(&["--config", "n.properties"]))
        .is(0, "a\n", "");
    unset.run(&args(&["--config", "none.json"])).is(
        2,
        "",
        "Error: cannot read none.json: no such file or directory\n",
    );
}

#[test]
fn a_broken_file_that_was_found_is_reported() {
    let namerctl = Namerctl::alone().file(".namerctl.json", "{");
    let ran = namerctl.run(&LIST);
    assert_eq!((ran.exit_code, ran.out.as_str()), (2, ""));
    let lines: Vec<_> = ran.err.lines().collect();
    assert!(
        lines[0].starts_with("Warning: cannot read ") && lines[0].contains(".namerctl.json: EOF"),
        "{ran:#?}"
    );
    assert_eq!(lines[1], "Error: empty base URL");
}

#[test]
fn of_several_namerds_the_first_that_answers_serves() {
    let namerd = namerd();
    let urls = format!("http://127.0.0.1:1, {}/x", namerd.url);
    Namerctl::alone()
        .run(&["--base-url", &urls, "dtab", "list"])
        .is(0, "a\n", "");
}

#[test]
fn a_namerd_that_does_not_answer_is_named() {
    let ran = Namerctl::alone().run(&["--base-url=http://127.0.0.1:1", "dtab", "list"]);
    assert_eq!((ran.exit_code, ran.out.as_str()), (2, ""));
    assert!(
        ran.err
            .starts_with("Error: cannot reach namerd: http://127.0.0.1:1: "),
        "{}",
        ran.err
    );
}

#[test]
fn files_for_tls_are_read_before_anything_is_sent() {
    let url = "--base-url=https://127.0.0.1:1";
    let namerctl = Namerctl::alone();
    let ran = namerctl.run(&[url, "dtab", "list", "--ca-cert", "none.pem"]);
    assert_eq!(ran.exit_code, 2);
    assert!(ran.err.contains("none.pem"), "{}", ran.err);
    let ran = namerctl.run(&[url, "dtab", "list", "--client-cert", "c.pem"]);
    ran.is(2, "", "Error: --client-cert and --client-key go together\n");
}

/// A namerd that shows `namerd.pem` and wants to see a certificate that it trusts, which is the same.
fn secure_namerd(namerctl: &Namerctl) -> Namerd {
    let made = rcgen::generate_simple_self_signed(vec!["127.0.0.1".to_owned()]).unwrap();
    let (cert, key) = (
        namerctl.folder.path().join("namerd.pem"),
        namerctl.folder.path().join("namerd.key"),
    );
    std::fs::write(&cert, made.cert.pem()).unwrap();
    std::fs::write(&key, made.signing_key.serialize_pem()).unwrap();
    let files = ServerTlsFiles {
        ca: Some(cert.clone()),
        require_client_auth: true,
        cert,
        key,
        ..ServerTlsFiles::default()
    };
    Namerd::secure(&files).on("GET /api/1/dtabs", answer(200, "[\"a\"]"))
}

#[test]
fn both_sides_show_certificates() {
    let namerctl = Namerctl::alone();
    let namerd = secure_namerd(&namerctl);
    let identity = ["--client-cert=namerd.pem", "--client-key=namerd.key"];
    let run = |more: &[&str]| {
        let args = [&["dtab", "list", "--base-url", &namerd.url], more].concat();
        namerctl.run(&args)
    };
    run(&[&identity[..], &["--ca-cert=namerd.pem"]].concat()).is(0, "a\n", "");
    run(&[&identity[..], &["--insecure"]].concat()).is(0, "a\n", "");
    for refused in [&identity[..], &["--insecure"]] {
        let ran = run(refused);
        assert_eq!((ran.exit_code, ran.out.as_str()), (2, ""), "{ran:#?}");
        assert!(
            ran.err.starts_with("Error: cannot reach namerd: https://"),
            "{}",
            ran.err
        );
    }
}
