//! A node starts, answers, stops, and starts again, on both kinds of state.
#![allow(clippy::unwrap_used, reason = "helpers of tests")]

mod node;

use node::Node;
use reqwest::Method;

#[tokio::test]
async fn a_node_starts_answers_stops_and_starts_again() {
    for mut node in Node::each().await {
        for _ in 0..2 {
            for path in ["/healthz", "/readyz"] {
                let client = node.nobody();
                client.send(client.request(Method::GET, path)).await.good();
            }
            let document = node.nobody().get("/openapi.json").await.json();
            assert_eq!(document["openapi"], "3.1.0");
            node.nobody().get("/connectors").await.problem(401, "E0501");
            node.nobody().token("wrong").get("/connectors").await.problem(401, "E0501");
            let connectors = node.admin().get("/connectors").await.json();
            assert!(connectors.as_array().unwrap().iter().any(|c| c["id"] == "mysql"));
            node.restart().await;
        }
    }
}
