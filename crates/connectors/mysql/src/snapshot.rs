//! Several connections that see one moment, where the server and the account's rights allow it.
//!
//! Every connection opens `START TRANSACTION WITH CONSISTENT SNAPSHOT` while nothing can be
//! committed: under FLUSH TABLES WITH READ LOCK, or under LOCK TABLES … READ on the tables that
//! are copied, both held for as long as it takes to open the snapshots. Where neither right is
//! there, MariaDB tells the binary log's position of each snapshot: equal ones show the same.

use std::time::{Duration, Instant};

use syncline_connector::Consistency;
use syncline_sql::Dialect;
use syncline_types::{Code, Error, Result, TableName};

use crate::binlog::{About, Place};
use crate::session::{Purpose, Store};
use crate::wire::{Conn, Fault, Flavor};

/// How long a lock is waited for: whoever writes waits as long behind us.
const LOCK_SECONDS: u32 = 5;
/// How often a moment is waited for at which nothing distributed is prepared.
const TRIES: usize = 20;
/// How often a lock that long statements keep from us is asked for again, where the place of the
/// snapshot in the log hangs on it, and after what rest.
const RESTS: usize = 5;
const REST: Duration = Duration::from_secs(2);
/// For how long MariaDB is asked for snapshots at one position.
const CATCHING: Duration = Duration::from_secs(5);

/// Connections with their snapshots open.
pub(crate) struct Snapshot {
    pub(crate) conns: Vec<Conn>,
    pub(crate) consistency: Consistency,
    /// Between which places of the log it stands, when that was asked for.
    pub(crate) moment: Option<(Place, Place)>,
}

/// Opens `parallel` snapshots of the same moment, or says why they are not. `plain` are tables
/// whose engine has no transactions. With `log`, the snapshots' place in it is found, too.
pub(crate) async fn open(
    store: &Store,
    parallel: usize,
    tables: &[TableName],
    plain: &[TableName],
    log: Option<&About>,
) -> Result<Snapshot> {
    let mut first = store.connect(Purpose::Read).await?;
    if let Some(about) = log {
        about.still(&mut first).await?;
    }
    // Of several hosts, all on one: a moment of this one is none of the others.
    let store = store.beside(&first);
    let mut conns = vec![first];
    for _ in 1..parallel {
        conns.push(store.connect(Purpose::Read).await?);
    }
    let (consistency, moment) = if conns.len() == 1 && log.is_none() {
        start(&mut conns).await?;
        (Consistency::Snapshot, None)
    } else {
        together(&store, &mut conns, tables, log).await?
    };
    let consistency = match (consistency, plain) {
        (Consistency::Snapshot, [table, ..]) => Consistency::PerSplit(format!(
            "{table} has an engine without transactions, so its rows are read as they are"
        )),
        (other, _) => other,
    };
    Ok(Snapshot { conns, consistency, moment })
}

/// Starts the snapshot of each connection.
async fn start(conns: &mut [Conn]) -> Result<()> {
    // All at once: the shorter the time between them, the likelier it is that nothing is committed
    // in it.
    let sql = "START TRANSACTION WITH CONSISTENT SNAPSHOT, READ ONLY";
    let started = conns.iter_mut().map(|conn| conn.exec(sql));
    futures::future::try_join_all(started).await?;
    Ok(())
}

/// What several snapshots see, and between which places of the log.
type Seen = (Consistency, Option<(Place, Place)>);

/// What became of a lock.
enum Lock {
    Had,
    /// Long statements were in its way.
    Busy,
    /// The account may not have it.
    Refused,
}

/// Sees to it that nothing is committed, or nothing of these tables; why not, when that cannot be
/// had.
async fn lock(control: &mut Conn, tables: &[TableName], reasons: &mut Vec<String>) -> Result<Lock> {
    reasons.clear();
    let mut otherwise = Lock::Refused;
    let mut statements = Vec::with_capacity(2);
    if may_flush(control).await? {
        statements.push(("FLUSH TABLES WITH READ LOCK", String::new()));
    } else {
        reasons.push("FLUSH TABLES WITH READ LOCK: not tried beside long statements".into());
        otherwise = Lock::Busy;
    }
    if !tables.is_empty() {
        let each = tables.iter().map(|t| format!(" {} READ", Dialect::Mysql.table(t)));
        statements.push(("LOCK TABLES", each.collect::<Vec<_>>().join(",")));
    }
    for (what, of) in statements {
        match control.exec(&format!("{what}{of}")).await {
            Ok(_) => return Ok(Lock::Had),
            Err(Fault::Server { code: 1205, .. }) => {
                let why =
                    format!("{what}: not had within {LOCK_SECONDS} s, because of long statements");
                reasons.push(why);
                otherwise = Lock::Busy;
            }
            Err(Fault::Server { message, .. }) => reasons.push(format!("{what}: {message}")),
            Err(broken) => return Err(broken.into()),
        }
    }
    Ok(otherwise)
}

/// Whether nobody would wait for us for long. MySQL flushes tables when nobody uses them any more,
/// and whoever wants to look at them until then waits, also when the flush itself has been given up.
/// Without the right PROCESS, the statements of others are not seen.
async fn may_flush(control: &mut Conn) -> Result<bool> {
    if control.flavor == Flavor::MariaDb {
        return Ok(true);
    }
    let sql = "SELECT count(*) FROM information_schema.processlist \
               WHERE command IN ('Query', 'Execute') AND time >= 1 AND id <> connection_id()";
    Ok(control.query(sql).await?.single().is_none_or(|n| n == "0"))
}

