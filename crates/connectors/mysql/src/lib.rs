//! MySQL and MariaDB as source and sink.
//!
//! The source reads prepared SELECTs in key order, several at a time and at one moment where the
//! server allows it, straight from the binary protocol into Arrow. The sink feeds LOAD DATA LOCAL
//! from memory, or INSERTs many rows at a time, and keeps positions in the same transaction as the
//! rows. What becomes of each type stands in `TYPES.md`.
//!
//! A table over: `wire` speaks the protocol, `session` sets what we rely on, `catalog` says what
//! there is, `split` cuts, `select`, `reader` and `decode` read, `writer` and `encode` write,
//! `checkpoint` and `side` keep a run exact.

#[doc(hidden)]
pub mod bench;
mod binlog;
mod catalog;
mod checkpoint;
mod checksum;
mod create;
mod decode;
mod encode;
mod follow;
mod foreign;
mod indexes;
mod key;
mod midway;
mod native;
mod options;
mod pool;
mod reader;
mod relate;
mod select;
mod sequence;
mod session;
mod shape;
mod side;
mod sink;
mod snapshot;
mod source;
mod split;
mod statement;
mod wire;
mod words;
mod writer;

use syncline_connector::{Connector, Endpoint, Mode, Roles, Sink, Source, Spec};
use syncline_types::Result;

pub use options::{MysqlOptions, Tls};
use session::Store;
use sink::MysqlSink;
use source::MysqlSource;

/// MySQL and MariaDB.
#[derive(Debug, Clone, Copy, Default)]
pub struct MysqlConnector;

static SPEC: Spec = Spec {
    id: "mysql",
    title: "MySQL and MariaDB",
    schemes: &["mysql", "mariadb"],
    example: "mysql://user:password@host:3306/database",
    roles: Roles {
        source: &[Mode::Full, Mode::Batch, Mode::Changes, Mode::FullChanges],
        sink: true,
    },
    guarantee: "exactly once (rows and position in one transaction)",
    versions: "MySQL 8.0, MariaDB 10.11",
    notes: "All parallel readers share one snapshot when the account may FLUSH TABLES WITH READ \
            LOCK (right RELOAD) or LOCK TABLES; the lock is held only while the snapshots are \
            opened. Tables of an engine without transactions (MyISAM, Aria, MEMORY) are read as \
            they are, and written at least once.\n\n\
            Rows are loaded by LOAD DATA LOCAL INFILE, fed from memory, where the server's \
            `local_infile` is on; MySQL 8 has it off by default. Otherwise, and whenever a load \
            reports anything out of the ordinary, rows go in by INSERT.\n\n\
            Following reads the binary log as a replica does: log_bin with binlog_format=ROW, and \
            the rights REPLICATION SLAVE and REPLICATION CLIENT (BINLOG MONITOR). GTIDs are used \
            where the server has them (gtid_mode=ON; MariaDB always), so that following goes on at \
            a replica. binlog_row_image FULL, MINIMAL and NOBLOB, compressed logs, savepoints and \
            XA are understood; binlog_row_metadata=FULL makes sure of columns by their names. Not \
            followed are partial JSON updates, system-versioned tables, and rows that InnoDB \
            changes by ON DELETE or ON UPDATE of a foreign key, which are in no log. A \
            snapshot stands at an exact place of the log when the account may FLUSH TABLES WITH \
            READ LOCK or LOCK TABLES, and in MariaDB always. Each lock is waited for 5 seconds, and \
            asked for again after a rest. In MySQL, tables are not flushed while statements run for \
            more than a second, as others would have to wait for these: so give the account PROCESS, \
            to see them, and LOCK TABLES, which does without.\n\n\
            Several hosts in one URL (`mysql://user@db1:3306,db2:3306/shop`) are one store: a primary \
            and its replicas, which have the same rows. The first that answers is used, in that \
            order; a target needs one that is not set read_only, wherever it stands among them. \
            When it is lost, in the middle of a copy, too, the work goes on at another from the \
            last durable row, and waits as long as a replica has not taken over yet. What is read \
            of one snapshot is read on one host. `check` and the test of a connection name the \
            host that answers, and what is wrong with those before it. A replica that lags shows \
            what it has; rows of a target that the lost primary had confirmed and not passed on are \
            lost with it: semi-synchronous replication, group replication and Galera pass them on \
            first. Changes are followed at another host by GTIDs.\n\n\
            Views, triggers, routines and events are not copied.",
};

impl Connector for MysqlConnector {
    type Options = MysqlOptions;

    fn spec(&self) -> &'static Spec {
        &SPEC
    }

    fn source(&self, endpoint: &Endpoint, options: MysqlOptions) -> Result<Box<dyn Source>> {
        Ok(Box::new(MysqlSource::new(Store::new(endpoint, options)?)))
    }

    fn sink(&self, endpoint: &Endpoint, options: MysqlOptions) -> Result<Box<dyn Sink>> {
        Ok(Box::new(MysqlSink::new(Store::new(endpoint, options)?)))
    }
}
