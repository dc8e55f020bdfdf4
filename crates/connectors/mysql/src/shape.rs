//! What a table is made of: columns with their Arrow types from `information_schema`, all else
//! from SHOW CREATE TABLE, which says it in words the server takes back.

use syncline_sql::Dialect;
use syncline_types::{
    Check, Column, DefaultValue, Error, Identity, NativeSql, Partitioning, ReferentialAction,
    Result, TableName, TableSchema,
};

use crate::foreign::Server;
use crate::native::{Described, Native, STORE, field_of, of_flavor};
use crate::statement::{Line, Statement};
use crate::wire::{Conn, Fault, Flavor, Rows};
use crate::words::{Kind, readable, words};

const SQL: Dialect = Dialect::Mysql;

/// A table's definition, and what a person should know of it.
pub(crate) struct Shaped {
    pub(crate) schema: TableSchema,
    pub(crate) notes: Vec<String>,
}

/// Reads the definition of a table. `next` is the next value of its counter.
pub(crate) async fn read(conn: &mut Conn, table: &TableName, next: Option<i128>) -> Result<Shaped> {
    let rows = columns(conn, table).await?;
    let mut notes = Vec::new();
    let sql = match created(conn, table).await {
        Ok(sql) if sql.is_empty() => sql,
        Ok(sql) => Server::signature(conn) + &sql,
        // The account may read some columns only.
        Err(Fault::Server { code: 1142 | 1143 | 1227, .. }) => String::new(),
        Err(fault) => return Err(Error::from(fault).at(table)),
    };
    // The same in effect, but each of the two says only the other.
    let unsaid = match conn.flavor {
        Flavor::MariaDb => ReferentialAction::Restrict,
        Flavor::MySql => ReferentialAction::NoAction,
    };
    let statement = Statement::parse(&sql, unsaid).unwrap_or_default();
    if statement.columns.is_empty() {
        notes
            .push("the account may not see its definition: keys and defaults are not known".into());
    }
    let mut schema = TableSchema::new(table.clone(), []);
    for row in &rows.rows {
        let name = rows.get(row, "COLUMN_NAME").unwrap_or_default();
        let line = statement.columns.iter().find(|l| l.name == name);
        let mut column = column(&rows, row, line, next);
        column.field = of_flavor(column.field, conn.flavor);
        if let Some(condition) = line.and_then(|l| l.check)
            && !is_json(line, name)
        {
            schema.checks.push(Check {
                name: Some(name.to_owned()),
                condition: NativeSql::new(STORE, condition),
                enforced: true,
            });
        }
        schema.columns.push(column);
    }
    let primary = statement.primary.as_ref().map(|(_, parts)| parts.as_slice()).unwrap_or_default();
    schema.primary_key = primary.iter().map(|p| p.column.clone()).collect();
    schema.indexes = statement.keys.iter().map(|k| k.index.clone()).collect();
    schema.checks.extend(statement.checks.iter().map(|(_, check)| check.clone()));
    schema.foreign_keys = statement.foreign_keys.clone();
    for key in &mut schema.foreign_keys {
        if key.references.schema.is_none() {
            key.references.schema = table.schema.clone();
        }
    }
    schema.partitioning = statement
        .partitioning
        .map(|by| Partitioning { by: NativeSql::new(STORE, by), partitions: Vec::new() });
    if !statement.options.is_empty() {
        schema.options = Some(NativeSql::new(STORE, statement.options.as_str()));
    }
    if !sql.is_empty() {
        schema.requires = crate::sequence::required(conn, &schema).await?;
        schema.statements = vec![NativeSql::new(STORE, sql.as_str())];
    }
    Ok(Shaped { schema, notes })
}

/// SHOW CREATE TABLE.
async fn created(conn: &mut Conn, table: &TableName) -> Result<String, Fault> {
    let (_, rows) = conn.query_bytes(&format!("SHOW CREATE TABLE {}", SQL.table(table))).await?;
    let text = rows.into_iter().next().and_then(|row| row.into_iter().nth(1)).flatten();
    Ok(readable(&text.unwrap_or_default()))
}

async fn columns(conn: &mut Conn, table: &TableName) -> Result<Rows> {
    let srid = match (conn.flavor, conn.version) {
        (Flavor::MySql, v) if v >= (8, 0, 0) => "SRS_ID",
        _ => "NULL",
    };
    let sql = format!(
        "SELECT COLUMN_NAME, IS_NULLABLE, COLUMN_TYPE, CHARACTER_SET_NAME, COLLATION_NAME, \
         CHARACTER_MAXIMUM_LENGTH, EXTRA, COLUMN_COMMENT, {srid} AS SRID \
         FROM information_schema.COLUMNS \
         WHERE TABLE_SCHEMA = {} AND TABLE_NAME = {} ORDER BY ORDINAL_POSITION",
        SQL.string(table.schema.as_deref().unwrap_or_default()),
        SQL.string(&table.name)
    );
    Ok(conn.query(&sql).await?)
}

/// Whether MariaDB made the column for the type JSON: a longtext with a check of its own.
pub(crate) fn is_json(line: Option<&Line<'_>>, name: &str) -> bool {
    let check = line.and_then(|l| l.check);
    check.is_some_and(|check| check == format!("json_valid({})", SQL.quote(name)))
}

