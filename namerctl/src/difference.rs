use similar::TextDiff;

use crate::console::{Ink, Sink};

/// What differs between two dtabs, rule by rule. Layout and comments make no difference.
#[derive(Debug)]
pub(crate) struct Difference {
    unified: String,
}

/// A dtab, and what to call it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Side<'a> {
    pub(crate) name: &'a str,
    pub(crate) text: &'a str,
}

impl Difference {
    pub(crate) fn between(old: Side<'_>, new: Side<'_>) -> Self {
        let (old_rules, new_rules) = (rules(old.text), rules(new.text));
        let unified = TextDiff::from_lines(&old_rules, &new_rules)
            .unified_diff()
            .context_radius(3)
            .header(old.name, new.name)
            .to_string();
        Self { unified }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.unified.is_empty()
    }

    /// Writes it in the format of `diff -u`.
    pub(crate) fn write(&self, sink: &mut Sink<'_>) -> std::io::Result<()> {
        for (index, line) in self.unified.lines().enumerate() {
            let ink = match line.as_bytes().first() {
                _ if index < 2 => Ink::Faint,
                Some(b'+') => Ink::Good,
                Some(b'-') => Ink::Bad,
                Some(b'@') => Ink::Place,
                _ => Ink::Plain,
            };
            let line = sink.paint(ink, line);
            sink.line(&line)?;
        }
        Ok(())
    }
}

/// A rule in each line; what is no dtab, as something else than namerd may have stored it, stays as it is.
fn rules(text: &str) -> String {
    let Ok(dtab) = dtab::Dtab::parse(text) else {
        return text.to_owned();
    };
    let rules = dtab.dentries().iter();
    rules
        .map(|rule| format!("{} => {} ;\n", rule.prefix, rule.dst))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(old: &str, new: &str, is_terminal: bool) -> String {
        let old = Side {
            name: "default@1",
            text: old,
        };
        let new = Side {
            name: "default@2",
            text: new,
        };
        let mut written = Vec::new();
        let mut sink = Sink::new(&mut written, is_terminal, true);
        Difference::between(old, new).write(&mut sink).unwrap();
        String::from_utf8(written).unwrap()
    }

    #[test]
    fn a_rule_is_a_line() {
        insta::assert_snapshot!(shown("/a=>/b;/c=>/d", "/a => /b ; /c=>1*/d & 9*/e", false), @r"
        --- default@1
        +++ default@2
        @@ -1,2 +1,2 @@
         /a => /b ;
        -/c => /d ;
        +/c => /d & 9.00*/e ;
        ");
    }

    #[test]
    fn comments_and_layout_make_no_difference() {
        assert_eq!(shown("/a=>/b", "# why\n/a  =>  /b ;\n", false), "");
    }

    #[test]
    fn what_is_no_dtab_is_compared_by_lines() {
        let text = shown("nonsense\n", "/a=>/b", false);
        assert!(text.contains("-nonsense\n+/a => /b ;\n"), "{text}");
    }

    #[test]
    fn a_terminal_sees_colours() {
        let text = shown("", "/a=>/b", true);
        assert!(
            text.contains("\u{1b}[32m+/a => /b ;\u{1b}[0m\n"),
            "{text:?}"
        );
    }
}
