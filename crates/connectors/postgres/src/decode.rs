//! Rows of binary COPY data into batches: values into columns here and in `values`, or rows packed
//! as they are. Where rows and fields lie is found by `frames`.

use std::sync::{Arc, Mutex};

use arrow::array::{
    ArrayRef, BinaryArray, BooleanArray, RecordBatch, RecordBatchOptions, StringArray, UInt32Array,
};
use arrow::buffer::{Buffer, OffsetBuffer, ScalarBuffer};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use bytes::Bytes;
use syncline_connector::packed;
use syncline_types::{Code, Error, Reject, Result, TableSchema};

use crate::frames::{Frame, Frames};
use crate::types::wire;
use crate::values::{Trouble, Values};

/// What becomes of rows as they are read.
pub(crate) enum Decoder {
    /// Their values go into columns.
    Columns(Box<Columns>),
    /// They stay as they are.
    Packed(Packed),
}

impl Decoder {
    /// Takes a row in.
    pub(crate) fn take(&mut self, row: &Frame<'_>) -> Result<()> {
        match self {
            Decoder::Columns(columns) => columns.take(row),
            Decoder::Packed(packed) => packed.take(row),
        }
    }

    /// The rows taken since the last batch, and those that could not be converted.
    pub(crate) fn finish(&mut self) -> Result<(RecordBatch, Vec<Reject>)> {
        match self {
            Decoder::Columns(columns) => columns.finish(),
            Decoder::Packed(packed) => Ok((packed.finish()?, Vec::new())),
        }
    }
}

/// Rows as they are on the wire, each in one value.
pub(crate) struct Packed {
    /// Fields of a packed row; what is read for the key alone stands behind them.
    fields: usize,
    bytes: Vec<u8>,
    ends: Vec<i32>,
    spare: Spare,
}

impl Packed {
    /// For rows of that many columns.
    pub(crate) fn new(fields: usize, spare: Spare) -> Self {
        Self { fields, bytes: spare.take(0), ends: vec![0], spare }
    }

    fn take(&mut self, row: &Frame<'_>) -> Result<()> {
        let count = u16::try_from(self.fields).unwrap_or(u16::MAX);
        self.bytes.extend_from_slice(&count.to_be_bytes());
        self.bytes.extend_from_slice(row.first(self.fields));
        let end = i32::try_from(self.bytes.len());
        self.ends.push(end.map_err(|_| Error::bug("postgres: packed rows of more than 2 GiB"))?);
        Ok(())
    }

    fn finish(&mut self) -> Result<RecordBatch> {
        // A little more than this one took: one that grows beyond it takes twice the room.
        let room = (self.bytes.len() + self.bytes.len() / 16).min(MOST_RESERVED);
        let bytes = std::mem::replace(&mut self.bytes, self.spare.take(room));
        let next = Vec::with_capacity(self.ends.len());
        let ends = std::mem::replace(&mut self.ends, next);
        self.ends.push(0);
        let ends = OffsetBuffer::new(ScalarBuffer::from(ends));
        let bytes = Bytes::from_owner(Lent { bytes, home: self.spare.clone() });
        packed(BinaryArray::new(ends, Buffer::from(bytes), None))
    }
}

impl Drop for Packed {
    fn drop(&mut self) {
        self.spare.give_back(std::mem::take(&mut self.bytes));
    }
}

/// Room for the rows of batches, used again once a batch has been written. New memory of such a
/// size comes from the system each time, which clears it page by page: a quarter of what it cost us
/// to move packed rows.
#[derive(Clone, Default)]
pub(crate) struct Spare(Arc<Mutex<Vec<Vec<u8>>>>);

impl Spare {
    /// Empty, with at least that much room.
    fn take(&self, room: usize) -> Vec<u8> {
        let kept = self.0.lock().ok().and_then(|mut kept| kept.pop());
        let mut bytes = kept.unwrap_or_default();
        bytes.reserve(room);
        bytes
    }

    fn give_back(&self, mut bytes: Vec<u8>) {
        let Ok(mut kept) = self.0.lock() else { return };
        // What one giant row has taken goes back to the system.
        if kept.len() < MOST_SPARE && bytes.capacity() <= 2 * MOST_RESERVED {
            bytes.clear();
            kept.push(bytes);
        }
    }
}

