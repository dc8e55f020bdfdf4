//! Jobs from files of ours and of DataX, whose passwords become connections.

use serde_json::{Value, json};
use syncline_testkit::api::{Answer, Client};

use crate::node::Node;

async fn import(api: &Client, path: &str, text: &str) -> Answer {
    let request = api.request(reqwest::Method::POST, &format!("/api/v1{path}"));
    api.send(request.header("content-type", "text/plain").body(text.to_owned())).await
}

#[tokio::test]
async fn a_file_of_ours_keeps_its_comments_and_none_of_its_passwords() {
    for node in Node::each().await {
        let api = node.admin();
        let yaml = "# mine\nversion: 1\nname: kept\nsource: { url: 'stream:?rows=3' } # rows\nsink: { url: 'stream:' }\n";
        let made = import(&api, "/jobs/import", yaml).await;
        assert_eq!(made.status, 201, "{}", made.text);
        assert_eq!(made.json()["jobs"][0]["yaml"], yaml);
        let other = import(&api, "/jobs/import?name=renamed", yaml).await.json();
        assert_eq!(other["jobs"][0]["yaml"], yaml.replace("kept", "renamed"));
        import(&api, "/jobs/import", yaml).await.problem(409, "E0504");
        let secret = "version: 1\nname: moved\nconnections:\n  one: { url: 'mysql://u:planted-1@h1/d' }\nsource: { connection: one }\nsink: { url: 'mysql://v:planted%402@h2/d?tls=required' }\n";
        let made = import(&api, "/jobs/import", secret).await.json();
        assert_eq!(made["connections"], json!(["moved-one", "moved-sink"]), "{made}");
        let job = &made["jobs"][0];
        assert_eq!((&job["source"], &job["sink"]), (&json!("moved-one"), &json!("moved-sink")));
        assert!(!made.to_string().contains("planted"), "{made}");
        let sink = api.get("/connections/moved-sink").await.json();
        assert_eq!(
            (&sink["has_password"], &sink["options"]["tls"]),
            (&json!(true), &json!("required"))
        );
        assert_eq!(sink["used_by"], json!(["moved"]));
        // All of it, or nothing.
        let before = api.get("/connections").await.json();
        import(&api, "/jobs/import", secret).await.problem(409, "E0504");
        assert_eq!(api.get("/connections").await.json(), before);
    }
}

#[tokio::test]
async fn a_datax_job_becomes_jobs_and_connections() {
    let node = Node::start().await;
    let api = node.admin();
    let datax = |table: Value| {
        json!({ "job": { "content": [{
            "reader": { "name": "mysqlreader", "parameter": {
                "username": "root", "password": "planted-r", "column": ["id", "price"],
                "connection": [{ "table": table, "jdbcUrl": ["jdbc:mysql://h1:3306/shop"] }],
            } },
            "writer": { "name": "postgresqlwriter", "parameter": {
                "username": "me", "password": "planted-w", "column": ["id", "price"],
                "connection": [{ "table": ["orders"], "jdbcUrl": "jdbc:postgresql://h2/dw" }],
            } },
        }] } })
        .to_string()
    };
    let made = import(&api, "/jobs/import?name=nightly", &datax(json!(["orders"]))).await.json();
    assert_eq!(made["connections"], json!(["nightly-reader", "nightly-writer"]), "{made}");
    assert_eq!(made["jobs"][0]["source"], "nightly-reader");
    assert_eq!(made["jobs"][0]["spec"]["sink"]["columns"], json!(["id", "price"]));
    assert!(!made.to_string().contains("planted"), "{made}");
    let several = import(&api, "/jobs/import?name=parts", &datax(json!(["o1", "o2"]))).await.json();
    assert_eq!(several["jobs"].as_array().unwrap().len(), 2, "{several}");
    assert_eq!(several["connections"].as_array().unwrap().len(), 2, "{several}");
    assert_eq!(several["jobs"][1]["schedule"]["after"], "parts-1");
    for bad in [
        r#"{"job":{"content":[{"reader":{"name":"odpsreader","parameter":{}},"writer":{}}]}}"#,
        r#"{"job":{"content":[]}}"#,
        "{\"job\": \"content\"",
        "not a job",
        "",
    ] {
        let answer = import(&api, "/jobs/import?name=bad", bad).await;
        assert_eq!(answer.status, 422, "{bad}: {}", answer.text);
    }
    let files = r#"{"job":{"content":[{"reader":{"name":"txtfilereader","parameter":{"path":["/etc/passwd"],"column":["*"],"fieldDelimiter":":"}},"writer":{"name":"streamwriter","parameter":{}}}]}}"#;
    import(&api, "/jobs/import?name=files", files).await.problem(422, "E0512");
}
