//! What jobs and connections may reach of the server's own machine.

use serde_json::json;

use crate::node::Node;

#[tokio::test(flavor = "multi_thread")]
async fn files_and_variables_are_closed_until_an_admin_opens_them() {
    let mut node = Node::start().await;
    let api = node.admin();
    let data = tempfile::tempdir().unwrap();
    std::fs::write(data.path().join("a.csv"), "id,name\n1,x\n").unwrap();
    let file = format!("{}/a.csv", data.path().display());
    let state = node.folder().join("syncline.db").display().to_string();
    let closed = |url: &str| json!({ "name": "c", "url": url });
    for url in [file.as_str(), "/etc/passwd", "sqlite:/var/lib/x.db", "-", "a.csv", &state] {
        api.post("/connections", closed(url)).await.problem(422, "E0512");
        let tried = api.post("/connections/test", closed(url)).await.json();
        assert_eq!(tried["error"]["code"], "E0512", "{url}");
    }
    for url in ["mysql://u@h/d?ca=/etc/shadow", "postgres://u@h/d?sslkey=/etc/ssl/key"] {
        api.post("/connections", closed(url)).await.problem(422, "E0512");
    }
    // A name of the environment is nothing a connection may have at all.
    api.post("/connections", closed("mysql://u:$HOME@h/d")).await.problem(422, "E0105");
    for job in [
        json!({ "version": 1, "source": { "url": file }, "sink": { "url": "stream:" } }),
        json!({ "version": 1, "source": { "url": "stream:" }, "sink": { "url": "/tmp/x.csv" } }),
        json!({ "version": 1, "connections": { "a": { "url": "mysql://u@h/d",
            "password": { "env": "HOME" } } }, "source": { "connection": "a" },
            "sink": { "url": "stream:" } }),
        json!({ "version": 1, "connections": { "a": { "url": "mysql://u@h/d",
            "password": { "file": "/etc/passwd" } } }, "source": { "connection": "a" },
            "sink": { "url": "stream:" } }),
        json!({ "version": 1, "source": { "url": "stream:" }, "sink": { "url": "stream:" },
            "processors": { "source": [{ "mask": { "columns": ["t"], "with": "sha256",
            "key": { "env": "HOME" } } }] } }),
    ] {
        api.post("/jobs", json!({ "name": "j", "spec": job })).await.problem(422, "E0512");
        api.post("/jobs/preview", json!({ "spec": job })).await.problem(422, "E0512");
        api.post("/jobs/plan", json!({ "spec": job })).await.problem(422, "E0512");
    }
    let settings = api.get("/settings").await.json();
    let mut opened = settings.clone();
    opened["file_roots"] = json!([data.path(), node.folder()]);
    opened["environment"] = json!(["HOME"]);
    api.put("/settings", settings["version"].as_u64().unwrap(), opened).await.good();
    let csv = json!({ "name": "csv", "url": file });
    api.post("/connections", csv).await.good();
    let rows = api.get("/connections/csv/tables/a/rows").await.json();
    assert_eq!(rows["rows"], json!([["1", "x"]]));
    api.post("/connections", closed(&format!("sqlite:{state}"))).await.problem(422, "E0512");
    let up = format!("{}/../a.csv", data.path().display());
    api.post("/connections", closed(&up)).await.problem(422, "E0512");
    let home = json!({ "version": 1, "source": { "url": "mysql://u:$HOME@h/d" },
        "sink": { "url": "stream:" } });
    api.post("/jobs", json!({ "name": "home", "spec": home })).await.good();
    // Closed again, what was made meanwhile leads nowhere any more.
    let settings = api.get("/settings").await.json();
    let mut closed_again = settings.clone();
    closed_again["file_roots"] = json!([]);
    api.put("/settings", settings["version"].as_u64().unwrap(), closed_again).await.good();
    api.get("/connections/csv/tables").await.problem(422, "E0512");
    node.stop().await;
}
