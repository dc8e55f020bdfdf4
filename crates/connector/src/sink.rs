//! Writing to a store: tables made ready, rows taken in, positions kept with them.

use std::sync::Arc;

use arrow::array::RecordBatch;
use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use syncline_types::{
    Adapted, ChangeBatch, Code, Error, ErrorKind, ForeignKey, Position, Result, Split, TableName,
    TableSchema,
};

use crate::{ApplyTask, FollowOpened, Packing};

/// What happens to rows that are there already.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WriteMode {
    /// Rows are added.
    Append,
    /// A row with the key of one that is there takes its place. Of two rows with one key in a
    /// batch, the later one stays.
    Upsert,
    /// The table is loaded beside the old one and swapped in at the end: readers see all of the
    /// old or all of the new.
    Replace,
}

/// What a sink promises when a run is killed and continued.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Guarantee {
    /// Rows and position become durable together: each row exactly once, also without a key.
    Transactional,
    /// Writing a row again changes nothing: each row effectively once, by key.
    Upsert,
    /// Each row at least once.
    Append,
}

impl Guarantee {
    /// As `check` prints it.
    pub fn describe(self) -> &'static str {
        match self {
            Guarantee::Transactional => "exactly once (rows and position in one transaction)",
            Guarantee::Upsert => "effectively once (idempotent by key)",
            Guarantee::Append => "at least once",
        }
    }
}

/// One table of one run, as the sink has to write it.
#[derive(Debug, Clone)]
pub struct WriteTask {
    /// The run's unique key.
    pub run: String,
    /// The number that fences off earlier owners of the run: a position written under a higher
    /// epoch must refuse this one with [`syncline_types::Code::StaleEpoch`].
    pub epoch: u64,
    /// The target table. Its columns are those of the rows, in their order, with the Arrow types
    /// the sink asked for (`describe` for a table that is there, `adapt` for one to be made). A
    /// table that is there may have more columns: they take their defaults.
    pub table: Arc<TableSchema>,
    /// The target table as a whole: what to make, when it is not there. Beside the columns of the
    /// rows it has those that the store computes or fills itself, in their places.
    pub definition: Arc<TableSchema>,
    /// The table was there before the run began; otherwise this run makes it.
    pub exists: bool,
    /// The table had no rows when the run began: nothing but this run's rows is in it, so plain
    /// bulk loading is right for any mode.
    pub empty_at_start: bool,
    /// No two of the rows have the same primary key: the source sees to that, and nothing on the
    /// way changes a key. A sink may add the key once the rows are there.
    pub distinct: bool,
    /// What happens to rows that are there already.
    pub write: WriteMode,
    /// How many splits are written, by any number of writers at a time.
    pub splits: u32,
    /// Foreign keys of a table that is there, which no order of loading fulfils at every moment:
    /// those to itself, those in a circle of this run's tables, and those of a table that joins a
    /// run to tables which are not where its snapshot stands. Rows are written without regard to
    /// them, and [`Sink::relate`] checks them once all tables are committed. The others hold at
    /// every moment: a table is written once those it refers to are committed.
    pub circular: Vec<ForeignKey>,
}

/// A table that is there.
#[derive(Debug, Clone)]
pub struct TargetTable {
    /// Its columns with the Arrow types the sink takes for them, its keys and indexes.
    pub schema: TableSchema,
    /// It has no rows.
    pub empty: bool,
}

/// Where foreign keys can be set aside until [`Sink::relate`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SetAside {
    /// Nowhere: the account may not.
    Nowhere,
    /// For the rows that are written. What changes in the tables they refer to is held to them.
    ForRows,
    /// For everybody: the store does not have them meanwhile.
    Everywhere,
}

/// A position found in the target.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Held {
    /// Everything up to here is durable in the target.
    pub position: Position,
    /// The split is complete.
    pub done: bool,
}

/// A writer that is ready, with what the target already holds of the split.
pub struct Opened {
    /// Takes the rows after `held`.
    pub writer: Box<dyn SinkWriter>,
    /// The split's position in the target; the engine goes by it when the guarantee is
    /// [`Guarantee::Transactional`], and by its own checkpoint otherwise.
    pub held: Option<Held>,
}

/// A store as something to write to. One is made per run and shared by its workers.
#[async_trait]
pub trait Sink: Send + Sync {
    /// Connects and says what a person should know before row one. Changes nothing.
    async fn check(&self) -> Result<Vec<String>>;

