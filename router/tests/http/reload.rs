//! Another configuration, while requests come.

use std::fs;
use std::net::SocketAddr;

use tempfile::TempDir;

use crate::world::{Backend, Client, Reply, World, nobody};

const GET: &str = "GET / HTTP/1.1\r\nHost: web\r\n\r\n";

/// A router and its file.
struct Scene {
    dir: TempDir,
    world: World,
}

impl Scene {
    fn new(yaml: &str) -> Self {
        let dir = tempfile::tempdir().expect("a folder");
        let file = dir.path().join("router.yaml");
        fs::write(&file, yaml).expect("it can be written");
        let world = World::from_file(&file);
        Self { dir, world }
    }

    fn reload(&self, yaml: &str) -> Reply {
        fs::write(self.dir.path().join("router.yaml"), yaml).expect("it can be written");
        Client::to(self.world.admin()).send("POST /admin/reload HTTP/1.1\r\nHost: x\r\n\r\n")
    }

    fn reloads(&self, yaml: &str) {
        let reply = self.reload(yaml);
        assert_eq!((reply.status(), &*reply.body), (200, "reloaded\n"));
    }

    fn metric(&self, name: &str) -> serde_json::Value {
        let metrics = Client::to(self.world.admin())
            .send("GET /admin/metrics.json HTTP/1.1\r\nHost: x\r\n\r\n");
        let metrics: serde_json::Value = serde_json::from_str(&metrics.body).expect("JSON");
        metrics[name].clone()
    }
}

/// A file with one server, and more lines in the router's entry.
fn yaml(dtab: &str, more: &str) -> String {
    format!(
        "stateDir: none\nadmin: {{port: 0}}\nrouters:\n- protocol: http\n  servers: [{{port: 0}}]\n  dtab: \"{dtab}\"\n{more}"
    )
}

fn leads_to(backend: &Backend) -> String {
    format!("/svc/web => {}", backend.path())
}

fn ask(client: &mut Client, expected: &str) {
    let reply = client.send(GET);
    assert_eq!((reply.status(), &*reply.body), (200, expected));
    assert!(!reply.has("connection", "close"), "{}", reply.head);
}

#[test]
fn what_stays_the_same_is_kept_down_to_the_connections() {
    let web = Backend::named("web");
    let dtab = leads_to(&web);
    let scene = Scene::new(&yaml(&dtab, ""));
    // It stays at one worker, and so does its connection to the endpoint.
    let mut client = scene.world.client();
    ask(&mut client, "web");
    scene.reloads(&yaml(&dtab, ""));
    ask(&mut client, "web");
    scene.reloads(&yaml(
        &dtab,
        "  bindingTimeoutMs: 1234\n  maxErrResponseKB: 1\n",
    ));
    ask(&mut client, "web");
    assert_eq!(web.connections(), 1);
    assert_eq!(scene.metric("rt/http/bindcache/path/misses"), 1);
    assert_eq!(scene.metric("rt/http/service/svc/web/requests"), 3);
    let config =
        Client::to(scene.world.admin()).send("GET /config.json HTTP/1.1\r\nHost: x\r\n\r\n");
    assert!(
        config.body.contains("\"bindingTimeoutMs\":1234"),
        "{}",
        config.body
    );
}

#[test]
fn another_dtab_holds_from_the_next_request_on() {
    let (one, other) = (Backend::named("one"), Backend::named("other"));
    let scene = Scene::new(&yaml(&leads_to(&one), ""));
    let mut client = scene.world.client();
    ask(&mut client, "one");
    scene.reloads(&yaml(&leads_to(&other), ""));
    // The name was bound before the change: nobody has to wait for it.
    assert_eq!(scene.metric("rt/http/bindcache/path/misses"), 2);
    ask(&mut client, "other");
    assert_eq!(scene.metric("rt/http/bindcache/path/misses"), 2);
    scene.reloads(&yaml(&leads_to(&one), ""));
    ask(&mut client, "one");
    assert_eq!(
        one.connections(),
        1,
        "the connection was kept for its return"
    );
}

