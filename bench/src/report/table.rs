//! Tables of text.

/// How tables are laid out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Layout {
    /// For a terminal.
    Plain,
    /// For a document.
    Markdown,
}

impl Layout {
    /// The one for a document, if it is for one.
    pub fn of(is_markdown: bool) -> Self {
        if is_markdown {
            Self::Markdown
        } else {
            Self::Plain
        }
    }
}

/// A row of heads, and rows of as many cells.
pub(crate) struct Table {
    rows: Vec<Vec<String>>,
}

impl Table {
    pub(crate) fn new(heads: impl Iterator<Item = String>) -> Self {
        Self {
            rows: vec![heads.collect()],
        }
    }

    pub(crate) fn add(&mut self, cells: impl Iterator<Item = String>) {
        self.rows.push(cells.collect());
    }

    /// Its text; the first column stands left, all others right.
    pub(crate) fn to_text(&self, layout: Layout) -> String {
        let columns = self.rows.first().map_or(0, Vec::len);
        let width = |column: usize| {
            let cells = self.rows.iter().filter_map(|row| row.get(column));
            cells.map(|cell| cell.chars().count()).max().unwrap_or(0)
        };
        let widths: Vec<usize> = (0..columns).map(width).collect();
        let mut text = String::new();
        for (number, row) in self.rows.iter().enumerate() {
            let mut cells = row.iter().zip(&widths).enumerate();
            let cells = cells.by_ref().map(|(column, (cell, width))| {
                if column == 0 {
                    format!("{cell:<width$}")
                } else {
                    format!("{cell:>width$}")
                }
            });
            let cells: Vec<String> = cells.collect();
            match layout {
                Layout::Plain => text.push_str(cells.join("  ").trim_end()),
                Layout::Markdown => text.push_str(&format!("| {} |", cells.join(" | "))),
            }
            text.push('\n');
            if number == 0 && layout == Layout::Markdown {
                text.push_str(&format!(
                    "|---|{}\n",
                    "--:|".repeat(columns.saturating_sub(1))
                ));
            }
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_as_wide_as_their_widest_cell() {
        let words = |line: &'static str| line.split(',').map(str::to_owned);
        let mut table = Table::new(words(",µs"));
        table.add(words("router,1.5"));
        table.add(words("x,100"));
        assert_eq!(
            table.to_text(Layout::Plain),
            "         µs\nrouter  1.5\nx       100\n"
        );
        assert_eq!(
            table.to_text(Layout::Markdown),
            "|        |  µs |\n|---|--:|\n| router | 1.5 |\n| x      | 100 |\n"
        );
    }
}
