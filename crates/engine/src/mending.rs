//! A second look at rows that a source set aside: where it had their values as texts, the job's
//! policies decide what becomes of those that are bad. Sources know no policies.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, RecordBatch, UInt32Array, new_null_array};
use arrow::compute::{concat_batches, take_record_batch};
use arrow::datatypes::{DataType, Field, Schema};
use syncline_convert::{Change, RowsConverter, ValuePolicies, ValuePolicy};
use syncline_types::{Error, Flaw, Reject, Result, TableSchema, field};

/// What is done with the rejects of a table's readers.
pub(crate) struct Mending {
    from_texts: RowsConverter,
    texts: Arc<Schema>,
    policies: ValuePolicies,
}

/// Rows as they go on.
pub(crate) struct Mended {
    /// With those that were mended, in their places.
    pub(crate) rows: RecordBatch,
    pub(crate) rejects: Vec<Reject>,
    pub(crate) changes: Vec<Change>,
}

impl Mending {
    /// For rows of `read`. `None` where no policy puts another value in place of a bad one, or a
    /// type has no text.
    pub(crate) fn new(read: &TableSchema, policies: &ValuePolicies) -> Option<Self> {
        policies.changing().next()?;
        let texts = read.columns.iter().map(|c| Field::new(c.name(), DataType::Utf8, true));
        let texts = TableSchema::new(read.name.clone(), texts);
        let from_texts = RowsConverter::for_files(&texts, read).ok()?.with_policies(policies);
        Some(Self { from_texts, texts: texts.arrow(), policies: policies.clone() })
    }

    /// Mends what the policies mend.
    pub(crate) fn mend(&self, rows: RecordBatch, rejects: Vec<Reject>) -> Result<Mended> {
        let mut mended = Mended { rows, rejects: Vec::new(), changes: Vec::new() };
        let mut more: Vec<(u32, RecordBatch)> = Vec::new();
        // Places of rows among those that the reader had as texts.
        let mut gone: Vec<u32> = Vec::new();
        for reject in rejects {
            let Some((row, mut changes)) = self.as_texts(&reject) else {
                if is_texts(&reject) {
                    gone.push(reject.index);
                }
                mended.rejects.push(reject);
                continue;
            };
            let done = self.from_texts.apply(row)?;
            if done.rows.num_rows() == 0 {
                gone.push(reject.index);
                mended.rejects.push(reject);
                continue;
            }
            changes.extend(done.changes);
            mended.changes.append(&mut changes);
            more.push((reject.index, done.rows));
        }
        if !more.is_empty() {
            mended.rows = together(&mended.rows, more, &gone)?;
        }
        Ok(mended)
    }

    /// The texts of a row that a policy may mend, without those that are no texts.
    fn as_texts(&self, reject: &Reject) -> Option<(RecordBatch, Vec<Change>)> {
        let changing = |flaw| self.policies.of(flaw).filter(|p| p.changes());
        let names = |schema: &Schema| -> Vec<String> {
            schema.fields().iter().map(|f| f.name().clone()).collect()
        };
        changing(reject.error.flaw()?)?;
        if !is_texts(reject) || names(&reject.row.schema()) != names(&self.texts) {
            return None;
        }
        let mut changes = Vec::new();
        let mut columns: Vec<ArrayRef> = Vec::with_capacity(reject.row.num_columns());
        for (of, column) in reject.row.schema().fields().iter().zip(reject.row.columns()) {
            if field::get(of, field::NO_TEXT).is_none() {
                columns.push(Arc::clone(column));
                continue;
            }
            let policy = changing(Flaw::InvalidUtf8)?;
            changes.push(Change {
                column: of.name().clone(),
                flaw: Flaw::InvalidUtf8,
                policy: ValuePolicy::Null,
                values: 1,
            });
            debug_assert_eq!(policy, ValuePolicy::Null, "there is no nearest text");
            columns.push(new_null_array(&DataType::Utf8, column.len()));
        }
        Some((RecordBatch::try_new(Arc::clone(&self.texts), columns).ok()?, changes))
    }
}

/// Whether a reader had the row as texts.
fn is_texts(reject: &Reject) -> bool {
    reject.row.schema().metadata().contains_key(field::TEXTS)
}

/// The rows with `more` among them; `gone` are the places of those that stay out.
fn together(
    rows: &RecordBatch,
    mut more: Vec<(u32, RecordBatch)>,
    gone: &[u32],
) -> Result<RecordBatch> {
    let wrong = |e| Error::bug("rows that were mended among the others").because(e);
    more.sort_by_key(|(place, _)| *place);
    let good = u32::try_from(rows.num_rows()).unwrap_or(u32::MAX);
    let all =
        concat_batches(&rows.schema(), std::iter::once(rows).chain(more.iter().map(|m| &m.1)))
            .map_err(wrong)?;
    let mut order = Vec::with_capacity(all.num_rows());
    let (mut next, mut mended) = (0, 0);
    let mut place = 0;
    while next < good || mended < more.len() {
        if more.get(mended).is_some_and(|(at, _)| *at == place || next == good) {
            order.push(good + u32::try_from(mended).unwrap_or(u32::MAX));
            mended += 1;
        } else if !gone.contains(&place) {
            order.push(next);
            next += 1;
        }
        place += 1;
    }
    take_record_batch(&all, &UInt32Array::from(order)).map_err(wrong)
}

#[cfg(test)]
mod tests {
    use super::*;
    use arrow::array::{AsArray, Int64Array, StringArray};
    use arrow::datatypes::Int64Type;
    use std::collections::HashMap;
    use syncline_types::{Code, TableName};

    fn reject(index: u32, text: &str, flaw: Flaw) -> Reject {
        let metadata = HashMap::from([(field::TEXTS.to_owned(), "true".to_owned())]);
        let fields = vec![Field::new("n", DataType::Utf8, true)];
        let schema = Arc::new(Schema::new_with_metadata(fields, metadata));
        let row =
            RecordBatch::try_new(schema, vec![Arc::new(StringArray::from(vec![text]))]).unwrap();
        let error = Error::new(Code::OutOfRange, "no").flawed(flaw);
        Reject { row, index, error: Arc::new(error) }
    }

    #[test]
    fn rows_are_mended_in_their_places() {
        let table =
            TableSchema::new(TableName::bare("t"), [Field::new("n", DataType::Int64, true)]);
        let policies = ValuePolicies::parse("out_of_range=clamp").unwrap();
        let mending = Mending::new(&table, &policies).unwrap();
        let rows = RecordBatch::try_new(
            table.arrow(),
            vec![Arc::new(Int64Array::from(vec![0, 2, 5])) as ArrayRef],
        )
        .unwrap();
        // 0 [too large] 2 [x] [5.5] 5 [too small]
        let rejects = vec![
            reject(3, "x", Flaw::Other),
            reject(1, "99999999999999999999", Flaw::OutOfRange),
            reject(4, "5.5", Flaw::Other),
            reject(6, "-99999999999999999999", Flaw::OutOfRange),
        ];
        let mended = mending.mend(rows, rejects).unwrap();
        let values: Vec<_> = mended.rows.column(0).as_primitive::<Int64Type>().iter().collect();
        assert_eq!(values, [Some(0), Some(i64::MAX), Some(2), Some(5), Some(i64::MIN)]);
        assert_eq!(mended.rejects.iter().map(|r| r.index).collect::<Vec<_>>(), [3, 4]);
        assert_eq!(mended.changes.iter().map(|c| c.values).sum::<u64>(), 2);
        let none = ValuePolicies::parse("nan=dead-letter").unwrap();
        assert!(Mending::new(&table, &none).is_none());
    }
}
