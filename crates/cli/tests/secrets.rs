//! Secrets are planted everywhere a server takes one, and searched for everywhere it could let one
//! out: every answer, all it prints at its most talkative, its files, and its database.
#![allow(clippy::unwrap_used, reason = "helpers of tests")]

use std::path::Path;

use serde_json::{Value, json};
use syncline_testkit::api::{ADMIN_TOKEN, Answer, Client, Method, Process};
use syncline_testkit::{Database, Kind, Server};

/// What every planted secret has in it.
const MARK: &str = "pLaNtEd";

/// A secret for one place.
fn planted(place: &str) -> String {
    format!("{MARK}-{place}-s3cret")
}

/// What is searched: where it was found, and the text.
#[derive(Default)]
struct Search {
    /// Further secrets: those that the server itself has made.
    made: Vec<String>,
    texts: Vec<(String, String)>,
}

impl Search {
    fn add(&mut self, place: impl Into<String>, text: impl Into<String>) {
        self.texts.push((place.into(), text.into()));
    }

    fn answer(&mut self, place: &str, answer: &Answer) {
        let headers = format!("{:?}", answer.headers);
        self.add(place, format!("{} {headers} {}", answer.status, answer.text));
    }

    /// Fails for every text that holds a secret, plain or as it stands in a URL or in base64.
    fn judge(&self) {
        let made = self.made.iter().map(String::as_str);
        let needles: Vec<&str> = made.chain([MARK, ADMIN_TOKEN]).collect();
        let mut found = Vec::new();
        for (place, text) in &self.texts {
            for needle in &needles {
                if let Some(at) = text.find(needle) {
                    let from = text[..at].char_indices().rev().nth(80).map_or(0, |(at, _)| at);
                    found.push(format!("{place}: …{}", &text[from..at + needle.len()]));
                }
            }
        }
        assert!(found.is_empty(), "{}", found.join("\n"));
    }
}

/// A server at its most talkative, with secrets in its surroundings.
fn server(store: Option<&str>) -> Process {
    let mut args = vec!["--oidc-issuer", "http://127.0.0.1:9", "--oidc-client-id", "syncline"];
    args.extend(store.map(|url| ["--store", url]).into_iter().flatten());
    Process::new(Path::new(env!("CARGO_BIN_EXE_syncline")), &args)
        .variable("SYNCLINE_LOG", "trace")
        .variable("SYNCLINE_OIDC_CLIENT_SECRET", &planted("oidc"))
        .variable("PLANTED_IN_THE_ENVIRONMENT", &planted("environment"))
}

