//! What an idle client connection takes.

use anyhow::{Result, ensure};
use tests::Bare;

use crate::stage::Stage;

/// Opened first: what a router needs for the very first connections is not what it needs for one more.
const FIRST: usize = 100;

const COUNTED: usize = 1_000;

/// The bytes of one connection that has asked once and is kept.
pub(crate) fn measure(stage: &Stage) -> Result<f64> {
    let router = stage.router();
    stage.runtime().block_on(async {
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
    })
}
