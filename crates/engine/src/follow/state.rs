//! What a run that follows changes keeps of its place: the snapshot's moments, and the definitions
//! at each place of the log.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, MutexGuard, PoisonError};

use serde::{Deserialize, Serialize};
use std::sync::Arc;
use syncline_connector::Moment;
use syncline_store::Store;
use syncline_types::{Code, Error, ForeignKey, Position, Result, TableName, TableSelection};

/// Foreign keys that are set aside, by the names of their tables.
pub(crate) type Aside = BTreeMap<String, Vec<ForeignKey>>;

/// What is kept, as JSON.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct LogState {
    /// Following begins behind this.
    pub(crate) start: Option<Position>,
    /// Up to here, rows of the snapshot may be ahead of the log: what the log tells is applied so
    /// that it may be there already. `None` when the snapshot stands exactly at `start`.
    pub(crate) overlap: Option<Position>,
    /// Where the snapshot stands that is being read.
    pub(crate) moment: Option<Position>,
    /// Where the snapshot stood that a table was read in, by its name at the source, for tables
    /// that have in it what the log tells up to there: those without a key, whose rows cannot be
    /// applied twice, and those that came to a run which followed already.
    pub(crate) read_at: BTreeMap<String, Position>,
    /// How far it is from snapshot to log.
    pub(crate) phase: Phase,
    /// The log has been caught up with since the snapshot.
    #[serde(default)]
    pub(crate) caught_up: bool,
    /// The place in the log was lost: the target's tables are replaced by new copies.
    #[serde(default)]
    pub(crate) anew: bool,
    /// A person was asked about the change of a definition that ends here.
    pub(crate) asked: Option<Position>,
    /// What the job selected as the run was last brought in line with it.
    #[serde(default)]
    pub(crate) selection: Option<TableSelection>,
    /// Tables of the source that come to a run which follows already.
    #[serde(default)]
    pub(crate) joining: BTreeSet<String>,
    /// Those were made while the run followed: all their rows are its to bring, in every mode.
    #[serde(default)]
    pub(crate) made: bool,
    /// The others go on while those are copied, from this place on, at which their snapshot was
    /// opened first. `None` when the log waits for them.
    #[serde(default)]
    pub(crate) beside: Option<Position>,
    /// Where those that join meet the others.
    #[serde(default)]
    pub(crate) meets: Option<Position>,
    /// Foreign keys of tables that join, by their name at the source, to tables that do not: their
    /// rows are written without regard to them until all have met.
    #[serde(default)]
    pub(crate) aside: Aside,
    /// Tables that rest while those are copied, for foreign keys tie them, and go on with them.
    #[serde(default)]
    pub(crate) tied: BTreeSet<String>,
    /// Tables of the source that fit the selection, came later, and are not followed.
    #[serde(default)]
    pub(crate) passed_over: BTreeSet<String>,
}

impl LogState {
    /// Whether a table goes through the log with those that join.
    pub(crate) fn joins(&self, table: &TableName) -> bool {
        let name = table.to_string();
        self.joining.contains(&name) || self.tied.contains(&name)
    }
}

/// How far a run is from snapshot to log.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Phase {
    /// Rows of the snapshot are read.
    #[default]
    Snapshot,
    /// They are at the target, from more than one moment: unique keys and foreign keys hold only
    /// once the log has been applied up to the last, and are made then.
    Overlap,
    /// Rows of tables that join are at the target, from moments before the place of the others:
    /// they are followed up to there.
    Catching,
    /// The target's tables are whole.
    Loaded,
    /// The log is followed.
    Following,
}

/// The kept state of a run.
pub(crate) struct KeptLog {
    store: Arc<Store>,
    run: String,
    epoch: u64,
    state: Mutex<LogState>,
}

