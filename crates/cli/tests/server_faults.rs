//! The state of a server that is full, held by another, cut off, silent or slow, for real: whoever
//! asks is told so with a code and a hint, what was acknowledged is there afterwards, and server and
//! runs go on by themselves.
#![allow(clippy::unwrap_used, reason = "helpers of tests")]

mod place;

use std::path::Path;
use std::time::Duration;

use futures::future::join_all;
use place::Disk;
use serde_json::{Value, json};
use syncline_testkit::api::{Answer, Client, Method, Process};
use syncline_testkit::faults::Proxy;
use syncline_testkit::tables::numbered_sqlite;
use syncline_testkit::{Kind, Server};

const ROWS: i64 = 3_000;

fn program() -> &'static Path {
    Path::new(env!("CARGO_BIN_EXE_syncline"))
}

/// A server, a source of rows, and what was acknowledged of all that was asked.
struct Desk {
    node: Process,
    client: Client,
    data: tempfile::TempDir,
    asked: usize,
    kept: Vec<String>,
}

impl Desk {
    async fn open(mut node: Process) -> Self {
        node.start();
        let client = node.client();
        let data = tempfile::tempdir().unwrap();
        numbered_sqlite(&data.path().join("source.db"), ROWS, 3);
        let settings = client.get("/settings").await;
        let version = settings.header("etag").unwrap().trim_matches('"').parse().unwrap();
        let mut changed = settings.good().json();
        changed["file_roots"] = json!([data.path().to_str().unwrap()]);
        changed["slots"] = json!(8);
        client.put("/settings", version, changed).await.good();
        Self { node, client, data, asked: 0, kept: Vec::new() }
    }

    /// A run at work that takes some seconds.
    async fn run(&self, name: &str) -> String {
        let at = |file: &str| format!("sqlite:{}", self.data.path().join(file).display());
        let spec = json!({
            "version": 1,
            "source": { "url": at("source.db"), "tables": ["t"] },
            "sink": { "url": at(&format!("{name}.db")), "write": "upsert" },
            "speed": { "rows_per_second": 500, "split_rows": 300 },
            "checkpoint": { "every": "20ms" },
        });
        self.client.post("/jobs", json!({ "name": name, "spec": spec })).await.good();
        let run = self.client.post(&format!("/jobs/{name}/runs"), json!({})).await.good().json();
        let id = run["id"].as_str().unwrap().to_owned();
        self.until(&id, |run| run["state"] == "running" && run["rows_written"] != 0).await;
        id
    }

