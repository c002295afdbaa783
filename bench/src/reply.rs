//! Reading an answer, and checking that it is the one that was expected.

use std::fmt;

use tokio::io::{AsyncRead, AsyncReadExt as _};

use crate::backend::content_length;

/// What an answer is read into: the largest read that the load makes.
pub(crate) const BUFFER_BYTES: usize = 256 << 10;

/// Why an answer is not what was expected.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Wrong {
    /// The connection failed.
    Io(std::io::ErrorKind),
    /// It ended within the answer.
    Ended,
    /// Another status than 200.
    Status(String),
    /// No length, or another one than expected.
    Length,
    /// Bytes after the answer.
    TooMuch,
}

impl fmt::Display for Wrong {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Io(kind) => write!(f, "{kind}"),
            Self::Ended => f.write_str("the connection ended before the answer did"),
            Self::Status(line) => write!(f, "answered {line}"),
            Self::Length => f.write_str("a body of another length"),
            Self::TooMuch => f.write_str("bytes after the answer"),
        }
    }
}

impl std::error::Error for Wrong {}

impl From<std::io::Error> for Wrong {
    fn from(error: std::io::Error) -> Self {
        Self::Io(error.kind())
    }
}

/// Reads one answer, which must have status 200 and a body of so many bytes.
pub(crate) async fn read(
    stream: &mut (impl AsyncRead + Unpin),
    buffer: &mut [u8],
    body_length: usize,
) -> Result<(), Wrong> {
    let mut filled = 0;
    let head = loop {
        let read = more(stream, &mut buffer[filled..]).await?;
        filled += read;
        if let Some(head) = head_length(&buffer[..filled], body_length)? {
            break head;
        }
    };
    let mut left = head + body_length;
    left = left.checked_sub(filled).ok_or(Wrong::TooMuch)?;
    while left > 0 {
        let read = more(stream, buffer).await?;
        left = left.checked_sub(read).ok_or(Wrong::TooMuch)?;
    }
    Ok(())
}

/// Waits for the connection's end.
pub(crate) async fn read_end(
    stream: &mut (impl AsyncRead + Unpin),
    buffer: &mut [u8],
) -> Result<(), Wrong> {
    match stream.read(buffer).await? {
        0 => Ok(()),
        _ => Err(Wrong::TooMuch),
    }
}

async fn more(stream: &mut (impl AsyncRead + Unpin), into: &mut [u8]) -> Result<usize, Wrong> {
    match stream.read(into).await? {
        0 => Err(Wrong::Ended),
        read => Ok(read),
    }
}

/// The length of a head that says what it should; none while it is not complete.
fn head_length(bytes: &[u8], body_length: usize) -> Result<Option<usize>, Wrong> {
    let Some(end) = bytes.windows(4).position(|four| four == b"\r\n\r\n") else {
        return Ok(None);
    };
    let mut lines = bytes[..end].split(|byte| *byte == b'\n');
    let status = lines.next().unwrap_or_default();
    if !status.starts_with(b"HTTP/1.1 200") {
        let line = String::from_utf8_lossy(status);
        return Err(Wrong::Status(line.trim().to_owned()));
    }
    if lines.find_map(content_length) != Some(body_length) {
        return Err(Wrong::Length);
    }
    Ok(Some(end + 4))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn only_the_expected_answer_is_taken() {
        async fn check(bytes: &str, expected: Result<(), Wrong>) {
            let mut stream = bytes.as_bytes();
            let read = read(&mut stream, &mut [0; 256], 3).await;
            assert_eq!(read, expected, "{bytes:?}");
        }
        check("HTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r\nabc", Ok(())).await;
        let short = "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nab";
        check(short, Err(Wrong::Ended)).await;
        let long = "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabcd";
        check(long, Err(Wrong::TooMuch)).await;
        let other = "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nabcd";
        check(other, Err(Wrong::Length)).await;
        let unsaid = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
        check(unsaid, Err(Wrong::Length)).await;
        let bad = "HTTP/1.1 502 Bad Gateway\r\nContent-Length: 3\r\n\r\nabc";
        check(bad, Err(Wrong::Status("HTTP/1.1 502 Bad Gateway".into()))).await;
    }
}
