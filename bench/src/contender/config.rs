//! The contenders' configurations: the files in `peers/`, with the ports of this run put in.

use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use anyhow::Result;

use super::{Contender, Kind, Policy};
use crate::protocol::Protocol;

/// Writes the configuration of a contender that serves on an address, before two backends, into a folder.
pub(super) fn write(
    contender: &Contender,
    protocol: Protocol,
    (listen, [one, two]): (SocketAddr, [SocketAddr; 2]),
    dir: &Path,
) -> Result<PathBuf> {
    let kind = contender.kind;
    let (name, template) = template(kind, protocol);
    fs::create_dir_all(dir.join("disco"))?;
    let addresses = format!("{} {}\n{} {}\n", one.ip(), one.port(), two.ip(), two.port());
    fs::write(dir.join("disco/web"), addresses)?;
    let buffers = match kind {
        Kind::NginxDefault => "",
        _ => include_str!("../../peers/nginx-buffers.conf"),
    };
    let text = template
        .replace("@LISTEN_ADDRESS@", &listen.to_string())
        .replace("@LISTEN@", &listen.port().to_string())
        .replace("@BACKEND_1@", &one.to_string())
        .replace("@BACKEND_2@", &two.to_string())
        .replace("@BACKEND_PORT_1@", &one.port().to_string())
        .replace("@BACKEND_PORT_2@", &two.port().to_string())
        .replace("@DIR@", &dir.display().to_string())
        .replace("@WORKERS@", &contender.workers.to_string())
        .replace("@POLICY@", contender.policy.yaml())
        .replace("@BUFFERS@", buffers);
    let path = dir.join(name);
    fs::write(&path, text)?;
    Ok(path)
}

/// A name for the file, and the file in `peers/`.
fn template(kind: Kind, protocol: Protocol) -> (&'static str, &'static str) {
    use Protocol::{Grpc, Http1};
    match (kind, protocol) {
        (Kind::Router | Kind::Direct, Http1) => {
            ("router.yaml", include_str!("../../peers/router.yaml"))
        }
        (Kind::Router | Kind::Direct, Grpc) => {
            ("router.yaml", include_str!("../../peers/router-grpc.yaml"))
        }
        (Kind::Envoy, Http1) => ("envoy.yaml", include_str!("../../peers/envoy.yaml")),
        (Kind::Envoy, Grpc) => ("envoy.yaml", include_str!("../../peers/envoy-grpc.yaml")),
        (Kind::Haproxy, Http1) => ("haproxy.cfg", include_str!("../../peers/haproxy.cfg")),
        (Kind::Haproxy, Grpc) => ("haproxy.cfg", include_str!("../../peers/haproxy-grpc.cfg")),
        (Kind::Nginx | Kind::NginxDefault, Http1) => {
            ("nginx.conf", include_str!("../../peers/nginx.conf"))
        }
        (Kind::Nginx | Kind::NginxDefault, Grpc) => {
            ("nginx.conf", include_str!("../../peers/nginx-grpc.conf"))
        }
    }
}

impl Policy {
    fn yaml(self) -> &'static str {
        match self {
            Self::Default => "",
            Self::Off => include_str!("../../peers/router-policy-off.yaml"),
            Self::On => include_str!("../../peers/router-policy-on.yaml"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_blank_of_a_template_stays_open() {
        let dir = tempfile::tempdir().expect("a folder");
        let address = |port| SocketAddr::from(([127, 0, 0, 1], port));
        let check = |contender: &Contender, protocol| {
            let addresses = (address(1), [address(2), address(3)]);
            let path = write(contender, protocol, addresses, dir.path());
            let text = fs::read_to_string(path.expect("a file")).expect("its text");
            let blanks = text.matches("@").count();
            let expected = text.matches("\"@type\"").count();
            assert_eq!(blanks, expected, "{contender:?}:\n{text}");
        };
        for kind in [Kind::Router, Kind::Envoy, Kind::Haproxy, Kind::Nginx] {
            for policy in [Policy::Default, Policy::Off, Policy::On] {
                let mut contender = Contender::new(kind, PathBuf::new());
                contender.policy = policy;
                check(&contender, Protocol::Http1);
                check(&contender, Protocol::Grpc);
            }
        }
    }
}
