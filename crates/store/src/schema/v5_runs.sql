-- Runs of a server: what started them, what is wanted of them, why they wait, what went wrong.
ALTER TABLE runs ADD COLUMN job_name TEXT;
ALTER TABLE runs ADD COLUMN job_version INTEGER;
ALTER TABLE runs ADD COLUMN started_by TEXT NOT NULL DEFAULT 'command';
ALTER TABLE runs ADD COLUMN mode TEXT;
ALTER TABLE runs ADD COLUMN priority INTEGER NOT NULL DEFAULT 0;
ALTER TABLE runs ADD COLUMN may_overlap INTEGER NOT NULL DEFAULT 0;
ALTER TABLE runs ADD COLUMN gives_up TEXT;
ALTER TABLE runs ADD COLUMN connections TEXT;
ALTER TABLE runs ADD COLUMN node TEXT;
ALTER TABLE runs ADD COLUMN wanted TEXT NOT NULL DEFAULT 'run';
ALTER TABLE runs ADD COLUMN waits_for TEXT;
ALTER TABLE runs ADD COLUMN leaves INTEGER NOT NULL DEFAULT 0;
ALTER TABLE runs ADD COLUMN rows_estimated INTEGER;
ALTER TABLE runs ADD COLUMN rows_per_second INTEGER;
ALTER TABLE runs ADD COLUMN lag_ms INTEGER;
ALTER TABLE runs ADD COLUMN place TEXT;
ALTER TABLE runs ADD COLUMN queued_at TEXT;
ALTER TABLE runs ADD COLUMN started_at TEXT;
ALTER TABLE runs ADD COLUMN ended_at TEXT;
ALTER TABLE runs ADD COLUMN error TEXT;
CREATE INDEX runs_by_job_name ON runs (job_name, id);
CREATE INDEX runs_by_state ON runs (state, id);
CREATE INDEX runs_by_words ON runs (id, name, source, sink);
-- What happened to runs, in one sequence for all.
CREATE TABLE run_events (
    seq     INTEGER PRIMARY KEY,
    run     TEXT NOT NULL REFERENCES runs (id) ON DELETE CASCADE,
    at      TEXT NOT NULL,
    kind    TEXT NOT NULL,
    level   TEXT NOT NULL,
    message TEXT NOT NULL,
    body    TEXT NOT NULL
) STRICT;
CREATE INDEX run_events_by_run ON run_events (run, seq);
-- The largest number given in that sequence: numbers of events that were deleted never come again.
CREATE TABLE sequences (
    name  TEXT PRIMARY KEY,
    value INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
INSERT INTO sequences (name, value) VALUES ('run_events', 0);
-- Up to where a job's schedule has been carried out.
CREATE TABLE schedule_marks (
    job      TEXT PRIMARY KEY,
    schedule TEXT NOT NULL,
    seen_at  TEXT NOT NULL,
    seen_seq INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
-- Comparisons of source and target.
CREATE TABLE verifications (
    id         TEXT PRIMARY KEY,
    job        TEXT NOT NULL,
    started_by TEXT NOT NULL,
    state      TEXT NOT NULL,
    options    TEXT NOT NULL,
    created_at TEXT NOT NULL,
    ended_at   TEXT,
    verdict    TEXT,
    error      TEXT
) STRICT, WITHOUT ROWID;
CREATE INDEX verifications_by_job ON verifications (job, id);
CREATE TABLE differences (
    id           INTEGER PRIMARY KEY,
    verification TEXT NOT NULL REFERENCES verifications (id) ON DELETE CASCADE,
    body         TEXT NOT NULL
) STRICT;
CREATE INDEX differences_by_verification ON differences (verification, id);
CREATE INDEX dead_letters_by_id ON dead_letters (run, id);
