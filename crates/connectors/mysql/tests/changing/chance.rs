//! Statements at random.

use std::sync::Arc;

use syncline_testkit::Kind;
use syncline_types::{TableSchema, field};

/// Numbers that come again with their seed.
pub(crate) struct Chance(u64);

impl Chance {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    fn number(&mut self, below: usize) -> usize {
        // xorshift64*
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        usize::try_from(self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33).unwrap() % below.max(1)
    }

    fn one_in(&mut self, n: usize) -> bool {
        self.number(n) == 0
    }

    fn of<T: Copy>(&mut self, all: &[T]) -> T {
        all[self.number(all.len())]
    }
}

const TYPES: &[(&str, &[&str])] = &[
    ("int", &["5", "-7", "'3'", "0"]),
    ("int unsigned", &["5"]),
    ("int(7)", &["1"]),
    ("bigint", &["9223372036854775807"]),
    ("smallint", &["TRUE"]),
    ("tinyint(1)", &["1", "FALSE"]),
    ("decimal(10,2)", &["1.5", "'2.25'", "0", "-3"]),
    ("double", &["0.5", "2"]),
    ("float", &["1.25"]),
    ("varchar(20)", &["'x'", "''", "'it''s'", "5"]),
    ("varchar(30) CHARACTER SET latin1", &["'x'"]),
    ("varchar(10) COLLATE utf8mb4_bin", &["'x'"]),
    ("char(5)", &["'abc'"]),
    ("text", &[]),
    ("longtext", &[]),
    ("blob", &[]),
    ("varbinary(16)", &["'abc'"]),
    ("binary(4)", &["'abcd'"]),
    ("date", &["'2020-02-29'", "'0000-00-00'"]),
    ("datetime", &["'2020-01-01 10:00:00'", "'2020-01-01'", "CURRENT_TIMESTAMP"]),
    (
        "datetime(3)",
        &["'2020-01-01 10:00:00.5'", "CURRENT_TIMESTAMP(3)", "now(3) ON UPDATE now(3)"],
    ),
    ("timestamp NULL", &["'2020-01-01 10:00:00'", "CURRENT_TIMESTAMP ON UPDATE CURRENT_TIMESTAMP"]),
    ("time", &["'10:00:00'"]),
    ("year", &["2020"]),
    ("bit(5)", &["b'101'", "3"]),
    ("enum('a','b','it''s')", &["'b'"]),
    ("set('a','b','c')", &["'a,c'"]),
    ("json", &[]),
    ("bool", &["0"]),
];

const NAMES: [&str; 12] =
    ["id", "a", "b", "c", "Name", "odd name", "é", "by", "date", "x1", "x2", "x3"];

fn quoted(name: &str) -> String {
    format!("`{name}`")
}

fn definition(chance: &mut Chance) -> String {
    let (native, defaults) = chance.of(TYPES);
    let mut line = native.to_owned();
    if chance.one_in(3) && !native.ends_with("NULL") {
        line.push_str(" NOT NULL");
    }
    if !defaults.is_empty() && chance.one_in(2) {
        line.push_str(&format!(" DEFAULT {}", chance.of(defaults)));
    }
    if chance.one_in(8) {
        line.push_str(" COMMENT 'a \"comment\"'");
    }
    if chance.one_in(15) {
        line.push_str(chance.of(&[
            " UNIQUE",
            " PRIMARY KEY",
            " UNIQUE KEY",
            " AUTO_INCREMENT UNIQUE",
        ]));
    }
    line
}

fn columns(chance: &mut Chance, table: &TableSchema) -> String {
    let mut names: Vec<String> = Vec::new();
    for _ in 0..=chance.number(3) {
        let column = table.columns[chance.number(table.columns.len())].name().to_owned();
        if !names.iter().any(|n| n.starts_with(&quoted(&column))) {
            let prefix = chance.of(&["", "", "", "(4)"]);
            names.push(format!("{}{prefix}{}", quoted(&column), chance.of(&["", "", " DESC"])));
        }
    }
    names.join(", ")
}

