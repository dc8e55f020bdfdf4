//! The servers of a bench: tuned the same for all who run against them, with the native clients
//! that fill and check them.

use std::path::{Path, PathBuf};
use std::process::Command;

use super::data::Table;
use super::machine::first_line;
use crate::servers::{PROGRAM, Running};
use crate::steps::succeed;
use crate::test::quietly;
use crate::workspace::{Workspace, cargo, root};

/// What the servers of the bench have beyond the settings of test servers. Both kinds keep what is
/// committed through the death of the process, not of the machine; both write their logs.
const SETTINGS: [(&str, &[&str]); 2] = [
    (
        "mariadb",
        &[
            "--innodb-buffer-pool-size=2G",
            "--innodb-log-file-size=1G",
            "--innodb-log-buffer-size=64M",
        ],
    ),
    (
        "postgres",
        &[
            "-cshared_buffers=1GB",
            "-cmax_wal_size=8GB",
            "-ccheckpoint_timeout=30min",
            "-cmaintenance_work_mem=256MB",
            "-cwal_buffers=64MB",
        ],
    ),
];

/// The database that is read.
pub(super) const FROM: &str = "bench_from";
/// The database that is written.
pub(super) const TO: &str = "bench_to";

/// Running servers with both databases, and the clients for them.
pub(super) struct Servers {
    _running: Running,
    /// The process above all servers.
    pub(super) pid: u32,
    mysql_port: String,
    postgres_port: String,
    psql: PathBuf,
}

impl Servers {
    /// Starts both and makes the databases.
    pub(super) fn start() -> Result<Self, String> {
        let program = program()?;
        let mut args: Vec<String> = SETTINGS.iter().map(|(name, _)| (*name).to_owned()).collect();
        for (name, settings) in SETTINGS {
            for setting in settings {
                println!("{name}: {setting}");
                args.extend(["--with".to_owned(), format!("{name}:{setting}")]);
            }
        }
        let running = Running::start_with(&program, &args)?;
        let servers = Self {
            mysql_port: port(&running, "mariadb")?,
            postgres_port: port(&running, "postgres")?,
            pid: running.pid(),
            _running: running,
            psql: psql(),
        };
        for database in [FROM, TO] {
            servers.on_mysql("", &format!("create database {database} character set utf8mb4"))?;
            servers.on_postgres("postgres", &format!("create database {database}"))?;
        }
        Ok(servers)
    }

    /// The command line of MySQL's client, to be followed by a database and options.
    pub(super) fn mysql(&self) -> String {
        mysql(&self.mysql_port)
    }

    /// Where MySQL listens.
    pub(super) fn mysql_port(&self) -> &str {
        &self.mysql_port
    }

    /// The command line of PostgreSQL's client for a database, to be followed by options.
    pub(super) fn psql(&self, database: &str) -> String {
        psql_line(&self.psql, &self.postgres_port, database)
    }

    /// The command line of PostgreSQL's reader of logs for a database, to be followed by options.
    pub(super) fn recvlogical(&self, database: &str) -> String {
        let program = self.psql.with_file_name("pg_recvlogical");
        let port = &self.postgres_port;
        format!("{} -h 127.0.0.1 -p {port} -U postgres -d {database}", program.display())
    }

    /// The URL of a database.
    pub(super) fn url(&self, mysql: bool, database: &str) -> String {
        let (scheme, user, port) = match mysql {
            true => ("mysql", "root", &self.mysql_port),
            false => ("postgres", "postgres", &self.postgres_port),
        };
        format!("{scheme}://{user}@127.0.0.1:{port}/{database}")
    }

    /// Runs SQL on MySQL; what it prints.
    pub(super) fn on_mysql(&self, database: &str, sql: &str) -> Result<String, String> {
        let line = format!("{} -N -B {database} -e {}", self.mysql(), quoted(sql));
        shell(&line)
    }

    /// Runs SQL on PostgreSQL; what it prints.
    pub(super) fn on_postgres(&self, database: &str, sql: &str) -> Result<String, String> {
        shell(&format!("{} -A -t -c {}", self.psql(database), quoted(sql)))
    }

