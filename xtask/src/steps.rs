//! Steps that are run one after the other, timed, and summed up at the end.

use std::io::{BufRead as _, BufReader, Read, Write as _};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// What became of the steps so far.
#[derive(Default)]
pub(crate) struct Steps {
    done: Vec<Step>,
    began: Option<Instant>,
}

struct Step {
    name: String,
    took: Duration,
    failure: Option<String>,
}

impl Steps {
    /// Runs a step, and remembers how long it took and whether it failed.
    pub(crate) fn run<T>(
        &mut self,
        name: &str,
        work: impl FnOnce() -> Result<T, String>,
    ) -> Option<T> {
        println!("\n=== {name}");
        let began = Instant::now();
        self.began.get_or_insert(began);
        let (value, failure) = match work() {
            Ok(value) => (Some(value), None),
            Err(why) => {
                println!("{name} failed: {why}");
                (None, Some(why))
            }
        };
        self.done.push(Step { name: name.to_owned(), took: began.elapsed(), failure });
        value
    }

    /// Prints a line for each step.
    pub(crate) fn print(&self) {
        println!("\n=== summary");
        for step in &self.done {
            let state = step.failure.as_ref().map_or("ok", |_| "FAILED");
            println!("{:>7.1} s  {:6}  {}", step.took.as_secs_f64(), state, step.name);
        }
    }

    /// Names of the steps that failed.
    pub(crate) fn failed(&self) -> Vec<&str> {
        self.done.iter().filter(|s| s.failure.is_some()).map(|s| s.name.as_str()).collect()
    }

    /// Steps run so far.
    pub(crate) fn count(&self) -> usize {
        self.done.len()
    }

    /// Since the first step began.
    pub(crate) fn elapsed(&self) -> Duration {
        self.began.map_or(Duration::ZERO, |began| began.elapsed())
    }
}

/// Runs a command to its end, its output left alone.
pub(crate) fn succeed(command: &mut Command) -> Result<(), String> {
    let status = command.status().map_err(|e| format!("{command:?}: {e}"))?;
    if status.success() { Ok(()) } else { Err(format!("ended with {status}")) }
}

/// Runs a command to its end, passing its output on, and gives back the lines that `keep` wants.
pub(crate) fn listen(
    command: &mut Command,
    keep: fn(&str) -> bool,
) -> Result<(bool, Vec<String>), String> {
    let spawned = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn();
    let mut child = spawned.map_err(|e| format!("{command:?}: {e}"))?;
    let (out, err) = (child.stdout.take(), child.stderr.take());
    let kept = std::thread::scope(|scope| {
        let errors = scope.spawn(move || pass_on(err, &mut std::io::stderr(), keep));
        let mut kept = pass_on(out, &mut std::io::stdout(), keep);
        kept.extend(errors.join().unwrap_or_default());
        kept
    });
    let status = child.wait().map_err(|e| e.to_string())?;
    Ok((status.success(), kept))
}

fn pass_on(
    from: Option<impl Read>,
    to: &mut dyn std::io::Write,
    keep: fn(&str) -> bool,
) -> Vec<String> {
    let Some(from) = from else { return Vec::new() };
    let mut from = BufReader::new(from);
    let mut kept = Vec::new();
    let mut line = Vec::new();
    while from.read_until(b'\n', &mut line).is_ok_and(|read| read > 0) {
        let _ = to.write_all(&line);
        let text = String::from_utf8_lossy(&line);
        if keep(text.trim_end()) {
            kept.push(text.trim_end().to_owned());
        }
        line.clear();
    }
    let _ = std::io::stdout().flush();
    kept
}
