//! Tables as statements: what a table of another store becomes ([`adapt`]), and the statements
//! that make it. Which native type a column gets stands in `mapping`.

use std::collections::HashSet;

use arrow::datatypes::{DataType, Field};
use syncline_types::{
    Adapted, Code, Column, DefaultValue, Error, Index, IndexPart, Result, TableName, TableSchema,
    field,
};

use crate::mapping::{Mapped, map, needs_cap};
use crate::{Dialect, moment};

/// Bytes InnoDB takes into one index.
const MYSQL_INDEX: u64 = 3072;
/// Bytes MySQL takes into one row, long texts and blobs aside; some are left for NULL bits.
const MYSQL_ROW: u64 = 65_000;

/// The table `dialect` would make for `source`, under the name `target`.
///
/// Every field gets the Arrow type the store reports and takes for its native type, and metadata
/// with store, native type, and logical type, length, character set, collation and members where
/// they mean something. A column that came from the same store keeps its native type word for
/// word. Generated columns become plain ones. Defaults go along where the dialect can say them.
/// Names of indexes are made unique in the schema where the dialect asks for that.
///
/// # Errors
/// [`Code::BadValue`] for a name the dialect cannot hold, [`Code::ColumnMismatch`] for two names
/// that are one to it, [`Code::Unsupported`] for an Arrow type without a counterpart.
pub fn adapt(dialect: Dialect, source: &TableSchema, target: &TableName) -> Result<Adapted> {
    check_names(dialect, source, target)?;
    let same_store = source.columns.iter().any(|c| field::native(&c.field, dialect.id()).is_some());
    let mut columns = Vec::with_capacity(source.columns.len());
    for column in &source.columns {
        let cap = if dialect == Dialect::Mysql { key_cap(source, column.name())? } else { None };
        let column = adapt_column(dialect, source, column, cap).map_err(|e| e.at(&source.name))?;
        columns.push(column);
    }
    let has = |name: &String| columns.iter().any(|c: &Column| c.name() == name);
    let primary_key =
        if source.primary_key.iter().all(has) { source.primary_key.clone() } else { Vec::new() };
    let mut table = TableSchema {
        columns,
        primary_key,
        comment: source.comment.clone(),
        ..TableSchema::new(target.clone(), [])
    };
    for name in &table.primary_key {
        if let Some(column) = table.columns.iter_mut().find(|c| c.name() == name) {
            column.field = column.field.clone().with_nullable(false);
        }
    }
    if dialect == Dialect::Mysql {
        fit_mysql_row(&mut table, source);
    }
    table.indexes = adapt_indexes(dialect, source, &table, same_store);
    Ok(table.into())
}

fn check_names(dialect: Dialect, source: &TableSchema, target: &TableName) -> Result<()> {
    dialect.check_name(&target.name)?;
    target.schema.as_ref().map_or(Ok(()), |schema| dialect.check_name(schema))?;
    if dialect == Dialect::Sqlite && target.name.to_ascii_lowercase().starts_with("sqlite_") {
        let message = format!("sqlite keeps names such as {:?} for itself", target.name);
        return Err(Error::new(Code::BadValue, message).hint("give it another name with --to"));
    }
    let mut seen = HashSet::new();
    for column in &source.columns {
        dialect.check_name(column.name()).map_err(|e| e.at(&source.name))?;
        let one = match dialect {
            Dialect::Mysql => column.name().to_lowercase(),
            Dialect::Sqlite => column.name().to_ascii_lowercase(),
            Dialect::Postgres | Dialect::Ansi => column.name().to_owned(),
        };
        if !seen.insert(one) {
            let message = format!(
                "{}: to {dialect} the name {:?} is that of another column",
                source.name,
                column.name()
            );
            return Err(Error::new(Code::ColumnMismatch, message)
                .hint("rename one of them with --columns 'name:other'"));
        }
    }
    Ok(())
}

/// The columns of each key that MySQL has to index whole: the primary key and the unique indexes.
fn whole_keys(source: &TableSchema) -> impl Iterator<Item = Vec<&str>> {
    let primary: Vec<&str> = source.primary_key.iter().map(String::as_str).collect();
    let unique = source.indexes.iter().filter(|i| i.unique).map(|i| {
        let whole = i.parts.iter().filter(|p| p.prefix.is_none());
        whole.map(|p| p.column.as_str()).collect()
    });
    std::iter::once(primary).chain(unique)
}

