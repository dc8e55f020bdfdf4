//! Columns of Parquet and Arrow files as the canonical types: Arrow types of other writers are
//! converted exactly (a value that cannot be is a reject), and nested ones become JSON.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, BooleanArray, RecordBatch, RecordBatchOptions, StringBuilder,
};
use arrow::buffer::NullBuffer;
use arrow::compute::filter;
use arrow::datatypes::{DataType, Field, SchemaRef};
use syncline_convert::portable::type_name;
use syncline_convert::{Converter, Fidelity, canonical};
use syncline_types::field::{self, LOGICAL};
use syncline_types::{Code, Error, Reject, Result, TableSchema};

use crate::values::{Sort, ValueWriter, Values};

/// The canonical column for one of a file, and what is to be said of it.
///
/// # Errors
/// [`Code::Unsupported`] for a type that is not read.
pub(crate) fn column(field: &Field) -> Result<(Field, Option<String>)> {
    if field.data_type() == &DataType::Null {
        return Ok((Field::new(field.name(), DataType::Utf8, true), None));
    }
    if let Some(to) = canonical(field) {
        let converter = Converter::new(field, &to)?;
        let note = match converter.fidelity() {
            Fidelity::Lossy(what) => Some(format!("column {:?}: {what}", field.name())),
            Fidelity::Exact | Fidelity::Widened(_) => None,
        };
        // What another writer noted is nothing to ours.
        let metadata = to.metadata().iter();
        let own =
            metadata.filter(|(k, _)| k.starts_with("syncline.") || *k == "ARROW:extension:name");
        let own = own.map(|(k, v)| (k.clone(), v.clone())).collect();
        return Ok((to.with_metadata(own), note));
    }
    if !is_readable(field.data_type()) {
        let message = format!("column {:?}: {} is not read", field.name(), field.data_type());
        return Err(Error::new(Code::Unsupported, message));
    }
    let json = Field::new(field.name(), DataType::Utf8, field.is_nullable());
    let note = format!("column {:?}: {} is read as JSON", field.name(), field.data_type());
    Ok((field::with(json, [(LOGICAL, "json".to_owned())]), Some(note)))
}

fn is_readable(data_type: &DataType) -> bool {
    match data_type {
        DataType::List(f) | DataType::LargeList(f) | DataType::FixedSizeList(f, _) => {
            is_readable_field(f)
        }
        DataType::Map(f, _) => is_readable(f.data_type()),
        DataType::Struct(fields) => fields.iter().all(|f| is_readable_field(f)),
        _ => false,
    }
}

fn is_readable_field(field: &Field) -> bool {
    canonical(field).is_some() || is_readable(field.data_type())
}

/// Brings batches of a file into the columns wanted.
pub(crate) struct ForeignRows {
    schema: SchemaRef,
    columns: Vec<Way>,
    place: String,
}

enum Way {
    AsIs,
    Convert(Box<Converter>),
    Json(Field),
}

impl ForeignRows {
    /// For batches that have the columns of `found`, wanted as `table` has them.
    pub(crate) fn new(path: &Path, found: &[Field], table: &TableSchema) -> Result<Self> {
        let mut columns = Vec::new();
        for (from, to) in found.iter().zip(&table.columns) {
            let is_nested = canonical(from).is_none();
            columns.push(if from.data_type() == to.field.data_type() {
                Way::AsIs
            } else if is_nested && is_readable(from.data_type()) {
                Way::Json(from.clone())
            } else {
                let converter = Converter::new(from, &to.field);
                Way::Convert(Box::new(converter.map_err(|e| e.at(path.display()))?))
            });
        }
        Ok(Self { schema: table.arrow(), columns, place: path.display().to_string() })
    }

