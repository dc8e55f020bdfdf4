//! A node that is killed at random while twenty jobs run and people press buttons: after each
//! start every run is where its history and the last word that was acknowledged say, goes on by
//! itself where nobody paused it, and in the end every target has exactly the rows of its source.
//!
//! `SYNCLINE_NODE_KILLS` sets the kills of each kind of state.
#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "helpers of tests, and the seed")]

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use rand::rngs::SmallRng;
use rand::seq::IndexedRandom as _;
use rand::{RngExt as _, SeedableRng as _};
use serde_json::{Value, json};
use syncline_testkit::api::{Client, Process};
use syncline_testkit::tables::numbered_sqlite;
use syncline_testkit::{Database, Kind, Server};

/// Kills of each kind of state.
const KILLS: usize = 6;
/// Jobs from file to file, and from server to server.
const FILES: usize = 14;
const SERVERS: usize = 6;
const ROWS: i64 = 2_000;
/// A run goes on for about eight seconds at this speed, so that kills find it at work.
const ROWS_PER_SECOND: u32 = 250;

/// Where the rows of a job come from and go to.
#[allow(clippy::large_enum_variant, reason = "there are twenty of them")]
enum Pair {
    Files(std::path::PathBuf, std::path::PathBuf),
    Servers(Database, Database),
}

impl Pair {
    fn files(folder: &Path, name: &str) -> Self {
        let source = folder.join(format!("{name}-source.db"));
        numbered_sqlite(&source, ROWS, 3);
        Self::Files(source, folder.join(format!("{name}-target.db")))
    }

    /// MariaDB to PostgreSQL, where there are both.
    fn servers() -> Option<Self> {
        let source = Server::shared(Kind::MariaDb)?.database();
        let target = Server::shared(Kind::Postgres)?.database();
        source.execute("CREATE TABLE t (id INT PRIMARY KEY, v VARCHAR(40))");
        source.execute(&format!(
            "INSERT INTO t SELECT seq * 3, concat('row ', seq) FROM seq_1_to_{ROWS}"
        ));
        Some(Self::Servers(source, target))
    }

    fn spec(&self) -> Value {
        let (source, sink) = match self {
            Self::Files(source, target) => {
                (format!("sqlite:{}", source.display()), format!("sqlite:{}", target.display()))
            }
            Self::Servers(source, target) => (source.url(), target.url()),
        };
        json!({
            "version": 1,
            "source": { "url": source, "tables": ["t"] },
            "sink": { "url": sink, "write": "upsert" },
            "speed": { "rows_per_second": ROWS_PER_SECOND, "parallel": 2, "split_rows": 300 },
            "checkpoint": { "every": "50ms" },
        })
    }

    /// Rows of the target that are not exactly the source's, and how many there are.
    fn wrong(&self) -> (i64, i64) {
        let sql = "SELECT count(*), coalesce(sum(CASE WHEN v = concat('row ', id / 3) \
                   AND id % 3 = 0 THEN 0 ELSE 1 END), 0) FROM t";
        match self {
            Self::Files(_, target) => {
                let target = rusqlite::Connection::open(target).unwrap();
                let sql = sql.replace("concat('row ', id / 3)", "'row ' || (id / 3)");
                let read = |row: &rusqlite::Row<'_>| Ok((row.get(0)?, row.get(1)?));
                target.query_row(&sql, [], read).unwrap()
            }
            Self::Servers(_, target) => {
                let rows = target.rows(sql);
                let number = |at: usize| rows[0][at].as_ref().unwrap().parse().unwrap();
                (number(0), number(1))
            }
        }
    }
}

/// What was last acknowledged of a run, and whether more was asked without an answer.
#[derive(Debug, Default, Clone)]
struct Word {
    acknowledged: Option<&'static str>,
    open: bool,
}

struct Trial {
    node: Process,
    random: SmallRng,
    /// The newest run of each job.
    runs: BTreeMap<String, String>,
    words: BTreeMap<String, Word>,
    seed: u64,
}

impl Trial {
    fn client(&self) -> Client {
        self.node.client()
    }

    async fn run(&self, id: &str) -> Value {
        self.client().get(&format!("/runs/{id}")).await.good().json()
    }

    /// How many runs are at work.
    async fn at_work(&self) -> usize {
        let running = self.client().get("/runs?state=running&limit=100").await.good().json();
        running["items"].as_array().unwrap().len()
    }

    /// Presses a button, or does not live to see the answer.
    async fn press(&mut self, job: &str, what: &'static str) {
        let run = self.runs[job].clone();
        let client = self.client();
        let path = match what {
            "start" => format!("/jobs/{job}/runs"),
            what => format!("/runs/{run}/{what}"),
        };
        let word = self.words.entry(run.clone()).or_default();
        let before = std::mem::replace(&mut word.open, true);
        let answer = tokio::spawn(async move { client.post(&path, json!({})).await }).await;
        let Ok(answer) = answer else { return };
        match answer.status {
            200 | 201 => {
                let id = answer.json()["id"].as_str().unwrap().to_owned();
                self.words.insert(id.clone(), Word { acknowledged: Some(what), open: false });
                self.runs.insert(job.to_owned(), id);
            }
            // What was open before stays so.
            409 => self.words.entry(run).or_default().open = before,
            other => panic!("seed {}: {what}: {other} {}", self.seed, answer.text),
        }
    }

