//! Values that change: how one task tells others what it learned.
//!
//! A [`Live`] is read without a lock and waited for; its one [`Publisher`] sets it. What a reader sees is a [`State`]:
//! "not heard yet", "this value", "this value, but the source is in trouble" and "no value, and why" never look alike.
//!
//! Derived values recompute, they do not chain: a loop reads its inputs through [`Reads`], publishes what a pure
//! function makes of them, and waits until one of the inputs changes.
//!
//! ```
//! # #[tokio::main(flavor = "current_thread")] async fn main() {
//! use live::Reads;
//!
//! let (mut celsius, reader) = live::channel::<i32>();
//! let fahrenheit = live::spawn("fahrenheit", move |mut out| async move {
//!     loop {
//!         let mut reads = Reads::default();
//!         if let Some(c) = reads.read(&reader).value() {
//!             out.set(**c * 9 / 5 + 32);
//!         }
//!         reads.changed().await;
//!     }
//! });
//! celsius.set(100);
//! let deadline = tokio::time::Instant::now() + std::time::Duration::from_secs(1);
//! assert_eq!(*fahrenheit.ready(deadline).await.unwrap(), 212);
//! # }
//! ```

mod channel;
mod reads;
mod shared;
mod state;
mod task;

pub use channel::{Live, NotReady, Publisher, WeakLive, channel};
pub use reads::Reads;
pub use shared::Shared;
pub use state::{Failure, State};
pub use task::{Task, guarded, run, spawn, task};
