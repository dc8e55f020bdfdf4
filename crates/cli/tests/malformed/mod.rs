//! Malformed requests, made from the API's own document: for every operation one that fits it, bent
//! in one or two places.

mod values;

use rand::rngs::SmallRng;
use rand::seq::IndexedRandom as _;
use rand::{Rng as _, RngExt as _};
use serde_json::Value;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

/// A request, as it goes over the line.
#[derive(Debug, Clone)]
pub(crate) struct Ask {
    pub(crate) method: String,
    pub(crate) target: Vec<u8>,
    pub(crate) headers: Vec<(String, Vec<u8>)>,
    pub(crate) body: Vec<u8>,
}

/// What came back.
#[derive(Debug)]
pub(crate) struct Told {
    pub(crate) status: u16,
    pub(crate) kind: String,
    pub(crate) body: Vec<u8>,
}

/// An operation of the document.
pub(crate) struct Operation<'a> {
    document: &'a Value,
    method: String,
    path: &'a str,
    details: &'a Value,
}

/// All operations; those that hash passwords stand once, the others often: hashing is slow so that
/// guessing is.
pub(crate) fn operations(document: &Value) -> Vec<Operation<'_>> {
    let mut all = Vec::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, details) in item.as_object().unwrap() {
            if !["get", "put", "post", "delete", "patch"].contains(&method.as_str()) {
                continue;
            }
            let hashes = ["/session", "/users", "/setup", "/password"];
            let slow = method != "get" && hashes.iter().any(|end| path.ends_with(end));
            for _ in 0..if slow { 1 } else { 20 } {
                all.push(Operation { document, method: method.to_uppercase(), path, details });
            }
        }
    }
    all
}

/// Ways to bend a request.
#[derive(Clone, Copy)]
enum Bend {
    Path,
    Query,
    Header,
    Kind,
    Shape,
    Bytes,
    Method,
}

const BENDS: [Bend; 12] = [
    Bend::Path,
    Bend::Path,
    Bend::Query,
    Bend::Query,
    Bend::Header,
    Bend::Kind,
    Bend::Shape,
    Bend::Shape,
    Bend::Shape,
    Bend::Shape,
    Bend::Bytes,
    Bend::Method,
];

impl Operation<'_> {
    /// A request for it that is not as it should be.
    pub(crate) fn bent(&self, token: &str, random: &mut SmallRng) -> Ask {
        let mut ask = Ask {
            method: self.method.clone(),
            target: Vec::new(),
            headers: vec![("authorization".into(), format!("Bearer {token}").into_bytes())],
            body: Vec::new(),
        };
        let bends: Vec<Bend> =
            (0..random.random_range(1..=2)).map(|_| *BENDS.choose(random).unwrap()).collect();
        let bent = |like: fn(&Bend) -> bool| bends.iter().any(like);
        ask.target = self.target(
            bent(|b| matches!(b, Bend::Path)),
            bent(|b| matches!(b, Bend::Query)),
            random,
        );
        if let Some(schema) = self.details.pointer("/requestBody/content/application~1json/schema")
        {
            let mut body = values::fitting(self.document, schema, 0, random);
            if bent(|b| matches!(b, Bend::Shape)) {
                values::bend(&mut body, random);
            }
            ask.body = body.to_string().into_bytes();
            ask.headers.push(("content-type".into(), b"application/json".to_vec()));
        }
        if bent(|b| matches!(b, Bend::Bytes)) {
            values::spoil(&mut ask.body, random);
        }
        if bent(|b| matches!(b, Bend::Kind)) {
            let kinds =
                ["", "text/plain", "application/xml", "application/json; charset=utf-7", "/"];
            ask.headers.retain(|(name, _)| name != "content-type");
            ask.headers
                .push(("content-type".into(), kinds.choose(random).unwrap().as_bytes().into()));
        }
        if bent(|b| matches!(b, Bend::Header)) {
            ask.headers.push(odd_header(random));
        }
        if bent(|b| matches!(b, Bend::Method)) {
            let methods = ["PUT", "PATCH", "DELETE", "POST", "OPTIONS", "HEAD", "TRACE", "BREW"];
            ask.method = (*methods.choose(random).unwrap()).to_owned();
        }
        ask
    }

    fn target(&self, bends_path: bool, bends_query: bool, random: &mut SmallRng) -> Vec<u8> {
        let mut target = Vec::new();
        let mut rest = self.path;
        while let Some((before, after)) = rest.split_once('{') {
            target.extend_from_slice(before.as_bytes());
            let plain: &[u8] = [&b"a"[..], b"1", b"0198", b"shop"].choose(random).unwrap();
            let odd = values::odd_text(random);
            target.extend_from_slice(if bends_path { &odd } else { plain });
            rest = after.split_once('}').unwrap().1;
        }
        target.extend_from_slice(rest.as_bytes());
        let named = self.details["parameters"].as_array().into_iter().flatten();
        let mut query: Vec<&str> =
            named.filter(|p| p["in"] == "query").filter_map(|p| p["name"].as_str()).collect();
        if bends_query {
            query.extend(["nothing", "limit", "limit"]);
            for (at, name) in query.iter().enumerate() {
                if random.random_range(0..3) > 0 {
                    target.push(if at == 0 { b'?' } else { b'&' });
                    target.extend_from_slice(name.as_bytes());
                    target.push(b'=');
                    target.extend_from_slice(&values::odd_text(random));
                }
            }
        }
        target
    }
}

