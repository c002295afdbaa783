//! Shows the shares: bars that move on a terminal, lines elsewhere.

use std::fmt::Write as _;
use std::io::{IsTerminal, Write, stdout};
use std::time::Duration;

use anyhow::Result;
use tests::program;
use tokio::time::Instant;

use crate::meter::Meter;
use crate::scene::{Scene, dtab};

/// Columns of a bar.
const BAR: usize = 40;

/// Where the shares are shown.
#[derive(Debug)]
pub(crate) struct Screen {
    hosts: Vec<String>,
    is_terminal: bool,
    has_drawn: bool,
    next: Instant,
}

impl Screen {
    /// Begins with what there is to try.
    pub(crate) fn new(scene: &Scene) -> Result<Self> {
        write!(stdout(), "{}", introduction(scene))?;
        let host = |router: &tests::Router| format!("{} {}", router.name(), router.address());
        Ok(Self {
            hosts: scene.routers.iter().map(host).collect(),
            is_terminal: stdout().is_terminal(),
            has_drawn: false,
            next: Instant::now(),
        })
    }

    /// Shows the shares of each router, if it is time to.
    pub(crate) fn show(&mut self, meters: &[Meter]) -> Result<()> {
        let now = Instant::now();
        if now < self.next {
            return Ok(());
        }
        let every = if self.is_terminal { 200 } else { 2000 };
        self.next = now + Duration::from_millis(every);
        let mut text = String::new();
        if self.is_terminal && self.has_drawn {
            write!(text, "\x1b[{}A", self.hosts.len())?;
        }
        for (host, meter) in self.hosts.iter().zip(meters) {
            let clear = if self.is_terminal { "\x1b[2K" } else { "" };
            writeln!(text, "{clear}{}", line(host, meter, self.is_terminal))?;
        }
        self.has_drawn = true;
        let mut out = stdout().lock();
        out.write_all(text.as_bytes())?;
        Ok(out.flush()?)
    }
}

fn line(host: &str, meter: &Meter, is_terminal: bool) -> String {
    let count = meter.lately();
    let share = count.share();
    let numbers = format!(
        "v1 {:5.1} %  v2 {:5.1} %  {:4.0}/s  {} failed",
        100.0 - 100.0 * share,
        100.0 * share,
        meter.rate(),
        meter.failed
    );
    if !is_terminal {
        return format!("{host}  {numbers}");
    }
    let mut second = (share * BAR as f64).round() as usize;
    // One percent must be seen.
    if count.v2 > 0 {
        second = second.max(1);
    }
    if count.v1 > 0 {
        second = second.min(BAR - 1);
    }
    let (first, second) = ("█".repeat(BAR - second), "█".repeat(second));
    // A narrow terminal shows less of the bar, instead of breaking the line.
    format!("\x1b[?7l{host}  {numbers}  \x1b[34m{first}\x1b[33m{second}\x1b[0m\x1b[?7h")
}

fn introduction(scene: &Scene) -> String {
    let namerctl = program("namerctl");
    let namerctl = namerctl.display();
    let base_url = &scene.namerctl.base_url;
    let router = scene.routers[0].address();
    format!(
        "Two hosts send their traffic for http://web/ through a router each. namerd tells the routers what web is.\n\
         Try in another terminal:\n\n  \
         export NAMERCTL_BASE_URL={base_url}; alias namerctl={namerctl}\n  \
         namerctl dtab get default\n  \
         namerctl dtab update default '{}' --wait\n  \
         namerctl fleet\n  \
         curl -x http://{router} http://web/\n\n\
         Ctrl-C ends everything.\n\n",
        dtab(50, 50)
    )
}
