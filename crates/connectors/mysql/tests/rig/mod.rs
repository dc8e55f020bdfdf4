//! What the tests here share: a copy through the contract, as the engine makes it, in a few lines.

#![allow(dead_code, reason = "each test file uses its part")]

pub(crate) mod limits;
pub(crate) mod tail;

use std::sync::Arc;

use syncline_connector::{
    AnyConnector, Budget, Consistency, Cut, Endpoint, ReadTask, Sink, Source, WriteMode, WriteTask,
};
use syncline_mysql::MysqlConnector;
use syncline_testkit::{Database, Kind, Server};
use syncline_types::{
    ChangeBatch, Element, Error, Reject, Split, TableInfo, TableName, TableSchema, TableSelection,
};

pub(crate) const BUDGET: Budget = Budget { rows: 1000, bytes: 1 << 20 };

/// A database on each server that is here.
pub(crate) fn databases() -> Vec<(Kind, Database)> {
    [Kind::MariaDb, Kind::MySql]
        .into_iter()
        .filter_map(|kind| Some((kind, Server::shared(kind)?.database())))
        .collect()
}

/// A server of its own of each kind, one after the other, with a database.
pub(crate) fn own_servers() -> impl Iterator<Item = (Kind, Server, Database)> {
    [Kind::MariaDb, Kind::MySql].into_iter().filter_map(|kind| {
        let server = Server::own(kind, &[])?;
        let database = server.database();
        Some((kind, server, database))
    })
}

pub(crate) fn endpoint(url: &str) -> Endpoint {
    Endpoint::parse(url).expect("a URL")
}

pub(crate) fn source(url: &str) -> Box<dyn Source> {
    AnyConnector::source(&MysqlConnector, &endpoint(url)).expect("a source")
}

pub(crate) fn sink(url: &str) -> Box<dyn Sink> {
    AnyConnector::sink(&MysqlConnector, &endpoint(url)).expect("a sink")
}

/// The one table of that name, as the source finds it.
pub(crate) async fn found(source: &dyn Source, name: &str) -> TableInfo {
    let pattern = format!("`{}`", name.replace('`', "``"));
    let selection = TableSelection::parse(&[pattern], &[]).expect("a pattern");
    source.discover(&selection).await.expect("discover").remove(0)
}

pub(crate) fn read_all(info: &TableInfo) -> ReadTask {
    ReadTask { table: Arc::new(info.schema.clone()), filter: None, query: None }
}

pub(crate) fn cut(splits: usize) -> Cut {
    Cut { splits, min_rows: 1, min_bytes: 1 }
}

/// All batches of a split.
pub(crate) async fn drain(
    source: &dyn Source,
    read: &ReadTask,
    split: &Split,
) -> Result<Vec<ChangeBatch>, Error> {
    let mut reader = source.open(read, split, None).await?;
    let mut batches = Vec::new();
    while let Element::Batch(batch) = reader.next(BUDGET).await? {
        batches.push(batch);
    }
    Ok(batches)
}

/// How to copy.
#[derive(Debug, Clone)]
pub(crate) struct Copy {
    pub(crate) write: WriteMode,
    pub(crate) splits: usize,
    pub(crate) run: &'static str,
}

impl Default for Copy {
    fn default() -> Self {
        Self { write: WriteMode::Append, splits: 2, run: "0199aaaa-0000-7000-8000-00000000000f" }
    }
}

/// Copies one table under the same name; gives the rows that could not be read.
pub(crate) async fn copy(from: &str, name: &str, to: &str) -> Result<Vec<Reject>, Error> {
    copy_as(from, name, to, name, &Copy::default()).await
}

/// Copies one table as the engine would: whole, or not at all.
pub(crate) async fn copy_as(
    from: &str,
    name: &str,
    to: &str,
    target: &str,
    how: &Copy,
) -> Result<Vec<Reject>, Error> {
    let (source, sink) = (source(from), sink(to));
    let info = found(&*source, name).await;
    let consistency = source.begin(how.splits).await?;
    assert_eq!(consistency, Consistency::Snapshot);
    let read = read_all(&info);
    let splits = source.plan(&read, &cut(how.splits)).await?;
    let task = write_task(&*sink, &info.schema, target, how, splits.len()).await?;
    sink.prepare(&task).await?;
    let mut rejects = Vec::new();
    for split in &splits {
        let opened = sink.open(&task, split).await?;
        let mut writer = opened.writer;
        assert_eq!(opened.held, None);
        let mut reader = source.open(&read, split, None).await?;
        let mut position = syncline_types::Position::new(0, "");
        while let Element::Batch(mut batch) = reader.next(BUDGET).await? {
            rejects.append(&mut batch.rejects);
            position = batch.position.clone();
            writer.write(&batch).await?;
        }
        writer.flush(&position, true).await?;
    }
    sink.commit(&task).await?;
    sink.finish(std::slice::from_ref(&task)).await?;
    source.end().await?;
    Ok(rejects)
}

