//! What there is in a server: tables, columns, keys, from `information_schema` and SHOW INDEX.

use syncline_sql::Dialect;
use syncline_types::{
    Code, Column, DefaultValue, Error, Generated, Identity, Index, IndexPart, NativeSql, Result,
    TableInfo, TableName, TableSchema, TableSelection, did_you_mean, field,
};

use crate::native::{Described, Native, STORE, field_of};
use crate::wire::{Conn, Flavor, Rows};

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

/// The views of a schema, by name.
pub(crate) async fn views(conn: &mut Conn, database: &str) -> Result<Vec<String>> {
    let condition = format!("TABLE_SCHEMA = {} AND TABLE_TYPE = 'VIEW'", literal(database));
    Ok(list(conn, &condition).await?.into_iter().map(|t| t.name.name).collect())
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
        let ours = table.name.name == crate::checkpoint::TABLE
            || table.name.name.starts_with(crate::side::PREFIX);
        if table.is_table() && !ours && selection.selects(&table.name, database) {
            found.push(describe(conn, table).await?);
        }
    }
    Ok(found)
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
    let mut notes = Vec::new();
    let columns = columns(conn, &table).await?;
    let (primary_key, indexes) = indexes(conn, &table.name, &mut notes).await?;
    let schema = TableSchema {
        columns,
        primary_key,
        indexes,
        comment: table.comment,
        ..TableSchema::new(table.name, [])
    };
    if crate::key::of(&schema).is_none() {
        let why = match schema.key().is_empty() {
            true => "it has no primary key",
            false => "the order of its key cannot be relied on",
        };
        notes.push(format!("{why}: read as one piece, which starts over when it is broken off"));
    }
    if !is_transactional(&table.engine) {
        notes.push(format!("its engine, {}, has no transactions", table.engine));
    }
    let info = TableInfo { schema, rows: table.rows, bytes: table.bytes, notes };
    Ok(Found { info, engine: table.engine })
}

async fn columns(conn: &mut Conn, table: &Listed) -> Result<Vec<Column>> {
    let srid = match (conn.flavor, conn.version) {
        (Flavor::MySql, v) if v >= (8, 0, 0) => "SRS_ID",
        _ => "NULL",
    };
    let sql = format!(
        "SELECT COLUMN_NAME, COLUMN_DEFAULT, IS_NULLABLE, COLUMN_TYPE, CHARACTER_SET_NAME, \
         COLLATION_NAME, CHARACTER_MAXIMUM_LENGTH, EXTRA, GENERATION_EXPRESSION, COLUMN_COMMENT, \
         {srid} AS SRID FROM information_schema.COLUMNS \
         WHERE TABLE_SCHEMA = {} AND TABLE_NAME = {} ORDER BY ORDINAL_POSITION",
        literal(table.name.schema.as_deref().unwrap_or_default()),
        literal(&table.name.name)
    );
    let rows = conn.query(&sql).await?;
    let json = json_columns(conn, &table.name).await?;
    let flavor = conn.flavor;
    Ok(rows.rows.iter().map(|row| column(flavor, &rows, row, table.next, &json)).collect())
}

/// Columns that MariaDB made for the type JSON: a longtext with a check of its own.
async fn json_columns(conn: &mut Conn, table: &TableName) -> Result<Vec<String>> {
    if conn.flavor != Flavor::MariaDb || conn.version < (10, 4, 3) {
        return Ok(Vec::new());
    }
    let sql = format!(
        "SELECT CONSTRAINT_NAME, CHECK_CLAUSE FROM information_schema.CHECK_CONSTRAINTS \
         WHERE CONSTRAINT_SCHEMA = {} AND TABLE_NAME = {}",
        literal(table.schema.as_deref().unwrap_or_default()),
        literal(&table.name)
    );
    let rows = conn.query(&sql).await?;
    let named = rows.rows.iter().filter_map(|row| {
        let name = rows.get(row, "CONSTRAINT_NAME")?;
        let check = format!("json_valid({})", Dialect::Mysql.quote(name));
        (rows.get(row, "CHECK_CLAUSE")? == check).then(|| name.to_owned())
    });
    Ok(named.collect())
}

