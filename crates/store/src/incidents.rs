//! What is wrong, from its beginning to its end, and what people were told of it: once by each way
//! there is to tell them, tried again until it has arrived or is given up.

use syncline_types::Result;

use crate::conditions::Conditions;
use crate::database::{Done, Row, Session, params};
use crate::{Store, now};

/// Something that is wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewIncident {
    /// What kind of trouble: `failed`, `waiting`, `lag`, `dead_letters`.
    pub cause: String,
    /// What it is about; of one cause and subject there is one incident at a time.
    pub subject: String,
    /// The job.
    pub job: String,
    /// The run.
    pub run: String,
    /// What people read.
    pub message: String,
}

/// Something that was or is wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Incident {
    /// Its number.
    pub id: i64,
    /// What it is.
    pub what: NewIncident,
    /// When it was noticed (UTC, ISO 8601).
    pub opened_at: String,
    /// When it was over.
    pub resolved_at: Option<String>,
}

/// Something to be told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Notice {
    /// Its number.
    pub id: i64,
    /// By which way: `email`, or `webhook NAME`.
    pub channel: String,
    /// It is over: otherwise, it has begun.
    pub resolved: bool,
    /// How often it was tried.
    pub tries: u32,
    /// Of what.
    pub incident: Incident,
}

fn incident(row: &Row) -> Done<Incident> {
    Ok(Incident {
        id: row.get("incident")?,
        what: NewIncident {
            cause: row.get("cause")?,
            subject: row.get("subject")?,
            job: row.get("job")?,
            run: row.get("run")?,
            message: row.get("message")?,
        },
        opened_at: row.get("opened_at")?,
        resolved_at: row.get("resolved_at")?,
    })
}

/// By each of these ways it is to be told that an incident has begun, from this moment on.
fn tell(session: &mut Session, incident: i64, channels: &[String], at: &str) -> Done<()> {
    for channel in channels {
        session.execute(
            "INSERT INTO notices (incident, channel, kind, next_try_at)
             VALUES ($1, $2, 'opened', $3)",
            params![incident, channel, at],
        )?;
    }
    Ok(())
}

const COLUMNS: &str =
    "i.id AS incident, i.cause, i.subject, i.job, i.run, i.message, i.opened_at, i.resolved_at";

impl Store {
    /// Takes note of something that is wrong, and of whom to tell. Returns whether it is news.
    ///
    /// # Errors
    /// When the state cannot be written.
    pub fn open_incident(&self, new: &NewIncident, channels: &[String]) -> Result<bool> {
        let doing = "noting an incident";
        self.database().transaction(doing, |session| {
            let mut write = || {
                let at = now();
                let opened = session.row(
                    "INSERT INTO incidents (cause, subject, job, run, message, opened_at)
                     VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT DO NOTHING RETURNING id",
                    params![&new.cause, &new.subject, &new.job, &new.run, &new.message, &at],
                )?;
                let Some(row) = opened else { return Ok(false) };
                tell(session, row.get("id")?, channels, &at)?;
                Ok(true)
            };
            write().map_err(|e: crate::database::Failed| e.while_(doing))
        })
    }

    /// Takes note that something is right again. Who was told that it began is told that it is over;
    /// who was not yet told is told nothing.
    ///
    /// # Errors
    /// When the state cannot be written.
    pub fn resolve_incident(&self, id: i64) -> Result<()> {
        let doing = "resolving an incident";
        self.database().transaction(doing, |session| {
            let mut write = || {
                let at = now();
                session.execute(
                    "UPDATE incidents SET resolved_at = $1 WHERE id = $2 AND resolved_at IS NULL",
                    params![&at, id],
                )?;
                session.execute(
                    "INSERT INTO notices (incident, channel, kind, next_try_at)
                     SELECT incident, channel, 'resolved', $1 FROM notices
                     WHERE incident = $2 AND kind = 'opened' AND sent_at IS NOT NULL",
                    params![&at, id],
                )?;
                session.execute(
                    "UPDATE notices SET next_try_at = NULL
                     WHERE incident = $1 AND kind = 'opened' AND sent_at IS NULL",
                    params![id],
                )
            };
            write().map(drop).map_err(|e: crate::database::Failed| e.while_(doing))
        })
    }

