//! What clients hear while the store is not heard.

use std::sync::Arc;
use std::time::Duration;

use namerd::store::{Etcd, EtcdSettings};
use tokio::net::TcpListener;

use crate::world::World;

#[tokio::test]
async fn a_store_that_was_never_heard_is_503_in_time_and_watches_wait() {
    // A port that is bound and does not listen any more: nobody else gets it meanwhile, nobody answers there.
    let nobody = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let endpoint = nobody.local_addr().unwrap().to_string();
    let settings = EtcdSettings {
        request_timeout: Duration::from_secs(1),
        ..EtcdSettings::new(vec![endpoint])
    };
    let world = World::over(Arc::new(Etcd::open("namerd-1", settings)), |_| {});
    let mut watch = world.watch("/api/1/dtabs/web?watch=true").await;
    let get = async |target: &str| world.get(target).await;
    let (list, dtab, bind, delegate, history) = tokio::join!(
        get("/api/1/dtabs"),
        get("/api/1/dtabs/web"),
        get("/api/1/bind/web?path=/svc/a"),
        get("/api/1/delegate/web?path=/svc/a"),
        get("/api/1/history/web")
    );
    for response in [list, dtab, bind, delegate] {
        assert_eq!(response.head.status, 503, "{}", response.body);
        assert_eq!(response.head.header("retry-after"), Some("1"));
        assert!(!response.body.is_empty());
    }
    let status = world.json("/api/1/status").await;
    assert_eq!(status["store"]["state"], "pending", "{status}");
    assert_eq!(history.head.status, 503, "{}", history.body);
    world.shutdown.begin();
    assert_eq!(
        watch.next().await,
        None,
        "nothing was said of a dtab that is not known"
    );
}
