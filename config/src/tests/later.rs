//! Options and kinds of the reference that this version refuses by name.

use super::{namerd, router};

#[test]
fn protocols_that_are_not_carried_are_refused_by_name() {
    insta::assert_snapshot!(
        router(
            r"
            routers:
            - {protocol: thriftmux, label: b, servers: [{port: 4141}]}
            - {protocol: https, label: c, servers: [{port: 4142}]}
            "
        ),
        @r"
        error: `routers` protocol `thriftmux` is not supported: only services written with Finagle speak it
         --> router.yaml:2:14
          |
        2 | - {protocol: thriftmux, label: b, servers: [{port: 4141}]}
          |              ^^^^^^^^^
          |
          = help: offer the service over HTTP, and use `http`; or keep these routers in linkerd

        error: unknown `routers` protocol `https`
         --> router.yaml:3:14
          |
        3 | - {protocol: https, label: c, servers: [{port: 4142}]}
          |              ^^^^^
          |
          = help: did you mean `http`?
        "
    );
}

#[test]
fn kinds_to_come_and_kinds_that_never_come_are_told_apart() {
    insta::assert_snapshot!(
        router(
            r"
            namers:
            - {kind: io.l5d.k8s}
            - {kind: io.l5d.rancher}
            - {kind: io.l5d.k8s.istio}
            - {kind: io.l5d.f}
            - {prefix: /x}
            routers:
            - protocol: http
              identifier: {kind: io.l5d.k8s.istio-ingress}
              interpreter: {kind: io.l5d.namerd, dst: /$/inet/namerd/4100}
              servers: [{port: 4140}]
            telemetry:
            - {kind: io.l5d.prometheus, path: /metrics}
            "
        ),
        @r"
        error: `namers` kind `io.l5d.k8s` is not supported yet by this version
         --> router.yaml:2:10
          |
        2 | - {kind: io.l5d.k8s}
          |          ^^^^^^^^^^

        error: `namers` kind `io.l5d.rancher` is not supported: Rancher 1 and its metadata service have ended
         --> router.yaml:3:10
          |
        3 | - {kind: io.l5d.rancher}
          |          ^^^^^^^^^^^^^^
          |
          = help: use `io.l5d.fs`, or `/$/inet` with DNS names

        error: `namers` kind `io.l5d.k8s.istio` is not supported: Istio has no such API any more
         --> router.yaml:4:10
          |
        4 | - {kind: io.l5d.k8s.istio}
          |          ^^^^^^^^^^^^^^^^
          |
          = help: name the services themselves, through `io.l5d.fs` or `/$/inet`

        error: unknown `namers` kind `io.l5d.f`
         --> router.yaml:5:10
          |
        5 | - {kind: io.l5d.f}
          |          ^^^^^^^^
          |
          = help: did you mean `io.l5d.fs`?

        error: `namers` needs `kind`
         --> router.yaml:6:3
          |
        6 | - {prefix: /x}
          |   ^
          |
          = help: known kinds: io.l5d.fs, io.l5d.rewrite

        error: `identifier` kind `io.l5d.k8s.istio-ingress` is not supported: Istio has no such API any more
         --> router.yaml:9:22
          |
        9 |   identifier: {kind: io.l5d.k8s.istio-ingress}
          |                      ^^^^^^^^^^^^^^^^^^^^^^^^
          |
          = help: use `io.l5d.header.token`, which names requests by their Host

        error: `interpreter` kind `io.l5d.namerd` is not supported yet by this version
          --> router.yaml:10:23
           |
        10 |   interpreter: {kind: io.l5d.namerd, dst: /$/inet/namerd/4100}
           |                       ^^^^^^^^^^^^^
           |
           = help: use `io.l5d.mesh`: the same namerd, on port 4321

        error: `telemetry` kind `io.l5d.prometheus` is not supported yet by this version
          --> router.yaml:13:10
           |
        13 | - {kind: io.l5d.prometheus, path: /metrics}
           |          ^^^^^^^^^^^^^^^^^
           |
           = help: metrics are at `/admin/metrics.json` of the admin server, which is always on
        "
    );
}

