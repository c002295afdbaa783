//! Which endpoint gets a request.

use std::time::Duration;

use crate::admin::{metrics, state};
use crate::world::{Addresses, Backend, World, silent, stuck, wait_until};

const GET: &str = "GET / HTTP/1.1\r\nHost: web\r\n\r\n";
const ID: &str = "/#/io.l5d.fs/web";
const KINDS: [&str; 5] = ["p2c", "ewma", "aperture", "heap", "roundRobin"];

fn send(world: &World, count: usize) {
    let mut client = world.client();
    for _ in 0..count {
        assert_eq!(client.send(GET).status(), 200);
    }
}

fn named(count: usize) -> Vec<Backend> {
    (0..count).map(|_| Backend::named("web")).collect()
}

/// A router that balances over these.
fn balanced(backends: &[&Backend], balancer: &str) -> (Addresses, World) {
    let addresses: Vec<_> = backends.iter().map(|backend| backend.address).collect();
    let addresses = Addresses::of(&addresses);
    let world = addresses.world(&format!("  client: {{loadBalancer: {{{balancer}}}}}\n"));
    (addresses, world)
}

/// That of `all` draws about this share came here: within five deviations, which chance exceeds once in a million times.
fn assert_share(what: &str, drawn: usize, all: usize, share: f64) {
    let (drawn, all) = (drawn as f64, all as f64);
    let deviation = (all * share * (1.0 - share)).sqrt();
    let off = (drawn - all * share).abs();
    assert!(
        off <= 5.0 * deviation,
        "{what}: {drawn} of {all} are not {share}"
    );
}

#[test]
fn endpoints_get_their_weight_whatever_balances_them() {
    const REQUESTS: usize = 1200;
    for kind in KINDS {
        let (light, heavy) = (Backend::named("light"), Backend::named("heavy"));
        let addresses = Addresses::of(&[]);
        addresses.weigh(&[(light.address, 1.0), (heavy.address, 3.0)]);
        let world = addresses.world(&format!("  client: {{loadBalancer: {{kind: {kind}}}}}\n"));
        send(&world, REQUESTS);
        assert_eq!(light.requests() + heavy.requests(), REQUESTS);
        assert_share(kind, light.requests(), REQUESTS, 0.25);
        let metrics = metrics(&world);
        let label = match kind {
            "p2c" => "p2c_least_loaded",
            "ewma" => "p2c_peak_ewma",
            "aperture" => "aperture_least_loaded",
            "heap" => "heap_least_loaded",
            _ => "round_robin",
        };
        let algorithm = format!("rt/http/client{ID}/loadbalancer/algorithm/{label}");
        assert_eq!(metrics[&algorithm], 1.0, "{kind}");
    }
}

#[test]
fn nested_unions_multiply_their_weights() {
    const REQUESTS: usize = 2000;
    let backends = named(3);
    let [a, b, c] = [0, 1, 2].map(|number| backends[number].path());
    let world = World::with_dtab(&format!(
        "/left => 3 * {a} & 1 * {b}; /svc/web => 1 * /left & 1 * {c}"
    ));
    send(&world, REQUESTS);
    for (backend, share) in backends.iter().zip([0.375, 0.125, 0.5]) {
        assert_share("a branch", backend.requests(), REQUESTS, share);
    }
}

#[test]
fn round_robin_goes_round() {
    let backends = named(3);
    let all: Vec<_> = backends.iter().collect();
    let (_addresses, world) = balanced(&all, "kind: roundRobin");
    for turn in 1..=20 {
        send(&world, 3);
        assert!(backends.iter().all(|backend| backend.requests() == turn));
    }
}

#[test]
fn who_is_busy_gets_less() {
    for kind in ["p2c", "ewma", "heap"] {
        let [(slow, later), (web, now)] = [(); 2].map(|()| stuck());
        let (_addresses, world) = balanced(&[&slow, &web], &format!("kind: {kind}"));
        let mut held: Vec<_> = std::iter::repeat_with(|| world.client()).take(20).collect();
        for client in &mut held {
            client.write(GET);
        }
        wait_until("held", || slow.connections() + web.connections() == 20);
        assert!(slow.connections() > 2, "{kind}");
        now.open();
        wait_until("done", || {
            state(&world, ID)["endpoints"][web.address.to_string()]["requests"] == 0
        });
        let held = slow.connections();
        send(&world, 60);
        assert_eq!(slow.connections(), held, "{kind}");
        later.open();
    }
}

