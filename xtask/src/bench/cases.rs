//! What is no straight copy: many small tables, an upsert into a full table, a run that is killed
//! and goes on. Each beside the straight copy of the same rows, by Syncline alone.

use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

use super::Cases;
use super::data::{self, Table};
use super::measure::{self, Usage, median};
use super::rounds::binary;
use super::routes::{Route, Store, Trip};
use super::servers::{FROM, Servers, TO, quoted};

/// Rows of each small table.
const SMALL: u64 = 10_000;

/// Measures them, and prints each beside the straight copy.
pub(super) fn run(cases: &Cases) -> Result<(), String> {
    let route = Route::parse(&cases.route)?;
    let server = |store| matches!(store, Store::Mysql | Store::Postgres);
    if !server(route.from) || !server(route.to) {
        return Err(format!("{}: from a server to a server", cases.route));
    }
    let (table, syncline) = (Table::Mixed, binary()?);
    let servers = Servers::start()?;
    let csv = table.csv(cases.rows)?;
    servers.fill(table, &csv)?;
    let trip = Trip::new(route, table, &servers, &csv, &syncline);
    let bench = Bench { cases, trip, millions: millions(cases.rows) };
    let straight = bench.several(|| {
        bench.trip.reset()?;
        bench.measure("")
    })?;
    bench.say("straight", straight, straight);
    let full = bench.several(|| {
        bench.fill_target()?;
        bench.measure("--write upsert")
    })?;
    bench.say("upsert into all of the rows", full, straight);
    bench.killed(straight)?;
    bench.small_tables(straight)
}

#[allow(clippy::cast_precision_loss, reason = "a count of rows")]
fn millions(rows: u64) -> f64 {
    rows as f64 / 1e6
}

struct Bench<'a> {
    cases: &'a Cases,
    trip: Trip<'a>,
    millions: f64,
}

