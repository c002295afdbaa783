//! The words that choose a class: `kind:` of most objects, `protocol:` of routers.

use crate::field::Field;
use crate::nearest::nearest;

/// The kinds of one object that the reference knows, and which of them are carried.
#[derive(Debug)]
pub(crate) struct Kinds {
    /// The key that chooses.
    pub(crate) selector: &'static str,
    pub(crate) carried: &'static [&'static str],
    /// Kinds to come, each with what to use meanwhile (or nothing).
    pub(crate) later: &'static [(&'static str, &'static str)],
    /// Kinds that will never be carried, each with the reason and what to use instead.
    pub(crate) never: &'static [(&'static str, &'static str, &'static str)],
}

impl Kinds {
    /// Kinds that are chosen by `kind`.
    pub(crate) const fn carrying(carried: &'static [&'static str]) -> Self {
        Self {
            selector: "kind",
            carried,
            later: &[],
            never: &[],
        }
    }

    /// The kind that `field` names, if it is carried; otherwise says why not. `key` is that of the object.
    pub(crate) fn carried(&self, key: &str, field: Field<'_>) -> Option<&'static str> {
        let written = field.text()?;
        if let Some(kind) = self.carried.iter().find(|kind| **kind == written) {
            return Some(kind);
        }
        let name = format!("`{key}` {} `{written}`", self.selector);
        let (message, help) =
            if let Some((_, meanwhile)) = self.later.iter().find(|(kind, _)| *kind == written) {
                (
                    format!("{name} is not supported yet by this version"),
                    (*meanwhile).to_owned(),
                )
            } else if let Some((_, reason, instead)) =
                self.never.iter().find(|(kind, _, _)| *kind == written)
            {
                (
                    format!("{name} is not supported: {reason}"),
                    (*instead).to_owned(),
                )
            } else {
                (format!("unknown {name}"), self.nearest(&written))
            };
        field.complaints.error(&field.node.at, message, help);
        None
    }

    /// The words that can be chosen.
    pub(crate) fn offer(&self) -> String {
        format!("known {}s: {}", self.selector, self.carried.join(", "))
    }

    fn nearest(&self, written: &str) -> String {
        let later = self.later.iter().map(|(kind, _)| *kind);
        let all = self
            .carried
            .iter()
            .copied()
            .chain(later)
            .chain(self.never.iter().map(|(kind, _, _)| *kind));
        match nearest(written, all) {
            Some(meant) => format!("did you mean `{meant}`?"),
            None if self.carried.is_empty() => String::new(),
            None => self.offer(),
        }
    }
}
