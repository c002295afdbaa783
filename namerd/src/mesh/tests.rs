//! Both services over loopback, with the store in memory.

mod marks;

use std::net::SocketAddr;
use std::time::Duration;

use dtab::{Dtab, NameTree, Path};
use mesh::linkerd::{
    BindReq, DtabReq, ReplicasReq, codec_client::CodecClient, delegator_client::DelegatorClient,
    interpreter_client::InterpreterClient, resolver_client::ResolverClient,
};
use mesh::v1::{
    FromRouter, Held, Hello, Subscribe, ToRouter, Unsubscribe, from_router,
    mesh_client::MeshClient, to_router, update,
};
use namer::{Inet, Namers};
use tokio::sync::mpsc;
use tokio::time::timeout;
use tokio_stream::wrappers::ReceiverStream;
use tonic::transport::Channel;
use tonic::{Code, Streaming};
use transport::{Listener, Shutdown, SocketOptions};

use super::*;
use crate::store::{By, InMemory, Namespace, Store, Stored};

struct World {
    context: Context,
    store: Arc<dyn Store>,
    channel: Channel,
    shutdown: Shutdown,
}

impl World {
    async fn new() -> Self {
        Self::with(Namers::builtin(Inet::system())).await
    }

    async fn with(namers: Namers) -> Self {
        let store: Arc<dyn Store> = Arc::new(InMemory::new("namerd-1", []));
        let shutdown = Shutdown::new();
        let context = Context {
            namerd: "namerd-1".into(),
            namespaces: Arc::new(Namespaces::new(Arc::clone(&store), namers, false)),
            fleet: Fleet::new("namerd-1", Arc::clone(&store)),
            drain: shutdown.drain(),
        };
        let loopback = SocketAddr::from(([127, 0, 0, 1], 0));
        let listener = Listener::bind(loopback, &SocketOptions::default()).unwrap();
        let address = listener.local_addr().unwrap();
        live::task(
            "server",
            transport::serve(listener, None, routes(&context), shutdown.drain()),
        );
        let channel = Channel::from_shared(format!("http://{address}")).unwrap();
        let channel = channel.connect().await.unwrap();
        Self {
            context,
            store,
            channel,
            shutdown,
        }
    }

    async fn put(&self, dtab: &str) -> u64 {
        let stored = Stored::parse(dtab).unwrap();
        let written = self.store.put(&default(), stored, By::default()).await;
        written.unwrap()
    }

    async fn router(&self, hello: Hello) -> Script {
        let (say, said) = mpsc::channel(100);
        let hello = FromRouter {
            message: Some(from_router::Message::Hello(hello)),
        };
        say.send(hello).await.unwrap();
        let mut client = MeshClient::new(self.channel.clone());
        let hear = client.connect(ReceiverStream::new(said)).await.unwrap();
        let mut router = Script {
            say,
            hear: hear.into_inner(),
        };
        assert!(router.next().await.starts_with("welcome namerd-1"));
        router
    }
}

fn default() -> Namespace {
    "default".parse().unwrap()
}

fn path(text: &str) -> Path {
    Path::parse(text).unwrap()
}

fn hello() -> Hello {
    Hello {
        router_id: "r1".to_owned(),
        namespaces: vec!["default".to_owned()],
        ..Hello::default()
    }
}

fn subscribe(id: u64, name: &str) -> from_router::Message {
    from_router::Message::Subscribe(Subscribe {
        id,
        root: Some((&path("/default")).into()),
        name: Some((&path(name)).into()),
        ..Subscribe::default()
    })
}

struct Script {
    say: mpsc::Sender<FromRouter>,
    hear: Streaming<ToRouter>,
}

impl Script {
    async fn say(&self, message: from_router::Message) {
        let message = FromRouter {
            message: Some(message),
        };
        self.say.send(message).await.unwrap();
    }

    async fn message(&mut self) -> to_router::Message {
        loop {
            let next = timeout(Duration::from_secs(10), self.hear.message()).await;
            match next.expect("in time").unwrap().expect("more").message {
                Some(to_router::Message::Beat(_)) | None => {}
                Some(message) => return message,
            }
        }
    }

    async fn next(&mut self) -> String {
        shown(&self.message().await)
    }

    async fn hears(&mut self, expected: &[&str]) {
        for expected in expected {
            assert_eq!(self.next().await, *expected);
        }
    }
}

