//! What expressions mean: SQL's logic with NULL, exact comparisons, errors as rejects.

#![allow(clippy::unwrap_used, reason = "helpers of tests")]

mod support;

use proptest::prelude::*;
use serde_json::json;
use support::{bind, run, shown, table, texts};
use syncline_types::{Code, TableSchema};

use arrow::array::RecordBatch;

/// The ids of the rows a condition keeps; rejects are shown as `!code`.
fn kept(condition: &str, rows: &(TableSchema, RecordBatch)) -> Vec<String> {
    let (_, output) = run(json!({ "filter": condition }), rows);
    let mut ids = shown(&output.rows, "id");
    for reject in &output.rejects {
        ids.push(format!("{}!{}", shown(&reject.row, "id")[0], reject.error.code()));
    }
    ids
}

/// The value of an expression for each row, with its type.
fn value(expression: &str, rows: &(TableSchema, RecordBatch)) -> (String, Vec<String>) {
    let (schema, output) = run(json!({ "add": { "result": expression } }), rows);
    let mut values = shown(&output.rows, "result");
    values.extend(output.rejects.iter().map(|r| format!("!{}", r.error.code())));
    let field = &schema.column("result").unwrap().field;
    (syncline_convert::portable::type_name(field), values)
}

fn refused(expression: &str, rows: &(TableSchema, RecordBatch)) -> (Code, String) {
    match bind(json!({ "add": { "result": expression } }), &rows.0) {
        Ok(bound) => panic!("{expression} is {:?}", bound.output.column("result")),
        Err(error) => (error.code(), error.chain()),
    }
}

fn people() -> (TableSchema, RecordBatch) {
    table(&[
        ("id", "int32", &[Some("1"), Some("2"), Some("3"), Some("4")]),
        ("name", "text", &[Some("Ada"), Some("ärger_1"), Some("100%"), None]),
        ("amount", "decimal(10,2)", &[Some("0.10"), Some("10.00"), None, Some("-3.50")]),
        ("big", "uint64", &[Some("18446744073709551615"), Some("0"), Some("5"), None]),
        (
            "born",
            "timestamp",
            &[Some("1970-01-01"), Some("2999-12-31 23:59:59.999999"), None, Some("2024-02-29")],
        ),
        ("day", "date", &[Some("1970-01-01"), Some("2999-12-31"), Some("2024-02-29"), None]),
        ("ratio", "float64", &[Some("0.1"), Some("1.5"), Some("NaN"), None]),
        ("small", "float32", &[Some("0.1"), Some("1.5"), None, None]),
        ("ok", "bool", &[Some("true"), Some("false"), None, Some("true")]),
        (
            "key",
            "uuid",
            &[
                Some("00000000-0000-0000-0000-000000000001"),
                Some("00000000-0000-0000-0000-000000000002"),
                None,
                None,
            ],
        ),
    ])
}

#[test]
fn null_is_neither_true_nor_false() {
    let rows = people();
    assert_eq!(kept("amount > 0", &rows), ["1", "2"]);
    assert_eq!(kept("not (amount > 0)", &rows), ["4"]);
    assert_eq!(kept("amount > 0 or ok", &rows), ["1", "2", "4"]);
    assert_eq!(kept("amount > 0 and ok", &rows), ["1"]);
    assert_eq!(kept("amount is null", &rows), ["3"]);
    assert_eq!(kept("(amount > 0) is null", &rows), ["3"]);
    assert_eq!(kept("amount in (0.1, null)", &rows), ["1"]);
    assert_eq!(kept("amount not in (0.1, null)", &rows), Vec::<String>::new());
    assert_eq!(kept("amount not in (0.1)", &rows), ["2", "4"]);
    assert_eq!(kept("amount between -4 and 0.1", &rows), ["1", "4"]);
    assert_eq!(kept("amount not between -4 and 0.1", &rows), ["2"]);
    assert_eq!(kept("amount is distinct from 0.1", &rows), ["2", "3", "4"]);
    assert_eq!(kept("null", &table(&[("id", "int32", &[Some("1")])])), Vec::<String>::new());
    assert_eq!(kept("ok = null", &rows), Vec::<String>::new());
}

