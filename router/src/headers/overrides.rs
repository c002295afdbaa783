//! `l5d-dtab` and `l5d-ctx-dtab`: rules that a request brings along for itself.

use dtab::Dtab;
use http1::{Known, KnownSet};

use super::{Lines, Shown};

/// The rules of one request as they were written, taken out of its fields.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct Overrides {
    /// One for each line: first those from routers before us, then the user's own, which win.
    lines: Vec<Box<[u8]>>,
}

impl Overrides {
    /// Takes the override lines out; none when there were none.
    pub(crate) fn take(fields: &mut impl Lines) -> Option<Self> {
        const BOTH: KnownSet = KnownSet::of(&[Known::L5dCtxDtab, Known::L5dDtab]);
        if !fields.has_any(BOTH) {
            return None;
        }
        let lines = fields
            .all(Known::L5dCtxDtab)
            .chain(fields.all(Known::L5dDtab))
            .map(Box::from)
            .collect();
        fields.remove_any(BOTH);
        Some(Self { lines })
    }

    /// The rules, the strongest last.
    ///
    /// # Errors
    /// The parser's words when a line is no dtab.
    pub(crate) fn parse(&self) -> Result<Dtab, String> {
        let mut combined = Dtab::empty();
        for line in &self.lines {
            let text = std::str::from_utf8(line).map_err(|_| "a dtab in a header is not UTF-8")?;
            let dtab = Dtab::parse(text).map_err(|error| error.to_string())?;
            combined = combined.concat(&dtab);
        }
        Ok(combined)
    }

    /// How many bytes the rules take.
    pub(crate) fn len(&self) -> usize {
        self.lines.iter().map(|line| line.len()).sum()
    }
}

/// Hands the combined rules on to the next router.
pub(crate) fn hand_on(fields: &mut impl Lines, combined: &Shown) {
    fields.remove(Known::L5dCtxDtab);
    fields.push_shown(Known::L5dCtxDtab, combined);
}