/// How long a text or binary column may get in MySQL to fit all the keys it is part of; `None`
/// when it is part of none, needs no limit, or has a length that fits.
///
/// Texts of unknown length get 255 characters, or their share of the index where that is less.
/// A value that is longer is refused by the server as too long; it is not cut.
fn key_cap(source: &TableSchema, name: &str) -> Result<Option<u64>> {
    let Some(column) = source.column(name) else { return Ok(None) };
    if field::native(&column.field, Dialect::Mysql.id()).is_some() || !needs_cap(&column.field)? {
        return Ok(None);
    }
    let bytes_per = |f: &Field| if is_binary(f.data_type()) { 1 } else { 4 };
    let mut cap: Option<u64> = None;
    for key in whole_keys(source).filter(|key| key.contains(&name)) {
        let (mut known, mut unknown) = (0, 0);
        for part in key.iter().filter_map(|part| source.column(part)) {
            match (needs_cap(&part.field)?, field::length(&part.field)) {
                (true, Some(n)) => known += n.saturating_mul(bytes_per(&part.field)),
                (true, None) => unknown += 1,
                (false, _) => known += 64,
            }
        }
        let own = match field::length(&column.field) {
            Some(n) if known + unknown * 4 * 64 <= MYSQL_INDEX => n,
            None if known + unknown * 4 * 16 <= MYSQL_INDEX => {
                ((MYSQL_INDEX - known) / (4 * unknown.max(1))).min(255)
            }
            _ => (MYSQL_INDEX / (4 * key.len() as u64)).min(255),
        };
        cap = Some(cap.map_or(own, |c| c.min(own)));
    }
    Ok(cap)
}

fn is_binary(data_type: &DataType) -> bool {
    use DataType::{Binary, BinaryView, FixedSizeBinary, LargeBinary};
    matches!(data_type, Binary | LargeBinary | BinaryView | FixedSizeBinary(_))
}

fn adapt_column(
    dialect: Dialect,
    source: &TableSchema,
    column: &Column,
    cap: Option<u64>,
) -> Result<Column> {
    let from = &column.field;
    let same = field::native(from, dialect.id()).is_some();
    let adapted = if same {
        from.clone()
    } else {
        let mapped = map(dialect, from, cap)?;
        mapped_field(dialect, from, &mapped)
    };
    let identity =
        column.identity.filter(|_| can_count(dialect, source, &adapted)).map(|mut identity| {
            identity.always &= same && dialect == Dialect::Postgres;
            identity
        });
    let generated = column.generated.is_some();
    let default = column.default.as_ref().filter(|_| !generated && identity.is_none());
    Ok(Column {
        default: default.and_then(|d| adapt_default(dialect, from, &adapted, d)),
        identity,
        generated: None,
        comment: column.comment.clone(),
        attributes: None,
        field: adapted,
    })
}

fn mapped_field(dialect: Dialect, from: &Field, mapped: &Mapped) -> Field {
    let mut pairs =
        vec![(field::STORE, dialect.id().to_owned()), (field::NATIVE, mapped.native.clone())];
    pairs.extend(mapped.logical.map(|l| (field::LOGICAL, l.to_owned())));
    pairs.extend(mapped.length.map(|n| (field::LENGTH, n.to_string())));
    pairs.extend(mapped.charset.map(|c| (field::CHARSET, c.to_owned())));
    pairs.extend(mapped.collation.map(|c| (field::COLLATION, c.to_owned())));
    if let Some(members) = field::get(from, field::MEMBERS).filter(|_| mapped.members) {
        pairs.push((field::MEMBERS, members.to_owned()));
    }
    field::with(Field::new(from.name(), mapped.arrow.clone(), from.is_nullable()), pairs)
}

/// Whether the store can count the column up by itself.
fn can_count(dialect: Dialect, source: &TableSchema, adapted: &Field) -> bool {
    let whole = adapted.data_type().is_integer();
    let sole_key = source.primary_key.len() == 1 && source.primary_key[0] == *adapted.name();
    match dialect {
        Dialect::Mysql | Dialect::Postgres | Dialect::Ansi => whole,
        Dialect::Sqlite => sole_key && *adapted.data_type() == DataType::Int64,
    }
}

