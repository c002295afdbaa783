//! What holds for every path, tree and table.

use dtab::{
    Alternatives, Answer, BoundOutcome, Dentry, Dtab, Elem, Evaluation, Name, NameTree, Outcome,
    Path, PathMatcher, Prefix, Segment, Weighted, bind, bind_with, delegate, lint,
};
use proptest::prelude::*;

fn segment() -> impl Strategy<Value = Segment> {
    prop_oneof![
        4 => "[a-c]".prop_map(|text| Segment::new(text).expect("not empty")),
        1 => prop::collection::vec(any::<u8>(), 1..5).prop_map(|bytes| Segment::new(bytes).expect("not empty")),
    ]
}

fn path() -> impl Strategy<Value = Path> {
    prop::collection::vec(segment(), 0..5).prop_map(Path::from)
}

fn prefix() -> impl Strategy<Value = Prefix> {
    let elem = prop_oneof![1 => Just(Elem::Any), 5 => segment().prop_map(Elem::Label)];
    prop::collection::vec(elem, 0..4).prop_map(Prefix::from)
}

/// Weights as text can say them: finite, from zero up.
fn weight() -> impl Strategy<Value = f64> {
    prop_oneof![
        Just(1.0),
        (0_u32..100_000).prop_map(|thousandths| f64::from(thousandths) / 1000.0),
        prop::num::f64::POSITIVE | prop::num::f64::SUBNORMAL | prop::num::f64::ZERO,
    ]
    .prop_map(f64::abs)
}

/// Trees as text can say them: no node has one child only.
fn tree() -> impl Strategy<Value = NameTree<Path>> {
    let leaf = prop_oneof![
        1 => Just(NameTree::Neg),
        1 => Just(NameTree::Fail),
        1 => Just(NameTree::Empty),
        5 => path().prop_map(NameTree::Leaf),
    ];
    leaf.prop_recursive(4, 24, 4, |inner| {
        let branch = (weight(), inner.clone()).prop_map(|(weight, tree)| Weighted { weight, tree });
        prop_oneof![
            prop::collection::vec(inner, 2..4).prop_map(NameTree::Alt),
            prop::collection::vec(branch, 2..4).prop_map(NameTree::Union),
        ]
    })
}

fn dentry() -> impl Strategy<Value = Dentry> {
    (prefix(), tree()).prop_map(|(prefix, dst)| Dentry { prefix, dst })
}

fn dtab() -> impl Strategy<Value = Dtab> {
    prop::collection::vec(dentry(), 0..6).prop_map(Dtab::from_dentries)
}

/// Text made of what the grammar is made of, so that much of it nearly parses.
fn almost_a_table() -> impl Strategy<Value = String> {
    let symbol = prop::sample::select(vec![
        "/",
        "/a",
        "/b",
        "/*",
        "/$/inet/1",
        "/#/x",
        " ",
        "\n",
        "#",
        "=>",
        "=",
        ">",
        ";",
        "|",
        "&",
        "*",
        "(",
        ")",
        "!",
        "~",
        "$",
        "2",
        "0.5",
        ".",
        "\\x41",
        "\\x",
        "é",
        "{A}",
        "\u{a0}",
    ]);
    prop::collection::vec(symbol, 0..40).prop_map(|symbols| symbols.concat())
}

fn namers(path: &Path) -> Answer<Path> {
    let first = path
        .segments()
        .first()
        .map(|segment| segment.as_bytes()[0] % 7);
    match first {
        Some(0) => Answer::Pending,
        Some(1) => Answer::Failed("no".to_owned()),
        Some(2) => Answer::Tree(NameTree::Leaf(Name::Bound(path.clone()))),
        Some(3) => Answer::Tree(NameTree::Leaf(Name::Path(path.skip(1)))),
        _ => Answer::Tree(NameTree::Neg),
    }
}

/// A lookup as its definition reads, without an index.
fn lookup_by_walking(dtab: &Dtab, path: &Path) -> NameTree<Path> {
    let mut trees: Vec<NameTree<Path>> = dtab
        .dentries()
        .iter()
        .rev()
        .filter(|dentry| dentry.prefix.matches(path))
        .map(|dentry| dentry.dst.join(&path.skip(dentry.prefix.len())))
        .collect();
    match trees.len() {
        0 => NameTree::Neg,
        1 => trees.remove(0),
        _ => NameTree::Alt(trees),
    }
}

