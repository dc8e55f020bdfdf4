//! `TYPES.md`: what it says of each type is what happens. The table in it is made here; when it is
//! out of date the test prints the new one.

#![allow(clippy::unwrap_used)] // a test has nothing better to do with an error

use std::fs;
use std::sync::Arc;

use arrow::array::{
    ArrayRef, BinaryArray, BooleanArray, Date32Array, Decimal128Array, Decimal256Array,
    DurationMicrosecondArray, FixedSizeBinaryArray, Float32Array, Float64Array, Int8Array,
    Int16Array, Int64Array, RecordBatch, StringArray, Time64MicrosecondArray,
    TimestampMicrosecondArray, UInt64Array, new_null_array,
};
use arrow::datatypes::{DataType, Field, i256};
use arrow::ipc::CompressionType;
use arrow::ipc::writer::{FileWriter, IpcWriteOptions};
use syncline_connector::{AnyConnector, Budget, Cut, Endpoint, ReadTask, WriteMode, WriteTask};
use syncline_files::FilesConnector;
use syncline_types::field::{self, LENGTH, LOGICAL, MEMBERS, NATIVE, SPECIAL, STORE};
use syncline_types::{
    ChangeBatch, Check, Element, ForeignKey, Generated, NativeSql, Partitioning, Position,
    ReferentialAction, Split, TableName, TableSchema, TableSelection,
};

/// A value of each type of the canonical table, and the name by which `?types=` reads it.
fn samples() -> Vec<(Field, &'static str, ArrayRef)> {
    let plain = |array: ArrayRef| (Field::new("c", array.data_type().clone(), true), array);
    let meant = |logical: &str, array: ArrayRef| {
        let (field, array) = plain(array);
        (field::with(field, [(LOGICAL, logical.to_owned())]), array)
    };
    let text = |text: &str| Arc::new(StringArray::from(vec![text])) as ArrayRef;
    let with = |(field, array): (Field, ArrayRef), key: &'static str, value: &str| {
        (field::with(field, [(key, value.to_owned())]), array)
    };
    let wide = i256::from_string(&"9".repeat(76)).unwrap();
    let uuid: Vec<u8> = (0..16).collect();
    let store = |pair, native| with(with(pair, STORE, "postgres"), NATIVE, native);
    let all: Vec<((Field, ArrayRef), &'static str)> = vec![
        (plain(Arc::new(BooleanArray::from(vec![true]))), "bool"),
        (plain(Arc::new(Int8Array::from(vec![i8::MIN]))), "int8"),
        (plain(Arc::new(Int64Array::from(vec![i64::MIN]))), "int64"),
        (plain(Arc::new(UInt64Array::from(vec![u64::MAX]))), "uint64"),
        (meant("year", Arc::new(Int16Array::from(vec![2024]))), "year"),
        (plain(Arc::new(Float32Array::from(vec![0.1]))), "float32"),
        (plain(Arc::new(Float64Array::from(vec![-1.5e300]))), "float64"),
        (
            plain(Arc::new(
                Decimal128Array::from(vec![-1250]).with_precision_and_scale(12, 2).unwrap(),
            )),
            "decimal(12,2)",
        ),
        (
            plain(Arc::new(
                Decimal256Array::from(vec![wide]).with_precision_and_scale(76, 30).unwrap(),
            )),
            "decimal(76,30)",
        ),
        (meant("decimal", text("1.100")), "decimal"),
        (plain(text("say \"hi\",\n007")), "text"),
        (meant("json", text("{\"a\": [1.50, null]}")), "json"),
        (with(meant("enum", text("red")), MEMBERS, "[\"red\",\"blue\"]"), "text"),
        (with(meant("set", text("a,b")), MEMBERS, "[\"a\",\"b\"]"), "text"),
        (with(meant("bit", text("0101")), LENGTH, "4"), "bit(4)"),
        (store(meant("text-of", text("[1,5)")), "int4range"), "text"),
        (plain(Arc::new(BinaryArray::from(vec![b"\x00a\xff".as_slice()]))), "binary"),
        (meant("geometry", Arc::new(BinaryArray::from(vec![b"\x01\x01".as_slice()]))), "binary"),
        (
            meant(
                "uuid",
                Arc::new(FixedSizeBinaryArray::try_from_iter([uuid].into_iter()).unwrap()),
            ),
            "uuid",
        ),
        (plain(Arc::new(Date32Array::from(vec![-1]))), "date"),
        (plain(Arc::new(TimestampMicrosecondArray::from(vec![1_500_000]))), "timestamp"),
        (
            plain(Arc::new(TimestampMicrosecondArray::from(vec![-1]).with_timezone("UTC"))),
            "timestamptz",
        ),
        (plain(Arc::new(Time64MicrosecondArray::from(vec![86_400_000_000]))), "time"),
        (plain(Arc::new(DurationMicrosecondArray::from(vec![-3_020_399_000_001]))), "duration"),
    ];
    all.into_iter().map(|((field, array), name)| (field, name, array)).collect()
}

