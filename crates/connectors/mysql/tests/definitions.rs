//! Tables made again: on a server of the same kind SHOW CREATE TABLE says the very same.

#![allow(clippy::unwrap_used, reason = "a test has nothing better to do with an error")]

mod rig;

use rig::{Copied, copy_all, databases};
use syncline_testkit::{Database, Kind};

/// `SHOW CREATE TABLE`, without the database's name (which stands before that of a sequence).
fn created(database: &Database, table: &str) -> String {
    let quoted = table.replace('`', "``");
    let text = database.rows(&format!("SHOW CREATE TABLE `{quoted}`"))[0][1].clone().unwrap();
    text.replace(&format!("`{}`.", database.name()), "")
}

fn names(database: &Database) -> Vec<String> {
    let rows = database.rows("SHOW FULL TABLES WHERE Table_type NOT IN ('VIEW', 'SEQUENCE')");
    rows.into_iter().map(|row| row[0].clone().unwrap()).collect()
}

/// Copies every table, and compares what the servers say of each.
async fn all_come_out_equal(from: &Database, to: &Database) -> Copied {
    let copied = copy_all(&from.url(), &to.url()).await.unwrap_or_else(|e| panic!("{e:?}"));
    for name in names(from) {
        assert_eq!(created(from, &name), created(to, &name), "{name}");
        let checksum = |d: &Database| {
            let quoted = name.replace('`', "``");
            // Part of the sum are the moment a row came in, and what lies in the hidden columns
            // behind an index over expressions.
            if name == "own" || name == "history" {
                return None;
            }
            d.rows(&format!("CHECKSUM TABLE `{quoted}` EXTENDED"))[0][1].clone()
        };
        // Invisible columns too.
        let rows = |d: &Database| {
            let quoted = name.replace('`', "``");
            let columns = d.rows(&format!("SHOW COLUMNS FROM `{quoted}`"));
            let columns: Vec<String> = columns
                .iter()
                .map(|c| format!("HEX(`{}`)", c[0].as_deref().unwrap().replace('`', "``")))
                .collect();
            d.rows(&format!("SELECT {} FROM `{quoted}` ORDER BY 1", columns.join(", ")))
        };
        assert_eq!(rows(from), rows(to), "{name}");
        assert_eq!(checksum(from), checksum(to), "{name}");
    }
    copied
}

