//! What files do that other stores do not: marks and encodings, broken records, cuts at byte
//! ranges, pages, appends to what is there, and damage.

#![allow(clippy::unwrap_used)] // a test has nothing better to do with an error

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, BinaryArray, Float64Array, Int64Array, RecordBatch, StringArray,
    UInt64Array,
};
use arrow::datatypes::{DataType, Field, Int64Type};
use proptest::prelude::*;
use syncline_connector::{
    AnyConnector, Budget, Cut, Endpoint, ReadTask, Sink, Source, WriteMode, WriteTask,
};
use syncline_convert::portable::type_name;
use syncline_files::FilesConnector;
use syncline_types::{
    ChangeBatch, Code, Element, Error, ErrorKind, Position, Reject, Result, Split, TableInfo,
    TableName, TableSchema, TableSelection,
};
use tempfile::TempDir;

const BUDGET: Budget = Budget { rows: 16_384, bytes: 4 << 20 };

fn source(url: &str) -> Result<Box<dyn Source>> {
    AnyConnector::source(&FilesConnector, &Endpoint::parse(url)?)
}

fn sink(url: &str) -> Result<Box<dyn Sink>> {
    AnyConnector::sink(&FilesConnector, &Endpoint::parse(url)?)
}

async fn discover(url: &str) -> Result<Vec<TableInfo>> {
    source(url)?.discover(&TableSelection::default()).await
}

async fn one(url: &str) -> TableInfo {
    let mut found = discover(url).await.unwrap();
    assert_eq!(found.len(), 1);
    found.remove(0)
}

/// `name type` of each column.
fn types(info: &TableInfo) -> Vec<String> {
    let columns = info.schema.columns.iter();
    columns.map(|c| format!("{} {}", c.name(), type_name(&c.field))).collect()
}

struct Read {
    info: TableInfo,
    splits: Vec<Split>,
    batches: Vec<ChangeBatch>,
}

impl Read {
    /// The rows, without the remark on types that were found in a sample.
    fn rows(&self) -> RecordBatch {
        let schema = self.info.schema.arrow();
        let rows =
            arrow::compute::concat_batches(&schema, self.batches.iter().map(|b| &b.rows)).unwrap();
        let plain = schema.fields().iter().map(|f| {
            let mut metadata = f.metadata().clone();
            metadata.remove(syncline_types::field::SAMPLED);
            f.as_ref().clone().with_metadata(metadata)
        });
        let plain = arrow::datatypes::Schema::new(plain.collect::<Vec<_>>());
        RecordBatch::try_new(Arc::new(plain), rows.columns().to_vec()).unwrap()
    }

    fn rejects(&self) -> Vec<&Reject> {
        self.batches.iter().flat_map(|b| &b.rejects).collect()
    }

    fn texts(&self, column: usize) -> Vec<Option<String>> {
        let rows = self.rows();
        let texts = arrow::compute::cast(rows.column(column), &DataType::Utf8).unwrap();
        texts.as_string::<i32>().iter().map(|t| t.map(str::to_owned)).collect()
    }
}

async fn read_split(
    source: &dyn Source,
    task: &ReadTask,
    split: &Split,
    at: Option<&Position>,
    budget: Budget,
) -> Result<Vec<ChangeBatch>> {
    let mut reader = source.open(task, split, at).await?;
    let mut batches = Vec::new();
    while let Element::Batch(batch) = reader.next(budget).await? {
        batches.push(batch);
    }
    Ok(batches)
}

/// Reads all of the one table of a URL, in at most so many splits.
async fn read(url: &str, splits: usize) -> Result<Read> {
    let source = source(url)?;
    let mut found = source.discover(&TableSelection::default()).await?;
    assert_eq!(found.len(), 1, "tables");
    let info = found.remove(0);
    let task = ReadTask { table: Arc::new(info.schema.clone()), filter: None, query: None };
    source.begin(1).await?;
    let cut = Cut { splits, min_rows: 1, min_bytes: 1 };
    let splits = source.plan(&task, &cut).await?;
    let mut batches = Vec::new();
    for split in &splits {
        batches.extend(read_split(source.as_ref(), &task, split, None, BUDGET).await?);
    }
    Ok(Read { info, splits, batches })
}

