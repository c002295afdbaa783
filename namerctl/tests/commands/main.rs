//! What the program prints, where, and with which exit status; and what it asks namerd.

#![expect(
    clippy::unwrap_used,
    reason = "a test that meets an error is a test that failed"
)]

mod changes;
mod discovery;
mod fleet;
mod namerctl;
mod namerd;
mod names;
mod reading;
mod revisions;
mod usage;
