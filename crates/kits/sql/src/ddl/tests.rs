//! Tables of other stores, made.

use arrow::datatypes::{DataType, Field, TimeUnit};
use syncline_types::{
    Check, Code, DefaultValue, ForeignKey, Generated, Identity, Index, IndexPart, NativeSql,
    Partition, Partitioning, ReferentialAction, TableName, TableSchema, field,
};

use super::*;
use crate::moment;

fn field(name: &str, data_type: DataType, pairs: &[(&str, &str)]) -> Field {
    field::with(Field::new(name, data_type, true), pairs.iter().map(|(k, v)| (*k, (*v).into())))
}

fn part(column: &str) -> IndexPart {
    IndexPart { column: column.into(), prefix: None, descending: false }
}

fn native(table: &TableSchema, column: &str) -> String {
    let f = &table.column(column).unwrap().field;
    field::get(f, field::NATIVE).unwrap().to_owned()
}

/// A PostgreSQL table with the things that need care elsewhere.
fn people() -> TableSchema {
    let pg = |name: &str, t: DataType, native: &str, more: &[(&str, &str)]| {
        let mut pairs = vec![(field::STORE, "postgres"), (field::NATIVE, native)];
        pairs.extend_from_slice(more);
        field(name, t, &pairs)
    };
    let instant = DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()));
    let fields = [
        pg("id", DataType::Int32, "integer", &[]),
        pg("mail", DataType::Utf8, "text", &[]),
        pg("name", DataType::Utf8, "varchar(40)", &[(field::LENGTH, "40")]),
        pg("doc", DataType::Utf8, "jsonb", &[(field::LOGICAL, "json")]),
        pg("seen", instant, "timestamptz", &[]),
        pg("balance", DataType::Decimal128(30, 4), "numeric(30,4)", &[]),
        pg("ok", DataType::Boolean, "boolean", &[]),
        pg(
            "mood",
            DataType::Utf8,
            "mood",
            &[(field::LOGICAL, "enum"), (field::MEMBERS, r#"["sad","it's"]"#)],
        ),
    ];
    let mut table = TableSchema::new(TableName::new("public", "people"), fields);
    table.primary_key = vec!["id".into()];
    table.columns[0].identity = Some(Identity { always: true, next: Some(7) });
    table.columns[2].default = Some(DefaultValue::Value("it's".into()));
    table.columns[4].default = Some(DefaultValue::CurrentTimestamp);
    table.columns[6].default = Some(DefaultValue::Value("true".into()));
    table.columns[5].generated =
        Some(Generated { expression: NativeSql::new("postgres", "random()"), stored: true });
    table.columns[2].comment = Some("what they're called".into());
    table.indexes = vec![
        Index::new("people_mail", vec![part("mail")], true),
        Index::new("by_doc", vec![part("name"), part("doc")], false),
    ];
    table
}

#[test]
fn a_table_of_another_store_is_made_in_mysql() {
    let Adapted { table, notes } =
        adapt(Dialect::Mysql, &people(), &TableName::new("shop", "people")).unwrap();
    assert_eq!(
        notes,
        [
            "column balance is made a plain one that holds the values: random is not the same elsewhere: random()"
        ]
    );
    let expected = "CREATE TABLE IF NOT EXISTS `shop`.`people` (
  `id` int NOT NULL AUTO_INCREMENT,
  `mail` varchar(255) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin,
  `name` varchar(40) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin DEFAULT 'it''s' COMMENT 'what they''re called',
  `doc` longtext CHARACTER SET utf8mb4 COLLATE utf8mb4_bin,
  `seen` datetime(6) DEFAULT (utc_timestamp(6)),
  `balance` decimal(30,4),
  `ok` tinyint(1) DEFAULT 1,
  `mood` enum('sad','it''s') CHARACTER SET utf8mb4 COLLATE utf8mb4_bin,
  PRIMARY KEY (`id`)
) DEFAULT CHARSET=utf8mb4";
    assert_eq!(create_table(Dialect::Mysql, &table), expected);
    assert_eq!(
        create_indexes(Dialect::Mysql, &table).unwrap(),
        [
            "CREATE UNIQUE INDEX `people_mail` ON `shop`.`people` (`mail`)",
            "CREATE INDEX `by_doc` ON `shop`.`people` (`name`, `doc`(255))",
        ]
    );
}

