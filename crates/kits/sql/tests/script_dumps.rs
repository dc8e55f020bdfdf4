//! Dumps that real servers' own tools made (MariaDB 10.11, PostgreSQL 15, SQLite 3.40), read back.
//! `tests/dumps/README.md` says from which statements.

#![allow(clippy::unwrap_used)] // helpers of tests are tests, too

use std::sync::Arc;

use arrow::array::{Array, AsArray, RecordBatch};
use arrow::compute::concat_batches;
use arrow::datatypes::{DataType, Date32Type, Decimal128Type, TimeUnit};
use arrow::util::display::{ArrayFormatter, FormatOptions};
use syncline_sql::Dialect;
use syncline_sql::script::{
    Place, ReadOptions, ScriptCatalog, ScriptRead, ScriptReader, ScriptTable,
};
use syncline_types::{Code, DefaultValue, Error, Reject, TableName, TableSchema, field};

fn dump(name: &str) -> Vec<u8> {
    std::fs::read(format!("{}/tests/dumps/{name}.sql", env!("CARGO_MANIFEST_DIR"))).unwrap()
}

fn catalog(text: &[u8], chunk: usize) -> Result<ScriptCatalog, Error> {
    let mut catalog = ScriptCatalog::new(&ReadOptions::default());
    for chunk in text.chunks(chunk) {
        catalog.push(chunk)?;
    }
    catalog.finish()?;
    Ok(catalog)
}

fn table(catalog: &ScriptCatalog, name: &str) -> ScriptTable {
    let tables = catalog.tables();
    let found = tables.iter().find(|t| t.schema.name.name == name);
    found.unwrap_or_else(|| panic!("no {name} in {tables:#?}")).clone()
}

/// All rows of a table, in batches of `rows`, from a place on.
fn read_from(
    text: &[u8],
    table: &ScriptTable,
    chunk: usize,
    rows: usize,
    from: Option<&Place>,
) -> (RecordBatch, Vec<Reject>, Vec<Place>) {
    let wanted = Arc::new(table.schema.clone());
    let options = ReadOptions::default();
    let mut reader = ScriptReader::new(&options, table, wanted.clone(), from).unwrap();
    let start = usize::try_from(from.map_or(0, |p| p.offset)).unwrap();
    let mut chunks = text[start..].chunks(chunk);
    let (mut batches, mut rejects, mut places) = (Vec::new(), Vec::new(), Vec::new());
    loop {
        match reader.next(rows, 1 << 20).unwrap() {
            ScriptRead::Input => match chunks.next() {
                Some(chunk) => reader.push(chunk),
                None => reader.finish(),
            },
            ScriptRead::Batch(batch) => {
                batches.push(batch.rows);
                rejects.extend(batch.rejects);
                places.push(batch.place);
            }
            ScriptRead::End => {
                return (concat_batches(&wanted.arrow(), &batches).unwrap(), rejects, places);
            }
        }
    }
}

fn read(text: &[u8], table: &ScriptTable) -> (RecordBatch, Vec<Reject>) {
    let (rows, rejects, _) = read_from(text, table, 4096, 1000, None);
    (rows, rejects)
}

/// As [`read`], without generated columns: dumps have no values of them.
fn read_plain(text: &[u8], table: &ScriptTable) -> (RecordBatch, Vec<Reject>) {
    let mut plain = table.clone();
    plain.schema.columns.retain(|c| c.generated.is_none());
    read(text, &plain)
}

/// A value as text.
fn show(rows: &RecordBatch, column: &str, row: usize) -> String {
    let array = rows.column_by_name(column).unwrap_or_else(|| panic!("no column {column}"));
    if array.is_null(row) {
        return "NULL".into();
    }
    // Without names of zones in Arrow's build, an instant is shown as its time in UTC.
    let plain = DataType::Timestamp(TimeUnit::Microsecond, None);
    let array = match array.data_type() {
        DataType::Timestamp(..) => arrow::compute::cast(array, &plain).unwrap(),
        _ => array.clone(),
    };
    ArrayFormatter::try_new(&array, &FormatOptions::default()).unwrap().value(row).to_string()
}

fn row_of(rows: &RecordBatch, row: usize) -> Vec<String> {
    rows.schema().fields().iter().map(|f| show(rows, f.name(), row)).collect()
}

fn check(rows: &RecordBatch, row: usize, want: &[(&str, &str)]) {
    for (column, value) in want {
        assert_eq!(show(rows, column, row), *value, "column {column}");
    }
}

