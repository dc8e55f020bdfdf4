//! From where to where, and the command line by which each tool goes there.

use std::path::{Path, PathBuf};

use super::data::{self, Table};
use super::servers::{FROM, Servers, TO, quoted, shell};

/// A kind of store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Store {
    Mysql,
    Postgres,
    Csv,
    Parquet,
    Sqlite,
}

impl Store {
    fn parse(name: &str) -> Result<Self, String> {
        match name {
            "mysql" => Ok(Self::Mysql),
            "postgres" => Ok(Self::Postgres),
            "csv" => Ok(Self::Csv),
            "parquet" => Ok(Self::Parquet),
            "sqlite" => Ok(Self::Sqlite),
            other => Err(format!("no store {other:?}; mysql, postgres, csv, parquet, sqlite")),
        }
    }

    /// What a file of it ends with.
    fn extension(self) -> &'static str {
        match self {
            Self::Parquet => "parquet",
            Self::Sqlite => "db",
            _ => "csv",
        }
    }
}

/// A route of the bench.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Route {
    pub(super) from: Store,
    pub(super) to: Store,
}

/// Routes measured when none are named.
pub(super) fn default_names() -> Vec<String> {
    let names = [
        "mysql-mysql",
        "postgres-postgres",
        "mysql-postgres",
        "postgres-mysql",
        "csv-mysql",
        "csv-postgres",
        "mysql-csv",
        "postgres-csv",
        "mysql-parquet",
        "parquet-postgres",
        "csv-parquet",
        "csv-sqlite",
        "sqlite-csv",
    ];
    names.map(str::to_owned).to_vec()
}

impl Route {
    pub(super) fn parse(name: &str) -> Result<Self, String> {
        let (from, to) = name.split_once('-').ok_or_else(|| format!("{name:?} is no from-to"))?;
        Ok(Self { from: Store::parse(from)?, to: Store::parse(to)? })
    }
}

/// One table on one route: where its data are, and where they go.
pub(super) struct Trip<'a> {
    pub(super) route: Route,
    pub(super) table: Table,
    pub(super) servers: &'a Servers,
    /// The table as CSV.
    pub(super) csv: PathBuf,
    /// A folder for files that are read, apart from the CSV.
    pub(super) prepared: PathBuf,
    /// A folder for what is written.
    pub(super) out: PathBuf,
    pub(super) syncline: PathBuf,
}

impl<'a> Trip<'a> {
    /// A table that is there as CSV, by a build of Syncline; what is written goes beside the data.
    pub(super) fn new(
        route: Route,
        table: Table,
        servers: &'a Servers,
        csv: &Path,
        syncline: &Path,
    ) -> Self {
        Self {
            route,
            table,
            servers,
            csv: csv.to_owned(),
            prepared: csv.with_file_name("prepared"),
            out: data::folder().join("out"),
            syncline: syncline.to_owned(),
        }
    }

