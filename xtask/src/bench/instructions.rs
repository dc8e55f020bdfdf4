//! Instructions that a row costs in each decoder and encoder, counted by valgrind's callgrind.
//!
//! A count does not depend on how busy the machine is. Each case runs twice, with few and with more
//! turns: the difference leaves start-up and set-up out. It does depend on the compiler and on the
//! processor's vector instructions, so that counts made with others are shown and not compared.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::{Value, json};

use super::machine::first_line;
use crate::steps::succeed;
use crate::workspace::{Workspace, cargo, root};

/// Growth that fails a check, in percent.
const TOLERATED: f64 = 10.0;
const FEW: u64 = 1;
const MORE: u64 = 5;

const PROGRAM: &str = "syncline-instructions";

/// Counts by name.
type Counts = BTreeMap<String, u64>;

/// Counts all cases; writes them, or compares them with those that are committed.
pub(super) fn run(check: bool, filter: Option<&str>) -> Result<(), String> {
    valgrind()?;
    succeed(cargo().args(["build", "--release", "--quiet", "--package", PROGRAM]))?;
    let program = Workspace::load()?.target.join("release").join(PROGRAM);
    let file = root().join("bench").join("instructions.json");
    let (made_with, committed) = read(&file);
    let with = maker();
    let comparable = made_with == with;
    if !comparable {
        println!("counts are of {made_with:?}, this is {with:?}: not compared");
    }
    let keep = filter.is_some() && comparable;
    let mut counts = if keep { committed.clone() } else { Counts::new() };
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
        return write(&file, &with, &counts);
    }
    if grown.is_empty() || !comparable {
        return Ok(());
    }
    Err(format!(
        "more than {TOLERATED} % above bench/instructions.json: {}; where that is worth it, \
         `cargo xtask bench instructions` writes the new counts",
        grown.join(", ")
    ))
}

/// Installs valgrind where it is missing and can be had.
pub(super) fn valgrind() -> Result<(), String> {
    let here = || !first_line("valgrind", &["--version"]).is_empty();
    if here() {
        return Ok(());
    }
    println!("will install valgrind (Debian package)");
    let mut apt = Command::new("apt-get");
    apt.args(["install", "--yes", "--quiet", "--no-install-recommends"]);
    apt.args(["-o", "DPkg::Lock::Timeout=600", "valgrind"]);
    let installed = succeed(&mut apt);
    if here() {
        Ok(())
    } else {
        Err(format!("no valgrind: {}", installed.err().unwrap_or_default()))
    }
}

/// What counts depend on: compiler, and the widest vector instructions there are.
fn maker() -> String {
    let compiler = first_line("rustc", &["--version"]);
    let info = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let flags = info.lines().find(|line| line.starts_with("flags")).unwrap_or_default();
    let has = |flag: &&str| flags.split_whitespace().any(|f| f == *flag);
    let widest = ["avx2", "sse4_2"].into_iter().find(|flag| has(flag)).unwrap_or("plain");
    let compiler: Vec<&str> = compiler.split(' ').take(2).collect();
    format!("{}, {} {widest}", compiler.join(" "), std::env::consts::ARCH)
}

#[allow(clippy::cast_precision_loss, reason = "counts are far below 2^52")]
fn percent(before: u64, now: u64) -> f64 {
    let few = before.max(1) as f64;
    // A handful of instructions more is no growth.
    if now.abs_diff(before) < 20 { 0.0 } else { (now as f64 / few - 1.0) * 100.0 }
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

fn read(file: &PathBuf) -> (String, Counts) {
    let text = std::fs::read_to_string(file).unwrap_or_default();
    let value: Value = serde_json::from_str(&text).unwrap_or_default();
    let counts = value["a_row"].as_object().cloned().unwrap_or_default();
    let counts = counts.into_iter().filter_map(|(name, count)| Some((name, count.as_u64()?)));
    (value["made_with"].as_str().unwrap_or_default().to_owned(), counts.collect())
}

fn write(file: &Path, made_with: &str, counts: &Counts) -> Result<(), String> {
    let value = json!({ "made_with": made_with, "a_row": counts });
    let text = serde_json::to_string_pretty(&value).map_err(|e| e.to_string())? + "\n";
    std::fs::write(file, text).map_err(|e| format!("{}: {e}", file.display()))
}

#[cfg(test)]
mod tests {
    use super::percent;

    #[test]
    fn growth_is_what_a_row_costs_more() {
        assert!((percent(1_000, 1_200) - 20.0).abs() < 0.01);
        assert!(percent(1_000, 800) < 0.0);
        // From 3 to 9 is no 200 %.
        assert!(percent(3, 9).abs() < 0.01);
    }
}
