-- People: who they are, how they are signed in, what programs act for them, and what was done.
CREATE TABLE users (
    name         TEXT PRIMARY KEY,
    role         TEXT NOT NULL,
    -- argon2id with its parameters; none for those who sign in with a provider.
    password     TEXT,
    -- Who they are to the provider: its issuer and their subject there.
    subject      TEXT UNIQUE,
    disabled     INTEGER NOT NULL DEFAULT 0,
    created_at   TEXT NOT NULL,
    updated_at   TEXT NOT NULL,
    signed_in_at TEXT
) STRICT;
-- One row once the first admin has been made.
CREATE TABLE set_up (
    one INTEGER PRIMARY KEY CHECK (one = 1),
    at  TEXT NOT NULL
) STRICT;
CREATE TABLE sessions (
    -- SHA-256 of the secret in the cookie.
    hash       TEXT PRIMARY KEY,
    owner      TEXT NOT NULL REFERENCES users (name) ON DELETE CASCADE,
    created_at TEXT NOT NULL,
    seen_at    TEXT NOT NULL,
    ends_at    TEXT NOT NULL
) STRICT;
CREATE INDEX sessions_by_owner ON sessions (owner);
CREATE TABLE tokens (
    id           TEXT PRIMARY KEY,
    -- SHA-256 of the token.
    hash         TEXT NOT NULL UNIQUE,
    name         TEXT NOT NULL,
    -- None for those made with the admin token of the environment.
    owner        TEXT REFERENCES users (name) ON DELETE CASCADE,
    role         TEXT NOT NULL,
    -- Names of the jobs it is limited to, as JSON; none: all.
    jobs         TEXT,
    created_at   TEXT NOT NULL,
    expires_at   TEXT,
    last_used_at TEXT
) STRICT;
CREATE INDEX tokens_by_owner ON tokens (owner);
-- What was done by whom. Rows are added and never change; those of the last 30 days never go.
CREATE TABLE audit (
    id      INTEGER PRIMARY KEY,
    at      TEXT NOT NULL,
    actor   TEXT NOT NULL,
    action  TEXT NOT NULL,
    target  TEXT NOT NULL,
    detail  TEXT NOT NULL,
    address TEXT
) STRICT;
CREATE INDEX audit_by_actor ON audit (actor, id);
CREATE INDEX audit_by_action ON audit (action, id);
CREATE INDEX audit_by_time ON audit (at);
CREATE TRIGGER audit_never_changes BEFORE UPDATE ON audit BEGIN SELECT RAISE(ABORT, 'the audit log is only added to'); END; -- sqlite
CREATE TRIGGER audit_stays BEFORE DELETE ON audit WHEN OLD.at > strftime('%Y-%m-%dT%H:%M:%S', 'now', '-30 days') BEGIN SELECT RAISE(ABORT, 'the audit log is only added to'); END; -- sqlite
-- postgres: CREATE FUNCTION audit_refuses() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'the audit log is only added to'; END $$;
-- postgres: CREATE TRIGGER audit_never_changes BEFORE UPDATE OR TRUNCATE ON audit FOR EACH STATEMENT EXECUTE FUNCTION audit_refuses();
-- postgres: CREATE TRIGGER audit_stays BEFORE DELETE ON audit FOR EACH ROW WHEN (OLD.at > to_char(now() AT TIME ZONE 'UTC' - interval '30 days', 'YYYY-MM-DD"T"HH24:MI:SS')) EXECUTE FUNCTION audit_refuses();
