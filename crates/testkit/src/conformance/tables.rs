//! The tables the suite works with.

use std::sync::Arc;

use arrow::array::{
    ArrayRef, BinaryArray, Date32Array, Decimal128Array, Int64Array, RecordBatch, StringArray,
    TimestampMicrosecondArray,
};
use arrow::datatypes::{DataType, Field, TimeUnit};
use syncline_types::{TableName, TableSchema};

use super::Place;

/// Names that break careless quoting. A [`Place`] says which of them its store allows.
pub const ODD_NAMES: &[&str] = &[
    "select",
    "two words",
    "dots.in.it",
    "it's",
    "say \"hi\"",
    "back`tick",
    "brackets]",
    "x'); DROP TABLE victim; --",
    "percent%s{table}$1?",
    "Groß Ünïcode ☃",
    "emoji 😀",
    "MiXeD",
    "back\\slash",
];

/// Days from 1970-01-01.
const YEAR_1000: i32 = -354_285;
const YEAR_9999_END: i32 = 2_932_896;

/// A table keyed by an integer, in plain types: `id, name, amount, day, at`, and `data` where the
/// place holds bytes.
pub fn keyed(place: &dyn Place, name: &str) -> TableSchema {
    let mut fields = vec![
        Field::new("id", DataType::Int64, false),
        Field::new("name", DataType::Utf8, true),
        Field::new("amount", DataType::Decimal128(12, 2), true),
        Field::new("day", DataType::Date32, true),
        Field::new("at", DataType::Timestamp(TimeUnit::Microsecond, None), true),
    ];
    if place.has_binary() {
        fields.push(Field::new("data", DataType::Binary, true));
    }
    let mut table = TableSchema::new(place.table(name), fields);
    table.primary_key = vec!["id".to_owned()];
    table
}

/// Rows of a [`keyed`] table with these ids; the other columns follow from the id.
pub fn numbered(table: &TableSchema, ids: impl IntoIterator<Item = i64>) -> RecordBatch {
    let ids: Vec<i64> = ids.into_iter().collect();
    let texts = ["plain", "", "quote \" and '", "new\nline", "tab\tand \\ back", "ß😀", "NULL"];
    let pick = |id: i64, n: i64| usize::try_from(id.rem_euclid(n)).unwrap_or(0);
    let name = |id: i64| {
        (id.rem_euclid(5) != 3).then(|| match texts[pick(id, 7)] {
            "" => String::new(),
            text => format!("{text} {id}"),
        })
    };
    let amount = |id: i64| (id.rem_euclid(4) != 1).then(|| i128::from(id % 1_000_000) * 101 - 50);
    let day = |id: i64| (id.rem_euclid(6) != 2).then(|| i32::try_from(id % 20_000).unwrap_or(0));
    let at = |id: i64| (id.rem_euclid(7) != 4).then(|| (id % 1_000_000_000) * 1_000_003);
    let data = |id: i64| {
        let bytes = id.to_le_bytes().into_iter().chain([0, 255, 10, 39]);
        (id.rem_euclid(3) != 0).then(|| bytes.collect::<Vec<u8>>())
    };
    let amounts: Decimal128Array = ids.iter().map(|id| amount(*id)).collect();
    let mut columns: Vec<ArrayRef> = vec![
        Arc::new(Int64Array::from(ids.clone())),
        Arc::new(ids.iter().map(|id| name(*id)).collect::<StringArray>()),
        Arc::new(amounts.with_precision_and_scale(12, 2).expect("the numbers are small")),
        Arc::new(ids.iter().map(|id| day(*id)).collect::<Date32Array>()),
        Arc::new(ids.iter().map(|id| at(*id)).collect::<TimestampMicrosecondArray>()),
    ];
    if table.columns.len() > columns.len() {
        columns.push(Arc::new(ids.iter().map(|id| data(*id)).collect::<BinaryArray>()));
    }
    RecordBatch::try_new(table.arrow(), columns).expect("columns fit the table")
}

/// Rows of a [`keyed`] table with the limits of each type, and NULL in each column.
pub(super) fn extremes(table: &TableSchema) -> RecordBatch {
    let day_ends = i64::from(YEAR_9999_END) * 86_400_000_000 + 86_399_999_999;
    let big = 999_999_999_999_i128;
    let long = "long ß ".repeat(20_000);
    let amounts = Decimal128Array::from(vec![Some(-big), Some(big), Some(1), None, Some(0)]);
    let mut columns: Vec<ArrayRef> = vec![
        Arc::new(Int64Array::from(vec![i64::MIN, i64::MAX, -1, 0, 1])),
        Arc::new(StringArray::from(vec![Some(""), Some(&long), Some("\\N"), None, Some(" ' ")])),
        Arc::new(amounts.with_precision_and_scale(12, 2).expect("twelve digits")),
        Arc::new(Date32Array::from(vec![
            Some(YEAR_1000),
            Some(YEAR_9999_END),
            Some(-1),
            None,
            Some(0),
        ])),
        Arc::new(TimestampMicrosecondArray::from(vec![
            Some(i64::from(YEAR_1000) * 86_400_000_000),
            Some(day_ends),
            Some(-1),
            None,
            Some(1),
        ])),
    ];
    if table.columns.len() > columns.len() {
        let all: Vec<u8> = (0..=255).collect();
        let values: Vec<Option<&[u8]>> =
            vec![Some(b""), Some(&all), Some(b"\\x00"), None, Some(b"\0")];
        columns.push(Arc::new(BinaryArray::from(values)));
    }
    RecordBatch::try_new(table.arrow(), columns).expect("columns fit the table")
}

