//! What the log's events come to: transactions, the rows in them, and the place behind them.

use std::collections::VecDeque;

use syncline_types::{
    Code, Error, LogElement, Position, Result, SchemaChange, SchemaEffect, TableName,
};

use super::distributed::{Ended, Prepared};
use super::event::{Begin, Head, Query, cut, kind, maria_gtid, mysql_gtid, prepared, unreadable};
use super::gtid;
use super::inflate::{self, Payload};
use super::maps::Maps;
use super::place::{Place, number};
use super::set::Set;
use super::tables::{Meaning, Tables};

/// What an event came to.
pub(crate) enum Step {
    /// Nothing that matters to the one who waits.
    Nothing,
    /// Rows.
    Rows,
    /// A transaction ended.
    Commit,
    /// Events that lie in this one.
    Payload(Payload),
}

/// The transaction at hand.
#[derive(Default)]
struct Transaction {
    begin: Option<Begin>,
    /// It goes on until a commit; otherwise it is one statement.
    begun: bool,
    /// Its rows in this set and in sets before.
    rows: u64,
    /// It is the first phase of a distributed one.
    prepares: bool,
    /// Names of its savepoints, and how many of its rows stood before each.
    savepoints: Vec<(String, u64)>,
}

/// How the log is understood so far.
pub(crate) struct State {
    pub(crate) tables: Tables,
    /// Behind the last whole transaction.
    pub(crate) here: Place,
    file: String,
    /// Behind the last event.
    offset: u64,
    open: Option<Transaction>,
    maps: Maps,
    set: Set,
    /// Rows yielded before the set.
    seq: u64,
    prepared: Prepared,
    /// Up to here the log was read before: only what is prepared there counts again.
    known: Option<Place>,
    /// Transactions have ids, and those before the place are not known.
    pub(crate) adopts: bool,
    /// What comes lies behind the place: it does from the first transaction on, or from the first
    /// event, when the log is read from a file's offset.
    pub(crate) settled: bool,
    /// Whole sets and changes of definitions, in their order.
    pub(crate) ready: VecDeque<LogElement>,
}

impl State {
    /// Begins behind `at`, of which `seq` rows were yielded.
    pub(crate) fn new(tables: Tables, mut at: Place, seq: u64, old_images: bool) -> Self {
        let from = at.from.take().map(|from| *from);
        let (here, known) = match from {
            Some(from) => (from, Some(at)),
            None => (at, None),
        };
        let (file, offset) = here.file.clone().unwrap_or_default();
        Self {
            tables,
            here,
            file,
            offset,
            open: None,
            maps: Maps::new(old_images),
            set: Set::default(),
            seq,
            prepared: Prepared::default(),
            known,
            adopts: false,
            settled: false,
            ready: VecDeque::new(),
        }
    }

    /// Rows and bytes of the set.
    pub(crate) fn size(&self) -> (usize, usize) {
        (self.set.places as usize, self.set.bytes)
    }

    /// A transaction has begun and not ended.
    pub(crate) fn is_open(&self) -> bool {
        self.open.is_some()
    }

    /// Rows of a transaction that has not ended are among those told.
    fn is_midway(&self) -> bool {
        self.open.as_ref().is_some_and(|t| t.rows > 0)
    }

    /// Its rows cannot be told before it has ended: they may not count.
    pub(crate) fn must_wait(&self) -> bool {
        self.open.as_ref().is_some_and(|t| t.prepares)
    }

    fn position(&self) -> Result<Position> {
        Ok(Position::new(self.seq + u64::from(self.set.places), self.here.write()?))
    }

    /// What is there at a moment when nothing more comes: whole transactions, or a heartbeat.
    /// `None` within a transaction.
    pub(crate) fn rest(&mut self) -> Result<Option<LogElement>> {
        if self.is_midway() {
            return Ok(None);
        }
        if !self.set.is_empty() {
            return self.take().map(Some);
        }
        match &self.open {
            Some(_) => Ok(None),
            // What is read again was told before.
            None if self.known.is_some() => Ok(None),
            None => Ok(Some(LogElement::Heartbeat(self.position()?))),
        }
    }

