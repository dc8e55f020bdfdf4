//! Binary COPY data into batches, straight from the wire: rows here, values in `values`. The format stands in the manual
//! under COPY, "Binary Format": a header, then for each row a count of fields, and for each field
//! its length (-1 for NULL) and its bytes in the type's send form.

use std::sync::Arc;

use arrow::array::{
    ArrayRef, BooleanArray, RecordBatch, RecordBatchOptions, StringArray, UInt32Array,
};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use bytes::{Buf, Bytes, BytesMut};
use syncline_types::{Code, Error, Reject, Result, TableSchema};

use crate::types::{Wire, wire};
use crate::values::{Trouble, Values};
use crate::wire::PIECE;

const SIGNATURE: &[u8; 11] = b"PGCOPY\n\xff\r\n\0";

/// Where a part of the key stands among a row's fields, and in which form.
#[derive(Debug, Clone, Copy)]
pub(crate) struct KeyField {
    pub(crate) at: usize,
    pub(crate) wire: Wire,
}

/// Where a row's fields lie in its data; NULL lies nowhere.
type Spans = Vec<Option<(usize, usize)>>;

/// Rows as they arrive, up to a batch.
pub(crate) struct Decoder {
    table: Arc<TableSchema>,
    schema: SchemaRef,
    columns: Vec<Values>,
    key: Vec<KeyField>,
    /// Fields of a row: the columns, then what is read for the key alone.
    fields: usize,
    /// Bytes that arrived and are no whole row yet.
    carry: BytesMut,
    /// A whole row has no fewer bytes than this.
    need: usize,
    pending: Bytes,
    header: bool,
    ended: bool,
    spans: Spans,
    rows: usize,
    bytes: usize,
    faults: Vec<ValueFault>,
    last: Vec<String>,
    last_row: Option<(Bytes, Spans)>,
}

/// A value that the column's Arrow type does not have.
struct ValueFault {
    row: usize,
    column: usize,
    text: String,
    error: Error,
}

impl Decoder {
    /// For rows with the table's columns, then `hidden` fields that only `key` looks at.
    pub(crate) fn new(table: Arc<TableSchema>, key: Vec<KeyField>, hidden: usize) -> Result<Self> {
        let columns = table
            .columns
            .iter()
            .map(|c| Ok(Values::new(wire(&c.field)?, &c.field, 1024, 0)))
            .collect::<Result<Vec<_>>>()?;
        let fields = columns.len() + hidden;
        Ok(Self {
            schema: table.arrow(),
            table,
            columns,
            key,
            fields,
            carry: BytesMut::new(),
            need: 0,
            pending: Bytes::new(),
            header: false,
            ended: false,
            spans: vec![None; fields],
            rows: 0,
            bytes: 0,
            faults: Vec::new(),
            last: Vec::new(),
            last_row: None,
        })
    }

    /// Rows taken since the last batch, and their bytes on the wire.
    pub(crate) fn taken(&self) -> (usize, usize) {
        (self.rows, self.bytes)
    }

    /// Whether the rows' end mark has been read.
    pub(crate) fn ended(&self) -> bool {
        self.ended
    }

    /// Takes what has arrived.
    pub(crate) fn feed(&mut self, chunk: Bytes) {
        debug_assert!(self.pending.is_empty(), "rows were left when more arrived");
        if self.carry.is_empty() {
            self.pending = chunk;
            return;
        }
        self.carry.extend_from_slice(&chunk);
        if self.carry.len() >= self.need {
            self.pending = std::mem::take(&mut self.carry).freeze();
        }
    }

    /// Puts what is no whole row aside until more has come, with room for what is known to come:
    /// growing step by step would take twice the room.
    fn set_aside(&mut self) {
        let pending = std::mem::take(&mut self.pending);
        if pending.is_empty() {
            return;
        }
        let missing = (self.need + PIECE).saturating_sub(pending.len());
        self.carry = pending.try_into_mut().unwrap_or_else(|shared| {
            let mut own = BytesMut::with_capacity(shared.len() + missing);
            own.extend_from_slice(&shared);
            own
        });
        self.carry.reserve(missing);
    }