/// Ids that are dense in one place and far apart in another, so that cutting the range of the key
/// into equal parts gives very unequal splits.
pub(super) fn skewed(rows: i64) -> Vec<i64> {
    (0..rows).map(|i| if i < rows * 3 / 4 { i } else { 5_000_000_000 + i * 1_000_000 }).collect()
}

/// A table keyed by `columns` texts and an integer, with rows that collations order oddly.
pub(super) fn text_keyed(
    place: &dyn Place,
    name: &str,
    rows: i64,
    composite: bool,
) -> (TableSchema, RecordBatch) {
    let fields = [
        Field::new("code", DataType::Utf8, false),
        Field::new("part", DataType::Int64, false),
        Field::new("value", DataType::Int64, true),
    ];
    let mut table = TableSchema::new(place.table(name), fields);
    table.primary_key = vec!["code".to_owned()];
    if composite {
        table.primary_key.push("part".to_owned());
    }
    let starts = [
        "a", "B", "z", "Ä", "é", "_", "0", "ß", "-", "Z", "'", "\\", "\"", "%", " ", "😀", "');--",
    ];
    let code = |i: i64| {
        let start = starts[usize::try_from(i).unwrap_or(0) % starts.len()];
        if composite { format!("{start}{}", i / 100) } else { format!("{start}{i:06}") }
    };
    let columns: Vec<ArrayRef> = vec![
        Arc::new((0..rows).map(|i| Some(code(i))).collect::<StringArray>()),
        Arc::new((0..rows).map(|i| Some(i % 100)).collect::<Int64Array>()),
        Arc::new((0..rows).map(|i| (i % 3 > 0).then_some(i)).collect::<Int64Array>()),
    ];
    let batch = RecordBatch::try_new(table.arrow(), columns).expect("columns fit the table");
    (table, batch)
}

/// Tables keyed by one column of another type than integer or text, each with `rows` rows.
pub(super) fn oddly_keyed(place: &dyn Place, rows: i64) -> Vec<(TableSchema, RecordBatch)> {
    let spread = |i: i64| (i - rows / 2) * 7919 % 65_537;
    let decimals: Decimal128Array = (0..rows).map(|i| Some(i128::from(spread(i)) * 103)).collect();
    let moments = (0..rows).map(|i| Some(spread(i) * 1_000_000_007));
    let mut keys: Vec<(&str, ArrayRef)> = vec![
        ("decimal", Arc::new(decimals.with_precision_and_scale(12, 2).expect("small numbers"))),
        (
            "day",
            Arc::new((0..rows).map(|i| i32::try_from(spread(i)).ok()).collect::<Date32Array>()),
        ),
        ("moment", Arc::new(moments.collect::<TimestampMicrosecondArray>())),
    ];
    if place.has_binary() {
        let bytes = (0..rows).map(|i| Some(spread(i).to_le_bytes()));
        keys.push(("bytes", Arc::new(bytes.collect::<BinaryArray>())));
    }
    let table = |(name, key): (&str, ArrayRef)| {
        let fields = [
            Field::new("key", key.data_type().clone(), false),
            Field::new("value", DataType::Int64, true),
        ];
        let mut table = TableSchema::new(place.table(&format!("by_{name}")), fields);
        table.primary_key = vec!["key".to_owned()];
        let values: Int64Array = (0..rows).map(Some).collect();
        let rows = RecordBatch::try_new(table.arrow(), vec![key, Arc::new(values)]);
        (table, rows.expect("columns fit the table"))
    };
    keys.into_iter().map(table).collect()
}

/// A table of 900 columns, with 40 rows.
pub(super) fn wide(place: &dyn Place, name: &str) -> (TableSchema, RecordBatch) {
    let fields = (0..900).map(|c| Field::new(format!("c{c}"), DataType::Int64, c != 0));
    let mut table = TableSchema::new(place.table(name), fields);
    table.primary_key = vec!["c0".to_owned()];
    let value = |c: i64, r: i64| (c == 0 || (c + r) % 5 != 0).then_some(c * 1000 + r);
    let column = |c| Arc::new((0..40).map(|r| value(c, r)).collect::<Int64Array>()) as ArrayRef;
    let rows = RecordBatch::try_new(table.arrow(), (0..900).map(column).collect());
    (table, rows.expect("columns fit the table"))
}

/// A table whose own name and whose columns are odd, with three rows.
pub(super) fn odd(place: &dyn Place, name: &str) -> (TableSchema, RecordBatch) {
    let names: Vec<&str> = ODD_NAMES.iter().copied().filter(|n| place.allows_name(n)).collect();
    let fields = names.iter().map(|n| Field::new(*n, DataType::Int64, *n != names[0]));
    let mut table = TableSchema::new(place.table(name), fields);
    table.primary_key = vec![names[0].to_owned()];
    let column = |c: usize| {
        let base = i64::try_from(c).unwrap_or(0) * 10;
        Arc::new(Int64Array::from(vec![base, base + 1, base + 2])) as ArrayRef
    };
    let columns = (0..names.len()).map(column).collect();
    let batch = RecordBatch::try_new(table.arrow(), columns).expect("columns fit the table");
    (table, batch)
}

/// The table under another name.
pub(super) fn renamed(table: &TableSchema, name: TableName) -> TableSchema {
    TableSchema { name, ..table.clone() }
}
