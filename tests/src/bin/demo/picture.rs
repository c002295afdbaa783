//! What the demo looks like.

use std::fmt::Write as _;
use std::time::Duration;

use crate::audience::Audience;
use crate::tally::Tally;

/// Cells of a bar.
const BAR: usize = 26;

const BOLD: &str = "\x1b[1m";
const DIM: &str = "\x1b[2m";
const RED: &str = "\x1b[31m";
const BLUE: &str = "\x1b[34m";
const GREEN: &str = "\x1b[32m";
const PLAIN: &str = "\x1b[0m";

/// All that is shown at one moment.
#[derive(Debug)]
pub(crate) struct Picture<'a> {
    /// Since the beginning.
    pub(crate) elapsed: Duration,
    pub(crate) hosts: Vec<Host<'a>>,
    /// What the script does, if there is one.
    pub(crate) script: Option<String>,
    /// What to try next.
    pub(crate) commands: &'a str,
}

/// A router, and what its applications get.
#[derive(Debug)]
pub(crate) struct Host<'a> {
    /// Its `http_proxy`.
    pub(crate) proxy: String,
    pub(crate) audience: &'a Audience,
    /// The revision that its router runs, if known.
    pub(crate) revision: Option<u64>,
}

impl Picture<'_> {
    /// For a terminal, with colours.
    pub(crate) fn page(&self) -> String {
        let seconds = self.elapsed.as_secs();
        let time = format!("{}:{:02}", seconds / 60, seconds % 60);
        let mut page = format!(
            "{BOLD}Switchyard{PLAIN}  a namerd, two hosts with a router each, two versions of http://web/  {DIM}{time}{PLAIN}\n\n\
             {DIM}{:18}{:>6}  {:BAR$}  {:7}{:>11}{:>10}{PLAIN}\n",
            "  http_proxy", "v1", "the last second", "v2", "requests/s", "revision"
        );
        for host in &self.hosts {
            page += &host.row();
        }
        page += "\n";
        let in_all = self.in_all();
        let failures = format!("{} failed", in_all.failed);
        let ink = if in_all.failed > 0 { RED } else { PLAIN };
        page += &format!("  {} requests, {ink}{failures}{PLAIN}", in_all.requests());
        if let Some(failure) = self.last_failure() {
            page += &format!(", the last because: {failure}");
        }
        page += "\n";
        if let Some(script) = &self.script {
            page += &format!("  {script}\n");
        }
        page += &format!("\n{}", self.commands);
        page
    }

    /// For a file, all in one line.
    pub(crate) fn line(&self) -> String {
        let mut line = format!("{:4} s", self.elapsed.as_secs());
        for host in &self.hosts {
            line += &format!("  {}", host.words());
        }
        let in_all = self.in_all();
        line += &format!("  {} requests, {} failed", in_all.requests(), in_all.failed);
        if let Some(script) = &self.script {
            line += &format!("  {script}");
        }
        line
    }

    /// What all applications saw.
    pub(crate) fn in_all(&self) -> Tally {
        let mut in_all = Tally::default();
        for host in &self.hosts {
            in_all += host.audience.in_all();
        }
        in_all
    }

    /// Why a request failed, if one did.
    pub(crate) fn last_failure(&self) -> Option<&str> {
        let mut failures = self.hosts.iter().map(|host| host.audience.last_failure());
        failures.find_map(|failure| failure?.lines().next())
    }
}

impl Host<'_> {
    fn row(&self) -> String {
        let recent = self.audience.recent();
        let [v1, v2] = shares(recent);
        let (full, empty) = bar(recent);
        let mut row = format!("  {:15}{v1:>7}  ", self.proxy);
        row += &format!("{BLUE}{full}{GREEN}{empty}{PLAIN}");
        row += &format!("{:1$}", "", BAR - cells(&full) - cells(&empty));
        row += &format!("  {v2:7}{:>11}{:>10}", recent.requests(), self.revision());
        for (count, what) in [(recent.others, "other"), (recent.failed, "failed")] {
            if count > 0 {
                // Writing to a text cannot fail.
                let _ = write!(row, "  {RED}{count} {what}{PLAIN}");
            }
        }
        row + "\n"
    }

    fn words(&self) -> String {
        let recent = self.audience.recent();
        let [v1, v2] = shares(recent);
        let (proxy, rate, revision) = (&self.proxy, recent.requests(), self.revision());
        format!("[{proxy} v1 {v1} v2 {v2} {rate}/s revision {revision}]")
    }

    fn revision(&self) -> String {
        self.revision
            .map_or_else(|| "-".to_owned(), |revision| revision.to_string())
    }
}

fn shares(tally: Tally) -> [String; 2] {
    match tally.shares() {
        Some((v1, v2)) => [v1, v2].map(|share| format!("{:.1} %", share * 100.0)),
        None => ["-", "-"].map(str::to_owned),
    }
}

/// The parts of a bar. A version that got anything has a cell at least, so that one in a hundred can be seen.
fn bar(tally: Tally) -> (String, String) {
    let Some((v1, v2)) = tally.shares() else {
        return (String::new(), String::new());
    };
    let part = |share: f64| {
        let cells = (share * BAR as f64).round() as usize;
        if share > 0.0 { cells.max(1) } else { 0 }
    };
    let (one, two) = (part(v1), part(v2));
    let (one, two) = if v1 > v2 {
        (one.min(BAR - two), two)
    } else {
        (one, two.min(BAR - one))
    };
    ("█".repeat(one), "▒".repeat(two))
}

fn cells(bar: &str) -> usize {
    bar.chars().count()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bar_shows_every_version_that_got_something() {
        for (v1, v2, cells_of_each) in [
            (0, 0, (0, 0)),
            (100, 0, (26, 0)),
            (999, 1, (25, 1)),
            (50, 50, (13, 13)),
            (51, 49, (13, 13)),
            (1, 999, (1, 25)),
            (0, 7, (0, 26)),
        ] {
            let tally = Tally {
                v1,
                v2,
                ..Tally::default()
            };
            let (one, two) = bar(tally);
            assert_eq!((cells(&one), cells(&two)), cells_of_each, "{v1} to {v2}");
        }
    }

    #[test]
    fn what_is_not_known_is_not_made_up() {
        let host = Host {
            proxy: "127.0.0.1:4140".to_owned(),
            audience: &Audience::default(),
            revision: None,
        };
        let words = "[127.0.0.1:4140 v1 - v2 - 0/s revision -]";
        assert_eq!(host.words(), words);
    }
}
