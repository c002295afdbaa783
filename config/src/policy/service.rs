//! The `service:` object: what is done for a logical name, whichever endpoints it leads to.

use std::time::Duration;

use dtab::{Captures, Path};
use serde::Serialize;

use crate::field::Field;
use crate::object::Object;
use crate::path_matcher::PathMatcher;
use crate::policy::{Backoff, Classifier, Options, Policy, RetryBudget, set};
use crate::shown;

/// What a router's `service:` says of each logical name.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct ServicePolicy(Policy<Written>);

/// What is done for a logical name.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ServiceSettings {
    /// How long a request may take with all its tries; without limit by default.
    #[serde(rename = "totalTimeoutMs", serialize_with = "shown::some_milliseconds")]
    pub total_timeout: Option<Duration>,
    /// How often, and how soon, a failure is tried again.
    pub retries: Retries,
    /// Which answers are failures, and which of these are tried again.
    #[serde(rename = "responseClassifier")]
    pub classifier: Classifier,
    /// How many KiB of a request's body are kept for another try, 0 to 10240; 64 by default. A request with more is tried once.
    #[serde(rename = "retryBufferKB")]
    pub retry_buffer_kb: u32,
}

/// How often, and how soon, a failure is tried again.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Retries {
    /// How often.
    pub budget: RetryBudget,
    /// How soon; by default jittered, 10 ms to 1 s. (In linkerd at once, so that one request may take all of the budget while what it
    /// asks for restarts; `{kind: constant, ms: 0}` is that.)
    pub backoff: Backoff,
}

impl Default for Retries {
    fn default() -> Self {
        Self {
            budget: RetryBudget::default(),
            backoff: Backoff::Jittered {
                min: Duration::from_millis(10),
                max: Duration::from_secs(1),
            },
        }
    }
}

impl Default for ServiceSettings {
    fn default() -> Self {
        Self {
            total_timeout: None,
            retries: Retries::default(),
            classifier: Classifier::default(),
            retry_buffer_kb: 64,
        }
    }
}

impl ServicePolicy {
    /// What is done for a logical name such as `/svc/web`: of each option what the last entry says that is for the name and
    /// has it, else its default.
    pub fn of(&self, name: &Path) -> ServiceSettings {
        self.0.of(name)
    }

    /// Reads a `service:` object.
    pub(crate) fn read(field: Field<'_>) -> Option<Self> {
        Policy::read(field).map(Self)
    }
}

/// What one entry says.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
struct Written {
    #[serde(
        rename = "totalTimeoutMs",
        serialize_with = "shown::some_milliseconds",
        skip_serializing_if = "Option::is_none"
    )]
    total_timeout: Option<Duration>,
    #[serde(skip_serializing_if = "Option::is_none")]
    retries: Option<WrittenRetries>,
    #[serde(rename = "responseClassifier", skip_serializing_if = "Option::is_none")]
    classifier: Option<Classifier>,
    #[serde(rename = "retryBufferKB", skip_serializing_if = "Option::is_none")]
    retry_buffer_kb: Option<u32>,
}

/// Each may come from another entry.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
struct WrittenRetries {
    #[serde(skip_serializing_if = "Option::is_none")]
    budget: Option<RetryBudget>,
    #[serde(skip_serializing_if = "Option::is_none")]
    backoff: Option<Backoff>,
}

impl Options for Written {
    type Settings = ServiceSettings;

    fn read(object: &mut Object<'_>, _: Option<&PathMatcher>) -> Self {
        Self {
            total_timeout: object.get("totalTimeoutMs", |field| field.milliseconds(1)),
            retries: object.get("retries", WrittenRetries::read),
            classifier: object.get("responseClassifier", Classifier::read),
            retry_buffer_kb: object.get("retryBufferKB", |field| field.integer(0..=10_240)),
        }
    }

    fn apply(&self, _: &Captures, settings: &mut ServiceSettings) {
        settings.total_timeout = self.total_timeout.or(settings.total_timeout);
        if let Some(retries) = &self.retries {
            set(&mut settings.retries.budget, retries.budget.as_ref());
            set(&mut settings.retries.backoff, retries.backoff.as_ref());
        }
        set(&mut settings.classifier, self.classifier.as_ref());
        set(&mut settings.retry_buffer_kb, self.retry_buffer_kb.as_ref());
    }
}

impl WrittenRetries {
    fn read(field: Field<'_>) -> Option<Self> {
        let mut object = field.object()?;
        let retries = Self {
            budget: object.get("budget", RetryBudget::read),
            backoff: object.get("backoff", Backoff::read),
        };
        object.finish();
        Some(retries)
    }
}
