//! What a declared type means: SQLite gives a column an affinity and lets any value stand in it,
//! so the mapping is by the name people declared. `TYPES.md` is made from [`type_table`].

use arrow::datatypes::{DataType, Field, TimeUnit};
use syncline_types::field;

use crate::form::{FORM, Form, Moment};
use crate::special::Special;

/// What SQLite does to values on their way into a column:
/// <https://www.sqlite.org/datatype3.html#determination_of_column_affinity>.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Affinity {
    /// Texts that look like numbers become numbers.
    Integer,
    /// Numbers become texts.
    Text,
    /// Nothing changes.
    Blob,
    /// Texts that look like numbers, and integers, become floats.
    Real,
    /// Texts that look like numbers become numbers.
    Numeric,
}

impl Affinity {
    /// The affinity of a declared type.
    pub(crate) fn of(declared: &str) -> Affinity {
        let upper = declared.to_ascii_uppercase();
        let has = |word: &str| upper.contains(word);
        if has("INT") {
            Affinity::Integer
        } else if has("CHAR") || has("CLOB") || has("TEXT") {
            Affinity::Text
        } else if has("BLOB") || upper.is_empty() {
            Affinity::Blob
        } else if has("REAL") || has("FLOA") || has("DOUB") {
            Affinity::Real
        } else {
            Affinity::Numeric
        }
    }

    /// The affinity of a declared type in a table that is STRICT or not: there ANY changes nothing.
    pub(crate) fn within(declared: &str, strict: bool) -> Affinity {
        if strict && declared.eq_ignore_ascii_case("ANY") {
            return Affinity::Blob;
        }
        Affinity::of(declared)
    }

    /// Whether a text that looks like a number becomes one.
    pub(crate) fn makes_numbers(self) -> bool {
        matches!(self, Affinity::Integer | Affinity::Real | Affinity::Numeric)
    }
}

/// What the values of a column are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Meaning {
    pub(crate) arrow: DataType,
    pub(crate) logical: Option<&'static str>,
    pub(crate) length: Option<u64>,
    /// The name alone does not settle it: values that are there have a say.
    pub(crate) soft: bool,
    /// How dates and times are spelled, once values were looked at.
    pub(crate) form: Option<Form>,
    /// There are values beyond the numbers of the Arrow type; see [`field::SPECIAL`].
    pub(crate) special: Option<Special>,
    /// Only the first rows say that it is so.
    pub(crate) sampled: bool,
}

impl Meaning {
    pub(crate) fn new(arrow: DataType) -> Self {
        Self {
            arrow,
            logical: None,
            length: None,
            soft: false,
            form: None,
            special: None,
            sampled: false,
        }
    }

    pub(crate) fn integer() -> Self {
        Self::new(DataType::Int64)
    }

    pub(crate) fn float() -> Self {
        Self::new(DataType::Float64)
    }

    pub(crate) fn text() -> Self {
        Self::new(DataType::Utf8)
    }

    pub(crate) fn bytes() -> Self {
        Self::new(DataType::Binary)
    }

    /// Texts and numbers among each other, each as a text that says which of both it is.
    pub(crate) fn any() -> Self {
        Self::text().logical("text-of")
    }

    fn logical(mut self, logical: &'static str) -> Self {
        self.logical = Some(logical);
        self
    }

    fn soft(mut self) -> Self {
        self.soft = true;
        self
    }

    /// The declared type says nothing.
    pub(crate) fn by_values(&self) -> bool {
        self.soft && self.arrow == DataType::Utf8
    }

    /// What kind of date or time it is.
    pub(crate) fn moment(&self) -> Option<Moment> {
        moment_of(&self.arrow)
    }

    /// The field of a column with this meaning.
    pub(crate) fn field(&self, name: &str, nullable: bool, declared: &str) -> Field {
        let mut pairs =
            vec![(field::STORE, "sqlite".to_owned()), (field::NATIVE, declared.to_owned())];
        pairs.extend(self.logical.map(|l| (field::LOGICAL, l.to_owned())));
        pairs.extend(self.length.map(|n| (field::LENGTH, n.to_string())));
        pairs.extend(self.special.map(|s| (field::SPECIAL, s.id().to_owned())));
        pairs.extend(self.sampled.then(|| (field::SAMPLED, "true".to_owned())));
        let form = self.form.filter(|form| *form != Form::default());
        pairs.extend(form.map(|form| (FORM, form.to_string())));
        field::with(Field::new(name, self.arrow.clone(), nullable), pairs)
    }
}

