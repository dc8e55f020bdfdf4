//! The messages of `pgoutput`, protocol versions 1 to 4: the manual's chapter "Logical Replication
//! Message Formats". Of the later versions, transactions that are told before they have ended are
//! asked for; prepared ones are told when they are committed, as in version 1.

use syncline_types::{Code, Error, Result};

use super::place::Lsn;

/// Microseconds from 1970 to 2000, where the server's clocks begin.
const EPOCH: i64 = crate::values::EPOCH_MICROS;

/// What the server sends within the stream.
pub(super) enum Message<'a> {
    Begin {
        /// Where its commit begins.
        commit: Lsn,
    },
    Commit {
        end: Lsn,
        at: i64,
    },
    Relation(Relation),
    Insert {
        relation: u32,
        new: Tuple<'a>,
    },
    Update {
        relation: u32,
        old: Option<Old<'a>>,
        new: Tuple<'a>,
    },
    Delete {
        relation: u32,
        old: Old<'a>,
    },
    Truncate {
        relations: Vec<u32>,
    },
    /// What comes up to [`Message::StreamStop`] is of this transaction, which has not ended.
    StreamStart {
        transaction: u32,
    },
    StreamStop,
    /// It has ended: what was told of it counts.
    StreamCommit {
        transaction: u32,
        end: Lsn,
        at: i64,
    },
    /// What was told of `part` does not count: of the transaction as a whole, or of one within it.
    StreamAbort {
        transaction: u32,
        part: u32,
    },
    /// A message of a transaction that has not ended, to be read by [`told`] once it has.
    Early {
        /// The transaction, or the one within it.
        part: u32,
        kind: u8,
        body: &'a [u8],
    },
    /// Nothing that matters here: an origin, a type, a message of an application.
    Other,
    /// Not in the log: how far the server has read it.
    Keepalive {
        end: Lsn,
    },
}

/// A table as the log tells it before its first row, and after every change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Relation {
    pub(super) oid: u32,
    pub(super) schema: String,
    pub(super) name: String,
    /// `d`, `n`, `f` or `i`, as in `pg_class`.
    pub(super) identity: u8,
    pub(super) columns: Vec<Attribute>,
}

/// One of its columns.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Attribute {
    pub(super) name: String,
    /// Of what tells old rows.
    pub(super) key: bool,
    pub(super) ty: u32,
    pub(super) modifier: i32,
}

/// An old row: all of it, or what tells it from the others.
pub(super) struct Old<'a> {
    pub(super) whole: bool,
    pub(super) row: Tuple<'a>,
}

/// The values of a row, not looked at yet.
#[derive(Clone, Copy)]
pub(super) struct Tuple<'a> {
    data: &'a [u8],
    /// One of them at least is [`Value::Unchanged`].
    pub(super) unchanged: bool,
}

/// One value of a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Value<'a> {
    Null,
    /// Large, stored beside the row, and as it was: the log does not tell it.
    Unchanged,
    Text(&'a [u8]),
}

fn unreadable() -> Error {
    Error::new(Code::LogUnreadable, "a message of the log is not as the protocol has it")
}

/// Takes from the front of a message.
struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn bytes(&mut self, count: usize) -> Result<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(count).ok_or_else(unreadable)?;
        self.0 = rest;
        Ok(taken)
    }

    fn fixed<const N: usize>(&mut self) -> Result<[u8; N]> {
        let (taken, rest) = self.0.split_first_chunk::<N>().ok_or_else(unreadable)?;
        self.0 = rest;
        Ok(*taken)
    }

    fn u8(&mut self) -> Result<u8> {
        Ok(self.fixed::<1>()?[0])
    }

    fn count(&mut self) -> Result<usize> {
        usize::try_from(i16::from_be_bytes(self.fixed()?)).map_err(|_| unreadable())
    }

    fn u32(&mut self) -> Result<u32> {
        Ok(u32::from_be_bytes(self.fixed()?))
    }

    fn i64(&mut self) -> Result<i64> {
        Ok(i64::from_be_bytes(self.fixed()?))
    }

    fn lsn(&mut self) -> Result<Lsn> {
        Ok(Lsn(u64::from_be_bytes(self.fixed()?)))
    }

    fn text(&mut self) -> Result<String> {
        let end = self.0.iter().position(|b| *b == 0).ok_or_else(unreadable)?;
        let text = String::from_utf8_lossy(&self.0[..end]).into_owned();
        self.0 = &self.0[end + 1..];
        Ok(text)
    }

    /// The row that comes next, to its end.
    fn tuple(&mut self) -> Result<Tuple<'a>> {
        let whole = self.0;
        let mut unchanged = false;
        for _ in 0..self.count()? {
            match self.u8()? {
                b'n' => {}
                b'u' => unchanged = true,
                b't' => {
                    let length = self.u32()? as usize;
                    self.bytes(length)?;
                }
                _ => return Err(unreadable()),
            }
        }
        Ok(Tuple { data: &whole[..whole.len() - self.0.len()], unchanged })
    }
}

impl<'a> Tuple<'a> {
    /// Bytes it takes.
    pub(super) fn length(self) -> usize {
        self.data.len()
    }

