//! What is said in other words, and what is refused. That both mean the same is shown on servers,
//! in `tests/conditions.rs`.

use arrow::datatypes::{DataType, Field, TimeUnit};
use syncline_types::{TableName, field};

use super::*;
use crate::adapt;

fn table(store: &str, columns: &[(&str, DataType, &str, &str)]) -> TableSchema {
    let fields = columns.iter().map(|(name, data_type, native, collation)| {
        let mut pairs =
            vec![(field::STORE, store.to_owned()), (field::NATIVE, (*native).to_owned())];
        if !collation.is_empty() {
            pairs.push((field::COLLATION, (*collation).to_owned()));
        }
        field::with(Field::new(*name, data_type.clone(), true), pairs)
    });
    TableSchema::new(TableName::bare("t"), fields)
}

fn mysql() -> TableSchema {
    table(
        "mysql",
        &[
            ("id", DataType::Int32, "int", ""),
            ("qty", DataType::Int32, "int", ""),
            ("u", DataType::UInt32, "int unsigned", ""),
            ("price", DataType::Decimal128(10, 2), "decimal(10,2)", ""),
            ("wide", DataType::Decimal128(20, 2), "decimal(20,2)", ""),
            ("rate", DataType::Float64, "double", ""),
            ("code", DataType::Utf8, "varchar(20)", "utf8mb4_bin"),
            ("name", DataType::Utf8, "varchar(20)", "utf8mb4_general_ci"),
            ("day", DataType::Date32, "date", ""),
            ("at", DataType::Timestamp(TimeUnit::Microsecond, None), "datetime(6)", ""),
        ],
    )
}

fn postgres() -> TableSchema {
    table(
        "postgres",
        &[
            ("id", DataType::Int32, "integer", ""),
            ("price", DataType::Decimal128(10, 2), "numeric(10,2)", ""),
            ("status", DataType::Utf8, "varchar(20)", ""),
            ("note", DataType::Utf8, "text", ""),
            ("ok", DataType::Boolean, "boolean", ""),
            ("pad", DataType::Utf8, "char(3)", ""),
            ("day", DataType::Date32, "date", ""),
            ("rate", DataType::Float64, "double precision", ""),
        ],
    )
}

fn sqlite() -> TableSchema {
    table(
        "sqlite",
        &[
            ("id", DataType::Int64, "INTEGER", ""),
            ("name", DataType::Utf8, "TEXT", ""),
            ("folded", DataType::Utf8, "TEXT", "NOCASE"),
            ("price", DataType::Decimal128(10, 2), "DECIMAL(10,2)", ""),
        ],
    )
}

fn ansi() -> TableSchema {
    table(
        "ansi",
        &[
            ("a", DataType::Int32, "integer", ""),
            ("B", DataType::Int64, "bigint", ""),
            ("price", DataType::Decimal128(10, 2), "decimal(10,2)", ""),
            ("name", DataType::Utf8, "character varying(20)", ""),
        ],
    )
}

fn said(source: &TableSchema, sql: &str, to: Dialect) -> Result<String, String> {
    let store = field::get(&source.columns[0].field, field::STORE).unwrap();
    let target = adapt(to, source, &source.name).unwrap().table;
    condition(to, source, &target, &NativeSql::new(store, sql)).map(|s| s.sql)
}

#[track_caller]
fn says(source: &TableSchema, sql: &str, to: Dialect, expected: &str) {
    assert_eq!(said(source, sql, to).as_deref(), Ok(expected), "{sql} for {to}");
}

#[track_caller]
fn refuses(source: &TableSchema, sql: &str, to: Dialect) {
    let said = said(source, sql, to);
    assert!(said.is_err(), "{sql} for {to}: {said:?}");
}

