//! Each of `examples/` is accepted, or refused with messages that name the options to come.
//!
//! A process of its own, because relative paths begin at the working directory.

use std::collections::BTreeSet;
use std::{env, fs};

use config::{Level, NamerdConfig, RouterConfig};

/// What each example is refused for; what is refused for nothing is accepted.
const EXAMPLES: &[(&str, &[&str])] = &[
    (
        "01-fs-quickstart.yaml",
        &[
            "`httpAccessLogRollPolicy`",
            "`httpAccessLogRotateCount`",
            "`httpAccessLog`",
        ],
    ),
    ("02-http-proxy-mesh.yaml", &[]),
    (
        "03-k8s-daemonset-linker-to-linker.yaml",
        &[
            "`namers` kind `io.l5d.k8s`",
            "`transformers` kind `io.l5d.k8s.daemonset`",
            "`transformers` kind `io.l5d.k8s.localnode`",
            "`caCertPath` names `/io.buoyant/linkerd/certs/ca.pem`, which is not a file",
            "`certPath` names `/io.buoyant/linkerd/certs/cert.pem`, which is not a file",
            "`keyPath` names `/io.buoyant/linkerd/certs/key.p8`, which is not a file",
            "`trustCertsBundle` names `/io.buoyant/linkerd/certs/ca.pem`, which is not a file",
        ],
    ),
    ("04-consul.yaml", &["`namers` kind `io.l5d.consul`"]),
    (
        "05-egress-static-tls.yaml",
        &[
            "`certPath` names `/etc/l5d/partner-client.pem`, which is not a file",
            "`intermediateCertsPath` names `/etc/l5d/partner-chain.pem`, which is not a file",
            "`keyPath` names `/etc/l5d/partner-client.p8`, which is not a file",
            "`trustCertsBundle` names `/etc/l5d/mesh-ca.pem`, which is not a file",
            "`trustCertsBundle` names `/etc/l5d/partner-ca.pem`, which is not a file",
        ],
    ),
    ("06-h2-grpc.yaml", &["`h2AccessLog`"]),
    ("07-retries-budget-accrual.yaml", &[]),
    (
        "08-k8s-ingress.yaml",
        &[
            "`identifier` kind `io.l5d.ingress`",
            "`namers` kind `io.l5d.k8s.external`",
            "`namers` kind `io.l5d.k8s`",
            "`caCertPath` names `/etc/l5d/tls/clients-ca.pem`, which is not a file",
            "`certPath` names `/etc/l5d/tls/edge.pem`, which is not a file",
            "`intermediateCertsPath` names `/etc/l5d/tls/chain.pem`, which is not a file",
            "`keyPath` names `/etc/l5d/tls/edge.p8`, which is not a file",
        ],
    ),
    (
        "09-telemetry-admin.yaml",
        &[
            "`controlEnabled` other than `true`",
            "`diagnosticsEnabled` other than `true`",
            "`httpIdentifierPort`",
            "`keepAlive`",
            "`pathBlacklist`",
            "`pathWhitelist`",
            "`telemetry` kind `io.l5d.influxdb`",
            "`telemetry` kind `io.l5d.prometheus`",
            "`telemetry` kind `io.l5d.recentRequests`",
            "`telemetry` kind `io.l5d.statsd`",
            "`telemetry` kind `io.l5d.tracelog`",
            "`telemetry` kind `io.l5d.zipkin`",
            "`tracePropagator` kind `io.l5d.zipkin`",
        ],
    ),
    ("10-canary-fs-interpreter.yaml", &[]),
    (
        "11-all-interfaces.namerd.yaml",
        &[
            "`interfaces` kind `io.l5d.thriftNameInterpreter`",
            "`telemetry` kind `io.l5d.prometheus`",
        ],
    ),
    (
        "12-consul-storage.namerd.yaml",
        &[
            "`namers` kind `io.l5d.consul`",
            "`namers` kind `io.l5d.k8s`",
            "`storage` kind `io.l5d.consul`",
            "`caCertPath` names `/etc/namerd/tls/ca.pem`, which is not a file",
            "`certPath` names `/etc/namerd/tls/server.pem`, which is not a file",
            "`keyPath` names `/etc/namerd/tls/server.p8`, which is not a file",
        ],
    ),
    ("etcd.namerd.yaml", &[]),
    ("both-versions.yaml", &[]),
    ("grpc.yaml", &[]),
    ("host-to-host.yaml", &[]),
    ("minimal.namerd.yaml", &[]),
    ("minimal.yaml", &[]),
    ("two-regions.yaml", &[]),
];

#[test]
fn each_example_is_accepted_or_refused_by_the_names_of_what_is_to_come() {
    go_to_examples();
    for (file, expected) in EXAMPLES {
        let expected: BTreeSet<String> = expected.iter().map(|name| (*name).to_owned()).collect();
        assert_eq!(refusals(file), expected, "{file}");
    }
    let files = fs::read_dir(".")
        .expect("the examples")
        .map(|entry| entry.expect("an example").file_name());
    let yaml: BTreeSet<String> = files
        .filter_map(|name| name.into_string().ok())
        .filter(|name| name.ends_with(".yaml"))
        .collect();
    let listed: BTreeSet<String> = EXAMPLES
        .iter()
        .map(|(file, _)| (*file).to_owned())
        .collect();
    assert_eq!(yaml, listed, "every example stands in the table");
}

/// A slip of the keyboard, anywhere in a file, is a complaint or another configuration; never a panic.
#[test]
fn no_slip_makes_the_reader_panic() {
    go_to_examples();
    let text = fs::read_to_string("minimal.yaml").expect("an example");
    for (place, _) in text.char_indices().step_by(23) {
        for slip in [
            "\n", ":", "\"", "*a", "&a ", "|", "\r", "\t", "{", "- ", "\\", "é", "\u{feff}",
            "!!str ",
        ] {
            let slipped = format!("{}{slip}{}", &text[..place], &text[place..]);
            if let Err(complaints) = RouterConfig::parse("router.yaml", &slipped) {
                assert!(complaints.to_string().contains("router.yaml:"), "{slipped}");
            }
        }
    }
}

fn go_to_examples() {
    env::set_current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/examples")).expect("the examples");
}

/// What an example is refused for: the names of what is to come, and the messages of all other errors.
fn refusals(file: &str) -> BTreeSet<String> {
    let text = fs::read_to_string(file).expect("an example");
    let answer = if file.ends_with(".namerd.yaml") {
        NamerdConfig::parse(file, &text).map(|_| ())
    } else {
        RouterConfig::parse(file, &text).map(|_| ())
    };
    let complaints = answer.err();
    let errors = complaints
        .iter()
        .flatten()
        .filter(|complaint| complaint.level == Level::Error);
    let name = |message: &str| {
        message
            .strip_suffix(" is not supported yet by this version")
            .unwrap_or(message)
            .to_owned()
    };
    errors.map(|error| name(&error.message)).collect()
}
