//! Statements that change tables, in their place among the rows.

use syncline_types::{SchemaEffect, TableSchema};

use crate::rig;
use crate::rig::databases;
use crate::rig::tail::Tail;

/// What a table's columns are, without what only SHOW CREATE TABLE says.
fn columns(table: &TableSchema) -> Vec<&arrow::datatypes::Field> {
    table.columns.iter().map(|c| &c.field).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn definitions_change_between_the_rows() {
    for (kind, database) in databases() {
        database.execute(
            "CREATE TABLE t (id int PRIMARY KEY, a varchar(20)); CREATE TABLE plain (x int)",
        );
        let mut tail = Tail::now(&database.url(), &["t*", "new*"]).await;
        database.execute(
            "INSERT INTO t VALUES (1, 'x'); ALTER TABLE t ADD COLUMN b enum('p','q') DEFAULT 'q' AFTER id; \
             UPDATE t SET a = 'y'; ALTER TABLE t CHANGE a c varchar(30) CHARACTER SET latin1; \
             INSERT INTO t VALUES (2, 'p', 'ü'); TRUNCATE TABLE t; INSERT INTO t VALUES (3, 'p', 'z'); \
             RENAME TABLE t TO t2; INSERT INTO t2 VALUES (4, NULL, NULL); \
             CREATE TABLE new1 (k bigint unsigned PRIMARY KEY, j json, s varchar(9) CHARACTER SET gbk); \
             INSERT INTO new1 VALUES (18446744073709551615, '{\"a\": 1}', '中'); \
             ALTER TABLE plain ADD COLUMN y int; INSERT INTO plain VALUES (1, 2); \
             CREATE TABLE unrelated (x int); DROP TABLE t2",
        );
        let read = tail.read().await.unwrap();
        let expected = [
            "insert t id=1 a=x",
            "update t id=1 b=q a=y",
            "insert t id=2 b=p c=ü",
            "insert t id=3 b=p c=z",
            "insert t2 id=4 b=NULL c=NULL",
            "insert new1 k=18446744073709551615 j={\"a\": 1} s=中",
        ];
        assert_eq!(read.lines(), expected, "{kind:?}");
        let effects: Vec<String> = read
            .schemas
            .iter()
            .map(|change| {
                assert!(change.complete && change.statement.is_some());
                let what = match &change.effect {
                    SchemaEffect::Created(table) => format!("created {}", table.name.name),
                    SchemaEffect::Altered { renamed, .. } => format!("altered {renamed:?}"),
                    SchemaEffect::Renamed(table) => format!("renamed {}", table.name.name),
                    SchemaEffect::Truncated => "truncated".into(),
                    SchemaEffect::Dropped => "dropped".into(),
                };
                format!("{} {what}", change.table.name)
            })
            .collect();
        let expected = [
            "t altered []",
            "t altered [(\"a\", \"c\")]",
            "t truncated",
            "t renamed t2",
            "new1 created new1",
            "t2 dropped",
        ];
        assert_eq!(effects, expected, "{kind:?}");
        // The very fields that the catalog gives.
        let now = rig::found(&*tail.source, "new1").await.schema;
        let SchemaEffect::Created(then) = &read.schemas[4].effect else { panic!() };
        assert_eq!(columns(&now), columns(then), "{kind:?}");
    }
}

/// A table made together with its rows, and statements about several tables.
#[tokio::test(flavor = "multi_thread")]
async fn one_statement_may_do_several_things() {
    for (kind, database) in databases() {
        database.execute("CREATE TABLE a (id int PRIMARY KEY); CREATE TABLE b (id int PRIMARY KEY); INSERT INTO a VALUES (1), (2)");
        let mut tail = Tail::now(&database.url(), &["*"]).await;
        database.execute("CREATE TABLE c (PRIMARY KEY (id)) AS SELECT * FROM a");
        let read = tail.read().await.unwrap();
        assert_eq!(read.lines(), ["insert c id=1", "insert c id=2"], "{kind:?}");
        assert!(matches!(read.schemas[0].effect, SchemaEffect::Created(_)));
        assert!(!read.schemas[0].complete, "the rows belong to it");
        database.execute("RENAME TABLE a TO x, b TO a, x TO b; DROP TABLE a, b");
        let read = tail.read().await.unwrap();
        assert_eq!(read.schemas.len(), 5, "{kind:?}");
        let complete: Vec<bool> = read.schemas.iter().map(|s| s.complete).collect();
        assert_eq!(complete, [false, false, true, false, true], "{kind:?}");
        // Broken off within a statement, all of it comes again.
        assert_eq!(read.schemas[0].position, read.schemas[1].position);
        assert_ne!(read.schemas[1].position, read.schemas[2].position);
    }
}
