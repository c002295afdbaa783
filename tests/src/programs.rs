//! Where the programs under test are.

use std::env;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;

/// The path of one of our programs.
///
/// # Panics
/// If it cannot be built.
pub fn program(name: &str) -> PathBuf {
    static DIR: OnceLock<PathBuf> = OnceLock::new();
    let dir =
        DIR.get_or_init(|| env::var_os("SWITCHYARD_BIN_DIR").map_or_else(build, PathBuf::from));
    let path = dir.join(name);
    assert!(path.is_file(), "there is no {}", path.display());
    path
}

/// Builds all of them in the profile of the running program.
fn build() -> PathBuf {
    let dir = profile_dir();
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let profile = match dir.file_name().and_then(OsStr::to_str) {
        None | Some("debug") => "dev",
        Some(name) => name,
    };
    let mut cargo = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo
        .args(["build", "--quiet", "--profile", profile])
        .args(["-p", "router", "-p", "namerd", "-p", "namerctl", "--bins"])
        .current_dir(root)
        .stdin(Stdio::null());
    let status = cargo.status().expect("cargo starts");
    assert!(
        status.success(),
        "router, namerd and namerctl cannot be built"
    );
    dir
}

/// `target/debug`, or that of another profile; tests run in its folder `deps`.
pub(crate) fn profile_dir() -> PathBuf {
    let path = env::current_exe().expect("a running program has a path");
    let mut dir = path.parent().expect("a program stands in a folder");
    if dir.ends_with("deps") {
        dir = dir.parent().expect("a folder in a folder");
    }
    dir.to_owned()
}
