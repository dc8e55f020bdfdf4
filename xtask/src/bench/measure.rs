//! What a command costs: seconds, CPU of its process tree and of the servers, memory, and how busy
//! the machine was with other things meanwhile.

use std::collections::HashMap;
use std::fs;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::{Duration, Instant};

/// Between two looks at the tree's memory. The kernel keeps the peak of each process, so that only
/// what a process gains in its last moments can be missed.
const LOOK: Duration = Duration::from_millis(20);

/// What one command has cost.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Usage {
    pub(super) seconds: f64,
    /// User and system time of the command and all it has started.
    pub(super) cpu: f64,
    /// The same of the servers, meanwhile.
    pub(super) servers: f64,
    /// The peaks of all processes of the tree, added up.
    pub(super) peak_mib: f64,
    /// Cores that were busy with neither.
    pub(super) others: f64,
}

/// Runs a command line by bash, to its end.
///
/// # Errors
/// When it does not end with 0, with what it said.
pub(super) fn run(line: &str, servers: Option<u32>) -> Result<Usage, String> {
    let mut command = Command::new("bash");
    command.args(["-o", "pipefail", "-c", line]).stdin(Stdio::null());
    command.stdout(Stdio::null()).stderr(Stdio::piped());
    let of_servers = || servers.map_or(0.0, family_cpu);
    let (served, waited, busy) = (of_servers(), children_cpu(), machine_cpu());
    let began = Instant::now();
    let child = command.spawn().map_err(|e| format!("bash: {e}"))?;
    let (done, pid) = (AtomicBool::new(false), child.id());
    let (output, seconds, peak_mib) = std::thread::scope(|scope| {
        let watch = scope.spawn(|| watch_memory(pid, &done));
        let output = child.wait_with_output();
        let seconds = began.elapsed().as_secs_f64();
        done.store(true, Relaxed);
        (output, seconds, watch.join().unwrap_or_default())
    });
    let output = output.map_err(|e| format!("bash: {e}"))?;
    if !output.status.success() {
        let words = String::from_utf8_lossy(&output.stderr);
        return Err(format!("{}: {}\nin: {line}", output.status, words.trim_end()));
    }
    let cpu = children_cpu() - waited;
    let servers = of_servers() - served;
    let others = ((machine_cpu() - busy - cpu - servers) / seconds).max(0.0);
    Ok(Usage { seconds, cpu, servers, peak_mib, others })
}

/// Adds up the peaks of all processes that were seen in the tree.
fn watch_memory(root: u32, done: &AtomicBool) -> f64 {
    let mut peaks: HashMap<u32, u64> = HashMap::new();
    while !done.load(Relaxed) {
        for pid in tree(root).into_iter().filter(|pid| !is_shell(*pid)) {
            if let Some(kib) = peak_kib(pid) {
                let peak = peaks.entry(pid).or_default();
                *peak = kib.max(*peak);
            }
        }
        std::thread::sleep(LOOK);
    }
    #[allow(clippy::cast_precision_loss, reason = "a size in memory")]
    let kib = peaks.values().sum::<u64>() as f64;
    kib / 1024.0
}

/// The shell around a command is ours, not the tool's. It takes the command's place where there is
/// but one.
fn is_shell(pid: u32) -> bool {
    fs::read_to_string(format!("/proc/{pid}/comm")).is_ok_and(|name| name.trim_end() == "bash")
}

fn peak_kib(pid: u32) -> Option<u64> {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    line.split_whitespace().next()?.parse().ok()
}

/// A process and all below it.
fn tree(root: u32) -> Vec<u32> {
    let mut all = vec![root];
    let mut at = 0;
    while let Some(pid) = all.get(at).copied() {
        at += 1;
        let Ok(threads) = fs::read_dir(format!("/proc/{pid}/task")) else { continue };
        for thread in threads.flatten() {
            let children = fs::read_to_string(thread.path().join("children"));
            let children = children.unwrap_or_default();
            all.extend(children.split_whitespace().filter_map(|pid| pid.parse::<u32>().ok()));
        }
    }
    all
}

/// CPU seconds from fields of `/proc/PID/stat`, counted as the manual does: 14 is the user time.
fn stat_seconds(pid: &str, fields: std::ops::RangeInclusive<usize>) -> f64 {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    let after = stat.rsplit_once(')').map_or("", |(_, rest)| rest);
    let field = |n: usize| after.split_whitespace().nth(n - 3).and_then(|t| t.parse::<f64>().ok());
    fields.filter_map(field).sum::<f64>() / TICKS
}

/// Ticks a second in `/proc`: the same on every Linux of today.
const TICKS: f64 = 100.0;

/// CPU of all children of this process that have ended and been waited for, and of theirs.
fn children_cpu() -> f64 {
    stat_seconds("self", 16..=17)
}

/// CPU of a process, of what it has waited for, and of all below it.
pub(super) fn family_cpu(root: u32) -> f64 {
    tree(root).iter().map(|pid| stat_seconds(&pid.to_string(), 14..=17)).sum()
}

/// CPU seconds that all cores have been busy.
fn machine_cpu() -> f64 {
    let stat = fs::read_to_string("/proc/stat").unwrap_or_default();
    let line = stat.lines().next().unwrap_or_default();
    let ticks: Vec<f64> =
        line.split_whitespace().skip(1).take(8).filter_map(|t| t.parse().ok()).collect();
    let all: f64 = ticks.iter().sum();
    let idle: f64 = ticks.iter().skip(3).take(2).sum();
    (all - idle) / TICKS
}

/// The middle of the values.
pub(super) fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    match values.len() {
        0 => f64::NAN,
        n if n % 2 == 1 => values[n / 2],
        n => f64::midpoint(values[n / 2 - 1], values[n / 2]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_whole_tree_is_counted() {
        // A pipe of two, each busy for a moment, one below a shell of its own.
        let busy = "head -c 200M /dev/zero | gzip -1";
        let line = format!("({busy}) | (sh -c '{busy}'; cat) | wc -c");
        let usage = run(&line, None).unwrap();
        assert!(usage.cpu > 0.1, "{usage:?}");
        assert!(usage.peak_mib > 1.0, "{usage:?}");
        assert!(run("false | cat", None).is_err());
    }

    #[test]
    fn the_median_is_the_middle() {
        assert!((median(vec![9.0, 1.0, 2.0]) - 2.0).abs() < f64::EPSILON);
        assert!((median(vec![4.0, 1.0]) - 2.5).abs() < f64::EPSILON);
    }
}
