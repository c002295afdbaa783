//! Field lines, whichever version of HTTP brought them.

use http1::{Field, Fields, Known, KnownSet};

use super::Shown;

/// The field lines of one message, as the stages of a router read and change them.
///
/// The versions keep them in forms of their own, and no stage turns one into the other. What is not there is found out without a
/// search. Where a [`Known`] is asked for or added, it is one of those that have a name.
pub(crate) trait Lines {
    /// Whether there is a line with this name.
    fn has(&self, known: Known) -> bool;

    /// Whether there is a line with one of these names.
    fn has_any(&self, names: KnownSet) -> bool;

    /// The value of the first line with this name.
    fn get(&self, known: Known) -> Option<&[u8]>;

    /// The values of all lines with this name, in order.
    fn all(&self, known: Known) -> impl Iterator<Item = &[u8]>;

    /// The value of the first line with this name, in any case, known or not.
    fn find(&self, name: &str) -> Option<&[u8]>;

    /// The value of the last line with this name.
    fn find_last(&self, name: &str) -> Option<&[u8]>;

    /// Names and values of all lines.
    fn iter(&self) -> impl Iterator<Item = (&[u8], &[u8])>;

    /// Adds a line at the end.
    fn push(&mut self, known: Known, value: &[u8]);

    /// Adds a line at the end, with a text that never changes.
    fn push_static(&mut self, known: Known, value: &'static str);

    /// Adds a line at the end, with a text that other messages carry as well.
    fn push_shown(&mut self, known: Known, value: &Shown);

    /// Adds a line at the end, with a value that no other message has: what `write` appends to the bytes. It must not touch what
    /// is there.
    fn push_with(&mut self, known: Known, write: impl FnOnce(&mut Vec<u8>));

    /// The same under any name.
    fn push_named(&mut self, name: &[u8], value: &[u8]);

    /// Replaces all lines with this name by one.
    fn set(&mut self, known: Known, value: &[u8]);

    /// Removes all lines with this name; true if there was one.
    fn remove(&mut self, known: Known) -> bool;

    /// Removes all lines with one of these names, also of those that stand for many.
    fn remove_any(&mut self, names: KnownSet);

    /// Removes the lines that another line says are meant for one hop only, so that lines which are added later are safe.
    fn remove_nominated(&mut self);

    /// Removes the lines that are meant for one hop only.
    fn strip_hop_by_hop(&mut self);
}

impl Lines for Fields {
    #[inline]
    fn has(&self, known: Known) -> bool {
        self.has(known)
    }

    #[inline]
    fn has_any(&self, names: KnownSet) -> bool {
        self.has_any(names)
    }

    #[inline]
    fn get(&self, known: Known) -> Option<&[u8]> {
        self.get(known)
    }

    #[inline]
    fn all(&self, known: Known) -> impl Iterator<Item = &[u8]> {
        self.all(known)
    }

    #[inline]
    fn find(&self, name: &str) -> Option<&[u8]> {
        self.find(name)
    }

    fn find_last(&self, name: &str) -> Option<&[u8]> {
        let named = |field: &Field<'_>| field.name.eq_ignore_ascii_case(name.as_bytes());
        Some(self.iter().filter(named).last()?.value)
    }

    fn iter(&self) -> impl Iterator<Item = (&[u8], &[u8])> {
        self.iter().map(|field| (field.name, field.value))
    }

    #[inline]
    fn push(&mut self, known: Known, value: &[u8]) {
        self.push(known, value);
    }

    #[inline]
    fn push_static(&mut self, known: Known, value: &'static str) {
        self.push(known, value.as_bytes());
    }

    #[inline]
    fn push_shown(&mut self, known: Known, value: &Shown) {
        self.push(known, value.as_bytes());
    }

    #[inline]
    fn push_with(&mut self, known: Known, write: impl FnOnce(&mut Vec<u8>)) {
        self.push_with(known, write);
    }

    #[inline]
    fn push_named(&mut self, name: &[u8], value: &[u8]) {
        self.push_named(name, value);
    }

    #[inline]
    fn set(&mut self, known: Known, value: &[u8]) {
        self.set(known, value);
    }

    #[inline]
    fn remove(&mut self, known: Known) -> bool {
        self.remove(known)
    }

    #[inline]
    fn remove_any(&mut self, names: KnownSet) {
        self.remove_any(names);
    }

    fn remove_nominated(&mut self) {
        super::remove_nominated(self);
    }

    #[inline]
    fn strip_hop_by_hop(&mut self) {
        super::strip_hop_by_hop(self);
    }
}