fn shown(message: &to_router::Message) -> String {
    match message {
        to_router::Message::Welcome(welcome) => format!("welcome {}", welcome.namerd_id),
        to_router::Message::Update(update) => {
            let state = match update.state.as_ref().unwrap() {
                update::State::Pending(_) => "pending".to_owned(),
                update::State::Failed(failed) => format!("failed: {}", failed.message),
                update::State::Unchanged(_) => "unchanged".to_owned(),
                update::State::Tree(tree) => {
                    let tree: mesh::wire::BoundTree =
                        tree.root.as_ref().unwrap().try_into().unwrap();
                    let names = tree.map(&mut |leaf| leaf.bound.id.path());
                    match names {
                        NameTree::Neg => "~".to_owned(),
                        names => names.to_string(),
                    }
                }
            };
            format!("{} at {}: {state}", update.subscription, update.revision)
        }
        to_router::Message::Addresses(addresses) => {
            let (id, said) = mesh::wire::Addresses::from_message(addresses).unwrap();
            match said {
                mesh::wire::Addresses::Bound(set) => {
                    let endpoints = set.endpoints.iter();
                    let endpoints: Vec<_> = endpoints.map(|e| e.address.to_string()).collect();
                    format!("{id} is at {}", endpoints.join(", "))
                }
                other => format!("{id} is {other:?}"),
            }
        }
        to_router::Message::Mark(mark) => format!("{} is at {}", mark.namespace, mark.revision),
        to_router::Message::Beat(_) => "beat".to_owned(),
    }
}

#[tokio::test]
async fn addresses_go_before_the_tree_and_the_mark_after_everything() {
    let world = World::new().await;
    world
        .put("/svc/web => 9*/$/inet/127.0.0.1/1 & 1*/$/inet/127.0.0.1/2")
        .await;
    let mut router = world.router(hello()).await;
    router.hears(&["default is at 1"]).await;
    router.say(subscribe(7, "/svc/web")).await;
    router
        .hears(&[
            "/$/inet/127.0.0.1/1 is at 127.0.0.1:1",
            "/$/inet/127.0.0.1/2 is at 127.0.0.1:2",
            "7 at 1: 9.00*/$/inet/127.0.0.1/1 & /$/inet/127.0.0.1/2",
        ])
        .await;
    router.hears(&["default is at 1"]).await;
    world.put("/svc/web => /$/inet/127.0.0.1/2").await;
    router
        .hears(&["7 at 2: /$/inet/127.0.0.1/2", "default is at 2"])
        .await;
}

#[tokio::test]
async fn a_name_that_is_no_longer_wanted_is_not_told() {
    let world = World::new().await;
    world.put("/svc => /$/nil").await;
    let mut router = world.router(hello()).await;
    router.say(subscribe(1, "/svc/web")).await;
    router
        .hears(&["default is at 1", "1 at 1: $", "default is at 1"])
        .await;
    router
        .say(from_router::Message::Unsubscribe(Unsubscribe { id: 1 }))
        .await;
    router.say(subscribe(2, "/svc/web")).await;
    router.hears(&["2 at 1: $", "default is at 1"]).await;
    world.put("/svc => /$/fail").await;
    router.hears(&["2 at 2: !", "default is at 2"]).await;
}

#[tokio::test]
async fn what_a_router_still_holds_is_not_sent_again() {
    let world = World::new().await;
    world.put("/svc => /$/nil").await;
    let mut router = world.router(hello()).await;
    router.say(subscribe(1, "/svc/web")).await;
    let digest = loop {
        if let to_router::Message::Update(update) = router.message().await {
            break update.digest;
        }
    };
    let held = Held {
        root: Some((&path("/default")).into()),
        path: Some((&path("/svc/web")).into()),
        dtab: None,
        digest,
    };
    let hello = Hello {
        held: vec![held],
        ..hello()
    };
    let mut again = world.router(hello).await;
    again.say(subscribe(1, "/svc/web")).await;
    again.hears(&["default is at 1", "1 at 1: unchanged"]).await;
    world.put("/svc => /$/fail").await;
    loop {
        if again.next().await == "1 at 2: !" {
            break;
        }
    }
}

