//! `verify` of equal tables, beside reading both of them: Syncline's own reading into nothing, each
//! side alone and both at the same moment, which is what a comparison does, too.

use std::path::PathBuf;

use super::Verify;
use super::data;
use super::measure::{self, Usage, median};
use super::rounds::binary;
use super::servers::{FROM, Servers, TO, quoted};

/// The table, on both sides.
const TABLE: &str = "compared";
/// Rows that a statement makes.
const CHUNK: u64 = 1_000_000;

/// Where a side is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Side {
    Mysql(&'static str),
    Postgres(&'static str),
    /// Made from the table of the other side.
    Parquet {
        mysql: bool,
    },
}

/// Measures each pair, and prints a table.
pub(super) fn run(options: &Verify) -> Result<(), String> {
    let pairs = options.pair.iter().map(|name| pair(name)).collect::<Result<Vec<_>, _>>()?;
    let bench = Bench { options, syncline: binary()?, servers: Servers::start()? };
    println!(
        "| pair, {} rows | verify s | rows/s | both read at once s | of that speed | source alone s | \
         target alone s | CPU s/M rows | peak MiB | others |\n\
         |---|---|---|---|---|---|---|---|---|---|",
        options.rows
    );
    for (name, (from, to)) in options.pair.iter().zip(pairs) {
        bench.make(from)?;
        bench.make(to)?;
        let measured = bench.measure(from, to);
        bench.remove(to)?;
        bench.remove(from)?;
        println!("{}", measured?.line(name, options.rows));
    }
    Ok(())
}

fn pair(name: &str) -> Result<(Side, Side), String> {
    let side = |store: &str, database: &'static str| match store {
        "mysql" => Some(Side::Mysql(database)),
        "postgres" => Some(Side::Postgres(database)),
        _ => None,
    };
    let (from, to) = name.split_once('-').unwrap_or((name, ""));
    let to = match to {
        "parquet" => Some(Side::Parquet { mysql: from == "mysql" }),
        other => side(other, TO),
    };
    match (side(from, FROM), to) {
        (Some(from), Some(to)) => Ok((from, to)),
        _ => Err(format!(
            "no pair {name:?}; there are mysql and postgres on both sides, and parquet behind them"
        )),
    }
}

struct Bench<'a> {
    options: &'a Verify,
    syncline: PathBuf,
    servers: Servers,
}

/// What a pair took, round by round.
#[derive(Default)]
struct Measured {
    verify: Vec<Usage>,
    both: Vec<Usage>,
    source: Vec<Usage>,
    target: Vec<Usage>,
}

impl Measured {
    #[allow(clippy::cast_precision_loss, reason = "a count of rows")]
    fn line(&self, name: &str, rows: u64) -> String {
        let middle = |all: &[Usage], of: fn(&Usage) -> f64| median(all.iter().map(of).collect());
        let seconds = |all: &[Usage]| middle(all, |u| u.seconds);
        let speeds = self.both.iter().zip(&self.verify);
        format!(
            "| {name} | {:.2} | {:.0} | {:.2} | {:.0} % | {:.2} | {:.2} | {:.2} | {:.0} | {:.2} |",
            seconds(&self.verify),
            rows as f64 / seconds(&self.verify),
            seconds(&self.both),
            median(speeds.map(|(both, own)| both.seconds / own.seconds).collect()) * 100.0,
            seconds(&self.source),
            seconds(&self.target),
            middle(&self.verify, |u| u.cpu) / (rows as f64 / 1e6),
            middle(&self.verify, |u| u.peak_mib),
            middle(&self.verify, |u| u.others),
        )
    }
}