#[test]
fn who_answers_late_gets_less_until_that_is_forgotten() {
    let check = |decay: u64| {
        let slow = std::sync::atomic::AtomicBool::new(true);
        let late = Backend::answering(move |_| {
            if slow.swap(false, std::sync::atomic::Ordering::Relaxed) {
                std::thread::sleep(Duration::from_millis(300));
            }
            "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n".to_owned()
        });
        let web = Backend::named("web");
        let (_addresses, world) =
            balanced(&[&late, &web], &format!("kind: ewma, decayTimeMs: {decay}"));
        wait_until("measured", || {
            send(&world, 1);
            late.requests() > 0 && web.requests() > 0
        });
        std::thread::sleep(Duration::from_millis(300));
        let before = late.requests();
        send(&world, 60);
        late.requests() - before
    };
    let keeps = std::thread::spawn(move || check(3_600_000));
    assert!(check(1) > 0);
    assert_eq!(keeps.join().expect("a count"), 0);
}

#[test]
fn an_aperture_is_as_wide_as_the_load_asks_for() {
    let check = |aperture: &str| {
        let slow: Vec<_> = (0..6).map(|_| silent().0).collect();
        let all: Vec<_> = slow.iter().collect();
        let (_addresses, world) = balanced(&all, &format!("kind: aperture, {aperture}"));
        let mut clients: Vec<_> = std::iter::repeat_with(|| world.client()).take(60).collect();
        for client in &mut clients {
            client.write(GET);
            std::thread::sleep(Duration::from_millis(2));
        }
        let connections = || slow.iter().map(Backend::connections).sum::<usize>();
        wait_until("connected", || connections() == 60);
        slow.iter().filter(|slow| slow.connections() > 0).count()
    };
    let soon = "smoothWindowMs: 20";
    assert_eq!(check("smoothWindowMs: 3600000, highLoad: 1"), 1);
    assert_eq!(check(&format!("{soon}, highLoad: 1000000")), 1);
    assert_eq!(
        check(&format!("{soon}, highLoad: 1000000, minAperture: 3")),
        3
    );
    assert_eq!(check(&format!("{soon}, highLoad: 1")), 6);
}

#[test]
fn an_aperture_becomes_narrow_when_there_is_little_to_do() {
    let check = |low_load: f64| {
        let gates: Vec<_> = (0..6).map(|_| stuck()).collect();
        let all: Vec<_> = gates.iter().map(|(backend, _)| backend).collect();
        let (_addresses, world) = balanced(
            &all,
            &format!("kind: aperture, smoothWindowMs: 20, highLoad: 1, lowLoad: {low_load}"),
        );
        let mut clients: Vec<_> = std::iter::repeat_with(|| world.client()).take(60).collect();
        for client in &mut clients {
            client.write(GET);
            std::thread::sleep(Duration::from_millis(2));
        }
        wait_until("wide", || {
            all.iter().all(|backend| backend.connections() > 0)
        });
        gates.iter().for_each(|(_, gate)| gate.open());
        for client in &mut clients {
            assert_eq!(client.read(false).status(), 200);
        }
        for _ in 0..20 {
            std::thread::sleep(Duration::from_millis(5));
            send(&world, 1);
        }
        let before: Vec<_> = all.iter().map(|backend| backend.requests()).collect();
        send(&world, 60);
        let after = all.iter().map(|backend| backend.requests());
        after
            .zip(before)
            .filter(|(after, before)| after > before)
            .count()
    };
    assert_eq!(check(0.5), 1);
    assert!(check(0.0) > 1);
}

#[test]
fn a_newcomer_gets_its_share_little_by_little() {
    const REQUESTS: usize = 200;
    let share = |slow_start: u64| {
        let (old, new) = (Backend::named("old"), Backend::named("new"));
        let (addresses, world) =
            balanced(&[&old], &format!("kind: p2c, slowStartMs: {slow_start}"));
        send(&world, 1);
        // So that the first one is older by more than a moment.
        std::thread::sleep(Duration::from_millis(300));
        addresses.change(&[old.address, new.address]);
        wait_until("known", || {
            state(&world, ID)["addresses"].as_array().map(Vec::len) == Some(2)
        });
        send(&world, REQUESTS);
        new.requests()
    };
    let all_at_once = share(0);
    assert_share("the new one", all_at_once, REQUESTS, 0.5);
    let slowly = share(600_000);
    assert!(slowly < REQUESTS / 2 && slowly < all_at_once, "{slowly}");
}
