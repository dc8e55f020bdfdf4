//! `cargo xtask test`: what CI runs, in the order of what fails fastest.

use std::path::Path;
use std::process::{Command, ExitCode};

use crate::steps::{Steps, succeed};
use crate::suite::Suite;
use crate::workspace::{Workspace, cargo};
use crate::{bench, console, generated, lint, readme, servers};

/// How much is done.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Extent {
    /// Nothing is installed, and what takes long besides the tests is left out.
    Fast,
    /// What CI does.
    Usual,
    /// The README's first command besides, as it stands there: with a release build.
    Release,
}

/// Runs everything that applies, sums up, and ends with a line a program can read:
/// `xtask test: ok; …` or `xtask test: FAILED (steps); …`.
pub(crate) fn all(extent: Extent) -> ExitCode {
    let mut steps = Steps::default();
    let mut suite = Suite::default();
    let fast = extent == Extent::Fast;
    checks(&mut steps, fast);
    if let Some(workspace) = build(&mut steps) {
        let program = workspace.built(servers::PROGRAM);
        steps.run("references current", || generated::current(&workspace));
        steps.run("the README's first command", || {
            readme::first_command(&workspace, extent == Extent::Release)
        });
        if !fast {
            steps.run("install servers", || servers::install(&program));
        }
        let running = steps.run("start servers", || servers::Running::start(&program));
        tests(&mut steps, &mut suite, || Suite::all(running.as_ref()));
        if !fast && console::can_be_built() {
            console_steps(&mut steps, &workspace, running.as_ref());
        }
    }
    if !fast {
        steps.run("instructions of decoders and encoders", bench::check_instructions);
    }
    sum_up(&steps, &suite)
}

/// Runs the tests whose names contain the filter, and nothing else.
pub(crate) fn matching(filter: &str) -> ExitCode {
    let mut steps = Steps::default();
    let mut suite = Suite::default();
    if let Some(workspace) = build(&mut steps) {
        let program = workspace.built(servers::PROGRAM);
        steps.run("install servers", || servers::install(&program));
        let running = steps.run("start servers", || servers::Running::start(&program));
        tests(&mut steps, &mut suite, || Suite::filtered(filter, running.as_ref()));
    }
    sum_up(&steps, &suite)
}

fn build(steps: &mut Steps) -> Option<Workspace> {
    steps.run("build the tests", || {
        succeed(cargo().args(["test", "--workspace", "--no-run", "--quiet"]))?;
        Workspace::load()
    })
}

fn tests(steps: &mut Steps, suite: &mut Suite, run: impl FnOnce() -> Result<Suite, String>) {
    steps.run("tests", || {
        *suite = run()?;
        match suite.broken.as_slice() {
            [] => Ok(()),
            broken => Err(format!("{} failed, of {}", suite.failed, broken.join(", "))),
        }
    });
}

fn console_steps(steps: &mut Steps, workspace: &Workspace, running: Option<&servers::Running>) {
    steps.run("the console's types, lints and unit tests", console::check);
    let variables = running.map(|running| running.variables.as_slice()).unwrap_or_default();
    let program = workspace.built("syncline");
    steps.run("the console in a browser", || console::drive(variables, &program));
}

fn checks(steps: &mut Steps, fast: bool) {
    steps.run("format", || succeed(cargo().args(["fmt", "--all", "--check"])));
    steps.run("house rules", lint::run);
    steps.run("clippy", || {
        let mut clippy = cargo();
        clippy.args(["clippy", "--workspace", "--all-targets", "--quiet"]);
        succeed(clippy.args(["--", "-D", "warnings"]))
    });
    if !fast {
        steps.run("docs", || {
            let mut doc = cargo();
            doc.args(["doc", "--no-deps", "--workspace", "--quiet"]);
            succeed(doc.env("RUSTDOCFLAGS", "-Dwarnings"))
        });
    }
}

fn sum_up(steps: &Steps, tests: &Suite) -> ExitCode {
    steps.print();
    for skipped in &tests.skipped {
        println!("skipped: {skipped}");
    }
    for test in &tests.unsteady {
        println!("unsteady: {test}: passed only when it was run again; to be mended");
    }
    let failed = steps.failed();
    let verdict =
        if failed.is_empty() { "ok".to_owned() } else { format!("FAILED ({})", failed.join(", ")) };
    let mut skipped: Vec<&str> = tests
        .skipped
        .iter()
        .map(|line| line.split_once(": ").map_or("", |(test, _)| test))
        .collect();
    skipped.dedup();
    println!(
        "xtask test: {verdict}; {} steps; tests: {} passed, {} failed, {} ignored, {} skipped; {} s",
        steps.count(),
        // A skipped test has passed without doing (all of) its work.
        tests.passed.saturating_sub(skipped.len() as u64),
        tests.failed,
        tests.ignored,
        skipped.len(),
        steps.elapsed().as_secs()
    );
    if failed.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Runs a program in a folder, quietly; its words when it fails.
pub(crate) fn quietly(command: &mut Command, folder: &Path) -> Result<String, String> {
    let output = command.current_dir(folder).output().map_err(|e| format!("{command:?}: {e}"))?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    if output.status.success() {
        return Ok(text);
    }
    Err(format!("{}\n{text}{}", output.status, String::from_utf8_lossy(&output.stderr)))
}
