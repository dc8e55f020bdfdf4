//! Lists of runs, page by page, and how old ones are forgotten.

use serde::Serialize;
use syncline_types::{Code, Error, Result, RunState};

use crate::conditions::{Conditions, containing};
use crate::database::{Value, params};
use crate::run_record::{columns, listed};
use crate::{RunRecord, Store};

/// Which runs.
#[derive(Debug, Clone, Default)]
pub struct RunFilter {
    /// Of this job.
    pub job: Option<String>,
    /// Of one of these jobs; of any where there is no such list.
    pub jobs: Option<Vec<String>>,
    /// Of the jobs of this project.
    pub project: Option<String>,
    /// Of the jobs of one of these projects; of any where there is no such list.
    pub projects: Option<Vec<String>>,
    /// In one of these states; in any when there are none.
    pub states: Vec<RunState>,
    /// With this text in id, name, source or target.
    pub text: Option<String>,
    /// Recorded at this moment or later (UTC, ISO 8601).
    pub since: Option<String>,
    /// Recorded before this moment.
    pub until: Option<String>,
    /// Older than the run of this id.
    pub before: Option<String>,
}

/// How many runs of a server are in each state.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct StateCount {
    /// The state.
    pub state: RunState,
    /// How many.
    pub runs: u64,
}

/// Milliseconds that may lie between the making of a run's key and its record.
const MARGIN: i64 = 60_000;

/// The smallest key (UUIDv7) that is made so long after a moment: keys are in the order of their
/// time, and lists are in the order of keys.
fn around(moment: &str, milliseconds: i64) -> Option<String> {
    let at = chrono::DateTime::parse_from_rfc3339(moment).ok()?.timestamp_millis();
    let at = u64::try_from(at.checked_add(milliseconds)?).ok()?;
    (at >> 48 == 0).then(|| format!("{:08x}-{:04x}", at >> 16, at & 0xFFFF))
}

impl Store {
    /// Runs, newest first.
    ///
    /// # Errors
    /// When the state cannot be read.
    pub fn runs(&self, state: Option<RunState>, limit: u32) -> Result<Vec<RunRecord>> {
        let filter = RunFilter { states: state.into_iter().collect(), ..RunFilter::default() };
        self.list_runs(&filter, limit)
    }

    /// The newest runs that fit, newest first, without their jobs and plans.
    ///
    /// # Errors
    /// When the state cannot be read.
    pub fn list_runs(&self, filter: &RunFilter, limit: u32) -> Result<Vec<RunRecord>> {
        let mut only = Conditions::default();
        if let Some(job) = &filter.job {
            only.add("job_name = ?", job);
        }
        if let Some(jobs) = &filter.jobs {
            only.among("job_name", jobs);
        }
        if let Some(project) = &filter.project {
            only.add("project = ?", project);
        }
        if let Some(projects) = &filter.projects {
            only.among("project", projects);
        }
        only.in_states("state", &filter.states);
        if let Some(before) = &filter.before {
            only.add("id < ?", before);
        }
        if let Some(since) = &filter.since {
            only.add("created_at >= ?", since);
            if let Some(id) = around(since, -MARGIN) {
                only.add("id >= ?", id);
            }
        }
        if let Some(until) = &filter.until {
            only.add("created_at < ?", until);
            if let Some(id) = around(until, MARGIN) {
                only.add("id < ?", id);
            }
        }
        if let Some(text) = &filter.text {
            // The short columns are read from an index alone.
            let within = "id IN (SELECT id FROM runs WHERE lower(id || ' ' || name || ' ' || source \
                          || ' ' || sink) LIKE ? ESCAPE '!')";
            only.add(within, containing(text));
        }
        only.values.push(Value::from(limit));
        let sql = format!(
            "SELECT {} FROM runs WHERE {} ORDER BY id DESC LIMIT ${}",
            listed(),
            only.all(),
            only.values.len()
        );
        self.records("listing runs", &sql, &only.values)
    }

    /// The runs of these ids, without their jobs and plans.
    ///
    /// # Errors
    /// When the state cannot be read.
    pub fn runs_of(&self, ids: &[&str]) -> Result<Vec<RunRecord>> {
        let mut found = Vec::with_capacity(ids.len());
        // Databases take only so many parameters.
        for some in ids.chunks(500) {
            let places: Vec<String> = (1..=some.len()).map(|n| format!("${n}")).collect();
            let sql = format!("SELECT {} FROM runs WHERE id IN ({})", listed(), places.join(", "));
            let values: Vec<Value> = some.iter().map(|id| Value::from(*id)).collect();
            found.extend(self.records("reading runs", &sql, &values)?);
        }
        Ok(found)
    }

    /// All runs that have not ended, without their jobs and plans.
    ///
    /// # Errors
    /// When the state cannot be read.
    pub fn active_runs(&self) -> Result<Vec<RunRecord>> {
        use RunState as S;
        let states = vec![S::Created, S::Waiting, S::Running, S::Pausing, S::Paused, S::Stopping];
        self.list_runs(&RunFilter { states, ..RunFilter::default() }, 20_000)
    }

    /// The newest run of a job of the store, whatever became of it.
    ///
    /// # Errors
    /// When the state cannot be read.
    pub fn last_run_of(&self, job: &str) -> Result<Option<RunRecord>> {
        let filter = RunFilter { job: Some(job.to_owned()), ..RunFilter::default() };
        Ok(self.list_runs(&filter, 1)?.pop())
    }

