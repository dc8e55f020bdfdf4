//! Snapshot and log of one table give the same types and the same values.

use arrow::array::{ArrayRef, RecordBatch};
use arrow::util::display::array_value_to_string;
use syncline_connector::Source;
use syncline_testkit::{Database, Kind, Server};
use syncline_types::Code;

use crate::rig;
use crate::rig::limits::tables;
use crate::rig::tail::{Read, Tail};
use crate::rig::{cut, databases, drain, read_all};

/// All rows of a table as its snapshot has them.
pub(crate) async fn snapshot(source: &dyn Source, name: &str) -> RecordBatch {
    let info = rig::found(source, name).await;
    let read = read_all(&info);
    source.begin(1).await.unwrap();
    let mut batches = Vec::new();
    for split in source.plan(&read, &cut(1)).await.unwrap() {
        for batch in drain(source, &read, &split).await.unwrap() {
            assert!(batch.rejects.is_empty());
            batches.push(batch.rows);
        }
    }
    source.end().await.unwrap();
    arrow::compute::concat_batches(&info.schema.arrow(), &batches).unwrap()
}

fn assert_same(snapshot: &RecordBatch, log: &RecordBatch, what: &str) {
    assert_eq!(snapshot.schema().fields(), log.schema().fields(), "{what}");
    for (at, field) in snapshot.schema().fields().iter().enumerate() {
        let (a, b) = (snapshot.column(at), log.column(at));
        if a == b {
            continue;
        }
        let text = |array: &ArrayRef, row| array_value_to_string(array, row).unwrap();
        let differ: Vec<(String, String)> = (0..a.len().max(b.len()))
            .filter(|row| *row >= a.len().min(b.len()) || a.slice(*row, 1) != b.slice(*row, 1))
            .map(|row| (text(a, row), text(b, row)))
            .collect();
        panic!("{what}.{}: snapshot and log differ: {differ:?}", field.name());
    }
}

/// Makes a table, puts rows into it, and reads them both ways.
async fn both_ways(database: &Database, name: &str, columns: &str, rows: &[String]) -> Read {
    let mut session = database.session();
    session.execute("SET sql_mode='ALLOW_INVALID_DATES', time_zone='+00:00'");
    session.execute(&format!("CREATE TABLE {name} ({columns}) DEFAULT CHARSET=utf8mb4"));
    let mut tail = Tail::now(&database.url(), &[name]).await;
    for row in rows {
        session.execute(&format!("INSERT INTO {name} {row}"));
    }
    let read = tail.read().await.unwrap_or_else(|e| panic!("{name}: {e} {:?}", e.hint_text()));
    assert!(read.rejects().is_empty(), "{name}: {}", read.rejects()[0].error);
    assert_same(&snapshot(&*tail.source, name).await, &read.inserted(name), name);
    read
}

