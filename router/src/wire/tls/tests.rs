use std::future::poll_fn;
use std::time::Duration;

use http1::Length;
use rcgen::{CertificateParams, KeyPair};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::UnixStream;
use tokio::time::timeout;
use transport::{ClientTlsFiles, ServerTlsFiles};

use super::*;
use crate::wire::{Encoding, Input, Relay, Socket, Text, Tunnel};

/// More than the system takes at once, and less than the library may hold.
const LENGTH: usize = 20_000;

/// A socket with TLS and little room in the system, and the client's end of it.
async fn pair() -> (Socket, TlsStream<UnixStream>) {
    let folder = tempfile::tempdir().expect("a folder");
    let (cert, key) = (folder.path().join("web.pem"), folder.path().join("web.key"));
    let pair = KeyPair::generate().expect("a key");
    let params = CertificateParams::new(["web.example".to_owned()]).expect("a name");
    let certificate = params.self_signed(&pair).expect("a certificate");
    std::fs::write(&cert, certificate.pem()).expect("written");
    std::fs::write(&key, pair.serialize_pem()).expect("written");
    let client = ClientTlsFiles {
        trust: vec![cert.clone()],
        ..ClientTlsFiles::default()
    };
    let client = ClientTls::load(&client).expect("good files");
    let server = ServerTlsFiles {
        cert,
        key,
        ..ServerTlsFiles::default()
    };
    let server = ServerTls::load(&server).expect("good files");
    let (near, far) = UnixStream::pair().expect("a pair");
    let small = socket2::SockRef::from(&near).set_send_buffer_size(1);
    small.expect("it is open");
    let near = Socket::from(Stream::Unix(Box::new(near)));
    let (near, far) = tokio::join!(near.accept(&server), client.connect(far, "web.example"));
    (near.expect("accepted"), far.expect("connected").into())
}

/// Whether all arrives while whoever sent it waits for something else.
async fn arrives(sending: impl Future<Output = ()>, far: &mut TlsStream<UnixStream>) -> bool {
    let receiving = async {
        let mut received = vec![0; LENGTH];
        far.read_exact(&mut received).await.expect("it is open");
        received == vec![b'x'; LENGTH]
    };
    let waiting = async {
        sending.await;
        std::future::pending::<()>().await;
    };
    tokio::select! {
        arrived = timeout(Duration::from_secs(10), receiving) => arrived == Ok(true),
        () = waiting => false,
    }
}

#[tokio::test]
async fn a_message_that_is_done_has_left() {
    let (mut near, mut far) = pair().await;
    let mut text = Text::take();
    text.resize(LENGTH, b'x');
    let mut relay = Relay::new(text, Length::None, Encoding::Plain);
    let sending = async {
        let done = poll_fn(|cx| {
            let (mut reader, mut writer) = near.split();
            relay.poll(cx, &mut Input::default(), &mut reader, &mut writer)
        });
        done.await.expect("the client reads");
    };
    assert!(arrives(sending, &mut far).await);
}

#[tokio::test]
async fn a_piece_of_a_message_leaves_before_the_next_one_comes() {
    let (mut near, mut far) = pair().await;
    let (mut sender, source) = UnixStream::pair().expect("a pair");
    let mut source = Socket::from(Stream::Unix(Box::new(source)));
    sender
        .write_all(&vec![b'x'; LENGTH])
        .await
        .expect("it is open");
    let mut relay = Relay::new(Text::take(), Length::UntilClose, Encoding::Plain);
    let mut input = Input::default();
    let sending = async {
        let done = poll_fn(|cx| {
            let (mut reader, _) = source.split();
            let (_, mut writer) = near.split();
            relay.poll(cx, &mut input, &mut reader, &mut writer)
        });
        done.await.expect("the client reads");
    };
    assert!(arrives(sending, &mut far).await);
}

#[tokio::test]
async fn what_comes_through_a_tunnel_leaves_at_once() {
    let (mut near, mut far) = pair().await;
    let (mut sender, source) = UnixStream::pair().expect("a pair");
    let mut source = Socket::from(Stream::Unix(Box::new(source)));
    sender
        .write_all(&vec![b'x'; LENGTH])
        .await
        .expect("it is open");
    let (mut tunnel, mut inputs) = (Tunnel::default(), [Input::default(), Input::default()]);
    let sending = async {
        let ended = poll_fn(|cx| {
            let [forth, back] = &mut inputs;
            tunnel.poll(cx, (&mut source, forth), (&mut near, back))
        });
        ended.await.expect("both are open");
    };
    assert!(arrives(sending, &mut far).await);
}

#[tokio::test]
async fn an_end_that_was_not_announced_is_an_error() {
    for is_announced in [true, false] {
        let (mut near, mut far) = pair().await;
        if is_announced {
            far.shutdown().await.expect("it is open");
        }
        drop(far);
        let (mut reader, _) = near.split();
        let ended = poll_fn(|cx| reader.poll_read(cx, &mut [0; 16])).await;
        assert_eq!(ended.is_ok(), is_announced, "{ended:?}");
        assert!(!near.is_quiet());
    }
}

#[tokio::test]
async fn what_the_libraries_tell_each_other_is_no_noise() {
    let (near, _far) = pair().await;
    assert!(near.is_quiet());
}
