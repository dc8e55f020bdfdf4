//! Sequences of MariaDB that columns of a table count by: made before the table, with the number
//! they have come to.

use syncline_sql::Dialect;
use syncline_types::{
    Code, DefaultValue, Error, NativeSql, Requirement, Result, TableName, TableSchema,
};

use crate::native::STORE;
use crate::wire::Conn;
use crate::words::{Kind, Word, words};

const SQL: Dialect = Dialect::Mysql;
const KIND: &str = "sequence";

/// The sequences that columns count by, as the source has them.
pub(crate) async fn required(conn: &mut Conn, table: &TableSchema) -> Result<Vec<Requirement>> {
    let mut found: Vec<Requirement> = Vec::new();
    for column in &table.columns {
        let Some(DefaultValue::Native { sql, .. }) = &column.default else { continue };
        let Some(name) = sequence(sql) else { continue };
        if found.iter().any(|r| r.name == name) {
            continue;
        }
        let show = conn.query(&format!("SHOW CREATE SEQUENCE {}", SQL.table(&name))).await;
        let rows = show.map_err(|e| Error::from(e).at(&table.name))?;
        let create = rows.rows.first().and_then(|row| rows.get(row, "Create Table"));
        if let Some(create) = create {
            let next = format!("SELECT next_not_cached_value FROM {}", SQL.table(&name));
            let next = conn.query(&next).await?.single().map(str::to_owned);
            let next = next.map(|n| format!(" /* next {n} */")).unwrap_or_default();
            let create = NativeSql::new(STORE, format!("{create}{next}"));
            found.push(Requirement { kind: KIND.into(), name, create });
        }
    }
    Ok(found)
}

/// The sequence that an expression takes the next value of.
fn sequence(sql: &str) -> Option<TableName> {
    let sql = sql.trim_start_matches('(');
    let inside = sql.strip_prefix("nextval")?.trim();
    let names: Vec<String> = words(inside.strip_prefix('(')?)
        .iter()
        .filter(|w| w.kind == Kind::Name)
        .map(Word::value)
        .collect();
    match names.as_slice() {
        [schema, name] => Some(TableName::new(schema, name)),
        _ => None,
    }
}

/// Makes the sequences a table needs beside it, and has the table count by those.
pub(crate) async fn make(conn: &mut Conn, table: &mut TableSchema) -> Result<()> {
    let needed = table.requires.iter().filter(|r| r.kind == KIND);
    for required in needed.cloned().collect::<Vec<_>>() {
        let Some(create) = required.create.of(STORE) else { continue };
        let to = TableName { schema: table.name.schema.clone(), name: required.name.name.clone() };
        let (from, there) = (SQL.table(&required.name), SQL.table(&to));
        if from != there {
            for statement in &mut table.statements {
                statement.sql = statement.sql.replace(&from, &there);
            }
            for column in &mut table.columns {
                if let Some(DefaultValue::Native { sql, .. }) = &mut column.default {
                    *sql = sql.replace(&from, &there);
                }
            }
        }
        let name = words(create).into_iter().find(|w| w.kind == Kind::Name);
        let Some(name) = name else { continue };
        let exists = crate::side::exists(conn, &to).await?;
        if exists {
            continue;
        }
        let sql = format!("CREATE SEQUENCE {there}{}", &create[name.end()..]);
        conn.exec(&sql).await.map_err(|e| Error::from(e).at(&to))?;
        let next = create.rsplit_once("/* next ").and_then(|(_, n)| n.strip_suffix(" */"));
        if let Some(next) = next.and_then(|n| n.parse::<i128>().ok()) {
            let sql = format!("SELECT SETVAL({there}, {next}, 0)");
            conn.query(&sql)
                .await
                .map_err(|e| Error::new(Code::StoreFailed, format!("sequence {to}: {e}")))?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sequence_of_a_default_is_found() {
        assert_eq!(sequence("(nextval(`db`.`s``q`))"), Some(TableName::new("db", "s`q")));
        assert_eq!(sequence("(uuid())"), None);
    }
}
