//! Secondary indexes: built when the rows are there, several in one pass over them.

use syncline_sql::{Dialect, index_clause};
use syncline_types::{Code, Error, Index, Result, TableName, TableSchema};

use crate::catalog;
use crate::wire::{Conn, Fault};

const SQL: Dialect = Dialect::Mysql;

/// Which indexes are to be built.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Which {
    All,
    /// Those that forbid duplicates.
    Unique,
}

/// Builds the indexes of `table` that `loaded` has not got yet.
///
/// # Errors
/// [`Code::DuplicateKey`] with the rows that have one key.
pub(crate) async fn build(
    conn: &mut Conn,
    table: &TableSchema,
    loaded: &TableName,
    which: Which,
) -> Result<()> {
    if !table.indexes.iter().any(|i| which == Which::All || i.unique) {
        return Ok(());
    }
    let gone = || Error::new(Code::TableChanged, format!("{loaded} is not there any more"));
    let found = catalog::table(conn, loaded).await?.ok_or_else(gone)?.info.schema;
    let there = |index: &Index| {
        found.indexes.iter().any(|i| i.name.to_lowercase() == index.name.to_lowercase())
    };
    let missing: Vec<&Index> =
        table.indexes.iter().filter(|i| !there(i) && (which == Which::All || i.unique)).collect();
    // InnoDB builds one of these at a time.
    let alone = |index: &Index| {
        let definition = index.definition.as_ref().map_or("", |d| d.sql.as_str());
        definition.starts_with("FULLTEXT") || definition.starts_with("SPATIAL")
    };
    // In the order of the source, which is the order in which the server shows them.
    let steps = missing.chunk_by(|a, b| !alone(a) && !alone(b));
    for step in steps {
        let clauses: Vec<String> =
            step.iter().map(|i| format!("ADD {}", index_clause(i))).collect();
        let sql = format!("ALTER TABLE {} {}", SQL.table(loaded), clauses.join(", "));
        match conn.exec(&sql).await {
            Ok(_) => {}
            Err(fault) if matches!(fault.number(), Some(1062 | 1586 | 1859)) => {
                return Err(duplicates(conn, table, loaded, step, fault).await);
            }
            Err(fault) => return Err(Error::from(fault).at(loaded)),
        }
    }
    Ok(())
}

/// Which rows have the key that is there twice.
async fn duplicates(
    conn: &mut Conn,
    table: &TableSchema,
    loaded: &TableName,
    indexes: &[&Index],
    fault: Fault,
) -> Error {
    let hint = "mend the rows at the source, or make the target's index a plain one; \
                the run then goes on from here";
    for index in indexes.iter().filter(|i| i.unique && !i.parts.is_empty()) {
        let value = |part: &syncline_types::IndexPart| match part.prefix {
            Some(n) => format!("LEFT({}, {n})", SQL.quote(&part.column)),
            None => SQL.quote(&part.column),
        };
        let values: Vec<String> = index.parts.iter().map(value).collect();
        let all = values.join(", ");
        let filled: Vec<String> = values.iter().map(|v| format!("{v} IS NOT NULL")).collect();
        let key: Vec<String> = table.key().into_iter().map(|c| SQL.quote(c)).collect();
        let rows = match key.is_empty() {
            true => "NULL, NULL".to_owned(),
            false => {
                let key = format!("CONCAT_WS(', ', {})", key.join(", "));
                format!("MIN({key}), MAX({key})")
            }
        };
        let sql = format!(
            "SELECT COUNT(*), CONCAT_WS(', ', {all}), {rows} FROM {} WHERE {} GROUP BY {all} \
             HAVING COUNT(*) > 1 LIMIT 1",
            SQL.table(loaded),
            filled.join(" AND ")
        );
        let Ok(found) = conn.query(&sql).await else { continue };
        let Some(row) = found.rows.first() else { continue };
        let cell = |at: usize| row.get(at).and_then(Option::as_deref);
        let columns: Vec<&str> = index.parts.iter().map(|p| p.column.as_str()).collect();
        let mut text = format!(
            "{}: {} rows have the same ({}) = ({}), which unique index {} forbids",
            loaded,
            cell(0).unwrap_or("several"),
            columns.join(", "),
            cell(1).unwrap_or_default(),
            index.name
        );
        if let (Some(one), Some(other)) = (cell(2), cell(3)) {
            let key = table.key().join(", ");
            text.push_str(&format!(": among them those of key ({key}) = ({one}) and ({other})"));
        }
        return Error::new(Code::DuplicateKey, text).hint(hint);
    }
    Error::from(fault).at(loaded).hint(hint)
}
