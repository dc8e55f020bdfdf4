//! Rows in, rows refused, positions, keys, sequences.

use std::sync::Arc;

use arrow::array::{
    ArrayRef, BinaryArray, Int32Array, Int64Array, RecordBatch, StringArray,
    TimestampMicrosecondArray,
};
use syncline_connector::{Sink, WriteMode, WriteTask};
use syncline_types::{ChangeBatch, Code, ErrorKind, Position, Result, Split, TableName};

use crate::support::{assert_same, copy, server, sink};

fn split(task: &WriteTask) -> Split {
    Split {
        table: task.table.name.clone(),
        id: 0,
        rows: None,
        bytes: None,
        resumable: true,
        token: "{}".into(),
    }
}

fn batch(task: &WriteTask, columns: Vec<ArrayRef>) -> ChangeBatch {
    let rows = RecordBatch::try_new(task.table.arrow(), columns).unwrap();
    let position = Position::new(rows.num_rows() as u64, "{}");
    ChangeBatch { table: Arc::clone(&task.table), rows, rejects: Vec::new(), position }
}

/// How rows go into a table that is there.
async fn task(sink: &dyn Sink, name: &str, write: WriteMode) -> WriteTask {
    let found = sink.describe(&TableName::bare(name)).await.unwrap().unwrap();
    let definition = Arc::new(found.schema.clone());
    let mut schema = found.schema;
    schema.columns.retain(|c| c.generated.is_none());
    WriteTask {
        run: "run".into(),
        epoch: 1,
        table: Arc::new(schema),
        definition,
        exists: true,
        empty_at_start: found.empty,
        distinct: false,
        write,
        splits: 1,
        circular: Vec::new(),
    }
}

/// Writes one batch, to the end.
async fn write_all(sink: &dyn Sink, task: &WriteTask, columns: Vec<ArrayRef>) -> Result<()> {
    sink.prepare(task).await?;
    let mut writer = sink.open(task, &split(task)).await?.writer;
    let batch = batch(task, columns);
    writer.write(&batch).await?;
    writer.flush(&batch.position, true).await?;
    sink.commit(task).await?;
    sink.finish(std::slice::from_ref(task)).await
}

fn ints(values: &[i32]) -> ArrayRef {
    Arc::new(Int32Array::from(values.to_vec()))
}

