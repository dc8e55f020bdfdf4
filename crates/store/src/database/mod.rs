//! The database under the state, of either kind: SQLite in a folder, or PostgreSQL.
//!
//! One text of SQL serves both: parameters are `$1`, `$2`, … each first used in order, whole
//! numbers are 64 bits, times are text. What differs is written once, for SQLite, and translated.

mod address;
mod line;
mod postgres;
mod sqlite;
mod value;

use std::sync::{Mutex, MutexGuard, PoisonError, TryLockError};
use std::time::{Duration, Instant};

use syncline_types::{Code, Error, Result};

pub(crate) use address::Address;
use line::{Line, aside};
pub(crate) use value::{Row, Value};

/// Parameters of a statement.
macro_rules! params {
    ($($value:expr),* $(,)?) => { &[$($crate::database::Value::from($value)),*] };
}
pub(crate) use params;

/// Connections that only read, beside the one that writes: a long list holds no checkpoint up.
const READERS: usize = 2;
/// A connection that fails sooner than this had been broken before: what was asked is asked again
/// on another. Who has waited for longer does not begin to wait anew.
const SUDDEN: Duration = Duration::from_secs(1);

/// What a database says went wrong.
#[derive(Debug)]
pub(crate) struct Failed {
    pub(crate) kind: Failure,
    pub(crate) cause: Box<dyn std::error::Error + Send + Sync>,
}

/// Kinds of failure that are told apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Failure {
    /// No room is left.
    Full,
    /// Another process holds it for too long.
    Busy,
    /// It cannot be reached just now.
    Away,
    /// A row of that key is there already.
    Exists,
    /// A row that is referred to is not there, or one that goes is referred to.
    Referred,
    /// Anything else.
    Other,
}

impl Failed {
    pub(crate) fn new(
        kind: Failure,
        cause: impl Into<Box<dyn std::error::Error + Send + Sync>>,
    ) -> Self {
        Self { kind, cause: cause.into() }
    }

    /// The error that says what was being done.
    pub(crate) fn while_(self, doing: &str) -> Error {
        let code = match self.kind {
            Failure::Full => Code::DiskFull,
            Failure::Busy | Failure::Away => Code::Busy,
            Failure::Exists | Failure::Referred | Failure::Other => Code::StateUnusable,
        };
        let error = Error::new(code, format!("{STATE}{doing}")).because(self.cause);
        match self.kind {
            Failure::Full => error.hint(
                "make room where the server keeps its state, then ask again; what was acknowledged \
                 is kept",
            ),
            Failure::Busy => error.hint(
                "another program holds the server's state, or too much is asked of it: ask again in \
                 a moment",
            ),
            Failure::Away => error.hint(
                "the database of the server's state does not answer: ask again once it does, the \
                 server finds it by itself",
            ),
            Failure::Exists | Failure::Referred | Failure::Other => error,
        }
    }
}

/// What every error of the state begins with.
const STATE: &str = "state: ";

/// Whether an error is the state's own and passes: it is full, held, or away.
pub fn passes(error: &Error) -> bool {
    matches!(error.code(), Code::DiskFull | Code::Busy) && error.message().starts_with(STATE)
}

/// Result of a statement.
pub(crate) type Done<T> = std::result::Result<T, Failed>;

/// One connection, of either kind.
pub(crate) enum Session {
    Sqlite(rusqlite::Connection),
    Postgres(postgres::Link),
}

impl Session {
    /// Runs a statement; returns how many rows it changed.
    pub(crate) fn execute(&mut self, sql: &str, params: &[Value]) -> Done<u64> {
        match self {
            Self::Sqlite(connection) => sqlite::execute(connection, sql, params),
            Self::Postgres(link) => link.execute(sql, params),
        }
    }

    /// Runs a statement that gives rows.
    pub(crate) fn query(&mut self, sql: &str, params: &[Value]) -> Done<Vec<Row>> {
        match self {
            Self::Sqlite(connection) => sqlite::query(connection, sql, params),
            Self::Postgres(link) => link.query(sql, params),
        }
    }

    /// The only row, if there is one.
    pub(crate) fn row(&mut self, sql: &str, params: &[Value]) -> Done<Option<Row>> {
        Ok(self.query(sql, params)?.into_iter().next())
    }

