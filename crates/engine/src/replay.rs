//! Dead letters written after all, as they are or edited.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch, StringArray, new_null_array};
use arrow::datatypes::{DataType, Field, Schema};
use syncline_connector::{Endpoint, Registry, Secret, Sink, WriteMode, WriteTask};
use syncline_convert::RowsConverter;
use syncline_store::{DeadLetter, RunRecord, Store};
use syncline_types::{
    ChangeBatch, Code, Error, Position, Result, Split, TableSchema, did_you_mean,
};

use crate::dead_letters::row_of;
use crate::job::Job;
use crate::plan::{self, BoundTable, Plan, Processors, TablePlan};
use crate::run::sink_of;

/// A value to put in place of the one in a kept row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Edit {
    /// The column.
    pub column: String,
    /// The new value as text; `None` for NULL.
    pub value: Option<String>,
}

/// What became of one dead letter.
#[derive(Debug)]
pub struct Replayed {
    /// Its number.
    pub id: i64,
    /// Whether it has been written now; else why not.
    pub outcome: Result<()>,
}

/// What of a job is not on record.
#[derive(Debug, Clone, Default)]
pub struct Unrecorded {
    /// The target, when the one on record lacks its password.
    pub target: Option<Endpoint>,
    /// Keys that its steps name, as [`Job::keys`].
    pub keys: BTreeMap<String, Secret>,
}

/// Writes dead letters of a run through the job's sink. Each stands for itself: one that fails
/// again stays what it is. `now` is the job as it is resolved now, with its secrets; the one on
/// record lacks them.
///
/// # Errors
/// When the run has no plan, or the target cannot be opened.
pub async fn replay(
    registry: &Registry,
    store: &Arc<Store>,
    run: &RunRecord,
    now: Unrecorded,
    letters: &[DeadLetter],
    edits: &[Edit],
) -> Result<Vec<Replayed>> {
    let mut job: Job = serde_json::from_str(&run.spec).map_err(|e| {
        Error::new(Code::CannotResume, format!("the job of run {} cannot be read", run.id))
            .because(e)
    })?;
    if let Some(target) = now.target {
        job.sink = target;
    }
    job.keys = now.keys;
    let job = &job;
    let plan = run
        .plan
        .as_deref()
        .ok_or_else(|| Error::new(Code::CannotResume, format!("run {} has no plan yet", run.id)))?;
    let mut plans = vec![Plan::from_json(plan)?];
    for (_, plan) in store.log_plans(&run.id)? {
        plans.push(Plan::from_json(&plan)?);
    }
    let processors = Processors::parse(job)?;
    let sink = sink_of(registry, job)?;
    let mut replayed = Vec::with_capacity(letters.len());
    for letter in letters {
        // As the table was last; one that is gone was in an earlier plan.
        let table = plans.iter().rev().find_map(|plan| plan.of_number(letter.table)).cloned();
        let mut table =
            table.ok_or_else(|| Error::bug("a dead letter of a table that is not planned"))?;
        look_again(sink.as_ref(), &mut table).await?;
        let bound = plan::bind(job, &processors, table)?;
        let outcome = replay_one(sink.as_ref(), &bound, run, letter, edits).await;
        if outcome.is_ok() {
            store.mark_replayed(letter.id)?;
        }
        replayed.push(Replayed { id: letter.id, outcome });
    }
    Ok(replayed)
}

/// The target may have been mended since the run: its columns as they are now.
async fn look_again(sink: &dyn Sink, table: &mut TablePlan) -> Result<()> {
    let Some(found) = sink.describe(&table.target.name).await? else { return Ok(()) };
    for column in &mut table.target.columns {
        if let Some(now) = found.schema.column(column.name()) {
            column.clone_from(now);
        }
    }
    Ok(())
}