/// Writes rows as the engine would, in two splits.
async fn write(url: &str, rows: &RecordBatch, table: &TableSchema, mode: WriteMode) -> Result<()> {
    let sink = sink(url)?;
    let found = sink.describe(&table.name).await?;
    let target = match &found {
        Some(found) if mode == WriteMode::Append => found.schema.clone(),
        _ => sink.adapt(table, &table.name)?.table,
    };
    let task = WriteTask {
        run: format!("run-{url}-{mode:?}-{}", rows.num_rows()),
        epoch: 1,
        table: Arc::new(target.clone()),
        definition: Arc::new(target),
        exists: found.is_some(),
        empty_at_start: found.as_ref().is_none_or(|f| f.empty),
        distinct: false,
        write: mode,
        splits: 2,
        circular: Vec::new(),
    };
    sink.prepare(&task).await?;
    let half = rows.num_rows() / 2;
    for (id, part) in [(1, rows.slice(half, rows.num_rows() - half)), (0, rows.slice(0, half))] {
        let split = Split {
            table: table.name.clone(),
            id,
            rows: None,
            bytes: None,
            resumable: true,
            token: "{}".into(),
        };
        let mut writer = sink.open(&task, &split).await?.writer;
        let position = Position::new(part.num_rows() as u64, "{}");
        let batch = ChangeBatch {
            table: task.table.clone(),
            rows: part,
            rejects: Vec::new(),
            position: position.clone(),
        };
        writer.write(&batch).await?;
        writer.flush(&position, true).await?;
    }
    sink.commit(&task).await?;
    sink.finish(std::slice::from_ref(&task)).await
}

fn table(name: &str, columns: &[(&str, ArrayRef)]) -> (TableSchema, RecordBatch) {
    let fields = columns.iter().map(|(n, c)| Field::new(*n, c.data_type().clone(), true));
    let table = TableSchema::new(TableName::bare(name), fields);
    let arrays = columns.iter().map(|(_, c)| c.clone()).collect();
    let rows = RecordBatch::try_new(table.arrow(), arrays).unwrap();
    (table, rows)
}

fn put(dir: &TempDir, name: &str, bytes: impl AsRef<[u8]>) -> String {
    let path = dir.path().join(name);
    fs::write(&path, bytes).unwrap();
    path.display().to_string()
}

fn dir() -> TempDir {
    tempfile::tempdir().unwrap()
}

