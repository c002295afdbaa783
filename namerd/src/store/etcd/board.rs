//! Keeping this namerd on the board: a key under a lease, so that it goes when the namerd goes.

use std::sync::Arc;
use std::time::Duration;

use etcd_client::PutOptions;
use tokio::sync::watch;
use tokio::time::interval;

use super::Shared;
use super::client::{Connection, Trouble};
use super::write::Pause;

/// Tells etcd what this namerd says about itself, from its first word on.
pub(super) async fn keep(
    shared: Arc<Shared>,
    namerd: String,
    mut value: watch::Receiver<Option<Vec<u8>>>,
) {
    let key = shared.keys.fleet_of(&namerd);
    let mut pause = Pause::default();
    while value.wait_for(Option::is_some).await.is_ok() {
        let connection = shared.connection().await;
        let mut lease = Lease {
            connection,
            key: key.clone(),
            ttl: shared.settings.board_ttl,
        };
        let Err(trouble) = Box::pin(lease.hold(&mut value, &mut pause)).await else {
            return;
        };
        tracing::warn!(%trouble, "lost the place on the board: taking it again");
        pause.wait().await;
    }
}

struct Lease {
    connection: Connection,
    key: String,
    ttl: Duration,
}

impl Lease {
    /// Holds a lease and tells the values under it, until the lease is lost; ends well when there will be no more values.
    async fn hold(
        &mut self,
        value: &mut watch::Receiver<Option<Vec<u8>>>,
        pause: &mut Pause,
    ) -> Result<(), Trouble> {
        let connection = self.connection.clone();
        let mut client = connection.client.lease_client();
        let seconds = i64::try_from(self.ttl.as_secs()).unwrap_or(i64::MAX).max(1);
        let lease = connection.limited(client.grant(seconds, None)).await?.id();
        let (mut keeper, mut kept) = connection.limited(client.keep_alive(lease)).await?;
        value.mark_changed();
        let mut beat = interval(self.ttl / 3);
        loop {
            tokio::select! {
                changed = value.changed() => {
                    if changed.is_err() {
                        return Ok(());
                    }
                    let now = value.borrow_and_update().clone();
                    if let Some(now) = now {
                        let under_lease = PutOptions::new().with_lease(lease);
                        let mut kv = connection.client.kv_client();
                        match connection.limited(kv.put(self.key.as_str(), now, Some(under_lease))).await {
                            Ok(_) => *pause = Pause::default(),
                            // As when it is too large: what was told before stays, and this namerd on the board.
                            Err(Trouble::Invalid(reason)) => {
                                tracing::warn!(%reason, "etcd does not take what is to be told of this namerd's routers");
                            }
                            Err(trouble) => return Err(trouble),
                        }
                    }
                }
                _ = beat.tick() => {
                    connection.limited(keeper.keep_alive()).await?;
                    let is_kept = connection.limited(kept.message()).await?.is_some_and(|answer| answer.ttl() > 0);
                    if !is_kept {
                        return Err(Trouble::Transient("the lease has ended".to_owned()));
                    }
                }
            }
        }
    }
}
