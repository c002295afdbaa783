//! The checked-in code is what the `.proto` files say. `UPDATE_GENERATED=1` writes it instead of comparing.

use std::fs;
use std::path::PathBuf;

use tonic_prost_build::Builder;

const LINKERD: [&str; 5] = [
    "io/linkerd/mesh/dtab.proto",
    "io/linkerd/mesh/codec.proto",
    "io/linkerd/mesh/interpreter.proto",
    "io/linkerd/mesh/resolver.proto",
    "io/linkerd/mesh/delegator.proto",
];
const SWITCHYARD: [&str; 1] = ["switchyard/mesh/v1/mesh.proto"];

#[test]
fn the_checked_in_code_is_what_the_proto_files_say() {
    check("io.linkerd.mesh.rs", &LINKERD, |builder| builder);
    // Paths and dtabs are the same messages in both packages.
    check("switchyard.mesh.v1.rs", &SWITCHYARD, |builder| {
        builder.extern_path(".io.linkerd.mesh", "crate::linkerd")
    });
}

fn check(name: &str, protos: &[&str], adapt: fn(Builder) -> Builder) {
    let new = generate(name, protos, adapt);
    let path = crate_dir().join("src/generated").join(name);
    if std::env::var_os("UPDATE_GENERATED").is_some() {
        fs::write(&path, &new).expect("the generated folder is writable");
    }
    let old = fs::read_to_string(&path).unwrap_or_default();
    assert!(
        old == new,
        "{} is out of date: run `cargo xtask codegen`",
        path.display()
    );
}

/// Compiles without protoc, so that a machine with nothing but Rust can do it.
fn generate(name: &str, protos: &[&str], adapt: fn(Builder) -> Builder) -> String {
    let scratch = tempfile::tempdir().expect("a scratch folder");
    let files = protox::compile(protos, [crate_dir().join("proto")]).expect("the files compile");
    let builder = tonic_prost_build::configure()
        .out_dir(scratch.path())
        .bytes(".")
        .btree_map(".")
        .codec_path("crate::codec::Protobuf")
        // Channels are made in one place, with timeouts and TLS: no `connect` on the clients.
        .build_transport(false);
    adapt(builder).compile_fds(files).expect("code is written");
    fs::read_to_string(scratch.path().join(name)).expect("the package has code")
}

fn crate_dir() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}
