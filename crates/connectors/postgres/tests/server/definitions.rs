//! Tables made again: what the catalog says of a copy is what it says of its source.

use syncline_connector::{Source, WriteMode};
use syncline_testkit::{Database, Kind, Server};
use syncline_types::{TableName, TableSchema};

use crate::support::{WHOLE, assert_same, copy, find, select, servers, sink, source, try_copy};

/// Tables with something of everything, those that others refer to first.
const TABLES: &str = r#"
CREATE EXTENSION btree_gist; CREATE EXTENSION pg_trgm; CREATE EXTENSION citext;
CREATE SCHEMA "Ty pes";
CREATE TYPE mood AS ENUM ('sad', 'it''s', 'happy');
CREATE TYPE "Ty pes"."Pair" AS (a int, "B b" text COLLATE "C");
CREATE DOMAIN posint AS int CONSTRAINT positive CHECK (value > 0);
CREATE DOMAIN "Ty pes".short AS varchar(5) COLLATE "C" DEFAULT 'x' NOT NULL CHECK (value <> 'no');
CREATE DOMAIN shorter AS "Ty pes".short CHECK (length(value) < 4);
CREATE DOMAIN pairs AS "Ty pes"."Pair"[];
CREATE TYPE floatrange AS RANGE (subtype = float8, subtype_diff = float8mi);
CREATE COLLATION "Ty pes".ci (provider = icu, locale = 'und-u-ks-level2', deterministic = false);
CREATE SEQUENCE lonely AS int START 10 INCREMENT 5 MINVALUE 5 MAXVALUE 1000 CACHE 3 CYCLE;
SELECT nextval('lonely'), nextval('lonely');
CREATE FUNCTION twice(i int) RETURNS int IMMUTABLE LANGUAGE sql AS 'SELECT i * 2';

CREATE TABLE parent (
  id int GENERATED ALWAYS AS IDENTITY (START WITH 100 INCREMENT BY 10 MINVALUE 50 MAXVALUE 10000 CACHE 2 CYCLE),
  code text NOT NULL, a int, b int,
  CONSTRAINT "my key" PRIMARY KEY (id) INCLUDE (code),
  CONSTRAINT "code USING x" UNIQUE (code),
  CONSTRAINT two UNIQUE (b, a) DEFERRABLE INITIALLY DEFERRED) WITH (fillfactor=70, autovacuum_enabled=off);
INSERT INTO parent (code, a, b) SELECT 'c' || g, g, g FROM generate_series(1, 20) g;

CREATE TABLE child (
  id bigserial PRIMARY KEY, small smallserial, p int NOT NULL DEFAULT 110, code text, a int, b int,
  self bigint, n int DEFAULT nextval('lonely'), m mood DEFAULT 'it''s', dom posint DEFAULT 3, sh shorter, pr pairs,
  co "Ty pes"."Pair", fr floatrange, ma mood[] DEFAULT '{sad}', ci text COLLATE "Ty pes".ci, cc varchar(9) COLLATE "C", tags text[] COLLATE "C",
  tw int GENERATED ALWAYS AS (twice(a) + 1) STORED, low text GENERATED ALWAYS AS (lower(code)) STORED,
  at timestamptz(3) DEFAULT CURRENT_TIMESTAMP, d date DEFAULT 'infinity', num numeric(12,2) DEFAULT 'NaN', iv interval DEFAULT '1 mon',
  ct citext DEFAULT 'X', js jsonb DEFAULT '{"a": 1}', rng tsrange, expr int DEFAULT (1 + 2) * 3,
  CONSTRAINT "ch>eck" CHECK (a > 0 OR b > 0), CHECK (code <> ')(' AND (p) > 0), CONSTRAINT ni CHECK (a < 1000) NO INHERIT,
  CONSTRAINT f_p FOREIGN KEY (p) REFERENCES parent ON UPDATE CASCADE ON DELETE SET DEFAULT,
  CONSTRAINT f_code FOREIGN KEY (code) REFERENCES parent (code) DEFERRABLE INITIALLY DEFERRED,
  CONSTRAINT f_self FOREIGN KEY (self) REFERENCES child ON DELETE CASCADE DEFERRABLE,
  CONSTRAINT ex EXCLUDE USING gist (p WITH =, rng WITH &&) WHERE (a > 5));
