//! Rows of the binary protocol into Arrow columns.
//!
//! One builder a column, chosen once for a result; a row's packet is walked from left to right and
//! every value goes from the packet into its builder. A value that Arrow cannot hold as it is (bytes
//! that are not the text they should be) makes its row a [`Reject`]; it is never replaced by
//! another. Dates that are no days have numbers of their own ([`field::NO_DAY`]).

pub(crate) mod build;
pub(crate) mod sift;
pub(crate) mod value;

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, RecordBatch};
use arrow::datatypes::{
    DataType, Date32Type, Field, Schema, SchemaRef, TimeUnit, TimestampMicrosecondType,
};
use syncline_sql::KeyValue;
use syncline_types::{Code, Error, Reject, Result, field};

use crate::native::wire;
use crate::wire::packet::Fields;
use crate::wire::{Fault, WireColumn};
use build::{Build, Misfit};
use sift::{Bad, sift};

/// How a value lies in the packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Lie {
    Fixed(usize),
    /// A length byte, then the parts of a date or time.
    Parts,
    Counted,
}

struct Slot {
    build: Build,
    lie: Lie,
}

/// A column beside those of the rows, which is 0 where the text of another is not its value.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Check {
    /// The index of the other column.
    pub(crate) column: usize,
    pub(crate) of: Checked,
}

/// What is checked.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Checked {
    /// The text came back from UTF-8 as it was.
    Characters,
    /// An ENUM that has an empty member is not its error value, whose text is empty too.
    Member,
}

impl Checked {
    /// The bad value, where it is one.
    pub(crate) fn misfit(self) -> Box<Misfit> {
        let (code, why) = match self {
            Checked::Characters => {
                (Code::BadEncoding, "it has characters that Unicode does not have")
            }
            Checked::Member => (
                Code::NoEquivalent,
                "is the ENUM's error value, number 0, which reads as its member '' does",
            ),
        };
        Misfit::new(code, why, "")
    }
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
    /// rows, followed by one column for each of `checks`.
    ///
    /// # Errors
    /// [`Code::TableChanged`] when the server's columns are not those the fields were made for.
    pub(crate) fn new(
        fields: Vec<Field>,
        visible: usize,
        checks: &[Check],
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
        for (check, column) in checks.iter().zip(&columns[fields.len()..]) {
            slots.push(Slot { build: Build::Check(*check), lie: lie_of(column.kind) });
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
            if let Build::Check(check) = slot.build {
                if bytes.iter().all(|b| *b == 0) {
                    let misfit = check.of.misfit();
                    self.bad.push(Bad { row: self.rows, column: check.column, misfit });
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
            let sifted = sift(&self.fields, &visible, bad, count, place)?;
            (self.batch(sifted.kept)?, sifted.rejects)
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
    let zoned = column.kind == wire::TIMESTAMP;
    let fits = match (f.data_type(), column.kind) {
        (DataType::Int8, wire::TINY)
        | (DataType::Int16, wire::SHORT)
        | (DataType::Int32, wire::LONG | wire::INT24)
        | (DataType::Int64, wire::LONGLONG) => !unsigned,
        (DataType::UInt8, wire::TINY)
        | (DataType::UInt16, wire::SHORT)
        | (DataType::UInt32, wire::LONG | wire::INT24)
        | (DataType::UInt64, wire::LONGLONG) => unsigned,
        (DataType::Int16, wire::YEAR)
        | (DataType::Float32, wire::FLOAT)
        | (DataType::Float64, wire::DOUBLE)
        | (DataType::Date32, wire::DATE)
        | (DataType::Duration(TimeUnit::Microsecond), wire::TIME) => true,
        (DataType::Decimal128(..) | DataType::Decimal256(..), _) => number,
        (DataType::Timestamp(TimeUnit::Microsecond, zone), wire::DATETIME | wire::TIMESTAMP) => {
            zone.is_some() == zoned
        }
        (DataType::FixedSizeBinary(16) | DataType::Utf8 | DataType::Binary, _) => {
            counted && !number
        }
        _ => false,
    };
    if let Some(build) = Build::of(f).filter(|_| fits) {
        return Ok(Slot { build, lie });
    }
    let (data_type, kind) = (f.data_type(), column.kind);
    let text = format!(
        "column {} is not what it was: type {kind} of the protocol came where {data_type} was due",
        column.name
    );
    Err(Error::new(Code::TableChanged, text))
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