    /// What makes a row that was read stay as it is until the transaction ends. SQLite's
    /// transactions are alone from their beginning.
    pub(crate) fn for_update(&self) -> &'static str {
        match self {
            Self::Sqlite(_) => "",
            Self::Postgres(_) => " FOR UPDATE",
        }
    }

    /// Runs several statements that make or change tables.
    pub(crate) fn batch(&mut self, sql: &str) -> Done<()> {
        match self {
            Self::Sqlite(connection) => sqlite::batch(connection, sql),
            Self::Postgres(link) => link.execute(sql, &[]).map(drop),
        }
    }

    pub(crate) fn begin(&mut self) -> Done<()> {
        match self {
            Self::Sqlite(connection) => sqlite::batch(connection, "BEGIN IMMEDIATE"),
            Self::Postgres(link) => link.begin(),
        }
    }

    pub(crate) fn end(&mut self, commit: bool) -> Done<()> {
        let sql = if commit { "COMMIT" } else { "ROLLBACK" };
        match self {
            Self::Sqlite(connection) => sqlite::batch(connection, sql),
            Self::Postgres(link) => link.end(sql),
        }
    }
}

/// The database: one connection that writes, and a few that read.
pub(crate) struct Database {
    writer: Mutex<Session>,
    readers: Vec<Mutex<Option<Session>>>,
    open: Opener,
    /// Those who wait for the one, and for the others.
    writing: Line,
    reading: Line,
}

/// Opens one more connection.
type Opener = Box<dyn Fn() -> Done<Session> + Send + Sync>;

impl Database {
    /// A database whose connections `open` makes.
    fn new(open: Opener) -> Done<Self> {
        let writer = Mutex::new(open()?);
        let readers = (0..READERS).map(|_| Mutex::new(None)).collect();
        let (writing, reading) = (Line::default(), Line::default());
        Ok(Self { writer, readers, open, writing, reading })
    }

    /// An SQLite file, made when it is missing, brought up to date.
    pub(crate) fn sqlite(path: &std::path::Path) -> std::result::Result<Self, OpenError> {
        let path = path.to_owned();
        let database = Self::new(Box::new(move || sqlite::open(&path).map(Session::Sqlite)))?;
        database.migrate(false)?;
        Ok(database)
    }

    /// A PostgreSQL database, its tables made or brought up to date.
    pub(crate) fn postgres(address: &Address) -> std::result::Result<Self, OpenError> {
        let address = address.clone();
        let open = move || postgres::Link::open(&address).map(Session::Postgres);
        let database = Self::new(Box::new(open))?;
        database.migrate(true)?;
        Ok(database)
    }

    fn migrate(&self, postgres: bool) -> std::result::Result<(), OpenError> {
        let session = &mut *self.writer()?;
        if postgres {
            crate::schema::migrate_postgres(session)
        } else {
            crate::schema::migrate_sqlite(session)
        }
    }

    /// Runs one statement that writes; returns how many rows it changed.
    pub(crate) fn execute(&self, doing: &str, sql: &str, params: &[Value]) -> Result<u64> {
        let write = || {
            let mut session = self.writer()?;
            let began = Instant::now();
            session.execute(sql, params).inspect_err(|e| self.writing.failed(e.kind, began))
        };
        aside(write).map_err(|e| e.while_(doing))
    }

    /// Runs one statement that only reads.
    pub(crate) fn query(&self, doing: &str, sql: &str, params: &[Value]) -> Result<Vec<Row>> {
        let read = || {
            let asked = Instant::now();
            let mut slot = self.reader();
            self.reading.wait_is_over(asked)?;
            let began = Instant::now();
            self.query_by(&mut slot, sql, params)
                .inspect_err(|e| self.reading.failed(e.kind, began))
        };
        aside(read).map_err(|e| e.while_(doing))
    }

    fn query_by(&self, slot: &mut Option<Session>, sql: &str, params: &[Value]) -> Done<Vec<Row>> {
        if let Some(session) = slot {
            let began = Instant::now();
            match session.query(sql, params) {
                Err(e) if e.kind == Failure::Away => {
                    *slot = None;
                    if began.elapsed() >= SUDDEN {
                        return Err(e);
                    }
                    // It broke while nobody used it, or just now: a statement that only reads may
                    // begin again.
                }
                done => return done,
            }
        }
        slot.insert((self.open)()?).query(sql, params)
    }

    /// What a statement that only reads finds, each row as `read` makes it.
    pub(crate) fn read<T>(
        &self,
        doing: &str,
        sql: &str,
        params: &[Value],
        read: impl Fn(&Row) -> Done<T>,
    ) -> Result<Vec<T>> {
        let rows = self.query(doing, sql, params)?;
        rows.iter().map(read).collect::<Done<_>>().map_err(|e| e.while_(doing))
    }

    /// Runs statements as one transaction: all of them happen, or none.
    pub(crate) fn transaction<T>(
        &self,
        doing: &str,
        work: impl FnOnce(&mut Session) -> Result<T>,
    ) -> Result<T> {
        aside(|| {
            let mut session = self.writer().map_err(|e| e.while_(doing))?;
            let began = Instant::now();
            let done = Self::transact(&mut session, doing, work);
            if done.as_ref().is_err_and(|e| e.code() == Code::Busy) {
                self.writing.failed(Failure::Busy, began);
            }
            done
        })
    }

