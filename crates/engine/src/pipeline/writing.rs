//! The writer's half of one attempt at a split: rows out of the queue into the sink, those that it
//! refuses narrowed down, and the flushes that make them durable.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::Ordering::{Relaxed, SeqCst};
use std::time::{Duration, Instant};

use arrow::array::RecordBatch;
use syncline_connector::{SinkWriter, WriteTask};
use syncline_convert::Change;
use syncline_store::{Checkpoint, NewDeadLetter};
use syncline_types::{ChangeBatch, Error, ErrorKind, Position, Reject, Result, Split};
use tokio::sync::watch;

use super::{Aside, Moved, MovingTable, Stretch, changed_values};
use crate::dead_letters::Stage;
use crate::events::Event;
use crate::metrics::SplitProgress;
use crate::queue::{Item, Receiver};

/// Bytes, over all workers, that sinks have taken on and may still refuse.
const UNSETTLED_BYTES: u64 = 12 << 20;
/// Where the changes of other tables wait for the one writer that the target takes, rows are made
/// durable at the latest after so long.
const TURN: Duration = Duration::from_millis(200);
/// And when nothing has come for so long.
const PAUSE: Duration = Duration::from_millis(50);

/// The writer's half of one attempt at a split.
pub(super) struct Writing<'a> {
    stretch: &'a Stretch,
    table: &'a MovingTable,
    split: &'a Split,
    pub(super) writer: Box<dyn SinkWriter>,
    /// Rows come packed, and go on so.
    pub(super) packed: bool,
    /// Rows that are with the sink, which has not said yet that it accepts them.
    unsettled: Vec<ChangeBatch>,
    /// It has refused some since the last flush, and is asked after each batch.
    refusing: bool,
    /// What has been accepted since the last flush.
    accepted: Option<Position>,
    bytes: u64,
    /// Rows become durable at the latest after so many bytes.
    flush_bytes: u64,
    /// And after so long.
    flush_every: Duration,
    /// The target takes one writer, and changes of other tables are to be written, too.
    takes_turns: bool,
    letters: Vec<NewDeadLetter>,
    /// What policies put in place of bad values since the last flush.
    changes: Vec<Change>,
    flushed: Instant,
    /// Rows of the split that were read and are durable.
    durable: u64,
    progress: &'a SplitProgress,
}

impl<'a> Writing<'a> {
    pub(super) fn new(
        stretch: &'a Stretch,
        table: &'a MovingTable,
        split: &'a Split,
        writer: Box<dyn SinkWriter>,
        durable: u64,
    ) -> Self {
        let beside = stretch.log.as_ref().is_some_and(|log| log.get().beside.is_some());
        let takes_turns = beside && stretch.sink.max_parallel() == 1;
        let every = stretch.checkpoint_every;
        Self {
            stretch,
            table,
            split,
            writer,
            packed: false,
            unsettled: Vec::new(),
            refusing: false,
            accepted: None,
            bytes: 0,
            flush_bytes: stretch.sink.flush_bytes(stretch.workers),
            flush_every: if takes_turns { every.min(TURN) } else { every },
            takes_turns,
            letters: Vec::new(),
            changes: Vec::new(),
            flushed: Instant::now(),
            durable,
            progress: table.progress.split(split.id),
        }
    }

    pub(super) async fn run(
        mut self,
        mut queue: Receiver,
        committed: &watch::Sender<Option<Position>>,
    ) -> Result<Moved> {
        let leave = &self.stretch.leave;
        loop {
            let holds = self.takes_turns && self.accepted.is_some() && self.split.resumable;
            let item = tokio::select! {
                biased;
                () = leave.cancelled() => {
                    self.flush_if_possible(committed).await?;
                    return Ok(Moved::Left);
                }
                item = queue.next() => item,
                () = tokio::time::sleep(PAUSE), if holds => {
                    self.flush_if_possible(committed).await?;
                    continue;
                }
            };
            match item {
                Some(Item::Batch(batch, changes)) => {
                    self.note_changes(changes);
                    self.batch(batch).await?;
                }
                Some(Item::End) => {
                    let end = self.accepted.take().unwrap_or_else(|| self.last_position());
                    self.flush(&end, true, committed).await?;
                    return Ok(Moved::Complete);
                }
                Some(Item::Failed(error)) => {
                    // What was read before the failure is good.
                    self.flush_if_possible(committed).await?;
                    return Err(error);
                }
                None => return Err(Error::bug("a reader left without a word")),
            }
            let due = self.bytes >= self.flush_bytes || self.flushed.elapsed() >= self.flush_every;
            if due {
                self.flush_if_possible(committed).await?;
            }
        }
    }

