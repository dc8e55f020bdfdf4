//! Arrow columns into COPY data, binary or text, straight from their buffers.
//!
//! Binary wherever every column has a binary form that we make ourselves; otherwise the whole
//! table in text form, in which the server's own input functions read arrays, ranges, composites
//! and all the rest. What the server would change without a word is refused here: a fraction of a
//! second beyond the column's precision, digits beyond a numeric's scale, blanks beyond a
//! varchar's length.

use std::io::Write as _;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, RecordBatch};
use arrow::datatypes::{
    DataType, Date32Type, Decimal128Type, Decimal256Type, DurationMicrosecondType, Float32Type,
    Float64Type, Int16Type, Int32Type, Int64Type, Time64MicrosecondType, TimeUnit,
    TimestampMicrosecondType, UInt32Type,
};
use bytes::Bytes;
use syncline_sql::moment;
use syncline_types::{Code, Error, Result, TableSchema, field};

use crate::numeric;
use crate::types::{NativeType, is_special, numeric_bounds, oid};
use crate::values::{EPOCH_DAYS, EPOCH_MICROS, NAN128, NAN256, push_uuid};

/// Data is handed over in pieces of about this size.
const CHUNK: usize = 256 * 1024;

/// How one column is written.
#[derive(Debug, Clone, PartialEq)]
struct Column {
    form: Form,
    /// The binary form can be made.
    binary: bool,
    /// It has infinities, or NaN, beside the numbers of its Arrow type.
    special: bool,
}

#[derive(Debug, Clone, PartialEq)]
enum Form {
    Bool,
    Int2,
    Int4,
    Int8,
    Oid,
    Float4,
    Float8,
    /// Scale of the Arrow decimal; a step it must be a multiple of, where the column's own scale
    /// is coarser.
    Decimal128(i8, Option<i128>),
    /// Scale of the Arrow decimal; the column's own scale, where that is coarser.
    Decimal256(i8, Option<i32>),
    /// `money`, whose unit the decimal counts.
    Money,
    /// Digits after the point, where the column has bounds that Arrow's decimals do not.
    DecimalText(Option<i32>),
    Bytes,
    Uuid,
    Date,
    /// Microseconds the value must be a multiple of.
    Time(i64),
    Timestamp(i64),
    Instant(i64),
    Duration,
    /// Characters at most.
    Text(Option<usize>),
    Jsonb,
    Bits,
    /// The type's own text form; digits of a second's fraction at most.
    TextOf(Option<usize>),
}

/// Microseconds of the smallest step of a time with that many digits, by its modifier.
fn step(modifier: i32) -> i64 {
    match u32::try_from(modifier) {
        Ok(digits @ 0..6) => 10_i64.pow(6 - digits),
        _ => 1,
    }
}

