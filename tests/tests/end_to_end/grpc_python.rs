//! gRPC's own implementation, as Python has it, on either side of the router.

use tests::World;
use tests::grpc::{GrpcServer, Grpcio};

use crate::grpc_interop::{check, router};

#[test]
fn the_peers_are_content_without_a_router() {
    let Some(grpcio) = Grpcio::find() else {
        return;
    };
    let world = World::new();
    let python = grpcio.server("python").expect("it starts");
    check(&world, python.address);
    let rust = GrpcServer::start(world.runtime().handle(), "rust");
    grpcio.cases(rust.address(), &[]);
}

#[test]
fn cases_pass_through_the_router_to_a_server_in_python() {
    let Some(grpcio) = Grpcio::find() else {
        return;
    };
    let mut world = World::new();
    let server = grpcio.server("python").expect("it starts");
    let router = router(&mut world, &server.path());
    check(&world, router);
}

#[test]
fn clients_in_python_are_content() {
    let Some(grpcio) = Grpcio::find() else {
        return;
    };
    let mut world = World::new();
    let server = GrpcServer::start(world.runtime().handle(), "one");
    let router = router(&mut world, &server.path());
    grpcio.cases(router, &[]);
}

#[test]
fn clients_and_servers_in_python_are_content() {
    let Some(grpcio) = Grpcio::find() else {
        return;
    };
    let mut world = World::new();
    let server = grpcio.server("python").expect("it starts");
    let router = router(&mut world, &server.path());
    grpcio.cases(router, &["compressed"]);
}
