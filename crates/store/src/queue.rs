//! Runs that wait for their turn: how they come into the queue, what is asked of runs that nobody
//! works on, and what becomes of runs whose process is gone.

use syncline_types::{Code, Error, Result, RunEvent, RunState};

use crate::database::{Session, params};
use crate::run_record::{columns, record};
use crate::runs::{Change, change_state, for_update, insert_run};
use crate::schedules::{Mark, set_mark};
use crate::{NewRun, RunRecord, Store, Wanted};

/// What is asked of a run that rests.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ask {
    /// Into the queue, to go on.
    Resume,
    /// Out of the queue, to rest.
    Pause,
    /// To end for good.
    Stop,
}

/// What came of it.
#[derive(Debug)]
pub enum Asked {
    /// It is recorded.
    Done(Box<RunRecord>),
    /// Somebody works on the run, and is the one to ask.
    Moving(Box<RunRecord>),
}

/// What happens when a job that has a run under way is started once more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WhenActive {
    /// It is refused.
    Refuse,
    /// The new run waits for the other to end.
    Queue,
    /// Both run.
    Allow,
}

const ACTIVE: &str = "('created', 'waiting', 'running', 'pausing', 'stopping')";

impl Store {
    /// Records a run and puts it into the queue; with `mark`, together with how far the job's
    /// schedule has been carried out.
    ///
    /// # Errors
    /// [`Code::BadTransition`] when the job has a run under way, or one that a person has paused
    /// and that this one does not give up.
    pub fn enqueue(
        &self,
        run: &NewRun,
        when_active: WhenActive,
        mark: Option<&Mark>,
    ) -> Result<RunRecord> {
        self.writing("putting a run into the queue", |session| {
            if let Some(origin) = &run.origin {
                lock_job(session, &origin.job)?;
                let other = under_way(session, &origin.job, when_active)?;
                if let Some(other) = other.filter(|o| origin.gives_up.as_ref() != Some(&o.id)) {
                    return Err(already(&other));
                }
            }
            let created = insert_run(session, run)?;
            let change = Change { reason: created.reason.as_deref(), ..Change::default() };
            let queued = change_state(session, created.clone(), RunEvent::Queue, &change)?;
            if let Some(mark) = mark {
                set_mark(session, mark)?;
            }
            Ok(queued)
        })
    }

    /// Asks something of a run on which nobody works. When somebody does, nothing is recorded.
    ///
    /// # Errors
    /// [`Code::BadTransition`] when it makes no sense in the run's state.
    pub fn ask(&self, run: &str, ask: Ask, reason: Option<&str>) -> Result<Asked> {
        use RunState as S;
        self.writing("recording what is asked of a run", |session| {
            let current = for_update(session, run)?;
            let wanted = match ask {
                Ask::Resume => Wanted::Run,
                Ask::Pause => Wanted::Pause,
                Ask::Stop => Wanted::Stop,
            };
            // Without an owner it is at rest; what an owner once had may still be at the stores.
            let queued = current.state == S::Waiting && current.more.queued_at.is_some();
            let resting = matches!(current.state, S::Created | S::Paused | S::Failed) || queued;
            let ends = current.state.is_final();
            if !resting && !ends {
                return Ok(Asked::Moving(Box::new(current)));
            }
            let change = Change { reason, wanted: Some(wanted), ..Change::default() };
            let leaves = current.epoch > 0;
            let event = match ask {
                Ask::Resume => RunEvent::Queue,
                Ask::Pause => RunEvent::Pause,
                Ask::Stop => RunEvent::Stop,
            };
            let mut run = change_state(session, current, event, &change)?;
            if matches!(run.state, S::Pausing | S::Stopping) {
                run = change_state(session, run, RunEvent::Drained, &change)?;
            }
            if run.state == S::Stopped && leaves {
                set_leaves(session, &run.id, true)?;
                run.more.leaves = true;
            }
            Ok(Asked::Done(Box::new(run)))
        })
    }

