//! Who is asked for a path that the dtab does not rewrite, and in which order.

use std::fmt;
use std::sync::Arc;

use dtab::{Answer, Name, NameTree, Path};
use live::{Live, Reads};

use crate::builtin::{self, Builtin};
use crate::{Addresses, Bound, BoundId, Inet};

/// Answers for the paths below one prefix.
pub trait Namer: Send + Sync + fmt::Debug {
    /// What it knows of the path that follows its prefix. Live values that the answer rests on are read through
    /// `reads`, so that the binding is made anew when they change. An answer of exactly Neg lets the next namer try.
    fn lookup(&self, path: &Path, reads: &mut Reads) -> Answer<Bound>;

    /// The bound ids that it can list, where it can.
    fn names(&self) -> Option<Live<Vec<Path>>> {
        None
    }
}

/// The configured namers in the order in which they are asked, then the built-in ones below `/$/`.
#[derive(Clone, Debug)]
pub struct Namers {
    configured: Arc<[(Path, Arc<dyn Namer>)]>,
    inet: Inet,
}

impl Namers {
    /// Joins configured namers, each with its whole prefix (`/#/io.l5d.fs`), first to be asked first.
    pub fn new(configured: Vec<(Path, Arc<dyn Namer>)>, inet: Inet) -> Self {
        Self {
            configured: configured.into(),
            inet,
        }
    }

    /// Only what is built in: `/$/inet` and its like, and the namers that rewrite.
    pub fn builtin(inet: Inet) -> Self {
        Self::new(Vec::new(), inet)
    }

    /// Who is asked for hosts.
    pub(crate) fn inet(&self) -> &Inet {
        &self.inet
    }

    /// Asks each namer whose prefix the path begins with, until one has an answer other than Neg.
    ///
    /// Source: finagle `Namer.bind` and linkerd `ConfiguredDtabNamer`.
    pub fn lookup(&self, path: &Path, reads: &mut Reads) -> Answer<Bound> {
        for (prefix, namer) in self.configured.iter() {
            if !path.starts_with(prefix) {
                continue;
            }
            match namer.lookup(&path.skip(prefix.len()), reads) {
                Answer::Tree(NameTree::Neg) => {}
                answer => return answer,
            }
        }
        self.built_in(path)
    }

    fn built_in(&self, path: &Path) -> Answer<Bound> {
        Answer::Tree(match builtin::lookup(path) {
            Builtin::Neg => NameTree::Neg,
            Builtin::Fail => NameTree::Fail,
            Builtin::Empty => NameTree::Empty,
            Builtin::Path(path) => NameTree::Leaf(Name::Path(path)),
            Builtin::Status { code, residual } => {
                NameTree::Leaf(Name::Bound(Bound::status(code, residual)))
            }
            Builtin::Inet(name) => {
                let addresses = match &name.hosts {
                    Ok(hosts) => self.inet.all(hosts, name.cached_for_ever),
                    Err(reason) => failed(reason.as_str()),
                };
                NameTree::Leaf(Name::Bound(Bound::new(name.id, name.residual, addresses)))
            }
            Builtin::Unsupported(reason) => return Answer::Failed(reason),
        })
    }

    /// Whether some namer answers for paths like this; for linting.
    pub fn knows(&self, path: &Path) -> bool {
        let mut configured = self.configured.iter();
        // The path of a rule may be shorter than the prefix: what the rule leaves over is put behind it.
        let is_configured =
            |(prefix, _): &(Path, _)| path.starts_with(prefix) || prefix.starts_with(path);
        let is_system = path.segments().first().is_some_and(|first| first == "$");
        configured.any(is_configured) || (is_system && builtin::is_known(path))
    }

    /// The lists of all namers that can list what they know.
    pub fn names(&self) -> Vec<Live<Vec<Path>>> {
        self.configured
            .iter()
            .filter_map(|(_, namer)| namer.names())
            .collect()
    }

    /// The addresses of a bound id, found by asking for it once more.
    ///
    /// What transformers put in front of the id is dropped first, as linkerd's resolver service does.
    pub fn resolve(&self, id: &BoundId, reads: &mut Reads) -> Answer<Bound> {
        match id {
            BoundId::Path(path) => self.lookup(&dtab::strip_transformer_prefix(path), reads),
            BoundId::Status(_) => Answer::Tree(NameTree::Neg),
        }
    }
}

/// Addresses that can never be had.
fn failed(reason: &str) -> Live<Addresses> {
    let (mut out, live) = live::channel();
    out.fail(reason);
    live
}