    fn transact<T>(
        session: &mut Session,
        doing: &str,
        work: impl FnOnce(&mut Session) -> Result<T>,
    ) -> Result<T> {
        // A connection that broke while nobody used it is noticed here, before anything happened.
        let began = Instant::now();
        let begun = match session.begin() {
            Err(e) if e.kind == Failure::Away && began.elapsed() < SUDDEN => session.begin(),
            begun => begun,
        };
        begun.map_err(|e| e.while_(doing))?;
        match work(session) {
            Ok(value) => {
                if let Err(error) = session.end(true) {
                    let _ = session.end(false);
                    return Err(error.while_(doing));
                }
                Ok(value)
            }
            Err(error) => {
                // What was not committed is gone with the connection, if it is gone.
                let _ = session.end(false);
                Err(error)
            }
        }
    }

    /// A panic of another holder leaves nothing behind: the next transaction cannot begin inside
    /// of its own, so a poisoned lock is still good once that is rolled back.
    fn writer(&self) -> Done<MutexGuard<'_, Session>> {
        let asked = Instant::now();
        let session = self.writer.lock().unwrap_or_else(|poisoned| {
            self.writer.clear_poison();
            let mut session = poisoned.into_inner();
            let _ = session.end(false);
            session
        });
        self.writing.wait_is_over(asked)?;
        Ok(session)
    }

    /// The first reader that is free, or the first one to become so.
    fn reader(&self) -> MutexGuard<'_, Option<Session>> {
        for reader in &self.readers {
            match reader.try_lock() {
                Ok(free) => return free,
                Err(TryLockError::Poisoned(poisoned)) => return poisoned.into_inner(),
                Err(TryLockError::WouldBlock) => {}
            }
        }
        self.readers[0].lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Why a database cannot be opened.
#[derive(Debug)]
pub(crate) enum OpenError {
    Failed(Failed),
    /// It is of this later version.
    Newer(i64),
}

impl From<Failed> for OpenError {
    fn from(failed: Failed) -> Self {
        Self::Failed(failed)
    }
}

#[cfg(test)]
mod tests {
    use syncline_testkit::{Kind, Server};

    use super::*;

    fn count(database: &Database) -> i64 {
        let sql = "SELECT count(*) AS n FROM numbers";
        database.read("test", sql, &[], |row| row.get("n")).unwrap()[0]
    }

    fn insert(session: &mut Session, one: i64) -> Result<u64> {
        let sql = "INSERT INTO numbers (one) VALUES ($1)";
        session.execute(sql, params![one]).map_err(|e| e.while_("test"))
    }

    /// A connection that breaks inside a transaction takes all of it along, what came before and
    /// what comes after; the next transaction has another one.
    #[test]
    fn a_broken_transaction_never_half_happens() {
        let Some(server) = Server::shared(Kind::Postgres) else { return };
        let place = server.database();
        place.execute("CREATE TABLE numbers (one BIGINT PRIMARY KEY)");
        let database = Database::postgres(&Address::parse(&place.url()).unwrap()).unwrap();
        assert_eq!(count(&database), 0);
        let cut = || {
            place.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity
                 WHERE application_name = 'syncline store' AND datname = current_database()",
            );
        };
        for (before, after) in [(true, false), (false, true), (true, true)] {
            let broken = database.transaction("test", |session| {
                if before {
                    insert(session, 1)?;
                }
                cut();
                // Whoever does not look at what failed must not get the rest in either.
                let failed = insert(session, 2).is_err();
                assert!(failed);
                if after {
                    let _ = insert(session, 3);
                }
                Ok(())
            });
            assert!(broken.is_err());
            // Readers were cut off as well, and notice nothing of it.
            assert_eq!(count(&database), 0);
        }
        database.transaction("test", |session| insert(session, 1)).unwrap();
        assert_eq!(count(&database), 1);
        // One that broke while it had nothing to do is noticed before anything is.
        cut();
        database
            .transaction("test", |session| {
                session.execute("DELETE FROM numbers", &[]).map_err(|e| e.while_("test"))
            })
            .unwrap();
        assert_eq!(count(&database), 0);
    }

    /// A statement that fails takes the whole transaction with it, also where nobody says so: a
    /// server that is told to commit such a one rolls it back without an error.
    #[test]
    fn a_failed_statement_that_is_overlooked_is_no_success() {
        let Some(server) = Server::shared(Kind::Postgres) else { return };
        let place = server.database();
        place.execute("CREATE TABLE numbers (one BIGINT PRIMARY KEY)");
        let database = Database::postgres(&Address::parse(&place.url()).unwrap()).unwrap();
        let overlooked = database.transaction("test", |session| {
            insert(session, 1)?;
            let _ = insert(session, 1);
            Ok(())
        });
        assert!(overlooked.is_err());
        assert_eq!(count(&database), 0);
    }
}
