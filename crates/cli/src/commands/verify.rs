//! `syncline verify`: source and target compared in the foreground, and the target mended.

use std::io::IsTerminal;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use clap::Parser;
use indicatif::{ProgressBar, ProgressStyle};
use syncline_connector::Registry;
use syncline_engine::{
    Counts, Difference, Job, Method, Repaired, TableVerdict, Verified, VerifyEvent, VerifyOptions,
    VerifyProgress, Wrong, parse_duration, parse_patience, verify,
};
use syncline_types::{Code, Error, Result};

use crate::args::{Cli, Command, JobArgs, ValuesArgs, VerifyArgs};
use crate::commands::copy::{job_of, with_values};
use crate::commands::open_store;
use crate::jobs;
use crate::output::{self, count, line};
use crate::{DIFFERENT, DONE, INTERRUPTED};

/// Off a terminal, progress is a line this often.
const LINE_EVERY: Duration = Duration::from_secs(10);

/// How long rows of a job that follows changes may be on their way.
const SETTLE: Duration = Duration::from_secs(10);

/// `syncline verify`.
pub(crate) fn run(registry: &Arc<Registry>, args: &VerifyArgs) -> Result<u8> {
    let values = ValuesArgs { allow_lossy: false, values: args.values.clone() };
    let job = with_values(job(args)?, &values)?;
    let store = open_store(&args.state)?;
    let options = VerifyOptions {
        sample: args.sample.as_deref().map(percent).transpose()?,
        show: args.show,
        keep_extra: args.keep_extra,
        repair: args.repair,
        delete_extra: args.delete_extra,
        folder: store.folder().to_owned(),
        settle: match &args.settle {
            Some(text) => Some(parse_duration("--settle", text)?),
            None => job.mode.follows().then_some(SETTLE),
        },
        store: Some(store),
    };
    let view = Mutex::new(View::new(args.events.is_some(), args.quiet));
    let tell = |event: VerifyEvent| {
        view.lock().unwrap_or_else(PoisonError::into_inner).show(&event);
    };
    let runtime = crate::runtime()?;
    let verified = runtime.block_on(async {
        tokio::select! {
            verified = verify(registry, &job, &options, &tell) => verified.map(Some),
            _ = tokio::signal::ctrl_c() => Ok(None),
        }
    });
    // Sockets that still wait for an answer are not waited for.
    runtime.shutdown_background();
    match verified? {
        None => {
            output::note("interrupted; nothing is kept, the same command compares from the start");
            Ok(INTERRUPTED)
        }
        Some(verified) => Ok(if verified.equal { DONE } else { DIFFERENT }),
    }
}

/// The job of a file, or one as `copy` would make it.
fn job(args: &VerifyArgs) -> Result<Job> {
    let Some(target) = &args.target else {
        let given = &args.chosen;
        let fixed = [
            ("--query", given.query.is_some()),
            ("--to", given.to.is_some()),
            ("--columns", given.columns.is_some()),
            ("--where", given.filter_at_source.is_some()),
            ("--filter", given.filter.is_some()),
            ("--process", !given.process.is_empty()),
        ];
        if let Some((name, _)) = fixed.into_iter().find(|(_, given)| *given) {
            return Err(Error::new(
                Code::Usage,
                format!("{name}: the job file says what is copied"),
            )
            .hint("--table and --exclude choose among the tables of a job"));
        }
        let path = Path::new(&args.source);
        if is_store(&args.source) {
            let message =
                format!("{} is compared with nothing: the target is missing", args.source);
            return Err(Error::new(Code::Usage, message)
                .hint("verify takes a job file, or a source and a target"));
        }
        let file = JobArgs { job: path.to_owned(), param: args.param.clone() };
        let mut job = jobs::load_one(&file, "").map_err(|e| match e.code() {
            Code::FileNotFound => e.hint("verify takes a job file, or a source and a target"),
            _ => e,
        })?;
        if !given.table.is_empty() || !given.exclude.is_empty() {
            job.tables = syncline_types::TableSelection::parse(&given.table, &given.exclude)?;
        }
        if let Some(parallel) = args.parallel {
            job.speed.parallel = Some(usize::from(parallel));
        }
        return Ok(job);
    };
    // As `copy` would make it from the same options.
    let Command::Copy(mut copy) =
        Cli::try_parse_from(["syncline", "copy", "--", &args.source, target])
            .map_err(|e| Error::new(Code::Usage, e.to_string()))?
            .command
    else {
        return Err(Error::bug("a copy is not a copy"));
    };
    copy.what.chosen = args.chosen.clone();
    copy.how.parallel = args.parallel;
    let mut job = job_of(&copy)?;
    job.patience = parse_patience("--retry-for", Some(&args.retry_for))?;
    Ok(job)
}

