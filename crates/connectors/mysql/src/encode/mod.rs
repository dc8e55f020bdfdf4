//! Arrow columns into what the server takes: lines for LOAD DATA, literals for INSERT.
//!
//! Both forms are written straight from the columns, row by row, into one buffer. The server
//! changes some values without a word where they do not fit their column (a year of two digits, a
//! fraction of a second, trailing spaces, a number for an ENUM): those are refused here, before
//! they are sent. What the server itself reports as an error or a warning is left to it.

mod value;

use std::collections::HashSet;

use arrow::array::{
    Array, ArrayRef, AsArray, BinaryArray, BooleanArray, Date32Array, Decimal128Array,
    Decimal256Array, DurationMicrosecondArray, FixedSizeBinaryArray, Float32Array, Float64Array,
    Int8Array, Int16Array, Int32Array, Int64Array, RecordBatch, StringArray,
    Time64MicrosecondArray, TimestampMicrosecondArray, UInt8Array, UInt16Array, UInt32Array,
    UInt64Array,
};
use arrow::buffer::NullBuffer;
use arrow::datatypes::{DataType, TimeUnit};
use syncline_types::{Code, Column, Error, Flaw, Result, TableSchema, field};

use crate::native::{Native, STORE};
use value::{
    DAY, FIRST_DAY, bytes, date, day_in_range, fixed, float, fraction_fits, integer, is_no_day,
    length, natural, plain_decimal, quoted, text, time, uuid, year,
};

/// How values are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Form {
    /// A line of LOAD DATA with tabs between fields and `\` as escape, in the binary charset.
    Load,
    /// Literals of a VALUES list.
    Sql,
}

/// What is to be known of a target column.
#[derive(Debug)]
pub(crate) struct Target {
    name: String,
    native: String,
    nullable: bool,
    rule: Rule,
    /// LOAD DATA reads bytes: the server is told that they are UTF-8 where the column is in
    /// another character set.
    pub(crate) convert: bool,
    /// Its values are compared by a collation.
    pub(crate) text: bool,
}

/// What a column does to values that are not quite its own.
#[derive(Debug)]
enum Rule {
    None,
    /// Drops trailing spaces.
    Char,
    /// Fills up with zero bytes.
    FixedBytes(usize),
    Bits(usize),
    Members {
        texts: HashSet<String>,
        set: bool,
    },
    /// A date.
    Day,
    /// Rounds to a multiple of so many microseconds.
    Fraction(i64),
    /// Rounds to so many digits after the point.
    Rounded(usize),
    Year,
}

impl Target {
    fn of(column: &Column) -> Self {
        let f = &column.field;
        let native = field::native(f, STORE).unwrap_or_default().to_owned();
        let parsed = Native::parse(&native);
        let size = |default| parsed.number(0).unwrap_or(default) as usize;
        let fraction = || {
            let digits = parsed.number(0).unwrap_or(0).min(6);
            Rule::Fraction(10_i64.pow(6 - digits))
        };
        let members = |set| Rule::Members { texts: parsed.args.iter().cloned().collect(), set };
        let rule = match parsed.base.as_str() {
            "char" => Rule::Char,
            "binary" => Rule::FixedBytes(size(1)),
            "bit" => Rule::Bits(size(1)),
            "enum" => members(false),
            "set" => members(true),
            "date" => Rule::Day,
            "datetime" | "timestamp" | "time" => fraction(),
            "float" | "double" | "real" => match parsed.number(1) {
                Some(digits) => Rule::Rounded(digits as usize),
                None => Rule::None,
            },
            "year" => Rule::Year,
            _ => Rule::None,
        };
        let charset = field::get(f, field::CHARSET);
        let utf8 = matches!(charset, None | Some("utf8mb4" | "utf8mb3" | "utf8"));
        let text = *f.data_type() == DataType::Utf8 && !matches!(rule, Rule::Bits(_));
        Self {
            name: column.name().to_owned(),
            nullable: f.is_nullable(),
            text: text && field::logical(f) != Some("decimal"),
            rule,
            convert: text && (!utf8 || parsed.base == "json"),
            native,
        }
    }
}

