//! Replica identities: what the log tells of old rows, and what is refused because it does not.

use syncline_types::Code;

use crate::support::{Run, follow, servers, source, words};

#[tokio::test(flavor = "multi_thread")]
async fn whole_old_rows_come_where_there_is_no_key_or_where_they_are_asked_for() {
    for server in servers() {
        let database = server.database();
        database.execute(
            "CREATE TABLE keyless (a int, b text); ALTER TABLE keyless REPLICA IDENTITY FULL;
             CREATE TABLE keyed (id int PRIMARY KEY, v int); ALTER TABLE keyed REPLICA IDENTITY FULL;
             CREATE TABLE plain (id int PRIMARY KEY, v int);
             INSERT INTO keyless VALUES (1, NULL), (1, NULL); INSERT INTO keyed VALUES (1, 1), (2, 2);
             INSERT INTO plain VALUES (1, 1);",
        );
        let mut run = Run::begin(&database, "whole", &["public.*"]).await;
        let changes =
            "UPDATE keyless SET b = 'x' WHERE ctid = '(0,1)'; DELETE FROM keyless WHERE b IS NULL;
             UPDATE keyed SET v = 3 WHERE id = 1; UPDATE keyed SET id = 5 WHERE id = 2;
             DELETE FROM keyed WHERE id = 1; UPDATE plain SET v = 2; DELETE FROM plain";
        database.execute(changes);
        assert_eq!(
            words(&run.catch_up().await),
            [
                "before keyless a=1 b=NULL",
                "update keyless a=1 b=x",
                "delete keyless a=1 b=NULL",
                "update keyed id=1 v=3",
                "before keyed id=2",
                "update keyed id=5 v=2",
                "delete keyed id=1",
                "update plain id=1 v=2",
                "delete plain id=1",
            ]
        );
        run.follow.old_images = true;
        database.execute(
            "INSERT INTO keyed VALUES (1, 1); INSERT INTO plain VALUES (1, 1);
             UPDATE keyed SET v = 3 WHERE id = 1; DELETE FROM keyed WHERE id = 1;
             UPDATE plain SET v = 2",
        );
        assert_eq!(
            words(&run.catch_up().await),
            [
                "insert keyed id=1 v=1",
                "insert plain id=1 v=1",
                "before keyed id=1 v=1",
                "update keyed id=1 v=3",
                "delete keyed id=1 v=3",
                "update plain id=1 v=2",
            ]
        );
        run.end().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_index_may_tell_rows_apart() {
    for server in servers() {
        let database = server.database();
        database.execute(
            "CREATE TABLE t (a int NOT NULL, b text NOT NULL, c int);
             CREATE UNIQUE INDEX t_key ON t (b, a);
             ALTER TABLE t REPLICA IDENTITY USING INDEX t_key;
             INSERT INTO t VALUES (1, 'x', 1)",
        );
        let mut run = Run::begin(&database, "index", &["public.t"]).await;
        database.execute("UPDATE t SET c = 2; UPDATE t SET a = 2; DELETE FROM t");
        assert_eq!(
            words(&run.catch_up().await),
            [
                "update t a=1 b=x c=2",
                "before t a=1 b=x",
                "update t a=2 b=x c=2",
                "delete t a=2 b=x"
            ]
        );
        // From now on the log tells too little, and that is not passed over.
        database.execute(
            "CREATE UNIQUE INDEX t_a ON t (a); ALTER TABLE t REPLICA IDENTITY USING INDEX t_a;
             INSERT INTO t VALUES (1, 'x', 1); DELETE FROM t",
        );
        let refused = run.try_catch_up(crate::support::BUDGET).await.unwrap_err();
        assert_eq!(refused.code(), Code::NoOldImage);
        run.end().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn tables_whose_rows_cannot_be_told_apart_are_refused_with_what_mends_it() {
    for server in servers() {
        let database = server.database();
        database.execute(
            "CREATE TABLE keyless (a int);
             CREATE TABLE nothing (id int PRIMARY KEY); ALTER TABLE nothing REPLICA IDENTITY NOTHING;
             CREATE TABLE uniq (a int NOT NULL UNIQUE);
             CREATE TABLE other (id int PRIMARY KEY, b int NOT NULL UNIQUE);
             ALTER TABLE other REPLICA IDENTITY USING INDEX other_b_key;
             CREATE TABLE parted (id int) PARTITION BY LIST (id);
             CREATE TABLE parted_1 PARTITION OF parted FOR VALUES IN (1);
             ALTER TABLE parted REPLICA IDENTITY FULL;",
        );
        let source = source(&database.url());
        let log = source.change_log().unwrap();
        for (table, mended) in [
            ("keyless", "keyless"),
            ("nothing", "nothing"),
            ("uniq", "uniq"),
            ("other", "other"),
            ("parted", "parted_1"),
        ] {
            let follow = follow(&*source, "refused", &[&format!("public.{table}")]).await;
            let refused = log.check_log(&follow).await.unwrap_err();
            assert_eq!(refused.code(), Code::NoOldImage, "{table}");
            let hint = refused.hint_text().unwrap();
            let statement = hint.strip_prefix("run: ").unwrap();
            assert!(statement.contains(&format!("\"public\".\"{mended}\"")), "{hint}");
            database.execute(statement);
            log.check_log(&follow).await.unwrap();
        }
    }
}
