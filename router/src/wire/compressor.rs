//! The data of an answer, made smaller on its way.

use std::cell::Cell;
use std::fmt;

use flate2::{Compress, CompressError, Compression, FlushCompress, Status};
use http1::chunk_line;

use super::Text;

/// How data is compressed, as HTTP names it. Source: RFC 9110 §8.4.1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Coding {
    /// `gzip`
    Gzip,
    /// `deflate`, in the zlib format.
    Deflate,
}

impl Coding {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Gzip => "gzip",
            Self::Deflate => "deflate",
        }
    }
}

/// Compresses one body. It holds about 300 KiB, so that a worker has few of them.
pub(crate) struct Compressor {
    stream: Compress,
    /// What came of the data, until its length is known.
    made: Text,
    /// Whether something was taken in that may not have come out.
    holds_back: bool,
    /// How much was taken in since the last pause.
    worked: usize,
    _place: Place,
}

/// How many a worker has at once. Compression is a courtesy: further answers pass as they are.
const MOST: usize = 64;

/// How much is taken in at once, and how much before others have their turn: about 2 ms of work.
pub(super) const SLICE: usize = 32 * 1024;
const STRETCH: usize = 2 * SLICE;

/// The room for what comes of a slice; nearly all that is compressed fits.
const ROOM: usize = 16 * 1024;

/// How far back repetitions are found: as far as the format allows, 32 KiB.
const WINDOW_BITS: u8 = 15;

impl Compressor {
    /// One for a body; none if this worker has as many as it may have. `level` is from 1, quick, to 9, small.
    pub(crate) fn begin(coding: Coding, level: u32) -> Option<Box<Self>> {
        let place = Place::take()?;
        let level = Compression::new(level);
        let stream = match coding {
            Coding::Gzip => Compress::new_gzip(level, WINDOW_BITS),
            Coding::Deflate => Compress::new_with_window_bits(level, true, WINDOW_BITS),
        };
        Some(Box::new(Self {
            stream,
            made: Text::take(),
            holds_back: false,
            worked: 0,
            _place: place,
        }))
    }

    /// Takes in data. What comes of it at once, if anything does, is put behind `out` as a chunk.
    pub(super) fn take(&mut self, data: &[u8], out: &mut Vec<u8>) -> Result<(), CompressError> {
        if data.is_empty() {
            return Ok(());
        }
        self.holds_back = true;
        self.worked += data.len();
        self.run(data, FlushCompress::None, out)
    }

    /// Puts out what is held back, so that the other side can read all data up to here. Says whether there was anything.
    pub(super) fn flush(&mut self, out: &mut Vec<u8>) -> Result<bool, CompressError> {
        let has_any = std::mem::take(&mut self.holds_back);
        if has_any {
            self.run(&[], FlushCompress::Sync, out)?;
        }
        Ok(has_any)
    }

    /// Puts out the end.
    pub(super) fn finish(&mut self, out: &mut Vec<u8>) -> Result<(), CompressError> {
        self.holds_back = false;
        self.run(&[], FlushCompress::Finish, out)
    }

    /// Whether it worked for so long that others should have their turn first. It begins anew then.
    pub(super) fn takes_a_break(&mut self) -> bool {
        let is_tired = self.worked >= STRETCH;
        if is_tired {
            self.worked = 0;
        }
        is_tired
    }

    fn run(
        &mut self,
        mut data: &[u8],
        flush: FlushCompress,
        out: &mut Vec<u8>,
    ) -> Result<(), CompressError> {
        loop {
            self.made.reserve(ROOM);
            let before = self.stream.total_in();
            let status = self.stream.compress_vec(data, &mut self.made, flush)?;
            let taken = usize::try_from(self.stream.total_in() - before).unwrap_or(data.len());
            data = &data[taken..];
            let has_room = self.made.len() < self.made.capacity();
            if status == Status::StreamEnd || (data.is_empty() && has_room) {
                break;
            }
        }
        if !self.made.is_empty() {
            let mut line = [0; 20];
            let length = chunk_line(self.made.len(), &mut line);
            out.extend_from_slice(&line[..length]);
            out.append(&mut self.made);
            out.extend_from_slice(b"\r\n");
        }
        Ok(())
    }
}

impl fmt::Debug for Compressor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Compressor({} bytes in)", self.stream.total_in())
    }
}

thread_local! {
    static TAKEN: Cell<usize> = const { Cell::new(0) };
}

/// One of those that a worker may have.
struct Place;

impl Place {
    fn take() -> Option<Self> {
        let taken = TAKEN.get();
        (taken < MOST).then(|| {
            TAKEN.set(taken + 1);
            Self
        })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        // A thread that ends counts nothing any more.
        let _ = TAKEN.try_with(|taken| taken.set(taken.get().saturating_sub(1)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_worker_has_few_of_them() {
        let begin = || Compressor::begin(Coding::Gzip, 1);
        let mut all: Vec<_> = (0..MOST).map(|_| begin().expect("a place")).collect();
        assert!(begin().is_none());
        all.pop();
        assert!(begin().is_some());
    }

    #[test]
    fn what_was_taken_in_comes_out_once() {
        let mut compressor = Compressor::begin(Coding::Deflate, 6).expect("a place");
        let mut out = Vec::new();
        let mut flush = |out: &mut Vec<u8>| compressor.flush(out).expect("it works");
        assert!(!flush(&mut out) && out.is_empty());
        compressor.take(b"data", &mut out).expect("it works");
        let mut flush = |out: &mut Vec<u8>| compressor.flush(out).expect("it works");
        assert!(flush(&mut out));
        let length = out.len();
        assert!(!flush(&mut out));
        assert_eq!(out.len(), length);
    }
}
