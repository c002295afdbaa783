use clap::Args;
use dtab::Path;
use mesh::NamerdClient;
use mesh::api::{Addr, Address, BoundName, BoundTree};

use crate::connection::Connection;
use crate::console::{Console, Ink};
use crate::failure::Failure;
use crate::format::{self, TreeFormat};
use crate::tree::{Branch, Tree};

/// Show what a name is bound to in a namespace
#[derive(Debug, Args)]
pub(crate) struct BindArgs {
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
    /// How to print it; a watch prints JSON in one line
    #[arg(long, short, value_name = "FORMAT", value_enum, default_value = "tree")]
    output: TreeFormat,
    /// Go on, and print every change
    #[arg(long, short)]
    watch: bool,
}

pub(crate) async fn run(
    args: BindArgs,
    connection: &Connection,
    console: &mut Console<'_>,
) -> Result<(), Failure> {
    let path = path(&args.path)?;
    let client = connection.client(console)?;
    if args.watch {
        return watch(&args, &path, &client, console).await;
    }
    let tree = client.bind(&args.namespace, &path, &args.dtab).await?;
    match args.output {
        TreeFormat::Tree => draw(&path, &tree).write(&mut console.out)?,
        TreeFormat::Json => console.out.text(&format::json(&tree)?)?,
        TreeFormat::Yaml => console.out.text(&format::yaml(&tree)?)?,
    }
    Ok(())
}

pub(crate) fn path(text: &str) -> Result<Path, Failure> {
    Path::parse(text).map_err(|source| Failure::Path {
        text: text.to_owned(),
        source,
    })
}

async fn watch(
    args: &BindArgs,
    path: &Path,
    client: &NamerdClient,
    console: &mut Console<'_>,
) -> Result<(), Failure> {
    let watching = client.watch_bind(&args.namespace, path, &args.dtab);
    let mut trees = watching.await?;
    while let Some(tree) = trees.next().await {
        let tree = tree?;
        match args.output {
            TreeFormat::Tree => {
                let time = format!("# {:.0}", jiff::Timestamp::now());
                let time = console.out.paint(Ink::Faint, &time);
                console.out.line(&time)?;
                draw(path, &tree).write(&mut console.out)?;
            }
            TreeFormat::Json => {
                let json = serde_json::to_string(&tree);
                let json = json.map_err(|error| Failure::Output(error.into()))?;
                console.out.line(&json)?;
            }
            TreeFormat::Yaml => console
                .out
                .text(&format!("---\n{}", format::yaml(&tree)?))?,
        }
    }
    Ok(())
}

fn draw(path: &Path, tree: &BoundTree) -> Tree {
    let below = node(tree);
    let mut root = Tree {
        pieces: vec![(Ink::Plain, path.to_string())],
        ..Tree::default()
    };
    if below.pieces.is_empty() {
        root.branches = below.branches;
    } else {
        root.branches = vec![Branch {
            is_chosen: usable(tree),
            share: None,
            tree: below,
        }];
    }
    root
}

/// Unions and alternatives have branches only.
fn node(tree: &BoundTree) -> Tree {
    match tree {
        BoundTree::Leaf { bound } => leaf(bound),
        BoundTree::Union { union } => {
            let usable_weights = union.iter().filter(|branch| usable(&branch.tree));
            let total: f64 = usable_weights.map(|branch| branch.weight).sum();
            let branches = union.iter().map(|branch| {
                let is_usable = usable(&branch.tree);
                let share = branch.weight / total;
                Branch {
                    is_chosen: is_usable,
                    share: Some(if is_usable { share } else { 0.0 }),
                    tree: named(&branch.tree, "several"),
                }
            });
            Tree {
                branches: branches.collect(),
                ..Tree::default()
            }
        }
        BoundTree::Alt { alt } => {
            let chosen = alt.iter().position(|tree| *tree != BoundTree::Neg);
            let branches = alt.iter().enumerate().map(|(index, tree)| Branch {
                is_chosen: Some(index) == chosen && usable(tree),
                share: None,
                tree: named(tree, "one of"),
            });
            Tree {
                branches: branches.collect(),
                ..Tree::default()
            }
        }
        BoundTree::Neg => word(Ink::Bad, "no match"),
        BoundTree::Fail => word(Ink::Bad, "fails"),
        BoundTree::Empty => word(Ink::Warn, "no addresses"),
    }
}

