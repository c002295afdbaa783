//! What the router adds to messages that pass.

use http::Version;
use http1::{Fields, Known, KnownSet, RequestHead, ResponseHead};

use crate::headers::{self, Trace};
use crate::route::{Picked, Route};

/// Takes off what was meant for this hop, and adds what all endpoints are told beyond what the client said: once, however often the
/// request is sent. Framing and `Connection` are left to whoever writes the message.
pub(super) fn sign_request(head: &mut RequestHead) {
    sign_way(&mut head.fields, head.version);
}

fn sign_way(fields: &mut Fields, version: Version) {
    headers::strip_hop_by_hop(fields);
    fields.remove_any(ENDS_HERE);
    headers::append_via(fields, version);
    Trace::of_request(fields, || fastrand::u64(..), fastrand::f64).write(fields);
    if !fields.has(Known::Host) {
        // HTTP/1.0 needs none, but we speak our own version (RFC 9110 §2.5, RFC 9112 §3.2).
        fields.push(Known::Host, b"");
    }
}

/// Says where the next try goes. `client_cert` says what the client has shown.
pub(super) fn sign_try(
    head: &mut RequestHead,
    route: &Route,
    picked: &Picked,
    client_cert: Option<&str>,
) {
    let destination = Destination {
        service: &route.shown,
        client: &picked.client.shown,
        residual: picked.residual.as_deref(),
        rules: route.handed_on.as_deref(),
        client_cert: client_cert.filter(|_| picked.client.rules.settings.forward_client_cert),
    };
    destination.sign(&mut head.fields);
}

/// Where a request goes, as the next router reads it.
struct Destination<'a> {
    service: &'a [u8],
    client: &'a [u8],
    residual: Option<&'a [u8]>,
    /// The rules that the request brought along.
    rules: Option<&'a [u8]>,
    /// The certificate that the client has shown, if endpoints are told.
    client_cert: Option<&'a str>,
}

/// What the router answers itself, or knows nothing about.
const ENDS_HERE: KnownSet = KnownSet::of(&[
    // The client was told to continue by us.
    Known::Expect,
]);

/// What the router says anew, for each try.
const OF_THE_TRY: KnownSet = KnownSet::of(&[
    // What the client says of its own certificate is no proof. Source: linkerd `ForwardClientCertFilter`, which believes it of a
    // client without one.
    Known::XForwardedClientCert,
    Known::L5dDstService,
    Known::L5dDstClient,
    Known::L5dDstResidual,
]);

impl Destination<'_> {
    fn sign(&self, fields: &mut Fields) {
        fields.remove_any(OF_THE_TRY);
        fields.push(Known::L5dDstService, self.service);
        fields.push(Known::L5dDstClient, self.client);
        if let Some(residual) = self.residual {
            fields.push(Known::L5dDstResidual, residual);
        }
        if let Some(shown) = self.client_cert {
            fields.push(Known::XForwardedClientCert, shown.as_bytes());
        }
        if let Some(rules) = self.rules {
            headers::hand_on(fields, rules);
        }
    }
}

/// What the client is told beyond what the endpoint said.
pub(super) fn sign_response(head: &mut ResponseHead, is_success: bool) {
    let class: &[u8] = match is_success {
        true => b"1.0",
        false => b"0.0",
    };
    headers::strip_hop_by_hop(&mut head.fields);
    headers::append_via(&mut head.fields, head.version);
    headers::add_date(&mut head.fields);
    head.fields.set(Known::L5dSuccessClass, class);
}

#[cfg(test)]
mod tests;
