//! What the conformance vectors leave open: what is left out of a bound tree, what errors say, and that all of it ends.

use super::{Alternatives, Answer, BoundOutcome, Name, Outcome, bind, bind_with};
use crate::delegate::{DelegateError, delegate};
use crate::dtab::Dtab;
use crate::name_tree::{NameTree, Weighted};
use crate::path::Path;

/// `/#/pending` is pending, `/#/error` fails, what else starts with `/#` or `/$` is bound.
fn namers(path: &Path) -> Answer<Path> {
    let shown = path.to_string();
    if shown.starts_with("/#/pending") {
        return Answer::Pending;
    }
    if shown.starts_with("/#/error") {
        return Answer::Failed("the store is away".to_owned());
    }
    let is_bound = shown.starts_with("/#") || shown.starts_with("/$");
    let leaf = || NameTree::Leaf(Name::Bound(path.clone()));
    Answer::Tree(if is_bound { leaf() } else { NameTree::Neg })
}

fn outcome(dtab: &str, path: &str) -> Outcome<Path> {
    let dtab = Dtab::parse(dtab).expect("a table");
    bind(&Path::parse(path).expect("a path"), &dtab, &mut namers)
}

fn bound(dtab: &str, path: &str) -> BoundOutcome<Path> {
    match outcome(dtab, path) {
        Outcome::Bound(bound) => bound,
        other => panic!("{path} in {dtab}: {other:?}"),
    }
}

fn error(dtab: &str, path: &str) -> String {
    match outcome(dtab, path) {
        Outcome::Failed(error) => error.to_string(),
        other => panic!("{path} in {dtab}: {other:?}"),
    }
}

#[track_caller]
fn check_dead(dtab: &str, expected: &[(&str, f64)]) {
    let dead = bound(dtab, "/a").dead;
    let dead: Vec<(String, f64)> = dead
        .iter()
        .map(|branch| (branch.path.to_string(), branch.share))
        .collect();
    let expected: Vec<(String, f64)> = expected
        .iter()
        .map(|(path, share)| ((*path).to_owned(), *share))
        .collect();
    assert_eq!(dead, expected, "{dtab}");
}

#[test]
fn dead_branches_tell_which_part_of_all_requests_goes_elsewhere() {
    check_dead("/a => 9*/#/x & 1*/#/y", &[]);
    check_dead("/a => 9*/#/x & 1*/none", &[("/none", 0.1)]);
    check_dead(
        "/a => 3*/#/x & 1*/b ; /b => /#/y & /none",
        &[("/none", 0.125)],
    );
    check_dead(
        "/a => 2*/#/x & 1*/none & 1*/#/error/y",
        &[("/none", 0.25), ("/#/error/y", 0.25)],
    );
    check_dead("/a => 0*/#/x & 0*/none", &[("/none", 0.5)]);
    check_dead("/a => /none & ! | /#/x", &[]);
    check_dead("/a => /#/x & (1*/none & 1*!)", &[("/none", 0.5)]);
}

#[test]
fn pending_branches_are_counted_also_in_alternatives_that_were_passed_over() {
    assert_eq!(bound("/a => /#/x & /#/pending/y", "/a").pending_branches, 1);
    assert_eq!(
        bound("/a => /none & /#/pending/y | /#/x", "/a").pending_branches,
        1
    );
    assert_eq!(bound("/a => /none | /#/x", "/a").pending_branches, 0);
    assert_eq!(outcome("/a => /#/pending | /#/x", "/a"), Outcome::Pending);
}

fn with_alternatives(dtab: &str) -> (Outcome<Path>, Vec<String>) {
    let dtab = Dtab::parse(dtab).expect("a table");
    let path = Path::parse("/a").expect("a path");
    let mut asked = Vec::new();
    let outcome = bind_with(&path, &dtab, Alternatives::All, &mut |path| {
        asked.push(path.to_string());
        namers(path)
    });
    (outcome, asked)
}

