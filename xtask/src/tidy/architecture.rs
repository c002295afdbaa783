//! File names in the map for newcomers must be those of files that there are.

use std::fs;
use std::path::Path;

use anyhow::Result;

const MAP: &str = "ARCHITECTURE.md";

pub(crate) fn check(root: &Path) -> Result<Vec<String>> {
    let Ok(text) = fs::read_to_string(root.join(MAP)) else {
        return Ok(vec![format!("there is no {MAP}")]);
    };
    let dead = names(&text).filter(|(_, name)| !root.join(name).exists());
    Ok(dead
        .map(|(line, name)| format!("{MAP}:{line}: there is no {name}"))
        .collect())
}

/// Words in backticks that look like a file or folder of ours, and their lines.
fn names(text: &str) -> impl Iterator<Item = (usize, &str)> {
    text.lines().enumerate().flat_map(|(index, line)| {
        let quoted = line.split('`').skip(1).step_by(2);
        quoted
            .filter(|word| is_file_name(word))
            .map(move |word| (index + 1, word.trim_end_matches('/')))
    })
}

fn is_file_name(word: &str) -> bool {
    let is_plain = word
        .chars()
        .all(|c| c.is_ascii_alphanumeric() || "/._-".contains(c));
    let is_of_ours = word.ends_with(".rs") || word.ends_with(".proto") || word.ends_with('/');
    is_plain && is_of_ours && !word.starts_with('/')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_words_that_look_like_files_of_ours_are_looked_for() {
        let text = "see `router/src/main.rs`,\nnot `/svc/web` or `Live<T>` or `web.dtab`; `dtab/` is a folder";
        let found: Vec<_> = names(text).collect();
        assert_eq!(found, [(1, "router/src/main.rs"), (2, "dtab")]);
    }
}
