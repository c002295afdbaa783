//! What the tests need of others: found, or installed.

use anyhow::{Result, bail};

use crate::program::{Program, find};
use crate::target;

/// Programs of Debian's packages.
struct Tools {
    /// What they are called, and environment variables that may name others instead.
    programs: &'static [(&'static str, Option<&'static str>)],
    packages: &'static [&'static str],
    advice: &'static str,
}

const ETCD: Tools = Tools {
    programs: &[("etcd", Some("ETCD")), ("etcdctl", Some("ETCDCTL"))],
    packages: &["etcd-server", "etcd-client"],
    advice: "the tests need etcd and etcdctl: install them (Debian: etcd-server, etcd-client), or name them in the environment \
        variables ETCD and ETCDCTL",
};

const NGHTTP2: Tools = Tools {
    programs: &[("h2load", None), ("nghttp", None)],
    packages: &["nghttp2-client"],
    advice: "the tests of HTTP/2 try h2load and nghttp: install them (Debian: nghttp2-client)",
};

const VENV: Tools = Tools {
    programs: &[("python3", None)],
    packages: &["python3", "python3-venv"],
    advice: "the tests of gRPC try Python's: install python3 and its venv (Debian: python3-venv), or name a Python that has \
        grpcio in the environment variable GRPCIO_PYTHON",
};

/// gRPC's implementation for Python, of a version that comes ready to run.
const GRPCIO: &str = "grpcio==1.85.3";

/// Makes sure that the tests find what they need. On Debian, root installs what is missing. Where a peer cannot be had, the
/// tests that try it say so and pass, except on the machine of a CI.
pub(crate) fn provide() -> Result<()> {
    ETCD.provide()?;
    for provided in [NGHTTP2.provide(), grpcio()] {
        match provided {
            Err(error) if std::env::var_os("CI").is_none() => eprintln!("    {error:#}"),
            provided => provided?,
        }
    }
    Ok(())
}

impl Tools {
    fn provide(&self) -> Result<()> {
        if self.are_here() {
            return Ok(());
        }
        self.install()?;
        if !self.are_here() {
            bail!(self.advice);
        }
        Ok(())
    }

    fn install(&self) -> Result<()> {
        if find("apt-get").is_none() || !is_root() {
            bail!(self.advice);
        }
        eprintln!("installing {}", self.packages.join(" and "));
        // A machine whose lists are fresh enough needs no update, so that failing here isn't the end yet.
        let updated = apt(&["update"]);
        let installed = apt(&[&["install", "--no-install-recommends"], self.packages].concat());
        installed.or_else(|error| updated.and(Err(error)))
    }

    fn are_here(&self) -> bool {
        self.programs.iter().all(|(name, variable)| {
            let is_named = variable.is_some_and(|variable| std::env::var_os(variable).is_some());
            is_named || find(name).is_some()
        })
    }
}

/// Puts grpcio into a folder of its own below the target folder, where the tests look for it.
fn grpcio() -> Result<()> {
    if std::env::var_os("GRPCIO_PYTHON").is_some() {
        return Ok(());
    }
    let dir = target().join("grpcio");
    let python = dir.join("bin/python");
    let import = |python| Program::new(python).args(["-c", "import grpc"]);
    if python.is_file() && import(&python).quiet().run().is_ok() {
        return Ok(());
    }
    eprintln!("installing {GRPCIO} into {}", dir.display());
    VENV.provide()?;
    let venv = || {
        Program::new("python3")
            .args(["-m", "venv", "--clear"])
            .args([&dir])
    };
    if let Err(error) = venv().run() {
        // Debian has a Python that cannot do it.
        VENV.install().map_err(|_| error)?;
        venv().run()?;
    }
    Program::new(&python)
        .args(["-m", "pip", "install", "--quiet"])
        .args(["--disable-pip-version-check", "--only-binary", ":all:"])
        .args([GRPCIO])
        .run()?;
    import(&python).run()
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
