//! Answers requests or calls on two ports, and says where.

use std::io::{Write as _, stdout};

use anyhow::Result;
use bench::{Backend, Protocol};
use clap::Parser;

/// Answers on two ports, and prints where: HTTP/1.1 at /1k, /10m and to POST, or gRPC's helloworld.Greeter/SayHello
#[derive(Debug, Parser)]
struct Args {
    /// What it speaks
    #[arg(value_enum)]
    protocol: Protocol,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<()> {
    let args = Args::parse();
    let backend = Backend::bind().await?;
    for address in backend.addresses()? {
        writeln!(stdout(), "{address}")?;
    }
    backend.serve(args.protocol).await;
    Ok(())
}
