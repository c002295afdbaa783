//! The tree, and its two forms in JSON.

use super::*;

fn example() -> Metrics {
    let metrics = Metrics::new();
    let server = metrics.scope("rt/http/server").node("127.0.0.1/4140");
    server.counter("requests").add(3);
    server.gauge("connections").set(2.0);
    server.stat("request_latency_ms").record(4);
    metrics.scope("rt/http").counter("failures").inc();
    metrics.scope("rt/http").counter("failures/io").inc();
    metrics.scope("rt").gauge_fn("routers", || 1.5);
    metrics
}

fn check(metrics: &Metrics, query: (bool, Option<&str>), expected: &str) {
    let (tree, q) = query;
    let query = Query {
        tree,
        q: q.map(str::to_owned),
        pretty: false,
    };
    let shown = metrics
        .to_json(&query)
        .unwrap_or_else(|error| error.to_string());
    assert_eq!(shown, expected, "tree {tree}, q {q:?}");
}

#[test]
fn flat_and_tree_and_sub_trees() {
    let metrics = example();
    check(
        &metrics,
        (false, None),
        r#"{"rt/http/failures":1,"rt/http/failures/io":1,"rt/http/server/127.0.0.1/4140/connections":2.0,"rt/http/server/127.0.0.1/4140/requests":3,"rt/routers":1.5}"#,
    );
    check(
        &metrics,
        (true, None),
        r#"{"rt":{"http":{"failures":{"counter":1,"io":{"counter":1}},"server":{"127.0.0.1/4140":{"connections":{"gauge":2.0},"request_latency_ms":{},"requests":{"counter":3}}}},"routers":{"gauge":1.5}}}"#,
    );
    check(
        &metrics,
        (false, Some("rt/http/failures")),
        r#"{"":1,"io":1}"#,
    );
    check(
        &metrics,
        (true, Some("rt/http/failures/")),
        r#"{"counter":1,"io":{"counter":1}}"#,
    );
    check(
        &metrics,
        (false, Some("rt/http/server/127.0.0.1/4140")),
        r#"{"connections":2.0,"requests":3}"#,
    );
    for absent in [
        "rt/ht",
        "rt/http/server/127.0.0.1",
        "rt/http/failures/io/x",
        "x",
    ] {
        check(
            &metrics,
            (false, Some(absent)),
            &format!("No such subtree: {absent}"),
        );
    }
    check(&Metrics::new(), (false, None), "{}");
}