    /// Tells of an incident that nobody was told of; returns whether that was so.
    ///
    /// # Errors
    /// When the state cannot be written.
    pub fn tell_incident(&self, id: i64, channels: &[String]) -> Result<bool> {
        let doing = "telling of an incident";
        self.database().transaction(doing, |session| {
            let mut write = || {
                let told = "SELECT id FROM notices WHERE incident = $1 LIMIT 1";
                if session.row(told, params![id])?.is_some() {
                    return Ok(false);
                }
                tell(session, id, channels, &now())?;
                Ok(true)
            };
            write().map_err(|e: crate::database::Failed| e.while_(doing))
        })
    }

    /// How often a job has had a kind of trouble since a moment (UTC, ISO 8601).
    ///
    /// # Errors
    /// When the state cannot be read.
    pub fn incidents_since(&self, cause: &str, job: &str, since: &str) -> Result<u64> {
        let sql = "SELECT count(*) AS incidents FROM incidents
                   WHERE cause = $1 AND job = $2 AND opened_at >= $3";
        let values = params![cause, job, since];
        let found =
            self.database().read("counting incidents", sql, values, |row| row.get("incidents"));
        Ok(found?.pop().unwrap_or(0))
    }

    /// How many dead letters of a run still wait for somebody.
    ///
    /// # Errors
    /// When the state cannot be read.
    pub fn letters_left(&self, run: &str) -> Result<u64> {
        let sql = "SELECT count(*) AS letters FROM dead_letters
                   WHERE run = $1 AND replayed_at IS NULL";
        let found = self
            .database()
            .read("counting dead letters", sql, params![run], |row| row.get("letters"));
        Ok(found?.pop().unwrap_or(0))
    }

    /// What is wrong now.
    ///
    /// # Errors
    /// When the state cannot be read.
    pub fn open_incidents(&self) -> Result<Vec<Incident>> {
        let sql =
            format!("SELECT {COLUMNS} FROM incidents i WHERE i.resolved_at IS NULL ORDER BY i.id");
        self.database().read("listing incidents", &sql, &[], incident)
    }

    /// What is to be told by this moment (UTC, ISO 8601), oldest first.
    ///
    /// # Errors
    /// When the state cannot be read.
    pub fn due_notices(&self, by: &str, limit: u32) -> Result<Vec<Notice>> {
        let sql = format!(
            "SELECT n.id, n.channel, n.kind, n.tries, {COLUMNS}
             FROM notices n JOIN incidents i ON i.id = n.incident
             WHERE n.next_try_at IS NOT NULL AND n.next_try_at <= $1 ORDER BY n.id LIMIT $2"
        );
        self.database().read("listing notices", &sql, params![by, limit], |row| {
            Ok(Notice {
                id: row.get("id")?,
                channel: row.get("channel")?,
                resolved: row.get::<String>("kind")? == "resolved",
                tries: row.get("tries")?,
                incident: incident(row)?,
            })
        })
    }

    /// It has arrived.
    ///
    /// # Errors
    /// When the state cannot be written.
    pub fn notice_sent(&self, id: i64) -> Result<()> {
        let sql = "UPDATE notices SET sent_at = $1, next_try_at = NULL, tries = tries + 1,
                       error = NULL WHERE id = $2";
        self.database().execute("noting a notice", sql, params![now(), id]).map(drop)
    }

