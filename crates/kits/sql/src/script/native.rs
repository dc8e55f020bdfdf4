//! Types as CREATE TABLE writes them, as fields of the canonical table of
//! [`syncline_types::field`].

use std::collections::HashMap;

use arrow::datatypes::{DataType, Field, TimeUnit};
use syncline_types::Requirement;
use syncline_types::field::{self, LENGTH, LOGICAL, MEMBERS, NATIVE, SPECIAL, STORE};

use super::lexer::{Kind, Lexer, Rules};
use crate::Dialect;

/// Types that the script makes itself.
#[derive(Debug, Default)]
pub(crate) struct UserTypes {
    /// Enumerations and their members, by name without schema.
    pub(crate) enums: HashMap<String, Vec<String>>,
    /// Domains and the types they are of.
    pub(crate) domains: HashMap<String, String>,
    /// What tables may need, in the order it was made.
    pub(crate) made: Vec<Requirement>,
}

impl UserTypes {
    /// What a column of this native type needs before it can be made.
    pub(crate) fn needed(&self, native: &str) -> Vec<Requirement> {
        let mut needed: Vec<&Requirement> = Vec::new();
        self.find(native, &mut needed);
        needed.into_iter().cloned().collect()
    }

    fn find<'a>(&'a self, text: &str, needed: &mut Vec<&'a Requirement>) {
        for made in self.made.iter().filter(|made| made.kind != "sequence") {
            let own = made.create.sql.as_str();
            if needed.iter().any(|n| n.name == made.name) || own == text {
                continue;
            }
            if words(text).any(|word| word.trim_matches('"') == made.name.name)
                || made.kind == "extension" && provides(&made.name.name, text)
            {
                self.find(own, needed);
                needed.push(made);
            }
        }
    }
}

/// Whether an extension has the type; its types are mostly called as it is.
fn provides(extension: &str, native: &str) -> bool {
    extension == "postgis"
        && words(native).any(|word| matches!(word, "geometry" | "geography" | "raster"))
}

/// Names in a text, quoted ones with their quotes.
fn words(text: &str) -> impl Iterator<Item = &str> {
    let name = |c: char| c.is_alphanumeric() || c == '_';
    let mut in_quotes = false;
    text.split(move |c: char| {
        in_quotes ^= c == '"';
        !(name(c) || in_quotes || c == '"')
    })
    .filter(|word| !word.is_empty())
}

/// Whether texts of the column are in a character set that MySQL lets one choose.
pub(crate) fn takes_charset(column: &Field) -> bool {
    let native = field::native(column, "mysql").unwrap_or_default();
    let base = native.split(['(', ' ']).next().unwrap_or_default();
    matches!(
        base,
        "char" | "varchar" | "tinytext" | "text" | "mediumtext" | "longtext" | "enum" | "set"
    )
}

/// A type's name taken apart.
struct Parts<'a> {
    /// Lower case, without arguments, single spaces: `character varying`, `bigint unsigned`.
    base: String,
    /// What stands in the first brackets.
    arguments: &'a str,
}

impl Parts<'_> {
    fn number(&self, at: usize) -> Option<u64> {
        self.arguments.split(',').nth(at)?.trim().parse().ok()
    }
}

fn split(native: &str) -> Parts<'_> {
    let (before, arguments, after) = match native.split_once('(') {
        Some((before, rest)) => match rest.rsplit_once(')') {
            Some((arguments, after)) => (before, arguments, after),
            None => (before, "", ""),
        },
        None => (native, "", ""),
    };
    let all = format!("{before} {after}").to_lowercase();
    Parts { base: all.split_whitespace().collect::<Vec<_>>().join(" "), arguments }
}

/// What a native type becomes.
struct Meaning {
    arrow: DataType,
    logical: Option<&'static str>,
    length: Option<u64>,
    members: Option<Vec<String>>,
}

impl Meaning {
    fn plain(arrow: DataType) -> Self {
        Self { arrow, logical: None, length: None, members: None }
    }

    fn logical(arrow: DataType, logical: &'static str) -> Self {
        Self { logical: Some(logical), ..Self::plain(arrow) }
    }

    fn sized(arrow: DataType, length: Option<u64>) -> Self {
        Self { length, ..Self::plain(arrow) }
    }
}

fn micros(utc: bool) -> Meaning {
    Meaning::plain(DataType::Timestamp(TimeUnit::Microsecond, utc.then(|| "UTC".into())))
}

fn time() -> Meaning {
    Meaning::plain(DataType::Time64(TimeUnit::Microsecond))
}

fn duration() -> Meaning {
    Meaning::plain(DataType::Duration(TimeUnit::Microsecond))
}