/// The task for a target that is there or not. Columns of a target that is there are taken in the
/// order of the source, and must have its types.
pub(crate) async fn write_task(
    sink: &dyn Sink,
    schema: &TableSchema,
    target: &str,
    how: &Copy,
    splits: usize,
) -> Result<WriteTask, Error> {
    let target = TableName::bare(target);
    let there = sink.describe(&target).await?;
    let exists = there.is_some();
    let empty_at_start = there.as_ref().is_none_or(|t| t.empty);
    let (table, definition) = match there {
        Some(there) => {
            let columns = schema.columns.iter().filter(|c| c.generated.is_none());
            let columns = columns.map(|c| there.schema.column(c.name()).expect("a column").clone());
            (TableSchema { columns: columns.collect(), ..there.schema.clone() }, there.schema)
        }
        None => {
            let made = sink.adapt(schema, &target)?.table;
            let mut written = made.clone();
            written.columns.retain(|c| c.generated.is_none());
            (written, made)
        }
    };
    Ok(WriteTask {
        run: how.run.into(),
        epoch: 1,
        table: Arc::new(table),
        definition: Arc::new(definition),
        exists,
        empty_at_start,
        distinct: false,
        write: how.write,
        splits: u32::try_from(splits).expect("few splits"),
        circular: Vec::new(),
    })
}

/// What became of a copy of all tables.
pub(crate) struct Copied {
    /// What the source, the tables and the adapted ones have to say.
    pub(crate) notes: Vec<String>,
    pub(crate) rejects: Vec<Reject>,
}

/// Copies all tables of a database as the engine would: all are loaded, then related.
pub(crate) async fn copy_all(from: &str, to: &str) -> Result<Copied, Error> {
    let (source, sink) = (source(from), sink(to));
    let how = Copy::default();
    let mut notes = source.left_out().await?;
    let infos = source.discover(&TableSelection::parse::<&str>(&[], &[]).expect("all")).await?;
    source.begin(how.splits).await?;
    let (mut tasks, mut rejects) = (Vec::new(), Vec::new());
    for info in &infos {
        notes.extend(info.notes.iter().map(|n| format!("{}: {n}", info.schema.name.name)));
        let target = TableName::bare(&info.schema.name.name);
        if sink.describe(&target).await?.is_none() {
            notes.extend(sink.adapt(&info.schema, &target)?.notes);
        }
        let written: Vec<_> =
            info.schema.columns.iter().filter(|c| c.generated.is_none()).cloned().collect();
        let schema = TableSchema { columns: written, ..info.schema.clone() };
        let read = ReadTask { table: Arc::new(schema), filter: None, query: None };
        let splits = source.plan(&read, &cut(how.splits)).await?;
        let mut task = write_task(&*sink, &info.schema, &target.name, &how, splits.len()).await?;
        let mut definition = (*task.definition).clone();
        for key in &mut definition.foreign_keys {
            // To the target's tables, as the engine says it.
            key.references.schema = None;
        }
        task.definition = Arc::new(definition);
        sink.prepare(&task).await?;
        for split in &splits {
            let mut writer = sink.open(&task, split).await?.writer;
            let mut reader = source.open(&read, split, None).await?;
            let mut position = syncline_types::Position::new(0, "");
            while let Element::Batch(mut batch) = reader.next(BUDGET).await? {
                rejects.append(&mut batch.rejects);
                position = batch.position.clone();
                writer.write(&batch).await?;
            }
            writer.flush(&position, true).await?;
        }
        sink.commit(&task).await?;
        tasks.push(task);
    }
    sink.relate(&tasks).await?;
    // Once more: nothing is left to be done.
    sink.relate(&tasks).await?;
    sink.finish(&tasks).await?;
    source.end().await?;
    sink.end().await?;
    Ok(Copied { notes, rejects })
}
