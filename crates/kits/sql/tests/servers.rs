//! What the kit writes, run by the servers it is written for: created tables, literals, ranges.

#![allow(clippy::unwrap_used)]

use std::sync::Arc;

use arrow::array::{
    ArrayRef, BinaryArray, BooleanArray, Date32Array, Decimal128Array, DurationMicrosecondArray,
    FixedSizeBinaryArray, Float32Array, Float64Array, Int64Array, RecordBatch, StringArray,
    Time64MicrosecondArray, TimestampMicrosecondArray, UInt8Array, UInt64Array,
};
use arrow::datatypes::{DataType, Field};
use syncline_sql::{
    ColumnWriter, Dialect, KeyColumn, KeyRange, KeyValue, adapt, comments, create_indexes,
    create_table, moment, order_by, predicate,
};
use syncline_testkit::{Database, Kind, Server};
use syncline_types::{DefaultValue, Identity, Index, IndexPart, TableName, TableSchema, field};

fn servers() -> Vec<(Kind, Dialect, Database)> {
    [Kind::MariaDb, Kind::MySql, Kind::Postgres, Kind::Postgres17]
        .into_iter()
        .filter_map(|kind| {
            let dialect = if kind.is_mysql() { Dialect::Mysql } else { Dialect::Postgres };
            Some((kind, dialect, Server::shared(kind)?.database()))
        })
        .collect()
}

