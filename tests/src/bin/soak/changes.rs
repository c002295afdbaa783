//! What changes around the router while it serves.

use std::fmt;
use std::time::Duration;

use anyhow::Result;

use crate::origin::Origin;
use crate::stage::{SERVICES, Stage, dtab};

/// How often something changes: by turns the table, and the endpoints of a service.
const PERIOD: Duration = Duration::from_secs(1);

/// How long an endpoint serves after it was taken out of its file, for requests that are on their way there.
const LEAVES_AFTER: Duration = Duration::from_secs(5);

/// What `web` is served by in turn.
const TREES: [&str; 4] = [
    "/srv/alpha",
    "9 * /srv/alpha & 1 * /srv/beta",
    "/srv/nothing | /srv/beta",
    "1 * /srv/alpha & 1 * /srv/beta",
];

/// How many rules that nobody uses come and go with the others.
const OTHER_RULES: usize = 40;

/// What was changed so far.
#[derive(Debug, Default)]
pub(crate) struct Changes {
    tables: usize,
    endpoints: usize,
    /// Endpoints that no file names any more, and when they end.
    leaving: Vec<(Duration, Origin)>,
}

impl Changes {
    /// Does what is due after so much time.
    pub(crate) fn go_on(&mut self, stage: &mut Stage, elapsed: Duration) -> Result<()> {
        self.leaving.retain(|(end, _)| *end > elapsed);
        if elapsed > PERIOD * u32::try_from(self.tables)? {
            let mut table = dtab(TREES[self.tables % TREES.len()]);
            for rule in 0..self.tables % OTHER_RULES {
                table += &format!("/svc/other-{rule} => /srv/alpha ;\n");
            }
            stage.dtab(&table);
            self.tables += 1;
        }
        if elapsed > PERIOD * u32::try_from(self.endpoints)? {
            self.change_endpoints(stage, elapsed);
            self.endpoints += 1;
        }
        Ok(())
    }

    /// A new endpoint takes the place of the oldest of a service; or one is away until the next time.
    fn change_endpoints(&mut self, stage: &mut Stage, elapsed: Duration) {
        let new = stage.origin();
        let is_away = self.endpoints / SERVICES.len() % 2 == 1;
        let service = stage.service(self.endpoints % SERVICES.len());
        if !is_away {
            service.origins.push(new);
            let old = service.origins.remove(0);
            self.leaving.push((elapsed + LEAVES_AFTER, old));
        }
        let name = service.name;
        let named = service.origins.iter().map(Origin::address);
        let named: Vec<_> = named.skip(usize::from(is_away)).collect();
        stage.name(name, &named);
    }
}

impl fmt::Display for Changes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} tables, {} changes of endpoints",
            self.tables, self.endpoints
        )
    }
}
