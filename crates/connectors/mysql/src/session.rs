//! Opening a session whose settings are ours, whatever the server's defaults are.
//!
//! Every setting that changes a value on its way, or cuts a long transfer off, is set on every
//! connection: the server's own defaults do not matter.

use syncline_connector::{Endpoint, Hosts, statement_failed};
use syncline_types::{Code, Error, Result};

use crate::options::MysqlOptions;
use crate::wire::{Conn, Fault, Flavor, HERE, PORT};

/// What a session is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Purpose {
    Read,
    Write,
}

/// Where the store is, and how to get in.
#[derive(Debug, Clone)]
pub(crate) struct Store {
    pub(crate) endpoint: Endpoint,
    pub(crate) options: MysqlOptions,
    hosts: Hosts,
    /// The one host to connect to, of several.
    only: Option<usize>,
}

/// The endpoint's hosts, for people.
fn hosts(endpoint: &Endpoint, options: &MysqlOptions) -> Hosts {
    if let Some(path) = &options.socket {
        return Hosts::new([path.clone()]);
    }
    let name = |host: &syncline_connector::Host| {
        let port = host.port.unwrap_or(PORT);
        match host.host.contains(':') {
            true => format!("[{}]:{port}", host.host),
            false => format!("{}:{port}", host.host),
        }
    };
    match endpoint.hosts.is_empty() {
        true => Hosts::new([format!("{HERE}:{PORT}")]),
        false => Hosts::new(endpoint.hosts.iter().map(name)),
    }
}

impl Store {
    /// A store by its URL. Pure.
    ///
    /// # Errors
    /// [`Code::BadUrl`] for a database name with a `/` that is not encoded.
    pub(crate) fn new(endpoint: &Endpoint, options: MysqlOptions) -> Result<Self> {
        if endpoint.path.contains('/') {
            let text = format!("{}: {:?} is not a database", endpoint.redacted(), endpoint.path);
            return Err(Error::new(Code::BadUrl, text).hint("mysql://user@host:3306/database"));
        }
        let hosts = hosts(endpoint, &options);
        Ok(Self { endpoint: endpoint.clone(), options, hosts, only: None })
    }

    /// The store by the one host that a connection is on: what belongs to that connection, or to
    /// the moment it shows, is not to be had from the others.
    pub(crate) fn beside(&self, conn: &Conn) -> Self {
        Self { only: Some(conn.host), ..self.clone() }
    }

    /// The URL's database, when it names one.
    pub(crate) fn database(&self) -> Option<&str> {
        Some(self.endpoint.path.as_str()).filter(|p| !p.is_empty())
    }

    /// A new session on the first host that will do.
    pub(crate) async fn connect(&self, purpose: Purpose) -> Result<Conn> {
        if let Some(at) = self.only {
            return self.connect_at(at, purpose).await;
        }
        let (mut conn, found) = self.hosts.first(|at| self.connect_at(at, purpose)).await?;
        conn.found = found;
        Ok(conn)
    }

    async fn connect_at(&self, at: usize, purpose: Purpose) -> Result<Conn> {
        let mut conn = Conn::connect(&self.endpoint, at, &self.options).await?;
        let oldest = match conn.flavor {
            Flavor::MySql => (5, 7, 0),
            Flavor::MariaDb => (10, 2, 0),
        };
        if conn.version < oldest {
            let text = format!("{}: version {}", self.endpoint.redacted(), conn.version_text);
            return Err(Error::new(Code::ServerUnsupported, text)
                .hint("MySQL 8 and MariaDB 10.11 are tested; 5.7 and 10.2 are the oldest taken"));
        }
        let first = self.options.session.iter().flat_map(|s| s.lines());
        for sql in first.filter(|sql| !sql.trim().is_empty()) {
            conn.query(sql).await.map_err(|e| statement_failed(sql, e.into()))?;
        }
        for sql in settings(&conn, purpose) {
            conn.exec(&sql).await.map_err(|e| e.connecting(&self.endpoint.redacted()))?;
        }
        for setting in wishes(&conn, purpose) {
            match conn.exec(&format!("SET SESSION {setting}")).await {
                // Not every account may, and not every version knows it.
                Ok(_) | Err(Fault::Server { .. }) => {}
                Err(fault) => return Err(fault.connecting(&self.endpoint.redacted())),
            }
        }
        if purpose == Purpose::Write && self.hosts.are_several() && is_read_only(&mut conn).await? {
            let (place, name) = (self.endpoint.redacted(), self.hosts.name(at));
            let text = format!("{place} ({name}) takes no rows");
            conn.quit().await;
            return Err(Error::new(Code::ReadOnly, text)
                .hint("one of the hosts has to be a primary that is not set read-only"));
        }
        Ok(conn)
    }
}

