//! What lies compressed in the log: MariaDB's events and columns, and MySQL's transactions.

use std::io::Read;

use flate2::read::{DeflateDecoder, ZlibDecoder};
use syncline_types::Result;

use super::event::{HEAD, Head, cut, unreadable};
use crate::wire::packet::Fields;

/// Memory that a length in the log is trusted with before the bytes are there.
const TRUST: usize = 1 << 20;

fn read_all(source: impl Read, length: usize) -> Option<Vec<u8>> {
    let mut out = Vec::with_capacity(length.min(TRUST));
    let limit = u64::try_from(length).ok()?.checked_add(1)?;
    source.take(limit).read_to_end(&mut out).ok()?;
    (out.len() == length).then_some(out)
}

/// A length with its highest byte first.
fn length_of(bytes: &[u8]) -> Option<usize> {
    usize::try_from(super::cell::big(bytes.iter())).ok()
}

/// The compressed part of an event of MariaDB.
pub(crate) fn event(bytes: &[u8]) -> Result<Vec<u8>> {
    let mut fields = Fields(bytes);
    let inflated = fields.u8().and_then(|head| {
        // One algorithm is there: zlib.
        let length = length_of(fields.take(usize::from(head & 7))?)?;
        (head & 0xF0 == 0x80).then(|| read_all(ZlibDecoder::new(fields.0), length))?
    });
    inflated.ok_or_else(|| unreadable("a compressed event cannot be inflated"))
}

/// A value of a compressed column of MariaDB.
pub(crate) fn column(bytes: &[u8]) -> Option<Vec<u8>> {
    let Some((head, rest)) = bytes.split_first() else { return Some(Vec::new()) };
    if *head == 0 {
        return Some(rest.to_vec());
    }
    let mut fields = Fields(rest);
    let length = length_of(fields.take(usize::from(head & 7))?)?;
    match head & 0xF8 {
        0x80 => read_all(ZlibDecoder::new(fields.0), length),
        0x88 => read_all(DeflateDecoder::new(fields.0), length),
        _ => None,
    }
}

/// A transaction of MySQL that lies compressed in one event: its events, one after the other.
pub(crate) struct Payload {
    events: Box<dyn Read + Send + Sync>,
    event: Vec<u8>,
}

impl Payload {
    /// Opens the body of an event.
    pub(crate) fn open(body: &[u8]) -> Result<Self> {
        let mut fields = Fields(body);
        // MySQL writes zstd; 255 stands for none.
        let mut algorithm = 255;
        loop {
            let kind = fields.int().ok_or_else(cut)?;
            if kind == 0 {
                break;
            }
            let value = fields.string().ok_or_else(cut)?;
            if kind == 2 {
                algorithm = Fields(value).int().ok_or_else(cut)?;
            }
        }
        let bytes = std::io::Cursor::new(fields.0.to_vec());
        let events: Box<dyn Read + Send + Sync> = match algorithm {
            0 => Box::new(std::io::BufReader::new(
                zstd::stream::read::Decoder::new(bytes)
                    .map_err(|e| unreadable(format!("a compressed transaction: {e}")))?,
            )),
            255 => Box::new(bytes),
            other => return Err(unreadable(format!("compression {other} of a transaction"))),
        };
        Ok(Self { events, event: Vec::new() })
    }

    /// The next event; `None` at the end. It has no checksum of its own.
    pub(crate) fn next(&mut self) -> Result<Option<(Head, &[u8])>> {
        let broken = |e: std::io::Error| unreadable(format!("a compressed transaction: {e}"));
        let mut head = [0; HEAD];
        let first = self.events.read(&mut head).map_err(broken)?;
        if first == 0 {
            return Ok(None);
        }
        self.events.read_exact(&mut head[first..]).map_err(broken)?;
        let head = Head::read(&head).ok_or_else(cut)?;
        let length = (head.length as usize).checked_sub(HEAD).ok_or_else(cut)?;
        self.event.clear();
        let limit = u64::try_from(length).unwrap_or(u64::MAX);
        (&mut self.events).take(limit).read_to_end(&mut self.event).map_err(broken)?;
        if self.event.len() != length {
            return Err(cut());
        }
        Ok(Some((head, &self.event)))
    }
}