/// A batch's rows; their room goes home when the last who reads them is done.
struct Lent {
    bytes: Vec<u8>,
    home: Spare,
}

impl AsRef<[u8]> for Lent {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

impl Drop for Lent {
    fn drop(&mut self) {
        self.home.give_back(std::mem::take(&mut self.bytes));
    }
}

/// Rooms kept for batches to come, by all readers of a source.
const MOST_SPARE: usize = 4;

/// Bytes reserved for the rows of a batch, at most: the usual batch has no more.
const MOST_RESERVED: usize = 5 << 20;

/// Packed rows in the columns of their table, and those that cannot be converted.
pub(crate) fn unpack(
    table: &Arc<TableSchema>,
    rows: &BinaryArray,
) -> Result<(RecordBatch, Vec<Reject>)> {
    let mut columns = Columns::new(Arc::clone(table))?;
    let mut frames = Frames::bare(table.name.clone(), table.columns.len());
    for row in rows.iter().flatten() {
        frames.feed(Bytes::copy_from_slice(row));
        if !frames.row(|row| columns.take(row))? {
            return Err(Error::bug(format!("{}: a packed row is not whole", table.name)));
        }
    }
    columns.finish()
}

/// Values in columns, up to a batch.
pub(crate) struct Columns {
    table: Arc<TableSchema>,
    schema: SchemaRef,
    columns: Vec<Values>,
    rows: usize,
    faults: Vec<ValueFault>,
}

/// A value that the column's Arrow type does not have.
struct ValueFault {
    row: usize,
    column: usize,
    text: String,
    error: Error,
}

impl Columns {
    /// For rows whose first fields are the table's columns.
    pub(crate) fn new(table: Arc<TableSchema>) -> Result<Self> {
        let columns = table
            .columns
            .iter()
            .map(|c| Ok(Values::new(wire(&c.field)?, &c.field, 1024, 0)))
            .collect::<Result<Vec<_>>>()?;
        Ok(Self { schema: table.arrow(), table, columns, rows: 0, faults: Vec::new() })
    }

    /// Decodes a row.
    pub(crate) fn take(&mut self, row: &Frame<'_>) -> Result<()> {
        for (at, values) in self.columns.iter_mut().enumerate() {
            let value = row.field(at);
            let Err(trouble) = values.append(value) else { continue };
            let field = self.schema.field(at);
            let bytes = value.unwrap_or_default();
            let Trouble::Value(code, why) = trouble else {
                let message = format!(
                    "{}: column {:?}: {} bytes that are no {}: the table has been altered",
                    self.table.name,
                    field.name(),
                    bytes.len(),
                    field.data_type()
                );
                return Err(Error::new(Code::TableChanged, message));
            };
            values.append_null();
            let text = values.wire.show(bytes);
            let message = format!("column {:?}: {text} {why}", field.name());
            let error = Error::new(code, message);
            self.faults.push(ValueFault { row: self.rows, column: at, text, error });
        }
        if let Some(fault) = self.faults.last_mut().filter(|f| f.row == self.rows) {
            let key = row.key();
            let place = match key.is_empty() {
                true => self.table.name.to_string(),
                false => format!("{} ({})", self.table.name, key.join(", ")),
            };
            let error = std::mem::replace(&mut fault.error, Error::bug("moved"));
            fault.error = error.at(place);
        }
        self.rows += 1;
        Ok(())
    }

    /// The rows taken since the last batch, and those that could not be converted.
    pub(crate) fn finish(&mut self) -> Result<(RecordBatch, Vec<Reject>)> {
        let rows = std::mem::take(&mut self.rows);
        let mut arrays: Vec<ArrayRef> = Vec::with_capacity(self.columns.len());
        for (values, field) in self.columns.iter_mut().zip(self.schema.fields()) {
            arrays.push(values.finish(field, rows));
        }
        let faults = std::mem::take(&mut self.faults);
        let rejects = self.rejects(&arrays, faults.as_slice())?;
        let mut kept = rows;
        if !faults.is_empty() {
            let mut keep = vec![true; rows];
            for fault in &faults {
                keep[fault.row] = false;
            }
            kept = keep.iter().filter(|k| **k).count();
            let keep = BooleanArray::from(keep);
            for array in &mut arrays {
                *array = arrow::compute::filter(array, &keep).map_err(arrow_bug)?;
            }
        }
        let options = RecordBatchOptions::new().with_row_count(Some(kept));
        let batch = RecordBatch::try_new_with_options(Arc::clone(&self.schema), arrays, &options)
            .map_err(arrow_bug)?;
        Ok((batch, rejects))
    }