fn action(chance: &mut Chance, table: &TableSchema) -> String {
    let chosen = &table.columns[chance.number(table.columns.len())];
    let column = quoted(chosen.name());
    let native = field::native(&chosen.field, "mysql").unwrap_or_default();
    let large = ["blob", "text", "json", "geometry", "point"].iter().any(|t| native.contains(t));
    let other = quoted(table.columns[chance.number(table.columns.len())].name());
    let new = quoted(chance.of(&NAMES));
    let place = match chance.number(5) {
        0 => " FIRST".to_owned(),
        1 => format!(" AFTER {other}"),
        _ => String::new(),
    };
    let index = match table.indexes.len() {
        0 => "nothing".to_owned(),
        n => quoted(&table.indexes[chance.number(n)].name),
    };
    let over = columns(chance, table);
    match chance.number(20) {
        0..=3 => format!("ADD COLUMN {new} {}{place}", definition(chance)),
        4 | 5 => format!("DROP COLUMN {column}"),
        6 | 7 => format!("MODIFY {column} {}{place}", definition(chance)),
        8 | 9 => format!("CHANGE COLUMN {column} {new} {}{place}", definition(chance)),
        10 => format!("RENAME COLUMN {column} TO {new}"),
        11 => format!("ADD KEY ({over})"),
        12 => format!("ADD UNIQUE KEY {new} ({over})"),
        13 => format!("ADD INDEX {new} ({over})"),
        14 => format!("DROP INDEX {index}"),
        15 => "DROP PRIMARY KEY".into(),
        16 => format!("ADD PRIMARY KEY ({over})"),
        17 => format!("ALTER COLUMN {column} DROP DEFAULT"),
        // A large value's default is not carried: MySQL knows none but expressions.
        18 if !large => format!(
            "ALTER {column} SET DEFAULT {}",
            chance.of(&["1", "'x'", "NULL", "'2020-01-01'"])
        ),
        _ => match chance.number(5) {
            0 => "COMMENT='new'".into(),
            1 => "DEFAULT CHARACTER SET latin1".into(),
            2 => "CONVERT TO CHARACTER SET utf8mb4".into(),
            3 => format!("RENAME INDEX {index} TO {new}"),
            _ => format!("ADD CHECK ({column} IS NOT NULL)"),
        },
    }
}

/// A statement about the tables.
pub(crate) fn statement(chance: &mut Chance, _kind: Kind, tables: Vec<Arc<TableSchema>>) -> String {
    let name = |n: usize| format!("t{n}");
    if tables.len() < 2 || chance.one_in(15) {
        let count = 2 + chance.number(5);
        let names = NAMES.iter().take(count);
        let mut lines: Vec<String> =
            names.map(|name| format!("{} {}", quoted(name), definition(chance))).collect();
        if chance.one_in(2) {
            lines.push(format!("KEY ({})", quoted(NAMES[chance.number(count)])));
        }
        if chance.one_in(2) {
            lines.push(format!("UNIQUE ({}, {})", quoted(NAMES[0]), quoted(NAMES[1])));
        }
        let options =
            chance.of(&["", "", " COMMENT 'x'", " CHARSET latin1", " COLLATE utf8mb4_bin"]);
        return format!("CREATE TABLE {} ({}){options}", name(chance.number(5)), lines.join(", "));
    }
    let table = &tables[chance.number(tables.len())];
    let own = quoted(&table.name.name);
    match chance.number(30) {
        0 => format!("DROP TABLE {own}"),
        1 => format!("RENAME TABLE {own} TO {}", name(chance.number(5))),
        2 => format!("CREATE TABLE {} LIKE {own}", name(chance.number(5))),
        3 => format!("TRUNCATE {own}"),
        4 => format!("CREATE INDEX i{} ON {own} ({})", chance.number(4), columns(chance, table)),
        _ => {
            let many = 1 + chance.of(&[0, 0, 1, 2]);
            let actions: Vec<String> = (0..many).map(|_| action(chance, table)).collect();
            format!("ALTER TABLE {own} {}", actions.join(", "))
        }
    }
}
