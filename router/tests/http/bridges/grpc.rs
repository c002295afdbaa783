//! gRPC through an http router, without a bridge.

use http::{HeaderMap, HeaderValue};

use crate::admin::metrics;
use crate::bridges::peers::{Caller, Endpoint, request, response, world};

#[test]
fn calls_pass_an_http_router_that_speaks_http2_on_both_sides() {
    let web = Endpoint::answering(|seen, mut respond| {
        let mut head = response(200);
        let grpc = HeaderValue::from_static("application/grpc");
        head.headers_mut().insert("content-type", grpc);
        let mut sink = respond.send_response(head, false).expect("open");
        sink.send_data(seen.body.into(), false).expect("open");
        let mut trailers = HeaderMap::new();
        trailers.insert("grpc-status", HeaderValue::from_static("0"));
        sink.send_trailers(trailers).expect("open");
    });
    let world = world(&format!("/svc/web => {}", web.path()), "h2: true");
    let mut caller = Caller::to(world.address());
    for _ in 0..3 {
        let mut call = request("POST", "web");
        *call.uri_mut() = "http://web/pkg.Echo/Say".parse().expect("a URI");
        let fields = call.headers_mut();
        fields.insert("content-type", HeaderValue::from_static("application/grpc"));
        fields.insert("te", HeaderValue::from_static("trailers"));
        let mut asking = caller.begin(call, false);
        asking
            .body
            .send_data("\0\0\0\0\u{3}hey".into(), true)
            .expect("open");
        let told = asking.told().expect("an answer");
        assert_eq!(told.body, "\0\0\0\0\u{3}hey");
        assert_eq!(told.field("content-type"), Some("application/grpc"));
        assert_eq!(told.trailers.expect("trailers")["grpc-status"], "0");
    }
    let seen = web.last();
    assert_eq!(seen.head.uri.path(), "/pkg.Echo/Say");
    assert_eq!(seen.field("te"), Some("trailers"));
    assert_eq!(seen.field("via"), Some("h2 linkerd"));
    assert_eq!(web.connections(), 1);
    let counted = metrics(&world);
    assert_eq!(counted["rt/http/service/svc/web/success"], 3);
}
