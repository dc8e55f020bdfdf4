//! Rounds: everyone runs once a round, in turns (A B, B A, A B …), so that a machine that grows
//! busier or a server that grows warmer is the same to all.

use std::path::PathBuf;

use serde_json::Value;

use super::data::{self, Table};
use super::measure::{self, Usage};
use super::report::{self, Line, Section};
use super::routes::{Route, Store, Trip};
use super::servers::Servers;
use super::{Copy, machine, peers};
use crate::steps::succeed;
use crate::workspace::{Workspace, cargo};

/// Someone who copies.
pub(super) struct Contender {
    pub(super) name: String,
    pub(super) line: String,
    /// Where its events are, for Syncline.
    pub(super) events: Option<PathBuf>,
}

/// Measures all routes and tables, prints each table as it is done, writes the results.
pub(super) fn run(copy: &Copy) -> Result<(), String> {
    let routes = copy.route.iter().map(|n| Route::parse(n)).collect::<Result<Vec<_>, _>>()?;
    let tables = copy.table.iter().map(|n| Table::parse(n)).collect::<Result<Vec<_>, _>>()?;
    peers::check(copy)?;
    let syncline = binary()?;
    let servers = Servers::start()?;
    let mut report = report::Report::new(copy, &servers)?;
    let mut wrong = Vec::new();
    for table in tables {
        let csv = table.csv(copy.rows)?;
        servers.fill(table, &csv)?;
        for (route, name) in routes.iter().zip(&copy.route) {
            let trip = Trip::new(*route, table, &servers, &csv, &syncline);
            trip.prepare()?;
            let section = measure_trip(copy, &trip, name)?;
            let of_ours = |line: &&Line| line.ours && line.right == Some(false);
            wrong.extend(section.lines.iter().filter(of_ours).map(|_| name.clone()));
            println!("\n{}", section.markdown());
            report.add(section);
            if !copy.no_results {
                report.write()?;
            }
        }
    }
    if wrong.is_empty() { Ok(()) } else { Err(format!("not equal: {}", wrong.join(", "))) }
}

/// The release build, made now unless `SYNCLINE_BIN` names one.
pub(super) fn binary() -> Result<PathBuf, String> {
    if let Some(path) = std::env::var_os("SYNCLINE_BIN").filter(|p| !p.is_empty()) {
        return Ok(path.into());
    }
    println!("building the release binary");
    succeed(cargo().args(["build", "--release", "--package", "syncline-cli"]))?;
    Ok(Workspace::load()?.target.join("release").join("syncline"))
}

fn contenders(copy: &Copy, trip: &Trip<'_>) -> Vec<Contender> {
    let mut all = Vec::new();
    let wanted = |name: &str| copy.against.iter().any(|a| a == name);
    if let Some((name, line)) = trip.native().filter(|_| wanted("native")) {
        all.push(Contender { name: name.to_owned(), line, events: None });
    }
    all.extend(peers::contenders(copy, trip));
    let before = copy.before.iter().map(|program| ("syncline before", program));
    for (who, program) in std::iter::once(("syncline", &trip.syncline)).chain(before) {
        for parallel in &copy.parallel {
            let name = match parallel {
                0 => who.to_owned(),
                n => format!("{who} --parallel {n}"),
            };
            let events = data::folder().join("events.jsonl");
            let line = trip.by_syncline(program, *parallel, &events);
            all.push(Contender { name, line, events: Some(events) });
        }
    }
    all
}

fn measure_trip(copy: &Copy, trip: &Trip<'_>, name: &str) -> Result<Section, String> {
    println!("\n{name}, {}: {} rounds, load {}", trip.table.name(), copy.rounds, load());
    let contenders = contenders(copy, trip);
    let mut lines: Vec<Line> = contenders.iter().map(Line::new).collect();
    for round in 0..copy.rounds {
        let mut order: Vec<usize> = (0..contenders.len()).collect();
        if round % 2 == 1 {
            order.reverse();
        }
        for at in order {
            let (who, line) = (&contenders[at], &mut lines[at]);
            if line.failed.is_some() {
                continue;
            }
            trip.reset()?;
            match measure::run(&who.line, Some(trip.servers.pid)) {
                Ok(usage) => {
                    line.take(usage, waits(who));
                    say(who, usage);
                }
                // A peer that cannot do it is no reason to lose the rest.
                Err(why) if !line.ours => {
                    println!("  {}: {why}", who.name);
                    line.failed = Some(why);
                    continue;
                }
                Err(why) => return Err(format!("{}: {why}", who.name)),
            }
            // Reading a file back takes longer than writing it: once is enough.
            let server = matches!(trip.route.to, Store::Mysql | Store::Postgres);
            let reads_alone = who.line.ends_with("/dev/null");
            if !reads_alone && (server || round == 0) {
                let right = trip.right(line.ours)?;
                line.right = Some(line.right.unwrap_or(true) && right);
            }
        }
    }
    Ok(Section::new(name, trip.table.name(), copy.rows, lines))
}

fn say(who: &Contender, usage: Usage) {
    println!(
        "  {:28} {:7.2} s, CPU {:6.2} s, servers {:6.2} s, others {:4.2} cores",
        who.name, usage.seconds, usage.cpu, usage.servers, usage.others
    );
}

/// Seconds waited on source and sink, from the closing event.
fn waits(who: &Contender) -> Option<(f64, f64)> {
    let text = std::fs::read_to_string(who.events.as_ref()?).ok()?;
    let last: Value = serde_json::from_str(text.lines().next_back()?).ok()?;
    Some((last["source_wait_seconds"].as_f64()?, last["sink_wait_seconds"].as_f64()?))
}

fn load() -> String {
    machine::first_line("cut", &["-d", " ", "-f", "1-3", "/proc/loadavg"])
}