/// DECIMAL(p,s); as text where Arrow has no such decimal.
fn decimal(precision: u64, scale: i64) -> Meaning {
    let (p, s) = (u8::try_from(precision), i8::try_from(scale));
    match (p, s) {
        (Ok(p @ 1..=38), Ok(s)) if (0..=i64::from(p)).contains(&i64::from(s)) => {
            Meaning::plain(DataType::Decimal128(p, s))
        }
        (Ok(p @ 39..=76), Ok(s)) if (0..=i64::from(p)).contains(&i64::from(s)) => {
            Meaning::plain(DataType::Decimal256(p, s))
        }
        _ => Meaning::logical(DataType::Utf8, "decimal"),
    }
}

/// The column's field, for a type as the script writes it.
pub(crate) fn field(
    dialect: Dialect,
    name: &str,
    native: &str,
    nullable: bool,
    types: &UserTypes,
) -> Field {
    let meaning = match dialect {
        Dialect::Mysql => mysql(native),
        Dialect::Postgres => postgres(native, types, 0),
        Dialect::Sqlite => sqlite(native),
        Dialect::Ansi => ansi(native, types),
    };
    let mut pairs = Vec::new();
    // A column without a type is one of SQLite's, too.
    if !native.is_empty() || dialect == Dialect::Sqlite {
        pairs.push((STORE, dialect.id().to_owned()));
        pairs.push((NATIVE, native.to_owned()));
    }
    pairs.extend(meaning.logical.map(|l| (LOGICAL, l.to_owned())));
    pairs.extend(meaning.length.map(|n| (LENGTH, n.to_string())));
    let members = meaning.members.and_then(|m| serde_json::to_string(&m).ok());
    pairs.extend(members.map(|m| (MEMBERS, m)));
    pairs.extend(special(dialect, &meaning.arrow).map(|s| (SPECIAL, s.to_owned())));
    field::with(Field::new(name, meaning.arrow, nullable), pairs)
}

/// What values of this type there are beside the numbers.
fn special(dialect: Dialect, arrow: &DataType) -> Option<&'static str> {
    match (dialect, arrow) {
        (Dialect::Mysql, DataType::Date32 | DataType::Timestamp(..)) => Some("zero-date"),
        (Dialect::Postgres | Dialect::Sqlite, DataType::Date32 | DataType::Timestamp(..)) => {
            Some("infinity")
        }
        (
            Dialect::Postgres | Dialect::Sqlite,
            DataType::Decimal128(..) | DataType::Decimal256(..),
        ) => Some("nan"),
        _ => None,
    }
}

fn mysql(native: &str) -> Meaning {
    let parts = split(native);
    let unsigned = parts.base.contains("unsigned") || parts.base.contains("zerofill");
    let int = |signed, without| Meaning::plain(if unsigned { without } else { signed });
    let base = parts.base.split(' ').next().unwrap_or_default();
    match base {
        "tinyint" | "int1" => int(DataType::Int8, DataType::UInt8),
        "bool" | "boolean" => Meaning::plain(DataType::Int8),
        "smallint" | "int2" => int(DataType::Int16, DataType::UInt16),
        "mediumint" | "int3" | "middleint" | "int" | "integer" | "int4" => {
            int(DataType::Int32, DataType::UInt32)
        }
        "bigint" | "int8" => int(DataType::Int64, DataType::UInt64),
        "serial" => Meaning::plain(DataType::UInt64),
        "decimal" | "numeric" | "dec" | "fixed" => {
            let scale = parts.number(1).and_then(|s| i64::try_from(s).ok());
            decimal(parts.number(0).unwrap_or(10), scale.unwrap_or(0))
        }
        "float" | "float4"
            if parts.number(0).is_none_or(|p| p <= 24 || parts.number(1).is_some()) =>
        {
            Meaning::plain(DataType::Float32)
        }
        "float" | "double" | "real" | "float8" => Meaning::plain(DataType::Float64),
        "bit" => Meaning {
            length: Some(parts.number(0).unwrap_or(1)),
            ..Meaning::logical(DataType::Utf8, "bit")
        },
        "binary" | "varbinary" => {
            Meaning::sized(DataType::Binary, parts.number(0).or((base == "binary").then_some(1)))
        }
        "tinyblob" | "blob" | "mediumblob" | "longblob" | "vector" => {
            Meaning::plain(DataType::Binary)
        }
        "date" => Meaning::plain(DataType::Date32),
        "datetime" => micros(false),
        "timestamp" => micros(true),
        "time" => duration(),
        "year" => Meaning::logical(DataType::Int16, "year"),
        "enum" | "set" => {
            let logical = if base == "enum" { "enum" } else { "set" };
            let members = Some(members(parts.arguments));
            Meaning { members, ..Meaning::logical(DataType::Utf8, logical) }
        }
        "json" => Meaning::logical(DataType::Utf8, "json"),
        "uuid" => Meaning::logical(DataType::FixedSizeBinary(16), "uuid"),
        "inet4" | "inet6" => Meaning {
            length: Some(if base == "inet4" { 15 } else { 39 }),
            ..Meaning::logical(DataType::Utf8, "text-of")
        },
        "geometry" | "point" | "linestring" | "polygon" | "multipoint" | "multilinestring"
        | "multipolygon" | "geometrycollection" | "geomcollection" => {
            Meaning::logical(DataType::Binary, "geometry")
        }
        "char" | "character" | "nchar" | "national" => {
            Meaning::sized(DataType::Utf8, parts.number(0).or(Some(1)))
        }
        "varchar" | "nvarchar" => Meaning::sized(DataType::Utf8, parts.number(0)),
        "tinytext" | "text" | "mediumtext" | "longtext" | "long" => Meaning::plain(DataType::Utf8),
        _ => Meaning::logical(DataType::Utf8, "text-of"),
    }
}