/// Gives the server every secret that it takes.
async fn plant(node: &Process, search: &mut Search) {
    let admin = node.client();
    let nobody = Client::new(&node.url());
    let user = json!({"name": "vera", "role": "editor", "password": planted("user")});
    search.answer("making a user", &admin.post("/users", user).await);
    // A body that cannot be read, in each of its ways.
    for body in [
        json!({"name": "a", "role": "viewer", "password": [planted("list")]}),
        json!({"name": "a", "role": "viewer", "password": {"x": planted("object")}}),
        json!({"name": "a", "role": "viewer", "pasword": planted("typo")}),
    ] {
        search.answer("a bad body", &admin.post("/users", body).await);
    }
    // People type their password where their name belongs.
    let wrong = json!({"name": planted("name"), "password": planted("wrong")});
    search.answer("a failed sign-in", &nobody.post("/session", wrong).await);
    let right = json!({"name": "vera", "password": planted("user")});
    let session = nobody.post("/session", right).await;
    let cookie = session.header("set-cookie").unwrap().split(';').next().unwrap().to_owned();
    search.made.push(cookie.split_once('=').unwrap().1.to_owned());
    let vera = nobody.header("cookie", &cookie);
    search.answer("who", &vera.header("x-csrf-token", "wrong").delete("/session").await);
    let csrf = session.json()["csrf"].as_str().unwrap().to_owned();
    let change = json!({"current": planted("not it"), "password": planted("next")});
    let vera = vera.header("x-csrf-token", &csrf);
    search.answer("a password", &vera.post("/users/vera/password", change).await);
    let token = vera.post("/tokens", json!({"name": "ci", "role": "viewer"})).await.json();
    let token = token["token"].as_str().unwrap().to_owned();
    search.answer("a token at work", &nobody.token(&token).get("/tokens").await);
    search.made.push(token);
    search.answer("a wrong token", &nobody.token(&planted("token")).get("/users").await);
    search.answer("a wrong token", &nobody.token(&format!("slt_{MARK}")).get("/users").await);
    let ways = nobody.get("/session/oidc").await;
    search.answer("a provider that is away", &ways);

    let open = json!({"allow_private_networks": true, "slots": 2, "per_connection_limit": 2,
        "history_days": 30, "environment": ["PLANTED_IN_THE_ENVIRONMENT"]});
    search.answer("settings", &admin.put("/settings", 0, open).await);
    for (name, url) in [
        ("my", format!("mysql://sync:{}@127.0.0.1:9/shop", planted("mysql"))),
        ("pg", format!("postgres://sync:{}@127.0.0.1:9/shop", planted("postgres"))),
        ("bad", format!("postgres://sync:{}@127.0.0.1:notaport/shop", planted("port"))),
        ("worse", format!("nothing://sync:{}@127.0.0.1/shop", planted("scheme"))),
        ("option", format!("mysql://sync@127.0.0.1/shop?pasword={}", planted("option"))),
    ] {
        let body = json!({"name": name, "url": url});
        search.answer("making a connection", &admin.post("/connections", body.clone()).await);
        search.answer("trying a connection", &admin.post("/connections/test", body).await);
    }
    let apart = json!({"name": "apart", "url": "mysql://sync@127.0.0.1:9/shop",
        "password": planted("apart")});
    search.answer("making a connection", &admin.post("/connections", apart).await);
    for name in ["my", "pg", "apart"] {
        let path = format!("/connections/{name}/test");
        search.answer("trying a connection", &admin.post(&path, json!({})).await);
    }
    let spec = json!({
        "version": 1, "name": "j",
        "connections": {"there": {"url": "mysql://sync@127.0.0.1:9/shop",
            "password": {"env": "PLANTED_IN_THE_ENVIRONMENT"}}},
        "source": {"connection": "there", "tables": ["shop.*"]},
        "sink": {"connection": "pg"},
    });
    let inside = json!({
        "version": 1, "name": "k",
        "source": format!("mysql://sync:{}@127.0.0.1:9/shop", planted("inside")),
        "sink": {"connection": "pg"},
    });
    let wrong = json!({
        "version": 1, "name": "l",
        "connections": {"there": {"url": "mysql://sync@127.0.0.1:9/shop",
            "password": planted("literal")}},
        "source": {"connection": "there", "tables": ["shop.*"]},
        "sink": {"connection": "pg"},
    });
    let address = json!({
        "version": 1, "name": "m",
        "connections": {"there": {"url": format!("mysql://s:{}@127.0.0.1:9/shop", planted("url"))}},
        "source": {"connection": "there", "tables": ["shop.*"]},
        "sink": {"connection": "pg"},
    });
    for (name, spec) in [("j", spec), ("k", inside), ("l", wrong), ("m", address)] {
        let body = json!({"name": name, "spec": spec});
        search.answer("making a job", &admin.post("/jobs", body.clone()).await);
        search.answer("validating a job", &admin.post("/jobs/validate", body.clone()).await);
        search.answer("planning a job", &admin.post("/jobs/plan", body).await);
        let runs = format!("/jobs/{name}/runs");
        search.answer("starting a job", &admin.post(&runs, json!({})).await);
    }
}

