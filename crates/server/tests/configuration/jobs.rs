//! Jobs: made, changed, compared, gone back with, copied, exported.

use serde_json::{Value, json};

use crate::node::Node;
use crate::{connection, shop, spec, warehouse};

/// A node with the connections `a` and `b`, which lead nowhere.
async fn node_with(node: Node) -> Node {
    let api = node.admin();
    for name in ["a", "b"] {
        let body = json!({ "name": name, "url": "mysql://u@127.0.0.1:1/x", "password": "p" });
        api.post("/connections", body).await.good();
    }
    node
}

#[tokio::test]
async fn every_version_of_a_job_is_kept_and_can_be_gone_back_to() {
    for node in Node::each().await {
        let node = node_with(node).await;
        let api = node.admin();
        let yaml = "# nightly\nversion: 1\nsource: { connection: a, tables: [orders] } # both\nsink:\n  connection: b\n";
        let made = api
            .post(
                "/jobs",
                json!({ "name": "load", "yaml": yaml, "description": "d", "priority": 3 }),
            )
            .await;
        assert_eq!((made.status, made.header("etag")), (201, Some("\"1\"")), "{}", made.text);
        let view = made.json();
        assert_eq!(view["yaml"], yaml);
        assert_eq!(view["spec"]["source"], json!({ "connection": "a", "tables": ["orders"] }));
        assert_eq!(
            (&view["source"], &view["sink"], &view["mode"]),
            (&json!("a"), &json!("b"), &json!("full"))
        );
        api.post("/jobs", json!({ "name": "load", "yaml": yaml })).await.problem(409, "E0504");
        let changed = yaml.replace("[orders]", "[orders, items]");
        let second =
            api.put("/jobs/load", 1, json!({ "yaml": changed, "note": "items too" })).await;
        let second = second.json();
        assert_eq!((&second["version"], &second["priority"]), (&json!(2), &json!(3)));
        api.put("/jobs/load", 1, json!({ "yaml": yaml })).await.problem(412, "E0505");
        // Only what stands around it.
        let off = api.put("/jobs/load", 2, json!({ "enabled": false })).await.json();
        assert_eq!((&off["enabled"], &off["yaml"]), (&json!(false), &json!(changed)));
        let diff = api.get("/jobs/load/diff?from=1&to=2").await.json();
        let diff = diff["diff"].as_str().unwrap();
        assert!(diff.contains("-source: { connection: a, tables: [orders] } # both"), "{diff}");
        assert!(
            diff.contains("+source: { connection: a, tables: [orders, items] } # both"),
            "{diff}"
        );
        assert!(!diff.contains("enabled"), "{diff}");
        let last = api.get("/jobs/load/diff").await.json();
        assert!(last["diff"].as_str().unwrap().contains("-# enabled: true"), "{last}");
        let back = api.post("/jobs/load/rollback", json!({ "version": 1 })).await.json();
        assert_eq!(
            (&back["version"], &back["yaml"], &back["enabled"]),
            (&json!(4), &json!(yaml), &json!(true))
        );
        let versions = api.get("/jobs/load/versions?limit=3").await.json();
        let numbers: Vec<_> =
            versions["items"].as_array().unwrap().iter().map(|v| &v["version"]).collect();
        assert_eq!(numbers, [4, 3, 2]);
        assert_eq!(versions["items"][0]["note"], "back to version 1");
        let rest = versions["next"].as_str().unwrap();
        let rest = api.get(&format!("/jobs/load/versions?after={rest}")).await.json();
        assert_eq!(rest["items"][0]["version"], 1);
        assert_eq!(api.get("/jobs/load/versions/2").await.json()["note"], "items too");
        api.get("/jobs/load/versions/9").await.problem(404, "E0503");
        api.post("/jobs/load/rollback", json!({ "version": 9 })).await.problem(404, "E0503");
        let exported = api.get("/jobs/load/export").await;
        assert_eq!(exported.good().text, yaml);
        assert!(exported.header("content-disposition").unwrap().contains("load.yaml"));
        assert_eq!(api.delete_version("/jobs/load", 4).await.status, 204);
        api.get("/jobs/load/versions").await.problem(404, "E0503");
        // Runs of the old one name its versions: a new one counts on.
        let again = api.post("/jobs", json!({ "name": "load", "yaml": yaml })).await.json();
        assert_eq!(again["version"], 5);
    }
}

