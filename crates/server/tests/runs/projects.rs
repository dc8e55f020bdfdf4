//! Projects: their limit in the queue, lists of what is theirs, which connections their jobs may
//! use, and who sees and does what in them.

use serde_json::{Value, json};
use syncline_testkit::api::Client;

use crate::bench::{Bench, id_of};
use crate::live::Watcher;

const PASSWORD: &str = "correct horse battery";

async fn project(bench: &Bench, name: &str, max_running: Option<u32>) {
    let body = json!({ "name": name, "max_running": max_running });
    let made = bench.admin().post("/projects", body).await;
    assert_eq!((made.status, made.header("etag")), (201, Some("\"1\"")), "{}", made.text);
}

/// A job that copies the source, in a project.
async fn job(bench: &Bench, name: &str, project: &str, rows_per_second: Option<u32>) {
    let spec = bench.spec(name, rows_per_second);
    let body = json!({ "name": name, "spec": spec, "project": project });
    let made = bench.admin().post("/jobs", body).await.good().json();
    assert_eq!(made["project"], project);
}

async fn names(client: &Client, path: &str, key: &str) -> Vec<String> {
    let found = client.get(path).await.good().json();
    let items = found.as_array().or(found["items"].as_array()).unwrap();
    items.iter().map(|item| item[key].as_str().unwrap().to_owned()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_project_waits_and_lets_others_pass() {
    for bench in Bench::each().await {
        let admin = bench.admin();
        project(&bench, "sales", Some(1)).await;
        // Slow enough to be at work for as long as this test may take.
        job(&bench, "one", "sales", Some(10)).await;
        job(&bench, "two", "sales", None).await;
        job(&bench, "other", "default", None).await;
        let one = bench.begin("one").await;
        bench.until_moving(&one).await;
        let two = bench.begin("two").await;
        let full = "project sales takes 1 run at the same time";
        bench.until(&two, |run| run["waits_for"] == full).await;
        let other = bench.begin("other").await;
        bench.until_state(&other, "finished").await;
        let queue = admin.get("/queue").await.good().json();
        assert_eq!((&queue[0]["run"], &queue[0]["project"]), (&json!(two), &json!("sales")));
        assert_eq!(queue[0]["reason"], full);

        // More room: it begins beside the other.
        admin.put("/projects/sales", 2, json!({ "max_running": 2 })).await.problem(412, "E0505");
        let wider = admin.put("/projects/sales", 1, json!({ "max_running": 2 })).await;
        assert_eq!(wider.good().json()["version"], 2);
        bench.until_state(&two, "finished").await;
        assert_eq!(bench.run(&one).await["state"], "running");

        assert_eq!(names(&admin, "/jobs?project=sales", "name").await, ["one", "two"]);
        assert_eq!(names(&admin, "/runs?project=sales", "id").await, [&*two, &*one]);
        assert_eq!(names(&admin, "/runs?project=default", "id").await, [&*other]);
        assert_eq!(bench.run(&one).await["project"], "sales");

        // A job moves once it rests, and its runs with it.
        let home = json!({ "project": "default" });
        admin.put("/jobs/one", 1, home.clone()).await.problem(409, "E0410");
        bench.ask(&one, "pause").await.good();
        bench.until_state(&one, "paused").await;
        let moved = admin.put("/jobs/one", 1, home).await.good().json();
        assert_eq!((&moved["project"], &moved["version"]), (&json!("default"), &json!(2)));
        assert_eq!(bench.run(&one).await["project"], "default");
        assert_eq!(names(&admin, "/runs?project=default", "id").await, [&*other, &*one]);
        assert_eq!(names(&admin, "/runs?project=sales", "id").await, [&*two]);
        bench.ask(&one, "stop").await.good();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_stays_in_its_project_and_a_project_while_it_has_jobs() {
    for bench in Bench::each().await {
        let admin = bench.admin();
        project(&bench, "sales", None).await;
        admin.post("/projects", json!({ "name": "sales" })).await.problem(409, "E0504");
        admin.post("/projects", json!({ "name": "a b" })).await.problem(422, "E0105");
        let none = json!({ "name": "none", "max_running": 0 });
        admin.post("/projects", none).await.problem(422, "E0105");
        let lost = json!({ "name": "lost", "spec": bench.spec("lost", None), "project": "gone" });
        admin.post("/jobs", lost).await.problem(422, "E0105");

        job(&bench, "deal", "sales", None).await;
        let changed = admin.put("/jobs/deal", 1, json!({ "description": "ours" })).await;
        assert_eq!(changed.good().json()["project"], "sales");
        let back = admin.post("/jobs/deal/rollback", json!({ "version": 1 })).await;
        assert_eq!(back.good().json()["project"], "sales");
        let copy = admin.post("/jobs/deal/clone", json!({ "name": "copy" })).await;
        assert_eq!(copy.good().json()["project"], "sales");
        let file = bench.spec("read", None).to_string();
        let import =
            admin.request(reqwest::Method::POST, "/api/v1/jobs/import?name=read&project=sales");
        let read = admin.send(import.header("content-type", "text/plain").body(file)).await;
        assert_eq!(read.good().json()["jobs"][0]["project"], "sales");

        admin.delete_version("/projects/default", 1).await.problem(409, "E0510");
        let refused = admin.delete_version("/projects/sales", 1).await.problem(409, "E0510");
        let words = "project \"sales\" has job \"copy\", job \"deal\", job \"read\"";
        assert_eq!(refused["detail"], words);
        assert_eq!(admin.get("/projects/sales").await.good().json()["jobs"], 3);
        for (name, version) in [("copy", 1), ("deal", 3), ("read", 1)] {
            admin.delete_version(&format!("/jobs/{name}"), version).await.good();
        }
        // What a job has left is not another project's.
        let again = |project: &str| json!({ "name": "deal", "spec": bench.spec("deal", None), "project": project });
        let taken = admin.post("/jobs", again("default")).await.problem(409, "E0504");
        assert!(taken["detail"].as_str().unwrap().contains("history"), "{taken}");
        assert_eq!(admin.post("/jobs", again("sales")).await.good().json()["version"], 4);
        admin.delete_version("/jobs/deal", 4).await.good();
        assert_eq!(admin.delete_version("/projects/sales", 1).await.good().status, 204);
        admin.get("/projects/sales").await.problem(404, "E0503");
        let log = admin.get("/audit?limit=500").await.good().json();
        let done: Vec<&str> =
            log["items"].as_array().unwrap().iter().filter_map(|e| e["action"].as_str()).collect();
        assert!(done.contains(&"project.create") && done.contains(&"project.delete"), "{done:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_serves_the_projects_it_is_open_to() {
    for bench in Bench::each().await {
        let admin = bench.admin();
        project(&bench, "sales", None).await;
        project(&bench, "money", None).await;
        let shop = |projects: Value| json!({ "name": "shop", "url": bench.url("source.db"), "projects": projects });
        admin.post("/connections", shop(json!(["gone"]))).await.problem(422, "E0105");
        let made = admin.post("/connections", shop(json!(["sales"]))).await.good().json();
        assert_eq!(made["projects"], json!(["sales"]));
        let mut spec = bench.spec("deal", None);
        spec["source"] = json!({ "connection": "shop" });
        let body = |project: &str| json!({ "name": "deal", "spec": spec, "project": project });
        let refused = admin.post("/jobs", body("default")).await;
        let refused = refused.problem(422, "E0512");
        let words = "connection \"shop\" is not open to jobs of project \"default\"";
        assert!(refused["detail"].as_str().unwrap().contains(words), "{refused}");
        let tried = |project: &str| json!({ "spec": spec, "project": project });
        let told = admin.post("/jobs/validate", tried("money")).await.good().json();
        assert_eq!(told["problems"][0]["code"], "E0512");
        let told = admin.post("/jobs/validate", tried("sales")).await.good().json();
        assert_eq!(told["valid"], true, "{told}");
        admin.post("/jobs/preview", tried("money")).await.problem(422, "E0512");

        admin.post("/jobs", body("sales")).await.good();
        let run = bench.begin("deal").await;
        bench.until_state(&run, "finished").await;
        // The job cannot leave for a project that the connection is closed to.
        admin.put("/jobs/deal", 1, json!({ "project": "money" })).await.problem(422, "E0512");
        // Nor does it start once the connection is closed to its own.
        let kept = json!({ "url": bench.url("source.db") });
        let kept = admin.put("/connections/shop", 1, kept).await.good().json();
        assert_eq!(kept["projects"], json!(["sales"]));
        admin.put("/connections/shop", 2, shop(json!(["money"]))).await.good();
        admin.post("/jobs/deal/runs", json!({})).await.problem(422, "E0512");
        admin.delete_version("/jobs/deal", 1).await.good();
        let refused = admin.delete_version("/projects/money", 1).await.problem(409, "E0510");
        assert!(refused["detail"].as_str().unwrap().contains("connection \"shop\""), "{refused}");
        admin.delete_version("/projects/sales", 1).await.good();
        admin.put("/connections/shop", 3, shop(json!([]))).await.good();
        admin.delete_version("/projects/money", 1).await.good();
    }
}

/// A user's browser.
async fn user(bench: &Bench, name: &str, role: &str) -> Client {
    let body = json!({ "name": name, "role": role, "password": PASSWORD });
    bench.admin().post("/users", body).await.good();
    let body = json!({ "name": name, "password": PASSWORD });
    let signed_in = bench.node.nobody().post("/session", body).await;
    let cookie = signed_in.header("set-cookie").unwrap().split(';').next().unwrap().to_owned();
    let csrf = signed_in.json()["csrf"].as_str().unwrap().to_owned();
    bench.node.nobody().header("cookie", &cookie).header("x-csrf-token", &csrf)
}

/// Gives somebody a role in a project.
async fn member(bench: &Bench, user: &str, project: &str, role: &str) {
    let path = format!("/api/v1/projects/{project}/members/{user}");
    let admin = bench.admin();
    let request = admin.request(reqwest::Method::PUT, &path).json(&json!({ "role": role }));
    assert_eq!(admin.send(request).await.json(), json!({ "user": user, "role": role }));
}

/// Two projects with a job each, and a run of each that has ended.
async fn two_projects(bench: &Bench) -> (String, String) {
    let mut runs = Vec::new();
    for (name, of) in [("deal", "sales"), ("pay", "money")] {
        project(bench, of, None).await;
        job(bench, name, of, None).await;
        let run = bench.begin(name).await;
        bench.until_state(&run, "finished").await;
        runs.push(run);
    }
    let pay = runs.pop().unwrap();
    (runs.pop().unwrap(), pay)
}

/// That a client sees what belongs to sales, and nothing of what belongs to money.
async fn sees_sales_alone(client: &Client, deal: &str, pay: &str) {
    assert_eq!(names(client, "/projects", "name").await, ["sales"]);
    assert_eq!(names(client, "/jobs", "name").await, ["deal"]);
    assert_eq!(names(client, "/runs", "id").await, [deal]);
    assert!(names(client, "/runs?project=money", "id").await.is_empty());
    assert!(names(client, "/jobs?project=money", "name").await.is_empty());
    let overview = client.get("/overview").await.good().json();
    assert_eq!(overview["finished_24h"], 1);
    let recent = overview["recent"].as_array().unwrap();
    assert_eq!(recent.iter().map(|run| &run["id"]).collect::<Vec<_>>(), [deal]);
    assert_eq!(overview["throughput"], json!([]));
    client.get(&format!("/runs/{deal}")).await.good();
    client.get("/jobs/deal/export").await.good();
    for path in ["", "/events", "/logs", "/tables", "/history", "/samples", "/dead-letters"] {
        client.get(&format!("/runs/{pay}{path}")).await.problem(404, "E0503");
    }
    client.get("/projects/money").await.problem(404, "E0503");
    for path in ["", "/export", "/versions", "/diff"] {
        client.get(&format!("/jobs/pay{path}")).await.problem(403, "E0502");
    }
    client.post("/jobs/pay/runs", json!({})).await.problem(403, "E0502");
    client.get("/settings").await.problem(403, "E0502");
}

#[tokio::test(flavor = "multi_thread")]
async fn members_see_and_do_what_their_role_in_the_project_gives() {
    for bench in Bench::each().await {
        let (deal, pay) = two_projects(&bench).await;
        let admin = bench.admin();
        for (name, open_to) in
            [("ours", json!(["sales"])), ("theirs", json!(["money"])), ("all", json!([]))]
        {
            let url = bench.url("source.db");
            let body = json!({ "name": name, "url": url, "projects": open_to });
            admin.post("/connections", body).await.good();
        }
        let ann = user(&bench, "ann", "member").await;
        for list in ["/projects", "/jobs", "/runs", "/queue", "/verifications", "/connections"] {
            assert!(names(&ann, list, "name").await.is_empty(), "{list}");
        }
        ann.get(&format!("/runs/{deal}")).await.problem(404, "E0503");

        member(&bench, "ann", "sales", "viewer").await;
        let me = ann.get("/session").await.good().json();
        assert_eq!(me["user"]["projects"], json!({ "sales": "viewer" }));
        sees_sales_alone(&ann, &deal, &pay).await;
        assert_eq!(names(&ann, "/connections", "name").await, ["all", "ours"]);
        ann.get("/connections/theirs").await.problem(404, "E0503");
        ann.post("/jobs/deal/runs", json!({})).await.problem(403, "E0502");

        member(&bench, "ann", "sales", "operator").await;
        let again = id_of(ann.post("/jobs/deal/runs", json!({})).await.good());
        bench.until_state(&again, "finished").await;
        ann.get("/connections/ours/tables").await.good();
        ann.get("/connections/theirs/tables").await.problem(404, "E0503");
        ann.get("/connections/ours/tables/t/rows").await.problem(403, "E0502");
        ann.put("/jobs/deal", 1, json!({ "priority": 1 })).await.problem(403, "E0502");

        member(&bench, "ann", "sales", "editor").await;
        ann.put("/jobs/deal", 1, json!({ "priority": 1 })).await.good();
        ann.put("/jobs/deal", 2, json!({ "project": "money" })).await.problem(403, "E0502");
        let mine = |project: &str| json!({ "name": "mine", "spec": bench.spec("mine", None), "project": project });
        ann.post("/jobs", mine("money")).await.problem(403, "E0502");
        ann.post("/jobs", mine("default")).await.problem(403, "E0502");
        ann.post("/jobs", mine("sales")).await.good();
        let mut spying = bench.spec("mine", None);
        spying["source"] = json!({ "connection": "theirs" });
        let spying = json!({ "spec": spying, "project": "sales" });
        ann.post("/jobs/preview", spying).await.problem(422, "E0512");
        let open = json!({ "name": "own", "url": bench.url("own.db") });
        ann.post("/connections", open).await.problem(403, "E0502");
        ann.post("/projects", json!({ "name": "own" })).await.problem(403, "E0502");
        ann.get("/projects/sales/members").await.problem(403, "E0502");

        let listed = admin.get("/projects/sales/members").await.good().json();
        assert_eq!(listed, json!([{ "user": "ann", "role": "editor" }]));
        let path = "/api/v1/projects/sales/members/ann";
        let too_far = admin.request(reqwest::Method::PUT, path).json(&json!({ "role": "admin" }));
        admin.send(too_far).await.problem(422, "E0105");
        admin.delete("/projects/sales/members/ann").await.good();
        admin.delete("/projects/sales/members/ann").await.problem(404, "E0503");
        assert!(names(&ann, "/jobs", "name").await.is_empty());
        ann.post("/jobs/deal/runs", json!({})).await.problem(403, "E0502");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_for_a_project_goes_no_further_than_it_and_its_owner() {
    for bench in Bench::each().await {
        let (deal, pay) = two_projects(&bench).await;
        let bert = user(&bench, "bert", "editor").await;
        let token = async |client: &Client, body: Value| {
            let made = client.post("/tokens", body).await.good().json();
            bench.node.nobody().token(made["token"].as_str().unwrap())
        };
        let ask = json!({ "name": "ci", "role": "editor", "projects": ["sales"] });
        let ci = token(&bert, ask).await;
        assert_eq!(bert.get("/tokens").await.json()["items"][0]["projects"], json!(["sales"]));
        sees_sales_alone(&ci, &deal, &pay).await;
        ci.put("/jobs/deal", 1, json!({ "priority": 1 })).await.good();
        ci.put("/jobs/deal", 2, json!({ "project": "money" })).await.problem(403, "E0502");
        let open = json!({ "name": "own", "url": bench.url("own.db") });
        ci.post("/connections", open).await.problem(403, "E0502");
        let empty = json!({ "name": "ci", "role": "viewer", "projects": [] });
        bert.post("/tokens", empty).await.problem(422, "E0105");

        // A member's token reaches what the member does, as far as the token may.
        let ann = user(&bench, "ann", "member").await;
        let ask = json!({ "name": "bot", "role": "viewer" });
        let bot = token(&ann, ask).await;
        assert!(names(&bot, "/jobs", "name").await.is_empty());
        member(&bench, "ann", "sales", "operator").await;
        let foreign = json!({ "name": "bot", "role": "viewer", "projects": ["money"] });
        ann.post("/tokens", foreign).await.problem(403, "E0502");
        sees_sales_alone(&bot, &deal, &pay).await;
        bot.post("/jobs/deal/runs", json!({})).await.problem(403, "E0502");
        bench.admin().delete("/projects/sales/members/ann").await.good();
        assert!(names(&bot, "/jobs", "name").await.is_empty());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_watches_sees_their_projects_as_long_as_they_are_theirs() {
    for bench in Bench::each().await {
        let (deal, pay) = two_projects(&bench).await;
        user(&bench, "ann", "member").await;
        member(&bench, "ann", "sales", "viewer").await;
        let body = json!({ "name": "ann", "password": PASSWORD });
        let signed_in = bench.node.nobody().post("/session", body).await;
        let cookie = signed_in.header("set-cookie").unwrap().split(';').next().unwrap().to_owned();
        let headers = [("cookie", &*cookie), ("origin", bench.node.url())];
        let wants = json!({ "all": true, "runs": [deal, pay] });
        let mut ann = Watcher::with(&bench, "?after=0", &headers, &wants).await;
        let first = ann.until(|message| message["type"] == "snapshot").await;
        assert!(first.iter().any(|m| m["run"] == deal.as_str()), "what was missed comes first");
        let shown = first.last().unwrap()["runs"].as_array().unwrap();
        assert_eq!(shown.iter().map(|run| &run["id"]).collect::<Vec<_>>(), [&deal]);
        let (paid, dealt) = (bench.begin("pay").await, bench.begin("deal").await);
        bench.until_state(&paid, "finished").await;
        let seen =
            ann.until(|m| m["type"] == "state" && m["run"] == *dealt && m["state"] == "finished");
        let all = [first, seen.await].concat();
        let told = json!(all).to_string();
        assert!(told.contains(&dealt) && !told.contains(&pay) && !told.contains(&paid), "{told}");
        // Once the project is theirs no longer the line ends, and another shows nothing of it.
        bench.admin().delete("/projects/sales/members/ann").await.good();
        while ann.next().await.is_some() {}
        let mut ann = Watcher::with(&bench, "", &headers, &wants).await;
        let shown = ann.until(|message| message["type"] == "snapshot").await;
        assert_eq!(shown.last().unwrap()["runs"], json!([]));
    }
}
