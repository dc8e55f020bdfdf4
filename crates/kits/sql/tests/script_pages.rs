//! Pages of SQL: what the writer makes is what the reader reads, and what the dialect's own client
//! loads into a real server comes back from the server's own dump.

#![allow(clippy::unwrap_used)] // helpers of tests are tests, too

use std::path::Path;
use std::process::Command;
use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, BinaryArray, BooleanArray, Date32Array, Decimal128Array,
    Decimal256Array, DurationMicrosecondArray, FixedSizeBinaryArray, Float32Array, Float64Array,
    Int8Array, Int16Array, Int32Array, Int64Array, RecordBatch, StringArray,
    Time64MicrosecondArray, TimestampMicrosecondArray, UInt8Array, UInt16Array, UInt32Array,
    UInt64Array,
};
use arrow::compute::concat_batches;
use arrow::datatypes::{DataType, Field, TimeUnit, i256};
use proptest::prelude::*;
use syncline_sql::script::{
    PageOptions, PageWriter, ReadOptions, ScriptCatalog, ScriptRead, ScriptReader, ScriptTable,
};
use syncline_sql::{Dialect, adapt, moment};
use syncline_testkit::{Database, Kind, Server};
use syncline_types::{Code, Identity, Index, IndexPart, TableName, TableSchema, field};

const DAY: i64 = 86_400_000_000;

