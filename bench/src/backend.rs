//! The backend: answers made before they are asked for.

mod grpc;
mod http1;

use std::future::Future;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

pub(crate) use self::http1::content_length;
use crate::hello::{self, SERVERS};
use crate::protocol::Protocol;

/// Two servers, which the proxies have a choice of.
#[derive(Debug)]
pub struct Backend {
    listeners: Vec<TcpListener>,
}

impl Backend {
    /// Listens on two free ports of the loopback interface.
    ///
    /// # Errors
    /// If there is none.
    pub async fn bind() -> io::Result<Self> {
        let mut listeners = Vec::new();
        for _ in SERVERS {
            listeners.push(TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?);
        }
        Ok(Self { listeners })
    }

    /// Where it listens.
    ///
    /// # Errors
    /// If the system does not tell.
    pub fn addresses(&self) -> io::Result<Vec<SocketAddr>> {
        self.listeners.iter().map(TcpListener::local_addr).collect()
    }

    /// Serves until it is dropped: `/1k`, `/10m` and `POST`, or the call of `hello`.
    pub async fn serve(self, protocol: Protocol) {
        let answers = Arc::new(http1::Answers::new());
        let mut serving = JoinSet::new();
        for (listener, server) in self.listeners.into_iter().zip(SERVERS) {
            let answers = Arc::clone(&answers);
            let reply = hello::reply(server);
            match protocol {
                Protocol::Http1 => serving.spawn(accept(listener, move |stream| {
                    http1::answer(stream, Arc::clone(&answers))
                })),
                Protocol::Grpc => serving.spawn(accept(listener, move |stream| {
                    grpc::answer(stream, reply.clone())
                })),
            };
        }
        serving.join_all().await;
    }
}

async fn accept<A>(listener: TcpListener, answer: impl Fn(TcpStream) -> A)
where
    A: Future<Output: Send> + Send + 'static,
{
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => {
                if let Ok((stream, _)) = accepted && stream.set_nodelay(true).is_ok() {
                    connections.spawn(answer(stream));
                }
            }
            Some(_) = connections.join_next() => {}
        }
    }
}
