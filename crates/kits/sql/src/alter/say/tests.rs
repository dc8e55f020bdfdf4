//! Steps as statements of each store; those of SQLite are run.

use arrow::datatypes::{DataType, Field};
use syncline_types::{Check, DefaultValue, Generated, Index, IndexPart, NativeSql, field};

use super::*;
use crate::{create_indexes, create_table};

fn column(store: &str, name: &str, data_type: DataType, native: &str) -> syncline_types::Column {
    let pairs = [(field::STORE, store.to_owned()), (field::NATIVE, native.to_owned())];
    syncline_types::Column::new(field::with(Field::new(name, data_type, true), pairs))
}

fn table(store: &str) -> TableSchema {
    let mut table = TableSchema::new(TableName::bare("t"), []);
    let types = match store {
        "postgres" => ["bigint", "text", "integer"],
        "sqlite" => ["INTEGER", "TEXT", "INTEGER"],
        _ => ["bigint", "text", "int"],
    };
    table.columns = vec![
        column(store, "id", DataType::Int64, types[0]),
        column(store, "a", DataType::Utf8, types[1]),
        column(
            store,
            "b",
            if store == "sqlite" { DataType::Int64 } else { DataType::Int32 },
            types[2],
        ),
    ];
    table.columns[0].field.set_nullable(false);
    table.primary_key = vec!["id".into()];
    table
}

fn part(name: &str) -> IndexPart {
    IndexPart { column: name.into(), prefix: None, descending: false }
}

fn renamed(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
    pairs.iter().map(|(a, b)| ((*a).to_owned(), (*b).to_owned())).collect()
}

/// The statements, and that there are none when all is done.
fn said(
    dialect: Dialect,
    before: &TableSchema,
    after: &TableSchema,
    names: &[(&str, &str)],
) -> Vec<String> {
    let names = renamed(names);
    let again = alter(dialect, after, before, after, &names).unwrap();
    assert_eq!(again.statements, [""; 0], "there is nothing left to be done");
    alter(dialect, before, before, after, &names).unwrap().statements
}

#[test]
fn two_columns_trade_their_names() {
    let names = [("a", "b"), ("b", "a")];
    for (dialect, statements) in [
        (
            Dialect::Mysql,
            vec!["ALTER TABLE `t` RENAME COLUMN `a` TO `b`, RENAME COLUMN `b` TO `a`"],
        ),
        (
            Dialect::Postgres,
            vec![
                "ALTER TABLE \"t\" RENAME COLUMN \"a\" TO \"_syncline_0\"",
                "ALTER TABLE \"t\" RENAME COLUMN \"b\" TO \"_syncline_1\"",
                "ALTER TABLE \"t\" RENAME COLUMN \"_syncline_0\" TO \"b\"",
                "ALTER TABLE \"t\" RENAME COLUMN \"_syncline_1\" TO \"a\"",
            ],
        ),
    ] {
        let before = table(dialect.id());
        let mut after = before.clone();
        for (at, name) in [(1, "b"), (2, "a")] {
            after.columns[at].field = after.columns[at].field.clone().with_name(name);
        }
        assert_eq!(said(dialect, &before, &after, &names), statements);
    }
}

#[test]
fn a_name_that_is_free_again_may_be_taken_at_once() {
    let before = table("mysql");
    let mut after = before.clone();
    after.columns[1].field = after.columns[1].field.clone().with_name("c");
    after.columns.insert(2, column("mysql", "a", DataType::Int32, "int"));
    assert_eq!(
        said(Dialect::Mysql, &before, &after, &[("a", "c")]),
        ["ALTER TABLE `t` RENAME COLUMN `a` TO `c`, ADD COLUMN `a` int AFTER `c`"]
    );
    // A column goes, and another takes its name.
    let mut after = before.clone();
    after.columns.remove(2);
    after.columns[1].field = after.columns[1].field.clone().with_name("b");
    assert_eq!(
        said(Dialect::Mysql, &before, &after, &[("a", "b")]),
        ["ALTER TABLE `t` DROP COLUMN `b`, RENAME COLUMN `a` TO `b`"]
    );
}