#[test]
fn what_only_a_partition_has_is_made_or_named() {
    let own = |text: &str| NativeSql::new("postgres", text);
    let field = Field::new("id", DataType::Int32, false);
    let mut table = TableSchema::new(TableName::new("public", "t"), [field]);
    let name = |name: &str| TableName::new("public", name);
    let part = |column: &str| IndexPart { column: column.into(), prefix: None, descending: false };
    let mut piece = Partition::new(name("t_0"), name("t"), own("FOR VALUES IN (1)"));
    piece.indexes = vec![Index::new("t_0_id", vec![part("id")], true)];
    piece.actions = vec![own("ADD CONSTRAINT c CHECK (id > 0)")];
    piece.late_actions = vec![own("ADD CONSTRAINT d CHECK (id > 1) NOT VALID")];
    table.partitioning = Some(Partitioning { by: own("LIST (id)"), partitions: vec![piece] });
    let made = adapt(Dialect::Postgres, &table, &TableName::new("s", "t")).unwrap().table;
    assert_eq!(
        partitions(Dialect::Postgres, &made),
        [
            "CREATE TABLE IF NOT EXISTS \"s\".\"t_0\" PARTITION OF \"s\".\"t\" FOR VALUES IN (1)",
            "ALTER TABLE \"s\".\"t_0\" ADD CONSTRAINT c CHECK (id > 0)",
        ]
    );
    assert_eq!(
        create_indexes(Dialect::Postgres, &made).unwrap(),
        [
            "CREATE UNIQUE INDEX IF NOT EXISTS \"t_0_id\" ON \"s\".\"t_0\" (\"id\")",
            "ALTER TABLE \"s\".\"t_0\" ADD CONSTRAINT d CHECK (id > 1) NOT VALID",
        ]
    );
    let notes = adapt(Dialect::Mysql, &table, &TableName::bare("t")).unwrap().notes;
    let words = "what only partition t_0 has is left out: index t_0_id; ADD CONSTRAINT c CHECK (id > 0); \
                 ADD CONSTRAINT d CHECK (id > 1) NOT VALID";
    assert_eq!(notes, ["partitions are not carried: the table is made flat", words]);
}

#[test]
fn the_same_store_keeps_its_types_word_for_word() {
    let table = adapt(Dialect::Postgres, &people(), &TableName::new("b", "people")).unwrap().table;
    assert_eq!(native(&table, "doc"), "jsonb");
    assert_eq!(native(&table, "mood"), "mood");
    assert_eq!(table.indexes[1].name, "by_doc");
    let sql = create_table(Dialect::Postgres, &table);
    assert!(sql.contains("\"id\" integer GENERATED ALWAYS AS IDENTITY NOT NULL"), "{sql}");
    assert_eq!(
        comments(Dialect::Postgres, &table),
        ["COMMENT ON COLUMN \"b\".\"people\".\"name\" IS 'what they''re called'"]
    );
}

#[test]
fn sqlite_runs_what_is_made_for_it() {
    let table = adapt(Dialect::Sqlite, &people(), &TableName::bare("odd \"name\"")).unwrap().table;
    let db = rusqlite::Connection::open_in_memory().unwrap();
    for _ in 0..2 {
        db.execute_batch(&create_table(Dialect::Sqlite, &table)).unwrap();
        for sql in create_indexes(Dialect::Sqlite, &table).unwrap() {
            db.execute_batch(&sql).unwrap();
        }
    }
    db.execute_batch("INSERT INTO \"odd \"\"name\"\"\" (mail) VALUES ('a')").unwrap();
    let row: (i64, i64, String, String) = db
        .query_row("SELECT rowid, ok, name, seen FROM \"odd \"\"name\"\"\"", [], |r| {
            Ok((r.get(0)?, r.get(1)?, r.get(2)?, r.get(3)?))
        })
        .unwrap();
    assert_eq!((row.0, row.1, row.2.as_str()), (1, 1, "it's"));
    assert!(moment::parse_instant(&row.3).is_some(), "{}", row.3);
    let names: Vec<String> = table.indexes.iter().map(|i| i.name.clone()).collect();
    assert_eq!(names, ["odd \"name\"_people_mail", "odd \"name\"_by_doc"]);
}

#[test]
fn unsigned_integers_and_wide_decimals_find_room() {
    let fields = [
        Field::new("u8", DataType::UInt8, true),
        Field::new("u64", DataType::UInt64, true),
        Field::new("wide", DataType::Decimal256(70, 10), true),
        Field::new("thin", DataType::Decimal128(2, 5), true),
        Field::new("round", DataType::Decimal128(5, -3), true),
    ];
    let source = TableSchema::new(TableName::bare("n"), fields);
    let of = |dialect, column: &str| {
        native(&adapt(dialect, &source, &TableName::bare("n")).unwrap().table, column)
    };
    assert_eq!(of(Dialect::Postgres, "u8"), "smallint");
    assert_eq!(of(Dialect::Postgres, "u64"), "numeric(20,0)");
    assert_eq!(of(Dialect::Mysql, "u64"), "bigint unsigned");
    assert_eq!(of(Dialect::Mysql, "wide"), "longtext");
    assert_eq!(of(Dialect::Mysql, "thin"), "decimal(5,5)");
    assert_eq!(of(Dialect::Postgres, "round"), "numeric(8,0)");
    assert_eq!(of(Dialect::Sqlite, "wide"), "DECIMAL_TEXT(70,10)");
}

