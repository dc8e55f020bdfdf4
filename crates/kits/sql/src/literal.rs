//! Values as literals, column by column: the type is looked at once a batch, not once a value.

use std::fmt::Write as _;

use arrow::array::{
    Array, ArrayRef, ArrowPrimitiveType, AsArray, BinaryArray, BooleanArray, FixedSizeBinaryArray,
    PrimitiveArray, StringArray,
};
use arrow::datatypes::{
    DataType, Date32Type, Decimal128Type, Decimal256Type, DurationMicrosecondType, Field,
    Float32Type, Float64Type, Int8Type, Int16Type, Int32Type, Int64Type, Time64MicrosecondType,
    TimeUnit, TimestampMicrosecondType, UInt8Type, UInt16Type, UInt32Type, UInt64Type,
};
use syncline_types::{Code, Error, Result, field};

use crate::dialect::push_hex;
use crate::key::hyphenated;
use crate::{Dialect, moment};

/// Writes the value in `row` of a column as a literal at the end of `out`; `NULL` for NULL.
///
/// For many values of one column use a [`ColumnWriter`].
///
/// # Errors
/// [`Code::NoEquivalent`] for a value the dialect has no literal for (NaN in MySQL, NUL in a text
/// of PostgreSQL), [`Code::OutOfRange`] for a date beyond its calendar, [`Code::Unsupported`] for
/// an Arrow type that is not one of [`syncline_types::field`]'s. `out` is then as it was.
pub fn write_literal(
    dialect: Dialect,
    field: &Field,
    array: &dyn Array,
    row: usize,
    out: &mut String,
) -> Result<()> {
    let array = array.slice(row, 1);
    ColumnWriter::new(dialect, field, &array)?.write(0, out)
}

/// Writes values of one column of one batch.
pub struct ColumnWriter<'a> {
    dialect: Dialect,
    field: &'a Field,
    array: &'a dyn Array,
    nullable: bool,
    values: Values<'a>,
}

