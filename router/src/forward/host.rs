//! `Host` as the namer wants it, and the way back in headers that repeat it.

use http::header::{HOST, HeaderMap, HeaderName, HeaderValue, LOCATION};

const REFRESH: HeaderName = HeaderName::from_static("refresh");

/// A `Host` that was replaced.
pub(crate) struct Rewritten {
    original: String,
    authority: String,
}

/// Replaces `Host`. Source: linkerd `RewriteHostHeader`.
pub(crate) fn rewrite(headers: &mut HeaderMap, authority: &HeaderValue) -> Option<Rewritten> {
    let original = headers.insert(HOST, authority.clone())?;
    Some(Rewritten {
        original: original.to_str().ok()?.to_owned(),
        authority: authority.to_str().ok()?.to_owned(),
    })
}

impl Rewritten {
    /// Gives `Location` and `Refresh` the host that the client knows.
    pub(crate) fn restore(&self, headers: &mut HeaderMap) {
        for name in [LOCATION, REFRESH] {
            let restored = headers
                .get(&name)
                .and_then(|value| self.restored(value.to_str().ok()?));
            if let Some(value) = restored.and_then(|text| HeaderValue::try_from(text).ok()) {
                headers.insert(name, value);
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
        let check = |header: &'static str, sent: &'static str, seen: &str| {
            let mut request = HeaderMap::from_iter([(HOST, HeaderValue::from_static("web"))]);
            let rewritten = rewrite(&mut request, &HeaderValue::from_static("a.example:80"))
                .expect("a host was replaced");
            assert_eq!(request[HOST], "a.example:80");
            let name = HeaderName::from_static(header);
            let mut response =
                HeaderMap::from_iter([(name.clone(), HeaderValue::from_static(sent))]);
            rewritten.restore(&mut response);
            assert_eq!(response[name], seen);
        };
        check("location", "http://a.example:80/x?y", "http://web/x?y");
        check("location", "https://A.example:80", "https://web");
        check(
            "location",
            "http://b.example/a.example:80",
            "http://b.example/a.example:80",
        );
        check("location", "/x", "/x");
        check(
            "refresh",
            "5; url=http://a.example:80/x",
            "5; url=http://web/x",
        );
    }
}
