//! Connections that wait for work, and how one in the middle of a result gets back to them.

use std::ops::{Deref, DerefMut};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use scopeguard::ScopeGuard;
use tokio::sync::Notify;

use crate::session::{Purpose, Store};
use crate::wire::{Conn, Fault};

/// How long a statement that is not wanted any more is waited for.
const RESCUE: Duration = Duration::from_secs(10);

/// Connections that wait for work.
pub(crate) struct Pool {
    store: Store,
    state: Mutex<State>,
    /// One came back, or will not.
    back: Notify,
}

#[derive(Default)]
struct State {
    idle: Vec<Conn>,
    /// How many are on their way back.
    returning: usize,
}

impl Pool {
    pub(crate) fn new(store: Store) -> Arc<Self> {
        Arc::new(Self { store, state: Mutex::default(), back: Notify::new() })
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// One that still lives, if there is one or one is on its way back.
    pub(crate) async fn take(&self) -> Option<Conn> {
        loop {
            let back = self.back.notified();
            let (conn, returning) = {
                let mut state = self.lock();
                (state.idle.pop(), state.returning)
            };
            match conn {
                // The server may have gone and come back meanwhile.
                Some(mut conn) => {
                    if conn.ping().await.is_ok() {
                        return Some(conn);
                    }
                }
                None if returning > 0 => back.await,
                None => return None,
            }
        }
    }

    /// Takes a connection back, if it is still of use.
    pub(crate) fn give(&self, conn: Conn) {
        if conn.is_idle() {
            self.lock().idle.push(conn);
            self.back.notify_waiters();
        }
    }

    /// Takes a connection back that is in the middle of a result: the statement is stopped, so that
    /// the transaction (and its snapshot) can be gone on with.
    pub(crate) fn rescue(self: &Arc<Self>, conn: Conn) {
        let Ok(runtime) = tokio::runtime::Handle::try_current() else { return };
        self.lock().returning += 1;
        let pool = Arc::clone(self);
        runtime.spawn(async move {
            let saved = tokio::time::timeout(RESCUE, pool.stop(conn)).await;
            let mut state = pool.lock();
            state.returning -= 1;
            // At once with the count: nobody may see neither.
            state.idle.extend(saved.ok().flatten().filter(Conn::is_idle));
            drop(state);
            pool.back.notify_waiters();
        });
    }

    /// Ends what a connection does that nobody waits for any more. To close it is not enough: a
    /// server looks for its client only when it has something to send.
    fn abandon(self: &Arc<Self>, conn: Conn) {
        let Ok(runtime) = tokio::runtime::Handle::try_current() else { return };
        let pool = Arc::clone(self);
        runtime.spawn(async move {
            let ended = async {
                // The number is that of this host's connection, and somebody else's on another.
                let beside = pool.store.beside(&conn);
                let mut other = beside.connect(Purpose::Read).await.ok()?;
                other.exec(&format!("KILL {}", conn.id)).await.ok()?;
                other.quit().await;
                Some(())
            };
            // It stays open until then: its number is nobody else's.
            let _ = tokio::time::timeout(RESCUE, ended).await;
            drop(conn);
        });
    }

    async fn stop(&self, mut conn: Conn) -> Option<Conn> {
        let mut other = self.store.beside(&conn).connect(Purpose::Read).await.ok()?;
        other.exec(&format!("KILL QUERY {}", conn.id)).await.ok()?;
        other.quit().await;
        // What is on its way already, up to the server's word that it stopped.
        loop {
            match conn.next_row().await {
                Ok(Some(_)) => {}
                Ok(None) | Err(Fault::Server { .. }) => return Some(conn),
                Err(_) => return None,
            }
        }
    }

    /// Closes all of them.
    pub(crate) async fn close(&self) {
        while let Some(conn) = self.take().await {
            conn.quit().await;
        }
    }
}

/// A connection in the hands of somebody who may go away at any time.
pub(crate) struct Lent {
    conn: Conn,
    pool: Arc<Pool>,
    /// No transaction is open and nothing is left in the session.
    pub(crate) clean: bool,
}

/// A connection, and what becomes of it when whoever has it goes.
pub(crate) type Lease = ScopeGuard<Lent, fn(Lent)>;

impl Lent {
    fn new(conn: Conn, pool: &Arc<Pool>) -> Self {
        Self { conn, pool: Arc::clone(pool), clean: false }
    }

    /// At work for somebody: what it does ends with them.
    pub(crate) fn at_work(conn: Conn, pool: &Arc<Pool>) -> Lease {
        let stop: fn(Self) = |lent| {
            if !lent.conn.is_idle() {
                lent.pool.abandon(lent.conn);
            }
        };
        scopeguard::guard(Self::new(conn, pool), stop)
    }

    /// Goes back to its pool, once it is said to be `clean`, as it was taken.
    pub(crate) fn returning(conn: Conn, pool: &Arc<Pool>) -> Lease {
        let give: fn(Self) = |lent| {
            if lent.clean {
                lent.pool.give(lent.conn);
            }
        };
        scopeguard::guard(Self::new(conn, pool), give)
    }

    /// The work is done, well or not.
    pub(crate) fn done(lease: Lease) -> Conn {
        ScopeGuard::into_inner(lease).conn
    }
}

impl Deref for Lent {
    type Target = Conn;

    fn deref(&self) -> &Conn {
        &self.conn
    }
}

impl DerefMut for Lent {
    fn deref_mut(&mut self) -> &mut Conn {
        &mut self.conn
    }
}
