//! Plays a case, step by step.

use std::fmt::Write;
use std::net::{SocketAddr, TcpListener};
use std::thread;

use super::case::{Case, Deed, Step};
use super::expected::Expected;
use super::message;
use super::scene::{End, Peer, Scene};

/// Plays a case in the ways that it allows, until one goes well; else says what went wrong in each.
pub(super) fn case(case: &Case, router: SocketAddr, backend: &TcpListener) -> Result<(), String> {
    let mut wrong = String::new();
    for steps in &case.ways {
        let play = Play {
            host: &case.host,
            reach: Reach::of(steps),
            scene: Scene::new(router, backend),
            backend: 0,
        };
        match play.play(steps) {
            Ok(()) => return Ok(()),
            Err(why) => writeln!(wrong, "{why}").expect("a string takes all"),
        }
    }
    Err(wrong)
}

/// How much of what the client sends may reach the backend.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Reach {
    Nothing,
    /// Messages that break off.
    Beginnings,
    Anything,
}

impl Reach {
    fn of(steps: &[Step]) -> Self {
        let each = steps.iter().map(|step| match step.deed {
            Deed::BackendGets(_)
            | Deed::BackendGetsBytes(_)
            | Deed::BackendIsConnected
            | Deed::ClientIsOpen
            | Deed::ClientIsOpenOrClosed => Self::Anything,
            Deed::BackendIsCut { .. } => Self::Beginnings,
            _ => Self::Nothing,
        });
        each.max().unwrap_or(Self::Nothing)
    }
}

struct Play<'a> {
    host: &'a str,
    reach: Reach,
    scene: Scene,
    /// The backend's connection that the last step was about.
    backend: usize,
}

