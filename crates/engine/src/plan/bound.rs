//! A table that is ready to move: its plan, bound to the steps its rows go through.

use std::sync::Arc;

use arrow::array::RecordBatch;
use syncline_connector::{ReadTask, WriteTask};
use syncline_convert::{Fidelity, Rows, RowsConverter};
use syncline_types::{Error, Reject, Result, TableSchema};

use super::{Processors, TablePlan};
use crate::chain::Chain;
use crate::computed;
use crate::job::Job;
use crate::mapping::Mapping;
use crate::matching::pairs;
use crate::mending::{Mended, Mending};

/// A table, ready to move: its plan, bound.
pub(crate) struct BoundTable {
    pub(crate) plan: TablePlan,
    pub(crate) chain: Chain,
    /// Where policies may mend rows that the source sets aside.
    mending: Option<Mending>,
    /// From the chain's output to what the sink takes.
    to_target: RowsConverter,
    /// Columns of the chain's output that are written, by index; all when `None`.
    written: Option<Vec<usize>>,
    pub(crate) read: ReadTask,
    pub(crate) key: Vec<String>,
}

impl BoundTable {
    /// Rows as they leave the chain, in the columns and types the sink takes; those that do not fit
    /// apart.
    pub(crate) fn for_target(&self, rows: RecordBatch) -> Result<(RecordBatch, Vec<Reject>)> {
        let converted = self.convert_for_target(rows)?;
        Ok((converted.rows, converted.rejects))
    }

    /// The rows of a batch as they go into the chain, with those the source set aside that the
    /// job's policies mend.
    pub(crate) fn mended(&self, rows: RecordBatch, rejects: Vec<Reject>) -> Result<Mended> {
        match &self.mending {
            Some(mending) if !rejects.is_empty() => mending.mend(rows, rejects),
            _ => Ok(Mended { rows, rejects, changes: Vec::new() }),
        }
    }

    /// Whether nothing looks at a value on the way: what is read is what is written.
    pub(crate) fn is_straight(&self) -> bool {
        self.chain.is_straight() && self.written.is_none() && self.to_target.is_identity()
    }

    /// As [`BoundTable::for_target`], with what policies put in place of bad values.
    pub(crate) fn convert_for_target(&self, rows: RecordBatch) -> Result<Rows> {
        let rows = match &self.written {
            None => rows,
            Some(indexes) => {
                rows.project(indexes).map_err(|e| Error::bug("choosing columns").because(e))?
            }
        };
        self.to_target.apply(rows)
    }

    /// The columns of the chain's output that are written, by index, in the target's order.
    pub(crate) fn written(&self) -> Vec<usize> {
        self.written.clone().unwrap_or_else(|| (0..self.chain.output.columns.len()).collect())
    }

    /// What of the job's policies cannot be followed here, for a person.
    pub(super) fn unheeded(&self) -> Vec<String> {
        self.chain.unheeded().chain(self.to_target.unheeded()).collect()
    }

    /// Whether rows that the source tells apart by its primary key have different ones at the
    /// target, too: its key is that key, as it was read.
    pub(super) fn keeps_key(&self) -> bool {
        let (source, target) = (&self.plan.source.primary_key, &self.plan.target.primary_key);
        let there = |name: &str| self.plan.target.columns.iter().position(|c| c.name() == name);
        let exact = |name: &str| {
            there(name)
                .is_some_and(|at| self.to_target.fidelities().nth(at) == Some(&Fidelity::Exact))
        };
        let straight = !self.chain.has_steps() && self.chain.mapping_fidelities().is_none();
        straight
            && source.len() == target.len()
            && source.iter().all(|name| {
                self.destination(name).is_some_and(|to| target.iter().any(|t| t == to) && exact(to))
            })
    }

    /// The name that a column of the source has at the target.
    pub(crate) fn destination(&self, source: &str) -> Option<&str> {
        let name = self.chain.destination(source)?;
        let index = self.chain.output.index_of(name)?;
        let place = self.written().iter().position(|from| *from == index);
        Some(place.map_or(name, |place| self.plan.target.columns[place].name()))
    }

