//! Reading an object: each key that a reader asks for is known from then on, and `finish` refuses what nobody asked for.
//!
//! So the schema of an object is the code that reads it, in one place.

use crate::complaints::Complaints;
use crate::field::Field;
use crate::kinds::Kinds;
use crate::nearest::nearest;
use crate::node::{Entry, Place, Value};

/// An object that is being read.
pub(crate) struct Object<'a> {
    /// The key that it is the value of; for lists of objects, that of the list.
    pub(crate) key: &'a str,
    pub(crate) at: &'a Place,
    pub(crate) complaints: &'a Complaints,
    entries: &'a [Entry],
    known: Vec<&'static str>,
    /// Keys that were recognised, and are never offered.
    refused: Vec<&'static str>,
}

impl<'a> Object<'a> {
    pub(crate) fn new(field: Field<'a>, entries: &'a [Entry]) -> Self {
        Self {
            key: field.key,
            at: &field.node.at,
            complaints: field.complaints,
            entries,
            known: Vec::new(),
            refused: Vec::new(),
        }
    }

    /// The value of `key`, if it is there and not null.
    pub(crate) fn field(&mut self, key: &'static str) -> Option<Field<'a>> {
        self.known.push(key);
        self.find(key)
    }

    /// The same for a key that this version does not want: it is recognised, and not offered to anybody.
    pub(crate) fn unwanted(&mut self, key: &'static str) -> Option<Field<'a>> {
        self.refused.push(key);
        self.find(key)
    }

    fn find(&self, key: &str) -> Option<Field<'a>> {
        let entry = self.entries.iter().find(|entry| entry.key == key)?;
        let is_there = entry.node.value != Value::Null;
        is_there.then_some(Field {
            key: &entry.key,
            key_at: &entry.key_at,
            node: &entry.node,
            complaints: self.complaints,
        })
    }

    /// Where to complain about what `key` says: at its value, or at the object that leaves it out.
    pub(crate) fn place_of(&self, key: &str) -> &'a Place {
        self.find(key).map_or(self.at, |field| &field.node.at)
    }

    /// Whether `key` is there, even with a wrong value.
    pub(crate) fn has(&self, key: &str) -> bool {
        self.find(key).is_some()
    }

    /// The value of `key` as `read` understands it; `None` if it is absent or wrong.
    pub(crate) fn get<T>(
        &mut self,
        key: &'static str,
        read: impl FnOnce(Field<'a>) -> Option<T>,
    ) -> Option<T> {
        self.field(key).and_then(read)
    }

    /// Like `get`; the key's absence is an error.
    pub(crate) fn require<T>(
        &mut self,
        key: &'static str,
        read: impl FnOnce(Field<'a>) -> Option<T>,
    ) -> Option<T> {
        let field = self.field(key);
        if field.is_none() {
            self.complaints
                .error(self.at, format!("{} needs `{key}`", self.title()), "");
        }
        field.and_then(read)
    }

    /// The items of the list at `key`, without those that are wrong.
    pub(crate) fn each<T>(
        &mut self,
        key: &'static str,
        read: impl FnMut(Field<'a>) -> Option<T>,
    ) -> Vec<T> {
        let items = self.get(key, Field::items).unwrap_or_default();
        items.into_iter().filter_map(read).collect()
    }

    /// The kind of the object, if it is one of those that are carried. `default` is what its absence means.
    pub(crate) fn kind(
        &mut self,
        kinds: &Kinds,
        default: Option<&'static str>,
    ) -> Option<&'static str> {
        let selector = kinds.selector;
        match (self.field(selector), default) {
            (Some(field), _) => kinds.carried(self.key, field),
            (None, Some(default)) => Some(default),
            (None, None) => {
                let help = kinds.offer();
                self.complaints.error(
                    self.at,
                    format!("{} needs `{selector}`", self.title()),
                    help,
                );
                None
            }
        }
    }

    /// Accepts these keys, whatever they say: what they are about is turned off.
    pub(crate) fn skip(&mut self, keys: &[&'static str]) {
        self.known.extend_from_slice(keys);
    }

    /// Accepts `experimental`, which the reference requires here and there and which nothing requires here.
    pub(crate) fn experimental(&mut self) {
        self.get("experimental", Field::boolean);
    }

    /// Refuses `key` with `message` and `help`, if it is there.
    pub(crate) fn refuse(&mut self, key: &'static str, message: &str, help: &str) {
        if let Some(field) = self.unwanted(key) {
            self.complaints.error(field.key_at, message, help);
        }
    }

    /// Refuses the keys that nobody asked for.
    pub(crate) fn finish(self) {
        let asked_for = |key: &str| self.known.contains(&key) || self.refused.contains(&key);
        for entry in self.entries.iter().filter(|entry| !asked_for(&entry.key)) {
            let help = match nearest(&entry.key, self.known.iter().chain(&self.refused).copied()) {
                Some(meant) => format!("did you mean `{meant}`?"),
                None => format!("known keys here: {}", self.known.join(", ")),
            };
            let message = format!("unknown key `{}` in {}", entry.key, self.title());
            self.complaints.error(&entry.key_at, message, help);
        }
    }

    fn title(&self) -> String {
        if self.key.is_empty() {
            "the file".into()
        } else {
            format!("`{}`", self.key)
        }
    }
}
