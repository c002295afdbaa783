//! `switchyard.mesh.v1` from the router's side: one two-way stream.
//!
//! Reading never waits for writing: what is to be said stands in a list of its own until namerd has room for it. So the
//! two cannot lock each other up when both have much to say. What comes is applied in the order in which it was sent;
//! that is what makes the receipt for a mark true.

use std::collections::VecDeque;
use std::time::Duration;

use bytes::Bytes;
use dtab::{Alternatives, DeadBranch};
use mesh::channel::Connected;
use mesh::linkerd;
use mesh::v1::mesh_client::MeshClient;
use mesh::v1::{
    FromRouter, Goodbye, Held, Hello, Mark, Receipt, Subscribe, ToRouter, Unsubscribe, Update,
    Welcome, from_router, to_router, update,
};
use mesh::wire::{self, Malformed};
use prost::Message as _;
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep_until, timeout};
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Code, Status, Streaming};

use super::{MESSAGE_BYTES_MAX, Shared, WELCOME_WITHIN, serving};
use crate::interpreter::answers::{Asked, Ledger, NameId, Order, Subject, Told};
use crate::interpreter::remote::{Closing, End};

/// The protocol's name.
const PROTOCOL: &str = "switchyard.mesh.v1";

/// Messages on their way to the connection.
const OUTGOING: usize = 32;

/// How much of what is held is told in a hello. namerd takes messages of 4 MiB; what is left out is sent again.
const HELD_BYTES_MAX: usize = 2 << 20;

/// A stream that has been silent for so many beats is stale.
const BEATS_MISSED: u32 = 3;

/// What a beat interval is taken for at the least and at the most, whatever namerd says.
const BEAT_BOUNDS: [Duration; 2] = [Duration::from_millis(100), Duration::from_secs(60)];

/// How long namerd may take to hear a goodbye.
const GOODBYE_WITHIN: Duration = Duration::from_secs(1);

/// Why there is no session.
pub(super) enum Refused {
    /// namerd does not speak this protocol.
    Unimplemented,
    /// namerd does not answer, or not with a welcome.
    Lost(String),
}

/// A stream after its welcome.
pub(super) struct Session<'a> {
    outgoing: mpsc::Sender<FromRouter>,
    incoming: Streaming<ToRouter>,
    silence_max: Duration,
    talk: Talk<'a>,
}

/// What was heard and what is to be said.
struct Talk<'a> {
    shared: &'a Shared,
    root: linkerd::Path,
    /// What is still to be asked.
    orders: VecDeque<Order>,
    /// The receipt for the newest mark, until it is sent.
    receipt: Option<Receipt>,
}

impl<'a> Session<'a> {
    /// Says hello, and waits to be welcomed.
    pub(super) async fn open(shared: &'a Shared, connected: &Connected) -> Result<Self, Refused> {
        let orders = shared.answers.begin_session().into();
        let root = shared.root();
        let (outgoing, messages) = mpsc::channel(OUTGOING);
        let hello = from_router::Message::Hello(hello(shared, &root));
        // There is room: nothing was sent yet.
        let _ = outgoing.try_send(message(hello));
        let opening = async {
            let client = MeshClient::new(connected.channel.clone());
            let mut client = client.max_decoding_message_size(MESSAGE_BYTES_MAX);
            let answer = client.connect(ReceiverStream::new(messages)).await?;
            let mut incoming = answer.into_inner();
            let welcome = welcome(incoming.message().await?)?;
            Ok((incoming, welcome))
        };
        let opened = timeout(WELCOME_WITHIN, opening).await;
        let (incoming, welcome) = match opened {
            Ok(Ok(opened)) => opened,
            Ok(Err(status)) => return Err(refused(&status)),
            Err(_) => return Err(Refused::Lost("no welcome in time".to_owned())),
        };
        let [shortest, longest] = BEAT_BOUNDS;
        let beat = Duration::from_millis(welcome.beat_interval_ms.into()).clamp(shortest, longest);
        let mut namerd = serving(connected, PROTOCOL);
        (namerd.id, namerd.version) = (welcome.namerd_id, welcome.version);
        shared.serves(namerd);
        Ok(Self {
            outgoing,
            incoming,
            silence_max: beat * BEATS_MISSED,
            talk: Talk {
                shared,
                root,
                orders,
                receipt: None,
            },
        })
    }

