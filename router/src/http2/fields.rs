//! The field lines of one message over HTTP/2.

use std::sync::LazyLock;

use http::{HeaderMap, HeaderName, HeaderValue};
use http1::{Known, KnownSet};

use crate::headers::{Lines, OF_EVERY_HOP, Shown, value_of};

/// The field lines as the codec reads and writes them, and which of the special names are there.
#[derive(Clone, Debug, Default)]
pub(crate) struct Fields {
    map: HeaderMap,
    /// Looking for what is not there costs a look at a bit, and no hash.
    present: KnownSet,
    /// Where values are written before they are copied into what holds no more than they need.
    room: Vec<u8>,
}

impl Fields {
    pub(crate) fn new(map: HeaderMap) -> Self {
        let mut present = KnownSet::default();
        for name in map.keys() {
            present.insert(known(name));
        }
        Self {
            map,
            present,
            room: Vec::new(),
        }
    }

    pub(crate) fn into_map(self) -> HeaderMap {
        self.map
    }

    pub(crate) fn map(&self) -> &HeaderMap {
        &self.map
    }

    /// Replaces all lines with this name by one with a value that no other message has.
    pub(super) fn replace(&mut self, name: HeaderName, value: &[u8]) {
        self.map.remove(&name);
        self.append(known(&name), name, own_value(value));
    }

    /// Takes all lines, and writes what they say into one text, from which they can be [made again](Self::unpack). A clone of the
    /// map would make room for itself, and for half of its values.
    pub(super) fn pack(&mut self, text: &mut Vec<u8>) -> HeaderMap {
        for (name, value) in &self.map {
            let (name, bytes) = (name.as_str().as_bytes(), value.as_bytes());
            for length in [name.len(), bytes.len()] {
                text.extend_from_slice(&length.to_ne_bytes());
            }
            text.push(u8::from(value.is_sensitive()));
            text.extend_from_slice(name);
            text.extend_from_slice(bytes);
        }
        self.present = KnownSet::default();
        std::mem::take(&mut self.map)
    }

    /// The lines that were packed into a text.
    pub(super) fn unpack(mut text: &[u8]) -> Self {
        let mut map = HeaderMap::new();
        while let Some((name, value)) = unpack_line(&mut text) {
            map.append(name, value);
        }
        Self::new(map)
    }

    /// Removes all lines, and keeps the room.
    pub(crate) fn clear(&mut self) {
        self.map.clear();
        self.present = KnownSet::default();
    }

    /// What makes a message with these lines malformed, beyond what the codec refuses itself. Source: RFC 9113 §8.2.1.
    pub(super) fn malformed(&self) -> Option<&'static str> {
        let mut lengths = self.all(Known::ContentLength);
        match (lengths.next(), lengths.next()) {
            (Some([]), _) => return Some("an empty content-length"),
            (_, Some(_)) => return Some("more than one content-length"),
            _ => {}
        }
        let has_space = |value: &HeaderValue| {
            let value = value.as_bytes();
            let is_space = |byte: Option<&u8>| matches!(byte, Some(b' ' | b'\t'));
            is_space(value.first()) || is_space(value.last())
        };
        let has_space = self.map.values().any(has_space);
        has_space.then_some("white space around a field's value")
    }

    /// The name, if there is a line with it.
    fn name_of(&self, known: Known) -> Option<&'static HeaderName> {
        if !self.present.contains(known) {
            return None;
        }
        name(known)
    }

    /// Adds a line, unless the map is full: then thousands of names came in.
    fn append(&mut self, known: Known, name: HeaderName, value: HeaderValue) {
        if self.map.try_append(name, value).is_ok() {
            self.present.insert(known);
        }
    }

    fn append_known(&mut self, known: Known, value: HeaderValue) {
        debug_assert!(!known.name().is_empty(), "{known:?} is no name");
        if let Some(name) = name(known) {
            self.append(known, name.clone(), value);
        }
    }
}

impl Lines for Fields {
    #[inline]
    fn has(&self, known: Known) -> bool {
        self.present.contains(known)
    }

    #[inline]
    fn has_any(&self, names: KnownSet) -> bool {
        self.present.meets(names)
    }

    fn get(&self, known: Known) -> Option<&[u8]> {
        let name = self.name_of(known)?;
        self.map.get(name).map(HeaderValue::as_bytes)
    }

    fn all(&self, known: Known) -> impl Iterator<Item = &[u8]> {
        let lines = self.name_of(known).into_iter();
        lines.flat_map(|name| self.map.get_all(name).iter().map(HeaderValue::as_bytes))
    }