fn names(dir: &Path) -> Vec<String> {
    let entries = fs::read_dir(dir).unwrap();
    let mut names: Vec<String> =
        entries.map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

/// A runtime of one thread has nowhere to put its other tasks while a disk is waited for.
#[tokio::test(flavor = "current_thread")]
async fn a_runtime_of_one_thread_reads_and_writes_as_well() {
    let dir = dir();
    let texts: ArrayRef = Arc::new(StringArray::from(vec!["a", "b", "c"]));
    let (schema, rows) = table("t", &[("v", texts)]);
    for name in ["t.csv", "t.jsonl", "t.parquet", "t.arrow", "t.csv.gz"] {
        let url = dir.path().join(name).display().to_string();
        write(&url, &rows, &schema, WriteMode::Append).await.unwrap();
        let back = read(&url, 1).await.unwrap();
        assert_eq!(back.texts(0), ["a", "b", "c"].map(|t| Some(t.to_owned())), "{name}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn broken_records_are_rejected_with_their_line_and_the_others_arrive() {
    let dir = dir();
    let text = "id,name\n1,a\n2\n3,\"multi\nline\"\n4,\"x\"y\n\n5,b\n6,c,d\n7,\"never closed\n";
    let url = put(&dir, "t.csv", text);
    let read = read(&url, 1).await.unwrap();
    assert_eq!(read.texts(0), ["1", "3", "5"].map(|t| Some(t.to_owned())));
    let errors: Vec<String> =
        read.rejects().iter().map(|r| r.error.message().replace(&url, "t.csv")).collect();
    assert_eq!(
        errors,
        [
            "t.csv:3: 1 fields, expected 2",
            "t.csv:6: text follows a closing quote",
            "t.csv:9: 3 fields, expected 2",
            "t.csv:10: a quote is not closed",
        ]
    );
    assert!(read.rejects().iter().all(|r| r.error.code() == Code::Malformed));
    let raw = read.rejects()[1].row.column(0).as_string::<i32>().value(0).to_owned();
    assert_eq!(raw, "4,\"x\"y");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_quote_that_swallows_the_file_is_an_error_and_no_reject() {
    let dir = dir();
    let lines: String = (0..2_000).map(|n| format!("{n},x\n")).collect();
    let url = put(&dir, "t.csv", format!("id,name\n1,\"open\n{lines}"));
    let error = read(&url, 1).await.err().unwrap();
    assert_eq!(error.code(), Code::Malformed);
    assert!(error.message().contains("t.csv:2:"), "{error}");
    assert!(read(&format!("{url}?quote=none"), 1).await.unwrap().rejects().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn null_and_the_empty_text_stay_apart() {
    let dir = dir();
    let url = put(&dir, "t.csv", "a,b\n,\"\"\nNA,\"NA\"\n");
    let some = |t: &str| Some(t.to_owned());
    let plain = read(&url, 1).await.unwrap();
    assert_eq!(plain.texts(0), [None, some("NA")]);
    assert_eq!(plain.texts(1), [some(""), some("NA")]);
    let named = read(&format!("{url}?null=NA"), 1).await.unwrap();
    assert_eq!(named.texts(0), [some(""), None]);
    assert_eq!(named.texts(1), [some(""), some("NA")]);
}

#[tokio::test(flavor = "multi_thread")]
async fn types_come_from_the_sample_and_a_later_misfit_is_refused() {
    let dir = dir();
    let mut text = "id,born,price,code,ok,n\n".to_owned();
    for n in 0..50 {
        let n2 = n % 10;
        text += &format!("{n},2024-01-0{},{n}.50,00{n2},true,{n}\n", n2 % 9 + 1);
    }
    text += "x,2024-01-01,1.50,007,true,NA\n";
    let url = put(&dir, "t.csv", &text);
    let sampled = format!("{url}?sample=20");
    let info = one(&sampled).await;
    let wanted =
        ["id int64", "born date", "price decimal(38,2)", "code text", "ok bool", "n int64"];
    assert_eq!(types(&info), wanted);
    assert_eq!(info.notes[0], "types are those of 20 rows looked at");
    let found = read(&sampled, 1).await.unwrap();
    assert_eq!(found.rows().num_rows(), 50);
    let error = &found.rejects()[0].error;
    assert!(error.message().contains("t.csv:52: column \"id\""), "{error}");
    assert!(error.hint_text().unwrap().contains("?types=id:text"));

    let all = one(&url).await;
    assert!(!all.notes.iter().any(|n| n.contains("rows looked at")), "{:?}", all.notes);
    assert_eq!(types(&all)[5], "n text");
    assert!(all.notes.iter().any(|n| n.contains("?null=NA")), "{:?}", all.notes);
    let given = one(&format!("{url}?types=id:text,price:decimal(12,2)&null=NA")).await;
    assert_eq!(types(&given)[2], "price decimal(12,2)");
    assert_eq!(types(&given)[5], "n int64");
    let none = one(&format!("{url}?infer=false")).await;
    assert!(types(&none).iter().all(|t| t.ends_with(" text")));
    let error = discover(&format!("{url}?types=prise:text")).await.unwrap_err();
    assert_eq!(error.code(), Code::ColumnNotFound);
    assert!(error.message().contains("price"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn heads_have_many_forms() {
    let dir = dir();
    let url = put(&dir, "t.csv", "\u{FEFF}# note\r\nid;name;id;\r\n1;a;2;x\r\n");
    let info = one(&format!("{url}?skip=1&delimiter=;")).await;
    assert_eq!(types(&info), ["id int64", "name text", "id_2 int64", "c4 text"]);
    let bare = put(&dir, "bare.tsv", "1\ta\n2\tb\n");
    assert_eq!(types(&one(&format!("{bare}?header=false")).await), ["c1 int64", "c2 text"]);
    let named = read(&format!("{bare}?header=false&names=id,name"), 2).await.unwrap();
    assert_eq!(named.info.schema.columns[1].name(), "name");
    assert_eq!(named.rows().num_rows(), 2);
    let wrong = discover(&format!("{bare}?header=false&names=id")).await.unwrap_err();
    assert_eq!(wrong.code(), Code::BadValue);
    let empty = put(&dir, "empty.csv", "");
    assert_eq!(discover(&empty).await.unwrap_err().code(), Code::Corrupt);
}

#[tokio::test(flavor = "multi_thread")]
async fn encodings_are_read_and_written_exactly() {
    let dir = dir();
    let texts: ArrayRef = Arc::new(StringArray::from(vec![Some("中|文,\"表\""), None, Some("é")]));
    for charset in ["gbk", "gb18030", "utf-16le", "utf-16be", "shift_jis"] {
        let texts = if charset == "shift_jis" { texts.slice(0, 2) } else { texts.clone() };
        let (schema, rows) = table("t", &[("名", texts)]);
        let url = format!("{}/{charset}.csv?charset={charset}", dir.path().display());
        write(&url, &rows, &schema, WriteMode::Append).await.unwrap();
        let back = read(&url, 4).await.unwrap();
        assert_eq!(back.splits.len(), 1, "{charset}");
        assert_eq!(back.rows(), rows, "{charset}");
        if charset.starts_with("utf-16") {
            let sniffed = url.split('?').next().unwrap();
            assert_eq!(read(sniffed, 1).await.unwrap().rows(), rows);
        }
    }
    let (schema, rows) = table("t", &[("a", texts)]);
    let url = format!("{}/latin.csv?charset=latin1", dir.path().display());
    let error = write(&url, &rows, &schema, WriteMode::Append).await.unwrap_err();
    assert_eq!((error.code(), error.kind()), (Code::NoEquivalent, ErrorKind::Data));
    assert!(!dir.path().join("latin.csv").exists());
}

/// Its byte order mark begins as that of UTF-16, by which every other character would be U+0000.
#[tokio::test(flavor = "multi_thread")]
async fn utf_32_is_named_and_not_taken_for_utf_16() {
    let dir = dir();
    for (name, mark) in [("little", '\u{feff}'.into()), ("big", u32::from('\u{feff}').swap_bytes())]
    {
        let text = "a\nb\n".chars().map(u32::from);
        let units = std::iter::once(mark).chain(text);
        let bytes: Vec<u8> = units.flat_map(u32::to_le_bytes).collect();
        let error = discover(&put(&dir, &format!("{name}.csv"), &bytes)).await.unwrap_err();
        assert_eq!(error.code(), Code::BadEncoding, "{error}");
        assert!(error.message().contains("UTF-32"), "{error}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn invalid_bytes_are_rejected_and_never_replaced() {
    let dir = dir();
    let url = put(&dir, "t.csv", b"id,name\n1,a\n2,\xE9t\xE9\n3,b\n");
    let read_utf8 = read(&url, 1).await.unwrap();
    assert_eq!(read_utf8.texts(0), ["1", "3"].map(|t| Some(t.to_owned())));
    let error = &read_utf8.rejects()[0].error;
    assert_eq!(error.code(), Code::BadEncoding);
    assert!(error.message().contains("t.csv:3: column \"name\": \\xE9t\\xE9"), "{error}");
    let latin = read(&format!("{url}?charset=latin1"), 1).await.unwrap();
    assert_eq!(latin.texts(1)[1].as_deref(), Some("été"));
    let gbk = put(&dir, "g.csv", b"id,name\n1,\x81\n2,b\n");
    let gbk = read(&format!("{gbk}?charset=gbk"), 1).await.unwrap();
    assert_eq!((gbk.rows().num_rows(), gbk.rejects().len()), (1, 1));
    assert_eq!(gbk.rejects()[0].error.code(), Code::BadEncoding);
}

#[tokio::test(flavor = "multi_thread")]
async fn json_lines_keep_every_digit_and_refuse_what_is_no_row() {
    let dir = dir();
    let text = r#"{"id":18446744073709551615,"amount":12345678901234567890.10,"tags":[1, {"a":2}],"name":"a\u0000\ud83d\ude00"}

{"name":null,"id":1,"amount":0.05}
{"id":2,"id":3}
{"id":4,"name":"\ud83d"}
{"id":5
[6]
"#;
    let url = put(&dir, "t.jsonl", text);
    let read1 = read(&url, 1).await.unwrap();
    assert_eq!(types(&read1.info), ["id uint64", "amount decimal(38,2)", "tags json", "name text"]);
    let some = |t: &str| Some(t.to_owned());
    assert_eq!(read1.texts(0), [some("18446744073709551615"), some("1")]);
    assert_eq!(read1.texts(1), [some("12345678901234567890.10"), some("0.05")]);
    assert_eq!(read1.texts(2), [some("[1, {\"a\":2}]"), None]);
    assert_eq!(read1.texts(3), [some("a\0😀"), None]);
    let lines: Vec<(Code, bool)> = read1
        .rejects()
        .iter()
        .zip(4..)
        .map(|(r, line)| (r.error.code(), r.error.message().contains(&format!("jsonl:{line}:"))))
        .collect();
    let bad = (Code::Malformed, true);
    assert_eq!(lines, [bad, (Code::BadEncoding, true), bad, bad]);

    let unknown = put(&dir, "u.jsonl", "{\"a\":1}\n{\"b\":2}\n");
    let found = read(&format!("{unknown}?sample=1"), 1).await.unwrap();
    assert!(found.rejects()[0].error.message().contains("the key \"b\""));
    let typed = one(&format!("{unknown}?sample=1&types=b:int32")).await;
    assert_eq!(types(&typed), ["a int64", "b int32"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn json_lines_write_numbers_as_numbers_and_refuse_nan() {
    let dir = dir();
    let url = format!("{}/t.jsonl", dir.path().display());
    let (schema, rows) = table(
        "t",
        &[
            ("u", Arc::new(UInt64Array::from(vec![u64::MAX, 0]))),
            ("f", Arc::new(Float64Array::from(vec![0.1, 1e300]))),
            ("b", Arc::new(BinaryArray::from(vec![Some(b"\x00\xff".as_slice()), None]))),
            ("t", Arc::new(StringArray::from(vec!["\"\n\u{1}", "007"]))),
        ],
    );
    write(&url, &rows, &schema, WriteMode::Append).await.unwrap();
    assert_eq!(
        fs::read_to_string(dir.path().join("t.jsonl")).unwrap(),
        "{\"u\":18446744073709551615,\"f\":0.1,\"b\":\"\\\\x00ff\",\"t\":\"\\\"\\n\\u0001\"}\n\
         {\"u\":0,\"f\":1e+300,\"b\":null,\"t\":\"007\"}\n"
    );
    assert_eq!(read(&url, 2).await.unwrap().rows(), rows);
    let (schema, rows) = table("t", &[("f", Arc::new(Float64Array::from(vec![1.5, f64::NAN])))]);
    let error = write(&url, &rows, &schema, WriteMode::Replace).await.unwrap_err();
    assert_eq!((error.code(), error.kind()), (Code::NoEquivalent, ErrorKind::Data));
}

/// Fields that make trouble, under one delimiter.
fn fields() -> impl Strategy<Value = Option<String>> {
    let trouble = proptest::collection::vec(
        prop_oneof![
            Just(",".to_owned()),
            Just(";".to_owned()),
            Just("\t".to_owned()),
            Just("\"".to_owned()),
            Just("'".to_owned()),
            Just("\\".to_owned()),
            Just("\n".to_owned()),
            Just("\r".to_owned()),
            Just("NA".to_owned()),
            Just("\\N".to_owned()),
            Just("\u{FEFF}".to_owned()),
            "[a-zé😀 \\x00]{0,3}",
        ],
        0..5,
    );
    prop_oneof![2 => Just(None), 8 => trouble.prop_map(|parts| Some(parts.concat()))]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    /// What is written is read again, whatever the marks, and however it is cut and resumed.
    #[test]
    fn csv_comes_back_under_any_marks(
        rows in proptest::collection::vec((fields(), fields(), proptest::option::of(any::<Vec<u8>>())), 1..24),
        marks in prop_oneof![
            Just(""), Just("&delimiter=;"), Just("&delimiter=tab&quote='"), Just("&escape=\\"),
            Just("&null=NA"), Just("&null=\\N&escape=\\"), Just("&line_end=crlf"),
            Just("&quote=none&escape=\\&null=NA"), Just("&delimiter=%20"),
        ],
        narrow: bool,
        splits in 1usize..6,
    ) {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).build().unwrap();
        runtime.block_on(async {
            let dir = dir();
            let types = if narrow { "a:text" } else { "a:text,b:text,c:binary" };
            let url = format!("{}/t.csv?types={types}{marks}", dir.path().display());
            let a: StringArray = rows.iter().map(|r| r.0.clone()).collect();
            let b: StringArray = rows.iter().map(|r| r.1.clone()).collect();
            let c: BinaryArray = rows.iter().map(|r| r.2.clone()).collect();
            let mut columns: Vec<(&str, ArrayRef)> = vec![("a", Arc::new(a))];
            if !narrow {
                columns.push(("b", Arc::new(b)));
                columns.push(("c", Arc::new(c)));
            }
            let (schema, wanted) = table("t", &columns);
            let written = write(&url, &wanted, &schema, WriteMode::Append).await;
            if let Err(error) = written {
                // Without quotes, an escape has no way to tell an empty text from an empty NULL.
                panic!("{}: {}", error.code(), error.chain());
            }
            let back = read(&url, splits).await.unwrap();
            assert!(back.rejects().is_empty(), "{}", back.rejects()[0].error);
            assert_eq!(back.rows(), wanted, "{}", fs::read_to_string(dir.path().join("t.csv")).unwrap());
            resume_everywhere(&url, &back).await;
        });
    }
}

/// From every position the rest is what followed there.
async fn resume_everywhere(url: &str, whole: &Read) {
    let source = source(url).unwrap();
    let table = Arc::new(whole.info.schema.clone());
    let task = ReadTask { table, filter: None, query: None };
    for split in &whole.splits {
        let budget = Budget { rows: 3, bytes: 4 << 20 };
        let steps = read_split(source.as_ref(), &task, split, None, budget).await.unwrap();
        for (i, step) in steps.iter().enumerate() {
            let rest = read_split(source.as_ref(), &task, split, Some(&step.position), budget);
            let rest: Vec<RecordBatch> = rest.await.unwrap().into_iter().map(|b| b.rows).collect();
            let wanted: Vec<RecordBatch> = steps[i + 1..].iter().map(|b| b.rows.clone()).collect();
            assert_eq!(rest, wanted);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn packed_files_are_written_in_members_and_resumed_by_reading_again() {
    let dir = dir();
    let ids: ArrayRef = Arc::new(Int64Array::from_iter_values(0..3_000));
    let (schema, rows) = table("t", &[("id", ids)]);
    for extension in ["csv.gz", "csv.zst", "csv.snappy", "jsonl.zst"] {
        let url = format!("{}/t.{extension}", dir.path().display());
        write(&url, &rows, &schema, WriteMode::Append).await.unwrap();
        write(&url, &rows, &schema, WriteMode::Append).await.unwrap();
        let back = read(&url, 8).await.unwrap();
        assert_eq!(back.rows().num_rows(), 6_000, "{extension}");
        assert_eq!(back.rows().slice(0, 3_000), rows, "{extension}");
        let source = source(&url).unwrap();
        let task =
            ReadTask { table: Arc::new(back.info.schema.clone()), filter: None, query: None };
        let budget = Budget { rows: 2_000, bytes: 4 << 20 };
        let steps =
            read_split(source.as_ref(), &task, &back.splits[0], None, budget).await.unwrap();
        let rest =
            read_split(source.as_ref(), &task, &back.splits[0], Some(&steps[0].position), budget);
        assert_eq!(rest.await.unwrap().len(), 2);
        // Cut short, it is an error and never fewer rows.
        let path = url.clone();
        let whole = fs::read(&path).unwrap();
        // In the middle one member ends and the next begins, for the two appends are alike.
        for cut in [whole.len() / 3, whole.len() - 2] {
            fs::write(&path, &whole[..cut]).unwrap();
            let error = read(&url, 1).await.err().unwrap();
            assert_eq!(error.code(), Code::Corrupt, "{extension} cut at {cut}: {}", error.chain());
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn parquet_and_arrow_cut_short_or_damaged_are_corrupt() {
    let dir = dir();
    let texts = StringArray::from_iter_values((0..5_000).map(|n| format!("row {n} of many")));
    let (schema, rows) = table("t", &[("t", Arc::new(texts))]);
    for extension in ["parquet", "arrow"] {
        let url = format!("{}/t.{extension}", dir.path().display());
        write(&url, &rows, &schema, WriteMode::Append).await.unwrap();
        assert_eq!(read(&url, 4).await.unwrap().rows(), rows);
        let whole = fs::read(&url).unwrap();
        for cut in [10, whole.len() / 2, whole.len() - 3] {
            fs::write(&url, &whole[..cut]).unwrap();
            let error = read(&url, 1).await.err().unwrap();
            assert_eq!(error.code(), Code::Corrupt, "{extension} cut at {cut}: {}", error.chain());
        }
        if extension == "parquet" {
            let mut damaged = whole.clone();
            damaged[60..90].fill(0xA5);
            fs::write(&url, &damaged).unwrap();
            let error = read(&url, 1).await.err().unwrap();
            assert_eq!(error.code(), Code::Corrupt, "{}", error.chain());
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_changes_after_the_plan_ends_the_run() {
    let dir = dir();
    for name in ["t.csv", "t.jsonl"] {
        let text = if name == "t.csv" { "id\n1\n2\n" } else { "{\"id\":1}\n{\"id\":2}\n" };
        let url = put(&dir, name, text);
        let source = source(&url).unwrap();
        let found = source.discover(&TableSelection::default()).await.unwrap();
        let task = ReadTask { table: Arc::new(found[0].schema.clone()), filter: None, query: None };
        let cut = Cut { splits: 1, min_rows: 1, min_bytes: 1 };
        let splits = source.plan(&task, &cut).await.unwrap();
        let mut reader = source.open(&task, &splits[0], None).await.unwrap();
        fs::write(&url, format!("{text}{text}")).unwrap();
        let error = loop {
            match reader.next(Budget { rows: 1, bytes: 1 << 20 }).await {
                Ok(Element::Batch(_)) => {}
                Ok(Element::EndOfSplit) => panic!("read to the end all the same"),
                Err(error) => break error,
            }
        };
        assert_eq!(error.code(), Code::FileChanged);
        let again = source.open(&task, &splits[0], None).await.err().unwrap();
        assert_eq!(again.code(), Code::FileChanged);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn many_files_are_many_tables_or_one() {
    let dir = dir();
    put(&dir, "a.csv", "id,name\n1,x\n");
    put(&dir, "b.csv", "name,id\ny,2\nz,3.5\n");
    put(&dir, "c.jsonl", "{\"id\":1}\n");
    let folder = dir.path().display().to_string();
    let names: Vec<String> =
        discover(&folder).await.unwrap().into_iter().map(|t| t.schema.name.name).collect();
    assert_eq!(names, ["a", "b", "c"]);
    let all = read(&format!("{folder}/*.csv?table=all"), 8).await.unwrap();
    assert_eq!(types(&all.info), ["id float64", "name text"]);
    assert_eq!(all.texts(1), ["x", "y", "z"].map(|t| Some(t.to_owned())));
    let in_order = read(&format!("{folder}/*.csv?table=all"), 1).await.unwrap();
    assert_eq!((in_order.splits.len(), in_order.rows()), (1, all.rows()));
    resume_everywhere(&format!("{folder}/*.csv?table=all"), &in_order).await;

    put(&dir, "a.jsonl", "{\"id\":1}\n");
    let error = discover(&folder).await.unwrap_err();
    assert_eq!(error.code(), Code::BadUrl, "{error}");
    put(&dir, "d.csv", "id,other\n1,x\n");
    let error = discover(&format!("{folder}/*.csv?table=all")).await.unwrap_err();
    assert_eq!(error.code(), Code::ColumnMismatch);
    assert!(error.message().contains("\"other\""), "{error}");
    let error = discover(&format!("{folder}/aa.csv")).await.unwrap_err();
    assert_eq!(error.code(), Code::FileNotFound);
    assert!(error.message().contains("a.csv"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_append_keeps_the_old_rows_and_asks_for_the_same_columns() {
    let dir = dir();
    let ids: ArrayRef = Arc::new(Int64Array::from(vec![3, 4]));
    let (schema, rows) = table("t", &[("id", ids.clone())]);
    // Without an end to its last line.
    let url = put(&dir, "t.csv", "id\n1\n2");
    write(&url, &rows, &schema, WriteMode::Append).await.unwrap();
    assert_eq!(fs::read_to_string(&url).unwrap(), "id\n1\n2\n3\n4\n");
    for extension in ["parquet", "arrow", "jsonl", "csv.gz", "sql"] {
        let url = format!("{}/more.{extension}", dir.path().display());
        let (schema, rows) = table("more", &[("id", ids.clone())]);
        write(&url, &rows, &schema, WriteMode::Append).await.unwrap();
        write(&url, &rows, &schema, WriteMode::Append).await.unwrap();
        let back = read(&url, 4).await.unwrap().rows();
        let back: Vec<i64> = back.column(0).as_primitive::<Int64Type>().values().to_vec();
        assert_eq!(back, [3, 4, 3, 4], "{extension}");

        let (other, rows) = table("more", &[("id", ids.clone()), ("x", ids.clone())]);
        let target = sink(&url).unwrap();
        let task = WriteTask {
            run: "other".into(),
            epoch: 1,
            table: Arc::new(other.clone()),
            definition: Arc::new(other),
            exists: true,
            empty_at_start: false,
            distinct: false,
            write: WriteMode::Upsert,
            splits: 1,
            circular: Vec::new(),
        };
        assert_eq!(target.prepare(&task).await.unwrap_err().code(), Code::Unsupported);
        if extension != "sql" {
            let append = WriteTask { write: WriteMode::Append, ..task };
            let error = target.prepare(&append).await.unwrap_err();
            assert_eq!(error.code(), Code::ColumnMismatch, "{extension}");
        }
        drop(rows);
    }
    assert!(names(dir.path()).iter().all(|n| !n.contains("syncline")), "{:?}", names(dir.path()));
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_are_cut_by_rows_and_by_bytes_and_read_as_one_table() {
    let dir = dir();
    let ids: ArrayRef = Arc::new(Int64Array::from_iter_values(0..2_501));
    let texts = StringArray::from_iter_values((0..2_501).map(|n| format!("text of row {n}")));
    let (schema, rows) = table("t", &[("id", ids), ("text", Arc::new(texts))]);
    for (extension, option) in [
        ("sql", "rows=1000&dialect=mysql"),
        ("sql", "rows=1000&dialect=postgres"),
        ("sql", "rows=700&dialect=sqlite"),
        ("csv", "rows=1000"),
        ("jsonl.gz", "bytes=20000"),
        ("parquet", "rows=600"),
    ] {
        let folder = dir.path().join(option.replace(['=', '&'], "_") + extension);
        let url = format!("{}/{{table}}.{{page}}.{extension}?{option}", folder.display());
        write(&url, &rows, &schema, WriteMode::Append).await.unwrap();
        let pages = names(&folder);
        assert!(pages.len() >= 4, "{option}: {pages:?}");
        assert_eq!(pages[0], format!("t.0001.{extension}"));
        assert_eq!(pages.last().unwrap(), &format!("t.{:04}.{extension}", pages.len()));
        let limit: Option<usize> = option
            .strip_prefix("rows=")
            .map(|o| o[..o.find('&').unwrap_or(o.len())].parse().unwrap());
        for page in &pages {
            let one = read(&folder.join(page).display().to_string(), 1).await.unwrap();
            assert!(limit.is_none_or(|most| one.rows().num_rows() <= most), "{option} {page}");
        }
        let all = read(&format!("{}?table=t", folder.display()), 3).await.unwrap();
        assert_eq!(all.texts(0).len(), 2_501, "{option}");
        assert_eq!(all.rows().column(1), rows.column(1), "{option}");
        // Shorter the second time: no old page stays.
        write(&url, &rows.slice(0, 10), &schema, WriteMode::Replace).await.unwrap();
        let all = read(&format!("{}?table=t", folder.display()), 3).await.unwrap();
        assert_eq!(all.rows().num_rows(), 10, "{option}: {:?}", names(&folder));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_and_comments_go_through_parquet_and_arrow() {
    let dir = dir();
    let ids: ArrayRef = Arc::new(Int64Array::from(vec![1, 2]));
    let (mut schema, rows) = table("t", &[("id", ids)]);
    schema.primary_key = vec!["id".into()];
    schema.comment = Some("of things".into());
    schema.columns[0].comment = Some("its number".into());
    for extension in ["parquet", "arrow"] {
        let url = format!("{}/t.{extension}", dir.path().display());
        write(&url, &rows, &schema, WriteMode::Append).await.unwrap();
        let back = one(&url).await.schema;
        assert_eq!(back.primary_key, schema.primary_key);
        assert_eq!((back.comment, back.columns), (schema.comment.clone(), schema.columns.clone()));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_written_says_so_and_leaves_no_file() {
    let dir = dir();
    let texts: ArrayRef = Arc::new(StringArray::from(vec!["a,b", "c\nd"]));
    let (schema, rows) = table("t", &[("t", texts)]);
    let url = format!("{}/t.csv?quote=none", dir.path().display());
    let error = write(&url, &rows, &schema, WriteMode::Append).await.unwrap_err();
    assert_eq!((error.code(), error.kind()), (Code::NoEquivalent, ErrorKind::Data));
    let file = put(&dir, "file", "x");
    let error =
        write(&format!("{file}/t.csv"), &rows, &schema, WriteMode::Append).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Permanent, "{}", error.chain());
    assert!(!dir.path().join("t.csv").exists());

    let two = sink(&format!("{}/t.csv", dir.path().display())).unwrap();
    assert!(two.describe(&TableName::bare("a")).await.unwrap().is_none());
    let error = two.describe(&TableName::bare("b")).await.unwrap_err();
    assert_eq!(error.code(), Code::BadUrl);
    for url in ["-?format=parquet", "out/t.parquet.gz", "t.unknown", "t.csv?rows=5", "out/"] {
        let error: Error = sink(url).err().unwrap_or_else(|| panic!("{url}"));
        assert_eq!(error.kind(), ErrorKind::Config, "{url}");
    }
}

/// A small file system, where this account may mount one.
struct Tiny(PathBuf);

impl Tiny {
    fn mount(path: PathBuf) -> Option<Self> {
        fs::create_dir_all(&path).ok()?;
        let mut mount = std::process::Command::new("mount");
        mount.args(["-t", "tmpfs", "-o", "size=256k", "tmpfs"]).arg(&path);
        let done = mount.stderr(std::process::Stdio::null()).status().ok()?;
        done.success().then_some(Self(path))
    }
}

impl Drop for Tiny {
    fn drop(&mut self) {
        let _ = std::process::Command::new("umount").arg(&self.0).status();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_is_told_and_no_part_has_the_targets_name() {
    let dir = dir();
    let Some(tiny) = Tiny::mount(dir.path().join("tiny")) else {
        eprintln!("skipped: this account may not mount a small file system");
        return;
    };
    let texts =
        StringArray::from_iter_values((0..20_000).map(|n| format!("{:x}", n * 7_919_u64 * n)));
    let (schema, rows) = table("t", &[("t", Arc::new(texts))]);
    for name in ["t.csv", "t.csv.gz", "t.parquet", "t.arrow", "t.sql"] {
        let url = format!("{}/{name}", tiny.0.display());
        let rows = arrow::compute::concat_batches(&rows.schema(), &vec![rows.clone(); 4]).unwrap();
        let error = write(&url, &rows, &schema, WriteMode::Append).await.unwrap_err();
        assert_eq!(error.code(), Code::DiskFull, "{name}: {}", error.chain());
        let left = names(&tiny.0);
        assert_eq!(left, [format!(".{name}.syncline")]);
        fs::remove_dir_all(tiny.0.join(&left[0])).unwrap();
    }
}
