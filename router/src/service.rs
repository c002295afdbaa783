//! What is done for a logical name when its requests fail.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use config::{ServicePolicy, ServiceSettings, StreamSettings};
use dtab::Path;
use policy::{
    Backoff, BudgetLimits, Classifier, GrpcClassifier, GrpcKind, RetryBudget, StreamClassifier,
    Waits,
};

use crate::client::{backoff, limits};

/// What is done for the names of a router, by what its file says.
#[derive(Debug)]
pub(crate) struct Policies {
    policy: ServicePolicy,
    /// What was made last, for the next name with the same settings, as most have.
    last: Mutex<Option<(ServiceSettings, Arc<Service>)>>,
}

impl Policies {
    pub(crate) fn new(policy: ServicePolicy) -> Self {
        Self {
            policy,
            last: Mutex::default(),
        }
    }

    /// What is done for a name.
    pub(crate) fn of(&self, name: &Path) -> Arc<Service> {
        let settings = self.policy.of(name);
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        match &*last {
            Some((same, service)) if *same == settings => Arc::clone(service),
            _ => {
                let service = Arc::new(Service::from(settings.clone()));
                *last = Some((settings, Arc::clone(&service)));
                service
            }
        }
    }
}

/// The settings of names.
#[derive(Debug)]
pub(crate) struct Service {
    /// How long a request may take with all its tries.
    pub(crate) total_timeout: Option<Duration>,
    pub(crate) classifier: Classifier,
    /// How many bytes of a request's body are kept for another try.
    pub(crate) kept_bytes: usize,
    budget: BudgetLimits,
    backoff: Backoff,
    pub(crate) streams: Streams,
}

/// What is done for a name when its streams of HTTP/2 fail.
#[derive(Debug)]
pub(crate) struct Streams {
    pub(crate) classifier: StreamClassifier,
    /// How long a response may be held back that may still have to be sent for again.
    pub(crate) classification_timeout: Duration,
    /// How many bytes of a request's body are kept for another try.
    pub(crate) request_bytes: usize,
    /// How many bytes of a response may be held back.
    pub(crate) response_bytes: usize,
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
            budget: limits(settings.retries.budget),
            backoff: backoff(settings.retries.backoff),
            streams: Streams::from(settings.streams),
        }
    }
}

impl From<StreamSettings> for Streams {
    fn from(settings: StreamSettings) -> Self {
        use config::StreamClassifier as Written;
        Self {
            classifier: match settings.classifier {
                Written::NonRetryable5xx => StreamClassifier::Http(Classifier::NonRetryable5xx),
                Written::RetryableRead5xx => StreamClassifier::Http(Classifier::RetryableRead5xx),
                Written::RetryableIdempotent5xx => {
                    StreamClassifier::Http(Classifier::RetryableIdempotent5xx)
                }
                Written::RetryableAll5xx => StreamClassifier::Http(Classifier::RetryableAll5xx),
                Written::AllSuccessful => StreamClassifier::Http(Classifier::AllSuccessful),
                Written::Grpc(grpc) => StreamClassifier::Grpc(GrpcClassifier {
                    kind: match grpc.kind {
                        config::GrpcKind::Default => GrpcKind::Default,
                        config::GrpcKind::Compliant => GrpcKind::Compliant,
                        config::GrpcKind::AlwaysRetryable => GrpcKind::AlwaysRetryable,
                        config::GrpcKind::NeverRetryable => GrpcKind::NeverRetryable,
                        config::GrpcKind::RetryableStatusCodes(codes) => {
                            GrpcKind::RetryableStatusCodes(codes)
                        }
                    },
                    success_codes: grpc.success_codes,
                }),
            },
            classification_timeout: settings.classification_timeout,
            request_bytes: settings.request_bytes,
            response_bytes: settings.response_bytes,
        }
    }
}

impl Service {
    /// What one name may try again.
    pub(crate) fn budget(&self) -> RetryBudget {
        RetryBudget::new(self.budget)
    }

    /// The waits of one request from one try to the next.
    pub(crate) fn waits(&self) -> Waits {
        self.backoff.waits()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The classifier of a `responseClassifier:` of this protocol.
    fn classifier(protocol: &str, written: &str) -> StreamClassifier {
        let text = format!(
            "routers: [{{protocol: {protocol}, servers: [{{}}], service: {{responseClassifier: {{kind: io.l5d.{written}}}}}}}]"
        );
        let (config, _) = config::RouterConfig::parse("router.yaml", &text).expect("a good file");
        let name = Path::parse("/svc/web").expect("a path");
        Service::from(config.routers[0].service.of(&name))
            .streams
            .classifier
    }

    #[test]
    fn streams_are_classified_as_the_file_says() {
        for (kind, expected) in [
            ("nonRetryable5XX", Classifier::NonRetryable5xx),
            ("retryableRead5XX", Classifier::RetryableRead5xx),
            ("retryableIdempotent5XX", Classifier::RetryableIdempotent5xx),
            ("retryableAll5XX", Classifier::RetryableAll5xx),
            ("allSuccessful", Classifier::AllSuccessful),
        ] {
            for protocol in ["h2", "http"] {
                let written = format!("{protocol}.{kind}");
                let expected = StreamClassifier::Http(expected);
                assert_eq!(classifier(protocol, &written), expected, "{written}");
            }
        }
        for (written, kind) in [
            ("default", GrpcKind::Default),
            ("compliant", GrpcKind::Compliant),
            ("alwaysRetryable", GrpcKind::AlwaysRetryable),
            ("neverRetryable", GrpcKind::NeverRetryable),
            (
                "retryableStatusCodes, retryableStatusCodes: [4]",
                GrpcKind::RetryableStatusCodes(vec![4]),
            ),
        ] {
            let written = format!("h2.grpc.{written}, successStatusCodes: [0, 5]");
            let expected = StreamClassifier::Grpc(GrpcClassifier {
                kind,
                success_codes: vec![0, 5],
            });
            assert_eq!(classifier("h2", &written), expected, "{written}");
        }
    }
}
