//! An admin server with TLS: who is let in, and what goes on while its files and its configuration change.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use anyhow::Result;
use bytes::Bytes;
use http::Request;
use http_body_util::{BodyExt, Empty};
use hyper::client::conn::http1::{self, SendRequest};
use hyper_util::rt::TokioIo;
use tests::{Process, Proxied, World, program, until};
use transport::{ClientAuthFiles, ClientTls, ClientTlsFiles, Connector};

use crate::authority::Authority;

const WITHIN: Duration = Duration::from_secs(10);

/// A connection to an admin server.
struct Operator(SendRequest<Empty<Bytes>>);

impl Operator {
    async fn connect(tls: Option<&ClientTlsFiles>, port: u16) -> Result<Self> {
        let tls = tls.map(ClientTls::load).transpose()?;
        let stream = Connector::new(tls, WITHIN)
            .connect("localhost", port)
            .await?;
        let (sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
        tokio::runtime::Handle::current().spawn(connection);
        Ok(Self(sender))
    }

    async fn ask(&mut self, method: &str, path: &str) -> Result<String> {
        let request = Request::builder().method(method).uri(path);
        let request = request.header("host", "localhost").body(Empty::new())?;
        let reply = self.0.send_request(request).await?;
        let body = reply.into_body().collect().await?.to_bytes();
        Ok(String::from_utf8(body.to_vec())?)
    }
}

async fn ping(tls: Option<&ClientTlsFiles>, port: u16) -> Result<String> {
    let mut operator = Operator::connect(tls, port).await?;
    operator.ask("GET", "/admin/ping").await
}

/// Trusts the one authority, and shows a certificate of the other, if any.
fn client(trusted: &Authority, shown: Option<&Authority>) -> ClientTlsFiles {
    ClientTlsFiles {
        trust: vec![trusted.path("ca.pem")],
        client_auth: shown.map(|authority| ClientAuthFiles {
            cert: authority.path("client.pem"),
            key: authority.path("client.key"),
            intermediates: None,
        }),
        ..ClientTlsFiles::default()
    }
}

fn start(name: &str, file: &Path, yaml: &str) -> Process {
    fs::write(file, yaml).expect("it can be written");
    let process = Process::start(name, Command::new(program(name)).arg(file));
    process.expect("it starts")
}

fn router_yaml(tls: &str) -> String {
    format!(
        "stateDir: none\nadmin: {{port: 0, tls: {tls}}}\nrouters: [{{protocol: http, label: proxy, servers: [{{port: 0}}]}}]\n"
    )
}

#[test]
fn operators_are_let_in_with_a_certificate_only() {
    let world = World::new();
    let ours = Authority::new(&world, "ours")
        .issue("server")
        .issue("client");
    let theirs = Authority::new(&world, "theirs").issue("client");
    let tls = ours.guarding("server");
    let namerd_yaml = format!(
        "admin: {{port: 0, tls: {tls}}}\nstorage: {{kind: io.l5d.inMemory}}\ninterfaces: [{{kind: io.l5d.mesh, port: 0}}]\n"
    );
    for (name, yaml) in [("router", router_yaml(&tls)), ("namerd", namerd_yaml)] {
        let process = start(name, &world.dir().join(name).with_extension("yaml"), &yaml);
        let admin = process.serves("http admin").expect("it serves").port();
        // Whoever asks as soon as a socket listens waits in its queue until everything serves.
        let ping = |tls: Option<&ClientTlsFiles>| world.runtime().block_on(ping(tls, admin));
        let known = client(&ours, Some(&ours));
        assert_eq!(ping(Some(&known)).expect("let in"), "pong", "{name}");
        for (refused, why) in [
            (None, "without TLS"),
            (Some(client(&ours, None)), "without a certificate"),
            (Some(client(&ours, Some(&theirs))), "a strange certificate"),
            (Some(client(&theirs, Some(&ours))), "a strange server"),
        ] {
            let answer = ping(refused.as_ref());
            assert!(answer.is_err(), "{name}, {why}: {answer:?}");
        }
        assert_eq!(ping(Some(&known)).expect("let in"), "pong", "{name}");
    }
}

#[test]
fn an_admin_server_follows_its_files_and_drops_nobody() {
    let world = World::new();
    let ours = Authority::new(&world, "ours").issue("server");
    let theirs = Authority::new(&world, "theirs").issue("server");
    let (cert, key) = (ours.text("server.pem"), ours.text("server.key"));
    let tls = format!("{{certPath: {cert}, keyPath: {key}}}");
    let file = world.dir().join("router.yaml");
    let router = start("router", &file, &router_yaml(&tls));
    let admin = router.serves("http admin").expect("it serves").port();
    let runtime = world.runtime();
    let (old, new) = (client(&ours, None), client(&theirs, None));
    let mut operator = runtime
        .block_on(Operator::connect(Some(&old), admin))
        .expect("let in");

    for part in ["server.pem", "server.key"] {
        fs::copy(theirs.path(part), ours.path(part)).expect("it can be replaced");
    }
    until("the new certificate is shown", WITHIN, || {
        runtime.block_on(ping(Some(&new), admin)).is_ok()
    });
    assert!(runtime.block_on(ping(Some(&old), admin)).is_err());

    fs::write(&file, router_yaml(&theirs.guarding("server"))).expect("it can be written");
    let reloaded = runtime.block_on(operator.ask("POST", "/admin/reload"));
    assert_eq!(
        reloaded.expect("the connection lives"),
        "reloaded\nneeds an upgrade: the admin server's tls\n"
    );
    let asked = runtime.block_on(ping(Some(&new), admin));
    assert_eq!(asked.expect("nothing has changed"), "pong");
}

#[test]
fn what_explains_a_failure_is_asked_over_https() {
    let world = World::new();
    let ours = Authority::new(&world, "ours").issue("server");
    let yaml = router_yaml(&ours.guarding("server"));
    let router = start("router", &world.dir().join("router.yaml"), &yaml);
    let admin = router.serves("http admin").expect("it serves");
    let proxy = router.serves("proxy").expect("it serves");
    let reply = world.runtime().block_on(async {
        let mut connection = Proxied::connect(proxy).await?;
        connection.get("web", &[]).await
    });
    let body = reply.expect("an answer").body;
    let command = format!("curl -G https://{admin}/delegator.json ");
    assert!(body.contains(&command), "{body}");
}
