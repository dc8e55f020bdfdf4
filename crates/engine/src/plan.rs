//! What is moved where: tables found, columns matched, write modes chosen. Kept with the run, so
//! that a run that continues works on the very same plan.

use std::collections::{BTreeSet, HashSet};
use std::sync::Arc;

use arrow::array::RecordBatch;
use serde::{Deserialize, Serialize};
use syncline_connector::{Processor, ReadTask, Sink, Source, TargetTable, WriteMode, WriteTask};
use syncline_convert::{Fidelity, Rows, RowsConverter, ValuePolicies};
use syncline_types::{
    Adapted, Code, Error, ForeignKey, Reject, Result, Split, TableInfo, TableName, TableSchema,
};

use crate::chain::{Chain, settled};
use crate::job::{ColumnMapping, Job};
use crate::mapping::Mapping;
use crate::matching::{by_position, choose_write, pairs};
use crate::mending::{Mended, Mending};
use crate::{carried, computed, relations};

/// The format of a kept plan.
const VERSION: u32 = 3;

/// What a run moves, table by table.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Plan {
    version: u32,
    /// The tables, in the order they were found.
    pub tables: Vec<TablePlan>,
    /// Numbers that have been given to tables of the run, also to those that are gone.
    #[serde(default)]
    pub(crate) given: u32,
}

/// What a run moves of one table.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TablePlan {
    /// The source table, all columns.
    pub source: TableSchema,
    /// The target table, with the columns that are written.
    pub target: TableSchema,
    /// The target table as a whole, with the columns it fills itself.
    pub definition: TableSchema,
    /// The target table was there before the run.
    pub exists: bool,
    /// It had no rows.
    pub empty_at_start: bool,
    /// What happens to rows that are there already.
    pub write: WriteMode,
    /// The pieces; none yet before the source has cut the table.
    pub splits: Vec<Split>,
    /// The tables, by their number, that have to be committed before rows of this one
    /// are written: it is there, and its foreign keys refer to them.
    pub after: Vec<u32>,
    /// Foreign keys of a table that is there which no order of loading fulfils.
    pub circular: Vec<ForeignKey>,
    /// Estimated rows.
    pub rows: Option<u64>,
    /// What a person should know of the table.
    pub notes: Vec<String>,
    /// Columns of the source that are not copied, because they came later and the job does not
    /// follow that.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub ignored: Vec<String>,
    /// What is kept of the table is kept under this number: it is its own for as long as the run
    /// lives, whatever becomes of other tables.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub number: Option<u32>,
}

impl Plan {
    /// A plan of these tables.
    pub(crate) fn of(tables: Vec<TablePlan>) -> Self {
        Self::after(0, tables)
    }

    /// As [`Plan::of`], where `given` numbers belong to tables already.
    pub(crate) fn after(given: u32, mut tables: Vec<TablePlan>) -> Self {
        let numbers = tables.iter().filter_map(|table| table.number);
        let mut given = numbers.map(|number| number + 1).fold(given, u32::max);
        for table in tables.iter_mut().filter(|table| table.number.is_none()) {
            table.number = Some(given);
            given += 1;
        }
        Self { version: VERSION, tables, given }
    }

    /// The table of a number.
    pub(crate) fn of_number(&self, number: u32) -> Option<&TablePlan> {
        self.tables.iter().find(|table| table.number == Some(number))
    }

    /// As it is kept.
    pub fn to_json(&self) -> Result<String> {
        serde_json::to_string(self).map_err(|e| Error::bug("a plan cannot be written").because(e))
    }

    /// From what was kept.
    ///
    /// # Errors
    /// [`Code::CannotResume`] when it was written by another version.
    pub fn from_json(text: &str) -> Result<Self> {
        let refused = |why: String| {
            Error::new(Code::CannotResume, format!("the kept plan {why}"))
                .hint("start over with --fresh")
        };
        let plan: Plan =
            serde_json::from_str(text).map_err(|e| refused("cannot be read".into()).because(e))?;
        if plan.version == VERSION {
            Ok(Self::after(plan.given, plan.tables))
        } else {
            Err(refused(format!("has format {}, this version reads {VERSION}", plan.version)))
        }
    }
}

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

/// The processors of a job, parsed.
pub(crate) struct Processors {
    source: Vec<Box<dyn Processor>>,
    sink: Vec<Box<dyn Processor>>,
}

