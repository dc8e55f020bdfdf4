//! The verbs: what they make of rows, of tables with their keys, and of wrong configurations.

#![allow(clippy::unwrap_used, reason = "helpers of tests")]

mod support;

use serde_json::{Value, json};
use support::{bind, run, shown, table};
use syncline_convert::portable::type_name;
use syncline_processors::{build, build_at};
use syncline_types::{Code, Column, DefaultValue, Identity, Index, IndexPart, TableSchema, field};

use arrow::array::RecordBatch;

fn index(name: &str, columns: &[&str]) -> Index {
    let part = |c: &&str| IndexPart { column: (*c).into(), prefix: None, descending: false };
    Index::new(name, columns.iter().map(part).collect(), true)
}

fn users() -> (TableSchema, RecordBatch) {
    let (mut schema, rows) = table(&[
        ("id", "int32", &[Some("1"), Some("2"), Some("3")]),
        ("email", "text(40)", &[Some("ada@example.org"), Some("é@x"), None]),
        ("amount", "decimal(10,2)", &[Some("1.50"), Some("2.00"), Some("-3.25")]),
        ("photo", "binary", &[Some("\\x00ff"), None, Some("\\x")]),
    ]);
    schema.primary_key = vec!["id".into()];
    schema.indexes = vec![index("by_email", &["email", "id"]), index("by_amount", &["amount"])];
    schema.columns[0].identity = Some(Identity { always: false, next: Some(4) });
    schema.columns[1].comment = Some("where to write".into());
    schema.columns[2].default = Some(DefaultValue::Value("0".into()));
    schema.comment = Some("people".into());
    (schema, rows)
}

fn names(schema: &TableSchema) -> Vec<&str> {
    schema.columns.iter().map(|c| c.name()).collect()
}

fn indexes(schema: &TableSchema) -> Vec<&str> {
    schema.indexes.iter().map(|i| i.name.as_str()).collect()
}