async fn write(url: &str, table: &TableSchema, rows: &RecordBatch) {
    let sink = AnyConnector::sink(&FilesConnector, &Endpoint::parse(url).unwrap()).unwrap();
    let target = Arc::new(sink.adapt(table, &table.name).unwrap().table);
    let task = WriteTask {
        run: "run".into(),
        epoch: 1,
        table: Arc::clone(&target),
        definition: target,
        exists: false,
        empty_at_start: true,
        distinct: false,
        write: WriteMode::Append,
        splits: 1,
        circular: Vec::new(),
    };
    sink.prepare(&task).await.unwrap();
    let split = Split {
        table: table.name.clone(),
        id: 0,
        rows: None,
        bytes: None,
        resumable: true,
        token: "{}".into(),
    };
    let mut writer = sink.open(&task, &split).await.unwrap().writer;
    let position = Position::new(rows.num_rows() as u64, "{}");
    let batch = ChangeBatch {
        table: task.table.clone(),
        rows: rows.clone(),
        rejects: Vec::new(),
        position: position.clone(),
    };
    writer.write(&batch).await.unwrap();
    writer.flush(&position, true).await.unwrap();
    sink.commit(&task).await.unwrap();
    sink.finish(std::slice::from_ref(&task)).await.unwrap();
}

async fn read(url: &str) -> (TableSchema, RecordBatch) {
    let source = AnyConnector::source(&FilesConnector, &Endpoint::parse(url).unwrap()).unwrap();
    let found = source.discover(&TableSelection::default()).await.unwrap().remove(0);
    let table = Arc::new(found.schema.clone());
    let task = ReadTask { table, filter: None, query: None };
    let cut = Cut { splits: 1, min_rows: 1, min_bytes: 1 };
    let splits = source.plan(&task, &cut).await.unwrap();
    let mut reader = source.open(&task, &splits[0], None).await.unwrap();
    match reader.next(Budget { rows: 100, bytes: 1 << 20 }).await.unwrap() {
        Element::Batch(batch) => {
            assert!(batch.rejects.is_empty(), "{url}: {}", batch.rejects[0].error);
            (found.schema, batch.rows)
        }
        Element::EndOfSplit => panic!("{url} has no rows"),
    }
}

/// A value, and NULL.
fn rows(field: &Field, array: &ArrayRef) -> (TableSchema, RecordBatch) {
    let table = TableSchema::new(TableName::bare("t"), [field.clone()]);
    let null = new_null_array(array.data_type(), 1);
    let both = arrow::compute::concat(&[array.as_ref(), null.as_ref()]).unwrap();
    let rows = RecordBatch::try_new(table.arrow(), vec![both]).unwrap();
    (table, rows)
}

fn name(field: &Field) -> String {
    let arrow = match field.data_type() {
        DataType::FixedSizeBinary(16) => "FixedSizeBinary(16)".to_owned(),
        other => other.to_string(),
    };
    match field::logical(field) {
        Some(logical) => format!("`{arrow}`, {logical}"),
        None => format!("`{arrow}`"),
    }
}

fn cell(text: &str) -> String {
    format!("`{}`", text.trim_end().replace('\n', "⏎").replace('|', "\\|"))
}

