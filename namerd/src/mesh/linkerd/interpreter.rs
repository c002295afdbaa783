//! `Interpreter`: what a name is bound to, without addresses.

use dtab::Path;
use live::State;
use mesh::linkerd::{BindReq, BoundNameTree, BoundTreeRsp, interpreter_server};
use namer::{Evaluated, Interpreter as _};
use tonic::{Request, Response, Status};

use super::states::{Look, States};
use super::{Messages, Services};

#[tonic::async_trait]
impl interpreter_server::Interpreter for Services {
    type StreamBoundTreeStream = Messages<BoundTreeRsp>;

    async fn get_bound_tree(
        &self,
        request: Request<BindReq>,
    ) -> Result<Response<BoundTreeRsp>, Status> {
        let trees = self.trees(request.get_ref(), Failures::Told)?;
        Ok(Response::new(trees.first().await?))
    }

    async fn stream_bound_tree(
        &self,
        request: Request<BindReq>,
    ) -> Result<Response<Messages<BoundTreeRsp>>, Status> {
        Ok(self.stream(self.trees(request.get_ref(), Failures::ToldWithoutTree)))
    }
}

/// When a failed binding ends the call.
#[derive(Clone, Copy, PartialEq)]
enum Failures {
    /// Always.
    Told,
    /// Only before the first tree. Afterwards the client keeps what it has.
    ToldWithoutTree,
}

impl Services {
    fn trees(&self, request: &BindReq, failures: Failures) -> Result<States<BoundTreeRsp>, Status> {
        // In the order of the reference: that there is a root, that there is a name, what the root looks like.
        if request.root.is_none() {
            return Err(Status::invalid_argument("No namespace specified"));
        }
        let name = request.name.as_ref().map(Path::try_from).transpose()?;
        let name = name.filter(|name| !name.is_empty());
        let name = name.ok_or_else(|| Status::not_found("No name given"))?;
        let root = self.root(request.root.as_ref())?;
        let binding = root
            .binder
            .bind(&name, &super::dtab(request.dtab.as_ref())?);
        let mut was_told = false;
        Ok(States::new(move |reads| {
            let _held = &root.binder;
            let look = match &*reads.read(&binding) {
                State::Pending => Look::Wait,
                State::Failed(failure) => Look::Fails(Status::internal(&*failure.reason)),
                State::Ready(binding) | State::Stale(binding, _) => look(&binding.outcome),
            };
            match look {
                Look::Fails(_) if was_told && failures == Failures::ToldWithoutTree => Look::Wait,
                look => {
                    was_told |= matches!(look, Look::Shows(_));
                    look
                }
            }
        }))
    }
}

fn look(outcome: &Evaluated) -> Look<BoundTreeRsp> {
    match outcome {
        Evaluated::Pending => Look::Wait,
        Evaluated::Failed(why) => Look::Fails(Status::internal(&**why)),
        Evaluated::Bound(tree, _) => {
            let tree = BoundNameTree::from(&namer::wire::tree_to_wire(tree));
            Look::Shows(BoundTreeRsp { tree: Some(tree) })
        }
    }
}
