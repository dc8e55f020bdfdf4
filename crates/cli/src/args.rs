//! The command line, as clap sees it. The doc comments are what `--help` and `docs/cli.md` show.

mod choices;
mod client;
mod following;
mod server;

use std::num::NonZeroU32;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

pub(crate) use choices::{CreateArg, DialectArg, EventsArg, GeneratedArg, ModeArg, WriteArg};
pub(crate) use client::{
    AtArgs, ConnectionsCommand, ElsewhereArgs, JobsCommand, LoginArgs, LogoutArgs, NodesCommand,
    ProjectsCommand, RunsCommand,
};
pub(crate) use following::{ChangesArgs, FollowArgs, UntilArgs};
pub(crate) use server::ServerArgs;

/// Moves data between unlike stores, once or continuously, and never loses its place.
#[derive(Debug, Parser)]
#[command(name = "syncline", version, max_term_width = 100, arg_required_else_help = true)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Copy tables from one store to another
    ///
    /// The same command again continues an unfinished run from its exact place.
    #[command(after_help = COPY_EXAMPLES)]
    Copy(Box<CopyArgs>),
    /// Run a job file
    ///
    /// The same command again continues an unfinished run from its exact place.
    Run(RunArgs),
    /// Show the plan of a job file and what becomes of every column; touches nothing
    Check(CheckArgs),
    /// Print a DataX job as job files of Syncline
    ///
    /// Passwords are not printed: they come from the environment, by the names shown.
    Convert(JobArgs),
    /// Compare source and target row by row, and mend the target
    ///
    /// Nothing is written without --repair, and never to the source. Exit code 0: equal, 3: not.
    #[command(after_help = VERIFY_EXAMPLES)]
    Verify(Box<VerifyArgs>),
    /// Print the changes of a store as they happen, as JSON Lines
    ///
    /// What `tail -f` is to a file. Nothing is kept: the next time begins where it is told to.
    #[command(after_help = following::EXAMPLES)]
    Changes(ChangesArgs),
    /// Sign in to a server, for the commands that speak to one
    ///
    /// A token of your own is kept in a file of your configuration folder that nobody else can read.
    Login(LoginArgs),
    /// Forget a login
    Logout(LogoutArgs),
    /// Stores under a name, at a server
    #[command(subcommand)]
    Connections(ConnectionsCommand),
    /// Jobs of a server
    #[command(subcommand)]
    Jobs(JobsCommand),
    /// Projects of a server: groups of jobs
    #[command(subcommand)]
    Projects(ProjectsCommand),
    /// Nodes of a server
    #[command(subcommand)]
    Nodes(NodesCommand),
    /// List runs, show one, or steer one at a server
    ///
    /// `runs`, `runs ID`, `runs list` and `runs show` look into the state folder here, unless
    /// --server or SYNCLINE_SERVER names a server. The others are for servers alone: the one named,
    /// else that of the last login.
    Runs(Box<RunsArgs>),
    /// Look at rows that could not be converted or written, and write them after all
    ///
    /// Those of runs kept in the state folder here, unless --server or SYNCLINE_SERVER names a server.
    DeadLetters(DeadLettersArgs),
    /// Run a node: REST, WebSocket, web console and scheduler
    ///
    /// Jobs run here as they do on the command line, and go on after a restart.
    Server(Box<ServerArgs>),
    /// List the connectors, or show the options of one
    Connectors(ConnectorsArgs),
    /// Print the tables of a source as the statements that would make them at a target
    ///
    /// `syncline schema job` prints the JSON Schema of the job file.
    #[command(after_help = SCHEMA_EXAMPLES)]
    Schema(Box<SchemaArgs>),
    /// Explain an error code
    Explain(ExplainArgs),
    /// Print the completions of a shell
    Completions(CompletionsArgs),
    /// Write the generated references into a folder
    #[command(hide = true)]
    InternalDocs(InternalDocsArgs),
}

const SCHEMA_EXAMPLES: &str = "Examples:
  syncline schema mysql://me@db1/shop --for postgres > shop.sql
  syncline schema shop.db --for mysql --table 'order*'
  syncline schema job";

const COPY_EXAMPLES: &str = "Examples:
  syncline copy airports.csv sqlite:flights.db
  syncline copy mysql://me@db1/shop 'postgres://me@wh/dw?schema=shop' --table 'orders*'
  syncline copy postgres://me@wh/dw 'out/{table}.parquet' --where \"day >= '2026-01-01'\"
  syncline copy data.csv - --columns 'id, name:title, born:year:int32'
  syncline copy mysql://me@db1/shop postgres://me@wh/shop --mode full+changes";