fn column(arrow: &syncline_types::Column, target: &NativeType) -> Result<Column> {
    let data_type = arrow.field.data_type();
    let logical = field::logical(&arrow.field);
    let is = |oids: &[u32]| oids.contains(&target.oid);
    let textual = is(&[oid::TEXT, oid::VARCHAR, oid::BPCHAR, oid::NAME, oid::JSON])
        || target.members.is_some()
        || target.name == "citext";
    let own_scale = numeric_bounds(target.modifier).map(|(_, s)| s).filter(|_| is(&[oid::NUMERIC]));
    let (form, binary) = match data_type {
        DataType::Boolean => (Form::Bool, is(&[oid::BOOL])),
        DataType::Int16 => (Form::Int2, is(&[oid::INT2])),
        DataType::Int32 => (Form::Int4, is(&[oid::INT4])),
        DataType::Int64 => (Form::Int8, is(&[oid::INT8])),
        DataType::UInt32 => (Form::Oid, is(&[oid::OID])),
        DataType::Float32 => (Form::Float4, is(&[oid::FLOAT4])),
        DataType::Float64 => (Form::Float8, is(&[oid::FLOAT8])),
        DataType::Decimal128(..) if is(&[oid::MONEY]) => (Form::Money, true),
        DataType::Decimal128(_, scale) => {
            let coarser = own_scale.map(|s| i32::from(*scale) - s).filter(|d| *d > 0);
            let step = coarser.map(|d| 10_i128.saturating_pow(d.unsigned_abs()));
            (Form::Decimal128(*scale, step), is(&[oid::NUMERIC]))
        }
        DataType::Decimal256(_, scale) => {
            let coarser = own_scale.filter(|s| *s < i32::from(*scale));
            (Form::Decimal256(*scale, coarser), is(&[oid::NUMERIC]))
        }
        DataType::Binary => (Form::Bytes, is(&[oid::BYTEA])),
        DataType::FixedSizeBinary(16) => (Form::Uuid, is(&[oid::UUID])),
        DataType::Date32 => (Form::Date, is(&[oid::DATE])),
        DataType::Time64(TimeUnit::Microsecond) => {
            (Form::Time(step(target.modifier)), is(&[oid::TIME]))
        }
        DataType::Timestamp(TimeUnit::Microsecond, None) => {
            (Form::Timestamp(step(target.modifier)), is(&[oid::TIMESTAMP]))
        }
        DataType::Timestamp(TimeUnit::Microsecond, Some(_)) => {
            (Form::Instant(step(target.modifier)), is(&[oid::TIMESTAMPTZ]))
        }
        DataType::Duration(TimeUnit::Microsecond) => (Form::Duration, is(&[oid::INTERVAL])),
        DataType::Utf8 if is(&[oid::NUMERIC]) => (Form::DecimalText(own_scale), true),
        DataType::Utf8 if is(&[oid::JSONB]) => (Form::Jsonb, true),
        DataType::Utf8 if is(&[oid::BIT, oid::VARBIT]) => (Form::Bits, logical == Some("bit")),
        DataType::Utf8 if is(&[oid::VARCHAR]) => {
            (Form::Text(usize::try_from(target.modifier - 4).ok()), true)
        }
        DataType::Utf8 if textual => (Form::Text(None), true),
        DataType::Utf8 => {
            let fraction = is(&[oid::INTERVAL, oid::TIMETZ])
                .then(|| usize::try_from(target.modifier & 0xffff).ok())
                .flatten()
                .filter(|digits| *digits < 6 && target.modifier >= 0);
            (Form::TextOf(fraction), false)
        }
        other => {
            let message =
                format!("column {:?}: postgres is not written from {other}", arrow.name());
            return Err(Error::bug(message));
        }
    };
    Ok(Column { form, binary, special: is_special(&arrow.field) })
}

/// Writes rows of one table.
pub(crate) struct Encoder {
    names: Vec<String>,
    columns: Vec<Column>,
    binary: bool,
    /// Each row is followed by its number.
    numbered: bool,
    buffer: Vec<u8>,
    scratch: String,
}

impl Encoder {
    /// For a table whose columns have those native types.
    pub(crate) fn new(table: &TableSchema, targets: &[NativeType], numbered: bool) -> Result<Self> {
        let columns = table
            .columns
            .iter()
            .zip(targets)
            .map(|(arrow, target)| column(arrow, target))
            .collect::<Result<Vec<_>>>()?;
        Ok(Self {
            names: table.columns.iter().map(|c| c.name().to_owned()).collect(),
            binary: columns.iter().all(|c| c.binary),
            columns,
            numbered,
            buffer: Vec::new(),
            scratch: String::new(),
        })
    }

