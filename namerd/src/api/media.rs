//! The forms in which a dtab goes over the wire.

use std::sync::Arc;

use bytes::Bytes;
use dtab::{Dentry, Dtab, NameTree, Prefix};
use http::{HeaderMap, header};

use super::refusal::Refusal;
use crate::store::Stored;

/// A media type of dtabs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Media {
    /// `application/json`: an array of rules.
    Json,
    /// `application/dtab`: as it was written.
    Dtab,
    /// `text/plain`: the same.
    Text,
}

impl Media {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Json => "application/json",
            Self::Dtab => "application/dtab",
            Self::Text => "text/plain",
        }
    }

    fn of(name: &str) -> Option<Self> {
        let essence = name.split(';').next().unwrap_or_default().trim();
        let all = [Self::Json, Self::Dtab, Self::Text];
        all.into_iter()
            .find(|media| essence.eq_ignore_ascii_case(media.name()))
    }

    /// The form in which to answer: the first of the `Accept` header that we have, whatever its `q`; JSON if none is.
    /// Source: linkerd `DtabCodec.accept`.
    pub(super) fn accepted(headers: &HeaderMap) -> Self {
        accepts(headers).find_map(Self::of).unwrap_or(Self::Json)
    }

    /// Whether the request says by name that it takes JSON.
    pub(super) fn wants_json(headers: &HeaderMap) -> bool {
        accepts(headers).any(|name| Self::of(name) == Some(Self::Json))
    }

    /// The form of a request's body.
    pub(super) fn of_body(headers: &HeaderMap) -> Result<Self, Refusal> {
        let Some(value) = headers.get(header::CONTENT_TYPE) else {
            return Err(Refusal::bad_request(format!(
                "missing Content-Type, {EXPECTED}"
            )));
        };
        let name = String::from_utf8_lossy(value.as_bytes());
        let unknown =
            || Refusal::bad_request(format!("Invalid Content-Type \"{name}\". {EXPECTED}"));
        Self::of(&name).ok_or_else(unknown)
    }

    /// Reads a dtab. What was written is kept; of JSON, the shown form.
    pub(super) fn read(self, body: &[u8]) -> Result<Stored, Refusal> {
        if self == Self::Json {
            return read_json(body).map(Stored::from);
        }
        let text = Self::read_text(body)?;
        let parsed = Stored::parse(Arc::from(text));
        parsed.map_err(|error| Refusal::unparsable("dtab", text, &error))
    }

    /// Reads a body as text.
    pub(super) fn read_text(body: &[u8]) -> Result<&str, Refusal> {
        let text = std::str::from_utf8(body);
        text.map_err(|error| Refusal::bad_request(format!("the dtab is not UTF-8: {error}")))
    }

    /// Writes a dtab, with one newline at its end.
    pub(super) fn write(self, stored: &Stored) -> Bytes {
        match self {
            Self::Json => super::json_line(stored.dtab()),
            Self::Dtab | Self::Text => Self::write_text(stored.text()),
        }
    }

    /// Ends a text with one newline.
    pub(super) fn write_text(text: &str) -> Bytes {
        format!("{}\n", text.trim_end_matches(['\r', '\n'])).into()
    }
}

const EXPECTED: &str = "expected application/dtab, application/json or text/plain";

fn accepts(headers: &HeaderMap) -> impl Iterator<Item = &str> {
    let values = headers.get_all(header::ACCEPT).into_iter();
    values
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
}

fn read_json(body: &[u8]) -> Result<Dtab, Refusal> {
    let rules: Vec<mesh::api::Dentry> = serde_json::from_slice(body).map_err(|error| {
        Refusal::bad_request(format!(
            "cannot read the dtab as JSON, [{{\"prefix\":…,\"dst\":…}}, …]: {error}"
        ))
        .at((error.line(), error.column()))
    })?;
    let dentries = rules.iter().enumerate().map(|(index, rule)| {
        let unparsable = |what, source: &str, error| {
            Refusal::unparsable(&format!("{what} of rule {}", index + 1), source, &error)
        };
        Ok(Dentry {
            prefix: Prefix::parse(&rule.prefix)
                .map_err(|error| unparsable("prefix", &rule.prefix, error))?,
            dst: NameTree::parse(&rule.dst).map_err(|error| unparsable("dst", &rule.dst, error))?,
        })
    });
    Ok(Dtab::from_dentries(
        dentries.collect::<Result<_, Refusal>>()?,
    ))
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    #[track_caller]
    fn check(accept: &str, media: Media, wants_json: bool) {
        let mut headers = HeaderMap::new();
        headers.insert(header::ACCEPT, HeaderValue::from_str(accept).unwrap());
        assert_eq!(Media::accepted(&headers), media, "{accept}");
        assert_eq!(Media::wants_json(&headers), wants_json, "{accept}");
    }

    #[test]
    fn the_first_known_type_of_accept_wins_whatever_its_weight() {
        check("application/dtab", Media::Dtab, false);
        check(
            "application/dtab;q=0.1, application/json",
            Media::Dtab,
            true,
        );
        check(
            "text/html, TEXT/PLAIN; charset=utf-8, application/json",
            Media::Text,
            true,
        );
        check("*/*", Media::Json, false);
        check("text/*, image/png", Media::Json, false);
        check("", Media::Json, false);
    }

    #[test]
    fn text_comes_back_as_it_was_written_with_one_newline() {
        for (text, shown) in [
            ("/a=>/b ; # why", "/a=>/b ; # why\n"),
            ("/a => /b;\n\n\n", "/a => /b;\n"),
            ("", "\n"),
        ] {
            let stored = Media::Text.read(text.as_bytes()).unwrap();
            assert_eq!(&**stored.text(), text);
            assert_eq!(Media::Dtab.write(&stored), shown);
        }
    }

    #[test]
    fn json_keeps_the_shown_form() {
        let json = r#"[{"prefix":"/svc","dst":"/a|/b & 0.001*/c"}]"#;
        let stored = Media::Json.read(json.as_bytes()).unwrap();
        assert_eq!(&**stored.text(), "/svc=>/a | /b & 0.001*/c");
        let shown = r#"[{"prefix":"/svc","dst":"/a | /b & 0.001*/c"}]"#;
        assert_eq!(Media::Json.write(&stored), format!("{shown}\n"));
    }
}