#[test]
fn postgres_fills_the_rows_that_are_there() {
    let before = table("postgres");
    let mut after = before.clone();
    let mut n = column("postgres", "n", DataType::Int32, "integer");
    n.field.set_nullable(false);
    let mut m = column("postgres", "m", DataType::Utf8, "varchar(10)");
    m.field.set_nullable(false);
    m.default = Some(DefaultValue::Value("y".into()));
    after.columns.extend([n, m]);
    assert_eq!(
        said(Dialect::Postgres, &before, &after, &[]),
        [
            "ALTER TABLE \"t\" ADD COLUMN \"n\" integer NOT NULL DEFAULT 0",
            "ALTER TABLE \"t\" ALTER COLUMN \"n\" DROP DEFAULT",
            "ALTER TABLE \"t\" ADD COLUMN \"m\" varchar(10) NOT NULL DEFAULT 'y'",
        ]
    );
}

#[test]
fn postgres_says_how_values_become_others() {
    let before = table("postgres");
    let mut after = before.clone();
    after.columns[1] = column("postgres", "a", DataType::Int32, "integer");
    after.columns[1].default = Some(DefaultValue::Value("1".into()));
    after.columns[2] = column("postgres", "b", DataType::Boolean, "boolean");
    assert_eq!(
        said(Dialect::Postgres, &before, &after, &[]),
        [
            "ALTER TABLE \"t\" ALTER COLUMN \"a\" TYPE integer USING \"a\"::text::integer",
            "ALTER TABLE \"t\" ALTER COLUMN \"a\" SET DEFAULT 1",
            "ALTER TABLE \"t\" ALTER COLUMN \"b\" TYPE boolean USING \"b\" <> 0",
        ]
    );
    let mut after = before.clone();
    after.columns[2] = column("postgres", "b", DataType::Date32, "date");
    let error = alter(Dialect::Postgres, &before, &before, &after, &[]).unwrap_err();
    assert_eq!(error.code(), Code::Unsupported);
}

#[test]
fn a_column_that_others_are_computed_from_takes_them_along() {
    let mut before = table("postgres");
    let mut g = column("postgres", "g", DataType::Int64, "bigint");
    g.generated =
        Some(Generated { expression: NativeSql::new("postgres", "(b + 1)"), stored: true });
    before.columns.push(g);
    let mut after = before.clone();
    after.columns[2] = column("postgres", "b", DataType::Int64, "bigint");
    let statements = said(Dialect::Postgres, &before, &after, &[]);
    assert_eq!(
        statements,
        [
            "ALTER TABLE \"t\" DROP COLUMN \"g\"",
            "ALTER TABLE \"t\" ALTER COLUMN \"b\" TYPE bigint",
            "ALTER TABLE \"t\" ADD COLUMN \"g\" bigint GENERATED ALWAYS AS ((b + 1)) STORED",
        ]
    );
}

/// A file with the table and some rows.
fn file(table: &TableSchema) -> rusqlite::Connection {
    let db = rusqlite::Connection::open_in_memory().unwrap();
    db.execute_batch(&create_table(Dialect::Sqlite, table)).unwrap();
    for sql in create_indexes(Dialect::Sqlite, table).unwrap() {
        db.execute_batch(&sql).unwrap();
    }
    db.execute_batch("INSERT INTO t (id, a, b) VALUES (1, 'x', 10), (2, NULL, 20)").unwrap();
    db
}

