//! The cases, each of which is given a connection of its own.

use std::pin::Pin;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use bytes::Bytes;
use futures_util::stream;
use tests::grpc::testing::unimplemented_service_client::UnimplementedServiceClient;
use tests::grpc::testing::{
    EchoStatus, Empty, Payload, ResponseParameters, SimpleRequest, StreamingInputCallRequest,
    StreamingOutputCallRequest, StreamingOutputCallResponse,
};
use tests::grpc::{DETAILS, ECHO_INITIAL, ECHO_TRAILING, client, who};
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::metadata::{MetadataMap, MetadataValue};
use tonic::transport::Channel;
use tonic::{Code, Request, Status, Streaming};

/// A call that nobody ends goes on for so long.
pub(crate) const LONG: Duration = Duration::from_secs(60);

const LARGE: usize = 16 << 20;

const MESSAGE: &str = "test status message";

const SPECIAL: &str =
    "\t\ntest with whitespace\r\nand Unicode BMP \u{263a} and non-BMP \u{1f608}\t\n";

pub(crate) type Case = fn(Channel) -> Pin<Box<dyn Future<Output = Result<()>> + Send>>;

/// Names and cases.
macro_rules! cases {
    ($($name:ident),* $(,)?) => {
        [$((stringify!($name), (|channel| Box::pin($name(channel))) as Case)),*]
    };
}

pub(crate) const CASES: [(&str, Case); 20] = cases![
    empty_unary,
    large_unary,
    client_streaming,
    server_streaming,
    ping_pong,
    empty_stream,
    timeout_on_sleeping_server,
    cancel_after_begin,
    cancel_after_first_response,
    status_code_and_message,
    special_status_message,
    unimplemented_method,
    unimplemented_service,
    custom_metadata,
    much_metadata,
    errors_with_details,
    huge_unary,
    huge_streams,
    thousands_of_messages,
    many_at_once,
];

fn payload(size: usize) -> Option<Payload> {
    let body = Bytes::from(vec![0; size]);
    Some(Payload { body })
}

fn simple(response_size: usize, size: usize) -> SimpleRequest {
    SimpleRequest {
        response_size: response_size as i32,
        payload: payload(size),
        response_status: None,
    }
}

fn input(size: usize) -> StreamingInputCallRequest {
    StreamingInputCallRequest {
        payload: payload(size),
    }
}

/// Asks for messages of these sizes, each after a pause.
pub(crate) fn output(sizes: &[usize], pause: Duration) -> StreamingOutputCallRequest {
    let message = |size: &usize| ResponseParameters {
        size: *size as i32,
        interval_us: pause.as_micros() as i32,
    };
    StreamingOutputCallRequest {
        response_parameters: sizes.iter().map(message).collect(),
        payload: None,
        response_status: None,
    }
}

fn echo_status(code: Code, message: &str) -> Option<EchoStatus> {
    let (code, message) = (code as i32, message.to_owned());
    Some(EchoStatus { code, message })
}

fn size(message: Option<&StreamingOutputCallResponse>) -> Option<usize> {
    Some(message?.payload.as_ref()?.body.len())
}

/// A stream of requests that the caller makes one by one.
fn asking<T>() -> (mpsc::Sender<T>, ReceiverStream<T>) {
    let (sender, receiver) = mpsc::channel(1);
    (sender, ReceiverStream::new(receiver))
}

#[track_caller]
fn is(status: &Status, code: Code, message: &str) -> Result<()> {
    ensure!(
        (status.code(), status.message()) == (code, message),
        "{status:?}, not {code:?} {message:?}"
    );
    Ok(())
}

/// Reads a stream to its end.
pub(crate) async fn sizes(
    mut answers: Streaming<StreamingOutputCallResponse>,
) -> Result<Vec<usize>> {
    let mut sizes = Vec::new();
    while let Some(answer) = answers.message().await? {
        sizes.push(size(Some(&answer)).context("a payload")?);
    }
    Ok(sizes)
}

async fn empty_unary(channel: Channel) -> Result<()> {
    let answer = client(channel).empty_call(Empty {}).await?;
    ensure!(who(answer.metadata()) != "nobody");
    ensure!(*answer.get_ref() == Empty {});
    Ok(())
}

async fn large_unary(channel: Channel) -> Result<()> {
    unary_of(channel, 314_159, 271_828).await
}

async fn unary_of(channel: Channel, answer: usize, request: usize) -> Result<()> {
    let mut client = client(channel);
    let got = client.unary_call(simple(answer, request)).await?;
    ensure!(got.into_inner().payload == payload(answer));
    Ok(())
}

async fn client_streaming(channel: Channel) -> Result<()> {
    let messages = [27_182, 8, 1_828, 45_904].map(input);
    let mut client = client(channel);
    let sum = client.streaming_input_call(stream::iter(messages)).await?;
    let sum = sum.into_inner().aggregated_payload_size;
    ensure!(sum == 74_922, "{sum}");
    Ok(())
}