    async fn until(&self, run: &str, is: impl Fn(&Value) -> bool) -> Value {
        let mut last = String::new();
        for _ in 0..1_200 {
            let answer = self.client.get(&format!("/runs/{run}")).await;
            if answer.status == 200 && is(&answer.json()) {
                return answer.json();
            }
            last = answer.text;
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        panic!("it never came to that: {last}\n{}", self.node.printed())
    }

    /// The run has gone on by itself, and its target has exactly the rows of the source.
    async fn ends_well(&self, name: &str, run: &str) {
        self.until(run, |run| run["state"] == "finished").await;
        let target = rusqlite::Connection::open(self.data.path().join(format!("{name}.db")));
        let sql =
            "SELECT count(*), coalesce(sum(v <> 'row ' || (id / 3) OR id % 3 <> 0), 0) FROM t";
        let read = |row: &rusqlite::Row<'_>| Ok((row.get(0)?, row.get(1)?));
        let found: (i64, i64) = target.unwrap().query_row(sql, [], read).unwrap();
        assert_eq!(found, (ROWS, 0), "{name}");
    }

    /// Reasons in the history of a run.
    async fn reasons(&self, run: &str) -> String {
        let history = self.client.get(&format!("/runs/{run}/history")).await.good().json();
        history.to_string()
    }

    /// Asks for a change; what is acknowledged is remembered.
    async fn change(&mut self) -> Answer {
        self.changes(1).await.remove(0)
    }

    /// The same by many at once.
    async fn changes(&mut self, count: usize) -> Vec<Answer> {
        let names: Vec<String> =
            (self.asked..self.asked + count).map(|n| format!("shop-{n}")).collect();
        self.asked += count;
        let ask = |name: &String| {
            let body = json!({ "name": name, "url": "mysql://me@127.0.0.1:1/shop" });
            let client = self.client.clone();
            async move { client.post("/connections", body).await }
        };
        let answers = join_all(names.iter().map(ask)).await;
        let good = names.into_iter().zip(&answers).filter(|(_, a)| a.status == 201);
        self.kept.extend(good.map(|(name, _)| name));
        answers
    }

    /// The server takes changes again.
    async fn recovers(&mut self) {
        let mut last = String::new();
        for _ in 0..300 {
            let answer = self.change().await;
            if answer.status == 201 {
                return;
            }
            last = answer.text;
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        panic!("it does not recover: {last}\n{}", self.node.printed())
    }

    /// Everything that was ever acknowledged is there, now and after a crash.
    async fn nothing_is_lost(&mut self) {
        for crash in [false, true] {
            if crash {
                self.node.kill();
                self.node.start();
                self.client = self.node.client();
            }
            for name in &self.kept {
                self.client.get(&format!("/connections/{name}")).await.good();
            }
        }
        assert!(!self.kept.is_empty());
    }

    async fn is_there(&self) {
        let healthz = self.client.request(Method::GET, "/healthz");
        self.client.send(healthz).await.good();
    }
}

/// It is a problem that says what to do, and when a client may come again.
fn says_what_to_do(answer: &Answer, status: u16, code: &str) {
    let problem = answer.problem(status, code);
    let hint = problem["hint"].as_str().unwrap_or_default();
    assert!(hint.contains("ask again"), "{problem}");
    if status == 503 {
        assert!(answer.header("retry-after").is_some(), "{:?}", answer.headers);
    }
}

/// Fills a disk to its last byte; it is free again when the file is removed.
fn fill(disk: &Disk) -> std::path::PathBuf {
    use std::io::Write as _;
    let path = disk.path().join("ballast");
    let mut ballast = std::fs::File::create(&path).unwrap();
    for size in [1 << 16, 1 << 10, 1] {
        while ballast.write_all(&vec![0; size]).is_ok() {}
    }
    path
}

#[tokio::test(flavor = "multi_thread")]
async fn a_disk_that_is_full_refuses_what_it_cannot_keep_and_loses_nothing() {
    let Some(disk) = Disk::of("6m") else { return };
    let node = Process::new(program(), &[]);
    std::fs::remove_dir(node.folder()).unwrap();
    std::os::unix::fs::symlink(disk.path(), node.folder()).unwrap();
    let mut desk = Desk::open(node).await;
    desk.recovers().await;
    let run = desk.run("full").await;
    let ballast = fill(&disk);
    let mut refused = desk.change().await;
    while refused.status == 201 {
        refused = desk.change().await;
    }
    says_what_to_do(&refused, 507, "E0402");
    let pause = desk.client.post(&format!("/runs/{run}/pause"), json!({})).await;
    says_what_to_do(&pause, 507, "E0402");
    let copy = desk.client.post("/jobs/full/clone", json!({ "name": "copy" })).await;
    says_what_to_do(&copy, 507, "E0402");
    // What is there can be looked at all the while, and the run meets the full disk, too.
    desk.client.get("/connections").await.good();
    desk.until(&run, |run| run["rows_written"] != 0).await;
    for _ in 0..600 {
        if desk.node.printed().contains("cannot be recorded yet") {
            break;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert!(desk.node.printed().contains("cannot be recorded yet"), "{}", desk.node.printed());
    std::fs::remove_file(ballast).unwrap();
    desk.recovers().await;
    desk.ends_well("full", &run).await;
    let told = desk.reasons(&run).await;
    assert!(told.contains("the state could not be written"), "{told}");
    desk.nothing_is_lost().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_state_that_another_program_holds_is_waited_for_and_then_refused() {
    let mut desk = Desk::open(Process::new(program(), &[])).await;
    let run = desk.run("held").await;
    let other = rusqlite::Connection::open(desk.node.folder().join("server/syncline.db")).unwrap();
    other.busy_timeout(Duration::from_secs(10)).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    // A short while is nobody's business.
    let mut patient = tokio::spawn({
        let client = desk.client.clone();
        async move { client.post("/jobs/held/clone", json!({ "name": "copy" })).await }
    });
    let soon = tokio::time::timeout(Duration::from_secs(1), &mut patient).await;
    assert!(soon.is_err(), "it did not wait");
    other.execute_batch("COMMIT").unwrap();
    assert_eq!(patient.await.unwrap().good().status, 201);
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    // Those who ask at once wait at once, not one after the other.
    for answer in desk.changes(15).await {
        says_what_to_do(&answer, 503, "E0213");
    }
    desk.client.get("/connections").await.good();
    desk.is_there().await;
    other.execute_batch("COMMIT").unwrap();
    desk.recovers().await;
    desk.ends_well("held", &run).await;
    desk.nothing_is_lost().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_that_is_cut_off_silent_slow_or_dead_comes_back() {
    let Some(server) = Server::own(Kind::Postgres, &[]) else { return };
    let proxy = Proxy::before(server.port());
    server.session().execute("CREATE DATABASE state");
    let url = server.url_through(proxy.port(), "state");
    let mut desk = Desk::open(Process::new(program(), &["--store", &url])).await;

    // Connections are killed, again and again: a change is made or it is not, and is never lost.
    let run = desk.run("cut").await;
    for _ in 0..15 {
        proxy.cut();
        for answer in desk.changes(4).await {
            if answer.status != 201 {
                says_what_to_do(&answer, 503, "E0213");
            }
        }
    }
    desk.recovers().await;
    desk.ends_well("cut", &run).await;

    // It is down for longer than anybody waits.
    let run = desk.run("down").await;
    proxy.refuse(true);
    proxy.cut();
    for answer in desk.changes(15).await {
        says_what_to_do(&answer, 503, "E0213");
    }
    says_what_to_do(&desk.client.get("/connections").await, 503, "E0213");
    let pause = desk.client.post(&format!("/runs/{run}/pause"), json!({})).await;
    says_what_to_do(&pause, 503, "E0213");
    desk.is_there().await;
    proxy.refuse(false);
    desk.recovers().await;
    desk.ends_well("down", &run).await;

    // It says nothing any more, as behind a wall that drops what comes.
    let run = desk.run("silent").await;
    proxy.stall(true);
    for answer in desk.changes(15).await {
        says_what_to_do(&answer, 503, "E0213");
    }
    desk.is_there().await;
    proxy.stall(false);
    desk.recovers().await;
    desk.ends_well("silent", &run).await;

    // It is slow, and much is asked of it: that takes its time, and fails nobody.
    let run = desk.run("slow").await;
    proxy.delay(Duration::from_millis(5));
    for answer in desk.changes(40).await {
        assert_eq!(answer.good().status, 201);
    }
    desk.is_there().await;
    proxy.delay(Duration::ZERO);
    desk.ends_well("slow", &run).await;

    // Its server crashes and is started again.
    let run = desk.run("crash").await;
    server.kill();
    let meanwhile = desk.change().await;
    says_what_to_do(&meanwhile, 503, "E0213");
    server.start();
    desk.recovers().await;
    desk.ends_well("crash", &run).await;
    desk.nothing_is_lost().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_statement_that_the_store_gives_up_is_no_failure_of_the_server() {
    let Some(server) = Server::shared(Kind::Postgres) else { return };
    let database = server.database();
    let mut desk = Desk::open(Process::new(program(), &["--store", &database.url()])).await;
    desk.recovers().await;
    let limit = "DO $$ BEGIN EXECUTE format('ALTER DATABASE %I SET statement_timeout = 2000',
                 current_database()); END $$";
    database.execute(limit);
    // Connections that are opened from here on have that limit.
    database.execute(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity
         WHERE application_name = 'syncline store' AND datname = current_database()",
    );
    desk.recovers().await;
    let mut other = database.session();
    other.execute("BEGIN; LOCK TABLE connections IN ACCESS EXCLUSIVE MODE");
    for answer in desk.changes(5).await {
        says_what_to_do(&answer, 503, "E0213");
    }
    says_what_to_do(&desk.client.get("/connections").await, 503, "E0213");
    other.execute("COMMIT");
    desk.recovers().await;
    desk.nothing_is_lost().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_without_room_refuses_and_the_run_goes_on_once_there_is_some() {
    use std::os::unix::fs::{MetadataExt as _, chown};
    let Some(server) = Server::own(Kind::Postgres, &[]) else { return };
    let Some(disk) = Disk::of("48m") else { return };
    let owner = std::fs::metadata(server.data().unwrap()).unwrap();
    chown(disk.path(), Some(owner.uid()), Some(owner.gid())).unwrap();
    let at = disk.path().display();
    server.session().execute(&format!("CREATE TABLESPACE small LOCATION '{at}'"));
    server.session().execute("CREATE DATABASE state TABLESPACE small");
    let mut desk = Desk::open(Process::new(program(), &["--store", &server.url("state")])).await;
    desk.recovers().await;
    let run = desk.run("full").await;
    let ballast = fill(&disk);
    // Pages that have room take some more.
    let mut refused = desk.changes(20).await.pop().unwrap();
    while refused.status == 201 {
        refused = desk.changes(20).await.pop().unwrap();
    }
    says_what_to_do(&refused, 507, "E0402");
    desk.client.get("/connections").await.good();
    tokio::time::sleep(Duration::from_secs(5)).await;
    std::fs::remove_file(ballast).unwrap();
    desk.recovers().await;
    desk.ends_well("full", &run).await;
    desk.nothing_is_lost().await;
}
