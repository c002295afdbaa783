//! What is done for the streams of HTTP/2: which are failures, and what is kept of them for another try.

use std::time::Duration;

use serde::{Serialize, Serializer};

use crate::field::Field;
use crate::kinds::Kinds;
use crate::object::Object;
use crate::policy::{Classifier, set};
use crate::shown;

/// Which streams are failures, and how long one that may turn out to be one is kept for another try.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StreamSettings {
    /// Which streams are failures, and which of these are tried again.
    pub classifier: StreamClassifier,
    /// How long a response is held back after its head, if its end may still call for another try; 100 ms by default, and with 0 not at
    /// all.
    pub classification_timeout: Duration,
    /// How much of a request's body is kept for another try; 16383 by default. A request with more is tried once.
    pub request_bytes: usize,
    /// How much of a response is held back; 16383 by default. A response with more is passed on, and not tried again.
    pub response_bytes: usize,
}

/// Which streams are failures, and which of these may be tried again. Source: linkerd `H2Classifiers` and `GrpcClassifier`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(tag = "kind")]
pub enum StreamClassifier {
    /// A 5xx is a failure; none is tried again. The default.
    #[default]
    #[serde(rename = "io.l5d.h2.nonRetryable5XX")]
    NonRetryable5xx,
    /// A 5xx is a failure; it is tried again for GET, HEAD, OPTIONS and TRACE.
    #[serde(rename = "io.l5d.h2.retryableRead5XX")]
    RetryableRead5xx,
    /// A 5xx is a failure; it is tried again for those, PUT and DELETE.
    #[serde(rename = "io.l5d.h2.retryableIdempotent5XX")]
    RetryableIdempotent5xx,
    /// A 5xx is a failure; it is tried again for those, POST and PATCH.
    #[serde(rename = "io.l5d.h2.retryableAll5XX")]
    RetryableAll5xx,
    /// Every response is a success.
    #[serde(rename = "io.l5d.h2.allSuccessful")]
    AllSuccessful,
    /// `grpc-status` decides.
    #[serde(untagged)]
    Grpc(GrpcClassifier),
}

/// Which gRPC calls are failures, and which of these may be tried again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct GrpcClassifier {
    /// Which failures may be tried again.
    #[serde(flatten)]
    pub kind: GrpcKind,
    /// The codes that are successes; 0 by default.
    #[serde(rename = "successStatusCodes")]
    pub success_codes: Vec<u32>,
}

/// Which failures of gRPC may be tried again.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(tag = "kind", content = "retryableStatusCodes")]
pub enum GrpcKind {
    /// Code 14, UNAVAILABLE.
    #[default]
    #[serde(rename = "io.l5d.h2.grpc.default")]
    Default,
    /// Code 14, also where an HTTP status or a reset stands for it.
    #[serde(rename = "io.l5d.h2.grpc.compliant")]
    Compliant,
    /// Every code.
    #[serde(rename = "io.l5d.h2.grpc.alwaysRetryable")]
    AlwaysRetryable,
    /// None.
    #[serde(rename = "io.l5d.h2.grpc.neverRetryable")]
    NeverRetryable,
    /// These codes.
    #[serde(rename = "io.l5d.h2.grpc.retryableStatusCodes")]
    RetryableStatusCodes(Vec<u32>),
}

impl Default for StreamSettings {
    fn default() -> Self {
        let RetryBuffer {
            request_bytes,
            response_bytes,
        } = RetryBuffer::default();
        Self {
            classifier: StreamClassifier::default(),
            classification_timeout: Duration::from_millis(100),
            request_bytes,
            response_bytes,
        }
    }
}

impl Default for GrpcClassifier {
    fn default() -> Self {
        Self {
            kind: GrpcKind::default(),
            success_codes: vec![0],
        }
    }
}

impl From<Classifier> for StreamClassifier {
    /// The same rule for the streams of a router that speaks HTTP/1.1, too.
    fn from(classifier: Classifier) -> Self {
        match classifier {
            Classifier::NonRetryable5xx => Self::NonRetryable5xx,
            Classifier::RetryableRead5xx => Self::RetryableRead5xx,
            Classifier::RetryableIdempotent5xx => Self::RetryableIdempotent5xx,
            Classifier::RetryableAll5xx => Self::RetryableAll5xx,
            Classifier::AllSuccessful => Self::AllSuccessful,
        }
    }
}

/// Shown under the keys of the file.
impl Serialize for StreamSettings {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let written = WrittenStreams {
            classifier: Some(self.classifier.clone()),
            classification_timeout: Some(self.classification_timeout),
            buffer: Some(RetryBuffer {
                request_bytes: self.request_bytes,
                response_bytes: self.response_bytes,
            }),
        };
        written.serialize(serializer)
    }
}

/// What an entry of `service:` says of streams: each option, if it is there.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub(super) struct WrittenStreams {
    #[serde(rename = "responseClassifier", skip_serializing_if = "Option::is_none")]
    classifier: Option<StreamClassifier>,
    #[serde(
        rename = "classificationTimeoutMs",
        serialize_with = "shown::some_milliseconds",
        skip_serializing_if = "Option::is_none"
    )]
    classification_timeout: Option<Duration>,
    #[serde(rename = "retryBufferSize", skip_serializing_if = "Option::is_none")]
    buffer: Option<RetryBuffer>,
}

/// The `retryBufferSize:` object.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
struct RetryBuffer {
    request_bytes: usize,
    response_bytes: usize,
}

impl Default for RetryBuffer {
    /// Source: linkerd `ClassifiedRetryFilter`.
    fn default() -> Self {
        Self {
            request_bytes: 16_383,
            response_bytes: 16_383,
        }
    }
}

