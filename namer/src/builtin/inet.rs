//! Names that are addresses: `/$/inet/<host>/<port>`. Source: finagle `Namer.global`, `InetSocketAddressUtil`; linkerd `rinet.scala`.

use dtab::Path;

use super::{Builtin, text};

/// A bound name whose addresses are written in its path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Inet {
    /// Where to find the endpoints: all addresses of all hosts. An error, such as a port beyond 65535, is one of the
    /// address: the name itself is bound.
    pub hosts: Result<Vec<HostPort>, String>,
    /// `/$/fixedinet`: what DNS says first stays.
    pub cached_for_ever: bool,
    /// The part of the path that was consumed, as written.
    pub id: Path,
    /// The rest.
    pub residual: Path,
}

/// A host name or IP address, and a port.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HostPort {
    /// Empty means loopback, as `localhost` does; neither needs DNS.
    pub host: String,
    /// The port.
    pub port: u16,
}

/// `/$/inet/<host>/<port>/…`, else `/$/inet/<port>/…`, which is loopback; nothing if the path is neither.
pub(super) fn lookup(path: &Path) -> Option<Builtin> {
    let cached_for_ever = path.segments().get(1)? == "fixedinet";
    let arguments: Vec<&str> = path
        .segments()
        .iter()
        .skip(2)
        .take(2)
        .map_while(text)
        .collect();
    let (host, port, consumed) = match arguments.as_slice() {
        [host, port] if is_integer(port) => (*host, *port, 4),
        [port, ..] if is_integer(port) => ("", *port, 3),
        _ => return None,
    };
    let (id, residual) = (path.take(consumed), path.skip(consumed));
    Some(Builtin::Inet(Inet {
        hosts: host_ports(host, port),
        cached_for_ever,
        id,
        residual,
    }))
}

/// `/$/io.buoyant.rinet/<port>/<host>/…`
pub(super) fn reversed(path: &Path) -> Builtin {
    let [_, _, port, host, ..] = path.segments() else {
        return Builtin::Neg;
    };
    let hosts = host_ports(&host.to_str_lossy(), &port.to_str_lossy());
    let (id, residual) = (path.take(4), path.skip(4));
    Builtin::Inet(Inet {
        hosts,
        cached_for_ever: false,
        id,
        residual,
    })
}

/// An optionally signed number of 32 bits: whether it is a port is not a matter of naming.
fn is_integer(text: &str) -> bool {
    text.parse::<i32>().is_ok()
}

/// Commas and spaces in the host separate several, of which only the last gets the path's port.
fn host_ports(host: &str, port: &str) -> Result<Vec<HostPort>, String> {
    let all = format!("{host}:{port}");
    all.split([',', ' '])
        .filter(|one| !one.is_empty())
        .map(host_port)
        .collect()
}

fn host_port(text: &str) -> Result<HostPort, String> {
    let (host, port) = text
        .rsplit_once(':')
        .ok_or_else(|| format!("no port in {text:?}: host:port expected"))?;
    let port = port
        .parse()
        .map_err(|_| format!("{port:?} is not a port: 0 to 65535 expected"))?;
    // `::1` may stand in brackets, as in a URL.
    let bare = host
        .strip_prefix('[')
        .and_then(|host| host.strip_suffix(']'));
    Ok(HostPort {
        host: bare.unwrap_or(host).to_owned(),
        port,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(path: &str, id: &str, hosts: &[(&str, u16)]) {
        let path = Path::parse(path).expect("a path");
        let Builtin::Inet(inet) = super::super::lookup(&path) else {
            panic!("{path} is not bound")
        };
        assert_eq!(inet.id.to_string(), id, "{path}");
        assert_eq!(inet.id.join(&inet.residual), path);
        let expected: Vec<HostPort> = hosts
            .iter()
            .map(|(host, port)| HostPort {
                host: (*host).to_owned(),
                port: *port,
            })
            .collect();
        assert_eq!(inet.hosts, Ok(expected), "{path}");
    }

    #[test]
    fn host_and_port_or_a_port_alone() {
        check(
            "/$/inet/example.com/80/x",
            "/$/inet/example.com/80",
            &[("example.com", 80)],
        );
        check("/$/inet/80/x", "/$/inet/80", &[("", 80)]);
        check("/$/inet/80/90", "/$/inet/80/90", &[("80", 90)]);
        check(
            r"/$/fixedinet/h/\x2b80",
            r"/$/fixedinet/h/\x2b\x38\x30",
            &[("h", 80)],
        );
        check(
            "/$/io.buoyant.rinet/80/h/x",
            "/$/io.buoyant.rinet/80/h",
            &[("h", 80)],
        );
        check("/$/inet/::1/80", "/$/inet/::1/80", &[("::1", 80)]);
    }

    #[test]
    fn an_escaped_comma_or_space_separates_hosts() {
        let id = r"/$/inet/\x68\x31\x3a\x38\x30\x2c\x68\x32/90";
        check(r"/$/inet/h1:80\x2ch2/90", id, &[("h1", 80), ("h2", 90)]);
    }

    #[test]
    fn a_bad_port_fails_the_address_and_not_the_name() {
        for path in [
            "/$/inet/h/70000",
            "/$/inet/-1",
            "/$/io.buoyant.rinet/http/h",
            r"/$/inet/a\x20b/1",
        ] {
            let path = Path::parse(path).expect("a path");
            let answer = super::super::lookup(&path);
            assert!(
                matches!(&answer, Builtin::Inet(Inet { hosts: Err(_), .. })),
                "{path}: {answer:?}"
            );
        }
    }
}
