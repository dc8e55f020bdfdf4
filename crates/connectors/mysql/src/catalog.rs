//! What there is in a server: its tables, from `information_schema`. What each is made of stands
//! in `shape`.

use std::collections::HashSet;

use arrow::datatypes::Field;
use syncline_sql::Dialect;
use syncline_types::{
    Code, Column, Error, Result, TableInfo, TableName, TableSelection, did_you_mean, field,
};

use crate::native::{Native, STORE};
use crate::shape;
use crate::wire::Conn;

/// A table as it lies in the server.
#[derive(Debug, Clone)]
pub(crate) struct Found {
    pub(crate) info: TableInfo,
    /// `InnoDB`, `MyISAM`, …
    pub(crate) engine: String,
}

impl Found {
    /// Whether its rows can be part of a transaction.
    pub(crate) fn is_transactional(&self) -> bool {
        is_transactional(&self.engine)
    }
}

/// Whether rows of tables of this engine can be part of a transaction.
pub(crate) fn is_transactional(engine: &str) -> bool {
    ["InnoDB", "ROCKSDB", "TokuDB", "ndbcluster"].iter().any(|e| e.eq_ignore_ascii_case(engine))
}

/// Schemas that hold no data of users.
const SYSTEM: &str = "('information_schema', 'performance_schema', 'mysql', 'sys')";

struct Listed {
    name: TableName,
    kind: String,
    engine: String,
    rows: Option<u64>,
    bytes: Option<u64>,
    next: Option<i128>,
    comment: Option<String>,
}

impl Listed {
    fn is_table(&self) -> bool {
        self.kind == "BASE TABLE" || self.kind == "SYSTEM VERSIONED"
    }
}

fn literal(text: &str) -> String {
    Dialect::Mysql.string(text)
}

async fn list(conn: &mut Conn, condition: &str) -> Result<Vec<Listed>> {
    let sql = format!(
        "SELECT TABLE_SCHEMA, TABLE_NAME, TABLE_TYPE, ENGINE, TABLE_ROWS, DATA_LENGTH, \
         AUTO_INCREMENT, TABLE_COMMENT FROM information_schema.TABLES WHERE {condition} \
         ORDER BY TABLE_SCHEMA, TABLE_NAME"
    );
    let rows = conn.query(&sql).await?;
    let read = |row: &Vec<Option<String>>| {
        let text = |name| rows.get(row, name);
        let number = |name| text(name).and_then(|n| n.parse().ok());
        Listed {
            name: TableName::new(
                text("TABLE_SCHEMA").unwrap_or_default(),
                text("TABLE_NAME").unwrap_or_default(),
            ),
            kind: text("TABLE_TYPE").unwrap_or_default().to_owned(),
            engine: text("ENGINE").unwrap_or_default().to_owned(),
            rows: number("TABLE_ROWS"),
            bytes: number("DATA_LENGTH"),
            next: text("AUTO_INCREMENT").and_then(|n| n.parse().ok()),
            // A view's comment is the word VIEW.
            comment: text("TABLE_COMMENT").filter(|c| !c.is_empty()).map(str::to_owned),
        }
    };
    Ok(rows.rows.iter().map(read).collect())
}

/// What a schema has beside tables and is not copied, in words for people.
pub(crate) async fn not_copied(conn: &mut Conn, database: &str) -> Result<Vec<String>> {
    let condition =
        format!("TABLE_SCHEMA = {} AND TABLE_TYPE IN ('VIEW', 'SEQUENCE')", literal(database));
    let found = list(conn, &condition).await?;
    let of = |kind: &str| -> Vec<&str> {
        found.iter().filter(|t| t.kind == kind).map(|t| t.name.name.as_str()).collect()
    };
    let (views, sequences) = (of("VIEW"), of("SEQUENCE"));
    let mut notes = Vec::new();
    if !views.is_empty() {
        notes.push(format!("views are not copied: {}", views.join(", ")));
    }
    if !sequences.is_empty() {
        let names = sequences.join(", ");
        notes.push(format!("sequences are copied only with tables that count by them: {names}"));
    }
    let sql = format!(
        "SELECT TRIGGER_NAME FROM information_schema.TRIGGERS WHERE TRIGGER_SCHEMA = {} ORDER BY 1",
        literal(database)
    );
    let triggers = conn.query(&sql).await?;
    if !triggers.rows.is_empty() {
        let names = triggers.rows.iter().filter_map(|row| row.first()?.as_deref());
        let names: Vec<&str> = names.collect();
        notes.push(format!("triggers are not copied: {}", names.join(", ")));
    }
    Ok(notes)
}

/// The tables selected, in name order.
pub(crate) async fn discover(
    conn: &mut Conn,
    selection: &TableSelection,
    database: Option<&str>,
) -> Result<Vec<Found>> {
    let condition = match database {
        Some(database) if !selection.crosses_schemas() => {
            format!("TABLE_SCHEMA = {}", literal(database))
        }
        Some(database) => {
            format!("(TABLE_SCHEMA NOT IN {SYSTEM} OR TABLE_SCHEMA = {})", literal(database))
        }
        None => {
            let named: Vec<String> =
                selection.include.iter().filter_map(|p| p.schema()).map(literal).collect();
            match named.is_empty() {
                true => format!("TABLE_SCHEMA NOT IN {SYSTEM}"),
                false => {
                    let named = named.join(", ");
                    format!("(TABLE_SCHEMA NOT IN {SYSTEM} OR TABLE_SCHEMA IN ({named}))")
                }
            }
        }
    };
    let listed = list(conn, &condition).await?;
    for pattern in &selection.include {
        let Some(wanted) = pattern.exact(database) else { continue };
        missing(&listed, &wanted)?;
    }
    let mut found = Vec::new();
    for table in listed {
        if table.is_table() && !is_ours(&table.name) && selection.selects(&table.name, database) {
            found.push(describe(conn, table).await?);
        }
    }
    Ok(found)
}