impl Processors {
    pub(crate) fn parse(job: &Job) -> Result<Self> {
        let side = |name: &str, configured: &[serde_json::Value]| {
            let opened = configured.iter().cloned().map(|mut step| {
                if let Some(key) = step.pointer_mut("/mask/key")
                    && let Some(name) = key.get("secret").and_then(serde_json::Value::as_str)
                    && let Some(kept) = job.keys.get(name)
                {
                    *key = kept.expose().into();
                }
                step
            });
            let configured = serde_json::Value::Array(opened.collect());
            syncline_processors::build_at(&configured, &format!("processors.{name}"))
        };
        Ok(Self {
            source: side("source", &job.source_processors)?,
            sink: side("sink", &job.sink_processors)?,
        })
    }

    /// Whether a step of that verb is among them.
    pub(crate) fn has(&self, verb: &str) -> bool {
        self.source.iter().chain(&self.sink).any(|p| p.name() == verb)
    }

    /// The steps for rows of `table`. `all`: without those that only leave rows out.
    pub(crate) fn bind(
        &self,
        table: &TableSchema,
        columns: Option<&[ColumnMapping]>,
        job: &Job,
        all: bool,
    ) -> Result<Chain> {
        fn wanted(steps: &[Box<dyn Processor>], all: bool) -> Vec<&dyn Processor> {
            let leaves_out = |p: &dyn Processor| matches!(p.name(), "filter" | "dx_filter");
            steps.iter().map(AsRef::as_ref).filter(|p| !(all && leaves_out(*p))).collect()
        }
        Chain::bind(
            table,
            columns,
            &wanted(&self.source, all),
            &wanted(&self.sink, all),
            &job.values,
        )
    }

    /// Whether rows may leave the chain with other values than they came with.
    fn alter_values(&self) -> bool {
        self.source.iter().chain(&self.sink).any(|p| p.name() != "filter")
    }
}

/// Where the tables go.
pub(crate) enum Destination<'a> {
    /// Into a store.
    Sink(&'a dyn Sink),
    /// Nowhere: they are to be shown as statements of this dialect.
    Paper(syncline_sql::Dialect),
}

impl Destination<'_> {
    /// The table of that name, when there is one.
    pub(crate) async fn describe(&self, target: &TableName) -> Result<Option<TargetTable>> {
        match self {
            Destination::Sink(sink) => sink.describe(target).await,
            Destination::Paper(_) => Ok(None),
        }
    }

    fn adapt(&self, source: &TableSchema, target: &TableName) -> Result<Adapted> {
        match self {
            Destination::Sink(sink) => sink.adapt(source, target),
            Destination::Paper(dialect) => syncline_sql::adapt(*dialect, source, target),
        }
    }

    fn replace_redefines(&self) -> bool {
        matches!(self, Destination::Sink(sink) if sink.replace_redefines())
    }
}

/// What becomes of each table, and what a person should know of those that are left behind.
pub(crate) struct Made {
    pub(crate) tables: Vec<BoundTable>,
    pub(crate) notes: Vec<String>,
}

/// Finds the tables and decides what becomes of each. Reads, and changes nothing; splits are cut
/// later, inside of the source's snapshot.
pub(crate) async fn make(
    job: &Job,
    processors: &Processors,
    source: &dyn Source,
    sink: &dyn Sink,
) -> Result<Made> {
    make_for(job, processors, source, &Destination::Sink(sink)).await
}

/// As [`make`], of those tables alone that are `wanted`, by their names.
pub(crate) async fn make_some(
    job: &Job,
    processors: &Processors,
    source: &dyn Source,
    sink: &dyn Sink,
    wanted: &BTreeSet<String>,
) -> Result<Vec<BoundTable>> {
    let (mut found, _) = find(job, source).await?;
    found.retain(|info| wanted.contains(&info.schema.name.to_string()));
    bind_found(job, processors, &Destination::Sink(sink), found).await
}

/// As [`make`], for tables that may be wanted on paper only.
pub(crate) async fn make_for(
    job: &Job,
    processors: &Processors,
    source: &dyn Source,
    to: &Destination<'_>,
) -> Result<Made> {
    let (found, mut notes) = find(job, source).await?;
    if job.query.is_none() && job.tables.include.is_empty() {
        notes.extend(source.left_out().await?);
    }
    let tables = bind_found(job, processors, to, found).await?;
    Ok(Made { tables, notes })
}

