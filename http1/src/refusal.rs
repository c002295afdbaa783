//! Why a request is refused.

use http::StatusCode;

use crate::line_fault::LineFault;

/// Why a request is refused: one variant for each rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// A line that is none, in the request line or below.
    #[error(transparent)]
    Line(#[from] LineFault),
    /// More than four empty lines before the request line. Source: RFC 9112 §2.2, which asks to skip at least one.
    #[error("too many empty lines stand before the request line")]
    EmptyLines,
    /// Not three parts with one space between each. Source: RFC 9112 §3.
    #[error("the request line is not a method, a target and a version")]
    RequestLine,
    /// The method is no token. Source: RFC 9112 §3.1.
    #[error("the method is not a token")]
    Method,
    /// The target is empty, or has a byte that no target has. Source: RFC 9112 §3.2.
    #[error("the request target has a byte that it cannot have")]
    Target,
    /// The target is none of the four forms, or not one for this method. Source: RFC 9112 §3.2.1 to §3.2.4.
    #[error("the request target has no form for its method")]
    TargetForm,
    /// The authority of an absolute target is empty or not `host`, `host:port`. Source: RFC 9110 §4.2.1, RFC 3986 §3.2.
    #[error("the request target has no proper authority")]
    Authority,
    /// Not a version at all. Source: RFC 9112 §2.3.
    #[error("the request line does not end with a version of HTTP")]
    Version,
    /// Another version than 1.0 and 1.1. Source: RFC 9110 §15.6.6.
    #[error("the version is neither HTTP/1.1 nor HTTP/1.0")]
    UnsupportedVersion,
    /// Source: RFC 9112 §3, RFC 9110 §15.5.15.
    #[error("the request line is too long")]
    LineTooLong,
    /// As long as a request line may be. Source: RFC 9112 §3.
    #[error("the method is too long")]
    MethodTooLong,
    /// Source: RFC 6585 §5.
    #[error("the field lines are too long")]
    FieldsTooLong,
    /// Source: RFC 6585 §5.
    #[error("there are too many field lines")]
    TooManyFields,
    /// Source: RFC 9112 §3.2.
    #[error("there is no Host line")]
    NoHost,
    /// Source: RFC 9112 §3.2.
    #[error("there are several Host lines")]
    ManyHosts,
    /// Empty, or not `host` or `host:port`. Source: RFC 9112 §3.2, RFC 9110 §4.2.1 and §7.2.
    #[error("the Host line does not name a host")]
    Host,
    /// Source: RFC 9112 §6.3, which would allow to ignore the length.
    #[error("there is a Content-Length and a Transfer-Encoding")]
    LengthAndCoding,
    /// Source: RFC 9112 §6.1.
    #[error("HTTP/1.0 has no Transfer-Encoding")]
    CodingInOldVersion,
    /// Anything but `chunked`, once. Source: RFC 9112 §6.1 and §6.3.
    #[error("the Transfer-Encoding is not chunked")]
    Coding,
    /// A coding below `chunked`, of those that are registered. Source: RFC 9112 §6.1.
    #[error("the Transfer-Encoding has another coding than chunked")]
    UnknownCoding,
    /// Not a number of digits below 2⁶³, or with zeros before it, which some read as octal. Source: RFC 9112 §6.3, which
    /// would allow the zeros.
    #[error("the Content-Length is not a plain number")]
    ContentLength,
    /// Even if they agree. Source: RFC 9112 §6.3, which would allow to accept equal ones.
    #[error("there are several Content-Lengths")]
    ManyLengths,
    /// A body of a method that has none: to some the tunnel or the next request begins there. Source: RFC 9110 §9.3.6 and
    /// §9.3.8.
    #[error("the method has no content")]
    Content,
}

impl Refusal {
    /// What the client is answered.
    pub fn status(self) -> StatusCode {
        match self {
            Self::LineTooLong => StatusCode::URI_TOO_LONG,
            Self::FieldsTooLong | Self::TooManyFields => {
                StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE
            }
            Self::UnsupportedVersion => StatusCode::HTTP_VERSION_NOT_SUPPORTED,
            Self::UnknownCoding | Self::MethodTooLong => StatusCode::NOT_IMPLEMENTED,
            _ => StatusCode::BAD_REQUEST,
        }
    }
}
