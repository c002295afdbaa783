//! The addresses of this host.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

const IPV4: &str = "/proc/net/fib_trie";
const IPV6: &str = "/proc/net/if_inet6";

/// The addresses of all interfaces that are up.
///
/// # Errors
/// If the system does not tell.
pub(crate) fn local_addresses() -> io::Result<Vec<IpAddr>> {
    let v4 = std::fs::read_to_string(IPV4)
        .map_err(|error| io::Error::new(error.kind(), format!("{IPV4}: {error}")))?;
    // Without IPv6 there is no such file.
    let v6 = std::fs::read_to_string(IPV6).unwrap_or_default();
    let v4 = v4_addresses(&v4).into_iter().map(IpAddr::from);
    Ok(v4.chain(v6_addresses(&v6).map(IpAddr::from)).collect())
}

/// What the kernel's routes lead to itself: the local table has an entry for each address of an interface that is up, in
/// two lines, `|-- 127.0.0.1` and `/32 host LOCAL`.
fn v4_addresses(routes: &str) -> Vec<Ipv4Addr> {
    let mut addresses = Vec::new();
    let mut last: Option<Ipv4Addr> = None;
    for line in routes.lines().map(str::trim) {
        if let Some(address) = line.strip_prefix("|-- ") {
            last = address.parse().ok();
        } else if line == "/32 host LOCAL" {
            addresses.extend(last);
        }
    }
    // Both tables, which are one, are printed.
    addresses.sort_unstable();
    addresses.dedup();
    addresses
}

/// One address on each line, as 32 digits; of interfaces that are up.
fn v6_addresses(interfaces: &str) -> impl Iterator<Item = Ipv6Addr> {
    interfaces.lines().filter_map(|line| {
        let digits = line.split_whitespace().next()?;
        let is_whole = digits.len() == 32;
        is_whole.then(|| u128::from_str_radix(digits, 16).ok().map(Ipv6Addr::from))?
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_loopback_is_here_and_a_neighbour_is_not() {
        let local = local_addresses().unwrap();
        assert!(local.contains(&Ipv4Addr::LOCALHOST.into()), "{local:?}");
        // Kept for documentation: nobody has it, except where a host is set up to try this out.
        assert!(!local.contains(&Ipv4Addr::new(203, 0, 113, 77).into()));
    }

    #[test]
    fn only_whole_addresses_of_the_host_are_read() {
        let routes = "\
Main:
  +-- 0.0.0.0/0 3 0 5
     |-- 0.0.0.0
        /0 universe UNICAST
     +-- 127.0.0.0/8 2 0 2
           |-- 127.0.0.0
              /8 host LOCAL
           |-- 127.0.0.1
              /32 host LOCAL
        |-- 127.255.255.255
           /32 link BROADCAST
Local:
     |-- 10.1.2.3
        /24 link UNICAST
        /32 host LOCAL
           |-- 127.0.0.1
              /32 host LOCAL
";
        let expected = [[10, 1, 2, 3], [127, 0, 0, 1]].map(Ipv4Addr::from);
        assert_eq!(v4_addresses(routes), expected);
        assert!(v4_addresses("").is_empty());
    }

    #[test]
    fn lines_that_begin_with_something_else_are_no_addresses() {
        let interfaces = "00000000000000000000000000000001 01 80 10 80 lo\n\nfe80 02\nx\n";
        let read: Vec<_> = v6_addresses(interfaces).collect();
        assert_eq!(read, [Ipv6Addr::LOCALHOST]);
    }
}
