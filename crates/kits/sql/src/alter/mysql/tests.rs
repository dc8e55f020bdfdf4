//! Statements and what they mean, without a server.

use std::collections::HashMap;

use arrow::datatypes::DataType;
use syncline_types::field;

use super::*;

/// Tables by name, on a server of that kind, where every column is a text with its type beside.
struct Known {
    maria: bool,
    tables: HashMap<TableName, Arc<TableSchema>>,
}

impl Known {
    fn new(maria: bool) -> Self {
        let mut known = Self { maria, tables: HashMap::new() };
        known.say("CREATE TABLE t (id int PRIMARY KEY, a int, b text)");
        known
    }

    fn logged<'a>(&self, sql: &'a str) -> Logged<'a> {
        Logged { sql, database: Some("d"), sql_mode: 0, explicit_timestamps: true }
    }

    fn understand(&self, sql: &str) -> Understood {
        understand(&self.logged(sql), self)
    }

    /// Says a statement that makes tables.
    fn say(&mut self, sql: &str) {
        let Understood::Effects(effects) = self.understand(sql) else { panic!("{sql}") };
        for (name, effect) in effects {
            let SchemaEffect::Created(table) = effect else { panic!("{sql}") };
            self.tables.insert(name, table);
        }
    }
}

impl Surroundings for Known {
    fn table(&self, name: &TableName) -> Option<Arc<TableSchema>> {
        self.tables.get(name).cloned()
    }

    fn tables(&self, _: &str) -> Vec<TableName> {
        self.tables.keys().cloned().collect()
    }

    fn maria(&self) -> bool {
        self.maria
    }

    fn version(&self) -> (u16, u16, u16) {
        if self.maria { (10, 11, 6) } else { (8, 0, 33) }
    }

    fn field(&self, column: &NativeColumn<'_>) -> Field {
        let pairs = [
            (field::STORE, "mysql".to_owned()),
            (field::NATIVE, column.native.to_owned()),
            (field::CHARSET, column.charset.unwrap_or_default().to_owned()),
        ];
        field::with(Field::new(column.name, DataType::Utf8, column.nullable), pairs)
    }

    fn collation(&self, charset: &str) -> Option<String> {
        Some(format!("{charset}_general_ci"))
    }

    fn charset(&self, collation: &str) -> Option<String> {
        collation.split_once('_').map(|(charset, _)| charset.to_owned())
    }

    fn database(&self, _: &str) -> Option<(String, String)> {
        Some(("utf8mb4".into(), "utf8mb4_general_ci".into()))
    }
}

#[test]
fn what_changes_no_table_is_irrelevant() {
    let known = Known::new(true);
    for sql in [
        "BEGIN",
        "COMMIT",
        "CREATE VIEW v AS SELECT * FROM t",
        "CREATE TEMPORARY TABLE t (x int)",
        "DROP TEMPORARY TABLE IF EXISTS t",
        "CREATE USER u",
        "GRANT SELECT ON t TO u",
        "DROP TRIGGER tr",
        "CREATE DEFINER=`a`@`b` TRIGGER tr BEFORE INSERT ON t FOR EACH ROW SET NEW.a = 1",
        "ANALYZE TABLE t",
        "CREATE DATABASE e",
        "ALTER TABLE unknown ADD x int",
        "DROP TABLE unknown",
        "INSERT INTO unknown VALUES (1)",
        "# Dum",
        "/* only a comment */",
        "SAVEPOINT `s`",
    ] {
        assert_eq!(known.understand(sql), Understood::Irrelevant, "{sql}");
    }
}

#[test]
fn rows_that_go_without_a_word_are_named() {
    let known = Known::new(false);
    for sql in [
        "ALTER TABLE t DROP PARTITION p1",
        "ALTER TABLE t TRUNCATE PARTITION ALL",
        "ALTER TABLE t EXCHANGE PARTITION p WITH TABLE other",
        "ALTER TABLE t IMPORT TABLESPACE",
        "INSERT INTO t SELECT * FROM x",
        "UPDATE d.t SET a = 1",
        "RENAME TABLE ghost TO t",
    ] {
        let understood = known.understand(sql);
        let Understood::Unclear { tables, rows: true, .. } = understood else {
            panic!("{sql}: {understood:?}")
        };
        assert!(tables.contains(&TableName::new("d", "t")), "{sql}: {tables:?}");
    }
}