fn adapt_default(
    dialect: Dialect,
    from: &Field,
    adapted: &Field,
    default: &DefaultValue,
) -> Option<DefaultValue> {
    let native = field::native(adapted, dialect.id()).unwrap_or_default().to_ascii_lowercase();
    let same = field::native(from, dialect.id()).is_some();
    if same {
        return match default {
            DefaultValue::Native { store, .. } => (store == dialect.id()).then(|| default.clone()),
            _ => Some(default.clone()),
        };
    }
    // A literal as default is refused for these types by MySQL before 8.0.13, and by 8 too.
    let mysql_long = dialect == Dialect::Mysql && native.starts_with("long");
    match default {
        DefaultValue::Native { .. } => None,
        DefaultValue::Value(_) if mysql_long => None,
        DefaultValue::Value(text) => {
            default_literal(dialect, adapted, text).map(|_| default.clone())
        }
        DefaultValue::CurrentTimestamp => {
            let instant = matches!(from.data_type(), DataType::Timestamp(_, Some(_)));
            let sql = match (dialect, adapted.data_type()) {
                // The column holds UTC, and current_timestamp is the session's local time.
                (Dialect::Mysql, DataType::Timestamp(..)) if instant => "(utc_timestamp(6))",
                (Dialect::Mysql, DataType::Timestamp(..)) => "current_timestamp(6)",
                (Dialect::Sqlite, DataType::Timestamp(_, Some(_))) => {
                    "(strftime('%Y-%m-%d %H:%M:%f+00:00', 'now'))"
                }
                (Dialect::Sqlite | Dialect::Postgres | Dialect::Ansi, DataType::Timestamp(..)) => {
                    return Some(DefaultValue::CurrentTimestamp);
                }
                (Dialect::Sqlite | Dialect::Postgres | Dialect::Ansi, DataType::Date32) => {
                    "current_date"
                }
                _ => return None,
            };
            Some(DefaultValue::Native { store: dialect.id().into(), sql: sql.into() })
        }
    }
}

/// A constant default as a literal of the column's type; `None` when it is not a value of it.
fn default_literal(dialect: Dialect, column: &Field, text: &str) -> Option<String> {
    let number = |digits: &str| {
        let rest = digits.strip_prefix(['-', '+']).unwrap_or(digits);
        let plain = !rest.is_empty() && rest.bytes().all(|b| b.is_ascii_digit() || b == b'.');
        (plain && rest.parse::<f64>().is_ok()).then(|| digits.to_owned())
    };
    let truth = match text.to_ascii_lowercase().as_str() {
        "true" | "t" | "1" => Some(true),
        "false" | "f" | "0" => Some(false),
        _ => None,
    };
    let quoted = || dialect.holds(text).then(|| dialect.string(text));
    match column.data_type() {
        DataType::Boolean => truth.map(|t| match dialect {
            Dialect::Mysql | Dialect::Sqlite => u8::from(t).to_string(),
            Dialect::Postgres | Dialect::Ansi => t.to_string(),
        }),
        DataType::Int8 if text.parse::<i8>().is_err() => truth.map(|t| u8::from(t).to_string()),
        t if t.is_integer() => number(text).filter(|n| !n.contains('.')),
        t if t.is_floating() || t.is_decimal() => number(text),
        DataType::Utf8 if field::logical(column) == Some("decimal") => number(text),
        DataType::Utf8 if field::logical(column) == Some("bit") => None,
        DataType::Utf8 => quoted(),
        DataType::Date32 => moment::parse_date(text).and_then(|_| quoted()),
        DataType::Timestamp(_, None) => moment::parse_datetime(text).and_then(|_| quoted()),
        DataType::Timestamp(_, Some(_)) => moment::parse_instant(text).and_then(|_| quoted()),
        DataType::Time64(_) => moment::parse_time(text).and_then(|_| quoted()),
        DataType::Duration(_) => moment::parse_duration(text).and_then(|_| quoted()),
        _ => None,
    }
}

/// Makes the longest texts outside of keys `longtext` until the row fits.
fn fit_mysql_row(table: &mut TableSchema, source: &TableSchema) {
    let sized = |f: &Field| {
        let native = field::native(f, "mysql").unwrap_or_default();
        let per = if native.starts_with("varchar") {
            4
        } else if native.starts_with("varbinary") {
            1
        } else {
            return None;
        };
        field::length(f).map(|n| n * per + 2)
    };
    let keyed: HashSet<String> = whole_keys(source).flatten().map(str::to_owned).collect();
    loop {
        let total: u64 = table.columns.iter().map(|c| sized(&c.field).unwrap_or(16)).sum();
        let foreign = |c: &&mut Column| {
            !keyed.contains(c.name())
                && sized(&c.field).is_some()
                && source
                    .column(c.name())
                    .is_some_and(|s| field::native(&s.field, "mysql").is_none())
        };
        if total <= MYSQL_ROW {
            return;
        }
        let longest = table.columns.iter_mut().filter(foreign).max_by_key(|c| sized(&c.field));
        let Some(column) = longest else { return };
        let long = if is_binary(column.field.data_type()) { "longblob" } else { "longtext" };
        let mut metadata = column.field.metadata().clone();
        metadata.insert(field::NATIVE.into(), long.into());
        metadata.remove(field::LENGTH);
        column.field = column.field.clone().with_metadata(metadata);
        column.default = None;
    }
}

