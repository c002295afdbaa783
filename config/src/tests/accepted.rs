//! What is accepted, and what it means.

use std::time::Duration;

use super::{namerd, read, read_namerd, router};
use crate::{ForwardedHeader, InterpreterConfig, Labeler, Listens, StateDir, StorageConfig};

#[test]
fn etcd_may_still_be_named_by_host_and_port() {
    for (storage, endpoint) in [
        (
            "{kind: io.l5d.etcd, experimental: true}",
            "http://localhost:2379",
        ),
        (
            "{kind: io.l5d.etcd, host: 10.0.0.7, port: 4001}",
            "http://10.0.0.7:4001",
        ),
        (
            "{kind: io.l5d.etcd, host: '::1', tls: {disableValidation: true}}",
            "https://[::1]:2379",
        ),
        (
            "{kind: io.l5d.etcd, endpoints: 'etcd:2379', tls: {commonName: etcd, enabled: false}}",
            "http://etcd:2379",
        ),
    ] {
        let config = read_namerd(&format!(
            "storage: {storage}\ninterfaces: [{{kind: io.l5d.mesh}}]"
        ));
        let StorageConfig::Etcd(etcd) = config.storage else {
            panic!("{storage}")
        };
        assert_eq!(etcd.endpoints, [endpoint], "{storage}");
    }
}

#[test]
fn json_is_read_as_yaml_is() {
    let yaml = read(
        "
        namers: [{kind: io.l5d.fs, rootDir: src}]
        routers:
        - protocol: http
          dtab: |
            /a => /b ;
            /svc => /#/io.l5d.fs
          servers: [{port: 4140}]
        ",
    );
    let json = read(
        r#"
        {
        	"namers": [{"kind": "io.l5d.fs", "rootDir": "src"}],
        	"routers": [{
        		"protocol": "http",
        		"dtab": "/a => /b ;\n/svc => /#/io.l5d.fs",
        		"servers": [{"port": 4140}]
        	}]
        }
        "#,
    );
    assert_eq!(yaml, json);
}

#[test]
fn anchors_and_merges_are_expanded() {
    let written_out = read(
        "
        routers:
        - {protocol: http, label: a, bindingTimeoutMs: 500, dtab: /svc => /$/inet/127.1/80, servers: [{port: 1}]}
        - {protocol: http, label: b, bindingTimeoutMs: 700, dtab: /svc => /$/inet/127.1/80, servers: [{port: 2}]}
        ",
    );
    let merged = read(
        "
        routers:
        - &base
          protocol: http
          label: a
          bindingTimeoutMs: 500
          dtab: &dtab /svc => /$/inet/127.1/80
          servers: [{port: 1}]
        - <<: *base
          label: b
          bindingTimeoutMs: 700
          dtab: *dtab
          servers: [{port: 2}]
        ",
    );
    assert_eq!(merged, written_out);
}

#[test]
fn numbers_and_booleans_are_texts_where_a_text_is_wanted() {
    let config = read("routers: [{protocol: http, label: 007, servers: [{port: 0x10}]}]");
    assert_eq!(config.routers[0].label, "007");
    let listens = &config.routers[0].servers[0].listens;
    assert!(
        matches!(listens, Listens::Inet { port: 16, .. }),
        "{listens:?}"
    );
    let config = read("routers: [{protocol: http, label: true, servers: [{}]}]");
    assert_eq!(config.routers[0].label, "true");
    let config =
        read_namerd("{storage: {kind: io.l5d.etcd, host: 7}, interfaces: [{kind: io.l5d.mesh}]}");
    let StorageConfig::Etcd(etcd) = config.storage else {
        panic!("another storage")
    };
    assert_eq!(etcd.endpoints, ["http://7:2379"]);
}

#[test]
fn a_null_is_as_good_as_no_key() {
    let absent = read("routers: [{protocol: http, servers: [{}]}]");
    assert_eq!(
        read(
            "{admin: null, namers: ~, routers: [{protocol: http, dtab: , client: null, servers: [{}]}]}"
        ),
        absent
    );
}

#[test]
fn options_that_say_what_is_in_force_anyway_change_nothing() {
    let absent = read("routers: [{protocol: http, servers: [{}]}]");
    let written = read(
        "
        telemetry: []
        usage: {enabled: false}
        admin: {workerThreads: 2, security: {uiEnabled: true}, tls: {enabled: false}}
        routers:
        - protocol: http
          streamingEnabled: true
          tracePropagator: {kind: io.l5d.default}
          announcers: []
          bindingCache: {trees: 1000}
          servers: [{announce: [], tls: {enabled: false}}]
          interpreter: {kind: default, transformers: []}
        ",
    );
    assert_eq!(written, absent);
}

