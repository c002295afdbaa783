//! Binding that recomputes: a live dtab, the namers, and what follows from them.

use std::sync::Arc;
use std::time::Duration;

use dtab::{
    Alternatives, Answer, DeadBranch, DelegateError, DelegateTree, Dtab, NameTree, Outcome, Path,
};
use futures_util::future::BoxFuture;
use live::{Live, Publisher, Reads, Shared, State};
use tokio::time::Instant;

use crate::transform::Transformers;
use crate::{Bound, BoundTree, DelegateFailure, Interpreter, Namers};

/// How long the first binding of a name waits for union branches that have no answer yet, so that a start does not
/// send everything to a canary whose stable sibling is a moment late.
const FIRST_UNION_WAIT: Duration = Duration::from_millis(500);

/// How long a delegation waits for namers.
const DELEGATE_WAIT: Duration = Duration::from_secs(2);

/// A dtab and the revision that it is. They change together, so they are one value.
#[derive(Clone, Debug)]
pub struct Table {
    /// Counts the changes of the namespace; 0 where there is nothing that counts.
    pub revision: u64,
    /// The rules.
    pub dtab: Dtab,
}

/// Tables are equal by revision and rules. Equal rules under a new revision are news: the fleet view tells who runs it.
impl PartialEq for Table {
    fn eq(&self, other: &Self) -> bool {
        self.revision == other.revision && self.dtab == other.dtab
    }
}

/// What a path is bound to under one revision of the dtab.
#[derive(Clone, Debug, PartialEq)]
pub struct Binding {
    /// The revision of the dtab that this follows from.
    pub revision: u64,
    /// What followed.
    pub outcome: Evaluated,
}

/// What a binding came to.
#[derive(Clone, Debug)]
pub enum Evaluated {
    /// A namer has not answered yet.
    Pending,
    /// Binding fails, and why.
    Failed(Arc<str>),
    /// The tree, and the shares that its unions lost to dead branches. An equal tree of a later revision is the very
    /// same allocation, so that readers can tell cheaply that nothing moved.
    Bound(Arc<BoundTree>, Arc<[DeadBranch]>),
}

impl PartialEq for Evaluated {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Pending, Self::Pending) => true,
            (Self::Failed(a), Self::Failed(b)) => a == b,
            (Self::Bound(a, dead_a), Self::Bound(b, dead_b)) => {
                (Arc::ptr_eq(a, b) || a == b) && dead_a == dead_b
            }
            _ => false,
        }
    }
}

/// Binds names with a dtab that changes and with namers whose answers change.
#[derive(Debug)]
pub struct Binder {
    table: Live<Table>,
    namers: Namers,
    empty_is_neg: bool,
    transformers: Transformers,
    alternatives: Alternatives,
    tables: Shared<Arc<str>, Table>,
    bindings: Shared<(Key, Alternatives), Binding>,
}

/// A binding in use is shared by all who ask for the same path with the same overriding dtab, compared as text.
pub type Key = (Path, Arc<str>);

/// The key of a path and the dtab that overrides others.
pub(crate) fn key(path: &Path, dtab: &Dtab) -> Key {
    let text: Arc<str> = if dtab.is_empty() {
        Arc::from("")
    } else {
        dtab.to_string().into()
    };
    (path.clone(), text)
}

impl Binder {
    /// A binder over this dtab. With `empty_is_neg` a name without any address counts as Neg, so that the next
    /// alternative is taken; the reference takes it as found and fails its requests.
    pub fn new(table: Live<Table>, namers: Namers, empty_is_neg: bool) -> Self {
        Self {
            table,
            namers,
            empty_is_neg,
            transformers: Transformers::default(),
            alternatives: Alternatives::default(),
            tables: Shared::default(),
            bindings: Shared::default(),
        }
    }

    /// The same for use below these transformers: whether a name has any address is judged by what they leave of them.
    pub(crate) fn below(self, transformers: Transformers) -> Self {
        Self {
            transformers,
            ..self
        }
    }

    /// The same for somebody who wants these alternatives in each tree.
    #[must_use]
    pub(crate) fn with(self, alternatives: Alternatives) -> Self {
        Self {
            alternatives,
            ..self
        }
    }

    /// The dtab that this binds with.
    pub fn table(&self) -> &Live<Table> {
        &self.table
    }

    /// Who is asked where the dtab has no answer.
    pub fn namers(&self) -> &Namers {
        &self.namers
    }

