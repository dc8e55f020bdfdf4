//! Connections: where to, how encrypted, and the session settings that keep values as they are,
//! whatever the server, the database or the account have been configured to.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::sync::{Mutex as StdMutex, PoisonError};
use std::time::Duration;

use syncline_connector::{Cpu, Endpoint, Hosts, statement_failed};
use syncline_sql::Dialect;
use syncline_types::{Code, Error, Result};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::task::JoinHandle;
use tokio_postgres::config::{Host, SslMode as WireSsl};
use tokio_postgres::tls::MakeTlsConnect;
use tokio_postgres::types::ToSql;
use tokio_postgres::{Client, Config, Connection, Row, SimpleQueryMessage, Statement};
use tokio_postgres_rustls::MakeRustlsConnect;

use crate::log::{BelowLoan, Lent, Loan};
use crate::wire::{self, Below, Pieces, Socket};
use crate::{Options, SslMode, Streaming, error, tls};

/// The oldest server supported.
const OLDEST: u32 = 12;

/// How to reach one server, checked and ready to be used any number of times.
#[derive(Clone)]
pub(crate) struct Connect {
    config: Config,
    hosts: Hosts,
    tls: MakeRustlsConnect,
    /// How long one address is waited for.
    patience: Duration,
    /// Of several hosts, only one that takes writes will do.
    writable: bool,
    /// The store's URL without its secrets, for messages.
    pub(crate) address: String,
    /// The schema given with `?schema=`.
    pub(crate) schema: Option<String>,
    /// What every session runs first.
    session: Option<String>,
    /// The slot given with `?slot=`.
    pub(crate) slot: Option<String>,
    /// The publication given with `?publication=`.
    pub(crate) publication: Option<String>,
    /// Large transactions are told while they go on, where the server can.
    pub(crate) streams: bool,
}

/// One connection, with what the server told at its start.
pub(crate) struct Session {
    pub(crate) client: Client,
    pub(crate) facts: Facts,
    /// Which of the hosts it is on.
    pub(crate) host: usize,
    /// Of several hosts, which one it is, and what is wrong with those before it.
    pub(crate) found: Vec<String>,
    task: JoinHandle<()>,
    /// Statements that are asked again and again, by their text.
    prepared: StdMutex<HashMap<String, Statement>>,
}

/// What is asked of every server at the start of a session.
#[derive(Debug, Clone)]
pub(crate) struct Facts {
    /// Major version.
    pub(crate) version: u32,
    /// The schema of names without one.
    pub(crate) schema: String,
    /// Digits after the point of type `money`, by the server's `lc_monetary`.
    pub(crate) money_scale: i8,
    /// It is a standby.
    pub(crate) standby: bool,
}

/// What a session is for; decides where names without a schema are looked up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// Reads catalogs and tables; every type is named with its schema.
    Read,
    /// Runs SQL of the user's, whose names are those of the default schema.
    ReadUserSql,
    /// Writes: triggers and defaults of the target see the default schema.
    Write,
}

