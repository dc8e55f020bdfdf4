//! SQLite over a line that breaks: as a source, and as a sink.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};

use syncline_connector::{
    Budget, Connector, Consistency, Cut, Endpoint, Mode, ReadTask, Roles, Sink, SinkWriter, Source,
    Spec, SplitReader, async_trait,
};
use syncline_sqlite::SqliteConnector;
use syncline_types::{
    ChangeBatch, Code, Element, Error, ErrorKind, Position, Result, Split, TableInfo,
    TableSelection,
};

use crate::wrapped::Wrap;

/// Failures left for readers once the host is up.
pub(crate) const READING_FAILURES: usize = 3;

/// SQLite whose connection breaks: the host is down at first, then readings fail after some rows.
pub(crate) struct Flaky {
    pub(crate) failures: Arc<AtomicUsize>,
}

struct FlakySource {
    inner: Box<dyn Source>,
    failures: Arc<AtomicUsize>,
}

struct FlakyReader {
    inner: Box<dyn SplitReader>,
    failures: Arc<AtomicUsize>,
    batches: usize,
}

static FLAKY: Spec = Spec {
    id: "flaky",
    title: "SQLite over a bad line",
    schemes: &["flaky"],
    example: "flaky:x.db",
    roles: Roles { source: &[Mode::Full], sink: false },
    guarantee: "",
    versions: "",
    notes: "",
};

impl Connector for Flaky {
    type Options = <SqliteConnector as Connector>::Options;

    fn spec(&self) -> &'static Spec {
        &FLAKY
    }

    fn source(&self, endpoint: &Endpoint, options: Self::Options) -> Result<Box<dyn Source>> {
        let inner = Connector::source(&SqliteConnector, endpoint, options)?;
        Ok(Box::new(FlakySource { inner, failures: Arc::clone(&self.failures) }))
    }

    fn sink(&self, _: &Endpoint, _: Self::Options) -> Result<Box<dyn Sink>> {
        Err(Error::new(Code::Unsupported, "no sink"))
    }
}

/// Counts a failure down; whether it is to happen.
fn fails(failures: &AtomicUsize) -> bool {
    failures.fetch_update(SeqCst, SeqCst, |n| n.checked_sub(1)).is_ok()
}

#[async_trait]
impl Source for FlakySource {
    async fn check(&self) -> Result<Vec<String>> {
        self.inner.check().await
    }
    async fn discover(&self, selection: &TableSelection) -> Result<Vec<TableInfo>> {
        if self.failures.load(SeqCst) > READING_FAILURES && fails(&self.failures) {
            return Err(Error::new(Code::Unreachable, "the host is down"));
        }
        self.inner.discover(selection).await
    }
    async fn begin(&self, parallel: usize) -> Result<Consistency> {
        self.inner.begin(parallel).await
    }
    async fn plan(&self, read: &ReadTask, cut: &Cut) -> Result<Vec<Split>> {
        self.inner.plan(read, cut).await
    }
    async fn open(
        &self,
        read: &ReadTask,
        split: &Split,
        at: Option<&Position>,
    ) -> Result<Box<dyn SplitReader>> {
        let inner = self.inner.open(read, split, at).await?;
        Ok(Box::new(FlakyReader { inner, failures: Arc::clone(&self.failures), batches: 0 }))
    }
    async fn end(&self) -> Result<()> {
        self.inner.end().await
    }
}

#[async_trait]
impl SplitReader for FlakyReader {
    async fn next(&mut self, budget: Budget) -> Result<Element> {
        self.batches += 1;
        if self.batches > 1 && fails(&self.failures) {
            return Err(Error::new(Code::ConnectionLost, "the line broke"));
        }
        self.inner.next(budget).await
    }
}

/// SQLite that is lost in the middle of writing: right after bad rows were found, and then when
/// rows are to become durable.
#[derive(Clone)]
pub(crate) struct FlakySink {
    /// Failures left of the writes that follow a bad row.
    pub(crate) writes: Arc<AtomicUsize>,
    /// Failures left of the flushes.
    pub(crate) flushes: Arc<AtomicUsize>,
}

static FLAKY_SINK: Spec = Spec {
    id: "flaky-sink",
    title: "SQLite over a bad line",
    schemes: &["flaky-sink"],
    example: "flaky-sink:x.db",
    roles: Roles { source: &[], sink: true },
    guarantee: "",
    versions: "",
    notes: "",
};

impl Wrap for FlakySink {
    fn spec(&self) -> &'static Spec {
        &FLAKY_SINK
    }

    fn rows(&self, inner: Box<dyn SinkWriter>) -> Box<dyn SinkWriter> {
        Box::new(FlakyWriter { inner, flaky: self.clone(), after_a_bad_row: false })
    }
}

struct FlakyWriter {
    inner: Box<dyn SinkWriter>,
    flaky: FlakySink,
    after_a_bad_row: bool,
}

#[async_trait]
impl SinkWriter for FlakyWriter {
    async fn write(&mut self, batch: &ChangeBatch) -> Result<()> {
        if self.after_a_bad_row && fails(&self.flaky.writes) {
            return Err(Error::new(Code::ConnectionLost, "the line broke"));
        }
        let written = self.inner.write(batch).await;
        if let Err(error) = &written
            && error.kind() == ErrorKind::Data
            && batch.rows.num_rows() == 1
        {
            self.after_a_bad_row = true;
        }
        written
    }
    async fn flush(&mut self, position: &Position, end: bool) -> Result<()> {
        if fails(&self.flaky.flushes) {
            return Err(Error::new(Code::ConnectionLost, "the line broke"));
        }
        self.inner.flush(position, end).await
    }
}
