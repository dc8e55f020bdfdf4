//! Asks a server for its log, from a place on.

use syncline_connector::Follow;
use syncline_types::{Code, Error, Position, Result};

use super::gtid::Gtids;
use super::place::{Place, number};
use super::reader::{HEARTBEAT, Reader};
use super::state::State;
use super::tables::Tables;
use crate::session::{Purpose, Store};
use crate::wire::replica::{Dump, From};
use crate::wire::{Conn, Fault, Flavor};

/// What a server says of itself and its log.
#[derive(Debug, Clone)]
pub(crate) struct About {
    pub(crate) flavor: Flavor,
    /// It keeps a log.
    pub(crate) logs: bool,
    /// Which server it is: MySQL's UUID, or MariaDB's number.
    pub(crate) server: String,
    pub(crate) server_id: u32,
    /// Transactions have global ids, all of them.
    pub(crate) gtids: bool,
}

impl About {
    pub(crate) async fn ask(conn: &mut Conn) -> Result<Self> {
        let own = match conn.flavor {
            Flavor::MySql => "@@server_uuid, @@global.gtid_mode = 'ON'",
            Flavor::MariaDb => "@@global.server_id, 1",
        };
        let sql = format!("SELECT @@global.log_bin, @@global.server_id, {own}");
        let rows = conn.query(&sql).await?;
        let value = |at: usize| rows.rows.first().and_then(|r| r.get(at)?.clone());
        Ok(Self {
            flavor: conn.flavor,
            logs: value(0).as_deref() == Some("1"),
            server_id: value(1).and_then(|n| n.parse().ok()).unwrap_or_default(),
            server: value(2).unwrap_or_default(),
            gtids: value(3).as_deref() == Some("1"),
        })
    }
}

impl About {
    /// That a connection is on the server that was asked: its name is said with places in its log.
    ///
    /// # Errors
    /// [`Code::ConnectionLost`] when another host of the store has answered meanwhile.
    pub(crate) async fn still(&self, conn: &mut Conn) -> Result<()> {
        if Self::ask(conn).await?.server == self.server {
            return Ok(());
        }
        Err(Error::new(Code::ConnectionLost, "another host has taken the place of the one asked"))
    }

    /// A place of MariaDB's log, by file and offset.
    pub(crate) async fn maria_place(&self, conn: &mut Conn, file: (String, u64)) -> Result<Place> {
        let gtids = Some(super::start::maria_gtids(conn, &file).await?);
        Ok(Place::new(Some(file), gtids, &self.server))
    }

    /// The transactions that everybody can see (MySQL). The log's end may be behind others, too.
    pub(crate) async fn committed(&self, conn: &mut Conn) -> Result<Place> {
        let rows = conn.query("SELECT @@global.gtid_executed").await?;
        let gtids = Gtids::parse(self.flavor, rows.single().unwrap_or_default());
        Ok(Place::new(None, gtids, &self.server))
    }
}

/// A number that is the run's own: others count theirs from 1.
fn own_number(run: &str) -> u32 {
    0x8000_0000 | crc32fast::hash(run.as_bytes())
}

/// A UUID made of the run's key.
fn own_uuid(run: &str) -> String {
    let part = |salt: &str| crc32fast::hash(format!("{salt}{run}").as_bytes());
    let (a, b, c, d) = (part("a"), part("b"), part("c"), part("d"));
    format!("{a:08x}-{:04x}-4{:03x}-8{:03x}-{:04x}{d:08x}", b >> 16, b & 0xFFF, c >> 20, c & 0xFFFF)
}

/// How we are listed among the server's replicas.
const HOST: &str = "syncline";

