//! How it is shown.

use super::super::shown::shown;
use super::{h2, one};
use crate::{Listens, Protocol};

#[test]
fn the_shortest_h2_router_has_the_defaults_of_the_reference() {
    let router = h2("");
    assert_eq!(router.protocol, Protocol::H2);
    assert!(matches!(
        router.servers[0].listens,
        Listens::Inet { port: 4142, .. }
    ));
    assert_eq!(router.compression_level, 0);
    insta::assert_snapshot!(shown(&router), @r#"
    {
      "protocol": "h2",
      "label": "h2",
      "originator": false,
      "servers": [
        {
          "ip": "127.0.0.1",
          "port": 4142,
          "socketOptions": {
            "noDelay": true,
            "reuseAddr": true,
            "reusePort": false,
            "keepAlive": null,
            "backlog": null
          },
          "maxCallDepth": 1000,
          "clearContext": null,
          "addForwardedHeader": null,
          "timestampHeader": null,
          "maxConnections": null,
          "maxConcurrentRequests": null,
          "timeoutMs": null,
          "tls": null,
          "headerReadTimeoutMs": 10000,
          "bodyStallTimeoutMs": 60000,
          "serverSession": {
            "idleTimeMs": 600000,
            "lifeTimeMs": null
          },
          "headerTableBytes": 4096,
          "initialStreamWindowBytes": 65535,
          "connectionWindowBytes": 16777216,
          "maxFrameBytes": 16384,
          "maxHeaderListBytes": null,
          "maxConcurrentStreamsPerConnection": 1000,
          "keepAliveMs": 60000,
          "keepAliveTimeoutMs": 20000,
          "maxEarlyResets": 500
        }
      ],
      "dtab": [],
      "dstPrefix": "/svc",
      "interpreter": {
        "kind": "default"
      },
      "emptyIsNeg": false,
      "transformers": [],
      "bindingTimeoutMs": 10000,
      "bindingCache": {
        "paths": 1000,
        "trees": 1000,
        "bounds": 1000,
        "clients": 1000,
        "idleTtlSecs": 600
      },
      "maxHeadersKB": 64,
      "maxErrResponseKB": 8,
      "identifier": [
        {
          "kind": "io.l5d.header.token",
          "header": ":authority"
        }
      ],
      "service": {
        "kind": "io.l5d.global",
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
          "kind": "io.l5d.h2.nonRetryable5XX"
        },
        "classificationTimeoutMs": 100,
        "retryBufferSize": {
          "requestBytes": 16383,
          "responseBytes": 16383
        }
      },
      "client": {
        "kind": "io.l5d.global",
        "loadBalancer": {
          "kind": "p2c",
          "maxEffort": 5,
          "enableProbation": false,
          "slowStartMs": 0,
          "panicThreshold": 0.0
        },
        "failFast": false,
        "requeueBudget": {
          "ttlSecs": 10,
          "minRetriesPerSec": 10,
          "percentCanRetry": 0.2
        },
        "failureAccrual": {
          "kind": "io.l5d.consecutiveFailures",
          "failures": 5,
          "backoff": null
        },
        "minLiveShare": null,
        "requestAttemptTimeoutMs": null,
        "connectTimeoutMs": 1000,
        "h2": true,
        "maxStreamsPerConnection": 250,
        "headerTableBytes": 4096,
        "initialStreamWindowBytes": 65535,
        "connectionWindowBytes": 16777216,
        "maxFrameBytes": 16384,
        "maxHeaderListBytes": null,
        "keepAliveMs": 300000,
        "keepAliveTimeoutMs": 20000,
        "clientSession": {
          "idleTimeMs": null,
          "lifeTimeMs": null
        },
        "socketOptions": {
          "noDelay": true,
          "reuseAddr": true,
          "reusePort": false,
          "keepAlive": null,
          "backlog": null
        },
        "tls": null,
        "forwardClientCert": false
      }
    }
    "#);
}

