//! Rows of the binary protocol into Arrow columns.
//!
//! One builder a column, chosen once for a result; a row's packet is walked from left to right and
//! every value goes from the packet into its builder. A value that Arrow cannot hold as it is (bytes
//! that are not the text they should be) makes its row a [`Reject`]; it is never replaced by
//! another. Dates that are no days have numbers of their own ([`field::NO_DAY`]).

mod value;

use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, BinaryBuilder, BooleanArray, Date32Builder, Decimal128Builder,
    Decimal256Builder, DurationMicrosecondBuilder, FixedSizeBinaryBuilder, Float32Builder,
    Float64Builder, Int8Builder, Int16Builder, Int32Builder, Int64Builder, RecordBatch,
    StringArray, StringBuilder, TimestampMicrosecondBuilder, UInt8Builder, UInt16Builder,
    UInt32Builder, UInt64Builder,
};
use arrow::datatypes::{
    DataType, Date32Type, Field, Schema, SchemaRef, TimeUnit, TimestampMicrosecondType,
};
use syncline_sql::KeyValue;
use syncline_types::{Code, Error, Reject, Result, field};

use crate::native::wire;
use crate::wire::packet::Fields;
use crate::wire::{Fault, WireColumn};
use value::{bits, decimal, length_of_time, moment_of, uuid, wide_decimal};

/// A single value beyond this cannot be held by an Arrow text or binary column with others.
const LARGEST: usize = 1 << 30;

/// Why a value cannot be held, with its text.
#[derive(Debug)]
struct Misfit {
    code: Code,
    why: &'static str,
    text: String,
}

impl Misfit {
    fn new(code: Code, why: &'static str, text: impl Into<String>) -> Box<Self> {
        Box::new(Self { code, why, text: text.into() })
    }
}

/// A row that has a misfit.
struct Bad {
    row: usize,
    column: usize,
    misfit: Box<Misfit>,
}

enum Build {
    I8(Int8Builder),
    I16(Int16Builder),
    I32(Int32Builder),
    I64(Int64Builder),
    U8(UInt8Builder),
    U16(UInt16Builder),
    U32(UInt32Builder),
    U64(UInt64Builder),
    F32(Float32Builder),
    F64(Float64Builder),
    Decimal(Decimal128Builder, u8),
    Wide(Decimal256Builder, u8),
    Text(StringBuilder),
    Bytes(BinaryBuilder),
    Bits(StringBuilder, usize),
    Uuid(FixedSizeBinaryBuilder),
    Date(Date32Builder),
    Moment(TimestampMicrosecondBuilder),
    Length(DurationMicrosecondBuilder),
    /// Not a column of the rows: 0 says that the column of this index was not converted exactly.
    Check(usize),
}

/// How a value lies in the packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Lie {
    Fixed(usize),
    /// A length byte, then the parts of a date or time.
    Parts,
    Counted,
}

struct Slot {
    name: String,
    build: Build,
    lie: Lie,
}

/// Builds batches from the rows of one result.
pub(crate) struct Decoder {
    slots: Vec<Slot>,
    fields: Vec<Field>,
    /// The first so many columns are those of the rows.
    visible: usize,
    schema: SchemaRef,
    rows: usize,
    bytes: usize,
    bad: Vec<Bad>,
}

/// What a decoder has gathered.
pub(crate) struct Decoded {
    pub(crate) rows: RecordBatch,
    pub(crate) rejects: Vec<Reject>,
    /// The key of the last row, rejected or not.
    pub(crate) last_key: Option<Vec<KeyValue>>,
    /// Rows read, rejected ones among them.
    pub(crate) count: usize,
}