/// A column of floats in which SQLite keeps a whole number as an integer, so that −0 is 0, says so.
pub(crate) fn with_zeros(column: Field, affinity: Affinity) -> Field {
    let one = column.data_type().is_floating() && affinity.makes_numbers();
    field::with(column, one.then(|| (field::ONE_ZERO, "true".to_owned())))
}

/// What kind of date or time the Arrow type is.
pub(crate) fn moment_of(data_type: &DataType) -> Option<Moment> {
    Some(match data_type {
        DataType::Date32 => Moment::Date,
        DataType::Timestamp(TimeUnit::Microsecond, None) => Moment::Timestamp,
        DataType::Timestamp(TimeUnit::Microsecond, Some(_)) => Moment::Instant,
        DataType::Time64(TimeUnit::Microsecond) => Moment::Time,
        DataType::Duration(TimeUnit::Microsecond) => Moment::Duration,
        _ => return None,
    })
}

/// The form that a field says its texts have.
pub(crate) fn form_of(column: &Field) -> Form {
    field::get(column, FORM).and_then(Form::parse).unwrap_or_default()
}

/// What a declared type means; for one that says nothing, text, and soft.
pub(crate) fn meaning(declared: &str) -> Meaning {
    let upper = declared.to_ascii_uppercase();
    let (base, arguments) = split_arguments(&upper);
    let micros =
        |zone: bool| DataType::Timestamp(TimeUnit::Microsecond, zone.then(|| "UTC".into()));
    match base.as_str() {
        "BOOLEAN" | "BOOL" => Meaning::new(DataType::Boolean),
        "BIGINT UNSIGNED" | "UNSIGNED BIGINT" | "UNSIGNED BIG INT" => {
            Meaning::new(DataType::UInt64)
        }
        "DATE" => Meaning::new(DataType::Date32).soft(),
        "DATETIME" | "TIMESTAMP" | "TIMESTAMP WITHOUT TIME ZONE" => {
            Meaning::new(micros(false)).soft()
        }
        "TIMESTAMPTZ" | "TIMESTAMP WITH TIME ZONE" => Meaning::new(micros(true)).soft(),
        "TIME" => Meaning::new(DataType::Time64(TimeUnit::Microsecond)).soft(),
        "DURATION" => Meaning::new(DataType::Duration(TimeUnit::Microsecond)).soft(),
        "DECIMAL" | "NUMERIC" | "NUMBER" | "DEC" | "DECIMAL_TEXT" => decimal(&arguments),
        "JSON" | "JSON_TEXT" => Meaning::new(DataType::Utf8).logical("json"),
        _ => by_affinity(&upper, &base, &arguments),
    }
}

fn by_affinity(upper: &str, base: &str, arguments: &[u64]) -> Meaning {
    match Affinity::of(upper) {
        Affinity::Integer => Meaning::new(DataType::Int64),
        Affinity::Text => {
            let mut text = Meaning::new(DataType::Utf8);
            if base.contains("CHAR") {
                text.length = arguments.first().copied().filter(|n| *n > 0);
            }
            text
        }
        Affinity::Blob if !upper.is_empty() => Meaning::new(DataType::Binary),
        Affinity::Real => Meaning::new(DataType::Float64),
        Affinity::Blob | Affinity::Numeric => Meaning::new(DataType::Utf8).soft(),
    }
}

fn decimal(arguments: &[u64]) -> Meaning {
    let (precision, scale) = match arguments {
        [p] => (*p, 0),
        [p, s] => (*p, *s),
        _ => return Meaning::new(DataType::Utf8).logical("decimal"),
    };
    match (u8::try_from(precision), i8::try_from(scale)) {
        (Ok(p @ 1..=38), Ok(s)) if scale <= precision => {
            Meaning::new(DataType::Decimal128(p, s)).soft()
        }
        (Ok(p @ 39..=76), Ok(s)) if scale <= precision => {
            Meaning::new(DataType::Decimal256(p, s)).soft()
        }
        _ => Meaning::new(DataType::Utf8).logical("decimal"),
    }
}

/// `DECIMAL( 12, 2 )` as `DECIMAL` and 12, 2; runs of white space become one space. Arguments
/// that are no numbers are as none.
fn split_arguments(upper: &str) -> (String, Vec<u64>) {
    let (base, rest) = upper.split_once('(').unwrap_or((upper, ""));
    let (inner, after) = rest.split_once(')').unwrap_or((rest, ""));
    let words: Vec<&str> = base.split_whitespace().chain(after.split_whitespace()).collect();
    let numbers: Option<Vec<u64>> = inner.split(',').map(|n| n.trim().parse().ok()).collect();
    (words.join(" "), numbers.unwrap_or_default())
}

