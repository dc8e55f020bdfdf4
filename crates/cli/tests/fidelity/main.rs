//! The matrix: every native type of every server, with its extremes, to every kind of store and
//! back, by the command itself. What `check` says before the first row is held against what became
//! of each value, which the source's own server tells.
//!
//! `docs/fidelity.md` is the result. `SYNCLINE_BLESS=1` writes it; otherwise it must be current.

#![allow(clippy::unwrap_used, reason = "helpers of tests")]

#[path = "../place/mod.rs"]
mod place;

mod page;
mod store;
mod types;

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::Value;

use place::{folder, run, run_well, shown};
use store::{Kind, Store};

/// What `check` says of a column.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Said {
    pub(crate) to: String,
    pub(crate) word: String,
    pub(crate) why: Option<String>,
    pub(crate) refused: Vec<String>,
}

/// All columns of one pair of stores, as `check` says them.
pub(crate) type Pair = Vec<Said>;

/// Rows that were set aside on one way, by id: the reasons.
type Rejected = BTreeMap<usize, String>;

fn said(state: &Path, from: &str, to: &str) -> Result<Pair, String> {
    let args = ["copy", from, to, "--table", "t", "--to", "t", "--dry-run", "--events", "json"];
    let output = run(state, &args);
    if !output.status.success() {
        return Err(shown(&output));
    }
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    let text = |v: &Value| v.as_str().unwrap_or_default().to_owned();
    let columns = report["tables"][0]["columns"].as_array().unwrap();
    Ok(columns
        .iter()
        .filter(|c| c["from"] != "id")
        .map(|c| Said {
            to: text(&c["to_type"]),
            word: text(&c["fidelity"]),
            why: c["why"].as_str().map(str::to_owned),
            refused: c["refused"].as_array().into_iter().flatten().map(text).collect(),
        })
        .collect())
}

/// Copies table `t`, whatever becomes of single values; the rows set aside.
fn copy(state: &Path, from: &str, to: &str, create: &str) -> Result<Rejected, String> {
    let letters = state.join(format!("letters-{}.jsonl", uuid()));
    let path = letters.display().to_string();
    let args = [
        "copy",
        from,
        to,
        "--table",
        "t",
        "--to",
        "t",
        "--create",
        create,
        "--allow-lossy",
        "--max-errors",
        "100000",
        "--dead-letters",
        &path,
        "--quiet",
        "--write",
        "append",
    ];
    let output = run(state, &args);
    if !output.status.success() {
        return Err(shown(&output));
    }
    let mut rejected = Rejected::new();
    for line in std::fs::read_to_string(&letters).unwrap_or_default().lines() {
        let letter: Value = serde_json::from_str(line).unwrap();
        let row: Value = serde_json::from_str(letter["row"].as_str().unwrap()).unwrap();
        let id = row["id"].as_str().or_else(|| {
            // A line that could not even be read.
            let record = row["record"].as_str()?;
            record.split_once("\"id\":")?.1.split(',').next()
        });
        let id = id.and_then(|id| id.parse().ok());
        let id = id.unwrap_or_else(|| panic!("a dead letter without its id: {line}"));
        rejected.insert(id, letter["reason"].as_str().unwrap_or_default().to_owned());
    }
    Ok(rejected)
}

/// A number no other call has given.
fn uuid() -> usize {
    use std::sync::atomic::{AtomicUsize, Ordering};
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    NEXT.fetch_add(1, Ordering::Relaxed)
}

/// One pair, there and back: what was said, and everything that is not as it was said.
fn pair(source: &Store, kind: Kind) -> Option<(Pair, Vec<String>)> {
    let state = folder();
    let target = Store::empty(kind)?;
    let back = Store::like(source)?;
    let name = format!("{} -> {}", source.kind.name(), kind.name());
    let broken = |what: String| Some((Vec::new(), vec![format!("{name}: {what}")]));
    let said = match said(state.path(), &source.url(), &target.url()) {
        Ok(said) => said,
        Err(why) => return broken(format!("check: {why}")),
    };
    let there = match copy(state.path(), &source.url(), &target.url(), "auto") {
        Ok(rejected) => rejected,
        Err(why) => return broken(format!("there: {why}")),
    };
    let returned = match copy(state.path(), &target.url(), &back.url(), "never") {
        Ok(rejected) => rejected,
        Err(why) => return broken(format!("back: {why}")),
    };
    let wrong = judge(source, &said, &there, &returned, &back);
    Some((said, wrong.into_iter().map(|w| format!("{name}: {w}")).collect()))
}

/// Everything that did not become what was said of it.
fn judge(
    source: &Store,
    said: &[Said],
    there: &Rejected,
    returned: &Rejected,
    back: &Store,
) -> Vec<String> {
    let (before, after) = (source.texts(), back.texts());
    let mut wrong = Vec::new();
    for (id, (column, was)) in &before {
        let said = &said[*column];
        let native = source.types[*column].native;
        let shown = |t: &str| t.chars().take(90).collect::<String>();
        let place = format!("{native} ({} into {}) {}", said.word, said.to, shown(was));
        match (there.get(id), returned.get(id), after.get(id)) {
            (Some(why), ..) if said.word != "lossy" && said.refused.is_empty() => {
                wrong.push(format!("{place}: refused, and check does not say so: {why}"));
            }
            (Some(_), _, None) => {}
            (None, Some(why), None) if said.word != "lossy" => {
                wrong.push(format!("{place}: does not come back: {why}"));
            }
            (None, Some(_), None) => {}
            (None, None, Some((_, is))) if is == was => {}
            (None, None, Some((_, is))) => {
                wrong.push(format!("{place}: CHANGED into {}", shown(is)));
            }
            (None, None, None) => wrong.push(format!("{place}: LOST without a word")),
            (_, _, Some(_)) => wrong.push(format!("{place}: refused, and there all the same")),
        }
    }
    wrong
}

