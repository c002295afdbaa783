//! The one thing that hyper does not tell of a request's head: whether it had a `Content-Length` beside its
//! `Transfer-Encoding`, which hyper drops.

const CONTENT_LENGTH: &[u8] = b"content-length:";

/// A head as its bytes come in.
///
/// It follows a head from its first byte. One that came together with the end of the message before it (pipelining) is not
/// seen; hyper then answers as RFC 9112 §6.3 allows as well: by the encoding alone, and closes the connection.
#[derive(Debug, Default)]
pub(super) struct Head {
    /// The beginning of the line that is being read.
    line: [u8; CONTENT_LENGTH.len()],
    /// How long that line is, as far as it matters.
    length: usize,
    has_begun: bool,
    has_ended: bool,
    pub(super) states_length: bool,
}

impl Head {
    /// Takes the next bytes. What follows the head does not count.
    pub(super) fn read(&mut self, bytes: &[u8]) {
        for piece in bytes.split_inclusive(|byte| *byte == b'\n') {
            if self.has_ended {
                return;
            }
            let (rest, is_whole) = match piece.strip_suffix(b"\n") {
                Some(rest) => (rest, true),
                None => (piece, false),
            };
            let free = &mut self.line[self.length..];
            let taken = rest.len().min(free.len());
            free[..taken].copy_from_slice(&rest[..taken]);
            self.length += taken;
            if is_whole {
                self.end_line();
            }
        }
    }

    fn end_line(&mut self) {
        match &self.line[..self.length] {
            // Empty lines before the head are passed over.
            [] | [b'\r'] => self.has_ended = self.has_begun,
            line => {
                self.has_begun = true;
                self.states_length |= line.eq_ignore_ascii_case(CONTENT_LENGTH);
            }
        }
        self.length = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_length_is_seen_however_the_bytes_come() {
        let check = |head: &str, expected: bool| {
            for size in [1, 2, 7, head.len()] {
                let mut read = Head::default();
                for bytes in head.as_bytes().chunks(size) {
                    read.read(bytes);
                }
                assert_eq!(read.states_length, expected, "{head:?} by {size}");
            }
        };
        check(
            "POST / HTTP/1.1\r\nHost: a\r\ncontent-LENGTH:3\r\n\r\n",
            true,
        );
        check("\r\n\nPOST / HTTP/1.1\nContent-Length: 3\n\n", true);
        check("GET / HTTP/1.1\r\nHost: a\r\n\r\n", false);
        check(
            "GET / HTTP/1.1\r\nx-content-length: 3\r\ncontent-lengths: 3\r\n\r\n",
            false,
        );
        check(
            "GET / HTTP/1.1\r\nx: content-length: 3\r\n\r\ncontent-length: 3\r\n",
            false,
        );
    }
}
