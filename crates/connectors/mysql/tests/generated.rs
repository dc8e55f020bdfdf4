//! Values of every type at random, written by SQL, copied, and compared by the server.

#![allow(clippy::unwrap_used, reason = "a test has nothing better to do with an error")]

mod rig;

use std::cell::Cell;

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;
use proptest::test_runner::{Config, TestError, TestRunner};
use rig::{Copy, copy_as, databases};
use syncline_testkit::{Database, Kind, Server};

/// A column's type, and literals for values of it.
type Typed = (String, BoxedStrategy<String>);

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|b| format!("{b:02X}")).collect()
}

fn bytes(most: usize) -> BoxedStrategy<String> {
    vec(any::<u8>(), 0..most).prop_map(|b| format!("X'{}'", hex(&b))).boxed()
}

/// Texts of a character set, given in UTF-8.
fn texts(of: impl Strategy<Value = char> + 'static, most: usize) -> BoxedStrategy<String> {
    let written = |chars: Vec<char>| {
        let text: String = chars.into_iter().collect();
        format!("_utf8mb4 X'{}'", hex(text.as_bytes()))
    };
    vec(of, 0..most).prop_map(written).boxed()
}

/// What escapes, quotes and separators are made of, more often than by chance.
fn odd() -> impl Strategy<Value = char> {
    prop_oneof![
        3 => any::<char>(),
        2 => select(vec!['\0', '\'', '"', '\\', '\n', '\r', '\t', '\u{1a}', 'N', ',', ' ', '%', '`', '\u{8}']),
        1 => select(vec!['ß', 'é', '😀', '\u{FFFF}', '\u{10FFFF}', '\u{301}', '\u{FEFF}', '\u{200B}']),
    ]
}

fn numbers() -> Vec<Typed> {
    fn whole<T: Arbitrary + ToString + 'static>(native: &str) -> Typed {
        (native.into(), any::<T>().prop_map(|n| n.to_string()).boxed())
    }
    let digits = |whole: usize, scale: usize| {
        (any::<bool>(), vec(0..10_u8, 1..=whole), vec(0..10_u8, 0..=scale))
            .prop_map(|(minus, whole, part)| {
                let text = |d: &[u8]| d.iter().map(|d| char::from(b'0' + d)).collect::<String>();
                let sign = if minus { "-" } else { "" };
                format!("{sign}{}.{}", text(&whole), text(&part))
            })
            .boxed()
    };
    let finite = |n: f64| if n.is_finite() { format!("{n:e}") } else { "0e0".into() };
    let single = |n: f32| if n.is_finite() { format!("{n:e}") } else { "0e0".into() };
    let bits = |width: usize| {
        let text = |b: Vec<bool>| {
            let text: String = b.iter().map(|b| if *b { '1' } else { '0' }).collect();
            format!("b'{text}'")
        };
        (format!("bit({width})"), vec(any::<bool>(), width).prop_map(text).boxed())
    };
    vec![
        whole::<i8>("tinyint"),
        whole::<u8>("tinyint unsigned"),
        whole::<i16>("smallint"),
        whole::<u16>("smallint unsigned"),
        ("mediumint".into(), (-8_388_608..8_388_608_i32).prop_map(|n| n.to_string()).boxed()),
        ("mediumint unsigned".into(), (0..16_777_216_u32).prop_map(|n| n.to_string()).boxed()),
        whole::<i32>("int"),
        whole::<u32>("int unsigned"),
        whole::<i64>("bigint"),
        whole::<u64>("bigint unsigned"),
        ("decimal(65,30)".into(), digits(35, 30)),
        ("decimal(38,10)".into(), digits(28, 10)),
        ("decimal(5,2)".into(), digits(3, 2)),
        ("double".into(), any::<f64>().prop_map(finite).boxed()),
        ("float".into(), any::<f32>().prop_map(single).boxed()),
        (
            "year".into(),
            prop_oneof![Just(0_u32), 1901..=2155_u32].prop_map(|n| n.to_string()).boxed(),
        ),
        bits(1),
        bits(13),
        bits(64),
    ]
}

