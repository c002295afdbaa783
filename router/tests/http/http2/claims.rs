//! What holds for any bytes from a client that speaks HTTP/2, or something like it. The fuzz target and the replay of its corpus make the
//! same claims: nothing makes the router panic or hang, and afterwards it holds nothing of what there was.
//!
//! The first byte says how the others are meant: as they are, or as what a client does, so that most of it is understood.

use std::io::{Read as _, Write as _};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::thread;
use std::time::Duration;

use bytes::Bytes;
use config::RouterConfig;
use h2::RecvStream;
use h2::server::SendResponse;
use http::{HeaderMap, Request, Response};
use router::{Process, Running};
use tokio::task::JoinSet;

use super::frames::{
    CONTINUATION, DATA, END_HEADERS, END_STREAM, Frame, GOAWAY, HEADERS, PING, PREFACE, PRIORITY,
    RST_STREAM, SETTINGS, WINDOW_UPDATE, block,
};

/// A router, and an endpoint behind it.
pub(crate) struct Stand {
    router: Running,
    /// How often somebody looks for an answer that is late.
    looks: usize,
}

/// How long it may take to find out that a client has gone.
const PATIENCE: Duration = Duration::from_secs(10);

impl Stand {
    pub(crate) fn new(looks: usize) -> Self {
        let yaml = format!(
            "stateDir: none\nadmin: {{port: 0}}\nrouters:\n- protocol: h2\n  dtab: /svc => /$/inet/127.0.0.1/{}\n  servers: [{{port: 0}}]\n  client: {{failureAccrual: {{kind: none}}}}\n  service: {{responseClassifier: {{kind: io.l5d.h2.grpc.default}}, retries: {{backoff: {{kind: constant, ms: 0}}}}}}\n",
            endpoint().port()
        );
        let parsed = RouterConfig::parse("fuzz.yaml", &yaml);
        let (config, _) = parsed.unwrap_or_else(|complaints| panic!("{complaints}"));
        let process = Process {
            workers: 1,
            ..Process::default()
        };
        let router = process.start(&config).expect("the router starts");
        Self { router, looks }
    }

    /// Makes the claims about these bytes. Says how many answers came back.
    pub(crate) fn hold(&self, data: &[u8]) -> usize {
        let Some((how, rest)) = data.split_first() else {
            return 0;
        };
        let mut client = Client::to(self.router.servers()[0].inet().expect("a port"));
        match how % 2 {
            0 => client.write(rest),
            _ => act(&mut client, self.looks, rest),
        }
        client.leave()
    }

    /// What is still counted as open or on its way; every number is of no use to somebody who has gone.
    pub(crate) fn held(&self) -> Vec<String> {
        let mut admin = TcpStream::connect(self.router.admin()).expect("it listens");
        admin
            .write_all(b"GET /admin/metrics.json HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
            .expect("it reads");
        let mut page = String::new();
        admin.read_to_string(&mut page).expect("a page");
        let lines = page.split(['{', ',', '}']).map(str::trim);
        let is_held = |line: &&str| {
            let (name, value) = line.rsplit_once(':').unwrap_or_default();
            let name = name.trim_matches('"');
            let counts = name.ends_with("/pending")
                || name.starts_with("rt/h2/server/") && name.ends_with("/connections");
            counts && value != "0.0" && value != "0"
        };
        lines.filter(is_held).map(str::to_owned).collect()
    }
}

/// Reads requests, and answers in three pieces and with trailers; every other one as if it were not there.
fn endpoint() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("bound");
    listener.set_nonblocking(true).expect("a socket");
    thread::spawn(move || {
        let mut runtime = tokio::runtime::Builder::new_current_thread();
        let runtime = runtime.enable_all().build().expect("a runtime");
        runtime.block_on(async {
            let listener = tokio::net::TcpListener::from_std(listener).expect("a listener");
            let mut connections = JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                connections.spawn(async {
                    let Ok(mut serving) = h2::server::handshake(stream).await else {
                        return;
                    };
                    let mut answers = JoinSet::new();
                    while let Some(Ok((request, respond))) = serving.accept().await {
                        answers.spawn(answer(request, respond));
                    }
                });
            }
        });
    });
    address
}