/// Whether a table was made by a run of ours for itself.
pub(crate) fn is_ours(name: &TableName) -> bool {
    name.name == crate::checkpoint::TABLE || name.name.starts_with(crate::side::PREFIX)
}

/// A list of literals, for IN.
fn literals(texts: &[&str]) -> String {
    let texts: Vec<String> = texts.iter().map(|t| literal(t)).collect();
    texts.join(", ")
}

/// The names of all tables of some databases.
pub(crate) async fn names(conn: &mut Conn, databases: &[&str]) -> Result<Vec<TableName>> {
    if databases.is_empty() {
        return Ok(Vec::new());
    }
    let sql = format!(
        "SELECT TABLE_SCHEMA, TABLE_NAME FROM information_schema.TABLES \
         WHERE TABLE_SCHEMA IN ({}) AND TABLE_TYPE IN ('BASE TABLE', 'SYSTEM VERSIONED')",
        literals(databases)
    );
    Ok(pairs(conn, &sql).await?)
}

/// The tables of some databases that have triggers.
pub(crate) async fn triggered(conn: &mut Conn, databases: &[&str]) -> Result<HashSet<TableName>> {
    if databases.is_empty() {
        return Ok(HashSet::new());
    }
    let sql = format!(
        "SELECT DISTINCT EVENT_OBJECT_SCHEMA, EVENT_OBJECT_TABLE FROM information_schema.TRIGGERS \
         WHERE EVENT_OBJECT_SCHEMA IN ({})",
        literals(databases)
    );
    Ok(pairs(conn, &sql).await?.into_iter().collect())
}

async fn pairs(conn: &mut Conn, sql: &str) -> Result<Vec<TableName>, crate::wire::Fault> {
    let rows = conn.query(sql).await?.rows.into_iter();
    let pair = |row: Vec<Option<String>>| {
        let mut values = row.into_iter().flatten();
        Some(TableName::new(values.next()?, values.next()?))
    };
    Ok(rows.filter_map(pair).collect())
}

/// An error when a table that was named is not there.
fn missing(listed: &[Listed], wanted: &TableName) -> Result<()> {
    let fits = |t: &&Listed| {
        t.name.name == wanted.name
            && wanted.schema.as_ref().is_none_or(|s| t.name.schema.as_ref() == Some(s))
    };
    let near = || {
        let same_schema = |t: &&Listed| wanted.schema.is_none() || t.name.schema == wanted.schema;
        let names = listed.iter().filter(same_schema).filter(|t| t.is_table());
        did_you_mean(&wanted.name, names.map(|t| t.name.name.as_str()))
    };
    match listed.iter().find(fits) {
        Some(table) if table.is_table() => Ok(()),
        Some(table) => {
            let text = format!("{} is a {}, not a table", table.name, table.kind.to_lowercase());
            Err(Error::new(Code::TableNotFound, text)
                .hint("its rows can be copied with --query 'SELECT * FROM …'"))
        }
        None => Err(Error::new(Code::TableNotFound, format!("no table {wanted}{}", near()))),
    }
}

/// One table by its name; `None` when there is none.
pub(crate) async fn table(conn: &mut Conn, name: &TableName) -> Result<Option<Found>> {
    let schema = match &name.schema {
        Some(schema) => literal(schema),
        None => "DATABASE()".into(),
    };
    let condition = format!("TABLE_SCHEMA = {schema} AND TABLE_NAME = {}", literal(&name.name));
    let Some(listed) = list(conn, &condition).await?.into_iter().next() else { return Ok(None) };
    if !listed.is_table() {
        let text = format!("{name} is a {}, not a table", listed.kind.to_lowercase());
        return Err(Error::new(Code::Unsupported, text).hint("give the target another name: --to"));
    }
    Ok(Some(describe(conn, listed).await?))
}

async fn describe(conn: &mut Conn, table: Listed) -> Result<Found> {
    let next = table.next;
    let shape::Shaped { mut schema, mut notes } = shape::read(conn, &table.name, next).await?;
    schema.comment = table.comment;
    if crate::key::of(&schema).is_none() {
        let why = match schema.key().is_empty() {
            true => "it has no primary key",
            false => "the order of its key cannot be relied on",
        };
        notes.push(format!("{why}: read as one piece, which starts over when it is broken off"));
    }
    if table.kind == "SYSTEM VERSIONED" {
        notes.push("of its history nothing is copied, only the rows of now".into());
    }
    if !is_transactional(&table.engine) {
        notes.push(format!("its engine, {}, has no transactions", table.engine));
    }
    let info = TableInfo { schema, rows: table.rows, bytes: table.bytes, notes };
    Ok(Found { info, engine: table.engine })
}

/// The character set of a text column, when the server cannot be trusted to say every character
/// of it in UTF-8: it would put `?` for the ones it cannot.
pub(crate) fn lossy_charset(column: &Column) -> Option<&str> {
    let charset = field::get(&column.field, field::CHARSET)?;
    let exact = [
        "utf8mb4", "utf8mb3", "utf8", "ucs2", "utf16", "utf16le", "utf32", "latin1", "ascii",
        "binary",
    ];
    (!exact.contains(&charset)).then_some(charset)
}

/// Whether it is an ENUM with an empty member, whose text the error value has as well.
pub(crate) fn has_empty_member(f: &Field) -> bool {
    field::logical(f) == Some("enum")
        && field::native(f, STORE)
            .is_some_and(|n| Native::parse(n).args.iter().any(String::is_empty))
}
