//! People: the first admin, signing in and out, users, tokens, and the audit log, on both kinds of
//! state.
#![allow(clippy::unwrap_used, reason = "helpers of tests")]

mod node;

use node::{Node, Setup};
use reqwest::Method;
use serde_json::{Value, json};
use syncline_testkit::api::{Answer, Client};

const PASSWORD: &str = "correct horse battery";

/// A browser that has signed in: it sends the cookie, and the token that belongs to it.
fn browser(node: &Node, signed_in: &Answer) -> Client {
    let cookie = cookie(signed_in);
    let csrf = signed_in.json()["csrf"].as_str().unwrap().to_owned();
    node.nobody().header("cookie", &cookie).header("x-csrf-token", &csrf)
}

fn cookie(answer: &Answer) -> String {
    answer.header("set-cookie").unwrap().split(';').next().unwrap().to_owned()
}

async fn user(node: &Node, name: &str, role: &str) {
    let body = json!({"name": name, "role": role, "password": PASSWORD});
    assert_eq!(node.admin().post("/users", body).await.good().status, 201);
}

async fn sign_in(node: &Node, name: &str) -> Answer {
    node.nobody().post("/session", json!({"name": name, "password": PASSWORD})).await
}

/// Changes a row of the state behind the node's back, as the passing of time would.
fn alter(node: &Node, sql: &str) -> Result<(), String> {
    match node.database() {
        Some(database) => database.try_execute(sql),
        None => {
            let file = rusqlite::Connection::open(node.folder().join("syncline.db")).unwrap();
            file.execute_batch(sql).map_err(|e| e.to_string())
        }
    }
}

#[tokio::test]
async fn the_first_admin_is_made_once_by_whoever_has_the_link() {
    let node = Node::with(Setup { admin_token: None, ..Setup::default() }).await;
    let link = node.server().setup_link().unwrap();
    let (address, token) = link.split_once('#').unwrap();
    assert_eq!(address, format!("{}/setup", node.url()));
    let body = |token: &str| json!({"token": token, "name": "anna", "password": PASSWORD});
    let nobody = node.nobody();
    nobody.post("/setup", body("another")).await.problem(401, "E0501");
    let weak = json!({"token": token, "name": "anna", "password": "short"});
    nobody.post("/setup", weak).await.problem(422, "E0105");
    // Two at once: one becomes the admin.
    let (one, other) =
        tokio::join!(nobody.post("/setup", body(token)), nobody.post("/setup", body(token)));
    let (made, refused) = if one.status == 201 { (one, other) } else { (other, one) };
    assert_eq!(made.json()["user"], json!({"name": "anna", "role": "admin", "projects": {}}));
    refused.problem(410, "E0513");
    nobody.post("/setup", body(token)).await.problem(410, "E0513");
    let anna = browser(&node, &made);
    let who = anna.get("/session").await.json();
    assert_eq!(who["user"]["role"], "admin");
    assert_eq!(who["csrf"], made.json()["csrf"]);
    let log = anna.get("/audit").await.json();
    assert_eq!(log["items"][0]["action"], "setup.complete");
    assert_eq!(log["items"][0]["address"], "127.0.0.1");
}

#[tokio::test]
async fn no_link_is_made_where_there_is_an_admin_or_a_token() {
    let mut node = Node::start().await;
    assert_eq!(node.server().setup_link(), None);
    user(&node, "anna", "admin").await;
    node.restart().await;
    assert_eq!(node.server().setup_link(), None);
    let body = json!({"token": "", "name": "bert", "password": PASSWORD});
    node.nobody().post("/setup", body).await.problem(410, "E0513");
}

#[tokio::test]
async fn a_session_lasts_until_it_is_ended_and_over_a_restart() {
    for mut node in Node::each().await {
        user(&node, "vera", "viewer").await;
        let wrong = json!({"name": "vera", "password": "wrong, and long enough"});
        let unknown = json!({"name": "nobody", "password": PASSWORD});
        let wrong = node.nobody().post("/session", wrong).await.problem(401, "E0501");
        let unknown = node.nobody().post("/session", unknown).await.problem(401, "E0501");
        assert_eq!(wrong, unknown, "a name that is there is not told from one that is not");

        let signed_in = sign_in(&node, "vera").await;
        let set = signed_in.header("set-cookie").unwrap();
        for mark in ["syncline_session=", "HttpOnly", "SameSite=Lax", "Path=/"] {
            assert!(set.contains(mark), "{set}");
        }
        node.restart().await;
        let vera = browser(&node, &signed_in);
        assert_eq!(vera.get("/session").await.json()["user"]["name"], "vera");
        vera.get("/users").await.problem(403, "E0502");
        vera.get("/users/vera").await.good();
        assert_eq!(vera.delete("/session").await.good().status, 204);
        vera.get("/session").await.problem(401, "E0501");
        let forged = node.nobody().header("cookie", "syncline_session=forged");
        forged.get("/session").await.problem(401, "E0501");
    }
}

