//! The queue: who waits, for what, and who is next; lists of what ran.

use serde_json::json;

use crate::bench::{Bench, ROWS, id_of};

#[tokio::test(flavor = "multi_thread")]
async fn what_waits_says_why_and_the_urgent_goes_first() {
    for bench in Bench::each().await {
        bench.set(json!({ "slots": 1 })).await;
        for job in ["first", "second", "urgent"] {
            bench.job(job, Some(2_000)).await;
        }
        let first = bench.begin("first").await;
        bench.until_moving(&first).await;
        let second = bench.begin("second").await;
        bench.until(&second, |run| run["waits_for"] == "the only slot is taken").await;
        let path = "/jobs/urgent/runs";
        let urgent = id_of(bench.admin().post(path, json!({ "priority": 10 })).await.good());
        bench.until(&urgent, |run| run["waits_for"] == "the only slot is taken").await;
        let queue = bench.admin().get("/queue").await.good().json();
        let order: Vec<&str> =
            queue.as_array().unwrap().iter().filter_map(|q| q["job"].as_str()).collect();
        assert_eq!(order, ["urgent", "second"]);
        assert_eq!(queue[0]["reason"], "the only slot is taken");
        // What waits can be paused, resumed, stopped, too.
        let paused = bench.ask(&second, "pause").await.good().json();
        assert_eq!(paused["state"], "paused");
        assert_eq!(bench.ask(&second, "resume").await.good().json()["state"], "waiting");
        for run in [&first, &urgent, &second] {
            assert_eq!(bench.until_state(run, "finished").await["rows_written"], ROWS);
        }
        let began =
            async |run: &str| bench.run(run).await["started_at"].as_str().unwrap().to_owned();
        assert!(began(&urgent).await < began(&second).await);
        let problem =
            bench.admin().post(path, json!({ "priority": 11 })).await.problem(422, "E0105");
        assert!(problem["detail"].as_str().unwrap().contains("-10 and 10"));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn lists_are_walked_by_job_state_text_and_time() {
    for bench in Bench::each().await {
        let source = rusqlite::Connection::open(bench.path("source.db")).unwrap();
        source.execute_batch("DELETE FROM t WHERE id > 20").unwrap();
        bench.job("one", None).await;
        bench.job("other_x", None).await;
        let mut runs = Vec::new();
        for job in ["one", "other_x", "one", "one", "other_x"] {
            let path = format!("/jobs/{job}/runs");
            let run = id_of(bench.admin().post(&path, json!({})).await.good());
            bench.until_state(&run, "finished").await;
            runs.push(run);
        }
        runs.reverse();
        let admin = bench.admin();
        let list = async |query: &str| {
            let page = admin.get(&format!("/runs?{query}")).await.good().json();
            let ids = page["items"].as_array().unwrap().iter();
            let ids: Vec<String> = ids.map(|r| r["id"].as_str().unwrap().to_owned()).collect();
            (ids, page["next"].as_str().map(str::to_owned))
        };
        let mut walked = Vec::new();
        let mut after = String::new();
        loop {
            let (ids, next) = list(&format!("limit=2{after}")).await;
            walked.extend(ids);
            let Some(next) = next else { break };
            after = format!("&after={next}");
        }
        assert_eq!(walked, runs);
        assert_eq!(list("job=one").await.0, [&*runs[1], &*runs[2], &*runs[4]]);
        assert_eq!(list("state=finished,failed").await.0.len(), 5);
        assert_eq!(list("state=running").await.0.len(), 0);
        assert_eq!(list("q=R_X").await.0, [&*runs[0], &*runs[3]]);
        assert_eq!(list(&format!("q={}", &runs[2])).await.0, [&*runs[2]]);
        let third = bench.run(&runs[2]).await["created_at"].as_str().unwrap().to_owned();
        assert_eq!(list(&format!("since={third}")).await.0, runs[..3]);
        assert_eq!(list(&format!("until={third}")).await.0, runs[3..]);
        admin.get("/runs?state=runing").await.problem(422, "E0105");
        admin.get("/runs?since=yesterday").await.problem(422, "E0105");
        admin.get("/runs?after=nonsense").await.problem(422, "E0105");
    }
}