    /// It has not arrived, and is tried again at that moment; never again when `None`.
    ///
    /// # Errors
    /// When the state cannot be written.
    pub fn notice_failed(&self, id: i64, again_at: Option<&str>, error: &str) -> Result<()> {
        let sql =
            "UPDATE notices SET next_try_at = $1, tries = tries + 1, error = $2 WHERE id = $3";
        self.database().execute("noting a notice", sql, params![again_at, error, id]).map(drop)
    }

    /// Forgets what was over before this moment. Returns how many there were.
    ///
    /// # Errors
    /// When the state cannot be written.
    pub fn forget_incidents(&self, before: &str) -> Result<u64> {
        let sql = "DELETE FROM incidents WHERE resolved_at < $1";
        self.database().execute("forgetting incidents", sql, params![before])
    }

    /// How many runs have ended since a moment (UTC, ISO 8601): failed, and finished. Only those of
    /// these jobs, and of these projects, where there are such lists.
    ///
    /// # Errors
    /// When the state cannot be read.
    pub fn ended_since(
        &self,
        since: &str,
        jobs: Option<&[String]>,
        projects: Option<&[String]>,
    ) -> Result<(u64, u64)> {
        // One after the other: with both in one statement SQLite goes through all runs.
        let count = |state: &str| {
            let mut only = Conditions::default();
            only.add("state = ?", state);
            only.add("ended_at >= ?", since);
            jobs.into_iter().for_each(|jobs| only.among("job_name", jobs));
            projects.into_iter().for_each(|names| only.among("project", names));
            let sql = format!("SELECT count(*) AS runs FROM runs WHERE {}", only.all());
            let doing = "counting ended runs";
            let found = self.database().read(doing, &sql, &only.values, |row| row.get("runs"));
            Ok(found?.pop().unwrap_or(0))
        };
        Ok((count("failed")?, count("finished")?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn failed(job: &str) -> NewIncident {
        NewIncident {
            cause: "failed".into(),
            subject: job.into(),
            job: job.into(),
            run: "r".into(),
            message: "it failed".into(),
        }
    }

    #[test]
    fn each_way_tells_of_an_incident_once_and_of_its_end_once() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path()).unwrap();
        let channels = ["email".to_owned(), "webhook a".to_owned()];
        assert!(store.open_incident(&failed("j"), &channels).unwrap());
        assert!(!store.open_incident(&failed("j"), &channels).unwrap());
        assert!(store.open_incident(&failed("other"), &[]).unwrap());
        let far = "9999";
        let due = store.due_notices(far, 10).unwrap();
        assert_eq!(due.len(), 2);
        assert!(store.due_notices("2000", 10).unwrap().is_empty());
        // One arrives, the other does not: its end is told to the first alone.
        store.notice_sent(due[0].id).unwrap();
        store.notice_failed(due[1].id, Some("2999"), "no").unwrap();
        assert_eq!(store.due_notices(far, 10).unwrap()[0].tries, 1);
        let open = store.open_incidents().unwrap();
        store.resolve_incident(open[0].id).unwrap();
        let due = store.due_notices(far, 10).unwrap();
        assert_eq!(due.len(), 1);
        assert!(due[0].resolved && due[0].channel == "email");
        assert!(due[0].incident.resolved_at.is_some());
        // The same again is another incident, of which people may be told later, once.
        assert!(store.open_incident(&failed("j"), &[]).unwrap());
        assert_eq!(store.incidents_since("failed", "j", "2000").unwrap(), 2);
        assert_eq!(store.incidents_since("failed", "j", far).unwrap(), 0);
        let open = store.open_incidents().unwrap();
        let again = open.iter().find(|i| i.what.job == "j").unwrap();
        assert!(store.tell_incident(again.id, &channels).unwrap());
        assert!(!store.tell_incident(again.id, &channels).unwrap());
        assert_eq!(store.due_notices(far, 10).unwrap().len(), 3);
        assert_eq!(store.forget_incidents(far).unwrap(), 1);
        assert_eq!(store.open_incidents().unwrap().len(), 2);
    }
}
