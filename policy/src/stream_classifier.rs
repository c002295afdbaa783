//! Whether a stream of HTTP/2 has failed, and whether the same request may be sent again.
//!
//! There are two moments. Of a response's head some classes are known [early](StreamClassifier::early); the others only with its
//! [last](StreamClassifier::last) frame. Who wants to try a stream again that fails late holds its response back until then, and
//! only where [that is possible](StreamClassifier::may_retry_late).

use http::StatusCode;

use crate::classifier::{Class, Classifier, Exchange, Sent};
use crate::grpc;

/// Which streams have failed. Source: linkerd `H2Classifiers` and `GrpcClassifier`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StreamClassifier {
    /// By method and status, as exchanges of HTTP/1.1; and those that are reset.
    Http(Classifier),
    /// By `grpc-status`.
    Grpc(GrpcClassifier),
}

/// Which gRPC calls have failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GrpcClassifier {
    /// Which failures may be sent again.
    pub kind: GrpcKind,
    /// The codes that are successes; all others are failures.
    pub success_codes: Vec<u32>,
}

/// Which failures of gRPC may be sent again, whatever the method.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum GrpcKind {
    /// Code 14, UNAVAILABLE.
    Default,
    /// The same, and what stands for that code: the reset REFUSED_STREAM, and responses without `grpc-status` that have one of the
    /// HTTP statuses 429, 502, 503 and 504. Source: the documentation of linkerd (whose code does as `Default`).
    Compliant,
    /// Every code; neither a reset nor a response without code.
    AlwaysRetryable,
    /// None.
    NeverRetryable,
    /// These codes.
    RetryableStatusCodes(Vec<u32>),
}

/// The head of a response.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StreamHead {
    /// Its status.
    pub status: StatusCode,
    /// Whether it is all of the response.
    pub is_end: bool,
    /// Its `grpc-status`, which counts only if it is all of the response.
    pub grpc_status: Option<u32>,
}

/// How a response that has a head ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StreamEnd {
    /// With trailers.
    Trailers {
        /// Their `grpc-status`.
        grpc_status: Option<u32>,
    },
    /// With its last piece of data.
    Data,
    /// Before its end.
    Reset {
        /// Whether the cause is one after which another attempt makes sense: the attempt's time was over, or the connection was closed.
        /// The endpoint's own word that it ends the stream is none.
        is_retryable: bool,
        /// Whether the endpoint says REFUSED_STREAM: it has done nothing.
        is_refused: bool,
    },
}

impl Default for StreamClassifier {
    fn default() -> Self {
        Self::Http(Classifier::default())
    }
}

impl StreamClassifier {
    /// What the stream counts as, if the head of its response tells.
    pub fn early(&self, sent: Sent<'_>, head: &StreamHead) -> Option<Class> {
        match self {
            Self::Http(http) => {
                let class = answered(*http, sent, head.status);
                (head.is_end || class.is_failure()).then_some(class)
            }
            Self::Grpc(grpc) => {
                let is_error = head.status.is_client_error() || head.status.is_server_error();
                let code = head.grpc_status.filter(|_| head.is_end);
                (head.is_end || is_error).then(|| grpc.ended(sent, head.status, code))
            }
        }
    }

    /// What a stream counts as whose response has ended, the status in its head being `status`.
    pub fn last(&self, sent: Sent<'_>, status: StatusCode, end: StreamEnd) -> Class {
        let code = match end {
            StreamEnd::Reset {
                is_retryable,
                is_refused,
            } => return self.broken(sent, is_retryable, is_refused),
            StreamEnd::Trailers { grpc_status } => grpc_status,
            StreamEnd::Data => None,
        };
        match self {
            Self::Http(http) => answered(*http, sent, status),
            Self::Grpc(grpc) => grpc.ended(sent, status, code),
        }
    }

    /// What a stream counts as that was ended before there was a response; the rest as in [`StreamEnd::Reset`].
    pub fn broken(&self, sent: Sent<'_>, is_retryable: bool, is_refused: bool) -> Class {
        match self {
            Self::Http(http) => http.classify(sent, Exchange::Broken { is_retryable }),
            Self::Grpc(grpc) => failure(sent, grpc.kind == GrpcKind::Compliant && is_refused),
        }
    }

    /// Whether it is the trailers of a response that tell how it went.
    pub fn reads_trailers(&self) -> bool {
        matches!(self, Self::Grpc(_))
    }

    /// Whether a response whose head tells nothing may end as a failure that may be sent again.
    pub fn may_retry_late(&self, sent: Sent<'_>) -> bool {
        let late = match self {
            Self::Http(_) => self.broken(sent, true, false),
            Self::Grpc(grpc) => failure(sent, grpc.retries_any()),
        };
        late == Class::RetryableFailure
    }
}

impl GrpcClassifier {
    /// A call that came to its end, with a code or without one.
    fn ended(&self, sent: Sent<'_>, status: StatusCode, code: Option<u32>) -> Class {
        match code {
            Some(code) if self.success_codes.contains(&code) => Class::Success,
            Some(code) => failure(sent, self.retries(code)),
            None => failure(
                sent,
                self.kind == GrpcKind::Compliant
                    && grpc::status_of_http(status) == grpc::UNAVAILABLE,
            ),
        }
    }

    /// Whether a failure with this code may be sent again.
    fn retries(&self, code: u32) -> bool {
        match &self.kind {
            GrpcKind::Default | GrpcKind::Compliant => code == grpc::UNAVAILABLE,
            GrpcKind::AlwaysRetryable => true,
            GrpcKind::NeverRetryable => false,
            GrpcKind::RetryableStatusCodes(codes) => codes.contains(&code),
        }
    }

    /// Whether there is a failure at the end that may be sent again.
    fn retries_any(&self) -> bool {
        let is_failure = |code: &u32| !self.success_codes.contains(code);
        match &self.kind {
            GrpcKind::Default => is_failure(&grpc::UNAVAILABLE),
            GrpcKind::Compliant | GrpcKind::AlwaysRetryable => true,
            GrpcKind::NeverRetryable => false,
            GrpcKind::RetryableStatusCodes(codes) => codes.iter().any(is_failure),
        }
    }
}

/// `l5d-retryable` means nothing on HTTP/2. Source: linkerd.
fn answered(http: Classifier, sent: Sent<'_>, status: StatusCode) -> Class {
    let says_retryable = false;
    http.classify(
        sent,
        Exchange::Answered {
            status,
            says_retryable,
        },
    )
}

/// What was passed on without being kept cannot be sent again.
fn failure(sent: Sent<'_>, is_retryable: bool) -> Class {
    match is_retryable && !sent.is_streamed {
        true => Class::RetryableFailure,
        false => Class::Failure,
    }
}

#[cfg(test)]
mod tests;
