//! What was found of a table: how many rows are equal, which are not, and what would mend them.

use std::fs::File;
use std::io::{BufReader, BufWriter, Seek};
use std::path::{Path, PathBuf};

use arrow::array::{Array, ArrayRef, AsArray, BooleanArray, RecordBatch, UInt32Array};
use arrow::compute::{concat_batches, filter_record_batch, take_record_batch};
use arrow::datatypes::{DataType, Field, SchemaRef};
use arrow::error::ArrowError;
use arrow::ipc::reader::StreamReader;
use arrow::ipc::writer::StreamWriter;
use serde::Serialize;
use syncline_types::{Error, Reject, Result};

use super::layout::Layout;
use super::spill::failed;

/// What is wrong with a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Wrong {
    /// The source has it and the target has not.
    Missing,
    /// The target has it and the source has not.
    Extra,
    /// Both have a row of this key, with other values.
    Different,
    /// The source has it, and it does not fit the target's types.
    Unfit,
    /// The target has it, and it cannot be read as what it should be.
    Unreadable,
}

/// A row that is not the same on both sides.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize)]
pub struct Difference {
    /// The target table.
    pub table: String,
    /// What is wrong.
    pub kind: Wrong,
    /// The columns that tell rows apart, with their values; empty without a key.
    pub key: Vec<ColumnValue>,
    /// The columns that differ, with both values; all columns of a row that one side has not.
    pub columns: Vec<ColumnValues>,
    /// Why, where the values alone do not say.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// A column and its value, as text for people.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize)]
pub struct ColumnValue {
    /// The column's name at the target.
    pub column: String,
    /// The value, shortened when it is long.
    pub value: String,
}

/// A column and its values on both sides, as text for people.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize)]
pub struct ColumnValues {
    /// The column's name at the target.
    pub column: String,
    /// The source's value as the target would hold it; `None` where the source has no such row.
    pub source: Option<String>,
    /// The target's value; `None` where the target has no such row.
    pub target: Option<String>,
}

/// How many rows there are of each kind.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Counts {
    /// The same on both sides.
    pub equal: u64,
    /// Only at the source.
    pub missing: u64,
    /// Only at the target.
    pub extra: u64,
    /// With other values at the target.
    pub different: u64,
    /// At the source, without a form that fits the target's types.
    pub unfit: u64,
    /// At the target, and not readable as what they should be.
    pub unreadable: u64,
    /// Not the same on both sides, and otherwise so than a while before: on their way.
    #[serde(skip_serializing_if = "is_zero")]
    pub moving: u64,
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde asks for a reference")]
fn is_zero(count: &u64) -> bool {
    *count == 0
}

impl Counts {
    /// Rows that are not the same on both sides.
    pub fn wrong(&self) -> u64 {
        self.missing + self.extra + self.different + self.unfit + self.unreadable
    }

    fn add(&mut self, other: &Counts) {
        self.equal += other.equal;
        self.missing += other.missing;
        self.extra += other.extra;
        self.different += other.different;
        self.unfit += other.unfit;
        self.unreadable += other.unreadable;
        self.moving += other.moving;
    }
}

/// One row of a batch: as it is compared, and as it was read.
#[derive(Clone, Copy)]
pub(crate) struct At<'a> {
    pub(crate) rows: &'a RecordBatch,
    pub(crate) raw: &'a RecordBatch,
    pub(crate) row: usize,
}

/// What was found of a table, or of a piece of it.
pub(crate) struct Findings {
    pub(crate) counts: Counts,
    pub(crate) shown: Vec<Difference>,
    table: String,
    show: usize,
    /// A row that only the target has is none of our business.
    keep_extra: bool,
    /// What would mend the target, when that is wanted.
    pub(crate) changes: Option<Changes>,
}

/// What mends the target: of each kind the rows in the order in which the differences are described,
/// as long as all of them are.
pub(crate) struct Changes {
    /// Rows that the target has not.
    pub(crate) write: Spool,
    /// Rows that the target has in another form.
    pub(crate) rewrite: Spool,
    /// Those other forms, where writing does not put one row in place of the other.
    pub(crate) replace: Spool,
    /// Rows that only the target has.
    pub(crate) delete: Spool,
}

impl Changes {
    /// Rows in all.
    pub(crate) fn rows(&self) -> u64 {
        self.write.rows + self.rewrite.rows + self.replace.rows + self.delete.rows
    }

    /// What mends those of `found` that stand, when all that differs is among them.
    pub(crate) fn of(self, found: &[Difference], stands: &[bool]) -> Result<Self> {
        let of = |kind| -> Vec<bool> {
            let both = found.iter().zip(stands);
            both.filter(|(d, _)| d.kind == kind).map(|(_, stands)| *stands).collect()
        };
        let different = of(Wrong::Different);
        Ok(Self {
            write: self.write.keep(&of(Wrong::Missing))?,
            rewrite: self.rewrite.keep(&different)?,
            replace: self.replace.keep(&different)?,
            delete: self.delete.keep(&of(Wrong::Extra))?,
        })
    }
}

