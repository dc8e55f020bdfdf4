//! The tables of `docs/tables.md` that say what becomes of each part of a table, held against the
//! code. `SYNCLINE_WRITE_PAGES=1` writes them anew.

#![allow(clippy::unwrap_used)]

use std::fmt::Write as _;
use std::path::Path;

use arrow::datatypes::{DataType, Field};
use syncline_sql::{
    Dialect, adapt, comments, create_indexes, create_table, foreign_keys, partitions,
};
use syncline_types::{
    Check, DefaultValue, ForeignKey, Generated, Identity, Index, IndexPart, NativeSql, Partition,
    Partitioning, ReferentialAction, Requirement, TableName, TableSchema, field,
};

const BEGIN: &str = "<!-- written by crates/kits/sql/tests/tables_page.rs -->\n";
const END: &str = "<!-- end -->\n";

fn part(column: &str) -> IndexPart {
    IndexPart { column: column.into(), prefix: None, descending: false }
}

/// A bare table of the store: a number, a text that compares character by character, a document.
fn bare(from: Dialect) -> TableSchema {
    let (number, text, long) = match from {
        Dialect::Mysql => ("int", "varchar(20)", "text"),
        Dialect::Postgres => ("integer", "varchar(20)", "text"),
        _ => ("INTEGER", "TEXT", "TEXT"),
    };
    let whole = if from == Dialect::Sqlite { DataType::Int64 } else { DataType::Int32 };
    let columns = [
        ("id", whole.clone(), number),
        ("n", whole, number),
        ("s", DataType::Utf8, text),
        ("doc", DataType::Utf8, long),
    ];
    let fields = columns.into_iter().map(|(name, data_type, native)| {
        let mut pairs =
            vec![(field::STORE, from.id().to_owned()), (field::NATIVE, native.to_owned())];
        if from == Dialect::Mysql && data_type == DataType::Utf8 {
            pairs.push((field::CHARSET, "utf8mb4".into()));
            pairs.push((field::COLLATION, "utf8mb4_bin".into()));
        }
        field::with(Field::new(name, data_type, name != "id"), pairs)
    });
    let mut table = TableSchema::new(TableName::bare("t"), fields);
    table.primary_key = vec!["id".into()];
    table
}

