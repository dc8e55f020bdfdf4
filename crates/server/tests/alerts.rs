//! People are told of what is wrong, by webhook and by mail: once, at last, and when it is over.
#![allow(clippy::unwrap_used, reason = "helpers of tests")]

mod node;

use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use node::Node;
use node::work::{Child, PATIENCE, file_job, open_files, run_to_end, until};
use serde_json::{Value, json};
use syncline_store::NewIncident;
use syncline_testkit::api::Client;
use syncline_testkit::{Kind, Server, Tool};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

/// What a listener was sent: its requests, whole.
#[derive(Clone, Default)]
struct Heard(Arc<Mutex<Vec<String>>>);

impl Heard {
    fn all(&self) -> Vec<String> {
        self.0.lock().unwrap().clone()
    }

    fn bodies(&self) -> Vec<Value> {
        let body = |request: &String| {
            serde_json::from_str(request.split_once("\r\n\r\n").unwrap().1).unwrap()
        };
        self.all().iter().map(body).collect()
    }
}

/// A listener that is refused the first `refusals` times.
async fn listener(refusals: usize) -> (String, Heard) {
    listener_at("127.0.0.1:0", refusals).await
}

async fn listener_at(address: &str, refusals: usize) -> (String, Heard) {
    let socket = tokio::net::TcpListener::bind(address).await.unwrap();
    let url = format!("http://{}/hook", socket.local_addr().unwrap());
    let heard = Heard::default();
    let keep = heard.clone();
    tokio::spawn(async move {
        let mut left = refusals;
        while let Ok((mut line, _)) = socket.accept().await {
            let mut request = Vec::new();
            let mut part = [0; 4096];
            loop {
                let read = line.read(&mut part).await.unwrap_or(0);
                request.extend_from_slice(&part[..read]);
                let text = String::from_utf8_lossy(&request).into_owned();
                let length = text
                    .to_lowercase()
                    .split("content-length: ")
                    .nth(1)
                    .map(|rest| rest.split("\r\n").next().unwrap().parse::<usize>().unwrap());
                let body = text.split_once("\r\n\r\n").map_or(0, |(_, body)| body.len());
                if read == 0 || length.is_some_and(|length| body >= length) {
                    break;
                }
            }
            let answer = match left {
                0 => "HTTP/1.1 204 No Content\r\nconnection: close\r\n\r\n",
                _ => "HTTP/1.1 503 Busy\r\ncontent-length: 0\r\nconnection: close\r\n\r\n",
            };
            if left == 0 {
                keep.0.lock().unwrap().push(String::from_utf8_lossy(&request).into_owned());
            }
            left = left.saturating_sub(1);
            let _ = line.write_all(answer.as_bytes()).await;
        }
    });
    (url, heard)
}

/// A real mail server, and the folder it keeps what it is given in.
fn mail_server(folder: &std::path::Path) -> Option<(Child, u16, std::path::PathBuf)> {
    let programs = Tool::Aiosmtpd.need()?;
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let mails = folder.join("mails");
    let server = Command::new(programs.join("aiosmtpd"))
        .args(["-n", "-l", &format!("127.0.0.1:{port}"), "-c", "aiosmtpd.handlers.Mailbox"])
        .arg(&mails)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let begun = Instant::now();
    while std::net::TcpStream::connect(("127.0.0.1", port)).is_err() {
        assert!(begun.elapsed() < PATIENCE, "the mail server does not listen");
        std::thread::sleep(Duration::from_millis(50));
    }
    Some((Child(server), port, mails))
}

/// The mails that have come, once there are so many.
async fn letters(mails: &std::path::Path, count: usize) -> Vec<String> {
    until("mails", || async {
        let files: Vec<String> = std::fs::read_dir(mails.join("new"))
            .into_iter()
            .flatten()
            .flatten()
            .map(|file| std::fs::read_to_string(file.path()).unwrap())
            .collect();
        (files.len() >= count).then_some(files)
    })
    .await
}

/// The first word of that kind about a cause.
async fn word(heard: &Heard, cause: &str, event: &str) -> Value {
    until(&format!("{cause} {event}"), || async {
        heard.bodies().into_iter().find(|b| b["cause"] == cause && b["event"] == event)
    })
    .await
}

