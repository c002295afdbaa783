//! A body that is read whole before any of it passes on.

use std::io;
use std::task::{Context, Poll, ready};

use http1::{BadBody, Decoder, Length, chunk_line, write_chunk_end};

use super::{Input, Reader, lent_bytes};

/// How much may be held: of one body, and by the worker for all messages on their way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Bounds {
    pub(crate) body: usize,
    pub(crate) worker: usize,
}

/// A body, as far as it has come.
#[derive(Debug)]
pub(crate) struct Hold {
    body: Input,
    bounds: Bounds,
    moved: u64,
}

/// Why a body is not held.
#[derive(Debug)]
pub(crate) enum NotHeld {
    /// It is longer than this.
    TooLong(usize),
    /// The worker holds too much already.
    Full,
    /// Whoever sends it cannot be read from any more.
    Source(io::Error),
    /// What it sends is no body, or not all of it.
    Body(BadBody),
}

impl Hold {
    /// Of the body that this decodes.
    ///
    /// # Errors
    /// [`NotHeld::TooLong`] if it says to be.
    pub(crate) fn new(decoder: &Decoder, bounds: Bounds) -> Result<Self, NotHeld> {
        let length = decoder.remaining().unwrap_or_default();
        match usize::try_from(length) {
            Ok(length) if length <= bounds.body => Ok(Self {
                body: Input::default(),
                bounds,
                moved: 0,
            }),
            _ => Err(NotHeld::TooLong(bounds.body)),
        }
    }

    /// How many bytes came; it only grows.
    pub(crate) fn moved(&self) -> u64 {
        self.moved
    }

    /// Reads what there is. Ready when the body is whole.
    pub(crate) fn poll(
        &mut self,
        cx: &mut Context<'_>,
        decoder: &mut Decoder,
        input: &mut Input,
        source: &mut Reader<'_>,
    ) -> Poll<Result<(), NotHeld>> {
        loop {
            if decoder.is_done() {
                return Poll::Ready(Ok(()));
            }
            if input.is_empty() {
                let count = ready!(input.poll_fill(cx, source)).map_err(NotHeld::Source)?;
                self.moved += count as u64;
                if count == 0 {
                    return Poll::Ready(decoder.at_close().map_err(NotHeld::Body));
                }
            }
            let decoded = decoder.decode(input.filled_mut()).map_err(NotHeld::Body)?;
            let data = &input.filled()[decoded.data];
            if data.len() > self.bounds.body - self.body.filled().len() {
                return Poll::Ready(Err(NotHeld::TooLong(self.bounds.body)));
            }
            if lent_bytes() > self.bounds.worker {
                return Poll::Ready(Err(NotHeld::Full));
            }
            self.body.push(data);
            input.consume(decoded.consumed);
        }
    }

    /// The body, and its length now: it is known, unless trailers have to be kept behind chunks.
    pub(crate) fn finish(self, decoder: &Decoder) -> (Input, Length) {
        let length = self.body.filled().len();
        let Some(trailers) = decoder.trailers() else {
            return (self.body, Length::Exact(length as u64));
        };
        let mut chunks = Input::default();
        if length > 0 {
            let mut line = [0; 20];
            let end = chunk_line(length, &mut line);
            for piece in [&line[..end], self.body.filled(), b"\r\n"] {
                chunks.push(piece);
            }
        }
        let mut end = Vec::new();
        write_chunk_end(Some(trailers), &mut end);
        chunks.push(&end);
        (chunks, Length::Chunked)
    }
}
