//! Changes applied as sets, compared with the same changes row by row. What befalls a writer is
//! in `applying`.

use std::fmt::Write as _;
use std::sync::Arc;

use arrow::array::RecordBatch;
use syncline_connector::{Apply, ApplyTask, Follower, Sink, StateWriter, WriteMode, WriteTask};
use syncline_testkit::{Database, Session};
use syncline_types::{Element, Position, TableName};

use crate::support::{BATCH, WHOLE, find, plan, read_task, rows, servers, sink, source};

/// How rows go into tables that are there.
pub(crate) async fn task(sink: &dyn Sink, epoch: u64, tables: &[&str]) -> ApplyTask {
    let mut list = Vec::new();
    for name in tables {
        let found = sink.describe(&TableName::bare(*name)).await.unwrap().unwrap();
        let definition = Arc::new(found.schema.clone());
        let mut schema = found.schema;
        schema.columns.retain(|c| c.generated.is_none());
        list.push(WriteTask {
            run: "run".into(),
            epoch,
            table: Arc::new(schema),
            definition,
            exists: true,
            empty_at_start: found.empty,
            distinct: false,
            write: WriteMode::Upsert,
            splits: 1,
            circular: Vec::new(),
        });
    }
    ApplyTask { run: "run".into(), epoch, tables: list }
}

pub(crate) async fn follow(
    sink: &dyn Sink,
    task: &ApplyTask,
) -> (Box<dyn StateWriter>, Option<Position>) {
    let opened = sink.follow(task).await.unwrap_or_else(|e| panic!("{}", e.chain()));
    match opened.follower {
        Follower::State(writer) => (writer, opened.held),
        Follower::Log(_) => panic!("a log"),
    }
}

/// The rows of a table, with these columns, as the source reads them.
pub(crate) async fn batch(
    database: &Database,
    table: &str,
    columns: &[&str],
) -> Option<RecordBatch> {
    let source = source(&database.url());
    let mut schema = find(&*source, table).await;
    schema.columns.retain(|c| c.generated.is_none());
    let read = read_task(&schema);
    source.begin(1).await.unwrap();
    let mut batches = Vec::new();
    for split in plan(&*source, &read, &WHOLE).await {
        let mut reader = source.open(&read, &split, None).await.unwrap();
        while let Element::Batch(batch) = reader.next(BATCH).await.unwrap() {
            assert!(batch.rejects.is_empty());
            batches.push(batch.rows);
        }
    }
    source.end().await.unwrap();
    let first = batches.first()?.schema();
    let whole = arrow::compute::concat_batches(&first, &batches).unwrap();
    let places: Vec<usize> = columns.iter().map(|c| first.index_of(c).unwrap()).collect();
    Some(whole.project(&places).unwrap()).filter(|rows| rows.num_rows() > 0)
}

/// A kind of table, and how values for it are made from `g`, a number of the row.
struct Kind {
    name: &'static str,
    /// What stands between the parentheses, and behind them.
    body: &'static str,
    key: &'static [&'static str],
    /// Columns that are written, each with an expression; those of the key come from `k`, a number
    /// below 60.
    columns: &'static [(&'static str, &'static str)],
}