#[derive(Debug, Args)]
pub(crate) struct CopyArgs {
    /// Where rows come from: a URL, a file or pattern of files, or - for standard input
    #[arg(allow_hyphen_values = true)]
    pub(crate) source: String,
    /// Where they go: a URL, a file (with {table} for several tables), or - for standard output
    #[arg(allow_hyphen_values = true)]
    pub(crate) target: String,
    #[command(flatten)]
    pub(crate) what: WhatArgs,
    #[command(flatten)]
    pub(crate) values: ValuesArgs,
    #[command(flatten)]
    pub(crate) how: HowArgs,
    #[command(flatten)]
    pub(crate) follow: FollowArgs,
    #[command(flatten)]
    pub(crate) state: StateArgs,
    /// Show the plan and what becomes of every column; touch nothing
    #[arg(long, help_heading = "Output")]
    pub(crate) dry_run: bool,
    #[command(flatten)]
    pub(crate) output: OutputArgs,
}

const VERIFY_EXAMPLES: &str = "Examples:
  syncline verify mysql://me@db1/shop 'postgres://me@wh/dw?schema=shop' --table 'orders*'
  syncline verify job.yaml --sample 1
  syncline verify job.yaml --repair";

#[derive(Debug, Args)]
pub(crate) struct VerifyArgs {
    /// A job file; or the source, as copy takes it, when a target follows
    pub(crate) source: String,
    /// The target, as copy takes it
    pub(crate) target: Option<String>,
    /// Variables of a DataX job, as '-Dname=value -Dother=value'; repeatable
    #[arg(
        short = 'p',
        long = "param",
        value_name = "VARIABLES",
        allow_hyphen_values = true,
        conflicts_with = "target"
    )]
    pub(crate) param: Vec<String>,
    #[command(flatten)]
    pub(crate) chosen: ChosenArgs,
    #[command(flatten)]
    pub(crate) state: StateArgs,
    /// Compare so many percent of the rows, the same ones on both sides
    #[arg(long, value_name = "PERCENT", help_heading = "How it is compared")]
    pub(crate) sample: Option<String>,
    /// Differences shown of each table
    #[arg(long, value_name = "N", default_value_t = 20, help_heading = "How it is compared")]
    pub(crate) show: usize,
    /// What the copy did with bad values, as copy's --values: 'negative_zero=clamp'
    #[arg(long, value_name = "KIND=POLICY,…", help_heading = "How it is compared")]
    pub(crate) values: Option<String>,
    /// Rows that only the target has are no difference, and stay
    #[arg(long, help_heading = "How it is compared")]
    pub(crate) keep_extra: bool,
    /// Readers at work at the same time on each side [default: number of cores]
    #[arg(long, value_name = "N", help_heading = "How it is compared",
          value_parser = clap::value_parser!(u16).range(1..=1024))]
    pub(crate) parallel: Option<u16>,
    /// How long to wait for a store that does not answer: a time, or forever
    #[arg(long, value_name = "TIME", default_value = "10m", help_heading = "How it is compared")]
    pub(crate) retry_for: String,
    /// Rows are on their way: look again after this time at those that differ, and count those that
    /// then still differ in the same way [default: 10s for a job that follows changes]
    #[arg(long, value_name = "TIME", help_heading = "How it is compared")]
    pub(crate) settle: Option<String>,
    /// Mend the target: write missing and different rows, delete extra ones, and compare again
    #[arg(long, conflicts_with = "sample")]
    pub(crate) repair: bool,
    /// With --repair: delete extra rows also where a condition or processors leave rows of the
    /// source out, so that they may be right
    #[arg(long, requires = "repair", conflicts_with = "keep_extra")]
    pub(crate) delete_extra: bool,
    /// One JSON object a line on standard output instead of the report
    #[arg(long, value_enum, value_name = "FORMAT", help_heading = "Output")]
    pub(crate) events: Option<EventsArg>,
    /// No progress, only errors, differences and the closing table
    #[arg(long, short, help_heading = "Output")]
    pub(crate) quiet: bool,
}

#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Which rows")]
pub(crate) struct ChosenArgs {
    /// Which tables, as patterns with * and ?; a quoted part is literal; repeatable
    /// [default: all of the URL's database]
    #[arg(long, value_name = "PATTERN", conflicts_with = "query")]
    pub(crate) table: Vec<String>,
    /// Tables to leave out; repeatable
    #[arg(long, value_name = "PATTERN", conflicts_with = "query")]
    pub(crate) exclude: Vec<String>,
    /// The result of a query instead of tables
    #[arg(long, value_name = "SQL")]
    pub(crate) query: Option<String>,
    /// Name of the target table, with {table} and {schema} of the source
    #[arg(long, value_name = "NAME")]
    pub(crate) to: Option<String>,
    /// Chosen columns as from, from:to or from:to:type, comma between
    #[arg(long, value_name = "COLUMNS")]
    pub(crate) columns: Option<String>,
    /// A condition in the source's own dialect; only rows that fulfil it are read
    #[arg(long = "where", value_name = "SQL", conflicts_with = "query")]
    pub(crate) filter_at_source: Option<String>,
    /// A condition in the portable expression language
    #[arg(long, value_name = "EXPR")]
    pub(crate) filter: Option<String>,
    /// Processors as JSON, one object or a list: '{"mask": {"columns": ["email"], "with": "sha256"}}'
    #[arg(long, value_name = "JSON")]
    pub(crate) process: Vec<String>,
}