/// A part of a table: what it is called, and the table that has it.
fn features(from: Dialect) -> Vec<(String, TableSchema)> {
    let mut all: Vec<(String, TableSchema)> = Vec::new();
    let own = |sql: &str| NativeSql::new(from.id(), sql);
    let quoted = |name: &str| from.quote(name);
    let mut add = |title: String, change: &dyn Fn(&mut TableSchema)| {
        let mut table = bare(from);
        change(&mut table);
        all.push((title, table));
    };
    add("constant default".into(), &|t| {
        t.columns[1].default = Some(DefaultValue::Value("7".into()));
    });
    let random = match from {
        Dialect::Mysql => "(uuid())",
        Dialect::Postgres => "gen_random_uuid()",
        _ => "(hex(randomblob(4)))",
    };
    add(format!("default `{random}`"), &|t| {
        let sql = random.to_owned();
        t.columns[2].default = Some(DefaultValue::Native { store: from.id().into(), sql });
    });
    add("counted up".into(), &|t| {
        t.columns[0].identity = Some(Identity { always: false, next: Some(9) });
    });
    add("plain index".into(), &|t| t.indexes = vec![Index::new("by_n", vec![part("n")], false)]);
    add("unique constraint".into(), &|t| {
        t.indexes = vec![Index { constraint: true, ..Index::new("one_n", vec![part("n")], true) }];
    });
    if from == Dialect::Mysql {
        add("index over first characters".into(), &|t| {
            let part = IndexPart { prefix: Some(20), ..part("doc") };
            t.indexes = vec![Index::new("by_doc", vec![part], false)];
        });
    }
    let definition = match from {
        Dialect::Mysql => "FULLTEXT KEY `words` (`doc`)".to_owned(),
        Dialect::Postgres => "USING btree (lower(doc)) WHERE (n > 0)".to_owned(),
        _ => "(lower(doc)) WHERE n > 0".to_owned(),
    };
    add(format!("index `{}`", definition.replace('`', "")), &|t| {
        let definition = Some(own(&definition));
        t.indexes = vec![Index { definition, ..Index::new("words", vec![part("doc")], false) }];
    });
    let conditions: &[&str] = match from {
        Dialect::Mysql => &[
            "`n` > 0",
            "`n` + `id` < 9",
            "`n` / 2 > 1",
            "`s` <> 'x'",
            "`s` like 'x%'",
            "crc32(`s`) > 1",
        ],
        Dialect::Postgres => &[
            "(n > 0)",
            "((n / 2) > 1)",
            "((s)::text <> 'x'::text)",
            "((s)::text ~~ 'x%'::text)",
            "((s)::text ~ '^x'::text)",
        ],
        _ => &["n > 0", "n / 2 > 1", "s <> 'x'", "s LIKE 'x%'", "typeof(n) = 'integer'"],
    };
    for condition in conditions {
        add(format!("check `{}`", condition.replace('`', "")), &|t| {
            t.checks = vec![Check { name: None, condition: own(condition), enforced: true }];
        });
    }
    let computed = |expression: String, stored: bool| {
        move |t: &mut TableSchema| {
            t.columns[1].generated = Some(Generated { expression: own(&expression), stored });
        }
    };
    let twice = format!("{} * 2", quoted("id"));
    add("generated, stored".into(), &computed(twice.clone(), true));
    if from != Dialect::Postgres {
        add("generated, virtual".into(), &computed(twice, false));
    }
    let odd = match from {
        Dialect::Mysql => "crc32(`s`)",
        Dialect::Postgres => "hashtext((s)::text)",
        _ => "unicode(s)",
    };
    add(format!("generated as `{}`", odd.replace('`', "")), &computed(odd.into(), true));
    let key = |on_delete, attributes: Option<&str>| ForeignKey {
        name: "up".into(),
        columns: vec!["n".into()],
        references: TableName::bare("t"),
        referenced: vec!["id".into()],
        on_delete,
        on_update: ReferentialAction::NoAction,
        attributes: attributes.map(own),
    };
    add("foreign key".into(), &|t| {
        t.foreign_keys = vec![key(ReferentialAction::Cascade, None)];
    });
    if from != Dialect::Mysql {
        add("foreign key, `SET DEFAULT`".into(), &|t| {
            t.foreign_keys = vec![key(ReferentialAction::SetDefault, None)];
        });
        add("foreign key, deferred".into(), &|t| {
            let deferred = Some("DEFERRABLE INITIALLY DEFERRED");
            t.foreign_keys = vec![key(ReferentialAction::NoAction, deferred)];
        });
    }
    if from != Dialect::Sqlite {
        add("comment".into(), &|t| t.comment = Some("why".into()));
        let by = if from == Dialect::Mysql {
            "PARTITION BY HASH (`id`) PARTITIONS 2"
        } else {
            "HASH (id)"
        };
        add("partitions".into(), &|t| {
            let piece = Partition::new(
                TableName::bare("t_0"),
                TableName::bare("t"),
                own("FOR VALUES WITH (modulus 1, remainder 0)"),
            );
            let partitions = if from == Dialect::Postgres { vec![piece] } else { Vec::new() };
            t.partitioning = Some(Partitioning { by: own(by), partitions });
        });
    }
    let options = match from {
        Dialect::Mysql => "ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 STATS_PERSISTENT=1",
        Dialect::Postgres => "WITH (fillfactor=70)",
        _ => "STRICT",
    };
    add(format!("options `{options}`"), &|t| t.options = Some(own(options)));
    if from == Dialect::Postgres {
        let counted = "SERIAL \"id\" \"t_id_seq\" AS integer INCREMENT BY -5 MINVALUE -100 \
                       MAXVALUE -1 START WITH -1 CACHE 1 CYCLE";
        add("counted by -5, over and over".into(), &|t| {
            t.columns[0].identity = Some(Identity { always: false, next: Some(-11) });
            t.statements = vec![own(counted)];
        });
        for action in [
            "SET UNLOGGED",
            "ALTER COLUMN \"n\" SET STATISTICS 500",
            "CLUSTER ON \"t_by_n\"",
            "REPLICA IDENTITY FULL",
            "COMMENT ON CONSTRAINT \"c\" IS 'why'",
        ] {
            add(format!("`{}`", action.replace('"', "")), &|t| t.statements = vec![own(action)]);
        }
        add("type of its own".into(), &|t| {
            t.requires = vec![Requirement {
                kind: "domain".into(),
                name: TableName::bare("positive"),
                create: own("CREATE DOMAIN positive AS int CHECK (VALUE > 0)"),
            }];
        });
    }
    all
}

