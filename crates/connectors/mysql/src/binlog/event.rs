//! Events of the log: their head, their checksum, and the small ones among them.

use syncline_types::{Code, Error, Result};

use super::gtid::Gtid;
use crate::wire::packet::Fields;

/// Numbers of the events' kinds.
pub(crate) mod kind {
    pub(crate) const QUERY: u8 = 2;
    pub(crate) const ROTATE: u8 = 4;
    pub(crate) const FORMAT: u8 = 15;
    pub(crate) const XID: u8 = 16;
    pub(crate) const LOAD_QUERY: u8 = 18;
    pub(crate) const TABLE_MAP: u8 = 19;
    pub(crate) const WRITE_ROWS_1: u8 = 23;
    pub(crate) const DELETE_ROWS_1: u8 = 25;
    pub(crate) const INCIDENT: u8 = 26;
    pub(crate) const HEARTBEAT: u8 = 27;
    pub(crate) const WRITE_ROWS: u8 = 30;
    pub(crate) const DELETE_ROWS: u8 = 32;
    pub(crate) const GTID: u8 = 33;
    pub(crate) const ANONYMOUS_GTID: u8 = 34;
    pub(crate) const PREVIOUS_GTIDS: u8 = 35;
    pub(crate) const XA_PREPARE: u8 = 38;
    pub(crate) const PARTIAL_UPDATE_ROWS: u8 = 39;
    pub(crate) const PAYLOAD: u8 = 40;
    pub(crate) const HEARTBEAT_2: u8 = 41;
    pub(crate) const GTID_TAGGED: u8 = 42;
    pub(crate) const MARIA_GTID: u8 = 162;
    pub(crate) const MARIA_QUERY_COMPRESSED: u8 = 165;
    pub(crate) const MARIA_WRITE_ROWS_COMPRESSED_1: u8 = 166;
    pub(crate) const MARIA_DELETE_ROWS_COMPRESSED: u8 = 171;

    /// Whether the events of a kind tell nothing that changes rows or places.
    pub(crate) fn is_silent(kind: u8) -> bool {
        // STOP, INTVAR, RAND, USER_VAR, BEGIN_LOAD_QUERY, IGNORABLE, ROWS_QUERY, TRANSACTION_CONTEXT, VIEW_CHANGE; ANNOTATE_ROWS, BINLOG_CHECKPOINT, GTID_LIST,
        // START_ENCRYPTION.
        matches!(kind, 3 | 5 | 13 | 14 | 17 | 28 | 29 | 36 | 37 | 160 | 161 | 163 | 164)
    }
}

/// Length of an event's head.
pub(crate) const HEAD: usize = 19;
/// Flag: a reader that does not know the event may pass over it.
const IGNORABLE: u16 = 0x80;
/// Flag: the sender made the event; it does not lie in the file.
const ARTIFICIAL: u16 = 0x20;

/// What stands before each event.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Head {
    /// Seconds since 1970.
    pub(crate) at: u32,
    pub(crate) kind: u8,
    /// The server it was first written by.
    pub(crate) server: u32,
    /// Length of the event, with its head and checksum.
    pub(crate) length: u32,
    /// Where the next event lies in the file; the lower 32 bits.
    pub(crate) next: u32,
    flags: u16,
}

impl Head {
    pub(crate) fn read(event: &[u8]) -> Option<Self> {
        let mut fields = Fields(event);
        Some(Self {
            at: fields.u32()?,
            kind: fields.u8()?,
            server: fields.u32()?,
            length: fields.u32()?,
            next: fields.u32()?,
            flags: fields.u16()?,
        })
    }

    pub(crate) fn is_ignorable(&self) -> bool {
        self.flags & IGNORABLE != 0
    }

    pub(crate) fn is_artificial(&self) -> bool {
        self.flags & ARTIFICIAL != 0
    }