#[test]
fn decimals_meet_their_literals_exactly() {
    let rows = people();
    assert_eq!(kept("amount = 0.1", &rows), ["1"]);
    assert_eq!(kept("amount = 0.10000000000000000000000000001", &rows), Vec::<String>::new());
    assert_eq!(kept("amount < 0.10000000000000000000000000001", &rows), ["1", "4"]);
    assert_eq!(kept("amount = '0.1'", &rows), ["1"]);
    assert_eq!(kept("amount >= 10", &rows), ["2"]);
    assert_eq!(kept("ratio = 0.1", &rows), ["1"]);
    assert_eq!(kept("small = 0.1", &rows), ["1"]);
    let wide = table(&[
        ("id", "int32", &[Some("1"), Some("2")]),
        ("a", "decimal(38,0)", &[Some("99999999999999999999999999999999999999"), Some("1")]),
        ("b", "decimal(38,38)", &[Some("0.00000000000000000000000000000000000001"), Some("0")]),
        (
            "c",
            "decimal(76,0)",
            &[
                Some(
                    "9999999999999999999999999999999999999999999999999999999999999999999999999999",
                ),
                Some("1"),
            ],
        ),
    ]);
    assert_eq!(kept("a > b", &wide), ["1", "2"]);
    assert_eq!(kept("a = 1.00000000000000000001", &wide), Vec::<String>::new());
    assert_eq!(kept("c = a", &wide), ["2"]);
    assert_eq!(kept("c > 5", &wide), ["1"]);
}

#[test]
fn floats_have_one_zero_and_one_nan() {
    let rows = table(&[
        ("id", "int32", &[Some("1"), Some("2"), Some("3"), Some("4")]),
        ("x", "float64", &[Some("-0"), Some("0"), Some("NaN"), Some("-Infinity")]),
        ("y", "float32", &[Some("0"), Some("-0"), Some("NaN"), Some("1")]),
    ]);
    assert_eq!(kept("x = 0", &rows), ["1", "2"]);
    assert_eq!(kept("x = -0.0", &rows), ["1", "2"]);
    assert_eq!(kept("x < 0", &rows), ["4"]);
    assert_eq!(kept("x = y", &rows), ["1", "2", "3"]);
    assert_eq!(kept("x in (0, 7.5)", &rows), ["1", "2"]);
    assert_eq!(kept("x = 'NaN'", &rows), ["3"]);
    assert_eq!(kept("y > 1e30", &rows), ["3"]);
    assert_eq!(kept("x = id", &rows), Vec::<String>::new());
}

#[test]
fn unsigned_integers_meet_negative_ones() {
    let rows = people();
    assert_eq!(kept("big > -1", &rows), ["1", "2", "3"]);
    assert_eq!(kept("big = 18446744073709551615", &rows), ["1"]);
    assert_eq!(kept("big > id", &rows), ["1", "3"]);
    assert_eq!(kept("big in (-1, 5)", &rows), ["3"]);
    assert_eq!(kept("big between -10 and 4.5", &rows), ["2"]);
    assert_eq!(refused("-big", &rows).0, Code::BadExpression);
}

#[test]
fn times_meet_texts_and_each_other() {
    let rows = people();
    assert_eq!(kept("born = '2024-02-29'", &rows), ["4"]);
    assert_eq!(kept("born >= '2024-02-29T00:00:00Z'", &rows), ["2", "4"]);
    assert_eq!(kept("born > timestamp '2999-12-31 23:59:59.999998'", &rows), ["2"]);
    assert_eq!(kept("born > day", &rows), ["2"]);
    assert_eq!(kept("day < '2024-03-01' and day > date '1970-01-01'", &rows), ["3"]);
    assert_eq!(kept("born + interval '1 day' > '2024-03-01'", &rows), ["2"]);
    assert_eq!(kept("extract(year from born) = 2999", &rows), ["2"]);
    let (code, text) = refused("born > 'yesterday'", &rows);
    assert_eq!(code, Code::BadExpression);
    assert!(text.contains("yesterday") && text.contains("timestamp"), "{text}");
    assert_eq!(refused("day = 5", &rows).0, Code::BadExpression);
    assert_eq!(kept("key = '00000000-0000-0000-0000-000000000002'", &rows), ["2"]);
    assert_eq!(kept("key in ('00000000000000000000000000000001', null)", &rows), ["1"]);
}

