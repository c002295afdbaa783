//! What names mean in each namespace: the stored dtabs joined with the namers.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use dtab::Dtab;
use live::{Live, Publisher, State};
use namer::{Binder, Namers, Table};

use crate::store::{Head, Namespace, Store};

/// A [`Binder`] for each namespace in use, and one for names that need no dtab.
///
/// Whoever asks for a namespace while another holds its binder gets the same one, and so shares its bindings: hold the
/// `Arc` for as long as one of its bindings is read. A namespace that nobody asks for costs nothing here.
#[derive(Debug)]
pub struct Namespaces {
    store: Arc<dyn Store>,
    namers: Namers,
    empty_is_neg: bool,
    binders: Mutex<Binders>,
    concrete: Arc<Binder>,
}

#[derive(Debug)]
struct Binders {
    map: HashMap<Namespace, Weak<Binder>>,
    /// The size at which dead entries are swept out next: twice what was alive, so that sweeping stays cheap on average.
    sweep_at: usize,
}

const SWEEP_FIRST: usize = 64;

impl Namespaces {
    /// Binders over the dtabs of this store. With `empty_is_neg` a name without any address counts as Neg.
    pub fn new(store: Arc<dyn Store>, namers: Namers, empty_is_neg: bool) -> Self {
        let no_dtab = Live::constant(Table {
            revision: 0,
            dtab: Dtab::empty(),
        });
        Self {
            // Whoever asks for an id wants to know what is behind it, also if that is nothing.
            concrete: Arc::new(Binder::new(no_dtab, namers.clone(), false)),
            store,
            namers,
            empty_is_neg,
            binders: Mutex::new(Binders {
                map: HashMap::new(),
                sweep_at: SWEEP_FIRST,
            }),
        }
    }

    /// The binder of a namespace; of one that does not exist it binds with an empty dtab until it does.
    ///
    /// Starts a task, on the runtime of the caller.
    pub fn binder(&self, namespace: &Namespace) -> Arc<Binder> {
        let mut binders = self.binders.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(binder) = binders.map.get(namespace).and_then(Weak::upgrade) {
            return binder;
        }
        let head = self.head(namespace);
        let table = live::spawn("namespace", move |out| follow(head, out));
        let binder = Arc::new(Binder::new(table, self.namers.clone(), self.empty_is_neg));
        binders
            .map
            .insert(namespace.clone(), Arc::downgrade(&binder));
        if binders.map.len() >= binders.sweep_at {
            binders.map.retain(|_, binder| binder.strong_count() > 0);
            binders.sweep_at = (binders.map.len() * 2).max(SWEEP_FIRST);
        }
        binder
    }

    /// The binder for names that need no dtab: bound ids, and names looked up with a dtab that comes along.
    pub fn concrete(&self) -> &Arc<Binder> {
        &self.concrete
    }

    /// The newest state of a namespace, pending until the store was heard.
    pub fn head(&self, namespace: &Namespace) -> Live<Head> {
        self.store.view().head(namespace)
    }

    /// Where the dtabs are kept.
    pub fn store(&self) -> &Arc<dyn Store> {
        &self.store
    }

    /// Who is asked where a dtab has no answer.
    pub fn namers(&self) -> &Namers {
        &self.namers
    }
}

