//! Clients that do what plans say, and look at what comes of it.

use std::fmt;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use fastrand::Rng;
use futures_util::StreamExt as _;
use futures_util::future::join_all;
use futures_util::stream;
use h2::SendStream;
use tests::{Http2, Whole, pattern, read, send};
use tokio::time::timeout;

use super::plan::{Client, Expected, Plan};

/// How many clients there are, how many streams each opens on a connection, and how many at once.
const CLIENTS: u64 = 12;
const STREAMS: usize = 60;
const AT_ONCE: usize = 10;

/// How long a stream may take.
const WITHIN: Duration = Duration::from_secs(20);

/// One connection of so many is closed under its streams.
const ABANDONED: usize = 8;

/// All clients.
pub(super) struct Storm {
    pub(super) router: SocketAddr,
    pub(super) seed: u64,
    /// How many streams are still to be opened.
    pub(super) left: AtomicUsize,
    pub(super) tally: Tally,
    /// What came out that should not have.
    pub(super) faults: Mutex<Vec<String>>,
}

/// What became of the streams.
#[derive(Debug, Default)]
pub(super) struct Tally {
    /// As they should be, by endpoints that were as they should be.
    pub(super) answered: AtomicU64,
    reset: AtomicU64,
    cancelled: AtomicU64,
    /// Broke off because something else did.
    broken: AtomicU64,
    abandoned: AtomicU64,
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let count = |count: &AtomicU64| count.load(Ordering::Relaxed);
        write!(
            f,
            "{} answered, {} reset by endpoints and {} by clients, {} broken by others, {} connections abandoned",
            count(&self.answered),
            count(&self.reset),
            count(&self.cancelled),
            count(&self.broken),
            count(&self.abandoned)
        )
    }
}

/// How a stream ended.
enum Ended {
    Whole(Whole),
    Broken(h2::Error),
    /// The client has given it up.
    GivenUp,
}

impl Storm {
    /// Goes on until all streams were opened.
    pub(super) async fn rage(&self) {
        join_all((0..CLIENTS).map(|client| self.visit(client))).await;
    }

    async fn visit(&self, client: u64) {
        let mut rng = Rng::with_seed(self.seed << 32 | client);
        while self.take() {
            match Http2::connect(self.router).await {
                Ok(connection) => self.converse(connection, &mut rng).await,
                Err(error) => self.fault(format!("{error:#}")),
            }
        }
    }

    /// Takes the streams of one connection from what is left.
    fn take(&self) -> bool {
        let take = |left: usize| (left > 0).then(|| left.saturating_sub(STREAMS));
        let order = Ordering::Relaxed;
        self.left.fetch_update(order, order, take).is_ok()
    }

    async fn converse(&self, connection: Http2, rng: &mut Rng) {
        let plans: Vec<_> = (0..STREAMS).map(|_| Plan::draw(rng)).collect();
        // On a connection that is abandoned only so many end.
        let most = match rng.usize(..ABANDONED) {
            0 => rng.usize(..STREAMS),
            _ => STREAMS,
        };
        if most < STREAMS {
            self.tally.abandoned.fetch_add(1, Ordering::Relaxed);
        }
        let playing = stream::iter(&plans).map(|plan| self.play(&connection, plan));
        playing.buffer_unordered(AT_ONCE).take(most).count().await;
    }

    async fn play(&self, connection: &Http2, plan: &Plan) {
        let ended = match timeout(WITHIN, play(connection, plan)).await {
            Ok(Ok(ended)) => ended,
            Ok(Err(error)) => Ended::Broken(error),
            Err(_) => return self.fault(format!("no end in time: {plan:?}")),
        };
        match judge(plan, &ended) {
            Ok(()) => self.tally.count(plan, &ended),
            Err(wrong) => self.fault(format!("{wrong}: {plan:?}")),
        }
    }

    fn fault(&self, fault: String) {
        let mut faults = self.faults.lock().unwrap_or_else(PoisonError::into_inner);
        if faults.len() < 20 {
            faults.push(fault);
        }
    }
}

impl Tally {
    fn count(&self, plan: &Plan, ended: &Ended) {
        let count = match (ended, plan.expected()) {
            (Ended::Whole(_), _) => &self.answered,
            (Ended::GivenUp, _) => &self.cancelled,
            (Ended::Broken(_), Expected::Reset(_)) => &self.reset,
            (Ended::Broken(_), _) => &self.broken,
        };
        count.fetch_add(1, Ordering::Relaxed);
    }
}

/// Whether a stream may have ended like that.
fn judge(plan: &Plan, ended: &Ended) -> Result<(), String> {
    match (ended, plan.expected()) {
        (Ended::GivenUp, _) | (_, Expected::Anything) => Ok(()),
        // Another stream had its connection closed.
        (Ended::Broken(_), _) if plan.is_wild => Ok(()),
        (Ended::Broken(error), Expected::Reset(reason))
            if error.is_remote() && error.reason() == Some(reason) =>
        {
            Ok(())
        }
        (Ended::Whole(whole), _) if plan.is_wild && whole.grpc_status() == Some(UNAVAILABLE) => {
            Ok(())
        }
        (Ended::Whole(whole), Expected::Answer(status, seed, bytes)) => {
            let is_well = whole.status == 200 && whole.grpc_status() == Some(status);
            if !is_well {
                return Err(format!(
                    "{} {:?} {:?}",
                    whole.status, whole.headers, whole.trailers
                ));
            }
            match whole.body == pattern(seed, bytes) {
                true => Ok(()),
                false => Err(format!("another body, of {} bytes", whole.body.len())),
            }
        }
        (Ended::Whole(_), Expected::Reset(_)) => Err("it was not reset".to_owned()),
        (Ended::Broken(error), expected) => Err(format!("{error} instead of {expected:?}")),
    }
}

/// The connection to the endpoint was lost.
const UNAVAILABLE: u32 = 14;

async fn play(connection: &Http2, plan: &Plan) -> Result<Ended, h2::Error> {
    let (response, mut upload) = connection.open(plan.request(), false).await?;
    let body = pattern(plan.seed, plan.upload);
    match plan.client {
        Client::Waits | Client::Hurries(_) => {
            return take(response, upload, body).await.map(Ended::Whole);
        }
        Client::CancelsAtOnce => {
            let _ = upload.send_data(body.slice(..plan.upload / 2), false);
        }
        Client::CancelsInUpload => {
            send(&mut upload, body.slice(..plan.upload / 2), false).await?;
        }
        Client::CancelsAfterHead => _ = response.await?,
        Client::CancelsInDownload => {
            let mut body = response.await?.into_body();
            _ = read(&mut body).await?;
        }
    }
    match plan.seed.is_multiple_of(2) {
        true => upload.send_reset(plan.reason()),
        // Dropping it says so as well.
        false => drop(upload),
    }
    Ok(Ended::GivenUp)
}

/// Sends and reads at the same time, as long as there is something to read.
async fn take(
    response: h2::client::ResponseFuture,
    mut upload: SendStream<Bytes>,
    body: Bytes,
) -> Result<Whole, h2::Error> {
    let reading = Whole::read(response);
    let sending = async {
        let is_sent = match body.is_empty() {
            true => upload.send_data(body, true),
            false => send(&mut upload, body, true).await,
        };
        // An answer may come before all was taken, or instead.
        let _ = is_sent;
        std::future::pending().await
    };
    tokio::select! {
        read = reading => read,
        () = sending => unreachable!("it never ends"),
    }
}
