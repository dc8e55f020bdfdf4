//! The conformance suite, for each format. Files are made and looked into by other means than the
//! connector's own: a plain reader and writer of CSV below, serde_json, and the libraries of Parquet and
//! Arrow; pages of SQL are run by SQLite.

#![allow(clippy::unwrap_used)] // a test has nothing better to do with an error

use std::fs::{self, File};
use std::path::PathBuf;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, RecordBatch, StringArray};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Field, Schema};
use arrow::util::display::{ArrayFormatter, FormatOptions};
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use parquet::file::properties::WriterProperties;
use syncline_connector::{AnyConnector, Endpoint, Sink, Source, WriteMode};
use syncline_files::FilesConnector;
use syncline_testkit::conformance::{Place, Rows, SinkFixture, SourceFixture, rows_of};
use syncline_testkit::{sink_conformance, source_conformance};
use syncline_types::TableSchema;
use tempfile::TempDir;

/// A folder of files of one kind.
struct Folder {
    dir: TempDir,
    extension: &'static str,
    options: &'static str,
}

impl Folder {
    fn new(extension: &'static str, options: &'static str) -> Option<Self> {
        Some(Self { dir: tempfile::tempdir().unwrap(), extension, options })
    }

    fn path(&self, table: &TableSchema) -> PathBuf {
        self.dir.path().join(format!("{}.{}", table.name.name, self.extension))
    }

    fn endpoint(&self, name: &str) -> Endpoint {
        Endpoint::parse(&format!("{}/{name}{}", self.dir.path().display(), self.options)).unwrap()
    }
}

/// The value's text as a CSV of anybody has it.
fn texts(column: &ArrayRef) -> Vec<Option<String>> {
    let options = FormatOptions::new();
    let formatter = ArrayFormatter::try_new(column, &options).unwrap();
    let prefix = if column.data_type() == &DataType::Binary { "\\x" } else { "" };
    let text = |i| format!("{prefix}{}", formatter.value(i));
    (0..column.len()).map(|i| (!column.is_null(i)).then(|| text(i))).collect()
}

fn columns(rows: &RecordBatch) -> Vec<Vec<Option<String>>> {
    rows.columns().iter().map(texts).collect()
}

fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('"', "\"\""))
}

fn write_csv(table: &TableSchema, rows: &RecordBatch, header: bool) -> String {
    let mut out = String::new();
    if header {
        let names: Vec<String> = table.columns.iter().map(|c| quoted(c.name())).collect();
        out += &(names.join(",") + "\n");
    }
    let columns = columns(rows);
    for row in 0..rows.num_rows() {
        let field = |(column, values): (&ArrayRef, &Vec<Option<String>>)| match &values[row] {
            None => String::new(),
            Some(text) if column.data_type() == &DataType::Utf8 => quoted(text),
            Some(text) => text.clone(),
        };
        let fields: Vec<String> = rows.columns().iter().zip(&columns).map(field).collect();
        out += &(fields.join(",") + "\n");
    }
    out
}

/// A script as people write one.
fn write_sql(table: &TableSchema, rows: &RecordBatch) -> String {
    let column = |c: &syncline_types::Column| {
        let word = match c.field.data_type() {
            DataType::Int64 => "BIGINT",
            DataType::Decimal128(..) => "DECIMAL(12,2)",
            DataType::Date32 => "DATE",
            DataType::Timestamp(..) => "TIMESTAMP(6)",
            DataType::Binary => "BLOB",
            _ => "TEXT",
        };
        format!("{} {word}", quoted(c.name()))
    };
    let list: Vec<String> = table.columns.iter().map(column).collect();
    let name = quoted(&table.name.name);
    let mut out = format!("CREATE TABLE {name} ({});\n", list.join(", "));
    let columns = columns(rows);
    for row in 0..rows.num_rows() {
        let value =
            |(i, c): (usize, &Vec<Option<String>>)| match (&c[row], rows.column(i).data_type()) {
                (None, _) => "NULL".to_owned(),
                (Some(text), DataType::Int64 | DataType::Decimal128(..)) => text.clone(),
                (Some(text), DataType::Binary) => format!("X'{}'", &text[2..]),
                (Some(text), _) => format!("'{}'", text.replace('\'', "''")),
            };
        let values: Vec<String> = columns.iter().enumerate().map(value).collect();
        out += &format!("INSERT INTO {name} VALUES ({});\n", values.join(", "));
    }
    out
}

/// Records of a CSV, character by character.
fn read_csv(text: &str) -> Rows {
    let (mut rows, mut row, mut field) = (Vec::new(), Vec::new(), String::new());
    let (mut inside, mut was_quoted) = (false, false);
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        match (inside, c) {
            (true, '"') if chars.peek() == Some(&'"') => field.push(chars.next().unwrap()),
            (true, '"') => inside = false,
            (true, c) => field.push(c),
            (false, '"') => (inside, was_quoted) = (true, true),
            (false, ',' | '\n') => {
                let null = field.is_empty() && !was_quoted;
                let text = std::mem::take(&mut field);
                row.push((!null).then_some(text));
                was_quoted = false;
                if c == '\n' {
                    rows.push(std::mem::take(&mut row));
                }
            }
            (false, c) => field.push(c),
        }
    }
    assert!(row.is_empty() && field.is_empty(), "a line without an end");
    rows
}