    /// The rows in the types wanted, and those that do not fit. `first` is the file's row number
    /// of the first one, from 0.
    pub(crate) fn rows(
        &self,
        columns: Vec<ArrayRef>,
        rows: usize,
        first: u64,
    ) -> Result<(RecordBatch, Vec<Reject>)> {
        let mut bad: BTreeMap<usize, Error> = BTreeMap::new();
        let mut out = Vec::with_capacity(columns.len());
        for (way, column) in self.columns.iter().zip(&columns) {
            out.push(match way {
                Way::AsIs => column.clone(),
                Way::Convert(converter) => {
                    let converted = converter.convert(column)?;
                    for value in converted.bad {
                        bad.entry(value.row).or_insert(value.error);
                    }
                    converted.array
                }
                Way::Json(field) => json_column(field, column, &mut bad)?,
            });
        }
        let mut rejects = Vec::new();
        let mut left = rows;
        if !bad.is_empty() {
            let keep: BooleanArray = (0..rows).map(|r| Some(!bad.contains_key(&r))).collect();
            left -= bad.len();
            // A dead letter shows the row as it is read, with NULL where it cannot be.
            let nullable: Vec<Field> = self
                .schema
                .fields()
                .iter()
                .map(|f| f.as_ref().clone().with_nullable(true))
                .collect();
            let raw = batch(Arc::new(arrow::datatypes::Schema::new(nullable)), out.clone(), rows)?;
            for (row, error) in bad {
                let place = format!("{}, row {}", self.place, first + row as u64 + 1);
                rejects.push(Reject::of(&raw, row, error.at(place)));
            }
            for column in &mut out {
                *column = filter(column, &keep).map_err(defect)?;
            }
        }
        Ok((batch(self.schema.clone(), out, left)?, rejects))
    }
}

fn batch(schema: SchemaRef, columns: Vec<ArrayRef>, rows: usize) -> Result<RecordBatch> {
    let options = RecordBatchOptions::new().with_row_count(Some(rows));
    RecordBatch::try_new_with_options(schema, columns, &options).map_err(|e| {
        Error::new(Code::Corrupt, "columns of the file do not fit its schema").because(e)
    })
}

fn defect(error: arrow::error::ArrowError) -> Error {
    Error::bug("columns of a file do not make rows").because(error)
}

fn json_column(
    field: &Field,
    column: &ArrayRef,
    bad: &mut BTreeMap<usize, Error>,
) -> Result<ArrayRef> {
    let node = Node::new(field, column)?;
    let mut out = StringBuilder::new();
    let mut text = Vec::new();
    for row in 0..column.len() {
        if column.is_null(row) {
            out.append_null();
            continue;
        }
        text.clear();
        match node.write(row, &mut text) {
            // All that is written is text.
            Ok(()) => out.append_value(String::from_utf8_lossy(&text)),
            Err(why) => {
                let (name, kind) = (field.name(), type_name(field));
                let message = format!("column {name:?} ({kind}) cannot be JSON: {why}");
                bad.entry(row).or_insert(Error::new(Code::NoEquivalent, message));
                out.append_null();
            }
        }
    }
    Ok(Arc::new(out.finish()))
}

/// An array with what is needed to write its values as JSON.
struct Node {
    nulls: Option<NullBuffer>,
    form: Form,
}

enum Form {
    Leaf {
        sort: Sort,
        values: Values,
        bad: BTreeMap<usize, String>,
    },
    /// First element and the one after the last, by row.
    List {
        bounds: Vec<(usize, usize)>,
        child: Box<Node>,
    },
    Struct {
        fields: Vec<(Vec<u8>, Node)>,
    },
    /// As a list, with keys and values.
    Map {
        bounds: Vec<(usize, usize)>,
        key: Box<Node>,
        value: Box<Node>,
    },
}