/// A number under which no other replica is known. One of our own run that the server has not
/// missed yet gives way.
async fn free_number(conn: &mut Conn, about: &About, run: &str) -> Result<u32> {
    let sql = match conn.flavor {
        Flavor::MySql if conn.version >= (8, 0, 22) => "SHOW REPLICAS",
        _ => "SHOW SLAVE HOSTS",
    };
    let taken: Vec<u32> = match conn.query(sql).await {
        Ok(rows) => rows
            .rows
            .iter()
            .filter(|row| rows.get(row, "Host") != Some(HOST))
            .filter_map(|row| rows.get(row, "Server_id")?.parse().ok())
            .collect(),
        // Not every account may see them.
        Err(Fault::Server { .. }) => Vec::new(),
        Err(fault) => return Err(fault.into()),
    };
    let first = own_number(run);
    let free = (0..1000).map(|n| 0x8000_0000 | first.wrapping_add(n));
    let free = free.into_iter().find(|n| *n != about.server_id && !taken.contains(n));
    free.ok_or_else(|| Error::new(Code::LogInUse, "no number for a replica is free"))
}

/// Opens the log behind `at`.
pub(crate) async fn open(store: &Store, follow: &Follow, at: &Position) -> Result<Reader> {
    let mut conn = store.connect(Purpose::Read).await?;
    let store = store.beside(&conn);
    let about = About::ask(&mut conn).await?;
    let place = Place::read(about.flavor, &at.token)?;
    let mut other = store.connect(Purpose::Read).await?;
    let tables =
        Tables::load(&mut other, &follow.tables, &follow.selection, store.database()).await?;
    other.quit().await;
    // Behind a distributed transaction that has not ended it is read again.
    let first = place.from.as_deref().unwrap_or(&place);
    let from = begin(&mut conn, &about, first).await?;
    let server = free_number(&mut conn, &about, &follow.run).await?;
    let period = HEARTBEAT.as_nanos();
    let mut settings = vec![
        "@master_binlog_checksum=@@global.binlog_checksum".to_owned(),
        "@source_binlog_checksum=@@global.binlog_checksum".to_owned(),
        format!("@master_heartbeat_period={period}, @source_heartbeat_period={period}"),
    ];
    match conn.flavor {
        Flavor::MySql => {
            let uuid = own_uuid(&follow.run);
            settings.push(format!("@slave_uuid='{uuid}', @replica_uuid='{uuid}'"));
        }
        Flavor::MariaDb => {
            settings.push("@mariadb_slave_capability=4".into());
            if let (Beginning::Gtids, Some(gtids)) = (&from, &first.gtids) {
                settings.push(format!("@slave_connect_state='{gtids}'"));
                settings.push("@slave_gtid_strict_mode=0, @slave_gtid_ignore_duplicates=0".into());
            }
        }
    }
    conn.exec(&format!("SET {}", settings.join(", "))).await?;
    conn.register(server, HOST, "").await.map_err(lost)?;
    let dump = dump(conn, server, &from, first).await.map_err(lost)?;
    let mut here = place;
    if about.server != here.server {
        // Offsets in another server's files mean nothing here.
        here.server.clone_from(&about.server);
        here.file = None;
        if let Some(from) = &mut here.from {
            from.server.clone_from(&about.server);
            from.file = None;
        }
    }
    if !about.gtids {
        here.gtids = None;
    }
    let adopts = about.gtids && here.gtids.is_none();
    let mut state = State::new(tables, here, at.seq, follow.old_images);
    state.adopts = adopts;
    state.settled = matches!(from, Beginning::File(..));
    Ok(Reader::new(dump, state, store))
}

async fn dump(conn: Conn, server: u32, from: &Beginning, place: &Place) -> Result<Dump, Fault> {
    match (from, &place.gtids) {
        (Beginning::File(file, offset), _) => conn.dump(server, From::File(file, *offset)).await,
        (Beginning::Gtids, Some(gtids)) if conn.flavor == Flavor::MySql => {
            conn.dump(server, From::Gtids(&gtids.encode())).await
        }
        (Beginning::Gtids, _) => conn.dump(server, From::Session).await,
    }
}

