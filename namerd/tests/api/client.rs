//! A client that sends exactly the bytes it is told to, and shows exactly the bytes that come back.

use std::net::SocketAddr;

use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};

/// A request in the making.
pub(crate) struct Request {
    head: String,
    body: Vec<u8>,
    is_chunked: bool,
}

impl Request {
    pub(crate) fn new(method: &str, target: &str) -> Self {
        let head = format!("{method} {target} HTTP/1.1\r\nHost: namerd\r\n");
        Self {
            head,
            body: Vec::new(),
            is_chunked: false,
        }
    }

    pub(crate) fn header(mut self, name: &str, value: &str) -> Self {
        self.head += &format!("{name}: {value}\r\n");
        self
    }

    pub(crate) fn body(self, media: &str, body: impl Into<Vec<u8>>) -> Self {
        let with_type = self.header("Content-Type", media);
        Self {
            body: body.into(),
            ..with_type
        }
    }

    pub(crate) fn chunked(self) -> Self {
        Self {
            is_chunked: true,
            ..self
        }
    }

    async fn open(self, address: SocketAddr) -> (Head, BufReader<OwnedReadHalf>, OwnedWriteHalf) {
        let (read, mut write) = TcpStream::connect(address).await.unwrap().into_split();
        let mut bytes = self.head.into_bytes();
        if self.is_chunked {
            bytes.extend(b"Transfer-Encoding: chunked\r\n\r\n");
            for part in self.body.chunks(self.body.len().div_ceil(5).max(1)) {
                bytes.extend(format!("{:x}\r\n", part.len()).bytes());
                bytes.extend(part);
                bytes.extend(b"\r\n");
            }
            bytes.extend(b"0\r\n\r\n");
        } else {
            if !self.body.is_empty() {
                bytes.extend(format!("Content-Length: {}\r\n", self.body.len()).bytes());
            }
            bytes.extend(b"\r\n");
            bytes.extend(&self.body);
        }
        // A server that refuses a body may stop to read it.
        let _ = write.write_all(&bytes).await;
        let mut read = BufReader::new(read);
        let head = Head::read(&mut read).await;
        (head, read, write)
    }

    /// Sends the request and reads the whole answer.
    pub(crate) async fn send(self, address: SocketAddr) -> Response {
        let is_head = self.head.starts_with("HEAD");
        let (head, mut read, _write) = self.open(address).await;
        let mut body = Vec::new();
        if is_head || head.status == 204 {
        } else if let Some(length) = head.header("content-length") {
            body = vec![0; length.parse().unwrap()];
            read.read_exact(&mut body).await.unwrap();
        } else {
            while let Some(chunk) = read_chunk(&mut read).await {
                body.extend(chunk);
            }
        }
        Response {
            head,
            body: String::from_utf8(body).unwrap(),
        }
    }

    /// Sends the request and reads the head of the answer; the body is a watch.
    pub(crate) async fn watch(self, address: SocketAddr) -> Watch {
        let (head, read, write) = self.open(address).await;
        assert_eq!(head.status, 200);
        assert_eq!(head.header("transfer-encoding"), Some("chunked"));
        Watch {
            head,
            read,
            _write: write,
        }
    }
}

/// Status and headers.
pub(crate) struct Head {
    pub(crate) status: u16,
    headers: Vec<(String, String)>,
}

impl Head {
    async fn read(read: &mut BufReader<OwnedReadHalf>) -> Self {
        let mut lines = Vec::new();
        loop {
            let mut line = String::new();
            read.read_line(&mut line).await.unwrap();
            match line.trim_end() {
                "" => break,
                line => lines.push(line.to_owned()),
            }
        }
        let status = lines[0].split(' ').nth(1).unwrap().parse().unwrap();
        let header = |line: &String| {
            let (name, value) = line.split_once(": ").unwrap();
            (name.to_ascii_lowercase(), value.to_owned())
        };
        Self {
            status,
            headers: lines[1..].iter().map(header).collect(),
        }
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|(known, _)| known == name)
            .map(|(_, value)| value.as_str())
    }
}

async fn read_chunk(read: &mut BufReader<OwnedReadHalf>) -> Option<Vec<u8>> {
    let mut size = String::new();
    if read.read_line(&mut size).await.unwrap() == 0 {
        return None;
    }
    let size = usize::from_str_radix(size.trim_end(), 16).unwrap();
    let mut chunk = vec![0; size + 2];
    read.read_exact(&mut chunk).await.unwrap();
    chunk.truncate(size);
    (size > 0).then_some(chunk)
}

/// A whole answer.
pub(crate) struct Response {
    pub(crate) head: Head,
    pub(crate) body: String,
}

/// An answer that goes on.
pub(crate) struct Watch {
    pub(crate) head: Head,
    read: BufReader<OwnedReadHalf>,
    _write: OwnedWriteHalf,
}

impl Watch {
    /// The next record; none once the server has ended the answer.
    pub(crate) async fn next(&mut self) -> Option<String> {
        read_chunk(&mut self.read)
            .await
            .map(|chunk| String::from_utf8(chunk).unwrap())
    }
}