    /// One reject a row: its values as they were read, those that could not be as their text.
    fn rejects(&self, arrays: &[ArrayRef], faults: &[ValueFault]) -> Result<Vec<Reject>> {
        let mut rejects = Vec::new();
        for group in faults.chunk_by(|a, b| a.row == b.row) {
            let at = UInt32Array::from(vec![u32::try_from(group[0].row).unwrap_or(u32::MAX)]);
            let mut fields: Vec<Field> = Vec::with_capacity(arrays.len());
            let mut values: Vec<ArrayRef> = Vec::with_capacity(arrays.len());
            for (column, array) in arrays.iter().enumerate() {
                let field = self.schema.field(column).clone().with_nullable(true);
                match group.iter().find(|f| f.column == column) {
                    Some(fault) => {
                        fields.push(Field::new(field.name(), DataType::Utf8, true));
                        values.push(Arc::new(StringArray::from(vec![fault.text.as_str()])));
                    }
                    None => {
                        fields.push(field);
                        let one = arrow::compute::take(array, &at, None).map_err(arrow_bug)?;
                        values.push(one);
                    }
                }
            }
            let row =
                RecordBatch::try_new(Arc::new(Schema::new(fields)), values).map_err(arrow_bug)?;
            let last = &group[group.len() - 1].error;
            let error = Arc::new(Error::new(last.code(), last.message()));
            rejects.push(Reject { row, index: 0, error });
        }
        Ok(rejects)
    }
}

fn arrow_bug(error: arrow::error::ArrowError) -> Error {
    Error::bug("postgres: columns of a batch do not fit together").because(error)
}

#[cfg(test)]
mod tests {
    use arrow::array::{Array as _, AsArray as _};

    use super::*;

    fn batch(packed: &mut Packed, rows: &[&[u8]]) -> RecordBatch {
        for row in rows {
            packed.bytes.extend_from_slice(row);
            packed.ends.push(i32::try_from(packed.bytes.len()).unwrap());
        }
        packed.finish().unwrap()
    }

    #[test]
    fn the_room_of_a_batch_is_used_again_once_nobody_reads_it() {
        let spare = Spare::default();
        let mut packed = Packed::new(1, spare.clone());
        let first = batch(&mut packed, &[b"one", b"two"]);
        let second = batch(&mut packed, &[b"three"]);
        let rows = |batch: &RecordBatch| -> Vec<Vec<u8>> {
            batch.column(0).as_binary::<i32>().iter().flatten().map(<[u8]>::to_vec).collect()
        };
        assert_eq!(rows(&first), [b"one".to_vec(), b"two".to_vec()]);
        let slice = first.column(0).slice(1, 1);
        let place = first.column(0).as_binary::<i32>().values().as_ptr();
        drop(first);
        assert!(spare.0.lock().unwrap().is_empty(), "a slice of it is still read");
        assert_eq!(slice.as_binary::<i32>().value(0), b"two");
        drop(slice);
        let again = spare.take(0);
        assert_eq!(again.as_ptr(), place);
        assert_eq!(rows(&second), [b"three".to_vec()]);
    }

    #[test]
    fn no_more_is_kept_than_is_soon_needed() {
        let spare = Spare::default();
        for _ in 0..10 {
            spare.give_back(Vec::with_capacity(16));
        }
        assert_eq!(spare.0.lock().unwrap().len(), MOST_SPARE);
        let spare = Spare::default();
        spare.give_back(Vec::with_capacity(4 * MOST_RESERVED));
        assert!(spare.0.lock().unwrap().is_empty(), "what a giant row took is not kept");
    }
}