#[test]
fn a_column_of_another_type_is_no_longer_of_its_stores_type() {
    let (mut schema, rows) = users();
    for column in &mut schema.columns {
        let native = format!("own type of {}", column.name());
        let pairs = [(field::STORE, "mysql".to_owned()), (field::NATIVE, native)];
        column.field = field::with(column.field.clone(), pairs);
    }
    let users =
        (schema.clone(), RecordBatch::try_new(schema.arrow(), rows.columns().to_vec()).unwrap());
    let natives = |config: Value| {
        let (schema, _) = run(config, &users);
        let own = |c: &Column| field::native(&c.field, "mysql").is_some();
        schema.columns.iter().filter(|c| own(c)).map(|c| c.name().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(natives(json!({ "cast": { "id": "text" } })), ["email", "amount", "photo"]);
    let mask = json!({ "mask": { "columns": ["email", "amount"], "with": "redact" } });
    assert_eq!(natives(mask), ["id", "photo"]);
    let sql =
        "select id, id + 1 as next, cast(amount as varchar) as amount, email as mail from rows";
    assert_eq!(natives(json!({ "sql": sql })), ["id", "mail"]);
    assert_eq!(
        natives(json!({ "add": { "more": "amount * 2" } })),
        ["id", "email", "amount", "photo"]
    );
}

#[test]
fn filter_leaves_the_table_as_it_is() {
    let users = users();
    let (schema, output) = run(json!({ "filter": "amount < 2 and email is not null" }), &users);
    assert_eq!(schema, users.0);
    assert_eq!(shown(&output.rows, "id"), ["1"]);
    let (_, all) = run(json!({ "filter": "true" }), &users);
    assert_eq!(all.rows, users.1);
}

#[test]
fn select_orders_columns_and_keeps_whole_keys() {
    let users = users();
    let (schema, output) = run(json!({ "select": ["email", "id"] }), &users);
    assert_eq!(names(&schema), ["email", "id"]);
    assert_eq!(
        (schema.primary_key.as_slice(), indexes(&schema)),
        (&["id".to_owned()][..], vec!["by_email"])
    );
    assert_eq!(schema.columns[1], users.0.columns[0]);
    assert_eq!(shown(&output.rows, "email"), ["ada@example.org", "é@x", "-"]);
    let (schema, _) = run(json!({ "select": "amount" }), &users);
    assert_eq!((schema.primary_key.len(), indexes(&schema)), (0, vec!["by_amount"]));
}

#[test]
fn drop_takes_columns_out() {
    let (schema, output) = run(json!({ "drop": ["id", "photo"] }), &users());
    assert_eq!(names(&schema), ["email", "amount"]);
    assert_eq!((schema.primary_key.len(), indexes(&schema)), (0, vec!["by_amount"]));
    assert_eq!(output.rows.num_rows(), 3);
}

#[test]
fn rename_reaches_keys_and_indexes_and_swaps() {
    let (schema, output) = run(json!({ "rename": { "id": "email", "email": "id" } }), &users());
    assert_eq!(names(&schema), ["email", "id", "amount", "photo"]);
    assert_eq!(schema.primary_key, ["email"]);
    assert_eq!(schema.indexes[0].parts[0].column, "id");
    assert_eq!(shown(&output.rows, "email"), ["1", "2", "3"]);
    assert_eq!(schema.columns[1].comment.as_deref(), Some("where to write"));
}

#[test]
fn cast_is_exact_or_rejects() {
    let (schema, output) = run(json!({ "cast": { "amount": "int16", "id": "text" } }), &users());
    assert_eq!(type_name(&schema.columns[2].field), "int16");
    assert_eq!(shown(&output.rows, "amount"), ["2"]);
    assert_eq!(output.rejects.len(), 2);
    assert_eq!(shown(&output.rejects[0].row, "amount"), ["1.50"]);
    assert_eq!(schema.primary_key, ["id"]);
    assert_eq!(schema.columns[0].identity, None);
    assert_eq!(schema.columns[2].default, Some(DefaultValue::Value("0".into())));
    let same = users();
    let (schema, output) = run(json!({ "cast": { "email": "text(40)" } }), &same);
    assert_eq!((schema, output.rows), same);
}

#[test]
fn add_takes_constants_and_expressions() {
    let config = json!({ "add": {
        "n": 5, "price": 1.50, "yes": true, "none": null, "word": "'it''s'", "double": "amount * 2",
    } });
    let (schema, output) = run(config, &users());
    let added: Vec<String> = schema.columns[4..].iter().map(|c| type_name(&c.field)).collect();
    assert_eq!(added, ["int64", "decimal(2,1)", "bool", "text", "text", "decimal(31,2)"]);
    assert!(!schema.column("n").unwrap().field.is_nullable());
    assert!(schema.column("double").unwrap().field.is_nullable());
    assert_eq!(shown(&output.rows, "word"), ["it's", "it's", "it's"]);
    assert_eq!(shown(&output.rows, "none"), ["-", "-", "-"]);
    assert_eq!(shown(&output.rows, "double"), ["3.00", "4.00", "-6.50"]);
    assert_eq!(schema.columns[..4], users().0.columns);
    let error = bind(json!({ "add": { "id": 5 } }), &users().0).err().unwrap();
    assert_eq!(error.code(), Code::BadProcessor);
}

#[test]
fn mask_hides_values_and_keeps_null() {
    let users = users();
    let mask = |with: Value| {
        let mut object = json!({ "columns": ["email"] });
        object.as_object_mut().unwrap().extend(with.as_object().unwrap().clone());
        run(json!({ "mask": object }), &users)
    };
    let (schema, output) = mask(json!({ "with": "sha256" }));
    let hashes = shown(&output.rows, "email");
    // echo -n ada@example.org | sha256sum
    assert_eq!(hashes[0], "cfe00dde46ef942601ffafb9e2825e802858b460e586b8305b344c1eb826357d");
    assert_eq!((hashes[1].len(), hashes[2].as_str()), (64, "-"));
    assert_eq!(type_name(&schema.columns[1].field), "text(64)");
    assert_eq!(indexes(&schema), ["by_email", "by_amount"]);
    assert_eq!(schema.columns[1].comment.as_deref(), Some("where to write"));

    let (_, keyed) = mask(json!({ "with": "sha256", "key": "pepper" }));
    assert_ne!(shown(&keyed.rows, "email")[0], hashes[0]);

    let (schema, output) = mask(json!({ "with": "redact" }));
    assert_eq!(shown(&output.rows, "email"), ["***", "***", "-"]);
    assert_eq!(indexes(&schema), ["by_amount"]);

    let (_, output) = mask(json!({ "with": "partial", "keep": 4 }));
    assert_eq!(shown(&output.rows, "email"), ["***********.org", "***", "-"]);

    // Numbers and bytes are hashed too.
    let (schema, output) =
        run(json!({ "mask": { "columns": ["id", "photo"], "with": "sha256" } }), &users);
    assert_eq!(shown(&output.rows, "id")[0], sha256("1"));
    assert_eq!(shown(&output.rows, "photo")[2], sha256(""));
    assert_eq!(schema.primary_key, ["id"]);
}

fn sha256(text: &str) -> String {
    use sha2::Digest;
    hex::encode(sha2::Sha256::digest(text))
}

#[test]
fn keys_of_masks_are_not_shown() {
    let config = json!([{ "mask": { "columns": ["email"], "with": "sha256", "key": "pepper" } }]);
    assert!(!format!("{:?}", build(&config).unwrap()).contains("pepper"));
    let config = json!([{ "mask": { "columns": ["a"], "with": "sha256", "key": { "env": "NO_SUCH_VARIABLE_HERE" } } }]);
    assert_eq!(build(&config).unwrap_err().code(), Code::SecretMissing);
}

#[test]
fn sql_projects_and_filters() {
    let sql = "SELECT id AS number, rows.email, amount * 2 AS double, `photo` FROM rows WHERE amount > 0;";
    let (schema, output) = run(json!({ "sql": sql }), &users());
    assert_eq!(names(&schema), ["number", "email", "double", "photo"]);
    assert_eq!(schema.primary_key, ["number"]);
    assert_eq!(indexes(&schema), ["by_email"]);
    assert_eq!(schema.indexes[0].parts[1].column, "number");
    assert_eq!(schema.columns[0].identity.unwrap().next, Some(4));
    assert_eq!(schema.columns[1], users().0.columns[1]);
    assert_eq!(shown(&output.rows, "double"), ["3.00", "4.00"]);

    let (schema, output) = run(json!({ "sql": "select *, 1 as one from rows" }), &users());
    assert_eq!(names(&schema), ["id", "email", "amount", "photo", "one"]);
    assert_eq!(schema.primary_key, ["id"]);
    assert_eq!(output.rows.num_rows(), 3);

    // The condition comes first: rows it takes out cannot fail.
    let (_, output) =
        run(json!({ "sql": "select 1 / (id - 2) as n from rows where id <> 2" }), &users());
    assert_eq!(
        (shown(&output.rows, "n"), output.rejects.len()),
        (vec!["-1".into(), "1".into()], 0)
    );
    let (_, output) = run(json!({ "sql": "select id, 1 / (id - 2) as n from rows" }), &users());
    assert_eq!(
        (shown(&output.rows, "id"), output.rejects.len()),
        (vec!["1".into(), "3".into()], 1)
    );
}

#[test]
fn a_thousand_columns_pass() {
    let names: Vec<String> = (0..1000).map(|i| format!("c{i}")).collect();
    let cells = [Some("1")];
    let columns: Vec<(&str, &str, &[support::Cell])> =
        names.iter().map(|n| (n.as_str(), "int32", &cells[..])).collect();
    let wide = table(&columns);
    let (schema, _) = run(json!({ "add": { "sum": "c0 + c999" } }), &wide);
    assert_eq!(schema.columns.len(), 1001);
    let (_, output) = run(json!({ "sql": "select *, c1 + c2 as s from rows where c3 = 1" }), &wide);
    assert_eq!(shown(&output.rows, "s"), ["2"]);
}

#[test]
fn sql_refuses_what_needs_more_than_a_row() {
    for (sql, words) in [
        ("select sum(amount) as s from rows", "aggregate"),
        ("select id from rows group by id", "GROUP BY"),
        ("select distinct id from rows", "DISTINCT"),
        ("select id from rows order by id", "ORDER BY"),
        ("select id from rows limit 5", "LIMIT"),
        ("select a.id from rows a, rows b", "several tables"),
        ("select rows.id from rows join rows b on true", "joins"),
        ("select id from (select 1 as id)", "subqueries"),
        ("select id from users", "the table is called rows"),
        ("select id from rows union select 1", "UNION"),
        ("with x as (select 1) select id from rows", "WITH"),
        ("select (select 1) as a from rows", "subqueries"),
        ("select rank() over (order by id) as r from rows", "window functions"),
        ("select id + 1 from rows", "needs a name"),
        ("select id, id from rows", "two columns"),
        ("select id from rows where nme = 1", "no column \"nme\""),
        ("select id from rows having id > 1", "HAVING"),
        ("delete from rows", "one SELECT"),
        ("select id from rows; select 1", "was not expected"),
        ("values (1)", "anything but SELECT"),
        ("", ""),
    ] {
        let error = bind(json!({ "sql": sql }), &users().0).err().unwrap();
        assert_eq!(error.kind(), syncline_types::ErrorKind::Config, "{sql}: {error}");
        assert!(error.chain().contains(words), "{sql}: {}", error.chain());
        assert!(error.message().starts_with("processors[0].sql"), "{error}");
    }
}

#[test]
fn wrong_configurations_name_their_place() {
    for (config, code, words) in [
        (
            json!([{ "fliter": "a" }]),
            Code::UnknownKey,
            "p[0]: \"fliter\" is no step; did you mean \"filter\"?",
        ),
        (
            json!([{ "select": ["a"] }, { "mask": { "columns": ["a"], "wiht": "sha256" } }]),
            Code::UnknownKey,
            "p[1].mask: unknown key \"wiht\"; did you mean \"with\"?",
        ),
        (
            json!([{ "mask": { "columns": ["a"], "with": "sha265" } }]),
            Code::BadValue,
            "p[0].mask.with: \"sha265\" is no way to mask; did you mean \"sha256\"?",
        ),
        (
            json!([{ "mask": { "with": "redact" } }]),
            Code::BadProcessor,
            "p[0].mask: columns is missing",
        ),
        (
            json!([{ "mask": { "columns": ["a"], "with": "redact", "keep": 4 } }]),
            Code::BadProcessor,
            "p[0].mask.keep: goes only with partial",
        ),
        (
            json!([{ "mask": { "columns": ["a"], "with": "partial", "keep": -4 } }]),
            Code::BadValue,
            "p[0].mask.keep: a number from 0 was expected, not -4",
        ),
        (json!([{ "filter": 5 }]), Code::BadValue, "p[0].filter: a text was expected, not 5"),
        (json!([{ "select": [] }]), Code::BadProcessor, "p[0].select: no columns are left"),
        (
            json!([{ "select": ["a", 5] }]),
            Code::BadValue,
            "p[0].select[1]: a text was expected, not 5",
        ),
        (
            json!([{ "cast": { "a": "int33" } }]),
            Code::BadValue,
            "p[0].cast.a: \"int33\" is not a type; did you mean",
        ),
        (
            json!([{ "filter": "a", "select": ["a"] }]),
            Code::BadProcessor,
            "p[0]: a step has one key",
        ),
        (json!([{}]), Code::BadValue, "p[0]: an object with keys was expected"),
        (json!(["filter"]), Code::BadValue, "p[0]: an object with keys was expected"),
        (json!("filter"), Code::BadValue, "p: a list was expected"),
        (
            json!([{ "rename": { "a": null } }]),
            Code::BadValue,
            "p[0].rename.a: a text was expected, not nothing",
        ),
        (
            json!([{ "add": { "a": [1] } }]),
            Code::BadValue,
            "p[0].add.a: a constant or an expression",
        ),
    ] {
        let error = build_at(&config, "p").err().unwrap();
        assert_eq!(error.code(), code, "{config}: {error}");
        assert!(error.message().starts_with(words), "{config}: {error}");
    }
    assert!(build(&Value::Null).unwrap().is_empty());
    assert_eq!(build(&json!({ "select": "a" })).unwrap()[0].name(), "select");
}

#[test]
fn columns_that_are_not_there_are_named() {
    for config in [
        json!({ "select": ["emial"] }),
        json!({ "drop": ["emial"] }),
        json!({ "rename": { "emial": "mail" } }),
        json!({ "cast": { "emial": "text" } }),
        json!({ "mask": { "columns": ["emial"], "with": "redact" } }),
        json!({ "add": { "x": "upper(emial)" } }),
        json!({ "filter": "emial = 'x'" }),
        json!({ "sql": "select emial from rows" }),
    ] {
        let error = bind(config.clone(), &users().0).err().unwrap();
        assert_eq!(error.code(), Code::ColumnNotFound, "{config}: {error}");
        assert!(error.message().contains("did you mean \"email\"?"), "{error}");
        assert!(error.message().starts_with("processors[0]."), "{error}");
    }
    for config in [json!({ "rename": { "id": "email" } }), json!({ "select": ["id", "id"] })] {
        assert_eq!(bind(config, &users().0).err().unwrap().code(), Code::BadProcessor);
    }
}

#[test]
fn the_examples_of_the_reference_are_read() {
    let text = std::fs::read_to_string("../../docs/processors.md").unwrap();
    let examples: Vec<&str> = text.lines().filter(|l| l.starts_with("    - ")).collect();
    assert!(examples.len() >= 10);
    for example in examples {
        let steps: Value = serde_saphyr::from_str(example).unwrap();
        match build(&steps) {
            Ok(steps) => assert_eq!(steps.len(), 1, "{example}"),
            // The key of the example's mask comes from a variable.
            Err(e) => assert_eq!(e.code(), Code::SecretMissing, "{example}: {e}"),
        }
    }
}