fn times() -> Vec<Typed> {
    // Days and months of zero too, and days that the month does not have.
    let day = || {
        (0..10_000_u32, 0..13_u32, 0..32_u32).prop_map(|(y, m, d)| format!("{y:04}-{m:02}-{d:02}"))
    };
    let clock =
        || (0..24_u32, 0..60_u32, 0..60_u32).prop_map(|(h, m, s)| format!("{h:02}:{m:02}:{s:02}"));
    let moment = |digits: u32| {
        (day(), clock(), 0..10_u32.pow(digits))
            .prop_map(move |(day, clock, part)| {
                let part = if digits > 0 {
                    format!(".{part:0w$}", w = digits as usize)
                } else {
                    String::new()
                };
                format!("'{day} {clock}{part}'")
            })
            .boxed()
    };
    let instant = prop_oneof![
        8 => (1..2_147_483_647_u32, 0..1_000_000_u32).prop_map(|(s, us)| format!("FROM_UNIXTIME({s}.{us:06})")),
        1 => Just("'0000-00-00 00:00:00'".to_owned()),
    ];
    let long = |digits: u32| {
        (any::<bool>(), 0..838_u32, clock(), 0..10_u32.pow(digits)).prop_map(
            move |(minus, hours, clock, part)| {
                let sign = if minus { "-" } else { "" };
                let part = if digits > 0 {
                    format!(".{part:0w$}", w = digits as usize)
                } else {
                    String::new()
                };
                format!("'{sign}{hours:02}:{}{part}'", &clock[3..])
            },
        )
    };
    vec![
        ("date".into(), day().prop_map(|d| format!("'{d}'")).boxed()),
        ("datetime".into(), moment(0)),
        ("datetime(3)".into(), moment(3)),
        ("datetime(6)".into(), moment(6)),
        ("timestamp(6) NULL".into(), instant.boxed()),
        ("time".into(), long(0).boxed()),
        ("time(6)".into(), long(6).boxed()),
    ]
}

fn words() -> Vec<Typed> {
    let latin = || {
        (0..256_u32)
            .prop_filter_map("a character", char::from_u32)
            .prop_filter("cp1252", |c| !(0x80..0xA0).contains(&u32::from(*c)))
    };
    let plane = || any::<char>().prop_filter("of the first plane", |c| *c <= '\u{FFFF}');
    vec![
        ("varchar(100)".into(), texts(odd(), 60)),
        ("char(20)".into(), texts(odd(), 20)),
        ("text".into(), texts(odd(), 300)),
        ("mediumtext COLLATE utf8mb4_bin".into(), texts(any::<char>(), 300)),
        ("varchar(40) CHARACTER SET latin1".into(), texts(latin(), 40)),
        ("varchar(40) CHARACTER SET ascii".into(), texts(proptest::char::range('\0', '\x7f'), 40)),
        ("varchar(40) CHARACTER SET utf8mb3".into(), texts(plane(), 40)),
        ("varchar(20) CHARACTER SET ucs2".into(), texts(plane(), 20)),
        ("varchar(20) CHARACTER SET utf16".into(), texts(any::<char>(), 20)),
        ("varchar(20) CHARACTER SET utf32".into(), texts(any::<char>(), 20)),
        (
            "varchar(20) CHARACTER SET gbk".into(),
            texts(select("中文漢字ab\\'".chars().collect::<Vec<_>>()), 20),
        ),
        (
            "varchar(20) CHARACTER SET sjis".into(),
            texts(select("カタ漢字表ソa'".chars().collect::<Vec<_>>()), 20),
        ),
        (
            "varchar(20) CHARACTER SET koi8r".into(),
            texts(select("Жяa\\\"".chars().collect::<Vec<_>>()), 20),
        ),
        ("varbinary(100)".into(), bytes(100)),
        ("binary(16)".into(), bytes(17)),
        ("blob".into(), bytes(400)),
        (
            "enum('a','B','it''s','x,y','','\\\\n')".into(),
            select(vec!["'a'", "'B'", "'it''s'", "'x,y'", "''", "'\\\\n'"])
                .prop_map(str::to_owned)
                .boxed(),
        ),
        (
            "set('a','b c','é','d')".into(),
            vec(select(vec!["a", "b c", "é", "d"]), 0..4)
                .prop_map(|m| format!("'{}'", m.join(",")))
                .boxed(),
        ),
        (
            "json".into(),
            (any::<i64>(), vec(any::<char>(), 0..20), any::<bool>())
                .prop_map(|(n, text, b)| {
                    let text: String = text.into_iter().collect();
                    let document = serde_json::json!({"n": n, "t": text, "b": [b, null_or(b)]});
                    format!("_utf8mb4 X'{}'", hex(document.to_string().as_bytes()))
                })
                .boxed(),
        ),
        (
            "point".into(),
            (-1e12..1e12_f64, -1e-9..1e-9_f64, select(vec![0, 3857]))
                .prop_map(|(x, y, srid)| format!("ST_GeomFromText('POINT({x} {y})', {srid})"))
                .boxed(),
        ),
        (
            "geometry".into(),
            vec((-90..90_i32, -90..90_i32), 2..6)
                .prop_map(|points| {
                    let points: Vec<String> =
                        points.iter().map(|(x, y)| format!("{x} {y}")).collect();
                    format!("ST_GeomFromText('LINESTRING({})', 0)", points.join(","))
                })
                .boxed(),
        ),
    ]
}

