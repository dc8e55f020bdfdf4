//! The source: even splits of odd keys, one moment for all readers, and servers that go away.

#![allow(clippy::unwrap_used, reason = "a test has nothing better to do with an error")]

mod rig;

use std::io::Write as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use arrow::array::AsArray;
use arrow::datatypes::{DataType, Int64Type};
use rig::{BUDGET, cut, databases, drain, found, own_servers, read_all, source};
use syncline_connector::{Budget, Consistency, Cut, ReadTask};
use syncline_testkit::{Kind, Proxy, Server};
use syncline_types::{Code, Element, ErrorKind, TableSelection};

/// Rows of each split, by reading them.
async fn sizes(url: &str, table: &str, cut: &Cut) -> Vec<usize> {
    let source = source(url);
    let read = read_all(&found(&*source, table).await);
    let mut sizes = Vec::new();
    for split in source.plan(&read, cut).await.unwrap() {
        assert!(split.resumable);
        let batches = drain(&*source, &read, &split).await.unwrap();
        sizes.push(batches.iter().map(|b| b.rows.num_rows()).sum());
    }
    sizes
}

const ROWS: usize = 60_000;

/// Tables whose keys no arithmetic on their ends would cut evenly, with more rows than are
/// counted one by one.
const SKEWED: [(&str, &str, &str); 7] = [
    ("dense", "id int PRIMARY KEY", "seq"),
    ("gaps", "id bigint PRIMARY KEY", "IF(seq < 30000, seq, 9000000000000000000 + seq)"),
    ("negative", "id bigint PRIMARY KEY", "CAST(seq * seq AS SIGNED) * IF(seq % 2, 1, -1)"),
    (
        "prefixes",
        "id varchar(64) COLLATE utf8mb4_general_ci PRIMARY KEY",
        "CONCAT('https://example.org/items/', IF(seq % 3 = 0, 'Archive/', ''), LPAD(seq, 8, '0'))",
    ),
    ("hashes", "id binary(16) PRIMARY KEY", "UNHEX(MD5(seq))"),
    ("days", "id datetime(6) PRIMARY KEY", "TIMESTAMP'2024-01-01 00:00:00' + INTERVAL seq SECOND"),
    ("money", "id decimal(30,4) PRIMARY KEY", "seq / 7 - 3000"),
];