impl Bench<'_> {
    fn measure(&self, from: Side, to: Side) -> Result<Measured, String> {
        let (source, target) = (self.reading(from, "source"), self.reading(to, "target"));
        // The slower of both ends it; either may fail.
        let both = format!("{source} & first=$!; {target}; second=$?; wait $first && exit $second");
        let verify = format!(
            "{} verify {} {} --table {TABLE} --quiet --state {}",
            self.syncline.display(),
            quoted(&self.url(from)),
            quoted(&self.url(to)),
            self.state("verify"),
        );
        let mut measured = Measured::default();
        // What comes first finds colder caches: one round that is not counted.
        measure::run(&both, None)?;
        for _ in 0..self.options.rounds {
            let run = |line: &str| measure::run(line, Some(self.servers.pid));
            measured.verify.push(run(&verify)?);
            measured.both.push(run(&both)?);
            measured.source.push(run(&source)?);
            measured.target.push(run(&target)?);
        }
        Ok(measured)
    }

    /// The command that reads a side and keeps nothing.
    fn reading(&self, side: Side, name: &str) -> String {
        format!(
            "{} copy {} stream: --table {TABLE} --fresh --quiet --state {}",
            self.syncline.display(),
            quoted(&self.url(side)),
            self.state(name),
        )
    }

    fn state(&self, name: &str) -> String {
        quoted(&data::folder().join("verify").join(name).display().to_string())
    }

    fn file(&self) -> PathBuf {
        data::folder().join("verify").join(format!("{TABLE}.parquet"))
    }

    fn url(&self, side: Side) -> String {
        match side {
            Side::Mysql(database) => self.servers.url(true, database),
            Side::Postgres(database) => self.servers.url(false, database),
            Side::Parquet { .. } => self.file().display().to_string(),
        }
    }

    /// Makes the table of a side: the same rows everywhere.
    fn make(&self, side: Side) -> Result<(), String> {
        let folder = data::folder().join("verify");
        std::fs::create_dir_all(&folder).map_err(|e| format!("{}: {e}", folder.display()))?;
        let columns = "id bigint not null primary key, n int not null, amount decimal(12,2) not null, \
                       name varchar(40) not null, note varchar(40)";
        let chunks = (0..self.options.rows).step_by(usize::try_from(CHUNK).unwrap_or(usize::MAX));
        let chunks = chunks.map(|begin| (begin + 1, (begin + CHUNK).min(self.options.rows)));
        match side {
            Side::Mysql(database) => {
                let create =
                    format!("create table {TABLE} ({columns}, moment datetime(6) not null)");
                self.servers.on_mysql(database, &create)?;
                for (first, last) in chunks {
                    let rows = format!(
                        "set sql_log_bin = 0; insert into {TABLE} select seq, \
                         (seq * 7919) % 2147483647, ((seq * 104729) % 1000000000) / 100, \
                         concat('name ', (seq * 31) % 1000003), \
                         if(seq % 7 = 0, null, md5(seq)), timestamp'2000-01-01 00:00:00' + \
                         interval (seq % 600000000) second + interval (seq % 1000000) microsecond \
                         from seq_{first}_to_{last}"
                    );
                    self.servers.on_mysql(database, &rows)?;
                }
                self.servers.on_mysql(database, &format!("analyze table {TABLE}")).map(drop)
            }
            Side::Postgres(database) => {
                let create =
                    format!("create table {TABLE} ({columns}, moment timestamp(6) not null)");
                self.servers.on_postgres(database, &create)?;
                for (first, last) in chunks {
                    let rows = format!(
                        "insert into {TABLE} select n, (n * 7919) % 2147483647, \
                         ((n * 104729) % 1000000000)::numeric / 100, \
                         'name ' || (n * 31) % 1000003, \
                         case when n % 7 = 0 then null else md5(n::text) end, \
                         timestamp '2000-01-01' + (n % 600000000) * interval '1 second' \
                         + (n % 1000000) * interval '1 microsecond' \
                         from generate_series({first}::bigint, {last}) n"
                    );
                    self.servers.on_postgres(database, &rows)?;
                }
                self.servers.on_postgres(database, &format!("vacuum analyze {TABLE}"))?;
                self.servers.on_postgres(database, "checkpoint").map(drop)
            }
            Side::Parquet { mysql } => {
                let from = self.servers.url(mysql, FROM);
                let line = format!(
                    "{} copy {} {} --table {TABLE} --fresh --quiet --state {}",
                    self.syncline.display(),
                    quoted(&from),
                    quoted(&self.url(side)),
                    self.state("made"),
                );
                measure::run(&line, None).map(drop)
            }
        }
    }

    fn remove(&self, side: Side) -> Result<(), String> {
        let drop_table = format!("drop table {TABLE}");
        match side {
            Side::Mysql(database) => self.servers.on_mysql(database, &drop_table).map(drop),
            Side::Postgres(database) => self.servers.on_postgres(database, &drop_table).map(drop),
            Side::Parquet { .. } => {
                let file = self.file();
                std::fs::remove_file(&file).map_err(|e| format!("{}: {e}", file.display()))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pairs_are_read_and_files_come_second() {
        assert_eq!(pair("mysql-postgres"), Ok((Side::Mysql(FROM), Side::Postgres(TO))));
        assert_eq!(
            pair("postgres-parquet"),
            Ok((Side::Postgres(FROM), Side::Parquet { mysql: false }))
        );
        for wrong in ["mysql", "parquet-mysql", "mysql-csv", "a-b"] {
            assert!(pair(wrong).is_err(), "{wrong}");
        }
    }
}
