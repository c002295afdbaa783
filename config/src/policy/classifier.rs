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

const KINDS: Kinds = Kinds::carrying(&[
    "io.l5d.http.nonRetryable5XX",
    "io.l5d.http.retryableRead5XX",
    "io.l5d.http.retryableIdempotent5XX",
    "io.l5d.http.retryableAll5XX",
    "io.l5d.http.allSuccessful",
]);