impl WrittenStreams {
    /// Reads what a router with `protocol: h2` says.
    pub(super) fn read(object: &mut Object<'_>) -> Self {
        Self {
            classifier: object.get("responseClassifier", StreamClassifier::read),
            classification_timeout: object
                .get("classificationTimeoutMs", |field| field.milliseconds(0)),
            buffer: object.get("retryBufferSize", RetryBuffer::read),
        }
    }

    /// Refuses what only a router with `protocol: h2` may say.
    pub(super) fn refuse(object: &mut Object<'_>) {
        for (key, help) in [
            ("classificationTimeoutMs", "leave it out"),
            ("retryBufferSize", "write `retryBufferKB`"),
        ] {
            let message = format!("`{key}` is for routers with `protocol: h2`");
            object.refuse(key, &message, help);
        }
    }

    /// Replaces the options that are there.
    pub(super) fn apply(&self, streams: &mut StreamSettings) {
        set(&mut streams.classifier, self.classifier.as_ref());
        set(
            &mut streams.classification_timeout,
            self.classification_timeout.as_ref(),
        );
        if let Some(buffer) = self.buffer {
            streams.request_bytes = buffer.request_bytes;
            streams.response_bytes = buffer.response_bytes;
        }
    }
}

impl RetryBuffer {
    fn read(field: Field<'_>) -> Option<Self> {
        let mut object = field.object()?;
        let default = Self::default();
        let mut bytes = |key, default| {
            let bytes = object.get(key, |field| field.integer(0..=10_485_760));
            bytes.unwrap_or(default)
        };
        let buffer = Self {
            request_bytes: bytes("requestBytes", default.request_bytes),
            response_bytes: bytes("responseBytes", default.response_bytes),
        };
        object.finish();
        Some(buffer)
    }
}

impl StreamClassifier {
    fn read(field: Field<'_>) -> Option<Self> {
        let mut object = field.object()?;
        let classifier = match object.kind(&KINDS, None)? {
            "io.l5d.h2.nonRetryable5XX" => Some(Self::NonRetryable5xx),
            "io.l5d.h2.retryableRead5XX" => Some(Self::RetryableRead5xx),
            "io.l5d.h2.retryableIdempotent5XX" => Some(Self::RetryableIdempotent5xx),
            "io.l5d.h2.retryableAll5XX" => Some(Self::RetryableAll5xx),
            "io.l5d.h2.allSuccessful" => Some(Self::AllSuccessful),
            grpc => GrpcClassifier::read(grpc, &mut object).map(Self::Grpc),
        };
        object.finish();
        classifier
    }
}

impl GrpcClassifier {
    fn read(kind: &str, object: &mut Object<'_>) -> Option<Self> {
        let kind = match kind {
            "io.l5d.h2.grpc.compliant" => Some(GrpcKind::Compliant),
            "io.l5d.h2.grpc.alwaysRetryable" => Some(GrpcKind::AlwaysRetryable),
            "io.l5d.h2.grpc.neverRetryable" => Some(GrpcKind::NeverRetryable),
            "io.l5d.h2.grpc.retryableStatusCodes" => object
                .require("retryableStatusCodes", read_codes)
                .map(GrpcKind::RetryableStatusCodes),
            _ => Some(GrpcKind::Default),
        };
        let success_codes = object.get("successStatusCodes", |field| {
            let codes = read_codes(field)?;
            if !codes.contains(&0) {
                field.complaints.warn(
                    &field.node.at,
                    "`successStatusCodes` without 0 makes a failure of every call that the endpoint calls OK",
                    "add 0",
                );
            }
            Some(codes)
        });
        Some(Self {
            kind: kind?,
            success_codes: success_codes.unwrap_or_else(|| Self::default().success_codes),
        })
    }
}

/// Any codes: what is not among gRPC's own may be a service's.
fn read_codes(field: Field<'_>) -> Option<Vec<u32>> {
    let codes = field.items()?.into_iter();
    let codes: Vec<Option<u32>> = codes.map(|item| item.integer(0..=u32::MAX)).collect();
    codes.into_iter().collect()
}

const KINDS: Kinds = Kinds {
    never: &[
        (
            "io.l5d.http.nonRetryable5XX",
            FOR_HTTP,
            "use `io.l5d.h2.nonRetryable5XX`",
        ),
        (
            "io.l5d.http.retryableRead5XX",
            FOR_HTTP,
            "use `io.l5d.h2.retryableRead5XX`",
        ),
        (
            "io.l5d.http.retryableIdempotent5XX",
            FOR_HTTP,
            "use `io.l5d.h2.retryableIdempotent5XX`",
        ),
        (
            "io.l5d.http.retryableAll5XX",
            FOR_HTTP,
            "use `io.l5d.h2.retryableAll5XX`",
        ),
        (
            "io.l5d.http.allSuccessful",
            FOR_HTTP,
            "use `io.l5d.h2.allSuccessful`",
        ),
    ],
    ..Kinds::carrying(&[
        "io.l5d.h2.nonRetryable5XX",
        "io.l5d.h2.retryableRead5XX",
        "io.l5d.h2.retryableIdempotent5XX",
        "io.l5d.h2.retryableAll5XX",
        "io.l5d.h2.allSuccessful",
        "io.l5d.h2.grpc.default",
        "io.l5d.h2.grpc.compliant",
        "io.l5d.h2.grpc.alwaysRetryable",
        "io.l5d.h2.grpc.neverRetryable",
        "io.l5d.h2.grpc.retryableStatusCodes",
    ])
};

const FOR_HTTP: &str = "it is for routers with `protocol: http`";
