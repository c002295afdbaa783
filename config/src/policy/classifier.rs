//! The `responseClassifier:` object: which answers are failures, and which of these are tried again.

use serde::Serialize;

use crate::field::Field;
use crate::kinds::Kinds;

/// Which answers are failures, and which of these may be tried again. What never got an answer is a failure for all of them, and is
/// tried again for the same methods as a 5xx.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(tag = "kind")]
pub enum Classifier {
    /// A 5xx is a failure; none is tried again. The default.
    #[default]
    #[serde(rename = "io.l5d.http.nonRetryable5XX")]
    NonRetryable5xx,
    /// A 5xx is a failure; it is tried again for GET, HEAD, OPTIONS and TRACE.
    #[serde(rename = "io.l5d.http.retryableRead5XX")]
    RetryableRead5xx,
    /// A 5xx is a failure; it is tried again for those, PUT and DELETE.
    #[serde(rename = "io.l5d.http.retryableIdempotent5XX")]
    RetryableIdempotent5xx,
    /// A 5xx is a failure; it is tried again for those, POST and PATCH.
    #[serde(rename = "io.l5d.http.retryableAll5XX")]
    RetryableAll5xx,
    /// Every answer is a success.
    #[serde(rename = "io.l5d.http.allSuccessful")]
    AllSuccessful,
}

impl Classifier {
    /// Reads a `responseClassifier:` object.
    pub(crate) fn read(field: Field<'_>) -> Option<Self> {
        let mut object = field.object()?;
        let classifier = match object.kind(&KINDS, None)? {
            "io.l5d.http.retryableRead5XX" => Self::RetryableRead5xx,
            "io.l5d.http.retryableIdempotent5XX" => Self::RetryableIdempotent5xx,
            "io.l5d.http.retryableAll5XX" => Self::RetryableAll5xx,
            "io.l5d.http.allSuccessful" => Self::AllSuccessful,
            _ => Self::NonRetryable5xx,
        };
        object.finish();
        Some(classifier)
    }
}

const KINDS: Kinds = Kinds {
    never: &[
        (
            "io.l5d.h2.nonRetryable5XX",
            FOR_H2,
            "use `io.l5d.http.nonRetryable5XX`",
        ),
        (
            "io.l5d.h2.retryableRead5XX",
            FOR_H2,
            "use `io.l5d.http.retryableRead5XX`",
        ),
        (
            "io.l5d.h2.retryableIdempotent5XX",
            FOR_H2,
            "use `io.l5d.http.retryableIdempotent5XX`",
        ),
        (
            "io.l5d.h2.retryableAll5XX",
            FOR_H2,
            "use `io.l5d.http.retryableAll5XX`",
        ),
        (
            "io.l5d.h2.allSuccessful",
            FOR_H2,
            "use `io.l5d.http.allSuccessful`",
        ),
        ("io.l5d.h2.grpc.default", FOR_H2, GRPC),
        ("io.l5d.h2.grpc.compliant", FOR_H2, GRPC),
        ("io.l5d.h2.grpc.alwaysRetryable", FOR_H2, GRPC),
        ("io.l5d.h2.grpc.neverRetryable", FOR_H2, GRPC),
        ("io.l5d.h2.grpc.retryableStatusCodes", FOR_H2, GRPC),
    ],
    ..Kinds::carrying(&[
        "io.l5d.http.nonRetryable5XX",
        "io.l5d.http.retryableRead5XX",
        "io.l5d.http.retryableIdempotent5XX",
        "io.l5d.http.retryableAll5XX",
        "io.l5d.http.allSuccessful",
    ])
};

const FOR_H2: &str = "it is for routers with `protocol: h2`";
const GRPC: &str = "make a router with `protocol: h2` for what speaks gRPC";
