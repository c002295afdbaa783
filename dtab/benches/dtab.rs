//! How long the things take that happen on each change of a table, and on each new name.
//!
//! Run with `cargo bench -p dtab`. Baseline on one core of a small, busy cloud machine, best of ten rounds, 10,000 rules:
//! parse 9 ms, print 2.4 ms, index 4 ms, lint 80 ms, a lookup 0.16 µs, a lookup with a request's own 30 rules on top
//! 0.3 µs, a binding 0.8 µs. Tables made to explode: 30 ms to bind, 180 ms to lint, whatever they say.

use std::fmt::Write as _;
use std::hint::black_box;
use std::io::Write as _;
use std::time::Duration;

use dtab::{Answer, Dtab, Name, NameTree, Path, bind, lint};

const RULES: usize = 10_000;

fn main() -> std::io::Result<()> {
    let source = table(RULES);
    let dtab = Dtab::parse(&source).expect("a table");
    let request = Dtab::parse(&table(30)).expect("a table");
    let path = Path::parse("/svc/service-7777/users/1").expect("a path");
    black_box(dtab.lookup(&path));
    let both = dtab.concat(&request);
    black_box(both.lookup(&path));
    let mut out = std::io::stdout().lock();
    writeln!(out, "{RULES} rules, {} KiB", source.len() / 1024)?;
    let mut report = |what: &str, each: Duration| writeln!(out, "{what:<24}{each:>12.2?}");
    report("parse", best(1, || Dtab::parse(&source)))?;
    report("print", best(1, || dtab.to_string()))?;
    report(
        "index, first lookup",
        best(1, || {
            Dtab::from_dentries(dtab.dentries().to_vec()).lookup(&path)
        }),
    )?;
    report("lint", best(1, || lint(&source, None)))?;
    report("lookup", best(1000, || dtab.lookup(&path)))?;
    report("lookup, two layers", best(1000, || both.lookup(&path)))?;
    report(
        "concat and lookup",
        best(1000, || dtab.concat(&request).lookup(&path)),
    )?;
    report("bind", best(1000, || bind(&path, &dtab, &mut namers)))?;
    for bad in ["/a => /a & /a", "/a => /a/x & /a/y", "/ => / & / | / & /"] {
        let table = Dtab::parse(bad).expect("a table");
        let path = Path::parse("/a").expect("a path");
        report(
            &format!("bind in {bad}"),
            best(1, || bind(&path, &table, &mut namers)),
        )?;
        report(&format!("lint of {bad}"), best(1, || lint(bad, None)))?;
    }
    Ok(())
}

/// Rules as a fleet has them: one or two for each service, some with canaries, comments here and there.
fn table(rules: usize) -> String {
    let mut text = String::from("# services\n/srv => /#/io.l5d.fs;\n/host => /srv;\n");
    for rule in 3..rules {
        let written = match rule % 5 {
            0 => writeln!(
                text,
                "# service {rule}\n/svc/service-{rule} => /host/service-{rule} | /srv/default;"
            ),
            1 => writeln!(
                text,
                "/svc/service-{rule} => 9*/host/service-{rule} & 1*/host/canary-{rule};"
            ),
            2 => writeln!(
                text,
                "/host/service-{rule} => /$/inet/10.0.0.{}/{rule};",
                rule % 250
            ),
            _ => writeln!(text, "/svc/service-{rule} => /host/service-{rule};"),
        };
        written.expect("a string takes all");
    }
    text + "/svc => /host ;"
}

fn namers(path: &Path) -> Answer<Path> {
    let is_bound = path
        .segments()
        .first()
        .is_some_and(|first| first == "#" || first == "$");
    let leaf = || NameTree::Leaf(Name::Bound(path.clone()));
    Answer::Tree(if is_bound { leaf() } else { NameTree::Neg })
}

/// The time of one call, in the best of ten rounds.
fn best<T>(calls: u32, mut call: impl FnMut() -> T) -> Duration {
    let round = |_| {
        let start = now();
        for _ in 0..calls {
            black_box(call());
        }
        start.elapsed() / calls
    };
    (0..10).map(round).min().unwrap_or_default()
}

#[expect(clippy::disallowed_methods, reason = "a benchmark measures real time")]
fn now() -> std::time::Instant {
    std::time::Instant::now()
}
