//! HTTP/2 on both sides of a router: scripted clients and endpoints, and bare frames where the library would not misbehave.

mod client;
mod endpoint;
mod frames;

mod channels;
mod claims;
mod corpus;
mod errors;
mod floods;
mod flow;
mod plain;
mod resets;
mod retries;
mod server;

use std::future::Future;
use std::time::Duration;

use tokio::time::timeout;

use crate::world::{PATIENCE, World};

/// Runs a test's peers, which are done in time.
fn run<T>(test: impl Future<Output = T>) -> T {
    let mut runtime = tokio::runtime::Builder::new_current_thread();
    let runtime = runtime.enable_all().build().expect("a runtime");
    let ended = runtime.block_on(async { timeout(PATIENCE, test).await });
    ended.expect("the test ends in time")
}

/// A router for HTTP/2 with these rules, more in its server's entry, and more lines in its own.
fn world(dtab: &str, server: &str, router: &str) -> World {
    World::parse(&format!(
        "admin: {{port: 0}}\nrouters:\n- protocol: h2\n  servers: [{{port: 0{server}}}]\n  dtab: \"{dtab}\"\n{router}"
    ))
}

/// How soon what happens on one side is known on the other.
const SOON: Duration = Duration::from_millis(50);