impl Play<'_> {
    fn play(mut self, steps: &[Step]) -> Result<(), String> {
        self.scene.connect();
        for step in steps {
            if let Err(why) = self.take(&step.deed) {
                return Err(self.describe(&step.text, &why));
            }
        }
        self.last_look()
            .map_err(|why| self.describe("the end", &why))
    }

    fn describe(&mut self, step: &str, why: &str) -> String {
        format!("  at {step}\n  {why}{}", self.scene.describe())
    }

    fn take(&mut self, deed: &Deed) -> Result<(), String> {
        match deed {
            Deed::ClientSends(bytes) => self.scene.client().send(bytes),
            Deed::ClientDrips(bytes) => drip(self.scene.client(), bytes),
            Deed::ClientEnds => self.scene.client().end(),
            Deed::ClientLeaves => self.scene.client().leave(),
            Deed::ClientConnects => self.scene.connect(),
            Deed::BackendSends(bytes) => self.backend().send(bytes),
            Deed::BackendDrips(bytes) => drip(self.backend(), bytes),
            Deed::BackendEnds => self.backend().end(),
            Deed::BackendLeaves => self.backend().leave(),
            _ => return self.expect(deed),
        }
        Ok(())
    }

    fn expect(&mut self, deed: &Deed) -> Result<(), String> {
        match deed {
            Deed::BackendGets(expected) => self.backend_gets(expected),
            Deed::BackendGetsBytes(bytes) => self.wait(|play| match play.turn() {
                Some(peer) => take_bytes(peer, bytes),
                None => Ok(None),
            }),
            Deed::BackendIsConnected => self.wait(|play| {
                let count = play.scene.backends.len();
                play.backend = count.saturating_sub(1);
                Ok((count > 0).then_some(()))
            }),
            Deed::BackendIsCut { maybe_nothing } => self.backend_is_cut(*maybe_nothing),
            Deed::BackendIsClosed => self.wait(|play| ended(play.backend())),
            Deed::ClientGets(expected) => self.client_gets(expected),
            Deed::ClientGetsBytes(bytes) => {
                self.wait(|play| take_bytes(play.scene.client(), bytes))
            }
            Deed::ClientGetsNothing => match self.scene.client().unread() {
                [] => Ok(()),
                _ => Err("something came".into()),
            },
            Deed::ClientIsBroken => self.wait(|play| take_broken(play.scene.client())),
            Deed::ClientIsClosed => self.wait(|play| {
                play.check_nothing_new()?;
                ended(play.scene.client())
            }),
            Deed::ClientIsOpen => self.ask_again("/again"),
            Deed::ClientIsOpenOrClosed => match self.ask_again("/again") {
                Err(_) if self.has_closed() => Ok(()),
                asked => asked,
            },
            _ => Ok(()),
        }
    }

    /// Waits until this is decided.
    fn wait(
        &mut self,
        mut look: impl FnMut(&mut Self) -> Result<Option<()>, String>,
    ) -> Result<(), String> {
        loop {
            if look(self)?.is_some() {
                return Ok(());
            }
            self.scene.hear()?;
        }
    }

    fn backend(&mut self) -> &mut Peer {
        &mut self.scene.backends[self.backend]
    }

    /// Turns to the backend's connection on which something unread is.
    fn turn(&mut self) -> Option<&mut Peer> {
        let unread = |peer: &Peer| !peer.unread().is_empty();
        self.backend = self.scene.backends.iter().position(unread)?;
        Some(self.backend())
    }

    fn backend_gets(&mut self, expected: &Expected) -> Result<(), String> {
        let (host, reach) = (self.host, self.reach);
        self.wait(|play| {
            play.pass_over_beginnings();
            let Some(peer) = play.turn() else {
                return match is_answered(play.scene.client()) {
                    true => Err("the router did not ask the backend".into()),
                    false => Ok(None),
                };
            };
            if let Some(message) = message::request(peer.unread())?
                && (message.whole.is_some() || reach == Reach::Anything)
                && expected.is_request(&message, host)?
            {
                take(peer, expected, &message);
                return Ok(Some(()));
            }
            match peer.end {
                Some(_) => Err("the router gave up".into()),
                None => Ok(None),
            }
        })
    }

    /// Everything that the backend has not taken yet must be a beginning, followed by the end.
    fn backend_is_cut(&mut self, maybe_nothing: bool) -> Result<(), String> {
        let mut beginnings = 0;
        self.wait(|play| {
            for peer in &mut play.scene.backends {
                check_is_beginning(peer)?;
                beginnings += peer.pass_over();
            }
            let is_left = play.scene.has_unread(Scene::backends);
            Ok((!is_left && (beginnings > 0 || maybe_nothing)).then_some(()))
        })
    }

    /// Where a request may break off, it may also do so late.
    fn pass_over_beginnings(&mut self) {
        if self.reach == Reach::Beginnings {
            for peer in &mut self.scene.backends {
                if check_is_beginning(peer).is_ok() {
                    peer.pass_over();
                }
            }
        }
    }

    fn client_gets(&mut self, expected: &Expected) -> Result<(), String> {
        self.wait(|play| {
            play.check_reach()?;
            let peer = play.scene.client();
            let is_over = peer.end == Some(End::Orderly);
            if let Some(message) = message::answer(peer.unread(), expected.is_bare, is_over)?
                && expected.is_answer(&message)?
            {
                take(peer, expected, &message);
                return Ok(Some(()));
            }
            match peer.end {
                Some(end) => Err(format!("the client's connection has ended ({end:?})")),
                None => Ok(None),
            }
        })
    }

    /// The first byte that must not reach the backend ends the case.
    fn check_reach(&mut self) -> Result<(), String> {
        let reach = self.reach;
        match self.turn() {
            Some(_) if reach == Reach::Nothing => Err("it reached the backend".into()),
            Some(peer) if reach == Reach::Beginnings => check_is_beginning(peer),
            _ => Ok(()),
        }
    }

    /// While the client's connection closes, no other request may come.
    fn check_nothing_new(&mut self) -> Result<(), String> {
        if self.reach != Reach::Anything {
            return self.check_reach();
        }
        match self.turn() {
            Some(peer) if peer.end.is_none() && !peer.is_begun => {
                Err("the backend got another request".into())
            }
            _ => Ok(()),
        }
    }

    fn has_closed(&mut self) -> bool {
        let client = self.scene.client();
        client.unread().is_empty() && client.end.is_some()
    }

    /// Nothing may be left; and another client's request gets its own answer.
    fn last_look(&mut self) -> Result<(), String> {
        self.check_all_taken()?;
        self.scene.connect();
        self.ask_again("/last")?;
        self.check_all_taken()
    }

    fn check_all_taken(&mut self) -> Result<(), String> {
        if self.reach == Reach::Beginnings {
            self.backend_is_cut(true)?;
        }
        if self.scene.has_unread(Scene::backends) {
            return Err("the backend got more".into());
        }
        if self.scene.has_unread(Scene::clients) {
            return Err("the client got more".into());
        }
        Ok(())
    }

    /// Another request on the client's connection.
    fn ask_again(&mut self, target: &str) -> Result<(), String> {
        self.check_all_taken()?;
        let request = format!("GET {target} HTTP/1.1\r\nHost: {}\r\n\r\n", self.host);
        self.scene.client().send(request.as_bytes());
        self.backend_gets(&Expected::that_is(&format!("GET {target}")))?;
        let length = target.len();
        let answer = format!("HTTP/1.1 200 OK\r\nContent-Length: {length}\r\n\r\n{target}");
        self.backend().send(answer.as_bytes());
        self.client_gets(&Expected::that_is("200").with_body(target))
    }
}

