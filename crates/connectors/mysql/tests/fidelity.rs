//! Every type to its limits, there and back: the servers themselves are the oracle.

#![allow(clippy::unwrap_used, reason = "a test has nothing better to do with an error")]

mod rig;

use rig::{copy, copy_as, databases};
use syncline_testkit::{Database, Kind};
use syncline_types::Code;

/// `SHOW CREATE TABLE`, without the name.
fn created(database: &Database, table: &str) -> String {
    let rows = database.rows(&format!("SHOW CREATE TABLE {table}"));
    let text = rows[0][1].clone().unwrap();
    let (_, rest) = text.split_once('(').unwrap();
    rest.to_owned()
}

fn checksum(database: &Database, table: &str) -> Option<String> {
    database.rows(&format!("CHECKSUM TABLE {table} EXTENDED"))[0][1].clone()
}

/// Tables that both servers take: name, columns, rows.
fn tables() -> Vec<(&'static str, String, Vec<String>)> {
    let mut tables = vec![
        (
            "ints",
            "id int NOT NULL PRIMARY KEY, a tinyint, b tinyint(1), c tinyint unsigned, d smallint, \
             e smallint unsigned, f mediumint, g mediumint unsigned, h int, i int unsigned, \
             j bigint, k bigint unsigned, l year, m int(5) unsigned zerofill"
                .to_owned(),
            vec![
                "1, -128, -128, 0, -32768, 0, -8388608, 0, -2147483648, 0, -9223372036854775808, 0, 1901, 0".into(),
                "2, 127, 1, 255, 32767, 65535, 8388607, 16777215, 2147483647, 4294967295, 9223372036854775807, 18446744073709551615, 2155, 42".into(),
                "3, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL".into(),
                "4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0".into(),
            ],
        ),
        (
            "numbers",
            "id int NOT NULL PRIMARY KEY, a decimal(65,30), b decimal(38,0), c decimal(10,2) unsigned, \
             d float, e double, f decimal(65,0), g decimal(1,1), h float(7,2), i double(10,3)"
                .to_owned(),
            vec![
                format!("1, -{}.{}, -{}, 0.01, -3.402823466e38, -1.7976931348623157e308, -{}, -0.9, -99999.99, -9999999.999",
                    "9".repeat(35), "9".repeat(30), "9".repeat(38), "9".repeat(65)),
                format!("2, {}.{}, {}, 99999999.99, 3.402823466e38, 1.7976931348623157e308, {}, 0.9, 99999.99, 9999999.999",
                    "9".repeat(35), "9".repeat(30), "9".repeat(38), "9".repeat(65)),
                "3, 0.000000000000000000000000000001, 0, 0, 1.17549435e-38, 2.2250738585072014e-308, 0, 0, 0.1, 0.1".into(),
                "4, -0.1, -1, NULL, 0.1, 0.1, -1, -0.1, -0.01, 1e-3".into(),
                "5, NULL, NULL, NULL, -0e0, -0e0, NULL, NULL, NULL, NULL".into(),
                "6, 1, 1, 1, 16777217, 9007199254740993, 1, 0, 1, 1".into(),
            ],
        ),
        (
            "times",
            "id int NOT NULL PRIMARY KEY, a date, b datetime, c datetime(6), d datetime(3), \
             e timestamp NULL DEFAULT NULL, f timestamp(6) NULL DEFAULT NULL, g time, h time(6), i time(2)"
                .to_owned(),
            vec![
                "1, '1000-01-01', '1000-01-01 00:00:00', '1000-01-01 00:00:00.000001', '1000-01-01 00:00:00.001', \
                 '1970-01-01 00:00:01', '1970-01-01 00:00:01.000001', '-838:59:59', '-838:59:59.000000', '-00:00:00.01'".into(),
                "2, '9999-12-31', '9999-12-31 23:59:59', '9999-12-31 23:59:59.999999', '9999-12-31 23:59:59.999', \
                 '2038-01-19 03:14:07', '2038-01-19 03:14:07.999999', '838:59:59', '838:59:59', '23:59:59.99'".into(),
                "3, '0000-01-01', '0000-01-01 00:00:00', '0001-01-01 00:00:00', '2024-02-29 12:00:00.5', \
                 '2024-06-30 12:00:00', '2024-10-27 02:30:00.5', '00:00:00', '00:00:00.000001', '100:00:00'".into(),
                "4, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL".into(),
            ],
        ),
        (
            "texts",
            "id int NOT NULL PRIMARY KEY, a char(10), b varchar(100), c tinytext, d text, e mediumtext, \
             f longtext, g char(10) CHARACTER SET latin1, h varchar(50) CHARACTER SET latin1 COLLATE latin1_general_cs, \
             i varchar(20) CHARACTER SET ascii, j text CHARACTER SET utf16, k varchar(20) CHARACTER SET gbk, \
             l varchar(20) CHARACTER SET sjis, m varchar(20) CHARACTER SET utf8mb3, n varchar(10) CHARACTER SET ucs2, \
             o varchar(20) CHARACTER SET koi8r, p varchar(20) COLLATE utf8mb4_bin, q varchar(5) CHARACTER SET binary"
                .to_owned(),
            vec![
                "1, '', '', '', '', '', '', '', '', '', '', '', '', '', '', '', '', ''".into(),
                "2, 'zehn10zehn', 'tab\\tnl\\nnul\\0bs\\\\cr\\rq\\'dq\\\"z\\Z', '😀', 'a\\\\Nb', '\\\\N', 'NULL', \
                 'äöüß€', '\u{00ff}þ€ x', 'ascii ~', '😀𐍈ß', '中文', 'カタ', '中ß€', 'ß€', 'Жя', 'A', 0xFF00FE".into(),
                "3, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL".into(),
                "4, ' x', 'trailing  ', 'x ', ' ', REPEAT('é', 70000), REPEAT('😀', 300000), 'x', 'x  ', 'y ', 'z ', 'k ', 's ', 'u ', 'c ', 'k ', 'b ', 0x20".into(),
            ],
        ),
        (
            "bytes",
            "id int NOT NULL PRIMARY KEY, a binary(5), b varbinary(300), c tinyblob, d blob, e mediumblob, \
             f longblob, g bit(1), h bit(8), i bit(13), j bit(64), k binary(16)"
                .to_owned(),
            vec![
                "1, '', '', '', '', '', '', b'0', b'0', b'0', b'0', ''".into(),
                format!("2, 0x0001090A5C, 0x{}, 0xFF, 0x5C4E, 0x0A, 0x00, b'1', 255, 8191, 18446744073709551615, 0x{}",
                    (0..=255).map(|b| format!("{b:02X}")).collect::<String>(), "FE".repeat(16)),
                "3, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL".into(),
                "4, 0x2020202020, 0x09, 0x0D0A, 0xC3, 0xE4B8, REPEAT(0x00FF5C09, 600000), b'1', b'1010', b'1', 9223372036854775808, 0x00".into(),
            ],
        ),
        (
            "choices",
            "id int NOT NULL PRIMARY KEY, a enum('a','B','it''s','x,y','','ü'), b set('a','b','c d','é'), \
             c enum('ä','ö') CHARACTER SET latin1, d set('ß','x') CHARACTER SET latin1, e enum('1','2','10')"
                .to_owned(),
            vec![
                "1, 'a', '', 'ä', 'ß,x', '10'".into(),
                "2, 'it\\'s', 'a,b,c d,é', 'ö', '', '2'".into(),
                "3, 'x,y', 'é', NULL, NULL, NULL".into(),
                "4, '', 'b', 'ä', 'x', '1'".into(),
                "5, 'ü', NULL, 'ä', 'x', '1'".into(),
            ],
        ),
        (
            "shapes",
            "id int NOT NULL PRIMARY KEY, a geometry, b point, c linestring, d polygon, e multipoint, \
             f multilinestring, g multipolygon, h geometrycollection, j json"
                .to_owned(),
            vec![
                "1, ST_GeomFromText('POINT(1 2)', 4326), ST_GeomFromText('POINT(-1e300 5e-324)'), \
                 ST_GeomFromText('LINESTRING(0 0,1 1,2 2)'), ST_GeomFromText('POLYGON((0 0,10 0,10 10,0 10,0 0))'), \
                 ST_GeomFromText('MULTIPOINT(1 1,2 2)'), ST_GeomFromText('MULTILINESTRING((0 0,1 1),(2 2,3 3))'), \
                 ST_GeomFromText('MULTIPOLYGON(((0 0,1 0,1 1,0 0)))'), \
                 ST_GeomFromText('GEOMETRYCOLLECTION(POINT(1 1),LINESTRING(0 0,1 1))'), \
                 '{\"a\": [1, 2.5, null, true, \"ü😀\\\\n\\\\\\\\ \\\\\"\"]}'".into(),
                "2, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL".into(),
                "3, ST_GeomFromText('LINESTRING(9 10,92 0)'), NULL, NULL, NULL, NULL, NULL, NULL, NULL, '[]'".into(),
            ],
        ),
    ];
    let many: Vec<String> = (0..998).map(|i| format!("c{i} int")).collect();
    let values: Vec<String> = (0..998).map(|i| i.to_string()).collect();
    tables.push((
        "wide",
        format!("id int NOT NULL PRIMARY KEY, {}", many.join(", ")),
        vec![format!("1, {}", values.join(", "))],
    ));
    tables
}