    /// The table of that name, or `None` when there is none.
    async fn describe(&self, target: &TableName) -> Result<Option<TargetTable>>;

    /// As [`Sink::describe`], for several tables at once, in their order. A sink that asks a server
    /// for all of them together saves what asking for each would take.
    async fn describe_all(&self, targets: &[TableName]) -> Result<Vec<Option<TargetTable>>> {
        let mut found = Vec::with_capacity(targets.len());
        for target in targets {
            found.push(self.describe(target).await?);
        }
        Ok(found)
    }

    /// The table this sink would make for rows of `source`: native types in the fields' metadata,
    /// and the Arrow types it wants to be given; beside it, what of `source` it leaves out. Pure.
    ///
    /// Conversions between the two are made and checked by the engine.
    fn adapt(&self, source: &TableSchema, target: &TableName) -> Result<Adapted>;

    /// Whether [`WriteMode::Replace`] makes the target anew, with the columns of the rows (a file),
    /// instead of keeping its definition (a table, which others rely on).
    fn replace_redefines(&self) -> bool {
        false
    }

    /// What it promises for this table.
    fn guarantee(&self, task: &WriteTask) -> Guarantee;

    /// Writers it can feed at the same time, at most.
    fn max_parallel(&self) -> usize {
        usize::MAX
    }

    /// Splits of one table, at most, that are worth their while with so many workers when nobody says
    /// how large they are to be: few where the pieces have to be put together at the end.
    fn most_splits(&self, workers: usize) -> usize {
        let _ = workers;
        usize::MAX
    }

    /// Bytes of rows after which a writer is flushed at the latest, of so many at the same time:
    /// what a run that is killed has to do again.
    fn flush_bytes(&self, workers: usize) -> u64 {
        (24 << 20) / (workers as u64).clamp(1, 4)
    }

    /// Makes the table ready: creates it (or the side table of `Replace`), without secondary
    /// indexes. Idempotent: a run that continues calls it again, and it must not lose what is
    /// there from the same run.
    async fn prepare(&self, task: &WriteTask) -> Result<()>;

    /// As [`Sink::prepare`], for several tables of one run. When it fails, some of them may be
    /// ready, and it can be called again.
    async fn prepare_all(&self, tasks: &[WriteTask]) -> Result<()> {
        for task in tasks {
            self.prepare(task).await?;
        }
        Ok(())
    }

    /// A writer for one split. From here on, writers of lower epochs are refused.
    async fn open(&self, task: &WriteTask, split: &Split) -> Result<Opened>;

    /// All splits of the table are durable: builds indexes, sets sequences, swaps or renames.
    /// Idempotent.
    async fn commit(&self, task: &WriteTask) -> Result<()>;

    /// All tables are committed: adds the foreign keys of the tables that this run made
    /// (`TableSchema::foreign_keys`, with the names of the target's tables), in an order that
    /// works; checks those of [`WriteTask::circular`]. Idempotent.
    ///
    /// # Errors
    /// Of kind data when rows do not fulfil a foreign key; the error names it and an example.
    async fn relate(&self, tasks: &[WriteTask]) -> Result<()>;

    /// All tables are related: removes what was kept for resuming this run.
    async fn finish(&self, tasks: &[WriteTask]) -> Result<()>;

    /// The run will not be continued: removes its side tables, part files and positions, and no
    /// other run's. A table that the run wrote to directly keeps its rows.
    async fn discard(&self, tasks: &[WriteTask]) -> Result<()>;

    /// Whether it wants whole old rows of updates and deletes (a log), and not just their keys.
    fn wants_old_images(&self) -> bool {
        false
    }

    /// Whether definitions change inside of transactions, together with rows and position.
    fn defines_in_transaction(&self) -> bool {
        false
    }

    /// Whether rows can be written while changes are applied to other tables, with the place of each
    /// part of a run kept apart ([`ApplyTask::joining`]): else the log rests while tables are copied
    /// that come to a run which follows already.
    fn copies_beside(&self) -> bool {
        true
    }

    /// Whether foreign keys of a table that it makes hold from the first row on, and not only from
    /// [`Sink::relate`] on.
    fn relates_at_once(&self) -> bool {
        false
    }

    /// Where the foreign keys of a table that is there are set aside when they are in
    /// [`WriteTask::circular`].
    async fn sets_aside(&self, table: &TableName) -> Result<SetAside> {
        let _ = table;
        Ok(SetAside::ForRows)
    }

