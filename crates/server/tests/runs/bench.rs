//! A node with a source of rows, and jobs that copy it at a speed that leaves time to press buttons.

use std::path::PathBuf;
use std::time::Duration;

use serde_json::{Value, json};
use syncline_testkit::api::{Answer, Client};
use syncline_testkit::tables::numbered_sqlite;

use crate::node::Node;

/// Rows of the source.
pub(crate) const ROWS: i64 = 3_000;

/// A node, a source, and targets.
pub(crate) struct Bench {
    pub(crate) node: Node,
    data: tempfile::TempDir,
    /// One client for all: it takes its time to be made.
    client: std::sync::Mutex<Option<Client>>,
}

impl Bench {
    /// A bench with its state in a folder, and one with it in PostgreSQL where there is one.
    pub(crate) async fn each() -> Vec<Self> {
        let mut benches = Vec::new();
        for node in Node::each().await {
            benches.push(Self::on(node).await);
        }
        benches
    }

    pub(crate) async fn start() -> Self {
        Self::on(Node::start().await).await
    }

    async fn on(node: Node) -> Self {
        let data = tempfile::tempdir().unwrap();
        numbered_sqlite(&data.path().join("source.db"), ROWS, 2);
        let bench = Self { node, data, client: std::sync::Mutex::new(None) };
        bench.set(json!({ "file_roots": [bench.data.path().to_str().unwrap()] })).await;
        bench
    }

    pub(crate) fn admin(&self) -> Client {
        let mut client = self.client.lock().unwrap();
        if client.as_ref().is_none_or(|c| !c.base().starts_with(self.node.url())) {
            *client = Some(self.node.admin());
        }
        client.as_ref().unwrap().clone()
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.data.path().join(name)
    }

    pub(crate) fn url(&self, name: &str) -> String {
        format!("sqlite:{}", self.path(name).display())
    }

    /// The state itself, where it is in a folder.
    pub(crate) fn store(&self) -> std::sync::Arc<syncline_store::Store> {
        self.node.server().store()
    }

    /// Changes settings.
    pub(crate) async fn set(&self, some: Value) {
        let admin = self.admin();
        let answer = admin.get("/settings").await;
        let mut settings = answer.good().json();
        let tag = answer.header("etag").unwrap().trim_matches('"').parse().unwrap();
        for (key, value) in some.as_object().unwrap() {
            settings[key] = value.clone();
        }
        admin.put("/settings", tag, settings).await.good();
    }

    /// A job file that copies the source into a target of the job's name.
    pub(crate) fn spec(&self, name: &str, rows_per_second: Option<u32>) -> Value {
        let mut spec = json!({
            "version": 1,
            "source": { "url": self.url("source.db") },
            "sink": { "url": self.url(&format!("{name}.db")), "write": "upsert" },
            "checkpoint": { "every": "20ms" },
        });
        if let Some(speed) = rows_per_second {
            spec["speed"] = json!({ "rows_per_second": speed });
        }
        spec
    }

    pub(crate) async fn job(&self, name: &str, rows_per_second: Option<u32>) {
        self.job_of(name, self.spec(name, rows_per_second)).await;
    }

    pub(crate) async fn job_of(&self, name: &str, spec: Value) {
        self.admin().post("/jobs", json!({ "name": name, "spec": spec })).await.good();
    }

    /// Starts a job; the run's key.
    pub(crate) async fn begin(&self, job: &str) -> String {
        id_of(self.admin().post(&format!("/jobs/{job}/runs"), json!({})).await.good())
    }

    pub(crate) async fn ask(&self, run: &str, what: &str) -> Answer {
        self.admin().post(&format!("/runs/{run}/{what}"), json!({})).await
    }

    pub(crate) async fn run(&self, run: &str) -> Value {
        self.admin().get(&format!("/runs/{run}")).await.good().json()
    }

    /// Waits until a run is as wanted.
    pub(crate) async fn until(&self, run: &str, is: impl Fn(&Value) -> bool) -> Value {
        let mut last = Value::Null;
        for _ in 0..1_500 {
            last = self.run(run).await;
            if is(&last) {
                return last;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        panic!("it never came to that: {last:#}")
    }

    pub(crate) async fn until_state(&self, run: &str, state: &str) -> Value {
        self.until(run, |run| run["state"] == state).await
    }

    /// Waits until a run has written rows, and has more to write.
    pub(crate) async fn until_moving(&self, run: &str) {
        self.until(run, |run| run["state"] == "running" && run["rows_written"] != 0).await;
    }

    /// Rows of a job's target.
    pub(crate) fn count(&self, job: &str) -> i64 {
        let target = rusqlite::Connection::open(self.path(&format!("{job}.db"))).unwrap();
        target.query_row("SELECT count(*) FROM t", [], |row| row.get(0)).unwrap_or(0)
    }

    /// The states a run went through.
    pub(crate) async fn history(&self, run: &str) -> Vec<String> {
        let history = self.admin().get(&format!("/runs/{run}/history")).await.good().json();
        let entries = history.as_array().unwrap();
        entries.iter().map(|e| e["state"].as_str().unwrap().to_owned()).collect()
    }
}

pub(crate) fn id_of(answer: &Answer) -> String {
    answer.json()["id"].as_str().unwrap().to_owned()
}