#[tokio::test]
async fn alternatives_are_told_to_those_who_ask_for_them() {
    let inet = |port: u16| format!("/$/inet/127.0.0.1/{port}");
    let world = World::new().await;
    world
        .put(&format!("/svc => {} | /none | {}", inet(1), inet(2)))
        .await;
    let mut router = world.router(hello()).await;
    router.hears(&["default is at 1"]).await;
    router.say(subscribe(1, "/svc")).await;
    let at = |port: u16| format!("{} is at 127.0.0.1:{port}", inet(port));
    let first = format!("1 at 1: {}", inet(1));
    router.hears(&[&at(1), &first, "default is at 1"]).await;
    let asks = Subscribe {
        id: 2,
        root: Some((&path("/default")).into()),
        name: Some((&path("/svc")).into()),
        alternatives: true,
        ..Subscribe::default()
    };
    router.say(from_router::Message::Subscribe(asks)).await;
    let all = format!("2 at 1: {} | {}", inet(1), inet(2));
    router.hears(&[&at(2), &all, "default is at 1"]).await;
    world
        .put(&format!("/svc => {} | {}", inet(1), inet(3)))
        .await;
    let all = format!("2 at 2: {} | {}", inet(1), inet(3));
    router.hears(&[&at(3), &all, "default is at 2"]).await;
}

#[tokio::test]
async fn a_namespace_comes_goes_and_comes_back() {
    let world = World::new().await;
    let mut router = world.router(hello()).await;
    router.say(subscribe(1, "/svc/web")).await;
    router
        .hears(&["default is at 0", "1 at 0: ~", "default is at 0"])
        .await;
    world.put("/svc => /$/nil").await;
    router.hears(&["1 at 1: $", "default is at 1"]).await;
    world
        .store
        .delete(&default(), None, By::default())
        .await
        .unwrap();
    router.hears(&["1 at 2: ~", "default is at 2"]).await;
    world.put("/svc => /$/nil").await;
    router.hears(&["1 at 3: $", "default is at 3"]).await;
}

#[tokio::test]
async fn what_is_wrong_with_a_subscription_is_told_and_the_stream_goes_on() {
    let world = World::new().await;
    let mut router = world.router(hello()).await;
    router.hears(&["default is at 0"]).await;
    let nowhere = Subscribe {
        id: 1,
        root: Some((&path("/a/b")).into()),
        name: Some((&path("/svc")).into()),
        ..Subscribe::default()
    };
    router.say(from_router::Message::Subscribe(nowhere)).await;
    router
        .hears(&["1 at 0: failed: Invalid root: `/a/b` must have exactly one segment"])
        .await;
    router.say(subscribe(2, "/svc")).await;
    router.hears(&["2 at 0: ~"]).await;
}

#[tokio::test]
async fn a_stream_without_hello_is_refused_and_streams_end_with_namerd() {
    let world = World::new().await;
    let (say, said) = mpsc::channel(1);
    let first = FromRouter {
        message: Some(subscribe(1, "/svc")),
    };
    say.send(first).await.unwrap();
    let mut client = MeshClient::new(world.channel.clone());
    let mut hear = client
        .connect(ReceiverStream::new(said))
        .await
        .unwrap()
        .into_inner();
    let refused = hear.message().await.unwrap_err();
    assert_eq!(refused.code(), Code::InvalidArgument);

    let mut router = world.router(hello()).await;
    router.hears(&["default is at 0"]).await;
    world.shutdown.begin();
    while let Some(message) = router.hear.message().await.unwrap() {
        assert_eq!(shown(&message.message.unwrap()), "beat");
    }
}

fn bind(root: &str, name: &str, dtab: &str) -> BindReq {
    BindReq {
        root: Some((&path(root)).into()),
        name: Some((&path(name)).into()),
        dtab: Some((&Dtab::parse(dtab).unwrap()).try_into().unwrap()),
    }
}

#[tokio::test]
async fn the_interpreter_binds_and_refuses_as_the_reference_does() {
    let world = World::new().await;
    world.put("/svc => /$/inet/127.0.0.1/1").await;
    let mut client = InterpreterClient::new(world.channel.clone());
    let answer = client
        .get_bound_tree(bind("/default", "/svc/x", ""))
        .await
        .unwrap();
    let tree: mesh::wire::BoundTree = (&answer.into_inner().tree.unwrap()).try_into().unwrap();
    let leaf = tree.leaves()[0].bound.clone();
    assert_eq!(
        (leaf.id.path().to_string(), leaf.residual.to_string()),
        ("/$/inet/127.0.0.1/1".to_owned(), "/x".to_owned())
    );

    let mut refuse = async |request: BindReq| {
        let status = client.get_bound_tree(request).await.unwrap_err();
        (status.code(), status.message().to_owned())
    };
    let given = |code, message: &str| (code, message.to_owned());
    assert_eq!(
        refuse(BindReq {
            root: None,
            ..bind("/default", "/svc", "")
        })
        .await,
        given(Code::InvalidArgument, "No namespace specified")
    );
    assert_eq!(
        refuse(bind("/a/b", "/svc", "")).await,
        given(
            Code::InvalidArgument,
            "Invalid root: `/a/b` must have exactly one segment"
        )
    );
    assert_eq!(
        refuse(bind("/a/b", "/", "")).await,
        given(Code::NotFound, "No name given")
    );
    let looped = refuse(bind("/default", "/loop", "/loop => /loop")).await;
    assert_eq!(looped.0, Code::Internal);
}

