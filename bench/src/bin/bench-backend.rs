//! Answers `/1k`, `/10m` and `POST`, and says where.

use std::io::{Write as _, stdout};

use anyhow::Result;
use bench::Backend;

/// The proxies have a choice of two.
const ADDRESSES: usize = 2;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<()> {
    let backend = Backend::bind(ADDRESSES).await?;
    for address in backend.addresses()? {
        writeln!(stdout(), "{address}")?;
    }
    backend.serve().await;
    Ok(())
}
