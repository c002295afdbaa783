//! `Forwarded`: who took a request, and who sent it, for those who see only the last of the connections it came on.

use std::net::{IpAddr, SocketAddr};

use config::{ForwardedHeader, Labeler};

use super::Origin;

/// How a server names itself and its clients. Source: RFC 7239, linkerd `AddForwardedHeader`.
#[derive(Debug)]
pub(crate) struct Forwarded {
    by: Label,
    client: Label,
}

/// The name of one side.
#[derive(Debug)]
enum Label {
    /// Always the same, as it is written.
    Fixed(String),
    /// The client's address.
    Peer { has_port: bool },
    /// Another word for each request.
    RequestRandom,
    /// Another word for each connection, and for each side of it.
    ConnectionRandom { salt: u64 },
}

impl Forwarded {
    /// As the configuration says, for a server that listens at this address, if it has one.
    pub(crate) fn new(config: &ForwardedHeader, router: &str, address: Option<SocketAddr>) -> Self {
        let own = |has_port| Label::Fixed(shown(address, has_port));
        let peer = |has_port| Label::Peer { has_port };
        Self {
            by: Label::new(&config.by, router, own, 1),
            client: Label::new(&config.client, router, peer, 2),
        }
    }

    /// The line for a request: both names, and what the client called the host and its protocol.
    pub(super) fn value(
        &self,
        (host_pair, host): (&str, Option<&[u8]>),
        scheme: Option<&[u8]>,
        origin: Origin<'_>,
    ) -> Vec<u8> {
        let mut value = Vec::with_capacity(96);
        value.extend_from_slice(b"by=");
        self.by.write(origin, &mut value);
        value.extend_from_slice(b";for=");
        self.client.write(origin, &mut value);
        if let Some(host) = host.filter(|host| !host.is_empty()) {
            value.extend_from_slice(format!(";{host_pair}=").as_bytes());
            write_value(host, &mut value);
        }
        if let Some(scheme) = scheme {
            value.extend_from_slice(b";proto=");
            write_value(scheme, &mut value);
        }
        value
    }
}

impl Label {
    fn new(labeler: &Labeler, router: &str, address: impl FnOnce(bool) -> Self, salt: u64) -> Self {
        match labeler {
            Labeler::Ip => address(false),
            Labeler::IpPort => address(true),
            Labeler::RequestRandom => Self::RequestRandom,
            Labeler::ConnectionRandom => Self::ConnectionRandom { salt },
            Labeler::Router => Self::Fixed(obfuscated(router)),
            Labeler::Static { label } => Self::Fixed(label.clone()),
        }
    }

    fn write(&self, origin: Origin<'_>, value: &mut Vec<u8>) {
        match self {
            Self::Fixed(label) => value.extend_from_slice(label.as_bytes()),
            Self::Peer { has_port } => {
                value.extend_from_slice(shown(origin.peer.inet(), *has_port).as_bytes());
            }
            Self::RequestRandom => write_random(&mut fastrand::Rng::new(), value),
            Self::ConnectionRandom { salt } => {
                let seed = origin.connection ^ (salt << 60);
                write_random(&mut fastrand::Rng::with_seed(seed), value);
            }
        }
    }
}

/// `_` and six letters or digits.
fn write_random(rng: &mut fastrand::Rng, value: &mut Vec<u8>) {
    value.push(b'_');
    value.extend((0..6).map(|_| rng.alphanumeric() as u8));
}

/// An address as RFC 7239 §6 wants it: quoted where it has colons, `unknown` where there is none.
fn shown(address: Option<SocketAddr>, has_port: bool) -> String {
    let Some(address) = address else {
        return "unknown".to_owned();
    };
    let (ip, port) = (address.ip().to_canonical(), address.port());
    match (has_port, ip) {
        _ if ip.is_unspecified() => "unknown".to_owned(),
        (false, IpAddr::V4(ip)) => ip.to_string(),
        (false, IpAddr::V6(ip)) => format!("\"[{ip}]\""),
        (true, ip) => format!("\"{}\"", SocketAddr::new(ip, port)),
    }
}

/// A label as a word that nobody takes for a host. Source: RFC 7239 §6.3.
fn obfuscated(label: &str) -> String {
    let is_allowed = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
    let word = label.chars().map(|c| if is_allowed(c) { c } else { '-' });
    std::iter::once('_').chain(word).collect()
}

/// A token as it is, and what is none in quotes. Source: RFC 7239 §4.
fn write_value(text: &[u8], value: &mut Vec<u8>) {
    let is_token = |byte: &u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(byte);
    if text.iter().all(is_token) {
        value.extend_from_slice(text);
        return;
    }
    value.push(b'"');
    for byte in text {
        if matches!(byte, b'"' | b'\\') {
            value.push(b'\\');
        }
        value.push(*byte);
    }
    value.push(b'"');
}

#[cfg(test)]
mod tests;
