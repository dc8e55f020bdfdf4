//! The tables of a job's source as a dialect of SQL would make them, without a target.

use syncline_connector::Registry;
use syncline_sql::Dialect;
use syncline_types::{Result, TableSchema};

use crate::job::Job;
use crate::plan::{Destination, Processors, make_for};
use crate::run::source_of;

/// One table as it would be made.
#[derive(Debug, Clone)]
pub struct Definition {
    /// The table, with the names and types of the dialect.
    pub table: TableSchema,
    /// What is left out or made otherwise, for people.
    pub notes: Vec<String>,
}

/// All tables of a job, and what belongs to none of them and is left behind.
#[derive(Debug, Clone)]
pub struct Definitions {
    /// The tables, in the order they were found.
    pub tables: Vec<Definition>,
    /// Notes on the whole.
    pub notes: Vec<String>,
}

/// What a target of the dialect would be made to have. Connects to the source, and touches nothing.
///
/// # Errors
/// Whatever would keep the job from being planned.
pub async fn definitions(registry: &Registry, job: &Job, dialect: Dialect) -> Result<Definitions> {
    let source = source_of(registry, job)?;
    let mut notes = source.check().await?;
    let to = Destination::Paper(dialect);
    let made = make_for(job, &Processors::parse(job)?, source.as_ref(), &to).await;
    source.end().await?;
    let made = made?;
    notes.extend(made.notes);
    let tables = made
        .tables
        .into_iter()
        .map(|bound| Definition { table: bound.plan.definition, notes: bound.plan.notes });
    Ok(Definitions { tables: tables.collect(), notes })
}