#[test]
fn everything_that_an_h2_router_carries_is_read() {
    let router = one(
        "h2",
        "{port: 1, maxConcurrentStreamsPerConnection: 2, maxEarlyResets: 3, headerTableBytes: 0, initialStreamWindowBytes: 1, connectionWindowBytes: 65535, maxFrameBytes: 16777215, maxHeaderListBytes: 1024, keepAliveMs: 0, keepAliveTimeoutMs: 4, windowUpdateRatio: 0.5, maxCallDepth: 5, clearContext: true, timestampHeader: x-start, headerReadTimeoutMs: 6, bodyStallTimeoutMs: 7, serverSession: {lifeTimeMs: 8}, timeoutMs: 9, maxConcurrentRequests: 10, maxConnections: 11}",
        "label: all\n  maxHeadersKB: 16\n  maxErrResponseKB: 1\n  identifier: [{kind: io.l5d.header.path, header: l5d-name, segments: 2}, {kind: io.l5d.header.token, header: ':method'}, {kind: io.l5d.static, path: /none}]\n  service: {totalTimeoutMs: 1, classificationTimeoutMs: 0, retryBufferSize: {responseBytes: 0}, responseClassifier: {kind: io.l5d.h2.grpc.retryableStatusCodes, retryableStatusCodes: [4, 14], successStatusCodes: [0, 5]}}\n  client: {h2: true, maxStreamsPerConnection: 1, headerTableBytes: 1048576, initialStreamWindowBytes: 2147483647, maxFrameBytes: 16384, maxHeaderListBytes: 1048576, keepAliveMs: 1, keepAliveTimeoutMs: 1, clientSession: {idleTimeMs: 1}}",
    );
    insta::assert_snapshot!(shown(&router), @r#"
    {
      "protocol": "h2",
      "label": "all",
      "originator": false,
      "servers": [
        {
          "ip": "127.0.0.1",
          "port": 1,
          "socketOptions": {
            "noDelay": true,
            "reuseAddr": true,
            "reusePort": false,
            "keepAlive": null,
            "backlog": null
          },
          "maxCallDepth": 5,
          "clearContext": true,
          "addForwardedHeader": null,
          "timestampHeader": "x-start",
          "maxConnections": 11,
          "maxConcurrentRequests": 10,
          "timeoutMs": 9,
          "tls": null,
          "headerReadTimeoutMs": 6,
          "bodyStallTimeoutMs": 7,
          "serverSession": {
            "idleTimeMs": 600000,
            "lifeTimeMs": 8
          },
          "headerTableBytes": 0,
          "initialStreamWindowBytes": 1,
          "connectionWindowBytes": 65535,
          "maxFrameBytes": 16777215,
          "maxHeaderListBytes": 1024,
          "maxConcurrentStreamsPerConnection": 2,
          "keepAliveMs": 0,
          "keepAliveTimeoutMs": 4,
          "maxEarlyResets": 3
        }
      ],
      "dtab": [],
      "dstPrefix": "/svc",
      "interpreter": {
        "kind": "default"
      },
      "emptyIsNeg": false,
      "transformers": [],
      "bindingTimeoutMs": 10000,
      "bindingCache": {
        "paths": 1000,
        "trees": 1000,
        "bounds": 1000,
        "clients": 1000,
        "idleTtlSecs": 600
      },
      "maxHeadersKB": 16,
      "maxErrResponseKB": 1,
      "identifier": [
        {
          "kind": "io.l5d.header.path",
          "header": "l5d-name",
          "segments": 2
        },
        {
          "kind": "io.l5d.header.token",
          "header": ":method"
        },
        {
          "kind": "io.l5d.static",
          "path": "/none"
        }
      ],
      "service": {
        "kind": "io.l5d.global",
        "totalTimeoutMs": 1,
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
          "kind": "io.l5d.h2.grpc.retryableStatusCodes",
          "retryableStatusCodes": [
            4,
            14
          ],
          "successStatusCodes": [
            0,
            5
          ]
        },
        "classificationTimeoutMs": 0,
        "retryBufferSize": {
          "requestBytes": 16383,
          "responseBytes": 0
        }
      },
      "client": {
        "kind": "io.l5d.global",
        "loadBalancer": {
          "kind": "p2c",
          "maxEffort": 5,
          "enableProbation": false,
          "slowStartMs": 0,
          "panicThreshold": 0.0
        },
        "failFast": false,
        "requeueBudget": {
          "ttlSecs": 10,
          "minRetriesPerSec": 10,
          "percentCanRetry": 0.2
        },
        "failureAccrual": {
          "kind": "io.l5d.consecutiveFailures",
          "failures": 5,
          "backoff": null
        },
        "minLiveShare": null,
        "requestAttemptTimeoutMs": null,
        "connectTimeoutMs": 1000,
        "h2": true,
        "maxStreamsPerConnection": 1,
        "headerTableBytes": 1048576,
        "initialStreamWindowBytes": 2147483647,
        "connectionWindowBytes": 2147483647,
        "maxFrameBytes": 16384,
        "maxHeaderListBytes": 1048576,
        "keepAliveMs": 1,
        "keepAliveTimeoutMs": 1,
        "clientSession": {
          "idleTimeMs": 1,
          "lifeTimeMs": null
        },
        "socketOptions": {
          "noDelay": true,
          "reuseAddr": true,
          "reusePort": false,
          "keepAlive": null,
          "backlog": null
        },
        "tls": null,
        "forwardClientCert": false
      }
    }
    "#);
}

#[test]
fn an_http_router_shows_of_http2_what_it_speaks() {
    let router = one(
        "http",
        "{}, {port: 1, h2c: true, maxFrameBytes: 20000}",
        "client: {h2: true}",
    );
    let servers = shown(&router.servers);
    let [without, with] = ["\"h2c\": false", "\"h2c\": true"].map(|key| servers.find(key));
    assert!(without < with, "{servers}");
    assert_eq!(servers.matches("maxFrameBytes").count(), 1, "{servers}");
    let client = shown(&router.client);
    for (key, is_there) in [
        ("\"h2\": true", true),
        ("\"maxStreamsPerConnection\": 250", true),
        ("\"keepAliveMs\": 300000", true),
        ("\"hostConnectionPool\"", false),
    ] {
        assert_eq!(client.contains(key), is_there, "{key} in {client}");
    }
}

#[test]
fn policies_of_names_are_shown_as_they_were_written() {
    let router = h2(
        "service: {kind: io.l5d.static, configs: [{prefix: /svc/a, retryBufferSize: {}, responseClassifier: {kind: io.l5d.h2.grpc.compliant}}]}\n  client: {kind: io.l5d.static, configs: [{prefix: /, maxFrameBytes: 20000, keepAliveMs: 0}]}",
    );
    let (service, client) = (shown(&router.service), shown(&router.client));
    insta::assert_snapshot!(service, @r#"
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
            "kind": "io.l5d.h2.nonRetryable5XX"
          },
          "classificationTimeoutMs": 100,
          "retryBufferSize": {
            "requestBytes": 16383,
            "responseBytes": 16383
          }
        },
        {
          "prefix": "/svc/a",
          "responseClassifier": {
            "kind": "io.l5d.h2.grpc.compliant",
            "successStatusCodes": [
              0
            ]
          },
          "retryBufferSize": {
            "requestBytes": 16383,
            "responseBytes": 16383
          }
        }
      ]
    }
    "#);
    assert!(client.contains("\"maxFrameBytes\": 20000"), "{client}");
    assert!(client.contains("\"keepAliveMs\": 0"), "{client}");
}
