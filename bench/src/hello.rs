//! The gRPC call: what is asked, and what must come back.

use bytes::Bytes;

/// The method of grpc's own example.
pub(crate) const PATH: &str = "/helloworld.Greeter/SayHello";

/// What the two servers call themselves in their replies.
pub(crate) const SERVERS: [&str; 2] = ["one", "two"];

/// What is in flight at most on a connection: more than is ever asked for.
pub(crate) const STREAMS: u32 = 1 << 16;

/// The window of a connection. `h2` derives from it how many small messages may wait to be read before it calls that an
/// attack, and here nearly all messages are small.
pub(crate) const CONNECTION_WINDOW_BYTES: u32 = 16 << 20;

/// The message that asks: 20 bytes behind their frame's head.
pub(crate) fn request() -> Bytes {
    framed("a bench of proxies")
}

/// The message that a server answers: 25 bytes behind their frame's head.
pub(crate) fn reply(server: &str) -> Bytes {
    framed(&format!("Hello from backend {server}!"))
}

/// A message with one short text in its first field, as gRPC frames it: not compressed, its length, itself.
fn framed(text: &str) -> Bytes {
    const STRING_IN_FIELD_1: u8 = 0x0a;
    let length = u8::try_from(text.len()).expect("a short text");
    let head = [0, 0, 0, 0, length + 2, STRING_IN_FIELD_1, length];
    [&head[..], text.as_bytes()].concat().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_are_framed_and_as_long_as_they_are_said_to_be() {
        assert_eq!(request()[..7], [0, 0, 0, 0, 20, 0x0a, 18]);
        assert_eq!(request().len(), 5 + 20);
        for server in SERVERS {
            assert_eq!(reply(server)[..7], [0, 0, 0, 0, 25, 0x0a, 23]);
            assert_eq!(reply(server).len(), 5 + 25);
        }
    }
}
