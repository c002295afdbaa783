//! The commands that run one program after the other.

use std::io::{Write, stdout};
use std::path::PathBuf;
use std::time::SystemTime;

use anyhow::{Context, Result, bail};

use crate::program::{Program, cargo, find};
use crate::{release, target, tidy, tools};

/// The programs, and the demo, which runs them.
const PROGRAMS: &str =
    "-p router -p namerd -p namerctl -p tests --bin router --bin namerd --bin namerctl --bin demo";

/// Builds them with a profile, and whatever else is to be built.
fn build(profile: Profile, more: &[&str]) -> Result<()> {
    let words = PROGRAMS.split_whitespace().chain(more.iter().copied());
    cargo("build --profile")
        .args([profile.name()])
        .args(words)
        .run()
}

/// How programs are built.
#[derive(Clone, Copy)]
enum Profile {
    /// For measuring.
    Release,
    /// For whoever waits for it.
    Quick,
}

impl Profile {
    fn name(self) -> &'static str {
        match self {
            Self::Release => "release",
            Self::Quick => "quick",
        }
    }

    /// Where cargo puts what is built like that.
    fn dir(self) -> PathBuf {
        target().join(self.name())
    }

    /// A program that was built like that.
    fn program(self, name: &str) -> Program {
        Program::new(self.dir().join(name)).env("SWITCHYARD_BIN_DIR", self.dir())
    }
}

/// Everything that must pass before a change lands, quick steps first. The last line says how many tests passed.
pub(crate) fn test() -> Result<()> {
    step("tools", || {
        tools::provide()?;
        components()
    })?;
    step("fmt", || cargo("fmt --all -- --check").run())?;
    step("tidy", tidy::run)?;
    step("clippy", || {
        checks("clippy --all-targets")
            .args(["--", "-D", "warnings"])
            .run()
    })?;
    step("doc", || {
        // The only step that leaves out what tests need of the dependencies: the programs must do without.
        checks("doc --no-deps --document-private-items")
            .env("RUSTDOCFLAGS", "-D warnings")
            .run()
    })?;
    step("build", || checks("test --no-run").run())?;
    step("demo", || {
        let demo = Profile::Quick.program("demo");
        demo.args(["--script", "--for", "10s"]).run()
    })?;
    let mut count = Count::default();
    let ran = step("test", || {
        checks("test --no-fail-fast")
            .env("SWITCHYARD_BIN_DIR", Profile::Quick.dir())
            .env("RUST_TEST_THREADS", threads().to_string())
            .lines(|line| count.read(line))
    });
    writeln!(stdout(), "{} passed, {} failed", count.passed, count.failed)?;
    ran
}

/// Cargo, for the whole workspace and with one profile, so that no step builds again what another one has built.
fn checks(words: &str) -> Program {
    let cargo = cargo(words).args(["--workspace", "--profile", Profile::Quick.name()]);
    // What nobody goes on with needs no notes for the next time.
    match std::env::var_os("CI") {
        Some(_) => cargo.env("CARGO_INCREMENTAL", "0"),
        None => cargo,
    }
}

/// How many tests run at once. Those that take long wait for most of their time.
fn threads() -> usize {
    let processors = std::thread::available_parallelism().map_or(1, usize::from);
    processors + 2
}

/// Runs a step, says which one it is, how long it took, and, if it fails, that it was this one.
fn step(name: &str, run: impl FnOnce() -> Result<()>) -> Result<()> {
    eprintln!("==> {name}");
    let began = SystemTime::now();
    run().with_context(|| format!("the step \"{name}\" failed"))?;
    let took = began.elapsed().unwrap_or_default();
    eprintln!("    {name} took {:.1} s", took.as_secs_f64());
    Ok(())
}

/// Makes sure that cargo can format and lint.
fn components() -> Result<()> {
    let is_here = |command| cargo(command).output().is_ok();
    if is_here("fmt --version") && is_here("clippy --version") {
        return Ok(());
    }
    Program::new("rustup")
        .args(["component", "add", "rustfmt", "clippy"])
        .run()
}

