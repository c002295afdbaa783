//! The answers of HTTP/1.1.

use std::io;
use std::sync::Arc;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::asked::Asked;

/// More than any head, and more than a request's body.
const BUFFER_BYTES: usize = 64 << 10;

/// Answers one request after the other until the connection ends.
pub(super) async fn answer(mut stream: TcpStream, answers: Arc<Answers>) -> io::Result<()> {
    let mut buffer = vec![0; BUFFER_BYTES];
    let mut filled = 0;
    loop {
        let read = stream.read(&mut buffer[filled..]).await?;
        if read == 0 {
            return Ok(());
        }
        filled += read;
        while let Some(request) = Request::parse(&buffer[..filled]) {
            let end = request.end;
            if end > buffer.len() {
                return stream.write_all(BAD_REQUEST).await;
            }
            if filled < end {
                break;
            }
            let is_last = request.is_last;
            stream.write_all(answers.to(&request)).await?;
            if is_last {
                return Ok(());
            }
            buffer.copy_within(end..filled, 0);
            filled -= end;
        }
    }
}

/// What must be known of a request to answer it.
#[derive(Debug, PartialEq, Eq)]
struct Request<'a> {
    first_line: &'a [u8],
    /// Where its body ends.
    end: usize,
    /// Whether the connection ends with the answer.
    is_last: bool,
}

impl<'a> Request<'a> {
    /// None while the head is not complete.
    fn parse(bytes: &'a [u8]) -> Option<Self> {
        let head = bytes.windows(4).position(|four| four == b"\r\n\r\n")?;
        let mut lines = bytes[..head].split(|byte| *byte == b'\n');
        let first_line = lines.next()?;
        let mut end = head + 4;
        let mut is_last = false;
        for line in lines {
            end += content_length(line).unwrap_or(0);
            is_last |= line.trim_ascii().eq_ignore_ascii_case(CLOSE);
        }
        Some(Self {
            first_line,
            end,
            is_last,
        })
    }
}

const CLOSE: &[u8] = b"connection: close";

/// The length that a line of a head says, if it is the line that does.
pub(crate) fn content_length(line: &[u8]) -> Option<usize> {
    const NAME: &[u8] = b"content-length:";
    let (name, value) = line.split_at_checked(NAME.len())?;
    if !name.eq_ignore_ascii_case(NAME) {
        return None;
    }
    str::from_utf8(value).ok()?.trim().parse().ok()
}

const BAD_REQUEST: &[u8] = b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n";

/// All answers, made before they are asked for.
pub(super) struct Answers {
    get_1k: Vec<u8>,
    get_10m: Vec<u8>,
    post: Vec<u8>,
}

impl Answers {
    pub(super) fn new() -> Self {
        let whole = |asked: Asked| {
            let body = asked.answer();
            let head = format!(
                "HTTP/1.1 200 OK\r\nServer: bench\r\nDate: Sat, 21 Nov 2026 10:00:00 GMT\r\n\
                 Content-Type: application/octet-stream\r\nContent-Length: {}\r\n\r\n",
                body.len()
            );
            [head.into_bytes(), body].concat()
        };
        Self {
            get_1k: whole(Asked::Get1k),
            get_10m: whole(Asked::Get10m),
            post: whole(Asked::Post16k),
        }
    }

    fn to(&self, request: &Request<'_>) -> &[u8] {
        let line = request.first_line;
        if line.starts_with(b"GET /1k ") {
            &self.get_1k
        } else if line.starts_with(b"GET /10m ") {
            &self.get_10m
        } else if line.starts_with(b"POST ") {
            &self.post
        } else {
            BAD_REQUEST
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_ends_with_its_body() {
        let parse = |text: &str| Request::parse(text.as_bytes()).map(|request| request.end);
        assert_eq!(parse("GET /1k HTTP/1.1\r\nHost: a\r\n"), None);
        assert_eq!(parse("GET /1k HTTP/1.1\r\nHost: a\r\n\r\nGET"), Some(29));
        let post = "POST / HTTP/1.1\r\ncontent-length: 7\r\nHost: a\r\n\r\n";
        assert_eq!(parse(post), Some(post.len() + 7));
    }

    #[test]
    fn a_connection_ends_if_that_is_asked_for() {
        for is_last in [true, false] {
            let bytes = Asked::Get1k.request("a", is_last);
            let request = Request::parse(&bytes).expect("a whole head");
            assert_eq!(request.is_last, is_last);
        }
    }

    #[test]
    fn each_kind_of_request_has_its_answer() {
        let answers = Answers::new();
        for asked in [Asked::Get1k, Asked::Post16k, Asked::Get10m] {
            let bytes = asked.request("a", false);
            let request = Request::parse(&bytes).expect("a whole head");
            assert_eq!(request.end, bytes.len(), "{asked:?}");
            let answer = answers.to(&request);
            assert!(answer.starts_with(b"HTTP/1.1 200 "), "{asked:?}");
            assert!(answer.ends_with(&asked.answer()), "{asked:?}");
        }
    }
}
