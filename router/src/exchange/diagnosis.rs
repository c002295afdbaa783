//! What a `TRACE` with `l5d-add-context: true` is told of its way: a block behind whatever answers it, one for each router that
//! it passed. Source: linkerd `DiagnosticTracer`.

use std::fmt::{self, Write as _};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use dtab::{DelegateTree, Dentry, Path};
use http::Method;
use http1::{Known, Length, RequestHead, ResponseHead};
use namer::{Bound, BoundId};
use policy::Class;
use tokio::time::{Instant, timeout};

use super::{Downstream, Edge, Router};
use crate::client::{Client, Target};
use crate::forward::{Begun, Kind, Message, Sending, Unanswered, forward, hold};
use crate::route::Route;
use crate::wire::{Bounds, Input};

/// A request that asks for its diagnosis.
#[derive(Debug)]
pub(super) struct Diagnosis<'a> {
    /// The body of the answer, if the request may go no further; its head is the downstream's response then.
    pub(super) here: Option<String>,
    pub(super) route: &'a Route,
    pub(super) client: &'a Arc<Client>,
}

/// Whether a request asks for it, of a server where it may.
pub(super) fn is_asked_for(head: &RequestHead, edge: &Edge) -> bool {
    head.method == Method::TRACE
        && !edge.clear_context
        && head
            .fields
            .find("l5d-add-context")
            .is_some_and(|value| value.eq_ignore_ascii_case(b"true") || value == b"1")
}

/// How long a trace may be that the block is put behind.
const BOUNDS: Bounds = Bounds {
    body: 1024 * 1024,
    worker: usize::MAX,
};

/// How long the delegation is waited for.
const DELEGATION: Duration = Duration::from_secs(2);

impl Router {
    /// Has the request answered, here or by an endpoint, and puts the block behind the answer's body.
    pub(super) async fn diagnose(
        &self,
        Diagnosis {
            here,
            route,
            client,
        }: Diagnosis<'_>,
        sending: &Sending<'_>,
        downstream: &mut Downstream<'_>,
        message: &mut Message,
    ) -> Result<Begun, Unanswered> {
        let asked = Instant::now();
        let (mut body, selected, class) = match here {
            Some(text) => {
                let selected = choice(client, sending.trying.deadline).await;
                (text.into_bytes(), selected, Class::Success)
            }
            None => match answered(client, sending, downstream, message).await? {
                Traced::Text(body, selected, class) => (body, selected, class),
                Traced::Tunnel(begun) => return Ok(begun),
            },
        };
        body.truncate(body.trim_ascii_end().len());
        if !body.is_empty() {
            body.extend_from_slice(b"\n\n");
        }
        let block = Block {
            label: &self.label,
            service: &route.path,
            client,
            selected,
            way: &self.way(route, &client.id).await,
            took: asked.elapsed(),
        };
        body.extend_from_slice(block.to_string().as_bytes());
        let mut answer = Input::default();
        answer.push(&body);
        downstream.response.set_content_length(body.len() as u64);
        downstream.answer = Some(answer);
        message.held_from = selected;
        Ok(Begun {
            now: Instant::now(),
            class,
            rest: None,
        })
    }

    /// The lines that tell how the name was delegated to this id.
    async fn way(&self, route: &Route, id: &BoundId) -> String {
        let (path, rules) = (route.path.clone(), self.base.concat(&route.local));
        let interpreter = Arc::clone(&self.interpreter);
        let delegating = {
            let _control = self.control.enter();
            live::task("diagnosis", async move {
                timeout(DELEGATION, interpreter.delegate(&path, &rules)).await
            })
        };
        match delegating.ended().await {
            Some(Ok(Ok(tree))) => {
                let mut lines = Vec::new();
                find(&tree, id, &mut lines);
                lines.join("\n")
            }
            Some(Ok(Err(failure))) => format!("  {failure}"),
            Some(Err(_)) | None => "  cannot be told now".to_owned(),
        }
    }
}

/// What an endpoint answered.
enum Traced {
    /// A body, and where it is from, unless the router answered itself.
    Text(Vec<u8>, Option<SocketAddr>, Class),
    /// Something that has no body.
    Tunnel(Begun),
}

