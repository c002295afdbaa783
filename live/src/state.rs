//! What is known of a live value right now.

use std::fmt;
use std::sync::Arc;

use tokio::time::Instant;

/// Why a value could not be had, and since when.
#[derive(Clone)]
pub struct Failure {
    /// What failed, as a lowercase fragment.
    pub reason: Arc<str>,
    /// When the first failure of this row was seen.
    pub since: Instant,
}

impl fmt::Debug for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Failure({:?})", self.reason)
    }
}

/// Failures are equal by their reason: hearing the same one again is no news.
impl PartialEq for Failure {
    fn eq(&self, other: &Self) -> bool {
        self.reason == other.reason
    }
}

/// The state of a live value.
#[derive(Debug)]
pub enum State<T> {
    /// Nothing has been heard yet.
    Pending,
    /// The value, as new as its source knows.
    Ready(Arc<T>),
    /// The last good value; its source is in trouble since.
    Stale(Arc<T>, Failure),
    /// There never was a value, and why.
    Failed(Failure),
}

impl<T> State<T> {
    /// The value, whether fresh or stale.
    pub fn value(&self) -> Option<&Arc<T>> {
        match self {
            Self::Ready(value) | Self::Stale(value, _) => Some(value),
            Self::Pending | Self::Failed(_) => None,
        }
    }

    /// The trouble of the source, whether or not an older value is still there.
    pub fn failure(&self) -> Option<&Failure> {
        match self {
            Self::Failed(failure) | Self::Stale(_, failure) => Some(failure),
            Self::Pending | Self::Ready(_) => None,
        }
    }

    /// True until the first value or failure.
    pub fn is_pending(&self) -> bool {
        matches!(self, Self::Pending)
    }
}

impl<T> Clone for State<T> {
    fn clone(&self) -> Self {
        match self {
            Self::Pending => Self::Pending,
            Self::Ready(value) => Self::Ready(Arc::clone(value)),
            Self::Stale(value, failure) => Self::Stale(Arc::clone(value), failure.clone()),
            Self::Failed(failure) => Self::Failed(failure.clone()),
        }
    }
}
