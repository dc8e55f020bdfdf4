//! What a reader and a writer hold does not grow with the table. In a process of its own, because
//! memory is counted by process.

#![allow(clippy::unwrap_used, reason = "helpers of tests")]

use std::sync::Arc;

use syncline_connector::{AnyConnector, Budget, Cut, Endpoint, ReadTask, WriteMode, WriteTask};
use syncline_postgres::PostgresConnector;
use syncline_testkit::{Kind, Server};
use syncline_types::{Element, TableName, TableSelection};

/// The most memory this process has had so far, in megabytes.
fn peak() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|l| l.strip_prefix("VmHWM:")).unwrap();
    line.trim().trim_end_matches(" kB").parse::<u64>().unwrap() / 1024
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn forty_blobs_of_eight_megabytes_take_the_memory_of_a_few() {
    let Some(server) = Server::shared(Kind::Postgres) else { return };
    let database = server.database();
    database.execute(
        "CREATE TABLE blobs (id int PRIMARY KEY, v bytea);
         INSERT INTO blobs SELECT g, decode(repeat(md5(g::text), 524288), 'hex')
         FROM generate_series(1, 40) g",
    );
    let endpoint = Endpoint::parse(&database.url()).unwrap();
    let source = AnyConnector::source(&PostgresConnector, &endpoint).unwrap();
    let sink = AnyConnector::sink(&PostgresConnector, &endpoint).unwrap();
    let selection = TableSelection::parse(&["blobs"], &[]).unwrap();
    let table = source.discover(&selection).await.unwrap().remove(0).schema;
    let copy = Arc::new(sink.adapt(&table, &TableName::bare("copy")).unwrap().table);
    let task = WriteTask {
        run: "memory".into(),
        epoch: 1,
        table: Arc::clone(&copy),
        definition: copy,
        exists: false,
        empty_at_start: true,
        distinct: false,
        write: WriteMode::Append,
        splits: 1,
        circular: Vec::new(),
    };
    let read = ReadTask { table: Arc::new(table), filter: None, query: None };
    source.begin(1).await.unwrap();
    let cut = Cut { splits: 1, min_rows: 1, min_bytes: 1 };
    let split = source.plan(&read, &cut).await.unwrap().remove(0);
    sink.prepare(&task).await.unwrap();
    let before = peak();
    let mut reader = source.open(&read, &split, None).await.unwrap();
    let mut writer = sink.open(&task, &split).await.unwrap().writer;
    let budget = Budget { rows: 16_384, bytes: 4 << 20 };
    while let Element::Batch(batch) = reader.next(budget).await.unwrap() {
        assert_eq!(batch.rows.num_rows(), 1);
        writer.write(&batch).await.unwrap();
        writer.flush(&batch.position, false).await.unwrap();
    }
    let grown = peak() - before;
    // The table is 320 MB; what each thread's allocations leave behind varies from run to run.
    assert!(grown < 120, "{grown} MB for 40 blobs of 8 MB");
    assert_eq!(database.count("copy"), 40);
}