fn adapt_indexes(
    dialect: Dialect,
    source: &TableSchema,
    table: &TableSchema,
    same_store: bool,
) -> Vec<Index> {
    let mut indexes: Vec<Index> = Vec::new();
    for index in &source.indexes {
        let parts: Option<Vec<IndexPart>> = index
            .parts
            .iter()
            .map(|part| adapt_part(dialect, table, index, part, same_store))
            .collect();
        let Some(parts) = parts.filter(|p| !p.is_empty()) else { continue };
        let mut name = if same_store {
            index.name.clone()
        } else {
            index_name(dialect, &table.name, &index.name)
        };
        let mut n = 1;
        while indexes.iter().any(|i| i.name.eq_ignore_ascii_case(&name)) {
            n += 1;
            name = index_name(dialect, &table.name, &format!("{}_{n}", index.name));
        }
        indexes.push(Index::new(name, parts, index.unique));
    }
    indexes
}

/// The part as the dialect can index it; `None` when it cannot.
fn adapt_part(
    dialect: Dialect,
    table: &TableSchema,
    index: &Index,
    part: &IndexPart,
    same_store: bool,
) -> Option<IndexPart> {
    let column = &table.column(&part.column)?.field;
    let native = field::native(column, dialect.id()).unwrap_or_default();
    let mut part = part.clone();
    match dialect {
        Dialect::Mysql if same_store => {}
        Dialect::Mysql => {
            let share = MYSQL_INDEX / index.parts.len().max(1) as u64;
            let per = if is_binary(column.data_type()) { 1 } else { 4 };
            let long = native.starts_with("long");
            let wide =
                native.starts_with("var") && field::length(column).is_none_or(|n| n * per > share);
            part.prefix = None;
            if long || (wide && !index.unique) {
                part.prefix = u32::try_from((share / per).min(255)).ok();
            }
        }
        Dialect::Postgres if native == "json" => return None,
        Dialect::Postgres | Dialect::Sqlite | Dialect::Ansi => part.prefix = None,
    }
    Some(part)
}

/// The name an index gets: where names of indexes share the schema, the table's name is put
/// before it, unless it is there already. A name that gets too long is cut, and told apart by a
/// hash of the whole.
fn index_name(dialect: Dialect, table: &TableName, name: &str) -> String {
    let carries = name.len() > table.name.len() && name.starts_with(&table.name);
    let name = if dialect == Dialect::Mysql || carries {
        name.to_owned()
    } else {
        format!("{}_{name}", table.name)
    };
    if dialect.check_name(&name).is_ok() {
        return name;
    }
    // FNV-1a, 64 bits.
    let hash = name
        .bytes()
        .fold(0xcbf2_9ce4_8422_2325_u64, |h, b| (h ^ u64::from(b)).wrapping_mul(0x100_0000_01b3));
    let mut short = String::new();
    for c in name.chars().filter(|c| *c != '\0' && *c <= '\u{ffff}') {
        if short.len() + c.len_utf8() > 46 {
            break;
        }
        short.push(c);
    }
    format!("{short}_{hash:016x}")
}

/// `CREATE TABLE IF NOT EXISTS …` for a table that [`adapt`] or the dialect's own source made:
/// columns, primary key, and comments where they stand in the statement (MySQL). No secondary
/// indexes, but for one that MySQL demands for a column it counts up.
pub fn create_table(dialect: Dialect, table: &TableSchema) -> String {
    let rowid = rowid_key(dialect, table);
    let mut lines: Vec<String> =
        table.columns.iter().map(|c| column_line(dialect, table, c, rowid)).collect();
    if !table.primary_key.is_empty() && rowid.is_none() {
        lines.push(format!("PRIMARY KEY ({})", names(dialect, &table.primary_key)));
    }
    if let Some(index) = counting_index(dialect, table) {
        let unique = if index.unique { "UNIQUE " } else { "" };
        let name = dialect.quote(&index.name);
        lines.push(format!("{unique}KEY {name} ({})", index_parts(dialect, index)));
    }
    let exists = if dialect == Dialect::Ansi { "" } else { "IF NOT EXISTS " };
    let mut sql = format!(
        "CREATE TABLE {exists}{} (\n  {}\n)",
        dialect.table(&table.name),
        lines.join(",\n  ")
    );
    if dialect == Dialect::Mysql {
        sql.push_str(" DEFAULT CHARSET=utf8mb4");
        if let Some(comment) = &table.comment {
            sql.push_str(" COMMENT=");
            dialect.push_string(comment, &mut sql);
        }
    }
    sql
}

fn names(dialect: Dialect, columns: &[String]) -> String {
    columns.iter().map(|c| dialect.quote(c)).collect::<Vec<_>>().join(", ")
}

/// The column that is SQLite's rowid by another name.
fn rowid_key(dialect: Dialect, table: &TableSchema) -> Option<&str> {
    let [key] = table.primary_key.as_slice() else { return None };
    let native = field::native(&table.column(key)?.field, dialect.id())?;
    (dialect == Dialect::Sqlite && native.eq_ignore_ascii_case("INTEGER")).then_some(key)
}

