use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use proptest::prelude::*;

use super::*;

/// A node by its letter.
struct Letter {
    name: char,
    pending: AtomicUsize,
    is_busy: AtomicBool,
    standing: Standing,
}

impl Node for Letter {
    fn pending(&self) -> usize {
        self.pending.load(Ordering::Relaxed)
    }

    fn status(&self, _: Duration) -> Status {
        if self.is_busy.load(Ordering::Relaxed) {
            Status::Busy
        } else {
            Status::Open
        }
    }

    fn standing(&self) -> &Standing {
        &self.standing
    }
}

impl Letter {
    fn set_busy(&self, is_busy: bool) {
        self.is_busy.store(is_busy, Ordering::Relaxed);
    }
}

const P2C: Kind = Kind::P2c { max_effort: 5 };
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
const KINDS: [Kind; 5] = [P2C, EWMA, APERTURE, Kind::Heap, ROUND_ROBIN];

const PICKS: usize = 10_000;

fn at(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

fn of(kind: Kind) -> Balancing {
    Balancing {
        kind,
        ..Balancing::default()
    }
}

/// Nodes as "1.0 a 0, 1.0 b 3": weight, name, pending; with "busy" behind it or not. They are there since then.
fn nodes(balancing: &Balancing, since: Duration, text: &str) -> Vec<(f64, Arc<Letter>)> {
    let mut random = fastrand::Rng::with_seed(since.as_millis() as u64);
    let node = |text: &str| {
        let words: Vec<&str> = text.split_whitespace().collect();
        let node = Letter {
            name: words[1].parse().expect("a letter"),
            pending: AtomicUsize::new(words[2].parse().expect("a number")),
            is_busy: AtomicBool::new(words.contains(&"busy")),
            standing: balancing.standing(since, &mut || random.f64()),
        };
        (words[0].parse().expect("a weight"), Arc::new(node))
    };
    text.split(',')
        .filter(|node| !node.is_empty())
        .map(node)
        .collect()
}

fn balancer(kind: Kind, text: &str) -> Balancer<Letter> {
    let balancing = of(kind);
    Balancer::new(balancing, nodes(&balancing, at(0), text))
}

/// Counts picks of each node.
fn counted(balancer: &Balancer<Letter>, now: Duration, tried: &str) -> BTreeMap<char, usize> {
    let mut random = fastrand::Rng::with_seed(7);
    let mut counts = BTreeMap::new();
    for _ in 0..PICKS {
        let is_tried = |node: &Letter| tried.contains(node.name);
        let picked = balancer.pick(now, &mut || random.f64(), is_tried);
        let name = picked.map_or('-', |pick| pick.node.name);
        *counts.entry(name).or_default() += 1;
    }
    counts
}

/// Counts of 10,000 picks, each within 3 % of all picks.
fn check(balancer: &Balancer<Letter>, tried: &str, expected: &[(char, usize)]) {
    let counts = counted(balancer, at(1000), tried);
    assert_eq!(counts.len(), expected.len(), "{counts:?} of {balancer:?}");
    for (name, count) in expected {
        let seen = counts.get(name).copied().unwrap_or_default();
        assert!(seen.abs_diff(*count) < 300, "{counts:?} of {balancer:?}");
    }
}

fn pick<'a>(balancer: &'a Balancer<Letter>, tried: &str) -> Option<Pick<'a, Letter>> {
    let mut random = fastrand::Rng::with_seed(7);
    balancer.pick(at(1000), &mut || random.f64(), |node| {
        tried.contains(node.name)
    })
}

#[test]
fn equally_loaded_nodes_share_alike() {
    for kind in [P2C, EWMA, Kind::Heap, ROUND_ROBIN] {
        check(
            &balancer(kind, "1 a 0, 1 b 0, 1 c 0, 1 d 0"),
            "",
            &[('a', 2500), ('b', 2500), ('c', 2500), ('d', 2500)],
        );
    }
    for kind in KINDS {
        check(&balancer(kind, "1 a 9"), "", &[('a', PICKS)]);
        check(&balancer(kind, ""), "", &[('-', PICKS)]);
        assert!(balancer(kind, "").is_empty());
    }
}

#[test]
fn the_less_loaded_of_two_is_taken() {
    for kind in [P2C, Kind::Heap] {
        check(&balancer(kind, "1 a 1, 1 b 0"), "", &[('b', PICKS)]);
    }
    // The busiest of three is taken never, the idlest whenever it is drawn: two times of three.
    check(
        &balancer(P2C, "1 a 2, 1 b 1, 1 c 0"),
        "",
        &[('b', 3333), ('c', 6667)],
    );
    check(
        &balancer(Kind::Heap, "1 a 2, 1 b 1, 1 c 0"),
        "",
        &[('c', PICKS)],
    );
}