impl Node {
    fn new(field: &Field, array: &ArrayRef) -> Result<Self> {
        let bounds32 = |offsets: &[i32]| -> Vec<(usize, usize)> {
            // Offsets are never negative.
            offsets.windows(2).map(|w| (w[0] as usize, w[1] as usize)).collect()
        };
        let form = match array.data_type() {
            DataType::List(item) => {
                let list = array.as_list::<i32>();
                let child = Box::new(Node::new(item, list.values())?);
                Form::List { bounds: bounds32(list.value_offsets()), child }
            }
            DataType::LargeList(item) => {
                let list = array.as_list::<i64>();
                let child = Box::new(Node::new(item, list.values())?);
                let bounds = list.value_offsets().windows(2);
                let bounds = bounds.map(|w| (w[0] as usize, w[1] as usize)).collect();
                Form::List { bounds, child }
            }
            DataType::FixedSizeList(item, n) => {
                let list = array.as_fixed_size_list();
                let n = usize::try_from(*n).unwrap_or_default();
                let child = Box::new(Node::new(item, list.values())?);
                Form::List {
                    bounds: (0..list.len()).map(|i| (i * n, (i + 1) * n)).collect(),
                    child,
                }
            }
            DataType::Map(entries, _) => {
                let map = array.as_map();
                let DataType::Struct(fields) = entries.data_type() else {
                    return Err(Error::bug("a map without entries"));
                };
                let key = Box::new(Node::new(&fields[0], map.keys())?);
                let value = Box::new(Node::new(&fields[1], map.values())?);
                Form::Map { bounds: bounds32(map.value_offsets()), key, value }
            }
            DataType::Struct(fields) => {
                let columns = array.as_struct().columns();
                let fields = fields.iter().zip(columns).map(|(field, column)| {
                    let mut key = Vec::new();
                    string(field.name(), &mut key);
                    Ok((key, Node::new(field, column)?))
                });
                Form::Struct { fields: fields.collect::<Result<_>>()? }
            }
            _ => {
                let to = canonical(field)
                    .ok_or_else(|| Error::bug(format!("{} is not read", array.data_type())))?
                    .with_nullable(true);
                let converted = Converter::new(field, &to)?.convert(array)?;
                let bad = converted.bad.into_iter();
                let writer = ValueWriter::new(&to)?;
                Form::Leaf {
                    sort: writer.sort,
                    values: writer.values(&converted.array)?,
                    bad: bad.map(|b| (b.row, b.error.message().to_owned())).collect(),
                }
            }
        };
        Ok(Self { nulls: array.logical_nulls(), form })
    }

    fn write(&self, row: usize, out: &mut Vec<u8>) -> std::result::Result<(), String> {
        if let Form::Leaf { bad, .. } = &self.form
            && let Some(why) = bad.get(&row)
        {
            return Err(why.clone());
        }
        if self.nulls.as_ref().is_some_and(|n| n.is_null(row)) {
            out.extend_from_slice(b"null");
            return Ok(());
        }
        match &self.form {
            Form::Leaf { sort, values, .. } => {
                match (sort, values.text(row)) {
                    (Sort::Json, Some(text)) => out.extend_from_slice(text.as_bytes()),
                    (Sort::Text, Some(text)) => string(text, out),
                    (Sort::Word | Sort::Hex, _) => {
                        let mut text = Vec::new();
                        values.write(row, &mut text);
                        string(&String::from_utf8_lossy(&text), out);
                    }
                    (Sort::Float, _) if !values.is_finite(row) => {
                        return Err("NaN or infinity".into());
                    }
                    _ => values.write(row, out),
                }
                Ok(())
            }
            Form::List { bounds, child } => {
                out.push(b'[');
                for (i, item) in (bounds[row].0..bounds[row].1).enumerate() {
                    if i > 0 {
                        out.push(b',');
                    }
                    child.write(item, out)?;
                }
                out.push(b']');
                Ok(())
            }
            Form::Struct { fields } => {
                for (i, (key, child)) in fields.iter().enumerate() {
                    out.push(if i == 0 { b'{' } else { b',' });
                    out.extend_from_slice(key);
                    out.push(b':');
                    child.write(row, out)?;
                }
                if fields.is_empty() {
                    out.push(b'{');
                }
                out.push(b'}');
                Ok(())
            }
            Form::Map { bounds, key, value } => {
                out.push(b'{');
                for (i, item) in (bounds[row].0..bounds[row].1).enumerate() {
                    if i > 0 {
                        out.push(b',');
                    }
                    let start = out.len();
                    key.write(item, out)?;
                    if out.get(start) != Some(&b'"') {
                        // Keys of JSON are strings.
                        out.insert(start, b'"');
                        out.push(b'"');
                    }
                    out.push(b':');
                    value.write(item, out)?;
                }
                out.push(b'}');
                Ok(())
            }
        }
    }
}

