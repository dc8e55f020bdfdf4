//! How a node is run: settings, console, metrics, overview, nodes.
#![allow(clippy::unwrap_used, reason = "helpers of tests")]

mod node;

use std::process::{Command, Stdio};

use node::Node;
use node::work::{Child, file_job, open_files, run_to_end, settings, until};
use serde_json::{Value, json};
use syncline_testkit::Tool;
use syncline_testkit::api::Client;

#[tokio::test(flavor = "multi_thread")]
async fn settings_have_a_version_and_keep_their_secrets() {
    for node in Node::each().await {
        let client = node.admin();
        let first = client.get("/settings").await;
        assert_eq!(first.header("etag"), Some("\"0\""));
        let hook =
            json!({ "name": "a", "url": "http://127.0.0.1:1/x", "authorization": "Bearer h1dden" });
        let wanted = settings(&json!({ "webhooks": [hook] }));
        let put = |version: u64| client.put("/settings", version, wanted.clone());
        let now = put(0).await;
        assert_eq!(now.header("etag"), Some("\"1\""));
        assert_eq!(now.json()["alerts"]["webhooks"][0]["has_authorization"], true);
        put(0).await.problem(412, "E0505");
        let request = client.request(reqwest::Method::PUT, "/api/v1/settings").json(&wanted);
        client.send(request).await.problem(428, "E0506");
        client.put("/settings", 1, json!({"slots": 0})).await.problem(422, "E0105");
        for text in [now.text, client.get("/settings").await.text] {
            assert!(!text.contains("h1dden"), "{text}");
        }
        node.nobody().get("/settings").await.problem(401, "E0501");
        let dump = client.get("/audit").await.text;
        assert!(dump.contains("settings.change") && !dump.contains("h1dden"), "{dump}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_console_answers_its_own_paths_and_no_others() {
    let node = Node::start().await;
    let client = node.nobody();
    let get = |path: &str| client.send(client.request(reqwest::Method::GET, path));
    let home = get("/").await;
    assert!(home.header("content-type").unwrap().starts_with("text/html"), "{}", home.text);
    assert!(home.header("content-security-policy").unwrap().contains("default-src 'self'"));
    // A deep link is the same page; an unknown file, or anything of the API, is not.
    assert_eq!(get("/runs/0198").await.text, home.text);
    assert_eq!(get("/config.json").await.json()["api"], "/api/v1");
    for path in [
        "/assets/gone.js",
        "/api/v1/nothing",
        "/api/nothing",
        "/favicon.png",
        "/runs/..%2f..%2fetc%2fpasswd",
        "/assets/..%2f..%2fpackage.json",
    ] {
        get(path).await.problem(404, "E0503");
    }
    // Files are known again by their tags, and those with a hash in their name are kept for good.
    if let Some(tag) = home.header("etag") {
        let again = client.request(reqwest::Method::GET, "/").header("if-none-match", tag);
        assert_eq!(client.send(again).await.status, 304);
        let script = home.text.split("src=\"/assets/").nth(1).unwrap().split('"').next().unwrap();
        let script = get(&format!("/assets/{script}")).await;
        assert!(script.header("cache-control").unwrap().contains("immutable"));
        assert!(script.header("content-type").unwrap().starts_with("text/javascript"));
    }
    let docs = get("/docs/api").await.text;
    assert!(docs.contains("<code>/api/v1/settings</code>"), "{docs}");
    assert!(get("/docs/errors").await.text.contains("id=\"E0207\""));
}

/// Metrics say what runs did, in a form that Prometheus' own linter likes and a real one reads.
#[tokio::test(flavor = "multi_thread")]
async fn metrics_are_what_prometheus_reads() {
    let node = Node::start().await;
    let client = node.admin();
    let files = tempfile::tempdir().unwrap();
    open_files(&client, files.path(), json!({})).await;
    file_job(&client, files.path(), "counted", 1000, false).await;
    file_job(&client, files.path(), "large", 100_000, false).await;
    assert_eq!(run_to_end(&client, "counted").await["state"], "finished");
    let large = run_to_end(&client, "large").await;
    assert_eq!(large["state"], "finished");
    // A run is counted as ended a moment after its end can be read.
    let ended = "syncline_runs_ended_total{job=\"large\",outcome=\"finished\"} 1";
    let text = until("the end to be counted", || async {
        let answer = client.send(client.request(reqwest::Method::GET, "/metrics")).await;
        answer.text.contains(ended).then_some(answer.text)
    })
    .await;
    for line in [
        "syncline_rows_read_total{job=\"counted\"} 1000",
        "syncline_rows_written_total{job=\"counted\"} 1000",
        "syncline_runs{state=\"running\"} 0",
        "syncline_slots 2",
        "route=\"/api/v1/runs/{id}\",status=\"200\"",
        "process_resident_memory_bytes",
    ] {
        assert!(text.contains(line), "{line} is missing in\n{text}");
    }
    // Each job's processor time is its own, and all of it the process's; the run tells it, too.
    let seconds = |name: &str| -> f64 {
        let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
        line.unwrap_or_else(|| panic!("no {name} in\n{text}")).parse().unwrap()
    };
    let of = |job: &str| seconds(&format!("syncline_run_cpu_seconds_total{{job=\"{job}\"}}"));
    let (small, much) = (of("counted"), of("large"));
    assert!(small > 0.0 && much > 2.0 * small, "{small} {much}");
    // The process's own clock is told in steps.
    assert!(small + much < seconds("process_cpu_seconds_total") + 0.1, "{text}");
    let told = large["cpu_ms"].as_f64().unwrap() / 1000.0;
    assert!(told > much / 2.0 && told < much + 0.1, "{told} {much}");
    let Some(programs) = Tool::Prometheus.need() else { return };
    let mut lint = Command::new(programs.join("promtool"));
    lint.args(["check", "metrics"]).stdin(Stdio::piped()).stderr(Stdio::piped());
    let mut lint = lint.spawn().unwrap();
    std::io::Write::write_all(&mut lint.stdin.take().unwrap(), text.as_bytes()).unwrap();
    let out = lint.wait_with_output().unwrap();
    assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
    let rules = concat!(env!("CARGO_MANIFEST_DIR"), "/../../deploy/prometheus/alerts.yml");
    let out = Command::new(programs.join("promtool")).args(["check", "rules", rules]).output();
    let out = out.unwrap();
    assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stdout));
    scraped_by_a_real_one(&programs, &node, &text).await;
}