    /// `binary` or `text`, as COPY calls it.
    pub(crate) fn format(&self) -> &'static str {
        if self.binary { "binary" } else { "text" }
    }

    /// Begins a COPY.
    pub(crate) fn begin(&mut self) {
        self.buffer.clear();
        if self.binary {
            self.buffer.extend_from_slice(b"PGCOPY\n\xff\r\n\0\0\0\0\0\0\0\0\0");
        }
    }

    /// Ends it.
    pub(crate) fn end(&mut self) {
        if self.binary {
            self.buffer.extend_from_slice(&(-1_i16).to_be_bytes());
        }
    }

    /// What has been written since the last call, in pieces of a size that connections like:
    /// they copy each into a buffer that never shrinks.
    pub(crate) fn take(&mut self) -> impl Iterator<Item = Bytes> + Send + use<> {
        let next = Vec::with_capacity(self.buffer.len().min(2 * CHUNK));
        let mut whole = Bytes::from(std::mem::replace(&mut self.buffer, next));
        std::iter::from_fn(move || {
            let piece = whole.split_to(whole.len().min(2 * CHUNK));
            (!piece.is_empty()).then_some(piece)
        })
    }

    /// Writes rows from `row` on until a piece is full or there are no more; the row to go on
    /// from.
    pub(crate) fn fill(
        &mut self,
        cells: &[ArrayRef],
        mut row: usize,
        rows: usize,
    ) -> Result<usize> {
        while row < rows && self.buffer.len() < CHUNK {
            if self.binary {
                self.binary_row(cells, row)?;
            } else {
                self.text_row(cells, row)?;
            }
            row += 1;
        }
        Ok(row)
    }

    fn binary_row(&mut self, cells: &[ArrayRef], row: usize) -> Result<()> {
        let fields = cells.len() + usize::from(self.numbered);
        self.buffer.extend_from_slice(&u16::try_from(fields).unwrap_or(u16::MAX).to_be_bytes());
        for (at, cell) in cells.iter().enumerate() {
            if cell.is_null(row) {
                self.buffer.extend_from_slice(&(-1_i32).to_be_bytes());
                continue;
            }
            let (column, out) = (&self.columns[at], &mut self.buffer);
            if column.special && binary_special(cell.as_ref(), row, out) {
                continue;
            }
            binary_value(&column.form, cell.as_ref(), row, out)
                .map_err(|fault| fault.of(&self.names[at]))?;
        }
        if self.numbered {
            put(&mut self.buffer, &u32::try_from(row).unwrap_or(u32::MAX).to_be_bytes());
        }
        Ok(())
    }

    fn text_row(&mut self, cells: &[ArrayRef], row: usize) -> Result<()> {
        for (at, cell) in cells.iter().enumerate() {
            if at > 0 {
                self.buffer.push(b'\t');
            }
            if cell.is_null(row) {
                self.buffer.extend_from_slice(b"\\N");
                continue;
            }
            let (column, out) = (&self.columns[at], &mut self.buffer);
            if column.special
                && let Some(special) = special(cell.as_ref(), row)
            {
                out.extend_from_slice(special.text().as_bytes());
                continue;
            }
            let scratch = &mut self.scratch;
            text_value(&column.form, cell.as_ref(), row, out, scratch)
                .map_err(|fault| fault.of(&self.names[at]))?;
        }
        if self.numbered {
            let _ = write!(self.buffer, "\t{row}");
        }
        self.buffer.push(b'\n');
        Ok(())
    }
}

/// The batch's columns, as [`Encoder::fill`] takes them.
pub(crate) fn cells(batch: &RecordBatch, table: &TableSchema) -> Result<Vec<ArrayRef>> {
    let wanted = table.columns.iter().map(|c| c.field.data_type());
    let given = batch.columns().iter().map(|c| c.data_type());
    if !wanted.eq(given) {
        return Err(Error::bug(format!("{}: a batch of other types than asked for", table.name)));
    }
    Ok(batch.columns().iter().map(Arc::clone).collect())
}

/// A value the column would change or refuse.
struct Fault(Code, String);

impl Fault {
    fn of(self, column: &str) -> Error {
        Error::new(self.0, format!("column {column:?}: {}", self.1))
    }
}

/// A value beside the numbers of its Arrow type.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Special {
    Nan,
    Infinity,
    NegativeInfinity,
}

impl Special {
    fn text(self) -> &'static str {
        match self {
            Special::Nan => "NaN",
            Special::Infinity => "infinity",
            Special::NegativeInfinity => "-infinity",
        }
    }
}

