//! `verify` between every pair of stores, over a million rows in little memory, of chosen tables,
//! and what it tells on the way.
#![allow(clippy::unwrap_used, reason = "helpers of tests")]

mod place;

use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use place::{Kind, Place, folder, run, run_well, shown, syncline};
use rand::rngs::StdRng;
use rand::seq::SliceRandom;
use rand::{RngExt, SeedableRng};
use serde_json::Value;

/// What `--events json` printed.
struct Said(Vec<Value>);

impl Said {
    fn of(state: &Path, args: &[&str], code: i32) -> Said {
        let output = run(state, &[&["verify"], args, &["--events", "json"]].concat());
        assert_eq!(output.status.code(), Some(code), "{args:?}: {}", shown(&output));
        Said::read(&String::from_utf8(output.stdout).unwrap())
    }

    fn read(printed: &str) -> Said {
        Said(printed.lines().map(|line| serde_json::from_str(line).unwrap()).collect())
    }

    fn all(&self, event: &str) -> Vec<&Value> {
        self.0.iter().filter(|e| e["event"] == event).collect()
    }

    fn tables(&self) -> &Vec<Value> {
        self.0.last().unwrap()["tables"].as_array().unwrap()
    }

    /// Equal, missing, extra, different of the only table.
    fn counts(&self) -> [u64; 4] {
        ["equal", "missing", "extra", "different"].map(|k| self.tables()[0][k].as_u64().unwrap())
    }
}

#[test]
fn every_pair_of_stores_is_compared() {
    let stores = [
        Kind::MariaDb,
        Kind::MySql,
        Kind::Postgres,
        Kind::Sqlite,
        Kind::Csv,
        Kind::Jsonl,
        Kind::Parquet,
    ];
    for from in stores.into_iter().chain([Kind::Sql]) {
        let (Some(source), Some(fewer)) = (Place::new(from), Place::new(from)) else { continue };
        source.fill("t", 120, true);
        fewer.fill("t", 119, true);
        for to in stores {
            let Some(target) = Place::new(to) else { continue };
            let state = folder();
            let (url, less, to_url) = (source.url("t"), fewer.url("t"), target.url("t"));
            run_well(state.path(), &["copy", &url, &to_url, "--table", "t", "--quiet"]);
            let equal = Said::of(state.path(), &[&url, &to_url, "--table", "t"], 0);
            assert_eq!(equal.counts(), [120, 0, 0, 0], "{from:?} to {to:?}");
            let said = Said::of(state.path(), &[&less, &to_url, "--table", "t"], 3);
            assert_eq!(said.counts(), [119, 0, 1, 0], "{from:?} to {to:?}");
            let more = said.all("difference")[0];
            let values: Vec<&str> = ["key", "columns"]
                .iter()
                .flat_map(|part| more[*part].as_array().unwrap())
                .map(|c| c.get("value").or(c.get("target")).unwrap().as_str().unwrap())
                .collect();
            let mut values = values;
            values.sort_unstable();
            let name = if values.contains(&"\"name-000119\"") { "\"name-000119\"" } else { "" };
            assert_eq!(name, "\"name-000119\"", "{from:?} to {to:?}: {more}");
            assert!(values.contains(&"358"), "{from:?} to {to:?}: {more}");
        }
    }
}

/// Rows of the large table, and the most a comparison of them may take at its peak: less than a
/// third of what the rows of both sides are in memory.
const ROWS: u64 = 1_000_000;
const LIMIT: u64 = 192 << 20;

/// The events of a comparison, and the most memory the process took at any moment (VmHWM).
fn measured(state: &Path, args: &[&str]) -> (Said, u64) {
    let args = [&["verify"], args, &["--events", "json"]].concat();
    let child =
        syncline(state).args(&args).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let status = format!("/proc/{}/status", child.id());
    let (stop, stopped) = std::sync::mpsc::channel::<()>();
    let watching = std::thread::spawn(move || {
        let mut peak = 0;
        loop {
            let text = std::fs::read_to_string(&status).unwrap_or_default();
            let line = text.lines().find_map(|line| line.strip_prefix("VmHWM:"));
            let kilobytes = line.and_then(|l| l.trim().trim_end_matches(" kB").parse::<u64>().ok());
            peak = peak.max(kilobytes.unwrap_or(0) * 1024);
            if stopped.recv_timeout(Duration::from_millis(5)).is_ok() {
                return peak;
            }
        }
    });
    let output = child.wait_with_output().unwrap();
    let _ = stop.send(());
    let peak = watching.join().unwrap();
    assert!(output.status.success(), "{args:?}: {}", shown(&output));
    assert!(peak > 0, "the peak was never seen");
    (Said::read(&String::from_utf8(output.stdout).unwrap()), peak)
}

/// Shares only grow, and end at 1, in each pass.
fn progress_is_told(said: &Said, passes: u64) {
    let told = said.all("progress");
    for pass in 1..=passes {
        let of_pass: Vec<&&Value> = told.iter().filter(|e| e["all"]["pass"] == pass).collect();
        let share = |e: &Value| e["all"]["share"].as_f64().unwrap();
        assert!(of_pass.is_sorted_by_key(|e| share(e)), "{of_pass:?}");
        let last = of_pass.last().unwrap();
        assert_eq!((share(last), &last["share"]), (1.0, &1.0.into()), "{last}");
        assert_eq!(last["all"]["tables_done"], last["all"]["tables"], "{last}");
    }
    assert!(told.iter().all(|e| e["all"]["pass"].as_u64().unwrap() <= passes), "{told:?}");
}

