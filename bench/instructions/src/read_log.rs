//! Reads a store's log of changes as a run does, to its present end, and does nothing with it: what
//! reading alone costs, for `cargo xtask bench changes`.
//!
//! `syncline-read-log SOURCE TABLE FROM CHANGES` fails when it does not come to so many changes.

#![allow(clippy::print_stderr, reason = "a command line tool")]

use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use syncline_connector::{Endpoint, Follow, LogBudget, Registry, Start};
use syncline_mysql::MysqlConnector;
use syncline_postgres::PostgresConnector;
use syncline_types::{Code, Error, LogElement, Op, Result, TableSelection};

/// The engine's.
const BUDGET: LogBudget =
    LogBudget { rows: 20_000, bytes: 8 << 20, wait: Duration::from_millis(100) };

fn main() -> Result<ExitCode> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let [source, table, from, expected] = args.as_slice() else {
        eprintln!("syncline-read-log SOURCE TABLE FROM CHANGES");
        return Ok(ExitCode::from(2));
    };
    let failed = |e| Error::bug("the runtime does not start").because(e);
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    let changes = runtime.map_err(failed)?.block_on(read(source, table, from))?;
    if expected.parse() == Ok(changes) {
        return Ok(ExitCode::SUCCESS);
    }
    eprintln!("{changes} changes, and not {expected}");
    Ok(ExitCode::FAILURE)
}

/// How many changes there are.
async fn read(source: &str, table: &str, from: &str) -> Result<u64> {
    let registry = Registry::new(vec![Box::new(MysqlConnector), Box::new(PostgresConnector)]);
    let endpoint = Endpoint::parse(source)?;
    let source = registry.get(&endpoint.scheme)?.source(&endpoint)?;
    let Some(log) = source.change_log() else {
        return Err(Error::new(Code::NoChangeLog, "this store has no log of changes"));
    };
    let selection = TableSelection::parse(&[table.to_owned()], &[])?;
    let tables = source.discover(&selection).await?;
    let tables = tables.into_iter().map(|info| Arc::new(info.schema)).collect();
    let run = "reading-alone".to_owned();
    let follow = Follow { run, tables, selection, old_images: false, spill: None };
    let start = match from {
        "earliest" => Start::Earliest,
        place => Start::At(place.to_owned()),
    };
    let mut at = log.start(&follow, &start).await?;
    let goal = log.end_of_log().await?;
    let mut reader = log.follow(&follow, &at).await?;
    let mut changes = 0;
    while !log.reached(&at, &goal)? {
        match reader.next(BUDGET).await? {
            LogElement::Changes(set) => {
                let told = set.changes.iter().filter(|rows| rows.op != Op::Before);
                changes += told.map(|rows| rows.order.len() as u64).sum::<u64>();
                if let Some(commit) = set.commits.last() {
                    at = commit.position.clone();
                    reader.committed(&at).await?;
                }
            }
            LogElement::Schema(change) => at = change.position,
            LogElement::Heartbeat(position) => at = position,
        }
    }
    Ok(changes)
}
