use std::future::poll_fn;

use h2::{client, server};
use http::Request;
use tokio::io::duplex;

use super::*;

/// One stream, from one peer to another: what the one sends, and what the other reads.
struct Stream {
    sink: SendStream<Bytes>,
    source: RecvStream,
    /// What keeps it open.
    _rest: (client::ResponseFuture, server::SendResponse<Bytes>),
}

impl Stream {
    /// One of which so much may be on its way.
    async fn new(window: u32) -> Self {
        Box::pin(Self::open(window)).await
    }

    async fn open(window: u32) -> Self {
        let (near, far) = duplex(1024 * 1024);
        let mut builder = server::Builder::new();
        builder.initial_window_size(window);
        let serving = builder.handshake::<_, Bytes>(far);
        let (shaken, serving) = tokio::join!(client::handshake(near), serving);
        let (sender, connection) = shaken.expect("a client");
        let mut serving = serving.expect("a server");
        live::task("client", async { _ = connection.await });
        let mut sender = sender.ready().await.expect("it is open");
        let (response, sink) = sender
            .send_request(Request::new(()), false)
            .expect("a stream");
        let accepted = serving.accept().await.expect("a stream");
        let (request, respond) = accepted.expect("a stream");
        live::task("server", async move {
            while serving.accept().await.is_some() {}
        });
        Self {
            sink,
            source: request.into_body(),
            _rest: (response, respond),
        }
    }

    /// Sends so many bytes, a few at a time, and the end with trailers or without.
    fn send(&mut self, count: usize, trailers: Option<HeaderMap>) {
        for piece in body(count).chunks(700) {
            let piece = Bytes::copy_from_slice(piece);
            self.sink.send_data(piece, false).expect("it is open");
        }
        match trailers {
            Some(trailers) => self.sink.send_trailers(trailers),
            None => self.sink.send_data(Bytes::new(), true),
        }
        .expect("it is open");
    }

    /// Reads everything.
    async fn read(&mut self) -> (Vec<u8>, Option<HeaderMap>) {
        let mut all = Vec::new();
        while let Some(chunk) = poll_fn(|cx| self.source.poll_data(cx)).await {
            let chunk = chunk.expect("it is whole");
            all.extend_from_slice(&chunk);
            let flow = self.source.flow_control();
            flow.release_capacity(chunk.len()).expect("it was received");
        }
        let trailers = poll_fn(|cx| self.source.poll_trailers(cx)).await;
        (all, trailers.expect("it is whole"))
    }

    fn into_relay(self) -> (Relay, SendStream<Bytes>, impl Sized) {
        (Relay::new(self.source), self.sink, self._rest)
    }
}

fn body(count: usize) -> Vec<u8> {
    (0..count)
        .map(|at| u8::try_from(at % 251).unwrap_or(0))
        .collect()
}

fn trailers() -> HeaderMap {
    let mut trailers = HeaderMap::new();
    trailers.insert("x-end", http::HeaderValue::from_static("up"));
    trailers
}

/// Passes all of it on, to a peer that reads.
async fn pass(relay: &mut Relay, to: &mut Stream) -> (Vec<u8>, Option<HeaderMap>) {
    let mut sink = Box::pin(to.take_sink()).await;
    let passing = poll_fn(|cx| relay.poll(cx, &mut sink));
    let (passed, read) = tokio::join!(passing, to.read());
    passed.expect("it passes");
    read
}

impl Stream {
    /// What its sender sends with; another stream has its place.
    async fn take_sink(&mut self) -> SendStream<Bytes> {
        let other = Self::new(1).await;
        std::mem::replace(&mut self.sink, other.sink)
    }
}