    /// The position of a split that gave no rows after where it was.
    fn last_position(&self) -> Position {
        Position::new(self.durable, "end")
    }

    /// Sink processors, conversion, write.
    async fn batch(&mut self, batch: ChangeBatch) -> Result<()> {
        let ChangeBatch { rows, rejects, position, .. } = batch;
        self.bytes += rows.get_array_memory_size() as u64;
        self.reject(rejects, Stage::Read, position.seq)?;
        let rows = match self.packed {
            true => rows,
            false => self.convert(rows, &position)?,
        };
        if rows.num_rows() > 0 {
            self.write(rows, &position).await?;
        }
        self.progress.read_to(position.seq);
        self.accepted = Some(position);
        Ok(())
    }

    /// Sink processors, conversion.
    fn convert(&mut self, rows: RecordBatch, position: &Position) -> Result<RecordBatch> {
        let output = self.table.bound.chain.apply_sink(rows)?;
        self.reject(output.rejects, Stage::Process, position.seq)?;
        self.note_changes(output.changes);
        let converted = self.table.bound.convert_for_target(output.rows)?;
        self.reject(converted.rejects, Stage::Write, position.seq)?;
        self.note_changes(converted.changes);
        Ok(converted.rows)
    }

    /// Writes rows. Where the sink gains by that, it is not waited for after each batch.
    async fn write(&mut self, rows: RecordBatch, position: &Position) -> Result<()> {
        let batch = ChangeBatch {
            table: Arc::clone(&self.task().table),
            rows,
            rejects: Vec::new(),
            position: position.clone(),
        };
        if self.refusing || !self.writer.works_ahead() {
            return self.write_down(batch).await;
        }
        let held: u64 = self.unsettled.iter().map(ChangeBatch::bytes).sum();
        if held + batch.bytes() > UNSETTLED_BYTES / self.stretch.workers.max(1) as u64 {
            self.settle().await?;
        }
        let taken = self.writer.write_ahead(&batch, self.packed).await;
        self.unsettled.push(batch);
        self.take_back(taken).await
    }

    /// Waits until the sink has accepted what it has taken on.
    async fn settle(&mut self) -> Result<()> {
        if self.unsettled.is_empty() {
            return Ok(());
        }
        let settled = self.writer.settle().await;
        if settled.is_ok() {
            for batch in self.unsettled.drain(..) {
                self.progress.wrote(batch.rows.num_rows() as u64);
            }
        }
        self.take_back(settled).await
    }

    /// After an error of their own, rows that were taken on are not in: they go in batch by batch.
    async fn take_back(&mut self, outcome: Result<()>) -> Result<()> {
        match outcome {
            Err(error) if error.kind() == ErrorKind::Data => {
                self.refusing = true;
                for batch in std::mem::take(&mut self.unsettled) {
                    self.write_down(batch).await?;
                }
                Ok(())
            }
            outcome => outcome,
        }
    }

    /// Writes rows; when the sink refuses some, narrows them down by halves.
    async fn write_down(&mut self, batch: ChangeBatch) -> Result<()> {
        let mut pieces = VecDeque::from([batch]);
        while let Some(batch) = pieces.pop_front() {
            let count = batch.rows.num_rows();
            let written = match self.packed {
                true => self.writer.write_packed(&batch.rows).await,
                false => self.writer.write(&batch).await,
            };
            match written {
                Ok(()) => self.progress.wrote(count as u64),
                Err(error) if error.kind() != ErrorKind::Data => return Err(error),
                Err(error) if count == 1 => {
                    let bad = self.refused(&batch.rows, error)?;
                    self.reject(vec![bad], Stage::Write, batch.position.seq)?;
                }
                Err(_) => {
                    let half = count / 2;
                    let part = |from, rows| ChangeBatch {
                        rows: batch.rows.slice(from, rows),
                        ..batch.clone()
                    };
                    let (first, second) = (part(0, half), part(half, count - half));
                    pieces.push_front(second);
                    pieces.push_front(first);
                }
            }
        }
        Ok(())
    }

