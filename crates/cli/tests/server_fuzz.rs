//! Thousands of requests, right and wrong, made from the API's own document: none of them is
//! answered by a failure of the server, or in another form than the document says.
#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "helpers of tests, and the seed")]

mod malformed;

use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::time::Duration;

use malformed::{Ask, Told, noise, operations};
use rand::rngs::SmallRng;
use rand::seq::IndexedRandom as _;
use rand::{RngExt as _, SeedableRng as _};
use serde_json::Value;
use syncline_testkit::Tool;
use syncline_testkit::api::{ADMIN_TOKEN, Process};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

/// Malformed requests of our own making: what the document asks for, bent, and sent as bytes, so that
/// they are wrong in ways that no HTTP client would let pass. schemathesis makes what the document's
/// schemas do and do not allow, and holds each answer against the document.
const MALFORMED: usize = 10_000;
/// As many come from schemathesis, in rounds: it can be told for how long, and not how often. Each of
/// its requests takes a hundred times as long to be made as ours.
const FROM_SCHEMAS: usize = 10_000;
/// Those who send them at the same time.
const SENDERS: usize = 8;

/// What a server may answer: its own failures are none of it, stores that are away are.
const RULES: &str = r#"
[checks]
not_a_server_error.expected-statuses = ["2xx", "3xx", "4xx", 503]
"#;

/// The first round of schemathesis: once through what the schemas tell at once, then by chance, for so
/// many seconds.
const FIRST: [&str; 4] = ["--phases", "coverage,fuzzing", "--max-time", "70"];
/// Every further one, with another seed.
const FURTHER: [&str; 4] = ["--phases", "fuzzing", "--max-time", "30"];
/// So many at most, on a machine however slow.
const ROUNDS: usize = 20;

/// One half of the API's paths; the others are the other half. Each has a process of its own: one of
/// Python's uses one core, and its workers are threads that Python 3.11 trips over now and then
/// (`AST constructor recursion depth mismatch`).
const HALF: &str = "/(runs|jobs|dead-letters|queue|verifications)(/|$)";

/// A WebSocket, and the way to a provider that there is not.
const NOT_ASKED: &str = "/live$|/session/oidc";

#[test]
fn no_request_makes_the_server_fail() {
    let Some(programs) = Tool::Schemathesis.need() else { return };
    let program = Path::new(env!("CARGO_BIN_EXE_syncline"));
    let mut node = Process::new(program, &[]).variable("SYNCLINE_LOG", "error");
    node.start();
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("schemathesis.toml"), RULES).unwrap();
    let excluded = format!("{NOT_ASKED}|{HALF}");
    let halves = [
        vec!["--include-path-regex", HALF, "--exclude-path-regex", NOT_ASKED],
        vec!["--exclude-path-regex", &excluded],
    ];
    let url = format!("{}/api/v1/openapi.json", node.url());
    let round = |half: &[&str], round: usize| -> usize {
        let out = Command::new(programs.join("schemathesis"))
            .current_dir(folder.path())
            .env("NO_COLOR", "1")
            .args(["run", &url, "--header", &format!("Authorization: Bearer {ADMIN_TOKEN}")])
            .args(if round == 0 { FIRST } else { FURTHER })
            .args(["--workers", "1", "--seed", &round.to_string()])
            .args(["--checks", "not_a_server_error,content_type_conformance"])
            .args(["--checks", "status_code_conformance,response_schema_conformance,ignored_auth"])
            .args(["--no-shrink", "--continue-on-failure", "--warnings", "off"])
            .args(["--generation-database", "none"])
            .args(half)
            .output()
            .unwrap();
        let told = String::from_utf8_lossy(&out.stdout);
        assert!(out.status.success(), "{told}{}", String::from_utf8_lossy(&out.stderr));
        let generated = told.lines().find_map(|line| line.trim().split_once(" generated"));
        generated.unwrap_or_else(|| panic!("{told}")).0.parse().unwrap()
    };
    let made = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        for half in &halves {
            scope.spawn(|| {
                for number in 0..ROUNDS {
                    made.fetch_add(round(half, number), SeqCst);
                    if made.load(SeqCst) >= FROM_SCHEMAS {
                        break;
                    }
                }
            });
        }
    });
    let made = made.into_inner();
    println!("{made} requests of schemathesis");
    assert!(made >= FROM_SCHEMAS, "{made} requests of schemathesis in {ROUNDS} rounds");
    // It is still there, and nothing in it has panicked.
    let printed = node.printed();
    assert!(!printed.contains("panicked"), "{printed}");
    assert!(node.stop(), "{}", node.printed());
}

