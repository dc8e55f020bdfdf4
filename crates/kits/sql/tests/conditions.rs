//! Checks and generated columns that are carried to another store mean the very same there: both
//! servers are asked, row by row.

#![allow(clippy::unwrap_used)]

use std::collections::BTreeMap;

use arrow::datatypes::{DataType, Field};
use syncline_sql::{Dialect, adapt, create_table};
use syncline_testkit::{Database, Kind, Server};
use syncline_types::{Check, Generated, NativeSql, TableName, TableSchema, field};

/// A store that can be asked.
enum Store {
    Server(Database),
    File(rusqlite::Connection),
}

impl Store {
    fn execute(&self, sql: &str) {
        match self {
            Store::Server(database) => database.execute(sql),
            Store::File(connection) => connection.execute_batch(sql).unwrap(),
        }
    }

    /// The values of one expression, row by row; truth as 1 and 0.
    fn values(&self, table: &str, expression: &str) -> Vec<String> {
        let sql = format!("SELECT {expression} FROM {table} ORDER BY id");
        let texts: Vec<Option<String>> = match self {
            Store::Server(database) => {
                database.rows(&sql).into_iter().map(|row| row[0].clone()).collect()
            }
            Store::File(connection) => {
                let mut statement = connection.prepare(&sql).unwrap();
                let rows = statement.query_map([], |row| {
                    Ok(match row.get_ref(0)? {
                        rusqlite::types::ValueRef::Null => None,
                        rusqlite::types::ValueRef::Integer(n) => Some(n.to_string()),
                        rusqlite::types::ValueRef::Real(n) => Some(n.to_string()),
                        text => Some(text.as_str()?.to_owned()),
                    })
                });
                rows.unwrap().map(Result::unwrap).collect()
            }
        };
        let spelled = |text: String| match text.as_str() {
            "t" => "1".to_owned(),
            "f" => "0".to_owned(),
            _ => text,
        };
        texts.into_iter().map(|t| t.map_or("NULL".to_owned(), spelled)).collect()
    }
}

fn stores() -> Vec<(&'static str, Dialect, Store)> {
    let servers = [
        ("MariaDB", Kind::MariaDb, Dialect::Mysql),
        ("MySQL", Kind::MySql, Dialect::Mysql),
        ("PostgreSQL", Kind::Postgres, Dialect::Postgres),
    ];
    let servers = servers.into_iter().filter_map(|(name, kind, dialect)| {
        Some((name, dialect, Store::Server(Server::shared(kind)?.database())))
    });
    let file = Store::File(rusqlite::Connection::open_in_memory().unwrap());
    servers.chain([("SQLite", Dialect::Sqlite, file)]).collect()
}

/// The same columns, in the words of each store.
fn table(dialect: Dialect) -> TableSchema {
    let (text, bin) = match dialect {
        Dialect::Mysql => ("varchar(20)", "utf8mb4_bin"),
        Dialect::Postgres => ("varchar(20)", ""),
        _ => ("TEXT", ""),
    };
    let native = |mysql, postgres, sqlite| match dialect {
        Dialect::Mysql => mysql,
        Dialect::Postgres => postgres,
        _ => sqlite,
    };
    let whole = if dialect == Dialect::Sqlite { DataType::Int64 } else { DataType::Int32 };
    let columns = [
        ("id", whole.clone(), native("int", "integer", "INTEGER")),
        ("qty", whole, native("int", "integer", "INTEGER")),
        (
            "price",
            DataType::Decimal128(10, 2),
            native("decimal(10,2)", "numeric(10,2)", "DECIMAL(10,2)"),
        ),
        ("rate", DataType::Float64, native("double", "double precision", "DOUBLE")),
        ("code", DataType::Utf8, text),
        ("other", DataType::Utf8, text),
        ("day", DataType::Date32, native("date", "date", "DATE")),
    ];
    let fields = columns.into_iter().map(|(name, data_type, native)| {
        let mut pairs =
            vec![(field::STORE, dialect.id().to_owned()), (field::NATIVE, native.to_owned())];
        if data_type == DataType::Utf8 && !bin.is_empty() {
            pairs.push((field::CHARSET, "utf8mb4".to_owned()));
            pairs.push((field::COLLATION, bin.to_owned()));
        }
        field::with(Field::new(name, data_type, true), pairs)
    });
    TableSchema::new(TableName::bare("t"), fields)
}