INSERT INTO child (p, code, a, b, self, m, dom, sh, pr, co, fr, ci, tags)
  SELECT 100 + 10 * g, 'c' || (g + 1), g, NULL, NULLIF(g - 1, 0), 'happy', g, 'ab', ARRAY[ROW(g, 'x')::"Ty pes"."Pair"], ROW(g, NULL)::"Ty pes"."Pair", '[1,2)', 'Aa', '{q}'
  FROM generate_series(1, 9) g;
SET CONSTRAINTS ALL IMMEDIATE;
ALTER TABLE child ADD CONSTRAINT old CHECK (a > 5) NOT VALID;
ALTER TABLE child ADD CONSTRAINT f_old FOREIGN KEY (b) REFERENCES parent (id) NOT VALID;
CREATE UNIQUE INDEX "u x" ON child (a DESC NULLS LAST, b) INCLUDE (p);
CREATE UNIQUE INDEX plain ON child (id DESC, p);
CREATE INDEX part ON child (lower(code) text_pattern_ops) WHERE m = 'sad' OR a IS NULL;
CREATE INDEX trg ON child USING gin (code gin_trgm_ops); CREATE INDEX br ON child USING brin (at) WITH (pages_per_range='16');
CREATE INDEX fn ON child (twice(b)); CREATE INDEX ha ON child USING hash (code); CREATE INDEX co2 ON child (cc COLLATE "POSIX", tags);
CREATE INDEX gs ON child USING gist (rng) WITH (fillfactor='60');
ALTER TABLE child ALTER code SET STORAGE EXTERNAL, ALTER code SET STATISTICS 321, ALTER a SET (n_distinct=-0.5), REPLICA IDENTITY USING INDEX plain;
ALTER TABLE child ALTER js SET COMPRESSION pglz, CLUSTER ON "u x";
COMMENT ON TABLE child IS 'it''s a child'; COMMENT ON COLUMN child.a IS 'A';

CREATE UNLOGGED TABLE quick (id int PRIMARY KEY, v text); ALTER TABLE quick REPLICA IDENTITY FULL;
INSERT INTO quick VALUES (1, 'x');

CREATE TABLE parts (id int, region text NOT NULL, day date NOT NULL, v int CHECK (v > 0), PRIMARY KEY (id, region, day), p int REFERENCES parent)
  PARTITION BY LIST (region);
