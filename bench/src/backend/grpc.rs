//! The replies of gRPC.

use bytes::Bytes;
use h2::server::{self, SendResponse};
use h2::{RecvStream, SendStream};
use http::header::CONTENT_TYPE;
use http::{HeaderMap, HeaderName, HeaderValue, Request, Response, StatusCode};
use tokio::net::TcpStream;
use tokio::task::JoinSet;

use crate::hello::{CONNECTION_WINDOW_BYTES, PATH, STREAMS};

/// Answers calls until the connection ends.
pub(super) async fn answer(stream: TcpStream, reply: Bytes) -> Result<(), h2::Error> {
    let mut connection = server::Builder::new()
        .max_concurrent_streams(STREAMS)
        .initial_connection_window_size(CONNECTION_WINDOW_BYTES)
        .handshake(stream)
        .await?;
    let mut calls = JoinSet::new();
    loop {
        tokio::select! {
            accepted = connection.accept() => {
                let Some(accepted) = accepted else {
                    return Ok(());
                };
                let (request, respond) = accepted?;
                calls.spawn(answer_one(request, respond, reply.clone()));
            }
            Some(_) = calls.join_next() => {}
        }
    }
}

/// Reads a call to its end, and replies.
async fn answer_one(
    request: Request<RecvStream>,
    mut respond: SendResponse<Bytes>,
    reply: Bytes,
) -> Result<(), h2::Error> {
    let is_known = request.uri().path() == PATH;
    let mut body = request.into_body();
    while let Some(chunk) = body.data().await {
        body.flow_control().release_capacity(chunk?.len())?;
    }
    if !is_known {
        let mut unknown = Response::new(());
        *unknown.status_mut() = StatusCode::NOT_FOUND;
        respond.send_response(unknown, true)?;
        return Ok(());
    }
    let mut response = Response::new(());
    let grpc = HeaderValue::from_static("application/grpc");
    response.headers_mut().insert(CONTENT_TYPE, grpc);
    let mut sending: SendStream<Bytes> = respond.send_response(response, false)?;
    sending.send_data(reply, false)?;
    let status = HeaderName::from_static("grpc-status");
    sending.send_trailers(HeaderMap::from_iter([(
        status,
        HeaderValue::from_static("0"),
    )]))
}
