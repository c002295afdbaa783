//! Why an answer cannot be used.

use http::StatusCode;

use crate::line_fault::LineFault;

/// Why an answer cannot be used: one variant for each rule. The client is told 502 (Bad Gateway).
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Broken {
    /// A line that is none, in the status line or below.
    #[error(transparent)]
    Line(#[from] LineFault),
    /// Not `HTTP/1.1` or `HTTP/1.0` and a space. Source: RFC 9112 §4.
    #[error("the answer does not begin with HTTP/1.1 or HTTP/1.0")]
    Version,
    /// Not three digits from 100 to 599, with a space or the line's end behind them. Source: RFC 9110 §15.
    #[error("the status is not a number from 100 to 599")]
    Status,
    /// A control character. Source: RFC 9112 §4.
    #[error("the reason phrase holds a control character")]
    Reason,
    /// Longer than we read.
    #[error("the status line is too long")]
    LineTooLong,
    /// Longer than we read.
    #[error("the field lines are too long")]
    FieldsTooLong,
    /// More than we read.
    #[error("there are too many field lines")]
    TooManyFields,
    /// Source: RFC 9112 §6.3.
    #[error("there is a Content-Length and a Transfer-Encoding")]
    LengthAndCoding,
    /// Source: RFC 9112 §6.1.
    #[error("HTTP/1.0 has no Transfer-Encoding")]
    CodingInOldVersion,
    /// Anything but `chunked`, once: we asked for nothing else. Source: RFC 9112 §6.1.
    #[error("the Transfer-Encoding is not chunked")]
    Coding,
    /// Not a number of digits below 2⁶³. Source: RFC 9112 §6.3.
    #[error("the Content-Length is not a number")]
    ContentLength,
    /// Source: RFC 9112 §6.3.
    #[error("there are several Content-Lengths that differ")]
    DifferentLengths,
}

impl Broken {
    /// What the client is answered: 502.
    pub const fn status(self) -> StatusCode {
        StatusCode::BAD_GATEWAY
    }
}