CREATE TABLE parts_eu PARTITION OF parts FOR VALUES IN ('de', 'f''r') PARTITION BY RANGE (day, id);
CREATE TABLE parts_eu_old PARTITION OF parts_eu FOR VALUES FROM (MINVALUE, MINVALUE) TO ('2020-01-01', 0) WITH (fillfactor=50);
CREATE TABLE parts_eu_new PARTITION OF parts_eu FOR VALUES FROM ('2020-01-01', 0) TO (MAXVALUE, MAXVALUE);
CREATE TABLE parts_hash PARTITION OF parts FOR VALUES IN (NULL, 'us') PARTITION BY HASH (id);
CREATE TABLE parts_h0 PARTITION OF parts_hash FOR VALUES WITH (modulus 2, remainder 0);
CREATE TABLE parts_h1 PARTITION OF parts_hash FOR VALUES WITH (modulus 2, remainder 1);
CREATE TABLE parts_rest PARTITION OF parts DEFAULT;
CREATE INDEX parts_v ON parts (v) WHERE v > 1; CREATE UNIQUE INDEX parts_u ON parts (day, region, id);
CREATE INDEX parts_own ON parts_eu (v DESC); CREATE UNIQUE INDEX "parts own" ON parts_eu_old (id, lower(region)) WHERE v > 0;
ALTER TABLE parts_eu_new ADD CONSTRAINT "new?" CHECK (day >= '2020-01-01'), ADD CONSTRAINT n_u UNIQUE (id) DEFERRABLE;
ALTER TABLE parts_hash ALTER v SET DEFAULT 5; ALTER TABLE parts_h0 ALTER v SET DEFAULT 7, ALTER v SET NOT NULL; ALTER TABLE parts_h1 ALTER v DROP DEFAULT;
CREATE SEQUENCE lonely_h1; CREATE FUNCTION thrice(i int) RETURNS int IMMUTABLE LANGUAGE sql AS 'SELECT i * 3';
ALTER TABLE parts_h1 ALTER p SET DEFAULT nextval('lonely_h1'); CREATE INDEX parts_f ON parts_h1 (thrice(v));
ALTER TABLE parts_h1 SET (fillfactor=80), REPLICA IDENTITY FULL;
ALTER TABLE parts_rest ADD EXCLUDE USING btree (id WITH =), CLUSTER ON parts_rest_pkey;
INSERT INTO parts SELECT g, (ARRAY['de','f''r','us','jp'])[1 + g % 4], '2019-12-01'::date + g, g, 100 FROM generate_series(1, 60) g;
ALTER TABLE parts_h1 ADD CONSTRAINT h_old CHECK (id > 1000) NOT VALID;
"#;

/// Only from version 15 on.
const NEWER: &str = "
CREATE TABLE newer (id int PRIMARY KEY, a int, b int, p int, UNIQUE NULLS NOT DISTINCT (a, b),
  CONSTRAINT f FOREIGN KEY (p) REFERENCES parent ON DELETE SET NULL (p));
INSERT INTO newer VALUES (1, NULL, 1, 100), (2, NULL, 2, NULL);
CREATE UNIQUE INDEX nnd ON newer (b) NULLS NOT DISTINCT;";

const ORDER: [&str; 5] = ["parent", "child", "quick", "parts", "newer"];