fn column(
    flavor: Flavor,
    rows: &Rows,
    row: &[Option<String>],
    next: Option<i128>,
    json: &[String],
) -> Column {
    let text = |name| rows.get(row, name);
    let extra = text("EXTRA").unwrap_or_default().to_ascii_lowercase();
    let native = text("COLUMN_TYPE").unwrap_or_default();
    // MySQL keeps the reference system of a geometry column beside its type.
    let native = match text("SRID") {
        Some(srid) => format!("{native} SRID {srid}"),
        None => native.to_owned(),
    };
    let name = text("COLUMN_NAME").unwrap_or_default();
    let is_json = native == "longtext"
        && text("COLLATION_NAME") == Some("utf8mb4_bin")
        && json.iter().any(|j| j == name);
    let native = if is_json { "json".to_owned() } else { native };
    let described = Described {
        name,
        native: &native,
        nullable: text("IS_NULLABLE") == Some("YES"),
        charset: text("CHARACTER_SET_NAME"),
        collation: text("COLLATION_NAME"),
        length: text("CHARACTER_MAXIMUM_LENGTH").and_then(|n| n.parse().ok()),
    };
    let f = field_of(&described);
    let generated = text("GENERATION_EXPRESSION").filter(|g| !g.is_empty()).map(|sql| Generated {
        expression: NativeSql::new(STORE, unescaped(sql)),
        stored: extra.contains("stored") || extra.contains("persistent"),
    });
    let default = match (&generated, text("COLUMN_DEFAULT")) {
        (None, Some(sql)) => default(flavor, &Native::parse(&native), sql, &extra),
        _ => None,
    };
    Column {
        default,
        identity: extra.contains("auto_increment").then_some(Identity { always: false, next }),
        generated,
        comment: text("COLUMN_COMMENT").filter(|c| !c.is_empty()).map(str::to_owned),
        attributes: None,
        field: f,
    }
}

/// MySQL's catalog writes quotes inside of expressions as `\'`.
fn unescaped(sql: &str) -> String {
    sql.replace("\\'", "'")
}

/// A default from the catalog: MySQL writes a constant bare and marks expressions as
/// DEFAULT_GENERATED; MariaDB writes what stands in the CREATE TABLE.
fn default(flavor: Flavor, native: &Native, sql: &str, extra: &str) -> Option<DefaultValue> {
    let on_update = extra.contains("on update");
    let is_now = |sql: &str| {
        let lower = sql.to_ascii_lowercase();
        lower.starts_with("current_timestamp") || lower.starts_with("now(")
    };
    let is_expression = match flavor {
        Flavor::MySql => extra.contains("default_generated") || is_now(sql),
        Flavor::MariaDb => {
            let number = sql.parse::<f64>().is_ok();
            !sql.starts_with('\'') && !sql.starts_with("b'") && !number
        }
    };
    let ours = |sql: String| Some(DefaultValue::Native { store: STORE.into(), sql });
    if is_expression {
        if sql.eq_ignore_ascii_case("NULL") {
            return None;
        }
        return match (is_now(sql), on_update) {
            (true, true) => ours(format!("{sql} ON UPDATE {sql}")),
            (true, false) => Some(DefaultValue::CurrentTimestamp),
            (false, _) => ours(format!("({})", unescaped(sql))),
        };
    }
    let value = match flavor {
        Flavor::MariaDb if sql.starts_with('\'') => {
            let (mut parts, _) = Native::parse_literals(sql);
            parts.pop().unwrap_or_default()
        }
        _ => sql.to_owned(),
    };
    match native.base.as_str() {
        // b'101' is how both servers write it, and what they take.
        "bit" => ours(value),
        "binary" | "varbinary" => {
            let hex: String = value.bytes().map(|b| format!("{b:02X}")).collect();
            // MySQL writes bytes that are no text as 0x… itself.
            ours(if value.starts_with("0x") { value } else { format!("X'{hex}'") })
        }
        "date" | "datetime" | "timestamp" if value.starts_with("0000") => ours(literal(&value)),
        "timestamp" | "datetime" if on_update => ours(format!(
            "{} ON UPDATE current_timestamp{}",
            literal(&value),
            native.number(0).map(|n| format!("({n})")).unwrap_or_default()
        )),
        _ => Some(DefaultValue::Value(value)),
    }
}

