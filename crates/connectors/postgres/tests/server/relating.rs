//! Keys that only hold once all rows are in: foreign keys, circles of them, unique indexes.

use syncline_connector::{Sink, WriteMode, WriteTask};
use syncline_types::{Code, ErrorKind};

use crate::support::{
    WHOLE, assert_same, copy, find, plan, read_task, server, sink, source, write_task,
};

const CIRCLE: &str = "
CREATE TABLE a (id int PRIMARY KEY, b int, self int CONSTRAINT a_self REFERENCES a);
CREATE TABLE b (id int PRIMARY KEY, a int CONSTRAINT b_a REFERENCES a ON DELETE CASCADE);
ALTER TABLE a ADD CONSTRAINT a_b FOREIGN KEY (b) REFERENCES b DEFERRABLE;";

const ROWS: &str = "
INSERT INTO a SELECT g, NULL, 11 - g FROM generate_series(1, 10) g;
INSERT INTO b SELECT g, 11 - g FROM generate_series(1, 10) g; UPDATE a SET b = 11 - id;";

/// Writes all rows of one table, to before its commit.
async fn load(from: &syncline_testkit::Database, sink: &dyn Sink, name: &str) -> WriteTask {
    let source = source(&from.url());
    let table = find(&*source, name).await;
    let mut task = write_task(sink, &table, name, WriteMode::Append).await;
    if task.exists {
        task.circular = task.definition.foreign_keys.clone();
    }
    let read = read_task(&table);
    source.begin(1).await.unwrap();
    let split = plan(&*source, &read, &WHOLE).await.remove(0);
    sink.prepare(&task).await.unwrap();
    // A run that continues prepares once more.
    sink.prepare(&task).await.unwrap();
    let mut writer = sink.open(&task, &split).await.unwrap().writer;
    let mut reader = source.open(&read, &split, None).await.unwrap();
    let mut last = syncline_types::Position::new(0, "{}");
    while let syncline_types::Element::Batch(batch) =
        reader.next(crate::support::BATCH).await.unwrap()
    {
        writer.write(&batch).await.unwrap();
        last = batch.position;
    }
    writer.flush(&last, true).await.unwrap();
    task
}

fn keys(database: &syncline_testkit::Database) -> Vec<Vec<Option<String>>> {
    database.rows(
        "SELECT conrelid::regclass, conname, pg_get_constraintdef(oid), convalidated FROM pg_constraint \
         WHERE contype = 'f' ORDER BY 1, 2",
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn circles_of_foreign_keys_are_loaded_and_hold_again() {
    let Some(server) = server() else { return };
    let (from, to) = (server.database(), server.database());
    from.execute(CIRCLE);
    let before = keys(&from);
    from.execute(ROWS);
    to.execute(CIRCLE);
    let sink = sink(&to.url());
    let tasks = [load(&from, &*sink, "a").await, load(&from, &*sink, "b").await];
    assert_eq!(keys(&to), Vec::<Vec<Option<String>>>::new(), "set aside while rows come in");
    for task in &tasks {
        sink.commit(task).await.unwrap();
    }
    for _ in 0..2 {
        sink.relate(&tasks).await.unwrap();
        assert_eq!(keys(&to), before);
    }
    sink.finish(&tasks).await.unwrap();
    assert_same((&from, "a"), (&to, "a"));
    assert_same((&from, "b"), (&to, "b"));
    assert_eq!(to.value("SELECT to_regclass('_syncline_checkpoint')"), None);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_row_without_its_counterpart_is_named_and_no_key_is_lost() {
    let Some(server) = server() else { return };
    let (from, to) = (server.database(), server.database());
    from.execute(CIRCLE);
    from.execute(ROWS);
    from.execute("SET session_replication_role = replica; UPDATE b SET a = 77 WHERE id = 3");
    to.execute(CIRCLE);
    let before = keys(&to);
    let there = sink(&to.url());
    let tasks = [load(&from, &*there, "a").await, load(&from, &*there, "b").await];
    for task in &tasks {
        there.commit(task).await.unwrap();
    }
    let refused = there.relate(&tasks).await.unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::Data);
    assert!(
        refused.message().contains("b_a") && refused.message().contains("(a)=(77)"),
        "{refused}"
    );
    let now = keys(&to);
    assert_eq!(now.len(), 3);
    assert!(now[2][2].as_ref().unwrap().ends_with("NOT VALID"), "{now:?}");
    to.execute("UPDATE b SET a = 7 WHERE id = 3");
    there.relate(&tasks).await.unwrap();
    assert_eq!(keys(&to), before);
    there.finish(&tasks).await.unwrap();

    // A run that is given up leaves the keys as they were, too.
    to.execute("TRUNCATE a, b");
    let again = sink(&to.url());
    let tasks = [load(&from, &*again, "a").await, load(&from, &*again, "b").await];
    assert_eq!(keys(&to).len(), 0);
    again.discard(&tasks).await.unwrap();
    assert_eq!(keys(&to).len(), 3);

    // A table that the run made: the key is added at the end, or its row named.
    let new = server.database();
    let sink = sink(&new.url());
    let tasks = [load(&from, &*sink, "a").await, load(&from, &*sink, "b").await];
    for task in &tasks {
        sink.commit(task).await.unwrap();
    }
    let refused = sink.relate(&tasks).await.unwrap_err();
    assert_eq!(refused.code(), Code::ForeignKey, "{refused}");
    for word in ["b_a", "(a)=(77)", "the row with (id) = (3)"] {
        assert!(refused.message().contains(word), "{word} is not in {refused}");
    }
    new.execute("UPDATE b SET a = 7 WHERE id = 3");
    sink.relate(&tasks).await.unwrap();
    assert_eq!(keys(&new), before);
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_that_a_unique_index_does_not_take_are_named() {
    let Some(server) = server() else { return };
    let (from, to) = (server.database(), server.database());
    from.execute(
        "CREATE TABLE t (id int PRIMARY KEY, v text); CREATE UNIQUE INDEX u ON t (v);
         INSERT INTO t SELECT g, 'v' || g FROM generate_series(1, 50) g",
    );
    let sink = sink(&to.url());
    let task = load(&from, &*sink, "t").await;
    to.execute("UPDATE t SET v = 'v7' WHERE id = 9");
    let refused = sink.commit(&task).await.unwrap_err();
    assert_eq!(refused.code(), Code::StoreFailed, "{refused}");
    for word in ["index u", "(id) = (7), (9)", "(v) = (v7)"] {
        assert!(refused.message().contains(word), "{word} is not in {refused}");
    }
    assert!(refused.hint_text().unwrap().contains("start the same command again"));
    to.execute("UPDATE t SET v = 'v9' WHERE id = 9");
    sink.commit(&task).await.unwrap();
    assert_same((&from, "t"), (&to, "t"));
    assert_eq!(to.count("pg_indexes WHERE indexname = 'u'"), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_serial_column_of_a_copy_counts_for_itself() {
    let Some(server) = server() else { return };
    let database = server.database();
    database
        .execute("CREATE TABLE t (id serial PRIMARY KEY, v text); INSERT INTO t (v) VALUES ('x')");
    copy(&database, &database, "t", "copy", WriteMode::Append).await;
    let next = |table: &str| {
        database.value(&format!("INSERT INTO {table} (v) VALUES ('n') RETURNING id")).unwrap()
    };
    assert_eq!((next("copy"), next("copy"), next("t")), ("2".into(), "3".into(), "2".into()));
    database.execute("DROP TABLE t");
    assert_eq!(next("copy"), "4");
}
