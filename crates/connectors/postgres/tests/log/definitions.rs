//! Definitions that change between rows, truncation, and tables in parts.

use std::sync::Arc;

use arrow::datatypes::DataType;
use syncline_types::{LogElement, SchemaEffect};

use crate::support::{Run, schema_changes, servers, sets, words};

#[tokio::test(flavor = "multi_thread")]
async fn columns_are_added_dropped_renamed_and_given_other_types_in_their_place() {
    for server in servers() {
        let database = server.database();
        database.execute("CREATE TABLE t (id int PRIMARY KEY, a text, b int)");
        let mut run = Run::begin(&database, "columns", &["public.t"]).await;
        database.execute("INSERT INTO t VALUES (1, 'x', 1)");
        database.execute("ALTER TABLE t ADD c numeric(10,2) NOT NULL DEFAULT 7");
        database.execute("INSERT INTO t VALUES (2, 'x', 1, 1.5)");
        database.execute("ALTER TABLE t RENAME a TO z; ALTER TABLE t DROP b");
        database.execute("INSERT INTO t VALUES (3, 'x', 1)");
        database.execute("ALTER TABLE t RENAME z TO y; INSERT INTO t VALUES (4, 'x', 1)");
        database.execute(
            "BEGIN; INSERT INTO t VALUES (5, 'x', 1); ALTER TABLE t ALTER c TYPE int;
                          INSERT INTO t VALUES (6, 'x', 1); COMMIT",
        );
        let elements = run.catch_up().await;
        assert_eq!(
            words(&elements),
            [
                "insert t id=1 a=x b=1",
                "altered t",
                "insert t id=2 a=x b=1 c=1.50",
                "altered t",
                "insert t id=3 z=x c=1.00",
                "altered t",
                "insert t id=4 y=x c=1.00",
                "insert t id=5 y=x c=1.00",
                "altered t",
                "insert t id=6 y=x c=1",
            ]
        );
        let changes = schema_changes(&elements);
        let altered = |at: usize| match &changes[at].effect {
            SchemaEffect::Altered { after, renamed } => (Arc::clone(after), renamed.clone()),
            other => panic!("{other:?}"),
        };
        // The catalog was ahead: what it does not tell any more is what is safe to believe.
        let (added, _) = altered(0);
        assert_eq!(added.columns[3].field.data_type(), &DataType::Decimal128(10, 2));
        assert_eq!(altered(2).1, [("z".to_owned(), "y".to_owned())]);
        let (last, renamed) = altered(3);
        assert!(renamed.is_empty());
        assert!(!last.columns[2].field.is_nullable() && last.columns[2].default.is_some());
        assert_eq!(last.primary_key, ["id"]);
        // The same `Arc` as long as nothing changes.
        let of_last = sets(&elements).into_iter().next_back().unwrap();
        assert!(of_last.changes.iter().all(|c| Arc::ptr_eq(&c.table, &last)));

        run.follow.tables = vec![last];
        database.execute("INSERT INTO t VALUES (7, 'x', 1)");
        assert_eq!(words(&run.catch_up().await), ["insert t id=7 y=x c=1"]);
        // Changed while nobody reads, and seen with the first row.
        database.execute("ALTER TABLE t ADD d int; INSERT INTO t VALUES (8, 'x', 1, 2)");
        assert_eq!(words(&run.catch_up().await), ["altered t", "insert t id=8 y=x c=1 d=2"]);
        run.end().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn columns_that_are_not_wanted_stay_away_and_new_ones_are_told() {
    for server in servers() {
        let database = server.database();
        database.execute("CREATE TABLE t (id int PRIMARY KEY, secret text, a int, hidden int)");
        let mut run = Run::begin(&database, "some", &["public.t"]).await;
        let mut table = run.follow.tables[0].as_ref().clone();
        table.columns.retain(|c| matches!(c.name(), "id" | "a"));
        run.follow.tables = vec![Arc::new(table)];
        let log = run.source.change_log().unwrap();
        run.at = log.start(&run.follow, &syncline_connector::Start::Now).await.unwrap();
        database.execute("INSERT INTO t VALUES (1, 's', 2, 3)");
        assert_eq!(words(&run.catch_up().await), ["insert t id=1 a=2"]);
        database.execute(
            "INSERT INTO t VALUES (2, 's', 2, 3); ALTER TABLE t RENAME secret TO covert;
             INSERT INTO t VALUES (3, 's', 2, 3); ALTER TABLE t ADD fresh int;
             INSERT INTO t VALUES (4, 's', 2, 3, 4)",
        );
        let elements = run.catch_up().await;
        assert_eq!(
            words(&elements),
            ["insert t id=2 a=2", "insert t id=3 a=2", "altered t", "insert t id=4 a=2 fresh=4"]
        );
        run.end().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_table_that_gets_another_name_goes_on_under_it() {
    for server in servers() {
        let database = server.database();
        database.execute("CREATE TABLE t (id int PRIMARY KEY); CREATE SCHEMA s");
        let mut run = Run::begin(&database, "renamed", &["public.t"]).await;
        database.execute("INSERT INTO t VALUES (1); ALTER TABLE t RENAME TO u");
        database.execute("ALTER TABLE u SET SCHEMA s; INSERT INTO s.u VALUES (2)");
        let elements = run.catch_up().await;
        assert_eq!(words(&elements), ["insert t id=1", "renamed t", "insert u id=2"]);
        let SchemaEffect::Renamed(table) = &schema_changes(&elements)[0].effect else { panic!() };
        assert_eq!(table.name.to_string(), "s.u");
        // While nobody reads.
        run.follow.tables = vec![Arc::clone(table)];
        database.execute("ALTER TABLE s.u RENAME TO w; INSERT INTO s.w VALUES (3)");
        assert_eq!(words(&run.catch_up().await), ["renamed u", "insert w id=3"]);
        run.end().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn truncation_is_told_in_its_place_for_each_table() {
    for server in servers() {
        let database = server.database();
        database.execute(
            "CREATE TABLE a (id int PRIMARY KEY);
             CREATE TABLE b (id int PRIMARY KEY, a int REFERENCES a); INSERT INTO a VALUES (1)",
        );
        let mut run = Run::begin(&database, "truncate", &["public.*"]).await;
        database.execute(
            "BEGIN; INSERT INTO a VALUES (2); TRUNCATE a CASCADE; INSERT INTO a VALUES (3);
             TRUNCATE b; COMMIT; TRUNCATE b",
        );
        let elements = run.catch_up().await;
        let mut told = words(&elements);
        told[1..3].sort();
        assert_eq!(
            told,
            [
                "insert a id=2",
                "truncated a",
                "truncated b",
                "insert a id=3",
                "truncated b",
                "truncated b",
            ]
        );
        assert!(schema_changes(&elements).iter().all(|c| !c.complete));
        let last = elements.last().unwrap();
        let LogElement::Changes(set) = last else { panic!("{last:?}") };
        assert!(set.complete && set.places == 0 && set.commits.len() == 1);
        run.end().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_table_in_parts_is_followed_as_one() {
    for server in servers() {
        let database = server.database();
        database.execute(
            "CREATE TABLE t (id int, k text, v int, PRIMARY KEY (id, k)) PARTITION BY LIST (k);
             CREATE TABLE t_a PARTITION OF t FOR VALUES IN ('a');
             CREATE TABLE t_b (v int, gone int, k text NOT NULL, id int NOT NULL);
             ALTER TABLE t_b DROP gone; ALTER TABLE t_b ADD PRIMARY KEY (id, k);
             ALTER TABLE t ATTACH PARTITION t_b FOR VALUES IN ('b');",
        );
        let mut run = Run::begin(&database, "parts", &["public.t"]).await;
        database.execute(
            "INSERT INTO t VALUES (1, 'a', 1), (2, 'b', 2); UPDATE t SET v = 3 WHERE id = 2;
             UPDATE t SET k = 'b' WHERE id = 1; DELETE FROM t_b WHERE id = 2; TRUNCATE t",
        );
        assert_eq!(
            words(&run.catch_up().await),
            [
                "insert t id=1 k=a v=1",
                "insert t id=2 k=b v=2",
                "update t id=2 k=b v=3",
                // From one part to another.
                "delete t id=1 k=a",
                "insert t id=1 k=b v=1",
                "delete t id=2 k=b",
                "truncated t",
            ]
        );
        // A new part belongs to it from its first row on.
        database.execute(
            "CREATE TABLE t_c PARTITION OF t FOR VALUES IN ('c'); INSERT INTO t VALUES (3, 'c', 1)",
        );
        assert_eq!(words(&run.catch_up().await), ["insert t id=3 k=c v=1"]);
        run.end().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_no_row_tells_is_found_in_the_catalog() {
    for server in servers() {
        let database = server.database();
        database.execute(
            "CREATE TABLE idle (id int PRIMARY KEY, a int); CREATE TABLE gone (id int PRIMARY KEY);
             CREATE TABLE busy (id int PRIMARY KEY)",
        );
        let run = Run::begin(&database, "watch", &["public.*"]).await;
        let mut reader = run.reader().await.unwrap();
        let mut told: Vec<LogElement> = Vec::new();
        let mut statements = [
            "CREATE UNIQUE INDEX idle_a ON idle (a); INSERT INTO busy VALUES (1)",
            "ALTER TABLE idle ADD c text; ALTER TABLE idle RENAME a TO b",
            "ALTER TABLE idle ALTER b SET NOT NULL; ALTER TABLE idle RENAME TO idler",
            "DROP TABLE gone",
            "INSERT INTO idler VALUES (1, 2, 'x')",
        ]
        .into_iter();
        let expected = [2, 3, 5, 6, 7];
        let mut step = 0;
        let deadline = std::time::Instant::now() + std::time::Duration::from_secs(60);
        // The tables as they are give nothing to tell.
        for _ in 0..5 {
            let first = reader.next(crate::support::BUDGET).await.unwrap();
            assert!(matches!(first, LogElement::Heartbeat(_)), "{first:?}");
        }
        database.execute(statements.next().unwrap());
        while step < expected.len() {
            let element = reader.next(crate::support::BUDGET).await.unwrap();
            if !matches!(element, LogElement::Heartbeat(_)) {
                told.push(element);
                if words(&told).len() == expected[step] {
                    step += 1;
                    statements.next().into_iter().for_each(|sql| database.execute(sql));
                }
            }
            assert!(std::time::Instant::now() < deadline, "{:?}", words(&told));
        }
        assert_eq!(
            words(&told),
            [
                "insert busy id=1",
                "altered idle",
                "altered idle",
                "renamed idle",
                "altered idler",
                "dropped gone",
                "insert idler id=1 b=2 c=x",
            ]
        );
        let changes = schema_changes(&told);
        let altered = |at: usize| match &changes[at].effect {
            SchemaEffect::Altered { after, renamed } => (after, renamed),
            other => panic!("{other:?}"),
        };
        assert_eq!(altered(0).0.indexes.len(), 1);
        assert_eq!(altered(1).1, &[("a".to_owned(), "b".to_owned())]);
        assert!(altered(1).0.column("c").is_some());
        assert!(!altered(3).0.column("b").unwrap().field.is_nullable());
        assert!(changes.iter().all(|c| c.complete));
        drop(reader);
        run.end().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_table_that_is_added_is_left_alone_by_readers_that_do_not_know_it() {
    for server in servers() {
        let database = server.database();
        database
            .execute("CREATE TABLE a (id int PRIMARY KEY); CREATE TABLE b (id int PRIMARY KEY)");
        let mut run = Run::begin(&database, "added", &["public.a"]).await;
        let log = run.source.change_log().unwrap();
        let both = crate::support::follow(&*run.source, &run.follow.run, &["public.*"]).await;
        database.execute("INSERT INTO b VALUES (1)");
        let (_, moment) = log.begin_at(&both, 1).await.unwrap();
        database.execute("INSERT INTO a VALUES (1); INSERT INTO b VALUES (2)");
        assert_eq!(words(&run.peek().await), ["insert a id=1"]);
        run.follow = both;
        run.at = moment.low;
        assert_eq!(words(&run.catch_up().await), ["insert a id=1", "insert b id=2"]);
        // One that is made again under the same name is not the one that was followed.
        database.execute("DROP TABLE b; CREATE TABLE b (id int PRIMARY KEY)");
        let refused = run.reader().await.err().unwrap();
        assert_eq!(refused.code(), syncline_types::Code::TableChanged);
        run.end().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn columns_that_trade_their_names_are_told_by_their_numbers() {
    for server in servers() {
        let database = server.database();
        database.execute(
            "CREATE TABLE t (id int PRIMARY KEY, a int, b int); CREATE TABLE u (LIKE t INCLUDING ALL)",
        );
        let mut run = Run::begin(&database, "trade", &["public.*"]).await;
        let trade = |table: &str| {
            format!(
                "BEGIN; ALTER TABLE {table} RENAME a TO x; ALTER TABLE {table} RENAME b TO a;
                 ALTER TABLE {table} RENAME x TO b; COMMIT"
            )
        };
        let mut reader = run.reader().await.unwrap();
        let mut told = Vec::new();
        database.execute("INSERT INTO t VALUES (1, 1, 2); INSERT INTO u VALUES (1, 1, 2)");
        let deadline = std::time::Instant::now() + std::time::Duration::from_secs(60);
        let mut steps = [
            (2, format!("{}; INSERT INTO t VALUES (2, 3, 4)", trade("t"))),
            // No row comes by.
            (4, trade("u")),
        ]
        .into_iter()
        .peekable();
        while words(&told).len() < 5 {
            match reader.next(crate::support::BUDGET).await.unwrap() {
                LogElement::Heartbeat(position) => run.at = position,
                element => told.push(element),
            }
            if let Some((_, sql)) = steps.next_if(|(after, _)| words(&told).len() == *after) {
                database.execute(&sql);
            }
            assert!(std::time::Instant::now() < deadline, "{:?}", words(&told));
        }
        assert_eq!(
            words(&told),
            [
                "insert t id=1 a=1 b=2",
                "insert u id=1 a=1 b=2",
                "altered t",
                "insert t id=2 b=3 a=4",
                "altered u",
            ]
        );
        for change in schema_changes(&told) {
            let SchemaEffect::Altered { renamed, .. } = &change.effect else { panic!() };
            let pairs = [("a".to_owned(), "b".to_owned()), ("b".to_owned(), "a".to_owned())];
            assert_eq!(renamed, &pairs);
        }
        // While nobody reads, there is nothing that tells it from columns that were made anew.
        drop(reader);
        database.execute("INSERT INTO t VALUES (3, 1, 1)");
        let refused = run.try_catch_up(crate::support::BUDGET).await.unwrap_err();
        assert_eq!(refused.code(), syncline_types::Code::TableChanged);
        run.end().await;
    }
}