impl Findings {
    pub(crate) fn new(table: String, show: usize, keep_extra: bool) -> Self {
        let (counts, shown) = (Counts::default(), Vec::new());
        Self { counts, shown, table, show, keep_extra, changes: None }
    }

    /// The same, for describing rows alone.
    pub(crate) fn for_people(&self) -> Self {
        Self::new(self.table.clone(), self.show, self.keep_extra)
    }

    /// Rows that mend the target are kept in `folder`.
    pub(crate) fn with_changes(mut self, folder: &Path, schema: &SchemaRef) -> Self {
        let spool = || Spool::new(folder, SchemaRef::clone(schema));
        self.changes =
            Some(Changes { write: spool(), rewrite: spool(), replace: spool(), delete: spool() });
        self
    }

    /// What was found elsewhere of the same table.
    pub(crate) fn add(&mut self, other: Findings) -> Result<()> {
        self.counts.add(&other.counts);
        let room = self.show.saturating_sub(self.shown.len());
        self.shown.extend(other.shown.into_iter().take(room));
        if let (Some(mine), Some(theirs)) = (&mut self.changes, other.changes) {
            mine.write.append(theirs.write)?;
            mine.rewrite.append(theirs.rewrite)?;
            mine.replace.append(theirs.replace)?;
            mine.delete.append(theirs.delete)?;
        }
        Ok(())
    }

    /// Only the source has the row.
    pub(crate) fn missing(&mut self, layout: &Layout, source: At<'_>) -> Result<()> {
        self.counts.missing += 1;
        if let Some(changes) = &mut self.changes {
            changes.write.push(source)?;
        }
        self.show(layout, Wrong::Missing, Some(source), None);
        Ok(())
    }

    /// Only the target has the row.
    pub(crate) fn extra(&mut self, layout: &Layout, target: At<'_>) -> Result<()> {
        if self.keep_extra {
            return Ok(());
        }
        self.counts.extra += 1;
        if let Some(changes) = &mut self.changes {
            changes.delete.push(target)?;
        }
        self.show(layout, Wrong::Extra, None, Some(target));
        Ok(())
    }

    /// Both have a row of this key.
    pub(crate) fn different(
        &mut self,
        layout: &Layout,
        source: At<'_>,
        target: At<'_>,
        replaces: bool,
    ) -> Result<()> {
        self.counts.different += 1;
        if let Some(changes) = &mut self.changes {
            changes.rewrite.push(source)?;
            if !replaces {
                changes.replace.push(target)?;
            }
        }
        self.show(layout, Wrong::Different, Some(source), Some(target));
        Ok(())
    }

    /// Rows that one side could not give.
    pub(crate) fn rejected(&mut self, kind: Wrong, rejects: &[Reject]) {
        let count = match kind {
            Wrong::Unreadable => &mut self.counts.unreadable,
            _ => &mut self.counts.unfit,
        };
        *count += rejects.len() as u64;
        let room = self.show.saturating_sub(self.shown.len());
        for reject in rejects.iter().take(room) {
            let schema = reject.row.schema();
            let columns = schema.fields().iter().enumerate().map(|(index, field)| {
                let value = Some(text_of(field, reject.row.column(index), 0));
                let (source, target) = match kind {
                    Wrong::Unreadable => (None, value),
                    _ => (value, None),
                };
                ColumnValues { column: field.name().clone(), source, target }
            });
            self.shown.push(Difference {
                table: self.table.clone(),
                kind,
                key: Vec::new(),
                columns: columns.collect(),
                reason: Some(reject.error.chain()),
            });
        }
    }

    fn show(&mut self, layout: &Layout, kind: Wrong, source: Option<At>, target: Option<At>) {
        if self.shown.len() < self.show {
            self.shown.push(describe(&self.table, layout, kind, source, target));
        }
    }
}

/// A difference in words.
fn describe(
    table: &str,
    layout: &Layout,
    kind: Wrong,
    source: Option<At<'_>>,
    target: Option<At<'_>>,
) -> Difference {
    let value = |side: Option<At<'_>>, index: usize| {
        side.map(|at| {
            let column = at.rows.column(index);
            text_of(&layout.fields[index], column, at.row)
        })
    };
    let key = layout.key.iter().map(|index| ColumnValue {
        column: layout.fields[*index].name().clone(),
        value: value(source.or(target), *index).unwrap_or_default(),
    });
    let differs = |index: &usize| match (source, target) {
        (Some(a), Some(b)) => {
            a.rows.column(*index).slice(a.row, 1) != b.rows.column(*index).slice(b.row, 1)
        }
        _ => !layout.key.contains(index),
    };
    let columns = (0..layout.fields.len()).filter(differs).map(|index| ColumnValues {
        column: layout.fields[index].name().clone(),
        source: value(source, index),
        target: value(target, index),
    });
    Difference {
        table: table.to_owned(),
        kind,
        key: key.collect(),
        columns: columns.collect(),
        reason: None,
    }
}

/// Characters of a value that are shown.
const SHOWN: usize = 120;

