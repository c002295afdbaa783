//! How long files and functions are. Printed, never judged.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

const FILE_LINES: usize = 500;
const FUNCTION_LINES: usize = 60;

pub(crate) fn print(root: &Path) -> Result<()> {
    let mut crates: Vec<PathBuf> = folders(root)?;
    crates.retain(|dir| dir.join("src/lib.rs").is_file() || dir.join("src/main.rs").is_file());
    for dir in crates {
        let mut files = Vec::new();
        sources(&dir.join("src"), &mut files)?;
        let mut lines = 0;
        let mut functions = Vec::new();
        for file in files {
            let text = fs::read_to_string(&file)?;
            let code = production(&text);
            let name = file
                .strip_prefix(root)
                .unwrap_or(&file)
                .display()
                .to_string();
            if code.len() > FILE_LINES {
                eprintln!("    {name} has {} lines", code.len());
            }
            for (function, length) in lengths(&code) {
                if length > FUNCTION_LINES {
                    eprintln!("    {name}: {function} has {length} lines");
                }
                functions.push(length);
            }
            lines += code.len();
        }
        functions.sort_unstable();
        let at = |share: usize| functions.get(functions.len() * share / 100).unwrap_or(&0);
        let name = dir.file_name().unwrap_or_default().display();
        let (count, median, p95) = (functions.len(), at(50), at(95));
        eprintln!("    {name}: {lines} lines, {count} functions, median {median}, 95 % {p95}");
    }
    Ok(())
}

fn folders(dir: &Path) -> Result<Vec<PathBuf>> {
    let entries = fs::read_dir(dir).with_context(|| format!("cannot read {}", dir.display()))?;
    let mut paths = entries
        .map(|entry| Ok(entry?.path()))
        .collect::<Result<Vec<_>>>()?;
    paths.sort();
    Ok(paths)
}

/// All files of Rust below, but those that are tests as a whole, and what no person wrote.
fn sources(dir: &Path, into: &mut Vec<PathBuf>) -> Result<()> {
    for path in folders(dir)? {
        let stem = path.file_stem().unwrap_or_default();
        if stem == "tests" || stem == "generated" {
            continue;
        }
        if path.is_dir() {
            sources(&path, into)?;
        } else if path.extension().is_some_and(|end| end == "rs") {
            into.push(path);
        }
    }
    Ok(())
}

/// The lines before a file's tests.
fn production(text: &str) -> Vec<&str> {
    text.lines()
        .take_while(|line| *line != "#[cfg(test)]")
        .collect()
}

/// The functions with the code lines of their bodies, by how rustfmt lays them out.
fn lengths<'a>(code: &[&'a str]) -> Vec<(&'a str, usize)> {
    let mut found = Vec::new();
    for (start, line) in code.iter().enumerate() {
        let Some(name) = function(line) else { continue };
        let indent = &line[..line.len() - line.trim_start().len()];
        let body = &code[start..];
        let ends = |line: &&str| line.strip_prefix(indent) == Some("}");
        let Some(end) = body.iter().position(ends) else {
            continue;
        };
        let is_code = |line: &&&str| {
            let line = line.trim();
            !line.is_empty() && !line.starts_with("//")
        };
        found.push((name, body[1..end].iter().filter(is_code).count()));
    }
    found
}

/// The name of the function that begins on a line and has its body below.
fn function(line: &str) -> Option<&str> {
    let (before, after) = line.split_once("fn ")?;
    let is_head = before.split_whitespace().all(|word| {
        word.starts_with("pub") || ["async", "const", "extern"].contains(&word) || word == "in"
    });
    let is_one_line = line.ends_with('}') || line.ends_with(';');
    let end = after.find(['(', '<'])?;
    (is_head && !is_one_line).then(|| &after[..end])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn functions_are_measured_by_their_code() {
        let text = "impl A {\n    pub(crate) async fn b(&self) {\n        // why\n        c();\n\n        d();\n    }\n}\nfn e() {}\n\
            #[cfg(test)]\nmod tests {}\n";
        assert_eq!(lengths(&production(text)), [("b", 2)]);
    }
}