/// Keeps the table of a namespace. Trouble of the store leaves the last one; it is never taken for an empty dtab.
async fn follow(mut head: Live<Head>, mut out: Publisher<Table>) {
    loop {
        let state = head.changed().await;
        if let State::Ready(head) | State::Stale(head, _) = &*state {
            let stored = head.stored.as_ref();
            out.set(Table {
                revision: head.revision,
                dtab: stored.map_or_else(Dtab::empty, |stored| stored.dtab().clone()),
            });
        }
        if let Some(failure) = state.failure() {
            out.fail(Arc::clone(&failure.reason));
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use dtab::{Answer, Leaf, Name, NameTree, Path};
    use live::Reads;
    use namer::{Addresses, Binding, Bound, Evaluated, Inet, Interpreter, Namer};
    use tokio::time::Instant;

    use super::*;
    use crate::store::{By, InMemory, Stored};

    /// Knows every name.
    #[derive(Debug)]
    struct Any;

    impl Namer for Any {
        fn lookup(&self, path: &Path, _: &mut Reads) -> Answer<Bound> {
            let bound = Bound::new(
                path.clone(),
                Path::empty(),
                Live::constant(Addresses::of([])),
            );
            Answer::Tree(NameTree::Leaf(Name::Bound(bound)))
        }
    }

    fn namespaces() -> Namespaces {
        let store = InMemory::new("namerd-1", []);
        let any: (Path, Arc<dyn Namer>) = (Path::parse("/#/any").unwrap(), Arc::new(Any));
        let namers = Namers::new(vec![any], Inet::system());
        Namespaces::new(Arc::new(store), namers, false)
    }

    async fn put(namespaces: &Namespaces, namespace: &Namespace, text: &str) {
        let stored = Stored::parse(text).unwrap();
        let written = namespaces
            .store()
            .put(namespace, stored, By::default())
            .await;
        written.unwrap();
    }

    fn shown(binding: &Binding) -> String {
        match &binding.outcome {
            Evaluated::Bound(tree, _) => match &**tree {
                NameTree::Leaf(Leaf { bound, .. }) => format!("{} {}", binding.revision, bound.id),
                tree => format!("{} {tree:?}", binding.revision),
            },
            other => format!("{} {other:?}", binding.revision),
        }
    }

    async fn next(live: &mut Live<Binding>) -> String {
        loop {
            if let Some(binding) = live.changed().await.value() {
                return shown(binding);
            }
        }
    }

    #[tokio::test]
    async fn a_binding_follows_creation_change_and_deletion() {
        let namespaces = namespaces();
        let web: Namespace = "web".parse().unwrap();
        let binder = namespaces.binder(&web);
        let path = Path::parse("/svc/a").unwrap();
        let mut live = binder.bind(&path, &Dtab::empty());
        assert_eq!(next(&mut live).await, "0 Neg");
        put(&namespaces, &web, "/svc/a => /#/any/x;").await;
        assert_eq!(next(&mut live).await, "1 /x");
        put(&namespaces, &web, "/svc/a => /#/any/y;").await;
        assert_eq!(next(&mut live).await, "2 /y");
        let deleted = namespaces.store().delete(&web, None, By::default()).await;
        deleted.unwrap();
        assert_eq!(next(&mut live).await, "3 Neg");
    }

    #[tokio::test]
    async fn a_binder_is_shared_while_it_is_held_and_forgotten_after() {
        let namespaces = namespaces();
        let web: Namespace = "web".parse().unwrap();
        let binder = namespaces.binder(&web);
        assert!(Arc::ptr_eq(&binder, &namespaces.binder(&web)));
        drop(binder);
        for n in 0..10 * SWEEP_FIRST {
            namespaces.binder(&format!("guess-{n}").parse().unwrap());
        }
        assert!(namespaces.binders.lock().unwrap().map.len() <= SWEEP_FIRST);
    }

    #[tokio::test(start_paused = true)]
    async fn a_store_that_was_not_heard_leaves_bindings_pending_and_trouble_keeps_the_last_dtab() {
        let (mut heads, head) = live::channel();
        let table = live::spawn("namespace", move |out| follow(head, out));
        let soon = Instant::now() + Duration::from_secs(1);
        assert!(table.ready(soon).await.is_err());
        heads.set(Head {
            revision: 7,
            stored: Some(Arc::new(Stored::parse("/a => /b;").unwrap())),
        });
        heads.fail("no route to host");
        let soon = Instant::now() + Duration::from_secs(1);
        assert_eq!(table.ready(soon).await.unwrap().dtab.len(), 1);
        let stale =
            |state: &State<Table>| matches!(state, State::Stale(table, _) if table.revision == 7);
        assert!(table.with(stale));
    }
}
