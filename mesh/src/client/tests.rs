mod namerd;

use std::time::Duration;

use http::StatusCode;
use hyper_util::client::proxy::matcher::Matcher;
use live::Task;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use transport::{ClientTls, ClientTlsFiles, ServerTls, ServerTlsFiles};

use self::namerd::Namerd;
use super::*;

#[tokio::test]
async fn a_dtab_comes_with_its_tag() {
    let namerd = Namerd::start(|answer| {
        answer
            .header("etag", "MTI=")
            .text("[{\"prefix\":\"/a\",\"dst\":\"/b\"}]\n")
    })
    .await;
    let dtab = namerd.client().dtab("default").await.unwrap();
    assert_eq!(dtab.tag.as_deref(), Some("MTI="));
    assert_eq!(dtab.value[0].dst, "/b");
    namerd.was_asked("GET /api/1/dtabs/default accept=application/json");
}

#[tokio::test]
async fn a_text_is_what_was_written() {
    let namerd = Namerd::start(|answer| answer.text("# why\n/a => /b\n\n")).await;
    let client = namerd.client();
    assert_eq!(
        client.dtab_text("x").await.unwrap().value,
        "# why\n/a => /b\n"
    );
    client.dtab_text_at("x", 7).await.unwrap();
    namerd.was_asked("GET /api/1/dtabs/x accept=application/dtab");
    namerd.was_asked("GET /api/1/dtabs/x?revision=7 accept=application/dtab");
}

#[tokio::test]
async fn a_write_says_what_must_hold_and_who_does_it() {
    let namerd = Namerd::start(|answer| answer.status(204).header("etag", "MTM=")).await;
    let client = namerd.client();
    let text = DtabBody::Text("/a => /b".to_owned());
    let json = DtabBody::Json(Vec::new());
    let by = By {
        author: "ada".to_owned(),
        message: "50%".to_owned(),
    };
    let tag = Precondition::Tag("MTI=".to_owned());
    let new = client.write_dtab("a b", &text, &tag, &by).await.unwrap();
    assert_eq!(new.as_deref(), Some("MTM="));
    namerd.was_asked("PUT /api/1/dtabs/a%20b content-type=application/dtab if-match=MTI= switchyard-author=ada switchyard-message=50%25 /a => /b");
    let by = By::default();
    client
        .write_dtab("x", &json, &Precondition::None, &by)
        .await
        .unwrap();
    namerd.was_asked("PUT /api/1/dtabs/x content-type=application/json []");
    client
        .write_dtab("x", &text, &Precondition::Absent, &by)
        .await
        .unwrap();
    namerd.was_asked("POST /api/1/dtabs/x content-type=application/dtab /a => /b");
    client.delete_dtab("x", &by).await.unwrap();
    namerd.was_asked("DELETE /api/1/dtabs/x");
}

#[tokio::test]
async fn every_question_has_its_url() {
    let namerd = Namerd::start(|answer| answer.text("[]")).await;
    let client = namerd.client();
    client.namespaces().await.unwrap();
    namerd.was_asked("GET /api/1/dtabs");
    client.history("x", Some(5), Some(9)).await.unwrap();
    namerd.was_asked("GET /api/1/history/x?limit=5&before=9");
    client.history("x", None, None).await.unwrap();
    namerd.was_asked("GET /api/1/history/x");
    client.lint(&DtabBody::Text("/a".to_owned())).await.unwrap();
    namerd.was_asked("POST /api/1/lint content-type=application/dtab /a");
    client.bound_names().await.unwrap();
    namerd.was_asked("GET /api/1/bound-names");
    let export = Export::new([].into());
    client.import(&export, Existing::Replace).await.unwrap();
    let body = serde_json::to_string(&export).unwrap();
    namerd.was_asked(&format!(
        "POST /api/1/import?replace=true content-type=application/json {body}"
    ));
}