/// A table with a column of every canonical kind.
fn every_type() -> TableSchema {
    let micros =
        |zone: Option<&str>| DataType::Timestamp(TimeUnit::Microsecond, zone.map(Into::into));
    let plain = [
        ("bool", DataType::Boolean),
        ("i8", DataType::Int8),
        ("i16", DataType::Int16),
        ("i32", DataType::Int32),
        ("i64", DataType::Int64),
        ("u8", DataType::UInt8),
        ("u16", DataType::UInt16),
        ("u32", DataType::UInt32),
        ("u64", DataType::UInt64),
        ("f32", DataType::Float32),
        ("f64", DataType::Float64),
        ("dec", DataType::Decimal128(12, 2)),
        ("dec38", DataType::Decimal128(38, 10)),
        ("dec76", DataType::Decimal256(60, 20)),
        ("text", DataType::Utf8),
        ("bytes", DataType::Binary),
        ("date", DataType::Date32),
        ("stamp", micros(None)),
        ("instant", micros(Some("UTC"))),
        ("time", DataType::Time64(TimeUnit::Microsecond)),
        ("duration", DataType::Duration(TimeUnit::Microsecond)),
    ];
    let logical = [
        ("number", DataType::Utf8, "decimal"),
        ("json", DataType::Utf8, "json"),
        ("enum", DataType::Utf8, "enum"),
        ("bits", DataType::Utf8, "bit"),
        ("uuid", DataType::FixedSizeBinary(16), "uuid"),
        ("year", DataType::Int16, "year"),
    ];
    let mut fields = vec![Field::new("id", DataType::Int32, false)];
    fields.extend(plain.into_iter().map(|(name, t)| Field::new(name, t, true)));
    fields.extend(logical.into_iter().map(|(name, t, logical)| {
        let mut pairs = vec![(field::LOGICAL, logical.to_owned())];
        match name {
            "enum" => pairs.push((field::MEMBERS, r#"["a","b'c","d,e\\"]"#.to_owned())),
            "bits" => {
                pairs.push((field::NATIVE, "bit(9)".to_owned()));
                pairs.push((field::LENGTH, "9".to_owned()));
            }
            _ => {}
        }
        field::with(Field::new(name, t, true), pairs)
    }));
    let mut table = TableSchema::new(TableName::bare("all ty`p\"es"), fields);
    table.columns.push(syncline_types::Column::new(Field::new(
        "od'd `\"\\;--",
        DataType::Utf8,
        true,
    )));
    table.columns[0].identity = Some(Identity { always: true, next: Some(50) });
    table.primary_key = vec!["id".into()];
    table.indexes = vec![Index::new(
        "by_date",
        vec![IndexPart { column: "date".into(), prefix: None, descending: true }],
        false,
    )];
    table.comment = Some("a 'comment'; -- with\nlines".into());
    table
}

/// Texts that scripts stumble over.
const TEXTS: [&str; 11] = [
    "",
    "it's \"quoted\" `so`",
    "back\\slash \\' \\n \\\\",
    "a;\n-- b\n/* c */ # d\nINSERT INTO x VALUES (1);",
    "cr\r\nlf\rtab\t\u{1a}\u{8}",
    "😀 four bytes, ß, 中",
    " spaces ",
    "$$ $1 E'x' \\x41 \\.",
    "NULL",
    "%_\\%\\_",
    "\\r \\0 \r",
];

/// Values for a column: extremes and what scripts stumble over, by what the dialect's table takes.
fn values(dialect: Dialect, f: &Field, name: &str, rows: usize) -> ArrayRef {
    fn spread<T: Clone, C: FromIterator<Option<T>>>(rows: usize, values: &[T]) -> C {
        // The last row is NULL.
        (0..rows).map(|n| (n + 1 < rows).then(|| values[n % values.len()].clone())).collect()
    }
    macro_rules! ints {
        ($array:ty, $t:ty) => {
            Arc::new(spread::<$t, $array>(rows, &[<$t>::MIN, <$t>::MAX, 0, 1])) as ArrayRef
        };
    }
    let mysql = dialect == Dialect::Mysql;
    let texts = |texts: &[&str]| -> ArrayRef {
        let texts: Vec<String> = texts.iter().map(|t| (*t).to_owned()).collect();
        Arc::new(spread::<String, StringArray>(rows, &texts))
    };
    match (name, f.data_type()) {
        ("id", DataType::Int64) => {
            Arc::new(Int64Array::from_iter_values(1..=i64::try_from(rows).unwrap()))
        }
        ("id", _) => Arc::new(Int32Array::from_iter_values(1..=i32::try_from(rows).unwrap())),
        ("bool", DataType::Int8) => Arc::new(spread::<i8, Int8Array>(rows, &[0, 1])),
        ("year", DataType::Int16) => Arc::new(spread::<i16, Int16Array>(rows, &[1901, 2155, 0])),
        ("year", DataType::Int64) => Arc::new(spread::<i64, Int64Array>(rows, &[1901, 2155, 0])),
        ("json", _) => texts(&[r#"{"a": [1, "x\n'\\"]}"#, "null", "[]"]),
        ("enum", _) => texts(&["a", "b'c", "d,e\\"]),
        ("bits", _) => texts(&["000000000", "111111111", "010101010"]),
        ("number", _) => {
            texts(&["0", "-12345678901234567890123456789012345678901234567890.5", "0.001"])
        }
        ("uuid", DataType::Utf8) => texts(&["123e4567-e89b-12d3-a456-426655440000"]),
        (_, DataType::Boolean) => Arc::new(spread::<bool, BooleanArray>(rows, &[true, false])),
        (_, DataType::Int8) => ints!(Int8Array, i8),
        (_, DataType::Int16) => ints!(Int16Array, i16),
        (_, DataType::Int32) => ints!(Int32Array, i32),
        (_, DataType::Int64) => ints!(Int64Array, i64),
        (_, DataType::UInt8) => ints!(UInt8Array, u8),
        (_, DataType::UInt16) => ints!(UInt16Array, u16),
        (_, DataType::UInt32) => ints!(UInt32Array, u32),
        (_, DataType::UInt64) => ints!(UInt64Array, u64),
        // mysqldump writes floats with six digits, whatever they hold.
        (_, DataType::Float32) => {
            let mut all = vec![1.5, -0.25, 1.1, 0.0];
            if !mysql {
                all.extend([f32::MAX, f32::MIN_POSITIVE, 16_777_217.0]);
            }
            Arc::new(spread::<f32, Float32Array>(rows, &all))
        }
        (_, DataType::Float64) => {
            let mut all =
                vec![f64::MAX, f64::MIN_POSITIVE, 0.1 + 0.2, 1e15, 123_456_789_012_345_680.0];
            if dialect == Dialect::Postgres {
                all.extend([f64::NAN, f64::INFINITY, f64::NEG_INFINITY]);
            }
            Arc::new(spread::<f64, Float64Array>(rows, &all))
        }
        (_, DataType::Decimal128(p, s)) => {
            let nines = 10_i128.pow(u32::from(*p)) - 1;
            let array: Decimal128Array = spread(rows, &[0, nines, -nines, 1, -1]);
            Arc::new(array.with_precision_and_scale(*p, *s).unwrap())
        }
        (_, DataType::Decimal256(p, s)) => {
            let nines = i256::from_string(&"9".repeat(usize::from(*p))).unwrap();
            let array: Decimal256Array = spread(rows, &[i256::ZERO, nines, -nines, i256::ONE]);
            Arc::new(array.with_precision_and_scale(*p, *s).unwrap())
        }
        (_, DataType::Utf8) => {
            let mut all = TEXTS.to_vec();
            if matches!(dialect, Dialect::Mysql | Dialect::Sqlite) {
                all.push("nul\0 and \\0\r");
            }
            texts(&all)
        }
        (_, DataType::Binary) => {
            let all: [&[u8]; 4] = [b"", b"\0\xff'\\\r\n\x1a;", b"\\x41", &[b'x'; 70]];
            Arc::new(spread::<&[u8], BinaryArray>(rows, &all))
        }
        (_, DataType::FixedSizeBinary(16)) => {
            let ids = (0..rows).map(|n| (n + 1 < rows).then_some([u8::try_from(n).unwrap(); 16]));
            Arc::new(FixedSizeBinaryArray::try_from_sparse_iter_with_size(ids, 16).unwrap())
        }
        (_, DataType::Date32) => {
            let mut all = vec![0, -719_162, 2_932_896];
            if dialect == Dialect::Postgres {
                all.extend([-735_565, 2_000_000_000]);
            }
            Arc::new(spread::<i32, Date32Array>(rows, &all))
        }
        (_, DataType::Timestamp(_, zone)) => {
            let mut all = vec![0, 1, -719_162 * DAY, 2_932_897 * DAY - 1];
            if dialect == Dialect::Postgres {
                all.extend([-735_565 * DAY + 7, 100_000_000 * DAY]);
            }
            let array: TimestampMicrosecondArray = spread(rows, &all);
            Arc::new(array.with_timezone_opt(zone.clone()))
        }
        (_, DataType::Time64(_)) => {
            Arc::new(spread::<i64, Time64MicrosecondArray>(rows, &[0, 1, DAY - 1, DAY]))
        }
        // MySQL's TIME column: 24:00:00 is as good as any.
        (_, DataType::Duration(_)) => {
            let most = 3_020_399_000_000;
            Arc::new(spread::<i64, DurationMicrosecondArray>(
                rows,
                &[0, -1, most, -most, 90_000_001],
            ))
        }
        (name, other) => panic!("no values for {name}: {other}"),
    }
}

fn sample(dialect: Dialect, rows: usize) -> (TableSchema, RecordBatch) {
    let table = adapt(dialect, &every_type(), &TableName::bare("all ty`p\"es")).unwrap().table;
    let arrays = table.columns.iter().map(|c| values(dialect, &c.field, c.name(), rows)).collect();
    let batch = RecordBatch::try_new(table.arrow(), arrays).unwrap();
    (table, batch)
}

/// Pages of `per_page` rows.
fn pages(
    dialect: Dialect,
    table: &TableSchema,
    rows: &RecordBatch,
    per_page: usize,
) -> Vec<Vec<u8>> {
    let options =
        PageOptions { rows_per_statement: 3, max_statement_bytes: 4000, ..PageOptions::default() };
    let mut writer = PageWriter::new(dialect, table, options).unwrap();
    let mut pages = Vec::new();
    for start in (0..rows.num_rows()).step_by(per_page) {
        let mut page = Vec::new();
        writer.begin_page(&mut page).unwrap();
        let part = rows.slice(start, per_page.min(rows.num_rows() - start));
        writer.write(&part, &mut page).unwrap();
        pages.push(page);
    }
    assert_eq!(writer.page(), pages.len() as u64);
    pages
}

/// The one table of a script, and its rows.
fn read(text: &[u8], name: &str, chunk: usize) -> (ScriptTable, RecordBatch) {
    let mut catalog = ScriptCatalog::new(&ReadOptions::default());
    for chunk in text.chunks(chunk) {
        catalog.push(chunk).unwrap();
    }
    catalog.finish().unwrap();
    let tables = catalog.tables();
    let table = tables.into_iter().find(|t| t.schema.name.name == name).unwrap();
    let wanted = Arc::new(table.schema.clone());
    let mut reader =
        ScriptReader::new(&ReadOptions::default(), &table, wanted.clone(), None).unwrap();
    let mut chunks = text.chunks(chunk);
    let mut batches = Vec::new();
    loop {
        match reader.next(4, 1 << 20).unwrap() {
            ScriptRead::Input => match chunks.next() {
                Some(chunk) => reader.push(chunk),
                None => reader.finish(),
            },
            ScriptRead::Batch(batch) => {
                assert!(batch.rejects.is_empty(), "{:#?}", batch.rejects);
                batches.push(batch.rows);
            }
            ScriptRead::End => break,
        }
    }
    let rows = concat_batches(&wanted.arrow(), &batches).unwrap();
    (table, rows)
}

/// Equal values, whatever the fields say beyond their types.
fn same(got: &RecordBatch, want: &RecordBatch) {
    assert_eq!(got.num_columns(), want.num_columns());
    for (field, want) in want.schema().fields().iter().zip(want.columns()) {
        let got = got.column_by_name(field.name()).unwrap();
        // An interval is no length of time to Arrow, for it may have months: its text is the same.
        if let (DataType::Utf8, DataType::Duration(_)) = (got.data_type(), want.data_type()) {
            let texts = got.as_string::<i32>().iter();
            let back = texts.map(|t| t.map(|t| moment::parse_duration(t).unwrap()));
            assert_eq!(&back.collect::<DurationMicrosecondArray>(), want.as_primitive());
            continue;
        }
        assert_eq!(got.data_type(), want.data_type(), "column {}", field.name());
        assert_eq!(got.as_ref(), want.as_ref(), "column {}", field.name());
    }
}

#[test]
fn pages_are_read_back_as_they_were_written() {
    for dialect in Dialect::ALL {
        let (table, rows) = sample(dialect, 16);
        let pages = pages(dialect, &table, &rows, 5);
        let mut parts = Vec::new();
        for (n, page) in pages.iter().enumerate() {
            let (found, part) = read(page, &table.name.name, 97);
            // Each page alone says all of its table.
            assert_eq!(found.schema, table, "{dialect}, page {n}");
            parts.push(part);
        }
        assert_eq!(concat_batches(&table.arrow(), &parts).unwrap(), rows, "{dialect}");
        let whole: Vec<u8> = pages.concat();
        assert_eq!(
            read(&whole, &table.name.name, 5000).1,
            rows,
            "{dialect}, all pages as one file"
        );
    }
}

#[test]
fn a_page_can_be_cut_behind_any_statement() {
    let (table, rows) = sample(Dialect::Postgres, 16);
    let page = pages(Dialect::Postgres, &table, &rows, 16).remove(0);
    let ends = memchr::memmem::find_iter(&page, b");\nINSERT").map(|at| at + 3);
    let mut seen = 0;
    for end in ends {
        let (_, part) = read(&page[..end], &table.name.name, 1000);
        assert_eq!(part, rows.slice(0, part.num_rows()));
        assert!(part.num_rows() > seen);
        seen = part.num_rows();
    }
    assert!(seen >= 9);
}

#[test]
fn a_value_without_a_literal_leaves_the_page_as_it_was() {
    let field = Field::new("x", DataType::Float64, true);
    let table = TableSchema::new(TableName::bare("t"), [field]);
    let rows = |values: Vec<f64>| {
        RecordBatch::try_new(table.arrow(), vec![Arc::new(Float64Array::from(values))]).unwrap()
    };
    let mut writer = PageWriter::new(Dialect::Mysql, &table, PageOptions::default()).unwrap();
    let mut page = b"before".to_vec();
    let error = writer.write(&rows(vec![1.0, f64::NAN]), &mut page).unwrap_err();
    assert_eq!((error.code(), page.as_slice()), (Code::NoEquivalent, b"before".as_slice()));
    writer.write(&rows(vec![1.0]), &mut page).unwrap();
    assert!(page.ends_with(b"(1.0);\n"));
}

#[test]
fn statements_keep_to_their_limits() {
    let table = TableSchema::new(TableName::bare("t"), [Field::new("x", DataType::Utf8, true)]);
    let texts: Vec<String> = (0..10).map(|n| "y".repeat(if n == 4 { 500 } else { 30 })).collect();
    let rows =
        RecordBatch::try_new(table.arrow(), vec![Arc::new(StringArray::from(texts))]).unwrap();
    let options = PageOptions { with_ddl: false, rows_per_statement: 3, max_statement_bytes: 120 };
    let mut writer = PageWriter::new(Dialect::Sqlite, &table, options).unwrap();
    let mut page = Vec::new();
    writer.write(&rows, &mut page).unwrap();
    let text = String::from_utf8(page).unwrap();
    let lengths: Vec<usize> = text.split_inclusive(";\n").map(str::len).collect();
    assert!(lengths.iter().filter(|n| **n > 125).count() == 1, "{lengths:?}");
    assert!(lengths.len() >= 5);
}

fn run(command: &mut Command) -> Vec<u8> {
    let output = command.output().unwrap_or_else(|e| panic!("{command:?}: {e}"));
    assert!(
        output.status.success(),
        "{command:?}: {}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
    output.stdout
}

/// Runs a page by the client program of the server.
fn execute(server: &Server, database: &Database, page: &Path) {
    let mut command = client(server, "mariadb", "psql");
    if server.kind().is_mysql() {
        command.arg(database.name()).stdin(std::fs::File::open(page).unwrap());
    } else {
        command.args(["-q", "-v", "ON_ERROR_STOP=1", "-d", database.name(), "-f"]).arg(page);
    }
    run(&mut command);
}

fn client(server: &Server, mysql: &str, postgres: &str) -> Command {
    let port = server.port().to_string();
    let mut command = Command::new(if server.kind().is_mysql() { mysql } else { postgres });
    if server.kind().is_mysql() {
        command.args(["--no-defaults", "-h127.0.0.1", "-uroot", "-P", &port]);
        if server.kind() == Kind::MySql {
            command.arg("-proot");
        }
    } else {
        command.args(["-h", "127.0.0.1", "-U", "postgres", "-p", &port]);
    }
    command
}

fn through_the_server(kind: Kind, dialect: Dialect) {
    let Some(server) = Server::shared(kind) else { return };
    let database = server.database();
    let (table, rows) = sample(dialect, 16);
    let folder = tempfile::tempdir().unwrap();
    for (n, page) in pages(dialect, &table, &rows, 5).iter().enumerate() {
        let path = folder.path().join(format!("{n}.sql"));
        std::fs::write(&path, page).unwrap();
        execute(server, &database, &path);
    }
    let forms: &[&[&str]] = if kind.is_mysql() {
        &[&[], &["--hex-blob", "--complete-insert"], &["--skip-extended-insert", "--compact"]]
    } else {
        &[&[], &["--inserts"], &["--column-inserts", "--rows-per-insert=4"]]
    };
    for form in forms {
        let mut dump = client(server, "mariadb-dump", "pg_dump");
        dump.args(*form);
        if kind.is_mysql() {
            dump.arg(database.name());
        } else {
            dump.args(["-d", database.name()]);
        }
        let dump = run(&mut dump);
        let (found, back) = read(&dump, &table.name.name, 1 << 12);
        same(&back, &rows);
        let found = found.schema;
        assert_eq!(found.primary_key, table.primary_key);
        assert_eq!(found.comment, table.comment);
        let indexes =
            |t: &TableSchema| t.indexes.iter().map(|i| i.parts.clone()).collect::<Vec<_>>();
        assert_eq!(indexes(&found), indexes(&table));
    }
}

#[test]
fn mariadb_loads_pages_and_dumps_the_same_rows() {
    through_the_server(Kind::MariaDb, Dialect::Mysql);
}

#[test]
fn postgres_loads_pages_and_dumps_the_same_rows() {
    through_the_server(Kind::Postgres, Dialect::Postgres);
}

#[test]
fn sqlite_loads_pages_and_dumps_the_same_rows() {
    let (table, rows) = sample(Dialect::Sqlite, 16);
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("t.db");
    for (n, page) in pages(Dialect::Sqlite, &table, &rows, 5).iter().enumerate() {
        let path = folder.path().join(format!("{n}.sql"));
        std::fs::write(&path, page).unwrap();
        run(Command::new("sqlite3")
            .arg("-bail")
            .arg(&file)
            .stdin(std::fs::File::open(&path).unwrap()));
    }
    // The shell's own .dump ends a text at NUL, so these are asked for.
    let table_name = Dialect::Sqlite.quote(&table.name.name);
    let db = rusqlite::Connection::open(&file).unwrap();
    let texts: StringArray = {
        let mut all = db.prepare(&format!("SELECT text FROM {table_name} ORDER BY id")).unwrap();
        let all = all.query_map([], |row| row.get::<_, Option<String>>(0)).unwrap();
        all.map(Result::unwrap).collect()
    };
    assert_eq!(rows.column_by_name("text").unwrap().as_ref(), &texts as &dyn Array);
    db.execute(&format!("DELETE FROM {table_name} WHERE instr(text, char(0))"), []).unwrap();
    drop(db);
    let has_nul = |text: Option<&str>| Some(!text.is_some_and(|t| t.contains('\0')));
    let keep: BooleanArray = texts.iter().map(has_nul).collect();
    let rows = arrow::compute::filter_record_batch(&rows, &keep).unwrap();
    let dump = run(Command::new("sqlite3").arg(&file).arg(".dump"));
    let (found, back) = read(&dump, &table.name.name, 1 << 16);
    same(&back, &rows);
    assert_eq!(found.schema.primary_key, table.primary_key);
}

/// mysqldump rounds floats, so they are asked for by themselves, as doubles; and so is the sign
/// of zero.
#[test]
fn floats_arrive_exactly() {
    let fields =
        [Field::new("f", DataType::Float32, true), Field::new("d", DataType::Float64, true)];
    let table = TableSchema::new(TableName::bare("floats"), fields);
    let floats = vec![f32::MAX, f32::MIN_POSITIVE, 1.1, 16_777_216.0, -0.0, 8.589_973e9, 1e-45];
    let doubles = vec![f64::MAX, f64::MIN_POSITIVE, 0.1 + 0.2, 5e-324, -0.0, 1e22, 1e23];
    for (kind, dialect) in [(Kind::MariaDb, Dialect::Mysql), (Kind::Postgres, Dialect::Postgres)] {
        let Some(server) = Server::shared(kind) else { continue };
        let adapted = adapt(dialect, &table, &table.name).unwrap().table;
        let rows = RecordBatch::try_new(
            adapted.arrow(),
            vec![
                Arc::new(Float32Array::from(floats.clone())),
                Arc::new(Float64Array::from(doubles.clone())),
            ],
        )
        .unwrap();
        let database = server.database();
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("1.sql");
        std::fs::write(&path, &pages(dialect, &adapted, &rows, 100)[0]).unwrap();
        execute(server, &database, &path);
        let sql = if kind.is_mysql() {
            "SELECT f + 0e0, d FROM floats"
        } else {
            "SELECT f, d FROM floats"
        };
        for (n, row) in database.rows(sql).iter().enumerate() {
            let f: f64 = row[0].as_ref().unwrap().parse().unwrap();
            let d: f64 = row[1].as_ref().unwrap().parse().unwrap();
            // MariaDB's zero has no sign.
            let unsigned = if kind == Kind::MariaDb { 0.0 } else { -0.0 };
            let (want_f, want_d) = (floats[n] + unsigned as f32, doubles[n] + unsigned);
            assert_eq!((f as f32).to_bits(), want_f.to_bits(), "{dialect}: {row:?}");
            assert_eq!(d.to_bits(), want_d.to_bits(), "{dialect}: {row:?}");
        }
    }
}

fn text() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        Just("'".to_owned()),
        Just("\\".to_owned()),
        Just("\"".to_owned()),
        Just("\r\n".to_owned()),
        Just("\\r".to_owned()),
        Just("\\0".to_owned()),
        Just(";--".to_owned()),
        Just("/*!".to_owned()),
        Just("$$".to_owned()),
        "[a-z]{0,3}",
        any::<char>().prop_map(String::from),
    ];
    prop::collection::vec(piece, 0..12).prop_map(|pieces| pieces.concat())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn any_rows_are_read_back(
        which in 0..Dialect::ALL.len(),
        rows in prop::collection::vec(
            (any::<Option<i64>>(), prop::option::of(text()), any::<Option<Vec<u8>>>(), any::<Option<f64>>(),
             prop::option::of(-62_135_596_800_000_000_i64..253_402_300_800_000_000)),
            1..12,
        ),
        chunk in 1usize..60,
        per_page in 1usize..12,
    ) {
        let dialect = Dialect::ALL[which];
        let nul = matches!(dialect, Dialect::Mysql | Dialect::Sqlite);
        let special = dialect == Dialect::Postgres;
        let texts = rows.iter().map(|r| r.1.clone().map(|t| if nul { t } else { t.replace('\0', "") }));
        let doubles = rows.iter().map(|r| r.3.filter(|d| special || d.is_finite()));
        let arrays: Vec<ArrayRef> = vec![
            Arc::new(rows.iter().map(|r| r.0).collect::<Int64Array>()),
            Arc::new(texts.collect::<StringArray>()),
            Arc::new(rows.iter().map(|r| r.2.as_deref()).collect::<BinaryArray>()),
            Arc::new(doubles.collect::<Float64Array>()),
            Arc::new(rows.iter().map(|r| r.4).collect::<TimestampMicrosecondArray>()),
        ];
        let fields = arrays.iter().enumerate().map(|(n, a)| {
            Field::new(format!("c'{n}"), a.data_type().clone(), true)
        });
        let table = TableSchema::new(TableName::new("a\"b", "c`d"), fields);
        let table = adapt(dialect, &table, &table.name).unwrap().table;
        let batch = RecordBatch::try_new(table.arrow(), arrays).unwrap();
        let script = pages(dialect, &table, &batch, per_page).concat();
        let (found, back) = read(&script, "c`d", chunk);
        prop_assert_eq!(found.rows, rows.len() as u64);
        // NaN equals no NaN: compared as text.
        prop_assert_eq!(format!("{:?}", back.columns()), format!("{:?}", batch.columns()));
    }

    #[test]
    fn no_bytes_are_a_panic(
        which in 0..=Dialect::ALL.len(),
        pieces in prop::collection::vec(prop_oneof![
            prop::collection::vec(any::<u8>(), 0..8),
            prop::sample::select(vec![
                "INSERT INTO t VALUES (", "CREATE TABLE t (a int, b text", "COPY t FROM stdin;\n", "'", "\"",
                "`", "(", ")", ",", ";", "/*!40101 ", "*/", "-- ", "\n", "DELIMITER //\n", "//", "$$", "$a$",
                "E'", "X'", "0x", "NULL", "1", "-", "::", "CAST(", " AS ", "replace(", "char(", "||", "\\", "\t",
                "BEGIN", "END", "CREATE TRIGGER x", "SET sql_mode=", "ALTER TABLE t ADD ", "PRIMARY KEY (a)",
                "unistr('\\", "_binary ", "INSERT INTO t (a, b) VALUES (1, 'x')", "CREATE INDEX i ON t (",
                "-- Syncline SQL, dialect mysql\n-- schema ", "COMMENT ON TABLE t IS ", "\\.", "DEFAULT ",
            ]).prop_map(|t| t.as_bytes().to_vec()),
        ], 0..30),
        chunk in 1usize..40,
    ) {
        let text = pieces.concat();
        let dialect = Dialect::ALL.get(which).copied();
        let options = ReadOptions { dialect, max_statement_bytes: 1 << 12, ..ReadOptions::default() };
        let run = |chunk: usize| {
            let mut catalog = ScriptCatalog::new(&options);
            let outcome = text.chunks(chunk).try_for_each(|c| catalog.push(c)).and_then(|()| catalog.finish());
            (outcome.map_err(|e| e.to_string()), catalog.tables())
        };
        let (outcome, tables) = run(text.len().max(1));
        // How it is cut changes nothing.
        if dialect.is_some() {
            let (again, same) = run(chunk);
            prop_assert_eq!(&again.is_ok(), &outcome.is_ok(), "{:?} {:?}", again, outcome);
            prop_assert_eq!(&same, &tables);
        }
        for table in &tables {
            let wanted = Arc::new(table.schema.clone());
            let mut reader = ScriptReader::new(&options, table, wanted, None).unwrap();
            reader.push(&text);
            reader.finish();
            let mut rows = 0;
            while let Ok(ScriptRead::Batch(batch)) = reader.next(3, 1 << 20) {
                rows += batch.rows.num_rows() + batch.rejects.len();
            }
            if outcome.is_ok() {
                prop_assert_eq!(rows as u64, table.rows);
            }
        }
    }
}
