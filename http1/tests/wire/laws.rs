//! Laws that hold for all bytes, near to messages and far from them.

use http::Method;
use http1::{
    BadBody, Decoder, Fields, Known, Length, Limits, Parsed, RequestHead, ResponseHead, chunk_line,
    write_chunk_end,
};
use proptest::collection::vec;
use proptest::prelude::{
    Just, ProptestConfig, Strategy, any, prop_assert, prop_assert_eq, prop_oneof, proptest,
};
use proptest::sample::select;

/// Pieces of heads, good and bad, and of what is behind them.
fn piece() -> impl Strategy<Value = &'static [u8]> {
    select(vec![
        &b"GET"[..],
        b"POST",
        b"CONNECT",
        b"OPTIONS",
        b" ",
        b" ",
        b"/",
        b"*",
        b"/a?b",
        b"http://a/",
        b"a:1",
        b"HTTP/1.1",
        b"HTTP/1.0",
        b"HTTP/2.0",
        b"200",
        b"304",
        b"OK",
        b"\r\n",
        b"\r\n",
        b"\r\n",
        b"\n",
        b"\r",
        b"\t",
        b"\0",
        b"\xff",
        b"Host",
        b"Host: a\r\n",
        b"Host: b\r\n",
        b":",
        b": ",
        b"Content-Length: 5\r\n",
        b"Content-Length",
        b"5",
        b",",
        b"Transfer-Encoding: chunked\r\n",
        b"Transfer-Encoding",
        b"chunked",
        b"gzip, ",
        b"Connection: close\r\n",
        b"x_y: z\r\n",
        b"X-Long: yyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyy\r\n",
        b"\r\n\r\n",
        b"#",
        b"@",
        b"[::1]",
    ])
}

/// Texts that are heads but for a few places.
fn near_head() -> impl Strategy<Value = Vec<u8>> {
    let starts = vec![
        &b"GET / HTTP/1.1\r\nHost: a\r\n"[..],
        b"POST /a?b HTTP/1.1\r\nHost: a:80\r\nContent-Length: 5\r\n\r\n",
        b"POST http://u@a/ HTTP/1.1\r\nHost: b\r\nTransfer-Encoding: chunked\r\nX:  y \r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nX-Y: z\r\n\r\n",
        b"HTTP/1.0 404 Not Found\r\nServer: a b\r\nConnection: keep-alive\r\n\r\n",
        b"",
    ];
    let pieces = vec(piece(), 0..8).prop_map(|pieces| pieces.concat());
    let changes = vec(
        (
            any::<proptest::sample::Index>(),
            0..4_usize,
            prop_oneof![piece().prop_map(<[u8]>::to_vec), vec(any::<u8>(), 0..2)],
        ),
        0..3,
    );
    (select(starts), pieces, changes).prop_map(|(start, pieces, changes)| {
        let mut text = [start, &pieces].concat();
        for (at, removed, inserted) in changes {
            let at = at.index(text.len() + 1);
            let end = text.len().min(at + removed);
            text.splice(at..end, inserted);
        }
        text
    })
}

fn limits() -> impl Strategy<Value = Limits> {
    (8..80_usize, 8..200_usize, 1..8_usize).prop_map(|(line, fields, count)| Limits {
        line,
        fields,
        count,
    })
}

/// Pieces of chunked bodies, good and bad.
fn near_body() -> impl Strategy<Value = Vec<u8>> {
    let piece = select(vec![
        &b"5\r\nhello\r\n"[..],
        b"1\r\nx\r\n",
        b"0a;a=\"b\"\r\n0123456789\r\n",
        b"0\r\n",
        b"0\r\n\r\n",
        b"\r\n",
        b"A: b\r\n",
        b"5",
        b";a",
        b";a=b",
        b"\"",
        b"\n",
        b"\r",
        b" ",
        b"xyz",
        b"\0",
        b"10\r\n0123456789abcdef\r\n",
        b"Content-Length: 5\r\n",
        b"f",
        b"\\",
    ]);
    vec(piece, 0..12).prop_map(|pieces| pieces.concat())
}