fn texts(values: &[Option<&str>]) -> ArrayRef {
    Arc::new(StringArray::from(values.to_vec()))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bad_row_is_a_data_error_and_the_writer_goes_on() {
    let Some(server) = server() else { return };
    let database = server.database();
    database.execute(
        "CREATE TABLE other (id int PRIMARY KEY); INSERT INTO other VALUES (1);
         CREATE TABLE t (id int PRIMARY KEY, v varchar(3) NOT NULL, o int REFERENCES other,
           n numeric(5,2), m int CHECK (m < 10), ts timestamp(3), j jsonb);
         CREATE FUNCTION no() RETURNS trigger LANGUAGE plpgsql AS
           $$ BEGIN IF NEW.v = 'no' THEN RAISE EXCEPTION 'not that'; END IF; RETURN NEW; END $$;
         CREATE TRIGGER no BEFORE INSERT ON t FOR EACH ROW EXECUTE FUNCTION no()",
    );
    let sink = sink(&database.url());
    let task = task(&*sink, "t", WriteMode::Append).await;
    sink.prepare(&task).await.unwrap();
    let mut writer = sink.open(&task, &split(&task)).await.unwrap().writer;
    let arrow = task.table.arrow();
    let row = |id: i32, change: Option<(usize, ArrayRef)>| {
        let n = arrow::array::Decimal128Array::from(vec![100]).with_precision_and_scale(5, 2);
        let mut columns: Vec<ArrayRef> = vec![
            ints(&[id]),
            texts(&[Some("ok")]),
            ints(&[1]),
            Arc::new(n.unwrap()),
            ints(&[1]),
            Arc::new(TimestampMicrosecondArray::from(vec![1_001_000])),
            texts(&[Some("{}")]),
        ];
        if let Some((at, array)) = change {
            columns[at] = array;
        }
        // NULL is to reach the server, whatever the schema says.
        let fields: Vec<_> =
            arrow.fields().iter().map(|f| f.as_ref().clone().with_nullable(true)).collect();
        let schema = Arc::new(arrow::datatypes::Schema::new(fields));
        let rows = RecordBatch::try_new(schema, columns).unwrap();
        let position = Position::new(1, "{}");
        ChangeBatch { table: Arc::clone(&task.table), rows, rejects: Vec::new(), position }
    };
    writer.write(&row(1, None)).await.unwrap();
    let bad: Vec<(usize, ArrayRef, Code, &str)> = vec![
        (0, ints(&[1]), Code::DuplicateKey, "(id)=(1)"),
        (1, texts(&[None]), Code::NotNull, "\"v\""),
        (1, texts(&[Some("longer")]), Code::OutOfRange, "\"v\""),
        (1, texts(&[Some("ab  ")]), Code::OutOfRange, "\"v\""),
        (1, texts(&[Some("a\0b")]), Code::NoEquivalent, "0x00"),
        (1, texts(&[Some("no")]), Code::CheckViolated, "not that"),
        (2, ints(&[7]), Code::ForeignKey, "(o)=(7)"),
        (4, ints(&[10]), Code::CheckViolated, "t_m_check"),
        (5, Arc::new(TimestampMicrosecondArray::from(vec![1_001_001])), Code::OutOfRange, "\"ts\""),
        (6, texts(&[Some("{broken")]), Code::Conversion, "json"),
    ];
    for (id, (at, value, code, word)) in bad.into_iter().enumerate() {
        let id = 100 + i32::try_from(id).unwrap();
        let change = if at == 0 { row(1, None) } else { row(id, Some((at, value))) };
        let failed = writer.write(&change).await.unwrap_err();
        assert_eq!(failed.code(), code, "{}", failed.chain());
        assert_eq!(failed.kind(), ErrorKind::Data);
        assert!(failed.chain().contains(word), "{}", failed.chain());
        writer.write(&row(id + 100, None)).await.unwrap();
    }
    writer.flush(&Position::new(11, "{}"), true).await.unwrap();
    assert_eq!(database.count("t"), 11);
}

#[tokio::test(flavor = "multi_thread")]
async fn batches_sent_ahead_are_refused_together_and_the_writer_goes_on() {
    let Some(server) = server() else { return };
    for kind in ["text", "varchar(5)[]"] {
        // Of arrays, rows go in text form.
        let array = kind.ends_with(']');
        let database = server.database();
        database.execute(&format!(
            "CREATE TABLE t (id int PRIMARY KEY, v varchar(3) CHECK (v <> 'no'), w {kind})"
        ));
        let sink = sink(&database.url());
        let task = task(&*sink, "t", WriteMode::Append).await;
        sink.prepare(&task).await.unwrap();
        let mut writer = sink.open(&task, &split(&task)).await.unwrap().writer;
        let two = |id: i32, v: &str| {
            let w = texts(&[Some(if array { "{x}" } else { "x" }), None]);
            batch(&task, vec![ints(&[id, id + 1]), texts(&[Some("ok"), Some(v)]), w])
        };
        assert!(writer.works_ahead());
        // What the server refuses is told at the end of the COPY.
        for (id, v) in [(1, "ok"), (3, "no"), (5, "ok")] {
            writer.write_ahead(&two(id, v), false).await.unwrap();
        }
        let refused = writer.settle().await.unwrap_err();
        assert_eq!(refused.code(), Code::CheckViolated, "{}", refused.chain());
        writer.write(&two(1, "ok")).await.unwrap();
        assert_eq!(writer.write(&two(3, "no")).await.unwrap_err().kind(), ErrorKind::Data);
        // What we refuse takes those before with it, too.
        writer.write_ahead(&two(7, "ok"), false).await.unwrap();
        let refused = writer.write_ahead(&two(9, "longer"), false).await.unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::Data, "{}", refused.chain());
        writer.write(&two(7, "ok")).await.unwrap();
        for id in [11, 13] {
            writer.write_ahead(&two(id, "ok"), false).await.unwrap();
        }
        writer.settle().await.unwrap();
        writer.settle().await.unwrap();
        writer.write_ahead(&two(15, "ok"), false).await.unwrap();
        writer.settle().await.unwrap();
        writer.flush(&Position::new(9, "{}"), true).await.unwrap();
        let ids: Vec<i32> = vec![1, 2, 7, 8, 11, 12, 13, 14, 15, 16];
        let ids: Vec<_> = ids.iter().map(|id| vec![Some(id.to_string())]).collect();
        assert_eq!(database.rows("SELECT id::text FROM t ORDER BY t.id"), ids, "{kind}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upsert_merges_by_the_servers_own_idea_of_the_same_key() {
    let Some(server) = server() else { return };
    let database = server.database();
    database.execute(
        "CREATE EXTENSION citext;
         CREATE TABLE t (k citext, n int, v text, g text GENERATED ALWAYS AS (v || '!') STORED,
                         PRIMARY KEY (k, n));
         INSERT INTO t VALUES ('a', 1, 'old'), ('b', 1, 'kept')",
    );
    let sink = sink(&database.url());
    let task = task(&*sink, "t", WriteMode::Upsert).await;
    let columns = vec![
        texts(&[Some("A"), Some("c"), Some("C"), Some("d")]),
        ints(&[1, 1, 1, 1]),
        texts(&[Some("new"), Some("first"), Some("last"), None]),
    ];
    write_all(&*sink, &task, columns).await.unwrap();
    let rows = database.rows("SELECT k, n, v, g FROM t ORDER BY k");
    let rows: Vec<String> = rows
        .iter()
        .map(|r| r.iter().map(|v| v.as_deref().unwrap_or("-")).collect::<Vec<_>>().join(" "))
        .collect();
    assert_eq!(rows, ["A 1 new new!", "b 1 kept kept!", "C 1 last last!", "d 1 - -"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upsert_leaves_rows_alone_that_are_there_to_the_last_bit() {
    let Some(server) = server() else { return };
    let database = server.database();
    database.execute(
        "CREATE TABLE t (id text PRIMARY KEY, v text, n numeric, f float8, c char(3));
         INSERT INTO t VALUES ('same', 'x', 1.0, 'NaN', 'a'), ('null', NULL, NULL, 0, NULL),
                              ('digits', 'x', 1.00, 0, 'a'), ('sign', 'x', 1.0, 0, 'a')",
    );
    let places = || database.rows("SELECT id, ctid::text FROM t ORDER BY id");
    let before = places();
    let sink = sink(&database.url());
    let task = task(&*sink, "t", WriteMode::Upsert).await;
    let columns = vec![
        texts(&[Some("same"), Some("null"), Some("digits"), Some("sign")]),
        texts(&[Some("x"), None, Some("x"), Some("x")]),
        texts(&[Some("1.0"), None, Some("1.0"), Some("1.0")]),
        Arc::new(arrow::array::Float64Array::from(vec![f64::NAN, 0.0, 0.0, -0.0])) as ArrayRef,
        texts(&[Some("a"), None, Some("a"), Some("a")]),
    ];
    write_all(&*sink, &task, columns).await.unwrap();
    let after = places();
    let moved: Vec<_> = before.iter().zip(&after).filter(|(a, b)| a != b).collect();
    let moved: Vec<_> = moved.iter().filter_map(|(a, _)| a[0].as_deref()).collect();
    assert_eq!(moved, ["digits", "sign"]);
    let changed =
        database.rows("SELECT n::text, f::text FROM t WHERE id IN ('digits', 'sign') ORDER BY id");
    let changed: Vec<_> =
        changed.iter().map(|r| r.iter().flatten().cloned().collect::<Vec<_>>()).collect();
    assert_eq!(changed, [["1.0", "0"], ["1.0", "-0"]]);
}

#[tokio::test(flavor = "multi_thread")]
async fn identities_and_sequences_go_on_where_the_source_would() {
    let Some(server) = server() else { return };
    let (from, to) = (server.database(), server.database());
    from.execute(
        "CREATE TABLE t (id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY, v text);
         INSERT INTO t (v) SELECT 'x' FROM generate_series(1, 50); DELETE FROM t WHERE id > 40;
         CREATE TABLE s (id smallserial PRIMARY KEY, v text); INSERT INTO s VALUES (32767, 'last');
         CREATE TABLE e (id bigserial PRIMARY KEY, v text)",
    );
    for table in ["t", "s", "e"] {
        copy(&from, &to, table, table, WriteMode::Append).await;
        assert_same((&from, table), (&to, table));
    }
    // A table that was there, with an ALWAYS identity: COPY may, and a merge says so.
    to.execute("CREATE TABLE there (id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY, v text)");
    copy(&from, &to, "t", "there", WriteMode::Append).await;
    from.execute("UPDATE t SET v = 'y'");
    copy(&from, &to, "t", "there", WriteMode::Upsert).await;
    assert_same((&from, "t"), (&to, "there"));
    let next = |sql: &str| to.value(sql).unwrap();
    assert_eq!(next("INSERT INTO t (v) VALUES ('n') RETURNING id"), "51");
    assert_eq!(next("INSERT INTO there (v) VALUES ('n') RETURNING id"), "41");
    assert_eq!(next("INSERT INTO e (v) VALUES ('n') RETURNING id"), "1");
    assert!(to.try_execute("INSERT INTO s (v) VALUES ('n')").is_err(), "no number is left");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_created_table_has_all_that_its_source_has() {
    let Some(server) = server() else { return };
    let (from, to) = (server.database(), server.database());
    from.execute(
        r#"CREATE TYPE "Mo.od" AS ENUM ('a', 'b''c');
         CREATE TABLE t ("id" int, "b" varchar(7) DEFAULT 'it''s' NOT NULL, m "Mo.od" DEFAULT 'b''c', at timestamptz(3) DEFAULT CURRENT_TIMESTAMP,
           n numeric(7,2) DEFAULT 0.5, by bytea DEFAULT '\x00', a int[] DEFAULT '{1,2}', c text COLLATE "C", PRIMARY KEY (b, id));
         CREATE UNIQUE INDEX "u x" ON t (n DESC, c); CREATE INDEX i ON t (at);
         COMMENT ON TABLE t IS 'table'; COMMENT ON COLUMN t.n IS 'num''ber';
         INSERT INTO t (id, n) SELECT g, g FROM generate_series(1, 20) g"#,
    );
    copy(&from, &to, "t", "t", WriteMode::Append).await;
    assert_same((&from, "t"), (&to, "t"));
    for sql in [
        "SELECT attname, format_type(atttypid, atttypmod), attnotnull, pg_get_expr(adbin, adrelid), \
           col_description(attrelid, attnum), attcollation::regcollation FROM pg_attribute LEFT JOIN pg_attrdef ON adrelid = attrelid AND adnum = attnum \
         WHERE attrelid = 't'::regclass AND attnum > 0 ORDER BY attnum",
        "SELECT pg_get_indexdef(indexrelid) FROM pg_index WHERE indrelid = 't'::regclass ORDER BY 1",
        "SELECT conname, pg_get_constraintdef(oid) FROM pg_constraint WHERE conrelid = 't'::regclass ORDER BY 1",
        "SELECT obj_description('t'::regclass)",
    ] {
        assert_eq!(from.rows(sql), to.rows(sql), "{sql}");
    }
}

/// Rows that are told apart already need no index while they are loaded. Should two have the same
/// key after all, the end says which, and goes on once one of them is gone.
#[tokio::test(flavor = "multi_thread")]
async fn the_key_of_a_made_table_comes_once_its_rows_are_there() {
    let Some(server) = server() else { return };
    let database = server.database();
    database.execute("CREATE TABLE first (b text, a int, CONSTRAINT \"The Key\" PRIMARY KEY (a))");
    let sink = sink(&database.url());
    let like = task(&*sink, "first", WriteMode::Append).await;
    database.execute("DROP TABLE first");
    for distinct in [true, false] {
        let work = WriteTask {
            run: format!("run {distinct}"),
            exists: false,
            empty_at_start: true,
            distinct,
            ..like.clone()
        };
        let keys = || {
            let sql = "SELECT conname FROM pg_constraint \
                       WHERE conrelid = 'first'::regclass AND contype = 'p'";
            database.rows(sql).len()
        };
        sink.prepare(&work).await.unwrap();
        assert_eq!(keys(), usize::from(!distinct));
        let mut writer = sink.open(&work, &split(&work)).await.unwrap().writer;
        let rows = batch(&work, vec![texts(&[Some("x"), Some("y"), None]), ints(&[1, 1, 2])]);
        let written = writer.write(&rows).await;
        if !distinct {
            assert_eq!(written.unwrap_err().code(), Code::DuplicateKey);
            database.execute("DROP TABLE first");
            continue;
        }
        written.unwrap();
        writer.flush(&rows.position, true).await.unwrap();
        drop(writer);
        let refused = sink.commit(&work).await.unwrap_err();
        assert!(
            refused.message().contains("(a) = (1), (1) have the same (a) = (1)"),
            "{refused:?}"
        );
        assert!(refused.hint_text().unwrap().contains("start the same command again"));
        database.execute("DELETE FROM first WHERE b = 'y'");
        sink.commit(&work).await.unwrap();
        assert_eq!(keys(), 1);
        sink.finish(std::slice::from_ref(&work)).await.unwrap();
        database.execute("DROP TABLE first");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn any_name_and_a_thousand_columns_arrive() {
    let Some(server) = server() else { return };
    let (from, to) = (server.database(), server.database());
    let odd = r#""Sch.ema""x"."ta'ble; DROP TABLE t; -- 😀""#;
    from.execute(&format!(
        r#"CREATE SCHEMA "Sch.ema""x"; CREATE TABLE {odd} ("select" int PRIMARY KEY, "a b" text, "é.😀""'" int, "{long}" int);
         INSERT INTO {odd} VALUES (1, 'x', 2, 3)"#,
        long = "n".repeat(63)
    ));
    let name = "ta'ble; DROP TABLE t; -- 😀";
    copy(&from, &to, odd, name, WriteMode::Append).await;
    assert_same((&from, odd), (&to, &format!("\"{name}\"")));

    let columns: Vec<String> = (0..1000).map(|n| format!("c{n} int")).collect();
    let values: Vec<String> = (0..1000).map(|n| format!("g + {n}")).collect();
    from.execute(&format!(
        "CREATE TABLE wide ({}); INSERT INTO wide SELECT {} FROM generate_series(1, 30) g",
        columns.join(", "),
        values.join(", ")
    ));
    copy(&from, &to, "wide", "wide", WriteMode::Append).await;
    let sum = "SELECT count(*), sum(c0), sum(c999) FROM wide";
    assert_eq!(from.rows(sql(sum)), to.rows(sql(sum)));
}

fn sql(text: &str) -> &str {
    text
}

#[tokio::test(flavor = "multi_thread")]
async fn partitioned_targets_and_schemas_take_rows() {
    let Some(server) = server() else { return };
    let (from, to) = (server.database(), server.database());
    from.execute("CREATE TABLE t (id int PRIMARY KEY, v text); INSERT INTO t SELECT g, g FROM generate_series(1, 300) g");
    to.execute(
        "CREATE TABLE p (id int PRIMARY KEY, v text) PARTITION BY RANGE (id);
         CREATE TABLE p1 PARTITION OF p FOR VALUES FROM (0) TO (100);
         CREATE TABLE p2 PARTITION OF p FOR VALUES FROM (100) TO (1000); INSERT INTO p VALUES (7, 'old'), (999, 'kept')",
    );
    copy(&from, &to, "t", "p", WriteMode::Upsert).await;
    assert_eq!(to.rows("SELECT count(*), min(v), max(id) FROM p")[0][0].as_deref(), Some("301"));
    copy(&from, &to, "t", "p", WriteMode::Replace).await;
    assert_same((&from, "t"), (&to, "p"));
    assert_eq!(to.count("p1"), 99);
}

#[tokio::test(flavor = "multi_thread")]
async fn blobs_of_eight_megabytes_pass_in_both_forms() {
    let Some(server) = server() else { return };
    let (from, to) = (server.database(), server.database());
    from.execute(
        "CREATE TABLE b (id int PRIMARY KEY, v bytea, t text, a int[]);
         INSERT INTO b SELECT g, decode(repeat(md5(g::text), 262144 * g), 'hex'), repeat(E'\\\\\\n😀x', 1000000), '{1}' FROM generate_series(1, 2) g",
    );
    copy(&from, &to, "b", "b", WriteMode::Append).await;
    let sum = "SELECT id, length(v), md5(v), length(t), md5(t), a FROM b ORDER BY id";
    assert_eq!(from.rows(sum), to.rows(sum));
    from.execute("ALTER TABLE b DROP a");
    copy(&from, &to, "b", "binary", WriteMode::Append).await;
    let sum = "SELECT id, length(v), md5(v), length(t), md5(t) FROM";
    assert_eq!(
        from.rows(&format!("{sum} b ORDER BY 1")),
        to.rows(&format!("{sum} \"binary\" ORDER BY 1"))
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn an_owner_of_before_cannot_commit_what_it_still_holds() {
    let Some(server) = server() else { return };
    let database = server.database();
    database.execute("CREATE TABLE t (v bigint)");
    let old = sink(&database.url());
    let mut task = task(&*old, "t", WriteMode::Append).await;
    old.prepare(&task).await.unwrap();
    let mut writer = old.open(&task, &split(&task)).await.unwrap().writer;
    let rows =
        |task: &WriteTask| batch(task, vec![Arc::new(Int64Array::from(vec![1, 2])) as ArrayRef]);
    writer.write(&rows(&task)).await.unwrap();
    writer.flush(&Position::new(2, "a"), false).await.unwrap();
    writer.write(&rows(&task)).await.unwrap();
    task.epoch = 2;
    let new = sink(&database.url());
    new.prepare(&task).await.unwrap();
    let opened = new.open(&task, &split(&task)).await.unwrap();
    assert_eq!(opened.held.unwrap().position, Position::new(2, "a"));
    let stale = writer.flush(&Position::new(4, "b"), true).await.unwrap_err();
    assert_eq!(stale.code(), Code::StaleEpoch);
    drop(writer);
    let mut writer = opened.writer;
    writer.write(&rows(&task)).await.unwrap();
    writer.flush(&Position::new(4, "c"), true).await.unwrap();
    assert_eq!(database.count("t"), 4);
    assert_eq!(
        old.commit(&WriteTask { epoch: 1, ..task.clone() }).await.unwrap_err().code(),
        Code::StaleEpoch
    );
    new.commit(&task).await.unwrap();
    new.finish(&[task]).await.unwrap();
    assert_eq!(database.value("SELECT to_regclass('_syncline_checkpoint')"), None);
}

#[tokio::test(flavor = "multi_thread")]
async fn targets_that_cannot_take_rows_say_why() {
    let Some(server) = server() else { return };
    let database = server.database();
    let role = format!("writer_{}", database.name());
    database.execute(&format!(
        "CREATE TABLE t (id int PRIMARY KEY, big int GENERATED ALWAYS AS IDENTITY); INSERT INTO t VALUES (1);
         CREATE VIEW v AS SELECT 1 AS one; CREATE ROLE {role} LOGIN; GRANT SELECT ON t TO {role}"
    ));
    let sink_as_owner = sink(&database.url());
    let refused = sink_as_owner.describe(&TableName::bare("v")).await.unwrap_err();
    assert_eq!(refused.code(), Code::Unsupported);
    // As MySQL's names may be.
    let refused = sink_as_owner.describe(&TableName::bare("n".repeat(64))).await.unwrap_err();
    assert_eq!(refused.code(), Code::BadValue, "{}", refused.chain());
    let mut upsert = task(&*sink_as_owner, "t", WriteMode::Upsert).await;
    sink_as_owner.prepare(&upsert).await.unwrap();
    let refused = sink_as_owner.open(&upsert, &split(&upsert)).await.err().unwrap();
    assert_eq!(refused.code(), Code::Unsupported, "{}", refused.chain());
    upsert.write = WriteMode::Append;
    let as_reader = sink(&database.url().replace("postgres@", &format!("{role}@")));
    let refused = as_reader.prepare(&upsert).await.unwrap_err();
    assert_eq!(refused.code(), Code::NoPrivilege, "{}", refused.chain());
    database.execute(&format!("ALTER ROLE {role} SET default_transaction_read_only = on; GRANT ALL ON SCHEMA public TO {role}; GRANT ALL ON t TO {role}"));
    let read_only = sink(&database.url().replace("postgres@", &format!("{role}@")));
    let refused = read_only.prepare(&WriteTask { run: "r2".into(), ..upsert }).await.unwrap_err();
    assert_eq!(refused.code(), Code::ReadOnly, "{}", refused.chain());
    drop((as_reader, read_only));
    database.execute(&format!("DROP OWNED BY {role}; DROP ROLE {role}"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_table_lost_under_way_is_not_made_anew_without_its_rows() {
    let Some(server) = server() else { return };
    let database = server.database();
    database.execute("CREATE TABLE model (id int PRIMARY KEY, b bytea)");
    let sink = sink(&database.url());
    let model = task(&*sink, "model", WriteMode::Append).await;
    let mut schema = (*model.table).clone();
    schema.name = TableName::bare("made");
    for write in [WriteMode::Append, WriteMode::Replace] {
        let task = WriteTask {
            table: Arc::new(schema.clone()),
            definition: Arc::new(schema.clone()),
            exists: false,
            run: format!("{write:?}"),
            write,
            ..model.clone()
        };
        sink.prepare(&task).await.unwrap();
        let mut writer = sink.open(&task, &split(&task)).await.unwrap().writer;
        let bytes: ArrayRef = Arc::new(BinaryArray::from(vec![Some(&b"\0\xff"[..])]));
        writer.write(&batch(&task, vec![ints(&[1]), bytes])).await.unwrap();
        writer.flush(&Position::new(1, "{}"), false).await.unwrap();
        drop(writer);
        let names = database.rows("SELECT relname FROM pg_class WHERE relkind = 'r' AND (relname = 'made' OR relname LIKE '\\_syncline\\_side%')");
        assert_eq!(names.len(), 1);
        database.execute(&format!("DROP TABLE {}", names[0][0].as_ref().unwrap()));
        let again = crate::support::sink(&database.url());
        let refused = again.prepare(&task).await.unwrap_err();
        assert_eq!(refused.code(), Code::CannotResume, "{}", refused.chain());
        again.discard(&[task]).await.unwrap();
    }
    assert_eq!(database.rows("SELECT relname FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace").len(), 1);
}