/// What both servers take.
const BOTH: &str = r#"
CREATE TABLE parent (id int unsigned NOT NULL AUTO_INCREMENT, code varchar(10) NOT NULL, PRIMARY KEY (id) USING BTREE COMMENT 'the key', UNIQUE KEY by_code (code)) AUTO_INCREMENT=1000 COMMENT='it''s a "parent"; \\ and\nmore';
INSERT INTO parent (code) VALUES ('a'), ('b'), ('c');
CREATE TABLE child (id int NOT NULL PRIMARY KEY, p int unsigned, q int unsigned DEFAULT NULL, code varchar(10), boss int, CONSTRAINT `odd``name, (x)` FOREIGN KEY (p) REFERENCES parent (id) ON DELETE CASCADE ON UPDATE SET NULL, FOREIGN KEY (code) REFERENCES parent (code) ON UPDATE CASCADE, CONSTRAINT r FOREIGN KEY (q) REFERENCES parent (id) ON DELETE RESTRICT ON UPDATE NO ACTION, CONSTRAINT self FOREIGN KEY (boss) REFERENCES child (id));
INSERT INTO child VALUES (2, 1000, 1001, 'a', NULL), (1, NULL, 1002, 'b', 2);
CREATE TABLE `round a` (id int PRIMARY KEY, b int, KEY (b));
CREATE TABLE `round b` (id int PRIMARY KEY, a int, CONSTRAINT ab FOREIGN KEY (a) REFERENCES `round a` (id));
ALTER TABLE `round a` ADD CONSTRAINT ba FOREIGN KEY (b) REFERENCES `round b` (id);
INSERT INTO `round a` VALUES (1, NULL); INSERT INTO `round b` VALUES (1, 1); UPDATE `round a` SET b = 1;
CREATE TABLE `select` (`from` int, `order by` int, `a.b` int, `it's "x"` int, `back``tick` int, `новое` int, `semi;colon -- /*` int, `new
line` int, PRIMARY KEY (`from`, `it's "x"`), KEY `key` (`a.b`, `back``tick` DESC), UNIQUE KEY `order` (`order by`), CONSTRAINT `why? ``no` CHECK (`from` < 10 or `it's "x"` <> 5)) COMMENT='table''s "name"';
INSERT INTO `select` VALUES (1, 2, 3, 4, 5, 6, 7, 8);
CREATE TABLE `db.table ü` (a int);
CREATE TABLE charsets (id int PRIMARY KEY, a varchar(10), b varchar(10) CHARACTER SET utf8mb4, c varchar(10) CHARACTER SET latin1 COLLATE latin1_bin, d text CHARACTER SET utf8mb3 COLLATE utf8mb3_unicode_ci, e char(3) CHARACTER SET ucs2, f varchar(5) CHARACTER SET binary, g enum('ß','it''s','a,b',')','\\') CHARACTER SET latin1 DEFAULT 'it''s', h set('x','y z') COLLATE utf8mb4_bin DEFAULT 'x,y z', i tinytext COLLATE utf8mb4_unicode_ci, j char(1) CHARACTER SET latin1) DEFAULT CHARSET=latin1 COLLATE=latin1_german2_ci;
INSERT INTO charsets VALUES (1, 'ä', '😀', 'ß', 'x', 'Ж', 0x00FF, ')', 'x', 'z', 'q');
CREATE TABLE sets_of_utf8mb4 (a varchar(10), b varchar(10) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin, c varchar(10) CHARACTER SET utf8mb4) DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_unicode_520_ci;
CREATE TABLE defaults (a int DEFAULT 7, b int NOT NULL DEFAULT -3, c decimal(7,2) DEFAULT 1.50, d double DEFAULT 1.5e300, e varchar(20) DEFAULT 'it''s \\ "q" %\n', f varchar(10) NOT NULL DEFAULT '', g char(4) DEFAULT 'NULL', h binary(3) DEFAULT 'a\0b', i varbinary(4) DEFAULT 0xFF00FE, j bit(5) DEFAULT b'101', k date DEFAULT '2020-02-29', l datetime(6) DEFAULT '2020-01-02 03:04:05.678901', m timestamp(3) NOT NULL DEFAULT CURRENT_TIMESTAMP(3) ON UPDATE CURRENT_TIMESTAMP(3), n timestamp NULL DEFAULT NULL, o datetime DEFAULT '2020-01-01 00:00:00' ON UPDATE CURRENT_TIMESTAMP, p time DEFAULT '-838:59:59', q year DEFAULT 2024, r float(7,3) DEFAULT 0.125, s tinyint(1) DEFAULT 1, t int(5) unsigned zerofill DEFAULT 42, u bigint unsigned DEFAULT 18446744073709551615, v varchar(36) DEFAULT (uuid()), w int DEFAULT (1 + 2), x date DEFAULT '0000-00-00', y datetime NOT NULL DEFAULT '0000-00-00 00:00:00', z timestamp NOT NULL DEFAULT '0000-00-00 00:00:00', ä text NOT NULL);
INSERT INTO defaults (v, m, o, ä) VALUES ('x', '2020-01-01', '2020-01-01', '');
CREATE TABLE computed (id int PRIMARY KEY, a int, b int GENERATED ALWAYS AS (a + 1) STORED, c varchar(20) GENERATED ALWAYS AS (concat('it''s ', a)) VIRTUAL COMMENT 'x', d int AS (b * 2) VIRTUAL, KEY (b), KEY (d));
INSERT INTO computed (id, a) VALUES (1, 5), (2, NULL);
CREATE TABLE checks (a int CHECK (a > 0), b varchar(10), CONSTRAINT named CHECK (b <> 'it''s' or a < 10), CHECK (a <> 3));
INSERT INTO checks VALUES (1, 'x'), (NULL, NULL);
CREATE TABLE spaces (id int PRIMARY KEY, p point NOT NULL, g geometry, t text, u varchar(100), SPATIAL KEY sp (p), FULLTEXT KEY ft (t, u), FULLTEXT KEY ft2 (u), KEY pre (t(20), u(10)) USING BTREE COMMENT 'pre');
INSERT INTO spaces VALUES (1, POINT(1, 2), NULL, 'some words here', 'more');
CREATE TABLE counted (a int, b int NOT NULL AUTO_INCREMENT, c int, PRIMARY KEY (a, c), UNIQUE KEY first (c), KEY second (b), KEY third (a)) AUTO_INCREMENT=77;
INSERT INTO counted (a, c) VALUES (1, 1);
CREATE TABLE shaped (a int PRIMARY KEY, b varchar(1000)) ROW_FORMAT=COMPRESSED KEY_BLOCK_SIZE=4 STATS_PERSISTENT=0;
CREATE TABLE plain (a int PRIMARY KEY, b varchar(10), KEY (b)) ENGINE=MyISAM ROW_FORMAT=FIXED;
INSERT INTO plain VALUES (1, 'x');
CREATE TABLE memory (a int PRIMARY KEY, b int, KEY h (b) USING HASH) ENGINE=MEMORY MAX_ROWS=100;
CREATE TABLE ranged (id int, d date, PRIMARY KEY (id, d)) PARTITION BY RANGE (year(d)) SUBPARTITION BY HASH (id) SUBPARTITIONS 2 (PARTITION p0 VALUES LESS THAN (2020) COMMENT = 'old, (it''s)', PARTITION p1 VALUES LESS THAN MAXVALUE);
INSERT INTO ranged VALUES (1, '2019-01-01'), (2, '2024-01-01');
CREATE TABLE listed (a int, b varchar(10)) PARTITION BY LIST (a) (PARTITION p0 VALUES IN (1, 2, NULL), PARTITION p1 VALUES IN (3));
INSERT INTO listed VALUES (1, 'a'), (NULL, 'b'), (3, 'c');
CREATE TABLE list_columns (a varchar(10), b int) PARTITION BY LIST COLUMNS (a) (PARTITION p0 VALUES IN ('x', 'it''s'), PARTITION p1 VALUES IN ('y'));
CREATE TABLE range_columns (a int, b varchar(10)) PARTITION BY RANGE COLUMNS (a, b) (PARTITION p0 VALUES LESS THAN (1, 'm'), PARTITION p1 VALUES LESS THAN (MAXVALUE, MAXVALUE));
CREATE TABLE hashed (a int) PARTITION BY HASH (a + 1) PARTITIONS 3;
CREATE TABLE linears (a int) PARTITION BY LINEAR HASH (a) PARTITIONS 4;
CREATE TABLE keyed (a int PRIMARY KEY) PARTITION BY KEY () PARTITIONS 2;
CREATE TABLE named_parts (a int) PARTITION BY KEY (a) (PARTITION `odd name` ENGINE = InnoDB, PARTITION `b` ENGINE = InnoDB);
CREATE VIEW looked_at AS SELECT * FROM parent;
CREATE TRIGGER guard BEFORE INSERT ON parent FOR EACH ROW SET NEW.code = NEW.code;
"#;

