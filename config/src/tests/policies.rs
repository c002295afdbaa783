//! `service:` and `client:`: what they say of each name, and what is wrong with them.

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
fn policies_of_names_need_prefixes_and_their_list() {
    insta::assert_snapshot!(
        router(
            r"
            routers:
            - protocol: http
              servers: [{port: 4140}]
              client: {kind: io.l5d.static}
              service: {kind: io.l5d.globl}
            - protocol: http
              label: b
              servers: [{port: 4141}]
              client:
                configs: []
                prefix: /
              service:
                kind: io.l5d.static
                totalTimeoutMs: 5
                configs:
                - totalTimeoutMs: 0
                - prefix: /svc//web
                - prefix: /svc/web*
                - {prefix: '/svc/{host', totalTimoutMs: 5}
            "
        ),
        @r"
        error: `client` needs `configs`
         --> router.yaml:4:11
          |
        4 |   client: {kind: io.l5d.static}
          |           ^

        error: unknown `service` kind `io.l5d.globl`
         --> router.yaml:5:19
          |
        5 |   service: {kind: io.l5d.globl}
          |                   ^^^^^^^^^^^^
          |
          = help: did you mean `io.l5d.global`?

        error: `configs` needs `kind: io.l5d.static`
          --> router.yaml:10:5
           |
        10 |     configs: []
           |     ^^^^^^^
           |
           = help: write `kind: io.l5d.static` and `configs: [{prefix: /, …}]`

        error: `prefix` needs `kind: io.l5d.static`
          --> router.yaml:11:5
           |
        11 |     prefix: /
           |     ^^^^^^
           |
           = help: write `kind: io.l5d.static` and `configs: [{prefix: /, …}]`

        error: unknown key `totalTimeoutMs` in `service`
          --> router.yaml:14:5
           |
        14 |     totalTimeoutMs: 5
           |     ^^^^^^^^^^^^^^
           |
           = help: known keys here: kind, configs

        error: `configs` needs `prefix`
          --> router.yaml:16:7
           |
        16 |     - totalTimeoutMs: 0
           |       ^^^^^^^^^^^^^^

        error: `totalTimeoutMs` must be a whole number from 1 to 86400000
          --> router.yaml:16:23
           |
        16 |     - totalTimeoutMs: 0
           |                       ^

        error: `prefix` has an empty segment
          --> router.yaml:17:15
           |
        17 |     - prefix: /svc//web
           |               ^^^^^^^^^

        error: `prefix` has a `*` in `web*`, which stands for a whole segment only
          --> router.yaml:18:15
           |
        18 |     - prefix: /svc/web*
           |               ^^^^^^^^^
           |
           = help: write `{name}` for a part of a segment

        error: `prefix` opens a brace in `{host` that nobody closes
          --> router.yaml:19:16
           |
        19 |     - {prefix: '/svc/{host', totalTimoutMs: 5}
           |                ^^^^^^^^^^^^

        error: unknown key `totalTimoutMs` in `configs`
          --> router.yaml:19:30
           |
        19 |     - {prefix: '/svc/{host', totalTimoutMs: 5}
           |                              ^^^^^^^^^^^^^
           |
           = help: did you mean `totalTimeoutMs`?
        "
    );
}

