//! The way of the data. One split goes through this file from top to bottom:
//!
//! `open → next → source processors → [queue] → sink processors → convert → write → flush →
//! commit → committed`
//!
//! A reader and a writer work on a split at the same time, with a bounded queue between them.
//! *Accepted* is not *durable*: the checkpoint moves, and the source is told, only after a flush.

mod writing;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering::Relaxed, Ordering::SeqCst};
use std::time::Duration;

use syncline_connector::{Cpu, Guarantee, Held, Sink, Source, SplitReader, WriteTask};
use syncline_convert::{Change, ValuePolicies, ValuePolicy};
use syncline_store::{ChangedValues, Checkpoint, NewDeadLetter, Store};
use syncline_types::{Code, Element, Error, Flaw, Position, Reject, Result, Split};
use tokio::sync::{broadcast, watch};
use tokio_util::sync::CancellationToken;

use self::writing::Writing;
use crate::dead_letters::{ErrorLimit, Origin, Stage, letter};
use crate::events::Event;
use crate::follow::KeptLog;
use crate::limits::Limits;
use crate::metrics::{Metrics, TableProgress};
use crate::plan::BoundTable;
use crate::queue::{Item, Sender, bounded};

/// Bytes between all readers and writers of a run.
const QUEUE_BYTES: u32 = 16 << 20;
/// A batch held by a writer and its flush share a worker's part with the queue.
const LEAST_QUEUE_BYTES: u32 = 4 << 20;

/// One stretch of a run, from the opening of the source to its end: what all workers share.
pub(crate) struct Stretch {
    pub(crate) run: String,
    pub(crate) epoch: u64,
    pub(crate) store: Arc<Store>,
    pub(crate) source: Arc<dyn Source>,
    pub(crate) sink: Arc<dyn Sink>,
    pub(crate) tables: Vec<MovingTable>,
    pub(crate) limits: Arc<Limits>,
    pub(crate) errors: ErrorLimit,
    /// What is done with bad values, by their kind.
    pub(crate) values: ValuePolicies,
    pub(crate) checkpoint_every: Duration,
    pub(crate) workers: usize,
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) events: broadcast::Sender<Event>,
    /// Cancelled when workers are to make their rows durable and leave.
    pub(crate) leave: CancellationToken,
    /// Bad rows of the whole run so far.
    pub(crate) bad: AtomicU64,
    /// The place of the snapshot in the log, when it is to be followed.
    pub(crate) log: Option<Arc<KeptLog>>,
    /// Those among them that no policy sends to the dead letters, in this stretch.
    pub(crate) unexpected: AtomicU64,
}

/// A table on its way.
pub(crate) struct MovingTable {
    /// Its number in the plan.
    pub(crate) index: u32,
    pub(crate) bound: BoundTable,
    pub(crate) task: WriteTask,
    pub(crate) progress: Arc<TableProgress>,
    /// Splits that are not complete yet; the worker that completes the last commits the table.
    pub(crate) left: AtomicUsize,
}

impl MovingTable {
    /// The table as a whole is at the target: nothing of it is left to do.
    pub(crate) fn is_committed(&self) -> bool {
        self.progress.committed.load(Relaxed)
    }

    /// All tables that it refers to are committed.
    pub(crate) fn is_free(&self, stretch: &Stretch) -> bool {
        let waits = |number: &u32| {
            let table = stretch.tables.iter().find(|table| table.index == *number);
            table.is_some_and(|table| !table.is_committed())
        };
        !self.bound.plan.after.iter().any(waits)
    }
}

/// Where rows went bad.
#[derive(Clone, Copy)]
pub(crate) struct Aside {
    /// The split they were read from.
    pub(crate) split: u32,
    pub(crate) stage: Stage,
    /// The position they are kept under: a run that goes on before it finds them again.
    pub(crate) seq: u64,
}

