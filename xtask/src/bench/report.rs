//! Results as a table to read and as JSON to compare, with all that is needed to make them again.

use std::fmt::Write as _;
use std::path::PathBuf;

use serde_json::{Value, json};

use super::measure::{Usage, median};
use super::rounds::Contender;
use super::servers::Servers;
use super::{Copy, machine};
use crate::workspace::root;

/// What one contender needed on one route.
pub(super) struct Line {
    name: String,
    pub(super) ours: bool,
    usages: Vec<Usage>,
    waits: Vec<(f64, f64)>,
    pub(super) right: Option<bool>,
    pub(super) failed: Option<String>,
}

impl Line {
    pub(super) fn new(who: &Contender) -> Self {
        Self {
            name: who.name.clone(),
            ours: who.events.is_some(),
            usages: Vec::new(),
            waits: Vec::new(),
            right: None,
            failed: None,
        }
    }

    pub(super) fn take(&mut self, usage: Usage, waits: Option<(f64, f64)>) {
        self.usages.push(usage);
        self.waits.extend(waits);
    }

    fn middle(&self, of: fn(&Usage) -> f64) -> f64 {
        median(self.usages.iter().map(of).collect())
    }

    fn seconds(&self) -> f64 {
        self.middle(|u| u.seconds)
    }

    /// How often faster than the other, as the middle of the rounds.
    fn ratio(&self, other: &Line) -> f64 {
        let pairs = other.usages.iter().zip(&self.usages);
        median(pairs.map(|(theirs, own)| theirs.seconds / own.seconds).collect())
    }
}

/// One route of one table.
pub(super) struct Section {
    route: String,
    table: String,
    rows: u64,
    pub(super) lines: Vec<Line>,
}

impl Section {
    pub(super) fn new(route: &str, table: &str, rows: u64, lines: Vec<Line>) -> Self {
        Self { route: route.to_owned(), table: table.to_owned(), rows, lines }
    }

    #[allow(clippy::cast_precision_loss, reason = "a count of rows")]
    fn millions(&self) -> f64 {
        self.rows as f64 / 1e6
    }

    fn values(&self, line: &Line) -> Value {
        let (m, cores) = (self.millions(), cores());
        let (cpu, servers) = (line.middle(|u| u.cpu) / m, line.middle(|u| u.servers) / m);
        let wait = |of: fn(&(f64, f64)) -> f64| median(line.waits.iter().map(of).collect());
        json!({
            "name": line.name,
            "rows_per_second": (m * 1e6 / line.seconds()).round(),
            "ratio": round(line.ratio(&self.lines[0])),
            "cpu_per_million": round(cpu),
            "all_cpu_per_million": round(cpu + servers),
            "bound_rows_per_second": (cores * 1e6 / (cpu + servers)).round(),
            "peak_mib": line.middle(|u| u.peak_mib).round(),
            "source_wait": round(wait(|w| w.0)),
            "sink_wait": round(wait(|w| w.1)),
            "others_cores": round(line.middle(|u| u.others)),
            "right": line.right,
            "failed": line.failed,
            "seconds": line.usages.iter().map(|u| round(u.seconds)).collect::<Vec<_>>(),
        })
    }

    /// The table.
    pub(super) fn markdown(&self) -> String {
        let mut text = format!("### {}, {}, {} rows\n\n", self.route, self.table, self.rows);
        text.push_str(
            "| tool | rows/s | ratio | CPU s/M rows | all CPU s/M | bound rows/s | peak MiB \
             | source wait s | sink wait s | others | right |\n\
             |---|---|---|---|---|---|---|---|---|---|---|\n",
        );
        for line in &self.lines {
            if let Some(why) = &line.failed {
                let why = why.lines().next().unwrap_or_default();
                let _ = writeln!(text, "| {} | failed: {why} | | | | | | | | | |", line.name);
                continue;
            }
            let v = self.values(line);
            let two = |key: &str| v[key].as_f64().map_or_else(|| "–".into(), |n| format!("{n:.2}"));
            let whole = |key: &str| v[key].as_f64().map_or_else(|| "–".into(), grouped);
            let right = match line.right {
                Some(true) => "yes",
                Some(false) => "**no**",
                None => "–",
            };
            let _ = writeln!(
                text,
                "| {} | {} | {} | {} | {} | {} | {} | {} | {} | {} | {right} |",
                line.name,
                whole("rows_per_second"),
                two("ratio"),
                two("cpu_per_million"),
                two("all_cpu_per_million"),
                whole("bound_rows_per_second"),
                whole("peak_mib"),
                two("source_wait"),
                two("sink_wait"),
                two("others_cores"),
            );
        }
        text
    }
}

