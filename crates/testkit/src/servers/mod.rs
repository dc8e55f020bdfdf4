//! Real database servers for tests: started once per process or per test, never outliving it.
//!
//! [`Server::shared`] is for tests that need *a* server; [`Server::own`] for those that kill, stop
//! or configure one. Where the binaries come from stands in [`install`]; the start lines stand in
//! `launch`.

mod binaries;
mod database;
pub mod install;
mod launch;
pub(crate) mod nursery;
mod replica;
mod zip;

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Child;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use syncline_connector::Endpoint;

pub use database::{Database, Session};

/// A kind of server that tests can have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// MariaDB, as Debian has it (10.11).
    MariaDb,
    /// MySQL 8.0, Oracle's own build. Root has the password `root`.
    MySql,
    /// PostgreSQL, as Debian has it (15).
    Postgres,
    /// PostgreSQL 17.
    Postgres17,
}

impl Kind {
    /// Every kind.
    pub const ALL: [Kind; 4] = [Kind::MariaDb, Kind::MySql, Kind::Postgres, Kind::Postgres17];

    /// Its short name, as `cargo xtask servers up` takes it.
    pub fn name(self) -> &'static str {
        match self {
            Kind::MariaDb => "mariadb",
            Kind::MySql => "mysql",
            Kind::Postgres => "postgres",
            Kind::Postgres17 => "postgres17",
        }
    }

    /// The kind of that name.
    pub fn parse(name: &str) -> Option<Kind> {
        Kind::ALL.into_iter().find(|kind| kind.name() == name)
    }

    /// The environment variable that holds the URL of a running server of this kind.
    pub fn variable(self) -> String {
        format!("SYNCLINE_TEST_{}", self.name().to_uppercase())
    }

    /// Whether it speaks MySQL's protocol and dialect.
    pub fn is_mysql(self) -> bool {
        matches!(self, Kind::MariaDb | Kind::MySql)
    }

    fn scheme(self) -> &'static str {
        if self.is_mysql() { "mysql" } else { "postgres" }
    }

    fn account(self) -> (&'static str, Option<&'static str>) {
        match self {
            Kind::MariaDb => ("root", None),
            Kind::MySql => ("root", Some("root")),
            Kind::Postgres | Kind::Postgres17 => ("postgres", None),
        }
    }
}

/// A running server. Dropped, it is killed and its folder removed.
pub struct Server {
    inner: Arc<Inner>,
}

struct Inner {
    kind: Kind,
    port: u16,
    socket: Option<PathBuf>,
    /// None for a server that another process runs.
    process: Option<Process>,
}

struct Process {
    folder: PathBuf,
    args: Vec<String>,
    child: Mutex<Option<Child>>,
}

