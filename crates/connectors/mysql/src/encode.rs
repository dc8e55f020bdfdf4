//! Arrow columns into what the server takes: lines for LOAD DATA, literals for INSERT.
//!
//! Both forms are written straight from the columns, row by row, into one buffer. The server
//! changes some values without a word where they do not fit their column (a year of two digits, a
//! fraction of a second, trailing spaces, a number for an ENUM): those are refused here, before
//! they are sent. What the server itself reports as an error or a warning is left to it.

use std::collections::HashSet;
use std::io::Write as _;

use arrow::array::{
    Array, ArrayRef, AsArray, BinaryArray, BooleanArray, Date32Array, Decimal128Array,
    Decimal256Array, DurationMicrosecondArray, FixedSizeBinaryArray, Float32Array, Float64Array,
    Int8Array, Int16Array, Int32Array, Int64Array, RecordBatch, StringArray,
    Time64MicrosecondArray, TimestampMicrosecondArray, UInt8Array, UInt16Array, UInt32Array,
    UInt64Array,
};
use arrow::datatypes::{DataType, TimeUnit};
use syncline_sql::moment;
use syncline_types::{Code, Column, Error, Result, TableSchema, field};

use crate::native::{Native, STORE};

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
    array: &'a dyn Array,
    target: &'a Target,
}

