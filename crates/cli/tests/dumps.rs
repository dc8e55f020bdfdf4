//! Dumps that the servers' own tools make of tables with everything in them, copied into another
//! database: its definitions and rows are those of the first. And SQL pages that the servers' own
//! clients load.

mod place;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use place::{folder, run_well, text};
use syncline_testkit::servers::{Database, Kind, Server};

/// A client program of a server, by the database's URL.
fn client(program: &str, database: &Database, args: &[&str]) -> Command {
    let url = database.url();
    let (scheme, rest) = url.split_once("://").expect("a URL");
    let (account, place) = rest.split_once('@').expect("an account");
    let (user, password) = account.split_once(':').unwrap_or((account, ""));
    let address = place.split(['/', '?']).next().expect("an address");
    let (host, port) = address.split_once(':').expect("a port");
    let mut command = Command::new(program);
    if scheme.starts_with("postgres") {
        command.env("PGPASSWORD", password).args(["-h", host, "-p", port, "-U", user]);
        command.args(["-d", database.name()]).args(args);
    } else {
        command.args(["-h", host, "-P", port, "-u", user, "--protocol=tcp"]);
        command.env("MYSQL_PWD", password).args(args).arg(database.name());
    }
    command
}

fn output_of(mut command: Command) -> Vec<u8> {
    let output = command.output().expect("the client program starts");
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
    output.stdout
}

fn fed(mut command: Command, file: &Path) {
    command.stdin(Stdio::from(fs::File::open(file).expect("the file opens")));
    let output = command.output().expect("the client program starts");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{}: {said}", file.display());
}

/// Files of a folder, by name.
fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).expect("the folder is there");
    let mut files: Vec<PathBuf> = entries.map(|e| e.expect("an entry").path()).collect();
    files.retain(|path| path.is_file());
    files.sort();
    files
}

const MYSQL: &str = "
CREATE TABLE `parent` (`id` int unsigned NOT NULL AUTO_INCREMENT, `code` varchar(20) CHARACTER SET latin1 NOT NULL,
  `a` int DEFAULT NULL, PRIMARY KEY (`id`), UNIQUE KEY `code` (`code`), KEY `pair` (`a`,`code`))
  ENGINE=InnoDB AUTO_INCREMENT=500 DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_general_ci COMMENT='it''s; a \\\\ comment';
CREATE TABLE `child` (`id` bigint NOT NULL, `parent` int unsigned DEFAULT NULL, `self` bigint DEFAULT NULL,
  `amount` decimal(12,2) NOT NULL DEFAULT 1.50 COMMENT 'how much', `twice` decimal(14,2) GENERATED ALWAYS AS (`amount` * 2) VIRTUAL,
  `kept` bigint GENERATED ALWAYS AS (`id` DIV 2) STORED, `t` text DEFAULT NULL, `e` enum('a','b''c') DEFAULT 'a', `s` set('x','y') DEFAULT NULL,
  `ts` timestamp NULL DEFAULT current_timestamp() ON UPDATE current_timestamp(), `dt` datetime(6) DEFAULT NULL,
  `b` bit(9) DEFAULT b'101', `y` year DEFAULT NULL, `tm` time(3) DEFAULT NULL, `bin` varbinary(9) DEFAULT NULL, `j` json DEFAULT NULL,
  `g` geometry DEFAULT NULL, `f` float DEFAULT NULL, `d` double DEFAULT NULL, `ti` tinyint(1) DEFAULT NULL, `odd ``name` char(3) DEFAULT NULL,
  PRIMARY KEY (`id`), KEY `t` (`t`(10)), FULLTEXT KEY `words` (`t`), KEY `down` (`amount` DESC),
  CONSTRAINT `to_parent` FOREIGN KEY (`parent`) REFERENCES `parent` (`id`) ON DELETE SET NULL ON UPDATE CASCADE,
  CONSTRAINT `to_self` FOREIGN KEY (`self`) REFERENCES `child` (`id`),
  CONSTRAINT `positive` CHECK (`amount` > 0 and `t` <> 'CHECK (')) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_unicode_ci;
