//! What stands before every route: TLS, limits, one form for every error, and clients that mean no
//! good.
#![allow(clippy::unwrap_used, reason = "helpers of tests")]

mod node;

use node::{Node, Setup};
use reqwest::Method;
use serde_json::json;
use syncline_server::Server;
use syncline_testkit::api::{ADMIN_TOKEN, Client};
use syncline_types::Code;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

/// A certificate for this machine and its key, in files; and the certificate itself.
fn certificate(folder: &std::path::Path) -> (std::path::PathBuf, std::path::PathBuf, String) {
    let names = vec!["localhost".to_owned(), "127.0.0.1".to_owned()];
    let made = rcgen::generate_simple_self_signed(names).unwrap();
    let (certificate, key) = (folder.join("cert.pem"), folder.join("key.pem"));
    std::fs::write(&certificate, made.cert.pem()).unwrap();
    std::fs::write(&key, made.signing_key.serialize_pem()).unwrap();
    (certificate, key, made.cert.pem())
}

#[tokio::test]
async fn over_tls_the_cookie_is_kept_from_everybody_else() {
    let folder = tempfile::tempdir().unwrap();
    let (certificate, key, pem) = certificate(folder.path());
    let node = Node::with(Setup { tls: Some((certificate, key)), ..Setup::default() }).await;
    assert!(node.url().starts_with("https://"));
    let trusting = Client::trusting(node.url(), pem.as_bytes());
    let admin = trusting.token(ADMIN_TOKEN);
    let user = json!({"name": "vera", "role": "viewer", "password": "correct horse battery"});
    admin.post("/users", user).await.good();
    let body = json!({"name": "vera", "password": "correct horse battery"});
    let signed_in = trusting.post("/session", body).await;
    let set = signed_in.good().header("set-cookie").unwrap();
    assert!(set.starts_with("__Host-syncline_session=") && set.contains("; Secure"), "{set}");
    let hsts = signed_in.header("strict-transport-security");
    assert!(hsts.is_some_and(|value| value.contains("max-age=")));
    // Whoever does not trust the certificate, or speaks plainly, is told nothing.
    let stranger = Client::new(node.url());
    assert!(stranger.try_send(stranger.request(Method::GET, "/healthz")).await.is_err());
    let plain = Client::new(&node.url().replace("https", "http"));
    assert!(plain.try_send(plain.request(Method::GET, "/healthz")).await.is_err());
}

#[tokio::test]
async fn a_certificate_that_cannot_be_used_and_a_public_address_without_one_are_refused() {
    let node = Node::start().await;
    let mut config = node.config();
    config.listen = "0.0.0.0:0".parse().unwrap();
    assert_eq!(Server::start(config).await.err().unwrap().code(), Code::Usage);
    let folder = tempfile::tempdir().unwrap();
    let (certificate, key, _) = self::certificate(folder.path());
    for (certificate, key) in [
        (certificate.clone(), certificate.clone()),
        (key.clone(), key.clone()),
        (folder.path().join("missing.pem"), key.clone()),
    ] {
        let mut config = node.config();
        config.tls = Some(syncline_server::Tls { certificate, key });
        assert_eq!(Server::start(config).await.err().unwrap().code(), Code::Tls);
    }
}

#[tokio::test]
async fn every_answer_keeps_browsers_safe_and_every_error_has_one_form() {
    let node = Node::start().await;
    let admin = node.admin();
    for path in ["/healthz", "/api/v1/connectors", "/api/v1/nothing", "/", "/api/v1/openapi.json"] {
        let answer = admin.send(admin.request(Method::GET, path)).await;
        let policy = answer.header("content-security-policy").unwrap();
        assert!(policy.contains("frame-ancestors 'none'"), "{path}: {policy}");
        assert!(!policy.contains("unsafe-eval"), "{path}: {policy}");
        assert_eq!(answer.header("x-content-type-options"), Some("nosniff"), "{path}");
        assert!(answer.header("referrer-policy").is_some(), "{path}");
        assert_eq!(answer.header("access-control-allow-origin"), None, "{path}");
        assert!(answer.header("cache-control").is_some(), "{path}");
    }
    admin.get("/nothing").await.problem(404, "E0503");
    admin.get("/connectors/%2e%2e/%2e%2e/etc/passwd").await.problem(404, "E0503");
    let wrong = admin.send(admin.request(Method::DELETE, "/api/v1/connectors")).await;
    wrong.problem(405, "E0101");
    assert!(wrong.header("allow").is_some());
    let post = |kind: &str, body: String| {
        let request = admin.request(Method::POST, "/api/v1/users").header("content-type", kind);
        admin.send(request.body(body))
    };
    post("application/json", "{".into()).await.problem(422, "E0105");
    post("application/json", String::new()).await.problem(422, "E0105");
    post("text/plain", "{}".into()).await.problem(422, "E0105");
    post("application/json", "\u{feff}{}".into()).await.problem(422, "E0105");
    // Deeper than anything that means well, and longer.
    let deep = "[".repeat(100_000) + &"]".repeat(100_000);
    post("application/json", deep).await.problem(422, "E0105");
    let nested = "{\"name\":".repeat(50_000) + "1" + &"}".repeat(50_000);
    post("application/json", nested).await.problem(422, "E0105");
    let long = format!("{{\"name\":\"{}\"}}", "x".repeat(5 << 20));
    post("application/json", long).await.problem(413, "E0508");
    let many = format!("/users?limit={}", "9".repeat(100));
    admin.get(&many).await.problem(422, "E0105");
    admin.get("/users?limit=0").await.problem(422, "E0105");
    admin.get("/users?after=%00%ff").await.problem(422, "E0105");
    admin.get("/users/%00").await.problem(422, "E0105");
}