#[test]
fn the_cheaper_of_two_is_taken() {
    let balancer = balancer(EWMA, "1 a 0, 1 b 2");
    for (_, node) in balancer.weighted() {
        let took = if node.name == 'a' { 500 } else { 100 };
        node.standing.observe(at(1000), at(took));
    }
    // One more costs 500 ms at a, and three times 100 ms at b.
    check(&balancer, "", &[('b', PICKS)]);
    let b = balancer.members().find(|node| node.name == 'b');
    b.expect("there").pending.store(5, Ordering::Relaxed);
    check(&balancer, "", &[('a', PICKS)]);
}

#[test]
fn round_robin_takes_one_after_the_other_and_goes_on_after_an_update() {
    let balancing = of(ROUND_ROBIN);
    let all = nodes(&balancing, at(0), "1 a 0, 1 b 0, 1 c 0, 1 d 0, 1 e 0");
    let balancer = Balancer::new(balancing, all.clone());
    let order: String = balancer.members().map(|node| node.name).collect();
    let taken = |balancer: &Balancer<Letter>, count| -> String {
        let pick = |_| pick(balancer, "").map_or('-', |pick| pick.node.name);
        (0..count).map(pick).collect()
    };
    assert_eq!(
        taken(&balancer, 12),
        format!("{order}{order}{}", &order[..2])
    );
    let next = balancer.next(all.clone());
    assert_eq!(taken(&next, 3), order[2..]);
    assert_ne!(order, "abcde", "in an order of its own");
}

#[test]
fn classes_share_by_weight_times_size_whatever_their_load() {
    for kind in KINDS {
        check(
            &balancer(kind, "1 a 9, 3 b 0"),
            "",
            &[('a', 2500), ('b', 7500)],
        );
        check(&balancer(kind, "0 a 0, 1 b 0"), "", &[('b', PICKS)]);
    }
    for kind in [P2C, EWMA, Kind::Heap, ROUND_ROBIN] {
        check(
            &balancer(kind, "1 a 0, 1 b 0, 2 c 0"),
            "",
            &[('a', 2500), ('b', 2500), ('c', 5000)],
        );
    }
}

#[test]
fn weights_hold_within_one_percent() {
    for kind in KINDS {
        let balancer = balancer(kind, "1 a 0, 3 b 0");
        let mut random = fastrand::Rng::with_seed(11);
        let mut heavy = 0;
        for _ in 0..20_000 {
            let picked = balancer.pick(at(0), &mut || random.f64(), |_| false);
            heavy += usize::from(picked.expect("a node").node.name == 'b');
        }
        assert!(heavy.abs_diff(15_000) <= 200, "{heavy} by {kind:?}");
    }
}

#[test]
fn weights_that_are_all_zero_count_alike() {
    for kind in [P2C, EWMA, Kind::Heap, ROUND_ROBIN] {
        for text in ["0 a 0, 0 b 0", "NaN a 0, -1 b 0"] {
            check(&balancer(kind, text), "", &[('a', 5000), ('b', 5000)]);
        }
    }
}

#[test]
fn what_was_tried_is_not_picked_again() {
    for kind in KINDS {
        check(&balancer(kind, "1 a 0, 1 b 9"), "a", &[('b', PICKS)]);
        check(&balancer(kind, "100 a 0, 0 b 0"), "a", &[('b', PICKS)]);
        check(&balancer(kind, "1 a 0, 1 b 0"), "ab", &[('-', PICKS)]);
        check(&balancer(kind, "1 a 0, 1 b 0 busy"), "a", &[('b', PICKS)]);
    }
}

#[test]
fn an_open_node_is_found_wherever_it_is() {
    let busy: Vec<_> = ('A'..='z').filter(|name| name.is_alphabetic()).collect();
    let busy: Vec<_> = busy.iter().map(|name| format!("1 {name} 0 busy")).collect();
    for kind in KINDS {
        let lone = balancer(kind, &format!("{}, 1 ! 99", busy.join(",")));
        check(&lone, "", &[('!', PICKS)]);
        let lone = balancer(kind, &format!("{}, 0.001 ! 99", busy.join(",")));
        check(&lone, "", &[('!', PICKS)]);
    }
}

