//! Where a copy's processor time goes: a flamegraph a route, kept in `bench/profiles`.
//!
//! `perf` looks at the running command some hundred times a second. What it finds is folded into
//! stacks whose frames have short names without paths, hashes and type arguments, and drawn.

mod flames;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::data::{self, Table};
use super::routes::{Route, Trip};
use super::servers::{Servers, quoted};
use super::{Profile, machine, measure};
use crate::steps::succeed;
use crate::workspace::{Workspace, cargo, root};

/// Looks a second. No divisor of what else happens so often.
const LOOKS: u32 = 499;
/// Bytes of each stack that are kept, to be unwound afterwards.
const STACK: u32 = 16_384;
/// Functions named beside the picture.
const NAMED: usize = 12;

/// Draws each route, and prints which functions take most.
pub(super) fn run(options: &Profile) -> Result<(), String> {
    let routes = options.route.iter().map(|n| Route::parse(n)).collect::<Result<Vec<_>, _>>()?;
    let table = Table::parse(&options.table)?;
    if machine::first_line("perf", &["--version"]).is_empty() {
        return Err("no perf here; Debian has it in the package linux-perf".to_owned());
    }
    let syncline = binary()?;
    let servers = Servers::start()?;
    let csv = table.csv(options.rows)?;
    servers.fill(table, &csv)?;
    let kept = root().join("bench").join("profiles");
    std::fs::create_dir_all(&kept).map_err(|e| format!("{}: {e}", kept.display()))?;
    for (route, name) in routes.iter().zip(&options.route) {
        let mut trip = Trip::new(*route, table, &servers, &csv, &syncline);
        trip.prepare()?;
        trip.reset()?;
        let looked = trip.out.join("perf.data");
        let watched = watched(&looked, &trip.syncline);
        trip.syncline = PathBuf::from(watched);
        let events = data::folder().join("events.jsonl");
        let line = trip.by_syncline(&trip.syncline, options.parallel, &events);
        let usage = measure::run(&line, Some(servers.pid))?;
        let stacks = folded(&looked)?;
        let parallel = match options.parallel {
            0 => String::new(),
            n => format!(" --parallel {n}"),
        };
        let title = format!("{name}{parallel}, {} rows of {}", options.rows, table.name());
        println!("\n{title}: {:.2} CPU s, of perf's own among them", usage.cpu);
        say(&stacks);
        let file =
            kept.join(format!("{name}{}.svg", parallel.replace(" --", "-").replace(' ', "-")));
        let drawn = flames::draw(&title, &stacks);
        std::fs::write(&file, drawn).map_err(|e| format!("{}: {e}", file.display()))?;
        println!("{}", file.strip_prefix(root()).unwrap_or(&file).display());
    }
    Ok(())
}

/// The release build with the names of its functions, made now unless `SYNCLINE_BIN` names one. The
/// release that is given away has none; only what is linked last differs.
fn binary() -> Result<PathBuf, String> {
    if let Some(path) = std::env::var_os("SYNCLINE_BIN").filter(|p| !p.is_empty()) {
        return Ok(path.into());
    }
    println!("building the release binary with the names of its functions");
    let package = ["rustc", "--release", "--package", "syncline-cli", "--bin", "syncline"];
    succeed(cargo().args(package).args(["--", "-C", "strip=none"]))?;
    Ok(Workspace::load()?.target.join("release").join("syncline"))
}

/// The beginning of a command line that has perf look at the program.
fn watched(into: &Path, program: &Path) -> String {
    // The clock's own event is there also on machines without counters.
    format!(
        "perf record --quiet --event cpu-clock --freq {LOOKS} --call-graph dwarf,{STACK} \
         --output {} -- {}",
        quoted(&into.display().to_string()),
        quoted(&program.display().to_string())
    )
}

/// How often each stack was seen.
type Stacks = BTreeMap<Vec<String>, u32>;

fn folded(looked: &Path) -> Result<Stacks, String> {
    let mut perf = Command::new("perf");
    perf.args(["script", "--no-inline", "--fields", "comm,ip,sym", "--input"]).arg(looked);
    let output = perf.output().map_err(|e| format!("perf script: {e}"))?;
    let stacks = fold(&String::from_utf8_lossy(&output.stdout));
    match stacks.is_empty() {
        true => Err(format!("perf script: {}", String::from_utf8_lossy(&output.stderr))),
        false => Ok(stacks),
    }
}

/// Of each look the thread's name, and below it a line a frame, the innermost first.
fn fold(script: &str) -> Stacks {
    let mut stacks = Stacks::new();
    for look in script.split("\n\n") {
        let mut lines = look.trim_start_matches('\n').lines();
        let thread = lines.next().unwrap_or_default().trim();
        let name = |line: &str| line.trim().split_once(' ').map(|(_, name)| name.trim().to_owned());
        let mut frames: Vec<String> = lines.filter_map(name).collect();
        frames.reverse();
        if let Some(stack) = tidy(thread, &frames) {
            *stacks.entry(stack).or_default() += 1;
        }
    }
    stacks
}

