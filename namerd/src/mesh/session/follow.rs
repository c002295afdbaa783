//! The live values that a session waits for, thousands at a time.

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

use dtab::Path;
use futures_util::future::{AbortHandle, BoxFuture, abortable};
use futures_util::stream::FuturesUnordered;
use futures_util::{FutureExt as _, StreamExt as _};
use live::{Live, State};
use namer::{Addresses, Binding, Table};

/// A value that has changed. The reader that comes with it is to be followed again.
pub(super) enum News {
    /// The table of a namespace.
    Namespace(String, Live<Table>),
    /// What a subscription is bound to.
    Name(u64, Live<Binding>),
    /// The addresses of a bound id.
    Addresses(Path, Live<Addresses>),
}

/// Waits for all of them at once. Only the one that changed is woken, however many there are.
#[derive(Default)]
pub(super) struct Followed {
    waiting: FuturesUnordered<BoxFuture<'static, Option<News>>>,
    names: HashMap<u64, AbortHandle>,
    addresses: HashMap<Path, Address>,
}

struct Address {
    wait: AbortHandle,
    reader: Live<Addresses>,
    users: usize,
}

impl Followed {
    /// The next change. Cancelling loses nothing.
    pub(super) async fn next(&mut self) -> News {
        loop {
            match self.waiting.next().await {
                Some(Some(news)) => return news,
                // A wait that was given up.
                Some(None) => {}
                None => std::future::pending().await,
            }
        }
    }

    pub(super) fn namespace(&mut self, namespace: &str, table: Live<Table>) {
        self.namespace_again(namespace, table);
    }

    pub(super) fn namespace_again(&mut self, namespace: &str, mut table: Live<Table>) {
        let namespace = namespace.to_owned();
        // Never given up: a session follows its namespaces to its end.
        let _wait = self.wait(async move {
            table.changed().await;
            News::Namespace(namespace, table)
        });
    }

    pub(super) fn name(&mut self, id: u64, binding: Live<Binding>) {
        let wait = self.wait(name_changed(id, binding));
        self.names.insert(id, wait);
    }

    /// Goes on with a name, unless it was given up meanwhile.
    pub(super) fn name_again(&mut self, id: u64, binding: Live<Binding>) {
        if self.names.contains_key(&id) {
            self.name(id, binding);
        }
    }

    pub(super) fn give_up_name(&mut self, id: u64) {
        if let Some(wait) = self.names.remove(&id) {
            wait.abort();
        }
    }

    /// Follows the addresses of an id for one more tree. If they were not followed so far, or come from another source
    /// that says something else, the answer is what is to be told of them now.
    pub(super) fn use_addresses(
        &mut self,
        id: &Path,
        addresses: &Live<Addresses>,
    ) -> Option<Arc<State<Addresses>>> {
        let mut reader = addresses.clone();
        let (users, told) = match self.addresses.get_mut(id) {
            Some(known) => {
                known.users += 1;
                if known.reader.is_same(addresses) {
                    return None;
                }
                known.wait.abort();
                (known.users, known.reader.value())
            }
            None => (1, None),
        };
        let now = reader.see();
        let is_told = told.is_some() && told.as_ref() == now.value() && now.failure().is_none();
        let known = Address {
            wait: AbortHandle::new_pair().0,
            reader: reader.clone(),
            users,
        };
        self.addresses.insert(id.clone(), known);
        self.follow_addresses(id, reader);
        (!is_told).then_some(now)
    }

    /// One tree less needs the addresses of an id.
    pub(super) fn release_addresses(&mut self, id: &Path) {
        let Some(known) = self.addresses.get_mut(id) else {
            return;
        };
        known.users -= 1;
        if known.users == 0 {
            known.wait.abort();
            self.addresses.remove(id);
        }
    }

    /// Goes on with addresses, unless no tree needs them any more or they come from another source by now.
    pub(super) fn addresses_again(&mut self, id: &Path, addresses: Live<Addresses>) {
        let known = self.addresses.get(id);
        if known.is_some_and(|known| known.reader.is_same(&addresses)) {
            self.follow_addresses(id, addresses);
        }
    }

    fn follow_addresses(&mut self, id: &Path, mut addresses: Live<Addresses>) {
        let name = id.clone();
        let wait = self.wait(async move {
            addresses.changed().await;
            News::Addresses(name, addresses)
        });
        if let Some(known) = self.addresses.get_mut(id) {
            known.wait = wait;
        }
    }

    fn wait(&mut self, news: impl Future<Output = News> + Send + 'static) -> AbortHandle {
        let (news, handle) = abortable(news);
        // Not an async block, which would keep room for the wait twice.
        self.waiting.push(Box::pin(news.map(Result::ok)));
        handle
    }
}

async fn name_changed(id: u64, mut binding: Live<Binding>) -> News {
    binding.changed().await;
    News::Name(id, binding)
}

impl fmt::Debug for Followed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Followed")
            .field("waiting", &self.waiting.len())
            .finish_non_exhaustive()
    }
}
