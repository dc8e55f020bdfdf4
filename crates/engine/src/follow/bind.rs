//! A followed table: its steps, bound to the columns that the log tells of each change.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use arrow::array::{RecordBatch, RecordBatchOptions, UInt32Array, new_null_array};
use syncline_convert::{Change, RowsConverter};
use syncline_types::{Code, Column, Error, Op, Reject, Result, RowChanges, TableSchema};

use super::rows::TargetRows;
use crate::chain::{Applied, Chain};
use crate::dead_letters::Stage;
use crate::job::{ColumnMapping, Job};
use crate::plan::{self, BoundTable, Processors};

/// A table that is followed, as it is at the present place in the log.
pub(crate) struct FollowedTable {
    /// The source's table, with the columns that its log tells.
    pub(crate) source: Arc<TableSchema>,
    /// The target's columns that are written.
    pub(crate) target: Arc<TableSchema>,
    /// Its key there, by index; empty where it has none.
    pub(crate) key: Vec<usize>,
    /// Names of the chain's output that are written, each with its column of the target.
    written: Vec<(String, usize)>,
    chosen: Option<Vec<ColumnMapping>>,
    /// By the columns that are given, and whether rows are old ones.
    bindings: Mutex<HashMap<Given, Arc<Binding>>>,
}

type Given = (Option<Arc<[usize]>>, bool);

/// What became of changed rows on their way to the target.
#[derive(Default)]
pub(crate) struct Mapped {
    /// The rows in the target's terms.
    pub(crate) rows: Vec<TargetRows>,
    /// Rows that could not be converted, with their places in the set.
    pub(crate) rejects: Vec<(Stage, Reject)>,
    /// What policies put in place of bad values.
    pub(crate) changes: Vec<Change>,
}

/// The steps for rows of certain columns.
struct Binding {
    /// The columns the chain reads: where each stands in the given rows. `None` for one that the
    /// log does not tell and that nothing needed is computed from.
    read: Vec<Option<usize>>,
    chain: Chain,
    /// Columns of the chain's output that are written, in the target's order.
    written: Vec<usize>,
    to_target: RowsConverter,
    /// The target's columns they are written to.
    columns: Arc<[usize]>,
}

impl FollowedTable {
    /// A table as the plan has bound it. `told`: the log tells generated columns.
    pub(crate) fn new(job: &Job, bound: &BoundTable, told: bool) -> Self {
        let target = Arc::new(bound.plan.target.clone());
        let key = target.key().iter().filter_map(|name| target.index_of(name)).collect();
        let output = &bound.chain.output.columns;
        let written = bound.written().into_iter().enumerate();
        Self {
            source: Arc::new(plan::followed(&bound.plan, told)),
            key,
            written: written.map(|(to, from)| (output[from].name().to_owned(), to)).collect(),
            chosen: job.columns_of(&bound.plan.source.name).map(<[_]>::to_vec),
            target,
            bindings: Mutex::default(),
        }
    }

    /// Rows in the target's terms.
    ///
    /// # Errors
    /// [`Code::NoOldImage`] when a step needs columns that the log does not tell.
    pub(crate) fn map(
        &self,
        job: &Job,
        processors: &Processors,
        changes: RowChanges,
    ) -> Result<Mapped> {
        let mut mapped = Mapped::default();
        let old = matches!(changes.op, Op::Delete | Op::Before);
        let binding = self.binding(job, processors, changes.columns.as_ref(), old)?;
        let given = changes.rows.num_rows();
        let applied = binding.apply(changes.rows.clone())?;
        let mut gone = vec![false; given];
        if let Some(left) = applied.places.clone().left() {
            gone.fill(true);
            left.iter().for_each(|row| gone[*row as usize] = false);
            for (_, reject) in &applied.rejects {
                gone[reject.index as usize] = false;
            }
        }
        let at_place = |row: u32| changes.order[row as usize];
        let count = u32::try_from(applied.rows.num_rows()).unwrap_or(u32::MAX);
        mapped.rows.push(TargetRows {
            op: changes.op,
            columns: Arc::clone(&binding.columns),
            order: (0..count).map(|row| at_place(applied.places.of(row))).collect(),
            rows: applied.rows,
        });
        mapped.changes = applied.changes;
        for (stage, mut reject) in applied.rejects {
            reject.index = at_place(reject.index);
            mapped.rejects.push((stage, reject));
        }
        // A row that an update takes out of what is copied goes from the target.
        if changes.op == Op::Update && !self.key.is_empty() && gone.contains(&true) {
            let rows: UInt32Array =
                (0u32..).zip(&gone).filter_map(|(row, gone)| gone.then_some(row)).collect();
            let order = rows.values().iter().map(|row| at_place(*row)).collect();
            let rows = arrow::compute::take_record_batch(&changes.rows, &rows)
                .map_err(|e| Error::bug("taking rows").because(e))?;
            let binding = self.key_binding(job, processors, changes.columns.as_ref())?;
            let applied = binding.apply(rows)?;
            if applied.places.clone().left().is_some() {
                return Err(Error::bug(format!("{}: a key was filtered out", self.source.name)));
            }
            let columns = Arc::clone(&binding.columns);
            mapped.rows.push(TargetRows { op: Op::Delete, columns, rows: applied.rows, order });
        }
        mapped.rows.retain(|rows| !rows.order.is_empty());
        Ok(mapped)
    }

