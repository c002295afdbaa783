//! Clients made from the definitions of Linkerd 1's gRPC services find what they know.

use std::time::Duration;

use anyhow::{Context, Result};
use dtab::{Dtab, NameTree, Path};
use mesh::linkerd::bound_delegate_tree::Node;
use mesh::linkerd::codec_client::CodecClient;
use mesh::linkerd::delegator_client::DelegatorClient;
use mesh::linkerd::interpreter_client::InterpreterClient;
use mesh::linkerd::replicas;
use mesh::linkerd::resolver_client::ResolverClient;
use mesh::linkerd::{
    BindReq, BoundTreeRsp, DelegateTreeReq, DtabReq, Endpoint, ReadDtabReq, ReplicasReq,
    ShowDtabReq,
};
use tests::World;
use tokio::time::timeout;
use tonic::transport::Channel;
use tonic::{Code, Streaming};

/// Something that namerd says must come so soon.
const SOON: Duration = Duration::from_secs(5);

/// A namerd with the service `v1`, and a connection to its mesh interface.
fn namerd(dtab: &str) -> Result<(World, Channel)> {
    let mut world = World::new();
    world.start_namerd();
    world.service("v1");
    world.dtab("default", dtab);
    let mesh = format!("http://{}", world.namerds[0].mesh());
    let channel = world
        .runtime()
        .block_on(Channel::from_shared(mesh)?.connect())?;
    Ok((world, channel))
}

fn path(text: &str) -> Result<Path> {
    Ok(Path::parse(text)?)
}

fn bind(name: &str, dtab: &str) -> Result<BindReq> {
    Ok(BindReq {
        root: Some((&path("/default")?).into()),
        name: Some((&path(name)?).into()),
        dtab: Some((&Dtab::parse(dtab)?).try_into()?),
    })
}

/// The ids of a tree's leaves with their residuals, in the syntax of dtabs.
fn shown(answer: &BoundTreeRsp) -> Result<String> {
    let tree = answer.tree.as_ref().context("a tree")?;
    let tree = mesh::wire::BoundTree::try_from(tree)?;
    let leaf =
        |leaf: dtab::Leaf<mesh::wire::BoundName>| leaf.bound.id.path().join(&leaf.bound.residual);
    Ok(tree.map(&mut |found| leaf(found.clone())).to_string())
}

async fn next<T>(stream: &mut Streaming<T>) -> Result<T> {
    let message = timeout(SOON, stream.message()).await.context("silence")?;
    message?.context("the stream goes on")
}

#[test]
fn trees_are_bound_with_the_request_s_own_dtab_last() -> Result<()> {
    let (world, channel) = namerd("/srv => /#/io.l5d.fs; /svc/web => 9 * /srv/v1 & 1 * /srv/none")?;
    world.runtime().block_on(async {
        let mut interpreter = InterpreterClient::new(channel);
        for (name, dtab, tree) in [
            // A branch that is not there is left out, as in the reference.
            ("/svc/web/x", "", "/#/io.l5d.fs/v1/x"),
            (
                "/svc/web",
                "/srv/none => /$/inet/127.0.0.1/1",
                "9.00*/#/io.l5d.fs/v1 & /$/inet/127.0.0.1/1",
            ),
            ("/svc/web", "/svc/web => /srv/v1", "/#/io.l5d.fs/v1"),
            ("/svc/web", "/svc/web => /$/fail", "!"),
            ("/svc/none", "", "~"),
        ] {
            let answer = interpreter.get_bound_tree(bind(name, dtab)?).await?;
            assert_eq!(shown(answer.get_ref())?, tree, "{name} with {dtab:?}");
        }
        Ok(())
    })
}

#[test]
fn a_stream_of_trees_follows_updates_deletion_and_creation() -> Result<()> {
    let (world, channel) = namerd("/svc => /$/inet/127.0.0.1/1")?;
    let runtime = world.runtime();
    let mut interpreter = InterpreterClient::new(channel);
    let opened = interpreter.stream_bound_tree(bind("/svc", "")?);
    let mut trees = runtime.block_on(opened)?.into_inner();
    let mut hears = |tree: &str| -> Result<()> {
        let answer = runtime.block_on(next(&mut trees))?;
        assert_eq!(shown(&answer)?, tree);
        Ok(())
    };
    hears("/$/inet/127.0.0.1/1")?;
    world.dtab("default", "/svc => /$/inet/127.0.0.1/2");
    hears("/$/inet/127.0.0.1/2")?;
    world.namerctl(0).ok(&["dtab", "delete", "default"]);
    hears("~")?;
    world.dtab("default", "/svc => /$/inet/127.0.0.1/3");
    hears("/$/inet/127.0.0.1/3")
}

