//! The log as the engine reads it: transactions gathered into sets, changes of definitions in
//! their places among them, and heartbeats in between.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use bytes::{Buf, Bytes};
use syncline_connector::{LogBudget, LogReader, async_trait};
use syncline_types::{
    ChangeSet, Code, Commit, Error, ErrorKind, LogElement, Position, Result, SchemaChange,
    SchemaEffect,
};
use tokio::time::Instant;

use super::early::{Early, Record, Whole};
use super::link::Link;
use super::message::{self, Message, Relation};
use super::place::{Lsn, Surroundings};
use super::relation::{Bound, Seen, Tables};
use super::table::Table;
use super::watch::{self, Watch};

/// Reads a slot.
pub(super) struct Reader {
    link: Link,
    /// What has come and is not taken apart yet: whole messages.
    chunk: Bytes,
    /// Transactions that have not ended.
    early: Early,
    /// One that was told early and has been committed: it comes before what is in `chunk`.
    whole: Option<Whole>,
    /// The message of it that is being handled.
    record: Option<Record>,
    tables: Tables,
    /// Tables that have come by, by oid.
    open: HashMap<u32, Seen>,
    around: Surroundings,
    /// A transaction is open.
    inside: bool,
    /// It ends here, or behind this without another one between.
    ends: Lsn,
    /// Something of the open transaction has been handed on or gathered.
    stirred: bool,
    set: Gathered,
    /// Rows handed on since the run began, and those of the set not among them.
    seq: u64,
    /// Behind the last commit or heartbeat: rows up to there, and the place.
    done: (u64, Lsn),
    /// What is to be handed on before anything else is read.
    queue: VecDeque<LogElement>,
    watch: Watch,
}

/// A set as it grows.
#[derive(Default)]
struct Gathered {
    places: u32,
    bytes: usize,
    commits: Vec<Commit>,
    /// When the first of it came.
    begun: Option<Instant>,
}

impl Gathered {
    fn is_empty(&self) -> bool {
        self.places == 0 && self.commits.is_empty()
    }

    fn reaches(&self, budget: LogBudget, times: usize) -> bool {
        self.places as usize >= budget.rows.saturating_mul(times)
            || self.bytes >= budget.bytes.saturating_mul(times)
    }
}

impl Reader {
    pub(super) fn new(
        link: Link,
        early: Early,
        tables: Tables,
        around: Surroundings,
        at: &Position,
        lsn: Lsn,
    ) -> Self {
        Self {
            link,
            chunk: Bytes::new(),
            early,
            whole: None,
            record: None,
            tables,
            open: HashMap::new(),
            around,
            inside: false,
            ends: Lsn(0),
            stirred: false,
            set: Gathered::default(),
            seq: at.seq,
            done: (at.seq, lsn),
            queue: VecDeque::new(),
            watch: Watch::default(),
        }
    }

    /// The position behind the last commit or heartbeat.
    fn position(&self) -> Result<Position> {
        self.around.at(self.done.0, self.done.1)
    }

    /// Where the open transaction ends, as far as that is known.
    fn within(&self) -> Result<Option<Position>> {
        match self.inside {
            true => self.around.at(self.done.0, self.ends).map(Some),
            false => Ok(None),
        }
    }

    /// Takes the messages that are here until something is to be handed on. `idle`: when there is
    /// to be a word although nothing happens.
    async fn take(&mut self, budget: LogBudget, idle: Instant) -> Result<Option<LogElement>> {
        loop {
            if let Some(element) = self.queue.pop_front() {
                return Ok(Some(element));
            }
            if self.whole.is_some() {
                self.go_through(budget).await?;
                continue;
            }
            if self.chunk.is_empty() {
                // What others did waits for no transaction that has not ended.
                let until = self.patience(idle, budget.wait).filter(|_| self.early.is_told());
                if until.is_some_and(|until| until <= Instant::now()) {
                    return self.rest().map(Some);
                }
                match self.link.try_next().map_err(|e| self.early.failed(e))? {
                    Some(chunk) => self.chunk = chunk,
                    None => return Ok(None),
                }
            }
            let length = self.chunk.get(1..5).map_or(0, |mut l| l.get_u32()) as usize + 1;
            if length < 5 || length > self.chunk.len() {
                return Err(Error::bug("half a message of the log was handed on"));
            }
            // It is there until it has been handled: a call that is given up comes back to it.
            let data = self.chunk.slice(..length);
            if data[0] == b'd' {
                self.handle(&data[5..], budget).await?;
            }
            self.chunk.advance(length);
        }
    }

