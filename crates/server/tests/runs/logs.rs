//! The log of a run, from its beginning and from its end.

use serde_json::{Value, json};
use syncline_store::{Level, NewEvent};

use crate::bench::Bench;
use crate::node::work::until;

/// Lines that are added to those of the run itself.
const LINES: usize = 1_200;

fn messages(page: &Value) -> Vec<String> {
    let items = page["items"].as_array().unwrap().iter();
    items.map(|line| line["message"].as_str().unwrap().to_owned()).collect()
}

fn added(lines: std::ops::RangeInclusive<usize>) -> Vec<String> {
    lines.map(|n| format!("line {n}")).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_long_log_is_read_from_its_end_too() {
    for bench in Bench::each().await {
        bench.job("copy", None).await;
        let run = bench.begin("copy").await;
        bench.until_state(&run, "finished").await;
        let admin = bench.admin();
        let logs =
            async |query: &str| admin.get(&format!("/runs/{run}/logs?{query}")).await.good().json();
        // What it says last is kept a moment after its end can be read.
        until("its last words", || async {
            messages(&logs("limit=500").await)
                .iter()
                .any(|m| m.starts_with("finished: "))
                .then_some(())
        })
        .await;
        let event = |n: usize| NewEvent {
            run: run.clone(),
            kind: "note".into(),
            level: if n.is_multiple_of(100) { Level::Warn } else { Level::Info },
            message: format!("line {n}"),
            body: json!({}),
        };
        let events: Vec<NewEvent> = (1..=LINES).map(event).collect();
        let store = bench.store();
        tokio::task::spawn_blocking(move || store.add_events(&events)).await.unwrap().unwrap();

        let newest = logs("last=10").await;
        assert_eq!(messages(&newest), added(LINES - 9..=LINES));
        assert_eq!(newest["next"], Value::Null);
        let before = logs(&format!("last=500&before={}", newest["previous"])).await;
        assert_eq!(messages(&before), added(LINES - 509..=LINES - 10));
        assert_eq!(
            messages(&logs("last=3&level=warn").await),
            ["line 1000", "line 1100", "line 1200"]
        );

        // Forwards and backwards it is the same log, and whole.
        let (mut forwards, mut at) = (Vec::new(), json!(0));
        while !at.is_null() {
            let page = logs(&format!("limit=500&after={at}")).await;
            forwards.extend(messages(&page));
            at = page["next"].clone();
        }
        let (mut backwards, mut page) = (Vec::new(), logs("last=499").await);
        loop {
            backwards.splice(0..0, messages(&page));
            if page["previous"].is_null() {
                break;
            }
            page = logs(&format!("limit=499&before={}", page["previous"])).await;
        }
        assert!(
            forwards.len() > LINES && forwards == backwards,
            "{} {}",
            forwards.len(),
            backwards.len()
        );
        assert_eq!(forwards[forwards.len() - LINES..], added(1..=LINES));

        let event = admin.get(&format!("/runs/{run}/events?last=1")).await.good().json();
        assert_eq!(
            (&event["items"][0]["type"], messages(&event)),
            (&json!("note"), added(LINES..=LINES))
        );
        assert!(messages(&logs("last=5&before=0").await).is_empty());
        for odd in ["0", "501", "-1", "x"] {
            let refused = admin.get(&format!("/runs/{run}/logs?last={odd}")).await;
            assert!([400, 422].contains(&refused.status), "{odd}: {}", refused.text);
        }
    }
}