fn null_or(b: bool) -> Option<u8> {
    b.then_some(7)
}

fn of_mariadb() -> Vec<Typed> {
    let dashed = |b: [u8; 16]| {
        format!(
            "'{}-{}-{}-{}-{}'",
            hex(&b[..4]),
            hex(&b[4..6]),
            hex(&b[6..8]),
            hex(&b[8..10]),
            hex(&b[10..])
        )
    };
    vec![
        ("uuid".into(), any::<[u8; 16]>().prop_map(dashed).boxed()),
        (
            "inet4".into(),
            any::<[u8; 4]>().prop_map(|b| format!("'{}'", std::net::Ipv4Addr::from(b))).boxed(),
        ),
        (
            "inet6".into(),
            any::<[u8; 16]>().prop_map(|b| format!("'{}'", std::net::Ipv6Addr::from(b))).boxed(),
        ),
        ("varchar(50) COMPRESSED".into(), texts(odd(), 50)),
        ("blob COMPRESSED".into(), bytes(200)),
    ]
}

/// Types of some columns, and rows of literals.
fn tables(kind: Kind) -> impl Strategy<Value = (Vec<String>, Vec<Vec<String>>)> {
    let mut pool: Vec<Typed> = [numbers(), times(), words()].concat();
    if kind == Kind::MariaDb {
        pool.extend(of_mariadb());
    }
    vec(0..pool.len(), 4..12).prop_flat_map(move |chosen| {
        let types: Vec<String> = chosen.iter().map(|i| pool[*i].0.clone()).collect();
        let row: Vec<BoxedStrategy<String>> = chosen
            .iter()
            .map(|i| prop_oneof![8 => pool[*i].1.clone(), 1 => Just("NULL".to_owned())].boxed())
            .collect();
        (Just(types), vec(row, 1..40))
    })
}

fn checksum(database: &Database, table: &str) -> Option<String> {
    database.rows(&format!("CHECKSUM TABLE {table} EXTENDED"))[0][1].clone()
}

/// The columns whose values differ.
fn differing(from: &Database, to: &Database, table: &str, columns: usize) -> Vec<String> {
    let differs = |n: &usize| {
        let sql = |t: &str| format!("SELECT id, HEX(c{n}) FROM {t} ORDER BY id");
        from.rows(&sql(table)) != to.rows(&sql(table))
    };
    (0..columns).filter(differs).map(|n| format!("c{n}")).collect()
}

#[test]
fn values_at_random_come_back_equal() {
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    for (kind, from) in databases() {
        let to = Server::shared(kind).unwrap().database();
        let number = Cell::new(0);
        let config = Config {
            cases: 40,
            failure_persistence: None,
            max_shrink_iters: 40,
            ..Config::default()
        };
        let outcome = TestRunner::new(config).run(&tables(kind), |(types, rows)| {
            number.set(number.get() + 1);
            let table = format!("t{}", number.get());
            let columns: Vec<String> =
                types.iter().enumerate().map(|(n, t)| format!("c{n} {t}")).collect();
            let mut session = from.session();
            session.execute("SET sql_mode='ALLOW_INVALID_DATES', time_zone='+00:00'");
            session.execute(&format!(
                "CREATE TABLE {table} (id int PRIMARY KEY, {}) DEFAULT CHARSET=utf8mb4",
                columns.join(", ")
            ));
            for (id, row) in rows.iter().enumerate() {
                session.execute(&format!("INSERT INTO {table} VALUES ({id}, {})", row.join(", ")));
            }
            let options = if number.get() % 2 == 0 { "?load_data=false" } else { "" };
            let url = format!("{}{options}", to.url());
            let copied =
                runtime.block_on(copy_as(&from.url(), &table, &url, &table, &Copy::default()));
            let rejects = copied.map_err(|e| TestCaseError::fail(format!("{e:?}")))?;
            if let Some(reject) = rejects.first() {
                return Err(TestCaseError::fail(reject.error.to_string()));
            }
            if checksum(&from, &table) != checksum(&to, &table) {
                let columns = differing(&from, &to, &table, types.len());
                return Err(TestCaseError::fail(format!("{columns:?} differ")));
            }
            from.execute(&format!("DROP TABLE {table}"));
            to.execute(&format!("DROP TABLE {table}"));
            Ok(())
        });
        match outcome {
            Ok(()) => {}
            Err(TestError::Fail(why, (types, rows))) => {
                panic!("{kind:?}: {why}\n{types:?}\n{rows:#?}")
            }
            Err(other) => panic!("{kind:?}: {other}"),
        }
    }
}
