//! Keys as data and key ranges as conditions, so that a split and a position inside it can be
//! kept as text and asked for again.

use arrow::array::{Array, AsArray};
use arrow::datatypes::{
    DataType, Date32Type, Decimal128Type, Decimal256Type, DurationMicrosecondType, Field,
    Float32Type, Float64Type, Int8Type, Int16Type, Int32Type, Int64Type, Time64MicrosecondType,
    TimeUnit, TimestampMicrosecondType, UInt8Type, UInt16Type, UInt32Type, UInt64Type,
};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use syncline_types::{Code, Error, Result, field};

use crate::dialect::push_hex;
use crate::literal::{Calendar, push_decimal, push_float};
use crate::{Dialect, moment};

/// One value of a key, exact, and the same after a round through JSON.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum KeyValue {
    /// A boolean.
    Bool(bool),
    /// Any integer.
    Int(#[serde(with = "as_text")] i128),
    /// A decimal as plain text: `-12.30`.
    Decimal(String),
    /// A float.
    Float(#[serde(with = "as_text")] f64),
    /// A text.
    Text(String),
    /// Bytes, in hexadecimal when written down.
    Bytes(#[serde(with = "as_hex")] Vec<u8>),
    /// A UUID, hyphenated.
    Uuid(String),
    /// Days from 1970-01-01.
    Date(i32),
    /// Microseconds from 1970-01-01 00:00 without zone.
    Timestamp(i64),
    /// Microseconds from 1970-01-01 00:00 UTC.
    Instant(i64),
    /// Microseconds from midnight.
    Time(i64),
    /// Microseconds.
    Duration(i64),
    /// A bit string, as text of 0 and 1.
    Bits(String),
}

impl KeyValue {
    /// The value in `row` of a column, by the Arrow type alone. [`KeyValue::of`] also knows bit
    /// strings, decimals in texts and UUIDs.
    ///
    /// # Errors
    /// [`Code::NotNull`] for NULL, which no range can hold; [`Code::Unsupported`] for a type that
    /// is no key.
    pub fn from_array(array: &dyn Array, row: usize) -> Result<KeyValue> {
        Self::of(&Field::new("key", array.data_type().clone(), true), array, row)
    }

    /// The value in `row` of a column with this field.
    ///
    /// # Errors
    /// As [`KeyValue::from_array`].
    pub fn of(field: &Field, array: &dyn Array, row: usize) -> Result<KeyValue> {
        let name = field.name();
        if array.is_null(row) {
            let message = format!("key column {name:?} is NULL in row {row} of the batch");
            return Err(Error::new(Code::NotNull, message));
        }
        let logical = field::logical(field);
        macro_rules! value {
            ($type:ty) => {
                array.as_primitive::<$type>().value(row)
            };
        }
        Ok(match array.data_type() {
            DataType::Boolean => KeyValue::Bool(array.as_boolean().value(row)),
            DataType::Int8 => KeyValue::Int(value!(Int8Type).into()),
            DataType::Int16 => KeyValue::Int(value!(Int16Type).into()),
            DataType::Int32 => KeyValue::Int(value!(Int32Type).into()),
            DataType::Int64 => KeyValue::Int(value!(Int64Type).into()),
            DataType::UInt8 => KeyValue::Int(value!(UInt8Type).into()),
            DataType::UInt16 => KeyValue::Int(value!(UInt16Type).into()),
            DataType::UInt32 => KeyValue::Int(value!(UInt32Type).into()),
            DataType::UInt64 => KeyValue::Int(value!(UInt64Type).into()),
            DataType::Float32 => KeyValue::Float(value!(Float32Type).into()),
            DataType::Float64 => KeyValue::Float(value!(Float64Type)),
            DataType::Decimal128(_, scale) => {
                let mut text = String::new();
                push_decimal(&value!(Decimal128Type).to_string(), *scale, &mut text);
                KeyValue::Decimal(text)
            }
            DataType::Decimal256(_, scale) => {
                let mut text = String::new();
                push_decimal(&value!(Decimal256Type).to_string(), *scale, &mut text);
                KeyValue::Decimal(text)
            }
            DataType::Utf8 => {
                let text = array.as_string::<i32>().value(row).to_owned();
                match logical {
                    Some("decimal") => KeyValue::Decimal(text),
                    Some("bit") => KeyValue::Bits(text),
                    _ => KeyValue::Text(text),
                }
            }
            DataType::Binary => KeyValue::Bytes(array.as_binary::<i32>().value(row).to_vec()),
            DataType::FixedSizeBinary(_) => {
                let bytes = array.as_fixed_size_binary().value(row);
                match (logical, <&[u8; 16]>::try_from(bytes)) {
                    (Some("uuid"), Ok(uuid)) => KeyValue::Uuid(hyphenated(uuid)),
                    _ => KeyValue::Bytes(bytes.to_vec()),
                }
            }
            DataType::Date32 => KeyValue::Date(value!(Date32Type)),
            DataType::Timestamp(TimeUnit::Microsecond, zone) => {
                let micros = value!(TimestampMicrosecondType);
                if zone.is_some() { KeyValue::Instant(micros) } else { KeyValue::Timestamp(micros) }
            }
            DataType::Time64(TimeUnit::Microsecond) => {
                KeyValue::Time(value!(Time64MicrosecondType))
            }
            DataType::Duration(TimeUnit::Microsecond) => {
                KeyValue::Duration(value!(DurationMicrosecondType))
            }
            other => {
                let message = format!("key column {name:?}: {other} cannot be a key");
                return Err(Error::new(Code::Unsupported, message));
            }
        })
    }

    /// The value as a literal of the dialect.
    pub fn literal(&self, dialect: Dialect) -> String {
        let mut out = String::new();
        self.push_literal(dialect, &mut out);
        out
    }

    fn push_literal(&self, dialect: Dialect, out: &mut String) {
        let calendar = Calendar(dialect);
        match self {
            KeyValue::Bool(value) => out.push_str(match (dialect, value) {
                (Dialect::Mysql | Dialect::Sqlite, true) => "1",
                (Dialect::Mysql | Dialect::Sqlite, false) => "0",
                (_, true) => "TRUE",
                (_, false) => "FALSE",
            }),
            KeyValue::Int(value) => out.push_str(&value.to_string()),
            KeyValue::Decimal(text) if is_number(text) && dialect != Dialect::Sqlite => {
                out.push_str(text);
            }
            KeyValue::Decimal(text) | KeyValue::Text(text) | KeyValue::Uuid(text) => {
                dialect.push_string(text, out);
            }
            KeyValue::Float(value) => {
                if push_float(dialect, *value, out).is_none() {
                    // Only a server that has such values can have given one; its own word for it.
                    dialect.push_string(&value.to_string(), out);
                }
            }
            KeyValue::Bytes(bytes) if dialect == Dialect::Postgres => {
                out.push_str("'\\x");
                push_hex(bytes, out);
                out.push_str("'::bytea");
            }
            KeyValue::Bytes(bytes) => {
                out.push_str("X'");
                push_hex(bytes, out);
                out.push('\'');
            }
            KeyValue::Bits(bits) if dialect == Dialect::Sqlite => dialect.push_string(bits, out),
            KeyValue::Bits(bits) => {
                out.push('B');
                out.push_str(&Dialect::Ansi.string(bits));
            }
            KeyValue::Date(days) => calendar.push_date((*days).into(), out),
            KeyValue::Timestamp(micros) => calendar.push_timestamp(*micros, out),
            KeyValue::Instant(micros) => calendar.push_instant(*micros, out),
            KeyValue::Time(micros) => calendar.push_time(*micros, out),
            KeyValue::Duration(micros) => {
                out.push('\'');
                moment::push_time(*micros, out);
                out.push('\'');
            }
        }
    }
}

fn is_number(text: &str) -> bool {
    let digits = text.strip_prefix('-').unwrap_or(text);
    digits.starts_with(|c: char| c.is_ascii_digit())
        && digits.bytes().all(|b| b.is_ascii_digit() || b == b'.')
        && digits.bytes().filter(|b| *b == b'.').count() <= 1
}

/// `123e4567-e89b-12d3-a456-426614174000`.
pub(crate) fn hyphenated(bytes: &[u8; 16]) -> String {
    let mut out = String::with_capacity(36);
    for (at, byte) in bytes.iter().enumerate() {
        if matches!(at, 4 | 6 | 8 | 10) {
            out.push('-');
        }
        for nibble in [byte >> 4, byte & 15] {
            out.push(char::from_digit(nibble.into(), 16).unwrap_or('0'));
        }
    }
    out
}

/// Numbers as text, because JSON readers take 64 bits and lose the last digit of a float.
mod as_text {
    use super::*;

    pub(super) fn serialize<T: std::fmt::Debug, S: Serializer>(
        value: &T,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&format!("{value:?}"))
    }

    pub(super) fn deserialize<'de, T: std::str::FromStr, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<T, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(|_| de::Error::custom(format!("{text:?} is not a number")))
    }
}

