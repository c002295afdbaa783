//! From our values to messages and back.
//!
//! Writing sets every field, also where it holds the default: Linkerd 1's decoder drops messages that leave one out. Reading is
//! strict: what has no meaning is [`Malformed`], never guessed at. Trees of both packages are read down to
//! [`MAX_TREE_DEPTH`] only, and dtabs and trees of our own package are not written any deeper, so that one absurd name can't
//! end a stream that carries thousands.

mod address;
mod bound;
mod delegation;
mod name;

pub use address::{AddressSet, Addresses, Endpoint};
pub use bound::{BoundId, BoundName, BoundTree};
pub use delegation::bound_delegate_tree;

/// How deep a tree may be nested in a message.
///
/// A level takes up to three messages, and protobuf decoders refuse a hundred: this leaves room for what stands around a tree.
pub const MAX_TREE_DEPTH: usize = 30;

/// A message that means nothing.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum Malformed {
    /// A field that must be set is not.
    #[error("{0} is missing")]
    Missing(&'static str),
    /// A path or prefix has a segment of no bytes.
    #[error("empty path segment")]
    EmptySegment,
    /// A tree is nested too deep.
    #[error("tree is nested deeper than {MAX_TREE_DEPTH} levels")]
    TooDeep,
    /// A weight is negative or no number.
    #[error("weight {0} is not a number from zero up")]
    Weight(f64),
    /// An address has another length than its family.
    #[error("address of {0} bytes")]
    AddressLength(usize),
    /// A port does not exist.
    #[error("port {0} is out of range")]
    Port(i64),
    /// A status code does not exist.
    #[error("status code {0} is out of range")]
    StatusCode(u32),
    /// The value of a metadata entry is not JSON.
    #[error("metadata {0:?} is not JSON")]
    Metadata(String),
    /// A text is no path, prefix or tree.
    #[error("{0:?} is not the text of a name")]
    Syntax(String),
}

impl From<dtab::EmptySegment> for Malformed {
    fn from(_: dtab::EmptySegment) -> Self {
        Self::EmptySegment
    }
}

impl From<Malformed> for tonic::Status {
    fn from(malformed: Malformed) -> Self {
        Self::invalid_argument(malformed.to_string())
    }
}

/// The value of a field that must be set.
fn required<'a, T>(field: Option<&'a T>, name: &'static str) -> Result<&'a T, Malformed> {
    field.ok_or(Malformed::Missing(name))
}

fn weight(weight: f64) -> Result<f64, Malformed> {
    if weight.is_finite() && weight >= 0.0 {
        return Ok(weight);
    }
    Err(Malformed::Weight(weight))
}

/// The depth of what stands below a node at `depth`.
fn below(depth: usize) -> Result<usize, Malformed> {
    if depth == MAX_TREE_DEPTH {
        return Err(Malformed::TooDeep);
    }
    Ok(depth + 1)
}
