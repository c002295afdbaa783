use super::*;

fn fields(lines: &[(&'static str, &'static str)]) -> Fields {
    let mut map = HeaderMap::new();
    for (name, value) in lines {
        map.append(*name, HeaderValue::from_static(value));
    }
    Fields::new(map)
}

/// In the order of their names.
fn shown(fields: &Fields) -> Vec<String> {
    let text = String::from_utf8_lossy;
    let lines = fields.iter();
    let mut lines: Vec<_> = lines
        .map(|(name, value)| format!("{}: {}", text(name), text(value)))
        .collect();
    lines.sort_unstable();
    lines
}

#[test]
fn every_known_name_is_found_and_goes_again() {
    for known in Known::NAMED {
        let mut fields = Fields::default();
        assert!(!fields.has(*known) && fields.get(*known).is_none());
        fields.push(*known, b"one");
        fields.push_named(known.name().as_bytes(), b"two");
        assert!(fields.has(*known), "{known:?}");
        assert_eq!(fields.get(*known), Some(&b"one"[..]));
        assert!(fields.all(*known).eq([&b"one"[..], b"two"]));
        assert_eq!(fields.find(known.name()), Some(&b"one"[..]));
        assert_eq!(fields.find_last(known.name()), Some(&b"two"[..]));
        let mut same = Fields::new(fields.map().clone());
        assert!(same.has(*known) && same.remove(*known) && !same.remove(*known));
        assert!(same.map().is_empty() && same.all(*known).next().is_none());
        fields.set(*known, b"three");
        assert!(fields.all(*known).eq([&b"three"[..]]), "{known:?}");
    }
}

#[test]
fn names_that_a_kind_stands_for_go_together() {
    let mut fields = fields(&[
        ("l5d-one", "1"),
        ("l5d-two", "2"),
        ("l5d_dtab", "3"),
        ("content_length", "4"),
        ("l5d-dtab", "5"),
        ("accept", "6"),
        ("x_y", "7"),
    ]);
    fields.remove_any(KnownSet::of(&[Known::L5dOther, Known::Disguised]));
    let left = ["accept: 6", "l5d-dtab: 5", "l5d_dtab: 3", "x_y: 7"];
    assert_eq!(shown(&fields), left);
    assert!(!fields.has(Known::L5dOther) && fields.has(Known::L5dDisguised));
    fields.remove_any(KnownSet::of(&[Known::Other]));
    assert_eq!(shown(&fields), ["l5d-dtab: 5", "l5d_dtab: 3"]);
}

#[test]
fn nobody_ends_a_line_from_within() {
    let mut fields = Fields::default();
    fields.push(Known::Via, b"a\r\nb: c\0\x7F\t\xFF");
    fields.push_named(b"x-y", b"a\nb");
    fields.push_named(b"x y", b"no name");
    fields.push_with(Known::Date, |value| value.extend_from_slice(b"a\nb"));
    assert_eq!(fields.get(Known::Via), Some(&b"a??b: c??\t\xFF"[..]));
    assert_eq!(fields.find("X-Y"), Some(&b"a?b"[..]));
    assert_eq!(fields.get(Known::Date), Some(&b"a?b"[..]));
    assert_eq!(fields.map().len(), 3);
}

#[test]
fn a_text_of_many_messages_is_shared() {
    let text = Shown::new("/svc/web");
    let mut fields = Fields::default();
    fields.push_shown(Known::L5dDstService, &text);
    let value = &fields.map()[Known::L5dDstService.name()];
    assert_eq!(value.as_bytes().as_ptr(), text.value().as_bytes().as_ptr());
}

#[test]
fn what_is_meant_for_this_hop_ends_here_and_te_does_not() {
    let mut fields = fields(&[
        ("te", "trailers"),
        ("trailer", "grpc-status"),
        ("proxy-authenticate", "Basic"),
        ("proxy-authorization", "secret"),
        ("proxy-authentication-info", "x"),
        ("http2-settings", "x"),
        ("proxy_authorization", "secret"),
        ("l5d_dtab", "/a=>/b"),
        ("x-y", "z"),
    ]);
    fields.strip_hop_by_hop();
    let left = ["te: trailers", "trailer: grpc-status", "x-y: z"];
    assert_eq!(shown(&fields), left);
}

#[test]
fn more_lines_than_a_map_takes_are_no_panic() {
    let mut map = HeaderMap::new();
    for name in 0.. {
        let name = HeaderName::from_bytes(format!("x-{name}").as_bytes()).expect("a name");
        if map.try_append(name, HeaderValue::from_static("")).is_err() {
            break;
        }
    }
    let mut fields = Fields::new(map);
    fields.push_static(Known::Via, "h2 linkerd");
    assert!(!fields.has(Known::Via) && fields.get(Known::Via).is_none());
}
