//! What worked with Linkerd 1 works with our router unchanged: its configurations, and its namerd.

mod namerd;

use std::time::Duration;

use tests::{World, until};

use self::namerd::LinkerdNamerd;

/// A change must be followed so soon.
const SOON: Duration = Duration::from_secs(5);

/// Requests for `web` through the only router are answered by this version, soon, and until then by another one.
#[track_caller]
fn follows(world: &World, version: &str) {
    until(&format!("{version} answers"), SOON, || {
        let reply = world.get("web");
        assert_eq!(reply.status, 200, "{}", reply.body);
        reply.version() == Some(version)
    });
}

/// A configuration as a user of Linkerd 1 has it, with the port of our namerd's mesh interface or of its HTTP API.
fn check(configuration: impl FnOnce(u16, u16) -> String) {
    let mut world = World::new();
    world.start_namerd();
    world.service("v1");
    world.service("v2");
    world.dtab("internal", "/srv => /#/io.l5d.fs ; /host/web => /srv/v1 ;");
    let namerd = &world.namerds[0];
    let yaml = configuration(namerd.mesh().port(), namerd.http().port());
    world.start_router_with(&yaml);
    follows(&world, "v1");
    world.dtab("internal", "/srv => /#/io.l5d.fs ; /host/web => /srv/v2 ;");
    follows(&world, "v2");
    let local = [("l5d-dtab", "/host/web => /srv/v1")];
    let reply = world.get_through(0, "web", &local);
    assert_eq!(reply.version(), Some("v1"), "{}", reply.body);
    let third = world.backend("v3");
    world.disco("v2", &[&third]);
    follows(&world, "v3");
}

#[test]
fn a_router_of_the_mesh_interface_needs_no_other_configuration() {
    check(|mesh, _| {
        format!(
            "  identifier:
    kind: io.l5d.header.token
    header: Host
  dstPrefix: /http
  dtab: |
    /http => /host ;
  interpreter:
    kind: io.l5d.mesh
    experimental: true
    dst: /$/inet/127.0.0.1/{mesh}
    root: /internal
    retry:
      baseSeconds: 1
      maxSeconds: 600
    failureThreshold:
      minPeriodMs: 5000
      closeTimeoutMs: 6000
    initialStreamWindowSizeKB: 1024
"
        )
    });
}

#[test]
fn a_router_of_the_http_interface_needs_no_other_configuration() {
    check(|_, http| {
        format!(
            "  dtab: |
    /svc => /host ;
  interpreter:
    kind: io.l5d.namerd.http
    experimental: true
    dst: /$/inet/127.0.0.1/{http}
    namespace: internal
    retry:
      baseSeconds: 1
      maxSeconds: 600
"
        )
    });
}

#[test]
fn a_namerd_that_knows_only_the_reference_s_services_is_followed() {
    let mut world = World::new();
    let (one, two) = (world.backend("v1"), world.backend("v2"));
    let namerd = LinkerdNamerd::start(world.runtime().handle());
    namerd.binds("/svc/web", "/#/one");
    namerd.finds("/#/one", &one);
    let port = namerd.address().port();
    world.start_router_with(&format!(
        "  interpreter: {{kind: io.l5d.mesh, dst: /$/inet/127.0.0.1/{port}, root: /default}}\n"
    ));
    follows(&world, "v1");
    namerd.finds("/#/two", &two);
    namerd.binds("/svc/web", "/#/two");
    follows(&world, "v2");
    namerd.finds("/#/two", &one);
    follows(&world, "v1");
    let unknown = world.get("unknown");
    assert_eq!(unknown.status, 502, "{}", unknown.body);
}
