//! A store as the suite sees it past the connector, and rows in a form that can be compared.

use arrow::array::{Array, ArrayRef, RecordBatch};
use arrow::compute::{CastOptions, cast_with_options};
use arrow::datatypes::DataType;
use arrow::util::display::{ArrayFormatter, FormatOptions};
use syncline_types::{TableName, TableSchema};

/// Rows as texts in one form for all stores: decimals without trailing zeros, times without the
/// zeros of their fraction and with a space before the hour, bytes in hexadecimal. NULL is `None`.
pub type Rows = Vec<Vec<Option<String>>>;

/// A store that a test can fill and look into without the connector under test.
pub trait Place: Send + Sync {
    /// Makes a table with these columns, primary key, and rows.
    fn make(&self, table: &TableSchema, rows: &RecordBatch);

    /// Adds rows to a table made before.
    fn add(&self, table: &TableSchema, rows: &RecordBatch);

    /// The rows of a table, the columns of `table` in their order, in the form of [`Rows`]; `None`
    /// when there is no such table.
    fn read(&self, table: &TableSchema) -> Option<Rows>;

    /// Everything that is there: tables, files. Sorted.
    fn contents(&self) -> Vec<String>;

    /// The full name of one of its tables.
    fn table(&self, name: &str) -> TableName {
        TableName::bare(name)
    }

    /// Whether a table or column may be called that.
    fn allows_name(&self, name: &str) -> bool {
        let _ = name;
        true
    }

    /// Whether it can hold bytes.
    fn has_binary(&self) -> bool {
        true
    }
}

/// Brings the text of a value into the form all stores share.
///
/// Decimals lose trailing zeros, times the zeros of their fraction, dates their `T`.
pub(super) fn canonical(data_type: &DataType, text: &str) -> String {
    match data_type {
        DataType::Decimal128(..) | DataType::Decimal256(..) | DataType::Float64 => {
            let text = trim_fraction(text);
            if text == "-0" { "0".to_owned() } else { text }
        }
        DataType::Timestamp(..) => {
            let text = text.replace('T', " ");
            trim_fraction(text.trim_end_matches("+00").trim_end_matches('Z'))
        }
        DataType::Binary => text.to_lowercase(),
        _ => text.to_owned(),
    }
}

fn trim_fraction(text: &str) -> String {
    if !text.contains('.') {
        return text.to_owned();
    }
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

/// The rows of `batches` as texts, after giving each column the type it has in `wanted` (columns
/// are taken by their order).
///
/// # Panics
/// When a value does not survive the change of type, or the columns are not as many.
pub fn rows_of<'a>(
    wanted: &TableSchema,
    batches: impl IntoIterator<Item = &'a RecordBatch>,
) -> Rows {
    let mut rows = Vec::new();
    for batch in batches {
        assert_eq!(batch.num_columns(), wanted.columns.len(), "columns of {}", wanted.name);
        let columns: Vec<ArrayRef> = batch
            .columns()
            .iter()
            .zip(&wanted.columns)
            .map(|(array, column)| retyped(array, column.field.data_type(), column.name()))
            .collect();
        let options = FormatOptions::new().with_display_error(true);
        let formatters: Vec<ArrayFormatter<'_>> = columns
            .iter()
            .map(|array| ArrayFormatter::try_new(array, &options).expect("a type with a text form"))
            .collect();
        for row in 0..batch.num_rows() {
            let values = columns.iter().zip(&formatters).map(|(array, formatter)| {
                let text = || canonical(array.data_type(), &formatter.value(row).to_string());
                (!array.is_null(row)).then(text)
            });
            rows.push(values.collect());
        }
    }
    rows
}

/// The array as `to`, where no value changes on the way.
pub(super) fn retyped(array: &ArrayRef, to: &DataType, name: &str) -> ArrayRef {
    if array.data_type() == to {
        return array.clone();
    }
    let strict = CastOptions { safe: false, format_options: FormatOptions::new() };
    let from = array.data_type();
    let fail = |e| panic!("column {name:?}: {from} cannot become {to}: {e}");
    let there = cast_with_options(array, to, &strict).unwrap_or_else(fail);
    if *from != DataType::Utf8 && *to != DataType::Utf8 {
        let back = cast_with_options(&there, from, &strict).unwrap_or_else(fail);
        assert_eq!(&back, array, "column {name:?}: {from} changes as {to}");
    }
    there
}

/// The same rows in an order that does not depend on where they came from.
pub fn sorted(mut rows: Rows) -> Rows {
    rows.sort();
    rows
}

/// Fails with the first few differences when the rows are not the same, whatever their order.
#[track_caller]
pub(super) fn assert_same_rows(what: &str, got: Rows, wanted: Rows) {
    let (got, wanted) = (sorted(got), sorted(wanted));
    if got == wanted {
        return;
    }
    let surplus = difference(&got, &wanted);
    let missing = difference(&wanted, &got);
    panic!(
        "{what}: {} rows instead of {}; {} too many, such as {}; {} missing, such as {}",
        got.len(),
        wanted.len(),
        surplus.len(),
        sample(&surplus),
        missing.len(),
        sample(&missing)
    );
}

/// What is in `a` more often than in `b`; both sorted.
fn difference<'a>(
    a: &'a [Vec<Option<String>>],
    b: &[Vec<Option<String>>],
) -> Vec<&'a Vec<Option<String>>> {
    let mut rest = b.iter().peekable();
    a.iter()
        .filter(|row| {
            while rest.peek().is_some_and(|other| other < row) {
                rest.next();
            }
            rest.next_if(|other| other == row).is_none()
        })
        .collect()
}

fn sample(rows: &[&Vec<Option<String>>]) -> String {
    let text = format!("{:?}", rows.iter().take(2).collect::<Vec<_>>());
    if text.len() > 600 { text.chars().take(600).collect() } else { text }
}
