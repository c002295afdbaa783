//! `host:port` segments taken apart: `/$/io.buoyant.hostportPfx/pfx/host:port` is `/pfx/host/port`.
//! Source: linkerd `namer/core` `hostport.scala`.

use dtab::{Path, Segment};

use super::{Builtin, text};

/// `/pfx/host/port`
pub(super) fn host_first(arguments: &[Segment], rest: &Path) -> Builtin {
    rewrite(arguments, rest, |host, port| [host, port])
}

/// `/pfx/port/host`
pub(super) fn port_first(arguments: &[Segment], rest: &Path) -> Builtin {
    rewrite(arguments, rest, |host, port| [port, host])
}

fn rewrite<'a>(
    arguments: &'a [Segment],
    rest: &Path,
    order: impl FnOnce(&'a str, &'a str) -> [&'a str; 2],
) -> Builtin {
    let [_, host_port, ..] = arguments else {
        return Builtin::Neg;
    };
    let Some((host, port)) = text(host_port).and_then(split) else {
        return Builtin::Neg;
    };
    match Path::from_segments(order(host, port)) {
        Ok(names) => Builtin::Path(rest.take(1).join(&names).join(&rest.skip(2))),
        Err(_) => Builtin::Neg,
    }
}

/// Host and port; colons behind them don't count, further ones within do, so that IPv6 addresses never match.
fn split(text: &str) -> Option<(&str, &str)> {
    let (host, port) = text.trim_end_matches(':').split_once(':')?;
    is_port_label(port).then_some((host, port))
}

/// A number or a name: lower-case letters, digits and hyphens, at most 63, and no hyphen in front.
fn is_port_label(port: &str) -> bool {
    let is_allowed = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    (1..=63).contains(&port.len()) && !port.starts_with('-') && port.bytes().all(is_allowed)
}
