//! The hosts file.

use std::net::IpAddr;

/// All addresses that the text of a hosts file gives to a host.
///
/// Source: hosts(5). A name that stands there is not asked for elsewhere, not even for its other family.
pub(super) fn addresses(text: &str, host: &str) -> Vec<IpAddr> {
    let host = host.strip_suffix('.').unwrap_or(host);
    let mut ips = Vec::new();
    for line in text.lines() {
        let mut words = line
            .split('#')
            .next()
            .unwrap_or_default()
            .split_whitespace();
        let Some(Ok(ip)) = words.next().map(str::parse) else {
            continue;
        };
        if words.any(|name| name.eq_ignore_ascii_case(host)) && !ips.contains(&ip) {
            ips.push(ip);
        }
    }
    ips
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_has_the_addresses_of_all_its_lines() {
        let text = "127.0.0.1 localhost\n10.0.0.1\tDB db.example # old: web\nnonsense web\n\
                    fd00::1 db\n10.0.0.1 db\n";
        let found = |host| -> Vec<_> {
            let ips = addresses(text, host);
            ips.iter().map(ToString::to_string).collect()
        };
        assert_eq!(found("db"), ["10.0.0.1", "fd00::1"]);
        assert_eq!(found("DB.example."), ["10.0.0.1"]);
        assert!(found("web").is_empty());
    }
}
