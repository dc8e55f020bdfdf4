//! Tables of the target: made, made beside one that is there and swapped in, with their indexes,
//! counters and foreign keys.

use rusqlite::{Connection, OptionalExtension};
use syncline_connector::{WriteMode, WriteTask};
use syncline_sql::{Dialect, create_indexes, create_table};
use syncline_types::{Code, Error, Index, Result, TableName, TableSchema};

use crate::catalog::Table;
use crate::checkpoint::Owner;
use crate::database::map_error;
use crate::definition;
use crate::reuse;

pub(crate) fn owner(task: &WriteTask) -> Owner {
    Owner { run: task.run.clone(), target: task.table.name.name.clone(), epoch: task.epoch }
}

/// Whether rows go into a table beside the one that is there.
pub(crate) fn uses_side(task: &WriteTask) -> bool {
    task.write == WriteMode::Replace && task.exists && !task.empty_at_start
}

/// The name of the table beside: of this run alone, so that another's leftovers are never taken.
pub(crate) fn side_name(task: &WriteTask) -> String {
    format!("_syncline_{}_{}", task.run, task.table.name.name)
}

/// The name rows are written to.
pub(crate) fn written_name(task: &WriteTask) -> String {
    if uses_side(task) { side_name(task) } else { task.table.name.name.clone() }
}

pub(crate) fn exists(connection: &Connection, table: &str) -> Result<bool> {
    connection
        .query_row(
            "SELECT 1 FROM sqlite_schema WHERE type = 'table' AND lower(name) = lower(?1)",
            [table],
            |_| Ok(()),
        )
        .optional()
        .map(|found| found.is_some())
        .map_err(map_error)
}

/// The table as SQLite has it: no schema.
pub(crate) fn bare(table: &TableSchema) -> TableSchema {
    TableSchema { name: TableName::bare(&table.name.name), ..table.clone() }
}

pub(crate) fn make_side(connection: &Connection, task: &WriteTask) -> Result<()> {
    let side = side_name(task);
    if owner(task).has_swapped(connection)? || exists(connection, &side)? {
        return Ok(());
    }
    let name = &task.table.name;
    let old = Table::load(connection, &name.name)?
        .ok_or_else(|| Error::new(Code::TableChanged, format!("table {name} is gone")))?;
    let sql = definition::renamed(old.sql(), &Dialect::Sqlite.quote(&side)).ok_or_else(|| {
        Error::new(Code::Unsupported, format!("table {name} cannot be made beside itself"))
    })?;
    connection.execute_batch(&sql).map_err(map_error)
}

/// Makes a table that is not there: by the statement of another file, where that makes the table
/// that is wanted.
pub(crate) fn make_table(connection: &Connection, table: &TableSchema) -> Result<()> {
    if exists(connection, &table.name.name)? {
        return Ok(());
    }
    let sql = match reuse::statements(table) {
        Some(statements) => statements.create,
        None => create_table(Dialect::Sqlite, table),
    };
    connection.execute_batch(&sql).map_err(map_error)
}

/// The side table takes the place of the old one, with its indexes and triggers.
pub(crate) fn swap(connection: &Connection, task: &WriteTask, check_keys: bool) -> Result<()> {
    let owner = owner(task);
    if owner.has_swapped(connection)? {
        return Ok(());
    }
    let name = &task.table.name.name;
    let old = Table::load(connection, name)?.map(|t| t.name().to_owned());
    let name = old.as_ref().unwrap_or(name);
    let made_for: Vec<String> = connection
        .prepare(
            "SELECT sql FROM sqlite_schema WHERE tbl_name = ?1 AND type IN ('index', 'trigger') \
             AND sql IS NOT NULL ORDER BY type, rowid",
        )
        .and_then(|mut s| s.query_map([name], |row| row.get(0))?.collect())
        .map_err(map_error)?;
    let quoted = Dialect::Sqlite.quote(name);
    let side = Dialect::Sqlite.quote(&side_name(task));
    let move_in = format!("DROP TABLE IF EXISTS {quoted}; ALTER TABLE {side} RENAME TO {quoted}");
    // One by one, so that each keeps its text as it was typed.
    for sql in std::iter::once(&move_in).chain(&made_for) {
        connection.execute_batch(sql).map_err(map_error)?;
    }
    if check_keys {
        check_foreign_keys(connection, name)?;
    }
    owner.set_swapped(connection)
}

pub(crate) fn check_foreign_keys(connection: &Connection, table: &str) -> Result<()> {
    let sql = "SELECT \"parent\", count(*), min(\"rowid\") FROM pragma_foreign_key_check(?1) \
               GROUP BY 1 LIMIT 1";
    let broken: Option<(String, i64, Option<i64>)> = connection
        .query_row(sql, [table], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))
        .optional()
        .map_err(map_error)?;
    match broken {
        None => Ok(()),
        Some((parent, rows, rowid)) => {
            let example = rowid.map(|id| format!(", such as the one of rowid {id}"));
            let message = format!(
                "{table}: {rows} rows point to rows of {parent} that are not there{}",
                example.unwrap_or_default()
            );
            Err(Error::new(Code::ForeignKey, message)
                .hint("copy the tables they point to first, or set foreign_keys=false"))
        }
    }
}

