//! A router that has as many sockets open as it may.

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::thread;
use std::time::Duration;

use tests::{Backend, Process, Router, with_descriptors};
use tokio::runtime::Runtime;
use tokio::time::Instant;

const CLIENTS: usize = 50;

fn start(runtime: &Runtime, dir: &tempfile::TempDir, top: &str) -> (Backend, Router) {
    let backend = Backend::start(runtime.handle(), "v1");
    let rest = format!("  dtab: /svc/web => {}\n{top}", backend.path());
    let router = Router::start(dir.path(), "out", &rest, (0, 0)).expect("the router starts");
    (backend, router)
}

/// A client that has asked and waits.
fn ask(address: SocketAddr) -> TcpStream {
    let mut client = TcpStream::connect(address).expect("the queue has room");
    let patience = Some(Duration::from_secs(10));
    client.set_read_timeout(patience).expect("a timeout");
    ask_again(&mut client);
    client
}

fn ask_again(client: &mut TcpStream) {
    let request = b"GET /admin/ping HTTP/1.1\r\nHost: web\r\n\r\n";
    client.write_all(request).expect("it is open");
}

fn assert_answered(client: &mut TcpStream) {
    let answer = answer(client);
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
}

fn answer(client: &mut TcpStream) -> String {
    let mut answer = [0; 4096];
    let length = client.read(&mut answer).expect("an answer comes");
    String::from_utf8_lossy(&answer[..length]).into_owned()
}

/// What a process has worked, in hundredths of a second.
fn worked(process: &Process) -> u64 {
    let stat = fs::read_to_string(format!("/proc/{}/stat", process.id())).expect("it runs");
    let (_, fields) = stat.rsplit_once(')').expect("its name ends");
    let fields: Vec<_> = fields.split_whitespace().collect();
    let ticks = |at: usize| fields[at].parse::<u64>().expect("a number");
    ticks(11) + ticks(12)
}

#[test]
fn without_descriptors_a_router_waits_and_goes_on_when_there_are_some() {
    let (runtime, dir) = (Runtime::new().expect("a runtime"), tempfile::tempdir());
    let dir = dir.expect("a folder");
    let (_backend, router) = start(&runtime, &dir, "");
    let mut known = ask(router.address());
    assert_answered(&mut known);
    let open = fs::read_dir(format!("/proc/{}/fd", router.process.id()));
    with_descriptors(router.process.id(), open.expect("it runs").count());
    let mut waiting: Vec<_> = (0..CLIENTS).map(|_| ask(router.address())).collect();
    let (began, before) = (Instant::now(), worked(&router.process));
    while began.elapsed() < Duration::from_secs(1) {
        ask_again(&mut known);
        assert_answered(&mut known);
        thread::sleep(Duration::from_millis(20));
    }
    let worked = worked(&router.process) - before;
    assert!(worked < 50, "{worked} hundredths of a second");
    with_descriptors(router.process.id(), 1000);
    let began = Instant::now();
    // Where a descriptor was left, it was no use to a client whose request needs another.
    let answers: Vec<_> = waiting.iter_mut().map(answer).collect();
    let is = |status: &str| {
        let start = format!("HTTP/1.1 {status} ");
        answers
            .iter()
            .filter(|answer| answer.starts_with(&start))
            .count()
    };
    assert_eq!(is("200") + is("503"), CLIENTS, "{answers:?}");
    assert!(is("503") < 5, "{answers:?}");
    let took = began.elapsed();
    assert!(took < Duration::from_secs(1), "{took:?}");
}

#[test]
fn no_more_connections_are_taken_than_there_may_be_and_the_rest_waits() {
    const ROOM: usize = 5;
    let (runtime, dir) = (Runtime::new().expect("a runtime"), tempfile::tempdir());
    let dir = dir.expect("a folder");
    let (_backend, router) = start(&runtime, &dir, &format!("maxConnections: {ROOM}\n"));
    let mut taken: Vec<_> = (0..ROOM).map(|_| ask(router.address())).collect();
    taken.iter_mut().for_each(assert_answered);
    let mut waiting: Vec<_> = (0..ROOM).map(|_| ask(router.address())).collect();
    for client in &mut waiting {
        let soon = Some(Duration::from_millis(20));
        client.set_read_timeout(soon).expect("a timeout");
        client.read(&mut [0]).expect_err("nobody has taken it");
    }
    let mut admin = ask(router.admin());
    assert_answered(&mut admin);
    drop(taken);
    for client in &mut waiting {
        let patience = Some(Duration::from_secs(10));
        client.set_read_timeout(patience).expect("a timeout");
        assert_answered(client);
    }
}
