//! Every button in every state, alone and by several clients at once.

use serde_json::json;

use crate::bench::{Bench, ROWS, id_of};

#[tokio::test(flavor = "multi_thread")]
async fn a_run_starts_pauses_goes_on_and_ends_with_every_row() {
    for bench in Bench::each().await {
        bench.job("copy", Some(1_500)).await;
        let run = bench.begin("copy").await;
        bench.until_moving(&run).await;
        let paused = bench.ask(&run, "pause").await.good().json();
        assert!(["pausing", "paused"].contains(&paused["state"].as_str().unwrap()), "{paused}");
        assert_eq!(paused["reason"], "paused by admin token");
        let paused = bench.until_state(&run, "paused").await;
        let there = bench.count("copy");
        assert!(there > 0 && there < ROWS, "{there} rows");
        assert_eq!(paused["rows_written"], there);
        // What is paused is neither started anew nor paused into another state.
        bench.admin().post("/jobs/copy/runs", json!({})).await.problem(409, "E0410");

        let resumed = bench.ask(&run, "resume").await.good().json();
        assert!(["waiting", "running"].contains(&resumed["state"].as_str().unwrap()));
        let done = bench.until_state(&run, "finished").await;
        assert_eq!((done["rows_written"].as_i64(), bench.count("copy")), (Some(ROWS), ROWS));
        assert_eq!(done["epoch"], 2);
        assert!(done["started_at"].is_string() && done["ended_at"].is_string());
        let states = bench.history(&run).await;
        let expected = [
            "created", "waiting", "running", "pausing", "paused", "waiting", "running", "finished",
        ];
        assert_eq!(states, expected);
        for what in ["pause", "resume", "stop"] {
            let problem = bench.ask(&run, what).await.problem(409, "E0410");
            assert!(problem["detail"].as_str().unwrap().contains("finished"), "{problem}");
        }

        // Its parts.
        let admin = bench.admin();
        let tables = admin.get(&format!("/runs/{run}/tables")).await.good().json();
        assert_eq!(tables["items"][0]["rows_written"], ROWS);
        assert_eq!(tables["items"][0]["done"], true);
        let splits = admin.get(&format!("/runs/{run}/splits")).await.good().json();
        assert!(splits["items"].as_array().unwrap().iter().all(|s| s["done"] == true));
        let logs = admin.get(&format!("/runs/{run}/logs")).await.good().json();
        let said: Vec<&str> = logs["items"]
            .as_array()
            .unwrap()
            .iter()
            .filter_map(|l| l["message"].as_str())
            .collect();
        assert!(said.iter().any(|m| m.starts_with("planned: 1 table in ")), "{said:?}");
        assert!(said.iter().any(|m| m.starts_with("finished: 3000 rows")), "{said:?}");

        // Again, from the beginning; and forgotten.
        let again = id_of(bench.ask(&run, "restart").await.good());
        assert_ne!(again, run);
        assert_eq!(bench.run(&again).await["trigger"], "restart");
        bench.ask(&again, "restart").await.problem(409, "E0410");
        bench.admin().delete(&format!("/runs/{again}")).await.problem(409, "E0410");
        bench.until_moving(&again).await;
        bench.ask(&again, "stop").await.good();
        bench.until_state(&again, "stopped").await;
        bench.ask(&again, "resume").await.problem(409, "E0410");
        bench.admin().delete(&format!("/runs/{again}")).await.good();
        bench.admin().get(&format!("/runs/{again}")).await.problem(404, "E0503");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failed_run_says_why_and_goes_on_once_that_is_mended() {
    let bench = Bench::start().await;
    let mut spec = bench.spec("broken", None);
    spec["source"] = json!({ "url": bench.url("source.db"), "tables": ["later"] });
    bench.job_of("broken", spec).await;
    let run = bench.begin("broken").await;
    let failed = bench.until_state(&run, "failed").await;
    assert_eq!(failed["error"]["code"], "E0207", "{failed}");
    let events = bench.admin().get(&format!("/runs/{run}/events?level=error")).await.good().json();
    assert_eq!(events["items"][0]["error"]["code"], "E0207");
    let source = rusqlite::Connection::open(bench.path("source.db")).unwrap();
    source.execute_batch("CREATE TABLE later (id INTEGER PRIMARY KEY)").unwrap();
    // The same job again goes on with the same run.
    let again = bench.admin().post("/jobs/broken/runs", json!({})).await;
    assert_eq!((again.status, id_of(again.good())), (200, run.clone()));
    let done = bench.until_state(&run, "finished").await;
    assert!(done.get("error").is_none(), "{done}");
}

#[tokio::test(flavor = "multi_thread")]
async fn of_clients_that_press_at_once_one_is_heard() {
    for bench in Bench::each().await {
        bench.job("race", Some(1_000)).await;
        let press = async |path: String| {
            let presses = (0..8).map(|_| {
                let (admin, path) = (bench.admin(), path.clone());
                tokio::spawn(async move { admin.post(&path, json!({})).await })
            });
            let mut good = Vec::new();
            for pressed in presses.collect::<Vec<_>>() {
                let answer = pressed.await.unwrap();
                match answer.status {
                    200 | 201 => good.push(answer.json()),
                    _ => drop(answer.problem(409, "E0410")),
                }
            }
            good
        };
        let started = press("/jobs/race/runs".into()).await;
        assert_eq!(started.len(), 1, "{started:?}");
        let run = started[0]["id"].as_str().unwrap().to_owned();
        bench.until_moving(&run).await;
        bench.ask(&run, "pause").await.good();
        bench.until_state(&run, "paused").await;
        let resumed = press(format!("/runs/{run}/resume")).await;
        assert_eq!(resumed.len(), 1, "{resumed:?}");
        bench.until_moving(&run).await;
        // Everybody may ask for a stop; it ends once, as a stop.
        press(format!("/runs/{run}/stop")).await;
        bench.until_state(&run, "stopped").await;
        let states = bench.history(&run).await;
        assert_eq!(states.iter().filter(|s| *s == "stopped").count(), 1, "{states:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_that_stops_lays_its_runs_to_rest_and_goes_on_with_them() {
    for mut bench in Bench::each().await {
        bench.set(json!({ "slots": 2 })).await;
        for job in ["moves", "rests", "waits"] {
            bench.job(job, Some(1_000)).await;
        }
        let moves = bench.begin("moves").await;
        let rests = bench.begin("rests").await;
        bench.until_moving(&moves).await;
        bench.until_moving(&rests).await;
        let waits = bench.begin("waits").await;
        bench.until(&waits, |run| run["waits_for"] == "all 2 slots are taken").await;
        bench.ask(&rests, "pause").await.good();
        bench.until_state(&rests, "paused").await;
        bench.node.restart().await;
        for run in [&moves, &waits] {
            let done = bench.until_state(run, "finished").await;
            assert_eq!(done["rows_written"], ROWS);
        }
        assert_eq!(bench.run(&rests).await["state"], "paused", "nobody resumed it");
        let states = bench.history(&moves).await;
        let tail = ["pausing", "paused", "waiting", "running", "finished"];
        assert!(states.ends_with(&tail.map(str::to_owned)), "{states:?}");
        bench.ask(&rests, "resume").await.good();
        bench.until_state(&rests, "finished").await;
        for job in ["moves", "rests", "waits"] {
            assert_eq!(bench.count(job), ROWS, "{job}");
        }
    }
}