async fn scraped_by_a_real_one(programs: &std::path::Path, node: &Node, text: &str) {
    let folder = tempfile::tempdir().unwrap();
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let target = node.nobody().base().trim_start_matches("http://").to_owned();
    let config = format!(
        "scrape_configs:\n- job_name: syncline\n  scrape_interval: 1s\n  honor_labels: true\n  static_configs:\n  - targets: ['{target}']\n"
    );
    std::fs::write(folder.path().join("p.yml"), config).unwrap();
    let listen = format!("127.0.0.1:{port}");
    let mut prometheus = Command::new(programs.join("prometheus"))
        .arg(format!("--config.file={}", folder.path().join("p.yml").display()))
        .arg(format!("--storage.tsdb.path={}", folder.path().join("data").display()))
        .arg(format!("--web.listen-address={listen}"))
        .arg("--log.level=warn")
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .map(Child)
        .unwrap();
    let client = Client::new(&format!("http://{listen}"));
    // syncline_rows_written_total{job="counted"}
    let query = "/api/v1/query?query=syncline_rows_written_total%7Bjob%3D%22counted%22%7D";
    let rows = until("a scrape", || async {
        let answer = client.try_send(client.request(reqwest::Method::GET, query)).await.ok()?;
        let found: Value = serde_json::from_str(&answer.text).ok()?;
        found["data"]["result"][0]["value"][1].as_str().map(str::to_owned)
    })
    .await;
    assert_eq!(rows, "1000");
    // Every name that alert rules and the dashboard use is there, or is one that only some runs have.
    let some = [
        "syncline_lag_seconds",
        "syncline_queued_bytes",
        "syncline_changes_total",
        "syncline_errors_total",
    ];
    for file in ["prometheus/alerts.yml", "grafana/syncline.json"] {
        let path = format!("{}/../../deploy/{file}", env!("CARGO_MANIFEST_DIR"));
        let words = std::fs::read_to_string(path).unwrap();
        let names = words.split(|c: char| !c.is_ascii_alphanumeric() && c != '_');
        for name in names.filter(|n| n.starts_with("syncline_") || n.starts_with("process_")) {
            assert!(text.contains(name) || some.contains(&name), "{file}: no metric {name}");
        }
    }
    prometheus.0.kill().unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn the_overview_and_the_nodes_say_how_it_stands() {
    for node in Node::each().await {
        let client = node.admin();
        let files = tempfile::tempdir().unwrap();
        open_files(&client, files.path(), json!({ "on_failed": false })).await;
        file_job(&client, files.path(), "good", 10, false).await;
        file_job(&client, files.path(), "bad", 10, true).await;
        assert_eq!(run_to_end(&client, "good").await["state"], "finished");
        assert_eq!(run_to_end(&client, "bad").await["state"], "failed");
        let overview = client.get("/overview").await.json();
        assert_eq!(overview["finished_24h"], 1, "{overview}");
        assert_eq!(overview["failed_24h"], 1, "{overview}");
        assert_eq!(overview["running"], 0, "{overview}");
        assert_eq!(overview["recent"][0]["job"], "bad", "{overview}");
        let list = client.get("/nodes").await.json();
        let this = &list["items"][0];
        assert_eq!((&this["slots"], &list["next"]), (&json!(2), &Value::Null), "{list}");
        assert!(this["rss_bytes"].as_u64().unwrap() > 1 << 20, "{this}");
        let name = this["name"].as_str().unwrap();
        assert_eq!(client.get(&format!("/nodes/{name}")).await.json()["name"], name);
        client.get("/nodes/none").await.problem(404, "E0503");
    }
}
