//! Values beside the numbers, and what policies do with bad ones.

#![allow(clippy::unwrap_used, reason = "helpers of tests")]

use std::sync::Arc;

use arrow::array::*;
use arrow::datatypes::*;
use syncline_convert::portable::parse_type;
use syncline_convert::{Converter, Fidelity, RowsConverter, ValuePolicies, ValuePolicy, text_of};
use syncline_types::field::{self, CHARSET, LONGEST, NATIVE, ONE_ZERO, SPECIAL, STORE};
use syncline_types::{Flaw, TableName, TableSchema};

fn typed(name: &str) -> Field {
    parse_type(name).unwrap().field("c", true)
}

fn special(name: &str, words: &str) -> Field {
    field::with(typed(name), [(SPECIAL, words.into())])
}

fn native(name: &str, store: &str, native: &str) -> Field {
    field::with(typed(name), [(STORE, store.into()), (NATIVE, native.into())])
}

fn texts(values: &[&str]) -> ArrayRef {
    Arc::new(StringArray::from(values.to_vec()))
}

/// The values as texts of the field, and what refused rows say.
fn go(from: &Field, to: &Field, column: &ArrayRef, policies: &str) -> Vec<String> {
    let policies = ValuePolicies::parse(policies).unwrap();
    let converter = Converter::new(from, to).unwrap().with_policies(&policies);
    let converted = converter.convert(column).unwrap();
    let mut out: Vec<String> = (0..column.len())
        .map(|row| text_of(to, &converted.array, row).unwrap_or_else(|| "NULL".into()))
        .collect();
    for bad in &converted.bad {
        assert!(converted.array.is_null(bad.row));
        out[bad.row] = bad.error.flaw().unwrap().to_string();
    }
    for (row, flaw, _) in &converted.changed {
        out[*row].push_str(&format!(" ({flaw})"));
    }
    out
}

/// A flagged column, read from its texts.
fn column(field: &Field, values: &[&str]) -> ArrayRef {
    let converter = Converter::new(&typed("text"), field).unwrap();
    let converted = converter.convert(&texts(values)).unwrap();
    assert!(converted.bad.is_empty(), "{:?}", converted.bad);
    converted.array
}

const DATES: &[&str] = &["infinity", "-infinity", "0000-00-00", "2023-02-30", "2024-02-29"];

#[test]
fn flagged_columns_say_in_text_what_they_hold_and_read_it_back() {
    let dates = special("date", "infinity,zero-date");
    assert_eq!(go(&dates, &typed("text"), &column(&dates, DATES), ""), DATES);
    let times = special("timestamp", "infinity,zero-date");
    let values =
        ["infinity", "2023-02-30 23:59:59.5", "0000-00-00 00:00:00", "1970-01-01 00:00:00"];
    assert_eq!(go(&times, &typed("text"), &column(&times, &values), ""), values);
    for name in ["decimal(10,2)", "decimal(60,2)"] {
        let decimals = special(name, "nan");
        let values = ["NaN", "-12.50"];
        let column = column(&decimals, &values);
        assert_eq!(go(&decimals, &typed("text"), &column, ""), values);
        assert_eq!(go(&decimals, &typed("float64"), &column, ""), ["NaN", "-12.5"]);
        assert_eq!(go(&decimals, &typed("decimal"), &column, ""), values);
        assert_eq!(
            go(&decimals, &special("decimal(50,3)", "nan"), &column, ""),
            ["NaN", "-12.500"]
        );
        assert_eq!(go(&decimals, &typed("decimal(60,2)"), &column, ""), ["nan", "-12.50"]);
    }
}

