//! `service:` and `client:`: what they say of each name, and what is wrong with them.

mod judged;

use std::time::Duration;

use dtab::Path;

use super::{read, router};
use crate::{
    Backoff, BalancerKind, Classifier, ClientPolicy, ClientSession, ClientSettings, FailureAccrual,
    Http2Client, Http2Flow, KeepAlive, LoadBalancer, Pool, Protocol, Retries, RetryBudget,
    ServicePolicy, ServiceSettings, SocketOptions, StreamClassifier, StreamSettings,
};

const MS: Duration = Duration::from_millis(1);

fn service(written: &str) -> ServicePolicy {
    let config = read(&format!(
        "routers:\n- protocol: http\n  servers: [{{}}]\n  service: {written}"
    ));
    config.routers[0].service.clone()
}

fn client(written: &str) -> ClientPolicy {
    let config = read(&format!(
        "routers:\n- protocol: http\n  servers: [{{}}]\n  client: {written}"
    ));
    config.routers[0].client.clone()
}

/// What a `client:` of all names says.
fn settings(written: &str) -> ClientSettings {
    client(written).of(&Path::empty())
}

fn path(text: &str) -> Path {
    Path::parse(text).expect("a path")
}

#[test]
fn what_nobody_writes_has_its_default() {
    let name = path("/svc/web");
    let service_default = ServiceSettings {
        protocol: Protocol::Http,
        total_timeout: None,
        retries: Retries {
            budget: RetryBudget {
                ttl: Duration::from_secs(10),
                min_retries_per_sec: 10,
                percent_can_retry: 0.2,
            },
            backoff: Backoff::Jittered {
                min: 10 * MS,
                max: 1000 * MS,
            },
        },
        classifier: Classifier::NonRetryable5xx,
        retry_buffer_kb: 64,
        streams: StreamSettings {
            classifier: StreamClassifier::NonRetryable5xx,
            classification_timeout: 100 * MS,
            request_bytes: 65_536,
            response_bytes: 16_383,
        },
    };
    for written in [
        "",
        "{}",
        "{kind: io.l5d.global}",
        "{kind: io.l5d.static, configs: []}",
        "{retries: {}}",
    ] {
        assert_eq!(service(written).of(&name), service_default, "{written}");
    }
    let client_default = ClientSettings {
        load_balancer: LoadBalancer {
            kind: BalancerKind::P2c { max_effort: 5 },
            enable_probation: false,
            slow_start: Duration::ZERO,
            panic_threshold: 0.0,
        },
        fail_fast: false,
        requeue_budget: RetryBudget::default(),
        failure_accrual: FailureAccrual::ConsecutiveFailures {
            failures: 5,
            backoff: None,
        },
        min_live_share: None,
        attempt_timeout: None,
        connect_timeout: 1000 * MS,
        pool: Pool {
            min_size: 0,
            max_size: None,
            idle_time: 60_000 * MS,
            max_waiters: None,
        },
        http2: Http2Client {
            is_on: false,
            flow: Http2Flow {
                header_table_bytes: 4096,
                stream_window_bytes: 65_535,
                connection_window_bytes: 16_777_216,
                max_frame_bytes: 16_384,
                max_header_list_bytes: None,
            },
            max_streams: 250,
            keep_alive: KeepAlive {
                interval: Some(300_000 * MS),
                timeout: 20_000 * MS,
            },
        },
        session: ClientSession {
            idle: None,
            life: None,
        },
        socket_options: SocketOptions::default(),
        tls: None,
        forward_client_cert: false,
    };
    for written in [
        "",
        "{}",
        "{kind: io.l5d.static, configs: [{prefix: /, tls: {enabled: false}}, {prefix: /other, failFast: true}]}",
        "{hostConnectionPool: {}, clientSession: {}, requeueBudget: {}, loadBalancer: {}, socketOptions: {}}",
    ] {
        assert_eq!(client(written).of(&name), client_default, "{written}");
    }
}

