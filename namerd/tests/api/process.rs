//! The program: its log, its end, and the commands that need no server.

use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};

use tempfile::TempDir;

use crate::client::Request;

struct Files(TempDir);

impl Files {
    fn new() -> Self {
        Self(TempDir::new().unwrap())
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// A configuration whose store has a folder of its own.
    fn config(&self, store: &str) -> PathBuf {
        let yaml = format!(
            "admin: {{port: 0}}\nstorage: {{kind: io.l5d.embedded, dir: {:?}}}\ninterfaces:\n\
             - {{kind: io.l5d.httpController, port: 0}}\n- {{kind: io.l5d.mesh, port: 0}}\n",
            self.path(store)
        );
        let path = self.path(&format!("{store}.yaml"));
        std::fs::write(&path, yaml).unwrap();
        path
    }
}

fn namerd() -> Command {
    Command::new(env!("CARGO_BIN_EXE_namerd"))
}

fn run(args: &[&Path]) -> Output {
    namerd().args(args).stdin(Stdio::null()).output().unwrap()
}

fn stderr(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

/// A running namerd, killed with the test.
struct Running {
    process: Child,
    log: Vec<String>,
}

impl Running {
    /// Starts and reads the log until everything serves. Then nobody reads it any more, which must not matter.
    fn start(config: &Path) -> Self {
        let mut process = namerd().arg(config).stderr(Stdio::piped()).spawn().unwrap();
        let stderr = BufReader::new(process.stderr.take().unwrap());
        let mut log = Vec::new();
        for line in stderr.lines() {
            let line = line.unwrap();
            let is_last = line.ends_with("initialized");
            log.push(line);
            if is_last {
                break;
            }
        }
        Self { process, log }
    }

    /// The address behind `serving <what> on /`.
    fn address(&self, what: &str) -> SocketAddr {
        let serving = format!("serving {what} on /");
        let after = self
            .log
            .iter()
            .find_map(|line| Some(line.split_once(&serving)?.1));
        after
            .unwrap_or_else(|| panic!("no {what} in {:?}", self.log))
            .parse()
            .unwrap()
    }

    fn terminate(&self) {
        let pid = self.process.id().to_string();
        assert!(Command::new("kill").arg(pid).status().unwrap().success());
    }

    /// Waits for the end of the process: its status.
    fn ended(&mut self) -> Option<i32> {
        self.process.wait().unwrap().code()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

#[tokio::test]
async fn it_says_where_it_serves_and_ends_gracefully_though_somebody_watches() {
    let files = Files::new();
    let mut running = Running::start(&files.config("store"));
    let (admin, api) = (
        running.address("http admin"),
        running.address("io.l5d.httpController interface"),
    );
    running.address("io.l5d.mesh interface");
    for (path, wanted) in [("/admin/ping", "pong"), ("/admin/ready", "ready")] {
        assert_eq!(Request::new("GET", path).send(admin).await.body, wanted);
    }
    let mut watch = Request::new("GET", "/api/1/dtabs?watch=true")
        .watch(api)
        .await;
    assert_eq!(watch.next().await.as_deref(), Some("[]\n"));
    let config = Request::new("GET", "/config.json").send(admin).await.body;
    assert!(config.contains("io.l5d.embedded"), "{config}");
    let metrics = Request::new("GET", "/admin/metrics.json")
        .send(admin)
        .await
        .body;
    assert!(
        metrics.contains("\"interface/http/watches\":1.0")
            && metrics.contains("\"dtabstore/namespaces\":0.0"),
        "{metrics}"
    );
    running.terminate();
    assert_eq!(watch.next().await, None);
    assert_eq!(running.ended(), Some(0));
}

#[tokio::test]
async fn the_admin_server_can_be_asked_for_the_end() {
    let files = Files::new();
    let mut running = Running::start(&files.config("store"));
    let quit = Request::new("POST", "/admin/shutdown")
        .send(running.address("http admin"))
        .await;
    assert_eq!(quit.head.status, 200);
    assert_eq!(running.ended(), Some(0));
}

#[tokio::test]
async fn an_export_fills_another_store() {
    let files = Files::new();
    let (old, new) = (files.config("old"), files.config("new"));
    {
        let mut running = Running::start(&old);
        let api = running.address("io.l5d.httpController interface");
        let put =
            Request::new("PUT", "/api/1/dtabs/web").body("application/dtab", "/a => /b # kept");
        assert_eq!(put.send(api).await.head.status, 204);
        running.terminate();
        running.ended();
    }
    let file = files.path("export.json");
    let export = run(&[Path::new("export"), &old, &file]);
    assert!(export.status.success(), "{}", stderr(&export));
    let import = run(&[Path::new("import"), &new, &file]);
    assert!(import.status.success(), "{}", stderr(&import));
    let again = run(&[Path::new("import"), &new, &file]);
    assert_eq!(
        (
            again.status.code(),
            stderr(&again).contains("already here: web")
        ),
        (Some(1), true)
    );
    let replace = run(&[Path::new("import"), Path::new("--replace"), &new, &file]);
    assert!(replace.status.success(), "{}", stderr(&replace));
    let exported = String::from_utf8(run(&[Path::new("export"), &new]).stdout).unwrap();
    assert!(exported.contains("/a => /b # kept"), "{exported}");
}

#[test]
fn a_check_opens_nothing_and_says_everything() {
    let files = Files::new();
    let good = run(&[Path::new("--check"), &files.config("store")]);
    assert_eq!((good.status.code(), stderr(&good).as_str()), (Some(0), ""));
    assert!(!files.path("store").exists());
    let bad = files.path("bad.yaml");
    std::fs::write(&bad, "storage: {kind: io.l5d.inMemroy}\ninterfaces: []\n").unwrap();
    let bad = run(&[Path::new("-validate"), &bad]);
    assert_eq!(bad.status.code(), Some(1));
    let complaints = stderr(&bad);
    assert!(
        complaints.contains("io.l5d.inMemory") && complaints.contains("at least one interface"),
        "{complaints}"
    );
}

#[test]
fn a_command_line_that_makes_no_sense_ends_with_1() {
    for (args, says) in [
        (&[][..], "usage: namerd path/to/config"),
        (
            &["/nowhere/namerd.yaml"],
            "config is not a file: /nowhere/namerd.yaml",
        ),
        (&["-loud", "x"], "unknown flag: -loud"),
    ] {
        let args: Vec<&Path> = args.iter().map(Path::new).collect();
        let output = run(&args);
        assert_eq!(output.status.code(), Some(1));
        assert!(stderr(&output).starts_with(says), "{}", stderr(&output));
    }
}
