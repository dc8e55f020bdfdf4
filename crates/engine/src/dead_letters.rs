//! Bad rows: how many are let go, and how one is kept.

use arrow::array::RecordBatch;
use arrow::ipc::reader::StreamReader;
use arrow::ipc::writer::StreamWriter;
use arrow::util::display::{ArrayFormatter, FormatOptions};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use syncline_convert::{ValuePolicies, ValuePolicy, text_of};
use syncline_store::{DeadLetter, NewDeadLetter};
use syncline_types::{Code, Error, Reject, Result, field};

/// How many bad rows a run lets go before it fails.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub struct ErrorLimit {
    /// So many rows; none when neither limit is given.
    pub rows: Option<u64>,
    /// This share of the rows read.
    pub ratio: Option<f64>,
}

/// A share is not judged before so many rows were read, unless the run is over.
const RATIO_FROM: u64 = 1_000;

impl ErrorLimit {
    /// Whether the first bad row ends the run.
    pub fn is_strict(&self) -> bool {
        self.rows.unwrap_or(0) == 0 && self.ratio.is_none_or(|r| r <= 0.0)
    }

    /// Whether the job gives a limit, be it none at all.
    pub fn is_given(&self) -> bool {
        self.rows.is_some() || self.ratio.is_some()
    }

    /// Whether `bad` rows of `read` are too many. `over` tells that no more will be read.
    pub fn exceeded(&self, bad: u64, read: u64, over: bool) -> bool {
        if bad == 0 {
            return false;
        }
        if self.is_strict() {
            return true;
        }
        #[allow(clippy::cast_precision_loss)] // a share needs no more digits than that
        let share = bad as f64 / read.max(1) as f64;
        self.rows.is_some_and(|rows| bad > rows)
            || self.ratio.is_some_and(|ratio| (over || read >= RATIO_FROM) && share > ratio)
    }
}

/// Where a row failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stage {
    Read,
    Process,
    Write,
}

impl Stage {
    fn name(self) -> &'static str {
        match self {
            Stage::Read => "read",
            Stage::Process => "process",
            Stage::Write => "write",
        }
    }
}

/// Which table, split and batch a row came from.
pub(crate) struct Origin<'a> {
    pub(crate) table: u32,
    pub(crate) split: u32,
    pub(crate) seq: u64,
    pub(crate) source: String,
    pub(crate) target: String,
    pub(crate) key: &'a [String],
}

/// The row as it is kept.
pub(crate) fn letter(
    reject: &Reject,
    stage: Stage,
    origin: &Origin<'_>,
    values: &ValuePolicies,
) -> Result<NewDeadLetter> {
    let mut reason = reject.error.chain();
    if let Some((flaw, policy)) = reject.error.flaw().and_then(|f| Some((f, values.of(f)?)))
        && policy == ValuePolicy::DeadLetter
    {
        reason.push_str(&format!(" ({flaw}: {policy})"));
    }
    let row = to_json(&reject.row);
    let key: Map<String, Value> =
        origin.key.iter().filter_map(|name| Some((name.clone(), row.get(name)?.clone()))).collect();
    Ok(NewDeadLetter {
        table: origin.table,
        split: origin.split,
        seq: origin.seq,
        source: origin.source.clone(),
        target: origin.target.clone(),
        stage: stage.name().to_owned(),
        key: Value::Object(key).to_string(),
        code: reject.error.code().to_string(),
        reason,
        row_json: Value::Object(row).to_string(),
        row_arrow: to_ipc(&reject.row)?,
    })
}

/// The row of a dead letter, exactly as it was.
pub(crate) fn row_of(letter: &DeadLetter) -> Result<RecordBatch> {
    let damaged =
        || Error::new(Code::StateUnusable, format!("dead letter {} is damaged", letter.id));
    let mut reader = StreamReader::try_new(letter.row_arrow.as_slice(), None)
        .map_err(|e| damaged().because(e))?;
    let row = reader.next().ok_or_else(damaged)?.map_err(|e| damaged().because(e))?;
    if row.num_rows() == 1 { Ok(row) } else { Err(damaged()) }
}

fn to_ipc(row: &RecordBatch) -> Result<Vec<u8>> {
    let failed = |e| Error::bug("a dead letter's row cannot be serialised").because(e);
    let mut bytes = Vec::new();
    let mut writer = StreamWriter::try_new(&mut bytes, &row.schema()).map_err(failed)?;
    writer.write(row).map_err(failed)?;
    writer.finish().map_err(failed)?;
    drop(writer);
    Ok(bytes)
}

/// The row for people: every value as text, NULL as null.
pub(crate) fn to_json(row: &RecordBatch) -> Map<String, Value> {
    let options = FormatOptions::default();
    row.schema()
        .fields()
        .iter()
        .zip(row.columns())
        .map(|(field, column)| {
            let value = match ArrayFormatter::try_new(column.as_ref(), &options) {
                _ if column.is_null(0) => Value::Null,
                // A number that stands for something else would mislead.
                _ if field::get(field, field::SPECIAL).is_some() => {
                    text_of(field, column, 0).map_or(Value::Null, Value::String)
                }
                Ok(formatter) => Value::String(formatter.value(0).to_string()),
                Err(_) => Value::String("?".into()),
            };
            (field.name().clone(), value)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use arrow::array::{ArrayRef, Int64Array, StringArray};
    use std::sync::Arc;

    #[test]
    fn limits_count_rows_and_shares() {
        let none = ErrorLimit::default();
        assert!(none.exceeded(1, 1_000_000, false) && !none.exceeded(0, 0, true));
        let rows = ErrorLimit { rows: Some(2), ratio: None };
        assert!(!rows.exceeded(2, 2, true) && rows.exceeded(3, 1_000_000, false));
        let ratio = ErrorLimit { rows: None, ratio: Some(0.01) };
        assert!(!ratio.exceeded(5, 10, false), "too early to judge a share");
        assert!(ratio.exceeded(5, 10, true));
        assert!(!ratio.exceeded(10, 1_000, true) && ratio.exceeded(11, 1_000, false));
        let both = ErrorLimit { rows: Some(100), ratio: Some(0.5) };
        assert!(both.exceeded(101, 1_000_000, false) && both.exceeded(6, 10, true));
    }

    #[test]
    fn a_kept_row_comes_back_as_it_was() {
        let columns: [(&str, ArrayRef); 2] = [
            ("id", Arc::new(Int64Array::from(vec![1, 2]))),
            ("name", Arc::new(StringArray::from(vec![Some("a"), None]))),
        ];
        let rows = RecordBatch::try_from_iter(columns).unwrap();
        let reject = Reject::of(&rows, 1, Error::new(Code::DuplicateKey, "there already"));
        let origin = Origin {
            table: 0,
            split: 3,
            seq: 9,
            source: "a".into(),
            target: "b".into(),
            key: &["id".to_owned()],
        };
        let kept = letter(&reject, Stage::Write, &origin, &ValuePolicies::default()).unwrap();
        assert_eq!((kept.key.as_str(), kept.code.as_str()), (r#"{"id":"2"}"#, "E0302"));
        assert_eq!(kept.row_json, r#"{"id":"2","name":null}"#);
        let mut reader = StreamReader::try_new(kept.row_arrow.as_slice(), None).unwrap();
        assert_eq!(reader.next().unwrap().unwrap(), rows.slice(1, 1));
    }
}
