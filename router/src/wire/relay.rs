//! A message on its way: its head as it was made, its body as it comes in.

use std::io;
use std::ops::Range;
use std::task::{Context, Poll, ready};

use flate2::CompressError;
use http1::{BadBody, Decoder, Fields, Length, chunk_line, write_chunk_end};

use tokio::net::TcpStream;

use super::compressor::SLICE;
use super::kept::Kept;
use super::pipe::Pipe;
use super::tcp::Next;
use super::{Compressor, Input, Reader, Text, Writer};

/// How the other side is told where a body ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Encoding {
    /// By the length in the head, or by the end of the connection: the bytes pass as they are.
    Plain,
    /// By chunks, whatever it was.
    Chunked,
}

/// Why a message did not arrive whole.
#[derive(Debug)]
pub(crate) enum Trouble {
    /// Whoever sends it cannot be read from any more.
    Source(io::Error),
    /// What it sends is no body, or not all of it.
    Body(BadBody),
    /// Whoever gets it cannot be written to any more.
    Sink,
}

/// Passes one message from a source to a sink: first the head that it was made with, then the body.
///
/// What a single read brings goes out in a single write, together with a head or the frame of a chunk.
#[derive(Debug)]
pub(crate) struct Relay {
    decoder: Decoder,
    encoding: Encoding,
    /// What makes the data smaller before it is put into chunks, if anything does.
    compressor: Option<Box<Compressor>>,
    /// The head, or the frame of the next chunk.
    text: Text,
    /// How much of it was written.
    written: usize,
    /// What is written next, of what the input holds.
    data: Range<usize>,
    /// What ends the chunk.
    tail: &'static [u8],
    /// How much of the input may go once all this was written.
    used: usize,
    /// How much of the input in front of that is no part of the body: the text that was put there.
    front: usize,
    end: End,
    /// How many bytes were read and written.
    moved: u64,
    /// Whether the sink may hold back some of what was written.
    is_held: bool,
    /// Whether any byte was written.
    has_begun: bool,
    /// Whether any byte of the body was there.
    has_body_begun: bool,
    /// What a long body passes through.
    pipe: Option<Pipe>,
    /// The body so far, in case that it has to be sent again.
    kept: Option<Kept>,
    /// What follows the message.
    followed_by: Next,
}

/// How far the end of the body is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    Ahead,
    /// All data was seen; the last chunk has yet to be made.
    Reached,
    /// The rest of what is to be written is in place.
    Made,
}

/// How much of a head, or of data, is copied rather than gathered by the system.
const LITTLE: usize = 4 * 1024;

/// How much of a body has to be ahead for the system to pass it on without our seeing it.
const LONG: u64 = 128 * 1024;

/// The end of a chunk, and of a body in chunks without trailers.
const CHUNK_END: &[u8] = b"\r\n";
const BODY_END: &[u8] = b"\r\n0\r\n\r\n";

impl Relay {
    /// A message with this head, whose body of this length is encoded anew.
    pub(crate) fn new(head: Text, length: Length, encoding: Encoding) -> Self {
        let decoder = Decoder::new(length);
        let end = match decoder.is_done() {
            true => End::Made,
            false => End::Ahead,
        };
        Self {
            decoder,
            encoding,
            compressor: None,
            text: head,
            written: 0,
            data: 0..0,
            tail: &[],
            used: 0,
            front: 0,
            end,
            moved: 0,
            is_held: false,
            has_begun: false,
            has_body_begun: false,
            pipe: None,
            kept: None,
            followed_by: Next::Unknown,
        }
    }

    /// Says what follows the message.
    pub(crate) fn followed_by(mut self, next: Next) -> Self {
        self.followed_by = next;
        self
    }

    /// Keeps the body as it passes, up to so many bytes, so that it can be sent again.
    pub(crate) fn keeping(mut self, limit: usize) -> Self {
        if self.end == End::Ahead {
            self.kept = Some(Kept::new(self.decoder.remaining(), limit));
        }
        self
    }

    /// Whether it can be sent again, whatever was sent already.
    pub(crate) fn is_repeatable(&self) -> bool {
        self.kept.as_ref().is_none_or(Kept::is_whole)
    }