#[tokio::test]
async fn a_stream_of_trees_follows_the_namespace() {
    let world = World::new().await;
    let mut client = InterpreterClient::new(world.channel.clone());
    let request = bind("/default", "/svc", "");
    let mut trees = client
        .stream_bound_tree(request)
        .await
        .unwrap()
        .into_inner();
    let mut next = async || {
        let tree = trees.message().await.unwrap().expect("more").tree.unwrap();
        let tree: mesh::wire::BoundTree = (&tree).try_into().unwrap();
        tree.map(&mut |leaf| leaf.bound.id.path()).to_string()
    };
    assert_eq!(next().await, "~");
    world.put("/svc => /$/inet/127.0.0.1/1").await;
    assert_eq!(next().await, "/$/inet/127.0.0.1/1");
    world.put("/svc => /$/fail").await;
    assert_eq!(next().await, "!");
}

#[tokio::test]
async fn replicas_are_values_whatever_the_id() {
    let world = World::new().await;
    let mut client = ResolverClient::new(world.channel.clone());
    for (id, expected) in [
        ("/$/inet/127.0.0.1/1", "127.0.0.1:1"),
        ("/%/io.l5d.port/1/$/inet/127.0.0.1/2", "127.0.0.1:2"),
        ("/$/nil", ""),
        ("/#/none", "neg"),
        ("/$/fail", "name tree failed"),
        ("/", "No ID provided"),
    ] {
        let request = ReplicasReq {
            id: Some((&path(id)).into()),
        };
        let replicas = client.get_replicas(request).await.unwrap().into_inner();
        let shown = match mesh::wire::Addresses::try_from(&replicas).unwrap() {
            mesh::wire::Addresses::Bound(set) => {
                let endpoints = set.endpoints.iter();
                endpoints
                    .map(|e| e.address.to_string())
                    .collect::<Vec<_>>()
                    .join(",")
            }
            mesh::wire::Addresses::Neg => "neg".to_owned(),
            mesh::wire::Addresses::Failed(why) => why,
            mesh::wire::Addresses::Pending => "pending".to_owned(),
        };
        assert_eq!(shown, expected, "{id}");
    }
}

#[tokio::test]
async fn a_dtab_has_the_version_of_the_http_api_and_ends_with_its_namespace() {
    let world = World::new().await;
    let mut client = DelegatorClient::new(world.channel.clone());
    let request = || DtabReq {
        root: Some((&path("/default")).into()),
    };
    let mut absent = client.stream_dtab(request()).await.unwrap().into_inner();
    assert_eq!(absent.message().await.unwrap_err().code(), Code::NotFound);
    assert_eq!(
        client.get_dtab(request()).await.unwrap_err().message(),
        "Root not found"
    );

    world.put("/svc => /a").await;
    let mut dtabs = client.stream_dtab(request()).await.unwrap().into_inner();
    let first = dtabs.message().await.unwrap().unwrap().dtab.unwrap();
    assert_eq!(first.version.unwrap().id.as_deref(), Some(b"1".as_slice()));
    assert_eq!(
        Dtab::try_from(&first.dtab.unwrap()).unwrap().to_string(),
        "/svc=>/a"
    );
    world
        .store
        .delete(&default(), None, By::default())
        .await
        .unwrap();
    assert_eq!(dtabs.message().await.unwrap_err().code(), Code::NotFound);
}

#[tokio::test]
async fn the_codec_reads_and_shows() {
    let world = World::new().await;
    let mut client = CodecClient::new(world.channel.clone());
    let read = |text: &str| mesh::linkerd::ReadDtabReq {
        text: Some(text.to_owned()),
    };
    let dtab = client
        .read_dtab(read("/a => 0.5*/b & /c"))
        .await
        .unwrap()
        .into_inner()
        .dtab;
    let show = mesh::linkerd::ShowDtabReq { dtab };
    let text = client.show_dtab(show).await.unwrap().into_inner().text;
    assert_eq!(text.as_deref(), Some("/a=>0.50*/b & /c"));
    let bad = client.read_dtab(read("/a =")).await.unwrap_err();
    assert_eq!(bad.code(), Code::InvalidArgument);
    assert!(bad.message().contains("expected but"), "{}", bad.message());
}