#[test]
fn each_side_of_a_connection_has_a_name() {
    let check = |written: &str, by: Labeler, client: Labeler| {
        let config = read(&format!(
            "routers: [{{protocol: http, servers: [{{addForwardedHeader: {written}}}]}}]"
        ));
        let forwarded = config.routers[0].servers[0].add_forwarded_header.clone();
        assert_eq!(forwarded, Some(ForwardedHeader { by, client }), "{written}");
    };
    let word = |label: &str| Labeler::Static {
        label: label.into(),
    };
    check("{}", Labeler::RequestRandom, Labeler::RequestRandom);
    check(
        "{by: {kind: router}, for: {kind: ip}}",
        Labeler::Router,
        Labeler::Ip,
    );
    check(
        "{by: {kind: 'ip:port'}, for: {kind: connectionRandom}}",
        Labeler::IpPort,
        Labeler::ConnectionRandom,
    );
    check(
        "{by: {kind: static, label: edge-1}, for: {kind: static, label: _x}}",
        word("_edge-1"),
        word("_x"),
    );
    check(
        "{for: {kind: requestRandom}}",
        Labeler::RequestRandom,
        Labeler::RequestRandom,
    );
}

#[test]
fn a_server_that_strangers_reach_is_warned_about_until_somebody_decides() {
    insta::assert_snapshot!(
        router(
            "
            routers:
            - protocol: http
              servers:
              - {port: 1, ip: 0.0.0.0}
              - {port: 2, ip: 127.0.0.2}
              - {port: 3, ip: 0.0.0.0, clearContext: true}
              - {port: 4, ip: 0.0.0.0, clearContext: false}
            "
        ),
        @r#"
        accepted

        warning: whoever reaches 0.0.0.0:1 can reroute requests with `l5d-dtab`
         --> router.yaml:4:19
          |
        4 |   - {port: 1, ip: 0.0.0.0}
          |                   ^^^^^^^
          |
          = help: set `clearContext: true` where strangers can connect, or `false` to keep it so
        "#
    );
}

#[test]
fn tls_that_is_turned_off_is_not_judged() {
    let config = read_namerd(
        "
        storage: {kind: io.l5d.inMemory}
        interfaces: [{kind: io.l5d.mesh, tls: {enabled: false, certPath: /no/cert.pem, ciphers: [x]}}]
        ",
    );
    assert_eq!(config.interfaces[0].tls, None);
}

#[test]
fn usage_is_accepted_and_said_to_do_nothing() {
    insta::assert_snapshot!(
        router(
            "
            usage: {orgId: example}
            routers: [{protocol: http, servers: [{}]}]
            "
        ),
        @r#"
        accepted

        warning: `usage` does nothing: usage is never reported to anybody
         --> router.yaml:1:1
          |
        1 | usage: {orgId: example}
          | ^^^^^
          |
          = help: leave it out
        "#
    );
}

#[test]
fn a_namerd_without_complaints_is_accepted() {
    assert_eq!(
        namerd("{storage: {kind: io.l5d.embedded, dir: data}, interfaces: [{kind: io.l5d.mesh}]}"),
        "accepted"
    );
}

#[test]
fn interpreters_have_their_defaults() {
    let of = |interpreter: &str| {
        read(&format!(
            "routers: [{{protocol: http, servers: [{{}}], interpreter: {interpreter}}}]"
        ))
        .routers
        .remove(0)
        .interpreter
    };
    assert_eq!(of("{kind: default}"), InterpreterConfig::Default);
    assert_eq!(of("{}"), InterpreterConfig::Default);
    assert_eq!(
        of("{kind: io.l5d.fs, dtabFile: Cargo.toml}"),
        InterpreterConfig::Fs {
            dtab_file: "Cargo.toml".into()
        }
    );
    let InterpreterConfig::NamerdHttp(http) =
        of("{kind: io.l5d.namerd.http, dst: /$/inet/namerd/4180}")
    else {
        panic!("another interpreter")
    };
    assert_eq!(http.namespace, "default");
    assert_eq!(http.dst[0].to_string(), "/$/inet/namerd/4180");
    let InterpreterConfig::Mesh(mesh) =
        of("{kind: io.l5d.mesh, dst: /$/inet/namerd/4321, retry: {baseSeconds: 30}}")
    else {
        panic!("another interpreter")
    };
    assert_eq!(
        (mesh.retry.base, mesh.retry.max),
        (Duration::from_secs(30), Duration::from_secs(30))
    );
    assert_eq!(mesh.root.to_string(), "/default");
    assert_eq!(mesh.initial_stream_window, 10_485_760);
}

#[test]
fn the_folder_of_the_state_can_be_chosen_or_turned_off() {
    let of = |line: &str| {
        read(&format!(
            "{line}\nrouters: [{{protocol: http, servers: [{{}}]}}]"
        ))
        .state_dir
    };
    assert_eq!(of("stateDir: none"), StateDir::Off);
    assert!(of("stateDir: none").candidates().is_empty());
    assert_eq!(
        of("stateDir: /srv/state").candidates(),
        [std::path::PathBuf::from("/srv/state")]
    );
    let defaults = of("admin: {}").candidates();
    assert!(
        defaults.iter().all(|folder| folder.ends_with("switchyard")) && defaults.len() >= 2,
        "{defaults:?}"
    );
}
