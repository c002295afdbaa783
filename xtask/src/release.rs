//! The programs as they ship. What the router does under load tells its compiler which code is hot, which calls to inline, and what to
//! put together: it is built to be observed, asked everything that the benchmarks ask, and built again with what was seen
//! (profile-guided optimization, as the book of rustc describes it). The sources stay as they are.

use std::ffi::{OsStr, OsString};
use std::fs;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use anyhow::{Context, Result, bail};

use crate::program::{Program, cargo};
use crate::target;

/// What loads the router, and tells what that costs it.
pub(crate) const BENCH: &str = "-p bench --bin bench --bin bench-backend --bin bench-load";

/// What the observed router is asked: each kind of load on a core of its own once, for a moment.
const LOADS: [&str; 2] = [
    "http1 --peers router --rounds 1 --warm-up 0.2 --seconds 1",
    "grpc --peers router --rounds 1 --warm-up 0.2 --seconds 1 --only unary,one,rate",
];

const ADVICE: &str = "the router is built with a profile, for which the compiler's own llvm-profdata is needed: \
    rustup component add llvm-tools, or name the program in the environment variable LLVM_PROFDATA";

/// Builds all programs, and puts them into a folder of their own.
pub(crate) fn run() -> Result<()> {
    let router = router()?;
    cargo("build --release -p namerd -p namerctl --bin namerd --bin namerctl").run()?;
    let programs = target().join("release");
    let shipped = target().join("dist");
    fs::create_dir_all(&shipped)?;
    for program in [router, programs.join("namerd"), programs.join("namerctl")] {
        let name = program.file_name().unwrap_or_default();
        let copy = shipped.join(name);
        // Not over the old one, which may be running.
        let new = copy.with_extension("new");
        fs::copy(&program, &new).and_then(|_| fs::rename(&new, &copy))?;
        eprintln!("{}", copy.display());
    }
    Ok(())
}

/// Builds the router, and tells where it is.
///
/// # Errors
/// If there is no `llvm-profdata`, before anything is built; and if the observed router cannot be loaded.
pub(crate) fn router() -> Result<PathBuf> {
    let profdata = profdata()?;
    let place = target().join("guided");
    cargo("build --release")
        .args(BENCH.split_whitespace())
        .run()?;
    let observed = build(&place.join("observed"), "-Cprofile-generate".as_ref())?;
    let profile = place.join("router.profdata");
    let release = target().join("release");
    let loads = ["bench", "bench-backend", "bench-load"].map(|name| release.join(name));
    if !is_newer(&profile, loads.iter().chain([&observed])) {
        observe(&observed, &place.join("seen"), &release)?;
        merge(&profdata, &place.join("seen"), &profile)?;
    }
    let mut flag = OsString::from("-Cprofile-use=");
    flag.push(&profile);
    build(&place, &flag)
}

/// Builds the router into a folder with one more flag for the compiler, and tells where it is. Only a build for a named target spares
/// build scripts the flag.
fn build(dir: &Path, flag: &OsStr) -> Result<PathBuf> {
    let host = host()?;
    let user = std::env::var("RUSTFLAGS").unwrap_or_default();
    let mut flags = OsString::new();
    // Separated by what no path has, as cargo wants it.
    for flag in user.split_whitespace().map(OsStr::new).chain([flag]) {
        if !flags.is_empty() {
            flags.push("\x1f");
        }
        flags.push(flag);
    }
    cargo("build --release -p router --bin router --target")
        .args([&host])
        .args(["--target-dir".as_ref(), dir.as_os_str()])
        .env("CARGO_ENCODED_RUSTFLAGS", flags)
        .run()?;
    Ok(dir.join(host).join("release/router"))
}

/// Loads the observed router, which leaves what it has seen in a folder that is emptied first.
fn observe(router: &Path, seen: &Path, programs: &Path) -> Result<()> {
    if seen.exists() {
        fs::remove_dir_all(seen)?;
    }
    for load in LOADS {
        eprintln!("observing the router: bench {load}");
        let figures = Program::new(programs.join("bench"))
            .args(load.split_whitespace())
            .env("ROUTER", router)
            .env("LLVM_PROFILE_FILE", seen.join("%p.profraw"))
            .output();
        // They are those of a router that is observed: of no use to anybody.
        drop(figures.context("the observed router could not be loaded")?);
    }
    Ok(())
}