#[tokio::test]
async fn a_client_that_says_nothing_or_never_ends_is_let_go() {
    let node = Node::start().await;
    let address = node.url().trim_start_matches("http://").to_owned();
    let mut slow = Vec::new();
    for beginning in
        ["", "G", "PRI * HTTP/2.0\r\n", "GET /healthz HTTP/1.1\r\nHost: localhost\r\nX: "]
    {
        let mut stream = TcpStream::connect(&address).await.unwrap();
        stream.write_all(beginning.as_bytes()).await.unwrap();
        slow.push((beginning, stream));
    }
    let body = "POST /api/v1/session HTTP/1.1\r\nHost: localhost\r\nContent-Length: 10\r\n\
                Content-Type: application/json\r\n\r\n{";
    let mut stream = TcpStream::connect(&address).await.unwrap();
    stream.write_all(body.as_bytes()).await.unwrap();
    slow.push((body, stream));
    // All of them wait at the same time, while others are served.
    node.admin().get("/connectors").await.good();
    for (beginning, mut stream) in slow {
        let mut answer = Vec::new();
        let ended = tokio::time::timeout(
            std::time::Duration::from_secs(60),
            stream.read_to_end(&mut answer),
        );
        let _ = ended.await.unwrap_or_else(|_| panic!("{beginning:?} may wait for ever"));
        let answer = String::from_utf8_lossy(&answer);
        assert!(!answer.contains(" 200 "), "{beginning:?}: {answer}");
    }
}

#[tokio::test]
async fn a_page_of_a_named_origin_may_use_the_api() {
    let node = Node::with(Setup {
        console_origins: vec!["https://console.example.com".into()],
        ..Setup::default()
    })
    .await;
    let page = node.admin().header("origin", "https://console.example.com");
    let asked = page
        .request(Method::OPTIONS, "/api/v1/users")
        .header("access-control-request-method", "POST")
        .header("access-control-request-headers", "x-csrf-token");
    let allowed = page.send(asked).await;
    assert_eq!(allowed.good().status, 204);
    let origin = Some("https://console.example.com");
    assert_eq!(allowed.header("access-control-allow-origin"), origin);
    assert_eq!(page.get("/connectors").await.header("access-control-allow-origin"), origin);
    let other = node.admin().header("origin", "https://console.example.org");
    assert_eq!(other.get("/connectors").await.header("access-control-allow-origin"), None);
}

#[tokio::test]
async fn a_page_of_another_site_hears_no_events() {
    let node = Node::start().await;
    let user = json!({"name": "vera", "role": "viewer", "password": "correct horse battery"});
    node.admin().post("/users", user).await.good();
    let body = json!({"name": "vera", "password": "correct horse battery"});
    let signed_in = node.nobody().post("/session", body).await;
    let cookie = signed_in.good().header("set-cookie").unwrap().split(';').next().unwrap();
    let upgrade = |origin: &str, cookie: &str| {
        let client = node.nobody();
        let request = client
            .request(Method::GET, "/api/v1/live")
            .header("connection", "upgrade")
            .header("upgrade", "websocket")
            .header("sec-websocket-version", "13")
            .header("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ==")
            .header("origin", origin)
            .header("cookie", cookie);
        async move { request.send().await.unwrap().status().as_u16() }
    };
    assert_eq!(upgrade("https://evil.example.com", cookie).await, 403);
    assert_eq!(upgrade("null", cookie).await, 403);
    assert_eq!(upgrade(node.url(), "syncline_session=forged").await, 401);
    assert_eq!(upgrade(node.url(), cookie).await, 101);
}