CREATE TABLE `parted` (`id` int NOT NULL, `v` varchar(5) DEFAULT NULL, PRIMARY KEY (`id`)) ENGINE=InnoDB DEFAULT CHARSET=latin1 COLLATE=latin1_bin
  PARTITION BY RANGE (`id`) (PARTITION `low` VALUES LESS THAN (10), PARTITION `rest` VALUES LESS THAN MAXVALUE);
CREATE TABLE `no key` (`a` int DEFAULT NULL, `b` varchar(9) DEFAULT NULL) DEFAULT CHARSET=utf8mb4;
INSERT INTO `parent` VALUES (1,'é',NULL),(4294967295,'z',-1);
INSERT INTO `child` (`id`,`parent`,`self`,`amount`,`t`,`e`,`s`,`ts`,`dt`,`b`,`y`,`tm`,`bin`,`j`,`g`,`f`,`d`,`ti`,`odd ``name`) VALUES
 (-9223372036854775808,1,NULL,0.01,'line\\n\\t\\\\ ''q'' \\\"d\\\" 😀','b''c','x,y','2038-01-19 03:14:07','9999-12-31 23:59:59.999999',b'111111111',2155,
  '-838:59:59.000',x'00ff275c','{\\\"a\\\": [1.5, null]}',ST_GeomFromText('POINT(1 2)'),1.1,1.7976931348623157e308,-128,'x'),
 (9223372036854775807,4294967295,-9223372036854775808,9999999999.99,'','a','','1970-01-01 00:00:01','1000-01-01 00:00:00',b'0',1901,
  '838:59:59.000','','[]',NULL,-0.0,-2.2250738585072014e-308,127,'');
INSERT INTO `parted` VALUES (1,'a'),(11,'b'),(12,NULL);
INSERT INTO `no key` VALUES (1,'x'),(1,'x'),(NULL,NULL);";

fn mysql_definitions(database: &Database) -> Vec<String> {
    let tables = ["parent", "child", "parted", "no key"];
    let define = |table: &str| {
        let row = database.rows(&format!("SHOW CREATE TABLE `{table}`")).remove(0);
        row[1].clone().expect("a definition")
    };
    tables.into_iter().map(define).collect()
}

fn mysql_rows(database: &Database) -> Vec<Vec<Option<String>>> {
    let mut rows = Vec::new();
    for (table, columns) in [
        ("parent", "id, hex(code), a"),
        (
            "child",
            "id, parent, self, amount, twice, kept, hex(t), e, s, ts, dt, bin(b), y, tm, hex(bin), j, \
             ST_AsText(g), f, d, ti, `odd ``name`",
        ),
        ("parted", "id, v"),
        ("no key", "a, b"),
    ] {
        rows.extend(database.rows(&format!("SELECT {columns} FROM `{table}` ORDER BY 1, 2")));
    }
    rows
}

#[test]
fn dumps_of_mysql_make_the_same_tables() {
    for kind in [Kind::MariaDb, Kind::MySql] {
        let Some(server) = Server::shared(kind) else { continue };
        let (from, to) = (server.database(), server.database());
        from.execute(MYSQL);
        let state = folder();
        for (args, name) in [
            (&["--skip-extended-insert"][..], "rows.sql"),
            (&["--hex-blob", "--complete-insert"], "hex.sql"),
        ] {
            let args = [args, &["--single-transaction"]].concat();
            let dump = output_of(client("mariadb-dump", &from, &args));
            let path = state.path().join(name);
            fs::write(&path, dump).expect("the dump is kept");
            run_well(state.path(), &["copy", text(&path), &to.url(), "--write", "replace"]);
            assert_eq!(mysql_rows(&to), mysql_rows(&from), "{kind:?} {name}");
            assert_eq!(mysql_definitions(&to), mysql_definitions(&from), "{kind:?} {name}");
            to.execute("SET foreign_key_checks = 0; DROP TABLE parent, child, parted, `no key`");
        }
    }
}

