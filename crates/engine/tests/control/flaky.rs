//! SQLite over a line that breaks: as a source, and as a sink.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};

use syncline_connector::{
    Budget, Connector, Consistency, Cut, Endpoint, Guarantee, Mode, Opened, ReadTask, Roles, Sink,
    SinkWriter, Source, Spec, SplitReader, TargetTable, WriteTask, async_trait,
};
use syncline_sqlite::SqliteConnector;
use syncline_types::{
    Adapted, ChangeBatch, Code, Element, Error, ErrorKind, Position, Result, Split, TableInfo,
    TableName, TableSchema, TableSelection,
};

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

impl Connector for FlakySink {
    type Options = <SqliteConnector as Connector>::Options;

    fn spec(&self) -> &'static Spec {
        &FLAKY_SINK
    }

    fn source(&self, _: &Endpoint, _: Self::Options) -> Result<Box<dyn Source>> {
        Err(Error::new(Code::Unsupported, "no source"))
    }

    fn sink(&self, endpoint: &Endpoint, options: Self::Options) -> Result<Box<dyn Sink>> {
        let inner = Connector::sink(&SqliteConnector, endpoint, options)?;
        Ok(Box::new(OpenedFlakySink { inner, flaky: self.clone() }))
    }
}

struct OpenedFlakySink {
    inner: Box<dyn Sink>,
    flaky: FlakySink,
}

#[async_trait]
impl Sink for OpenedFlakySink {
    async fn check(&self) -> Result<Vec<String>> {
        self.inner.check().await
    }
    async fn describe(&self, target: &TableName) -> Result<Option<TargetTable>> {
        self.inner.describe(target).await
    }
    fn adapt(&self, source: &TableSchema, target: &TableName) -> Result<Adapted> {
        self.inner.adapt(source, target)
    }
    fn guarantee(&self, task: &WriteTask) -> Guarantee {
        self.inner.guarantee(task)
    }
    fn max_parallel(&self) -> usize {
        self.inner.max_parallel()
    }
    async fn prepare(&self, task: &WriteTask) -> Result<()> {
        self.inner.prepare(task).await
    }
    async fn open(&self, task: &WriteTask, split: &Split) -> Result<Opened> {
        let opened = self.inner.open(task, split).await?;
        let flaky = self.flaky.clone();
        let writer = FlakyWriter { inner: opened.writer, flaky, after_a_bad_row: false };
        Ok(Opened { writer: Box::new(writer), held: opened.held })
    }
    async fn commit(&self, task: &WriteTask) -> Result<()> {
        self.inner.commit(task).await
    }
    async fn relate(&self, tasks: &[WriteTask]) -> Result<()> {
        self.inner.relate(tasks).await
    }
    async fn finish(&self, tasks: &[WriteTask]) -> Result<()> {
        self.inner.finish(tasks).await
    }
    async fn discard(&self, tasks: &[WriteTask]) -> Result<()> {
        self.inner.discard(tasks).await
    }
    async fn execute(&self, statements: &[String]) -> Result<()> {
        self.inner.execute(statements).await
    }
    async fn end(&self) -> Result<()> {
        self.inner.end().await
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
