//! A target mended: rows that are too many taken away, missing and different ones written, through
//! the job's sink.

use std::sync::Arc;

use arrow::array::RecordBatch;
use serde::Serialize;
use syncline_connector::{Sink, SinkWriter, WriteMode, WriteTask};
use syncline_types::{ChangeBatch, Code, Error, ErrorKind, Position, Result, Split};

use super::findings::{Changes, Spool};
use super::pair::Pair;

/// Rows become durable after so many bytes.
const FLUSH_BYTES: usize = 16 << 20;

/// What was done to a table.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Repaired {
    /// The target table.
    pub table: String,
    /// Rows written: missing ones, and those that were different.
    pub written: u64,
    /// Rows taken away.
    pub deleted: u64,
    /// What could not be mended, and why.
    pub left: Vec<String>,
}

/// Mends a table. `spare` keeps rows that only the target has.
///
/// # Errors
/// When the target fails. Rows that it refuses, and what it cannot do, are in [`Repaired::left`].
pub(crate) async fn table(
    sink: &dyn Sink,
    run: &str,
    pair: &Pair,
    changes: Changes,
    spare: bool,
) -> Result<Repaired> {
    let plan = &pair.bound.plan;
    let mut repaired = Repaired { table: plan.target.name.to_string(), ..Default::default() };
    if changes.rows() == 0 {
        return Ok(repaired);
    }
    // A small run of its own, as for dead letters.
    let task = WriteTask {
        exists: true,
        empty_at_start: false,
        splits: 1,
        write: if pair.replaces { WriteMode::Upsert } else { WriteMode::Append },
        ..pair.bound.write_task(run, 1)
    };
    match sink.prepare(&task).await {
        Ok(()) => {}
        Err(error) if error.code() == Code::Unsupported => {
            repaired.left.push(error.chain());
            return Ok(repaired);
        }
        Err(error) => return Err(error),
    }
    let split = Split {
        table: plan.source.name.clone(),
        id: 0,
        rows: Some(changes.rows()),
        bytes: None,
        resumable: false,
        token: String::new(),
    };
    let opened = sink.open(&task, &split).await?;
    let mut mending = Mending { writer: opened.writer, task: &task, seq: 0, bytes: 0 };
    let done = mending.all(pair, changes, spare, &mut repaired).await;
    let ended = match done {
        Ok(()) => mending.flush(true).await,
        Err(error) => Err(error),
    };
    drop(mending);
    match ended {
        Ok(()) => {
            sink.commit(&task).await?;
            sink.finish(std::slice::from_ref(&task)).await?;
            Ok(repaired)
        }
        Err(error) => {
            // Its positions are of no use to anyone.
            if let Err(second) = sink.discard(std::slice::from_ref(&task)).await {
                tracing::debug!(error = second.chain(), "tidying up after a repair");
            }
            Err(error)
        }
    }
}

struct Mending<'a> {
    writer: Box<dyn SinkWriter>,
    task: &'a WriteTask,
    seq: u64,
    bytes: usize,
}

impl Mending<'_> {
    /// Rows go before others come: one that is too many may hold the key of one that is missing.
    async fn all(
        &mut self,
        pair: &Pair,
        changes: Changes,
        spare: bool,
        repaired: &mut Repaired,
    ) -> Result<()> {
        let Changes { write, rewrite, replace, delete } = changes;
        if spare && delete.rows > 0 {
            repaired.left.push(format!(
                "{} rows that only the target has: the job copies only some rows of the source, so \
                 they may be right; --delete-extra deletes them",
                delete.rows
            ));
        } else {
            self.take_away(pair, delete, "only the target has", repaired).await?;
        }
        // Where their old form stays, the new one would be a second row.
        if self.take_away(pair, replace, "differ", repaired).await? {
            for rows in rewrite.read()? {
                self.write(rows?, repaired).await?;
            }
        }
        for rows in write.read()? {
            self.write(rows?, repaired).await?;
        }
        Ok(())
    }

    /// Takes rows away; `false` when the target cannot do that.
    async fn take_away(
        &mut self,
        pair: &Pair,
        gone: Spool,
        which: &str,
        repaired: &mut Repaired,
    ) -> Result<bool> {
        let count = gone.rows;
        for rows in gone.read()? {
            let rows = rows?;
            // The key is enough where there is one: other columns may not even be comparable.
            let rows = if pair.replaces {
                rows.project(&pair.layout.key).map_err(|e| Error::bug("keys").because(e))?
            } else {
                rows
            };
            match self.writer.delete(&rows).await {
                Ok(()) => repaired.deleted += rows.num_rows() as u64,
                Err(error) if error.code() == Code::Unsupported => {
                    repaired.left.push(format!("{count} rows that {which}: {}", error.chain()));
                    return Ok(false);
                }
                Err(error) if error.kind() == ErrorKind::Data => {
                    let some = rows.num_rows();
                    repaired.left.push(format!("{some} rows that {which}: {}", error.chain()));
                }
                Err(error) => return Err(error),
            }
            self.passed(&rows).await?;
        }
        Ok(true)
    }

    /// Writes rows; those that the target refuses are narrowed down by halves, and named.
    async fn write(&mut self, rows: RecordBatch, repaired: &mut Repaired) -> Result<()> {
        let mut pieces = vec![rows];
        while let Some(piece) = pieces.pop() {
            let count = piece.num_rows();
            let batch = ChangeBatch {
                table: Arc::clone(&self.task.table),
                rows: piece,
                rejects: Vec::new(),
                position: self.position(),
            };
            match self.writer.write(&batch).await {
                Ok(()) => {
                    repaired.written += count as u64;
                    self.passed(&batch.rows).await?;
                }
                Err(error) if error.kind() != ErrorKind::Data => return Err(error),
                Err(error) if count == 1 => {
                    repaired.left.push(format!("a row that is refused: {}", error.chain()));
                }
                Err(_) => {
                    let half = count / 2;
                    pieces.push(batch.rows.slice(half, count - half));
                    pieces.push(batch.rows.slice(0, half));
                }
            }
        }
        Ok(())
    }

    fn position(&self) -> Position {
        Position::new(self.seq, "repaired")
    }

    async fn passed(&mut self, rows: &RecordBatch) -> Result<()> {
        self.seq += rows.num_rows() as u64;
        self.bytes += rows.get_array_memory_size();
        if self.bytes >= FLUSH_BYTES { self.flush(false).await } else { Ok(()) }
    }

    async fn flush(&mut self, end: bool) -> Result<()> {
        self.bytes = 0;
        let position = self.position();
        self.writer.flush(&position, end).await
    }
}
