//! What all windows of a scenario say together: a table, or JSON.

pub(crate) mod table;

use serde_json::{Value, json};

pub use self::table::Layout;
use self::table::Table;
use crate::contender::Contender;
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
    samples: Vec<Sample>,
}

/// What contenders are compared by, and what it is called.
const COMPARED: [(Figure, &str); 4] = [
    (Figure::CpuUsPerRequest, "CPU"),
    (Figure::RequestsPerSecond, "requests/s"),
    (Figure::P50Us, "p50"),
    (Figure::P99Us, "p99"),
];

/// What share of the requests by CPU second a router must keep with all policy on.
const POLICY_MARK: f64 = 0.95;

impl Report {
    /// Without samples. The first of the contenders is the one that the others are compared with.
    pub fn new(scenario: Scenario, rate: Option<f64>, contenders: &[Contender]) -> Self {
        let row = |contender: &Contender| Row {
            name: contender.name.clone(),
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
            Some(ratio) => format!("{cpu} (× {:.2})", ratio.of_medians),
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

    /// What its scenario is there to tell, if that is one figure.
    pub fn verdict(&self) -> Option<String> {
        let (Scenario::Policy, [off, on, ..]) = (self.scenario, &*self.rows) else {
            return None;
        };
        let ratio = Figure::RequestsPerCpuSecond.ratio(&on.samples, &off.samples)?;
        let kept = match ratio.of_medians >= POLICY_MARK {
            true => "kept",
            false => "MISSED",
        };
        Some(format!(
            "requests by CPU second, {} to {}: {}; the mark of {POLICY_MARK} is {kept}",
            on.name,
            off.name,
            shown_ratio(Some(ratio))
        ))
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
        let Ratio {
            of_medians,
            least,
            most,
        } = ratio;
        format!("{of_medians:.2} ({least:.2}–{most:.2})")
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::contender::{Kind, Policy};

    fn report() -> Report {
        let contender = |name: &str| Contender {
            name: name.to_owned(),
            kind: Kind::Router,
            names: 1,
            policy: Policy::Default,
            program: "x".into(),
        };
        let mut report = Report::new(
            Scenario::Get,
            None,
            &[contender("router"), contender("nginx"), contender("direct")],
        );
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

    #[test]
    fn the_first_is_compared_with_each_other() {
        let table = report().table(Layout::Markdown);
        let nginx = table.lines().find(|line| line.contains("nginx"));
        assert!(
            nginx.is_some_and(|line| line.contains("0.45 (0.45–0.45)")),
            "{table}"
        );
    }

    #[test]
    fn the_cost_of_policy_is_told_with_its_mark() {
        let Report { rate, rows, .. } = report();
        assert_eq!(report().verdict(), None);
        let scenario = Scenario::Policy;
        let verdict = Report {
            scenario,
            rate,
            rows,
        }
        .verdict();
        let verdict = verdict.expect("two rows with samples");
        assert!(
            verdict.contains("0.45 (0.45–0.45); the mark of 0.95 is MISSED"),
            "{verdict}"
        );
    }

    #[test]
    fn the_slowest_is_one_of_the_proxies() {
        assert_eq!(report().slowest(), Some(45_000.0));
    }

    #[test]
    fn a_failure_is_told_with_its_reason() {
        let mut report = report();
        report.add(
            1,
            Sample {
                failed: 3,
                first_failure: Some("no".into()),
                ..Sample::default()
            },
        );
        let table = report.table(Layout::Plain);
        assert!(table.contains("nginx: 3 FAILED (no)"), "{table}");
    }
}