    /// The same message with another head, from its beginning. To be asked of what is repeatable; what was written of it is forgotten.
    pub(crate) fn again(mut self, mut head: Text, input: &mut Input) -> Self {
        let decoder = self.take_decoder(input);
        let kept = self.kept.take();
        if let Some(kept) = &kept
            && !kept.data().is_empty()
        {
            write_piece(self.encoding, kept.data(), &mut head);
        }
        if decoder.is_done() && kept.is_some() && self.encoding == Encoding::Chunked {
            write_chunk_end(decoder.trailers(), &mut head);
        }
        let has_body_begun = self.has_body_begun;
        let mut again = Self::new(head, Length::None, self.encoding);
        if !decoder.is_done() {
            again.end = End::Ahead;
        }
        // One that is done has the trailers still, which may be needed once more.
        again.decoder = decoder;
        Self {
            kept,
            has_body_begun,
            ..again
        }
    }

    /// Has the data compressed. It is encoded in chunks then: nobody knows how long it will be.
    pub(crate) fn compress(&mut self, compressor: Box<Compressor>) {
        debug_assert_eq!(self.encoding, Encoding::Chunked);
        self.compressor = Some(compressor);
    }

    /// Whether all of it was passed on.
    pub(crate) fn is_done(&self) -> bool {
        self.end == End::Made && self.used == 0 && self.is_flushed() && !self.is_held
    }

    /// Whether some of it was written.
    pub(crate) fn has_begun(&self) -> bool {
        self.has_begun
    }

    /// Whether some of the body has come in.
    pub(crate) fn has_body_begun(&self) -> bool {
        self.has_body_begun
    }

    /// How many bytes moved; it only grows.
    pub(crate) fn moved(&self) -> u64 {
        self.moved
    }

    /// Whether there is nothing to write until the source sends more.
    pub(crate) fn waits_for_source(&self) -> bool {
        let is_piped = self.pipe.as_ref().is_some_and(|pipe| !pipe.is_empty());
        self.end == End::Ahead && self.used == 0 && self.is_flushed() && !is_piped && !self.is_held
    }

    /// What is left of the body, to be read by somebody else.
    pub(crate) fn take_decoder(&mut self, input: &mut Input) -> Decoder {
        // The data in front was decoded already, even if nobody has written it.
        self.consume(input);
        std::mem::replace(&mut self.decoder, Decoder::new(Length::None))
    }

    /// The piece of the input that was decoded has been written, or is given up.
    fn consume(&mut self, input: &mut Input) {
        input.consume(std::mem::take(&mut self.front));
        let used = std::mem::take(&mut self.used);
        let is_kept = match &mut self.kept {
            Some(kept) => kept.take_over(input),
            None => false,
        };
        if !is_kept {
            input.consume(used);
        }
    }

    /// Passes on what it can.
    pub(crate) fn poll(
        &mut self,
        cx: &mut Context<'_>,
        input: &mut Input,
        source: &mut Reader<'_>,
        sink: &mut Writer<'_>,
    ) -> Poll<Result<(), Trouble>> {
        loop {
            if self.end != End::Made && self.takes_a_break() {
                cx.waker().wake_by_ref();
                return Poll::Pending;
            }
            if self.used == 0 {
                match self.end {
                    End::Made if self.is_flushed() => return self.poll_flush(cx, sink),
                    End::Made => {}
                    End::Reached => self.make_end()?,
                    End::Ahead => {
                        let is_taken = self.take(input)?;
                        if !is_taken && self.is_flushed() {
                            ready!(self.poll_next(cx, input, source, sink))?;
                            continue;
                        }
                    }
                }
            }
            if !self.is_flushed() {
                self.gather(input);
                ready!(self.poll_write(cx, input, sink)).map_err(|_| Trouble::Sink)?;
            }
            if self.is_flushed() {
                self.data = 0..0;
                self.consume(input);
            }
        }
    }

