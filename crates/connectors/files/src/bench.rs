//! The CSV reader and writer, for `bench/instructions` alone: no part of the interface.

use std::path::Path;

use arrow::array::RecordBatch;
use syncline_connector::Budget;
use syncline_types::{Result, TableSchema};

use crate::csv::Dialect;
use crate::csv::reader::CsvReader;
use crate::csv::writer::CsvEncoder;
use crate::location::Stamp;
use crate::options::{Compression, FilesOptions, Format, LineEnd};
use crate::piece::{Piece, PieceReader as _};
use crate::values::RowEncoder as _;

/// Reads a CSV file without a header; its rows.
///
/// # Errors
/// Where the reader has any.
pub fn read_csv(path: &Path, table: &TableSchema) -> Result<usize> {
    let options = FilesOptions::default();
    let piece = Piece {
        path: path.to_owned(),
        format: Format::Csv,
        compression: Compression::None,
        stamp: Stamp::of(path)?,
        columns: table.columns.iter().map(|c| c.name().to_owned()).collect(),
        from: 0,
        until: None,
        line: 1,
        groups: (0, 0),
        script: None,
    };
    let packing = crate::catalog::packing(Compression::None, &options)?;
    let dialect = Dialect::of(&options, Format::Csv)?;
    let mut reader = CsvReader::open(&piece, None, table, packing, dialect)?;
    let mut rows = 0;
    while let Some(read) = reader.next(Budget { rows: 65_536, bytes: 4 << 20 })? {
        rows += read.rows.num_rows();
    }
    Ok(rows)
}

/// A batch as CSV without a header.
///
/// # Errors
/// Where the writer has any.
pub fn write_csv(table: &TableSchema, batch: &RecordBatch, out: &mut Vec<u8>) -> Result<()> {
    let dialect = Dialect::of(&FilesOptions::default(), Format::Csv)?;
    let mut encoder = CsvEncoder::new(table, dialect, LineEnd::Lf, false)?;
    encoder.encode(batch, None, out, &mut Vec::new())
}
