//! From texts to typed rows: columns of text as readers collect them, and their conversion into
//! the types wanted, with the rows that do not fit set aside.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow::array::builder::{NullBufferBuilder, StringBuilder};
use arrow::array::{
    Array, ArrayRef, BinaryArray, BooleanArray, RecordBatch, RecordBatchOptions, StringArray,
};
use arrow::buffer::{Buffer, NullBuffer, OffsetBuffer, ScalarBuffer};
use arrow::compute::filter;
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use syncline_convert::Converter;
use syncline_types::{Code, Error, Flaw, Reject, Result, TableSchema, field};

/// Texts of one column, one after the other.
pub(crate) struct TextColumn {
    values: Vec<u8>,
    offsets: Vec<i32>,
    nulls: NullBufferBuilder,
}

impl Default for TextColumn {
    fn default() -> Self {
        Self { values: Vec::new(), offsets: vec![0], nulls: NullBufferBuilder::new(1024) }
    }
}

impl TextColumn {
    /// Adds NULL.
    #[inline]
    pub(crate) fn push_null(&mut self) {
        self.nulls.append_null();
        self.close();
    }

    /// Adds a text.
    #[inline]
    pub(crate) fn push(&mut self, text: &[u8]) {
        self.values.extend_from_slice(text);
        self.nulls.append_non_null();
        self.close();
    }

    /// Adds a text that `write` appends to the buffer given.
    #[inline]
    pub(crate) fn push_with(&mut self, write: impl FnOnce(&mut Vec<u8>)) {
        write(&mut self.values);
        self.nulls.append_non_null();
        self.close();
    }

    #[inline]
    fn close(&mut self) {
        // Batches are a few megabytes: the readers count bytes. Beyond 2 GiB the array is refused.
        self.offsets.push(i32::try_from(self.values.len()).unwrap_or(i32::MAX));
    }

    /// Takes the texts out.
    fn take(&mut self) -> (OffsetBuffer<i32>, Buffer, Option<NullBuffer>) {
        let rows = self.offsets.len();
        // The next batch is likely to be as large; one long value is no reason to keep much.
        let room = self.values.len().min(1 << 20);
        let values = std::mem::replace(&mut self.values, Vec::with_capacity(room));
        let offsets = std::mem::replace(&mut self.offsets, Vec::with_capacity(rows));
        self.offsets.push(0);
        let nulls = std::mem::replace(&mut self.nulls, NullBufferBuilder::new(rows)).build();
        (OffsetBuffer::new(ScalarBuffer::from(offsets)), Buffer::from(values), nulls)
    }
}

/// Makes typed rows of texts.
pub(crate) struct Typing {
    path: PathBuf,
    schema: SchemaRef,
    /// `None`: the texts are the values.
    converters: Vec<Option<Converter>>,
}

impl Typing {
    /// For the columns of `table`. With `json_is_valid` texts of JSON columns are not looked at.
    ///
    /// # Errors
    /// [`Code::ColumnMismatch`] for a type that no text gives.
    pub(crate) fn new(path: &Path, table: &TableSchema, json_is_valid: bool) -> Result<Self> {
        let converter = |column: &syncline_types::Column| {
            let to = &column.field;
            let text = Field::new(to.name(), DataType::Utf8, true);
            let plain = match field::logical(to) {
                None | Some("text-of") => field::length(to).is_none(),
                Some("json") => json_is_valid,
                _ => false,
            };
            if to.data_type() == &DataType::Utf8 && plain && to.is_nullable() {
                return Ok(None);
            }
            Converter::for_files(&text, to).map(Some)
        };
        let converters = table.columns.iter().map(converter).collect::<Result<_>>()?;
        Ok(Self { path: path.to_owned(), schema: table.arrow(), converters })
    }

