use http::Method;

use super::*;

const UNAVAILABLE: u32 = grpc::UNAVAILABLE;

/// A stream as text: the method, "streamed" if its body is gone, and what came of it: a status, behind it a code in brackets where
/// the head is all there is, or how it ended: `200 ok` with data, `200 trailers`, `200 (14)` with that code in the trailers,
/// `200 lost` by a cause that is worth another try, `200 reset` by the endpoint, `200 refused`. Without a status there was no head.
struct Stream<'a> {
    text: &'a str,
    method: Method,
    is_streamed: bool,
    head: Option<StreamHead>,
    end: Option<StreamEnd>,
}

impl<'a> Stream<'a> {
    fn parse(text: &'a str) -> Self {
        let mut words = text.split(' ').peekable();
        let method = words.next().expect("a method").parse().expect("a method");
        let is_streamed = words.next_if_eq(&"streamed").is_some();
        let code = |word: &str, open, close| -> Option<u32> {
            let code = word.strip_prefix(open)?.strip_suffix(close)?;
            Some(code.parse().expect("a code"))
        };
        let mut head = None;
        if let Some(status) = words.next_if(|word| word.starts_with(|c: char| c.is_ascii_digit())) {
            let only = words.next_if(|word| word.starts_with('['));
            head = Some(StreamHead {
                status: status.parse().expect("a status"),
                is_end: only.is_some() || words.peek().is_none(),
                grpc_status: only.and_then(|word| code(word, '[', ']')),
            });
        }
        let end = words.next().map(|word| match word {
            "ok" => StreamEnd::Data,
            "trailers" => StreamEnd::Trailers { grpc_status: None },
            "lost" | "reset" | "refused" => StreamEnd::Reset {
                is_retryable: word == "lost",
                is_refused: word == "refused",
            },
            word => StreamEnd::Trailers {
                grpc_status: Some(code(word, '(', ')').expect("a known end")),
            },
        });
        Self {
            text,
            method,
            is_streamed,
            head,
            end,
        }
    }

    fn sent(&self) -> Sent<'_> {
        Sent {
            method: &self.method,
            is_streamed: self.is_streamed,
        }
    }
}

/// What each of the streams counts as: `early` where the head tells, else when it has ended.
fn check(classifier: &StreamClassifier, table: &[(&str, &str)]) {
    for (text, expected) in table {
        let stream = Stream::parse(text);
        let sent = stream.sent();
        let early = stream.head.and_then(|head| classifier.early(sent, &head));
        let late = || match (stream.head, stream.end) {
            (Some(head), Some(end)) => classifier.last(sent, head.status, end),
            (
                None,
                Some(StreamEnd::Reset {
                    is_retryable,
                    is_refused,
                }),
            ) => classifier.broken(sent, is_retryable, is_refused),
            _ => panic!("{} tells nothing and does not end", stream.text),
        };
        let when = if early.is_some() { "early " } else { "" };
        let class = early.unwrap_or_else(late);
        let name = match class {
            Class::Success => "success",
            Class::Failure => "failure",
            Class::RetryableFailure => "retry",
        };
        assert_eq!(format!("{when}{name}"), *expected, "{classifier:?}: {text}");
        if stream.head.is_some() && early.is_none() && class == Class::RetryableFailure {
            assert!(classifier.may_retry_late(sent), "{classifier:?}: {text}");
        }
    }
}

/// For which methods a response is held back.
fn held(classifier: &StreamClassifier) -> Vec<String> {
    let methods = ["GET", "PUT", "POST", "CONNECT", "POST streamed"];
    let is_held = |method: &&str| {
        let stream = format!("{method} 200 ok");
        classifier.may_retry_late(Stream::parse(&stream).sent())
    };
    methods
        .into_iter()
        .filter(is_held)
        .map(str::to_owned)
        .collect()
}

fn grpc_with(kind: GrpcKind, success_codes: &[u32]) -> StreamClassifier {
    StreamClassifier::Grpc(GrpcClassifier {
        kind,
        success_codes: success_codes.to_vec(),
    })
}

