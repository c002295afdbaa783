//! The demo from its beginning to its end: one loop that looks at everything, and shows it.

use std::io;
use std::path::Path;
use std::time::Duration;

use anyhow::{Result, bail};
use tests::program;
use tokio::time::{Instant, MissedTickBehavior, interval, timeout};

use crate::arguments::Arguments;
use crate::audience::Audience;
use crate::fleet::Fleet;
use crate::picture::{Host, Picture};
use crate::screen::Screen;
use crate::script::Script;
use crate::signals::Signals;
use crate::stage::Stage;

const LOOK_EVERY: Duration = Duration::from_millis(200);

/// Looks between two lines, where there is no terminal.
const LOOKS_PER_LINE: u32 = 5;

/// A terminal sends Ctrl-C to the programs too, which may end before we have heard of it.
const SIGNAL_WITHIN: Duration = Duration::from_millis(300);

/// A demo that is shown.
#[derive(Debug)]
pub(crate) struct Play {
    audiences: Vec<Audience>,
    fleet: Fleet,
    script: Option<Script>,
    commands: String,
    began: Instant,
    lasts: Option<Duration>,
    stage: Stage,
}

impl Play {
    pub(crate) fn new(stage: Stage, arguments: &Arguments) -> Result<Self> {
        let (now, routers) = (Instant::now(), stage.routers.len());
        let script = arguments.lasts().filter(|_| arguments.script);
        Ok(Self {
            audiences: stage.routers.iter().map(|_| Audience::default()).collect(),
            fleet: Fleet::new(stage.namerctl()),
            script: script.map(|lasts| Script::new(lasts, now, routers)),
            commands: commands(&stage),
            began: now,
            lasts: arguments.lasts(),
            stage,
        })
    }

    /// Goes on until its time is over, or a signal ends it.
    ///
    /// # Errors
    /// If a program ends by itself, or the script finds something wrong or cannot be played to its end.
    pub(crate) async fn run(mut self, signals: &mut Signals) -> Result<()> {
        let mut screen = Screen::open()?;
        if !screen.is_terminal() && self.script.is_none() {
            screen.line(&self.commands)?;
        }
        let mut ticks = interval(LOOK_EVERY);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut looks = 0;
        let is_over = loop {
            tokio::select! {
                biased;
                () = signals.any() => break false,
                _ = ticks.tick() => {}
            }
            match self.look() {
                Ok(true) => break true,
                Ok(false) => self.show(&mut screen, looks)?,
                Err(error) => {
                    if timeout(SIGNAL_WITHIN, signals.any()).await.is_ok() {
                        break false;
                    }
                    return Err(error);
                }
            }
            looks += 1;
        };
        screen.close()?;
        self.sum_up(&mut screen, is_over)
    }

    /// True when it is over.
    fn look(&mut self) -> Result<bool> {
        self.stage.check()?;
        let now = Instant::now();
        for (index, load) in self.stage.loads.iter().enumerate() {
            let answers = load.take();
            if let Some(script) = &mut self.script {
                script.see(index, &answers);
            }
            self.audiences[index].see(answers, now);
        }
        self.fleet.look(now)?;
        match &mut self.script {
            Some(script) => script.advance(&self.stage, now),
            None => Ok(self.lasts.is_some_and(|lasts| now - self.began >= lasts)),
        }
    }

    fn show(&self, screen: &mut Screen, looks: u32) -> io::Result<()> {
        if screen.is_terminal() {
            screen.draw(&self.picture().page())
        } else if looks % LOOKS_PER_LINE == LOOKS_PER_LINE - 1 {
            screen.line(&self.picture().line())
        } else {
            Ok(())
        }
    }

    fn picture(&self) -> Picture<'_> {
        let hosts = self.stage.routers.iter().zip(&self.audiences);
        let hosts = hosts.map(|(router, audience)| Host {
            proxy: router.address().to_string(),
            audience,
            revision: self.fleet.revision(router.name()),
        });
        Picture {
            elapsed: self.began.elapsed(),
            hosts: hosts.collect(),
            script: self.script.as_ref().map(Script::line),
            commands: &self.commands,
        }
    }

    fn sum_up(&self, screen: &mut Screen, is_over: bool) -> Result<()> {
        let picture = self.picture();
        let (in_all, failure) = (picture.in_all(), picture.last_failure());
        let (requests, failed) = (in_all.requests(), in_all.failed);
        let verdicts = self.script.iter().flat_map(Script::verdicts);
        for verdict in verdicts {
            screen.line(verdict)?;
        }
        screen.line(&format!("{requests} requests, {failed} failed"))?;
        let Some(script) = &self.script else {
            return Ok(());
        };
        if !is_over {
            bail!("the script was interrupted");
        }
        let mut complaints = script.complaints().to_vec();
        if let Some(failure) = failure {
            complaints.push(format!(
                "{failed} requests failed, the last because: {failure}"
            ));
        }
        if !complaints.is_empty() {
            bail!("not as it should be:\n  {}", complaints.join("\n  "));
        }
        Ok(())
    }
}

/// What to try next, ready to paste into another shell.
fn commands(stage: &Stage) -> String {
    let namerctl = program("namerctl");
    let programs = namerctl.parent().unwrap_or_else(|| Path::new("."));
    let half = stage.dtab(50, 50);
    let half: Vec<_> = half.split_whitespace().collect();
    format!(
        "Move traffic from another shell:\n\n\
         export PATH={programs}:$PATH NAMERCTL_BASE_URL={base_url}\n\
         namerctl dtab update default '{half}'\n\
         namerctl dtab update default {file} --wait   # once you have edited the weights in it\n\
         namerctl fleet\n\
         namerctl delegate default /svc/web\n\
         namerctl dtab history default\n\
         namerctl dtab rollback default 1 --wait\n\
         curl -x http://{router} http://web/\n\n\
         Ctrl-C ends everything.\n",
        programs = programs.display(),
        base_url = stage.namerd.base_url(),
        half = half.join(" "),
        file = stage.file().display(),
        router = stage.routers[0].address(),
    )
}
