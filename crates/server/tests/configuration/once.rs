//! Requests with an Idempotency-Key are done once.

use serde_json::json;

use crate::node::Node;

#[tokio::test]
async fn the_same_request_gets_the_first_answer_again() {
    for node in Node::each().await {
        let api = node.admin().header("idempotency-key", "k-1");
        let body = json!({ "name": "c", "url": "mysql://u@h/d", "password": "planted" });
        let first = api.post("/connections", body.clone()).await;
        assert_eq!((first.status, first.header("idempotent-replayed")), (201, None));
        let again = api.post("/connections", body.clone()).await;
        assert_eq!((again.status, &again.text), (201, &first.text));
        assert_eq!(again.header("idempotent-replayed"), Some("true"));
        assert_eq!(again.header("etag"), first.header("etag"));
        assert_eq!(again.header("content-type"), first.header("content-type"));
        let other = json!({ "name": "d", "url": "mysql://u@h/d" });
        api.post("/connections", other.clone()).await.problem(422, "E0509");
        api.post("/jobs/validate", json!({ "yaml": "x" })).await.problem(422, "E0509");
        // Another caller's key is another key.
        let made = node.admin().post("/tokens", json!({ "name": "t", "role": "editor" })).await;
        let token = made.json()["token"].as_str().unwrap().to_owned();
        let theirs = node.nobody().token(&token).header("idempotency-key", "k-1");
        assert_eq!(theirs.post("/connections", other).await.status, 201);
        // A refusal is an answer too.
        let refused = node.admin().header("idempotency-key", "k-2");
        refused.post("/connections", body.clone()).await.problem(409, "E0504");
        node.admin().delete_version("/connections/c", 1).await.good();
        refused.post("/connections", body.clone()).await.problem(409, "E0504");
        for key in [" ", &"x".repeat(256)] {
            let odd = node.admin().header("idempotency-key", key);
            odd.post("/connections", body.clone()).await.problem(422, "E0105");
        }
        // Tokens are told once.
        let tokens = node.admin().header("idempotency-key", "k-3");
        let one = tokens.post("/tokens", json!({ "name": "one", "role": "viewer" })).await;
        assert_eq!(one.status, 201);
        let two = tokens.post("/tokens", json!({ "name": "two", "role": "viewer" })).await;
        assert_eq!(two.header("idempotent-replayed"), None);
    }
}

#[tokio::test]
async fn of_many_at_once_one_is_done() {
    for node in Node::each().await {
        let api = node.admin().header("idempotency-key", "same");
        let ask = || {
            let api = api.clone();
            async move { api.post("/connections", json!({ "name": "c", "url": "stream:" })).await }
        };
        let answers = futures::future::join_all((0..8).map(|_| ask())).await;
        let made: Vec<_> = answers.iter().filter(|a| a.status == 201).collect();
        assert!(made.iter().all(|a| a.text == made[0].text));
        let first = made.iter().filter(|a| a.header("idempotent-replayed").is_none()).count();
        assert_eq!(first, 1);
        // The others came while it was being done.
        for other in answers.iter().filter(|a| a.status != 201) {
            other.problem(503, "E0213");
        }
        assert_eq!(ask().await.status, 201);
    }
}
