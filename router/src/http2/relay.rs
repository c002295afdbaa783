//! One direction of a stream: the frames of one peer on their way to the other, at the pace of the slower one.
//!
//! A peer may send more only when what it sent was taken: its window opens by what the other side's window let through. What lies
//! in between is therefore never more than the window of one stream. It is read at once all the same, and small frames are put
//! together: the library ends connections on which many small frames wait unread.

use std::task::{Context, Poll, ready};

use bytes::Bytes;
use h2::{RecvStream, SendStream};
use http::HeaderMap;

use super::queue::Queue;

/// A body on its way, and the trailers behind it.
#[derive(Debug)]
pub(super) struct Relay {
    source: RecvStream,
    stage: Stage,
    queue: Queue,
    trailers: Option<HeaderMap>,
    /// What the source may not send again before it was passed on.
    unreleased: usize,
    /// How many bytes were read, and how many were passed on.
    read: u64,
    passed: u64,
    /// What was passed on and may be wanted again.
    kept: Kept,
}

/// What is to be read next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    Data,
    Trailers,
    /// All was read.
    Read,
    /// And all was passed on, the end included.
    Done,
}

/// What is kept of a body for another try.
#[derive(Debug)]
enum Kept {
    All {
        /// Most bodies are one chunk, which takes no room beside its own.
        first: Bytes,
        rest: Vec<Bytes>,
        bytes: usize,
        /// Up to how many bytes it may go to whoever asks for it once more.
        most_repeated: usize,
    },
    /// Nothing, because that would be too much, or nobody wants it again.
    Lost,
}

/// What a peer can have been sent that has not looked at it: the window of a stream, unless it has made it larger. So much of a body
/// can go to another one when it says so, however little may be repeated.
const UNSEEN: usize = 65_535;

/// Why a body did not pass.
#[derive(Debug)]
pub(super) enum Trouble {
    /// Whoever sends it has broken off.
    Source(h2::Error),
    /// Whoever it is for takes no more.
    Sink(h2::Error),
}

/// How a body ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    /// With its last byte. The other side has been told so.
    WithData,
    /// Without trailers or with them: whoever passes them on tells the other side.
    Open,
}

impl Relay {
    /// A body, of which nothing is kept.
    pub(super) fn new(source: RecvStream) -> Self {
        Self {
            stage: match source.is_end_stream() {
                true => Stage::Done,
                false => Stage::Data,
            },
            source,
            queue: Queue::default(),
            trailers: None,
            unreleased: 0,
            read: 0,
            passed: 0,
            kept: Kept::Lost,
        }
    }

    /// Has a stream that brought no body begin and end with this one.
    pub(super) fn begin_with(&mut self, body: Bytes) {
        if !body.is_empty() {
            self.queue.push(body);
            self.stage = Stage::Read;
        }
    }

    /// Keeps what was passed on: up to so many bytes for another try. To be said before anything is passed on.
    pub(super) fn keep_up_to(&mut self, bytes: usize) {
        self.kept = Kept::All {
            first: Bytes::new(),
            rest: Vec::new(),
            bytes: 0,
            most_repeated: bytes,
        };
    }

    /// Keeps nothing any more: there is no other try.
    pub(super) fn forget(&mut self) {
        self.kept = Kept::Lost;
    }

    /// Whether all was passed on, or there is nothing.
    pub(super) fn is_done(&self) -> bool {
        self.stage == Stage::Done
    }

    /// How far it is, if it waits for the source to send more.
    pub(super) fn awaits_source(&self) -> Option<u64> {
        let is_open = matches!(self.stage, Stage::Data | Stage::Trailers);
        (is_open && self.queue.is_empty()).then_some(self.read)
    }

    /// How far it is, if it waits for the sink to take more.
    pub(super) fn awaits_sink(&self) -> Option<u64> {
        (!self.queue.is_empty()).then_some(self.passed)
    }

    /// Whether it may be sent once more, from the first byte on, to whom it was sent before.
    pub(super) fn is_repeatable(&self) -> bool {
        match self.kept {
            Kept::All {
                bytes,
                most_repeated,
                ..
            } => bytes <= most_repeated,
            Kept::Lost => false,
        }
    }

    /// Whether it could be: whoever has not looked at it leaves it to another one.
    pub(super) fn is_kept(&self) -> bool {
        matches!(self.kept, Kept::All { .. })
    }

    /// Starts again from the first byte.
    pub(super) fn rewind(&mut self) {
        if let Kept::All {
            first, rest, bytes, ..
        } = &mut self.kept
        {
            let is_nothing = first.is_empty() && self.trailers.is_none();
            let mut kept = vec![std::mem::take(first)];
            kept.append(rest);
            *bytes = 0;
            self.queue.put_first(kept);
            if self.stage == Stage::Done && !is_nothing {
                self.stage = Stage::Read;
            }
        }
    }

    /// Passes on all of it, and the end.
    pub(super) fn poll(
        &mut self,
        cx: &mut Context<'_>,
        sink: &mut SendStream<Bytes>,
    ) -> Poll<Result<(), Trouble>> {
        if self.is_done() {
            return Poll::Ready(Ok(()));
        }
        if let End::Open = ready!(self.poll_data(cx, sink, true))? {
            let trailers = self.kept_trailers();
            self.end(sink, trailers)?;
        }
        Poll::Ready(Ok(()))
    }

    /// The trailers, of which a copy stays here if they may be wanted again.
    fn kept_trailers(&mut self) -> Option<HeaderMap> {
        match self.kept {
            Kept::All { .. } => self.trailers.clone(),
            Kept::Lost => self.trailers.take(),
        }
    }

