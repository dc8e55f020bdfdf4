//! Snapshot and log of one table give the same types and the same values.

#![allow(clippy::unwrap_used, reason = "a test has nothing better to do with an error")]

mod rig;

use arrow::array::RecordBatch;
use rig::limits::tables;
use rig::tail::{Read, Tail};
use rig::{cut, databases, drain, read_all};
use syncline_connector::Source;
use syncline_testkit::Database;

/// All rows of a table as its snapshot has them.
async fn snapshot(source: &dyn Source, name: &str) -> RecordBatch {
    let info = rig::found(source, name).await;
    let read = read_all(&info);
    source.begin(1).await.unwrap();
    let mut batches = Vec::new();
    for split in source.plan(&read, &cut(1)).await.unwrap() {
        for batch in drain(source, &read, &split).await.unwrap() {
            assert!(batch.rejects.is_empty());
            batches.push(batch.rows);
        }
    }
    source.end().await.unwrap();
    arrow::compute::concat_batches(&info.schema.arrow(), &batches).unwrap()
}

fn assert_same(snapshot: &RecordBatch, log: &RecordBatch, what: &str) {
    assert_eq!(snapshot.schema().fields(), log.schema().fields(), "{what}");
    for (at, field) in snapshot.schema().fields().iter().enumerate() {
        let (a, b) = (snapshot.column(at), log.column(at));
        assert!(a == b, "{what}.{}: {a:?} is {b:?} in the log", field.name());
    }
}

/// Makes a table, puts rows into it, and reads them both ways.
async fn both_ways(database: &Database, name: &str, columns: &str, rows: &[String]) -> Read {
    let mut session = database.session();
    session.execute("SET sql_mode='ALLOW_INVALID_DATES', time_zone='+00:00'");
    session.execute(&format!("CREATE TABLE {name} ({columns}) DEFAULT CHARSET=utf8mb4"));
    let mut tail = Tail::now(&database.url(), &[name]).await;
    for row in rows {
        session.execute(&format!("INSERT INTO {name} {row}"));
    }
    let read = tail.read().await.unwrap_or_else(|e| panic!("{name}: {e} {:?}", e.hint_text()));
    assert!(read.rejects().is_empty(), "{name}: {}", read.rejects()[0].error);
    assert_same(&snapshot(&*tail.source, name).await, &read.inserted(name), name);
    read
}

#[tokio::test(flavor = "multi_thread")]
async fn every_type_to_its_limits() {
    for (_, database) in databases() {
        for (name, columns, rows) in tables() {
            let rows: Vec<String> = rows.iter().map(|row| format!("VALUES ({row})")).collect();
            both_ways(&database, name, &columns, &rows).await;
        }
    }
}
