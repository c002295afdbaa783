//! The texts of a route: what it is found by, and what endpoints are told.

use crate::headers::Shown;
use crate::identify::Key;

/// The key of a route, and its name. The one mostly ends the other, and then there is one text.
#[derive(Debug)]
#[repr(C)]
pub(crate) struct Texts {
    /// The name as `l5d-dst-service` carries it.
    pub(crate) shown: Shown,
    identifier: usize,
    key: Text,
}

#[derive(Debug)]
enum Text {
    /// So many bytes at the end of what is shown.
    End(u32),
    Own(Box<[u8]>),
}

impl Texts {
    pub(crate) fn new(key: &Key<'_>, name: &str) -> Self {
        let shown = Shown::new(name);
        let text = match u32::try_from(key.text.len()) {
            Ok(length) if shown.as_bytes().ends_with(&key.text) => Text::End(length),
            _ => Text::Own(Box::from(&*key.text)),
        };
        Self {
            shown,
            identifier: key.identifier,
            key: text,
        }
    }

    pub(crate) fn key(&self) -> Key<'_> {
        let text = match &self.key {
            Text::End(length) => {
                let shown = self.shown.as_bytes();
                &shown[shown.len() - *length as usize..]
            }
            Text::Own(text) => text,
        };
        Key {
            identifier: self.identifier,
            text: text.into(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_what_it_was_made_of() {
        for (text, name, is_own) in [
            ("web", "/svc/web", false),
            ("", "/svc", false),
            ("1.1\nGET\nweb", "/svc/1.1/GET/web", true),
            ("w\u{e4}b", "/svc/w\u{e4}b", true),
        ] {
            let key = Key {
                identifier: 1,
                text: text.as_bytes().into(),
            };
            let texts = Texts::new(&key, name);
            assert_eq!(texts.key(), key);
            assert_eq!(matches!(texts.key, Text::Own(_)), is_own, "{text}");
        }
    }
}
