//! `cargo xtask bench`: Syncline beside the native tools, on the same machine, servers and data.
//!
//! `copy` times whole commands in turns and checks what they wrote; `instructions` counts what
//! decoders and encoders execute, which holds still on a busy machine; `startup` times the least
//! work; `verify` compares equal tables. What the numbers mean stands in `bench/README.md`.

mod cases;
mod changes;
mod curve;
mod data;
mod instructions;
mod machine;
mod measure;
mod peers;
mod profile;
mod report;
mod rounds;
mod routes;
mod server;
mod servers;
mod startup;
mod verify;

use std::path::PathBuf;

use clap::{Args, Subcommand};

/// What is to be measured.
#[derive(Subcommand)]
pub(crate) enum Bench {
    /// Copies by Syncline and by others, in turns, checked, as a table and in bench/results
    Copy(Box<Copy>),
    /// Upsert into a full table, a run that is killed, many small tables: beside a straight copy
    Cases(Cases),
    /// Changes of a log: by Syncline, and by the stores' own replication
    Changes(Changes),
    /// The cost of a row over numbers of rows and over --parallel; a picture in docs/performance.svg
    Curve(Curve),
    /// Instructions that decoders and encoders execute, by valgrind; written to bench/instructions.json
    Instructions {
        /// Write nothing; fail when a count is more than 10 % above the committed one
        #[arg(long)]
        check: bool,
        /// Only benches whose names contain this
        filter: Option<String>,
    },
    /// Where copies spend their processor time: a flamegraph a route, in bench/profiles
    Profile(Profile),
    /// A server with a full history: lists, starts, the pool, watchers, memory
    Server(server::Server),
    /// `verify` of equal tables, beside reading both sides
    Verify(Verify),
    /// Whole commands that do next to nothing: `--help`, and a copy of ten rows
    Startup {
        /// Times each command is run
        #[arg(long, default_value_t = 15)]
        rounds: usize,
    },
}

/// Options of `bench copy`.
#[derive(Args)]
pub(crate) struct Copy {
    /// Routes, as from-to with a comma between; stores: mysql, postgres, csv, parquet, sqlite
    #[arg(long, value_delimiter = ',', default_values_t = routes::default_names())]
    route: Vec<String>,
    /// Tables: mixed, lineitem
    #[arg(long, value_delimiter = ',', default_values_t = ["mixed".to_owned()])]
    table: Vec<String>,
    /// Rows of a table
    #[arg(long, default_value_t = 1_000_000)]
    rows: u64,
    /// Who runs beside Syncline: native, duckdb, sling, pgloader, ape-dts, datax; those that need a command
    /// run when it is given
    #[arg(long, value_delimiter = ',', default_values_t = ["native".to_owned()])]
    against: Vec<String>,
    /// Times each of them runs
    #[arg(long, default_value_t = 3)]
    rounds: usize,
    /// Values of Syncline's --parallel, each a run of its own; 0 leaves the option away
    #[arg(long, value_delimiter = ',', default_values_t = [0, 1])]
    parallel: Vec<usize>,
    /// Another binary of Syncline, of before a change, to run beside this one
    #[arg(long)]
    before: Option<PathBuf>,
    /// DuckDB's command, for csv-parquet
    #[arg(long)]
    duckdb: Option<String>,
    /// DataX' folder, with bin/datax.py in it
    #[arg(long)]
    datax: Option<String>,
    /// Sling's command
    #[arg(long)]
    sling: Option<String>,
    /// pgloader's command, for mysql-postgres
    #[arg(long)]
    pgloader: Option<String>,
    /// ape-dts' command; it is given a configuration file
    #[arg(long)]
    ape_dts: Option<String>,
    /// Part of the result files' names
    #[arg(long, default_value = "copy")]
    label: String,
    /// Print the table, and write no files
    #[arg(long)]
    no_results: bool,
}

