//! Secrets are planted everywhere a server takes one, and searched for everywhere it could let one
//! out: every answer, all it prints at its most talkative, its files, and its database.
#![allow(clippy::unwrap_used, reason = "helpers of tests")]

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use futures::{SinkExt as _, StreamExt as _};
use serde_json::{Value, json};
use syncline_testkit::api::{ADMIN_TOKEN, Answer, Client, Method, Process};
use syncline_testkit::{Database, Kind, Server};
use tokio_tungstenite::connect_async;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;

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

    /// Fails for every text that holds a secret: plain, as it stands in a URL (the mark needs no
    /// escape), in hex, or in base64 wherever it begins in there.
    fn judge(&self) {
        let plain = self.made.iter().cloned().chain([MARK.to_owned(), ADMIN_TOKEN.to_owned()]);
        let hex = |bytes: &str| bytes.bytes().map(|b| format!("{b:02x}")).collect::<String>();
        let needles: Vec<String> = plain
            .flat_map(|secret| [in_base64(&secret).as_slice(), &[hex(&secret), secret]].concat())
            .collect();
        let mut found = Vec::new();
        for (place, text) in &self.texts {
            for needle in &needles {
                if let Some(at) = text.find(needle.as_str()) {
                    let from = text[..at].char_indices().rev().nth(80).map_or(0, |(at, _)| at);
                    found.push(format!("{place}: …{}", &text[from..at + needle.len()]));
                }
            }
        }
        assert!(found.is_empty(), "{}", found.join("\n"));
    }
}

/// What stands in base64 of any text that holds this one: three ways, by where it begins, without
/// the letters that its neighbours have a part in.
fn in_base64(secret: &str) -> [String; 3] {
    [0, 1, 2].map(|before| {
        let whole = STANDARD_NO_PAD.encode([vec![0; before], secret.into()].concat());
        let (from, bits) = ((before * 8).div_ceil(6), (before + secret.len()) * 8);
        whole[from..bits / 6].to_owned()
    })
}

/// Somebody at the other end of a line: says what it is told to say for each line that it hears.
struct Peer {
    port: u16,
    heard: Arc<Mutex<String>>,
}

impl Peer {
    /// A mail server that asks for a password, and finds it wrong.
    fn mail() -> Self {
        Self::with("220 mail ready\r\n", |line| match line.get(..4).unwrap_or_default() {
            "EHLO" => "250-mail\r\n250 AUTH PLAIN LOGIN\r\n".into(),
            "AUTH" => "535 5.7.8 not accepted\r\n".into(),
            _ => "250 ok\r\n".into(),
        })
    }

    /// A listener that refuses what it is sent, and says it all again.
    fn webhook() -> Self {
        Self::with("", |line| {
            let head = "HTTP/1.1 418 No\r\nconnection: close\r\ncontent-length: 10000\r\nx-said: ";
            if line.starts_with("authorization") {
                format!("{head}{line}\r\n\r\n{line}")
            } else {
                String::new()
            }
        })
    }

    fn with(greeting: &'static str, answer: fn(&str) -> String) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let heard = Arc::new(Mutex::new(String::new()));
        let keep = Arc::clone(&heard);
        std::thread::spawn(move || {
            for line in listener.incoming().map_while(Result::ok) {
                let keep = Arc::clone(&keep);
                std::thread::spawn(move || talk(line, greeting, answer, &keep));
            }
        });
        Self { port, heard }
    }

    fn has_heard(&self, what: &str) -> bool {
        self.heard.lock().unwrap().contains(what)
    }
}

fn talk(mut line: TcpStream, greeting: &str, answer: fn(&str) -> String, keep: &Mutex<String>) {
    let _ = line.set_read_timeout(Some(Duration::from_secs(20)));
    let _ = line.write_all(greeting.as_bytes());
    let mut rest = String::new();
    let mut bytes = [0; 4096];
    while let Ok(read @ 1..) = line.read(&mut bytes) {
        let text = String::from_utf8_lossy(&bytes[..read]).into_owned();
        keep.lock().unwrap().push_str(&text);
        rest.push_str(&text);
        while let Some((one, left)) = rest.split_once("\r\n") {
            if line.write_all(answer(one).as_bytes()).is_err() {
                return;
            }
            rest = left.to_owned();
        }
    }
}

