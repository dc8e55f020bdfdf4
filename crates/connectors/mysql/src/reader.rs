//! Reading one split: a prepared SELECT whose rows go into Arrow as they arrive.

use std::sync::Arc;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use syncline_connector::{Budget, SplitReader};
use syncline_sql::KeyValue;
use syncline_types::{ChangeBatch, Code, Element, Error, Position, Result, TableName, TableSchema};

use crate::decode::{Decoded, Decoder};
use crate::pool::{Lent, Pool};
use crate::select::Select;
use crate::wire::{Conn, Fault, Next, Statement};

/// What a position's token says.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Place {
    v: u32,
    /// The last key read; none where there is no order.
    #[serde(default)]
    pub(crate) key: Option<Vec<KeyValue>>,
}

impl Place {
    /// Reads a token of this or an earlier version.
    pub(crate) fn read(text: &str) -> Result<Self> {
        let place: Self = serde_json::from_str(text)
            .map_err(|e| Error::new(Code::CannotResume, format!("position {text}: {e}")))?;
        match place.v {
            1 => Ok(place),
            v => Err(Error::new(Code::CannotResume, format!("position of version {v}"))),
        }
    }

    fn write(key: Option<Vec<KeyValue>>) -> Result<String> {
        serde_json::to_string(&Self { v: 1, key })
            .map_err(|e| Error::bug(format!("a position's token: {e}")))
    }
}

/// Reads the rows of one SELECT.
pub(crate) struct Reader {
    table: Arc<TableSchema>,
    place: String,
    pool: Arc<Pool>,
    conn: Option<Conn>,
    statement: Statement,
    decoder: Decoder,
    key: Vec<usize>,
    seq: u64,
    ended: bool,
}

/// An error of the server in words of the table: what was there when the run was planned and is
/// not any more has been changed.
pub(crate) fn changed(fault: Fault, table: &TableName) -> Error {
    match fault.number() {
        Some(1054 | 1146 | 1176 | 1412 | 1932) => {
            Error::new(Code::TableChanged, format!("{table}: {fault}"))
                .hint("start over with --fresh once the table is at rest")
        }
        _ => Error::from(fault).at(table),
    }
}

impl Reader {
    /// Starts the SELECT on `conn`; `seq` rows have been read before.
    pub(crate) async fn start(
        pool: Arc<Pool>,
        conn: Conn,
        table: Arc<TableSchema>,
        select: Select,
        seq: u64,
    ) -> Result<Self> {
        // The first row may be long in coming, and whoever wants it may go.
        let mut conn = Lent::at_work(conn, &pool);
        let started = async {
            let statement = conn.prepare(&select.sql).await?;
            let columns = conn.execute(&statement).await?;
            Ok((statement, columns))
        };
        let (statement, columns) = match started.await {
            Ok(started) => started,
            Err(fault) => {
                pool.give(Lent::done(conn));
                return Err(changed(fault, &table.name));
            }
        };
        let conn = Lent::done(conn);
        let decoder = select.decoder(&columns).map_err(|e| e.at(&table.name))?;
        Ok(Self {
            place: table.name.to_string(),
            table,
            pool,
            conn: Some(conn),
            statement,
            decoder,
            key: select.key,
            seq,
            ended: false,
        })
    }

    /// Reads until the budget is used up; true at the end of the result.
    async fn fill(&mut self, budget: Budget) -> Result<bool, Fault> {
        let Some(conn) = &mut self.conn else { return Ok(true) };
        let decoder = &mut self.decoder;
        while decoder.rows() < budget.rows && decoder.bytes() < budget.bytes {
            match conn.ready_row()? {
                Next::Row(packet) => decoder.row(packet)?,
                Next::End => return Ok(true),
                Next::Wait => match conn.next_row().await? {
                    Some(packet) => decoder.row(packet)?,
                    None => return Ok(true),
                },
            }
        }
        Ok(false)
    }

    /// The result has been read: the connection is free for another split.
    async fn release(&mut self) {
        if let Some(mut conn) = self.conn.take() {
            // The server frees the statement with the session anyway.
            if conn.close(&self.statement).await.is_ok() {
                self.pool.give(conn);
            }
        }
    }
}

impl Drop for Reader {
    fn drop(&mut self) {
        if let Some(conn) = self.conn.take() {
            self.pool.rescue(conn);
        }
    }
}

#[async_trait]
impl SplitReader for Reader {
    async fn next(&mut self, budget: Budget) -> Result<Element> {
        if !self.ended {
            match self.fill(budget).await {
                Ok(false) => {}
                Ok(true) => {
                    self.ended = true;
                    self.release().await;
                }
                Err(fault) => {
                    // A connection that broke is dropped; one on which the server refused lives.
                    if let Some(conn) = self.conn.take() {
                        self.pool.give(conn);
                    }
                    return Err(changed(fault, &self.table.name));
                }
            }
        }
        if self.decoder.rows() == 0 {
            return Ok(Element::EndOfSplit);
        }
        let decoded = self.decoder.finish(&self.key, &self.place)?;
        let Decoded { rows, rejects, last_key, count } = decoded;
        self.seq += count as u64;
        let position = Position::new(self.seq, Place::write(last_key)?);
        Ok(Element::Batch(ChangeBatch { table: Arc::clone(&self.table), rows, rejects, position }))
    }
}
