//! A table has the same types and values in a snapshot and in the log.

use arrow::array::RecordBatch;
use arrow::compute::concat_batches;
use syncline_testkit::{Database, Server};
use syncline_types::Op;

use crate::support::{Run, read, rows_of, servers, sets, texts};

const TYPES: &str = include_str!("../types.sql");

/// Settings that change how values look, where a session does not set them itself.
const HOSTILE: &[(&str, &str)] = &[
    ("DateStyle", "'SQL, DMY'"),
    ("IntervalStyle", "'sql_standard'"),
    ("TimeZone", "'Asia/Kathmandu'"),
    ("extra_float_digits", "-15"),
    ("bytea_output", "'escape'"),
    ("xmloption", "'document'"),
    ("search_path", "nowhere"),
    ("statement_timeout", "50"),
    ("lc_monetary", "'C.UTF-8'"),
    ("client_encoding", "'LATIN1'"),
];

fn hostile(server: &Server, database: &Database) {
    for (name, value) in HOSTILE {
        let sql = format!("ALTER DATABASE {} SET {name} = {value}", database.name());
        server.session().execute(&sql);
    }
}

/// The rows of both in one batch each, which have to be equal: fields with their metadata, and
/// every value.
fn assert_equal(table: &str, snapshot: &[RecordBatch], log: &[RecordBatch]) {
    let whole = |batches: &[RecordBatch]| concat_batches(&batches[0].schema(), batches).unwrap();
    let (snapshot, log) = (whole(snapshot), whole(log));
    assert_eq!(snapshot.schema(), log.schema(), "{table}");
    assert_eq!(snapshot.num_rows(), log.num_rows(), "{table}");
    for (at, field) in snapshot.schema().fields().iter().enumerate() {
        let (a, b) = (snapshot.column(at), log.column(at));
        for row in 0..snapshot.num_rows() {
            let (a, b) = (a.slice(row, 1), b.slice(row, 1));
            assert_eq!(&a, &b, "{table}.{} in row {row}", field.name());
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_type_is_in_the_log_what_it_is_in_a_snapshot() {
    for server in servers() {
        let database = server.database();
        database.execute(TYPES);
        database.execute(
            "CREATE TABLE direct_log (LIKE direct INCLUDING ALL);
             CREATE TABLE texts_log (LIKE texts INCLUDING ALL);",
        );
        hostile(server, &database);
        let tables = ["public.direct_log", "public.texts_log"];
        let mut run = Run::begin(&database, "types", &tables).await;
        // The log has the declaration of an xml value in a form of its own.
        database.execute(
            "INSERT INTO public.direct_log SELECT * FROM public.direct ORDER BY id;
             UPDATE public.texts SET x = '<a b=\"1\">é&amp;</a>' WHERE id = 1;
             INSERT INTO public.texts_log SELECT * FROM public.texts ORDER BY id;",
        );
        let elements = run.catch_up().await;
        for set in sets(&elements) {
            assert!(set.rejects.is_empty(), "{:?}", set.rejects);
        }
        run.source.begin(1).await.unwrap();
        for table in &run.follow.tables {
            let snapshot = read(&*run.source, table).await;
            let log = rows_of(&elements, &table.name.name, Op::Insert);
            assert_equal(&table.name.name, &snapshot, &log);
        }
        run.end().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_log_has_xml_without_the_encoding_it_names() {
    for server in servers() {
        let database = server.database();
        database.execute("CREATE TABLE t (id int PRIMARY KEY, x xml)");
        let mut run = Run::begin(&database, "xml", &["public.t"]).await;
        database.execute(
            r#"INSERT INTO t VALUES (1, '<?xml version="1.0" encoding="UTF-8"?><a/>'),
               (2, '<?xml version="1.0" standalone="yes"?><a/>'), (3, '<a/>')"#,
        );
        let elements = run.catch_up().await;
        let logged = texts(&rows_of(&elements, "t", Op::Insert)[0], "x");
        let logged: Vec<&str> = logged.iter().map(|x| x.as_deref().unwrap()).collect();
        assert_eq!(logged, ["<a/>", r#"<?xml version="1.0" standalone="yes"?><a/>"#, "<a/>"]);
        let notes = run.source.change_log().unwrap().check_log(&run.follow).await.unwrap();
        assert!(notes.iter().any(|n| n.contains("xml")), "{notes:?}");
        run.end().await;
    }
}