#[test]
fn options_to_come_are_refused_by_name() {
    insta::assert_snapshot!(
        router(
            r"
            admin:
              port: 9990
              security: {controlEnabled: false}
              workerThreads: 4
            routers:
            - protocol: http
              httpAccessLog: access.log
              httpAccessLogAppend: false
              tracePropagator: {kind: io.l5d.zipkin}
              interpreter:
                kind: default
                transformers: [{kind: io.l5d.k8s.localnode, hostNetwork: true}]
              servers:
              - port: 4140
                announce: [/host]
            "
        ),
        @r"
        error: `controlEnabled` other than `true` is not supported yet by this version
         --> router.yaml:3:30
          |
        3 |   security: {controlEnabled: false}
          |                              ^^^^^
          |
          = help: leave it out

        error: `workerThreads` other than `2` is not supported yet by this version
         --> router.yaml:4:18
          |
        4 |   workerThreads: 4
          |                  ^
          |
          = help: leave it out

        error: `httpAccessLog` is not supported yet by this version
         --> router.yaml:7:3
          |
        7 |   httpAccessLog: access.log
          |   ^^^^^^^^^^^^^
          |
          = help: leave it out

        error: `httpAccessLogAppend` is not supported yet by this version
         --> router.yaml:8:3
          |
        8 |   httpAccessLogAppend: false
          |   ^^^^^^^^^^^^^^^^^^^
          |
          = help: leave it out

        error: `tracePropagator` kind `io.l5d.zipkin` is not supported yet by this version
         --> router.yaml:9:27
          |
        9 |   tracePropagator: {kind: io.l5d.zipkin}
          |                           ^^^^^^^^^^^^^

        error: `transformers` kind `io.l5d.k8s.localnode` is not supported yet by this version
          --> router.yaml:12:27
           |
        12 |     transformers: [{kind: io.l5d.k8s.localnode, hostNetwork: true}]
           |                           ^^^^^^^^^^^^^^^^^^^^

        error: `announce` is not supported yet by this version
          --> router.yaml:15:5
           |
        15 |     announce: [/host]
           |     ^^^^^^^^
           |
           = help: leave it out
        "
    );
}

#[test]
fn storages_and_interfaces_to_come_are_refused_by_name() {
    insta::assert_snapshot!(
        namerd(
            r"
            storage: {kind: io.l5d.zk, zkAddrs: [{host: zk, port: 2181}]}
            interfaces:
            - {kind: io.l5d.thriftNameInterpreter, port: 4100}
            - {kind: io.l5d.destination}
            - {kind: io.l5d.mesh, h2AccessLog: access.log}
            - {kind: io.l5d.htpController}
            "
        ),
        @r"
        error: `storage` kind `io.l5d.zk` is not supported yet by this version
         --> namerd.yaml:1:17
          |
        1 | storage: {kind: io.l5d.zk, zkAddrs: [{host: zk, port: 2181}]}
          |                 ^^^^^^^^^
          |
          = help: use `io.l5d.etcd` or `io.l5d.embedded`

        error: `interfaces` kind `io.l5d.thriftNameInterpreter` is not supported yet by this version
         --> namerd.yaml:3:10
          |
        3 | - {kind: io.l5d.thriftNameInterpreter, port: 4100}
          |          ^^^^^^^^^^^^^^^^^^^^^^^^^^^^
          |
          = help: use `io.l5d.mesh`, and `io.l5d.mesh` in the routers' `interpreter`

        error: `interfaces` kind `io.l5d.destination` is not supported yet by this version
         --> namerd.yaml:4:10
          |
        4 | - {kind: io.l5d.destination}
          |          ^^^^^^^^^^^^^^^^^^
          |
          = help: use `io.l5d.mesh`

        error: `h2AccessLog` is not supported yet by this version
         --> namerd.yaml:5:23
          |
        5 | - {kind: io.l5d.mesh, h2AccessLog: access.log}
          |                       ^^^^^^^^^^^
          |
          = help: leave it out

        error: unknown `interfaces` kind `io.l5d.htpController`
         --> namerd.yaml:6:10
          |
        6 | - {kind: io.l5d.htpController}
          |          ^^^^^^^^^^^^^^^^^^^^
          |
          = help: did you mean `io.l5d.httpController`?
        "
    );
}