    /// The runs that wait for their turn, in the order they came.
    ///
    /// # Errors
    /// When the state cannot be read.
    pub fn queue(&self) -> Result<Vec<RunRecord>> {
        let sql = format!(
            "SELECT {} FROM runs WHERE state = 'waiting' AND job_name IS NOT NULL \
             AND queued_at IS NOT NULL ORDER BY id",
            columns()
        );
        self.records("reading the queue", &sql, &[])
    }

    /// Says why runs wait, where that has changed.
    ///
    /// # Errors
    /// When the state cannot be written.
    pub fn save_waits(&self, waits: &[(String, String)]) -> Result<()> {
        if waits.is_empty() {
            return Ok(());
        }
        let doing = "saying why runs wait";
        self.database().transaction(doing, |session| {
            for (run, why) in waits {
                session
                    .execute(
                        "UPDATE runs SET waits_for = $1 WHERE id = $2 AND state = 'waiting'",
                        params![why, run],
                    )
                    .map_err(|e| e.while_(doing))?;
            }
            Ok(())
        })
    }

    /// Takes over the runs of a process that is gone: those that moved go back into the queue, what
    /// was asked of the others is carried out. Returns those that changed.
    ///
    /// # Errors
    /// When the state cannot be read or written.
    pub fn recover(&self, reason: &str) -> Result<Vec<RunRecord>> {
        let sql = format!(
            "SELECT id FROM runs WHERE job_name IS NOT NULL AND (state IN {ACTIVE} \
             OR (state = 'paused' AND wanted = 'run' AND reason = $1)) ORDER BY id"
        );
        let doing = "taking over runs";
        let values = params![INTERRUPTED];
        let runs = self.database().read(doing, &sql, values, |row| row.get::<String>("id"))?;
        let mut found = Vec::new();
        for id in runs {
            let changed = self.writing(doing, |session| recover_one(session, &id, reason))?;
            found.extend(changed);
        }
        Ok(found)
    }

    /// Takes a run back whose work has ended because of the state: without a word in it, or with the
    /// failure in it. It goes on when its turn comes, or comes to rest as somebody has asked. `None`
    /// where it has ended otherwise, waits already, or another has taken it over.
    ///
    /// # Errors
    /// When the state cannot be written.
    pub fn take_back(&self, run: &str, epoch: u64, reason: &str) -> Result<Option<RunRecord>> {
        self.writing("taking a run back", |session| {
            let current = for_update(session, run)?;
            if current.epoch != epoch {
                return Ok(None);
            }
            if current.state == RunState::Failed {
                let change = Change { reason: Some(reason), ..Change::default() };
                return change_state(session, current, RunEvent::Queue, &change).map(Some);
            }
            recover_one(session, run, reason)
        })
    }

    /// Runs that were stopped while nobody worked on them, of which something may be left at
    /// their stores.
    ///
    /// # Errors
    /// When the state cannot be read.
    pub fn left_behind(&self) -> Result<Vec<RunRecord>> {
        let sql = format!(
            "SELECT {} FROM runs WHERE state = 'stopped' AND leaves = 1 ORDER BY id",
            columns()
        );
        self.records("looking for what was left", &sql, &[])
    }

    /// Nothing of a run is left at its stores.
    ///
    /// # Errors
    /// When the state cannot be written.
    pub fn cleaned(&self, run: &str) -> Result<()> {
        self.database().transaction("noting what was removed", |s| set_leaves(s, run, false))
    }

    /// How many rows a run is planned to move.
    ///
    /// # Errors
    /// [`Code::StaleEpoch`] when `epoch` is past.
    pub fn save_estimate(&self, run: &str, epoch: u64, rows: Option<u64>) -> Result<()> {
        let sql = "UPDATE runs SET rows_estimated = $1 WHERE id = $2 AND epoch = $3";
        self.fenced(run, epoch, "keeping an estimate", sql, params![rows, run, epoch])
    }

