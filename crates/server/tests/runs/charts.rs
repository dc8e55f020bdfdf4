//! Points of a run's charts, for a page that is opened while it runs.

use serde_json::{Value, json};

use crate::bench::{Bench, ROWS};

fn points(samples: &Value) -> Vec<(String, u64)> {
    let point =
        |p: &Value| (p["at"].as_str().unwrap().to_owned(), p["rows_per_second"].as_u64().unwrap());
    samples["items"].as_array().unwrap().iter().map(point).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_that_is_opened_anew_has_the_points_there_were() {
    let bench = Bench::start().await;
    bench.job("slow", Some(400)).await;
    let run = bench.begin("slow").await;
    let admin = bench.admin();
    let samples =
        async |query: &str| admin.get(&format!("/runs/{run}/samples{query}")).await.good().json();
    let moving = async || {
        for _ in 0..1_000 {
            let found = samples("").await;
            if points(&found).iter().any(|(_, rate)| *rate > 0) {
                return found;
            }
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
        panic!("no points came")
    };
    assert_eq!(moving().await["every_ms"], 1000);
    // It goes on with them after a pause, and they stay when it has ended.
    bench.ask(&run, "pause").await.good();
    bench.until_state(&run, "paused").await;
    let paused = points(&samples("").await);
    assert!(!paused.is_empty());
    bench.ask(&run, "resume").await.good();
    assert_eq!(bench.until_state(&run, "finished").await["rows_written"], ROWS);
    let whole = points(&samples("?minutes=10").await);
    assert_eq!(whole[0].0, paused[0].0);
    assert!(whole.windows(2).all(|two| two[0].0 < two[1].0), "{whole:?}");
    // Further back a point stands for a minute.
    let hour = samples("?minutes=60").await;
    assert_eq!(hour["every_ms"], 60_000);
    assert!(!points(&hour).is_empty() && points(&hour).len() <= whole.len());
    for odd in ["0", "1441", "-1", "x"] {
        let path = format!("/runs/{run}/samples?minutes={odd}");
        let refused = admin.get(&path).await;
        assert!([400, 422].contains(&refused.status), "{odd}: {}", refused.text);
    }
    admin.get("/runs/none/samples").await.problem(404, "E0503");
    // What is forgotten has none.
    admin.delete(&format!("/runs/{run}")).await.good();
    admin.get(&format!("/runs/{run}/samples")).await.problem(404, "E0503");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_names_the_stored_connections_of_its_job_as_they_were() {
    for bench in Bench::each().await {
        let admin = bench.admin();
        for (name, file) in [("shop", "source.db"), ("dw", "copy.db"), ("dw2", "copy2.db")] {
            let body = json!({ "name": name, "url": bench.url(file) });
            admin.post("/connections", body).await.good();
        }
        let spec = |sink: &str| {
            json!({ "version": 1, "source": { "connection": "shop" },
                    "sink": { "connection": sink, "write": "upsert" } })
        };
        bench.job_of("copy", spec("dw")).await;
        let run = bench.begin("copy").await;
        bench.until_state(&run, "finished").await;
        admin.put("/jobs/copy", 1, json!({ "spec": spec("dw2") })).await.good();
        let then = bench.run(&run).await;
        assert_eq!(
            (&then["source_connection"], &then["sink_connection"]),
            (&json!("shop"), &json!("dw"))
        );
        let now = bench.begin("copy").await;
        bench.until_state(&now, "finished").await;
        let list = admin.get("/runs?job=copy").await.good().json();
        let sinks: Vec<&Value> =
            list["items"].as_array().unwrap().iter().map(|r| &r["sink_connection"]).collect();
        assert_eq!(sinks, ["dw2", "dw"]);
        // A job that brings its own addresses has none.
        bench.job("own", None).await;
        let own = bench.begin("own").await;
        assert_eq!(bench.until_state(&own, "finished").await["source_connection"], Value::Null);
        // Jobs are found by how their newest run went, and by what they read and write.
        let names = async |query: &str| -> Vec<String> {
            let page = admin.get(&format!("/jobs?{query}")).await.good().json();
            let items = page["items"].as_array().unwrap().iter();
            items.map(|job| job["name"].as_str().unwrap().to_owned()).collect()
        };
        assert_eq!(names("state=finished").await, ["copy", "own"]);
        assert!(names("state=failed,paused").await.is_empty());
        assert_eq!(names("q=DW2").await, ["copy"]);
        assert_eq!(names("q=own.db&state=finished").await, ["own"]);
        admin.get("/jobs?state=odd").await.problem(422, "E0105");
        let page = admin.get("/jobs?state=finished&limit=1").await.good().json();
        let next = page["next"].as_str().unwrap();
        assert_eq!(names(&format!("state=finished&limit=1&after={next}")).await, ["own"]);
    }
}
