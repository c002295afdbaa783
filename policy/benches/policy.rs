//! What the rules cost a request.
//!
//! Run with `cargo bench -p policy`. Baseline on one core of a small, busy cloud machine: 10 ns for a deposit, 8 ns to admit and
//! settle a request, 19 ns for a pick of ten, of which the two random numbers are a third; peak EWMA 51 ns and 25 ns to observe; heap
//! 3 ns for each node; slow start and panic threshold together 5 to 12 ns.

use std::hint::black_box;
use std::io::Write as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use policy::{
    Accrual, AccrualPolicy, Balancer, Balancing, BudgetLimits, Kind, Node, Outcome, RetryBudget,
    Rule, Standing, Status,
};

const CALLS: u32 = 1000;

/// What a router has of an endpoint, as far as balancers see it.
struct Endpoint {
    pending: AtomicUsize,
    accrual: Accrual,
    standing: Standing,
}

impl Node for Endpoint {
    fn pending(&self) -> usize {
        self.pending.load(Ordering::Relaxed)
    }

    fn status(&self, now: Duration) -> Status {
        self.accrual.status(now)
    }

    fn standing(&self) -> &Standing {
        &self.standing
    }
}

fn main() -> std::io::Result<()> {
    let mut stdout = std::io::stdout().lock();
    let mut report = |what: &str, each: Duration| writeln!(stdout, "{what:<36}{each:>10.1?}");
    let budget = RetryBudget::new(BudgetLimits::default());
    report("budget: deposit", best(|now| budget.deposit(now)))?;
    report("budget: withdraw", best(|now| budget.try_withdraw(now)))?;
    for (name, rule) in [
        ("failures", Rule::ConsecutiveFailures(5)),
        (
            "success rate",
            Rule::SuccessRate {
                rate: 0.9,
                requests: 20,
            },
        ),
        (
            "windowed",
            Rule::SuccessRateWindowed {
                rate: 0.9,
                window: Duration::from_secs(30),
            },
        ),
    ] {
        let accrual = Accrual::new(AccrualPolicy {
            rule,
            ..AccrualPolicy::default()
        });
        let request = best(|now| {
            let admission = accrual.admit(now);
            accrual.settle(admission, now, Outcome::Success, &mut fastrand::f64)
        });
        report(&format!("accrual: request, {name}"), request)?;
    }
    let ewma = Kind::Ewma {
        max_effort: 5,
        decay: Duration::from_secs(10),
    };
    let node = endpoint(&of(ewma));
    report(
        "ewma: observe",
        best(|now| node.standing.observe(now, Duration::from_millis(3))),
    )?;
    let aperture = Kind::Aperture {
        max_effort: 5,
        smooth_window: Duration::from_secs(5),
        low_load: 0.5,
        high_load: 2.0,
        min_aperture: 1,
    };
    let kinds = [
        Kind::default(),
        ewma,
        aperture,
        Kind::Heap,
        Kind::RoundRobin { max_effort: 5 },
    ];
    for kind in kinds {
        let name = kind.label();
        report(&format!("{name}, 10"), pick(&of(kind), 10, 1))?;
    }
    report(
        "p2c_least_loaded, 1000",
        pick(&Balancing::default(), 1000, 1),
    )?;
    report(
        "p2c_least_loaded, 3 weights",
        pick(&Balancing::default(), 10, 3),
    )?;
    report("heap_least_loaded, 200", pick(&of(Kind::Heap), 200, 1))?;
    let careful = Balancing {
        slow_start: Duration::from_secs(30),
        panic_threshold: 0.5,
        ..Balancing::default()
    };
    report("p2c_least_loaded, 10, careful", pick(&careful, 10, 1))?;
    report("p2c_least_loaded, 1000, careful", pick(&careful, 1000, 1))
}

fn of(kind: Kind) -> Balancing {
    Balancing {
        kind,
        ..Balancing::default()
    }
}

fn endpoint(balancing: &Balancing) -> Arc<Endpoint> {
    Arc::new(Endpoint {
        pending: AtomicUsize::new(0),
        accrual: Accrual::new(AccrualPolicy::default()),
        standing: balancing.standing(Duration::ZERO, &mut fastrand::f64),
    })
}

/// The time of a pick among so many nodes, with weights of 1 and more.
fn pick(balancing: &Balancing, nodes: usize, weights: usize) -> Duration {
    let weight = |at: usize| (1 + at % weights) as f64;
    let nodes = (0..nodes).map(|at| (weight(at), endpoint(balancing)));
    let balancer = Balancer::new(*balancing, nodes);
    for (at, node) in balancer.members().enumerate() {
        node.pending.store(at % 4, Ordering::Relaxed);
        node.standing
            .observe(Duration::ZERO, Duration::from_millis(1));
    }
    best(|now| {
        let pick = balancer.pick(now, &mut fastrand::f64, |_| false);
        pick.map(|pick| Arc::as_ptr(pick.node))
    })
}

/// The best of many rounds. A call is 10 µs after the one before.
fn best<T>(mut call: impl FnMut(Duration) -> T) -> Duration {
    let mut time = Duration::from_secs(1);
    let round = |_| {
        let start = now();
        for _ in 0..CALLS {
            time += Duration::from_micros(10);
            black_box(call(black_box(time)));
        }
        start.elapsed() / CALLS
    };
    (0..300).map(round).min().unwrap_or_default()
}

#[expect(clippy::disallowed_methods, reason = "a benchmark measures real time")]
fn now() -> std::time::Instant {
    std::time::Instant::now()
}
