//! `Codec`: parses and prints for clients that have no parser.

use dtab::{Dtab, Path};
use mesh::linkerd::{
    ReadDtabReq, ReadDtabRsp, ReadPathReq, ReadPathRsp, ShowDtabReq, ShowDtabRsp, ShowPathReq,
    ShowPathRsp, codec_server,
};
use tonic::{Request, Response, Status};

use super::Services;

#[tonic::async_trait]
impl codec_server::Codec for Services {
    async fn read_dtab(
        &self,
        request: Request<ReadDtabReq>,
    ) -> Result<Response<ReadDtabRsp>, Status> {
        let text = request.into_inner().text.filter(|text| !text.is_empty());
        let dtab = text
            .map(|text| Dtab::parse(&text))
            .transpose()
            .map_err(invalid)?;
        let dtab = dtab.as_ref().map(TryInto::try_into).transpose()?;
        Ok(Response::new(ReadDtabRsp { dtab }))
    }

    async fn show_dtab(
        &self,
        request: Request<ShowDtabReq>,
    ) -> Result<Response<ShowDtabRsp>, Status> {
        let dtab = super::dtab(request.into_inner().dtab.as_ref())?;
        Ok(Response::new(ShowDtabRsp {
            text: Some(dtab.to_string()),
        }))
    }

    async fn read_path(
        &self,
        request: Request<ReadPathReq>,
    ) -> Result<Response<ReadPathRsp>, Status> {
        let text = request.into_inner().text.filter(|text| !text.is_empty());
        let path = text
            .map(|text| Path::parse(&text))
            .transpose()
            .map_err(invalid)?;
        Ok(Response::new(ReadPathRsp {
            path: path.as_ref().map(Into::into),
        }))
    }

    async fn show_path(
        &self,
        request: Request<ShowPathReq>,
    ) -> Result<Response<ShowPathRsp>, Status> {
        let path = request
            .into_inner()
            .path
            .as_ref()
            .map(Path::try_from)
            .transpose()?;
        let text = path.map_or_else(String::new, |path| path.to_string());
        Ok(Response::new(ShowPathRsp { text: Some(text) }))
    }
}

fn invalid(error: dtab::ParseError) -> Status {
    Status::invalid_argument(error.to_string())
}