/// Whether a text names a store rather than a job file: by its scheme, or as a file of rows.
fn is_store(text: &str) -> bool {
    let scheme = text.split_once(':').is_some_and(|(scheme, _)| {
        scheme.len() > 1 && scheme.chars().all(|c| c.is_ascii_alphanumeric() || "+-".contains(c))
    });
    let rows = ["csv", "tsv", "txt", "jsonl", "ndjson", "parquet", "arrow", "sql", "db"];
    let path = text.split('?').next().unwrap_or(text);
    let extension = Path::new(path).extension().and_then(|e| e.to_str());
    extension.is_some_and(|e| rows.contains(&e)) || (scheme && !Path::new(text).is_file())
}

/// `5` or `0.1%`.
fn percent(text: &str) -> Result<f64> {
    let number = text.trim().trim_end_matches('%').trim_end().parse::<f64>().ok();
    number.filter(|p| *p > 0.0 && *p <= 100.0).ok_or_else(|| {
        let message = format!("--sample {text}: not a share of the rows in percent");
        Error::new(Code::BadValue, message).hint("more than 0, and at most 100")
    })
}

/// Shows what happens.
struct View {
    shape: Shape,
    /// The table whose differences were shown last.
    shown: Option<String>,
}

enum Shape {
    /// One JSON object a line.
    Json,
    /// A bar on standard error, once there is something to show.
    Bar(Option<ProgressBar>),
    /// A line now and then.
    Lines { told: Instant },
    /// What was found, and nothing else.
    Quiet,
}

impl View {
    fn new(json: bool, quiet: bool) -> Self {
        let shape = if json {
            Shape::Json
        } else if quiet {
            Shape::Quiet
        } else if std::io::stderr().is_terminal() {
            Shape::Bar(None)
        } else {
            Shape::Lines { told: Instant::now() }
        };
        Self { shape, shown: None }
    }

    fn show(&mut self, event: &VerifyEvent) {
        if let Shape::Json = self.shape {
            return output::json(event);
        }
        if let VerifyEvent::Progress { table, all, .. } = event {
            return self.progress(table, all);
        }
        // Lines do not run into the bar; it comes again with the next step.
        if let Shape::Bar(bar) = &mut self.shape
            && let Some(bar) = bar.take()
        {
            bar.finish_and_clear();
        }
        match event {
            VerifyEvent::Note { message } => output::note(format!("note: {message}")),
            VerifyEvent::Waiting { reason, retry_in } => {
                output::note(format!("waiting: {reason}; trying again in {retry_in:.1} s"));
            }
            VerifyEvent::Difference(difference) => {
                if self.shown.as_ref() != Some(&difference.table) {
                    line(format!("{}:", difference.table));
                    self.shown = Some(difference.table.clone());
                }
                print_difference(difference);
            }
            VerifyEvent::Repaired(repaired) => print_repaired(repaired),
            VerifyEvent::Verified(verified) => print_verdict(verified),
            VerifyEvent::Comparing { .. } => self.shown = None,
            VerifyEvent::Progress { .. } => {}
        }
    }

    fn progress(&mut self, table: &str, all: &VerifyProgress) {
        match &mut self.shape {
            Shape::Bar(bar) => {
                let bar = bar.get_or_insert_with(|| new_bar(all.share.is_some()));
                bar.set_position(all.share.map_or(0, per_mille));
                bar.set_prefix(if all.pass > 1 { "comparing again" } else { "comparing" });
                bar.set_message(far(table, all));
                bar.tick();
            }
            Shape::Lines { told } if told.elapsed() >= LINE_EVERY => {
                *told = Instant::now();
                let share = all.share.map(|s| format!("{} %, ", per_mille(s) / 10));
                output::note(format!("{}{}", share.unwrap_or_default(), far(table, all)));
            }
            _ => {}
        }
    }
}

fn new_bar(known: bool) -> ProgressBar {
    let (bar, template) = if known {
        (ProgressBar::new(1_000), "{prefix} {bar:30} {percent:>3} %  {msg}")
    } else {
        (ProgressBar::new_spinner(), "{prefix} {spinner}  {msg}")
    };
    if let Ok(style) = ProgressStyle::with_template(template) {
        bar.set_style(style.progress_chars("━╸─"));
    }
    bar
}

/// A share from 0 to 1 in thousandths.
#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // 0 to 1,000
fn per_mille(share: f64) -> u64 {
    (share.clamp(0.0, 1.0) * 1_000.0) as u64
}

/// Rows compared, of how many, and at which table.
fn far(table: &str, all: &VerifyProgress) -> String {
    let of = all.rows_estimated.map(|n| format!(" of about {}", count(n))).unwrap_or_default();
    let tables = match all.tables {
        0 | 1 => table.to_owned(),
        many => format!("{table}; {} of {many} tables done", all.tables_done),
    };
    format!("{}{of} rows, {tables}", count(all.rows))
}