    /// Its values, in the order of the relation's columns.
    pub(super) fn values(self) -> Values<'a> {
        // The count was read before.
        Values(self.data.get(2..).unwrap_or_default())
    }
}

/// See [`Tuple::values`].
pub(super) struct Values<'a>(&'a [u8]);

impl<'a> Iterator for Values<'a> {
    type Item = Value<'a>;

    #[inline]
    fn next(&mut self) -> Option<Value<'a>> {
        let (kind, rest) = self.0.split_first()?;
        self.0 = rest;
        Some(match kind {
            b'n' => Value::Null,
            b'u' => Value::Unchanged,
            _ => {
                let (length, rest) = rest.split_first_chunk::<4>()?;
                let (text, rest) = rest.split_at_checked(u32::from_be_bytes(*length) as usize)?;
                self.0 = rest;
                Value::Text(text)
            }
        })
    }
}

/// Reads what stands in one message of COPY data; `early`, between the start and the stop of a
/// transaction that has not ended.
pub(super) fn message(data: &[u8], early: bool) -> Result<Message<'_>> {
    let mut reader = Reader(data);
    match reader.u8()? {
        // Log data: where it stands, where the server is, its clock, and the plugin's message.
        b'w' => {
            reader.bytes(24)?;
            match reader.0.first() {
                Some(kind @ (b'R' | b'Y' | b'I' | b'U' | b'D' | b'T' | b'M')) if early => {
                    reader.u8()?;
                    Ok(Message::Early { part: reader.u32()?, kind: *kind, body: reader.0 })
                }
                _ => logged(reader),
            }
        }
        b'k' => Ok(Message::Keepalive { end: reader.lsn()? }),
        _ => Ok(Message::Other),
    }
}

/// Reads a message that was told early.
pub(super) fn told(kind: u8, body: &[u8]) -> Result<Message<'_>> {
    of_kind(kind, Reader(body))
}

fn logged(mut reader: Reader<'_>) -> Result<Message<'_>> {
    let kind = reader.u8()?;
    of_kind(kind, reader)
}

fn of_kind(kind: u8, mut reader: Reader<'_>) -> Result<Message<'_>> {
    Ok(match kind {
        b'B' => Message::Begin { commit: reader.lsn()? },
        b'C' => {
            reader.bytes(9)?;
            let end = reader.lsn()?;
            Message::Commit { end, at: reader.i64()?.saturating_add(EPOCH) }
        }
        b'R' => Message::Relation(relation(reader)?),
        b'I' => {
            let relation = reader.u32()?;
            expect(&mut reader, b'N')?;
            Message::Insert { relation, new: reader.tuple()? }
        }
        b'U' => {
            let relation = reader.u32()?;
            let old = match reader.u8()? {
                b'N' => None,
                kind => {
                    let old = old(kind, &mut reader)?;
                    expect(&mut reader, b'N')?;
                    Some(old)
                }
            };
            Message::Update { relation, old, new: reader.tuple()? }
        }
        b'D' => {
            let relation = reader.u32()?;
            let kind = reader.u8()?;
            Message::Delete { relation, old: old(kind, &mut reader)? }
        }
        b'T' => {
            let count = reader.u32()?;
            reader.u8()?;
            let relations = (0..count).map(|_| reader.u32()).collect::<Result<_>>()?;
            Message::Truncate { relations }
        }
        b'S' => Message::StreamStart { transaction: reader.u32()? },
        b'E' => Message::StreamStop,
        b'c' => {
            let transaction = reader.u32()?;
            reader.bytes(9)?;
            let end = reader.lsn()?;
            let at = reader.i64()?.saturating_add(EPOCH);
            Message::StreamCommit { transaction, end, at }
        }
        b'A' => Message::StreamAbort { transaction: reader.u32()?, part: reader.u32()? },
        b'O' | b'Y' | b'M' => Message::Other,
        other => {
            let message = format!("the log has a message of an unknown kind ({other:#04x})");
            return Err(Error::new(Code::LogUnreadable, message));
        }
    })
}

fn expect(reader: &mut Reader<'_>, kind: u8) -> Result<()> {
    if reader.u8()? == kind { Ok(()) } else { Err(unreadable()) }
}

fn old<'a>(kind: u8, reader: &mut Reader<'a>) -> Result<Old<'a>> {
    match kind {
        b'O' | b'K' => Ok(Old { whole: kind == b'O', row: reader.tuple()? }),
        _ => Err(unreadable()),
    }
}

fn relation(mut reader: Reader<'_>) -> Result<Relation> {
    let oid = reader.u32()?;
    let schema = reader.text()?;
    let schema = if schema.is_empty() { "pg_catalog".to_owned() } else { schema };
    let name = reader.text()?;
    let identity = reader.u8()?;
    let columns = (0..reader.count()?)
        .map(|_| {
            Ok(Attribute {
                key: reader.u8()? & 1 == 1,
                name: reader.text()?,
                ty: reader.u32()?,
                modifier: i32::from_be_bytes(reader.fixed()?),
            })
        })
        .collect::<Result<_>>()?;
    Ok(Relation { oid, schema, name, identity, columns })
}
