//! Rules that are never used.

use super::sample::{paths_of, stingy, stranger};
use super::{Level, Lint};
use crate::bind::{BUDGET, Binder, Name, Node, State};
use crate::dtab::Dtab;
use crate::index::Index;
use crate::parse::Notes;

/// A rule is never used if a later one matches all that it matches, and always has an answer. More rules and more names only
/// ever add answers, so that what has one with the fewest has one always.
pub(super) fn check(dtab: &Dtab, notes: &Notes) -> Vec<Lint> {
    let stranger = stranger(dtab);
    let mut namers = stingy;
    let mut binder = Binder::new(dtab, &mut namers);
    // The work for the whole table. When it is spent, nothing more is said.
    binder.budget = 5 * BUDGET;
    let mut certain = Index::empty();
    let mut lints = Vec::new();
    for (position, dentry) in dtab.dentries().iter().enumerate().rev() {
        let (covering, cost) = certain.covering(dentry.prefix.elems());
        binder.budget = binder.budget.saturating_sub(cost / 8);
        if binder.budget == 0 {
            break;
        }
        if let Some(stronger) = covering.first() {
            let stronger = &dtab.dentries()[*stronger].prefix;
            lints.push(Lint {
                level: Level::Warning,
                code: "shadowed",
                span: notes.dentries[position].whole.clone(),
                message: format!(
                    "this rule is never used: a later one for {stronger} always has an answer"
                ),
                help: Some("rules further down win, however specific the others are".to_owned()),
            });
            continue;
        }
        let residual = paths_of(&dentry.prefix, &stranger)[1].skip(dentry.prefix.len());
        let names = dentry
            .dst
            .map(&mut |prefix| Name::Path(prefix.join(&residual)));
        if has_answer(&binder.tree(&names, Some(dentry), 1)) {
            certain.insert(dentry.prefix.elems(), position);
        }
        if binder.known.len() > BUDGET / 10 {
            binder.known.clear();
        }
    }
    lints
}

fn has_answer<B>(state: &State<B>) -> bool {
    match state {
        State::Found(found) => !matches!(*found.node, Node::Neg),
        State::Failed(crate::bind::BindError::TooLarge) | State::Pending => false,
        State::Failed(_) => true,
    }
}
