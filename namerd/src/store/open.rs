//! From a `storage:` object to a store.

use std::path::PathBuf;
use std::sync::Arc;

use config::StorageConfig;

use super::{Embedded, InMemory, Namespace, Store, Stored};

/// Why a store cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// Another process has the file.
    #[error("{} is in use by another process: stop that namerd, or give this one a dir of its own", .0.display())]
    InUse(PathBuf),
    /// The file was written by another version.
    #[error("{} has format {format}, this namerd knows format {known}", path.display())]
    Format {
        /// The file.
        path: PathBuf,
        /// Its format; 0 if it says none.
        format: u64,
        /// The format of this version.
        known: u64,
    },
    /// The file cannot be read, or is damaged.
    #[error("cannot open the dtabs in {}: {reason}", path.display())]
    Unusable {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// The configuration asks for what this store cannot do.
    #[error("{0}")]
    Unsupported(String),
}

/// Opens the store that the configuration names, for the namerd of this id. Blocks for as long as a file takes; a store
/// over the network is heard later, see [`Store::view`], and needs a Tokio runtime around this call.
///
/// # Errors
/// [`OpenError`].
pub fn open(namerd: &str, storage: &StorageConfig) -> Result<Arc<dyn Store>, OpenError> {
    match storage {
        StorageConfig::InMemory { namespaces } => {
            let parsed = namespaces.iter().map(|(name, text)| parse(name, text));
            Ok(Arc::new(InMemory::new(
                namerd,
                parsed.collect::<Result<Vec<_>, _>>()?,
            )))
        }
        StorageConfig::Embedded { dir } => Ok(Arc::new(Embedded::open(namerd, dir)?)),
        #[cfg(feature = "etcd")]
        StorageConfig::Etcd(storage) => {
            let settings = super::EtcdSettings::of(storage)?;
            Ok(Arc::new(super::Etcd::open(namerd, settings)))
        }
        #[cfg(not(feature = "etcd"))]
        StorageConfig::Etcd(_) => Err(OpenError::Unsupported(
            "this namerd was built without the feature `etcd`".to_owned(),
        )),
    }
}

fn parse(name: &str, text: &str) -> Result<(Namespace, Stored), OpenError> {
    let unsupported =
        |reason: String| OpenError::Unsupported(format!("namespace {name}: {reason}"));
    let namespace = Namespace::new(name).map_err(|error| unsupported(error.to_string()))?;
    let stored = Stored::parse(text).map_err(|error| unsupported(error.to_string()))?;
    Ok((namespace, stored))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn opened(yaml: &str) -> Result<Arc<dyn Store>, OpenError> {
        let file = format!("storage: {yaml}\ninterfaces: [{{kind: io.l5d.httpController}}]");
        let (config, _) = config::NamerdConfig::parse("namerd.yaml", &file).unwrap();
        open("namerd-1", &config.storage)
    }

    #[track_caller]
    fn check(yaml: &str, kind: &str) {
        assert_eq!(
            opened(yaml).unwrap().view().health().value().unwrap().kind,
            kind
        );
    }

    #[tokio::test]
    async fn the_kind_names_the_store() {
        let dir = tempfile::tempdir().unwrap();
        check(
            "{kind: io.l5d.inMemory, namespaces: {default: /a => /b}}",
            "io.l5d.inMemory",
        );
        check(
            &format!("{{kind: io.l5d.embedded, dir: {:?}}}", dir.path()),
            "io.l5d.embedded",
        );
        #[cfg(feature = "etcd")]
        check(
            "{kind: io.l5d.etcd, endpoints: ['127.0.0.1:1']}",
            "io.l5d.etcd",
        );
    }

    #[cfg(feature = "etcd")]
    #[tokio::test]
    async fn what_the_store_in_etcd_cannot_do_is_refused_and_not_ignored() {
        let refused = |tls: &str| {
            opened(&format!("{{kind: io.l5d.etcd, tls: {tls}}}"))
                .unwrap_err()
                .to_string()
        };
        assert!(refused("{disableValidation: true}").contains("`disableValidation`"));
        assert!(refused("{commonName: etcd, protocols: [TLSv1.2]}").contains("`protocols`"));
    }
}
