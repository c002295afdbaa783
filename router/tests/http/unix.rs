//! Servers that listen on a file.

use std::fs;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use config::RouterConfig;
use router::Process;
use tempfile::TempDir;
use tokio::time::Instant;

use crate::world::{Backend, PATIENCE, World};

fn place() -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("app.sock");
    (folder, path)
}

/// A configuration with one server on a file, and more lines in the router's entry.
fn yaml(path: &Path, server: &str, router: &str) -> String {
    format!(
        "stateDir: none\nadmin: {{port: 0}}\nrouters:\n- protocol: http\n  servers: [{{unixPath: {}{server}}}]\n{router}",
        path.display()
    )
}

fn leads_to(backend: &Backend) -> String {
    format!("  dtab: \"/svc => {}\"\n", backend.path())
}

fn connect(path: &Path) -> UnixStream {
    let stream = UnixStream::connect(path).expect("somebody listens");
    stream.set_read_timeout(Some(PATIENCE)).expect("a timeout");
    stream
}

const GET: &[u8] = b"GET / HTTP/1.1\r\nHost: web\r\nConnection: close\r\n\r\n";

/// The whole answer to a request on a connection of its own.
fn get(path: &Path) -> String {
    let mut stream = connect(path);
    stream.write_all(GET).expect("it is read");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("it ends");
    answer
}

#[test]
fn a_file_leads_to_an_endpoint_and_goes_with_the_router() {
    let (web, (_folder, path)) = (Backend::named("web"), place());
    let forwarded =
        ", unixMode: \"0600\", addForwardedHeader: {by: {kind: ip}, for: {kind: 'ip:port'}}";
    let world = World::parse(&yaml(&path, forwarded, &leads_to(&web)));
    let mode = fs::metadata(&path).expect("a file").permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    for _ in 0..20 {
        assert!(get(&path).ends_with("\r\n\r\nweb"));
    }
    assert!(
        web.last()
            .has("forwarded", "by=unknown;for=unknown;host=web")
    );
    let metrics = crate::admin::metrics(&world);
    let requests = format!("rt/http/server/unix{}/requests", path.display());
    assert_eq!(metrics[&*requests], 20);
    drop(world);
    assert!(!path.exists());
}

#[test]
fn what_cannot_be_routed_is_told_to_a_client_without_an_address() {
    let (_folder, path) = place();
    let _world = World::parse(&yaml(&path, "", ""));
    let mut stream = connect(&path);
    stream
        .write_all(b"GET / HTTP/1.0\r\n\r\n")
        .expect("it is read");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("it ends");
    assert!(answer.contains("from /unix"), "{answer}");
}

