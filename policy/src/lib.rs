//! What happens when a request or an endpoint goes wrong, as pure rules. No socket, no clock, no task.
//!
//! Time is an argument: `now` is the time since any fixed moment, the same for all calls, and should not go back. Chance is
//! one, too: `draw` yields numbers in 0..1, 1 excluded. What is shared by threads is shared by `&self`.
//!
//! For a request: a [`Classifier`], or a [`StreamClassifier`] on HTTP/2, says whether an exchange has failed, a [`RetryBudget`]
//! whether the request may be sent again, a [`Backoff`] when. For an endpoint: an [`Accrual`] says whether it is given requests,
//! [`FailFast`] whether a connection is worth trying, and a [`Balancer`] which one is picked. For a set of endpoints: [`MinLive`].
//! [`grpc`] reads and writes what gRPC says in headers.
//!
//! ```
//! use std::sync::Arc;
//! use std::time::Duration;
//!
//! use policy::{Accrual, AccrualPolicy, Balancer, Balancing, Node, Outcome, Standing, Status};
//!
//! struct Endpoint {
//!     accrual: Accrual,
//!     standing: Standing,
//! }
//!
//! impl Node for Endpoint {
//!     fn pending(&self) -> usize {
//!         0
//!     }
//!     fn status(&self, now: Duration) -> Status {
//!         self.accrual.status(now)
//!     }
//!     fn standing(&self) -> &Standing {
//!         &self.standing
//!     }
//! }
//!
//! let mut now = Duration::from_secs(1);
//! let mut draw = || 0.5;
//! let balancing = Balancing::default();
//! let endpoints = [1.0, 1.0].map(|weight| {
//!     let accrual = Accrual::new(AccrualPolicy::default());
//!     let standing = balancing.standing(now, &mut draw);
//!     (weight, Arc::new(Endpoint { accrual, standing }))
//! });
//! let balancer = Balancer::new(balancing, endpoints);
//!
//! let failing = Arc::clone(balancer.pick(now, &mut draw, |_| false).expect("an endpoint").node);
//! for _ in 0..5 {
//!     let admission = failing.accrual.admit(now);
//!     failing.accrual.settle(admission, now, Outcome::Failure, &mut draw);
//! }
//! let other = balancer.pick(now, &mut draw, |_| false).expect("the other");
//! assert!(!Arc::ptr_eq(other.node, &failing));
//! now += Duration::from_secs(5);
//! assert_eq!(balancer.open(now), 2);
//! ```

mod accrual;
mod backoff;
mod balancer;
mod classifier;
mod ema;
mod fail_fast;
pub mod grpc;
mod instant;
mod min_live;
mod node;
mod peak_ewma;
mod retry_budget;
pub mod simulation;
mod stream_classifier;
mod window;

pub use accrual::{
    Accrual, AccrualPolicy, Admission, Change, Outcome, Reason, Removal, Rule, Span, State,
};
pub use backoff::{Backoff, Waits};
pub use balancer::{Balancer, Balancing, Kind, Pick, on_probation};
pub use classifier::{Class, Classifier, Exchange, Sent};
pub use fail_fast::FailFast;
pub use min_live::MinLive;
pub use node::{Node, Standing, Status};
pub use retry_budget::{BudgetLimits, RetryBudget};
pub use stream_classifier::{GrpcClassifier, GrpcKind, StreamClassifier, StreamEnd, StreamHead};
