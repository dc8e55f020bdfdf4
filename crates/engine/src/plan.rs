//! What is moved where: tables found, columns matched, write modes chosen. Kept with the run, so
//! that a run that continues works on the very same plan.

mod bound;
mod processors;

use std::collections::{BTreeSet, HashSet};

use serde::{Deserialize, Serialize};
use syncline_connector::{Sink, Source, TargetTable, WriteMode};
use syncline_convert::ValuePolicies;
use syncline_types::{
    Adapted, Code, Error, ForeignKey, Result, Split, TableInfo, TableName, TableSchema,
};

pub(crate) use bound::{BoundTable, bind};
pub(crate) use processors::Processors;

use self::bound::read_of;
use crate::chain::settled;
use crate::job::Job;
use crate::matching::{by_position, choose_write, pairs};
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
    /// No two rows have the same primary key, and none will.
    #[serde(default)]
    pub distinct: bool,
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

    /// The tables of these names, in their order, each when there is one.
    async fn describe_all(&self, targets: &[TableName]) -> Result<Vec<Option<TargetTable>>> {
        match self {
            Destination::Sink(sink) => sink.describe_all(targets).await,
            Destination::Paper(_) => Ok(targets.iter().map(|_| None).collect()),
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
    let mut tables = bind_found(job, processors, to, found).await?;
    let unchanged = job.query.is_none() && job.values.changing().next().is_none();
    for table in &mut tables {
        table.plan.distinct = unchanged && source.keeps_keys() && table.keeps_key();
    }
    Ok(Made { tables, notes })
}

/// Decides what becomes of each of these tables.
async fn bind_found(
    job: &Job,
    processors: &Processors,
    to: &Destination<'_>,
    found: Vec<TableInfo>,
) -> Result<Vec<BoundTable>> {
    let mut targets: Vec<TableName> = Vec::with_capacity(found.len());
    let mut taken: HashSet<TableName> = HashSet::new();
    for info in &found {
        let target = target_name(job, &info.schema.name)?;
        if !taken.insert(target.clone()) {
            return Err(Error::new(
                Code::BadValue,
                format!("{} and another table would both go to {target}", info.schema.name),
            )
            .hint("give names that differ: --to '{schema}.{table}'"));
        }
        targets.push(target);
    }
    let there = match is_made_anew(job, to) {
        true => targets.iter().map(|_| None).collect(),
        false => to.describe_all(&targets).await?,
    };
    let mut bound = Vec::with_capacity(found.len());
    for ((info, target), there) in found.into_iter().zip(&targets).zip(there) {
        bound.push(plan_beside(job, processors, to, info, target, there)?);
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
    let anew = is_made_anew(job, to);
    let there = if anew { None } else { to.describe(target).await? };
    plan_beside(job, processors, to, info, target, there)
}

/// Whether targets are made anew, whatever stands in their places.
fn is_made_anew(job: &Job, to: &Destination<'_>) -> bool {
    job.write == Some(WriteMode::Replace) && to.replace_redefines()
}

/// As [`plan_table`], where it is known what is `there` at the target.
fn plan_beside(
    job: &Job,
    processors: &Processors,
    to: &Destination<'_>,
    info: TableInfo,
    target: &TableName,
    there: Option<TargetTable>,
) -> Result<BoundTable> {
    let chain = processors.bind(&info.schema, job.columns_of(&info.schema.name), job, false)?;
    let exists = there.is_some();
    let mut notes = info.notes;
    let (full_target, empty) = match there {
        Some(found) => (found.schema, found.empty),
        None if job.create || is_made_anew(job, to) => {
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
        distinct: false,
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
    let unheeded = bound.unheeded();
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

/// The source's table as its log is read. `told`: the log tells generated columns.
pub(crate) fn followed(plan: &TablePlan, told: bool) -> TableSchema {
    match told {
        true => plan.source.clone(),
        false => computed::needed(&plan.source, &plan.definition),
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
