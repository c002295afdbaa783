//! What the two files may say: tables of texts, and what is said about them.

mod accepted;
mod dtabs;
mod http2;
mod keys;
mod later;
mod namerd_file;
mod policies;
mod router_file;
mod shown;
mod tls;
mod transformers;
mod unix;
mod values;

use std::env;

use crate::{Diagnostic, NamerdConfig, RouterConfig};

/// What is said about a router's file.
fn router(text: &str) -> String {
    said(RouterConfig::parse("router.yaml", &unindent(text)).map(|(_, warnings)| warnings))
}

/// What is said about a namerd's file.
fn namerd(text: &str) -> String {
    said(NamerdConfig::parse("namerd.yaml", &unindent(text)).map(|(_, warnings)| warnings))
}

/// A router's file that is accepted.
fn read(text: &str) -> RouterConfig {
    match RouterConfig::parse("router.yaml", &unindent(text)) {
        Ok((config, _)) => config,
        Err(complaints) => panic!("{complaints}"),
    }
}

/// A namerd's file that is accepted.
fn read_namerd(text: &str) -> NamerdConfig {
    match NamerdConfig::parse("namerd.yaml", &unindent(text)) {
        Ok((config, _)) => config,
        Err(complaints) => panic!("{complaints}"),
    }
}

fn said(answer: Result<Vec<Diagnostic>, crate::Diagnostics>) -> String {
    let text = match answer {
        Ok(warnings) => warnings.iter().fold("accepted".into(), |said, warning| {
            format!("{said}\n\n{warning}")
        }),
        Err(complaints) => complaints.to_string(),
    };
    let working_directory = env::current_dir()
        .expect("a working directory")
        .display()
        .to_string();
    text.replace(&working_directory, "<working directory>")
}

/// The text of a raw literal: without its first line break, and without what all its lines are indented by.
fn unindent(text: &str) -> String {
    let Some(text) = text.strip_prefix('\n') else {
        return text.to_owned();
    };
    let indent = text
        .lines()
        .filter(|line| !line.trim().is_empty())
        .map(|line| line.len() - line.trim_start().len())
        .min();
    let lines = text
        .lines()
        .map(|line| line.get(indent.unwrap_or_default()..).unwrap_or_default());
    let text: String = lines.flat_map(|line| [line, "\n"]).collect();
    format!("{}\n", text.trim_end())
}
