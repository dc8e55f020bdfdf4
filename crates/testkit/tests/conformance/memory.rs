//! A store in memory that keeps every promise of the contract, and, when told to, breaks one.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard};

use arrow::array::{Array, AsArray, RecordBatch, StringArray, UInt32Array, new_null_array};
use arrow::compute::{SortColumn, concat_batches, lexsort_to_indices, take_record_batch};
use arrow::datatypes::{DataType, Int64Type};
use syncline_testkit::conformance::{Place, Rows, rows_of};
use syncline_types::{Position, TableName, TableSchema};

/// A promise to break.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Flaw {
    None,
    // Of a source.
    LosesTheLastRow,
    SplitsOverlap,
    CutsByRange,
    SplitsBackwards,
    IgnoresRowBudget,
    IgnoresByteBudget,
    RepeatsARowOnResume,
    SkipsARowOnResume,
    CountsFromZeroOnResume,
    CountsBatches,
    TwoSplitsForAnEmptyTable,
    NoSplitForAnEmptyTable,
    CutsTinyTables,
    ReadsAllColumns,
    IgnoresTheFilter,
    CannotBeginAgain,
    NullBecomesEmpty,
    SeesLaterRows,
    OffersNoName,
    DiscoversUnordered,
    ForgetsTheKey,
    DoublesAtOtherKeys,
    EmptiesWideTables,
    // Of a sink.
    AdaptsTwice,
    AdaptMakesTheTable,
    MakesNoEmptyTable,
    ForgetsNotNull,
    PrepareEmpties,
    WritesAtOnce,
    HoldsNoPosition,
    HoldsPositionOnly,
    OnePositionForAllSplits,
    OnePositionForAllRuns,
    IgnoresEpochs,
    KeepsHalfABatch,
    DiesOfABadRow,
    BadRowIsPermanent,
    UpsertKeepsOld,
    UpsertKeepsTheFirstOfABatch,
    AppendReplaces,
    ReplacesEarly,
    LeavesCheckpoints,
    LeavesSideTables,
    CommitsOnlyOnce,
    CutsLongTexts,
    FillsOtherColumns,
    LosesTheEndOfLargeBatches,
}

#[derive(Default)]
pub(crate) struct State {
    pub(crate) tables: BTreeMap<String, Table>,
    pub(crate) checkpoints: BTreeMap<(String, String, u32), Checkpoint>,
}

#[derive(Clone)]
pub(crate) struct Table {
    pub(crate) schema: TableSchema,
    /// Each of one row.
    pub(crate) rows: Vec<RecordBatch>,
}

#[derive(Clone, Default)]
pub(crate) struct Checkpoint {
    pub(crate) epoch: u64,
    pub(crate) position: Option<Position>,
    pub(crate) done: bool,
}

impl Table {
    pub(crate) fn empty(schema: &TableSchema) -> Self {
        Self { schema: schema.clone(), rows: Vec::new() }
    }

    /// All rows in the order of the key, or as they came.
    pub(crate) fn in_order(&self) -> RecordBatch {
        let all = concat_batches(&self.schema.arrow(), &self.rows).unwrap();
        if self.schema.primary_key.is_empty() || all.num_rows() == 0 {
            return all;
        }
        let key = self.schema.primary_key.iter().map(|name| SortColumn {
            values: all.column(self.schema.index_of(name).unwrap()).clone(),
            options: None,
        });
        let order = lexsort_to_indices(&key.collect::<Vec<_>>(), None).unwrap();
        take_record_batch(&all, &order).unwrap()
    }

    /// The key of a row as text, where the table has one.
    pub(crate) fn key(&self, row: &RecordBatch) -> Option<String> {
        let indices: Vec<usize> =
            self.schema.primary_key.iter().map(|n| self.schema.index_of(n).unwrap()).collect();
        let key = row.project(&indices).unwrap();
        (!indices.is_empty()).then(|| format!("{:?}", key.columns()))
    }
}

