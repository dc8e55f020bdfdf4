//! The snapshot that all readers share, and the sessions that see it.

use std::sync::atomic::Ordering;
use std::sync::{Mutex, PoisonError};

use syncline_connector::Consistency;
use syncline_types::{Code, Error, ErrorKind, Result};

use super::PostgresSource;
use crate::connect::{Purpose, Session};
use crate::error;

/// Begins what sees one moment of the database.
pub(super) const BEGIN: &str = "BEGIN TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY";

/// The session that holds the snapshot of this stretch of the run.
pub(super) struct Snapshot {
    session: Session,
    /// Its exported name, where the server can export it.
    name: Option<String>,
    /// Which transactions it sees, as `txid_current_snapshot` writes it.
    sees: String,
    number: u64,
}

/// Sessions of one snapshot that are between two splits.
#[derive(Default)]
pub(crate) struct Idle(Mutex<(u64, Vec<(Purpose, Session)>)>);

impl Idle {
    /// Takes a session in that has done its work, when another split of today's snapshot can be
    /// read on it.
    pub(crate) fn put(&self, reading: Reading) {
        let mut idle = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if reading.shared && reading.number == idle.0 && reading.session.is_open() {
            idle.1.push((reading.purpose, reading.session));
        }
    }

    fn take(&self, purpose: Purpose) -> Option<Session> {
        let mut idle = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let at = idle.1.iter().position(|(p, s)| *p == purpose && s.is_open())?;
        Some(idle.1.swap_remove(at).1)
    }

    /// Drops all; from now on only sessions of that snapshot are taken.
    pub(super) fn reset(&self, snapshot: u64) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = (snapshot, Vec::new());
    }

    pub(super) fn number(&self) -> u64 {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).0
    }
}

/// A session that sees the snapshot.
pub(crate) struct Reading {
    pub(crate) session: Session,
    purpose: Purpose,
    /// Which snapshot.
    number: u64,
    /// Which transactions it sees.
    pub(super) sees: String,
    /// It can read another split of the same snapshot.
    shared: bool,
}

impl PostgresSource {
    /// Opens a snapshot that a session exported, instead of the present one.
    pub(crate) async fn begin_with(&self, exported: &str) -> Result<Consistency> {
        let mut snapshot = self.snapshot.lock().await;
        let (taken, consistency) = self.take_snapshot(Some(exported)).await?;
        *snapshot = Some(taken);
        self.placed.store(true, Ordering::Relaxed);
        Ok(consistency)
    }

    /// Begins a snapshot, or joins one, and exports it, where the server can.
    pub(super) async fn take_snapshot(&self, of: Option<&str>) -> Result<(Snapshot, Consistency)> {
        let session = self.connect.open(Purpose::Read).await?;
        session.run(BEGIN, "taking a snapshot").await?;
        if let Some(name) = of {
            session.run(&join(name), "taking a snapshot").await?;
        }
        let exported = session.client.query_one("SELECT pg_catalog.pg_export_snapshot()", &[]);
        let (name, consistency) = match exported.await {
            Ok(row) => (Some(row.get::<_, String>(0)), Consistency::Snapshot),
            Err(failed) => {
                let failed = error::of(failed, "exporting a snapshot");
                if failed.kind() == ErrorKind::Transient || of.is_some() {
                    return Err(failed);
                }
                session.run("ROLLBACK", "taking a snapshot").await?;
                session.run(BEGIN, "taking a snapshot").await?;
                (None, Consistency::PerSplit(failed.message().to_owned()))
            }
        };
        let sees = seen(&session, "taking a snapshot").await?;
        let number = self.idle.number() + 1;
        self.idle.reset(number);
        Ok((Snapshot { session, name, sees, number }, consistency))
    }

    /// A session that sees the snapshot; one that was used before, where there is one.
    pub(super) async fn reading(&self, purpose: Purpose) -> Result<Reading> {
        let (name, number, host, mut sees) = {
            let mut snapshot = self.snapshot.lock().await;
            if snapshot.as_ref().is_none_or(|s| !s.session.is_open()) {
                if self.placed.load(Ordering::Relaxed) {
                    let message = "the snapshot was lost with its connection, and with it the \
                                   moment it showed";
                    return Err(Error::new(Code::SnapshotLost, message));
                }
                if snapshot.is_some() {
                    tracing::warn!(
                        store = %self.connect.address,
                        "the snapshot was lost with its connection; reading goes on from a new one"
                    );
                }
                *snapshot = Some(self.take_snapshot(None).await?.0);
            }
            let held = snapshot.as_ref().ok_or_else(|| Error::bug("no snapshot"))?;
            (held.name.clone(), held.number, held.session.host, held.sees.clone())
        };
        if let Some(session) = self.idle.take(purpose) {
            return Ok(Reading { session, purpose, number, sees, shared: true });
        }
        // A snapshot of one host is not there on the others.
        let session = self.connect.open_at(host, purpose).await?;
        session.run(BEGIN, "joining the snapshot").await?;
        match &name {
            Some(name) => {
                session.run(&join(name), "joining the snapshot").await.map_err(|e| {
                    match e.code() {
                        // The holder has just gone: the next try finds that out and takes a new one.
                        Code::Conversion | Code::StoreFailed => {
                            Error::new(Code::ConnectionLost, e.message())
                        }
                        _ => e,
                    }
                })?;
            }
            None => sees = seen(&session, "beginning to read").await?,
        }
        Ok(Reading { session, purpose, number, sees, shared: name.is_some() })
    }
}

/// Which transactions a session sees.
async fn seen(session: &Session, doing: &str) -> Result<String> {
    let sql = "SELECT pg_catalog.txid_current_snapshot()::pg_catalog.text";
    let row = session.client.query_one(sql, &[]).await.map_err(|e| error::of(e, doing))?;
    Ok(row.get(0))
}

/// The statement that joins an exported snapshot.
fn join(name: &str) -> String {
    format!("SET TRANSACTION SNAPSHOT '{}'", name.replace('\'', ""))
}
