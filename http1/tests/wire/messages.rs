//! Whole messages, read and written.

use http::{Method, StatusCode, Version};
use http1::{
    Decoder, Form, Known, KnownSet, Length, Limits, Parsed, RequestHead, ResponseHead, chunk_line,
    write_chunk_end,
};

fn request(text: &str) -> RequestHead {
    let mut head = RequestHead::default();
    let parsed = head.parse(text.as_bytes(), &Limits::default());
    assert_eq!(parsed, Ok(Parsed::Whole(text.len())), "{text}");
    head
}

fn response(text: &str, to: Method) -> ResponseHead {
    let mut head = ResponseHead::default();
    let parsed = head.parse(text.as_bytes(), &to, &Limits::default());
    assert_eq!(parsed, Ok(Parsed::Whole(text.len())), "{text}");
    head
}

fn written(write: impl FnOnce(&mut Vec<u8>)) -> String {
    let mut out = Vec::new();
    write(&mut out);
    String::from_utf8(out).expect("text")
}

fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).expect("text")
}

#[test]
fn a_request_is_read_with_all_its_parts_and_written_as_it_came() {
    let sent = "POST /a/b?c=d&e HTTP/1.1\r\nHost: web:80\r\nAccept: */*\r\nX-Many: 1\r\nContent-Length: 12\r\n\
        x-many: 2\r\nConnection: Upgrade, keep-alive\r\nUpgrade: websocket\r\nExpect: 100-Continue\r\n\r\n";
    let head = request(sent);
    assert_eq!(head.method, Method::POST);
    assert_eq!(head.version, Version::HTTP_11);
    assert_eq!(text(head.target()), "/a/b?c=d&e");
    assert_eq!(head.form(), Form::Origin);
    assert_eq!(head.authority(), None);
    assert_eq!(text(head.path()), "/a/b");
    assert_eq!(head.query(), Some(&b"c=d&e"[..]));
    assert_eq!(head.length(), Length::Exact(12));
    assert!(head.persists() && head.expects_continue());
    assert_eq!(head.upgrade(), Some(&b"websocket"[..]));
    assert_eq!(head.fields.len(), 8);
    assert_eq!(head.fields.get(Known::Host), Some(&b"web:80"[..]));
    assert_eq!(head.fields.find("X-MANY"), Some(&b"1"[..]));
    assert!(!head.fields.has(Known::Te) && head.fields.has(Known::Upgrade));
    assert_eq!(written(|out| head.write_to(out)), sent);
}

#[test]
fn an_absolute_target_becomes_an_origin_form_with_its_own_host() {
    let check = |line: &str, host: &str, target: &str| {
        let mut head = request(&format!("{line} HTTP/1.1\r\nHost: other\r\nA: b\r\n\r\n"));
        assert_eq!(head.form(), Form::Absolute, "{line}");
        assert_eq!(head.authority().map(text), Some(host), "{line}");
        head.to_origin_form();
        let method = head.method.clone();
        let expected = format!("{method} {target} HTTP/1.1\r\nA: b\r\nhost: {host}\r\n\r\n");
        assert_eq!(written(|out| head.write_to(out)), expected);
        assert_eq!(text(head.target()), target);
    };
    check("GET http://web/a?b", "web", "/a?b");
    check("GET HTTP://web:8080", "web:8080", "/");
    check("GET http://web?b", "web", "/?b");
    check("GET http://me:secret@web/", "web", "/");
    check("OPTIONS http://web", "web", "*");
    check("OPTIONS http://web/", "web", "/");
    check("OPTIONS http://web?a", "web", "/?a");
    check("GET coap+x://[::1]:1/x", "[::1]:1", "/x");
}

#[test]
fn the_other_forms_of_targets_are_told_apart() {
    let connect = request("CONNECT web:443 HTTP/1.1\r\nHost: web:443\r\n\r\n");
    assert_eq!(connect.form(), Form::Authority);
    assert_eq!(connect.authority(), Some(&b"web:443"[..]));
    assert!(written(|out| connect.write_to(out)).starts_with("CONNECT web:443 HTTP/1.1\r\n"));
    let options = request("OPTIONS * HTTP/1.1\r\nHost: web\r\n\r\n");
    assert_eq!(options.form(), Form::Asterisk);
    assert!(written(|out| options.write_to(out)).starts_with("OPTIONS * HTTP/1.1\r\n"));
}

#[test]
fn a_new_path_keeps_the_query() {
    let check = |target: &str, path: &str, expected: &str| {
        let mut head = request(&format!("GET {target} HTTP/1.1\r\nHost: web\r\n\r\n"));
        head.set_path(path.as_bytes());
        assert_eq!(text(head.path_and_query()), expected);
        head.to_origin_form();
        assert_eq!(text(head.target()), expected);
    };
    check("/a/b?c", "/d", "/d?c");
    check("/a", "d/e", "/d/e");
    check("/a?", "", "/?");
    check("http://web/a?b", "/c", "/c?b");
    check("http://web?b", "/c", "/c?b");
    check("/a?b", "/x y?z#\r\n%41", "/x%20y%3Fz%23%0D%0A%41?b");
}