mod as_hex {
    use super::*;

    pub(super) fn serialize<S: Serializer>(bytes: &[u8], s: S) -> Result<S::Ok, S::Error> {
        let mut text = String::new();
        push_hex(bytes, &mut text);
        s.serialize_str(&text)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(d: D) -> Result<Vec<u8>, D::Error> {
        let text = String::deserialize(d)?;
        let bad = || de::Error::custom(format!("{text:?} is not hexadecimal"));
        if !text.is_ascii() || !text.len().is_multiple_of(2) {
            return Err(bad());
        }
        let pairs = (0..text.len()).step_by(2).map(|i| u8::from_str_radix(&text[i..i + 2], 16));
        pairs.collect::<Result<_, _>>().map_err(|_| bad())
    }
}

/// A piece of a key's order: from after one key up to another. Open where there is none.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct KeyRange {
    /// Keys greater than this one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<Vec<KeyValue>>,
    /// Keys up to and including this one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub upto: Option<Vec<KeyValue>>,
}

/// A column of a key, and what a comparison with it needs. None of them is NULL in any row.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct KeyColumn {
    /// Its name, unquoted.
    pub name: String,
    /// The native type literals are cast to, where the server would not see it by itself
    /// (PostgreSQL: `uuid`, `citext`). Trusted: it comes from the catalog.
    pub cast: Option<String>,
    /// A collation for comparing and ordering, where it is not to be the column's own: as the
    /// dialect writes it, quoted where it has to be. Trusted, too.
    pub collate: Option<String>,
}