async fn all_limits(database: &Database) {
    for (name, columns, rows) in tables() {
        let rows: Vec<String> = rows.iter().map(|row| format!("VALUES ({row})")).collect();
        both_ways(database, name, &columns, &rows).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_type_to_its_limits() {
    for (_, database) in databases() {
        all_limits(&database).await;
    }
}

/// The log then tells neither names nor, in MariaDB, signs.
#[tokio::test(flavor = "multi_thread")]
async fn every_type_to_its_limits_without_names() {
    for (kind, metadata) in [(Kind::MariaDb, "NO_LOG"), (Kind::MySql, "MINIMAL")] {
        let args = [format!("--binlog-row-metadata={metadata}")];
        let Some(server) = Server::own(kind, &[&args[0]]) else { continue };
        let database = server.database();
        all_limits(&database).await;
        // A hidden column of MariaDB behind those of the table.
        let rows = ["VALUES (1, 'a')".to_owned(), "VALUES (2, NULL)".to_owned()];
        if kind == Kind::MariaDb {
            both_ways(&database, "hidden", "id int PRIMARY KEY, t text, UNIQUE (t)", &rows).await;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn types_of_mariadb_alone() {
    let Some(server) = Server::shared(Kind::MariaDb) else { return };
    let database = server.database();
    let mut rows = vec![
        "VALUES (1, '00000000-0000-0000-0000-000000000000', '0.0.0.0', '::', '', '', '{}', 1)".to_owned(),
        "VALUES (2, 'ffffffff-ffff-ffff-ffff-ffffffffffff', '255.255.255.255', 'ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff', REPEAT('y', 100), REPEAT('é', 70000), NULL, NULL)".to_owned(),
        "VALUES (3, '01020304-0506-7708-890a-000000000000', '1.0.0.0', '1::', 'x', NULL, '[1, 2.50]', 2)".to_owned(),
        "VALUES (4, NULL, NULL, NULL, NULL, REPEAT('a', 200), '\"é\"', 3)".to_owned(),
    ];
    let addresses = [
        "1:0:2:3:4:5:6:7",
        "0:1:2:3:4:5:6:7",
        "1:2:3:4:5:6:7:0",
        "1:0:0:2:0:0:0:3",
        "1:0:0:2:3:0:0:4",
        "::1.2.3.4",
        "::ffff:1.2.3.4",
        "::fffe:1.2.3.4",
        "::1",
        "::1:0",
        "0:0:1::",
        "::ffff:0:0",
        "::2:3:0",
    ];
    for (at, address) in addresses.iter().enumerate() {
        rows.push(format!("(id, b, c) VALUES ({}, '10.0.{at}.0', '{address}')", at + 10));
    }
    let columns = "id int PRIMARY KEY, a uuid, b inet4, c inet6, d varchar(200) COMPRESSED, \
                   e text COMPRESSED CHARACTER SET latin1, f json, g int INVISIBLE";
    let all = |row: &String| {
        row.replacen(
            "VALUES",
            "(id, a, b, c, d, e, f, g) VALUES",
            usize::from(row.starts_with('V')),
        )
    };
    let rows: Vec<String> = rows.iter().map(all).collect();
    both_ways(&database, "own", columns, &rows).await;
    let columns = "id int PRIMARY KEY, v varbinary(300) COMPRESSED, b longblob COMPRESSED";
    let rows = ["VALUES (1, REPEAT(0x00FF, 150), REPEAT(0x0001, 100000))".to_owned()];
    both_ways(&database, "packed", columns, &rows).await;
    // As tables from before MySQL 5.6 have them.
    database.execute("SET GLOBAL mysql56_temporal_format=OFF");
    let columns = "id int PRIMARY KEY, a datetime, b timestamp NULL, c time, d date";
    let rows = [
        "VALUES (1, '9999-12-31 23:59:59', '2038-01-19 03:14:07', '-838:59:59', '9999-12-31')"
            .to_owned(),
        "VALUES (2, '0000-00-00 00:00:00', '0000-00-00 00:00:00', '00:00:00', '0000-00-00')"
            .to_owned(),
        "VALUES (3, NULL, NULL, '838:59:59', '2024-02-31')".to_owned(),
    ];
    both_ways(&database, "old", columns, &rows).await;
    database.execute("SET GLOBAL mysql56_temporal_format=ON");
}

#[tokio::test(flavor = "multi_thread")]
async fn dates_that_are_no_days() {
    for (_, database) in databases() {
        let mut rows = vec![
            "VALUES (1, '0000-00-00', '0000-00-00 10:20:30', '0000-00-00')".to_owned(),
            "VALUES (2, '2024-02-31', '2023-02-29 23:59:59.999999', NULL)".to_owned(),
            "VALUES (3, '2024-00-10', '2024-01-00 01:02:03.5', '2024-01-01 00:00:00.5')".to_owned(),
            "VALUES (4, '9999-00-00', '0000-12-31', '1970-01-01 00:00:01')".to_owned(),
        ];
        rows.extend((0..100).map(|i| {
            let (month, day) = (i % 13, i % 32);
            format!("VALUES ({}, '20{i:02}-{month:02}-{day:02}', NULL, NULL)", i + 10)
        }));
        let columns = "id int PRIMARY KEY, a date, b datetime(6), c timestamp(3) NULL";
        both_ways(&database, "d", columns, &rows).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn columns_that_are_computed_or_not_seen() {
    for (kind, database) in databases() {
        let columns = "id int PRIMARY KEY, a int, v int AS (a + 1) VIRTUAL, s varchar(20) AS (concat('x', a)) STORED, \
                       w varchar(30) AS (concat(s, 'y')) VIRTUAL, j json, KEY (v), KEY (w)";
        let rows = ["(id, a, j) VALUES (1, 5, '[1]')", "(id, a) VALUES (2, NULL)"];
        let rows: Vec<String> = rows.iter().map(|r| (*r).to_owned()).collect();
        both_ways(&database, "computed", columns, &rows).await;
        // MySQL 8.0.23 on; an index over an expression is a hidden column.
        let columns = match kind {
            Kind::MySql => {
                "id int PRIMARY KEY, h int INVISIBLE, a varchar(10), KEY ((upper(a))), KEY ((h * 2))"
            }
            _ => "id int PRIMARY KEY, h int INVISIBLE, a varchar(10)",
        };
        let rows =
            ["(id, h, a) VALUES (1, 7, 'q')".to_owned(), "(id, a) VALUES (2, 'r')".to_owned()];
        both_ways(&database, "unseen", columns, &rows).await;
    }
}

/// MySQL keeps JSON in a form of its own; its text is ours to write.
#[tokio::test(flavor = "multi_thread")]
async fn documents_are_printed_as_the_server_does() {
    let Some(server) = Server::shared(Kind::MySql) else { return };
    let database = server.database();
    let mut rows: Vec<String> = [
        "'null'", "'true'", "'0'", "'-1'", "'32768'", "'-32769'", "'2147483648'", "'-2147483649'",
        "'9223372036854775808'", "'18446744073709551615'", "'-9223372036854775808'", "'1.0'", "'-0.0'",
        "'1e15'", "'1e14'", "'1e16'", "'123456789012345678'", "'1.7976931348623157e308'", "'5e-324'",
        "'0.000000000000001'", "'1e-16'", "'1e-14'", "'123.456'", "'0.1'", "'100.0'", "'1e22'", "'1.5e-9'",
        "'999999999999999.9'", "'99999999999999.99'", "'[]'", "'{}'", "'\"\"'",
        "JSON_OBJECT('b', 1, 'a', JSON_ARRAY(), 'aa', JSON_OBJECT())",
        "JSON_ARRAY(CAST('2020-02-03' AS DATE), CAST('2020-02-03 04:05:06.5' AS DATETIME(6)), CAST('-12:34:56.789' AS TIME(3)))",
        "JSON_ARRAY(CAST(1.50 AS DECIMAL(10,2)), CAST(-0.05 AS DECIMAL(5,3)), CAST(12345678901234567890.123 AS DECIMAL(40,10)), CAST(0 AS DECIMAL(5,0)))",
        "JSON_ARRAY(CAST('abc' AS BINARY), 0xFF00, b'101', REPEAT(0xAB, 200), TIMESTAMP'2021-01-01 00:00:00')",
        "JSON_QUOTE('tab\\t nl\\n cr\\r bs\\b ff\\f q\\\" sl/ \\\\ x')",
        "CAST('\"\\u0001\\u001f\\u007f é 😀\"' AS JSON)",
        "JSON_ARRAY(REPEAT('x', 127), REPEAT('x', 128), REPEAT('y', 70000))",
        "JSON_OBJECT(REPEAT('k', 300), 1, 'é', 'ü')",
    ].iter().enumerate().map(|(at, sql)| format!("VALUES ({}, {sql})", at + 1)).collect();
    // Beyond 64 KiB, entries are wider.
    let long: Vec<String> =
        (0..20_000).map(|n| (n * 7919 % 100_003 - 50_000).to_string()).collect();
    rows.push(format!("VALUES (1000, '[{}]')", long.join(",")));
    let keys: Vec<String> =
        (0..9000).map(|n| format!("\\\"k{n}\\\":{{\\\"v\\\":[{n},null,{n}.5]}}")).collect();
    rows.push(format!("VALUES (1001, \"{{{}}}\")", keys.join(",")));
    let mut seed = 42_u64;
    for id in 2000..2400 {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let number = f64::from_bits(seed);
        if number.is_finite() {
            rows.push(format!(
                "VALUES ({id}, JSON_ARRAY({number:e}, {:e}, {:e}))",
                (seed >> 20) as f64 / 1e6,
                (seed >> (8 + id % 8)) as f64 / f64::from(1 << (id % 5))
            ));
        }
    }
    both_ways(&database, "documents", "id int PRIMARY KEY, j json", &rows).await;
}

/// Bytes that stand for no character are set aside by both.
#[tokio::test(flavor = "multi_thread")]
async fn characters_without_unicode_are_set_aside() {
    for (kind, database) in databases() {
        database.execute("CREATE TABLE g (id int PRIMARY KEY, a varchar(10) CHARACTER SET gbk)");
        let mut tail = Tail::now(&database.url(), &["g"]).await;
        let stored = database.try_execute(
            "INSERT INTO g VALUES (1, _gbk 0xB0A1), (2, _gbk 0xA2A1), (3, _gbk 0xAAA1)",
        );
        if stored.is_err() {
            continue;
        }
        let lost = database
            .rows("SELECT id FROM g WHERE CONVERT(CONVERT(a USING utf8mb4) USING gbk) <> a");
        let read = tail.read().await.unwrap();
        assert_eq!(read.rejects().len(), lost.len(), "{kind:?}");
        assert!(read.rejects().iter().all(|r| r.error.code() == Code::BadEncoding));
        assert_eq!(read.rows(), 3);
    }
}
