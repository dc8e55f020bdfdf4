//! Foreign keys: added after all loads, held against the rows, and kept where a table is replaced.

#![allow(clippy::unwrap_used, reason = "a test has nothing better to do with an error")]

mod rig;

use rig::{Copy, copy_all, databases, found, sink, source, write_task};
use syncline_connector::{Sink, WriteMode, WriteTask};
use syncline_testkit::Database;
use syncline_types::{Code, Element, ErrorKind, ForeignKey, Position, TableName};

fn created(database: &Database, table: &str) -> String {
    database.rows(&format!("SHOW CREATE TABLE `{table}`"))[0][1].clone().unwrap()
}

/// Loads `from`'s table into the one of the same name, up to the commit.
async fn load(
    from: &Database,
    to: &dyn Sink,
    table: &str,
    how: &Copy,
    circular: bool,
) -> WriteTask {
    let source = source(&from.url());
    let info = found(&*source, table).await;
    let mut task = write_task(to, &info.schema, table, how, 1).await.unwrap();
    if circular {
        let keys = to.describe(&TableName::bare(table)).await.unwrap().unwrap().schema.foreign_keys;
        assert!(!keys.is_empty());
        task.circular = keys;
    }
    let read = rig::read_all(&info);
    let splits = source.plan(&read, &rig::cut(1)).await.unwrap();
    to.prepare(&task).await.unwrap();
    for split in &splits {
        let mut writer = to.open(&task, split).await.unwrap().writer;
        let mut reader = source.open(&read, split, None).await.unwrap();
        let mut position = Position::new(0, "");
        while let Element::Batch(batch) = reader.next(rig::BUDGET).await.unwrap() {
            position = batch.position.clone();
            writer.write(&batch).await.unwrap();
        }
        writer.flush(&position, true).await.unwrap();
    }
    to.commit(&task).await.unwrap();
    task
}

const FAMILY: &str = "CREATE TABLE parent (id int AUTO_INCREMENT PRIMARY KEY, code varchar(9) UNIQUE) AUTO_INCREMENT=500; \
     CREATE TABLE child (id int PRIMARY KEY, p int, boss int, KEY (p), KEY (boss), \
         CONSTRAINT to_parent FOREIGN KEY (p) REFERENCES parent (id) ON DELETE CASCADE, \
         CONSTRAINT to_boss FOREIGN KEY (boss) REFERENCES child (id))";

