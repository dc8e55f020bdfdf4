//! Databases and servers that are not as one would like them.

use std::time::{Duration, Instant};

use syncline_connector::WriteMode;
use syncline_testkit::{Kind, Server};
use syncline_types::{Code, Element};

use crate::support::{
    BATCH, WHOLE, assert_same, copy, find, plan, read_task, server, sink, source, try_copy,
};

/// A database of another encoding beside those of the test, and what is to be run in it.
async fn encoded(server: &Server, name: &str, encoding: &str, sql: &str) -> String {
    let mut session = server.session();
    session.execute(&format!("DROP DATABASE IF EXISTS {name}"));
    session.execute(&format!(
        "CREATE DATABASE {name} ENCODING '{encoding}' LC_COLLATE 'C' LC_CTYPE 'C' TEMPLATE template0"
    ));
    let url = server.database().url();
    let (head, _) = url.rsplit_once('/').unwrap();
    let url = format!("{head}/{name}");
    sink(&url).execute(&[sql.to_owned()]).await.unwrap();
    url
}

#[tokio::test(flavor = "multi_thread")]
async fn a_latin1_database_is_read_and_written_and_refuses_what_it_has_not() {
    let Some(server) = server() else { return };
    let name = format!("latin1_{}", std::process::id());
    let url = encoded(
        server,
        &name,
        "LATIN1",
        "CREATE TABLE t (id int PRIMARY KEY, v text, a text[]); \
         INSERT INTO t SELECT g, chr(160 + g) || 'x', ARRAY[chr(190 + g)] FROM generate_series(1, 60) g",
    )
    .await;
    let other = server.database();
    let (from, to) = (source(&url), sink(&other.url()));
    try_copy(&*from, &*to, "t", "t", WriteMode::Append, &WHOLE).await.unwrap();
    assert_eq!(
        other
            .value("SELECT string_agg(v, '' ORDER BY id) FROM t WHERE id IN (4, 63 - 20)")
            .as_deref(),
        Some("¤xËx")
    );
    // And back, with a character more than it has.
    other.execute("CREATE TABLE back AS SELECT * FROM t; ALTER TABLE back ADD PRIMARY KEY (id)");
    let (from, to) = (source(&other.url()), sink(&url));
    try_copy(&*from, &*to, "back", "back", WriteMode::Append, &WHOLE).await.unwrap();
    let same = "DO $$ BEGIN IF EXISTS (TABLE t EXCEPT TABLE back) THEN RAISE 'they differ'; END IF; END $$";
    to.execute(&[same.to_owned()]).await.unwrap();
    other.execute("UPDATE back SET v = '€' WHERE id = 5");
    let refused =
        try_copy(&*from, &*to, "back", "again", WriteMode::Append, &WHOLE).await.unwrap_err();
    assert_eq!(refused.code(), Code::NoEquivalent, "{}", refused.chain());
}

#[tokio::test(flavor = "multi_thread")]
async fn bytes_of_no_encoding_are_rejected_row_by_row() {
    let Some(server) = server() else { return };
    let name = format!("ascii_{}", std::process::id());
    let url = encoded(
        server,
        &name,
        "SQL_ASCII",
        "CREATE TABLE t (id int PRIMARY KEY, v text); \
         INSERT INTO t VALUES (1, 'plain'), (2, E'\\xc3\\xa9'), (3, E'\\xe9t\\xe9'), (4, 'last')",
    )
    .await;
    let source = source(&url);
    source.begin(1).await.unwrap();
    let read = read_task(&find(&*source, "t").await);
    let splits = plan(&*source, &read, &WHOLE).await;
    let mut reader = source.open(&read, &splits[0], None).await.unwrap();
    let Element::Batch(batch) = reader.next(BATCH).await.unwrap() else { panic!("no rows") };
    assert_eq!((batch.rows.num_rows(), batch.rejects.len()), (3, 1));
    assert_eq!(batch.rejects[0].error.code(), Code::BadEncoding);
    assert!(batch.rejects[0].error.message().contains("(3)"), "{}", batch.rejects[0].error);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_standby_is_read_from_and_not_written_to() {
    let Some(server) = Server::own(Kind::Postgres, &[]) else { return };
    let Some(data) = server.data() else { return };
    let from = server.database();
    from.execute("CREATE TABLE t (id int PRIMARY KEY); INSERT INTO t SELECT generate_series(1, 9)");
    server.kill();
    std::fs::write(data.join("standby.signal"), "").unwrap();
    server.start();
    let deadline = Instant::now() + Duration::from_secs(20);
    let reading = source(&from.url());
    while reading.check().await.is_err() && Instant::now() < deadline {
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert!(reading.check().await.unwrap().join("").contains("standby"));
    let refused = sink(&from.url()).check().await.unwrap_err();
    assert_eq!(refused.code(), Code::ReadOnly, "{}", refused.chain());
    let Some(other) = crate::support::server() else { return };
    let to = other.database();
    let target = sink(&to.url());
    let (rows, _) =
        try_copy(&*reading, &*target, "t", "t", WriteMode::Append, &WHOLE).await.unwrap();
    assert_eq!(rows, 9);
}

#[tokio::test(flavor = "multi_thread")]
async fn settings_of_the_account_change_no_value() {
    let Some(server) = server() else { return };
    let (from, to) = (server.database(), server.database());
    let role = format!("hostile_{}", from.name());
    from.execute(&format!(
        "CREATE TABLE t (id int PRIMARY KEY, m money, iv interval, d date, tz timestamptz, f float8, b bytea, a timestamptz[], n text);
         INSERT INTO t VALUES (1, 12345.67, '-1 mon 2 days -03:04:05.6', '2020-12-31', '2020-06-30 12:00+02', 0.1::float8 + 0.2, '\\x5c00ff', '{{2020-06-30 12:00+02}}', E'back\\\\slash');
         CREATE ROLE {role} LOGIN SUPERUSER;
         ALTER ROLE {role} SET datestyle = 'German, DMY'; ALTER ROLE {role} SET intervalstyle = 'iso_8601';
         ALTER ROLE {role} SET timezone = 'America/New_York'; ALTER ROLE {role} SET extra_float_digits = -10;
         ALTER ROLE {role} SET bytea_output = escape; ALTER ROLE {role} SET standard_conforming_strings = off;
         ALTER ROLE {role} SET search_path = ''; ALTER ROLE {role} SET client_encoding = 'SJIS';
         ALTER ROLE {role} SET lc_monetary = 'C.utf8'; ALTER ROLE {role} SET quote_all_identifiers = on;
         ALTER ROLE {role} SET row_security = off; ALTER ROLE {role} SET default_transaction_deferrable = on"
    ));
    let hostile = |url: String| url.replace("postgres@", &format!("{role}@"));
    let (source, sink) = (source(&hostile(from.url())), sink(&hostile(to.url())));
    try_copy(&*source, &*sink, "public.t", "public.t", WriteMode::Append, &WHOLE)
        .await
        .unwrap_or_else(|e| panic!("{}", e.chain()));
    let name =
        if to.count("pg_class WHERE relname = 'public.t'") == 1 { "\"public.t\"" } else { "t" };
    assert_same((&from, "t"), (&to, name));
    drop((source, sink));
    copy(&from, &to, "t", "plain", WriteMode::Append).await;
    assert_same((&from, "t"), (&to, "plain"));
    to.execute(&format!("REASSIGN OWNED BY {role} TO postgres"));
    from.execute(&format!("DROP ROLE {role}"));
}