#[test]
fn services_are_judged() {
    insta::assert_snapshot!(
        router(
            r"
            routers:
            - protocol: http
              servers: [{port: 4140}]
              service:
                totalTimeoutMs: 86400001
                retryBufferKB: 10241
                responseClassifier: {kind: io.l5d.http.retryableRead5X}
                retries:
                  budget: {ttlSecs: 61, minRetriesPerSec: -1, percentCanRetry: 1000.5}
                  backoff: {kind: jittered, minMs: 20}
            - protocol: http
              label: b
              servers: [{port: 4141}]
              service:
                responseClassifier: {}
                retries:
                  budget: {ttlSecs: 0, percentCanRetry: most}
                  backoff: {kind: jittered, minMs: 20, maxMs: 10}
            - protocol: http
              label: c
              servers: [{port: 4142}]
              service:
                retries: {budget: {percentCanRetry: -0.1}, backoff: {ms: 0}, attempts: 3}
            "
        ),
        @r"
        error: `totalTimeoutMs` must be a whole number from 1 to 86400000
         --> router.yaml:5:21
          |
        5 |     totalTimeoutMs: 86400001
          |                     ^^^^^^^^

        error: `retryBufferKB` must be a whole number from 0 to 10240
         --> router.yaml:6:20
          |
        6 |     retryBufferKB: 10241
          |                    ^^^^^

        error: unknown `responseClassifier` kind `io.l5d.http.retryableRead5X`
         --> router.yaml:7:32
          |
        7 |     responseClassifier: {kind: io.l5d.http.retryableRead5X}
          |                                ^^^^^^^^^^^^^^^^^^^^^^^^^^^
          |
          = help: did you mean `io.l5d.http.retryableRead5XX`?

        error: `ttlSecs` must be a whole number from 1 to 60
         --> router.yaml:9:25
          |
        9 |       budget: {ttlSecs: 61, minRetriesPerSec: -1, percentCanRetry: 1000.5}
          |                         ^^

        error: `minRetriesPerSec` must be a whole number from 0 to 1000000
         --> router.yaml:9:47
          |
        9 |       budget: {ttlSecs: 61, minRetriesPerSec: -1, percentCanRetry: 1000.5}
          |                                               ^^

        error: `percentCanRetry` must be a number from 0 to 1000
         --> router.yaml:9:68
          |
        9 |       budget: {ttlSecs: 61, minRetriesPerSec: -1, percentCanRetry: 1000.5}
          |                                                                    ^^^^^^

        error: `backoff` needs `maxMs`
          --> router.yaml:10:16
           |
        10 |       backoff: {kind: jittered, minMs: 20}
           |                ^

        error: `responseClassifier` needs `kind`
          --> router.yaml:15:25
           |
        15 |     responseClassifier: {}
           |                         ^
           |
           = help: known kinds: io.l5d.http.nonRetryable5XX, io.l5d.http.retryableRead5XX, io.l5d.http.retryableIdempotent5XX, io.l5d.http.retryableAll5XX, io.l5d.http.allSuccessful

        error: `ttlSecs` must be a whole number from 1 to 60
          --> router.yaml:17:25
           |
        17 |       budget: {ttlSecs: 0, percentCanRetry: most}
           |                         ^

        error: `percentCanRetry` must be a number from 0 to 1000, not text
          --> router.yaml:17:45
           |
        17 |       budget: {ttlSecs: 0, percentCanRetry: most}
           |                                             ^^^^

        error: `backoff` must have a `maxMs` that is not below its `minMs`
          --> router.yaml:18:16
           |
        18 |       backoff: {kind: jittered, minMs: 20, maxMs: 10}
           |                ^

        error: `percentCanRetry` must be a number from 0 to 1000
          --> router.yaml:23:41
           |
        23 |     retries: {budget: {percentCanRetry: -0.1}, backoff: {ms: 0}, attempts: 3}
           |                                         ^^^^

        error: `backoff` needs `kind`
          --> router.yaml:23:57
           |
        23 |     retries: {budget: {percentCanRetry: -0.1}, backoff: {ms: 0}, attempts: 3}
           |                                                         ^
           |
           = help: known kinds: constant, jittered

        error: unknown key `attempts` in `retries`
          --> router.yaml:23:66
           |
        23 |     retries: {budget: {percentCanRetry: -0.1}, backoff: {ms: 0}, attempts: 3}
           |                                                                  ^^^^^^^^
           |
           = help: known keys here: budget, backoff
        "
    );
}

