//! What is done for a logical name when its requests fail.

use std::sync::Arc;
use std::time::Duration;

use config::ServiceSettings;
use policy::{Backoff, Classifier, RetryBudget, Waits};

use crate::client::{backoff, budget};

/// The settings of a name, made once for its route.
#[derive(Debug)]
pub(crate) struct Service {
    /// How long a request may take with all its tries.
    pub(crate) total_timeout: Option<Duration>,
    pub(crate) classifier: Classifier,
    /// How many bytes of a request's body are kept for another try.
    pub(crate) kept_bytes: usize,
    pub(crate) budget: Arc<RetryBudget>,
    backoff: Backoff,
}

impl From<ServiceSettings> for Service {
    fn from(settings: ServiceSettings) -> Self {
        use config::Classifier as Written;
        Self {
            total_timeout: settings.total_timeout,
            classifier: match settings.classifier {
                Written::NonRetryable5xx => Classifier::NonRetryable5xx,
                Written::RetryableRead5xx => Classifier::RetryableRead5xx,
                Written::RetryableIdempotent5xx => Classifier::RetryableIdempotent5xx,
                Written::RetryableAll5xx => Classifier::RetryableAll5xx,
                Written::AllSuccessful => Classifier::AllSuccessful,
            },
            kept_bytes: settings.retry_buffer_kb as usize * 1024,
            budget: Arc::new(budget(settings.retries.budget)),
            backoff: backoff(settings.retries.backoff),
        }
    }
}

impl Service {
    /// The waits of one request from one try to the next.
    pub(crate) fn waits(&self) -> Waits {
        self.backoff.waits()
    }
}
