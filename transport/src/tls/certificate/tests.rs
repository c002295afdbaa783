use rcgen::{DnType, SanType, date_time_ymd};

use super::super::pki::Pki;
use super::*;

fn seconds(tag: u8, text: &str) -> Option<u64> {
    let since = time(tag, text.as_bytes())?.duration_since(SystemTime::UNIX_EPOCH);
    Some(since.expect("after 1970").as_secs())
}

#[test]
fn times_are_read() {
    for (tag, text, expected) in [
        (UTC_TIME, "700101000000Z", Some(0)),
        (UTC_TIME, "000301000000Z", Some(951_868_800)),
        (UTC_TIME, "491231235959Z", Some(2_524_607_999)),
        (GENERALIZED_TIME, "20500101000000Z", Some(2_524_608_000)),
        (GENERALIZED_TIME, "20240229120000Z", Some(1_709_208_000)),
        (GENERALIZED_TIME, "99991231235959Z", Some(253_402_300_799)),
        (UTC_TIME, "690101000000Z", None),
        (UTC_TIME, "701301000000Z", None),
        (UTC_TIME, "7001010000Z", None),
        (UTC_TIME, "700101000000", None),
        (UTC_TIME, "7001+1000000Z", None),
        (0x13, "700101000000Z", None),
    ] {
        // A year of two digits that begins with 5 to 9 is of the last century.
        let found = seconds(tag, text);
        assert_eq!(found, expected, "{text}");
    }
}

#[test]
fn the_end_of_a_certificate_is_known() {
    let pki = Pki::new();
    let der = pki.issue_as("web", &["web.example"], |params| {
        params.not_after = date_time_ymd(2033, 5, 18);
    });
    let expected = SystemTime::UNIX_EPOCH + Duration::from_secs(1_999_987_200);
    assert_eq!(expires(&der), Some(expected));
    assert_eq!(expires(&der[..40]), None);
}

#[test]
fn a_client_is_shown_by_hash_names_and_subject() {
    let pki = Pki::new();
    let uri = |text: &str| SanType::URI(text.try_into().expect("ASCII"));
    let der = pki.issue_as("web", &["a.example", "b.example"], |params| {
        params
            .subject_alt_names
            .insert(1, uri("spiffe://example/ns/a"));
        params.subject_alt_names.push(uri("x:a;DNS=forged\"b"));
        params
            .distinguished_name
            .push(DnType::OrganizationalUnitName, "a\"b");
    });
    let hash = digest(&SHA256, &der);
    let hash: String = hash
        .as_ref()
        .iter()
        .map(|byte| format!("{byte:02X}"))
        .collect();
    let expected = format!(
        "Hash={hash};SAN=spiffe://example/ns/a;SAN=\"x:a;DNS=forged\\\"b\";DNS=a.example;DNS=b.example;\
         Subject=\"OU=a\\\"b,CN=web,O=Example\\, Inc\""
    );
    assert_eq!(forwarded(&der), Some(expected));
}
