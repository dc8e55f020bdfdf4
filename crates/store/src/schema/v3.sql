-- Runs that follow a log.
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