#[tokio::test]
async fn names_are_looked_up_with_the_dtab_given() {
    let namerd = Namerd::start(|answer| answer.text(r#"{"type":"neg","path":"~"}"#)).await;
    let client = namerd.client();
    let path = Path::parse("/svc/a").unwrap();
    assert_eq!(
        client.bind("x", &path, "/a=>/b;").await.unwrap(),
        BoundTree::Neg
    );
    namerd.was_asked("GET /api/1/bind/x?path=/svc/a&dtab=/a%3D%3E/b%3B");
    assert_eq!(client.addr("x", &path).await.unwrap(), Addr::Neg);
    namerd.was_asked("GET /api/1/addr/x?path=/svc/a");
    assert_eq!(client.resolve("x", &path, "").await.unwrap(), Addr::Neg);
    namerd.was_asked("GET /api/1/resolve/x?path=/svc/a");
    client.delegate("x", &path, "").await.unwrap();
    namerd.was_asked("GET /api/1/delegate/x?path=/svc/a");
    let request = DelegationRequest {
        namespace: None,
        dtab: String::new(),
        path: "/a".to_owned(),
    };
    client.delegate_with(&request).await.unwrap();
    namerd
        .was_asked(r#"POST /api/1/delegate content-type=application/json {"dtab":"","path":"/a"}"#);
}

#[tokio::test]
async fn a_refusal_carries_everything_that_namerd_says() {
    let namerd =
        Namerd::start(|answer| answer.status(412).header("etag", "MTM=").text("changed\n")).await;
    let error = namerd.client().fleet().await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "unexpected response: 412 Precondition Failed"
    );
    let ClientError::Status {
        status, body, tag, ..
    } = error
    else {
        panic!("{error:?}");
    };
    assert_eq!(status, StatusCode::PRECONDITION_FAILED);
    assert_eq!(body, "changed");
    assert_eq!(tag.as_deref(), Some("MTM="));
}

#[tokio::test]
async fn a_reason_in_json_is_shown_as_text() {
    let namerd = Namerd::start(|answer| {
        answer
            .status(400)
            .text(r#"{"error":"no","line":1,"column":7}"#)
    })
    .await;
    let ClientError::Status { body, .. } = namerd.client().dtab("x").await.unwrap_err() else {
        panic!("not refused");
    };
    assert_eq!(body, "no");
}

#[tokio::test]
async fn an_answer_that_is_not_understood_is_shown() {
    let namerd = Namerd::start(|answer| answer.text("<html>")).await;
    let error = namerd.client().status().await.unwrap_err().to_string();
    let wanted = format!("cannot understand the answer of {}: \"<html>\"", namerd.url);
    assert_eq!(error, wanted);
}

#[tokio::test]
async fn the_next_base_url_is_asked_when_one_does_not_answer() {
    let namerd = Namerd::start(|answer| answer.text("[]")).await;
    let (refusing, _socket) = refusing();
    let client = client(&[&refusing, &format!("{}/edge/", namerd.url)]);
    client.namespaces().await.unwrap();
    namerd.was_asked("GET /edge/api/1/dtabs");
    // A write too: it surely was not sent to the first.
    client.delete_dtab("x", &By::default()).await.unwrap();
    namerd.was_asked("DELETE /edge/api/1/dtabs/x");
}

#[tokio::test]
async fn the_base_url_that_answered_is_asked_first() {
    let first = Namerd::start(|answer| answer.status(503)).await;
    let second = Namerd::start(|answer| answer.text("[]")).await;
    let client = client(&[&first.url, &second.url]);
    client.namespaces().await.unwrap();
    client.namespaces().await.unwrap();
    assert_eq!(first.questions.lock().unwrap().len(), 1);
    assert_eq!(second.questions.lock().unwrap().len(), 2);
}

#[tokio::test]
async fn a_write_that_namerd_refused_for_now_is_not_sent_elsewhere() {
    let first = Namerd::start(|answer| answer.status(503).header("retry-after", "2")).await;
    let second = Namerd::start(|answer| answer.status(204)).await;
    let client = client(&[&first.url, &second.url]);
    let error = client.delete_dtab("x", &By::default()).await.unwrap_err();
    let ClientError::Status { retry_after, .. } = error else {
        panic!("{error:?}");
    };
    assert_eq!(retry_after, Some(Duration::from_secs(2)));
    assert_eq!(second.questions.lock().unwrap().len(), 0);
}

#[tokio::test]
async fn a_write_without_an_answer_may_have_happened() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let _hangs_up = live::task("a namerd that hangs up", async move {
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            stream.read_u8().await.unwrap();
        }
    });
    let other = Namerd::start(|answer| answer.text("[]")).await;
    let both = client(&[&url, &other.url]);
    let error = both.delete_dtab("x", &By::default()).await.unwrap_err();
    assert!(matches!(error, ClientError::Lost(_)), "{error:?}");
    assert_eq!(other.questions.lock().unwrap().len(), 0);
    // A read is asked again.
    both.namespaces().await.unwrap();
}

#[tokio::test]
async fn all_that_did_not_answer_are_named() {
    let ((first, _one), (second, _two)) = (refusing(), refusing());
    let error = client(&[&first, &second])
        .namespaces()
        .await
        .unwrap_err()
        .to_string();
    assert!(error.starts_with("cannot reach namerd: "), "{error}");
    assert!(error.contains(&format!("{first}: ")), "{error}");
    assert!(error.contains(&format!("; {second}: ")), "{error}");
    assert!(error.contains("refused"), "{error}");
}

#[tokio::test(start_paused = true)]
async fn a_namerd_that_stays_silent_is_given_up() {
    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", silent.local_addr().unwrap());
    let error = client(&[&url]).namespaces().await.unwrap_err();
    assert!(matches!(error, ClientError::Unreachable(_)), "{error:?}");
}

#[tokio::test]
async fn a_watch_gives_each_record_however_it_is_cut() {
    let (sender, namerd) = Namerd::streaming().await;
    let mut watch = namerd.client().watch_dtab("x").await.unwrap();
    namerd.was_asked("GET /api/1/dtabs/x?watch=true");
    for piece in [
        r#"[]"#,
        "\n[{\"prefix\":\"/a\",",
        "\"dst\":\"/b\"}]\n[]\n",
        "\n[]",
    ] {
        sender.send(piece).await.unwrap();
    }
    drop(sender);
    let mut lengths = Vec::new();
    while let Some(dtab) = watch.next().await {
        lengths.push(dtab.unwrap().len());
    }
    assert_eq!(lengths, [0, 1, 0, 0]);
}

#[tokio::test]
async fn a_record_comes_before_the_next_is_there() {
    let (sender, namerd) = Namerd::streaming().await;
    let path = Path::parse("/svc/a").unwrap();
    let mut watch = namerd.client().watch_bind("x", &path, "").await.unwrap();
    namerd.was_asked("GET /api/1/bind/x?path=/svc/a&watch=true");
    sender.send("{\"type\":\"neg\"}\n").await.unwrap();
    assert_eq!(watch.next().await.unwrap().unwrap(), BoundTree::Neg);
    sender.send("{\"type\":\"empty\"}\n").await.unwrap();
    assert_eq!(watch.next().await.unwrap().unwrap(), BoundTree::Empty);
    drop(watch);
    // Nobody listens any more, and namerd hears of it.
    sender.closed().await;
}

#[tokio::test]
async fn a_bare_line_of_text_is_an_error() {
    let (sender, namerd) = Namerd::streaming().await;
    let mut watch = namerd.client().watch_namespaces().await.unwrap();
    sender.send("name tree failed").await.unwrap();
    drop(sender);
    let error = watch.next().await.unwrap().unwrap_err().to_string();
    assert!(error.ends_with("\"name tree failed\""), "{error}");
    assert!(watch.next().await.is_none());
}

#[tokio::test]
async fn a_proxy_is_told_the_whole_url() {
    let proxy = Namerd::start(|answer| answer.text("[]")).await;
    let through = through(
        &proxy.url.replace("//", "//me:secret@"),
        "http://namerd.test",
        None,
    );
    through.namespaces().await.unwrap();
    proxy.was_asked("GET http://namerd.test/api/1/dtabs proxy-authorization=Basic bWU6c2VjcmV0");
}

#[tokio::test]
async fn tls_goes_directly_and_through_a_proxy() {
    let (files, server) = certificate();
    let client_tls = ClientTls::load(&files).unwrap();
    let namerd = Namerd::serve(|answer| answer.text("[]"), Some(server)).await;
    let url = namerd.url.replace("http://127.0.0.1", "https://localhost");
    let direct = NamerdClient::new(ClientOptions {
        base_urls: vec![url.clone()],
        tls: Some(client_tls.clone()),
        ..ClientOptions::default()
    });
    direct.unwrap().namespaces().await.unwrap();

    let (proxy, _task) = tunnel().await;
    through(&proxy, &url, Some(client_tls))
        .namespaces()
        .await
        .unwrap();
}

#[tokio::test]
async fn https_without_settings_is_refused() {
    let error = client(&["https://127.0.0.1:1"])
        .namespaces()
        .await
        .unwrap_err();
    assert!(error.to_string().contains("asks for TLS"), "{error}");
}

#[test]
fn a_client_can_move_to_another_thread() {
    fn check(_: impl Send) {}
    let client = client(&["http://127.0.0.1:1"]);
    check(client.namespaces());
    check(client.watch_namespaces());
    check(async {
        let mut watch = client.watch_namespaces().await.unwrap();
        watch.next().await;
    });
}

fn client(urls: &[&str]) -> NamerdClient {
    let options = ClientOptions {
        base_urls: urls.iter().map(|url| (*url).to_owned()).collect(),
        ..ClientOptions::default()
    };
    NamerdClient::new(options).unwrap()
}

fn through(proxy: &str, url: &str, tls: Option<ClientTls>) -> NamerdClient {
    let options = ClientOptions {
        base_urls: vec![url.to_owned()],
        tls,
        ..ClientOptions::default()
    };
    let proxies = Matcher::builder().all(proxy).build();
    NamerdClient {
        exchange: Exchange::with_proxies(options, Some(proxies)).unwrap(),
    }
}

/// A URL that refuses connections, for as long as the socket is kept: it has the port, and does not listen.
fn refusing() -> (String, TcpSocket) {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    (format!("http://{}", socket.local_addr().unwrap()), socket)
}

/// A proxy that opens one tunnel to wherever it is asked to.
async fn tunnel() -> (String, Task<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let task = live::task("a proxy", async move {
        let (mut client, _) = listener.accept().await.unwrap();
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            head.push(client.read_u8().await.unwrap());
        }
        let head = String::from_utf8(head).unwrap();
        let target = head.strip_prefix("CONNECT ").unwrap();
        let target = target.split(' ').next().unwrap();
        let mut server = TcpStream::connect(target).await.unwrap();
        client.write_all(b"HTTP/1.1 200 OK\r\n\r\n").await.unwrap();
        let _ = tokio::io::copy_bidirectional(&mut client, &mut server).await;
    });
    (url, task)
}

/// A certificate for `localhost` that its own client trusts.
fn certificate() -> (ClientTlsFiles, ServerTls) {
    let names = vec!["localhost".to_owned()];
    let made = rcgen::generate_simple_self_signed(names).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let (cert, key) = (folder.path().join("cert"), folder.path().join("key"));
    std::fs::write(&cert, made.cert.pem()).unwrap();
    std::fs::write(&key, made.signing_key.serialize_pem()).unwrap();
    let client = ClientTlsFiles {
        trust: vec![cert.clone()],
        ..ClientTlsFiles::default()
    };
    let server = ServerTls::load(&ServerTlsFiles {
        cert,
        key,
        ..ServerTlsFiles::default()
    });
    // The client's settings are loaded later.
    let _ = folder.keep();
    (client, server.unwrap())
}