impl Decoder {
    /// A decoder for a result whose columns are `fields`, of which the first `visible` make the
    /// rows, followed by one column for each of `checks` (the index of the column checked).
    ///
    /// # Errors
    /// [`Code::TableChanged`] when the server's columns are not those the fields were made for.
    pub(crate) fn new(
        fields: Vec<Field>,
        visible: usize,
        checks: &[usize],
        columns: &[WireColumn],
    ) -> Result<Self> {
        if columns.len() != fields.len() + checks.len() {
            let text = format!("{} columns came where {} were due", columns.len(), fields.len());
            return Err(Error::new(Code::TableChanged, text));
        }
        let mut slots = Vec::with_capacity(columns.len());
        for (field, column) in fields.iter().zip(columns) {
            slots.push(slot(field, column)?);
        }
        for (checked, column) in checks.iter().zip(&columns[fields.len()..]) {
            let (name, kind) = (fields[*checked].name().clone(), column.kind);
            slots.push(Slot { name, build: Build::Check(*checked), lie: lie_of(kind) });
        }
        let schema = Arc::new(Schema::new(fields[..visible].to_vec()));
        Ok(Self { slots, fields, visible, schema, rows: 0, bytes: 0, bad: Vec::new() })
    }

    /// Rows gathered.
    pub(crate) fn rows(&self) -> usize {
        self.rows
    }

    /// Bytes they take, roughly.
    pub(crate) fn bytes(&self) -> usize {
        self.bytes
    }

    /// Takes one row's packet.
    pub(crate) fn row(&mut self, packet: &[u8]) -> Result<(), Fault> {
        let short = || Fault::Protocol("a row is cut short".into());
        let nulls = (self.slots.len() + 9) / 8;
        let mut fields = Fields(packet.get(1..).ok_or_else(short)?);
        let bitmap = fields.take(nulls).ok_or_else(short)?;
        for at in 0..self.slots.len() {
            let slot = &mut self.slots[at];
            // The bitmap's first two bits are not used.
            let bit = at + 2;
            if bitmap[bit / 8] & (1 << (bit % 8)) != 0 {
                slot.build.null();
                continue;
            }
            let bytes = match slot.lie {
                Lie::Fixed(n) => fields.take(n),
                Lie::Parts => {
                    let n = usize::from(fields.u8().ok_or_else(short)?);
                    fields.take(n)
                }
                Lie::Counted => fields.string(),
            }
            .ok_or_else(short)?;
            if let Build::Check(checked) = slot.build {
                if bytes.iter().all(|b| *b == 0) {
                    let why = "it has characters that Unicode does not have";
                    let misfit = Misfit::new(Code::BadEncoding, why, "");
                    self.bad.push(Bad { row: self.rows, column: checked, misfit });
                }
                continue;
            }
            if let Err(misfit) = slot.build.value(bytes) {
                slot.build.null();
                self.bad.push(Bad { row: self.rows, column: at, misfit });
            }
        }
        self.rows += 1;
        self.bytes += packet.len() + 4 * self.visible;
        Ok(())
    }

    /// Gives what has been gathered, and starts anew. `key` are the indexes of the key's columns.
    pub(crate) fn finish(&mut self, key: &[usize], place: &str) -> Result<Decoded> {
        let arrays: Vec<ArrayRef> =
            self.slots.iter_mut().filter_map(|slot| slot.build.finish()).collect();
        let count = std::mem::take(&mut self.rows);
        self.bytes = 0;
        let bad = std::mem::take(&mut self.bad);
        let last_key = match count.checked_sub(1) {
            Some(last) if !key.is_empty() => Some(self.key(&arrays, &bad, key, last)?),
            _ => None,
        };
        let visible: Vec<ArrayRef> = arrays[..self.visible].to_vec();
        let (rows, rejects) = if bad.is_empty() {
            (self.batch(visible)?, Vec::new())
        } else {
            self.sift(visible, bad, count, place)?
        };
        Ok(Decoded { rows, rejects, last_key, count })
    }

    fn batch(&self, columns: Vec<ArrayRef>) -> Result<RecordBatch> {
        RecordBatch::try_new(Arc::clone(&self.schema), columns)
            .map_err(|e| Error::bug(format!("decoded columns do not fit: {e}")))
    }

    fn key(
        &self,
        arrays: &[ArrayRef],
        bad: &[Bad],
        key: &[usize],
        last: usize,
    ) -> Result<Vec<KeyValue>> {
        let value = |column: &usize| {
            // A key whose value Arrow cannot hold still has its place in the order.
            let misfit = bad.iter().find(|b| b.row == last && b.column == *column);
            match misfit {
                Some(bad) => Ok(KeyValue::Text(bad.misfit.text.clone())),
                None => match no_day(&arrays[*column], last) {
                    Some(text) => Ok(KeyValue::Text(text)),
                    None => KeyValue::of(&self.fields[*column], &arrays[*column], last),
                },
            }
        };
        key.iter().map(value).collect()
    }

