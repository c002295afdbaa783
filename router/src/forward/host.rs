//! `Host` as the namer wants it, and the way back in fields that repeat it.

use http1::{Fields, Known};

use crate::headers::Lines;

/// A `Host` that was replaced.
#[derive(Debug)]
pub(crate) struct Rewritten {
    original: String,
    authority: String,
}

/// Replaces `Host`; none if the client had named no host. Source: linkerd `RewriteHostHeader`.
pub(crate) fn rewrite(fields: &mut Fields, authority: &[u8]) -> Option<Rewritten> {
    let original = fields.get(Known::Host).unwrap_or_default().to_vec();
    fields.set(Known::Host, authority);
    Rewritten::new(&original, authority)
}

impl Rewritten {
    /// None if there was no host before, or there is none that could be read now.
    pub(crate) fn new(original: &[u8], authority: &[u8]) -> Option<Self> {
        let text = |bytes| std::str::from_utf8(bytes).ok().map(str::to_owned);
        Some(Self {
            original: text(original).filter(|host| !host.is_empty())?,
            authority: text(authority)?,
        })
    }

    /// The host that the client named.
    pub(crate) fn original(&self) -> &[u8] {
        self.original.as_bytes()
    }

    /// Names the host again that the client did, for another try elsewhere.
    pub(crate) fn undo(&self, fields: &mut Fields) {
        fields.set(Known::Host, self.original.as_bytes());
    }

    /// Gives `Location` and `Refresh` the host that the client knows.
    pub(crate) fn restore(&self, fields: &mut impl Lines) {
        for known in [Known::Location, Known::Refresh] {
            let value = fields.get(known);
            let text = value.and_then(|value| std::str::from_utf8(value).ok());
            if let Some(restored) = text.and_then(|text| self.restored(text)) {
                fields.set(known, restored.as_bytes());
            }
        }
    }

    /// The text with the host replaced, if the URL in it names the one that we sent.
    fn restored(&self, text: &str) -> Option<String> {
        let start = text.find("://")? + 3;
        let end = text[start..]
            .find(['/', '?', '#', ';', ' '])
            .map_or(text.len(), |at| start + at);
        text[start..end]
            .eq_ignore_ascii_case(&self.authority)
            .then(|| format!("{}{}{}", &text[..start], self.original, &text[end..]))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_client_sees_the_host_that_it_asked_for() {
        let check = |known: Known, sent: &str, seen: &str| {
            let mut request = Fields::default();
            request.push(Known::Host, b"web");
            let rewritten = rewrite(&mut request, b"a.example:80").expect("a host was replaced");
            assert_eq!(request.get(Known::Host), Some(&b"a.example:80"[..]));
            let mut response = Fields::default();
            response.push(known, sent.as_bytes());
            rewritten.restore(&mut response);
            assert_eq!(response.get(known), Some(seen.as_bytes()));
        };
        check(Known::Location, "http://a.example:80/x?y", "http://web/x?y");
        check(Known::Location, "https://A.example:80", "https://web");
        check(
            Known::Location,
            "http://b.example/a.example:80",
            "http://b.example/a.example:80",
        );
        check(Known::Location, "/x", "/x");
        check(
            Known::Refresh,
            "5; url=http://a.example:80/x",
            "5; url=http://web/x",
        );
    }

    #[test]
    fn who_named_no_host_is_told_the_real_one() {
        let mut request = Fields::default();
        request.push(Known::Host, b"");
        assert!(rewrite(&mut request, b"a.example").is_none());
        assert_eq!(request.get(Known::Host), Some(&b"a.example"[..]));
    }
}