/// What the cell of a column that has such values stands for, if not for its number.
fn special(cell: &dyn Array, row: usize) -> Option<Special> {
    let ends = |low: bool, high: bool| match (low, high) {
        (true, _) => Some(Special::NegativeInfinity),
        (_, true) => Some(Special::Infinity),
        _ => None,
    };
    match cell.data_type() {
        DataType::Date32 => {
            let days = cell.as_primitive::<Date32Type>().value(row);
            ends(days == i32::MIN, days == i32::MAX)
        }
        DataType::Timestamp(..) => {
            let micros = cell.as_primitive::<TimestampMicrosecondType>().value(row);
            ends(micros == i64::MIN, micros == i64::MAX)
        }
        DataType::Decimal128(..) => {
            (cell.as_primitive::<Decimal128Type>().value(row) == NAN128).then_some(Special::Nan)
        }
        DataType::Decimal256(..) => {
            (cell.as_primitive::<Decimal256Type>().value(row) == NAN256).then_some(Special::Nan)
        }
        _ => None,
    }
}

/// Writes the cell's value where it is such a one.
fn binary_special(cell: &dyn Array, row: usize, out: &mut Vec<u8>) -> bool {
    let Some(special) = special(cell, row) else { return false };
    let day = matches!(cell.data_type(), DataType::Date32);
    match special {
        Special::Nan => numeric::push_nan(out),
        Special::Infinity if day => put(out, &i32::MAX.to_be_bytes()),
        Special::NegativeInfinity if day => put(out, &i32::MIN.to_be_bytes()),
        Special::Infinity => put(out, &i64::MAX.to_be_bytes()),
        Special::NegativeInfinity => put(out, &i64::MIN.to_be_bytes()),
    }
    true
}

/// A field: its length, then its bytes.
fn put(out: &mut Vec<u8>, bytes: &[u8]) {
    if bytes.len() > CHUNK {
        out.reserve_exact(bytes.len() + 4);
    }
    out.extend_from_slice(&u32::try_from(bytes.len()).unwrap_or(u32::MAX).to_be_bytes());
    out.extend_from_slice(bytes);
}

fn binary_value(form: &Form, cell: &dyn Array, row: usize, out: &mut Vec<u8>) -> Result<(), Fault> {
    macro_rules! primitive {
        ($type:ty) => {
            cell.as_primitive::<$type>().value(row)
        };
    }
    match form {
        Form::Bool => put(out, &[u8::from(cell.as_boolean().value(row))]),
        Form::Int2 => put(out, &primitive!(Int16Type).to_be_bytes()),
        Form::Int4 => put(out, &primitive!(Int32Type).to_be_bytes()),
        Form::Int8 => put(out, &primitive!(Int64Type).to_be_bytes()),
        Form::Oid => put(out, &primitive!(UInt32Type).to_be_bytes()),
        Form::Float4 => put(out, &primitive!(Float32Type).to_be_bytes()),
        Form::Float8 => put(out, &primitive!(Float64Type).to_be_bytes()),
        Form::Decimal128(scale, step) => {
            let value = primitive!(Decimal128Type);
            check_step(value, *scale, *step)?;
            numeric::push_i128(value, *scale, out);
        }
        Form::Decimal256(scale, own) => {
            let text = numeric::plain(&primitive!(Decimal256Type).to_string(), *scale);
            decimal_text(&text, *own, out)?;
        }
        Form::Money => put(out, &money(primitive!(Decimal128Type))?.to_be_bytes()),
        Form::DecimalText(scale) => decimal_text(text_of(cell, row), *scale, out)?,
        Form::Bytes => put(out, cell.as_binary::<i32>().value(row)),
        Form::Uuid => put(out, cell.as_fixed_size_binary().value(row)),
        Form::Date => put(out, &date(primitive!(Date32Type))?.to_be_bytes()),
        Form::Time(step) => {
            let micros = primitive!(Time64MicrosecondType);
            check_fraction(micros, *step)?;
            put(out, &micros.to_be_bytes());
        }
        Form::Timestamp(step) | Form::Instant(step) => {
            let micros = primitive!(TimestampMicrosecondType);
            check_fraction(micros, *step)?;
            put(out, &timestamp(micros)?.to_be_bytes());
        }
        Form::Duration => {
            // Microseconds, then days and months, of which there are none.
            out.extend_from_slice(&16_u32.to_be_bytes());
            out.extend_from_slice(&primitive!(DurationMicrosecondType).to_be_bytes());
            out.extend_from_slice(&[0; 8]);
        }
        Form::Text(most) => {
            let text = text_of(cell, row);
            check_length(text, *most)?;
            put(out, text.as_bytes());
        }
        Form::Jsonb => {
            let text = text_of(cell, row);
            out.extend_from_slice(&u32::try_from(text.len() + 1).unwrap_or(u32::MAX).to_be_bytes());
            out.push(1);
            out.extend_from_slice(text.as_bytes());
        }
        Form::Bits => bits(text_of(cell, row), out)?,
        Form::TextOf(_) => {
            return Err(Fault(Code::Bug, "its binary form is not known".into()));
        }
    }
    Ok(())
}