#[test]
fn a_thousand_changes_of_a_million_rows_are_mended_in_little_memory() {
    let (Some(source), Some(target)) = (Place::new(Kind::MariaDb), Place::new(Kind::Postgres))
    else {
        return;
    };
    // Every third key, so that rows can come between.
    let columns = "id bigint PRIMARY KEY, grp int NOT NULL, name varchar(40), pad varchar(200)";
    source.execute(&format!("CREATE TABLE t ({columns})"));
    source.execute(&format!(
        "INSERT INTO t SELECT seq * 3, seq % 100, concat('name ', seq), repeat(md5(seq), 5) \
         FROM seq_1_to_{ROWS}"
    ));
    target.execute(&format!("CREATE TABLE t ({columns})"));
    target.execute(&format!(
        "INSERT INTO t SELECT n * 3, n % 100, concat('name ', n), repeat(md5(n::text), 5) \
         FROM generate_series(1, {ROWS}) n"
    ));
    source.execute("ANALYZE TABLE t");
    target.execute("ANALYZE t");
    let mut random = StdRng::seed_from_u64(11);
    let mut ids: Vec<u64> = (1..=ROWS).map(|n| n * 3).collect();
    ids.shuffle(&mut random);
    let list = |ids: &[u64]| ids.iter().map(u64::to_string).collect::<Vec<_>>().join(",");
    let (gone, rest) = ids.split_at(334);
    let (wrong, rest) = rest.split_at(333);
    let more: Vec<String> = rest[..333]
        .iter()
        .map(|id| format!("({}, 1, 'more', NULL)", id + random.random_range(1..=2)))
        .collect();
    target.execute(&format!("DELETE FROM t WHERE id IN ({})", list(gone)));
    target.execute(&format!("UPDATE t SET pad = NULL, grp = -1 WHERE id IN ({})", list(wrong)));
    target.execute(&format!("INSERT INTO t VALUES {}", more.join(",")));
    let state = folder();
    let (from, to) = (source.url("t"), target.url("t"));
    let args = [from.as_str(), &to, "--repair", "--show", "2000"];
    let (said, peak) = measured(state.path(), &args);
    let kinds = |kind: &str| said.all("difference").iter().filter(|d| d["kind"] == kind).count();
    let found = ["missing", "different", "extra"].map(kinds);
    assert_eq!(found, [334, 333, 333]);
    let repaired = said.all("repaired")[0];
    assert_eq!((&repaired["written"], &repaired["deleted"]), (&667.into(), &333.into()));
    assert_eq!(said.counts(), [ROWS, 0, 0, 0]);
    assert_eq!(said.tables()[0]["method"], "order");
    assert!(peak < LIMIT, "{} MB in the order of the key", peak >> 20);
    progress_is_told(&said, 2);
    // Without a key: by hashes on disk.
    source.execute("ALTER TABLE t DROP PRIMARY KEY");
    target.execute("ALTER TABLE t DROP CONSTRAINT t_pkey");
    let (said, peak) = measured(state.path(), &[&from, &to]);
    assert_eq!((said.counts(), &said.tables()[0]["method"]), ([ROWS, 0, 0, 0], &"hashes".into()));
    assert!(peak < LIMIT, "{} MB by hashes", peak >> 20);
    progress_is_told(&said, 1);
}

#[test]
fn tables_are_chosen_from_stores_and_from_jobs() {
    let Some(target) = Place::new(Kind::Postgres) else { return };
    let source = Place::new(Kind::Sqlite).unwrap();
    for table in ["orders", "orders_old", "people"] {
        source.fill(table, 50, true);
    }
    let state = folder();
    let (from, to) = (source.url(""), target.url(""));
    run_well(state.path(), &["copy", &from, &to, "--quiet"]);
    target.execute("UPDATE people SET name = 'x' WHERE id = 4; DELETE FROM orders_old");
    let names = |said: &Said| -> Vec<String> {
        said.tables().iter().map(|t| t["target"].as_str().unwrap().to_owned()).collect()
    };
    let job = state.path().join("job.yaml");
    let yaml = format!("version: 1\nsource: {{ url: {from:?} }}\nsink: {{ url: {to:?} }}\n");
    std::fs::write(&job, yaml).unwrap();
    let job = job.to_str().unwrap();
    for places in [vec![from.as_str(), to.as_str()], vec![job]] {
        let of = |more: &[&str], code| Said::of(state.path(), &[&places[..], more].concat(), code);
        let one = of(&["--table", "orders"], 0);
        assert!(names(&one)[0].ends_with("orders") && names(&one).len() == 1, "{:?}", names(&one));
        let some = of(&["--table", "orders*"], 3);
        assert_eq!(names(&some).len(), 2);
        progress_is_told(&some, 1);
        assert_eq!(names(&of(&["--table", "o*", "--exclude", "orders_old"], 0)).len(), 1);
        let all = of(&[], 3);
        assert_eq!(names(&all).len(), 3);
        progress_is_told(&all, 1);
    }
}

#[test]
fn files_without_names_and_in_other_forms_are_read_back_as_they_were_written() {
    let source = Place::new(Kind::Sqlite).unwrap();
    source.fill("t", 60, true);
    let state = folder();
    let at = |name: &str| state.path().join(name).display().to_string();
    for name in [
        "a.csv?header=false",
        "a.tsv.gz?header=false&null=-",
        "a.csv.bz2?charset=gb18030&delimiter=;&quote='",
        "a.jsonl.zst",
        "a.txt?escape=\\",
    ] {
        let (from, to) = (source.url("t"), at(name));
        run_well(state.path(), &["copy", &from, &to, "--quiet"]);
        assert_eq!(Said::of(state.path(), &[&from, &to], 0).counts(), [60, 0, 0, 0], "{name}");
    }
}
