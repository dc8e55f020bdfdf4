-- How the whole is run: settings, and what people were told of.
CREATE TABLE settings (
    id         INTEGER PRIMARY KEY,
    version    INTEGER NOT NULL,
    body       TEXT NOT NULL,
    updated_at TEXT NOT NULL,
    updated_by TEXT NOT NULL
) STRICT;
-- Something is wrong, from its beginning to its end.
CREATE TABLE incidents (
    id          INTEGER PRIMARY KEY,
    cause       TEXT NOT NULL,
    subject     TEXT NOT NULL,
    job         TEXT NOT NULL,
    run         TEXT NOT NULL,
    message     TEXT NOT NULL,
    opened_at   TEXT NOT NULL,
    resolved_at TEXT
) STRICT;
CREATE UNIQUE INDEX incidents_open ON incidents (cause, subject) WHERE resolved_at IS NULL;
CREATE INDEX incidents_by_time ON incidents (opened_at);
-- What is to be said of it, once by each way there is to say it.
CREATE TABLE notices (
    id          INTEGER PRIMARY KEY,
    incident    INTEGER NOT NULL REFERENCES incidents (id) ON DELETE CASCADE,
    channel     TEXT NOT NULL,
    kind        TEXT NOT NULL,
    tries       INTEGER NOT NULL DEFAULT 0,
    next_try_at TEXT,
    sent_at     TEXT,
    error       TEXT
) STRICT;
CREATE INDEX notices_due ON notices (next_try_at) WHERE next_try_at IS NOT NULL;
CREATE INDEX notices_by_incident ON notices (incident);
CREATE INDEX runs_by_end ON runs (state, ended_at);