/// What the server can have beside [`TABLES`], and the tables there are then.
fn newer(database: &Database) -> (&'static str, &'static [&'static str]) {
    let version = database.value("SHOW server_version_num").unwrap();
    if version.as_str() < "15" { ("SELECT", &ORDER[..4]) } else { (NEWER, &ORDER) }
}

/// Everything the catalog says of the tables of a schema, the schema's name taken out.
fn catalog(database: &Database, schema: &str) -> Vec<String> {
    let mut lines = Vec::new();
    let of = format!("relnamespace = '{schema}'::regnamespace AND relname NOT LIKE '\\_syncline%'");
    for (what, sql) in [
        (
            "columns",
            format!(
                "SELECT c.relname, a.attname, format_type(atttypid, atttypmod), attnotnull, attidentity, attgenerated, pg_get_expr(adbin, adrelid), \
               attcollation::regcollation, attstorage, attcompression, nullif(attstattarget, -1), attoptions, col_description(attrelid, attnum) \
             FROM pg_class c JOIN pg_attribute a ON attrelid = c.oid LEFT JOIN pg_attrdef ON adrelid = attrelid AND adnum = attnum \
             WHERE {of} AND relkind IN ('r', 'p') AND attnum > 0 AND NOT attisdropped ORDER BY relname, attnum"
            ),
        ),
        (
            "constraints",
            format!(
                "SELECT c.relname, conname, pg_get_constraintdef(k.oid), convalidated FROM pg_class c JOIN pg_constraint k ON conrelid = c.oid \
             WHERE {of} AND contype <> 'n' ORDER BY 1, 2"
            ),
        ),
        (
            "indexes",
            format!(
                "SELECT c.relname, pg_get_indexdef(indexrelid), indisclustered, indisreplident, indisvalid FROM pg_class c JOIN pg_index i ON indrelid = c.oid WHERE {of} ORDER BY 1, 2"
            ),
        ),
        (
            "tables",
            format!(
                "SELECT relname, relkind, relpersistence, reloptions, relreplident, obj_description(c.oid, 'pg_class'), pg_get_partkeydef(c.oid), \
               pg_get_expr(relpartbound, c.oid) FROM pg_class c WHERE {of} AND relkind <> 't' AND relkind <> 'i' AND relkind <> 'I' ORDER BY 1"
            ),
        ),
        (
            "sequences",
            format!(
                "SELECT relname, format_type(seqtypid, NULL), seqstart, seqincrement, seqmax, seqmin, seqcache, seqcycle, \
               (SELECT string_agg(deptype::text || refobjid::regclass || refobjsubid, ' ') FROM pg_depend WHERE objid = c.oid AND classid = 'pg_class'::regclass AND deptype IN ('a', 'i')) \
             FROM pg_class c JOIN pg_sequence ON seqrelid = c.oid WHERE {of} ORDER BY 1"
            ),
        ),
        (
            "information",
            format!(
                "SELECT table_name, column_name, ordinal_position, column_default, is_nullable, data_type, character_maximum_length, numeric_precision, \
               numeric_scale, datetime_precision, domain_name, udt_name, is_identity, identity_generation, identity_start, identity_increment, \
               identity_maximum, identity_minimum, identity_cycle, is_generated, generation_expression \
             FROM information_schema.columns WHERE table_schema = '{schema}' AND table_name NOT LIKE '\\_syncline%' ORDER BY 1, 3"
            ),
        ),
    ] {
        for row in database.rows(&sql) {
            let cells: Vec<String> =
                row.into_iter().map(|cell| cell.unwrap_or_else(|| "-".into())).collect();
            let line = format!("{what}: {}", cells.join(" | "));
            lines.push(line.replace(&format!("{schema}."), ""));
        }
    }
    lines
}

/// The same of what lies in other schemas or in none.
fn types(database: &Database) -> Vec<Vec<Option<String>>> {
    let mut all = Vec::new();
    for sql in [
        "SELECT n.nspname, t.typname, typtype, enumlabel FROM pg_type t JOIN pg_namespace n ON n.oid = typnamespace LEFT JOIN pg_enum e ON enumtypid = t.oid \
         WHERE nspname IN ('public', 'Ty pes') AND typtype IN ('e', 'd', 'r', 'm') ORDER BY 1, 2, enumsortorder",
        "SELECT typname, format_type(typbasetype, typtypmod), typnotnull, typdefault, typcollation::regcollation, \
           (SELECT string_agg(conname || pg_get_constraintdef(c.oid), ' ' ORDER BY conname) FROM pg_constraint c WHERE contypid = t.oid AND contype = 'c') FROM pg_type t \
         WHERE typtype = 'd' AND typnamespace <> 'information_schema'::regnamespace ORDER BY 1",
        "SELECT c.relname, attname, format_type(atttypid, atttypmod), attcollation::regcollation FROM pg_class c JOIN pg_attribute ON attrelid = c.oid WHERE relkind = 'c' AND relnamespace <> 'information_schema'::regnamespace ORDER BY 1, attnum",
        "SELECT extname, extnamespace::regnamespace FROM pg_extension ORDER BY 1",
        "SELECT collname, collprovider, collisdeterministic FROM pg_collation WHERE collnamespace = '\"Ty pes\"'::regnamespace",
        "SELECT pg_get_functiondef(oid) FROM pg_proc WHERE proname = 'twice'",
    ] {
        all.extend(database.rows(sql));
    }
    all
}

fn assert_equal<T: PartialEq + std::fmt::Debug>(left: &[T], right: &[T]) {
    for line in left {
        assert!(right.contains(line), "only at the source: {line:?}");
    }
    for line in right {
        assert!(left.contains(line), "only at the target: {line:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_copy_is_made_as_whole_as_its_source() {
    let Some(old) = Server::shared(Kind::Postgres) else { return };
    for server in servers() {
        let (from, to) = (old.database(), server.database());
        from.execute(TABLES);
        from.execute(newer(&from).0);
        for table in newer(&from).1 {
            copy(&from, &to, table, table, WriteMode::Append).await;
            assert_same((&from, table), (&to, table));
        }
        assert_equal(&catalog(&from, "public"), &catalog(&to, "public"));
        assert_equal(&types(&from), &types(&to));
        for (sequence, next) in [("lonely", "70"), ("child_id_seq", "10"), ("parent_id_seq", "300")]
        {
            let value = to.value(&format!("SELECT nextval('{sequence}')"));
            assert_eq!(value.as_deref(), Some(next), "{sequence}");
        }
        // A second copy beside the first takes nothing of it.
        let before = catalog(&to, "public");
        copy(&to, &to, "child", "second", WriteMode::Append).await;
        copy(&to, &to, "parts", "other", WriteMode::Replace).await;
        assert_same((&to, "child"), (&to, "second"));
        assert_same((&to, "parts"), (&to, "other"));
        let now = catalog(&to, "public");
        for line in &before {
            assert!(now.contains(line), "gone: {line}");
        }
        let indexes =
            |table: &str| to.count(&format!("pg_index WHERE indrelid = '{table}'::regclass"));
        assert_eq!(indexes("child"), indexes("second"));
        assert_eq!(to.count("pg_inherits WHERE inhparent = 'other'::regclass"), 3);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_copy_under_another_schema_says_the_same() {
    let Some(server) = Server::shared(Kind::Postgres) else { return };
    let (from, to) = (server.database(), server.database());
    from.execute(TABLES);
    from.execute(newer(&from).0);
    let source = source(&from.url());
    let sink = sink(&format!("{}?schema=other", to.url()));
    for table in newer(&from).1 {
        let moved = Moved(&*source);
        try_copy(&moved, &*sink, table, table, WriteMode::Append, &WHOLE).await.unwrap();
        assert_same((&from, table), (&to, &format!("other.{table}")));
    }
    let tables = |lines: Vec<String>| -> Vec<String> {
        let mut lines: Vec<String> = lines.into_iter().map(|l| l.replace("public.", "")).collect();
        lines.retain(|l| !l.contains("lonely"));
        lines
    };
    assert_equal(&tables(catalog(&from, "public")), &tables(catalog(&to, "other")));
    assert_equal(&types(&from), &types(&to));
}

/// A source whose foreign keys refer to the tables of the target, as the engine has it.
struct Moved<'a>(&'a dyn Source);

#[syncline_connector::async_trait]
impl Source for Moved<'_> {
    async fn check(&self) -> syncline_types::Result<Vec<String>> {
        self.0.check().await
    }

    async fn discover(
        &self,
        selection: &syncline_types::TableSelection,
    ) -> syncline_types::Result<Vec<syncline_types::TableInfo>> {
        let mut found = self.0.discover(selection).await?;
        for key in found.iter_mut().flat_map(|info| &mut info.schema.foreign_keys) {
            key.references.schema = None;
        }
        Ok(found)
    }

    async fn begin(&self, n: usize) -> syncline_types::Result<syncline_connector::Consistency> {
        self.0.begin(n).await
    }

    async fn plan(
        &self,
        read: &syncline_connector::ReadTask,
        cut: &syncline_connector::Cut,
    ) -> syncline_types::Result<Vec<syncline_types::Split>> {
        self.0.plan(read, cut).await
    }

    async fn open(
        &self,
        read: &syncline_connector::ReadTask,
        split: &syncline_types::Split,
        at: Option<&syncline_types::Position>,
    ) -> syncline_types::Result<Box<dyn syncline_connector::SplitReader>> {
        self.0.open(read, split, at).await
    }

    async fn left_out(&self) -> syncline_types::Result<Vec<String>> {
        self.0.left_out().await
    }

    async fn end(&self) -> syncline_types::Result<()> {
        self.0.end().await
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_copied_is_said() {
    let Some(server) = Server::shared(Kind::Postgres) else { return };
    let database = server.database();
    database.execute(
        "CREATE TABLE base (id int); CREATE EXTENSION lo;
         CREATE TABLE t (id int PRIMARY KEY, o oid, l lo, b base) INHERITS (base);
         CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';
         CREATE TRIGGER \"my trigger\" BEFORE INSERT ON t FOR EACH ROW EXECUTE FUNCTION f();
         CREATE RULE r AS ON DELETE TO t DO ALSO NOTIFY x; ALTER TABLE t ENABLE ROW LEVEL SECURITY;
         CREATE POLICY pol ON t USING (true); CREATE STATISTICS st ON id, o FROM t;
         SELECT lo_create(0); CREATE VIEW v AS SELECT 1 AS one; CREATE MATERIALIZED VIEW mv AS SELECT 1 AS one",
    );
    let source = source(&database.url());
    let found = source.discover(&select(&["t"])).await.unwrap().remove(0);
    let notes = found.notes.join("\n");
    for word in [
        "triggers are not copied: my trigger",
        "rules are not copied: r",
        "row-level security are not copied: pol",
        "row-level security is on",
        "extended statistics are not copied: st",
        "inherits from",
        "large objects are not carried: the numbers in o, l",
    ] {
        assert!(notes.contains(word), "{word:?} is not in\n{notes}");
    }
    let all = source.left_out().await.unwrap().join("\n");
    for word in ["view(s) not copied: public.v", "materialized view(s) not copied: public.mv"] {
        assert!(all.contains(word), "{word:?} is not in\n{all}");
    }
}

/// The parts that other stores translate, as they find them.
#[tokio::test(flavor = "multi_thread")]
async fn definitions_are_in_the_words_that_others_expect() {
    let Some(server) = Server::shared(Kind::Postgres) else { return };
    let database = server.database();
    database.execute(TABLES);
    let source = source(&database.url());
    let child: TableSchema = find(&*source, "child").await;
    let check = |name: &str| child.checks.iter().find(|c| c.name.as_deref() == Some(name)).unwrap();
    assert_eq!(check("ch>eck").condition.sql, "(a > 0) OR (b > 0)");
    assert!(check("ch>eck").enforced && !check("old").enforced);
    let generated = child.column("low").unwrap().generated.as_ref().unwrap();
    assert_eq!((generated.expression.sql.as_str(), generated.stored), ("lower(code)", true));
    let key = child.foreign_keys.iter().find(|k| k.name == "f_p").unwrap();
    assert_eq!(key.references, TableName::new("public", "parent"));
    assert_eq!((key.on_update.sql(), key.on_delete.sql()), ("CASCADE", "SET DEFAULT"));
    let index = |name: &str| child.indexes.iter().find(|i| i.name == name).unwrap();
    assert!(index("plain").definition.is_none() && index("plain").unique);
    assert!(index("u x").definition.is_some() && index("ex").constraint && !index("ex").unique);
    let parent = find(&*source, "parent").await;
    let unique = parent.indexes.iter().find(|i| i.name == "code USING x").unwrap();
    assert!(unique.constraint && unique.unique && unique.definition.is_none());
    assert_eq!(parent.options.unwrap().sql, "WITH (fillfactor=70, autovacuum_enabled=off)");
    let parts = find(&*source, "parts").await.partitioning.unwrap();
    assert_eq!((parts.by.sql.as_str(), parts.partitions.len()), ("LIST (region)", 7));
}
