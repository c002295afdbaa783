//! Base URLs, and what is put behind them.

use std::fmt;

use http::Uri;
use http::uri::InvalidUri;
use percent_encoding::{AsciiSet, CONTROLS, NON_ALPHANUMERIC, utf8_percent_encode};

/// Where a namerd's API is: a URL that paths are appended to.
#[derive(Debug, Clone)]
pub(super) struct Base {
    shown: String,
}

/// Why a base URL can't be used.
#[derive(Debug, thiserror::Error)]
pub enum BaseUrlError {
    /// There is none.
    #[error("empty base URL")]
    Empty,
    /// It has no scheme or host, or a scheme that isn't spoken.
    #[error("invalid base URL: {0}")]
    Invalid(String),
    /// It isn't a URL.
    #[error("invalid base URL: {url}")]
    Syntax {
        /// What was given.
        url: String,
        /// What is wrong with it.
        source: InvalidUri,
    },
}

impl Base {
    pub(super) fn parse(url: &str) -> Result<Self, BaseUrlError> {
        if url.is_empty() {
            return Err(BaseUrlError::Empty);
        }
        let uri: Uri = url.parse().map_err(|source| BaseUrlError::Syntax {
            url: url.to_owned(),
            source,
        })?;
        let is_spoken = matches!(uri.scheme_str(), Some("http" | "https"));
        let has_host = uri.host().is_some_and(|host| !host.is_empty());
        if !is_spoken || !has_host || uri.query().is_some() {
            return Err(BaseUrlError::Invalid(url.to_owned()));
        }
        let shown = url.trim_end_matches('/').to_owned();
        Ok(Self { shown })
    }

    /// The URL of a path of the API, which begins with a slash.
    pub(super) fn join(&self, path: &str) -> Result<Uri, InvalidUri> {
        format!("{}{path}", self.shown).parse()
    }
}

impl fmt::Display for Base {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.shown)
    }
}

/// Whatever ends a path or can't stand in a URL. Slashes stay.
const NOT_IN_PATH: &AsciiSet = &CONTROLS
    .add(b' ')
    .add(b'"')
    .add(b'#')
    .add(b'%')
    .add(b'<')
    .add(b'>')
    .add(b'?')
    .add(b'[')
    .add(b'\\')
    .add(b']')
    .add(b'^')
    .add(b'`')
    .add(b'{')
    .add(b'|')
    .add(b'}');

/// Linkerd 1's namerd takes `;` for `&`, and `+` for a blank.
const NOT_IN_QUERY: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'/')
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~')
    .remove(b'$')
    .remove(b':');

pub(super) fn escape_path(text: &str) -> String {
    utf8_percent_encode(text, NOT_IN_PATH).to_string()
}

pub(super) fn with_query<'a>(
    mut path: String,
    parameters: impl Iterator<Item = &'a (&'static str, String)>,
) -> String {
    for (index, (name, value)) in parameters.enumerate() {
        path.push(if index == 0 { '?' } else { '&' });
        path.push_str(name);
        path.push('=');
        path.extend(utf8_percent_encode(value, NOT_IN_QUERY));
    }
    path
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(base: &str, url: &str) {
        let base = Base::parse(base).unwrap();
        assert_eq!(base.join("/api/1/dtabs").unwrap().to_string(), url);
    }

    #[test]
    fn a_path_in_the_base_url_is_kept() {
        check("http://namerd:4180", "http://namerd:4180/api/1/dtabs");
        check("http://namerd:4180/", "http://namerd:4180/api/1/dtabs");
        check("https://edge/namerd/", "https://edge/namerd/api/1/dtabs");
        check("http://[::1]:4180/x", "http://[::1]:4180/x/api/1/dtabs");
    }

    #[test]
    fn what_is_no_base_url_is_named() {
        let error = |url| Base::parse(url).unwrap_err().to_string();
        assert_eq!(error(""), "empty base URL");
        for url in [
            "namerd",
            "namerd:4180",
            "/x",
            "ftp://namerd",
            "http://",
            "http://a b",
            "http://a?x",
        ] {
            assert_eq!(error(url), format!("invalid base URL: {url}"));
        }
    }

    #[test]
    fn parameters_say_what_was_meant() {
        let dtab = ("dtab", "/a=>1*/b & /#/c;".to_owned());
        let path = ("path", "/$/inet/a:80".to_owned());
        let query = with_query("/x".to_owned(), [&path, &dtab].into_iter());
        assert_eq!(
            query,
            "/x?path=/$/inet/a:80&dtab=/a%3D%3E1%2A/b%20%26%20/%23/c%3B"
        );
        assert_eq!(escape_path("a b/%2e"), "a%20b/%252e");
    }
}