fn string(text: &str, out: &mut Vec<u8>) {
    // Writing into a vector cannot fail.
    drop(serde_json::to_writer(out, text));
}

#[cfg(test)]
mod tests {
    use super::*;
    use arrow::array::{
        Float64Array, Int32Array, Int64Builder, LargeStringArray, ListBuilder, MapBuilder,
        StructArray, TimestampNanosecondArray,
    };
    use syncline_types::TableName;

    fn read(field: Field, column: ArrayRef) -> (RecordBatch, Vec<Reject>) {
        let (to, _) = super::column(&field).unwrap();
        let table = TableSchema::new(TableName::bare("t"), [to]);
        let rows = column.len();
        let foreign = ForeignRows::new(Path::new("f"), &[field], &table).unwrap();
        foreign.rows(vec![column], rows, 0).unwrap()
    }

    fn field_for(column: &ArrayRef) -> Field {
        Field::new("c", column.data_type().clone(), true)
    }

    #[test]
    fn nested_values_are_json_and_nan_in_them_is_a_reject() {
        let mut list = ListBuilder::new(Int64Builder::new());
        list.append_value([Some(9_007_199_254_740_993), None]);
        list.append_null();
        let list: ArrayRef = Arc::new(list.finish());
        let (rows, _) = read(field_for(&list), list);
        assert_eq!(rows.column(0).as_string::<i32>().value(0), "[9007199254740993,null]");
        assert!(rows.column(0).is_null(1));

        let fields = vec![
            Arc::new(Field::new("a\"b", DataType::Float64, true)),
            Arc::new(Field::new("n", DataType::Int32, true)),
        ];
        let columns: Vec<ArrayRef> = vec![
            Arc::new(Float64Array::from(vec![0.5, f64::NAN])),
            Arc::new(Int32Array::from(vec![None, Some(1)])),
        ];
        let nested: ArrayRef = Arc::new(StructArray::new(fields.into(), columns, None));
        let (rows, rejects) = read(field_for(&nested), nested);
        assert_eq!(rows.column(0).as_string::<i32>().value(0), r#"{"a\"b":0.5,"n":null}"#);
        assert_eq!((rows.num_rows(), rejects.len()), (1, 1));
        assert!(rejects[0].error.message().starts_with("f, row 2"), "{}", rejects[0].error);

        let mut map = MapBuilder::new(None, Int64Builder::new(), Int64Builder::new());
        map.keys().append_value(7);
        map.values().append_value(8);
        map.append(true).unwrap();
        let map: ArrayRef = Arc::new(map.finish());
        let (rows, _) = read(field_for(&map), map);
        assert_eq!(rows.column(0).as_string::<i32>().value(0), r#"{"7":8}"#);
    }

    #[test]
    fn other_writers_types_become_canonical_or_rejects() {
        let text: ArrayRef = Arc::new(LargeStringArray::from(vec!["a", ""]));
        assert_eq!(read(field_for(&text), text).0.column(0).as_string::<i32>().value(0), "a");
        let times: ArrayRef = Arc::new(TimestampNanosecondArray::from(vec![1_000, 1_001]));
        let (_, note) = super::column(&field_for(&times)).unwrap();
        assert!(note.is_some());
        let (rows, rejects) = read(field_for(&times), times);
        assert_eq!((rows.num_rows(), rejects.len()), (1, 1));
    }
}