/// A value for people, in the form it would have in a file.
fn text_of(field: &Field, column: &ArrayRef, row: usize) -> String {
    if column.is_null(row) {
        return "NULL".into();
    }
    let one = column.slice(row, 1);
    let text = Field::new(field.name(), DataType::Utf8, true);
    let converted = syncline_convert::Converter::for_files(field, &text)
        .and_then(|converter| converter.convert(&one))
        .ok()
        .filter(|converted| converted.bad.is_empty());
    let text = match converted.as_ref().and_then(|c| c.array.as_string_opt::<i32>()) {
        Some(text) => text.value(0).to_owned(),
        None => arrow::util::display::array_value_to_string(&one, 0).unwrap_or_default(),
    };
    let quoted = matches!(field.data_type(), DataType::Utf8);
    let end = text.char_indices().nth(SHOWN).map(|(end, _)| end);
    let shown = &text[..end.unwrap_or(text.len())];
    let mut words = if quoted { format!("{shown:?}") } else { shown.to_owned() };
    if end.is_some() {
        words.push_str(&format!("… ({} characters)", text.chars().count()));
    }
    words
}

/// Rows put aside in a file without a name, made when the first of them comes.
pub(crate) struct Spool {
    folder: PathBuf,
    file: Option<StreamWriter<BufWriter<File>>>,
    schema: SchemaRef,
    waiting: Vec<RecordBatch>,
    bytes: usize,
    pub(crate) rows: u64,
}

/// Rows that wait to be written together, at most.
const TOGETHER: usize = 1_024;
const TOGETHER_BYTES: usize = 1 << 20;

impl Spool {
    fn new(folder: &Path, schema: SchemaRef) -> Self {
        let folder = folder.to_owned();
        Self { folder, file: None, schema, waiting: Vec::new(), bytes: 0, rows: 0 }
    }

    pub(crate) fn push(&mut self, at: At<'_>) -> Result<()> {
        // In its own memory: a slice would hold the whole batch.
        let index = UInt32Array::from(vec![u32::try_from(at.row).unwrap_or(u32::MAX)]);
        let row = take_record_batch(at.raw, &index).map_err(aside)?;
        self.bytes += row.get_array_memory_size();
        self.waiting.push(row);
        self.rows += 1;
        if self.waiting.len() >= TOGETHER || self.bytes >= TOGETHER_BYTES {
            self.write_waiting()?;
        }
        Ok(())
    }

    fn write_waiting(&mut self) -> Result<()> {
        if self.waiting.is_empty() {
            return Ok(());
        }
        let rows = concat_batches(&self.schema, &self.waiting).map_err(aside)?;
        self.waiting.clear();
        self.bytes = 0;
        self.write(&rows)
    }

    fn write(&mut self, rows: &RecordBatch) -> Result<()> {
        if self.file.is_none() {
            let file = BufWriter::new(tempfile::tempfile_in(&self.folder).map_err(failed)?);
            self.file = Some(StreamWriter::try_new(file, &self.schema).map_err(aside)?);
        }
        self.file.as_mut().map_or(Ok(()), |file| file.write(rows)).map_err(aside)
    }

    fn append(&mut self, other: Spool) -> Result<()> {
        self.write_waiting()?;
        self.rows += other.rows;
        for rows in other.read()? {
            self.write(&rows?)?;
        }
        Ok(())
    }

    /// Those rows alone, of all that were put aside in the order of `stands`.
    fn keep(self, stands: &[bool]) -> Result<Self> {
        let mut kept = Self::new(&self.folder, SchemaRef::clone(&self.schema));
        if self.rows > 0 && self.rows != stands.len() as u64 {
            return Err(Error::bug("differences and the rows that mend them do not go together"));
        }
        let mut left = stands;
        for rows in self.read()? {
            let rows = rows?;
            let (these, others) = left.split_at(rows.num_rows().min(left.len()));
            left = others;
            let chosen = BooleanArray::from(these.to_vec());
            let rows = filter_record_batch(&rows, &chosen).map_err(aside)?;
            if rows.num_rows() > 0 {
                kept.rows += rows.num_rows() as u64;
                kept.write(&rows)?;
            }
        }
        Ok(kept)
    }

    /// The rows, in batches, in the order they were put aside.
    pub(crate) fn read(mut self) -> Result<impl Iterator<Item = Result<RecordBatch>>> {
        self.write_waiting()?;
        let rows = match self.file {
            None => None,
            Some(mut file) => {
                file.finish().map_err(aside)?;
                let file = file.into_inner().map_err(aside)?;
                let mut file = file.into_inner().map_err(|e| failed(e.into_error()))?;
                file.rewind().map_err(failed)?;
                Some(StreamReader::try_new(BufReader::new(file), None).map_err(aside)?)
            }
        };
        Ok(rows.into_iter().flatten().map(|rows| rows.map_err(aside)))
    }
}

fn aside(error: ArrowError) -> Error {
    match error {
        ArrowError::IoError(_, error) => failed(error),
        error => Error::bug("rows cannot be put aside").because(error),
    }
}
