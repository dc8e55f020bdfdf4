//! Rows handed on as they are: which tables go so, and that what comes out is what goes in.

use std::sync::Arc;

use arrow::array::AsArray;
use syncline_connector::{ReadTask, Sink, Source, WriteMode, WriteTask};
use syncline_types::{Element, ErrorKind, TableSchema};

use crate::support::{
    BATCH, WHOLE, assert_same, copy_packed, find, plan, read_task, server, sink, source, write_task,
};

async fn written(
    source: &dyn Source,
    sink: &dyn Sink,
    from: &str,
    to: &str,
) -> (ReadTask, WriteTask) {
    let table: TableSchema = find(source, from).await;
    let task = write_task(sink, &table, to, WriteMode::Append).await;
    sink.prepare(&task).await.unwrap();
    (read_task(&table), task)
}

#[tokio::test(flavor = "multi_thread")]
async fn only_columns_that_take_every_value_as_it_is_go_packed() {
    let Some(server) = server() else { return };
    let (from, to) = (server.database(), server.database());
    from.execute(
        "CREATE TABLE same (id int, v varchar(9), n numeric(6,2)); \
         CREATE TABLE longer (id int, v varchar(9), n numeric(6,2)); \
         CREATE TABLE scaled (id int, v varchar(9), n numeric(6,2)); \
         CREATE TABLE wider (id int, v varchar(9), n numeric(6,2)); \
         CREATE TABLE padded (id int, c char(9)); \
         CREATE TABLE texts (id int, spans interval[])",
    );
    to.execute(
        "CREATE TABLE same (id int, v varchar(9), n numeric(6,2)); \
         CREATE TABLE longer (id int, v varchar(8), n numeric(6,2)); \
         CREATE TABLE scaled (id int, v varchar(9), n numeric(6,1)); \
         CREATE TABLE wider (id int, v text, n numeric(6,2)); \
         CREATE TABLE padded (id int, c text); \
         CREATE TABLE texts (id int, spans interval[])",
    );
    let (source, sink) = (source(&from.url()), sink(&to.url()));
    source.begin(1).await.unwrap();
    let mut taken = Vec::new();
    for table in ["same", "longer", "scaled", "wider", "padded", "texts"] {
        let (read, task) = written(&*source, &*sink, table, table).await;
        let split = &plan(&*source, &read, &WHOLE).await[0];
        let writer = sink.open(&task, split).await.unwrap().writer;
        taken.push(source.packing(&read).is_some_and(|packing| writer.takes(&packing)));
    }
    assert_eq!(taken, [true, false, false, true, false, false]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_that_is_read_beside_the_columns_is_not_written() {
    let Some(server) = server() else { return };
    let (from, to) = (server.database(), server.database());
    // The moment of the key is read as text, too, to go on from.
    from.execute(
        "CREATE TABLE keyed (at timestamptz, n int, note text, PRIMARY KEY (at, n)); \
         INSERT INTO keyed SELECT '2020-01-01 12:00:00.5+00'::timestamptz + i * interval '1 hour', i, \
         CASE i % 3 WHEN 0 THEN NULL WHEN 1 THEN '' ELSE repeat('é😀', i) END FROM generate_series(1, 4000) i",
    );
    assert_eq!(copy_packed(&from, &to, "keyed", "keyed").await, 4000);
    assert_same((&from, "keyed"), (&to, "keyed"));
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_of_any_size_stay_whole() {
    let Some(server) = server() else { return };
    let (from, to) = (server.database(), server.database());
    from.execute(
        "CREATE TABLE large (id int PRIMARY KEY, b bytea, t text); \
         INSERT INTO large SELECT i, decode(repeat('00ff5c', i * 40000), 'hex'), repeat('x', i) \
         FROM generate_series(0, 40) i; INSERT INTO large VALUES (41, NULL, NULL)",
    );
    assert_eq!(copy_packed(&from, &to, "large", "large").await, 42);
    assert_same((&from, "large"), (&to, "large"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_batch_leaves_nothing_and_its_rows_can_be_unpacked() {
    let Some(server) = server() else { return };
    let (from, to) = (server.database(), server.database());
    from.execute(
        "CREATE TABLE checked (id int PRIMARY KEY, v text); \
         INSERT INTO checked VALUES (1, 'a'), (2, 'no'), (3, NULL)",
    );
    to.execute("CREATE TABLE checked (id int PRIMARY KEY, v text CHECK (v <> 'no'))");
    let (source, sink) = (source(&from.url()), sink(&to.url()));
    source.begin(1).await.unwrap();
    let (read, task) = written(&*source, &*sink, "checked", "checked").await;
    let split = &plan(&*source, &read, &WHOLE).await[0];
    let mut writer = sink.open(&task, split).await.unwrap().writer;
    let mut reader = source.open_packed(&read, split, None).await.unwrap();
    let Element::Batch(batch) = reader.next(BATCH).await.unwrap() else { panic!("no rows") };
    let refused = writer.write_packed(&batch.rows).await.unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::Data);
    writer.write_packed(&batch.rows.slice(0, 1)).await.unwrap();
    writer.write_packed(&batch.rows.slice(2, 1)).await.unwrap();
    writer.flush(&batch.position, true).await.unwrap();
    assert_eq!(to.rows("SELECT id::text FROM checked ORDER BY id").len(), 2);

    let (rows, rejects) = source.unpack(&read, &batch.rows.slice(1, 2)).unwrap();
    assert!(rejects.is_empty());
    assert_eq!(rows.schema(), Arc::clone(&read.table.arrow()));
    let values = rows.column(1).as_string::<i32>();
    assert_eq!(values.iter().collect::<Vec<_>>(), [Some("no"), None]);
}