/// A refusal is one in words, with a code; nothing is a failure of the server's own.
fn judge(ask: &Ask, told: &Told, seed: u64) {
    let shown = || {
        let body = String::from_utf8_lossy(&told.body);
        format!("seed {seed}: {}\n\n{} {}\n{body}", ask.shown(), told.status, told.kind)
    };
    assert!(told.status < 500 || told.status == 503, "{}", shown());
    let of_the_api = ask.target.starts_with(b"/api/");
    // HEAD has no body, and what hyper refuses is none of the API's.
    let said = !told.body.is_empty();
    if told.status >= 400 && of_the_api && said {
        assert_eq!(told.kind, "application/problem+json", "{}", shown());
        let problem: Value =
            serde_json::from_slice(&told.body).unwrap_or_else(|e| panic!("{e}: {}", shown()));
        let code = problem["code"].as_str().unwrap_or_default();
        assert!(code.len() == 5 && code.starts_with('E'), "{}", shown());
        assert_eq!(problem["status"], told.status, "{}", shown());
        assert!(problem["detail"].as_str().is_some_and(|d| !d.is_empty()), "{}", shown());
    }
}

/// `SYNCLINE_FUZZ_SEED` sends the same again.
#[tokio::test(flavor = "multi_thread")]
async fn ten_thousand_malformed_requests_are_refused_in_words() {
    let program = Path::new(env!("CARGO_BIN_EXE_syncline"));
    let mut node = Process::new(program, &[]).variable("SYNCLINE_LOG", "error");
    node.start();
    let document: Arc<Value> = Arc::new(node.client().get("/openapi.json").await.json());
    let address = node.url().trim_start_matches("http://").to_owned();
    let given = std::env::var("SYNCLINE_FUZZ_SEED").ok().and_then(|n| n.parse().ok());
    let seed: u64 = given.unwrap_or_else(rand::random);
    println!("seed {seed}");
    let counts: Arc<[AtomicUsize; 3]> = Arc::default();
    let mut senders = tokio::task::JoinSet::new();
    for sender in 0..SENDERS {
        let (document, address) = (Arc::clone(&document), address.clone());
        let counts = Arc::clone(&counts);
        senders.spawn(async move {
            let operations = operations(&document);
            let mut random = SmallRng::seed_from_u64(seed.wrapping_add(sender as u64));
            for _ in 0..MALFORMED / SENDERS {
                let ask = operations.choose(&mut random).unwrap().bent(ADMIN_TOKEN, &mut random);
                match ask.send(&address).await {
                    None => counts[0].fetch_add(1, SeqCst),
                    Some(told) => {
                        judge(&ask, &told, seed);
                        counts[if told.status < 400 { 1 } else { 2 }].fetch_add(1, SeqCst)
                    }
                };
                if random.random_range(0..40) == 0 {
                    let mut line = tokio::net::TcpStream::connect(&address).await.unwrap();
                    let _ = line.write_all(&noise(&mut random)).await;
                    let mut some = [0; 64];
                    let patience = Duration::from_millis(20);
                    let _ = tokio::time::timeout(patience, line.read(&mut some)).await;
                }
            }
        });
    }
    while let Some(sent) = senders.join_next().await {
        sent.unwrap();
    }
    let [hung_up, taken, refused] = [0, 1, 2].map(|at| counts[at].load(SeqCst));
    println!("{refused} refused, {taken} taken, {hung_up} hung up on");
    assert_eq!(hung_up + taken + refused, MALFORMED);
    assert!(refused > MALFORMED / 2, "{refused} of {MALFORMED} were refused");
    assert!(hung_up < MALFORMED / 10, "{hung_up} of {MALFORMED} got no answer");
    let printed = node.printed();
    assert!(!printed.contains("panicked"), "{printed}");
    node.client().get("/connectors").await.good();
    assert!(node.stop(), "{}", node.printed());
}
