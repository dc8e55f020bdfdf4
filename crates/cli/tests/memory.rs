//! Memory does not grow with what is copied: many large values pass through little room.

mod place;

use std::path::Path;
use std::time::Duration;

use place::{Kind, Place};

/// Rows of eight megabytes each: many times what the process may take.
const ROWS: usize = 48;
/// The most the process may take at its peak, in bytes.
const LIMIT: u64 = 256 << 20;

/// Runs the command to its end; the most memory it took at any moment (VmHWM), in bytes.
fn peak_of(state: &Path, args: &[&str]) -> u64 {
    let mut child = place::start(state, args);
    let status = format!("/proc/{}/status", child.id());
    let mut peak = 0;
    while child.try_wait().expect("the command is waited for").is_none() {
        let text = std::fs::read_to_string(&status).unwrap_or_default();
        let line = text.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let kilobytes = line.and_then(|l| l.trim().trim_end_matches(" kB").parse::<u64>().ok());
        peak = peak.max(kilobytes.unwrap_or(0) * 1024);
        std::thread::sleep(Duration::from_millis(5));
    }
    let output = child.wait_with_output().expect("its output");
    assert!(output.status.success(), "{args:?}: {}", place::shown(&output));
    assert!(peak > 0, "the peak was never seen");
    peak
}

#[test]
fn large_values_pass_through_little_memory() {
    let (Some(first), Some(second)) = (Place::new(Kind::MariaDb), Place::new(Kind::Postgres))
    else {
        return;
    };
    let database = first.database.as_ref().expect("a server");
    database.execute("CREATE TABLE t (id int PRIMARY KEY, b longblob)");
    for row in 0..ROWS {
        // Not all alike, so that nothing packs them into nothing.
        database.execute(&format!(
            "INSERT INTO t VALUES ({row}, repeat(md5({row}), {}))",
            (8 << 20) / 32
        ));
    }
    let last = Place::new(Kind::MySql);
    let folder = second.folder.path();
    let path = |name: &str| folder.join(name).display().to_string();
    let (parquet, sqlite) = (path("t.parquet"), format!("sqlite:{}", path("t.db")));
    let mut hops = vec![
        (first.url("t"), second.url("t")),
        (second.url("t"), sqlite.clone()),
        (second.url("t"), path("t.csv")),
        (sqlite, parquet.clone()),
    ];
    hops.extend(last.as_ref().map(|last| (parquet, last.url("t"))));
    for (from, to) in &hops {
        let peak = peak_of(folder, &["copy", from, to, "--quiet"]);
        let megabytes = peak >> 20;
        assert!(peak < LIMIT, "{from} to {to}: {megabytes} MB at the peak");
    }
}