#[test]
fn a_column_without_the_flag_refuses_what_stands_for_no_number() {
    let dates = special("date", "infinity,zero-date");
    let column = column(&dates, DATES);
    let refused = ["infinity", "infinity", "zero_date", "invalid_date", "2024-02-29"];
    assert_eq!(go(&dates, &typed("date"), &column, ""), refused);
    let at = |r: &str| if r == "2024-02-29" { format!("{r} 00:00:00") } else { r.to_owned() };
    assert_eq!(go(&dates, &typed("timestamp"), &column, ""), refused.map(at));
    let both = special("timestamp", "infinity,zero-date");
    let there = go(&dates, &both, &column, "");
    assert_eq!(there[0], "infinity");
    assert_eq!(there[3], "2023-02-30 00:00:00");
    let converter = Converter::new(&dates, &typed("date")).unwrap();
    assert_eq!(converter.fidelity(), &Fidelity::Exact);
    assert_eq!(converter.refused(), ["infinity", "dates that are no day (0000-00-00)"]);
    assert!(!converter.is_identity());
    assert!(Converter::new(&dates, &dates).unwrap().is_identity());
}

#[test]
fn a_number_that_would_come_to_mean_something_else_is_refused() {
    let last: ArrayRef = Arc::new(Date32Array::from(vec![i32::MAX, field::NO_DAY, 0]));
    let refused = ["out_of_range", "-288267-06-04", "1970-01-01"];
    let there = go(&typed("date"), &special("date", "infinity"), &last, "");
    assert_eq!((there[0].as_str(), there[2].as_str()), (refused[0], refused[2]));
    let there = go(&typed("date"), &special("date", "zero-date"), &last, "");
    assert_eq!((there[1].as_str(), there[2].as_str()), ("out_of_range", refused[2]));
}

#[test]
fn policies_put_null_or_the_nearest_value() {
    let dates = special("date", "infinity,zero-date");
    let column = column(&dates, DATES);
    let mysql = field::with(typed("date"), [(STORE, "mysql".into()), (NATIVE, "date".into())]);
    assert_eq!(
        go(&dates, &mysql, &column, "infinity=clamp, zero_date=null, invalid_date=dead-letter"),
        [
            "9999-12-31 (infinity)",
            "0000-01-01 (infinity)",
            "NULL (zero_date)",
            "invalid_date",
            "2024-02-29"
        ]
    );
    let numbers = ["300", "-300", "7", "x", "1.5"];
    assert_eq!(
        go(&typed("text"), &typed("int8"), &texts(&numbers), "out_of_range=clamp, default=null"),
        ["127 (out_of_range)", "-128 (out_of_range)", "7", "NULL (other)", "NULL (other)"]
    );
    assert_eq!(
        go(
            &typed("text"),
            &typed("decimal(4,1)"),
            &texts(&["12345", "-1e9", "Infinity", "nan"]),
            "out_of_range=clamp, infinity=clamp, nan=null"
        ),
        ["999.9 (out_of_range)", "-999.9 (out_of_range)", "999.9 (infinity)", "NULL (nan)"]
    );
    let floats: ArrayRef = Arc::new(Float64Array::from(vec![f64::NAN, f64::NEG_INFINITY, 1e300]));
    let float = native("float32", "mysql", "float");
    assert_eq!(
        go(&typed("float64"), &float, &floats, "nan=null, infinity=clamp, out_of_range=clamp"),
        ["NULL (nan)", "-3.4028235e+38 (infinity)", "3.4028235e+38 (out_of_range)"]
            .map(|t| t.replace("e+38", "e38"))
    );
}

