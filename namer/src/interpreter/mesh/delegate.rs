//! How a path comes to its names, asked of namerd.

use std::collections::HashMap;
use std::sync::PoisonError;
use std::time::Duration;

use dtab::{DelegateTree, Dtab, NameTree, Path};
use futures_util::future::join_all;
use live::Live;
use mesh::linkerd::delegator_client::DelegatorClient;
use mesh::linkerd::resolver_client::ResolverClient;
use mesh::linkerd::{DelegateTreeReq, ReplicasReq};
use mesh::wire::{self, BoundName};
use tokio::time::{Instant, sleep, timeout_at};
use tonic::transport::Channel;
use tonic::{Code, Status};

use super::session::told;
use super::{MESSAGE_BYTES_MAX, Shared};
use crate::interpreter::delegation;
use crate::{Addresses, Bound, DelegateFailure};

/// How long all of it may take.
const WITHIN: Duration = Duration::from_secs(2);

/// How long before addresses that are not known yet are asked for again.
const ASK_AGAIN: Duration = Duration::from_millis(100);

/// Addresses that are asked for at most; the others are shown as not known.
const IDS_MAX: usize = 256;

impl Shared {
    /// Asks for a delegation, and then where its leaves can be reached.
    pub(super) async fn delegate(
        &self,
        path: &Path,
        dtab: &Dtab,
    ) -> Result<DelegateTree<Bound>, DelegateFailure> {
        let deadline = Instant::now() + WITHIN;
        let channel = self.channel()?;
        let request = self.request(path, dtab)?;
        let client = DelegatorClient::new(channel.clone());
        let mut client = client.max_decoding_message_size(MESSAGE_BYTES_MAX);
        let asked = timeout_at(deadline, client.get_delegate_tree(request)).await;
        let answer = asked.map_err(|_| DelegateFailure::TimedOut(path.clone()))?;
        let answer = answer
            .map_err(|status| failure(&status, path))?
            .into_inner();
        let tree = answer
            .tree
            .ok_or_else(|| malformed("the answer has no tree"))?;

        let tree = DelegateTree::<BoundName>::try_from(&tree).map_err(malformed)?;
        let (tree, ids) = delegation::with_ids(tree);
        let found = ids.into_iter().take(IDS_MAX).map(|id| async {
            let addresses = self.addresses(&channel, &id, deadline).await;
            (id, addresses)
        });
        let found: HashMap<_, _> = join_all(found).await.into_iter().collect();
        Ok(delegation::map(tree, &mut |name| {
            // What was not asked for is not known.
            let addresses = |id: &Path| found.get(id).cloned().unwrap_or_else(|| live::channel().1);
            delegation::bound(name, addresses)
        }))
    }

    fn channel(&self) -> Result<Channel, DelegateFailure> {
        let channel = self.channel.lock().unwrap_or_else(PoisonError::into_inner);
        channel
            .clone()
            .ok_or_else(|| DelegateFailure::Unavailable(self.answers.lock().why_unavailable()))
    }

    fn request(&self, path: &Path, dtab: &Dtab) -> Result<DelegateTreeReq, DelegateFailure> {
        let tree = NameTree::Leaf(path.clone());
        let unwritable =
            |malformed: wire::Malformed| DelegateFailure::Failed(malformed.to_string());
        Ok(DelegateTreeReq {
            root: Some(self.root()),
            tree: Some((&tree).try_into().map_err(unwritable)?),
            dtab: Some(dtab.try_into().map_err(unwritable)?),
        })
    }

    /// Where an id can be reached: as it is known already, else as namerd says.
    async fn addresses(&self, channel: &Channel, id: &Path, deadline: Instant) -> Live<Addresses> {
        let known = self.answers.lock().known_addresses(id);
        if let Some(known) = known.filter(|known| !known.now().is_pending()) {
            return known;
        }
        let (mut out, addresses) = live::channel();
        match timeout_at(deadline, replicas(channel, id)).await {
            Ok(Ok(said)) => crate::wire::publish_addresses(said, &mut out),
            Ok(Err(status)) => out.fail(told(&status)),
            Err(_) => out.fail("no answer in time"),
        }
        addresses
    }
}

/// Asks until the answer is more than "not yet".
async fn replicas(channel: &Channel, id: &Path) -> Result<wire::Addresses, Status> {
    let client = ResolverClient::new(channel.clone());
    let mut client = client.max_decoding_message_size(MESSAGE_BYTES_MAX);
    loop {
        let request = ReplicasReq {
            id: Some(id.into()),
        };
        let answer = client.get_replicas(request).await?.into_inner();
        match wire::Addresses::try_from(&answer)? {
            wire::Addresses::Pending => sleep(ASK_AGAIN).await,
            said => return Ok(said),
        }
    }
}

fn failure(status: &Status, path: &Path) -> DelegateFailure {
    match status.code() {
        Code::DeadlineExceeded => DelegateFailure::TimedOut(path.clone()),
        Code::Internal | Code::InvalidArgument | Code::NotFound => {
            DelegateFailure::Failed(told(status))
        }
        _ => DelegateFailure::Unavailable(told(status)),
    }
}

fn malformed(why: impl ToString) -> DelegateFailure {
    DelegateFailure::Unavailable(format!(
        "namerd sent what means nothing: {}",
        why.to_string()
    ))
}
