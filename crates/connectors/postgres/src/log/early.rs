//! Transactions that the server tells before they have ended: it does so when one has become larger
//! than it wants to hold (`logical_decoding_work_mem`), while the others go on. What is told of them
//! is kept in a file, and read from there once the commit has come; nothing of one that is rolled
//! back is ever seen.

use std::collections::{HashMap, HashSet};
use std::fs::File;
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use bytes::{Buf, Bytes, BytesMut};
use syncline_types::{Code, Error, Result};

use super::message::{self, Message};
use super::place::Lsn;

/// What is kept of a transaction in memory, and taken from its file at once.
const PIECE: usize = 256 << 10;
/// Bytes of a record before the message's body: the length of all of it, the part of the
/// transaction, and the kind of the message.
const HEADER: usize = 9;

/// The transactions that have been told of and have not ended.
pub(super) struct Early {
    folder: Option<PathBuf>,
    /// Where it is noted that the server fails at it; `None` when it is not asked for it.
    fails: Option<Arc<AtomicBool>>,
    /// The one that is being told of.
    current: Option<u32>,
    all: HashMap<u32, Kept>,
}

/// What was told of one transaction.
#[derive(Default)]
struct Kept {
    /// The newest records.
    recent: Vec<u8>,
    /// Those before, where there are too many for memory. It has no name: it goes with the process.
    file: Option<File>,
    /// Parts of the transaction that were rolled back.
    undone: HashSet<u32>,
}

impl Early {
    /// Files are made in `folder`; in the system's folder for such files without one.
    pub(super) fn new(folder: Option<PathBuf>, fails: Option<Arc<AtomicBool>>) -> Self {
        Self { folder, fails, current: None, all: HashMap::new() }
    }

    /// What is wrong with the stream. The server cannot tell every transaction before its end: of
    /// one that has emptied a table it may say that it "could not map filenode". The next reader
    /// asks for whole transactions then.
    pub(super) fn failed(&self, error: Error) -> Error {
        match &self.fails {
            Some(fails) if error.code() == Code::StoreFailed => {
                fails.store(true, Ordering::Relaxed);
                let message = "the server failed at telling a transaction before its end, and is \
                               asked to keep such transactions";
                Error::new(Code::ConnectionLost, message).because(error)
            }
            _ => error,
        }
    }

    /// A transaction is being told of that has not ended.
    pub(super) fn is_told(&self) -> bool {
        self.current.is_some()
    }

    pub(super) fn start(&mut self, transaction: u32) {
        self.current = Some(transaction);
        self.all.entry(transaction).or_default();
    }

    pub(super) fn stop(&mut self) {
        self.current = None;
    }

    /// Keeps a message of the transaction that is being told of.
    pub(super) fn keep(&mut self, part: u32, kind: u8, body: &[u8]) -> Result<()> {
        let kept = self.current.and_then(|current| self.all.get_mut(&current));
        let kept = kept.ok_or_else(|| unexpected("a row of a transaction it has not told of"))?;
        let length = u32::try_from(HEADER + body.len())
            .map_err(|_| unexpected("a message of more than 4 GB"))?;
        kept.recent.extend_from_slice(&length.to_be_bytes());
        kept.recent.extend_from_slice(&part.to_be_bytes());
        kept.recent.push(kind);
        kept.recent.extend_from_slice(body);
        if kept.recent.len() < PIECE {
            return Ok(());
        }
        let file = match &mut kept.file {
            Some(file) => file,
            none => {
                let file = match &self.folder {
                    Some(folder) => tempfile::tempfile_in(folder),
                    None => tempfile::tempfile(),
                };
                none.insert(file.map_err(failed)?)
            }
        };
        file.write_all(&kept.recent).map_err(failed)?;
        kept.recent.clear();
        Ok(())
    }

    /// A transaction, or a part of one, was rolled back.
    pub(super) fn abort(&mut self, transaction: u32, part: u32) {
        if transaction == part {
            self.all.remove(&transaction);
        } else if let Some(kept) = self.all.get_mut(&transaction) {
            kept.undone.insert(part);
        }
    }

    /// A transaction was committed: what was told of it, from its beginning on.
    pub(super) fn commit(&mut self, transaction: u32, end: Lsn, at: i64) -> Result<Whole> {
        let kept = self.all.remove(&transaction);
        let kept = kept.ok_or_else(|| unexpected("the end of a transaction it has not told of"))?;
        let mut file = kept.file;
        if let Some(file) = &mut file {
            file.seek(SeekFrom::Start(0)).map_err(failed)?;
        }
        let recent = Bytes::from(kept.recent);
        Ok(Whole { file, recent, read: BytesMut::new(), undone: kept.undone, end, at })
    }
}

/// A transaction that was told early, and has been committed.
pub(super) struct Whole {
    /// What comes first.
    file: Option<File>,
    /// What comes behind it.
    recent: Bytes,
    /// What has been taken from either.
    read: BytesMut,
    undone: HashSet<u32>,
    pub(super) end: Lsn,
    pub(super) at: i64,
}

