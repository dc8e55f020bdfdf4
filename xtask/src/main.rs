//! Tasks of the workspace: `cargo xtask test | servers | bench | lint | gen`.
//!
//! Everything CI does stands here, so that it can be done by hand in the same way. How a server is
//! had and started is the testkit's knowledge; this only calls it.

#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a command line tool")]

mod bench;
mod console;
mod generated;
mod lint;
mod readme;
mod servers;
mod soak;
mod steps;
mod suite;
mod test;
mod workspace;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

#[derive(Parser)]
#[command(name = "cargo xtask", about = "Tasks of the workspace")]
struct Cli {
    #[command(subcommand)]
    task: Task,
}

#[derive(Subcommand)]
enum Task {
    /// Everything CI checks: format, lints, docs, references, and every test on real servers
    ///
    /// Says what it will install, installs it, starts the servers, runs the tests, stops them.
    /// With a filter, only the tests whose names contain it are run, and nothing else.
    Test {
        /// Install nothing, and leave out the docs, the console and what needs optimised code
        #[arg(long)]
        fast: bool,
        /// Run the README's first command with a release build, ten minutes more on two cores
        #[arg(long, conflicts_with = "fast")]
        release: bool,
        /// Run only tests whose names contain this
        filter: Option<String>,
    },
    /// Test servers for work by hand
    Servers {
        #[command(subcommand)]
        verb: ServersVerb,
    },
    /// Measure Syncline beside the native tools
    Bench {
        #[command(subcommand)]
        what: bench::Bench,
    },
    /// What takes too long for every day: large loads, and kills under load for half an hour
    Soak(soak::Soak),
    /// Check the rules of the house: edges between crates, module docs, leftovers
    Lint,
    /// Write the references in docs/ from the code, and build the console
    Gen {
        /// Write nothing; fail when a reference is not current
        #[arg(long)]
        check: bool,
    },
}

#[derive(Subcommand)]
enum ServersVerb {
    /// Start servers, print their URLs, keep them until Ctrl-C
    Up {
        /// mariadb, mysql, postgres, postgres17 [default: all]
        names: Vec<String>,
    },
    /// Install what the servers need
    Install {
        /// mariadb, mysql, postgres, postgres17 [default: all]
        names: Vec<String>,
    },
}

fn main() -> ExitCode {
    let done = match Cli::parse().task {
        Task::Test { fast, release, filter } => {
            let extent = match (fast, release) {
                (true, _) => test::Extent::Fast,
                (_, true) => test::Extent::Release,
                _ => test::Extent::Usual,
            };
            return filter.map_or_else(|| test::all(extent), |filter| test::matching(&filter));
        }
        Task::Servers { verb: ServersVerb::Up { names } } => servers::by_hand("up", &names),
        Task::Servers { verb: ServersVerb::Install { names } } => {
            servers::by_hand("install", &names)
        }
        Task::Bench { what } => bench::run(&what),
        Task::Soak(soak) => soak::run(&soak),
        Task::Lint => lint::run(),
        Task::Gen { check } => generated::run(check),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            eprintln!("{why}");
            ExitCode::FAILURE
        }
    }
}
