//! What the demo can be told.

use std::time::Duration;

use clap::Parser;

/// Start a namerd, two routers, two versions of a service and steady traffic, and show who gets how much of it
#[derive(Debug, Parser)]
#[command(name = "demo")]
pub(crate) struct Arguments {
    /// End after this time, such as 20s or 1m30s; the default is to go on until Ctrl-C
    #[arg(long = "for", value_name = "TIME", value_parser = time)]
    lasts: Option<Duration>,
    /// Move all traffic from v1 to v2 in steps, and fail if a router does not follow or a request fails; lasts 30s if
    /// not said otherwise
    #[arg(long)]
    pub(crate) script: bool,
}

impl Arguments {
    /// When it ends by itself, if it does.
    pub(crate) fn lasts(&self) -> Option<Duration> {
        let script = self.script.then_some(Duration::from_secs(30));
        self.lasts.or(script)
    }
}

fn time(text: &str) -> Result<Duration, String> {
    let told = text.parse::<jiff::SignedDuration>().ok();
    told.and_then(|duration| Duration::try_from(duration).ok())
        .ok_or_else(|| "a time looks like 20s, 500ms or 1m30s".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lasts(words: &[&str]) -> Option<Option<Duration>> {
        let words = ["demo"].iter().chain(words);
        Arguments::try_parse_from(words).ok().map(|it| it.lasts())
    }

    #[test]
    fn it_goes_on_unless_a_time_or_the_script_is_asked_for() {
        let seconds = |s| Some(Some(Duration::from_secs(s)));
        assert_eq!(lasts(&[]), Some(None));
        assert_eq!(lasts(&["--for", "1m5s"]), seconds(65));
        assert_eq!(lasts(&["--script"]), seconds(30));
        assert_eq!(lasts(&["--script", "--for", "20s"]), seconds(20));
        assert_eq!(lasts(&["--for", "soon"]), None);
        assert_eq!(lasts(&["--for=-1s"]), None);
    }
}
