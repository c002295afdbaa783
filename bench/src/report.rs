//! What all windows of a scenario say together: a table, or JSON.

mod mark;
pub(crate) mod table;

use serde_json::{Value, json};

use self::mark::{Against, Mark};
pub use self::table::Layout;
use self::table::Table;
use crate::contender::{Contender, Kind};
use crate::figure::{Figure, Ratio};
use crate::sample::Sample;
use crate::scenario::Scenario;

/// The samples of one scenario, round by round.
#[derive(Debug)]
pub struct Report {
    scenario: Scenario,
    rate: Option<f64>,
    rows: Vec<Row>,
}

#[derive(Debug)]
struct Row {
    name: String,
    kind: Kind,
    samples: Vec<Sample>,
}

/// What contenders are compared by, and what it is called.
const COMPARED: [(Figure, &str); 4] = [
    (Figure::CpuUsPerRequest, "CPU"),
    (Figure::RequestsPerSecond, "requests/s"),
    (Figure::P50Us, "p50"),
    (Figure::P99Us, "p99"),
];

impl Report {
    /// Without samples. The first of the contenders is the one that the others are compared with.
    pub fn new(scenario: Scenario, rate: Option<f64>, contenders: &[Contender]) -> Self {
        let row = |contender: &Contender| Row {
            name: contender.name.clone(),
            kind: contender.kind,
            samples: Vec::new(),
        };
        Self {
            scenario,
            rate,
            rows: contenders.iter().map(row).collect(),
        }
    }

    /// Whether it is of this scenario.
    pub fn is_of(&self, scenario: Scenario) -> bool {
        self.scenario == scenario
    }

    /// Adds a sample of a contender.
    pub fn add(&mut self, contender: usize, sample: Sample) {
        self.rows[contender].samples.push(sample);
    }

    /// What the slowest contender could do: the least of the medians, in requests a second.
    pub fn slowest(&self) -> Option<f64> {
        let rates = self.rows.iter().filter_map(|row| {
            // What asks the backend itself has no proxy to be slow.
            Figure::CpuUsPerRequest.median(&row.samples)?;
            Figure::RequestsPerSecond.median(&row.samples)
        });
        rates.min_by(f64::total_cmp)
    }

    /// A table over all scenarios of the headline: CPU time for each request, and what the first contender's is to that of
    /// each other.
    pub fn summary(reports: &[Self], layout: Layout) -> String {
        let mut names: Vec<&str> = Vec::new();
        for row in reports.iter().flat_map(|report| &report.rows) {
            let has_cpu = Figure::CpuUsPerRequest.median(&row.samples).is_some();
            if has_cpu && !names.contains(&&*row.name) {
                names.push(&row.name);
            }
        }
        let mut table = Table::new(
            ["CPU µs by request".to_owned()]
                .into_iter()
                .chain(names.iter().map(|name| (*name).to_owned())),
        );
        for report in reports {
            let cells = names.iter().map(|name| {
                let row = report.rows.iter().find(|row| row.name == *name);
                row.map_or_else(String::new, |row| report.headline(row))
            });
            table.add([report.title()].into_iter().chain(cells));
        }
        table.to_text(layout)
    }

    fn headline(&self, row: &Row) -> String {
        let cpu = shown(Figure::CpuUsPerRequest.median(&row.samples));
        match self.ratio(Figure::CpuUsPerRequest, row) {
            Some(ratio) => format!("{cpu} (× {:.2})", ratio.median),
            None => cpu,
        }
    }

    /// What its table is about.
    pub fn title(&self) -> String {
        self.scenario.title(self.rate)
    }

    /// Medians by contender, and what the first one's figures are to those of each other.
    pub fn table(&self, layout: Layout) -> String {
        let has = |figure: &Figure| {
            let mut rows = self.rows.iter();
            rows.any(|row| figure.median(&row.samples).is_some())
        };
        let figures: Vec<Figure> = Figure::ALL.into_iter().filter(has).collect();
        let heads = figures.iter().map(|figure| figure.head().to_owned());
        let ratios = COMPARED.map(|(_, head)| format!("× {head}"));
        let mut table = Table::new([String::new()].into_iter().chain(heads).chain(ratios));
        for row in &self.rows {
            let medians = figures.iter();
            let medians = medians.map(|figure| shown(figure.median(&row.samples)));
            let ratios = COMPARED.map(|(figure, _)| shown_ratio(self.ratio(figure, row)));
            table.add([row.name.clone()].into_iter().chain(medians).chain(ratios));
        }
        let mut text = table.to_text(layout);
        for row in &self.rows {
            text.push_str(&row.failures());
        }
        text
    }

    /// What its scenario is there to tell: whether the marks are kept that the router has in it.
    pub fn verdicts(&self) -> Vec<String> {
        let marks = mark::of(self.scenario).iter();
        marks.filter_map(|mark| self.verdict(mark)).collect()
    }

    fn verdict(&self, mark: &Mark) -> Option<String> {
        let (one, other) = match mark.against {
            Against::Peer(kind) => {
                let first = self.rows.first().filter(|row| row.kind == Kind::Router)?;
                (first, self.rows.iter().find(|row| row.kind == kind)?)
            }
            Against::Itself => (self.rows.get(1)?, self.rows.first()?),
        };
        let ratio = mark.figure.ratio(&one.samples, &other.samples)?;
        Some(format!(
            "{}, {} to {}: {}; {}",
            mark.figure.head(),
            one.name,
            other.name,
            shown_ratio(Some(ratio)),
            mark.bound.verdict(ratio.median),
        ))
    }