#[test]
fn mysql_keys_and_rows_stay_inside_of_its_limits() {
    let long = |name: &str, n: &str| field(name, DataType::Utf8, &[(field::LENGTH, n)]);
    let mut fields = vec![
        Field::new("a", DataType::Utf8, false),
        Field::new("b", DataType::Utf8, false),
        Field::new("c", DataType::Utf8, false),
        Field::new("d", DataType::Utf8, false),
        long("e", "2000"),
        Field::new("f", DataType::Binary, false),
    ];
    fields.extend((0..30).map(|n| long(&format!("wide{n}"), "4000")));
    let mut source = TableSchema::new(TableName::bare("k"), fields);
    source.primary_key = ["a", "b", "c", "d"].map(String::from).to_vec();
    source.indexes = ["e", "f"].map(|c| Index::new(format!("u_{c}"), vec![part(c)], true)).to_vec();
    let table = adapt(Dialect::Mysql, &source, &TableName::bare("k")).unwrap().table;
    assert_eq!(native(&table, "a"), "varchar(192)");
    assert_eq!(native(&table, "e"), "varchar(255)");
    assert_eq!(native(&table, "f"), "varbinary(255)");
    let wide = (0..30).filter(|n| native(&table, &format!("wide{n}")) == "varchar(4000)").count();
    assert!((1..5).contains(&wide), "{wide}");
}

#[test]
fn names_that_clash_or_do_not_fit_are_errors() {
    let two = |a: &str, b: &str| {
        TableSchema::new(TableName::bare("t"), [a, b].map(|n| Field::new(n, DataType::Int64, true)))
    };
    let code = |dialect, table: &TableSchema, name: &str| {
        adapt(dialect, table, &TableName::bare(name)).map_err(|e| e.code()).err()
    };
    assert_eq!(code(Dialect::Mysql, &two("a", "A"), "t"), Some(Code::ColumnMismatch));
    assert_eq!(code(Dialect::Postgres, &two("a", "A"), "t"), None);
    assert_eq!(code(Dialect::Postgres, &two("a", &"x".repeat(64)), "t"), Some(Code::BadValue));
    assert_eq!(code(Dialect::Sqlite, &two("a", "b"), "sqlite_x"), Some(Code::BadValue));
}

#[test]
fn index_names_are_told_apart_where_they_share_the_schema() {
    let name = |n: &str| names::index_name(Dialect::Postgres, &TableName::bare("orders"), n);
    assert_eq!(name("by_day"), "orders_by_day");
    assert_eq!(name("orders_by_day"), "orders_by_day");
    assert_eq!(name("orders"), "orders_orders", "tables and indexes share the names");
    let (a, b) = (name(&("x".repeat(70) + "a")), name(&("x".repeat(70) + "b")));
    assert!(a.len() <= 63 && a != b, "{a} {b}");
}

#[test]
fn a_counted_column_that_leads_no_primary_key_gets_its_index_at_once_in_mysql() {
    let mut source = people();
    source.primary_key = vec!["mail".into()];
    source.indexes.push(Index::new("by_id", vec![part("id")], true));
    let table = adapt(Dialect::Mysql, &source, &TableName::bare("p")).unwrap().table;
    let sql = create_table(Dialect::Mysql, &table);
    assert!(sql.contains("UNIQUE KEY `by_id` (`id`)"), "{sql}");
    let later = create_indexes(Dialect::Mysql, &table).unwrap();
    assert!(!later.iter().any(|s| s.contains("by_id")), "{later:?}");
}

#[test]
fn defaults_that_are_no_values_of_the_type_are_left_out() {
    let day = Field::new("d", DataType::Date32, true);
    assert_eq!(columns::default_literal(Dialect::Postgres, &day, "0000-00-00"), None);
    assert_eq!(
        columns::default_literal(Dialect::Postgres, &day, "2020-01-01").as_deref(),
        Some("'2020-01-01'")
    );
    let n = Field::new("n", DataType::Int32, true);
    assert_eq!(columns::default_literal(Dialect::Postgres, &n, "1); DROP TABLE x"), None);
    assert_eq!(columns::default_literal(Dialect::Postgres, &n, "-5").as_deref(), Some("-5"));
}

