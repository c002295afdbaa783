//! Two sockets that are one: whatever the one sends, the other gets.

use std::io;
use std::task::{Context, Poll, ready};

use super::{Input, Reader, Socket, Writer};

/// Bytes both ways, until both sides have ended.
#[derive(Debug, Default)]
pub(crate) struct Tunnel {
    forth: Direction,
    back: Direction,
}

#[derive(Debug, Default)]
struct Direction {
    /// How many bytes passed.
    passed: u64,
    is_over: bool,
}

impl Tunnel {
    /// How many bytes passed: forth from the first socket to the second, and back.
    pub(crate) fn passed(&self) -> (u64, u64) {
        (self.forth.passed, self.back.passed)
    }

    /// Passes on what it can. Ready when both sides have ended.
    ///
    /// # Errors
    /// When either socket is broken; the tunnel is over then, too.
    pub(crate) fn poll(
        &mut self,
        cx: &mut Context<'_>,
        (near, near_input): (&mut Socket, &mut Input),
        (far, far_input): (&mut Socket, &mut Input),
    ) -> Poll<io::Result<()>> {
        let (mut near_reader, mut near_writer) = near.split();
        let (mut far_reader, mut far_writer) = far.split();
        let forth = self
            .forth
            .poll(cx, near_input, &mut near_reader, &mut far_writer)?;
        let back = self
            .back
            .poll(cx, far_input, &mut far_reader, &mut near_writer)?;
        match (forth, back) {
            (Poll::Ready(()), Poll::Ready(())) => Poll::Ready(Ok(())),
            _ => Poll::Pending,
        }
    }
}

impl Direction {
    fn poll(
        &mut self,
        cx: &mut Context<'_>,
        input: &mut Input,
        source: &mut Reader<'_>,
        sink: &mut Writer<'_>,
    ) -> Poll<io::Result<()>> {
        while !self.is_over {
            while !input.is_empty() {
                let count = ready!(sink.poll_write(cx, [input.filled(), &[], &[]]))?;
                self.passed += count as u64;
                input.consume(count);
            }
            // The next bytes may be long in coming.
            if let Poll::Ready(flushed) = sink.poll_flush(cx) {
                flushed?;
            }
            if ready!(input.poll_fill(cx, source))? == 0 {
                ready!(sink.poll_shutdown(cx))?;
                self.is_over = true;
            }
        }
        Poll::Ready(Ok(()))
    }
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;

    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio::net::{TcpListener, TcpStream};

    use super::*;

    #[tokio::test]
    async fn each_side_may_end_first() {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("bound");
        let mut ends = Vec::new();
        for _ in 0..2 {
            let (near, far) = tokio::join!(TcpStream::connect(address), listener.accept());
            ends.push((near.expect("connected"), far.expect("accepted").0));
        }
        let (mut server, far) = ends.pop().expect("two");
        let (mut client, near) = ends.pop().expect("two");
        let tunnel = async move {
            let (mut near, mut far) = (Socket::from(near), Socket::from(far));
            let mut inputs = (Input::default(), Input::default());
            let mut tunnel = Tunnel::default();
            let both = poll_fn(|cx| {
                let near = (&mut near, &mut inputs.0);
                tunnel.poll(cx, near, (&mut far, &mut inputs.1))
            });
            both.await.expect("both sides end in order");
            tunnel.passed()
        };
        let ends = async move {
            client.write_all(b"ask").await.expect("open");
            client.shutdown().await.expect("open");
            let mut heard = String::new();
            server.read_to_string(&mut heard).await.expect("text");
            assert_eq!(heard, "ask");
            server.write_all(b"answer").await.expect("open still");
            drop(server);
            client.read_to_string(&mut heard).await.expect("text");
            assert_eq!(heard, "askanswer");
        };
        let (passed, ()) = tokio::join!(tunnel, ends);
        assert_eq!(passed, (3, 6));
    }
}
