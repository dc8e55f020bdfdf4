//! The queue between a reader and a writer, bounded in bytes.

use std::sync::Arc;
use std::time::Instant;

use syncline_convert::Change;
use syncline_types::{ChangeBatch, Error};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};

use crate::metrics::Metrics;

/// What a reader hands over. An error is the last item, as is the end.
pub(crate) enum Item {
    /// Rows, and what policies put in place of bad values in them.
    Batch(ChangeBatch, Vec<Change>),
    End,
    Failed(Error),
}

/// The reader's side.
pub(crate) struct Sender {
    items: mpsc::UnboundedSender<(Item, Option<OwnedSemaphorePermit>)>,
    room: Arc<Semaphore>,
    capacity: u32,
    metrics: Arc<Metrics>,
}

/// The writer's side.
pub(crate) struct Receiver {
    items: mpsc::UnboundedReceiver<(Item, Option<OwnedSemaphorePermit>)>,
    metrics: Arc<Metrics>,
}

/// A queue of up to `capacity` bytes of batches. A batch larger than that passes alone.
pub(crate) fn bounded(capacity: u32, metrics: Arc<Metrics>) -> (Sender, Receiver) {
    let (items, received) = mpsc::unbounded_channel();
    let room = Arc::new(Semaphore::new(capacity as usize));
    let sender = Sender { items, room, capacity, metrics: Arc::clone(&metrics) };
    (sender, Receiver { items: received, metrics })
}

impl Sender {
    /// Waits for room, then hands the batch over. `false` when the writer has left.
    pub(crate) async fn batch(&self, batch: ChangeBatch, changes: Vec<Change>) -> bool {
        let bytes = u32::try_from(batch.bytes()).unwrap_or(u32::MAX).clamp(1, self.capacity);
        let asked = Instant::now();
        let permit = Arc::clone(&self.room).acquire_many_owned(bytes).await.ok();
        self.metrics.waited_for_sink(asked.elapsed());
        self.metrics.queued(i64::from(bytes));
        self.items.send((Item::Batch(batch, changes), permit)).is_ok()
    }

    /// The split is at its end, or the reader has failed.
    pub(crate) fn last(&self, item: Item) {
        // A writer that has left does not care how the split ended.
        drop(self.items.send((item, None)));
    }
}

impl Receiver {
    /// The next item; `None` when the reader is gone without a word, which only happens when it
    /// was cancelled.
    ///
    /// The bytes of the batch are free again from here on: what a writer holds is its own matter.
    pub(crate) async fn next(&mut self) -> Option<Item> {
        let asked = Instant::now();
        let (item, permit) = self.items.recv().await?;
        self.metrics.waited_for_source(asked.elapsed());
        if let Some(permit) = permit {
            self.metrics.queued(-(permit.num_permits() as i64));
        }
        Some(item)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use arrow::array::{ArrayRef, BinaryArray, RecordBatch};
    use syncline_types::{Position, TableName, TableSchema};

    fn batch(bytes: usize) -> ChangeBatch {
        let values: ArrayRef = Arc::new(BinaryArray::from_vec(vec![&vec![0u8; bytes]]));
        let rows = RecordBatch::try_from_iter([("b", values)]).unwrap();
        let fields = rows.schema().fields().iter().map(|f| f.as_ref().clone()).collect::<Vec<_>>();
        let table = Arc::new(TableSchema::new(TableName::bare("t"), fields));
        ChangeBatch { table, rows, rejects: Vec::new(), position: Position::new(1, "") }
    }

    #[tokio::test]
    async fn a_full_queue_holds_the_reader_until_there_is_room() {
        let (sender, mut receiver) = bounded(10_000, Arc::new(Metrics::default()));
        assert!(sender.batch(batch(8_000), Vec::new()).await);
        let second = tokio::spawn(async move {
            assert!(sender.batch(batch(8_000), Vec::new()).await);
            sender.last(Item::End);
        });
        tokio::task::yield_now().await;
        assert!(!second.is_finished(), "the second batch went past the bound");
        assert!(matches!(receiver.next().await, Some(Item::Batch(..))));
        assert!(matches!(receiver.next().await, Some(Item::Batch(..))));
        assert!(matches!(receiver.next().await, Some(Item::End)));
        second.await.unwrap();
    }

    #[tokio::test]
    async fn a_batch_larger_than_the_queue_passes_alone() {
        let (sender, mut receiver) = bounded(1_000, Arc::new(Metrics::default()));
        assert!(sender.batch(batch(50_000), Vec::new()).await);
        assert!(matches!(receiver.next().await, Some(Item::Batch(..))));
    }

    #[tokio::test]
    async fn a_reader_learns_that_the_writer_has_left() {
        let (sender, receiver) = bounded(1_000_000, Arc::new(Metrics::default()));
        drop(receiver);
        assert!(!sender.batch(batch(10), Vec::new()).await);
    }
}
