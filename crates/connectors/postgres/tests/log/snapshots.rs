//! A snapshot and the log fit together with no gap and no overlap.

use std::collections::BTreeSet;
use std::sync::Arc;

use arrow::array::AsArray;
use arrow::datatypes::Int32Type;
use syncline_connector::{Consistency, Cut, ReadTask, Source};
use syncline_types::{ErrorKind, Op, TableSchema};

use crate::support::{Run, read, rows_of, servers};

async fn ids(source: &dyn Source, table: &Arc<TableSchema>) -> BTreeSet<i32> {
    let batches = read(source, table).await;
    let values =
        |b: &arrow::array::RecordBatch| b.column(0).as_primitive::<Int32Type>().values().to_vec();
    batches.iter().flat_map(values).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_in_the_snapshot_is_in_the_log_and_nothing_is_in_both() {
    for server in servers() {
        let database = server.database();
        database.execute("CREATE TABLE t (id int PRIMARY KEY)");
        let source = crate::support::source(&database.url());
        let run = format!("snapshot-{}", database.name());
        let follow = crate::support::follow(&*source, &run, &["public.t"]).await;
        let log = source.change_log().unwrap();

        // Somebody writes all the time, a row to a transaction.
        let (stop, stopped) = std::sync::mpsc::channel::<()>();
        let mut session = database.session();
        let writer = std::thread::spawn(move || {
            let mut last = 0;
            while stopped.try_recv().is_err() {
                last += 1;
                session.execute(&format!("INSERT INTO t VALUES ({last})"));
            }
            last
        });
        while database.count("t") < 50 {}
        let (consistency, moment) = log.begin_at(&follow, 2).await.unwrap();
        assert_eq!(consistency, Consistency::Snapshot);
        assert_eq!(moment.low, moment.high);
        let before = database.count("t");
        while database.count("t") < before + 50 {}

        // Parts of the table, read at once by sessions of their own.
        let task = ReadTask { table: Arc::clone(&follow.tables[0]), filter: None, query: None };
        let cut = Cut { splits: 3, min_rows: 1, min_bytes: 1 };
        assert!(!source.plan(&task, &cut).await.unwrap().is_empty());
        let first = ids(&*source, &follow.tables[0]).await;
        // The snapshot was broken off; the next one is of a later moment.
        source.end().await.unwrap();
        let (_, later) = log.begin_at(&follow, 2).await.unwrap();
        assert!(log.reached(&later.low, &moment.high).unwrap());
        let second = ids(&*source, &follow.tables[0]).await;
        assert!(second.is_superset(&first) && second.len() > first.len());

        stop.send(()).unwrap();
        let last = writer.join().unwrap();
        for (at, seen) in [(later.low, second), (moment.low, first)] {
            let mut run =
                Run { source: crate::support::source(&database.url()), follow: follow.clone(), at };
            let elements = if seen.len() == last as usize {
                Vec::new()
            } else {
                // The slot stays where it is for the one that is read next.
                run.peek().await
            };
            let logged: Vec<i32> = rows_of(&elements, "t", Op::Insert)
                .iter()
                .flat_map(|b| b.column(0).as_primitive::<Int32Type>().values().to_vec())
                .collect();
            let all: BTreeSet<i32> = logged.iter().chain(&seen).copied().collect();
            assert_eq!(logged.len() + seen.len(), all.len(), "a row is in both");
            assert_eq!(all, (1..=last).collect(), "a row is in neither");
        }
        let slots = "SELECT count(*) FROM pg_replication_slots WHERE database = current_database()";
        source.end().await.unwrap();
        assert_eq!(database.value(slots).unwrap(), "1", "a slot for a snapshot has stayed");
        log.unfollow(&follow.run).await.unwrap();
        assert_eq!(database.value(slots).unwrap(), "0");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_snapshot_that_is_lost_is_not_taken_for_another() {
    for server in servers() {
        let database = server.database();
        database.execute("CREATE TABLE t (id int PRIMARY KEY); INSERT INTO t VALUES (1)");
        let source = crate::support::source(&database.url());
        let run = format!("lost-{}", database.name());
        let follow = crate::support::follow(&*source, &run, &["public.t"]).await;
        let log = source.change_log().unwrap();
        log.begin_at(&follow, 1).await.unwrap();
        database.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity
             WHERE datname = current_database() AND application_name = 'syncline'",
        );
        let task = ReadTask { table: Arc::clone(&follow.tables[0]), filter: None, query: None };
        let cut = Cut { splits: 1, min_rows: 1, min_bytes: 1 };
        let mut lost = None;
        for _ in 0..50 {
            match source.plan(&task, &cut).await {
                Ok(_) => tokio::time::sleep(std::time::Duration::from_millis(20)).await,
                Err(error) => {
                    lost = Some(error.kind());
                    break;
                }
            }
        }
        assert_eq!(lost, Some(ErrorKind::Transient));
        // The session for catalogs was cut off, too, and is made anew once that is seen.
        let mut tries = 0;
        while let Err(error) = log.begin_at(&follow, 1).await {
            tries += 1;
            assert!(error.kind() == ErrorKind::Transient && tries < 20, "{}", error.chain());
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
        assert_eq!(ids(&*source, &follow.tables[0]).await, BTreeSet::from([1]));
        source.end().await.unwrap();
        log.unfollow(&follow.run).await.unwrap();
    }
}