/// What all kinds of gRPC agree on.
fn check_grpc(classifier: &StreamClassifier) {
    check(
        classifier,
        &[
            ("POST 200 (0)", "success"),
            ("POST 200 [0]", "early success"),
            // A code in an error is one, too, if it is all there is.
            ("POST 503 [0]", "early success"),
            ("POST 200 ok", "failure"),
            ("POST 200 trailers", "failure"),
            ("POST 200", "early failure"),
            ("POST 302 ok", "failure"),
            ("POST 404 (0)", "early failure"),
            ("POST 404", "early failure"),
            ("POST 500 ok", "early failure"),
            ("POST 200 reset", "failure"),
            ("POST 200 lost", "failure"),
            ("POST reset", "failure"),
            ("POST lost", "failure"),
            ("POST streamed 200 (14)", "failure"),
            ("POST streamed 200 [14]", "early failure"),
            ("POST streamed 503 ok", "early failure"),
            ("POST streamed refused", "failure"),
        ],
    );
    assert!(!held(classifier).contains(&"POST streamed".to_owned()));
}

#[test]
fn a_5xx_is_a_failure_at_once_and_a_reset_at_the_end() {
    let classifier = StreamClassifier::default();
    check(
        &classifier,
        &[
            ("GET 500 ok", "early failure"),
            ("GET 503", "early failure"),
            ("GET 404 ok", "success"),
            ("GET 204", "early success"),
            ("POST 200 ok", "success"),
            ("POST 200 trailers", "success"),
            ("POST 200 (14)", "success"),
            ("POST 200 [14]", "early success"),
            ("GET 200 lost", "failure"),
            ("GET 200 reset", "failure"),
            ("GET 200 refused", "failure"),
            ("GET lost", "failure"),
            ("GET reset", "failure"),
        ],
    );
    assert!(held(&classifier).is_empty());
}

#[test]
fn reads_are_sent_again() {
    let classifier = StreamClassifier::Http(Classifier::RetryableRead5xx);
    check(
        &classifier,
        &[
            ("GET 503 ok", "early retry"),
            ("HEAD 500", "early retry"),
            ("OPTIONS 500", "early retry"),
            ("TRACE 500", "early retry"),
            ("PUT 503 ok", "early failure"),
            ("POST 503 ok", "early failure"),
            ("GET streamed 503 ok", "early failure"),
            ("GET 200 ok", "success"),
            ("GET 200 lost", "retry"),
            ("GET 200 reset", "failure"),
            ("GET 200 refused", "failure"),
            ("PUT 200 lost", "failure"),
            ("GET lost", "retry"),
            ("GET reset", "failure"),
            ("GET streamed lost", "failure"),
        ],
    );
    assert_eq!(held(&classifier), ["GET"]);
}

#[test]
fn idempotent_methods_are_sent_again() {
    let classifier = StreamClassifier::Http(Classifier::RetryableIdempotent5xx);
    check(
        &classifier,
        &[
            ("GET 503 ok", "early retry"),
            ("PUT 503 ok", "early retry"),
            ("DELETE 200 lost", "retry"),
            ("POST 503 ok", "early failure"),
            ("POST lost", "failure"),
        ],
    );
    assert_eq!(held(&classifier), ["GET", "PUT"]);
}

#[test]
fn all_known_methods_are_sent_again() {
    let classifier = StreamClassifier::Http(Classifier::RetryableAll5xx);
    check(
        &classifier,
        &[
            ("POST 503 ok", "early retry"),
            ("PATCH lost", "retry"),
            ("POST 200 reset", "failure"),
            ("CONNECT 503 ok", "early failure"),
            ("PURGE lost", "failure"),
        ],
    );
    assert_eq!(held(&classifier), ["GET", "PUT", "POST"]);
}

#[test]
fn every_response_that_comes_to_its_end_is_a_success() {
    let classifier = StreamClassifier::Http(Classifier::AllSuccessful);
    check(
        &classifier,
        &[
            ("GET 503 ok", "success"),
            ("GET 503", "early success"),
            ("GET 500 trailers", "success"),
            ("GET 200 lost", "failure"),
            ("GET lost", "failure"),
        ],
    );
    assert!(held(&classifier).is_empty());
}

