//! The tables of the state database, and how older ones become current.

use std::time::Duration;

use rusqlite::Connection;

/// The version this code writes; kept in `PRAGMA user_version`.
pub(crate) const VERSION: i64 = 3;

/// Statements that lead from version N to N + 1, by N.
const MIGRATIONS: [&str; VERSION as usize] = [V1, V2, V3];

const V1: &str = "
CREATE TABLE runs (
    id          TEXT PRIMARY KEY,
    job         TEXT NOT NULL,
    name        TEXT NOT NULL,
    command     TEXT NOT NULL,
    spec        TEXT NOT NULL,
    source      TEXT NOT NULL,
    sink        TEXT NOT NULL,
    state       TEXT NOT NULL,
    reason      TEXT,
    epoch       INTEGER NOT NULL DEFAULT 0,
    plan        TEXT,
    totals      TEXT,
    created_at  TEXT NOT NULL,
    updated_at  TEXT NOT NULL
) STRICT;
CREATE INDEX runs_by_job ON runs (job, created_at);
CREATE TABLE checkpoints (
    run   TEXT NOT NULL REFERENCES runs (id) ON DELETE CASCADE,
    tbl   INTEGER NOT NULL,
    split INTEGER NOT NULL,
    seq   INTEGER NOT NULL,
    token TEXT NOT NULL,
    done  INTEGER NOT NULL,
    written INTEGER NOT NULL,
    PRIMARY KEY (run, tbl, split)
) STRICT, WITHOUT ROWID;
CREATE TABLE commits (
    run TEXT NOT NULL REFERENCES runs (id) ON DELETE CASCADE,
    tbl INTEGER NOT NULL,
    PRIMARY KEY (run, tbl)
) STRICT, WITHOUT ROWID;
CREATE TABLE history (
    id     INTEGER PRIMARY KEY,
    run    TEXT NOT NULL REFERENCES runs (id) ON DELETE CASCADE,
    at     TEXT NOT NULL,
    state  TEXT NOT NULL,
    reason TEXT
) STRICT;
CREATE INDEX history_by_run ON history (run, id);
CREATE TABLE dead_letters (
    id          INTEGER PRIMARY KEY,
    run         TEXT NOT NULL REFERENCES runs (id) ON DELETE CASCADE,
    tbl         INTEGER NOT NULL,
    split       INTEGER NOT NULL,
    seq         INTEGER NOT NULL,
    source      TEXT NOT NULL,
    target      TEXT NOT NULL,
    stage       TEXT NOT NULL,
    row_key     TEXT NOT NULL,
    code        TEXT NOT NULL,
    reason      TEXT NOT NULL,
    row_json    TEXT NOT NULL,
    row_arrow   BLOB NOT NULL,
    at          TEXT NOT NULL,
    replayed_at TEXT
) STRICT;
CREATE INDEX dead_letters_by_run ON dead_letters (run, tbl, split, seq);
";

/// Counts of values that the job's policies changed.
const V2: &str = "
CREATE TABLE changes (
    id     INTEGER PRIMARY KEY,
    run    TEXT NOT NULL REFERENCES runs (id) ON DELETE CASCADE,
    tbl    INTEGER NOT NULL,
    split  INTEGER NOT NULL,
    seq    INTEGER NOT NULL,
    name   TEXT NOT NULL,
    kind   TEXT NOT NULL,
    policy TEXT NOT NULL,
    amount INTEGER NOT NULL
) STRICT;
CREATE INDEX changes_by_run ON changes (run, tbl, split, seq);
";

/// Runs that follow a log.
const V3: &str = "
CREATE TABLE logs (
    run   TEXT PRIMARY KEY REFERENCES runs (id) ON DELETE CASCADE,
    state TEXT NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE log_positions (
    run   TEXT PRIMARY KEY REFERENCES runs (id) ON DELETE CASCADE,
    seq   INTEGER NOT NULL,
    token TEXT NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE log_plans (
    id    INTEGER PRIMARY KEY,
    run   TEXT NOT NULL REFERENCES runs (id) ON DELETE CASCADE,
    seq   INTEGER NOT NULL,
    token TEXT NOT NULL,
    plan  TEXT NOT NULL
) STRICT;
CREATE INDEX log_plans_by_run ON log_plans (run, id);
";

pub(crate) enum MigrationError {
    Sqlite(rusqlite::Error),
    /// The file is of this later version.
    Newer(i64),
}

impl From<rusqlite::Error> for MigrationError {
    fn from(error: rusqlite::Error) -> Self {
        Self::Sqlite(error)
    }
}

/// Brings the database up to date, in one transaction, and sets the connection up.
pub(crate) fn migrate(connection: &Connection) -> Result<(), MigrationError> {
    connection.busy_timeout(Duration::from_secs(10))?;
    connection.execute_batch(
        "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON;",
    )?;
    connection.execute_batch("BEGIN IMMEDIATE")?;
    let migrated = migrate_open(connection);
    connection.execute_batch(if migrated.is_ok() { "COMMIT" } else { "ROLLBACK" })?;
    migrated
}

fn migrate_open(connection: &Connection) -> Result<(), MigrationError> {
    let found: i64 = connection.query_row("PRAGMA user_version", [], |row| row.get(0))?;
    if found > VERSION {
        return Err(MigrationError::Newer(found));
    }
    for statements in &MIGRATIONS[usize::try_from(found).unwrap_or(0)..] {
        connection.execute_batch(statements)?;
    }
    connection.execute_batch(&format!("PRAGMA user_version = {VERSION}"))?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_of_the_first_version_is_brought_up_to_date_and_keeps_its_rows() {
        let old = Connection::open_in_memory().unwrap();
        old.execute_batch(V1).unwrap();
        old.execute_batch(
            "PRAGMA user_version = 1;
             INSERT INTO runs (id, job, name, command, spec, source, sink, state, created_at,
                updated_at) VALUES ('r', 'j', 'n', 'c', '{}', 'a', 'b', 'running', '', '')",
        )
        .unwrap();
        assert!(migrate(&old).is_ok());
        let count = |sql: &str| old.query_row(sql, [], |row| row.get::<_, i64>(0)).unwrap();
        assert_eq!(count("SELECT count(*) FROM runs"), 1);
        assert_eq!(count("SELECT count(*) FROM changes"), 0);
        assert_eq!(count("PRAGMA user_version"), VERSION);
        assert!(migrate(&old).is_ok(), "a current file stays what it is");
    }
}
