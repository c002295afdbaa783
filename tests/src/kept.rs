//! What a client's connection takes that asks nothing.

use anyhow::{Result, ensure};

use crate::{Bare, Router};

/// Opened first: what a router needs for the very first connections is not what it needs for one more.
const FIRST: usize = 100;

const COUNTED: usize = 1_000;

/// The bytes that one connection adds to the router's memory when it has asked for `web` once and is kept.
///
/// # Errors
/// If it is not answered, with 200.
pub async fn kept_connection(router: &Router) -> Result<f64> {
    let mut open = Vec::new();
    let mut before = 0;
    for index in 0..FIRST + COUNTED {
        if index == FIRST {
            before = router.process.resident();
        }
        let mut bare = Bare::connect(router.address()).await?;
        let heard = bare.ask(b"GET / HTTP/1.1\r\nHost: web\r\n\r\n").await?;
        ensure!(heard.status == 200, "{}", heard.head);
        open.push(bare);
    }
    let grown = router.process.resident().saturating_sub(before);
    Ok(grown as f64 / COUNTED as f64)
}