    /// The set as it is.
    pub(crate) fn take(&mut self) -> Result<LogElement> {
        let within = if self.is_midway() { self.within()? } else { None };
        let set = std::mem::take(&mut self.set);
        self.seq += u64::from(set.places);
        Ok(LogElement::Changes(set.finish(within)?))
    }

    /// A place within the transaction at hand: a place between two that has reached it has all of
    /// the transaction.
    fn within(&self) -> Result<Option<Position>> {
        let Some(transaction) = &self.open else { return Ok(None) };
        let mut place = self.here.clone();
        if !self.file.is_empty() {
            place.file = Some((self.file.clone(), self.offset));
        }
        let gtid = transaction.begin.as_ref().and_then(|begin| begin.gtid);
        if let (Some(gtid), Some(gtids)) = (gtid, &mut place.gtids) {
            gtids.add(gtid);
        }
        Ok(Some(Position::new(self.seq, place.write()?)))
    }

    /// Takes an event that lies in the log itself.
    pub(crate) fn event(&mut self, head: &Head, body: &[u8]) -> Result<Step> {
        if head.next != 0 && !head.is_artificial() && !head.is_heartbeat() {
            // Files may be larger than 32 bits tell.
            let low = u64::from(head.next);
            let high = self.offset & !0xFFFF_FFFF;
            let wraps = low + (1 << 31) < self.offset & 0xFFFF_FFFF;
            self.offset = high + low + if wraps { 1 << 32 } else { 0 };
        }
        let step = self.inner(head, body)?;
        if self.open.is_none() {
            self.move_on();
        }
        Ok(step)
    }

    /// The last event ends at the place. What the server sends before the first transaction behind
    /// GTIDs may lie before it.
    fn move_on(&mut self) {
        if self.file.is_empty() {
            return;
        }
        if !self.settled {
            let order = |file: &str, offset: u64| (number(file).1, offset);
            match &self.here.file {
                Some((file, at)) if order(&self.file, self.offset) > order(file, *at) => {}
                _ => return,
            }
        }
        match &mut self.here.file {
            Some((file, offset)) => {
                file.clone_from(&self.file);
                *offset = self.offset;
            }
            none => *none = Some((self.file.clone(), self.offset)),
        }
    }

    /// Takes an event, be it in a compressed transaction.
    pub(crate) fn inner(&mut self, head: &Head, body: &[u8]) -> Result<Step> {
        let begin = |begin: Option<Begin>, begun| {
            let begin = begin.ok_or_else(cut)?;
            let prepares = begin.prepares;
            let begin = Some(begin);
            Ok::<_, Error>(Some(Transaction { begun, begin, prepares, ..Default::default() }))
        };
        match head.kind {
            kind::TABLE_MAP => {
                if !self.reads_again() {
                    self.maps.table(&self.tables, body)?;
                }
            }
            kind::WRITE_ROWS_1..=kind::DELETE_ROWS_1
            | kind::WRITE_ROWS..=kind::DELETE_ROWS
            | kind::PARTIAL_UPDATE_ROWS
            | kind::MARIA_WRITE_ROWS_COMPRESSED_1..=kind::MARIA_DELETE_ROWS_COMPRESSED => {
                return self.rows(head.kind, body);
            }
            kind::XID => return self.commit(head),
            kind::GTID => self.open = begin(mysql_gtid(body, false), false)?,
            kind::ANONYMOUS_GTID => self.open = begin(mysql_gtid(body, true), false)?,
            kind::MARIA_GTID => {
                let read = maria_gtid(body, head.server);
                let begun = read.as_ref().is_some_and(|b| !b.alone);
                self.open = begin(read, begun)?;
            }
            kind::QUERY => {
                return self.query(head, &Query::read(body, 0).ok_or_else(cut)?);
            }
            kind::MARIA_QUERY_COMPRESSED => {
                let at = Query::sql_at(body).ok_or_else(cut)?;
                let mut whole = body[..at].to_vec();
                whole.extend(inflate::event(&body[at..])?);
                return self.query(head, &Query::read(&whole, 0).ok_or_else(cut)?);
            }
            kind::LOAD_QUERY => {
                return self.query(head, &Query::read(body, 13).ok_or_else(cut)?);
            }
            kind::PREVIOUS_GTIDS => {
                // At the beginning of each file, after a start by file and offset.
                if self.open.is_none() && self.adopts {
                    self.here.gtids = gtid::decode(body);
                    self.adopts = self.here.gtids.is_none();
                }
            }
            kind::XA_PREPARE => return self.prepare(head, body),
            kind::PAYLOAD => return Ok(Step::Payload(Payload::open(body)?)),
            kind::ROTATE => {
                let (offset, name) = body.split_at_checked(8).ok_or_else(cut)?;
                self.file = String::from_utf8_lossy(name).into_owned();
                self.offset = super::cell::big(offset.iter().rev());
                // Numbers of tables are those of the server's run, which may have ended.
                self.maps.clear();
            }
            kind::FORMAT => self.maps.clear(),
            kind::HEARTBEAT | kind::HEARTBEAT_2 => {}
            kind::INCIDENT => {
                let text = format!("the server lost a part of its log before {}", self.here);
                return Err(Error::new(Code::PositionLost, text)
                    .hint("what happened there cannot be known: start over with --fresh"));
            }
            kind::GTID_TAGGED => {
                return Err(unreadable("transactions with tagged GTIDs (MySQL 8.3) are not known"));
            }
            other if kind::is_silent(other) || head.is_ignorable() => {}
            other => return Err(unreadable(format!("an event of kind {other} is not known"))),
        }
        Ok(Step::Nothing)
    }

