//! One node at a time works with a state, also where nodes share nothing but the database.
//!
//! Whoever works with it counts up a number. A number that stands still for long enough is that of
//! a node that is gone, and another may take its place. Nobody's clock is compared with another's:
//! who waits measures by its own how long the number has stood still.

use std::time::{Duration, Instant};

use syncline_types::{Code, Error, Result};

use crate::database::params;
use crate::{Store, now};

/// Who works with a state.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Holder {
    /// Unique to the process.
    pub id: String,
    /// The node's name, for people.
    pub node: String,
    /// Unique to the folder whose lock the process holds: an earlier process of the same folder is
    /// known to be gone.
    pub folder: String,
}

/// How often a node says that it is there, and after how long a silent one is gone.
#[derive(Debug, Clone, Copy)]
pub struct Beats {
    /// Between two signs of life.
    pub every: Duration,
    /// Without a sign of life.
    pub gone: Duration,
}

impl Default for Beats {
    fn default() -> Self {
        Self { every: Duration::from_secs(3), gone: Duration::from_secs(20) }
    }
}

/// A lease as it is recorded.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Recorded {
    holder: Holder,
    beat: i64,
    since: String,
}

impl Store {
    /// Takes the right to work with the state; waits for as long as it takes to tell whether the
    /// node that has it is still there. Blocks. Returns the name of a node that had it and is gone.
    ///
    /// # Errors
    /// [`Code::InUse`] when it is there; when the state cannot be read or written.
    pub fn take_lease(&self, holder: &Holder, beats: Beats) -> Result<Option<String>> {
        let mut first: Option<(Recorded, Instant)> = None;
        loop {
            let Some(found) = self.lease()? else {
                if self.begin_lease(holder)? {
                    return Ok(None);
                }
                continue;
            };
            match &first {
                None if found.holder.folder == holder.folder => {
                    if self.take_over(holder, &found)? {
                        return Ok(Some(found.holder.node));
                    }
                }
                None => first = Some((found, Instant::now())),
                Some((before, since)) if *before == found => {
                    if since.elapsed() >= beats.gone && self.take_over(holder, &found)? {
                        return Ok(Some(found.holder.node));
                    }
                }
                Some(_) => return Err(at_work(&found)),
            }
            std::thread::sleep(beats.every / 6);
        }
    }

    /// Says that the holder is still there. `false` when another has taken its place.
    ///
    /// # Errors
    /// When the state cannot be written.
    pub fn renew_lease(&self, holder: &Holder) -> Result<bool> {
        let sql = "UPDATE lease SET beat = beat + 1 WHERE holder = $1";
        let changed = self.database().execute("saying that we are here", sql, params![&holder.id]);
        Ok(changed? > 0)
    }

    /// Lets another work with the state.
    ///
    /// # Errors
    /// When the state cannot be written.
    pub fn release_lease(&self, holder: &Holder) -> Result<()> {
        let sql = "DELETE FROM lease WHERE holder = $1";
        self.database().execute("letting go of the state", sql, params![&holder.id]).map(drop)
    }

    fn lease(&self) -> Result<Option<Recorded>> {
        let sql = "SELECT holder, node, folder, beat, since FROM lease WHERE one = 1";
        let doing = "looking who works with it";
        let mut found = self.database().read(doing, sql, &[], |row| {
            let holder = Holder {
                id: row.get("holder")?,
                node: row.get("node")?,
                folder: row.get("folder")?,
            };
            Ok(Recorded { holder, beat: row.get("beat")?, since: row.get("since")? })
        })?;
        Ok(found.pop())
    }

    fn begin_lease(&self, holder: &Holder) -> Result<bool> {
        let sql = "INSERT INTO lease (one, holder, node, folder, beat, since)
                   VALUES (1, $1, $2, $3, 1, $4) ON CONFLICT (one) DO NOTHING";
        let values = params![&holder.id, &holder.node, &holder.folder, now()];
        Ok(self.database().execute("taking the state", sql, values)? > 0)
    }

    /// Takes the place of a holder that is gone, unless it has said otherwise just now.
    fn take_over(&self, holder: &Holder, gone: &Recorded) -> Result<bool> {
        let sql =
            "UPDATE lease SET holder = $1, node = $2, folder = $3, since = $4, beat = beat + 1
                   WHERE one = 1 AND holder = $5 AND beat = $6";
        let values =
            params![&holder.id, &holder.node, &holder.folder, now(), &gone.holder.id, gone.beat];
        Ok(self.database().execute("taking the state over", sql, values)? > 0)
    }
}

fn at_work(found: &Recorded) -> Error {
    let (node, since) = (&found.holder.node, &found.since);
    let message = format!("node {node} works with this state since {since}");
    Error::new(Code::InUse, message)
        .hint("stop it first; or give this server a state of its own (--store, --state)")
}
