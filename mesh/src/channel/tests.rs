use live::Task;
use tokio::net::{TcpListener, TcpSocket};
use tokio::time::Instant;
use tonic::{Code, Request, Response, Status};

use super::*;
use crate::linkerd::codec_client::CodecClient;
use crate::linkerd::codec_server::{Codec, CodecServer};
use crate::linkerd::{
    ReadDtabReq, ReadDtabRsp, ReadPathReq, ReadPathRsp, ShowDtabReq, ShowDtabRsp, ShowPathReq,
    ShowPathRsp,
};

#[tokio::test]
async fn the_first_namerd_that_answers_is_used() {
    let (refusing, _socket) = refusing();
    let (answering, _server) = answering().await;
    let namerds = Namerds::new([&refusing, &answering], None).unwrap();
    let connected = namerds.connect().await.unwrap();
    assert_eq!(connected.target, answering);
    assert_eq!(connected.address.to_string(), answering);
    ask(&connected.channel).await.unwrap();
}

#[tokio::test]
async fn whoever_asks_again_gets_the_next_namerd_and_in_the_end_the_first_again() {
    let (first, _one) = answering().await;
    let (second, _two) = answering().await;
    let namerds = Namerds::new([&first, &second], None).unwrap();
    let mut targets = Vec::new();
    for _ in 0..3 {
        targets.push(namerds.connect().await.unwrap().target);
    }
    assert_eq!(targets, [first.clone(), second, first]);
}

#[tokio::test]
async fn a_single_namerd_is_asked_again() {
    let (only, _server) = answering().await;
    let namerds = Namerds::new([&only], None).unwrap();
    namerds.connect().await.unwrap();
    assert_eq!(namerds.connect().await.unwrap().target, only);
}

#[tokio::test]
async fn the_largest_window_that_a_file_may_ask_for_is_possible() {
    let (only, _server) = answering().await;
    let namerds = Namerds::new([&only], None).unwrap();
    let connected = namerds.with_stream_window(1 << 30).connect().await.unwrap();
    ask(&connected.channel).await.unwrap();
}

#[tokio::test]
async fn a_broken_connection_does_not_come_back_by_itself() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let namerds = Namerds::new([&address], None).unwrap();
    let connected = namerds.connect().await.unwrap();
    drop(listener.accept().await.unwrap());
    ask(&connected.channel).await.unwrap_err();
    assert_eq!(
        ask(&connected.channel).await.unwrap_err().code(),
        Code::Unavailable
    );
}

#[tokio::test]
async fn the_error_names_everyone_who_did_not_answer() {
    let (refusing, _socket) = refusing();
    let namerds = Namerds::new([&refusing], None).unwrap();
    let error = namerds.connect().await.unwrap_err().to_string();
    let wanted = format!("no namerd answers: {refusing}: Connection refused (os error 111)");
    assert_eq!(error, wanted);
}

#[tokio::test(start_paused = true)]
async fn a_namerd_that_accepts_and_stays_silent_costs_less_than_a_second() {
    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = silent.local_addr().unwrap().to_string();
    let files = transport::ClientTlsFiles {
        disable_validation: true,
        ..Default::default()
    };
    let tls = ClientTls::load(&files).unwrap();
    let namerds = Namerds::new([&address], Some(tls)).unwrap();
    let start = Instant::now();
    let error = namerds.connect().await.unwrap_err().to_string();
    assert!(error.ends_with("no answer within 900 ms"), "{error}");
    assert!(start.elapsed() < Duration::from_secs(1));
}

#[tokio::test(start_paused = true)]
async fn a_namerd_that_falls_silent_ends_its_calls() {
    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = silent.local_addr().unwrap().to_string();
    let connected = Namerds::new([&address], None).unwrap().connect().await;
    let channel = connected.unwrap().channel;
    let start = Instant::now();
    ask(&channel).await.unwrap_err();
    assert!(start.elapsed() <= PING_INTERVAL + PING_TIMEOUT + Duration::from_millis(10));
}

#[test]
fn addresses_are_host_and_port() {
    let parse = |address| Target::parse(address).map(|target| target.to_string());
    assert_eq!(parse("namerd:4321").unwrap(), "namerd:4321");
    assert_eq!(parse("[::1]:4321").unwrap(), "[::1]:4321");
    for address in [
        "",
        "namerd",
        ":1",
        "namerd:",
        "::1:4321",
        "a:b",
        "http://a:1",
        "a:65536",
    ] {
        let invalid = AddressError::Invalid(address.to_owned());
        assert_eq!(parse(address), Err(invalid));
    }
    let none: [&str; 0] = [];
    assert_eq!(Namerds::new(none, None).unwrap_err(), AddressError::Empty);
}

/// An address that refuses connections, for as long as the socket is kept: it has the port, and does not listen.
fn refusing() -> (String, TcpSocket) {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    (socket.local_addr().unwrap().to_string(), socket)
}

/// The address of a namerd, which lives as long as the task is kept.
async fn answering() -> (String, Server) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let incoming = tonic::transport::server::TcpIncoming::from(listener);
    let server = tonic::transport::Server::builder().add_service(CodecServer::new(Nothing));
    let task = live::task("a namerd", async {
        server.serve_with_incoming(incoming).await.unwrap();
    });
    (address, Server(task))
}

struct Server(Task<()>);

impl Drop for Server {
    fn drop(&mut self) {
        self.0.abort();
    }
}

async fn ask(channel: &Channel) -> Result<(), Status> {
    let mut client = CodecClient::new(channel.clone());
    client.read_path(ReadPathReq::default()).await.map(drop)
}

/// Answers everything with nothing.
struct Nothing;

#[tonic::async_trait]
impl Codec for Nothing {
    async fn read_dtab(&self, _: Request<ReadDtabReq>) -> Result<Response<ReadDtabRsp>, Status> {
        Ok(Response::new(Default::default()))
    }

    async fn show_dtab(&self, _: Request<ShowDtabReq>) -> Result<Response<ShowDtabRsp>, Status> {
        Ok(Response::new(Default::default()))
    }

    async fn read_path(&self, _: Request<ReadPathReq>) -> Result<Response<ReadPathRsp>, Status> {
        Ok(Response::new(Default::default()))
    }

    async fn show_path(&self, _: Request<ShowPathReq>) -> Result<Response<ShowPathRsp>, Status> {
        Ok(Response::new(Default::default()))
    }
}
