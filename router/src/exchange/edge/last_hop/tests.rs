use http1::ResponseHead;

use super::super::tests::request;
use super::*;
use crate::http2;

/// What the request may still go, or the answer, or the complaint.
fn check(text: &str, expected: &str) {
    let mut head = request(text);
    let mut answer = ResponseHead::new(StatusCode::IM_A_TEAPOT);
    let shown = match answer_here(&mut head, &mut answer) {
        Ok(None) => {
            let left = head.fields.get(Known::MaxForwards).unwrap_or(b"for ever");
            format!("goes on: {}", left.escape_ascii())
        }
        Ok(Some(text)) => {
            let mut written = Vec::new();
            answer.write_to(&mut written);
            let written = String::from_utf8(written).expect("text");
            (written + &text).replace("\r\n", "\n")
        }
        Err(error) => error.to_string(),
    };
    assert_eq!(shown, expected, "{text}");
}

#[test]
fn what_may_go_on_is_counted_down() {
    check("TRACE / HTTP/1.1\nHost: a", "goes on: for ever");
    check("TRACE / HTTP/1.1\nHost: a\nMax-Forwards: 1", "goes on: 0");
    check(
        "OPTIONS * HTTP/1.1\nHost: a\nMax-Forwards: 10",
        "goes on: 9",
    );
    check(
        "OPTIONS * HTTP/1.1\nHost: a\nMax-Forwards: 00007",
        "goes on: 6",
    );
    check(
        "TRACE / HTTP/1.1\nHost: a\nMax-Forwards: 99999999999999999999",
        "goes on: 4294967294",
    );
}

#[test]
fn other_methods_are_not_counted() {
    for method in ["GET", "HEAD", "POST", "options"] {
        check(
            &format!("{method} / HTTP/1.1\nHost: a\nMax-Forwards: 0"),
            "goes on: 0",
        );
    }
}

#[test]
fn who_may_go_no_further_is_answered_here() {
    check(
        "OPTIONS * HTTP/1.1\nHost: a\nMax-Forwards: 0",
        "HTTP/1.1 200 OK\n\n",
    );
    check(
        "TRACE http://a/x?y HTTP/1.0\nMax-Forwards: 0\nVia: 1.1 linkerd",
        "HTTP/1.1 200 OK\ncontent-type: message/http\n\n\
         TRACE http://a/x?y HTTP/1.0\nMax-Forwards: 0\nVia: 1.1 linkerd\n\n",
    );
}

#[test]
fn credentials_are_not_shown() {
    check(
        "TRACE / HTTP/1.1\nHost: a\nMax-Forwards: 0\nAuthorization: Basic x\nCOOKIE: x\nProxy-Authorization: x\n\
         X-Api-Key: x\nX-Auth-Token: x\nx-forwarded-client-cert: x\nKeep-Alive: 5",
        "HTTP/1.1 200 OK\ncontent-type: message/http\n\n\
         TRACE / HTTP/1.1\nHost: a\nMax-Forwards: 0\nKeep-Alive: 5\n\n",
    );
}

#[test]
fn a_count_that_is_none_is_refused() {
    for bad in [
        "",
        "-1",
        "+1",
        "1.5",
        "0x1",
        "ten",
        "1, 2",
        "1\nMax-Forwards: 2",
    ] {
        check(
            &format!("TRACE / HTTP/1.1\nHost: a\nMax-Forwards: {bad}"),
            "Invalid value for Max-Forwards header",
        );
    }
}

#[test]
fn hops_are_counted_over_http_2_as_well() {
    let check = |text: &str, expected: Result<Option<&str>, &str>| {
        let mut head = http2::RequestHead::of(text);
        let mut answer = http2::ResponseHead::new(StatusCode::IM_A_TEAPOT);
        let answered = answer_here(&mut head, &mut answer);
        let answered = answered.map_err(|error| error.to_string());
        let expected = expected.map(|text| text.map(str::to_owned));
        assert_eq!(answered, expected.map_err(str::to_owned), "{text}");
        (head, answer)
    };
    let (head, _) = check("OPTIONS *\nmax-forwards: 2", Ok(None));
    assert_eq!(head.fields.get(Known::MaxForwards), Some(&b"1"[..]));
    let (_, answer) = check("OPTIONS *\nmax-forwards: 0", Ok(Some("")));
    assert!(answer.status == StatusCode::OK && answer.fields.map().is_empty());
    let (_, answer) = check(
        "TRACE http://web/x?y\nmax-forwards: 0\ncookie: x\nvia: h2 linkerd",
        Ok(Some(
            "TRACE /x?y HTTP/2.0\r\nmax-forwards: 0\r\nvia: h2 linkerd\r\n\r\n",
        )),
    );
    assert_eq!(answer.fields.map()["content-type"], "message/http");
    let bad = Err("Invalid value for Max-Forwards header");
    check("TRACE http://web/\nmax-forwards: 1, 2", bad);
}