/// Targets of a table's columns.
pub(crate) fn targets(table: &TableSchema) -> Vec<Target> {
    table.columns.iter().map(Target::of).collect()
}

enum Values<'a> {
    Bool(&'a BooleanArray),
    I8(&'a Int8Array),
    I16(&'a Int16Array),
    I32(&'a Int32Array),
    I64(&'a Int64Array),
    U8(&'a UInt8Array),
    U16(&'a UInt16Array),
    U32(&'a UInt32Array),
    U64(&'a UInt64Array),
    F32(&'a Float32Array),
    F64(&'a Float64Array),
    Decimal(&'a Decimal128Array, usize),
    Wide(&'a Decimal256Array, usize),
    Text(&'a StringArray),
    Bytes(&'a BinaryArray),
    Uuid(&'a FixedSizeBinaryArray),
    Date(&'a Date32Array),
    Moment(&'a TimestampMicrosecondArray),
    Length(&'a DurationMicrosecondArray),
    TimeOfDay(&'a Time64MicrosecondArray),
}

struct Source<'a> {
    values: Values<'a>,
    nulls: Option<&'a NullBuffer>,
    target: &'a Target,
}

/// The rows of a batch, ready to be written in either form.
pub(crate) struct Rows<'a> {
    columns: Vec<Source<'a>>,
    /// For messages.
    place: String,
    pub(crate) count: usize,
    /// There are dates such as 2020-02-31, which the server takes only when told to.
    pub(crate) impossible: bool,
    /// Columns that have an ENUM's error value, number 0, somewhere.
    wrong: Vec<usize>,
}

/// Why a value cannot be written.
type Refusal = (Code, String);

impl<'a> Rows<'a> {
    /// # Errors
    /// [`Code::NotNull`] for a NULL where the column takes none: LOAD DATA and AUTO_INCREMENT
    /// would put another value there. [`Code::Bug`] for a batch of other types than the task's.
    pub(crate) fn new(
        table: &TableSchema,
        targets: &'a [Target],
        batch: &'a RecordBatch,
    ) -> Result<Self> {
        if targets.len() != batch.num_columns() {
            let text = format!("{} columns where {} were due", batch.num_columns(), targets.len());
            return Err(Error::bug(text).at(&table.name));
        }
        let mut columns = Vec::with_capacity(targets.len());
        for (target, array) in targets.iter().zip(batch.columns()) {
            if !target.nullable && array.null_count() > 0 {
                let text = format!("{}.{} takes no NULL", table.name, target.name);
                return Err(Error::new(Code::NotNull, text));
            }
            let values = values(array).ok_or_else(|| {
                let text = format!("{}.{}: {}", table.name, target.name, array.data_type());
                Error::bug(format!("no way to write {text}"))
            })?;
            columns.push(Source { values, nulls: array.nulls(), target });
        }
        let impossible = columns.iter().any(Source::has_impossible_dates);
        let wrong = (0..columns.len()).filter(|at| columns[*at].has_error_values()).collect();
        let place = table.name.to_string();
        Ok(Self { columns, place, count: batch.num_rows(), impossible, wrong })
    }

    /// Whether there are error values of an ENUM: a load does not take them, and a strict session
    /// does not either.
    pub(crate) fn has_error_values(&self) -> bool {
        !self.wrong.is_empty()
    }

    /// How many values of a row are an ENUM's error value.
    pub(crate) fn error_values(&self, row: usize) -> usize {
        self.wrong.iter().filter(|at| self.columns[**at].is_error_value(row)).count()
    }

    /// Whether a value is one.
    pub(crate) fn is_error_value(&self, row: usize, at: usize) -> bool {
        self.wrong.contains(&at) && self.columns[at].is_error_value(row)
    }

    /// Appends one row: a line, or a parenthesis of literals.
    ///
    /// # Errors
    /// Of kind data, for a value that the column would change. `out` is then as it was.
    pub(crate) fn write(&self, row: usize, form: Form, out: &mut Vec<u8>) -> Result<()> {
        let before = out.len();
        if form == Form::Sql {
            out.push(b'(');
        }
        for at in 0..self.columns.len() {
            if at > 0 {
                out.push(if form == Form::Load { b'\t' } else { b',' });
            }
            if let Err(error) = self.value(row, at, form, out) {
                out.truncate(before);
                return Err(error);
            }
        }
        out.push(if form == Form::Load { b'\n' } else { b')' });
        Ok(())
    }

    /// Appends one value of a row.
    ///
    /// # Errors
    /// As [`Rows::write`].
    pub(crate) fn value(&self, row: usize, at: usize, form: Form, out: &mut Vec<u8>) -> Result<()> {
        let column = &self.columns[at];
        if column.nulls.is_some_and(|nulls| nulls.is_null(row)) {
            out.extend_from_slice(if form == Form::Load { b"\\N" } else { b"NULL" });
            return Ok(());
        }
        column.write(row, form, out).map_err(|(code, why)| {
            let (name, native) = (&column.target.name, &column.target.native);
            let error = Error::new(code, format!("{}.{name} ({native}): {why}", self.place));
            match column.flaw(row) {
                Some(flaw) => error.flawed(flaw),
                None => error,
            }
        })
    }

    /// Whether a column's values are texts, which a collation may take for the same though they
    /// are not.
    pub(crate) fn is_text(&self, at: usize) -> bool {
        self.columns[at].target.text
    }

    /// Whether the server compares a column by a rule of its own, by which a text is never the same.
    pub(crate) fn is_json(&self, at: usize) -> bool {
        self.columns[at].target.native.eq_ignore_ascii_case("json")
    }
}

fn values(array: &ArrayRef) -> Option<Values<'_>> {
    let scale = |s: i8| usize::from(s.unsigned_abs());
    Some(match array.data_type() {
        DataType::Boolean => Values::Bool(array.as_boolean()),
        DataType::Int8 => Values::I8(array.as_primitive()),
        DataType::Int16 => Values::I16(array.as_primitive()),
        DataType::Int32 => Values::I32(array.as_primitive()),
        DataType::Int64 => Values::I64(array.as_primitive()),
        DataType::UInt8 => Values::U8(array.as_primitive()),
        DataType::UInt16 => Values::U16(array.as_primitive()),
        DataType::UInt32 => Values::U32(array.as_primitive()),
        DataType::UInt64 => Values::U64(array.as_primitive()),
        DataType::Float32 => Values::F32(array.as_primitive()),
        DataType::Float64 => Values::F64(array.as_primitive()),
        DataType::Decimal128(_, s) if *s >= 0 => Values::Decimal(array.as_primitive(), scale(*s)),
        DataType::Decimal256(_, s) if *s >= 0 => Values::Wide(array.as_primitive(), scale(*s)),
        DataType::Utf8 => Values::Text(array.as_string()),
        DataType::Binary => Values::Bytes(array.as_binary()),
        DataType::FixedSizeBinary(16) => Values::Uuid(array.as_fixed_size_binary()),
        DataType::Date32 => Values::Date(array.as_primitive()),
        DataType::Timestamp(TimeUnit::Microsecond, _) => Values::Moment(array.as_primitive()),
        DataType::Duration(TimeUnit::Microsecond) => Values::Length(array.as_primitive()),
        DataType::Time64(TimeUnit::Microsecond) => Values::TimeOfDay(array.as_primitive()),
        _ => return None,
    })
}

impl Source<'_> {
    /// Whether there are dates of a day that its month does not have. Those of day or month 0 the
    /// server takes as they are.
    fn has_impossible_dates(&self) -> bool {
        let one = |days: i64| field::no_day(days).is_some_and(|(_, m, d)| m > 0 && d > 0);
        // All of them lie before every real date: one look tells that there are none.
        match &self.values {
            Values::Date(a) => {
                arrow::compute::min(a).is_some_and(|least| least < FIRST_DAY)
                    && a.iter().flatten().any(|days| one(days.into()))
            }
            Values::Moment(a) => {
                arrow::compute::min(a).is_some_and(|least| least < i64::from(FIRST_DAY) * DAY)
                    && a.iter().flatten().any(|micros| one(micros.div_euclid(DAY)))
            }
            _ => false,
        }
    }

    /// Whether there are values of number 0, which an ENUM has beside its members. Its text is
    /// empty; where that is a member's as well, the text is the member.
    fn has_error_values(&self) -> bool {
        let outside = matches!(
            &self.target.rule,
            Rule::Members { texts, set: false } if !texts.contains("")
        );
        let empty = |text: Option<&str>| text == Some("");
        matches!(&self.values, Values::Text(a) if outside && a.iter().any(empty))
    }

    fn is_error_value(&self, row: usize) -> bool {
        let null = self.nulls.is_some_and(|nulls| nulls.is_null(row));
        matches!(&self.values, Values::Text(a) if !null && a.value(row).is_empty())
    }

    /// Which kind of bad value it is, where the error's code does not say it.
    fn flaw(&self, row: usize) -> Option<Flaw> {
        let of = |value: f64| match value {
            _ if value.is_nan() => Some(Flaw::Nan),
            _ if value.is_infinite() => Some(Flaw::Infinity),
            _ => None,
        };
        match &self.values {
            Values::F32(a) => of(a.value(row).into()),
            Values::F64(a) => of(a.value(row)),
            _ => None,
        }
    }

    fn write(&self, row: usize, form: Form, out: &mut Vec<u8>) -> Result<(), Refusal> {
        let rule = &self.target.rule;
        match &self.values {
            Values::Bool(a) => out.push(b'0' + u8::from(a.value(row))),
            Values::I8(a) => integer(a.value(row).into(), out),
            Values::I16(a) if matches!(rule, Rule::Year) => year(a.value(row), form, out)?,
            Values::I16(a) => integer(a.value(row).into(), out),
            Values::I32(a) => integer(a.value(row).into(), out),
            Values::I64(a) => integer(a.value(row), out),
            Values::U8(a) => natural(a.value(row).into(), out),
            Values::U16(a) => natural(a.value(row).into(), out),
            Values::U32(a) => natural(a.value(row).into(), out),
            Values::U64(a) => natural(a.value(row), out),
            // As the double it is exactly: the server reads doubles, and narrows them.
            Values::F32(a) => float(f64::from(a.value(row)), rule, true, out)?,
            Values::F64(a) => float(a.value(row), rule, false, out)?,
            Values::Decimal(a, scale) => {
                let value = a.value(row);
                match u64::try_from(value.unsigned_abs()) {
                    Ok(digits) => {
                        if value < 0 {
                            out.push(b'-');
                        }
                        fixed(digits, *scale, out);
                    }
                    Err(_) => plain_decimal(&value.to_string(), *scale, out),
                }
            }
            Values::Wide(a, scale) => plain_decimal(&a.value(row).to_string(), *scale, out),
            Values::Text(a) => text(a.value(row), rule, form, out)?,
            Values::Bytes(a) => bytes(a.value(row), rule, form, out)?,
            Values::Uuid(a) => quoted(form, out, |out| uuid(a.value(row), out)),
            Values::Date(a) => {
                let days = i64::from(a.value(row));
                if !is_no_day(days, rule) {
                    day_in_range(days)?;
                }
                quoted(form, out, |out| date(days, out));
            }
            Values::Moment(a) => {
                let micros = a.value(row);
                let days = micros.div_euclid(DAY);
                if !is_no_day(days, rule) {
                    day_in_range(days)?;
                }
                fraction_fits(micros, rule)?;
                quoted(form, out, |out| {
                    date(days, out);
                    out.push(b' ');
                    time(micros.rem_euclid(DAY), out);
                });
            }
            Values::Length(a) => length(a.value(row), rule, form, out)?,
            Values::TimeOfDay(a) => length(a.value(row), rule, form, out)?,
        }
        Ok(())
    }
}