#[tokio::test(flavor = "multi_thread")]
async fn rows_that_refer_to_none_are_named() {
    for (kind, from) in databases() {
        let to = syncline_testkit::Server::shared(kind).unwrap().database();
        from.execute(FAMILY);
        from.execute(
            "INSERT INTO parent VALUES (1, 'a'); INSERT INTO child VALUES (7, 1, NULL); \
             SET foreign_key_checks=0; INSERT INTO child VALUES (8, 55, 7), (9, 56, 7)",
        );
        let error = copy_all(&from.url(), &to.url()).await.err().unwrap();
        assert_eq!((error.code(), error.kind()), (Code::ForeignKey, ErrorKind::Data), "{kind:?}");
        let text = error.to_string();
        for part in ["child: 2 rows", "to_parent", "id = ", "p = 5"] {
            assert!(text.contains(part), "{text}");
        }
        assert!(
            !created(&to, "child").contains("FOREIGN KEY"),
            "none is added while one is broken"
        );
        // Mended, it goes on from there.
        to.execute("INSERT INTO parent VALUES (55, 'b'), (56, 'c')");
        let sink = sink(&to.url());
        let mut keys = found(&*source(&from.url()), "child").await.schema;
        keys.foreign_keys.iter_mut().for_each(|key| key.references.schema = None);
        let mut task = write_task(&*sink, &keys, "elsewhere", &Copy::default(), 1).await.unwrap();
        task.table = std::sync::Arc::new(syncline_types::TableSchema {
            name: TableName::bare("child"),
            ..(*task.table).clone()
        });
        task.definition = std::sync::Arc::new(keys);
        sink.relate(&[task]).await.unwrap();
        assert_eq!(created(&from, "child"), created(&to, "child"), "{kind:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_table_that_refers_to_itself_is_loaded_in_any_order() {
    for (kind, from) in databases() {
        let to = syncline_testkit::Server::shared(kind).unwrap().database();
        from.execute(FAMILY);
        from.execute(
            "INSERT INTO child VALUES (3, NULL, NULL); INSERT INTO child VALUES (1, NULL, 3), (2, NULL, 1)",
        );
        to.execute(FAMILY);
        let sink = sink(&to.url());
        let task = load(&from, &*sink, "child", &Copy::default(), true).await;
        sink.relate(std::slice::from_ref(&task)).await.unwrap();
        sink.finish(std::slice::from_ref(&task)).await.unwrap();
        assert_eq!(to.count("child"), 3);
        // The session is not one to go on with: others' rows are checked as ever.
        let refused = to.try_execute("INSERT INTO child VALUES (9, NULL, 99)");
        assert!(refused.is_err(), "{kind:?}");

        // What refers to none is found when all are in.
        from.execute("SET foreign_key_checks=0; INSERT INTO child VALUES (4, NULL, 77)");
        to.execute(
            "DELETE FROM child WHERE id = 2; DELETE FROM child WHERE id = 1; DELETE FROM child",
        );
        let how = Copy { run: "0199aaaa-0000-7000-8000-0000000000aa", ..Copy::default() };
        let task = load(&from, &*sink, "child", &how, true).await;
        let error = sink.relate(std::slice::from_ref(&task)).await.unwrap_err();
        assert_eq!((error.code(), error.kind()), (Code::ForeignKey, ErrorKind::Data), "{kind:?}");
        assert!(error.to_string().contains("boss = 77"), "{error}");
        sink.discard(std::slice::from_ref(&task)).await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_table_that_is_replaced_keeps_its_foreign_keys_and_those_to_it() {
    for (kind, from) in databases() {
        let to = syncline_testkit::Server::shared(kind).unwrap().database();
        from.execute(FAMILY);
        from.execute("INSERT INTO parent VALUES (1, 'a'), (2, 'b'); INSERT INTO child VALUES (7, 1, NULL), (8, 2, 7)");
        to.execute(FAMILY);
        to.execute("INSERT INTO parent VALUES (1, 'old'); INSERT INTO child VALUES (70, 1, NULL)");
        let before = (created(&to, "parent"), created(&to, "child"));
        let sink = sink(&to.url());
        let how = Copy { write: WriteMode::Replace, ..Copy::default() };
        let mut tasks = Vec::new();
        for table in ["parent", "child"] {
            tasks.push(load(&from, &*sink, table, &how, false).await);
        }
        // Done before, it does nothing.
        sink.commit(&tasks[0]).await.unwrap();
        sink.relate(&tasks).await.unwrap();
        sink.finish(&tasks).await.unwrap();
        assert_eq!(before, (created(&to, "parent"), created(&to, "child")), "{kind:?}");
        let all = "SELECT * FROM child ORDER BY id";
        assert_eq!(from.rows(all), to.rows(all));
        let tables = to.rows("SHOW TABLES");
        assert_eq!(tables.len(), 2, "{tables:?}");
        assert!(to.try_execute("INSERT INTO child VALUES (9, 99, NULL)").is_err());
        to.execute("DELETE FROM parent WHERE id = 2");
        assert_eq!(to.count("child"), 1, "ON DELETE CASCADE works again");

        // Rows of another table that would refer to none.
        from.execute("UPDATE child SET boss = NULL; DELETE FROM child; DELETE FROM parent; INSERT INTO parent VALUES (5, 'x')");
        let how = Copy { run: "0199aaaa-0000-7000-8000-0000000000bb", ..how };
        let task = load(&from, &*sink, "parent", &how, false).await;
        let error = sink.relate(std::slice::from_ref(&task)).await.unwrap_err();
        assert_eq!(error.code(), Code::ForeignKey, "{kind:?}");
        assert!(error.to_string().contains("to_parent"), "{error}");
        assert_eq!(before.1, created(&to, "child"));
    }
}

/// Killed between the swap and the keys: the run goes on with what it noted before.
#[tokio::test(flavor = "multi_thread")]
async fn a_swap_that_was_broken_off_is_gone_on_with() {
    for (kind, to) in databases() {
        to.execute(FAMILY);
        to.execute("INSERT INTO parent VALUES (1, 'old'); INSERT INTO child VALUES (70, 1, NULL)");
        let before = created(&to, "child");
        let from = syncline_testkit::Server::shared(kind).unwrap().database();
        from.execute(FAMILY);
        from.execute("INSERT INTO parent VALUES (1, 'new')");
        let sink = sink(&to.url());
        let how = Copy { write: WriteMode::Replace, ..Copy::default() };
        let task = load(&from, &*sink, "parent", &how, false).await;
        // As if it had died after the first of its keys was taken away.
        to.execute("ALTER TABLE child DROP FOREIGN KEY to_parent");
        sink.prepare(&task).await.unwrap();
        sink.commit(&task).await.unwrap();
        sink.relate(std::slice::from_ref(&task)).await.unwrap();
        sink.finish(std::slice::from_ref(&task)).await.unwrap();
        assert_eq!(before, created(&to, "child"), "{kind:?}");
        assert_eq!(to.value("SELECT code FROM parent").as_deref(), Some("new"));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_table_refers_to_is_described_with_its_database() {
    for (kind, database) in databases() {
        database.execute(FAMILY);
        let there = sink(&database.url()).describe(&TableName::bare("child")).await.unwrap();
        let keys: Vec<ForeignKey> = there.unwrap().schema.foreign_keys;
        let names: Vec<String> = keys.iter().map(|k| k.references.to_string()).collect();
        let db = database.name();
        assert_eq!(names, [format!("{db}.child"), format!("{db}.parent")], "{kind:?}");
    }
}

/// Tables that refer to each other, swapped at the same time.
#[tokio::test(flavor = "multi_thread")]
async fn tables_in_a_circle_are_swapped_one_after_the_other() {
    const CIRCLE: &str = "CREATE TABLE a (id int PRIMARY KEY, o int, KEY (o)); \
         CREATE TABLE b (id int PRIMARY KEY, o int, KEY (o), CONSTRAINT to_a FOREIGN KEY (o) REFERENCES a (id)); \
         ALTER TABLE a ADD CONSTRAINT to_b FOREIGN KEY (o) REFERENCES b (id)";
    for (kind, from) in databases() {
        let to = syncline_testkit::Server::shared(kind).unwrap().database();
        for database in [&from, &to] {
            database.execute(CIRCLE);
        }
        from.execute(
            "INSERT INTO a VALUES (1, NULL); INSERT INTO b VALUES (1, 1); UPDATE a SET o = 1",
        );
        let before = (created(&to, "a"), created(&to, "b"));
        let sink = sink(&to.url());
        let how = Copy { write: WriteMode::Replace, ..Copy::default() };
        let (a, b) = tokio::join!(
            load(&from, &*sink, "a", &how, false),
            load(&from, &*sink, "b", &how, false)
        );
        let tasks = [a, b];
        sink.relate(&tasks).await.unwrap();
        sink.finish(&tasks).await.unwrap();
        assert_eq!(before, (created(&to, "a"), created(&to, "b")), "{kind:?}");
        assert_eq!((to.count("a"), to.count("b")), (1, 1));
    }
}