/// The index that stands in the CREATE TABLE because MySQL counts no column up that leads no key.
fn counting_index(dialect: Dialect, table: &TableSchema) -> Option<&Index> {
    if dialect != Dialect::Mysql {
        return None;
    }
    let counted = table.columns.iter().find(|c| c.identity.is_some())?.name();
    if table.primary_key.first().is_some_and(|key| key == counted) {
        return None;
    }
    table.indexes.iter().find(|i| i.parts.first().is_some_and(|p| p.column == counted))
}

fn column_line(
    dialect: Dialect,
    table: &TableSchema,
    column: &Column,
    rowid: Option<&str>,
) -> String {
    let f = &column.field;
    let native = match field::native(f, dialect.id()) {
        Some(native) => native.to_owned(),
        // Not adapted: the type it would have been given.
        None => map(dialect, f, None).map(|m| m.native).unwrap_or_else(|_| "text".into()),
    };
    let mut line = format!("{} {native}", dialect.quote(column.name()));
    if dialect == Dialect::Mysql && *f.data_type() == DataType::Utf8 {
        let lower = native.to_ascii_lowercase();
        let says = |word: &str| lower.contains(word);
        let texts =
            ["char", "varchar", "tinytext", "text", "mediumtext", "longtext", "enum", "set"];
        if texts.iter().any(|t| lower.starts_with(t)) && !says(" character set ") {
            if let Some(charset) = field::get(f, field::CHARSET).filter(|c| is_word(c)) {
                line.push_str(&format!(" CHARACTER SET {charset}"));
            }
            if let Some(collation) = field::get(f, field::COLLATION).filter(|c| is_word(c)) {
                line.push_str(&format!(" COLLATE {collation}"));
            }
        }
    }
    if dialect == Dialect::Postgres
        && let Some(collation) = field::get(f, field::COLLATION).filter(|c| !c.is_empty())
        && *f.data_type() == DataType::Utf8
    {
        line.push_str(&format!(" COLLATE {}", dialect.quote(collation)));
    }
    if rowid == Some(column.name()) {
        line.push_str(" PRIMARY KEY");
        if column.identity.is_some() {
            line.push_str(" AUTOINCREMENT");
        }
        line.push_str(" NOT NULL");
        return line;
    }
    if let Some(identity) = column.identity {
        let counted = table.primary_key.first().is_some_and(|key| key == column.name())
            || counting_index(dialect, table).is_some();
        match dialect {
            Dialect::Postgres | Dialect::Ansi => {
                let when = if identity.always { "ALWAYS" } else { "BY DEFAULT" };
                line.push_str(&format!(" GENERATED {when} AS IDENTITY"));
            }
            Dialect::Mysql if counted => line.push_str(" NOT NULL AUTO_INCREMENT"),
            Dialect::Mysql | Dialect::Sqlite => {}
        }
    }
    let in_key = table.primary_key.iter().any(|key| key == column.name());
    if (!f.is_nullable() || in_key) && !line.ends_with(" AUTO_INCREMENT") {
        line.push_str(" NOT NULL");
    } else if dialect == Dialect::Mysql && native.to_ascii_lowercase().starts_with("timestamp") {
        // Without the word, old servers make it NOT NULL with a default of their own.
        line.push_str(" NULL");
    }
    if let Some(default) = column.default.as_ref().and_then(|d| default_sql(dialect, column, d)) {
        line.push_str(" DEFAULT ");
        line.push_str(&default);
    }
    if dialect == Dialect::Mysql
        && let Some(comment) = &column.comment
    {
        line.push_str(" COMMENT ");
        dialect.push_string(comment, &mut line);
    }
    line
}

/// A name that needs no quotes, as those of character sets and collations are.
fn is_word(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
}

fn default_sql(dialect: Dialect, column: &Column, default: &DefaultValue) -> Option<String> {
    match default {
        DefaultValue::Value(text) => default_literal(dialect, &column.field, text),
        DefaultValue::Native { store, sql } => (store == dialect.id()).then(|| sql.clone()),
        DefaultValue::CurrentTimestamp if dialect == Dialect::Mysql => {
            let native = field::native(&column.field, "mysql").unwrap_or_default();
            // The precision has to be the column's.
            let precision = native.split_once('(').map(|(_, rest)| format!("({rest}"));
            Some(format!("CURRENT_TIMESTAMP{}", precision.unwrap_or_default()))
        }
        DefaultValue::CurrentTimestamp => Some("CURRENT_TIMESTAMP".into()),
    }
}

fn index_parts(dialect: Dialect, index: &Index) -> String {
    let part = |p: &IndexPart| {
        let prefix = p.prefix.filter(|_| dialect == Dialect::Mysql);
        let prefix = prefix.map(|n| format!("({n})")).unwrap_or_default();
        let order = if p.descending { " DESC" } else { "" };
        format!("{}{prefix}{order}", dialect.quote(&p.column))
    };
    index.parts.iter().map(part).collect::<Vec<_>>().join(", ")
}

