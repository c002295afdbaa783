//! The namers that every table can use without configuration: `/$/inet`, `/$/fail`, the rewriting namers.
//!
//! Pure: what needs the network is answered with a description of the addresses, for the caller to keep alive.
//! Source: finagle `Namer.global`, linkerd `namer/http` and `namer/core`. Where a path makes the reference throw, the answer is Neg.

mod host_port;
mod http;
mod inet;

use dtab::{Path, Segment};

pub use self::inet::{HostPort, Inet};

/// What a built-in namer says about a path.
#[derive(Debug, Clone, PartialEq)]
pub enum Builtin {
    /// Another name for it, to be looked up in turn.
    Path(Path),
    /// There is no such name.
    Neg,
    /// `/$/fail`
    Fail,
    /// `/$/nil`
    Empty,
    /// Addresses that are written in the path, by IP address or DNS name.
    Inet(Inet),
    /// `/$/io.buoyant.http.status`: an HTTP service within the router that answers every request with this code. Its
    /// id isn't a path.
    Status {
        /// From 100 to 599.
        code: u16,
        /// All arguments, the code among them.
        residual: Path,
    },
    /// No namer of this name, or one that needs ZooKeeper; the text says which.
    Unsupported(String),
}

/// Looks a path up. Paths that don't start with `/$` are Neg.
#[must_use]
pub fn lookup(path: &Path) -> Builtin {
    let path = behind_globals(path);
    let [system, class, arguments @ ..] = path.segments() else {
        return Builtin::Neg;
    };
    if system != "$" {
        return Builtin::Neg;
    }
    let rest = path.skip(2);
    match class.as_bytes() {
        b"fail" => Builtin::Fail,
        b"nil" => Builtin::Empty,
        b"inet" | b"fixedinet" => inet::lookup(&path).unwrap_or_else(|| unknown(class, &path)),
        b"io.buoyant.rinet" => inet::reversed(&path),
        b"io.buoyant.hostportPfx" => host_port::host_first(arguments, &rest),
        b"io.buoyant.porthostPfx" => host_port::port_first(arguments, &rest),
        b"io.buoyant.http.anyMethod" => http::any_method(arguments, &rest),
        b"io.buoyant.http.anyMethodPfx" => http::any_method_prefixed(arguments, &rest),
        b"io.buoyant.http.anyHost" => http::any_host(arguments, &rest),
        b"io.buoyant.http.anyHostPfx" => http::any_host_prefixed(arguments, &rest),
        b"io.buoyant.http.subdomainOf" => http::subdomain_of(arguments, &rest),
        b"io.buoyant.http.subdomainOfPfx" => http::subdomain_of_prefixed(arguments, &rest),
        b"io.buoyant.http.domainToPath" => http::domain_to_path(arguments, &rest),
        b"io.buoyant.http.domainToPathPfx" => http::domain_to_path_prefixed(arguments, &rest),
        b"io.buoyant.http.status" => http::status(arguments, rest),
        ZK_LEADER | SERVERSET => Builtin::Unsupported(format!(
            "{class} needs ZooKeeper, which is not supported: {path}"
        )),
        _ => unknown(class, &path),
    }
}

/// Whether there is a namer behind a path that starts with `/$`, whatever its arguments. For complaints about tables, where the
/// arguments come later.
#[must_use]
pub fn is_known(path: &Path) -> bool {
    let path = behind_globals(path);
    match path.segments() {
        [system, class, ..] if system == "$" => {
            let is_inet = class == "inet" || class == "fixedinet";
            is_inet || !matches!(lookup(&path.take(2)), Builtin::Unsupported(_))
        }
        _ => true,
    }
}

const ZK_LEADER: &[u8] = b"io.buoyant.namer.zk.leader";
const SERVERSET: &[u8] = b"com.twitter.serverset";
const GLOBAL: &str = "com.twitter.finagle.namer.global";

/// `/$/com.twitter.finagle.namer.global` looks up what is behind it, perhaps itself.
fn behind_globals(path: &Path) -> Path {
    let mut path = path.clone();
    while let [system, class, ..] = path.segments() {
        if system != "$" || class != GLOBAL {
            break;
        }
        path = path.skip(2);
    }
    path
}

/// The text is linkerd's `UnknownNamer`.
fn unknown(class: &Segment, path: &Path) -> Builtin {
    Builtin::Unsupported(format!("Unknown namer: {class} for path: {path}"))
}

/// A segment as text, if it is UTF-8.
fn text(segment: &Segment) -> Option<&str> {
    std::str::from_utf8(segment.as_bytes()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(path: &str) -> Builtin {
        lookup(&Path::parse(path).expect("a path"))
    }

    fn check(path: &str, rewritten: &str) {
        assert_eq!(
            answer(path),
            Builtin::Path(Path::parse(rewritten).expect("a path")),
            "{path}"
        );
    }

    #[test]
    fn the_global_namer_looks_up_what_is_behind_it() {
        let global = format!("/$/{GLOBAL}");
        check(
            &format!("{global}{global}/$/io.buoyant.http.anyHost/a/b"),
            "/b",
        );
        assert_eq!(answer(&format!("{global}/a")), Builtin::Neg);
        assert_eq!(answer(&format!("{global}/$/fail")), Builtin::Fail);
        assert_eq!(answer(&global), Builtin::Neg);
    }

    #[test]
    fn what_makes_the_reference_throw_is_neg() {
        for path in [
            "/$/io.buoyant.hostportPfx/p/:80",
            "/$/io.buoyant.http.domainToPath/.a.b",
            "/$/io.buoyant.http.domainToPath/a..b",
            "/$/io.buoyant.http.domainToPath/...",
            r"/$/io.buoyant.http.anyHost/\xff",
            r"/$/io.buoyant.hostportPfx/p/\xff:80",
        ] {
            assert_eq!(answer(path), Builtin::Neg, "{path}");
        }
    }

    #[test]
    fn domains_keep_their_port_and_lose_trailing_dots() {
        check(
            "/$/io.buoyant.http.domainToPath/www.example.com:80/x",
            "/com:80/example/www/x",
        );
        check("/$/io.buoyant.http.domainToPath/a.b../x", "/b/a/x");
    }

    #[test]
    fn a_status_keeps_all_its_arguments_as_residual() {
        let residual = Path::parse("/503/x").expect("a path");
        assert_eq!(
            answer("/$/io.buoyant.http.status/503/x"),
            Builtin::Status {
                code: 503,
                residual
            }
        );
        for code in ["99", "600", "x", r"\x2b200", "0200"] {
            assert_eq!(
                answer(&format!("/$/io.buoyant.http.status/{code}")),
                Builtin::Neg,
                "{code}"
            );
        }
    }

    #[test]
    fn unknown_namers_and_zookeeper_say_so() {
        let message = |path: &str| match answer(path) {
            Builtin::Unsupported(message) => message,
            other => panic!("{path}: {other:?}"),
        };
        assert_eq!(
            message("/$/no.such/x"),
            "Unknown namer: no.such for path: /$/no.such/x"
        );
        assert!(message("/$/com.twitter.serverset/h/p").contains("ZooKeeper"));
        assert!(!is_known(&Path::parse("/$/no.such/x").expect("a path")));
        assert!(is_known(&Path::parse("/$/inet").expect("a path")));
        assert!(is_known(
            &Path::parse("/$/io.buoyant.rinet").expect("a path")
        ));
    }
}
