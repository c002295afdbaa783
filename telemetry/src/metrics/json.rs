//! `metrics.json`, as linkerd's AdminMetricsExportTelemeter writes it: flat or a tree, integers for counters and stats, floats for gauges and averages.
//!
//! Two differences: names are always sorted, and a sub-tree may be named down to a node that has a `/` in it.

use std::collections::{BTreeMap, HashMap};

use serde_json::{Map, Value as Json};

use super::{Reading, Summary, Value};

/// What of the metrics to show, and how.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Query {
    /// One line for each metric.
    pub pretty: bool,
    /// Nested objects, one for each node.
    pub tree: bool,
    /// Only what is below this name, by names relative to it.
    pub q: Option<String>,
}

impl Query {
    /// Reads a URI's parameters. `1`, `t` and `true` are true and all else is false, as in the reference.
    #[must_use]
    pub fn from_params(params: &HashMap<String, String>) -> Self {
        let is_true = |name: &str| {
            params.get(name).is_some_and(|value| {
                matches!(value.to_ascii_lowercase().as_str(), "1" | "t" | "true")
            })
        };
        Self {
            pretty: is_true("pretty"),
            tree: is_true("tree"),
            q: params.get("q").cloned(),
        }
    }
}

/// A query for a sub-tree that isn't there.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("No such subtree: {q}")]
pub struct NoSubtree {
    /// What was asked for.
    pub q: String,
}

pub(super) fn write(readings: &[Reading], query: &Query) -> Result<String, NoSubtree> {
    let q = query.q.as_deref().unwrap_or_default().trim_matches('/');
    let below: Vec<(Vec<&str>, &Value)> = readings
        .iter()
        .filter_map(|reading| Some((below(reading, q)?, &reading.value)))
        .collect();
    if below.is_empty() && !q.is_empty() {
        return Err(NoSubtree { q: q.to_owned() });
    }
    let json = if query.tree {
        tree(&below)
    } else {
        flat(&below)
    };
    Ok(if query.pretty {
        format!("{json:#}")
    } else {
        json.to_string()
    })
}

/// The nodes that are left when those of `q` are taken away, if it is in that sub-tree. `q` may end between nodes only.
fn below<'a>(reading: &'a Reading, q: &str) -> Option<Vec<&'a str>> {
    let mut nodes = reading.nodes();
    let mut rest = q;
    while !rest.is_empty() {
        rest = rest.strip_prefix(nodes.next()?)?;
        match rest.strip_prefix('/') {
            Some(more) => rest = more,
            None if rest.is_empty() => break,
            None => return None,
        }
    }
    Some(nodes.collect())
}

fn flat(readings: &[(Vec<&str>, &Value)]) -> Json {
    let mut fields: Vec<(String, Json)> = Vec::with_capacity(readings.len());
    for (nodes, value) in readings {
        let name = nodes.join("/");
        match value {
            Value::Counter(count) => fields.push((name, (*count).into())),
            Value::Gauge(value) => fields.push((name, (*value).into())),
            Value::Stat { window, .. } => {
                let window = window.iter().flat_map(figures);
                fields.extend(window.map(|(figure, value)| (format!("{name}.{figure}"), value)));
            }
        }
    }
    fields.sort_by(|(one, _), (other, _)| one.cmp(other));
    Json::Object(fields.into_iter().collect())
}

fn tree(readings: &[(Vec<&str>, &Value)]) -> Json {
    let mut root = Node::default();
    for (nodes, value) in readings {
        let node = nodes.iter().fold(&mut root, |node, name| {
            node.children.entry(name).or_default()
        });
        node.metric = Some(value);
    }
    root.into_json()
}

#[derive(Default)]
struct Node<'a> {
    metric: Option<&'a Value>,
    children: BTreeMap<&'a str, Self>,
}

impl Node<'_> {
    /// The metric's own fields come first. A child of the same name, which no metric of ours has, would take their place.
    fn into_json(self) -> Json {
        let mut fields = Map::new();
        match self.metric {
            Some(Value::Counter(count)) => fields.extend([("counter".to_owned(), (*count).into())]),
            Some(Value::Gauge(value)) => fields.extend([("gauge".to_owned(), (*value).into())]),
            Some(Value::Stat { window, .. }) => {
                let window = window.iter().flat_map(figures);
                fields.extend(window.map(|(figure, value)| (format!("stat.{figure}"), value)));
            }
            None => {}
        }
        fields.extend(
            self.children
                .into_iter()
                .map(|(name, child)| (name.to_owned(), child.into_json())),
        );
        Json::Object(fields)
    }
}

/// The figures of a window; of an empty one the count only.
fn figures(window: &Summary) -> Vec<(&'static str, Json)> {
    let mut figures = vec![("count", window.count.into())];
    if window.count > 0 {
        figures.extend([
            ("max", window.max.into()),
            ("min", window.min.into()),
            ("p50", window.p50.into()),
            ("p90", window.p90.into()),
            ("p95", window.p95.into()),
            ("p99", window.p99.into()),
            ("p9990", window.p9990.into()),
            ("p9999", window.p9999.into()),
            ("sum", window.sum.into()),
            ("avg", window.avg.into()),
        ]);
    }
    figures
}