    /// Makes a table in both databases of both servers, and fills those that are read.
    pub(super) fn fill(&self, table: Table, csv: &Path) -> Result<(), String> {
        println!("filling {} on both servers", table.name());
        for database in [FROM, TO] {
            self.on_mysql(database, &table.mysql())?;
            self.on_postgres(database, &table.postgres(table.name()))?;
        }
        shell(&self.load_csv_mysql(FROM, table, csv))?;
        shell(&self.load_csv_postgres(FROM, table.name(), csv))?;
        self.on_mysql(FROM, &format!("analyze table {}", table.name()))?;
        self.on_postgres(FROM, &format!("vacuum analyze {}", table.name()))?;
        self.on_postgres(FROM, "checkpoint").map(drop)
    }

    /// Takes a table away from both databases of both servers.
    pub(super) fn drop_tables(&self, table: Table) -> Result<(), String> {
        let drop = format!("drop table {}", table.name());
        for database in [FROM, TO] {
            self.on_mysql(database, &drop)?;
            self.on_postgres(database, &drop)?;
        }
        Ok(())
    }

    /// The command line that loads a CSV file into MySQL.
    pub(super) fn load_csv_mysql(&self, database: &str, table: Table, csv: &Path) -> String {
        let nullable = table.nullable();
        let columns = table.columns().into_iter().map(|column| match nullable == Some(column) {
            true => format!("@{column}"),
            false => column.to_owned(),
        });
        let columns: Vec<String> = columns.collect();
        let set = nullable.map(|c| format!(" set {c} = nullif(@{c}, '')")).unwrap_or_default();
        let sql = format!(
            "load data local infile '{}' into table {} character set utf8mb4 \
             fields terminated by ',' optionally enclosed by '\"' escaped by '' \
             ignore 1 lines ({}){set}",
            csv.display(),
            table.name(),
            columns.join(", ")
        );
        format!("{} {database} -e {}", self.mysql(), quoted(&sql))
    }

    /// The command line that loads a CSV file into PostgreSQL.
    pub(super) fn load_csv_postgres(&self, database: &str, table: &str, csv: &Path) -> String {
        let sql = format!("copy {table} from stdin (format csv, header)");
        let file = quoted(&csv.display().to_string());
        format!("{} -c {} < {file}", self.psql(database), quoted(&sql))
    }

    /// Rows of a table and a sum over the checksums of all rows, whatever their order.
    pub(super) fn sum_mysql(&self, database: &str, table: Table) -> Result<String, String> {
        let texts: Vec<String> =
            table.columns().iter().map(|column| format!("ifnull({column}, '\\\\N')")).collect();
        let sql = format!(
            "select count(*), coalesce(sum(crc32(concat_ws('\\t', {}))), 0) from {}",
            texts.join(", "),
            table.name()
        );
        self.on_mysql(database, &sql)
    }

    /// As [`Servers::sum_mysql`].
    pub(super) fn sum_postgres(&self, database: &str, table: &str) -> Result<String, String> {
        let sql = format!(
            "select count(*), coalesce(sum(hashtextextended(x::text, 0)::numeric), 0) from {table} x"
        );
        self.on_postgres(database, &sql)
    }

    /// Versions of servers and clients.
    pub(super) fn versions(&self) -> Result<Vec<(String, String)>, String> {
        let psql = self.psql.display().to_string();
        Ok(vec![
            ("mariadb server".into(), self.on_mysql("", "select version()")?.trim().into()),
            ("mariadb client".into(), first_line("mariadb", &["--version"])),
            (
                "postgres server".into(),
                self.on_postgres("postgres", "show server_version")?.trim().into(),
            ),
            ("psql".into(), first_line(&psql, &["--version"])),
            ("sqlite3".into(), first_line("sqlite3", &["--version"])),
        ])
    }

    /// Settings beyond those of test servers, a line each.
    pub(super) fn settings() -> Vec<String> {
        let lines = |(name, all): &(&str, &[&str])| {
            all.iter().map(|setting| format!("{name} {setting}")).collect::<Vec<_>>()
        };
        SETTINGS.iter().flat_map(lines).collect()
    }
}

/// A second PostgreSQL, tuned like the first: a target of its own, so that what is written to it is no
/// part of the log that is read.
pub(super) struct SecondPostgres {
    _running: Running,
    /// The process above it.
    pub(super) pid: u32,
    port: String,
    psql: PathBuf,
}

