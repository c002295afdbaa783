//! Requests that go to another endpoint because the first one surely did nothing.

use crate::admin::metrics;
use crate::world::{Addresses, Backend, World, nobody};

const POST: &str = "POST / HTTP/1.1\r\nHost: web\r\nContent-Length: 5\r\n\r\nhello";
const NACK: &str =
    "HTTP/1.1 503 Service Unavailable\r\nRetry-After: 0\r\nContent-Length: 4\r\n\r\nbusy";

const NEVER_DEAD: &str = "failureAccrual: {kind: none}";

/// What the client of `web` counts.
fn counts(world: &World, what: &str) -> serde_json::Value {
    metrics(world)[format!("rt/http/client/#/io.l5d.fs/web/{what}")].clone()
}

#[test]
fn a_refused_connection_leads_to_another_endpoint() {
    let web = Backend::named("web");
    let addresses = Addresses::of(&[nobody(), web.address]);
    let world = addresses.world(&format!("  client: {{{NEVER_DEAD}}}\n"));
    let mut client = world.client();
    for _ in 0..60 {
        assert_eq!(client.send(POST).body, "web");
        assert_eq!(web.last().body, "hello");
    }
    let requeues = counts(&world, "retries/requeues").as_u64();
    assert!(requeues.is_some_and(|count| count > 0), "{requeues:?}");
    assert_eq!(counts(&world, "requests"), 60);
    assert_eq!(counts(&world, "failures"), 0);
}

#[test]
fn an_endpoint_that_takes_no_more_hands_the_request_on_within_the_budget() {
    let check = |budget: &str, is_handed_on: bool| {
        let (busy, web) = (
            Backend::answering(|_| NACK.to_owned()),
            Backend::named("web"),
        );
        let addresses = Addresses::of(&[busy.address, web.address]);
        let world = addresses.world(&format!(
            "  client: {{{NEVER_DEAD}, requeueBudget: {{{budget}}}}}\n"
        ));
        let mut client = world.client();
        let replies = (0..60).map(|_| client.send(POST).body);
        let bodies: Vec<_> = replies.collect();
        assert!(busy.requests() > 0 && busy.last().body == "hello");
        let refused = bodies.iter().filter(|body| *body == "busy").count();
        assert_eq!(refused, if is_handed_on { 0 } else { busy.requests() });
        assert_eq!(counts(&world, "retries/nacks"), busy.requests());
        let exhausted = counts(&world, "retries/budget_exhausted");
        assert_eq!(exhausted, if is_handed_on { 0 } else { busy.requests() });
    };
    check("minRetriesPerSec: 10", true);
    check("minRetriesPerSec: 0, percentCanRetry: 0", false);
}

#[test]
fn a_request_that_every_endpoint_hands_on_is_told_so() {
    let busy = [(); 2].map(|()| Backend::answering(|_| NACK.to_owned()));
    let addresses = Addresses::of(&[busy[0].address, busy[1].address]);
    let world = addresses.world("");
    let reply = world.client().send(POST);
    assert_eq!((reply.status(), &*reply.body), (503, "busy"));
    assert!(busy.iter().all(|busy| busy.requests() == 1));
}

#[test]
fn an_endpoint_that_only_hands_on_is_left_alone() {
    let (busy, web) = (
        Backend::answering(|_| NACK.to_owned()),
        Backend::named("web"),
    );
    let addresses = Addresses::of(&[busy.address, web.address]);
    let world = addresses.world("");
    let mut client = world.client();
    for _ in 0..100 {
        assert_eq!(client.send(POST).body, "web");
    }
    assert_eq!(busy.requests(), 5);
}
