//! `cargo xtask test`: what CI runs, in the order of what fails fastest.

use std::path::Path;
use std::process::{Command, ExitCode};

use crate::steps::{Steps, listen, succeed};
use crate::workspace::{Workspace, cargo};
use crate::{bench, console, generated, lint, readme, servers};

/// Runs everything that applies, sums up, and ends with a line a program can read:
/// `xtask test: ok; …` or `xtask test: FAILED (steps); …`.
pub(crate) fn run(fast: bool, filter: Option<&str>) -> ExitCode {
    let mut steps = Steps::default();
    let mut tests = Tests::default();
    if filter.is_none() {
        checks(&mut steps, fast);
    }
    let built = steps.run("build the tests", || {
        succeed(cargo().args(["test", "--workspace", "--no-run", "--quiet"]))?;
        Workspace::load()
    });
    if let Some(workspace) = built {
        let program = workspace.built(servers::PROGRAM);
        if filter.is_none() {
            steps.run("references current", || generated::current(&workspace));
        }
        if !fast {
            steps.run("install servers", || servers::install(&program));
        }
        let running = steps.run("start servers", || servers::Running::start(&program));
        steps.run("tests", || {
            tests = Tests::of(filter, running.as_ref())?;
            if tests.passed_all { Ok(()) } else { Err(format!("{} failed", tests.failed)) }
        });
        if filter.is_none() && !fast && console::can_be_built() {
            console_steps(&mut steps, &workspace, running.as_ref());
        }
    }
    if filter.is_none() && !fast {
        steps.run("the README's first command", readme::first_command);
        steps.run("instructions of decoders and encoders", bench::check_instructions);
    }
    sum_up(&steps, &tests)
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

/// What became of the tests of all crates.
#[derive(Default)]
struct Tests {
    passed: u64,
    failed: u64,
    ignored: u64,
    /// One line each: crate, test, what is missing.
    skipped: Vec<String>,
    passed_all: bool,
}

impl Tests {
    fn of(filter: Option<&str>, running: Option<&servers::Running>) -> Result<Self, String> {
        let mut command = cargo();
        command.args(["test", "--workspace", "--no-fail-fast"]).args(filter);
        if let Some(running) = running {
            command.envs(running.variables.iter().cloned());
        }
        let keep = |line: &str| line.starts_with("test result:") || line.starts_with("SKIPPED ");
        let (passed_all, lines) = listen(&mut command, keep)?;
        let mut tests = Self { passed_all, ..Self::default() };
        for line in lines {
            if let Some(skipped) = line.strip_prefix("SKIPPED ") {
                tests.skipped.push(skipped.to_owned());
                continue;
            }
            tests.passed += number_before(&line, " passed");
            tests.failed += number_before(&line, " failed");
            tests.ignored += number_before(&line, " ignored");
        }
        tests.skipped.sort();
        tests.skipped.dedup();
        Ok(tests)
    }
}

/// `5` in `ok. 5 passed; 0 failed`, for ` passed`.
fn number_before(line: &str, word: &str) -> u64 {
    let before = line.split_once(word).map_or("", |(before, _)| before);
    before.rsplit(' ').next().and_then(|n| n.parse().ok()).unwrap_or(0)
}

fn sum_up(steps: &Steps, tests: &Tests) -> ExitCode {
    steps.print();
    for skipped in &tests.skipped {
        println!("skipped: {skipped}");
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

#[cfg(test)]
mod tests {
    use super::number_before;

    #[test]
    fn counts_are_read_from_the_harness() {
        let line = "test result: FAILED. 73 passed; 5 failed; 1 ignored; 0 measured; finished";
        let numbers = [" passed", " failed", " ignored"].map(|word| number_before(line, word));
        assert_eq!(numbers, [73, 5, 1]);
        assert_eq!(number_before("test result: ok", " passed"), 0);
    }
}