/// One statement for each secondary index. Where the dialect has `IF NOT EXISTS` for them
/// (PostgreSQL, SQLite), a second run of the statement does nothing.
///
/// # Errors
/// [`Code::BadValue`] for a name the dialect cannot hold, [`Code::ColumnNotFound`] for an index
/// over a column that the table does not have.
pub fn create_indexes(dialect: Dialect, table: &TableSchema) -> Result<Vec<String>> {
    let counting = counting_index(dialect, table).map(|i| i.name.as_str());
    let mut statements = Vec::new();
    for index in table.indexes.iter().filter(|i| counting != Some(i.name.as_str())) {
        dialect.check_name(&index.name).map_err(|e| e.at(&table.name))?;
        if let Some(part) = index.parts.iter().find(|p| table.column(&p.column).is_none()) {
            let message = format!(
                "{}: index {:?} is over column {:?}, which is not there",
                table.name, index.name, part.column
            );
            return Err(Error::new(Code::ColumnNotFound, message));
        }
        let unique = if index.unique { "UNIQUE " } else { "" };
        let (exists, name, on) = match dialect {
            Dialect::Postgres => {
                ("IF NOT EXISTS ", dialect.quote(&index.name), dialect.table(&table.name))
            }
            // The schema stands before the index here, and not before the table.
            Dialect::Sqlite => {
                let name =
                    TableName { schema: table.name.schema.clone(), name: index.name.clone() };
                ("IF NOT EXISTS ", dialect.table(&name), dialect.quote(&table.name.name))
            }
            Dialect::Mysql | Dialect::Ansi => {
                ("", dialect.quote(&index.name), dialect.table(&table.name))
            }
        };
        let parts = index_parts(dialect, index);
        statements.push(format!("CREATE {unique}INDEX {exists}{name} ON {on} ({parts})"));
    }
    Ok(statements)
}

/// `COMMENT ON …` for the table and its columns, in PostgreSQL; nothing in the others, which have
/// comments in the CREATE TABLE (MySQL) or none.
pub fn comments(dialect: Dialect, table: &TableSchema) -> Vec<String> {
    if dialect != Dialect::Postgres {
        return Vec::new();
    }
    let name = dialect.table(&table.name);
    let own =
        table.comment.iter().map(|c| format!("COMMENT ON TABLE {name} IS {}", dialect.string(c)));
    let columns = table.columns.iter().filter_map(|c| {
        let comment = dialect.string(c.comment.as_ref()?);
        Some(format!("COMMENT ON COLUMN {name}.{} IS {comment}", dialect.quote(c.name())))
    });
    own.chain(columns).collect()
}

#[cfg(test)]
mod tests {
    use arrow::datatypes::TimeUnit;
    use syncline_types::Identity;

    use super::*;

    fn field(name: &str, data_type: DataType, pairs: &[(&str, &str)]) -> Field {
        field::with(Field::new(name, data_type, true), pairs.iter().map(|(k, v)| (*k, (*v).into())))
    }

    fn part(column: &str) -> IndexPart {
        IndexPart { column: column.into(), prefix: None, descending: false }
    }

    fn native(table: &TableSchema, column: &str) -> String {
        let f = &table.column(column).unwrap().field;
        field::get(f, field::NATIVE).unwrap().to_owned()
    }