fn odd_header(random: &mut SmallRng) -> (String, Vec<u8>) {
    let names = [
        "if-match",
        "if-none-match",
        "idempotency-key",
        "accept",
        "accept-encoding",
        "authorization",
        "cookie",
        "origin",
        "host",
        "x-csrf-token",
        "traceparent",
        "range",
        "upgrade",
        "sec-websocket-protocol",
    ];
    let values: [&[u8]; 12] = [
        b"",
        b"*",
        b"\"",
        b"\"99999999999999999999\"",
        b"W/\"-1\"",
        b"\xff\xfe",
        b"Bearer",
        b"Bearer slt_",
        b"null",
        b"a=b; syncline_session=\x80",
        b"syncline.live, ticket.",
        b"00-0-0-0",
    ];
    let long = vec![b'x'; 6_000];
    let value =
        if random.random_range(0..8) == 0 { &long } else { *values.choose(random).unwrap() };
    ((*names.choose(random).unwrap()).to_owned(), value.to_vec())
}

impl Ask {
    /// The request's bytes.
    fn bytes(&self) -> Vec<u8> {
        let mut bytes = format!("{} ", self.method).into_bytes();
        bytes.extend_from_slice(&self.target);
        bytes.extend_from_slice(b" HTTP/1.1\r\nconnection: close\r\n");
        let mut headers = self.headers.clone();
        if !headers.iter().any(|(name, _)| name == "host") {
            headers.push(("host".into(), b"localhost".to_vec()));
        }
        headers.push(("content-length".into(), self.body.len().to_string().into_bytes()));
        for (name, value) in &headers {
            bytes.extend_from_slice(name.as_bytes());
            bytes.extend_from_slice(b": ");
            bytes.extend_from_slice(value);
            bytes.extend_from_slice(b"\r\n");
        }
        bytes.extend_from_slice(b"\r\n");
        bytes.extend_from_slice(&self.body);
        bytes
    }

    /// Sends it on a line of its own; `None` where the server just hangs up.
    pub(crate) async fn send(&self, address: &str) -> Option<Told> {
        let mut line = TcpStream::connect(address).await.unwrap();
        // A server that refuses may close before it has heard all.
        let _ = line.write_all(&self.bytes()).await;
        let mut answer = Vec::new();
        let patience = std::time::Duration::from_secs(60);
        let read = tokio::time::timeout(patience, line.read_to_end(&mut answer)).await;
        assert!(read.is_ok(), "no answer to {}", self.shown());
        let end = answer.windows(4).position(|w| w == b"\r\n\r\n")?;
        let head = String::from_utf8_lossy(&answer[..end]).to_lowercase();
        let status = head.split(' ').nth(1)?.parse().ok()?;
        let kind = head.split("content-type: ").nth(1).unwrap_or_default();
        let kind = kind.split("\r\n").next().unwrap_or_default().to_owned();
        // What was asked for packed is not unpacked here: its status and kind say enough.
        let packed = head.contains("\r\ncontent-encoding: ");
        let body = if packed { Vec::new() } else { answer[end + 4..].to_vec() };
        Some(Told { status, kind, body })
    }

    /// It in words, for people.
    pub(crate) fn shown(&self) -> String {
        let mut text = String::from_utf8_lossy(&self.bytes()).into_owned();
        if let Some((at, _)) = text.char_indices().nth(1_500) {
            text.truncate(at);
        }
        text
    }
}

/// Bytes that are hardly a request at all.
pub(crate) fn noise(random: &mut SmallRng) -> Vec<u8> {
    let lines: [&[u8]; 9] = [
        b"GET\r\n\r\n",
        b"GET / HTTP/9.9\r\n\r\n",
        b"GET /api/v1/jobs HTTP/1.1\r\n\r\n",
        b"POST /api/v1/jobs HTTP/1.1\r\nhost: localhost\r\ncontent-length: -1\r\n\r\n",
        b"POST /api/v1/jobs HTTP/1.1\r\nhost: localhost\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n",
        b"POST /api/v1/jobs HTTP/1.1\r\nhost: localhost\r\ncontent-length: 3\r\n\
          content-length: 4\r\n\r\n{}",
        b"GET /\x00 HTTP/1.1\r\nhost: localhost\r\n\r\n",
        b"GET / HTTP/1.1\r\nhost: localhost\r\n no: name\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
    ];
    let mut bytes = lines.choose(random).unwrap().to_vec();
    if random.random_range(0..3) == 0 {
        let at = random.random_range(0..bytes.len());
        bytes[at] = random.next_u32().to_le_bytes()[0];
    }
    bytes
}
