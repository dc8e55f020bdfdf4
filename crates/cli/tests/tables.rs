//! Tables come out whole: keys, checks, generated columns, partitions, foreign keys in circles, on
//! the same kind of server word for word, elsewhere as `docs/tables.md` says.

#![allow(clippy::unwrap_used, reason = "helpers of tests")]

mod place;

use place::{run, run_well, shown};
use syncline_testkit::servers::{Database, Kind, Server};

/// Three tables that refer to each other in a circle, one of them to itself, and a partitioned one.
const MARIADB: &str = "
SET foreign_key_checks = 0;
CREATE TABLE region (
  id int NOT NULL AUTO_INCREMENT,
  name varchar(40) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL COMMENT 'as people say it',
  capital bigint DEFAULT NULL,
  area decimal(12,3) NOT NULL DEFAULT 1.500,
  PRIMARY KEY (id),
  UNIQUE KEY by_name (name),
  KEY by_capital (capital),
  CONSTRAINT region_capital FOREIGN KEY (capital) REFERENCES city (id) ON DELETE SET NULL,
  CONSTRAINT area_is_some CHECK (area > 0)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_general_ci COMMENT='parts of a land';
CREATE TABLE city (
  id bigint NOT NULL AUTO_INCREMENT,
  name varchar(40) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
  code char(3) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
  people int NOT NULL CHECK (people >= 0),
  mayor int DEFAULT NULL,
  twice bigint GENERATED ALWAYS AS (people * 2) STORED,
  label varchar(60) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin GENERATED ALWAYS AS (concat(code,'-',name)) VIRTUAL,
  shout varchar(40) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin GENERATED ALWAYS AS (ucase(name)) STORED,
  about text DEFAULT NULL,
  PRIMARY KEY (id),
  KEY by_mayor (mayor),
  KEY by_about (about(20)),
  KEY by_two (code, people),
  CONSTRAINT city_mayor FOREIGN KEY (mayor) REFERENCES person (id) ON UPDATE CASCADE
) ENGINE=InnoDB AUTO_INCREMENT=5000 DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_general_ci;
CREATE TABLE person (
  id int NOT NULL,
  boss int DEFAULT NULL,
  home int DEFAULT NULL,
  born date DEFAULT NULL,
  mail varchar(80) DEFAULT NULL,
  PRIMARY KEY (id),
  UNIQUE KEY by_mail (mail),
  KEY by_boss (boss),
  KEY by_home (home),
  CONSTRAINT person_boss FOREIGN KEY (boss) REFERENCES person (id) ON DELETE CASCADE,
  CONSTRAINT person_home FOREIGN KEY (home) REFERENCES region (id),
  CONSTRAINT born_late CHECK (born >= '1800-01-01'),
  CONSTRAINT mail_has_at CHECK (mail LIKE '%@%')
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_general_ci;
CREATE TABLE log (
  id int NOT NULL,
  day date NOT NULL,
  text varchar(30) DEFAULT NULL,
  PRIMARY KEY (id, day)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_general_ci
PARTITION BY RANGE (year(day))
(PARTITION old VALUES LESS THAN (2000), PARTITION rest VALUES LESS THAN MAXVALUE);
INSERT INTO region (id, name, capital, area) SELECT seq, concat('region ', seq), seq, seq / 2 FROM seq_1_to_50;
INSERT INTO city (id, name, code, people, mayor, about) SELECT seq, concat('Städtchen ', seq), lpad(seq, 3, '0'), seq * 10, seq % 100 + 1, repeat('x', 200) FROM seq_1_to_300;
INSERT INTO person (id, boss, home, born, mail) SELECT seq, nullif(401 - seq, 0), seq % 50 + 1, '1990-01-01', concat('p', seq, '@example.org') FROM seq_1_to_400;
INSERT INTO log SELECT seq, date '1999-06-01' + interval seq day, 'entry' FROM seq_1_to_400;
";

const TABLES: [(&str, u64); 4] = [("region", 50), ("city", 300), ("person", 400), ("log", 400)];

fn folder() -> tempfile::TempDir {
    tempfile::tempdir().expect("a temporary folder")
}

fn database(kind: Kind, sql: &str) -> Option<Database> {
    let database = Server::shared(kind)?.database();
    let mut session = database.session();
    for statement in sql.split(";\n").map(str::trim).filter(|s| !s.is_empty()) {
        session.execute(statement);
    }
    Some(database)
}

fn show_create(database: &Database, table: &str) -> String {
    let rows = database.rows(&format!("SHOW CREATE TABLE `{table}`"));
    rows[0][1].clone().unwrap()
}

fn single(database: &Database, sql: &str) -> Vec<String> {
    database.rows(sql).into_iter().map(|row| row[0].clone().unwrap_or("NULL".into())).collect()
}

#[test]
fn on_the_same_server_tables_are_equal_word_for_word() {
    let Some(source) = database(Kind::MariaDb, MARIADB) else { return };
    let target = Server::shared(Kind::MariaDb).unwrap().database();
    let state = folder();
    run_well(state.path(), &["copy", &source.url(), &target.url(), "--parallel", "4"]);
    for (table, rows) in TABLES {
        assert_eq!(show_create(&target, table), show_create(&source, table));
        let all = format!("SELECT * FROM `{table}` ORDER BY id");
        assert_eq!(target.rows(&all), source.rows(&all), "{table}");
        assert_eq!(target.count(&format!("`{table}`")), rows);
    }
}

#[test]
fn postgresql_gets_what_means_the_same() {
    let Some(source) = database(Kind::MariaDb, MARIADB) else { return };
    let Some(server) = Server::shared(Kind::Postgres) else { return };
    let target = server.database();
    let state = folder();
    let check = run_well(state.path(), &["copy", &source.url(), &target.url(), "--dry-run"]);
    for note in [
        "partitions are not carried: the table is made flat",
        "check mail_has_at is left out: the source compares the texts by a collation of its own",
        "column label is stored, where the source computes it when it is read",
        "column shout is made a plain one that holds the values: upper and lower case",
    ] {
        assert!(check.contains(note), "{note}\n{check}");
    }
    run_well(state.path(), &["copy", &source.url(), &target.url(), "--parallel", "4"]);
    let keys = "SELECT conname || ' ' || pg_get_constraintdef(oid) FROM pg_constraint \
                WHERE contype = 'f' ORDER BY conname";
    assert_eq!(
        single(&target, keys),
        [
            "city_mayor FOREIGN KEY (mayor) REFERENCES person(id) ON UPDATE CASCADE ON DELETE RESTRICT",
            "person_boss FOREIGN KEY (boss) REFERENCES person(id) ON UPDATE RESTRICT ON DELETE CASCADE",
            "person_home FOREIGN KEY (home) REFERENCES region(id) ON UPDATE RESTRICT ON DELETE RESTRICT",
            "region_capital FOREIGN KEY (capital) REFERENCES city(id) ON UPDATE RESTRICT ON DELETE SET NULL",
        ]
    );
    let checks = "SELECT pg_get_constraintdef(oid) FROM pg_constraint WHERE contype = 'c' \
                  AND conrelid::regclass::text IN ('region', 'city', 'person') ORDER BY 1";
    assert_eq!(
        single(&target, checks),
        [
            "CHECK ((area > (0)::numeric))",
            "CHECK ((born >= '1800-01-01'::date))",
            "CHECK ((people >= 0))",
        ]
    );
    let generated = "SELECT column_name FROM information_schema.columns \
                     WHERE is_generated = 'ALWAYS' ORDER BY 1";
    assert_eq!(single(&target, generated), ["label", "twice"]);
    let indexes =
        "SELECT indexdef FROM pg_indexes WHERE tablename = 'city' AND indexname LIKE '%about'";
    assert!(single(&target, indexes)[0].contains("\"left\"(about, 20)"));
    for (table, rows) in TABLES {
        assert_eq!(target.count(&format!("\"{table}\"")), rows, "{table}");
    }
    let columns = "id, name, code, people, mayor, twice, label, shout";
    let all = format!("SELECT {columns} FROM city ORDER BY id");
    assert_eq!(target.rows(&all), source.rows(&all));
    assert_eq!(single(&target, "SELECT obj_description('region'::regclass)"), ["parts of a land"]);
    target.execute("INSERT INTO city (name, code, people) VALUES ('x', 'abc', 1)");
    assert_eq!(single(&target, "SELECT max(id) FROM city"), ["5000"], "the next value goes along");
    for bad in ["1, 9999", "-1, NULL"] {
        let sql = format!("INSERT INTO city (name, code, people, mayor) VALUES ('x', 'a', {bad})");
        assert!(target.try_execute(&sql).is_err(), "{sql}");
    }
}

#[test]
fn sqlite_gets_what_means_the_same() {
    let Some(source) = database(Kind::MariaDb, MARIADB) else { return };
    let state = folder();
    let path = state.path().join("whole.db");
    let url = format!("sqlite:{}", path.display());
    run_well(state.path(), &["copy", &source.url(), &url]);
    let db = rusqlite::Connection::open(&path).unwrap();
    let all = |sql: &str| -> Vec<String> {
        let mut statement = db.prepare(sql).unwrap();
        let rows = statement.query_map([], |row| row.get::<_, String>(0)).unwrap();
        rows.map(Result::unwrap).collect()
    };
    let keys = "SELECT t.name || '.' || f.\"from\" || ' ' || f.\"table\" || '.' || f.\"to\" || ' ' || f.on_delete \
                FROM sqlite_schema t, pragma_foreign_key_list(t.name) f WHERE t.type = 'table' ORDER BY 1";
    assert_eq!(
        all(keys),
        [
            "city.mayor person.id RESTRICT",
            "person.boss person.id CASCADE",
            "person.home region.id RESTRICT",
            "region.capital city.id SET NULL",
        ]
    );
    assert_eq!(all("SELECT \"table\" FROM pragma_foreign_key_check"), [""; 0]);
    assert_eq!(
        all("SELECT name FROM pragma_table_xinfo('city') WHERE hidden > 1 ORDER BY 1"),
        ["label", "twice"]
    );
    for (table, rows) in TABLES {
        let count: i64 =
            db.query_row(&format!("SELECT count(*) FROM {table}"), [], |r| r.get(0)).unwrap();
        assert_eq!(count, i64::try_from(rows).unwrap(), "{table}");
    }
    let row: (i64, String, String) = db
        .query_row("SELECT twice, label, shout FROM city WHERE id = 7", [], |r| {
            Ok((r.get(0)?, r.get(1)?, r.get(2)?))
        })
        .unwrap();
    assert_eq!(row, (140, "007-Städtchen 7".into(), "STÄDTCHEN 7".into()));
    assert!(db.execute_batch("INSERT INTO region (name, area) VALUES ('x', 0)").is_err());
}

const POSTGRES: &str = "
CREATE TABLE maker (
  id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  name text NOT NULL,
  country varchar(2) NOT NULL CHECK (country = upper(country)),
  best int,
  CONSTRAINT maker_name UNIQUE (name)
);
CREATE TABLE part (
  id int PRIMARY KEY,
  maker int NOT NULL REFERENCES maker (id) ON DELETE CASCADE,
  inside int REFERENCES part (id) DEFERRABLE INITIALLY DEFERRED,
  price numeric(10,2) CHECK (price >= 0),
  tax numeric(10,2) GENERATED ALWAYS AS (price * 0.2) STORED,
  tags text[] DEFAULT '{}'
);
ALTER TABLE maker ADD CONSTRAINT maker_best FOREIGN KEY (best) REFERENCES part (id);
CREATE INDEX part_cheap ON part (price DESC) WHERE price < 10;
CREATE INDEX part_tags ON part USING gin (tags);
CREATE TABLE sale (id int NOT NULL, day date NOT NULL, part int REFERENCES part (id), PRIMARY KEY (id, day)) PARTITION BY RANGE (day);
CREATE TABLE sale_old PARTITION OF sale FOR VALUES FROM (MINVALUE) TO ('2000-01-01');
CREATE TABLE sale_new PARTITION OF sale FOR VALUES FROM ('2000-01-01') TO (MAXVALUE);
COMMENT ON COLUMN part.price IS 'before tax';
INSERT INTO maker (name, country) SELECT 'maker ' || n, 'DE' FROM generate_series(1, 40) n;
INSERT INTO part (id, maker, inside, price, tags) SELECT n, n % 40 + 1, CASE WHEN n > 1 THEN n - 1 END, n, ARRAY['a'] FROM generate_series(1, 300) n;
UPDATE maker SET best = id;
INSERT INTO sale SELECT n, date '1999-12-01' + n, n FROM generate_series(1, 100) n;
";

/// What the catalog says of the tables, line by line.
fn catalog(database: &Database) -> Vec<String> {
    let sql = "
SELECT c.relname::text || ' ' || a.attname::text || ' ' || format_type(a.atttypid, a.atttypmod) || ' ' ||
       a.attnotnull::text || a.attidentity::text || a.attgenerated::text || coalesce(pg_get_expr(d.adbin, d.adrelid), '') ||
       coalesce(col_description(c.oid, a.attnum), '')
FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0
LEFT JOIN pg_attrdef d ON d.adrelid = c.oid AND d.adnum = a.attnum
WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p')
UNION ALL
SELECT conrelid::regclass::text || ' ' || conname::text || ' ' || pg_get_constraintdef(oid) FROM pg_constraint
WHERE connamespace = 'public'::regnamespace
UNION ALL
SELECT indexdef FROM pg_indexes WHERE schemaname = 'public'
UNION ALL
SELECT inhrelid::regclass::text || ' of ' || inhparent::regclass::text || ' ' || pg_get_expr(c.relpartbound, c.oid)
FROM pg_inherits JOIN pg_class c ON c.oid = inhrelid WHERE c.relkind = 'r'
ORDER BY 1";
    single(database, sql)
}

#[test]
fn postgresql_to_postgresql_is_equal_in_the_catalog() {
    let Some(source) = database(Kind::Postgres, POSTGRES) else { return };
    let target = Server::shared(Kind::Postgres).unwrap().database();
    let state = folder();
    run_well(state.path(), &["copy", &source.url(), &target.url(), "--parallel", "4"]);
    assert_eq!(catalog(&target), catalog(&source));
    for table in ["maker", "part", "sale"] {
        let all = format!("SELECT * FROM {table} ORDER BY id");
        assert_eq!(target.rows(&all), source.rows(&all), "{table}");
    }
}

/// Tables that are there, with foreign keys that are enforced: the largest refers to the others.
const CHAIN: &str = "
CREATE TABLE a (id int PRIMARY KEY);
CREATE TABLE b (id int PRIMARY KEY, a int NOT NULL, FOREIGN KEY (a) REFERENCES a (id));
CREATE TABLE c (id int PRIMARY KEY, b int NOT NULL, a int, FOREIGN KEY (b) REFERENCES b (id), FOREIGN KEY (a) REFERENCES a (id));
CREATE TABLE d (id int PRIMARY KEY, c int, boss int, FOREIGN KEY (c) REFERENCES c (id), FOREIGN KEY (boss) REFERENCES d (id));
";

fn fill_chain(kind: Kind, database: &Database) {
    let numbers = |n: u32| match kind {
        Kind::Postgres => format!("(SELECT generate_series(1, {n}) AS n) AS s"),
        _ => format!("(SELECT seq AS n FROM seq_1_to_{n}) AS s"),
    };
    let mut session = database.session();
    session.execute(&format!("INSERT INTO a SELECT n FROM {}", numbers(10)));
    session.execute(&format!("INSERT INTO b SELECT n, n % 10 + 1 FROM {}", numbers(3000)));
    session.execute(&format!("INSERT INTO c SELECT n, n % 3000 + 1, 1 FROM {}", numbers(6000)));
    // Rows refer to later ones, which are there only once all are.
    session.execute(&format!("INSERT INTO d SELECT n, n % 6000 + 1, NULL FROM {}", numbers(9000)));
    session.execute("UPDATE d SET boss = 9001 - id");
}

#[test]
fn existing_tables_are_loaded_in_the_order_of_their_foreign_keys() {
    for kind in [Kind::MariaDb, Kind::Postgres] {
        let Some(source) = database(kind, CHAIN) else { continue };
        fill_chain(kind, &source);
        let target = database(kind, CHAIN).unwrap();
        let state = folder();
        let args =
            ["copy", &source.url(), &target.url(), "--parallel", "4", "--split-rows", "1000"];
        let check = run_well(state.path(), &[&args[..], &["--dry-run"]].concat());
        assert!(
            check.contains("closes a circle: it is checked once all rows are there"),
            "{check}"
        );
        run_well(state.path(), &args);
        let counts: Vec<u64> = ["a", "b", "c", "d"].iter().map(|t| target.count(t)).collect();
        assert_eq!(counts, [10, 3000, 6000, 9000], "{kind:?}");
        // They are enforced as before.
        assert!(target.try_execute("INSERT INTO d VALUES (10000, 1, 77777)").is_err(), "{kind:?}");
        assert!(target.try_execute("INSERT INTO d VALUES (10000, 77777, 1)").is_err(), "{kind:?}");
    }
}

#[test]
fn a_row_that_refers_to_nothing_in_a_circle_is_found_after_the_load() {
    for kind in [Kind::MariaDb, Kind::Postgres] {
        let loose = "CREATE TABLE d (id int PRIMARY KEY, boss int);\nINSERT INTO d VALUES (1, 2), (2, 77777)";
        let Some(source) = database(kind, loose) else { continue };
        let strict = "CREATE TABLE d (id int PRIMARY KEY, boss int, CONSTRAINT d_boss FOREIGN KEY (boss) REFERENCES d (id))";
        let target = database(kind, strict).unwrap();
        let state = folder();
        let output = run(state.path(), &["copy", &source.url(), &target.url()]);
        assert!(!output.status.success(), "{kind:?}: {}", shown(&output));
        assert!(shown(&output).contains("d_boss"), "{kind:?}: {}", shown(&output));
    }
}

#[test]
fn foreign_keys_follow_their_tables_to_other_names_or_are_named() {
    let Some(source) = database(Kind::MariaDb, CHAIN) else { return };
    let state = folder();
    let path = state.path().join("part.db");
    let url = format!("sqlite:{}", path.display());
    let args = ["copy", &source.url(), &url, "--table", "c", "--table", "b", "--to", "new_{table}"];
    let check = run_well(state.path(), &[&args[..], &["--dry-run"]].concat());
    assert!(check.contains("is neither copied nor at the target"), "{check}");
    run_well(state.path(), &args);
    let db = rusqlite::Connection::open(&path).unwrap();
    let keys =
        "SELECT group_concat(\"table\" || '.' || \"to\") FROM pragma_foreign_key_list('new_c')";
    let keys: String = db.query_row(keys, [], |row| row.get(0)).unwrap();
    assert_eq!(keys, "new_b.id");
}

#[test]
fn generated_columns_are_made_plain_where_asked() {
    let Some(source) = database(Kind::MariaDb, MARIADB) else { return };
    let target = Server::shared(Kind::MariaDb).unwrap().database();
    let state = folder();
    let args =
        ["copy", &source.url(), &target.url(), "--table", "city", "--generated", "materialise"];
    run_well(state.path(), &args);
    assert!(!show_create(&target, "city").contains("GENERATED"));
    let all = "SELECT * FROM city ORDER BY id";
    assert_eq!(target.rows(all), source.rows(all));
}

#[test]
fn the_statements_of_schema_run_where_they_are_for() {
    let Some(source) = database(Kind::MariaDb, MARIADB) else { return };
    let state = folder();
    let print = |dialect: &str| {
        run_well(state.path(), &["schema", &source.url(), "--for", dialect, "--exclude", "log"])
    };
    let sqlite = rusqlite::Connection::open_in_memory().unwrap();
    sqlite.execute_batch(&print("sqlite")).unwrap();
    let text = print("postgres");
    assert!(text.contains("-- person: check mail_has_at is left out"), "{text}");
    for (kind, dialect) in [(Kind::Postgres, "postgres"), (Kind::MariaDb, "mysql")] {
        let Some(server) = Server::shared(kind) else { continue };
        let target = server.database();
        let text = print(dialect);
        let statements: Vec<&str> = text.lines().filter(|line| !line.starts_with("--")).collect();
        for statement in statements.join("\n").split(";\n") {
            target.execute(statement);
        }
        let keys = target.rows(
            "SELECT constraint_name FROM information_schema.table_constraints \
             WHERE constraint_type = 'FOREIGN KEY' AND constraint_schema IN (database_or_public)"
                .replace(
                    "(database_or_public)",
                    if kind == Kind::Postgres { "('public')" } else { "(DATABASE())" },
                )
                .as_str(),
        );
        assert_eq!(keys.len(), 4, "{dialect}");
    }
    let json = run_well(state.path(), &["schema", "job"]);
    assert!(json.contains("\"$schema\""));
    let output = run(state.path(), &["schema", &source.url()]);
    assert_eq!(output.status.code(), Some(2), "{}", shown(&output));
}

#[test]
fn postgresql_tables_go_to_mysql_and_mariadb_with_their_relations() {
    let Some(source) = database(Kind::Postgres, POSTGRES) else { return };
    for kind in [Kind::MariaDb, Kind::MySql] {
        let Some(server) = Server::shared(kind) else { continue };
        let target = server.database();
        let state = folder();
        let args = ["copy", &source.url(), &target.url(), "--parallel", "4", "--allow-lossy"];
        let check = run_well(state.path(), &[&args[..], &["--dry-run"]].concat());
        for note in [
            "index part_cheap is left out: only postgres can say it",
            "part_inside_fkey: DEFERRABLE INITIALLY DEFERRED is left out",
            "partitions are not carried: the table is made flat",
        ] {
            assert!(check.contains(note), "{kind:?}: {note}\n{check}");
        }
        run_well(state.path(), &args);
        let keys = "SELECT concat(constraint_name, ' ', referenced_table_name, ' ', delete_rule) \
                    FROM information_schema.referential_constraints \
                    WHERE constraint_schema = DATABASE() ORDER BY 1";
        let no_action = "NO ACTION";
        assert_eq!(
            single(&target, keys),
            [
                format!("maker_best part {no_action}"),
                format!("part_inside_fkey part {no_action}"),
                "part_maker_fkey maker CASCADE".to_owned(),
                format!("sale_part_fkey part {no_action}"),
            ],
            "{kind:?}"
        );
        for (table, rows) in [("maker", 40), ("part", 300), ("sale", 100)] {
            assert_eq!(target.count(table), rows, "{kind:?}: {table}");
        }
        let made = show_create(&target, "part");
        assert!(
            made.contains("GENERATED ALWAYS AS (`price` * 0.2) STORED")
                || made.contains("GENERATED ALWAYS AS ((`price` * 0.2)) STORED"),
            "{made}"
        );
        let all = "SELECT id, maker, inside, price, tax FROM part ORDER BY id";
        assert_eq!(target.rows(all), source.rows(all), "{kind:?}");
        for bad in ["5, 1, NULL, -1", "500, 1, 9999, 1"] {
            let sql = format!("INSERT INTO part (id, maker, inside, price) VALUES ({bad})");
            assert!(target.try_execute(&sql).is_err(), "{kind:?}: {sql}");
        }
        let low = "INSERT INTO maker (name, country) VALUES ('x', 'de')";
        assert!(target.try_execute(low).is_err(), "{kind:?}");
    }
}

const SQLITE: &str = "
CREATE TABLE team (id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT NOT NULL UNIQUE, lead INTEGER REFERENCES player,
  CHECK (length(name) > 1));
CREATE TABLE player (id INTEGER PRIMARY KEY, team INTEGER REFERENCES team (id) ON DELETE SET NULL, points INTEGER DEFAULT 0,
  double INTEGER AS (points * 2) VIRTUAL, tag TEXT GENERATED ALWAYS AS ('#' || points) STORED,
  CONSTRAINT some CHECK (points >= 0));
INSERT INTO team (id, name) VALUES (1, 'red'), (2, 'blue');
INSERT INTO player (id, team, points) VALUES (1, 1, 5), (2, 2, 7), (3, NULL, 0);
UPDATE team SET lead = id;
";

#[test]
fn sqlite_tables_go_to_servers_with_their_relations() {
    let state = folder();
    let path = state.path().join("team.db");
    rusqlite::Connection::open(&path).unwrap().execute_batch(SQLITE).unwrap();
    let url = format!("sqlite:{}", path.display());
    for kind in [Kind::MariaDb, Kind::MySql, Kind::Postgres] {
        let Some(server) = Server::shared(kind) else { continue };
        let target = server.database();
        // A text of any length has no place in a key of MySQL.
        let args = ["copy", &url, &target.url(), "--allow-lossy"];
        let check = run_well(state.path(), &[&args[..], &["--dry-run"]].concat());
        assert!(check.contains("column tag is made a plain one that holds the values"), "{check}");
        run_well(state.path(), &args);
        let keys = "SELECT count(*) FROM information_schema.table_constraints \
                    WHERE constraint_type = 'FOREIGN KEY' AND table_name IN ('team', 'player') \
                    AND constraint_schema IN ('public', 'DB')"
            .replace("DB", target.name());
        assert_eq!(single(&target, &keys), ["2"], "{kind:?}");
        let all = "SELECT id, team, points, double_, tag FROM player ORDER BY id"
            .replace("double_", if kind == Kind::Postgres { "\"double\"" } else { "`double`" });
        let rows: Vec<Vec<String>> = target
            .rows(&all)
            .into_iter()
            .map(|row| row.into_iter().map(|v| v.unwrap_or("NULL".into())).collect())
            .collect();
        assert_eq!(
            rows,
            [
                ["1", "1", "5", "10", "#5"],
                ["2", "2", "7", "14", "#7"],
                ["3", "NULL", "0", "0", "#0"]
            ],
            "{kind:?}"
        );
        for bad in [
            "INSERT INTO player (id, points) VALUES (9, -1)",
            "INSERT INTO team (name) VALUES ('x')",
            "INSERT INTO player (id, team) VALUES (9, 9)",
        ] {
            assert!(target.try_execute(bad).is_err(), "{kind:?}: {bad}");
        }
        target.execute("INSERT INTO player (id, points) VALUES (9, 4)");
    }
}

/// A unique index that is made when the rows are in says which of them it cannot be made of.
#[test]
fn rows_that_break_a_unique_index_are_named() {
    let state = folder();
    let script = state.path().join("u.sql");
    let sql = "CREATE TABLE u (id integer PRIMARY KEY, v varchar(9));\n\
               CREATE UNIQUE INDEX one_v ON u (v);\n\
               INSERT INTO u VALUES (1,'a'),(2,'b'),(3,'a');\n";
    std::fs::write(&script, sql).unwrap();
    let from = format!("{}?dialect=postgres", script.display());
    let sqlite = format!("sqlite:{}", state.path().join("u.db").display());
    let mut targets = vec![(sqlite, "index u_one_v of u")];
    let postgres = Server::shared(Kind::Postgres).map(|server| server.database());
    targets.extend(postgres.iter().map(|database| (database.url(), "index one_v of public.u")));
    for (target, index) in targets {
        let output = run(state.path(), &["copy", &from, &target, "--max-errors", "5"]);
        let said = shown(&output);
        assert_eq!(output.status.code(), Some(1), "{said}");
        for word in [index, "(1)", "(3)", "the 2 rows", "mend or delete the rows"] {
            assert!(said.contains(word), "{word}: {said}");
        }
    }
}

/// What PostgreSQL has of its own is named where another store goes without.
#[test]
fn what_counts_otherwise_or_compares_otherwise_is_named() {
    let sql = "CREATE TABLE t (id int GENERATED BY DEFAULT AS IDENTITY (INCREMENT BY 5) PRIMARY KEY, n serial, \
               v text COLLATE \"und-x-icu\");\nALTER TABLE t SET UNLOGGED;\nINSERT INTO t (v) VALUES ('x')";
    let Some(source) = database(Kind::Postgres, sql) else { return };
    let Some(server) = Server::shared(Kind::MySql) else { return };
    let target = server.database();
    let state = folder();
    let copy = ["copy", &source.url(), &target.url(), "--allow-lossy"];
    let check = run_well(state.path(), &[&copy[..], &["--dry-run"]].concat());
    for note in [
        "column id counts by 5 from 1 to 2147483647 at the source, and by one here",
        "column n is not counted up: mysql counts one column, the first of a key",
        "collation und-x-icu is not carried: texts of v compare otherwise here",
        "left out, only postgres can say it: SET UNLOGGED",
    ] {
        assert!(check.contains(note), "{note}\n{check}");
    }
    run_well(state.path(), &copy);
    assert!(show_create(&target, "t").contains("`id` int NOT NULL AUTO_INCREMENT"));
    assert!(show_create(&target, "t").contains("AUTO_INCREMENT=6 "));
}