async fn replay_one(
    sink: &dyn Sink,
    bound: &BoundTable,
    run: &RunRecord,
    letter: &DeadLetter,
    edits: &[Edit],
) -> Result<()> {
    let row = edit(row_of(letter)?, edits)?;
    let rows = if letter.stage == "read" {
        through_chain(bound, row)?
    } else {
        fit(row, &bound.plan.target)?
    };
    if rows.num_rows() == 0 {
        // A filter of the job leaves it out: nothing is to be written.
        return Ok(());
    }
    // A small run of its own: its place at the target must not be mistaken for the run's.
    let task = WriteTask {
        run: format!("{}-letter-{}", run.id, letter.id),
        epoch: run.epoch,
        exists: true,
        empty_at_start: false,
        splits: 1,
        write: match bound.plan.write {
            WriteMode::Replace => WriteMode::Append,
            other => other,
        },
        ..bound.write_task(&run.id, run.epoch)
    };
    let split = Split {
        table: bound.plan.source.name.clone(),
        id: 0,
        rows: Some(1),
        bytes: None,
        resumable: false,
        token: String::new(),
    };
    let position = Position::new(1, "replayed");
    sink.prepare(&task).await?;
    let mut opened = sink.open(&task, &split).await?;
    if opened.held.as_ref().is_none_or(|held| !held.done) {
        let table = Arc::clone(&task.table);
        let batch = ChangeBatch { table, rows, rejects: Vec::new(), position: position.clone() };
        opened.writer.write(&batch).await?;
        opened.writer.flush(&position, true).await?;
    }
    drop(opened);
    sink.commit(&task).await?;
    sink.finish(&[task]).await
}

/// A row as it was read, through the job's steps.
fn through_chain(bound: &BoundTable, row: RecordBatch) -> Result<RecordBatch> {
    let rows = fit(row, &bound.chain.read)?;
    let rows = one(bound.chain.apply_source(rows)?)?;
    let rows = one(bound.chain.apply_sink(rows)?)?;
    let (rows, bad) = bound.for_target(rows)?;
    refuse(bad)?;
    Ok(rows)
}

fn one(output: crate::chain::Applied) -> Result<RecordBatch> {
    refuse(output.rejects)?;
    Ok(output.rows)
}

fn refuse(rejects: Vec<syncline_types::Reject>) -> Result<()> {
    match rejects.into_iter().next() {
        None => Ok(()),
        Some(reject) => Err(Error::new(reject.error.code(), reject.error.chain())),
    }
}

/// The row in the columns of a table, by name; a column it does not have is NULL.
fn fit(row: RecordBatch, table: &TableSchema) -> Result<RecordBatch> {
    let given = row.schema();
    let mut fields = Vec::with_capacity(table.columns.len());
    let mut columns: Vec<ArrayRef> = Vec::with_capacity(table.columns.len());
    for column in &table.columns {
        match given.index_of(column.name()) {
            Ok(index) => {
                fields.push(given.field(index).clone());
                columns.push(Arc::clone(row.column(index)));
            }
            Err(_) => {
                fields.push(column.field.clone().with_nullable(true));
                columns.push(new_null_array(column.field.data_type(), 1));
            }
        }
    }
    let rows = RecordBatch::try_new(Arc::new(Schema::new(fields.clone())), columns)
        .map_err(|e| Error::bug("a kept row").because(e))?;
    let converter = RowsConverter::new(&TableSchema::new(table.name.clone(), fields), table)?;
    let (rows, bad) = converter.convert(rows)?;
    refuse(bad)?;
    Ok(rows)
}

fn edit(row: RecordBatch, edits: &[Edit]) -> Result<RecordBatch> {
    if edits.is_empty() {
        return Ok(row);
    }
    let schema = row.schema();
    let mut fields: Vec<Field> = schema.fields().iter().map(|f| f.as_ref().clone()).collect();
    let mut columns = row.columns().to_vec();
    for edit in edits {
        let index = schema.index_of(&edit.column).map_err(|_| {
            let names = schema.fields().iter().map(|f| f.name().as_str());
            let near = did_you_mean(&edit.column, names);
            Error::new(
                Code::ColumnNotFound,
                format!("the row has no column {:?}{near}", edit.column),
            )
        })?;
        fields[index] = Field::new(&edit.column, DataType::Utf8, true);
        columns[index] = Arc::new(StringArray::from(vec![edit.value.as_deref()]));
    }
    RecordBatch::try_new(Arc::new(Schema::new(fields)), columns)
        .map_err(|e| Error::bug("an edited row").because(e))
}
