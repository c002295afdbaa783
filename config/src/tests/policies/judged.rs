//! What is said about policies that cannot be.

use crate::tests::router;

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