/// A node that says something, since it stands below another.
fn named(tree: &BoundTree, word: &str) -> Tree {
    let mut node = node(tree);
    if node.pieces.is_empty() {
        node.pieces = vec![(Ink::Plain, word.to_owned())];
    }
    node
}

fn word(ink: Ink, word: &str) -> Tree {
    Tree {
        pieces: vec![(ink, word.to_owned())],
        ..Tree::default()
    }
}

fn usable(tree: &BoundTree) -> bool {
    !matches!(tree, BoundTree::Neg | BoundTree::Fail)
}

fn leaf(bound: &BoundName) -> Tree {
    let residual = match bound.path.is_empty() {
        true => String::new(),
        false => format!("and then {}", bound.path),
    };
    let (ink, notes) = addresses(&bound.addr);
    Tree {
        pieces: vec![(ink, bound.id.to_string()), (Ink::Plain, residual)],
        notes,
        ..Tree::default()
    }
}

/// What is known about addresses, and how good that is.
pub(crate) fn addresses(addr: &Addr) -> (Ink, Vec<String>) {
    match addr {
        Addr::Bound { addrs, .. } if addrs.is_empty() => {
            (Ink::Warn, vec!["no addresses".to_owned()])
        }
        Addr::Bound { addrs, .. } => (Ink::Good, addrs.iter().map(address).collect()),
        Addr::Neg => (Ink::Bad, vec!["no such name".to_owned()]),
        Addr::Failed { cause } => (Ink::Bad, vec![format!("failed: {cause}")]),
        Addr::Pending => (Ink::Warn, vec!["not known yet".to_owned()]),
    }
}

fn address(address: &Address) -> String {
    let weight = address.meta.get(Address::WEIGHT);
    let weight = weight.map(|weight| format!(" * {weight}"));
    let node = address
        .meta
        .get(Address::NODE_NAME)
        .and_then(|node| node.as_str());
    let node = node.map(|node| format!(" on {node}"));
    let address = address.socket_addr();
    format!(
        "{address}{}{}",
        weight.unwrap_or_default(),
        node.unwrap_or_default()
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::console::Sink;

    fn drawn(json: &str) -> String {
        let tree = serde_json::from_str(json).unwrap();
        let mut written = Vec::new();
        let mut sink = Sink::new(&mut written, false, false);
        let path = path("/svc/web").unwrap();
        draw(&path, &tree).write(&mut sink).unwrap();
        String::from_utf8(written).unwrap()
    }

    #[test]
    fn a_leaf_shows_its_addresses() {
        let json = r#"{"type":"leaf","bound":{"addr":{"type":"bound","addrs":[
            {"ip":"10.0.0.1","port":80,"meta":{"endpoint_addr_weight":0.5}},
            {"ip":"::1","port":81,"meta":{"nodeName":"n"}}],"meta":{}},"id":"/#/io.l5d.fs/web","path":"/x"}}"#;
        insta::assert_snapshot!(drawn(json), @r"
        /svc/web
        └─▶ /#/io.l5d.fs/web  and then /x
              10.0.0.1:80 * 0.5
              [::1]:81 on n
        ");
    }

    #[test]
    fn dead_branches_have_no_share() {
        let json = r#"{"type":"union","union":[
            {"weight":3.0,"tree":{"type":"leaf","bound":{"addr":{"type":"bound","addrs":[],"meta":{}},"id":"/#/fs/a","path":"/"}}},
            {"weight":1.0,"tree":{"type":"leaf","bound":{"addr":{"type":"failed","cause":"why"},"id":"/#/fs/b","path":"/"}}},
            {"weight":4.0,"tree":{"type":"neg"}}]}"#;
        insta::assert_snapshot!(drawn(json), @r"
        /svc/web
        ├─▶ 75% /#/fs/a
        │     no addresses
        ├─▶ 25% /#/fs/b
        │     failed: why
        └── 0% no match
        ");
        insta::assert_snapshot!(drawn(r#"{"type":"neg"}"#), @r"
        /svc/web
        └── no match
        ");
        let json = r#"{"type":"alt","alt":[{"type":"neg"},{"type":"empty"},{"type":"fail"}]}"#;
        insta::assert_snapshot!(drawn(json), @r"
        /svc/web
        ├── no match
        ├─▶ no addresses
        └── fails
        ");
    }
}