    /// The server says that it lives, and nothing else.
    pub(crate) fn is_heartbeat(&self) -> bool {
        matches!(self.kind, kind::HEARTBEAT | kind::HEARTBEAT_2)
    }
}

/// An event that makes no sense.
pub(crate) fn unreadable(why: impl std::fmt::Display) -> Error {
    Error::new(Code::LogUnreadable, format!("the binary log: {why}"))
}

/// An event that ends too early.
pub(crate) fn cut() -> Error {
    unreadable("an event is cut short")
}

/// How events are checked and taken apart, as the file's first event says.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Format {
    /// Events end in a CRC32; not known before the first event.
    crc: Option<bool>,
}

impl Format {
    /// The body of an event, without head and checksum.
    pub(crate) fn body<'a>(&mut self, head: &Head, event: &'a [u8]) -> Result<&'a [u8]> {
        if event.len() != head.length as usize || event.len() < HEAD {
            return Err(cut());
        }
        if head.kind == kind::FORMAT {
            // It names the algorithm, and always has room for the sum.
            let algorithm = *event.get(event.len().wrapping_sub(5)).ok_or_else(cut)?;
            match algorithm {
                0 | 1 => self.crc = Some(algorithm == 1),
                other => return Err(unreadable(format!("checksum algorithm {other}"))),
            }
            return Ok(&event[HEAD..event.len() - 4]);
        }
        let Some((bytes, sum)) = event.split_last_chunk::<4>() else { return Err(cut()) };
        let matches = || crc32fast::hash(bytes) == u32::from_le_bytes(*sum);
        match self.crc {
            Some(false) => Ok(&event[HEAD..]),
            Some(true) if matches() => bytes.get(HEAD..).ok_or_else(cut),
            Some(true) => Err(unreadable(format!(
                "the checksum of the event before offset {} is wrong",
                head.next
            ))
            .hint("the file is damaged at the server: CHECK its disk, start over with --fresh")),
            // The file's name comes before its first event.
            None if matches() => bytes.get(HEAD..).ok_or_else(cut),
            None => Ok(&event[HEAD..]),
        }
    }
}

/// A statement of the log.
#[derive(Debug)]
pub(crate) struct Query<'a> {
    pub(crate) database: Option<String>,
    pub(crate) sql_mode: u64,
    pub(crate) explicit_timestamps: Option<bool>,
    pub(crate) sql: std::borrow::Cow<'a, str>,
}

impl<'a> Query<'a> {
    /// Where in an event's body the statement's text begins.
    pub(crate) fn sql_at(body: &[u8]) -> Option<usize> {
        let mut fields = Fields(body.get(8..)?);
        let name = usize::from(fields.u8()?);
        fields.u16()?;
        let at = 13 + usize::from(fields.u16()?) + name + 1;
        (at <= body.len()).then_some(at)
    }

    /// Reads its head; `more` bytes follow it in a LOAD DATA.
    pub(crate) fn read(body: &'a [u8], more: usize) -> Option<Self> {
        let mut fields = Fields(body);
        fields.take(8)?; // session, seconds it took
        let name = usize::from(fields.u8()?);
        fields.u16()?; // error
        let status = usize::from(fields.u16()?);
        fields.take(more)?;
        let (sql_mode, explicit) = status_of(fields.take(status)?);
        let database = fields.take(name)?;
        fields.u8()?;
        let database = String::from_utf8_lossy(database).into_owned();
        Some(Self {
            database: Some(database).filter(|d| !d.is_empty()),
            sql_mode: sql_mode.unwrap_or_default(),
            explicit_timestamps: explicit,
            sql: String::from_utf8_lossy(fields.0),
        })
    }
}

