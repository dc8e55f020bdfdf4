//! Statements that change tables, understood from their words: what is understood is what the
//! server's own catalog shows after each of them, and the statements that carry it over make the
//! very same table on another server of the kind.

#![allow(clippy::unwrap_used, reason = "helpers of tests")]

mod changing;
mod rig;

use changing::{Chance, Course, statement};
use syncline_testkit::{Kind, Server};

/// Statements one after the other; those that a server refuses are passed over, as they are in no
/// log.
const BOTH: &[&str] = &[
    "CREATE TABLE a (id int NOT NULL AUTO_INCREMENT PRIMARY KEY, n bigint unsigned DEFAULT 7, t text, v varchar(20) NOT NULL DEFAULT 'x', UNIQUE KEY (v), KEY two (n, v)) COMMENT='first'",
    "ALTER TABLE a ADD COLUMN b tinyint(1) NOT NULL DEFAULT TRUE AFTER id, ADD c decimal(7,2) DEFAULT 1.5 FIRST",
    "ALTER TABLE a ADD (d date, e datetime(3) DEFAULT '2020-01-02', f timestamp NULL ON UPDATE CURRENT_TIMESTAMP)",
    "ALTER TABLE a CHANGE n m int(5) unsigned zerofill NULL, MODIFY COLUMN t mediumtext CHARACTER SET latin1, RENAME COLUMN v TO w",
    "ALTER TABLE a RENAME COLUMN b TO c, RENAME COLUMN c TO b",
    "ALTER TABLE a CHANGE b bb decimal(10,3) NOT NULL DEFAULT 0 AFTER d, DROP COLUMN e",
    "ALTER TABLE a DROP INDEX two, ADD INDEX (w(5)), ADD UNIQUE (d, w), ADD FULLTEXT KEY words (t)",
    "CREATE INDEX by_m ON a (m DESC, w) COMMENT 'it''s'",
    "DROP INDEX by_m ON a",
    "ALTER TABLE a RENAME INDEX w TO ww, ALTER COLUMN m SET DEFAULT 5, ALTER w DROP DEFAULT",
    "ALTER TABLE a ADD CHECK (m > 0), ADD CONSTRAINT named CHECK (w <> 'no'), COMMENT='other'",
    "ALTER TABLE a DROP CONSTRAINT named",
    "ALTER TABLE a DROP PRIMARY KEY, ADD PRIMARY KEY (id, d)",
    "ALTER TABLE a DEFAULT CHARSET=latin1",
    "ALTER TABLE a ADD g char(3), ADD h varchar(10) CHARACTER SET utf8mb4, ADD i varchar(10) COLLATE utf8mb4_bin, ADD j char(4) CHARACTER SET utf8 BINARY",
    "ALTER TABLE a DROP t, CONVERT TO CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_ci",
    "CREATE TABLE b LIKE a",
    "ALTER TABLE b DROP COLUMN m, DROP COLUMN bb",
    "ALTER TABLE b RENAME TO c, ADD z int",
    "RENAME TABLE a TO x, c TO a, x TO c",
    "CREATE TABLE p (id int PRIMARY KEY, code varchar(10) NOT NULL UNIQUE)",
    "CREATE TABLE q (id int PRIMARY KEY, p int, code varchar(10), FOREIGN KEY (p) REFERENCES p (id) ON DELETE CASCADE, CONSTRAINT other FOREIGN KEY (code) REFERENCES p (code) ON UPDATE CASCADE ON DELETE SET NULL)",
    "ALTER TABLE q ADD boss int, ADD FOREIGN KEY (boss) REFERENCES q (id)",
    "ALTER TABLE q DROP FOREIGN KEY other, DROP KEY other",
    "RENAME TABLE q TO r",
    "CREATE TABLE everything (a tinyint, b smallint unsigned, c mediumint, d int, e bigint, f float, g double, h float(7,3), i double(10,2), j decimal, k decimal(65,30), l numeric(5) unsigned, m bit, n bit(12), o char, p char(10) NOT NULL, q varchar(100), r binary, s binary(16), t varbinary(20), u tinytext, v text, w mediumtext, x longtext, y tinyblob, z blob, aa mediumblob, ab longblob, ac date, ad time, ae time(3), af datetime, ag datetime(6), ah timestamp NULL, ai timestamp(3) NULL, aj year, ak enum('a','it''s','b,c') NOT NULL, al set('x','y') DEFAULT 'x,y', am json, an bool, ao boolean DEFAULT FALSE, ap dec(4,1), aq integer unsigned, ar real, `as` double precision, at point, au geometry, av character varying(7), aw nchar(5), ax int2, ay int8 unsigned zerofill, az national varchar(9), ba float(30), bb fixed(6,2), bc long varchar)",
    "ALTER TABLE everything MODIFY d int DEFAULT -3, MODIFY f float DEFAULT 0.125, MODIFY m bit(3) DEFAULT b'101', MODIFY q varchar(99) DEFAULT 'it''s \\n \\\\', MODIFY ac date DEFAULT '0000-00-00', MODIFY ad time DEFAULT '10:00:00', MODIFY ag datetime(6) DEFAULT CURRENT_TIMESTAMP(6) ON UPDATE CURRENT_TIMESTAMP(6), MODIFY aj year DEFAULT 2024, MODIFY ak enum('a','b') DEFAULT 'b', MODIFY k decimal(20,5) DEFAULT -1.25",
    "CREATE TABLE counted (a int, b int NOT NULL, c int UNIQUE, d serial, PRIMARY KEY (b))",
    "CREATE TABLE computed (id int PRIMARY KEY, x int, y int GENERATED ALWAYS AS (x + 1) STORED, z int AS (x * 2) VIRTUAL COMMENT 'c', KEY (y))",
    "ALTER TABLE computed DROP COLUMN z, ADD COLUMN u varchar(20) AS (concat('a', x)) VIRTUAL, MODIFY y bigint GENERATED ALWAYS AS (x + 2) STORED",
    "CREATE TABLE checked (a int CHECK (a > 0), b int, CONSTRAINT bb CHECK (b < 10), CHECK (a <> b))",
    "ALTER TABLE checked DROP CONSTRAINT bb, ADD c int CHECK (c > 5)",
    "CREATE TABLE laid (id int, d date, PRIMARY KEY (id)) ENGINE=InnoDB ROW_FORMAT=DYNAMIC MAX_ROWS=100 AUTO_INCREMENT=5 DEFAULT CHARACTER SET latin1 COLLATE latin1_bin",
    "ALTER TABLE laid ROW_FORMAT=COMPRESSED KEY_BLOCK_SIZE=8, COMMENT 'it''s', ALGORITHM=COPY, LOCK=SHARED",
    "ALTER TABLE laid ENGINE=MyISAM ROW_FORMAT=DEFAULT KEY_BLOCK_SIZE=0",
    "CREATE TABLE keys_of (a int, b int, c varchar(10) NOT NULL, d int NOT NULL, KEY (a), KEY (a, b), UNIQUE (b), UNIQUE (c(3)), UNIQUE (d), KEY k (c) USING BTREE, INDEX (d, a), PRIMARY KEY (d, c))",
    "ALTER TABLE keys_of DROP COLUMN b, ADD UNIQUE INDEX new (a), DROP INDEX k",
    "ALTER TABLE keys_of MODIFY a int NOT NULL FIRST, DROP PRIMARY KEY",
    "/* a comment */ ALTER TABLE /*!50000 keys_of */ ADD `odd ``name` int /*!99999 no such thing */ -- and more",
    "ALTER TABLE keys_of /*!50000 DROP COLUMN */ `odd ``name` # the end",
    "CREATE TABLE IF NOT EXISTS keys_of (a int)",
    "CREATE TABLE `mixed` (`Id` INT PRIMARY KEY, `Name` VARCHAR(20), KEY `Name` (`NAME`))",
    "ALTER TABLE mixed MODIFY NAME varchar(30), ADD KEY (name, id), CHANGE id ID bigint",
    "ALTER TABLE mixed DROP INDEX NAME, FORCE, ORDER BY id",
    "TRUNCATE TABLE mixed",
    "CREATE VIEW looked AS SELECT * FROM mixed",
    "DROP TABLE IF EXISTS mixed, nothing",
    "DROP VIEW looked",
    "CREATE TABLE json_s (a json, b json NOT NULL, c longtext COLLATE utf8mb4_bin)",
    "ALTER TABLE json_s MODIFY a longtext, ADD d json FIRST",
    "CREATE TABLE same_names (a int, KEY (a), KEY (a), KEY a_3 (a))",
    "ALTER TABLE same_names ADD KEY (a), DROP KEY a_2",
    "CREATE TABLE moved (a int, b int, c int, d int, e int)",
    "ALTER TABLE moved MODIFY e int FIRST, MODIFY a int AFTER c, ADD f int AFTER e, DROP b, CHANGE d dd int AFTER f",
    "ALTER TABLE moved ADD g int FIRST, ADD h int AFTER g, ADD i int AFTER g, MODIFY c int AFTER h",
    "CREATE TABLE parts (id int, d date, PRIMARY KEY (id, d)) PARTITION BY RANGE (year(d)) (PARTITION p0 VALUES LESS THAN (2020), PARTITION p1 VALUES LESS THAN (2030))",
    "ALTER TABLE parts ADD PARTITION (PARTITION p2 VALUES LESS THAN (2040))",
    "ALTER TABLE parts REMOVE PARTITIONING",
    "CREATE TABLE invisible (a int, b int INVISIBLE, c int DEFAULT 3 INVISIBLE COMMENT 'x')",
    "ALTER TABLE invisible MODIFY b int, ADD d int INVISIBLE",
];