#[tokio::test]
async fn what_is_read_passes_in_order_and_to_its_end() {
    for (count, window, end) in [
        (0, 100, None),
        (0, 100, Some(trailers())),
        (1, 1, None),
        (100_000, 1000, Some(trailers())),
        (100_000, 65_535, None),
    ] {
        let mut from = Stream::new(65_535).await;
        let mut to = Stream::new(window).await;
        from.send(count, end.clone());
        let (mut relay, _sink, _rest) = from.into_relay();
        assert_eq!(pass(&mut relay, &mut to).await, (body(count), end));
        assert!(relay.is_done());
        assert_eq!(relay.passed, count as u64);
    }
}

#[tokio::test]
async fn it_begins_again_as_long_as_all_of_it_is_kept() {
    for end in [None, Some(trailers())] {
        let mut from = Stream::new(65_535).await;
        from.send(5000, end.clone());
        let (mut relay, _sink, _rest) = from.into_relay();
        relay.keep_up_to(5000);
        // The first takes a part of it only, and then no more.
        let mut first = Stream::new(1234).await;
        let mut sink = first.take_sink().await;
        while relay.passed < 1234 {
            let polled = poll_fn(|cx| Poll::Ready(relay.poll(cx, &mut sink))).await;
            assert!(polled.is_pending());
            tokio::task::yield_now().await;
        }
        for _ in 0..2 {
            assert!(relay.is_repeatable());
            relay.rewind();
            let mut to = Stream::new(3000).await;
            let passed = pass(&mut relay, &mut to).await;
            assert_eq!(passed, (body(5000), end.clone()));
        }
    }
}

#[tokio::test]
async fn what_is_more_than_is_kept_passes_once() {
    let mut from = Stream::new(65_535).await;
    from.send(5000, Some(trailers()));
    let (mut relay, _sink, _rest) = from.into_relay();
    relay.keep_up_to(4999);
    let mut to = Stream::new(65_535).await;
    assert_eq!(pass(&mut relay, &mut to).await.0.len(), 5000);
    assert!(!relay.is_repeatable());
}

#[tokio::test]
async fn a_source_sends_no_more_than_its_window_ahead_of_the_sink() {
    let mut from = Stream::new(10_000).await;
    from.send(100_000, None);
    let (mut relay, _sink, _rest) = from.into_relay();
    let mut stuck = Stream::new(500).await;
    let mut sink = stuck.take_sink().await;
    for _ in 0..1000 {
        let polled = poll_fn(|cx| Poll::Ready(relay.poll(cx, &mut sink))).await;
        assert!(polled.is_pending());
        tokio::task::yield_now().await;
    }
    assert_eq!(relay.awaits_sink(), Some(500));
    assert!(relay.read <= 10_500, "{} bytes", relay.read);
    let reading = stuck.read();
    let passing = poll_fn(|cx| relay.poll(cx, &mut sink));
    let (passed, (all, _)) = tokio::join!(passing, reading);
    passed.expect("it passes");
    assert_eq!(all, body(100_000));
}

#[tokio::test]
async fn whose_turn_it_is_can_be_told() {
    let from = Stream::new(65_535).await;
    let (mut relay, mut source, _rest) = from.into_relay();
    assert_eq!(
        (relay.awaits_source(), relay.awaits_sink()),
        (Some(0), None)
    );
    source
        .send_data(Bytes::from_static(b"some"), false)
        .expect("it is open");
    while relay.read == 0 {
        let ahead = poll_fn(|cx| Poll::Ready(relay.poll_ahead(cx, 100))).await;
        assert!(ahead.expect("no error").is_pending());
        tokio::task::yield_now().await;
    }
    assert_eq!(
        (relay.awaits_source(), relay.awaits_sink()),
        (None, Some(0))
    );
    source.send_reset(h2::Reason::CANCEL);
    let error = poll_fn(|cx| match relay.poll_ahead(cx, 100) {
        Ok(Poll::Pending) => Poll::Pending,
        Ok(Poll::Ready(())) => Poll::Ready(None),
        Err(Trouble::Source(error) | Trouble::Sink(error)) => Poll::Ready(Some(error)),
    });
    let error = error.await.expect("it is broken off");
    assert_eq!(error.reason(), Some(h2::Reason::CANCEL));
}