/// Makes one profile of all that was seen.
fn merge(profdata: &Path, seen: &Path, profile: &Path) -> Result<()> {
    Program::new(profdata)
        .args(["merge", "--output"])
        .args([profile, seen])
        .run()
}

/// The `llvm-profdata` that belongs to the compiler; rustup may have to fetch it.
fn profdata() -> Result<PathBuf> {
    if let Some(found) = found_profdata()? {
        return Ok(found);
    }
    let add = Program::new("rustup").args(["component", "add", "llvm-tools"]);
    add.run().context(ADVICE)?;
    found_profdata()?.context(ADVICE)
}

/// The same, if it is here.
fn found_profdata() -> Result<Option<PathBuf>> {
    if let Some(named) = std::env::var_os("LLVM_PROFDATA").map(PathBuf::from) {
        return match named.is_file() {
            true => Ok(Some(named)),
            false => bail!("LLVM_PROFDATA: there is no {}", named.display()),
        };
    }
    let sysroot = rustc(&["--print", "sysroot"])?;
    let libraries = Path::new(sysroot.trim()).join("lib/rustlib");
    let own = libraries.join(host()?).join("bin/llvm-profdata");
    Ok(Some(own).filter(|own| own.is_file()))
}

/// The target that programs for this machine are built for.
fn host() -> Result<String> {
    let said = rustc(&["--version", "--verbose"])?;
    let host = said.lines().find_map(|line| line.strip_prefix("host: "));
    host.map(str::to_owned)
        .context("rustc does not say what its host is")
}

fn rustc(args: &[&str]) -> Result<String> {
    let rustc = std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    Program::new(rustc).args(args).output()
}

/// Whether a file is there, and was made after all others.
fn is_newer<'a>(file: &Path, others: impl IntoIterator<Item = &'a PathBuf>) -> bool {
    let made = |file: &Path| fs::metadata(file).and_then(|about| about.modified()).ok();
    let latest: Option<Vec<SystemTime>> = others.into_iter().map(|other| made(other)).collect();
    let latest = latest.and_then(|all| all.into_iter().max());
    made(file)
        .zip(latest)
        .is_some_and(|(made, latest)| made > latest)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The way of the router, with a program of a few lines.
    #[test]
    fn what_was_seen_reaches_the_compiler() {
        let Some(profdata) = found_profdata().unwrap() else {
            return eprintln!("not tested: {ADVICE}");
        };
        let dir = target().join("guided-test");
        let seen = dir.join("seen");
        fs::create_dir_all(&seen).unwrap();
        let source = dir.join("program.rs");
        fs::write(
            &source,
            "fn main() { assert!(std::env::args().count() == 1) }",
        )
        .unwrap();
        let compile = |flag: String| {
            Program::new("rustc")
                .args([source.as_os_str(), "-Dwarnings".as_ref(), "-o".as_ref()])
                .args([dir.join("program")])
                .args([flag])
                .run()
        };
        compile("-Cprofile-generate".into()).unwrap();
        let observed = Program::new(dir.join("program"));
        let observed = observed.env("LLVM_PROFILE_FILE", seen.join("a.profraw"));
        observed.run().unwrap();
        let profile = dir.join("profile");
        merge(&profdata, &seen, &profile).unwrap();
        assert!(is_newer(&profile, [&source]));
        assert!(!is_newer(&source, [&profile]));
        compile(format!("-Cprofile-use={}", profile.display())).unwrap();
        let _ = fs::remove_dir_all(&dir);
    }

    #[test]
    fn what_is_missing_is_neither_newer_nor_older() {
        let here = crate::root().join("Cargo.toml");
        let missing = crate::root().join("missing");
        assert!(here.is_file());
        assert!(!is_newer(&missing, [&here]));
        assert!(!is_newer(&here, [&missing]));
    }
}