#[test]
fn a_pick_says_what_it_took() {
    for kind in KINDS {
        let said = |text, tried| {
            let balancer = balancer(kind, text);
            pick(&balancer, tried).map(|pick| {
                let flags = (
                    pick.is_effort_exhausted,
                    pick.is_class_busy,
                    pick.is_desperate,
                );
                (pick.node.name, flags)
            })
        };
        assert_eq!(said("1 a 0", ""), Some(('a', (false, false, false))));
        assert_eq!(said("1 a 0 busy", ""), Some(('a', (true, false, true))));
        assert_eq!(
            said("9999999 a 0 busy, 1 b 0", ""),
            Some(('b', (true, true, false)))
        );
        assert_eq!(
            said("9999999 a 0 busy, 1 b 0 busy", "a"),
            Some(('b', (true, false, true)))
        );
        assert_eq!(said("1 a 0 busy, 1 b 0 busy", "ab"), None);
    }
}

#[test]
fn new_nodes_begin_slowly() {
    for kind in [P2C, EWMA, Kind::Heap, ROUND_ROBIN] {
        let balancing = Balancing {
            slow_start: at(10_000),
            ..of(kind)
        };
        let mut all = nodes(&balancing, at(0), "1 a 0, 1 b 0, 1 c 0");
        let together = Balancer::new(balancing, all.clone());
        let alike = [('a', 3333), ('b', 3333), ('c', 3333)];
        check(&together, "", &alike);

        all.extend(nodes(&balancing, at(100_000), "1 d 0"));
        let balancer = together.next(all);
        let share = |now| {
            let counts = counted(&balancer, now, "");
            counts.get(&'d').copied().unwrap_or_default()
        };
        assert_eq!(share(at(100_000)), 0, "{kind:?}");
        let (tenth, half) = (share(at(101_000)), share(at(105_000)));
        assert!((200..=500).contains(&tenth), "{tenth} by {kind:?}");
        assert!((1000..=1900).contains(&half), "{half} by {kind:?}");
        assert!(share(at(110_000)).abs_diff(2500) < 300, "{kind:?}");
    }
}

#[test]
fn a_newcomer_that_is_alone_takes_all() {
    for kind in KINDS {
        let balancing = Balancing {
            slow_start: at(10_000),
            ..of(kind)
        };
        let mut all = nodes(&balancing, at(0), "1 a 0 busy");
        all.extend(nodes(&balancing, at(1000), "1 b 0"));
        check(&Balancer::new(balancing, all), "", &[('b', PICKS)]);
    }
}

#[test]
fn with_too_few_open_nodes_all_are_used() {
    for kind in [P2C, EWMA, Kind::Heap, ROUND_ROBIN] {
        let balancing = Balancing {
            panic_threshold: 0.5,
            ..of(kind)
        };
        let all = nodes(&balancing, at(0), "1 a 0, 1 b 0, 1 c 0 busy, 1 d 0 busy");
        let balancer = Balancer::new(balancing, all.clone());
        check(&balancer, "", &[('a', 5000), ('b', 5000)]);
        all[0].1.set_busy(true);
        let later = counted(&balancer, at(2000), "");
        assert_eq!(later.len(), 4, "{later:?} by {kind:?}");
        all[2].1.set_busy(false);
        let calm = counted(&balancer, at(3000), "");
        assert_eq!(calm.into_keys().collect::<String>(), "bc");
    }
}

#[test]
fn the_aperture_follows_the_load_and_survives_an_update() {
    let balancing = of(APERTURE);
    let text: Vec<_> = ('a'..='z').map(|name| format!("1 {name} 0")).collect();
    let all = nodes(&balancing, at(0), &text.join(","));
    let balancer = Balancer::new(balancing, all.clone());
    let used = |balancer: &Balancer<Letter>, now| counted(balancer, now, "").len();
    assert_eq!(used(&balancer, at(0)), 1);
    for (_, node) in &all {
        node.pending.store(1, Ordering::Relaxed);
    }
    // Nearly 26 requests, and two or more at each node would make it grow.
    assert_eq!(used(&balancer, at(60_000)), 13);
    let next = balancer.next(all.iter().take(20).cloned());
    assert_eq!((next.aperture(), used(&next, at(60_000))), (13, 13));
    let few: Vec<_> = counted(&next, at(60_001), "").into_keys().collect();
    for (_, node) in &all {
        node.pending.store(0, Ordering::Relaxed);
        node.set_busy(node.name == few[0]);
    }
    let without: Vec<_> = counted(&next, at(60_100), "").into_keys().collect();
    assert!(without.len() == 13 && !without.contains(&few[0]));
    assert_eq!(used(&next, at(200_000)), 1);
}

