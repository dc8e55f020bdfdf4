//! SQLite as a target, with something of the test between the engine and its writers.

use syncline_connector::{
    ApplyTask, Connector, Endpoint, FollowOpened, Follower, Guarantee, Opened, Sink, SinkWriter,
    Source, Spec, StateWriter, TargetTable, WriteTask, async_trait,
};
use syncline_sqlite::SqliteConnector;
use syncline_types::{Adapted, Code, Error, Result, Split, TableName, TableSchema};

/// What stands between the engine and SQLite's writers: those it does not change are as they were.
pub(crate) trait Wrap: Clone + Send + Sync + 'static {
    /// How the target is called.
    fn spec(&self) -> &'static Spec;

    /// Around a writer of rows.
    fn rows(&self, inner: Box<dyn SinkWriter>) -> Box<dyn SinkWriter> {
        inner
    }

    /// Around a writer of changes.
    fn changes(&self, inner: Box<dyn StateWriter>) -> Box<dyn StateWriter> {
        inner
    }
}

/// SQLite whose writers are wrapped.
pub(crate) struct Wrapped<W>(pub(crate) W);

impl<W: Wrap> Connector for Wrapped<W> {
    type Options = <SqliteConnector as Connector>::Options;

    fn spec(&self) -> &'static Spec {
        self.0.spec()
    }

    fn source(&self, _: &Endpoint, _: Self::Options) -> Result<Box<dyn Source>> {
        Err(Error::new(Code::Unsupported, "no source"))
    }

    fn sink(&self, endpoint: &Endpoint, options: Self::Options) -> Result<Box<dyn Sink>> {
        let inner = Connector::sink(&SqliteConnector, endpoint, options)?;
        Ok(Box::new(WrappedSink { inner, wrap: self.0.clone() }))
    }
}

struct WrappedSink<W> {
    inner: Box<dyn Sink>,
    wrap: W,
}

#[async_trait]
impl<W: Wrap> Sink for WrappedSink<W> {
    async fn check(&self) -> Result<Vec<String>> {
        self.inner.check().await
    }
    async fn describe(&self, target: &TableName) -> Result<Option<TargetTable>> {
        self.inner.describe(target).await
    }
    fn adapt(&self, source: &TableSchema, target: &TableName) -> Result<Adapted> {
        self.inner.adapt(source, target)
    }
    fn replace_redefines(&self) -> bool {
        self.inner.replace_redefines()
    }
    fn guarantee(&self, task: &WriteTask) -> Guarantee {
        self.inner.guarantee(task)
    }
    fn max_parallel(&self) -> usize {
        self.inner.max_parallel()
    }
    fn most_splits(&self, workers: usize) -> usize {
        self.inner.most_splits(workers)
    }
    fn flush_bytes(&self, workers: usize) -> u64 {
        self.inner.flush_bytes(workers)
    }
    async fn prepare(&self, task: &WriteTask) -> Result<()> {
        self.inner.prepare(task).await
    }
    async fn open(&self, task: &WriteTask, split: &Split) -> Result<Opened> {
        let opened = self.inner.open(task, split).await?;
        Ok(Opened { writer: self.wrap.rows(opened.writer), held: opened.held })
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
    fn wants_old_images(&self) -> bool {
        self.inner.wants_old_images()
    }
    fn defines_in_transaction(&self) -> bool {
        self.inner.defines_in_transaction()
    }
    async fn follow(&self, task: &ApplyTask) -> Result<FollowOpened> {
        let opened = self.inner.follow(task).await?;
        let Follower::State(inner) = opened.follower else {
            return Err(Error::bug("SQLite keeps tables"));
        };
        let follower = Follower::State(self.wrap.changes(inner));
        Ok(FollowOpened { follower, held: opened.held })
    }
    async fn unfollow(&self, task: &ApplyTask) -> Result<()> {
        self.inner.unfollow(task).await
    }
    async fn execute(&self, statements: &[String]) -> Result<()> {
        self.inner.execute(statements).await
    }
    async fn end(&self) -> Result<()> {
        self.inner.end().await
    }
}
