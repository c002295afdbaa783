//! `Upgrade: h2c`, as bytes.

use std::io::Write as _;

use crate::bridges::entrances::{PREFACE, SETTINGS, http2_world};
use crate::bridges::peers::{Endpoint, world};
use crate::world::{Backend, Client, World};

/// What a request says that would go on with HTTP/2, but for its settings.
const UPGRADE: &str = "Host: web\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\n";

/// A frame as it came.
#[derive(Debug)]
struct Frame {
    kind: u8,
    flags: u8,
    stream: u8,
    payload: Vec<u8>,
}

const DATA: u8 = 0;
const HEADERS: u8 = 1;
const SETTINGS_FRAME: u8 = 4;
const END_STREAM: u8 = 1;
const ACK: u8 = 1;

fn read_frame(client: &mut Client) -> Frame {
    let head = client.read_raw(9);
    let length = usize::from(head[1]) << 8 | usize::from(head[2]);
    Frame {
        kind: head[3],
        flags: head[4],
        stream: head[8],
        payload: client.read_raw(length),
    }
}

/// Reads frames of streams until the stream ends or so many bytes of its body came: its status as HPACK has it, and the body.
fn read_answer(client: &mut Client, stream: u8, most: usize) -> (u8, Vec<u8>) {
    let (mut status, mut body) = (0, Vec::new());
    loop {
        let frame = read_frame(client);
        if frame.stream != stream {
            assert_eq!(frame.stream, 0, "{frame:?}");
            continue;
        }
        match frame.kind {
            HEADERS => status = frame.payload[0],
            DATA => body.extend_from_slice(&frame.payload),
            _ => panic!("{frame:?}"),
        }
        if frame.flags & END_STREAM != 0 || body.len() >= most {
            return (status, body);
        }
    }
}

/// `:status: 200` in HPACK's own table.
const OK: u8 = 0x88;

fn upgrade(world: &World, request: &str) -> Client {
    let mut client = world.client();
    client.write(request);
    let reply = client.read_head();
    assert_eq!(reply.status(), 101, "{}", reply.head);
    assert!(reply.has("upgrade", "h2c") && reply.has("connection", "Upgrade"));
    client
}

#[test]
fn the_request_becomes_the_first_stream() {
    let web = Backend::named("web");
    let both = world(&format!("/svc/web => {}", web.path()), "");
    let endpoint = Endpoint::named("web");
    let only = http2_world(&endpoint, "");
    for world in [&both, &only] {
        let request =
            format!("GET /a?b HTTP/1.1\r\n{UPGRADE}HTTP2-Settings: AAMAAABk\r\nX-Own: c\r\n\r\n");
        let mut client = upgrade(world, &request);
        client.write(&format!("{PREFACE}{SETTINGS}"));
        assert_eq!(
            read_answer(&mut client, 1, usize::MAX),
            (OK, b"web".to_vec())
        );
    }
    let seen = web.last();
    assert_eq!(seen.first_line(), "GET /a?b HTTP/1.1");
    assert!(seen.has("host", "web") && seen.has("x-own", "c"));
    for name in ["connection", "upgrade", "http2-settings"] {
        assert_eq!(seen.header(name), None);
    }
    let seen = endpoint.last();
    assert_eq!(seen.head.uri, "http://web/a?b");
    assert_eq!(seen.field("x-own"), Some("c"));
}

#[test]
fn other_streams_follow() {
    let web = Backend::named("web");
    let world = world(&format!("/svc/web => {}", web.path()), "");
    let request = format!("GET / HTTP/1.1\r\n{UPGRADE}HTTP2-Settings: \r\n\r\n");
    let mut client = upgrade(&world, &request);
    client.write(PREFACE);
    client.write(SETTINGS);
    assert_eq!(read_answer(&mut client, 1, usize::MAX).0, OK);
    // GET, http, /, and the authority as a literal that no table keeps.
    let head = [0x82, 0x86, 0x84, 0x01, 3, b'w', b'e', b'b'];
    let frame = [&[0, 0, 8, HEADERS, 5, 0, 0, 0, 3], &head[..]].concat();
    client.stream.get_mut().write_all(&frame).expect("open");
    assert_eq!(
        read_answer(&mut client, 3, usize::MAX),
        (OK, b"web".to_vec())
    );
}

