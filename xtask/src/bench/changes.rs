//! Changes of a log, followed by Syncline and by the stores' own replication: a load that is all in
//! the log when the clock starts, and one that goes on while it is followed.

mod reading;

use std::fmt::Write as _;
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use super::Changes;
use super::data;
use super::measure::{self, Usage, family_cpu, median};
use super::rounds::binary;
use super::servers::{FROM, Second, SecondPostgres, Servers, TO, quoted, shell};

/// Rows changed by one transaction.
const TRANSACTION: u64 = 100;

/// The columns of the table, for both kinds of server.
const COLUMNS: &str = "id bigint primary key, k int, amount decimal(12,2), name varchar(64), \
                       at TIME, note text, opt int, ratio double precision";

/// Measures all routes, and prints a table for each.
pub(super) fn run(changes: &Changes) -> Result<(), String> {
    let syncline = binary()?;
    let servers = Servers::start()?;
    let (second, target) = (Second::start()?, SecondPostgres::start()?);
    let folder = data::folder().join("changes");
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir_all(&folder).map_err(|e| format!("{}: {e}", folder.display()))?;
    let bench = Bench { changes, syncline, servers, second, target, folder };
    let script = bench.script()?;
    let begins = bench.make(&script)?;
    for route in &changes.route {
        match route.as_str() {
            "mysql-mysql" => bench.mysql_to_mysql(&begins)?,
            "mysql-postgres" => bench.mysql_to_postgres(&begins)?,
            "postgres-postgres" => bench.postgres_to_postgres(&begins)?,
            "reading" => bench.reading(&begins)?,
            other => return Err(format!("{other}: no such route")),
        }
    }
    if changes.live > 0 { bench.live() } else { Ok(()) }
}

struct Bench<'a> {
    changes: &'a Changes,
    syncline: PathBuf,
    servers: Servers,
    second: Second,
    target: SecondPostgres,
    folder: PathBuf,
}

/// Places in the logs before and behind the load.
struct Begins {
    gtid: String,
    /// The same place as a file and an offset.
    file: String,
    offset: String,
    gtid_end: String,
    lsn_end: String,
    rows: u64,
}

/// Someone who follows, and what it cost.
struct Line {
    who: String,
    usages: Vec<Usage>,
}