    /// Reads more of the body. Where there is no more yet, what the compressor holds back is put out first.
    fn poll_source(
        &mut self,
        cx: &mut Context<'_>,
        input: &mut Input,
        source: &mut Reader<'_>,
    ) -> Poll<Result<(), Trouble>> {
        let Poll::Ready(count) = input.poll_fill(cx, source).map_err(Trouble::Source)? else {
            // Whoever waits for more may be waiting for an answer to what is here.
            return match self.let_go()? {
                true => Poll::Ready(Ok(())),
                false => Poll::Pending,
            };
        };
        self.moved += count as u64;
        if count == 0 {
            self.decoder.at_close().map_err(Trouble::Body)?;
            self.end = End::Reached;
        }
        Poll::Ready(Ok(()))
    }

    /// Takes in what comes next: a long body goes through a pipe, if nobody has to look at it.
    fn poll_next(
        &mut self,
        cx: &mut Context<'_>,
        input: &mut Input,
        source: &mut Reader<'_>,
        sink: &mut Writer<'_>,
    ) -> Poll<Result<(), Trouble>> {
        // It may be long in coming.
        if let Poll::Ready(flushed) = self.poll_flush(cx, sink) {
            flushed?;
        }
        match (source.tcp(), sink.tcp()) {
            (Some(from), Some(to)) if self.may_be_piped(input) => self.poll_pipe(cx, from, to),
            _ => self.poll_source(cx, input, source),
        }
    }

    fn may_be_piped(&mut self, input: &Input) -> bool {
        let is_kept = self.kept.as_ref().is_some_and(Kept::is_whole);
        if self.encoding != Encoding::Plain || input.has_ended() || is_kept {
            return false;
        }
        if self.pipe.is_none() && self.decoder.remaining().is_some_and(|ahead| ahead >= LONG) {
            self.pipe = Pipe::take();
        }
        self.pipe.is_some()
    }

    /// Passes on what it can of the rest of the body.
    fn poll_pipe(
        &mut self,
        cx: &mut Context<'_>,
        source: &TcpStream,
        sink: &TcpStream,
    ) -> Poll<Result<(), Trouble>> {
        let Some(pipe) = &mut self.pipe else {
            return Poll::Ready(Ok(()));
        };
        if pipe.is_empty() {
            let ahead = self.decoder.remaining().unwrap_or_default();
            let count = ready!(pipe.poll_fill(cx, source, ahead)).map_err(Trouble::Source)?;
            if count == 0 {
                self.decoder.at_close().map_err(Trouble::Body)?;
            }
            self.moved += count as u64;
            self.decoder.pass(count as u64);
        }
        let count = ready!(pipe.poll_drain(cx, sink)).map_err(|_| Trouble::Sink)?;
        self.moved += count as u64;
        if self.decoder.is_done() && pipe.is_empty() {
            self.end = End::Made;
            if let Some(pipe) = self.pipe.take() {
                pipe.put_back();
            }
        }
        Poll::Ready(Ok(()))
    }

    /// Has the sink hold nothing back.
    fn poll_flush(
        &mut self,
        cx: &mut Context<'_>,
        sink: &mut Writer<'_>,
    ) -> Poll<Result<(), Trouble>> {
        ready!(sink.poll_flush(cx)).map_err(|_| Trouble::Sink)?;
        self.is_held = false;
        Poll::Ready(Ok(()))
    }

    fn is_flushed(&self) -> bool {
        self.written == self.text.len() && self.data.is_empty() && self.tail.is_empty()
    }

    /// Takes the next data from the input; false if that needs more bytes than there are.
    fn take(&mut self, input: &mut Input) -> Result<bool, Trouble> {
        if self.end != End::Ahead || input.is_empty() {
            return Ok(false);
        }
        let mut bytes = input.filled_mut();
        if self.compressor.is_some() && bytes.len() > SLICE {
            bytes = &mut bytes[..SLICE];
        }
        let decoded = self.decoder.decode(bytes).map_err(Trouble::Body)?;
        self.used = decoded.consumed;
        self.has_body_begun |= self.used > 0;
        self.data = decoded.data;
        if let Some(kept) = &mut self.kept {
            kept.add(bytes, self.data.clone(), decoded.is_done);
        }
        if let Some(compressor) = &mut self.compressor {
            let data = &bytes[std::mem::take(&mut self.data)];
            compressor.take(data, &mut self.text).map_err(broken)?;
        } else if self.encoding == Encoding::Chunked && !self.data.is_empty() {
            let mut line = [0; 20];
            let length = chunk_line(self.data.len(), &mut line);
            self.text.extend_from_slice(&line[..length]);
            self.tail = CHUNK_END;
        }
        if decoded.is_done {
            self.end = End::Reached;
            let is_plain_end = self.decoder.trailers().is_none_or(Fields::is_empty);
            if self.encoding == Encoding::Plain {
                self.end = End::Made;
            } else if is_plain_end && !self.data.is_empty() {
                (self.tail, self.end) = (BODY_END, End::Made);
            } else if self.data.is_empty() {
                self.make_end()?;
            }
        }
        Ok(decoded.consumed > 0)
    }