const MARIADB: &[&str] = &[
    "CREATE OR REPLACE TABLE own (id uuid NOT NULL PRIMARY KEY DEFAULT uuid(), a inet4, b inet6, c text DEFAULT 'abc', d int DEFAULT (1 + 2))",
    "ALTER TABLE own ADD COLUMN IF NOT EXISTS a int, ADD COLUMN IF NOT EXISTS e int, DROP COLUMN IF EXISTS nothing, DROP COLUMN IF EXISTS b",
    "CREATE INDEX IF NOT EXISTS i ON own (a)",
    "CREATE OR REPLACE INDEX i ON own (a, e)",
    "DROP INDEX IF EXISTS nothing ON own",
    "SET STATEMENT max_statement_time=100 FOR ALTER TABLE own ADD f int",
    "ALTER TABLE IF EXISTS own RENAME COLUMN f TO ff, ADD KEY IF NOT EXISTS i (e)",
    "ALTER TABLE own /*M! ADD g int */ /*!50701 , ADD no int */",
    "CREATE OR REPLACE TABLE own (a int, b int, CHECK (a > b), CONSTRAINT c CHECK (a < 100))",
    "ALTER TABLE own ADD CHECK (b > 1), DROP CONSTRAINT CONSTRAINT_1",
    "ALTER TABLE own DROP CONSTRAINT IF EXISTS nothing, ADD KEY k (a) IGNORED",
];

