//! PostgreSQL, as source and sink: binary COPY both ways, between the wire and Arrow with nothing
//! in between.
//!
//! Reading: `catalog` finds tables, `split` cuts them, `source` keeps the snapshot that all
//! readers share, `reader`, `decode` and `values` turn COPY data into batches. `log` follows the changes. Writing: `sink` makes
//! tables ready and finishes them by way of `make` and `relate` (foreign keys), `writer` and `encode` turn batches into COPY data,
//! `checkpoint` keeps positions with the rows, `replace` swaps a loaded table in. `connect`
//! sets sessions up so that values stay what they are, over the sockets of `wire`; `error` says what the engine is to do
//! about the server's errors. Which type becomes what stands in `types` and in `TYPES.md`.

#[doc(hidden)]
pub mod bench;
mod catalog;
mod checkpoint;
mod checksum;
mod connect;
mod decode;
mod encode;
mod error;
mod follow;
mod frames;
mod log;
mod make;
mod numeric;
mod reader;
mod ready;
mod relate;
mod replace;
mod sequences;
mod sink;
mod source;
mod split;
mod tls;
mod types;
mod values;
mod wire;
mod writer;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use syncline_connector::{Connector, Endpoint, Mode, Roles, Sink, Source, Spec};
use syncline_types::Result;

use connect::Connect;

/// PostgreSQL as a kind of store.
#[derive(Debug, Clone, Copy, Default)]
pub struct PostgresConnector;

/// Whether the connection is encrypted, and what is checked; the words are libpq's.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum SslMode {
    /// Never encrypted.
    Disable,
    /// Encrypted where the server can.
    #[default]
    Prefer,
    /// Encrypted; the certificate is not looked at.
    Require,
    /// Encrypted; the certificate comes from an authority in `sslrootcert`.
    VerifyCa,
    /// As `verify-ca`, and the certificate is the host's.
    VerifyFull,
}

/// When the server tells a large transaction; the words are those of `CREATE SUBSCRIPTION`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Streaming {
    /// While it goes on, from version 14 on: it is put aside here until it has ended.
    #[default]
    On,
    /// Once it has ended; the server keeps it until then.
    Off,
}

/// Options of a PostgreSQL URL.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Options {
    /// Schema of tables named without one; without a table pattern, the only schema copied.
    /// Unless given, it is the first of the account's search path that exists, usually `public`.
    pub schema: Option<String>,
    /// Whether the connection is encrypted, and what is checked.
    pub sslmode: SslMode,
    /// File with the certificates (PEM) of the authorities to trust, for `verify-ca` and
    /// `verify-full`.
    pub sslrootcert: Option<String>,
    /// File with the client's own certificate (PEM), for servers that ask for one.
    pub sslcert: Option<String>,
    /// File with the key (PEM) of `sslcert`.
    pub sslkey: Option<String>,
    /// Folder of the server's unix socket, instead of a host: `/var/run/postgresql`.
    pub socket: Option<String>,
    /// Seconds to wait for a connection to be made.
    #[schemars(range(min = 1))]
    pub connect_timeout: u16,
    /// Statements that every new connection runs first, one a line (%0A between them in a URL).
    /// Settings that could change a value are set by Syncline after them.
    pub session: Option<String>,
    /// Replication slot (of `pgoutput`) from which changes are followed. It has to be there, and is
    /// not removed. Unless given, one is made for the run, and removed with it.
    pub slot: Option<String>,
    /// Publication whose changes are followed. It has to be there, with all the tables. Unless
    /// given, one is made for the run, and removed with it, for which the account has to own the
    /// tables.
    pub publication: Option<String>,
    /// When the server tells a transaction that is larger than its `logical_decoding_work_mem`:
    /// while it goes on, so that it is put aside in the state folder and never holds the server
    /// up, or once it has ended.
    pub streaming: Streaming,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            schema: None,
            sslmode: SslMode::default(),
            sslrootcert: None,
            sslcert: None,
            sslkey: None,
            socket: None,
            connect_timeout: 10,
            session: None,
            slot: None,
            publication: None,
            streaming: Streaming::On,
        }
    }
}

static SPEC: Spec = Spec {
    id: types::STORE,
    title: "PostgreSQL",
    schemes: &["postgres", "postgresql"],
    example: "postgres://user:password@host:5432/database?schema=public",
    roles: Roles {
        source: &[Mode::Full, Mode::Batch, Mode::Changes, Mode::FullChanges],
        sink: true,
    },
    guarantee: "exactly once (rows and position in one transaction)",
    versions: "PostgreSQL 15 and 17 (12, 13, 14 and 16 by hand)",
    notes: NOTES,
};