impl KeyColumn {
    /// A column compared as it is.
    pub fn new(name: impl Into<String>) -> Self {
        Self { name: name.into(), cast: None, collate: None }
    }

    fn expression(&self, dialect: Dialect) -> String {
        match &self.collate {
            Some(collate) => format!("{} COLLATE {collate}", dialect.quote(&self.name)),
            None => dialect.quote(&self.name),
        }
    }

    fn literal(&self, dialect: Dialect, value: &KeyValue) -> String {
        let literal = value.literal(dialect);
        match (&self.cast, dialect) {
            (None, _) => literal,
            (Some(cast), Dialect::Postgres) => format!("{literal}::{cast}"),
            (Some(cast), _) => format!("CAST({literal} AS {cast})"),
        }
    }
}

/// The condition that holds for the keys of the range, in a form that uses the key's index:
/// row values for PostgreSQL and SQLite, spelled-out comparisons elsewhere. A bound may have
/// fewer values than there are columns; it is then one of the key's leading columns.
pub fn predicate(dialect: Dialect, columns: &[KeyColumn], range: &KeyRange) -> String {
    let after = range.after.as_ref().map(|v| bound(dialect, columns, v, ">", ">"));
    let upto = range.upto.as_ref().map(|v| bound(dialect, columns, v, "<", "<="));
    match (after, upto) {
        (None, None) => "1 = 1".into(),
        (Some(one), None) | (None, Some(one)) => one,
        (Some(after), Some(upto)) => format!("{after} AND {upto}"),
    }
}

/// `strict` compares all columns but the last, `last` that one.
fn bound(
    dialect: Dialect,
    columns: &[KeyColumn],
    values: &[KeyValue],
    strict: &str,
    last: &str,
) -> String {
    let pairs: Vec<(String, String)> = columns
        .iter()
        .zip(values)
        .map(|(c, v)| (c.expression(dialect), c.literal(dialect, v)))
        .collect();
    match pairs.as_slice() {
        [] => "1 = 1".into(),
        [(column, value)] => format!("{column} {last} {value}"),
        _ if matches!(dialect, Dialect::Postgres | Dialect::Sqlite) => {
            let (left, right): (Vec<_>, Vec<_>) = pairs.into_iter().unzip();
            format!("({}) {last} ({})", left.join(", "), right.join(", "))
        }
        [(lead, lead_value), ..] => {
            // The first column alone bounds the range of the index.
            let mut out = format!("({lead} {strict}= {lead_value} AND (");
            for (depth, (column, value)) in pairs.iter().enumerate() {
                let operator = if depth + 1 == pairs.len() { last } else { strict };
                if depth > 0 {
                    out.push_str(" OR ");
                }
                out.push('(');
                for (column, value) in &pairs[..depth] {
                    out.push_str(&format!("{column} = {value} AND "));
                }
                out.push_str(&format!("{column} {operator} {value})"));
            }
            out.push_str("))");
            out
        }
    }
}

