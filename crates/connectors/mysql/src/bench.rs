//! The decoder and the encoder, for `bench/instructions` alone: no part of the interface.

use arrow::array::RecordBatch;
use arrow::datatypes::Field;
use syncline_types::{Error, Result, TableSchema};

use crate::decode::Decoder;
use crate::encode::{Form, Rows, targets};
use crate::wire::WireColumn;

/// Rows of the binary protocol into a batch. `kinds` are the columns' types on the wire.
///
/// # Errors
/// Where the decoder has any.
pub fn decode(fields: &[Field], kinds: &[u8], packets: &[Vec<u8>]) -> Result<RecordBatch> {
    let column = |(field, kind): (&Field, &u8)| WireColumn {
        name: field.name().clone(),
        charset: 45,
        length: 0,
        kind: *kind,
        flags: 0,
        decimals: 0,
    };
    let columns: Vec<WireColumn> = fields.iter().zip(kinds).map(column).collect();
    let mut decoder = Decoder::new(fields.to_vec(), fields.len(), &[], &columns)?;
    for packet in packets {
        decoder.row(packet).map_err(Error::from)?;
    }
    Ok(decoder.finish(&[0], "bench")?.rows)
}

/// A batch as lines of LOAD DATA; their bytes.
///
/// # Errors
/// Where the encoder has any.
pub fn load(table: &TableSchema, batch: &RecordBatch, out: &mut Vec<u8>) -> Result<()> {
    let targets = targets(table);
    let rows = Rows::new(table, &targets, batch)?;
    for row in 0..rows.count {
        rows.write(row, Form::Load, out)?;
    }
    Ok(())
}