async fn job(client: &Client, name: &str, spec: Value) -> String {
    client.post("/jobs", json!({ "name": name, "spec": spec })).await.good();
    let run = client.post(&format!("/jobs/{name}/runs"), json!({})).await.good().json();
    run["id"].as_str().unwrap().to_owned()
}

/// A failure is told once by each way, a way that is busy is tried again, and the end is told, too.
#[tokio::test(flavor = "multi_thread")]
async fn people_are_told_once_that_a_job_failed_and_once_that_it_runs_again() {
    let node = Node::start().await;
    let client = node.admin();
    let (url, heard) = listener(1).await;
    let folder = tempfile::tempdir().unwrap();
    let mail = mail_server(folder.path());
    let mut alerts = json!({
        "on_failed": true,
        "link": "https://sync.example.org/",
        "webhooks": [{ "name": "ops", "url": url, "authorization": "Bearer h1dden" }],
    });
    if let Some((_, port, _)) = &mail {
        alerts["email"] = json!({
            "host": "127.0.0.1", "port": port, "security": "none",
            "from": "Syncline <sync@example.org>", "to": ["ann@example.org", "bob@example.org"],
        });
    }
    let files = tempfile::tempdir().unwrap();
    open_files(&client, files.path(), alerts).await;
    file_job(&client, files.path(), "nightly", 10, true).await;
    let run = run_to_end(&client, "nightly").await;
    assert_eq!(run["state"], "failed");
    let opened = until("the webhook", || async { heard.bodies().into_iter().next() }).await;
    assert_eq!(opened["event"], "opened");
    assert_eq!(opened["cause"], "failed");
    assert_eq!(opened["job"], "nightly");
    assert_eq!(opened["text"], "nightly has failed");
    let link = format!("https://sync.example.org/runs/{}", run["id"].as_str().unwrap());
    assert_eq!(opened["link"], link);
    assert!(heard.all()[0].contains("Bearer h1dden"), "{}", heard.all()[0]);
    // It is mended, and runs again.
    let csv = files.path().join("nightly/t.csv");
    let good = std::fs::read_to_string(&csv).unwrap().replace("oops,1\n", "");
    std::fs::write(&csv, good).unwrap();
    let fresh = client.post("/jobs/nightly/runs", json!({ "fresh": true })).await.json();
    assert_ne!(fresh["id"], run["id"]);
    let told = until("the end", || async {
        let told = heard.bodies();
        (told.len() > 1).then_some(told)
    })
    .await;
    assert_eq!(told[1]["event"], "resolved");
    assert_eq!(told[1]["incident"], told[0]["incident"]);
    let Some((_server, _, mails)) = mail else { return };
    let texts = letters(&mails, 2).await;
    assert_eq!(texts.len(), 2, "{texts:?}");
    let opened = texts.iter().find(|t| t.contains("[syncline] nightly has failed")).unwrap();
    assert!(opened.contains("ann@example.org") && opened.contains("bob@example.org"), "{opened}");
    assert!(opened.contains("https://sync.example.org/runs/"), "{opened}");
    assert!(texts.iter().any(|t| t.contains("resolved: nightly runs again")), "{texts:?}");
    // A word to see whether it arrives.
    let told = client.post("/settings/alerts/test", json!({})).await.json();
    assert!(told.as_array().unwrap().iter().all(|one| one["ok"] == true), "{told}");
}