#[test]
fn those_who_left_are_used_until_they_are_busy() {
    let balancing = of(P2C);
    let old = nodes(&balancing, at(0), "1 a 0, 2 b 0, 1 c 0 busy, 1 d 0 busy");
    let mut new = vec![old[0].clone(), old[3].clone()];
    let names = |nodes: &[(f64, Arc<Letter>)]| -> String {
        nodes.iter().map(|(_, node)| node.name).collect()
    };
    let left = on_probation(at(0), old.clone(), &new);
    assert_eq!((names(&left), left[0].0), ("b".to_owned(), 2.0));
    old[1].1.set_busy(true);
    new.extend(left);
    let left = on_probation(at(0), new.clone(), &new[..2]);
    assert_eq!(names(&left), "");
}

#[test]
fn threads_share_a_balancer() {
    for kind in KINDS {
        let balancing = Balancing {
            panic_threshold: 0.5,
            ..of(kind)
        };
        let all = nodes(&balancing, at(0), "1 a 0, 1 b 0, 1 c 0 busy, 2 d 0");
        let balancer = Balancer::new(balancing, all);
        let seen = Mutex::new(BTreeMap::new());
        std::thread::scope(|scope| {
            for seed in 0..4 {
                let (balancer, seen) = (&balancer, &seen);
                scope.spawn(move || {
                    let mut random = fastrand::Rng::with_seed(seed);
                    for step in 0..2000 {
                        let picked = balancer.pick(at(step), &mut || random.f64(), |_| false);
                        let node = picked.expect("a node").node;
                        node.standing.observe(at(step), at(3));
                        let mut seen = seen.lock().expect("no panic");
                        *seen.entry(node.name).or_insert(0) += 1;
                    }
                });
            }
        });
        let seen = seen.into_inner().expect("no panic");
        assert!(!seen.contains_key(&'c'), "{seen:?} by {kind:?}");
        assert_eq!(seen.values().sum::<usize>(), 8000);
    }
}

#[derive(Clone, Debug)]
struct Described {
    weight: f64,
    pending: usize,
    is_busy: bool,
    is_tried: bool,
    since: u64,
}

fn described() -> impl Strategy<Value = Described> {
    let weight = prop_oneof![Just(0.0), Just(1.0), Just(2.5)];
    (
        weight,
        0..5usize,
        any::<bool>(),
        proptest::bool::weighted(0.3),
        0..1000u64,
    )
        .prop_map(|(weight, pending, is_busy, is_tried, since)| Described {
            weight,
            pending,
            is_busy,
            is_tried,
            since,
        })
}

proptest! {
    #[test]
    fn something_is_picked_whenever_something_is_left_and_open_nodes_first(
        set in proptest::collection::vec(described(), 0..12),
        kind in (0..KINDS.len()).prop_map(|at| KINDS[at]),
        slow_start in 0..2000u64,
        seed: u64,
    ) {
        let balancing = Balancing { slow_start: at(slow_start), ..of(kind) };
        let mut random = fastrand::Rng::with_seed(seed);
        // The names of tried nodes are small letters.
        let set: Vec<_> = ('A'..).zip(set).map(|(name, node)| {
            let name = if node.is_tried { name.to_ascii_lowercase() } else { name };
            let letter = Letter {
                name,
                pending: AtomicUsize::new(node.pending),
                is_busy: AtomicBool::new(node.is_busy),
                standing: balancing.standing(at(node.since), &mut || random.f64()),
            };
            (node.weight, Arc::new(letter))
        }).collect();
        let is_tried = |node: &Letter| node.name.is_ascii_lowercase();
        let is_open = |node: &Letter| node.status(at(0)) == Status::Open;
        let is_left = set.iter().any(|(_, node)| !is_tried(node));
        let is_open_left = set.iter().any(|(_, node)| !is_tried(node) && is_open(node));
        let balancer = Balancer::new(balancing, set);
        for step in 0..20 {
            let picked = balancer.pick(at(1000 + step), &mut || random.f64(), is_tried);
            prop_assert_eq!(picked.is_some(), is_left);
            if let Some(pick) = picked {
                prop_assert!(!is_tried(pick.node));
                prop_assert_eq!(is_open(pick.node), is_open_left);
                prop_assert_eq!(pick.is_desperate, !is_open_left);
            }
        }
    }
}
