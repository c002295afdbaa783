//! Reading the configuration again.

use config::{RouterConfig, SocketOptions};
use tokio::sync::oneshot;
use transport::Inherited;

use super::serving::{Serving, address, servers};
use crate::build::StartError;
use crate::config_file::{ConfigFile, ConfigFileError};

/// What has become of a request to reload.
pub(crate) type Outcome = Result<Reloaded, NotReloaded>;

/// Whoever asks for a reload, and waits for its outcome.
pub(crate) type Asking = oneshot::Sender<Outcome>;

/// The configuration is in effect.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Reloaded {
    /// What of it is not, and takes a new process.
    pub(crate) needs_upgrade: Vec<String>,
}

/// The configuration that was there before is still in effect, as a whole.
#[derive(Debug, thiserror::Error)]
pub(crate) enum NotReloaded {
    /// The process was started with a configuration that is in no file.
    #[error("there is no file to read the configuration from")]
    NoFile,
    /// There is none to be had.
    #[error(transparent)]
    Unreadable(#[from] ConfigFileError),
    /// What it asks for cannot be made.
    #[error(transparent)]
    Impossible(#[from] StartError),
}

impl Serving {
    /// Puts what the file says now into effect, or says why not.
    pub(super) async fn reload(&mut self, file: Option<&ConfigFile>) -> Outcome {
        let file = file.ok_or(NotReloaded::NoFile)?;
        let (mut config, warnings) = file.read_again()?;
        for warning in warnings {
            tracing::warn!("{warning}");
        }
        let needs_upgrade = keep_fixed(&mut config, &self.shown.load().config);
        self.turn_to(config, &mut Inherited::none()).await?;
        Ok(Reloaded { needs_upgrade })
    }
}

/// Leaves what a running process cannot change as it is, and names it.
fn keep_fixed(config: &mut RouterConfig, current: &RouterConfig) -> Vec<String> {
    let mut needs = Vec::new();
    let (admin, before) = (&mut config.admin, &current.admin);
    if (admin.ip, admin.port) != (before.ip, before.port) {
        needs.push(format!(
            "the admin server's address {}:{}",
            admin.ip, admin.port
        ));
        (admin.ip, admin.port) = (before.ip, before.port);
    }
    if admin.tls != before.tls {
        needs.push("the admin server's tls".to_owned());
        admin.tls.clone_from(&before.tls);
    }
    if config.max_connections != current.max_connections {
        needs.push("maxConnections".to_owned());
        config.max_connections = current.max_connections;
    }
    for server in config
        .routers
        .iter_mut()
        .flat_map(|router| &mut router.servers)
    {
        let mut known = servers(current);
        let Some((_, known)) = known.find(|(_, known)| address(known) == address(server)) else {
            continue;
        };
        if server.max_connections != known.max_connections {
            needs.push(format!("the maxConnections of {}", address(server)));
            server.max_connections = known.max_connections;
        }
        if server.listens != known.listens {
            needs.push(format!("the unixMode of {}", address(server)));
            server.listens.clone_from(&known.listens);
        }
        // How long clients may take is looked at for each connection.
        let fixed = SocketOptions {
            read_timeout: server.socket_options.read_timeout,
            write_timeout: server.socket_options.write_timeout,
            ..known.socket_options.clone()
        };
        if server.socket_options != fixed {
            needs.push(format!("the socketOptions of {}", address(server)));
            server.socket_options = fixed;
        }
    }
    needs
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(yaml: &str) -> RouterConfig {
        let parsed = RouterConfig::parse("test.yaml", yaml);
        parsed.unwrap_or_else(|complaints| panic!("{complaints}")).0
    }

    #[test]
    fn what_takes_a_new_process_is_named_and_left_alone() {
        let current = config("routers: [{protocol: http, servers: [{port: 1}, {port: 2}]}]");
        let mut next = config(
            "maxConnections: 7\n\
             admin: {port: 9999, shutdownGraceMs: 1, tls: {certPath: Cargo.toml, keyPath: Cargo.toml}}\n\
             routers: [{protocol: http, servers: [{port: 3}, {port: 2, maxConnections: 3, socketOptions: {noDelay: false}}]}]",
        );
        let needs = keep_fixed(&mut next, &current);
        assert_eq!(
            needs,
            [
                "the admin server's address 127.0.0.1:9999",
                "the admin server's tls",
                "maxConnections",
                "the maxConnections of 127.0.0.1:2",
                "the socketOptions of 127.0.0.1:2"
            ]
        );
        assert_eq!(next.admin.port, current.admin.port);
        assert_eq!(next.admin.tls, None);
        assert_ne!(next.admin.shutdown_grace, current.admin.shutdown_grace);
        assert_eq!(next.routers[0].servers[1], current.routers[0].servers[1]);
        assert!(keep_fixed(&mut next, &current).is_empty());
    }
}
