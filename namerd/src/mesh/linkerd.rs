//! `io.linkerd.mesh`: the four services of the reference's namerd, for its routers and for clients made from its
//! definitions.
//!
//! What their decoder cannot do without is seen to by the conversions: every field is written, and no message has a field
//! that the reference's has not. Errors of a stream come inside it, after its headers: such a client loses the status of
//! an answer that has only trailers.

mod addresses;
mod codec;
mod delegator;
mod interpreter;
mod resolver;
mod states;

use std::pin::Pin;
use std::sync::Arc;

use dtab::{Dtab, Path};
use futures_util::{Stream, stream};
use mesh::linkerd;
use namer::Binder;
use tonic::{Response, Status};

use self::states::States;
use super::Context;
use crate::store::Namespace;

/// All four services.
#[derive(Debug)]
pub(super) struct Services {
    context: Context,
}

/// The answer of a call that goes on.
type Messages<T> = Pin<Box<dyn Stream<Item = Result<T, Status>> + Send>>;

impl Services {
    pub(super) fn new(context: Context) -> Self {
        Self { context }
    }

    /// The namespace that a request names, and its binder. No namespace can have some of the names that a root can
    /// have; these read like one that does not exist.
    fn root(&self, root: Option<&linkerd::Path>) -> Result<Root, Status> {
        let root = root.ok_or_else(|| Status::invalid_argument("No namespace specified"))?;
        let root = Path::try_from(root)?;
        let [namespace] = root.segments() else {
            let why = format!("Invalid root: `{root}` must have exactly one segment");
            return Err(Status::invalid_argument(why));
        };
        let namespaces = &self.context.namespaces;
        let namespace = namespace.to_str_lossy().parse::<Namespace>().ok();
        let binder = match &namespace {
            Some(namespace) => namespaces.binder(namespace),
            None => Arc::clone(namespaces.concrete()),
        };
        Ok(Root { namespace, binder })
    }

    /// Turns states into the answer of a call that goes on until namerd ends.
    fn stream<T>(&self, states: Result<States<T>, Status>) -> Response<Messages<T>>
    where
        T: Clone + PartialEq + Send + 'static,
    {
        Response::new(match states {
            Ok(states) => Box::pin(states.stream(self.context.drain.clone())),
            Err(status) => Box::pin(stream::iter([Err(status)])),
        })
    }
}

struct Root {
    namespace: Option<Namespace>,
    binder: Arc<Binder>,
}

fn dtab(dtab: Option<&linkerd::Dtab>) -> Result<Dtab, Status> {
    Ok(dtab
        .map(Dtab::try_from)
        .transpose()?
        .unwrap_or_else(Dtab::empty))
}