    async fn handle(&mut self, data: &[u8], budget: LogBudget) -> Result<()> {
        match message::message(data, self.early.is_told())? {
            Message::StreamStart { transaction } => self.early.start(transaction),
            Message::StreamStop => self.early.stop(),
            Message::Early { part, kind, body } => self.early.keep(part, kind, body)?,
            Message::StreamAbort { transaction, part } => self.early.abort(transaction, part),
            Message::StreamCommit { transaction, end, at } => {
                self.whole = Some(self.early.commit(transaction, end, at)?);
                self.ends = end;
                self.inside = true;
                self.stirred = false;
            }
            message => return self.happened(message, budget).await,
        }
        Ok(())
    }

    /// Takes the next message of a transaction that was told early; behind the last, its end.
    async fn go_through(&mut self, budget: LogBudget) -> Result<()> {
        let Some(whole) = &mut self.whole else { return Ok(()) };
        if self.record.is_none() {
            self.record = whole.next()?;
        }
        // It is there until it has been handled, as in `take`.
        match self.record.clone() {
            Some(record) => {
                self.happened(record.message()?, budget).await?;
                self.record = None;
                Ok(())
            }
            None => {
                let (end, at) = (whole.end, whole.at);
                self.whole = None;
                self.commit(end, at, budget)
            }
        }
    }

    async fn happened(&mut self, message: Message<'_>, budget: LogBudget) -> Result<()> {
        match message {
            Message::Other => return Ok(()),
            Message::StreamStart { .. }
            | Message::StreamStop
            | Message::Early { .. }
            | Message::StreamAbort { .. }
            | Message::StreamCommit { .. } => {
                let message = "the log has a transaction within another";
                return Err(Error::new(Code::LogUnreadable, message));
            }
            Message::Begin { commit } => {
                self.ends = Lsn(commit.0 + 1);
                self.inside = true;
                self.stirred = false;
                return Ok(());
            }
            Message::Commit { end, at } => return self.commit(end, at, budget),
            Message::Keepalive { end } => {
                if !self.inside {
                    self.done.1 = self.done.1.max(end);
                }
                return Ok(());
            }
            Message::Relation(relation) => return self.relation(relation).await,
            Message::Truncate { relations } => return self.truncate(&relations),
            Message::Insert { relation, new } => {
                let place = self.set.places;
                let Some(table) = table(&mut self.open, relation)? else { return Ok(()) };
                table.insert(place, new)?;
                self.grow(1, new.length());
            }
            Message::Update { relation, old, new } => {
                let place = self.set.places;
                let Some(table) = table(&mut self.open, relation)? else { return Ok(()) };
                let places = table.update(place, old.as_ref(), new)?;
                self.grow(places, new.length() * places as usize);
            }
            Message::Delete { relation, old } => {
                let place = self.set.places;
                let Some(table) = table(&mut self.open, relation)? else { return Ok(()) };
                table.delete(place, &old)?;
                self.grow(1, old.row.length());
            }
        }
        if self.set.reaches(budget, 2) {
            let set = self.finish(false)?;
            self.queue.push_back(LogElement::Changes(set));
        }
        Ok(())
    }

    fn grow(&mut self, places: u32, bytes: usize) {
        self.stirred = true;
        self.set.begun.get_or_insert_with(Instant::now);
        self.set.places += places;
        self.set.bytes += bytes;
    }