    fn binding(
        &self,
        job: &Job,
        processors: &Processors,
        columns: Option<&Arc<[usize]>>,
        old: bool,
    ) -> Result<Arc<Binding>> {
        let name = (columns.cloned(), old);
        let mut bindings = self.bindings.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(binding) = bindings.get(&name) {
            return Ok(Arc::clone(binding));
        }
        let partial = columns.filter(|c| c.len() < self.source.columns.len());
        // Of a row that is gone the key is enough: what else it had is not asked for.
        let bare = old && partial.is_some() && !self.key.is_empty();
        let binding = Arc::new(self.bind(job, processors, partial.map(AsRef::as_ref), bare)?);
        bindings.insert(name, Arc::clone(&binding));
        Ok(binding)
    }

    /// Steps that give the key alone, of whatever row.
    fn key_binding(
        &self,
        job: &Job,
        processors: &Processors,
        columns: Option<&Arc<[usize]>>,
    ) -> Result<Binding> {
        let all: Vec<usize> = (0..self.source.columns.len()).collect();
        let present = columns.map_or(all.as_slice(), AsRef::as_ref);
        self.bind(job, processors, Some(present), true)
    }

    /// Binds the steps to rows that have the columns `present`, or all. `bare`: the key alone is
    /// wanted, no row is left out, and what is not known of a row is NULL.
    fn bind(
        &self,
        job: &Job,
        processors: &Processors,
        present: Option<&[usize]>,
        bare: bool,
    ) -> Result<Binding> {
        let untold = |e: Error| match (present, e.code()) {
            (Some(_), Code::ColumnNotFound | Code::BadExpression | Code::ColumnMismatch) => {
                self.needs_whole_rows().because(e)
            }
            _ => e,
        };
        if bare && processors.has("sql") {
            return Err(self.needs_whole_rows());
        }
        let knows = |index: usize| present.is_none_or(|p| p.binary_search(&index).is_ok());
        let columns = self.source.columns.iter().enumerate();
        let columns: Vec<Column> = match bare {
            false => columns.filter(|(i, _)| knows(*i)).map(|(_, c)| c.clone()).collect(),
            true => columns
                .map(|(i, c)| Column {
                    field: c.field.clone().with_nullable(c.field.is_nullable() || !knows(i)),
                    ..c.clone()
                })
                .collect(),
        };
        let given = TableSchema { columns, ..(*self.source).clone() };
        let chosen: Option<Vec<ColumnMapping>> = self.chosen.as_ref().map(|chosen| {
            chosen.iter().filter(|c| given.column(&c.from).is_some()).cloned().collect()
        });
        let chain = processors.bind(&given, chosen.as_deref(), job, bare).map_err(untold)?;
        let mut pairs = Vec::with_capacity(self.written.len());
        for (name, to) in &self.written {
            if bare && !self.key.contains(to) {
                continue;
            }
            if let Some(from) = chain.output.index_of(name) {
                pairs.push((from, *to));
            }
        }
        if let Some(at) = self.key.iter().find(|at| !pairs.iter().any(|(_, to)| to == *at)) {
            let column = self.target.columns[*at].name();
            return Err(self.needs_whole_rows().because(Error::new(
                Code::NoOldImage,
                format!("column {column} of the target's key is not in the log"),
            )));
        }
        pairs.sort_unstable_by_key(|(_, to)| *to);
        let pick = |table: &TableSchema, at: &mut dyn Iterator<Item = usize>| TableSchema {
            columns: at.map(|i| table.columns[i].clone()).collect(),
            ..table.clone()
        };
        let from = pick(&chain.output, &mut pairs.iter().map(|(from, _)| *from));
        let to = pick(&self.target, &mut pairs.iter().map(|(_, to)| *to));
        let to_target = RowsConverter::new(&from, &to)?.with_policies(&job.values);
        let at = |column: &Column| {
            let index = self.source.index_of(column.name())?;
            match present {
                None => Some(index),
                Some(present) => present.binary_search(&index).ok(),
            }
        };
        Ok(Binding {
            read: chain.read.columns.iter().map(at).collect(),
            written: pairs.iter().map(|(from, _)| *from).collect(),
            columns: pairs.iter().map(|(_, to)| *to).collect(),
            chain,
            to_target,
        })
    }

    fn needs_whole_rows(&self) -> Error {
        let text = format!(
            "{}: a step needs columns that the log does not tell of every change",
            self.source.name
        );
        Error::new(Code::NoOldImage, text).hint(
            "let the source log whole rows: binlog_row_image=FULL (MySQL), \
             ALTER TABLE … REPLICA IDENTITY FULL (PostgreSQL)",
        )
    }
}

/// Rows behind the last step.
struct Output {
    rows: RecordBatch,
    rejects: Vec<(Stage, Reject)>,
    changes: Vec<Change>,
    places: syncline_connector::Places,
}

impl Binding {
    fn apply(&self, rows: RecordBatch) -> Result<Output> {
        let defect = |e| Error::bug("choosing columns of a change").because(e);
        let count = rows.num_rows();
        let schema = self.chain.read.arrow();
        let columns = self.read.iter().zip(schema.fields()).map(|(at, field)| match at {
            Some(at) => Arc::clone(rows.column(*at)),
            None => new_null_array(field.data_type(), count),
        });
        let options = RecordBatchOptions::new().with_row_count(Some(count));
        let read = RecordBatch::try_new_with_options(schema.clone(), columns.collect(), &options);
        let applied = self.chain.apply(read.map_err(defect)?)?;
        let Applied { rows, rejects, changes, places } = applied;
        let mut rejects: Vec<_> = rejects.into_iter().map(|r| (Stage::Process, r)).collect();
        let chosen = rows.project(&self.written).map_err(defect)?;
        let mut last = Applied { rows: chosen, rejects: Vec::new(), changes, places };
        let converted = self.to_target.apply(last.rows.clone())?;
        last.converted(converted);
        rejects.extend(last.rejects.into_iter().map(|r| (Stage::Write, r)));
        Ok(Output { rows: last.rows, rejects, changes: last.changes, places: last.places })
    }
}