fn text_of(cell: &dyn Array, row: usize) -> &str {
    cell.as_string::<i32>().value(row)
}

fn check_step(value: i128, scale: i8, step: Option<i128>) -> Result<(), Fault> {
    if step.is_none_or(|step| value % step == 0) {
        return Ok(());
    }
    let text = numeric::plain(&value.to_string(), scale);
    Err(Fault(Code::OutOfRange, format!("{text} has more digits than the column's scale")))
}

fn check_fraction(micros: i64, step: i64) -> Result<(), Fault> {
    if step == 1 || micros % step == 0 {
        return Ok(());
    }
    let fraction = micros.rem_euclid(moment::SECOND);
    Err(Fault(
        Code::OutOfRange,
        format!("a fraction of .{fraction:06} s has more digits than the column's precision"),
    ))
}

/// The server refuses what is too long, unless all that is too much is blanks: those it drops.
fn check_length(text: &str, most: Option<usize>) -> Result<(), Fault> {
    match most {
        Some(most) if text.len() > most && text.chars().nth(most).is_some() => {
            Err(Fault(Code::OutOfRange, format!("a text of more than {most} characters")))
        }
        _ => Ok(()),
    }
}

fn decimal_text(text: &str, scale: Option<i32>, out: &mut Vec<u8>) -> Result<(), Fault> {
    check_scale(text, scale)?;
    numeric::push_text(text, out)
        .ok_or_else(|| Fault(Code::Conversion, format!("{:?} is no decimal number", clipped(text))))
}

fn check_scale(text: &str, scale: Option<i32>) -> Result<(), Fault> {
    let Some(scale) = scale else { return Ok(()) };
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let zeros = |part: &str| part.bytes().all(|b| b == b'0');
    let fits = match usize::try_from(scale) {
        Ok(scale) => fraction.get(scale..).is_none_or(zeros),
        Err(_) => {
            let cut = scale.unsigned_abs() as usize;
            let digits = whole.trim_start_matches('-');
            zeros(fraction)
                && zeros(digits.get(digits.len().saturating_sub(cut)..).unwrap_or(digits))
        }
    };
    // NaN and the infinities have no digits to lose; the server says whether it takes them.
    if fits || !text.ends_with(|c: char| c.is_ascii_digit() || c == '.') {
        return Ok(());
    }
    Err(Fault(
        Code::OutOfRange,
        format!("{} has more digits than the column's scale of {scale}", clipped(text)),
    ))
}

fn clipped(text: &str) -> String {
    text.chars().take(60).collect()
}

fn money(units: i128) -> Result<i64, Fault> {
    i64::try_from(units).map_err(|_| Fault(Code::OutOfRange, format!("{units} is too much money")))
}

fn date(days: i32) -> Result<i32, Fault> {
    // The two ends stand for the infinities.
    match days.checked_sub(EPOCH_DAYS) {
        Some(day) if day != i32::MIN => Ok(day),
        _ => Err(Fault(Code::OutOfRange, format!("day {days} from 1970 is out of range"))),
    }
}

fn timestamp(micros: i64) -> Result<i64, Fault> {
    match micros.checked_sub(EPOCH_MICROS) {
        Some(at) if at != i64::MIN => Ok(at),
        _ => Err(Fault(Code::OutOfRange, format!("{micros} µs from 1970 are out of range"))),
    }
}