/// Columns of every canonical type, with a logical type, two values each and NULL.
fn columns() -> Vec<(&'static str, &'static str, ArrayRef)> {
    let stamp = |day: i64| day * moment::DAY + 1;
    let (first, last) = (moment::days(1000, 1, 1).unwrap(), moment::days(9999, 12, 31).unwrap());
    let decimal = |values: Vec<Option<i128>>, p, s| -> ArrayRef {
        Arc::new(Decimal128Array::from(values).with_precision_and_scale(p, s).unwrap())
    };
    let stamps =
        || TimestampMicrosecondArray::from(vec![Some(stamp(first)), Some(stamp(last)), None]);
    vec![
        ("id", "", Arc::new(Int64Array::from(vec![i64::MIN + 1, 0x7fff_ffff, 3]))),
        ("u8", "", Arc::new(UInt8Array::from(vec![Some(0), Some(255), None]))),
        ("u64", "", Arc::new(UInt64Array::from(vec![Some(0), Some(u64::MAX), None]))),
        ("b", "", Arc::new(BooleanArray::from(vec![Some(true), Some(false), None]))),
        ("f4", "", Arc::new(Float32Array::from(vec![Some(0.1), Some(f32::MIN_POSITIVE), None]))),
        ("f8", "", Arc::new(Float64Array::from(vec![Some(0.1), Some(1.797e308), None]))),
        ("d", "", decimal(vec![Some(-5), Some(10_i128.pow(37)), None], 38, 10)),
        ("n", "decimal", Arc::new(StringArray::from(vec![Some("-0.10"), Some("12"), None]))),
        (
            "t",
            "",
            Arc::new(StringArray::from(vec![Some("it's \\ \"q\" `b`\n\t😀"), Some(""), None])),
        ),
        (
            "j",
            "json",
            Arc::new(StringArray::from(vec![
                Some(r#"{"a":  1.50, "b": "\u00e9'"}"#),
                Some("[]"),
                None,
            ])),
        ),
        ("e", "enum", Arc::new(StringArray::from(vec![Some("it's"), Some("sad"), None]))),
        ("x", "bit", Arc::new(StringArray::from(vec![Some("0101"), Some("1"), None]))),
        ("raw", "", Arc::new(BinaryArray::from(vec![Some(&b"\0\\x'\xff"[..]), Some(b""), None]))),
        (
            "id16",
            "uuid",
            Arc::new(
                FixedSizeBinaryArray::try_from_sparse_iter_with_size(
                    [Some([0xab_u8; 16]), Some([0; 16]), None].into_iter(),
                    16,
                )
                .unwrap(),
            ),
        ),
        (
            "day",
            "",
            Arc::new(Date32Array::from(vec![
                Some(i32::try_from(first).unwrap()),
                Some(i32::try_from(last).unwrap()),
                None,
            ])),
        ),
        ("ts", "", Arc::new(stamps())),
        ("tz", "", Arc::new(stamps().with_timezone("UTC"))),
        (
            "at",
            "",
            Arc::new(Time64MicrosecondArray::from(vec![Some(0), Some(moment::DAY - 1), None])),
        ),
        (
            "len",
            "",
            Arc::new(DurationMicrosecondArray::from(vec![Some(-3_020_399_000_000), Some(1), None])),
        ),
    ]
}

fn source() -> (TableSchema, RecordBatch) {
    let columns = columns();
    let fields: Vec<Field> = columns
        .iter()
        .map(|(name, logical, array)| {
            let column = Field::new(*name, array.data_type().clone(), *name != "id");
            let mut pairs = Vec::new();
            if !logical.is_empty() {
                pairs.push((field::LOGICAL, (*logical).to_owned()));
            }
            if *logical == "enum" {
                pairs.push((field::MEMBERS, r#"["sad","it's"]"#.to_owned()));
            }
            field::with(column, pairs)
        })
        .collect();
    let mut table = TableSchema::new(TableName::bare("odd \"name\" `x`"), fields);
    table.primary_key = vec!["id".into()];
    table.comment = Some("what's \\ in it".into());
    table.columns[4].comment = Some("it's a float".into());
    table.columns[1].default = Some(DefaultValue::Value("7".into()));
    table.columns[3].default = Some(DefaultValue::Value("true".into()));
    for stamped in [15, 16] {
        table.columns[stamped].default = Some(DefaultValue::CurrentTimestamp);
    }
    table.columns[0].identity = Some(Identity { always: true, next: None });
    let part = |column: &str| IndexPart { column: column.into(), prefix: None, descending: false };
    table.indexes = vec![
        Index::new("one", vec![part("t"), part("n"), part("d")], true),
        Index::new("two", vec![part("j"), part("raw")], false),
        Index::new("odd 'x' \"y\" `z`", vec![part("day")], false),
    ];
    let arrays = columns.into_iter().map(|(_, _, array)| array).collect();
    let rows = RecordBatch::try_new(table.arrow(), arrays).unwrap();
    (table, rows)
}

#[test]
fn created_tables_and_literals_are_taken_and_read_back() {
    let (source, rows) = source();
    for (kind, dialect, database) in servers() {
        let schema = if kind.is_mysql() { database.name().to_owned() } else { "public".into() };
        let name = TableName::new(schema, source.name.name.clone());
        let table = adapt(dialect, &source, &name).unwrap().table;
        for _ in 0..2 {
            database.execute(&create_table(dialect, &table));
        }
        for sql in create_indexes(dialect, &table).unwrap().iter().chain(&comments(dialect, &table))
        {
            database.execute(sql);
        }
        if kind.is_mysql() {
            // The kit's literals are those of a session in UTC.
            database.execute("SET time_zone = '+00:00'");
        }
        let schema = rows.schema();
        // The writer goes by the target's field, where the type is the same.
        let fields: Vec<&Field> = schema
            .fields()
            .iter()
            .zip(&table.columns)
            .map(
                |(own, c)| {
                    if own.data_type() == c.field.data_type() { &c.field } else { own.as_ref() }
                },
            )
            .collect();
        let writers =
            ColumnWriter::for_columns(dialect, fields.into_iter().zip(rows.columns())).unwrap();
        let over = if kind.is_mysql() { "" } else { "OVERRIDING SYSTEM VALUE " };
        let mut sql = format!("INSERT INTO {} {over}VALUES ", dialect.table(&name));
        for row in 0..rows.num_rows() {
            sql.push_str(if row == 0 { "(" } else { ", (" });
            for (n, writer) in writers.iter().enumerate() {
                if n > 0 {
                    sql.push_str(", ");
                }
                writer.write(row, &mut sql).unwrap();
            }
            sql.push(')');
        }
        database.execute(&sql);
        check(kind, &database, &dialect.table(&name));
    }
}

/// The same values, as the server sees them.
fn check(kind: Kind, database: &Database, table: &str) {
    let count = |condition: &str| {
        let sql = format!("SELECT count(*) FROM {table} WHERE {condition}");
        database.value(&sql).unwrap()
    };
    let mut conditions = vec![
        "id = -9223372036854775807 AND u8 = 0 AND u64 = 0".to_owned(),
        "u64 = 18446744073709551615 AND u8 = 255 AND d = 1000000000000000000000000000".into(),
        "d = -0.0000000005 AND n = '-0.10' AND f8 = 0.1".into(),
        "e = 'it''s' AND t = '' IS FALSE".into(),
        "ts = '1000-01-01 00:00:00.000001' AND day = '1000-01-01'".into(),
        "ts = '9999-12-31 00:00:00.000001' AND day = '9999-12-31'".into(),
        "id = 3 AND u8 IS NULL AND t IS NULL AND raw IS NULL AND len IS NULL".into(),
    ];
    if kind.is_mysql() {
        conditions.extend([
            "b = 1 AND hex(raw) = '005C7827FF' AND id16 = 'abababab-abab-abab-abab-abababababab'".into(),
            "hex(t) = '69742773205C20227122206062600A09F09F9880' AND tz = '1000-01-01 00:00:00.000001'".into(),
            r#"j = '{"a":  1.50, "b": "\\u00e9''"}' AND x = '0101'"#.into(),
            "len = '-838:59:59' AND at = '00:00:00'".into(),
            "at = '23:59:59.999999' AND b = 0 AND hex(raw) = ''".into(),
        ]);
    } else {
        conditions.extend([
            "b AND raw = '\\x005C7827FF' AND id16 = 'abababab-abab-abab-abab-abababababab'".into(),
            "convert_to(t, 'UTF8') = '\\x69742773205C20227122206062600A09F09F9880'".into(),
            "tz = '1000-01-01 00:00:00.000001+00' AND f4 = 0.1::real".into(),
            r#"j::text = '{"a":  1.50, "b": "\u00e9''"}' AND x = B'0101'"#.into(),
            "len = '-838:59:59'::interval AND at = '00:00:00'".into(),
            "at = '23:59:59.999999' AND NOT b AND raw = ''".into(),
        ]);
    }
    for condition in conditions {
        assert_eq!(count(&condition), "1", "{kind:?}: {condition}");
    }
}

#[test]
fn ranges_of_composite_keys_are_what_the_server_orders() {
    for (kind, dialect, database) in servers() {
        let texts = ["a", "B", "b'", "\\", "Äx", "z", "_"];
        let kind_of = if kind.is_mysql() { "varchar(20)" } else { "text" };
        database.execute(&format!(
            "CREATE TABLE ranged (a {kind_of} NOT NULL, b bigint NOT NULL, PRIMARY KEY (a, b))"
        ));
        let rows: Vec<String> = texts
            .iter()
            .flat_map(|a| (0..5).map(move |b| format!("({}, {b})", dialect.string(a))))
            .collect();
        database.execute(&format!("INSERT INTO ranged VALUES {}", rows.join(", ")));
        let key = [KeyColumn::new("a"), KeyColumn::new("b")];
        let order = order_by(dialect, &key);
        let all = database.rows(&format!("SELECT a, b FROM ranged ORDER BY {order}"));
        for (n, row) in all.iter().enumerate() {
            let at = vec![
                KeyValue::Text(row[0].clone().unwrap()),
                KeyValue::Int(row[1].as_ref().unwrap().parse().unwrap()),
            ];
            let upto = KeyRange { after: None, upto: Some(at.clone()) };
            let after = KeyRange { after: Some(at), upto: None };
            for (range, wanted) in [(upto, &all[..=n]), (after, &all[n + 1..])] {
                let condition = predicate(dialect, &key, &range);
                let sql = format!("SELECT a, b FROM ranged WHERE {condition} ORDER BY {order}");
                assert_eq!(database.rows(&sql), wanted, "{kind:?}: {condition}");
            }
        }
    }
}

#[test]
fn every_unsigned_and_wide_type_has_a_place() {
    for (_, dialect, database) in servers() {
        let types = [
            DataType::UInt16,
            DataType::UInt32,
            DataType::Decimal128(5, 5),
            DataType::Decimal256(76, 30),
            DataType::Decimal256(60, 30),
            DataType::Decimal128(4, -2),
        ];
        let fields =
            types.iter().enumerate().map(|(n, t)| Field::new(format!("c{n}"), t.clone(), true));
        let long = (0..40).map(|n| {
            let pairs = [(field::LENGTH, "3000".to_owned())];
            field::with(Field::new(format!("t{n}"), DataType::Utf8, true), pairs)
        });
        let mut source = TableSchema::new(TableName::bare("wide"), fields.chain(long));
        let keys = ["k1", "k2", "k3", "k4"];
        source.columns.extend(
            keys.map(|k| syncline_types::Column::new(Field::new(k, DataType::Utf8, false))),
        );
        source.primary_key = keys.map(str::to_owned).to_vec();
        let table = adapt(dialect, &source, &TableName::bare("wide")).unwrap().table;
        database.execute(&create_table(dialect, &table));
    }
}