/// The rows of a batch, ready to be written in either form.
pub(crate) struct Rows<'a> {
    columns: Vec<Source<'a>>,
    /// For messages.
    place: String,
    pub(crate) count: usize,
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
            columns.push(Source { values, array: array.as_ref(), target });
        }
        Ok(Self { columns, place: table.name.to_string(), count: batch.num_rows() })
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
        for (at, column) in self.columns.iter().enumerate() {
            if at > 0 {
                out.push(if form == Form::Load { b'\t' } else { b',' });
            }
            if column.array.is_null(row) {
                out.extend_from_slice(if form == Form::Load { b"\\N" } else { b"NULL" });
            } else if let Err((code, why)) = column.write(row, form, out) {
                out.truncate(before);
                let (name, native) = (&column.target.name, &column.target.native);
                let text = format!("{}.{name} ({native}): {why}", self.place);
                return Err(Error::new(code, text));
            }
        }
        out.push(if form == Form::Load { b'\n' } else { b')' });
        Ok(())
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
                day_in_range(days)?;
                quoted(form, out, |out| date(days, out));
            }
            Values::Moment(a) => {
                let micros = a.value(row);
                let days = micros.div_euclid(DAY);
                day_in_range(days)?;
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

const DAY: i64 = 86_400_000_000;

fn quoted(form: Form, out: &mut Vec<u8>, write: impl FnOnce(&mut Vec<u8>)) {
    if form == Form::Sql {
        out.push(b'\'');
        write(out);
        out.push(b'\'');
    } else {
        write(out);
    }
}

fn integer(value: i64, out: &mut Vec<u8>) {
    if value < 0 {
        out.push(b'-');
    }
    natural(value.unsigned_abs(), out);
}

fn natural(mut value: u64, out: &mut Vec<u8>) {
    let mut digits = [0; 20];
    let mut at = digits.len();
    loop {
        at -= 1;
        #[allow(clippy::cast_possible_truncation)] // a digit
        let digit = (value % 10) as u8;
        digits[at] = b'0' + digit;
        value /= 10;
        if value == 0 {
            break;
        }
    }
    out.extend_from_slice(&digits[at..]);
}

/// `value` with `width` digits at least.
fn padded(value: u64, width: usize, out: &mut Vec<u8>) {
    let before = out.len();
    natural(value, out);
    let digits = out.len() - before;
    if digits < width {
        out.resize(before + width, b'0');
        out.copy_within(before..before + digits, before + width - digits);
        out[before..before + width - digits].fill(b'0');
    }
}

/// Digits with a point before the last `scale` of them.
fn fixed(digits: u64, scale: usize, out: &mut Vec<u8>) {
    let before = out.len();
    padded(digits, scale + 1, out);
    if scale > 0 {
        let point = out.len() - scale;
        debug_assert!(point > before);
        out.insert(point, b'.');
    }
}

fn plain_decimal(digits: &str, scale: usize, out: &mut Vec<u8>) {
    let (sign, digits) = match digits.strip_prefix('-') {
        Some(digits) => ("-", digits),
        None => ("", digits),
    };
    out.extend_from_slice(sign.as_bytes());
    let missing = (scale + 1).saturating_sub(digits.len());
    let mut all = vec![b'0'; missing];
    all.extend_from_slice(digits.as_bytes());
    let (whole, fraction) = all.split_at(all.len() - scale);
    out.extend_from_slice(whole);
    if scale > 0 {
        out.push(b'.');
        out.extend_from_slice(fraction);
    }
}

fn float(value: f64, rule: &Rule, single: bool, out: &mut Vec<u8>) -> Result<(), Refusal> {
    if !value.is_finite() {
        return Err((Code::NoEquivalent, format!("{value} does not exist in MySQL")));
    }
    if let Rule::Rounded(digits) = rule {
        let rounded: f64 = format!("{value:.digits$}").parse().unwrap_or(value);
        #[allow(clippy::float_cmp, clippy::cast_possible_truncation)] // the same value, or not
        let same = if single { rounded as f32 == value as f32 } else { rounded == value };
        if !same {
            return Err((Code::Conversion, format!("{value} would be rounded")));
        }
    }
    // Shortest digits that give the same double; always with an exponent, so that it is read as a
    // double and not as a decimal. Writing to memory cannot fail.
    drop(write!(out, "{value:e}"));
    Ok(())
}

fn year(value: i16, form: Form, out: &mut Vec<u8>) -> Result<(), Refusal> {
    if value != 0 && !(1901..=2155).contains(&value) {
        // One and two digits would become 20xx or 19xx.
        return Err((Code::OutOfRange, format!("{value} is not a year of 1901 to 2155, nor 0")));
    }
    quoted(form, out, |out| padded(u64::from(value.unsigned_abs()), 4, out));
    Ok(())
}

fn text(value: &str, rule: &Rule, form: Form, out: &mut Vec<u8>) -> Result<(), Refusal> {
    match rule {
        Rule::Char if value.ends_with(' ') => {
            return Err((Code::Conversion, format!("{} would lose its last spaces", shown(value))));
        }
        Rule::Members { texts, set: false } if !texts.contains(value) => {
            return Err((Code::Conversion, format!("{} is not one of its members", shown(value))));
        }
        Rule::Members { texts, set: true } if !value.is_empty() => {
            let mut seen = HashSet::new();
            for member in value.split(',') {
                if !texts.contains(member) || !seen.insert(member) {
                    let why = format!("{} is not a set of its members", shown(value));
                    return Err((Code::Conversion, why));
                }
            }
        }
        Rule::Bits(width) => return bits(value, *width, form, out),
        _ => {}
    }
    match form {
        Form::Load => load_escaped(value.as_bytes(), out),
        Form::Sql => sql_escaped(value.as_bytes(), out),
    }
    Ok(())
}

/// The beginning of a text, for a message.
fn shown(value: &str) -> String {
    let start: String = value.chars().take(60).collect();
    if start.len() < value.len() { format!("{start:?}…") } else { format!("{start:?}") }
}

fn bytes(value: &[u8], rule: &Rule, form: Form, out: &mut Vec<u8>) -> Result<(), Refusal> {
    if let Rule::FixedBytes(size) = rule
        && value.len() < *size
    {
        let why = format!("{} bytes would be filled up with zeros to {size}", value.len());
        return Err((Code::Conversion, why));
    }
    match form {
        Form::Load => load_escaped(value, out),
        Form::Sql => {
            out.extend_from_slice(b"_binary");
            sql_escaped(value, out);
        }
    }
    Ok(())
}

/// LOAD DATA takes the bytes of a BIT as they lie in it, INSERT takes `b'01'`.
fn bits(value: &str, width: usize, form: Form, out: &mut Vec<u8>) -> Result<(), Refusal> {
    let number = u64::from_str_radix(value, 2).ok().filter(|_| value.len() == width);
    let Some(number) = number.filter(|_| !value.starts_with('+')) else {
        let why = format!("{} is not a string of {width} bits", shown(value));
        return Err((Code::Conversion, why));
    };
    match form {
        Form::Load => load_escaped(&number.to_be_bytes()[8 - width.div_ceil(8)..], out),
        Form::Sql => {
            out.extend_from_slice(b"b'");
            out.extend_from_slice(value.as_bytes());
            out.push(b'\'');
        }
    }
    Ok(())
}

fn escaped(value: &[u8], out: &mut Vec<u8>, escape: impl Fn(u8) -> Option<u8>) {
    let mut from = 0;
    for (at, byte) in value.iter().enumerate() {
        if let Some(instead) = escape(*byte) {
            out.extend_from_slice(&value[from..at]);
            out.extend_from_slice(&[b'\\', instead]);
            from = at + 1;
        }
    }
    out.extend_from_slice(&value[from..]);
}

fn load_escaped(value: &[u8], out: &mut Vec<u8>) {
    escaped(value, out, |byte| match byte {
        b'\\' => Some(b'\\'),
        b'\t' => Some(b't'),
        b'\n' => Some(b'n'),
        0 => Some(b'0'),
        _ => None,
    });
}

fn sql_escaped(value: &[u8], out: &mut Vec<u8>) {
    out.push(b'\'');
    escaped(value, out, |byte| match byte {
        b'\'' | b'\\' => Some(byte),
        0 => Some(b'0'),
        _ => None,
    });
    out.push(b'\'');
}

fn uuid(value: &[u8], out: &mut Vec<u8>) {
    const HEX: &[u8; 16] = b"0123456789abcdef";
    for (at, byte) in value.iter().enumerate() {
        if matches!(at, 4 | 6 | 8 | 10) {
            out.push(b'-');
        }
        out.push(HEX[usize::from(byte >> 4)]);
        out.push(HEX[usize::from(byte & 15)]);
    }
}

/// Years 0000 to 9999.
fn day_in_range(days: i64) -> Result<(), Refusal> {
    if (-719_528..=2_932_896).contains(&days) {
        return Ok(());
    }
    let (year, ..) = moment::civil(days);
    Err((Code::OutOfRange, format!("the year {year} is beyond 9999 or before 0")))
}

fn fraction_fits(micros: i64, rule: &Rule) -> Result<(), Refusal> {
    match rule {
        Rule::Fraction(unit) if micros.rem_euclid(*unit) != 0 => {
            let fraction = micros.rem_euclid(1_000_000);
            Err((Code::Conversion, format!("the fraction .{fraction:06} would be rounded")))
        }
        _ => Ok(()),
    }
}

fn date(days: i64, out: &mut Vec<u8>) {
    let (year, month, day) = moment::civil(days);
    padded(year.unsigned_abs(), 4, out);
    out.push(b'-');
    padded(month.into(), 2, out);
    out.push(b'-');
    padded(day.into(), 2, out);
}

/// `hh:mm:ss`, with a fraction where there is one; hours go beyond 24.
fn time(micros: i64, out: &mut Vec<u8>) {
    let micros = micros.unsigned_abs();
    let (seconds, fraction) = (micros / 1_000_000, micros % 1_000_000);
    padded(seconds / 3600, 2, out);
    out.push(b':');
    padded(seconds / 60 % 60, 2, out);
    out.push(b':');
    padded(seconds % 60, 2, out);
    if fraction > 0 {
        out.push(b'.');
        padded(fraction, 6, out);
    }
}

fn length(micros: i64, rule: &Rule, form: Form, out: &mut Vec<u8>) -> Result<(), Refusal> {
    fraction_fits(micros, rule)?;
    quoted(form, out, |out| {
        if micros < 0 {
            out.push(b'-');
        }
        time(micros, out);
    });
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(write: impl FnOnce(&mut Vec<u8>)) -> String {
        let mut out = b"x".to_vec();
        write(&mut out);
        String::from_utf8(out).unwrap()[1..].to_owned()
    }

    #[test]
    fn numbers_are_plain_digits() {
        assert_eq!(written(|o| integer(i64::MIN, o)), i64::MIN.to_string());
        assert_eq!(written(|o| natural(u64::MAX, o)), u64::MAX.to_string());
        assert_eq!(written(|o| fixed(5, 2, o)), "0.05");
        assert_eq!(written(|o| fixed(1234, 2, o)), "12.34");
        assert_eq!(written(|o| plain_decimal("-5", 3, o)), "-0.005");
        assert_eq!(written(|o| plain_decimal("-12345", 3, o)), "-12.345");
        assert_eq!(written(|o| padded(7, 4, o)), "0007");
        assert_eq!(written(|o| float(0.1, &Rule::None, false, o).unwrap()), "1e-1");
        assert!(float(f64::NAN, &Rule::None, false, &mut Vec::new()).is_err());
    }

    #[test]
    fn moments_are_written_in_full() {
        assert_eq!(written(|o| date(0, o)), "1970-01-01");
        assert_eq!(written(|o| date(-719_528, o)), "0000-01-01");
        assert_eq!(written(|o| time(1, o)), "00:00:00.000001");
        let most = (838 * 3600 + 59 * 60 + 59) * 1_000_000;
        let write = |o: &mut Vec<u8>| length(-most, &Rule::None, Form::Sql, o).unwrap();
        assert_eq!(written(write), "'-838:59:59'");
        assert!(day_in_range(2_932_897).is_err());
    }

    #[test]
    fn values_that_the_column_would_change_are_refused() {
        let mut out = Vec::new();
        assert!(fraction_fits(1_500, &Rule::Fraction(1_000)).is_err());
        assert!(fraction_fits(-2_000, &Rule::Fraction(1_000)).is_ok());
        assert!(text("ab ", &Rule::Char, Form::Load, &mut out).is_err());
        let members = Rule::Members { texts: ["a".into(), "b".into()].into(), set: false };
        assert!(text("1", &members, Form::Load, &mut out).is_err());
        assert!(text("A", &members, Form::Load, &mut out).is_err());
        assert!(bytes(b"ab", &Rule::FixedBytes(3), Form::Load, &mut out).is_err());
        assert!(year(70, Form::Load, &mut out).is_err());
        assert!(bits("101", 8, Form::Load, &mut out).is_err());
        assert!(float(1.25, &Rule::Rounded(1), false, &mut out).is_err());
        assert!(out.is_empty());
    }

    #[test]
    fn escapes_leave_nothing_to_be_misread() {
        assert_eq!(written(|o| load_escaped(b"a\tb\\N\nc\0", o)), "a\\tb\\\\N\\nc\\0");
        assert_eq!(written(|o| sql_escaped(b"it's \\ \0", o)), "'it\\'s \\\\ \\0'");
    }
}
