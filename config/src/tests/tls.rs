//! TLS, judged before it is used.

use super::{namerd, router};

#[test]
fn tls_of_a_client_is_judged_before_it_is_used() {
    insta::assert_snapshot!(
        router(
            r"
            routers:
            - protocol: http
              label: a
              interpreter:
                kind: io.l5d.mesh
                dst: /$/inet/namerd/4321
                tls: {trustCertsBundle: /no/ca.pem}
              servers: [{port: 4140}]
            - protocol: http
              label: b
              interpreter:
                kind: io.l5d.mesh
                dst: /$/inet/namerd/4321
                tls:
                  disableValidation: true
                  clientAuth: {certPath: Cargo.toml, key: Cargo.toml}
                  trustCerts: [Cargo.toml]
                  trustCertsBundle: Cargo.toml
                  protocols: [TLSv1.1, TLSv1.4]
              servers: [{port: 4141}]
            "
        ),
        @r"
        error: `tls` verifies the server, but `commonName` is not set
         --> router.yaml:7:5
          |
        7 |     tls: {trustCertsBundle: /no/ca.pem}
          |     ^^^
          |
          = help: write the name that the server's certificate must have

        error: `trustCertsBundle` names `/no/ca.pem`, which is not a file
         --> router.yaml:7:29
          |
        7 |     tls: {trustCertsBundle: /no/ca.pem}
          |                             ^^^^^^^^^^
          |
          = help: it does not exist

        error: `disableValidation: true` is incompatible with `clientAuth`
          --> router.yaml:15:26
           |
        15 |       disableValidation: true
           |                          ^^^^
           |
           = help: a client that shows who it is must know to whom

        error: `clientAuth` needs `keyPath`
          --> router.yaml:16:19
           |
        16 |       clientAuth: {certPath: Cargo.toml, key: Cargo.toml}
           |                   ^

        error: unknown key `key` in `clientAuth`
          --> router.yaml:16:42
           |
        16 |       clientAuth: {certPath: Cargo.toml, key: Cargo.toml}
           |                                          ^^^
           |
           = help: known keys here: certPath, keyPath, intermediateCertsPath

        error: `trustCerts` and `trustCertsBundle` exclude each other
          --> router.yaml:17:7
           |
        17 |       trustCerts: [Cargo.toml]
           |       ^^^^^^^^^^
           |
           = help: keep `trustCertsBundle`, and put all certificates into that file

        error: `protocols` names a version that is not supported: it is broken (RFC 8996)
          --> router.yaml:19:19
           |
        19 |       protocols: [TLSv1.1, TLSv1.4]
           |                   ^^^^^^^
           |
           = help: use TLSv1.2 or TLSv1.3

        error: `protocols` names an unknown version, `TLSv1.4`
          --> router.yaml:19:28
           |
        19 |       protocols: [TLSv1.1, TLSv1.4]
           |                            ^^^^^^^
           |
           = help: use TLSv1.2 or TLSv1.3
        "
    );
}

#[test]
fn tls_of_a_server_is_judged_before_it_is_used() {
    insta::assert_snapshot!(
        namerd(
            r"
            storage: {kind: io.l5d.inMemory}
            interfaces:
            - kind: io.l5d.mesh
              tls:
                certPath: /no/cert.pem
                requireClientAuth: true
                ciphers: [TLS_RSA_WITH_AES_128_CBC_SHA]
            admin: {tls: {certPath: Cargo.toml, requireClientAuth: true}}
            "
        ),
        @r"
        error: `tls` needs `keyPath`
         --> namerd.yaml:5:5
          |
        5 |     certPath: /no/cert.pem
          |     ^^^^^^^^

        error: `certPath` names `/no/cert.pem`, which is not a file
         --> namerd.yaml:5:15
          |
        5 |     certPath: /no/cert.pem
          |               ^^^^^^^^^^^^
          |
          = help: it does not exist

        error: `requireClientAuth` needs `caCertPath`
         --> namerd.yaml:6:24
          |
        6 |     requireClientAuth: true
          |                        ^^^^
          |
          = help: without it, any certificate of any public authority would do

        error: `ciphers` is not supported: the cipher suites are a fixed, safe set
         --> namerd.yaml:7:5
          |
        7 |     ciphers: [TLS_RSA_WITH_AES_128_CBC_SHA]
          |     ^^^^^^^
          |
          = help: leave it out

        error: `tls` needs `keyPath`
         --> namerd.yaml:8:14
          |
        8 | admin: {tls: {certPath: Cargo.toml, requireClientAuth: true}}
          |              ^

        error: `requireClientAuth` needs `caCertPath`
         --> namerd.yaml:8:56
          |
        8 | admin: {tls: {certPath: Cargo.toml, requireClientAuth: true}}
          |                                                        ^^^^
          |
          = help: without it, any certificate of any public authority would do
        "
    );
}
