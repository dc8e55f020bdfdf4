//! Every pair of canonical types: what is converted comes back unchanged, the rest is refused.

#![allow(clippy::unwrap_used, reason = "helpers of tests")]

use std::sync::Arc;

use arrow::array::*;
use arrow::datatypes::*;
use proptest::prelude::*;
use syncline_convert::portable::parse_type;
use syncline_convert::{Converter, Fidelity, RowsConverter, canonical};
use syncline_types::field::{self, LOGICAL, MEMBERS};
use syncline_types::{Code, TableName, TableSchema};

fn typed(name: &str) -> Field {
    match name {
        "enum" => field::with(
            Field::new("c", DataType::Utf8, true),
            [(LOGICAL, "enum".into()), (MEMBERS, r#"["a","1","true"]"#.into())],
        ),
        "set" => field::with(
            Field::new("c", DataType::Utf8, true),
            [(LOGICAL, "set".into()), (MEMBERS, r#"["a","b","1"]"#.into())],
        ),
        "text-of" => field::with(Field::new("c", DataType::Utf8, true), [(LOGICAL, name.into())]),
        "geometry" => {
            field::with(Field::new("c", DataType::Binary, true), [(LOGICAL, name.into())])
        }
        _ => parse_type(name).unwrap().field("c", true),
    }
}

const TYPES: &[&str] = &[
    "bool",
    "int8",
    "int16",
    "int32",
    "int64",
    "uint8",
    "uint16",
    "uint32",
    "uint64",
    "float32",
    "float64",
    "decimal(5,2)",
    "decimal(20,0)",
    "decimal(38,38)",
    "decimal(38,10)",
    "decimal(76,20)",
    "decimal",
    "text",
    "text(5)",
    "binary",
    "binary(4)",
    "date",
    "time",
    "timestamp",
    "timestamptz",
    "duration",
    "year",
    "uuid",
    "json",
    "bit(8)",
    "enum",
    "set",
    "text-of",
    "geometry",
];

fn texts<'a>(values: impl IntoIterator<Item = Option<&'a str>>) -> ArrayRef {
    Arc::new(StringArray::from_iter(values))
}

/// The texts as a column of that type; panics when one does not fit.
fn column(name: &str, values: &[&str]) -> ArrayRef {
    let read = Converter::for_files(&typed("text"), &typed(name)).unwrap();
    let converted = read.convert(&texts(values.iter().map(|v| Some(*v)))).unwrap();
    assert!(converted.bad.is_empty(), "{name}: {:?}", converted.bad);
    converted.array
}

/// The values of a column as text.
fn shown(name: &str, column: &ArrayRef) -> Vec<Option<String>> {
    let print = Converter::for_files(&typed(name), &typed("text")).unwrap();
    let converted = print.convert(column).unwrap();
    assert!(converted.bad.is_empty(), "{name}: {:?}", converted.bad);
    converted.array.as_string::<i32>().iter().map(|t| t.map(str::to_owned)).collect()
}

/// What becomes of each text of type `from` in type `to`: its text there, or the error's number.
fn become_(from: &str, to: &str, values: &[&str]) -> Vec<String> {
    let converter = Converter::new(&typed(from), &typed(to)).unwrap();
    let converted = converter.convert(&column(from, values)).unwrap();
    let mut out: Vec<String> =
        shown(to, &converted.array).into_iter().map(|t| t.unwrap_or_default()).collect();
    for bad in &converted.bad {
        assert!(converted.array.is_null(bad.row));
        assert_eq!(out[bad.row], "");
        out[bad.row] = bad.error.code().to_string();
    }
    out
}

#[test]
fn integers_narrow_by_value() {
    assert_eq!(
        become_("int64", "int32", &["2147483647", "2147483648", "-2147483649"]),
        ["2147483647", "E0306", "E0306"]
    );
    assert_eq!(
        become_("uint64", "int64", &["9223372036854775807", "9223372036854775808"]),
        ["9223372036854775807", "E0306"]
    );
    assert_eq!(become_("int8", "uint64", &["-1", "127"]), ["E0306", "127"]);
    assert_eq!(become_("int16", "bool", &["0", "1", "2"]), ["false", "true", "E0301"]);
    assert_eq!(become_("bool", "decimal(5,2)", &["true", "f"]), ["1.00", "0.00"]);
    assert_eq!(
        become_("int64", "year", &["1901", "2156", "0", "99999"]),
        ["1901", "E0306", "0", "E0306"]
    );
    assert_eq!(become_("int32", "float32", &["16777216", "16777217"]), ["16777216", "E0301"]);
}

#[test]
fn decimals_keep_every_digit() {
    assert_eq!(
        become_("decimal(38,10)", "decimal(5,2)", &["1.2500000000", "1.2550000000", "1000"]),
        ["1.25", "E0301", "E0306"]
    );
    assert_eq!(
        become_("decimal(38,10)", "int32", &["7.0", "7.1", "3000000000"]),
        ["7", "E0301", "E0306"]
    );
    assert_eq!(
        become_(
            "decimal(76,20)",
            "float64",
            &["0.1", "12345678901234567.125", "0.10000000000000001"]
        ),
        ["0.1", "E0301", "E0301"]
    );
    assert_eq!(
        become_("float64", "decimal(5,2)", &["0.1", "0.125", "NaN", "1e3"]),
        ["0.10", "E0301", "E0309", "E0306"]
    );
    assert_eq!(
        become_("decimal", "decimal(5,2)", &["1.5", "NaN", "-Infinity"]),
        ["1.50", "E0309", "E0309"]
    );
    assert_eq!(
        become_("float64", "decimal", &["1e20", "1.5e-7", "-Infinity"]),
        ["100000000000000000000", "0.00000015", "-Infinity"]
    );
    assert_eq!(
        become_("decimal(38,38)", "text", &["0.00000000000000000000000000000000000001"]),
        ["0.00000000000000000000000000000000000001"]
    );
}

#[test]
fn times_are_not_cut() {
    assert_eq!(
        become_("timestamp", "date", &["2024-02-29", "2024-02-29 00:00:00.000001"]),
        ["2024-02-29", "E0301"]
    );
    assert_eq!(
        become_("timestamptz", "timestamp", &["2024-02-29 01:00:00+01:00"]),
        ["2024-02-29 00:00:00"]
    );
    assert_eq!(
        become_("duration", "time", &["24:00:00", "-00:00:01", "838:59:59"]),
        ["24:00:00", "E0306", "E0306"]
    );
    assert_eq!(become_("text", "timestamp", &["0000-00-00 00:00:00", "now"]), ["E0309", "E0301"]);
    assert_eq!(
        become_("date", "timestamptz", &["1969-12-31", "+400000-01-01"]),
        ["1969-12-31 00:00:00+00:00", "E0306"]
    );
}

#[test]
fn texts_are_checked_at_the_target() {
    assert_eq!(become_("text", "text(5)", &["é😀abc", "é😀abcd"]), ["é😀abc", "E0306"]);
    assert_eq!(become_("int64", "text(5)", &["12345", "-12345"]), ["12345", "E0306"]);
    assert_eq!(become_("text", "enum", &["a", "A"]), ["a", "E0309"]);
    assert_eq!(become_("int32", "enum", &["1", "2"]), ["1", "E0309"]);
    assert_eq!(become_("text", "set", &["a,b", "b,a"]), ["a,b", "E0301"]);
    assert_eq!(become_("text", "json", &["{\"a\": [1]}", "{a}"]), ["{\"a\": [1]}", "E0301"]);
    assert_eq!(become_("float64", "json", &["1e300", "NaN"]), ["1e300", "E0301"]);
    assert_eq!(become_("text", "binary(4)", &["é😀", "ab"]), ["E0306", "\\x6162"]);
    assert_eq!(become_("binary", "text", &["\\xc3a9", "\\xff41"]), ["é", "E0308"]);
    assert_eq!(
        become_("binary", "uuid", &["\\x00", "\\x000102030405060708090a0b0c0d0e0f"]),
        ["E0301", "00010203-0405-0607-0809-0a0b0c0d0e0f"]
    );
    assert_eq!(become_("bit(8)", "uint8", &["00000011"]), ["3"]);
    assert_eq!(become_("int32", "bit(8)", &["3", "256"]), ["00000011", "E0306"]);
    assert_eq!(
        become_("text", "int32", &["007", "+5", "5.00", "1e2", " 5", "5.5", ""]),
        ["7", "5", "5", "100", "E0301", "E0301", "E0301"]
    );
}

#[test]
fn messages_name_column_value_and_types() {
    let to = typed("int32").with_name("n");
    let converter = Converter::new(&typed("text"), &to).unwrap();
    let long = "x".repeat(10_000);
    let converted = converter.convert(&texts([Some(long.as_str())])).unwrap();
    let error = &converted.bad[0].error;
    assert!(error.message().starts_with("column \"c\" (to \"n\"): \"xxx"), "{error}");
    assert!(
        error.message().ends_with("…\" (text) does not fit int32: not a whole number"),
        "{error}"
    );
    assert!(error.message().len() < 250, "{error}");
    let blob: ArrayRef = Arc::new(BinaryArray::from_vec(vec![&[255; 1000]]));
    let converter = Converter::new(&typed("binary"), &typed("text")).unwrap();
    let error = &converter.convert(&blob).unwrap().bad[0].error;
    assert!(error.message().contains("\\xffff") && error.message().len() < 250, "{error}");
}

#[test]
fn fidelity_is_known_before_the_first_row() {
    let of = |from: &str, to: &str| {
        Converter::new(&typed(from), &typed(to)).map(|c| c.fidelity().clone())
    };
    let widened = |text: &str| Ok::<_, ()>(Fidelity::Widened(text.into()));
    let lossy = |text: &str| Ok::<_, ()>(Fidelity::Lossy(text.into()));
    assert_eq!(of("int32", "int32").map_err(drop), Ok(Fidelity::Exact));
    assert_eq!(of("int32", "int64").map_err(drop), widened("int32 into int64"));
    assert_eq!(
        of("int64", "int32").map_err(drop),
        lossy("int64 into int32: values beyond its range are refused")
    );
    assert_eq!(
        of("timestamp", "timestamptz").map_err(drop),
        widened("timestamp into timestamptz: taken as UTC")
    );
    assert_eq!(of("text(5)", "text").map_err(drop), widened("text(5) into text"));
    assert_eq!(
        of("text", "text(5)").map_err(drop),
        lossy("text into text(5): more than 5 characters are refused")
    );
    assert_eq!(
        of("int16", "text(5)").map_err(drop),
        lossy("int16 into text(5): more than 5 characters are refused")
    );
    assert_eq!(of("uint64", "decimal(20,0)").map_err(drop), widened("uint64 into decimal(20,0)"));
    for (from, to) in [("date", "int32"), ("uuid", "bool"), ("time", "timestamp"), ("date", "json")]
    {
        assert_eq!(of(from, to).unwrap_err().code(), Code::ColumnMismatch, "{from} into {to}");
    }
}

#[test]
fn same_types_pass_untouched() {
    for name in TYPES {
        let converter = Converter::new(&typed(name), &typed(name)).unwrap();
        assert!(converter.is_identity(), "{name}");
        assert_eq!(converter.fidelity(), &Fidelity::Exact, "{name}");
    }
    let list = Field::new_list("l", Field::new("item", DataType::Int8, true), true);
    assert!(Converter::new(&list, &list).unwrap().is_identity());
    assert!(Converter::new(&list, &typed("text")).is_err());
}

#[test]
fn arrow_types_of_files_become_canonical() {
    let utc: Arc<str> = "Europe/Berlin".into();
    let nanos: ArrayRef = Arc::new(
        TimestampNanosecondArray::from(vec![Some(1_000), Some(1_001), None]).with_timezone(utc),
    );
    let from = Field::new("c", nanos.data_type().clone(), true);
    let to = canonical(&from).unwrap();
    assert_eq!(to.data_type(), typed("timestamptz").data_type());
    let converted = Converter::new(&from, &to).unwrap().convert(&nanos).unwrap();
    assert_eq!(converted.bad.len(), 1);
    assert_eq!(converted.bad[0].row, 1);
    assert_eq!(
        shown("timestamptz", &converted.array)[0].as_deref(),
        Some("1970-01-01 00:00:00.000001+00:00")
    );

    let words: DictionaryArray<Int8Type> = ["a", "b", "a"].into_iter().collect();
    let words: ArrayRef = Arc::new(words);
    let from = Field::new("c", words.data_type().clone(), true);
    let converted = Converter::new(&from, &typed("text")).unwrap().convert(&words).unwrap();
    assert_eq!(converted.array.as_ref(), texts([Some("a"), Some("b"), Some("a")]).as_ref());

    for (array, name) in [
        (Arc::new(StringViewArray::from(vec!["x"])) as ArrayRef, "text"),
        (Arc::new(Date64Array::from(vec![86_400_000])), "timestamp"),
        (Arc::new(Time32SecondArray::from(vec![59])), "time"),
        (Arc::new(DurationSecondArray::from(vec![-59])), "duration"),
        (Arc::new(Decimal32Array::from(vec![-59])), "decimal(9,2)"),
        (
            Arc::new(FixedSizeBinaryArray::try_from_iter([[7_u8; 16]].into_iter()).unwrap()),
            "binary",
        ),
    ] {
        let from = Field::new("c", array.data_type().clone(), true);
        let to = canonical(&from).unwrap();
        assert_eq!(to.data_type(), typed(name).data_type(), "{name}");
        let converted = Converter::new(&from, &to).unwrap().convert(&array).unwrap();
        assert!(converted.bad.is_empty() && converted.array.null_count() == 0, "{name}");
    }
}

#[test]
fn bad_rows_leave_the_batch_as_they_were() {
    let table = |id: &str, n: &str| {
        TableSchema::new(
            TableName::bare("t"),
            [typed(id).with_name("id").with_nullable(false), typed(n).with_name("n")],
        )
    };
    let from = TableSchema::new(
        TableName::bare("t"),
        [typed("int64").with_name("id"), typed("text").with_name("n")],
    );
    let converter = RowsConverter::new(&from, &table("int32", "int8")).unwrap();
    let rows = RecordBatch::try_new(
        from.arrow(),
        vec![
            Arc::new(Int64Array::from(vec![Some(1), Some(2), None, Some(1 << 40), Some(5)])),
            texts([Some("1"), Some("x"), Some("3"), Some("y"), None]),
        ],
    )
    .unwrap();
    let (good, rejects) = converter.convert(rows.clone()).unwrap();
    assert_eq!(good.schema(), table("int32", "int8").arrow());
    assert_eq!(good.column(0).as_primitive::<Int32Type>().values(), &[1, 5]);
    assert_eq!(good.column(1).as_primitive::<Int8Type>(), &Int8Array::from(vec![Some(1), None]));
    let codes: Vec<Code> = rejects.iter().map(|r| r.error.code()).collect();
    assert_eq!(codes, [Code::Conversion, Code::NotNull, Code::OutOfRange]);
    assert_eq!(rejects[0].row, rows.slice(1, 1));
    assert!(rejects[0].error.message().starts_with("t: column \"n\": \"x\""));

    let same = RowsConverter::new(&from, &from).unwrap();
    assert!(same.is_identity());
    let (passed, rejects) = same.convert(rows.clone()).unwrap();
    assert!(rejects.is_empty());
    assert!(passed.columns().iter().zip(rows.columns()).all(|(a, b)| Arc::ptr_eq(a, b)));

    let none = TableSchema::new(TableName::bare("t"), []);
    let empty = RecordBatchOptions::new().with_row_count(Some(3));
    let rows = RecordBatch::try_new_with_options(none.arrow(), vec![], &empty).unwrap();
    let (good, _) = RowsConverter::new(&none, &none).unwrap().convert(rows).unwrap();
    assert_eq!(good.num_rows(), 3);
}

/// A value of that type made from random bits; small numbers and extremes are frequent.
fn value(name: &str, seed: (u64, u64, u8)) -> String {
    let (a, b, how) = seed;
    let whole = match how % 6 {
        0 => i128::from(a as i8),
        1 => i128::from(a as i32),
        2 => i128::from(a as i64),
        3 => [
            0,
            1,
            -1,
            127,
            128,
            255,
            32_768,
            1 << 31,
            (1 << 31) - 1,
            1 << 53,
            i64::MAX.into(),
            u64::MAX.into(),
        ][(a % 12) as usize],
        4 => i128::from(a as i64) * 1_000_000,
        _ => ((i128::from(a)) << 60) ^ i128::from(b),
    };
    let of_type = |bits: u32| (whole as i64) << (64 - bits) >> (64 - bits);
    let scaled = |precision: u32, scale: usize| {
        let digits = (whole % 10_i128.pow(precision.min(38))).to_string();
        let (sign, digits) = digits.strip_prefix('-').map_or(("", digits.as_str()), |d| ("-", d));
        let digits = format!("{digits:0>width$}", width = scale + 1);
        let (before, after) = digits.split_at(digits.len() - scale);
        format!("{sign}{before}.{after}").trim_end_matches('.').to_owned()
    };
    let words =
        ["", "a", "1", "true", "0", "é😀", "2024-02-29", "1.50", "NaN", "[1]", "a,b", "\\x00"];
    match name {
        "bool" => (a % 2 == 0).to_string(),
        "int8" => of_type(8).to_string(),
        "int16" => of_type(16).to_string(),
        "int32" => of_type(32).to_string(),
        "int64" => (whole as i64).to_string(),
        "uint8" => (whole as u8).to_string(),
        "uint16" => (whole as u16).to_string(),
        "uint32" => (whole as u32).to_string(),
        "uint64" => (whole as u64).to_string(),
        "float32" => match how % 3 {
            0 => format!("{:?}", whole as f32),
            1 => format!("{:?}", (whole % 100_000) as f32 / 100.0),
            _ => format!("{:?}", f32::from_bits(a as u32)),
        },
        "float64" => match how % 3 {
            0 => format!("{:?}", whole as f64),
            1 => format!("{:?}", (whole % 100_000_000) as f64 / 1000.0),
            _ => format!("{:?}", f64::from_bits(a)),
        },
        "decimal(5,2)" => scaled(5, 2),
        "decimal(20,0)" => scaled(20, 0),
        "decimal(38,38)" => scaled(38, 38),
        "decimal(38,10)" => scaled(38, 10),
        "decimal(76,20)" => format!("{}{}", whole, scaled(20, 20).trim_start_matches(['-', '0'])),
        "decimal" => match how % 5 {
            0 => ["NaN", "Infinity", "-Infinity"][(a % 3) as usize].to_owned(),
            1 => scaled(38, 7),
            2 => format!("{whole}00000000000000000000000000000000000000000000000000000000000001.5"),
            _ => scaled(18, 3),
        },
        "date" => match how % 2 {
            0 => shown("date", &(Arc::new(Date32Array::from(vec![a as i32])) as ArrayRef))[0]
                .clone()
                .unwrap(),
            _ => shown("date", &(Arc::new(Date32Array::from(vec![a as i32 % 30_000])) as ArrayRef))
                [0]
            .clone()
            .unwrap(),
        },
        "time" => shown(
            "time",
            &(Arc::new(Time64MicrosecondArray::from(vec![(a % 86_400_000_001) as i64]))
                as ArrayRef),
        )[0]
        .clone()
        .unwrap(),
        "timestamp" | "timestamptz" => {
            let micros = match how % 3 {
                0 => a as i64,
                1 => (a as i64 % 100_000) * 86_400_000_000,
                _ => a as i64 >> 12,
            };
            let array = Arc::new(TimestampMicrosecondArray::from(vec![micros])) as ArrayRef;
            shown("timestamp", &array)[0].clone().unwrap()
        }
        "duration" => {
            let micros = if how % 2 == 0 { a as i64 } else { a as i64 % 90_000_000_000 };
            shown("duration", &(Arc::new(DurationMicrosecondArray::from(vec![micros])) as ArrayRef))
                [0]
            .clone()
            .unwrap()
        }
        "year" => (1901 + a % 255).to_string(),
        "uuid" => format!("{a:016x}{b:016x}"),
        "bit(8)" => format!("{:08b}", a as u8),
        "json" => ["1", "{}", "\"x\"", "null", "1.5"][(a % 5) as usize].to_owned(),
        "enum" => ["a", "1", "true"][(a % 3) as usize].to_owned(),
        "set" => ["", "a", "1", "a,b", "b,1"][(a % 5) as usize].to_owned(),
        "binary" | "geometry" => match how % 3 {
            0 => format!("\\x{a:016x}{b:016x}"),
            1 => format!("\\x{:02x}", a as u8),
            _ => "\\xc3a9".into(),
        },
        "binary(4)" => format!("\\x{:08x}", a as u32),
        "text(5)" => words[(a % 6) as usize].to_owned(),
        _ if how % 2 == 0 => words[(a % 12) as usize].to_owned(),
        _ => whole.to_string(),
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 4000, failure_persistence: None, ..Default::default() })]
    #[test]
    fn every_value_comes_back_or_is_refused(
        from in 0..TYPES.len(),
        to in 0..TYPES.len(),
        seeds in prop::collection::vec(any::<(u64, u64, u8)>(), 1..20),
    ) {
        let (from, to) = (TYPES[from], TYPES[to]);
        let values: Vec<String> = seeds.iter().map(|s| value(from, *s)).collect();
        let values: Vec<&str> = values.iter().map(String::as_str).collect();
        // Text of one of these types must be readable, or the generator is wrong.
        let original = column(from, &values);
        prop_assert_eq!(shown(from, &original).len(), values.len());
        let Ok(there) = Converter::new(&typed(from), &typed(to)) else { return Ok(()) };
        let converted = there.convert(&original).unwrap();
        prop_assert!(converted.array.data_type() == typed(to).data_type());
        if matches!(there.fidelity(), Fidelity::Exact) {
            prop_assert!(converted.bad.is_empty());
        }
        let beyond_timestamps = from == "date";
        if matches!(there.fidelity(), Fidelity::Widened(_)) && !beyond_timestamps {
            prop_assert!(converted.bad.is_empty(), "{:?}: {:?}", there, converted.bad);
        }
        for bad in &converted.bad {
            prop_assert!(converted.array.is_null(bad.row));
        }
        prop_assert_eq!(converted.array.null_count(), converted.bad.len());
        // A text has more spellings than values: only what is written for a value comes back.
        let spelled = ["text", "text(5)", "text-of", "json", "enum", "set", "decimal"].contains(&from);
        let Ok(back) = Converter::new(&typed(to), &typed(from)) else { return Ok(()) };
        let returned = back.convert(&converted.array).unwrap();
        let (before, after) = (shown(from, &original), shown(from, &returned.array));
        for row in (0..values.len()).filter(|row| converted.array.is_valid(*row)) {
            if spelled && typed(to).data_type() != &DataType::Utf8 && typed(to).data_type() != &DataType::Binary {
                continue;
            }
            let zero = |t: &Option<String>| t.as_deref().map(|t| if t == "-0" { "0".to_owned() } else { t.to_owned() });
            prop_assert_eq!(zero(&before[row]), zero(&after[row]), "{} through {}: {:?}", from, to, returned.bad);
        }
    }
}
