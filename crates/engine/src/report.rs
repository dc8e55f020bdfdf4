//! What `check` shows: the plan and the mapping of every column, before row one.

use std::borrow::Cow;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use syncline_connector::{Consistency, Follow, Mode, Sink, Source, Start};
use syncline_convert::Fidelity;
use syncline_types::{Code, Column, Error, Result, TableSchema, field};

use crate::job::Job;
use crate::mapping::Mapping;
use crate::plan::{self, BoundTable};

/// The plan of a job, as shown.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct CheckReport {
    /// The source, without secrets.
    pub source: String,
    /// The target, without secrets.
    pub sink: String,
    /// What a person should know.
    pub notes: Vec<String>,
    /// Whether all splits show one moment; else why not.
    pub snapshot: String,
    /// Splits at work at the same time.
    pub parallel: usize,
    /// How changes are followed, in the modes that do.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub following: Option<FollowingReport>,
    /// The tables.
    pub tables: Vec<TableReport>,
}

/// How changes are followed, as shown.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct FollowingReport {
    /// Where the log is read from.
    pub from: String,
    /// What a kill and a resume do to changes.
    pub guarantee: String,
    /// What the source says of its log.
    pub notes: Vec<String>,
}

/// The plan of one table, as shown.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct TableReport {
    /// Source table.
    pub source: String,
    /// Target table.
    pub target: String,
    /// Whether the target is made by the run.
    pub creates: bool,
    /// What happens to rows that are there already.
    pub write: syncline_connector::WriteMode,
    /// What a kill and a resume do to rows.
    pub guarantee: String,
    /// Pieces.
    pub splits: usize,
    /// Whether a killed run goes on inside a piece, or reads unfinished pieces again.
    pub resumable: bool,
    /// Estimated rows.
    pub rows_estimated: Option<u64>,
    /// The columns that are written.
    pub columns: Vec<ColumnReport>,
    /// What a person should know.
    pub notes: Vec<String>,
}

/// What becomes of one column.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct ColumnReport {
    /// Its name at the source.
    pub from: String,
    /// Its type at the source.
    pub from_type: String,
    /// Its name at the target.
    pub to: String,
    /// Its type at the target.
    pub to_type: String,
    /// `exact`, `widened` or `lossy`.
    pub fidelity: Cow<'static, str>,
    /// Why it is not exact.
    pub why: Option<String>,
    /// Odd values that are refused although every other is kept.
    pub refused: Vec<String>,
}

pub(crate) fn table(job: &Job, bound: &BoundTable, guarantee: String) -> TableReport {
    let plan = &bound.plan;
    let columns = bound
        .mappings(job)
        .into_iter()
        .map(|Mapping { from, to, fidelity, refused, .. }| {
            let (word, why) = match fidelity {
                Fidelity::Exact => ("exact", None),
                Fidelity::Widened(why) => ("widened", Some(why)),
                Fidelity::Lossy(why) => ("lossy", Some(why)),
            };
            ColumnReport {
                from: from.name().to_owned(),
                from_type: type_of(&from),
                to: to.name().to_owned(),
                to_type: type_of(&to),
                fidelity: word.into(),
                why,
                refused,
            }
        })
        .collect();
    TableReport {
        source: plan.source.name.to_string(),
        target: plan.target.name.to_string(),
        creates: !plan.exists,
        write: plan.write,
        guarantee,
        splits: plan.splits.len(),
        resumable: plan.splits.iter().all(|s| s.resumable),
        rows_estimated: plan.rows,
        columns,
        notes: plan.notes.clone(),
    }
}

/// Whether the source's log can be followed, and what a person should know of it.
///
/// # Errors
/// What would keep the job from following, with the statement that mends it.
pub(crate) async fn following(
    job: &Job,
    source: &dyn Source,
    sink: &dyn Sink,
    tables: &[BoundTable],
) -> Result<Option<FollowingReport>> {
    if !matches!(job.mode, Mode::Changes | Mode::FullChanges) {
        return Ok(None);
    }
    let Some(log) = source.change_log() else {
        let message = format!("{} has no log of changes", job.source.redacted());
        return Err(Error::new(Code::NoChangeLog, message));
    };
    let follow = Follow {
        run: "check".to_owned(),
        tables: tables
            .iter()
            .map(|t| Arc::new(plan::followed(&t.plan, log.tells_generated())))
            .collect(),
        selection: job.tables.clone(),
        old_images: sink.wants_old_images(),
        spill: None,
    };
    let from = match (&job.following.from, job.mode) {
        (_, Mode::FullChanges) => "a snapshot, then the log from the same moment on".to_owned(),
        (Start::Now, _) => "the present end of the log".to_owned(),
        (Start::Earliest, _) => "the first change the log still has".to_owned(),
        (Start::At(position), _) => position.clone(),
    };
    let guarantee = if sink.wants_old_images() {
        "each change becomes a record, and a killed run goes on behind the last whole segment"
    } else {
        "changes and position in one transaction at the target: exactly once, with a key or without"
    };
    let notes = log.check_log(&follow).await?;
    Ok(Some(FollowingReport { from, guarantee: guarantee.to_owned(), notes }))
}

pub(crate) fn snapshot(consistency: &Consistency) -> String {
    match consistency {
        Consistency::Snapshot => "one moment for all tables".into(),
        Consistency::PerSplit(why) => format!("each piece shows its own moment: {why}"),
    }
}

/// The native type, or the portable name where there is none.
pub(crate) fn type_of(column: &Column) -> String {
    match field::get(&column.field, field::NATIVE) {
        Some(native) => native.to_owned(),
        None => syncline_convert::portable::type_name(&column.field),
    }
}

/// The types of a table's columns: by their portable names, and in the words of their store.
pub fn column_types(table: &TableSchema) -> Vec<(String, Option<String>)> {
    let of = |column: &Column| {
        let native = field::get(&column.field, field::NATIVE).map(str::to_owned);
        (syncline_convert::portable::type_name(&column.field), native)
    };
    table.columns.iter().map(of).collect()
}
