use std::fmt;
use std::marker::PhantomData;

use bytes::{Bytes, BytesMut};
use http_body_util::BodyExt;
use hyper::body::Incoming;
use serde::de::DeserializeOwned;

use super::error::{Attempt, ClientError};
use super::exchange::parse;

/// The longest record that is read.
const MAX_RECORD_BYTES: usize = 64 << 20;

/// A value that namerd sends again whenever it changes, as a line of JSON each time.
///
/// The connection is closed when the watch is dropped. There is no timeout: what does not change says nothing.
pub struct Watch<T> {
    base: String,
    body: Incoming,
    read: BytesMut,
    /// How much of what was read has no newline in it.
    searched: usize,
    record: PhantomData<fn() -> T>,
}

impl<T: DeserializeOwned> Watch<T> {
    pub(super) fn new(base: String, body: Incoming) -> Self {
        Self {
            base,
            body,
            read: BytesMut::new(),
            searched: 0,
            record: PhantomData,
        }
    }

    /// Waits for the next value; `None` once namerd has ended the stream. May be called again after it was cancelled: nothing
    /// that was read is lost.
    ///
    /// # Errors
    /// [`ClientError::Answer`] for a line that is no such value: Linkerd 1's namerd says with a bare line of text why it ends a
    /// stream. [`ClientError::Unreachable`] if the connection broke.
    pub async fn next(&mut self) -> Option<Result<T, ClientError>> {
        loop {
            if let Some(line) = self.line() {
                if line.trim_ascii().is_empty() {
                    continue;
                }
                return Some(parse(&self.base, &line));
            }
            if self.read.len() > MAX_RECORD_BYTES {
                let base = self.base.clone();
                return Some(Err(ClientError::TooLong { base }));
            }
            match self.body.frame().await {
                Some(Ok(frame)) => self.read.extend(frame.into_data().ok()),
                Some(Err(error)) => {
                    return Some(Err(ClientError::Unreachable(vec![Attempt {
                        base: self.base.clone(),
                        source: error.into(),
                    }])));
                }
                None => return self.last(),
            }
        }
    }

    fn line(&mut self) -> Option<Bytes> {
        let unsearched = &self.read[self.searched..];
        let Some(newline) = unsearched.iter().position(|byte| *byte == b'\n') else {
            self.searched = self.read.len();
            return None;
        };
        let end = self.searched + newline + 1;
        self.searched = 0;
        Some(self.read.split_to(end).freeze())
    }

    /// What stands behind the last newline.
    fn last(&mut self) -> Option<Result<T, ClientError>> {
        self.searched = 0;
        let rest = self.read.split().freeze();
        (!rest.trim_ascii().is_empty()).then(|| parse(&self.base, &rest))
    }
}

impl<T> fmt::Debug for Watch<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Watch")
            .field("base", &self.base)
            .finish_non_exhaustive()
    }
}