    /// Parts the rows that can be held from those that cannot.
    fn sift(
        &self,
        columns: Vec<ArrayRef>,
        mut bad: Vec<Bad>,
        count: usize,
        place: &str,
    ) -> Result<(RecordBatch, Vec<Reject>)> {
        bad.sort_by_key(|b| b.row);
        let mut good = vec![true; count];
        let mut rejects = Vec::new();
        for misfits in bad.chunk_by(|a, b| a.row == b.row) {
            let row = misfits[0].row;
            good[row] = false;
            rejects.push(self.reject(&columns, row, misfits, place)?);
        }
        let good = BooleanArray::from(good);
        let kept: Result<Vec<ArrayRef>, _> =
            columns.iter().map(|c| arrow::compute::filter(c, &good)).collect();
        let kept = kept.map_err(|e| Error::bug(format!("sifting rows: {e}")))?;
        Ok((self.batch(kept)?, rejects))
    }

    /// One row alone, its misfits as text.
    fn reject(
        &self,
        columns: &[ArrayRef],
        row: usize,
        misfits: &[Bad],
        place: &str,
    ) -> Result<Reject> {
        let mut fields = self.fields[..self.visible].to_vec();
        let mut values: Vec<ArrayRef> = columns.iter().map(|c| c.slice(row, 1)).collect();
        for bad in misfits.iter().filter(|b| b.column < self.visible) {
            // A check found the text wanting after it had been taken.
            let text = match columns[bad.column].as_any().downcast_ref::<StringArray>() {
                Some(texts) if texts.is_valid(row) => texts.value(row).to_owned(),
                _ => bad.misfit.text.clone(),
            };
            fields[bad.column] = Field::new(fields[bad.column].name(), DataType::Utf8, true);
            values[bad.column] = Arc::new(StringArray::from(vec![text]));
        }
        // Its own memory, not a view of the whole batch; no column but the misfits is NULL now
        // that was not before.
        let fields: Vec<Field> = fields.into_iter().map(|f| f.with_nullable(true)).collect();
        let alone = RecordBatch::try_new(Arc::new(Schema::new(fields)), values)
            .map_err(|e| Error::bug(format!("a rejected row: {e}")))?;
        let first = &misfits[0];
        let text: String = first.misfit.text.chars().take(80).collect();
        let shown = if text.is_empty() { String::new() } else { format!(" {text:?}") };
        let message =
            format!("{place}.{}:{shown} {}", self.slots[first.column].name, first.misfit.why);
        Ok(Reject::of(&alone, 0, Error::new(first.misfit.code, message)))
    }
}

fn lie_of(kind: u8) -> Lie {
    match kind {
        wire::TINY => Lie::Fixed(1),
        wire::SHORT | wire::YEAR => Lie::Fixed(2),
        wire::LONG | wire::INT24 | wire::FLOAT => Lie::Fixed(4),
        wire::LONGLONG | wire::DOUBLE => Lie::Fixed(8),
        wire::DATE | wire::DATETIME | wire::TIMESTAMP | wire::TIME => Lie::Parts,
        _ => Lie::Counted,
    }
}