/// Rows as texts, in the canonical form of the columns' types.
fn typed(table: &TableSchema, rows: Rows) -> Rows {
    let column = |i: usize, data_type: &DataType| -> ArrayRef {
        let plain = |text: &String| match data_type {
            DataType::Binary => text.strip_prefix("\\x").expect("bytes").to_owned(),
            _ => text.clone(),
        };
        let texts: StringArray = rows.iter().map(|row| row[i].as_ref().map(plain)).collect();
        match data_type {
            DataType::Binary => {
                Arc::new(texts.iter().map(|t| t.map(unhex)).collect::<arrow::array::BinaryArray>())
            }
            other => cast(&texts, other).unwrap(),
        }
    };
    let columns: Vec<ArrayRef> =
        table.columns.iter().enumerate().map(|(i, c)| column(i, c.field.data_type())).collect();
    for (i, array) in columns.iter().enumerate() {
        let nulls = rows.iter().filter(|row| row[i].is_none()).count();
        assert_eq!(array.null_count(), nulls, "texts of {:?} that do not fit", table.columns[i]);
    }
    rows_of(table, [&nullable(table, columns)])
}

fn unhex(text: &str) -> Vec<u8> {
    (0..text.len() / 2).map(|i| u8::from_str_radix(&text[2 * i..2 * i + 2], 16).unwrap()).collect()
}

fn nullable(table: &TableSchema, columns: Vec<ArrayRef>) -> RecordBatch {
    let fields = table.columns.iter().map(|c| c.field.clone().with_nullable(true));
    RecordBatch::try_new(Arc::new(Schema::new(fields.collect::<Vec<Field>>())), columns).unwrap()
}

fn write_jsonl(table: &TableSchema, rows: &RecordBatch) -> String {
    let columns = columns(rows);
    let value = |c: usize, row: usize| match (&columns[c][row], rows.column(c).data_type()) {
        (None, _) => "null".to_owned(),
        (Some(text), DataType::Int64 | DataType::Decimal128(..)) => text.clone(),
        (Some(text), _) => serde_json::to_string(text).unwrap(),
    };
    let line = |row: usize| {
        let members: Vec<String> = (0..columns.len())
            .map(|c| {
                let key = serde_json::to_string(table.columns[c].name()).unwrap();
                format!("{key}: {}", value(c, row))
            })
            .collect();
        format!("{{{}}}\n", members.join(", "))
    };
    (0..rows.num_rows()).map(line).collect()
}

fn read_jsonl(table: &TableSchema, text: &str) -> Rows {
    let row = |line: &str| {
        let object: serde_json::Map<String, serde_json::Value> =
            serde_json::from_str(line).unwrap();
        assert_eq!(object.len(), table.columns.len());
        let value = |c: &syncline_types::Column| match &object[c.name()] {
            serde_json::Value::Null => None,
            serde_json::Value::String(text) => Some(text.clone()),
            other => Some(other.to_string()),
        };
        table.columns.iter().map(value).collect()
    };
    text.lines().map(row).collect()
}

impl Place for Folder {
    fn make(&self, table: &TableSchema, rows: &RecordBatch) {
        let path = self.path(table);
        match self.extension {
            "csv" => fs::write(path, write_csv(table, rows, true)).unwrap(),
            "csv.gz" => {
                use std::io::Write;
                let file = File::create(path).unwrap();
                let mut out = flate2::write::GzEncoder::new(file, flate2::Compression::fast());
                out.write_all(write_csv(table, rows, true).as_bytes()).unwrap();
                out.finish().unwrap();
            }
            "jsonl" => fs::write(path, write_jsonl(table, rows)).unwrap(),
            "parquet" => {
                let group = (rows.num_rows() / 16).max(1);
                let properties =
                    WriterProperties::builder().set_max_row_group_row_count(Some(group)).build();
                let file = File::create(path).unwrap();
                let mut out = ArrowWriter::try_new(file, rows.schema(), Some(properties)).unwrap();
                out.write(rows).unwrap();
                out.close().unwrap();
            }
            "arrow" => {
                let file = File::create(path).unwrap();
                let mut out =
                    arrow::ipc::writer::FileWriter::try_new(file, &rows.schema()).unwrap();
                let group = (rows.num_rows() / 16).max(1);
                for start in (0..rows.num_rows()).step_by(group) {
                    let end = (start + group).min(rows.num_rows());
                    out.write(&rows.slice(start, end - start)).unwrap();
                }
                out.finish().unwrap();
            }
            "sql" => fs::write(path, write_sql(table, rows)).unwrap(),
            other => panic!("no .{other} is made here"),
        }
    }

    fn add(&self, table: &TableSchema, rows: &RecordBatch) {
        self.make(table, rows);
    }

