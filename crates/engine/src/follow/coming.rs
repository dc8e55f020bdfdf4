//! What comes out of the log, one step ahead: while a set is being applied, the next one is read
//! and made ready on a thread of its own. A change of a definition, or a heartbeat, is taken ahead
//! too, but nothing behind it, for what comes there is to be seen by other terms.

use std::pin::pin;
use std::sync::Arc;

use syncline_connector::{ChangeLog, Cpu};
use syncline_types::{
    ChangeSet, Code, Error, LogElement, Position, Result, RowChanges, SchemaChange,
};
use tokio::task::JoinHandle;

use super::read::Reading;
use super::state::KeptLog;
use super::terms::{Raw, Ready, Terms};

/// What comes next.
pub(super) enum Next {
    /// A set.
    Set(Making),
    /// The definition of a table changes.
    Schema(SchemaChange),
    /// Nothing happened up to a place.
    Heartbeat(Position),
    /// It is not wanted any more.
    Over,
}

/// A set that is being made ready.
pub(super) struct Making {
    /// Behind the last commit of it, or of what came before.
    pub(super) read: Position,
    /// What comes behind it is not wanted.
    pub(super) last: bool,
    ready: JoinHandle<Result<Ready>>,
}

impl Making {
    /// The set, once it is ready.
    pub(super) async fn ready(self) -> Result<Ready> {
        match self.ready.await {
            Ok(ready) => ready,
            Err(e) => Err(Error::bug("making a set of changes ready").because(e)),
        }
    }
}

/// The log, of which one element may have been taken ahead.
pub(super) struct Coming<'a> {
    changes: &'a dyn ChangeLog,
    kept: &'a KeptLog,
    reading: Reading,
    /// The target keeps its tables as the source's.
    state: bool,
    /// Nothing behind this is wanted.
    until: Option<Position>,
    /// The tables are just as the source's were, whatever is still to be said of others.
    exact: bool,
    ahead: Option<Result<Next>>,
}

impl<'a> Coming<'a> {
    pub(super) fn new(
        changes: &'a dyn ChangeLog,
        kept: &'a KeptLog,
        reading: Reading,
        state: bool,
    ) -> Self {
        Self { changes, kept, reading, state, until: None, exact: false, ahead: None }
    }

    /// Of what part of the run it is: nothing behind `until` is wanted; with `exact`, what a
    /// snapshot is ahead of concerns none of these tables.
    pub(super) fn of_part(mut self, until: Option<Position>, exact: bool) -> Self {
        (self.until, self.exact) = (until, exact);
        self
    }

    /// What comes behind `read`. A call that is given up has taken nothing.
    pub(super) async fn next(&mut self, terms: &Arc<Terms>, read: &Position) -> Result<Next> {
        match self.ahead.take() {
            Some(next) => next,
            None => {
                let element = self.reading.next().await?;
                self.take(terms, read, element)
            }
        }
    }

    /// Does the work of a set that ends at `read`; what comes next is made ready meanwhile, if it
    /// is there.
    pub(super) async fn meanwhile<T>(
        &mut self,
        terms: &Arc<Terms>,
        read: &Position,
        work: impl Future<Output = T>,
    ) -> T {
        let mut work = pin!(work);
        loop {
            tokio::select! {
                biased;
                done = &mut work => return done,
                element = self.reading.next(), if self.ahead.is_none() => {
                    // What is wrong with it is said when its turn comes.
                    self.ahead = Some(element.and_then(|e| self.take(terms, read, e)));
                }
            }
        }
    }

    /// Everything up to here is durable at the target.
    pub(super) fn committed(&self, position: &Position) {
        self.reading.committed(position);
    }

    fn take(&self, terms: &Arc<Terms>, read: &Position, element: LogElement) -> Result<Next> {
        let mut set = match element {
            LogElement::Changes(set) => set,
            LogElement::Schema(change) => {
                let at = change.within.as_ref().unwrap_or(&change.position);
                return Ok(if self.wants(at)? { Next::Schema(change) } else { Next::Over });
            }
            LogElement::Heartbeat(position) => return Ok(Next::Heartbeat(position)),
        };
        let last = self.cut(&mut set)?;
        let end = set.commits.last().map_or(read, |commit| &commit.position).clone();
        let skip = self.skipped(terms, read, &set)?;
        let exact = self.exact || exact(self.changes, self.kept, read)?;
        let raw = Raw { set, skip, exact, state: self.state };
        let terms = Arc::clone(terms);
        let ready = tokio::task::spawn_blocking(Cpu::carry_work(move || terms.ready(raw)));
        Ok(Next::Set(Making { read: end, last, ready }))
    }

    /// Whether what ends at a place is wanted.
    fn wants(&self, at: &Position) -> Result<bool> {
        self.until.as_ref().map_or(Ok(true), |until| self.changes.reached(until, at))
    }

    /// Cuts off what is not wanted; whether there was anything.
    fn cut(&self, set: &mut ChangeSet) -> Result<bool> {
        let mut wanted = 0;
        for commit in &set.commits {
            if !self.wants(&commit.position)? {
                break;
            }
            wanted += 1;
        }
        let goes_on = match &set.within {
            Some(within) => self.wants(within)?,
            None => true,
        };
        if wanted == set.commits.len() && goes_on {
            return Ok(false);
        }
        set.commits.truncate(wanted);
        let end = set.commits.last().map_or(0, |commit| commit.end);
        for changes in &mut set.changes {
            let rows = changes.order.partition_point(|place| *place < end);
            changes.order.truncate(rows);
            changes.rows = changes.rows.slice(0, rows);
        }
        set.changes.retain(|changes| !changes.order.is_empty());
        set.rejects.retain(|(_, reject)| reject.index < end);
        (set.places, set.complete, set.within) = (end, true, None);
        Ok(true)
    }

    /// Up to which place of a set the rows of each table are at the target already: it was read in
    /// a snapshot behind this place of the log.
    fn skipped(&self, terms: &Terms, read: &Position, set: &ChangeSet) -> Result<Vec<u32>> {
        let mut skip = vec![0; terms.tables.len()];
        let state = self.kept.get();
        for (name, read_at) in &state.read_at {
            let mut there = terms.places.iter();
            let Some((_, index)) = there.find(|(table, _)| table.to_string() == *name) else {
                continue;
            };
            if self.changes.reached(read, read_at)? {
                continue;
            }
            for commit in &set.commits {
                if self.changes.reached(read_at, &commit.position)? {
                    skip[*index] = commit.end;
                }
            }
            if set.complete {
                continue;
            }
            let told = |changes: &RowChanges| {
                changes.table.name.to_string() == *name
                    && changes.order.last().is_some_and(|last| *last >= skip[*index])
            };
            match &set.within {
                Some(within) if self.changes.reached(read_at, within)? => skip[*index] = u32::MAX,
                Some(_) => {}
                None if set.changes.iter().any(told) => {
                    let text = format!(
                        "{name}: a transaction too large to be held comes near the snapshot that \
                         it was read in, and the log does not tell which is first"
                    );
                    let error = Error::new(Code::CannotResume, text);
                    return Err(error.hint("start over with --fresh"));
                }
                None => {}
            }
        }
        Ok(skip)
    }
}

/// Whether the target is just as the source was before what comes behind `read`.
pub(super) fn exact(changes: &dyn ChangeLog, kept: &KeptLog, read: &Position) -> Result<bool> {
    match &kept.get().overlap {
        None => Ok(true),
        Some(overlap) => changes.reached(read, overlap),
    }
}
