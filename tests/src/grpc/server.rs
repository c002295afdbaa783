//! A gRPC server behind the routers.

use std::net::{Ipv4Addr, SocketAddr};

use tokio::net::TcpListener;
use tokio::runtime::Handle;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tonic::transport::Server;
use tonic::transport::server::TcpIncoming;
use tower::util::MapResponseLayer;

use super::MESSAGE_MAX;
use super::seen::Seen;
use super::service::{Service, with_trailing};
use super::testing::test_service_server::TestServiceServer;

/// A server of `grpc.testing.TestService` on tonic.
#[derive(Debug)]
pub struct GrpcServer {
    service: Service,
    address: SocketAddr,
    runtime: Handle,
    serving: Option<Serving>,
}

#[derive(Debug)]
struct Serving {
    stop: oneshot::Sender<()>,
    ended: JoinHandle<()>,
}

impl GrpcServer {
    /// Starts it on any port.
    ///
    /// # Panics
    /// If there is no port.
    pub fn start(runtime: &Handle, name: &str) -> Self {
        let mut server = Self {
            service: Service {
                name: name.into(),
                seen: Seen::default(),
            },
            address: (Ipv4Addr::LOCALHOST, 0).into(),
            runtime: runtime.clone(),
            serving: None,
        };
        server.resume();
        server
    }

    /// Where it listens, also while it doesn't.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Its name for a dtab.
    pub fn path(&self) -> String {
        format!("/$/inet/127.0.0.1/{}", self.address.port())
    }

    /// What it knows of its calls.
    pub fn seen(&self) -> &Seen {
        &self.service.seen
    }

    /// Ends gracefully: refuses new connections, and says goodbye on each one that there is, which ends with its last
    /// call. Waits for that.
    pub fn stop(&mut self) {
        if let Some(serving) = self.serving.take() {
            let _ = serving.stop.send(());
            // Ends with an error only if serving panicked, which shows in the tests' output.
            let _ = self.runtime.block_on(serving.ended);
        }
    }

    /// Serves again where it did.
    ///
    /// # Panics
    /// If somebody else has its port now.
    pub fn resume(&mut self) {
        let listener = self.runtime.block_on(TcpListener::bind(self.address));
        let listener = listener.expect("its port is free");
        self.address = listener.local_addr().expect("it is bound");
        let incoming = TcpIncoming::from(listener).with_nodelay(Some(true));
        let service = TestServiceServer::new(self.service.clone())
            .max_decoding_message_size(MESSAGE_MAX)
            .max_encoding_message_size(MESSAGE_MAX);
        let (stop, stopped) = oneshot::channel();
        let serving = Server::builder()
            .layer(MapResponseLayer::new(with_trailing))
            .add_service(service)
            .serve_with_incoming_shutdown(incoming, async {
                // Also ends when nobody is left who could stop it.
                let _ = stopped.await;
            });
        let ended = self.runtime.spawn(async {
            serving.await.expect("a listener goes on");
        });
        self.serving = Some(Serving { stop, ended });
    }
}