#[test]
fn a_negative_zero_is_refused_where_there_is_one_zero() {
    let one = |name: &str| field::with(typed(name), [(ONE_ZERO, "true".into())]);
    let zeros: ArrayRef = Arc::new(Float64Array::from(vec![-0.0, 0.0, -1.5]));
    let (from, refused) = (typed("float64"), ["negative_zero", "0", "-1.5"]);
    assert_eq!(go(&from, &one("float64"), &zeros, ""), refused);
    assert_eq!(go(&from, &one("float32"), &zeros, ""), refused);
    assert_eq!(go(&typed("text"), &one("float64"), &texts(&["-0.0", "0", "-1.5"]), ""), refused);
    let clamped = ["0 (negative_zero)", "0", "-1.5"];
    assert_eq!(go(&from, &one("float64"), &zeros, "negative_zero=clamp"), clamped);
    assert_eq!(go(&from, &typed("decimal"), &zeros, "negative_zero=clamp"), clamped);
    let whole = Float64Array::from(vec![-0.0, 0.0]);
    assert_eq!(go(&from, &typed("int32"), &(Arc::new(whole) as _), ""), ["negative_zero", "0"]);
    assert_eq!(go(&from, &typed("decimal(3,1)"), &zeros, "")[0], "negative_zero");
    assert_eq!(go(&from, &typed("decimal(3,1)"), &zeros, "negative_zero=null")[1], "0.0");
    let converter = Converter::new(&from, &one("float64")).unwrap();
    assert_eq!(
        (converter.fidelity(), converter.refused()),
        (&Fidelity::Exact, &["-0.0".into()][..])
    );
    assert_eq!(go(&from, &typed("float32"), &zeros, ""), ["-0", "0", "-1.5"]);
    // The same type in another server: MySQL's double in MariaDB.
    let (mysql, mariadb) =
        (native("float64", "mysql", "double"), native("float64", "mysql", "double"));
    let mariadb = field::with(mariadb, [(ONE_ZERO, "true".into())]);
    assert_eq!(go(&mysql, &mariadb, &zeros, ""), refused);
    assert!(Converter::new(&mariadb, &mariadb).unwrap().is_identity());
    assert!(Converter::new(&mariadb, &mysql).unwrap().is_identity());
}

#[test]
fn texts_are_cut_at_a_character() {
    let values = texts(&["héllo", "wörld wide", "abc"]);
    assert_eq!(
        go(&typed("text"), &typed("text(4)"), &values, "too_long=clamp"),
        ["héll (too_long)", "wörl (too_long)", "abc"]
    );
    let tiny = native("text", "mysql", "tinytext");
    let long = "é".repeat(200);
    let cut = go(&typed("text"), &tiny, &texts(&[&long, "x"]), "too_long=clamp");
    assert_eq!(cut, [format!("{} (too_long)", "é".repeat(127)), "x".into()]);
    assert_eq!(go(&typed("text"), &tiny, &texts(&[&long]), ""), ["too_long"]);
    let latin = field::with(tiny, [(CHARSET, "latin1".into())]);
    assert_eq!(go(&typed("text"), &latin, &texts(&[&long]), ""), [long]);
    let bytes: ArrayRef = Arc::new(BinaryArray::from_vec(vec![b"abcdef", b"ab"]));
    let converter = Converter::new(&typed("binary"), &typed("binary(3)")).unwrap();
    let policies = ValuePolicies::parse("too_long=clamp").unwrap();
    let converted = converter.with_policies(&policies).convert(&bytes).unwrap();
    assert_eq!(converted.array.as_binary::<i32>().value(0), b"abc");
}

#[test]
fn what_a_stores_type_does_not_hold_is_said_before_the_first_row() {
    let postgres = native("text", "postgres", "text");
    let converter = Converter::new(&typed("text"), &postgres).unwrap();
    assert_eq!(converter.refused(), ["U+0000 in a text"]);
    assert_eq!(go(&typed("text"), &postgres, &texts(&["a\0b", "ab"]), ""), ["nul_in_text", "ab"]);
    assert_eq!(
        go(&typed("text"), &postgres, &texts(&["a\0b"]), "nul_in_text=null"),
        ["NULL (nul_in_text)"]
    );
    let from = native("timestamp", "postgres", "timestamp(6) without time zone");
    let says = |to: &Field| Converter::new(&from, to).unwrap().fidelity().clone();
    assert_eq!(says(&native("timestamp", "mysql", "datetime(6)")), Fidelity::Exact);
    assert!(matches!(says(&native("timestamp", "mysql", "datetime")), Fidelity::Lossy(_)));
    assert!(matches!(says(&native("timestamptz", "mysql", "timestamp(6)")), Fidelity::Lossy(_)));
    let values = ["1969-12-31 00:00:00", "2039-01-01 00:00:00", "2000-01-01 00:00:00.5"];
    assert_eq!(
        go(
            &typed("text"),
            &native("timestamp", "mysql", "timestamp"),
            &texts(&values),
            "out_of_range=clamp"
        ),
        ["1970-01-01 00:00:01 (out_of_range)", "2038-01-19 03:14:07 (out_of_range)", "other"]
    );
    let same = native("timestamp", "mysql", "timestamp");
    assert!(Converter::new(&same, &same).unwrap().is_identity());
}