#[derive(Debug, Args)]
#[command(next_help_heading = "What is moved")]
pub(crate) struct WhatArgs {
    #[command(flatten)]
    pub(crate) chosen: ChosenArgs,
    /// What is moved [default: full; batch when columns, a condition or a query are given]
    #[arg(long, value_enum)]
    pub(crate) mode: Option<ModeArg>,
    /// What happens to rows that are there already
    /// [default: upsert where the target has a key, else append into an empty table]
    #[arg(long, value_enum)]
    pub(crate) write: Option<WriteArg>,
    /// Whether missing target tables are made, with their keys
    #[arg(long, value_enum, default_value = "auto")]
    pub(crate) create: CreateArg,
    /// What becomes of generated columns in tables that are made
    #[arg(long, value_enum, default_value = "keep")]
    pub(crate) generated: GeneratedArg,
}

#[derive(Debug, Args)]
#[command(next_help_heading = "What becomes of values")]
pub(crate) struct ValuesArgs {
    /// Take columns whose target does not keep every value; rows that do not fit are bad rows
    #[arg(long)]
    pub(crate) allow_lossy: bool,
    /// What is done with bad values, by kind: 'zero_date=null, too_long=clamp, default=dead-letter'
    ///
    /// Kinds: zero_date, invalid_date, nul_in_text, invalid_utf8, nan, infinity, negative_zero,
    /// out_of_range, too_long, default. Policies: fail (the first ends the run), dead-letter, null,
    /// and clamp (the nearest value that fits) for infinity, negative_zero, out_of_range and
    /// too_long. A kind without a policy goes by --max-errors.
    #[arg(long, value_name = "KIND=POLICY,…")]
    pub(crate) values: Option<String>,
}

#[derive(Debug, Args)]
#[command(next_help_heading = "How it is moved")]
pub(crate) struct HowArgs {
    /// Splits at work at the same time [default: number of cores]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    pub(crate) parallel: Option<u16>,
    /// Limit of rows a second, for the whole run
    #[arg(long, value_name = "N")]
    pub(crate) rows_per_second: Option<NonZeroU32>,
    /// Limit of bytes a second, for the whole run
    #[arg(long, value_name = "N")]
    pub(crate) bytes_per_second: Option<NonZeroU32>,
    /// Rows in a split at least [default: 50000]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) split_rows: Option<u64>,
    /// Bad rows let go to the dead letters: a number, or a share such as 0.1%
    #[arg(long, value_name = "N|N%")]
    pub(crate) max_errors: Option<String>,
    /// Also write the run's dead letters to this file, as JSON Lines
    #[arg(long, value_name = "PATH")]
    pub(crate) dead_letters: Option<PathBuf>,
    /// How often rows become durable at least
    #[arg(long, value_name = "TIME", default_value = "10s")]
    pub(crate) checkpoint_every: humantime::Duration,
    /// How long to wait for a store without any progress: a time, or forever
    #[arg(long, value_name = "TIME", default_value = "10m")]
    pub(crate) retry_for: String,
}

#[derive(Debug, Args)]
#[command(next_help_heading = "State")]
pub(crate) struct StateArgs {
    /// Where runs and checkpoints are kept [default: $XDG_STATE_HOME/syncline]
    #[arg(long, value_name = "DIR", env = "SYNCLINE_STATE", hide_env_values = true)]
    pub(crate) state: Option<PathBuf>,
}

#[derive(Debug, Args)]
#[command(next_help_heading = "Output")]
pub(crate) struct OutputArgs {
    /// Give up an unfinished run of the same job and start anew
    #[arg(long, help_heading = "State")]
    pub(crate) fresh: bool,
    /// One JSON object a line on standard output instead of the table
    #[arg(long, value_enum, value_name = "FORMAT")]
    pub(crate) events: Option<EventsArg>,
    /// No progress, only errors and the closing table
    #[arg(long, short)]
    pub(crate) quiet: bool,
}

#[derive(Debug, Args)]
pub(crate) struct JobArgs {
    /// The job file: YAML, JSON, or a DataX job as it is
    pub(crate) job: PathBuf,
    /// Variables of a DataX job, as '-Dname=value -Dother=value'; repeatable
    #[arg(short = 'p', long = "param", value_name = "VARIABLES", allow_hyphen_values = true)]
    pub(crate) param: Vec<String>,
}