enum Values<'a> {
    Null,
    Bool(&'a BooleanArray),
    Int8(&'a PrimitiveArray<Int8Type>),
    Int16(&'a PrimitiveArray<Int16Type>),
    Int32(&'a PrimitiveArray<Int32Type>),
    Int64(&'a PrimitiveArray<Int64Type>),
    UInt8(&'a PrimitiveArray<UInt8Type>),
    UInt16(&'a PrimitiveArray<UInt16Type>),
    UInt32(&'a PrimitiveArray<UInt32Type>),
    UInt64(&'a PrimitiveArray<UInt64Type>),
    Float32(&'a PrimitiveArray<Float32Type>),
    Float64(&'a PrimitiveArray<Float64Type>),
    Decimal128(&'a PrimitiveArray<Decimal128Type>, i8),
    Decimal256(&'a PrimitiveArray<Decimal256Type>, i8),
    Text(&'a StringArray),
    /// Decimal text.
    Number(&'a StringArray),
    /// Text of 0 and 1.
    Bits(&'a StringArray),
    Bytes(&'a BinaryArray),
    Fixed(&'a FixedSizeBinaryArray),
    Uuid(&'a FixedSizeBinaryArray),
    Date(&'a PrimitiveArray<Date32Type>),
    Timestamp(&'a PrimitiveArray<TimestampMicrosecondType>),
    Instant(&'a PrimitiveArray<TimestampMicrosecondType>),
    Time(&'a PrimitiveArray<Time64MicrosecondType>),
    Duration(&'a PrimitiveArray<DurationMicrosecondType>),
}

fn primitive<T: ArrowPrimitiveType>(array: &dyn Array) -> &PrimitiveArray<T> {
    array.as_primitive::<T>()
}

impl<'a> ColumnWriter<'a> {
    /// A writer for a column of this field. The type is the array's; the field adds the meaning.
    ///
    /// # Errors
    /// [`Code::Unsupported`] for an Arrow type that is not one of [`syncline_types::field`]'s.
    pub fn new(dialect: Dialect, field: &'a Field, array: &'a dyn Array) -> Result<Self> {
        let logical = field::logical(field);
        let values = match array.data_type() {
            DataType::Null => Values::Null,
            DataType::Boolean => Values::Bool(array.as_boolean()),
            DataType::Int8 => Values::Int8(primitive(array)),
            DataType::Int16 => Values::Int16(primitive(array)),
            DataType::Int32 => Values::Int32(primitive(array)),
            DataType::Int64 => Values::Int64(primitive(array)),
            DataType::UInt8 => Values::UInt8(primitive(array)),
            DataType::UInt16 => Values::UInt16(primitive(array)),
            DataType::UInt32 => Values::UInt32(primitive(array)),
            DataType::UInt64 => Values::UInt64(primitive(array)),
            DataType::Float32 => Values::Float32(primitive(array)),
            DataType::Float64 => Values::Float64(primitive(array)),
            DataType::Decimal128(_, s) => Values::Decimal128(primitive(array), *s),
            DataType::Decimal256(_, s) => Values::Decimal256(primitive(array), *s),
            DataType::Utf8 => match logical {
                Some("decimal") => Values::Number(array.as_string()),
                Some("bit") => Values::Bits(array.as_string()),
                _ => Values::Text(array.as_string()),
            },
            DataType::Binary => Values::Bytes(array.as_binary()),
            DataType::FixedSizeBinary(16) if logical == Some("uuid") => {
                Values::Uuid(array.as_fixed_size_binary())
            }
            DataType::FixedSizeBinary(_) => Values::Fixed(array.as_fixed_size_binary()),
            DataType::Date32 => Values::Date(primitive(array)),
            DataType::Timestamp(TimeUnit::Microsecond, None) => Values::Timestamp(primitive(array)),
            DataType::Timestamp(TimeUnit::Microsecond, Some(_)) => {
                Values::Instant(primitive(array))
            }
            DataType::Time64(TimeUnit::Microsecond) => Values::Time(primitive(array)),
            DataType::Duration(TimeUnit::Microsecond) => Values::Duration(primitive(array)),
            other => {
                let message = format!("column {:?}: no literal for {other}", field.name());
                return Err(Error::new(Code::Unsupported, message));
            }
        };
        let nullable = array.null_count() > 0;
        Ok(Self { dialect, field, array, nullable, values })
    }

    /// Writers for the columns of a batch, in order.
    ///
    /// # Errors
    /// As [`ColumnWriter::new`].
    pub fn for_columns(
        dialect: Dialect,
        columns: impl IntoIterator<Item = (&'a Field, &'a ArrayRef)>,
    ) -> Result<Vec<Self>> {
        columns.into_iter().map(|(f, a)| Self::new(dialect, f, a.as_ref())).collect()
    }

    /// Writes the value in `row`; `NULL` for NULL.
    ///
    /// # Errors
    /// As [`write_literal`].
    pub fn write(&self, row: usize, out: &mut String) -> Result<()> {
        if self.nullable && self.array.is_null(row) {
            out.push_str("NULL");
            return Ok(());
        }
        let calendar = Calendar(self.dialect);
        match &self.values {
            Values::Null => out.push_str("NULL"),
            Values::Bool(a) => out.push_str(match (self.dialect, a.value(row)) {
                (Dialect::Mysql | Dialect::Sqlite, true) => "1",
                (Dialect::Mysql | Dialect::Sqlite, false) => "0",
                (_, true) => "TRUE",
                (_, false) => "FALSE",
            }),
            Values::Int8(a) => push_int(a.value(row), out),
            Values::Int16(a) => push_int(a.value(row), out),
            Values::Int32(a) => push_int(a.value(row), out),
            Values::Int64(a) => push_int(a.value(row), out),
            Values::UInt8(a) => push_int(a.value(row), out),
            Values::UInt16(a) => push_int(a.value(row), out),
            Values::UInt32(a) => push_int(a.value(row), out),
            Values::UInt64(a) => self.push_u64(a.value(row), out),
            Values::Float32(a) => {
                let value = a.value(row);
                // The shortest digits of the float itself, where they lead to it by way of a
                // double, too: servers read numbers as doubles first.
                let digits = format!("{value:?}");
                if value.is_finite() && digits.parse::<f64>().is_ok_and(|d| narrow(d) == value) {
                    out.push_str(&digits);
                } else {
                    self.push_f64(value.into(), out)?;
                }
            }
            Values::Float64(a) => self.push_f64(a.value(row), out)?,
            Values::Decimal128(a, scale) => {
                self.push_decimal(&a.value(row).to_string(), *scale, out);
            }
            Values::Decimal256(a, scale) => {
                self.push_decimal(&a.value(row).to_string(), *scale, out);
            }
            Values::Text(a) => self.push_text(a.value(row), out)?,
            Values::Number(a) => self.push_number(a.value(row), out)?,
            Values::Bits(a) => self.push_bits(a.value(row), out)?,
            Values::Bytes(a) => self.push_bytes(a.value(row), out),
            Values::Fixed(a) => self.push_bytes(a.value(row), out),
            Values::Uuid(a) => match <&[u8; 16]>::try_from(a.value(row)) {
                Ok(uuid) => {
                    out.push('\'');
                    out.push_str(&hyphenated(uuid));
                    out.push('\'');
                }
                Err(_) => self.push_bytes(a.value(row), out),
            },
            Values::Date(a) => {
                let days = i64::from(a.value(row));
                self.check_year(days)?;
                calendar.push_date(days, out);
            }
            Values::Timestamp(a) => {
                self.check_year(a.value(row).div_euclid(moment::DAY))?;
                calendar.push_timestamp(a.value(row), out);
            }
            Values::Instant(a) => {
                self.check_year(a.value(row).div_euclid(moment::DAY))?;
                calendar.push_instant(a.value(row), out);
            }
            Values::Time(a) => calendar.push_time(a.value(row), out),
            Values::Duration(a) => {
                out.push('\'');
                moment::push_time(a.value(row), out);
                out.push('\'');
                if self.dialect == Dialect::Postgres {
                    out.push_str("::interval");
                }
            }
        }
        Ok(())
    }

    fn refused(&self, code: Code, why: &str) -> Error {
        let message = format!("column {:?}: {why} in {}", self.field.name(), self.dialect);
        Error::new(code, message)
    }

    /// SQLite's integers end at 2^63 - 1: what is beyond stands as a blob of twenty digits, which
    /// sorts after them, and in order. The SQLite source reads it back.
    fn push_u64(&self, value: u64, out: &mut String) {
        if self.dialect == Dialect::Sqlite && i64::try_from(value).is_err() {
            self.push_bytes(format!("{value:020}").as_bytes(), out);
        } else {
            push_int(value, out);
        }
    }

    fn push_f64(&self, value: f64, out: &mut String) -> Result<()> {
        push_float(self.dialect, value, out)
            .ok_or_else(|| self.refused(Code::NoEquivalent, &format!("there is no {value}")))
    }

    /// SQLite reads a number with more than 15 digits as a float; a text it leaves to the column.
    fn push_decimal(&self, digits: &str, scale: i8, out: &mut String) {
        let quote = self.dialect == Dialect::Sqlite;
        if quote {
            out.push('\'');
        }
        push_decimal(digits, scale, out);
        if quote {
            out.push('\'');
        }
    }

    /// Decimal text. In SQLite's columns of numbers infinity is a number, as its connector has it.
    fn push_number(&self, text: &str, out: &mut String) -> Result<()> {
        let native = field::native(self.field, self.dialect.id()).unwrap_or_default();
        let numbers = self.dialect == Dialect::Sqlite
            && !native.is_empty()
            && !native.to_ascii_uppercase().contains("TEXT");
        match text {
            "Infinity" if numbers => self.push_f64(f64::INFINITY, out),
            "-Infinity" if numbers => self.push_f64(f64::NEG_INFINITY, out),
            _ => self.push_text(text, out),
        }
    }

    fn push_text(&self, text: &str, out: &mut String) -> Result<()> {
        if !self.dialect.holds(text) {
            return Err(self.refused(Code::NoEquivalent, "there is no NUL in a text"));
        }
        self.dialect.push_string(text, out);
        Ok(())
    }

    fn push_bits(&self, bits: &str, out: &mut String) -> Result<()> {
        if !bits.bytes().all(|b| b == b'0' || b == b'1') {
            return Err(self.refused(Code::Conversion, &format!("{bits:?} is no bit string")));
        }
        if self.dialect != Dialect::Sqlite {
            out.push('B');
        }
        let _ = write!(out, "'{bits}'");
        Ok(())
    }

    fn push_bytes(&self, bytes: &[u8], out: &mut String) {
        let (open, close) = match self.dialect {
            Dialect::Postgres => ("'\\x", "'::bytea"),
            Dialect::Mysql | Dialect::Sqlite | Dialect::Ansi => ("X'", "'"),
        };
        out.push_str(open);
        push_hex(bytes, out);
        out.push_str(close);
    }

    fn check_year(&self, days: i64) -> Result<()> {
        let (year, _, _) = moment::civil(days);
        let range = match self.dialect {
            Dialect::Mysql => 0..=9999,
            // 4713 BC to the limits of date; a timestamp's are checked by the server.
            Dialect::Postgres => -4712..=5_874_897,
            Dialect::Sqlite => i64::MIN..=i64::MAX,
            Dialect::Ansi => 1..=9999,
        };
        if range.contains(&year) {
            return Ok(());
        }
        Err(self.refused(Code::OutOfRange, &format!("there is no year {year}")))
    }
}

#[allow(clippy::cast_possible_truncation)] // rounding to the nearest is what is asked here
fn narrow(value: f64) -> f32 {
    value as f32
}

fn push_int(value: impl std::fmt::Display, out: &mut String) {
    // Writing to a String cannot fail.
    let _ = write!(out, "{value}");
}

/// Appends a float in its shortest digits; `None` when the dialect has no such value.
pub(crate) fn push_float(dialect: Dialect, value: f64, out: &mut String) -> Option<()> {
    if value.is_finite() {
        let _ = write!(out, "{value:?}");
        return Some(());
    }
    let literal = match (dialect, value.is_nan(), value > 0.0) {
        (Dialect::Postgres, true, _) => "'NaN'::float8",
        (Dialect::Postgres, false, true) => "'Infinity'::float8",
        (Dialect::Postgres, false, false) => "'-Infinity'::float8",
        (Dialect::Sqlite, false, true) => "9e999",
        (Dialect::Sqlite, false, false) => "-9e999",
        _ => return None,
    };
    out.push_str(literal);
    Some(())
}

/// Appends an unscaled decimal number with its point: `-5`, scale 2, becomes `-0.05`.
pub fn push_decimal(unscaled: &str, scale: i8, out: &mut String) {
    let digits = match unscaled.strip_prefix('-') {
        Some(digits) => {
            out.push('-');
            digits
        }
        None => unscaled,
    };
    match usize::try_from(scale) {
        Ok(0) => out.push_str(digits),
        Ok(scale) if digits.len() > scale => {
            let (whole, fraction) = digits.split_at(digits.len() - scale);
            out.push_str(whole);
            out.push('.');
            out.push_str(fraction);
        }
        Ok(scale) => {
            out.push_str("0.");
            out.extend(std::iter::repeat_n('0', scale - digits.len()));
            out.push_str(digits);
        }
        Err(_) => {
            out.push_str(digits);
            if digits != "0" {
                out.extend(std::iter::repeat_n('0', usize::from(scale.unsigned_abs())));
            }
        }
    }
}

/// How a dialect writes dates and times.
pub(crate) struct Calendar(pub(crate) Dialect);

impl Calendar {
    fn open(&self, word: &str, out: &mut String) {
        if self.0 == Dialect::Ansi {
            out.push_str(word);
            out.push(' ');
        }
        out.push('\'');
    }

    /// PostgreSQL writes years before 1 as `0044-03-15 BC`, and those after 9999 without a sign.
    fn push_day(&self, days: i64, out: &mut String) -> bool {
        let (year, month, day) = moment::civil(days);
        if self.0 != Dialect::Postgres || (1..=9999).contains(&year) {
            moment::push_date(days, out);
            return false;
        }
        let before = year < 1;
        let _ = write!(out, "{:04}-{month:02}-{day:02}", if before { 1 - year } else { year });
        before
    }

    pub(crate) fn push_date(&self, days: i64, out: &mut String) {
        self.open("DATE", out);
        let before = self.push_day(days, out);
        out.push_str(if before { " BC'" } else { "'" });
    }

    pub(crate) fn push_timestamp(&self, micros: i64, out: &mut String) {
        self.push_moment(micros, "", out);
    }

    pub(crate) fn push_instant(&self, micros: i64, out: &mut String) {
        // MySQL: the session's time zone is UTC; MariaDB takes no offset.
        self.push_moment(micros, if self.0 == Dialect::Mysql { "" } else { "+00:00" }, out);
    }

    fn push_moment(&self, micros: i64, zone: &str, out: &mut String) {
        self.open("TIMESTAMP", out);
        let before = self.push_day(micros.div_euclid(moment::DAY), out);
        out.push(' ');
        moment::push_time(micros.rem_euclid(moment::DAY), out);
        out.push_str(zone);
        out.push_str(if before { " BC'" } else { "'" });
    }

    pub(crate) fn push_time(&self, micros: i64, out: &mut String) {
        self.open("TIME", out);
        moment::push_time(micros, out);
        out.push('\'');
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::array::{
        Date32Array, Decimal128Array, DurationMicrosecondArray, Float32Array, Float64Array,
        Int64Array, Time64MicrosecondArray, TimestampMicrosecondArray, UInt64Array,
    };
    use proptest::prelude::*;

    use super::*;

    fn literal(dialect: Dialect, field: &Field, array: &dyn Array) -> Result<String> {
        let mut out = String::new();
        write_literal(dialect, field, array, 0, &mut out).map(|()| out)
    }

    /// The literals of one value in all dialects, `-` where there is none.
    fn all(logical: &str, array: impl Array) -> [String; 4] {
        let field = Field::new("c", array.data_type().clone(), true);
        let field = field::with(field, [(field::LOGICAL, logical.to_owned())]);
        Dialect::ALL.map(|d| literal(d, &field, &array).unwrap_or_else(|_| "-".into()))
    }

    #[test]
    fn values_are_written_in_each_dialects_way() {
        let big = UInt64Array::from(vec![u64::MAX]);
        let padded = "X'3138343436373434303733373039353531363135'";
        assert_eq!(
            all("", big),
            [u64::MAX.to_string(), u64::MAX.to_string(), padded.into(), u64::MAX.to_string()]
        );
        let price = Decimal128Array::from(vec![-5]).with_precision_and_scale(12, 2).unwrap();
        assert_eq!(all("", price), ["-0.05", "-0.05", "'-0.05'", "-0.05"]);
        assert_eq!(
            all("", BinaryArray::from(vec![&b"\x00\xff"[..]])),
            ["X'00FF'", "'\\x00FF'::bytea", "X'00FF'", "X'00FF'"]
        );
        assert_eq!(
            all("bit", StringArray::from(vec!["010"])),
            ["B'010'", "B'010'", "'010'", "B'010'"]
        );
        let uuid = FixedSizeBinaryArray::try_from_iter([[0x12_u8; 16]].iter()).unwrap();
        assert_eq!(all("uuid", uuid)[1], "'12121212-1212-1212-1212-121212121212'");
        assert_eq!(all("", Int64Array::from(vec![None])), ["NULL", "NULL", "NULL", "NULL"]);
        let length = DurationMicrosecondArray::from(vec![-3_020_399_000_001]);
        assert_eq!(all("", length)[1], "'-838:59:59.000001'::interval");
        let noon = Time64MicrosecondArray::from(vec![moment::DAY / 2]);
        assert_eq!(all("", noon), ["'12:00:00'", "'12:00:00'", "'12:00:00'", "TIME '12:00:00'"]);
        assert_eq!(all("", BooleanArray::from(vec![true])), ["1", "TRUE", "1", "TRUE"]);
    }

    #[test]
    fn infinity_is_a_number_in_sqlites_columns_of_numbers() {
        for (native, expected) in [("NUMERIC", "-9e999"), ("DECIMAL_TEXT", "'-Infinity'")] {
            let pairs = [
                (field::STORE, "sqlite".to_owned()),
                (field::NATIVE, native.to_owned()),
                (field::LOGICAL, "decimal".to_owned()),
            ];
            let field = field::with(Field::new("c", DataType::Utf8, true), pairs);
            let array = StringArray::from(vec!["-Infinity"]);
            let mut out = String::new();
            let writer = ColumnWriter::new(Dialect::Sqlite, &field, &array).unwrap();
            writer.write(0, &mut out).unwrap();
            assert_eq!(out, expected, "{native}");
        }
    }

    #[test]
    fn values_without_a_literal_are_refused_not_changed() {
        assert_eq!(all("", Float64Array::from(vec![f64::NAN])), ["-", "'NaN'::float8", "-", "-"]);
        assert_eq!(
            all("", Float64Array::from(vec![f64::NEG_INFINITY])),
            ["-", "'-Infinity'::float8", "-9e999", "-"]
        );
        assert_eq!(
            all("", StringArray::from(vec!["a\0"])),
            ["'a\\0'", "-", "CAST(X'6100' AS TEXT)", "-"]
        );
        assert_eq!(all("bit", StringArray::from(vec!["1') --"])), ["-", "-", "-", "-"]);
        let caesar =
            Date32Array::from(vec![i32::try_from(moment::days(-43, 3, 15).unwrap()).unwrap()]);
        assert_eq!(all("", caesar), ["-", "'0044-03-15 BC'", "'-0043-03-15'", "-"]);
        let far = TimestampMicrosecondArray::from(vec![
            moment::days(12_020, 1, 1).unwrap() * moment::DAY,
        ]);
        assert_eq!(
            all("", far.with_timezone("UTC")),
            ["-", "'12020-01-01 00:00:00+00:00'", "'+12020-01-01 00:00:00+00:00'", "-"]
        );
    }

    #[test]
    fn an_error_leaves_the_text_as_it_was() {
        let field = Field::new("c", DataType::Utf8, true);
        let mut out = String::from("(1, ");
        let array = StringArray::from(vec!["a\0"]);
        let error = write_literal(Dialect::Postgres, &field, &array, 0, &mut out).unwrap_err();
        assert_eq!((error.code(), out.as_str()), (Code::NoEquivalent, "(1, "));
    }

    fn sqlite<T: rusqlite::types::FromSql>(literal: &str) -> T {
        let db = rusqlite::Connection::open_in_memory().unwrap();
        db.query_row(&format!("SELECT {literal}"), [], |row| row.get(0)).unwrap()
    }

    proptest! {
        #[test]
        fn sqlite_reads_back_integers_floats_texts_and_bytes(
            int: i64, float in any::<f64>().prop_filter("no NaN", |f| !f.is_nan()),
            text: String, bytes: Vec<u8>,
        ) {
            let f = Field::new("c", DataType::Null, true);
            let of = |a: &dyn Array| literal(Dialect::Sqlite, &f, a).unwrap();
            prop_assert_eq!(sqlite::<i64>(&of(&Int64Array::from(vec![int]))), int);
            prop_assert_eq!(sqlite::<f64>(&of(&Float64Array::from(vec![float]))), float);
            prop_assert_eq!(sqlite::<String>(&of(&StringArray::from(vec![text.as_str()]))), text);
            prop_assert_eq!(sqlite::<Vec<u8>>(&of(&BinaryArray::from(vec![bytes.as_slice()]))), bytes);
        }

        #[test]
        fn floats_come_back_by_way_of_a_double(value in any::<f32>().prop_filter("finite", |f| f.is_finite())) {
            let f = Field::new("c", DataType::Float32, true);
            let array: ArrayRef = Arc::new(Float32Array::from(vec![value]));
            let text = literal(Dialect::Mysql, &f, &array).unwrap();
            prop_assert_eq!(narrow(text.parse::<f64>().unwrap()).to_bits(), value.to_bits());
        }

        #[test]
        fn decimals_keep_every_digit(unscaled: i128, scale in -5_i8..38) {
            let mut text = String::new();
            push_decimal(&unscaled.to_string(), scale, &mut text);
            let digits: String = text.chars().filter(|c| *c != '.').collect();
            let back: i128 = if scale < 0 {
                digits.strip_suffix(&"0".repeat(usize::from(scale.unsigned_abs()))).map_or(Ok(0), str::parse).unwrap()
            } else {
                digits.parse().unwrap()
            };
            prop_assert_eq!(back, unscaled);
            let fraction = text.split_once('.').map_or(0, |(_, f)| f.len());
            prop_assert_eq!(fraction, usize::try_from(scale).unwrap_or(0));
        }
    }
}