const MARIADB: &str = r#"
CREATE SEQUENCE numbers START WITH 5 INCREMENT BY 3 NOCACHE;
CREATE TABLE own (id uuid NOT NULL DEFAULT uuid() PRIMARY KEY, a inet4, b inet6 DEFAULT '::1', c varchar(100) COMPRESSED CHARACTER SET latin1 DEFAULT 'x', e int INVISIBLE DEFAULT 3, f json DEFAULT '{}', g longtext CHECK (json_valid(g) and g <> ''), h int DEFAULT nextval(numbers), i blob DEFAULT 'abc', j int WITHOUT SYSTEM VERSIONING, k text DEFAULT concat('a', 'b'), UNIQUE KEY long_one (i), KEY ig (a) IGNORED) WITH SYSTEM VERSIONING;
INSERT INTO own (id, a, c) VALUES ('00112233-4455-6677-8899-aabbccddeeff', '127.0.0.1', 'ü');
CREATE TABLE history (a int, rs timestamp(6) GENERATED ALWAYS AS ROW START, re timestamp(6) GENERATED ALWAYS AS ROW END, PERIOD FOR SYSTEM_TIME (rs, re)) WITH SYSTEM VERSIONING;
CREATE TABLE periods (a int, s date, e date, PERIOD FOR valid (s, e), UNIQUE KEY (a, valid WITHOUT OVERLAPS));
CREATE TABLE aria (a int PRIMARY KEY, b int) ENGINE=Aria PAGE_CHECKSUM=1 TRANSACTIONAL=0;
CREATE TABLE defaulted (a int) PARTITION BY LIST (a) (PARTITION p0 VALUES IN (1), PARTITION p1 DEFAULT);
"#;

