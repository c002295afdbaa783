//! A bound tree as a flat list: who gets which share of the requests.

use dtab::NameTree;

/// A leaf and its share of all requests.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Share<'a, T> {
    /// Of 1, over all unions around the leaf.
    pub(crate) share: f64,
    /// None for an Empty branch: it keeps its share, and fails it.
    pub(crate) leaf: Option<&'a T>,
}

/// Why a tree has no leaf at all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Nothing {
    Neg,
    Fail,
    Empty,
}

/// Flattens a tree. A leaf that is `down` counts as Neg where there is an alternative to it. Neg and Fail branches of a union give their share to the others; weights that are all zero count alike.
///
/// Source: linkerd `NameTreeFactory`, finagle `Drv`.
pub(crate) fn shares<T>(
    tree: &NameTree<T>,
    down: impl Fn(&T) -> bool,
) -> Result<Vec<Share<'_, T>>, Nothing> {
    let mut found = Vec::new();
    match tree {
        NameTree::Empty => return Err(Nothing::Empty),
        _ => collect(tree, 1.0, &down, &mut found)?,
    }
    Ok(found)
}

fn collect<'a, T>(
    tree: &'a NameTree<T>,
    share: f64,
    down: &impl Fn(&T) -> bool,
    found: &mut Vec<Share<'a, T>>,
) -> Result<(), Nothing> {
    match tree {
        NameTree::Neg => Err(Nothing::Neg),
        NameTree::Fail => Err(Nothing::Fail),
        NameTree::Empty => {
            found.push(Share { share, leaf: None });
            Ok(())
        }
        NameTree::Leaf(leaf) => {
            found.push(Share {
                share,
                leaf: Some(leaf),
            });
            Ok(())
        }
        NameTree::Alt(trees) => {
            let of_those = |is_down: &dyn Fn(&T) -> bool| {
                let mut trees = trees.iter();
                trees.find(|tree| verdict(tree, is_down) != Some(Nothing::Neg))
            };
            // Where all are down, the first is as good as any.
            let usable = of_those(&|leaf| down(leaf)).or_else(|| of_those(&|_| false));
            usable.map_or(Err(Nothing::Neg), |tree| collect(tree, share, down, found))
        }
        NameTree::Union(branches) => {
            let usable: Vec<_> = branches
                .iter()
                .filter(|branch| verdict(&branch.tree, &|_| false).is_none())
                .collect();
            let total: f64 = usable.iter().map(|branch| branch.weight).sum();
            if usable.is_empty() {
                return Err(verdict(tree, &|_| false).unwrap_or(Nothing::Neg));
            }
            for branch in &usable {
                let part = if total > 0.0 {
                    branch.weight / total
                } else {
                    1.0 / usable.len() as f64
                };
                collect(&branch.tree, share * part, down, found)?;
            }
            Ok(())
        }
    }
}

/// Neg or Fail, if that is what a tree comes to.
fn verdict<T>(tree: &NameTree<T>, down: &dyn Fn(&T) -> bool) -> Option<Nothing> {
    let verdict = |tree| verdict(tree, down);
    match tree {
        NameTree::Neg => Some(Nothing::Neg),
        NameTree::Fail => Some(Nothing::Fail),
        NameTree::Leaf(leaf) => down(leaf).then_some(Nothing::Neg),
        NameTree::Empty => None,
        NameTree::Alt(trees) => trees
            .iter()
            .map(verdict)
            .find(|verdict| *verdict != Some(Nothing::Neg))
            .unwrap_or(Some(Nothing::Neg)),
        NameTree::Union(branches) => {
            let mut verdicts = branches.iter().map(|branch| verdict(&branch.tree));
            let first = verdicts.next().unwrap_or(Some(Nothing::Neg));
            // All Neg is Neg; a Fail among branches that all fail is a Fail.
            verdicts.fold(first, |all, one| match (all, one) {
                (None, _) | (_, None) => None,
                (Some(Nothing::Neg), Some(Nothing::Neg)) => Some(Nothing::Neg),
                _ => Some(Nothing::Fail),
            })
        }
    }
}

#[cfg(test)]
mod tests {
    use dtab::Path;

    use super::*;

    fn check(text: &str, expected: &str) {
        check_with_down(text, "", expected);
    }

    fn check_with_down(text: &str, down: &str, expected: &str) {
        let tree = NameTree::<Path>::parse(text).expect("a tree");
        let is_down = |path: &Path| down.split(' ').any(|down| down == path.to_string());
        let shown = shares(&tree, is_down).map(|shares| {
            let shown = shares.iter().map(|share| match share.leaf {
                Some(leaf) => format!("{:.3} {leaf}", share.share),
                None => format!("{:.3} $", share.share),
            });
            shown.collect::<Vec<_>>().join(", ")
        });
        assert_eq!(
            shown.unwrap_or_else(|nothing| format!("{nothing:?}")),
            expected,
            "{text}"
        );
    }

    #[test]
    fn shares_multiply_down_the_unions() {
        check("/a", "1.000 /a");
        check("1 * /a & 2 * /b", "0.333 /a, 0.667 /b");
        check(
            "1 * /a & 1 * (1 * /b & 3 * /c)",
            "0.500 /a, 0.125 /b, 0.375 /c",
        );
        check("0 * /a & 0 * /b", "0.500 /a, 0.500 /b");
        check("0 * /a & 1 * /b", "0.000 /a, 1.000 /b");
    }

    #[test]
    fn dead_branches_give_their_share_away_and_empty_ones_keep_it() {
        check("1 * /a & 1 * ~ & 2 * !", "1.000 /a");
        check("1 * /a & 3 * $", "0.250 /a, 0.750 $");
        check("1 * /a & 1 * (~ | !)", "1.000 /a");
    }

    #[test]
    fn the_first_alternative_that_exists_is_taken() {
        check("~ | /a | /b", "1.000 /a");
        check("$ | /a", "1.000 $");
        check("! | /a", "Fail");
        check("(1 * ~ & 1 * ~) | /a", "1.000 /a");
    }

    #[test]
    fn a_leaf_that_is_down_gives_way_to_an_alternative() {
        check_with_down("/a | /b", "/a", "1.000 /b");
        check_with_down("/a | /b | /c", "/a /b", "1.000 /c");
        check_with_down("/a | ~", "/a", "1.000 /a");
        check_with_down("/a | /b", "/a /b", "1.000 /a");
        check_with_down("/a | !", "/a", "Fail");
        // Without an alternative it has to do.
        check_with_down("/a", "/a", "1.000 /a");
        check_with_down("1 * /a & 1 * /b", "/a", "0.500 /a, 0.500 /b");
        check_with_down("(1 * /a & 1 * /b) | /c", "/a", "0.500 /a, 0.500 /b");
        check_with_down("(1 * /a & 1 * /b) | /c", "/a /b", "1.000 /c");
    }

    #[test]
    fn trees_without_a_leaf_say_why() {
        check("~", "Neg");
        check("!", "Fail");
        check("$", "Empty");
        check("1 * ~ & 1 * ~", "Neg");
        check("1 * ~ & 1 * !", "Fail");
    }
}