#[test]
fn like_has_escapes_and_knows_unicode() {
    let rows = people();
    assert_eq!(kept("name like 'A__'", &rows), ["1"]);
    assert_eq!(kept("name like '_rger%'", &rows), ["2"]);
    assert_eq!(kept(r"name like '%\_1'", &rows), ["2"]);
    assert_eq!(kept(r"name like '100\%'", &rows), ["3"]);
    assert_eq!(kept("name like '100!%' escape '!'", &rows), ["3"]);
    assert_eq!(kept("name like '%!_1' escape '!'", &rows), ["2"]);
    assert_eq!(kept("name not like '%!_1' escape '!'", &rows), ["1", "3"]);
    assert_eq!(kept("name ilike 'ÄRGER%'", &rows), ["2"]);
    assert_eq!(kept("name = 'ärger_1'", &rows), ["2"]);
    assert_eq!(refused("name like 'x!' escape '!'", &rows).0, Code::BadExpression);
    assert_eq!(refused("amount like '1%'", &rows).0, Code::BadExpression);
}

#[test]
fn names_are_taken_as_spelled() {
    let rows = table(&[
        ("id", "int32", &[Some("1"), Some("2")]),
        ("Id", "int32", &[Some("10"), Some("20")]),
        ("größe", "int32", &[Some("1"), None]),
        ("a.b c", "int32", &[Some("7"), Some("8")]),
        ("say \"hi\" `x` 😀", "int32", &[Some("7"), Some("8")]),
        ("select", "int32", &[Some("7"), Some("8")]),
    ]);
    assert_eq!(kept("Id = 20", &rows), ["2"]);
    assert_eq!(kept("größe = 1", &rows), ["1"]);
    assert_eq!(kept("\"a.b c\" = 8 and `a.b c` = 8", &rows), ["2"]);
    assert_eq!(kept("\"say \"\"hi\"\" `x` 😀\" = 8", &rows), ["2"]);
    assert_eq!(kept("`select` = 8", &rows), ["2"]);
    assert_eq!(kept("rows.id = 2", &rows), ["2"]);
    let (code, text) = refused("große = 1", &rows);
    assert_eq!(code, Code::ColumnNotFound);
    assert!(text.contains("did you mean \"größe\"?"), "{text}");
    assert_eq!(refused("ID = 1", &rows).0, Code::ColumnNotFound);
    assert_eq!(refused("other.id = 1", &rows).0, Code::ColumnNotFound);
}

#[test]
fn an_error_in_one_row_rejects_that_row() {
    let rows = table(&[
        (
            "id",
            "int64",
            &[
                Some("1"),
                Some("9223372036854775807"),
                Some("0"),
                Some("-9223372036854775808"),
                None,
            ],
        ),
        ("t", "text", &[Some("5"), Some("x"), Some("7"), Some("1.5"), Some("9")]),
        (
            "u",
            "uint64",
            &[Some("1"), Some("2"), Some("0"), Some("18446744073709551615"), Some("3")],
        ),
        (
            "d",
            "decimal(38,0)",
            &[Some("1"), Some("99999999999999999999999999999999999999"), Some("0"), None, None],
        ),
        ("s", "int8", &[Some("1"), Some("127"), Some("0"), Some("-128"), None]),
    ]);
    let code = |e: &str| value(e, &rows).1;
    assert_eq!(code("id + 1"), ["2", "1", "-9223372036854775807", "-", "!E0306"]);
    assert_eq!(code("id - 1").last().unwrap(), "!E0306");
    assert_eq!(code("id * 2").len(), 5);
    assert_eq!(code("id * 2")[3..], ["!E0306", "!E0306"]);
    assert_eq!(code("-id")[4], "!E0306");
    assert_eq!(code("abs(id)")[4], "!E0301");
    assert_eq!(code("10 / id"), ["10", "0", "0", "-", "!E0301"]);
    assert_eq!(code("id % 0")[1..], ["!E0301", "!E0301", "!E0301", "!E0301"]);
    assert_eq!(
        value("cast(t as int)", &rows),
        (
            "int32".into(),
            vec!["5".into(), "7".into(), "9".into(), "!E0301".into(), "!E0301".into()]
        )
    );
    assert_eq!(value("t::int64", &rows).1.len(), 5);
    assert_eq!(value("try_cast(t as int)", &rows).1, ["5", "-", "7", "-", "9"]);
    assert_eq!(code("u + 1")[3], "18446744073709551616");
    assert_eq!(code("u * u")[4], "!E0306");
    assert_eq!(code("d + 1")[4], "!E0306");
    assert_eq!(code("d * d")[4], "!E0306");
    assert_eq!(code("s + 1"), ["2", "128", "1", "-127", "-"]);
    assert_eq!(code("s + s")[4], "!E0306");
    // Only the row that is to blame, and only when its value is needed.
    assert_eq!(kept("id = 0 or 10 / id > 5", &rows), ["1", "0"]);
    assert_eq!(code("case when id = 0 then null else 10 / id end"), ["10", "0", "-", "0", "-"]);
}

