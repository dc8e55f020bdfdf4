//! Rows that could not be written, looked at, edited and written after all; a target compared and
//! mended.

use serde_json::{Value, json};

use crate::bench::{Bench, ROWS};

/// A target that refuses two rows.
async fn with_letters(bench: &Bench) -> String {
    let target = rusqlite::Connection::open(bench.path("strict.db")).unwrap();
    target
        .execute_batch(
            "CREATE TABLE t (id INTEGER PRIMARY KEY,
                v TEXT NOT NULL CHECK (v NOT IN ('row 7', 'row 2000', 'row 2001')))",
        )
        .unwrap();
    let mut spec = bench.spec("strict", None);
    spec["errors"] = json!({ "rows": 10 });
    bench.job_of("strict", spec).await;
    let run = bench.begin("strict").await;
    let done = bench.until_state(&run, "finished").await;
    assert_eq!(done["dead_letters"], 3, "{done}");
    run
}

#[tokio::test(flavor = "multi_thread")]
async fn bad_rows_are_edited_replayed_and_dropped() {
    for bench in Bench::each().await {
        let run = with_letters(&bench).await;
        let admin = bench.admin();
        let page = admin.get(&format!("/runs/{run}/dead-letters?limit=2")).await.good().json();
        let items = page["items"].as_array().unwrap();
        assert_eq!((items.len(), &items[0]["row"]["v"]), (2, &json!("row 7")));
        let next = page["next"].as_str().unwrap();
        let path = format!("/runs/{run}/dead-letters?limit=2&after={next}");
        let rest = admin.get(&path).await.good().json();
        assert_eq!(rest["items"].as_array().unwrap().len(), 1);
        // As it is it fails again; edited it is written, once.
        let first = items[0]["id"].as_i64().unwrap();
        let path = format!("/dead-letters/{first}/replay");
        let again = admin.post(&path, json!({})).await.good().json();
        assert_eq!((&again["written"], &again["error"]["code"]), (&json!(false), &json!("E0305")));
        let row = json!({ "row": { "id": "14", "v": "mended" } });
        assert_eq!(admin.post(&path, row.clone()).await.good().json()["written"], true);
        admin.post(&path, row).await.problem(409, "E0410");
        admin.post(&path, json!({ "row": { "v": [1] } })).await.problem(409, "E0410");
        let target = rusqlite::Connection::open(bench.path("strict.db")).unwrap();
        let mended = "SELECT v FROM t WHERE id = 14";
        let mended: String = target.query_row(mended, [], |row| row.get(0)).unwrap();
        assert_eq!(mended, "mended");
        drop(target);
        // The run is kept as long as rows of it wait.
        admin.delete(&format!("/runs/{run}")).await.problem(409, "E0510");
        let report = admin.post(&format!("/runs/{run}/dead-letters/replay"), json!({})).await;
        let report = report.good().json();
        assert_eq!((&report["written"], &report["failed"]), (&json!(0), &json!(2)));
        let second = items[1]["id"].as_i64().unwrap();
        admin.delete(&format!("/dead-letters/{second}")).await.good();
        admin.get(&format!("/dead-letters/{second}")).await.problem(404, "E0503");
        admin.delete(&format!("/runs/{run}/dead-letters")).await.good();
        admin.delete(&format!("/runs/{run}")).await.good();
        admin.get(&format!("/dead-letters/{first}")).await.problem(404, "E0503");
    }
}

async fn until_compared(bench: &Bench, id: &str) -> Value {
    for _ in 0..1_000 {
        let one = bench.admin().get(&format!("/verifications/{id}")).await.good().json();
        if one["state"] != "running" {
            return one;
        }
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    panic!("the comparison never ended")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_target_is_compared_its_differences_listed_and_mended() {
    for bench in Bench::each().await {
        bench.job("copy", None).await;
        let run = bench.begin("copy").await;
        bench.until_state(&run, "finished").await;
        let admin = bench.admin();
        let compare = async || {
            let begun = admin.post("/jobs/copy/verify", json!({})).await.good().json();
            assert_eq!(begun["state"], "running");
            assert_eq!(begun["progress"]["tables_done"], 0, "{begun}");
            until_compared(&bench, begun["id"].as_str().unwrap()).await
        };
        let equal = compare().await;
        assert_eq!(equal["progress"], Value::Null);
        assert_eq!((&equal["state"], &equal["verdict"]["equal"]), (&json!("equal"), &json!(true)));
        let path = format!("/verifications/{}/repair", equal["id"].as_str().unwrap());
        admin.post(&path, json!({})).await.problem(409, "E0410");
        let target = rusqlite::Connection::open(bench.path("copy.db")).unwrap();
        target
            .execute_batch("DELETE FROM t WHERE id <= 4; UPDATE t SET v = 'x' WHERE id = 6")
            .unwrap();
        drop(target);
        let different = compare().await;
        assert_eq!(different["state"], "different", "{different}");
        let id = different["id"].as_str().unwrap();
        let path = format!("/verifications/{id}/differences?limit=2");
        let page = admin.get(&path).await.good().json();
        assert_eq!(page["items"].as_array().unwrap().len(), 2);
        assert!(page["next"].is_string());
        let mending = admin.post(&format!("/verifications/{id}/repair"), json!({})).await;
        let mending = mending.good().json();
        assert_eq!(mending["options"]["repair_of"], id);
        let mended = until_compared(&bench, mending["id"].as_str().unwrap()).await;
        assert_eq!(mended["state"], "equal", "{mended}");
        assert_eq!(bench.count("copy"), ROWS);
        let list = admin.get("/verifications?job=copy").await.good().json();
        assert_eq!(list["items"].as_array().unwrap().len(), 3);
    }
}