impl Bench<'_> {
    fn mysql(&self, store: Store) -> bool {
        store == Store::Mysql
    }

    fn sql(&self, to: bool, sql: &str) -> Result<(), String> {
        let (store, database) =
            if to { (self.trip.route.to, TO) } else { (self.trip.route.from, FROM) };
        match self.mysql(store) {
            true => self.trip.servers.on_mysql(database, sql),
            false => self.trip.servers.on_postgres(database, sql),
        }
        .map(drop)
    }

    fn line(&self, table: &str, options: &str) -> String {
        let url = |store, database| quoted(&self.trip.servers.url(self.mysql(store), database));
        let place = |name: &str| quoted(&data::folder().join(name).display().to_string());
        format!(
            "{} copy {} {} --table {} --allow-lossy --state {} {options} --events json > {}",
            self.trip.syncline.display(),
            url(self.trip.route.from, FROM),
            url(self.trip.route.to, TO),
            quoted(table),
            place("out/state"),
            place("events.jsonl")
        )
    }

    fn measure(&self, options: &str) -> Result<Usage, String> {
        let line = self.line(self.trip.table.name(), &format!("--fresh {options}"));
        measure::run(&line, Some(self.trip.servers.pid))
    }

    /// The middle of the rounds.
    fn several(&self, mut once: impl FnMut() -> Result<Usage, String>) -> Result<Usage, String> {
        let usages = (0..self.cases.rounds).map(|_| once()).collect::<Result<Vec<_>, _>>()?;
        let middle = |of: fn(&Usage) -> f64| median(usages.iter().map(of).collect());
        Ok(Usage {
            seconds: middle(|u| u.seconds),
            cpu: middle(|u| u.cpu),
            servers: middle(|u| u.servers),
            peak_mib: middle(|u| u.peak_mib),
            others: middle(|u| u.others),
        })
    }

    fn say(&self, name: &str, usage: Usage, straight: Usage) {
        println!(
            "{name:28} {:6.2} s, {:5.2} of straight in rows/s, CPU {:.2} s/M rows, all {:.2} s/M, \
             peak {:.0} MiB, others {:.2} cores",
            usage.seconds,
            straight.seconds / usage.seconds,
            usage.cpu / self.millions,
            (usage.cpu + usage.servers) / self.millions,
            usage.peak_mib,
            usage.others
        );
    }

    /// The target holds every row already.
    fn fill_target(&self) -> Result<(), String> {
        self.trip.reset()?;
        let (servers, table) = (self.trip.servers, self.trip.table);
        let line = match self.mysql(self.trip.route.to) {
            true => servers.load_csv_mysql(TO, table, &self.trip.csv),
            false => servers.load_csv_postgres(TO, table.name(), &self.trip.csv),
        };
        super::servers::shell(&line).map(drop)
    }

    /// A run that is killed about half way, and the command again.
    fn killed(&self, straight: Usage) -> Result<(), String> {
        let (mut more, mut again) = (Vec::new(), Vec::new());
        for _ in 0..self.cases.rounds {
            self.trip.reset()?;
            let began = Instant::now();
            let mut child = Command::new("bash")
                .args(["-c", &format!("exec {}", self.line(self.trip.table.name(), ""))])
                .stdin(Stdio::null())
                .stderr(Stdio::null())
                .spawn()
                .map_err(|e| format!("bash: {e}"))?;
            std::thread::sleep(Duration::from_secs_f64(straight.seconds * 0.6));
            let killed = child.kill().and_then(|()| child.wait()).map_err(|e| e.to_string())?;
            if killed.success() {
                return Err("it was done before it could be killed: give more --rows".to_owned());
            }
            let before = began.elapsed().as_secs_f64();
            let line = self.line(self.trip.table.name(), "");
            let usage = measure::run(&line, Some(self.trip.servers.pid))?;
            if !self.trip.right(true)? {
                return Err("the target is not the source after a kill".to_owned());
            }
            let resumed = event("finished", "rows_resumed")?;
            more.push(before + usage.seconds - straight.seconds);
            // What had been done when it was killed, as far as time tells, and was not resumed.
            let done = before / straight.seconds * self.millions * 1e6;
            again.push((done - resumed).max(0.0) / (self.millions * 1e4));
        }
        println!(
            "{:28} {:+6.2} s in all, about {:.1} % of the rows read again",
            "killed, and gone on",
            median(more),
            median(again)
        );
        Ok(())
    }

    /// The same rows in many tables.
    fn small_tables(&self, straight: Usage) -> Result<(), String> {
        let count = self.cases.tables.min(self.cases.rows / SMALL);
        for number in 0..count {
            let (from, name) = (number * SMALL, self.trip.table.name());
            let like = match self.mysql(self.trip.route.from) {
                true => format!("create table s{number} like {name}"),
                false => format!("create table s{number} (like {name} including all)"),
            };
            self.sql(false, &like)?;
            let rows = format!("where id > {from} and id <= {}", from + SMALL);
            self.sql(false, &format!("insert into s{number} select * from {name} {rows}"))?;
        }
        let usage = self.several(|| {
            for number in 0..count {
                self.sql(true, &format!("drop table if exists s{number}"))?;
            }
            measure::run(&self.line("s*", "--fresh"), Some(self.trip.servers.pid))
        })?;
        let rows = millions(count * SMALL);
        println!(
            "{:28} {:6.2} s, {:.2} of straight in rows/s, CPU {:.2} s/M rows, all {:.2} s/M, \
             {:.0} ms a table, peak {:.0} MiB, others {:.2} cores",
            format!("{count} tables of {SMALL}"),
            usage.seconds,
            (rows / usage.seconds) / (self.millions / straight.seconds),
            usage.cpu / rows,
            (usage.cpu + usage.servers) / rows,
            usage.seconds * 1000.0 / (rows / millions(SMALL)),
            usage.peak_mib,
            usage.others
        );
        Ok(())
    }
}

/// A number of the last event of a kind.
fn event(kind: &str, field: &str) -> Result<f64, String> {
    let path = data::folder().join("events.jsonl");
    let text = std::fs::read_to_string(&path).map_err(|e| format!("{}: {e}", path.display()))?;
    let events = text.lines().rev().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let found = events.filter(|e| e["event"] == kind).find_map(|e| e[field].as_f64());
    found.ok_or_else(|| format!("no {field} of an event {kind}"))
}
