//! The checked-in code is what the `.proto` files say, and so are the descriptors that `tools/protoc` answers with.
//! `UPDATE_GENERATED=1` writes them instead of comparing.

use std::ffi::OsStr;
use std::fs;
use std::path::PathBuf;
use std::process::Command;

use protox::Compiler;
use serde_json::Value;
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
/// What etcd-client's build script compiles.
const ETCD: [&str; 5] = [
    "etcd/api/authpb/auth.proto",
    "etcd/api/etcdserverpb/rpc.proto",
    "etcd/api/mvccpb/kv.proto",
    "etcd/server/etcdserver/api/v3election/v3electionpb/v3election.proto",
    "etcd/server/etcdserver/api/v3lock/v3lockpb/v3lock.proto",
];

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

#[test]
fn the_checked_in_descriptors_are_those_of_etcd_client() {
    let (version, dir) = etcd_client();
    let mut compiler = Compiler::new([dir.join("proto")]).expect("the folder is there");
    compiler.include_imports(true).include_source_info(false);
    compiler.open_files(ETCD).expect("the files compile");
    let file = format!("../tools/descriptors/etcd-client-{version}.binpb");
    check_file(&file, &compiler.encode_file_descriptor_set());
}

/// The version in use, and where its sources are.
fn etcd_client() -> (String, PathBuf) {
    let cargo = |words: &[&str]| {
        let output = Command::new(env!("CARGO")).args(words).output();
        let output = output.expect("cargo starts");
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "cargo {}: {said}", words.join(" "));
        String::from_utf8(output.stdout).expect("cargo speaks UTF-8")
    };
    let version = cargo(&["-vV"]);
    let host = version.lines().find_map(|line| line.strip_prefix("host: "));
    let platform = ["--filter-platform", host.expect("cargo names its platform")];
    let metadata = cargo(
        &[
            &["metadata", "--format-version=1", "--locked"],
            &platform[..],
        ]
        .concat(),
    );
    let metadata: Value = serde_json::from_str(&metadata).expect("cargo writes JSON");
    let packages = metadata["packages"].as_array().into_iter().flatten();
    let client = packages
        .into_iter()
        .find(|package| package["name"] == "etcd-client");
    let word = |what: &str| client.and_then(|client| client[what].as_str());
    let manifest = PathBuf::from(word("manifest_path").expect("namerd uses etcd-client"));
    let dir = manifest.parent().expect("a file in a folder").to_owned();
    (
        word("version").expect("a crate has a version").to_owned(),
        dir,
    )
}

fn ours(builder: Builder) -> Builder {
    builder.codec_path("crate::codec::Protobuf")
}

fn check(file: &str, protos: &[&str], adapt: fn(Builder) -> Builder) {
    let name = PathBuf::from(file);
    let name = name.file_name().expect("a file has a name");
    check_file(file, generate(name, protos, adapt).as_bytes());
}

fn check_file(file: &str, new: &[u8]) {
    let path = crate_dir().join(file);
    if std::env::var_os("UPDATE_GENERATED").is_some() {
        fs::write(&path, new).expect("the generated folder is writable");
    }
    let old = fs::read(&path).unwrap_or_default();
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