/// Options of `bench changes`.
#[derive(Args)]
pub(crate) struct Changes {
    /// Routes, with a comma between; `reading`: the logs alone, into nothing
    #[arg(long, value_delimiter = ',', default_values_t = ["mysql-mysql", "mysql-postgres", "postgres-postgres", "reading"].map(str::to_owned))]
    route: Vec<String>,
    /// Rows inserted
    #[arg(long, default_value_t = 146_570)]
    inserts: u64,
    /// Rows updated, and as many deleted
    #[arg(long, default_value_t = 140_000)]
    updates: u64,
    /// Times each of them runs
    #[arg(long, default_value_t = 3)]
    rounds: usize,
    /// Changes a second of a load that goes on while it is followed; 0: none
    #[arg(long, default_value_t = 5_000)]
    live: u64,
    /// Seconds of that load
    #[arg(long, default_value_t = 120)]
    seconds: u64,
}

/// Options of `bench cases`.
#[derive(Args)]
pub(crate) struct Cases {
    /// The route, as from-to; both are servers
    #[arg(long, default_value = "postgres-postgres")]
    route: String,
    /// Rows of the straight copy
    #[arg(long, default_value_t = 2_000_000)]
    rows: u64,
    /// Small tables, of 10,000 rows each
    #[arg(long, default_value_t = 200)]
    tables: u64,
    /// Times each of them runs
    #[arg(long, default_value_t = 3)]
    rounds: usize,
}

/// Options of `bench verify`.
#[derive(Args)]
pub(crate) struct Verify {
    /// Pairs, with a comma between: mysql or postgres on both sides, or parquet as the second
    #[arg(long, value_delimiter = ',', default_values_t = ["mysql-mysql", "postgres-postgres", "mysql-postgres", "postgres-parquet"].map(str::to_owned))]
    pair: Vec<String>,
    /// Rows of the table
    #[arg(long, default_value_t = 10_000_000)]
    rows: u64,
    /// Times each of them runs
    #[arg(long, default_value_t = 3)]
    rounds: usize,
}

/// Options of `bench profile`.
#[derive(Args)]
pub(crate) struct Profile {
    /// Routes, as from-to with a comma between
    #[arg(long, value_delimiter = ',', default_values_t = ["postgres-postgres", "mysql-mysql", "mysql-postgres", "postgres-mysql", "csv-mysql", "csv-postgres", "postgres-csv"].map(str::to_owned))]
    route: Vec<String>,
    /// The table: mixed or lineitem
    #[arg(long, default_value = "mixed")]
    table: String,
    /// Rows of the table
    #[arg(long, default_value_t = 2_000_000)]
    rows: u64,
    /// Value of Syncline's --parallel; 0 leaves the option away
    #[arg(long, default_value_t = 0)]
    parallel: usize,
}

/// Options of `bench curve`.
#[derive(Args)]
pub(crate) struct Curve {
    /// The route, as from-to
    #[arg(long, default_value = "postgres-postgres")]
    route: String,
    /// The table: mixed or lineitem
    #[arg(long, default_value = "mixed")]
    table: String,
    /// Numbers of rows, copied with the smallest --parallel
    #[arg(long, value_delimiter = ',', default_values_t = [250_000, 1_000_000, 4_000_000])]
    rows: Vec<u64>,
    /// Values of --parallel, with the largest number of rows
    #[arg(long, value_delimiter = ',', default_values_t = [1, 2, 4])]
    parallel: Vec<usize>,
    /// Times each of them runs
    #[arg(long, default_value_t = 3)]
    rounds: usize,
}

/// Compares the instructions of decoders and encoders with the committed ones, where valgrind is to
/// be had.
pub(crate) fn check_instructions() -> Result<(), String> {
    if let Err(missing) = instructions::valgrind() {
        println!("skipped: {missing}");
        return Ok(());
    }
    instructions::run(true, None)
}

/// Runs it.
pub(crate) fn run(bench: &Bench) -> Result<(), String> {
    match bench {
        Bench::Copy(copy) => rounds::run(copy),
        Bench::Cases(cases) => cases::run(cases),
        Bench::Changes(changes) => changes::run(changes),
        Bench::Curve(curve) => curve::run(curve),
        Bench::Instructions { check, filter } => instructions::run(*check, filter.as_deref()),
        Bench::Profile(options) => profile::run(options),
        Bench::Server(options) => server::run(options),
        Bench::Startup { rounds } => startup::run(*rounds),
        Bench::Verify(options) => verify::run(options),
    }
}