/// What the file says of the table's columns and indexes: of one that was altered, and of a new one.
fn shape(db: &rusqlite::Connection) -> (Vec<String>, Vec<String>) {
    let all = |sql: &str| -> Vec<String> {
        let mut statement = db.prepare(sql).unwrap();
        let rows = statement.query_map([], |row| row.get::<_, String>(0)).unwrap();
        let mut rows: Vec<String> = rows.map(Result::unwrap).collect();
        rows.sort();
        rows
    };
    (
        all(
            "SELECT name || ' ' || type || ' ' || \"notnull\" || ' ' || coalesce(dflt_value, '-') \
             || ' ' || pk FROM pragma_table_xinfo('t')",
        ),
        all(
            "SELECT coalesce(sql, '-') FROM sqlite_schema WHERE type = 'index' AND sql IS NOT NULL",
        ),
    )
}

/// What it is, what it does to the table, the names that change, whether the table is made anew.
type Change<'a> = (&'a str, Box<dyn Fn(&mut TableSchema)>, Vec<(&'a str, &'a str)>, bool);

#[test]
fn sqlite_ends_with_the_table_that_would_be_made() {
    let mut before = table("sqlite");
    before.indexes = vec![Index::new("t_by_a", vec![part("a")], false)];
    let changes: Vec<Change> = vec![
        (
            "a column comes",
            Box::new(|t| t.columns.push(column("sqlite", "n", DataType::Utf8, "TEXT"))),
            vec![],
            false,
        ),
        (
            "a column comes that takes no NULL",
            Box::new(|t| {
                let mut n = column("sqlite", "n", DataType::Int64, "INTEGER");
                n.field.set_nullable(false);
                t.columns.push(n);
            }),
            vec![],
            true,
        ),
        (
            "a column goes with its index",
            Box::new(|t| {
                t.columns.remove(1);
                t.indexes.clear();
            }),
            vec![],
            false,
        ),
        (
            "a column gets another type",
            Box::new(|t| t.columns[2] = column("sqlite", "b", DataType::Utf8, "TEXT")),
            vec![],
            true,
        ),
        (
            "a column gets another name",
            Box::new(|t| {
                t.columns[1].field = t.columns[1].field.clone().with_name("c");
                t.indexes[0].parts = vec![part("c")];
            }),
            vec![("a", "c")],
            false,
        ),
        (
            "the key is another",
            Box::new(|t| t.primary_key = vec!["id".into(), "b".into()]),
            vec![],
            true,
        ),
        (
            "a condition comes",
            Box::new(|t| {
                t.checks.push(Check {
                    name: Some("ck".into()),
                    condition: NativeSql::new("sqlite", "\"b\" > 0"),
                    enforced: true,
                });
            }),
            vec![],
            true,
        ),
        (
            "an index comes",
            Box::new(|t| t.indexes.push(Index::new("t_u", vec![part("b")], true))),
            vec![],
            false,
        ),
    ];
    for (what, change, names, rebuilt) in changes {
        let mut after = before.clone();
        change(&mut after);
        for key in after.primary_key.clone() {
            let column = after.columns.iter_mut().find(|c| *c.name() == key).unwrap();
            column.field.set_nullable(false);
        }
        let db = file(&before);
        let altering = alter(Dialect::Sqlite, &before, &before, &after, &renamed(&names)).unwrap();
        assert_eq!(altering.rebuild, rebuilt, "{what}");
        for sql in &altering.statements {
            db.execute_batch(sql).unwrap_or_else(|e| panic!("{what}: {e}: {sql}"));
        }
        let new = rusqlite::Connection::open_in_memory().unwrap();
        new.execute_batch(&create_table(Dialect::Sqlite, &after)).unwrap();
        for sql in create_indexes(Dialect::Sqlite, &after).unwrap() {
            new.execute_batch(&sql).unwrap();
        }
        let (was, is) = (shape(&db), shape(&new));
        assert_eq!(was.0, is.0, "{what}");
        // SQLite writes IF NOT EXISTS nowhere.
        assert_eq!(was.1.len(), is.1.len(), "{what}: {was:?} {is:?}");
        let rows: i64 = db.query_row("SELECT count(*) FROM t", [], |r| r.get(0)).unwrap();
        assert_eq!(rows, 2, "{what}");
        said(Dialect::Sqlite, &before, &after, &names);
    }
}