/// Functions that only call others, in every stack.
const FRAME: [&str; 14] = [
    "_start",
    "start_thread",
    "clone3",
    "__clone3",
    "main",
    "__libc_start_main",
    "__libc_start_call_main",
    "entry_SYSCALL_64_after_hwframe",
    "entry_SYSCALL_64",
    "do_syscall_64",
    "x64_sys_call",
    "asm_sysvec_apic_timer_interrupt",
    "ret_from_fork",
    "[unknown]",
];
/// What stands between a task and its work.
const BETWEEN: [&str; 6] = ["std", "core", "alloc", "tokio", "__rustc", "syncline"];

/// A stack of short names; none of what perf does before the program begins.
fn tidy(thread: &str, frames: &[String]) -> Option<Vec<String>> {
    let last = frames.len().checked_sub(1)?;
    if thread.starts_with("perf") {
        return None;
    }
    let names = frames.iter().map(|frame| short(frame)).enumerate();
    let wanted = names.filter(|(at, name)| {
        let of = name.split("::").next().unwrap_or_default();
        *at == last || !(FRAME.contains(&name.as_str()) || BETWEEN.contains(&of))
    });
    let mut kept: Vec<String> = wanted.map(|(_, name)| name).collect();
    // An asynchronous function is one frame, however many of its parts call each other.
    kept.dedup();
    Some(kept)
}

/// A function's name without hash, type arguments and closures; of a method, its type's.
fn short(frame: &str) -> String {
    let name = format!("{:#}", rustc_demangle::demangle(frame));
    let name = match name.strip_prefix('<').and_then(|rest| Some((rest, closing(rest)?))) {
        Some((rest, at)) => {
            let ty = rest[..at].split(" as ").next().unwrap_or_default();
            format!("{ty}{}", &rest[at + 1..])
        }
        None => name,
    };
    let mut plain = String::new();
    let mut depth = 0_usize;
    for c in name.chars() {
        match c {
            '<' | '{' => depth += 1,
            '>' | '}' => depth = depth.saturating_sub(1),
            // They separate frames from each other and from the count.
            ' ' | ';' => {}
            c if depth == 0 => plain.push(c),
            _ => {}
        }
    }
    let plain = plain.trim_start_matches(['&', '*']);
    let parts: Vec<&str> = plain.split("::").filter(|part| !part.is_empty()).collect();
    match parts.as_slice() {
        [first, .., kind, function] if parts.len() > 4 => format!("{first}::{kind}::{function}"),
        [] => "[unknown]".to_owned(),
        _ => parts.join("::"),
    }
}

/// Where what was opened before `rest` is closed.
fn closing(rest: &str) -> Option<usize> {
    let mut depth = 1;
    rest.char_indices().find_map(|(at, c)| {
        depth += match c {
            '<' => 1,
            '>' if !rest[..at].ends_with('-') => -1,
            _ => 0,
        };
        (depth == 0).then_some(at)
    })
}

/// Prints which functions were seen at work most often.
fn say(stacks: &Stacks) {
    let all: u32 = stacks.values().sum();
    let mut leaves: BTreeMap<&str, u32> = BTreeMap::new();
    for (stack, count) in stacks {
        *leaves.entry(stack.last().map_or("", String::as_str)).or_default() += count;
    }
    let mut leaves: Vec<(&str, u32)> = leaves.into_iter().collect();
    leaves.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    for (name, count) in leaves.into_iter().take(NAMED) {
        println!("{:5.1} %  {name}", f64::from(count) * 100.0 / f64::from(all));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_short_and_say_no_paths() {
        for (long, wanted) in [
            ("_ZN4core3fmt5write17h0123456789abcdefE", "core::fmt::write"),
            (
                "_ZN79_$LT$syncline_files..csv..Reader$u20$as$u20$syncline_connector..SplitReader$GT$4next17h0123456789abcdefE",
                "syncline_files::csv::Reader::next",
            ),
            ("alloc::vec::Vec<T,A>::push", "alloc::vec::Vec::push"),
            ("a::b::c::d::e::{{closure}}", "a::d::e"),
            ("copy_user_generic", "copy_user_generic"),
            ("<&T as a::Show>::show", "T::show"),
        ] {
            assert_eq!(short(long), wanted, "{long}");
        }
    }

    #[test]
    fn what_only_calls_others_is_left_out_unless_it_is_at_work_itself() {
        let script = "tokio-rt-worker \n\t 55d1 core::iter::next\n\t 55d2 a::read\n\t 55d3 a::read\n\
                      \t 55d4 tokio::task::poll\n\t 7f01 start_thread\n\n\
                      syncline \n\t 55d5 tokio::park\n\t 7f01 start_thread\n\n\
                      perf-exec \n\t ffff exec\n\n";
        let found: Vec<(Vec<String>, u32)> = fold(script).into_iter().collect();
        let stack = |names: &[&str]| names.iter().map(|n| (*n).to_owned()).collect::<Vec<_>>();
        let wanted = [stack(&["a::read", "core::iter::next"]), stack(&["tokio::park"])];
        assert_eq!(found, wanted.map(|stack| (stack, 1)));
    }
}
