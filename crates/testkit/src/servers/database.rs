//! Sessions on a server and databases of a test's own, for set-up and for looking at results.
//!
//! All of it blocks: a test's set-up has nothing else to do. It may be called inside and outside
//! of an asynchronous test alike.

use std::future::Future;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use mysql_async::prelude::Queryable as _;
use tokio::runtime::Runtime;
use tokio_postgres::SimpleQueryMessage;

use super::Inner;

/// One connection.
pub struct Session {
    client: Option<Client>,
}

enum Client {
    MySql(mysql_async::Conn),
    Postgres(tokio_postgres::Client),
}

impl Session {
    pub(super) fn open(inner: &Arc<Inner>, database: Option<&str>) -> Result<Self, String> {
        let kind = inner.kind;
        let fallback = if kind.is_mysql() { "" } else { "postgres" };
        let database = database.unwrap_or(fallback).to_owned();
        let port = inner.port;
        let (user, password) = kind.account();
        let connect = async move {
            if kind.is_mysql() {
                let options = mysql_async::OptsBuilder::default()
                    .ip_or_hostname("127.0.0.1")
                    .tcp_port(port)
                    .user(Some(user))
                    .pass(password)
                    .db_name(Some(database).filter(|name| !name.is_empty()))
                    .prefer_socket(false)
                    .max_allowed_packet(Some(64 << 20));
                let conn = mysql_async::Conn::new(options).await.map_err(|e| e.to_string())?;
                return Ok(Client::MySql(conn));
            }
            let mut options = tokio_postgres::Config::new();
            options.host("127.0.0.1").port(port).user(user).dbname(&database);
            let (client, connection) =
                options.connect(tokio_postgres::NoTls).await.map_err(|e| e.to_string())?;
            tokio::spawn(connection);
            Ok(Client::Postgres(client))
        };
        let connect = async { tokio::time::timeout(Duration::from_secs(20), connect).await };
        match wait(connect) {
            Ok(Ok(client)) => Ok(Self { client: Some(client) }),
            Ok(Err(refused)) => Err(refused),
            Err(_) => Err("no answer to the login in 20 s".to_owned()),
        }
    }

    /// Runs one statement, or several with `;` between.
    ///
    /// # Errors
    /// The server's words.
    pub fn try_execute(&mut self, sql: &str) -> Result<(), String> {
        match self.client() {
            Client::MySql(conn) => wait(conn.query_drop(sql)).map_err(|e| e.to_string()),
            Client::Postgres(client) => wait(client.batch_execute(sql)).map_err(postgres_words),
        }
    }

    /// As [`Session::try_execute`].
    ///
    /// # Panics
    /// When the server refuses.
    pub fn execute(&mut self, sql: &str) {
        if let Err(refused) = self.try_execute(sql) {
            panic!("{refused}\nin: {}", shortened(sql));
        }
    }

    /// The rows of a query, each value in the server's text form; bytes that are not UTF-8 come as
    /// `0x…`.
    ///
    /// # Errors
    /// The server's words.
    pub fn try_rows(&mut self, sql: &str) -> Result<Vec<Vec<Option<String>>>, String> {
        match self.client() {
            Client::MySql(conn) => {
                let rows: Vec<mysql_async::Row> =
                    wait(conn.query(sql)).map_err(|e| e.to_string())?;
                Ok(rows
                    .into_iter()
                    .map(|row| row.unwrap().into_iter().map(text).collect())
                    .collect())
            }
            Client::Postgres(client) => {
                let messages = wait(client.simple_query(sql)).map_err(postgres_words)?;
                let rows = messages.into_iter().filter_map(|message| match message {
                    SimpleQueryMessage::Row(row) => Some(row),
                    _ => None,
                });
                Ok(rows
                    .map(|row| (0..row.len()).map(|i| row.get(i).map(str::to_owned)).collect())
                    .collect())
            }
        }
    }

    /// As [`Session::try_rows`].
    ///
    /// # Panics
    /// When the server refuses.
    pub fn rows(&mut self, sql: &str) -> Vec<Vec<Option<String>>> {
        match self.try_rows(sql) {
            Ok(rows) => rows,
            Err(refused) => panic!("{refused}\nin: {}", shortened(sql)),
        }
    }

    fn client(&mut self) -> &mut Client {
        self.client.as_mut().expect("a session has a client until it is dropped")
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        if let Some(Client::MySql(conn)) = self.client.take() {
            let _ = wait(async {
                tokio::time::timeout(Duration::from_secs(2), conn.disconnect()).await
            });
        }
    }
}

/// A database of a test's own. Dropped with the value, if the server still answers.
pub struct Database {
    server: Arc<Inner>,
    name: String,
    session: Mutex<Option<Session>>,
}