#[test]
fn stats_show_the_last_window_only() {
    let metrics = Metrics::new();
    let stat = metrics.scope("a").stat("latency_ms");
    stat.record(4);
    check(&metrics, (false, None), "{}");
    metrics.snapshot();
    check(
        &metrics,
        (false, None),
        r#"{"a/latency_ms.avg":4.0,"a/latency_ms.count":1,"a/latency_ms.max":4,"a/latency_ms.min":4,"a/latency_ms.p50":4,"a/latency_ms.p90":4,"a/latency_ms.p95":4,"a/latency_ms.p99":4,"a/latency_ms.p9990":4,"a/latency_ms.p9999":4,"a/latency_ms.sum":4}"#,
    );
    metrics.snapshot();
    check(&metrics, (false, None), r#"{"a/latency_ms.count":0}"#);
    check(
        &metrics,
        (true, None),
        r#"{"a":{"latency_ms":{"stat.count":0}}}"#,
    );
}

#[tokio::test(start_paused = true)]
async fn snapshots_come_once_in_an_interval() {
    let metrics = Metrics::new();
    let stat = metrics.scope("a").stat("b");
    stat.record(1);
    let snapshots = metrics.snapshot_every(Duration::from_secs(60));
    tokio::time::timeout(Duration::from_secs(59), snapshots)
        .await
        .expect_err("it never ends");
    assert_eq!(stat.window(), None);
    let snapshots = metrics.snapshot_every(Duration::from_secs(60));
    tokio::time::timeout(Duration::from_secs(61), snapshots)
        .await
        .expect_err("it never ends");
    assert_eq!(stat.window().map(|window| window.count), Some(1));
}

#[test]
fn a_name_is_one_metric_however_it_is_reached() {
    let metrics = Metrics::new();
    metrics.scope("a").scope("b").counter("c").inc();
    metrics.scope("a/b").counter("c").inc();
    metrics.scope("a").counter("b/c").inc();
    assert_eq!(metrics.scope("a").scope("b").counter("c").value(), 3);
    // A node with a slash is another place.
    assert_eq!(metrics.scope("a").node("b/c").counter("d").value(), 0);
    let names: Vec<Vec<String>> = metrics
        .readings()
        .iter()
        .map(|reading| reading.nodes().map(str::to_owned).collect())
        .collect();
    assert_eq!(names, [vec!["a", "b", "c"], vec!["a", "b/c", "d"]]);
    assert_eq!(
        metrics.scope("").scope("a").node("").counter("b/c").value(),
        3
    );
    // Whatever a name holds, it stays one node.
    assert_eq!(metrics.scope("a").node("b\u{1f}c").counter("d").value(), 0);
    assert_eq!(
        metrics.readings()[2].nodes().collect::<Vec<_>>(),
        ["a", "b?c", "d"]
    );
}

#[test]
fn a_removed_sub_tree_is_gone_and_begins_anew() {
    let metrics = example();
    let server = metrics.scope("rt/http/server");
    let held = server.node("127.0.0.1/4140").counter("requests");
    metrics.scope("rt/http/servers").counter("other").inc();
    server.remove();
    held.inc();
    assert_eq!(held.value(), 4);
    check(
        &metrics,
        (false, None),
        r#"{"rt/http/failures":1,"rt/http/failures/io":1,"rt/http/servers/other":1,"rt/routers":1.5}"#,
    );
    assert_eq!(server.node("127.0.0.1/4140").counter("requests").value(), 0);
}

#[test]
fn readings_are_in_the_order_of_their_nodes() {
    let metrics = Metrics::new();
    let scope = metrics.scope("a");
    for name in ["c/d", "z", "c", "b/x/y", "b-x"] {
        scope.counter(name).inc();
    }
    metrics.scope("").counter("b").inc();
    let names: Vec<_> = metrics.readings().iter().map(Reading::name).collect();
    assert_eq!(names, ["a/b/x/y", "a/b-x", "a/c", "a/c/d", "a/z", "b"]);
}

#[test]
fn a_gauge_function_may_look_at_other_metrics_and_is_replaced() {
    let metrics = Metrics::new();
    let counted = metrics.scope("a").counter("n");
    counted.add(2);
    let scope = metrics.scope("a");
    metrics
        .scope("a")
        .gauge_fn("twice", move || 2.0 * scope.counter("n").value() as f64);
    check(&metrics, (false, None), r#"{"a/n":2,"a/twice":4.0}"#);
    metrics.scope("a").gauge_fn("twice", || 0.25);
    check(&metrics, (false, None), r#"{"a/n":2,"a/twice":0.25}"#);
}

#[test]
fn a_name_used_as_two_kinds_keeps_the_first() {
    let metrics = Metrics::new();
    metrics.scope("a").counter("x").inc();
    metrics.scope("a").gauge("x").set(7.0);
    check(&metrics, (false, None), r#"{"a/x":1}"#);
}

#[test]
fn gauges_move_both_ways_in_all_threads() {
    let gauge = Metrics::new().scope("a").gauge("pending");
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                for _ in 0..5_000 {
                    gauge.add(2.0);
                    gauge.sub(1.0);
                }
            });
        }
    });
    assert_eq!(gauge.value(), 20_000.0);
}

#[test]
fn what_is_open_is_counted_until_it_ends() {
    let gauge = Metrics::new().scope("a").gauge("open");
    let (one, other) = (gauge.open(), gauge.open());
    assert_eq!(gauge.value(), 2.0);
    drop(one);
    assert_eq!(gauge.value(), 1.0);
    drop(other);
    assert_eq!(gauge.value(), 0.0);
}

#[test]
fn queries_are_read_as_the_reference_reads_them() {
    let params = |pairs: &[(&str, &str)]| {
        pairs
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect()
    };
    let check = |pairs: &[(&str, &str)], expected: Query| {
        assert_eq!(Query::from_params(&params(pairs)), expected)
    };
    check(&[], Query::default());
    check(
        &[("pretty", "true"), ("tree", "1")],
        Query {
            pretty: true,
            tree: true,
            q: None,
        },
    );
    check(&[("pretty", "yes"), ("tree", "False")], Query::default());
    check(
        &[("q", "rt/http")],
        Query {
            q: Some("rt/http".to_owned()),
            ..Query::default()
        },
    );
}