const MYSQL: &[&str] = &[
    "CREATE TABLE own (id int PRIMARY KEY, a json, b point NOT NULL SRID 4326, c int, d text DEFAULT ('abc'), e varchar(20) CHARACTER SET utf8mb4)",
    "ALTER TABLE own ADD CHECK (c > 0) NOT ENFORCED, ADD KEY inv (c) INVISIBLE, MODIFY e varchar(30) COLLATE utf8mb4_0900_as_cs",
    "ALTER TABLE own DROP CHECK own_chk_1, ADD CONSTRAINT CHECK (c > 5)",
    "ALTER TABLE own ADD f int CHECK (f > 0), ADD g int DEFAULT (1 + 2)",
    "ALTER TABLE own DROP COLUMN f",
    "RENAME TABLE own TO owned",
    "ALTER TABLE owned ADD h varchar(10), ADD i varchar(10) CHARACTER SET ascii",
    "CREATE TABLE selected AS SELECT 1 AS a",
];

async fn all(kind: Kind) {
    let Some(server) = Server::shared(kind) else { return };
    let mut course = Course::new(kind, server.database(), server.database()).await;
    course.shows_refused = true;
    let own = if kind == Kind::MariaDb { MARIADB } else { MYSQL };
    for sql in BOTH.iter().chain(own) {
        course.step(sql).await;
    }
    course.end(&["CREATE TABLE selected AS SELECT 1 AS a"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn mariadb_shows_what_was_understood() {
    all(Kind::MariaDb).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn mysql_shows_what_was_understood() {
    all(Kind::MySql).await;
}

/// Statements at random, on tables as they have become.
async fn at_random(kind: Kind) {
    let Some(server) = Server::shared(kind) else { return };
    let courses: u64 = std::env::var("SYNCLINE_COURSES").map_or(6, |n| n.parse().unwrap());
    for seed in 0..courses {
        let mut course = Course::new(kind, server.database(), server.database()).await;
        let mut chance = Chance::new(seed);
        for _ in 0..60 {
            let sql = statement(&mut chance, kind, course.tables());
            course.step(&sql).await;
        }
        course.end(&[]);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn mariadb_shows_what_was_understood_of_any_course() {
    at_random(Kind::MariaDb).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn mysql_shows_what_was_understood_of_any_course() {
    at_random(Kind::MySql).await;
}