/// A lock at a moment whose place in the log is the place of its snapshots: false when it cannot
/// be had. Without `log` the place is not asked for, and what is in the way is not waited for.
async fn still(
    control: &mut Conn,
    tables: &[TableName],
    log: bool,
    reasons: &mut Vec<String>,
) -> Result<bool> {
    // MariaDB tells the place of a snapshot without a lock, too.
    let patient = log && control.flavor == Flavor::MySql;
    let (mut tries, mut rests) = (TRIES, if patient { RESTS } else { 0 });
    loop {
        match lock(control, tables, reasons).await? {
            Lock::Refused => return Ok(false),
            Lock::Busy if rests == 0 => return Ok(false),
            // Those who waited behind us go first.
            Lock::Busy => {
                rests -= 1;
                tokio::time::sleep(REST).await;
            }
            // What a distributed transaction changed is in the log before its end: a moment
            // without one is waited for.
            Lock::Had if log && tries > 0 && crate::binlog::in_doubt(control).await? => {
                tries -= 1;
                control.exec("UNLOCK TABLES").await?;
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
            Lock::Had => return Ok(true),
        }
    }
}

async fn together(
    store: &Store,
    conns: &mut [Conn],
    tables: &[TableName],
    log: Option<&About>,
) -> Result<Seen> {
    let mut control = store.connect(Purpose::Read).await?;
    control.exec(&format!("SET SESSION lock_wait_timeout={LOCK_SECONDS}")).await?;
    let mut reasons = Vec::new();
    let locked = still(&mut control, tables, log.is_some(), &mut reasons).await?;
    if locked {
        let started = start(conns).await;
        // Nothing is being committed, or nothing of these tables.
        let place = match log {
            Some(about) => crate::binlog::end(&mut control, about).await.map(Some),
            None => Ok(None),
        };
        control.exec("UNLOCK TABLES").await?;
        started?;
        control.quit().await;
        let moment = place?.map(|place| (place.clone(), place));
        return Ok((Consistency::Snapshot, moment));
    }
    let seen = match conns[0].flavor {
        Flavor::MariaDb => by_position(conns, log, &mut reasons).await,
        Flavor::MySql => between(&mut control, conns, log).await,
    };
    control.quit().await;
    let (same, moment) = seen?;
    let consistency = match same {
        true => Consistency::Snapshot,
        false => Consistency::PerSplit(reasons.join("; ")),
    };
    Ok((consistency, moment))
}

/// Whether all see the same, and between which places of the log.
type Compared = (bool, Option<(Place, Place)>);

/// MariaDB: each snapshot tells its place in the log.
async fn by_position(
    conns: &mut [Conn],
    log: Option<&About>,
    reasons: &mut Vec<String>,
) -> Result<Compared> {
    let begun = Instant::now();
    loop {
        start(conns).await?;
        let Some(positions) = positions(conns).await? else {
            reasons.push("the server keeps no binary log".into());
            return Ok((false, None));
        };
        let same = positions.iter().all(|p| *p == positions[0]);
        let order = |p: &&FileOffset| (crate::binlog::number(&p.0).1, p.1);
        let low = positions.iter().min_by_key(order).cloned();
        let last = low.zip(positions.iter().max_by_key(order).cloned());
        if same {
            return Ok((true, places(conns, log, last).await?));
        }
        if begun.elapsed() > CATCHING {
            reasons.push("the server is too busy to catch one moment".into());
            return Ok((false, places(conns, log, last).await?));
        }
    }
}

type FileOffset = (String, u64);

async fn places(
    conns: &mut [Conn],
    log: Option<&About>,
    found: Option<(FileOffset, FileOffset)>,
) -> Result<Option<(Place, Place)>> {
    let (Some(about), Some((low, high))) = (log, found) else { return Ok(None) };
    let low = about.maria_place(&mut conns[0], low).await?;
    Ok(Some((low, about.maria_place(&mut conns[0], high).await?)))
}

/// MySQL: the transactions that were through before the snapshots were opened, and the log's end
/// behind them.
async fn between(control: &mut Conn, conns: &mut [Conn], log: Option<&About>) -> Result<Compared> {
    let Some(about) = log else {
        start(conns).await?;
        return Ok((false, None));
    };
    if !about.gtids {
        // The log's end is behind transactions that cannot be seen yet.
        let text = "the account may not lock tables, and the server has no GTIDs: the snapshot's \
                    place in the log cannot be told";
        return Err(Error::new(Code::NoPrivilege, text)
            .hint("GRANT RELOAD ON *.* TO the account, or set gtid_mode=ON"));
    }
    let low = about.committed(control).await?;
    start(conns).await?;
    let high = crate::binlog::end(control, about).await?;
    Ok((false, Some((low, high))))
}

/// Where each snapshot stands in MariaDB's binary log; `None` without a log.
async fn positions(conns: &mut [Conn]) -> Result<Option<Vec<FileOffset>>> {
    let mut positions = Vec::with_capacity(conns.len());
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
        positions.push((file, value("binlog_snapshot_position").parse().unwrap_or_default()));
    }
    Ok(Some(positions))
}