    /// The newest runs of these jobs of the store, without their specs and plans, in no order.
    ///
    /// # Errors
    /// When the state cannot be read.
    pub fn last_runs_of(&self, jobs: &[&str]) -> Result<Vec<RunRecord>> {
        let mut found = Vec::with_capacity(jobs.len());
        // Databases take only so many parameters.
        for some in jobs.chunks(500) {
            let places: Vec<String> = (1..=some.len()).map(|n| format!("${n}")).collect();
            // A look into the index for each job, however many runs it has had.
            let sql = format!(
                "SELECT {} FROM runs WHERE id IN (SELECT (SELECT r.id FROM runs r \
                 WHERE r.job_name = j.name ORDER BY r.id DESC LIMIT 1) FROM jobs j \
                 WHERE j.name IN ({}))",
                listed(),
                places.join(", ")
            );
            let values: Vec<Value> = some.iter().map(|job| Value::from(*job)).collect();
            found.extend(self.records("reading the last runs of jobs", &sql, &values)?);
        }
        Ok(found)
    }

    /// The newest run of a job of the store that has failed or rests, and may go on.
    ///
    /// # Errors
    /// When the state cannot be read.
    pub fn resumable_run_of(&self, job: &str) -> Result<Option<RunRecord>> {
        let sql = format!(
            "SELECT {} FROM runs WHERE job_name = $1 AND state IN ('failed', 'paused') \
             ORDER BY id DESC LIMIT 1",
            columns()
        );
        Ok(self.records("looking for a run that may go on", &sql, params![job])?.pop())
    }

    /// Rows in a second of the newest runs of a job that finished: what the next may do.
    ///
    /// # Errors
    /// When the state cannot be read.
    pub fn past_pace(&self, job: &str) -> Result<Option<(u64, u64)>> {
        let filter = RunFilter {
            job: Some(job.to_owned()),
            states: vec![RunState::Finished],
            ..RunFilter::default()
        };
        let last = self.list_runs(&filter, 1)?.pop();
        Ok(last.and_then(|r| Some((r.totals.rows_written, r.more.rows_per_second?))))
    }

    /// How many runs are in each state but those that are over: of these there are ever more, and
    /// counting them would take ever longer.
    ///
    /// # Errors
    /// When the state cannot be read.
    pub fn count_runs(&self) -> Result<Vec<StateCount>> {
        let open: Vec<String> = RunState::ALL
            .into_iter()
            .filter(|state| !state.is_final())
            .map(|state| format!("'{}'", state.name()))
            .collect();
        let sql = format!(
            "SELECT state, count(*) AS runs FROM runs WHERE state IN ({}) \
             GROUP BY state ORDER BY state",
            open.join(", ")
        );
        let found = self.database().read("counting runs", &sql, &[], |row| {
            Ok((row.get::<String>("state")?, row.get::<u64>("runs")?))
        })?;
        let known =
            |(name, runs): (String, u64)| Some(StateCount { state: RunState::parse(&name)?, runs });
        Ok(found.into_iter().filter_map(known).collect())
    }

    /// Forgets a run that has ended, with all that was kept of it.
    ///
    /// # Errors
    /// [`Code::BadTransition`] when it has not ended; [`Code::StillUsed`] when rows of it wait to
    /// be replayed.
    pub fn delete_run(&self, run: &str) -> Result<()> {
        let doing = "forgetting a run";
        self.database().transaction(doing, |session| {
            let current = crate::runs::for_update(session, run)?;
            if !current.state.is_final() {
                let message = format!("run {run} is {}", current.state);
                return Err(Error::new(Code::BadTransition, message)
                    .hint("only a run that has finished or was stopped can be forgotten"));
            }
            let sql =
                "SELECT count(*) AS n FROM dead_letters WHERE run = $1 AND replayed_at IS NULL";
            let row = session.row(sql, params![run]).map_err(|e| e.while_(doing))?;
            let letters: i64 = row.map_or(Ok(0), |r| r.get("n")).map_err(|e| e.while_(doing))?;
            if letters > 0 {
                let message = format!("{letters} rows of run {run} have not been written");
                return Err(Error::new(Code::StillUsed, message)
                    .hint("replay its dead letters, or drop them"));
            }
            let sql = "DELETE FROM runs WHERE id = $1";
            session.execute(sql, params![run]).map(drop).map_err(|e| e.while_(doing))
        })
    }

    /// Forgets runs that ended before a moment, but none of which rows wait to be replayed and not
    /// the last one of a job. Returns how many.
    ///
    /// # Errors
    /// When the state cannot be written.
    pub fn forget_runs(&self, before: &str, limit: u32) -> Result<u64> {
        let sql = "DELETE FROM runs WHERE id IN (
                SELECT r.id FROM runs r
                WHERE r.state IN ('finished', 'stopped') AND r.ended_at < $1 AND r.leaves = 0
                AND NOT EXISTS (SELECT 1 FROM dead_letters d
                                WHERE d.run = r.id AND d.replayed_at IS NULL)
                AND EXISTS (SELECT 1 FROM runs n WHERE n.job_name = r.job_name AND n.id > r.id)
                ORDER BY r.id LIMIT $2)";
        self.database().execute("forgetting old runs", sql, params![before, limit])
    }
}
