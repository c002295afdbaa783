//! Trees of names, drawn for people.

use crate::console::{Ink, Sink};

/// A node and what is below it.
#[derive(Debug, Default)]
pub(crate) struct Tree {
    /// What the node says, in pieces.
    pub(crate) pieces: Vec<(Ink, String)>,
    /// Lines below the node that are no nodes, such as addresses.
    pub(crate) notes: Vec<String>,
    pub(crate) branches: Vec<Branch>,
}

#[derive(Debug)]
pub(crate) struct Branch {
    /// Whether requests go this way.
    pub(crate) is_chosen: bool,
    /// The share of the requests, of 1, where several branches share them.
    pub(crate) share: Option<f64>,
    pub(crate) tree: Tree,
}

impl Tree {
    /// Draws the tree; chosen branches have an arrow.
    pub(crate) fn write(&self, sink: &mut Sink<'_>) -> std::io::Result<()> {
        let text = self.line(sink);
        sink.line(&text)?;
        self.write_below("", sink)
    }

    fn line(&self, sink: &Sink<'_>) -> String {
        let pieces = self.pieces.iter().filter(|(_, text)| !text.is_empty());
        let pieces: Vec<_> = pieces.map(|(ink, text)| sink.paint(*ink, text)).collect();
        pieces.join("  ")
    }

    fn write_below(&self, indent: &str, sink: &mut Sink<'_>) -> std::io::Result<()> {
        for note in &self.notes {
            let bar = if self.branches.is_empty() {
                "  "
            } else {
                "│ "
            };
            let note = sink.paint(Ink::Faint, note);
            sink.line(&format!("{indent}{bar}{note}"))?;
        }
        for (index, branch) in self.branches.iter().enumerate() {
            let is_last = index + 1 == self.branches.len();
            let corner = if is_last { "└─" } else { "├─" };
            let end = match branch.is_chosen {
                true => sink.paint(Ink::Good, "▶"),
                false => "─".to_owned(),
            };
            let share = branch.share.map(|share| format!("{} ", percent(share)));
            let line = branch.tree.line(sink);
            sink.line(&format!(
                "{indent}{corner}{end} {}{line}",
                share.unwrap_or_default()
            ))?;
            let bar = if is_last { "    " } else { "│   " };
            branch.tree.write_below(&format!("{indent}{bar}"), sink)?;
        }
        Ok(())
    }
}

/// As many decimals as tell the share, two at most; a share that isn't none never shows as 0.
fn percent(share: f64) -> String {
    let percent = share * 100.0;
    if percent > 0.0 && percent < 0.01 {
        return "<0.01%".to_owned();
    }
    let text = format!("{percent:.2}");
    let text = text.trim_end_matches('0').trim_end_matches('.');
    format!("{text}%")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_are_as_precise_as_they_need_to_be() {
        let shown = [1.0, 0.5, 0.125, 1.0 / 3.0, 0.0, 0.000_01].map(percent);
        assert_eq!(shown, ["100%", "50%", "12.5%", "33.33%", "0%", "<0.01%"]);
    }
}
