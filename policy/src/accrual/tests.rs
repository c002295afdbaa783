use proptest::prelude::*;

use super::*;

fn at(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

/// An endpoint that is dead for 10 s, 10 s, 20 s, …
fn accrual(rule: Rule) -> Accrual {
    Accrual::new(AccrualPolicy {
        rule,
        backoff: Backoff::EqualJittered {
            first: at(10),
            max: at(300),
        },
    })
}

/// A request that begins and ends at once.
fn request(accrual: &Accrual, now: Duration, outcome: Outcome) -> Option<Change> {
    let admission = accrual.admit(now);
    accrual.settle(admission, now, outcome, &mut || 0.0)
}

/// Sends a request each second, with the outcomes `+`, `-` and `?`. What they have changed: `.` nothing, `x` removed, `f` probe
/// failed, `r` revived.
fn check(rule: Rule, outcomes: &str, expected: &str) {
    let accrual = accrual(rule);
    let changes: String = (0..)
        .zip(outcomes.chars())
        .map(|(second, outcome)| {
            let outcome = match outcome {
                '+' => Outcome::Success,
                '-' => Outcome::Failure,
                _ => Outcome::Ignorable,
            };
            match request(&accrual, at(second), outcome) {
                None => '.',
                Some(Change::Removed { .. }) => 'x',
                Some(Change::ProbeFailed { .. }) => 'f',
                Some(Change::Revived { .. }) => 'r',
            }
        })
        .collect();
    assert_eq!(changes, expected, "{outcomes}");
}

#[test]
fn failures_in_a_row_remove_an_endpoint() {
    let rule = Rule::ConsecutiveFailures(3);
    check(rule, "--+--+---", "........x");
    check(rule, "--?-", "...x");
    // Dead for 10 s whatever happens; then the probe decides.
    check(rule, "---+++---+++++", "..x.........r.");
    check(rule, "---+++---+++-++++++++++", "..x.........f.........r");
    check(rule, "---+++---+++--", "..x.........f.");
    check(Rule::ConsecutiveFailures(1), "+-", ".x");
    check(Rule::Never, "---------", ".........");
}

#[test]
fn a_failed_probe_waits_longer_and_a_success_forgets_it() {
    let rule = Rule::ConsecutiveFailures(1);
    //           x at 0    f at 10   f at 20             r at 40
    check(
        rule,
        "-+++++++++-+++++++++-+++++++++++++++++++++-+++++++++-",
        "x.........f.........f...................r.x.........f",
    );
}

#[test]
fn a_probe_that_says_nothing_leaves_the_next_request_to_be_one() {
    check(
        Rule::ConsecutiveFailures(1),
        "-?????????????+",
        "x.............r",
    );
}

#[test]
fn a_low_success_rate_removes_an_endpoint_after_enough_requests() {
    let rule = |rate, requests| Rule::SuccessRate { rate, requests };
    check(rule(0.9, 10), "--------------", ".........x....");
    check(rule(0.5, 10), "++++++++++-------", "................x");
    check(
        rule(0.5, 10),
        "-+-+-+-+++++++++-+-+-",
        ".....................",
    );
    // Only a failure removes.
    check(rule(0.9, 4), "---++", ".....");
    check(rule(0.9, 4), "---+-", "....x");
}

#[test]
fn a_low_success_rate_within_a_window_removes_an_endpoint() {
    let rule = |rate, seconds| Rule::SuccessRateWindowed {
        rate,
        window: at(seconds),
    };
    check(rule(0.5, 10), "-----------", "..........x");
    check(
        rule(0.5, 10),
        "++++++++++++++++------",
        "......................",
    );
    check(
        rule(0.5, 10),
        "++++++++++++++++-------",
        "......................x",
    );
    // Fewer than five requests within the window never do.
    check(rule(0.9, 4), "----------", "..........");
    check(rule(0.9, 5), "----------", ".....x....");
}

#[test]
fn reasons_say_what_was_seen() {
    let reason = |rule| {
        let accrual = accrual(rule);
        (0..100).find_map(|second| request(&accrual, at(second), Outcome::Failure));
        accrual.removal().map(|removal| removal.reason.to_string())
    };
    assert_eq!(
        reason(Rule::ConsecutiveFailures(5)).as_deref(),
        Some("5 failures in a row")
    );
    assert_eq!(
        reason(Rule::ConsecutiveFailures(1)).as_deref(),
        Some("a failure")
    );
    assert_eq!(
        reason(Rule::SuccessRate {
            rate: 0.8,
            requests: 20
        })
        .as_deref(),
        Some("success rate 0 % below 80 % over 20 requests")
    );
    assert_eq!(
        reason(Rule::SuccessRateWindowed {
            rate: 0.8,
            window: at(30)
        })
        .as_deref(),
        Some("success rate 0 % below 80 % over 30s")
    );
    assert_eq!(reason(Rule::Never), None);
}

#[test]
fn changes_tell_until_when_and_how_long() {
    let accrual = accrual(Rule::ConsecutiveFailures(1));
    let removed = request(&accrual, at(5), Outcome::Failure);
    let reason = Reason::Failures(1);
    assert_eq!(
        removed,
        Some(Change::Removed {
            reason,
            until: at(15)
        })
    );
    assert_eq!(accrual.state(at(14)), State::Dead { until: at(15) });
    assert_eq!(accrual.status(at(14)), Status::Busy);
    assert_eq!(accrual.state(at(15)), State::ProbeOpen);
    assert_eq!(accrual.status(at(15)), Status::Open);
    let probe = accrual.admit(at(16));
    assert!(probe.is_probe());
    assert_eq!(accrual.state(at(16)), State::ProbeClosed);
    assert_eq!(accrual.status(at(99)), Status::Busy);
    let revived = accrual.settle(probe, at(17), Outcome::Success, &mut || 0.0);
    let removed_for = at(12);
    assert_eq!(revived, Some(Change::Revived { removed_for }));
    assert_eq!(accrual.state(at(17)), State::Alive);
}

#[test]
fn requests_of_an_earlier_life_do_not_count() {
    let accrual = accrual(Rule::ConsecutiveFailures(2));
    let slow: Vec<_> = (0..10).map(|_| accrual.admit(at(0))).collect();
    request(&accrual, at(0), Outcome::Failure);
    request(&accrual, at(0), Outcome::Failure);
    assert!(request(&accrual, at(20), Outcome::Success).is_some());
    for admission in slow {
        let change = accrual.settle(admission, at(21), Outcome::Failure, &mut || 0.0);
        assert_eq!(change, None);
    }
    assert_eq!(accrual.state(at(21)), State::Alive);
}

#[test]
fn of_many_threads_one_gets_the_probe() {
    let accrual = accrual(Rule::ConsecutiveFailures(1));
    let mut now = at(0);
    for _ in 0..100 {
        request(&accrual, now, Outcome::Failure);
        now += at(1000);
        let admissions: Vec<_> = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..4).map(|_| scope.spawn(|| accrual.admit(now))).collect();
            threads
                .into_iter()
                .map(|thread| thread.join().expect("an admission"))
                .collect()
        });
        let (probes, others): (Vec<_>, Vec<_>) = admissions
            .into_iter()
            .partition(|admission| admission.is_probe());
        assert_eq!(probes.len(), 1);
        assert!(others.iter().all(|other| other.is_to_closed()));
        for probe in probes {
            accrual.settle(probe, now, Outcome::Success, &mut || 0.0);
        }
    }
}

