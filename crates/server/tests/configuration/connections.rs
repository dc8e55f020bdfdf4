//! Connections: made, changed, tried, looked into, and not removed while jobs use them.

use serde_json::{Value, json};

use crate::node::Node;
use crate::{connection, shop, spec, warehouse};

const PASSWORD: &str = "planted-Pa55/word@:é";

#[tokio::test]
async fn a_connection_lives_with_its_versions_and_its_password_is_never_told() {
    for node in Node::each().await {
        let api = node.admin();
        let made = api
            .post(
                "/connections",
                json!({
                    "name": "shop", "url": "mysql://me%40x@db1:3307,db2/shop?connect_timeout=7",
                    "password": PASSWORD, "description": "the shop's \"own\" ☃", "limit": 3,
                    "options": { "tls": "required" },
                }),
            )
            .await;
        assert_eq!((made.status, made.header("etag")), (201, Some("\"1\"")), "{}", made.text);
        let view = made.json();
        assert_eq!(view["url"], "mysql://me%40x@db1:3307,db2/shop");
        assert_eq!(view["options"], json!({ "connect_timeout": "7", "tls": "required" }));
        assert_eq!((&view["has_password"], &view["limit"]), (&json!(true), &json!(3)));
        api.post("/connections", json!({ "name": "shop", "url": "stream:" }))
            .await
            .problem(409, "E0504");
        // Whoever reads another's URL may not have the password sent to a host of his own.
        let elsewhere = json!({ "url": "mysql://me%40x@evil/shop?tls=required&connect_timeout=7" });
        api.put("/connections/shop", 1, elsewhere).await.problem(422, "E0105");
        let open = json!({ "url": "mysql://me%40x@db1:3307,db2/shop?tls=disabled" });
        api.put("/connections/shop", 1, open).await.problem(422, "E0105");
        let url = "mysql://me%40x@db1:3307,db2/shop?tls=required";
        let kept = api.put("/connections/shop", 1, json!({ "url": url })).await.json();
        assert_eq!((&kept["has_password"], &kept["version"]), (&json!(true), &json!(2)));
        api.put("/connections/shop", 1, json!({ "url": url })).await.problem(412, "E0505");
        api.delete_version("/connections/shop", 1).await.problem(412, "E0505");
        api.delete("/connections/shop").await.problem(428, "E0506");
        let renamed = json!({ "name": "other", "url": url });
        api.put("/connections/shop", 2, renamed).await.problem(422, "E0105");
        let without = api.put("/connections/shop", 2, json!({ "url": url, "password": null }));
        assert_eq!(without.await.json()["has_password"], false);
        for path in ["/connections", "/connections/shop", "/audit", "/openapi.json"] {
            let text = api.get(path).await.text;
            assert!(!text.contains("planted"), "{path}");
        }
        assert_eq!(api.delete_version("/connections/shop", 3).await.status, 204);
        api.get("/connections/shop").await.problem(404, "E0503");
        api.delete_version("/connections/shop", 3).await.problem(404, "E0503");
        no_trace(&node, "planted");
    }
}

/// Nothing in the node's folder has a text in it.
fn no_trace(node: &Node, text: &str) {
    for entry in std::fs::read_dir(node.folder()).unwrap().flatten() {
        if entry.path().is_file() {
            let bytes = std::fs::read(entry.path()).unwrap();
            let found = bytes.windows(text.len()).any(|w| w == text.as_bytes());
            assert!(!found, "{} has it", entry.path().display());
        }
    }
}

