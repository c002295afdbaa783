//! What the end-to-end tests and the demo are made of: the real programs, backends, load, and the [`World`] that owns them.
//!
//! The programs are those of `SWITCHYARD_BIN_DIR`, or are built beside the running test. Every port is one that the system
//! gives, every file lies in a folder that goes with its world, and every process ends with the value that stands for it.

mod backend;
mod bare;
mod etcd;
pub mod grpc;
mod http2;
mod kept;
mod lineage;
mod load;
mod namerctl;
mod namerd;
mod process;
mod programs;
mod proxied;
mod router;
mod rush;
mod scripted;
mod size;
mod streamed;
mod world;

pub use backend::Backend;
pub use bare::{Bare, Heard};
pub use etcd::Etcd;
pub use http2::{Http2, Idle, STREAM_WINDOW, Whole, call, pattern, read, send};
pub use kept::kept_connection;
pub use lineage::Lineage;
pub use load::{Answer, Load, Outcome};
pub use namerctl::{Namerctl, Said};
pub use namerd::{Namerd, Ports};
pub use process::Process;
pub use programs::program;
pub use proxied::{Proxied, Reply};
pub use router::Router;
pub use rush::{Rush, Served, p99};
pub use scripted::{Abandoned, Act, Scripted};
pub use size::{is_full, with_descriptors};
pub use streamed::{Asked, Leave, Streamed};
pub use world::{World, until};
