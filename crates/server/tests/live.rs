//! The line to those who watch does not outlive what they came with, and a page of another origin
//! gets one by a ticket.
#![allow(clippy::unwrap_used, reason = "helpers of tests")]

mod node;

use std::time::Duration;

use chrono::{TimeDelta, Utc};
use futures::{SinkExt as _, StreamExt as _};
use node::{Node, Setup};
use serde_json::{Value, json};
use syncline_testkit::api::{ADMIN_TOKEN, Answer, Client};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};

const PASSWORD: &str = "correct horse battery";
const CONSOLE: &str = "https://console.example.com";
/// The code of a line whose session or token has ended.
const ENDED: u16 = 4401;

struct Line(WebSocketStream<MaybeTlsStream<TcpStream>>);

impl Line {
    /// A line that is open and has been told what there is.
    async fn open(node: &Node, headers: &[(&'static str, &str)]) -> Self {
        let mut line = Self::try_open(node, headers).await.unwrap();
        line.lives().await;
        line
    }

    async fn try_open(node: &Node, headers: &[(&'static str, &str)]) -> Result<Self, u16> {
        let url = format!("{}/api/v1/live", node.url().replace("http://", "ws://"));
        let mut request = url.into_client_request().unwrap();
        for (name, value) in headers {
            request.headers_mut().insert(*name, value.parse().unwrap());
        }
        match connect_async(request).await {
            Ok((socket, _)) => Ok(Self(socket)),
            Err(Error::Http(response)) => Err(response.status().as_u16()),
            Err(error) => panic!("{error}"),
        }
    }

    async fn lives(&mut self) {
        let wish = json!({ "subscribe": { "all": true } }).to_string();
        self.0.send(Message::text(wish)).await.unwrap();
        loop {
            let text = match self.next().await.unwrap() {
                Message::Text(text) => text,
                Message::Close(frame) => panic!("the line was closed: {frame:?}"),
                _ => continue,
            };
            let told: Value = serde_json::from_str(&text).unwrap();
            if told["type"] == "snapshot" {
                return;
            }
        }
    }

    /// The code it is closed with.
    async fn closed(mut self) -> u16 {
        loop {
            match self.next().await {
                Some(Message::Close(frame)) => return frame.unwrap().code.into(),
                Some(_) => {}
                None => panic!("the line broke without a word"),
            }
        }
    }

    async fn next(&mut self) -> Option<Message> {
        let next = tokio::time::timeout(Duration::from_secs(20), self.0.next()).await;
        next.expect("something comes within seconds").and_then(Result::ok)
    }
}

/// Changes a row of the state behind the node's back, as the passing of time would.
fn alter(node: &Node, sql: &str) {
    match node.database() {
        Some(database) => database.execute(sql),
        None => {
            let file = rusqlite::Connection::open(node.folder().join("syncline.db")).unwrap();
            file.busy_timeout(Duration::from_secs(10)).unwrap();
            file.execute_batch(sql).unwrap();
        }
    }
}

async fn user(node: &Node, name: &str) {
    let body = json!({"name": name, "role": "viewer", "password": PASSWORD});
    node.admin().post("/users", body).await.good();
}

async fn sign_in(node: &Node, name: &str) -> Answer {
    node.nobody().post("/session", json!({"name": name, "password": PASSWORD})).await
}

fn cookie(signed_in: &Answer) -> String {
    signed_in.good().header("set-cookie").unwrap().split(';').next().unwrap().to_owned()
}

fn browser(node: &Node, signed_in: &Answer) -> Client {
    let csrf = signed_in.json()["csrf"].as_str().unwrap().to_owned();
    node.nobody().header("cookie", &cookie(signed_in)).header("x-csrf-token", &csrf)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_line_ends_with_the_session_behind_it() {
    for node in Node::each().await {
        let names = ["signs-out", "is-shut-out", "is-removed", "changes", "ages", "sleeps"];
        let mut lines = Vec::new();
        for name in names {
            user(&node, name).await;
            let signed_in = sign_in(&node, name).await;
            let line = Line::open(&node, &[("cookie", &cookie(&signed_in))]).await;
            lines.push((name, signed_in, line));
        }
        let stays = sign_in(&node, "changes").await;
        let mut stays = (Line::open(&node, &[("cookie", &cookie(&stays))]).await, stays);
        let token = format!("Bearer {ADMIN_TOKEN}");
        let mut admins = Line::open(&node, &[("authorization", &token)]).await;
        for (name, signed_in, line) in lines {
            match name {
                "signs-out" => {
                    browser(&node, &signed_in).delete("/session").await.good();
                }
                "is-shut-out" => {
                    let change = json!({ "disabled": true });
                    node.admin().patch("/users/is-shut-out", change).await.good();
                }
                "is-removed" => {
                    node.admin().delete("/users/is-removed").await.good();
                }
                "changes" => {
                    // All other sessions end; the one that does it stays.
                    let body = json!({"current": PASSWORD, "password": "another horse battery"});
                    let page = browser(&node, &stays.1);
                    page.post("/users/changes/password", body).await.good();
                }
                "ages" => alter(&node, "UPDATE sessions SET ends_at = '2001' WHERE owner = 'ages'"),
                _ => alter(&node, "UPDATE sessions SET seen_at = '2001' WHERE owner = 'sleeps'"),
            }
            assert_eq!(line.closed().await, ENDED, "{name}");
        }
        stays.0.lives().await;
        admins.lives().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_line_ends_with_the_token_behind_it() {
    for node in Node::each().await {
        user(&node, "vera").await;
        user(&node, "bert").await;
        let soon = Utc::now() + TimeDelta::seconds(4);
        let mut lines = Vec::new();
        let mut stays = None;
        for (name, owner, expires_at) in [
            ("expires", "vera", Some(soon.to_rfc3339())),
            ("removed", "vera", None),
            ("shut out", "bert", None),
            ("stays", "vera", None),
        ] {
            let owner = browser(&node, &sign_in(&node, owner).await);
            let mut body = json!({ "name": name.replace(' ', "-"), "role": "viewer" });
            if let Some(at) = expires_at {
                body["expires_at"] = at.into();
            }
            let made = owner.post("/tokens", body).await.good().json();
            let header = format!("Bearer {}", made["token"].as_str().unwrap());
            let line = Line::open(&node, &[("authorization", &header)]).await;
            match name {
                "stays" => stays = Some(line),
                _ => lines.push((name, made["id"].as_str().unwrap().to_owned(), line)),
            }
        }
        for (name, id, line) in lines {
            match name {
                "removed" => drop(node.admin().delete(&format!("/tokens/{id}")).await.good()),
                "shut out" => {
                    node.admin().patch("/users/bert", json!({ "disabled": true })).await.good();
                }
                _ => {}
            }
            assert_eq!(line.closed().await, ENDED, "{name}");
        }
        stays.unwrap().lives().await;
    }
}

fn protocols(ticket: &str) -> String {
    format!("syncline.live, ticket.{ticket}")
}

async fn ticket(page: &Client) -> String {
    let made = page.post("/live-tickets", json!({})).await;
    assert_eq!(made.good().status, 201);
    made.json()["ticket"].as_str().unwrap().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_console_of_another_origin_watches_by_a_ticket() {
    let origins = vec![CONSOLE.to_owned(), "https://other.example.com".to_owned()];
    let node = Node::with(Setup { console_origins: origins, ..Setup::default() }).await;
    user(&node, "vera").await;
    let signed_in = sign_in(&node, "vera").await;
    let owner = browser(&node, &signed_in);
    let made = owner.post("/tokens", json!({"name": "console", "role": "viewer"})).await;
    let token = made.json()["token"].as_str().unwrap().to_owned();
    // The page is of another site: it has a token, and its WebSocket can carry neither that nor a
    // cookie.
    let page = node.nobody().token(&token).header("origin", CONSOLE);
    let allowed = page.post("/live-tickets", json!({})).await;
    assert_eq!(allowed.header("access-control-allow-origin"), Some(CONSOLE));
    let origin = ("origin", CONSOLE);
    assert_eq!(Line::try_open(&node, &[origin]).await.err(), Some(401));
    let first = ticket(&page).await;
    let asked = protocols(&first);
    let line = Line::open(&node, &[origin, ("sec-websocket-protocol", &asked)]).await;
    // It is good once, for the page it was made for, and for nobody whom the node does not know.
    let again = [origin, ("sec-websocket-protocol", &*asked)];
    assert_eq!(Line::try_open(&node, &again).await.err(), Some(401));
    let other = protocols(&ticket(&page).await);
    for (from, status) in [("https://other.example.com", 401), ("https://evil.example.com", 401)] {
        let headers = [("origin", from), ("sec-websocket-protocol", &*other)];
        assert_eq!(Line::try_open(&node, &headers).await.err(), Some(status), "{from}");
    }
    let evil = node.nobody().token(&token).header("origin", "https://evil.example.com");
    let evil = protocols(&ticket(&evil).await);
    let headers = [("origin", "https://evil.example.com"), ("sec-websocket-protocol", &*evil)];
    assert_eq!(Line::try_open(&node, &headers).await.err(), Some(403));
    let forged = [origin, ("sec-websocket-protocol", "syncline.live, ticket.forged")];
    assert_eq!(Line::try_open(&node, &forged).await.err(), Some(401));
    // A ticket opens nothing else, and a session's page needs its own token to get one.
    let nobody = node.nobody().header("sec-websocket-protocol", &protocols(&ticket(&page).await));
    nobody.get("/runs").await.problem(401, "E0501");
    node.nobody().post("/live-tickets", json!({})).await.problem(401, "E0501");
    let forged = node.nobody().header("cookie", &cookie(&signed_in));
    forged.post("/live-tickets", json!({})).await.problem(403, "E0502");
    // Neither the line nor a ticket outlives the token that it was made with.
    let unused = protocols(&ticket(&page).await);
    let id = made.json()["id"].as_str().unwrap().to_owned();
    node.admin().delete(&format!("/tokens/{id}")).await.good();
    assert_eq!(line.closed().await, ENDED);
    let headers = [origin, ("sec-websocket-protocol", &*unused)];
    assert_eq!(Line::try_open(&node, &headers).await.err(), Some(401));
}
