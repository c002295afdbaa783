//! Which key is what.

use crate::store::Namespace;

/// The keys under one `pathPrefix`.
#[derive(Debug)]
pub(super) struct Keys {
    prefix: String,
}

/// What a key holds.
#[derive(Debug, PartialEq)]
pub(super) enum Key {
    Head(Namespace),
    Counter(Namespace),
    Fleet(String),
    History(Namespace, u64),
    /// In the place of a head or a counter, but of a name that none can have.
    Illegal,
    /// Somebody else's, or one that the view does not need.
    Other,
}

impl Keys {
    pub(super) fn new(prefix: &str) -> Self {
        Self {
            prefix: prefix.trim_end_matches('/').to_owned(),
        }
    }

    pub(super) fn head(&self, namespace: &Namespace) -> String {
        format!("{}{namespace}", self.heads())
    }

    pub(super) fn counter(&self, namespace: &Namespace) -> String {
        format!("{}{namespace}", self.counters())
    }

    pub(super) fn history(&self, namespace: &Namespace, revision: u64) -> String {
        format!("{}{revision:020}", self.histories_of(namespace))
    }

    pub(super) fn fleet_of(&self, namerd: &str) -> String {
        format!("{}{namerd}", self.fleet())
    }

    /// What the keys of all heads start with.
    pub(super) fn heads(&self) -> String {
        format!("{}/", self.prefix)
    }

    pub(super) fn counters(&self) -> String {
        format!("{}.revision/", self.prefix)
    }

    pub(super) fn fleet(&self) -> String {
        format!("{}.fleet/", self.prefix)
    }

    pub(super) fn histories(&self) -> String {
        format!("{}.history/", self.prefix)
    }

    pub(super) fn histories_of(&self, namespace: &Namespace) -> String {
        format!("{}{namespace}/", self.histories())
    }

    /// The least range that has all keys, so that one watch tells of them in order. `.` and `/` are neighbours in ASCII,
    /// and `0` follows.
    pub(super) fn all(&self) -> (String, String) {
        (format!("{}.", self.prefix), format!("{}0", self.prefix))
    }

    pub(super) fn parse(&self, key: &[u8]) -> Key {
        let Some(rest) = key.strip_prefix(self.prefix.as_bytes()) else {
            return Key::Other;
        };
        let Ok(rest) = str::from_utf8(rest) else {
            return Key::Illegal;
        };
        let namespace =
            |name: &str, key: fn(Namespace) -> Key| Namespace::new(name).map_or(Key::Illegal, key);
        if let Some(name) = rest.strip_prefix('/') {
            namespace(name, Key::Head)
        } else if let Some(name) = rest.strip_prefix(".revision/") {
            namespace(name, Key::Counter)
        } else if let Some(namerd) = rest.strip_prefix(".fleet/") {
            Key::Fleet(namerd.to_owned())
        } else if let Some((name, number)) = rest
            .strip_prefix(".history/")
            .and_then(|rest| rest.split_once('/'))
        {
            match (Namespace::new(name), number.parse()) {
                (Ok(namespace), Ok(number)) => Key::History(namespace, number),
                _ => Key::Other,
            }
        } else {
            Key::Other
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_read_as_it_is_written_and_lies_in_the_range_that_is_watched() {
        let web = Namespace::new("web").unwrap();
        for prefix in ["/namerd/dtabs", "/namerd/dtabs/", "dtabs", ""] {
            let keys = Keys::new(prefix);
            let (start, end) = keys.all();
            for (key, meaning) in [
                (keys.head(&web), Key::Head(web.clone())),
                (keys.counter(&web), Key::Counter(web.clone())),
                (keys.history(&web, 12), Key::History(web.clone(), 12)),
                (keys.fleet_of("namerd 1"), Key::Fleet("namerd 1".to_owned())),
            ] {
                assert!(start <= key && key < end, "{prefix:?} {key}");
                assert_eq!(keys.parse(key.as_bytes()), meaning, "{prefix:?} {key}");
            }
        }
    }

    #[test]
    fn other_keys_are_told_apart() {
        let keys = Keys::new("/namerd/dtabs");
        assert_eq!(
            keys.head(&Namespace::new("web").unwrap()),
            "/namerd/dtabs/web",
            "where the reference keeps it"
        );
        assert_eq!(keys.parse(b"/namerd/dtabs/a/b"), Key::Illegal);
        assert_eq!(keys.parse(b"/namerd/dtabs/\xff"), Key::Illegal);
        assert_eq!(keys.parse(b"/namerd/dtabs.old/a"), Key::Other);
        assert_eq!(keys.parse(b"/namerd/dtabs.history/web/x"), Key::Other);
        assert_eq!(keys.parse(b"/elsewhere"), Key::Other);
    }
}
