//! Frames as bytes, for what no library would send.

use std::net::SocketAddr;

use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

pub(crate) const DATA: u8 = 0;
pub(crate) const HEADERS: u8 = 1;
pub(crate) const PRIORITY: u8 = 2;
pub(crate) const RST_STREAM: u8 = 3;
pub(crate) const SETTINGS: u8 = 4;
pub(crate) const PING: u8 = 6;
pub(crate) const GOAWAY: u8 = 7;
pub(crate) const WINDOW_UPDATE: u8 = 8;
pub(crate) const CONTINUATION: u8 = 9;

pub(crate) const END_STREAM: u8 = 1;
pub(crate) const ACK: u8 = 1;
pub(crate) const END_HEADERS: u8 = 4;

pub(crate) const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// What a peer sends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Frame {
    pub(crate) kind: u8,
    pub(crate) flags: u8,
    pub(crate) stream: u32,
    pub(crate) payload: Vec<u8>,
}

impl Frame {
    pub(crate) fn new(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Self {
        Self {
            kind,
            flags,
            stream,
            payload: payload.to_vec(),
        }
    }

    pub(crate) fn bytes(&self) -> Vec<u8> {
        let length = u32::try_from(self.payload.len()).expect("a short frame");
        let mut bytes = length.to_be_bytes()[1..].to_vec();
        bytes.extend([self.kind, self.flags]);
        bytes.extend(self.stream.to_be_bytes());
        bytes.extend(&self.payload);
        bytes
    }

    /// The number that its payload ends with, in its last four bytes or in the four behind so many.
    pub(crate) fn number(&self, skipped: usize) -> u32 {
        let bytes = &self.payload[skipped..skipped + 4];
        u32::from_be_bytes(bytes.try_into().expect("four bytes"))
    }
}

/// Fields as HPACK writes them without any table.
pub(crate) fn block(fields: &[(&str, &str)]) -> Vec<u8> {
    let mut block = Vec::new();
    for (name, value) in fields {
        block.push(0);
        for text in [name, value] {
            integer(text.len(), &mut block);
            block.extend(text.as_bytes());
        }
    }
    block
}

/// With a prefix of seven bits. Source: RFC 7541 §5.1.
fn integer(value: usize, out: &mut Vec<u8>) {
    let small = u8::try_from(value).ok().filter(|value| *value < 127);
    if let Some(small) = small {
        return out.push(small);
    }
    out.push(127);
    let mut rest = value - 127;
    while rest >= 128 {
        out.push(u8::try_from(rest % 128).unwrap_or_default() | 128);
        rest /= 128;
    }
    out.push(u8::try_from(rest).unwrap_or_default());
}

/// The fields of a GET for `web`, or of what else this says.
pub(crate) fn head(method: &str, more: &[(&str, &str)]) -> Vec<u8> {
    let mut fields = vec![
        (":method", method),
        (":scheme", "http"),
        (":path", "/"),
        (":authority", "web"),
    ];
    fields.extend(more);
    block(&fields)
}

/// A peer that sends what it likes.
pub(crate) struct Peer {
    stream: TcpStream,
}

impl Peer {
    /// A client that has begun, with these settings.
    pub(crate) async fn to(address: SocketAddr, settings: &[(u16, u32)]) -> Self {
        let stream = TcpStream::connect(address).await.expect("somebody listens");
        let mut peer = Self::over(stream);
        peer.write(PREFACE).await;
        peer.settings(settings).await;
        peer
    }

    /// An endpoint that has begun, and has read the preface.
    pub(crate) async fn accepted(stream: TcpStream, settings: &[(u16, u32)]) -> Self {
        let mut peer = Self::over(stream);
        let mut preface = [0; PREFACE.len()];
        peer.stream
            .read_exact(&mut preface)
            .await
            .expect("it comes");
        assert_eq!(preface, PREFACE);
        peer.settings(settings).await;
        peer
    }

    /// Reads what a client begins with.
    pub(crate) async fn read_preface(&mut self) {
        let mut preface = [0; PREFACE.len()];
        self.stream
            .read_exact(&mut preface)
            .await
            .expect("it comes");
        assert_eq!(preface, PREFACE);
    }