/// Whether the server is set to take no changes, as replicas are. An account may have the right to
/// write all the same.
async fn is_read_only(conn: &mut Conn) -> Result<bool> {
    let rows = conn.query("SELECT @@global.read_only, @@global.innodb_read_only").await?;
    let row = rows.rows.first().map(Vec::as_slice).unwrap_or_default();
    Ok(row.iter().flatten().any(|set| set != "0" && set != "OFF"))
}

/// What a session that writes is strict about.
pub(crate) const WRITE_MODE: &str =
    "STRICT_ALL_TABLES,NO_AUTO_VALUE_ON_ZERO,NO_ENGINE_SUBSTITUTION,ERROR_FOR_DIVISION_BY_ZERO";

/// The same without strictness, for values that a strict session never takes. Each of them has a
/// warning, and any other warning is an error.
pub(crate) const LENIENT_MODE: &str =
    "NO_AUTO_VALUE_ON_ZERO,NO_ENGINE_SUBSTITUTION,ERROR_FOR_DIVISION_BY_ZERO";

fn settings(conn: &Conn, purpose: Purpose) -> Vec<String> {
    // NO_BACKSLASH_ESCAPES, ANSI_QUOTES and PAD_CHAR_TO_FULL_LENGTH must be off, strictness on.
    // NO_ZERO_DATE stays off: zero dates are values like others.
    let mode = match purpose {
        Purpose::Read => "",
        Purpose::Write => WRITE_MODE,
    };
    let mut common = format!(
        "SET SESSION sql_mode='{mode}', time_zone='+00:00', autocommit=1, \
         net_write_timeout=28800, net_read_timeout=28800, wait_timeout=28800, \
         sql_select_limit=18446744073709551615, max_join_size=18446744073709551615, \
         sql_big_selects=1, sql_auto_is_null=0, sql_safe_updates=0, sql_quote_show_create=1, \
         sql_notes=1, completion_type=NO_CHAIN, foreign_key_checks=1, \
         unique_checks=1, group_concat_max_len=4294967295, lc_time_names='en_US', \
         default_storage_engine=InnoDB, sql_buffer_result=0, max_sort_length=8192"
    );
    // New names came with MySQL 8 and MariaDB 11.1; the old ones went with MySQL 8.0.3.
    let transactions = match (conn.flavor, conn.version) {
        (Flavor::MySql, v) if v >= (8, 0, 0) => {
            ", transaction_isolation='REPEATABLE-READ', transaction_read_only=0"
        }
        (Flavor::MariaDb, v) if v >= (11, 1, 0) => {
            ", transaction_isolation='REPEATABLE-READ', transaction_read_only=0"
        }
        _ => ", tx_isolation='REPEATABLE-READ', tx_read_only=0",
    };
    common.push_str(transactions);
    match (conn.flavor, conn.version) {
        (Flavor::MySql, v) => {
            common.push_str(", max_execution_time=0");
            if v >= (8, 0, 0) {
                // Estimates of now, not those of up to a day ago.
                common.push_str(", information_schema_stats_expiry=0");
            }
            if v >= (8, 0, 32) {
                common.push_str(", explain_format=TRADITIONAL");
            }
        }
        (Flavor::MariaDb, v) => {
            common.push_str(", max_statement_time=0, check_constraint_checks=1");
            if v >= (10, 3, 7) {
                common.push_str(
                    ", idle_transaction_timeout=0, idle_readonly_transaction_timeout=0, \
                     idle_write_transaction_timeout=0, system_versioning_asof=DEFAULT, \
                     system_versioning_alter_history=KEEP",
                );
            }
        }
    }
    vec!["SET NAMES utf8mb4".into(), common]
}

/// Settings that decide what a table says of itself, or becomes when it is made: each is set where
/// the account may set it.
fn wishes(conn: &Conn, purpose: Purpose) -> Vec<&'static str> {
    let mut wishes = Vec::new();
    match conn.flavor {
        Flavor::MySql => {
            wishes.push("show_create_table_verbosity=0");
            if conn.version >= (8, 0, 30) {
                wishes.push("show_gipk_in_create_table_and_information_schema=1");
            }
        }
        Flavor::MariaDb => {}
    }
    if purpose == Purpose::Write {
        // Off, it gives the first timestamp of a table a default of its own.
        wishes.push("explicit_defaults_for_timestamp=1");
        wishes.push("innodb_strict_mode=1");
        match conn.flavor {
            Flavor::MySql if conn.version >= (8, 0, 30) => {
                wishes.push("sql_generate_invisible_primary_key=0");
            }
            Flavor::MySql => {}
            Flavor::MariaDb => wishes.push("alter_algorithm=DEFAULT"),
        }
    }
    wishes
}
