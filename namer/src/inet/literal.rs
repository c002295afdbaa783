//! Hosts that are addresses already.

use std::net::{IpAddr, Ipv4Addr};

/// Reads an IP address: IPv6 with or without brackets, IPv4 in one to four decimal parts, of which the last fills the
/// remaining bytes: `127.1` is `127.0.0.1`, `80` is `0.0.0.80`. A leading zero does not mean octal.
///
/// Source: the JDK's `sun.net.util.IPAddressUtil.textToNumericFormatV4`, which reads the hosts of linkerd's dtabs.
pub(super) fn parse(host: &str) -> Option<IpAddr> {
    let bare = host
        .strip_prefix('[')
        .and_then(|rest| rest.strip_suffix(']'));
    if bare.is_some() || host.contains(':') {
        return Some(IpAddr::V6(bare.unwrap_or(host).parse().ok()?));
    }
    let parts: Vec<u32> = host.split('.').map(number).collect::<Option<_>>()?;
    let (last, leading) = parts.split_last()?;
    let open_bits = 32_u32.checked_sub(8 * u32::try_from(leading.len()).ok()?)?;
    if open_bits == 0 || u64::from(*last) >> open_bits != 0 {
        return None;
    }
    let mut bits = *last;
    for (index, part) in (0..).zip(leading) {
        bits |= u32::from(u8::try_from(*part).ok()?) << (24 - 8 * index);
    }
    Some(IpAddr::V4(Ipv4Addr::from_bits(bits)))
}

fn number(part: &str) -> Option<u32> {
    let is_number = !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    is_number.then(|| part.parse().ok())?
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(host: &str, ip: &str) {
        let shown = parse(host).map_or_else(|| "none".to_owned(), |ip| ip.to_string());
        assert_eq!(shown, ip, "{host}");
    }

    #[test]
    fn addresses_are_read_in_all_their_spellings() {
        check("10.1.2.3", "10.1.2.3");
        check("127.1", "127.0.0.1");
        check("10.1.515", "10.1.2.3");
        check("80", "0.0.0.80");
        check("2130706433", "127.0.0.1");
        check("010.0.0.1", "10.0.0.1");
        check("::1", "::1");
        check("[2001:db8::7]", "2001:db8::7");
    }

    #[test]
    fn names_and_numbers_out_of_range_are_no_addresses() {
        for host in [
            "",
            "web",
            "1.2.3.4.5",
            "256.1",
            "1.16777216",
            "4294967296",
            "1..2",
            "1.2.3.256",
            "0x7f.1",
            "[1.2.3.4]",
            "h:80",
            "+1.2",
        ] {
            check(host, "none");
        }
    }
}