const NOTES: &str = "\
Reading: parallel readers share one exported snapshot, so that all tables show one moment. Tables \
with a primary key (or a unique index without NULLs) are cut into even key ranges and read in key \
order; they go on from the last durable row, also in another process. Tables without a key are cut \
by blocks (from version 14 on); a piece that was under way starts over, and when the table has \
changed since the run began, a run in a new process refuses to go on, because rows may have moved. \
Rows that row-level security hides are an error, not a loss.

Following: changes are read by logical replication (`pgoutput`, protocol 1 to 4), from a slot and a \
publication that are made for the run and removed with it. From version 14 on, a large transaction \
is read while it goes on and put aside in the state folder: nothing of it is applied before its \
commit. The server needs `wal_level = logical`, \
a free slot (`max_replication_slots`) and a free sender (`max_wal_senders`); the account needs \
REPLICATION, and has to own the tables, so that it can publish them: otherwise somebody who does \
makes the publication, and it is given as `publication=` (`check` says the statement). Tables have to \
have a primary key, a replica identity index over their key, or `REPLICA IDENTITY FULL`; unlogged \
tables are refused, and generated columns are left to the target, because the log does not have \
them. The slot holds the server's log back until the target has it all, also while the run is \
stopped: `max_slot_wal_keep_size` puts an end to that, and then to the run. It goes on with the log \
of the whole server, so that a quiet table holds back nothing. Snapshot and log have one moment, \
the one at which the slot begins; it begins when all transactions that were open have ended. \
Partitioned tables are followed as one table; that a single partition is truncated, attached, \
detached or dropped, is not in the log. Changes of definitions are told with the next row after \
them, or found in the catalog within seconds; so are new tables, which are copied and followed.

Writing: rows go in by binary COPY, and the position with them in the same transaction, into the \
table `_syncline_checkpoint` of the target's schema, which is removed at the end. Where a column \
has a type of which only the text form is carried, the table is written by text COPY. Upsert copies \
into a temporary table and merges with `INSERT … ON CONFLICT`. Replace loads a table beside the old \
one; at the end it takes the old one's name, or, where views, grants, triggers, foreign keys and \
the like hang on the old table, its rows take the place of the old rows, in one transaction either \
way.

\
Tables that are made come out as the source's catalog has them, when that is PostgreSQL, too: types \
(enumerations, domains, composite and range types, extensions and functions they need are made \
where they are missing), defaults, identities, serial columns and other sequences, generated \
columns, checks, unique and exclusion constraints, indexes of every kind, partitions (with what only \
one of them has; its foreign keys are named), storage \
options, comments. Indexes and constraints are built after the load; foreign keys are added when \
all tables are in. Of tables that are there, foreign keys that refer to themselves or in a circle \
are dropped for the time of the load, kept with the positions, and added again at the end (or, \
where rows do not fulfil them, added NOT VALID, with an error that names a row).

Several hosts in one URL (`postgres://user@db1:5432,db2:5432/shop`) are one store: a primary and its \
standbys, which have the same rows. The first that answers is used, in that order; a target needs \
one that takes rows, wherever it stands among them. When it is lost, in the middle of a copy, too, \
the work goes on at another from the last durable row, and waits as long as a standby has not \
taken over yet. What is read of one snapshot is read on one host. `check` and the test of a \
connection name the host that answers, and what is wrong with those before it. A standby that lags \
shows what it has; rows of a target that the lost primary had confirmed and not passed on are lost \
with it: `synchronous_standby_names` has them passed on first. Changes are followed at another host \
only when the slot is there, too.

Partitioned tables are copied as one table. Views, foreign tables, large objects, triggers, rules, \
policies, grants and extended statistics are not copied, and named.";

impl Connector for PostgresConnector {
    type Options = Options;

    fn spec(&self) -> &'static Spec {
        &SPEC
    }

    fn source(&self, endpoint: &Endpoint, options: Options) -> Result<Box<dyn Source>> {
        Ok(Box::new(source::PostgresSource::new(Connect::new(endpoint, &options)?)))
    }

    fn sink(&self, endpoint: &Endpoint, options: Options) -> Result<Box<dyn Sink>> {
        Ok(Box::new(sink::PostgresSink::new(Connect::new(endpoint, &options)?.writable())))
    }
}
