//! Which tables of a run go through a log: all of them; or, while some join a run that follows
//! already, the others, and behind their snapshot those.

use syncline_connector::{ApplyTask, ChangeLog};
use syncline_types::{Position, Result};
use tokio_util::sync::CancellationToken;

use super::state::LogState;
use super::stream::Stream;
use super::{JOINING, LOG};
use crate::plan::{Plan, TablePlan};

/// A part of a run's tables.
#[derive(Debug, Clone)]
pub(crate) enum Part {
    /// All.
    All,
    /// Those that do not join and are not tied to such, until enough is followed. What they have
    /// does not let go of the log: those that join will read it from their snapshot on.
    Others {
        /// The rows of those that join are at the target.
        enough: CancellationToken,
    },
    /// Those that join, with those tied to them, up to where the others are.
    Joining {
        /// Where their snapshot was opened first, or where those tied to them rest.
        from: Position,
        /// Where the others are.
        until: Position,
    },
}

impl Part {
    /// Those that join, once the others are where they are met.
    pub(crate) fn joining(state: LogState) -> Option<Self> {
        let (from, until) = state.beside.zip(state.meets)?;
        Some(Self::Joining { from, until })
    }

    pub(super) fn is_all(&self) -> bool {
        matches!(self, Self::All)
    }

    /// Under which name the target keeps the place in the log.
    pub(crate) fn key(&self, run: &str) -> String {
        let [all, joining] = Self::keys(run);
        match self {
            Self::Joining { .. } => joining,
            _ => all,
        }
    }

    /// All names under which the target may keep a place of the run.
    pub(crate) fn keys(run: &str) -> [String; 2] {
        [run.to_owned(), ApplyTask::joining(run)]
    }

    /// Under which split bad rows are kept: each part counts its own rows.
    pub(super) fn split(&self) -> u32 {
        match self {
            Self::Joining { .. } => JOINING,
            _ => LOG,
        }
    }

    /// The plan of these tables, and the other tables of the run. `newest`: the plan that was kept
    /// last.
    pub(super) fn of(&self, state: &LogState, plan: Plan, newest: &Plan) -> (Plan, Vec<TablePlan>) {
        if self.is_all() {
            return (plan, Vec::new());
        }
        let joins = |table: &TablePlan| state.joins(&table.source.name);
        let given = plan.given.max(newest.given);
        let (joining, others): (Vec<_>, Vec<_>) = plan.tables.into_iter().partition(joins);
        match self {
            // The others are as they were left.
            Self::Joining { .. } => {
                let left = newest.tables.iter().filter(|table| !joins(table)).cloned();
                (Plan::after(given, joining), left.collect())
            }
            _ => (Plan::after(given, others), joining),
        }
    }

    /// Nothing behind this is wanted.
    pub(super) fn until(&self) -> Option<Position> {
        match self {
            Self::Joining { until, .. } => Some(until.clone()),
            _ => None,
        }
    }

    /// Where reading begins when the target has nothing of it yet.
    pub(super) fn start(&self, state: &LogState) -> Option<Position> {
        match self {
            Self::Joining { from, .. } => Some(from.clone()),
            _ => state.start.clone(),
        }
    }
}

impl Stream<'_> {
    /// Whether a part of the tables is through with its part of the log.
    pub(super) fn is_through(&self, changes: &dyn ChangeLog) -> Result<bool> {
        if !self.complete {
            return Ok(false);
        }
        match &self.log.part {
            Part::All => Ok(false),
            Part::Joining { until, .. } => changes.reached(&self.read, until),
            Part::Others { enough } if enough.is_cancelled() => {
                // What joins goes on from its snapshot, which the others must not be before.
                match &self.log.kept.get().moment {
                    Some(moment) => changes.reached(&self.read, moment),
                    None => Ok(true),
                }
            }
            Part::Others { .. } => Ok(false),
        }
    }
}