/// Decides what becomes of each of these tables.
async fn bind_found(
    job: &Job,
    processors: &Processors,
    to: &Destination<'_>,
    found: Vec<TableInfo>,
) -> Result<Vec<BoundTable>> {
    let mut bound = Vec::with_capacity(found.len());
    let mut targets: HashSet<TableName> = HashSet::new();
    for info in found {
        let target = target_name(job, &info.schema.name)?;
        if !targets.insert(target.clone()) {
            return Err(Error::new(
                Code::BadValue,
                format!("{} and another table would both go to {target}", info.schema.name),
            )
            .hint("give names that differ: --to '{schema}.{table}'"));
        }
        bound.push(plan_table(job, processors, to, info, &target).await?);
    }
    relations::settle(job, to, &mut bound).await?;
    Ok(bound)
}

/// Binds a kept plan again, after looking whether the source still is what it was.
pub(crate) async fn rebind(
    job: &Job,
    processors: &Processors,
    source: &dyn Source,
    plan: Plan,
) -> Result<Vec<BoundTable>> {
    let (found, _) = find(job, source).await?;
    plan.tables
        .into_iter()
        .map(|table| {
            let name = &table.source.name;
            let now = found.iter().find(|info| info.schema.name == *name);
            let same = |now: &TableInfo| {
                let fields = |t: &TableSchema| -> Vec<_> {
                    t.columns.iter().map(|c| c.field.clone()).collect()
                };
                fields(&now.schema) == fields(&table.source)
            };
            match now {
                Some(now) if same(now) => bind(job, processors, table),
                Some(_) => Err(Error::new(
                    Code::TableChanged,
                    format!("{name}: its columns are no longer those the run began with"),
                )
                .hint("start over with --fresh")),
                None => Err(Error::new(
                    Code::TableChanged,
                    format!("{name}: the table the run began with is gone"),
                )
                .hint("start over with --fresh")),
            }
        })
        .collect()
}

/// The tables that are copied, and notes on those that are not.
async fn find(job: &Job, source: &dyn Source) -> Result<(Vec<TableInfo>, Vec<String>)> {
    let found = match &job.query {
        Some(sql) => vec![source.describe_query(sql).await?],
        None => source.discover(&job.tables).await?,
    };
    if found.is_empty() {
        return Err(Error::new(
            Code::NothingSelected,
            format!("{}: no table is selected", job.source.redacted()),
        ));
    }
    // PostgreSQL has tables without columns; their rows say nothing but how many they are.
    let (bare, found): (Vec<_>, Vec<_>) =
        found.into_iter().partition(|info| info.schema.columns.is_empty());
    if let (Some(table), true) = (bare.first(), found.is_empty()) {
        return Err(Error::new(
            Code::ColumnMismatch,
            format!("{}: it has no columns, so there is nothing to copy", table.schema.name),
        ));
    }
    let note = |info: &TableInfo| format!("{} is not copied: it has no columns", info.schema.name);
    let notes = bare.iter().map(note).collect();
    Ok((found, notes))
}

/// Decides what becomes of one table.
pub(crate) async fn plan_table(
    job: &Job,
    processors: &Processors,
    to: &Destination<'_>,
    info: TableInfo,
    target: &TableName,
) -> Result<BoundTable> {
    let chain = processors.bind(&info.schema, job.columns_of(&info.schema.name), job, false)?;
    let anew = job.write == Some(WriteMode::Replace) && to.replace_redefines();
    let there = if anew { None } else { to.describe(target).await? };
    let exists = there.is_some();
    let mut notes = info.notes;
    let (full_target, empty) = match there {
        Some(found) => (found.schema, found.empty),
        None if job.create || anew => {
            let altered = processors.alter_values();
            let (carried, left_out) =
                carried::definition(&info.schema, &chain, job.generated, altered);
            let (named, unnamed) = by_position(job, carried)?;
            let adapted = to.adapt(&settled(named), target)?;
            notes.extend(left_out);
            notes.extend(unnamed);
            notes.extend(adapted.notes);
            (adapted.table, true)
        }
        None => {
            return Err(Error::new(Code::TargetMissing, format!("{target} does not exist"))
                .hint("create it, or leave --create at auto"));
        }
    };
    let written = pairs(job, &chain.output, &full_target, &mut notes)?;
    let write = choose_write(job, target, &full_target, &written, exists, empty)?;
    let columns = written.iter().map(|(_, to)| full_target.columns[*to].clone()).collect();
    let plan = TablePlan {
        source: info.schema,
        target: TableSchema { columns, ..full_target.clone() },
        definition: full_target,
        exists,
        empty_at_start: empty,
        write,
        splits: Vec::new(),
        after: Vec::new(),
        circular: Vec::new(),
        rows: info.rows,
        notes,
        ignored: Vec::new(),
        number: None,
    };
    let mut bound = bind(job, processors, plan)?;
    let unheeded: Vec<String> = bound.chain.unheeded().chain(bound.to_target.unheeded()).collect();
    bound.plan.notes.extend(unheeded);
    bound.plan.notes.extend(beyond_policies(&job.values));
    Ok(bound)
}