#[derive(Clone, Copy, Debug)]
enum Step {
    Wait(u64),
    Admit,
    Settle(usize, Outcome),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let outcome = prop_oneof![
        2 => Just(Outcome::Success),
        6 => Just(Outcome::Failure),
        1 => Just(Outcome::Ignorable),
    ];
    let step = prop_oneof![
        2 => (0..30u64).prop_map(Step::Wait),
        5 => Just(Step::Admit),
        5 => (0..100usize, outcome).prop_map(|(which, outcome)| Step::Settle(which, outcome)),
    ];
    proptest::collection::vec(step, 0..300)
}

fn rules() -> impl Strategy<Value = Rule> {
    prop_oneof![
        (1..4u32).prop_map(Rule::ConsecutiveFailures),
        (0.1..1.0, 1..5u32).prop_map(|(rate, requests)| Rule::SuccessRate { rate, requests }),
        (0.1..1.0, 1..20u64).prop_map(|(rate, window)| Rule::SuccessRateWindowed {
            rate,
            window: at(window)
        }),
    ]
}

proptest! {
    #[test]
    fn exactly_one_probe_is_in_flight_while_the_endpoint_waits_for_it(rule in rules(), steps in steps()) {
        let accrual = accrual(rule);
        let mut in_flight = Vec::new();
        let mut now = Duration::ZERO;
        for step in steps {
            let before = accrual.state(now);
            match step {
                Step::Wait(seconds) => now += at(seconds),
                Step::Admit => {
                    let admission = accrual.admit(now);
                    prop_assert_eq!(admission.is_probe(), before == State::ProbeOpen);
                    in_flight.push(admission);
                }
                Step::Settle(which, outcome) if !in_flight.is_empty() => {
                    let admission = in_flight.swap_remove(which % in_flight.len());
                    let was_probe = admission.is_probe();
                    let change = accrual.settle(admission, now, outcome, &mut || 0.5);
                    let expected = match change {
                        None if was_probe => State::ProbeOpen,
                        None => before,
                        Some(Change::Removed { until, .. } | Change::ProbeFailed { until }) => {
                            prop_assert!(until > now);
                            State::Dead { until }
                        }
                        Some(Change::Revived { .. }) => State::Alive,
                    };
                    prop_assert_eq!(accrual.state(now), expected);
                }
                Step::Settle(..) => {}
            }
            let probes = in_flight.iter().filter(|admission| admission.is_probe()).count();
            let is_probed = accrual.state(now) == State::ProbeClosed;
            prop_assert_eq!(probes, usize::from(is_probed));
            let is_open = matches!(accrual.state(now), State::Alive | State::ProbeOpen);
            prop_assert_eq!(accrual.status(now) == Status::Open, is_open);
        }
    }
}
