//! The gRPC interface, kind `io.l5d.mesh`: what routers hear of names, and how they hear of changes.
//!
//! - `session`: `switchyard.mesh.v1`, one two-way stream for each of our routers.
//! - `linkerd`: `io.linkerd.mesh`, the four services of the reference, byte for byte.

mod linkerd;
mod session;

use std::sync::Arc;

use axum::Router;
use mesh::linkerd::{
    codec_server::CodecServer, delegator_server::DelegatorServer,
    interpreter_server::InterpreterServer, resolver_server::ResolverServer,
};
use mesh::v1::mesh_server::MeshServer;
use tonic::service::Routes;
use transport::Drain;

use crate::fleet::Fleet;
use crate::namespaces::Namespaces;

/// What the services of one namerd share.
#[derive(Clone, Debug)]
pub struct Context {
    /// Names this namerd in the fleet.
    pub namerd: Arc<str>,
    /// What names mean.
    pub namespaces: Arc<Namespaces>,
    /// Which router runs which revision.
    pub fleet: Arc<Fleet>,
    /// Streams end when this begins.
    pub drain: Drain,
}

/// All gRPC services, to be served over HTTP/2.
///
/// A method or service that does not exist answers UNIMPLEMENTED. A client whose requests carry an empty `:authority`,
/// as Linkerd 1's do, does not get this far: the HTTP/2 library refuses such requests.
pub fn routes(context: &Context) -> Router {
    let linkerd = || linkerd::Services::new(context.clone());
    let mut routes = Routes::new(MeshServer::new(session::Service::new(context.clone())));
    routes = routes.add_service(CodecServer::new(linkerd()));
    routes = routes.add_service(InterpreterServer::new(linkerd()));
    routes = routes.add_service(ResolverServer::new(linkerd()));
    routes = routes.add_service(DelegatorServer::new(linkerd()));
    routes.prepare().into_axum_router()
}

#[cfg(test)]
mod tests;
