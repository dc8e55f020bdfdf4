//! Whoever goes away while they wait for a source takes their query along: it ends at the source.

use std::time::Duration;

use super::*;
use crate::node::Node;

/// What a query of a test is known by.
const MARK: &str = "a_query_that_nobody_waits_for";

/// How many sessions of a server sleep in that query. It is seen for a moment before, when its columns
/// are asked for.
fn at_work(database: &Database) -> u64 {
    let sql = if database.url().starts_with("mysql") {
        format!(
            "SELECT count(*) FROM information_schema.processlist
             WHERE info LIKE '%{MARK}%' AND state = 'User sleep'"
        )
    } else {
        format!(
            "SELECT count(*) FROM pg_stat_activity
             WHERE query LIKE '%{MARK}%' AND wait_event = 'PgSleep'"
        )
    };
    database.value(&sql).unwrap().parse().unwrap()
}

async fn until(what: &str, is: impl Fn() -> bool) {
    for _ in 0..300 {
        if is() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    panic!("{what}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_preview_that_nobody_waits_for_ends_at_the_source() {
    let node = Node::start().await;
    let api = node.admin();
    let stores = [Kind::MariaDb, Kind::MySql, Kind::Postgres, Kind::Postgres17];
    for (kind, server) in stores.into_iter().filter_map(|k| Some((k, Server::shared(k)?))) {
        let source = server.database();
        let slow = match kind.is_mysql() {
            true => format!("SELECT sleep(120) AS s, '{MARK}' AS m"),
            false => format!("SELECT 1 AS s, '{MARK}'::text AS m FROM pg_sleep(120)"),
        };
        let name = kind.name();
        api.post("/connections", connection(name, &source)).await.good();
        let job = json!({
            "version": 1,
            "source": { "connection": name, "query": slow },
            "sink": { "connection": name, "table": "t" },
        });
        let client = api.clone();
        let waiting =
            tokio::spawn(async move { client.post("/jobs/preview", json!({ "spec": job })).await });
        for _ in 0..2_000 {
            if at_work(&source) > 0 {
                break;
            }
            assert!(!waiting.is_finished(), "{name}: {:?}", waiting.await);
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        assert_eq!(at_work(&source), 1, "{name}: the query is at work");
        waiting.abort();
        until(&format!("{name}: the query goes on"), || at_work(&source) == 0).await;
    }
    api.get("/connectors").await.good();
}
