//! The rows of one split, by `COPY (SELECT …) TO STDOUT (FORMAT BINARY)`.

use std::pin::Pin;
use std::sync::Arc;

use futures::StreamExt;
use syncline_connector::{Budget, ReadTask, SplitReader, async_trait};
use syncline_sql::{Dialect, KeyRange};
use syncline_types::{ChangeBatch, Code, Element, Error, Position, Result};
use tokio_postgres::CopyOutStream;

use crate::decode::{Columns, Decoder, Packed, Spare};
use crate::error;
use crate::frames::{Frames, KeyField};
use crate::source::{Idle, Reading, unterminated};
use crate::split::{self, Piece};
use crate::types::{Wire, expression, wire};

/// Reads one split.
pub(crate) struct Reader {
    /// Gone once the session has been given back.
    reading: Option<Reading>,
    idle: Arc<Idle>,
    read: ReadTask,
    stream: Pin<Box<CopyOutStream>>,
    frames: Frames,
    decoder: Decoder,
    /// Rows taken since the last batch, and their bytes on the wire.
    rows: usize,
    bytes: usize,
    seq: u64,
    resumable: bool,
    ended: bool,
}

/// The statement, and where its rows carry the key.
struct Statement {
    sql: String,
    key: Vec<KeyField>,
    hidden: usize,
}

impl Reader {
    pub(crate) async fn open(
        read: &ReadTask,
        piece: Piece,
        at: Option<&Position>,
        reading: Reading,
        idle: Arc<Idle>,
        packed: Option<Spare>,
    ) -> Result<Self> {
        let resumable = matches!(piece, Piece::Key { .. });
        let statement = statement(read, piece, at)?;
        let columns = read.table.columns.len();
        let frames =
            Frames::new(read.table.name.clone(), columns + statement.hidden, statement.key);
        let decoder = match packed {
            Some(spare) => Decoder::Packed(Packed::new(columns, spare)),
            None => Decoder::Columns(Box::new(Columns::new(Arc::clone(&read.table))?)),
        };
        let stream = reading
            .session
            .client
            .copy_out(&statement.sql)
            .await
            .map_err(|e| error::reading(e, &read.table.name, uses_user_sql(read)))?;
        Ok(Self {
            reading: Some(reading),
            idle,
            read: read.clone(),
            stream: Box::pin(stream),
            frames,
            decoder,
            rows: 0,
            bytes: 0,
            seq: at.map_or(0, |p| p.seq),
            resumable,
            ended: false,
        })
    }

    /// Takes rows until the batch is full or there are no more.
    async fn fill(&mut self, budget: Budget) -> Result<()> {
        loop {
            loop {
                if self.rows >= budget.rows || (self.rows > 0 && self.bytes >= budget.bytes) {
                    return Ok(());
                }
                let (decoder, bytes) = (&mut self.decoder, &mut self.bytes);
                let taken = self.frames.row(|row| {
                    *bytes += row.bytes().len();
                    decoder.take(row)
                });
                if !taken? {
                    break;
                }
                self.rows += 1;
            }
            match self.stream.next().await {
                Some(Ok(chunk)) => self.frames.feed(chunk),
                Some(Err(failed)) => {
                    let user_sql = uses_user_sql(&self.read);
                    return Err(error::reading(failed, &self.read.table.name, user_sql));
                }
                None if self.frames.ended() => {
                    self.ended = true;
                    return Ok(());
                }
                None => {
                    let message = format!("{}: the rows broke off", self.read.table.name);
                    return Err(Error::new(Code::ConnectionLost, message));
                }
            }
        }
    }
}

fn uses_user_sql(read: &ReadTask) -> bool {
    read.filter.is_some() || read.query.is_some()
}

#[async_trait]
impl SplitReader for Reader {
    async fn next(&mut self, budget: Budget) -> Result<Element> {
        if !self.ended {
            self.fill(budget).await?;
        }
        let taken = std::mem::take(&mut self.rows);
        self.bytes = 0;
        if taken == 0 {
            if let Some(reading) = self.reading.take() {
                self.idle.put(reading);
            }
            return Ok(Element::EndOfSplit);
        }
        self.seq += taken as u64;
        let token = split::place(if self.resumable { self.frames.last_key() } else { &[] });
        let (rows, rejects) = self.decoder.finish()?;
        Ok(Element::Batch(ChangeBatch {
            table: Arc::clone(&self.read.table),
            rows,
            rejects,
            position: Position::new(self.seq, token),
        }))
    }
}

fn statement(read: &ReadTask, piece: Piece, at: Option<&Position>) -> Result<Statement> {
    let mut selected: Vec<String> =
        read.table.columns.iter().map(|c| expression(&c.field)).collect();
    let columns = selected.len();
    let mut fields = Vec::new();
    let filter = read.filter.as_deref();
    let from = match piece {
        Piece::Key { key, only, mut range } => {
            for name in &key {
                fields.push(key_field(read, name, &mut selected)?);
            }
            if let Some(at) = at {
                range = KeyRange { after: Some(split::key_of_place(&at.token)?), ..range };
            }
            split::key_range_sql(&read.table.name, only, &key, &range, filter)
        }
        Piece::Blocks(blocks) => split::blocks_sql(&read.table.name, &blocks, filter),
        Piece::Query => {
            let query = read.query.as_deref().ok_or_else(|| {
                Error::new(Code::CannotResume, "the run was planned for a query, and has none")
            })?;
            format!("FROM (\n{}\n) q", unterminated(query))
        }
    };
    let hidden = selected.len() - columns;
    let sql = format!("COPY (SELECT {} {from}) TO STDOUT (FORMAT BINARY)", selected.join(", "));
    Ok(Statement { sql, key: fields, hidden })
}

/// Where a column of the key is read: where it is read anyway, or in a field of its own, as text.
fn key_field(read: &ReadTask, name: &str, selected: &mut Vec<String>) -> Result<KeyField> {
    if let Some(at) = read.table.index_of(name) {
        let wire = wire(&read.table.columns[at].field)?;
        if wire.shows_exactly() {
            return Ok(KeyField { at, wire });
        }
    }
    selected.push(format!("{}::pg_catalog.text", Dialect::Postgres.quote(name)));
    Ok(KeyField { at: selected.len() - 1, wire: Wire::Text })
}
