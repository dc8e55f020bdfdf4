//! What makes no sense is refused in words, and breaks nothing.

use serde_json::{Value, json};
use syncline_testkit::api::{Answer, Client};

use crate::node::Node;

async fn raw(api: &Client, method: &str, path: &str, kind: &str, body: Vec<u8>) -> Answer {
    let method = reqwest::Method::from_bytes(method.as_bytes()).unwrap();
    let request = api.request(method, &format!("/api/v1{path}"));
    api.send(request.header("content-type", kind).header("if-match", "*").body(body)).await
}

/// A refusal, in the form of all.
#[track_caller]
fn refused(what: &str, answer: &Answer) -> Value {
    assert!((400..500).contains(&answer.status), "{what}: {} {}", answer.status, answer.text);
    assert_eq!(answer.header("content-type"), Some("application/problem+json"), "{what}");
    let problem: Value = serde_json::from_str(&answer.text).unwrap();
    assert!(problem["detail"].as_str().is_some_and(|d| !d.is_empty()), "{what}: {problem}");
    problem
}

#[tokio::test]
async fn bodies_that_are_none_are_refused_everywhere() {
    let node = Node::start().await;
    let api = node.admin();
    api.post("/connections", json!({ "name": "c", "url": "stream:" })).await.good();
    let spec =
        json!({ "version": 1, "source": { "url": "stream:" }, "sink": { "url": "stream:" } });
    api.post("/jobs", json!({ "name": "j", "spec": spec })).await.good();
    let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
    let deep_in = format!("{{\"spec\": {deep}}}");
    let bodies: Vec<(&str, Vec<u8>)> = vec![
        ("nothing", vec![]),
        ("no JSON", b"{".to_vec()),
        ("a list", b"[]".to_vec()),
        ("null", b"null".to_vec()),
        ("no UTF-8", vec![b'"', 0xff, b'"']),
        ("deep", deep.into_bytes()),
        ("deep inside", deep_in.into_bytes()),
        ("another key", br#"{"name":"x","url":"stream:","nam":1}"#.to_vec()),
        ("twice", br#"{"name":"x","name":"y","url":"stream:","version":1}"#.to_vec()),
        ("wrong types", br#"{"name":1,"url":[],"spec":1,"yaml":{},"version":"x"}"#.to_vec()),
        ("too long", vec![b' '; 3 << 20]),
    ];
    for (method, path) in [
        ("POST", "/connections"),
        ("PUT", "/connections/c"),
        ("POST", "/connections/test"),
        ("POST", "/jobs"),
        ("PUT", "/jobs/j"),
        ("POST", "/jobs/validate"),
        ("POST", "/jobs/plan"),
        ("POST", "/jobs/preview"),
        ("POST", "/jobs/j/rollback"),
        ("POST", "/jobs/j/clone"),
    ] {
        for (what, body) in &bodies {
            let what = format!("{method} {path}: {what}");
            let answer = raw(&api, method, path, "application/json", body.clone()).await;
            refused(&what, &answer);
        }
        let form = raw(&api, method, path, "text/plain", b"{}".to_vec()).await;
        refused(path, &form);
    }
    assert_eq!(api.get("/connections/c").await.json()["version"], 1);
    assert_eq!(api.get("/jobs/j").await.json()["version"], 1);
}

#[tokio::test]
async fn odd_names_and_queries_are_refused() {
    for node in Node::each().await {
        let api = node.admin();
        for name in [
            "",
            " ",
            ".",
            "..",
            "-x",
            "a/b",
            "a\\b",
            "a b",
            "ä",
            "☃",
            "a\0b",
            "a'; DROP TABLE jobs",
            "test",
            "validate",
            "plan",
            "preview",
            "import",
            "%2e",
            &"x".repeat(129),
        ] {
            let made = api.post("/connections", json!({ "name": name, "url": "stream:" })).await;
            refused(name, &made);
            let spec = json!({ "version": 1, "source": { "url": "stream:" }, "sink": { "url": "stream:" } });
            let made = api.post("/jobs", json!({ "name": name, "spec": spec })).await;
            refused(name, &made);
        }
        for path in ["a%00b", "%2e%2e%2f", "%ff", "'%20OR%201=1", "☃", "a%2Fb"] {
            for of in ["connections", "jobs"] {
                let answer = api.get(&format!("/{of}/{path}")).await;
                refused(path, &answer);
            }
        }
        for query in [
            "limit=0",
            "limit=501",
            "limit=x",
            "limit=-1",
            "after=x",
            "after=bnVsbA",
            "limit=1&limit=2",
            "q=a%00b",
            "after=Ilx1MDAwMCI",
        ] {
            for of in ["connections", "jobs"] {
                refused(query, &api.get(&format!("/{of}?{query}")).await);
            }
        }
        let spec =
            json!({ "version": 1, "source": { "url": "stream:" }, "sink": { "url": "stream:" } });
        api.post("/jobs", json!({ "name": "j", "spec": spec })).await.good();
        for path in [
            "versions/0",
            "versions/x",
            "versions/-1",
            "versions/18446744073709551615",
            "diff?from=x",
            "diff?from=7",
        ] {
            refused(path, &api.get(&format!("/jobs/j/{path}")).await);
        }
        for tag in ["1", "\"x\"", "", "\"99999999999999999999999\"", "W/1"] {
            let with = api.header("if-match", tag);
            refused(tag, &with.delete("/jobs/j").await);
        }
        let nul = json!({ "name": "n", "url": "stream:", "description": "a\u{0}b" });
        refused("NUL", &api.post("/connections", nul).await);
        let url = json!({ "name": "n", "url": "mysql://u@h/a%00b" });
        refused("NUL in a URL", &api.post("/connections", url).await);
        for side in ["mysql://u@h/a%00b", "mysql://u%00@h/a", "mysql://h/d?session=a%00b"] {
            let spec =
                json!({ "version": 1, "source": { "url": side }, "sink": { "url": "stream:" } });
            refused(side, &api.post("/jobs", json!({ "name": "n", "spec": spec })).await);
        }
    }
}

#[tokio::test]
async fn jobs_that_are_none_are_refused() {
    let node = Node::start().await;
    let api = node.admin();
    let bomb = "a: &a [x,x,x,x,x,x,x,x,x]\nb: &b [*a,*a,*a,*a,*a,*a,*a,*a]\nc: &c [*b,*b,*b,*b,*b,*b,*b,*b]\nd: &d [*c,*c,*c,*c,*c,*c,*c,*c]\ne: &e [*d,*d,*d,*d,*d,*d,*d,*d]\nf: &f [*e,*e,*e,*e,*e,*e,*e,*e]\ng: [*f,*f,*f,*f,*f,*f,*f,*f]\n";
    let deep =
        format!("version: 1\nprocessors: {{ source: {}{} }}", "[".repeat(5_000), "]".repeat(5_000));
    let long = format!("version: 1\n# {}", "x".repeat(1_100_000));
    let mine = "version: 1\nsource: { url: 'stream:' }\nsink: { url: 'stream:' }\n";
    for yaml in [
        "",
        "\u{feff}",
        "null",
        "[]",
        "version: 2",
        bomb,
        &deep,
        &long,
        "!!python/object:x {}",
        "--- a\n--- b",
        &format!("{mine}name: other\n"),
        &format!("{mine}schedule: {{ after: j }}\n"),
        &format!("{mine}schedule: {{ cron: '* * * * *', timezone: Mars/Base }}\n"),
        &format!("{mine}speed: {{ parallel: -1 }}\n"),
        &format!("{mine}until: caught-up\n"),
    ] {
        let name = yaml.chars().take(60).collect::<String>();
        refused(&name, &api.post("/jobs", json!({ "name": "j", "yaml": yaml })).await);
    }
    for spec in [
        json!({}),
        json!([]),
        json!("x"),
        json!({ "version": 1, "source": { "url": "mysql://u:planted@h/d" }, "sink": { "url": "stream:" } }),
        json!({ "version": 1, "source": { "url": "" }, "sink": { "url": "stream:" } }),
        json!({ "version": 1, "source": { "url": "ftp://h/x" }, "sink": { "url": "stream:" } }),
        json!({ "version": 1, "source": { "url": "mysql://h/d?tlss=1" }, "sink": { "url": "stream:" } }),
        json!({ "version": 1.5, "source": { "url": "stream:" }, "sink": { "url": "stream:" } }),
    ] {
        let answer = api.post("/jobs", json!({ "name": "j", "spec": spec })).await;
        let problem = refused(&spec.to_string(), &answer);
        assert!(!problem.to_string().contains("planted"), "{problem}");
    }
    for (priority, status) in [(11, 422), (-11, 422), (10, 201)] {
        let body = json!({ "name": "p", "yaml": mine, "priority": priority });
        assert_eq!(api.post("/jobs", body).await.status, status);
    }
    let spec =
        json!({ "version": 1, "source": { "url": "stream:" }, "sink": { "url": "stream:" } });
    let twice = json!({ "name": "j", "spec": spec, "yaml": mine });
    refused("both forms", &api.post("/jobs", twice).await);
    refused("no form", &api.post("/jobs", json!({ "name": "j" })).await);
    let doubled = br#"{"name":"j","spec":{"version":1,"source":{"url":"stream:","url":"stream:"},"sink":{"url":"stream:"}}}"#;
    refused(
        "twice inside",
        &raw(&api, "POST", "/jobs", "application/json", doubled.to_vec()).await,
    );
}
