//! Jobs that start by themselves.

use serde_json::{Value, json};

use crate::bench::Bench;

async fn runs_of(bench: &Bench, job: &str) -> Vec<Value> {
    let page = bench.admin().get(&format!("/runs?job={job}")).await.good().json();
    page["items"].as_array().unwrap().clone()
}

async fn until_runs(bench: &Bench, job: &str, count: usize) -> Vec<Value> {
    for _ in 0..1_000 {
        let runs = runs_of(bench, job).await;
        if runs.len() >= count && runs.iter().all(|r| r["state"] == "finished") {
            return runs;
        }
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    panic!("{job} never ran {count} times: {:#?}", runs_of(bench, job).await)
}

#[tokio::test(flavor = "multi_thread")]
async fn jobs_start_by_the_clock_once_and_after_another() {
    for bench in Bench::each().await {
        let scheduled = |name: &str, schedule: Value| {
            let mut spec = bench.spec(name, None);
            spec["schedule"] = schedule;
            spec
        };
        bench.job_of("then", scheduled("then", json!({ "after": "once" }))).await;
        bench.job_of("never", scheduled("never", json!({ "after": "once", "on": "failed" }))).await;
        let soon = chrono::Utc::now() + chrono::TimeDelta::seconds(4);
        let once = json!({ "once": soon.to_rfc3339() });
        bench.job_of("once", scheduled("once", once)).await;
        bench.job_of("often", scheduled("often", json!("* * * * * *"))).await;
        let once = until_runs(&bench, "once", 1).await;
        assert_eq!(once[0]["trigger"], "schedule");
        let then = until_runs(&bench, "then", 1).await;
        assert_eq!(then[0]["trigger"], "completion");
        until_runs(&bench, "often", 3).await;
        assert_eq!(runs_of(&bench, "once").await.len(), 1);
        assert_eq!(runs_of(&bench, "then").await.len(), 1);
        assert_eq!(runs_of(&bench, "never").await.len(), 0);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_start_that_was_missed_is_made_up_for_once_and_an_overlap_is_let_go() {
    for mut bench in Bench::each().await {
        let scheduled = |name: &str, missed: &str, speed: Option<u32>| {
            let mut spec = bench.spec(name, speed);
            spec["schedule"] = json!({ "cron": "0 0 1 1 *", "missed": missed });
            spec
        };
        bench.job_of("makes-up", scheduled("makes-up", "once", None)).await;
        bench.job_of("lets-go", scheduled("lets-go", "skip", None)).await;
        let mut slow = bench.spec("slow", Some(300));
        slow["schedule"] = json!("* * * * * *");
        bench.job_of("slow", slow).await;
        // Its starts while it runs are let go, and its log says so.
        let run = loop {
            if let Some(run) = runs_of(&bench, "slow").await.first() {
                break run["id"].as_str().unwrap().to_owned();
            }
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        };
        let mut noted = false;
        for _ in 0..500 {
            let logs = bench.admin().get(&format!("/runs/{run}/logs?level=warn")).await.json();
            noted = logs["items"].as_array().unwrap().iter().any(|line| {
                line["message"].as_str().unwrap().starts_with("not started, scheduled for")
            });
            if noted {
                break;
            }
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
        assert!(noted, "the overlap is not told of");
        assert_eq!(runs_of(&bench, "slow").await.len(), 1);
        bench.ask(&run, "pause").await.good();

        // The node was away over two New Years.
        bench.node.stop().await;
        let long_ago = "UPDATE schedule_marks SET seen_at = '2020-06-01T00:00:00.000Z' \
                        WHERE job IN ('makes-up', 'lets-go')";
        match bench.node.database() {
            Some(database) => database.execute(long_ago),
            None => {
                let path = bench.node.folder().join("syncline.db");
                rusqlite::Connection::open(path).unwrap().execute_batch(long_ago).unwrap();
            }
        }
        bench.node.start_again().await;
        let made_up = until_runs(&bench, "makes-up", 1).await;
        assert_eq!(made_up.len(), 1, "{made_up:?}");
        let history = bench.admin();
        let id = made_up[0]["id"].as_str().unwrap();
        let history = history.get(&format!("/runs/{id}/history")).await.json();
        let why = history[0]["reason"].as_str().unwrap();
        assert!(why.contains("which was missed"), "{why}");
        assert_eq!(runs_of(&bench, "lets-go").await.len(), 0);
        assert_eq!(runs_of(&bench, "makes-up").await.len(), 1);
    }
}
