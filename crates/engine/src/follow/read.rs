//! The reader's half: the log, read ahead of its application by a few sets.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use syncline_connector::{ChangeLog, Cpu, Follow, LogBudget, LogReader};
use syncline_types::{Code, Error, LogElement, Position, Result, TableSchema};
use tokio::sync::{mpsc, watch};

use crate::job::Job;
use crate::limits::Limits;

/// A set is applied as one transaction: large enough that folding pays, small enough to hold a few.
const BUDGET: LogBudget =
    LogBudget { rows: 20_000, bytes: 8 << 20, wait: Duration::from_millis(100) };
/// Sets that are read and not yet taken to be made ready.
const AHEAD: usize = 1;

/// What is followed.
pub(crate) fn what(
    job: &Job,
    run: &str,
    tables: Vec<Arc<TableSchema>>,
    old_images: bool,
    folder: &Path,
) -> Follow {
    let (run, selection) = (run.to_owned(), job.tables.clone());
    Follow { run, tables, selection, old_images, spill: Some(folder.to_owned()) }
}

/// The log of a source, which has one.
///
/// # Errors
/// [`Code::Unsupported`].
pub(crate) fn log_of(source: &dyn syncline_connector::Source) -> Result<&dyn ChangeLog> {
    source.change_log().ok_or_else(|| {
        Error::new(Code::Unsupported, "this source has no log of changes that could be followed")
    })
}

/// A log that is being read.
pub(crate) struct Reading {
    elements: mpsc::Receiver<Result<LogElement>>,
    durable: watch::Sender<Option<Position>>,
    task: tokio::task::AbortHandle,
}

impl Reading {
    /// Reads on a task of its own.
    pub(crate) fn start(reader: Box<dyn LogReader>, limits: Arc<Limits>) -> Self {
        let (sender, elements) = mpsc::channel(AHEAD);
        let (durable, committed) = watch::channel(None);
        let task = tokio::spawn(Cpu::carry(read(reader, limits, sender, committed))).abort_handle();
        Self { elements, durable, task }
    }

    /// What comes next.
    pub(crate) async fn next(&mut self) -> Result<LogElement> {
        match self.elements.recv().await {
            Some(element) => element,
            None => Err(Error::bug("a log's reader left without a word")),
        }
    }

    /// Everything up to here is durable at the target.
    pub(crate) fn committed(&self, position: &Position) {
        self.durable.send_replace(Some(position.clone()));
    }
}

impl Drop for Reading {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn read(
    mut reader: Box<dyn LogReader>,
    limits: Arc<Limits>,
    elements: mpsc::Sender<Result<LogElement>>,
    mut durable: watch::Receiver<Option<Position>>,
) {
    loop {
        let element = async {
            if durable.has_changed().unwrap_or(false) {
                let position = durable.borrow_and_update().clone();
                if let Some(position) = position {
                    reader.committed(&position).await?;
                }
            }
            reader.next(BUDGET).await
        };
        let element = element.await;
        if let Ok(LogElement::Changes(set)) = &element {
            limits.pass(u64::from(set.places), set.bytes()).await;
        }
        let failed = element.is_err();
        if elements.send(element).await.is_err() || failed {
            return;
        }
    }
}