const MYSQL: &str = r#"
CREATE TABLE own (id int PRIMARY KEY, a json DEFAULT (json_array('it''s', 1)), b point NOT NULL SRID 4326, c int INVISIBLE, d text DEFAULT ('abc'), e varchar(10) GENERATED ALWAYS AS (upper(d)) STORED NOT NULL, f int, g blob DEFAULT (0x00FF), SPATIAL KEY (b), KEY ex ((lower(e)), f), KEY inv (f) INVISIBLE, KEY multi ((CAST(a->'$.z' AS UNSIGNED ARRAY))), CONSTRAINT unenforced CHECK (f > 100) NOT ENFORCED, FULLTEXT KEY ng (d) WITH PARSER ngram);
INSERT INTO own (id, b, d, f, c) VALUES (1, ST_GeomFromText('POINT(52 13)', 4326), 'abc', 5, 9);
CREATE TABLE explicit_sets (a varchar(10) CHARACTER SET utf8mb4, b varchar(10) COLLATE utf8mb4_0900_ai_ci, c varchar(10), d enum('x') CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_as_cs, e varchar(10) COLLATE utf8mb4_general_ci);
CREATE TABLE packed (a int, b blob) COMPRESSION='zlib' ENGINE=InnoDB;
"#;

fn run(database: &Database, sql: &str) {
    let mut session = database.session();
    session.execute("SET sql_mode='ALLOW_INVALID_DATES', time_zone='+00:00'");
    for statement in sql.split(";\n").filter(|s| !s.trim().is_empty()) {
        session.execute(statement);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn tables_made_again_on_the_same_kind_of_server_are_the_same() {
    for (kind, from) in databases() {
        let to = syncline_testkit::Server::shared(kind).unwrap().database();
        run(&from, BOTH);
        run(&from, if kind == Kind::MariaDb { MARIADB } else { MYSQL });
        let copied = all_come_out_equal(&from, &to).await;
        for said in ["views are not copied: looked_at", "triggers are not copied: guard"] {
            assert!(copied.notes.iter().any(|n| n == said), "{kind:?} {said}");
        }
        if kind == Kind::MariaDb {
            let next = "SELECT nextval(numbers)";
            assert_eq!(to.value(next), from.value(next), "the sequence goes on where it was");
        }
    }
}

/// What one server says and the other does not know becomes the nearest, and is named.
#[tokio::test(flavor = "multi_thread")]
async fn tables_that_cross_between_the_servers_say_what_is_not_the_same() {
    let mut both = databases();
    let (Some((_, mysql)), Some((_, maria))) = (both.pop(), both.pop()) else { return };
    run(&maria, BOTH);
    run(&maria, MARIADB);
    run(&maria, "DROP TABLE history");
    let to = syncline_testkit::Server::shared(Kind::MySql).unwrap().database();
    let copied = copy_all(&maria.url(), &to.url()).await.unwrap_or_else(|e| panic!("{e:?}"));
    assert!(copied.rejects.is_empty());
    let named = |said: &str| copied.notes.iter().any(|n| n.contains(said));
    for said in [
        "column id: uuid is made char(36)",
        "column a: inet4 is made varchar(15)",
        "column b: inet6 is made varchar(45)",
        "its default (nextval(",
        "index long_one is left out",
        "its engine, Aria, is not there: it is made InnoDB",
        "partitions are not carried",
        "PAGE_CHECKSUM=1 is left out",
        "own: of its history nothing is copied",
        "WITH SYSTEM VERSIONING is left out",
    ] {
        assert!(named(said), "{said}: {:#?}", copied.notes);
    }
    let all_there = |from: &Database, to: &Database| {
        for name in names(from) {
            let quoted = format!("`{}`", name.replace('`', "``"));
            assert_eq!(from.count(&quoted), to.count(&quoted), "{name}");
        }
    };
    all_there(&maria, &to);
    let child = created(&to, "child");
    assert!(child.contains("FOREIGN KEY (`boss`) REFERENCES `child` (`id`)"), "{child}");
    assert!(created(&to, "ranged").contains("PARTITION p0 VALUES LESS THAN (2020)"));
    assert!(created(&to, "computed").contains("STORED"));
    assert!(created(&to, "checks").contains("CHECK"));

    run(&mysql, BOTH);
    run(&mysql, MYSQL);
    let to = syncline_testkit::Server::shared(Kind::MariaDb).unwrap().database();
    let copied = copy_all(&mysql.url(), &to.url()).await.unwrap_or_else(|e| panic!("{e:?}"));
    assert!(copied.rejects.is_empty());
    let named = |said: &str| copied.notes.iter().any(|n| n.contains(said));
    for said in [
        "utf8mb4_0900_ai_ci is made",
        "point SRID 4326 is made point",
        "index ex is left out: MariaDB has no indexes over expressions",
        "check unenforced is left out",
        "a generated column takes no NOT NULL",
        "COMPRESSION='zlib' is left out",
        "WITH PARSER",
    ] {
        assert!(named(said), "{said}: {:#?}", copied.notes);
    }
    all_there(&mysql, &to);
    assert!(created(&to, "own").contains("KEY `inv` (`f`) IGNORED"), "{}", created(&to, "own"));
    assert!(created(&to, "child").contains("CONSTRAINT `self` FOREIGN KEY"));
}

/// A table of which a column is left out is put together from the rest, and loses nothing of it.
#[tokio::test(flavor = "multi_thread")]
async fn a_table_without_one_of_its_columns_keeps_all_else() {
    for (kind, from) in databases() {
        run(&from, BOTH);
        let to = syncline_testkit::Server::shared(kind).unwrap().database();
        let sink = rig::sink(&to.url());
        for (table, column) in
            [("defaults", "ä"), ("charsets", "f"), ("computed", "d"), ("spaces", "g")]
        {
            let mut schema = rig::found(&*rig::source(&from.url()), table).await.schema;
            schema.columns.retain(|c| c.name() != column);
            schema.indexes.retain(|i| i.parts.iter().all(|p| p.column != column));
            let task =
                rig::write_task(&*sink, &schema, table, &rig::Copy::default(), 1).await.unwrap();
            sink.prepare(&task).await.unwrap();
            sink.commit(&task).await.unwrap();
            run(&from, &format!("ALTER TABLE {table} DROP COLUMN `{column}`"));
            let (made, own) = (created(&to, table), created(&from, table));
            assert_eq!(own, made, "{kind:?} {table}");
        }
    }
}