const MYSQL_FIRST: [(&str, &str); 28] = [
    ("id", "100"),
    ("ti", "-128"),
    ("tiu", "255"),
    ("siu", "65535"),
    ("iu", "4294967295"),
    ("bi", "-9223372036854775808"),
    ("d", "99.99"),
    ("dbig", "12345678901234567890123456789012345.123456789012345678901234567890"),
    ("f", "1.1"),
    ("db", "1.7976931348623157e308"),
    ("bt", "11111111"),
    ("bt1", "1"),
    ("c", "a'b"),
    ("vc", "cafu00e9; -- x"),
    ("tx", "line1\nline2\r\ntab\t nul\0 back\\slash \" 😀 \u{1a}"),
    ("bn", "00ff2762"),
    ("vb", ""),
    ("bl", "275c0a0d001a"),
    ("da", "0001-01-01"),
    ("dt", "9999-12-31T23:59:59.999999"),
    ("ts", "2038-01-19T03:14:07.999"),
    ("tm", "-PT3020399.000001S"),
    ("y", "2155"),
    ("e", "b'c"),
    ("s", "x,z"),
    ("j", "{\"a\": [1, \"x\\n\"]}"),
    ("u", "123e4567e89b12d3a456426655440000"),
    ("gens", "-4294"),
];

/// What a table is made of beside types and plain keys, one line each.
fn made_of(table: &TableSchema) -> Vec<String> {
    let mut lines = Vec::new();
    for column in &table.columns {
        let name = column.name();
        let generated = column.generated.as_ref();
        lines.extend(generated.map(|g| format!("column {name}: generated ({})", g.expression.sql)));
        lines.extend(column.attributes.as_ref().map(|a| format!("column {name}: {}", a.sql)));
    }
    for check in &table.checks {
        let name = check.name.as_deref().unwrap_or("-");
        lines.push(format!("check {name}: {}", check.condition.sql));
    }
    for key in &table.foreign_keys {
        let attributes = key.attributes.as_ref().map(|a| a.sql.as_str()).unwrap_or_default();
        lines.push(format!(
            "key {}: {:?} → {} {:?}, delete {}, update {} {attributes}",
            key.name,
            key.columns,
            key.references,
            key.referenced,
            key.on_delete.sql(),
            key.on_update.sql()
        ));
    }
    for index in &table.indexes {
        let definition = index.definition.as_ref();
        lines.extend(definition.map(|d| format!("index {}: {}", index.name, d.sql)));
    }
    lines.extend(table.options.as_ref().map(|o| format!("options: {}", o.sql)));
    if let Some(partitioning) = &table.partitioning {
        lines.push(format!("partitions: {}", partitioning.by.sql));
        for part in &partitioning.partitions {
            lines.push(format!("part {} of {}: {}", part.name, part.parent, part.bounds.sql));
        }
    }
    lines.extend(table.requires.iter().map(|r| format!("needs {} {}", r.kind, r.name)));
    lines.sort();
    lines
}

const POSTGRES_MADE_OF: [&str; 7] = [
    "column gen: generated ((s * 2))",
    "index ixe: USING btree (lower(t))",
    "index ixp: USING btree (s) WHERE (s > 1)",
    "needs domain public.dom",
    "needs extension hstore",
    "needs type public.comp",
    "needs type public.mood",
];

#[test]
fn mariadb_dumps_are_read_with_every_type() {
    for name in ["my", "my_hex"] {
        let text = dump(name);
        let catalog = catalog(&text, 1000).unwrap();
        assert_eq!(catalog.dialect(), Dialect::Mysql);
        let all = table(&catalog, "t_all");
        let (rows, rejects) = read(&text, &all);
        assert_eq!((all.rows, rows.num_rows(), rejects.len()), (3, 3, 0), "{name}");
        check(&rows, 0, &MYSQL_FIRST);
        assert!(show(&rows, "g", 0).starts_with("e61000000103"), "SRID, then WKB");
        assert!(row_of(&rows, 1)[1..].iter().all(|v| v == "NULL"));
        // A zero date is in no calendar, and is not made NULL.
        let zero = rows.column_by_name("da").unwrap().as_primitive::<Date32Type>();
        assert!(zero.iter().any(|day| day == Some(field::NO_DAY)), "{zero:?}");

        let s = &all.schema;
        assert_eq!(s.primary_key, ["id"]);
        assert_eq!(s.column("id").unwrap().identity.unwrap().next, Some(103));
        assert_eq!(s.comment.as_deref(), Some("table; comment"));
        let vc = s.column("vc").unwrap();
        assert_eq!(vc.comment.as_deref(), Some("a; comment -- with 'quotes'"));
        assert_eq!(field::get(&vc.field, field::CHARSET), Some("latin1"));
        assert_eq!(s.column("c").unwrap().default, Some(DefaultValue::Value("it's".into())));
        assert_eq!(s.column("gen").unwrap().generated.as_ref().unwrap().expression.sql, "`i` + 1");
        assert_eq!(field::logical(&s.column("j").unwrap().field), Some("json"));
        let uq = &s.indexes[0];
        assert!(uq.unique && uq.parts[1].prefix == Some(20) && s.indexes[1].parts[1].descending);
    }
}