/// How an attempt at a split ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Moved {
    /// All of it is durable.
    Complete,
    /// The worker was asked to leave; everything accepted is durable.
    Left,
}

impl Stretch {
    /// Moves one split from where the target (or the checkpoint) says it is.
    ///
    /// After a transient error, another call goes on from the last durable row.
    pub(crate) async fn move_split(
        self: &Arc<Self>,
        table: &MovingTable,
        split: &Split,
    ) -> Result<Moved> {
        let checkpoint = self.store.checkpoint_of(&self.run, table.index, split.id)?;
        // open the sink, which knows what it holds
        let opened = self.sink.open(&table.task, split).await?;
        let held = match self.sink.guarantee(&table.task) {
            Guarantee::Transactional => opened.held,
            Guarantee::Upsert | Guarantee::Append => {
                checkpoint.as_ref().map(|c| Held { position: c.position.clone(), done: c.done })
            }
        };
        let from = held.as_ref().map(|h| h.position.seq);
        self.forget(table, split.id, from)?;
        let written = written_before(checkpoint.as_ref(), held.as_ref());
        table.progress.split(split.id).opened(from.unwrap_or(0), written);
        let mut writing = Writing::new(self, table, split, opened.writer, from.unwrap_or(0));
        if let Some(held) = held.as_ref().filter(|h| h.done) {
            writing.note_durable(&held.position, true)?;
            return Ok(Moved::Complete);
        }

        // Rows without a key cannot be told from those that the log brings: it is to be known
        // which of them the snapshot has.
        if let Some(log) = self.log.as_ref().filter(|_| table.bound.key.is_empty()) {
            log.reads(&table.bound.plan.source.name)?;
        }

        // open the source there
        let at = held.as_ref().map(|h| &h.position);
        if at.is_some() && !split.resumable {
            return Err(Error::bug("a position was kept inside of a split that has none"));
        }
        let task = &table.bound.read;
        let packing = table.bound.is_straight().then(|| self.source.packing(task)).flatten();
        writing.packed = packing.is_some_and(|packing| writing.writer.takes(&packing));
        let reader = match writing.packed {
            true => self.source.open_packed(task, split, at).await?,
            false => self.source.open(task, split, at).await?,
        };

        // next, on a task of its own
        let capacity = QUEUE_BYTES / u32::try_from(self.workers).unwrap_or(u32::MAX).max(1);
        let (sender, receiver) =
            bounded(capacity.max(LEAST_QUEUE_BYTES), Arc::clone(&self.metrics));
        let (committed, durable) = watch::channel(None);
        let reading = read(Arc::clone(self), table.index, reader, sender, durable);
        let reading = tokio::spawn(Cpu::carry(reading));
        let _stop_reading = AbortOnDrop(reading.abort_handle());

        // write, flush, committed
        writing.run(receiver, &committed).await
    }

    /// What the sink is to do, table by table.
    pub(crate) fn tasks(&self) -> Vec<WriteTask> {
        self.tables.iter().map(|t| t.task.clone()).collect()
    }

    /// The tables that are copied: all, or those that come to a run which follows already.
    pub(crate) fn arriving(&self) -> impl Iterator<Item = &MovingTable> {
        let copies = |table: &&MovingTable| {
            self.log.as_ref().is_none_or(|log| log.copies(&table.bound.plan.source.name))
        };
        self.tables.iter().filter(copies)
    }

    /// Forgets bad rows and changed values behind what is durable of a split: they come again.
    pub(crate) fn forget(&self, table: &MovingTable, split: u32, from: Option<u64>) -> Result<()> {
        self.store.forget_changes(&self.run, table.index, split, from)?;
        let forgotten = self.store.forget_dead_letters(&self.run, table.index, split, from)?;
        self.bad.fetch_sub(forgotten, SeqCst);
        table.progress.dead_letters.fetch_sub(forgotten, Relaxed);
        Ok(())
    }

