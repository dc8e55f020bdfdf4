//! Every type to its limits, there and back: the servers themselves are the oracle.

#![allow(clippy::unwrap_used, reason = "a test has nothing better to do with an error")]

mod rig;

use rig::limits::tables;
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