/// Where the dump begins.
enum Beginning {
    Gtids,
    File(String, u32),
}

/// Chooses how the place is named to the server, and sees that the log still reaches back to it.
async fn begin(conn: &mut Conn, about: &About, place: &Place) -> Result<Beginning> {
    if !about.logs {
        return Err(Error::new(
            Code::NoChangeLog,
            "the server keeps no binary log (log_bin is off)",
        ));
    }
    let gone = |why: String| {
        Error::new(Code::PositionLost, format!("the log does not go back to {place}: {why}")).hint(
            "copy the tables anew: --fresh, or --when-lost resnapshot; have the server keep its \
             log longer (binlog_expire_logs_seconds)",
        )
    };
    let files = super::start::files(conn).await?;
    let same = place.server == about.server;
    if let Some((file, offset)) = place.file.as_ref().filter(|_| same) {
        let last = files.last().ok_or_else(|| gone("there are no files".into()))?;
        // Newer than the newest: the log was started over.
        if number(file).1 > number(&last.0).1 || *file == last.0 && *offset > last.1 {
            return Err(gone(format!("its last file is {}, of {} bytes", last.0, last.1)));
        }
    }
    if about.gtids
        && let Some(gtids) = &place.gtids
    {
        if about.flavor == Flavor::MySql {
            let purged = conn.query("SELECT @@global.gtid_purged").await?;
            let purged = Gtids::parse(about.flavor, purged.single().unwrap_or_default());
            if let Some(purged) = purged.filter(|p| !gtids.contains(p)) {
                return Err(gone(format!("transactions up to {purged} were purged")));
            }
        }
        return Ok(Beginning::Gtids);
    }
    let Some((file, offset)) = &place.file else {
        return Err(gone("the server has no GTIDs".into()));
    };
    if !same && !place.server.is_empty() {
        return Err(gone("it is another server, and the place has no GTIDs".into()));
    }
    let Some(found) = files.iter().find(|(name, _)| name == file) else {
        let first = files.first().map_or("none", |(name, _)| name);
        return Err(gone(format!("its first file is {first}")));
    };
    if *offset > found.1 {
        return Err(gone(format!("{file} has {} bytes", found.1)));
    }
    let offset = u32::try_from(*offset)
        .map_err(|_| gone("offsets beyond 4 GiB need GTIDs: set gtid_mode=ON".into()))?;
    Ok(Beginning::File(file.clone(), offset))
}

/// A fault met while the log is read.
pub(crate) fn lost(fault: Fault) -> Error {
    let Fault::Server { code, ref message, .. } = fault else { return fault.into() };
    let says = |words: &[&str]| words.iter().any(|w| message.contains(w));
    let code = match code {
        1227 | 1045 => {
            return Error::new(Code::NoPrivilege, message.clone())
                .hint("GRANT REPLICATION SLAVE ON *.* TO the account");
        }
        _ if says(&["same server_uuid", "same server_id", "another slave with the same"]) => {
            return Error::new(Code::LogInUse, message.clone()).hint(
                "another process follows with this run's number: end it; or a replica has the \
                     same server_id: start the same command again, it takes another",
            );
        }
        1789 => Code::PositionLost,
        1236 if says(&["is not open", "Binary log is not"]) => Code::NoChangeLog,
        1236 if says(&[
            "Could not find",
            "could not find",
            "purged",
            "more GTIDs",
            "not in the master's binlog",
            "not in the source's binlog",
            "impossible position",
            "> file size",
        ]) =>
        {
            Code::PositionLost
        }
        1236 => Code::LogUnreadable,
        _ => return fault.into(),
    };
    let error = Error::new(code, format!("the binary log: {message}"));
    match code {
        Code::PositionLost => {
            error.hint("copy the tables anew: --fresh, or --when-lost resnapshot")
        }
        _ => error,
    }
}
