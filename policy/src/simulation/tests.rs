use super::*;

const EWMA: Kind = Kind::Ewma {
    max_effort: 5,
    decay: Duration::from_secs(10),
};
const APERTURE: Kind = Kind::Aperture {
    max_effort: 5,
    smooth_window: Duration::from_secs(5),
    low_load: 0.5,
    high_load: 2.0,
    min_aperture: 1,
};
const ROUND_ROBIN: Kind = Kind::RoundRobin { max_effort: 5 };

const FLEET: Fleet = Fleet {
    nodes: 10,
    slots: 4,
    service: Duration::from_millis(10),
    first_takes: 1.0,
    rate: 2000.0,
};
const ONE_SLOW: Fleet = Fleet {
    first_takes: 10.0,
    ..FLEET
};

fn run(fleet: Fleet, kind: Kind, seed: u64) -> Seen {
    let mut random = fastrand::Rng::with_seed(seed);
    fleet.run(kind, 60_000, &mut || random.f64())
}

#[test]
fn equal_nodes_share_alike() {
    for kind in [Kind::default(), EWMA, Kind::Heap, ROUND_ROBIN] {
        let seen = run(FLEET, kind, 1);
        for node in 0..FLEET.nodes {
            let share = seen.share(node);
            // Peaks differ by luck, and last for seconds.
            let most = if kind == EWMA { 0.02 } else { 0.005 };
            assert!((share - 0.1).abs() < most, "{share} by {kind:?}");
        }
    }
}

#[test]
fn the_simulation_agrees_with_the_formulas() {
    // One node, whatever balances: one line.
    let lone = Fleet {
        nodes: 1,
        rate: 300.0,
        ..FLEET
    };
    for quantile in [0.5, 0.99] {
        let seen = run(lone, Kind::default(), 2)
            .latency(quantile)
            .as_secs_f64();
        let theory = lone.of_one_line(quantile).as_secs_f64();
        assert!((seen / theory - 1.0).abs() < 0.1, "{seen} {theory}");
        assert_eq!(lone.of_one_line(quantile), lone.of_chance(quantile));
    }
}

#[test]
fn knowing_the_load_is_nearly_as_good_as_one_line_for_all() {
    let floor = FLEET.of_one_line(0.99);
    for kind in [Kind::default(), Kind::Heap] {
        let p99 = run(FLEET, kind, 3).latency(0.99);
        assert!(p99 < floor.mul_f64(1.1), "{p99:?} > {floor:?} by {kind:?}");
    }
}

#[test]
fn a_slow_node_hardly_shows_with_ewma() {
    for seed in 0..3 {
        let p99 = run(ONE_SLOW, EWMA, seed).latency(0.99);
        let without = run(ONE_SLOW.without_first(), EWMA, seed).latency(0.99);
        assert!(p99 <= without.mul_f64(1.3), "{p99:?} {without:?}");
    }
}

#[test]
fn a_slow_node_gets_less_from_those_who_look() {
    let share = |kind| run(ONE_SLOW, kind, 4).share(0);
    let (ewma, p2c, heap) = (share(EWMA), share(Kind::default()), share(Kind::Heap));
    assert!(ewma < p2c, "{ewma} {p2c}");
    assert!(p2c < 0.03 && heap < 0.03, "{p2c} {heap}");
    assert!((share(ROUND_ROBIN) - 0.1).abs() < 0.001);
}

#[test]
fn an_aperture_uses_no_more_nodes_than_the_load_needs() {
    // Three requests at once, on average.
    let idle = Fleet {
        rate: 300.0,
        ..FLEET
    };
    let used = |fleet| {
        let taken = run(fleet, APERTURE, 5).taken;
        taken.iter().filter(|taken| **taken > 0).count()
    };
    assert!((2..=6).contains(&used(idle)), "{}", used(idle));
    assert_eq!(used(FLEET), 10);
}

#[test]
fn the_same_draws_make_the_same_run() {
    assert_eq!(run(ONE_SLOW, EWMA, 6), run(ONE_SLOW, EWMA, 6));
    assert_ne!(run(ONE_SLOW, EWMA, 6), run(ONE_SLOW, EWMA, 7));
}
