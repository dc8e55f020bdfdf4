//! Runs that follow a log: where they stand in it, and what their tables are at which place.

use rusqlite::{OptionalExtension, params};
use syncline_types::{Position, Result};

use crate::runs::{signed, stale};
use crate::{Store, failed};

impl Store {
    /// What the engine keeps of a run's way from snapshot to log, as it wrote it.
    ///
    /// # Errors
    /// When the state cannot be read.
    pub fn log(&self, run: &str) -> Result<Option<String>> {
        self.connection()
            .query_row("SELECT state FROM logs WHERE run = ?1", [run], |row| row.get(0))
            .optional()
            .map_err(|e| failed("reading a run's log", e))
    }

    /// Keeps it.
    ///
    /// # Errors
    /// [`syncline_types::Code::StaleEpoch`] when `epoch` is past.
    pub fn save_log(&self, run: &str, epoch: u64, state: &str) -> Result<()> {
        self.write_log(
            run,
            epoch,
            "INSERT INTO logs (run, state) SELECT id, ?3 FROM runs WHERE id = ?1 AND epoch = ?2
             ON CONFLICT (run) DO UPDATE SET state = excluded.state",
            params![run, signed(epoch), state],
        )
    }

    /// The last place in the log that was recorded as durable. The target may be ahead of it.
    ///
    /// # Errors
    /// When the state cannot be read.
    pub fn log_position(&self, run: &str) -> Result<Option<Position>> {
        self.connection()
            .query_row("SELECT seq, token FROM log_positions WHERE run = ?1", [run], position)
            .optional()
            .map_err(|e| failed("reading a run's place in the log", e))
    }

    /// Records that everything up to a place in the log is durable.
    ///
    /// # Errors
    /// [`syncline_types::Code::StaleEpoch`] when `epoch` is past.
    pub fn save_log_position(&self, run: &str, epoch: u64, at: &Position) -> Result<()> {
        self.write_log(
            run,
            epoch,
            "INSERT INTO log_positions (run, seq, token)
             SELECT id, ?3, ?4 FROM runs WHERE id = ?1 AND epoch = ?2
             ON CONFLICT (run) DO UPDATE SET seq = excluded.seq, token = excluded.token",
            params![run, signed(epoch), signed(at.seq), at.token],
        )
    }

    /// Plans by the place in the log from which each holds, oldest first.
    ///
    /// # Errors
    /// When the state cannot be read.
    pub fn log_plans(&self, run: &str) -> Result<Vec<(Position, String)>> {
        let connection = self.connection();
        let read = || {
            let mut statement = connection
                .prepare("SELECT seq, token, plan FROM log_plans WHERE run = ?1 ORDER BY id")?;
            statement
                .query_map([run], |row| Ok((position(row)?, row.get(2)?)))?
                .collect::<rusqlite::Result<Vec<_>>>()
        };
        read().map_err(|e| failed("reading the plans of a run", e))
    }

    /// Keeps the plan that holds from a place in the log on.
    ///
    /// # Errors
    /// [`syncline_types::Code::StaleEpoch`] when `epoch` is past.
    pub fn save_log_plan(&self, run: &str, epoch: u64, from: &Position, plan: &str) -> Result<()> {
        self.write_log(
            run,
            epoch,
            "INSERT INTO log_plans (run, seq, token, plan)
             SELECT id, ?3, ?4, ?5 FROM runs WHERE id = ?1 AND epoch = ?2",
            params![run, signed(epoch), signed(from.seq), from.token, plan],
        )
    }

    /// Begins a run anew under its own name: without plan, positions and checkpoints, and with this
    /// state of its log. Its history and dead letters stay.
    ///
    /// # Errors
    /// [`syncline_types::Code::StaleEpoch`] when `epoch` is past.
    pub fn begin_anew(&self, run: &str, epoch: u64, state: &str) -> Result<()> {
        let mut connection = self.connection();
        let doing = |e| failed("beginning a run anew", e);
        let transaction = connection.transaction().map_err(doing)?;
        let mine = transaction
            .execute(
                "UPDATE runs SET plan = NULL WHERE id = ?1 AND epoch = ?2",
                params![run, signed(epoch)],
            )
            .map_err(doing)?;
        if mine == 0 {
            return Err(stale(run, epoch));
        }
        for table in ["checkpoints", "commits", "log_positions", "log_plans"] {
            let sql = format!("DELETE FROM {table} WHERE run = ?1");
            transaction.execute(&sql, [run]).map_err(doing)?;
        }
        transaction
            .execute("INSERT OR REPLACE INTO logs (run, state) VALUES (?1, ?2)", [run, state])
            .map_err(doing)?;
        transaction.commit().map_err(doing)
    }

    fn write_log(
        &self,
        run: &str,
        epoch: u64,
        sql: &str,
        values: &[&dyn rusqlite::ToSql],
    ) -> Result<()> {
        let changed = self
            .connection()
            .prepare_cached(sql)
            .and_then(|mut statement| statement.execute(values))
            .map_err(|e| failed("keeping a run's place in the log", e))?;
        if changed == 0 { Err(stale(run, epoch)) } else { Ok(()) }
    }
}

fn position(row: &rusqlite::Row<'_>) -> rusqlite::Result<Position> {
    let seq = u64::try_from(row.get::<_, i64>(0)?).unwrap_or(0);
    Ok(Position::new(seq, row.get::<_, String>(1)?))
}

#[cfg(test)]
mod tests {
    use syncline_types::Code;

    use super::*;
    use crate::NewRun;

    #[test]
    fn a_run_keeps_its_place_and_its_plans_under_its_epoch() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path()).unwrap();
        let text = || "x".to_owned();
        let new = NewRun {
            id: "r".into(),
            job: text(),
            name: text(),
            command: text(),
            spec: text(),
            source: text(),
            sink: text(),
        };
        store.create_run(&new).unwrap();
        let epoch = store.take_up("r").unwrap().epoch;
        assert_eq!(store.log("r").unwrap(), None);
        assert_eq!(store.log_position("r").unwrap(), None);
        store.save_log("r", epoch, "{}").unwrap();
        store.save_log("r", epoch, "{\"a\":1}").unwrap();
        let (first, second) = (Position::new(3, "3"), Position::new(3, "4"));
        store.save_log_position("r", epoch, &first).unwrap();
        store.save_log_position("r", epoch, &second).unwrap();
        store.save_log_plan("r", epoch, &first, "one").unwrap();
        store.save_log_plan("r", epoch, &second, "two").unwrap();
        assert_eq!(store.log("r").unwrap().as_deref(), Some("{\"a\":1}"));
        assert_eq!(store.log_position("r").unwrap(), Some(second.clone()));
        let plans = store.log_plans("r").unwrap();
        assert_eq!(plans, [(first.clone(), "one".to_owned()), (second, "two".to_owned())]);
        store.begin_anew("r", epoch, "{}").unwrap();
        assert_eq!(store.log("r").unwrap().as_deref(), Some("{}"));
        assert_eq!(store.log_position("r").unwrap(), None);
        assert!(store.log_plans("r").unwrap().is_empty());
        assert!(store.begin_anew("r", epoch - 1, "{}").is_err());
        let past = store.save_log_position("r", epoch - 1, &first).unwrap_err();
        assert_eq!(past.code(), Code::StaleEpoch);
    }
}