    /// A PostgreSQL table with the things that need care elsewhere.
    fn people() -> TableSchema {
        let pg = |name: &str, t: DataType, native: &str, more: &[(&str, &str)]| {
            let mut pairs = vec![(field::STORE, "postgres"), (field::NATIVE, native)];
            pairs.extend_from_slice(more);
            field(name, t, &pairs)
        };
        let instant = DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()));
        let fields = [
            pg("id", DataType::Int32, "integer", &[]),
            pg("mail", DataType::Utf8, "text", &[]),
            pg("name", DataType::Utf8, "varchar(40)", &[(field::LENGTH, "40")]),
            pg("doc", DataType::Utf8, "jsonb", &[(field::LOGICAL, "json")]),
            pg("seen", instant, "timestamptz", &[]),
            pg("balance", DataType::Decimal128(30, 4), "numeric(30,4)", &[]),
            pg("ok", DataType::Boolean, "boolean", &[]),
            pg(
                "mood",
                DataType::Utf8,
                "mood",
                &[(field::LOGICAL, "enum"), (field::MEMBERS, r#"["sad","it's"]"#)],
            ),
        ];
        let mut table = TableSchema::new(TableName::new("public", "people"), fields);
        table.primary_key = vec!["id".into()];
        table.columns[0].identity = Some(Identity { always: true, next: Some(7) });
        table.columns[2].default = Some(DefaultValue::Value("it's".into()));
        table.columns[4].default = Some(DefaultValue::CurrentTimestamp);
        table.columns[6].default = Some(DefaultValue::Value("true".into()));
        table.columns[5].generated = Some(syncline_types::Generated {
            expression: syncline_types::NativeSql::new("postgres", "1 + 1"),
            stored: true,
        });
        table.columns[2].comment = Some("what they're called".into());
        table.indexes = vec![
            Index::new("people_mail", vec![part("mail")], true),
            Index::new("by_doc", vec![part("name"), part("doc")], false),
        ];
        table
    }

    #[test]
    fn a_table_of_another_store_is_made_in_mysql() {
        let table =
            adapt(Dialect::Mysql, &people(), &TableName::new("shop", "people")).unwrap().table;
        let expected = "CREATE TABLE IF NOT EXISTS `shop`.`people` (
  `id` int NOT NULL AUTO_INCREMENT,
  `mail` varchar(255) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin,
  `name` varchar(40) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin DEFAULT 'it''s' COMMENT 'what they''re called',
  `doc` longtext CHARACTER SET utf8mb4 COLLATE utf8mb4_bin,
  `seen` datetime(6) DEFAULT (utc_timestamp(6)),
  `balance` decimal(30,4),
  `ok` tinyint(1) DEFAULT 1,
  `mood` enum('sad','it''s') CHARACTER SET utf8mb4 COLLATE utf8mb4_bin,
  PRIMARY KEY (`id`)
) DEFAULT CHARSET=utf8mb4";
        assert_eq!(create_table(Dialect::Mysql, &table), expected);
        assert_eq!(
            create_indexes(Dialect::Mysql, &table).unwrap(),
            [
                "CREATE UNIQUE INDEX `people_mail` ON `shop`.`people` (`mail`)",
                "CREATE INDEX `by_doc` ON `shop`.`people` (`name`, `doc`(255))",
            ]
        );
    }

    #[test]
    fn the_same_store_keeps_its_types_word_for_word() {
        let table =
            adapt(Dialect::Postgres, &people(), &TableName::new("b", "people")).unwrap().table;
        assert_eq!(native(&table, "doc"), "jsonb");
        assert_eq!(native(&table, "mood"), "mood");
        assert_eq!(table.indexes[1].name, "by_doc");
        let sql = create_table(Dialect::Postgres, &table);
        assert!(sql.contains("\"id\" integer GENERATED ALWAYS AS IDENTITY NOT NULL"), "{sql}");
        assert_eq!(
            comments(Dialect::Postgres, &table),
            ["COMMENT ON COLUMN \"b\".\"people\".\"name\" IS 'what they''re called'"]
        );
    }

    #[test]
    fn sqlite_runs_what_is_made_for_it() {
        let table =
            adapt(Dialect::Sqlite, &people(), &TableName::bare("odd \"name\"")).unwrap().table;
        let db = rusqlite::Connection::open_in_memory().unwrap();
        for _ in 0..2 {
            db.execute_batch(&create_table(Dialect::Sqlite, &table)).unwrap();
            for sql in create_indexes(Dialect::Sqlite, &table).unwrap() {
                db.execute_batch(&sql).unwrap();
            }
        }
        db.execute_batch("INSERT INTO \"odd \"\"name\"\"\" (mail) VALUES ('a')").unwrap();
        let row: (i64, i64, String, String) = db
            .query_row("SELECT rowid, ok, name, seen FROM \"odd \"\"name\"\"\"", [], |r| {
                Ok((r.get(0)?, r.get(1)?, r.get(2)?, r.get(3)?))
            })
            .unwrap();
        assert_eq!((row.0, row.1, row.2.as_str()), (1, 1, "it's"));
        assert!(moment::parse_instant(&row.3).is_some(), "{}", row.3);
        let names: Vec<String> = table.indexes.iter().map(|i| i.name.clone()).collect();
        assert_eq!(names, ["odd \"name\"_people_mail", "odd \"name\"_by_doc"]);
    }

    #[test]
    fn unsigned_integers_and_wide_decimals_find_room() {
        let fields = [
            Field::new("u8", DataType::UInt8, true),
            Field::new("u64", DataType::UInt64, true),
            Field::new("wide", DataType::Decimal256(70, 10), true),
            Field::new("thin", DataType::Decimal128(2, 5), true),
            Field::new("round", DataType::Decimal128(5, -3), true),
        ];
        let source = TableSchema::new(TableName::bare("n"), fields);
        let of = |dialect, column: &str| {
            native(&adapt(dialect, &source, &TableName::bare("n")).unwrap().table, column)
        };
        assert_eq!(of(Dialect::Postgres, "u8"), "smallint");
        assert_eq!(of(Dialect::Postgres, "u64"), "numeric(20,0)");
        assert_eq!(of(Dialect::Mysql, "u64"), "bigint unsigned");
        assert_eq!(of(Dialect::Mysql, "wide"), "longtext");
        assert_eq!(of(Dialect::Mysql, "thin"), "decimal(5,5)");
        assert_eq!(of(Dialect::Postgres, "round"), "numeric(8,0)");
        assert_eq!(of(Dialect::Sqlite, "wide"), "DECIMAL_TEXT(70,10)");
    }

    #[test]
    fn mysql_keys_and_rows_stay_inside_of_its_limits() {
        let long = |name: &str, n: &str| field(name, DataType::Utf8, &[(field::LENGTH, n)]);
        let mut fields = vec![
            Field::new("a", DataType::Utf8, false),
            Field::new("b", DataType::Utf8, false),
            Field::new("c", DataType::Utf8, false),
            Field::new("d", DataType::Utf8, false),
            long("e", "2000"),
            Field::new("f", DataType::Binary, false),
        ];
        fields.extend((0..30).map(|n| long(&format!("wide{n}"), "4000")));
        let mut source = TableSchema::new(TableName::bare("k"), fields);
        source.primary_key = ["a", "b", "c", "d"].map(String::from).to_vec();
        source.indexes =
            ["e", "f"].map(|c| Index::new(format!("u_{c}"), vec![part(c)], true)).to_vec();
        let table = adapt(Dialect::Mysql, &source, &TableName::bare("k")).unwrap().table;
        assert_eq!(native(&table, "a"), "varchar(192)");
        assert_eq!(native(&table, "e"), "varchar(255)");
        assert_eq!(native(&table, "f"), "varbinary(255)");
        let wide =
            (0..30).filter(|n| native(&table, &format!("wide{n}")) == "varchar(4000)").count();
        assert!((1..5).contains(&wide), "{wide}");
    }

    #[test]
    fn names_that_clash_or_do_not_fit_are_errors() {
        let two = |a: &str, b: &str| {
            TableSchema::new(
                TableName::bare("t"),
                [a, b].map(|n| Field::new(n, DataType::Int64, true)),
            )
        };
        let code = |dialect, table: &TableSchema, name: &str| {
            adapt(dialect, table, &TableName::bare(name)).map_err(|e| e.code()).err()
        };
        assert_eq!(code(Dialect::Mysql, &two("a", "A"), "t"), Some(Code::ColumnMismatch));
        assert_eq!(code(Dialect::Postgres, &two("a", "A"), "t"), None);
        assert_eq!(code(Dialect::Postgres, &two("a", &"x".repeat(64)), "t"), Some(Code::BadValue));
        assert_eq!(code(Dialect::Sqlite, &two("a", "b"), "sqlite_x"), Some(Code::BadValue));
    }

    #[test]
    fn index_names_are_told_apart_where_they_share_the_schema() {
        let name = |n: &str| index_name(Dialect::Postgres, &TableName::bare("orders"), n);
        assert_eq!(name("by_day"), "orders_by_day");
        assert_eq!(name("orders_by_day"), "orders_by_day");
        assert_eq!(name("orders"), "orders_orders", "tables and indexes share the names");
        let (a, b) = (name(&("x".repeat(70) + "a")), name(&("x".repeat(70) + "b")));
        assert!(a.len() <= 63 && a != b, "{a} {b}");
    }

    #[test]
    fn a_counted_column_that_leads_no_primary_key_gets_its_index_at_once_in_mysql() {
        let mut source = people();
        source.primary_key = vec!["mail".into()];
        source.indexes.push(Index::new("by_id", vec![part("id")], true));
        let table = adapt(Dialect::Mysql, &source, &TableName::bare("p")).unwrap().table;
        let sql = create_table(Dialect::Mysql, &table);
        assert!(sql.contains("UNIQUE KEY `by_id` (`id`)"), "{sql}");
        let later = create_indexes(Dialect::Mysql, &table).unwrap();
        assert!(!later.iter().any(|s| s.contains("by_id")), "{later:?}");
    }

    #[test]
    fn defaults_that_are_no_values_of_the_type_are_left_out() {
        let day = Field::new("d", DataType::Date32, true);
        assert_eq!(default_literal(Dialect::Postgres, &day, "0000-00-00"), None);
        assert_eq!(
            default_literal(Dialect::Postgres, &day, "2020-01-01").as_deref(),
            Some("'2020-01-01'")
        );
        let n = Field::new("n", DataType::Int32, true);
        assert_eq!(default_literal(Dialect::Postgres, &n, "1); DROP TABLE x"), None);
        assert_eq!(default_literal(Dialect::Postgres, &n, "-5").as_deref(), Some("-5"));
    }
}
