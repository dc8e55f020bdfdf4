-- What people set up: connections, their secrets, jobs with every version they had, and answers
-- that are kept for a while because a client may ask twice.
CREATE TABLE connections (
    name        TEXT PRIMARY KEY,
    connector   TEXT NOT NULL,
    endpoint    TEXT NOT NULL,
    description TEXT NOT NULL,
    run_limit   INTEGER,
    version     INTEGER NOT NULL,
    created_at  TEXT NOT NULL,
    updated_at  TEXT NOT NULL,
    updated_by  TEXT NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE secrets (
    place      TEXT PRIMARY KEY,
    key_id     TEXT NOT NULL,
    sealed     BLOB NOT NULL,
    updated_at TEXT NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE jobs (
    name       TEXT PRIMARY KEY,
    version    INTEGER NOT NULL,
    mode       TEXT NOT NULL,
    source     TEXT NOT NULL,
    sink       TEXT NOT NULL,
    schedule   TEXT,
    priority   INTEGER NOT NULL,
    enabled    INTEGER NOT NULL,
    created_at TEXT NOT NULL,
    updated_at TEXT NOT NULL
) STRICT, WITHOUT ROWID;
-- Versions outlive their job: runs of it name them.
CREATE TABLE job_versions (
    job         TEXT NOT NULL,
    version     INTEGER NOT NULL,
    spec        TEXT NOT NULL,
    yaml        TEXT,
    description TEXT NOT NULL,
    priority    INTEGER NOT NULL,
    enabled     INTEGER NOT NULL,
    author      TEXT NOT NULL,
    note        TEXT NOT NULL,
    at          TEXT NOT NULL,
    PRIMARY KEY (job, version)
) STRICT, WITHOUT ROWID;
CREATE TABLE job_connections (
    job        TEXT NOT NULL REFERENCES jobs (name) ON DELETE CASCADE,
    connection TEXT NOT NULL REFERENCES connections (name),
    side       TEXT NOT NULL,
    PRIMARY KEY (job, side)
) STRICT, WITHOUT ROWID;
CREATE INDEX job_connections_by_connection ON job_connections (connection);
CREATE TABLE answers (
    caller  TEXT NOT NULL,
    request TEXT NOT NULL,
    digest  TEXT NOT NULL,
    kept    BLOB,
    at      TEXT NOT NULL,
    PRIMARY KEY (caller, request)
) STRICT, WITHOUT ROWID;
CREATE INDEX answers_by_time ON answers (at);