/// A table of MySQL with everything a table can have there.
fn whole() -> TableSchema {
    let my = |name: &str, t: DataType, native: &str, more: &[(&str, &str)]| {
        let mut pairs = vec![(field::STORE, "mysql"), (field::NATIVE, native)];
        pairs.extend_from_slice(more);
        field(name, t, &pairs)
    };
    let bin =
        [(field::CHARSET, "utf8mb4"), (field::COLLATION, "utf8mb4_bin"), (field::LENGTH, "20")];
    let fields = [
        my("id", DataType::Int32, "int(11)", &[]),
        my("boss", DataType::Int32, "int(11)", &[]),
        my("code", DataType::Utf8, "varchar(20)", &bin),
        my("twice", DataType::Int64, "bigint(20)", &[]),
        my("body", DataType::Utf8, "text", &bin[..2]),
    ];
    let sql = |text: &str| NativeSql::new("mysql", text);
    let mut table = TableSchema::new(TableName::new("shop", "staff"), fields);
    table.primary_key = vec!["id".into()];
    table.columns[3].generated = Some(Generated { expression: sql("`boss` * 2"), stored: false });
    table.columns[4].attributes = Some(sql("INVISIBLE"));
    table.checks = vec![
        Check { name: Some("CONSTRAINT_1".into()), condition: sql("`boss` > 0"), enforced: true },
        Check { name: Some("code".into()), condition: sql("`code` <> ''"), enforced: true },
        Check {
            name: Some("staff_odd".into()),
            condition: sql("crc32(`code`) > 1"),
            enforced: true,
        },
    ];
    table.indexes = vec![
        Index::new("by_body", vec![IndexPart { prefix: Some(20), ..part("body") }], false),
        Index {
            definition: Some(sql("FULLTEXT KEY `words` (`body`)")),
            ..Index::new("words", vec![part("body")], false)
        },
    ];
    table.foreign_keys = vec![ForeignKey {
        name: "staff_ibfk_1".into(),
        columns: vec!["boss".into()],
        references: table.name.clone(),
        referenced: vec!["id".into()],
        on_delete: ReferentialAction::SetNull,
        on_update: ReferentialAction::Restrict,
        attributes: None,
    }];
    table.partitioning = Some(Partitioning {
        by: sql("PARTITION BY HASH (`id`)\nPARTITIONS 2"),
        partitions: vec![],
    });
    table.options = Some(sql("ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin"));
    table
}

#[test]
fn the_same_store_keeps_a_table_whole_under_another_name() {
    let Adapted { table, notes } =
        adapt(Dialect::Mysql, &whole(), &TableName::new("shop", "people")).unwrap();
    assert_eq!(notes, [""; 0]);
    assert_eq!(
        create_table(Dialect::Mysql, &table),
        "CREATE TABLE IF NOT EXISTS `shop`.`people` (
  `id` int(11) NOT NULL,
  `boss` int(11),
  `code` varchar(20) CHECK (`code` <> ''),
  `twice` bigint(20) GENERATED ALWAYS AS (`boss` * 2) VIRTUAL,
  `body` text INVISIBLE,
  PRIMARY KEY (`id`),
  CONSTRAINT `CONSTRAINT_1` CHECK (`boss` > 0),
  CONSTRAINT `people_odd` CHECK (crc32(`code`) > 1)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin
PARTITION BY HASH (`id`)
PARTITIONS 2"
    );
    assert_eq!(
        create_indexes(Dialect::Mysql, &table).unwrap(),
        [
            "CREATE INDEX `by_body` ON `shop`.`people` (`body`(20))",
            "ALTER TABLE `shop`.`people` ADD FULLTEXT KEY `words` (`body`)",
        ]
    );
    assert_eq!(
        foreign_keys(Dialect::Mysql, &table),
        ["ALTER TABLE `shop`.`people` ADD CONSTRAINT `people_ibfk_1` FOREIGN KEY (`boss`) \
          REFERENCES `shop`.`staff` (`id`) ON DELETE SET NULL ON UPDATE RESTRICT"]
    );
}