fn bits(text: &str, out: &mut Vec<u8>) -> Result<(), Fault> {
    let count = text.len();
    let bytes = count.div_ceil(8);
    out.extend_from_slice(&u32::try_from(bytes + 4).unwrap_or(u32::MAX).to_be_bytes());
    out.extend_from_slice(&u32::try_from(count).unwrap_or(u32::MAX).to_be_bytes());
    for group in text.as_bytes().chunks(8) {
        let mut byte = 0;
        for (at, digit) in group.iter().enumerate() {
            match digit {
                b'0' => {}
                b'1' => byte |= 0x80 >> at,
                _ => {
                    let why = format!("{:?} is no bit string", clipped(text));
                    return Err(Fault(Code::Conversion, why));
                }
            }
        }
        out.push(byte);
    }
    Ok(())
}

fn text_value(
    form: &Form,
    cell: &dyn Array,
    row: usize,
    out: &mut Vec<u8>,
    scratch: &mut String,
) -> Result<(), Fault> {
    macro_rules! primitive {
        ($type:ty) => {
            cell.as_primitive::<$type>().value(row)
        };
    }
    macro_rules! show {
        ($($arg:tt)*) => {{
            // Writing to memory cannot fail.
            let _ = write!(out, $($arg)*);
        }};
    }
    scratch.clear();
    match form {
        Form::Bool => out.push(if cell.as_boolean().value(row) { b't' } else { b'f' }),
        Form::Int2 => show!("{}", primitive!(Int16Type)),
        Form::Int4 => show!("{}", primitive!(Int32Type)),
        Form::Int8 => show!("{}", primitive!(Int64Type)),
        Form::Oid => show!("{}", primitive!(UInt32Type)),
        // The shortest text that is read as the very same number; NaN and inf are read, too.
        Form::Float4 => show!("{}", primitive!(Float32Type)),
        Form::Float8 => show!("{}", primitive!(Float64Type)),
        Form::Decimal128(scale, step) => {
            let value = primitive!(Decimal128Type);
            check_step(value, *scale, *step)?;
            show!("{}", numeric::plain(&value.to_string(), *scale));
        }
        Form::Decimal256(scale, own) => {
            let text = numeric::plain(&primitive!(Decimal256Type).to_string(), *scale);
            check_scale(&text, *own)?;
            show!("{text}");
        }
        // Whatever the server's own lc_monetary counts, our sessions' is C, and counts hundredths.
        Form::Money => {
            let units = money(primitive!(Decimal128Type))?;
            show!("{}", numeric::plain(&units.to_string(), 2));
        }
        Form::DecimalText(scale) => {
            let text = text_of(cell, row);
            check_scale(text, *scale)?;
            escape(text.as_bytes(), out);
        }
        Form::Bytes => {
            out.extend_from_slice(b"\\\\x");
            for byte in cell.as_binary::<i32>().value(row) {
                const DIGITS: &[u8; 16] = b"0123456789abcdef";
                out.push(DIGITS[usize::from(byte >> 4)]);
                out.push(DIGITS[usize::from(byte & 15)]);
            }
        }
        Form::Uuid => {
            push_uuid(cell.as_fixed_size_binary().value(row), scratch);
            out.extend_from_slice(scratch.as_bytes());
        }
        Form::Date => {
            let days = primitive!(Date32Type);
            date(days)?;
            let era = push_date(days.into(), scratch);
            show!("{scratch}{era}");
        }
        Form::Time(step) => {
            let micros = primitive!(Time64MicrosecondType);
            check_fraction(micros, *step)?;
            moment::push_time(micros, scratch);
            show!("{scratch}");
        }
        Form::Timestamp(step) | Form::Instant(step) => {
            let micros = primitive!(TimestampMicrosecondType);
            check_fraction(micros, *step)?;
            timestamp(micros)?;
            let era = push_date(micros.div_euclid(moment::DAY), scratch);
            scratch.push(' ');
            moment::push_time(micros.rem_euclid(moment::DAY), scratch);
            let zone = if matches!(form, Form::Instant(_)) { "+00" } else { "" };
            show!("{scratch}{zone}{era}");
        }
        Form::Duration => {
            moment::push_time(primitive!(DurationMicrosecondType), scratch);
            show!("{scratch}");
        }
        Form::Text(most) => {
            let text = text_of(cell, row);
            check_length(text, *most)?;
            escape(text.as_bytes(), out);
        }
        Form::TextOf(Some(digits)) => {
            let text = text_of(cell, row);
            check_digits(text, *digits)?;
            escape(text.as_bytes(), out);
        }
        Form::Jsonb | Form::Bits | Form::TextOf(None) => {
            escape(text_of(cell, row).as_bytes(), out);
        }
    }
    Ok(())
}