/// Native types with what they are in Arrow, the native type Syncline makes for that, and a
/// remark: the table in `TYPES.md`.
pub fn type_table() -> Vec<[String; 4]> {
    let declared = [
        ("INTEGER", "exact; also TINYINT … BIGINT, INT2, INT8 and all else with INT in its name"),
        (
            "BIGINT UNSIGNED",
            "exact; 2^63 and more stands as a blob of twenty digits, which sorts after the integers. Also UNSIGNED BIG INT",
        ),
        ("BOOLEAN", "exact; the integers 0 and 1. Also BOOL"),
        (
            "DOUBLE",
            "exact. NaN is refused (SQLite would make it NULL), and so is -0.0 (SQLite would make it 0.0). Also REAL, FLOAT and all else with REAL, FLOA, DOUB in its name",
        ),
        ("DECIMAL(12,2)", "exact; kept as a number. Also NUMERIC, NUMBER, DEC"),
        (
            "DECIMAL(30,10)",
            "exact; SQLite keeps 15 digits of a number, values with more are refused when written",
        ),
        ("DECIMAL_TEXT(30,10)", "exact; kept as text"),
        ("DECIMAL_TEXT(60,0)", "exact; kept as text"),
        (
            "DECIMAL",
            "exact; NUMERIC, NUMBER, DEC without precision, or DECIMAL_TEXT; with more than 15 digits refused when written, but for DECIMAL_TEXT",
        ),
        (
            "VARCHAR(40)",
            "exact; SQLite does not enforce the length, other stores do. Also CHAR(n), NVARCHAR(n)",
        ),
        ("TEXT", "exact; also CLOB and all else with CHAR, CLOB, TEXT in its name"),
        ("JSON_TEXT", "exact text"),
        (
            "JSON",
            "exact text; SQLite makes numbers of texts such as 1.50, so those are refused when written",
        ),
        ("BLOB", "exact; also all else with BLOB in its name"),
        ("DATE", "exact; YYYY-MM-DD"),
        (
            "TIMESTAMP",
            "exact to the microsecond; written as YYYY-MM-DD HH:MM:SS[.ffffff], read also with T between. Also DATETIME",
        ),
        (
            "TIMESTAMPTZ",
            "the instant is exact; as TIMESTAMP, with Z or an offset, which is written as +00:00",
        ),
        ("TIME", "exact; HH:MM[:SS[.ffffff]], 00:00 to 24:00"),
        ("DURATION", "exact; [-]HH:MM:SS[.ffffff], any number of hours"),
        (
            "",
            "by the values: integers, floats (with integers among them), texts, blobs; a mixture is text, its numbers as text",
        ),
        ("UUID", "as without a type; so is every other name"),
    ];
    declared
        .iter()
        .map(|(native, remark)| {
            let m = meaning(native);
            let mut arrow = m.arrow.to_string();
            if let Some(logical) = m.logical {
                arrow = format!("{arrow}, {logical}");
            }
            if m.soft && m.arrow == DataType::Utf8 {
                arrow = "by the values".into();
            }
            let name = if native.is_empty() { "(none)" } else { native };
            [name.to_owned(), arrow, made_for(&m), (*remark).to_owned()]
        })
        .collect()
}

