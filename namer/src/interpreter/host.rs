//! Servers that tests can kill.

use std::net::SocketAddr;

use tokio::net::TcpListener;
use tokio::runtime::Runtime;

/// A server on a runtime of its own. When it is dropped all of it is gone at once, connections included.
pub(super) struct Host {
    pub(super) address: SocketAddr,
    runtime: Option<Runtime>,
}

impl Host {
    /// Serves on a free port.
    pub(super) fn start<F>(serve: impl FnOnce(TcpListener) -> F) -> Self
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .unwrap();
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        let address = listener.local_addr().unwrap();
        {
            let _within = runtime.enter();
            live::task("a server", serve(TcpListener::from_std(listener).unwrap()));
        }
        Self {
            address,
            runtime: Some(runtime),
        }
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}