/// `sql_mode` and `explicit_defaults_for_timestamp` of a statement.
fn status_of(bytes: &[u8]) -> (Option<u64>, Option<bool>) {
    let mut fields = Fields(bytes);
    let (mut mode, mut explicit) = (None, None);
    let mut one = |fields: &mut Fields<'_>| -> Option<()> {
        let length = match fields.u8()? {
            0 | 3 | 10 => 4,
            1 => {
                let mut eight = [0; 8];
                eight.copy_from_slice(fields.take(8)?);
                mode = Some(u64::from_le_bytes(eight));
                0
            }
            2 => usize::from(fields.u8()?) + 1,
            4 => 6,
            5 | 6 => usize::from(fields.u8()?),
            7 | 8 | 18 => 2,
            9 | 17 | 129 => 8,
            11 => {
                let user = usize::from(fields.u8()?);
                fields.take(user)?;
                usize::from(fields.u8()?)
            }
            12 => {
                let count = fields.u8()?;
                // 254 stands for too many to be named.
                for _ in 0..(if count == 254 { 0 } else { count }) {
                    fields.until_zero();
                }
                0
            }
            13 | 128 => 3,
            16 => {
                explicit = Some(fields.u8()? != 0);
                0
            }
            19 | 20 => 1,
            _ => return None,
        };
        fields.take(length).map(drop)
    };
    while !fields.0.is_empty() && one(&mut fields).is_some() {}
    (mode, explicit)
}

/// The id of a transaction, as its first event says it.
pub(crate) struct Begin {
    pub(crate) gtid: Option<Gtid>,
    /// Microseconds since 1970.
    pub(crate) at: Option<i64>,
    /// No commit follows: the transaction is the next event alone (MariaDB).
    pub(crate) alone: bool,
    /// It is the first phase of a distributed one (MariaDB).
    pub(crate) prepares: bool,
}

/// MySQL's GTID event, and the one that stands in its place where there are no GTIDs.
pub(crate) fn mysql_gtid(body: &[u8], anonymous: bool) -> Option<Begin> {
    let mut fields = Fields(body);
    fields.u8()?;
    let mut sid = [0; 16];
    sid.copy_from_slice(fields.take(16)?);
    let number = fields.u32().zip(fields.u32()).map(|(a, b)| u64::from(a) | u64::from(b) << 32)?;
    // Logical clocks, then the time of the commit in microseconds: since 8.0.
    let at = fields.u8().filter(|t| *t == 2).and_then(|_| fields.take(16)).and_then(|_| {
        let seven = fields.take(7)?;
        let micros = seven.iter().rev().fold(0_u64, |n, b| n << 8 | u64::from(*b));
        i64::try_from(micros & !(1 << 55)).ok()
    });
    let gtid = (!anonymous).then_some(Gtid::MySql(sid, number));
    Some(Begin { gtid, at: at.filter(|at| *at > 0), alone: false, prepares: false })
}

/// MariaDB's GTID event.
pub(crate) fn maria_gtid(body: &[u8], server: u32) -> Option<Begin> {
    let mut fields = Fields(body);
    let number = fields.u32().zip(fields.u32()).map(|(a, b)| u64::from(a) | u64::from(b) << 32)?;
    let domain = fields.u32()?;
    let flags = fields.u8()?;
    let gtid = Some(Gtid::MariaDb { domain, server, number });
    Some(Begin { gtid, at: None, alone: flags & 1 != 0, prepares: flags & 64 != 0 })
}

/// The name of a distributed transaction in its first phase's last event, as statements write it,
/// and whether that ends it.
pub(crate) fn prepared(body: &[u8]) -> Option<(bool, String)> {
    let mut fields = Fields(body);
    let one_phase = fields.u8()? != 0;
    let format = fields.u32()?;
    let (global, branch) = (fields.u32()?, fields.u32()?);
    let mut hex = |length: u32| {
        let bytes = fields.take(usize::try_from(length).ok()?)?;
        Some(bytes.iter().map(|b| format!("{b:02x}")).collect::<String>())
    };
    Some((one_phase, format!("X'{}',X'{}',{format}", hex(global)?, hex(branch)?)))
}