    /// The bindings that somebody reads now, by path and overriding dtab.
    pub fn bindings(&self) -> Vec<(Key, Live<Binding>)> {
        let bindings = self.bindings.read_now().into_iter();
        bindings.map(|((key, _), binding)| (key, binding)).collect()
    }

    /// The dtab with another one appended, computed once for all bindings that append the same.
    fn table_with(&self, local: &Dtab, text: &Arc<str>) -> Live<Table> {
        if local.is_empty() {
            return self.table.clone();
        }
        self.tables.get_or_make(text, || {
            let (source, local) = (self.table.clone(), local.clone());
            live::spawn("table", move |out| append(source, local, out))
        })
    }
}

impl Interpreter for Binder {
    fn bind(&self, path: &Path, dtab: &Dtab) -> Live<Binding> {
        self.bind_with(path, dtab, self.alternatives)
    }

    fn delegate<'a>(
        &'a self,
        path: &'a Path,
        dtab: &'a Dtab,
    ) -> BoxFuture<'a, Result<DelegateTree<Bound>, DelegateFailure>> {
        Box::pin(self.delegate_tree(NameTree::Leaf(path.clone()), dtab))
    }
}

impl Binder {
    /// Binds a path as [`bind`](Interpreter::bind) does, with these alternatives in the tree.
    pub fn bind_with(&self, path: &Path, dtab: &Dtab, alternatives: Alternatives) -> Live<Binding> {
        let key = (key(path, dtab), alternatives);
        self.bindings.get_or_make(&key, || {
            // Boxed, because an async function keeps room for its arguments twice.
            let step = Box::new(Step {
                path: path.clone(),
                table: self.table_with(dtab, &key.0.1),
                namers: self.namers.clone(),
                judge: self.empty_is_neg.then(|| self.transformers.clone()),
                alternatives,
            });
            live::spawn("binding", move |out| recompute(step, out))
        })
    }

    /// Shows the delegation of a whole tree of paths.
    ///
    /// # Errors
    /// [`DelegateFailure`] when namers do not answer within two seconds, or when the tree is too deep or too large.
    pub async fn delegate_tree(
        &self,
        tree: NameTree<Path>,
        dtab: &Dtab,
    ) -> Result<DelegateTree<Bound>, DelegateFailure> {
        let deadline = Instant::now() + DELEGATE_WAIT;
        let table = self.table.ready(deadline).await;
        let table = table
            .map_err(|why| DelegateFailure::Unavailable(format!("the dtab is not known: {why}")))?;
        let rules = if dtab.is_empty() {
            table.dtab.clone()
        } else {
            table.dtab.concat(dtab)
        };
        let mut reads = Reads::default();
        loop {
            let mut next = Reads::default();
            let tried = dtab::delegate_tree(&tree, &rules, &mut |path| {
                self.namers.lookup(path, &mut next)
            });
            // The earlier look's sources are let go only now: what both looks read goes on undisturbed.
            drop(std::mem::replace(&mut reads, next));
            match tried {
                Ok(tree) => return Ok(tree),
                Err(DelegateError::Pending(path)) => {
                    let heard = tokio::time::timeout_at(deadline, reads.changed()).await;
                    heard.map_err(|_| DelegateFailure::TimedOut(path))?;
                }
                Err(error) => return Err(DelegateFailure::Failed(error.to_string())),
            }
        }
    }
}

/// Keeps `source` with `local` appended.
async fn append(mut source: Live<Table>, local: Dtab, mut out: Publisher<Table>) {
    loop {
        match &*source.changed().await {
            State::Pending => {}
            State::Failed(failure) => out.fail(Arc::clone(&failure.reason)),
            State::Ready(table) => out.set(joined(table, &local)),
            State::Stale(table, failure) => out.set_stale(joined(table, &local), failure),
        }
    }
}

fn joined(table: &Table, local: &Dtab) -> Table {
    Table {
        revision: table.revision,
        dtab: table.dtab.concat(local),
    }
}

/// Everything that one binding is computed from.
struct Step {
    path: Path,
    table: Live<Table>,
    namers: Namers,
    /// Where names without any address count as Neg: what the addresses go through before they are looked at.
    judge: Option<Transformers>,
    alternatives: Alternatives,
}