const KINDS: &[Kind] = &[
    Kind {
        name: "by_int",
        body: "(id int PRIMARY KEY, n bigint, v text NOT NULL DEFAULT 'd', d numeric(12,2))",
        key: &["id"],
        columns: &[
            ("id", "k"),
            ("n", "CASE WHEN r < 0.2 THEN NULL ELSE (r * 1e15)::bigint END"),
            ("v", "md5(r::text) || E'\\t\\\\\\n''\"é'"),
            ("d", "(r * 1e6)::numeric(12,2)"),
        ],
    },
    Kind {
        name: "by_two",
        body: "(a text, z smallint, v bytea, f float8, b boolean, PRIMARY KEY (z, a))",
        key: &["z", "a"],
        columns: &[
            ("a", "CASE k % 4 WHEN 0 THEN '' WHEN 1 THEN ' ' ELSE 'A' || k END"),
            ("z", "(k / 7)::smallint"),
            ("v", "decode(md5(r::text), 'hex')"),
            ("f", "CASE WHEN r < 0.1 THEN 'NaN' WHEN r < 0.2 THEN '-0' ELSE r END::float8"),
            ("b", "r < 0.5"),
        ],
    },
    Kind {
        name: "by_uuid",
        body: "(u uuid PRIMARY KEY, t timestamptz, s timestamp(3), d date, j jsonb, i interval, \
               a int[], e mood, c char(5), b bit(3), r int4range, m numeric, p point)",
        key: &["u"],
        columns: &[
            ("u", "md5(k::text)::uuid"),
            ("t", "CASE WHEN r < 0.1 THEN 'infinity' ELSE now() - r * interval '9999 days' END"),
            ("s", "date_trunc('ms', now()::timestamp - r * interval '9 years')"),
            ("d", "CASE WHEN r < 0.1 THEN '-infinity' ELSE current_date - k END"),
            ("j", "jsonb_build_object('a', r, 'b', E'\\u00e9\\\\')"),
            ("i", "make_interval(months => k, secs => (r * 100)::int)"),
            ("a", "CASE WHEN r < 0.2 THEN NULL ELSE ARRAY[k, NULL, (r * 9)::int] END"),
            ("e", "CASE WHEN r < 0.5 THEN 'so so' ELSE 'well' END::mood"),
            ("c", "chr(97 + k % 26)"),
            ("b", "(k % 8)::bit(3)"),
            ("r", "int4range(k, k + (r * 9)::int + 1)"),
            ("m", "CASE WHEN r < 0.1 THEN 'NaN' ELSE r * 10 ^ (k % 40) END::numeric"),
            ("p", "point(k, r)"),
        ],
    },
    Kind {
        name: "by_numeric",
        body: "(n numeric(20,3) PRIMARY KEY, v varchar(40), x xml)",
        key: &["n"],
        columns: &[
            ("n", "(k / 8.0)::numeric(20,3)"),
            ("v", "repeat('ä', k % 40)"),
            ("x", "('<a b=\"' || k || '\"/>')::xml"),
        ],
    },
    Kind {
        name: "by_name",
        body: "(n citext PRIMARY KEY, v text)",
        key: &["n"],
        columns: &[("n", "'Name ' || k"), ("v", "r::text")],
    },
    Kind {
        name: "counted",
        body: "(id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, v int, \
               w int GENERATED ALWAYS AS (v * 2) STORED, o serial)",
        key: &["id"],
        columns: &[("id", "k + 1"), ("v", "(r * 1e6)::int"), ("o", "k + 100")],
    },
    Kind {
        name: "counted_beside",
        body: "(k int PRIMARY KEY, id int GENERATED ALWAYS AS IDENTITY, v text)",
        key: &["k"],
        columns: &[("k", "k"), ("id", "k * 10 + (r < 0.3)::int"), ("v", "r::text")],
    },
    Kind {
        name: "parted",
        body: "(id int, at date, v text, PRIMARY KEY (id, at)) PARTITION BY RANGE (id); \
               CREATE TABLE {}_1 PARTITION OF {} FOR VALUES FROM (MINVALUE) TO (20); \
               CREATE TABLE {}_2 PARTITION OF {} FOR VALUES FROM (20) TO (MAXVALUE)",
        key: &["id", "at"],
        columns: &[("id", "k"), ("at", "date '2020-01-01' + k"), ("v", "r::text")],
    },
    Kind {
        name: "without_key",
        body: "(a int, b text, f float8, t timestamp)",
        key: &[],
        columns: &[
            ("a", "CASE k % 5 WHEN 0 THEN NULL ELSE k % 5 END"),
            ("b", "CASE k % 3 WHEN 0 THEN NULL WHEN 1 THEN '' ELSE 'x' END"),
            ("f", "CASE k % 2 WHEN 0 THEN '-0' ELSE 'NaN' END::float8"),
            ("t", "timestamp '2020-01-01' + (k % 2) * interval '1 day'"),
        ],
    },
    Kind {
        name: "without_key_parted",
        body: "(a int, j json, c char(3), n numeric(9,3)) PARTITION BY LIST (a); \
               CREATE TABLE {}_1 PARTITION OF {} FOR VALUES IN (0, 1); \
               CREATE TABLE {}_2 PARTITION OF {} DEFAULT",
        key: &[],
        columns: &[
            ("a", "k % 3"),
            ("j", "CASE WHEN k < 9 THEN NULL ELSE '{\"a\": 1 }' END::json"),
            ("c", "CASE WHEN k % 2 = 0 THEN 'a' END"),
            ("n", "(k % 2 + 0.5)::numeric(9,3)"),
        ],
    },
];