#[test]
fn numbers_and_logic_are_said_in_every_dialect() {
    let t = mysql();
    let sql = "`qty` > 0 and (`price` >= 0.5 or not(`id` = 3)) and `qty` between 1 and 9";
    let expected =
        r#""qty" > 0 AND ("price" >= 0.5 OR (NOT ("id" = 3))) AND "qty" >= 1 AND "qty" <= 9"#;
    says(&t, sql, Dialect::Postgres, expected);
    says(&t, sql, Dialect::Sqlite, expected);
    says(&t, "`id` in (1,-2,3)", Dialect::Postgres, r#""id" IN (1, -2, 3)"#);
    says(&t, "`id` not in (1,2)", Dialect::Sqlite, r#"NOT ("id" IN (1, 2))"#);
    says(&t, "`id`", Dialect::Postgres, r#""id" <> 0"#);
    says(&t, "`name` is not null", Dialect::Postgres, r#""name" IS NOT NULL"#);
    says(
        &t,
        "if(`id` > 0,`qty`,0) >= 0",
        Dialect::Postgres,
        r#"CASE WHEN "id" > 0 THEN "qty" ELSE 0 END >= 0"#,
    );
}

#[test]
fn postgresql_counts_in_64_bits_as_mysql_does() {
    let t = mysql();
    says(
        &t,
        "`qty` * `id` - 1 < 10",
        Dialect::Postgres,
        r#"CAST("qty" AS bigint) * CAST("id" AS bigint) - 1 < 10"#,
    );
    says(&t, "`qty` * `id` < 10", Dialect::Sqlite, r#""qty" * "id" < 10"#);
    refuses(&t, "`u` - `id` > 0", Dialect::Postgres);
}

#[test]
fn divisions_are_carried_only_where_they_are_the_same() {
    refuses(&mysql(), "`qty` / 2 > 1", Dialect::Postgres);
    says(&mysql(), "(`qty` DIV 2) > 1", Dialect::Postgres, r#"CAST("qty" AS bigint) / 2 > 1"#);
    says(&mysql(), "`rate` / 2 > 1", Dialect::Postgres, r#""rate" / 2 > 1"#);
    says(&postgres(), "((id / 2) > 1)", Dialect::Mysql, "`id` DIV 2 > 1");
    says(&postgres(), "((id % 2) = 1)", Dialect::Sqlite, r#""id" % 2 = 1"#);
    refuses(&postgres(), "((id / 0) > 1)", Dialect::Mysql);
    refuses(&postgres(), "((price / 2) > 1)", Dialect::Mysql);
    refuses(&postgres(), "((10 / id) > 1)", Dialect::Mysql);
}

#[test]
fn decimals_are_not_counted_in_floats() {
    let t = mysql();
    refuses(&t, "`price` * 2 > 1", Dialect::Sqlite);
    says(&t, "`price` * 2 > 1", Dialect::Postgres, r#""price" * 2 > 1"#);
    says(&t, "`price` > 1.5", Dialect::Sqlite, r#""price" > 1.5"#);
    refuses(&t, "`wide` > 1.5", Dialect::Sqlite);
    says(&t, "`wide` >= 0", Dialect::Sqlite, r#"CAST("wide" AS REAL) >= 0"#);
    refuses(&sqlite(), "price + price > 1", Dialect::Postgres);
}

#[test]
fn texts_compare_as_they_do_at_the_source_or_not_at_all() {
    let my = mysql();
    refuses(&my, "`name` = 'x'", Dialect::Postgres);
    refuses(&my, "`name` like 'x%'", Dialect::Postgres);
    refuses(&my, "`code` > 'x'", Dialect::Postgres);
    says(&my, "`code` = 'x '", Dialect::Postgres, r#"rtrim("code") = 'x'"#);
    says(&my, "`code` in ('a','b')", Dialect::Sqlite, r#"rtrim("code") IN ('a', 'b')"#);
    let pg = postgres();
    says(&pg, "((note)::text = 'a_b'::text)", Dialect::Mysql, "`note` LIKE 'a|_b' ESCAPE '|'");
    says(
        &pg,
        "((status)::text = ANY ((ARRAY['new'::character varying, 'paid'::character varying])::text[]))",
        Dialect::Mysql,
        "`status` LIKE 'new' OR `status` LIKE 'paid'",
    );
    says(
        &pg,
        "((status)::text = ANY (ARRAY['new'::text, 'paid'::text]))",
        Dialect::Sqlite,
        r#""status" IN ('new', 'paid')"#,
    );
    says(
        &pg,
        "((status)::text <> note)",
        Dialect::Mysql,
        "NOT (`status` = `note` AND char_length(`status`) = char_length(`note`))",
    );
    refuses(&pg, "(pad = 'a'::bpchar)", Dialect::Mysql);
    says(&pg, "((status)::text ~~ 'a%'::text)", Dialect::Mysql, "`status` LIKE 'a%'");
    says(&pg, "((status)::text !~~ 'a_%'::text)", Dialect::Sqlite, r#"NOT ("status" GLOB 'a?*')"#);
    refuses(&pg, "((status)::text ~~ 'a*%'::text)", Dialect::Sqlite);
    refuses(&pg, "((status)::text ~* 'a'::text)", Dialect::Mysql);
    says(&sqlite(), "name = 'x'", Dialect::Postgres, r#""name" = 'x'"#);
    refuses(&sqlite(), "folded = 'x'", Dialect::Postgres);
    refuses(&sqlite(), "name LIKE 'x%'", Dialect::Postgres);
}

#[test]
fn what_a_sign_means_depends_on_the_dialect() {
    refuses(&mysql(), "`code` || 'x'", Dialect::Postgres);
    refuses(&mysql(), "`id` = '1'", Dialect::Postgres);
    refuses(&mysql(), "`id` xor `qty`", Dialect::Postgres);
    refuses(&postgres(), "((id)::text = '1'::text)", Dialect::Mysql);
    refuses(&postgres(), "id", Dialect::Mysql);
    refuses(&mysql(), "json_valid(`name`)", Dialect::Postgres);
    refuses(&mysql(), "`id` > 0; drop table t", Dialect::Postgres);
    refuses(&mysql(), "`nosuch` > 0", Dialect::Postgres);
    refuses(&mysql(), "`id` > 1e3", Dialect::Postgres);
    refuses(&mysql(), "length(`code`) > 2", Dialect::Postgres);
}

#[test]
fn functions_have_their_own_names() {
    says(&mysql(), "char_length(`name`) > 2", Dialect::Sqlite, r#"length("name") > 2"#);
    says(&mysql(), "char_length(`name`) > 2", Dialect::Postgres, r#"char_length("name") > 2"#);
    says(&postgres(), "(length((status)::text) < 5)", Dialect::Mysql, "char_length(`status`) < 5");
    says(
        &mysql(),
        "coalesce(`qty`,0) >= abs(`id`)",
        Dialect::Sqlite,
        r#"coalesce("qty", 0) >= abs("id")"#,
    );
    says(
        &postgres(),
        "(lower(note) = note)",
        Dialect::Mysql,
        "lower(`note`) = `note` AND char_length(lower(`note`)) = char_length(`note`)",
    );
    refuses(&postgres(), "(lower(note) = note)", Dialect::Sqlite);
    says(
        &postgres(),
        "(btrim((status)::text) = 'x'::text)",
        Dialect::Sqlite,
        r#"trim("status") = 'x'"#,
    );
}

#[test]
fn days_and_times_are_told_from_texts() {
    says(&mysql(), "`day` >= '2000-01-01'", Dialect::Postgres, r#""day" >= DATE '2000-01-01'"#);
    says(&mysql(), "`day` >= '2000-01-01'", Dialect::Sqlite, r#""day" >= '2000-01-01'"#);
    says(
        &mysql(),
        "`at` >= '2000-01-01 00:00:00'",
        Dialect::Postgres,
        r#""at" >= TIMESTAMP '2000-01-01 00:00:00'"#,
    );
    refuses(&mysql(), "`day` >= '2000-01-01 10:00:00'", Dialect::Postgres);
    refuses(&mysql(), "`day` >= '0000-00-00'", Dialect::Postgres);
    says(&postgres(), "(day > '2000-01-01'::date)", Dialect::Mysql, "`day` > DATE '2000-01-01'");
    refuses(&postgres(), "(day > '2000-01-01'::date)", Dialect::Sqlite);
}

#[test]
fn generated_columns_give_the_very_values_or_are_plain() {
    let of = |source: &TableSchema, column: &str, sql: &str, to: Dialect| {
        let store = field::get(&source.columns[0].field, field::STORE).unwrap();
        let target = adapt(to, source, &source.name).unwrap().table;
        let column = target.column(column).unwrap();
        value(to, source, &target, column, &NativeSql::new(store, sql)).map(|s| s.sql)
    };
    let my = mysql();
    assert_eq!(
        of(&my, "price", "`qty` * `price`", Dialect::Postgres).as_deref(),
        Ok(r#"CAST("qty" AS bigint) * "price""#)
    );
    assert_eq!(
        of(&my, "code", "concat(`code`,' ',`name`)", Dialect::Postgres).as_deref(),
        Ok(r#""code" || ' ' || "name""#)
    );
    assert!(of(&my, "price", "`qty` * `price`", Dialect::Sqlite).is_err());
    assert!(of(&my, "code", "lcase(`code`)", Dialect::Postgres).is_err());
    assert!(of(&my, "code", "`qty`", Dialect::Postgres).is_err());
    assert!(of(&my, "qty", "`price`", Dialect::Postgres).is_err());
    let pg = postgres();
    assert_eq!(
        of(&pg, "note", "((status)::text || note)", Dialect::Mysql).as_deref(),
        Ok("concat(`status`, `note`)")
    );
    assert_eq!(of(&pg, "ok", "(id > 0)", Dialect::Mysql).as_deref(), Ok("`id` > 0"));
    let default = NativeSql::new("postgres", "(2 * 3)");
    let number = Field::new("n", DataType::Int32, true);
    assert_eq!(constant(Dialect::Mysql, &number, &default).as_deref(), Ok("2 * 3"));
    assert!(constant(Dialect::Mysql, &number, &NativeSql::new("postgres", "random()")).is_err());
}

/// What a page of SQL holds is said again where it came from.
#[test]
fn words_of_our_own_pages_come_back() {
    let there = mysql();
    for (sql, back) in [
        ("`id` * 2 > `qty`", "`id` * 2 > `qty`"),
        ("(`id` DIV 3) = 1 OR `price` < 1.5", "`id` DIV 3 = 1 OR `price` < 1.5"),
        ("`name` IS NULL AND NOT `id` > 5", "`name` IS NULL AND (NOT (`id` > 5))"),
    ] {
        let page = adapt(Dialect::Ansi, &there, &there.name).unwrap().table;
        let said = condition(Dialect::Ansi, &there, &page, &NativeSql::new("mysql", sql)).unwrap();
        let again = adapt(Dialect::Mysql, &page, &page.name).unwrap().table;
        let words = NativeSql::new("ansi", said.sql);
        let words = condition(Dialect::Mysql, &page, &again, &words).unwrap();
        assert_eq!(words.sql, back);
    }
    says(&ansi(), "\"a\" * 2 > \"B\"", Dialect::Postgres, "CAST(\"a\" AS bigint) * 2 > \"B\"");
    // How texts compare is not known of a script, and a number is no truth value.
    refuses(&ansi(), "\"name\" = 'x'", Dialect::Postgres);
    refuses(&ansi(), "\"a\"", Dialect::Mysql);
}