#[tokio::test(flavor = "multi_thread")]
async fn types_md_says_what_happens() {
    let dir = tempfile::tempdir().unwrap();
    let mut made = String::from(
        "| Arrow type, meaning | CSV | JSON Lines | `?types=` that reads it | meaning comes back |\n\
         |---|---|---|---|---|\n",
    );
    for (field, types, array) in samples() {
        let (table, wanted) = rows(&field, &array);
        let url = |extension: &str| format!("{}/t.{extension}", dir.path().display());
        let mut texts = Vec::new();
        let mut meant = true;
        for (extension, options) in [
            ("csv", format!("?header=false&names=c&types=c:{types}")),
            ("jsonl", format!("?types=c:{types}")),
        ] {
            let url = url(extension);
            write(&(url.clone() + &options), &table, &wanted).await;
            texts.push(fs::read_to_string(&url).unwrap());
            let (schema, back) = read(&(url.clone() + &options)).await;
            assert_eq!(back.column(0), wanted.column(0), "{extension} {types}");
            meant &= field::logical(&schema.columns[0].field) == field::logical(&field);
            fs::remove_file(url).unwrap();
        }
        for extension in ["parquet", "arrow"] {
            let url = url(extension);
            write(&url, &table, &wanted).await;
            let (schema, back) = read(&url).await;
            assert_eq!(schema.columns[0].field, field, "{extension}");
            assert_eq!(back.column(0), wanted.column(0), "{extension}");
            fs::remove_file(url).unwrap();
        }
        let csv = texts[0].strip_suffix("\n\n").unwrap_or(&texts[0]);
        let json = texts[1].lines().next().unwrap();
        let json = json.strip_prefix("{\"c\":").unwrap().strip_suffix('}').unwrap();
        let meaning = if meant { "yes" } else { "the text only" };
        made += &format!(
            "| {} | {} | {} | `{types}` | {meaning} |\n",
            name(&field),
            cell(csv),
            cell(json)
        );
    }
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/TYPES.md");
    let said = fs::read_to_string(path).unwrap();
    assert!(said.contains(&made), "TYPES.md is to have this table:\n\n{made}");
}