/// The loop around the pure function: read, bind, publish, wait for one of the inputs to change.
async fn recompute(step: Box<Step>, mut out: Publisher<Binding>) {
    let first_union_until = Instant::now() + FIRST_UNION_WAIT;
    let mut reads = Reads::default();
    let mut last = Last::default();
    loop {
        let mut next = Reads::default();
        match &*next.read(&step.table) {
            State::Pending => {}
            State::Failed(failure) => out.fail(Arc::clone(&failure.reason)),
            // A stale table still binds: the last good state stays until something newer is known.
            State::Ready(table) | State::Stale(table, _) => {
                let wait_for_all = last.0.is_none().then_some(first_union_until);
                let outcome = step.evaluate(&table.dtab, wait_for_all, &mut next);
                out.set(Binding {
                    revision: table.revision,
                    outcome: last.keep_if_equal(outcome),
                });
            }
        }
        // The earlier look's sources are let go only now: what both looks read goes on undisturbed.
        drop(std::mem::replace(&mut reads, next));
        reads.changed().await;
    }
}

impl Step {
    /// Binds once. Until `wait_for_all` a union with branches that have no answer yet is pending as a whole.
    fn evaluate(&self, dtab: &Dtab, wait_for_all: Option<Instant>, reads: &mut Reads) -> Evaluated {
        let outcome = dtab::bind_with(&self.path, dtab, self.alternatives, &mut |path| {
            self.ask(path, reads)
        });
        let bound = match outcome {
            Outcome::Pending => return Evaluated::Pending,
            Outcome::Failed(error) => return Evaluated::Failed(error.to_string().into()),
            Outcome::Bound(bound) => bound,
        };
        let left = wait_for_all.map(|until| until.saturating_duration_since(Instant::now()));
        if let Some(left) = left.filter(|left| bound.pending_branches > 0 && !left.is_zero()) {
            reads.wake_within(left);
            return Evaluated::Pending;
        }
        Evaluated::Bound(Arc::new(bound.tree), bound.dead.into())
    }

    fn ask(&self, path: &Path, reads: &mut Reads) -> Answer<Bound> {
        let answer = self.namers.lookup(path, reads);
        match (answer, &self.judge) {
            (Answer::Tree(tree), Some(judge)) => without_empty(tree, judge, reads),
            (answer, _) => answer,
        }
    }
}

/// Takes bound names without any address as Neg. One whose addresses are not known yet makes the answer pending.
fn without_empty(
    tree: NameTree<dtab::Name<Bound>>,
    judge: &Transformers,
    reads: &mut Reads,
) -> Answer<Bound> {
    let mut is_pending = false;
    let tree = replace_leaves(tree, &mut |name| {
        let addresses = match &name {
            dtab::Name::Bound(bound) if bound.id.path().is_some() => judge.judged(bound),
            _ => None,
        };
        let Some(addresses) = addresses else {
            return NameTree::Leaf(name);
        };
        let state = reads.read(&addresses);
        is_pending |= state.is_pending();
        match state.value() {
            Some(addresses) if addresses.endpoints().is_empty() => NameTree::Neg,
            _ => NameTree::Leaf(name),
        }
    });
    if is_pending {
        Answer::Pending
    } else {
        Answer::Tree(tree)
    }
}

/// The tree with another one in place of each leaf.
pub(crate) fn replace_leaves<T>(
    tree: NameTree<T>,
    replace: &mut dyn FnMut(T) -> NameTree<T>,
) -> NameTree<T> {
    match tree {
        NameTree::Leaf(value) => replace(value),
        NameTree::Alt(trees) => NameTree::Alt(
            trees
                .into_iter()
                .map(|tree| replace_leaves(tree, replace))
                .collect(),
        ),
        NameTree::Union(branches) => NameTree::Union(
            branches
                .into_iter()
                .map(|branch| dtab::Weighted {
                    tree: replace_leaves(branch.tree, replace),
                    ..branch
                })
                .collect(),
        ),
        end => end,
    }
}

/// What was bound last.
#[derive(Default)]
pub(crate) struct Last(Option<(Arc<BoundTree>, Arc<[DeadBranch]>)>);

impl Last {
    /// Reuses the tree of the last evaluation when the new one equals it.
    pub(crate) fn keep_if_equal(&mut self, outcome: Evaluated) -> Evaluated {
        let Evaluated::Bound(tree, dead) = outcome else {
            return outcome;
        };
        let kept = match self.0.take() {
            Some((old_tree, old_dead)) if old_tree == tree && old_dead == dead => {
                (old_tree, old_dead)
            }
            _ => (tree, dead),
        };
        self.0 = Some(kept.clone());
        Evaluated::Bound(kept.0, kept.1)
    }
}

#[cfg(test)]
mod tests;
