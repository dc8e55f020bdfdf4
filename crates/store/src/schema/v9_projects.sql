-- Projects: named groups of jobs with what belongs to them, which connections they may use, and who
-- may do what in them.
CREATE TABLE projects (
    name        TEXT PRIMARY KEY,
    description TEXT NOT NULL,
    -- Runs of its jobs at the same time; none: no limit.
    max_running INTEGER,
    version     INTEGER NOT NULL,
    created_at  TEXT NOT NULL,
    updated_at  TEXT NOT NULL,
    updated_by  TEXT NOT NULL
) STRICT, WITHOUT ROWID;
-- The one that every job is in until somebody says otherwise.
INSERT INTO projects SELECT 'default', '', NULL, 1, n.at, n.at, '' FROM (SELECT strftime('%Y-%m-%dT%H:%M:%fZ', 'now') AS at) n; -- sqlite
-- postgres: INSERT INTO projects SELECT 'default', '', NULL, 1, n.at, n.at, '' FROM (SELECT to_char(now() AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"') AS at) n;
ALTER TABLE jobs ADD COLUMN project TEXT NOT NULL DEFAULT 'default';
CREATE INDEX jobs_by_project ON jobs (project, name);
-- Versions outlive their job: the last one says where it was.
ALTER TABLE job_versions ADD COLUMN project TEXT NOT NULL DEFAULT 'default';
-- That of the job, which they move with.
ALTER TABLE runs ADD COLUMN project TEXT NOT NULL DEFAULT 'default';
CREATE INDEX runs_by_project ON runs (project, id);
-- Names of the projects whose jobs may use it, as JSON; an empty list: all.
ALTER TABLE connections ADD COLUMN projects TEXT NOT NULL DEFAULT '[]';
-- Names of the projects it is limited to, as JSON; none: all.
ALTER TABLE tokens ADD COLUMN projects TEXT;
-- What somebody may do in a project beyond what they may everywhere.
CREATE TABLE project_members (
    project TEXT NOT NULL REFERENCES projects (name) ON DELETE CASCADE,
    member  TEXT NOT NULL REFERENCES users (name) ON DELETE CASCADE,
    role    TEXT NOT NULL,
    PRIMARY KEY (project, member)
) STRICT, WITHOUT ROWID;
CREATE INDEX project_members_by_member ON project_members (member);