impl Connect {
    /// Checks address and options. Pure, but for certificates read from files.
    pub(crate) fn new(endpoint: &Endpoint, options: &Options) -> Result<Self> {
        let mut config = Config::new();
        let address = endpoint.redacted();
        if endpoint.path.contains('/') {
            return Err(Error::new(
                Code::BadUrl,
                format!("{address}: {:?} is not a database name", endpoint.path),
            )
            .hint("the form is postgres://user:password@host:5432/database"));
        }
        let user = endpoint.user.clone().unwrap_or_else(|| "postgres".into());
        config.dbname(if endpoint.path.is_empty() { &user } else { &endpoint.path });
        config.user(&user);
        if let Some(password) = &endpoint.password {
            config.password(password.expose());
        }
        match &options.socket {
            Some(path) => {
                // The folder, as libpq takes it; the socket file itself is taken too.
                let folder = match path.rsplit_once("/.s.PGSQL.") {
                    Some((folder, _)) => folder,
                    None => path,
                };
                config.host_path(folder);
                config.port(endpoint.port_or(socket_port(path)));
            }
            None if endpoint.hosts.is_empty() => {
                config.host("localhost");
            }
            None => {
                for host in &endpoint.hosts {
                    config.host(&host.host).port(host.port.unwrap_or(5432));
                }
            }
        }
        config.application_name("syncline").ssl_mode(match options.sslmode {
            SslMode::Disable => WireSsl::Disable,
            SslMode::Prefer => WireSsl::Prefer,
            SslMode::Require | SslMode::VerifyCa | SslMode::VerifyFull => WireSsl::Require,
        });
        let tls = MakeRustlsConnect::new(tls::config(options)?);
        let patience = Duration::from_secs(options.connect_timeout.into());
        let hosts = Hosts::new((0..config.get_hosts().len()).map(|at| host_name(&config, at)));
        Ok(Self {
            config,
            hosts,
            tls,
            patience,
            writable: false,
            address,
            schema: options.schema.clone(),
            session: options.session.clone(),
            slot: slot(options)?,
            publication: options.publication.clone(),
            streams: options.streaming == Streaming::On,
        })
    }

    /// The same, but of several hosts only one that takes writes will do.
    pub(crate) fn writable(mut self) -> Self {
        self.writable = self.hosts.are_several();
        self
    }

    /// Connects to the first host that will do, and sets the session up.
    pub(crate) async fn open(&self, purpose: Purpose) -> Result<Session> {
        let (mut session, found) = self.hosts.first(|at| self.open_at(at, purpose)).await?;
        session.found = found;
        Ok(session)
    }

    /// Connects to one of the hosts, and sets the session up.
    pub(crate) async fn open_at(&self, at: usize, purpose: Purpose) -> Result<Session> {
        let place = self.place(at);
        let (socket, name) = self.socket(at, &place).await?;
        let mut tls = self.tls.clone();
        let tls = <MakeRustlsConnect as MakeTlsConnect<Socket>>::make_tls_connect(&mut tls, name)
            .map_err(|e| Error::new(Code::Tls, format!("{place}: {e}")))?;
        let asks = self.config.get_ssl_mode() != WireSsl::Disable;
        let (client, connection) = self
            .config
            .connect_raw(Pieces::new(socket, asks), Below(tls))
            .await
            .map_err(|e| error::connecting(e, &place))?;
        let mut session = self.session(at, client, connection)?;
        let read_only = self.set_up(&mut session, purpose).await?;
        if self.writable && read_only {
            return Err(Error::new(Code::ReadOnly, format!("{place} takes no rows"))
                .hint("one of the hosts has to be a primary that is not set read-only"));
        }
        Ok(session)
    }

    /// The address in messages; of several hosts, with the one that they are about.
    fn place(&self, at: usize) -> String {
        match self.hosts.are_several() {
            true => format!("{} ({})", self.address, self.hosts.name(at)),
            false => self.address.clone(),
        }
    }

    /// A socket to the host, and the host's name for TLS.
    async fn socket(&self, at: usize, place: &str) -> Result<(Socket, &str)> {
        let no_host = || Error::new(Code::BadUrl, format!("{}: no host is given", self.address));
        let host = self.config.get_hosts().get(at).ok_or_else(no_host)?;
        let socket = wire::connect(host, port_of(&self.config, at), self.patience)
            .await
            .map_err(|e| error::unreachable(e, place))?;
        let name = match host {
            Host::Tcp(name) => name.as_str(),
            Host::Unix(_) => "",
        };
        Ok((socket, name))
    }

