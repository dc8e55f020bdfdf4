//! Several connections that see one moment, where the server and the account's rights allow it.
//!
//! Every connection opens `START TRANSACTION WITH CONSISTENT SNAPSHOT` while nothing can be
//! committed: under FLUSH TABLES WITH READ LOCK, or under LOCK TABLES … READ on the tables that
//! are copied, both held for as long as it takes to open the snapshots. Where neither right is
//! there, MariaDB tells the binary log's position of each snapshot: equal ones show the same.

use std::collections::HashSet;

use syncline_connector::Consistency;
use syncline_sql::Dialect;
use syncline_types::{Result, TableName};

use crate::session::{Purpose, Store};
use crate::wire::{Conn, Fault, Flavor};

/// How long a lock is waited for: whoever writes waits as long behind us.
const LOCK_SECONDS: u32 = 5;
/// How often MariaDB is asked for snapshots at one position.
const TRIES: usize = 20;

/// Connections with their snapshots open.
pub(crate) struct Snapshot {
    pub(crate) conns: Vec<Conn>,
    pub(crate) consistency: Consistency,
}

/// Opens `parallel` snapshots of the same moment, or says why they are not. `plain` are tables
/// whose engine has no transactions.
pub(crate) async fn open(
    store: &Store,
    parallel: usize,
    tables: &[TableName],
    plain: &[TableName],
) -> Result<Snapshot> {
    let mut conns = Vec::with_capacity(parallel);
    for _ in 0..parallel.max(1) {
        conns.push(store.connect(Purpose::Read).await?);
    }
    let consistency = if conns.len() == 1 {
        start(&mut conns).await?;
        Consistency::Snapshot
    } else {
        together(store, &mut conns, tables).await?
    };
    let consistency = match (consistency, plain) {
        (Consistency::Snapshot, [table, ..]) => Consistency::PerSplit(format!(
            "{table} has an engine without transactions, so its rows are read as they are"
        )),
        (other, _) => other,
    };
    Ok(Snapshot { conns, consistency })
}

/// Starts the snapshot of each connection.
async fn start(conns: &mut [Conn]) -> Result<()> {
    for conn in conns {
        conn.exec("START TRANSACTION WITH CONSISTENT SNAPSHOT, READ ONLY").await?;
    }
    Ok(())
}

async fn together(store: &Store, conns: &mut [Conn], tables: &[TableName]) -> Result<Consistency> {
    let mut control = store.connect(Purpose::Read).await?;
    control.exec(&format!("SET SESSION lock_wait_timeout={LOCK_SECONDS}")).await?;
    let mut reasons = Vec::new();
    let mut locked = match control.exec("FLUSH TABLES WITH READ LOCK").await {
        Ok(_) => true,
        Err(fault) => {
            reasons.push(refused("FLUSH TABLES WITH READ LOCK", fault)?);
            false
        }
    };
    if !locked && !tables.is_empty() {
        let names: Vec<String> =
            tables.iter().map(|t| format!("{} READ", Dialect::Mysql.table(t))).collect();
        match control.exec(&format!("LOCK TABLES {}", names.join(", "))).await {
            Ok(_) => locked = true,
            Err(fault) => reasons.push(refused("LOCK TABLES", fault)?),
        }
    }
    if locked {
        let started = start(conns).await;
        control.exec("UNLOCK TABLES").await?;
        started?;
        control.quit().await;
        return Ok(Consistency::Snapshot);
    }
    control.quit().await;
    if conns[0].flavor == Flavor::MariaDb {
        for _ in 0..TRIES {
            start(conns).await?;
            match same_position(conns).await? {
                Some(true) => return Ok(Consistency::Snapshot),
                Some(false) => reasons.push("the server is too busy to catch one moment".into()),
                None => {
                    reasons.push("the server keeps no binary log".into());
                    break;
                }
            }
        }
    } else {
        start(conns).await?;
    }
    reasons.dedup();
    Ok(Consistency::PerSplit(reasons.join("; ")))
}

/// The refusal in words, unless the connection broke.
fn refused(what: &str, fault: Fault) -> Result<String> {
    match fault {
        Fault::Server { code: 1205, .. } => {
            Ok(format!("{what}: not had within {LOCK_SECONDS} s, because of long statements"))
        }
        Fault::Server { message, .. } => Ok(format!("{what}: {message}")),
        other => Err(other.into()),
    }
}

/// Whether all snapshots stand at one position of MariaDB's binary log; `None` without a log.
async fn same_position(conns: &mut [Conn]) -> Result<Option<bool>> {
    let mut positions = HashSet::new();
    for conn in conns {
        let rows = conn.query("SHOW STATUS LIKE 'binlog_snapshot_%'").await?;
        let value = |name: &str| {
            rows.rows
                .iter()
                .find(|row| {
                    rows.get(row, "Variable_name").is_some_and(|n| n.eq_ignore_ascii_case(name))
                })
                .and_then(|row| rows.get(row, "Value"))
                .unwrap_or_default()
                .to_owned()
        };
        let file = value("binlog_snapshot_file");
        if file.is_empty() {
            return Ok(None);
        }
        positions.insert((file, value("binlog_snapshot_position")));
    }
    Ok(Some(positions.len() == 1))
}