#[tokio::test(flavor = "multi_thread")]
async fn people_are_told_of_a_run_that_waits_for_too_long_and_of_rows_that_are_kept_back() {
    let node = Node::start().await;
    let client = node.admin();
    let (url, heard) = listener(0).await;
    let folder = tempfile::tempdir().unwrap();
    let mail = mail_server(folder.path());
    let mut alerts = json!({
        "waiting_seconds": 3, "dead_letters": 2, "webhooks": [{ "name": "ops", "url": url }],
    });
    if let Some((_, port, _)) = &mail {
        alerts["email"] = json!({
            "host": "127.0.0.1", "port": port, "security": "none",
            "from": "sync@example.org", "to": ["ann@example.org"],
        });
    }
    let files = tempfile::tempdir().unwrap();
    open_files(&client, files.path(), alerts).await;
    // Nobody answers there: it is tried again and again, which is no moving.
    let at = |file: &str| format!("sqlite:{}", files.path().join(file).display());
    let away = json!({
        "version": 1, "source": { "url": "mysql://me@127.0.0.1:1/shop", "tables": ["shop.t"] },
        "sink": { "url": at("away.db") },
    });
    let waits = job(&client, "patient", away).await;
    let csv = "id,n\n1,1\nx,2\n3,3\ny,4\n";
    std::fs::write(files.path().join("t.csv"), csv).unwrap();
    let bad = json!({
        "version": 1, "source": { "url": files.path().join("t.csv").to_str().unwrap() },
        "sink": { "url": at("t.db") }, "errors": { "rows": 10 },
        "columns": { "t": [ { "from": "id", "type": "int64" }, { "from": "n", "type": "int64" } ] },
    });
    let keeps = job(&client, "strict", bad).await;
    let kept = word(&heard, "dead_letters", "opened").await;
    assert_eq!((&kept["run"], &kept["job"]), (&json!(keeps), &json!("strict")));
    assert_eq!(kept["message"], "2 rows are kept as dead letters");
    let opened = word(&heard, "waiting", "opened").await;
    assert_eq!((&opened["run"], &opened["job"]), (&json!(waits), &json!("patient")));
    assert_eq!(opened["text"], "patient waits for too long");
    let message = opened["message"].as_str().unwrap();
    assert!(message.contains("it waits since") && message.contains("127.0.0.1:1"), "{message}");
    // Somebody sees to both.
    client.post(&format!("/runs/{waits}/stop"), json!({})).await.good();
    client.delete(&format!("/runs/{keeps}/dead-letters")).await.good();
    for (cause, incident) in [("waiting", &opened), ("dead_letters", &kept)] {
        let over = word(&heard, cause, "resolved").await;
        assert_eq!(over["incident"], incident["incident"], "{over}");
    }
    assert_eq!(heard.bodies().len(), 4, "each is told once: {:#?}", heard.bodies());
    let Some((_server, _, mails)) = mail else { return };
    let texts = letters(&mails, 4).await;
    for subject in [
        "[syncline] patient waits for too long",
        "[syncline] strict keeps rows back as dead letters",
        "[syncline] resolved: patient waits no longer",
        "[syncline] resolved: strict: dead letters is over",
    ] {
        assert_eq!(texts.iter().filter(|t| t.contains(subject)).count(), 1, "{subject}: {texts:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn people_are_told_that_a_run_lags_behind_its_source() {
    let Some(server) = Server::shared(Kind::MariaDb) else { return };
    let source = server.database();
    source.execute("CREATE TABLE t (id INT PRIMARY KEY, v VARCHAR(40))");
    let node = Node::start().await;
    let client = node.admin();
    let (url, heard) = listener(0).await;
    let files = tempfile::tempdir().unwrap();
    let alerts = json!({ "lag_seconds": 2, "webhooks": [{ "name": "ops", "url": url }] });
    open_files(&client, files.path(), alerts).await;
    let target = files.path().join("t.db");
    let spec = json!({
        "version": 1, "mode": "full+changes",
        "source": { "url": source.url(), "tables": ["t"] },
        "sink": { "url": format!("sqlite:{}", target.display()) },
    });
    let run = job(&client, "follows", spec).await;
    let path = format!("/runs/{run}");
    let written = |rows: i64| {
        let target = target.clone();
        move || {
            let count = rusqlite::Connection::open(&target).and_then(|file| {
                file.query_row("SELECT count(*) FROM t", [], |row| row.get::<_, i64>(0))
            });
            async move { (count.ok()? == rows).then_some(()) }
        }
    };
    source.execute("INSERT INTO t VALUES (1, 'a')");
    until("the first row", written(1)).await;
    // Somebody holds the target while the source goes on.
    let held = rusqlite::Connection::open(&target).unwrap();
    held.busy_timeout(PATIENCE).unwrap();
    held.execute_batch("BEGIN IMMEDIATE").unwrap();
    source.execute("INSERT INTO t VALUES (2, 'b')");
    tokio::time::sleep(Duration::from_millis(3_500)).await;
    held.execute_batch("COMMIT").unwrap();
    let opened = word(&heard, "lag", "opened").await;
    assert_eq!((&opened["run"], &opened["text"]), (&json!(run), &json!("follows lags behind")));
    let message = opened["message"].as_str().unwrap();
    assert!(message.contains("seconds behind its source"), "{message}");
    source.execute("INSERT INTO t VALUES (3, 'c')");
    until("the last row", written(3)).await;
    let over = word(&heard, "lag", "resolved").await;
    assert_eq!(over["text"], "follows has caught up");
    client.post(&format!("{path}/stop"), json!({})).await.good();
}

/// A job that fails and works in turn is told a few times an hour, not at every turn; and one whose
/// failing stays is not forgotten.
#[tokio::test(flavor = "multi_thread")]
async fn a_job_that_comes_and_goes_is_no_storm() {
    for node in Node::each().await {
        let client = node.admin();
        let (url, heard) = listener(0).await;
        let files = tempfile::tempdir().unwrap();
        let alerts = json!({ "on_failed": true, "webhooks": [{ "name": "ops", "url": url }] });
        open_files(&client, files.path(), alerts).await;
        // Twice within the hour already.
        let store = node.server().store();
        for turn in 0..2 {
            let before = NewIncident {
                cause: "failed".into(),
                subject: "flaps".into(),
                job: "flaps".into(),
                run: format!("earlier-{turn}"),
                message: "as before".into(),
            };
            assert!(store.open_incident(&before, &[]).unwrap());
            let open = store.open_incidents().unwrap();
            store.resolve_incident(open[0].id).unwrap();
        }
        file_job(&client, files.path(), "flaps", 10, true).await;
        let csv = files.path().join("flaps/t.csv");
        let broken = std::fs::read_to_string(&csv).unwrap();
        let good = broken.replace("oops,1\n", "");
        assert_eq!(run_to_end(&client, "flaps").await["state"], "failed");
        let third = word(&heard, "failed", "opened").await;
        assert!(third["message"].as_str().unwrap().contains("it comes and goes"), "{third}");
        // A run that has only begun anew is no end of the trouble; one that ends well is.
        std::fs::write(&csv, &good).unwrap();
        let fresh = client.post("/jobs/flaps/runs", json!({ "fresh": true })).await.good().json();
        let path = format!("/runs/{}", fresh["id"].as_str().unwrap());
        until("it ends", || async {
            (client.get(&path).await.json()["state"] == "finished").then_some(())
        })
        .await;
        word(&heard, "failed", "resolved").await;
        // The fourth time is kept, and told to nobody.
        std::fs::write(&csv, &broken).unwrap();
        assert_eq!(run_to_end(&client, "flaps").await["state"], "failed");
        until("the fourth incident", || async {
            let open = store.open_incidents().unwrap();
            open.iter().any(|i| i.what.job == "flaps").then_some(())
        })
        .await;
        // A word of the test's own comes through, and would come after one that was on its way.
        client.post("/settings/alerts/test", json!({})).await.good();
        word(&heard, "test", "test").await;
        let told = heard.bodies();
        assert_eq!(told.iter().filter(|b| b["event"] == "opened").count(), 1, "{told:#?}");
    }
}

/// What could not be told before the node stopped is told by the next one, once.
#[tokio::test(flavor = "multi_thread")]
async fn what_is_still_to_be_told_outlives_the_node() {
    let mut node = Node::start().await;
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let address = format!("127.0.0.1:{port}");
    let files = tempfile::tempdir().unwrap();
    let hook = json!({ "name": "ops", "url": format!("http://{address}/hook") });
    let alerts = json!({ "on_failed": true, "webhooks": [hook] });
    open_files(&node.admin(), files.path(), alerts).await;
    file_job(&node.admin(), files.path(), "nightly", 10, true).await;
    assert_eq!(run_to_end(&node.admin(), "nightly").await["state"], "failed");
    let store = node.server().store();
    until("a try that fails", || async {
        let due = store.due_notices("9999", 10).unwrap();
        due.iter().any(|notice| notice.tries > 0).then_some(())
    })
    .await;
    drop(store);
    node.stop().await;
    let (_, heard) = listener_at(&address, 0).await;
    node.start_again().await;
    let told = word(&heard, "failed", "opened").await;
    assert_eq!(told["job"], "nightly");
    let store = node.server().store();
    until("nothing is left to tell", || async {
        store.due_notices("9999", 10).unwrap().is_empty().then_some(())
    })
    .await;
    assert_eq!(heard.bodies().len(), 1);
}