/// Makes the indexes that are not there. Their names share one space with those of tables and of
/// other tables' indexes; one that is taken gets a number.
pub(crate) fn make_indexes(connection: &Connection, table: &TableSchema) -> Result<()> {
    let reused = reuse::statements(table);
    for index in &table.indexes {
        if let Some(reused) = &reused {
            let text = reused.indexes.iter().find(|(name, _)| *name == index.name);
            if let (Some((name, sql)), false) = (text, index.constraint)
                && !is_taken(connection, name)?
            {
                let made = connection.execute_batch(sql).map_err(map_error);
                made.map_err(|e| broken(connection, table, index, e))?;
                continue;
            }
            // The table's own statement has made it.
            if index.constraint {
                continue;
            }
        }
        for n in 1.. {
            let mut named = index.clone();
            if n > 1 {
                named.name = format!("{}_{n}", index.name);
            }
            let taken: Option<bool> = connection
                .query_row(
                    "SELECT type = 'index' AND lower(tbl_name) = lower(?2) FROM sqlite_schema \
                     WHERE lower(name) = lower(?1)",
                    [&named.name, &table.name.name],
                    |row| row.get(0),
                )
                .optional()
                .map_err(map_error)?;
            match taken {
                Some(true) => break,
                Some(false) => continue,
                None => {}
            }
            let one = TableSchema { indexes: vec![named], ..table.clone() };
            for sql in create_indexes(Dialect::Sqlite, &one)? {
                let made = connection.execute_batch(&sql).map_err(map_error);
                made.map_err(|e| broken(connection, table, index, e))?;
            }
            break;
        }
    }
    Ok(())
}

/// The error of an index that rows do not fulfil, with which of them are in the way.
fn broken(connection: &Connection, table: &TableSchema, index: &Index, error: Error) -> Error {
    if error.code() != Code::DuplicateKey {
        return error;
    }
    let (index_name, name) = (&index.name, &table.name);
    let rows = match duplicates(connection, table, index) {
        Ok(Some(rows)) => rows,
        Ok(None) | Err(_) => error.message().to_owned(),
    };
    Error::new(Code::StoreFailed, format!("index {index_name} of {name} is unique: {rows}")).hint(
        "mend or delete the rows at the target, then start the same command again: it goes on; or \
         start over from a source without them",
    )
}

/// Which rows are in the way of a unique index over plain columns.
fn duplicates(
    connection: &Connection,
    table: &TableSchema,
    index: &Index,
) -> rusqlite::Result<Option<String>> {
    if index.definition.is_some() || index.parts.is_empty() {
        return Ok(None);
    }
    let quote = |name: &str| Dialect::Sqlite.quote(name);
    let shown = |names: &[String]| {
        let texts: Vec<String> = names.iter().map(|name| format!("quote({name})")).collect();
        texts.join(" || ', ' || ")
    };
    let columns: Vec<String> = index.parts.iter().map(|part| quote(&part.column)).collect();
    let key: Vec<String> = table.primary_key.iter().map(|name| quote(name)).collect();
    let key = if key.is_empty() { vec!["rowid".to_owned()] } else { key };
    let there: Vec<String> = columns.iter().map(|c| format!("{c} IS NOT NULL")).collect();
    let sql = format!(
        "SELECT {}, group_concat('(' || {} || ')', ', '), count(*) FROM {} WHERE {} GROUP BY {} \
         HAVING count(*) > 1 LIMIT 1",
        shown(&columns),
        shown(&key),
        Dialect::Sqlite.table(&table.name),
        there.join(" AND "),
        columns.join(", "),
    );
    let found = connection.query_row(&sql, [], |row| {
        Ok((row.get::<_, String>(0)?, row.get::<_, String>(1)?, row.get::<_, i64>(2)?))
    });
    let (values, rows, count) = match found.optional()? {
        Some(found) => found,
        None => return Ok(None),
    };
    let short = |text: &str| text.chars().take(100).collect::<String>();
    let (values, rows) = (short(&values), short(&rows));
    let (columns, key) = (columns.join(", "), key.join(", "));
    Ok(Some(format!(
        "the {count} rows with ({key}) = {rows} have the same ({columns}) = ({values})"
    )))
}

fn is_taken(connection: &Connection, name: &str) -> Result<bool> {
    connection
        .query_row("SELECT 1 FROM sqlite_schema WHERE lower(name) = lower(?1)", [name], |_| Ok(()))
        .optional()
        .map(|found| found.is_some())
        .map_err(map_error)
}

/// Makes the next number of an AUTOINCREMENT key at least the source's.
pub(crate) fn set_sequence(connection: &Connection, table: &TableSchema) -> Result<()> {
    let next = table.columns.iter().find_map(|c| c.identity?.next);
    let Some(last) = next.and_then(|next| i64::try_from(next - 1).ok()) else { return Ok(()) };
    let has_sequence = exists(connection, "sqlite_sequence")?;
    if last < 1 || !has_sequence {
        return Ok(());
    }
    let name = &table.name.name;
    let known = connection
        .execute("UPDATE sqlite_sequence SET seq = max(seq, ?2) WHERE name = ?1", (name, last))
        .map_err(map_error)?;
    if known == 0 {
        connection
            .execute("INSERT INTO sqlite_sequence (name, seq) VALUES (?1, ?2)", (name, last))
            .map_err(map_error)?;
    }
    Ok(())
}