#[test]
fn casts_change_no_value() {
    let rows = people();
    assert_eq!(value("cast(amount as int)", &rows).1, ["10", "-", "!E0301", "!E0301"]);
    assert_eq!(value("cast(ratio as decimal(5,2))", &rows).1, ["0.10", "1.50", "-", "!E0309"]);
    assert_eq!(value("born::date", &rows).1, ["1970-01-01", "-", "2024-02-29", "!E0301"]);
    assert_eq!(
        value("key::text", &rows),
        (
            "text".into(),
            vec![
                "00000000-0000-0000-0000-000000000001".into(),
                "00000000-0000-0000-0000-000000000002".into(),
                "-".into(),
                "-".into()
            ]
        )
    );
    assert_eq!(value("'2024-02-29 12:00:00+02:00'::timestamptz", &rows).0, "timestamptz");
    assert_eq!(value("cast('0a0b0c0d-0000-0000-0000-000000000000' as uuid)", &rows).0, "uuid");
    assert_eq!(value("cast(id as decimal(12,2))", &rows).1[0], "1.00");
    assert_eq!(value("cast(name as varchar(3))", &rows).1, ["Ada", "-", "!E0306", "!E0306"]);
    assert_eq!(value("cast(id as uint8)", &rows).0, "uint8");
    assert_eq!(refused("cast(day as int)", &rows).0, Code::BadExpression);
    assert_eq!(refused("cast(id as int33)", &rows).0, Code::BadExpression);
}

#[test]
fn results_are_canonical_types() {
    let rows = people();
    for (expression, kind, first) in [
        ("id + 1", "int64", "2"),
        ("amount * 2", "decimal(31,2)", "0.20"),
        ("amount + 0.125", "decimal(12,3)", "0.225"),
        ("id / 2", "int64", "0"),
        ("ratio * 2", "float64", "0.2"),
        ("upper(name)", "text", "ADA"),
        ("name || '-' || id", "text", "Ada-1"),
        ("concat(name, '!')", "text", "Ada!"),
        ("substr(name, 1, 2)", "text", "Ad"),
        ("substring(name from 2)", "text", "da"),
        ("length(name)", "int32", "3"),
        ("coalesce(name, 'none')", "text", "Ada"),
        ("nullif(name, 'Ada')", "text", "-"),
        ("replace(name, 'a', 'b')", "text", "Adb"),
        ("case when ok then 1 else 2 end", "int64", "1"),
        ("case id when 1 then 'one' else 'more' end", "text", "one"),
        ("born", "timestamp", "1970-01-01 00:00:00"),
        ("date_trunc('month', born)", "timestamp", "1970-01-01 00:00:00"),
        ("day + interval '1 day'", "date", "1970-01-02"),
        ("null", "text", "-"),
        ("true", "bool", "true"),
        ("1.50", "decimal(3,2)", "1.50"),
        ("'x'", "text", "x"),
        ("x'6869'", "binary", "\\x6869"),
        ("key", "uuid", "00000000-0000-0000-0000-000000000001"),
        ("ok and true", "bool", "true"),
        ("encode(cast(name as binary), 'hex')", "text", "416461"),
        ("regexp_replace(name, 'd', 'D')", "text", "ADa"),
    ] {
        let (found, values) = value(expression, &rows);
        assert_eq!((found.as_str(), values[0].as_str()), (kind, first), "{expression}");
    }
    assert_eq!(value("now()", &rows).0, "timestamptz");
    assert_eq!(value("current_date", &rows).0, "date");
}

