//! Binary COPY data into Arrow builders, straight from the wire. The format stands in the manual
//! under COPY, "Binary Format": a header, then for each row a count of fields, and for each field
//! its length (-1 for NULL) and its bytes in the type's send form.

use std::sync::Arc;

use arrow::array::{
    ArrayRef, BinaryBuilder, BooleanArray, BooleanBuilder, Decimal128Builder, Decimal256Builder,
    FixedSizeBinaryBuilder, PrimitiveBuilder, RecordBatch, RecordBatchOptions, StringArray,
    StringBuilder, UInt32Array,
};
use arrow::datatypes::{
    DataType, Date32Type, Field, Float32Type, Float64Type, Int16Type, Int32Type, Int64Type, Schema,
    SchemaRef, Time64MicrosecondType, TimestampMicrosecondType, UInt32Type,
};
use bytes::{Buf, Bytes, BytesMut};
use syncline_sql::moment;
use syncline_types::{Code, Error, Reject, Result, TableSchema};

use crate::numeric::{self, Fault};
use crate::types::{Wire, wire};

/// Days and microseconds from 1970-01-01 to 2000-01-01, where PostgreSQL counts from.
pub(crate) const EPOCH_DAYS: i32 = 10_957;
pub(crate) const EPOCH_MICROS: i64 = 946_684_800_000_000;

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

