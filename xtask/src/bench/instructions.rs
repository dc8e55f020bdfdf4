//! Instructions that a row costs in each decoder and encoder, counted by valgrind's callgrind.
//!
//! A count does not depend on how busy the machine is. Each case runs twice, with few and with more
//! turns: the difference leaves start-up and set-up out.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::{Map, Value};

use super::machine::first_line;
use crate::steps::succeed;
use crate::workspace::{Workspace, cargo, root};

/// Growth that fails a check, in percent.
const TOLERATED: f64 = 10.0;
const FEW: u64 = 1;
const MORE: u64 = 4;

const PROGRAM: &str = "syncline-instructions";

/// Counts all cases; writes them, or compares them with those that are committed.
pub(super) fn run(check: bool, filter: Option<&str>) -> Result<(), String> {
    if first_line("valgrind", &["--version"]).is_empty() {
        return Err("valgrind is not here (Debian package valgrind)".to_owned());
    }
    succeed(cargo().args(["build", "--release", "--quiet", "--package", PROGRAM]))?;
    let program = Workspace::load()?.target.join("release").join(PROGRAM);
    let file = root().join("bench").join("instructions.json");
    let committed = read(&file);
    let mut counts = if filter.is_some() { committed.clone() } else { BTreeMap::new() };
    let mut grown = Vec::new();
    println!("{:42} {:>12} {:>12}", "instructions a row", "committed", "now");
    for (name, rows) in cases(&program)? {
        if filter.is_some_and(|part| !name.contains(part)) {
            continue;
        }
        let executed = |turns| executed(&program, &name, turns);
        let count = (executed(MORE)? - executed(FEW)?) / ((MORE - FEW) * rows);
        let before = committed.get(&name).copied();
        let growth = before.map_or(0.0, |before| percent(before, count));
        let shown = before.map_or_else(|| "–".to_owned(), |before| before.to_string());
        println!("{name:42} {shown:>12} {count:>12} {growth:>+7.1} %");
        if growth > TOLERATED {
            grown.push(name.clone());
        }
        counts.insert(name, count);
    }
    if !check {
        return write(&file, &counts);
    }
    if grown.is_empty() {
        return Ok(());
    }
    Err(format!("more than {TOLERATED} % above bench/instructions.json: {}", grown.join(", ")))
}

#[allow(clippy::cast_precision_loss, reason = "counts are far below 2^52")]
fn percent(before: u64, now: u64) -> f64 {
    (now as f64 / before.max(1) as f64 - 1.0) * 100.0
}

/// Names, and rows of a turn.
fn cases(program: &Path) -> Result<Vec<(String, u64)>, String> {
    let output = Command::new(program).output().map_err(|e| format!("{PROGRAM}: {e}"))?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let case = |line: &str| {
        let (name, rows) = line.rsplit_once(' ')?;
        Some((name.to_owned(), rows.parse().ok()?))
    };
    text.lines().map(|line| case(line).ok_or_else(|| format!("{line:?} is no case"))).collect()
}

/// Instructions of a whole run of the program.
fn executed(program: &Path, case: &str, turns: u64) -> Result<u64, String> {
    let mut valgrind = Command::new("valgrind");
    valgrind.args(["--tool=callgrind", "--callgrind-out-file=/dev/null"]);
    valgrind.arg(program).arg(case).arg(turns.to_string());
    let output = valgrind.output().map_err(|e| format!("valgrind: {e}"))?;
    let words = String::from_utf8_lossy(&output.stderr);
    let count = words.lines().find_map(|line| line.split_once("Collected :"));
    let count = count.and_then(|(_, number)| number.trim().parse().ok());
    count.filter(|_| output.status.success()).ok_or_else(|| format!("{case}: {words}"))
}

fn read(file: &PathBuf) -> BTreeMap<String, u64> {
    let text = std::fs::read_to_string(file).unwrap_or_default();
    let counts: Map<String, Value> = serde_json::from_str(&text).unwrap_or_default();
    counts.into_iter().filter_map(|(name, count)| Some((name, count.as_u64()?))).collect()
}

fn write(file: &Path, counts: &BTreeMap<String, u64>) -> Result<(), String> {
    let text = serde_json::to_string_pretty(counts).map_err(|e| e.to_string())? + "\n";
    std::fs::write(file, text).map_err(|e| format!("{}: {e}", file.display()))
}
