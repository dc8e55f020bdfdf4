//! Whether two stores hold the same rows: by key where a table has one, as often where it has none.

use std::collections::BTreeMap;
use std::path::Path;

use rusqlite::types::ValueRef;

use super::{Form, TABLES, Table};
use crate::Database;

/// A store that holds the tables of the load.
#[derive(Clone, Copy)]
pub enum Store<'a> {
    /// A database of MySQL or MariaDB.
    MySql(&'a Database),
    /// A database of PostgreSQL.
    Postgres(&'a Database),
    /// A file of SQLite.
    Sqlite(&'a Path),
}

/// The rows of every table by name, as texts in one form for all stores, each with how often it is
/// there.
pub type Contents = BTreeMap<String, BTreeMap<Vec<Option<String>>, usize>>;

/// What a store holds.
///
/// # Errors
/// The store's words: a table is missing.
pub fn contents(store: Store<'_>) -> Result<Contents, String> {
    TABLES
        .iter()
        .map(|table| {
            let mut rows = BTreeMap::new();
            for row in rows_of(store, table)? {
                let values = row.into_iter().zip(table.columns);
                let row = values.map(|(v, (_, form))| v.map(|v| canonical(*form, &v))).collect();
                *rows.entry(row).or_insert(0) += 1;
            }
            Ok((table.name.to_owned(), rows))
        })
        .collect()
}

/// What is not the same, for people; `None` when all is.
pub fn differences(source: &Contents, target: &Contents) -> Option<String> {
    let mut text = String::new();
    for table in &TABLES {
        let (Some(source), Some(target)) = (source.get(table.name), target.get(table.name)) else {
            text.push_str(&format!("{}: not there\n", table.name));
            continue;
        };
        let missing: Vec<_> =
            source.iter().filter(|(row, n)| target.get(*row).copied().unwrap_or(0) < **n).collect();
        let surplus: Vec<_> =
            target.iter().filter(|(row, n)| source.get(*row).copied().unwrap_or(0) < **n).collect();
        if missing.is_empty() && surplus.is_empty() {
            continue;
        }
        let count = |rows: &BTreeMap<_, usize>| rows.values().sum::<usize>();
        text.push_str(&format!(
            "{}: {} rows at the source, {} at the target; {} missing, {} too many\n",
            table.name,
            count(source),
            count(target),
            missing.len(),
            surplus.len()
        ));
        for (word, rows) in [("missing", missing), ("surplus", surplus)] {
            for (row, times) in rows.into_iter().take(3) {
                let shown: String = format!("{row:?}").chars().take(300).collect();
                text.push_str(&format!("  {word} {shown} ({times} times)\n"));
            }
        }
    }
    (!text.is_empty()).then_some(text)
}

fn rows_of(store: Store<'_>, table: &Table) -> Result<Vec<Vec<Option<String>>>, String> {
    let columns: Vec<String> = table
        .columns
        .iter()
        .map(|(name, form)| match (store, form) {
            (Store::MySql(_), Form::Bytes) => format!("concat('0x', lower(hex({name})))"),
            _ => (*name).to_owned(),
        })
        .collect();
    let sql = format!("SELECT {} FROM {}", columns.join(", "), table.name);
    match store {
        Store::MySql(database) | Store::Postgres(database) => database.try_rows(&sql),
        Store::Sqlite(path) => sqlite_rows(path, &sql).map_err(|e| e.to_string()),
    }
}

fn sqlite_rows(path: &Path, sql: &str) -> rusqlite::Result<Vec<Vec<Option<String>>>> {
    let connection = rusqlite::Connection::open(path)?;
    connection.busy_timeout(std::time::Duration::from_secs(10))?;
    let mut statement = connection.prepare(sql)?;
    let columns = statement.column_count();
    let text = |value: ValueRef<'_>| match value {
        ValueRef::Null => None,
        ValueRef::Integer(number) => Some(number.to_string()),
        ValueRef::Real(number) => Some(number.to_string()),
        ValueRef::Text(text) => Some(String::from_utf8_lossy(text).into_owned()),
        ValueRef::Blob(bytes) => {
            let hex: String = bytes.iter().map(|b| format!("{b:02x}")).collect();
            Some(format!("0x{hex}"))
        }
    };
    let row = |row: &rusqlite::Row<'_>| (0..columns).map(|i| row.get_ref(i).map(text)).collect();
    statement.query_map([], row)?.collect()
}

/// The text of a value in the form all stores share.
pub(super) fn canonical(form: Form, text: &str) -> String {
    match form {
        Form::Plain => text.to_owned(),
        Form::Decimal => trim_fraction(text),
        Form::Float => text.parse::<f64>().map_or_else(|_| text.to_owned(), |n| n.to_string()),
        Form::Moment => trim_fraction(&text.replace('T', " ")),
        Form::Bytes => match text.strip_prefix("\\x").or_else(|| text.strip_prefix("0x")) {
            Some(hex) => hex.to_owned(),
            None => text.bytes().map(|b| format!("{b:02x}")).collect(),
        },
    }
}

fn trim_fraction(text: &str) -> String {
    match text.contains('.') {
        true => text.trim_end_matches('0').trim_end_matches('.').to_owned(),
        false => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn holding(rows: &[(&str, usize)]) -> Contents {
        let mut all: Contents =
            TABLES.iter().map(|t| (t.name.to_owned(), BTreeMap::new())).collect();
        let rows = rows.iter().map(|(row, times)| (vec![Some((*row).to_owned())], *times));
        all.insert("happenings".to_owned(), rows.collect());
        all
    }

    #[test]
    fn a_row_too_few_or_too_many_is_named() {
        let source = holding(&[("a", 2), ("b", 1)]);
        assert_eq!(differences(&source, &source), None);
        let fewer = differences(&source, &holding(&[("a", 1), ("b", 1)])).unwrap();
        assert!(fewer.contains("1 missing, 0 too many"), "{fewer}");
        let more = differences(&source, &holding(&[("a", 2), ("b", 1), ("c", 1)])).unwrap();
        assert!(more.contains("0 missing, 1 too many"), "{more}");
    }

    #[test]
    fn one_value_has_one_text() {
        for (form, texts) in [
            (Form::Decimal, ["1.50", "1.5"]),
            (Form::Moment, ["2024-01-01T00:00:00.100000", "2024-01-01 00:00:00.1"]),
            (Form::Float, ["2", "2.0"]),
            (Form::Bytes, ["0xff00", "\\xff00"]),
        ] {
            assert_eq!(canonical(form, texts[0]), canonical(form, texts[1]));
        }
    }
}