#[test]
fn clients_are_judged() {
    insta::assert_snapshot!(
        router(
            r"
            routers:
            - protocol: http
              servers: [{port: 4140}]
              client:
                loadBalancer: {kind: aperture, lowLoad: 2, highLoad: 2, panicThreshold: 1.1}
                failureAccrual: {kind: io.l5d.successRate, successRate: 90, backoff: {kind: constant}}
                hostConnectionPool: {minSize: 3, maxSize: 2}
                requestAttemptTimeoutMs: 0
                minLiveShare: 50
                requeueBudget: {ttlSecs: 0}
                clientSession: {idleTime: 5}
                socketOptions: {backlog: 5, reusePort: true}
                requestAuthorizers: [{kind: io.l5d.k8s.istio}]
            - protocol: http
              label: b
              servers: [{port: 4141}]
              client:
                loadBalancer: {kind: p2c, decayTimeMs: 5}
                failureAccrual: {failures: 5}
                hostConnectionPool: {maxSize: 0}
                failFast: 1
            "
        ),
        @r"
        error: `lowLoad` must be below `highLoad`, and 2 is not below 2
         --> router.yaml:5:45
          |
        5 |     loadBalancer: {kind: aperture, lowLoad: 2, highLoad: 2, panicThreshold: 1.1}
          |                                             ^

        error: `panicThreshold` must be a number from 0 to 1
         --> router.yaml:5:77
          |
        5 |     loadBalancer: {kind: aperture, lowLoad: 2, highLoad: 2, panicThreshold: 1.1}
          |                                                                             ^^^

        error: `failureAccrual` needs `requests`
         --> router.yaml:6:21
          |
        6 |     failureAccrual: {kind: io.l5d.successRate, successRate: 90, backoff: {kind: constant}}
          |                     ^

        error: `successRate` must be a number from 0 to 1
         --> router.yaml:6:61
          |
        6 |     failureAccrual: {kind: io.l5d.successRate, successRate: 90, backoff: {kind: constant}}
          |                                                             ^^

        error: `backoff` needs `ms`
         --> router.yaml:6:74
          |
        6 |     failureAccrual: {kind: io.l5d.successRate, successRate: 90, backoff: {kind: constant}}
          |                                                                          ^

        error: `maxSize` must not be below `minSize`
         --> router.yaml:7:47
          |
        7 |     hostConnectionPool: {minSize: 3, maxSize: 2}
          |                                               ^

        error: `requestAttemptTimeoutMs` must be a whole number from 1 to 86400000
         --> router.yaml:8:30
          |
        8 |     requestAttemptTimeoutMs: 0
          |                              ^

        error: `minLiveShare` must be a number from 0 to 1
         --> router.yaml:9:19
          |
        9 |     minLiveShare: 50
          |                   ^^

        error: `ttlSecs` must be a whole number from 1 to 60
          --> router.yaml:10:30
           |
        10 |     requeueBudget: {ttlSecs: 0}
           |                              ^

        error: unknown key `idleTime` in `clientSession`
          --> router.yaml:11:21
           |
        11 |     clientSession: {idleTime: 5}
           |                     ^^^^^^^^
           |
           = help: did you mean `idleTimeMs`?

        warning: `backlog` does nothing here: only a socket that listens has one
          --> router.yaml:12:30
           |
        12 |     socketOptions: {backlog: 5, reusePort: true}
           |                              ^
           |
           = help: leave it out

        warning: `reusePort` does nothing here: only a socket that listens has one
          --> router.yaml:12:44
           |
        12 |     socketOptions: {backlog: 5, reusePort: true}
           |                                            ^^^^
           |
           = help: leave it out

        error: `requestAuthorizers` kind `io.l5d.k8s.istio` is not supported: Istio has no Mixer to ask since 1.8
          --> router.yaml:13:33
           |
        13 |     requestAuthorizers: [{kind: io.l5d.k8s.istio}]
           |                                 ^^^^^^^^^^^^^^^^
           |
           = help: authorize at the service, or at the edge

        error: unknown key `decayTimeMs` in `loadBalancer`
          --> router.yaml:18:31
           |
        18 |     loadBalancer: {kind: p2c, decayTimeMs: 5}
           |                               ^^^^^^^^^^^
           |
           = help: known keys here: kind, maxEffort, enableProbation, slowStartMs, panicThreshold

        error: `failureAccrual` needs `kind`
          --> router.yaml:19:21
           |
        19 |     failureAccrual: {failures: 5}
           |                     ^
           |
           = help: known kinds: io.l5d.consecutiveFailures, io.l5d.successRate, io.l5d.successRateWindowed, none

        error: `maxSize` must be a whole number from 1 to 1000000
          --> router.yaml:20:35
           |
        20 |     hostConnectionPool: {maxSize: 0}
           |                                   ^

        error: `failFast` must be `true` or `false`, not a number
          --> router.yaml:21:15
           |
        21 |     failFast: 1
           |               ^
        "
    );
}