#[tokio::test]
async fn a_session_ends_by_itself_and_with_its_user() {
    for node in Node::each().await {
        user(&node, "vera", "viewer").await;
        for sql in [
            "UPDATE sessions SET seen_at = '2020-01-01T00:00:00.000Z'",
            "UPDATE sessions SET ends_at = '2020-01-01T00:00:00.000Z'",
        ] {
            let vera = browser(&node, &sign_in(&node, "vera").await);
            vera.get("/session").await.good();
            alter(&node, sql).unwrap();
            vera.get("/session").await.problem(401, "E0501");
        }
        let vera = browser(&node, &sign_in(&node, "vera").await);
        let shut_out = json!({"disabled": true});
        node.admin().patch("/users/vera", shut_out).await.good();
        vera.get("/session").await.problem(401, "E0501");
        sign_in(&node, "vera").await.problem(401, "E0501");
        node.admin().patch("/users/vera", json!({"disabled": false})).await.good();
        // Not even a user who may come back gets the old session back.
        vera.get("/session").await.problem(401, "E0501");
        let vera = browser(&node, &sign_in(&node, "vera").await);
        assert_eq!(node.admin().delete("/users/vera").await.good().status, 204);
        vera.get("/session").await.problem(401, "E0501");
    }
}

#[tokio::test]
async fn a_page_of_another_site_can_do_nothing_in_ones_name() {
    let node = Node::start().await;
    user(&node, "anna", "admin").await;
    let signed_in = sign_in(&node, "anna").await;
    let anna = browser(&node, &signed_in);
    let cookie_alone = node.nobody().header("cookie", &cookie(&signed_in));
    let new = |name: &str| json!({"name": name, "role": "viewer", "password": PASSWORD});
    cookie_alone.get("/users").await.good();
    cookie_alone.post("/users", new("b1")).await.problem(403, "E0502");
    cookie_alone.header("x-csrf-token", "0").post("/users", new("b2")).await.problem(403, "E0502");
    cookie_alone.delete("/session").await.problem(403, "E0502");
    let evil = anna.header("origin", "https://evil.example.com");
    evil.post("/users", new("b3")).await.problem(403, "E0502");
    // The token of one session is none of another's.
    let other = sign_in(&node, "anna").await.json()["csrf"].as_str().unwrap().to_owned();
    let mixed = cookie_alone.header("x-csrf-token", &other);
    mixed.post("/users", new("b4")).await.problem(403, "E0502");
    anna.header("origin", node.url()).post("/users", new("b5")).await.good();
    let page = json!({"name": "anna", "password": PASSWORD});
    let evil = node.nobody().header("origin", "https://evil.example.com");
    evil.post("/session", page).await.problem(403, "E0502");
    let answer = evil.get("/connectors").await;
    assert_eq!(answer.header("access-control-allow-origin"), None);
    // A name that an attacker has made point here is none of this node's.
    let rebound = node.nobody().header("host", "evil.example.com");
    rebound.send(rebound.request(Method::GET, "/healthz")).await.problem(403, "E0502");
}

#[tokio::test]
async fn there_is_always_an_admin() {
    for node in Node::each().await {
        user(&node, "anna", "admin").await;
        let admin = node.admin();
        admin.patch("/users/anna", json!({"role": "editor"})).await.problem(409, "E0510");
        admin.patch("/users/anna", json!({"disabled": true})).await.problem(409, "E0510");
        admin.delete("/users/anna").await.problem(409, "E0510");
        user(&node, "bert", "admin").await;
        // Two who remove each other at once: one stays.
        let (one, other) = tokio::join!(admin.delete("/users/anna"), admin.delete("/users/bert"));
        let mut statuses = [one.status, other.status];
        statuses.sort_unstable();
        assert_eq!(statuses, [204, 409]);
        let left = admin.get("/users").await.json();
        assert_eq!(left["items"].as_array().unwrap().len(), 1);
        user(&node, "carl", "viewer").await;
        let body = json!({"name": "carl", "role": "viewer", "password": PASSWORD});
        admin.post("/users", body).await.problem(409, "E0504");
        let changed = admin.patch("/users/carl", json!({"role": "operator"})).await.json();
        assert_eq!((&changed["role"], &changed["disabled"]), (&json!("operator"), &json!(false)));
        admin.patch("/users/dora", json!({"role": "viewer"})).await.problem(404, "E0503");
        admin.get("/users/dora").await.problem(404, "E0503");
        for name in ["", "a/b", "-x", "ä", "a b"] {
            let body = json!({"name": name, "role": "viewer", "password": PASSWORD});
            admin.post("/users", body).await.problem(422, "E0105");
        }
    }
}