#[test]
fn another_store_gets_what_means_the_same_and_names_the_rest() {
    let Adapted { table, notes } =
        adapt(Dialect::Postgres, &whole(), &TableName::bare("staff")).unwrap();
    assert_eq!(
        create_table(Dialect::Postgres, &table),
        "CREATE TABLE IF NOT EXISTS \"staff\" (
  \"id\" integer NOT NULL,
  \"boss\" integer,
  \"code\" varchar(20),
  \"twice\" bigint GENERATED ALWAYS AS (CAST(\"boss\" AS bigint) * 2) STORED,
  \"body\" text,
  PRIMARY KEY (\"id\"),
  CONSTRAINT \"CONSTRAINT_1\" CHECK (\"boss\" > 0),
  CONSTRAINT \"code\" CHECK (NOT (rtrim(\"code\") = ''))
)"
    );
    assert_eq!(
        create_indexes(Dialect::Postgres, &table).unwrap(),
        ["CREATE INDEX IF NOT EXISTS \"staff_by_body\" ON \"staff\" ((\"left\"(\"body\", 20)))"]
    );
    assert_eq!(
        notes,
        [
            "column body: INVISIBLE is left out",
            "column twice is stored, where the source computes it when it is read",
            "check staff_odd is left out: crc32 is not the same elsewhere: crc32(`code`) > 1",
            "index words is left out: only mysql can say it",
            "partitions are not carried: the table is made flat",
        ]
    );
    let lite = adapt(Dialect::Sqlite, &whole(), &TableName::bare("staff")).unwrap().table;
    let sql = create_table(Dialect::Sqlite, &lite);
    assert!(
        sql.contains("CONSTRAINT \"staff_ibfk_1\" FOREIGN KEY (\"boss\") REFERENCES \"staff\" (\"id\") ON DELETE SET NULL ON UPDATE RESTRICT"),
        "{sql}"
    );
    assert!(sql.contains("GENERATED ALWAYS AS (\"boss\" * 2) VIRTUAL"), "{sql}");
    let db = rusqlite::Connection::open_in_memory().unwrap();
    db.execute_batch(&sql).unwrap();
    assert!(db.execute_batch("INSERT INTO staff (id, boss) VALUES (1, -1)").is_err());
}

#[test]
fn what_another_store_has_no_word_for_is_made_the_nearest() {
    let mut source = people();
    let sql = |text: &str| NativeSql::new("postgres", text);
    source.foreign_keys = vec![ForeignKey {
        name: "friend".into(),
        columns: vec!["mail".into()],
        references: TableName::new("public", "others"),
        referenced: vec!["mail".into()],
        on_delete: ReferentialAction::SetDefault,
        on_update: ReferentialAction::Cascade,
        attributes: Some(sql("MATCH FULL DEFERRABLE INITIALLY DEFERRED")),
    }];
    let same = adapt(Dialect::Postgres, &source, &source.name).unwrap();
    assert_eq!(
        foreign_keys(Dialect::Postgres, &same.table),
        ["ALTER TABLE \"public\".\"people\" ADD CONSTRAINT \"friend\" FOREIGN KEY (\"mail\") \
          REFERENCES \"public\".\"others\" (\"mail\") MATCH FULL ON DELETE SET DEFAULT \
          ON UPDATE CASCADE DEFERRABLE INITIALLY DEFERRED"]
    );
    let other = adapt(Dialect::Mysql, &source, &TableName::bare("people")).unwrap();
    let key = &other.table.foreign_keys[0];
    assert_eq!((key.name.as_str(), key.on_delete), ("people_friend", ReferentialAction::NoAction));
    assert_eq!(
        other.notes.iter().filter(|n| n.starts_with("foreign key people_friend")).count(),
        2
    );
    assert_eq!(native(&other.table, "mail"), "varchar(255)", "a part of a foreign key");
}

#[test]
fn values_beyond_the_numbers_go_where_the_type_has_them() {
    let special = |name: &str, t: DataType, special: &str| {
        field(name, t, &[(field::STORE, "sqlite"), (field::SPECIAL, special)])
    };
    let time = DataType::Timestamp(TimeUnit::Microsecond, None);
    let fields = [
        special("day", DataType::Date32, "infinity"),
        special("zero", time, "zero-date"),
        special("n", DataType::Decimal128(20, 2), "nan"),
    ];
    let source = TableSchema::new(TableName::bare("t"), fields);
    let kept = |dialect| -> Vec<Option<String>> {
        let table = adapt(dialect, &source, &source.name).unwrap().table;
        let special =
            |c: &syncline_types::Column| field::get(&c.field, field::SPECIAL).map(str::to_owned);
        table.columns.iter().map(special).collect()
    };
    assert_eq!(kept(Dialect::Postgres), [Some("infinity".into()), None, Some("nan".into())]);
    assert_eq!(kept(Dialect::Mysql), [None, Some("zero-date".into()), None]);
}