/// The members of `'a','b''c'`.
fn members(arguments: &str) -> Vec<String> {
    let mut lexer = Lexer::whole(arguments.as_bytes(), Rules::of(Dialect::Mysql));
    let mut all = Vec::new();
    while let Ok(token) = lexer.token() {
        match token.kind {
            Kind::End => break,
            Kind::Text(_) => all.push(lexer.string(&token)),
            _ => {}
        }
    }
    all
}

/// PostgreSQL's scale may be negative, or beyond the precision.
fn numeric(parts: &Parts<'_>) -> Meaning {
    let mut numbers = parts.arguments.split(',').map(|n| n.trim().parse::<i64>().ok());
    let (precision, scale) = match (numbers.next().flatten(), numbers.next()) {
        (Some(precision), None) => (precision, 0),
        (Some(precision), Some(Some(scale))) => (precision, scale),
        _ => return Meaning::logical(DataType::Utf8, "decimal"),
    };
    let precision = if scale < 0 { precision - scale } else { precision.max(scale) };
    decimal(u64::try_from(precision).unwrap_or(0), scale.max(0))
}

/// How deep domains over domains are followed.
const DOMAINS: usize = 16;

fn postgres(native: &str, types: &UserTypes, depth: usize) -> Meaning {
    let text_of = || Meaning::logical(DataType::Utf8, "text-of");
    if native.ends_with(']') {
        return text_of();
    }
    let parts = split(native);
    let arguments = || parts.number(0);
    match parts.base.strip_prefix("pg_catalog.").unwrap_or(&parts.base) {
        "boolean" | "bool" => Meaning::plain(DataType::Boolean),
        "smallint" | "int2" | "smallserial" => Meaning::plain(DataType::Int16),
        "integer" | "int" | "int4" | "serial" => Meaning::plain(DataType::Int32),
        "bigint" | "int8" | "bigserial" => Meaning::plain(DataType::Int64),
        "real" | "float4" => Meaning::plain(DataType::Float32),
        "double precision" | "float8" | "float" => Meaning::plain(DataType::Float64),
        "numeric" | "decimal" => numeric(&parts),
        "oid" => Meaning::plain(DataType::UInt32),
        "name" | "citext" | "public.citext" => Meaning::plain(DataType::Utf8),
        "text" => Meaning::plain(DataType::Utf8),
        "character varying" | "varchar" => Meaning::sized(DataType::Utf8, arguments()),
        "character" | "char" | "bpchar" => {
            Meaning::sized(DataType::Utf8, arguments().or((parts.base != "bpchar").then_some(1)))
        }
        "bytea" => Meaning::plain(DataType::Binary),
        "date" => Meaning::plain(DataType::Date32),
        "timestamp without time zone" | "timestamp" => micros(false),
        "timestamp with time zone" | "timestamptz" => micros(true),
        "time without time zone" | "time" => time(),
        "uuid" => Meaning::logical(DataType::FixedSizeBinary(16), "uuid"),
        "json" | "jsonb" => Meaning::logical(DataType::Utf8, "json"),
        "bit" => Meaning {
            length: Some(arguments().unwrap_or(1)),
            ..Meaning::logical(DataType::Utf8, "bit")
        },
        "bit varying" | "varbit" => {
            Meaning { length: arguments(), ..Meaning::logical(DataType::Utf8, "bit") }
        }
        _ => {
            let bare = native.rsplit('.').next().unwrap_or(native).trim_matches('"');
            if let Some(members) = types.enums.get(bare) {
                let members = Some(members.clone());
                return Meaning { members, ..Meaning::logical(DataType::Utf8, "enum") };
            }
            match types.domains.get(bare) {
                Some(base) if depth < DOMAINS => postgres(base, types, depth + 1),
                _ => text_of(),
            }
        }
    }
}