    /// The task of the sink.
    pub(crate) fn write_task(&self, run: &str, epoch: u64) -> WriteTask {
        WriteTask {
            run: run.to_owned(),
            epoch,
            table: Arc::new(self.plan.target.clone()),
            definition: Arc::new(self.plan.definition.clone()),
            exists: self.plan.exists,
            empty_at_start: self.plan.empty_at_start,
            distinct: self.plan.distinct,
            write: self.plan.write,
            splits: u32::try_from(self.plan.splits.len()).unwrap_or(u32::MAX),
            circular: self.plan.circular.clone(),
        }
    }

    /// What becomes of each written column.
    pub(crate) fn mappings(&self, job: &Job) -> Vec<Mapping> {
        let chosen = job.columns_of(&self.plan.source.name).unwrap_or_default();
        let output = &self.chain.output.columns;
        let mapped = self.chain.mapping_fidelities();
        let mapped_refused = self.chain.mapping_refused();
        let indexes = self.written();
        indexes
            .iter()
            .zip(&self.plan.target.columns)
            .zip(self.to_target.fidelities())
            .zip(self.to_target.refused())
            .map(|(((index, target), fidelity), refused)| {
                let output = &output[*index];
                let from = self.chain.origin(output.name()).unwrap_or(output).clone();
                let mapping = mapped.as_ref().filter(|_| !self.chain.has_steps());
                let fidelity = match mapping.map(|m| &m[*index]) {
                    Some(Fidelity::Lossy(why)) => Fidelity::Lossy(why.clone()),
                    Some(Fidelity::Widened(why)) if *fidelity == Fidelity::Exact => {
                        Fidelity::Widened(why.clone())
                    }
                    _ => fidelity.clone(),
                };
                let early = mapped_refused.as_ref().filter(|_| !self.chain.has_steps());
                let early = early.map(|all| all[*index].as_slice()).unwrap_or_default();
                Mapping {
                    from,
                    to: target.clone(),
                    fidelity,
                    refused: early.iter().chain(refused).cloned().collect(),
                    typed: chosen.iter().any(|c| c.to == output.name() && c.kind.is_some()),
                }
            })
            .collect()
    }
}

/// Binds a table's plan to its steps.
pub(crate) fn bind(job: &Job, processors: &Processors, plan: TablePlan) -> Result<BoundTable> {
    let chosen = job.columns_of(&plan.source.name);
    let source = read_of(job, processors, &plan.source, &plan.definition, &plan.ignored);
    let chain = processors.bind(&source, chosen, job, false)?;
    // The target has columns that it computes itself, and is given none of.
    let pairs = pairs(job, &chain.output, &plan.definition, &mut Vec::new())?;
    let indexes: Vec<usize> = pairs.iter().map(|(from, _)| *from).collect();
    let all_in_order = indexes.iter().copied().eq(0..chain.output.columns.len());
    let given = TableSchema {
        columns: indexes.iter().map(|i| chain.output.columns[*i].clone()).collect(),
        ..chain.output.clone()
    };
    let to_target = RowsConverter::new(&given, &plan.target)?.with_policies(&job.values);
    let read = ReadTask {
        table: Arc::clone(&chain.read),
        filter: job.filter.clone(),
        query: job.query.clone(),
    };
    let key = plan.target.key().into_iter().map(str::to_owned).collect();
    Ok(BoundTable {
        mending: Mending::new(&chain.read, &job.values),
        plan,
        chain,
        to_target,
        written: (!all_in_order).then_some(indexes),
        read,
        key,
    })
}

/// The source's table without the columns that nobody needs.
pub(super) fn read_of(
    job: &Job,
    processors: &Processors,
    source: &TableSchema,
    definition: &TableSchema,
    ignored: &[String],
) -> TableSchema {
    let mut source = source.clone();
    source.columns.retain(|c| !ignored.iter().any(|name| name == c.name()));
    // Columns chosen by the job, and processors, may need what both sides compute.
    match job.columns_of(&source.name) {
        None if processors.is_empty() && job.target_columns.is_empty() => {
            computed::needed(&source, definition)
        }
        _ => source,
    }
}
