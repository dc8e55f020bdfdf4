-- The stored connections that a run reads and writes, jobs by how their newest run went, and the
-- node that works with the state.
ALTER TABLE runs ADD COLUMN source_connection TEXT;
ALTER TABLE runs ADD COLUMN sink_connection TEXT;
-- A job may name other connections by now than it did then: those that a run was recorded with count.
UPDATE runs SET
    source_connection = (SELECT c.connection FROM job_connections c
        WHERE c.job = runs.job_name AND c.side = 'source'
        AND runs.connections LIKE '%"' || c.connection || '"%'),
    sink_connection = (SELECT c.connection FROM job_connections c
        WHERE c.job = runs.job_name AND c.side = 'sink'
        AND runs.connections LIKE '%"' || c.connection || '"%')
WHERE job_name IS NOT NULL;
DROP INDEX runs_by_job_name;
CREATE INDEX runs_by_job_name ON runs (job_name, id, state);
-- One row while a node works with the state. It counts up; a count that stands still is a node that
-- is gone.
CREATE TABLE lease (
    one     INTEGER PRIMARY KEY CHECK (one = 1),
    holder  TEXT NOT NULL,
    node    TEXT NOT NULL,
    folder  TEXT NOT NULL,
    beat    INTEGER NOT NULL,
    since   TEXT NOT NULL
) STRICT;