/// Primary key and secondary indexes, in the server's own order.
async fn indexes(
    conn: &mut Conn,
    table: &TableName,
    notes: &mut Vec<String>,
) -> Result<(Vec<String>, Vec<Index>)> {
    let rows = conn.query(&format!("SHOW INDEX FROM {}", Dialect::Mysql.table(table))).await?;
    let mut primary = Vec::new();
    let mut indexes: Vec<Index> = Vec::new();
    let mut left_out: Vec<String> = Vec::new();
    for row in &rows.rows {
        let text = |name| rows.get(row, name);
        let name = text("Key_name").unwrap_or_default();
        let Some(column) = text("Column_name") else {
            left_out.push(name.to_owned());
            continue;
        };
        if name == "PRIMARY" {
            primary.push(column.to_owned());
            continue;
        }
        let kind = text("Index_type").unwrap_or_default();
        if kind == "FULLTEXT" || kind == "SPATIAL" {
            left_out.push(name.to_owned());
        }
        let part = IndexPart {
            column: column.to_owned(),
            prefix: text("Sub_part").and_then(|n| n.parse().ok()),
            descending: text("Collation") == Some("D"),
        };
        match indexes.last_mut() {
            Some(index) if index.name == name => index.parts.push(part),
            _ => indexes.push(Index::new(name, vec![part], text("Non_unique") == Some("0"))),
        }
    }
    left_out.dedup();
    indexes.retain(|index| !left_out.contains(&index.name));
    for name in left_out {
        notes
            .push(format!("index {name} (full-text, spatial or over an expression) is not copied"));
    }
    Ok((primary, indexes))
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

#[cfg(test)]
mod tests {
    use super::*;

    fn maria(native: &str, sql: &str, extra: &str) -> Option<DefaultValue> {
        default(Flavor::MariaDb, &Native::parse(native), sql, extra)
    }

    fn mysql(native: &str, sql: &str, extra: &str) -> Option<DefaultValue> {
        default(Flavor::MySql, &Native::parse(native), sql, extra)
    }

    fn value(text: &str) -> Option<DefaultValue> {
        Some(DefaultValue::Value(text.into()))
    }

    fn ours(sql: &str) -> Option<DefaultValue> {
        Some(DefaultValue::Native { store: STORE.into(), sql: sql.into() })
    }

    #[test]
    fn defaults_mean_the_same_from_both_servers() {
        assert_eq!(maria("varchar(9)", r"'it\'s'", ""), value("it's"));
        assert_eq!(mysql("varchar(9)", "it's", ""), value("it's"));
        assert_eq!(maria("int(11)", "5", ""), value("5"));
        assert_eq!(maria("int(11)", "NULL", ""), None);
        assert_eq!(mysql("varchar(9)", "NULL", ""), value("NULL"));
        let now = Some(DefaultValue::CurrentTimestamp);
        assert_eq!(maria("datetime", "current_timestamp()", ""), now);
        assert_eq!(mysql("datetime", "CURRENT_TIMESTAMP", "default_generated"), now);
        assert_eq!(
            mysql(
                "timestamp",
                "CURRENT_TIMESTAMP",
                "default_generated on update current_timestamp"
            ),
            ours("CURRENT_TIMESTAMP ON UPDATE CURRENT_TIMESTAMP")
        );
        assert_eq!(maria("char(36)", "uuid()", ""), ours("(uuid())"));
        assert_eq!(
            mysql("json", r"json_array(_utf8mb4\'a\')", "default_generated"),
            ours("(json_array(_utf8mb4'a'))")
        );
        assert_eq!(maria("bit(4)", "b'101'", ""), ours("b'101'"));
        assert_eq!(maria("timestamp", "'0000-00-00 00:00:00'", ""), ours("'0000-00-00 00:00:00'"));
    }
}
