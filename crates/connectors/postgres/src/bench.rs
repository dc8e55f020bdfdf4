//! The decoder and the encoder, for `bench/instructions` alone: no part of the interface.

use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::datatypes::DataType;
use bytes::Bytes;
use syncline_types::{Result, TableSchema};

use crate::decode::{Columns, Decoder, Packed, Spare};
use crate::encode::{Encoder, cells};
use crate::frames::Frames;
use crate::types::{NativeType, oid};

/// A batch as binary COPY data, in pieces of `most` rows, with head and end.
///
/// # Errors
/// Where the encoder has any.
pub fn encode(table: &TableSchema, batch: &RecordBatch, most: usize) -> Result<Vec<Bytes>> {
    let native = |data_type: &DataType| NativeType {
        oid: match data_type {
            DataType::Int32 => oid::INT4,
            DataType::Int64 => oid::INT8,
            DataType::Float64 => oid::FLOAT8,
            DataType::Decimal128(..) => oid::NUMERIC,
            DataType::Date32 => oid::DATE,
            DataType::Timestamp(..) => oid::TIMESTAMP,
            _ => oid::TEXT,
        },
        modifier: -1,
        name: String::new(),
        format: String::new(),
        members: None,
        collation: None,
        domain: None,
    };
    let natives: Vec<NativeType> =
        table.columns.iter().map(|column| native(column.field.data_type())).collect();
    let mut encoder = Encoder::new(table, &natives, false)?;
    let cells = cells(batch, table)?;
    let mut pieces = Vec::new();
    encoder.begin();
    let (mut row, rows) = (0, batch.num_rows());
    while row < rows {
        row = encoder.fill(&cells, row, rows.min(row + most))?;
        pieces.extend(encoder.take());
    }
    encoder.end();
    pieces.extend(encoder.take());
    Ok(pieces)
}

/// Binary COPY data into a batch.
///
/// # Errors
/// Where the decoder has any.
pub fn decode(table: &Arc<TableSchema>, pieces: &[Bytes]) -> Result<RecordBatch> {
    let mut columns = Columns::new(Arc::clone(table))?;
    let mut frames = Frames::new(table.name.clone(), table.columns.len(), Vec::new());
    for piece in pieces {
        frames.feed(piece.clone());
        while frames.row(|row| columns.take(row))? {}
    }
    Ok(columns.finish()?.0)
}

/// Binary COPY data into packed rows.
///
/// # Errors
/// Where the frames have any.
pub fn pack(table: &TableSchema, pieces: &[Bytes]) -> Result<RecordBatch> {
    let fields = table.columns.len();
    let mut packed = Decoder::Packed(Packed::new(fields, Spare::default()));
    let mut frames = Frames::new(table.name.clone(), fields, Vec::new());
    for piece in pieces {
        frames.feed(piece.clone());
        while frames.row(|row| packed.take(row))? {}
    }
    Ok(packed.finish()?.0)
}