    /// Rows that were written, changed or deleted.
    fn rows(&mut self, number: u8, body: &[u8]) -> Result<Step> {
        if self.reads_again() {
            return Ok(Step::Nothing);
        }
        let Some(told) = self.maps.rows(number, body, &mut self.set)? else {
            return Ok(Step::Nothing);
        };
        // Without BEGIN no server writes rows; they would belong to no commit.
        self.open.get_or_insert_default().rows += u64::from(told);
        Ok(Step::Rows)
    }

    /// What is read was told before, and no part of a distributed transaction.
    fn reads_again(&self) -> bool {
        self.known.is_some() && !self.must_wait()
    }

    /// The transaction ends, and is durable.
    fn commit(&mut self, head: &Head) -> Result<Step> {
        let transaction = self.open.take().unwrap_or_default();
        let mut at = Some(i64::from(head.at) * 1_000_000);
        if let Some(begin) = transaction.begin {
            at = begin.at.or(at);
            self.count(&begin);
        }
        self.settled = true;
        self.move_on();
        if transaction.rows > 0 {
            let position = self.position()?;
            self.set.commit(at, position);
        }
        if let Some(known) = &self.known
            && self.here.reached(known)?
        {
            self.known = None;
        }
        Ok(Step::Commit)
    }

    fn count(&mut self, begin: &Begin) {
        if let (Some(gtid), Some(gtids)) = (begin.gtid, &mut self.here.gtids) {
            gtids.add(gtid);
        }
    }

    /// The first phase of a distributed transaction ends: its rows wait.
    fn prepare(&mut self, head: &Head, body: &[u8]) -> Result<Step> {
        let (one_phase, name) = prepared(body).ok_or_else(cut)?;
        if !one_phase && let Some(transaction) = &mut self.open {
            let from = rows_before(&self.set, transaction.rows).ok_or_else(|| {
                unreadable(format!("XA {name} has too many rows to be held back"))
            })?;
            transaction.rows = 0;
            self.prepared.hold(name, &mut self.set, from, &mut self.here)?;
        }
        self.commit(head)
    }

    /// The second phase.
    fn end_prepared(&mut self, head: &Head, name: &str, commits: bool) -> Result<Step> {
        match self.prepared.end(name, commits, &mut self.set, &mut self.here)? {
            Ended::Nothing => {}
            Ended::Rows(rows) if self.known.is_none() => {
                self.open.get_or_insert_default().rows = u64::from(rows);
            }
            // Told before.
            Ended::Rows(rows) => {
                let from = self.set.places - rows;
                drop(self.set.split_off(from)?);
            }
            Ended::Unknown if self.known.is_some() => {}
            Ended::Unknown => {
                let text = format!(
                    "XA {name} was prepared before the place from which the log is read: what it \
                     changed is not known"
                );
                return Err(unreadable(text).hint("start over with --fresh"));
            }
        }
        self.commit(head)
    }

