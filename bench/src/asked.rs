//! What is asked, and what must come back.

/// A kind of request, with its answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Asked {
    /// `GET`, answered by 1 KiB.
    #[value(name = "get-1k")]
    Get1k,
    /// `POST` with a body of 16 KiB, answered by a few bytes.
    #[value(name = "post-16k")]
    Post16k,
    /// `GET`, answered by 10 MiB.
    #[value(name = "get-10m")]
    Get10m,
}

/// The body that answers a `POST`.
const TAKEN: &[u8] = b"taken\n";

impl Asked {
    /// Its target; the backend answers by it.
    pub(crate) fn path(self) -> &'static str {
        match self {
            Self::Get1k => "/1k",
            Self::Post16k => "/post",
            Self::Get10m => "/10m",
        }
    }

    /// The whole request for a host. `is_last` asks for the connection's end after the answer.
    pub(crate) fn request(self, host: &str, is_last: bool) -> Vec<u8> {
        let (method, body) = match self {
            Self::Get1k | Self::Get10m => ("GET", None),
            Self::Post16k => ("POST", Some(vec![b'p'; 16 << 10])),
        };
        let mut request = format!("{method} {} HTTP/1.1\r\nHost: {host}\r\n", self.path());
        request.push_str("User-Agent: bench\r\nAccept: */*\r\n");
        if let Some(body) = &body {
            request.push_str(&format!("Content-Length: {}\r\n", body.len()));
        }
        if is_last {
            request.push_str("Connection: close\r\n");
        }
        request.push_str("\r\n");
        let mut request = request.into_bytes();
        request.extend(body.unwrap_or_default());
        request
    }

    /// The body of the answer.
    pub(crate) fn answer(self) -> Vec<u8> {
        match self {
            Self::Get1k => vec![b'a'; 1 << 10],
            Self::Post16k => TAKEN.to_vec(),
            Self::Get10m => vec![b'a'; 10 << 20],
        }
    }

    /// The length of the answer's body, in bytes.
    pub(crate) fn answer_length(self) -> usize {
        match self {
            Self::Get1k => 1 << 10,
            Self::Post16k => TAKEN.len(),
            Self::Get10m => 10 << 20,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_as_long_as_it_is_said_to_be() {
        for asked in [Asked::Get1k, Asked::Post16k, Asked::Get10m] {
            assert_eq!(asked.answer().len(), asked.answer_length(), "{asked:?}");
        }
    }
}