    /// The session on a connection that was made, of which nothing is set up yet.
    fn session<S, T>(
        &self,
        host: usize,
        client: Client,
        connection: Connection<S, T>,
    ) -> Result<Session>
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
        T: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let version = major(connection.parameter("server_version"));
        if version < OLDEST {
            return Err(Error::new(
                Code::ServerUnsupported,
                format!("{}: PostgreSQL {version} is too old", self.address),
            )
            .hint(format!("versions from {OLDEST} on are supported")));
        }
        let address = self.address.clone();
        let task = tokio::spawn(Cpu::carry(async move {
            if let Err(error) = connection.await {
                tracing::debug!(%address, %error, "connection ended");
            }
        }));
        // From here on the task ends with the session.
        Ok(Session {
            client,
            facts: Facts { version, schema: String::new(), money_scale: 2, standby: false },
            host,
            found: Vec::new(),
            task,
            prepared: StdMutex::default(),
        })
    }

    /// Opens a replication session: it takes queries without parameters, and the commands of the
    /// replication protocol. With it comes what its socket can be had by, for streaming. Values
    /// have the forms that they have in every other session.
    pub(crate) async fn open_replication(&self) -> Result<(Session, Loan)> {
        let (opened, _) = self.hosts.first(|at| self.open_replication_at(at)).await?;
        Ok(opened)
    }

    async fn open_replication_at(&self, at: usize) -> Result<(Session, Loan)> {
        let place = self.place(at);
        let (socket, name) = self.socket(at, &place).await?;
        let mut tls = self.tls.clone();
        let tls = <MakeRustlsConnect as MakeTlsConnect<Socket>>::make_tls_connect(&mut tls, name)
            .map_err(|e| Error::new(Code::Tls, format!("{place}: {e}")))?;
        let (lent, loan) = Lent::new(socket);
        let mut config = self.config.clone();
        config.options(startup_options());
        let connected = config.connect_raw(lent, BelowLoan(tls)).await;
        let (client, connection) = connected.map_err(|e| error::connecting(e, &place))?;
        let session = self.session(at, client, connection)?;
        let first = self.session.iter().flat_map(|s| s.lines());
        for sql in first.filter(|sql| !sql.trim().is_empty()) {
            let run = session.run(sql, &self.address).await;
            run.map_err(|e| statement_failed(sql, e))?;
        }
        // One statement at a time: older servers take no more from a replication session.
        for (since, name, value) in NEWER_SETTINGS {
            if session.facts.version >= *since {
                session.run(&format!("SET {name} = {value}"), &self.address).await?;
            }
        }
        session
            .run(
                "SELECT pg_catalog.set_config('client_encoding', 'SQL_ASCII', false) \
                 WHERE pg_catalog.current_setting('server_encoding') = 'SQL_ASCII'",
                &self.address,
            )
            .await?;
        Ok((session, loan))
    }

    /// One round trip: what the server is like before the settings, then the settings. Whether
    /// the session is read-only.
    async fn set_up(&self, session: &mut Session, purpose: Purpose) -> Result<bool> {
        let first = self.session.iter().flat_map(|s| s.lines());
        for sql in first.filter(|sql| !sql.trim().is_empty()) {
            let run = session.run(sql, &self.address).await;
            run.map_err(|e| statement_failed(sql, e))?;
        }
        let mut sql = String::from(
            "SET statement_timeout = 0; \
             SELECT pg_catalog.current_schema(), \
             pg_catalog.scale(0::pg_catalog.money::pg_catalog.numeric), \
             pg_catalog.pg_is_in_recovery(), \
             pg_catalog.current_setting('transaction_read_only');",
        );
        for (name, value) in SETTINGS {
            let _ = write!(sql, "SET {name} = {value};");
        }
        for (since, name, value) in NEWER_SETTINGS {
            if session.facts.version >= *since {
                let _ = write!(sql, "SET {name} = {value};");
            }
        }
        if purpose != Purpose::Write {
            // Of a database that knows no encoding, bytes come as they are: rows that are no UTF-8
            // are rejected one by one.
            sql.push_str(
                "SELECT pg_catalog.set_config('client_encoding', 'SQL_ASCII', false) \
                 WHERE pg_catalog.current_setting('server_encoding') = 'SQL_ASCII';",
            );
            // Rows that a policy would hide are an error instead of a loss.
            sql.push_str("SET row_security = off;");
            // Key ranges of a table that lies in another order are sorted, better in memory.
            sql.push_str(
                "SELECT pg_catalog.set_config('work_mem', '64MB', false) WHERE \
                 pg_catalog.pg_size_bytes(pg_catalog.current_setting('work_mem')) < 67108864;",
            );
        }
        let answer =
            session.client.simple_query(&sql).await.map_err(|e| error::of(e, &self.address))?;
        let row = answer.iter().find_map(|m| match m {
            SimpleQueryMessage::Row(row) => Some(row),
            _ => None,
        });
        let row = row.ok_or_else(|| Error::bug("a session's first query has no row"))?;
        let facts = &mut session.facts;
        facts.schema = match (&self.schema, row.get(0)) {
            (Some(given), _) => given.clone(),
            (None, Some(current)) => current.to_owned(),
            (None, None) => "public".to_owned(),
        };
        facts.money_scale = row.get(1).and_then(|s| s.parse().ok()).unwrap_or(2);
        facts.standby = row.get(2) == Some("t");
        let path = match purpose {
            Purpose::Read => "SET search_path = pg_catalog, pg_temp".to_owned(),
            Purpose::ReadUserSql | Purpose::Write => format!(
                "SET search_path = pg_catalog, {}, public, pg_temp",
                Dialect::Postgres.quote(&facts.schema)
            ),
        };
        let read_only = row.get(3) == Some("on");
        if session.facts.version >= 14 {
            // A statement ends soon after its client has gone, however that went. Servers on a few
            // systems cannot see it, and refuse to look.
            let look = "SET client_connection_check_interval = '2s'";
            let _ = session.client.simple_query(look).await;
        }
        session.run(&path, &self.address).await?;
        Ok(read_only)
    }
}