/// Gives the server the secrets of those whom it tells, and lets it tell them.
async fn plant_alerts(node: &Process, search: &mut Search) -> (Peer, Peer) {
    let (mail, hook) = (Peer::mail(), Peer::webhook());
    let admin = node.client();
    let before = admin.get("/settings").await;
    let version = before.header("etag").unwrap().trim_matches('"').parse().unwrap();
    let mut settings = before.json();
    let email = json!({"host": "127.0.0.1", "port": mail.port, "security": "none",
        "user": "sync", "password": planted("mail"), "from": "s@example.org",
        "to": ["a@example.org"]});
    let hooks = json!([{"name": "ops", "url": format!("http://127.0.0.1:{}/x", hook.port),
        "authorization": format!("Bearer {}", planted("webhook"))}]);
    settings["alerts"] = json!({"on_failed": true, "waiting_seconds": 1,
        "email": email, "webhooks": hooks});
    search.answer("alerts", &admin.put("/settings", version, settings.clone()).await);
    let told = admin.post("/settings/alerts/test", json!({})).await;
    assert_eq!(told.json().as_array().unwrap().len(), 2, "{}", told.text);
    assert!(!told.text.contains("\"ok\":true"), "{}", told.text);
    search.answer("a test of alerts", &told);
    // A known secret does not go to another address, and what is no secret's place takes none.
    for (place, value) in [
        ("/alerts/webhooks/0/url", json!("http://127.0.0.1:9/elsewhere")),
        ("/alerts/email/host", json!("mail.example.com")),
        ("/alerts/webhooks/0/url", json!(format!("http://me:{}@127.0.0.1:9/", planted("in-url")))),
    ] {
        let mut moved = admin.get("/settings").await.json();
        *moved.pointer_mut(place).unwrap() = value;
        let refused = admin.put("/settings", version + 1, moved).await;
        refused.problem(422, "E0105");
        if !refused.text.contains("in-url") {
            search.answer("alerts", &refused);
        }
    }
    (mail, hook)
}

/// Watches everything, by a ticket, until the server stops.
async fn watch(node: &Process, search: &mut Search) -> tokio::task::JoinHandle<Vec<String>> {
    let made = node.client().post("/live-tickets", json!({})).await.good().json();
    let ticket = made["ticket"].as_str().unwrap().to_owned();
    let url = format!("{}/api/v1/live?after=0", node.url().replace("http://", "ws://"));
    let mut request = url.into_client_request().unwrap();
    let protocols = format!("syncline.live, ticket.{ticket}");
    request.headers_mut().insert("sec-websocket-protocol", protocols.parse().unwrap());
    search.made.push(ticket);
    let (mut line, _) = connect_async(request).await.unwrap();
    line.send(Message::text(r#"{"subscribe":{"all":true}}"#)).await.unwrap();
    tokio::spawn(async move {
        let mut heard = Vec::new();
        while let Some(Ok(message)) = line.next().await {
            heard.push(message.to_string());
        }
        heard
    })
}

/// A server at its most talkative, with secrets in its surroundings.
fn server(store: Option<&str>) -> Process {
    let mut args = vec!["--oidc-issuer", "http://127.0.0.1:9", "--oidc-client-id", "syncline"];
    args.extend(store.map(|url| ["--store", url]).into_iter().flatten());
    Process::new(Path::new(env!("CARGO_BIN_EXE_syncline")), &args)
        .variable("SYNCLINE_LOG", "trace")
        .variable("SYNCLINE_OIDC_CLIENT_SECRET", &planted("oidc"))
        .variable("PLANTED_IN_THE_ENVIRONMENT", &planted("environment"))
        .variable("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:9")
        .variable("OTEL_EXPORTER_OTLP_HEADERS", &format!("authorization={}", planted("traces")))
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
    let watching = watch(&node, &mut search).await;
    plant(&node, &mut search).await;
    let (mail, hook) = plant_alerts(&node, &mut search).await;
    // Runs fail meanwhile, and people are told: the secrets are used, not only kept.
    for _ in 0..300 {
        if mail.has_heard("AUTH")
            && hook.has_heard(&planted("webhook"))
            && hook.has_heard("waits for too long")
        {
            break;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    assert!(mail.has_heard("AUTH PLAIN") && hook.has_heard(&planted("webhook")));
    ask_for_everything(&node, &mut search).await;
    assert!(node.stop(), "{}", node.printed());
    let printed = node.printed();
    assert!(printed.contains("TRACE"), "the log is not at its most talkative:\n{printed}");
    search.add("what it printed", printed);
    files(node.folder(), &mut search);
    if let Some(database) = database {
        dump(database, &mut search);
    }
    let heard = watching.await.unwrap();
    assert!(heard.iter().any(|text| text.contains("\"type\":\"state\"")), "{heard:?}");
    search.add("what watchers heard", heard.join("\n"));
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
