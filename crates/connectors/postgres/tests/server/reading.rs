//! Cutting, positions and snapshots.

use std::sync::Arc;

use arrow::util::display::{ArrayFormatter, FormatOptions};
use syncline_connector::{Budget, Consistency, Cut, ReadTask, Source};
use syncline_testkit::Database;
use syncline_types::{
    Code, DefaultValue, Element, Identity, Position, Result, Split, TableName, TableSelection,
};

use crate::support::{BATCH, WHOLE, find, plan, read_task, select, server, source};

const CUT: Cut = Cut { splits: 8, min_rows: 100, min_bytes: 1 };

/// Rows of one split after a position, each with the position of its batch.
async fn read_split(
    source: &dyn Source,
    read: &ReadTask,
    split: &Split,
    at: Option<&Position>,
    budget: Budget,
) -> Result<Vec<(Vec<String>, Position)>> {
    let mut reader = source.open(read, split, at).await?;
    let mut batches = Vec::new();
    while let Element::Batch(batch) = reader.next(budget).await? {
        let mut column = Arc::clone(batch.rows.column(0));
        if let arrow::datatypes::DataType::Timestamp(..) = column.data_type() {
            column = arrow::compute::cast(&column, &arrow::datatypes::DataType::Int64).unwrap();
        }
        let options = FormatOptions::new();
        let texts = ArrayFormatter::try_new(&column, &options).unwrap();
        let texts = (0..column.len()).map(|row| texts.value(row).to_string()).collect();
        batches.push((texts, batch.position));
    }
    Ok(batches)
}

async fn counts(source: &dyn Source, read: &ReadTask, splits: &[Split]) -> Vec<usize> {
    let mut counts = Vec::new();
    for split in splits {
        let batches = read_split(source, read, split, None, BATCH).await.unwrap();
        counts.push(batches.iter().map(|(rows, _)| rows.len()).sum());
    }
    counts
}

/// Keys of many kinds, none of them evenly spread.
const KEYS: [(&str, &str); 10] = [
    ("dense", "id bigint PRIMARY KEY) AS SELECT g FROM g"),
    ("sparse", "id bigint PRIMARY KEY) AS SELECT g::bigint * g * g * g FROM g"),
    ("skewed", "id numeric PRIMARY KEY) AS SELECT power(1.01, g)::numeric + g FROM g"),
    ("texts", "id text COLLATE \"C\" PRIMARY KEY) AS SELECT md5(g::text) FROM g"),
    ("prefixed", "id varchar(80) PRIMARY KEY) AS SELECT repeat('x', 60) || 'é''\\' || g FROM g"),
    ("uuids", "id uuid PRIMARY KEY) AS SELECT gen_random_uuid() FROM g"),
    ("pairs", "a text, b int, PRIMARY KEY (a, b)) AS SELECT 'k' || (g % 3), g FROM g"),
    (
        "moments",
        "id timestamptz PRIMARY KEY) AS SELECT 'epoch'::timestamptz + g * g * interval '7 s' FROM g",
    ),
    ("addresses", "id inet PRIMARY KEY) AS SELECT '10.0.0.0'::inet + g * 77 FROM g"),
    ("bytes", "id bytea PRIMARY KEY) AS SELECT decode(md5(g::text), 'hex') FROM g"),
];

fn make(database: &Database, name: &str, columns: &str, rows: usize) {
    let (columns, select) = columns.split_once(" AS ").unwrap();
    database.execute(&format!("CREATE TABLE {name} ({columns}"));
    database.execute(&format!(
        "WITH g AS (SELECT generate_series(1, {rows}) AS g) INSERT INTO {name} {}",
        select.replace("FROM g", "FROM g ORDER BY md5(g::text)")
    ));
}