    /// Writes the last chunk behind what is there.
    fn make_end(&mut self) -> Result<(), Trouble> {
        if let Some(compressor) = &mut self.compressor {
            compressor.finish(&mut self.text).map_err(broken)?;
        }
        if self.encoding == Encoding::Chunked {
            write_chunk_end(self.decoder.trailers(), &mut self.text);
        }
        self.end = End::Made;
        Ok(())
    }

    /// Whether others should have their turn first: to compress is work.
    fn takes_a_break(&mut self) -> bool {
        let compressor = self.compressor.as_mut();
        compressor.is_some_and(|compressor| compressor.takes_a_break())
    }

    /// Has the compressor put out what it holds back; false if that is nothing.
    fn let_go(&mut self) -> Result<bool, Trouble> {
        match &mut self.compressor {
            Some(compressor) => compressor.flush(&mut self.text).map_err(broken),
            None => Ok(false),
        }
    }

    /// Puts text and data into one piece, if one of them is little: to copy that costs less than to have the system gather both.
    fn gather(&mut self, input: &mut Input) {
        if self.text.is_empty() || self.data.is_empty() {
            return;
        }
        let is_little = self.data.len() <= LITTLE;
        // A tail would be a second piece.
        let fits = self.written == 0 && self.data.start == 0 && self.tail.is_empty();
        if fits && self.text.len() <= LITTLE && input.put_in_front(&self.text) {
            self.front = self.text.len();
            self.data.end += self.front;
            self.text.clear();
        } else if is_little {
            self.text
                .extend_from_slice(&input.filled()[self.data.clone()]);
            self.text.extend_from_slice(self.tail);
            (self.data, self.tail) = (0..0, &[]);
        }
    }

    fn poll_write(
        &mut self,
        cx: &mut Context<'_>,
        input: &Input,
        sink: &mut Writer<'_>,
    ) -> Poll<io::Result<()>> {
        let text = &self.text[self.written..];
        let data = &input.filled()[self.data.clone()];
        let next = match self.end {
            End::Made => self.followed_by,
            End::Ahead | End::Reached => Next::Unknown,
        };
        let pieces = [text, data, self.tail];
        let mut count = ready!(sink.poll_write_before(next, cx, pieces))?;
        (self.has_begun, self.is_held) = (true, true);
        self.moved += count as u64;
        let of_text = count.min(text.len());
        self.written += of_text;
        count -= of_text;
        let of_data = count.min(self.data.len());
        self.data.start += of_data;
        self.tail = &self.tail[count - of_data..];
        if self.written == self.text.len() {
            self.text.clear();
            self.written = 0;
        }
        Poll::Ready(Ok(()))
    }
}

/// Data of a body, delimited as this coding wants it.
fn write_piece(encoding: Encoding, data: &[u8], out: &mut Vec<u8>) {
    if encoding == Encoding::Plain {
        return out.extend_from_slice(data);
    }
    let mut line = [0; 20];
    let length = chunk_line(data.len(), &mut line);
    out.extend_from_slice(&line[..length]);
    out.extend_from_slice(data);
    out.extend_from_slice(CHUNK_END);
}

/// What cannot be compressed cannot be passed on: its head said that it would be.
fn broken(error: CompressError) -> Trouble {
    Trouble::Source(error.into())
}

#[cfg(test)]
mod tests;