/// Asks for everything that can be asked for: every GET of the OpenAPI document, its parameters
/// filled in with what there is.
async fn ask_for_everything(node: &Process, search: &mut Search) {
    let admin = node.client();
    let document = admin.get("/openapi.json").await.json();
    let first = async |path: &str, key: &str| {
        let list: Value = admin.get(path).await.json();
        let item = &list["items"][0][key];
        item.as_str().map_or_else(|| item.to_string(), str::to_owned)
    };
    let (run, token) = (first("/runs", "id").await, first("/tokens", "id").await);
    let mut asked = 0;
    for (path, methods) in document["paths"].as_object().unwrap() {
        if methods.get("get").is_none() || path.ends_with("/live") {
            continue;
        }
        let names: &[&str] = match path.split('/').nth(3).unwrap_or_default() {
            "connections" => &["my", "pg", "apart"],
            "jobs" => &["j", "k"],
            "users" => &["vera"],
            "nodes" => &["test"],
            _ => &["x"],
        };
        for name in names {
            let filled = path
                .replace("{name}", name)
                .replace("{table}", "shop.t")
                .replace("{n}", "1")
                .replace("{id}", if path.contains("/tokens") { &token } else { &run });
            let answer = admin.send(admin.request(Method::GET, &filled)).await;
            search.answer(&filled, &answer);
            asked += 1;
        }
    }
    assert!(asked > 25, "only {asked}");
    for path in ["/metrics", "/healthz", "/readyz", "/docs/api"] {
        let answer = admin.send(admin.request(Method::GET, path)).await;
        search.answer(path, &answer);
    }
}

/// Every file of the server but the one with the key.
fn files(folder: &Path, search: &mut Search) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files(&path, search);
        } else if let Ok(bytes) = std::fs::read(&path) {
            search.add(path.display().to_string(), String::from_utf8_lossy(&bytes));
        }
    }
}

/// Every row of every table.
fn dump(database: &Database, search: &mut Search) {
    let tables = "SELECT tablename FROM pg_tables WHERE schemaname = 'public'";
    for table in database.rows(tables) {
        let table = table[0].clone().unwrap();
        for row in database.rows(&format!("SELECT t::text FROM {table} t")) {
            search.add(&table, row[0].clone().unwrap_or_default());
        }
    }
}

async fn hunt(mut node: Process, database: Option<&Database>) {
    let mut search = Search::default();
    node.start();
    plant(&node, &mut search).await;
    ask_for_everything(&node, &mut search).await;
    let client = node.client();
    client.get("/audit/export").await.good();
    assert!(node.stop(), "{}", node.printed());
    let printed = node.printed();
    assert!(printed.contains("TRACE"), "the log is not at its most talkative:\n{printed}");
    search.add("what it printed", printed);
    files(node.folder(), &mut search);
    if let Some(database) = database {
        dump(database, &mut search);
    }
    // The search itself finds what is there.
    assert!(search.texts.iter().any(|(_, text)| text.contains("vera")));
    search.judge();
}

#[tokio::test]
async fn no_secret_leaves_a_server_that_keeps_its_state_in_a_folder() {
    hunt(server(None), None).await;
}

#[tokio::test]
async fn no_secret_leaves_a_server_that_keeps_its_state_in_postgresql() {
    let Some(postgres) = Server::shared(Kind::Postgres) else { return };
    let database = postgres.database();
    // Test servers trust whoever comes: any password is right.
    let url = database.url().replacen('@', &format!(":{}@", planted("store")), 1);
    hunt(server(Some(&url)), Some(&database)).await;
}

#[test]
fn a_store_that_is_away_is_named_without_its_password() {
    let url = format!("postgres://sync:{}@127.0.0.1:9/state", planted("store"));
    let mut node = server(Some(&url));
    let printed = node.try_start().unwrap_err();
    assert!(printed.contains("E0213") && !printed.contains(MARK), "{printed}");
}
