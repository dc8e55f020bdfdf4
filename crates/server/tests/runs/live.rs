//! Those who watch: what they see, what they get after a break in the line, and what becomes of
//! those who are slow, loud, or not allowed.

use std::time::Duration;

use futures::{SinkExt as _, StreamExt as _};
use serde_json::{Value, json};
use syncline_testkit::api::ADMIN_TOKEN;
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};

use crate::bench::{Bench, ROWS};

pub(crate) struct Watcher(WebSocketStream<MaybeTlsStream<TcpStream>>);

async fn connect(
    bench: &Bench,
    query: &str,
    headers: &[(&'static str, &str)],
) -> Result<Watcher, u16> {
    let url = bench.node.url().replace("http://", "ws://");
    let mut request = format!("{url}/api/v1/live{query}").into_client_request().unwrap();
    for (name, value) in headers {
        request.headers_mut().insert(*name, value.parse().unwrap());
    }
    match connect_async(request).await {
        Ok((socket, _)) => Ok(Watcher(socket)),
        Err(Error::Http(response)) => Err(response.status().as_u16()),
        Err(error) => panic!("{error}"),
    }
}

impl Watcher {
    async fn of(bench: &Bench, query: &str, subscribe: Value) -> Self {
        let token = format!("Bearer {ADMIN_TOKEN}");
        Self::with(bench, query, &[("authorization", &token)], &subscribe).await
    }

    /// One who is known by these headers.
    pub(crate) async fn with(
        bench: &Bench,
        query: &str,
        headers: &[(&'static str, &str)],
        subscribe: &Value,
    ) -> Self {
        let mut watcher = connect(bench, query, headers).await.unwrap();
        watcher.say(&json!({ "subscribe": subscribe }).to_string()).await;
        watcher
    }

    async fn say(&mut self, text: &str) {
        self.0.send(Message::text(text)).await.unwrap();
    }

    /// The next message; `None` once the line is closed.
    pub(crate) async fn next(&mut self) -> Option<Value> {
        loop {
            let next = tokio::time::timeout(Duration::from_secs(30), self.0.next()).await;
            match next.expect("a message comes") {
                Some(Ok(Message::Text(text))) => return Some(serde_json::from_str(&text).unwrap()),
                Some(Ok(Message::Close(_)) | Err(_)) | None => return None,
                Some(Ok(_)) => {}
            }
        }
    }

    /// All messages up to one that is looked for.
    pub(crate) async fn until(&mut self, is: impl Fn(&Value) -> bool) -> Vec<Value> {
        let mut seen = Vec::new();
        while let Some(message) = self.next().await {
            let found = is(&message);
            seen.push(message);
            if found {
                return seen;
            }
        }
        panic!("the line closed first: {seen:#?}")
    }
}

fn is_state(message: &Value, run: &str, state: &str) -> bool {
    message["type"] == "state" && message["run"] == run && message["state"] == state
}

/// Numbers of events, without those of snapshots and progress.
fn numbers(messages: &[Value]) -> Vec<i64> {
    let kept = |m: &&Value| m["type"] != "progress" && m["type"] != "snapshot";
    messages.iter().filter(kept).map(|m| m["seq"].as_i64().unwrap()).collect()
}

async fn recorded(bench: &Bench, run: &str) -> Vec<i64> {
    let events = bench.admin().get(&format!("/runs/{run}/events?limit=500")).await.good().json();
    events["items"].as_array().unwrap().iter().map(|e| e["seq"].as_i64().unwrap()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn who_watches_sees_every_event_also_after_a_break_in_the_line() {
    for bench in Bench::each().await {
        bench.job("watched", Some(1_500)).await;
        bench.job("other", None).await;
        let mut all = Watcher::of(&bench, "", json!({ "all": true })).await;
        assert_eq!(all.next().await.unwrap()["type"], "snapshot");
        let run = bench.begin("watched").await;
        let mut one = Watcher::of(&bench, "", json!({ "runs": [run] })).await;
        let first = one.next().await.unwrap();
        assert_eq!((&first["type"], &first["runs"][0]["id"]), (&json!("snapshot"), &json!(run)));
        let moving = |m: &Value| m["type"] == "progress" && m["runs"][0]["rows_written"] != 0;
        let seen = one.until(moving).await;
        let progress = &seen.last().unwrap()["runs"][0];
        assert_eq!((&progress["run"], &progress["job"]), (&json!(run), &json!("watched")));
        assert!(progress["tables"][0]["rows_written"].as_i64().unwrap() <= ROWS);
        let mut last = first["seq"].as_i64().unwrap();
        let mut told = numbers(&seen);
        last = told.last().copied().unwrap_or(last);
        // The line breaks, and much happens before it is back.
        drop(one);
        bench.ask(&run, "pause").await.good();
        bench.until_state(&run, "paused").await;
        let other = bench.begin("other").await;
        bench.until_state(&other, "finished").await;
        bench.ask(&run, "resume").await.good();
        let mut one =
            Watcher::of(&bench, &format!("?after={last}"), json!({ "runs": [run] })).await;
        let seen = one.until(|m| is_state(m, &run, "finished")).await;
        told.extend(numbers(&seen));
        let from = first["seq"].as_i64().unwrap();
        let expected: Vec<i64> =
            recorded(&bench, &run).await.into_iter().filter(|seq| *seq > from).collect();
        // The last word of a run may come right behind its end.
        assert_eq!(told, expected[..told.len()], "{seen:#?}");
        assert!(expected.len() - told.len() <= 1, "{expected:?} {told:?}");
        // Whoever watches all has seen both.
        let seen = all.until(|m| is_state(m, &run, "finished")).await;
        let both: Vec<i64> = numbers(&seen);
        assert!(both.windows(2).all(|pair| pair[0] < pair[1]), "{both:?}");
        for id in [&run, &other] {
            let missing: Vec<i64> = recorded(&bench, id)
                .await
                .into_iter()
                .filter(|seq| *seq <= *both.last().unwrap() && !both.contains(seq))
                .collect();
            assert!(missing.is_empty(), "{missing:?} of {both:?}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_does_not_read_gets_a_snapshot_and_holds_nobody_up() {
    let bench = Bench::start().await;
    bench.job("busy", Some(2_000)).await;
    let mut slow = Watcher::of(&bench, "", json!({ "all": true })).await;
    let first = slow.next().await.unwrap();
    assert_eq!(first["type"], "snapshot");
    let mut quick = Watcher::of(&bench, "", json!({ "all": true })).await;
    assert_eq!(quick.next().await.unwrap()["type"], "snapshot");
    let run = bench.begin("busy").await;
    bench.until_state(&run, "finished").await;
    // Far more events than are kept for anybody: each of them of a few kilobytes.
    let store = bench.store();
    let words = "x".repeat(8_000);
    let event = |n: usize| syncline_store::NewEvent {
        run: run.clone(),
        kind: "note".into(),
        level: syncline_store::Level::Info,
        message: format!("{n} {words}"),
        body: json!({}),
    };
    for some in 0..60 {
        let events: Vec<_> = (0..100).map(|n| event(some * 100 + n)).collect();
        store.add_events(&events).unwrap();
    }
    let last = store.last_event().unwrap();
    // Somebody who reads gets to the end, without a gap or by a snapshot.
    let reached = |m: &Value| m["seq"].as_i64() == Some(last);
    quick.until(reached).await;
    // The slow one falls out of the ring, and comes back by a snapshot.
    let seen = slow.until(reached).await;
    assert!(seen.len() < 6_000, "{} messages were held for one who did not read", seen.len());
    assert!(seen.iter().any(|m| m["type"] == "snapshot"), "no snapshot in {}", seen.len());
    let told: Vec<i64> = seen.iter().map(|m| m["seq"].as_i64().unwrap()).collect();
    assert!(told.windows(2).all(|pair| pair[0] <= pair[1]), "out of order");
}

#[tokio::test(flavor = "multi_thread")]
async fn strangers_other_pages_and_floods_are_turned_away() {
    let bench = Bench::start().await;
    assert_eq!(connect(&bench, "", &[]).await.err(), Some(401));
    let token = format!("Bearer {ADMIN_TOKEN}");
    let foreign = [("authorization", &*token), ("origin", "http://evil.example")];
    assert_eq!(connect(&bench, "", &foreign).await.err(), Some(403));
    let own = [("authorization", &*token), ("origin", bench.node.url())];
    let mut watcher = connect(&bench, "", &own).await.unwrap();
    watcher.say("{\"subscribe\": {\"everything\": true}}").await;
    assert_eq!(watcher.next().await, None, "nonsense is answered with the end of the line");
    let mut loud = Watcher::of(&bench, "", json!({ "all": true })).await;
    for _ in 0..200 {
        if loud.0.send(Message::text("{\"subscribe\": {\"all\": true}}")).await.is_err() {
            break;
        }
    }
    let mut answered = 0;
    while loud.next().await.is_some() {
        answered += 1;
    }
    assert!(answered <= 51, "{answered} answers to a flood");
    let mut long = Watcher::of(&bench, "", json!({ "all": true })).await;
    long.next().await.unwrap();
    let _ = long.0.send(Message::text("x".repeat(100_000))).await;
    assert_eq!(long.next().await, None, "a message too long ends the line");
    // Nothing of all that has hurt the node.
    bench.admin().get("/runs").await.good();
}
