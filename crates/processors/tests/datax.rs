//! DataX's transformers, with the examples of its own manual, and dates by patterns.

#![allow(clippy::unwrap_used, reason = "helpers of tests")]

mod support;

use serde_json::{Value, json};
use support::{run, shown, table};
use syncline_processors::build;
use syncline_types::Code;

fn rows() -> (syncline_types::TableSchema, arrow::array::RecordBatch) {
    table(&[
        ("n", "int64", &[Some("5"), Some("10"), Some("-7"), None]),
        ("t", "text(20)", &[Some("dataxTest"), Some("xyz"), Some("größe"), None]),
        ("day", "text", &[Some("2014.12.31"), Some("2014.1.1"), Some("31.12.2014"), None]),
        ("at", "timestamp", &[Some("2014-12-31 23:59:58.5"), None, None, None]),
    ])
}

fn dx(verb: &str, column: usize, paras: &[&str]) -> Value {
    json!({ verb: { "columnIndex": column, "paras": paras } })
}

fn texts(step: Value, column: &str) -> Vec<String> {
    let (_, output) = run(step, &rows());
    shown(&output.rows, column)
}

#[test]
fn parts_of_texts_are_taken_replaced_and_filled_up() {
    assert_eq!(texts(dx("dx_substr", 1, &["2", "5"]), "t"), ["taxTe", "z", "öße", "-"]);
    assert_eq!(
        texts(dx("dx_replace", 1, &["2", "4", "****"]), "t"),
        ["da****est", "xy****", "gr****", "-"]
    );
    assert_eq!(texts(dx("dx_pad", 1, &["l", "4", "A"]), "t"), ["data", "Axyz", "größ", "AAAA"]);
    assert_eq!(texts(dx("dx_pad", 1, &["r", "4", "A"]), "t"), ["data", "xyzA", "größ", "AAAA"]);
    assert_eq!(texts(dx("dx_pad", 0, &["l", "3", "0"]), "n"), ["005", "010", "0-7", "000"]);
}

#[test]
fn a_start_beyond_the_end_is_a_bad_row() {
    let (_, output) = run(dx("dx_substr", 1, &["5", "10"]), &rows());
    assert_eq!(shown(&output.rows, "t"), ["Test", "", "-"]);
    assert_eq!(output.rejects.len(), 1);
    assert!(output.rejects[0].error.chain().contains("\"xyz\""), "{:?}", output.rejects);
}

#[test]
fn hashes_are_those_of_the_manual() {
    let one = table(&[("t", "text", &[Some("xyzzzzz"), None])]);
    let (_, output) = run(dx("dx_digest", 0, &["md5", "toUpperCase"]), &one);
    assert_eq!(
        shown(&output.rows, "t"),
        ["9CDFFC4FA4E45A99DB8BBCD762ACFFA2", "D41D8CD98F00B204E9800998ECF8427E"]
    );
    let (_, output) = run(dx("dx_digest", 0, &["sha1", "toLowerCase"]), &one);
    assert_eq!(shown(&output.rows, "t")[1], "da39a3ee5e6b4b0d3255bfef95601890afd80709");
}

#[test]
fn a_filter_takes_out_what_it_says() {
    let n = |operator, value| texts(dx("dx_filter", 0, &[operator, value]), "n");
    assert_eq!(n(">=", "10"), ["5", "-7", "-"]);
    assert_eq!(n("<", "5.5"), ["10", "-"]);
    assert_eq!(n("=", "null"), ["5", "10", "-7"]);
    assert_eq!(n("!=", "null"), ["-"]);
    assert_eq!(n("!=", "10"), ["10"]);
    let t = |operator, value| texts(dx("dx_filter", 1, &[operator, value]), "t");
    assert_eq!(t("like", ".*x.*"), ["größe", "-"]);
    assert_eq!(t("like", "x"), ["dataxTest", "xyz", "größe", "-"]);
    assert_eq!(t("not like", ".*x.*"), ["dataxTest", "xyz"]);
    assert_eq!(t(">", "e"), ["dataxTest", "-"]);
}