/// The row with all columns of `to`, NULL where `from` has none.
pub(crate) fn widened(to: &TableSchema, from: &TableSchema, row: &RecordBatch) -> RecordBatch {
    let column = |c: &syncline_types::Column| match from.index_of(c.name()) {
        Some(at) => row.column(at).clone(),
        None => new_null_array(c.field.data_type(), 1),
    };
    RecordBatch::try_new(to.arrow(), to.columns.iter().map(column).collect()).unwrap()
}

pub(crate) fn single_rows(schema: &TableSchema, rows: &RecordBatch) -> Vec<RecordBatch> {
    let rows = RecordBatch::try_new(schema.arrow(), rows.columns().to_vec()).unwrap();
    (0..rows.num_rows())
        .map(|i| {
            let at = UInt32Array::from(vec![u32::try_from(i).unwrap()]);
            take_record_batch(&rows, &at).unwrap()
        })
        .collect()
}

/// The rows with '' for NULL in every text.
pub(crate) fn without_nulls(rows: &RecordBatch) -> RecordBatch {
    let columns = rows.columns().iter().map(|array| match array.as_string_opt::<i32>() {
        Some(texts) => {
            let texts = texts.iter().map(|t| Some(t.unwrap_or_default()));
            Arc::new(texts.collect::<StringArray>()) as _
        }
        None => array.clone(),
    });
    RecordBatch::try_new(rows.schema(), columns.collect()).unwrap()
}

/// The rows with no text longer than a megabyte.
pub(crate) fn shortened(rows: &RecordBatch) -> RecordBatch {
    let columns = rows.columns().iter().map(|array| match array.as_string_opt::<i32>() {
        Some(texts) => {
            let short = |text: &str| text.chars().take(1 << 20).collect::<String>();
            let texts = texts.iter().map(|t| t.map(short));
            Arc::new(texts.collect::<StringArray>()) as _
        }
        None => array.clone(),
    });
    RecordBatch::try_new(rows.schema(), columns.collect()).unwrap()
}

pub(crate) fn ids(rows: &RecordBatch) -> Vec<i64> {
    match rows.column(0).data_type() {
        DataType::Int64 => rows.column(0).as_primitive::<Int64Type>().values().to_vec(),
        _ => (0..i64::try_from(rows.num_rows()).unwrap()).collect(),
    }
}

#[derive(Clone)]
pub(crate) struct Memory {
    pub(crate) state: Arc<Mutex<State>>,
    pub(crate) flaw: Flaw,
}

impl Memory {
    pub(crate) fn new(flaw: Flaw) -> Self {
        Self { state: Arc::default(), flaw }
    }

    pub(crate) fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

impl Place for Memory {
    fn make(&self, table: &TableSchema, rows: &RecordBatch) {
        self.lock().tables.insert(table.name.name.clone(), Table::empty(table));
        self.add(table, rows);
    }

    fn add(&self, table: &TableSchema, rows: &RecordBatch) {
        let rows = single_rows(table, rows);
        self.lock().tables.get_mut(&table.name.name).unwrap().rows.extend(rows);
    }

    fn read(&self, table: &TableSchema) -> Option<Rows> {
        let state = self.lock();
        let found = state.tables.get(&table.name.name)?;
        let wanted = table.columns.iter().map(|c| found.schema.index_of(c.name()).unwrap());
        let wanted: Vec<usize> = wanted.collect();
        let rows: Vec<RecordBatch> =
            found.rows.iter().map(|row| row.project(&wanted).unwrap()).collect();
        Some(rows_of(table, &rows))
    }

    fn contents(&self) -> Vec<String> {
        let state = self.lock();
        let mut names: Vec<String> = state.tables.keys().cloned().collect();
        if !state.checkpoints.is_empty() {
            names.push("_syncline_checkpoint".to_owned());
        }
        names.sort();
        names
    }

    fn table(&self, name: &str) -> TableName {
        TableName::bare(name)
    }
}
