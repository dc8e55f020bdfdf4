//! How a run is shown while it moves: bars on a terminal, lines elsewhere, or events as JSON.

use std::collections::HashMap;
use std::io::IsTerminal;
use std::time::{Duration, Instant};

use indicatif::{MultiProgress, ProgressBar, ProgressStyle};
use syncline_engine::{Event, Summary};

use crate::output::{self, count};

/// Off a terminal, progress is a line this often.
const LINE_EVERY: Duration = Duration::from_secs(10);

/// Shows the events of one run.
pub(crate) enum View {
    /// One JSON object a line on standard output.
    Json,
    /// One bar a table on standard error.
    Bars { bars: MultiProgress, tables: HashMap<String, ProgressBar> },
    /// A line now and then on standard error.
    Lines { told: Instant },
    /// Nothing but what a person must know.
    Quiet,
}

impl View {
    pub(crate) fn new(json: bool, quiet: bool) -> Self {
        if json {
            View::Json
        } else if quiet {
            View::Quiet
        } else if std::io::stderr().is_terminal() {
            View::Bars { bars: MultiProgress::new(), tables: HashMap::new() }
        } else {
            View::Lines { told: Instant::now() }
        }
    }

    /// Whether events go to standard output, so that nothing else may.
    pub(crate) fn is_json(&self) -> bool {
        matches!(self, View::Json)
    }

    pub(crate) fn show(&mut self, event: &Event) {
        match self {
            View::Json => output::json(event),
            View::Quiet => {
                if let Some(text) = important(event) {
                    output::note(text);
                }
            }
            View::Lines { told } => match (important(event), event) {
                (Some(text), _) => output::note(text),
                (None, Event::Progress { .. }) if told.elapsed() >= LINE_EVERY => {
                    *told = Instant::now();
                    output::note(progress_line(event));
                }
                _ => {}
            },
            View::Bars { bars, tables } => show_bar(bars, tables, event),
        }
    }

    /// Takes bars off the screen before the closing table.
    pub(crate) fn close(&mut self) {
        if let View::Bars { bars, tables } = self {
            for bar in tables.values() {
                bar.finish_and_clear();
            }
            let _ = bars.clear();
        }
    }
}

/// What a person must know, whatever the view.
fn important(event: &Event) -> Option<String> {
    match event {
        Event::Note { message } => Some(format!("note: {message}")),
        Event::Waiting { reason, retry_in } => {
            Some(format!("waiting: {reason}; trying again in {retry_in:.1} s"))
        }
        Event::Planned { resumed: true, run, .. } => Some(format!("continuing run {run}")),
        _ => None,
    }
}

fn progress_line(event: &Event) -> String {
    let Event::Progress {
        table,
        rows_written,
        rows_per_second,
        rows_estimated,
        splits,
        splits_done,
        ..
    } = event
    else {
        return String::new();
    };
    let of = rows_estimated.map(|n| format!(" of about {}", count(n))).unwrap_or_default();
    format!(
        "{table}: {}{of} rows, {} rows/s, {splits_done} of {splits} splits",
        count(*rows_written),
        count(*rows_per_second)
    )
}

fn show_bar(bars: &MultiProgress, tables: &mut HashMap<String, ProgressBar>, event: &Event) {
    if let Some(text) = important(event) {
        let _ = bars.println(text);
    }
    let Event::Progress { table, rows_written, rows_estimated, rows_per_second, .. } = event else {
        return;
    };
    let bar = tables.entry(table.clone()).or_insert_with(|| {
        let bar = bars.add(match rows_estimated {
            Some(rows) => ProgressBar::new(*rows),
            None => ProgressBar::new_spinner(),
        });
        let template = match rows_estimated {
            Some(_) => {
                "{prefix:24!} {bar:30} {human_pos:>12} / ~{human_len} rows  {per_sec:>14}  {eta:>4}"
            }
            None => "{prefix:24!} {spinner} {human_pos:>12} rows  {per_sec:>14}",
        };
        if let Ok(style) = ProgressStyle::with_template(template) {
            bar.set_style(style.progress_chars("━╸─"));
        }
        bar.set_prefix(table.clone());
        bar
    });
    if bar.length().is_some_and(|length| *rows_written > length) {
        bar.set_length(*rows_written);
    }
    bar.set_position(*rows_written);
    bar.set_message(format!("{} rows/s", count(*rows_per_second)));
}

/// The closing table.
pub(crate) fn closing_table(summary: &Summary) -> String {
    let bad = summary.dead_letters > 0;
    let mut header = vec!["source", "target", "rows read", "rows written"];
    if bad {
        header.push("dead letters");
    }
    let rows = summary
        .tables
        .iter()
        .map(|t| {
            let mut row =
                vec![t.source.clone(), t.target.clone(), count(t.rows_read), count(t.rows_written)];
            if bad {
                row.push(count(t.dead_letters));
            }
            row
        })
        .collect();
    let mut text = output::table(&header, &["rows read", "rows written", "dead letters"], rows);
    let moved = summary.rows_written - summary.rows_resumed.min(summary.rows_written);
    #[allow(clippy::cast_precision_loss)] // a rate for people
    let rate = moved as f64 / summary.seconds.max(0.001);
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // not negative
    let rate = count(rate as u64);
    text.push_str(&format!(
        "\n\n{} rows in {:.1} s, {rate} rows/s",
        count(summary.rows_written),
        summary.seconds
    ));
    if summary.rows_resumed > 0 {
        text.push_str(&format!(", {} of them before", count(summary.rows_resumed)));
    }
    for table in &summary.tables {
        for change in &table.changed {
            let values = if change.values == 1 { "value" } else { "values" };
            text.push_str(&format!(
                "\n{}: column {:?}: {} {values} changed ({}: {})",
                table.target,
                change.column,
                count(change.values),
                change.kind,
                change.policy
            ));
        }
    }
    if bad {
        text.push_str(&format!(
            "\n{} rows were kept as dead letters: syncline dead-letters list {}",
            count(summary.dead_letters),
            summary.run
        ));
    }
    text
}
