//! From what a configuration says to the parts that do it.

mod tls;

use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use config::{HostPort, InterpreterConfig, NamerConfig, TransformerConfig};
use dtab::{Alternatives, Dtab, Path};
use live::Live;
use mesh::channel::{AddressError, Namerds};
use mesh::client::BaseUrlError;
use transport::TlsError;

use crate::fs::FsNamer;
use crate::interpreter::fs;
use crate::rewrite::RewriteNamer;
use crate::transform::{
    Rewrite, Target, Transformed, TransformedNamer, Transformer, Transformers, local_addresses,
};
use crate::{
    Binder, HttpInterpreter, HttpOptions, Inet, Interpreter, MeshInterpreter, MeshOptions, Namer,
    Namers, RouterIdentity, SnapshotPlace, Table,
};

pub use tls::{client_tls, server_tls};

/// Why a part cannot be made.
#[derive(Debug, thiserror::Error)]
pub enum BuildError {
    /// What the namers say stays with namerd.
    #[error(
        "`emptyIsNeg` is namerd's to say where namerd binds the names: write it in namerd's file"
    )]
    EmptyIsNeg,
    /// Names that may be passed over, where nobody tells what stands behind them.
    #[error(
        "`minLiveShare` needs alternatives, which io.l5d.namerd.http does not tell: use io.l5d.mesh"
    )]
    Alternatives,
    /// The files for TLS to namerd.
    #[error("cannot read the files for TLS to namerd")]
    Tls(#[from] TlsError),
    /// The addresses of namerd.
    #[error("cannot use the addresses of namerd")]
    Address(#[from] AddressError),
    /// The addresses of namerd's HTTP API.
    #[error("cannot use the addresses of namerd")]
    BaseUrl(#[from] BaseUrlError),
    /// The addresses of this host, for `io.l5d.localhost`.
    #[error("cannot find out the addresses of this host, which io.l5d.localhost needs")]
    LocalAddresses(#[source] io::Error),
}

/// The router that an interpreter is for, as a namerd is to know it.
#[derive(Clone, Debug, Default)]
pub struct Asker {
    /// Who it is in the fleet.
    pub identity: RouterIdentity,
    /// Its label, which the names of its files begin with.
    pub label: String,
    /// Where state may be kept for the next start, the best folder first; none if nothing is to be kept.
    pub state_folders: Vec<PathBuf>,
    /// Which alternatives it wants to know of.
    pub alternatives: Alternatives,
}

impl Asker {
    fn snapshot(&self, namespace: &str) -> Option<SnapshotPlace> {
        let folders = self.state_folders.clone();
        (!folders.is_empty()).then(|| SnapshotPlace::new(folders, &self.label, namespace))
    }
}

/// Makes the namers. Of two with the same prefix the later one is asked first, as in linkerd; namerd's never overlap.
///
/// # Errors
/// [`BuildError::LocalAddresses`]
pub fn namers(configs: &[NamerConfig], inet: &Inet) -> Result<Namers, BuildError> {
    let mut configured: Vec<(Path, Arc<dyn Namer>)> = Vec::new();
    for config in configs {
        let mut namer = namer(config, inet);
        if !config.transformers().is_empty() {
            // Only those above it answer for what replaces its names, so that nothing is replaced by itself.
            let above = Namers::new(configured.clone(), inet.clone());
            let transformers = transformers(config.transformers(), &above)?;
            namer = Arc::new(TransformedNamer {
                namer,
                transformers,
            });
        }
        configured.insert(0, (config.prefix().clone(), namer));
    }
    Ok(Namers::new(configured, inet.clone()))
}

fn namer(config: &NamerConfig, inet: &Inet) -> Arc<dyn Namer> {
    match config {
        NamerConfig::Fs {
            prefix, root_dir, ..
        } => Arc::new(FsNamer::new(prefix.clone(), root_dir.clone(), inet.clone())),
        NamerConfig::Rewrite { pattern, name, .. } => {
            Arc::new(RewriteNamer::new(pattern, name.as_str()))
        }
    }
}

/// Makes the interpreter, with transformers behind it. Tasks that it needs run where this is called.
///
/// # Errors
/// [`BuildError`] for a kind that is not available.
pub fn interpreter(
    config: &InterpreterConfig,
    written: &[TransformerConfig],
    namers: Namers,
    empty_is_neg: bool,
    asker: &Asker,
) -> Result<Arc<dyn Interpreter>, BuildError> {
    let transformers = transformers(written, &namers)?;
    let below = transformers.clone();
    let binder = |table| {
        let binder = Binder::new(table, namers, empty_is_neg).below(below);
        Arc::new(binder.with(asker.alternatives))
    };
    let interpreter: Arc<dyn Interpreter> = match config {
        InterpreterConfig::Default => binder(no_rules()),
        InterpreterConfig::Fs { dtab_file } => binder(fs::table(dtab_file)),
        _ if empty_is_neg => return Err(BuildError::EmptyIsNeg),
        InterpreterConfig::Mesh(mesh) => {
            let tls = client_tls(mesh.tls.as_ref(), &["h2"])?;
            let namespace: String = mesh
                .root
                .segments()
                .iter()
                .map(|ns| ns.to_str_lossy())
                .collect();
            Arc::new(MeshInterpreter::start(MeshOptions {
                namerds: Namerds::new(mesh.dst.iter().map(host_and_port), tls)?
                    .with_stream_window(mesh.initial_stream_window),
                snapshot: asker.snapshot(&namespace),
                namespace,
                alternatives: asker.alternatives,
                identity: asker.identity.clone(),
                retry: mesh.retry,
                failing_max: mesh.failure_threshold.map(|threshold| threshold.min_period),
            }))
        }
        InterpreterConfig::NamerdHttp(_) if asker.alternatives == Alternatives::All => {
            return Err(BuildError::Alternatives);
        }
        InterpreterConfig::NamerdHttp(namerd) => {
            let tls = client_tls(namerd.tls.as_ref(), &["http/1.1"])?;
            let scheme = if tls.is_some() { "https" } else { "http" };
            let urls = namerd.dst.iter().map(host_and_port);
            Arc::new(HttpInterpreter::start(HttpOptions {
                base_urls: urls.map(|at| format!("{scheme}://{at}")).collect(),
                tls,
                namespace: namerd.namespace.clone(),
                retry: namerd.retry,
                snapshot: asker.snapshot(&namerd.namespace),
            })?)
        }
    };
    Ok(match written {
        [] => interpreter,
        _ => Arc::new(Transformed::new(interpreter, transformers)),
    })
}

/// Makes transformers. What replaces names is answered for by these namers.
fn transformers(
    configs: &[TransformerConfig],
    namers: &Namers,
) -> Result<Transformers, BuildError> {
    let transformers: Result<Vec<_>, _> = configs
        .iter()
        .map(|config| transformer(config, namers))
        .collect();
    Ok(Transformers::new(transformers?))
}

fn transformer(config: &TransformerConfig, namers: &Namers) -> Result<Transformer, BuildError> {
    let rewrite = |prefix: &Path, rewrite| Transformer::Rewrite(prefix.clone(), rewrite);
    let target = |prefix: &Path, path: &Path| Target {
        prefix: prefix.clone(),
        path: path.clone(),
        namers: namers.clone(),
    };
    Ok(match config {
        TransformerConfig::Localhost { prefix } => {
            let here = local_addresses().map_err(BuildError::LocalAddresses)?;
            rewrite(prefix, Rewrite::Here(here.into()))
        }
        TransformerConfig::SpecificHost { prefix, host } => {
            let (host, inet) = (host.clone(), namers.inet().clone());
            rewrite(prefix, Rewrite::On { host, inet })
        }
        TransformerConfig::Port { prefix, port } => rewrite(prefix, Rewrite::Port(*port)),
        TransformerConfig::Replace { prefix, path } => Transformer::Replace(target(prefix, path)),
        TransformerConfig::Const { prefix, path } => Transformer::Const(target(prefix, path)),
    })
}

/// The dtab of an interpreter that has none of its own: what it binds with is the router's.
fn no_rules() -> Live<Table> {
    Live::constant(Table {
        revision: 0,
        dtab: Dtab::empty(),
    })
}

/// `host:port`, with the brackets that an IPv6 address needs.
fn host_and_port(to: &HostPort) -> String {
    let HostPort { host, port } = to;
    if host.contains(':') {
        format!("[{host}]:{port}")
    } else {
        format!("{host}:{port}")
    }
}

#[cfg(test)]
mod tests {
    use dtab::{Answer, Name, NameTree};
    use live::Reads;

    use super::*;

    fn rewrite(name: &str) -> NamerConfig {
        NamerConfig::Rewrite {
            prefix: Path::parse("/#/rewrite").unwrap(),
            pattern: "/{svc}".to_owned(),
            name: name.to_owned(),
            transformers: Vec::new(),
        }
    }

    #[test]
    fn the_later_namer_is_asked_first() {
        let configs = [rewrite("/first/{svc}"), rewrite("/second/{svc}")];
        let namers = namers(&configs, &Inet::system()).unwrap();
        let path = Path::parse("/#/rewrite/web").unwrap();
        match namers.lookup(&path, &mut Reads::default()) {
            Answer::Tree(NameTree::Leaf(Name::Path(path))) => {
                assert_eq!(path.to_string(), "/second/web");
            }
            other => panic!("{other:?}"),
        }
    }

    #[tokio::test]
    async fn a_file_and_a_folder_bind_a_name() {
        let folder = tempfile::tempdir().unwrap();
        let dtab_file = folder.path().join("web.dtab");
        std::fs::write(&dtab_file, "/svc => /#/io.l5d.fs ;").unwrap();
        let root_dir = folder.path().join("disco");
        std::fs::create_dir(&root_dir).unwrap();
        std::fs::write(root_dir.join("web"), "127.0.0.1 80").unwrap();
        let fs = NamerConfig::Fs {
            prefix: Path::parse("/#/io.l5d.fs").unwrap(),
            root_dir,
            transformers: Vec::new(),
        };
        let namers = namers(&[fs], &Inet::system()).unwrap();
        let config = InterpreterConfig::Fs { dtab_file };
        let interpreter = interpreter(&config, &[], namers, false, &Asker::default()).unwrap();
        let binding = interpreter.bind(&Path::parse("/svc/web/x").unwrap(), &Dtab::empty());
        let deadline = tokio::time::Instant::now() + std::time::Duration::from_secs(10);
        let binding = binding.ready(deadline).await.unwrap();
        assert_eq!(binding.revision, 1);
        let shown = format!("{:?}", binding.outcome);
        assert!(shown.contains("/#/io.l5d.fs/web + /x"), "{shown}");
    }

    #[tokio::test]
    async fn transformers_stand_behind_namers_and_interpreters() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("web"), "127.0.0.1 80\n203.0.113.77 80").unwrap();
        let path = |text: &str| Path::parse(text).unwrap();
        let prefix = |name: &str| path("/%").join(&path(name));
        let fs = NamerConfig::Fs {
            prefix: path("/#/fs"),
            root_dir: folder.path().to_owned(),
            transformers: vec![TransformerConfig::Localhost {
                prefix: prefix("/here"),
            }],
        };
        let replaced = |target: &str| NamerConfig::Fs {
            prefix: path("/#/replaced"),
            root_dir: folder.path().to_owned(),
            transformers: vec![TransformerConfig::Replace {
                prefix: prefix("/other"),
                path: path(target),
            }],
        };
        let written = [
            TransformerConfig::SpecificHost {
                prefix: prefix("/on"),
                host: "127.1".to_owned(),
            },
            TransformerConfig::Port {
                prefix: prefix("/port"),
                port: 4141,
            },
        ];
        let deadline = tokio::time::Instant::now() + std::time::Duration::from_secs(10);
        for (configs, name, expected) in [
            (
                vec![fs.clone()],
                "/#/fs/web",
                Some("/%/port/%/on/%/here/#/fs/web"),
            ),
            (
                vec![fs.clone(), replaced("/#/fs/web")],
                "/#/replaced/web",
                Some("/%/port/%/on/%/other/#/fs/web"),
            ),
            // It is not there for the namer itself, nor for those above it.
            (vec![replaced("/#/replaced/web")], "/#/replaced/web", None),
            (vec![replaced("/#/fs/web"), fs], "/#/replaced/web", None),
        ] {
            let namers = namers(&configs, &Inet::system()).unwrap();
            let config = InterpreterConfig::Default;
            let interpreter =
                interpreter(&config, &written, namers, false, &Asker::default()).unwrap();
            let binding = interpreter.bind(&path(name), &Dtab::empty());
            let binding = binding.ready(deadline).await.unwrap();
            let crate::Evaluated::Bound(tree, _) = &binding.outcome else {
                panic!("{binding:?}");
            };
            let bound = crate::wire::concrete_names(tree);
            assert_eq!(
                bound.first().map(|(id, _)| id.to_string()).as_deref(),
                expected
            );
            for (_, addresses) in bound {
                let addresses = addresses.ready(deadline).await.unwrap();
                assert_eq!(addresses.endpoints().len(), 1);
                assert_eq!(
                    addresses.endpoints()[0].address,
                    ([127, 0, 0, 1], 4141).into()
                );
            }
        }
    }

    #[tokio::test]
    async fn a_mesh_interpreter_looks_for_its_namerds() {
        let config = InterpreterConfig::Mesh(config::MeshInterpreter {
            dst: vec![HostPort {
                host: "::1".to_owned(),
                port: 1,
            }],
            root: Path::parse("/prod").unwrap(),
            retry: config::Retry::default(),
            failure_threshold: None,
            initial_stream_window: 65_536,
            tls: None,
        });
        let namers = Namers::builtin(Inet::system());
        let refused = interpreter(&config, &[], namers.clone(), true, &Asker::default());
        assert!(
            matches!(refused, Err(BuildError::EmptyIsNeg)),
            "{refused:?}"
        );
        let interpreter = interpreter(&config, &[], namers, false, &Asker::default()).unwrap();
        let mut binding = interpreter.bind(&Path::parse("/svc/web").unwrap(), &Dtab::empty());
        let state = tokio::time::timeout(std::time::Duration::from_secs(10), async {
            loop {
                let state = binding.changed().await;
                if state.failure().is_some() {
                    return state;
                }
            }
        });
        let state = state.await.unwrap();
        let why = &state.failure().unwrap().reason;
        assert!(why.contains("[::1]:1"), "{why}");
    }
}