async fn answer(request: Request<RecvStream>, mut respond: SendResponse<Bytes>) {
    let mut body = request.into_body();
    let mut length = 0;
    while let Some(Ok(chunk)) = body.data().await {
        length += chunk.len();
        let _ = body.flow_control().release_capacity(chunk.len());
    }
    let Ok(mut out) = respond.send_response(Response::new(()), false) else {
        return;
    };
    for _ in 0..3 {
        let _ = out.send_data(vec![7; 100].into(), false);
    }
    let mut trailers = HeaderMap::new();
    let status: u32 = if length % 2 == 0 { 0 } else { 14 };
    trailers.insert("grpc-status", status.into());
    let _ = out.send_trailers(trailers);
}

/// A client that has begun.
struct Client {
    stream: TcpStream,
    /// Whether the other side still listens.
    is_heard: bool,
    /// How many heads came back.
    answers: usize,
    /// What was read, and is no whole frame yet.
    read: Vec<u8>,
    pings: u64,
}

impl Client {
    fn to(address: SocketAddr) -> Self {
        let stream = TcpStream::connect(address).expect("it listens");
        stream.set_nodelay(true).expect("no delay");
        stream.set_read_timeout(Some(PATIENCE)).expect("a timeout");
        let mut client = Self {
            stream,
            is_heard: true,
            answers: 0,
            read: Vec::new(),
            pings: 0,
        };
        client.write(PREFACE);
        client.send(SETTINGS, 0, 0, &[]);
        client
    }

    fn write(&mut self, bytes: &[u8]) {
        self.is_heard &= self.stream.write_all(bytes).is_ok();
    }

    fn send(&mut self, kind: u8, flags: u8, stream: u32, payload: &[u8]) {
        self.write(&Frame::new(kind, flags, stream, payload).bytes());
    }

    /// Waits until all was read that was sent, and what it has led to at once.
    fn catch_up(&mut self) {
        self.pings += 1;
        let payload = self.pings.to_be_bytes();
        self.send(PING, 0, 0, &payload);
        while self.is_heard {
            match self.next() {
                Some(frame) if frame.kind == PING && frame.payload == payload => return,
                Some(_) => {}
                None => self.is_heard = false,
            }
        }
    }

    /// Waits for an answer, but looks only so often.
    fn hear(&mut self, looks: usize) {
        let before = self.answers;
        for _ in 0..looks {
            self.catch_up();
            if !self.is_heard || self.answers > before {
                return;
            }
            thread::sleep(Duration::from_millis(2));
        }
    }

    /// The next frame; none when the connection has ended.
    fn next(&mut self) -> Option<Frame> {
        loop {
            if let Some((head, rest)) = self.read.split_at_checked(9) {
                let length = u32::from_be_bytes([0, head[0], head[1], head[2]]);
                let length = usize::try_from(length).expect("a length");
                if let Some(payload) = rest.get(..length) {
                    let stream = u32::from_be_bytes([head[5], head[6], head[7], head[8]]);
                    let frame = Frame::new(head[3], head[4], stream, payload);
                    self.read.drain(..9 + length);
                    self.answers += usize::from(frame.kind == HEADERS);
                    return Some(frame);
                }
            }
            let mut some = [0; 4096];
            let count = match self.stream.read(&mut some) {
                Ok(count) => count,
                Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => {
                    panic!("the router does not answer")
                }
                Err(_) => 0,
            };
            if count == 0 {
                return None;
            }
            self.read.extend_from_slice(&some[..count]);
        }
    }

    /// Says that nothing more comes, and waits until the router has understood that.
    fn leave(mut self) -> usize {
        let _ = self.stream.shutdown(Shutdown::Write);
        while self.next().is_some() {}
        self.answers
    }
}

