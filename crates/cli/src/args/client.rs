//! Arguments of the commands that speak to a server.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::StateArgs;

/// Which server, and how its answers are printed.
#[derive(Debug, Clone, Args)]
pub(crate) struct AtArgs {
    /// The server's URL [default: the one of the last `syncline login`]
    ///
    /// The token comes from SYNCLINE_TOKEN, or from the login.
    #[arg(long, value_name = "URL", env = "SYNCLINE_SERVER", help_heading = "Server")]
    pub(crate) server: Option<String>,
    /// Print JSON, as the API answers it
    #[arg(long, help_heading = "Output")]
    pub(crate) json: bool,
}

/// A server in the place of the state folder here.
#[derive(Debug, Clone, Default, Args)]
pub(crate) struct ElsewhereArgs {
    /// Ask this server instead of the state folder here
    ///
    /// The token comes from SYNCLINE_TOKEN, or from `syncline login`.
    #[arg(long, value_name = "URL", env = "SYNCLINE_SERVER", help_heading = "Server")]
    pub(crate) server: Option<String>,
}

#[derive(Debug, Args)]
pub(crate) struct LoginArgs {
    /// The server's URL
    pub(crate) url: String,
    /// Who signs in; asked for when not given. The password is asked for, or is a line of standard
    /// input
    #[arg(long, value_name = "NAME", conflicts_with = "token")]
    pub(crate) user: Option<String>,
    /// Sign in with an API token: it is asked for, or is a line of standard input
    #[arg(long)]
    pub(crate) token: bool,
}

#[derive(Debug, Args)]
pub(crate) struct LogoutArgs {
    /// The server's URL [default: the one of the last login]
    pub(crate) url: Option<String>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum ConnectionsCommand {
    /// List the connections
    List {
        #[command(flatten)]
        at: AtArgs,
    },
    /// Keep a store's address under a name
    ///
    /// The password may stand in the URL as $VAR, which is read from the environment here; or give
    /// --password.
    Add {
        /// The name
        name: String,
        /// The store's URL
        url: String,
        /// The password is asked for, or is a line of standard input
        #[arg(long)]
        password: bool,
        /// A few words for people
        #[arg(long, value_name = "TEXT")]
        description: Option<String>,
        /// Runs at the same time that may use it [default: the server's setting]
        #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
        limit: Option<u32>,
        /// Change it where it is there already
        #[arg(long)]
        replace: bool,
        #[command(flatten)]
        at: AtArgs,
    },
    /// Connect to it, and say what answers
    Test {
        /// The name
        name: String,
        #[command(flatten)]
        at: AtArgs,
    },
    /// Show one
    Show {
        /// The name
        name: String,
        #[command(flatten)]
        at: AtArgs,
    },
    /// Forget one that no job uses
    Remove {
        /// The name
        name: String,
        #[command(flatten)]
        at: AtArgs,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum JobsCommand {
    /// List the jobs
    List {
        /// Only those of this project
        #[arg(long, value_name = "PROJECT")]
        project: Option<String>,
        #[command(flatten)]
        at: AtArgs,
    },
    /// Make the job of a file, or change it to what the file says
    ///
    /// Its name is the one in the file, else the file's.
    Apply {
        /// A job file, YAML or JSON; - for standard input
        file: PathBuf,
        /// The name [default: the one in the file, else the file's]
        #[arg(long, value_name = "NAME")]
        name: Option<String>,
        /// Put it into this project [default: where it is, and a new one into the project `default`]
        #[arg(long, value_name = "PROJECT")]
        project: Option<String>,
        #[command(flatten)]
        at: AtArgs,
    },
    /// Show one as a job file
    Show {
        /// The name
        name: String,
        #[command(flatten)]
        at: AtArgs,
    },
    /// Show its plan and what becomes of every column; touches nothing
    Check {
        /// The name
        name: String,
        #[command(flatten)]
        at: AtArgs,
    },
    /// Start it, and print the run's id
    Start {
        /// The name
        name: String,
        /// Wait until it has ended, and end with its exit code
        #[arg(long)]
        wait: bool,
        /// Give up an unfinished run of it and start anew
        #[arg(long)]
        fresh: bool,
        #[command(flatten)]
        at: AtArgs,
    },
    /// Remove one
    Remove {
        /// The name
        name: String,
        #[command(flatten)]
        at: AtArgs,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum ProjectsCommand {
    /// List the projects
    List {
        #[command(flatten)]
        at: AtArgs,
    },
    /// Make a project, or with --replace change one
    Add {
        /// The name
        name: String,
        /// A few words for people
        #[arg(long, value_name = "TEXT")]
        description: Option<String>,
        /// Runs of its jobs at the same time [default: as many as there are slots]
        #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
        max_running: Option<u32>,
        /// Change it where it is there already
        #[arg(long)]
        replace: bool,
        #[command(flatten)]
        at: AtArgs,
    },
    /// Remove one that no job is in
    Remove {
        /// The name
        name: String,
        #[command(flatten)]
        at: AtArgs,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum NodesCommand {
    /// List the nodes
    List {
        #[command(flatten)]
        at: AtArgs,
    },
    /// Show one
    Show {
        /// The name
        name: String,
        #[command(flatten)]
        at: AtArgs,
    },
}

/// Runs on a server.
#[derive(Debug, Subcommand)]
pub(crate) enum RunsCommand {
    /// List runs: of a server with --server or SYNCLINE_SERVER, else those kept here
    ///
    /// Those kept here are in the folder of SYNCLINE_STATE, else in the user's state folder.
    List {
        /// Only runs of this job
        #[arg(long, value_name = "JOB")]
        job: Option<String>,
        /// Only runs in this state
        #[arg(long = "state", value_name = "STATE")]
        only: Option<String>,
        /// Only runs of this project's jobs, at a server
        #[arg(long, value_name = "PROJECT")]
        project: Option<String>,
        /// How many, newest first
        #[arg(long, default_value_t = 20)]
        limit: u32,
        #[command(flatten)]
        at: AtArgs,
    },
    /// Show one: of a server with --server or SYNCLINE_SERVER, else one kept here
    Show {
        /// Its id, or how it begins
        id: String,
        #[command(flatten)]
        at: AtArgs,
        #[command(flatten)]
        state: StateArgs,
    },
    /// Watch one on a server until it has ended, and end with its exit code
    Watch {
        /// Its id
        id: String,
        #[command(flatten)]
        at: AtArgs,
    },
    /// Pause one on a server: it keeps its exact place
    Pause {
        /// Its id
        id: String,
        #[command(flatten)]
        at: AtArgs,
    },
    /// Let one on a server go on from its place
    Resume {
        /// Its id
        id: String,
        #[command(flatten)]
        at: AtArgs,
    },
    /// End one on a server for good
    Stop {
        /// Its id
        id: String,
        #[command(flatten)]
        at: AtArgs,
    },
    /// Begin anew on a server what one did, and print the new run's id
    Restart {
        /// Its id
        id: String,
        #[command(flatten)]
        at: AtArgs,
    },
    /// Print what one on a server said, up to its newest line
    Logs {
        /// Its id
        id: String,
        /// How many lines, the newest
        #[arg(long, value_name = "N", default_value_t = 200, conflicts_with = "all")]
        last: u32,
        /// Every line, from the first one on
        #[arg(long)]
        all: bool,
        /// Go on printing until it has ended
        #[arg(long, short)]
        follow: bool,
        #[command(flatten)]
        at: AtArgs,
    },
}
