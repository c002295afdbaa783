//! Rules that lead in circles.
//!
//! Names are tried out: for each rule, paths that it is for. If none of them can be bound whatever namers say, because each takes more than the
//! allowed lookups, the table is wrong. The rest of a path may still lead out of a circle, by a rule with a longer
//! prefix; such rests are tried too, and if one of them does, the circle is worth only a warning.

use std::collections::{HashMap, HashSet};
use std::rc::Rc;

use super::sample::{generous, path_of, paths_of, stranger};
use super::{Level, Lint};
use crate::bind::{Answer, BUDGET, BindError, Binder, MAX_DEPTH, State};
use crate::dentry::{Dentry, Prefix};
use crate::dtab::Dtab;
use crate::parse::Notes;
use crate::path::Path;
use crate::segment::Segment;

/// The work for all rules of a table together.
const TOTAL_BUDGET: usize = 5 * BUDGET;

/// The work for one name.
const NAME_BUDGET: usize = BUDGET / 4;

/// How many circles are told.
const MAX_TOLD: usize = 16;

/// How many ways out of a circle are tried.
const MAX_EXITS: usize = 200;

/// How many segments of a path are shown: in a circle that appends segments it has hundreds.
const SHOWN_SEGMENTS: usize = 8;

pub(super) fn check(dtab: &Dtab, notes: &Notes) -> Vec<Lint> {
    let stranger = stranger(dtab);
    let mut namers = generous;
    let mut trial = Trial::new(dtab, &mut namers, TOTAL_BUDGET);
    let mut told = HashSet::new();
    let mut lints = Vec::new();
    for (position, dentry) in dtab.dentries().iter().enumerate() {
        if trial.left == 0 {
            lints.push(unchecked(notes, position));
            break;
        }
        let paths = paths_of(&dentry.prefix, &stranger);
        let endless: Option<Vec<Endless>> = paths.iter().map(|path| trial.endless(path)).collect();
        let Some(first) = endless.and_then(|all| all.into_iter().next()) else {
            continue;
        };
        let culprit = culprit(dtab, &first).unwrap_or(position);
        if told.insert(culprit) {
            lints.push(describe(dtab, notes, &paths[0], &first, culprit));
        }
        if told.len() == MAX_TOLD {
            break;
        }
    }
    lints
}

/// Binding, for as long as the work for the whole table lasts.
struct Trial<'a> {
    binder: Binder<'a, ()>,
    left: usize,
}

/// A name that took too many lookups.
struct Endless {
    /// Where it had come to.
    at: Path,
    /// The rule that led there.
    via: Option<Box<Dentry>>,
}

impl<'a> Trial<'a> {
    fn new(dtab: &'a Dtab, namers: &'a mut dyn FnMut(&Path) -> Answer<()>, left: usize) -> Self {
        Self {
            binder: Binder::new(dtab, namers),
            left,
        }
    }

    /// Where a name ends up that takes too many lookups. Nothing is said of one that takes too much work to follow.
    fn endless(&mut self, path: &Path) -> Option<Endless> {
        match &*self.bind(path) {
            State::Failed(BindError::MaxDepth { path, via }) => Some(Endless {
                at: path.clone(),
                via: via.0.clone(),
            }),
            _ => None,
        }
    }

    fn has_end(&mut self, path: &Path) -> bool {
        !matches!(&*self.bind(path), State::Failed(_))
    }

    fn bind(&mut self, path: &Path) -> Rc<State<()>> {
        let budget = self.left.min(NAME_BUDGET);
        self.binder.budget = budget;
        let state = self.binder.path(path, None, 0);
        self.left -= budget - self.binder.budget;
        // What binding remembers costs memory: it is worth keeping for rules that share their ways, not for ever.
        if self.binder.known.len() > NAME_BUDGET {
            self.binder.known.clear();
        }
        state
    }
}

/// The rule that led to the last lookup: it is on the circle, which the rule that was tried need not be.
fn culprit(dtab: &Dtab, endless: &Endless) -> Option<usize> {
    let via = endless.via.as_deref()?;
    dtab.dentries().iter().rposition(|dentry| dentry == via)
}

fn describe(dtab: &Dtab, notes: &Notes, path: &Path, endless: &Endless, culprit: usize) -> Lint {
    let span = notes.dentries[culprit].whole.clone();
    let shown = |path: &Path| {
        let more = if path.len() > SHOWN_SEGMENTS {
            "/…"
        } else {
            ""
        };
        format!("{}{more}", path.take(SHOWN_SEGMENTS))
    };
    let (path_shown, at) = (shown(path), shown(&endless.at));
    match exit(dtab, path) {
        None => Lint {
            level: Level::Error,
            code: "loop",
            span,
            message: format!(
                "{path_shown} can never be bound: after {MAX_DEPTH} lookups it is only {at}"
            ),
            help: Some(
                "names must lead to a namer, such as /#/… or /$/…, and not back to themselves"
                    .to_owned(),
            ),
        },
        Some(exit) => Lint {
            level: Level::Warning,
            code: "may-loop",
            span,
            message: format!(
                "{} can be bound, but {path_shown} cannot: after {MAX_DEPTH} lookups it is only {at}",
                shown(&exit)
            ),
            help: Some(
                "a rule that leads back to itself needs a stronger one for every name".to_owned(),
            ),
        },
    }
}

/// A path that starts with an endless one, and isn't endless.
///
/// It takes a rule that does not match a path on the way, but does with more segments behind it: those segments are tried.
fn exit(dtab: &Dtab, path: &Path) -> Option<Path> {
    let mut namers = generous;
    let mut binder = Binder::new(dtab, &mut namers);
    binder.budget = NAME_BUDGET;
    binder.path(path, None, 0);
    let on_the_way: HashSet<Path> = binder.known.keys().map(|(path, _)| path.clone()).collect();
    let stranger = stranger(dtab);
    let mut trial_namers = generous;
    let mut trial = Trial::new(dtab, &mut trial_namers, BUDGET);
    rests(dtab, &on_the_way, &stranger)
        .into_iter()
        .flat_map(|rest| {
            let longer = rest.join(&Path::from(vec![stranger.clone()]));
            [path.join(&rest), path.join(&longer)]
        })
        .find(|path| trial.has_end(path))
}

fn rests(dtab: &Dtab, on_the_way: &HashSet<Path>, stranger: &Segment) -> HashSet<Path> {
    let mut by_len: HashMap<usize, Vec<&Path>> = HashMap::new();
    for path in on_the_way {
        by_len.entry(path.len()).or_default().push(path);
    }
    let mut rests = HashSet::new();
    for dentry in dtab.dentries() {
        let elems = dentry.prefix.elems();
        for (len, paths) in by_len.iter().filter(|(len, _)| **len < elems.len()) {
            let start: Prefix = elems[..*len].iter().cloned().collect();
            if rests.len() < MAX_EXITS && paths.iter().any(|path| start.matches(path)) {
                rests.insert(path_of(&elems[*len..], stranger));
            }
        }
    }
    rests
}

fn unchecked(notes: &Notes, position: usize) -> Lint {
    Lint {
        level: Level::Warning,
        code: "unchecked",
        span: notes.dentries[position].whole.clone(),
        message: "the rules rewrite names into too many others to look for loops from here on"
            .to_owned(),
        help: None,
    }
}
