//! HTTP/1.1 as bytes: heads and bodies, read strictly and written back. No socket, no clock, no task.
//!
//! A proxy stands between two parsers. If they read the same bytes as two different messages, somebody can smuggle one
//! through; so whatever two parsers could read differently is refused here, even where RFC 9112 would allow to repair it.
//!
//! Start with [`RequestHead`] and [`ResponseHead`]; how their bodies are delimited is a [`Length`], and a [`Decoder`]
//! reads them. [`Fields`] keep the field lines in order, with a [`Known`] for each name that a proxy cares about.
//!
//! ```
//! use http1::{Decoder, Known, Length, Limits, Parsed, RequestHead};
//!
//! let mut bytes = *b"POST /a?b HTTP/1.1\r\nHost: web\r\nContent-Length: 2\r\n\r\nhi";
//! let mut head = RequestHead::default();
//! let Ok(Parsed::Whole(length)) = head.parse(&bytes, &Limits::default()) else {
//!     panic!("a whole head");
//! };
//! assert_eq!(head.path(), b"/a");
//! assert_eq!(head.fields.get(Known::Host), Some(&b"web"[..]));
//! assert_eq!(head.length(), Length::Exact(2));
//!
//! let mut decoder = Decoder::new(head.length());
//! let body = &mut bytes[length..];
//! let decoded = decoder.decode(body)?;
//! assert_eq!(&body[decoded.data], b"hi");
//! assert!(decoded.is_done);
//! # Ok::<(), http1::BadBody>(())
//! ```

mod body;
mod broken;
mod fields;
mod framing;
mod host;
mod known;
mod limits;
mod line_fault;
mod octets;
mod refusal;
mod request;
mod response;
mod target;

pub use body::{BadBody, Decoded, Decoder, chunk_line, may_be_trailer, write_chunk_end};
pub use broken::Broken;
pub use fields::{Field, Fields};
pub use framing::Length;
pub use known::{Known, KnownSet};
pub use limits::{Limits, Parsed};
pub use line_fault::LineFault;
pub use refusal::Refusal;
pub use request::RequestHead;
pub use response::ResponseHead;
pub use target::Form;