/// All statements that make the table, by line.
fn lines(dialect: Dialect, table: &TableSchema) -> Vec<String> {
    let mut all: Vec<String> = Vec::new();
    for needed in &table.requires {
        all.extend(needed.create.of(dialect.id()).map(str::to_owned));
    }
    all.extend(create_table(dialect, table).lines().map(str::to_owned));
    all.extend(partitions(dialect, table));
    all.extend(create_indexes(dialect, table).unwrap());
    all.extend(foreign_keys(dialect, table));
    all.extend(comments(dialect, table));
    all
}

/// What a part adds to the statements, and what is said of it.
fn cell(from: Dialect, to: Dialect, table: &TableSchema) -> String {
    let name = TableName::bare("t");
    let plain = lines(to, &adapt(to, &bare(from), &name).unwrap().table);
    let adapted = adapt(to, table, &name).unwrap();
    // The comma between lines is not the part's.
    let said = |line: &str| line.trim().trim_end_matches(',').to_owned();
    let plain: Vec<String> = plain.iter().map(|l| said(l)).collect();
    let more: Vec<String> = lines(to, &adapted.table)
        .iter()
        .map(|l| said(l))
        .filter(|line| !plain.contains(line))
        .map(|line| format!("`` {line} ``"))
        .collect();
    let notes = adapted.notes.join("; ");
    match (more.is_empty(), notes.is_empty()) {
        (true, true) => "–".into(),
        (true, false) => notes.replace('|', "\\|"),
        (false, true) => more.join(" ").replace('|', "\\|"),
        (false, false) => format!("{} ({notes})", more.join(" ")).replace('|', "\\|"),
    }
}

fn pages() -> String {
    let mut text = String::new();
    for (from, title) in [
        (Dialect::Mysql, "MySQL, MariaDB"),
        (Dialect::Postgres, "PostgreSQL"),
        (Dialect::Sqlite, "SQLite"),
    ] {
        let targets = [Dialect::Mysql, Dialect::Postgres, Dialect::Sqlite];
        let others: Vec<Dialect> = targets.into_iter().filter(|to| *to != from).collect();
        let names: Vec<&str> = others.iter().map(Dialect::id).collect();
        let _ = writeln!(text, "\n### From {title}\n\n| | {} |", names.join(" | "));
        let _ = writeln!(text, "|---|{}", "---|".repeat(others.len()));
        for (feature, table) in features(from) {
            let cells: Vec<String> = others.iter().map(|to| cell(from, *to, &table)).collect();
            let _ = writeln!(text, "| {} | {} |", feature.replace('|', "\\|"), cells.join(" | "));
        }
    }
    text
}

#[test]
fn the_page_of_tables_says_what_the_code_does() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../docs/tables.md");
    let page = std::fs::read_to_string(&path).unwrap();
    let (head, rest) = page.split_once(BEGIN).unwrap();
    let (held, tail) = rest.split_once(END).unwrap();
    let now = pages() + "\n";
    if std::env::var_os("SYNCLINE_WRITE_PAGES").is_some() {
        std::fs::write(&path, format!("{head}{BEGIN}{now}{END}{tail}")).unwrap();
    } else {
        assert!(
            held == now,
            "docs/tables.md is old: SYNCLINE_WRITE_PAGES=1 cargo test -p syncline-sql --test tables_page\n{now}"
        );
    }
}

#[test]
fn in_the_same_store_every_part_is_kept_and_nothing_is_said() {
    for from in [Dialect::Mysql, Dialect::Postgres, Dialect::Sqlite] {
        for (feature, table) in features(from) {
            let adapted = adapt(from, &table, &table.name).unwrap();
            assert_eq!(adapted.notes, [""; 0], "{from}: {feature}");
            assert_eq!(adapted.table, table, "{from}: {feature}");
        }
    }
}