#[test]
fn the_last_second_of_mariadbs_times_is_longer_than_mysqls() {
    let mysql = |native_type: &str| native("duration", "mysql", native_type);
    let mariadb = |native_type: &str, most: i64| {
        field::with(mysql(native_type), [(LONGEST, most.to_string())])
    };
    let last = 839 * 3_600_000_000 - 1;
    let (six, three) = (mariadb("time(6)", last), mariadb("time(3)", last - 999));
    let times: ArrayRef =
        Arc::new(DurationMicrosecondArray::from(vec![last, -last, last - 999_999, 0]));
    let texts = ["838:59:59.999999", "-838:59:59.999999", "838:59:59", "00:00:00"];
    assert_eq!(go(&six, &mariadb("time(6)", last), &times, ""), texts);
    let there = go(&six, &mysql("time(6)"), &times, "");
    assert_eq!(there, ["out_of_range", "out_of_range", "838:59:59", "00:00:00"]);
    let there = go(&six, &mysql("time(6)"), &times, "out_of_range=clamp");
    assert_eq!(there[..2], ["838:59:59 (out_of_range)", "-838:59:59 (out_of_range)"]);
    let converter = Converter::new(&six, &mysql("time(6)")).unwrap();
    assert_eq!(converter.refused(), ["lengths of time beyond 838:59:59"]);
    assert!(Converter::new(&mysql("time(6)"), &six).unwrap().is_identity());
    // From a store that has all of them.
    assert_eq!(go(&typed("duration"), &six, &times, ""), texts);
    assert_eq!(go(&typed("duration"), &three, &times, "")[2..], texts[2..]);
}

#[test]
fn where_the_target_takes_no_null_the_value_stays_a_bad_one_and_that_is_said() {
    let to = typed("int8").with_nullable(false);
    let policies = ValuePolicies::parse("out_of_range=null").unwrap();
    let narrow = Converter::new(&typed("int64"), &to).unwrap().with_policies(&policies);
    assert!(narrow.unheeded().unwrap().contains("out_of_range"));
    let converted =
        narrow.convert(&(Arc::new(Int64Array::from(vec![1, 300])) as ArrayRef)).unwrap();
    assert_eq!(converted.bad.len(), 1);
    // Where no such value can be, there is nothing to say.
    let same = Converter::new(&typed("int8"), &to).unwrap().with_policies(&policies);
    assert_eq!(same.unheeded(), None);
}

#[test]
fn changes_are_counted_in_the_rows_that_go_on() {
    let table = |fields: Vec<Field>| TableSchema::new(TableName::bare("t"), fields);
    let named = |name: &str, f: Field| f.with_name(name);
    let from = table(vec![named("a", typed("text")), named("b", typed("text"))]);
    let to = table(vec![named("a", typed("int8")), named("b", typed("date"))]);
    let rows = RecordBatch::try_new(
        from.arrow(),
        vec![texts(&["1", "999", "999"]), texts(&["2024-01-01", "2024-01-01", "x"])],
    )
    .unwrap();
    let policies = ValuePolicies::parse("out_of_range=clamp").unwrap();
    let converter = RowsConverter::new(&from, &to).unwrap().with_policies(&policies);
    let converted = converter.apply(rows).unwrap();
    assert_eq!((converted.rows.num_rows(), converted.rejects.len()), (2, 1));
    let [change] = &converted.changes[..] else { panic!("{:?}", converted.changes) };
    assert_eq!(
        (change.column.as_str(), change.flaw, change.policy, change.values),
        ("a", Flaw::OutOfRange, ValuePolicy::Clamp, 1)
    );
}
