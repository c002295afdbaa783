//! The checked-in code is what the `.proto` files say. `UPDATE_GENERATED=1` writes it instead of comparing.

use std::ffi::OsStr;
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
/// What the end-to-end tests speak through routers.
const TESTING: [&str; 1] = ["grpc/testing/test.proto"];

#[test]
fn the_checked_in_code_is_what_the_proto_files_say() {
    check("src/generated/io.linkerd.mesh.rs", &LINKERD, ours);
    // Paths and dtabs are the same messages in both packages.
    check(
        "src/generated/switchyard.mesh.v1.rs",
        &SWITCHYARD,
        |builder| ours(builder).extern_path(".io.linkerd.mesh", "crate::linkerd"),
    );
    // With tonic's own codec, as peers are that others wrote.
    check(
        "../tests/src/generated/grpc.testing.rs",
        &TESTING,
        |builder| builder,
    );
}

fn ours(builder: Builder) -> Builder {
    builder.codec_path("crate::codec::Protobuf")
}

fn check(file: &str, protos: &[&str], adapt: fn(Builder) -> Builder) {
    let path = crate_dir().join(file);
    let name = path.file_name().expect("a file has a name");
    let new = generate(name, protos, adapt);
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
fn generate(name: &OsStr, protos: &[&str], adapt: fn(Builder) -> Builder) -> String {
    let scratch = tempfile::tempdir().expect("a scratch folder");
    let files = protox::compile(protos, [crate_dir().join("proto")]).expect("the files compile");
    let builder = tonic_prost_build::configure()
        .out_dir(scratch.path())
        .bytes(".")
        .btree_map(".")
        // Channels are made in one place, with timeouts and TLS: no `connect` on the clients.
        .build_transport(false);
    adapt(builder).compile_fds(files).expect("code is written");
    fs::read_to_string(scratch.path().join(name)).expect("the package has code")
}

fn crate_dir() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}
