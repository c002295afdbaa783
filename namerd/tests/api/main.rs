//! The HTTP API as a client meets it: the real service over loopback, with a store in memory.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod changes;
mod client;
mod names;
mod process;
mod statuses;
mod store;
mod watches;
mod world;
