//! Follows by hand: start, read up to a place, look at what came.

use std::sync::Arc;
use std::time::Duration;

use arrow::array::{Array, AsArray, RecordBatch};
use arrow::util::display::{ArrayFormatter, FormatOptions};
use syncline_connector::{
    AnyConnector, Budget, Cut, Endpoint, Follow, LogBudget, LogReader, ReadTask, Source, Start,
};
use syncline_postgres::PostgresConnector;
use syncline_testkit::{Database, Kind, Server};
use syncline_types::{
    ChangeSet, Element, LogElement, Op, Position, Result, SchemaChange, TableSchema, TableSelection,
};

/// Every kind of server there is for these tests.
pub(crate) fn servers() -> Vec<&'static Server> {
    [Kind::Postgres, Kind::Postgres17].into_iter().filter_map(Server::shared).collect()
}

pub(crate) fn source(url: &str) -> Box<dyn Source> {
    AnyConnector::source(&PostgresConnector, &Endpoint::parse(url).unwrap()).unwrap()
}

pub(crate) fn select(patterns: &[&str]) -> TableSelection {
    TableSelection::parse(patterns, &[]).unwrap()
}

/// What is to be followed: the tables of these patterns as they are now.
pub(crate) async fn follow(source: &dyn Source, run: &str, patterns: &[&str]) -> Follow {
    let selection = select(patterns);
    let found = source.discover(&selection).await.unwrap();
    let tables = found.into_iter().map(|info| Arc::new(info.schema)).collect();
    Follow { run: run.to_owned(), tables, selection, old_images: false, spill: None }
}

pub(crate) const BUDGET: LogBudget =
    LogBudget { rows: 10_000, bytes: 8 << 20, wait: Duration::from_millis(50) };

/// A run that follows, from its start on.
pub(crate) struct Run {
    pub(crate) source: Box<dyn Source>,
    pub(crate) follow: Follow,
    pub(crate) at: Position,
}

impl Run {
    /// Begins to follow the tables of these patterns now.
    pub(crate) async fn begin(database: &Database, run: &str, patterns: &[&str]) -> Self {
        let source = source(&database.url());
        let run = format!("{run}-{}", database.name());
        let follow = follow(&*source, &run, patterns).await;
        let log = source.change_log().unwrap();
        log.check_log(&follow).await.unwrap();
        let at = log.start(&follow, &Start::Now).await.unwrap();
        Self { source, follow, at }
    }

    pub(crate) async fn reader(&self) -> Result<Box<dyn LogReader>> {
        self.source.change_log().unwrap().follow(&self.follow, &self.at).await
    }

    /// Everything up to now; the run goes on from there, in a new reader.
    pub(crate) async fn catch_up(&mut self) -> Vec<LogElement> {
        self.try_catch_up(BUDGET).await.unwrap()
    }

    pub(crate) async fn try_catch_up(&mut self, budget: LogBudget) -> Result<Vec<LogElement>> {
        self.read(budget, true).await
    }

    /// Everything up to now, of which the server is told nothing.
    pub(crate) async fn peek(&mut self) -> Vec<LogElement> {
        self.read(BUDGET, false).await.unwrap()
    }

    async fn read(&mut self, budget: LogBudget, commit: bool) -> Result<Vec<LogElement>> {
        let log = self.source.change_log().unwrap();
        let goal = log.end_of_log().await?;
        let mut reader = self.reader().await?;
        let mut elements = Vec::new();
        loop {
            let element = reader.next(budget).await?;
            let position = match &element {
                LogElement::Heartbeat(position) => Some(position.clone()),
                LogElement::Changes(set) => set.commits.last().map(|c| c.position.clone()),
                LogElement::Schema(change) => change.complete.then(|| change.position.clone()),
            };
            if !matches!(element, LogElement::Heartbeat(_)) {
                elements.push(element);
            }
            let Some(position) = position else { continue };
            self.at = position;
            if commit {
                reader.committed(&self.at).await?;
            }
            if log.reached(&self.at, &goal)? {
                return Ok(elements);
            }
        }
    }

    /// Removes what was made at the server.
    pub(crate) async fn end(self) {
        self.source.change_log().unwrap().unfollow(&self.follow.run).await.unwrap();
        self.source.end().await.unwrap();
    }
}