#[test]
fn sums_of_times_are_not_cut() {
    let rows = people();
    let second = |e: &str| {
        let (kind, values) = value(e, &rows);
        format!("{kind} {}", values[1])
    };
    assert_eq!(second("day + interval '1 month'"), "date 3000-01-31");
    assert_eq!(second("day + interval '36 hours'"), "timestamp 3000-01-01 12:00:00");
    assert_eq!(second("born - day"), "duration 23:59:59.999999");
    assert_eq!(second("born - interval '1 second'"), "timestamp 2999-12-31 23:59:58.999999");
    assert_eq!(refused("born + interval '1 nanosecond'", &rows).0, Code::BadExpression);
    assert_eq!(refused("time '12:00' + interval '20 hours'", &rows).0, Code::BadExpression);
    assert_eq!(refused("-born", &rows).0, Code::BadExpression);
    assert_eq!(value("1e3", &rows), ("decimal(4,0)".into(), vec!["1000".to_owned(); 4]));
    assert_eq!(kept("amount * 1e3 = 1e4", &rows), ["2"]);
    let (_, message) = refused("date '2024-02-30'", &rows);
    assert!(
        message.ends_with("\"2024-02-30\" (text) does not fit date: no such day in the calendar"),
        "{message}"
    );
}

#[test]
fn the_reference_says_what_is() {
    let rows = people();
    for (expression, first) in [
        ("7 / 2", "3"),
        ("7 / 2.0", "3.5000"),
        ("1.0 / 3", "0.33333"),
        ("trim('  x ')", "x"),
        ("split_part('a,b', ',', 2)", "b"),
        ("round(1.5)", "2"),
        ("floor(ratio)", "0"),
        ("sqrt(4)", "2"),
        ("date_part('year', born)", "1970"),
        ("md5('x')", "9dd4e461268c8034f5c8564e155c67a6"),
        (
            "encode(sha256('x'), 'hex')",
            "2d711642b726b04401627ca9fbac32f5c8530fb1903cc4db02258717921a4881",
        ),
        ("name ~ '^A'", "true"),
        ("ok is not true", "false"),
        ("length(uuid())", "36"),
        ("ok = 1", "true"),
    ] {
        assert_eq!(value(expression, &rows).1[0], first, "{expression}");
    }
}

#[test]
fn mistakes_are_found_before_the_first_row() {
    let rows = people();
    for (expression, words) in [
        ("", "expression"),
        ("id =", "expression"),
        ("id = 1 2", "2 was not expected"),
        ("name > 5", "cannot be compared"),
        ("name + 1", "cannot be calculated"),
        ("id = 'five'", "is no int32"),
        ("uper(name)", "did you mean \"upper\"?"),
        ("sum(id)", "aggregate"),
        ("count(*)", "aggregate"),
        ("id in (select 1)", "subqueries"),
        ("(select 1)", "subqueries"),
        ("exists (select 1)", "subqueries"),
        ("row_number() over ()", ""),
        ("$1 = id", "parameters"),
        ("1 / 0", ""),
        ("9223372036854775807 + 1", "verflow"),
        ("[1, 2]", ""),
        ("arrow_cast(id, 'Int8')", "no function"),
        ("id; drop table t", "was not expected"),
        ("upper(name, name)", ""),
    ] {
        let (code, text) = refused(expression, &rows);
        assert_eq!(code, Code::BadExpression, "{expression}: {text}");
        assert!(text.contains(words), "{expression}: {text}");
        assert!(!text.contains("Internal error"), "{text}");
    }
    let error = bind(json!({ "filter": "id + 1" }), &rows.0).err().unwrap();
    assert_eq!(error.code(), Code::BadExpression);
    assert!(error.message().starts_with("processors[0].filter: id + 1: "), "{error}");
}