#[test]
fn later_entries_replace_single_options_of_earlier_ones() {
    let policy = service(
        "
          kind: io.l5d.static
          configs:
          - prefix: /svc
            totalTimeoutMs: 5000
            responseClassifier: {kind: io.l5d.http.retryableIdempotent5XX}
            retries:
              budget: {minRetriesPerSec: 5, percentCanRetry: 0.25}
              backoff: {kind: jittered, minMs: 20, maxMs: 2000}
          - prefix: /svc/checkout
            totalTimeoutMs: 500
            retries: {backoff: {kind: constant, ms: 50}}
          - prefix: '/svc/{job}-batch'
            responseClassifier: {kind: io.l5d.http.allSuccessful}
            retries: {budget: {ttlSecs: 20}}
            retryBufferKB: 1024
        ",
    );
    let first = ServiceSettings {
        total_timeout: Some(5000 * MS),
        retries: Retries {
            budget: RetryBudget {
                min_retries_per_sec: 5,
                percent_can_retry: 0.25,
                ..RetryBudget::default()
            },
            backoff: Backoff::Jittered {
                min: 20 * MS,
                max: 2000 * MS,
            },
        },
        classifier: Classifier::RetryableIdempotent5xx,
        streams: StreamSettings {
            classifier: StreamClassifier::RetryableIdempotent5xx,
            ..ServiceSettings::default().streams
        },
        ..ServiceSettings::default()
    };
    assert_eq!(policy.of(&path("/svc/web")), first);
    assert_eq!(policy.of(&path("/http/web")), ServiceSettings::default());
    let checkout = ServiceSettings {
        total_timeout: Some(500 * MS),
        retries: Retries {
            backoff: Backoff::Constant(50 * MS),
            ..first.retries
        },
        ..first.clone()
    };
    assert_eq!(policy.of(&path("/svc/checkout/v1")), checkout);
    let batch = ServiceSettings {
        classifier: Classifier::AllSuccessful,
        retries: Retries {
            budget: RetryBudget {
                ttl: Duration::from_secs(20),
                ..RetryBudget::default()
            },
            ..first.retries
        },
        retry_buffer_kb: 1024,
        streams: StreamSettings {
            classifier: StreamClassifier::AllSuccessful,
            request_bytes: 1_048_576,
            ..first.streams
        },
        ..first
    };
    assert_eq!(policy.of(&path("/svc/night-batch")), batch);
}

#[test]
fn the_order_of_the_file_decides_and_not_the_length_of_a_prefix() {
    let policy = client(
        "{kind: io.l5d.static, configs: [{prefix: /a/b, connectTimeoutMs: 1}, {prefix: /a, connectTimeoutMs: 2}]}",
    );
    assert_eq!(policy.of(&path("/a/b")).connect_timeout, 2 * MS);
}

#[test]
fn captures_stand_in_the_common_name_of_the_entry_that_has_them() {
    let policy = client(
        "
          kind: io.l5d.static
          configs:
          - prefix: '/$/io.buoyant.rinet/{port}/{host}'
            tls: {commonName: '{host}', protocols: [TLSv1.3]}
          - prefix: /$/io.buoyant.rinet/443/pay.example
            tls: {commonName: partner.example}
          - prefix: /$/io.buoyant.rinet/80
            tls: {enabled: false, commonName: '{nobody}'}
          - prefix: '/%/io.l5d.port/4143/#/io.l5d.fs/{ns}/{svc}-{version}'
            tls: {commonName: '{svc}.{ns}.example', trustCerts: [Cargo.toml]}
          - prefix: '/%/{kind}/{port}'
            connectTimeoutMs: 7
        ",
    );
    let common_name = |id: &str| {
        policy
            .of(&path(id))
            .tls
            .map(|tls| tls.common_name.unwrap_or_default())
    };
    for (id, name) in [
        ("/$/io.buoyant.rinet/443/a.example", Some("a.example")),
        (
            "/$/io.buoyant.rinet/443/pay.example",
            Some("partner.example"),
        ),
        ("/$/io.buoyant.rinet/80/a.example", None),
        (
            "/%/io.l5d.port/4143/#/io.l5d.fs/prod/web-2",
            Some("web.prod.example"),
        ),
        ("/#/io.l5d.fs/prod/web-2", None),
        ("/", None),
    ] {
        assert_eq!(common_name(id).as_deref(), name, "{id}");
    }
    // The whole object is that of the last entry.
    let pay = policy.of(&path("/$/io.buoyant.rinet/443/pay.example"));
    assert!(pay.tls.is_some_and(|tls| tls.protocols.is_empty()));
}