/// The builder for a column, if the server sends what the field was made for.
fn slot(f: &Field, column: &WireColumn) -> Result<Slot> {
    let unsigned = column.flags & wire::UNSIGNED != 0;
    let lie = lie_of(column.kind);
    let counted = lie == Lie::Counted;
    let number = matches!(column.kind, wire::DECIMAL | wire::NEWDECIMAL);
    let logical = field::logical(f);
    let build = match (f.data_type(), column.kind) {
        (DataType::Int8, wire::TINY) if !unsigned => Build::I8(Int8Builder::new()),
        (DataType::UInt8, wire::TINY) if unsigned => Build::U8(UInt8Builder::new()),
        (DataType::Int16, wire::SHORT) if !unsigned => Build::I16(Int16Builder::new()),
        (DataType::UInt16, wire::SHORT) if unsigned => Build::U16(UInt16Builder::new()),
        (DataType::Int16, wire::YEAR) => Build::I16(Int16Builder::new()),
        (DataType::Int32, wire::LONG | wire::INT24) if !unsigned => Build::I32(Int32Builder::new()),
        (DataType::UInt32, wire::LONG | wire::INT24) if unsigned => {
            Build::U32(UInt32Builder::new())
        }
        (DataType::Int64, wire::LONGLONG) if !unsigned => Build::I64(Int64Builder::new()),
        (DataType::UInt64, wire::LONGLONG) if unsigned => Build::U64(UInt64Builder::new()),
        (DataType::Float32, wire::FLOAT) => Build::F32(Float32Builder::new()),
        (DataType::Float64, wire::DOUBLE) => Build::F64(Float64Builder::new()),
        (DataType::Decimal128(_, s), _) if number => {
            let builder = Decimal128Builder::new().with_data_type(f.data_type().clone());
            Build::Decimal(builder, s.unsigned_abs())
        }
        (DataType::Decimal256(_, s), _) if number => {
            let builder = Decimal256Builder::new().with_data_type(f.data_type().clone());
            Build::Wide(builder, s.unsigned_abs())
        }
        (DataType::Date32, wire::DATE) => Build::Date(Date32Builder::new()),
        (DataType::Timestamp(TimeUnit::Microsecond, zone), wire::DATETIME | wire::TIMESTAMP)
            if zone.is_some() == (column.kind == wire::TIMESTAMP) =>
        {
            let builder = TimestampMicrosecondBuilder::new().with_data_type(f.data_type().clone());
            Build::Moment(builder)
        }
        (DataType::Duration(TimeUnit::Microsecond), wire::TIME) => {
            Build::Length(DurationMicrosecondBuilder::new())
        }
        (DataType::Utf8, wire::BIT) if logical == Some("bit") => {
            let bits = field::length(f).and_then(|n| usize::try_from(n).ok()).unwrap_or(1);
            Build::Bits(StringBuilder::new(), bits)
        }
        (DataType::FixedSizeBinary(16), _) if counted && !number => {
            Build::Uuid(FixedSizeBinaryBuilder::new(16))
        }
        (DataType::Utf8, _) if counted && !number => Build::Text(StringBuilder::new()),
        (DataType::Binary, _) if counted && !number => Build::Bytes(BinaryBuilder::new()),
        (data_type, kind) => {
            let text = format!(
                "column {} is not what it was: type {kind} of the protocol came where {data_type} \
                 was due",
                column.name
            );
            return Err(Error::new(Code::TableChanged, text));
        }
    };
    Ok(Slot { name: f.name().clone(), build, lie })
}

macro_rules! each {
    ($build:expr, $builder:ident => $does:expr, $check:expr) => {
        match $build {
            Build::I8($builder) => $does,
            Build::I16($builder) => $does,
            Build::I32($builder) => $does,
            Build::I64($builder) => $does,
            Build::U8($builder) => $does,
            Build::U16($builder) => $does,
            Build::U32($builder) => $does,
            Build::U64($builder) => $does,
            Build::F32($builder) => $does,
            Build::F64($builder) => $does,
            Build::Decimal($builder, _) => $does,
            Build::Wide($builder, _) => $does,
            Build::Text($builder) => $does,
            Build::Bytes($builder) => $does,
            Build::Bits($builder, _) => $does,
            Build::Uuid($builder) => $does,
            Build::Date($builder) => $does,
            Build::Moment($builder) => $does,
            Build::Length($builder) => $does,
            Build::Check(_) => $check,
        }
    };
}

/// The first `N` bytes; a row's packet was cut to fit before.
fn array<const N: usize>(bytes: &[u8]) -> [u8; N] {
    let mut out = [0; N];
    let n = bytes.len().min(N);
    out[..n].copy_from_slice(&bytes[..n]);
    out
}

impl Build {
    fn null(&mut self) {
        each!(self, builder => builder.append_null(), ());
    }

    fn finish(&mut self) -> Option<ArrayRef> {
        each!(self, builder => Some(Arc::new(builder.finish()) as ArrayRef), None)
    }

