//! Bytes on their way between two sockets: what is read, what it means, and what is written.
//!
//! Nothing here knows names or endpoints. A socket that waits holds no buffer: [`Input`] takes one when there is something to
//! read, and gives it back when all of it was used, so that an idle connection costs its socket only.

mod buffer;
mod compressor;
mod hold;
mod input;
mod kept;
mod linger;
mod memory;
mod pipe;
mod relay;
mod socket;
mod tcp;
mod tls;
mod tunnel;

pub(crate) use buffer::{Text, lent_bytes};
pub(crate) use compressor::{Coding, Compressor};
pub(crate) use hold::{Bounds, Hold, NotHeld};
pub(crate) use input::Input;
pub(crate) use linger::linger;
pub(crate) use memory::Memory;
pub(crate) use relay::{Encoding, Relay, Trouble};
pub(crate) use socket::{Reader, Socket, Writer};
pub(crate) use tcp::Next;
pub(crate) use tunnel::Tunnel;