#[test]
fn balancers_have_options_of_their_own() {
    let kind = |written: &str| {
        settings(&format!("{{loadBalancer: {written}}}"))
            .load_balancer
            .kind
    };
    let max_effort = 5;
    assert_eq!(
        kind("{kind: p2c, maxEffort: 3}"),
        BalancerKind::P2c { max_effort: 3 }
    );
    assert_eq!(kind("{kind: heap}"), BalancerKind::Heap);
    assert_eq!(
        kind("{kind: roundRobin}"),
        BalancerKind::RoundRobin { max_effort }
    );
    assert_eq!(
        kind("{kind: ewma}"),
        BalancerKind::Ewma {
            max_effort,
            decay: 10_000 * MS
        }
    );
    assert_eq!(
        kind("{kind: ewma, decayTimeMs: 5}"),
        BalancerKind::Ewma {
            max_effort,
            decay: 5 * MS
        }
    );
    assert_eq!(
        kind("{kind: aperture}"),
        BalancerKind::Aperture {
            max_effort,
            smooth_window: 5000 * MS,
            low_load: 0.5,
            high_load: 2.0,
            min_aperture: 1
        }
    );
    let ours =
        settings("{loadBalancer: {slowStartMs: 30000, panicThreshold: 1, enableProbation: true}}");
    assert_eq!(
        ours.load_balancer,
        LoadBalancer {
            kind: BalancerKind::P2c { max_effort },
            enable_probation: true,
            slow_start: 30_000 * MS,
            panic_threshold: 1.0
        }
    );
}

#[test]
fn accruals_have_options_of_their_own() {
    let accrual =
        |written: &str| settings(&format!("{{failureAccrual: {written}}}")).failure_accrual;
    let none = None;
    assert_eq!(accrual("{kind: none}"), FailureAccrual::None);
    assert_eq!(
        accrual("{kind: none, backoff: {kind: constant, ms: 1}}"),
        FailureAccrual::None
    );
    assert_eq!(
        accrual(
            "{kind: io.l5d.consecutiveFailures, failures: 4, backoff: {kind: jittered, minMs: 2000, maxMs: 2000}}"
        ),
        FailureAccrual::ConsecutiveFailures {
            failures: 4,
            backoff: Some(Backoff::Jittered {
                min: 2000 * MS,
                max: 2000 * MS
            })
        }
    );
    assert_eq!(
        accrual("{kind: io.l5d.successRate, successRate: 1, requests: 20}"),
        FailureAccrual::SuccessRate {
            rate: 1.0,
            requests: 20,
            backoff: none
        }
    );
    assert_eq!(
        accrual("{kind: io.l5d.successRateWindowed, successRate: 0.95, window: 30}"),
        FailureAccrual::SuccessRateWindowed {
            rate: 0.95,
            window: Duration::from_secs(30),
            backoff: none
        }
    );
}

#[test]
fn classifiers_are_told_apart() {
    for (kind, classifier) in [
        ("nonRetryable5XX", Classifier::NonRetryable5xx),
        ("retryableRead5XX", Classifier::RetryableRead5xx),
        ("retryableIdempotent5XX", Classifier::RetryableIdempotent5xx),
        ("retryableAll5XX", Classifier::RetryableAll5xx),
        ("allSuccessful", Classifier::AllSuccessful),
    ] {
        let policy = service(&format!(
            "{{responseClassifier: {{kind: io.l5d.http.{kind}}}}}"
        ));
        assert_eq!(policy.of(&Path::empty()).classifier, classifier, "{kind}");
    }
}