/// Rows as literals that all stores read the same.
fn rows() -> Vec<String> {
    let codes =
        ["'x'", "'x '", "'X'", "'xa'", "''", "' '", "'é'", "'100%'", "'a_b'", "'acb'", "NULL"];
    let numbers = ["-7", "-1", "0", "1", "3", "2147483647", "NULL"];
    let prices = ["-1.50", "0.00", "0.10", "0.30", "99999999.99", "NULL"];
    let rates = ["-0.5", "0", "0.1", "2.5", "NULL"];
    let days = ["'1999-12-31'", "'2000-01-01'", "'2024-02-29'", "NULL"];
    let mut rows = Vec::new();
    for (c, code) in codes.iter().enumerate() {
        for (n, number) in numbers.iter().enumerate() {
            let at = c * numbers.len() + n;
            let pick = |from: &[&str], step: usize| from[(at * step + c) % from.len()].to_owned();
            rows.push(format!(
                "({at}, {number}, {}, {}, {code}, {}, {})",
                pick(&prices, 1),
                pick(&rates, 3),
                pick(&codes, 2),
                pick(&days, 1)
            ));
        }
    }
    rows
}

/// Conditions as each store would show them.
fn conditions(dialect: Dialect) -> &'static [&'static str] {
    match dialect {
        Dialect::Mysql => &[
            "`qty` > 0 and `price` >= 0.1 or `code` is null",
            "not(`qty` between -1 and 3)",
            "`qty` * 4 - 1 > `id`",
            "`qty` % 3 = -1",
            "(`qty` DIV 2) = 0",
            "`price` * 3 < 1",
            "`rate` / 4 < 0.1",
            "`code` = 'x'",
            "`code` <> ''",
            "`code` in ('x','acb','é')",
            "`code` not in ('x','')",
            "`code` = `other`",
            "`code` like 'a_b'",
            "`code` like 'x%'",
            "`code` like '%\\%'",
            "char_length(`code`) > 1",
            "lcase(`code`) = 'x'",
            "concat(`code`,'-',`other`) = 'x-x'",
            "trim(`code`) = 'x'",
            "substr(`code`,1,1) = 'a'",
            "left(`code`,2) = 'ac'",
            "coalesce(`qty`,`id`) > 20",
            "ifnull(`code`,'none') = 'none'",
            "if(`qty` > 0,`qty`,0) < 2",
            "case when `code` is null then 1 else 0 end = 1",
            "abs(`qty`) > 2",
            "`day` >= '2000-01-01'",
            "`qty`",
            "(`qty` > 0) is true",
        ],
        Dialect::Postgres => &[
            "((qty > 0) AND (price >= 0.1)) OR (code IS NULL)",
            "((price > (0)::numeric) AND (rate < '0.2'::double precision))",
            "((qty / 2) = 0)",
            "((qty % 3) = '-1'::integer)",
            "((price * (3)::numeric) < (1)::numeric)",
            "((code)::text = 'x'::text)",
            "((code)::text <> ''::text)",
            "((code)::text = ANY ((ARRAY['x'::character varying, 'a_b'::character varying])::text[]))",
            "((code)::text <> ALL ((ARRAY['x'::character varying, ''::character varying])::text[]))",
            "((code)::text = (other)::text)",
            "((code)::text <> (other)::text)",
            "((code)::text ~~ 'a_b'::text)",
            "((code)::text ~~ 'x%'::text)",
            "((code)::text ~~ '%\\%'::text)",
            "(length((code)::text) > 1)",
            "(lower((code)::text) = 'x'::text)",
            "(((code)::text || '-'::text) = 'x-'::text)",
            "(btrim((code)::text) = 'x'::text)",
            "(\"substring\"((code)::text, 1, 1) = 'a'::text)",
            "(COALESCE(qty, id) > 20)",
            "(day >= '2000-01-01'::date)",
            "(abs(qty) > 2)",
            "(CASE WHEN (qty > 0) THEN qty ELSE 0 END < 2)",
            "((qty > 0) IS NOT TRUE)",
        ],
        _ => &[
            "qty > 0 AND price >= 0.1 OR code IS NULL",
            "qty / 2 = 0",
            "qty % 3 = -1",
            "code = 'x'",
            "code <> ''",
            "code IN ('x', 'a_b')",
            "code NOT IN ('x', '')",
            "code == other",
            "length(code) > 1",
            "code || '-' = 'x-'",
            "substr(code, 1, 1) = 'a'",
            "trim(code) = 'x'",
            "coalesce(qty, id) > 20",
            "qty BETWEEN -1 AND 3",
            "qty",
        ],
    }
}

