//! The tables of the load: what they are called, what their columns hold, how they are made.

/// What a column holds, as far as its text differs from store to store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// Whole numbers and texts.
    Plain,
    /// A decimal number.
    Decimal,
    /// A floating-point number.
    Float,
    /// A date, with or without a time.
    Moment,
    /// Bytes.
    Bytes,
}

/// A table of the load.
#[derive(Debug, Clone, Copy)]
pub struct Table {
    /// Its name.
    pub name: &'static str,
    /// Its columns and what they hold.
    pub columns: &'static [(&'static str, Form)],
    /// How many of its columns, from the first on, are its key; 0: it has none.
    pub key: usize,
    /// The statement that makes it, for MySQL or else PostgreSQL.
    pub create: fn(mysql: bool) -> String,
}

use Form::{Bytes, Decimal, Float, Moment, Plain};

/// All of them, those that others refer to first.
pub const TABLES: [Table; 8] = [
    Table {
        name: "accounts",
        columns: &[
            ("id", Plain),
            ("owner", Plain),
            ("balance", Decimal),
            ("note", Plain),
            ("touched", Moment),
        ],
        key: 1,
        create: |mysql| {
            format!(
                "CREATE TABLE accounts (id bigint NOT NULL PRIMARY KEY, owner int, \
                 balance decimal(12,2) NOT NULL, note varchar(200), touched {})",
                moment(mysql)
            )
        },
    },
    Table {
        name: "line_items",
        columns: &[("a", Plain), ("b", Plain), ("qty", Plain), ("price", Decimal)],
        key: 2,
        create: |_| {
            "CREATE TABLE line_items (a int NOT NULL, b smallint NOT NULL, qty int, \
             price decimal(18,4), PRIMARY KEY (a, b))"
                .to_owned()
        },
    },
    Table {
        name: "words",
        columns: &[("word", Plain), ("uses", Plain), ("meaning", Plain)],
        key: 1,
        create: |_| {
            "CREATE TABLE words (word varchar(60) NOT NULL PRIMARY KEY, uses int, meaning text)"
                .to_owned()
        },
    },
    Table {
        name: "happenings",
        columns: &[("kind", Plain), ("what", Plain), ("weight", Float)],
        key: 0,
        create: |mysql| {
            let (double, identity) = if mysql {
                ("double", "")
            } else {
                ("double precision", "; ALTER TABLE happenings REPLICA IDENTITY FULL")
            };
            format!(
                "CREATE TABLE happenings (kind int, what varchar(60), weight {double}){identity}"
            )
        },
    },
    Table {
        name: "seats",
        columns: &[("id", Plain), ("seat", Plain), ("guest", Plain)],
        key: 1,
        create: |_| {
            "CREATE TABLE seats (id int NOT NULL PRIMARY KEY, seat varchar(20) UNIQUE, \
             guest varchar(40))"
                .to_owned()
        },
    },
    Table {
        name: "parents",
        columns: &[("id", Plain), ("name", Plain)],
        key: 1,
        create: |_| {
            "CREATE TABLE parents (id int NOT NULL PRIMARY KEY, name varchar(40))".to_owned()
        },
    },
    Table {
        name: "children",
        columns: &[("id", Plain), ("parent", Plain), ("toys", Plain)],
        key: 1,
        create: |_| {
            "CREATE TABLE children (id int NOT NULL PRIMARY KEY, parent int NOT NULL, toys int, \
             FOREIGN KEY (parent) REFERENCES parents (id))"
                .to_owned()
        },
    },
    Table {
        name: "wide",
        columns: &[
            ("id", Plain),
            ("body", Plain),
            ("data", Bytes),
            ("exact", Decimal),
            ("day", Moment),
            ("at", Moment),
            ("weight", Float),
            ("counter", Plain),
        ],
        key: 1,
        create: |mysql| {
            let (text, bytes, double) = if mysql {
                ("longtext", "longblob", "double")
            } else {
                ("text", "bytea", "double precision")
            };
            format!(
                "CREATE TABLE wide (id int NOT NULL PRIMARY KEY, body {text}, data {bytes}, \
                 exact decimal(38,10), day date, at {}, weight {double}, counter int)",
                moment(mysql)
            )
        },
    },
];

fn moment(mysql: bool) -> &'static str {
    if mysql { "datetime(6)" } else { "timestamp(6)" }
}
