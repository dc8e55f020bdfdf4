//! Jobs that are tried before they are kept: problems with their place, plans, sample rows.

use serde_json::{Value, json};

use crate::node::Node;
use crate::{connection, shop, spec, warehouse};

#[tokio::test]
async fn problems_have_their_place() {
    let node = Node::start().await;
    let api = node.admin();
    api.post("/connections", json!({ "name": "a", "url": "stream:" })).await.good();
    let problems = |answer: Value| -> Vec<(String, Value, Value)> {
        let list = answer["problems"].as_array().unwrap().clone();
        assert_eq!(answer["valid"], list.is_empty());
        let text = |v: &Value| v.as_str().unwrap().to_owned();
        list.iter().map(|p| (text(&p["code"]), p["line"].clone(), p["column"].clone())).collect()
    };
    for (yaml, code, line) in [
        ("version: 1\nsource: { connection: a }\nsink: { conection: a }\n", "E0104", 3),
        ("version: 1\nsource: { connection: a }\nsink: { connection: b }\n", "E0102", 3),
        (
            "version: 1\nsource: { connection: a }\nsink: { connection: a }\nschedule: 'x'\n",
            "E0105",
            4,
        ),
        (
            "version: 1\nsource: { connection: a }\nsink: { connection: a }\nmode: full\nmode: full\n",
            "E0106",
            5,
        ),
        (
            "version: 1\nsource: { connection: a }\nsink: { connection: a }\nprocessors:\n  source: [ { fliter: x } ]\n",
            "E0104",
            5,
        ),
        (
            "version: 1\nsource: { connection: a }\nsink: { connection: a }\ncheckpoint: { every: soon }\n",
            "E0105",
            4,
        ),
        ("version: 1\nsource: { connection: a }\nsink: { url: /etc/passwd }\n", "E0512", 3),
        (
            "version: 1\nsource: { url: 'mysql://u:$HOME@h/x' }\nsink: { connection: a }\n",
            "E0512",
            2,
        ),
        (
            "version: 1\nsource: { connection: a }\nsink: { connection: a }\nmode: changes\n",
            "E0108",
            4,
        ),
        (": [", "E0106", 1),
    ] {
        let answer = api.post("/jobs/validate", json!({ "yaml": yaml })).await.json();
        let found = problems(answer.clone());
        assert_eq!(found.len(), 1, "{yaml}: {answer}");
        assert_eq!((found[0].0.as_str(), &found[0].1), (code, &json!(line)), "{yaml}: {answer}");
    }
    let fine = "version: 1\nsource: { connection: a }\nsink: { connection: a }\n";
    assert!(problems(api.post("/jobs/validate", json!({ "yaml": fine })).await.json()).is_empty());
    let both = "version: 1\nsource: { connection: x }\nsink: { connection: y }\n";
    assert_eq!(problems(api.post("/jobs/validate", json!({ "yaml": both })).await.json()).len(), 2);
    let spec = json!({ "spec": { "version": 1, "source": { "connection": "a" } } });
    assert_eq!(problems(api.post("/jobs/validate", spec).await.json()).len(), 1);
}

#[tokio::test]
async fn a_plan_names_what_becomes_of_every_column_and_touches_nothing() {
    let (Some(shop), Some(warehouse)) = (shop(), warehouse()) else { return };
    let node = Node::start().await;
    let api = node.admin();
    api.post("/connections", connection("shop", &shop)).await.good();
    api.post("/connections", connection("wh", &warehouse)).await.good();
    let plan = api.post("/jobs/plan", json!({ "spec": spec("shop", "wh") })).await.json();
    let table = &plan["tables"][0];
    assert_eq!((&table["creates"], &table["columns"][0]["from"]), (&json!(true), &json!("id")));
    assert_eq!(table["columns"][0]["fidelity"], "widened", "{table}");
    assert_eq!(table["columns"][1]["to_type"], "numeric(12,2)", "{table}");
    assert_eq!(
        warehouse.value("SELECT count(*) FROM pg_tables WHERE tablename = 'orders'").as_deref(),
        Some("0")
    );
    api.post("/jobs", json!({ "name": "load", "spec": spec("shop", "wh") })).await.good();
    let same = api.post("/jobs/load/plan", json!({})).await.json();
    assert_eq!(same["tables"], plan["tables"]);
    let mut wrong = spec("shop", "wh");
    wrong["source"]["tables"] = json!(["oders"]);
    let problem = api.post("/jobs/plan", json!({ "spec": wrong })).await.problem(422, "E0207");
    assert!(problem["detail"].as_str().unwrap().contains("orders"), "{problem}");
}

#[tokio::test]
async fn sample_rows_go_through_the_mapping_and_the_steps() {
    let Some(shop) = shop() else { return };
    let node = Node::start().await;
    let api = node.admin();
    api.post("/connections", connection("shop", &shop)).await.good();
    api.post("/connections", json!({ "name": "out", "url": "mysql://u@127.0.0.1:1/nobody" }))
        .await
        .good();
    let mut job = spec("shop", "out");
    job["mode"] = json!("batch");
    job["columns"] = json!({ "orders": [
        { "from": "id" }, { "from": "secret", "to": "card" }, { "from": "price", "type": "text" },
    ] });
    job["processors"] = json!({ "source": [
        { "filter": "id <> 3" }, { "mask": { "columns": ["card"], "with": "redact" } },
    ] });
    let seen = api.post("/jobs/preview", json!({ "spec": job, "table": "orders" })).await.json();
    assert_eq!(seen["before"]["rows"].as_array().unwrap().len(), 3, "{seen}");
    let names: Vec<_> =
        seen["after"]["columns"].as_array().unwrap().iter().map(|c| &c["name"]).collect();
    assert_eq!(names, ["id", "card", "price"]);
    assert_eq!(
        seen["after"]["rows"],
        json!([["2", "***", "1234567890.12"], ["18446744073709551615", "***", "-0.10"]])
    );
    let few = api.post("/jobs/preview", json!({ "spec": job, "rows": 1 })).await.json();
    assert_eq!(few["before"]["rows"].as_array().unwrap().len(), 1);
    let wrong = json!({ "spec": job, "table": "none" });
    api.post("/jobs/preview", wrong).await.problem(422, "E0207");
    api.post("/jobs/preview", json!({ "spec": job, "rows": 1000 })).await.problem(422, "E0105");
}
