//! Values as the target holds them: padding, documents that the store takes apart, one NaN.
//!
//! Only what the store itself does to every value is done here. Everything else that differs is a
//! difference.

use std::sync::Arc;

use arrow::array::{
    ArrayRef, AsArray, BinaryArray, Float32Array, Float64Array, RecordBatch, StringArray,
};
use arrow::datatypes::{DataType, Field, Float32Type, Float64Type};
use syncline_types::{Error, Result, field};

use super::json::{self, Numbers};

/// What a store does to the values of a column.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Habit {
    /// Blanks at the end are padding (CHAR).
    Blanks,
    /// Zero bytes at the end are padding (BINARY).
    Zeros,
    /// Documents are taken apart (jsonb, json of MySQL).
    Documents(Numbers),
    /// All NaN are one.
    Nan,
}

/// What the target does to each column.
#[derive(Debug)]
pub(crate) struct Normal {
    habits: Vec<Option<Habit>>,
}

impl Normal {
    /// For columns as the target's store (a connector's id) has them.
    pub(crate) fn of<'a>(fields: impl Iterator<Item = &'a Field>, store: &str) -> Self {
        Self { habits: fields.map(|f| habit(f, store)).collect() }
    }

    /// The rows as the target holds them.
    pub(crate) fn apply(&self, rows: &RecordBatch) -> Result<RecordBatch> {
        if self.habits.iter().all(Option::is_none) {
            return Ok(rows.clone());
        }
        let columns = rows
            .columns()
            .iter()
            .zip(&self.habits)
            .map(|(column, habit)| habit.map_or_else(|| Arc::clone(column), |h| h.apply(column)))
            .collect();
        RecordBatch::try_new(rows.schema(), columns)
            .map_err(|e| Error::bug("rows as the target holds them").because(e))
    }
}

fn habit(column: &Field, store: &str) -> Option<Habit> {
    if matches!(column.data_type(), DataType::Float32 | DataType::Float64) {
        return Some(Habit::Nan);
    }
    let native = field::native(column, store)?.to_ascii_lowercase();
    let name = native.split(['(', ' ']).next().unwrap_or_default();
    match (store, name, column.data_type()) {
        ("mysql", "char", DataType::Utf8) => Some(Habit::Blanks),
        ("mysql", "binary", DataType::Binary) => Some(Habit::Zeros),
        ("mysql", "json", DataType::Utf8) => Some(Habit::Documents(Numbers::Double)),
        ("postgres", "char" | "character" | "bpchar", DataType::Utf8)
            if !native.starts_with("character varying") =>
        {
            Some(Habit::Blanks)
        }
        ("postgres", "jsonb", DataType::Utf8) => Some(Habit::Documents(Numbers::Exact)),
        _ => None,
    }
}

impl Habit {
    fn apply(self, column: &ArrayRef) -> ArrayRef {
        match self {
            Habit::Blanks => match column.as_string_opt::<i32>() {
                Some(texts) if texts.iter().flatten().any(|t| t.ends_with(' ')) => {
                    let trimmed = texts.iter().map(|t| t.map(|t| t.trim_end_matches(' ')));
                    Arc::new(trimmed.collect::<StringArray>())
                }
                _ => Arc::clone(column),
            },
            Habit::Zeros => match column.as_binary_opt::<i32>() {
                Some(bytes) if bytes.iter().flatten().any(|b| b.last() == Some(&0)) => {
                    let end = |b: &[u8]| b.iter().rposition(|c| *c != 0).map_or(0, |at| at + 1);
                    let trimmed = bytes.iter().map(|b| b.map(|b| &b[..end(b)]));
                    Arc::new(trimmed.collect::<BinaryArray>())
                }
                _ => Arc::clone(column),
            },
            Habit::Documents(numbers) => match column.as_string_opt::<i32>() {
                Some(texts) => {
                    let same = |t: &str| json::canonical(t, numbers).unwrap_or_else(|| t.into());
                    Arc::new(texts.iter().map(|t| t.map(same)).collect::<StringArray>())
                }
                None => Arc::clone(column),
            },
            Habit::Nan => one_nan(column),
        }
    }
}

fn one_nan(column: &ArrayRef) -> ArrayRef {
    if let Some(floats) = column.as_primitive_opt::<Float64Type>()
        && floats.values().iter().any(|v| v.is_nan())
    {
        let same = floats.iter().map(|v| v.map(|v| if v.is_nan() { f64::NAN } else { v }));
        return Arc::new(same.collect::<Float64Array>());
    }
    if let Some(floats) = column.as_primitive_opt::<Float32Type>()
        && floats.values().iter().any(|v| v.is_nan())
    {
        let same = floats.iter().map(|v| v.map(|v| if v.is_nan() { f32::NAN } else { v }));
        return Arc::new(same.collect::<Float32Array>());
    }
    Arc::clone(column)
}

#[cfg(test)]
mod tests {
    use super::*;
    use arrow::datatypes::Schema;

    fn applied(native: &str, store: &str, column: ArrayRef) -> ArrayRef {
        let plain = Field::new("c", column.data_type().clone(), true);
        let pairs = [(field::STORE, store.to_owned()), (field::NATIVE, native.to_owned())];
        let column_field = field::with(plain, pairs);
        let normal = Normal::of([&column_field].into_iter(), store);
        let schema = Arc::new(Schema::new(vec![column_field]));
        let rows = RecordBatch::try_new(schema, vec![column]).unwrap();
        Arc::clone(normal.apply(&rows).unwrap().column(0))
    }

    #[test]
    fn padding_is_no_value() {
        let texts = || Arc::new(StringArray::from(vec![Some("a "), None, Some(" b")]));
        let trimmed: ArrayRef = Arc::new(StringArray::from(vec![Some("a"), None, Some(" b")]));
        assert_eq!(&applied("char(3)", "mysql", texts()), &trimmed);
        assert_eq!(&applied("character(3)", "postgres", texts()), &trimmed);
        for (native, store) in [("varchar(3)", "mysql"), ("character varying(3)", "postgres")] {
            let kept: ArrayRef = texts();
            assert_eq!(&applied(native, store, texts()), &kept, "{native}");
        }
        let bytes: ArrayRef = Arc::new(BinaryArray::from_vec(vec![b"a\0\0", b"\0a\0"]));
        let trimmed: ArrayRef = Arc::new(BinaryArray::from_vec(vec![b"a", b"\0a"]));
        assert_eq!(&applied("binary(3)", "mysql", Arc::clone(&bytes)), &trimmed);
        assert_eq!(&applied("varbinary(3)", "mysql", Arc::clone(&bytes)), &bytes);
    }

    #[test]
    fn zeros_have_signs_and_nan_has_none() {
        let other = f64::from_bits(f64::NAN.to_bits() | 1);
        let floats: ArrayRef = Arc::new(Float64Array::from(vec![other, -0.0]));
        let same = applied("double", "mysql", floats);
        let bits: Vec<u64> =
            same.as_primitive::<Float64Type>().values().iter().map(|v| v.to_bits()).collect();
        assert_eq!(bits, [f64::NAN.to_bits(), (-0.0f64).to_bits()]);
    }

    #[test]
    fn documents_are_texts_where_the_store_keeps_the_text() {
        let text: ArrayRef = Arc::new(StringArray::from(vec!["{\"b\":1, \"a\":2}"]));
        assert_eq!(&applied("json", "postgres", Arc::clone(&text)), &text);
        assert_ne!(&applied("jsonb", "postgres", Arc::clone(&text)), &text);
    }
}
