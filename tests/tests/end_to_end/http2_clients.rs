//! Clients of HTTP/2 that others wrote, those that are installed: what they think of the router's answers.

use tests::{Lineage, World};

use crate::grpc_interop::router;
use crate::real_clients::{Case, check};

/// What curl, nghttp and h2load do.
const CASES: [Case; 7] = [
    Case {
        command: &[
            "curl",
            "-sSf",
            "--http2-prior-knowledge",
            "--connect-to",
            "::PROXY",
            "-w",
            "%{http_version} %{http_code}",
            "http://web/",
        ],
        says: "v12 200",
        never: "rror",
    },
    // A body.
    Case {
        command: &[
            "curl",
            "-sSf",
            "--http2-prior-knowledge",
            "--connect-to",
            "::PROXY",
            "-d",
            "body",
            "-w",
            "%{http_version} %{http_code}",
            "http://web/",
        ],
        says: "v12 200",
        never: "rror",
    },
    Case {
        command: &["nghttp", "-v", "-H:authority: web", "http://PROXY/"],
        says: ":status: 200",
        never: "RST_STREAM",
    },
    // A hundred streams at once.
    Case {
        command: &[
            "nghttp",
            "-sn",
            "-m100",
            "-H:authority: web",
            "http://PROXY/",
        ],
        says: "200",
        never: "rror",
    },
    // Many streams on few connections.
    Case {
        command: &[
            "h2load",
            "-n2000",
            "-c5",
            "-m100",
            "-H:authority: web",
            "http://PROXY/",
        ],
        says: "2000 succeeded, 0 failed, 0 errored, 0 timeout",
        never: "Process Request Failure",
    },
    // Bodies that do not fit into the windows.
    Case {
        command: &[
            "h2load",
            "-n100",
            "-c3",
            "-m20",
            "-d../Cargo.lock",
            "-H:authority: web",
            "http://PROXY/",
        ],
        says: "100 succeeded, 0 failed, 0 errored, 0 timeout",
        never: "Process Request Failure",
    },
    // Few streams on many connections, with the smallest windows there are.
    Case {
        command: &[
            "h2load",
            "-n2000",
            "-c100",
            "-m5",
            "-w16",
            "-W16",
            "-H:authority: web",
            "http://PROXY/",
        ],
        says: "2000 succeeded, 0 failed, 0 errored, 0 timeout",
        never: "Process Request Failure",
    },
];

/// A connection that begins with HTTP/1.1 and goes on with HTTP/2.
const UPGRADES: [Case; 2] = [
    Case {
        command: &[
            "curl",
            "-sSf",
            "--http2",
            "--connect-to",
            "::PROXY",
            "-w",
            "%{http_version} %{http_code}",
            "http://web/",
        ],
        says: "v12 200",
        never: "rror",
    },
    Case {
        command: &["nghttp", "-uv", "-Hhost: web", "http://PROXY/"],
        says: ":status: 200",
        never: "RST_STREAM",
    },
];

/// Clients that know nothing of HTTP/2.
const HTTP_1: [Case; 2] = [
    Case {
        command: &[
            "curl",
            "-sSf",
            "--http1.1",
            "--connect-to",
            "::PROXY",
            "-d",
            "body",
            "-w",
            "%{http_version} %{http_code}",
            "http://web/",
        ],
        says: "v11.1 200",
        never: "rror",
    },
    Case {
        command: &[
            "h2load",
            "--h1",
            "-n2000",
            "-c20",
            "-H:authority: web",
            "http://PROXY/",
        ],
        says: "2000 succeeded, 0 failed, 0 errored, 0 timeout",
        never: "Process Request Failure",
    },
];

#[test]
fn clients_that_begin_with_http_1_go_on_with_http_2() {
    let mut world = World::new();
    let backend = world.backend("v1");
    let router = router(&mut world, &backend.path());
    check(router, &UPGRADES);
}

#[test]
fn clients_of_others_are_content_with_http_2() {
    let mut world = World::new();
    let backend = world.backend("v1");
    let router = router(&mut world, &backend.path());
    check(router, &CASES);
}

#[test]
fn one_port_serves_both_versions() {
    let world = World::new();
    let backend = world.backend("v1");
    let dtab = format!("/svc/web => {}", backend.path());
    // Each stream wants a connection of HTTP/1.1, and hundreds at once are more than a listening socket has room for.
    for client in ["{hostConnectionPool: {maxSize: 50}}", "{h2: true}"] {
        let yaml = format!(
            "stateDir: none\nadmin: {{port: 0}}\nrouters:\n- protocol: http\n  label: proxy\n  \
             servers: [{{port: 0, h2c: true}}]\n  client: {client}\n  dtab: {dtab}\n"
        );
        let router = Lineage::start(world.dir(), &yaml);
        check(router.address(), &HTTP_1);
        check(router.address(), &CASES);
    }
}

#[test]
fn clients_of_others_are_content_without_a_router() {
    let world = World::new();
    let backend = world.backend("v1");
    check(backend.address(), &CASES);
}