/// Tests counted from cargo's own output.
#[derive(Default)]
struct Count {
    passed: u64,
    failed: u64,
}

impl Count {
    /// Reads `test result: ok. 12 passed; 0 failed; 0 ignored; …`.
    fn read(&mut self, line: &str) {
        let Some(result) = line.strip_prefix("test result: ") else {
            return;
        };
        let number = |what| {
            let words: Vec<&str> = result.split([' ', ';']).collect();
            let at = words.iter().position(|word| *word == what)?;
            words.get(at.checked_sub(1)?)?.parse::<u64>().ok()
        };
        self.passed += number("passed").unwrap_or(0);
        self.failed += number("failed").unwrap_or(0);
    }
}

pub(crate) fn demo(args: &[String]) -> Result<()> {
    build(Profile::Quick, &[])?;
    let demo = Profile::Quick.program("demo");
    demo.args(args).with_input().replace_us()
}

pub(crate) fn memory(args: &[String]) -> Result<()> {
    build(Profile::Release, &["--bin", "memory"])?;
    Profile::Release.program("memory").args(args).run()
}

pub(crate) fn soak(args: &[String]) -> Result<()> {
    build(Profile::Release, &["--bin", "soak"])?;
    Profile::Release.program("soak").args(args).run()
}

/// The router takes part as it ships, unless the environment variable ROUTER names another one.
pub(crate) fn bench(args: &[String]) -> Result<()> {
    // What is simulated needs no router, and who asks for help gets it at once.
    let needs_router = args.first().is_some_and(|word| word != "balance")
        && !args.iter().any(|word| word == "--help" || word == "-h")
        && std::env::var_os("ROUTER").is_none();
    cargo("build --release")
        .args(release::BENCH.split_whitespace())
        .run()?;
    let bench = Profile::Release.program("bench").args(args);
    if !needs_router {
        return bench.replace_us();
    }
    let router = release::router().or_else(|error| {
        eprintln!("measuring a router that was built without a profile: {error:#}");
        cargo("build --release -p router --bin router").run()?;
        anyhow::Ok(Profile::Release.dir().join("router"))
    })?;
    bench.env("ROUTER", router).replace_us()
}

/// Fuzzes one target, or each in turn, without a sanitizer, which a stable toolchain can do. The words are a target and a
/// number of seconds, and either may be missing.
pub(crate) fn fuzz(words: &[String]) -> Result<()> {
    let mut targets = fuzz_targets()?;
    let mut seconds = 60;
    for word in words {
        if let Ok(number) = word.parse::<u32>() {
            seconds = number;
        } else if targets.contains(word) {
            targets = vec![word.clone()];
        } else {
            bail!(
                "{word:?} is neither a number of seconds nor one of {}",
                targets.join(", ")
            );
        }
    }
    if find("cargo-fuzz").is_none() {
        cargo("install --locked cargo-fuzz --version 0.13.2").run()?;
    }
    for target in targets {
        cargo("fuzz run --sanitizer none")
            .args([target.as_str(), "--", &format!("-max_total_time={seconds}")])
            // What takes longer than that for a few kilobytes counts as a hang.
            .args(["-timeout=10"])
            .run()?;
    }
    Ok(())
}

/// The names of all targets, in order.
fn fuzz_targets() -> Result<Vec<String>> {
    let files = std::fs::read_dir(crate::root().join("fuzz/fuzz_targets"))?;
    let name = |file: std::io::Result<std::fs::DirEntry>| {
        let path = file?.path();
        Ok(path.file_stem().unwrap_or_default().display().to_string())
    };
    let mut names = files.map(name).collect::<Result<Vec<_>>>()?;
    names.sort();
    Ok(names)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_results_of_all_test_programs_are_added_up() {
        let mut count = Count::default();
        for line in [
            "test result: ok. 12 passed; 0 failed; 1 ignored; 0 measured; 0 filtered out; finished in 0.10s",
            "test what_passed ... ok",
            "test result: FAILED. 3 passed; 2 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.10s",
        ] {
            count.read(line);
        }
        assert_eq!((count.passed, count.failed), (15, 2));
    }
}