async fn answered(
    client: &Arc<Client>,
    sending: &Sending<'_>,
    downstream: &mut Downstream<'_>,
    message: &mut Message,
) -> Result<Traced, Unanswered> {
    let sending = Sending {
        holding: None,
        ..*sending
    };
    let begun = forward(client, &sending, downstream, message).await?;
    match begun.rest {
        Some(Kind::Body) => {}
        None => return Ok(Traced::Text(Vec::new(), None, begun.class)),
        Some(Kind::Tunnel) => return Ok(Traced::Tunnel(begun)),
    }
    let address = message.endpoint();
    let length = downstream.response.length();
    let is_short = matches!(length, Length::Exact(length) if length <= BOUNDS.body as u64);
    let is_plain = !downstream.response.fields.has(Known::ContentEncoding);
    let body = match is_short && is_plain {
        true => {
            hold(client, BOUNDS, downstream, message).await?;
            let held = downstream.answer.take().unwrap_or_default();
            held.filled().to_vec()
        }
        false => {
            message.lease = None;
            replaced(downstream.response)
        }
    };
    Ok(Traced::Text(body, address, begun.class))
}

/// Where the request would have gone, once that is known.
async fn choice(client: &Client, deadline: Instant) -> Option<SocketAddr> {
    let Target::Endpoints { set, .. } = &client.target else {
        return None;
    };
    let set = set.ready(deadline).await.ok()?;
    let now = client.clock.time_at(Instant::now());
    let pick = set.balancer.pick(now, &mut fastrand::f64, |_| false)?;
    Some(pick.node.address)
}

/// What one router says.
struct Block<'a> {
    label: &'a str,
    service: &'a Path,
    client: &'a Client,
    selected: Option<SocketAddr>,
    /// How the name came to the client's.
    way: &'a str,
    took: Duration,
}

impl fmt::Display for Block<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let set = self.client.endpoints();
        let members = set.iter().flat_map(|set| set.balancer.members());
        let mut addresses: Vec<_> = members.map(|member| member.address.to_string()).collect();
        addresses.sort_unstable();
        writeln!(f, "--- Router: {} ---", self.label)?;
        writeln!(f, "request duration: {} ms", self.took.as_millis())?;
        writeln!(f, "service name: {}", self.service)?;
        writeln!(f, "client name: {}", self.client.id)?;
        writeln!(f, "addresses: [{}]", addresses.join(", "))?;
        match self.selected {
            Some(address) => writeln!(f, "selected address: {address}")?,
            None => writeln!(f, "selected address: ")?,
        }
        writeln!(f, "dtab resolution:\n{}", self.way)
    }
}

/// Puts the steps that lead to this id behind the lines, if there are any.
fn find(tree: &DelegateTree<Bound>, id: &BoundId, lines: &mut Vec<String>) -> bool {
    let before = lines.len();
    lines.push(step(tree.path(), tree.dentry()));
    let is_found = match tree {
        DelegateTree::Delegate { tree, .. } | DelegateTree::Transformation { tree, .. } => {
            find(tree, id, lines)
        }
        DelegateTree::Alt { trees, .. } => trees.iter().any(|tree| find(tree, id, lines)),
        DelegateTree::Union { branches, .. } => {
            branches.iter().any(|branch| find(&branch.tree, id, lines))
        }
        DelegateTree::Leaf { bound, .. } => bound.id == *id,
        DelegateTree::Neg { .. }
        | DelegateTree::Fail { .. }
        | DelegateTree::Empty { .. }
        | DelegateTree::Exception { .. } => false,
    };
    if !is_found {
        lines.truncate(before);
    }
    is_found
}

fn step(path: &Path, dentry: Option<&Dentry>) -> String {
    match dentry {
        None => format!("  {path}"),
        Some(dentry) => format!("  {path} ({dentry})"),
    }
}

/// What stands for a body that is no short text: what its head said. The head is made that of a text.
fn replaced(response: &mut ResponseHead) -> Vec<u8> {
    if response.length() == Length::None {
        return Vec::new();
    }
    let mut text = String::new();
    for field in response.fields.iter() {
        let [name, value] = [field.name, field.value].map(String::from_utf8_lossy);
        // Writing to a string cannot fail.
        let _ = writeln!(text, "{name}: {value}");
    }
    let reason = String::from_utf8_lossy(response.reason());
    let _ = writeln!(text, "HTTP {} - {reason}", response.status.as_u16());
    text.push_str("The body of this answer came in chunks, encoded, or too long, and is left out.");
    response.fields.remove(Known::ContentEncoding);
    text.into_bytes()
}