/// What stands after `ORDER BY` to have rows in the key's order.
pub fn order_by(dialect: Dialect, columns: &[KeyColumn]) -> String {
    columns.iter().map(|c| c.expression(dialect)).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn columns(names: &[&str]) -> Vec<KeyColumn> {
        names.iter().map(|n| KeyColumn::new(*n)).collect()
    }

    #[test]
    fn composite_ranges_use_the_index_of_each_dialect() {
        let range = KeyRange {
            after: Some(vec![KeyValue::Int(1), KeyValue::Text("x'y".into())]),
            upto: Some(vec![KeyValue::Int(9)]),
        };
        let key = columns(&["a", "b"]);
        assert_eq!(
            predicate(Dialect::Postgres, &key, &range),
            r#"("a", "b") > (1, 'x''y') AND "a" <= 9"#
        );
        assert_eq!(
            predicate(Dialect::Mysql, &key, &range),
            "(`a` >= 1 AND ((`a` > 1) OR (`a` = 1 AND `b` > 'x''y'))) AND `a` <= 9"
        );
        assert_eq!(predicate(Dialect::Ansi, &key, &KeyRange::default()), "1 = 1");
    }

    #[test]
    fn names_and_values_cannot_inject() {
        let range =
            KeyRange { after: Some(vec![KeyValue::Text("' OR 1=1 --".into())]), upto: None };
        let key = columns(&["\"; DROP TABLE t; --"]);
        assert_eq!(
            predicate(Dialect::Sqlite, &key, &range),
            r#""""; DROP TABLE t; --" > ''' OR 1=1 --'"#
        );
    }

    #[test]
    fn casts_and_collations_stand_where_they_count() {
        let mut key = columns(&["id", "name"]);
        key[0].cast = Some("uuid".into());
        key[1].collate = Some("\"C\"".into());
        let id = KeyValue::Uuid("123e4567-e89b-12d3-a456-426614174000".into());
        let range = KeyRange { after: Some(vec![id, KeyValue::Text("é".into())]), upto: None };
        assert_eq!(
            predicate(Dialect::Postgres, &key, &range),
            r#"("id", "name" COLLATE "C") > ('123e4567-e89b-12d3-a456-426614174000'::uuid, 'é')"#
        );
        assert_eq!(order_by(Dialect::Postgres, &key), r#""id", "name" COLLATE "C""#);
    }

    fn any_key() -> impl Strategy<Value = KeyValue> {
        prop_oneof![
            any::<bool>().prop_map(KeyValue::Bool),
            any::<i128>().prop_map(KeyValue::Int),
            any::<f64>().prop_filter("no NaN", |f| !f.is_nan()).prop_map(KeyValue::Float),
            any::<String>().prop_map(KeyValue::Text),
            any::<Vec<u8>>().prop_map(KeyValue::Bytes),
            any::<i32>().prop_map(KeyValue::Date),
            any::<i64>().prop_map(KeyValue::Instant),
        ]
    }

    proptest! {
        #[test]
        fn keys_survive_json(after in proptest::collection::vec(any_key(), 1..4)) {
            let range = KeyRange { after: Some(after), upto: None };
            let text = serde_json::to_string(&range).unwrap();
            let through: serde_json::Value = serde_json::from_str(&text).unwrap();
            prop_assert_eq!(&serde_json::from_value::<KeyRange>(through).unwrap(), &range);
            prop_assert_eq!(serde_json::from_str::<KeyRange>(&text).unwrap(), range);
        }

        /// Both forms of the condition, run by SQLite: each key is in one piece and in its order.
        #[test]
        fn pieces_cover_every_key_once(
            mut keys in proptest::collection::vec((-3i64..3, "[a'\\\\]{0,2}"), 1..30),
            cut in any::<proptest::sample::Index>(),
        ) {
            let db = rusqlite::Connection::open_in_memory().unwrap();
            db.execute_batch("CREATE TABLE t (a INTEGER, b TEXT)").unwrap();
            for (a, b) in &keys {
                db.execute("INSERT INTO t VALUES (?, ?)", (a, b)).unwrap();
            }
            keys.sort();
            let (a, b) = cut.get(&keys).clone();
            let at = vec![KeyValue::Int(a.into()), KeyValue::Text(b.clone())];
            let before = keys.iter().filter(|k| **k <= (a, b.clone())).count();
            let count = |dialect: Dialect, range: KeyRange| -> usize {
                let condition = predicate(dialect, &columns(&["a", "b"]), &range);
                let sql = format!("SELECT count(*) FROM t WHERE {condition}");
                let found: i64 = db.query_row(&sql, [], |r| r.get(0)).unwrap();
                usize::try_from(found).unwrap()
            };
            for dialect in [Dialect::Sqlite, Dialect::Ansi] {
                let upto = KeyRange { after: None, upto: Some(at.clone()) };
                let after = KeyRange { after: Some(at.clone()), upto: None };
                prop_assert_eq!(count(dialect, upto), before);
                prop_assert_eq!(count(dialect, after), keys.len() - before);
            }
        }
    }
}
