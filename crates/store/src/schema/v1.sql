-- Runs: checkpoints, history, dead letters.
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
