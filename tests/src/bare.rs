//! A connection that costs little: requests are bytes, and of an answer only what a load must know is read.

use std::net::SocketAddr;

use anyhow::{Context as _, Result, ensure};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

/// A connection to a router. After an error nothing more can be asked on it.
#[derive(Debug)]
pub struct Bare {
    stream: TcpStream,
    /// What was read; it begins with the answer that is read last.
    read: Vec<u8>,
}

/// What an answer said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Heard {
    /// Its status.
    pub status: u16,
    /// Its head in lower case.
    pub head: String,
    /// Its body, or the bytes in which it came if that is chunks.
    pub body: Vec<u8>,
    /// Whether another request may follow.
    pub is_kept: bool,
}

impl Bare {
    /// Connects to a router.
    ///
    /// # Errors
    /// If it refuses.
    pub async fn connect(router: SocketAddr) -> Result<Self> {
        let stream = TcpStream::connect(router).await.context("cannot connect")?;
        stream.set_nodelay(true)?;
        let read = Vec::new();
        Ok(Self { stream, read })
    }

    /// Sends a request and reads its answer, which ends by its length, with a last chunk without trailers, or with its head.
    ///
    /// # Errors
    /// If the connection ends before the answer does.
    pub async fn ask(&mut self, request: &[u8]) -> Result<Heard> {
        self.stream.write_all(request).await.context("cannot ask")?;
        self.read.clear();
        let end = loop {
            self.more().await?;
            if let Some(at) = find(&self.read, b"\r\n\r\n") {
                break at + 4;
            }
        };
        let head = String::from_utf8_lossy(&self.read[..end]).to_ascii_lowercase();
        let value = |name: &str| head.split_once(name)?.1.split("\r\n").next();
        if let Some(length) = value("\r\ncontent-length: ") {
            let whole = end + length.parse::<usize>().context("a length is a number")?;
            while self.read.len() < whole {
                self.more().await?;
            }
        } else if value("\r\ntransfer-encoding: ").is_some() {
            while !self.read.ends_with(b"0\r\n\r\n") {
                self.more().await?;
            }
        }
        let status = head.split(' ').nth(1).and_then(|word| word.parse().ok());
        Ok(Heard {
            status: status.with_context(|| format!("no status in {head:?}"))?,
            body: self.read.split_off(end),
            is_kept: value("\r\nconnection: ") != Some("close"),
            head,
        })
    }

    /// What is left of it when it has become something else than HTTP.
    pub fn into_stream(self) -> TcpStream {
        self.stream
    }

    async fn more(&mut self) -> Result<()> {
        let read = self.stream.read_buf(&mut self.read).await;
        let count = read.context("cannot read")?;
        let before = self.read.len();
        ensure!(count > 0, "the connection ended after {before} bytes");
        Ok(())
    }
}

fn find(bytes: &[u8], wanted: &[u8]) -> Option<usize> {
    bytes
        .windows(wanted.len())
        .position(|piece| piece == wanted)
}
