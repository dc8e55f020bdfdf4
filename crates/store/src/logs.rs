//! Runs that follow a log: where they stand in it, and what their tables are at which place.

use syncline_types::{Position, Result};

use crate::Store;
use crate::database::{Done, Row, params};
use crate::runs::stale;

/// What is being done when a run's place in its log is written.
const KEEPING: &str = "keeping a run's place in the log";

impl Store {
    /// What the engine keeps of a run's way from snapshot to log, as it wrote it.
    ///
    /// # Errors
    /// When the state cannot be read.
    pub fn log(&self, run: &str) -> Result<Option<String>> {
        let sql = "SELECT state FROM logs WHERE run = $1";
        let read =
            self.database().read("reading a run's log", sql, params![run], |row| row.get("state"));
        Ok(read?.pop())
    }

    /// Keeps it.
    ///
    /// # Errors
    /// [`syncline_types::Code::StaleEpoch`] when `epoch` is past.
    pub fn save_log(&self, run: &str, epoch: u64, state: &str) -> Result<()> {
        self.fenced(
            run,
            epoch,
            KEEPING,
            "INSERT INTO logs (run, state) SELECT id, $1 FROM runs WHERE id = $2 AND epoch = $3
             ON CONFLICT (run) DO UPDATE SET state = excluded.state",
            params![state, run, epoch],
        )
    }

    /// The last place in the log that was recorded as durable. The target may be ahead of it.
    ///
    /// # Errors
    /// When the state cannot be read.
    pub fn log_position(&self, run: &str) -> Result<Option<Position>> {
        let sql = "SELECT seq, token FROM log_positions WHERE run = $1";
        let doing = "reading a run's place in the log";
        Ok(self.database().read(doing, sql, params![run], position)?.pop())
    }

    /// Records that everything up to a place in the log is durable.
    ///
    /// # Errors
    /// [`syncline_types::Code::StaleEpoch`] when `epoch` is past.
    pub fn save_log_position(&self, run: &str, epoch: u64, at: &Position) -> Result<()> {
        self.fenced(
            run,
            epoch,
            KEEPING,
            "INSERT INTO log_positions (run, seq, token)
             SELECT id, $1, $2 FROM runs WHERE id = $3 AND epoch = $4
             ON CONFLICT (run) DO UPDATE SET seq = excluded.seq, token = excluded.token",
            params![at.seq, &at.token, run, epoch],
        )
    }

    /// Plans by the place in the log from which each holds, oldest first.
    ///
    /// # Errors
    /// When the state cannot be read.
    pub fn log_plans(&self, run: &str) -> Result<Vec<(Position, String)>> {
        let sql = "SELECT seq, token, plan FROM log_plans WHERE run = $1 ORDER BY id";
        self.database().read("reading the plans of a run", sql, params![run], |row| {
            Ok((position(row)?, row.get("plan")?))
        })
    }

    /// Keeps the plan that holds from a place in the log on.
    ///
    /// # Errors
    /// [`syncline_types::Code::StaleEpoch`] when `epoch` is past.
    pub fn save_log_plan(&self, run: &str, epoch: u64, from: &Position, plan: &str) -> Result<()> {
        self.fenced(
            run,
            epoch,
            KEEPING,
            "INSERT INTO log_plans (run, seq, token, plan)
             SELECT id, $1, $2, $3 FROM runs WHERE id = $4 AND epoch = $5",
            params![from.seq, &from.token, plan, run, epoch],
        )
    }

    /// Forgets what was copied of the tables from a place of the plan on: others come there.
    ///
    /// # Errors
    /// [`syncline_types::Code::StaleEpoch`] when `epoch` is past.
    pub fn forget_tables(&self, run: &str, epoch: u64, from: u32) -> Result<()> {
        let doing = "forgetting tables";
        self.database().transaction(doing, |session| {
            let mut execute =
                |sql: &str, values: &[_]| session.execute(sql, values).map_err(|e| e.while_(doing));
            let sql = "UPDATE runs SET plan = plan WHERE id = $1 AND epoch = $2";
            if execute(sql, params![run, epoch])? == 0 {
                return Err(stale(run, epoch));
            }
            for table in ["checkpoints", "commits"] {
                let sql = format!("DELETE FROM {table} WHERE run = $1 AND tbl >= $2");
                execute(&sql, params![run, from])?;
            }
            Ok(())
        })
    }

    /// Keeps what a run is to do, where its job says it in other words by now.
    ///
    /// # Errors
    /// [`syncline_types::Code::StaleEpoch`] when `epoch` is past.
    pub fn save_spec(&self, run: &str, epoch: u64, spec: &str) -> Result<()> {
        let sql = "UPDATE runs SET spec = $1 WHERE id = $2 AND epoch = $3";
        self.fenced(run, epoch, "keeping the job", sql, params![spec, run, epoch])
    }

    /// Begins a run anew under its own name: without plan, positions and checkpoints, and with this
    /// state of its log. Its history and dead letters stay.
    ///
    /// # Errors
    /// [`syncline_types::Code::StaleEpoch`] when `epoch` is past.
    pub fn begin_anew(&self, run: &str, epoch: u64, state: &str) -> Result<()> {
        let doing = "beginning a run anew";
        self.database().transaction(doing, |session| {
            let mut execute =
                |sql: &str, values: &[_]| session.execute(sql, values).map_err(|e| e.while_(doing));
            let sql = "UPDATE runs SET plan = NULL WHERE id = $1 AND epoch = $2";
            if execute(sql, params![run, epoch])? == 0 {
                return Err(stale(run, epoch));
            }
            for table in ["checkpoints", "commits", "log_positions", "log_plans"] {
                execute(&format!("DELETE FROM {table} WHERE run = $1"), params![run])?;
            }
            execute(
                "INSERT INTO logs (run, state) VALUES ($1, $2)
                 ON CONFLICT (run) DO UPDATE SET state = excluded.state",
                params![run, state],
            )
            .map(drop)
        })
    }
}

fn position(row: &Row) -> Done<Position> {
    Ok(Position::new(row.get("seq")?, row.get::<String>("token")?))
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
            ..NewRun::default()
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
