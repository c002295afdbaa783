//! One gRPC call, and checking that its reply is one that was expected.

use std::fmt;

use bytes::Bytes;
use h2::RecvStream;
use h2::client::SendRequest;
use http::header::{CONTENT_TYPE, TE, USER_AGENT};
use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode, Version};

use crate::hello::{self, PATH, SERVERS};

/// Why a call has not had the reply that was expected.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Wrong {
    /// The connection failed, or the call was ended early.
    Http2(String),
    /// Another HTTP status than 200.
    Status(StatusCode),
    /// Another gRPC status than 0, or none.
    GrpcStatus(String),
    /// Another message than one of the servers', or none.
    Message,
}

impl fmt::Display for Wrong {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Http2(reason) => f.write_str(reason),
            Self::Status(status) => write!(f, "answered {status}"),
            Self::GrpcStatus(status) => write!(f, "ended with {status}"),
            Self::Message => f.write_str("another message than a server's"),
        }
    }
}

impl From<h2::Error> for Wrong {
    fn from(error: h2::Error) -> Self {
        Self::Http2(error.to_string())
    }
}

/// What is sent for each call, and what may come back.
pub(super) struct Call {
    head: Request<()>,
    message: Bytes,
    replies: [Bytes; SERVERS.len()],
}

impl Call {
    /// A call of a host.
    pub(super) fn new(host: &str) -> Result<Self, http::Error> {
        let mut head = Request::new(());
        *head.method_mut() = Method::POST;
        *head.version_mut() = Version::HTTP_2;
        *head.uri_mut() = http::Uri::builder()
            .scheme("http")
            .authority(host)
            .path_and_query(PATH)
            .build()?;
        let value = HeaderValue::from_static;
        head.headers_mut().extend([
            (TE, value("trailers")),
            (CONTENT_TYPE, value("application/grpc")),
            (USER_AGENT, value("bench")),
        ]);
        Ok(Self {
            head,
            message: hello::request(),
            replies: SERVERS.map(hello::reply),
        })
    }

    /// Calls once; the value is the number of the server that has replied. The handle must not wait for the start of an earlier
    /// call.
    pub(super) async fn make(&self, client: &mut SendRequest<Bytes>) -> Result<usize, Wrong> {
        let (response, mut sending) = client.send_request(self.head.clone(), false)?;
        sending.send_data(self.message.clone(), true)?;
        self.check(response.await?).await
    }

    async fn check(&self, response: Response<RecvStream>) -> Result<usize, Wrong> {
        let (head, mut body) = response.into_parts();
        if head.status != StatusCode::OK {
            return Err(Wrong::Status(head.status));
        }
        if head.headers.contains_key(GRPC_STATUS) {
            return Err(Wrong::GrpcStatus(grpc_status(&head.headers)));
        }
        let mut message = Bytes::new();
        while let Some(chunk) = body.data().await {
            let chunk = chunk?;
            body.flow_control().release_capacity(chunk.len())?;
            message = match message.is_empty() {
                true => chunk,
                false => [message, chunk].concat().into(),
            };
        }
        let trailers = body.trailers().await?.unwrap_or_default();
        if trailers.get(GRPC_STATUS).is_none_or(|status| status != "0") {
            return Err(Wrong::GrpcStatus(grpc_status(&trailers)));
        }
        self.server(&message).ok_or(Wrong::Message)
    }

    /// Whose reply a message is.
    fn server(&self, message: &[u8]) -> Option<usize> {
        self.replies.iter().position(|reply| reply == message)
    }
}

const GRPC_STATUS: &str = "grpc-status";

/// The status in trailers, or in a head without a body, with what is said of it.
fn grpc_status(headers: &HeaderMap) -> String {
    let text = |name| {
        let value = headers.get(name).map(HeaderValue::as_bytes);
        String::from_utf8_lossy(value.unwrap_or(b"(none)"))
    };
    let (status, message) = (text(GRPC_STATUS), text("grpc-message"));
    format!("{GRPC_STATUS} {status}, grpc-message {message}")
}

#[cfg(test)]
mod tests {
    use h2::server::SendResponse;
    use tokio::io::duplex;
    use tokio::task::JoinSet;

    use super::*;

    /// What becomes of a call that is answered in this way.
    async fn made(answer: fn(&mut SendResponse<Bytes>)) -> Result<usize, Wrong> {
        let (here, there) = duplex(1 << 12);
        let mut server = JoinSet::new();
        server.spawn(async move {
            let mut connection = h2::server::handshake(there).await.expect("a client");
            while let Some(Ok((_request, mut respond))) = connection.accept().await {
                answer(&mut respond);
            }
        });
        let (mut client, connection) = h2::client::handshake(here).await.expect("a server");
        server.spawn(async { connection.await.expect("an end without errors") });
        Call::new("web").expect("a host").make(&mut client).await
    }

    fn reply(respond: &mut SendResponse<Bytes>, message: Bytes, grpc_status: &'static str) {
        let sending = respond.send_response(Response::new(()), false);
        let mut sending = sending.expect("a call that waits");
        let sent = sending.send_data(message, false);
        let mut trailers = HeaderMap::new();
        trailers.insert(GRPC_STATUS, HeaderValue::from_static(grpc_status));
        let sent = sent.and_then(|()| sending.send_trailers(trailers));
        sent.expect("a call that waits");
    }

    #[tokio::test]
    async fn a_reply_tells_whose_it_is() {
        let one = made(|respond| reply(respond, hello::reply(SERVERS[0]), "0")).await;
        assert_eq!(one, Ok(0));
        let two = made(|respond| reply(respond, hello::reply(SERVERS[1]), "0")).await;
        assert_eq!(two, Ok(1));
    }

    #[tokio::test]
    async fn only_the_expected_reply_is_taken() {
        let other = made(|respond| reply(respond, hello::reply("three"), "0")).await;
        assert_eq!(other, Err(Wrong::Message));
        let twice = made(|respond| {
            let reply_twice = [hello::reply(SERVERS[0]), hello::reply(SERVERS[0])].concat();
            reply(respond, reply_twice.into(), "0");
        });
        assert_eq!(twice.await, Err(Wrong::Message));
        let failed = made(|respond| reply(respond, hello::reply(SERVERS[0]), "14")).await;
        let status = "grpc-status 14, grpc-message (none)";
        assert_eq!(failed, Err(Wrong::GrpcStatus(status.to_owned())));
    }

    #[tokio::test]
    async fn a_call_that_is_refused_tells_why() {
        let status = made(|respond| {
            let mut response = Response::new(());
            *response.status_mut() = StatusCode::BAD_GATEWAY;
            respond.send_response(response, true).expect("a call");
        });
        assert_eq!(status.await, Err(Wrong::Status(StatusCode::BAD_GATEWAY)));
        let at_once = made(|respond| {
            let mut response = Response::new(());
            let headers = response.headers_mut();
            headers.insert(GRPC_STATUS, HeaderValue::from_static("14"));
            headers.insert("grpc-message", HeaderValue::from_static("no endpoint"));
            respond.send_response(response, true).expect("a call");
        });
        let why = "grpc-status 14, grpc-message no endpoint";
        assert_eq!(at_once.await, Err(Wrong::GrpcStatus(why.to_owned())));
        let reset = made(|respond| respond.send_reset(h2::Reason::REFUSED_STREAM));
        assert!(matches!(reset.await, Err(Wrong::Http2(_))));
    }
}