/// Does what the bytes say, one thing after the other.
fn act(client: &mut Client, looks: usize, script: &[u8]) {
    let mut script = script.iter().copied();
    // The number of the next stream.
    let mut fresh = 1;
    while let Some(act) = script.next() {
        if !client.is_heard {
            return;
        }
        let (one, two) = (script.next().unwrap_or(0), script.next().unwrap_or(0));
        // One of the streams that there were.
        let stream = match fresh {
            1 => 1,
            _ => 2 * (u32::from(one) % (fresh / 2)) + 1,
        };
        let end = END_STREAM * (two % 2);
        match act % 13 {
            0 => {
                client.send(HEADERS, END_HEADERS | end, fresh, &head(one));
                fresh += 2;
            }
            1 => client.send(DATA, end, stream, &vec![one; usize::from(two) * 50]),
            2 => {
                let padding = usize::from(one % 50);
                let mut payload = vec![one % 50];
                payload.extend(vec![0; padding + usize::from(two)]);
                client.send(DATA, end | 8, stream, &payload);
            }
            3 => client.send(RST_STREAM, 0, stream, &u32::from(two % 16).to_be_bytes()),
            4 => {
                let stream = if two.is_multiple_of(4) { 0 } else { stream };
                let more = 1_u32 << (two % 32);
                client.send(WINDOW_UPDATE, 0, stream, &more.to_be_bytes());
            }
            5 => {
                let value = (u32::from(two) << (one % 24)).to_be_bytes();
                let setting = [&u16::from(one % 9).to_be_bytes()[..], &value].concat();
                client.send(SETTINGS, 0, 0, &setting);
            }
            6 => client.send(SETTINGS, 1, 0, &[]),
            7 => client.send(PRIORITY, 0, stream, &[0, 0, 0, one, two]),
            8 => {
                let trailers = block(&[("x-end", "up"), ("grpc-status", "0")]);
                client.send(HEADERS, END_HEADERS | END_STREAM, stream, &trailers);
            }
            9 => {
                let head = head(one);
                let (first, rest) = head.split_at(head.len().min(usize::from(two)));
                client.send(HEADERS, END_STREAM, fresh, first);
                client.send(CONTINUATION, END_HEADERS, fresh, rest);
                fresh += 2;
            }
            10 => {
                let last = [u32::from(one).to_be_bytes(), u32::from(two).to_be_bytes()];
                client.send(GOAWAY, 0, 0, &last.concat());
            }
            11 => {
                let payload: Vec<u8> = script.by_ref().take(usize::from(two % 32)).collect();
                client.send(one, two, u32::from(two % 4), &payload);
            }
            _ if one.is_multiple_of(2) => client.catch_up(),
            _ => client.hear(looks),
        }
    }
}

/// The head of a request, one of many.
fn head(which: u8) -> Vec<u8> {
    let method = ["GET", "POST", "HEAD", "CONNECT"][usize::from(which % 4)];
    let mut fields = vec![
        (":method", method),
        (":scheme", "http"),
        (":path", "/a.B/C"),
    ];
    let more: &[(&str, &str)] = match which / 4 % 8 {
        0 => &[(":authority", "web")],
        1 => &[
            (":authority", "web"),
            ("content-type", "application/grpc"),
            ("te", "trailers"),
        ],
        2 => &[
            (":authority", "web"),
            ("content-type", "application/grpc"),
            ("grpc-timeout", "1m"),
        ],
        3 => &[(":authority", "web"), ("content-length", "100")],
        4 => &[("host", "web")],
        5 => &[(":authority", "web"), ("l5d-dtab", "/svc => /$/nil")],
        6 => &[(":authority", "web"), ("expect", "100-continue")],
        _ => &[(":authority", "user@web"), ("connection", "close")],
    };
    fields.extend(more);
    block(&fields)
}