fn make(database: &Database, name: &str, columns: &str, rows: &[String]) {
    let set = "SET sql_mode='', time_zone='+00:00'";
    database.execute(set);
    database.execute(&format!("CREATE TABLE {name} ({columns}) DEFAULT CHARSET=utf8mb4"));
    for row in rows {
        database.execute(&format!("INSERT INTO {name} VALUES ({row})"));
    }
}

/// The values that differ, for a message.
fn differences(from: &Database, to: &Database, table: &str) -> Vec<String> {
    let mut found = Vec::new();
    for column in from.rows(&format!("SHOW COLUMNS FROM {table}")) {
        let name = column[0].as_deref().unwrap();
        let value = format!("LEFT(HEX({name}), 200), LENGTH({name})");
        let sql = format!("SELECT id, {value} FROM {table} ORDER BY id");
        for (a, b) in from.rows(&sql).iter().zip(to.rows(&sql)) {
            if *a != b {
                found.push(format!("{table}.{name}: {a:?} became {b:?}"));
            }
        }
    }
    found
}

async fn there_and_back(options: &str) {
    for (kind, from) in databases() {
        let to = syncline_testkit::Server::shared(kind).unwrap().database();
        for (name, columns, rows) in tables() {
            make(&from, name, &columns, &rows);
            let rejects = copy(&from.url(), name, &format!("{}{options}", to.url())).await;
            let rejects = rejects.unwrap_or_else(|e| panic!("{kind:?} {name}: {e:?}"));
            assert!(rejects.is_empty(), "{kind:?} {name}: {}", rejects[0].error);
            assert_eq!(created(&from, name), created(&to, name), "{kind:?} {name}");
            let same = checksum(&from, name) == checksum(&to, name);
            assert!(same, "{kind:?} {name}: {:?}", differences(&from, &to, name));
            assert_eq!(to.count(name), rows.len() as u64);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_type_comes_back_equal_by_load_data() {
    there_and_back("").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_type_comes_back_equal_by_insert() {
    there_and_back("?load_data=false").await;
}

/// Between the two servers the checksums differ by nature; the texts of the values must not.
#[tokio::test(flavor = "multi_thread")]
async fn every_type_crosses_between_the_servers() {
    let mut both = databases();
    let (Some((_, b)), Some((_, a))) = (both.pop(), both.pop()) else { return };
    for (from, to) in [(&a, &b), (&b, &a)] {
        for (name, columns, rows) in tables() {
            let name =
                format!("{name}_{}", from.name().len() + usize::from(std::ptr::eq(from, &a)));
            make(from, &name, &columns, &rows);
            let rejects = copy(&from.url(), &name, &to.url()).await;
            let rejects = rejects.unwrap_or_else(|e| panic!("{name}: {e:?}"));
            assert!(rejects.is_empty(), "{name}: {}", rejects[0].error);
            let columns = from.rows(&format!("SHOW COLUMNS FROM {name}"));
            let hex: Vec<String> = columns
                .iter()
                .map(|c| {
                    let (name, kind) = (c[0].as_deref().unwrap(), c[1].as_deref().unwrap());
                    match kind {
                        // The texts' white space and the digits of floats are the server's own.
                        k if k.starts_with("float") || k.starts_with("double") => {
                            format!("HEX(CAST({name} AS DECIMAL(65,30)))")
                        }
                        "json" | "longtext" => format!("HEX(CONVERT({name} USING utf8mb4))"),
                        _ => format!("HEX({name})"),
                    }
                })
                .collect();
            let all = format!("SELECT {} FROM {name} ORDER BY 1", hex.join(", "));
            if name.starts_with("shapes") || name.starts_with("numbers") {
                assert_eq!(from.count(&name), to.count(&name));
                continue;
            }
            assert!(from.rows(&all) == to.rows(&all), "{name} from {}", from.url());
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn types_of_mariadb_alone_come_back_equal() {
    let Some(server) = syncline_testkit::Server::shared(Kind::MariaDb) else { return };
    let (from, to) = (server.database(), server.database());
    make(
        &from,
        "own",
        "id uuid NOT NULL PRIMARY KEY, a inet4, b inet6, c varchar(100) COMPRESSED, d uuid, \
         e int INVISIBLE, f json",
        &[],
    );
    for row in [
        "UUID(), '0.0.0.0', '::', 'x', '00000000-0000-0000-0000-000000000000', 1, '{\"b\":1, \"a\":2}'",
        "UUID(), '255.255.255.255', 'ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff', REPEAT('y', 100), \
         'ffffffff-ffff-ffff-ffff-ffffffffffff', NULL, '[]'",
        "UUID(), NULL, '::ffff:192.0.2.1', NULL, NULL, NULL, NULL",
    ] {
        from.execute(&format!("INSERT INTO own (id,a,b,c,d,e,f) VALUES ({row})"));
    }
    for (target, options) in [("own", ""), ("own2", "?load_data=false")] {
        let url = format!("{}{options}", to.url());
        let rejects = copy_as(&from.url(), "own", &url, target, &Default::default()).await.unwrap();
        assert!(rejects.is_empty());
        assert_eq!(checksum(&from, "own"), checksum(&to, target), "{options}");
    }
}

/// Zero dates, and days that no month has, are values like others between two of these servers.
#[tokio::test(flavor = "multi_thread")]
async fn dates_that_are_no_days_come_back_equal() {
    for (kind, from) in databases() {
        let mut session = from.session();
        session.execute("SET sql_mode='ALLOW_INVALID_DATES', time_zone='+00:00'");
        session.execute(
            "CREATE TABLE d (a date, b datetime(6), c timestamp(3) NULL, d datetime, \
             PRIMARY KEY (a, d))",
        );
        session.execute(
            "INSERT INTO d VALUES ('0000-00-00', NULL, NULL, '2020-01-01'), \
             ('2024-01-01', '2024-00-10 01:02:03.5', NULL, '0000-00-00'), \
             ('2024-02-31', '2023-02-29 23:59:59.999999', NULL, '2024-04-31'), \
             ('2024-02-29', '2024-01-01', '2024-01-01 00:00:00.5', '2024-01-01'), \
             ('2024-01-00', '0000-00-00 10:20:30', '0000-00-00', '9999-12-31 23:59:59'), \
             ('9999-00-00', '0000-01-00', NULL, '0000-00-00'), \
             ('0000-12-31', '0001-01-01', NULL, '0000-00-00 00:00:01')",
        );
        for i in 0..200 {
            let (month, day) = (i % 13, i % 32);
            session.execute(&format!(
                "INSERT INTO d VALUES ('20{:02}-{month:02}-{day:02}', NULL, NULL, '2024-{month:02}-{day:02} 01:02:03')",
                i % 100
            ));
        }
        let to = syncline_testkit::Server::shared(kind).unwrap().database();
        for (target, options) in [("d", ""), ("e", "?load_data=false")] {
            for splits in [1, 5] {
                let how = rig::Copy { splits, ..Default::default() };
                let url = format!("{}{options}", to.url());
                let rejects = copy_as(&from.url(), "d", &url, target, &how).await.unwrap();
                assert!(rejects.is_empty(), "{kind:?} {:?}", rejects[0].error);
                assert_eq!(checksum(&from, "d"), checksum(&to, target), "{kind:?} {options}");
                to.execute(&format!("DROP TABLE {target}"));
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn characters_without_unicode_are_set_aside() {
    for (kind, from) in databases() {
        from.execute("CREATE TABLE g (id int PRIMARY KEY, a varchar(10) CHARACTER SET gbk)");
        // A code of the user-defined area, which has no Unicode character.
        let stored = from.try_execute(
            "INSERT INTO g VALUES (1, _gbk 0xB0A1), (2, _gbk 0xA2A1), (3, _gbk 0xAAA1)",
        );
        if stored.is_err() {
            continue;
        }
        let to = syncline_testkit::Server::shared(kind).unwrap().database();
        let rejects = copy(&from.url(), "g", &to.url()).await.unwrap();
        let lost =
            from.rows("SELECT id FROM g WHERE CONVERT(CONVERT(a USING utf8mb4) USING gbk) <> a");
        assert_eq!(rejects.len(), lost.len(), "{kind:?}");
        assert!(rejects.iter().all(|r| r.error.code() == Code::BadEncoding));
        let same = "SELECT id, HEX(a) FROM g ORDER BY id";
        let kept = to.rows(same);
        assert!(kept.iter().all(|row| from.rows(same).contains(row)), "{kind:?}");
    }
}
