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
    Bars { bars: MultiProgress, tables: HashMap<String, TableBar> },
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
            for table in tables.values() {
                table.bar.finish_and_clear();
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

/// The bar of a table, with what its speed is reckoned from.
pub(crate) struct TableBar {
    bar: ProgressBar,
    begun: Instant,
    /// Rows that this process has written since.
    moved: u64,
}

impl TableBar {
    fn new(table: &str, rows_estimated: Option<u64>) -> Self {
        let (bar, template) = match rows_estimated {
            Some(rows) => (
                ProgressBar::new(rows),
                "{prefix:24!} {bar:30} {human_pos:>12} / ~{human_len} rows  {msg}",
            ),
            None => {
                (ProgressBar::new_spinner(), "{prefix:24!} {spinner} {human_pos:>12} rows  {msg}")
            }
        };
        if let Ok(style) = ProgressStyle::with_template(template) {
            bar.set_style(style.progress_chars("━╸─"));
        }
        bar.set_prefix(table.to_owned());
        Self { bar, begun: Instant::now(), moved: 0 }
    }

    fn show(&mut self, rows_written: u64, rows_per_second: u64) {
        // The first tick tells of a second that was over before the bar was there.
        let elapsed = self.begun.elapsed() + Duration::from_secs(1);
        self.moved += rows_per_second;
        #[allow(clippy::cast_precision_loss)] // a rate for people
        let rate = self.moved as f64 / elapsed.as_secs_f64();
        if self.bar.length().is_some_and(|length| rows_written > length) {
            self.bar.set_length(rows_written);
        }
        self.bar.set_position(rows_written);
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // not negative
        let mut text = format!("{} rows/s", count(rate as u64));
        if let Some(length) = self.bar.length()
            && rate >= 1.0
        {
            #[allow(clippy::cast_precision_loss)]
            let left = length.saturating_sub(rows_written) as f64 / rate;
            text.push_str(&format!("  {}", output::span(left)));
        }
        self.bar.set_message(text);
    }
}

fn show_bar(bars: &MultiProgress, tables: &mut HashMap<String, TableBar>, event: &Event) {
    if let Some(text) = important(event) {
        let _ = bars.println(text);
    }
    let Event::Progress { table, rows_written, rows_estimated, rows_per_second, .. } = event else {
        return;
    };
    let shown = tables.entry(table.clone()).or_insert_with(|| {
        let mut new = TableBar::new(table, *rows_estimated);
        new.bar = bars.add(new.bar);
        new
    });
    shown.show(*rows_written, *rows_per_second);
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
    let before = match summary.rows_resumed {
        0 => String::new(),
        resumed => format!(" ({} of them before)", count(resumed)),
    };
    text.push_str(&format!(
        "\n\n{}{before} in {}, {rate} rows/s",
        rows_of(summary.rows_written),
        output::span(summary.seconds)
    ));
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
            "\n{} kept as dead letters: syncline dead-letters list {}",
            rows_of(summary.dead_letters),
            summary.run
        ));
    }
    text
}

/// `1 row`, `1,458 rows`.
fn rows_of(number: u64) -> String {
    format!("{} {}", count(number), if number == 1 { "row" } else { "rows" })
}