    /// The one row that the sink refused, in its columns.
    fn refused(&self, row: &RecordBatch, error: Error) -> Result<Reject> {
        if !self.packed {
            return Ok(Reject::of(row, 0, error));
        }
        let (row, unfit) = self.stretch.source.unpack(&self.table.bound.read, row)?;
        match unfit.into_iter().next() {
            Some(unfit) => Ok(unfit),
            None => Ok(Reject::of(&self.table.bound.convert_for_target(row)?.rows, 0, error)),
        }
    }

    /// Keeps bad rows for the dead letters, and fails when they are too many.
    fn reject(&mut self, rejects: Vec<Reject>, stage: Stage, seq: u64) -> Result<()> {
        let at = Aside { split: self.split.id, stage, seq };
        self.stretch.set_aside(self.table, rejects, at, &mut self.letters)
    }

    fn note_changes(&mut self, changes: Vec<Change>) {
        for change in changes {
            let same = |c: &&mut Change| {
                c.column == change.column && c.flaw == change.flaw && c.policy == change.policy
            };
            match self.changes.iter_mut().find(same) {
                Some(known) => known.values += change.values,
                None => self.changes.push(change),
            }
        }
    }

    /// Counts are kept before the flush that makes their rows durable, under its position: should
    /// it fail, they are forgotten and found again.
    fn keep_changes(&mut self, seq: u64) -> Result<()> {
        if self.changes.is_empty() {
            return Ok(());
        }
        let changes = changed_values(self.table.index, std::mem::take(&mut self.changes));
        self.stretch.store.keep_changes(&self.stretch.run, self.split.id, seq, &changes)
    }

    /// Flushes in the middle, where the split can be gone on from there.
    async fn flush_if_possible(
        &mut self,
        committed: &watch::Sender<Option<Position>>,
    ) -> Result<()> {
        if !self.split.resumable {
            return Ok(());
        }
        match self.accepted.take() {
            Some(position) => self.flush(&position, false, committed).await,
            None => Ok(()),
        }
    }

    async fn flush(
        &mut self,
        position: &Position,
        end: bool,
        committed: &watch::Sender<Option<Position>>,
    ) -> Result<()> {
        // Before the dead letters, of which it may make more.
        self.settle().await?;
        // Dead letters first: should the flush fail, they are found and kept again.
        self.stretch.keep_letters(&mut self.letters)?;
        self.keep_changes(position.seq)?;
        self.writer.flush(position, end).await?;
        self.bytes = 0;
        self.refusing = false;
        self.flushed = Instant::now();
        self.durable = position.seq;
        self.note_durable(position, end)?;
        committed.send_replace(Some(position.clone()));
        Ok(())
    }

    /// Records, then announces, that everything up to here is durable.
    pub(super) fn note_durable(&self, position: &Position, done: bool) -> Result<()> {
        let at = Checkpoint {
            table: self.table.index,
            split: self.split.id,
            position: position.clone(),
            done,
            written: self.progress.flushed(done),
        };
        self.stretch.store.checkpoint(&self.stretch.run, self.stretch.epoch, &at)?;
        // Nobody listening is fine.
        let _ = self.stretch.events.send(Event::Checkpoint {
            table: Some(self.task().table.name.to_string()),
            split: Some(self.split.id),
            rows: position.seq,
            position: position.token.clone(),
        });
        Ok(())
    }

    fn task(&self) -> &'a WriteTask {
        &self.table.task
    }
}

/// An attempt that ends early takes back what it counted and was not durable.
impl Drop for Writing<'_> {
    fn drop(&mut self) {
        self.progress.fell_back(self.durable);
        // Bad rows that were not kept are found, and counted, again.
        let found_again = self.letters.len() as u64;
        self.stretch.bad.fetch_sub(found_again, SeqCst);
        self.table.progress.dead_letters.fetch_sub(found_again, Relaxed);
    }
}
