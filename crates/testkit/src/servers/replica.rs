//! Replicas: a second real server that follows the first, and takes its place.

use std::process::Command;
use std::time::{Duration, Instant};

use super::{Database, Kind, Server, launch};

/// How long a replica may take to have what its primary has.
const PATIENCE: Duration = Duration::from_secs(90);

impl Server {
    /// A replica that has what this server has and follows it; set read-only, as replicas are.
    /// `None` as for [`Server::own`]. The server is restarted to be copied (PostgreSQL), or has to
    /// have its whole log (MySQL).
    ///
    /// # Panics
    /// When it does not start, or for a server that another process runs.
    pub fn replica(&self) -> Option<Server> {
        let kind = self.kind();
        if kind.is_mysql() {
            let replica = Server::own(kind, &["--log-slave-updates=ON"])?;
            replica.follow(self);
            return Some(replica);
        }
        let replica = Server::own(kind, &[])?;
        replica.stop();
        self.stop();
        let (from, to) = (self.data()?, replica.data()?);
        let _ = std::fs::remove_dir_all(&to);
        launch::run(Command::new("cp").arg("-a").arg(&from).arg(&to));
        self.start();
        let primary =
            format!("primary_conninfo='host=127.0.0.1 port={} user=postgres'\n", self.port());
        let settings = to.join("postgresql.auto.conf");
        let text = std::fs::read_to_string(&settings).expect("the settings are read");
        // Written anew, the files are still their owner's.
        std::fs::write(&settings, text + &primary).expect("the settings are written");
        std::fs::write(to.join("standby.signal"), "").expect("the data folder is writable");
        replica.start();
        Some(replica)
    }

    /// The database of the same name on this server.
    pub fn same(&self, database: &Database) -> Database {
        Database::named(&self.inner, database.name())
    }

    /// Waits until this replica has all that its primary has.
    ///
    /// # Panics
    /// When that does not come true.
    pub fn catch_up(&self, primary: &Server) {
        let (done, had) = match self.kind() {
            Kind::MariaDb => ("SELECT @@global.gtid_binlog_pos", "SELECT @@global.gtid_slave_pos"),
            Kind::MySql => ("SELECT @@global.gtid_executed", "SELECT @@global.gtid_executed"),
            Kind::Postgres | Kind::Postgres17 => {
                ("SELECT pg_current_wal_flush_lsn()", "SELECT pg_last_wal_replay_lsn()")
            }
        };
        let goal = primary.session().rows(done);
        let mut session = self.session();
        let begun = Instant::now();
        loop {
            let here = session.rows(had);
            let enough = match self.kind().is_mysql() {
                true => here == goal,
                false => place(&here) >= place(&goal),
            };
            if enough {
                return;
            }
            assert!(begun.elapsed() < PATIENCE, "{}: {here:?} of {goal:?}", self.kind().name());
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// Ends the following: it is a primary from now on, and takes changes.
    ///
    /// # Panics
    /// When the server refuses.
    pub fn promote(&self) {
        let mut session = self.session();
        if self.kind().is_mysql() {
            session.execute("STOP SLAVE");
            session.execute("SET GLOBAL read_only = OFF");
            return;
        }
        assert_eq!(session.rows("SELECT pg_promote(true, 90)"), [[Some("t".to_owned())]]);
    }

    fn follow(&self, primary: &Server) {
        let port = primary.port();
        let words = match self.kind() {
            Kind::MariaDb => "MASTER_USE_GTID=slave_pos",
            _ => "MASTER_PASSWORD='root', GET_MASTER_PUBLIC_KEY=1, MASTER_AUTO_POSITION=1",
        };
        let mut session = self.session();
        session.execute(&format!(
            "CHANGE MASTER TO MASTER_HOST='127.0.0.1', MASTER_PORT={port}, MASTER_USER='root', {words}"
        ));
        session.execute("START SLAVE");
        session.execute("SET GLOBAL read_only = ON");
    }
}

/// A place in PostgreSQL's log (`0/15D5A48`) as a number; nothing yet is before all.
fn place(rows: &[Vec<Option<String>>]) -> u64 {
    let text = rows.first().and_then(|row| row.first()?.clone()).unwrap_or_default();
    let (high, low) = text.split_once('/').unwrap_or(("0", "0"));
    let number = |hex| u64::from_str_radix(hex, 16).unwrap_or_default();
    number(high) << 32 | number(low)
}