/// Cuts bytes at some places.
fn cut<'a>(bytes: &'a [u8], places: &[proptest::sample::Index]) -> Vec<&'a [u8]> {
    let mut places: Vec<usize> = places
        .iter()
        .map(|place| place.index(bytes.len() + 1))
        .collect();
    places.sort_unstable();
    let mut pieces = Vec::new();
    let mut start = 0;
    for place in places {
        pieces.push(&bytes[start..place]);
        start = place;
    }
    pieces.push(&bytes[start..]);
    pieces
}

/// What a decoder makes of pieces: data, bytes consumed, trailers.
fn decoded(pieces: &[&[u8]]) -> Result<(Vec<u8>, usize, bool, Vec<u8>), BadBody> {
    let mut decoder = Decoder::new(Length::Chunked);
    let (mut data, mut consumed) = (Vec::new(), 0);
    for piece in pieces {
        let mut piece = piece.to_vec();
        let decoded = decoder.decode(&mut piece)?;
        data.extend_from_slice(&piece[decoded.data]);
        consumed += decoded.consumed;
    }
    let mut trailers = Vec::new();
    if let Some(fields) = decoder.trailers() {
        fields.write_to(&mut trailers);
    }
    Ok((data, consumed, decoder.is_done(), trailers))
}

/// A name and a value that may be written as they are.
fn plain_field() -> impl Strategy<Value = (String, String)> {
    (
        "[A-Za-z0-9!#$%&'*+.^_`|~-]{1,12}",
        "([!-~]([ \t!-~]{0,12}[!-~])?)?",
    )
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_request_has_one_outcome_wherever_it_is_cut(text in near_head(), limits in limits()) {
        let mut head = RequestHead::default();
        let whole = head.parse(&text, &limits);
        for end in 0..text.len() {
            let early = head.parse(&text[..end], &limits);
            match early {
                Ok(Parsed::Partial) => {}
                _ => prop_assert_eq!(early, whole, "after {} bytes", end),
            }
        }
    }

    #[test]
    fn an_answer_has_one_outcome_wherever_it_is_cut(text in near_head(), limits in limits(), to_head in any::<bool>()) {
        let to = if to_head { Method::HEAD } else { Method::GET };
        let mut head = ResponseHead::default();
        let whole = head.parse(&text, &to, &limits);
        for end in 0..text.len() {
            let early = head.parse(&text[..end], &to, &limits);
            match early {
                Ok(Parsed::Partial) => {}
                _ => prop_assert_eq!(early, whole, "after {} bytes", end),
            }
        }
    }

    #[test]
    fn what_is_accepted_has_whole_lines_and_is_written_as_it_is_read(text in near_head()) {
        let mut head = RequestHead::default();
        if let Ok(Parsed::Whole(length)) = head.parse(&text, &Limits::default()) {
            let taken = &text[..length];
            for (at, byte) in taken.iter().enumerate() {
                prop_assert!(*byte != b'\n' || at > 0 && taken[at - 1] == b'\r');
                prop_assert!(*byte != b'\r' || taken.get(at + 1) == Some(&b'\n'));
            }
            let mut out = Vec::new();
            head.write_to(&mut out);
            let mut again = RequestHead::default();
            prop_assert_eq!(again.parse(&out, &Limits::default()), Ok(Parsed::Whole(out.len())));
            prop_assert_eq!(again.path_and_query(), head.path_and_query());
            prop_assert_eq!(again.length(), head.length());
            prop_assert_eq!(again.method, head.method);
            prop_assert!(again.fields.iter().eq(head.fields.iter()));
        }
    }

    #[test]
    fn a_plain_request_is_written_as_it_came(
        method in "[A-Z]{1,10}", path in "(/[a-z%0-9]{0,5}){1,3}", query in "(\\?[a-z=&]{0,9})?", fields in vec(plain_field(), 0..12),
    ) {
        let allowed = |known| !matches!(known, Known::Host | Known::ContentLength | Known::TransferEncoding);
        let mut text = format!("{method} {path}{query} HTTP/1.1\r\nHost: a\r\n");
        for (name, value) in fields.iter().filter(|(name, _)| allowed(Known::of(name.as_bytes()))) {
            text += &format!("{name}: {value}\r\n");
        }
        text += "\r\n";
        let mut head = RequestHead::default();
        if method != "CONNECT" {
            prop_assert_eq!(head.parse(text.as_bytes(), &Limits::default()), Ok(Parsed::Whole(text.len())));
            let mut out = Vec::new();
            head.write_to(&mut out);
            prop_assert_eq!(String::from_utf8(out), Ok(text));
        }
    }

    #[test]
    fn a_chunked_body_has_one_outcome_wherever_it_is_cut(text in near_body(), places in vec(any::<proptest::sample::Index>(), 0..6)) {
        let whole = decoded(&[&text]);
        prop_assert_eq!(&decoded(&cut(&text, &places)), &whole);
        let single: Vec<&[u8]> = text.chunks(1).collect();
        prop_assert_eq!(&decoded(&single), &whole);
    }

    #[test]
    fn what_is_written_in_chunks_is_read_again(
        pieces in vec(vec(any::<u8>(), 1..40), 0..6), fields in vec(plain_field(), 0..3), places in vec(any::<proptest::sample::Index>(), 0..6),
        after in vec(any::<u8>(), 0..4),
    ) {
        let mut trailers = Fields::default();
        for (name, value) in &fields {
            trailers.push_named(format!("X-{name}").as_bytes(), value.as_bytes());
        }
        let mut bytes = Vec::new();
        for piece in &pieces {
            let mut line = [0; 20];
            let length = chunk_line(piece.len(), &mut line);
            bytes.extend_from_slice(&line[..length]);
            bytes.extend_from_slice(piece);
            bytes.extend_from_slice(b"\r\n");
        }
        write_chunk_end(Some(&trailers), &mut bytes);
        let end = bytes.len();
        bytes.extend_from_slice(&after);
        let mut written = Vec::new();
        trailers.write_to(&mut written);
        prop_assert_eq!(decoded(&cut(&bytes, &places)), Ok((pieces.concat(), end, true, written)));
    }

    #[test]
    fn nothing_that_is_pushed_ends_a_line(name in vec(any::<u8>(), 1..9), value in vec(any::<u8>(), 0..40)) {
        let mut head = RequestHead::default();
        let text = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n";
        prop_assert_eq!(head.parse(text, &Limits::default()), Ok(Parsed::Whole(text.len())));
        // With an X, so that it is none that says how to read the message.
        head.fields.push_named(&[b"X", &name[..]].concat(), &value);
        head.fields.push(Known::L5dErr, &value);
        let mut out = Vec::new();
        head.write_to(&mut out);
        let parsed = head.parse(&out, &Limits::default());
        prop_assert_eq!(parsed, Ok(Parsed::Whole(out.len())));
        prop_assert_eq!(head.fields.len(), 3);
    }

    #[test]
    fn only_what_no_value_has_is_replaced(value in vec(any::<u8>(), 0..40), control in any::<proptest::sample::Index>()) {
        let is_control = |byte: u8| byte < b' ' || byte == 0x7f;
        let mut fine: Vec<u8> = value.iter().map(|byte| if is_control(*byte) { b'\t' } else { *byte }).collect();
        let mut fields = Fields::default();
        fields.push(Known::Via, &fine);
        prop_assert_eq!(fields.get(Known::Via), Some(&fine[..]));
        if !fine.is_empty() {
            let at = control.index(fine.len());
            fine[at] = b'\n';
            fields.set(Known::Via, &fine);
            fine[at] = b'?';
            prop_assert_eq!(fields.get(Known::Via), Some(&fine[..]));
        }
    }

    #[test]
    fn no_bytes_make_anything_panic(bytes in vec(any::<u8>(), 0..60), length in prop_oneof![Just(Length::Chunked), any::<u64>().prop_map(Length::Exact)]) {
        let limits = Limits::default();
        let _ = RequestHead::default().parse(&bytes, &limits);
        let _ = ResponseHead::default().parse(&bytes, &Method::GET, &limits);
        let _ = Known::of(&bytes);
        let mut bytes = bytes;
        let whole = bytes.len();
        if let Ok(decoded) = Decoder::new(length).decode(&mut bytes) {
            prop_assert!(decoded.consumed <= whole && decoded.data.end <= decoded.consumed);
        }
    }
}
