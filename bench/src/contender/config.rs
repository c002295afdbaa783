//! The contenders' configurations: the files in `peers/`, with the ports of this run put in.

use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use anyhow::Result;

use super::{Kind, Policy};

/// Writes the configuration of a contender that serves on an address into a folder.
pub(super) fn write(
    (kind, policy): (Kind, Policy),
    listen: SocketAddr,
    backends: [SocketAddr; 2],
    dir: &Path,
) -> Result<PathBuf> {
    let (name, template) = match kind {
        Kind::Router | Kind::Direct => ("router.yaml", include_str!("../../peers/router.yaml")),
        Kind::Envoy => ("envoy.yaml", include_str!("../../peers/envoy.yaml")),
        Kind::Haproxy => ("haproxy.cfg", include_str!("../../peers/haproxy.cfg")),
        Kind::Nginx | Kind::NginxDefault => ("nginx.conf", include_str!("../../peers/nginx.conf")),
    };
    let [one, two] = backends;
    fs::create_dir_all(dir.join("disco"))?;
    let addresses = format!("{} {}\n{} {}\n", one.ip(), one.port(), two.ip(), two.port());
    fs::write(dir.join("disco/web"), addresses)?;
    let path = dir.join(name);
    let buffers = match kind {
        Kind::NginxDefault => "",
        _ => include_str!("../../peers/nginx-buffers.conf"),
    };
    let text = fill_in(template, listen, backends, dir)
        .replace("@POLICY@", policy.yaml())
        .replace("@BUFFERS@", buffers);
    fs::write(&path, text)?;
    Ok(path)
}

fn fill_in(template: &str, listen: SocketAddr, [one, two]: [SocketAddr; 2], dir: &Path) -> String {
    template
        .replace("@LISTEN_ADDRESS@", &listen.to_string())
        .replace("@LISTEN@", &listen.port().to_string())
        .replace("@BACKEND_1@", &one.to_string())
        .replace("@BACKEND_2@", &two.to_string())
        .replace("@BACKEND_PORT_1@", &one.port().to_string())
        .replace("@BACKEND_PORT_2@", &two.port().to_string())
        .replace("@DIR@", &dir.display().to_string())
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
        let of_peers =
            [Kind::Envoy, Kind::Haproxy, Kind::Nginx].map(|kind| (kind, Policy::Default));
        let of_router =
            [Policy::Default, Policy::Off, Policy::On].map(|policy| (Kind::Router, policy));
        for kind in [&of_router[..], &of_peers[..]].concat() {
            let path = write(kind, address(1), [address(2), address(3)], dir.path());
            let text = fs::read_to_string(path.expect("a file")).expect("its text");
            let blanks = text.matches("@").count();
            let expected = text.matches("\"@type\"").count();
            assert_eq!(blanks, expected, "{kind:?}:\n{text}");
        }
    }
}
