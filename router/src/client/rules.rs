//! How a client treats its endpoints: its settings, in the terms of those who obey them.

use std::sync::Arc;

use config::{Backoff, BalancerKind, ClientSettings, FailureAccrual, LoadBalancer, RetryBudget};
use namer::build::client_tls;
use policy::{AccrualPolicy, Balancing, BudgetLimits, Kind, Rule};
use transport::ClientTls;

use crate::process::chain;

/// The settings of a client, made once for all its endpoints, and shared by all clients that have the same.
#[derive(Debug)]
pub(crate) struct Rules {
    pub(crate) settings: ClientSettings,
    pub(crate) balancing: Balancing,
    pub(crate) accrual: AccrualPolicy,
    pub(crate) tls: Tls,
}

/// How endpoints are spoken to.
#[derive(Debug)]
pub(crate) enum Tls {
    /// In plain text.
    Off,
    On(Arc<ClientTls>),
    /// Not at all: this is wrong with the files, or with the name that captures have made.
    Unusable(Arc<str>),
}

impl From<ClientSettings> for Rules {
    fn from(settings: ClientSettings) -> Self {
        let alpn: &[&str] = match settings.http2.is_on {
            true => &["h2"],
            false => &["http/1.1"],
        };
        let tls = match client_tls(settings.tls.as_ref(), alpn) {
            Ok(None) => Tls::Off,
            Ok(Some(tls)) => Tls::On(Arc::new(tls)),
            Err(error) => Tls::Unusable(chain(&error).into()),
        };
        Self {
            balancing: balancing(&settings.load_balancer),
            accrual: accrual(&settings.failure_accrual),
            tls,
            settings,
        }
    }
}

fn balancing(config: &LoadBalancer) -> Balancing {
    Balancing {
        kind: match config.kind {
            BalancerKind::P2c { max_effort } => Kind::P2c { max_effort },
            BalancerKind::Ewma { max_effort, decay } => Kind::Ewma { max_effort, decay },
            BalancerKind::Aperture {
                max_effort,
                smooth_window,
                low_load,
                high_load,
                min_aperture,
            } => Kind::Aperture {
                max_effort,
                smooth_window,
                low_load,
                high_load,
                min_aperture,
            },
            BalancerKind::Heap => Kind::Heap,
            BalancerKind::RoundRobin { max_effort } => Kind::RoundRobin { max_effort },
        },
        slow_start: config.slow_start,
        panic_threshold: config.panic_threshold,
    }
}

fn accrual(config: &FailureAccrual) -> AccrualPolicy {
    let (rule, written) = match *config {
        FailureAccrual::None => (Rule::Never, None),
        FailureAccrual::ConsecutiveFailures { failures, backoff } => {
            (Rule::ConsecutiveFailures(failures), backoff)
        }
        FailureAccrual::SuccessRate {
            rate,
            requests,
            backoff,
        } => (Rule::SuccessRate { rate, requests }, backoff),
        FailureAccrual::SuccessRateWindowed {
            rate,
            window,
            backoff,
        } => (Rule::SuccessRateWindowed { rate, window }, backoff),
    };
    AccrualPolicy {
        rule,
        backoff: written.map_or(policy::Backoff::ACCRUAL, backoff),
    }
}

pub(crate) fn backoff(config: Backoff) -> policy::Backoff {
    match config {
        Backoff::Constant(wait) => policy::Backoff::Constant(wait),
        Backoff::Jittered { min, max } => policy::Backoff::Jittered { min, max },
    }
}

pub(crate) fn limits(config: RetryBudget) -> BudgetLimits {
    BudgetLimits {
        ttl: config.ttl,
        min_retries_per_sec: config.min_retries_per_sec,
        percent_can_retry: config.percent_can_retry,
    }
}