    /// What a run did last, for lists that are looked at when it is over: rows in a second, lag and
    /// place in the log.
    ///
    /// # Errors
    /// [`Code::StaleEpoch`] when `epoch` is past.
    pub fn save_pace(
        &self,
        run: &str,
        epoch: u64,
        rows_per_second: u64,
        lag_ms: Option<u64>,
        place: Option<&str>,
    ) -> Result<()> {
        let sql = "UPDATE runs SET rows_per_second = $1, lag_ms = $2, place = $3 \
                   WHERE id = $4 AND epoch = $5";
        let values = params![rows_per_second, lag_ms, place, run, epoch];
        self.fenced(run, epoch, "keeping a run's pace", sql, values)
    }
}

/// Why a run rests that a node has interrupted as it stopped.
pub const INTERRUPTED: &str = "interrupted";

fn recover_one(session: &mut Session, id: &str, reason: &str) -> Result<Option<RunRecord>> {
    let current = for_update(session, id)?;
    let queued = current.state == RunState::Waiting && current.more.queued_at.is_some();
    let moved = current.epoch > 0;
    // Nothing has happened to one that only waited for its turn.
    if current.state.is_final() || queued {
        return Ok(None);
    }
    let wanted = current.more.wanted;
    let change = Change { reason: Some(reason), ..Change::default() };
    let event = match current.state {
        // A node that stopped has laid it to rest; no person has.
        RunState::Created | RunState::Paused => RunEvent::Queue,
        _ => RunEvent::Orphan,
    };
    let mut run = change_state(session, current, event, &change)?;
    if run.state == RunState::Paused && wanted == Wanted::Run {
        run = change_state(session, run, RunEvent::Queue, &change)?;
    }
    if run.state == RunState::Stopped && moved {
        set_leaves(session, id, true)?;
        run.more.leaves = true;
    }
    Ok(Some(run))
}

fn set_leaves(session: &mut Session, run: &str, leaves: bool) -> Result<()> {
    session
        .execute("UPDATE runs SET leaves = $1 WHERE id = $2", params![leaves, run])
        .map(drop)
        .map_err(|e| e.while_("noting what may be left of a run"))
}

/// Of several who start a job at once, one goes first: its row is written, which the others wait
/// for.
fn lock_job(session: &mut Session, job: &str) -> Result<()> {
    session
        .execute(
            "INSERT INTO sequences (name, value) VALUES ($1, 1)
             ON CONFLICT (name) DO UPDATE SET value = sequences.value + 1",
            params![format!("runs of {job}")],
        )
        .map(drop)
        .map_err(|e| e.while_("starting a job"))
}

/// A run of the job that stands in the way of another.
fn under_way(session: &mut Session, job: &str, when: WhenActive) -> Result<Option<RunRecord>> {
    let states = match when {
        WhenActive::Allow => return Ok(None),
        WhenActive::Refuse => "('created', 'waiting', 'running', 'pausing', 'stopping', 'paused')",
        // One that runs may be waited for; one that waits already is enough.
        WhenActive::Queue => "('created', 'waiting', 'paused')",
    };
    newest(session, job, states)
}

/// The newest of the job's runs that are in one of these states.
fn newest(session: &mut Session, job: &str, states: &str) -> Result<Option<RunRecord>> {
    let sql = format!(
        "SELECT {} FROM runs WHERE job_name = $1 AND state IN {states} ORDER BY id DESC LIMIT 1",
        columns()
    );
    session
        .row(&sql, params![job])
        .and_then(|row| row.as_ref().map(record).transpose())
        .map_err(|e| e.while_("looking for runs under way"))
}

/// No run of the job is at work or waits for its turn, nor begins until the transaction ends.
///
/// # Errors
/// [`Code::BadTransition`] when one is.
pub(crate) fn at_rest(session: &mut Session, job: &str) -> Result<()> {
    lock_job(session, job)?;
    match newest(session, job, ACTIVE)? {
        Some(other) => Err(already(&other)),
        None => Ok(()),
    }
}

fn already(other: &RunRecord) -> Error {
    let message = format!("run {} of this job is {}", other.id, other.state);
    let error = Error::new(Code::BadTransition, message);
    match other.state {
        RunState::Paused => error.hint("resume it or stop it; or start afresh, which gives it up"),
        _ => error.hint("wait for it, or stop it"),
    }
}
