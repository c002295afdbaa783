//! The `service:` object: what is done for a logical name, whichever endpoints it leads to.

use std::time::Duration;

use dtab::{Captures, Path};
use serde::{Serialize, Serializer};

use crate::field::Field;
use crate::object::Object;
use crate::path_matcher::PathMatcher;
use crate::policy::streams::WrittenStreams;
use crate::policy::{Backoff, Classifier, Options, Policy, RetryBudget, StreamSettings, set};
use crate::protocol::Protocol;
use crate::shown;

/// What a router's `service:` says of each logical name.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct ServicePolicy(Policy<Written>);

/// What is done for a logical name.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(remote = "Self")]
pub struct ServiceSettings {
    /// What the router speaks.
    #[serde(skip)]
    pub protocol: Protocol,
    /// How long a request may take with all its tries; without limit by default.
    #[serde(rename = "totalTimeoutMs", serialize_with = "shown::some_milliseconds")]
    pub total_timeout: Option<Duration>,
    /// How often, and how soon, a failure is tried again.
    pub retries: Retries,
    /// Which answers of HTTP/1.1 are failures, and which of these are tried again (`protocol: http` only).
    #[serde(skip)]
    pub classifier: Classifier,
    /// How many KiB of a request's body are kept for another try, 0 to 10240; 64 by default. A request with more is tried once
    /// (`protocol: http` only).
    #[serde(skip)]
    pub retry_buffer_kb: u32,
    /// What is done for streams of HTTP/2. In `protocol: http` the two above decide about them, too.
    #[serde(skip)]
    pub streams: StreamSettings,
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
        ServicePolicy::default().of(&Path::empty())
    }
}

/// Shown with what the router's protocol has.
impl Serialize for ServiceSettings {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        struct Shown<'a> {
            #[serde(flatten, serialize_with = "ServiceSettings::serialize")]
            settings: &'a ServiceSettings,
            #[serde(flatten)]
            of_protocol: ShownOf<'a>,
        }
        #[derive(Serialize)]
        #[serde(untagged)]
        enum ShownOf<'a> {
            Http {
                #[serde(rename = "responseClassifier")]
                classifier: Classifier,
                #[serde(rename = "retryBufferKB")]
                retry_buffer_kb: u32,
            },
            H2(&'a StreamSettings),
        }
        let shown = Shown {
            settings: self,
            of_protocol: match self.protocol {
                Protocol::Http => ShownOf::Http {
                    classifier: self.classifier,
                    retry_buffer_kb: self.retry_buffer_kb,
                },
                Protocol::H2 => ShownOf::H2(&self.streams),
            },
        };
        shown.serialize(serializer)
    }
}

impl ServicePolicy {
    /// What is done for a logical name such as `/svc/web`: of each option what the last entry says that is for the name and
    /// has it, else its default.
    pub fn of(&self, name: &Path) -> ServiceSettings {
        let mut settings = self.0.of(name);
        if settings.protocol == Protocol::Http {
            settings.streams.classifier = settings.classifier.into();
            settings.streams.request_bytes = settings.retry_buffer_kb as usize * 1024;
        }
        settings
    }

    /// What a router does that says nothing of it.
    pub(crate) fn new(protocol: Protocol) -> Self {
        Self(Policy::new(protocol))
    }

    /// Reads a `service:` object.
    pub(crate) fn read(field: Field<'_>, protocol: Protocol) -> Option<Self> {
        Policy::read(field, protocol).map(Self)
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
    #[serde(flatten)]
    streams: WrittenStreams,
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

    fn defaults(protocol: Protocol) -> ServiceSettings {
        ServiceSettings {
            protocol,
            total_timeout: None,
            retries: Retries::default(),
            classifier: Classifier::default(),
            retry_buffer_kb: 64,
            streams: StreamSettings::default(),
        }
    }

    fn read(object: &mut Object<'_>, protocol: Protocol, _: Option<&PathMatcher>) -> Self {
        let mut written = Self {
            total_timeout: object.get("totalTimeoutMs", |field| field.milliseconds(1)),
            retries: object.get("retries", WrittenRetries::read),
            classifier: None,
            retry_buffer_kb: None,
            streams: WrittenStreams::default(),
        };
        match protocol {
            Protocol::Http => {
                written.classifier = object.get("responseClassifier", Classifier::read);
                written.retry_buffer_kb =
                    object.get("retryBufferKB", |field| field.integer(0..=10_240));
                WrittenStreams::refuse(object);
            }
            Protocol::H2 => {
                written.streams = WrittenStreams::read(object);
                object.refuse(
                    "retryBufferKB",
                    "`retryBufferKB` is for routers with `protocol: http`",
                    "write `retryBufferSize: {requestBytes: …, responseBytes: …}`",
                );
            }
        }
        written
    }

    fn apply(&self, _: &Captures, settings: &mut ServiceSettings) {
        settings.total_timeout = self.total_timeout.or(settings.total_timeout);
        if let Some(retries) = &self.retries {
            set(&mut settings.retries.budget, retries.budget.as_ref());
            set(&mut settings.retries.backoff, retries.backoff.as_ref());
        }
        set(&mut settings.classifier, self.classifier.as_ref());
        set(&mut settings.retry_buffer_kb, self.retry_buffer_kb.as_ref());
        self.streams.apply(&mut settings.streams);
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