    /// Takes a value. After a misfit, nothing has been taken.
    #[inline]
    fn value(&mut self, bytes: &[u8]) -> Result<(), Box<Misfit>> {
        match self {
            Build::I8(b) => b.append_value(i8::from_le_bytes(array(bytes))),
            Build::U8(b) => b.append_value(u8::from_le_bytes(array(bytes))),
            Build::I16(b) => b.append_value(i16::from_le_bytes(array(bytes))),
            Build::U16(b) => b.append_value(u16::from_le_bytes(array(bytes))),
            Build::I32(b) => b.append_value(i32::from_le_bytes(array(bytes))),
            Build::U32(b) => b.append_value(u32::from_le_bytes(array(bytes))),
            Build::I64(b) => b.append_value(i64::from_le_bytes(array(bytes))),
            Build::U64(b) => b.append_value(u64::from_le_bytes(array(bytes))),
            Build::F32(b) => b.append_value(f32::from_le_bytes(array(bytes))),
            Build::F64(b) => b.append_value(f64::from_le_bytes(array(bytes))),
            Build::Decimal(b, scale) => match decimal(bytes, *scale) {
                Some(value) => b.append_value(value),
                None => return Err(not_a_number(bytes)),
            },
            Build::Wide(b, scale) => match wide_decimal(bytes, *scale) {
                Some(value) => b.append_value(value),
                None => return Err(not_a_number(bytes)),
            },
            Build::Text(b) => match std::str::from_utf8(bytes) {
                Ok(text) if text.len() <= LARGEST => b.append_value(text),
                Ok(_) => return Err(too_long()),
                Err(_) => {
                    let hex: String = bytes.iter().take(64).map(|b| format!("{b:02X}")).collect();
                    let why = "these bytes are not text in the column's character set";
                    return Err(Misfit::new(Code::BadEncoding, why, format!("0x{hex}")));
                }
            },
            Build::Bytes(b) if bytes.len() <= LARGEST => b.append_value(bytes),
            Build::Bytes(_) => return Err(too_long()),
            Build::Bits(b, width) => b.append_value(bits(bytes, *width)),
            Build::Uuid(b) => match uuid(bytes) {
                // The length is 16: that is all append_value checks.
                Some(value) => drop(b.append_value(value)),
                None => {
                    let text = String::from_utf8_lossy(bytes);
                    return Err(Misfit::new(Code::Conversion, "is not a UUID", text));
                }
            },
            Build::Date(b) => {
                let (days, _) = moment_of(bytes);
                let days = i32::try_from(days).map_err(|_| too_long())?;
                b.append_value(days);
            }
            Build::Moment(b) => {
                let (days, micros) = moment_of(bytes);
                b.append_value(days * 86_400_000_000 + micros);
            }
            Build::Length(b) => b.append_value(length_of_time(bytes)),
            Build::Check(_) => {}
        }
        Ok(())
    }
}

/// The text of a value that is no day of the calendar.
fn no_day(array: &ArrayRef, row: usize) -> Option<String> {
    const DAY: i64 = 86_400_000_000;
    let (days, micros) = match array.data_type() {
        DataType::Date32 => (array.as_primitive::<Date32Type>().value(row).into(), None),
        DataType::Timestamp(TimeUnit::Microsecond, _) => {
            let micros = array.as_primitive::<TimestampMicrosecondType>().value(row);
            (micros.div_euclid(DAY), Some(micros.rem_euclid(DAY)))
        }
        _ => return None,
    };
    let (year, month, day) = field::no_day(days).filter(|_| array.is_valid(row))?;
    let time = micros.map(|m| {
        let seconds = m / 1_000_000;
        let (hours, minutes) = (seconds / 3600, seconds / 60 % 60);
        format!(" {hours:02}:{minutes:02}:{:02}.{:06}", seconds % 60, m % 1_000_000)
    });
    Some(format!("{year:04}-{month:02}-{day:02}{}", time.unwrap_or_default()))
}

fn not_a_number(bytes: &[u8]) -> Box<Misfit> {
    let text = String::from_utf8_lossy(bytes);
    Misfit::new(Code::Conversion, "does not fit the column's decimal type", text)
}

fn too_long() -> Box<Misfit> {
    Misfit::new(Code::Conversion, "the value is longer than 1 GiB", "")
}