#[tokio::test]
async fn a_password_opens_again_after_a_restart_and_with_its_own_key_only() {
    let mut node = Node::start().await;
    let body = json!({ "name": "shop", "url": "mysql://u@127.0.0.1:1/d", "password": PASSWORD });
    node.admin().post("/connections", body).await.good();
    node.restart().await;
    // Nobody is there: it is the password that could be opened.
    let tried = node.admin().post("/connections/shop/test", json!({})).await.json();
    assert_eq!(tried["error"]["code"], "E0201", "{tried}");
    node.stop().await;
    let key = node.folder().join("secrets.key");
    let old = std::fs::read(&key).unwrap();
    std::fs::remove_file(&key).unwrap();
    let refused = syncline_server::Server::start(node.config()).await.err().unwrap();
    assert_eq!(refused.code(), syncline_types::Code::WrongKey, "{refused}");
    assert!(refused.message().contains("secrets.key"), "{refused}");
    std::fs::write(&key, &old).unwrap();
    node.start_again().await;
    let tried = node.admin().post("/connections/shop/test", json!({})).await.json();
    assert_eq!(tried["error"]["code"], "E0201", "{tried}");
    node.stop().await;
    let rotated = || syncline_server::Config {
        keys: syncline_server::KeySource { rotate: true, ..Default::default() },
        ..node.config()
    };
    syncline_server::Server::start(rotated()).await.unwrap().stop().await.unwrap();
    assert_ne!(std::fs::read(&key).unwrap(), old);
    node.start_again().await;
    let tried = node.admin().post("/connections/shop/test", json!({})).await.json();
    assert_eq!(tried["error"]["code"], "E0201", "{tried}");
}

#[tokio::test]
async fn lists_are_walked_and_searched() {
    let node = Node::start().await;
    let api = node.admin();
    for n in 0..7 {
        let body = json!({
            "name": format!("c{n}"), "url": "stream:?rows=1",
            "description": if n % 2 == 0 { "100%_even" } else { "odd" },
        });
        api.post("/connections", body).await.good();
    }
    let mut names: Vec<String> = Vec::new();
    let mut path = "/connections?limit=3".to_owned();
    loop {
        let page = api.get(&path).await.json();
        let items = page["items"].as_array().unwrap();
        names.extend(items.iter().map(|c| c["name"].as_str().unwrap().to_owned()));
        match page["next"].as_str() {
            Some(next) => path = format!("/connections?limit=3&after={next}"),
            None => break,
        }
    }
    assert_eq!(names, ["c0", "c1", "c2", "c3", "c4", "c5", "c6"]);
    let count = |page: Value| page["items"].as_array().unwrap().len();
    assert_eq!(count(api.get("/connections?q=100%25_E").await.json()), 4);
    assert_eq!(count(api.get("/connections?q=_").await.json()), 4);
    assert_eq!(count(api.get("/connections?q=%27%20OR%201%3D1").await.json()), 0);
    assert_eq!(count(api.get("/connections?q=C3").await.json()), 1);
}