/// Values that the Arrow type has no number for, and how a text file spells them.
fn special() -> Vec<(Field, ArrayRef, &'static str)> {
    let flagged = |array: ArrayRef, special: &str| {
        let plain = Field::new("c", array.data_type().clone(), true);
        (field::with(plain, [(SPECIAL, special.to_owned())]), array)
    };
    let decimal = |n| Decimal128Array::from(vec![n]).with_precision_and_scale(12, 2).unwrap();
    let odd_day = field::NO_DAY + 20_200_010;
    [
        (flagged(Arc::new(Date32Array::from(vec![i32::MAX])), "infinity"), "infinity"),
        (
            flagged(Arc::new(TimestampMicrosecondArray::from(vec![i64::MIN])), "infinity"),
            "-infinity",
        ),
        (flagged(Arc::new(Date32Array::from(vec![odd_day])), "zero-date"), "2020-00-10"),
        (flagged(Arc::new(decimal(i128::MIN)), "nan"), "NaN"),
    ]
    .into_iter()
    .map(|((field, array), text)| (field, array, text))
    .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_schema_beside_the_file_brings_every_type_back() {
    let dir = tempfile::tempdir().unwrap();
    let plain = samples().into_iter().map(|(field, _, array)| (field, array));
    let all = plain.chain(special().into_iter().map(|(field, array, _)| (field, array)));
    for (field, array) in all {
        for extension in ["csv", "tsv", "jsonl", "csv.gz"] {
            if extension == "jsonl" && field::get(&field, SPECIAL) == Some("nan") {
                continue;
            }
            let (mut table, wanted) = rows(&field, &array);
            table.primary_key = vec!["c".into()];
            let url = format!("{}/t.{extension}", dir.path().display());
            write(&format!("{url}?schema=true"), &table, &wanted).await;
            let (schema, back) = read(&url).await;
            assert_eq!(schema.columns[0].field, field, "{extension}");
            assert_eq!(schema.primary_key, ["c"]);
            assert_eq!(back.column(0), wanted.column(0), "{extension} {field:?}");
            // A glob does not take it for a table.
            let all = format!("{}/*", dir.path().display());
            let source = AnyConnector::source(&FilesConnector, &Endpoint::parse(&all).unwrap());
            let found = source.unwrap().discover(&TableSelection::default()).await.unwrap();
            assert_eq!(found.len(), 1, "{extension}");
            // Not gone by when that is not wanted.
            let (schema, _) = read(&format!("{url}?schema=false")).await;
            assert!(schema.primary_key.is_empty());
            fs::remove_file(format!("{url}.schema.json")).unwrap();
            fs::remove_file(url).unwrap();
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_schema_of_another_file_is_not_gone_by() {
    let dir = tempfile::tempdir().unwrap();
    let (field, _, array) = samples().remove(1);
    let (table, wanted) = rows(&field, &array);
    let url = format!("{}/t.csv", dir.path().display());
    write(&format!("{url}?schema=true"), &table, &wanted).await;
    fs::write(&url, "other\n1\n").unwrap();
    let (schema, _) = read(&url).await;
    assert_eq!(schema.columns[0].field.data_type(), &DataType::Int64, "as the file shows");
    fs::write(format!("{url}.schema.json"), "{").unwrap();
    let source = AnyConnector::source(&FilesConnector, &Endpoint::parse(&url).unwrap()).unwrap();
    let error = source.discover(&TableSelection::default()).await.unwrap_err();
    assert_eq!(error.code(), syncline_types::Code::Corrupt, "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn values_beyond_the_numbers_are_kept_where_they_can_be() {
    let dir = tempfile::tempdir().unwrap();
    for (field, array, text) in special() {
        let (table, wanted) = rows(&field, &array);
        let url = |extension: &str| format!("{}/t.{extension}", dir.path().display());
        write(&url("csv"), &table, &wanted).await;
        assert_eq!(fs::read_to_string(url("csv")).unwrap(), format!("c\n{text}\n\n"));
        write(&url("arrow"), &table, &wanted).await;
        let (schema, back) = read(&url("arrow")).await;
        assert_eq!((&schema.columns[0].field, back.column(0)), (&field, wanted.column(0)));
        let sink = Endpoint::parse(&url("parquet")).unwrap();
        let sink = AnyConnector::sink(&FilesConnector, &sink).unwrap();
        let made = sink.adapt(&table, &table.name).unwrap().table;
        let kept = field::get(&made.columns[0].field, SPECIAL);
        if text == "NaN" {
            assert_eq!(kept, None, "so that the engine refuses NaN");
            continue;
        }
        assert_eq!(kept, field::get(&field, SPECIAL));
        write(&url("parquet"), &table, &wanted).await;
        let (schema, back) = read(&url("parquet")).await;
        assert_eq!((&schema.columns[0].field, back.column(0)), (&field, wanted.column(0)));
        for extension in ["csv", "arrow", "parquet"] {
            fs::remove_file(url(extension)).unwrap();
        }
    }
}

/// What a table is made of goes through a file, and comes out the same.
#[tokio::test(flavor = "multi_thread")]
async fn what_a_table_is_made_of_goes_through_files() {
    let dir = tempfile::tempdir().unwrap();
    let (field, _, array) = samples().remove(2);
    let (mut table, wanted) = rows(&field, &array);
    let mysql = |sql: &str| NativeSql::new("mysql", sql);
    table.columns[0].generated = Some(Generated { expression: mysql("1 + 1"), stored: true });
    table.columns[0].attributes = Some(mysql("INVISIBLE"));
    table.checks = vec![Check { name: None, condition: mysql("`c` > 0"), enforced: false }];
    table.foreign_keys = vec![ForeignKey {
        name: "f".into(),
        columns: vec!["c".into()],
        references: TableName::bare("p"),
        referenced: vec!["id".into()],
        on_delete: ReferentialAction::Cascade,
        on_update: ReferentialAction::NoAction,
        attributes: None,
    }];
    table.options = Some(mysql("ENGINE=InnoDB"));
    table.partitioning =
        Some(Partitioning { by: mysql("PARTITION BY KEY (c)"), partitions: Vec::new() });
    for (extension, options) in
        [("parquet", ""), ("arrow", ""), ("csv", "?schema=true"), ("jsonl", "?schema=true")]
    {
        let url = format!("{}/t.{extension}", dir.path().display());
        write(&format!("{url}{options}"), &table, &wanted).await;
        let (schema, back) = read(&url).await;
        assert_eq!(schema, table, "{extension}");
        assert_eq!(back.column(0), wanted.column(0), "its values are in the file");
    }
}

/// As pyarrow and R write them.
#[tokio::test(flavor = "multi_thread")]
async fn packed_arrow_files_of_others_are_read() {
    let dir = tempfile::tempdir().unwrap();
    for codec in [CompressionType::LZ4_FRAME, CompressionType::ZSTD] {
        for (field, _, array) in samples() {
            let (_, wanted) = rows(&field, &array);
            let path = dir.path().join("t.arrow");
            let options = IpcWriteOptions::default().try_with_compression(Some(codec)).unwrap();
            let file = fs::File::create(&path).unwrap();
            let schema = wanted.schema();
            let mut writer = FileWriter::try_new_with_options(file, &schema, options).unwrap();
            writer.write(&wanted).unwrap();
            writer.finish().unwrap();
            let (_, back) = read(&path.display().to_string()).await;
            assert_eq!(back.column(0), wanted.column(0), "{codec:?} {field:?}");
        }
    }
}