    pub(crate) fn over(stream: TcpStream) -> Self {
        stream.set_nodelay(true).expect("no delay");
        Self { stream }
    }

    async fn settings(&mut self, settings: &[(u16, u32)]) {
        let payload: Vec<_> = settings
            .iter()
            .flat_map(|(id, value)| [&id.to_be_bytes()[..], &value.to_be_bytes()].concat())
            .collect();
        self.send(SETTINGS, 0, 0, &payload).await;
    }

    /// Sends a frame, if anybody takes it.
    pub(crate) async fn send(&mut self, kind: u8, flags: u8, stream: u32, payload: &[u8]) {
        let frame = Frame::new(kind, flags, stream, payload);
        self.write(&frame.bytes()).await;
    }

    /// Sends bytes, if anybody takes them. False if nobody does.
    pub(crate) async fn write(&mut self, bytes: &[u8]) -> bool {
        self.stream.write_all(bytes).await.is_ok()
    }

    /// A request that is all there is.
    pub(crate) async fn get(&mut self, stream: u32) {
        self.send(HEADERS, END_STREAM | END_HEADERS, stream, &head("GET", &[]))
            .await;
    }

    /// The next frame; none at the end of the connection.
    pub(crate) async fn next(&mut self) -> Option<Frame> {
        next(&mut self.stream).await
    }

    /// The next frame of this kind. What the other side must have an answer to gets one.
    pub(crate) async fn next_of(&mut self, kind: u8) -> Option<Frame> {
        loop {
            let frame = self.next().await?;
            // Of these two the same bit says that it is the end.
            let may_acknowledge = kind > HEADERS;
            if frame.kind == kind && !(may_acknowledge && frame.flags & ACK != 0) {
                return Some(frame);
            }
            self.acknowledge(&frame).await;
        }
    }

    /// Answers settings and pings.
    pub(crate) async fn acknowledge(&mut self, frame: &Frame) {
        if frame.flags & ACK == 0 {
            match frame.kind {
                SETTINGS => self.send(SETTINGS, ACK, 0, &[]).await,
                PING => self.send(PING, ACK, 0, &frame.payload).await,
                _ => {}
            }
        }
    }

    /// Why the other side ends the connection, if it says so before it does.
    pub(crate) async fn goodbye(&mut self) -> Option<u32> {
        let goaway = self.next_of(GOAWAY).await?;
        Some(goaway.number(4))
    }
}

async fn next(reader: &mut (impl AsyncRead + Unpin)) -> Option<Frame> {
    let mut head = [0; 9];
    reader.read_exact(&mut head).await.ok()?;
    let length = u32::from_be_bytes([0, head[0], head[1], head[2]]);
    let mut payload = vec![0; usize::try_from(length).expect("a length")];
    reader.read_exact(&mut payload).await.ok()?;
    Some(Frame {
        kind: head[3],
        flags: head[4],
        stream: u32::from_be_bytes([head[5], head[6], head[7], head[8]]) & 0x7fff_ffff,
        payload,
    })
}

/// What came of a client that sent a lot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Flooded {
    /// All of it was read.
    Served,
    /// The connection ended, for this reason.
    Ended(u32),
    /// It ended without a word.
    Cut,
}

impl Peer {
    /// Sends all this, and reads meanwhile.
    pub(crate) async fn flood(self, mut bytes: Vec<u8>) -> Flooded {
        const LAST: &[u8] = b"the end!";
        bytes.extend(Frame::new(PING, 0, 0, LAST).bytes());
        let (reader, mut writer) = self.stream.into_split();
        let writing = async {
            // Who has had enough need not take the rest.
            let _ = writer.write_all(&bytes).await;
            std::future::pending::<()>().await;
        };
        let reading = async {
            let mut reader = tokio::io::BufReader::new(reader);
            loop {
                match next(&mut reader).await {
                    None => return Flooded::Cut,
                    Some(frame) if frame.kind == GOAWAY => return Flooded::Ended(frame.number(4)),
                    Some(frame) if frame.kind == PING && frame.payload == LAST => {
                        return Flooded::Served;
                    }
                    Some(_) => {}
                }
            }
        };
        tokio::select! {
            flooded = reading => flooded,
            () = writing => Flooded::Cut,
        }
    }
}