    /// Keeps all names up to date, until one of the two ends it.
    pub(super) async fn run(self, mut closing: Closing) -> End {
        let Self {
            outgoing,
            mut incoming,
            silence_max,
            mut talk,
        } = self;
        let answers = &talk.shared.answers;
        let mut silent_at = Instant::now() + silence_max;
        loop {
            tokio::select! {
                heard = incoming.message() => match heard {
                    Ok(Some(message)) => {
                        silent_at = Instant::now() + silence_max;
                        talk.hear(message);
                    }
                    Ok(None) => return lost("namerd ended the stream".to_owned()),
                    Err(status) => return lost(told(&status)),
                },
                room = outgoing.reserve(), if talk.has_more() => {
                    let Ok(room) = room else {
                        return lost("the stream is broken".to_owned());
                    };
                    if let Some(next) = talk.next() {
                        room.send(message(next));
                    }
                }
                () = answers.ordered.notified() => {
                    talk.orders.extend(answers.lock().take_orders());
                }
                () = sleep_until(silent_at) => {
                    return lost(format!("nothing heard for {} ms", silence_max.as_millis()));
                }
                () = closing.begun() => break,
            }
        }
        goodbye(outgoing, incoming).await;
        End::Closing
    }
}

impl Talk<'_> {
    fn has_more(&self) -> bool {
        self.receipt.is_some() || !self.orders.is_empty()
    }

    /// The next message to be said; none when what was to be said is no longer of use.
    fn next(&mut self) -> Option<from_router::Message> {
        if let Some(receipt) = self.receipt.take() {
            return Some(from_router::Message::Receipt(receipt));
        }
        while let Some(order) = self.orders.pop_front() {
            let message = match order {
                Order::Ask(Subject::Name(id)) => {
                    self.subscribe(id).map(from_router::Message::Subscribe)
                }
                Order::Drop(Subject::Name(id)) => {
                    Some(from_router::Message::Unsubscribe(Unsubscribe { id }))
                }
                // namerd tells the addresses of what it has told unasked.
                Order::Ask(Subject::Addresses(_)) | Order::Drop(Subject::Addresses(_)) => None,
            };
            if message.is_some() {
                return message;
            }
        }
        None
    }

    fn subscribe(&self, id: NameId) -> Option<Subscribe> {
        let mut answers = self.shared.answers.lock();
        let Asked { path, overlay } = answers.asked(id)?.clone();
        match &overlay.message {
            Ok(dtab) => Some(Subscribe {
                id,
                root: Some(self.root.clone()),
                name: Some((&path).into()),
                dtab: Some(dtab.clone()),
                alternatives: self.shared.options.alternatives == Alternatives::All,
            }),
            Err(malformed) => {
                answers.stale(&Subject::Name(id), &malformed.to_string());
                None
            }
        }
    }

    fn hear(&mut self, message: ToRouter) {
        let mut answers = self.shared.answers.lock();
        answers.link.heard();
        match message.message {
            Some(to_router::Message::Update(update)) => {
                answers.goes_on();
                let id = update.subscription;
                let stale = update.stale.clone();
                if let Err(malformed) = apply(&mut answers, update) {
                    tracing::warn!("namerd sent a tree that means nothing: {malformed}");
                    answers.stale(&Subject::Name(id), &malformed.to_string());
                }
                if let Some(why) = stale {
                    answers.stale(&Subject::Name(id), &why);
                }
            }
            Some(to_router::Message::Addresses(addresses)) => {
                answers.goes_on();
                match wire::Addresses::from_message(&addresses) {
                    Ok((id, said)) => answers.addresses(id, said),
                    Err(malformed) => {
                        tracing::warn!("namerd sent addresses that mean nothing: {malformed}");
                    }
                }
            }
            Some(to_router::Message::Mark(mark))
                if mark.namespace == self.shared.options.namespace =>
            {
                if answers.mark(mark.revision) {
                    let (names, digest) = answers.digest();
                    self.receipt = Some(Receipt {
                        namespace: mark.namespace,
                        revision: mark.revision,
                        names,
                        digest: Bytes::copy_from_slice(&digest),
                    });
                }
            }
            Some(to_router::Message::Beat(beat)) => {
                let mut known = beat.namespaces.into_iter();
                let ours = known.find(|mark| mark.namespace == self.shared.options.namespace);
                if let Some(Mark { revision, .. }) = ours {
                    answers.link.newest_revision = Some(revision);
                }
            }
            // Another namespace's mark, a second welcome, or a kind that a later version knows.
            Some(to_router::Message::Mark(_) | to_router::Message::Welcome(_)) | None => {}
        }
    }
}

