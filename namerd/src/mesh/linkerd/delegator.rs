//! `Delegator`: a namespace's dtab, and how names come to their addresses.

use dtab::NameTree;
use live::State;
use mesh::api::Version;
use mesh::linkerd::{
    DelegateTreeReq, DelegateTreeRsp, DtabReq, DtabRsp, VersionedDtab, delegator_server,
    versioned_dtab,
};
use namer::DelegateFailure;
use tonic::{Request, Response, Status};

use super::states::{Look, States};
use super::{Messages, Services};
use crate::store::Head;

#[tonic::async_trait]
impl delegator_server::Delegator for Services {
    type StreamDtabStream = Messages<DtabRsp>;
    type StreamDelegateTreeStream = Messages<DelegateTreeRsp>;

    async fn get_dtab(&self, request: Request<DtabReq>) -> Result<Response<DtabRsp>, Status> {
        Ok(Response::new(self.dtabs(request.get_ref())?.first().await?))
    }

    /// Ends with NOT_FOUND when the namespace does not exist, or no longer does.
    async fn stream_dtab(
        &self,
        request: Request<DtabReq>,
    ) -> Result<Response<Messages<DtabRsp>>, Status> {
        Ok(self.stream(self.dtabs(request.get_ref())))
    }

    async fn get_delegate_tree(
        &self,
        request: Request<DelegateTreeReq>,
    ) -> Result<Response<DelegateTreeRsp>, Status> {
        Ok(Response::new(self.delegation(request.get_ref()).await?))
    }

    /// One message, as in the reference.
    async fn stream_delegate_tree(
        &self,
        request: Request<DelegateTreeReq>,
    ) -> Result<Response<Messages<DelegateTreeRsp>>, Status> {
        let answer = self.delegation(request.get_ref()).await;
        Ok(Response::new(Box::pin(futures_util::stream::iter([
            answer,
        ]))))
    }
}

impl Services {
    fn dtabs(&self, request: &DtabReq) -> Result<States<DtabRsp>, Status> {
        let root = self.root(request.root.as_ref())?;
        let namespace = root.namespace.ok_or_else(root_not_found)?;
        let head = self.context.namespaces.head(&namespace);
        Ok(States::new(move |reads| match &*reads.read(&head) {
            State::Pending => Look::Wait,
            State::Failed(failure) => Look::Fails(Status::internal(&*failure.reason)),
            State::Ready(head) | State::Stale(head, _) => look(head),
        }))
    }

    async fn delegation(&self, request: &DelegateTreeReq) -> Result<DelegateTreeRsp, Status> {
        if request.root.is_none() {
            return Err(Status::invalid_argument("No namespace specified"));
        }
        let tree = request.tree.as_ref().map(NameTree::try_from).transpose()?;
        let tree = tree.ok_or_else(|| Status::not_found("No name given"))?;
        let root = self.root(request.root.as_ref())?;
        let dtab = super::dtab(request.dtab.as_ref())?;
        let delegation = root.binder.delegate_tree(tree, &dtab).await;
        let delegation = delegation.map_err(|failure| match failure {
            DelegateFailure::TimedOut(_) => Status::deadline_exceeded(failure.to_string()),
            DelegateFailure::Failed(_) => Status::internal(failure.to_string()),
            DelegateFailure::Hidden => Status::unimplemented(failure.to_string()),
            DelegateFailure::Unavailable(_) => Status::unavailable(failure.to_string()),
        })?;
        Ok(DelegateTreeRsp {
            tree: Some(mesh::wire::bound_delegate_tree(
                &delegation,
                &namer::wire::name_to_wire,
            )?),
        })
    }
}

fn look(head: &Head) -> Look<DtabRsp> {
    let Some(stored) = &head.stored else {
        return Look::Fails(root_not_found());
    };
    let dtab = match stored.dtab().try_into() {
        Ok(dtab) => dtab,
        Err(malformed) => return Look::Fails(Status::from(malformed)),
    };
    let version = versioned_dtab::Version {
        id: Some(Version(head.revision).bytes().into()),
    };
    Look::Shows(DtabRsp {
        dtab: Some(VersionedDtab {
            version: Some(version),
            dtab: Some(dtab),
        }),
    })
}

fn root_not_found() -> Status {
    Status::not_found("Root not found")
}