#[test]
fn depth_is_an_error_and_no_crash() {
    let rows = people();
    let wrap = |n: usize, open: &str, inner: &str, close: &str| {
        format!("{}{inner}{}", open.repeat(n), close.repeat(n))
    };
    let cases = [
        wrap(10_000, "(", "id = 1", ")"),
        wrap(10_000, "not ", "ok", ""),
        wrap(10_000, "- ", "id", "= 1"),
        wrap(5_000, "abs(", "id", ") = 1"),
        format!("{} = 1", vec!["id"; 15_000].join("+")),
        format!("{} = 'x'", vec!["name"; 8_000].join("||")),
        wrap(2_000, "case when ok then ", "id", " end"),
        wrap(50, "coalesce(abs(", "id", "), 1)"),
        format!("id{}", " is null".repeat(6_000)),
        format!("id{}", "::int".repeat(10_000)),
        format!("id = {}", "1".repeat(100_000)),
    ];
    for text in cases {
        let (code, message) = refused(&text, &rows);
        assert_eq!(code, Code::BadExpression, "{}", &text[..40]);
        assert!(message.len() < 400, "{message}");
    }
    // Long is fine, as long as it is not deep.
    let many = vec!["id = 1"; 5_000].join(" or ");
    assert_eq!(kept(&many, &rows), ["1"]);
    let list: Vec<String> = (1..10_000).map(|n| n.to_string()).collect();
    assert_eq!(kept(&format!("id in ({})", list.join(",")), &rows).len(), 4);
    // The deepest that is taken runs on a small stack too.
    let deep = [
        format!("{} > 0", vec!["id"; 95].join("+")),
        wrap(8, "case when ok then abs(", "id", ") else 1 end") + " > 0",
        wrap(8, "coalesce(abs(", "id", "), 1)") + " > 0",
        wrap(90, "abs(", "id", ")") + " > 0",
    ];
    for text in deep {
        let rows = rows.clone();
        let thread = std::thread::Builder::new().stack_size(1024 * 1024);
        let ids = thread.spawn(move || kept(&text, &rows)).unwrap().join().unwrap();
        assert_eq!(ids.len(), 4);
    }
}

#[test]
fn a_hundred_thousand_rows_with_one_mistake_lose_one_row() {
    let values: Vec<Option<&'static str>> =
        (0..20_000).map(|i| Some(if i == 12_345 { "x" } else { "7" })).collect();
    let rows = table(&[("id", "text", &values)]);
    let (_, output) = run(json!({ "add": { "n": "cast(id as int32)" } }), &rows);
    assert_eq!((output.rows.num_rows(), output.rejects.len()), (19_999, 1));
    assert_eq!(texts(&output.rejects[0].row, "id"), [Some("x".to_owned())]);
    assert!(output.rejects[0].error.message().contains("\"x\" (text) does not fit int32"));
}

fn condition() -> impl Strategy<Value = String> {
    let leaf = prop::sample::select(vec![
        "amount > 0",
        "amount = 0.1",
        "name like 'A%'",
        "name is null",
        "ok",
        "ok is not true",
        "big > -1",
        "born < '2024-03-01'",
        "id in (1, 3, null)",
        "ratio <= 1.5",
        "ratio > amount",
        "amount between 0 and 5",
        "null",
        "true",
        "day = born",
        "name in ('Ada', '100%')",
        "small = 0.1",
        "key is not null",
        "coalesce(ok, false)",
        "id <> 2",
    ])
    .prop_map(str::to_owned);
    leaf.prop_recursive(4, 24, 3, |inner| {
        prop_oneof![
            (inner.clone(), inner.clone()).prop_map(|(a, b)| format!("({a} and {b})")),
            (inner.clone(), inner.clone()).prop_map(|(a, b)| format!("({a} or {b})")),
            inner.clone().prop_map(|a| format!("not ({a})")),
            inner.prop_map(|a| format!("(({a}) is unknown)")),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..Default::default() })]
    #[test]
    fn a_condition_its_negation_and_unknown_part_the_rows(p in condition()) {
        let rows = people();
        let mut all: Vec<String> = Vec::new();
        for condition in [p.clone(), format!("not ({p})"), format!("({p}) is null")] {
            all.extend(kept(&condition, &rows));
        }
        all.sort();
        prop_assert_eq!(all, ["1", "2", "3", "4"], "{}", p);
    }

    #[test]
    fn any_text_is_planned_or_refused(text in "\\PC{0,60}|[a-z0-9 ()'\"=<>+*/.,-]{0,60}") {
        let rows = people();
        if let Err(error) = bind(json!({ "filter": text }), &rows.0) {
            prop_assert!(error.code() != Code::Bug, "{}", error.chain());
        }
    }
}