impl KeptLog {
    /// As kept by an earlier process, or empty.
    pub(crate) fn load(store: &Arc<Store>, run: &str, epoch: u64) -> Result<Self> {
        let state = match store.log(run)? {
            None => LogState::default(),
            Some(text) => serde_json::from_str(&text).map_err(|e| {
                Error::new(Code::CannotResume, "the kept state of the log cannot be read")
                    .because(e)
                    .hint("start over with --fresh")
            })?,
        };
        let run = run.to_owned();
        Ok(Self { store: Arc::clone(store), run, epoch, state: Mutex::new(state) })
    }

    fn lock(&self) -> MutexGuard<'_, LogState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The state.
    pub(crate) fn get(&self) -> LogState {
        self.lock().clone()
    }

    /// Changes the state, and keeps it.
    pub(crate) fn change(&self, change: impl FnOnce(&mut LogState)) -> Result<()> {
        let mut state = self.lock();
        change(&mut state);
        self.store.save_log(&self.run, self.epoch, &json(&state)?)
    }

    /// Forgets everything: the run copies its tables anew, in place of the target's where
    /// `replace` says so.
    pub(crate) fn begin_anew(&self, replace: bool, selection: &TableSelection) -> Result<()> {
        let mut state = self.lock();
        let selection = Some(selection.clone());
        *state = LogState { anew: replace, selection, ..LogState::default() };
        self.store.begin_anew(&self.run, self.epoch, &json(&state)?)
    }

    /// A snapshot was opened: the first, or one that goes on where another was broken off.
    pub(crate) fn opened(&self, moment: &Moment) -> Result<()> {
        self.change(|state| {
            let exact = state.moment.is_none() && moment.low == moment.high;
            state.start.get_or_insert_with(|| moment.low.clone());
            for table in &state.joining {
                state.read_at.entry(table.clone()).or_insert_with(|| moment.low.clone());
            }
            state.overlap = (!exact).then(|| moment.high.clone());
            state.moment = Some(moment.high.clone());
        })
    }

    /// Whether the target's tables are made whole only behind the overlap.
    pub(crate) fn overlaps(&self) -> bool {
        self.lock().overlap.is_some()
    }

    /// Tables come to the run, which follows as far as is known. `made`: the source has just made
    /// them.
    pub(crate) fn joins(&self, tables: BTreeSet<String>, made: bool) -> Result<()> {
        self.change(|state| {
            state.phase = Phase::Snapshot;
            (state.joining, state.made) = (tables, made);
            (state.overlap, state.moment) = (None, None);
            (state.beside, state.meets) = (None, None);
            state.read_at.clear();
            state.aside.clear();
            state.tied.clear();
        })
    }

    /// The foreign keys that a table is written without regard to, as it joins.
    pub(crate) fn aside(&self, table: &TableName) -> Vec<ForeignKey> {
        self.lock().aside.get(&table.to_string()).cloned().unwrap_or_default()
    }

    /// A table has another name from here on, and is no other.
    pub(crate) fn renamed(&self, from: &TableName, to: &TableName) -> Result<()> {
        self.change(|state| {
            for names in [&mut state.joining, &mut state.tied] {
                if names.contains(&from.to_string()) {
                    names.insert(to.to_string());
                }
            }
        })
    }

    /// Tables that were to come are gone: only those that are `there` come.
    pub(crate) fn come_without(&self, there: impl Fn(&String) -> bool) -> Result<()> {
        self.change(|state| {
            state.joining.retain(|name| there(name));
            if state.joining.is_empty() {
                state.phase = Phase::Following;
            }
        })
    }

    /// Whether a table of the source is among those that are copied now.
    pub(crate) fn copies(&self, table: &TableName) -> bool {
        let state = self.lock();
        state.joining.is_empty() || state.joining.contains(&table.to_string())
    }

    /// A table without a key is about to be read in the present snapshot.
    pub(crate) fn reads(&self, table: &TableName) -> Result<()> {
        self.change(|state| {
            if let Some(moment) = state.moment.clone() {
                state.read_at.insert(table.to_string(), moment);
            }
        })
    }
}

fn json(state: &LogState) -> Result<String> {
    serde_json::to_string(state)
        .map_err(|e| Error::bug("the state of a log cannot be written").because(e))
}