#[tokio::test]
async fn a_copy_is_a_job_of_its_own_that_does_not_start_by_itself() {
    let node = node_with(Node::start().await).await;
    let api = node.admin();
    let yaml = "version: 1\nname: load # of the night\nschedule: '0 3 * * *'\nsource: { connection: a }\nsink: { connection: b }\n";
    let made = api.post("/jobs", json!({ "yaml": yaml })).await.json();
    assert_eq!((&made["name"], &made["schedule"]), (&json!("load"), &json!("0 3 * * *")));
    assert!(made["next_start"].as_str().unwrap().ends_with("T03:00:00Z"), "{made}");
    let copy = api.post("/jobs/load/clone", json!({ "name": "copy" })).await;
    assert_eq!(copy.status, 201);
    let copy = copy.json();
    assert_eq!((&copy["enabled"], &copy["next_start"]), (&json!(false), &Value::Null));
    assert_eq!(copy["yaml"], yaml.replace("load # of the night", "copy"));
    assert_eq!(copy["spec"]["name"], "copy");
    api.post("/jobs/load/clone", json!({ "name": "copy" })).await.problem(409, "E0504");
    api.post("/jobs/load/clone", json!({ "name": "a/b" })).await.problem(422, "E0105");
    let json = api.get("/jobs/copy/export?format=json").await;
    assert_eq!(json.json()["name"], "copy");
    api.get("/jobs/copy/export?format=xml").await.problem(422, "E0105");
    let names = |page: Value| -> Vec<String> {
        let items = page["items"].as_array().unwrap().iter();
        items.map(|j| j["name"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(names(api.get("/jobs").await.json()), ["copy", "load"]);
    assert_eq!(names(api.get("/jobs?enabled=true").await.json()), ["load"]);
    assert_eq!(names(api.get("/jobs?connection=b&limit=1").await.json()), ["copy"]);
    assert_eq!(names(api.get("/jobs?connection=none").await.json()), [""; 0]);
    assert_eq!(names(api.get("/jobs?q=OAD").await.json()), ["load"]);
}

#[tokio::test]
async fn of_two_who_change_a_job_at_once_one_is_told() {
    for node in Node::each().await {
        let node = node_with(node).await;
        let api = node.admin();
        api.post("/jobs", json!({ "name": "load", "spec": spec("a", "b") })).await.good();
        let change = |n: u32| {
            let api = api.clone();
            async move {
                api.put("/jobs/load", 1, json!({ "description": format!("{n}") })).await.status
            }
        };
        let answers = futures::future::join_all((0..8).map(change)).await;
        let (won, late) = (
            answers.iter().filter(|s| **s == 200).count(),
            answers.iter().filter(|s| **s == 412).count(),
        );
        assert_eq!((won, late), (1, 7), "{answers:?}");
        assert_eq!(api.get("/jobs/load").await.json()["version"], 2);
    }
}

#[tokio::test]
async fn what_a_job_refers_to_must_be_there() {
    for node in Node::each().await {
        let node = node_with(node).await;
        let api = node.admin();
        let refused = api.post("/jobs", json!({ "name": "load", "spec": spec("a", "bb") })).await;
        let problem = refused.problem(422, "E0102");
        assert!(problem["detail"].as_str().unwrap().contains("\"bb\""), "{problem}");
        api.get("/jobs/load").await.problem(404, "E0503");
    }
}

#[tokio::test]
async fn roles_reach_as_far_as_they_say() {
    let (Some(shop), Some(warehouse)) = (shop(), warehouse()) else { return };
    let node = Node::start().await;
    let admin = node.admin();
    admin.post("/connections", connection("shop", &shop)).await.good();
    admin.post("/connections", connection("wh", &warehouse)).await.good();
    admin.post("/jobs", json!({ "name": "load", "spec": spec("shop", "wh") })).await.good();
    let mut of = Vec::new();
    for role in ["viewer", "operator", "editor"] {
        let token = admin.post("/tokens", json!({ "name": role, "role": role })).await.json();
        of.push(node.nobody().token(token["token"].as_str().unwrap()));
    }
    let [viewer, operator, editor] = of.try_into().ok().unwrap();
    node.nobody().get("/jobs").await.problem(401, "E0501");
    viewer.get("/jobs/load").await.good();
    viewer.get("/connections/shop").await.good();
    viewer.get("/connections/shop/tables").await.problem(403, "E0502");
    viewer.post("/jobs/load/plan", json!({})).await.problem(403, "E0502");
    operator.get("/connections/shop/tables").await.good();
    operator.post("/jobs/load/plan", json!({})).await.good();
    operator.get("/connections/shop/tables/orders/rows").await.problem(403, "E0502");
    let new = json!({ "name": "x", "url": "stream:" });
    operator.post("/connections", new.clone()).await.problem(403, "E0502");
    operator.post("/connections/test", new.clone()).await.problem(403, "E0502");
    operator.put("/jobs/load", 1, json!({ "enabled": false })).await.problem(403, "E0502");
    operator.delete_version("/jobs/load", 1).await.problem(403, "E0502");
    operator.post("/jobs/import", json!({})).await.problem(403, "E0502");
    editor.post("/connections", new).await.good();
    editor.put("/jobs/load", 1, json!({ "enabled": false })).await.good();
    let audit = admin.get("/audit?action=job.update").await.json();
    assert_eq!(audit["items"][0]["target"], "load", "{audit}");
}

/// A key of a hash, planted where people put one.
const KEY: &str = "pl4nted-key-of-a-hash";

#[tokio::test]
async fn a_key_of_a_hash_is_kept_and_never_told() {
    for mut node in Node::each().await {
        node = node_with(node).await;
        let api = node.admin();
        let yaml = format!(
            "version: 1 # mine\nsource: {{ connection: a }}\nsink: {{ connection: b }}\n\
             processors:\n  source:\n  - mask: {{ columns: [x], with: sha256, key: {KEY} }} # by key\n"
        );
        let spec = json!({
            "version": 1, "source": { "connection": "a" }, "sink": { "connection": "b" },
            "processors": { "sink": [{ "mask": { "columns": ["x"], "with": "sha256", "key": KEY } }] },
        });
        let written = api.post("/jobs", json!({ "name": "written", "yaml": yaml })).await;
        let given = api.post("/jobs", json!({ "name": "given", "spec": spec })).await;
        let view = written.good().json();
        let kept = view["spec"]["processors"]["source"][0]["mask"]["key"]["secret"].clone();
        assert!(kept.is_string(), "{view}");
        let text = view["yaml"].as_str().unwrap();
        assert!(text.contains("# mine") && text.contains("# by key"), "{text}");
        // The same key has the same name.
        let other = &given.good().json()["spec"]["processors"]["sink"][0]["mask"]["key"]["secret"];
        assert_eq!(*other, kept);
        // What is got is sent back, copied, gone back to, exported and imported with the key.
        let back = api.put("/jobs/written", 1, json!({ "yaml": text, "note": "as it was" })).await;
        assert_eq!(back.good().json()["version"], 2);
        api.post("/jobs/written/rollback", json!({ "version": 1 })).await.good();
        api.post("/jobs/given/clone", json!({ "name": "copy" })).await.good();
        let exported = api.get("/jobs/written/export").await.text;
        let request = api.request(reqwest::Method::POST, "/api/v1/jobs/import?name=again");
        let request = request.header("content-type", "text/plain");
        api.send(request.body(exported)).await.good();
        let request = api.request(reqwest::Method::POST, "/api/v1/jobs/import?name=fresh");
        let request = request.header("content-type", "text/plain");
        api.send(request.body(yaml.clone())).await.good();
        let unknown = text.replace(kept.as_str().unwrap(), "0123");
        let refused = api.post("/jobs", json!({ "name": "odd", "yaml": unknown })).await;
        let problem = refused.problem(422, "E0107");
        assert!(problem["detail"].as_str().unwrap().contains("processors.source[0].mask.key"));
        // A start needs it: the run is recorded with its name only.
        api.post("/jobs/given/runs", json!({})).await.good();
        for path in [
            "/jobs",
            "/jobs/written",
            "/jobs/written/versions",
            "/jobs/written/export",
            "/jobs/written/export?format=json",
            "/jobs/written/diff?from=1&to=2",
            "/jobs/given",
            "/jobs/copy",
            "/jobs/again",
            "/jobs/fresh",
            "/runs",
            "/audit",
        ] {
            let told = api.get(path).await;
            told.good();
            assert!(!told.text.contains(KEY), "{path}: {}", told.text);
        }
        if let Some(database) = node.database() {
            let rows = database.rows(
                "SELECT spec || coalesce(yaml, '') FROM job_versions UNION ALL SELECT spec FROM runs",
            );
            assert!(rows.len() > 6 && !format!("{rows:?}").contains(KEY), "{rows:?}");
        }
        node.stop().await;
        for file in std::fs::read_dir(node.folder()).unwrap() {
            let path = file.unwrap().path();
            if path.is_file() {
                let bytes = std::fs::read(&path).unwrap();
                let found = bytes.windows(KEY.len()).any(|part| part == KEY.as_bytes());
                assert!(!found, "{}", path.display());
            }
        }
        // It opens again after a restart.
        node.start_again().await;
        let admin = node.admin();
        let text = admin.get("/jobs/written").await.good().json()["yaml"].clone();
        let found = admin.post("/jobs/validate", json!({ "yaml": text })).await.good().json();
        assert_eq!(found["valid"], true, "{found}");
    }
}