#[tokio::test(flavor = "multi_thread")]
async fn splits_of_any_key_are_even_and_cover_each_row_once() {
    let Some(server) = server() else { return };
    let database = server.database();
    let source = source(&database.url());
    for (name, columns) in KEYS {
        make(&database, name, columns, 4000);
    }
    source.begin(2).await.unwrap();
    for (name, _) in KEYS {
        let read = read_task(&find(&*source, name).await);
        let splits = plan(&*source, &read, &CUT).await;
        assert_eq!(splits.len(), 8, "{name}");
        assert!(splits.iter().all(|s| s.resumable), "{name}");
        let counts = counts(&*source, &read, &splits).await;
        assert_eq!(counts.iter().sum::<usize>(), 4000, "{name}");
        let (least, most) = (counts.iter().min().unwrap(), counts.iter().max().unwrap());
        assert!(most <= &(least * 2), "{name}: {counts:?}");
    }
    source.end().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_large_table_is_cut_evenly_from_a_sample() {
    let Some(server) = server() else { return };
    let database = server.database();
    // Rows so wide that there are more blocks than are looked at.
    database.execute(
        "CREATE TABLE wide (id float8 PRIMARY KEY, filler text);
         ALTER TABLE wide ALTER filler SET STORAGE PLAIN;
         INSERT INTO wide SELECT exp(g / 1000.0), repeat('x', 2000) FROM generate_series(1, 30000) g;
         ANALYZE wide",
    );
    let source = source(&database.url());
    source.begin(2).await.unwrap();
    let mut table = find(&*source, "wide").await;
    table.columns.truncate(1);
    let read = read_task(&table);
    let cut = Cut { splits: 4, min_rows: 1000, min_bytes: 1 };
    let splits = plan(&*source, &read, &cut).await;
    let counts = counts(&*source, &read, &splits).await;
    assert_eq!((counts.len(), counts.iter().sum::<usize>()), (4, 30_000));
    assert!(counts.iter().all(|n| (3750..15_000).contains(n)), "{counts:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn every_position_leads_to_exactly_the_rows_after_it_in_a_new_process() {
    let Some(server) = server() else { return };
    let database = server.database();
    for (name, columns) in KEYS {
        make(&database, name, columns, 60);
    }
    let cut = Cut { splits: 2, min_rows: 1, min_bytes: 1 };
    let budget = Budget { rows: 7, bytes: 1 << 20 };
    for (name, _) in KEYS {
        let first = source(&database.url());
        first.begin(2).await.unwrap();
        let read = read_task(&find(&*first, name).await);
        let splits = plan(&*first, &read, &cut).await;
        for split in &splits {
            let all = read_split(&*first, &read, split, None, budget).await.unwrap();
            let rows: Vec<String> = all.iter().flat_map(|(rows, _)| rows.clone()).collect();
            let again = source(&database.url());
            again.begin(2).await.unwrap();
            for (batch, (_, position)) in all.iter().enumerate() {
                let rest = read_split(&*again, &read, split, Some(position), budget).await.unwrap();
                let rest: Vec<String> = rest.into_iter().flat_map(|(rows, _)| rows).collect();
                let expected: Vec<String> =
                    all[batch + 1..].iter().flat_map(|(rows, _)| rows.clone()).collect();
                assert_eq!(rest, expected, "{name} after {position:?}");
                assert_eq!(rest.as_slice(), &rows[usize::try_from(position.seq).unwrap()..]);
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn all_readers_see_one_moment_while_others_write() {
    let Some(server) = server() else { return };
    let database = server.database();
    database.execute(
        "CREATE TABLE a (id int PRIMARY KEY, v int); INSERT INTO a SELECT g, 1 FROM generate_series(1, 500) g;
         CREATE TABLE b (v int); INSERT INTO b SELECT 1 FROM generate_series(1, 5000) g",
    );
    let source = source(&database.url());
    assert_eq!(source.begin(4).await.unwrap(), Consistency::Snapshot);
    let (a, b) = (find(&*source, "a").await, find(&*source, "b").await);
    let cut = Cut { splits: 4, min_rows: 1, min_bytes: 1 };
    database.execute("UPDATE a SET v = 2, id = id + 10000 WHERE id % 2 = 0; DELETE FROM b; INSERT INTO a VALUES (0, 3)");
    for (table, rows) in [(a, 500), (b, 5000)] {
        let read = read_task(&table);
        let splits = plan(&*source, &read, &cut).await;
        let mut readers = Vec::new();
        for split in &splits {
            readers.push(source.open(&read, split, None).await.unwrap());
        }
        database.execute("DELETE FROM a WHERE v = 3; UPDATE a SET v = 4");
        database.execute("VACUUM a");
        let mut seen = 0;
        for reader in &mut readers {
            while let Element::Batch(batch) = reader.next(BATCH).await.unwrap() {
                let v = batch.rows.column_by_name("v").unwrap();
                let v = arrow::array::AsArray::as_primitive::<arrow::datatypes::Int32Type>(v);
                assert!(v.values().iter().all(|v| *v == 1), "another moment shows");
                seen += v.len();
            }
        }
        assert_eq!(seen, rows, "{}", table.name);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_table_without_key_is_resumed_only_while_it_is_as_it_was() {
    let Some(server) = server() else { return };
    let database = server.database();
    database.execute(
        "CREATE TABLE loose (v text);
         INSERT INTO loose SELECT repeat('x', 500) || g FROM generate_series(1, 2000) g;
         CREATE TABLE other (v int)",
    );
    let first = source(&database.url());
    first.begin(2).await.unwrap();
    let read = read_task(&find(&*first, "loose").await);
    let splits = plan(&*first, &read, &CUT).await;
    assert!(splits.len() > 4 && splits.iter().all(|s| !s.resumable));
    assert_eq!(counts(&*first, &read, &splits).await.iter().sum::<usize>(), 2000);

    // What happens elsewhere, and what was rolled back, is no change of this table.
    database.execute("INSERT INTO other VALUES (1); BEGIN; DELETE FROM loose; ROLLBACK");
    database.execute("VACUUM loose");
    let again = source(&database.url());
    again.begin(2).await.unwrap();
    assert_eq!(counts(&*again, &read, &splits).await.iter().sum::<usize>(), 2000);

    again.end().await.unwrap();

    // Readers of the first snapshot go on, whatever happens.
    database.execute("UPDATE loose SET v = v || '!' WHERE v LIKE '%x77'");
    assert_eq!(counts(&*first, &read, &splits).await.iter().sum::<usize>(), 2000);
    for change in ["", "VACUUM FULL loose"] {
        if !change.is_empty() {
            first.end().await.unwrap();
            database.execute(change);
        }
        let later = source(&database.url());
        later.begin(2).await.unwrap();
        let refused = later.open(&read, &splits[0], None).await.err().unwrap();
        assert_eq!(refused.code(), Code::CannotResume, "{}", refused.chain());
        assert!(refused.hint_text().unwrap().contains("--fresh"));
        later.end().await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn partitions_are_read_with_their_table_and_inheriting_tables_by_themselves() {
    let Some(server) = server() else { return };
    let database = server.database();
    database.execute(
        "CREATE TABLE p (id int, r int, PRIMARY KEY (id, r)) PARTITION BY RANGE (r);
         CREATE TABLE p1 PARTITION OF p FOR VALUES FROM (0) TO (10);
         CREATE TABLE p2 PARTITION OF p FOR VALUES FROM (10) TO (20) PARTITION BY LIST (id);
         CREATE TABLE p2a PARTITION OF p2 DEFAULT;
         INSERT INTO p SELECT g, g % 20 FROM generate_series(1, 400) g;
         CREATE TABLE q (v text) PARTITION BY HASH (v);
         CREATE TABLE q0 PARTITION OF q FOR VALUES WITH (MODULUS 2, REMAINDER 0);
         CREATE TABLE q1 PARTITION OF q FOR VALUES WITH (MODULUS 2, REMAINDER 1);
         INSERT INTO q SELECT md5(g::text) FROM generate_series(1, 3000) g;
         CREATE TABLE bare (v int) PARTITION BY RANGE (v);
         CREATE TABLE parent (id int PRIMARY KEY); INSERT INTO parent VALUES (1), (2);
         CREATE TABLE child (extra int) INHERITS (parent); INSERT INTO child VALUES (3, 3);
         CREATE VIEW v AS SELECT 1; CREATE MATERIALIZED VIEW m AS SELECT 1 AS one;
         SELECT lo_create(0)",
    );
    let source = source(&database.url());
    source.begin(2).await.unwrap();
    let found = source.discover(&TableSelection::default()).await.unwrap();
    let names: Vec<String> = found.iter().map(|t| t.schema.name.to_string()).collect();
    assert_eq!(names, ["public.bare", "public.child", "public.p", "public.parent", "public.q"]);
    let rows: Vec<Option<u64>> = found.iter().map(|t| t.rows).collect();
    assert_eq!(rows[0], Some(0), "an empty table is known to be empty");
    for (table, rows) in found.iter().zip([0, 1, 400, 2, 3000]) {
        let read = read_task(&table.schema);
        let splits = plan(&*source, &read, &CUT).await;
        let counts = counts(&*source, &read, &splits).await;
        assert_eq!(counts.iter().sum::<usize>(), rows, "{}", table.schema.name);
    }
    let mut read = read_task(&found[4].schema);
    read.filter = Some("q.v < '8'".into());
    let splits = plan(&*source, &read, &CUT).await;
    let below = database.value("SELECT count(*) FROM q WHERE v < '8'");
    assert_eq!(
        Some(counts(&*source, &read, &splits).await.iter().sum::<usize>().to_string()),
        below
    );
    assert!(found[3].notes.iter().any(|n| n.contains("inherit")), "{:?}", found[3].notes);
    assert_eq!(find(&*source, "p1").await.name, TableName::new("public", "p1"));
    let notes = source.left_out().await.unwrap().join("\n");
    for word in ["public.v", "public.m", "1 large object(s)"] {
        assert!(notes.contains(word), "{notes}");
    }
    let view = source.discover(&select(&["v"])).await.unwrap_err();
    assert_eq!(view.code(), Code::TableNotFound);
    assert!(view.hint_text().unwrap().contains("--query"));
}

#[tokio::test(flavor = "multi_thread")]
async fn columns_keys_and_sizes_are_found_as_the_catalog_has_them() {
    let Some(server) = server() else { return };
    let database = server.database();
    database.execute(
        r#"CREATE SCHEMA "My.Shop";
         CREATE TABLE "My.Shop"."a ""b"".c 😀" (
           "order" serial, big bigint GENERATED ALWAYS AS IDENTITY (START 10 INCREMENT 5),
           "select" text DEFAULT 'it''s' NOT NULL, n numeric(9,3) DEFAULT -1.5, at timestamptz DEFAULT now(),
           d date DEFAULT '2020-01-31', r real DEFAULT random(), ok bool DEFAULT true,
           twice int GENERATED ALWAYS AS (1 + 1) STORED,
           PRIMARY KEY ("select", "order"));
         CREATE UNIQUE INDEX u ON "My.Shop"."a ""b"".c 😀" (big DESC, n);
         CREATE INDEX part ON "My.Shop"."a ""b"".c 😀" (n) WHERE n > 0;
         CREATE INDEX ex ON "My.Shop"."a ""b"".c 😀" (lower("select"));
         COMMENT ON TABLE "My.Shop"."a ""b"".c 😀" IS 'it''s a table';
         COMMENT ON COLUMN "My.Shop"."a ""b"".c 😀".n IS 'number';
         INSERT INTO "My.Shop"."a ""b"".c 😀" ("select") VALUES ('x'), ('y')"#,
    );
    let source = source(&database.url());
    let found = source.discover(&select(&[r#""My.Shop"."a ""b"".c 😀""#])).await.unwrap();
    let table = &found[0].schema;
    assert_eq!(table.primary_key, ["select", "order"]);
    assert_eq!(table.comment.as_deref(), Some("it's a table"));
    let column = |name: &str| table.column(name).unwrap();
    assert_eq!(column("order").identity, Some(Identity { always: false, next: Some(3) }));
    assert_eq!(column("big").identity, Some(Identity { always: true, next: Some(20) }));
    assert_eq!(column("select").default, Some(DefaultValue::Value("it's".into())));
    assert_eq!(column("n").default, Some(DefaultValue::Value("-1.5".into())));
    assert_eq!(column("at").default, Some(DefaultValue::CurrentTimestamp));
    assert_eq!(column("d").default, Some(DefaultValue::Value("2020-01-31".into())));
    assert!(matches!(column("r").default, Some(DefaultValue::Native { .. })));
    assert_eq!(column("twice").generated.as_ref().unwrap().expression.sql, "1 + 1");
    assert_eq!(column("n").comment.as_deref(), Some("number"));
    assert!(!column("select").field.is_nullable() && column("n").field.is_nullable());
    let names: Vec<&str> = table.indexes.iter().map(|i| i.name.as_str()).collect();
    assert_eq!(names, ["ex", "part", "u"]);
    let words = |at: usize| table.indexes[at].definition.as_ref().map(|d| d.sql.as_str());
    assert_eq!(words(0), Some("USING btree (lower(\"select\"))"));
    assert_eq!(words(1), Some("USING btree (n) WHERE (n > (0)::numeric)"));
    let index = &table.indexes[2];
    assert!(index.unique && words(2).is_none());
    let parts: Vec<(&str, bool)> =
        index.parts.iter().map(|p| (p.column.as_str(), p.descending)).collect();
    assert_eq!(parts, [("big", true), ("n", false)]);
}

#[tokio::test(flavor = "multi_thread")]
async fn queries_and_conditions_are_the_users_own_sql() {
    let Some(server) = server() else { return };
    let database = server.database();
    database.execute(
        "CREATE SCHEMA shop; CREATE TABLE shop.t (id int PRIMARY KEY, v text);
         INSERT INTO shop.t SELECT g, 'v' || g FROM generate_series(1, 100) g",
    );
    let source = source(&format!("{}?schema=shop", database.url()));
    source.begin(1).await.unwrap();
    let sql = "WITH x AS (SELECT * FROM t) SELECT id, count(*) OVER () AS n, 1.50::numeric(5,2) AS p FROM x ORDER BY id DESC; -- done";
    let refused = source.describe_query(sql).await.unwrap_err();
    assert_eq!(refused.code(), Code::QueryRejected, "two statements are no query");
    let sql = sql.replace("; -- done", " -- done\n;");
    let info = source.describe_query(&sql).await.unwrap();
    let read = ReadTask { table: Arc::new(info.schema.clone()), filter: None, query: Some(sql) };
    let splits = plan(&*source, &read, &CUT).await;
    assert_eq!((splits.len(), splits[0].resumable), (1, false));
    let batches = read_split(&*source, &read, &splits[0], None, BATCH).await.unwrap();
    let ids: Vec<String> = batches.into_iter().flat_map(|b| b.0).collect();
    assert_eq!((ids.len(), ids[0].as_str()), (100, "100"));

    let table = find(&*source, "t").await;
    let mut read = read_task(&table);
    read.filter = Some("v = 'v7' OR t.id = 8 -- mine".into());
    let splits = plan(&*source, &read, &CUT).await;
    assert_eq!(counts(&*source, &read, &splits).await.iter().sum::<usize>(), 2);
    for (filter, code) in [
        ("nosuch = 1", Code::QueryRejected),
        ("1 / (id - id) = 1", Code::QueryRejected),
        ("syntax error here", Code::QueryRejected),
    ] {
        read.filter = Some(filter.into());
        let failed = async {
            let splits = source.plan(&read, &WHOLE).await?;
            read_split(&*source, &read, &splits[0], None, BATCH).await
        };
        assert_eq!(failed.await.unwrap_err().code(), code, "{filter}");
    }
    for (query, word) in [("SELECT * FROM nosuch", "nosuch"), ("SELECT 1 AS a, 2 AS a", "\"a\"")] {
        let refused = source.describe_query(query).await.unwrap_err();
        assert_eq!(refused.code(), Code::QueryRejected, "{query}");
        assert!(refused.message().contains(word), "{}", refused.message());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_arrow_cannot_hold_is_rejected_row_by_row_and_nothing_else() {
    let Some(server) = server() else { return };
    let database = server.database();
    database.execute(
        "CREATE TABLE t (id int PRIMARY KEY, d date, ts timestamp, tz timestamptz, n numeric(5,2));
         INSERT INTO t VALUES (1, '2020-01-01', '2020-01-01', '2020-01-01', 1),
           (2, 'infinity', '-infinity', 'infinity', 'NaN'),
           (3, '2020-01-01', '2020-01-01', '294247-01-10 04:00:54.775808+00', 1),
           (4, '2020-01-01', '294247-01-10 04:00:54.775807', '2020-01-01', 'NaN'),
           (5, '2020-01-01', '294276-12-31', '2020-01-01', 1),
           (6, null, null, null, null)",
    );
    let source = source(&database.url());
    source.begin(1).await.unwrap();
    let read = read_task(&find(&*source, "t").await);
    let splits = plan(&*source, &read, &WHOLE).await;
    let mut reader = source.open(&read, &splits[0], None).await.unwrap();
    let Element::Batch(batch) = reader.next(BATCH).await.unwrap() else { panic!("no rows") };
    assert_eq!((batch.rows.num_rows(), batch.rejects.len(), batch.position.seq), (3, 3, 6));
    for (reject, (id, word)) in batch.rejects.iter().zip([
        ("3", "294247-01-10 04:00:54.775808"),
        ("4", "294247-01-10 04:00:54.775807"),
        ("5", "294276-12-31 00:00:00"),
    ]) {
        let text = reject.error.message();
        assert_eq!(reject.error.code(), Code::OutOfRange, "{text}");
        assert!(text.contains("after the last moment that can be carried"), "{text}");
        assert!(text.contains(&format!("({id})")) && text.contains(word), "{text}");
        assert_eq!(reject.row.num_rows(), 1);
    }
    assert!(matches!(reader.next(BATCH).await.unwrap(), Element::EndOfSplit));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_table_dropped_or_altered_under_way_is_said_to_have_changed() {
    let Some(server) = server() else { return };
    let database = server.database();
    database.execute(
        "CREATE TABLE gone (id int PRIMARY KEY); CREATE TABLE other (id int PRIMARY KEY, v int)",
    );
    let source = source(&database.url());
    source.begin(1).await.unwrap();
    for (name, change) in [("gone", "DROP TABLE gone"), ("other", "ALTER TABLE other DROP v")] {
        let read = read_task(&find(&*source, name).await);
        let splits = plan(&*source, &read, &WHOLE).await;
        source.end().await.unwrap();
        database.execute(change);
        source.begin(1).await.unwrap();
        let failed = source.open(&read, &splits[0], None).await.err().unwrap();
        assert_eq!(failed.code(), Code::TableChanged, "{}", failed.chain());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_hidden_by_a_policy_are_an_error_and_not_a_loss() {
    let Some(server) = server() else { return };
    let database = server.database();
    let role = format!("reader_{}", database.name());
    database.execute(&format!(
        "CREATE TABLE t (id int PRIMARY KEY); INSERT INTO t VALUES (1), (2);
         ALTER TABLE t ENABLE ROW LEVEL SECURITY; CREATE POLICY p ON t USING (id = 1);
         CREATE ROLE {role} LOGIN; GRANT SELECT ON t TO {role}"
    ));
    let url = database.url().replace("postgres@", &format!("{role}@"));
    let source = source(&url);
    source.begin(1).await.unwrap();
    let read = read_task(&find(&*source, "t").await);
    let splits = plan(&*source, &read, &WHOLE).await;
    let refused = source.open(&read, &splits[0], None).await.err().unwrap();
    assert_eq!(refused.code(), Code::NoPrivilege, "{}", refused.chain());
    source.end().await.unwrap();
    database.execute(&format!("DROP OWNED BY {role}; DROP ROLE {role}"));
}
