//! What is measured.

/// One kind of load.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Scenario {
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

impl Scenario {
    /// The headline of its table.
    pub fn title(self, rate: Option<f64>) -> String {
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

    /// What the load is told.
    pub(crate) fn words(self, rate: Option<f64>) -> Vec<String> {
        let words = match self {
            Self::Get | Self::Names | Self::Policy => "--ask get-1k --connections 64",
            Self::Single => "--ask get-1k --connections 1",
            Self::Post => "--ask post-16k --connections 64",
            Self::Download => "--ask get-10m --connections 8",
            Self::Connect => "--ask get-1k --connections 64 --new-connections",
            Self::Idle => "--ask get-1k --connections 64 --idle 1000",
            Self::Rate => "--ask get-1k --connections 64 --rate",
        };
        let words = words.split_whitespace().map(str::to_owned);
        let rate = rate.filter(|_| self == Self::Rate);
        words.chain(rate.map(|rate| rate.to_string())).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_scenario_of_a_rate_tells_it_to_the_load() {
        assert!(
            Scenario::Rate
                .words(Some(500.0))
                .ends_with(&["--rate".into(), "500".into()])
        );
        assert!(!Scenario::Get.words(Some(500.0)).contains(&"500".to_owned()));
    }
}
