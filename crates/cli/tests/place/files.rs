//! Tables as files, written and read without the command's help.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, Int32Array, Int64Array, RecordBatch, StringArray};
use arrow::util::display::{ArrayFormatter, FormatOptions};
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use parquet::file::properties::WriterProperties;

use super::{Kind, Row, join, sqlite_rows};

/// Makes a file of these rows.
pub(super) fn fill(
    kind: Kind,
    path: &Path,
    table: &str,
    keyed: bool,
    rows: impl ExactSizeIterator<Item = Row>,
) {
    let text = match kind {
        Kind::Parquet => return fill_parquet(path, rows.collect()),
        Kind::Sql => {
            let statements = super::statements(table, rows.len(), keyed);
            statements.map(|s| s + ";\n").collect::<String>()
        }
        Kind::Jsonl => rows
            .map(|(id, grp, name, note)| {
                let row = serde_json::json!({ "id": id, "grp": grp, "name": name, "note": note });
                format!("{row}\n")
            })
            .collect(),
        _ => {
            let rows = rows.map(|(id, group, name, note)| {
                format!("{id},{group},{name},{}\n", note.unwrap_or_default())
            });
            std::iter::once("id,grp,name,note\n".to_owned()).chain(rows).collect()
        }
    };
    std::fs::write(path, text).expect("the file is written");
}

fn fill_parquet(path: &Path, rows: Vec<Row>) {
    let columns: [(&str, ArrayRef); 4] = [
        ("id", Arc::new(rows.iter().map(|r| Some(r.0)).collect::<Int64Array>())),
        ("grp", Arc::new(rows.iter().map(|r| Some(r.1)).collect::<Int32Array>())),
        ("name", Arc::new(rows.iter().map(|r| Some(&r.2)).collect::<StringArray>())),
        ("note", Arc::new(rows.iter().map(|r| r.3.as_ref()).collect::<StringArray>())),
    ];
    let rows = RecordBatch::try_from_iter(columns).expect("columns of one length");
    // Row groups are its splits.
    let properties = WriterProperties::builder().set_max_row_group_row_count(Some(500)).build();
    let file = File::create(path).expect("the file is made");
    let mut writer = ArrowWriter::try_new(file, rows.schema(), Some(properties)).expect("Parquet");
    writer.write(&rows).expect("Parquet is written");
    writer.close().expect("Parquet is written");
}

/// The files of a table, by name.
pub(super) fn of(folder: &Path, table: &str) -> Vec<PathBuf> {
    let start = format!("{table}.");
    let mut files: Vec<PathBuf> = std::fs::read_dir(folder)
        .expect("the folder is read")
        .map(|entry| entry.expect("the folder is read").path())
        .filter(|path| path.file_name().is_some_and(|n| n.to_string_lossy().starts_with(&start)))
        .collect();
    files.sort();
    files
}

/// The rows of a table, of whole files only; `None` when it has no file.
pub(super) fn rows(kind: Kind, folder: &Path, table: &str) -> Option<Vec<String>> {
    let files = of(folder, table);
    let text = |file: &PathBuf| std::fs::read_to_string(file).expect("the file is read");
    let first = files.first()?;
    Some(match kind {
        Kind::Parquet => parquet_rows(first),
        Kind::Sql => {
            let connection = rusqlite::Connection::open_in_memory().expect("SQLite opens");
            for file in &files {
                connection.execute_batch(&text(file)).expect("SQLite takes the page");
            }
            sqlite_rows(&connection, table).unwrap_or_default()
        }
        Kind::Jsonl => text(first)
            .lines()
            .map(|line| {
                let row: serde_json::Value = serde_json::from_str(line).expect("a whole line");
                join(["id", "grp", "name", "note"].into_iter().map(|name| match &row[name] {
                    serde_json::Value::Null => None,
                    serde_json::Value::String(text) => Some(text.clone()),
                    other => Some(other.to_string()),
                }))
            })
            .collect(),
        _ => {
            let text = text(first);
            let mut lines = text.lines();
            assert_eq!(lines.next(), Some("id,grp,name,note"), "the header");
            // No value of these tables needs quotes.
            let values =
                |line: &str| join(line.split(',').map(|v| (!v.is_empty()).then(|| v.to_owned())));
            lines.map(values).collect()
        }
    })
}

fn parquet_rows(file: &Path) -> Vec<String> {
    let file = File::open(file).expect("the file is read");
    let reader = ParquetRecordBatchReaderBuilder::try_new(file).expect("whole Parquet");
    let mut rows = Vec::new();
    for batch in reader.build().expect("Parquet") {
        let batch = batch.expect("whole Parquet");
        let options = FormatOptions::default();
        let columns: Vec<_> = batch
            .columns()
            .iter()
            .map(|c| (c, ArrayFormatter::try_new(c, &options).expect("a type with a text")))
            .collect();
        rows.extend((0..batch.num_rows()).map(|row| {
            let text = |(array, text): &(&ArrayRef, ArrayFormatter<'_>)| {
                (!array.is_null(row)).then(|| text.value(row).to_string())
            };
            join(columns.iter().map(text))
        }));
    }
    rows
}