/// Which rows no policy reaches that puts another value in place of a bad one.
fn beyond_policies(policies: &ValuePolicies) -> Option<String> {
    let named: Vec<String> = policies.changing().map(|(f, p)| format!("{f}={p}")).collect();
    (!named.is_empty()).then(|| {
        format!(
            "a row that cannot be taken apart, or that the target itself refuses, stays a bad row, \
             whatever errors.values says ({})",
            named.join(", ")
        )
    })
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

/// The source's table as its log is read. `told`: the log tells generated columns.
pub(crate) fn followed(plan: &TablePlan, told: bool) -> TableSchema {
    match told {
        true => plan.source.clone(),
        false => computed::needed(&plan.source, &plan.definition),
    }
}

/// The source's table without the columns that nobody needs.
fn read_of(
    job: &Job,
    processors: &Processors,
    source: &TableSchema,
    definition: &TableSchema,
    ignored: &[String],
) -> TableSchema {
    let mut source = source.clone();
    source.columns.retain(|c| !ignored.iter().any(|name| name == c.name()));
    // Columns chosen by the job, and processors, may need what both sides compute.
    let plain = processors.source.is_empty() && processors.sink.is_empty();
    match job.columns_of(&source.name) {
        None if plain && job.target_columns.is_empty() => computed::needed(&source, definition),
        _ => source,
    }
}

/// The target table that would be made for a table of the source.
pub(crate) fn definition_at(
    job: &Job,
    processors: &Processors,
    sink: &dyn Sink,
    source: &TableSchema,
    target: &TableName,
) -> Result<TableSchema> {
    let chain = processors.bind(source, job.columns_of(&source.name), job, false)?;
    let altered = processors.alter_values();
    let (carried, _) = carried::definition(source, &chain, job.generated, altered);
    Ok(sink.adapt(&settled(by_position(job, carried)?.0), target)?.table)
}

/// The plan of a table whose definitions are others at both sides from now on.
pub(crate) fn replanned(
    job: &Job,
    processors: &Processors,
    plan: &TablePlan,
    source: TableSchema,
    definition: TableSchema,
) -> Result<TablePlan> {
    let read = read_of(job, processors, &source, &definition, &plan.ignored);
    let chain = processors.bind(&read, job.columns_of(&source.name), job, false)?;
    let written = pairs(job, &chain.output, &definition, &mut Vec::new())?;
    let columns = written.iter().map(|(_, to)| definition.columns[*to].clone()).collect();
    let target = TableSchema { columns, ..definition.clone() };
    Ok(TablePlan { source, target, definition, exists: true, ..plan.clone() })
}

/// The name of a table's target.
pub(crate) fn target_name(job: &Job, source: &TableName) -> Result<TableName> {
    let default = match (&job.sink.path, job.sink.hosts.is_empty()) {
        (path, false) if path.is_empty() => "{schema}.{table}",
        _ => "{table}",
    };
    let template = job.target.as_deref().unwrap_or(default);
    let fill = |part: &str| -> Result<String> {
        let schema = source.schema.as_deref();
        if part.contains("{schema}") && schema.is_none() {
            return Err(Error::new(
                Code::BadValue,
                format!(
                    "target {template:?}: table {source} has no schema to put in place of {{schema}}"
                ),
            ));
        }
        let filled =
            part.replace("{schema}", schema.unwrap_or_default()).replace("{table}", &source.name);
        if filled.is_empty() {
            return Err(Error::new(
                Code::BadValue,
                format!("target {template:?}: a part is empty"),
            ));
        }
        Ok(filled)
    };
    match template.split_once('.') {
        Some((schema, table)) => Ok(TableName { schema: Some(fill(schema)?), name: fill(table)? }),
        None => Ok(TableName { schema: None, name: fill(template)? }),
    }
}
