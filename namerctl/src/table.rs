use crate::console::{Ink, Sink};

/// Rows of text, aligned in columns when they are written.
#[derive(Debug, Default)]
pub(crate) struct Table {
    rows: Vec<Vec<(Ink, String)>>,
}

impl Table {
    pub(crate) fn new(heads: &[&str]) -> Self {
        let heads = heads.iter().map(|head| (Ink::Faint, (*head).to_owned()));
        Self {
            rows: vec![heads.collect()],
        }
    }

    pub(crate) fn row<const N: usize>(&mut self, cells: [(Ink, String); N]) {
        self.rows.push(cells.into());
    }

    /// One line for each row; no blanks at its end.
    pub(crate) fn write(&self, sink: &mut Sink<'_>) -> std::io::Result<()> {
        let columns = self.rows.iter().map(Vec::len).max().unwrap_or_default();
        let width = |column: usize| {
            let cells = self.rows.iter().filter_map(|row| row.get(column));
            cells.map(|(_, text)| text.chars().count()).max()
        };
        let widths: Vec<usize> = (0..columns).filter_map(width).collect();
        for row in &self.rows {
            let last = row.iter().rposition(|(_, text)| !text.is_empty());
            let cells = row.iter().zip(&widths).enumerate();
            let shown = cells.take(last.map_or(0, |last| last + 1));
            let line: String = shown
                .map(|(column, ((ink, text), width))| {
                    let is_last = Some(column) == last;
                    let blanks = if is_last {
                        0
                    } else {
                        width - text.chars().count() + 2
                    };
                    format!("{}{:blanks$}", sink.paint(*ink, text), "")
                })
                .collect();
            sink.line(&line)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_aligned_and_colours_take_no_room() {
        let mut table = Table::new(&["NAME", "X", "NOTE"]);
        table.row([
            (Ink::Good, "a".to_owned()),
            (Ink::Plain, "long".to_owned()),
            (Ink::Plain, String::new()),
        ]);
        let mut plain = Vec::new();
        table
            .write(&mut Sink::new(&mut plain, false, true))
            .unwrap();
        assert_eq!(
            String::from_utf8(plain).unwrap(),
            "NAME  X     NOTE\na     long\n"
        );
        let mut coloured = Vec::new();
        table
            .write(&mut Sink::new(&mut coloured, true, true))
            .unwrap();
        let coloured = String::from_utf8(coloured).unwrap();
        assert!(
            coloured.ends_with("\u{1b}[32ma\u{1b}[0m     long\n"),
            "{coloured:?}"
        );
    }
}