/// Appends a date with years counted as people do; what stands after it for those before Christ.
fn push_date(days: i64, out: &mut String) -> &'static str {
    use std::fmt::Write as _;
    let (year, month, day) = moment::civil(days);
    let (year, era) = if year > 0 { (year, "") } else { (1 - year, " BC") };
    let _ = write!(out, "{year:04}-{month:02}-{day:02}");
    era
}

/// Digits of a second's fraction beyond those the column keeps.
fn check_digits(text: &str, digits: usize) -> Result<(), Fault> {
    let fraction = text.split_once('.').map_or("", |(_, rest)| {
        let end = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
        rest[..end].trim_end_matches('0')
    });
    if fraction.len() <= digits {
        return Ok(());
    }
    let text = clipped(text);
    Err(Fault(Code::OutOfRange, format!("{text} has more digits than the column's precision")))
}

/// Appends a value as COPY's text form has it: what separates rows and fields is escaped.
fn escape(bytes: &[u8], out: &mut Vec<u8>) {
    if bytes.len() > CHUNK {
        out.reserve_exact(bytes.len() + bytes.len() / 16);
    }
    let mut from = 0;
    for (at, byte) in bytes.iter().enumerate() {
        let letter = match byte {
            b'\\' => b'\\',
            b'\n' => b'n',
            b'\r' => b'r',
            b'\t' => b't',
            _ => continue,
        };
        out.extend_from_slice(&bytes[from..at]);
        out.extend_from_slice(&[b'\\', letter]);
        from = at + 1;
    }
    out.extend_from_slice(&bytes[from..]);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_copy_cannot_be_left_from_inside() {
        let mut out = Vec::new();
        escape("a\tb\nc\r\\N\\.é".as_bytes(), &mut out);
        assert_eq!(out, "a\\tb\\nc\\r\\\\N\\\\.é".as_bytes());
    }

    #[test]
    fn what_the_server_would_round_or_cut_is_refused() {
        assert!(check_fraction(1_234_000, step(3)).is_ok());
        assert!(check_fraction(1_234_500, step(3)).is_err());
        assert!(check_fraction(-1, step(-1)).is_ok());
        assert!(check_length("abc", Some(3)).is_ok());
        assert!(check_length("éééé", Some(4)).is_ok());
        assert!(check_length("abc ", Some(3)).is_err());
        assert!(check_step(12_300, 0, Some(100)).is_ok());
        assert!(check_step(12_345, 0, Some(100)).is_err());
        assert!(check_scale("1.2300", Some(2)).is_ok());
        assert!(check_scale("1.234", Some(2)).is_err());
        assert!(check_scale("1200", Some(-2)).is_ok());
        assert!(check_scale("1234", Some(-2)).is_err());
        assert!(check_scale("NaN", Some(2)).is_ok());
        assert!(check_digits("1 day 00:00:00.250", 2).is_ok());
        assert!(check_digits("12:00:00.255+02", 2).is_err());
        assert!(date(i32::MIN).is_err());
        assert!(date(i32::MIN + EPOCH_DAYS).is_err());
        assert!(timestamp(i64::MIN + EPOCH_MICROS).is_err());
    }

    #[test]
    fn years_before_christ_are_counted_as_people_do() {
        let mut out = String::new();
        assert_eq!(push_date(moment::days(0, 3, 15).unwrap(), &mut out), " BC");
        assert_eq!(out, "0001-03-15");
    }
}
