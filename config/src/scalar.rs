//! From a place inside a text to its place in the file.
//!
//! A YAML text is not always what the file has: blocks are indented, folded and quoted, and JSON escapes. But all of that only
//! changes white space and quoting, so the two are read side by side, from one visible character to the next.

/// Where byte `offset` of `value` stands in `written`, the characters of the file that YAML read it from.
pub(crate) fn offset_in_file(written: &str, value: &str, offset: usize) -> usize {
    let visible = |text: &str| text.chars().filter(|c| !c.is_whitespace()).count();
    let before = visible(value.get(..offset).unwrap_or(value));
    let is_visible = value
        .get(offset..)
        .and_then(|rest| rest.chars().next())
        .is_some_and(|c| !c.is_whitespace());
    let mut characters = Visible::of(written);
    if is_visible {
        return characters
            .nth(before)
            .map_or(written.len(), |place| place.start);
    }
    // White space and the end of the text are shown right after what stands before them.
    match before.checked_sub(1) {
        None => characters.next().map_or(0, |place| place.start),
        Some(last) => characters
            .nth(last)
            .map_or(written.len(), |place| place.end),
    }
}

/// The visible characters of a scalar, each as its place: an escape is one character.
struct Visible<'a> {
    written: &'a str,
    next: usize,
    quote: Option<char>,
}

struct Found {
    start: usize,
    end: usize,
}

impl<'a> Visible<'a> {
    fn of(written: &'a str) -> Self {
        let quote = written.chars().next().filter(|c| matches!(c, '"' | '\''));
        Self {
            written,
            next: quote.map_or(0, char::len_utf8),
            quote,
        }
    }

    /// The length of what stands for one character at `rest`, and whether that character is visible.
    fn character(&self, rest: &str, first: char) -> (usize, bool) {
        match (self.quote, first) {
            (Some('\''), '\'') if rest.starts_with("''") => (2, true),
            (Some('"'), '\\') => escape(rest),
            _ => (first.len_utf8(), !first.is_whitespace()),
        }
    }
}

impl Iterator for Visible<'_> {
    type Item = Found;

    fn next(&mut self) -> Option<Found> {
        loop {
            let start = self.next;
            let rest = self.written.get(start..)?;
            let first = rest.chars().next()?;
            let (length, is_visible) = self.character(rest, first);
            if length == first.len_utf8() && self.quote == Some(first) {
                return None;
            }
            self.next = start + length;
            if is_visible {
                return Some(Found {
                    start,
                    end: self.next,
                });
            }
        }
    }
}

/// The length of the escape that `rest` begins with, and whether it stands for a visible character.
fn escape(rest: &str) -> (usize, bool) {
    let digits = match rest.chars().nth(1) {
        Some('x') => 2,
        Some('u') => 4,
        Some('U') => 8,
        Some('t' | 'n' | 'v' | 'f' | 'r' | ' ' | '\t' | '\n' | 'N' | '_' | 'L' | 'P') => {
            return (2, false);
        }
        other => return (1 + other.map_or(0, char::len_utf8), true),
    };
    let code = rest
        .get(2..2 + digits)
        .and_then(|hex| u32::from_str_radix(hex, 16).ok());
    let is_visible = code
        .and_then(char::from_u32)
        .is_none_or(|c| !c.is_whitespace());
    ((2 + digits).min(rest.len()), is_visible)
}

#[cfg(test)]
mod tests {
    use super::offset_in_file;

    /// `value` has a `^` before the character in question, and `written` has it where it must be found.
    fn check(value: &str, written: &str) {
        let find = |text: &str| text.find('^').expect("a marked text");
        let found = offset_in_file(
            &written.replace('^', ""),
            &value.replace('^', ""),
            find(value),
        );
        assert_eq!(found, find(written), "{value:?} in {written:?}");
    }

    #[test]
    fn a_place_is_found_again_however_the_text_was_written() {
        check("/a => ^/b", "/a => ^/b");
        check("/a => /b ;\n^!", "/a => /b ;\n    ^!\n");
        check("/a => /b ; ^! ;\n", "/a => /b ;\n  ^! ;\n");
        check("/a'^b", "'/a''^b'");
        check("/a^'b", "'/a^''b'");
        check("\"^x", "\"\\\"^x\"");
        check("/a\n^/b", "\"/a\\n^/b\"");
        check("é^x", "\"\\u00e9^x\"");
        check("é ^x", "\"\\u00e9 ^x\"");
    }

    #[test]
    fn white_space_and_the_end_are_shown_after_what_stands_before_them() {
        check("/a^ b", "/a^   b");
        check("/a =>^\n", "/a =>^\n");
        check("/a =>^", "'/a =>^'");
        check("^", "^''");
    }
}
