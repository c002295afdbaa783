//! A real etcd for the tests: found, or installed.

use anyhow::{Result, bail};

use crate::program::{Program, find};

const ADVICE: &str = "the tests need etcd and etcdctl: install them (Debian: etcd-server, etcd-client), or name them in \
    the environment variables ETCD and ETCDCTL";

/// Makes sure that etcd and etcdctl can be started. On Debian, root installs what is missing.
pub(crate) fn provide() -> Result<()> {
    if is_here() {
        return Ok(());
    }
    if find("apt-get").is_none() || !is_root() {
        bail!(ADVICE);
    }
    eprintln!("installing etcd-server and etcd-client");
    // A machine whose lists are fresh enough needs no update, so that failing here isn't the end yet.
    let updated = apt(&["update"]);
    if let Err(error) = apt(&[
        "install",
        "--no-install-recommends",
        "etcd-server",
        "etcd-client",
    ]) {
        updated?;
        return Err(error);
    }
    if is_here() { Ok(()) } else { bail!(ADVICE) }
}

fn is_here() -> bool {
    [("ETCD", "etcd"), ("ETCDCTL", "etcdctl")]
        .iter()
        .all(|(variable, name)| std::env::var_os(variable).is_some() || find(name).is_some())
}

fn is_root() -> bool {
    Program::new("id")
        .args(["-u"])
        .output()
        .is_ok_and(|id| id.trim() == "0")
}

fn apt(words: &[&str]) -> Result<()> {
    Program::new("apt-get")
        .args(["-y", "-q"])
        .args(words)
        .env("DEBIAN_FRONTEND", "noninteractive")
        .run()
}
