use prost::Message as _;

use super::*;

fn endpoint(address: &str) -> Endpoint {
    Endpoint {
        address: address.parse().unwrap(),
        weight: 1.0,
        node_name: None,
        metadata: BTreeMap::new(),
    }
}

fn sample() -> AddressSet {
    AddressSet {
        endpoints: vec![
            endpoint("10.0.0.1:0"),
            Endpoint {
                weight: 0.25,
                node_name: Some("node".to_owned()),
                ..endpoint("[2001:db8::1]:65535")
            },
        ],
        authority: Some("web.example".to_owned()),
        metadata: BTreeMap::from([("zone".to_owned(), "a".into())]),
        stale: None,
    }
}

#[test]
fn addresses_survive_every_format() {
    let id = Path::parse("/#/web").unwrap();
    for addresses in [
        Addresses::Pending,
        Addresses::Neg,
        Addresses::Failed("why".to_owned()),
        Addresses::Bound(AddressSet::default()),
        Addresses::Bound(sample()),
    ] {
        let ours = addresses.message(&id).encode_to_vec();
        let ours = v1::Addresses::decode(ours.as_slice()).unwrap();
        let read = Addresses::from_message(&ours).unwrap();
        assert_eq!(read, (id.clone(), addresses.clone()));

        let theirs = linkerd::Replicas::from(&addresses).encode_to_vec();
        let theirs = linkerd::Replicas::decode(theirs.as_slice()).unwrap();
        assert_eq!(Addresses::try_from(&theirs).unwrap(), addresses);

        let json = serde_json::to_string(&api::Addr::from(&addresses)).unwrap();
        let json: api::Addr = serde_json::from_str(&json).unwrap();
        assert_eq!(Addresses::try_from(json).unwrap(), addresses);
    }
}

#[test]
fn our_own_package_keeps_what_kind_of_json_metadata_is() {
    let value = serde_json::json!({"tags": ["a"], "weight": 3});
    let set = AddressSet {
        metadata: BTreeMap::from([("consul".to_owned(), value)]),
        stale: Some("consul does not answer".to_owned()),
        ..sample()
    };
    let bound = v1::addresses::Bound::from(&set);
    assert_eq!(AddressSet::try_from(&bound).unwrap(), set);
}

#[test]
fn a_linkerd_endpoint_says_everything_even_where_it_is_zero() {
    let bytes = linkerd::Endpoint::from(&endpoint("10.0.0.1:0")).encode_to_vec();
    // inet_af: INET4, address, port: 0, meta {}
    assert_eq!(
        bytes,
        b"\x08\x00\x12\x04\x0a\x00\x00\x01\x18\x00\x22\x00".as_slice()
    );
}

#[test]
fn a_linkerd_endpoint_repeats_the_node_and_writes_weights_as_text() {
    let endpoint = Endpoint {
        weight: 0.5,
        node_name: Some("n".to_owned()),
        metadata: BTreeMap::from([(String::new(), "".into())]),
        ..endpoint("[::1]:80")
    };
    let bytes = linkerd::Endpoint::from(&endpoint).encode_to_vec();
    let wanted = [
        // inet_af: INET6, address, port: 80, meta { nodeName }
        b"\x08\x01\x12\x10\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x01\x18\x50\x22\x03\x0a\x01n".as_slice(),
        // An entry of an empty key and an empty value.
        b"\x2a\x04\x0a\x00\x12\x00",
        b"\x2a\x1b\x0a\x14endpoint_addr_weight\x12\x030.5",
        b"\x2a\x0d\x0a\x08nodeName\x12\x01n",
    ];
    assert_eq!(bytes, wanted.concat());
}

#[test]
fn the_usual_weight_is_not_told_to_http_clients() {
    let addr = api::Addr::from(&Addresses::Bound(sample()));
    let json = serde_json::to_string(&addr).unwrap();
    insta::assert_snapshot!(json, @r#"{"type":"bound","addrs":[{"ip":"10.0.0.1","port":0,"meta":{}},{"ip":"2001:db8::1","port":65535,"meta":{"endpoint_addr_weight":0.25,"nodeName":"node"}}],"meta":{"authority":"web.example","zone":"a"}}"#);
}

#[test]
fn what_means_nothing_is_malformed() {
    let ours = |change: fn(&mut v1::Endpoint)| {
        let mut message = v1::Endpoint::from(&endpoint("10.0.0.1:80"));
        change(&mut message);
        Endpoint::try_from(&message).unwrap_err()
    };
    assert_eq!(ours(|e| e.port = 65_536), Malformed::Port(65_536));
    assert_eq!(
        ours(|e| e.address = Bytes::from_static(b"12345")),
        Malformed::AddressLength(5)
    );
    assert_eq!(ours(|e| e.weight = -1.0), Malformed::Weight(-1.0));
    assert_eq!(
        ours(|e| {
            e.metadata.insert("k".to_owned(), "{".to_owned());
        }),
        Malformed::Metadata("k".to_owned())
    );
    let mut theirs = linkerd::Endpoint::from(&endpoint("10.0.0.1:80"));
    theirs.inet_af = Some(1);
    assert_eq!(
        Endpoint::try_from(&theirs),
        Err(Malformed::AddressLength(4))
    );
    theirs.port = Some(-1);
    assert_eq!(Endpoint::try_from(&theirs), Err(Malformed::Port(-1)));
    assert_eq!(
        Addresses::try_from(&linkerd::Replicas { result: None }),
        Err(Malformed::Missing("the replicas' result"))
    );
}