async fn server_streaming(channel: Channel) -> Result<()> {
    let wanted = [31_415, 9, 2_653, 58_979];
    let asked = output(&wanted, Duration::ZERO);
    let answers = client(channel).streaming_output_call(asked).await?;
    let got = sizes(answers.into_inner()).await?;
    ensure!(got == wanted, "{got:?}");
    Ok(())
}

async fn ping_pong(channel: Channel) -> Result<()> {
    let (requests, stream) = asking();
    let mut client = client(channel);
    let call = client.full_duplex_call(stream);
    let first = requests.send(output(&[31_415], Duration::ZERO));
    let (call, _) = tokio::join!(call, first);
    let mut answers = call?.into_inner();
    ensure!(size(answers.message().await?.as_ref()) == Some(31_415));
    for (asked, wanted) in [(8, 9), (1_828, 2_653), (45_904, 58_979)] {
        let mut request = output(&[wanted], Duration::ZERO);
        request.payload = payload(asked);
        requests.send(request).await?;
        let got = size(answers.message().await?.as_ref());
        ensure!(got == Some(wanted), "{got:?}, not {wanted}");
    }
    drop(requests);
    ensure!(answers.message().await?.is_none());
    Ok(())
}

async fn empty_stream(channel: Channel) -> Result<()> {
    let answers = client(channel).full_duplex_call(stream::empty()).await?;
    let got = sizes(answers.into_inner()).await?;
    ensure!(got.is_empty(), "{got:?}");
    Ok(())
}

/// The server waits for more and says nothing, not even headers: tonic's clock runs no further than these.
async fn timeout_on_sleeping_server(channel: Channel) -> Result<()> {
    let (requests, stream) = asking();
    requests.send(input(27_182)).await?;
    let mut request = Request::new(stream);
    request.set_timeout(Duration::from_millis(200));
    let status = client(channel).streaming_input_call(request).await.err();
    let status = status.context("an error")?;
    // The client's own clock may be first, which says it so.
    let is_late = matches!(status.code(), Code::DeadlineExceeded | Code::Cancelled);
    ensure!(is_late, "{status:?}");
    Ok(())
}

async fn cancel_after_begin(channel: Channel) -> Result<()> {
    let mut client = client(channel);
    let (requests, stream) = asking();
    let call = client.streaming_input_call(stream);
    let begin = async {
        requests.send(input(1)).await?;
        // The call has begun when its stream has taken another message.
        requests.send(input(1)).await?;
        tokio::time::sleep(Duration::from_millis(100)).await;
        anyhow::Ok(())
    };
    tokio::select! {
        ended = call => ended.map(drop).context("it ends by itself")?,
        begun = begin => begun?,
    }
    // The connection is as good as before.
    client.empty_call(Empty {}).await?;
    Ok(())
}

async fn cancel_after_first_response(channel: Channel) -> Result<()> {
    let mut client = client(channel);
    let (requests, stream) = asking();
    requests.send(output(&[31_415], Duration::ZERO)).await?;
    let mut answers = client.full_duplex_call(stream).await?.into_inner();
    ensure!(size(answers.message().await?.as_ref()) == Some(31_415));
    drop(answers);
    client.empty_call(Empty {}).await?;
    Ok(())
}

async fn status_code_and_message(channel: Channel) -> Result<()> {
    status_of(channel, MESSAGE).await
}

async fn special_status_message(channel: Channel) -> Result<()> {
    status_of(channel, SPECIAL).await
}

async fn status_of(channel: Channel, message: &str) -> Result<()> {
    let mut client = client(channel);
    let mut request = simple(0, 0);
    request.response_status = echo_status(Code::Unknown, message);
    let status = client.unary_call(request).await.err();
    is(&status.context("an error")?, Code::Unknown, message)?;
    // After a message, so that it stands in trailers.
    let mut request = output(&[5], Duration::ZERO);
    request.response_status = echo_status(Code::Unknown, message);
    let call = client.full_duplex_call(stream::iter([request])).await?;
    let mut answers = call.into_inner();
    ensure!(size(answers.message().await?.as_ref()) == Some(5));
    let status = answers.message().await.err();
    is(&status.context("an error")?, Code::Unknown, message)
}

async fn unimplemented_method(channel: Channel) -> Result<()> {
    let status = client(channel).unimplemented_call(Empty {}).await.err();
    let code = status.context("an error")?.code();
    ensure!(code == Code::Unimplemented, "{code:?}");
    Ok(())
}

async fn unimplemented_service(channel: Channel) -> Result<()> {
    let mut client = UnimplementedServiceClient::new(channel);
    let status = client.unimplemented_call(Empty {}).await.err();
    let code = status.context("an error")?.code();
    ensure!(code == Code::Unimplemented, "{code:?}");
    Ok(())
}

