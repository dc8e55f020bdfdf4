//! A load of transactions on tables of every shape that following a store must keep exact, and the
//! comparison of two stores once all is at rest.
//!
//! What happens is drawn from a seed; when it happens is not, so two loads of one seed leave
//! different rows where connections meet. The source itself is what the target is compared with.

mod compare;
mod statements;
mod tables;

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};
use std::time::{Duration, Instant};

use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};

pub use compare::{Contents, Store, contents, differences};
pub use tables::{Form, TABLES, Table};

use crate::{Database, Session};

/// How long a connection waits for a server that is away.
const PATIENCE: Duration = Duration::from_secs(60);

/// A load: how much, how fast, and by how many connections.
#[derive(Debug, Clone)]
pub struct Workload {
    /// What all choices are drawn from.
    pub seed: u64,
    /// Connections at work at the same time.
    pub connections: usize,
    /// Transactions in all.
    pub transactions: usize,
    /// Transactions a second in all; as fast as the server takes them when `None`.
    pub per_second: Option<u32>,
    /// Rows of the large transaction that comes about once in 150; none of them when 0.
    pub large: usize,
}

/// What a load did, and the word that ends it early. Shared with the thread that runs it.
#[derive(Debug, Default)]
pub struct Course {
    committed: AtomicUsize,
    rolled_back: AtomicUsize,
    refused: AtomicUsize,
    stop: AtomicBool,
}

impl Course {
    /// Transactions that were committed so far.
    pub fn committed(&self) -> usize {
        self.committed.load(SeqCst)
    }

    /// Transactions that were rolled back on purpose.
    pub fn rolled_back(&self) -> usize {
        self.rolled_back.load(SeqCst)
    }

    /// Transactions that the server refused: a key that was there, a deadlock, a lost connection.
    pub fn refused(&self) -> usize {
        self.refused.load(SeqCst)
    }

    /// Ends the load after the transactions that are open now.
    pub fn stop(&self) {
        self.stop.store(true, SeqCst);
    }

    fn stopped(&self) -> bool {
        self.stop.load(SeqCst)
    }
}

impl Workload {
    /// Two connections, as many transactions as asked, without a limit of speed.
    pub fn new(seed: u64, transactions: usize) -> Self {
        Self { seed, connections: 2, transactions, per_second: None, large: 2_000 }
    }

    /// Makes the tables, with some rows in each.
    ///
    /// # Panics
    /// When the server refuses.
    pub fn make(&self, database: &Database, mysql: bool) {
        for table in &TABLES {
            database.execute(&(table.create)(mysql));
        }
        let mut random = StdRng::seed_from_u64(self.seed);
        let mut session = database.session();
        for statement in statements::first_rows(&mut random, mysql) {
            session.execute(&statement);
        }
    }

    /// Runs the load to its end, or until it is stopped.
    ///
    /// # Panics
    /// When a server stays away for a minute.
    pub fn run(&self, database: &Database, mysql: bool, course: &Course) {
        let next = AtomicUsize::new(0);
        let begun = Instant::now();
        std::thread::scope(|scope| {
            for number in 0..self.connections {
                let seed = self.seed.wrapping_mul(31).wrapping_add(number as u64 + 1);
                let next = &next;
                scope.spawn(move || {
                    let random = StdRng::seed_from_u64(seed);
                    let mut worker =
                        Worker { load: self, database, mysql, course, random, session: None };
                    loop {
                        let at = next.fetch_add(1, SeqCst);
                        if at >= self.transactions || course.stopped() {
                            break;
                        }
                        if let Some(rate) = self.per_second {
                            let due = Duration::from_secs_f64(at as f64 / f64::from(rate));
                            std::thread::sleep(due.saturating_sub(begun.elapsed()));
                        }
                        worker.transaction();
                    }
                });
            }
        });
    }
}

/// One connection at work.
struct Worker<'a> {
    load: &'a Workload,
    database: &'a Database,
    mysql: bool,
    course: &'a Course,
    random: StdRng,
    session: Option<Session>,
}

impl Worker<'_> {
    fn transaction(&mut self) {
        let mut inside = statements::transaction(&mut self.random, self.mysql, self.load.large);
        let keep = !self.random.random_bool(0.06);
        inside.insert(0, "BEGIN".to_owned());
        inside.push(if keep { "COMMIT" } else { "ROLLBACK" }.to_owned());
        // Now in one go, now statement by statement, so that transactions interleave.
        if self.random.random_bool(0.5) {
            inside = vec![inside.join(";\n")];
        }
        let mut session = match self.session.take() {
            Some(session) => session,
            None => self.connect(),
        };
        let done = inside.iter().try_for_each(|statement| session.try_execute(statement));
        match done {
            Ok(()) if keep => self.course.committed.fetch_add(1, SeqCst),
            Ok(()) => self.course.rolled_back.fetch_add(1, SeqCst),
            Err(_) => self.course.refused.fetch_add(1, SeqCst),
        };
        if done.is_ok() || session.try_execute("ROLLBACK").is_ok() {
            self.session = Some(session);
        }
    }

    fn connect(&self) -> Session {
        let begun = Instant::now();
        let patience =
            if self.mysql { "SET innodb_lock_wait_timeout = 2" } else { "SET lock_timeout = '2s'" };
        loop {
            match self.database.try_session() {
                Ok(mut session) => {
                    if session.try_execute(patience).is_ok() {
                        return session;
                    }
                }
                Err(why) => assert!(begun.elapsed() < PATIENCE, "the load cannot connect: {why}"),
            }
            std::thread::sleep(Duration::from_millis(50));
        }
    }
}
