//! Steps that rewrite one column's values as text, one by one: what `dx_*` and the date verbs share.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, BooleanArray, RecordBatch, RecordBatchOptions, StringBuilder,
};
use arrow::compute::filter_record_batch;
use arrow::datatypes::{DataType, Field, SchemaRef};
use syncline_connector::{BoundProcessor, Step, StepOutput};
use syncline_convert::Converter;
use syncline_types::{Column, Error, Reject, Result, TableSchema};

use crate::columns::mend_keys;
use crate::config::Place;

/// What becomes of a value (`None` is NULL). An error makes its row a bad row.
pub(crate) type Rewrite = Box<dyn Fn(Option<&str>) -> Result<Option<String>> + Send + Sync>;

/// A step that rewrites the texts of one column. The column becomes a text (or `to`, into which
/// the rewritten text is read), nullable, without length and default, and is part of no key any
/// more.
pub(crate) fn bind(
    input: &TableSchema,
    index: usize,
    to: Option<DataType>,
    rewrite: Rewrite,
    place: &Place,
) -> Result<BoundProcessor> {
    let old = &input.columns[index];
    let text = Field::new(old.name(), DataType::Utf8, true);
    let reader = Converter::new(&old.field, &text).map_err(|e| e.at(place))?;
    let field = Field::new(old.name(), to.unwrap_or(DataType::Utf8), true);
    let writer = Converter::new(&text, &field).map_err(|e| e.at(place))?;
    let mut output = input.clone();
    output.columns[index] = Column { comment: old.comment.clone(), ..Column::new(field) };
    mend_keys(&mut output, &BTreeSet::from([old.name().to_owned()]));
    let schema = output.arrow();
    let step = Box::new(TextStep { index, reader, rewrite, writer, schema });
    Ok(BoundProcessor { output, step })
}

struct TextStep {
    index: usize,
    reader: Converter,
    rewrite: Rewrite,
    writer: Converter,
    schema: SchemaRef,
}

impl Step for TextStep {
    fn apply(&self, rows: RecordBatch) -> Result<StepOutput> {
        let mut bad = BTreeMap::new();
        let read = self.reader.convert(rows.column(self.index))?;
        bad.extend(read.bad.into_iter().map(|value| (value.row, value.error)));
        let texts = read.array.as_string::<i32>();
        let mut out = StringBuilder::with_capacity(texts.len(), texts.value_data().len());
        for row in 0..texts.len() {
            let value = (!texts.is_null(row)).then(|| texts.value(row));
            let rewritten = if bad.contains_key(&row) { Ok(None) } else { (self.rewrite)(value) };
            let rewritten = rewritten.unwrap_or_else(|error| {
                let name = self.schema.field(self.index).name();
                bad.insert(row, error.at(format!("column {name:?}")));
                None
            });
            out.append_option(rewritten);
        }
        let rewritten: ArrayRef = Arc::new(out.finish());
        let written = self.writer.convert(&rewritten)?;
        bad.extend(written.bad.into_iter().map(|value| (value.row, value.error)));
        let mut columns = rows.columns().to_vec();
        columns[self.index] = written.array;
        let options = RecordBatchOptions::new().with_row_count(Some(rows.num_rows()));
        let made = RecordBatch::try_new_with_options(self.schema.clone(), columns, &options)
            .map_err(|e| Error::bug("rewritten columns do not make rows").because(e))?;
        if bad.is_empty() {
            return Ok(StepOutput { rows: made, rejects: Vec::new(), kept: None });
        }
        let keep: BooleanArray =
            (0..rows.num_rows()).map(|row| Some(!bad.contains_key(&row))).collect();
        let good = filter_record_batch(&made, &keep)
            .map_err(|e| Error::bug("taking bad rows out").because(e))?;
        let rejects = bad.into_iter().map(|(row, error)| Reject::of(&rows, row, error)).collect();
        Ok(StepOutput { rows: good, rejects, kept: None })
    }
}
