//! namerd turns away whoever shows no certificate that it trusts, and programs that show one work as without TLS.

use std::fs;
use std::process::Command;
use std::time::Duration;

use tests::{Namerctl, Process, World, program, until};

use crate::authority::Authority;

/// A namerd both of whose interfaces ask for certificates of our authority, and where they are.
struct Guarded {
    _process: Process,
    http: u16,
    mesh: u16,
}

impl Guarded {
    fn start(world: &World, ours: &Authority) -> Self {
        let tls = ours.guarding("namerd");
        let yaml = format!(
            "admin: {{ip: 127.0.0.1, port: 0}}
storage: {{kind: io.l5d.inMemory}}
namers: [{{kind: io.l5d.fs, rootDir: {}}}]
interfaces:
- {{kind: io.l5d.httpController, ip: 127.0.0.1, port: 0, tls: {tls}}}
- {{kind: io.l5d.mesh, ip: 127.0.0.1, port: 0, tls: {tls}}}
",
            world.dir().join("disco").display()
        );
        let config = world.dir().join("guarded.yaml");
        fs::write(&config, yaml).expect("it can be written");
        let process = Process::start("namerd", Command::new(program("namerd")).arg(config));
        let process = process.expect("namerd starts");
        let port = |what| process.serves(what).expect("it is served").port();
        Self {
            http: port("io.l5d.httpController interface"),
            mesh: port("io.l5d.mesh interface"),
            _process: process,
        }
    }

    fn namerctl(&self, world: &World) -> Namerctl {
        Namerctl {
            base_url: format!("https://localhost:{}", self.http),
            dir: world.dir().to_owned(),
        }
    }

    /// An interpreter that trusts our authority, and shows a certificate of this one, if any.
    fn interpreter(&self, ours: &Authority, shown: Option<&Authority>) -> String {
        let client_auth = shown.map(|authority| {
            let (cert, key) = (authority.text("client.pem"), authority.text("client.key"));
            format!(", clientAuth: {{certPath: {cert}, keyPath: {key}}}")
        });
        format!(
            "  bindingTimeoutMs: 1000
  interpreter:
    kind: io.l5d.mesh
    dst: /$/inet/127.0.0.1/{}
    root: /default
    tls: {{commonName: localhost, trustCerts: [{}]{}}}
",
            self.mesh,
            ours.text("ca.pem"),
            client_auth.unwrap_or_default(),
        )
    }
}

#[test]
fn namerctl_and_router_are_let_in_with_a_certificate_only() {
    let mut world = World::new();
    let ours = Authority::new(&world, "ours")
        .issue("namerd")
        .issue("client");
    let theirs = Authority::new(&world, "theirs").issue("client");
    let namerd = Guarded::start(&world, &ours);
    world.service("v1");
    fs::write(
        world.dir().join("web.dtab"),
        "/svc/web => /#/io.l5d.fs/v1\n",
    )
    .expect("written");

    let (ca, cert, key) = (
        ours.text("ca.pem"),
        ours.text("client.pem"),
        ours.text("client.key"),
    );
    let shown = [
        "--ca-cert",
        &ca,
        "--client-cert",
        &cert,
        "--client-key",
        &key,
    ];
    let create = ["dtab", "create", "default", "web.dtab"];
    let namerctl = namerd.namerctl(&world);
    let refused = |flags: &[&str]| {
        let said = namerctl.run(&[flags, &create].concat());
        assert_eq!(said.code, 2, "{flags:?}: {said:?}");
        said.err
    };
    refused(&["--ca-cert", &ca]);
    let (cert, key) = (theirs.text("client.pem"), theirs.text("client.key"));
    refused(&[
        "--ca-cert",
        &ca,
        "--client-cert",
        &cert,
        "--client-key",
        &key,
    ]);
    let err = refused(&shown[2..]);
    assert!(
        err.to_lowercase().contains("certificate"),
        "namerd is not trusted: {err}"
    );
    assert_eq!(namerctl.ok(&[&shown[..], &["dtab", "list"]].concat()), "\n");
    namerctl.ok(&[&shown[..], &create].concat());

    world.start_router_with(&namerd.interpreter(&ours, Some(&ours)));
    world.start_router_with(&namerd.interpreter(&ours, Some(&theirs)));
    world.start_router_with(&namerd.interpreter(&ours, None));
    until("the router is served", Duration::from_secs(5), || {
        world.get("web").version() == Some("v1")
    });
    for router in [1, 2] {
        let reply = world.get_through(router, "web", &[]);
        assert_eq!(reply.status, 503, "{}", reply.body);
        let log = world.routers[router].process.log();
        assert!(log.contains("namerd does not serve"), "{log}");
    }
}
