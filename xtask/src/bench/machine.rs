//! What a result must say besides its numbers: machine, versions, date.

use std::fs;
use std::process::Command;

use serde_json::{Value, json};

use crate::workspace::root;

/// A command's first line, or nothing.
pub(super) fn first_line(program: &str, args: &[&str]) -> String {
    let output = Command::new(program).args(args).current_dir(root()).output();
    let text = output.map(|o| String::from_utf8_lossy(&o.stdout).into_owned()).unwrap_or_default();
    text.lines().next().unwrap_or_default().to_owned()
}

/// Processor, cores, memory, kernel.
pub(super) fn describe() -> Value {
    let cpu = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = cpu.lines().find_map(|l| l.strip_prefix("model name")).unwrap_or_default();
    let memory = fs::read_to_string("/proc/meminfo").unwrap_or_default();
    let kib = memory.lines().next().and_then(|l| l.split_whitespace().nth(1)).unwrap_or_default();
    json!({
        "cpu": model.trim_start_matches(['\t', ' ', ':']),
        "cores": std::thread::available_parallelism().map_or(0, usize::from),
        "memory_gib": kib.parse::<u64>().unwrap_or_default() >> 20,
        "kernel": first_line("uname", &["-sr"]),
    })
}

/// The commit that was measured, with a `+` when files differ from it. Of a binary that was given,
/// only what it says of itself is known.
pub(super) fn commit() -> String {
    if let Some(given) = std::env::var_os("SYNCLINE_BIN").filter(|p| !p.is_empty()) {
        let version = first_line(&given.to_string_lossy(), &["--version"]);
        return format!("{version}, given by SYNCLINE_BIN");
    }
    let commit = first_line("git", &["rev-parse", "--short", "HEAD"]);
    let changed = first_line("git", &["status", "--porcelain", "--untracked-files=no"]);
    if changed.is_empty() { commit } else { format!("{commit}+") }
}

/// `2026-11-21T1305` in UTC.
pub(super) fn stamp() -> String {
    first_line("date", &["-u", "+%Y-%m-%dT%H%M"])
}
