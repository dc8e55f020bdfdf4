//! Arrow columns into COPY data, binary or text, straight from their buffers.
//!
//! Binary wherever every column has a binary form that we make ourselves; otherwise the whole
//! table in text form, in which the server's own input functions read arrays, ranges, composites
//! and all the rest. What the server would change without a word is refused here: a fraction of a
//! second beyond the column's precision, digits beyond a numeric's scale, blanks beyond a
//! varchar's length.

mod arrays;
mod binary;
mod limits;
mod special;
mod text;

use std::io::Write as _;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, RecordBatch};
use arrow::datatypes::{DataType, TimeUnit};
use bytes::Bytes;
use syncline_types::{Error, Result, TableSchema, field};

pub(crate) use self::arrays::Arrays;
use self::binary::{Cells, put};
use self::special::special;
use self::text::text_value;
use crate::types::{NativeType, Wire, is_special, numeric_bounds, oid};

/// Data is handed over in pieces of about this size: the server looks at a piece once it has all
/// of it.
pub(crate) const CHUNK: usize = 64 * 1024;

/// What the data of a binary COPY begin and end with.
pub(crate) const BEGIN: &[u8] = b"PGCOPY\n\xff\r\n\0\0\0\0\0\0\0\0\0";
pub(crate) const END: &[u8] = &(-1_i16).to_be_bytes();

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

    pub(crate) fn is_binary(&self) -> bool {
        self.binary
    }

    /// Whether every value that comes in that form is written as it comes, with nothing to check.
    pub(crate) fn passes(&self, column: usize, wire: Wire) -> bool {
        matches!(
            (wire, &self.columns[column].form),
            (Wire::Bool, Form::Bool)
                | (Wire::Int2, Form::Int2)
                | (Wire::Int4, Form::Int4)
                | (Wire::Int8, Form::Int8)
                | (Wire::Oid, Form::Oid)
                | (Wire::Float4, Form::Float4)
                | (Wire::Float8, Form::Float8)
                | (Wire::Money, Form::Money)
                | (Wire::Numeric128(_), Form::Decimal128(_, None))
                | (Wire::Numeric256(_), Form::Decimal256(_, None))
                | (Wire::NumericText, Form::DecimalText(None))
                | (Wire::Bytea, Form::Bytes)
                | (Wire::Uuid, Form::Uuid)
                | (Wire::Date, Form::Date)
                | (Wire::Time, Form::Time(1))
                | (Wire::Timestamp, Form::Timestamp(1) | Form::Instant(1))
                | (Wire::Text, Form::Text(None))
                | (Wire::Jsonb, Form::Jsonb)
        )
    }

    /// `binary` or `text`, as COPY calls it.
    pub(crate) fn format(&self) -> &'static str {
        if self.binary { "binary" } else { "text" }
    }

    /// Begins a COPY.
    pub(crate) fn begin(&mut self) {
        self.buffer.clear();
        if self.binary {
            self.buffer.extend_from_slice(BEGIN);
        }
    }

    /// Ends it.
    pub(crate) fn end(&mut self) {
        if self.binary {
            self.buffer.extend_from_slice(END);
        }
    }

    /// A whole COPY, piece by piece.
    pub(crate) fn pieces<'a>(
        &'a mut self,
        cells: &'a [ArrayRef],
        rows: usize,
    ) -> impl Iterator<Item = Result<Bytes>> + Send + 'a {
        self.begin();
        let (mut row, mut full) = (0, Vec::new().into_iter());
        std::iter::from_fn(move || {
            loop {
                if let Some(piece) = full.next() {
                    return Some(Ok(piece));
                }
                if row == rows {
                    return None;
                }
                match self.fill(cells, row, rows) {
                    Ok(next) => row = next,
                    Err(error) => return Some(Err(error)),
                }
                if row == rows {
                    self.end();
                }
                full = self.take().collect::<Vec<_>>().into_iter();
            }
        })
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
        let known: Vec<Cells<'_>> = match self.binary {
            true => self.columns.iter().zip(cells).map(|(c, cells)| Cells::of(c, cells)).collect(),
            false => Vec::new(),
        };
        while row < rows && self.buffer.len() < CHUNK {
            if self.binary {
                self.binary_row(&known, row)?;
            } else {
                self.text_row(cells, row)?;
            }
            row += 1;
        }
        Ok(row)
    }

    fn binary_row(&mut self, cells: &[Cells<'_>], row: usize) -> Result<()> {
        let fields = cells.len() + usize::from(self.numbered);
        self.buffer.extend_from_slice(&u16::try_from(fields).unwrap_or(u16::MAX).to_be_bytes());
        for (at, cell) in cells.iter().enumerate() {
            cell.write(row, &self.columns[at], &mut self.buffer)
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

fn text_of(cell: &dyn Array, row: usize) -> &str {
    cell.as_string::<i32>().value(row)
}
