//! What we accept is what others read: the same bytes are given to hyper, and where both take a request it is the same one.

use std::cell::RefCell;
use std::convert::Infallible;
use std::rc::Rc;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt as _, Empty};
use http1::{Decoder, Form, Limits, Parsed, RequestHead};
use hyper::body::Incoming;
use hyper::server::conn::http1::Builder;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use proptest::collection::vec;
use proptest::prelude::{ProptestConfig, Strategy, any, prop_assert_eq, proptest};
use proptest::sample::{Index, select};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

/// Method, path with query, and body.
type Seen = (String, String, Vec<u8>);

/// The requests that we find in the bytes of one connection, up to the first fault.
fn ours(bytes: &[u8]) -> Vec<Seen> {
    let mut rest = bytes.to_vec();
    let mut seen = Vec::new();
    let mut head = RequestHead::default();
    while let Ok(Parsed::Whole(length)) = head.parse(&rest, &Limits::default()) {
        rest.drain(..length);
        let mut decoder = Decoder::new(head.length());
        let Ok(decoded) = decoder.decode(&mut rest) else {
            break;
        };
        if !decoded.is_done {
            break;
        }
        let target = String::from_utf8(head.path_and_query().to_vec()).expect("visible ASCII");
        seen.push((head.method.to_string(), target, rest[decoded.data].to_vec()));
        rest.drain(..decoded.consumed);
        if !head.persists() || head.form() == Form::Authority {
            break;
        }
    }
    seen
}

/// The requests that hyper finds.
async fn theirs(bytes: &[u8]) -> Vec<Seen> {
    let (mut near, far) = tokio::io::duplex(64 * 1024);
    let seen: Rc<RefCell<Vec<Seen>>> = Rc::default();
    let service = service_fn(|request: Request<Incoming>| {
        let seen = Rc::clone(&seen);
        async move {
            let (head, body) = request.into_parts();
            if let Ok(body) = body.collect().await {
                let body = body.to_bytes().to_vec();
                let target = head
                    .uri
                    .path_and_query()
                    .map_or(String::new(), ToString::to_string);
                let method = head.method.to_string();
                seen.borrow_mut().push((method, target, body));
            }
            Ok::<_, Infallible>(Response::new(Empty::<Bytes>::new()))
        }
    });
    let mut builder = Builder::new();
    builder.half_close(true);
    let serve = builder.serve_connection(TokioIo::new(far), service);
    let send = async {
        near.write_all(bytes).await.expect("there is room");
        near.shutdown().await.expect("an end");
        let mut answers = Vec::new();
        let _ = near.read_to_end(&mut answers).await;
    };
    // An error is a refusal; what was seen until then counts.
    let both = async { tokio::join!(serve, send) };
    let _ = tokio::time::timeout(Duration::from_secs(5), both).await;
    seen.take()
}

fn read_by_hyper(bytes: &[u8]) -> Vec<Seen> {
    let mut builder = tokio::runtime::Builder::new_current_thread();
    let runtime = builder.enable_time().start_paused(true).build();
    runtime.expect("a runtime").block_on(theirs(bytes))
}

#[test]
fn proper_requests_are_taken_by_both() {
    let bytes = b"GET http://a?b HTTP/1.1\r\nHost: a\r\n\r\n\
        POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello\r\n\
        POST /x HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5;a=b\r\nhello\r\n0\r\nX: y\r\n\r\n\
        OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n";
    let ours = ours(bytes);
    assert_eq!(ours.len(), 4);
    assert_eq!(ours, read_by_hyper(bytes));
}

/// Requests of a connection, which are good but for a few places.
fn near_requests() -> impl Strategy<Value = Vec<u8>> {
    let line = select(vec![
        "GET / HTTP/1.1",
        "POST /a?b=c HTTP/1.1",
        "PUT http://a/b HTTP/1.1",
        "OPTIONS * HTTP/1.1",
        "GET /%20//x HTTP/1.0",
        "post /?? HTTP/1.1",
        "GET http://a?b HTTP/1.1",
    ]);
    let framing = select(vec![
        "\r\n",
        "Content-Length: 5\r\n\r\nhello",
        "Content-Length: 0\r\n\r\n",
        "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
        "Transfer-Encoding: chunked\r\n\r\n3;a=b\r\nabc\r\nA\r\n0123456789\r\n0\r\nX: y\r\n\r\n",
        "Content-Length: 31\r\n\r\nGET /b HTTP/1.1\r\nHost: inner\r\n\r\n",
        "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        "Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
        "Content-Length: 1\r\nContent-Length: 1\r\n\r\nx",
    ]);
    let extra = select(vec![
        "",
        "Connection: keep-alive\r\n",
        "X-Y:z\r\n",
        "Accept: */*\r\nTE: trailers\r\n",
        "Content_Length: 3\r\n",
    ]);
    let request = (line, extra, framing);
    let request =
        request.prop_map(|(line, extra, framing)| format!("{line}\r\nHost: a\r\n{extra}{framing}"));
    let noise = select(vec![
        &b"\r"[..],
        b"\n",
        b"\r\n",
        b" ",
        b"\t",
        b"\0",
        b":",
        b",",
        b";",
        b"0",
        b"1",
        b"x",
        b"_",
        b"-",
        b"+",
        b"\x0b",
        b"\xff",
        b"chunked",
        b"\r\n\r\n",
        b"Transfer-Encoding: chunked\r\n",
        b"Content-Length: 2\r\n",
        b"Host: b\r\n",
        b"#",
        b"?",
        b"/",
    ]);
    let changes = vec((any::<Index>(), 0..3_usize, noise), 0..3);
    (vec(request, 1..4), changes).prop_map(|(requests, changes)| {
        let mut bytes = requests.concat().into_bytes();
        for (at, removed, inserted) in changes {
            let at = at.index(bytes.len() + 1);
            let end = bytes.len().min(at + removed);
            bytes.splice(at..end, inserted.iter().copied());
        }
        bytes
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn where_both_take_a_request_it_is_the_same(bytes in near_requests()) {
        let (ours, theirs) = (ours(&bytes), read_by_hyper(&bytes));
        let both = ours.len().min(theirs.len());
        prop_assert_eq!(&ours[..both], &theirs[..both], "{}", bytes.escape_ascii());
    }
}
