//! What is measured of HTTP/1.1.

/// One kind of load.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Http1 {
    /// GET of 1 KiB on 64 connections.
    Get,
    /// GET of 1 KiB on one connection.
    Single,
    /// POST of 16 KiB on 64 connections.
    Post,
    /// GET of 10 MiB on 8 connections.
    Download,
    /// A new connection for each GET of 1 KiB, 64 at a time.
    Connect,
    /// GET of 1 KiB on 64 connections beside 1,000 idle ones.
    Idle,
    /// GET of 1 KiB at a constant rate: half of what the slowest proxy can do.
    Rate,
    /// GET of 1 KiB on 64 connections, of one name and of many; the router only.
    Names,
    /// GET of 1 KiB on 64 connections, with all policy off and with all of it on; the router only.
    Policy,
}

impl Http1 {
    /// The headline of its table.
    pub(super) fn title(self, rate: Option<f64>) -> String {
        match self {
            Self::Get => "GET 1 KiB, 64 connections".into(),
            Self::Single => "GET 1 KiB, 1 connection".into(),
            Self::Post => "POST 16 KiB, 64 connections".into(),
            Self::Download => "GET 10 MiB, 8 connections".into(),
            Self::Connect => "GET 1 KiB, a new connection for each request".into(),
            Self::Idle => "GET 1 KiB, 64 connections beside 1,000 idle ones".into(),
            Self::Rate => format!(
                "GET 1 KiB, {:.0} requests/s at fixed times",
                rate.unwrap_or(0.0)
            ),
            Self::Names => "GET 1 KiB, 64 connections, one name and many".into(),
            Self::Policy => "GET 1 KiB, 64 connections, policy off and on".into(),
        }
    }

    /// What the load is told of one that is asked for so many names.
    pub(super) fn words(self, names: usize) -> Vec<String> {
        let words = match self {
            Self::Get | Self::Names | Self::Policy | Self::Rate => "--ask get-1k --connections 64",
            Self::Single => "--ask get-1k --connections 1",
            Self::Post => "--ask post-16k --connections 64",
            Self::Download => "--ask get-10m --connections 8",
            Self::Connect => "--ask get-1k --connections 64 --new-connections",
            Self::Idle => "--ask get-1k --connections 64 --idle 1000",
        };
        let words = words.split_whitespace().map(str::to_owned);
        words.chain(["--names".into(), names.to_string()]).collect()
    }
}
