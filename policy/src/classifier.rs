//! Whether an exchange has failed, and whether the same request may be sent again.

use http::{Method, StatusCode};

/// What an exchange counts as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Class {
    /// The endpoint did what it should. Answers of 4xx are the client's business.
    Success,
    /// It did not, and the request may have had its effect.
    Failure,
    /// It did not, and the request may be sent again.
    RetryableFailure,
}

impl Class {
    /// Whether it counts against the endpoint.
    pub fn is_failure(self) -> bool {
        self != Self::Success
    }
}

/// What was sent.
#[derive(Clone, Copy, Debug)]
pub struct Sent<'a> {
    /// Its method.
    pub method: &'a Method,
    /// Whether its body was passed on without being kept: it cannot be sent again.
    pub is_streamed: bool,
}

/// What came of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exchange {
    /// An answer.
    Answered {
        /// Its status.
        status: StatusCode,
        /// Whether it has `l5d-retryable: true`.
        says_retryable: bool,
    },
    /// No answer.
    Broken {
        /// Whether the cause is one after which another attempt makes sense: the attempt's time was over, the request could not
        /// be written, the peer closed the connection or broke the framing.
        is_retryable: bool,
    },
}

/// Which exchanges have failed, by method and status. Source: linkerd `ResponseClassifiers`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Classifier {
    /// 5xx are failures.
    #[default]
    NonRetryable5xx,
    /// And may be sent again if the method only reads: GET, HEAD, OPTIONS, TRACE.
    RetryableRead5xx,
    /// The same, and PUT and DELETE.
    RetryableIdempotent5xx,
    /// The same, and POST and PATCH. Neither CONNECT nor methods that nobody knows.
    RetryableAll5xx,
    /// Every answer is a success.
    AllSuccessful,
}

impl Classifier {
    /// What the exchange counts as.
    pub fn classify(self, sent: Sent<'_>, exchange: Exchange) -> Class {
        let class = match (self.plain(sent.method, exchange), exchange) {
            // The endpoint knows better than the method whether it did anything.
            (
                Class::Failure,
                Exchange::Answered {
                    says_retryable: true,
                    ..
                },
            ) => Class::RetryableFailure,
            (class, _) => class,
        };
        if sent.is_streamed && class.is_failure() {
            Class::Failure
        } else {
            class
        }
    }

    /// Without regard to what the answer says about it and to whether the request is still there.
    fn plain(self, method: &Method, exchange: Exchange) -> Class {
        let (is_failure, may_be_retried) = match exchange {
            Exchange::Answered { status, .. } => (
                status.is_server_error() && self != Self::AllSuccessful,
                true,
            ),
            Exchange::Broken { is_retryable } => (true, is_retryable),
        };
        match is_failure {
            false => Class::Success,
            true if may_be_retried && self.retries(method) => Class::RetryableFailure,
            true => Class::Failure,
        }
    }

    fn retries(self, method: &Method) -> bool {
        let reads = || [Method::GET, Method::HEAD, Method::OPTIONS, Method::TRACE].contains(method);
        let is_idempotent = || reads() || *method == Method::PUT || *method == Method::DELETE;
        match self {
            Self::NonRetryable5xx | Self::AllSuccessful => false,
            Self::RetryableRead5xx => reads(),
            Self::RetryableIdempotent5xx => is_idempotent(),
            Self::RetryableAll5xx => {
                is_idempotent() || *method == Method::POST || *method == Method::PATCH
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KINDS: [(char, Classifier); 5] = [
        ('n', Classifier::NonRetryable5xx),
        ('r', Classifier::RetryableRead5xx),
        ('i', Classifier::RetryableIdempotent5xx),
        ('a', Classifier::RetryableAll5xx),
        ('s', Classifier::AllSuccessful),
    ];

    /// Reads "GET 503", "GET 503 l5d", "GET reset", "GET bug", with "streamed" behind it or not. Answers with the kinds (n, r, i,
    /// a, s) for which it is a retryable failure, and those for which it is another one.
    fn check(exchange: &str, retryable: &str, failures: &str) {
        let words: Vec<&str> = exchange.split(' ').collect();
        let method = Method::from_bytes(words[0].as_bytes()).expect("a method");
        let ended = match words[1] {
            "reset" => Exchange::Broken { is_retryable: true },
            "bug" => Exchange::Broken {
                is_retryable: false,
            },
            status => Exchange::Answered {
                status: status.parse().expect("a status"),
                says_retryable: words.contains(&"l5d"),
            },
        };
        let sent = Sent {
            method: &method,
            is_streamed: words.contains(&"streamed"),
        };
        let of = |class| -> String {
            let kinds = KINDS.iter();
            kinds
                .filter(|(_, kind)| kind.classify(sent, ended) == class)
                .map(|(letter, _)| letter)
                .collect()
        };
        assert_eq!(of(Class::RetryableFailure), retryable, "{exchange}");
        assert_eq!(of(Class::Failure), failures, "{exchange}");
    }

    #[test]
    fn methods_and_statuses_decide() {
        for method in ["GET", "HEAD", "OPTIONS", "TRACE"] {
            check(&format!("{method} 500"), "ria", "n");
            check(&format!("{method} reset"), "ria", "ns");
        }
        for method in ["PUT", "DELETE"] {
            check(&format!("{method} 503"), "ia", "nr");
            check(&format!("{method} reset"), "ia", "nrs");
        }
        for method in ["POST", "PATCH"] {
            check(&format!("{method} 599"), "a", "nri");
            check(&format!("{method} reset"), "a", "nris");
        }
        for method in ["CONNECT", "PURGE"] {
            check(&format!("{method} 500"), "", "nria");
            check(&format!("{method} reset"), "", "nrias");
        }
        check("GET bug", "", "nrias");
        for status in ["101", "200", "302", "404", "499"] {
            check(&format!("GET {status}"), "", "");
        }
    }

    #[test]
    fn an_endpoint_may_say_that_a_failure_had_no_effect() {
        check("POST 503 l5d", "nria", "");
        check("PURGE 500 l5d", "nria", "");
        check("GET 500 l5d", "nria", "");
        check("GET 200 l5d", "", "");
        check("POST 429 l5d", "", "");
    }

    #[test]
    fn a_request_that_was_streamed_is_never_sent_again() {
        check("GET 500 streamed", "", "nria");
        check("POST 500 l5d streamed", "", "nria");
        check("GET reset streamed", "", "nrias");
        check("GET 200 streamed", "", "");
    }
}
