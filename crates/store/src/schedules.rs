//! Up to where schedules have been carried out, so that no start comes twice and a missed one is
//! known.

use syncline_types::Result;

use crate::Store;
use crate::database::{Session, params};

/// Up to where a job's schedule has been carried out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mark {
    /// The job.
    pub job: String,
    /// The schedule it is about, as text: another one begins anew.
    pub schedule: String,
    /// Every start up to this moment has been carried out, or passed over (UTC, ISO 8601).
    pub seen_at: String,
    /// Every end of a run up to this number of its event has been.
    pub seen_seq: i64,
}

/// A job that is to start by itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ScheduledJob {
    /// Its name.
    pub name: String,
    /// Its schedule, as JSON.
    pub schedule: String,
    /// When the job was last changed: starts before that are none of this schedule's.
    pub since: String,
}

impl Store {
    /// All marks.
    ///
    /// # Errors
    /// When the state cannot be read.
    pub fn marks(&self) -> Result<Vec<Mark>> {
        let sql = "SELECT job, schedule, seen_at, seen_seq FROM schedule_marks ORDER BY job";
        self.database().read("reading schedules", sql, &[], |row| {
            Ok(Mark {
                job: row.get("job")?,
                schedule: row.get("schedule")?,
                seen_at: row.get("seen_at")?,
                seen_seq: row.get("seen_seq")?,
            })
        })
    }

    /// The jobs that are to start by themselves.
    ///
    /// # Errors
    /// When the state cannot be read.
    pub fn scheduled_jobs(&self) -> Result<Vec<ScheduledJob>> {
        let sql =
            "SELECT name, schedule, updated_at FROM jobs WHERE schedule IS NOT NULL AND enabled = 1
                   ORDER BY name";
        self.database().read("reading schedules", sql, &[], |row| {
            Ok(ScheduledJob {
                name: row.get("name")?,
                schedule: row.get("schedule")?,
                since: row.get("updated_at")?,
            })
        })
    }

    /// The number of the last event that had happened at a moment.
    ///
    /// # Errors
    /// When the state cannot be read.
    pub fn event_at(&self, moment: &str) -> Result<i64> {
        let sql = "SELECT seq FROM run_events WHERE at <= $1 ORDER BY seq DESC LIMIT 1";
        let doing = "reading events";
        let found = self.database().read(doing, sql, params![moment], |row| row.get("seq"))?;
        Ok(found.into_iter().next().unwrap_or(0))
    }

    /// Forgets the marks of jobs that do not start by themselves any more: when they do again, what
    /// fell into the time between was not missed.
    ///
    /// # Errors
    /// When the state cannot be written.
    pub fn forget_marks(&self, jobs: &[String]) -> Result<()> {
        let doing = "forgetting schedules";
        for job in jobs {
            let sql = "DELETE FROM schedule_marks WHERE job = $1";
            self.database().execute(doing, sql, params![job])?;
        }
        Ok(())
    }

    /// Moves a mark without starting anything.
    ///
    /// # Errors
    /// When the state cannot be written.
    pub fn set_mark(&self, mark: &Mark) -> Result<()> {
        self.database().transaction("keeping a schedule", |session| set_mark(session, mark))
    }

    /// Ends of runs of a job after a number: the number and the state it ended in.
    ///
    /// # Errors
    /// When the state cannot be read.
    pub fn ends_after(&self, job: &str, seq: i64) -> Result<Vec<(i64, String)>> {
        let sql = "SELECT e.seq, e.body FROM run_events e JOIN runs r ON r.id = e.run
                   WHERE e.seq > $1 AND e.kind = 'state' AND r.job_name = $2 ORDER BY e.seq";
        let found =
            self.database().read("reading ends of runs", sql, params![seq, job], |row| {
                Ok((row.get::<i64>("seq")?, row.get::<String>("body")?))
            })?;
        let state = |body: &str| {
            let body: serde_json::Value = serde_json::from_str(body).ok()?;
            Some(body.get("state")?.as_str()?.to_owned())
        };
        let ended = found.into_iter().filter_map(|(seq, body)| Some((seq, state(&body)?)));
        Ok(ended.filter(|(_, s)| ["finished", "failed", "stopped"].contains(&s.as_str())).collect())
    }
}

pub(crate) fn set_mark(session: &mut Session, mark: &Mark) -> Result<()> {
    session
        .execute(
            "INSERT INTO schedule_marks (job, schedule, seen_at, seen_seq) VALUES ($1, $2, $3, $4)
             ON CONFLICT (job) DO UPDATE SET schedule = excluded.schedule,
                 seen_at = excluded.seen_at, seen_seq = excluded.seen_seq",
            params![&mark.job, &mark.schedule, &mark.seen_at, mark.seen_seq],
        )
        .map(drop)
        .map_err(|e| e.while_("keeping a schedule"))
}