/// All pairs of one source.
fn from(kind: Kind) -> Option<BTreeMap<Kind, Pair>> {
    let source = Store::filled(kind)?;
    let mut pairs = BTreeMap::new();
    let mut wrong = Vec::new();
    for target in Kind::ALL {
        let Some((said, found)) = pair(&source, target) else { continue };
        pairs.insert(target, said);
        wrong.extend(found);
    }
    assert!(wrong.is_empty(), "{} values are not as said:\n{}", wrong.len(), wrong.join("\n"));
    page::check(&source, &pairs);
    Some(pairs)
}

#[test]
fn every_type_of_mariadb_to_every_store_and_back() {
    from(Kind::MariaDb);
}

#[test]
fn every_type_of_mysql_to_every_store_and_back() {
    from(Kind::MySql);
}

#[test]
fn every_type_of_postgres_to_every_store_and_back() {
    from(Kind::Postgres);
}

#[test]
fn every_type_of_sqlite_to_every_store_and_back() {
    from(Kind::Sqlite);
}

/// MySQL, Parquet, PostgreSQL, CSV and MySQL again: the same bytes wherever `check` promised it.
#[test]
fn the_way_around_all_of_them_ends_where_it_began() {
    for kind in [Kind::MySql, Kind::MariaDb] {
        let Some(source) = Store::filled(kind) else { continue };
        let ways = [Kind::Parquet, Kind::Postgres, Kind::Csv].map(Store::empty);
        let [Some(parquet), Some(postgres), Some(csv)] = ways else { continue };
        let last = Store::like(&source).unwrap();
        let state = folder();
        let stations = [&source, &parquet, &postgres, &csv, &last];
        let mut exact = vec![true; source.types.len()];
        let mut rejected = Rejected::new();
        for hop in stations.windows(2) {
            let (from, to) = (hop[0].url(), hop[1].url());
            if !std::ptr::eq(hop[1], &last) {
                let said = said(state.path(), &from, &to).unwrap_or_else(|e| panic!("{e}"));
                for (exact, said) in exact.iter_mut().zip(&said) {
                    *exact &= said.word != "lossy";
                }
            }
            let create = if std::ptr::eq(hop[1], &last) { "never" } else { "auto" };
            rejected
                .extend(copy(state.path(), &from, &to, create).unwrap_or_else(|e| panic!("{e}")));
        }
        let (before, after) = (source.texts(), last.texts());
        let mut same = 0;
        for (id, (column, was)) in &before {
            let native = source.types[*column].native;
            match after.get(id) {
                Some((_, is)) if is == was => same += 1,
                Some((_, is)) => panic!("{kind:?} {native}: {was} came back as {is}"),
                None => assert!(
                    rejected.contains_key(id),
                    "{kind:?} {native}: {was} was lost without a word"
                ),
            }
            let why = rejected.get(id).map(String::as_str).unwrap_or_default();
            let odd = ["infinity", "day zero", "no such day", "U+0000", "no −0"]
                .iter()
                .any(|o| why.contains(o));
            assert!(
                !exact[*column] || why.is_empty() || odd,
                "{kind:?} {native}: {was}, said to be exact, was refused: {why}"
            );
        }
        assert!(same * 10 > before.len() * 9, "{kind:?}: {same} of {} came back", before.len());
    }
}

#[test]
fn a_bad_row_is_kept_and_can_be_replayed_while_all_others_arrive() {
    let state = folder();
    let target = folder();
    let csv = state.path().join("big.csv");
    let rows = 20_000;
    let mut text = String::from("id,n\n");
    for id in 0..rows {
        let n = if id == 15_555 { "oops".to_owned() } else { (id * 3).to_string() };
        text.push_str(&format!("{id},{n}\n"));
    }
    std::fs::write(&csv, text).unwrap();
    let url = format!("sqlite:{}", target.path().join("t.db").display());
    let from = format!("{}?types=n:int64", csv.display());
    run_well(state.path(), &["copy", &from, &url, "--to", "t", "--max-errors", "1", "--quiet"]);
    let count = || -> (i64, i64) {
        let open = rusqlite::Connection::open(target.path().join("t.db")).unwrap();
        open.query_row("SELECT count(*), coalesce(sum(n), 0) FROM t", [], |r| {
            Ok((r.get(0)?, r.get(1)?))
        })
        .unwrap()
    };
    assert_eq!(count().0, rows - 1);
    let listed = run_well(state.path(), &["dead-letters", "list", "--json"]);
    let letter: Value = serde_json::from_str(listed.lines().next().unwrap()).unwrap();
    assert!(letter["reason"].as_str().unwrap().contains("oops"), "{letter}");
    let run_id = letter["run"].as_str().unwrap();
    run_well(state.path(), &["dead-letters", "replay", run_id, "--set", "n=46665"]);
    assert_eq!(count(), (rows, (0..rows).map(|id| id * 3).sum()));
}