#[test]
fn tls_to_endpoints_is_judged_before_it_is_used() {
    insta::assert_snapshot!(
        router(
            r"
            routers:
            - protocol: http
              servers: [{port: 4140, tls: {certPath: /no/cert.pem, keyPath: Cargo.toml}}]
              client:
                kind: io.l5d.static
                configs:
                - prefix: '/$/inet/{host}/{port}'
                  tls: {commonName: '{hots}'}
                - prefix: '/$/inet/{host}/{port}'
                  tls: {commonName: 'a.{zone}'}
                - prefix: /$/inet/a
                  tls: {commonName: '{host}'}
                - prefix: /$/inet/b
                  tls: {trustCerts: [/no/ca.pem], trustCertsBundle: Cargo.toml}
                - prefix: '/$/inet/{host}'
                  tls: {commonName: '{host'}
                - prefix: /$/inet/c
                  tls: {disableValidation: true, clientAuth: {certPath: Cargo.toml, keyPath: Cargo.toml}}
            - protocol: http
              label: b
              servers: [{port: 4141}]
              client:
                tls: {commonName: '{host}'}
            "
        ),
        @r"
        error: `certPath` names `/no/cert.pem`, which is not a file
         --> router.yaml:3:42
          |
        3 |   servers: [{port: 4140, tls: {certPath: /no/cert.pem, keyPath: Cargo.toml}}]
          |                                          ^^^^^^^^^^^^
          |
          = help: it does not exist

        error: `commonName` stands on `{hots}`, which `prefix` does not capture
         --> router.yaml:8:25
          |
        8 |       tls: {commonName: '{hots}'}
          |                         ^^^^^^^^
          |
          = help: did you mean `{host}`?

        error: `commonName` stands on `{zone}`, which `prefix` does not capture
          --> router.yaml:10:25
           |
        10 |       tls: {commonName: 'a.{zone}'}
           |                         ^^^^^^^^^^
           |
           = help: it captures `{host}`, `{port}`

        error: `commonName` stands on `{host}`, which `prefix` does not capture
          --> router.yaml:12:25
           |
        12 |       tls: {commonName: '{host}'}
           |                         ^^^^^^^^
           |
           = help: captures come from the `prefix` of an entry of `io.l5d.static`

        error: `tls` verifies the server, but `commonName` is not set
          --> router.yaml:14:7
           |
        14 |       tls: {trustCerts: [/no/ca.pem], trustCertsBundle: Cargo.toml}
           |       ^^^
           |
           = help: write the name that the server's certificate must have

        error: `trustCerts` and `trustCertsBundle` exclude each other
          --> router.yaml:14:13
           |
        14 |       tls: {trustCerts: [/no/ca.pem], trustCertsBundle: Cargo.toml}
           |             ^^^^^^^^^^
           |
           = help: keep `trustCertsBundle`, and put all certificates into that file

        error: `trustCerts` names `/no/ca.pem`, which is not a file
          --> router.yaml:14:26
           |
        14 |       tls: {trustCerts: [/no/ca.pem], trustCertsBundle: Cargo.toml}
           |                          ^^^^^^^^^^
           |
           = help: it does not exist

        error: `commonName` stands on `{host`, which `prefix` does not capture
          --> router.yaml:16:25
           |
        16 |       tls: {commonName: '{host'}
           |                         ^^^^^^^
           |
           = help: did you mean `{host}`?

        error: `disableValidation: true` is incompatible with `clientAuth`
          --> router.yaml:18:32
           |
        18 |       tls: {disableValidation: true, clientAuth: {certPath: Cargo.toml, keyPath: Cargo.toml}}
           |                                ^^^^
           |
           = help: a client that shows who it is must know to whom

        error: `commonName` stands on `{host}`, which `prefix` does not capture
          --> router.yaml:23:23
           |
        23 |     tls: {commonName: '{host}'}
           |                       ^^^^^^^^
           |
           = help: captures come from the `prefix` of an entry of `io.l5d.static`
        "
    );
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