/// Asks that metadata is sent back.
fn with_metadata<T>(message: T, text: &str, binary: &[u8]) -> Result<Request<T>> {
    let mut request = Request::new(message);
    let metadata = request.metadata_mut();
    metadata.insert(ECHO_INITIAL, text.parse()?);
    metadata.insert_bin(ECHO_TRAILING, MetadataValue::from_bytes(binary));
    Ok(request)
}

async fn custom_metadata(channel: Channel) -> Result<()> {
    metadata_of(channel, "test_initial_metadata_value", &[0xab, 0xab, 0xab]).await
}

/// Nearly as much as a router takes unless it is told to take more.
async fn much_metadata(channel: Channel) -> Result<()> {
    let binary: Vec<_> = (0..=u8::MAX).cycle().take(3_000).collect();
    metadata_of(channel, &"long ".repeat(500), &binary).await
}

async fn metadata_of(channel: Channel, text: &str, binary: &[u8]) -> Result<()> {
    let mut client = client(channel);
    let has_text = |metadata: &MetadataMap| {
        let got = metadata.get(ECHO_INITIAL).context("initial metadata")?;
        ensure!(got.to_str()?.trim() == text.trim(), "{got:?}");
        Ok(())
    };
    let has_binary = |metadata: &MetadataMap| {
        let got = metadata.get_bin(ECHO_TRAILING);
        ensure!(got.context("trailing metadata")?.to_bytes()? == binary);
        Ok(())
    };
    // What trails comes into one map with the rest here.
    let request = with_metadata(simple(314_159, 271_828), text.trim(), binary)?;
    let answer = client.unary_call(request).await?;
    has_text(answer.metadata())?;
    has_binary(answer.metadata())?;
    let messages = stream::iter([output(&[314_159], Duration::ZERO)]);
    let request = with_metadata(messages, text.trim(), binary)?;
    let answer = client.full_duplex_call(request).await?;
    has_text(answer.metadata())?;
    let mut answers = answer.into_inner();
    ensure!(size(answers.message().await?.as_ref()) == Some(314_159));
    ensure!(answers.message().await?.is_none());
    has_binary(&answers.trailers().await?.context("trailers")?)
}

async fn errors_with_details(channel: Channel) -> Result<()> {
    // As a google.rpc.Status is, with bytes that no text has.
    let details = b"\x08\x0a\x12\x04what\x1a\x05\x12\x03\x00\xff\x80";
    let mut client = client(channel);
    let mut message = simple(0, 0);
    message.response_status = echo_status(Code::Aborted, SPECIAL);
    let mut request = with_metadata(message, "text", &[0, 1, 0xff])?;
    let bytes = MetadataValue::from_bytes(details);
    request.metadata_mut().insert_bin(DETAILS, bytes);
    let status = client.unary_call(request).await.err().context("an error")?;
    is(&status, Code::Aborted, SPECIAL)?;
    ensure!(status.details() == details, "{:?}", status.details());
    let trailing = status.metadata().get_bin(ECHO_TRAILING);
    let trailing = trailing.context("trailing metadata")?.to_bytes()?;
    ensure!(*trailing == [0, 1, 0xff]);
    Ok(())
}

async fn huge_unary(channel: Channel) -> Result<()> {
    unary_of(channel, LARGE, LARGE).await
}

async fn huge_streams(channel: Channel) -> Result<()> {
    let mut client = client(channel);
    let messages = stream::iter([input(LARGE), input(1), input(LARGE)]);
    let sum = client.streaming_input_call(messages).await?.into_inner();
    ensure!(sum.aggregated_payload_size == 2 * LARGE as i32 + 1);
    let wanted = [LARGE, 1, LARGE];
    let asked = output(&wanted, Duration::ZERO);
    let answers = client.streaming_output_call(asked).await?;
    let got = sizes(answers.into_inner()).await?;
    ensure!(got == wanted, "{got:?}");
    Ok(())
}

/// Small frames, of which the HTTP/2 library bears so many unread.
async fn thousands_of_messages(channel: Channel) -> Result<()> {
    let mut client = client(channel);
    let sum = client.streaming_input_call(stream::iter((0..4_000).map(|_| input(10))));
    ensure!(sum.await?.into_inner().aggregated_payload_size == 40_000);
    let asked = output(&[10; 4_000], Duration::ZERO);
    let answers = client.streaming_output_call(asked).await?;
    let got = sizes(answers.into_inner()).await?;
    ensure!(got == [10; 4_000], "{} messages", got.len());
    Ok(())
}

async fn many_at_once(channel: Channel) -> Result<()> {
    let client = client(channel);
    let calls = (1..300).map(|number| {
        let mut client = client.clone();
        async move {
            let answer = client.unary_call(simple(number, number)).await?;
            ensure!(answer.into_inner().payload == payload(number));
            Ok(())
        }
    });
    let ended = futures_util::future::join_all(calls).await;
    ended.into_iter().collect()
}