    /// A writer for the changes of a log, to tables that have been prepared and committed. From
    /// here on, writers of lower epochs are refused.
    ///
    /// # Errors
    /// [`Code::Unsupported`] when it takes none; of kind config, when a table cannot be kept up to
    /// date.
    async fn follow(&self, task: &ApplyTask) -> Result<FollowOpened> {
        let _ = task;
        Err(Error::new(Code::Unsupported, "this target cannot follow changes yet")
            .hint("copy it as a whole: --mode full"))
    }

    /// The run will not go on: removes the position kept by [`Sink::follow`].
    async fn unfollow(&self, task: &ApplyTask) -> Result<()> {
        let _ = task;
        Ok(())
    }

    /// Runs statements of the store's own language, one after the other, as the account it
    /// connects with: what a job asks for before its first row, and after its last.
    ///
    /// # Errors
    /// [`statement_failed`] for a statement the store refuses; [`Code::Unsupported`] where the store
    /// has no such language.
    async fn execute(&self, statements: &[String]) -> Result<()>;

    /// Frees every connection. Writers have been dropped before; any method may follow, and
    /// connects anew.
    async fn end(&self) -> Result<()>;
}

/// Takes the rows of one split. Dropped without a flush, it leaves nothing behind.
#[async_trait]
pub trait SinkWriter: Send {
    /// Accepts rows. They need not be durable, nor visible.
    ///
    /// On an error of kind data nothing of the batch has been accepted and the writer can be used
    /// further: the engine looks for the row by writing parts of the batch. After any other error
    /// it is dropped.
    async fn write(&mut self, batch: &ChangeBatch) -> Result<()>;

    /// Whether it takes rows packed so ([`SinkWriter::write_packed`]) and gets the very same values
    /// as from [`SinkWriter::write`]. Asked once, before the first row.
    fn takes(&self, packing: &Packing) -> bool {
        let _ = packing;
        false
    }

    /// As [`SinkWriter::write`], for packed rows.
    async fn write_packed(&mut self, rows: &RecordBatch) -> Result<()> {
        let _ = rows;
        Err(Error::bug("packed rows are not taken by this target"))
    }

    /// Whether it gains by taking rows on before the store has taken those before
    /// ([`SinkWriter::write_ahead`]).
    fn works_ahead(&self) -> bool {
        false
    }

    /// As [`SinkWriter::write`], or [`SinkWriter::write_packed`], but the store may refuse the rows
    /// later: [`SinkWriter::settle`] tells. Until then no other method is called.
    ///
    /// On an error of kind data neither these rows nor any since the last [`SinkWriter::settle`]
    /// have been accepted, and the writer can be used further.
    async fn write_ahead(&mut self, batch: &ChangeBatch, packed: bool) -> Result<()> {
        match packed {
            true => self.write_packed(&batch.rows).await,
            false => self.write(batch).await,
        }
    }

    /// Waits until the store has accepted all rows of [`SinkWriter::write_ahead`].
    ///
    /// On an error of kind data none of those since the last time have been accepted, and the
    /// writer can be used further.
    async fn settle(&mut self) -> Result<()> {
        Ok(())
    }

    /// Takes rows away: for each row of `rows` one row of the table that has exactly these values in
    /// these columns (some of the task's table, with its types; at least its key, where it has one),
    /// and none where there is no such row. Durable with the next flush, in the order of the calls.
    ///
    /// # Errors
    /// [`Code::Unsupported`] when the store cannot do that, or not without a key.
    async fn delete(&mut self, rows: &RecordBatch) -> Result<()> {
        let _ = rows;
        Err(Error::new(Code::Unsupported, "rows cannot be taken away from this target"))
    }

    /// Makes all accepted rows durable together with `position` (in one transaction, where the
    /// guarantee says so). `end` tells that the split is complete.
    async fn flush(&mut self, position: &Position, end: bool) -> Result<()>;
}

/// The error of a statement of [`Sink::execute`]: what may pass by itself stays so, everything else
/// is the job's mistake.
pub fn statement_failed(sql: &str, error: Error) -> Error {
    if error.kind() == ErrorKind::Transient {
        return error;
    }
    let short: String = sql.chars().take(200).collect();
    let more = if short.len() < sql.len() { "…" } else { "" };
    Error::new(Code::QueryRejected, format!("the statement {short:?}{more} failed")).because(error)
}