    /// Makes a table whole once its last split is durable.
    pub(crate) async fn commit(&self, table: &MovingTable) -> Result<()> {
        self.sink.commit(&table.task).await
    }

    fn reject(&self, table: &MovingTable, count: u64) {
        self.bad.fetch_add(count, SeqCst);
        table.progress.dead_letters.fetch_add(count, Relaxed);
    }

    /// Keeps bad rows for the dead letters, and fails when they are too many: then what is in
    /// `letters` has been recorded, for the one who looks why.
    pub(crate) fn set_aside(
        &self,
        table: &MovingTable,
        rejects: Vec<Reject>,
        at: Aside,
        letters: &mut Vec<NewDeadLetter>,
    ) -> Result<()> {
        if rejects.is_empty() {
            return Ok(());
        }
        let policy = |reject: &Reject| self.policy(reject);
        let expected = |reject: &&Reject| policy(reject) == Some(ValuePolicy::DeadLetter);
        let unexpected = rejects.iter().filter(|r| !expected(r)).count() as u64;
        let fatal = rejects.iter().find(|r| policy(r) == Some(ValuePolicy::Fail));
        let fatal = fatal.map(|r| Arc::clone(&r.error));
        self.unexpected.fetch_add(unexpected, SeqCst);
        self.reject(table, rejects.len() as u64);
        let origin = Origin {
            table: table.index,
            split: at.split,
            seq: at.seq,
            source: table.bound.plan.source.name.to_string(),
            target: table.bound.plan.target.name.to_string(),
            key: &table.bound.key,
        };
        for reject in &rejects {
            letters.push(letter(reject, at.stage, &origin, &self.values)?);
        }
        if let Some(fatal) = fatal {
            self.keep_letters(letters)?;
            let policy = fatal.flaw().map(|f| format!("errors.values: {f}=fail"));
            return Err(named(&fatal, &table.task).hint(policy.unwrap_or_default()));
        }
        if self.too_many_errors(false) {
            // Without a limit, the first that nobody expected ended it; else the one too many.
            let unforeseen = |r: &&Reject| policy(r) != Some(ValuePolicy::DeadLetter);
            let shown = match self.errors.is_given() {
                true => rejects.last(),
                false => rejects.iter().find(unforeseen),
            };
            let last = shown.map(|r| Arc::clone(&r.error));
            // Shown to the one who looks why it failed; found again by the run that continues.
            self.keep_letters(letters)?;
            if let Some(last) = last {
                return Err(self.too_many(&named(&last, &table.task)));
            }
        }
        Ok(())
    }

    /// Records bad rows.
    pub(crate) fn keep_letters(&self, letters: &mut Vec<NewDeadLetter>) -> Result<()> {
        if letters.is_empty() {
            return Ok(());
        }
        let letters = std::mem::take(letters);
        self.store.keep_dead_letters(&self.run, &letters)
    }

    /// What the job wants done with a row's bad value.
    fn policy(&self, reject: &Reject) -> Option<ValuePolicy> {
        reject.error.flaw().and_then(|flaw| self.values.of(flaw))
    }

    /// Whether too many rows are bad. `over` tells that nothing more will be read.
    pub(crate) fn too_many_errors(&self, over: bool) -> bool {
        let read: u64 = self.tables.iter().map(|t| t.progress.rows_read()).sum();
        // Rows that a policy sends to the dead letters have no limit unless one is given.
        let bad = if self.errors.is_given() { &self.bad } else { &self.unexpected };
        self.errors.exceeded(bad.load(SeqCst), read, over)
    }

