//! A client's connection that is kept costs little while nobody uses it.

use tests::{Backend, Router, kept_connection, with_descriptors};

/// What each may cost.
const BYTES_EACH: f64 = 8.0 * 1024.0;

#[test]
fn a_kept_connection_costs_little() {
    // Both ends of what the router has open.
    with_descriptors(std::process::id(), 4_000);
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let backend = Backend::start(runtime.handle(), "v1");
    let dir = tempfile::tempdir().expect("a folder");
    let dtab = format!("  dtab: /svc/web => {}\n", backend.path());
    let router = Router::start(dir.path(), "out", &dtab, (0, 0)).expect("the router starts");
    let each = runtime.block_on(kept_connection(&router));
    let each = each.expect("all are answered");
    println!("{each:.0} bytes for each connection");
    assert!(each <= BYTES_EACH, "{each:.0} bytes");
}