    /// Decodes one row of what has arrived; false when there is no whole one left.
    pub(crate) fn row(&mut self) -> Result<bool> {
        if self.ended || (!self.header && !self.read_header()?) {
            return Ok(false);
        }
        let Some(length) = self.find_row()? else {
            self.set_aside();
            return Ok(false);
        };
        self.need = 0;
        if self.ended {
            return Ok(false);
        }
        let data = std::mem::take(&mut self.pending);
        for (at, values) in self.columns.iter_mut().enumerate() {
            let value = self.spans[at].map(|(from, to)| &data[from..to]);
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
            let key: Vec<String> =
                self.key.iter().map(|k| key_text(*k, &data, &self.spans)).collect();
            let place = match key.is_empty() {
                true => self.table.name.to_string(),
                false => format!("{} ({})", self.table.name, key.join(", ")),
            };
            let error = std::mem::replace(&mut fault.error, Error::bug("moved"));
            fault.error = error.at(place);
        }
        self.rows += 1;
        self.bytes += length;
        // An empty rest would keep the memory of what it is the rest of.
        let mut rest = Bytes::new();
        if length < data.len() {
            rest = data.clone();
            rest.advance(length);
        }
        if !self.key.is_empty() {
            // A chunk holds about one row, so that keeping the last one keeps little more.
            match &mut self.last_row {
                Some((row, spans)) => {
                    *row = data;
                    spans.clone_from(&self.spans);
                }
                none => *none = Some((data, self.spans.clone())),
            }
        }
        self.pending = rest;
        Ok(true)
    }

    fn read_header(&mut self) -> Result<bool> {
        let data = &self.pending;
        let Some(length) = data.get(15..19) else {
            self.need = 19;
            self.set_aside();
            return Ok(false);
        };
        if data[..11] != SIGNATURE[..] {
            return Err(Error::new(Code::StoreFailed, "the server's COPY is not in binary format"));
        }
        let extension = u32::from_be_bytes([length[0], length[1], length[2], length[3]]) as usize;
        let whole = 19 + extension;
        if data.len() < whole {
            self.need = whole;
            self.set_aside();
            return Ok(false);
        }
        self.pending.advance(whole);
        self.header = true;
        Ok(true)
    }

    /// Finds the fields of the first row in `pending` and its length, if it is all there; if not,
    /// notes how long it is at least.
    fn find_row(&mut self) -> Result<Option<usize>> {
        let data = &self.pending[..];
        self.need = 2;
        let Some(count) = data.get(..2) else { return Ok(None) };
        let count = i16::from_be_bytes([count[0], count[1]]);
        if count == -1 {
            self.ended = true;
            return Ok(Some(2));
        }
        if usize::try_from(count) != Ok(self.fields) {
            let message = format!(
                "{}: a row of {count} fields where {} were asked for",
                self.table.name, self.fields
            );
            return Err(Error::new(Code::StoreFailed, message));
        }
        let mut at = 2;
        for span in &mut self.spans {
            let Some(length) = data.get(at..at + 4) else {
                self.need = at + 4;
                return Ok(None);
            };
            let length = i32::from_be_bytes([length[0], length[1], length[2], length[3]]);
            at += 4;
            *span = match usize::try_from(length) {
                Ok(length) => {
                    let from = at;
                    at += length;
                    Some((from, at))
                }
                Err(_) => None,
            };
        }
        self.need = at;
        Ok((at <= data.len()).then_some(at))
    }

    /// The key of the last row taken, each part as the text of its value.
    pub(crate) fn last_key(&mut self) -> &[String] {
        if let Some((data, spans)) = self.last_row.take() {
            self.last.clear();
            self.last.extend(self.key.iter().map(|k| key_text(*k, &data, &spans)));
        }
        &self.last
    }

    /// The rows taken since the last batch, and those that could not be converted.
    pub(crate) fn finish(&mut self) -> Result<(RecordBatch, Vec<Reject>)> {
        let rows = std::mem::take(&mut self.rows);
        self.bytes = 0;
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

fn key_text(key: KeyField, data: &[u8], spans: &[Option<(usize, usize)>]) -> String {
    spans[key.at].map(|(from, to)| key.wire.show(&data[from..to])).unwrap_or_default()
}