    /// Takes back the rows of the transaction at hand, but for the first so many.
    fn take_back(&mut self, keep: u64) -> Result<()> {
        let Some(transaction) = &mut self.open else { return Ok(()) };
        let gone = transaction.rows.saturating_sub(keep);
        let from = rows_before(&self.set, gone).ok_or_else(|| {
            unreadable("a part of a large transaction was rolled back after it had been read")
        })?;
        transaction.rows -= gone;
        drop(self.set.split_off(from)?);
        Ok(())
    }

    /// A statement: it opens or ends a transaction, or changes definitions.
    fn query(&mut self, head: &Head, query: &Query<'_>) -> Result<Step> {
        let sql = query.sql.trim();
        let word = |n: usize| {
            let word = sql.split_whitespace().nth(n).unwrap_or_default();
            word.trim_end_matches(';').to_ascii_uppercase()
        };
        let rest = |n: usize| sql.splitn(n + 1, char::is_whitespace).nth(n).unwrap_or_default();
        match (word(0).as_str(), word(1).as_str()) {
            ("BEGIN", _) | ("START", "TRANSACTION") => {
                self.open.get_or_insert_default().begun = true;
            }
            ("XA", "START" | "BEGIN") => {
                let transaction = self.open.get_or_insert_default();
                (transaction.begun, transaction.prepares) = (true, true);
            }
            ("XA", "END") | ("RELEASE", "SAVEPOINT") => {}
            ("SAVEPOINT", _) => {
                let transaction = self.open.get_or_insert_default();
                let name = rest(1).to_owned();
                transaction.savepoints.retain(|(n, _)| *n != name);
                transaction.savepoints.push((name, transaction.rows));
            }
            ("ROLLBACK", "TO") => {
                let name = rest(2);
                let of =
                    |t: &Transaction| t.savepoints.iter().find(|(n, _)| n == name).map(|s| s.1);
                let keep = self.open.as_ref().map_or(Some(0), of);
                let unknown = || unreadable(format!("{sql}: no such savepoint"));
                self.take_back(keep.ok_or_else(unknown)?)?;
            }
            ("COMMIT", _) => return self.commit(head),
            ("ROLLBACK", _) => {
                self.take_back(0)?;
                return self.commit(head);
            }
            ("XA", "COMMIT" | "ROLLBACK") => {
                return self.end_prepared(head, rest(2), word(1) == "COMMIT");
            }
            _ => return self.statement(head, query),
        }
        Ok(Step::Nothing)
    }

    fn statement(&mut self, head: &Head, query: &Query<'_>) -> Result<Step> {
        if self.known.is_some() {
            return match self.open.as_ref().is_some_and(|t| t.begun) {
                true => Ok(Step::Nothing),
                false => self.commit(head),
            };
        }
        let meaning = self.tables.understand(query)?;
        let before = self.position()?;
        let Meaning { effects, statement, opens } = meaning;
        if !effects.is_empty() {
            self.maps.clear();
            if !self.set.is_empty() {
                let set = self.take()?;
                self.ready.push_back(set);
            }
        }
        let within = self.within()?;
        let transaction = self.open.get_or_insert_default();
        // A table made with its rows in it goes on to the commit.
        transaction.begun |= opens;
        let ends = !transaction.begun;
        let step = if ends { self.commit(head)? } else { Step::Nothing };
        let after = if ends { self.position()? } else { before.clone() };
        let count = effects.len();
        for (at, (table, effect)) in effects.into_iter().enumerate() {
            let last = at + 1 == count;
            let position = if last { after.clone() } else { before.clone() };
            let complete = last && ends;
            self.ready.push_back(LogElement::Schema(SchemaChange {
                table,
                effect,
                statement: statement.clone(),
                position,
                complete,
                within: within.clone().filter(|_| !complete),
            }));
        }
        Ok(step)
    }
}

/// The place in the set at which its last `rows` rows begin; `None` when there are not so many.
fn rows_before(set: &Set, rows: u64) -> Option<u32> {
    set.places.checked_sub(u32::try_from(rows).ok()?)
}

/// Effects on tables, by the name each had before.
pub(crate) type Effects = Vec<(TableName, SchemaEffect)>;