#[tokio::test]
async fn databases_are_tried_and_looked_into() {
    let Some(shop) = shop() else { return };
    let node = Node::start().await;
    let api = node.admin();
    let given = connection("shop", &shop);
    let tested = api.post("/connections/test", given.clone()).await.json();
    assert_eq!(tested["ok"], true, "{tested}");
    assert!(tested["version"].as_str().unwrap().starts_with("MariaDB "), "{tested}");
    assert!(!tested["notes"].as_array().unwrap().contains(&tested["version"]), "{tested}");
    if let Some(warehouse) = warehouse() {
        let tested = api.post("/connections/test", connection("dw", &warehouse)).await.json();
        assert!(tested["version"].as_str().unwrap().starts_with("PostgreSQL 1"), "{tested}");
    }
    // Of a cluster it is told which host answers, and what is wrong with those before it.
    let cluster = shop.url().replace("@127.0.0.1", "@127.0.0.1:1,127.0.0.1");
    let tested = api.post("/connections/test", json!({ "url": cluster })).await.json();
    let notes: Vec<_> =
        tested["notes"].as_array().unwrap().iter().flat_map(Value::as_str).collect();
    assert!(notes[0].starts_with("127.0.0.1:1 is passed over: cannot connect"), "{tested}");
    assert!(notes[1].ends_with(" answers") && !notes[1].contains(":1 "), "{tested}");
    api.post("/connections", given).await.good();
    let away = api.post("/connections/test", json!({ "url": "mysql://u@127.0.0.1:1/x" })).await;
    let away = away.json();
    assert_eq!((&away["ok"], &away["error"]["code"]), (&json!(false), &json!("E0201")), "{away}");
    let tables = api.get("/connections/shop/tables").await.json();
    let names: Vec<_> = tables["items"].as_array().unwrap().iter().map(|t| &t["name"]).collect();
    assert_eq!(names, ["odd.name", "orders"]);
    assert_eq!(tables["items"][1]["has_key"], true);
    assert_eq!(tables["items"][0]["has_key"], false);
    let found = api.get("/connections/shop/tables?q=ORD&limit=1").await.json();
    assert_eq!((&found["items"][0]["name"], &found["next"]), (&json!("orders"), &Value::Null));
    let whole = format!("/connections/shop/tables/{}.orders", shop.name());
    for path in [whole.as_str(), "/connections/shop/tables/orders"] {
        let table = api.get(path).await.json();
        assert_eq!(table["columns"][0]["name"], "id");
        assert_eq!(table["columns"][0]["native"], "bigint(20) unsigned", "{table}");
        assert_eq!(table["columns"][0]["key"], true);
        assert_eq!(table["columns"][2]["nullable"], true);
    }
    assert_eq!(
        api.get("/connections/shop/tables/odd.name").await.json()["columns"][0]["name"],
        "a b"
    );
    let rows = api.get("/connections/shop/tables/orders/rows?limit=2").await.json();
    assert_eq!(
        rows["rows"],
        json!([["2", "1234567890.12", "día ☃", "card-2"], ["3", "0.00", "", "card-3"]])
    );
    let all = api.get("/connections/shop/tables/orders/rows").await.json();
    assert_eq!(all["rows"][2], json!(["18446744073709551615", "-0.10", null, "card-1"]));
    let mut session = shop.session();
    session.execute("SET sql_mode = ''");
    session.execute("CREATE TABLE odd_days (id INT PRIMARY KEY, d DATE NULL, t DATETIME NULL)");
    session.execute(
        "INSERT INTO odd_days VALUES (1, '0000-00-00', '2020-00-10 01:02:03'), (2, NULL, NULL)",
    );
    let days = api.get("/connections/shop/tables/odd_days/rows").await.json();
    assert_eq!(
        days["rows"],
        json!([["1", "0000-00-00", "2020-00-10 01:02:03"], ["2", null, null]])
    );
    for limit in ["0", "101"] {
        let path = format!("/connections/shop/tables/orders/rows?limit={limit}");
        api.get(&path).await.problem(422, "E0105");
    }
    for odd in ["none", "orders'--", "%2e%2e", "%2A", "x%22y", "a%60b", "%00", "☃"] {
        let answer = api.get(&format!("/connections/shop/tables/{odd}")).await;
        assert!((400..500).contains(&answer.status), "{odd}: {} {}", answer.status, answer.text);
    }
    api.get("/connections/none/tables").await.problem(404, "E0503");
}

#[tokio::test]
async fn a_connection_in_use_stays() {
    let (Some(shop), Some(warehouse)) = (shop(), warehouse()) else { return };
    for node in Node::each().await {
        let api = node.admin();
        api.post("/connections", connection("shop", &shop)).await.good();
        api.post("/connections", connection("wh", &warehouse)).await.good();
        let job = json!({ "name": "load", "spec": spec("shop", "wh") });
        api.post("/jobs", job).await.good();
        assert_eq!(api.get("/connections/shop").await.json()["used_by"], json!(["load"]));
        let list = api.get("/connections").await.json();
        assert_eq!(list["items"][1]["used_by"], json!(["load"]));
        let refused = api.delete_version("/connections/shop", 1).await.problem(409, "E0510");
        assert!(refused["detail"].as_str().unwrap().contains("load"), "{refused}");
        assert_eq!(api.delete_version("/jobs/load", 1).await.status, 204);
        assert_eq!(api.delete_version("/connections/shop", 1).await.status, 204);
    }
}