#[track_caller]
fn check_alternatives(dtab: &str, expected: &str) {
    let (outcome, _) = with_alternatives(dtab);
    let shown = match outcome {
        Outcome::Pending => "pending".to_owned(),
        Outcome::Failed(error) => format!("failed: {error}"),
        Outcome::Bound(bound) => bound.tree.map(&mut |leaf| leaf.bound.clone()).to_string(),
    };
    assert_eq!(shown, expected, "{dtab}");
}

#[test]
fn alternatives_that_are_asked_for_stand_behind_the_first() {
    check_alternatives("/a => /#/x | /#/y", "/#/x | /#/y");
    check_alternatives("/a => /#/x ; /a => /#/y", "/#/y | /#/x");
    check_alternatives("/a => /none | /#/x | /none | /#/y", "/#/x | /#/y");
    check_alternatives("/a => /b | /#/z ; /b => /#/x | /#/y", "/#/x | /#/y | /#/z");
    check_alternatives(
        "/a => /#/x | 1*/#/y & 1*(/#/z | /#/w)",
        "/#/x | /#/y & (/#/z | /#/w)",
    );
    check_alternatives("/a => (/#/x | /#/y) & /#/z", "(/#/x | /#/y) & /#/z");
    check_alternatives("/a => /#/x | /#/y | /b ; /b => /#/x", "/#/x | /#/y");
    check_alternatives("/a => /#/x | /a", "/#/x");
}

#[test]
fn alternatives_that_are_not_known_are_left_out_and_final_ones_end_the_list() {
    check_alternatives("/a => /#/x | /#/pending | /#/error | /#/y", "/#/x | /#/y");
    check_alternatives("/a => /#/x | ! | /#/y", "/#/x | !");
    check_alternatives("/a => (/#/x | !) | /#/y", "/#/x | !");
    check_alternatives("/a => /#/x | $ | /#/y", "/#/x | $");
    check_alternatives("/a => $ | /#/x", "$");
    check_alternatives("/a => ! | /#/x", "!");
    check_alternatives("/a => /#/pending | /#/x", "pending");
    check_alternatives(
        "/a => /#/error | /#/x",
        "failed: the store is away (in Namer lookup of /#/error, through /a => /#/error | /#/x)",
    );
    check_alternatives("/a => ~ | /none", "~");
}

#[test]
fn nobody_is_asked_for_alternatives_that_nobody_wants() {
    let asked = |dtab: &str| with_alternatives(dtab).1.join(" ");
    assert_eq!(asked("/a => /#/x | /#/y | ! | /#/z"), "/#/x /#/y");
    assert_eq!(asked("/a => $ | /#/x"), "");
    let dtab = Dtab::parse("/a => /#/x | /#/y").expect("a table");
    let path = Path::parse("/a").expect("a path");
    let mut asked = Vec::new();
    bind(&path, &dtab, &mut |path| {
        asked.push(path.to_string());
        namers(path)
    });
    assert_eq!(asked, ["/#/x"]);
}

#[test]
fn what_stands_behind_the_first_alternative_has_no_share_to_lose() {
    let (outcome, _) = with_alternatives(
        "/a => 1*/#/x & 3*/none | 1*/#/y & 1*/none & 1*/#/pending | 1*/#/z & 1*/none",
    );
    let Outcome::Bound(bound) = outcome else {
        panic!("{outcome:?}")
    };
    let shares: Vec<f64> = bound.dead.iter().map(|branch| branch.share).collect();
    assert_eq!((shares, bound.pending_branches), (vec![0.75], 0));
}

#[test]
fn alternatives_that_are_too_much_work_are_not_taken() {
    let mut doubling = String::from("/a => (/#/x | /p0) & /#/y ;");
    for step in 0..90 {
        let next = format!("/p{}", step + 1);
        doubling.push_str(&format!("/p{step} => {next}/l | {next}/r | {next} ;"));
    }
    for last in ["/#/z", "~"] {
        check_alternatives(&format!("{doubling} /p90 => {last}"), "/#/x & /#/y");
    }
    let mut many = String::from("/a => /#/first");
    for number in 0..1000 {
        many.push_str(&format!(" | /#/{number}"));
    }
    check_alternatives(&many, "/#/first");
}

