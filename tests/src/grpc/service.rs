//! What a server does with a call.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use http::{HeaderMap, HeaderName, HeaderValue};
use http_body_util::BodyExt as _;
use hyper::body::Frame;
use tokio::time::sleep;
use tonic::body::Body;
use tonic::metadata::{BinaryMetadataValue, MetadataMap, MetadataValue};
use tonic::{Code, Request, Response, Status, Streaming};

use super::seen::{Answering, Seen};
use super::testing::test_service_server::TestService;
use super::testing::{
    EchoStatus, Empty, Payload, SimpleRequest, SimpleResponse, StreamingInputCallRequest,
    StreamingInputCallResponse, StreamingOutputCallRequest, StreamingOutputCallResponse,
};
use super::{DETAILS, ECHO_INITIAL, ECHO_TRAILING, SERVER};

/// The service of one server.
#[derive(Clone, Debug)]
pub(super) struct Service {
    pub(super) name: Arc<str>,
    pub(super) seen: Seen,
}

/// Trailing metadata of an answer that is no error. Tonic has no place for it but this.
#[derive(Clone)]
struct Trailing(HeaderValue);

/// Moves trailing metadata to where it belongs.
pub(super) fn with_trailing(response: http::Response<Body>) -> http::Response<Body> {
    let Some(Trailing(value)) = response.extensions().get::<Trailing>().cloned() else {
        return response;
    };
    response.map(|body| {
        Body::new(body.map_frame(move |frame| match frame.into_trailers() {
            Ok(mut trailers) => {
                trailers.insert(HeaderName::from_static(ECHO_TRAILING), value.clone());
                Frame::trailers(trailers)
            }
            Err(frame) => frame,
        }))
    })
}

impl Service {
    /// An answer to a call with this metadata.
    fn answer<T>(&self, asked: &MetadataMap, message: T) -> Response<T> {
        let mut response = Response::new(message);
        let name = self.name.parse().expect("a name is plain");
        response.metadata_mut().insert(SERVER, name);
        if let Some(value) = asked.get(ECHO_INITIAL) {
            response.metadata_mut().insert(ECHO_INITIAL, value.clone());
        }
        let asked: &HeaderMap = asked.as_ref();
        if let Some(value) = asked.get(ECHO_TRAILING) {
            response.extensions_mut().insert(Trailing(value.clone()));
        }
        response
    }

    /// The error that a call with this metadata asks for; none if it asks for success.
    fn error(&self, asked: &MetadataMap, status: Option<EchoStatus>) -> Option<Status> {
        let status = status.filter(|status| status.code != 0)?;
        let value = |name| asked.get_bin(name);
        let bytes = |value: &BinaryMetadataValue| value.to_bytes().unwrap_or_default();
        let mut trailing = MetadataMap::new();
        let name = self.name.parse().expect("a name is plain");
        trailing.insert(SERVER, name);
        if let Some(value) = value(ECHO_TRAILING) {
            trailing.insert_bin(ECHO_TRAILING, MetadataValue::from_bytes(&bytes(value)));
        }
        let details = value(DETAILS).map(bytes).unwrap_or_default();
        let code = Code::from_i32(status.code);
        Some(Status::with_details_and_metadata(
            code,
            status.message,
            details,
            trailing,
        ))
    }
}

fn payload(size: i32) -> Option<Payload> {
    let size = usize::try_from(size).unwrap_or_default();
    let body = Bytes::from(vec![0; size]);
    Some(Payload { body })
}

fn size(payload: Option<Payload>) -> usize {
    payload.unwrap_or_default().body.len()
}

/// The messages that a request asks for, and then perhaps an error.
fn outputs(
    request: StreamingOutputCallRequest,
    error: Option<Status>,
) -> impl stream::Stream<Item = Result<StreamingOutputCallResponse, Status>> {
    let messages = stream::iter(request.response_parameters).then(async |message| {
        let pause = u64::try_from(message.interval_us).unwrap_or_default();
        if pause > 0 {
            sleep(Duration::from_micros(pause)).await;
        }
        let payload = payload(message.size);
        Ok(StreamingOutputCallResponse { payload })
    });
    messages.chain(stream::iter(error.map(Err)))
}

#[tonic::async_trait]
impl TestService for Service {
    type StreamingOutputCallStream = Answering<StreamingOutputCallResponse>;
    type FullDuplexCallStream = Answering<StreamingOutputCallResponse>;

    async fn empty_call(&self, request: Request<Empty>) -> Result<Response<Empty>, Status> {
        self.seen.begin().done();
        Ok(self.answer(request.metadata(), Empty {}))
    }

    async fn unary_call(
        &self,
        request: Request<SimpleRequest>,
    ) -> Result<Response<SimpleResponse>, Status> {
        self.seen.begin().done();
        let (metadata, _, request) = request.into_parts();
        if let Some(error) = self.error(&metadata, request.response_status) {
            return Err(error);
        }
        let payload = payload(request.response_size);
        Ok(self.answer(&metadata, SimpleResponse { payload }))
    }

    async fn streaming_output_call(
        &self,
        request: Request<StreamingOutputCallRequest>,
    ) -> Result<Response<Self::StreamingOutputCallStream>, Status> {
        let call = Some(self.seen.begin());
        let (metadata, _, mut request) = request.into_parts();
        let error = self.error(&metadata, request.response_status.take());
        let messages = outputs(request, error).boxed();
        Ok(self.answer(&metadata, Answering { call, messages }))
    }

    async fn streaming_input_call(
        &self,
        request: Request<Streaming<StreamingInputCallRequest>>,
    ) -> Result<Response<StreamingInputCallResponse>, Status> {
        let call = self.seen.begin();
        let (metadata, _, mut messages) = request.into_parts();
        let mut sum = 0;
        while let Some(message) = messages.message().await? {
            sum += size(message.payload);
        }
        call.done();
        let aggregated_payload_size = i32::try_from(sum).unwrap_or(i32::MAX);
        let answer = StreamingInputCallResponse {
            aggregated_payload_size,
        };
        Ok(self.answer(&metadata, answer))
    }

    async fn full_duplex_call(
        &self,
        request: Request<Streaming<StreamingOutputCallRequest>>,
    ) -> Result<Response<Self::FullDuplexCallStream>, Status> {
        let call = Some(self.seen.begin());
        let (metadata, _, messages) = request.into_parts();
        let (service, asked) = (self.clone(), metadata.clone());
        let messages = messages.map_ok(move |mut request| {
            let error = service.error(&asked, request.response_status.take());
            outputs(request, error)
        });
        let messages = messages.try_flatten().boxed();
        Ok(self.answer(&metadata, Answering { call, messages }))
    }

    async fn unimplemented_call(
        &self,
        _request: Request<Empty>,
    ) -> Result<Response<Empty>, Status> {
        Err(Status::unimplemented("as its name says"))
    }
}
