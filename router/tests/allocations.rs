//! What passes on kept connections costs no allocation: counted in this process, whose only thing that works is the router.
//!
//! The counts are those of the whole process, because nothing less can be had without `unsafe` of our own. So clients and
//! endpoints are plain threads that use the buffers they began with, and of many windows the one with the fewest counts: what
//! the router does by the clock, such as looking for idle connections, falls into some of them only.

use std::alloc::System;
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::thread;
use std::time::Duration;

use config::RouterConfig;
use router::{Process, Running};
use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};

#[global_allocator]
static COUNTING: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

const WARM_UP: usize = 1_000;
const WINDOWS: usize = 10;
const WINDOW: usize = 1_000;

/// A request, and what its endpoint answers.
struct Exchange {
    what: &'static str,
    request: Message,
    answer: Message,
}

#[derive(Clone, Copy)]
struct Message {
    bytes: &'static [u8],
    /// How it ends, also when a proxy has passed it on.
    end: &'static [u8],
}

const HEAD_END: &[u8] = b"\r\n\r\n";
const CHUNKS_END: &[u8] = b"\r\n0\r\n\r\n";

const EXCHANGES: [Exchange; 4] = [
    Exchange {
        what: "a plain GET",
        request: Message {
            bytes: b"GET /api/v1/users?fields=name HTTP/1.1\r\nHost: web\r\nUser-Agent: curl/8.5.0\r\nAccept: */*\r\n\r\n",
            end: HEAD_END,
        },
        answer: Message {
            bytes: b"HTTP/1.1 200 OK\r\nDate: Sat, 21 Nov 2026 10:00:00 GMT\r\nContent-Length: 2\r\n\r\nhi",
            end: b"\r\n\r\nhi",
        },
    },
    Exchange {
        what: "a GET as proxies are sent it",
        request: Message {
            bytes: b"GET http://web/api HTTP/1.1\r\nHost: web\r\nConnection: keep-alive\r\n\r\n",
            end: HEAD_END,
        },
        answer: Message {
            bytes: b"HTTP/1.1 304 Not Modified\r\nConnection: keep-alive\r\n\r\n",
            end: HEAD_END,
        },
    },
    Exchange {
        what: "a POST",
        request: Message {
            bytes: b"POST / HTTP/1.1\r\nHost: web\r\nContent-Length: 4\r\n\r\nbody",
            end: b"\r\n\r\nbody",
        },
        answer: Message {
            bytes: b"HTTP/1.1 204 No Content\r\n\r\n",
            end: HEAD_END,
        },
    },
    Exchange {
        what: "chunks both ways",
        request: Message {
            bytes: b"POST / HTTP/1.1\r\nHost: web\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nbody\r\n0\r\n\r\n",
            end: CHUNKS_END,
        },
        answer: Message {
            bytes: b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n",
            end: CHUNKS_END,
        },
    },
];

#[test]
fn what_passes_on_kept_connections_allocates_nothing() {
    assert!(counts());
    for exchange in EXCHANGES {
        let endpoint = endpoint(exchange.request.end, exchange.answer.bytes);
        let router = start(endpoint);
        let mut client = TcpStream::connect(router.servers()[0]).expect("the router listens");
        client.set_nodelay(true).expect("it is open");
        let mut room = [0; 4096];
        ask(&mut client, &exchange, &mut room, WARM_UP);
        let windows = [(); WINDOWS].map(|()| {
            let region = Region::new(COUNTING);
            ask(&mut client, &exchange, &mut room, WINDOW);
            let change = region.change();
            change.allocations + change.reallocations
        });
        let fewest = windows.iter().min();
        let what = exchange.what;
        assert_eq!(fewest, Some(&0), "{what}, {WINDOW} times: {windows:?}");
        drop(client);
        router.shutdown().request(Some(Duration::ZERO));
        router.run();
    }
}

/// Whether an allocation of another thread is counted at all.
fn counts() -> bool {
    let region = Region::new(COUNTING);
    let there = thread::spawn(|| std::hint::black_box(vec![1_u8]).len());
    there.join().is_ok() && region.change().allocations > 0
}

fn start(endpoint: SocketAddr) -> Running {
    let yaml = format!(
        "stateDir: none\nadmin: {{port: 0}}\nrouters:\n- protocol: http\n  servers: [{{port: 0}}]\n  dtab: /svc/web => /$/inet/{}/{}\n",
        endpoint.ip(),
        endpoint.port()
    );
    let parsed = RouterConfig::parse("test.yaml", &yaml);
    let (config, _) = parsed.unwrap_or_else(|complaints| panic!("{complaints}"));
    let process = Process {
        workers: 1,
        ..Process::default()
    };
    process.start(&config).expect("the router starts")
}

/// Sends a request so many times, and reads each answer.
fn ask(client: &mut TcpStream, exchange: &Exchange, room: &mut [u8], times: usize) {
    let Exchange {
        request, answer, ..
    } = exchange;
    for _ in 0..times {
        client.write_all(request.bytes).expect("the router reads");
        let heard = read_to(client, answer.end, room).expect("an answer");
        assert_eq!(heard[..12], answer.bytes[..12]);
    }
}

/// Reads a message that ends like this; none at the end of the connection.
fn read_to<'a>(stream: &mut TcpStream, end: &[u8], room: &'a mut [u8]) -> Option<&'a [u8]> {
    let mut length = 0;
    while !room[..length].ends_with(end) {
        match stream.read(&mut room[length..]) {
            Ok(count @ 1..) => length += count,
            _ => return None,
        }
    }
    Some(&room[..length])
}

/// An endpoint that answers what ends like this.
fn endpoint(end: &'static [u8], answer: &'static [u8]) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("bound");
    thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.expect("a connection");
            stream.set_nodelay(true).expect("it is open");
            thread::spawn(move || {
                let mut room = [0; 4096];
                while read_to(&mut stream, end, &mut room).is_some() {
                    stream.write_all(answer).expect("the router reads");
                }
            });
        }
    });
    address
}