#[test]
fn large_bodies_pass_both_ways() {
    const LENGTH: usize = 3_000_000;
    let web = Backend::answering(|request| {
        let body = &request.body;
        format!(
            "HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        )
    });
    let (_folder, path) = place();
    let _world = World::parse(&yaml(&path, "", &leads_to(&web)));
    let mut stream = connect(&path);
    let mut sending = stream.try_clone().expect("open");
    let body: String = (0..LENGTH)
        .map(|at| char::from(b'a' + (at % 23) as u8))
        .collect();
    let sent = body.clone();
    let sender = std::thread::spawn(move || {
        let head = format!(
            "POST / HTTP/1.1\r\nHost: web\r\nConnection: close\r\nContent-Length: {LENGTH}\r\n\r\n"
        );
        sending.write_all(head.as_bytes()).expect("it is read");
        sending.write_all(sent.as_bytes()).expect("it is read");
    });
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("it ends");
    sender.join().expect("all was sent");
    let (_, came) = answer.split_once("\r\n\r\n").expect("a head");
    assert!(came == body, "{} of {LENGTH} bytes", came.len());
}

#[test]
fn a_client_that_asks_nothing_is_not_waited_for() {
    let (web, (_folder, path)) = (Backend::named("web"), place());
    let world = World::parse(&yaml(&path, "", &leads_to(&web)));
    assert!(get(&path).ends_with("web"));
    let mut idle = connect(&path);
    idle.write_all(b"GET / HTTP/1.1\r\nHost: web\r\n\r\n")
        .expect("it is read");
    assert_ne!(idle.read(&mut [0; 512]).expect("an answer"), 0);
    let running = world.take();
    running.shutdown().request(Some(PATIENCE));
    running.run();
    assert_eq!(idle.read(&mut [0; 512]).expect("an end"), 0);
}

#[test]
fn what_a_dead_process_left_is_replaced_and_a_live_one_is_an_error() {
    let (web, (_folder, path)) = (Backend::named("web"), place());
    drop(UnixListener::bind(&path).expect("a new file"));
    let yaml = yaml(&path, "", &leads_to(&web));
    let _world = World::parse(&yaml);
    assert!(get(&path).ends_with("web"));
    let (config, _) = RouterConfig::parse("test.yaml", &yaml).expect("it is good");
    let process = Process {
        workers: 1,
        ..Process::default()
    };
    let error = process.start(&config).expect_err("it is taken");
    let told = format!("cannot listen on unix:{} for http", path.display());
    assert_eq!(error.to_string(), told);
    let source = std::error::Error::source(&error).expect("a cause");
    assert_eq!(source.to_string(), "another process listens on it");
    assert!(get(&path).ends_with("web"), "it was left alone");
}

#[test]
fn a_reload_keeps_adds_and_removes_files() {
    let (web, (folder, path)) = (Backend::named("web"), place());
    let other = folder.path().join("other.sock");
    let file = folder.path().join("router.yaml");
    let write = |yaml: &str| fs::write(&file, yaml).expect("it can be written");
    let one = yaml(&path, "", &leads_to(&web));
    let both = one.replace(
        "servers: [",
        &format!("servers: [{{unixPath: {}}}, ", other.display()),
    );
    write(&one);
    let world = World::from_file(&file);
    let reload = || {
        let reply = crate::world::Client::to(world.admin())
            .send("POST /admin/reload HTTP/1.1\r\nHost: x\r\n\r\n");
        assert_eq!(reply.status(), 200, "{}", reply.body);
        reply.body
    };
    let mut kept = connect(&path);
    let mut ask = || {
        kept.write_all(b"GET / HTTP/1.1\r\nHost: web\r\n\r\n")
            .expect("it is read");
        let mut answer = [0; 512];
        let length = kept.read(&mut answer).expect("an answer");
        assert!(answer[..length].ends_with(b"web"));
    };
    ask();
    write(&both);
    assert_eq!(reload(), "reloaded\n");
    assert!(get(&other).ends_with("web") && get(&path).ends_with("web"));
    ask();
    write(&one.replace("app.sock", "app.sock, unixMode: 600"));
    assert_eq!(
        reload(),
        format!(
            "reloaded\nneeds an upgrade: the unixMode of unix:{}\n",
            path.display()
        )
    );
    ask();
    assert!(path.exists() && !other.exists());
    // The connection that was there stays; a new one finds nobody.
    UnixStream::connect(&other).expect_err("nobody listens");
}

#[test]
fn a_slow_head_is_no_reason_to_wait_for_ever() {
    let (_folder, path) = place();
    let _world = World::parse(&yaml(&path, ", headerReadTimeoutMs: 100", ""));
    let mut stream = connect(&path);
    stream.write_all(b"GET / HTTP/1.1\r\n").expect("it is read");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("it ends");
    assert!(answer.starts_with("HTTP/1.1 408 "), "{answer}");
}

/// A router's own process, and the one that comes after it.
struct Upgraded {
    old: Child,
    new: String,
}

impl Upgraded {
    /// Starts a router, and has it replaced by another process, with `next` for its configuration.
    fn start(file: &Path, path: &Path, next: &str) -> Self {
        let mut old = Command::new(env!("CARGO_BIN_EXE_router"))
            .arg(file)
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .expect("it starts");
        wait_until("it listens", || UnixStream::connect(path).is_ok());
        assert!(get(path).ends_with("web"));
        fs::write(file, next).expect("written");
        signal("USR2", &old.id().to_string());
        let said = BufReader::new(old.stderr.take().expect("it is piped"));
        let mut lines = said.lines().map(|line| line.expect("text"));
        let took_over = lines.find_map(|line| {
            let (before, _) = line.split_once(" has taken over")?;
            let (_, id) = before.rsplit_once("process ")?;
            Some(id.to_owned())
        });
        let new = took_over.expect("another process takes over");
        // Somebody has to read what both say.
        std::thread::spawn(move || lines.count());
        Self { old, new }
    }
}

impl Drop for Upgraded {
    fn drop(&mut self) {
        // Either may have ended.
        let _ = self.old.kill();
        let _ = self.old.wait();
        let _ = Command::new("kill")
            .args(["-9", &self.new])
            .stderr(Stdio::null())
            .status();
    }
}

fn signal(name: &str, process: &str) {
    let mut kill = Command::new("kill");
    kill.args([&*format!("-{name}"), process]);
    assert!(kill.status().expect("kill runs").success());
}

fn wait_until(what: &str, is_so: impl Fn() -> bool) {
    let began = Instant::now();
    while !is_so() {
        assert!(began.elapsed() < PATIENCE, "not so: {what}");
        std::thread::yield_now();
    }
}

#[test]
fn an_upgrade_leaves_the_file_to_the_next_process() {
    let (web, (folder, path)) = (Backend::named("web"), place());
    let file = folder.path().join("router.yaml");
    let yaml = yaml(&path, "", &leads_to(&web));
    fs::write(&file, &yaml).expect("written");
    let mut upgraded = Upgraded::start(&file, &path, &yaml);
    let ended = upgraded.old.wait().expect("it ends");
    assert!(ended.success(), "{ended}");
    assert!(path.exists());
    assert!(get(&path).ends_with("web"));
    signal("TERM", &upgraded.new);
    wait_until("the file is gone", || !path.exists());
}

#[test]
fn an_upgrade_removes_a_file_that_is_no_longer_wanted() {
    let (web, (folder, path)) = (Backend::named("web"), place());
    let other = folder.path().join("other.sock");
    let file = folder.path().join("router.yaml");
    let before = yaml(&path, "", &leads_to(&web));
    fs::write(&file, &before).expect("written");
    let next = before.replace("app.sock", "other.sock");
    let _upgraded = Upgraded::start(&file, &path, &next);
    wait_until("the old one is gone", || !path.exists());
    assert!(get(&other).ends_with("web"));
}
