//! `cargo xtask soak`: what takes too long for `cargo xtask test`. Changes in such numbers that
//! memory would show it, and kills without end, until the time is over.

use std::path::Path;

use clap::Args;

use crate::servers::{self, Running};
use crate::steps::{Steps, succeed};
use crate::workspace::{Workspace, cargo};

/// Pairs of stores that are killed, in `changes_kill`.
const PAIRS: u64 = 6;
/// Tests at work at the same time.
const AT_ONCE: u64 = 2;

/// How long, and what.
#[derive(Args)]
pub(crate) struct Soak {
    /// How long runs are killed and started again under load; the pairs share the time
    #[arg(long, default_value_t = 30)]
    minutes: u64,
    /// Only these pairs of stores, by the names of the tests: mariadb_to_postgres; repeatable
    #[arg(long)]
    pair: Vec<String>,
    /// Leave out the large loads: a transaction of a million rows, two million changes at once
    #[arg(long)]
    no_large: bool,
    /// Use the debug build, which can be killed at named places, too
    #[arg(long)]
    debug: bool,
}

/// Runs all of it, sums up, and ends by itself.
pub(crate) fn run(soak: &Soak) -> Result<(), String> {
    let mut steps = Steps::default();
    let binary = match soak.debug {
        true => None,
        false => steps.run("build the release binary", || {
            succeed(cargo().args(["build", "--release", "--package", "syncline-cli"]))?;
            Ok(Workspace::load()?.target.join("release").join("syncline"))
        }),
    };
    let built = steps.run("build the tests", || {
        succeed(cargo().args(["build", "--package", "syncline-testkit", "--bins"]))?;
        let files = ["--test", "changes_kill", "--test", "changes_limits"];
        succeed(cargo().args(["test", "--no-run", "--package", "syncline-cli"]).args(files))?;
        Workspace::load()
    });
    let Some(workspace) = built.filter(|_| soak.debug || binary.is_some()) else {
        return ended(&steps);
    };
    let program = workspace.built(servers::PROGRAM);
    let Some(running) = steps.run("start servers", || Running::start(&program)) else {
        return ended(&steps);
    };
    let binary = binary.as_deref();
    if !soak.no_large {
        let large = ["changes_limits", "little_memory"];
        steps.run("large loads", || tests(&running, binary, large, &[], ("SYNCLINE_SOAK", 1)));
    }
    let name = format!("kills for {} minutes", soak.minutes);
    let time = ("SYNCLINE_SOAK_SECONDS", share(soak.minutes * 60, soak.pair.len()));
    steps.run(&name, || tests(&running, binary, ["changes_kill", ""], &soak.pair, time));
    ended(&steps)
}

/// Of so many seconds, those of each pair: as many as are at work at once share none.
fn share(seconds: u64, chosen: usize) -> u64 {
    let pairs = if chosen == 0 { PAIRS } else { chosen as u64 };
    (seconds * AT_ONCE.min(pairs) / pairs).max(1)
}

/// Runs the tests of one file whose names contain a word.
fn tests(
    running: &Running,
    binary: Option<&Path>,
    [file, word]: [&str; 2],
    more: &[String],
    (variable, value): (&str, u64),
) -> Result<(), String> {
    let mut command = cargo();
    command.args(["test", "--package", "syncline-cli", "--test", file, "--"]);
    command.args(Some(word).filter(|word| !word.is_empty())).args(more);
    command.args(["--nocapture", "--test-threads", &AT_ONCE.to_string()]);
    command.env(variable, value.to_string());
    if let Some(binary) = binary {
        command.env("SYNCLINE_BIN", binary);
    }
    succeed(command.envs(running.variables.iter().cloned()))
}

fn ended(steps: &Steps) -> Result<(), String> {
    steps.print();
    match steps.failed().as_slice() {
        [] => Ok(()),
        failed => Err(format!("xtask soak: FAILED ({})", failed.join(", "))),
    }
}
