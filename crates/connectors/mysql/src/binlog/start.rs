//! Places in the log: its present end, its beginning, one that a person names.

use syncline_connector::Start;
use syncline_types::{Code, Error, Position, Result};

use super::gtid::Gtids;
use super::open::About;
use super::place::{Place, parse};
use crate::wire::{Conn, Fault, Flavor};

/// The log's files with their lengths, in order.
pub(crate) async fn files(conn: &mut Conn) -> Result<Vec<(String, u64)>> {
    let rows = conn.query("SHOW BINARY LOGS").await.map_err(unprivileged)?;
    let read = |row: &Vec<Option<String>>| {
        let size = rows.get(row, "File_size")?.parse().ok()?;
        Some((rows.get(row, "Log_name")?.to_owned(), size))
    };
    Ok(rows.rows.iter().filter_map(read).collect())
}

/// What the server refuses to an account that may not look at its log.
pub(crate) fn unprivileged(fault: Fault) -> Error {
    match fault.number() {
        Some(1227 | 1045) => Error::new(Code::NoPrivilege, fault.to_string())
            .hint("GRANT REPLICATION SLAVE, REPLICATION CLIENT ON *.* TO the account"),
        Some(1381) => no_log(),
        _ => fault.into(),
    }
}

pub(crate) fn no_log() -> Error {
    Error::new(Code::NoChangeLog, "the server keeps no binary log (log_bin is off)").hint(
        "start the server with --log-bin --binlog-format=ROW and a --server-id (in its option \
         file: log_bin, binlog_format=ROW, server_id=1)",
    )
}

/// What the server says of its log's end.
pub(crate) struct End {
    pub(crate) place: Place,
    /// Databases that are logged, or not, when not all are.
    pub(crate) only: String,
    pub(crate) without: String,
}

/// The log's present end.
pub(crate) async fn end(conn: &mut Conn, about: &About) -> Result<End> {
    let sql = match (conn.flavor, conn.version) {
        (Flavor::MySql, v) if v >= (8, 2, 0) => "SHOW BINARY LOG STATUS",
        _ => "SHOW MASTER STATUS",
    };
    let rows = conn.query(sql).await.map_err(unprivileged)?;
    let row = rows.rows.first().ok_or_else(no_log)?;
    let text = |name| rows.get(row, name).unwrap_or_default().to_owned();
    let offset = text("Position").parse().unwrap_or_default();
    let file = (text("File"), offset);
    let gtids = match (about.flavor, about.gtids) {
        (_, false) => None,
        (Flavor::MySql, true) => Gtids::parse(about.flavor, &text("Executed_Gtid_Set")),
        (Flavor::MariaDb, true) => Some(maria_gtids(conn, &file).await?),
    };
    let place = Place::new(Some(file), gtids, &about.server);
    let (only, without) = (text("Binlog_Do_DB"), text("Binlog_Ignore_DB"));
    Ok(End { place, only, without })
}

/// The transactions before a place of MariaDB's log.
pub(crate) async fn maria_gtids(conn: &mut Conn, file: &(String, u64)) -> Result<Gtids> {
    let name = syncline_sql::Dialect::Mysql.string(&file.0);
    let rows = conn.query(&format!("SELECT BINLOG_GTID_POS({name}, {})", file.1)).await?;
    let gtids = Gtids::parse(Flavor::MariaDb, rows.single().unwrap_or_default());
    gtids.ok_or_else(|| {
        Error::new(Code::PositionLost, format!("{}:{} is not in the log", file.0, file.1))
    })
}

/// Where to begin.
pub(crate) async fn start(conn: &mut Conn, about: &About, from: &Start) -> Result<Position> {
    if !about.logs {
        return Err(no_log());
    }
    let place = match from {
        Start::Now => end(conn, about).await?.place,
        Start::Earliest => earliest(conn, about).await?,
        Start::At(text) => named(conn, about, text).await?,
    };
    Ok(Position::new(0, place.write()?))
}

async fn earliest(conn: &mut Conn, about: &About) -> Result<Place> {
    let (first, _) = files(conn).await?.into_iter().next().ok_or_else(no_log)?;
    let file = (first, 4);
    let gtids = match (about.flavor, about.gtids) {
        (_, false) => None,
        (Flavor::MySql, true) => {
            let purged = conn.query("SELECT @@global.gtid_purged").await?;
            Gtids::parse(about.flavor, purged.single().unwrap_or_default())
        }
        (Flavor::MariaDb, true) => Some(maria_gtids(conn, &file).await?),
    };
    Ok(Place::new(Some(file), gtids, &about.server))
}

async fn named(conn: &mut Conn, about: &About, text: &str) -> Result<Place> {
    let mut place = parse(about.flavor, text, &about.server).ok_or_else(|| {
        let form = match about.flavor {
            Flavor::MySql => "3e11fa47-71ca-11e1-9e33-c80aa9429562:1-5",
            Flavor::MariaDb => "0-1-5",
        };
        Error::new(Code::BadValue, format!("{text:?} is no place in this server's log"))
            .hint(format!("a file and an offset (binlog.000012:345), or GTIDs ({form})"))
    })?;
    match &place.file {
        None if !about.gtids => {
            let text = "the server has no GTIDs (gtid_mode is not ON)";
            Err(Error::new(Code::BadValue, text).hint("name a file and an offset"))
        }
        None => Ok(place),
        Some(file) => {
            let there = files(conn).await?;
            let Some((_, size)) = there.iter().find(|(name, _)| *name == file.0) else {
                return Err(Error::new(Code::PositionLost, format!("{} is not there", file.0)));
            };
            if file.1 > *size || file.1 < 4 {
                let text = format!("{} has {size} bytes: nothing begins at {}", file.0, file.1);
                return Err(Error::new(Code::BadValue, text));
            }
            // Which transactions came before: MariaDB can tell, MySQL cannot.
            if about.flavor == Flavor::MariaDb {
                place.gtids = Some(maria_gtids(conn, file).await?);
            }
            Ok(place)
        }
    }
}

/// Whether distributed transactions are prepared now. Not known, and taken for none, where the
/// account may not ask.
pub(crate) async fn in_doubt(conn: &mut Conn) -> Result<bool> {
    match conn.query_bytes("XA RECOVER").await {
        Ok((_, rows)) => Ok(!rows.is_empty()),
        Err(Fault::Server { .. }) => Ok(false),
        Err(fault) => Err(fault.into()),
    }
}
