//! Writing delimited text so that it is read back exactly: NULL and the empty text apart, marks in
//! texts quoted or escaped, and an error where the marks chosen leave no way.

use arrow::array::RecordBatch;
use memchr::memchr2;
use syncline_types::{Result, TableSchema};

use super::Dialect;
use crate::options::LineEnd;
use crate::values::{RowEncoder, Sort, ValueWriter, Values};

/// Writes rows.
pub(crate) struct CsvEncoder {
    dialect: Dialect,
    line_end: &'static [u8],
    header: bool,
    columns: Vec<ValueWriter>,
    /// Bytes that a value cannot have as it is.
    special: [bool; 256],
    /// Those among them that the dialect chooses.
    marks: [u8; 3],
    /// Columns whose texts never need a look.
    plain: Vec<bool>,
}

impl CsvEncoder {
    /// An encoder for a table.
    ///
    /// # Errors
    /// [`syncline_types::Code::ColumnMismatch`] for a type that has no text.
    pub(crate) fn new(
        table: &TableSchema,
        dialect: Dialect,
        line_end: LineEnd,
        header: bool,
    ) -> Result<Self> {
        let columns =
            table.columns.iter().map(|c| ValueWriter::new(&c.field)).collect::<Result<Vec<_>>>()?;
        let mut special = [false; 256];
        for mark in
            [Some(dialect.delimiter), dialect.quote, dialect.escape, Some(b'\n'), Some(b'\r')]
        {
            special[usize::from(mark.unwrap_or(b'\n'))] = true;
        }
        // The alphabet of numbers, dates and the like; words such as NaN have letters.
        let usual = |b: u8| b.is_ascii_alphanumeric() || b"+-.: ".contains(&b);
        let marks = special.iter().zip(0..=255u8).any(|(s, b)| *s && usual(b));
        let null = !dialect.null.is_empty() && dialect.null.iter().all(|b| usual(*b));
        let plain = columns
            .iter()
            .map(|c| matches!(c.sort, Sort::Scalar | Sort::Float | Sort::Word) && !marks && !null)
            .collect();
        let line_end: &[u8] = match line_end {
            LineEnd::Lf => b"\n",
            LineEnd::Crlf => b"\r\n",
        };
        let or_break = |mark: Option<u8>| mark.unwrap_or(b'\n');
        let marks = [dialect.delimiter, or_break(dialect.quote), or_break(dialect.escape)];
        Ok(Self { dialect, line_end, header, columns, special, marks, plain })
    }

    /// Whether a byte of the text cannot stand there as it is. Every byte is looked at, which takes
    /// many at a time, where a way out would take one after the other.
    #[inline]
    fn has_mark(&self, text: &[u8]) -> bool {
        let [a, b, c] = self.marks;
        let is_mark = |x: u8| (x == a) | (x == b) | (x == c) | (x == b'\n') | (x == b'\r');
        text.iter().fold(false, |found, x| found | is_mark(*x))
    }

    /// Appends a text with what it needs to be read back; why not, where that cannot be.
    #[inline]
    fn text(&self, text: &[u8], out: &mut Vec<u8>) -> std::result::Result<(), &'static str> {
        let null = text == self.dialect.null.as_slice();
        let special = self.has_mark(text);
        if !null && !special && !text.starts_with(b"\xEF\xBB\xBF") {
            out.extend_from_slice(text);
            return Ok(());
        }
        match (self.dialect.quote, self.dialect.escape) {
            (Some(quote), escape) => {
                out.push(quote);
                let mut rest = text;
                while let Some(at) = memchr2(quote, escape.unwrap_or(quote), rest) {
                    out.extend_from_slice(&rest[..at]);
                    out.push(rest[at]);
                    out.push(rest[at]);
                    rest = &rest[at + 1..];
                }
                out.extend_from_slice(rest);
                out.push(quote);
                Ok(())
            }
            (None, Some(escape)) => {
                if text.is_empty() {
                    return Err("an empty text cannot be told from NULL (see null=)");
                }
                for (i, byte) in text.iter().enumerate() {
                    if self.special[usize::from(*byte)] || (null && i == 0) {
                        out.push(escape);
                    }
                    out.push(*byte);
                }
                Ok(())
            }
            (None, None) if null => Err("the text cannot be told from NULL without quotes"),
            (None, None) if special => Err("the text has the delimiter or a line break in it, \
                                            and there is neither a quote nor an escape"),
            (None, None) => {
                out.extend_from_slice(text);
                Ok(())
            }
        }
    }
}

impl RowEncoder for CsvEncoder {
    fn head(&self, _first: bool) -> Result<Vec<u8>> {
        let mut out = Vec::new();
        if self.header {
            for (i, column) in self.columns.iter().enumerate() {
                if i > 0 {
                    out.push(self.dialect.delimiter);
                }
                self.text(column.name().as_bytes(), &mut out)
                    .map_err(|why| column.cannot_hold(column.name(), why))?;
            }
            out.extend_from_slice(self.line_end);
        }
        Ok(out)
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
        let mut scratch = Vec::new();
        for row in 0..rows.num_rows() {
            for (i, column) in values.iter().enumerate() {
                if i > 0 {
                    out.push(self.dialect.delimiter);
                }
                if column.is_null(row) {
                    out.extend_from_slice(&self.dialect.null);
                } else if self.plain[i] {
                    column.write(row, out);
                } else {
                    let writer = &self.columns[i];
                    let (text, done) = match column.text(row) {
                        Some(text) => (text, self.text(text.as_bytes(), out)),
                        None => {
                            scratch.clear();
                            column.write(row, &mut scratch);
                            ("the value", self.text(&scratch, out))
                        }
                    };
                    done.map_err(|why| writer.cannot_hold(text, why))?;
                }
            }
            out.extend_from_slice(self.line_end);
            ends.push((out.len(), row + 1));
        }
        Ok(())
    }
}