/// All rows of the table in the snapshot that is open.
pub(crate) async fn read(source: &dyn Source, table: &Arc<TableSchema>) -> Vec<RecordBatch> {
    let read = ReadTask { table: Arc::clone(table), filter: None, query: None };
    let cut = Cut { splits: 1, min_rows: 1, min_bytes: 1 };
    let mut batches = Vec::new();
    for split in source.plan(&read, &cut).await.unwrap() {
        let mut reader = source.open(&read, &split, None).await.unwrap();
        let budget = Budget { rows: 1 << 20, bytes: 1 << 30 };
        while let Element::Batch(batch) = reader.next(budget).await.unwrap() {
            assert!(batch.rejects.is_empty(), "{:?}", batch.rejects);
            batches.push(batch.rows);
        }
    }
    batches
}

/// The sets among the elements.
pub(crate) fn sets(elements: &[LogElement]) -> Vec<&ChangeSet> {
    let mut sets = Vec::new();
    for element in elements {
        if let LogElement::Changes(set) = element {
            sets.push(set);
        }
    }
    sets
}

/// The changes of definitions among the elements.
pub(crate) fn schema_changes(elements: &[LogElement]) -> Vec<&SchemaChange> {
    let mut changes = Vec::new();
    for element in elements {
        if let LogElement::Schema(change) = element {
            changes.push(change);
        }
    }
    changes
}

/// Each row as words, in the order in which it happened: `insert t id=1 a=x`. Columns that the log
/// does not tell are not there; NULL is.
pub(crate) fn words(elements: &[LogElement]) -> Vec<String> {
    let mut words = Vec::new();
    for element in elements {
        match element {
            LogElement::Changes(set) => words.extend(set_words(set)),
            LogElement::Schema(change) => {
                let effect = format!("{:?}", change.effect);
                let effect = effect.split(['(', ' ']).next().unwrap_or_default().to_owned();
                words.push(format!("{} {}", effect.to_lowercase(), change.table.name));
            }
            LogElement::Heartbeat(_) => {}
        }
    }
    words
}

fn set_words(set: &ChangeSet) -> Vec<String> {
    let mut rows: Vec<(u32, String)> = Vec::new();
    for changes in &set.changes {
        assert_eq!(changes.rows.num_rows(), changes.order.len());
        assert!(changes.order.is_sorted());
        let all: Vec<usize> = (0..changes.table.columns.len()).collect();
        let columns = changes.columns.as_deref().unwrap_or(&all);
        assert_eq!(changes.rows.num_columns(), columns.len());
        let options = FormatOptions::default().with_null("NULL");
        let formatted: Vec<ArrayFormatter> = changes
            .rows
            .columns()
            .iter()
            .map(|array| ArrayFormatter::try_new(array.as_ref(), &options).unwrap())
            .collect();
        for (row, place) in changes.order.iter().enumerate() {
            let mut text = format!("{} {}", changes.op.name(), changes.table.name.name);
            for (at, column) in columns.iter().enumerate() {
                let name = changes.table.columns[*column].name();
                assert_eq!(name, changes.rows.schema().field(at).name());
                text.push_str(&format!(" {name}={}", formatted[at].value(row)));
            }
            rows.push((*place, text));
        }
    }
    rows.sort_by_key(|(place, _)| *place);
    rows.into_iter().map(|(_, text)| text).collect()
}

/// Rows of that operation on a table, whole, in order.
pub(crate) fn rows_of(elements: &[LogElement], table: &str, op: Op) -> Vec<RecordBatch> {
    let of = |set: &&ChangeSet| {
        let wanted = set.changes.iter().filter(|c| c.op == op && c.table.name.name == table);
        wanted.map(|c| c.rows.clone()).collect::<Vec<_>>()
    };
    sets(elements).iter().flat_map(of).collect()
}

/// The values of a column of texts.
pub(crate) fn texts(batch: &RecordBatch, column: &str) -> Vec<Option<String>> {
    let array = batch.column_by_name(column).unwrap().as_string::<i32>();
    (0..array.len()).map(|at| array.is_valid(at).then(|| array.value(at).to_owned())).collect()
}
