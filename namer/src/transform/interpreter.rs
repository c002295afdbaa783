//! An interpreter and the transformers behind it.

use std::sync::Arc;

use dtab::{DelegateTree, Dtab, Path};
use futures_util::future::BoxFuture;
use live::{Live, Publisher, Reads, Shared};

use super::{Transformers, Unbound};
use crate::binder::{self, Last};
use crate::{Binding, Bound, ConnectionStatus, DelegateFailure, Evaluated, Interpreter, Key};

/// Changes what an interpreter has bound. What that one keeps for the next start is what it was told, unchanged.
#[derive(Debug)]
pub(crate) struct Transformed {
    interpreter: Arc<dyn Interpreter>,
    transformers: Transformers,
    bindings: Shared<Key, Binding>,
}

impl Transformed {
    pub(crate) fn new(interpreter: Arc<dyn Interpreter>, transformers: Transformers) -> Self {
        Self {
            interpreter,
            transformers,
            bindings: Shared::default(),
        }
    }

    async fn delegated(
        &self,
        path: &Path,
        dtab: &Dtab,
    ) -> Result<DelegateTree<Bound>, DelegateFailure> {
        let rewrites = self.transformers.only_rewrites();
        let rewrites = rewrites.ok_or(DelegateFailure::Hidden)?;
        let tree = self.interpreter.delegate(path, dtab).await?;
        let mut show = |path, dentry, bound| rewrites.show(path, dentry, bound);
        Ok(tree.replace_leaves(&mut show))
    }
}

impl Interpreter for Transformed {
    fn bind(&self, path: &Path, dtab: &Dtab) -> Live<Binding> {
        self.bindings.get_or_make(&binder::key(path, dtab), || {
            let binding = self.interpreter.bind(path, dtab);
            let transformers = self.transformers.clone();
            live::spawn("transformed binding", move |out| {
                follow(binding, transformers, out)
            })
        })
    }

    fn delegate<'a>(
        &'a self,
        path: &'a Path,
        dtab: &'a Dtab,
    ) -> BoxFuture<'a, Result<DelegateTree<Bound>, DelegateFailure>> {
        Box::pin(self.delegated(path, dtab))
    }

    fn status(&self) -> Option<ConnectionStatus> {
        self.interpreter.status()
    }

    fn close(&self) -> BoxFuture<'_, ()> {
        self.interpreter.close()
    }
}

/// The loop around the pure function: read, transform, publish, wait for one of the inputs to change.
async fn follow(binding: Live<Binding>, transformers: Transformers, mut out: Publisher<Binding>) {
    let mut reads = Reads::default();
    let mut last = Last::default();
    loop {
        let mut next = Reads::default();
        let state = next.read(&binding);
        let transformed = state.value().map(|binding| Binding {
            revision: binding.revision,
            outcome: last.keep_if_equal(transformers.evaluate(&binding.outcome, &mut next)),
        });
        match (transformed, state.failure()) {
            (Some(binding), None) => out.set(binding),
            (Some(binding), Some(failure)) => out.set_stale(binding, failure),
            (None, Some(failure)) => out.fail(Arc::clone(&failure.reason)),
            (None, None) => {}
        }
        // The earlier look's sources are let go only now: what both looks read goes on undisturbed.
        drop(std::mem::replace(&mut reads, next));
        reads.changed().await;
    }
}

impl Transformers {
    fn evaluate(&self, outcome: &Evaluated, reads: &mut Reads) -> Evaluated {
        let Evaluated::Bound(tree, dead) = outcome else {
            return outcome.clone();
        };
        match self.transform((**tree).clone(), reads) {
            Ok(tree) if self.is_const() => Evaluated::Bound(Arc::new(tree), Arc::default()),
            Ok(tree) => Evaluated::Bound(Arc::new(tree), Arc::clone(dead)),
            Err(Unbound::Pending) => Evaluated::Pending,
            Err(Unbound::Failed(why)) => Evaluated::Failed(why.into()),
        }
    }
}
