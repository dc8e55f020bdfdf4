//! Answers that are kept for a while: a client that did not hear the first one asks again.

use syncline_types::Result;

use crate::database::{Done, Row, params};
use crate::{Store, now};

/// What is known of a request that asks to be done only once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum KeptAnswer {
    /// Nobody has asked it before: whoever got this does it, and keeps or forgets its answer.
    New,
    /// It was asked before, and is still being done.
    UnderWay {
        /// What tells its content from others'.
        digest: String,
    },
    /// It was asked before, and was answered.
    Answered {
        /// What tells its content from others'.
        digest: String,
        /// The answer, as it was kept.
        kept: Vec<u8>,
    },
}

fn answer(row: &Row) -> Done<KeptAnswer> {
    let digest = row.get("digest")?;
    Ok(match row.get("kept")? {
        Some(kept) => KeptAnswer::Answered { digest, kept },
        None => KeptAnswer::UnderWay { digest },
    })
}

impl Store {
    /// Begins a request under its key; of several who do so at once, one gets
    /// [`KeptAnswer::New`]. Forgets what is older than `oldest`, and what was begun before
    /// `abandoned` and never ended (both UTC, ISO 8601).
    ///
    /// # Errors
    /// When the state cannot be written.
    pub fn begin_request(
        &self,
        caller: &str,
        request: &str,
        digest: &str,
        oldest: &str,
        abandoned: &str,
    ) -> Result<KeptAnswer> {
        let doing = "looking for a kept answer";
        self.database().transaction(doing, |session| {
            let mut work = || {
                session.execute(
                    "DELETE FROM answers WHERE at < $1 OR (kept IS NULL AND at < $2)",
                    params![oldest, abandoned],
                )?;
                let begun = session.execute(
                    "INSERT INTO answers (caller, request, digest, at) VALUES ($1, $2, $3, $4)
                     ON CONFLICT (caller, request) DO NOTHING",
                    params![caller, request, digest, now()],
                )?;
                if begun > 0 {
                    return Ok(KeptAnswer::New);
                }
                let sql = "SELECT digest, kept FROM answers WHERE caller = $1 AND request = $2";
                let row = session.row(sql, params![caller, request])?;
                row.as_ref().map_or(Ok(KeptAnswer::New), answer)
            };
            work().map_err(|e| e.while_(doing))
        })
    }

    /// Keeps the answer of a request that was begun.
    ///
    /// # Errors
    /// When the state cannot be written.
    pub fn keep_answer(&self, caller: &str, request: &str, kept: &[u8]) -> Result<()> {
        let sql = "UPDATE answers SET kept = $1 WHERE caller = $2 AND request = $3";
        let values = params![kept, caller, request];
        self.database().execute("keeping an answer", sql, values).map(drop)
    }

    /// Forgets a request that was begun and came to nothing.
    ///
    /// # Errors
    /// When the state cannot be written.
    pub fn forget_request(&self, caller: &str, request: &str) -> Result<()> {
        let sql = "DELETE FROM answers WHERE caller = $1 AND request = $2 AND kept IS NULL";
        let values = params![caller, request];
        self.database().execute("forgetting a request", sql, values).map(drop)
    }
}