/// `0 = wait for ever` where a number: a copy takes as long as it takes. Only locks are waited
/// for with a limit: what holds one longer is told to the user, and tried again.
const SETTINGS: &[(&str, &str)] = &[
    ("client_encoding", "'UTF8'"),
    ("DateStyle", "'ISO, YMD'"),
    ("IntervalStyle", "'postgres'"),
    ("TimeZone", "'UTC'"),
    ("extra_float_digits", "3"),
    ("bytea_output", "'hex'"),
    ("xmlbinary", "'base64'"),
    ("xmloption", "'content'"),
    ("lc_monetary", "'C'"),
    ("array_nulls", "on"),
    ("standard_conforming_strings", "on"),
    ("transform_null_equals", "off"),
    ("quote_all_identifiers", "off"),
    ("default_transaction_isolation", "'read committed'"),
    ("default_transaction_deferrable", "off"),
    ("lock_timeout", "'60s'"),
    ("idle_in_transaction_session_timeout", "0"),
    ("jit", "off"),
    ("client_min_messages", "warning"),
];

const NEWER_SETTINGS: &[(u32, &str, &str)] =
    &[(14, "idle_session_timeout", "0"), (17, "transaction_timeout", "0")];

/// The same settings for a session that takes no batch of statements, as words of its start.
fn startup_options() -> String {
    let own = [
        ("search_path", "pg_catalog,pg_temp"),
        ("statement_timeout", "0"),
        // A reader that is held up answers the server all the same; one that is gone shall not
        // hold its slot for long.
        ("wal_sender_timeout", "60s"),
    ];
    let mut words = String::new();
    for (name, value) in SETTINGS.iter().chain(&own).filter(|(name, _)| *name != "client_encoding")
    {
        let value = value.trim_matches('\'').replace(' ', "\\ ");
        let _ = write!(words, "-c {name}={value} ");
    }
    words
}

impl Session {
    /// Statements without results.
    pub(crate) async fn run(&self, sql: &str, place: &str) -> Result<()> {
        self.client.batch_execute(sql).await.map_err(|e| error::of(e, place))
    }