/// One message of it.
#[derive(Clone)]
pub(super) struct Record(Bytes);

impl Record {
    pub(super) fn message(&self) -> Result<Message<'_>> {
        let kind = self.0.get(HEADER - 1).copied().unwrap_or_default();
        message::told(kind, self.0.get(HEADER..).unwrap_or_default())
    }
}

impl Whole {
    /// The next message of what counts; `None` behind the last.
    pub(super) fn next(&mut self) -> Result<Option<Record>> {
        loop {
            let Some(length) = self.length()? else { return Ok(None) };
            let record = self.read.split_to(length).freeze();
            let part = record.get(4..8).map_or(0, |mut part| part.get_u32());
            if !self.undone.contains(&part) {
                return Ok(Some(Record(record)));
            }
        }
    }

    /// The length of the next record, all of which has been read then.
    fn length(&mut self) -> Result<Option<usize>> {
        loop {
            let length = self.read.get(..4).map(|mut length| length.get_u32() as usize);
            if let Some(length) = length.filter(|length| *length <= self.read.len()) {
                return Ok(Some(length));
            }
            if !self.more(length.unwrap_or(0))? {
                return match self.read.is_empty() {
                    true => Ok(None),
                    false => Err(Error::bug("half a message of the log was kept")),
                };
            }
        }
    }

    /// Reads on; `false` at the end.
    fn more(&mut self, wanted: usize) -> Result<bool> {
        let Some(file) = &mut self.file else {
            let recent = std::mem::take(&mut self.recent);
            self.read.extend_from_slice(&recent);
            return Ok(!recent.is_empty());
        };
        let had = self.read.len();
        self.read.resize(had + wanted.max(PIECE), 0);
        let count = file.read(&mut self.read[had..]).map_err(failed)?;
        self.read.truncate(had + count);
        if count == 0 {
            self.file = None;
        }
        Ok(true)
    }
}

fn unexpected(what: &str) -> Error {
    Error::new(Code::LogUnreadable, format!("the server has told {what}"))
}

/// An error of a file in which a transaction is kept.
fn failed(error: std::io::Error) -> Error {
    let code = match error.kind() {
        std::io::ErrorKind::StorageFull | std::io::ErrorKind::QuotaExceeded => Code::DiskFull,
        _ => Code::StateUnusable,
    };
    Error::new(code, "a large transaction that has not ended cannot be put aside")
        .because(error)
        .hint(
            "make room in the state folder, or give another with --state DIR; or add \
             streaming=off to the source's URL, so that the server keeps such transactions",
        )
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The numbers of truncated tables stand for rows.
    fn oids(mut whole: Whole) -> Vec<u32> {
        let mut found = Vec::new();
        while let Some(record) = whole.next().unwrap() {
            let Message::Truncate { relations } = record.message().unwrap() else { panic!() };
            found.extend(relations);
        }
        found
    }

    fn truncate(oid: u32, more: usize) -> Vec<u8> {
        let mut body = vec![0, 0, 0, 1, 0];
        body.extend_from_slice(&oid.to_be_bytes());
        body.resize(body.len() + more, 0);
        body
    }

    #[test]
    fn what_is_committed_comes_in_its_order_without_what_was_undone() {
        let folder = tempfile::tempdir().unwrap();
        for more in [0, 700, 3 * PIECE] {
            let mut early = Early::new(Some(folder.path().to_owned()), None);
            for round in 0..300_u32 {
                for transaction in [7, 9, 11] {
                    early.start(transaction);
                    let part = if round % 3 == 1 { 100 + transaction } else { transaction };
                    let body = truncate(transaction * 1000 + round, more.min(900_000));
                    early.keep(part, b'T', &body).unwrap();
                    early.stop();
                    assert!(!early.is_told());
                }
                if more > PIECE && round > 20 {
                    break;
                }
            }
            early.abort(7, 107);
            early.abort(9, 9);
            // One that is not known was rolled back before it was told of.
            early.abort(50, 51);
            assert!(early.commit(9, Lsn(1), 2).is_err());
            let whole = early.commit(7, Lsn(1), 2).unwrap();
            assert_eq!((whole.end, whole.at), (Lsn(1), 2));
            let seven = oids(whole);
            assert!(seven.iter().all(|oid| oid % 1000 % 3 != 1), "{seven:?}");
            assert!(seven.is_sorted() && seven.len() > 10, "{}", seven.len());
            let eleven = oids(early.commit(11, Lsn(1), 2).unwrap());
            assert!(eleven.len() > seven.len() && eleven.is_sorted());
            assert!(early.all.is_empty());
        }
    }

    #[test]
    fn a_folder_that_takes_nothing_is_said() {
        let folder = tempfile::tempdir().unwrap();
        let mut early = Early::new(Some(folder.path().join("none")), None);
        early.start(1);
        early.keep(1, b'T', &truncate(1, 10)).unwrap();
        let error = early.keep(1, b'T', &truncate(1, PIECE)).unwrap_err();
        assert_eq!(error.code(), Code::StateUnusable);
        assert!(error.hint_text().unwrap().contains("--state"), "{error:?}");
    }
}