impl Database {
    pub(super) fn create(server: &Arc<Inner>) -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let name = format!("t{}_{number}", std::process::id());
        let mut admin = Session::open(server, None).unwrap_or_else(|e| panic!("{e}"));
        if server.kind.is_mysql() {
            // A shared server may still know the name from a process of the same number.
            admin.execute(&format!("DROP DATABASE IF EXISTS {name}"));
            admin.execute(&format!("CREATE DATABASE {name}"));
        } else {
            if admin.try_execute(&format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)")).is_err() {
                // Version 12 has no FORCE.
                admin.execute(&format!("DROP DATABASE IF EXISTS {name}"));
            }
            admin.execute(&format!("CREATE DATABASE {name} TEMPLATE template0"));
        }
        Self { server: Arc::clone(server), name, session: Mutex::new(None) }
    }

    /// One that is there already.
    pub(super) fn named(server: &Arc<Inner>, name: &str) -> Self {
        Self { server: Arc::clone(server), name: name.to_owned(), session: Mutex::new(None) }
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its URL, with an account that may do everything.
    pub fn url(&self) -> String {
        self.server.url(self.server.port, &self.name)
    }

    /// Its URL at another port: that of a proxy before the server.
    pub fn url_through(&self, port: u16) -> String {
        self.server.url(port, &self.name)
    }

    /// A new connection to it, for tests that hold locks or transactions.
    ///
    /// # Panics
    /// When the server refuses.
    pub fn session(&self) -> Session {
        self.try_session().unwrap_or_else(|e| panic!("{e}"))
    }

    /// As [`Database::session`], where the server may be away.
    ///
    /// # Errors
    /// Why there is no connection.
    pub fn try_session(&self) -> Result<Session, String> {
        Session::open(&self.server, Some(&self.name))
    }

    /// Runs one statement, or several with `;` between.
    ///
    /// # Panics
    /// When the server refuses.
    pub fn execute(&self, sql: &str) {
        self.with(|session| session.execute(sql));
    }

    /// As [`Database::execute`], with the server's words as the error.
    ///
    /// # Errors
    /// The server's words.
    ///
    /// # Panics
    /// When no connection can be made.
    pub fn try_execute(&self, sql: &str) -> Result<(), String> {
        self.with(|session| session.try_execute(sql))
    }

    /// The rows of a query, each value in the server's text form; bytes that are not UTF-8 come as
    /// `0x…`.
    ///
    /// # Panics
    /// When the server refuses.
    pub fn rows(&self, sql: &str) -> Vec<Vec<Option<String>>> {
        self.with(|session| session.rows(sql))
    }

    /// As [`Database::rows`], with the server's words as the error.
    ///
    /// # Errors
    /// The server's words.
    ///
    /// # Panics
    /// When no connection can be made.
    pub fn try_rows(&self, sql: &str) -> Result<Vec<Vec<Option<String>>>, String> {
        self.with(|session| session.try_rows(sql))
    }

    /// The first value of a query's first row.
    ///
    /// # Panics
    /// When the server refuses, or there is no row.
    pub fn value(&self, sql: &str) -> Option<String> {
        self.rows(sql).into_iter().next().expect("a row").into_iter().next().expect("a column")
    }

    /// The rows of a table.
    ///
    /// # Panics
    /// When the server refuses.
    pub fn count(&self, quoted_table: &str) -> u64 {
        let count = self.value(&format!("SELECT count(*) FROM {quoted_table}"));
        count.expect("a count is not null").parse().expect("a count is a number")
    }

    /// One session is kept; it is made anew after the server has been away.
    fn with<T>(&self, work: impl FnOnce(&mut Session) -> T) -> T {
        let mut kept = self.session.lock().unwrap_or_else(PoisonError::into_inner);
        let lives = kept.as_mut().is_some_and(|session| session.try_rows("SELECT 1").is_ok());
        if !lives {
            *kept = Some(self.session());
        }
        work(kept.as_mut().expect("it was just made"))
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        *self.session.lock().unwrap_or_else(PoisonError::into_inner) = None;
        let Ok(mut admin) = Session::open(&self.server, None) else { return };
        let drop = if self.server.kind.is_mysql() {
            // A test that failed may have left a transaction open: do not wait for it long.
            format!("SET lock_wait_timeout = 2; DROP DATABASE IF EXISTS {}", self.name)
        } else {
            format!("DROP DATABASE IF EXISTS {} WITH (FORCE)", self.name)
        };
        let _ = admin.try_execute(&drop);
    }
}

/// Waits for a future on a runtime of the testkit's own, from a thread that is in no runtime.
fn wait<F>(future: F) -> F::Output
where
    F: Future + Send,
    F::Output: Send,
{
    static RUNTIME: OnceLock<Runtime> = OnceLock::new();
    let runtime = RUNTIME.get_or_init(|| {
        tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .thread_name("testkit")
            .enable_all()
            .build()
            .expect("a runtime can be made")
    });
    std::thread::scope(|scope| {
        let done = scope.spawn(|| runtime.block_on(future)).join();
        done.unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    })
}

fn text(value: mysql_async::Value) -> Option<String> {
    match value {
        mysql_async::Value::NULL => None,
        mysql_async::Value::Bytes(bytes) => Some(match String::from_utf8(bytes) {
            Ok(text) => text,
            Err(error) => {
                let hex: String = error.as_bytes().iter().map(|b| format!("{b:02x}")).collect();
                format!("0x{hex}")
            }
        }),
        // The text protocol sends nothing else.
        other => Some(other.as_sql(true)),
    }
}

fn postgres_words(error: tokio_postgres::Error) -> String {
    error.as_db_error().map_or_else(|| error.to_string(), ToString::to_string)
}

fn shortened(sql: &str) -> String {
    if sql.chars().count() <= 400 { sql.to_owned() } else { sql.chars().take(400).collect() }
}
