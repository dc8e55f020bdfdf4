//! A log that is told by heart, and SQLite as a target that takes its time: no real store can be
//! made to stall at one exact place.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::time::Duration;

use syncline_connector::{
    Apply, ChangeLog, Connector, Consistency, Cut, DefinitionChange, Endpoint, Follow, LogBudget,
    LogReader, Mode, Moment, ReadTask, Retention, Roles, Sink, Source, Spec, SplitReader, Start,
    StateWriter, async_trait,
};
use syncline_sqlite::SqliteConnector;
use syncline_types::{
    Code, Error, LogElement, Position, Result, Split, TableInfo, TableSchema, TableSelection,
};
use tokio::sync::watch;

use crate::wrapped::Wrap;

/// What the log says at each place: made anew for each reading.
pub(crate) type Told = Arc<dyn Fn(usize) -> Result<LogElement> + Send + Sync>;

/// A source that is nothing but a log.
#[derive(Clone)]
pub(crate) struct Script {
    pub(crate) table: Arc<TableSchema>,
    pub(crate) told: Told,
    pub(crate) places: usize,
    /// Elements that readers have handed on.
    pub(crate) handed: Arc<AtomicUsize>,
}

static SCRIPT: Spec = Spec {
    id: "script",
    title: "A log told by heart",
    schemes: &["script"],
    example: "script:x",
    roles: Roles { source: &[Mode::Changes], sink: false },
    guarantee: "",
    versions: "",
    notes: "",
};

impl Connector for Script {
    type Options = <SqliteConnector as Connector>::Options;

    fn spec(&self) -> &'static Spec {
        &SCRIPT
    }

    fn source(&self, _: &Endpoint, _: Self::Options) -> Result<Box<dyn Source>> {
        Ok(Box::new(self.clone()))
    }

    fn sink(&self, _: &Endpoint, _: Self::Options) -> Result<Box<dyn Sink>> {
        Err(Error::new(Code::Unsupported, "no sink"))
    }
}

/// The place behind so many elements.
pub(crate) fn place(elements: usize) -> Position {
    Position::new(elements as u64, elements.to_string())
}

#[async_trait]
impl Source for Script {
    async fn check(&self) -> Result<Vec<String>> {
        Ok(Vec::new())
    }
    async fn discover(&self, _: &TableSelection) -> Result<Vec<TableInfo>> {
        let schema = (*self.table).clone();
        Ok(vec![TableInfo { schema, rows: None, bytes: None, notes: Vec::new() }])
    }
    async fn begin(&self, _: usize) -> Result<Consistency> {
        Ok(Consistency::Snapshot)
    }
    async fn plan(&self, _: &ReadTask, _: &Cut) -> Result<Vec<Split>> {
        Ok(Vec::new())
    }
    async fn open(
        &self,
        _: &ReadTask,
        _: &Split,
        _: Option<&Position>,
    ) -> Result<Box<dyn SplitReader>> {
        Err(Error::new(Code::Unsupported, "there is but a log"))
    }
    fn change_log(&self) -> Option<&dyn ChangeLog> {
        Some(self)
    }
    async fn end(&self) -> Result<()> {
        Ok(())
    }
}

#[async_trait]
impl ChangeLog for Script {
    async fn check_log(&self, _: &Follow) -> Result<Vec<String>> {
        Ok(Vec::new())
    }
    async fn start(&self, _: &Follow, _: &Start) -> Result<Position> {
        Ok(place(0))
    }
    async fn begin_at(&self, _: &Follow, _: usize) -> Result<(Consistency, Moment)> {
        Err(Error::new(Code::Unsupported, "there is but a log"))
    }
    async fn end_of_log(&self) -> Result<Position> {
        Ok(place(self.places))
    }
    fn reached(&self, at: &Position, goal: &Position) -> Result<bool> {
        Ok(at.seq >= goal.seq)
    }
    async fn follow(&self, _: &Follow, at: &Position) -> Result<Box<dyn LogReader>> {
        let next = usize::try_from(at.seq).unwrap();
        Ok(Box::new(Reader { script: self.clone(), next }))
    }
    async fn retention(&self, _: &Follow, _: &Position) -> Result<Retention> {
        Ok(Retention { kept: None, unread: None })
    }
    async fn unfollow(&self, _: &str) -> Result<()> {
        Ok(())
    }
}

struct Reader {
    script: Script,
    next: usize,
}

#[async_trait]
impl LogReader for Reader {
    async fn next(&mut self, budget: LogBudget) -> Result<LogElement> {
        if self.next == self.script.places {
            tokio::time::sleep(budget.wait).await;
            return Ok(LogElement::Heartbeat(place(self.next)));
        }
        self.next += 1;
        self.script.handed.fetch_add(1, SeqCst);
        (self.script.told)(self.next - 1)
    }
    async fn committed(&mut self, _: &Position) -> Result<()> {
        Ok(())
    }
}

/// SQLite, each of whose rows waits until it may pass, and then a little longer.
#[derive(Clone)]
pub(crate) struct Slow {
    pub(crate) open: watch::Receiver<bool>,
    /// How long the next call takes.
    pub(crate) takes: Arc<dyn Fn() -> Duration + Send + Sync>,
}

static SLOW: Spec = Spec {
    id: "slow",
    title: "SQLite that takes its time",
    schemes: &["slow"],
    example: "slow:x.db",
    roles: Roles { source: &[], sink: true },
    guarantee: "",
    versions: "",
    notes: "",
};

impl Wrap for Slow {
    fn spec(&self) -> &'static Spec {
        &SLOW
    }

    fn changes(&self, inner: Box<dyn StateWriter>) -> Box<dyn StateWriter> {
        Box::new(SlowWriter { inner, slow: self.clone() })
    }
}

struct SlowWriter {
    inner: Box<dyn StateWriter>,
    slow: Slow,
}

#[async_trait]
impl StateWriter for SlowWriter {
    async fn apply(&mut self, table: usize, apply: &Apply) -> Result<()> {
        // The end of the test opens it, too.
        let _ = self.slow.open.wait_for(|open| *open).await;
        tokio::time::sleep((self.slow.takes)()).await;
        self.inner.apply(table, apply).await
    }
    async fn savepoint(&mut self) -> Result<()> {
        self.inner.savepoint().await
    }
    async fn roll_back(&mut self) -> Result<()> {
        self.inner.roll_back().await
    }
    async fn define(&mut self, table: usize, change: &DefinitionChange) -> Result<()> {
        self.inner.define(table, change).await
    }
    async fn flush(&mut self, position: &Position) -> Result<()> {
        self.inner.flush(position).await
    }
}