impl SecondPostgres {
    /// Starts it and makes the database that is written.
    pub(super) fn start() -> Result<Self, String> {
        let mut args = vec!["postgres".to_owned()];
        for setting in SETTINGS[1].1 {
            args.extend(["--with".to_owned(), format!("postgres:{setting}")]);
        }
        let running = Running::start_with(&program()?, &args)?;
        let (port, pid) = (port(&running, "postgres")?, running.pid());
        let server = Self { _running: running, pid, port, psql: psql() };
        let make = format!("create database {TO}");
        shell(&format!("{} -c {}", server.psql("postgres"), quoted(&make)))?;
        Ok(server)
    }

    /// The command line of its client for a database, to be followed by options.
    pub(super) fn psql(&self, database: &str) -> String {
        psql_line(&self.psql, &self.port, database)
    }

    /// The URL of the database.
    pub(super) fn url(&self) -> String {
        format!("postgres://postgres@127.0.0.1:{}/{TO}", self.port)
    }

    /// Runs SQL; what it prints.
    pub(super) fn run(&self, sql: &str) -> Result<String, String> {
        shell(&format!("{} -A -t -c {}", self.psql(TO), quoted(sql)))
    }
}

/// A second MariaDB, tuned like the first: a target of its own, and a replica. It keeps no log.
pub(super) struct Second {
    _running: Running,
    /// The process above it.
    pub(super) pid: u32,
    port: String,
}

impl Second {
    /// Starts it.
    pub(super) fn start() -> Result<Self, String> {
        let mut args = vec!["mariadb".to_owned()];
        let own = ["--server-id=2", "--skip-log-bin"];
        for setting in SETTINGS[0].1.iter().chain(&own) {
            args.extend(["--with".to_owned(), format!("mariadb:{setting}")]);
        }
        let running = Running::start_with(&program()?, &args)?;
        Ok(Self { port: port(&running, "mariadb")?, pid: running.pid(), _running: running })
    }

    /// The command line of its client, to be followed by a database and options.
    pub(super) fn mysql(&self) -> String {
        mysql(&self.port)
    }

    /// The URL of a database.
    pub(super) fn url(&self, database: &str) -> String {
        format!("mysql://root@127.0.0.1:{}/{database}", self.port)
    }

    /// Runs SQL; what it prints.
    pub(super) fn on_mysql(&self, database: &str, sql: &str) -> Result<String, String> {
        shell(&format!("{} -N -B {database} -e {}", self.mysql(), quoted(sql)))
    }
}

fn mysql(port: &str) -> String {
    format!(
        "mariadb --no-defaults --default-character-set=utf8mb4 --protocol=tcp -h127.0.0.1 \
         -P{port} -uroot --local-infile=1"
    )
}

fn psql_line(psql: &Path, port: &str, database: &str) -> String {
    let psql = psql.display();
    format!("{psql} -X -q -v ON_ERROR_STOP=1 -h 127.0.0.1 -p {port} -U postgres -d {database}")
}

/// The program that starts servers, built now.
fn program() -> Result<PathBuf, String> {
    let package = ["build", "--quiet", "--package", "syncline-testkit", "--bin", PROGRAM];
    succeed(cargo().args(package))?;
    Ok(Workspace::load()?.built(PROGRAM))
}

/// The port a server listens on.
fn port(running: &Running, name: &str) -> Result<String, String> {
    let variable = format!("SYNCLINE_TEST_{}", name.to_uppercase());
    let url = running.variables.iter().find(|(v, _)| *v == variable).map(|(_, url)| url);
    let url = url.ok_or_else(|| format!("no {name}: `cargo xtask servers install {name}`"))?;
    let after = url.rsplit_once(':').map_or("", |(_, rest)| rest);
    Ok(after.chars().take_while(char::is_ascii_digit).collect())
}

/// The client itself: Debian's `psql` is a script around it, whose time is not PostgreSQL's.
fn psql() -> PathBuf {
    let versions = std::fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let found = versions.map(|version| version.path().join("bin/psql")).filter(|p| p.is_file());
    found.max().unwrap_or_else(|| "psql".into())
}

/// A word for the shell.
pub(super) fn quoted(word: &str) -> String {
    format!("'{}'", word.replace('\'', r"'\''"))
}

/// Runs a line by bash; what it prints.
pub(super) fn shell(line: &str) -> Result<String, String> {
    let mut command = Command::new("bash");
    command.args(["-o", "pipefail", "-c", line]);
    quietly(&mut command, root()).map_err(|words| format!("{words}\nin: {line}"))
}
