//! Work for a node: jobs over files, what is waited for, and programs beside it.

use std::path::Path;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use syncline_testkit::api::Client;

/// Longer than anything here takes.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// Waits until something is there.
pub(crate) async fn until<T, F: Future<Output = Option<T>>>(what: &str, look: impl Fn() -> F) -> T {
    let begun = Instant::now();
    loop {
        if let Some(found) = look().await {
            return found;
        }
        assert!(begun.elapsed() < PATIENCE, "{what}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

pub(crate) fn settings(alerts: &Value) -> Value {
    json!({
        "slots": 2, "per_connection_limit": 3, "history_days": 30, "alerts": alerts,
    })
}

/// A job that copies a file of `rows` rows into an SQLite file; the last one does not fit when
/// `broken`.
pub(crate) async fn file_job(client: &Client, files: &Path, name: &str, rows: u32, broken: bool) {
    let folder = files.join(name);
    std::fs::create_dir_all(&folder).unwrap();
    let mut csv = String::from("id,n\n");
    for id in 1..=rows {
        csv.push_str(&format!("{id},{id}\n"));
    }
    if broken {
        csv.push_str("oops,1\n");
    }
    std::fs::write(folder.join("t.csv"), csv).unwrap();
    let spec = json!({
        "version": 1,
        "name": name,
        "connections": {
            "from": { "url": folder.join("t.csv").to_str().unwrap() },
            "to": { "url": format!("sqlite:{}", folder.join("t.db").display()) },
        },
        "source": { "connection": "from" },
        "sink": { "connection": "to" },
        "columns": { "t": [ { "from": "id", "type": "int64" }, { "from": "n", "type": "int64" } ] },
    });
    client.post("/jobs", json!({ "name": name, "spec": spec })).await.good();
}

/// Opens a folder to jobs.
pub(crate) async fn open_files(client: &Client, files: &Path, alerts: Value) {
    let before = client.get("/settings").await;
    let version: u64 = before.json()["version"].as_u64().unwrap();
    let mut wanted = settings(&alerts);
    wanted["file_roots"] = json!([files.to_str().unwrap()]);
    client.put("/settings", version, wanted).await.good();
}

pub(crate) async fn run_to_end(client: &Client, job: &str) -> Value {
    let run = client.post(&format!("/jobs/{job}/runs"), json!({})).await.json();
    let path = format!("/runs/{}", run["id"].as_str().unwrap());
    until("the run ends", || async {
        let run = client.get(&path).await.json();
        let over = ["finished", "failed", "stopped"].contains(&run["state"].as_str().unwrap());
        over.then_some(run)
    })
    .await
}

/// A process that does not outlive its test.
pub(crate) struct Child(pub(crate) std::process::Child);

impl Drop for Child {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
