//! Bytes against a real router: what of HTTP/1.1 passes, what is refused, and that nobody's message becomes another's.
//!
//! The cases stand in `framing/*.txt`, each with the section that decides it. A case is a play of three: the client, the
//! router and the backend that the name `HOST` is bound to. `>` goes from the client, `>>` arrives at the backend, `<<` goes
//! from the backend, `<` arrives at the client:
//!
//! ```text
//! == A name
//! RFC 9112 §6.3: why it ends so.
//! > POST / HTTP/1.1\r\n                 bytes from the client; lines that follow one another are one write
//! > !end                                the client closes its half (`!leave`: both; `!drip …`: each byte is a write)
//! > !connect                            from here on a new connection plays the client
//! >> POST /x                            the backend gets this method and target, as HTTP/1.1, and then whatever is indented:
//!    Name: value                          these field lines, joined by commas
//!    no Name                              no such line
//!    body: text                           this body (without this line: an empty one)
//!    any body                             any, as of an answer that is the router's own (4xx and 5xx need not say so)
//!    so far: text                         this much of the body is here; the message is read on by a later `>>`
//!    framing: length                      or `chunked`, `close`, `none`
//!    trailer Name: value                  this trailer
//! >> = text                             the backend gets these bytes, whatever they mean (in a tunnel)
//! >> connected                          the backend gets a connection
//! >> cut                                the backend gets a message that ends too early, and then the end
//! >> no whole request                   the same, or nothing at all
//! >> closed                             the backend's connection ends
//! << HTTP/1.1 200 OK\r\n                bytes from the backend, on the connection of the last `>>`; `!end`, `!leave`, `!drip` as above;
//!                                       `!ok`: a whole answer with the body `ok`
//! < 200                                 the client gets this status (`400 | 501`: one of them), and then whatever is indented,
//!                                       as above and:
//!    bare                                 no body whatever the head says, as after HEAD
//!    line: HTTP/1.1 200                   exactly this first line
//! < ok                                  that answer
//! < nothing                             nothing has arrived that was not expected before
//! < broken                              502, or a message that visibly ends too early, and then the end
//! < closed                              the client's connection ends
//! < open                                the client's connection serves another request (`open or closed`: or ends)
//! either                                what follows up to `or` or the end may happen after the lines above this one;
//! or                                    the stricter choice stands first
//! ```
//!
//! In bytes `\r`, `\n`, `\t`, `\0`, `\\` and `\xHH` mean what they do in Rust, `{x*5}` is `xxxxx`, and the end of the line is
//! not part of them. In each case, whatever it says:
//!
//! - Nothing reaches the backend but what a `>>` names.
//! - What either side gets is read strictly, and must not hold what only concerns one hop, a field that an underscore
//!   disguises, or a length that two parsers could read differently ([`message`]).
//! - In the end another client asks the same backend, over what connections the router kept, and gets its own answer.

mod case;
mod escape;
mod expected;
mod message;
mod play;
mod scene;
mod sections;

use std::collections::BTreeSet;
use std::fmt::Write;
use std::fs;
use std::net::TcpListener;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use case::Case;
use tempfile::TempDir;

use crate::world::World;

/// How many cases are played at once. They mostly wait.
const AT_ONCE: usize = 24;

#[test]
fn every_message_is_read_one_way_or_refused() {
    let cases = sections::cases();
    let names: BTreeSet<&str> = cases.iter().map(|case| &*case.name).collect();
    assert_eq!(names.len(), cases.len(), "two cases share a name");
    let bound: Vec<_> = cases.iter().map(|case| (case, backend())).collect();
    let folder = TempDir::new().expect("a folder");
    let world = world_of(&bound, &folder);
    let (next, failed) = (AtomicUsize::new(0), Mutex::new(Vec::new()));
    thread::scope(|scope| {
        for _ in 0..AT_ONCE {
            scope.spawn(|| {
                while let Some((case, backend)) = bound.get(next.fetch_add(1, Ordering::Relaxed)) {
                    if let Err(why) = play::case(case, world.address(), backend) {
                        let why = format!("{} ({})\n{why}", case.name, case.place);
                        failed.lock().expect("not poisoned").push(why);
                    }
                }
            });
        }
    });
    let mut failed = failed.into_inner().expect("not poisoned");
    failed.sort();
    let (count, of) = (failed.len(), cases.len());
    assert!(
        count == 0,
        "{count} of {of} cases:\n\n{}",
        failed.join("\n")
    );
}

fn backend() -> TcpListener {
    TcpListener::bind("127.0.0.1:0").expect("a port")
}

/// A router that binds the names of the cases.
///
/// It has one worker, so that what is left on a connection to a backend meets the next request for it. Its names are files,
/// because its dtab stands in each answer that it makes itself.
fn world_of(bound: &[(&Case, TcpListener)], folder: &TempDir) -> World {
    for (case, backend) in bound {
        let address = backend.local_addr().expect("bound");
        let line = format!("{} {}\n", address.ip(), address.port());
        for name in &case.names {
            fs::write(folder.path().join(name), &line).expect("a file");
        }
    }
    let mut yaml = String::from("admin: {port: 0}\n");
    writeln!(
        yaml,
        "namers:\n- {{kind: io.l5d.fs, rootDir: {}}}\nrouters:\n- protocol: http\n  servers: [{{port: 0}}]\n  dtab: /svc => /#/io.l5d.fs",
        folder.path().display()
    )
    .expect("a string takes all");
    World::of_workers(1, &yaml)
}
