//! From what a configuration says to the parts that do it.

use std::sync::Arc;

use config::{InterpreterConfig, NamerConfig};
use dtab::Dtab;
use live::Live;

use crate::fs::FsNamer;
use crate::interpreter::fs;
use crate::rewrite::RewriteNamer;
use crate::{Binder, Inet, Interpreter, Namer, Namers, Table};

/// Why a part cannot be made.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum BuildError {
    /// Nothing here does what this kind asks for.
    #[error("interpreter `{0}` is not available")]
    Unavailable(&'static str),
}

/// Makes the namers. Of two with the same prefix the later one is asked first, as in linkerd; namerd's never overlap.
///
/// # Errors
/// None today: [`BuildError`] is for kinds that can fail.
pub fn namers(configs: &[NamerConfig], inet: &Inet) -> Result<Namers, BuildError> {
    let configured = configs
        .iter()
        .rev()
        .map(|config| (config.prefix().clone(), namer(config, inet)))
        .collect();
    Ok(Namers::new(configured, inet.clone()))
}

fn namer(config: &NamerConfig, inet: &Inet) -> Arc<dyn Namer> {
    match config {
        NamerConfig::Fs { prefix, root_dir } => {
            Arc::new(FsNamer::new(prefix.clone(), root_dir.clone(), inet.clone()))
        }
        NamerConfig::Rewrite { pattern, name, .. } => {
            Arc::new(RewriteNamer::new(pattern, name.as_str()))
        }
    }
}

/// Makes the interpreter. Tasks that it needs run where this is called.
///
/// # Errors
/// [`BuildError`] for a kind that is not available.
pub fn interpreter(
    config: &InterpreterConfig,
    namers: Namers,
    empty_is_neg: bool,
) -> Result<Arc<dyn Interpreter>, BuildError> {
    let binder = |table| Arc::new(Binder::new(table, namers, empty_is_neg));
    Ok(match config {
        InterpreterConfig::Default => binder(no_rules()),
        InterpreterConfig::Fs { dtab_file } => binder(fs::table(dtab_file)),
        InterpreterConfig::Mesh(_) => return Err(BuildError::Unavailable("io.l5d.mesh")),
        InterpreterConfig::NamerdHttp(_) => {
            return Err(BuildError::Unavailable("io.l5d.namerd.http"));
        }
    })
}

/// The dtab of an interpreter that has none of its own: what it binds with is the router's.
fn no_rules() -> Live<Table> {
    Live::constant(Table {
        revision: 0,
        dtab: Dtab::empty(),
    })
}