impl Kind {
    fn create(&self, database: &Database, name: &str) {
        database.execute(&format!("CREATE TABLE {name} {}", self.body.replace("{}", name)));
    }

    fn names(&self) -> Vec<&'static str> {
        self.columns.iter().map(|c| c.0).collect()
    }

    /// Fills `step` with rows of different keys.
    fn step(&self, database: &Database, seed: f64, rows: u32) {
        let key = self.columns.iter().filter(|c| self.key.contains(&c.0));
        let distinct: Vec<&str> = key.map(|c| c.1).collect();
        let distinct = match distinct.is_empty() {
            true => String::new(),
            false => format!("DISTINCT ON ({})", distinct.join(", ")),
        };
        let list: Vec<String> = self.columns.iter().map(|c| format!("({})", c.1)).collect();
        database.execute(&format!(
            "SELECT setseed({seed}); DELETE FROM step; \
             INSERT INTO step ({}) OVERRIDING SYSTEM VALUE SELECT {distinct} {} FROM ( \
               SELECT (random() * 59)::int AS k, random() AS r FROM generate_series(1, {rows})) s",
            self.names().join(", "),
            list.join(", "),
        ));
    }

    fn same_key(&self, a: &str, b: &str) -> String {
        let pairs: Vec<String> = self.key.iter().map(|k| format!("{a}.{k} = {b}.{k}")).collect();
        pairs.join(" AND ")
    }

    /// Rows to the model, one after the other.
    fn model(&self, session: &mut Session, what: &str, columns: &[&str]) {
        let all = self.names().join(", ");
        let same = self.same_key("m", "s");
        let text = |of: &str| {
            let values: Vec<String> = columns.iter().map(|c| format!("{of}.{c}")).collect();
            format!("ROW({})::text", values.join(", "))
        };
        let insert =
            format!("INSERT INTO model ({all}) OVERRIDING SYSTEM VALUE SELECT {all} FROM step");
        let sql = match what {
            "insert" => insert,
            "upsert" => format!("DELETE FROM model m USING step s WHERE {same}; {insert}"),
            "update" => {
                let set: Vec<String> = columns
                    .iter()
                    .filter(|c| !self.key.contains(c))
                    .map(|c| format!("{c} = s.{c}"))
                    .collect();
                format!("UPDATE model m SET {} FROM step s WHERE {same}", set.join(", "))
            }
            "delete" => format!("DELETE FROM model m USING step s WHERE {same}"),
            _ => format!(
                "DO $$ DECLARE s record; BEGIN FOR s IN SELECT * FROM step LOOP \
                   DELETE FROM model WHERE (tableoid, ctid) = \
                     (SELECT m.tableoid, m.ctid FROM model m WHERE {} = {} LIMIT 1); \
                 END LOOP; END $$",
                text("m"),
                text("s"),
            ),
        };
        session.execute(&sql);
    }
}

/// Numbers without a pattern, the same in each run.
struct Dice(u64);

impl Dice {
    fn below(&mut self, n: u64) -> u64 {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % n
    }

    fn seed(&mut self) -> f64 {
        f64::from(u32::try_from(self.below(1 << 20)).unwrap()) / f64::from(1 << 20)
    }
}