#[test]
fn bodies_of_triggers_and_routines_are_no_rows() {
    let text = dump("my");
    let catalog = catalog(&text, 50).unwrap();
    let mut names: Vec<String> =
        catalog.tables().iter().map(|t| t.schema.name.name.clone()).collect();
    names.sort();
    assert_eq!(names, ["cust", "nokey", "ord", "t_all"]);
    assert_eq!(table(&catalog, "cust").rows, 2);
    let (rows, _) = read(&text, &table(&catalog, "nokey"));
    assert_eq!(row_of(&rows, 1), ["1", "-- no"]);
    assert!(catalog.skipped() > 50);
}

#[test]
fn other_forms_of_mariadb_dumps_are_read() {
    for (name, chunk) in [("my_rep", 7), ("my_ansi", 31)] {
        let text = dump(name);
        let catalog = catalog(&text, chunk).unwrap();
        let cust = table(&catalog, "cust");
        let (rows, rejects) = read(&text, &cust);
        assert!(rejects.is_empty());
        assert_eq!(row_of(&rows, 1), ["2", "y;z"], "{name}");
        assert_eq!(cust.schema.primary_key, ["id"]);
    }
}

#[test]
fn postgres_dumps_are_read_with_every_type() {
    for name in ["pg_ins", "pg_col", "pg_copy"] {
        let text = dump(name);
        let catalog = catalog(&text, 1000).unwrap();
        assert_eq!(catalog.dialect(), Dialect::Postgres);
        let all = table(&catalog, "t_all");
        assert_eq!(all.schema.name, TableName::new("public", "t_all"));
        let (rows, rejects) = read_plain(&text, &all);
        assert_eq!((all.rows, rows.num_rows(), rejects.len()), (3, 3, 0), "{name}");
        let nan = rows.column_by_name("n").unwrap().as_primitive::<Decimal128Type>();
        assert_eq!(nan.value(1), i128::MIN, "NaN, as the field says");
        let infinity = rows.column_by_name("da").unwrap().as_primitive::<Date32Type>();
        assert_eq!(infinity.value(1), i32::MAX);
        let error = read(&text, &all).1.remove(0).error;
        assert!(error.message().contains("computed from others"), "{error}");
        check(
            &rows,
            0,
            &[
                ("id", "1"),
                ("b", "true"),
                ("r", "1.1"),
                ("d", "1e308"),
                ("n", "99.99"),
                ("nn", "123456789012345678901234567890.123456789"),
                ("big", &"9".repeat(76)),
                ("c", "ab   "),
                ("t", "line1\nline2\r\t\\ back ' q -- $$ 😀"),
                ("by", "00ff27"),
                ("da", "-0043-03-15"),
                ("ts", "-0043-03-15T01:02:03.000001"),
                ("tz", "2020-06-01T10:00:00"),
                ("tmz", "12:00:00+05:30"),
                ("iv", "1 year 2 mons -3 days +04:05:06.7"),
                ("u", "123e4567e89b12d3a456426655440000"),
                ("jb", "{\"b\": [1, 2]}"),
                ("m", "o'k"),
                ("ar", "{1,NULL,3}"),
                ("ta", "{{a,\"b,c\"},{d,\"e\\\"f\"}}"),
                ("bi", "10101"),
                ("vb", "111"),
                ("cm", "(1,\"x,y\")"),
                ("dm", "5.5"),
                ("Odd \"name", "odd"),
            ],
        );
        let s = &all.schema;
        let computed = s.column("gen").unwrap().generated.as_ref().unwrap();
        assert_eq!((computed.expression.sql.as_str(), computed.stored), ("(s * 2)", true));
        assert_eq!(made_of(s), POSTGRES_MADE_OF, "{name}");
        assert_eq!(s.primary_key, ["id"]);
        assert_eq!(s.column("id").unwrap().identity.unwrap().next, Some(4));
        assert!(s.column("i").unwrap().identity.unwrap().always);
        assert_eq!(
            field::get(&s.column("m").unwrap().field, field::MEMBERS),
            Some(r#"["sad","o'k","happy"]"#)
        );
        assert_eq!(s.column("t").unwrap().comment.as_deref(), Some("col 'comment'"));
        assert_eq!(
            s.indexes.iter().map(|i| (i.name.as_str(), i.unique)).collect::<Vec<_>>(),
            [("ix", false), ("ixe", false), ("ixp", false), ("uq", true)]
        );

        let odd = table(&catalog, "T.b");
        assert_eq!(odd.schema.name, TableName::new("odd sch", "T.b"));
        assert_eq!(row_of(&read(&text, &odd).0, 0), ["1", "$$;$$"]);
        let part = table(&catalog, "part");
        assert_eq!(row_of(&read(&text, &part).0, 1), ["2", "tab\tand \\N \\ back\u{8}"]);
        assert_eq!(
            made_of(&part.schema),
            [
                "part public.part_1 of public.part: FOR VALUES FROM (0) TO (10)",
                "partitions: RANGE (id)",
            ]
        );
        let ord = table(&catalog, "ord");
        let key =
            "key ord_c_fkey: [\"c\"] → public.cust [\"id\"], delete NO ACTION, update NO ACTION ";
        assert_eq!(made_of(&ord.schema), [key]);
        let cust = table(&catalog, "cust");
        assert!(cust.schema.indexes[0].constraint && cust.schema.indexes[0].unique);
        assert_eq!(catalog.left(), ["functions: fn", "owners: postgres", "views: v"]);
        assert!(ord.notes.iter().any(|n| n == "triggers are not copied: tg"), "{:?}", ord.notes);
    }
}

#[test]
fn sqlite_dumps_are_read() {
    let text = dump("lite");
    let catalog = catalog(&text, 13).unwrap();
    assert_eq!(catalog.dialect(), Dialect::Sqlite);
    assert_eq!(catalog.tables().len(), 2, "sqlite_sequence is not a table of the user");
    let id = table(&catalog, "t").schema.columns[0].identity;
    assert_eq!(id.unwrap().next, Some(4));
    let t = table(&catalog, "t");
    let (rows, rejects) = read(&text, &t);
    check(
        &rows,
        0,
        &[
            ("a", "9223372036854775807"),
            ("b", "it's"),
            ("d", "00ff"),
            ("e", "10.25"),
            ("h", "true"),
        ],
    );
    // '' is no timestamp, and a text in an integer column is no integer: SQLite takes both.
    let codes: Vec<Code> = rejects.iter().map(|r| r.error.code()).collect();
    assert_eq!(codes, [Code::Conversion, Code::Conversion]);
    assert!(rejects[1].error.message().starts_with("t, line 6, column \"a\""));
}

#[test]
fn chunks_may_end_anywhere() {
    for name in ["my", "my_hex", "pg_ins", "pg_copy", "lite"] {
        let text = dump(name);
        let whole = catalog(&text, text.len()).unwrap();
        let want: Vec<_> =
            whole.tables().iter().map(|t| read_from(&text, t, text.len(), 1000, None).0).collect();
        for chunk in [1, 2, 3, 7, 64, 1021] {
            let cut = catalog(&text, chunk).unwrap();
            assert_eq!(cut.tables(), whole.tables(), "{name} {chunk}");
            for (t, want) in cut.tables().iter().zip(&want) {
                assert_eq!(read_from(&text, t, chunk, 1000, None).0, *want, "{name} {chunk}");
            }
        }
    }
}

#[test]
fn reading_goes_on_from_every_place() {
    for name in ["my", "my_hex", "pg_col", "pg_copy", "lite"] {
        let text = dump(name);
        for t in catalog(&text, 4096).unwrap().tables() {
            let (rows, rejects, places) = read_from(&text, &t, 100, 1, None);
            assert_eq!(places.len() as u64, t.rows);
            let mut seen = 0;
            for (at, place) in places.iter().enumerate() {
                // A place is kept as text.
                let token = serde_json::to_string(place).unwrap();
                let place: Place = serde_json::from_str(&token).unwrap();
                let (rest, later, _) = read_from(&text, &t, 100, 10, Some(&place));
                assert_eq!(rest.num_rows() + later.len(), places.len() - at - 1, "{name}");
                let lines: Vec<String> = later.iter().map(|r| r.error.to_string()).collect();
                let all: Vec<String> = rejects.iter().map(|r| r.error.to_string()).collect();
                assert!(all.ends_with(&lines), "line numbers hold: {lines:?} {all:?}");
                seen = rows.num_rows() - rest.num_rows();
                assert_eq!(rest, rows.slice(seen, rest.num_rows()), "{name} from {place:?}");
            }
            assert_eq!(seen, rows.num_rows());
            if let Some(start) = &t.start {
                assert_eq!(read_from(&text, &t, 100, 10, Some(start)).0, rows, "{name}");
            }
        }
    }
}

#[test]
fn columns_can_be_chosen() {
    let text = dump("my");
    let t = table(&catalog(&text, 4096).unwrap(), "t_all");
    let mut wanted = t.schema.clone();
    wanted.columns = ["tx", "id"].iter().map(|n| t.schema.column(n).unwrap().clone()).collect();
    let mut reader =
        ScriptReader::new(&ReadOptions::default(), &t, Arc::new(wanted.clone()), None).unwrap();
    reader.push(&text);
    reader.finish();
    let ScriptRead::Batch(batch) = reader.next(10, 1 << 20).unwrap() else { panic!("no rows") };
    assert_eq!((batch.rows.num_columns(), batch.rows.num_rows()), (2, 3));
    assert_eq!(batch.rows.schema(), wanted.arrow());
    assert_eq!(show(&batch.rows, "id", 2), "102");
    wanted.columns[0] =
        syncline_types::Column::new(wanted.columns[0].field.clone().with_name("tx_"));
    let error =
        ScriptReader::new(&ReadOptions::default(), &t, Arc::new(wanted), None).err().unwrap();
    assert_eq!(error.code(), Code::ColumnNotFound);
    assert!(error.message().contains("did you mean \"tx\"?"), "{error}");
}

#[test]
fn dumps_that_are_cut_short_are_refused() {
    for name in ["my", "pg_ins", "pg_copy"] {
        let text = dump(name);
        for cut in (1..20).map(|n| text.len() * n / 20) {
            let error = catalog(&text[..cut], 512).err();
            let error = error.unwrap_or_else(|| panic!("{name} cut at {cut} was taken"));
            assert_eq!(error.code(), Code::Corrupt, "{name} cut at {cut}: {error}");
        }
    }
}

/// Statements that carry or change rows and are not read; none may be passed over.
#[test]
fn rows_that_are_not_read_are_an_error() {
    for (dialect, text) in [
        (Dialect::Mysql, "INSERT INTO t SELECT * FROM u;"),
        (Dialect::Mysql, "INSERT INTO t (a) SELECT 1;"),
        (Dialect::Mysql, "INSERT INTO t VALUES (1) ON DUPLICATE KEY UPDATE a = 2;"),
        (Dialect::Mysql, "INSERT INTO t VALUES (1) AS new ON DUPLICATE KEY UPDATE a = new.a;"),
        (Dialect::Mysql, "LOAD DATA INFILE 'x' INTO TABLE t;"),
        (Dialect::Mysql, "source other.sql\n"),
        (Dialect::Mysql, "UPDATE t SET a = 1;"),
        (Dialect::Mysql, "INSERT INTO t VALUES (1); DELETE FROM t WHERE a = 1;"),
        (Dialect::Mysql, "INSERT INTO t VALUES (1); TRUNCATE TABLE t;"),
        (Dialect::Mysql, "INSERT INTO t VALUES (1); DROP TABLE IF EXISTS `t`;"),
        (Dialect::Mysql, "CREATE TABLE t (a int) AS SELECT 1;".replace("(a int) ", "").leak()),
        (Dialect::Postgres, "INSERT INTO t DEFAULT VALUES;"),
        (Dialect::Postgres, "INSERT INTO t VALUES (1) ON CONFLICT (a) DO UPDATE SET a = 2;"),
        (Dialect::Postgres, "INSERT INTO t VALUES (1) RETURNING a;"),
        (Dialect::Postgres, "WITH x AS (SELECT 1) INSERT INTO t SELECT * FROM x;"),
        (Dialect::Postgres, "COPY t FROM '/tmp/x';"),
        (Dialect::Postgres, "COPY t FROM stdin WITH (FORMAT csv);\n1\n\\.\n"),
        (Dialect::Postgres, "\\copy t from 'x'\n"),
        (Dialect::Mysql, "CREATE TABLE t LIKE other;"),
        (Dialect::Postgres, "CREATE TABLE u (a int); CREATE TABLE t (LIKE u INCLUDING DEFAULTS);"),
        (Dialect::Sqlite, ".import x t\n"),
    ] {
        let options = ReadOptions { dialect: Some(dialect), ..ReadOptions::default() };
        let mut catalog = ScriptCatalog::new(&options);
        let error = catalog.push(text.as_bytes()).and_then(|()| catalog.finish()).err();
        let error = error.unwrap_or_else(|| panic!("{text} was passed over"));
        assert_eq!(error.code(), Code::Unsupported, "{text}: {error}");
        assert!(error.message().starts_with("line 1"), "{text}: {error}");
    }
}

/// The rows of table `t` of a text, as texts; NULL as `NULL`, a row that is refused as its error.
fn rows_of(dialect: Option<Dialect>, zone: Option<&str>, text: &[u8]) -> Vec<Vec<String>> {
    let time_zone = zone.map(str::to_owned);
    let options = ReadOptions { dialect, time_zone, ..ReadOptions::default() };
    let mut catalog = ScriptCatalog::new(&options);
    catalog.push(text).unwrap();
    catalog.finish().unwrap();
    let t = table(&catalog, "t");
    let wanted = Arc::new(t.schema.clone());
    let mut reader = ScriptReader::new(&options, &t, wanted, None).unwrap();
    reader.push(text);
    reader.finish();
    let mut all = Vec::new();
    while let ScriptRead::Batch(batch) = reader.next(1, 1 << 20).unwrap() {
        all.extend((0..batch.rows.num_rows()).map(|row| row_of(&batch.rows, row)));
        all.extend(batch.rejects.iter().map(|r| vec![r.error.to_string()]));
    }
    all
}

#[test]
fn what_a_session_sets_changes_what_literals_mean() {
    let mysql = |text: &[u8]| rows_of(Some(Dialect::Mysql), None, text);
    let create = "CREATE TABLE t (a text, b text);";
    let insert = r#"INSERT INTO t VALUES ('x\ny', "q");"#;
    assert_eq!(mysql(format!("{create}{insert}").as_bytes()), [["x\ny", "q"]]);
    let text = format!("SET sql_mode='NO_BACKSLASH_ESCAPES';{create}{insert}");
    assert_eq!(mysql(text.as_bytes()), [["x\\ny", "q"]]);
    let text =
        "SET sql_mode='ANSI_QUOTES';CREATE TABLE \"t\" (a text);INSERT INTO \"t\" VALUES ('x');";
    assert_eq!(mysql(text.as_bytes()), [["x"]]);
    let latin = b"SET NAMES latin1;CREATE TABLE t (a text);INSERT INTO t VALUES ('caf\xe9 \x80');";
    assert_eq!(mysql(latin), [["caf\u{e9} \u{20ac}"]]);
    let bad = b"CREATE TABLE t (a text);INSERT INTO t VALUES ('caf\xe9'),('ok');";
    let rows = mysql(bad);
    assert!(rows[0][0].contains("not UTF-8") && rows[1] == ["ok"], "{rows:?}");

    let stamps = "CREATE TABLE t (a timestamp);INSERT INTO t VALUES ('2020-01-01 12:00:00');";
    let rows = mysql(stamps.as_bytes());
    assert!(rows[0][0].contains("no time zone"), "an unknown zone is not guessed: {rows:?}");
    let text = format!("SET time_zone='-03:00';{stamps}");
    assert_eq!(mysql(text.as_bytes()), [["2020-01-01T15:00:00"]]);
    let given = rows_of(Some(Dialect::Mysql), Some("+02:00"), stamps.as_bytes());
    assert_eq!(given, [["2020-01-01T10:00:00"]]);

    let text = r"SET standard_conforming_strings = off;CREATE TABLE t (a text);INSERT INTO t VALUES ('x\ny');";
    assert_eq!(rows_of(Some(Dialect::Postgres), None, text.as_bytes()), [["x\ny"]]);
    let text = "USE a;CREATE TABLE t (x int);USE b;CREATE TABLE t (x int);INSERT INTO t VALUES (1);INSERT INTO a.t VALUES (2);";
    let mut catalog = ScriptCatalog::new(&ReadOptions {
        dialect: Some(Dialect::Mysql),
        ..ReadOptions::default()
    });
    catalog.push(text.as_bytes()).unwrap();
    catalog.finish().unwrap();
    let rows: Vec<_> =
        catalog.tables().iter().map(|t| (t.schema.name.to_string(), t.rows)).collect();
    assert_eq!(rows, [("a.t".to_owned(), 1), ("b.t".to_owned(), 1)]);
}

#[test]
fn a_script_that_was_decoded_may_name_its_encoding() {
    let text = "SET NAMES gbk; CREATE TABLE t (a varchar(9)); INSERT INTO t VALUES ('é中');";
    let options =
        ReadOptions { dialect: Some(Dialect::Mysql), decoded: true, ..ReadOptions::default() };
    let mut catalog = ScriptCatalog::new(&options);
    catalog.push(text.as_bytes()).and_then(|()| catalog.finish()).unwrap();
    let t = table(&catalog, "t");
    let wanted = Arc::new(t.schema.clone());
    let mut reader = ScriptReader::new(&options, &t, wanted, None).unwrap();
    reader.push(text.as_bytes());
    reader.finish();
    let ScriptRead::Batch(batch) = reader.next(9, 1 << 20).unwrap() else { panic!("rows") };
    assert_eq!(row_of(&batch.rows, 0), ["é中"]);
    let plain = ReadOptions { decoded: false, ..options };
    let mut catalog = ScriptCatalog::new(&plain);
    let error = catalog.push(text.as_bytes()).and_then(|()| catalog.finish()).unwrap_err();
    assert!(error.hint_text().is_some_and(|hint| hint.contains("?charset=gbk")), "{error}");
}

#[test]
fn rows_written_as_assignments_are_read() {
    let text = b"CREATE TABLE t (a int, b varchar(9), c int);
        INSERT INTO t SET b = 'x, y', a = -1;
        INSERT IGNORE INTO `t` SET a = 2, b = concat('a', ',b'), c = 3;
        INSERT INTO t SET c = (4), `a` = DEFAULT;";
    let rows = rows_of(Some(Dialect::Mysql), None, text);
    assert_eq!(rows.len(), 3);
    assert_eq!(rows[0], ["-1", "x, y", "NULL"]);
    assert!(rows[1][0].contains("expression"), "{rows:?}");
    assert_eq!(rows[2], ["NULL", "NULL", "4"]);
}

#[test]
fn a_dialect_is_not_guessed_where_it_matters() {
    let read = |text: &str| rows_of(None, None, text.as_bytes());
    assert_eq!(read("INSERT INTO t VALUES (1, 'it''s', NULL);"), [["1", "it's", "NULL"]]);
    let mut catalog = ScriptCatalog::new(&ReadOptions::default());
    catalog.push(br"INSERT INTO t VALUES ('a\nb');").unwrap();
    let error = catalog.finish().unwrap_err();
    assert_eq!(error.code(), Code::Corrupt);
    assert!(error.hint_text().unwrap().contains("dialect=mysql"), "{error}");
}

#[test]
fn what_is_no_statement_is_not_passed_over() {
    let text = b"\xef\xbb\xbfINSERT INTO t VALUES ('\xef\xbb\xbf');";
    assert_eq!(rows_of(Some(Dialect::Postgres), None, text), [["\u{feff}"]], "a byte order mark");
    for (text, code) in [
        (&b"PGDMP\x01\x0e"[..], Code::Unsupported),
        (b"\xff\xfeI\0N\0", Code::Unsupported),
        (b"INSRT INTO t VALUES (1);", Code::Corrupt),
        (b"INSERT INTO t VALUES (1) (2);", Code::Corrupt),
        (b"(1, 2);", Code::Corrupt),
        (b"<?xml version=\"1.0\"?>;", Code::Corrupt),
    ] {
        let mut catalog = ScriptCatalog::new(&ReadOptions::default());
        let error = catalog.push(text).and_then(|()| catalog.finish()).unwrap_err();
        assert_eq!(error.code(), code, "{error}");
    }
}

#[test]
fn without_create_table_columns_are_text() {
    let text =
        b"INSERT INTO t (b, a) VALUES (1.50, TRUE), ('x', NULL);\nINSERT INTO t (a) VALUES ('y');";
    let rows = rows_of(Some(Dialect::Postgres), None, text);
    assert_eq!(rows, [["1.50", "true"], ["x", "NULL"], ["NULL", "y"]]);
}

#[test]
fn values_that_do_not_fit_are_refused_one_by_one() {
    let text =
        "CREATE TABLE t (a tinyint unsigned NOT NULL, b decimal(5,2), c varchar(9) DEFAULT 'dflt');
INSERT INTO t VALUES (1, 1.50, 'ok'),
(256, 1, 'x'), (-1, 1, 'x'), (1, 1.555, 'x'),
('one', 1, 'x'), (NULL, 1, 'x'), (1, 1), (NOW(), 1, 'x'),
(2, 12345.6, 'x'), (3, -0.01, DEFAULT);
INSERT INTO t (a) VALUES (4);
REPLACE INTO t (A, B) VALUES (5, '6');";
    let rows = rows_of(Some(Dialect::Mysql), None, text.as_bytes());
    let good: Vec<Vec<String>> = rows.iter().filter(|r| r.len() == 3).cloned().collect();
    let want =
        [["1", "1.50", "ok"], ["3", "-0.01", "dflt"], ["4", "NULL", "dflt"], ["5", "6.00", "dflt"]];
    assert_eq!(good, want);
    let errors: Vec<&String> = rows.iter().filter(|r| r.len() == 1).map(|r| &r[0]).collect();
    assert_eq!(errors.len(), 8);
    assert_eq!(errors[0], "t, line 3, column \"a\": 256 is beyond the column's range");
    assert_eq!(errors[2], "t, line 3, column \"b\": 1.555 has more than 2 digits after its point");
    assert_eq!(errors[3], "t, line 4, column \"a\": 'one' is not an integer");
    assert_eq!(errors[4], "t, line 4, column \"a\": NULL where the column takes none");
    assert_eq!(errors[5], "t, line 4: 2 values for 3 columns");
    assert_eq!(errors[6], "t, line 4: a value is an expression, not a literal");
}

/// As mysqldump of MySQL 8 writes: introducers, columns without the generated ones, version
/// comments within a table.
#[test]
fn forms_of_mysql_8_are_read() {
    let text = r"-- MySQL dump 10.13  Distrib 8.0.33
SET @@GLOBAL.GTID_PURGED=/*!80000 '+'*/ 'aaaa-bb:1-5';
CREATE TABLE `t` (
  `id` int unsigned NOT NULL AUTO_INCREMENT,
  `b` varbinary(16) DEFAULT NULL,
  `s` varchar(9) COLLATE utf8mb4_bin NOT NULL DEFAULT _utf8mb4'a\'b',
  `h` int /*!80023 INVISIBLE */ DEFAULT '7',
  `g` int GENERATED ALWAYS AS ((`id` + 1)) VIRTUAL,
  `u` binary(16) DEFAULT (uuid_to_bin(uuid())),
  PRIMARY KEY (`id`),
  KEY `k` (`s`) /*!80000 INVISIBLE */,
  KEY `f` ((lower(`s`))),
  CONSTRAINT `c` CHECK ((`h` > 0))
) ENGINE=InnoDB AUTO_INCREMENT=9 DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_0900_ai_ci /*!50100 PARTITION BY HASH (id) PARTITIONS 2 */;
INSERT INTO `t` (`id`, `b`, `s`, `h`, `u`) VALUES (1,_binary 'a\0\'',_utf8mb4'x',3,0x00112233445566778899AABBCCDDEEFF),(2,NULL,'',4,NULL);
-- Dump completed on 2026-01-01
";
    let catalog = catalog(text.as_bytes(), 40).unwrap();
    let t = table(&catalog, "t");
    let names: Vec<&str> = t.schema.columns.iter().map(|c| c.name()).collect();
    assert_eq!(names, ["id", "b", "s", "h", "g", "u"]);
    assert_eq!(t.schema.column("s").unwrap().default, Some(DefaultValue::Value("a'b".into())));
    assert_eq!(t.schema.column("id").unwrap().identity.unwrap().next, Some(9));
    assert_eq!(
        made_of(&t.schema),
        [
            "check c: `h` > 0",
            "column g: generated (`id` + 1)",
            "column h: INVISIBLE",
            "index f: KEY `f` ((lower(`s`)))",
            "index k: KEY `k` (`s`)  INVISIBLE",
            "options: ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_0900_ai_ci",
            "partitions: PARTITION BY HASH (id) PARTITIONS 2",
        ]
    );
    let (rows, rejects) = read_plain(text.as_bytes(), &t);
    assert!(rejects.is_empty(), "{rejects:?}");
    assert_eq!(row_of(&rows, 0), ["1", "610027", "x", "3", "00112233445566778899aabbccddeeff"]);
}

#[test]
fn endless_statements_and_rows_are_refused() {
    let options = ReadOptions {
        dialect: Some(Dialect::Mysql),
        max_statement_bytes: 10_000,
        ..ReadOptions::default()
    };
    for start in ["CREATE TABLE t (", "INSERT INTO t VALUES ('", "/* "] {
        let mut catalog = ScriptCatalog::new(&options);
        let mut outcome = catalog.push(start.as_bytes());
        for _ in 0..100 {
            outcome = outcome.and_then(|()| catalog.push(&[b'x'; 1000]));
        }
        assert_eq!(outcome.unwrap_err().code(), Code::Corrupt, "{start}");
    }
}

/// A row of many chunks is not looked at again and again.
#[test]
fn a_huge_row_is_read_in_small_chunks() {
    let mut text = b"CREATE TABLE t (a longblob, b int);INSERT INTO t VALUES (0x".to_vec();
    text.extend(std::iter::repeat_n(b"7F", 4 << 20).flatten());
    text.extend_from_slice(b",1),('',2);");
    let options = ReadOptions { dialect: Some(Dialect::Mysql), ..ReadOptions::default() };
    let mut catalog = ScriptCatalog::new(&options);
    for chunk in text.chunks(4096) {
        catalog.push(chunk).unwrap();
    }
    catalog.finish().unwrap();
    let t = table(&catalog, "t");
    let (rows, rejects) = read(&text, &t);
    assert!(rejects.is_empty());
    assert_eq!(rows.column(0).as_binary::<i32>().value(0).len(), 4 << 20);
}