    fn name(&self) -> &'static str {
        self.table.name()
    }

    /// A file that is read.
    fn source_file(&self, store: Store) -> PathBuf {
        match store {
            Store::Csv => self.csv.clone(),
            _ => self.prepared.join(format!("{}.{}", self.name(), store.extension())),
        }
    }

    /// The file that is written.
    pub(super) fn target_file(&self) -> PathBuf {
        self.out.join(format!("{}.{}", self.name(), self.route.to.extension()))
    }

    /// Syncline's command line; its events go to `events`. The tables are there, and not every
    /// value of their types would fit (an infinite double in MySQL, say): such rows are refused.
    pub(super) fn by_syncline(&self, program: &Path, parallel: usize, events: &Path) -> String {
        let (from, to) = (self.route.from, self.route.to);
        let place = |store, database, file: &Path| match store {
            Store::Mysql => self.servers.url(true, database),
            Store::Postgres => self.servers.url(false, database),
            Store::Sqlite => format!("sqlite:{}", file.display()),
            Store::Csv | Store::Parquet => file.display().to_string(),
        };
        let source = place(from, FROM, &self.source_file(from));
        let target = place(to, TO, &self.target_file());
        let table = match from {
            Store::Csv | Store::Parquet => String::new(),
            _ => format!(" --table {}", self.name()),
        };
        let parallel = match parallel {
            0 => String::new(),
            n => format!(" --parallel {n}"),
        };
        format!(
            "{} copy {} {}{table}{parallel} --allow-lossy --state {} --fresh --events json > {}",
            program.display(),
            quoted(&source),
            quoted(&target),
            quoted(&self.out.join("state").display().to_string()),
            quoted(&events.display().to_string())
        )
    }

    /// The native way: its name, and its command line where there is one.
    pub(super) fn native(&self) -> Option<(&'static str, String)> {
        use Store::{Csv, Mysql, Parquet, Postgres, Sqlite};
        let (servers, name) = (self.servers, self.name());
        let (mysql, psql) = (servers.mysql(), |database| servers.psql(database));
        let copy = |database, sql: String| format!("{} -c {}", psql(database), quoted(&sql));
        // Without --raw: tabs and line ends are escaped, as LOAD DATA and COPY read them.
        let select = format!("{mysql} --batch --quick {FROM} -e 'select * from {name}'");
        let rows = format!("{select} --skip-column-names");
        let (target, source) =
            (quoted(&self.target_file().display().to_string()), |store| self.source_file(store));
        let line = match (self.route.from, self.route.to) {
            (Mysql, Mysql) => {
                ("mariadb → LOAD DATA", format!("{rows} | {}", self.load("/dev/stdin", true)))
            }
            (Mysql, Postgres) => {
                let into = copy(TO, format!("copy {name} from stdin (null 'NULL')"));
                ("mariadb → COPY", format!("{rows} | {into}"))
            }
            (Postgres, Postgres) => {
                let from = copy(FROM, format!("copy {name} to stdout (format binary)"));
                let into = copy(TO, format!("copy {name} from stdin (format binary)"));
                ("COPY → COPY, binary", format!("{from} | {into}"))
            }
            (Postgres, Mysql) => {
                let from = copy(FROM, format!("copy {name} to stdout"));
                ("COPY → LOAD DATA", format!("{from} | {}", self.load("/dev/stdin", false)))
            }
            (Csv, Mysql) => ("LOAD DATA", servers.load_csv_mysql(TO, self.table, &self.csv)),
            (Csv, Postgres) => ("COPY csv", servers.load_csv_postgres(TO, name, &self.csv)),
            (Mysql, Csv) => ("mariadb --batch (TSV)", format!("{select} > {target}")),
            (Postgres, Csv) => {
                let from = copy(FROM, format!("copy {name} to stdout (format csv, header)"));
                ("COPY csv", format!("{from} > {target}"))
            }
            (Mysql, Parquet) => ("reading alone", format!("{rows} > /dev/null")),
            (Postgres, Parquet) => {
                let from = copy(FROM, format!("copy {name} to stdout (format binary)"));
                ("reading alone", format!("{from} > /dev/null"))
            }
            (Parquet, Postgres) => {
                let into = copy(TO, format!("copy {name} from stdin (format binary)"));
                ("writing alone", format!("{into} < {}", self.alone("copy").display()))
            }
            (Parquet, Mysql) => {
                let file = self.alone("tsv").display().to_string();
                ("writing alone", self.load(&file, false))
            }
            (Csv, Sqlite) => {
                let csv = self.csv.display();
                let import = format!(".import --csv --skip 1 {csv} {name}");
                let nulls = self.table.nullable().map(|c| {
                    // The shell knows no NULL in CSV.
                    quoted(&format!("update {name} set {c} = null where {c} = ''"))
                });
                let nulls = nulls.unwrap_or_default();
                (".import", format!("sqlite3 {target} {} {nulls}", quoted(&import)))
            }
            (Sqlite, Csv) => {
                let file = source(Sqlite);
                let select = format!("'select * from {name}'");
                (
                    "sqlite3 -csv",
                    format!("sqlite3 -csv -header {} {select} > {target}", file.display()),
                )
            }
            _ => return None,
        };
        Some(line)
    }

    /// LOAD DATA of rows with tabs between. MySQL's client prints NULL as a word, which the server
    /// takes for NULL only where fields may be enclosed by something: here by a byte that no text
    /// begins with.
    fn load(&self, file: &str, null_is_word: bool) -> String {
        let enclosed = if null_is_word { r" fields optionally enclosed by '\x01'" } else { "" };
        let enclosed = enclosed.replace(r"\x01", "\u{1}");
        let sql = format!(
            "load data local infile '{file}' into table {} character set utf8mb4{enclosed}",
            self.name()
        );
        format!("{} {TO} -e {}", self.servers.mysql(), quoted(&sql))
    }

    /// What is loaded where loading alone is measured.
    fn alone(&self, kind: &str) -> PathBuf {
        self.prepared.join(format!("{}.{kind}", self.name()))
    }

    /// Makes the files that are read.
    pub(super) fn prepare(&self) -> Result<(), String> {
        let io = |e: std::io::Error| format!("{}: {e}", self.prepared.display());
        std::fs::create_dir_all(&self.prepared).map_err(io)?;
        let file = self.source_file(self.route.from);
        match self.route.from {
            Store::Sqlite if !file.is_file() => {
                // By ourselves: sqlite3's .import does not keep doubles to the last bit.
                shell(&format!("sqlite3 {} {}", file.display(), quoted(&self.table.sqlite())))?;
                self.copy_quietly(
                    &self.csv.display().to_string(),
                    &format!("sqlite:{}", file.display()),
                    "",
                )?;
            }
            Store::Parquet => {
                if !file.is_file() {
                    // By ourselves: there is no other tool at hand for sure.
                    let url = self.servers.url(false, FROM);
                    self.copy_quietly(
                        &url,
                        &file.display().to_string(),
                        &format!("--table {}", self.name()),
                    )?;
                }
                let (options, kind) = match self.route.to {
                    Store::Mysql => ("", "tsv"),
                    _ => (" (format binary)", "copy"),
                };
                let sql = quoted(&format!("copy {} to stdout{options}", self.name()));
                let alone = self.alone(kind);
                shell(&format!("{} -c {sql} > {}", self.servers.psql(FROM), alone.display()))?;
            }
            _ => {}
        }
        Ok(())
    }

    /// A copy by Syncline that is not measured.
    fn copy_quietly(&self, source: &str, target: &str, options: &str) -> Result<(), String> {
        let (program, state) = (self.syncline.display(), self.prepared.join("state"));
        shell(&format!(
            "{program} copy {} {} {options} --allow-lossy --state {} --fresh -q",
            quoted(source),
            quoted(target),
            quoted(&state.display().to_string())
        ))
        .map(drop)
    }

    /// Empties the target, the same for all.
    pub(super) fn reset(&self) -> Result<(), String> {
        let io = |e: std::io::Error| format!("{}: {e}", self.out.display());
        match std::fs::remove_dir_all(&self.out) {
            Err(e) if e.kind() != std::io::ErrorKind::NotFound => return Err(io(e)),
            _ => {}
        }
        std::fs::create_dir_all(&self.out).map_err(io)?;
        let truncate = format!("truncate table {}", self.name());
        match self.route.to {
            Store::Mysql => {
                // The log of changes is emptied, too: it would fill the disk.
                self.servers.on_mysql(TO, &format!("{truncate}; reset master"))?;
            }
            Store::Postgres => {
                self.servers.on_postgres(TO, &truncate)?;
                self.servers.on_postgres(TO, "checkpoint")?;
            }
            Store::Sqlite => {
                let made = quoted(&self.table.sqlite());
                shell(&format!("sqlite3 {} {made}", self.target_file().display()))?;
            }
            Store::Csv | Store::Parquet => {}
        }
        Ok(())
    }

    /// Whether the target holds the very rows of the source.
    pub(super) fn right(&self, syncline: bool) -> Result<bool, String> {
        let (servers, name) = (self.servers, self.name());
        let found = match self.route.to {
            Store::Mysql => {
                let wanted = servers.sum_mysql(FROM, self.table)?;
                return Ok(servers.sum_mysql(TO, self.table)? == wanted);
            }
            Store::Postgres => servers.sum_postgres(TO, name)?,
            Store::Csv | Store::Parquet | Store::Sqlite => {
                servers.on_postgres(TO, &format!("drop table if exists {name}_check"))?;
                servers.on_postgres(TO, &self.table.postgres(&format!("{name}_check")))?;
                if self.read_back(syncline).is_err() {
                    return Ok(false);
                }
                servers.sum_postgres(TO, &format!("{name}_check"))?
            }
        };
        Ok(found == servers.sum_postgres(FROM, name)?)
    }

    /// Loads a file that was written into a table of PostgreSQL, for its checksum.
    fn read_back(&self, syncline: bool) -> Result<(), String> {
        let (servers, check) = (self.servers, format!("{}_check", self.name()));
        let file = self.target_file();
        match self.route.to {
            Store::Csv if self.route.from == Store::Mysql && !syncline => {
                let sql = quoted(&format!("copy {check} from stdin (header, null 'NULL')"));
                shell(&format!("{} -c {sql} < {}", servers.psql(TO), file.display()))?;
            }
            Store::Csv => {
                shell(&servers.load_csv_postgres(TO, &check, &file))?;
            }
            Store::Sqlite => {
                // Doubles with all of their digits, which the shell alone would not print.
                let column = |c: &str| match c {
                    "ratio" => "printf('%!.17g', ratio)".to_owned(),
                    other => other.to_owned(),
                };
                let columns: Vec<String> = self.table.columns().into_iter().map(column).collect();
                let select = quoted(&format!("select {} from {}", columns.join(", "), self.name()));
                let sql = quoted(&format!("copy {check} from stdin (format csv)"));
                let into = format!("{} -c {sql}", servers.psql(TO));
                shell(&format!("sqlite3 -csv {} {select} | {into}", file.display()))?;
            }
            Store::Parquet => {
                let target = servers.url(false, TO);
                self.copy_quietly(&file.display().to_string(), &target, &format!("--to {check}"))?;
            }
            Store::Mysql | Store::Postgres => {}
        }
        Ok(())
    }
}
