//! The tests of all crates: programs that cargo has built, two of them at a time.
//!
//! Most tests wait for servers, so that one program alone leaves half of a machine idle. What a
//! program prints is shown when it ends, in one piece. What failed is run once more when all others
//! have ended: a test that passes only then is named, for it is a test to be mended.

use std::collections::VecDeque;
use std::fs::File;
use std::io::{Read as _, Seek as _, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Mutex;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::servers;
use crate::steps::listen;
use crate::workspace::{cargo, root};

/// Programs that run at the same time. Each runs its tests in as many threads as there are cores.
const AT_A_TIME: usize = 2;
/// What takes longer waits for something that does not come. The longest takes three minutes.
const LIMIT: Duration = Duration::from_secs(15 * 60);

/// What became of the tests of all crates.
#[derive(Default)]
pub(crate) struct Suite {
    pub(crate) passed: u64,
    pub(crate) failed: u64,
    pub(crate) ignored: u64,
    /// One line each: crate, test, what is missing.
    pub(crate) skipped: Vec<String>,
    /// Tests that failed, and passed when they were run once more.
    pub(crate) unsteady: Vec<String>,
    /// Programs of tests with a failure that stands.
    pub(crate) broken: Vec<String>,
}

/// One program of tests.
struct Program {
    package: String,
    /// The folder of its crate, in which cargo runs it.
    folder: PathBuf,
    executable: PathBuf,
    /// Its source, from the root: `crates/cli/tests/kill.rs`.
    source: String,
}

/// What a program has printed.
struct Outcome {
    output: String,
    success: bool,
}

impl Suite {
    /// Runs the tests whose names contain the filter, through cargo alone.
    pub(crate) fn filtered(
        filter: &str,
        running: Option<&servers::Running>,
    ) -> Result<Self, String> {
        let mut command = cargo();
        command.args(["test", "--workspace", "--no-fail-fast", filter]);
        let success = run_by_cargo(&mut command, running)?;
        Ok(success.finished())
    }

    /// Runs all.
    pub(crate) fn all(running: Option<&servers::Running>) -> Result<Self, String> {
        let programs = programs()?;
        let waiting = Mutex::new(programs.iter().collect::<VecDeque<_>>());
        let ended = Mutex::new((Self::default(), Vec::new()));
        std::thread::scope(|scope| {
            for _ in 0..AT_A_TIME {
                scope.spawn(|| {
                    let next = || waiting.lock().ok().and_then(|mut queue| queue.pop_front());
                    while let Some(program) = next() {
                        let outcome = program.run(running, &[]);
                        let Ok(mut ended) = ended.lock() else { return };
                        ended.0.count(&outcome.output);
                        if !outcome.success {
                            ended.1.push((program, failures(&outcome.output)));
                        }
                    }
                });
            }
        });
        let (mut suite, failed) = ended.into_inner().map_err(|_| "a thread of tests panicked")?;
        for (program, tests) in failed {
            suite.once_more(program, &tests, running);
        }
        let mut documentation = cargo();
        documentation.args(["test", "--workspace", "--doc", "--no-fail-fast"]);
        suite.add(run_by_cargo(&mut documentation, running)?);
        Ok(suite.finished())
    }

    /// Runs failed tests again, with nothing beside them.
    fn once_more(
        &mut self,
        program: &Program,
        tests: &[String],
        running: Option<&servers::Running>,
    ) {
        let mut arguments = vec!["--test-threads=1"];
        if !tests.is_empty() {
            arguments.push("--exact");
            arguments.extend(tests.iter().map(String::as_str));
        }
        if !program.run(running, &arguments).success {
            self.broken.push(program.source.clone());
            return;
        }
        let again = tests.len() as u64;
        self.failed = self.failed.saturating_sub(again);
        self.passed += again;
        let named = |test: &String| format!("{}: {test}", program.source);
        self.unsteady.extend(tests.iter().map(named));
        if tests.is_empty() {
            self.unsteady.push(program.source.clone());
        }
    }

    /// Takes the counts and the skipped tests out of what was printed.
    fn count(&mut self, output: &str) {
        for line in output.lines() {
            if let Some(skipped) = line.strip_prefix("SKIPPED ") {
                self.skipped.push(skipped.trim_end().to_owned());
            } else if line.starts_with("test result:") {
                self.passed += number_before(line, " passed");
                self.failed += number_before(line, " failed");
                self.ignored += number_before(line, " ignored");
            }
        }
    }

    fn add(&mut self, other: Self) {
        self.passed += other.passed;
        self.failed += other.failed;
        self.ignored += other.ignored;
        self.skipped.extend(other.skipped);
        self.broken.extend(other.broken);
    }

    fn finished(mut self) -> Self {
        self.skipped.sort();
        self.skipped.dedup();
        self
    }
}

impl Program {
    /// Runs it as cargo would, and shows what it printed when it has ended.
    fn run(&self, running: Option<&servers::Running>, arguments: &[&str]) -> Outcome {
        let began = Instant::now();
        let outcome = self.output(running, arguments).unwrap_or_else(|why| Outcome {
            output: format!("{}: {why}\n", self.executable.display()),
            success: false,
        });
        let mut shown = std::io::stdout().lock();
        let (source, took) = (&self.source, began.elapsed().as_secs_f64());
        let _ = writeln!(shown, "\n     Ran {source} in {took:.1} s\n{}", outcome.output);
        outcome
    }

    fn output(
        &self,
        running: Option<&servers::Running>,
        arguments: &[&str],
    ) -> std::io::Result<Outcome> {
        // One file for both, so that what is said on either stands in the order it was said.
        let mut file = tempfile::tempfile()?;
        let mut command = Command::new(&self.executable);
        command.args(arguments).current_dir(&self.folder).stdin(Stdio::null());
        command.stdout(file.try_clone()?).stderr(file.try_clone()?);
        command.env("CARGO_MANIFEST_DIR", &self.folder).env("CARGO_PKG_NAME", &self.package);
        command.envs(running.iter().flat_map(|running| running.variables.iter().cloned()));
        let success = ended_well(&mut command.spawn()?, &mut file)?;
        let mut bytes = Vec::new();
        file.rewind()?;
        file.read_to_end(&mut bytes)?;
        Ok(Outcome { output: String::from_utf8_lossy(&bytes).into_owned(), success })
    }
}

/// Waits for its end, which must come in time.
fn ended_well(child: &mut Child, said: &mut File) -> std::io::Result<bool> {
    let began = Instant::now();
    loop {
        if let Some(status) = child.try_wait()? {
            return Ok(status.success());
        }
        if began.elapsed() > LIMIT {
            child.kill()?;
            child.wait()?;
            writeln!(said, "no end after {} minutes", LIMIT.as_secs() / 60)?;
            return Ok(false);
        }
        std::thread::sleep(Duration::from_millis(20));
    }
}

fn run_by_cargo(
    command: &mut Command,
    running: Option<&servers::Running>,
) -> Result<Suite, String> {
    if let Some(running) = running {
        command.envs(running.variables.iter().cloned());
    }
    let keep = |line: &str| line.starts_with("test result:") || line.starts_with("SKIPPED ");
    let (success, lines) = listen(command, keep)?;
    let mut suite = Suite::default();
    suite.count(&lines.join("\n"));
    if !success {
        suite.broken.push(format!("{command:?}"));
    }
    Ok(suite)
}

/// The programs of tests, as cargo builds them.
fn programs() -> Result<Vec<Program>, String> {
    let mut command = cargo();
    command.args(["test", "--workspace", "--no-run", "--quiet"]);
    command.arg("--message-format=json-render-diagnostics").stderr(Stdio::inherit());
    let output = command.output().map_err(|e| format!("cargo test: {e}"))?;
    if !output.status.success() {
        return Err("the tests cannot be built".to_owned());
    }
    let text = String::from_utf8_lossy(&output.stdout);
    let messages = text.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let programs: Vec<Program> = messages.filter_map(|message| program(&message)).collect();
    if programs.is_empty() { Err("cargo names no tests".to_owned()) } else { Ok(programs) }
}

/// A program of tests that a message of cargo's names.
fn program(message: &Value) -> Option<Program> {
    if message["profile"]["test"] != true {
        return None;
    }
    let source = Path::new(message["target"]["src_path"].as_str()?);
    let manifest = Path::new(message["manifest_path"].as_str()?);
    // `…/crates/cli#syncline-cli@0.1.0`, and `…/xtask#0.1.0` where the folder has the crate's name.
    let (path, rest) = message["package_id"].as_str()?.rsplit_once('#')?;
    let package =
        rest.split_once('@').map_or_else(|| path.rsplit('/').next(), |(name, _)| Some(name));
    Some(Program {
        package: package?.to_owned(),
        folder: manifest.parent()?.to_owned(),
        executable: message["executable"].as_str()?.into(),
        source: source.strip_prefix(root()).unwrap_or(source).display().to_string(),
    })
}

/// Names of the tests that a program says have failed.
fn failures(output: &str) -> Vec<String> {
    let mut names = Vec::new();
    // The heading stands twice: above what the tests printed, and above their names.
    let Some((_, listed)) = output.rsplit_once("\nfailures:\n") else { return names };
    for line in listed.lines() {
        match line.strip_prefix("    ") {
            Some(name) => names.push(name.trim_end().to_owned()),
            None => break,
        }
    }
    names
}

/// `5` in `ok. 5 passed; 0 failed`, for ` passed`.
fn number_before(line: &str, word: &str) -> u64 {
    let before = line.split_once(word).map_or("", |(before, _)| before);
    before.rsplit(' ').next().and_then(|n| n.parse().ok()).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::{Suite, failures, number_before, program};

    const FAILED: &str = "\
running 3 tests
test places::one ... ok
test places::two ... FAILED
SKIPPED syncline-mysql::three: no plug-in
test three ... ok

failures:

---- places::two stdout ----
failures: 12
thread panicked

failures:
    places::two

test result: FAILED. 2 passed; 1 failed; 1 ignored; 0 measured; finished in 0.01s
";

    #[test]
    fn counts_are_read_from_the_harness() {
        let line = "test result: FAILED. 73 passed; 5 failed; 1 ignored; 0 measured; finished";
        let numbers = [" passed", " failed", " ignored"].map(|word| number_before(line, word));
        assert_eq!(numbers, [73, 5, 1]);
        assert_eq!(number_before("test result: ok", " passed"), 0);
        let mut suite = Suite::default();
        suite.count(FAILED);
        assert_eq!((suite.passed, suite.failed, suite.ignored), (2, 1, 1));
        assert_eq!(suite.skipped, ["syncline-mysql::three: no plug-in"]);
    }

    #[test]
    fn failed_tests_are_known_by_name() {
        assert_eq!(failures(FAILED), ["places::two"]);
        assert!(failures("running 1 test\ntest one ... ok\n").is_empty());
    }

    #[test]
    fn programs_are_told_from_what_is_built_beside_them() {
        let message = |test: bool, package: &str| {
            serde_json::json!({
                "reason": "compiler-artifact",
                "package_id": format!("path+file:///x/crates/{package}"),
                "manifest_path": "/x/crates/cli/Cargo.toml",
                "target": { "src_path": "/x/crates/cli/tests/kill.rs" },
                "profile": { "test": test },
                "executable": "/x/target/debug/deps/kill-1",
            })
        };
        let found = program(&message(true, "cli#syncline-cli@0.1.0")).unwrap();
        assert_eq!(found.package, "syncline-cli");
        assert_eq!(found.folder.to_str(), Some("/x/crates/cli"));
        assert_eq!(program(&message(true, "cli#0.1.0")).unwrap().package, "cli");
        assert!(program(&message(false, "cli#0.1.0")).is_none());
    }
}
