//! How much a test does: little where everybody waits for it, and all that was promised where it is asked to.

use std::process::Command;

/// Whether the full size is asked for, with `SWITCHYARD_FULL=1`: minutes, and a machine that does nothing else.
pub fn is_full() -> bool {
    std::env::var_os("SWITCHYARD_FULL").is_some_and(|value| value == "1")
}

/// Lets a process have so many descriptors.
///
/// # Panics
/// If the system does not let it.
pub fn with_descriptors(process: u32, descriptors: usize) {
    let status = Command::new("prlimit")
        .arg(format!("--pid={process}"))
        .arg(format!("--nofile={descriptors}:"))
        .status();
    let status = status.expect("prlimit can be started");
    assert!(status.success(), "{descriptors} descriptors");
}