    /// Takes the texts out of `columns` and makes rows of them; `lines` are the rows' lines.
    pub(crate) fn rows(
        &self,
        columns: &mut [TextColumn],
        lines: &[u64],
    ) -> Result<(RecordBatch, Vec<Reject>)> {
        let mut bad: BTreeMap<usize, Error> = BTreeMap::new();
        let mut no_texts: HashSet<(usize, usize)> = HashSet::new();
        let mut texts: Vec<ArrayRef> = Vec::with_capacity(columns.len());
        let mut typed: Vec<ArrayRef> = Vec::with_capacity(columns.len());
        for (i, column) in columns.iter_mut().enumerate() {
            let (offsets, values, nulls) = column.take();
            let name = self.schema.field(i).name();
            let text = match valid(&offsets, &values, nulls.as_ref()) {
                Some(text) => text,
                None => {
                    let (text, bytes) = self.valid_only(name, offsets, values, nulls, lines)?;
                    for (row, error) in bytes {
                        no_texts.insert((i, row));
                        bad.entry(row).or_insert(error);
                    }
                    text
                }
            };
            let text: ArrayRef = Arc::new(text);
            let array = match &self.converters[i] {
                None => text.clone(),
                Some(converter) => {
                    let converted = converter.convert(&text)?;
                    for value in converted.bad {
                        let error = value
                            .error
                            .at(self.place(lines, value.row))
                            .hint(format!("give the column another type: ?types={name}:text"));
                        bad.entry(value.row).or_insert(error);
                    }
                    converted.array
                }
            };
            texts.push(text);
            typed.push(array);
        }
        let mut left = lines.len();
        let mut rejects = Vec::new();
        if !bad.is_empty() {
            let keep: BooleanArray =
                (0..lines.len()).map(|row| Some(!bad.contains_key(&row))).collect();
            left -= bad.len();
            for column in &mut typed {
                *column = filter(column, &keep).map_err(defect)?;
            }
            for (row, error) in bad {
                let fields = self.schema.fields().iter().enumerate().map(|(i, f)| {
                    let no_text = no_texts.contains(&(i, row));
                    let mark = no_text.then(|| (field::NO_TEXT, "true".to_owned()));
                    field::with(Field::new(f.name(), DataType::Utf8, true), mark)
                });
                let metadata = HashMap::from([(field::TEXTS.to_owned(), "true".to_owned())]);
                let schema = Schema::new_with_metadata(fields.collect::<Vec<_>>(), metadata);
                let raw = batch(Arc::new(schema), texts.clone(), lines.len())?;
                rejects.push(Reject::of(&raw, row, error));
            }
        }
        Ok((batch(self.schema.clone(), typed, left)?, rejects))
    }

    fn place(&self, lines: &[u64], row: usize) -> String {
        format!("{}:{}", self.path.display(), lines.get(row).copied().unwrap_or_default())
    }

    /// Texts that are UTF-8, what shows those that are not, and the rows of these.
    fn valid_only(
        &self,
        name: &str,
        offsets: OffsetBuffer<i32>,
        values: Buffer,
        nulls: Option<NullBuffer>,
        lines: &[u64],
    ) -> Result<(StringArray, Vec<(usize, Error)>)> {
        let mut bad = Vec::new();
        let bytes = BinaryArray::try_new(offsets, values, nulls).map_err(defect)?;
        let texts = (0..bytes.len()).map(|row| {
            if bytes.is_null(row) {
                return None;
            }
            match std::str::from_utf8(bytes.value(row)) {
                Ok(text) => Some(text.to_owned()),
                Err(e) => {
                    let place = self.place(lines, row);
                    let value = printable(bytes.value(row));
                    let message = format!(
                        "{place}: column {name:?}: {value} is invalid from byte {} on",
                        e.valid_up_to() + 1
                    );
                    let error = Error::new(Code::BadEncoding, message)
                        .hint("name the file's encoding, as in ?charset=gbk");
                    bad.push((row, error.flawed(Flaw::InvalidUtf8)));
                    // What the row shows as a dead letter.
                    Some(value)
                }
            }
        });
        Ok((texts.collect(), bad))
    }
}

/// The texts of a column; `None` where one is not UTF-8.
fn valid(
    offsets: &OffsetBuffer<i32>,
    values: &Buffer,
    nulls: Option<&NullBuffer>,
) -> Option<StringArray> {
    if values.is_ascii() {
        return StringArray::try_new(offsets.clone(), values.clone(), nulls.cloned()).ok();
    }
    // Arrow's own look at other texts takes several times as long as this one and a copy.
    let whole = simdutf8::basic::from_utf8(values).ok()?;
    let mut texts = StringBuilder::with_capacity(offsets.len() - 1, whole.len());
    for (row, ends) in offsets.windows(2).enumerate() {
        let [from, to] = [ends[0], ends[1]].map(|end| usize::try_from(end).unwrap_or(usize::MAX));
        // A text that ends within a character is none.
        let text = whole.get(from..to)?;
        match nulls.is_some_and(|nulls| nulls.is_null(row)) {
            true => texts.append_null(),
            false => texts.append_value(text),
        }
    }
    Some(texts.finish())
}

fn batch(schema: SchemaRef, columns: Vec<ArrayRef>, rows: usize) -> Result<RecordBatch> {
    let options = RecordBatchOptions::new().with_row_count(Some(rows));
    RecordBatch::try_new_with_options(schema, columns, &options).map_err(defect)
}

fn defect(error: arrow::error::ArrowError) -> Error {
    Error::bug("columns of a file do not make rows").because(error)
}

/// Bytes that are no text, for people: invalid ones as `\xNN`.
pub(crate) fn printable(bytes: &[u8]) -> String {
    let mut out = String::new();
    for chunk in bytes.utf8_chunks() {
        out.push_str(chunk.valid());
        for byte in chunk.invalid() {
            out.push_str(&format!("\\x{byte:02X}"));
        }
    }
    out
}

/// A record that could not be taken apart, as a dead letter: its text in one column.
pub(crate) fn reject_record(text: &[u8], error: Error) -> Result<Reject> {
    let fields = vec![Field::new("record", DataType::Utf8, false)];
    let column: ArrayRef = Arc::new(StringArray::from(vec![printable(text)]));
    let row = batch(Arc::new(Schema::new(fields)), vec![column], 1)?;
    Ok(Reject { row, index: 0, error: Arc::new(error) })
}
