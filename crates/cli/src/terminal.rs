//! How a run is shown while it moves: bars on a terminal, lines elsewhere, or events as JSON.

use std::collections::HashMap;
use std::io::IsTerminal;
use std::time::{Duration, Instant};

use indicatif::{MultiProgress, ProgressBar, ProgressStyle};
use syncline_engine::Event;

use crate::output::{self, count};

/// Off a terminal, progress is a line this often.
const LINE_EVERY: Duration = Duration::from_secs(10);

/// Shows the events of one run.
pub(crate) struct View {
    shape: Shape,
    /// Where in the log everything is durable, once changes are followed.
    position: Option<String>,
}

enum Shape {
    /// One JSON object a line on standard output.
    Json,
    /// One bar a table on standard error.
    Bars { bars: MultiProgress, tables: HashMap<String, TableBar>, log: Option<ProgressBar> },
    /// A line now and then on standard error.
    Lines { told: Instant },
    /// Nothing but what a person must know.
    Quiet,
}

impl View {
    pub(crate) fn new(json: bool, quiet: bool) -> Self {
        let shape = if json {
            Shape::Json
        } else if quiet {
            Shape::Quiet
        } else if std::io::stderr().is_terminal() {
            Shape::Bars { bars: MultiProgress::new(), tables: HashMap::new(), log: None }
        } else {
            Shape::Lines { told: Instant::now() }
        };
        Self { shape, position: None }
    }

    /// Whether events go to standard output, so that nothing else may.
    pub(crate) fn is_json(&self) -> bool {
        matches!(self.shape, Shape::Json)
    }

    /// Where in the log everything is durable, once changes are followed.
    pub(crate) fn position(&self) -> Option<&str> {
        self.position.as_deref()
    }

    pub(crate) fn show(&mut self, event: &Event) {
        if let Event::Checkpoint { table: None, position, .. }
        | Event::Streaming { position, .. }
        | Event::Following { position, .. } = event
        {
            self.position = Some(position.clone());
        }
        match &mut self.shape {
            Shape::Json => output::json(event),
            Shape::Quiet => {
                if let Some(text) = important(event) {
                    output::note(text);
                }
            }
            Shape::Lines { told } => match (important(event), event) {
                (Some(text), _) => output::note(text),
                (None, Event::Streaming { .. }) => output::note(streaming_line(event)),
                (None, Event::Progress { .. } | Event::Following { .. })
                    if told.elapsed() >= LINE_EVERY =>
                {
                    *told = Instant::now();
                    output::note(progress_line(event));
                }
                _ => {}
            },
            Shape::Bars { bars, tables, log } => match event {
                Event::Streaming { .. } => {
                    // The snapshot is through.
                    tables.drain().for_each(|(_, table)| table.bar.finish_and_clear());
                    let _ = bars.println(streaming_line(event));
                }
                Event::Following { .. } => {
                    let bar = log.get_or_insert_with(|| {
                        let bar = bars.add(ProgressBar::new_spinner());
                        if let Ok(style) = ProgressStyle::with_template("{spinner} {msg}") {
                            bar.set_style(style);
                        }
                        bar
                    });
                    bar.tick();
                    bar.set_message(following_line(event));
                }
                _ => show_bar(bars, tables, event),
            },
        }
    }

    /// Takes bars off the screen before the closing table.
    pub(crate) fn close(&mut self) {
        if let Shape::Bars { bars, tables, log } = &mut self.shape {
            for table in tables.values() {
                table.bar.finish_and_clear();
            }
            if let Some(bar) = log {
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

/// The log has been caught up with.
fn streaming_line(event: &Event) -> String {
    let Event::Streaming { position, lag_ms, .. } = event else { return String::new() };
    let lag = lag_ms.map(|ms| format!(", {}", lag(ms))).unwrap_or_default();
    format!("caught up with the log at {position}{lag}; following changes as they happen")
}

/// How far a run is that follows changes.
fn following_line(event: &Event) -> String {
    let Event::Following {
        inserts,
        updates,
        deletes,
        changes_per_second,
        lag_ms,
        unread_bytes,
        position,
        ..
    } = event
    else {
        return String::new();
    };
    let lag = lag_ms.map(|ms| format!("  {}", lag(ms))).unwrap_or_default();
    let unread = match unread_bytes {
        Some(bytes @ 1..) => format!("  {} of log unread", output::bytes(*bytes)),
        _ => String::new(),
    };
    format!(
        "{} inserts  {} updates  {} deletes  {} changes/s{lag}{unread}  at {position}",
        count(*inserts),
        count(*updates),
        count(*deletes),
        count(*changes_per_second)
    )
}

fn lag(milliseconds: u64) -> String {
    match milliseconds {
        0..10_000 => format!("{milliseconds} ms behind"),
        #[allow(clippy::cast_precision_loss)] // a length of time for people
        more => format!("{} behind", output::span(more as f64 / 1_000.0)),
    }
}

fn progress_line(event: &Event) -> String {
    if let Event::Following { .. } = event {
        return following_line(event);
    }
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
