//! What a request asks for.

use std::ops::Range;

use http::Method;

use crate::host::{is_host, is_host_with_port, is_user_info};
use crate::octets::find;
use crate::refusal::Refusal;

/// The form of a request's target. Source: RFC 9112 §3.2.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Form {
    /// `/path?query`, as servers get it.
    #[default]
    Origin,
    /// `http://host/path?query`, as proxies get it.
    Absolute,
    /// `host:port`, of `CONNECT`.
    Authority,
    /// `*`, of `OPTIONS`.
    Asterisk,
}

/// A target and its parts. What it becomes is appended to what came, so that no part ever moves.
#[derive(Clone, Debug, Default)]
pub(crate) struct Target {
    bytes: Vec<u8>,
    form: Form,
    /// The whole target.
    text: Range<usize>,
    /// Of absolute and authority form, without user information; empty for the others.
    authority: Range<usize>,
    path: Range<usize>,
    /// With its `?`; it stands behind the path.
    query: Range<usize>,
    /// An absolute target that ends with its authority.
    lacks_path: bool,
}

impl Target {
    pub(crate) fn clear(&mut self) {
        self.bytes.clear();
        self.form = Form::Origin;
        self.text = 0..0;
        self.authority = 0..0;
        self.path = 0..0;
        self.query = 0..0;
        self.lacks_path = false;
    }

    /// Takes a target over, and finds its parts.
    pub(crate) fn fill(&mut self, text: &[u8], method: &Method) -> Result<(), Refusal> {
        debug_assert!(self.bytes.is_empty(), "what was there before is forgotten");
        self.bytes.extend_from_slice(text);
        self.text = 0..text.len();
        // All bytes are looked at, so that many are at once.
        let is_fine = |all, byte: &u8| all & byte.is_ascii_graphic() & (*byte != b'#');
        if !text.iter().fold(true, is_fine) {
            return Err(Refusal::Target);
        }
        if *method == Method::CONNECT {
            return self.find_authority();
        }
        match text {
            [b'/', ..] => self.find_path(0),
            b"*" if *method == Method::OPTIONS => self.become_asterisk(0),
            _ => return self.find_absolute(),
        }
        Ok(())
    }

    pub(crate) fn text(&self) -> &[u8] {
        &self.bytes[self.text.clone()]
    }

    pub(crate) fn form(&self) -> Form {
        self.form
    }

    pub(crate) fn authority(&self) -> Option<&[u8]> {
        let has_one = matches!(self.form, Form::Absolute | Form::Authority);
        has_one.then(|| &self.bytes[self.authority.clone()])
    }

    pub(crate) fn path_and_query(&self) -> &[u8] {
        &self.bytes[self.path.start..self.query.end]
    }

    pub(crate) fn path(&self) -> &[u8] {
        &self.bytes[self.path.clone()]
    }

    pub(crate) fn query(&self) -> Option<&[u8]> {
        self.bytes[self.query.clone()].get(1..)
    }

    /// Replaces the path; bytes that no path has are percent-encoded.
    pub(crate) fn set_path(&mut self, path: &[u8]) {
        let start = self.bytes.len();
        if !path.starts_with(b"/") {
            self.bytes.push(b'/');
        }
        for byte in path {
            match byte {
                b'#' | b'?' => self.push_encoded(*byte),
                byte if byte.is_ascii_graphic() => self.bytes.push(*byte),
                byte => self.push_encoded(*byte),
            }
        }
        self.end_path(start);
        self.lacks_path = false;
        if self.form != Form::Absolute {
            self.form = Form::Origin;
            self.text = self.path.start..self.query.end;
        }
    }

    /// Makes the absolute form an origin form.
    pub(crate) fn become_origin(&mut self, method: &Method) {
        if self.form != Form::Absolute {
            return;
        }
        self.form = Form::Origin;
        if self.lacks_path && *method == Method::OPTIONS {
            self.bytes.push(b'*');
            self.become_asterisk(self.bytes.len() - 1);
        }
        self.text = self.path.start..self.query.end;
    }

    /// Where the bytes are kept: moves when more room is needed.
    #[cfg(test)]
    pub(crate) fn room(&self) -> (*const u8, usize) {
        (self.bytes.as_ptr(), self.bytes.capacity())
    }

    fn become_asterisk(&mut self, at: usize) {
        self.form = Form::Asterisk;
        self.path = at..at + 1;
        self.query = at + 1..at + 1;
    }

    /// Source: RFC 9112 §3.2.3.
    fn find_authority(&mut self) -> Result<(), Refusal> {
        self.form = Form::Authority;
        if !is_host_with_port(&self.bytes) {
            return Err(Refusal::TargetForm);
        }
        self.authority = self.text.clone();
        Ok(())
    }

    /// Source: RFC 9112 §3.2.2.
    fn find_absolute(&mut self) -> Result<(), Refusal> {
        let text = &self.bytes[..];
        let scheme = memchr::memchr(b':', text).ok_or(Refusal::TargetForm)?;
        if !is_scheme(&text[..scheme]) || !text[scheme..].starts_with(b"://") {
            return Err(Refusal::TargetForm);
        }
        let start = scheme + 3;
        let length = text[start..]
            .iter()
            .position(|byte| matches!(byte, b'/' | b'?'));
        let end = length.map_or(text.len(), |length| start + length);
        let host = match memchr::memchr(b'@', &text[start..end]) {
            Some(at) if is_user_info(&text[start..start + at]) => start + at + 1,
            Some(_) => return Err(Refusal::Authority),
            None => start,
        };
        if !is_host(&text[host..end]) {
            return Err(Refusal::Authority);
        }
        self.form = Form::Absolute;
        self.authority = host..end;
        self.lacks_path = end == text.len();
        if text.get(end) == Some(&b'/') {
            self.find_path(end);
        } else {
            self.query = end..text.len();
            let start = self.bytes.len();
            self.bytes.push(b'/');
            self.end_path(start);
        }
        Ok(())
    }

    /// The path begins at `start` and goes to the query.
    fn find_path(&mut self, start: usize) {
        let end = self.bytes.len();
        let length = find(b'?', &self.bytes[start..]);
        let path_end = length.map_or(end, |length| start + length);
        self.path = start..path_end;
        self.query = path_end..end;
    }

    /// The path is what was appended from `start` on; the query follows it.
    fn end_path(&mut self, start: usize) {
        let path_end = self.bytes.len();
        self.bytes.extend_from_within(self.query.clone());
        self.path = start..path_end;
        self.query = path_end..self.bytes.len();
    }

    fn push_encoded(&mut self, byte: u8) {
        const HEX: [u8; 16] = *b"0123456789ABCDEF";
        let digits = [
            b'%',
            HEX[usize::from(byte >> 4)],
            HEX[usize::from(byte & 15)],
        ];
        self.bytes.extend_from_slice(&digits);
    }
}

/// Source: RFC 3986 §3.1.
fn is_scheme(text: &[u8]) -> bool {
    let is_fine = |byte: &u8| byte.is_ascii_alphanumeric() || b"+-.".contains(byte);
    text.first().is_some_and(u8::is_ascii_alphabetic) && text.iter().all(is_fine)
}
