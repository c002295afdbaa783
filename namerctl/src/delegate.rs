use clap::Args;
use mesh::api::{DelegateTree, DelegationRequest, Dentry};

use crate::bind;
use crate::connection::Connection;
use crate::console::{Console, Ink};
use crate::failure::Failure;
use crate::format::{self, TreeFormat};
use crate::tree::{Branch, Tree};

/// The longest dtab that goes into a URL.
const MAX_URL_DTAB_BYTES: usize = 2_000;

/// Show every step from a name to its addresses
#[derive(Debug, Args)]
pub(crate) struct DelegateArgs {
    /// The namespace
    namespace: String,
    /// The name, such as /svc/web
    path: String,
    /// Rules that come after those of the namespace
    #[arg(
        long,
        value_name = "DTAB",
        default_value = "",
        hide_default_value = true
    )]
    dtab: String,
    /// How to print it
    #[arg(long, short, value_name = "FORMAT", value_enum, default_value = "tree")]
    output: TreeFormat,
}

pub(crate) async fn run(
    args: DelegateArgs,
    connection: &Connection,
    console: &mut Console<'_>,
) -> Result<(), Failure> {
    let path = bind::path(&args.path)?;
    let client = connection.client(console)?;
    let tree = if args.dtab.len() > MAX_URL_DTAB_BYTES {
        let request = DelegationRequest {
            namespace: Some(args.namespace),
            dtab: args.dtab,
            path: path.to_string(),
        };
        client.delegate_with(&request).await?
    } else {
        client.delegate(&args.namespace, &path, &args.dtab).await?
    };
    match args.output {
        TreeFormat::Tree => draw(&tree).write(&mut console.out)?,
        TreeFormat::Json => console.out.text(&format::json(&tree)?)?,
        TreeFormat::Yaml => console.out.text(&format::yaml(&tree)?)?,
    }
    Ok(())
}

/// What a step comes to for the alternatives beside it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Verdict {
    /// The next alternative is tried.
    Neg,
    /// Nothing more is tried.
    Fail,
    Usable,
}

fn verdict(tree: &DelegateTree) -> Verdict {
    match tree {
        DelegateTree::Delegate { delegate, .. } => verdict(delegate),
        DelegateTree::Transformation { tree, .. } => verdict(tree),
        DelegateTree::Alt { alt, .. } => {
            let mut verdicts = alt.iter().map(verdict);
            verdicts
                .find(|verdict| *verdict != Verdict::Neg)
                .unwrap_or(Verdict::Neg)
        }
        DelegateTree::Union { union, .. } => {
            let verdicts: Vec<_> = union.iter().map(|branch| verdict(&branch.tree)).collect();
            let is = |wanted| verdicts.contains(&wanted);
            match (is(Verdict::Usable), is(Verdict::Neg)) {
                (true, _) => Verdict::Usable,
                (false, true) => Verdict::Neg,
                // As in finagle, an empty union is negative.
                (false, false) if verdicts.is_empty() => Verdict::Neg,
                (false, false) => Verdict::Fail,
            }
        }
        DelegateTree::Leaf { .. } | DelegateTree::Empty { .. } => Verdict::Usable,
        DelegateTree::Neg { .. } => Verdict::Neg,
        DelegateTree::Fail { .. } | DelegateTree::Exception { .. } => Verdict::Fail,
    }
}

fn draw(tree: &DelegateTree) -> Tree {
    let mut node = Tree::default();
    let (path, dentry) = step(tree);
    let mut words = (Ink::Plain, String::new());
    match tree {
        DelegateTree::Delegate { delegate, .. } => node.branches.push(only(delegate)),
        DelegateTree::Transformation { name, tree, .. } => {
            words = (Ink::Plain, format!("changed by {name}"));
            node.branches.push(only(tree));
        }
        DelegateTree::Alt { alt, .. } => {
            let chosen = alt.iter().position(|tree| verdict(tree) != Verdict::Neg);
            let branches = alt.iter().enumerate().map(|(index, tree)| Branch {
                is_chosen: Some(index) == chosen && verdict(tree) == Verdict::Usable,
                share: None,
                tree: draw(tree),
            });
            node.branches = branches.collect();
        }
        DelegateTree::Union { union, .. } => {
            let is_usable = |tree| verdict(tree) == Verdict::Usable;
            let usable = union.iter().filter(|branch| is_usable(&branch.tree));
            let total: f64 = usable.map(|branch| branch.weight).sum();
            let branches = union.iter().map(|branch| {
                let share = branch.weight / total;
                let is_chosen = is_usable(&branch.tree);
                Branch {
                    is_chosen,
                    share: Some(if is_chosen { share } else { 0.0 }),
                    tree: draw(&branch.tree),
                }
            });
            node.branches = branches.collect();
        }
        DelegateTree::Leaf { path, bound, .. } => {
            let (ink, notes) = bind::addresses(&bound.addr);
            let mut name = bound.id.to_string();
            if !bound.path.is_empty() {
                name = format!("{name}, and then {}", bound.path);
            }
            let is_told = name == *path;
            words = (ink, if is_told { "bound" } else { "bound to" }.to_owned());
            if !is_told {
                words.1 = format!("{} {name}", words.1);
            }
            node.notes = notes;
        }
        DelegateTree::Neg { .. } => words = (Ink::Bad, "no match".to_owned()),
        DelegateTree::Fail { .. } => words = (Ink::Bad, "fails: no other is tried".to_owned()),
        DelegateTree::Empty { .. } => words = (Ink::Warn, "no addresses".to_owned()),
        DelegateTree::Exception { message, .. } => words = (Ink::Bad, message.clone()),
    }
    let rule = dentry.map(|rule| format!("({} => {})", rule.prefix, rule.dst));
    let rule = (Ink::Faint, rule.unwrap_or_default());
    node.pieces = vec![(Ink::Plain, path.to_owned()), rule, words];
    node
}

fn only(tree: &DelegateTree) -> Branch {
    Branch {
        is_chosen: verdict(tree) == Verdict::Usable,
        share: None,
        tree: draw(tree),
    }
}

/// The name of a step, and the rule that led there.
fn step(tree: &DelegateTree) -> (&str, Option<&Dentry>) {
    match tree {
        DelegateTree::Transformation { path, .. } => (path, None),
        DelegateTree::Delegate { path, dentry, .. }
        | DelegateTree::Alt { path, dentry, .. }
        | DelegateTree::Union { path, dentry, .. }
        | DelegateTree::Leaf { path, dentry, .. }
        | DelegateTree::Neg { path, dentry }
        | DelegateTree::Fail { path, dentry }
        | DelegateTree::Empty { path, dentry }
        | DelegateTree::Exception { path, dentry, .. } => (path, dentry.as_ref()),
    }
}

#[cfg(test)]
mod tests;
