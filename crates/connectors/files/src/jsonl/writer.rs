//! Writing JSON Lines: numbers as numbers with all their digits, NULL as null, everything else as
//! strings, JSON columns as they are.

use arrow::array::RecordBatch;
use serde::de::IgnoredAny;
use syncline_types::{Code, Error, Result, TableSchema};

use crate::values::{RowEncoder, Sort, ValueWriter, Values};

/// Writes rows.
pub(crate) struct JsonlEncoder {
    columns: Vec<ValueWriter>,
    /// `{"a":` for the first column, `,"b":` for the others.
    keys: Vec<Vec<u8>>,
}

impl JsonlEncoder {
    /// An encoder for a table.
    ///
    /// # Errors
    /// [`Code::ColumnMismatch`] for a type that has no text.
    pub(crate) fn new(table: &TableSchema) -> Result<Self> {
        let mut keys = Vec::new();
        let mut columns = Vec::new();
        for (i, column) in table.columns.iter().enumerate() {
            let mut key = vec![if i == 0 { b'{' } else { b',' }];
            string(column.name(), &mut key)?;
            key.push(b':');
            keys.push(key);
            columns.push(ValueWriter::new(&column.field)?);
        }
        Ok(Self { columns, keys })
    }
}

/// Appends a text as a JSON string.
fn string(text: &str, out: &mut Vec<u8>) -> Result<()> {
    serde_json::to_writer(out, text).map_err(|e| Error::bug("a text is no JSON string").because(e))
}

impl RowEncoder for JsonlEncoder {
    fn head(&self, _first: bool) -> Result<Vec<u8>> {
        Ok(Vec::new())
    }

    fn encode(
        &mut self,
        rows: &RecordBatch,
        _pages: Option<(usize, usize)>,
        out: &mut Vec<u8>,
        ends: &mut Vec<(usize, usize)>,
    ) -> Result<()> {
        let values = self
            .columns
            .iter()
            .zip(rows.columns())
            .map(|(writer, array)| writer.values(array))
            .collect::<Result<Vec<Values>>>()?;
        for row in 0..rows.num_rows() {
            for (i, column) in values.iter().enumerate() {
                out.extend_from_slice(&self.keys[i]);
                if column.is_null(row) {
                    out.extend_from_slice(b"null");
                } else {
                    value(&self.columns[i], column, row, out)?;
                }
            }
            out.extend_from_slice(b"}\n");
            ends.push((out.len(), row + 1));
        }
        Ok(())
    }
}

#[inline]
fn value(writer: &ValueWriter, column: &Values, row: usize, out: &mut Vec<u8>) -> Result<()> {
    match (writer.sort, column.text(row)) {
        (Sort::Float, _) if !column.is_finite(row) => {
            let mut text = Vec::new();
            column.write(row, &mut text);
            let text = String::from_utf8_lossy(&text).into_owned();
            return Err(writer.cannot_hold(&text, "JSON has no such number"));
        }
        (Sort::Decimal, Some(text)) => {
            let number = text.bytes().all(|b| b.is_ascii_digit() || b"+-.eE".contains(&b))
                && serde_json::from_str::<IgnoredAny>(text).is_ok();
            if !number {
                return Err(writer.cannot_hold(text, "JSON has no such number"));
            }
            out.extend_from_slice(text.as_bytes());
        }
        (Sort::Json, Some(text)) => json(writer, text, out)?,
        (Sort::Text, Some(text)) => string(text, out)?,
        (Sort::Word, _) => {
            out.push(b'"');
            column.write(row, out);
            out.push(b'"');
        }
        (Sort::Hex, _) => {
            // The one character in it that JSON escapes is the backslash at its front.
            out.extend_from_slice(b"\"\\");
            column.write(row, out);
            out.push(b'"');
        }
        _ => column.write(row, out),
    }
    Ok(())
}

/// Appends JSON text as the value it is. Line breaks between its tokens become spaces: within a
/// string JSON has none.
fn json(writer: &ValueWriter, text: &str, out: &mut Vec<u8>) -> Result<()> {
    if let Err(e) = serde_json::from_str::<IgnoredAny>(text) {
        let shown: String = text.chars().take(60).collect();
        let message = format!("column {:?}: {shown:?} is not JSON", writer.name());
        return Err(Error::new(Code::Conversion, message).because(e));
    }
    if text.trim() == "null" {
        let error = writer.cannot_hold(text, "the JSON value null cannot be told from NULL");
        return Err(error.hint("give the column the type text to keep it: ::text"));
    }
    out.extend(text.bytes().map(|b| if matches!(b, b'\n' | b'\r') { b' ' } else { b }));
    Ok(())
}