    /// Every run is where the last word says that it is.
    async fn look(&self) {
        for (run, word) in &self.words {
            let now = self.run(run).await;
            let state = now["state"].as_str().unwrap();
            let fits = match word.acknowledged {
                _ if word.open => true,
                Some("pause") => ["pausing", "paused", "finished"].contains(&state),
                Some("stop") => ["stopping", "stopped", "finished"].contains(&state),
                Some(_) => ["waiting", "running", "finished"].contains(&state),
                None => true,
            };
            assert!(fits, "seed {}: after {word:?} it is {now:#}", self.seed);
            self.history(run).await;
        }
    }

    /// Each state follows from the one before.
    async fn history(&self, run: &str) {
        let entries = self.client().get(&format!("/runs/{run}/history")).await.good().json();
        let states: Vec<&str> =
            entries.as_array().unwrap().iter().filter_map(|e| e["state"].as_str()).collect();
        assert_eq!(states.first(), Some(&"created"));
        for pair in states.windows(2) {
            let lawful = match pair[0] {
                "created" | "failed" => ["waiting", "stopped", "paused"].contains(&pair[1]),
                "waiting" => {
                    ["running", "waiting", "pausing", "stopping", "failed"].contains(&pair[1])
                }
                "running" => pair[1] != "created" && pair[1] != "paused" && pair[1] != "stopped",
                "pausing" => {
                    ["paused", "finished", "failed", "pausing", "stopping"].contains(&pair[1])
                }
                "paused" => ["waiting", "stopped"].contains(&pair[1]),
                "stopping" => ["stopped", "finished"].contains(&pair[1]),
                _ => false,
            };
            assert!(lawful, "seed {}: {} became {}: {entries:#}", self.seed, pair[0], pair[1]);
        }
    }
}

async fn survive(mut node: Process, state: &str) {
    let folder = tempfile::tempdir().unwrap();
    let mut pairs = BTreeMap::new();
    for at in 0..FILES {
        let name = format!("files-{at}");
        pairs.insert(name.clone(), Pair::files(folder.path(), &name));
    }
    for at in 0..SERVERS {
        pairs.extend(Pair::servers().map(|pair| (format!("servers-{at}"), pair)));
    }
    node.start();
    let client = node.client();
    let settings = client.get("/settings").await;
    let version = settings.header("etag").unwrap().trim_matches('"').parse().unwrap();
    let mut changed = settings.good().json();
    changed["file_roots"] = json!([folder.path().to_str().unwrap()]);
    changed["allow_private_networks"] = json!(true);
    changed["slots"] = json!(pairs.len());
    client.put("/settings", version, changed).await.good();
    let mut runs = BTreeMap::new();
    for (name, pair) in &pairs {
        client.post("/jobs", json!({ "name": name, "spec": pair.spec() })).await.good();
        let run = client.post(&format!("/jobs/{name}/runs"), json!({})).await.good().json();
        runs.insert(name.clone(), run["id"].as_str().unwrap().to_owned());
    }
    let seed = rand::random();
    println!("{state}: seed {seed}");
    let random = SmallRng::seed_from_u64(seed);
    let mut trial = Trial { node, random, runs, words: BTreeMap::new(), seed };
    let jobs: Vec<String> = pairs.keys().cloned().collect();
    let kills = std::env::var("SYNCLINE_NODE_KILLS").ok().and_then(|n| n.parse().ok());
    // The first kill finds them at work; those after it find what it left.
    let mut most_at_work = 0;
    for _ in 0..600 {
        if most_at_work > jobs.len() / 2 {
            break;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
        most_at_work = trial.at_work().await;
    }
    for _ in 0..kills.unwrap_or(KILLS) {
        for _ in 0..trial.random.random_range(0..6) {
            let pause = Duration::from_millis(trial.random.random_range(0..300));
            tokio::time::sleep(pause).await;
            let job = jobs.choose(&mut trial.random).unwrap().clone();
            let what = ["pause", "resume", "resume", "stop", "start", "start"];
            let what = *what.choose(&mut trial.random).unwrap();
            trial.press(&job, what).await;
        }
        most_at_work = most_at_work.max(trial.at_work().await);
        trial.node.kill();
        trial.node.start();
        trial.look().await;
    }
    println!("{state}: {most_at_work} of {} runs at work at once", jobs.len());
    assert!(most_at_work > jobs.len() / 2, "seed {seed}: {most_at_work} runs at work at most");
    // Everything is wanted in the end.
    for job in &jobs {
        let mut finished = false;
        for _ in 0..3_000 {
            let run = trial.run(&trial.runs[job]).await;
            match run["state"].as_str().unwrap() {
                "finished" => {
                    finished = true;
                    break;
                }
                "paused" => trial.press(job, "resume").await,
                "stopped" => trial.press(job, "start").await,
                "failed" => panic!("seed {seed}: {run:#}"),
                _ => tokio::time::sleep(Duration::from_millis(20)).await,
            }
        }
        assert!(
            finished,
            "seed {seed}: {job} never ended: {:#}",
            trial.run(&trial.runs[job]).await
        );
        trial.history(&trial.runs[job]).await;
        assert_eq!(pairs[job].wrong(), (ROWS, 0), "seed {seed}: rows of {job}");
    }
    assert!(trial.node.stop(), "{}", trial.node.printed());
}

fn program() -> &'static Path {
    Path::new(env!("CARGO_BIN_EXE_syncline"))
}

#[tokio::test(flavor = "multi_thread")]
async fn with_its_state_in_a_file() {
    survive(Process::new(program(), &[]), "SQLite").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn with_its_state_in_postgresql() {
    let Some(server) = Server::shared(Kind::Postgres) else { return };
    let database = server.database();
    survive(Process::new(program(), &["--store", &database.url()]), "PostgreSQL").await;
}
