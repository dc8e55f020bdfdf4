//! The kinds of bad value, and what each kind of target makes of them.

/// What has policies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum To {
    MariaDb,
    MySql,
    Postgres,
    Sqlite,
    Csv,
    Jsonl,
    Parquet,
}

impl To {
    pub(crate) const ALL: [To; 7] =
        [To::MariaDb, To::MySql, To::Postgres, To::Sqlite, To::Csv, To::Jsonl, To::Parquet];

    pub(crate) fn name(self) -> &'static str {
        match self {
            To::MariaDb => "MariaDB",
            To::MySql => "MySQL",
            To::Postgres => "PostgreSQL",
            To::Sqlite => "SQLite",
            To::Csv => "CSV",
            To::Jsonl => "JSON Lines",
            To::Parquet => "Parquet",
        }
    }
}

/// A bad value with a column of its own; its row has the number of its place in [`KINDS`], from 1.
#[derive(Debug)]
pub(crate) struct Kind {
    /// The column.
    pub(crate) column: &'static str,
    /// The kind by its name in a job.
    pub(crate) flaw: &'static str,
    /// As it stands in a CSV file.
    pub(crate) bytes: &'static [u8],
    /// For the page.
    pub(crate) shown: &'static str,
    pub(crate) class: Class,
}

/// What the column holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Class {
    Date,
    Text,
    Short,
    Float,
    Integer,
}

impl Class {
    /// A good value of it.
    pub(crate) fn good(self) -> &'static str {
        match self {
            Class::Date => "2024-02-29",
            Class::Text => "x",
            Class::Short => "abc",
            Class::Float => "1.5",
            Class::Integer => "7",
        }
    }

    /// As SQL.
    pub(crate) fn good_sql(self) -> String {
        match self {
            Class::Float | Class::Integer => self.good().to_owned(),
            _ => format!("'{}'", self.good()),
        }
    }
}

const fn kind(
    column: &'static str,
    flaw: &'static str,
    bytes: &'static [u8],
    shown: &'static str,
    class: Class,
) -> Kind {
    Kind { column, flaw, bytes, shown, class }
}

#[rustfmt::skip]
pub(crate) const KINDS: [Kind; 10] = [
    kind("zero_date", "zero_date", b"0000-00-00", "`0000-00-00` into a date", Class::Date),
    kind("invalid_date", "invalid_date", b"2023-02-30", "`2023-02-30` into a date", Class::Date),
    kind("nul_in_text", "nul_in_text", b"a\0b", "U+0000 in a text", Class::Text),
    kind("invalid_utf8", "invalid_utf8", b"\xff\xfe", "bytes that are no UTF-8, into a text", Class::Text),
    kind("nan", "nan", b"NaN", "NaN into a float", Class::Float),
    kind("infinity", "infinity", b"Infinity", "infinity into a float", Class::Float),
    kind("infinite_date", "infinity", b"infinity", "infinity into a date", Class::Date),
    kind("negative_zero", "negative_zero", b"-0.0", "−0.0 into a float", Class::Float),
    kind("out_of_range", "out_of_range", b"99999999999999999999", "`99999999999999999999` into an integer", Class::Integer),
    kind("too_long", "too_long", b"abcdef", "`abcdef` into a text of three characters", Class::Short),
];

/// What a target makes of a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// It has a place for it, which looks so: no policy is asked.
    Kept(&'static str),
    /// It has none: the policy decides. With `clamp`, this takes its place.
    Bad(Option<&'static str>),
}

/// The whole of it.
pub(crate) fn outcome(kind: &Kind, to: To) -> Outcome {
    use Outcome::{Bad, Kept};
    use To::{Csv, Jsonl, MariaDb, MySql, Parquet, Postgres, Sqlite};
    const LARGEST: Option<&str> = Some("1.7976931348623157e308");
    match (kind.column, to) {
        ("zero_date", MariaDb | MySql) => Kept("0000-00-00"),
        ("invalid_date", MariaDb | MySql) => Kept("2023-02-30"),
        ("zero_date" | "invalid_date" | "invalid_utf8", _) => Bad(None),
        ("nul_in_text", Postgres) => Bad(None),
        ("nul_in_text", _) => Kept("a\0b"),
        ("nan", Postgres | Csv | Parquet) => Kept("NaN"),
        ("nan", _) => Bad(None),
        ("infinity", Postgres | Sqlite | Csv | Parquet) => Kept("inf"),
        ("infinity", _) => Bad(LARGEST),
        ("infinite_date", Postgres | Sqlite) => Kept("infinity"),
        ("infinite_date", MariaDb | MySql) => Bad(Some("9999-12-31")),
        // As the number of days that stands there.
        ("infinite_date", Parquet) => Bad(Some("2147483646")),
        ("infinite_date", _) => Bad(Some("+5881580-07-10")),
        ("negative_zero", MariaDb | Sqlite) => Bad(Some("0.0")),
        ("negative_zero", MySql | Postgres | Csv | Jsonl | Parquet) => Kept("-0.0"),
        ("out_of_range", Sqlite) => Bad(Some("9223372036854775807")),
        ("out_of_range", _) => Bad(Some("2147483647")),
        ("too_long", Sqlite) => Kept("abcdef"),
        ("too_long", _) => Bad(Some("abc")),
        (other, _) => panic!("no such column: {other}"),
    }
}

/// Whether there is a nearest value at all, whatever the target.
pub(crate) fn has_nearest(flaw: &str) -> bool {
    matches!(flaw, "infinity" | "negative_zero" | "out_of_range" | "too_long")
}

/// All kinds under one policy, as `--values` takes it; those without a nearest value under
/// `otherwise`, where it is to be `clamp`.
pub(crate) fn all(policy: &str, otherwise: &str) -> String {
    let one = |kind: &Kind| match policy == "clamp" && !has_nearest(kind.flaw) {
        true => format!("{}={otherwise}", kind.flaw),
        false => format!("{}={policy}", kind.flaw),
    };
    KINDS.iter().map(one).collect::<Vec<_>>().join(", ")
}

/// The row of a kind.
pub(crate) fn row_of(place: usize) -> i64 {
    i64::try_from(place + 1).unwrap()
}