#[test]
fn the_settings_of_the_request_hold() {
    let web = Backend::named("web");
    let world = world(&format!("/svc/web => {}", web.path()), "");
    // Of each stream, two bytes may come.
    let request = format!("GET / HTTP/1.1\r\n{UPGRADE}HTTP2-Settings: AAQAAAAC\r\n\r\n");
    let mut client = upgrade(&world, &request);
    client.write(&format!("{PREFACE}{SETTINGS}"));
    assert_eq!(read_answer(&mut client, 1, 2), (OK, b"we".to_vec()));
    client.write("\0\0\x04\x08\0\0\0\0\x01\0\0\0\x01");
    assert_eq!(read_answer(&mut client, 1, usize::MAX).1, b"b");
}

#[test]
fn both_settings_are_acknowledged_as_one() {
    let web = Backend::named("web");
    let world = world(&format!("/svc/web => {}", web.path()), "");
    let request = format!("GET / HTTP/1.1\r\n{UPGRADE}HTTP2-Settings: AAMAAABk\r\n\r\n");
    let mut client = upgrade(&world, &request);
    client.write(&format!("{PREFACE}{SETTINGS}"));
    // A ping, whose answer ends what is looked at.
    client.write("\0\0\x08\x06\0\0\0\0\0pingpong");
    let mut acknowledged = 0;
    loop {
        let frame = read_frame(&mut client);
        match (frame.kind, frame.flags) {
            (SETTINGS_FRAME, ACK) => acknowledged += 1,
            (6, ACK) => break,
            _ => {}
        }
    }
    assert_eq!(acknowledged, 1);
}

#[test]
fn the_request_brings_its_body() {
    let web = Backend::named("web");
    let world = world(&format!("/svc/web => {}", web.path()), "");
    let request =
        format!("POST / HTTP/1.1\r\n{UPGRADE}HTTP2-Settings: \r\nContent-Length: 5\r\n\r\nhello");
    let mut client = upgrade(&world, &format!("{request}{PREFACE}{SETTINGS}"));
    assert_eq!(
        read_answer(&mut client, 1, usize::MAX),
        (OK, b"web".to_vec())
    );
    let seen = web.last();
    assert!(seen.has("content-length", "5"), "{}", seen.head);
    assert_eq!(seen.body, "hello");
}

#[test]
fn a_client_that_waits_for_it_is_told_to_go_on() {
    let web = Backend::named("web");
    let world = world(&format!("/svc/web => {}", web.path()), "");
    let mut client = world.client();
    client.write(&format!(
        "POST / HTTP/1.1\r\n{UPGRADE}HTTP2-Settings: \r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n"
    ));
    assert_eq!(client.read_head().status(), 100);
    client.write("hello");
    assert_eq!(client.read_head().status(), 101);
    client.write(&format!("{PREFACE}{SETTINGS}"));
    assert_eq!(read_answer(&mut client, 1, usize::MAX).0, OK);
    assert_eq!(web.last().body, "hello");
}

#[test]
fn a_long_head_takes_several_frames() {
    let web = Backend::named("web");
    let world = World::parse(&format!(
        "admin: {{port: 0}}\nrouters:\n- protocol: http\n  maxHeadersKB: 64\n  servers: [{{port: 0, h2c: true}}]\n  dtab: \"/svc/web => {}\"\n",
        web.path()
    ));
    let long = "x".repeat(20_000);
    let request = format!(
        "GET / HTTP/1.1\r\n{UPGRADE}HTTP2-Settings: \r\nX-A: {long}\r\nX-B: {long}\r\n\r\n"
    );
    let mut client = upgrade(&world, &request);
    client.write(&format!("{PREFACE}{SETTINGS}"));
    assert_eq!(read_answer(&mut client, 1, usize::MAX).0, OK);
    assert!(web.last().has("x-a", &long) && web.last().has("x-b", &long));
}

#[test]
fn what_cannot_be_taken_is_answered_as_it_was_asked() {
    let web = Backend::named("web");
    let both = world(&format!("/svc/web => {}", web.path()), "");
    let one = World::with_dtab(&format!("/svc/web => {}", web.path()));
    let check = |world: &World, request: &str| {
        let reply = world.client().send(request);
        assert_eq!((reply.status(), &*reply.body), (200, "web"), "{request}");
    };
    let settings = "HTTP2-Settings: \r\n";
    check(&one, &format!("GET / HTTP/1.1\r\n{UPGRADE}{settings}\r\n"));
    check(&both, &format!("GET / HTTP/1.1\r\n{UPGRADE}\r\n"));
    check(
        &both,
        &format!(
            "POST / HTTP/1.1\r\n{UPGRADE}{settings}Transfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\n\r\n"
        ),
    );
    check(&both, &format!("GET / HTTP/1.0\r\n{UPGRADE}{settings}\r\n"));
}
