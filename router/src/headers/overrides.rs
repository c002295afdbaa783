//! `l5d-dtab` and `l5d-ctx-dtab`: rules that a request brings along for itself.

use dtab::Dtab;
use http::header::{HeaderMap, HeaderName, HeaderValue};

const L5D_DTAB: HeaderName = HeaderName::from_static("l5d-dtab");
const L5D_CTX_DTAB: HeaderName = HeaderName::from_static("l5d-ctx-dtab");

/// The rules of one request as they were written, taken out of its headers.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct Overrides {
    /// One line for each header: first those from routers before us, then the user's own, which win.
    lines: Vec<Box<[u8]>>,
}

impl Overrides {
    /// Takes the override headers out; none when there were none.
    pub(crate) fn take(headers: &mut HeaderMap) -> Option<Self> {
        let lines: Vec<Box<[u8]>> = [L5D_CTX_DTAB, L5D_DTAB]
            .iter()
            .flat_map(|name| headers.get_all(name))
            .map(|line| line.as_bytes().into())
            .collect();
        if lines.is_empty() {
            return None;
        }
        headers.remove(L5D_CTX_DTAB);
        headers.remove(L5D_DTAB);
        Some(Self { lines })
    }

    /// The rules, the strongest last.
    ///
    /// # Errors
    /// The parser's words when a line is no dtab.
    pub(crate) fn parse(&self) -> Result<Dtab, String> {
        let mut combined = Dtab::empty();
        for line in &self.lines {
            let text = std::str::from_utf8(line).map_err(|_| "a dtab in a header is not UTF-8")?;
            let dtab = Dtab::parse(text).map_err(|error| error.to_string())?;
            combined = combined.concat(&dtab);
        }
        Ok(combined)
    }

    /// How many bytes the rules take.
    pub(crate) fn len(&self) -> usize {
        self.lines.iter().map(|line| line.len()).sum()
    }
}

/// Hands the combined rules on to the next router.
pub(crate) fn hand_on(headers: &mut HeaderMap, combined: HeaderValue) {
    headers.insert(L5D_CTX_DTAB, combined);
}