/// The types of [`crate::adapt`], then SQLite's own rules of affinity
/// (<https://www.sqlite.org/datatype3.html>, 3.1).
fn sqlite(native: &str) -> Meaning {
    let parts = split(native);
    let scale = parts.number(1).and_then(|s| i64::try_from(s).ok()).unwrap_or(0);
    let has = |text: &str| parts.base.contains(text);
    match parts.base.as_str() {
        "boolean" | "bool" => Meaning::plain(DataType::Boolean),
        "bigint unsigned" | "unsigned bigint" | "unsigned big int" => {
            Meaning::plain(DataType::UInt64)
        }
        "decimal" | "numeric" | "number" | "dec" | "decimal_text" => match parts.number(0) {
            Some(precision) => decimal(precision, scale),
            None => Meaning::logical(DataType::Utf8, "decimal"),
        },
        "json_text" | "json" => Meaning::logical(DataType::Utf8, "json"),
        "date" => Meaning::plain(DataType::Date32),
        "timestamp" | "datetime" | "timestamp without time zone" => micros(false),
        "timestamptz" | "timestamp with time zone" => micros(true),
        "time" => time(),
        "duration" => duration(),
        _ if has("int") => Meaning::plain(DataType::Int64),
        _ if has("char") || has("clob") || has("text") => {
            Meaning::sized(DataType::Utf8, parts.number(0))
        }
        _ if has("blob") => Meaning::plain(DataType::Binary),
        _ if has("real") || has("floa") || has("doub") => Meaning::plain(DataType::Float64),
        // Any value may stand there.
        _ => Meaning::logical(DataType::Utf8, "text-of"),
    }
}

fn ansi(native: &str, types: &UserTypes) -> Meaning {
    let parts = split(native);
    match parts.base.as_str() {
        "character large object" | "clob" => Meaning::plain(DataType::Utf8),
        "binary large object" | "blob" => Meaning::plain(DataType::Binary),
        "binary" | "varbinary" | "binary varying" => {
            Meaning::sized(DataType::Binary, parts.number(0))
        }
        "datetime" => micros(false),
        _ => postgres(native, types, 0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(dialect: Dialect, native: &str) -> (DataType, Option<String>) {
        let field = field(dialect, "c", native, true, &UserTypes::default());
        (field.data_type().clone(), field::logical(&field).map(str::to_owned))
    }

    #[test]
    fn types_are_those_of_the_canonical_table() {
        use DataType::{Binary, Boolean, Decimal128, Decimal256, Float32, Int16, UInt64, Utf8};
        let logical = |t: DataType, l: &str| (t, Some(l.to_owned()));
        for (dialect, native, want) in [
            (Dialect::Mysql, "bigint(20) unsigned zerofill", (UInt64, None)),
            (Dialect::Mysql, "decimal(65,30)", (Decimal256(65, 30), None)),
            (Dialect::Mysql, "float(7,3)", (Float32, None)),
            (Dialect::Mysql, "year(4)", logical(Int16, "year")),
            (Dialect::Mysql, "bit(8)", logical(Utf8, "bit")),
            (Dialect::Mysql, "multipolygon", logical(Binary, "geometry")),
            (Dialect::Mysql, "inet6", logical(Utf8, "text-of")),
            (Dialect::Postgres, "numeric(12,2)", (Decimal128(12, 2), None)),
            (Dialect::Postgres, "numeric(3,-2)", (Decimal128(5, 0), None)),
            (Dialect::Postgres, "numeric(3,5)", (Decimal128(5, 5), None)),
            (Dialect::Postgres, "numeric(1000,5)", logical(Utf8, "decimal")),
            (Dialect::Postgres, "integer[]", logical(Utf8, "text-of")),
            (Dialect::Postgres, "interval", logical(Utf8, "text-of")),
            (Dialect::Postgres, "bit varying(3)", logical(Utf8, "bit")),
            (Dialect::Sqlite, "BOOLEAN", (Boolean, None)),
            (Dialect::Sqlite, "numeric", logical(Utf8, "decimal")),
            (Dialect::Sqlite, "DECIMAL_TEXT(60,20)", (Decimal256(60, 20), None)),
            (Dialect::Sqlite, "UUID", logical(Utf8, "text-of")),
            (Dialect::Ansi, "binary large object", (Binary, None)),
        ] {
            assert_eq!(of(dialect, native), want, "{native}");
        }
        let stamp = of(Dialect::Postgres, "timestamp(3) with time zone").0;
        assert_eq!(stamp, DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())));
    }

    #[test]
    fn members_are_unquoted() {
        let field =
            field(Dialect::Mysql, "c", "enum('a','b''c','d,(e)')", true, &UserTypes::default());
        assert_eq!(field::get(&field, MEMBERS), Some(r#"["a","b'c","d,(e)"]"#));
    }
}