#[test]
fn fields_are_changed_in_place_and_written_in_order() {
    let mut head = request(
        "GET / HTTP/1.0\r\nHost:web\r\nTe: trailers\r\nA:   1  \r\nL5d-Dtab: /a=>/b\r\nVia: x\r\nvia: y\r\nB: \r\n\r\n",
    );
    let fields = &mut head.fields;
    assert!(fields.has_any(KnownSet::of(&[Known::Te, Known::Upgrade])));
    assert!(fields.remove(Known::Te) && !fields.remove(Known::Te));
    assert_eq!(fields.all(Known::Via).collect::<Vec<_>>(), [b"x", b"y"]);
    fields.set(Known::Via, b"z");
    fields.retain(|field| !field.known.is_context());
    assert!(!fields.has(Known::L5dDtab) && fields.has(Known::Via));
    fields.push_named(b"X-Own", b"\tv");
    fields.push_with(Known::L5dErr, |bytes| {
        bytes.extend_from_slice(b"bad\r\nthing\x7f")
    });
    fields.push_named(b"a:b\n", b"\0");
    let expected =
        "Host: web\r\nA: 1\r\nB: \r\nvia: z\r\nX-Own: \tv\r\nl5d-err: bad??thing?\r\na_b_: ?\r\n";
    assert_eq!(written(|out| head.fields.write_to(out)), expected);
}

#[test]
fn an_answer_is_read_and_written_as_it_came() {
    for sent in [
        "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n",
        "HTTP/1.1 404 \r\nTransfer-Encoding: chunked\r\n\r\n",
        "HTTP/1.1 599 N\u{f6}t\tso good\r\n\r\n",
    ] {
        let head = response(sent, Method::GET);
        assert_eq!(written(|out| head.write_to(out)), sent);
    }
    let bare = response("HTTP/1.0 200\r\n\r\n", Method::GET);
    assert_eq!((bare.reason(), bare.version), (&b""[..], Version::HTTP_10));
    assert_eq!(bare.length(), Length::UntilClose);
    let own = ResponseHead::new(StatusCode::BAD_GATEWAY);
    assert_eq!(
        written(|out| own.write_to(out)),
        "HTTP/1.1 502 Bad Gateway\r\n\r\n"
    );
}

#[test]
fn a_chunked_body_is_read_in_one_piece_and_its_trailers_after_it() {
    let mut bytes =
        b"3;a=b\r\nabc\r\n0a\r\ndefghijklm\r\n0\r\nX: y\r\nContent-Length: 1\r\n\r\nGET".to_vec();
    let mut decoder = Decoder::new(Length::Chunked);
    let decoded = decoder.decode(&mut bytes).expect("a body");
    assert_eq!(text(&bytes[decoded.data]), "abcdefghijklm");
    assert_eq!(&bytes[decoded.consumed..], b"GET");
    assert!(decoded.is_done && decoder.is_done());
    let trailers = decoder.trailers();
    assert_eq!(
        written(|out| write_chunk_end(trailers, out)),
        "0\r\nX: y\r\n\r\n"
    );
}

#[test]
fn other_bodies_end_where_they_say() {
    let mut bytes = *b"abcdef";
    let mut decode = |length, twice: bool| {
        let mut decoder = Decoder::new(length);
        let mut decoded = decoder.decode(&mut bytes).expect("a body");
        if twice {
            decoded = decoder.decode(&mut bytes).expect("a body");
        }
        (
            decoded.consumed,
            decoded.is_done,
            decoder.remaining(),
            decoder.at_close().is_ok(),
        )
    };
    assert_eq!(decode(Length::None, false), (0, true, Some(0), true));
    assert_eq!(decode(Length::Exact(0), false), (0, true, Some(0), true));
    assert_eq!(decode(Length::Exact(4), false), (4, true, Some(0), true));
    assert_eq!(decode(Length::Exact(8), false), (6, false, Some(2), false));
    assert_eq!(decode(Length::Exact(8), true), (2, true, Some(0), true));
    assert_eq!(decode(Length::UntilClose, true), (6, false, None, true));
}

#[test]
fn the_line_of_a_chunk_is_its_size() {
    for len in [1, 9, 15, 16, 255, 256, 65_536, usize::MAX] {
        let mut out = [0; 20];
        let end = chunk_line(len, &mut out);
        assert_eq!(text(&out[..end]), format!("{len:x}\r\n"));
    }
}