    fn find(&self, name: &str) -> Option<&[u8]> {
        self.map.get(name).map(HeaderValue::as_bytes)
    }

    fn find_last(&self, name: &str) -> Option<&[u8]> {
        let last = self.map.get_all(name).iter().next_back();
        last.map(HeaderValue::as_bytes)
    }

    fn iter(&self) -> impl Iterator<Item = (&[u8], &[u8])> {
        let lines = self.map.iter();
        lines.map(|(name, value)| (name.as_str().as_bytes(), value.as_bytes()))
    }

    fn push(&mut self, known: Known, value: &[u8]) {
        self.append_known(known, value_of(value));
    }

    fn push_static(&mut self, known: Known, value: &'static str) {
        self.append_known(known, HeaderValue::from_static(value));
    }

    fn push_shown(&mut self, known: Known, value: &Shown) {
        self.append_known(known, value.value().clone());
    }

    fn push_with(&mut self, known: Known, write: impl FnOnce(&mut Vec<u8>)) {
        self.room.clear();
        write(&mut self.room);
        self.append_known(known, own_value(&self.room));
    }

    fn push_named(&mut self, name: &[u8], value: &[u8]) {
        if let Ok(name) = HeaderName::from_bytes(name) {
            self.append(known(&name), name, own_value(value));
        }
    }

    fn set(&mut self, known: Known, value: &[u8]) {
        self.remove(known);
        self.push(known, value);
    }

    fn remove(&mut self, known: Known) -> bool {
        let was_there = self.has(known);
        self.remove_any(KnownSet::of(&[known]));
        was_there
    }

    fn remove_any(&mut self, names: KnownSet) {
        if !self.has_any(names) {
            return;
        }
        for known in Known::NAMED {
            if names.contains(*known)
                && let Some(name) = self.name_of(*known)
            {
                self.map.remove(name);
            }
        }
        if MANY
            .iter()
            .any(|many| names.contains(*many) && self.has(*many))
        {
            let is_meant = |name: &&HeaderName| names.contains(known(name));
            let found: Vec<_> = self.map.keys().filter(is_meant).cloned().collect();
            for name in found {
                self.map.remove(name);
            }
        }
        self.present.subtract(names);
    }

    /// A message with a `Connection` that could say so is malformed.
    fn remove_nominated(&mut self) {}

    /// `TE` and `Trailer` are about the whole
    /// way: with `te: trailers` gRPC makes sure that its status can come through. Source: RFC 9113 §8.2.2.
    fn strip_hop_by_hop(&mut self) {
        self.remove_any(OF_EVERY_HOP);
    }
}

/// Takes the first line off a packed text; none at its end.
fn unpack_line(text: &mut &[u8]) -> Option<(HeaderName, HeaderValue)> {
    let mut length = || {
        let bytes;
        (bytes, *text) = text.split_first_chunk()?;
        Some(usize::from_ne_bytes(*bytes))
    };
    let (name, value) = (length()?, length()?);
    let (is_sensitive, rest) = text.split_first()?;
    let (name, rest) = rest.split_at_checked(name)?;
    let (value, rest) = rest.split_at_checked(value)?;
    *text = rest;
    let mut value = HeaderValue::from_bytes(value).ok()?;
    value.set_sensitive(*is_sensitive != 0);
    Some((HeaderName::from_bytes(name).ok()?, value))
}

/// What stands for many names each.
const MANY: [Known; 4] = [
    Known::Other,
    Known::L5dOther,
    Known::L5dDisguised,
    Known::Disguised,
];

fn known(name: &HeaderName) -> Known {
    Known::of(name.as_str().as_bytes())
}

/// The name in the form that maps are asked with; none for what stands for many.
fn name(known: Known) -> Option<&'static HeaderName> {
    static NAMES: LazyLock<[Option<HeaderName>; 64]> = LazyLock::new(|| {
        let mut names = [const { None }; 64];
        for known in Known::NAMED {
            names[*known as usize] = Some(HeaderName::from_static(known.name()));
        }
        names
    });
    NAMES[known as usize].as_ref()
}

/// A value that no other message has. It is marked so that it stays out of HPACK's table: there it would push out what saves
/// bytes with the next message, and never save any itself.
fn own_value(bytes: &[u8]) -> HeaderValue {
    let mut value = value_of(bytes);
    value.set_sensitive(true);
    value
}

#[cfg(test)]
mod tests;