#[tokio::test(flavor = "multi_thread")]
async fn splits_of_skewed_keys_are_even() {
    for (kind, database) in databases() {
        // Numbers to make rows of, without the server's own sequences, which only one has.
        database.execute(
            "CREATE TABLE digits (d int); INSERT INTO digits VALUES (0),(1),(2),(3),(4),(5),(6),(7),(8),(9);
             CREATE TABLE numbers (seq int PRIMARY KEY);
             INSERT INTO numbers SELECT a.d + 10*b.d + 100*c.d + 1000*d.d + 10000*e.d
               FROM digits a, digits b, digits c, digits d, digits e WHERE e.d < 6;
             CREATE TABLE tenants (tenant int, id int, pad varchar(20), PRIMARY KEY (tenant, id));
             INSERT INTO tenants SELECT IF(seq < 50000, 7, seq), seq, 'x' FROM numbers",
        );
        for (name, columns, expression) in SKEWED {
            database.execute(&format!("CREATE TABLE {name} ({columns}, pad varchar(100))"));
            database.execute(&format!(
                "INSERT INTO {name} SELECT {expression}, REPEAT('x', seq % 90) FROM numbers"
            ));
        }
        let names = SKEWED.iter().map(|s| s.0).chain(["tenants"]);
        for name in names {
            let cut = Cut { splits: 4, min_rows: 1000, min_bytes: 1 };
            let sizes = sizes(&database.url(), name, &cut).await;
            assert_eq!(sizes.iter().sum::<usize>(), ROWS, "{kind:?} {name} {sizes:?}");
            let even = ROWS / 4;
            assert!(sizes.len() >= 3, "{kind:?} {name} {sizes:?}");
            assert!(sizes.iter().all(|n| *n <= 2 * even), "{kind:?} {name} {sizes:?}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn uuids_of_mariadb_are_cut() {
    let Some(server) = Server::shared(Kind::MariaDb) else { return };
    let database = server.database();
    database.execute(
        "CREATE TABLE u (id uuid PRIMARY KEY); INSERT INTO u SELECT UUID() FROM seq_1_to_60000",
    );
    let cut = Cut { splits: 4, min_rows: 1000, min_bytes: 1 };
    let sizes = sizes(&database.url(), "u", &cut).await;
    assert_eq!(sizes.iter().sum::<usize>(), 60_000);
    assert!(sizes.len() >= 3 && sizes.iter().all(|n| *n <= 30_000), "{sizes:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_without_a_trusted_order_are_not_cut() {
    for (kind, database) in databases() {
        database.execute(
            "CREATE TABLE f (id double PRIMARY KEY); CREATE TABLE e (id enum('b','a') PRIMARY KEY);
             CREATE TABLE n (id int NULL, UNIQUE KEY (id)); CREATE TABLE p (id text NOT NULL, UNIQUE KEY (id(5)));
             CREATE TABLE u (a int NULL UNIQUE, id int NOT NULL UNIQUE)",
        );
        let source = source(&database.url());
        for (name, resumable) in
            [("f", false), ("e", false), ("n", false), ("p", false), ("u", true)]
        {
            let info = found(&*source, name).await;
            assert_eq!(info.notes.is_empty(), resumable, "{kind:?} {name} {:?}", info.notes);
            let splits = source.plan(&read_all(&info), &cut(4)).await.unwrap();
            assert_eq!((splits.len(), splits[0].resumable), (1, resumable), "{kind:?} {name}");
        }
    }
}

/// The sum over all accounts is the same after every transfer: readers that see one moment see
/// that sum.
#[tokio::test(flavor = "multi_thread")]
async fn all_readers_see_one_moment_while_rows_are_written() {
    for (kind, database) in databases() {
        database.execute("CREATE TABLE a (id int PRIMARY KEY, v bigint)");
        let values: Vec<String> = (0..400).map(|i| format!("({i}, 100)")).collect();
        database.execute(&format!("INSERT INTO a VALUES {}", values.join(",")));
        // With FLUSH TABLES WITH READ LOCK, with LOCK TABLES, and on MariaDB with neither.
        let name = format!("r{}", database.name());
        database.execute(&format!(
            "CREATE USER 'l{name}'@'%' IDENTIFIED BY 'pw'; GRANT SELECT, LOCK TABLES ON {db}.* TO 'l{name}'@'%'; \
             CREATE USER 's{name}'@'%' IDENTIFIED BY 'pw'; GRANT SELECT ON {db}.* TO 's{name}'@'%'",
            db = database.name()
        ));
        let as_user = |user: &str| {
            let to = format!("{user}:pw@");
            database.url().replace("root:root@", &to).replace("root@", &to)
        };
        let urls = [database.url(), as_user(&format!("l{name}")), as_user(&format!("s{name}"))];
        let stop = Arc::new(AtomicBool::new(false));
        let mut session = database.session();
        let stopped = Arc::clone(&stop);
        let writer = std::thread::spawn(move || {
            let mut i = 0;
            while !stopped.load(Ordering::Relaxed) {
                i = (i + 7) % 400;
                session.execute("START TRANSACTION");
                session.execute(&format!("UPDATE a SET v = v - 1 WHERE id = {i}"));
                session.execute(&format!("UPDATE a SET v = v + 1 WHERE id = {}", 399 - i));
                session.execute("COMMIT");
            }
        });
        for (rights, url) in urls.iter().enumerate() {
            for _ in 0..5 {
                let source = source(url);
                let read = read_all(&found(&*source, "a").await);
                let consistency = source.begin(4).await.unwrap();
                if rights == 2 && consistency != Consistency::Snapshot {
                    let Consistency::PerSplit(why) = consistency else { unreachable!() };
                    assert!(why.contains("FLUSH TABLES"), "{kind:?} {why}");
                    break;
                }
                assert_eq!(consistency, Consistency::Snapshot, "{kind:?} {url}");
                let mut sum = 0;
                for split in source.plan(&read, &cut(4)).await.unwrap() {
                    for batch in drain(&*source, &read, &split).await.unwrap() {
                        let values = batch.rows.column(1).as_primitive::<Int64Type>();
                        sum += values.iter().flatten().sum::<i64>();
                    }
                }
                assert_eq!(sum, 40_000, "{kind:?} {url}");
                source.end().await.unwrap();
            }
        }
        stop.store(true, Ordering::Relaxed);
        writer.join().unwrap();
        database.execute(&format!("DROP USER 'l{name}'@'%', 's{name}'@'%'"));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_goes_away_is_waited_for() {
    for (kind, server, database) in own_servers() {
        database.execute("CREATE TABLE t (id int PRIMARY KEY, a longblob)");
        for i in 0..20 {
            database.execute(&format!("INSERT INTO t VALUES ({i}, REPEAT('x', 1000000))"));
        }
        let source = source(&database.url());
        let read = read_all(&found(&*source, "t").await);
        source.begin(2).await.unwrap();
        let split = source.plan(&read, &cut(1)).await.unwrap().remove(0);
        let mut reader = source.open(&read, &split, None).await.unwrap();
        let one = Budget { rows: 1, bytes: 1 };
        let Element::Batch(first) = reader.next(one).await.unwrap() else { panic!() };
        server.kill();
        let lost = loop {
            match reader.next(one).await {
                Ok(Element::Batch(_)) => {}
                Ok(Element::EndOfSplit) => panic!("the end of a split that was cut off"),
                Err(error) => break error,
            }
        };
        assert_eq!((lost.code(), lost.kind()), (Code::ConnectionLost, ErrorKind::Transient));
        drop(reader);
        let down = source.open(&read, &split, Some(&first.position)).await.err().unwrap();
        assert_eq!(down.code(), Code::Unreachable, "{kind:?}");
        server.start();
        let mut reader = source.open(&read, &split, Some(&first.position)).await.unwrap();
        let mut rows = 1;
        while let Element::Batch(batch) = reader.next(BUDGET).await.unwrap() {
            rows += batch.rows.num_rows();
        }
        assert_eq!(rows, 20, "{kind:?}");
    }
}

/// As when the sink fails and both ends are opened again: what was one moment stays one.
#[tokio::test(flavor = "multi_thread")]
async fn a_reader_dropped_in_the_middle_keeps_the_snapshot() {
    for (kind, database) in databases() {
        database.execute("CREATE TABLE t (id int PRIMARY KEY, a longblob)");
        for i in 0..30 {
            database.execute(&format!("INSERT INTO t VALUES ({i}, REPEAT('x', 1000000))"));
        }
        let source = source(&database.url());
        let read = read_all(&found(&*source, "t").await);
        assert_eq!(source.begin(2).await.unwrap(), Consistency::Snapshot);
        let split = source.plan(&read, &cut(1)).await.unwrap().remove(0);
        database.execute("INSERT INTO t VALUES (100, 'new')");
        let one = Budget { rows: 1, bytes: 1 };
        // More often than there are connections.
        for _ in 0..5 {
            let mut reader = source.open(&read, &split, None).await.unwrap();
            reader.next(one).await.unwrap();
            drop(reader);
        }
        let batches = drain(&*source, &read, &split).await.unwrap();
        let rows: usize = batches.iter().map(|b| b.rows.num_rows()).sum();
        assert_eq!(rows, 30, "{kind:?}");
        source.end().await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn queries_are_tables_of_their_own() {
    for (kind, database) in databases() {
        database.execute(
            "CREATE TABLE t (id int unsigned PRIMARY KEY, a varchar(20), d decimal(12,3), b bit(5)); \
             INSERT INTO t VALUES (1, 'q?', 1.5, 3), (2, NULL, -2, 31)",
        );
        let source = source(&database.url());
        let sql = "SELECT id, CONCAT(a, '?') AS x, d, b, 1.25e0 AS f, NULL AS n, CURRENT_TIMESTAMP(3) AS t \
                   FROM t WHERE a IS NULL OR a LIKE 'q?' ORDER BY id; ";
        let info = source.describe_query(sql).await.unwrap();
        let types: Vec<_> =
            info.schema.columns.iter().map(|c| c.field.data_type().clone()).collect();
        assert_eq!(
            types[..3],
            [DataType::UInt32, DataType::Utf8, DataType::Decimal128(12, 3)],
            "{kind:?}"
        );
        let read = ReadTask { query: Some(sql.into()), ..read_all(&info) };
        let splits = source.plan(&read, &cut(4)).await.unwrap();
        assert_eq!((splits.len(), splits[0].resumable), (1, false));
        let batches = drain(&*source, &read, &splits[0]).await.unwrap();
        assert_eq!(batches[0].rows.num_rows(), 2);
        assert_eq!(batches[0].rows.column(1).as_string::<i32>().value(0), "q??");
        assert_eq!(batches[0].rows.column(3).as_string::<i32>().value(1), "11111");
        // Some of the columns only.
        let mut schema = info.schema.clone();
        schema.columns = vec![schema.columns[2].clone(), schema.columns[0].clone()];
        let read = ReadTask { table: Arc::new(schema), filter: None, query: Some(sql.into()) };
        let batches = drain(&*source, &read, &splits[0]).await.unwrap();
        assert_eq!(batches[0].rows.num_columns(), 2);
        for (bad, code) in [
            ("SELEC 1", Code::QueryRejected),
            ("SELECT nope FROM t", Code::ColumnNotFound),
            ("SELECT 1 FROM nope", Code::TableNotFound),
            ("DELETE FROM t", Code::QueryRejected),
            ("SELECT 1 AS a, 2 AS A", Code::QueryRejected),
        ] {
            assert_eq!(
                source.describe_query(bad).await.unwrap_err().code(),
                code,
                "{kind:?} {bad}"
            );
        }
        assert_eq!(database.count("t"), 2);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn bad_filters_are_found_before_row_one() {
    for (_, database) in databases() {
        database.execute("CREATE TABLE t (id int PRIMARY KEY, a int)");
        let source = source(&database.url());
        let info = found(&*source, "t").await;
        for (filter, code) in [
            ("nope = 1", Code::ColumnNotFound),
            ("a = ", Code::QueryRejected),
            ("a = ?", Code::QueryRejected),
        ] {
            let read = ReadTask { filter: Some(filter.into()), ..read_all(&info) };
            assert_eq!(source.plan(&read, &cut(2)).await.unwrap_err().code(), code, "{filter}");
        }
        // A comment at the end does not swallow what stands behind it.
        let read = ReadTask { filter: Some("a = 1 OR 1 = 1 -- all".into()), ..read_all(&info) };
        assert_eq!(source.plan(&read, &cut(2)).await.unwrap().len(), 1);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn tables_that_change_during_the_run_are_noticed() {
    for (kind, database) in databases() {
        database.execute(
            "CREATE TABLE gone (id int PRIMARY KEY, a int); CREATE TABLE retyped (id int PRIMARY KEY, a int); \
             CREATE TABLE dropped (id int PRIMARY KEY, a int)",
        );
        let source = source(&database.url());
        let changes = [
            ("gone", "DROP TABLE gone"),
            ("retyped", "ALTER TABLE retyped MODIFY a varchar(20)"),
            ("dropped", "ALTER TABLE dropped DROP a"),
        ];
        for (name, change) in changes {
            let read = read_all(&found(&*source, name).await);
            let split = source.plan(&read, &cut(1)).await.unwrap().remove(0);
            database.execute(change);
            let error = source.open(&read, &split, None).await.err().unwrap();
            assert_eq!(error.code(), Code::TableChanged, "{kind:?} {name} {error:?}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_there_is_said_exactly() {
    for (kind, database) in databases() {
        let other = Server::shared(kind).unwrap().database();
        other.execute("CREATE TABLE elsewhere (id int)");
        database.execute(
            "CREATE TABLE t (id int NOT NULL AUTO_INCREMENT COMMENT 'the key', a varchar(20) NOT NULL DEFAULT 'it''s', \
             b datetime(3) DEFAULT CURRENT_TIMESTAMP(3) ON UPDATE CURRENT_TIMESTAMP(3), c int AS (LENGTH(a) + 1) VIRTUAL, d bit(4) DEFAULT b'101', \
             e timestamp NULL DEFAULT NULL, f decimal(5,2) DEFAULT 1.50, g text, \
             PRIMARY KEY (id), UNIQUE KEY ua (a), KEY ab (a(5), f), FULLTEXT KEY ft (g)) AUTO_INCREMENT=77 COMMENT='orders'; \
             CREATE VIEW v AS SELECT 1 AS one",
        );
        let source = source(&database.url());
        let info = found(&*source, "t").await;
        let t = &info.schema;
        assert_eq!(t.primary_key, ["id"]);
        assert_eq!(t.comment.as_deref(), Some("orders"));
        let id = t.column("id").unwrap();
        assert_eq!(id.identity.unwrap().next, Some(77), "{kind:?}");
        assert_eq!(id.comment.as_deref(), Some("the key"));
        assert!(t.column("c").unwrap().generated.as_ref().unwrap().expression.sql.contains("+ 1"));
        let names: Vec<&str> = t.indexes.iter().map(|i| i.name.as_str()).collect();
        assert_eq!(names, ["ua", "ab", "ft"]);
        assert_eq!(t.indexes[1].parts[0].prefix, Some(5));
        let ft = t.indexes[2].definition.as_ref().unwrap();
        assert_eq!(ft.sql, "FULLTEXT KEY `ft` (`g`)");
        let b = t.column("b").unwrap().attributes.as_ref().unwrap();
        assert!(b.sql.eq_ignore_ascii_case("ON UPDATE CURRENT_TIMESTAMP(3)"), "{b:?}");
        assert!(
            source.left_out().await.unwrap().iter().any(|n| n.contains("views are not copied: v"))
        );
        let all = TableSelection::default();
        let names: Vec<String> = source
            .discover(&all)
            .await
            .unwrap()
            .iter()
            .map(|i| i.schema.name.to_string())
            .collect();
        assert_eq!(names, [format!("{}.t", database.name())]);
        let both = [format!("{}.*", other.name()), format!("{}.t", database.name())];
        let both = TableSelection::parse(&both, &[]).unwrap();
        assert_eq!(source.discover(&both).await.unwrap().len(), 2);
        let view = TableSelection::parse(&["v"], &[]).unwrap();
        let error = source.discover(&view).await.unwrap_err();
        assert_eq!(error.code(), Code::TableNotFound);
        assert!(error.message().contains("view"), "{error}");

        // The same table again, defaults and all, at a target that this run makes.
        let target = Server::shared(kind).unwrap().database();
        rig::copy(&database.url(), "t", &target.url()).await.unwrap();
        let created = |d: &syncline_testkit::Database| d.rows("SHOW CREATE TABLE t")[0][1].clone();
        assert_eq!(created(&database), created(&target), "{kind:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_way_in_works() {
    for kind in [Kind::MariaDb, Kind::MySql] {
        let Some(server) = Server::shared(kind) else { continue };
        let database = server.database();
        let name = format!("w{}", database.name());
        database.execute("CREATE TABLE t (id int); INSERT INTO t VALUES (1)");
        let plugins: &[&str] = match kind {
            Kind::MySql => &["caching_sha2_password", "mysql_native_password"],
            _ => &["mysql_native_password"],
        };
        for (i, plugin) in plugins.iter().enumerate() {
            for password in ["pa'ss wörd", ""] {
                let user = format!("{name}{i}");
                let with = match kind {
                    Kind::MySql => {
                        format!("IDENTIFIED WITH {plugin} BY '{}'", password.replace('\'', "''"))
                    }
                    _ => format!("IDENTIFIED BY '{}'", password.replace('\'', "''")),
                };
                database.execute(&format!(
                    "DROP USER IF EXISTS '{user}'@'%'; CREATE USER '{user}'@'%' {with}; GRANT ALL ON {}.* TO '{user}'@'%'",
                    database.name()
                ));
                let encoded =
                    password.replace('\'', "%27").replace(' ', "%20").replace('ö', "%C3%B6");
                let base = format!(
                    "mysql://{user}:{encoded}@127.0.0.1:{}/{}",
                    server.port(),
                    database.name()
                );
                let mut urls = vec![base.clone(), format!("{base}?tls=disabled")];
                if kind == Kind::MySql {
                    urls.push(format!("{base}?tls=required"));
                    if let Some(data) = server.data() {
                        // Its own certificate is for no host name in particular.
                        urls.push(format!("{base}?tls=verify-ca&ca={}/ca.pem", data.display()));
                    }
                }
                // Twice: the second time the server has the password in its cache.
                for url in urls.iter().chain(&urls) {
                    let source = source(url);
                    let rows = source.discover(&TableSelection::default()).await;
                    assert_eq!(rows.unwrap_or_else(|e| panic!("{plugin} {url}: {e:?}")).len(), 1);
                    source.end().await.unwrap();
                }
                database.execute(&format!("DROP USER '{user}'@'%'"));
            }
        }
        if let Some(socket) = server.socket() {
            let user = if kind == Kind::MySql { "root:root" } else { "root" };
            let url =
                format!("mysql://{user}@localhost/{}?socket={}", database.name(), socket.display());
            // Root may come from the socket under another account than over TCP.
            match source(&url).discover(&TableSelection::default()).await {
                Ok(tables) => assert_eq!(tables.len(), 1),
                Err(e) => assert_eq!(e.code(), Code::AuthFailed, "{kind:?} {e:?}"),
            }
        }
        if kind == Kind::MySql {
            let wrong = format!("{}?tls=verify-identity", database.url());
            assert_eq!(source(&wrong).check().await.unwrap_err().code(), Code::Tls);
        } else {
            let none = format!("{}?tls=required", database.url());
            assert_eq!(source(&none).check().await.unwrap_err().code(), Code::Tls);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn ed25519_logs_in() {
    let Some(server) = Server::own(Kind::MariaDb, &[]) else { return };
    let database = server.database();
    // The plug-in comes with the full server package only.
    if database.try_execute("INSTALL SONAME 'auth_ed25519'").is_err() {
        let why = "\nSKIPPED syncline-mysql::ed25519_logs_in: no plug-in auth_ed25519";
        writeln!(std::io::stderr(), "{why}").unwrap();
        return;
    }
    database.execute(
        "CREATE USER ed@'%' IDENTIFIED VIA ed25519 USING PASSWORD('secret'); GRANT ALL ON *.* TO ed@'%'",
    );
    let url = |password: &str| database.url().replace("root@", &format!("ed:{password}@"));
    source(&url("secret")).check().await.unwrap();
    assert_eq!(source(&url("wrong")).check().await.unwrap_err().code(), Code::AuthFailed);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_host_that_does_not_answer_is_given_up_in_time() {
    let Some(server) = Server::shared(Kind::MariaDb) else { return };
    let proxy = Proxy::before(server.port());
    proxy.stall(true);
    let url = format!("{}?connect_timeout=1", server.url_through(proxy.port(), ""));
    let error = source(&url).check().await.unwrap_err();
    assert_eq!((error.code(), error.kind()), (Code::Unreachable, ErrorKind::Transient));
}