#[derive(Debug, Args)]
pub(crate) struct RunArgs {
    #[command(flatten)]
    pub(crate) job: JobArgs,
    #[command(flatten)]
    pub(crate) values: ValuesArgs,
    #[command(flatten)]
    pub(crate) until: UntilArgs,
    #[command(flatten)]
    pub(crate) state: StateArgs,
    /// Also write the run's dead letters to this file, as JSON Lines
    #[arg(long, value_name = "PATH")]
    pub(crate) dead_letters: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) output: OutputArgs,
}

#[derive(Debug, Args)]
pub(crate) struct CheckArgs {
    #[command(flatten)]
    pub(crate) job: JobArgs,
    #[command(flatten)]
    pub(crate) values: ValuesArgs,
    /// Print JSON
    #[arg(long, help_heading = "Output")]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true)]
pub(crate) struct RunsArgs {
    #[command(subcommand)]
    pub(crate) command: Option<RunsCommand>,
    /// A run's id, or how it begins; all runs when not given
    pub(crate) id: Option<String>,
    /// Only runs in this state
    #[arg(long, value_name = "STATE")]
    pub(crate) only: Option<String>,
    /// How many, newest first
    #[arg(long, default_value_t = 20)]
    pub(crate) limit: u32,
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) state: StateArgs,
    #[command(flatten)]
    pub(crate) at: ElsewhereArgs,
}

#[derive(Debug, Args)]
pub(crate) struct DeadLettersArgs {
    #[command(subcommand)]
    pub(crate) command: DeadLettersCommand,
}

#[derive(Debug, Subcommand)]
pub(crate) enum DeadLettersCommand {
    /// List the rows kept, of one run or of all
    List {
        /// A run's id, or how it begins
        run: Option<String>,
        /// Print JSON, one object a line
        #[arg(long)]
        json: bool,
        #[command(flatten)]
        state: StateArgs,
        #[command(flatten)]
        at: ElsewhereArgs,
    },
    /// Show one row with its reason
    Show {
        /// The number of the dead letter
        id: i64,
        /// Print JSON
        #[arg(long)]
        json: bool,
        #[command(flatten)]
        state: StateArgs,
        #[command(flatten)]
        at: ElsewhereArgs,
    },
    /// Write rows after all, through the job they belong to
    Replay {
        /// The run's id, or how it begins
        run: String,
        /// Numbers of the dead letters; all of the run that are not replayed yet when not given
        ids: Vec<i64>,
        /// A new value for a column, as name=text; `name` alone makes it NULL; repeatable
        #[arg(long, value_name = "NAME=VALUE")]
        set: Vec<String>,
        /// The target's URL again, when it needs a password: passwords are not kept
        #[arg(long, value_name = "URL")]
        target: Option<String>,
        #[command(flatten)]
        state: StateArgs,
        #[command(flatten)]
        at: ElsewhereArgs,
    },
}

#[derive(Debug, Args)]
pub(crate) struct ConnectorsArgs {
    /// A connector's id or URL scheme; all connectors when not given
    pub(crate) connector: Option<String>,
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct SchemaArgs {
    /// The source, as for `copy`; or `job`
    #[arg(value_name = "SOURCE|job")]
    pub(crate) what: String,
    /// The dialect of the statements
    #[arg(long = "for", value_enum, value_name = "DIALECT")]
    pub(crate) dialect: Option<DialectArg>,
    /// What becomes of generated columns
    #[arg(long, value_enum, default_value = "keep")]
    pub(crate) generated: GeneratedArg,
    #[command(flatten)]
    pub(crate) chosen: ChosenArgs,
}

#[derive(Debug, Args)]
pub(crate) struct ExplainArgs {
    /// A code such as E0207; all codes when not given
    pub(crate) code: Option<String>,
}

#[derive(Debug, Args)]
pub(crate) struct CompletionsArgs {
    /// The shell
    #[arg(value_enum)]
    pub(crate) shell: clap_complete::Shell,
}

#[derive(Debug, Args)]
pub(crate) struct InternalDocsArgs {
    /// The folder
    pub(crate) folder: PathBuf,
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_well_formed() {
        Cli::command().debug_assert();
    }

    #[test]
    fn options_of_standard_input_and_output_are_no_options_of_the_command() {
        let words = ["syncline", "copy", "--table", "t", "-?format=csv", "-", "--parallel", "2"];
        let Command::Copy(copy) = Cli::parse_from(words).command else { panic!("not a copy") };
        assert_eq!((copy.source.as_str(), copy.target.as_str()), ("-?format=csv", "-"));
        assert_eq!((copy.what.chosen.table.len(), copy.how.parallel), (1, Some(2)));
        assert!(Cli::try_parse_from(["syncline", "copy", "a", "b", "--nosuch"]).is_err());
    }
}