    /// How many requests of the router failed. What a peer refuses, because it is asked for more than it can do, is told with the table.
    pub fn failed(&self) -> u64 {
        let own = self
            .rows
            .iter()
            .filter(|row| row.name.starts_with("router"));
        let samples = own.flat_map(|row| &row.samples);
        samples.map(|sample| sample.failed).sum()
    }

    /// What the first contender's figure is to that of a row; none for itself.
    fn ratio(&self, figure: Figure, row: &Row) -> Option<Ratio> {
        let first = self.rows.first().filter(|first| first.name != row.name)?;
        figure.ratio(&first.samples, &row.samples)
    }

    /// All samples, medians and ratios.
    pub fn json(&self) -> Value {
        let rows = self.rows.iter().map(|row| {
            let by_figure = |value: &dyn Fn(Figure) -> Value| -> Value {
                let pairs = Figure::ALL.map(|figure| (figure.key().to_owned(), value(figure)));
                Value::Object(
                    pairs
                        .into_iter()
                        .filter(|(_, value)| !value.is_null())
                        .collect(),
                )
            };
            json!({
                "name": row.name,
                "medians": by_figure(&|figure| json!(figure.median(&row.samples))),
                "ratios_of_first_to_this": by_figure(&|figure| json!(self.ratio(figure, row))),
                "samples": row.samples,
            })
        });
        json!({
            "scenario": self.title(),
            "rate": self.rate,
            "contenders": rows.collect::<Vec<_>>(),
        })
    }
}

impl Row {
    /// A line that nobody should overlook, if requests failed.
    fn failures(&self) -> String {
        let failed: u64 = self.samples.iter().map(|sample| sample.failed).sum();
        let mut reasons = self.samples.iter();
        let reason = reasons.find_map(|sample| sample.first_failure.as_deref());
        match failed {
            0 => String::new(),
            _ => format!(
                "\n{}: {failed} FAILED ({})\n",
                self.name,
                reason.unwrap_or("unknown why")
            ),
        }
    }
}

/// A figure with as many digits as mean something.
fn shown(figure: Option<f64>) -> String {
    match figure {
        None => String::new(),
        Some(figure) if figure < 100.0 => format!("{figure:.1}"),
        Some(figure) => format!("{figure:.0}"),
    }
}

fn shown_ratio(ratio: Option<Ratio>) -> String {
    ratio.map_or_else(String::new, |ratio| {
        let Ratio { median, low, high } = ratio;
        format!("{median:.2} ({low:.2}–{high:.2})")
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::{Grpc, Http1};

    fn report(scenario: Scenario) -> Report {
        let contenders = [Kind::Router, Kind::Nginx, Kind::Direct];
        let contenders = contenders.map(|kind| Contender::new(kind, "x".into()));
        let mut report = Report::new(scenario, None, &contenders);
        for (contender, cpu_seconds) in [(0, Some(1.0)), (1, Some(2.0)), (2, None)] {
            let sample = Sample {
                seconds: 2.0,
                requests: 100_000 - 10_000 * contender as u64,
                cpu_seconds,
                ..Sample::default()
            };
            report.add(contender, sample);
        }
        report
    }

    fn get() -> Report {
        report(Scenario::Http1(Http1::Get))
    }

    #[test]
    fn the_first_is_compared_with_each_other() {
        let table = get().table(Layout::Markdown);
        let nginx = table.lines().find(|line| line.contains("nginx"));
        assert!(
            nginx.is_some_and(|line| line.contains("0.45 (0.45–0.45)")),
            "{table}"
        );
    }

    #[test]
    fn marks_are_told_of_the_scenarios_that_have_some() {
        let check = |scenario, expected: &[&str]| {
            assert_eq!(report(scenario).verdicts(), expected, "{scenario:?}");
        };
        check(Scenario::Http1(Http1::Idle), &[]);
        check(
            Scenario::Http1(Http1::Get),
            &[
                "CPU µs/request, router to nginx: 0.45 (0.45–0.45); the mark of at most 0.97 is kept",
            ],
        );
        check(
            Scenario::Http1(Http1::Policy),
            &[
                "requests/CPU s, nginx to router: 0.45 (0.45–0.45); the mark of at least 0.95 is MISSED",
            ],
        );
        check(
            Scenario::Grpc(Grpc::Unary),
            &[
                "CPU µs/request, router to nginx: 0.45 (0.45–0.45); the mark of at most 0.22 is MISSED",
            ],
        );
    }

    #[test]
    fn the_slowest_is_one_of_the_proxies() {
        assert_eq!(get().slowest(), Some(45_000.0));
    }

    #[test]
    fn a_failure_is_told_with_its_reason() {
        let failed = || Sample {
            failed: 3,
            first_failure: Some("no".into()),
            ..Sample::default()
        };
        let mut report = get();
        report.add(1, failed());
        let table = report.table(Layout::Plain);
        assert!(table.contains("nginx: 3 FAILED (no)"), "{table}");
        assert_eq!(report.failed(), 0);
        report.add(0, failed());
        assert_eq!(report.failed(), 3);
    }
}
