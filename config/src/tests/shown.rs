//! What is read, as `/config.json` shows it.

use super::{read, read_namerd};
use crate::{InterfaceKind, StorageConfig};

/// The configuration as `/config.json` shows it.
pub(super) fn shown(config: &impl serde::Serialize) -> String {
    serde_json::to_string_pretty(config).expect("a configuration is JSON")
}

#[test]
fn the_shortest_router_has_the_defaults_of_the_reference() {
    let config = read("routers: [{protocol: http, servers: [{}]}]");
    insta::assert_snapshot!(shown(&config), @r#"
    {
      "admin": {
        "ip": "127.0.0.1",
        "port": 9990,
        "shutdownGraceMs": 10000,
        "tls": null
      },
      "routers": [
        {
          "protocol": "http",
          "label": "http",
          "originator": false,
          "servers": [
            {
              "ip": "127.0.0.1",
              "port": 4140,
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
              "tunnelIdleTimeoutMs": 3600000,
              "h2c": false
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
          "maxHeadersKB": 8,
          "maxErrResponseKB": 8,
          "identifier": [
            {
              "kind": "io.l5d.header.token",
              "header": "Host"
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
              "kind": "io.l5d.http.nonRetryable5XX"
            },
            "retryBufferKB": 64
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
            "h2": false,
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
            "forwardClientCert": false,
            "hostConnectionPool": {
              "minSize": 0,
              "maxSize": null,
              "idleTimeMs": 60000,
              "maxWaiters": null
            }
          },
          "maxInitialLineKB": 8,
          "streamingEnabled": true,
          "streamAfterContentLengthKB": null,
          "compressionLevel": -1
        }
      ],
      "namers": [],
      "stateDir": null,
      "maxConnections": null,
      "maxConcurrentRequests": null,
      "maxBufferedMB": null
    }
    "#);
}

#[test]
fn the_shortest_namerd_has_the_defaults_of_the_reference() {
    let config = read_namerd(
        "{storage: {kind: io.l5d.inMemory}, interfaces: [{kind: io.l5d.mesh}, {kind: io.l5d.httpController}]}",
    );
    insta::assert_snapshot!(shown(&config), @r#"
    {
      "admin": {
        "ip": "127.0.0.1",
        "port": 9991,
        "shutdownGraceMs": 10000,
        "tls": null
      },
      "storage": {
        "kind": "io.l5d.inMemory",
        "namespaces": {}
      },
      "namers": [],
      "interfaces": [
        {
          "kind": "io.l5d.mesh",
          "ip": "127.0.0.1",
          "port": 4321,
          "socketOptions": {
            "noDelay": true,
            "reuseAddr": true,
            "reusePort": false,
            "keepAlive": null,
            "backlog": null
          },
          "tls": null
        },
        {
          "kind": "io.l5d.httpController",
          "requireMatch": false,
          "ip": "127.0.0.1",
          "port": 4180,
          "socketOptions": {
            "noDelay": true,
            "reuseAddr": true,
            "reusePort": false,
            "keepAlive": null,
            "backlog": null
          },
          "tls": null
        }
      ],
      "emptyIsNeg": false
    }
    "#);
}

#[test]
fn everything_that_is_carried_is_read() {
    let config = read(
        r#"
        admin: {ip: "::1", port: 0, shutdownGraceMs: 0, tls: {certPath: Cargo.toml, keyPath: Cargo.toml, intermediateCertsPath: Cargo.toml, caCertPath: Cargo.toml, requireClientAuth: true, protocols: [TLSv1.3]}}
        stateDir: state
        maxConcurrentRequests: 8
        maxBufferedMB: 9
        maxConnections: 18
        namers:
        - {kind: io.l5d.fs, rootDir: src, prefix: /disco, experimental: true, transformers: [{kind: io.l5d.port, port: 4141}]}
        - {kind: io.l5d.rewrite, prefix: /short, pattern: "/{name}", name: "/#/disco/{name}"}
        routers:
        - protocol: http
          label: all
          originator: true
          experimental: true
          dtab: /svc => /#/disco
          dstPrefix: /http
          bindingTimeoutMs: "3000"
          bindingCache: {paths: 10, trees: 15, bounds: 17, clients: 20, idleTtlSecs: 30}
          maxHeadersKB: 16
          maxInitialLineKB: 32
          maxErrResponseKB: 1
          streamAfterContentLengthKB: 7
          compressionLevel: 9
          identifier:
          - {kind: io.l5d.header.token, header: x-name}
          - {kind: io.l5d.header}
          - {kind: io.l5d.methodAndHost, httpUriInDst: true}
          - {kind: io.l5d.path, segments: 2, consume: true}
          - {kind: io.l5d.static, path: /nowhere}
          service: {totalTimeoutMs: 9, retryBufferKB: 0, responseClassifier: {kind: io.l5d.http.retryableAll5XX}, retries: {budget: {ttlSecs: 60, minRetriesPerSec: 0, percentCanRetry: 1000}, backoff: {kind: constant, ms: 0}}}
          client:
            kind: io.l5d.global
            loadBalancer: {kind: aperture, maxEffort: 4, enableProbation: true, smoothWindowMs: 3000, lowLoad: 0, highLoad: "1.5", minAperture: 2, slowStartMs: 10, panicThreshold: 0.5}
            failFast: true
            requeueBudget: {percentCanRetry: 0.1}
            failureAccrual: {kind: io.l5d.successRateWindowed, successRate: 0.9, window: 30, backoff: {kind: jittered, minMs: 1, maxMs: 2}}
            minLiveShare: 0.5
            requestAttemptTimeoutMs: 6
            connectTimeoutMs: 5
            hostConnectionPool: {minSize: 1, maxSize: 2, idleTimeMs: 3, maxWaiters: 4}
            clientSession: {idleTimeMs: 7, lifeTimeMs: 8}
            socketOptions: {keepAlive: true}
            tls: {commonName: endpoint.example}
            forwardClientCert: true
          interpreter:
            kind: io.l5d.mesh
            dst: [/$/inet/a.example/4321, /$/inet/::1/4321, /$/inet/4321]
            root: /prod
            retry: {baseSeconds: 1}
            failureThreshold: {minPeriodMs: 1000}
            initialStreamWindowSizeKB: 64
            experimental: true
            transformers:
            - {kind: io.l5d.localhost}
            - {kind: io.l5d.specificHost, host: 10.0.0.1, prefix: /one/host}
            - {kind: io.l5d.port, port: 4141}
            - {kind: io.l5d.replace, path: /#/disco/web}
            - {kind: io.l5d.const, path: /$/inet/127.1/80}
            tls: {commonName: namerd.example, trustCerts: [Cargo.toml], protocols: [TLSv1.3], clientAuth: {certPath: Cargo.toml, keyPath: Cargo.toml}}
          servers:
          - port: 4140
            ip: 0.0.0.0
            label: edge
            maxCallDepth: 20
            clearContext: true
            addForwardedHeader: {by: {kind: static, label: edge}, for: {kind: "ip:port"}}
            timestampHeader: x-request-start
            maxConnections: 17
            maxConcurrentRequests: 7
            timeoutMs: 8
            tls: {certPath: Cargo.toml, keyPath: Cargo.toml, caCertPath: Cargo.toml, requireClientAuth: true}
            headerReadTimeoutMs: 1
            bodyStallTimeoutMs: 2
            tunnelIdleTimeoutMs: 3
            serverSession: {idleTimeMs: 4, lifeTimeMs: 6}
            socketOptions: {noDelay: false, reuseAddr: false, reusePort: true, keepAlive: true, backlog: 128, readTimeoutMs: 8, writeTimeoutMs: 9}
        "#,
    );
    insta::assert_snapshot!(shown(&config), @r#"
    {
      "admin": {
        "ip": "::1",
        "port": 0,
        "shutdownGraceMs": 0,
        "tls": {
          "certPath": "Cargo.toml",
          "keyPath": "Cargo.toml",
          "intermediateCertsPath": "Cargo.toml",
          "caCertPath": "Cargo.toml",
          "requireClientAuth": true,
          "protocols": [
            "TLSv1.3"
          ]
        }
      },
      "routers": [
        {
          "protocol": "http",
          "label": "all",
          "originator": true,
          "servers": [
            {
              "ip": "0.0.0.0",
              "port": 4140,
              "socketOptions": {
                "noDelay": false,
                "reuseAddr": false,
                "reusePort": true,
                "keepAlive": true,
                "backlog": 128,
                "readTimeoutMs": 8,
                "writeTimeoutMs": 9
              },
              "maxCallDepth": 20,
              "clearContext": true,
              "addForwardedHeader": {
                "by": {
                  "kind": "static",
                  "label": "_edge"
                },
                "for": {
                  "kind": "ip:port"
                }
              },
              "timestampHeader": "x-request-start",
              "maxConnections": 17,
              "maxConcurrentRequests": 7,
              "timeoutMs": 8,
              "tls": {
                "certPath": "Cargo.toml",
                "keyPath": "Cargo.toml",
                "intermediateCertsPath": null,
                "caCertPath": "Cargo.toml",
                "requireClientAuth": true,
                "protocols": []
              },
              "headerReadTimeoutMs": 1,
              "bodyStallTimeoutMs": 2,
              "serverSession": {
                "idleTimeMs": 4,
                "lifeTimeMs": 6
              },
              "tunnelIdleTimeoutMs": 3,
              "h2c": false
            }
          ],
          "dtab": [
            {
              "prefix": "/svc",
              "dst": "/#/disco"
            }
          ],
          "dstPrefix": "/http",
          "interpreter": {
            "kind": "io.l5d.mesh",
            "dst": [
              "/$/inet/a.example/4321",
              "/$/inet/::1/4321",
              "/$/inet/localhost/4321"
            ],
            "root": "/prod",
            "retry": {
              "baseSeconds": 1,
              "maxSeconds": 10
            },
            "failureThreshold": {
              "minPeriodMs": 1000
            },
            "initialStreamWindowSizeBytes": 65536,
            "tls": {
              "disableValidation": false,
              "commonName": "namerd.example",
              "trustCerts": [
                "Cargo.toml"
              ],
              "clientAuth": {
                "certPath": "Cargo.toml",
                "keyPath": "Cargo.toml",
                "intermediateCertsPath": null
              },
              "protocols": [
                "TLSv1.3"
              ]
            }
          },
          "emptyIsNeg": false,
          "transformers": [
            {
              "kind": "io.l5d.localhost",
              "prefix": "/%/io.l5d.localhost"
            },
            {
              "kind": "io.l5d.specificHost",
              "prefix": "/%/one/host",
              "host": "10.0.0.1"
            },
            {
              "kind": "io.l5d.port",
              "prefix": "/%/io.l5d.port/4141",
              "port": 4141
            },
            {
              "kind": "io.l5d.replace",
              "prefix": "/%/io.l5d.replace",
              "path": "/#/disco/web"
            },
            {
              "kind": "io.l5d.const",
              "prefix": "/%/io.l5d.const",
              "path": "/$/inet/127.1/80"
            }
          ],
          "bindingTimeoutMs": 3000,
          "bindingCache": {
            "paths": 10,
            "trees": 15,
            "bounds": 17,
            "clients": 20,
            "idleTtlSecs": 30
          },
          "maxHeadersKB": 16,
          "maxErrResponseKB": 1,
          "identifier": [
            {
              "kind": "io.l5d.header.token",
              "header": "x-name"
            },
            {
              "kind": "io.l5d.header",
              "header": "l5d-name"
            },
            {
              "kind": "io.l5d.methodAndHost",
              "httpUriInDst": true
            },
            {
              "kind": "io.l5d.path",
              "segments": 2,
              "consume": true
            },
            {
              "kind": "io.l5d.static",
              "path": "/nowhere"
            }
          ],
          "service": {
            "kind": "io.l5d.global",
            "totalTimeoutMs": 9,
            "retries": {
              "budget": {
                "ttlSecs": 60,
                "minRetriesPerSec": 0,
                "percentCanRetry": 1000.0
              },
              "backoff": {
                "kind": "constant",
                "ms": 0
              }
            },
            "responseClassifier": {
              "kind": "io.l5d.http.retryableAll5XX"
            },
            "retryBufferKB": 0
          },
          "client": {
            "kind": "io.l5d.global",
            "loadBalancer": {
              "kind": "aperture",
              "maxEffort": 4,
              "smoothWindowMs": 3000,
              "lowLoad": 0.0,
              "highLoad": 1.5,
              "minAperture": 2,
              "enableProbation": true,
              "slowStartMs": 10,
              "panicThreshold": 0.5
            },
            "failFast": true,
            "requeueBudget": {
              "ttlSecs": 10,
              "minRetriesPerSec": 10,
              "percentCanRetry": 0.1
            },
            "failureAccrual": {
              "kind": "io.l5d.successRateWindowed",
              "successRate": 0.9,
              "window": 30,
              "backoff": {
                "kind": "jittered",
                "minMs": 1,
                "maxMs": 2
              }
            },
            "minLiveShare": 0.5,
            "requestAttemptTimeoutMs": 6,
            "connectTimeoutMs": 5,
            "h2": false,
            "clientSession": {
              "idleTimeMs": 7,
              "lifeTimeMs": 8
            },
            "socketOptions": {
              "noDelay": true,
              "reuseAddr": true,
              "reusePort": false,
              "keepAlive": true,
              "backlog": null
            },
            "tls": {
              "disableValidation": false,
              "commonName": "endpoint.example",
              "trustCerts": [],
              "clientAuth": null,
              "protocols": []
            },
            "forwardClientCert": true,
            "hostConnectionPool": {
              "minSize": 1,
              "maxSize": 2,
              "idleTimeMs": 3,
              "maxWaiters": 4
            }
          },
          "maxInitialLineKB": 32,
          "streamingEnabled": true,
          "streamAfterContentLengthKB": 7,
          "compressionLevel": 9
        }
      ],
      "namers": [
        {
          "kind": "io.l5d.fs",
          "prefix": "/#/disco",
          "rootDir": "src",
          "transformers": [
            {
              "kind": "io.l5d.port",
              "prefix": "/%/io.l5d.port/4141",
              "port": 4141
            }
          ]
        },
        {
          "kind": "io.l5d.rewrite",
          "prefix": "/#/short",
          "pattern": "/{name}",
          "name": "/#/disco/{name}",
          "transformers": []
        }
      ],
      "stateDir": "state",
      "maxConnections": 18,
      "maxConcurrentRequests": 8,
      "maxBufferedMB": 9
    }
    "#);
}

#[test]
fn secrets_are_masked_where_they_are_shown() {
    let config = read_namerd(
        "
        storage: {kind: io.l5d.etcd, endpoints: [a:2379, 'https://b:2380/'], pathPrefix: /x/, username: root, password: 007}
        interfaces: [{kind: io.l5d.httpController, requireMatch: true}]
        emptyIsNeg: true
        ",
    );
    insta::assert_snapshot!(shown(&config.storage), @r#"
    {
      "kind": "io.l5d.etcd",
      "endpoints": [
        "http://a:2379",
        "https://b:2380"
      ],
      "pathPrefix": "/x",
      "username": "root",
      "password": "***",
      "tls": null,
      "requestTimeoutMs": 5000
    }
    "#);
    let StorageConfig::Etcd(etcd) = &config.storage else {
        panic!("{config:?}")
    };
    assert_eq!(
        etcd.password.as_ref().map(crate::Secret::reveal),
        Some("007")
    );
    assert!(!format!("{config:?}").contains("007"));
    assert!(config.empty_is_neg);
    assert_eq!(
        config.interfaces[0].kind,
        InterfaceKind::HttpController {
            require_match: true
        }
    );
}
