//! Comparisons of source and target: what was asked, what came of it, which rows differ.

use serde::Serialize;
use serde_json::Value as Json;
use syncline_types::Result;

use crate::database::{Done, Row, params};
use crate::{RunError, Store, now};

/// A comparison as recorded.
#[derive(Debug, Clone, Serialize)]
pub struct Verification {
    /// Its unique key (UUIDv7).
    pub id: String,
    /// The job whose source and target are compared.
    pub job: String,
    /// Who asked for it.
    pub started_by: String,
    /// `running`, `equal`, `different` or `failed`.
    pub state: String,
    /// What was asked, as JSON.
    pub options: Json,
    /// When it began (UTC, ISO 8601).
    pub created_at: String,
    /// When it ended.
    pub ended_at: Option<String>,
    /// What it came to, table by table, as JSON.
    pub verdict: Option<Json>,
    /// Why it failed.
    pub error: Option<RunError>,
}

const COLUMNS: &str =
    "id, job, started_by, state, options, created_at, ended_at, verdict, error FROM verifications";

fn verification(row: &Row) -> Done<Verification> {
    let read = |name: &str| row.get::<Option<String>>(name);
    Ok(Verification {
        id: row.get("id")?,
        job: row.get("job")?,
        started_by: row.get("started_by")?,
        state: row.get("state")?,
        options: read("options")?.and_then(|o| serde_json::from_str(&o).ok()).unwrap_or_default(),
        created_at: row.get("created_at")?,
        ended_at: read("ended_at")?,
        verdict: read("verdict")?.and_then(|v| serde_json::from_str(&v).ok()),
        error: read("error")?.and_then(|e| serde_json::from_str(&e).ok()),
    })
}

impl Store {
    /// Records a comparison that begins.
    ///
    /// # Errors
    /// When the state cannot be written.
    pub fn begin_verification(
        &self,
        id: &str,
        job: &str,
        by: &str,
        options: &Json,
    ) -> Result<Verification> {
        let at = now();
        self.database().execute(
            "recording a comparison",
            "INSERT INTO verifications (id, job, started_by, state, options, created_at)
             VALUES ($1, $2, $3, 'running', $4, $5)",
            params![id, job, by, options.to_string(), &at],
        )?;
        Ok(Verification {
            id: id.to_owned(),
            job: job.to_owned(),
            started_by: by.to_owned(),
            state: "running".to_owned(),
            options: options.clone(),
            created_at: at,
            ended_at: None,
            verdict: None,
            error: None,
        })
    }

    /// Records what a comparison came to.
    ///
    /// # Errors
    /// When the state cannot be written.
    pub fn end_verification(
        &self,
        id: &str,
        equal: bool,
        verdict: &Json,
        differences: &[Json],
    ) -> Result<()> {
        let doing = "recording a comparison's result";
        self.database().transaction(doing, |session| {
            let state = if equal { "equal" } else { "different" };
            let mut execute =
                |sql: &str, values: &[_]| session.execute(sql, values).map_err(|e| e.while_(doing));
            execute(
                "UPDATE verifications SET state = $1, verdict = $2, ended_at = $3 WHERE id = $4",
                params![state, verdict.to_string(), now(), id],
            )?;
            for difference in differences {
                execute(
                    "INSERT INTO differences (verification, body) VALUES ($1, $2)",
                    params![id, difference.to_string()],
                )?;
            }
            Ok(())
        })
    }

    /// Records that a comparison could not be made.
    ///
    /// # Errors
    /// When the state cannot be written.
    pub fn fail_verification(&self, id: &str, error: &RunError) -> Result<()> {
        let error = serde_json::to_string(error).unwrap_or_default();
        self.database()
            .execute(
                "recording a comparison's failure",
                "UPDATE verifications SET state = 'failed', error = $1, ended_at = $2 WHERE id = $3",
                params![error, now(), id],
            )
            .map(drop)
    }

    /// Comparisons that were under way when their process ended have failed.
    ///
    /// # Errors
    /// When the state cannot be written.
    pub fn break_off_verifications(&self, error: &RunError) -> Result<()> {
        let error = serde_json::to_string(error).unwrap_or_default();
        self.database()
            .execute(
                "looking after comparisons",
                "UPDATE verifications SET state = 'failed', error = $1, ended_at = $2
                 WHERE state = 'running'",
                params![error, now()],
            )
            .map(drop)
    }

    /// One comparison.
    ///
    /// # Errors
    /// When the state cannot be read.
    pub fn verification(&self, id: &str) -> Result<Option<Verification>> {
        let sql = format!("SELECT {COLUMNS} WHERE id = $1");
        let doing = "reading a comparison";
        Ok(self.database().read(doing, &sql, params![id], verification)?.pop())
    }

    /// Comparisons, newest first; of one job or of all, older than `before`.
    ///
    /// # Errors
    /// When the state cannot be read.
    pub fn verifications(
        &self,
        job: Option<&str>,
        before: Option<&str>,
        limit: u32,
    ) -> Result<Vec<Verification>> {
        let before = before.unwrap_or("\u{10FFFF}");
        let doing = "listing comparisons";
        let newest = "ORDER BY id DESC LIMIT";
        match job {
            None => {
                let sql = format!("SELECT {COLUMNS} WHERE id < $1 {newest} $2");
                self.database().read(doing, &sql, params![before, limit], verification)
            }
            Some(job) => {
                let sql = format!("SELECT {COLUMNS} WHERE job = $1 AND id < $2 {newest} $3");
                self.database().read(doing, &sql, params![job, before, limit], verification)
            }
        }
    }

    /// Rows that differ, each with its number, in the order they were found.
    ///
    /// # Errors
    /// When the state cannot be read.
    pub fn differences(&self, id: &str, after: i64, limit: u32) -> Result<Vec<(i64, Json)>> {
        let sql = "SELECT id, body FROM differences WHERE verification = $1 AND id > $2
                   ORDER BY id LIMIT $3";
        let doing = "reading differences";
        self.database().read(doing, sql, params![id, after, limit], |row| {
            let body: String = row.get("body")?;
            Ok((row.get("id")?, serde_json::from_str(&body).unwrap_or_default()))
        })
    }
}
