use super::super::tests::request;
use super::*;

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