#[allow(clippy::cast_precision_loss, reason = "a count of cores")]
fn cores() -> f64 {
    std::thread::available_parallelism().map_or(1.0, |n| n.get() as f64)
}

fn round(value: f64) -> Option<f64> {
    value.is_finite().then(|| (value * 1000.0).round() / 1000.0)
}

/// `1,234,567`.
fn grouped(value: f64) -> String {
    let digits = format!("{value:.0}");
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// All that one call has measured.
pub(super) struct Report {
    head: Value,
    sections: Vec<Section>,
    path: PathBuf,
}

impl Report {
    pub(super) fn new(copy: &Copy, servers: &Servers) -> Result<Self, String> {
        let stamp = machine::stamp();
        let mut versions: serde_json::Map<String, Value> =
            servers.versions()?.into_iter().map(|(k, v)| (k, Value::String(v))).collect();
        versions.insert("syncline".into(), Value::String(machine::commit()));
        let head = json!({
            "date": stamp,
            "machine": machine::describe(),
            "versions": versions,
            "settings": Servers::settings(),
            "rounds": copy.rounds,
        });
        let name = format!("{stamp}-{}", copy.label);
        let path = root().join("bench").join("results").join(name);
        Ok(Self { head, sections: Vec::new(), path })
    }

    pub(super) fn add(&mut self, section: Section) {
        self.sections.push(section);
    }

    /// Writes what there is so far.
    pub(super) fn write(&self) -> Result<(), String> {
        let mut value = self.head.clone();
        let sections = self.sections.iter().map(|section| {
            let lines = section.lines.iter().map(|l| section.values(l)).collect::<Vec<_>>();
            json!({
                "route": section.route,
                "table": section.table,
                "rows": section.rows,
                "tools": lines,
            })
        });
        value["sections"] = sections.collect();
        let json = serde_json::to_string_pretty(&value).map_err(|e| e.to_string())? + "\n";
        let folder = self.path.parent().unwrap_or(&self.path);
        std::fs::create_dir_all(folder)
            .and_then(|()| std::fs::write(self.path.with_extension("json"), json))
            .and_then(|()| std::fs::write(self.path.with_extension("md"), self.markdown()))
            .map_err(|e| format!("{}: {e}", self.path.display()))
    }

    fn markdown(&self) -> String {
        let head = &self.head;
        let word = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        let mut text = format!(
            "# {}\n\n{}, {} cores, {} GiB, {}. {} rounds, medians.\n\n",
            word(&head["date"]),
            word(&head["machine"]["cpu"]),
            head["machine"]["cores"],
            head["machine"]["memory_gib"],
            word(&head["machine"]["kernel"]),
            head["rounds"],
        );
        for (name, version) in head["versions"].as_object().into_iter().flatten() {
            let _ = writeln!(text, "- {name}: {}", word(version));
        }
        text.push_str("\nServers, beyond the settings of test servers:\n\n");
        for setting in head["settings"].as_array().into_iter().flatten() {
            let _ = writeln!(text, "- `{}`", word(setting));
        }
        for section in &self.sections {
            let _ = write!(text, "\n{}", section.markdown());
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ratio_is_that_of_runs_beside_each_other() {
        let line = |name: &str, seconds: [f64; 3]| Line {
            name: name.to_owned(),
            ours: false,
            usages: seconds.iter().map(|s| Usage { seconds: *s, ..Usage::default() }).collect(),
            waits: Vec::new(),
            right: Some(true),
            failed: None,
        };
        // The second round was ten times as slow for both.
        let section = Section::new(
            "a-b",
            "t",
            1_000,
            vec![line("x", [2.0, 20.0, 2.0]), line("y", [1.0, 10.0, 1.0])],
        );
        assert_eq!(section.values(&section.lines[1])["ratio"], 2.0);
        assert!(section.markdown().contains("| y | 1,000 | 2.00 |"), "{}", section.markdown());
    }
}