/// The tree with the first of each alternation only.
fn firsts<T: Clone>(tree: &NameTree<T>) -> NameTree<T> {
    match tree {
        NameTree::Alt(trees) => trees.first().map_or(NameTree::Neg, firsts),
        NameTree::Union(branches) => NameTree::Union(
            branches
                .iter()
                .map(|branch| Weighted {
                    weight: branch.weight,
                    tree: firsts(&branch.tree),
                })
                .collect(),
        ),
        other => other.clone(),
    }
}

proptest! {
    #[test]
    fn what_is_printed_reads_back_the_same(path in path(), tree in tree(), dtab in dtab()) {
        prop_assert_eq!(Path::parse(&path.to_string()).expect("a path"), path);
        prop_assert_eq!(NameTree::parse(&tree.to_string()).expect("a tree"), tree);
        prop_assert_eq!(Dtab::parse(&dtab.to_string()).expect("a table"), dtab.clone());
        let json = serde_json::to_string(&dtab).expect("json");
        prop_assert_eq!(serde_json::from_str::<Dtab>(&json).expect("a table"), dtab);
    }

    #[test]
    fn canonical_text_is_a_fixed_point(text in almost_a_table()) {
        if let Ok(dtab) = Dtab::parse(&text) {
            let shown = dtab.to_string();
            prop_assert_eq!(Dtab::parse(&shown).expect("a table").to_string(), shown);
        }
    }

    #[test]
    fn the_index_finds_what_walking_finds(weak in dtab(), strong in dtab(), path in path()) {
        let dtab = weak.concat(&strong);
        prop_assert_eq!(dtab.lookup(&path), lookup_by_walking(&dtab, &path));
        prop_assert_eq!(dtab.dentries().len(), weak.len() + strong.len());
    }

    #[test]
    fn simplification_changes_no_answer_and_is_idempotent(tree in tree()) {
        let simple = tree.clone().simplify();
        prop_assert_eq!(simple.clone().simplify(), simple.clone());
        let is_positive = |tree: &NameTree<Path>| matches!(tree.eval(), Evaluation::Leaves(_));
        prop_assert_eq!(is_positive(&tree), is_positive(&simple));
        if is_positive(&tree) {
            prop_assert_eq!(tree.eval(), simple.eval());
        }
    }
}

// Fewer cases: some of these tables take all the work that is allowed.
proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn no_text_makes_anything_panic(text in almost_a_table(), noise in ".{0,40}", path in path()) {
        for text in [&text, &noise] {
            if let Err(error) = Dtab::parse(text) {
                let (line, column) = error.line_column(text);
                prop_assert!(line > 0 && column > 0 && error.span().end <= text.len());
                prop_assert!(!error.render(text, "x").is_empty());
            }
            for complaint in lint(text, Some(&|_| false)).unwrap_or_default() {
                prop_assert!(text.get(complaint.span.clone()).is_some_and(|at| !at.is_empty()));
                prop_assert!(!complaint.render(text, "x").is_empty());
            }
            if let Some(captures) = PathMatcher::parse(text).matches(&path) {
                let substituted = captures.substitute(text);
                prop_assert!(captures.iter().next().is_some() || substituted == *text);
            }
        }
    }

    #[test]
    fn evaluation_ends_and_alternatives_change_nothing_before_them(dtab in dtab(), path in path()) {
        let first = bind(&path, &dtab, &mut namers);
        prop_assert_eq!(first, bind(&path, &dtab, &mut namers));
        let with_all = bind_with(&path, &dtab, Alternatives::All, &mut namers);
        match (bind(&path, &dtab, &mut namers), with_all) {
            (Outcome::Bound(first), Outcome::Bound(all)) => {
                prop_assert_eq!(first, BoundOutcome { tree: firsts(&all.tree), ..all });
            }
            // An error tells one of the rules that led there.
            (Outcome::Failed(_), Outcome::Failed(_)) | (Outcome::Pending, Outcome::Pending) => {}
            (first, all) => prop_assert!(false, "{first:?} {all:?}"),
        }
        if let Ok(tree) = delegate(&path, &dtab, &mut namers) {
            prop_assert!(tree.to_json(&mut |name, _| name.to_string().into()).is_object());
        }
    }
}