/// The type the sink makes for a foreign column of the same Arrow type.
fn made_for(meaning: &Meaning) -> String {
    let mut pairs: Vec<(&str, String)> = Vec::new();
    pairs.extend(meaning.logical.map(|l| (field::LOGICAL, l.to_owned())));
    pairs.extend(meaning.length.map(|n| (field::LENGTH, n.to_string())));
    let column = field::with(Field::new("c", meaning.arrow.clone(), true), pairs);
    let name = syncline_types::TableName::bare("t");
    let table = syncline_types::TableSchema::new(name.clone(), [column]);
    syncline_sql::adapt(syncline_sql::Dialect::Sqlite, &table, &name)
        .ok()
        .and_then(|t| field::native(&t.table.columns[0].field, "sqlite").map(str::to_owned))
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use syncline_sql::{Dialect, adapt};
    use syncline_types::{TableName, TableSchema};

    use super::*;
    use crate::sample::Seen;

    /// Every canonical type: what the kit declares for it is read as the type it promises.
    #[test]
    fn what_is_declared_is_read_as_promised() {
        let micros =
            |zone: Option<&str>| DataType::Timestamp(TimeUnit::Microsecond, zone.map(Into::into));
        let types = [
            (DataType::Boolean, ""),
            (DataType::Int8, ""),
            (DataType::Int64, ""),
            (DataType::UInt32, ""),
            (DataType::UInt64, ""),
            (DataType::Int16, "year"),
            (DataType::Float32, ""),
            (DataType::Float64, ""),
            (DataType::Decimal128(12, 2), ""),
            (DataType::Decimal128(38, 10), ""),
            (DataType::Decimal256(76, 0), ""),
            (DataType::Utf8, "decimal"),
            (DataType::Utf8, ""),
            (DataType::Utf8, "json"),
            (DataType::Utf8, "enum"),
            (DataType::Utf8, "bit"),
            (DataType::Binary, ""),
            (DataType::FixedSizeBinary(16), "uuid"),
            (DataType::Date32, ""),
            (micros(None), ""),
            (micros(Some("UTC")), ""),
            (DataType::Time64(TimeUnit::Microsecond), ""),
            (DataType::Duration(TimeUnit::Microsecond), ""),
            (DataType::Binary, "geometry"),
            (DataType::Utf8, "text-of"),
        ];
        let fields = types.iter().enumerate().map(|(n, (data_type, logical))| {
            let field = Field::new(format!("c{n}"), data_type.clone(), true);
            if logical.is_empty() {
                return field;
            }
            field::with(field, [(field::LOGICAL, (*logical).to_owned())])
        });
        let name = TableName::bare("t");
        let table =
            adapt(Dialect::Sqlite, &TableSchema::new(name.clone(), fields), &name).unwrap().table;
        for column in &table.columns {
            let declared = field::native(&column.field, "sqlite").unwrap();
            let read = meaning(declared);
            assert_eq!(&read.arrow, column.field.data_type(), "{declared}");
            assert_eq!(read.logical, field::logical(&column.field), "{declared}");
            assert_eq!(read.length, field::length(&column.field), "{declared}");
        }
    }

    #[test]
    fn names_are_read_without_regard_to_case_and_space() {
        assert_eq!(meaning("decimal ( 12 , 2 )").arrow, DataType::Decimal128(12, 2));
        assert_eq!(meaning("numeric").logical, Some("decimal"));
        assert_eq!(meaning("numeric(2,5)").logical, Some("decimal"));
        assert_eq!(meaning("Unsigned  Big Int").arrow, DataType::UInt64);
        assert_eq!(meaning("varying character(255)").length, Some(255));
        assert_eq!(meaning("timestamp (6) with time zone").arrow, meaning("TIMESTAMPTZ").arrow);
        assert!(meaning("POINT").arrow == DataType::Int64, "POINT has INT in its name");
        assert!(meaning("STRING").soft);
    }

    #[test]
    fn values_settle_what_the_name_does_not() {
        let settle =
            |seen: Seen, declared: &str| seen.settle(&meaning(declared), Affinity::of(declared));
        let by = |seen: Seen, declared: &str| settle(seen, declared).arrow;
        let integers = Seen { integers: true, misfits: true, ..Seen::default() };
        assert_eq!(by(integers, ""), DataType::Int64);
        assert_eq!(by(integers, "DATETIME"), DataType::Int64);
        assert_eq!(by(Seen { fits: true, ..integers }, "DATE"), DataType::Date32);
        assert_eq!(by(Seen::default(), "DATE"), DataType::Date32);
        let numbers = Seen { reals: true, ..integers };
        assert_eq!(by(numbers, "STRING"), DataType::Float64, "2.0 is 2 there");
        assert_eq!(settle(numbers, "").logical, Some("text-of"), "2.0 is not 2 there");
        assert_eq!(by(Seen { integers: false, ..numbers }, ""), DataType::Float64);
        let mixed = Seen { texts: true, ..integers };
        assert_eq!(settle(mixed, "").logical, Some("text-of"));
        let special =
            Seen { special: Some(Special::Infinity), fits: true, texts: true, ..Seen::default() };
        let field = settle(special, "DATE").field("c", true, "DATE");
        assert_eq!(field::get(&field, field::SPECIAL), Some("infinity"));
    }

    #[test]
    fn types_md_is_what_the_code_does() {
        let mut expected =
            String::from("| declared | Arrow | made for it elsewhere | |\n|---|---|---|---|\n");
        for [native, arrow, made, remark] in type_table() {
            expected.push_str(&format!("| {native} | {arrow} | {made} | {remark} |\n"));
        }
        let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("TYPES.md");
        let document = std::fs::read_to_string(path).unwrap();
        assert!(document.contains(&expected), "TYPES.md should hold this table:\n{expected}");
    }
}
