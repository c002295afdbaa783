//! What clients and backends speak.

/// A protocol that is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Protocol {
    /// HTTP/1.1.
    Http1,
    /// gRPC over HTTP/2 without TLS.
    Grpc,
}

impl Protocol {
    /// What our programs call it on their command lines.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Http1 => "http1",
            Self::Grpc => "grpc",
        }
    }
}