    fn commit(&mut self, end: Lsn, at: i64, budget: LogBudget) -> Result<()> {
        self.inside = false;
        self.done = (self.seq + u64::from(self.set.places), end);
        if !std::mem::take(&mut self.stirred) {
            return Ok(());
        }
        let begun = *self.set.begun.get_or_insert_with(Instant::now);
        let position = self.position()?;
        self.set.commits.push(Commit { end: self.set.places, at: Some(at), position });
        if self.set.reaches(budget, 1) || begun.elapsed() >= budget.wait {
            let set = self.finish(true)?;
            self.queue.push_back(LogElement::Changes(set));
        }
        Ok(())
    }

    /// Hands the set on, and begins the next.
    fn finish(&mut self, complete: bool) -> Result<ChangeSet> {
        let gathered = std::mem::take(&mut self.set);
        let (mut changes, mut rejects) = (Vec::new(), Vec::new());
        for seen in self.open.values_mut() {
            if let Seen::Followed(table) = seen {
                table.drain(&mut changes, &mut rejects)?;
            }
        }
        self.seq += u64::from(gathered.places);
        let within = self.within()?.filter(|_| !complete);
        Ok(ChangeSet {
            changes,
            rejects,
            places: gathered.places,
            commits: gathered.commits,
            complete,
            within,
        })
    }

    /// Puts a change of a definition behind what has been gathered.
    fn change(&mut self, change: SchemaChange) -> Result<()> {
        if !self.set.is_empty() {
            let complete = self.set.commits.last().is_some_and(|c| c.end == self.set.places);
            let set = self.finish(complete)?;
            self.queue.push_back(LogElement::Changes(set));
        }
        self.stirred |= self.inside;
        self.queue.push_back(LogElement::Schema(change));
        Ok(())
    }

    /// A table's columns, before its first row and after each change.
    async fn relation(&mut self, relation: Relation) -> Result<()> {
        let oid = relation.oid;
        let known = self.open.get(&oid).and_then(Seen::table);
        if known.is_some_and(|t| t.relation == relation) {
            return Ok(());
        }
        let before = known.map(|t| (&t.schema, &t.relation));
        let bound =
            self.tables.bind(relation, before, &mut self.around.without, &mut self.watch).await?;
        let Bound { seen, effects } = bound;
        self.watch.told(oid);
        for (name, effect) in effects {
            self.tables.became(oid, &effect);
            let position = self.position()?;
            let complete = !self.inside;
            let (within, table) = (self.within()?, name);
            let statement = None;
            self.change(SchemaChange { table, effect, statement, position, complete, within })?;
        }
        // What was gathered of the table as it was is handed on before it becomes another.
        if self.set.places > 0 && self.open.get(&oid).is_some_and(|s| s.table().is_some()) {
            let complete = self.set.commits.last().is_some_and(|c| c.end == self.set.places);
            let set = self.finish(complete)?;
            self.queue.push_back(LogElement::Changes(set));
        }
        self.open.insert(oid, seen);
        Ok(())
    }

    fn truncate(&mut self, relations: &[u32]) -> Result<()> {
        for oid in relations {
            let Some(table) = table(&mut self.open, *oid)? else { continue };
            let name = table.schema.name.clone();
            let change = SchemaChange {
                table: name,
                effect: SchemaEffect::Truncated,
                statement: None,
                position: self.position()?,
                complete: false,
                within: self.within()?,
            };
            self.change(change)?;
        }
        Ok(())
    }

