//! `syncline check` and `--dry-run`: the plan and the mapping, before row one.

use std::sync::Arc;

use syncline_connector::{Registry, WriteMode};
use syncline_engine::{CheckReport, Engine, Job, TableReport};
use syncline_types::Result;

use crate::args::CheckArgs;
use crate::commands::copy::with_values;
use crate::jobs;
use crate::output::{self, count, line};

/// `syncline check`.
pub(crate) fn run(registry: &Arc<Registry>, args: &CheckArgs) -> Result<u8> {
    for (at, loaded) in jobs::load(&args.job, "")?.into_iter().enumerate() {
        if at > 0 && !args.json {
            line("");
        }
        show(registry, &with_values(loaded.job, &args.values)?, args.json)?;
    }
    Ok(crate::DONE)
}

/// Shows the plan of a job.
pub(crate) fn show(registry: &Arc<Registry>, job: &Job, json: bool) -> Result<u8> {
    let runtime = crate::runtime()?;
    let report = runtime.block_on(Engine::check(registry, job));
    runtime.shutdown_background();
    let report = report?;
    if json {
        output::json(&report);
    } else {
        print(&report);
    }
    Ok(crate::DONE)
}

/// Prints a plan, for people.
pub(crate) fn print(report: &CheckReport) {
    line(format!("from     {}", report.source));
    line(format!("to       {}", report.sink));
    line(format!("reading  {}, {} at a time", report.snapshot, plural(report.parallel, "split")));
    if let Some(following) = &report.following {
        line(format!("follows  {}; {}", following.from, following.guarantee));
        for note in &following.notes {
            line(format!("log      {note}"));
        }
    }
    for note in &report.notes {
        line(format!("note     {note}"));
    }
    for table in &report.tables {
        line("");
        print_table(table);
    }
}

fn print_table(table: &TableReport) {
    line(format!("{} -> {}", table.source, table.target));
    let write = match table.write {
        WriteMode::Append => "append",
        WriteMode::Upsert => "upsert by key",
        WriteMode::Replace => "replace as a whole",
    };
    let makes = if table.creates { "makes the table, " } else { "" };
    let rows =
        table.rows_estimated.map(|n| format!(", about {} rows", count(n))).unwrap_or_default();
    let resume = if table.resumable {
        "a killed run goes on inside of a split"
    } else {
        "no stable order: a killed run reads unfinished splits again"
    };
    line(format!("  {makes}{write}; {}", table.guarantee));
    line(format!("  {}{rows}; {resume}", plural(table.splits, "split")));
    for note in &table.notes {
        line(format!("  note: {note}"));
    }
    let rows = table
        .columns
        .iter()
        .map(|c| {
            let why = c.why.as_ref().map(|w| format!(": {w}")).unwrap_or_default();
            let name =
                if c.from == c.to { c.from.clone() } else { format!("{} -> {}", c.from, c.to) };
            let refused = match c.refused.as_slice() {
                [] => String::new(),
                refused => format!("; refused: {}", refused.join(", ")),
            };
            let what = format!("{}{why}{refused}", c.fidelity);
            vec![name, c.from_type.clone(), c.to_type.clone(), what]
        })
        .collect();
    let mapping = output::table(&["column", "source type", "target type", ""], &[], rows);
    for text in mapping.lines() {
        line(format!("  {text}"));
    }
}

fn plural(number: usize, noun: &str) -> String {
    if number == 1 { format!("1 {noun}") } else { format!("{number} {noun}s") }
}