#[tokio::test]
async fn a_password_is_changed_with_the_old_one_and_other_sessions_end() {
    let node = Node::start().await;
    user(&node, "vera", "viewer").await;
    user(&node, "paul", "viewer").await;
    let vera = browser(&node, &sign_in(&node, "vera").await);
    let elsewhere = browser(&node, &sign_in(&node, "vera").await);
    let path = "/users/vera/password";
    let new = "a better password";
    vera.post(path, json!({"password": new})).await.problem(403, "E0502");
    let wrong = json!({"current": "not the password", "password": new});
    vera.post(path, wrong).await.problem(403, "E0502");
    let right = json!({"current": PASSWORD, "password": new});
    let paul = browser(&node, &sign_in(&node, "paul").await);
    paul.post(path, right.clone()).await.problem(403, "E0502");
    assert_eq!(vera.post(path, right).await.good().status, 204);
    vera.get("/session").await.good();
    elsewhere.get("/session").await.problem(401, "E0501");
    sign_in(&node, "vera").await.problem(401, "E0501");
    let forgotten = json!({"password": PASSWORD});
    assert_eq!(node.admin().post(path, forgotten).await.good().status, 204);
    vera.get("/session").await.problem(401, "E0501");
    sign_in(&node, "vera").await.good();
}

#[tokio::test]
async fn too_many_failures_close_the_door_for_that_name() {
    let node = Node::start().await;
    user(&node, "vera", "viewer").await;
    user(&node, "paul", "viewer").await;
    let wrong = json!({"name": "vera", "password": "wrong, and long enough"});
    let mut refused = 0;
    for _ in 0..14 {
        let answer = node.nobody().post("/session", wrong.clone()).await;
        if answer.status == 429 {
            answer.problem(429, "E0507");
            assert!(answer.header("retry-after").is_some());
            refused += 1;
        }
    }
    assert!(refused > 0);
    // Now not even the right password opens it; others are let in.
    sign_in(&node, "vera").await.problem(429, "E0507");
    sign_in(&node, "paul").await.good();
}

/// Makes a token as `client`; returns it with what was answered.
async fn token(client: &Client, body: Value) -> (String, Value) {
    let made = client.post("/tokens", body).await;
    assert_eq!(made.good().status, 201);
    (made.json()["token"].as_str().unwrap().to_owned(), made.json())
}

#[tokio::test]
async fn a_token_acts_for_its_owner_and_no_further() {
    for node in Node::each().await {
        user(&node, "edna", "editor").await;
        let edna = browser(&node, &sign_in(&node, "edna").await);
        edna.post("/tokens", json!({"name": "t", "role": "admin"})).await.problem(403, "E0502");
        let (secret, made) = token(&edna, json!({"name": "ci", "role": "operator"})).await;
        assert!(secret.starts_with("slt_") && secret.len() > 40);
        let program = node.nobody().token(&secret);
        let who = program.get("/session").await.json();
        assert_eq!(who["user"], json!({"name": "edna/ci", "role": "operator", "projects": {}}));
        assert_eq!(who["csrf"], Value::Null);
        let listed = edna.get("/tokens").await;
        assert!(!listed.text.contains(&secret));
        let listed = listed.json();
        assert_eq!(listed["items"][0]["id"], made["id"]);
        assert!(listed["items"][0]["last_used_at"].is_string());
        program.post("/tokens", json!({"name": "t", "role": "viewer"})).await.problem(403, "E0502");
        // It goes down with its owner's role, and out with them.
        node.admin().patch("/users/edna", json!({"role": "viewer"})).await.good();
        assert_eq!(program.get("/session").await.json()["user"]["role"], "viewer");
        node.admin().patch("/users/edna", json!({"disabled": true})).await.good();
        program.get("/session").await.problem(401, "E0501");
        node.admin().patch("/users/edna", json!({"disabled": false})).await.good();
        program.get("/session").await.good();
        alter(&node, "UPDATE tokens SET expires_at = '2020-01-01T00:00:00.000Z'").unwrap();
        program.get("/session").await.problem(401, "E0501");
        let path = format!("/tokens/{}", made["id"].as_str().unwrap());
        user(&node, "paul", "editor").await;
        let paul = browser(&node, &sign_in(&node, "paul").await);
        paul.delete(&path).await.problem(403, "E0502");
        assert_eq!(paul.get("/tokens").await.json()["items"], json!([]));
        let edna = browser(&node, &sign_in(&node, "edna").await);
        assert_eq!(edna.delete(&path).await.good().status, 204);
        edna.delete(&path).await.problem(404, "E0503");
    }
}

