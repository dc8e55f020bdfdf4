-- Counts of values that the job's policies changed.
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