#[test]
fn unavailable_is_sent_again() {
    let classifier = grpc_with(GrpcKind::Default, &[0]);
    check_grpc(&classifier);
    check(
        &classifier,
        &[
            ("POST 200 (14)", "retry"),
            ("POST 200 [14]", "early retry"),
            ("GET 200 (14)", "retry"),
            ("POST 200 (4)", "failure"),
            ("POST 200 [13]", "early failure"),
            ("POST 503 ok", "early failure"),
            ("POST 503 [14]", "early retry"),
            ("POST 200 refused", "failure"),
            ("POST refused", "failure"),
        ],
    );
    assert_eq!(held(&classifier), ["GET", "PUT", "POST", "CONNECT"]);
}

#[test]
fn what_stands_for_unavailable_is_sent_again_too() {
    let classifier = grpc_with(GrpcKind::Compliant, &[0]);
    check_grpc(&classifier);
    check(
        &classifier,
        &[
            ("POST 200 (14)", "retry"),
            ("POST 200 (2)", "failure"),
            ("POST 429 ok", "early retry"),
            ("POST 502 ok", "early retry"),
            ("POST 503 (14)", "early retry"),
            ("POST 504", "early retry"),
            ("POST 503 [13]", "early failure"),
            ("POST 500", "early failure"),
            ("POST 200 refused", "retry"),
            ("POST refused", "retry"),
        ],
    );
    let succeeds = grpc_with(GrpcKind::Compliant, &[0, UNAVAILABLE]);
    check(
        &succeeds,
        &[("POST 200 (14)", "success"), ("POST 200 refused", "retry")],
    );
    assert_eq!(held(&succeeds), ["GET", "PUT", "POST", "CONNECT"]);
}

#[test]
fn every_code_is_sent_again() {
    let classifier = grpc_with(GrpcKind::AlwaysRetryable, &[0]);
    check_grpc(&classifier);
    check(
        &classifier,
        &[
            ("POST 200 (1)", "retry"),
            ("POST 200 (99)", "retry"),
            ("POST 200 [16]", "early retry"),
            ("POST 503 ok", "early failure"),
            ("POST refused", "failure"),
        ],
    );
}

#[test]
fn nothing_is_sent_again() {
    let classifier = grpc_with(GrpcKind::NeverRetryable, &[0]);
    check_grpc(&classifier);
    check(
        &classifier,
        &[
            ("POST 200 (14)", "failure"),
            ("POST 200 [14]", "early failure"),
            ("POST 503 ok", "early failure"),
            ("POST refused", "failure"),
        ],
    );
    assert!(held(&classifier).is_empty());
}

#[test]
fn some_codes_are_sent_again() {
    let classifier = grpc_with(GrpcKind::RetryableStatusCodes(vec![4, 14, 5]), &[0, 5]);
    check_grpc(&classifier);
    check(
        &classifier,
        &[
            ("POST 200 (4)", "retry"),
            ("POST 200 (14)", "retry"),
            ("POST 200 (5)", "success"),
            ("POST 200 (1)", "failure"),
            ("POST 503 ok", "early failure"),
            ("POST refused", "failure"),
        ],
    );
    assert_eq!(held(&classifier), ["GET", "PUT", "POST", "CONNECT"]);
}

#[test]
fn nothing_is_held_back_for_codes_that_are_successes() {
    for kind in [
        GrpcKind::Default,
        GrpcKind::RetryableStatusCodes(vec![UNAVAILABLE]),
        GrpcKind::RetryableStatusCodes(Vec::new()),
    ] {
        let classifier = grpc_with(kind, &[0, UNAVAILABLE]);
        check(&classifier, &[("POST 200 (14)", "success")]);
        assert!(held(&classifier).is_empty(), "{classifier:?}");
    }
    let zero_is_a_failure = grpc_with(GrpcKind::AlwaysRetryable, &[5]);
    check(&zero_is_a_failure, &[("POST 200 (0)", "retry")]);
}