/// Why a value could not be appended.
enum Trouble {
    /// The value has no equivalent; its column says why.
    Value(Code, &'static str),
    /// The bytes are not those of the type.
    Shape,
}

impl From<Fault> for Trouble {
    fn from(fault: Fault) -> Self {
        match fault {
            Fault::Malformed => Trouble::Shape,
            Fault::NotFinite => Trouble::Value(Code::NoEquivalent, "is no number"),
            Fault::TooLarge => Trouble::Value(Code::OutOfRange, "has too many digits"),
        }
    }
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
        } else {
            self.carry.extend_from_slice(&chunk);
            self.pending = std::mem::take(&mut self.carry).freeze();
        }
    }

    /// Decodes one row of what has arrived; false when there is no whole one left.
    pub(crate) fn row(&mut self) -> Result<bool> {
        if self.ended || (!self.header && !self.read_header()?) {
            return Ok(false);
        }
        let Some(length) = self.find_row()? else {
            if !self.pending.is_empty() {
                self.carry.extend_from_slice(&self.pending);
                self.pending = Bytes::new();
            }
            return Ok(false);
        };
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
        let mut rest = data.clone();
        rest.advance(length);
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
            self.carry.extend_from_slice(data);
            self.pending = Bytes::new();
            return Ok(false);
        };
        if data[..11] != SIGNATURE[..] {
            return Err(Error::new(Code::StoreFailed, "the server's COPY is not in binary format"));
        }
        let extension = u32::from_be_bytes([length[0], length[1], length[2], length[3]]) as usize;
        let whole = 19 + extension;
        if data.len() < whole {
            self.carry.extend_from_slice(data);
            self.pending = Bytes::new();
            return Ok(false);
        }
        self.pending.advance(whole);
        self.header = true;
        Ok(true)
    }

    /// Finds the fields of the first row in `pending` and its length, if it is all there.
    fn find_row(&mut self) -> Result<Option<usize>> {
        let data = &self.pending[..];
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
            let Some(length) = data.get(at..at + 4) else { return Ok(None) };
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
            rejects.push(Reject { row, error });
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

impl Wire {
    /// Whether [`Wire::show`] gives a text that the server takes for the very same value.
    pub(crate) fn shows_exactly(self) -> bool {
        use Wire::{Int2, Int4, Int8, NumericText, Oid, Padded, Text, Uuid};
        matches!(self, Int2 | Int4 | Int8 | Oid | Text | Padded | Uuid | NumericText)
    }

    /// The value as text, for keys and messages.
    pub(crate) fn show(self, bytes: &[u8]) -> String {
        let fixed4 = || bytes.try_into().map(i32::from_be_bytes);
        let fixed8 = || bytes.try_into().map(i64::from_be_bytes);
        let shown = match self {
            Wire::Int2 => bytes.try_into().map(|b| i16::from_be_bytes(b).to_string()).ok(),
            Wire::Int4 => fixed4().map(|n| n.to_string()).ok(),
            Wire::Int8 => fixed8().map(|n| n.to_string()).ok(),
            Wire::Oid => bytes.try_into().map(|b| u32::from_be_bytes(b).to_string()).ok(),
            Wire::Date => fixed4().map(show_date).ok(),
            Wire::Timestamp => fixed8().map(show_timestamp).ok(),
            Wire::Numeric128(_) | Wire::Numeric256(_) | Wire::NumericText => {
                let mut text = String::new();
                numeric::to_text(bytes, &mut text).map(|()| text).ok()
            }
            Wire::Uuid => bytes.try_into().map(show_uuid).ok(),
            Wire::Text => std::str::from_utf8(bytes).map(str::to_owned).ok(),
            Wire::Padded => {
                std::str::from_utf8(bytes).map(|t| t.trim_end_matches(' ').to_owned()).ok()
            }
            _ => None,
        };
        shown.unwrap_or_else(|| {
            let hex: String = bytes.iter().take(64).map(|b| format!("{b:02x}")).collect();
            format!("\\x{hex}")
        })
    }
}

fn show_date(days: i32) -> String {
    match days {
        i32::MAX => "infinity".into(),
        i32::MIN => "-infinity".into(),
        _ => {
            let mut text = String::new();
            moment::push_date(i64::from(days) + i64::from(EPOCH_DAYS), &mut text);
            text
        }
    }
}

fn show_timestamp(micros: i64) -> String {
    match micros {
        i64::MAX => "infinity".into(),
        i64::MIN => "-infinity".into(),
        _ => {
            let mut text = String::new();
            let days = micros.div_euclid(moment::DAY) + i64::from(EPOCH_DAYS);
            moment::push_date(days, &mut text);
            text.push(' ');
            moment::push_time(micros.rem_euclid(moment::DAY), &mut text);
            text
        }
    }
}

fn show_uuid(bytes: [u8; 16]) -> String {
    let mut text = String::with_capacity(36);
    push_uuid(&bytes, &mut text);
    text
}

/// Appends `123e4567-e89b-12d3-a456-426614174000`.
pub(crate) fn push_uuid(bytes: &[u8], out: &mut String) {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    for (at, byte) in bytes.iter().enumerate() {
        if matches!(at, 4 | 6 | 8 | 10) {
            out.push('-');
        }
        out.push(char::from(DIGITS[usize::from(byte >> 4)]));
        out.push(char::from(DIGITS[usize::from(byte & 15)]));
    }
}

/// One column under construction.
struct Values {
    wire: Wire,
    builder: Builder,
    /// Bytes of texts since the last batch, to reserve as much for the next.
    bytes: usize,
}

enum Builder {
    Bool(BooleanBuilder),
    Int2(PrimitiveBuilder<Int16Type>),
    Int4(PrimitiveBuilder<Int32Type>),
    Int8(PrimitiveBuilder<Int64Type>),
    Oid(PrimitiveBuilder<UInt32Type>),
    Float4(PrimitiveBuilder<Float32Type>),
    Float8(PrimitiveBuilder<Float64Type>),
    Decimal128(Decimal128Builder),
    Decimal256(Decimal256Builder),
    Bytes(BinaryBuilder),
    Uuid(FixedSizeBinaryBuilder),
    Date(PrimitiveBuilder<Date32Type>),
    Time(PrimitiveBuilder<Time64MicrosecondType>),
    Timestamp(PrimitiveBuilder<TimestampMicrosecondType>),
    Text(StringBuilder, String),
}

macro_rules! each_builder {
    ($of:expr, $b:ident => $do:expr) => {
        match $of {
            Builder::Bool($b) => $do,
            Builder::Int2($b) => $do,
            Builder::Int4($b) => $do,
            Builder::Int8($b) => $do,
            Builder::Oid($b) => $do,
            Builder::Float4($b) => $do,
            Builder::Float8($b) => $do,
            Builder::Decimal128($b) => $do,
            Builder::Decimal256($b) => $do,
            Builder::Bytes($b) => $do,
            Builder::Uuid($b) => $do,
            Builder::Date($b) => $do,
            Builder::Time($b) => $do,
            Builder::Timestamp($b) => $do,
            Builder::Text($b, _) => $do,
        }
    };
}

impl Builder {
    fn new(wire: Wire, field: &Field, rows: usize, bytes: usize) -> Self {
        let arrow = field.data_type().clone();
        match wire {
            Wire::Bool => Builder::Bool(BooleanBuilder::with_capacity(rows)),
            Wire::Int2 => Builder::Int2(PrimitiveBuilder::with_capacity(rows)),
            Wire::Int4 => Builder::Int4(PrimitiveBuilder::with_capacity(rows)),
            Wire::Int8 => Builder::Int8(PrimitiveBuilder::with_capacity(rows)),
            Wire::Oid => Builder::Oid(PrimitiveBuilder::with_capacity(rows)),
            Wire::Float4 => Builder::Float4(PrimitiveBuilder::with_capacity(rows)),
            Wire::Float8 => Builder::Float8(PrimitiveBuilder::with_capacity(rows)),
            Wire::Money | Wire::Numeric128(_) => {
                Builder::Decimal128(PrimitiveBuilder::with_capacity(rows).with_data_type(arrow))
            }
            Wire::Numeric256(_) => {
                Builder::Decimal256(PrimitiveBuilder::with_capacity(rows).with_data_type(arrow))
            }
            Wire::Bytea => Builder::Bytes(BinaryBuilder::with_capacity(rows, bytes)),
            Wire::Uuid => Builder::Uuid(FixedSizeBinaryBuilder::with_capacity(rows, 16)),
            Wire::Date => Builder::Date(PrimitiveBuilder::with_capacity(rows)),
            Wire::Time => Builder::Time(PrimitiveBuilder::with_capacity(rows)),
            Wire::Timestamp => {
                Builder::Timestamp(PrimitiveBuilder::with_capacity(rows).with_data_type(arrow))
            }
            Wire::Text | Wire::Padded | Wire::Jsonb | Wire::Bits | Wire::NumericText => {
                Builder::Text(StringBuilder::with_capacity(rows, bytes), String::new())
            }
        }
    }

    fn finish(&mut self) -> ArrayRef {
        each_builder!(self, b => Arc::new(b.finish()))
    }
}

/// The value's bytes as an array of the length its type has.
fn fixed<const N: usize>(value: &[u8]) -> Result<[u8; N], Trouble> {
    value.try_into().map_err(|_| Trouble::Shape)
}

fn utf8(value: &[u8]) -> Result<&str, Trouble> {
    std::str::from_utf8(value).map_err(|_| Trouble::Value(Code::BadEncoding, "is not valid UTF-8"))
}

impl Values {
    fn new(wire: Wire, field: &Field, rows: usize, bytes: usize) -> Self {
        Self { wire, builder: Builder::new(wire, field, rows, bytes), bytes: 0 }
    }

    fn append_null(&mut self) {
        each_builder!(&mut self.builder, b => b.append_null());
    }

    fn append(&mut self, value: Option<&[u8]>) -> Result<(), Trouble> {
        let Some(value) = value else {
            self.append_null();
            return Ok(());
        };
        match (&mut self.builder, self.wire) {
            (Builder::Bool(b), _) => b.append_value(fixed::<1>(value)?[0] != 0),
            (Builder::Int2(b), _) => b.append_value(i16::from_be_bytes(fixed(value)?)),
            (Builder::Int4(b), _) => b.append_value(i32::from_be_bytes(fixed(value)?)),
            (Builder::Int8(b), _) => b.append_value(i64::from_be_bytes(fixed(value)?)),
            (Builder::Oid(b), _) => b.append_value(u32::from_be_bytes(fixed(value)?)),
            (Builder::Float4(b), _) => b.append_value(f32::from_be_bytes(fixed(value)?)),
            (Builder::Float8(b), _) => b.append_value(f64::from_be_bytes(fixed(value)?)),
            (Builder::Decimal128(b), Wire::Numeric128(scale)) => {
                b.append_value(numeric::to_i128(value, scale)?);
            }
            (Builder::Decimal128(b), _) => {
                b.append_value(i64::from_be_bytes(fixed(value)?).into());
            }
            (Builder::Decimal256(b), Wire::Numeric256(scale)) => {
                b.append_value(numeric::to_i256(value, scale)?);
            }
            (Builder::Decimal256(_), _) => return Err(Trouble::Shape),
            (Builder::Bytes(b), _) => {
                self.bytes += value.len();
                b.append_value(value);
            }
            (Builder::Uuid(b), _) => {
                b.append_value(fixed::<16>(value)?).map_err(|_| Trouble::Shape)?;
            }
            (Builder::Date(b), _) => b.append_value(date(i32::from_be_bytes(fixed(value)?))?),
            (Builder::Time(b), _) => b.append_value(i64::from_be_bytes(fixed(value)?)),
            (Builder::Timestamp(b), _) => {
                b.append_value(timestamp(i64::from_be_bytes(fixed(value)?))?);
            }
            (Builder::Text(b, scratch), wire) => {
                let text = match wire {
                    Wire::Padded => utf8(value)?.trim_end_matches(' '),
                    Wire::Jsonb => match value.split_first() {
                        Some((1, text)) => utf8(text)?,
                        _ => return Err(Trouble::Shape),
                    },
                    Wire::Bits => {
                        scratch.clear();
                        bits(value, scratch)?;
                        scratch
                    }
                    Wire::NumericText => {
                        scratch.clear();
                        numeric::to_text(value, scratch)?;
                        scratch
                    }
                    _ => utf8(value)?,
                };
                self.bytes += text.len();
                b.append_value(text);
            }
        }
        Ok(())
    }

    fn finish(&mut self, field: &Field, rows: usize) -> ArrayRef {
        let array = self.builder.finish();
        let bytes = std::mem::take(&mut self.bytes);
        self.builder = Builder::new(self.wire, field, rows, bytes);
        array
    }
}

fn date(days: i32) -> Result<i32, Trouble> {
    if matches!(days, i32::MAX | i32::MIN) {
        return Err(Trouble::Value(Code::NoEquivalent, "is no day"));
    }
    days.checked_add(EPOCH_DAYS)
        .ok_or(Trouble::Value(Code::NoEquivalent, "is beyond the days that can be carried"))
}

fn timestamp(micros: i64) -> Result<i64, Trouble> {
    if matches!(micros, i64::MAX | i64::MIN) {
        return Err(Trouble::Value(Code::NoEquivalent, "is no point in time"));
    }
    micros
        .checked_add(EPOCH_MICROS)
        .ok_or(Trouble::Value(Code::NoEquivalent, "is beyond the times that can be carried"))
}

fn bits(value: &[u8], out: &mut String) -> Result<(), Trouble> {
    let (count, bytes) = value.split_at_checked(4).ok_or(Trouble::Shape)?;
    let count = i32::from_be_bytes(fixed(count)?);
    let count = usize::try_from(count).map_err(|_| Trouble::Shape)?;
    if bytes.len() != count.div_ceil(8) {
        return Err(Trouble::Shape);
    }
    out.extend((0..count).map(|at| if bytes[at / 8] >> (7 - at % 8) & 1 == 1 { '1' } else { '0' }));
    Ok(())
}