/// Sends byte by byte.
fn drip(peer: &mut Peer, bytes: &[u8]) {
    for byte in bytes {
        peer.send(&[*byte]);
        thread::yield_now();
    }
}

/// Takes a message, unless it will be read on.
fn take(peer: &mut Peer, expected: &Expected, message: &message::Message) {
    peer.is_begun = expected.is_partial();
    if let (false, Some(length)) = (peer.is_begun, message.whole) {
        peer.take(length);
    }
}

fn take_bytes(peer: &mut Peer, bytes: &[u8]) -> Result<Option<()>, String> {
    let common = peer.unread().len().min(bytes.len());
    if peer.unread()[..common] != bytes[..common] {
        return Err("other bytes came".into());
    }
    match peer.end {
        _ if common == bytes.len() => {
            peer.take(common);
            Ok(Some(()))
        }
        Some(end) => Err(format!("{end:?}, too early")),
        None => Ok(None),
    }
}

/// Takes an answer of 502, or one that breaks off.
fn take_broken(peer: &mut Peer) -> Result<Option<()>, String> {
    let is_over = peer.end == Some(End::Orderly);
    if let Some(message) = message::answer(peer.unread(), false, is_over)?
        && let Some(length) = message.whole
    {
        if !message.first_line.starts_with("HTTP/1.1 502") {
            return Err("the answer looks whole".into());
        }
        peer.take(length);
        return Ok(Some(()));
    }
    peer.pass_over();
    Ok(peer.end.map(|_| ()))
}

/// Whether there is no use in waiting for the backend: the client has its final answer, or will get none.
fn is_answered(client: &Peer) -> bool {
    let unread = client.unread();
    let is_final = unread.starts_with(b"HTTP/1.1 ") && !unread.starts_with(b"HTTP/1.1 1");
    match client.end {
        Some(end) => !client.has_shut() || end == End::Reset,
        None => is_final && !client.is_begun,
    }
}

fn ended(peer: &Peer) -> Result<Option<()>, String> {
    match peer.unread() {
        [] => Ok(peer.end.map(|_| ())),
        _ => Err("something else came".into()),
    }
}

fn check_is_beginning(peer: &Peer) -> Result<(), String> {
    match message::request(peer.unread())? {
        Some(message) if message.whole.is_some() => {
            Err("a whole message reached the backend".into())
        }
        _ => Ok(()),
    }
}