    /// The statement, prepared once a session. Only for those whose plan is the same whatever they
    /// are asked for: those of catalogs are planned anew each time.
    async fn prepared(&self, sql: &str, doing: &str) -> Result<Statement> {
        let known = || self.prepared.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(statement) = known().get(sql) {
            return Ok(statement.clone());
        }
        let statement = self.client.prepare(sql).await.map_err(|e| error::of(e, doing))?;
        known().insert(sql.to_owned(), statement.clone());
        Ok(statement)
    }

    /// Rows; `doing` says what for, should it fail.
    pub(crate) async fn query(
        &self,
        sql: &str,
        parameters: &[&(dyn ToSql + Sync)],
        doing: &str,
    ) -> Result<Vec<Row>> {
        self.client.query(sql, parameters).await.map_err(|e| error::of(e, doing))
    }

    /// As [`Session::query`], for what is asked again and again in the same words.
    pub(crate) async fn query_again(
        &self,
        sql: &str,
        parameters: &[&(dyn ToSql + Sync)],
        doing: &str,
    ) -> Result<Vec<Row>> {
        let statement = self.prepared(sql, doing).await?;
        self.client.query(&statement, parameters).await.map_err(|e| error::of(e, doing))
    }

    /// The one row there is.
    pub(crate) async fn one(
        &self,
        sql: &str,
        parameters: &[&(dyn ToSql + Sync)],
        doing: &str,
    ) -> Result<Row> {
        let statement = self.prepared(sql, doing).await?;
        self.client.query_one(&statement, parameters).await.map_err(|e| error::of(e, doing))
    }

    /// How many rows the statement was about.
    pub(crate) async fn execute(
        &self,
        sql: &str,
        parameters: &[&(dyn ToSql + Sync)],
        doing: &str,
    ) -> Result<u64> {
        let statement = self.prepared(sql, doing).await?;
        self.client.execute(&statement, parameters).await.map_err(|e| error::of(e, doing))
    }

    /// Whether it can still be used.
    pub(crate) fn is_open(&self) -> bool {
        !self.client.is_closed() && !self.task.is_finished()
    }
}

/// Nothing of an unfinished statement is waited for: the server sees the socket close.
impl Drop for Session {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// `15.20 (Debian …)`, `17beta1` → the major version.
fn major(version: Option<&str>) -> u32 {
    let digits: String =
        version.unwrap_or_default().chars().take_while(char::is_ascii_digit).collect();
    digits.parse().unwrap_or(0)
}

/// The slot that is given; its name is said to the server without quotes that could hold others.
fn slot(options: &Options) -> Result<Option<String>> {
    let legal = |b: u8| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'_');
    match &options.slot {
        Some(name) if name.is_empty() || name.len() > 63 || !name.bytes().all(legal) => {
            let message = format!("slot={name}: no replication slot has such a name");
            Err(Error::new(Code::BadValue, message)
                .hint("names have lower case letters, digits and underscores"))
        }
        given => Ok(given.clone()),
    }
}

fn port_of(config: &Config, at: usize) -> u16 {
    let ports = config.get_ports();
    ports.get(at).or(ports.first()).copied().unwrap_or(5432)
}

/// One of the hosts, for people.
fn host_name(config: &Config, at: usize) -> String {
    let port = port_of(config, at);
    match config.get_hosts().get(at) {
        Some(Host::Tcp(name)) if name.contains(':') => format!("[{name}]:{port}"),
        Some(Host::Tcp(name)) => format!("{name}:{port}"),
        Some(Host::Unix(folder)) => format!("{}/.s.PGSQL.{port}", folder.display()),
        None => String::new(),
    }
}

fn socket_port(path: &str) -> u16 {
    path.rsplit_once("/.s.PGSQL.").and_then(|(_, port)| port.parse().ok()).unwrap_or(5432)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_read_in_every_form_servers_give_them() {
        for (text, number) in
            [("15.20 (Debian 15.20-0+deb12u1)", 15), ("17beta1", 17), ("9.6.3", 9)]
        {
            assert_eq!(major(Some(text)), number);
        }
        assert_eq!(major(None), 0);
    }
}