#[test]
fn conditions_that_are_carried_hold_for_the_same_rows() {
    let stores = stores();
    let values = rows().join(", ");
    for (name, dialect, store) in &stores {
        let made = adapt(*dialect, &table(*dialect), &TableName::bare("t")).unwrap().table;
        store.execute(&create_table(*dialect, &made));
        store.execute(&format!("INSERT INTO t VALUES {values}"));
        for (other, to, _) in &stores {
            if to != dialect {
                let made =
                    adapt(*to, &table(*dialect), &TableName::bare(format!("from_{dialect}")));
                let target = stores.iter().find(|(n, ..)| n == other).unwrap();
                target.2.execute(&create_table(*to, &made.unwrap().table));
                target.2.execute(&format!("DELETE FROM from_{dialect}"));
                target.2.execute(&format!("INSERT INTO from_{dialect} VALUES {values}"));
            }
        }
        let mut source = table(*dialect);
        source.checks = conditions(*dialect)
            .iter()
            .map(|sql| Check {
                name: Some((*sql).to_owned()),
                condition: NativeSql::new(dialect.id(), *sql),
                enforced: true,
            })
            .collect();
        let mut carried: BTreeMap<&str, usize> = BTreeMap::new();
        for (other, to, target) in stores.iter().filter(|(_, to, _)| to != dialect) {
            let mut one = source.clone();
            for check in &source.checks {
                one.checks = vec![check.clone()];
                let adapted = adapt(*to, &one, &TableName::bare("t")).unwrap().table;
                let Some(said) = adapted.checks.first() else { continue };
                *carried.entry(other).or_default() += 1;
                assert_eq!(
                    target.values(
                        &format!("from_{dialect}"),
                        &format!("({}) AND TRUE", said.condition.sql)
                    ),
                    store.values("t", &format!("({}) AND TRUE", check.condition.sql)),
                    "{name} to {other}: {} as {}",
                    check.condition.sql,
                    said.condition.sql
                );
            }
        }
        // Most are carried; which ones are not, the unit tests say.
        assert!(carried.values().all(|n| *n * 3 >= source.checks.len() * 2), "{name}: {carried:?}");
    }
}

#[test]
fn generated_columns_that_are_kept_have_the_same_values() {
    let stores = stores();
    let expressions: [(Dialect, &str, &str); 9] = [
        (Dialect::Mysql, "qty", "`id` * 2 - 1"),
        (Dialect::Mysql, "price", "`price` * `price`"),
        (Dialect::Mysql, "rate", "`rate` / 3"),
        (Dialect::Mysql, "code", "concat(`code`,' ',`other`)"),
        (Dialect::Postgres, "qty", "(id / 2)"),
        (Dialect::Postgres, "price", "(price * 0.155)"),
        (Dialect::Postgres, "code", "((code)::text || (other)::text)"),
        (Dialect::Sqlite, "qty", "id % 7"),
        (Dialect::Sqlite, "code", "code || other"),
    ];
    // Products stay inside of the columns.
    let rows = "(1, 5, 1.25, 0.1, 'a', 'b ', NULL), (2, -5, -3.33, 1e10, 'é ', '', NULL), (3, NULL, 0.05, NULL, NULL, 'x', NULL)";
    for (n, (from, column, sql)) in expressions.iter().enumerate() {
        let mut source = table(*from);
        let mut computed = source.column(column).unwrap().clone();
        computed.field = computed.field.with_name("computed");
        computed.generated =
            Some(Generated { expression: NativeSql::new(from.id(), *sql), stored: true });
        source.columns.push(computed);
        let name = format!("generated_{n}");
        let mut seen: Vec<(String, Vec<String>)> = Vec::new();
        for (store, to, place) in &stores {
            let made = adapt(*to, &source, &TableName::bare(&name)).unwrap().table;
            if made.column("computed").unwrap().generated.is_none() {
                assert_ne!(to, from);
                continue;
            }
            place.execute(&create_table(*to, &made));
            place.execute(&format!(
                "INSERT INTO {name} (id, qty, price, rate, code, other, day) VALUES {rows}"
            ));
            seen.push(((*store).to_owned(), place.values(&name, "computed")));
        }
        assert!(seen.len() > 1, "{sql} is kept nowhere");
        let numbers = |values: &[String]| -> Vec<Option<f64>> {
            values.iter().map(|v| v.parse().ok()).collect()
        };
        for (store, values) in &seen {
            let same = match *column {
                "rate" => numbers(values) == numbers(&seen[0].1),
                _ => *values == seen[0].1,
            };
            assert!(same, "{sql}: {store} {values:?}, {} {:?}", seen[0].0, seen[0].1);
        }
    }
}