impl Server {
    /// The one server of this kind that the tests of this process share; `None`, after a line
    /// `SKIPPED …` on standard error, when it cannot be had.
    ///
    /// A server that is already running is taken from the variable [`Kind::variable`].
    ///
    /// # Panics
    /// When the server does not start, or cannot be had and `SYNCLINE_TEST_REQUIRE=1`.
    pub fn shared(kind: Kind) -> Option<&'static Server> {
        static SHARED: [OnceLock<Option<Server>>; 4] = [const { OnceLock::new() }; 4];
        let server = SHARED[kind as usize].get_or_init(|| match std::env::var(kind.variable()) {
            Ok(url) if !url.is_empty() => Some(Self::running(kind, &url)),
            _ => binaries::find(kind).ok().map(|found| Self::launch(kind, found, &[])),
        });
        if server.is_none() {
            skipped(kind);
        }
        server.as_ref()
    }

    /// A server of one's own, with arguments beyond the usual ones; `None` as for
    /// [`Server::shared`].
    ///
    /// # Panics
    /// As [`Server::shared`].
    pub fn own(kind: Kind, args: &[&str]) -> Option<Server> {
        match binaries::find(kind) {
            Ok(found) => Some(Self::launch(kind, found, args)),
            Err(_) => {
                skipped(kind);
                None
            }
        }
    }

    fn running(kind: Kind, url: &str) -> Server {
        let endpoint = Endpoint::parse(url).unwrap_or_else(|e| panic!("{}: {e}", kind.variable()));
        let socket = endpoint.options.get("socket").map(PathBuf::from);
        Server { inner: Arc::new(Inner { kind, port: endpoint.port_or(0), socket, process: None }) }
    }

    fn launch(kind: Kind, found: binaries::Binaries, args: &[&str]) -> Server {
        let args: Vec<String> = args.iter().map(|a| (*a).to_owned()).collect();
        let folder = launch::instance(kind, &found);
        let mut failures = String::new();
        for _ in 0..3 {
            let port = launch::free_port();
            let mut full = launch::arguments(kind, &found, &folder, port);
            full.extend(args.iter().cloned());
            let process = Process { folder: folder.clone(), args: full, child: Mutex::new(None) };
            let socket = Some(launch::socket(kind, &folder));
            let server =
                Server { inner: Arc::new(Inner { kind, port, socket, process: Some(process) }) };
            match server.try_start() {
                Ok(()) => return server,
                Err(why) => failures = why,
            }
            // Dropping the server removes the folder's contents; a new port needs a new copy.
            drop(server);
            launch::refill(kind, &found, &folder);
        }
        panic!("{} does not start: {failures}", kind.name());
    }

    /// What it is.
    pub fn kind(&self) -> Kind {
        self.inner.kind
    }

    /// Its TCP port on 127.0.0.1.
    pub fn port(&self) -> u16 {
        self.inner.port
    }

    /// Its unix socket (MySQL) or the folder of its socket (PostgreSQL), where known.
    pub fn socket(&self) -> Option<&Path> {
        self.inner.socket.as_deref()
    }

    /// Its data folder, where this process runs it. MySQL keeps its `ca.pem` there.
    pub fn data(&self) -> Option<PathBuf> {
        self.inner.process.as_ref().map(|p| p.folder.join("data"))
    }

    /// The URL of a database on it, with an account that may do everything.
    pub fn url(&self, database: &str) -> String {
        self.inner.url(self.port(), database)
    }

    /// As [`Server::url`], at another port: that of a proxy before the server.
    pub fn url_through(&self, port: u16, database: &str) -> String {
        self.inner.url(port, database)
    }

    /// A fresh, empty database with a name of its own, dropped with the value.
    ///
    /// # Panics
    /// When the server refuses.
    pub fn database(&self) -> Database {
        Database::create(&self.inner)
    }

    /// A session on the server, in its own administrative database.
    ///
    /// # Panics
    /// When the server refuses.
    pub fn session(&self) -> Session {
        Session::open(&self.inner, None).unwrap_or_else(|e| panic!("{}: {e}", self.kind().name()))
    }

    /// Kills it at once, as a crash would. Its data stay.
    ///
    /// # Panics
    /// For a server that another process runs.
    pub fn kill(&self) {
        let process = self.process();
        if let Some(mut child) = process.child().take() {
            launch::kill_family(&mut child);
        }
    }

    /// Shuts it down in order. Its data stay.
    ///
    /// # Panics
    /// For a server that another process runs.
    pub fn stop(&self) {
        let process = self.process();
        if let Some(mut child) = process.child().take() {
            launch::shut_down(self.kind(), &mut child);
        }
    }

    /// Starts it again, on the same port and data, and waits until it answers.
    ///
    /// # Panics
    /// When it does not start, or for a server that another process runs.
    pub fn start(&self) {
        self.try_start().unwrap_or_else(|e| panic!("{} does not start: {e}", self.kind().name()));
    }

    fn try_start(&self) -> Result<(), String> {
        let process = self.process();
        let mut child = process.child();
        if child.is_some() {
            return Ok(());
        }
        let started = launch::spawn(self.kind(), &process.args, &process.folder)?;
        *child = Some(started);
        let running = child.as_mut().ok_or("no child")?;
        launch::wait_until_ready(&self.inner, running, &process.folder)
    }

    fn process(&self) -> &Process {
        self.inner
            .process
            .as_ref()
            .expect("only a server of this process can be stopped or started: use Server::own")
    }
}

impl Process {
    fn child(&self) -> MutexGuard<'_, Option<Child>> {
        self.child.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inner {
    fn url(&self, port: u16, database: &str) -> String {
        let (user, password) = self.kind.account();
        let password = password.map(|p| format!(":{p}")).unwrap_or_default();
        format!("{}://{user}{password}@127.0.0.1:{port}/{database}", self.kind.scheme())
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        if let Some(process) = &self.process {
            if let Some(mut child) = process.child().take() {
                launch::kill_family(&mut child);
            }
            let _ = std::fs::remove_dir_all(&process.folder);
        }
    }
}

/// Says that the running test cannot run. The line goes around the test harness, so that it is
/// seen (and counted by `cargo xtask test`) although the test passes.
fn skipped(kind: Kind) {
    let why = binaries::find(kind).err().unwrap_or_default();
    let package = std::env::var("CARGO_PKG_NAME").unwrap_or_default();
    let thread = std::thread::current();
    let test = thread.name().unwrap_or("a test").to_owned();
    assert!(
        std::env::var("SYNCLINE_TEST_REQUIRE").as_deref() != Ok("1"),
        "{test} needs {}: {why}",
        kind.name()
    );
    let _ = writeln!(std::io::stderr(), "\nSKIPPED {package}::{test}: no {}: {why}", kind.name());
}
