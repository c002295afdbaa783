//! What the router adds to messages that pass.

use http::header::{CONTENT_LENGTH, EXPECT, HOST, HeaderValue, TRANSFER_ENCODING};
use http::{Request, Response, Version};
use http_body::Body as _;

use crate::client::RequestBody;
use crate::forward::ResponseBody;
use crate::headers::{self, Survey, Trace};
use crate::route::{Picked, Route};

/// What an endpoint is told beyond what the client said.
pub(super) fn sign_request(
    request: &mut Request<RequestBody>,
    survey: Survey,
    route: &Route,
    picked: &Picked,
) {
    let version = request.version();
    let is_chunked = request.body().size_hint().exact().is_none();
    let headers = request.headers_mut();
    headers::strip_hop_by_hop(headers, survey);
    if survey.expect {
        // The client was told to continue by us.
        headers.remove(EXPECT);
    }
    if survey.client_cert {
        // No certificate was shown to us. Source: linkerd `ForwardClientCertFilter`.
        headers.remove(headers::CLIENT_CERT);
    }
    headers::append_via(headers, version, survey.via);
    Trace::of_request(headers, survey, || fastrand::u64(..), fastrand::f64).write(headers);
    headers.insert(headers::L5D_DST_SERVICE, route.shown.clone());
    headers.insert(headers::L5D_DST_CLIENT, picked.client.shown.clone());
    match &picked.residual {
        Some(residual) => _ = headers.insert(headers::L5D_DST_RESIDUAL, residual.clone()),
        None if survey.context => _ = headers.remove(headers::L5D_DST_RESIDUAL),
        None => {}
    }
    if let Some(rules) = &route.handed_on {
        headers::hand_on(headers, rules.clone());
    }
    if !survey.host && !headers.contains_key(HOST) {
        headers.insert(HOST, const { HeaderValue::from_static("") });
    }
    if is_chunked {
        // Not left to hyper, which takes a GET for one without a body.
        let chunked = const { HeaderValue::from_static("chunked") };
        headers.insert(TRANSFER_ENCODING, chunked);
    }
    // A proxy speaks its own version, whatever its client's is (RFC 9110 §2.5).
    *request.version_mut() = Version::HTTP_11;
}

/// What the client is told beyond what the endpoint said.
pub(super) fn sign_response(response: &mut Response<ResponseBody>) {
    let version = response.version();
    let class = if response.status().is_server_error() {
        "0.0"
    } else {
        "1.0"
    };
    let headers = response.headers_mut();
    let survey = Survey::of(headers);
    if survey.encoded {
        headers.remove(CONTENT_LENGTH);
    }
    headers::strip_hop_by_hop(headers, survey);
    headers::append_via(headers, version, survey.via);
    headers.insert(headers::L5D_SUCCESS_CLASS, HeaderValue::from_static(class));
    // As on the way there: what an old endpoint cannot do has nothing to do with our client's connection.
    *response.version_mut() = Version::HTTP_11;
}
