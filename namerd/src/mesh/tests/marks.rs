//! When a revision is marked.

use dtab::{Answer, Name};
use live::{Live, Reads};
use mesh::v1::Receipt;
use namer::{Addresses, Bound, Namer};

use super::*;

/// Knows every name while the value says so, and is still asking otherwise.
#[derive(Debug)]
struct Slow(Live<bool>);

impl Namer for Slow {
    fn lookup(&self, path: &Path, reads: &mut Reads) -> Answer<Bound> {
        if reads.read(&self.0).value().is_none_or(|answers| !**answers) {
            return Answer::Pending;
        }
        let addresses = Live::constant(Addresses::of([]));
        let bound = Bound::new(path.clone(), Path::empty(), addresses);
        Answer::Tree(NameTree::Leaf(Name::Bound(bound)))
    }
}

#[tokio::test]
async fn a_revision_that_moves_nothing_is_marked_and_its_receipt_is_seen_in_the_fleet() {
    let world = World::new().await;
    world.put("/svc => /$/nil").await;
    let mut router = world.router(hello()).await;
    router.say(subscribe(1, "/svc/web")).await;
    router
        .hears(&["default is at 1", "1 at 1: $", "default is at 1"])
        .await;
    world.put("/svc => /$/nil # as before").await;
    router.hears(&["default is at 2"]).await;
    let receipt = Receipt {
        namespace: "default".to_owned(),
        revision: 2,
        names: 1,
        digest: vec![1, 2].into(),
    };
    router.say(from_router::Message::Receipt(receipt)).await;
    // The session has read the receipt once it answers what was said after it.
    router.say(subscribe(2, "/none")).await;
    router.hears(&["2 at 2: ~"]).await;
    let fleet = world.context.fleet.report();
    let runs = &fleet.routers[0].namespaces["default"];
    assert_eq!((runs.revision, runs.digest.as_str()), (2, "0102"));
    assert!(runs.lag_ms.is_some_and(|lag| lag < 10_000));
}

#[tokio::test]
async fn a_revision_is_not_marked_while_a_name_keeps_the_tree_of_an_earlier_one() {
    let (mut answers, live) = live::channel();
    answers.set(false);
    let slow: Arc<dyn Namer> = Arc::new(Slow(live));
    let world = World::with(Namers::new(vec![(path("/#/slow"), slow)], Inet::system())).await;
    world.put("/svc => /$/nil ; /new => /#/slow").await;
    let mut router = world.router(hello()).await;
    router.say(subscribe(1, "/svc/web")).await;
    router
        .hears(&["default is at 1", "1 at 1: $", "default is at 1"])
        .await;
    // A name without any tree holds nothing back: it is routed by none.
    router.say(subscribe(2, "/new/web")).await;
    router.hears(&["2 at 1: pending", "default is at 1"]).await;
    router
        .say(from_router::Message::Unsubscribe(Unsubscribe { id: 2 }))
        .await;
    router.say(subscribe(3, "/none")).await;
    router.hears(&["3 at 1: ~", "default is at 1"]).await;

    world.put("/svc => /#/slow").await;
    router.hears(&["1 at 2: pending"]).await;
    router.say(subscribe(4, "/none")).await;
    router.hears(&["4 at 2: ~"]).await;
    answers.set(true);
    router
        .hears(&["/web is at ", "1 at 2: /web", "default is at 2"])
        .await;
}