/// Applies random sets to the target and row by row to the model, with savepoints, undone and not,
/// flushes, and writers that are dropped without one.
async fn random_sets(database: &Database, kind: &Kind, steps: u32, seed: u64) {
    let mut dice = Dice(seed);
    for name in ["step", "target", "model"] {
        kind.create(database, name);
    }
    let sink = sink(&database.url());
    let task = task(&*sink, 1, &["target"]).await;
    let (mut writer, held) = follow(&*sink, &task).await;
    assert_eq!(held, None);
    let mut model = database.session();
    model.execute("BEGIN");
    let (mut flushed, mut log) = (0, String::new());
    for step in 1..=steps {
        let count = [1, 3, 40, 300][usize::try_from(dice.below(4)).unwrap()];
        kind.step(database, dice.seed(), count);
        let mut columns = kind.names();
        let ops: &[&str] = match kind.key.is_empty() {
            true => &["insert", "insert", "delete same"],
            false => &["insert", "upsert", "upsert", "update", "delete"],
        };
        let what = ops[usize::try_from(dice.below(ops.len() as u64)).unwrap()];
        match what {
            // Only rows that are not there, or the key is a double.
            "insert" if !kind.key.is_empty() => {
                let same = kind.same_key("m", "s");
                // The model's transaction is open: another session does not see it.
                model.execute("COMMIT");
                model.execute(&format!("DELETE FROM step s USING model m WHERE {same}"));
                model.execute("BEGIN");
                writer.flush(&Position::new(u64::from(step), "insert")).await.unwrap();
                flushed = step;
            }
            "update" => {
                columns.retain(|c| kind.key.contains(c) || dice.below(2) == 0);
                columns.retain(|c| *c != "id" || kind.name != "counted_beside");
                if columns.len() == kind.key.len() {
                    continue;
                }
            }
            "delete" => columns = kind.key.to_vec(),
            _ => {}
        }
        let _ = write!(log, " {what}({count}:{columns:?})");
        let Some(given) = batch(database, "step", &columns).await else { continue };
        let apply = match what {
            "insert" => Apply::Insert(given),
            "upsert" => Apply::Upsert(given),
            "update" => Apply::Update { rows: given, old_keys: None },
            _ => Apply::Delete(given),
        };
        let undone = dice.below(5) == 0;
        if undone || dice.below(3) == 0 {
            writer.savepoint().await.unwrap();
            model.execute("SAVEPOINT s");
        }
        let applied = writer.apply(0, &apply).await;
        applied.unwrap_or_else(|e| panic!("{}:{log}: {}", kind.name, e.chain()));
        kind.model(&mut model, what, &columns);
        if undone {
            writer.roll_back().await.unwrap();
            model.execute("ROLLBACK TO s");
        }
        if dice.below(4) == 0 || step == steps {
            writer.flush(&Position::new(u64::from(step), format!("p{step}"))).await.unwrap();
            model.execute("COMMIT");
            flushed = step;
            assert_eq!(rows(database, "target"), rows(database, "model"), "{}:{log}", kind.name);
            model.execute("BEGIN");
        } else if dice.below(8) == 0 {
            drop(writer);
            model.execute("ROLLBACK");
            let again = follow(&*sink, &task).await;
            assert_eq!(again.1.map_or(0, |p| p.seq), u64::from(flushed), "{log}");
            writer = again.0;
            assert_eq!(rows(database, "target"), rows(database, "model"), "{}:{log}", kind.name);
            model.execute("BEGIN");
        }
    }
    model.execute("ROLLBACK");
    database.execute("DROP TABLE step, target, model");
    drop(writer);
    sink.unfollow(&ApplyTask { tables: Vec::new(), ..task }).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn random_sets_are_what_row_after_row_is() {
    for (at, server) in servers().into_iter().enumerate() {
        let database = server.database();
        database.execute("CREATE EXTENSION citext; CREATE TYPE mood AS ENUM ('so so', 'well')");
        for (n, kind) in KINDS.iter().enumerate() {
            random_sets(&database, kind, 30, (at * 100 + n) as u64 + 7).await;
        }
    }
}
