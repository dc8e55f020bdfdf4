//! The `syncline` command: arguments in, exit code out. Everything it does stands in libraries.

mod args;
mod client;
mod closing;
mod columns;
mod commands;
mod connectors;
mod jobs;
mod output;
mod terminal;

use std::process::ExitCode;
use std::sync::Arc;

use clap::Parser;
use syncline_types::{Error, ErrorKind};

use crate::args::{Cli, Command};

/// Done; dead letters within the limit are reported.
const DONE: u8 = 0;
/// The run failed.
const FAILED: u8 = 1;
/// Bad usage, configuration or job file.
const BAD_USAGE: u8 = 2;
/// Source and target are not equal.
const DIFFERENT: u8 = 3;
/// Interrupted; the checkpoint is kept.
const INTERRUPTED: u8 = 130;

fn main() -> ExitCode {
    // Several TLS libraries ask for a process-wide provider; there is one, installed first thing.
    // It fails only when one is installed already, which is as good.
    let _ = rustls::crypto::ring::default_provider().install_default();
    // A debug build dies where a test of kills wants it to.
    let _places = cfg!(debug_assertions).then(fail::FailScenario::setup);
    let cli = Cli::parse();
    let filter = tracing_subscriber::EnvFilter::try_from_env("SYNCLINE_LOG")
        .unwrap_or_else(|_| tracing_subscriber::EnvFilter::new("warn"));
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).init();
    match run(cli) {
        Ok(code) => ExitCode::from(code),
        Err(error) => {
            output::error(&error);
            ExitCode::from(exit_code(&error))
        }
    }
}

/// What a failure means to a script.
fn exit_code(error: &Error) -> u8 {
    if error.kind() == ErrorKind::Config { BAD_USAGE } else { FAILED }
}

fn run(cli: Cli) -> Result<u8, Error> {
    let registry = Arc::new(connectors::registry());
    match cli.command {
        Command::Copy(args) => commands::copy::run(&registry, *args),
        Command::Run(args) => commands::copy::run_file(&registry, &args),
        Command::Check(args) => commands::check::run(&registry, &args),
        Command::Convert(args) => commands::convert::run(&args),
        Command::Verify(args) => commands::verify::run(&registry, &args),
        Command::Changes(args) => commands::changes::run(&registry, &args),
        Command::Login(args) => commands::client::login::login(&args),
        Command::Logout(args) => commands::client::login::logout(&args),
        Command::Connections(command) => commands::client::connections::run(command),
        Command::Jobs(command) => commands::client::jobs::run(command),
        Command::Projects(command) => commands::client::projects::run(command),
        Command::Nodes(command) => commands::client::nodes::run(command),
        Command::Runs(args) => commands::runs::run(*args),
        Command::DeadLetters(args) => commands::dead_letters::run(&registry, args),
        Command::Server(args) => commands::server::run(&registry, *args),
        Command::Connectors(args) => commands::connectors::run(&registry, &args),
        Command::Schema(args) => commands::schema::run(&registry, &args),
        Command::Explain(args) => commands::reference::explain(&args),
        Command::Completions(args) => commands::reference::completions(&args),
        Command::InternalDocs(args) => commands::reference::write_docs(&registry, &args),
    }
}

/// A runtime for commands that connect to stores.
fn runtime() -> Result<tokio::runtime::Runtime, Error> {
    tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|e| Error::bug("the runtime does not start").because(e))
}
