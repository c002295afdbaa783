//! What the balancers make of a fleet, in simulated time, beside what is possible.

use std::time::Duration;

use policy::Kind;
use policy::simulation::{Fleet, Seen};

use crate::report::table::{Layout, Table};

const EQUAL: Fleet = Fleet {
    nodes: 10,
    slots: 4,
    service: Duration::from_millis(10),
    first_takes: 1.0,
    rate: 2000.0,
};

const ONE_SLOW: Fleet = Fleet {
    first_takes: 10.0,
    ..EQUAL
};

const KINDS: [(&str, Kind); 5] = [
    ("p2c", Kind::P2c { max_effort: 5 }),
    (
        "ewma",
        Kind::Ewma {
            max_effort: 5,
            decay: Duration::from_secs(10),
        },
    ),
    (
        "aperture",
        Kind::Aperture {
            max_effort: 5,
            smooth_window: Duration::from_secs(5),
            low_load: 0.5,
            high_load: 2.0,
            min_aperture: 1,
        },
    ),
    ("heap", Kind::Heap),
    ("roundRobin", Kind::RoundRobin { max_effort: 5 }),
];

/// A line that gets longer as long as there are requests.
const ENDLESS: Duration = Duration::from_secs(10);

const LEGEND: &str = "\
Ten nodes that each work at four requests at once, 10 ms for each on average, distributed exponentially; 2,000 requests a second
come at random. Latencies are in ms. \"One slow\": a node takes 100 ms; × is the p99 to that of the nine others alone.
\"One line\" is what is possible at best, \"by chance\" what comes out if nobody looks at anything.";

/// A table with a row for each balancer. The same seed gives the same table.
pub fn balance(requests: usize, seed: u64, layout: Layout) -> String {
    let heads = [
        "",
        "least share",
        "largest",
        "p50",
        "p99",
        "one slow: its share",
        "p50",
        "p99",
        "without it: p99",
        "×",
    ];
    let mut table = Table::new(heads.map(str::to_owned).into_iter());
    for (name, kind) in KINDS {
        let run = |fleet: Fleet| {
            let mut random = fastrand::Rng::with_seed(seed);
            fleet.run(kind, requests, &mut || random.f64())
        };
        table.add(
            row(
                name,
                &run(EQUAL),
                &run(ONE_SLOW),
                &run(ONE_SLOW.without_first()),
            )
            .into_iter(),
        );
    }
    let theory = |name: &str, latency: fn(&Fleet, f64) -> Duration| {
        let none = String::new;
        [
            name.to_owned(),
            percent(0.1),
            percent(0.1),
            millis(latency(&EQUAL, 0.5)),
            millis(latency(&EQUAL, 0.99)),
            none(),
            none(),
            none(),
            millis(latency(&ONE_SLOW.without_first(), 0.99)),
            none(),
        ]
    };
    table.add(theory("one line", Fleet::of_one_line).into_iter());
    table.add(theory("by chance", Fleet::of_chance).into_iter());
    format!("{LEGEND}\n\n{}", table.to_text(layout))
}

fn row(name: &str, equal: &Seen, one_slow: &Seen, without: &Seen) -> [String; 10] {
    let shares = || (0..EQUAL.nodes).map(|node| equal.share(node));
    let (slow, best) = (one_slow.latency(0.99), without.latency(0.99));
    [
        name.to_owned(),
        percent(shares().fold(1.0, f64::min)),
        percent(shares().fold(0.0, f64::max)),
        millis(equal.latency(0.5)),
        millis(equal.latency(0.99)),
        percent(one_slow.share(0)),
        millis(one_slow.latency(0.5)),
        millis(slow),
        millis(best),
        if slow > ENDLESS {
            String::new()
        } else {
            format!("{:.2}", slow.as_secs_f64() / best.as_secs_f64())
        },
    ]
}

fn percent(share: f64) -> String {
    format!("{:.2} %", share * 100.0)
}

fn millis(time: Duration) -> String {
    if time > ENDLESS {
        return "endless".to_owned();
    }
    format!("{:.1}", time.as_secs_f64() * 1000.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_has_a_row_for_each_balancer_and_is_the_same_each_time() {
        let table = balance(2000, 1, Layout::Plain);
        for (name, _) in KINDS {
            let rows = table.lines().filter(|line| line.starts_with(name));
            assert_eq!(rows.count(), 1, "{table}");
        }
        assert_eq!(table, balance(2000, 1, Layout::Plain));
    }
}
