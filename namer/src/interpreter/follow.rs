//! Protocols with a stream for each name and one for each bound name in it.
//!
//! All streams are waited for at once, in one task. One that ends is opened again after a while, and one that nobody
//! reads is given up. None of these protocols tells a revision: it is 0.

use std::collections::HashMap;
use std::future::Future;

use bytes::Bytes;
use config::Retry;
use dtab::Path;
use futures_util::StreamExt;
use futures_util::future::{AbortHandle, BoxFuture, abortable};
use futures_util::stream::{BoxStream, FuturesUnordered};
use mesh::wire;
use tokio::time::{Duration, Instant, sleep};

use super::answers::{Answers, Asked, Order, Subject, Told};
use super::backoff::Backoff;
use super::remote::{Closing, End};

/// The streams of a protocol, over one connection.
pub(super) trait Streams: Clone + Send + Sync + 'static {
    /// What there is to say, now and whenever it changes.
    fn open(self, question: Question) -> BoxFuture<'static, Result<Saying, Trouble>>;
}

/// What a stream is asked for.
#[derive(Debug)]
pub(super) enum Question {
    /// What a name is bound to.
    Name(Asked),
    /// Where a bound name can be reached.
    Addresses(Path),
}

/// What comes on a stream.
pub(super) type Saying = BoxStream<'static, Result<Said, Trouble>>;

/// What is said on a stream.
#[derive(Debug)]
pub(super) enum Said {
    /// What the name is bound to, and the addresses that were told with it.
    Tree(wire::BoundTree, Vec<(Path, wire::Addresses)>),
    /// Where the bound name can be reached.
    Addresses(wire::Addresses),
}

/// Why a stream ended.
#[derive(Debug, PartialEq)]
pub(super) enum Trouble {
    /// For a reason of its own.
    Stream(String),
    /// The connection is broken.
    Connection(String),
}

/// When streams are opened again, and how long all may fail before the connection is taken for broken; none for ever.
#[derive(Clone, Copy, Debug)]
pub(super) struct Patience {
    pub(super) retry: Retry,
    pub(super) failing_max: Option<Duration>,
}

/// Keeps all names up to date until the connection is `broken`, which says why.
pub(super) async fn run(
    answers: &Answers,
    streams: impl Streams,
    patience: Patience,
    broken: impl Future<Output = String>,
    mut closing: Closing,
) -> End {
    let mut followed = Followed {
        answers,
        streams,
        retry: patience.retry,
        waiting: FuturesUnordered::new(),
        open: HashMap::new(),
    };
    followed.obey(answers.begin_session());
    let mut has_served = false;
    let mut failing_since = None;
    tokio::pin!(broken);
    let reason = loop {
        tokio::select! {
            Some(Some(news)) = followed.waiting.next() => match followed.take(news) {
                Ok(()) => (has_served, failing_since) = (true, None),
                Err(Trouble::Connection(reason)) => break reason,
                Err(Trouble::Stream(reason)) => {
                    let since = *failing_since.get_or_insert_with(Instant::now);
                    if patience.failing_max.is_some_and(|max| since.elapsed() >= max) {
                        break reason;
                    }
                }
            },
            () = answers.ordered.notified() => {
                let orders = answers.lock().take_orders();
                followed.obey(orders);
            }
            reason = &mut broken => break reason,
            () = closing.begun() => return End::Closing,
        }
    };
    End::Lost { reason, has_served }
}

/// The streams that are open, or to be opened again.
struct Followed<'a, S> {
    answers: &'a Answers,
    streams: S,
    retry: Retry,
    /// A wait that was given up brings nothing.
    waiting: FuturesUnordered<BoxFuture<'static, Option<News<S>>>>,
    open: HashMap<Subject, AbortHandle>,
}

/// What came on a stream, and the stream that it came on.
type News<S> = (Result<Said, Trouble>, Line<S>);

impl<S: Streams> Followed<'_, S> {
    fn obey(&mut self, orders: Vec<Order>) {
        for order in orders {
            match order {
                Order::Ask(subject) => self.follow(Line {
                    subject,
                    streams: self.streams.clone(),
                    saying: None,
                    backoff: Backoff::new(self.retry),
                    wait: Duration::ZERO,
                }),
                Order::Drop(subject) => {
                    if let Some(open) = self.open.remove(&subject) {
                        open.abort();
                    }
                }
            }
        }
    }

    fn follow(&mut self, line: Line<S>) {
        let subject = line.subject.clone();
        let Some(question) = self.answers.lock().question(&subject) else {
            return;
        };
        let (news, handle) = abortable(line.next(question));
        self.waiting.push(Box::pin(async move { news.await.ok() }));
        self.open.insert(subject, handle);
    }

    /// Writes down what came, and waits for what comes next.
    fn take(&mut self, (said, mut line): News<S>) -> Result<(), Trouble> {
        let (said, orders) = {
            let mut answers = self.answers.lock();
            answers.link.heard();
            let said = match said {
                Ok(said) => {
                    answers.confirmed();
                    answers.take(&line.subject, said);
                    line.backoff.reset();
                    Ok(())
                }
                Err(trouble) => {
                    if let Trouble::Stream(why) = &trouble {
                        answers.stale(&line.subject, why);
                    }
                    line.wait = line.backoff.next();
                    Err(trouble)
                }
            };
            // A tree may bring bound names of which nothing is known yet.
            (said, answers.take_orders())
        };
        self.obey(orders);
        if self.open.contains_key(&line.subject) {
            self.follow(line);
        }
        said
    }
}

/// A stream for one subject, open or to be opened.
struct Line<S> {
    subject: Subject,
    streams: S,
    saying: Option<Saying>,
    backoff: Backoff,
    /// How long to wait before it is opened.
    wait: Duration,
}

impl<S: Streams> Line<S> {
    async fn next(mut self, question: Question) -> News<S> {
        let said = self.hear(question).await;
        if said.is_err() {
            self.saying = None;
        }
        (said, self)
    }

    async fn hear(&mut self, question: Question) -> Result<Said, Trouble> {
        let saying = match &mut self.saying {
            Some(saying) => saying,
            closed => {
                sleep(self.wait).await;
                closed.insert(self.streams.clone().open(question).await?)
            }
        };
        let ended = || Err(Trouble::Stream("namerd ended the stream".to_owned()));
        saying.next().await.unwrap_or_else(ended)
    }
}

/// A tree of a protocol that tells neither revision nor digest.
pub(super) fn told(tree: wire::BoundTree) -> Told {
    Told {
        revision: 0,
        tree,
        dead: Vec::new(),
        digest: Bytes::new(),
    }
}
