//! The options of a router that are about HTTP/1.1 alone.

use serde::Serialize;

use crate::field::Field;
use crate::object::Object;
use crate::protocol::Protocol;
use crate::router::read_limit;

/// The options as they are read and shown; the router's fields say what they mean.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Http1Options {
    #[serde(rename = "maxInitialLineKB")]
    pub(crate) max_initial_line_kb: usize,
    pub(crate) streaming_enabled: bool,
    #[serde(rename = "streamAfterContentLengthKB")]
    pub(crate) stream_after_content_length_kb: Option<u64>,
    pub(crate) compression_level: i8,
}

impl Default for Http1Options {
    fn default() -> Self {
        Self {
            max_initial_line_kb: 8,
            streaming_enabled: true,
            stream_after_content_length_kb: None,
            compression_level: -1,
        }
    }
}

impl Http1Options {
    /// Reads them; where HTTP/1.1 is not spoken, refuses them.
    pub(crate) fn read(object: &mut Object<'_>, protocol: Protocol) -> Self {
        let default = Self::default();
        if protocol == Protocol::H2 {
            for (key, reason, help) in H2_HAS_NONE {
                object.refuse(key, &format!("`{key}` is about HTTP/1.1: {reason}"), help);
            }
            return Self {
                compression_level: 0,
                ..default
            };
        }
        let (streaming_enabled, stream_after_content_length_kb) =
            read_streaming(object, default.streaming_enabled);
        Self {
            max_initial_line_kb: object
                .get("maxInitialLineKB", read_limit)
                .unwrap_or(default.max_initial_line_kb),
            streaming_enabled,
            stream_after_content_length_kb,
            compression_level: object
                .get("compressionLevel", |field| field.integer(-1..=9))
                .unwrap_or(default.compression_level),
        }
    }
}

/// Whether bodies pass piece by piece, and which do not even then.
fn read_streaming(object: &mut Object<'_>, default: bool) -> (bool, Option<u64>) {
    let is_enabled = object.get("streamingEnabled", Field::boolean);
    let is_enabled = is_enabled.unwrap_or(default);
    let after = object.field("streamAfterContentLengthKB");
    if let Some(field) = after.filter(|_| !is_enabled) {
        field.complaints.error(
            field.key_at,
            "`streamAfterContentLengthKB` says what is streamed, and `streamingEnabled: false` that nothing is",
            "leave out one of both",
        );
    }
    let after = after.and_then(|field| field.integer(0..=1_048_576));
    (is_enabled, after)
}

const H2_HAS_NONE: &[(&str, &str, &str)] = &[
    (
        "maxInitialLineKB",
        "on HTTP/2 the request line is among the headers",
        "write `maxHeadersKB`",
    ),
    ("streamingEnabled", STREAMED, "leave it out"),
    ("streamAfterContentLengthKB", STREAMED, "leave it out"),
    (
        "compressionLevel",
        "responses of HTTP/2 pass as they are",
        "leave it out",
    ),
];

const STREAMED: &str = "bodies of HTTP/2 are always streamed";