    /// Looks at the catalog when it is time, and says what became of tables before this place.
    async fn look(&mut self) -> Result<()> {
        if self.inside || !self.set.is_empty() || !self.queue.is_empty() {
            return Ok(());
        }
        if self.watch.is_due() {
            let mut oids: Vec<u32> = self.tables.oids().collect();
            oids.extend(self.open.iter().filter(|(_, s)| s.table().is_some()).map(|(oid, _)| oid));
            oids.sort_unstable();
            oids.dedup();
            let looked = match self.tables.session().await {
                Ok(session) => self.watch.look(session, &oids).await,
                Err(error) => Err(error),
            };
            match looked {
                Err(error) if error.kind() == ErrorKind::Transient => {
                    tracing::debug!(%error, "the catalog could not be looked at");
                }
                other => other?,
            }
        }
        while let Some(found) = self.watch.next(self.done.1) {
            let open = self.open.get(&found.oid).and_then(Seen::table);
            let known = open.map(|t| &t.schema).or_else(|| self.tables.named(found.oid));
            let Some(known) = known.cloned() else { continue };
            let effects = match found.now {
                Some((now, renamed)) => {
                    watch::effects(&known, now, &renamed, &mut self.around.without)
                }
                None => vec![(known.name.clone(), SchemaEffect::Dropped)],
            };
            for (name, effect) in effects {
                self.tables.became(found.oid, &effect);
                self.go_on(found.oid, &effect);
                let (position, complete) = (self.position()?, true);
                let (table, statement, within) = (name, None, None);
                self.change(SchemaChange { table, effect, statement, position, complete, within })?;
            }
        }
        Ok(())
    }

    /// Goes on with a table as it is now, until the log says more of it.
    fn go_on(&mut self, oid: u32, effect: &SchemaEffect) {
        let Some(Seen::Followed(table)) = self.open.get_mut(&oid) else { return };
        match effect {
            SchemaEffect::Renamed(after) | SchemaEffect::Altered { after, .. } => {
                let relation = table.relation.clone();
                **table = Table::new(Arc::clone(after), relation, self.tables.old_images());
            }
            _ => {
                self.open.remove(&oid);
            }
        }
    }

    /// What there is to say when nothing comes for now.
    fn rest(&mut self) -> Result<LogElement> {
        match self.set.is_empty() {
            true => Ok(LogElement::Heartbeat(self.position()?)),
            false => Ok(LogElement::Changes(self.finish(true)?)),
        }
    }

    /// How long to wait for more, and what to do then.
    fn patience(&self, idle: Instant, wait: Duration) -> Option<Instant> {
        match (self.inside, self.set.begun) {
            (true, _) => None,
            (false, Some(begun)) => Some(begun + wait),
            (false, None) => Some(idle),
        }
    }
}

/// The followed table of that oid.
fn table(open: &mut HashMap<u32, Seen>, oid: u32) -> Result<Option<&mut Table>> {
    let Some(seen) = open.get_mut(&oid) else {
        let message = format!("the log has a row of a table (oid {oid}) that it has not told");
        return Err(Error::new(Code::LogUnreadable, message));
    };
    seen.of_row()
}

#[async_trait]
impl LogReader for Reader {
    async fn next(&mut self, budget: LogBudget) -> Result<LogElement> {
        let idle = Instant::now() + budget.wait;
        let mut asked = false;
        self.look().await?;
        loop {
            if let Some(element) = self.take(budget, idle).await? {
                return Ok(element);
            }
            let until = self.patience(idle, budget.wait);
            let more = match until {
                None => Some(self.link.next().await.map_err(|e| self.early.failed(e))?),
                Some(until) => {
                    if !asked && self.set.is_empty() {
                        asked = true;
                        self.link.ask();
                    }
                    match tokio::time::timeout_at(until, self.link.next()).await {
                        Ok(more) => Some(more.map_err(|e| self.early.failed(e))?),
                        Err(_) => None,
                    }
                }
            };
            match more {
                Some(chunk) => self.chunk = chunk,
                None => return self.rest(),
            }
        }
    }

    async fn committed(&mut self, position: &Position) -> Result<()> {
        let (_, lsn) = Surroundings::of(position)?;
        self.link.durable(lsn);
        Ok(())
    }
}