#[test]
fn pages_of_mysql_are_loaded_by_its_client() {
    for kind in [Kind::MariaDb, Kind::MySql] {
        let Some(server) = Server::shared(kind) else { continue };
        let (from, to) = (server.database(), server.database());
        from.execute(MYSQL);
        let state = folder();
        let out = state.path().join("out");
        let target = format!("{}/{{table}}.{{page}}.sql?dialect=mysql&rows=1", out.display());
        run_well(state.path(), &["copy", &from.url(), &target]);
        for page in files(&out) {
            fed(client("mariadb", &to, &[]), &page);
        }
        assert_eq!(mysql_rows(&to), mysql_rows(&from), "{kind:?}");
        assert_eq!(mysql_definitions(&to), mysql_definitions(&from), "{kind:?}");
        // And read back by the command itself.
        let again = server.database();
        let pages = format!("{}/*.sql", out.display());
        run_well(state.path(), &["copy", &pages, &again.url()]);
        assert_eq!(mysql_rows(&again), mysql_rows(&from), "{kind:?}");
        assert_eq!(mysql_definitions(&again), mysql_definitions(&from), "{kind:?}");
    }
}

const POSTGRES: &str = "
CREATE TYPE mood AS ENUM ('sad', 'o''k'); CREATE TYPE pair AS (a int, b text);
CREATE DOMAIN positive AS numeric(9,2) CHECK (VALUE > 0);
CREATE TABLE parent (code varchar(20) PRIMARY KEY, a int, b text[] DEFAULT '{}', CONSTRAINT \"a and b\" UNIQUE (a, code));
CREATE TABLE child (id bigint GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY, parent varchar(20) REFERENCES parent ON DELETE CASCADE DEFERRABLE,
  amount positive DEFAULT 1.50, twice numeric GENERATED ALWAYS AS (id * 2) STORED, m mood DEFAULT 'sad', p pair, t text COLLATE \"C\",
  n numeric(12,2), nn numeric, da date, ts timestamp, tz timestamptz DEFAULT CURRENT_TIMESTAMP, iv interval, u uuid, j json, jb jsonb, by bytea, bi bit(5),
  ar int[], r int4range, self bigint REFERENCES child, o oid, f4 real, f8 double precision, \"Odd \"\"name\" text,
  CHECK (id > -100), CONSTRAINT named CHECK (t <> 'CHECK (' OR n IS NULL));
CREATE INDEX lower_t ON child (lower(t)) WHERE n > 1; CREATE INDEX down ON child (n DESC NULLS LAST, da); CREATE INDEX plain ON child (m);
CREATE TABLE parted (id int NOT NULL, v text) PARTITION BY RANGE (id);
CREATE TABLE parted_low PARTITION OF parted FOR VALUES FROM (0) TO (10);
CREATE TABLE parted_rest PARTITION OF parted DEFAULT;
CREATE TABLE serials (id int GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY, v int);
COMMENT ON TABLE child IS 'it''s; one'; COMMENT ON COLUMN child.t IS 'a ''text''';
INSERT INTO parent VALUES ('é', 1, '{a,\"b,c\"}'), ('z', NULL, NULL);
INSERT INTO child (id, parent, amount, m, p, t, n, nn, da, ts, tz, iv, u, j, jb, by, bi, ar, r, self, o, f4, f8, \"Odd \"\"name\") VALUES
 (1, 'é', 5, 'o''k', '(1,\"x,y\")', E'line\\n\\t\\\\ ''q'' 😀', 'NaN', 'NaN', 'infinity', '-infinity', 'infinity', '1 year -3 days 04:05:06.7',
  '123e4567-e89b-12d3-a456-426655440000', '{\"a\":  1}', '{\"b\": [1, 2]}', '\\x00ff27', B'10101', '{1,NULL}', '[1,5)', NULL, 42, 'NaN', '-Infinity', 'x'),
 (7, 'z', 0.01, NULL, NULL, '', 9999999999.99, 123456789012345678901234567890.123456789, '0044-03-15 BC', '0044-03-15 01:02:03.000001 BC',
  '9999-12-31 23:59:59.999999+00', '0', NULL, 'null', '\"x\"', '', B'00000', '{}', 'empty', 1, 0, 1.1, 5e-324, '');
INSERT INTO parted VALUES (1, 'a'), (100, E'tab\\tand \\\\N'); INSERT INTO serials (v) VALUES (1), (2);
SELECT setval('child_id_seq', 700);";

fn postgres_shape(database: &Database) -> String {
    let dump = |args: &[&str]| {
        String::from_utf8(output_of(client("pg_dump", database, args))).expect("UTF-8")
    };
    let commented = dump(&["--schema-only"]);
    let dump = dump(&["--schema-only", "--no-comments"]);
    let comments = commented.lines().filter(|line| line.starts_with("COMMENT ON"));
    let own = |line: &&str| !line.starts_with("--") && !line.starts_with('\\') && !line.is_empty();
    dump.lines().filter(own).chain(comments).collect::<Vec<_>>().join("\n")
}

fn postgres_rows(database: &Database) -> Vec<Vec<Option<String>>> {
    let mut rows = Vec::new();
    for table in ["parent", "child", "parted_low", "parted_rest", "serials"] {
        rows.extend(database.rows(&format!("SELECT t::text FROM {table} t ORDER BY 1")));
    }
    rows.extend(
        database.rows("SELECT nextval('child_id_seq')::text, nextval('serials_id_seq')::text"),
    );
    rows
}

#[test]
fn dumps_of_postgres_make_the_same_tables() {
    let Some(server) = Server::shared(Kind::Postgres) else { return };
    for (args, name) in [
        (&[][..], "copy.sql"),
        (&["--inserts"], "inserts.sql"),
        (&["--column-inserts", "--rows-per-insert=2"], "columns.sql"),
    ] {
        let (from, to) = (server.database(), server.database());
        from.execute(POSTGRES);
        let state = folder();
        let path = state.path().join(name);
        fs::write(&path, output_of(client("pg_dump", &from, args))).expect("the dump is kept");
        run_well(state.path(), &["copy", text(&path), &to.url()]);
        assert_eq!(postgres_rows(&to), postgres_rows(&from), "{name}");
        assert_eq!(postgres_shape(&to), postgres_shape(&from), "{name}");
    }
}

#[test]
fn pages_of_postgres_are_loaded_by_its_client() {
    let Some(server) = Server::shared(Kind::Postgres) else { return };
    let (from, to, again) = (server.database(), server.database(), server.database());
    from.execute(POSTGRES);
    let state = folder();
    let out = state.path().join("out");
    let target = format!("{}/{{table}}.{{page}}.sql?dialect=postgres&rows=1", out.display());
    run_well(state.path(), &["copy", &from.url(), &target]);
    for page in files(&out) {
        fed(client("psql", &to, &["-q", "-v", "ON_ERROR_STOP=1"]), &page);
    }
    let rows = |database: &Database| {
        let mut rows = postgres_rows(database);
        // The last row is the counters'.
        rows.pop();
        rows
    };
    assert_eq!(rows(&to), rows(&from));
    let keys = "SELECT conname, pg_get_constraintdef(oid) FROM pg_constraint \
                WHERE conrelid = 'child'::regclass AND contype = 'f' ORDER BY 1";
    assert_eq!(to.rows(keys), from.rows(keys));
    run_well(state.path(), &["copy", &format!("{}/*.sql", out.display()), &again.url()]);
    assert_eq!(rows(&again), rows(&from));
}

/// What no other store has, and what a definition can only say in more than one statement.
const POSTGRES_ODD: &str = r#"
CREATE COLLATION ci (provider = icu, locale = 'und-u-ks-level2', deterministic = false);
CREATE DOMAIN short AS varchar(5) CHECK (VALUE <> 'no');
CREATE SEQUENCE shared INCREMENT BY 2; SELECT setval('shared', 9);
CREATE TABLE counted (id serial PRIMARY KEY, big bigserial NOT NULL, "Small" smallserial, shared int DEFAULT nextval('shared'),
  plain int GENERATED BY DEFAULT AS IDENTITY,
  down bigint GENERATED ALWAYS AS IDENTITY (SEQUENCE NAME "going down" START WITH 100 INCREMENT BY -5 MINVALUE -1000 MAXVALUE 100 CACHE 20 CYCLE));
ALTER SEQUENCE counted_big_seq INCREMENT BY 10 MAXVALUE 5000 CYCLE;
INSERT INTO counted DEFAULT VALUES; INSERT INTO counted DEFAULT VALUES;
CREATE UNLOGGED TABLE unlogged (id int, n serial, CONSTRAINT "its key" PRIMARY KEY (id) INCLUDE (n));
CREATE TABLE kept (id int NOT NULL, t text COLLATE ci, s short DEFAULT 'a', n int, u int UNIQUE, CONSTRAINT pos CHECK (n > 0) NO INHERIT) WITH (fillfactor=70);
CREATE TABLE kept_child (extra int, CHECK (extra > 1)) INHERITS (kept);
INSERT INTO kept VALUES (1, 'A', 'x', 5, 1), (2, NULL, NULL, NULL, NULL); INSERT INTO kept_child VALUES (3, 'c', 'y', -7, 3, 9);
ALTER TABLE kept ADD CONSTRAINT late CHECK (n < 4) NOT VALID;
ALTER TABLE ONLY kept ADD CONSTRAINT "deferred one" PRIMARY KEY (id) DEFERRABLE INITIALLY DEFERRED,
  ALTER n SET STATISTICS 500, ALTER n SET (n_distinct = 5), ALTER t SET STORAGE EXTERNAL, ALTER s SET COMPRESSION pglz;
CREATE INDEX by_n ON kept (n DESC NULLS LAST) INCLUDE (u) WHERE n > 1; CREATE INDEX by_u ON kept (u); ALTER TABLE kept CLUSTER ON by_u;
CREATE UNIQUE INDEX by_both ON kept (lower(s), u) NULLS NOT DISTINCT; ALTER TABLE kept REPLICA IDENTITY FULL;
COMMENT ON CONSTRAINT pos ON kept IS 'it''s \'; COMMENT ON INDEX by_n IS 'why'; 
CREATE TABLE refers (id int PRIMARY KEY, up int CONSTRAINT up_there REFERENCES counted ON DELETE SET NULL); COMMENT ON CONSTRAINT up_there ON refers IS 'up';
CREATE TABLE parts (id int NOT NULL, k text DEFAULT 'x', PRIMARY KEY (id, k)) PARTITION BY LIST (k);
CREATE TABLE parts_a (LIKE parts INCLUDING DEFAULTS); ALTER TABLE parts_a ALTER k SET DEFAULT 'a', ADD CONSTRAINT own CHECK (id > 0);
ALTER TABLE parts ATTACH PARTITION parts_a FOR VALUES IN ('a', 'b');
CREATE TABLE parts_rest PARTITION OF parts DEFAULT PARTITION BY HASH (id);
CREATE TABLE parts_rest_0 PARTITION OF parts_rest FOR VALUES WITH (modulus 1, remainder 0);
CREATE INDEX parts_id ON parts (id); CREATE INDEX parts_a_own ON parts_a (k, id);
INSERT INTO parts VALUES (1, 'a'), (2, 'z');
"#;

const POSTGRES_ODD_TABLES: [&str; 8] =
    ["counted", "unlogged", "kept", "kept_child", "refers", "parts", "parts_a", "parts_rest_0"];

/// Definitions, without inheritance, which is named and not carried.
fn odd_shape(database: &Database) -> String {
    let apart = "ALTER TABLE kept_child NO INHERIT kept";
    let inherits = "SELECT 1 FROM pg_inherits WHERE inhrelid = 'kept_child'::regclass";
    if !database.rows(inherits).is_empty() {
        database.execute(apart);
    }
    postgres_shape(database)
}

fn odd_rows(database: &Database) -> Vec<Vec<Option<String>>> {
    let tables = POSTGRES_ODD_TABLES.iter();
    let mut rows: Vec<_> = tables
        .flat_map(|t| database.rows(&format!("SELECT t::text FROM ONLY {t} t ORDER BY 1")))
        .collect();
    let next = "SELECT nextval('counted_id_seq')::text, nextval('counted_big_seq')::text, \
                nextval('\"counted_Small_seq\"')::text, nextval('shared')::text, \
                nextval('counted_plain_seq')::text, nextval('\"going down\"')::text, \
                nextval('unlogged_n_seq')::text";
    // What a session has put aside for itself (CACHE) is nobody else's next value.
    database.execute("DISCARD SEQUENCES");
    rows.extend(database.rows(next));
    rows
}

#[test]
fn odd_tables_of_postgres_come_out_the_same_from_dumps_pages_and_servers() {
    let Some(server) = Server::shared(Kind::Postgres) else { return };
    let from = server.database();
    from.execute(POSTGRES_ODD);
    let state = folder();
    let dump = state.path().join("dump.sql");
    fs::write(&dump, output_of(client("pg_dump", &from, &[]))).expect("the dump is kept");
    let of_server = server.database();
    let said = run_well(state.path(), &["copy", &from.url(), &of_server.url(), "--dry-run"]);
    assert!(said.contains("it inherits from public.kept"), "{said}");
    run_well(state.path(), &["copy", &from.url(), &of_server.url()]);
    let of_dump = server.database();
    let said = run_well(state.path(), &["copy", text(&dump), &of_dump.url(), "--dry-run"]);
    assert!(said.contains("it inherits from public.kept"), "{said}");
    run_well(state.path(), &["copy", text(&dump), &of_dump.url()]);
    let out = state.path().join("out");
    let target = format!("{}/{{table}}.{{page}}.sql?dialect=postgres", out.display());
    run_well(state.path(), &["copy", &from.url(), &target]);
    let of_pages = server.database();
    for page in files(&out) {
        fed(client("psql", &of_pages, &["-q", "-v", "ON_ERROR_STOP=1"]), &page);
    }
    let printed = state.path().join("schema.sql");
    let schema = run_well(state.path(), &["schema", &from.url(), "--for", "postgres"]);
    fs::write(&printed, schema).expect("the statements are kept");
    let of_schema = server.database();
    fed(client("psql", &of_schema, &["-q", "-v", "ON_ERROR_STOP=1"]), &printed);
    let shape = odd_shape(&from);
    assert_eq!(odd_shape(&of_server), shape, "from the server");
    assert_eq!(odd_shape(&of_dump), shape, "from its dump");
    assert_eq!(odd_shape(&of_pages), shape, "by pages");
    assert_eq!(odd_shape(&of_schema), shape, "by the statements");
    let rows = odd_rows(&from);
    for (copy, how) in [(&of_server, "server"), (&of_dump, "dump"), (&of_pages, "pages")] {
        assert_eq!(odd_rows(copy), rows, "{how}");
    }
}

const SQLITE: &str = "
CREATE TABLE parent (code TEXT COLLATE NOCASE PRIMARY KEY, a INT, b BLOB UNIQUE) WITHOUT ROWID;
CREATE TABLE child(id integer PRIMARY KEY AUTOINCREMENT,
  parent TEXT NOT NULL CONSTRAINT \"the parent\" REFERENCES parent(code) ON UPDATE CASCADE DEFERRABLE INITIALLY DEFERRED,
  amount DECIMAL(9,2) DEFAULT (1.5 + 1) CHECK(amount > 0), twice AS (amount * 2), self INT REFERENCES child,
  \"when\" TEXT DEFAULT CURRENT_TIMESTAMP, note VARCHAR(9) DEFAULT 'it''s' COLLATE RTRIM, flag BOOLEAN DEFAULT TRUE,
  CONSTRAINT \"pair of\" UNIQUE (parent, amount), CHECK (note <> 'CHECK (no)'));
CREATE TABLE strict_one (i INT NOT NULL, r REAL, t TEXT, b BLOB, PRIMARY KEY (t, i DESC)) STRICT;
CREATE INDEX plain ON child (amount DESC, note);
CREATE UNIQUE INDEX \"lower\" ON child(lower(note)) WHERE amount > 1;
INSERT INTO parent VALUES ('a', 1, x'00'), ('B', NULL, NULL);
INSERT INTO child (id, parent, amount, self, note) VALUES (7, 'A', 2.25, 9, 'n'), (9, 'b', 3, 7, NULL);
INSERT INTO strict_one VALUES (1, 2, 'x' || char(10) || 'y', x'00'), (2, -0.5, '', x'');
UPDATE sqlite_sequence SET seq = 500;";

#[test]
fn dumps_of_sqlite_make_the_same_tables() {
    let state = folder();
    let path = |name: &str| state.path().join(name);
    rusqlite::Connection::open(path("from.db"))
        .expect("opens")
        .execute_batch(SQLITE)
        .expect("runs");
    let mut shell = Command::new("sqlite3");
    shell.arg(path("from.db")).arg(".dump");
    fs::write(path("dump.sql"), output_of(shell)).expect("the dump is kept");
    let to = format!("sqlite:{}", path("to.db").display());
    run_well(state.path(), &["copy", text(&path("dump.sql")), &to]);
    let show = |file: &str| {
        let db = rusqlite::Connection::open(path(file)).expect("opens");
        let mut lines: Vec<String> = Vec::new();
        for sql in [
            "SELECT sql FROM sqlite_schema WHERE sql IS NOT NULL ORDER BY name",
            "SELECT quote(id) || quote(parent) || quote(amount) || typeof(amount) || quote(twice) || \
             quote(self) || quote(\"when\") || quote(note) || quote(flag) FROM child ORDER BY id",
            "SELECT quote(code) || quote(a) || quote(b) FROM parent ORDER BY code",
            "SELECT quote(i) || quote(r) || typeof(r) || quote(t) || quote(b) FROM strict_one ORDER BY i",
            "SELECT name || seq FROM sqlite_sequence",
        ] {
            let mut statement = db.prepare(sql).expect("prepares");
            let found = statement.query_map([], |row| row.get::<_, String>(0)).expect("runs");
            lines.extend(found.map(|line| line.expect("a text")));
        }
        lines
    };
    assert_eq!(show("to.db"), show("from.db"));

    // Pages, loaded by the shell.
    let out = path("out");
    let target = format!("{}/{{table}}.{{page}}.sql?dialect=sqlite&rows=1", out.display());
    let from = format!("sqlite:{}", path("from.db").display());
    run_well(state.path(), &["copy", &from, &target]);
    for page in files(&out) {
        let mut shell = Command::new("sqlite3");
        shell.arg("-bail").arg(path("pages.db"));
        fed(shell, &page);
    }
    // Definitions are worded anew; rows are those of the first.
    let rows = |file: &str| -> Vec<String> {
        show(file).into_iter().filter(|line| !line.starts_with("CREATE ")).collect()
    };
    assert_eq!(rows("pages.db"), rows("from.db"));
}
