//! What the router adds to messages that pass.

use http::Version;
use http1::{Known, KnownSet};

use crate::headers::{self, Answer, Lines, Request, Shown, Trace};
use crate::route::{Picked, Route};

/// Takes off what was meant for this hop, and adds what all endpoints are told beyond what the client said: once, however often the
/// request is sent. Framing and `Connection` are left to whoever writes the message.
pub(crate) fn sign_request(head: &mut impl Request) {
    let version = head.version();
    sign_way(head.fields_mut(), version);
}

fn sign_way(fields: &mut impl Lines, version: Version) {
    fields.strip_hop_by_hop();
    if version < Version::HTTP_2 {
        // Over HTTP/2 the endpoint's own interim answers pass.
        fields.remove_any(ENDS_HERE);
    }
    headers::append_via(fields, version);
    Trace::of_request(fields, || fastrand::u64(..), fastrand::f64).write(fields);
    if version < Version::HTTP_2 && !fields.has(Known::Host) {
        // HTTP/1.0 needs none, but we speak our own version (RFC 9110 §2.5, RFC 9112 §3.2).
        fields.push_static(Known::Host, "");
    }
}

/// Says where the next try goes. `client_cert` says what the client has shown.
pub(crate) fn sign_try(
    head: &mut impl Request,
    route: &Route,
    picked: &Picked,
    client_cert: Option<&Shown>,
) {
    let destination = Destination {
        service: &route.texts.shown,
        client: &picked.client.shown,
        residual: picked.residual.as_ref(),
        rules: route.handed_on.as_deref(),
        client_cert: client_cert.filter(|_| picked.client.rules.settings.forward_client_cert),
    };
    destination.sign(head.fields_mut());
}

/// Where a request goes, as the next router reads it.
struct Destination<'a> {
    service: &'a Shown,
    client: &'a Shown,
    residual: Option<&'a Shown>,
    /// The rules that the request brought along.
    rules: Option<&'a Shown>,
    /// The certificate that the client has shown, if endpoints are told.
    client_cert: Option<&'a Shown>,
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
    fn sign(&self, fields: &mut impl Lines) {
        fields.remove_any(OF_THE_TRY);
        fields.push_shown(Known::L5dDstService, self.service);
        fields.push_shown(Known::L5dDstClient, self.client);
        if let Some(residual) = self.residual {
            fields.push_shown(Known::L5dDstResidual, residual);
        }
        if let Some(shown) = self.client_cert {
            fields.push_shown(Known::XForwardedClientCert, shown);
        }
        if let Some(rules) = self.rules {
            headers::hand_on(fields, rules);
        }
    }
}

/// What the client is told beyond what the endpoint said, but for how the answer is judged.
pub(crate) fn sign_response(head: &mut impl Answer) {
    let version = head.version();
    let fields = head.fields_mut();
    fields.strip_hop_by_hop();
    headers::append_via(fields, version);
    headers::add_date(fields);
}

/// Tells the client how the answer is judged: in its head, or where that is not known so early, in its trailers.
pub(crate) fn sign_class(fields: &mut impl Lines, is_success: bool) {
    fields.remove(Known::L5dSuccessClass);
    let class = match is_success {
        true => "1.0",
        false => "0.0",
    };
    fields.push_static(Known::L5dSuccessClass, class);
}

#[cfg(test)]
mod tests;