impl Bench<'_> {
    /// The load as one script that both kinds of server understand.
    fn script(&self) -> Result<PathBuf, String> {
        let (inserts, others) = (self.changes.inserts, self.changes.updates);
        let mut script = String::new();
        let mut open = 0;
        let mut statement = |script: &mut String, words: &str| {
            if open == 0 {
                script.push_str("begin;\n");
            }
            script.push_str(words);
            open += 1;
            if open == TRANSACTION {
                script.push_str("commit;\n");
                open = 0;
            }
        };
        for id in 0..inserts {
            let words = format!(
                "insert into ledger values ({id}, {}, {}.{:02}, 'name of {id}', \
                 '2024-01-{:02} 10:{:02}:00.{:06}', '{}', {}, {}.5);\n",
                id * 7919 % 100_003,
                id % 90_000,
                id % 100,
                1 + id % 28,
                id % 60,
                id * 31 % 1_000_000,
                "größer und länger als nötig, mit 日本語 darin, ".repeat(2),
                if id % 3 == 0 { "null".to_owned() } else { (id % 1000).to_string() },
                id % 1000,
            );
            statement(&mut script, &words);
        }
        for n in 0..others {
            let id = n % inserts;
            let words = format!("update ledger set k = {n}, name = 'again {n}' where id = {id};\n");
            statement(&mut script, &words);
        }
        for id in 0..others.min(inserts) {
            statement(&mut script, &format!("delete from ledger where id = {id};\n"));
        }
        script.push_str("commit;\n");
        let file = self.folder.join("load.sql");
        fs::write(&file, script).map_err(|e| format!("{}: {e}", file.display()))?;
        Ok(file)
    }

    /// Makes the tables, notes where the logs begin, and runs the load on both servers.
    fn make(&self, script: &Path) -> Result<Begins, String> {
        let servers = &self.servers;
        let table = |time: &str| format!("create table ledger ({})", COLUMNS.replace("TIME", time));
        servers.on_mysql(FROM, &table("datetime(6)"))?;
        self.second.on_mysql("", &format!("create database {FROM} character set utf8mb4"))?;
        self.second.on_mysql(FROM, &table("datetime(6)"))?;
        servers.on_postgres(FROM, &table("timestamp"))?;
        self.target.run(&table("timestamp"))?;
        let gtid = servers.on_mysql("", "select @@gtid_binlog_pos")?.trim().to_owned();
        let status = servers.on_mysql("", "show master status")?;
        let mut words = status.split_whitespace().map(str::to_owned);
        let (log, offset) = words.next().zip(words.next()).ok_or("no binary log")?;
        servers.on_postgres(FROM, "create publication bench for table ledger")?;
        servers
            .on_postgres(FROM, "select pg_create_logical_replication_slot('base', 'pgoutput')")?;
        let file = quoted(&script.display().to_string());
        println!("running the load on both servers");
        shell(&format!("{} {FROM} < {file}", servers.mysql()))?;
        shell(&format!("{} -f {file} > /dev/null", servers.psql(FROM)))?;
        let gtid_end = servers.on_mysql("", "select @@gtid_binlog_pos")?.trim().to_owned();
        let lsn_end = servers.on_postgres(FROM, "select pg_current_wal_insert_lsn()")?;
        let rows = servers.on_mysql(FROM, "select count(*) from ledger")?;
        let rows = rows.trim().parse().map_err(|_| format!("rows: {rows}"))?;
        let lsn_end = lsn_end.trim().to_owned();
        Ok(Begins { gtid, file: log, offset, gtid_end, lsn_end, rows })
    }

    fn mysql_to_mysql(&self, begins: &Begins) -> Result<(), String> {
        let port = self.servers.mysql_port();
        let ready = |threads: u32| {
            let sql = format!(
                "stop slave; set global slave_parallel_threads={threads}; truncate table ledger; \
                 set global gtid_slave_pos='{}'; change master to master_host='127.0.0.1', \
                 master_port={port}, master_user='root', master_use_gtid=slave_pos",
                begins.gtid
            );
            self.second.on_mysql(FROM, &sql).map(drop)
        };
        let sql = format!("start slave; select master_gtid_wait('{}')", begins.gtid_end);
        let native = format!("{} -e {}", self.second.mysql(), quoted(&sql));
        let target = self.second.url(FROM);
        let ours = self.follow(&self.servers.url(true, FROM), &target, &begins.gtid);
        let mut lines = Line::three("native replication", "native, 2 threads", "syncline");
        for round in 0..self.changes.rounds {
            for turn in turns(round, 3) {
                let usage = match turn {
                    0 | 1 => {
                        ready(if turn == 0 { 0 } else { 2 })?;
                        let usage = self.measure(&native)?;
                        self.second.on_mysql("", "stop slave")?;
                        usage
                    }
                    _ => {
                        self.second.on_mysql(FROM, "stop slave; truncate table ledger")?;
                        self.fresh();
                        self.measure(&ours)?
                    }
                };
                self.equal("mysql-mysql", begins, &self.second.on_mysql(FROM, SUM)?)?;
                lines[turn].usages.push(usage);
            }
        }
        self.say("MariaDB to MariaDB", &lines);
        Ok(())
    }

    fn mysql_to_postgres(&self, begins: &Begins) -> Result<(), String> {
        let ours = self.follow(&self.servers.url(true, FROM), &self.target.url(), &begins.gtid);
        let mut line = Line { who: "syncline".into(), usages: Vec::new() };
        for _ in 0..self.changes.rounds {
            self.target.run("truncate ledger")?;
            self.fresh();
            line.usages.push(self.measure(&ours)?);
            self.equal("mysql-postgres", begins, &self.target.run(SUM)?)?;
        }
        self.say("MariaDB to PostgreSQL", &[line]);
        Ok(())
    }

    fn postgres_to_postgres(&self, begins: &Begins) -> Result<(), String> {
        let servers = &self.servers;
        let connection = format!("{}?application_name=bench", servers.url(false, FROM));
        let wait = format!(
            "until [ \"$({} -At -c {})\" = t ]; do sleep 0.02; done",
            servers.psql(FROM),
            quoted(&format!(
                "select confirmed_flush_lsn >= '{}' from pg_replication_slots \
                 where slot_name = 'native'",
                begins.lsn_end
            ))
        );
        let enable = format!("{} -c 'alter subscription bench enable'", self.target.psql(TO));
        let native = format!("{enable} && {wait}");
        let source = format!("{}?slot=ours&publication=bench", servers.url(false, FROM));
        let ours = self.follow(&source, &self.target.url(), "earliest");
        let mut lines = vec![Line::new("native subscription"), Line::new("syncline")];
        for round in 0..self.changes.rounds {
            for turn in turns(round, 2) {
                self.target.run("truncate ledger")?;
                let usage = if turn == 0 {
                    self.slot("native")?;
                    self.target.run(&format!(
                        "create subscription bench connection '{connection}' publication bench \
                         with (create_slot = false, slot_name = 'native', copy_data = false, \
                         enabled = false)"
                    ))?;
                    let usage = self.measure(&native)?;
                    self.target.run("alter subscription bench disable")?;
                    self.target.run("alter subscription bench set (slot_name = none)")?;
                    self.target.run("drop subscription bench")?;
                    self.drop_slot("native")?;
                    usage
                } else {
                    self.slot("ours")?;
                    self.fresh();
                    let usage = self.measure(&ours)?;
                    self.drop_slot("ours")?;
                    usage
                };
                self.equal("postgres-postgres", begins, &self.target.run(SUM)?)?;
                lines[turn].usages.push(usage);
            }
        }
        self.say("PostgreSQL to PostgreSQL", &lines);
        Ok(())
    }

    /// A slot that stands before the load.
    fn slot(&self, name: &str) -> Result<(), String> {
        let sql = format!("select pg_copy_logical_replication_slot('base', '{name}')");
        self.servers.on_postgres(FROM, &sql).map(drop)
    }

    /// A slot is let go a moment after its reader has left.
    fn drop_slot(&self, name: &str) -> Result<(), String> {
        let sql = format!("select pg_drop_replication_slot('{name}')");
        let mut last = Ok(String::new());
        for _ in 0..50 {
            last = self.servers.on_postgres(FROM, &sql);
            if last.is_ok() {
                break;
            }
            std::thread::sleep(Duration::from_millis(100));
        }
        last.map(drop)
    }

    fn follow(&self, source: &str, target: &str, from: &str) -> String {
        format!(
            "{} copy {} {} --table ledger --mode changes --from {} --until caught-up --state {} \
             --write upsert --quiet",
            self.syncline.display(),
            quoted(source),
            quoted(target),
            quoted(from),
            quoted(&self.state())
        )
    }

    fn state(&self) -> String {
        self.folder.join("state").display().to_string()
    }

    fn fresh(&self) {
        let _ = fs::remove_dir_all(self.state());
    }

    fn measure(&self, line: &str) -> Result<Usage, String> {
        let targets = || family_cpu(self.second.pid) + family_cpu(self.target.pid);
        let before = targets();
        let mut usage = measure::run(line, Some(self.servers.pid))?;
        let more = targets() - before;
        usage.servers += more;
        usage.others = (usage.others - more / usage.seconds).max(0.0);
        Ok(usage)
    }

    /// Whether the target has what the source has.
    fn equal(&self, route: &str, begins: &Begins, found: &str) -> Result<(), String> {
        let expected = self.servers.on_mysql(FROM, SUM)?;
        let words =
            |text: &str| text.split(['\t', '|']).map(|w| w.trim().to_owned()).collect::<Vec<_>>();
        if words(&expected) == words(found) {
            return Ok(());
        }
        Err(format!("{route}: not equal ({} rows): {expected:?} and {found:?}", begins.rows))
    }

    fn all(&self) -> u64 {
        let deletes = self.changes.updates.min(self.changes.inserts);
        self.changes.inserts + self.changes.updates + deletes
    }

    fn say(&self, title: &str, lines: &[Line]) {
        let mut text = format!(
            "\n### {title}: {} changes\n\n| who | changes/s | ratio | CPU s / M | with servers | \
             peak MiB |\n|---|---|---|---|---|---|\n",
            self.all()
        );
        let rate = |line: &Line| float(self.all()) / line.middle(|u| u.seconds);
        let base = lines.first().map_or(1.0, rate);
        for line in lines {
            let millions = float(self.all()) / 1e6;
            let _ = writeln!(
                text,
                "| {} | {:.0} | {:.2} | {:.2} | {:.2} | {:.0} |",
                line.who,
                rate(line),
                rate(line) / base,
                line.middle(|u| u.cpu) / millions,
                line.middle(|u| u.cpu + u.servers) / millions,
                line.middle(|u| u.peak_mib)
            );
        }
        println!("{text}");
    }

    /// Rows that come at a steady rate, and how long each is on its way: the target notes when it
    /// arrives.
    fn live(&self) -> Result<(), String> {
        let servers = &self.servers;
        servers
            .on_mysql(FROM, "create table live (id bigint primary key, at datetime(6), v text)")?;
        servers.on_postgres(
            TO,
            "create table live (id bigint primary key, at timestamp, v text, \
             arrived timestamp default (clock_timestamp() at time zone 'UTC'))",
        )?;
        self.fresh();
        let line = format!(
            "exec {} copy {} {} --table live --mode changes --until {}s --state {} --write upsert \
             --quiet",
            self.syncline.display(),
            quoted(&servers.url(true, FROM)),
            quoted(&servers.url(false, TO)),
            self.changes.seconds + 8,
            quoted(&self.state())
        );
        let load = std::thread::scope(|scope| {
            let load = scope.spawn(|| {
                // Once it follows.
                std::thread::sleep(Duration::from_secs(3));
                self.trickle()
            });
            let usage = self.measure(&line)?;
            load.join().map_err(|_| "the load panicked".to_owned())??;
            Ok::<_, String>(usage)
        })?;
        let lag = servers.on_postgres(
            TO,
            "select count(*), round(1000 * percentile_cont(0.5) within group (order by extract(epoch \
             from arrived - at))::numeric, 1), round(1000 * percentile_cont(0.99) within group \
             (order by extract(epoch from arrived - at))::numeric, 1) from live",
        )?;
        let expected = servers.on_mysql(FROM, "select count(*) from live")?;
        println!(
            "\n### MariaDB to PostgreSQL, live: {} changes/s for {} s\n\nrows at the source {}, at \
             the target and lag in ms (p50, p99): {}; CPU {:.2} cores, peak {:.0} MiB",
            self.changes.live,
            self.changes.seconds,
            expected.trim(),
            lag.trim(),
            load.cpu / load.seconds,
            load.peak_mib
        );
        Ok(())
    }

    /// Single-row transactions, each with the moment it was made.
    fn trickle(&self) -> Result<(), String> {
        const BEATS: u64 = 20;
        let mut client = Command::new("bash")
            .args(["-c", &format!("{} {FROM}", self.servers.mysql())])
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .spawn()
            .map_err(|e| e.to_string())?;
        let mut input = client.stdin.take().ok_or("no input")?;
        let beat = self.changes.live.div_ceil(BEATS);
        let began = Instant::now();
        for n in 0..self.changes.seconds * BEATS {
            let mut words = String::new();
            for id in n * beat..(n + 1) * beat {
                let _ = writeln!(
                    words,
                    "insert into live values ({id}, utc_timestamp(6), 'row {id}');"
                );
            }
            input.write_all(words.as_bytes()).map_err(|e| e.to_string())?;
            let due = Duration::from_millis((n + 1) * 1000 / BEATS);
            std::thread::sleep(due.saturating_sub(began.elapsed()));
        }
        drop(input);
        client.wait().map_err(|e| e.to_string()).map(drop)
    }
}

/// What tells two tables apart, in words of both kinds of server.
const SUM: &str = "select count(*), sum(id), sum(k), sum(amount), sum(opt), sum(length(name)), \
                   sum(char_length(note)) from ledger";

impl Line {
    fn new(who: &str) -> Self {
        Self { who: who.to_owned(), usages: Vec::new() }
    }

    fn three(a: &str, b: &str, c: &str) -> Vec<Self> {
        [a, b, c].into_iter().map(Self::new).collect()
    }

    fn middle(&self, of: impl Fn(&Usage) -> f64) -> f64 {
        median(self.usages.iter().map(of).collect())
    }
}

/// Everyone once, in turns that go back and forth.
fn turns(round: usize, all: usize) -> Vec<usize> {
    if round.is_multiple_of(2) { (0..all).collect() } else { (0..all).rev().collect() }
}

#[allow(clippy::cast_precision_loss, reason = "a count of rows")]
fn float(count: u64) -> f64 {
    count as f64
}
