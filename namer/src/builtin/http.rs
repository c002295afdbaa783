//! The rewriting namers for names made from HTTP requests. Source: linkerd `namer/core` `http.scala`, `status.scala`.

use dtab::{Path, Segment};

use super::{Builtin, text};

/// METHOD: drops it.
pub(super) fn any_method(arguments: &[Segment], rest: &Path) -> Builtin {
    match arguments {
        [method, ..] if is_method(method) => Builtin::Path(rest.skip(1)),
        _ => Builtin::Neg,
    }
}

/// pfx METHOD: `/pfx`.
pub(super) fn any_method_prefixed(arguments: &[Segment], rest: &Path) -> Builtin {
    match arguments {
        [_, method, ..] if is_method(method) => Builtin::Path(rest.take(1).join(&rest.skip(2))),
        _ => Builtin::Neg,
    }
}

/// host: drops it.
pub(super) fn any_host(arguments: &[Segment], rest: &Path) -> Builtin {
    match arguments {
        [host, ..] if host_text(host).is_some() => Builtin::Path(rest.skip(1)),
        _ => Builtin::Neg,
    }
}

/// pfx host: `/pfx`.
pub(super) fn any_host_prefixed(arguments: &[Segment], rest: &Path) -> Builtin {
    match arguments {
        [_, host, ..] if host_text(host).is_some() => {
            Builtin::Path(rest.take(1).join(&rest.skip(2)))
        }
        _ => Builtin::Neg,
    }
}

/// domain host: `/sub`, where host is `sub.domain`.
pub(super) fn subdomain_of(arguments: &[Segment], rest: &Path) -> Builtin {
    let [domain, host, ..] = arguments else {
        return Builtin::Neg;
    };
    rewritten(&Path::empty(), subdomain(domain, host), &rest.skip(2))
}

/// domain pfx host: `/pfx/sub`.
pub(super) fn subdomain_of_prefixed(arguments: &[Segment], rest: &Path) -> Builtin {
    let [domain, _, host, ..] = arguments else {
        return Builtin::Neg;
    };
    rewritten(
        &rest.skip(1).take(1),
        subdomain(domain, host),
        &rest.skip(3),
    )
}

/// host: its labels, the last one first.
pub(super) fn domain_to_path(arguments: &[Segment], rest: &Path) -> Builtin {
    let [host, ..] = arguments else {
        return Builtin::Neg;
    };
    rewritten(&Path::empty(), reversed_labels(host), &rest.skip(1))
}

/// pfx host: `/pfx` and the labels, the last one first.
pub(super) fn domain_to_path_prefixed(arguments: &[Segment], rest: &Path) -> Builtin {
    let [_, host, ..] = arguments else {
        return Builtin::Neg;
    };
    rewritten(&rest.take(1), reversed_labels(host), &rest.skip(2))
}

/// code: a service that answers it.
pub(super) fn status(arguments: &[Segment], rest: Path) -> Builtin {
    let code = arguments.first().and_then(text).filter(|code| {
        // Three digits and nothing else: `+200` is no status.
        code.len() == 3 && code.bytes().all(|byte| byte.is_ascii_digit())
    });
    match code.and_then(|code| code.parse().ok()) {
        Some(code @ 100..=599) => Builtin::Status {
            code,
            residual: rest,
        },
        _ => Builtin::Neg,
    }
}

fn rewritten(prefix: &Path, names: Option<Path>, residual: &Path) -> Builtin {
    names.map_or(Builtin::Neg, |names| {
        Builtin::Path(prefix.join(&names).join(residual))
    })
}

/// What is before `.domain`. The host's port is cut off, a domain's would not be.
fn subdomain(domain: &Segment, host: &Segment) -> Option<Path> {
    let host = host_text(host)?;
    let host = host.split_once(':').map_or(host, |(host, _)| host);
    let sub = host.strip_suffix(text(domain)?)?.strip_suffix('.')?;
    Path::from_segments([sub]).ok()
}

fn reversed_labels(host: &Segment) -> Option<Path> {
    let host = host_text(host)?.trim_end_matches('.');
    Path::from_segments(host.rsplit('.')).ok()
}

/// Letters, digits and `. : _ -`.
fn host_text(host: &Segment) -> Option<&str> {
    let is_allowed =
        |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b':' | b'_' | b'-');
    text(host).filter(|host| host.bytes().all(is_allowed))
}

fn is_method(method: &Segment) -> bool {
    method.as_bytes().iter().all(u8::is_ascii_uppercase)
}