    /// The error of a run with too many bad rows, from the row that was one too many.
    pub(crate) fn too_many(&self, last: &Error) -> Error {
        if self.errors.is_strict() {
            let hint = last.hint_text().map(|h| format!("{h}; ")).unwrap_or_default();
            let policy = match last.flaw() {
                Some(flaw) if flaw.has_nearest() => {
                    format!("; --values {flaw}=clamp takes the nearest value, {flaw}=null NULL")
                }
                Some(flaw) if flaw != Flaw::Other => {
                    format!("; --values {flaw}=null puts NULL in place of such values")
                }
                _ => String::new(),
            };
            return Error::new(last.code(), last.chain()).hint(format!(
                "{hint}--max-errors N lets such rows go to the dead letters and moves the rest{policy}"
            ));
        }
        let bad = self.bad.load(SeqCst);
        Error::new(Code::TooManyErrors, format!("{bad} bad rows, the last: {}", last.chain()))
            .hint(format!("see them with `syncline dead-letters list {}`", self.run))
    }
}

/// The reader's half: next, source processors, limits, queue.
async fn read(
    stretch: Arc<Stretch>,
    table: u32,
    mut reader: Box<dyn SplitReader>,
    queue: Sender,
    mut durable: watch::Receiver<Option<Position>>,
) {
    let Some(table) = stretch.tables.iter().find(|known| known.index == table) else {
        return queue.last(Item::Failed(Error::bug("rows of a table that is not moved")));
    };
    loop {
        if durable.has_changed().unwrap_or(false) {
            let position = durable.borrow_and_update().clone();
            if let Some(position) = position
                && let Err(error) = reader.committed(&position).await
            {
                return queue.last(Item::Failed(error));
            }
        }
        let mut batch = match reader.next(stretch.limits.budget()).await {
            Ok(Element::Batch(batch)) => batch,
            Ok(Element::EndOfSplit) => return queue.last(Item::End),
            Err(error) => return queue.last(Item::Failed(error)),
        };
        let rows = (batch.rows.num_rows() + batch.rejects.len()) as u64;
        let bytes = batch.bytes();
        table.progress.bytes_read.fetch_add(bytes, Relaxed);
        stretch.limits.pass(rows, bytes).await;
        let mended = match table.bound.mended(batch.rows, batch.rejects) {
            Ok(mended) => mended,
            Err(error) => return queue.last(Item::Failed(error)),
        };
        let mut changes = mended.changes;
        batch.rejects = mended.rejects;
        match table.bound.chain.apply_source(mended.rows) {
            Ok(output) => {
                batch.rows = output.rows;
                batch.rejects.extend(output.rejects);
                changes.extend(output.changes);
            }
            Err(error) => return queue.last(Item::Failed(error)),
        }
        if !queue.batch(batch, changes).await {
            return;
        }
    }
}

/// Counts of changed values, as they are kept.
pub(crate) fn changed_values(table: u32, changes: Vec<Change>) -> Vec<ChangedValues> {
    let kept = changes.into_iter().map(|c| ChangedValues {
        table,
        column: c.column,
        kind: c.flaw.to_string(),
        policy: c.policy.to_string(),
        values: c.values,
    });
    kept.collect()
}

/// Rows written of those that are durable. The target may be one flush ahead of the checkpoint when
/// the process died between the two; rows of that flush count as written.
fn written_before(checkpoint: Option<&Checkpoint>, held: Option<&Held>) -> u64 {
    let Some(held) = held else { return 0 };
    let (seq, written) = checkpoint.map_or((0, 0), |c| (c.position.seq, c.written));
    written + held.position.seq.saturating_sub(seq)
}

/// The error with the table's name, where it does not stand there already.
fn named(error: &Error, task: &WriteTask) -> Error {
    let name = task.table.name.to_string();
    let message = error.chain();
    let text = if message.contains(&name) { message } else { format!("{name}: {message}") };
    let mut named = Error::new(error.code(), text);
    if let Some(flaw) = error.flaw() {
        named = named.flawed(flaw);
    }
    match error.hint_text() {
        Some(hint) => named.hint(hint),
        None => named,
    }
}

/// Ends a task when its owner is dropped.
struct AbortOnDrop(tokio::task::AbortHandle);

impl Drop for AbortOnDrop {
    fn drop(&mut self) {
        self.0.abort();
    }
}
