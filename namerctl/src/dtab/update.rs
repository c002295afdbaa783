use clap::{Args, ValueHint};
use mesh::client::{Precondition, Versioned};

use crate::author::AuthorArgs;
use crate::connection::Connection;
use crate::console::Console;
use crate::difference::{Difference, Side};
use crate::failure::Failure;
use crate::input::Input;
use crate::review::review;
use crate::usage;
use crate::wait::WaitArgs;

/// Update a delegation table, or create it
///
/// The update is refused if somebody else has changed the table since it was read. On a terminal the difference that it made is shown.
#[derive(Debug, Args)]
pub(crate) struct UpdateArgs {
    /// The namespace
    name: Option<String>,
    /// A file with a dtab as text or JSON, - for standard input, or the text itself, such as '/svc => /host'
    #[arg(value_hint = ValueHint::FilePath)]
    file: Option<String>,
    /// Rules, instead of a file; may be given several times
    #[arg(long = "entry", short, value_name = "DTAB")]
    entries: Vec<String>,
    /// The version that is to be replaced; the default is the one that namerd has now
    ///
    /// A version that stands in a JSON file counts instead.
    #[arg(long, value_name = "VERSION")]
    version: Option<String>,
    /// Replace whatever is there, and even by a dtab without rules
    #[arg(long)]
    force: bool,
    /// Show complaints and the difference, and change nothing
    #[arg(long)]
    dry_run: bool,
    /// Show the difference on standard error even if that is no terminal
    #[arg(long)]
    show_diff: bool,
    /// Send it even if it can't work
    #[arg(long)]
    no_lint: bool,
    #[command(flatten)]
    author: AuthorArgs,
    #[command(flatten)]
    wait: WaitArgs,
    #[arg(hide = true)]
    rest: Vec<String>,
}

/// An update, before anything is sent.
struct Plan<'a> {
    name: &'a str,
    input: Input,
    current: Option<Versioned<String>>,
    precondition: Precondition,
    difference: Difference,
}

pub(super) async fn run(
    args: UpdateArgs,
    connection: &Connection,
    console: &mut Console<'_>,
) -> Result<(), Failure> {
    let (name, file) = args.name_and_file()?;
    let client = connection.client(console)?;
    let input = match file {
        Some(file) => Input::read(file, console)?,
        None => Input::entries(&args.entries),
    };
    if !args.no_lint {
        review(&input, &mut console.err)?;
    }
    let current = super::current(&client, name).await?;
    let plan = args.plan(name, input, current)?;
    if args.dry_run {
        plan.would_be_taken()?;
        return Ok(plan.difference.write(&mut console.out)?);
    }
    let confirmation = args.wait.prepare(&client, name).await?;
    let by = args.author.by("");
    let written = client.write_dtab(name, &plan.input.body, &plan.precondition, &by);
    let tag = written.await?;
    console.out.line(&format!("Updated {name}"))?;
    if args.show_diff || console.err.is_terminal() {
        plan.difference.write(&mut console.err)?;
    }
    confirmation.of_tag(tag.as_deref(), console).await
}

impl UpdateArgs {
    fn name_and_file(&self) -> Result<(&str, Option<&str>), Failure> {
        let has_entries = !self.entries.is_empty();
        match (&self.name, &self.file, &self.rest[..]) {
            (Some(name), None, []) if has_entries => Ok((name, None)),
            (Some(name), Some(file), []) if !has_entries => Ok((name, Some(file))),
            _ => {
                let message = "update requires a name and file path";
                Err(usage::wrong(&["dtab", "update"], message))
            }
        }
    }

    /// By default what was read is what is replaced, so that nobody's change is lost.
    fn precondition(&self, input: &Input, current: Option<&Versioned<String>>) -> Precondition {
        if self.force {
            return Precondition::None;
        }
        let wanted = input.version.as_ref().or(self.version.as_ref());
        let wanted = wanted.filter(|version| !version.is_empty());
        match (wanted, current) {
            (Some(version), _) => Precondition::Tag(version.clone()),
            (None, Some(Versioned { tag: Some(tag), .. })) => Precondition::Tag(tag.clone()),
            (None, Some(_)) => Precondition::None,
            (None, None) => Precondition::Absent,
        }
    }

    fn plan<'a>(
        &self,
        name: &'a str,
        input: Input,
        current: Option<Versioned<String>>,
    ) -> Result<Plan<'a>, Failure> {
        let text = input.text();
        if !self.force && super::is_empty(&text) && !is_ruleless(current.as_ref()) {
            let name = name.to_owned();
            return Err(Failure::Emptying { name });
        }
        Ok(Plan {
            precondition: self.precondition(&input, current.as_ref()),
            difference: difference(name, current.as_ref(), &text),
            name,
            input,
            current,
        })
    }
}

impl Plan<'_> {
    /// What namerd would say to the precondition.
    fn would_be_taken(&self) -> Result<(), Failure> {
        let Precondition::Tag(wanted) = &self.precondition else {
            return Ok(());
        };
        match &self.current {
            None => Err(Failure::NotFound {
                reason: String::new(),
            }),
            Some(Versioned { tag: Some(tag), .. }) if tag != wanted => Err(Failure::Changed {
                name: self.name.to_owned(),
                current: tag.clone(),
                wanted: wanted.clone(),
            }),
            Some(_) => Ok(()),
        }
    }
}

fn is_ruleless(current: Option<&Versioned<String>>) -> bool {
    current.is_none_or(|dtab| super::is_empty(&dtab.value))
}

fn difference(name: &str, current: Option<&Versioned<String>>, text: &str) -> Difference {
    let (tag, old) = current.map_or((None, ""), |dtab| (dtab.tag.as_deref(), &dtab.value));
    let old_name = match tag {
        Some(tag) => format!("{name} (version {tag})"),
        None => name.to_owned(),
    };
    let old = Side {
        name: &old_name,
        text: old,
    };
    let name = &format!("{name} (new)");
    Difference::between(old, Side { name, text })
}