/// Takes leave, and waits for namerd to end the stream, so that the message gets through.
async fn goodbye(outgoing: mpsc::Sender<FromRouter>, mut incoming: Streaming<ToRouter>) {
    let leaving = async {
        let goodbye = from_router::Message::Goodbye(Goodbye {});
        let sent = outgoing.send(message(goodbye)).await;
        drop(outgoing);
        while sent.is_ok() && matches!(incoming.message().await, Ok(Some(_))) {}
    };
    // What namerd does not hear in time it will notice by itself.
    let _ = timeout(GOODBYE_WITHIN, leaving).await;
}

fn lost(reason: String) -> End {
    End::Lost {
        reason,
        has_served: true,
    }
}

fn apply(answers: &mut Ledger, update: Update) -> Result<(), Malformed> {
    let (id, revision) = (update.subscription, update.revision);
    match update.state {
        // A kind that a later version knows.
        None => {}
        Some(update::State::Pending(_)) => answers.pending(id, revision),
        Some(update::State::Failed(failed)) => answers.failed(id, revision, &failed.message),
        Some(update::State::Unchanged(_)) if answers.unchanged(id, revision) => {}
        Some(update::State::Unchanged(_)) => {
            answers.stale(
                &Subject::Name(id),
                "namerd says that a tree is unchanged which is not here",
            );
        }
        Some(update::State::Tree(tree)) => {
            let root = tree.root.ok_or(Malformed::Missing("a tree's root"))?;
            let dead = tree.dead.iter().map(|dead| {
                let path = dead.path.as_ref();
                let path = path.ok_or(Malformed::Missing("a dead branch's path"))?;
                Ok(DeadBranch {
                    path: path.try_into()?,
                    share: dead.share,
                })
            });
            let told = Told {
                revision,
                tree: (&root).try_into()?,
                dead: dead.collect::<Result<_, Malformed>>()?,
                digest: update.digest,
            };
            answers.tree(id, told);
        }
    }
    Ok(())
}

fn hello(shared: &Shared, root: &linkerd::Path) -> Hello {
    let identity = &shared.options.identity;
    let answers = shared.answers.lock();
    let mut bytes = 0;
    let held = answers.held().filter_map(|(asked, digest)| {
        Some(Held {
            root: Some(root.clone()),
            path: Some((&asked.path).into()),
            dtab: Some(asked.overlay.message.clone().ok()?),
            digest: Bytes::copy_from_slice(digest),
        })
    });
    let held = held.take_while(|held| {
        bytes += held.encoded_len();
        bytes <= HELD_BYTES_MAX
    });
    Hello {
        router_id: identity.id.clone(),
        labels: identity.labels.clone(),
        version: identity.version.clone(),
        namespaces: vec![shared.options.namespace.clone()],
        held: held.collect(),
    }
}

fn welcome(first: Option<ToRouter>) -> Result<Welcome, Status> {
    match first.and_then(|first| first.message) {
        Some(to_router::Message::Welcome(welcome)) => Ok(welcome),
        Some(_) => Err(Status::internal("no welcome")),
        None => Err(Status::unavailable("the stream ended before it began")),
    }
}

fn refused(status: &Status) -> Refused {
    match status.code() {
        Code::Unimplemented => Refused::Unimplemented,
        _ => Refused::Lost(told(status)),
    }
}

/// A status in a few words.
pub(super) fn told(status: &Status) -> String {
    match status.message() {
        "" => status.code().to_string(),
        message => message.to_owned(),
    }
}

fn message(message: from_router::Message) -> FromRouter {
    FromRouter {
        message: Some(message),
    }
}