    /// Passes on all of it, but for an end that is not said with the last byte. That is done only where it `may_end_with_data`.
    pub(super) fn poll_data(
        &mut self,
        cx: &mut Context<'_>,
        sink: &mut SendStream<Bytes>,
        may_end_with_data: bool,
    ) -> Poll<Result<End, Trouble>> {
        loop {
            while !self.queue.is_empty() {
                if self.poll_room(cx, sink)?.is_pending() {
                    // The source can no longer be waited for if it has ended.
                    let _ = self.poll_ahead(cx, usize::MAX)?;
                    return Poll::Pending;
                }
                let chunk = self.queue.take(sink.capacity());
                let (len, is_last) = (chunk.len(), self.ends_here() && may_end_with_data);
                self.keep(&chunk);
                sink.send_data(chunk, is_last).map_err(Trouble::Sink)?;
                self.passed += len as u64;
                self.release(len);
                if is_last {
                    self.stage = Stage::Done;
                    return Poll::Ready(Ok(End::WithData));
                }
            }
            match self.stage {
                Stage::Data | Stage::Trailers => ready!(self.poll_read(cx)?),
                Stage::Read => return Poll::Ready(Ok(End::Open)),
                Stage::Done => return Poll::Ready(Ok(End::WithData)),
            }
        }
    }

    /// Whether the queue is all that is left.
    fn ends_here(&self) -> bool {
        self.queue.is_empty() && self.stage == Stage::Read && self.trailers.is_none()
    }

    /// Waits until the sink takes something.
    fn poll_room(
        &mut self,
        cx: &mut Context<'_>,
        sink: &mut SendStream<Bytes>,
    ) -> Result<Poll<()>, Trouble> {
        sink.reserve_capacity(self.queue.len());
        while sink.capacity() == 0 {
            match sink.poll_capacity(cx) {
                Poll::Ready(Some(Ok(_))) => {}
                Poll::Ready(Some(Err(error))) => return Err(Trouble::Sink(error)),
                Poll::Ready(None) => return Err(Trouble::Sink(reset_of(sink, cx))),
                Poll::Pending => return Ok(Poll::Pending),
            }
        }
        Ok(Poll::Ready(()))
    }

    /// Reads until everything is here, or so many bytes are, whether the other side takes them or not.
    pub(super) fn poll_ahead(
        &mut self,
        cx: &mut Context<'_>,
        most: usize,
    ) -> Result<Poll<()>, Trouble> {
        while matches!(self.stage, Stage::Data | Stage::Trailers) && self.queue.len() <= most {
            if self.poll_read(cx)?.is_pending() {
                return Ok(Poll::Pending);
            }
        }
        Ok(Poll::Ready(()))
    }

    /// Whether all of it was read, and the trailers behind it.
    pub(super) fn read(&self) -> Option<Option<&HeaderMap>> {
        match self.stage {
            Stage::Data | Stage::Trailers => None,
            Stage::Read | Stage::Done => Some(self.trailers.as_ref()),
        }
    }

    /// What comes behind the data, to be changed and told to the sink by [`end`](Self::end).
    pub(super) fn take_trailers(&mut self) -> Option<HeaderMap> {
        self.trailers.take()
    }

    /// Tells the sink of the end.
    pub(super) fn end(
        &mut self,
        sink: &mut SendStream<Bytes>,
        trailers: Option<HeaderMap>,
    ) -> Result<(), Trouble> {
        self.stage = Stage::Done;
        let told = match trailers {
            Some(trailers) => sink.send_trailers(trailers),
            None => sink.send_data(Bytes::new(), true),
        };
        told.map_err(Trouble::Sink)
    }

    /// Reads one frame.
    fn poll_read(&mut self, cx: &mut Context<'_>) -> Result<Poll<()>, Trouble> {
        if self.stage == Stage::Data {
            match self.source.poll_data(cx) {
                Poll::Ready(Some(Ok(chunk))) => {
                    self.unreleased += chunk.len();
                    self.read += chunk.len() as u64;
                    self.queue.push(chunk);
                    if self.source.is_end_stream() {
                        self.stage = Stage::Read;
                    }
                }
                Poll::Ready(Some(Err(error))) => return Err(Trouble::Source(error)),
                Poll::Ready(None) => self.stage = Stage::Trailers,
                Poll::Pending => return Ok(Poll::Pending),
            }
        } else {
            match self.source.poll_trailers(cx) {
                Poll::Ready(Ok(trailers)) => {
                    self.trailers = trailers;
                    self.stage = Stage::Read;
                }
                Poll::Ready(Err(error)) => return Err(Trouble::Source(error)),
                Poll::Pending => return Ok(Poll::Pending),
            }
        }
        Ok(Poll::Ready(()))
    }

    fn keep(&mut self, chunk: &Bytes) {
        if let Kept::All {
            first,
            rest,
            bytes,
            most_repeated,
        } = &mut self.kept
        {
            *bytes += chunk.len();
            match first.is_empty() {
                _ if *bytes > UNSEEN.max(*most_repeated) => self.kept = Kept::Lost,
                true => first.clone_from(chunk),
                false => rest.push(chunk.clone()),
            }
        }
    }

    /// Lets the source send as much again. What is sent a second time was released the first time.
    fn release(&mut self, len: usize) {
        let len = len.min(self.unreleased);
        self.unreleased -= len;
        if len > 0 {
            // Fails only where more is released than was received.
            let _ = self.source.flow_control().release_capacity(len);
        }
    }
}

/// Why nothing can be sent any more.
fn reset_of(sink: &mut SendStream<Bytes>, cx: &mut Context<'_>) -> h2::Error {
    match sink.poll_reset(cx) {
        Poll::Ready(Ok(reason)) => reason.into(),
        Poll::Ready(Err(error)) => error,
        Poll::Pending => h2::Reason::CANCEL.into(),
    }
}

#[cfg(test)]
mod tests;