#[test]
fn an_ipv4_endpoint_says_so_on_the_wire() -> Result<()> {
    let (world, channel) = namerd("/svc => /#/io.l5d.fs")?;
    world.runtime().block_on(async {
        let mut resolver = ResolverClient::new(channel);
        let id = path("/#/io.l5d.fs/v1")?;
        let asked = ReplicasReq {
            id: Some((&id).into()),
        };
        // The first answer of a namer that was asked for the first time may be that it is not known yet.
        let mut stream = resolver.stream_replicas(asked.clone()).await?.into_inner();
        let bound = loop {
            if let Some(replicas::Result::Bound(bound)) = next(&mut stream).await?.result {
                break bound;
            }
        };
        let [endpoint] = &bound.endpoints[..] else {
            panic!("one endpoint, not {bound:?}");
        };
        let file = std::fs::read_to_string(world.dir().join("disco/v1"))?;
        let port = file.trim().rsplit(' ').next().context("a port")?;
        assert_eq!(endpoint.port, Some(port.parse()?));
        assert_eq!(endpoint.address.as_deref(), Some(&[127, 0, 0, 1][..]));
        is_explicit(endpoint);

        let got = resolver.get_replicas(asked).await?.into_inner().result;
        assert_eq!(got, Some(replicas::Result::Bound(bound)));
        Ok(())
    })
}

/// The reference keeps an endpoint only if it reads its family, which most encoders leave out when it is zero; and
/// `meta` is always there.
#[track_caller]
fn is_explicit(endpoint: &Endpoint) {
    assert_eq!(endpoint.inet_af, Some(0), "INET4 is written");
    assert!(endpoint.meta.is_some());
}

#[test]
fn a_dtab_has_the_version_of_the_http_api_and_its_stream_ends_with_it() -> Result<()> {
    let (world, channel) = namerd("/svc => /a")?;
    world.dtab("default", "/svc => /b");
    let runtime = world.runtime();
    let mut delegator = DelegatorClient::new(channel);
    let root = Some((&path("/default")?).into());
    let asked = DtabReq { root };

    let got = runtime.block_on(delegator.get_dtab(asked.clone()))?;
    let got = got.into_inner().dtab.context("a dtab")?;
    let version = got.version.and_then(|version| version.id);
    assert_eq!(version.as_deref(), Some(&b"2"[..]));
    let dtab = Dtab::try_from(&got.dtab.context("a dtab")?)?;
    assert_eq!(dtab.to_string(), "/svc=>/b");

    let mut dtabs = runtime
        .block_on(delegator.stream_dtab(asked.clone()))?
        .into_inner();
    runtime.block_on(next(&mut dtabs))?;
    world.namerctl(0).ok(&["dtab", "delete", "default"]);
    let ended = runtime.block_on(async { timeout(SOON, dtabs.message()).await })?;
    assert_eq!(ended.unwrap_err().code(), Code::NotFound);
    let gone = runtime.block_on(delegator.get_dtab(asked)).unwrap_err();
    assert_eq!(
        (gone.code(), gone.message()),
        (Code::NotFound, "Root not found")
    );
    Ok(())
}

#[test]
fn a_delegation_shows_each_step() -> Result<()> {
    let (world, channel) = namerd("/srv => /#/io.l5d.fs; /svc => /srv")?;
    let tree = NameTree::Leaf(path("/svc/v1/x")?);
    let asked = DelegateTreeReq {
        root: Some((&path("/default")?).into()),
        tree: Some((&tree).try_into()?),
        dtab: Some((&Dtab::empty()).try_into()?),
    };
    let mut delegator = DelegatorClient::new(channel);
    let answer = world
        .runtime()
        .block_on(delegator.get_delegate_tree(asked))?;
    let mut at = answer.into_inner().tree.context("a tree")?;
    let mut steps = Vec::new();
    let leaf = loop {
        // The reference reads no node that has no path or no dentry.
        let path = Path::try_from(at.path.as_ref().context("a path")?)?;
        let dentry = dtab::Dentry::try_from(at.dentry.as_ref().context("a dentry")?)?;
        steps.push(format!("{path} by {dentry}"));
        match at.node.context("a node")? {
            Node::Delegate(next) => at = *next,
            Node::Leaf(leaf) => break leaf,
            other => panic!("{other:?} after {steps:?}"),
        }
    };
    assert_eq!(
        steps,
        [
            "/svc/v1/x by /\\x2f=>~",
            "/srv/v1/x by /svc=>/srv",
            "/#/io.l5d.fs/v1/x by /srv=>/#/io.l5d.fs",
        ]
    );
    let of =
        |path: Option<_>| Path::try_from(&path.context("a path")?).map_err(anyhow::Error::from);
    assert_eq!(of(leaf.id)?.to_string(), "/#/io.l5d.fs/v1");
    assert_eq!(of(leaf.residual)?.to_string(), "/x");
    Ok(())
}

#[test]
fn the_codec_reads_and_shows() -> Result<()> {
    let (world, channel) = namerd("")?;
    world.runtime().block_on(async {
        let mut codec = CodecClient::new(channel);
        let text = Some("/a => 0.5*/b & /c | !".to_owned());
        let dtab = codec
            .read_dtab(ReadDtabReq { text })
            .await?
            .into_inner()
            .dtab;
        let shown = codec.show_dtab(ShowDtabReq { dtab }).await?.into_inner();
        assert_eq!(shown.text.as_deref(), Some("/a=>0.50*/b & /c | !"));
        let text = Some("/a => |".to_owned());
        let refused = codec.read_dtab(ReadDtabReq { text }).await.unwrap_err();
        assert_eq!(refused.code(), Code::InvalidArgument);
        Ok(())
    })
}
