//! A log of changes in files, replayed on the snapshot before it.

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::{Map, Value};

/// Rows as they are, each with how often it is there.
pub(crate) type Rows = BTreeMap<String, usize>;

/// The lines of JSON in a file.
pub(crate) fn lines_of(path: &Path) -> Vec<Value> {
    let text = std::fs::read_to_string(path).expect("a file of lines");
    text.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect()
}

/// The changes of a table, in their order; none where there is no segment.
pub(crate) fn changes_of(folder: &Path, table: &str) -> Vec<Value> {
    let Ok(segments) = std::fs::read_dir(folder.join(table)) else { return Vec::new() };
    let mut segments: Vec<_> = segments.map(|entry| entry.expect("a segment").path()).collect();
    segments.sort();
    segments.iter().flat_map(|path| lines_of(path)).collect()
}

/// The rows of a table by their key `id`, from a snapshot and the log of changes behind it. Unless
/// the snapshot is of one moment, what the log tells may be in it already.
pub(crate) fn replayed(
    folder: &Path,
    table: &str,
    one_moment: bool,
) -> BTreeMap<i64, Map<String, Value>> {
    let id = |row: &Value| row["id"].as_i64().expect("a key");
    let object = |row: &Value| row.as_object().expect("a row").clone();
    let snapshot = lines_of(&folder.join(format!("{table}.jsonl")));
    let mut rows: BTreeMap<_, _> = snapshot.iter().map(|row| (id(row), object(row))).collect();
    for line in changes_of(folder, table) {
        let old = line["before"].get("id").and_then(Value::as_i64);
        match line["op"].as_str().expect("an operation") {
            "delete" => {
                let gone = rows.remove(&old.expect("its key"));
                assert!(gone.is_some() || !one_moment, "no such row: {line}");
            }
            "insert" => {
                let before = rows.insert(id(&line["after"]), object(&line["after"]));
                assert!(before.is_none() || !one_moment, "it is there already: {line}");
            }
            // What the log does not tell stays as it was.
            "update" => {
                let key = old.unwrap_or_else(|| id(&line["after"]));
                let row = rows.remove(&key);
                assert!(row.is_some() || !one_moment, "no such row: {line}");
                let mut row = row.unwrap_or_default();
                row.extend(object(&line["after"]));
                rows.insert(id(&line["after"]), row);
            }
            other => panic!("{other}: {line}"),
        }
    }
    rows
}

/// The rows of a table without a key, of which the log tells each change once.
pub(crate) fn counted(folder: &Path, table: &str, columns: &[&str]) -> Rows {
    let shown = |row: &Value| columns.iter().map(|c| said(&row[c])).collect::<Vec<_>>().join("|");
    let mut rows = Rows::new();
    for row in lines_of(&folder.join(format!("{table}.jsonl"))) {
        *rows.entry(shown(&row)).or_default() += 1;
    }
    for line in changes_of(folder, table) {
        let op = line["op"].as_str().expect("an operation");
        if matches!(op, "delete" | "update") {
            let row = shown(&line["before"]);
            let times = rows.get_mut(&row).unwrap_or_else(|| panic!("no row {row}: {line}"));
            *times = times.checked_sub(1).unwrap_or_else(|| panic!("no row {row}: {line}"));
        }
        if matches!(op, "insert" | "update") {
            *rows.entry(shown(&line["after"])).or_default() += 1;
        }
    }
    rows.retain(|_, times| *times > 0);
    rows
}

/// A value as the servers say it.
pub(crate) fn said(value: &Value) -> String {
    match value {
        Value::Null => "NULL".to_owned(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}