#[tokio::test]
async fn a_token_is_refused_that_makes_no_sense() {
    let node = Node::start().await;
    let admin = node.admin();
    for body in [
        json!({"name": "a b", "role": "viewer"}),
        json!({"name": "t", "role": "viewer", "expires_at": "2020-01-01T00:00:00Z"}),
        json!({"name": "t", "role": "viewer", "expires_at": "9999-01-01T00:00:00Z"}),
        json!({"name": "t", "role": "viewer", "expires_at": "tomorrow"}),
        json!({"name": "t", "role": "viewer", "jobs": []}),
        json!({"name": "t", "role": "admin", "jobs": ["a"]}),
        json!({"name": "t", "role": "god"}),
    ] {
        admin.post("/tokens", body).await.problem(422, "E0105");
    }
    let unknown = json!({"name": "t", "role": "viewer", "rolle": 1});
    admin.post("/tokens", unknown).await.problem(422, "E0104");
    let (secret, _) = token(&admin, json!({"name": "t", "role": "viewer"})).await;
    for forged in [&secret[..secret.len() - 1], &secret[4..], "slt_", ""] {
        node.nobody().token(forged).get("/session").await.problem(401, "E0501");
    }
    let basic = node.nobody().header("authorization", "Basic YTpi");
    basic.get("/session").await.problem(401, "E0501");
}

#[tokio::test]
async fn what_was_done_is_written_down_and_stays() {
    for node in Node::each().await {
        user(&node, "anna", "admin").await;
        let anna = browser(&node, &sign_in(&node, "anna").await);
        let (secret, made) = token(&anna, json!({"name": "ci", "role": "viewer"})).await;
        anna.patch("/users/anna", json!({"role": "admin"})).await.good();
        let all = anna.get("/audit").await;
        assert!(!all.text.contains(&secret) && !all.text.contains(PASSWORD), "{}", all.text);
        let actions = |answer: &Answer| -> Vec<String> {
            let items = answer.json()["items"].as_array().unwrap().clone();
            items.iter().map(|entry| entry["action"].as_str().unwrap().to_owned()).collect()
        };
        let done = ["user.update", "token.create", "session.create", "user.create"];
        assert_eq!(actions(&all), done);
        let made = made["id"].as_str().unwrap();
        for (query, found) in [
            ("actor=anna".to_owned(), 3),
            ("actor=admin%20token".to_owned(), 1),
            ("action=user".to_owned(), 2),
            ("action=user.create".to_owned(), 1),
            ("action=use".to_owned(), 0),
            (format!("target={made}"), 1),
            ("since=2020-01-01T00:00:00Z&until=2100-01-01T00:00:00%2B02:00".to_owned(), 4),
            ("since=2100-01-01T00:00:00Z".to_owned(), 0),
        ] {
            let answer = anna.get(&format!("/audit?{query}")).await;
            assert_eq!(actions(&answer).len(), found, "{query}");
        }
        anna.get("/audit?since=yesterday").await.problem(422, "E0105");
        let mut pages = Vec::new();
        let mut path = "/audit?limit=3".to_owned();
        loop {
            let page = anna.get(&path).await;
            pages.extend(actions(&page));
            match page.json()["next"].as_str() {
                Some(next) => path = format!("/audit?limit=3&after={next}"),
                None => break,
            }
        }
        assert_eq!(pages, done);
        let export = anna.get("/audit/export").await;
        assert_eq!(export.header("content-type"), Some("application/jsonl"));
        let lines: Vec<Value> =
            export.good().text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        assert_eq!(lines.len(), 4);
        assert_eq!(lines[0]["action"], "user.create");
        assert_eq!(lines[0]["detail"], json!({"role": "admin"}));
        // The database itself keeps what has been written.
        for sql in ["UPDATE audit SET actor = 'x'", "DELETE FROM audit"] {
            let refused = alter(&node, sql).unwrap_err();
            assert!(refused.contains("only added to"), "{refused}");
        }
        user(&node, "vera", "viewer").await;
        let vera = browser(&node, &sign_in(&node, "vera").await);
        vera.get("/audit").await.problem(403, "E0502");
        vera.get("/audit/export").await.problem(403, "E0502");
    }
}
