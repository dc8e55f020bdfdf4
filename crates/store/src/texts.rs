//! Texts of jobs, wherever they are kept: to be written anew when more has become a secret than was
//! one when they were kept.

use syncline_types::Result;

use crate::Store;
use crate::database::params;

/// The text of a job's version.
#[derive(Debug, Clone)]
pub struct JobText {
    /// The job.
    pub job: String,
    /// Which version of it.
    pub version: u64,
    /// The job itself (JSON).
    pub spec: String,
    /// The same as it was written, where it was written as YAML.
    pub yaml: Option<String>,
}

/// The job of a run.
#[derive(Debug, Clone)]
pub struct RunText {
    /// The run.
    pub run: String,
    /// Fingerprint of the job.
    pub job: String,
    /// The job itself (JSON).
    pub spec: String,
}

impl Store {
    /// Texts of jobs in which `part` stands.
    ///
    /// # Errors
    /// When the state cannot be read.
    pub fn job_texts(&self, part: &str) -> Result<Vec<JobText>> {
        let sql = "SELECT job, version, spec, yaml FROM job_versions WHERE spec LIKE $1
                   ORDER BY job, version";
        let values = params![format!("%{part}%")];
        self.database().read("reading texts of jobs", sql, values, |row| {
            Ok(JobText {
                job: row.get("job")?,
                version: row.get("version")?,
                spec: row.get("spec")?,
                yaml: row.get("yaml")?,
            })
        })
    }

    /// Jobs of runs in which `part` stands.
    ///
    /// # Errors
    /// When the state cannot be read.
    pub fn run_texts(&self, part: &str) -> Result<Vec<RunText>> {
        let sql = "SELECT id, job, spec FROM runs WHERE spec LIKE $1 ORDER BY id";
        let values = params![format!("%{part}%")];
        self.database().read("reading jobs of runs", sql, values, |row| {
            Ok(RunText { run: row.get("id")?, job: row.get("job")?, spec: row.get("spec")? })
        })
    }

    /// Puts other texts in the place of those of the same jobs and runs, and notes that it has been
    /// done: all of it, or nothing.
    ///
    /// # Errors
    /// When the state cannot be written.
    pub fn rewrite_texts(&self, note: &str, jobs: &[JobText], runs: &[RunText]) -> Result<()> {
        let doing = "writing texts of jobs anew";
        self.database().transaction(doing, |session| {
            let mut write = || {
                for text in jobs {
                    session.execute(
                        "UPDATE job_versions SET spec = $1, yaml = $2
                         WHERE job = $3 AND version = $4",
                        params![&text.spec, text.yaml.as_deref(), &text.job, text.version],
                    )?;
                }
                for text in runs {
                    session.execute(
                        "UPDATE runs SET spec = $1, job = $2 WHERE id = $3",
                        params![&text.spec, &text.job, &text.run],
                    )?;
                }
                session.execute(
                    "INSERT INTO sequences (name, value) VALUES ($1, 1)
                     ON CONFLICT (name) DO NOTHING",
                    params![note],
                )
            };
            write().map(drop).map_err(|e| e.while_(doing))
        })
    }

    /// Whether [`Store::rewrite_texts`] has noted this.
    ///
    /// # Errors
    /// When the state cannot be read.
    pub fn is_noted(&self, note: &str) -> Result<bool> {
        let sql = "SELECT value FROM sequences WHERE name = $1";
        let doing = "reading what has been done";
        let found = self.database().read(doing, sql, params![note], |row| row.get::<i64>("value"));
        Ok(!found?.is_empty())
    }
}
