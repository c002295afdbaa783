use clap::Args;
use mesh::api::Dentry;
use mesh::client::Versioned;
use serde_json::json;

use crate::connection::Connection;
use crate::console::Console;
use crate::failure::Failure;
use crate::usage;

/// Get a delegation table by name
#[derive(Debug, Args)]
pub(crate) struct GetArgs {
    /// The namespace
    name: Option<String>,
    /// Print aligned rules and the version
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_value = "true", default_missing_value = "true",
        value_parser = super::flag(), hide_possible_values = true, action = clap::ArgAction::Set)]
    pretty: bool,
    #[arg(hide = true)]
    rest: Vec<String>,
}

pub(super) async fn run(
    args: GetArgs,
    is_json: bool,
    connection: &Connection,
    console: &mut Console<'_>,
) -> Result<(), Failure> {
    let (Some(name), []) = (&args.name, &args.rest[..]) else {
        return Err(usage::wrong(
            &["dtab", "get"],
            "get requires a name argument",
        ));
    };
    let dtab = connection.client(console)?.dtab(name).await?;
    let text = match (is_json, args.pretty) {
        (true, _) => as_json(&dtab),
        (false, true) => pretty(&dtab),
        (false, false) => compact(&dtab.value),
    };
    Ok(console.out.text(&text)?)
}

fn as_json(dtab: &Versioned<Vec<Dentry>>) -> String {
    let version = dtab.tag.as_deref().unwrap_or_default();
    let json = json!({"version": version, "dtab": dtab.value}).to_string();
    format!("{}\n", super::escape_html(&json))
}

/// Widths count bytes, as in Linkerd 1's namerctl.
fn pretty(dtab: &Versioned<Vec<Dentry>>) -> String {
    let longest = dtab.value.iter().map(|dentry| dentry.prefix.len()).max();
    let longest = longest.unwrap_or_default();
    let version = dtab.tag.iter().filter(|tag| !tag.is_empty());
    let version = version.map(|tag| format!("# version {tag}\n"));
    let rules = dtab.value.iter().map(|Dentry { prefix, dst }| {
        let width = longest - prefix.len() + 2;
        format!("{prefix}  {:>width$} {dst} ;\n", "=>")
    });
    version.chain(rules).collect()
}

fn compact(dentries: &[Dentry]) -> String {
    let rules = dentries.iter();
    let rules: String = rules
        .map(|dentry| format!("{}=>{};", dentry.prefix, dentry.dst))
        .collect();
    format!("{rules}\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn dtab(tag: Option<&str>, rules: &[(&str, &str)]) -> Versioned<Vec<Dentry>> {
        let rules = rules.iter().map(|(prefix, dst)| Dentry {
            prefix: (*prefix).to_owned(),
            dst: (*dst).to_owned(),
        });
        Versioned {
            tag: tag.map(str::to_owned),
            value: rules.collect(),
        }
    }

    #[test]
    fn pretty_rules_are_aligned() {
        let rules = dtab(
            Some("AAAAAAAAAAE="),
            &[("/svc", "/a"), ("/http/1.1/*/*", "/b")],
        );
        insta::assert_snapshot!(pretty(&rules), @r"
        # version AAAAAAAAAAE=
        /svc           => /a ;
        /http/1.1/*/*  => /b ;
        ");
        assert_eq!(pretty(&dtab(None, &[("/a", "/b")])), "/a  => /b ;\n");
        assert_eq!(pretty(&dtab(Some(""), &[])), "");
    }

    #[test]
    fn every_rule_of_the_compact_form_ends_in_a_semicolon() {
        assert_eq!(
            compact(&dtab(None, &[("/a", "/b"), ("/c", "/d")]).value),
            "/a=>/b;/c=>/d;\n"
        );
        assert_eq!(compact(&[]), "\n");
    }

    #[test]
    fn json_is_escaped_as_go_does_it() {
        let rules = dtab(Some("MTI="), &[("/a", "1*/b & 2*/<c>")]);
        assert_eq!(
            as_json(&rules),
            "{\"version\":\"MTI=\",\"dtab\":[{\"prefix\":\"/a\",\"dst\":\"1*/b \\u0026 2*/\\u003cc\\u003e\"}]}\n"
        );
        assert_eq!(
            as_json(&dtab(None, &[])),
            "{\"version\":\"\",\"dtab\":[]}\n"
        );
    }
}