#[test]
fn other_namers_bind_the_names_anew() {
    let (one, other) = (Backend::named("one"), Backend::named("other"));
    let scene = Scene::new(
        "stateDir: none\nadmin: {port: 0}\nrouters: [{protocol: http, servers: [{port: 0}]}]\n",
    );
    let folder = |backend: &Backend, name: &str| {
        let folder = scene.dir.path().join(name);
        fs::create_dir(&folder).expect("a folder");
        let line = format!("127.0.0.1 {}\n", backend.address.port());
        fs::write(folder.join("web"), line).expect("it can be written");
        let namers = format!(
            "namers: [{{kind: io.l5d.fs, rootDir: {}}}]\n",
            folder.display()
        );
        yaml("/svc => /#/io.l5d.fs", &namers)
    };
    let (first, second) = (folder(&one, "first"), folder(&other, "second"));
    scene.reloads(&first);
    let mut client = scene.world.client();
    ask(&mut client, "one");
    scene.reloads(&second);
    ask(&mut client, "other");
}

#[test]
fn a_bad_file_changes_nothing_and_is_told_what_is_wrong() {
    let web = Backend::named("web");
    let scene = Scene::new(&yaml(&leads_to(&web), ""));
    let mut client = scene.world.client();
    ask(&mut client, "web");
    let refused = scene.reload(&yaml("/svc/web => /nothing", "  bindingTimoutMs: 5\n"));
    assert_eq!(refused.status(), 400);
    assert!(
        refused.body.contains("did you mean `bindingTimeoutMs`"),
        "{}",
        refused.body
    );
    ask(&mut client, "web");
    // Nor does one that asks for what cannot be had.
    let taken = web.address.port();
    let servers = format!("  servers: [{{port: 0}}, {{port: {taken}}}]\n");
    let refused = scene
        .reload(&yaml("/svc/web => /nothing", "").replace("  servers: [{port: 0}]\n", &servers));
    assert_eq!(refused.status(), 400);
    assert!(
        refused.body.starts_with("cannot listen on 127.0.0.1:"),
        "{}",
        refused.body
    );
    ask(&mut client, "web");
    assert_eq!(web.connections(), 1);
}

#[test]
fn servers_come_and_go() {
    let web = Backend::named("web");
    let address: SocketAddr = nobody();
    let scene = Scene::new(&yaml(&leads_to(&web), ""));
    let both = yaml(&leads_to(&web), "").replace(
        "servers: [{port: 0}]",
        &format!("servers: [{{port: 0}}, {{port: {}}}]", address.port()),
    );
    scene.reloads(&both);
    let (mut kept, mut left) = (scene.world.client(), Client::to(address));
    ask(&mut kept, "web");
    ask(&mut left, "web");
    scene.reloads(&yaml(&leads_to(&web), ""));
    while std::net::TcpStream::connect(address).is_ok() {
        std::thread::yield_now();
    }
    // Its client cannot know, and is told with its next answer at the latest.
    while !left.send(GET).has("connection", "close") {}
    assert!(left.ends());
    ask(&mut kept, "web");
}

#[test]
fn what_takes_a_new_process_is_said() {
    let web = Backend::named("web");
    let file = yaml(&leads_to(&web), "");
    let scene = Scene::new(&file);
    let port = nobody().port();
    let reply =
        scene.reload(&file.replace("admin: {port: 0}", &format!("admin: {{port: {port}}}")));
    let expected =
        format!("reloaded\nneeds an upgrade: the admin server's address 127.0.0.1:{port}\n");
    assert_eq!((reply.status(), &*reply.body), (200, &*expected));
    ask(&mut scene.world.client(), "web");
}

#[test]
fn without_a_file_there_is_no_reload() {
    let world = World::with_dtab("/svc => /none");
    let reply = Client::to(world.admin()).send("POST /admin/reload HTTP/1.1\r\nHost: x\r\n\r\n");
    assert_eq!(reply.status(), 400);
}

#[test]
fn other_transformers_hold_from_the_next_request_on() {
    let (web, next) = (Backend::named("web"), Backend::named("next"));
    let dtab = leads_to(&web);
    let scene = Scene::new(&yaml(&dtab, ""));
    let mut client = scene.world.client();
    ask(&mut client, "web");
    let port = next.address.port();
    let transformed =
        format!("  interpreter: {{transformers: [{{kind: io.l5d.port, port: {port}}}]}}\n");
    scene.reloads(&yaml(&dtab, &transformed));
    ask(&mut client, "next");
    scene.reloads(&yaml(&dtab, ""));
    ask(&mut client, "web");
}