    fn read(&self, table: &TableSchema) -> Option<Rows> {
        let path = self.path(table);
        if !path.exists() {
            return None;
        }
        let names: Vec<&str> = table.columns.iter().map(|c| c.name()).collect();
        let batches: Vec<RecordBatch> = match self.extension {
            "csv" | "csv.gz" => {
                let mut text = String::new();
                let file = File::open(path).unwrap();
                let mut input: Box<dyn std::io::Read> = match self.extension {
                    "csv" => Box::new(file),
                    _ => Box::new(flate2::read::MultiGzDecoder::new(file)),
                };
                input.read_to_string(&mut text).unwrap();
                let mut rows = read_csv(&text);
                let header: Vec<String> = rows.remove(0).into_iter().flatten().collect();
                assert_eq!(header, names);
                return Some(typed(table, rows));
            }
            "jsonl" => {
                let text = fs::read_to_string(path).unwrap();
                return Some(typed(table, read_jsonl(table, &text)));
            }
            "parquet" => {
                let file = File::open(path).unwrap();
                let reader = ParquetRecordBatchReaderBuilder::try_new(file).unwrap();
                reader.build().unwrap().map(Result::unwrap).collect()
            }
            "arrow" => {
                let file = File::open(path).unwrap();
                let reader = arrow::ipc::reader::FileReader::try_new(file, None).unwrap();
                reader.map(Result::unwrap).collect()
            }
            "sql" => return sqlite(table, &fs::read_to_string(path).unwrap()),
            other => panic!("no .{other} is read here"),
        };
        Some(rows_of(table, &batches))
    }

    fn contents(&self) -> Vec<String> {
        let entries = fs::read_dir(self.dir.path()).unwrap();
        let mut names: Vec<String> =
            entries.map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }
}

/// Runs a script in SQLite, and reads the table there.
fn sqlite(table: &TableSchema, script: &str) -> Option<Rows> {
    let database = rusqlite::Connection::open_in_memory().unwrap();
    database.execute_batch(script).unwrap();
    let quote = |name: &str| quoted(name);
    let select = table.columns.iter().map(|c| match c.field.data_type() {
        // Without the condition NULL would be no bytes.
        DataType::Binary => {
            let name = quote(c.name());
            format!("CASE WHEN {name} IS NOT NULL THEN '\\x' || hex({name}) END")
        }
        _ => format!("CAST({} AS TEXT)", quote(c.name())),
    });
    let list: Vec<String> = select.collect();
    let sql = format!("SELECT {} FROM {}", list.join(", "), quote(&table.name.name));
    let mut statement = database.prepare(&sql).unwrap();
    let rows = statement.query_map([], |row| {
        (0..table.columns.len()).map(|i| row.get(i)).collect::<Result<Vec<Option<String>>, _>>()
    });
    let mut rows: Rows = rows.unwrap().map(Result::unwrap).collect();
    for row in &mut rows {
        for (value, column) in row.iter_mut().zip(&table.columns) {
            if matches!(column.field.data_type(), DataType::Binary) {
                *value = value.take().map(|v| v.to_lowercase());
            }
        }
    }
    Some(typed(table, rows))
}

impl SourceFixture for Folder {
    fn place(&self) -> &dyn Place {
        self
    }

    fn source(&self) -> Box<dyn Source> {
        AnyConnector::source(&FilesConnector, &self.endpoint("")).unwrap()
    }

    fn knows_keys(&self) -> bool {
        false
    }

    fn cuts_and_resumes(&self) -> bool {
        // A packed text and a small script are one split; they resume all the same.
        !matches!(self.extension, "csv.gz" | "sql")
    }
}

impl SinkFixture for Folder {
    fn place(&self) -> &dyn Place {
        self
    }

    fn sink(&self) -> Box<dyn Sink> {
        let name = format!("{{table}}.{}", self.extension);
        AnyConnector::sink(&FilesConnector, &self.endpoint(&name)).unwrap()
    }

    fn modes(&self) -> &[WriteMode] {
        &[WriteMode::Append, WriteMode::Replace]
    }

    fn enforces(&self) -> bool {
        false
    }

    fn remembers_types(&self) -> bool {
        matches!(self.extension, "parquet" | "arrow")
    }
}

mod csv {
    use super::*;
    source_conformance!(Folder::new("csv", ""));
    sink_conformance!(Folder::new("csv", ""));
}

mod gzip {
    use super::*;
    source_conformance!(Folder::new("csv.gz", ""));
    sink_conformance!(Folder::new("csv.gz", ""));
}

mod jsonl {
    use super::*;
    source_conformance!(Folder::new("jsonl", ""));
    sink_conformance!(Folder::new("jsonl", ""));
}

mod parquet_files {
    use super::*;
    source_conformance!(Folder::new("parquet", ""));
    sink_conformance!(Folder::new("parquet", ""));
}

mod arrow_files {
    use super::*;
    source_conformance!(Folder::new("arrow", ""));
    sink_conformance!(Folder::new("arrow", ""));
}

mod sql {
    use super::*;
    source_conformance!(Folder::new("sql", "?dialect=ansi"));
    sink_conformance!(Folder::new("sql", "?dialect=sqlite"));
}
