use http::{HeaderMap, HeaderName, HeaderValue};
use percent_encoding::{AsciiSet, CONTROLS, percent_decode, utf8_percent_encode};

/// The request header that says who changes a dtab, as percent-encoded UTF-8.
pub const AUTHOR: HeaderName = HeaderName::from_static("switchyard-author");
/// The request header that says why a dtab is changed, as percent-encoded UTF-8.
pub const MESSAGE: HeaderName = HeaderName::from_static("switchyard-message");

/// Everything but what may stand in a header value as it is. Blanks stay, so that usual messages stay readable.
const ESCAPED: &AsciiSet = &CONTROLS.add(b'%');

/// Who changes a dtab, and why. Empty where unknown.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct By {
    /// Who.
    pub author: String,
    /// Why.
    pub message: String,
}

impl By {
    /// Reads the two headers of a write. Bytes that are not UTF-8 become replacement characters.
    pub fn from_headers(headers: &HeaderMap) -> Self {
        Self {
            author: decode(headers.get(AUTHOR)),
            message: decode(headers.get(MESSAGE)),
        }
    }

    /// Adds the two headers to a write. Empty texts need none.
    pub fn write(&self, headers: &mut HeaderMap) {
        for (name, text) in [(AUTHOR, &self.author), (MESSAGE, &self.message)] {
            if !text.is_empty() {
                headers.insert(name, encode(text));
            }
        }
    }
}

fn encode(text: &str) -> HeaderValue {
    // A server drops blanks at either end of a header value.
    let text = text.trim();
    let encoded = utf8_percent_encode(text, ESCAPED).to_string();
    HeaderValue::from_str(&encoded).expect("controls and non-ASCII bytes are escaped")
}

fn decode(value: Option<&HeaderValue>) -> String {
    let bytes = value.map_or(&b""[..], HeaderValue::as_bytes);
    percent_decode(bytes).decode_utf8_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, header: &str) {
        let by = By {
            author: text.to_owned(),
            message: String::new(),
        };
        let mut headers = HeaderMap::new();
        by.write(&mut headers);
        assert_eq!(headers.get(AUTHOR).unwrap(), header);
        assert_eq!(headers.get(MESSAGE), None);
        assert_eq!(By::from_headers(&headers), by);
    }

    #[test]
    fn any_text_survives_a_header() {
        check("ada@example.org", "ada@example.org");
        check("100% of traffic", "100%25 of traffic");
        check("Zoë\nline two", "Zo%C3%AB%0Aline two");
        check("%41", "%2541");
    }

    #[test]
    fn headers_that_are_absent_read_as_empty() {
        assert_eq!(By::from_headers(&HeaderMap::new()), By::default());
    }
}