#[test]
fn what_is_not_read_to_the_last_word_is_unclear() {
    let known = Known::new(true);
    for sql in [
        "ALTER TABLE t ADD x sometype",
        "ALTER TABLE t ADD x int SOMEHOW",
        "ALTER TABLE t FROBNICATE",
        "ALTER TABLE t ADD PERIOD FOR SYSTEM_TIME (a, b)",
        "ALTER TABLE t ADD KEY ((a + 1))",
        "ALTER TABLE t ADD x varchar(10) DEFAULT _latin1'x'",
        "ALTER TABLE t DROP nothing",
        "FROBNICATE t",
        "ALTER TABLE t REORGANIZE PARTITION p INTO (PARTITION q VALUES LESS THAN (1))",
    ] {
        let understood = known.understand(sql);
        let Understood::Unclear { tables, rows: false, .. } = understood else {
            panic!("{sql}: {understood:?}")
        };
        assert_eq!(tables, [TableName::new("d", "t")], "{sql}");
    }
}

#[test]
fn comments_count_where_their_server_reads_them() {
    let columns = |maria: bool, sql: &str| -> Vec<String> {
        let known = Known::new(maria);
        let Understood::Effects(effects) = known.understand(sql) else { panic!("{sql}") };
        let [(_, SchemaEffect::Altered { after, .. })] = effects.as_slice() else {
            panic!("{sql}")
        };
        after.columns.iter().map(|c| c.name().to_owned()).collect()
    };
    let sql = "ALTER TABLE t ADD x int /*!50100 , ADD y int */ /*!99999 , ADD never int */ \
               /*M!100000 , ADD maria int */ /*!50701 , ADD mysql int */ # , ADD no int";
    assert_eq!(columns(true, sql), ["id", "a", "b", "x", "y", "maria"]);
    assert_eq!(columns(false, sql), ["id", "a", "b", "x", "y", "mysql"]);
}

#[test]
fn quotes_are_as_the_session_has_them() {
    let known = Known::new(true);
    let logged = |sql, sql_mode| Logged { sql_mode, ..known.logged(sql) };
    let Understood::Effects(effects) = understand(
        &logged("ALTER TABLE \"t\" ADD \"x y\" int CHECK (\"a\" > 0)", mode::ANSI_QUOTES),
        &known,
    ) else {
        panic!("ANSI quotes")
    };
    let [(_, SchemaEffect::Altered { after, .. })] = effects.as_slice() else { panic!("one") };
    assert_eq!(after.columns[3].name(), "x y");
    assert_eq!(after.checks[0].condition.sql, "`a` > 0");
    let sql = "ALTER TABLE t COMMENT 'a\\', ADD c int";
    let Understood::Effects(effects) = understand(&logged(sql, mode::NO_BACKSLASH_ESCAPES), &known)
    else {
        panic!("no escapes")
    };
    let [(_, SchemaEffect::Altered { after, .. })] = effects.as_slice() else { panic!("one") };
    assert_eq!(after.comment.as_deref(), Some("a\\"));
    assert!(matches!(known.understand(sql), Understood::Irrelevant | Understood::Unclear { .. }));
}

#[test]
fn several_tables_change_names_at_once() {
    let mut known = Known::new(true);
    known.say("CREATE TABLE u (id int PRIMARY KEY)");
    let Understood::Effects(effects) = known.understand("RENAME TABLE t TO x, u TO t, x TO u")
    else {
        panic!("a rename")
    };
    let told: Vec<(String, String)> = effects
        .into_iter()
        .map(|(name, effect)| match effect {
            SchemaEffect::Renamed(to) => (name.name, to.name.name.clone()),
            other => panic!("{other:?}"),
        })
        .collect();
    let pair = |a: &str, b: &str| (a.to_owned(), b.to_owned());
    assert_eq!(told, [pair("t", "x"), pair("u", "t"), pair("x", "u")]);
}
