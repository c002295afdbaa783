//! What is measured of gRPC.

/// One kind of load: unary calls with messages of a few bytes, and two backend servers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Grpc {
    /// 200 calls at the same time on 6 connections.
    Unary,
    /// 200 calls at the same time on one connection; the router with one worker and with two.
    One,
    /// Calls at a constant rate on 6 connections: half of what the slowest proxy can do.
    Rate,
    /// 200 calls at the same time on 6 connections, with all programs on all cores and two workers; and the router with one
    /// connection.
    Shared,
}

impl Grpc {
    /// The headline of its table.
    pub(super) fn title(self, rate: Option<f64>) -> String {
        match self {
            Self::Unary => "Unary calls, 200 at a time on 6 connections".into(),
            Self::One => "Unary calls, 200 at a time on 1 connection".into(),
            Self::Rate => format!(
                "Unary calls on 6 connections, {:.0} calls/s at fixed times",
                rate.unwrap_or(0.0)
            ),
            Self::Shared => "Unary calls, 200 at a time on 6 connections, cores shared".into(),
        }
    }

    /// On how many connections calls are made.
    pub(super) fn connections(self) -> usize {
        match self {
            Self::Unary | Self::Rate | Self::Shared => 6,
            Self::One => 1,
        }
    }
}
