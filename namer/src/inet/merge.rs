//! Several address sets taken as one.

use std::sync::Arc;

use live::State;

use crate::{Addresses, Endpoint};

/// Collects what several names came to.
#[derive(Debug, Default)]
pub(crate) struct Merged {
    endpoints: Vec<Endpoint>,
    is_bound: bool,
    is_pending: bool,
    failure: Option<Arc<str>>,
}

/// What they came to together: the endpoints of all as soon as one is bound.
///
/// Source: finagle `Name.all`; where it stays pending because some failed and the others are Neg, this is failed.
#[derive(Debug)]
pub(crate) enum Merge {
    Pending,
    Failed(Arc<str>),
    Neg,
    Bound(Vec<Endpoint>),
}

impl Merged {
    /// Adds the endpoints of one name, each with this weight.
    pub(crate) fn add(&mut self, state: &State<Addresses>, weight: f64) {
        match state {
            State::Pending => self.is_pending = true,
            State::Failed(failure) => self.failure = Some(Arc::clone(&failure.reason)),
            State::Ready(addresses) | State::Stale(addresses, _) => {
                self.is_bound |= matches!(**addresses, Addresses::Bound(_));
                let endpoints = addresses.endpoints().iter().cloned();
                self.endpoints
                    .extend(endpoints.map(|endpoint| endpoint.with_weight(weight)));
            }
        }
    }

    /// What all that was added comes to.
    pub(crate) fn outcome(self) -> Merge {
        match self.failure {
            _ if self.is_bound => Merge::Bound(self.endpoints),
            _ if self.is_pending => Merge::Pending,
            Some(reason) => Merge::Failed(reason),
            None => Merge::Neg,
        }
    }
}