#[test]
fn errors_name_the_path_and_the_rule_that_led_there() {
    assert_eq!(
        error("/a => /b ; /b => /#/error", "/a/x"),
        "the store is away (in Namer lookup of /#/error/x, through /b => /#/error)"
    );
    assert_eq!(
        error("/a => /b ; /b => /a", "/a/x"),
        "Max recursion level: 100 reached in Namer lookup of /a/x, through /b => /a"
    );
    assert_eq!(
        error("", "/#/error"),
        "the store is away (in Namer lookup of /#/error)"
    );
}

#[test]
fn a_union_of_one_writes_its_weight_and_is_its_branch() {
    let one = |tree| NameTree::Union(vec![Weighted { weight: 3.0, tree }]);
    let answer = Answer::Tree(one(NameTree::Leaf(Name::Bound(()))));
    let outcome = bind(&Path::empty(), &Dtab::empty(), &mut |_| answer.clone());
    let Outcome::Bound(BoundOutcome {
        tree: NameTree::Leaf(leaf),
        ..
    }) = outcome
    else {
        panic!("{outcome:?}")
    };
    assert_eq!(leaf.weight, Some(3.0));
}

#[test]
fn tables_that_double_at_each_step_end() {
    let chain = |operator: &str, steps: usize| {
        let mut dtab = String::new();
        for step in 0..steps {
            let next = format!("/p{}", step + 1);
            dtab.push_str(&format!("/p{step} => {next} {operator} {next} ;"));
        }
        dtab
    };
    assert!(error("/a => /a | /a", "/a").starts_with("Max recursion level: 100"));
    assert!(error("/a => /a & /a", "/a").starts_with("Max recursion level: 100"));
    assert!(error("/a => /a/x & /a/y", "/a").starts_with("Max recursion level: 100"));
    assert_eq!(bound(&chain("|", 90), "/p0").tree, NameTree::Neg);
    assert_eq!(bound(&chain("&", 90), "/p0").tree, NameTree::Neg);
    let explosion = format!("{} /p90 => /#/x", chain("&", 90));
    assert_eq!(
        error(&explosion, "/p0"),
        "the dtab rewrites this name into too many others to follow"
    );
    let small = format!("{} /p9 => /#/x", chain("&", 9));
    assert_eq!(bound(&small, "/p0").tree.leaves().len(), 512);
}

#[test]
fn wildcards_that_lead_nowhere_are_work_too() {
    let mut prefixes = vec![String::new()];
    for _ in 0..12 {
        prefixes = prefixes
            .iter()
            .flat_map(|prefix| [format!("{prefix}/*"), format!("{prefix}/a")])
            .collect();
    }
    let dtab: String = prefixes
        .iter()
        .map(|prefix| format!("{prefix}/z => ! ;"))
        .collect();
    let path = "/a".repeat(12);
    let message = error(&format!("{dtab} /a => /a/a & /a/a/a"), &path);
    assert!(
        message.starts_with("Max recursion") || message.contains("too many others"),
        "{message}"
    );
}

#[test]
fn delegation_has_a_size() {
    let too_large = |dtab: &str| {
        let dtab = Dtab::parse(dtab).expect("a table");
        let tree = delegate(&Path::parse("/a").expect("a path"), &dtab, &mut namers);
        matches!(tree, Err(DelegateError::TooLarge { .. }))
    };
    assert!(too_large("/a => /a | /a"));
    assert!(too_large("/a => /a & /a ; /a => /a/x"));
    assert!(!too_large("/a => /b | /a ; /b => /#/x"));
}

#[test]
fn deep_nesting_over_many_lookups_does_not_overflow_the_stack() {
    let deep = format!("/a => {}/a{}", "(".repeat(100), " | ~)".repeat(100));
    let dtab = Dtab::parse(&deep).expect("a table");
    let path = Path::parse("/a").expect("a path");
    assert!(matches!(
        bind(&path, &dtab, &mut namers),
        Outcome::Failed(_)
    ));
    assert!(delegate(&path, &dtab, &mut namers).is_err());
    let wild = format!("{}=>/a", "/*".repeat(300_000));
    assert_eq!(bound(&wild, "/a").tree, NameTree::Neg);
}