fn print_difference(difference: &Difference) {
    let kind = match difference.kind {
        Wrong::Missing => "missing",
        Wrong::Extra => "extra",
        Wrong::Different => "different",
        Wrong::Unfit => "unfit",
        Wrong::Unreadable => "unreadable",
    };
    let key: Vec<String> =
        difference.key.iter().map(|k| format!("{}={}", k.column, k.value)).collect();
    let mut text = format!("  {kind:<10}  {}", key.join(", "));
    let values: Vec<String> = difference
        .columns
        .iter()
        .map(|c| match (&c.source, &c.target) {
            (Some(source), Some(target)) => format!("{}: {source} -> {target}", c.column),
            (one, other) => {
                let value = one.as_ref().or(other.as_ref());
                format!("{}={}", c.column, value.map_or("", String::as_str))
            }
        })
        .collect();
    if !values.is_empty() {
        let between = if key.is_empty() { "" } else { "  " };
        text.push_str(&format!("{between}{}", values.join(", ")));
    }
    if let Some(reason) = &difference.reason {
        text.push_str(&format!("  ({reason})"));
    }
    line(text.trim_end());
}

fn print_repaired(repaired: &Repaired) {
    line(format!(
        "repaired {}: {} rows written, {} deleted",
        repaired.table,
        count(repaired.written),
        count(repaired.deleted)
    ));
    for left in &repaired.left {
        line(format!("  not repaired: {left}"));
    }
}

fn print_verdict(verified: &Verified) {
    let sum = |of: fn(&Counts) -> u64| verified.tables.iter().map(|t| of(&t.counts)).sum::<u64>();
    let (unfit, unreadable) = (sum(|c| c.unfit), sum(|c| c.unreadable));
    let moving = sum(|c| c.moving);
    if moving > 0 {
        output::note(format!("{} rows are on their way, and were not judged", count(moving)));
    }
    let mut header = vec!["source", "target", "equal", "missing", "extra", "different"];
    if unfit > 0 {
        header.push("unfit");
    }
    if unreadable > 0 {
        header.push("unreadable");
    }
    header.push("compared");
    let rows = verified.tables.iter().map(|t| row(t, unfit > 0, unreadable > 0)).collect();
    let numbers = ["equal", "missing", "extra", "different", "unfit", "unreadable"];
    line(output::table(&header, &numbers, rows));
    let mut closing = if verified.equal { "equal".to_owned() } else { "not equal".to_owned() };
    if let Some(sample) = verified.sample {
        closing.push_str(&format!(", as far as a sample of {sample} % of the rows tells"));
    }
    line(format!("\n{closing} ({:.1} s)", verified.seconds));
}

fn row(table: &TableVerdict, unfit: bool, unreadable: bool) -> Vec<String> {
    let counts = &table.counts;
    let mut row = vec![table.source.clone(), table.target.clone()];
    let numbers = [counts.equal, counts.missing, counts.extra, counts.different];
    row.extend(numbers.into_iter().map(count));
    if unfit {
        row.push(count(counts.unfit));
    }
    if unreadable {
        row.push(count(counts.unreadable));
    }
    row.push(if table.target_missing {
        "not at all: there is no such table (syncline copy makes it)".into()
    } else {
        let key = if table.key.is_empty() {
            "whole rows".to_owned()
        } else {
            format!("by {}", table.key.join(", "))
        };
        match table.method {
            Method::Checksums => format!("{key}, the servers' checksums"),
            Method::Order => format!("{key}, in its order"),
            Method::Hashes => format!("{key}, sorted hashes"),
        }
    });
    row
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn how_far_it_is_reads_well() {
        let all = VerifyProgress {
            pass: 1,
            tables: 3,
            tables_done: 1,
            rows: 1_234_567,
            rows_estimated: Some(5_000_000),
            share: Some(0.2468),
        };
        let words = "1,234,567 of about 5,000,000 rows, t; 1 of 3 tables done";
        assert_eq!(far("t", &all), words);
        let one = VerifyProgress { tables: 1, rows_estimated: None, ..all };
        assert_eq!(far("t", &one), "1,234,567 rows, t");
        assert_eq!((per_mille(0.2468), per_mille(1.0), per_mille(7.0)), (246, 1_000, 1_000));
    }

    #[test]
    fn stores_are_told_from_job_files() {
        for text in ["sqlite:a.db", "mysql://me@h/d", "a.csv", "dir/x.parquet?table=t"] {
            assert!(is_store(text), "{text}");
        }
        for text in ["job.yaml", "job.json", "job", "dir/nightly.yml"] {
            assert!(!is_store(text), "{text}");
        }
    }

    #[test]
    fn samples_are_shares_of_the_rows() {
        assert!((percent("5").unwrap() - 5.0).abs() < 1e-12);
        assert!((percent("0.1%").unwrap() - 0.1).abs() < 1e-12);
        for text in ["0", "101", "-1", "x", ""] {
            assert_eq!(percent(text).unwrap_err().code(), Code::BadValue, "{text}");
        }
    }
}
