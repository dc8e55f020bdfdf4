//! A copy by hand: plan, open, next, write, flush, commit, finish.

use std::sync::Arc;

use syncline_connector::{
    AnyConnector, Budget, Cut, Endpoint, Opened, ReadTask, Sink, Source, WriteMode, WriteTask,
};
use syncline_postgres::PostgresConnector;
use syncline_testkit::{Database, Kind, Server};
use syncline_types::{Element, Reject, Result, Split, TableName, TableSchema, TableSelection};

/// The server of these tests, or `None` where it cannot be had.
pub(crate) fn server() -> Option<&'static Server> {
    Server::shared(Kind::Postgres)
}

/// Every kind of server there is for these tests.
pub(crate) fn servers() -> Vec<&'static Server> {
    [Kind::Postgres, Kind::Postgres17].into_iter().filter_map(Server::shared).collect()
}

pub(crate) fn source(url: &str) -> Box<dyn Source> {
    AnyConnector::source(&PostgresConnector, &Endpoint::parse(url).unwrap()).unwrap()
}

pub(crate) fn sink(url: &str) -> Box<dyn Sink> {
    AnyConnector::sink(&PostgresConnector, &Endpoint::parse(url).unwrap()).unwrap()
}

pub(crate) const WHOLE: Cut = Cut { splits: 1, min_rows: 1, min_bytes: 1 };
pub(crate) const BATCH: Budget = Budget { rows: 1000, bytes: 1 << 20 };

pub(crate) fn select(patterns: &[&str]) -> TableSelection {
    TableSelection::parse(patterns, &[]).unwrap()
}

/// The one table of that pattern.
pub(crate) async fn find(source: &dyn Source, pattern: &str) -> TableSchema {
    let mut found = source.discover(&select(&[pattern])).await.unwrap();
    assert_eq!(found.len(), 1, "{pattern}");
    found.remove(0).schema
}

pub(crate) fn read_task(table: &TableSchema) -> ReadTask {
    ReadTask { table: Arc::new(table.clone()), filter: None, query: None }
}

pub(crate) async fn plan(source: &dyn Source, read: &ReadTask, cut: &Cut) -> Vec<Split> {
    source.plan(read, cut).await.unwrap()
}

/// How the table would be written.
pub(crate) async fn write_task(
    sink: &dyn Sink,
    table: &TableSchema,
    to: &str,
    write: WriteMode,
) -> WriteTask {
    let target = TableName::bare(to);
    let described = sink.describe(&target).await.unwrap();
    let (schema, exists, empty) = match described {
        Some(found) => (found.schema, true, found.empty),
        None => (sink.adapt(table, &target).unwrap().table, false, true),
    };
    let definition = Arc::new(schema.clone());
    let mut schema = schema;
    schema.columns.retain(|c| c.generated.is_none() && table.column(c.name()).is_some());
    let order = |name: &str| table.index_of(name);
    schema.columns.sort_by_key(|c| order(c.name()));
    WriteTask {
        run: "run-1".into(),
        epoch: 1,
        table: Arc::new(schema),
        definition,
        exists,
        empty_at_start: empty,
        distinct: !table.primary_key.is_empty(),
        write,
        splits: 1,
        circular: Vec::new(),
    }
}

/// Copies one table, value by value. What was read and could not be converted comes back.
pub(crate) async fn try_copy(
    source: &dyn Source,
    sink: &dyn Sink,
    pattern: &str,
    to: &str,
    write: WriteMode,
    cut: &Cut,
) -> Result<(u64, Vec<Reject>)> {
    try_copy_as(source, sink, pattern, to, write, cut, false).await
}

/// As [`try_copy`]; packed, when that is asked for.
async fn try_copy_as(
    source: &dyn Source,
    sink: &dyn Sink,
    pattern: &str,
    to: &str,
    write: WriteMode,
    cut: &Cut,
    packed: bool,
) -> Result<(u64, Vec<Reject>)> {
    let mut table = find(source, pattern).await;
    let mut task = write_task(sink, &table, to, write).await;
    table.columns.retain(|c| task.table.column(c.name()).is_some());
    let read = read_task(&table);
    source.begin(2).await?;
    let splits = source.plan(&read, cut).await?;
    task.splits = u32::try_from(splits.len()).unwrap();
    sink.prepare(&task).await?;
    let (mut rows, mut rejects) = (0, Vec::new());
    for split in &splits {
        let Opened { mut writer, held } = sink.open(&task, split).await?;
        assert_eq!(held, None);
        let takes = source.packing(&read).is_some_and(|packing| writer.takes(&packing));
        assert!(takes || !packed, "{pattern} does not go packed");
        let mut reader = match packed {
            true => source.open_packed(&read, split, None).await?,
            false => source.open(&read, split, None).await?,
        };
        let mut last = syncline_types::Position::new(0, "{}");
        while let Element::Batch(batch) = reader.next(BATCH).await? {
            assert!(batch.position.seq > last.seq, "positions do not move");
            match packed {
                true => writer.write_packed(&batch.rows).await?,
                false => writer.write(&batch).await?,
            }
            rows += batch.rows.num_rows() as u64;
            rejects.extend(batch.rejects);
            last = batch.position;
            if split.resumable {
                writer.flush(&last, false).await?;
            }
        }
        writer.flush(&last, true).await?;
    }
    sink.commit(&task).await?;
    sink.relate(std::slice::from_ref(&task)).await?;
    sink.finish(std::slice::from_ref(&task)).await?;
    source.end().await?;
    Ok((rows, rejects))
}

/// As [`try_copy`], for copies that go well to the last row.
pub(crate) async fn copy(
    from: &Database,
    to: &Database,
    pattern: &str,
    name: &str,
    write: WriteMode,
) -> u64 {
    let (source, sink) = (source(&from.url()), sink(&to.url()));
    let cut = Cut { splits: 3, min_rows: 1, min_bytes: 1 };
    let result = try_copy(&*source, &*sink, pattern, name, write, &cut).await;
    let (rows, rejects) = result.unwrap_or_else(|e| panic!("{}: {}", e.code(), e.chain()));
    if let Some(reject) = rejects.first() {
        panic!("rejected: {}", reject.error.chain());
    }
    rows
}

/// As [`copy`], for a table whose rows go packed; panics when they do not.
pub(crate) async fn copy_packed(from: &Database, to: &Database, pattern: &str, name: &str) -> u64 {
    let (source, sink) = (source(&from.url()), sink(&to.url()));
    let cut = Cut { splits: 3, min_rows: 1, min_bytes: 1 };
    let append = WriteMode::Append;
    let result = try_copy_as(&*source, &*sink, pattern, name, append, &cut, true).await;
    let (rows, rejects) = result.unwrap_or_else(|e| panic!("{}: {}", e.code(), e.chain()));
    assert!(rejects.is_empty());
    rows
}

/// All rows of a table in the server's own text form, in one order.
pub(crate) fn rows(database: &Database, quoted: &str) -> Vec<String> {
    let sql = format!("SELECT t::text FROM {quoted} t ORDER BY t::text COLLATE \"C\"");
    database.rows(&sql).into_iter().map(|row| row[0].clone().unwrap_or_default()).collect()
}

/// Panics unless both tables have the same rows.
pub(crate) fn assert_same(a: (&Database, &str), b: (&Database, &str)) {
    let (left, right) = (rows(a.0, a.1), rows(b.0, b.1));
    assert_eq!(left.len(), right.len(), "rows of {} and {}", a.1, b.1);
    for (left, right) in left.iter().zip(&right) {
        assert_eq!(left, right);
    }
}