/// Every comparison, with the values around it and NULL.
#[test]
fn every_comparison_is_that_of_datax() {
    let numbers = [Some("-1"), Some("0"), Some("9"), Some("10"), None];
    let rows = table(&[
        ("n", "int64", &numbers),
        ("d", "float64", &[Some("-0.0"), Some("NaN"), Some("9.5"), Some("1e3"), None]),
        ("t", "text", &[Some("a"), Some("A"), Some("b"), Some(""), None]),
        ("b", "bool", &[Some("true"), Some("false"), Some("true"), Some("false"), None]),
    ]);
    let left = |column: usize, operator: &str, value: &str| {
        let (_, output) = run(dx("dx_filter", column, &[operator, value]), &rows);
        shown(&output.rows, "n")
    };
    for (column, operator, value, gone) in [
        (0, ">", "9", vec!["10"]),
        (0, ">=", "9", vec!["9", "10"]),
        (0, "<", "9", vec!["-1", "0"]),
        (0, "<=", "9", vec!["-1", "0", "9"]),
        (0, "=", "9", vec!["9"]),
        (0, "==", "9", vec!["9"]),
        (0, "!=", "9", vec!["-1", "0", "10", "-"]),
        (0, "like", "[0-9]", vec!["0", "9"]),
        (0, "not like", "[0-9]", vec!["-1", "10", "-"]),
        // Zero is zero, and NaN is less, more and equal to nothing.
        (1, "=", "0", vec!["-1"]),
        (1, ">", "-1", vec!["-1", "9", "10"]),
        (1, "<=", "9.5", vec!["-1", "9"]),
        (1, "!=", "9.5", vec!["-1", "0", "10", "-"]),
        // Texts by their characters.
        (2, ">", "a", vec!["9"]),
        (2, "<", "a", vec!["0", "10"]),
        (2, "=", "NULL", vec!["-"]),
        (2, "LIKE", "", vec![]),
        (3, "=", "true", vec!["-1", "9"]),
    ] {
        if value.is_empty() {
            // There is nothing to compare with.
            assert!(build(&json!([dx("dx_filter", column, &[operator, value])])).is_err());
            continue;
        }
        let stay: Vec<&str> =
            numbers.iter().map(|n| n.unwrap_or("-")).filter(|n| !gone.contains(n)).collect();
        assert_eq!(left(column, operator, value), stay, "column {column} {operator} {value}");
    }
}

#[test]
fn dates_are_filtered_by_milliseconds_or_as_they_are_written() {
    let rows = table(&[
        ("at", "timestamp", &[Some("1970-01-01 00:00:01"), Some("2014-07-07 08:09:10"), None]),
        ("day", "date", &[Some("1970-01-02"), Some("2014-07-07"), None]),
    ]);
    let left = |column: usize, operator: &str, value: &str| {
        let (_, output) = run(dx("dx_filter", column, &[operator, value]), &rows);
        shown(&output.rows, "day")
    };
    assert_eq!(left(0, ">", "1000"), ["1970-01-02", "-"]);
    assert_eq!(left(0, ">=", "1000"), ["-"]);
    assert_eq!(left(0, "=", "1000"), ["2014-07-07", "-"]);
    assert_eq!(left(1, "<=", "86400000"), ["2014-07-07", "-"]);
    assert_eq!(left(1, "!=", "86400000"), ["1970-01-02"]);
    assert_eq!(left(1, "=", "null"), ["1970-01-02", "2014-07-07"]);
    assert_eq!(left(0, "<", "2000-01-01 00:00:00"), ["2014-07-07", "-"]);
}

#[test]
fn a_point_stands_for_no_line_end() {
    let rows = table(&[("t", "text", &[Some("ab"), Some("a\nb"), Some("a\r"), None])]);
    let (_, output) = run(dx("dx_filter", 0, &["like", "a.*"]), &rows);
    assert_eq!(shown(&output.rows, "t"), ["a\nb", "a\r", "-"]);
    let (_, output) = run(dx("dx_filter", 0, &["like", "(?s)a.*"]), &rows);
    assert_eq!(shown(&output.rows, "t"), ["-"]);
}

#[test]
fn wrong_parameters_are_named_before_the_first_row() {
    let refused = |step: Value| match build(&json!([step])) {
        Err(error) => error,
        Ok(steps) => steps[0].bind(&rows().0).map(drop).unwrap_err(),
    };
    let codes = [
        (dx("dx_substr", 1, &["2"]), Code::BadValue),
        (dx("dx_substr", 1, &["-1", "2"]), Code::BadValue),
        (dx("dx_substr", 4, &["1", "2"]), Code::ColumnNotFound),
        (dx("dx_pad", 1, &["x", "2", "A"]), Code::BadValue),
        (dx("dx_digest", 1, &["md4", "toLowerCase"]), Code::BadValue),
        (dx("dx_filter", 1, &["like", "("]), Code::BadValue),
        (dx("dx_filter", 1, &["~", "a"]), Code::BadValue),
        (dx("dx_filter", 0, &[">", "many"]), Code::BadValue),
        (json!({ "dx_substr": { "column": 1 } }), Code::UnknownKey),
        (json!({ "parse_date": { "day": "QQQ" } }), Code::BadValue),
        (json!({ "parse_date": { "n": "yyyy" } }), Code::BadProcessor),
        (json!({ "format_date": { "day": "yyyy" } }), Code::BadProcessor),
    ];
    for (step, code) in codes {
        let error = refused(step.clone());
        assert_eq!(error.code(), code, "{step}: {error}");
    }
}

#[test]
fn dates_are_read_and_written_by_patterns() {
    let (schema, output) = run(json!({ "parse_date": { "day": "yyyy.M.d" } }), &rows());
    assert!(matches!(
        schema.columns[2].field.data_type(),
        arrow::datatypes::DataType::Timestamp(_, None)
    ));
    assert_eq!(shown(&output.rows, "day"), ["2014-12-31 00:00:00", "2014-01-01 00:00:00", "-"]);
    assert_eq!(output.rejects.len(), 1);
    let texts = texts(json!({ "format_date": { "at": "yyyy/MM/dd HH:mm:ss.SSS" } }), "at");
    assert_eq!(texts[0], "2014/12/31 23:59:58.500");
    let all = self::texts(json!({ "format_date": "yyyy" }), "at");
    assert_eq!(all, ["2014", "-", "-", "-"]);
}
