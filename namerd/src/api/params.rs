//! The parameters of a request.

use std::borrow::Cow;

use percent_encoding::percent_decode;

/// Form-decoded parameters, in order. Of those with the same name the first one counts.
///
/// Both `&` and `;` stand between parameters, as in the reference: a dtab in a URL writes its `;` as `%3B`.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Params(Vec<(String, String)>);

impl Params {
    /// Reads a query string or a form body.
    pub(super) fn parse(text: &[u8]) -> Self {
        let pairs = text
            .split(|byte| matches!(byte, b'&' | b';'))
            .filter(|pair| !pair.is_empty());
        Self(
            pairs
                .map(|pair| {
                    let equals = pair.iter().position(|byte| *byte == b'=');
                    let (name, value) = match equals {
                        Some(at) => (&pair[..at], &pair[at + 1..]),
                        None => (pair, &b""[..]),
                    };
                    (decode(name), decode(value))
                })
                .collect(),
        )
    }

    /// The same with other parameters behind, which count where these have none of the name.
    pub(super) fn or(mut self, others: Self) -> Self {
        self.0.extend(others.0);
        self
    }

    /// A parameter's value, empty where it has a name only.
    pub(super) fn value(&self, name: &str) -> Option<&str> {
        let found = self.0.iter().find(|(known, _)| known == name);
        found.map(|(_, value)| value.as_str())
    }

    /// Whether a parameter is `1`, `t` or `true` in any case.
    pub(super) fn is_true(&self, name: &str) -> bool {
        let truths = ["1", "t", "true"];
        self.value(name)
            .is_some_and(|value| truths.iter().any(|truth| value.eq_ignore_ascii_case(truth)))
    }
}

fn decode(text: &[u8]) -> String {
    let spaced: Cow<'_, [u8]> = if text.contains(&b'+') {
        let blank_for_plus = |byte: &u8| if *byte == b'+' { b' ' } else { *byte };
        text.iter().map(blank_for_plus).collect()
    } else {
        text.into()
    };
    percent_decode(&spaced).decode_utf8_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(query: &str, name: &str, value: Option<&str>) {
        assert_eq!(
            Params::parse(query.as_bytes()).value(name),
            value,
            "{query}"
        );
    }

    #[test]
    fn values_are_form_decoded_and_the_first_one_counts() {
        check("path=/a&path=/b", "path", Some("/a"));
        check("path=/a;dtab=/x=>/y", "dtab", Some("/x=>/y"));
        check(
            "dtab=/a%3D%3E/b%3B/c=>/%23/d",
            "dtab",
            Some("/a=>/b;/c=>/#/d"),
        );
        check("dtab=/a=>/b+|+/c", "dtab", Some("/a=>/b | /c"));
        check("dtab=/a=>/b;/c=>/d", "dtab", Some("/a=>/b"));
        check("path", "path", Some(""));
        check("&&;x=%zz&", "x", Some("%zz"));
        check("p%61th=%2Fa", "path", Some("/a"));
        check("", "path", None);
    }

    #[test]
    fn a_flag_is_true_for_three_words_in_any_case() {
        for (query, is_true) in [
            ("watch=true", true),
            ("watch=T", true),
            ("watch=1", true),
            ("watch=yes", false),
            ("watch", false),
            ("watch=false&watch=true", false),
            ("", false),
        ] {
            let params = Params::parse(query.as_bytes());
            assert_eq!(params.is_true("watch"), is_true, "{query}");
        }
    }

    #[test]
    fn parameters_of_a_form_override_those_of_the_query() {
        let params = Params::parse(b"path=/form").or(Params::parse(b"path=/query&watch=1"));
        assert_eq!(params.value("path"), Some("/form"));
        assert!(params.is_true("watch"));
    }
}
