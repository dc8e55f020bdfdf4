//! One COPY for several batches. Between two COPYs the server waits for us: for our look at its
//! answer, for the savepoint, for the next beginning. Where it refuses a row, all batches since the
//! savepoint are undone, and come again one by one.

use std::pin::Pin;

use bytes::Bytes;
use futures::SinkExt;
use syncline_types::{ChangeBatch, Error, Result};
use tokio_postgres::CopyInSink;

use super::packed::data;
use super::{Writer, given_back};
use crate::encode::{BEGIN, END, cells};
use crate::error;

/// A COPY that takes rows.
pub(super) struct Copying {
    sink: Pin<Box<CopyInSink<Bytes>>>,
    /// Rows that were sent.
    rows: usize,
    /// They were sent as they came from another server.
    packed: bool,
}

impl Copying {
    /// Sends a piece. Why the server takes no more stands in its answer to the end of the COPY.
    async fn feed(&mut self, piece: Bytes) -> bool {
        self.sink.feed(piece).await.is_ok()
    }
}

impl Writer {
    /// A COPY behind a savepoint, and what its data begin with.
    async fn begin_copy(&mut self, packed: bool) -> Result<Copying> {
        self.begin().await?;
        let Some(session) = &self.session else { return Err(given_back()) };
        let sink = session.client.copy_in(&self.copy).await;
        let sink = Box::pin(sink.map_err(|e| error::of(e, self.place()))?);
        let mut copying = Copying { sink, rows: 0, packed };
        match packed {
            true => _ = copying.feed(Bytes::from_static(BEGIN)).await,
            false => self.encoder.begin(),
        }
        Ok(copying)
    }

    /// Sends rows, and does not wait for what becomes of them.
    pub(super) async fn send(&mut self, batch: &ChangeBatch, packed: bool) -> Result<()> {
        let rows = batch.rows.num_rows();
        // One that an error leaves behind here ends in failure.
        let mut copying = match self.copying.take() {
            Some(copying) => copying,
            None => self.begin_copy(packed).await?,
        };
        if packed {
            for piece in data(&batch.rows) {
                if !copying.feed(piece).await {
                    break;
                }
            }
        } else {
            let cells = cells(&batch.rows, &self.plan.table)?;
            let mut row = 0;
            'rows: while row < rows {
                let filled = self.encoder.fill(&cells, row, rows);
                row = filled.map_err(|e| e.at(self.place()))?;
                for piece in self.encoder.take() {
                    if !copying.feed(piece).await {
                        break 'rows;
                    }
                }
            }
        }
        copying.rows += rows;
        self.copying = Some(copying);
        Ok(())
    }

    /// Ends the COPY, and waits until the server has taken its rows.
    pub(super) async fn end_copy(&mut self) -> Result<()> {
        let Some(mut copying) = self.copying.take() else { return Ok(()) };
        let place = self.place();
        if copying.packed || self.encoder.is_binary() {
            copying.feed(Bytes::from_static(END)).await;
        }
        let taken = copying.sink.as_mut().finish().await.map_err(|e| error::of(e, &place))?;
        match taken == copying.rows as u64 {
            true => Ok(()),
            false => {
                Err(Error::bug(format!("{place}: {taken} of {} rows were taken", copying.rows)))
            }
        }
    }
}