fn column(
    rows: &Rows,
    row: &[Option<String>],
    line: Option<&Line<'_>>,
    next: Option<i128>,
) -> Column {
    let text = |name| rows.get(row, name);
    let extra = text("EXTRA").unwrap_or_default().to_ascii_lowercase();
    let native = text("COLUMN_TYPE").unwrap_or_default();
    let name = text("COLUMN_NAME").unwrap_or_default();
    let json = native == "longtext"
        && text("COLLATION_NAME") == Some("utf8mb4_bin")
        && is_json(line, name);
    // MySQL keeps the reference system of a geometry column beside its type.
    let native = match text("SRID") {
        _ if json => "json".to_owned(),
        Some(srid) => format!("{native} SRID {srid}"),
        None => native.to_owned(),
    };
    let described = Described {
        name,
        native: &native,
        nullable: text("IS_NULLABLE") == Some("YES"),
        charset: text("CHARACTER_SET_NAME"),
        collation: text("COLLATION_NAME"),
        length: text("CHARACTER_MAXIMUM_LENGTH").and_then(|n| n.parse().ok()),
    };
    let attributes = line.map(|l| l.attributes.join(" ")).filter(|a| !a.is_empty());
    Column {
        default: line.and_then(|l| default(&native, l.default?)),
        identity: extra.contains("auto_increment").then_some(Identity { always: false, next }),
        generated: line.and_then(|l| l.generated.clone()),
        comment: text("COLUMN_COMMENT").filter(|c| !c.is_empty()).map(str::to_owned),
        attributes: attributes.map(|a| NativeSql::new(STORE, a)),
        field: field_of(&described),
    }
}

/// A default as the statement writes it.
pub(crate) fn default(native: &str, sql: &str) -> Option<DefaultValue> {
    let native = Native::parse(native);
    let ours = |sql: &str| Some(DefaultValue::Native { store: STORE.into(), sql: sql.into() });
    let words = words(sql);
    let [word] = words.as_slice() else {
        let now = words.first().is_some_and(|w| w.is("current_timestamp") || w.is("now"));
        return match now {
            true => Some(DefaultValue::CurrentTimestamp),
            false => ours(&format!("({sql})")),
        };
    };
    let whole = |text: &str| {
        let digits = text.strip_prefix('-').unwrap_or(text);
        !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit() || b == b'.')
    };
    match word.kind {
        _ if word.is("NULL") => None,
        _ if word.is("CURRENT_TIMESTAMP") => Some(DefaultValue::CurrentTimestamp),
        Kind::Text if sql.starts_with('\'') => {
            let value = word.value();
            match native.base.as_str() {
                // Word for word: as text they would be of another character set.
                "binary" | "varbinary" | "bit" => ours(sql),
                // Other stores have no such day.
                "date" | "datetime" | "timestamp"
                    if value.contains("-00") || value.starts_with("0000") =>
                {
                    ours(sql)
                }
                // MySQL puts numbers in quotes too: those with an exponent are no plain digits.
                "float" | "double" | "decimal" if !whole(&value) => ours(sql),
                _ => Some(DefaultValue::Value(value)),
            }
        }
        Kind::Plain if whole(sql) => Some(DefaultValue::Value(sql.to_owned())),
        // Bytes, bits, numbers with an exponent, expressions in parentheses.
        _ => ours(sql),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(native: &str, sql: &str) -> Option<DefaultValue> {
        default(native, sql)
    }

    fn value(text: &str) -> Option<DefaultValue> {
        Some(DefaultValue::Value(text.into()))
    }

    fn ours(sql: &str) -> Option<DefaultValue> {
        Some(DefaultValue::Native { store: STORE.into(), sql: sql.into() })
    }

    #[test]
    fn defaults_are_values_where_they_can_be() {
        assert_eq!(of("varchar(9)", r"'it''s\n'"), value("it's\n"));
        assert_eq!(of("varchar(9)", "'NULL'"), value("NULL"));
        assert_eq!(of("int(11)", "NULL"), None);
        assert_eq!(of("int(11)", "-5"), value("-5"));
        assert_eq!(of("int", "'5'"), value("5"));
        assert_eq!(of("double", "1e300"), ours("1e300"));
        assert_eq!(of("double", "'1e300'"), ours("'1e300'"));
        assert_eq!(of("date", "'2020-01-00'"), ours("'2020-01-00'"));
        assert_eq!(of("date", "'2020-01-10'"), value("2020-01-10"));
        assert_eq!(of("datetime", "current_timestamp()"), Some(DefaultValue::CurrentTimestamp));
        assert_eq!(of("datetime", "CURRENT_TIMESTAMP"), Some(DefaultValue::CurrentTimestamp));
        assert_eq!(of("char(36)", "uuid()"), ours("(uuid())"));
        assert_eq!(of("json", "(json_array(_utf8mb4'a'))"), ours("(json_array(_utf8mb4'a'))"));
        assert_eq!(of("bit(4)", "b'101'"), ours("b'101'"));
        assert_eq!(of("varbinary(4)", "X'FF00'"), ours("X'FF00'"));
        assert_eq!(of("binary(3)", r"'a\0b'"), ours(r"'a\0b'"));
        assert_eq!(of("timestamp", "'0000-00-00 00:00:00'"), ours("'0000-00-00 00:00:00'"));
    }
}
