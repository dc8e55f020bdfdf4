//! Small tables from text, and steps run over them.

#![allow(clippy::unwrap_used, reason = "helpers of tests")]
#![allow(dead_code, reason = "each test program uses some of them")]

use arrow::array::{ArrayRef, AsArray, RecordBatch, StringArray};
use arrow::datatypes::{DataType, Field};
use serde_json::Value;
use syncline_connector::{BoundProcessor, StepOutput};
use syncline_convert::Converter;
use syncline_convert::portable::parse_type;
use syncline_processors::build;
use syncline_types::{Error, TableName, TableSchema};

pub(crate) type Cell = Option<&'static str>;

/// A table of nullable columns: name, type and values as text.
pub(crate) fn table(columns: &[(&str, &str, &[Cell])]) -> (TableSchema, RecordBatch) {
    let text = Field::new("text", DataType::Utf8, true);
    let mut fields = Vec::new();
    let mut arrays = Vec::new();
    for (name, kind, values) in columns {
        let field = parse_type(kind).unwrap().field(*name, true);
        let texts = std::sync::Arc::new(StringArray::from_iter(values.iter().copied())) as ArrayRef;
        let converted = Converter::for_files(&text, &field).unwrap().convert(&texts).unwrap();
        assert!(converted.bad.is_empty(), "{:?}", converted.bad);
        fields.push(field);
        arrays.push(converted.array);
    }
    let schema = TableSchema::new(TableName::bare("t"), fields);
    let rows = RecordBatch::try_new(schema.arrow(), arrays).unwrap();
    (schema, rows)
}

/// A column as text.
pub(crate) fn texts(rows: &RecordBatch, name: &str) -> Vec<Option<String>> {
    let schema = rows.schema();
    let index = schema.index_of(name).unwrap();
    let to = Field::new(name, DataType::Utf8, true);
    let print = Converter::for_files(schema.field(index), &to).unwrap();
    let converted = print.convert(rows.column(index)).unwrap();
    assert!(converted.bad.is_empty());
    converted.array.as_string::<i32>().iter().map(|t| t.map(str::to_owned)).collect()
}

/// As [`texts`], with NULL as `-`.
pub(crate) fn shown(rows: &RecordBatch, name: &str) -> Vec<String> {
    texts(rows, name).into_iter().map(|t| t.unwrap_or_else(|| "-".into())).collect()
}

pub(crate) fn bind(config: Value, schema: &TableSchema) -> Result<BoundProcessor, Error> {
    let steps = build(&Value::Array(vec![config]))?;
    steps[0].bind(schema)
}

/// Runs one step; the rows must be those of the table it promised.
pub(crate) fn run(
    config: Value,
    (schema, rows): &(TableSchema, RecordBatch),
) -> (TableSchema, StepOutput) {
    let bound = bind(config, schema).unwrap();
    let output = bound.step.apply(rows.clone()).unwrap();
    assert_eq!(output.rows.num_columns(), bound.output.columns.len());
    for (column, array) in bound.output.columns.iter().zip(output.rows.columns()) {
        assert_eq!(column.field.data_type(), array.data_type(), "{}", column.name());
        assert!(column.field.is_nullable() || array.null_count() == 0, "{}", column.name());
    }
    let empty = bound.step.apply(rows.slice(0, 0)).unwrap();
    assert_eq!(empty.rows.num_rows(), 0);
    assert_eq!(empty.rows.schema(), output.rows.schema());
    (bound.output, output)
}