#[test]
fn policies_of_names_are_shown_with_the_defaults_first() {
    let policy = service(
        "
          kind: io.l5d.static
          configs:
          - {prefix: '/svc/{name}', retries: {backoff: {kind: constant, ms: 50}}}
          - {prefix: /svc/a, totalTimeoutMs: 500}
        ",
    );
    insta::assert_snapshot!(serde_json::to_string_pretty(&policy).expect("JSON"), @r#"
    {
      "kind": "io.l5d.static",
      "configs": [
        {
          "prefix": "/",
          "totalTimeoutMs": null,
          "retries": {
            "budget": {
              "ttlSecs": 10,
              "minRetriesPerSec": 10,
              "percentCanRetry": 0.2
            },
            "backoff": {
              "kind": "jittered",
              "minMs": 10,
              "maxMs": 1000
            }
          },
          "responseClassifier": {
            "kind": "io.l5d.http.nonRetryable5XX"
          },
          "retryBufferKB": 64
        },
        {
          "prefix": "/svc/{name}",
          "retries": {
            "backoff": {
              "kind": "constant",
              "ms": 50
            }
          }
        },
        {
          "prefix": "/svc/a",
          "totalTimeoutMs": 500
        }
      ]
    }
    "#);
    let policy = client(
        "
          kind: io.l5d.static
          configs:
          - {prefix: '/$/inet/{host}', tls: {commonName: '{host}'}, connectTimeoutMs: 5}
          - {prefix: /$/inet/a, tls: {enabled: false}, loadBalancer: {kind: heap}}
        ",
    );
    let shown = serde_json::to_value(&policy).expect("JSON");
    assert_eq!(shown["configs"][0]["connectTimeoutMs"], 1000);
    insta::assert_snapshot!(serde_json::to_string_pretty(&shown["configs"][1]).expect("JSON"), @r#"
    {
      "prefix": "/$/inet/{host}",
      "connectTimeoutMs": 5,
      "tls": {
        "disableValidation": false,
        "commonName": "{host}",
        "trustCerts": [],
        "clientAuth": null,
        "protocols": []
      }
    }
    "#);
    insta::assert_snapshot!(serde_json::to_string_pretty(&shown["configs"][2]).expect("JSON"), @r#"
    {
      "prefix": "/$/inet/a",
      "loadBalancer": {
        "kind": "heap",
        "enableProbation": false,
        "slowStartMs": 0,
        "panicThreshold": 0.0
      },
      "tls": {
        "enabled": false
      }
    }
    "#);
}

#[test]
fn entries_that_transformers_keep_from_ever_matching_are_warned_about() {
    let said = router(
        r"
        routers:
        - protocol: http
          interpreter: {kind: default, transformers: [{kind: io.l5d.port, port: 4143}]}
          servers: [{port: 4140}]
          client:
            kind: io.l5d.static
            configs:
            - {prefix: /#/io.l5d.fs/web, failFast: true}
            - {prefix: /$/inet, failFast: true}
            - {prefix: /%/io.l5d.port/4143/#/io.l5d.fs, failFast: true}
            - {prefix: /, failFast: true}
        ",
    );
    let warnings: Vec<&str> = said
        .split("\n\n")
        .filter(|complaint| complaint.starts_with("warning"))
        .collect();
    insta::assert_snapshot!(warnings.join("\n\n"), @r"
    warning: `/#/io.l5d.fs/web` is the beginning of no bound name: the interpreter's transformers stand before it
     --> router.yaml:8:16
      |
    8 |     - {prefix: /#/io.l5d.fs/web, failFast: true}
      |                ^^^^^^^^^^^^^^^^
      |
      = help: write `/%/<transformer>/…/#/io.l5d.fs/web`, as `l5d-dst-client` shows it

    warning: `/$/inet` is the beginning of no bound name: the interpreter's transformers stand before it
     --> router.yaml:9:16
      |
    9 |     - {prefix: /$/inet, failFast: true}
      |                ^^^^^^^
      |
      = help: write `/%/<transformer>/…/$/inet`, as `l5d-dst-client` shows it
    ");
}

#[test]
fn names_are_passed_over_only_where_alternatives_are_known() {
    let namerd = "interpreter: {kind: io.l5d.namerd.http, dst: /$/inet/namerd/4180}";
    let text = |interpreter: &str, client: &str| {
        format!(
            "\nrouters:\n- protocol: http\n  {interpreter}\n  servers: [{{port: 4140}}]\n  client: {client}\n"
        )
    };
    insta::assert_snapshot!(router(&text(namerd, "{minLiveShare: 0.5}")), @r"
    error: `minLiveShare` needs to know alternatives, which `io.l5d.namerd.http` does not tell
     --> router.yaml:5:12
      |
    5 |   client: {minLiveShare: 0.5}
      |            ^^^^^^^^^^^^
      |
      = help: use the interpreter `io.l5d.mesh`, or leave it out
    ");
    let by_prefix = "{kind: io.l5d.static, configs: [{prefix: /, failFast: true}, {prefix: /#, minLiveShare: 0.5}]}";
    insta::assert_snapshot!(router(&text(namerd, by_prefix)), @r"
    error: `minLiveShare` needs to know alternatives, which `io.l5d.namerd.http` does not tell
     --> router.yaml:5:85
      |
    5 |   client: {kind: io.l5d.static, configs: [{prefix: /, failFast: true}, {prefix: /#, minLiveShare: 0.5}]}
      |                                                                                     ^^^^^^^^^^^^
      |
      = help: use the interpreter `io.l5d.mesh`, or leave it out
    ");
    let mesh = "interpreter: {kind: io.l5d.mesh, dst: /$/inet/namerd/4321, root: /default}";
    for interpreter in [mesh, "interpreter: {kind: default}"] {
        let said = router(&text(interpreter, by_prefix));
        assert!(said.starts_with("accepted"), "{said}");
        let file = read(&text(interpreter, by_prefix));
        assert!(file.routers[0].client.heeds_alternatives());
        let file = read(&text(interpreter, "{failFast: true}"));
        assert!(!file.routers[0].client.heeds_alternatives());
    }
}
